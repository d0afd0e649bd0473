//! A contestant's process, seen from the command that starts it.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use crate::client::{Measurement, Plan, READY};
use crate::contestant::Failure;
use crate::options::CLIENT;

/// For connecting and getting warm, and for the last operation that was begun in time: a lock that waits takes up to
/// 30 seconds by default.
const GRACE: Duration = Duration::from_secs(35);
/// One that waits for a node that hangs needs less, unless it waits for ever.
const GRACE_OF_HUNG: Duration = Duration::from_secs(8);

/// A running client. It is killed when it is dropped.
pub(crate) struct Session {
    process: Child,
    orders: ChildStdin,
    lines: Receiver<String>,
    duration: Duration,
}

impl Session {
    /// Starts a client, and returns when it is connected and warm.
    pub(crate) fn start(plan: &Plan) -> Result<Self, Failure> {
        let mut command = Command::new(env::current_exe()?);
        command.arg(format!("--{CLIENT}")).arg(serde_json::to_string(plan)?);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (orders, output) = (process.stdin.take(), process.stdout.take());
        let (Some(orders), Some(output)) = (orders, output) else { return Err("a pipe is missing".into()) };
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // Nobody listens any more to a client that took too long.
                let _ = sender.send(line);
            }
        });
        let session = Self { process, orders, lines, duration: plan.duration };
        let first = session.lines.recv_timeout(GRACE);
        match first {
            Ok(line) if line == READY => Ok(session),
            _ => Err(format!("{} did not get ready", plan.contestant).into()),
        }
    }

    /// Lets it work; `None` if it does not come to an end.
    pub(crate) fn measure(&mut self, node_hangs: bool) -> Result<Option<Measurement>, Failure> {
        self.orders.write_all(b"go\n")?;
        let grace = if node_hangs { GRACE_OF_HUNG } else { GRACE };
        match self.lines.recv_timeout(self.duration + grace) {
            Ok(line) => Ok(Some(serde_json::from_str(&line)?)),
            Err(_) => Ok(None),
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Both fail only if it is gone already, which is what is wanted.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
