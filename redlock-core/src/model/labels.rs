//! The labels of owners, each beside the key of a lock.

use core::time::Duration;

use super::{Node, left};
use crate::slots::name_beside;
use crate::{Instant, Owner, Resource, ValueDigest};

/// The label of the owner of a key, and whose value it stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Label {
    digest: ValueDigest,
    owner: Owner,
    pub(super) expires_at: Option<u128>,
}

impl Node {
    /// Keeps a label beside a key that has the token of its owner, for as long as the key.
    pub(super) fn label(&mut self, key: &Resource, owner: Option<&Owner>) {
        if let (Some(owner), Some(entry)) = (owner, self.keys.get(key.as_bytes())) {
            let (digest, expires_at) = (ValueDigest::of(&entry.value), entry.expires_at);
            let label = Label { digest, owner: owner.clone(), expires_at };
            self.labels.insert(name_beside(key.as_bytes()).into(), label);
        }
    }

    pub(super) fn forget_label(&mut self, keys: &[Resource], token: &[u8]) {
        let digest = ValueDigest::of(token);
        for name in keys.iter().map(|key| name_beside(key.as_bytes())) {
            if self.labels.get(name).is_some_and(|label| label.digest == digest) {
                self.labels.remove(name);
            }
        }
    }

    /// Returns the label of the owner of a key, if it is that of the value that the key has.
    pub(super) fn owner_of(&self, key: &Resource) -> Option<&Owner> {
        let label = self.labels.get(name_beside(key.as_bytes()))?;
        let entry = self.keys.get(key.as_bytes())?;
        (ValueDigest::of(&entry.value) == label.digest).then_some(&label.owner)
    }

    /// Returns the label of the owner of a key, as it is shown to those who ask.
    pub fn owner(&mut self, resource: &Resource, now: Instant) -> Option<&Owner> {
        self.expire(now);
        self.owner_of(resource)
    }

    /// Returns the label that is kept beside a key, whose digest of a value stands in front of it, and how long it still lives.
    pub fn label_beside(&mut self, resource: &Resource, now: Instant) -> Option<(ValueDigest, &Owner, Duration)> {
        self.expire(now);
        let label = self.labels.get(name_beside(resource.as_bytes()))?;
        let remaining = label.expires_at.map_or(Duration::MAX, |expires_at| left(expires_at, now));
        Some((label.digest, &label.owner, remaining))
    }
}
