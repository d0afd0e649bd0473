//! `script` is the terminal: what it reads is typed, and what is shown it writes to stdout.

use std::io::Write;
use std::process::{Command, Stdio};

use redlock_tests::Server;

use crate::tool::{LIMIT, Tool, is_running};

/// Runs a line of a shell on a terminal, and types something when a file is there.
fn on_terminal(tool: &Tool, line: &str, when: &str, typed: &[u8]) -> String {
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", line, "/dev/null"]);
    let prepared = tool.command(&[]);
    command.envs(prepared.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("PATH_TO_TOOL", env!("CARGO_BIN_EXE_redlock")).env("SHELL", "/bin/sh").current_dir(tool.path(""));
    let mut shell = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut keyboard = shell.stdin.take().unwrap();
    tool.await_file(when);
    keyboard.write_all(typed).unwrap();
    let output = shell.wait_with_output().unwrap();
    drop(keyboard);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn there_is_a_terminal() -> bool {
    let is_there = Command::new("script").arg("--version").stdout(Stdio::null()).status().is_ok();
    if !is_there {
        println!("SKIPPED: there is no command script here");
    }
    is_there
}

#[test]
fn the_command_reads_from_the_terminal() {
    if !there_is_a_terminal() {
        return;
    }
    let server = Server::start();
    let tool = Tool::with_nodes(&[server.url()]);
    let line = "$PATH_TO_TOOL run job -- sh -c 'echo > begun; read line; echo heard $line'; echo status $?";
    let shown = on_terminal(&tool, line, "begun", b"hello\n");
    assert!(shown.contains("heard hello") && shown.contains("status 0"), "{shown}");
}

/// It goes to the command, and to whoever runs the tool: a loop in a script would not end otherwise.
#[test]
fn ctrl_c_ends_the_command_and_the_script_around_it() {
    if !there_is_a_terminal() {
        return;
    }
    let server = Server::start();
    let tool = Tool::with_nodes(&[server.url()]);
    let line = "$PATH_TO_TOOL run job -- sh -c 'echo $$ > pid; exec sleep 60'; echo the script goes on";
    let script = tool.script("loop", line);
    let shown = on_terminal(&tool, &format!("sh {script}"), "pid", b"\x03");
    assert!(!shown.contains("the script goes on"), "{shown}");
    assert!(redlock_tests::wait_until(LIMIT, || !is_running(&tool.read("pid"))));
    assert!(redlock_tests::wait_until(LIMIT, || server.command(&["EXISTS", "job"]).unwrap() == "0"));
}
