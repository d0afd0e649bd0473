//! Setting keys for a waiter whose turn it is.

use core::time::Duration;

use super::{Entry, Node, expiry, left};
use crate::{
    Action, Cause, Command, Grace, Hold, Instant, Reply, Resource, Resources, Token, Ttl, Unavailable, WaiterId,
};

impl Node {
    /// Sets the keys of an action in turn, if it is the waiter's turn and no other key is in its way.
    pub(super) fn acquire_in_turn(&mut self, command: &Command, now: Instant) -> Reply {
        let (Action::AcquireInTurn { resources, token, ttl, waiter, keeps_turn, .. }, Some(key)) =
            (&command.action, command.action.queue())
        else {
            return Reply::Unavailable(Unavailable::new(Cause::Refused));
        };
        if let Some(hold) = self.in_the_way(key, waiter, command, now) {
            let place = Some(self.queue(key).join(waiter, now));
            return Reply::HeldByOther(Hold { resource: of_several(resources, key), place, ..hold });
        }
        let busy = self.other_in_the_way(key, waiter, command, now);
        let queue = self.queue(key);
        queue.leave(waiter);
        queue.end_turn(waiter);
        if let Some(hold) = busy {
            if *keeps_turn > Grace::NONE && hold.resource.as_ref() > Some(key) {
                queue.keep_turn(waiter, *keeps_turn, command.grace, now);
            } else {
                self.call_up(key, command.grace, None, now);
            }
            return Reply::HeldByOther(hold);
        }
        self.take_turn(resources.as_slice(), token, *ttl, &command.action, now)
    }

    /// Returns what keeps a waiter from a key: the key, or that it is somebody else's turn. Whoever is before it is called up.
    fn in_the_way(&mut self, key: &Resource, waiter: &WaiterId, command: &Command, now: Instant) -> Option<Hold> {
        let owner = self.owner_of(key).cloned();
        if let Some(remaining) = self.ttl(key.as_bytes(), now) {
            let remaining = Some(remaining).filter(|remaining| *remaining != Duration::MAX);
            return Some(Hold { remaining, owner, ..Hold::UNKNOWN });
        }
        let is_mine = match self.queue(key).called().cloned() {
            Some(called) => called == *waiter,
            None => !self.call_up(key, command.grace, Some(waiter), now),
        };
        let remaining = self.queue(key).turn_ends_at().map(|at| left(at, now));
        (!is_mine).then_some(Hold { remaining, ..Hold::UNKNOWN })
    }

    /// Returns what keeps a waiter from one of the keys beside the one that it waits for.
    fn other_in_the_way(&mut self, key: &Resource, waiter: &WaiterId, command: &Command, now: Instant) -> Option<Hold> {
        let mut others = command.action.resources()?.as_slice().iter().filter(|other| *other != key);
        others.find_map(|other| {
            let hold = self.in_the_way(other, waiter, command, now)?;
            Some(Hold { resource: Some(other.clone()), ..hold })
        })
    }

    /// Sets keys that are not there.
    fn take_turn(&mut self, keys: &[Resource], token: &Token, ttl: Ttl, action: &Action, now: Instant) -> Reply {
        for key in keys {
            let value = token.as_bytes().into();
            let entry = Entry { value, expires_at: Some(expiry(now, ttl.as_millis())) };
            self.keys.insert(key.as_bytes().into(), entry);
            self.label(key, action.owner());
        }
        action.fencing().map_or(Reply::Done, |fencing| self.fence(keys, fencing, now))
    }
}

/// Returns the resource, if a node says which one it is: one of several.
fn of_several(resources: &Resources, key: &Resource) -> Option<Resource> {
    resources.only().is_none().then(|| key.clone())
}
