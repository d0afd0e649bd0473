//! What was sent, held against the promises for which no phase needs to be known.

use std::collections::BTreeSet;

use redlock_core::{Action, Cause, Command, CommandId, NodeId, Reply, Token};

/// A key that a node may have: the node, and the bytes of the key's token.
type Key = (NodeId, Vec<u8>);

#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    /// The keys that were asked for, by what command.
    asked: BTreeSet<(CommandId, Key)>,
    /// Those that nobody needs to take back: the node refused before it looked at the command.
    untouched: BTreeSet<(CommandId, Key)>,
    /// Those that were taken back.
    taken_back: BTreeSet<Key>,
    replied: BTreeSet<(CommandId, NodeId)>,
    last_id: Option<CommandId>,
    is_released: bool,
}

impl Ledger {
    pub(crate) fn sent(&mut self, command: &Command) {
        assert!(self.last_id < Some(command.id), "the id of {command:?} is not new");
        self.last_id = Some(command.id);
        let is_release = matches!(command.action, Action::Release { .. });
        assert!(is_release || !self.is_released, "after a release came {command:?}");
        for node in command.nodes.iter() {
            let key = key(node, command.action.token().expect("it is of a lock"));
            assert!(is_release || !self.taken_back.contains(&key), "was taken back before: {command:?}");
            match command.action {
                Action::Acquire { .. } => drop(self.asked.insert((command.id, key))),
                _ => assert!(self.was_asked(&key), "was never asked for: {command:?}"),
            }
            if is_release {
                self.taken_back.insert(self::key(node, command.action.token().expect("it is of a lock")));
            }
        }
    }

    pub(crate) fn replied(&mut self, id: CommandId, node: NodeId, reply: &Reply) {
        let is_first = self.replied.insert((id, node));
        let refused = |cause| {
            matches!(cause, Cause::NotSent | Cause::NoDatabase | Cause::UnknownCommand)
                || matches!(cause, Cause::NotAuthenticated | Cause::NoPermission | Cause::CrossSlot)
        };
        if is_first && matches!(reply, Reply::Unavailable(unavailable) if refused(unavailable.cause())) {
            let asked = self.asked.iter().filter(|(asked, key)| *asked == id && key.0 == node);
            self.untouched.extend(asked.cloned());
        }
    }

    /// The lock was released, and what it had to say to that was sent.
    pub(crate) const fn released(&mut self) {
        self.is_released = true;
    }

    /// Asserts that every node that may have a key was told to delete it.
    pub(crate) fn assert_all_taken_back(&self) {
        for asked @ (_, key) in &self.asked {
            assert!(
                self.taken_back.contains(key) || self.untouched.contains(asked),
                "nobody took back what {} has",
                key.0
            );
        }
    }

    fn was_asked(&self, key: &Key) -> bool {
        self.asked.iter().any(|(_, asked)| asked == key)
    }
}

fn key(node: NodeId, token: &Token) -> Key {
    (node, token.as_bytes().to_vec())
}
