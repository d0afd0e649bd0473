//! What the tool cannot do, as its help says.

use std::fs;
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use redlock_tests::{Server, Servers, wait_until};

use crate::tool::{Ended, LIMIT, Tool, is_running};

/// A process that nobody ends but the test.
struct Stray(String);

impl Drop for Stray {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.0.trim().parse().unwrap()), Signal::SIGKILL);
    }
}

#[test]
fn who_leaves_the_process_group_is_not_ended() {
    if Command::new("setsid").arg("--version").output().is_err() {
        println!("SKIPPED: there is no command setsid here");
        return;
    }
    let servers = Servers::start(3);
    let tool = Tool::on(&servers);
    let script = tool.script("stray", "echo $$ > pid; exec sleep 60");
    let work = format!("setsid sh {script} > /dev/null 2>&1 & exec sleep 60");
    let running = tool.start(&["run", "job", "--ttl", "500ms", "--", "sh", "-c", &work]);
    let stray = Stray(tool.await_file("pid"));
    servers.iter().for_each(Server::pause);
    running.wait().assert_failed(76, "the command was ended");
    assert!(is_running(&stray.0), "it goes on");
}

#[test]
fn what_the_command_has_started_survives_a_tool_that_is_killed() {
    let tool = Tool::alone_on(1);
    let work = "echo $$ > command; sleep 60 > /dev/null 2>&1 & echo $! > started; wait";
    let running = tool.start(&["run", "job", "--ttl", "500ms", "--", "sh", "-c", work]);
    let (command, started) = (tool.await_file("command"), Stray(tool.await_file("started")));
    running.send(Signal::SIGKILL);
    running.wait();
    assert!(!cfg!(target_os = "linux") || wait_until(LIMIT, || !is_running(&command)));
    assert!(is_running(&started.0), "it goes on");
}

#[test]
fn a_tool_that_stands_still_extends_and_ends_nothing() {
    let server = Server::start();
    let tool = Tool::with_nodes(&[server.url()]);
    let running = tool.start(&["run", "job", "--ttl", "500ms", "--", "sh", "-c", "echo $$ > pid; exec sleep 60"]);
    let pid = tool.await_file("pid");
    running.send(Signal::SIGSTOP);
    assert!(wait_until(LIMIT, || server.command(&["EXISTS", "job"]).unwrap() == "0"), "its TTL is over");
    assert!(is_running(&pid), "nobody ends the command");
    running.send(Signal::SIGCONT);
    running.wait().assert_failed(76, "the command was ended");
    assert!(!is_running(&pid) && fs::metadata(tool.path("pid")).is_ok());
}

/// The command may have worked on after somebody else had the lock, and no server can say.
#[test]
fn a_command_that_ended_after_the_deadline_is_no_success_although_no_server_answers() {
    let server = Server::start();
    let tool = Tool::with_nodes(&[server.url()]);
    let work = "echo $$ > pid; while [ ! -e go ]; do sleep 0.01; done";
    let running = tool.start(&["run", "job", "--ttl", "500ms", "--", "sh", "-c", work]);
    let pid = tool.await_file("pid");
    running.send(Signal::SIGSTOP);
    assert!(wait_until(LIMIT, || server.command(&["EXISTS", "job"]).unwrap() == "0"), "its TTL is over");
    drop(server);
    fs::write(tool.path("go"), "go").unwrap();
    assert!(wait_until(LIMIT, || !is_running(&pid)));
    running.send(Signal::SIGCONT);
    running.wait().assert_failed(76, "its deadline has passed");
}

/// Whoever starts it may leave it too little.
#[test]
fn a_process_that_may_open_too_few_files_ends_with_a_sentence() {
    for limit in 5..=16 {
        let command = format!("ulimit -n {limit}; exec \"$0\" run job --wait 0 --node redis://127.0.0.1:1 -- true");
        let ended = Command::new("sh").args(["-c", &command, env!("CARGO_BIN_EXE_redlock")]).output().unwrap();
        let ended = Ended::from(ended);
        assert!(matches!(ended.status, Some(1 | 75)) && ended.stderr.starts_with("redlock: "), "{limit}: {ended:?}");
    }
}

/// The file of the recording may be as long as the limit, and the command goes on.
#[test]
fn a_recording_that_would_be_too_long_is_said_to_be_incomplete() {
    let servers = Servers::start(3);
    let tool = Tool::on(&servers);
    let script = "ulimit -f 0; exec \"$0\" run job --record history -- sh -c 'kill -XFSZ $$; echo survived'";
    let ended = tool.run_script(script);
    let by_the_signal = 128 + Signal::SIGXFSZ as i32;
    ended.assert_failed(by_the_signal, "the recording history is incomplete: File too large");
    assert_eq!(ended.stdout, "", "for the command the signal is what it was");
}

/// As for what a program in Python starts, or a script that would rather see the write fail.
#[test]
fn a_limit_of_file_sizes_that_is_ignored_is_ignored_for_the_command_too() {
    let tool = Tool::alone_on(1);
    let script = "trap '' XFSZ; exec \"$0\" run job -- sh -c 'kill -XFSZ $$; echo survived'";
    tool.run_script(script).assert_said(0, "survived\n");
}
