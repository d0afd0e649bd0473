use std::fmt::Display;
use std::path::PathBuf;

use redlock_tokio::{AcquireError, DetachedLock, Outcome, Redlock, ReleaseVerdict, Resource};

use crate::failure::Failure;
use crate::node_names::NodeNames;
use crate::nodes::{LONGEST_ANSWER, NodeArgs, Nodes};
use crate::recording::{RecordArgs, Recording};
use crate::token_file::{self, LeftLock};

/// Release a lock that `redlock acquire` has taken
///
/// Removes the file when the lock is over: released, or lost before. Nobody else's lock is touched.
#[derive(clap::Args)]
#[command(after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The name of the lock
    name: String,

    /// The file that `redlock acquire` has written
    #[arg(long, value_name = "FILE")]
    token: PathBuf,

    #[command(flatten)]
    record: RecordArgs,
}

const AFTER_HELP: &str = "\
Exit status:
  2   too few servers were asked of those that the file names; it is still there, so name them
  75  too few servers answered; the file is still there, so try again
  76  the lock was over before: its TTL had passed, or its keys were gone

Examples:
  redlock release deploy --token deploy.lock";

pub(crate) async fn execute(args: Args, nodes: &NodeArgs) -> Result<u8, Failure> {
    let nodes = Nodes::find(nodes)?;
    let left = token_file::read(&args.token)?;
    check_name(&left.lock, nodes.prefix(), &args.name)?;
    let recording = Recording::begin(&args.record)?;
    let redlock = nodes.connect_recorded(LONGEST_ANSWER, &recording)?;
    let released = release(&redlock, &left, &nodes.names(), &args.name).await;
    redlock.close().await;
    recording.finish();
    if matches!(released, Ok(()) | Err(Failure::Lost { .. })) {
        token_file::remove(&args.token)?;
    }
    released.map(|()| 0)
}

/// A script that mixes up its files does not release the lock of another step.
fn check_name(lock: &DetachedLock, prefix: &str, name: &str) -> Result<(), Failure> {
    let wanted = Resource::from(format!("{prefix}{name}"));
    if lock.resources().only() == Some(&wanted) {
        return Ok(());
    }
    let names = lock.resources().as_slice().iter().map(|name| String::from_utf8_lossy(name.as_bytes()));
    let (written_for, wanted) = (names.collect::<Vec<_>>().join(", "), format!("{prefix}{name}"));
    Err(Failure::Usage(format!("the token file is for the lock {written_for:?}, not for {wanted:?}")))
}

/// Releases the lock. The nodes on which it was acquired say whether it is over, and others do not.
async fn release(redlock: &Redlock, left: &LeftLock, asked: &NodeNames, name: &str) -> Result<(), Failure> {
    let lost = |why: String| Failure::Lost { name: name.into(), why };
    let unavailable = |why: String| Failure::Unavailable(format!("the lock {name:?} was not released: {why}"));
    let only_if_over = |gone, ended, said: &dyn Display| {
        if left.nodes.are_without_quorum(gone) { ended } else { Err(elsewhere(name, &left.nodes, said)) }
    };
    let guard = match redlock.adopt(&left.lock).await {
        Ok(guard) => guard,
        Err(AcquireError::Gone(attempts)) => {
            let why = format!("its TTL had passed, or its keys were gone ({attempts})");
            return only_if_over(left.nodes.missing(asked, &attempts.nodes), Err(lost(why)), &attempts);
        }
        Err(AcquireError::Request(error)) => return Err(error.into()),
        Err(error) => return Err(unavailable(error.to_string())),
    };
    let report = guard.release().await;
    // Whichever has deleted the keys was one of those that had them, under another name perhaps.
    let deleted = report.nodes.count(|outcome| matches!(outcome, Outcome::Done));
    let gone = left.nodes.missing(asked, &report.nodes).saturating_add(deleted);
    match report.verdict {
        ReleaseVerdict::Released => only_if_over(gone, Ok(()), &report),
        ReleaseVerdict::AlreadyExpired | ReleaseVerdict::TakenOver => {
            only_if_over(gone, Err(lost(report.to_string())), &report)
        }
        _ => Err(unavailable(report.to_string())),
    }
}

fn elsewhere(name: &str, nodes: &NodeNames, said: &dyn Display) -> Failure {
    Failure::Usage(format!(
        "the lock {name:?} was not released: too few servers were asked of those on which it was acquired; the file is still \
         there, so name {nodes} ({said})"
    ))
}
