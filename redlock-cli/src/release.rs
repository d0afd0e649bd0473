mod answers;

use std::path::PathBuf;

use redlock_tokio::{AcquireError, DetachedLock, Redlock, ReleaseVerdict, Resource};

use self::answers::{Answers, Counts};
use crate::failure::Failure;
use crate::node_names::NodeNames;
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
    let answers = Answers::default();
    let redlock = nodes.connect_observed(LONGEST_ANSWER, &recording, answers.clone())?;
    let released = release(&redlock, &left.lock, &args.name).await;
    // Then every server has answered, or has let its time pass.
    redlock.close().await;
    let released = released.and_then(|ended| ended.judge(&left.nodes, answers.count(&left.nodes, &nodes.names())));
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

/// A lock that a quorum of the servers that were asked does not have any more.
struct Ended {
    name: String,
    /// It was over before.
    loss: Option<String>,
    /// What the servers have said until that was fixed.
    said: String,
}

async fn release(redlock: &Redlock, lock: &DetachedLock, name: &str) -> Result<Ended, Failure> {
    let unavailable = |why: String| Failure::Unavailable(format!("the lock {name:?} was not released: {why}"));
    let ended = |loss: Option<String>, said: String| Ended { name: name.into(), loss, said };
    let guard = match redlock.adopt(lock).await {
        Ok(guard) => guard,
        Err(AcquireError::Gone(attempts)) => {
            // Each server is asked behind the question whether it has the keys, so that all have answered that.
            redlock.status(name).await?;
            let said = attempts.to_string();
            let why = "its TTL had passed, or its keys were gone, which an earlier release may have deleted";
            return Ok(ended(Some(format!("{why} ({said})")), said));
        }
        Err(AcquireError::Request(error)) => return Err(error.into()),
        Err(error) => return Err(unavailable(error.to_string())),
    };
    let report = guard.release().await;
    match report.verdict {
        ReleaseVerdict::Released => Ok(ended(None, report.to_string())),
        ReleaseVerdict::AlreadyExpired | ReleaseVerdict::TakenOver => {
            Ok(ended(Some(report.to_string()), report.to_string()))
        }
        _ => Err(unavailable(report.to_string())),
    }
}

impl Ended {
    /// Says whether the lock is over. The servers on which it was acquired say so, and others do not.
    fn judge(self, acquired: &NodeNames, counts: Counts) -> Result<(), Failure> {
        let (Self { name, loss, said }, Counts { gone, silent }) = (self, counts);
        if acquired.are_without_quorum(gone) {
            return loss.map_or(Ok(()), |why| Err(Failure::Lost { name, why }));
        }
        let count = acquired.len();
        let so_far = format!("only {gone} of the {count} said that they have no key of it any more");
        if acquired.are_without_quorum(gone.saturating_add(silent)) {
            return Err(Failure::Unavailable(format!(
                "the lock {name:?} was not released: too few servers answered of those on which it was acquired: {so_far}; \
                 the file is still there, so try again ({said})"
            )));
        }
        Err(Failure::Usage(format!(
            "the lock {name:?} was not released: too few servers were asked of those on which it was acquired: {so_far}; the \
             file is still there, so name {acquired}"
        )))
    }
}
