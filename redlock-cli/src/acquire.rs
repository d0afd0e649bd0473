use std::path::PathBuf;
use std::time::Duration;

use redlock_tokio::{Acquire, AcquireError, DetachedLock, Fence, LockGuard, Owner, Redlock, ReleaseVerdict};

use crate::failure::Failure;
use crate::nodes::{NodeArgs, Nodes, patience};
use crate::recording::{RecordArgs, Recording};
use crate::run::Signals;
use crate::token_file::{self, LeftLock, NewTokenFile};
use crate::warnings::Warnings;
use crate::{duration, output, refusal};

/// Take a lock and leave it to its TTL, for scripts that release it in another step
///
/// Writes a file with which `redlock release` gives the lock back. Nobody keeps the lock alive meanwhile: it ends with its TTL,
/// whatever is still going on then. `redlock run` keeps it alive, for a script that can be run as a whole.
#[derive(clap::Args)]
#[command(after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The name of the lock
    name: String,

    /// The file that is written; it must not be there yet
    ///
    /// Only the user can read it (mode 0600). Whoever has it can release the lock: keep it like a password.
    #[arg(long, value_name = "FILE")]
    token: PathBuf,

    /// How long the lock lasts [default: 10s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, allow_hyphen_values = true)]
    ttl: Option<Duration>,

    /// How long to wait for the lock [default: 30s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, allow_hyphen_values = true)]
    wait: Option<Duration>,

    /// Who holds the lock, for people: a host, a job
    ///
    /// Others see it in `redlock status`, and when they wait in vain. Whoever may read the servers can read it.
    #[arg(long, value_name = "LABEL")]
    owner: Option<Owner>,

    /// Have the servers mint a fence, and print it
    #[arg(long)]
    fenced: bool,

    #[command(flatten)]
    record: RecordArgs,
}

const AFTER_HELP: &str = "\
Exit status:
  75  the lock was not acquired; there is no file

Examples:
  redlock acquire deploy --ttl 15m --token deploy.lock
  redlock release deploy --token deploy.lock
  FENCE=$(redlock acquire account:7 --ttl 1m --token account.lock --fenced)";

pub(crate) async fn execute(args: Args, nodes: &NodeArgs) -> Result<u8, Failure> {
    let nodes = Nodes::find(nodes)?;
    if args.fenced && output::is_nowhere() {
        return Err(Failure::Usage("--fenced: stdout is closed or thrown away, and the fence with it".into()));
    }
    // Before signals are listened to, and before there is a file to be removed: to open a pipe takes until somebody reads it.
    let recording = Recording::begin(&args.record)?;
    let file = NewTokenFile::prepare(&args.token)?;
    let mut signals = Signals::listen()?;
    let patience = patience(nodes.wait(args.wait), nodes.ttl(args.ttl));
    let redlock = nodes.connect_recorded(patience, &recording)?;
    let acquired = tokio::select! {
        acquired = acquire(&args, &nodes, &redlock) => acquired,
        signal = signals.next() => Err(Failure::Interrupted(signal)),
    };
    let written = match acquired {
        Ok(guard) => leave(guard, file, &nodes, &redlock, &args).await,
        Err(failure) => Err(failure),
    };
    redlock.close().await;
    recording.finish();
    written.map(|()| 0)
}

async fn acquire(args: &Args, nodes: &Nodes, redlock: &Redlock) -> Result<LockGuard, Failure> {
    let acquire = redlock.lock(args.name.as_str(), nodes.ttl(args.ttl)).wait(nodes.wait(args.wait));
    let acquire = if args.fenced { acquire.fenced() } else { acquire };
    let acquire = args.owner.iter().cloned().fold(acquire, Acquire::owner);
    let guard = match acquire.await {
        Ok(guard) => guard,
        Err(error) => return Err(refusal::explain(redlock, &args.name, error).await),
    };
    // A quorum has the lock. Nobody extends it, so the others should have it before this process ends; each is asked behind
    // the command by which it gets it.
    redlock.status(args.name.as_str()).await?;
    Warnings::default().tell(redlock);
    Ok(guard)
}

/// Writes the lock down and prints its fence. If one of them fails, it is released.
async fn leave(
    guard: LockGuard,
    file: NewTokenFile,
    nodes: &Nodes,
    redlock: &Redlock,
    args: &Args,
) -> Result<(), Failure> {
    let fence = guard.fence();
    let lock = guard.detach().map_err(|loss| Failure::Lost { name: args.name.clone(), why: loss.to_string() })?;
    let left = LeftLock { lock, nodes: nodes.names() };
    if let Err(failure) = file.write(&left) {
        release(&left.lock, redlock).await;
        return Err(failure);
    }
    if let Err(failure) = fence.map_or(Ok(()), print) {
        // Otherwise it is what the lock can be released with later.
        if release(&left.lock, redlock).await {
            token_file::remove(&args.token)?;
        }
        return Err(failure);
    }
    Ok(())
}

/// Releases the lock; returns whether it is over then.
async fn release(lock: &DetachedLock, redlock: &Redlock) -> bool {
    match redlock.adopt(lock).await {
        Ok(guard) => guard.release().await.verdict != ReleaseVerdict::Unconfirmed,
        Err(error) => matches!(error, AcquireError::Gone(_)),
    }
}

/// Somebody has to read it.
fn print(fence: Fence) -> Result<(), Failure> {
    let is_read = output::show(&format!("{fence}\n"))?;
    if is_read { Ok(()) } else { Err(Failure::Other("the fence is lost: nobody reads stdout".into())) }
}
