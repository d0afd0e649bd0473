//! The same through [`Locks`]: one machine for all locks, over connections that answer at once.

use core::hint::black_box;
use core::time::Duration;

use redlock_core::fence::Fencing;
use redlock_core::{Action, Command, Config, Facts, Instant, Locks, Options, Reply, Request};

const NOW: Instant = Instant::from_epoch(Duration::from_millis(1));

/// Takes locks over a number of nodes, all for the same request.
pub(crate) struct ThroughLocks {
    locks: Locks,
    request: Request,
    /// Kept for its memory.
    batch: Vec<Command>,
}

impl ThroughLocks {
    pub(crate) fn new(nodes: usize, options: Options) -> Self {
        let names = (0..nodes).map(|node| format!("redis://10.0.0.{node}"));
        let config = Config::builder(names).build().expect("the nodes differ");
        let ttl = Duration::from_secs(10);
        let request = Request::new(&config, "invoice:7", ttl, options).expect("the request is within its bounds");
        Self { locks: Locks::new(config), request, batch: Vec::new() }
    }

    pub(crate) fn acquire_and_release(&mut self) {
        let key = self.locks.acquire(self.request.clone(), black_box([7; 32]), NOW).expect("it is not closed");
        self.drive();
        assert!(self.locks.hand_over(key, NOW).is_some_and(|result| result.is_ok()));
        self.locks.release(key, NOW);
        self.drive();
        assert!(self.locks.take_released(key).is_some());
        self.locks.abandon(key, NOW);
        self.locks.handle_timeout(NOW);
        assert!(self.locks.is_empty());
    }

    /// Does what a shell does: connects, sends, receives, looks who is to be woken, and arms a timer.
    fn drive(&mut self) {
        let Self { locks, batch, .. } = self;
        while let Some(node) = locks.poll_ready() {
            if locks.poll_connect(node) {
                locks.handle_connected(node, Facts::default(), true, NOW);
            }
            locks.poll_batch(node, batch, NOW);
            for command in batch.drain(..) {
                locks.handle_reply(node, agreement(&command), NOW);
            }
        }
        while let Some(key) = locks.poll_finished() {
            black_box(key);
        }
        black_box(locks.poll_timeout());
    }
}

/// Returns the reply of a node that does what it is told, and grants the fence that is proposed.
pub(crate) fn agreement(command: &Command) -> Reply {
    match &command.action {
        Action::Acquire { fencing: Some(fencing), .. } => match **fencing {
            Fencing::Mint { proposal, .. } => Reply::Granted([proposal].into_iter().collect()),
            _ => Reply::Done,
        },
        _ => Reply::Done,
    }
}
