/// The verbs of a handle that are made of others, with their documentation. `$locked` is what `lock` returns, and `$candidate`
/// has a `new`.
#[macro_export]
#[doc(hidden)]
macro_rules! redlock_verbs {
    ($locked:ty, $candidate:ty) => {
        /// Takes the locks of several resources together, all or none, and waits for them if somebody else has one.
        ///
        /// They are one lock: one guard, one deadline, one release. Each excludes locks of that resource alone. Callers who
        /// name the same resources in different orders never wait for each other in a circle, because a node grants all at
        /// once or nothing. At most [`MAX_NAMES`](redlock_core::MAX_NAMES) can be named.
        ///
        /// Whoever waits holds none of them, and waits in the queue of one that somebody else holds. If another one is held when
        /// its turn comes, it goes to the end of the queue of that one. If the name of that one comes later in the order of names,
        /// it keeps its turn for twice as long as it has waited, but for no longer than the TTL: so it is served even while each of
        /// the resources is always in demand, unless the others hold them for longer than that. Those who wait behind it wait for
        /// that time, too, although nobody holds the resource.
        ///
        /// # Errors
        ///
        /// As with [`lock`](Self::lock).
        #[doc(alias("multi_lock", "lock_many"))]
        pub fn lock_all<N: Into<Resource>>(&self, names: impl IntoIterator<Item = N>, ttl: Duration) -> $locked {
            self.lock(Resources::all(names), ttl)
        }

        /// Makes a candidate in an election: of all that name the same one, at most one leads. `ttl` is for how long others wait
        /// for a leader that is gone.
        #[must_use]
        #[doc(alias("leader", "elect"))]
        pub fn candidate(&self, election: impl Into<Resource>, ttl: Duration) -> $candidate {
            <$candidate>::new(self.clone(), election.into(), ttl)
        }
    };
}

/// What a handle is asked, with the documentation; `handle.shell()` has the `config`, and knows what time it is `now`.
#[macro_export]
#[doc(hidden)]
macro_rules! redlock_getters {
    () => {
        /// Returns the settings that all locks of this handle share.
        #[must_use]
        pub fn config(&self) -> &Config {
            &self.handle.shell().config
        }

        /// Returns the present moment, on the clock of all deadlines.
        #[cfg(feature = "cache")]
        pub(crate) fn now(&self) -> $crate::Instant {
            self.handle.shell().now()
        }
    };
}
