//! The other side of a connection, and commands to send over it.

use core::time::Duration;

use redlock_core::resp::{Connection, Event, Opening, Settings};
use redlock_core::{Action, Command, Config, Instant, Lock, NodeSet, Options, Request, Resources, ScriptForm};

/// The answers to `HELLO`, to the probes and to the scripts, of a server of this name and version.
pub(crate) fn welcome(server: &str, version: &str) -> Vec<u8> {
    let texts = ["server", server, "version", version, "mode", "standalone", "role", "master"];
    let texts: Vec<_> = texts.iter().map(|text| format!("${}\r\n{text}\r\n", text.len())).collect();
    let texts = texts.concat();
    let rest = "+proto\r\n:3\r\n+id\r\n:7\r\n$7\r\nmodules\r\n*0\r\n";
    format!("%7\r\n{texts}{rest}:1\r\n:1\r\n+loaded\r\n+loaded\r\n_\r\n_\r\n_\r\n_\r\n_\r\n").into_bytes()
}

/// A connection to a server of this name and version.
pub(crate) fn connected_to(server: &str, version: &str) -> Connection {
    let mut opening = Opening::new(&Settings::new());
    opening.handle_written(opening.unwritten().len());
    opening.handle_bytes(&welcome(server, version));
    opening.poll().expect("all was answered").expect("nothing was refused")
}

pub(crate) fn connected() -> Connection {
    connected_to("redis", "7.0.15")
}

/// Takes what is to be written, as text.
pub(crate) fn written(connection: &mut Connection) -> String {
    let text = String::from_utf8_lossy(connection.unwritten()).into_owned();
    connection.handle_written(text.len());
    text
}

/// The commands in what was written, each with its words in one line.
pub(crate) fn commands(mut text: &str) -> Vec<String> {
    let mut commands = Vec::new();
    while let Some(rest) = text.strip_prefix('*') {
        let (count, mut rest) = rest.split_once("\r\n").unwrap();
        let words = (0..count.parse::<usize>().unwrap()).map(|_| {
            let (len, behind) = rest.strip_prefix('$').unwrap().split_once("\r\n").unwrap();
            let (word, behind) = behind.split_at(len.parse().unwrap());
            rest = behind.strip_prefix("\r\n").unwrap();
            word.to_owned()
        });
        commands.push(words.collect::<Vec<_>>().join(" "));
        text = rest;
    }
    assert!(text.is_empty(), "{text}");
    commands
}

pub(crate) fn events(connection: &mut Connection) -> Vec<Event> {
    core::iter::from_fn(|| connection.poll_event()).collect()
}

/// A command that acquires these.
pub(crate) fn acquire(names: impl Into<Resources>) -> Command {
    let config = Config::builder(["only"]).build().unwrap();
    let request = Request::new(&config, names, Duration::from_secs(10), Options::new()).unwrap();
    Lock::acquire(&config, request, [7; 32], Instant::EPOCH).poll_command().unwrap()
}

/// The command that releases what another acquires.
pub(crate) fn release(acquire: &Command, at_home: bool, form: ScriptForm) -> Command {
    let (resources, token) = (acquire.action.resources().unwrap().clone(), *acquire.action.token().unwrap());
    let homes = if at_home { acquire.nodes } else { NodeSet::EMPTY };
    acquire.with_action(Action::release(resources, token, homes), form)
}
