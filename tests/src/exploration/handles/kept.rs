use std::hash::Hash;
use std::rc::Rc;

use crate::exploration::interner::Interner;

/// A part of a world that is shared until it changes, with its number in a table as long as it is the same.
#[derive(Clone, Debug)]
pub(super) struct Kept<T> {
    value: Rc<T>,
    id: Option<u32>,
}

impl<T: Clone + Eq + Hash> Kept<T> {
    pub(super) fn new(value: T) -> Self {
        Self { value: Rc::new(value), id: None }
    }

    pub(super) fn get(&self) -> &T {
        &self.value
    }

    pub(super) fn get_mut(&mut self) -> &mut T {
        self.id = None;
        Rc::make_mut(&mut self.value)
    }

    /// Returns its number.
    pub(super) fn pack(&self, table: &mut Interner<Rc<T>>) -> u32 {
        self.id.unwrap_or_else(|| table.intern(&self.value))
    }

    /// Returns the part with this number.
    pub(super) fn unpack(id: u32, table: &Interner<Rc<T>>) -> Self {
        Self { value: Rc::clone(table.get(id)), id: Some(id) }
    }
}
