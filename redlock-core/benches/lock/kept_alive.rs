//! Many locks that are kept alive: they are at rest for long between two extensions, and in no cache any more.

use core::hint::black_box;
use core::time::Duration;

use redlock_core::{Command, Config, Facts, Instant, KeepAlive, Locks, Options, Request};

use crate::through_locks::agreement;

const TTL: Duration = Duration::from_secs(30);
const INTERVAL: Duration = Duration::from_secs(10);

/// Locks that were taken one after the other within an interval, over three nodes that agree at once.
pub(crate) struct KeptAlive {
    locks: Locks,
    now: Instant,
    batch: Vec<Command>,
}

impl KeptAlive {
    pub(crate) fn new(count: u32) -> Self {
        let config = Config::builder(["one", "two", "three"]).build().expect("the nodes differ");
        let options = Options::new().keep_alive(KeepAlive::while_held().every(INTERVAL));
        let mut all = Self { locks: Locks::new(config.clone()), now: Instant::EPOCH, batch: Vec::new() };
        for number in 0..count {
            all.now = all.now.saturating_add(INTERVAL.checked_div(count).expect("there are some"));
            let name = format!("invoice:{number}");
            let request = Request::new(&config, &name, TTL, options).expect("the request is within its bounds");
            let key = all.locks.acquire(request, seed(number), all.now).expect("it is not closed");
            all.drive();
            assert!(all.locks.hand_over(key, all.now).is_some_and(|result| result.is_ok()));
        }
        all
    }

    /// Extends those that are due together next.
    pub(crate) fn extend_next(&mut self) {
        let next = self.locks.poll_timeout().expect("some lock is to be extended");
        self.now = self.now.max(next);
        while self.locks.poll_timeout().is_some_and(|at| at <= self.now) {
            self.locks.handle_timeout(self.now);
            self.drive();
        }
    }

    /// Sends and answers what there is.
    fn drive(&mut self) {
        let Self { locks, now, batch } = self;
        while let Some(node) = locks.poll_ready() {
            if locks.poll_connect(node) {
                locks.handle_connected(node, Facts::default(), true, *now);
            }
            locks.poll_batch(node, batch, *now);
            for command in batch.drain(..) {
                locks.handle_reply(node, agreement(&command), *now);
            }
        }
        while let Some(key) = locks.poll_finished() {
            black_box(key);
        }
    }
}

fn seed(number: u32) -> [u8; 32] {
    let mut seed = [0; 32];
    seed.iter_mut().zip(number.to_be_bytes()).for_each(|(byte, digit)| *byte = digit);
    seed
}
