//! A connection between a process and a node, as both have it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use redlock_blocking::transport::{Command, Heard, Reply, WaiterId};
use redlock_blocking::{Cause, Unavailable};
use redlock_core::CommandId;
use redlock_simulator::Time;

use super::{NOTICES_WITHIN, Node};
use crate::platform::Readiness;

/// A connection.
pub(super) struct Wire {
    pub(super) node: Arc<Node>,
    pub(super) process: usize,
    pub(super) readiness: Readiness,
    pub(super) state: Mutex<WireState>,
}

#[derive(Default)]
pub(super) struct WireState {
    /// By which its readiness is told.
    pub(super) token: Option<usize>,
    /// The commands without a reply, as the client was told to send them.
    pub(super) owed: VecDeque<CommandId>,
    /// What the node has not carried out.
    pub(super) sent: VecDeque<Command>,
    /// What has arrived and was not read.
    pub(super) inbox: VecDeque<Said>,
    /// What was read and not taken.
    pub(super) replies: VecDeque<Reply>,
    pub(super) heard: VecDeque<Heard>,
    /// When the last message arrives in each direction.
    pub(super) last: [Time; 2],
    pub(super) is_broken: bool,
    pub(super) is_closed: bool,
    pub(super) reader: Option<usize>,
}

/// What a node says over a connection.
pub(super) enum Said {
    Reply(Reply),
    Heard(Heard),
}

impl Wire {
    pub(super) fn state(&self) -> MutexGuard<'_, WireState> {
        self.state.lock().unwrap()
    }

    pub(super) fn check(state: &WireState) -> Result<(), Unavailable> {
        let broken = || Unavailable::with_detail(Cause::Disconnected, "cut");
        if state.is_broken { Err(broken()) } else { Ok(()) }
    }

    pub(super) fn break_off(self: &Arc<Self>) {
        self.node.scheduler.tell(|| format!("a connection of {} breaks", self.process));
        self.state().is_broken = true;
        self.tell_reader();
        self.hang_up();
    }

    /// The node notices that the connection is gone, at once or later.
    pub(super) fn hang_up(self: &Arc<Self>) {
        let later = {
            let mut node = self.node.state();
            node.dice.pick(&[0, 1]) * node.dice.time(0..=NOTICES_WITHIN)
        };
        let wire = self.clone();
        self.node.scheduler.note(self.node.scheduler.now() + later, move || wire.node.hang_up(&wire));
    }

    /// A subscription arrives at the node.
    pub(super) fn subscription_arrives(self: Arc<Self>, waiter: WaiterId) {
        let (now, hung_until) = (self.node.scheduler.now(), self.node.state().hung_until);
        if hung_until > now {
            let node = self.node.clone();
            return node.scheduler.note(hung_until, move || self.subscription_arrives(waiter));
        }
        if self.state().is_broken || self.state().is_closed {
            return;
        }
        self.node.scheduler.tell(|| format!("{} subscribes", self.process));
        self.node.subscribe(&waiter, &self);
        self.say(Said::Heard(Heard::Subscribed));
    }

    /// Lets the process have something to read, behind all that was said before.
    pub(super) fn say(self: &Arc<Self>, said: Said) {
        let (at, wire) = (self.next(1), self.clone());
        self.node.scheduler.note(at, move || {
            if !wire.state().is_broken {
                wire.state().inbox.push_back(said);
                wire.tell_reader();
            }
        });
    }

    /// There is something new for whoever reads.
    fn tell_reader(&self) {
        let state = self.state();
        let (reader, token) = (state.reader, state.token.filter(|_| !state.is_closed));
        drop(state);
        if let Some(reader) = reader {
            self.node.scheduler.wake(reader);
        }
        if let Some(token) = token {
            self.readiness.add(token);
        }
    }

    /// A command arrives at the node: the oldest one is carried out now, or when the node goes on.
    pub(super) fn arrive(self: Arc<Self>) {
        let (now, hung_until) = (self.node.scheduler.now(), self.node.state().hung_until);
        if hung_until > now {
            let node = self.node.clone();
            return node.scheduler.note(hung_until, move || self.arrive());
        }
        let (command, is_late) = {
            let mut state = self.state();
            (state.sent.pop_front().unwrap(), state.is_broken || state.is_closed)
        };
        if is_late && self.node.state().dice.chance(50) {
            return;
        }
        let reply = self.node.execute(self.process, &command, is_late);
        self.say(Said::Reply(reply));
    }

    /// When the next message in a direction arrives.
    pub(super) fn next(&self, direction: usize) -> Time {
        let arrives_at = self.node.scheduler.now() + self.node.way();
        let mut state = self.state();
        state.last[direction] = state.last[direction].max(arrives_at);
        state.last[direction]
    }
}

impl WireState {
    /// Reads all that has arrived.
    pub(super) fn read(&mut self) {
        for said in self.inbox.drain(..) {
            match said {
                Said::Reply(reply) => self.replies.push_back(reply),
                Said::Heard(heard) => self.heard.push_back(heard),
            }
        }
    }
}
