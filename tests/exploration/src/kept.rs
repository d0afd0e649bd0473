use std::hash::{Hash, Hasher};
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

use super::interner::Interner;

/// A part of a world that is shared until it changes. It has a number in a table as long as it stays the same, and is
/// compared by that: see [`Kept::intern`].
#[derive(Clone, Debug)]
pub(super) struct Kept<T> {
    value: Rc<T>,
    id: Option<u32>,
}

impl<T: Clone + Eq + Hash> Kept<T> {
    pub(super) fn new(value: T) -> Self {
        Self { value: Rc::new(value), id: None }
    }

    /// Numbers it if it has changed, and shares it with all that are equal.
    pub(super) fn intern(&mut self, table: &mut Interner<Rc<T>>) {
        if self.id.is_none() {
            let id = table.intern(&self.value);
            *self = Self { value: Rc::clone(table.get(id)), id: Some(id) };
        }
    }
}

impl<T> Kept<T> {
    fn id(&self) -> u32 {
        self.id.expect("what is compared has its number")
    }
}

impl<T> PartialEq for Kept<T> {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl<T> Eq for Kept<T> {}

impl<T> Hash for Kept<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id().hash(state);
    }
}

impl<T> Deref for Kept<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Clone> DerefMut for Kept<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.id = None;
        Rc::make_mut(&mut self.value)
    }
}
