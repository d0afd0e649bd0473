use crate::wire::Script;
use crate::{Answer, Cause, Unavailable};

/// A command of the handshake, by which a transport finds out whether a node can release what it grants.
///
/// A node on which a user may lock but not release keeps every key until its TTL, so it must not have a vote. A
/// transport to a Redis server sends [all probes](Self::ALL) when it connects, in the same batch as the rest of its
/// handshake, and fails to connect when one of the answers does. They touch no key.
///
/// ```
/// use redlock_core::{Answer, Cause, Probe};
///
/// for probe in Probe::ALL {
///     assert_eq!(probe.words()[2], "0", "no keys");
///     assert!(probe.check(Answer::Integer(1)).is_ok());
///     let refusal = probe.check(Answer::Error("NOPERM this user has no permissions to run the 'evalsha' command"));
///     assert_eq!(refusal.unwrap_err().cause(), Cause::NoPermission);
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Probe {
    /// Asks whether a script is carried out when it comes with its text (`EVAL`), and whether the script may do what a
    /// release does.
    Source,
    /// Asks whether a script is carried out when it is named by its digest (`EVALSHA`).
    Digest,
}

/// Answers 1 when `GET` and `DEL` may be used inside a script, else with the error.
///
/// It is about the commands and not about keys, which are not known yet: that a user may not touch the key with the
/// empty name, which no lock has, says nothing.
const PROBE: Script = Script {
    source: "\
for _, command in ipairs({'GET', 'DEL'}) do
  local answer = redis.pcall(command, '')
  local refusal = type(answer) == 'table' and answer['err']
  if refusal and (string.find(refusal, 'run this command') or string.find(refusal, 'to run the')) then
    return redis.error_reply('NOPERM the user may not run ' .. command .. ' inside a script')
  end
  if refusal and not string.find(refusal, ' key') then return answer end
end
return 1",
    digest: "8581438bd1d5bc0ef892f400bb534984dcdbef42",
};

impl Probe {
    /// All probes, in the order in which they are to be sent.
    pub const ALL: [Self; 2] = [Self::Source, Self::Digest];

    /// Returns the words of the probe for a Redis server, in order.
    #[must_use]
    pub const fn words(self) -> [&'static str; 3] {
        match self {
            Self::Source => ["EVAL", PROBE.source, "0"],
            Self::Digest => ["EVALSHA", PROBE.digest, "0"],
        }
    }

    /// Reads the server's answer.
    ///
    /// # Errors
    ///
    /// Returns why the node cannot be used: which right or command is missing, or any other error that the server gave.
    pub fn check(self, answer: Answer<'_>) -> Result<(), Unavailable> {
        match answer {
            Answer::Integer(1) => Ok(()),
            // Somebody has just flushed the scripts; so it was looked for.
            Answer::Error(text) if self == Self::Digest && text.starts_with("NOSCRIPT") => Ok(()),
            Answer::Error(text) => Err(Unavailable::from_server_error(text)),
            _ => Err(Unavailable::new(Cause::Unexpected)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha1::{Digest as _, Sha1};

    #[test]
    fn the_digest_is_that_of_the_text() {
        assert_eq!(format!("{:x}", Sha1::digest(PROBE.source)), PROBE.digest);
    }

    #[test]
    fn anything_but_the_expected_answer_keeps_the_node_out() {
        for probe in Probe::ALL {
            for answer in [Answer::Integer(0), Answer::Nil, Answer::Ok, Answer::Other] {
                assert_eq!(probe.check(answer), Err(Unavailable::new(Cause::Unexpected)));
            }
            let cause = |text| probe.check(Answer::Error(text)).unwrap_err().cause();
            assert_eq!(cause("ERR unknown command 'EVAL'"), Cause::UnknownCommand);
            assert_eq!(cause("LOADING Redis is loading the dataset in memory"), Cause::Loading);
        }
        let flushed = Answer::Error("NOSCRIPT No matching script.");
        assert!(Probe::Digest.check(flushed).is_ok() && Probe::Source.check(flushed).is_err());
    }
}
