use core::time::Duration;

use redlock_core::{
    Action, Command, CommandId, Instant, NodeId, NodeSet, OperationId, Outcome, Reply, Resource, ScriptForm, Token,
};

use crate::invariant::{Invariant, Violation};

/// The referee's book about one lock: what it was seen to send, and what it was seen to be answered.
///
/// It knows the rules from the protocol's description and nothing of how the core keeps them.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    attempts: Vec<Attempt>,
    /// When the last attempt began, whether it came to send anything or not.
    began_at: Option<Instant>,
    tenure: Option<Tenure>,
    /// Its client has heard a call-up that it has not answered.
    is_called_up: bool,
    /// The lock was lost, released or given up.
    is_over: bool,
    /// Its user has asked for its release.
    is_leaving: bool,
    /// When the machine had nothing to do any more.
    settled_at: Option<Instant>,
    /// When it was handed over, whatever has become of it since.
    held_from: Option<Instant>,
    /// The token of what is somebody else's, who has left it.
    adopts: Option<Token>,
    /// The token of what was left to its keys, for somebody else to adopt.
    left: Option<Token>,
    /// Until then nobody else is to get what was held.
    min_hold_until: Option<Instant>,
    /// The nodes that have confirmed that they keep the keys until then.
    kept_by: NodeSet,
}

/// What became of one attempt's token.
#[derive(Debug)]
struct Attempt {
    token: Token,
    /// When it began.
    asked_at: Instant,
    /// The longest that a node was told.
    ttl: Duration,
    /// The nodes that were sent a SET.
    asked: NodeSet,
    granted: NodeSet,
    /// Those of them whose grant must not count.
    void: NodeSet,
    /// The nodes that certainly never had it.
    untouched: NodeSet,
    /// The node that is asked in turn, if one is.
    home: Option<NodeId>,
    /// The resource in whose queue it waits there.
    waits_for: Option<Resource>,
    /// The nodes that it was given out for.
    given_out: NodeSet,
    /// It was begun because the waiter was called up.
    is_called_up: bool,
    /// The home has said that it keeps a place for the waiter.
    has_place: bool,
    /// It may not be heard any more whether the waiter is called up.
    is_deaf: bool,
    /// The home, where somebody else has the lock or the turn.
    refused: NodeSet,
    /// The nodes that are to be told to release it.
    released: NodeSet,
    /// Those of them that were sent that.
    told: NodeSet,
    /// The nodes that were asked, and could not be sent anything later on: a release may have been refused unseen.
    cut_off: NodeSet,
    /// When it was first released.
    released_at: Option<Instant>,
    /// The nodes that have confirmed a release.
    cleared: NodeSet,
}

/// A lock that is held.
#[derive(Debug)]
struct Tenure {
    deadline: Instant,
    /// The end of the longest hold.
    ends_at: Option<Instant>,
    /// The extensions without a result.
    extensions: Vec<Extension>,
    /// The command for which a node has asked last for the text of the script.
    asked_for_text: Option<CommandId>,
}

#[derive(Debug)]
struct Extension {
    /// None if it was begun in the background, to keep the lock alive.
    operation: Option<OperationId>,
    /// Its commands: the first, and those with the text of the script.
    commands: Vec<CommandId>,
    asked_at: Instant,
    ttl: Duration,
    confirmed: NodeSet,
}

type Checked = Result<(), Violation>;

/// # What the lock says to the nodes, and they to it
impl Ledger {
    /// Takes the beginning of an attempt.
    pub(crate) const fn begins_attempt(&mut self, now: Instant) {
        self.began_at = Some(now);
    }

    /// Takes the beginning of an extension.
    pub(crate) fn begins_extension(&mut self, operation: OperationId, ttl: Duration, now: Instant) {
        if let Some(tenure) = &mut self.tenure {
            tenure.extensions.push(Extension::new(Some(operation), ttl, now));
        }
    }

    /// Takes the beginning of an adoption.
    pub(crate) fn begins_adoption(&mut self, token: Token, ttl: Duration, now: Instant) {
        self.adopts = Some(token);
        self.attempts.push(Attempt::new(token, ttl, now));
    }

    /// Takes a command when the lock gives it out, to be sent when there is a connection.
    pub(crate) fn gives_out(&mut self, command: &Command, is_lost: bool, now: Instant) -> Checked {
        match &command.action {
            Action::Acquire { token, ttl, .. } | Action::AcquireInTurn { token, ttl, .. } => {
                self.asks(command, *token, ttl.get(), now)
            }
            Action::Extend { ttl, .. } => self.extends(command, ttl.get(), now),
            Action::Release { token, .. } => self.releases(*token, command.nodes, is_lost, now),
            _ => Ok(()),
        }
    }

    /// Takes a command when it is sent to a node.
    pub(crate) fn sends(&mut self, command: &Command, node: NodeId) -> Checked {
        let token = *command.action.token().expect("it is of a lock");
        let Some(attempt) = self.attempts.iter_mut().find(|attempt| attempt.token == token) else { return Ok(()) };
        match &command.action {
            Action::Acquire { .. } | Action::AcquireInTurn { .. } if attempt.told.contains(node) => {
                return Err(Violation::new(Invariant::NothingAfterRelease, "a SET is sent after the release"));
            }
            Action::Acquire { .. } | Action::AcquireInTurn { .. } => {
                attempt.asked.insert(node);
                attempt.untouched.remove(node);
            }
            Action::Extend { .. } if attempt.told.contains(node) => {
                return Err(Violation::new(Invariant::NothingAfterRelease, "an extension is sent after the release"));
            }
            Action::Release { .. } => attempt.told.insert(node),
            _ => {}
        }
        Ok(())
    }

    /// Notes that nothing can be sent to a node at the moment.
    pub(crate) fn is_cut_off(&mut self, node: NodeId) {
        let has_asked = |attempt: &&mut Attempt| attempt.asked.union(attempt.granted).contains(node);
        for attempt in self.attempts.iter_mut().filter(has_asked) {
            attempt.cut_off.insert(node);
        }
    }

    fn asks(&mut self, command: &Command, token: Token, ttl: Duration, now: Instant) -> Checked {
        let is_last = self.attempts.last().is_some_and(|last| last.token == token);
        let is_in_turn = matches!(command.action, Action::AcquireInTurn { .. });
        let Some(earlier) = self.attempts.iter_mut().find(|attempt| attempt.token == token) else {
            self.check_released()?;
            let mut attempt = Attempt::new(token, ttl, self.began_at.unwrap_or(now));
            attempt.home = command.nodes.iter().next().filter(|_| is_in_turn);
            attempt.waits_for = command.action.queue().cloned();
            attempt.given_out = command.nodes;
            self.attempts.push(attempt);
            return Ok(());
        };
        if !earlier.released.is_empty() {
            return Err(Violation::new(Invariant::NothingAfterRelease, "a SET follows the release of its token"));
        }
        if is_last && self.tenure.is_none() && earlier.asks_others(command) {
            return earlier.check_home_first(command.nodes, &mut self.is_called_up);
        }
        // A lock that is held gives its keys to a node that has lost them; one that is not sends nothing but the text of
        // the script to a node that does not know it.
        let is_text_for_all_of =
            |nodes: NodeSet| command.form == ScriptForm::Source && command.nodes.without(nodes).is_empty();
        if !is_last || self.tenure.is_none() && !is_text_for_all_of(earlier.untouched) {
            return Err(Violation::new(Invariant::FreshToken, "a second attempt uses the token of the first"));
        }
        Ok(())
    }

    fn extends(&mut self, command: &Command, ttl: Duration, now: Instant) -> Checked {
        if self.is_adopting() {
            return Ok(());
        }
        let Some(tenure) = self.tenure.as_mut().filter(|_| !self.is_leaving) else {
            return Err(Violation::new(Invariant::NothingAfterRelease, "a lock that is not held is extended"));
        };
        let is_text = command.form == ScriptForm::Source;
        if !is_text && !tenure.extensions.last().is_some_and(|extension| extension.commands.is_empty()) {
            // No user has asked for it.
            tenure.extensions.push(Extension::new(None, ttl, now));
        }
        let extension = match tenure.asked_for_text {
            Some(asked) if is_text => tenure.extension_of(asked),
            _ => tenure.extensions.last_mut().filter(|_| !is_text),
        };
        if let Some(extension) = extension {
            extension.commands.push(command.id);
        }
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.ttl = attempt.ttl.max(ttl);
        }
        Ok(())
    }

    fn releases(&mut self, token: Token, nodes: NodeSet, is_lost: bool, now: Instant) -> Checked {
        let is_held = self.tenure.is_some() && self.token() == Some(token);
        if is_held && !self.is_leaving && !is_lost {
            return Err(Violation::new(Invariant::FailedExtensionChangesNothing, "a held lock is released by itself"));
        }
        if self.adopts == Some(token) && self.held_from.is_none() {
            return Err(Violation::new(Invariant::AdoptionChangesNothing, "what was not adopted is released"));
        }
        let attempt = self.attempt_of(token, now);
        attempt.released = attempt.released.union(nodes);
        attempt.released_at.get_or_insert(now);
        Ok(())
    }

    /// Returns the attempt with a token. One that was refused by all nodes was not seen before, and is over.
    fn attempt_of(&mut self, token: Token, now: Instant) -> &mut Attempt {
        let known = self.attempts.iter().position(|attempt| attempt.token == token);
        if known.is_none() {
            self.attempts.insert(0, Attempt::new(token, Duration::ZERO, now));
        }
        &mut self.attempts[known.unwrap_or(0)]
    }

    /// Takes a reply that the lock is given.
    pub(crate) fn is_answered(&mut self, command: &Command, node: NodeId, reply: &Reply) {
        let is_done = matches!(reply, Reply::Done | Reply::Granted(_) | Reply::CalledUp);
        match &command.action {
            Action::Acquire { token, .. } | Action::AcquireInTurn { token, .. } => {
                let held = self.tenure.is_some();
                let Some(attempt) = self.attempts.iter_mut().find(|attempt| attempt.token == *token) else { return };
                if is_done {
                    attempt.granted.insert(node);
                } else if (proves_untouched(reply) || *reply == Reply::UnknownScript) && !held {
                    attempt.untouched.insert(node);
                }
                if let Reply::HeldByOther(hold) = reply
                    && matches!(command.action, Action::AcquireInTurn { .. })
                {
                    attempt.refused.insert(node);
                    // The lock does not wait for an answer that comes when the home is told to release.
                    let is_there = hold.resource.as_ref().is_none_or(|held| attempt.waits_for.as_ref() == Some(held));
                    attempt.has_place = hold.place.is_some() && is_there && !attempt.released.contains(node);
                }
            }
            Action::Extend { .. } if self.is_adopting() => {
                if let Some(attempt) = self.attempts.last_mut().filter(|_| is_done) {
                    attempt.granted.insert(node);
                }
            }
            Action::Extend { .. } => {
                let Some(tenure) = &mut self.tenure else { return };
                if *reply == Reply::UnknownScript {
                    tenure.asked_for_text = Some(command.id);
                } else if let Some(extension) = tenure.extension_of(command.id).filter(|_| is_done) {
                    extension.confirmed.insert(node);
                }
            }
            Action::Release { token, keep, .. }
                if is_done || matches!(reply, Reply::HeldByOther(_) | Reply::Missing) =>
            {
                if keep.is_some() && is_done {
                    self.kept_by.insert(node);
                }
                if let Some(attempt) = self.attempts.iter_mut().find(|attempt| attempt.token == *token) {
                    attempt.cleared.insert(node);
                }
            }
            _ => {}
        }
    }
}

impl Ledger {
    /// Notes that a grant of a node must not count: it does not know what it had granted before.
    pub(crate) fn grant_is_void(&mut self, token: Token, node: NodeId) {
        for attempt in self.attempts.iter_mut().filter(|attempt| attempt.token == token) {
            attempt.void.insert(node);
        }
    }
}

/// # What the lock says to its user
impl Ledger {
    /// The lock says that it is acquired, valid until `deadline`.
    pub(crate) fn is_acquired(&self, deadline: Instant, quorum: usize, now: Instant) -> Checked {
        self.check_not_over()?;
        let Some(attempt) = self.attempts.last() else {
            return Err(Violation::new(Invariant::GrantedByQuorum, "acquired without an attempt"));
        };
        if attempt.granted.len() < quorum {
            return Err(Violation::new(Invariant::GrantedByQuorum, format!("granted by {:?} only", attempt.granted)));
        }
        if attempt.granted.without(attempt.void).len() < quorum {
            let what = format!("the grants of {:?} count, and {:?} have granted", attempt.void, attempt.granted);
            return Err(Violation::new(Invariant::NoVoteWithoutMemory, what));
        }
        let expected = attempt.asked_at.saturating_add(validity(attempt.ttl));
        if deadline != expected {
            return Err(Violation::new(Invariant::Deadline, format!("{deadline:?} instead of {expected:?}")));
        }
        check_in_time(deadline, now)
    }

    /// The lock is handed over, to be held for these times.
    pub(crate) fn is_handed_over(
        &mut self,
        deadline: Instant,
        max_hold: Option<Duration>,
        min_hold: Duration,
        now: Instant,
    ) -> Checked {
        self.check_not_over()?;
        let ends_at = max_hold.map(|max_hold| now.saturating_add(max_hold));
        self.min_hold_until = Some(now.saturating_add(min_hold)).filter(|_| !min_hold.is_zero());
        let tenure = Tenure { deadline, ends_at, extensions: Vec::new(), asked_for_text: None };
        tenure.check_longest_hold(deadline)?;
        (self.tenure, self.held_from) = (Some(tenure), Some(now));
        check_in_time(deadline, now)
    }

    /// The lock says that its deadline is the given one, and has told nobody of an extension: it was extended in the
    /// background.
    pub(crate) fn is_renewed(&mut self, deadline: Instant, quorum: usize, now: Instant) -> Checked {
        let Some(tenure) = &mut self.tenure else { return Ok(()) };
        let old = tenure.deadline;
        tenure.check_longest_hold(deadline)?;
        let is_it = |extension: &Extension| {
            let expected = tenure.capped(extension.asked_at.saturating_add(validity(extension.ttl))).max(old);
            extension.operation.is_none() && extension.confirmed.len() >= quorum && deadline == expected
        };
        let Some(place) = tenure.extensions.iter().position(is_it).filter(|_| now < old) else {
            let what =
                format!("at {now:?} the deadline {old:?} has become {deadline:?}, which no quorum has confirmed");
            return Err(Violation::new(Invariant::ContinuousExtension, what));
        };
        tenure.extensions.remove(place);
        tenure.deadline = deadline;
        Ok(())
    }

    /// The lock is left to its keys, for somebody else to adopt.
    pub(crate) fn is_detached(&mut self) {
        self.leaves();
        self.left = self.token();
    }

    /// The lock says that it is extended until `deadline`.
    pub(crate) fn is_extended(
        &mut self,
        operation: OperationId,
        deadline: Instant,
        quorum: usize,
        now: Instant,
    ) -> Checked {
        self.check_not_over()?;
        let Some(tenure) = &mut self.tenure else {
            return Err(Violation::new(Invariant::EndIsFinal, "a lock that is not held says that it is extended"));
        };
        let old = tenure.deadline;
        let Some(extension) = tenure.end(operation) else {
            return Err(Violation::new(
                Invariant::ContinuousExtension,
                "an extension that had failed has come to count",
            ));
        };
        if now >= old || extension.confirmed.len() < quorum {
            let what = format!("confirmed at {now:?} by {:?}, the old deadline being {old:?}", extension.confirmed);
            return Err(Violation::new(Invariant::ContinuousExtension, what));
        }
        tenure.check_longest_hold(deadline)?;
        let expected = tenure.capped(extension.asked_at.saturating_add(validity(extension.ttl))).max(old);
        if deadline != expected {
            return Err(Violation::new(Invariant::Deadline, format!("{deadline:?} instead of {expected:?}")));
        }
        tenure.deadline = deadline;
        Ok(())
    }

    /// The lock says that an extension has failed, and that its deadline is the given one.
    pub(crate) fn is_not_extended(&mut self, operation: OperationId, deadline: Option<Instant>) -> Checked {
        let Some(tenure) = &mut self.tenure else { return Ok(()) };
        tenure.end(operation);
        if deadline == Some(tenure.deadline) {
            return Ok(());
        }
        let what = format!("the deadline was {:?} and is {deadline:?}", tenure.deadline);
        Err(Violation::new(Invariant::FailedExtensionChangesNothing, what))
    }

    /// The lock says that it is over: lost, or not acquired.
    pub(crate) fn is_over(&mut self) {
        (self.tenure, self.is_over) = (None, true);
    }

    /// The user asks for the release.
    pub(crate) fn leaves(&mut self) {
        self.is_leaving = true;
        self.is_over = true;
        self.tenure = None;
    }

    /// Until when the lock is held, if it was handed over and not ended; by its client's clock.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.tenure.as_ref().map(|tenure| tenure.deadline)
    }

    /// Until when nobody else is to get what was held, and which nodes have confirmed that; by its client's clock.
    pub(crate) fn min_hold(&self) -> Option<(Instant, NodeSet)> {
        Some((self.min_hold_until?, self.kept_by))
    }

    /// The token of the last attempt.
    pub(crate) fn token(&self) -> Option<Token> {
        self.attempts.last().map(|attempt| attempt.token)
    }

    /// The machine has nothing to do any more.
    pub(crate) fn is_settled(&mut self, now: Instant) -> Checked {
        self.settled_at = Some(now);
        self.check_released()
    }

    /// The client hears that it is called up.
    pub(crate) const fn hears_call_up(&mut self) {
        self.is_called_up = true;
    }

    /// Returns whether the lock waits in the queue of this node for a resource, and hears when it is called up.
    pub(crate) fn has_place_at(&self, node: NodeId, resource: &Resource) -> bool {
        let has_place = self.attempts.last().is_some_and(|attempt| attempt.has_place && !attempt.is_deaf);
        has_place && self.is_in_turn_for(resource, node)
    }

    /// Returns whether the last attempt has asked this node in turn for a resource.
    pub(crate) fn is_in_turn_for(&self, resource: &Resource, node: NodeId) -> bool {
        let is_asked = |attempt: &Attempt| attempt.home == Some(node) && attempt.waits_for.as_ref() == Some(resource);
        self.attempts.last().is_some_and(is_asked)
    }

    /// Whether it is called up may not be heard any more.
    pub(crate) fn place_is_lost(&mut self) {
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.is_deaf = true;
        }
    }

    /// Returns the node that was asked in turn by the last attempt, and whether that was after a call-up.
    pub(crate) fn turn(&self) -> Option<(NodeId, bool)> {
        self.attempts.last().and_then(|attempt| Some((attempt.home?, attempt.is_called_up)))
    }

    /// Whether a key with this value is one of this lock's.
    pub(crate) fn owns(&self, value: &[u8]) -> bool {
        self.attempts.iter().any(|attempt| attempt.token.as_bytes() == value)
    }

    /// Whether such a key may be on the node after all: it was told to release it until the TTL should have been over,
    /// and did not confirm that. A node that stood still may have set the key later than that.
    pub(crate) fn has_given_up(&self, value: &[u8], node: NodeId) -> bool {
        let attempt = self.attempts.iter().find(|attempt| attempt.token.as_bytes() == value);
        let has_given_up = |attempt: &Attempt| {
            let released_at = attempt.released_at.unwrap_or(attempt.asked_at);
            let given_up_at = released_at.saturating_add(attempt.ttl).saturating_add(drift(attempt.ttl));
            Some(!attempt.cleared.contains(node) && self.settled_at? >= given_up_at)
        };
        attempt.and_then(has_given_up).unwrap_or(false)
    }

    /// Every node that has or may have a token is told to release it.
    fn check_released(&self) -> Checked {
        for attempt in self.attempts.iter().filter(|attempt| self.left != Some(attempt.token)) {
            let excused = [attempt.released, attempt.untouched, attempt.refused, attempt.cut_off];
            let is_excused = |node| excused.iter().any(|nodes| nodes.contains(node));
            let is_adopted = self.adopts.is_some() && self.held_from.is_some();
            let adopted = if is_adopted { attempt.granted } else { NodeSet::EMPTY };
            if let Some(node) = attempt.asked.union(adopted).iter().find(|&node| !is_excused(node)) {
                let what = format!("node {} was sent a SET and no release", node.index());
                return Err(Violation::new(Invariant::NothingLeftBehind, what));
            }
        }
        Ok(())
    }

    /// Whether it is asked who has the keys that somebody else has left.
    fn is_adopting(&self) -> bool {
        let is_open = self.tenure.is_none() && !self.is_over;
        is_open && self.adopts.is_some()
    }

    fn check_not_over(&self) -> Checked {
        if self.is_over { Err(Violation::new(Invariant::EndIsFinal, "a lock that was over came back")) } else { Ok(()) }
    }
}

impl Tenure {
    fn extension_of(&mut self, command: CommandId) -> Option<&mut Extension> {
        self.extensions.iter_mut().find(|extension| extension.commands.contains(&command))
    }

    /// Returns a deadline that is not beyond the longest hold.
    fn capped(&self, deadline: Instant) -> Instant {
        self.ends_at.map_or(deadline, |ends_at| deadline.min(ends_at))
    }

    fn check_longest_hold(&self, deadline: Instant) -> Checked {
        if self.capped(deadline) == deadline {
            return Ok(());
        }
        let what = format!("it is valid until {deadline:?}, and may be held until {:?}", self.ends_at);
        Err(Violation::new(Invariant::LongestHold, what))
    }

    /// Takes out an extension that has a result.
    fn end(&mut self, operation: OperationId) -> Option<Extension> {
        let place = self.extensions.iter().position(|extension| extension.operation == Some(operation))?;
        Some(self.extensions.remove(place))
    }
}

impl Extension {
    const fn new(operation: Option<OperationId>, ttl: Duration, now: Instant) -> Self {
        Self { operation, commands: Vec::new(), asked_at: now, ttl, confirmed: NodeSet::EMPTY }
    }
}

impl Attempt {
    const fn new(token: Token, ttl: Duration, asked_at: Instant) -> Self {
        let none = NodeSet::EMPTY;
        Self {
            token,
            asked_at,
            ttl,
            asked: none,
            granted: none,
            void: none,
            untouched: none,
            home: None,
            waits_for: None,
            given_out: none,
            is_called_up: false,
            has_place: false,
            is_deaf: false,
            refused: none,
            released: none,
            told: none,
            cut_off: none,
            released_at: None,
            cleared: none,
        }
    }
}

impl Attempt {
    /// Returns whether a command asks nodes that were not asked, in an attempt that has begun with one node.
    fn asks_others(&self, command: &Command) -> bool {
        let is_new = command.nodes.without(self.given_out) == command.nodes;
        self.home.is_some() && is_new && matches!(command.action, Action::Acquire { .. })
    }

    /// The others are asked when the home has granted; or together with it, after a call-up.
    fn check_home_first(&mut self, others: NodeSet, is_called_up: &mut bool) -> Checked {
        let has_granted = self.home.is_some_and(|home| self.granted.contains(home));
        self.is_called_up = !has_granted;
        self.given_out = self.given_out.union(others);
        if has_granted || core::mem::take(is_called_up) {
            return Ok(());
        }
        Err(Violation::new(Invariant::HomeFirst, "others are asked before the home has granted"))
    }
}

/// What the drift leaves of a TTL.
fn validity(ttl: Duration) -> Duration {
    ttl.saturating_sub(drift(ttl))
}

/// One per cent, and two milliseconds.
pub(crate) fn drift(ttl: Duration) -> Duration {
    let share = u64::try_from(ttl.as_nanos().div_ceil(100)).unwrap_or(u64::MAX);
    Duration::from_nanos(share) + Duration::from_millis(2)
}

fn check_in_time(deadline: Instant, now: Instant) -> Checked {
    if now < deadline {
        return Ok(());
    }
    Err(Violation::new(Invariant::GrantedByQuorum, format!("held at {now:?}, past its deadline {deadline:?}")))
}

fn proves_untouched(reply: &Reply) -> bool {
    matches!(reply, Reply::Unavailable(unavailable) if unavailable.proves_untouched())
}

/// What a history says about a reply.
pub(crate) fn answer(reply: &Reply) -> String {
    match reply {
        Reply::Done => Outcome::Done.to_string(),
        Reply::HeldByOther(hold) => Outcome::HeldByOther(hold.clone()).to_string(),
        Reply::Missing => Outcome::Missing.to_string(),
        Reply::UnknownScript => "unknown script".into(),
        Reply::Unavailable(unavailable) => unavailable.to_string(),
        other => format!("{other:?}"),
    }
}
