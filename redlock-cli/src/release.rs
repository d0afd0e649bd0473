use std::path::PathBuf;

use redlock_tokio::{AcquireError, DetachedLock, Redlock, ReleaseVerdict, Resource};

use crate::failure::Failure;
use crate::nodes::{LONGEST_ANSWER, NodeArgs, Nodes};
use crate::recording::{RecordArgs, Recording};
use crate::token_file;

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
  75  too few servers answered; the file is still there, so try again
  76  the lock was over before: its TTL had passed, or its keys were gone

Examples:
  redlock release deploy --token deploy.lock";

pub(crate) async fn execute(args: Args, nodes: &NodeArgs) -> Result<u8, Failure> {
    let nodes = Nodes::find(nodes)?;
    let lock = token_file::read(&args.token)?;
    check_name(&lock, nodes.prefix(), &args.name)?;
    let recording = Recording::begin(&args.record)?;
    let redlock = nodes.connect_recorded(LONGEST_ANSWER, &recording)?;
    let released = release(&redlock, &lock, &args.name).await;
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

async fn release(redlock: &Redlock, lock: &DetachedLock, name: &str) -> Result<(), Failure> {
    let lost = |why: String| Failure::Lost { name: name.into(), why };
    let unavailable = |why: String| Failure::Unavailable(format!("the lock {name:?} was not released: {why}"));
    let guard = redlock.adopt(lock).await.map_err(|error| match error {
        AcquireError::Gone(attempts) => lost(format!("its TTL had passed, or its keys were gone ({attempts})")),
        AcquireError::Request(error) => error.into(),
        error => unavailable(error.to_string()),
    })?;
    let report = guard.release().await;
    match report.verdict {
        ReleaseVerdict::Released => Ok(()),
        ReleaseVerdict::AlreadyExpired | ReleaseVerdict::TakenOver => Err(lost(report.to_string())),
        _ => Err(unavailable(report.to_string())),
    }
}
