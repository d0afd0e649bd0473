//! The tool in surroundings that are barer than usual, as containers have them.

use std::process::{Command, Stdio};

use redlock_tests::Server;

use crate::tool::{Running, Tool};

/// Starts a script for `sh` in namespaces of its own; the tool is `$0` there. `None` if the system lets nobody make any.
fn start(tool: &Tool, namespaces: &[&str], script: &str) -> Option<Running> {
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user"]).args(namespaces);
        command
    };
    if !unshare().arg("true").output().is_ok_and(|output| output.status.success()) {
        println!("SKIPPED: there is no command unshare here, or it is not allowed");
        return None;
    }
    let prepared = tool.command(&[]);
    let mut command = unshare();
    command.args(["sh", "-c", script]).arg(prepared.get_program()).current_dir(tool.path("")).stdin(Stdio::null());
    command.envs(prepared.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Some(Running::start(&mut command))
}

/// The system keeps from the first process every signal that it does not listen to.
#[test]
fn watching_as_the_first_process_is_ended_by_a_signal() {
    let tool = Tool::alone_on(1);
    for (signal, status) in [("INT", 130), ("TERM", 143)] {
        let script = format!(
            "(until [ -s shown ]; do sleep 0.01; done; kill -{signal} 1) & exec \"$0\" status job --watch=100ms > shown"
        );
        let namespaces = ["--pid", "--fork", "--kill-child", "--mount-proc"];
        let Some(running) = start(&tool, &namespaces, &script) else { return };
        running.wait().assert_said(status, "");
        std::fs::remove_file(tool.path("shown")).unwrap();
    }
}

#[test]
fn the_tool_finds_itself_without_proc() {
    let server = Server::start();
    let tool = Tool::with_nodes(&[server.url()]);
    let script = "mount -t tmpfs none /proc && exec \"$0\" run job -- echo done";
    let Some(running) = start(&tool, &["--mount"], script) else { return };
    running.wait().assert_said(0, "done\n");
}
