use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::hash::{Hash, Hasher};

/// The largest number of boxes that are kept, some 30 kB: more than are in use at a time.
const MAX_SPARE: usize = 256;

/// Boxes that were emptied and are used again, so that nothing is allocated for what comes and goes. They say nothing about
/// the machine that keeps them: all are equal, and a clone has none.
pub(crate) struct Spare<T>(Vec<Box<T>>);

impl<T: Default> Spare<T> {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Returns an empty box.
    #[expect(clippy::unnecessary_box_returns, reason = "the box is what is used again")]
    pub(crate) fn take(&mut self) -> Box<T> {
        self.0.pop().unwrap_or_default()
    }

    /// Keeps a box that was emptied.
    pub(crate) fn give_back(&mut self, emptied: Box<T>) {
        if self.0.len() < MAX_SPARE {
            self.0.push(emptied);
        }
    }
}

impl<T: Default> Clone for Spare<T> {
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl<T> PartialEq for Spare<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<T> Eq for Spare<T> {}

impl<T> Hash for Spare<T> {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl<T> fmt::Debug for Spare<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Spare").field(&self.0.len()).finish()
    }
}
