/// How a guard lets its lock go without a release, with the documentation. Its field `is_over` says that the lock is not its
/// own any more; it dereferences to a [lease](crate::lease_getters), and `handle.shell()` can `detach` a lock.
#[macro_export]
#[doc(hidden)]
macro_rules! guard_verbs {
    () => {
        /// Leaves the lock without a guard, to be [adopted](crate::Redlock::adopt) later or in another process: its keys stay
        /// until their TTL is over, and nobody keeps it alive meanwhile. The result is as good as the lock.
        ///
        /// The options with which it was acquired end with the guard, a longer [shortest hold](crate::Acquire::min_hold) too:
        /// whoever adopts the lock gives them again.
        ///
        /// # Errors
        ///
        /// How the lock was lost.
        pub fn detach(mut self) -> Result<DetachedLock, Loss> {
            self.is_over = true;
            self.handle.shell().detach(self.key)
        }

        /// Leaves the lock to its TTL: nobody gets it before, and nobody releases it or keeps it alive, not even for a longer
        /// [shortest hold](crate::Acquire::min_hold).
        pub fn forget(self) {
            // A lock that is lost has nothing to be left.
            let _ = self.detach();
        }
    };
}
