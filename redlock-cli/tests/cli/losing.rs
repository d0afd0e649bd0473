use std::time::{Duration, Instant, SystemTime};

use redlock_tests::{Middlebox, Server, Servers, wait_until};

use crate::tool::{LIMIT, Tool, is_running};

/// Writes its number and the time again and again, whatever it is told.
const STUBBORN: &str = "trap '' TERM\nwhile :; do echo $1 $(date +%s%N) >> $2; done";

/// A line of [`STUBBORN`]: whose it is, and when it was written, in nanoseconds.
fn times(text: &str, whose: &str) -> Vec<u64> {
    let lines = text.lines().filter_map(|line| line.split_once(' '));
    lines.filter(|(number, _)| *number == whose).filter_map(|(_, time)| time.parse().ok()).collect()
}

/// The first one is cut off from all servers, the second one waits for the lock and gets it when the keys end. The first one's
/// command ignores SIGTERM and must be dead by then.
#[test]
fn a_command_is_dead_before_somebody_else_has_the_lock() {
    let (servers, decoy) = (Servers::start(3), Server::start());
    let boxes: Vec<_> = servers.iter().map(Middlebox::before).collect();
    let first = Tool::with_nodes(&boxes.iter().map(Middlebox::url).collect::<Vec<_>>());
    let second = Tool::on(&servers);
    let (script, log) = (first.script("stubborn", STUBBORN), first.path("log"));
    let run = |tool: &Tool, number| {
        let work = ["--", "sh", &script, number, log.to_str().unwrap()];
        let run = ["run", "job", "--ttl", "1s", "--wait", "30s", "--record", "history"];
        tool.start(&[&run[..], &work].concat())
    };
    let running = run(&first, "1");
    first.await_file("log");
    let waiting = run(&second, "2");
    let extensions = || first.read("history").matches(r#""event":"extended""#).count();
    assert!(wait_until(LIMIT, || extensions() >= 2), "it is extended");
    decoy.pause();
    for middlebox in &boxes {
        middlebox.move_to(&decoy);
    }
    running.wait().assert_failed(76, "too few nodes confirmed an extension in time; the command was ended");
    assert!(wait_until(LIMIT, || !times(&first.read("log"), "2").is_empty()), "the second one has the lock");
    waiting.send(nix::sys::signal::Signal::SIGKILL);
    waiting.wait();
    let log = first.read("log");
    let (last, next) = (times(&log, "1").into_iter().max().unwrap(), times(&log, "2").into_iter().min().unwrap());
    assert!(last < next, "the first one was there for {} ms too long", (last - next) / 1_000_000);
}

#[test]
fn a_command_is_dead_before_its_deadline_when_all_servers_hang() {
    let servers = Servers::start(3);
    let tool = Tool::on(&servers);
    let script = tool.script("stubborn", STUBBORN);
    let running = tool.start(&["run", "job", "--ttl", "2s", "--", "sh", &script, "1", "log"]);
    tool.await_file("log");
    servers.iter().for_each(Server::pause);
    let latest_deadline = SystemTime::now() + Duration::from_secs(2);
    running.wait().assert_failed(76, "too few nodes confirmed an extension in time");
    // The last extension was begun before the servers hung.
    let last = times(&tool.read("log"), "1").into_iter().max().unwrap();
    let deadline = latest_deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos();
    assert!(u128::from(last) < deadline, "for {} ms too long", (u128::from(last) - deadline) / 1_000_000);
    servers.iter().for_each(Server::resume);
    let lines = tool.read("log").lines().count();
    tool.run(&["run", "job", "--", "true"]).assert_said(0, "");
    assert_eq!(tool.read("log").lines().count(), lines, "nobody writes any more");
}

#[test]
fn a_command_has_time_to_clean_up_after_sigterm() {
    let servers = Servers::start(3);
    let tool = Tool::on(&servers);
    let work = "exec 2> /dev/null; trap 'sleep 0.2; echo clean > log; exit 0' TERM; echo > begun; while :; do sleep 0.01; done";
    let running = tool.start(&["run", "job", "--ttl", "2s", "--", "sh", "-c", work]);
    tool.await_file("begun");
    servers.iter().for_each(Server::pause);
    running.wait().assert_failed(76, "the command was ended");
    assert_eq!(tool.read("log"), "clean\n");
}

#[test]
fn what_the_command_has_started_is_ended_with_it() {
    let servers = Servers::start(3);
    let tool = Tool::on(&servers);
    let script = tool.script("stubborn", STUBBORN);
    let work = format!("sh {script} 1 log & echo $! > pid; wait");
    let running = tool.start(&["run", "job", "--ttl", "1s", "--", "sh", "-c", &work]);
    let pid = tool.await_file("pid");
    tool.await_file("log");
    assert!(is_running(&pid));
    servers.iter().for_each(Server::pause);
    running.wait().assert_failed(76, "the command was ended");
    assert!(!is_running(&pid), "it is gone when the tool has ended");
}

#[test]
fn a_minority_of_servers_may_be_lost() {
    let mut servers = Servers::start(3);
    let tool = Tool::on(&servers);
    let running = tool.start(&["run", "job", "--ttl", "500ms", "--", "sh", "-c", "echo > begun; sleep 1.5"]);
    tool.await_file("begun");
    servers[0].kill();
    running.wait().assert_said(0, "");
}

#[test]
fn keys_that_are_gone_end_the_command() {
    let servers = Servers::start(3);
    let tool = Tool::on(&servers);
    let running = tool.start(&["run", "job", "--ttl", "1s", "--", "sh", "-c", "echo > begun; exec sleep 60"]);
    tool.await_file("begun");
    for server in servers.iter() {
        server.command(&["FLUSHALL"]).unwrap();
    }
    running.wait().assert_failed(76, "its keys are gone");
}

/// The extension is far away, so only the release finds it out.
#[test]
fn keys_that_are_gone_at_the_end_are_a_loss_too() {
    let servers = Servers::start(3);
    let tool = Tool::on(&servers);
    let work = "echo > begun; while [ ! -e go ]; do sleep 0.01; done";
    let running = tool.start(&["run", "job", "--ttl", "1h", "--", "sh", "-c", work]);
    tool.await_file("begun");
    for server in servers.iter() {
        server.command(&["FLUSHALL"]).unwrap();
    }
    std::fs::write(tool.path("go"), "").unwrap();
    running.wait().assert_failed(76, "when the command had ended");
}

#[test]
fn the_longest_hold_ends_the_command_and_frees_the_lock() {
    let tool = Tool::alone_on(3);
    let begun = Instant::now();
    let ended = tool.run(&["run", "job", "--max-hold", "300ms", "--", "sleep", "60"]);
    ended.assert_failed(76, "held for as long as --max-hold allows; the command was ended");
    assert!(begun.elapsed() >= Duration::from_millis(300));
    tool.run(&["run", "job", "--wait", "0", "--", "true"]).assert_said(0, "");
}
