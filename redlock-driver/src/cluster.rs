//! What transports to a whole cluster share, for authors of one: a connection to all masters, made of one to each.
//!
//! [`ClusterNode`][`crate::native::ClusterNode`] is the node that most need; its documentation says what a cluster costs as a
//! node.
//!
#![cfg_attr(not(feature = "net"), doc = "[`crate::native::ClusterNode`]: crate#features")]

mod batches;
mod connection;
mod outdated;

use std::sync::{Arc, Mutex, PoisonError};

use redlock_core::slots::Place;

pub use self::connection::ClusterConnection;
#[cfg(any(
    feature = "net",
    all(feature = "redis-cluster", any(feature = "redis-smol-comp", feature = "redis-tokio-comp"))
))]
pub(crate) use self::outdated::Outdated;

/// Where a slot has moved to, as the latest refusal has said it: that member knows more than those that were named.
#[derive(Clone, Debug, Default)]
pub struct MovedTo(Arc<Mutex<Option<Place>>>);

impl MovedTo {
    fn set(&self, place: Place) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
    }

    /// Takes the place, which is to be asked first who serves which slots.
    #[must_use]
    pub fn take(&self) -> Option<Place> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
