//! Locks that are driven by hand over nodes that agree to everything at once: what the core itself costs.

use core::hint::black_box;
use core::time::Duration;

use redlock_core::{Command, Config, Event, Instant, Lock, Options, Reply, Request};

const TTL: Duration = Duration::from_secs(10);
const SENT_AT: Instant = at(1);
pub(crate) const ANSWERED_AT: Instant = at(2);

/// Takes locks over a number of nodes, all for the same request.
pub(crate) struct ByHand {
    config: Config,
    request: Request,
}

impl ByHand {
    pub(crate) fn new(nodes: usize) -> Self {
        let names = (0..nodes).map(|node| format!("redis://10.0.0.{node}"));
        let config = Config::builder(names).build().expect("the nodes differ");
        let request =
            Request::new(&config, "invoice:7", TTL, Options::new()).expect("the request is within its bounds");
        Self { config, request }
    }

    /// A lock that has begun: its first command is to be polled.
    pub(crate) fn begin(&self) -> Lock {
        Lock::acquire(&self.config, self.request.clone(), black_box([7; 32]), SENT_AT)
    }

    pub(crate) fn acquire(&self) -> Lock {
        let mut lock = self.begin();
        assert!(matches!(drive(&mut lock), Some(Event::Acquired { .. })));
        assert!(lock.hand_over(ANSWERED_AT));
        lock
    }
}

pub(crate) fn extend(lock: &mut Lock) {
    lock.extend(TTL, SENT_AT).expect("a lock that is held can be extended");
    assert!(matches!(drive(lock), Some(Event::Extended { .. })));
}

pub(crate) fn release(mut lock: Lock) {
    lock.release(SENT_AT);
    assert!(matches!(drive(&mut lock), Some(Event::Released(_))));
    assert!(lock.is_settled());
}

/// Answers all commands of a lock as a driver does, and yields what it then tells.
fn drive(lock: &mut Lock) -> Option<Event> {
    while let Some(command) = lock.poll_command() {
        agree(lock, &command);
    }
    black_box(lock.poll_timeout());
    lock.poll_event()
}

/// All nodes of a command say that it is done.
pub(crate) fn agree(lock: &mut Lock, command: &Command) {
    for node in command.nodes.iter() {
        lock.handle_reply(command.id, node, Reply::Done, ANSWERED_AT);
    }
}

const fn at(millis: u64) -> Instant {
    Instant::from_epoch(Duration::from_millis(millis))
}
