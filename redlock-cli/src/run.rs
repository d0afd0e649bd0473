mod child;
mod if_free;
mod launch;
mod schedule;
mod signals;
mod supervision;

use std::ffi::OsString;
use std::time::Duration;

use nix::sys::signal::Signal;
use redlock_tokio::{Acquire, KeepAlive, LockGuard, Owner, Redlock, ReleaseVerdict, now};

use self::child::Child;
pub(crate) use self::launch::{Args as LaunchArgs, NAME as LAUNCH, launch};
use self::schedule::{Schedule, Timing};
pub(crate) use self::signals::{Signals, is_ignored};
use self::supervision::Supervision;
use crate::failure::Failure;
use crate::nodes::{NodeArgs, Nodes, patience};
use crate::recording::{RecordArgs, Recording};
use crate::warnings::Warnings;
use crate::{duration, output, refusal};

/// Run a command under a lock
///
/// Takes the lock, keeps it alive while the command runs, and releases it when the command has ended. Nobody else who takes
/// the lock of this name on the same servers runs at the same time. Servers that can cost locks are warned of on stderr: one
/// that is named twice, a member of a cluster, one that throws keys away when its memory is full.
#[expect(clippy::doc_markdown, reason = "--help shows the text as it is")]
#[derive(clap::Args)]
#[command(after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The name of the lock
    name: String,

    /// How long others wait for the lock when this process or its machine is gone [default: 10s]
    ///
    /// The lock is extended by this time again and again while the command runs.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, allow_hyphen_values = true)]
    ttl: Option<Duration>,

    /// How long to wait for the lock [default: 30s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, allow_hyphen_values = true)]
    wait: Option<Duration>,

    /// Do not wait: if somebody else holds the lock, end at once with status 0 and say nothing
    ///
    /// For cron jobs on several machines. If too few servers answer, the status is 75 as ever.
    #[arg(long, conflicts_with = "wait")]
    if_free: bool,

    /// Keep others out for at least this time, also when the command ends before
    ///
    /// For cron jobs on machines whose clocks differ: the job of a machine that is late finds the lock held still.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, allow_hyphen_values = true)]
    min_hold: Option<Duration>,

    /// How long the command may run; then it is ended as if the lock was lost [default: no limit]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, allow_hyphen_values = true)]
    max_hold: Option<Duration>,

    /// How long after SIGTERM the command is killed [default: a quarter of the TTL]
    ///
    /// At most half of the TTL less the margin, which is 4.5s for a TTL of 10s. With 0 there is no SIGTERM, and the command is
    /// killed at once when its lock is lost.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, allow_hyphen_values = true)]
    kill_after: Option<Duration>,

    /// Who holds the lock, for people: a host, a job
    ///
    /// Others see it in `redlock status`, and when they wait in vain. Whoever may read the servers can read it.
    #[arg(long, value_name = "LABEL")]
    owner: Option<Owner>,

    /// Have the servers mint a fence, a number that is larger than those of all holders before
    ///
    /// The command finds it in REDLOCK_FENCE. What it writes to can refuse a fence that is smaller than one it has seen.
    #[arg(long)]
    fenced: bool,

    #[command(flatten)]
    record: RecordArgs,

    /// The command and its arguments, after --
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

const AFTER_HELP: &str = "\
When the command is ended:
  The lock is valid until its deadline: its TTL less 1 % and 2 ms, counted from
  the last extension that a majority of the servers confirmed. Nobody else can
  have the lock before. It is extended after a third of the TTL, and again and
  again while that fails. If no extension succeeds, the command is ended before
  the deadline. The margin is 5 % of the TTL, from 20ms to 500ms:

    deadline - kill-after - margin   SIGTERM to the process group of the command
    deadline - margin                SIGKILL to the process group

  With the defaults (TTL 10s, kill-after 2.5s) and servers that are gone, the
  command has SIGTERM about 6.9s and SIGKILL about 9.4s after the last extension.
  When the lock's keys are gone from a majority of the servers (FLUSHALL, a
  restart without persistence), somebody else may have the lock already: SIGTERM
  is sent as soon as an extension finds that out, and SIGKILL follows after
  kill-after. After --max-hold, the lock is kept until the command has ended.

  Processes that leave the process group of the command are not ended. When
  this process is killed with SIGKILL, the lock ends with its TTL; on Linux the
  command is killed with it, but not what the command has started. While this
  process is stopped (SIGSTOP), nobody extends the lock or ends the command.

Signals and terminal:
  INT, TERM, HUP, QUIT, USR1 and USR2 are handed on to the process group of the
  command, except those that were ignored at the start (nohup). While the lock
  is waited for, they end the wait. If stdin is a terminal, the command gets it:
  Ctrl-C goes to the command itself. When INT has ended the command or the wait,
  it ends this process, too, and so a script around it. A pager that reads the
  output of the command gets the terminal when it needs it. Ctrl-Z stops both,
  and the lock ends with its TTL; after fg the command goes on if more than
  kill-after and the margin are left until the deadline, and is ended if not. A
  command in the background of a shell (&) that needs the terminal is stopped in
  the same way.

Environment of the command:
  REDLOCK_NAME               the name of the lock
  REDLOCK_FENCE              the fence, with --fenced
  REDLOCK_DEADLINE_UNIX_MS   the deadline at the start, in milliseconds since
                             1970; extensions move it on

Exit status:
  that of the command; 128 + N if signal N has ended it
  0    with --if-free: somebody else holds the lock, and the command was not run
  75   the lock was not acquired, and the command was not run
  76   the lock was lost, or --max-hold was over, and the command was ended
  127  there is no such command; 126 if it could not be started
  2    the arguments or the configuration are wrong

Examples:
  redlock run report -- make report
  redlock run deploy --wait 10m --owner \"$(hostname)/$USER\" -- ./deploy.sh production
  redlock run nightly --if-free --min-hold 1m -- ./nightly.sh
  redlock run import --ttl 1m --kill-after 20s --max-hold 2h -- ./import.sh
  redlock run account:7 --fenced -- sh -c 'book --fence \"$REDLOCK_FENCE\"'";

pub(crate) async fn execute(args: Args, nodes: &NodeArgs) -> Result<u8, Failure> {
    let nodes = Nodes::find(nodes)?;
    let timing = Timing::new(nodes.ttl(args.ttl), args.kill_after).map_err(Failure::Usage)?;
    if args.max_hold == Some(Duration::ZERO) {
        return Err(Failure::Usage("--max-hold is 0, it must be above zero: leave it out for no limit".into()));
    }
    // Before signals are listened to: to open a pipe takes until somebody reads it.
    let recording = Recording::begin(&args.record)?;
    let mut signals = Signals::listen()?;
    let wait = if args.if_free { Duration::ZERO } else { nodes.wait(args.wait) };
    let redlock = nodes.connect_recorded(patience(wait, nodes.ttl(args.ttl)), &recording)?;
    let acquired = tokio::select! {
        acquired = acquire(&args, &nodes, &redlock, timing) => acquired,
        signal = signals.next() => Err(Failure::Interrupted(signal)),
    };
    let mut warnings = Warnings::default();
    let status = match acquired {
        Ok(Some(guard)) => {
            warnings.tell(&redlock);
            let schedule = Schedule::new(timing, args.max_hold, now());
            let status = run_under(guard, &args, schedule, &recording, &mut signals).await;
            // Of a server that was connected meanwhile.
            warnings.tell(&redlock);
            status
        }
        Ok(None) => Ok(0),
        Err(failure) => Err(failure),
    };
    redlock.close().await;
    recording.finish();
    status
}

/// Takes the lock; `None` if it is somebody else's and is not to be waited for.
async fn acquire(args: &Args, nodes: &Nodes, redlock: &Redlock, timing: Timing) -> Result<Option<LockGuard>, Failure> {
    let ttl = nodes.ttl(args.ttl);
    let acquire = || with_options(args, redlock.lock(args.name.as_str(), ttl)).min_validity(timing.min_validity(ttl));
    let acquired = if args.if_free {
        if_free::acquire(redlock, &args.name, acquire).await
    } else {
        acquire().wait(nodes.wait(args.wait)).await.map(Some)
    };
    match acquired {
        Ok(guard) => Ok(guard),
        Err(error) => Err(refusal::explain(redlock, &args.name, error).await),
    }
}

fn with_options(args: &Args, acquire: Acquire) -> Acquire {
    let acquire = acquire.keep_alive(KeepAlive::while_held()).min_hold(args.min_hold.unwrap_or_default());
    let acquire = args.owner.iter().cloned().fold(acquire, Acquire::owner);
    if args.fenced { acquire.fenced() } else { acquire }
}

async fn run_under(
    guard: LockGuard,
    args: &Args,
    schedule: Schedule,
    recording: &Recording,
    signals: &mut Signals,
) -> Result<u8, Failure> {
    let started =
        signals.listen_to_stops().and_then(|()| Child::start(&args.command, &environment(&guard, &args.name)));
    let status = match started {
        Ok(child) => Supervision::new(&guard, child, schedule, recording).run(signals).await,
        Err(failure) => Err(failure),
    };
    let loss = guard.check().err();
    let release = guard.release().await;
    let failed = |why: String| Failure::Lost { name: args.name.clone(), why };
    match (status, release.verdict, loss) {
        (Ok(Ok(_)), ReleaseVerdict::AlreadyExpired | ReleaseVerdict::TakenOver, _) => {
            Err(failed(format!("when the command had ended, it was {release}")))
        }
        // No server says whether somebody else had it before the command ended.
        (Ok(Ok(_)), _, Some(loss)) => Err(failed(format!("before the command had ended, {loss}"))),
        (Ok(Ok(exit)), verdict, None) => {
            if verdict != ReleaseVerdict::Released {
                output::complain(&format!(
                    "the release of the lock {:?} is {release}; it ends with its TTL",
                    args.name
                ));
            }
            match exit.by {
                Some(Signal::SIGINT) => Err(Failure::Interrupted(Signal::SIGINT)),
                _ => Ok(exit.status),
            }
        }
        (Ok(Err(why)), ..) => Err(failed(format!("{why}; the command was ended"))),
        (Err(failure), ..) => Err(failure),
    }
}

/// Returns the variables that the command finds in its environment; one without a value is taken out of it.
fn environment(guard: &LockGuard, name: &str) -> [(&'static str, Option<String>); 3] {
    let deadline = std::time::SystemTime::now().checked_add(guard.remaining());
    let since_1970 = deadline.and_then(|deadline| deadline.duration_since(std::time::UNIX_EPOCH).ok());
    [
        ("REDLOCK_NAME", Some(name.into())),
        ("REDLOCK_FENCE", guard.fence().map(|fence| fence.to_string())),
        ("REDLOCK_DEADLINE_UNIX_MS", since_1970.map(|time| time.as_millis().to_string())),
    ]
}
