use std::ops::{Deref, DerefMut};
use std::panic::resume_unwind;
use std::thread;

use crate::{Server, ServerBuilder};

/// Independent servers: masters that know nothing of each other, as Redlock wants them.
///
/// It dereferences to a slice of [`Server`].
#[derive(Debug)]
pub struct Servers(Vec<Server>);

impl Servers {
    /// Starts `count` servers with the defaults, all at the same time.
    ///
    /// # Panics
    ///
    /// As [`ServerBuilder::start`].
    #[must_use]
    pub fn start(count: usize) -> Self {
        Server::builder().start_many(count)
    }

    /// The [addresses](Server::url) of all servers, in their order.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.iter().map(Server::url).collect()
    }
}

impl ServerBuilder {
    /// Starts `count` servers with these settings, all at the same time.
    ///
    /// # Panics
    ///
    /// As [`ServerBuilder::start`].
    #[must_use]
    pub fn start_many(self, count: usize) -> Servers {
        thread::scope(|scope| {
            let starting: Vec<_> = (0..count).map(|_| scope.spawn(|| self.clone().start())).collect();
            let started = starting.into_iter().map(|server| server.join().unwrap_or_else(|panic| resume_unwind(panic)));
            Servers(started.collect())
        })
    }
}

impl Deref for Servers {
    type Target = [Server];

    fn deref(&self) -> &[Server] {
        &self.0
    }
}

impl DerefMut for Servers {
    fn deref_mut(&mut self) -> &mut [Server] {
        &mut self.0
    }
}
