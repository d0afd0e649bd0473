//! Commands to be worded, whose answers are read.

mod answers;
mod encoding;

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::fence::{Fence, Fencing};
use crate::token::TokenSecret;
use crate::{
    Action, Command, CommandId, Config, Grace, Instant, NodeSet, Options, Request, Resources, ScriptForm, WaiterId,
};

#[derive(Clone, Copy)]
enum Kind {
    Acquire,
    Fenced,
    /// To set keys that were lost of a lock that is fenced.
    Replant,
    InTurn,
    InTurnFenced,
    Raise,
    Extend,
    /// At the home.
    Release,
    /// At another node.
    Delete,
    /// To let the keys live for a while.
    Keep,
    Leave,
    Inspect,
}

fn command(kind: Kind, form: ScriptForm) -> Command {
    command_for("job", kind, form)
}

fn command_for(names: impl Into<Resources>, kind: Kind, form: ScriptForm) -> Command {
    let config = Config::builder(["a"]).build().unwrap();
    let request = Request::new(&config, names, Duration::from_micros(1_500_001), Options::new()).unwrap();
    let (resources, ttl) = (request.resources, request.ttl);
    let token = TokenSecret::new([0xC7; 16]).token(0xC71C_71C7);
    let mint = || Fencing::mint(Fence::new(5_000), config.fence_retention());
    let raise =
        |fences: &[u64]| Fencing::raise(fences.iter().copied().map(Fence::new).collect(), config.fence_retention());
    let in_turn = |resources: Resources| {
        let last = resources.as_slice().last().cloned();
        let last = resources.place(|resource| Some(resource) == last.as_ref()).unwrap();
        Action::acquire_all_in_turn(resources, last, token, ttl, WaiterId::from_seed(&[7; 32]))
    };
    let action = match kind {
        Kind::Acquire => Action::acquire(resources, token, ttl),
        Kind::Fenced => Action::acquire(resources, token, ttl).fenced(mint()),
        Kind::Replant => Action::acquire(resources, token, ttl).fenced(raise(&[33, 7])),
        Kind::Raise => Action::raise(resources, token, raise(&[33])),
        Kind::Extend => Action::extend(resources, token, ttl),
        Kind::InTurn => in_turn(resources),
        Kind::InTurnFenced => in_turn(resources).fenced(mint()),
        Kind::Release => Action::release(resources, token, NodeSet::first(1)),
        Kind::Keep => Action::keep(resources, token, ttl),
        Kind::Delete => Action::release(resources, token, NodeSet::EMPTY),
        Kind::Leave => Action::Leave { resources, waiter: WaiterId::from_seed(&[7; 32]) },
        Kind::Inspect => Action::Inspect { resources },
    };
    let (send_by, grace) = (Instant::EPOCH, Grace::DEFAULT);
    Command { id: CommandId::FIRST, nodes: NodeSet::first(1), action, send_by, form, grace, is_repeated: false }
}

fn line(kind: Kind, form: ScriptForm) -> String {
    line_of(&command(kind, form))
}

fn line_of(command: &Command) -> String {
    let wire = command.wire();
    let words: Vec<_> = wire.words().map(String::from_utf8_lossy).collect();
    words.join(" ")
}
