//! What the README tells a new user to type, on servers that are started so.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use redlock_tests::{Port, command_at, wait_until};
use tempfile::TempDir;

use crate::tool::{Ended, LIMIT};

const README: &str = include_str!("../../../README.md");

/// The ports of the README.
const PORTS: [&str; 3] = ["7001", "7002", "7003"];

/// A folder of a user who has installed the command, and the servers that they have started there.
struct User {
    folder: TempDir,
    ports: [Port; 3],
}

impl User {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("bin")).unwrap();
        symlink(env!("CARGO_BIN_EXE_redlock"), folder.path().join("bin/redlock")).unwrap();
        Self { folder, ports: PORTS.map(|_| Port::free()) }
    }

    /// Runs lines as they are, but on ports that are free here.
    fn run(&self, lines: &[&str]) -> Ended {
        let mut text = lines.join("\n");
        for (port, free) in PORTS.iter().zip(&self.ports) {
            text = text.replace(port, &free.number().to_string());
        }
        let path = format!("{}/bin:{}", self.folder.path().display(), std::env::var("PATH").unwrap_or_default());
        let mut shell = Command::new("sh");
        shell.args(["-e", "-u", "-c", &text]).current_dir(self.folder.path()).stdin(Stdio::null());
        shell.env("PATH", path).env_remove("REDLOCK_NODES").env("XDG_CONFIG_HOME", self.folder.path());
        Ended::from(shell.output().unwrap())
    }
}

impl Drop for User {
    fn drop(&mut self) {
        for port in &self.ports {
            // It ends without an answer, or was never there.
            let _ = command_at(port.number(), &["SHUTDOWN", "NOSAVE"]);
        }
    }
}

/// Returns the lines of the first block of code under a heading.
fn lines_under(heading: &str) -> Vec<&'static str> {
    let (_, section) = README.split_once(&format!("\n## {heading}\n")).unwrap();
    let (_, block) = section.split_once("```sh\n").unwrap();
    block.split_once("```").unwrap().0.lines().collect()
}

#[test]
fn the_lines_of_the_readme_protect_a_cron_job() {
    let lines = lines_under("From a shell");
    let [install, servers, nodes, job, owned] = lines[..] else { panic!("{lines:?}") };
    assert_eq!(install, "cargo install --path redlock-cli", "so the command is there");
    let user = User::new();
    let started = user.run(&[servers]);
    assert_eq!(started.status, Some(0), "{started:?}");
    let answers = |port: &Port| command_at(port.number(), &["PING"]).is_ok();
    assert!(wait_until(LIMIT, || user.ports.iter().all(answers)), "{started:?}");

    user.run(&[nodes, job]).assert_said(0, "this runs on one machine only\n");
    // The clock of the next machine is late.
    user.run(&[nodes, job]).assert_said(0, "");
    let shown = user.run(&[nodes, "USER=me", owned]);
    assert!(shown.status == Some(0) && shown.stdout.contains("/me"), "{shown:?}");
}
