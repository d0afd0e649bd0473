//! A Redis master.

use std::sync::{Arc, Weak};

use redlock_core::model;
use redlock_driver::transport::{Action, Command, Reply, WaiterId};
use redlock_driver::{Cause, Resource, Unavailable};
use redlock_simulator::{Clock, Time};

use crate::token::TokenId;
use crate::wire::Wire;

/// The core's model of a master, on a clock of its own.
pub(crate) struct Server {
    model: model::Node,
    clock: Clock,
    /// Who hears that it is called up, and over which connections.
    subscriptions: Vec<(WaiterId, Weak<Wire>)>,
}

/// What came of a command.
pub(crate) struct Executed {
    pub(crate) reply: Reply,
    /// It changed a key that had somebody else's token.
    pub(crate) has_touched_another: bool,
}

impl Server {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { model: model::Node::new(), clock, subscriptions: Vec::new() }
    }

    /// Carries out a command, unless the server is in a state in which it refuses it.
    pub(crate) fn execute(&mut self, command: &Command, refusal: Option<Cause>, time: Time) -> Executed {
        if let Some(cause) = refusal.filter(|&cause| refuses(cause, &command.action)) {
            let reply = Reply::Unavailable(Unavailable::new(cause));
            return Executed { reply, has_touched_another: false };
        }
        let Some(resources) = command.action.resources() else {
            let reply = self.model.execute(command, self.clock.at(time));
            return Executed { reply, has_touched_another: false };
        };
        let resource = resources.as_slice()[0].as_bytes();
        // Whoever leaves a queue has no token.
        let own = command.action.token().map(|token| TokenId::of(token.as_bytes()));
        let before = self.look_at(resource, time);
        let reply = self.model.execute(command, self.clock.at(time));
        let is_anothers = before.is_some_and(|(holder, _)| Some(holder) != own);
        Executed { reply, has_touched_another: is_anothers && self.look_at(resource, time) != before }
    }

    /// Lets a waiter hear over a connection that it is called up.
    pub(crate) fn subscribe(&mut self, waiter: &WaiterId, wire: &Arc<Wire>) {
        self.model.subscribe(waiter);
        self.subscriptions.push((waiter.clone(), Arc::downgrade(wire)));
    }

    /// Notices that a connection is gone: whoever hears over no other is not called up any more.
    pub(crate) fn hang_up(&mut self, wire: &Arc<Wire>) {
        let Self { subscriptions, model, .. } = self;
        let gone: Vec<_> = subscriptions.extract_if(.., |(_, other)| other.as_ptr() == Arc::as_ptr(wire)).collect();
        for (waiter, _) in gone {
            if !subscriptions.iter().any(|(other, _)| *other == waiter) {
                model.unsubscribe(&waiter);
            }
        }
    }

    /// Takes out whom it calls up next, and the connections over which that is told.
    pub(crate) fn take_call_up(&mut self) -> Option<(Resource, Vec<Arc<Wire>>)> {
        let (waiter, resource) = self.model.poll_call_up()?;
        let hears = self.subscriptions.iter().filter(|(other, _)| *other == waiter);
        Some((resource, hears.filter_map(|(_, wire)| wire.upgrade()).collect()))
    }

    /// How many wait here for a resource.
    pub(crate) fn waiting(&mut self, resource: &Resource, time: Time) -> u32 {
        self.model.waiting(resource, self.clock.at(time))
    }

    /// Who holds a resource here.
    pub(crate) fn holder(&mut self, resource: &[u8], time: Time) -> Option<TokenId> {
        self.look_at(resource, time).map(|(holder, _)| holder)
    }

    /// Whose keys are here.
    pub(crate) fn holders(&mut self, time: Time) -> Vec<TokenId> {
        let names: Vec<Vec<u8>> = self.model.keys(self.clock.at(time)).map(<[u8]>::to_vec).collect();
        names.iter().filter_map(|name| self.holder(name, time)).collect()
    }

    pub(crate) fn forget_scripts(&mut self) {
        self.model.forget_scripts();
    }

    /// A key's holder and time to live.
    fn look_at(&mut self, resource: &[u8], time: Time) -> Option<(TokenId, std::time::Duration)> {
        let now = self.clock.at(time);
        let ttl = self.model.ttl(resource, now)?;
        self.model.get(resource, now).map(|value| (TokenId::of(value), ttl))
    }
}

/// Under memory pressure only commands that need memory are refused; all other states refuse everything.
fn refuses(cause: Cause, action: &Action) -> bool {
    cause != Cause::OutOfMemory || matches!(action, Action::Acquire { .. } | Action::AcquireInTurn { .. })
}
