use alloc::boxed::Box;
use core::ops::{Deref, DerefMut};

use smallvec::SmallVec;

use crate::spare::Spare;

/// A list that is empty as long as all goes well: then it takes no more memory than a pointer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RareList<T>(
    /// `None` for the empty list and for no other.
    Option<Box<Items<T>>>,
);

/// What a list is made of as long as it is not empty.
pub(crate) type Items<T> = SmallVec<[T; 1]>;

impl<T> RareList<T> {
    pub(crate) const fn new() -> Self {
        Self(None)
    }

    pub(crate) fn push(&mut self, item: T) {
        self.0.get_or_insert_default().push(item);
    }

    /// Adds an item, in a box that may have been used before.
    pub(crate) fn push_into(&mut self, item: T, spare: &mut Spare<Items<T>>) {
        self.0.get_or_insert_with(|| spare.take()).push(item);
    }

    pub(crate) fn insert(&mut self, place: usize, item: T) {
        self.0.get_or_insert_default().insert(place, item);
    }

    /// Takes an item out; `None` if there is none at that place.
    pub(crate) fn remove(&mut self, place: usize) -> Option<T> {
        let items = self.0.as_mut().filter(|items| place < items.len())?;
        let item = items.remove(place);
        self.tidy();
        Some(item)
    }

    pub(crate) fn retain(&mut self, mut is_kept: impl FnMut(&T) -> bool) {
        if let Some(items) = &mut self.0 {
            items.retain(|item| is_kept(item));
            self.tidy();
        }
    }

    /// Gives its box back when the last item has left.
    pub(crate) fn retain_and_give_back(&mut self, mut is_kept: impl FnMut(&T) -> bool, spare: &mut Spare<Items<T>>) {
        if let Some(items) = &mut self.0 {
            items.retain(|item| is_kept(item));
        }
        if let Some(emptied) = self.0.take_if(|items| items.is_empty()) {
            spare.give_back(emptied);
        }
    }

    fn tidy(&mut self) {
        self.0.take_if(|items| items.is_empty());
    }
}

impl<T> Deref for RareList<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.0.as_ref().map_or(&[], |items| items.as_slice())
    }
}

impl<T> DerefMut for RareList<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        self.0.as_mut().map_or(&mut [], |items| items.as_mut_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_a_pointer_and_is_equal_to_a_new_one_when_all_have_left() {
        let mut list = RareList::new();
        assert_eq!(size_of_val(&list), size_of::<usize>());
        list.push(2);
        list.insert(0, 1);
        assert_eq!(*list, [1, 2]);
        assert_eq!((list.remove(2), list.remove(0)), (None, Some(1)));
        list.retain(|item| *item != 2);
        assert_eq!(list, RareList::new());
    }
}
