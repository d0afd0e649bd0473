use std::time::Duration;

use redlock_tokio::health::Limit;
use redlock_tokio::{Redlock, ReleaseVerdict};

use super::finding::{Finding, Level};

/// The TTL of the locks that are tried out: they are gone soon if they cannot be released.
const TTL: Duration = Duration::from_secs(5);
/// For how long somebody waits in a queue.
const WAIT: Duration = Duration::from_millis(300);

/// Tries out on one server what every lock needs.
pub(super) async fn take_plain(redlock: &Redlock, prefix: &str) -> Finding {
    finding("take, extend and release a lock", take(redlock, &name(prefix), false).await)
}

/// Tries out on one server what some locks need, with two handles to it.
pub(super) async fn run(redlock: &Redlock, rival: &Redlock, prefix: &str) -> Vec<Finding> {
    let name = name(prefix);
    let fenced = finding("take a fenced lock", take(redlock, &name, true).await);
    let mut findings = vec![fenced, finding("say how a lock stands", look(redlock, &name).await)];
    findings.extend(wait(redlock, rival, &name).await);
    findings
}

/// Returns a name that nobody else uses.
fn name(prefix: &str) -> String {
    format!("{prefix}redlock-doctor:{:016x}", fastrand::u64(..))
}

fn finding(what: &str, result: Result<(), String>) -> Finding {
    match result {
        Ok(()) => Finding::new(Level::Ok, what.into()),
        Err(why) => Finding::new(Level::Failed, format!("{what}: {why}")),
    }
}

async fn take(redlock: &Redlock, name: &str, is_fenced: bool) -> Result<(), String> {
    let acquire = redlock.try_lock(name, TTL);
    let acquire = if is_fenced { acquire.fenced() } else { acquire };
    let mut guard = acquire.await.map_err(|error| error.to_string())?;
    guard.extend(TTL).await.map_err(|error| error.to_string())?;
    let report = guard.release().await;
    if report.verdict == ReleaseVerdict::Released { Ok(()) } else { Err(report.to_string()) }
}

async fn look(redlock: &Redlock, name: &str) -> Result<(), String> {
    let status = redlock.status(name).await.map_err(|error| error.to_string())?;
    if status.is_free() { Ok(()) } else { Err(format!("it is {status}\n{}", status.by_node())) }
}

/// Lets one handle wait for what the other holds: where nobody can stand in a queue, it knows why afterwards.
async fn wait(redlock: &Redlock, rival: &Redlock, name: &str) -> Option<Finding> {
    let guard = redlock.try_lock(name, TTL).await.ok()?;
    let waited = rival.lock(name, TTL).wait(WAIT).await;
    let mut limits = rival.health().nodes.into_iter().flat_map(|node| node.limits);
    let no_queue = limits.find(|limit| matches!(limit, Limit::NoQueue { .. }));
    guard.release().await;
    drop(waited);
    Some(match no_queue {
        Some(why) => Finding::new(Level::Note, why.to_string()),
        None => Finding::new(Level::Ok, "wait in a queue, and be called up".into()),
    })
}
