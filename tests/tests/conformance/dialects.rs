//! How a release is worded to a server that has a command for it, and to one that has not.

use std::sync::LazyLock;

use redlock_conformance::Suite;
use redlock_driver::ReleaseVerdict;
use redlock_tests::{Server, Servers};

use crate::adapter::Adapter;
use crate::fixture::{Fixture, TTL};

const TOPIC: &str = "dialects";
const COMMAND: &str = "a_release_is_a_command_but_at_the_home_of_the_resource";
const SCRIPT: &str = "a_release_is_a_script_for_a_server_without_the_command";

const NO_COMMAND: &str = "the server has no such command: REDLOCK_SERVER is to name a Valkey 9 or newer";
const HAS_COMMAND: &str = "the server has the command";

const COMMANDS: [&str; 2] = ["delifeq", "delex"];
const SCRIPTS: [&str; 2] = ["eval", "evalsha"];

/// The command that deletes a key if it has a value, where the servers have one.
static DELETE_IF_EQUAL: LazyLock<Option<&str>> =
    LazyLock::new(|| delete_if_equal(&Server::builder().version().unwrap_or_default()));

/// The cases for connections of our own, which know what the server can do.
pub(crate) fn add_cases<A: Adapter>(suite: Suite) -> Suite {
    if DELETE_IF_EQUAL.is_some() {
        let run = || A::run(a_release_is_a_command_but_at_the_home_of_the_resource::<A>());
        suite.case(TOPIC, COMMAND, run).not_run(TOPIC, SCRIPT, HAS_COMMAND)
    } else {
        let run = || A::run(a_release_is_a_script_for_a_server_without_the_command::<A>());
        suite.not_run(TOPIC, COMMAND, NO_COMMAND).case(TOPIC, SCRIPT, run)
    }
}

/// Reads a line like `Valkey server v=9.1.2 sha=…`.
fn delete_if_equal(version: &str) -> Option<&'static str> {
    let (name, rest) = version.split_once(" server v=")?;
    let mut numbers = rest.split(['.', ' ']).map_while(|number| number.parse::<u32>().ok());
    let release = (numbers.next()?, numbers.next()?);
    match name {
        "Valkey" if release >= (9, 0) => Some("delifeq"),
        "Redis" if release >= (8, 4) => Some("delex"),
        _ => None,
    }
}

async fn a_release_is_a_command_but_at_the_home_of_the_resource<A: Adapter>() {
    let servers = release::<A>().await;
    let (home, others): (Vec<_>, Vec<_>) = servers.iter().partition(|server| has_counted(server, &SCRIPTS));
    assert_eq!((home.len(), others.len()), (1, 2), "one node calls up who waits");
    for server in home {
        assert!(!has_counted(server, &COMMANDS), "{}", statistics(server));
    }
    for server in others {
        assert!(has_counted(server, DELETE_IF_EQUAL.as_slice()), "{}", statistics(server));
    }
}

async fn a_release_is_a_script_for_a_server_without_the_command<A: Adapter>() {
    for server in release::<A>().await.iter() {
        assert!(has_counted(server, &SCRIPTS) && !has_counted(server, &COMMANDS), "{}", statistics(server));
    }
}

/// Takes a lock and gives it back. Of both, the servers have counted only the release.
async fn release<A: Adapter>() -> Servers {
    let nodes = Fixture::start::<A>(3);
    let guard = nodes.client.lock("job", TTL).await.unwrap();
    nodes.wait_until_everywhere("job");
    for server in nodes.servers.iter() {
        server.command(&["CONFIG", "RESETSTAT"]).unwrap();
    }
    assert_eq!(guard.release().await.verdict, ReleaseVerdict::Released);
    nodes.assert_gone("job");
    nodes.client.close().await;
    nodes.servers
}

/// Returns whether the server has counted one of these commands, be it sent or called by a script.
fn has_counted(server: &Server, commands: &[&str]) -> bool {
    let statistics = statistics(server);
    commands.iter().any(|command| statistics.contains(&format!("cmdstat_{command}:")))
}

fn statistics(server: &Server) -> String {
    server.command(&["INFO", "commandstats"]).unwrap()
}
