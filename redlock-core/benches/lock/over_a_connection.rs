//! The commands of a lock and their answers over one connection: the cost of speaking RESP.

use core::time::Duration;

use redlock_core::resp::{Connection, Event, Opening, Settings};
use redlock_core::{Action, Command, Config, Instant, Lock, NodeSet, Options, Reply, Request, ScriptForm};

/// A connection that is open, with the two commands of a lock.
pub(crate) struct OverAConnection {
    connection: Connection,
    acquire: Command,
    release: Command,
}

impl OverAConnection {
    /// Opens a connection to a server of this version.
    pub(crate) fn new(server: &str, version: &str) -> Self {
        let mut opening = Opening::new(&Settings::new());
        opening.handle_written(opening.unwritten().len());
        let facts = format!("%2\r\n+server\r\n+{server}\r\n+version\r\n+{version}\r\n");
        opening.handle_bytes(format!("{facts}:1\r\n:1\r\n+loaded\r\n+loaded\r\n_\r\n_\r\n_\r\n_\r\n_\r\n").as_bytes());
        let connection = opening.poll().expect("all was answered").expect("nothing was refused");
        let acquire = acquire();
        let (resources, token) = (acquire.action.resources().expect("it has one"), acquire.action.token());
        let action = Action::release(resources.clone(), *token.expect("it has one"), NodeSet::EMPTY);
        let release = acquire.with_action(action, ScriptForm::Digest);
        Self { connection, acquire, release }
    }

    /// Encodes both commands and reads both answers.
    pub(crate) fn acquire_and_release(&mut self) {
        let Self { connection, acquire, release } = self;
        for (command, answer) in [(acquire, &b"+OK\r\n"[..]), (release, b":1\r\n")] {
            connection.send(command);
            connection.handle_written(connection.unwritten().len());
            connection.read_buffer()[..answer.len()].copy_from_slice(answer);
            connection.handle_read(answer.len());
            assert_eq!(connection.poll_event(), Some(Event::Reply(Reply::Done)));
        }
    }
}

fn acquire() -> Command {
    let config = Config::builder(["only"]).build().expect("one node is enough");
    let request = Request::new(&config, "invoice:7", Duration::from_secs(10), Options::new());
    let request = request.expect("the request is within its bounds");
    Lock::acquire(&config, request, [7; 32], Instant::EPOCH).poll_command().expect("a lock begins with a command")
}
