//! `script` is the terminal: what it reads is typed, and what is shown it writes to stdout.

use std::fs;
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use redlock_tests::{Server, wait_until};

use crate::tool::{LIMIT, Tool, is_running};

/// Runs a line of a shell on a terminal, and types something when a file is there.
fn on_terminal(tool: &Tool, line: &str, when: &str, typed: &[u8]) -> String {
    let mut shell = start_on_terminal(tool, line);
    let mut keyboard = shell.stdin.take().unwrap();
    tool.await_file(when);
    keyboard.write_all(typed).unwrap();
    let output = shell.wait_with_output().unwrap();
    drop(keyboard);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn start_on_terminal(tool: &Tool, line: &str) -> Child {
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", line, "/dev/null"]);
    let prepared = tool.command(&[]);
    command.envs(prepared.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("PATH_TO_TOOL", env!("CARGO_BIN_EXE_redlock")).env("SHELL", "/bin/sh").current_dir(tool.path(""));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

/// A shell with job control on a terminal; it ends with its keyboard.
struct Shell(Child);

impl Shell {
    /// Starts one, if there is one here.
    fn start(tool: &Tool) -> Option<Self> {
        let is_there = there_is_a_terminal() && Command::new("bash").arg("--version").output().is_ok();
        is_there.then(|| Self(start_on_terminal(tool, "bash --norc --noprofile -i")))
    }

    fn type_in(&mut self, text: &str) {
        self.0.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Returns the state and the parent of a process.
fn state_of(pid: &str) -> (String, String) {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    let mut words = stat.rsplit(')').next().unwrap().split_whitespace().map(String::from);
    (words.next().unwrap_or_default(), words.next().unwrap_or_default())
}

/// Waits until a command and the tool that runs it stand still.
fn await_standstill(pid: &str) {
    let stands_still = |pid: &str| wait_until(LIMIT, || state_of(pid).0 == "T");
    assert!(stands_still(pid) && stands_still(&state_of(pid).1), "{:?}", state_of(pid));
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
    for shell in ["sh", "bash"] {
        let shown = on_terminal(&tool, &format!("{shell} {script}"), "pid", b"\x03");
        assert!(!shown.contains("the script goes on"), "{shown}");
        assert!(wait_until(LIMIT, || !is_running(&tool.read("pid"))));
        assert!(wait_until(LIMIT, || server.command(&["EXISTS", "job"]).unwrap() == "0"));
        fs::remove_file(tool.path("pid")).unwrap();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn ctrl_z_stops_both_and_fg_goes_on_while_the_lock_is_there() {
    let server = Server::start();
    let tool = Tool::with_nodes(&[server.url()]);
    let Some(mut shell) = Shell::start(&tool) else { return };
    // The shell itself waits: one that waits for what it has started cannot always be stopped.
    let script = tool.script("work", "mkfifo gate; echo $$ > pid; read line < gate; echo finished > done");
    shell.type_in(&format!("$PATH_TO_TOOL run job --ttl 1h -- sh {script}\n"));
    let pid = tool.await_file("pid");
    shell.type_in("\x1a");
    await_standstill(&pid);
    shell.type_in("fg\n");
    // That somebody opens the pipe for reading is awaited.
    fs::write(tool.path("gate"), "go\n").unwrap();
    assert_eq!(tool.await_file("done"), "finished\n");
}

#[test]
#[cfg(target_os = "linux")]
fn after_ctrl_z_the_lock_ends_with_its_ttl_and_fg_ends_the_command() {
    let server = Server::start();
    let tool = Tool::with_nodes(&[server.url()]);
    let Some(mut shell) = Shell::start(&tool) else { return };
    let script = tool.script("work", "echo $$ > pid; exec sleep 60");
    shell.type_in(&format!("$PATH_TO_TOOL run job --ttl 1s -- sh {script}\n"));
    let pid = tool.await_file("pid");
    shell.type_in("\x1a");
    await_standstill(&pid);
    assert!(wait_until(LIMIT, || server.command(&["EXISTS", "job"]).unwrap() == "0"), "its TTL is over");
    shell.type_in("fg\n");
    shell.type_in("echo $? > status\n");
    assert_eq!(tool.await_file("status"), "76\n");
    assert!(!is_running(&pid));
}

/// What a command writes is often read in a pager, which needs the keyboard as well.
#[test]
#[cfg(target_os = "linux")]
fn whoever_reads_the_output_of_the_command_gets_the_terminal() {
    let server = Server::start();
    let tool = Tool::with_nodes(&[server.url()]);
    let Some(mut shell) = Shell::start(&tool) else { return };
    let work = tool.script("work", "mkfifo gate; echo > begun; read line < gate; echo finished");
    let pager =
        tool.script("pager", "stty -echo < /dev/tty; echo > waits; read key < /dev/tty; echo $key > typed; cat > done");
    shell.type_in(&format!("$PATH_TO_TOOL run job --ttl 2s -- sh {work} | sh {pager}\n"));
    tool.await_file("begun");
    tool.await_file("waits");
    shell.type_in("q\n");
    assert_eq!(tool.await_file("typed"), "q\n");
    let is_free = || server.command(&["EXISTS", "job"]).unwrap() == "0";
    assert!(!wait_until(Duration::from_secs(3), is_free), "the lock is kept for more than its TTL");
    fs::write(tool.path("gate"), "go\n").unwrap();
    assert_eq!(tool.await_file("done"), "finished\n");
}

#[test]
#[cfg(target_os = "linux")]
fn ctrl_z_stops_a_command_that_reads_from_a_pipe() {
    let server = Server::start();
    let tool = Tool::with_nodes(&[server.url()]);
    let Some(mut shell) = Shell::start(&tool) else { return };
    let work = tool.script("work", "mkfifo gate; echo $$ > pid; read line < gate; cat > done");
    shell.type_in(&format!("echo piped | $PATH_TO_TOOL run job --ttl 1h -- sh {work}\n"));
    let pid = tool.await_file("pid");
    shell.type_in("\x1a");
    await_standstill(&pid);
    shell.type_in("fg\n");
    fs::write(tool.path("gate"), "go\n").unwrap();
    assert_eq!(tool.await_file("done"), "piped\n");
}

#[test]
#[cfg(target_os = "linux")]
fn a_command_in_the_background_reads_from_the_terminal_after_fg() {
    let server = Server::start();
    let tool = Tool::with_nodes(&[server.url()]);
    let Some(mut shell) = Shell::start(&tool) else { return };
    let work = tool.script("work", "echo $$ > pid; read line < /dev/tty; echo $line > heard");
    shell.type_in(&format!("$PATH_TO_TOOL run job --ttl 1h -- sh {work} &\n"));
    let pid = tool.await_file("pid");
    await_standstill(&pid);
    shell.type_in("fg\n");
    assert!(wait_until(LIMIT, || state_of(&pid).0 != "T"));
    shell.type_in("hello\n");
    assert_eq!(tool.await_file("heard"), "hello\n");
}

#[test]
#[cfg(target_os = "linux")]
fn a_command_that_goes_on_in_the_background_leaves_the_terminal_to_the_shell() {
    let server = Server::start();
    let tool = Tool::with_nodes(&[server.url()]);
    let Some(mut shell) = Shell::start(&tool) else { return };
    let work = tool.script("work", "mkfifo gate; echo $$ > pid; read line < gate; echo finished > done");
    shell.type_in(&format!("$PATH_TO_TOOL run job --ttl 1h -- sh {work}\n"));
    let pid = tool.await_file("pid");
    shell.type_in("\x1a");
    await_standstill(&pid);
    shell.type_in("bg\n");
    fs::write(tool.path("gate"), "go\n").unwrap();
    assert_eq!(tool.await_file("done"), "finished\n");
    assert!(wait_until(LIMIT, || !is_running(&pid)));
    shell.type_in("echo hears > shell\n");
    assert_eq!(tool.await_file("shell"), "hears\n");
}

/// `timeout` puts what it runs in the background, and is not stopped by what that does.
#[test]
#[cfg(target_os = "linux")]
fn whoever_limits_the_time_of_the_tool_is_not_stopped_with_it() {
    if !there_is_a_terminal() {
        return;
    }
    let server = Server::start();
    let tool = Tool::with_nodes(&[server.url()]);
    let work = tool.script("work", "echo $$ > pid; read line < /dev/tty");
    let script = tool.script("limited", &format!("timeout 1 $PATH_TO_TOOL run job -- sh {work}; echo $? > status"));
    let _script = Shell(start_on_terminal(&tool, &format!("sh {script}")));
    await_standstill(&tool.await_file("pid"));
    assert_eq!(tool.await_file("status"), "124\n");
    assert!(wait_until(LIMIT, || !is_running(&tool.read("pid"))));
}

/// On such a terminal, whoever writes from the background is stopped.
#[test]
#[cfg(target_os = "linux")]
fn the_tool_says_what_is_wrong_on_a_terminal_that_stops_writers() {
    let server = Server::start();
    let tool = Tool::with_nodes(&[server.url()]);
    let Some(mut shell) = Shell::start(&tool) else { return };
    shell.type_in("stty tostop\n");
    shell.type_in("($PATH_TO_TOOL run job --max-hold 100ms -- sleep 60; echo $? > status) &\n");
    assert_eq!(tool.await_file("status"), "76\n");
}
