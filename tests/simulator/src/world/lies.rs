//! A node that says anything about its queues. What it says about keys is true.

use core::time::Duration;

use redlock_core::{Action, Cause, Command, Hold, Reply, Resources, Unavailable};

use super::World;
use crate::server::Executed;

/// What a lying node says somebody has to wait at most.
const LONGEST_WAIT_MILLIS: u32 = 100_000;

impl World<'_> {
    /// Carries out a command, and says anything about the queue.
    pub(super) fn execute_with_lies(&mut self, node: usize, command: &Command, refusal: Cause) -> Executed {
        match &command.action {
            Action::AcquireInTurn { .. } if self.dice.chance(30) => {
                let hold = self.any_hold(command);
                Executed::harmless(Reply::HeldByOther(hold))
            }
            Action::AcquireInTurn { resources, token, ttl, fencing, .. } if self.dice.chance(40) => {
                let action = Action::acquire(resources.clone(), *token, *ttl).fenced(fencing.clone());
                let out_of_turn = command.with_action(action, command.form);
                self.execute_and_lie(node, &out_of_turn, refusal)
            }
            Action::Leave { .. } if self.dice.chance(30) => Executed::harmless(Reply::Unavailable(self.any_refusal())),
            _ => self.execute_and_lie(node, command, refusal),
        }
    }

    fn execute_and_lie(&mut self, node: usize, command: &Command, refusal: Cause) -> Executed {
        let executed = self.servers[node].execute(command, refusal, self.now);
        let is_release = matches!(command.action, Action::Release { .. });
        let reply = match executed.reply {
            Reply::HeldByOther(_) if !is_release => Reply::HeldByOther(self.any_hold(command)),
            Reply::Done | Reply::CalledUp if is_release && self.dice.chance(50) => Reply::CalledUp,
            Reply::CalledUp => Reply::Done,
            reply => reply,
        };
        Executed { reply, ..executed }
    }

    /// Says why somebody may not wait.
    pub(super) fn any_refusal(&mut self) -> Unavailable {
        Unavailable::new(self.dice.pick(&[Cause::NoPermission, Cause::Busy, Cause::UnknownCommand]))
    }

    fn any_hold(&mut self, command: &Command) -> Hold {
        let mut hold = Hold::UNKNOWN;
        let names = command.action.resources().map(Resources::as_slice).filter(|names| names.len() > 1);
        if let Some(names) = names.filter(|_| self.dice.chance(70)) {
            hold.resource = Some(names[self.dice.below(names.len())].clone());
        }
        if self.dice.chance(70) {
            hold.place = Some(self.dice.count(1..=20));
        }
        if self.dice.chance(70) {
            let longest = self.dice.pick(&[0, 10, LONGEST_WAIT_MILLIS]);
            hold.remaining = Some(Duration::from_millis(self.dice.count(0..=longest).into()));
        }
        hold
    }
}
