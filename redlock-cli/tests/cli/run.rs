use std::io::Write;
use std::process::Stdio;

use redlock_tests::{Server, Servers, wait_until};

use crate::tool::{Ended, LIMIT, Tool};

#[test]
fn it_ends_with_the_status_of_its_command() {
    let tool = Tool::alone_on(3);
    let run = |command: &[&str]| tool.run(&[&["run", "job", "--"], command].concat());
    run(&["true"]).assert_said(0, "");
    run(&["sh", "-c", "echo out; exit 3"]).assert_said(3, "out\n");
    run(&["sh", "-c", "kill -KILL $$"]).assert_said(137, "");
    // One that has no name.
    run(&["sh", "-c", "kill -40 $$"]).assert_said(168, "");
    run(&["no-such-command"]).assert_failed(127, "no-such-command: command not found");
    run(&["/etc/passwd"]).assert_failed(126, "/etc/passwd: the command could not be started");
}

#[test]
fn the_command_has_stdin_and_its_arguments_as_they_are() {
    let tool = Tool::alone_on(1);
    let mut command =
        tool.command(&["run", "job", "--", "sh", "-c", "cat; printf '[%s]' \"$@\"", "sh", "--ttl", "a b"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"from stdin ").unwrap();
    Ended::from(child.wait_with_output().unwrap()).assert_said(0, "from stdin [--ttl][a b]");
}

#[test]
fn without_the_lock_the_status_is_75_and_the_command_is_not_run() {
    let mut servers = Servers::start(3);
    let tool = Tool::on(&servers);
    let holder = tool.start(&["run", "job", "--", "sh", "-c", "echo > held; exec sleep 60"]);
    tool.await_file("held");
    let refused = tool.run(&["run", "job", "--wait", "100ms", "--", "touch", "run"]);
    refused.assert_failed(75, r#"the lock "job" was not acquired: the lock is held by somebody else"#);
    holder.send(nix::sys::signal::Signal::SIGTERM);
    holder.wait().assert_said(143, "");
    servers[0].kill();
    tool.run(&["run", "job", "--", "true"]).assert_said(0, "");
    servers[1].kill();
    let refused = tool.run(&["run", "job", "--wait", "100ms", "--", "touch", "run"]);
    refused.assert_failed(75, r#"the lock "job" was not acquired: too few nodes are available"#);
    assert!(!tool.path("run").exists());
}

#[test]
fn what_cannot_be_followed_ends_with_2() {
    let tool = Tool::alone_on(1);
    tool.run(&["run", "", "--", "true"]).assert_failed(2, "name");
    tool.run(&["run", "job", "--kill-after", "9s", "--", "true"]).assert_failed(2, "at most 4.5 s");
    tool.run(&["run", "job", "--ttl", "1ms", "--", "true"])
        .assert_failed(2, "the TTL is 1 ms, it must be at least 34 ms");
    tool.run(&["run", "job", "--ttl", "365d", "--", "true"])
        .assert_failed(2, "the TTL is 365 days, it must be at most 24 h");
    let no_time = tool.run(&["run", "job", "--max-hold", "0s", "--record", "history", "--", "touch", "run"]);
    no_time.assert_failed(2, "--max-hold is 0, it must be above zero");
    assert!(!tool.path("run").exists() && !tool.path("history").exists(), "nothing was done");
    assert_eq!(tool.run(&["run", "job"]).status, Some(2));
    assert_eq!(tool.run(&["run", "job", "--ttl", "10", "--", "true"]).status, Some(2));
    for (option, value) in [("--ttl", "-5s"), ("--wait", "-1"), ("--kill-after", "--if-free")] {
        let refused = tool.run(&["run", "job", option, value, "--", "true"]);
        assert_eq!(refused.status, Some(2), "{refused:?}");
        let says =
            format!("invalid value '{value}' for '{option} <DURATION>': a duration is needed that is not negative");
        assert!(refused.stderr.contains(&says), "{refused:?}");
    }
    tool.run(&["--node", "http://:secret@a", "status", "job"]).assert_failed(2, "not usable");
    assert!(!tool.run(&["--node", "http://:secret@a", "status", "job"]).stderr.contains("secret"));
    let nowhere = Tool::with_nodes(&[]);
    nowhere.run(&["run", "job", "--", "true"]).assert_failed(2, "no nodes are named");
}

#[test]
fn the_nodes_come_from_a_file_too() {
    let servers = Servers::start(3);
    let tool = Tool::with_nodes(&[]);
    std::fs::create_dir(tool.path("redlock")).unwrap();
    let text = format!("nodes = {:?}\nprefix = 'app:'\n", servers.urls());
    std::fs::write(tool.path("redlock/config.toml"), text).unwrap();
    tool.run(&["run", "job", "--min-hold", "1m", "--", "true"]).assert_said(0, "");
    assert!(wait_until(LIMIT, || servers.iter().all(|server| server.command(&["EXISTS", "app:job"]).unwrap() == "1")));
    tool.run(&["status", "job", "--config", "nowhere.toml"]).assert_failed(2, "nowhere.toml");
}

#[test]
fn the_environment_tells_the_command_about_its_lock() {
    let tool = Tool::alone_on(3);
    let print = ["--", "sh", "-c", "echo $REDLOCK_NAME,$REDLOCK_FENCE,$REDLOCK_DEADLINE_UNIX_MS"];
    let values = |options: &[&str]| {
        let before = now_millis();
        let output = tool.command(&[&["run", "job"], options, &print].concat()).env("REDLOCK_FENCE", "9").output();
        let output = String::from_utf8(output.unwrap().stdout).unwrap();
        let values: Vec<String> = output.trim().split(',').map(Into::into).collect();
        let deadline: u128 = values[2].parse().unwrap();
        assert!((before + 9_000..=now_millis() + 10_000).contains(&deadline), "{deadline}");
        (values[0].clone(), values[1].parse::<u64>().ok())
    };
    assert_eq!(values(&[]), ("job".into(), None), "not the one of somebody else");
    let fences: Vec<_> = (0..3).map(|_| values(&["--fenced"]).1.unwrap()).collect();
    assert!(fences.is_sorted_by(|one, next| one < next), "{fences:?}");
}

fn now_millis() -> u128 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis()
}

/// Each writes a line when it begins and when it ends. Were two there at once, a line would stand between those of one.
#[test]
fn fifty_at_once_run_one_after_another() {
    const COUNT: usize = 50;
    let tool = Tool::alone_on(3);
    let script = tool.script("work", "echo $1 >> lines; sleep 0.005; echo $1 >> lines");
    let all: Vec<_> = (0..COUNT)
        .map(|number| tool.start(&["run", "job", "--wait", "2m", "--", "sh", &script, &number.to_string()]))
        .collect();
    for one in all {
        one.wait().assert_said(0, "");
    }
    let text = tool.read("lines");
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2 * COUNT);
    assert!(lines.chunks(2).all(|pair| pair[0] == pair[1]), "{lines:?}");
}

#[test]
fn the_lock_is_free_as_soon_as_the_command_has_ended() {
    let server = Server::start();
    let tool = Tool::with_nodes(&[server.url()]);
    for _ in 0..5 {
        tool.run(&["run", "job", "--wait", "0", "--", "true"]).assert_said(0, "");
        assert_eq!(server.command(&["EXISTS", "job"]).unwrap(), "0");
    }
}
