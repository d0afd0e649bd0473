//! Whole lives of locks over connections to servers that delete by value.

use core::time::Duration;

use redlock_core::resp::Event;
use redlock_core::{Config, Instant, Lock, NodeSet, Options, Outcome, ReleaseReport, Request};

use crate::server::Server;

const NOW: Instant = Instant::from_epoch(Duration::from_millis(1));

/// The servers that can do it, with the command.
const SERVERS: [(&str, &str, &str); 2] = [("valkey", "9.0.0", "DELIFEQ"), ("redis", "8.4.0", "DELEX")];

struct Life {
    config: Config,
    servers: Vec<Server>,
    lock: Lock,
}

impl Life {
    /// A lock that is held on three servers.
    fn held(name: &str, version: &str) -> Self {
        let config = Config::builder(["a", "b", "c"]).build().unwrap();
        let request = Request::new(&config, "job", Duration::from_secs(10), Options::new()).unwrap();
        let lock = Lock::acquire(&config, request, [7; 32], NOW);
        let servers = (0..3).map(|_| Server::new(name, version)).collect();
        let mut life = Self { config, servers, lock };
        life.drive();
        assert!(matches!(life.lock.poll_event(), Some(redlock_core::Event::Acquired { .. })));
        assert!(life.lock.hand_over(NOW));
        life
    }

    fn drive(&mut self) {
        while let Some(command) = self.lock.poll_command() {
            for node in command.nodes.iter() {
                let command = command.with_nodes(NodeSet::from_iter([node]));
                let connection = self.servers[node.index()].serve(|connection| connection.send(&command));
                let Some(Event::Reply(reply)) = connection.poll_event() else { panic!("no reply to {command:?}") };
                self.lock.handle_reply(command.id, node, reply, NOW);
            }
        }
    }

    fn release(&mut self) -> ReleaseReport {
        self.lock.release(NOW);
        self.drive();
        let Some(redlock_core::Event::Released(report)) = self.lock.poll_event() else { panic!("not released") };
        assert!(self.lock.is_settled());
        report
    }

    /// Returns the places of the servers that call nobody up.
    fn others(&self) -> [usize; 2] {
        let home = self.config.home(&"job".into()).unwrap().index();
        [(home + 1) % 3, (home + 2) % 3]
    }
}

fn outcomes(report: &ReleaseReport) -> Vec<Outcome> {
    report.nodes.iter().map(|(_, _, outcome)| outcome).collect()
}

#[test]
fn all_but_the_home_are_released_without_a_script() {
    for (name, version, command) in SERVERS {
        let mut life = Life::held(name, version);
        let outcomes = outcomes(&life.release());
        for other in life.others() {
            assert_eq!(outcomes[other], Outcome::Done);
            assert_eq!(life.servers[other].log, ["SET", command]);
        }
        assert!(life.servers.iter().all(|server| server.key.is_none()));
    }
}

#[test]
fn the_script_tells_what_became_of_a_key_that_is_not_ours() {
    for (name, version, command) in SERVERS {
        let mut life = Life::held(name, version);
        let [expired, taken] = life.others();
        life.servers[expired].key = None;
        life.servers[taken].key = Some(("job".to_owned(), "somebody else's".to_owned()));
        let outcomes = outcomes(&life.release());
        assert_eq!(outcomes[expired], Outcome::Missing);
        assert!(matches!(outcomes[taken], Outcome::HeldByOther(_)));
        for other in [expired, taken] {
            assert_eq!(life.servers[other].log, ["SET", command, "EVAL"]);
        }
        assert!(life.servers[taken].key.is_some(), "it was left alone");
    }
}

#[test]
fn an_attempt_that_is_lost_is_undone_without_a_script() {
    for (name, version, command) in SERVERS {
        let mut life = Life::held(name, version);
        let [free, _] = life.others();
        life.servers[free].key = None;
        let request = Request::new(&life.config, "job", Duration::from_secs(10), Options::new()).unwrap();
        let mut other = Lock::acquire(&life.config, request, [8; 32], NOW);
        core::mem::swap(&mut life.lock, &mut other);
        life.drive();
        assert!(life.servers[free].key.is_none());
        assert_eq!(life.servers[free].log, ["SET", "SET", command]);
        assert_eq!(life.lock.poll_event(), None, "it waits for its next attempt");
    }
}
