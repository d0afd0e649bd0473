use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use redlock_tests::{Server, wait_until};

use crate::tool::{LIMIT, Tool, is_running};

#[test]
fn signals_are_handed_on_to_the_command() {
    let tool = Tool::alone_on(3);
    let signals = [
        (Signal::SIGINT, "INT"),
        (Signal::SIGTERM, "TERM"),
        (Signal::SIGHUP, "HUP"),
        (Signal::SIGQUIT, "QUIT"),
        (Signal::SIGUSR1, "USR1"),
        (Signal::SIGUSR2, "USR2"),
    ];
    // Whoever has started the tests with `nohup` has one that stays ignored.
    for (signal, name) in signals.into_iter().filter(|(signal, _)| !is_ignored(*signal)) {
        let work = format!(
            "exec 2> /dev/null; trap 'echo {name}; exit 9' {name}; echo > begun-{name}; while :; do sleep 0.01; done"
        );
        let running = tool.start(&["run", name, "--", "sh", "-c", &work]);
        tool.await_file(&format!("begun-{name}"));
        running.send(signal);
        running.wait().assert_said(9, &format!("{name}\n"));
    }
}

#[test]
fn a_command_that_a_signal_ends_says_so_by_its_status_and_frees_the_lock() {
    let tool = Tool::alone_on(3);
    for (signal, status) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let running = tool.start(&["run", "job", "--wait", "0", "--", "sh", "-c", "echo > begun; exec sleep 60"]);
        tool.await_file("begun");
        running.send(signal);
        running.wait().assert_said(status, "");
        std::fs::remove_file(tool.path("begun")).unwrap();
    }
}

/// A shell goes on with its script unless what it has started is ended by the signal itself.
#[test]
fn an_interrupt_ends_a_script_around_the_tool() {
    let server = Server::start();
    let tool = Tool::with_nodes(&[server.url()]);
    server.command(&["SET", "held", "somebody else", "PX", "60000"]).unwrap();
    let calls = [
        ("run held -- true", "redlock:queue:{held}"),
        ("acquire held --token lock", "redlock:queue:{held}"),
        ("run free -- sleep 60", "free"),
    ];
    for (call, key) in calls {
        let script = format!("\"$0\" {call}; echo the script goes on");
        let mut command = tool.command(&[]);
        let prepared = std::mem::replace(&mut command, Command::new("bash"));
        command.args(["-c", &script, env!("CARGO_BIN_EXE_redlock")]).current_dir(tool.path("")).process_group(0);
        command.envs(prepared.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        assert!(wait_until(LIMIT, || server.command(&["EXISTS", key]).unwrap() == "1"), "{call}");
        let group = nix::unistd::Pid::from_raw(i32::try_from(running.id()).unwrap());
        nix::sys::signal::killpg(group, Signal::SIGINT).unwrap();
        let output = running.wait_with_output().unwrap();
        assert_eq!((output.status.signal(), output.stdout), (Some(Signal::SIGINT as i32), Vec::new()), "{call}");
        assert!(wait_until(LIMIT, || server.command(&["EXISTS", "free"]).unwrap() == "0"));
    }
    assert_eq!(server.get("held").unwrap().unwrap(), b"somebody else");
}

#[test]
fn a_signal_ends_a_command_that_stands_still() {
    let tool = Tool::alone_on(1);
    for (signal, status) in [(Signal::SIGHUP, 129), (Signal::SIGTERM, 143)] {
        let running = tool.start(&["run", "job", "--wait", "0", "--", "sh", "-c", "echo $$ > pid; kill -STOP $$"]);
        tool.await_file("pid");
        running.send(signal);
        running.wait().assert_said(status, "");
        std::fs::remove_file(tool.path("pid")).unwrap();
    }
}

#[test]
fn a_signal_ends_the_wait_for_the_lock() {
    let server = Server::start();
    let tool = Tool::with_nodes(&[server.url()]);
    server.command(&["SET", "job", "somebody else", "PX", "60000"]).unwrap();
    let waiting = tool.start(&["run", "job", "--", "touch", "run"]);
    assert!(wait_until(LIMIT, || server.command(&["EXISTS", "redlock:queue:{job}"]).unwrap() == "1"), "it waits");
    waiting.send(Signal::SIGTERM);
    waiting.wait().assert_said(143, "");
    assert!(!tool.path("run").exists());
    assert_eq!(server.get("job").unwrap().unwrap(), b"somebody else");
}

/// That somebody opens a named pipe for reading is awaited.
#[test]
#[cfg(target_os = "linux")]
fn a_signal_ends_the_wait_for_a_reader_of_the_recording() {
    let tool = Tool::with_nodes(&["redis://127.0.0.1:1".into()]);
    assert!(Command::new("mkfifo").arg(tool.path("pipe")).status().unwrap().success());
    for call in [
        &["run", "job", "--record", "pipe", "--", "true"][..],
        &["acquire", "job", "--token", "lock", "--record", "pipe"],
    ] {
        let waiting = tool.start(call);
        let status = format!("/proc/{}/status", waiting.pid());
        let sleeps = || std::fs::read_to_string(&status).unwrap().contains("State:\tS");
        assert!(wait_until(LIMIT, sleeps), "{call:?}");
        waiting.send(Signal::SIGINT);
        waiting.wait().assert_said(130, "");
    }
    let files = std::fs::read_dir(tool.path("")).unwrap();
    assert_eq!(files.count(), 1, "nothing but the pipe is there");
}

/// `nohup` says that the command is to survive a hang-up.
#[test]
fn a_signal_that_was_ignored_stays_so() {
    let tool = Tool::alone_on(1);
    let work =
        "trap '' HUP; exec \"$0\" run job -- sh -c 'echo > begun; while [ ! -e go ]; do sleep 0.01; done; echo done'";
    let mut command = Command::new("sh");
    command.args(["-c", work, env!("CARGO_BIN_EXE_redlock")]);
    let prepared = tool.command(&[]);
    command.envs(prepared.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let running = command.current_dir(tool.path("")).stdout(Stdio::piped()).spawn().unwrap();
    tool.await_file("begun");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(i32::try_from(running.id()).unwrap()), Signal::SIGHUP).unwrap();
    std::fs::write(tool.path("go"), "").unwrap();
    assert_eq!(running.wait_with_output().unwrap().stdout, b"done\n");
}

#[test]
fn when_the_tool_is_killed_the_lock_ends_with_its_ttl_and_the_command_with_the_tool() {
    let tool = Tool::alone_on(3);
    let running = tool.start(&["run", "job", "--ttl", "1s", "--", "sh", "-c", "echo $$ > pid; exec sleep 60"]);
    let pid = tool.await_file("pid");
    let killed_at = Instant::now();
    running.send(Signal::SIGKILL);
    assert_eq!(running.wait().status, Some(137));
    assert!(!cfg!(target_os = "linux") || wait_until(LIMIT, || !is_running(&pid)), "the command goes on");
    tool.run(&["run", "job", "--", "true"]).assert_said(0, "");
    assert!(killed_at.elapsed() > Duration::from_millis(600), "its keys were there until the TTL was over");
}

/// Returns whether this process, and whatever it starts, ignores a signal.
fn is_ignored(signal: Signal) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    ignored.unwrap_or(0) >> (signal as i32 - 1) & 1 == 1
}
