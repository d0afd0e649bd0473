/// What a leadership is asked, with the documentation. Its one field is a guard.
#[macro_export]
#[doc(hidden)]
macro_rules! leadership_getters {
    ($lease:ty) => {
        /// Returns whether this candidate leads at this moment. The clock is read at every call.
        #[must_use]
        pub fn is_leader(&self) -> bool {
            self.0.is_valid()
        }

        /// Returns what the work of a leader can ask: until when it leads at least.
        #[must_use]
        pub fn lease(&self) -> &$lease {
            &self.0
        }
    };
}
