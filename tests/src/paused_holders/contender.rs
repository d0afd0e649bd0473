use std::io::{BufRead as _, BufReader};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::{Duration, Instant};

use super::Torture;
use super::client::Client;
use crate::process::Process;
use crate::wait_until;

/// A client waits for a lock for two seconds at most; this is for machines that are busy.
const END_LIMIT: Duration = Duration::from_secs(30);

/// What a client has said.
#[derive(Clone, Copy, Debug)]
pub(super) enum Said {
    /// It has got the lock with this fence, and read; then.
    Held(u64, Instant),
    Wrote,
    Refused,
    Failed,
}

/// A client process, as the tormentor has it.
pub(super) struct Contender {
    process: Process,
    /// It ends when this is dropped.
    input: Option<ChildStdin>,
    is_paused: bool,
}

impl Contender {
    /// Starts a client. What it says is sent with its place.
    pub(super) fn start(
        torture: &Torture,
        place: usize,
        store: &str,
        nodes: &[String],
        said: Sender<(usize, Said)>,
    ) -> Self {
        let mut command = Command::new(&torture.program);
        command.arg("client").args(Client::arguments(torture.gate, store.into(), nodes.to_vec()));
        let mut process = Process::spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
        let (input, output) = process.take_pipes();
        let output = output.expect("the standard output is a pipe");
        thread::spawn(move || pass_on(output, place, &said));
        Self { process, input, is_paused: false }
    }

    pub(super) const fn is_paused(&self) -> bool {
        self.is_paused
    }

    pub(super) fn pause(&mut self) {
        self.process.pause();
        self.is_paused = true;
    }

    pub(super) fn resume(&mut self) {
        self.process.resume();
        self.is_paused = false;
    }

    /// Asks it to end.
    pub(super) fn ask_to_end(&mut self) {
        self.input = None;
    }

    pub(super) fn wait_for_end(&self) {
        assert!(wait_until(END_LIMIT, || !self.process.is_running()), "a client does not end");
    }
}

fn pass_on(output: ChildStdout, place: usize, said: &Sender<(usize, Said)>) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        let what = match line.split_once(' ') {
            Some(("held", fence)) => Said::Held(fence.parse().expect("a fence is a number"), Instant::now()),
            _ if line == "wrote" => Said::Wrote,
            _ if line == "refused" => Said::Refused,
            _ => Said::Failed,
        };
        if said.send((place, what)).is_err() {
            return;
        }
    }
}
