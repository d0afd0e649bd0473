use std::error::Error;
use std::io::{self, Read as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use redlock_tokio::redis::aio::MultiplexedConnection;
use redlock_tokio::redis::{self, AsyncConnectionConfig, RedisError};
use redlock_tokio::{Fence, FencedStoreError, Redlock, get_if_not_stale, set_if_not_stale};

use super::{ACCOUNT, TTL};

/// How long the work under the lock takes: time to be paused in.
const WORK: Duration = Duration::from_millis(10);
/// A client is not to wait for a lock for longer, so that it notices when it is to end.
const WAIT: Duration = Duration::from_secs(2);

/// A process that counts up the number in the store, until its standard input ends.
///
/// It prints a line for each thing that happens: `held FENCE`, `wrote`, `refused` or `failed`.
#[derive(Debug)]
pub struct Client {
    gate: bool,
    store: String,
    nodes: Vec<String>,
}

impl Client {
    /// The words that [`from_arguments`](Self::from_arguments) reads.
    pub(super) fn arguments(gate: bool, store: String, nodes: Vec<String>) -> impl Iterator<Item = String> {
        [gate.to_string(), store].into_iter().chain(nodes)
    }

    /// Reads whether the store compares fences, the URL of the store, and those of the nodes.
    ///
    /// # Errors
    ///
    /// When one is missing.
    pub fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let gate = arguments.next().ok_or("it is missing whether there is a gate")?.parse()?;
        let store = arguments.next().ok_or("the store is missing")?;
        Ok(Self { gate, store, nodes: arguments.collect() })
    }

    /// Runs it.
    ///
    /// # Errors
    ///
    /// When the nodes' URLs are none, or the store is not there at the beginning.
    pub fn run(self) -> Result<(), Box<dyn Error>> {
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(self.count())
    }

    async fn count(self) -> Result<(), Box<dyn Error>> {
        let ended = end_of_input();
        let redlock = Redlock::builder().nodes(&self.nodes).build()?;
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let client = redis::Client::open(self.store.as_str())?;
        let mut store = client.get_multiplexed_async_connection_with_config(&config).await?;
        while !ended.load(Ordering::Relaxed) {
            match redlock.lock(ACCOUNT, TTL).fenced().wait(WAIT).await {
                Ok(guard) => {
                    let fence = guard.fence().ok_or("it is fenced")?;
                    say(match self.take_a_step(&mut store, fence).await {
                        Ok(()) => "wrote",
                        Err(FencedStoreError::Stale(_)) => "refused",
                        Err(_) => "failed",
                    });
                    guard.release().await;
                }
                Err(_) => say("failed"),
            }
        }
        redlock.close().await;
        Ok(())
    }

    async fn take_a_step(&self, store: &mut MultiplexedConnection, fence: Fence) -> Result<(), FencedStoreError> {
        let value = self.read(store, fence).await?;
        let number: u64 = value.as_deref().and_then(|text| text.split(' ').next()?.parse().ok()).unwrap_or(0);
        say(&format!("held {fence}"));
        tokio::time::sleep(WORK).await;
        self.write(store, fence, format!("{} {fence}", number.saturating_add(1))).await
    }

    async fn read(&self, store: &mut MultiplexedConnection, fence: Fence) -> Result<Option<String>, FencedStoreError> {
        if self.gate {
            return get_if_not_stale(store, ACCOUNT, fence).await;
        }
        redis::cmd("GET").arg(ACCOUNT).query_async(store).await.map_err(FencedStoreError::Server)
    }

    async fn write(
        &self,
        store: &mut MultiplexedConnection,
        fence: Fence,
        value: String,
    ) -> Result<(), FencedStoreError> {
        if self.gate {
            return set_if_not_stale(store, ACCOUNT, value, fence).await;
        }
        let done: Result<(), RedisError> = redis::cmd("SET").arg(ACCOUNT).arg(value).query_async(store).await;
        done.map_err(FencedStoreError::Server)
    }
}

/// Tells when the standard input has ended: the process that has started this one is done, or gone.
fn end_of_input() -> Arc<AtomicBool> {
    let ended = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&ended);
    thread::spawn(move || {
        // An error is an end as well.
        let _ = io::stdin().read_to_end(&mut Vec::new());
        flag.store(true, Ordering::Relaxed);
    });
    ended
}

#[expect(clippy::print_stdout, reason = "the tormentor reads it")]
fn say(what: &str) {
    println!("{what}");
}
