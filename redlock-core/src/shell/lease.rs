/// What a lease is asked, with the documentation, and how it is shown. Its fields are `handle`, `key` and `held`, which is what
/// was [handed over](crate::HandedOver); `handle.shell()` knows the `deadline` of a lock, can `check` whether
/// it is held, and knows what time it is `now`.
#[macro_export]
#[doc(hidden)]
macro_rules! lease_getters {
    () => {
        /// Returns the fence of the lock, if it is [fenced](crate::Acquire::fenced): to be given to what is protected with every write,
        /// so that it can refuse one that comes too late. `None` too for a lock of several resources, which has
        /// [several](Self::fences).
        #[must_use]
        #[doc(alias = "fencing_token")]
        pub fn fence(&self) -> Option<Fence> {
            self.held.fence()
        }

        /// Returns the fence of each resource, if the lock is [fenced](crate::Acquire::fenced); nothing if it is not.
        pub fn fences(&self) -> impl Iterator<Item = (&Resource, Fence)> {
            self.held.fences()
        }

        /// Returns the end of the lock's validity, on the clock of the handle. For a lock that was found to be lost before, the
        /// moment of that. That clock is [`now`](crate::now); a timer on another one takes [`remaining`](Self::remaining).
        #[must_use]
        #[doc(alias("until", "expiry", "expires_at"))]
        pub fn deadline(&self) -> Instant {
            self.handle.shell().deadline(self.key).unwrap_or_default()
        }

        /// Returns how long the lock is valid from now on; zero when it is not.
        #[must_use]
        #[doc(alias("validity", "ttl"))]
        pub fn remaining(&self) -> Duration {
            self.deadline().saturating_since(self.handle.shell().now())
        }

        /// Returns whether the lock is valid at this moment. The clock is read at every call.
        #[must_use]
        pub fn is_valid(&self) -> bool {
            !self.remaining().is_zero()
        }

        /// Looks whether the lock is still held: for loops, `guard.check()?` before each step.
        ///
        /// # Errors
        ///
        /// How it was lost, or that it was [released](crate::Loss::Released): for ever. Stop the work that needs it.
        pub fn check(&self) -> Result<(), Loss> {
            self.handle.shell().check(self.key).map(drop)
        }

        /// Returns what is locked, as it is named on the nodes.
        #[must_use]
        pub const fn resources(&self) -> &Resources {
            self.held.resources()
        }

        pub(crate) fn fmt_as(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct(name)
                .field("resources", self.resources())
                .field("remaining", &self.remaining())
                .finish_non_exhaustive()
        }
    };
}
