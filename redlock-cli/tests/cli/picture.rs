use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
#[cfg(target_os = "linux")]
use std::time::Instant;

use nix::sys::signal::Signal;
use redlock_tests::{Server, Servers, wait_until};
use serde_json::Value;

use crate::tool::{Ended, LIMIT, Tool};

/// Waits until a recording tells of an event.
fn await_event(tool: &Tool, file: &str, event: &str) {
    let text = format!(r#""event":"{event}""#);
    assert!(wait_until(LIMIT, || tool.read(file).contains(&text)), "{event}: {}", tool.read(file));
}

/// Every element that begins ends, in order.
fn assert_is_xml(svg: &str) {
    assert!(svg.starts_with("<svg"), "{svg}");
    let mut open = Vec::new();
    for tag in svg.split('<').skip(1).map(|part| part.split_once('>').unwrap().0) {
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name), "{svg}"),
            None if tag.ends_with('/') => {}
            None => open.push(tag.split(' ').next().unwrap()),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn what_was_recorded_is_drawn() {
    let servers = Server::builder().password("open-sesame").start_many(3);
    let tool = Tool::on(&servers);
    let work = "echo > begun; while [ ! -e go ]; do sleep 0.01; done";
    let running = tool.start(&["run", "job", "--ttl", "1s", "--fenced", "--record", "history", "--", "sh", "-c", work]);
    tool.await_file("begun");
    let token = servers[0].get("job").unwrap().unwrap();
    await_event(&tool, "history", "extended");
    fs::write(tool.path("go"), "").unwrap();
    running.wait().assert_said(0, "");

    let history = tool.read("history");
    let lines: Vec<Value> = history.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let has = |event: &str| lines.iter().any(|line| line["event"] == event);
    for event in ["requested", "acquired", "extended", "released", "connected", "answered", "noted", "ended"] {
        assert!(has(event), "{event}: {history}");
    }
    let token = String::from_utf8_lossy(&token).into_owned();
    assert!(!history.contains("open-sesame") && !history.contains(&token), "{history}");

    tool.run(&["picture", "history", "-o", "lock.svg"]).assert_said(0, "");
    let svg = tool.read("lock.svg");
    assert_is_xml(&svg);
    for text in ["1 process, 3 nodes, 1 lock;", "holds job for", "fence ", "the command has begun", "status 0"] {
        assert!(svg.contains(text), "{text}: {svg}");
    }
    let addresses = servers.iter().map(|server| format!(">{}<", server.url().split_once('@').unwrap().1));
    addresses.for_each(|address| assert!(svg.contains(&address), "{address}"));
}

/// One is killed while it holds the lock, the next one gets it and loses it, a third one is refused.
#[test]
fn several_processes_are_drawn_together() {
    let servers = Servers::start(3);
    let tool = Tool::on(&servers);
    let run = |record: &'static str, file: &str| {
        let work = format!("echo > {file}; exec sleep 60");
        tool.start(&["run", "job", "--ttl", "1s", "--record", record, "--", "sh", "-c", &work])
    };
    let killed = run("one", "first");
    tool.await_file("first");
    await_event(&tool, "one", "acquired");
    let loser = run("two", "second");
    await_event(&tool, "two", "answered");
    killed.send(Signal::SIGKILL);
    killed.wait();
    tool.await_file("second");
    // Into the file of another.
    let refused = tool.run(&["run", "job", "--record", "one", "--wait", "0", "--", "true"]);
    refused.assert_failed(75, "held by somebody else");
    servers.iter().for_each(Server::pause);
    loser.wait().assert_failed(76, "the command was ended");

    let svg = tool.run(&["picture", "one", "two"]).stdout;
    assert_is_xml(&svg);
    for text in ["3 processes, 3 nodes, 3 locks", "the process was killed", "SIGTERM to the command: too few"] {
        assert!(svg.contains(text), "{text}: {svg}");
    }
    let both = format!("{}{}", tool.read("one"), tool.read("two"));
    let mut command = tool.command(&["picture", "-", "--name", "job"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(both.as_bytes()).unwrap();
    assert_eq!(Ended::from(child.wait_with_output().unwrap()).stdout, svg, "whatever they are read from");
}

#[test]
fn a_lock_of_several_steps_is_recorded_by_each() {
    let tool = Tool::alone_on(3);
    let ended = tool.run(&["acquire", "job", "--ttl", "1m", "--token", "token", "--record", "history"]);
    ended.assert_said(0, "");
    tool.run(&["release", "job", "--token", "token", "--record", "history"]).assert_said(0, "");
    let svg = tool.run(&["picture", "history"]).stdout;
    assert!(svg.contains("2 processes, 3 nodes, 2 locks") && svg.contains("left to its keys"), "{svg}");
}

#[test]
fn what_cannot_be_recorded_or_drawn_is_said() {
    let tool = Tool::alone_on(1);
    let ended = tool.run(&["run", "job", "--record", "nowhere/history", "--", "touch", "run"]);
    ended.assert_failed(2, "--record nowhere/history: No such file");
    assert!(!tool.path("run").exists());
    tool.run(&["picture", "history"]).assert_failed(1, "history: No such file");
    fs::write(tool.path("history"), "no recording\n").unwrap();
    tool.run(&["picture", "history"]).assert_failed(1, "history: line 1 is no part of a recording");
    fs::write(tool.path("empty"), "").unwrap();
    tool.run(&["picture", "empty"]).assert_failed(1, "there is nothing to draw: the recordings tell of no lock");
    tool.run(&["run", "job", "--record", "ours", "--", "true"]).assert_said(0, "");
    tool.run(&["picture", "ours", "--name", "other"]).assert_failed(1, r#"tell of no lock of the name "other""#);
    assert_eq!(tool.run(&["picture"]).status, Some(2));
    tool.run(&["picture", "ours", "-o", "nowhere/lock.svg"]).assert_failed(1, "nowhere/lock.svg: No such file");
}

/// A full disk costs the history, and not the lock.
#[test]
#[cfg(target_os = "linux")]
fn a_disk_that_is_full_is_said_and_ends_nothing() {
    let tool = Tool::alone_on(1);
    let ended = tool.run(&["run", "job", "--record", "/dev/full", "--", "echo", "done"]);
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(0), "done\n"), "{ended:?}");
    assert!(ended.stderr.contains("the recording /dev/full is incomplete: No space left"), "{ended:?}");
}

#[test]
fn no_server_is_needed_to_draw_a_picture() {
    let mut alone = Command::new(env!("CARGO_BIN_EXE_redlock"));
    let output = alone.args(["picture", "/dev/null"]).env_remove("REDLOCK_NODES").output().unwrap();
    Ended::from(output).assert_failed(1, "there is nothing to draw");
}

/// It would be lost, and it cannot be made again.
#[test]
fn a_recording_is_not_overwritten_by_its_picture() {
    let tool = Tool::alone_on(1);
    tool.run(&["run", "job", "--record", "history", "--", "true"]).assert_said(0, "");
    let history = tool.read("history");
    std::os::unix::fs::symlink(tool.path("history"), tool.path("link")).unwrap();
    fs::hard_link(tool.path("history"), tool.path("second")).unwrap();
    for (from, to) in [("history", "history"), ("history", "link"), ("link", "./history"), ("second", "history")] {
        tool.run(&["picture", from, "-o", to]).assert_failed(2, "is one of the recordings");
        assert_eq!(tool.read("history"), history);
    }
    tool.run(&["picture", "history", "-o", "picture"]).assert_said(0, "");
    tool.run(&["picture", "history", "-o", "picture"]).assert_said(0, "");
}

#[cfg(target_os = "linux")]
#[test]
fn a_recording_that_nobody_reads_any_more_holds_up_no_command() {
    let tool = Tool::alone_on(3);
    let pipe = tool.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reader = fs::File::options().read(true).write(true).open(&pipe).unwrap();
    // It is full with that.
    (&reader).write_all(&vec![b'x'; 64 * 1_024]).unwrap();
    let begun = Instant::now();
    let ended = tool.start(&["run", "job", "--record", "pipe", "--", "true"]).wait();
    ended.assert_failed(0, "the recording pipe is incomplete: nothing was taken for 5 s, and ");
    assert!(begun.elapsed() < LIMIT);
}
