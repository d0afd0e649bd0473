//! What the floors have in common: the least that a lock over several servers has to send.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{AsyncConnectionConfig, Client, IntoConnectionInfo, ProtocolVersion, RedisError};

/// Deletes the key if it has the token.
pub(super) const COMPARE_AND_DELETE: &str = "\
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0";

/// The random wait between attempts is shorter than this, as in the article on Redlock.
const LONGEST_PAUSE: Duration = Duration::from_millis(200);
/// As long as redlock-tokio waits by default.
const PATIENCE: Duration = Duration::from_secs(30);
/// As redlock-tokio sets it: with the default of 50 slots a command would wait for room.
const PIPELINE_BUFFER: usize = 4096;

/// As long as the tokens of this workspace: 16 random bytes and a number.
pub(super) type Token = [u8; 20];

pub(super) struct Tokens {
    random: [u8; 16],
    next: AtomicU32,
}

impl Tokens {
    pub(super) fn new() -> Self {
        let mut random = [0; 16];
        fastrand::fill(&mut random);
        Self { random, next: AtomicU32::new(0) }
    }

    pub(super) fn next(&self) -> Token {
        let mut token = [0; 20];
        token[..16].copy_from_slice(&self.random);
        token[16..].copy_from_slice(&self.next.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        token
    }
}

/// What stands for a lock that is held.
pub(crate) struct Held {
    pub(super) key: String,
    pub(super) token: Token,
}

/// How far a round is: it is settled as soon as the answers that are missing cannot change the result.
#[derive(Clone, Copy)]
pub(super) struct Tally {
    nodes: usize,
    yes: usize,
    no: usize,
}

impl Tally {
    pub(super) const fn new(nodes: usize) -> Self {
        Self { nodes, yes: 0, no: 0 }
    }

    pub(super) const fn count(&mut self, yes: bool) {
        if yes { self.yes += 1 } else { self.no += 1 }
    }

    pub(super) const fn verdict(&self) -> Option<bool> {
        let quorum = self.quorum();
        if self.yes >= quorum {
            Some(true)
        } else if self.no + quorum > self.nodes {
            Some(false)
        } else {
            None
        }
    }

    pub(super) const fn quorum(&self) -> usize {
        self.nodes / 2 + 1
    }
}

/// Random pauses between attempts, as Redlock describes it.
pub(super) struct Patience(Instant);

impl Patience {
    pub(super) fn new() -> Self {
        Self(Instant::now())
    }

    /// Waits for the next attempt; `false` when it is at its end.
    pub(super) async fn pause(&self) -> bool {
        if self.0.elapsed() > PATIENCE {
            return false;
        }
        tokio::time::sleep(LONGEST_PAUSE.mul_f64(fastrand::f64())).await;
        true
    }
}

/// The settings that serve a lock.
pub(super) fn connection_config() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new().set_response_timeout(None).set_pipeline_buffer_size(PIPELINE_BUFFER)
}

pub(super) async fn open(url: &str, config: &AsyncConnectionConfig) -> Result<MultiplexedConnection, RedisError> {
    let info = url.into_connection_info()?;
    let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    let info = info.set_redis_settings(redis).set_tcp_settings(TcpSettings::default().set_nodelay(true));
    Client::open(info)?.get_multiplexed_async_connection_with_config(config).await
}

/// Makes a script known to a server; yields its digest.
pub(super) async fn load(connection: &mut MultiplexedConnection, script: &str) -> Result<String, RedisError> {
    redis::cmd("SCRIPT").arg("LOAD").arg(script).query_async(connection).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(nodes: usize, answers: &[bool]) -> Option<bool> {
        let mut tally = Tally::new(nodes);
        for yes in answers {
            tally.count(*yes);
        }
        tally.verdict()
    }

    #[test]
    fn a_round_is_settled_as_soon_as_it_is_fixed() {
        assert_eq!(verdict(3, &[true]), None);
        assert_eq!(verdict(3, &[true, true]), Some(true));
        assert_eq!(verdict(3, &[false, true]), None);
        assert_eq!(verdict(3, &[false, false]), Some(false));
        assert_eq!(verdict(4, &[true, true]), None);
        assert_eq!(verdict(4, &[false, false]), Some(false));
    }
}
