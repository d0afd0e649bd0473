//! Which commands go to which master, and how the replies come back into order.

use redlock_core::slots::{Place, SlotMap, key_beside, slot_of};
use redlock_core::{Action, Cause, Command, Reply, Resources, Unavailable};

/// The master that a command goes to.
enum Route {
    One(usize),
    /// Each says whether it is there.
    All,
    /// None serves this slot.
    Nobody(u16),
}

/// A batch for each master, and where the replies belong.
pub(super) struct Batches {
    /// For each master its commands, with the place of each in the whole.
    for_masters: Vec<(Vec<usize>, Vec<Command>)>,
    replies: Vec<Option<Reply>>,
    /// A command is for a slot that nobody serves.
    lacks_master: bool,
}

impl Batches {
    /// Divides a batch. Commands that no master can carry out have their replies at once.
    pub(super) fn of(batch: Vec<Command>, slots: &SlotMap) -> Self {
        let mut for_masters: Vec<(Vec<usize>, Vec<Command>)> = Vec::new();
        for_masters.resize_with(slots.masters().len(), Default::default);
        let mut replies = Vec::with_capacity(batch.len());
        let mut lacks_master = false;
        for (place, command) in batch.into_iter().enumerate() {
            let (targets, reply) = match route(&command.action, slots) {
                Ok(Route::One(master)) => (master..master.saturating_add(1), None),
                Ok(Route::All) => (0..for_masters.len(), None),
                Ok(Route::Nobody(slot)) => {
                    lacks_master = true;
                    (0..0, Some(unserved(slot)))
                }
                Err(why) => (0..0, Some(Reply::Unavailable(why))),
            };
            for (places, commands) in for_masters.get_mut(targets).unwrap_or_default() {
                places.push(place);
                commands.push(command.clone());
            }
            replies.push(reply);
        }
        Self { for_masters, replies, lacks_master }
    }

    /// Returns whether a command is for a slot that nobody serves, as far as is known.
    pub(super) const fn lacks_master(&self) -> bool {
        self.lacks_master
    }

    /// Takes the batches, each with the number of its master. They are not empty.
    pub(super) fn take(&mut self) -> impl Iterator<Item = (usize, Vec<Command>)> {
        let batches = self.for_masters.iter_mut().map(|(_, commands)| std::mem::take(commands)).enumerate();
        batches.filter(|(_, commands)| !commands.is_empty())
    }

    /// Takes what has come of the batch of a master. Of a command that went to several, a failure counts more than an answer.
    pub(super) fn answered(&mut self, master: usize, result: Result<Vec<Reply>, Unavailable>) {
        let Some((places, _)) = self.for_masters.get(master) else { return };
        let mut replies = result.map(Vec::into_iter);
        for place in places {
            let reply = match &mut replies {
                Ok(replies) => replies.next().unwrap_or(Reply::Unavailable(Unavailable::new(Cause::Unexpected))),
                Err(why) => Reply::Unavailable(why.clone()),
            };
            if let Some(known @ (None | Some(Reply::Time(_) | Reply::Done))) = self.replies.get_mut(*place)
                && (known.is_none() || matches!(reply, Reply::Unavailable(_)))
            {
                *known = Some(reply);
            }
        }
    }

    /// Returns the replies in the order of the whole batch, when all masters have answered.
    pub(super) fn into_replies(self) -> impl Iterator<Item = Reply> {
        let unanswered = || Reply::Unavailable(Unavailable::new(Cause::Unexpected));
        self.replies.into_iter().map(move |reply| reply.unwrap_or_else(unanswered))
    }
}

fn route(action: &Action, slots: &SlotMap) -> Result<Route, Unavailable> {
    let Some((resources, is_fenced)) = keys(action) else { return Ok(Route::All) };
    let slot = common_slot(resources, is_fenced)?;
    Ok(slots.master_of(slot).map_or(Route::Nobody(slot), Route::One))
}

fn unserved(slot: u16) -> Reply {
    let why = format!("no master serves slot {slot} of the cluster");
    Reply::Unavailable(Unavailable::with_detail(Cause::NotSent, &why))
}

/// Returns the names that an action is about, and whether it is about their counters as well; `None` for none.
const fn keys(action: &Action) -> Option<(&Resources, bool)> {
    match action {
        Action::Acquire { resources, fencing, .. } | Action::AcquireInTurn { resources, fencing, .. } => {
            Some((resources, fencing.is_some()))
        }
        Action::Raise { resources, .. } => Some((resources, true)),
        Action::Extend { resources, .. }
        | Action::Release { resources, .. }
        | Action::Leave { resources, .. }
        | Action::Inspect { resources, .. } => Some((resources, false)),
        _ => None,
    }
}

/// Returns the slot in which all names lie, and all of their counters if these are needed.
fn common_slot(resources: &Resources, is_fenced: bool) -> Result<u16, Unavailable> {
    let mut slots = resources.as_slice().iter().map(|name| slot_of(name.as_bytes()));
    let first = slots.next().ok_or(Unavailable::new(Cause::NotSent))?;
    if slots.any(|slot| slot != first) {
        return Err(Unavailable::new(Cause::CrossSlot));
    }
    let is_apart = |name: &[u8]| slot_of(&key_beside(name, "fence")) != first;
    if is_fenced && resources.as_slice().iter().any(|name| is_apart(name.as_bytes())) {
        let why = "a name with a } needs a hash tag for a fenced lock here, its counter would be in another slot";
        return Err(Unavailable::with_detail(Cause::CrossSlot, why));
    }
    Ok(first)
}

/// Returns the reply as the driver is to see it. Of a refusal because the slot is served elsewhere by now, it is told.
pub(super) fn judge(reply: Reply, mut tell: impl FnMut(Option<Place>)) -> Reply {
    let Reply::Unavailable(why) = &reply else { return reply };
    if !matches!(why.cause(), Cause::Cluster | Cause::ReadOnly) {
        return reply;
    }
    let said = why.detail().unwrap_or_default();
    // Nothing was done, and waiting cures it: others find out where the slot is, or move it, or take it over.
    let judged = match said.split(' ').next() {
        Some("MOVED" | "READONLY") => {
            tell(moved_to(said));
            Unavailable::with_detail(Cause::NotSent, &format!("the cluster is asked again who serves the slot: {said}"))
        }
        _ => Unavailable::with_detail(Cause::Refused, said),
    };
    Reply::Unavailable(judged)
}

/// Reads where a slot has moved to: `MOVED 3999 10.0.0.1:6381`. A host that is not there is that of the member that says so,
/// which is not known here.
fn moved_to(said: &str) -> Option<Place> {
    let (host, port) = said.strip_prefix("MOVED ")?.split(' ').nth(1)?.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_host = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte));
    Some(Place { host: host.into(), port: port.parse().ok()? }).filter(|_| is_host)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use redlock_core::{Config, Hold, Instant, Lock, Options, Request};

    use super::*;

    /// The first master has the slot of `bar`, the second that of `foo`, and nobody has the last.
    fn slots() -> SlotMap {
        let mut slots = SlotMap::default();
        slots.add(0, 8_000, Place { host: "one".into(), port: 1 });
        slots.add(8_001, 16_382, Place { host: "two".into(), port: 2 });
        slots
    }

    fn lock(resources: Resources, options: Options) -> Command {
        let config = Config::builder(["only"]).build().unwrap();
        let request = Request::new(&config, resources, Duration::from_secs(10), options).unwrap();
        Lock::acquire(&config, request, [7; 32], Instant::EPOCH).poll_command().unwrap()
    }

    fn set(name: &str) -> Command {
        lock(name.into(), Options::new())
    }

    fn refusal(command: Command) -> Unavailable {
        let mut batches = Batches::of(vec![command], &slots());
        assert_eq!(batches.take().count(), 0, "nothing is sent");
        match batches.into_replies().next() {
            Some(Reply::Unavailable(why)) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_master_gets_its_commands_and_the_replies_are_in_order() {
        let whole = vec![set("foo"), set("bar"), set("{foo}2"), set("bar")];
        let mut batches = Batches::of(whole.clone(), &slots());
        let sent: Vec<_> = batches.take().collect();
        assert_eq!(
            sent,
            [(0, vec![whole[1].clone(), whole[3].clone()]), (1, vec![whole[0].clone(), whole[2].clone()])]
        );
        let held = Reply::HeldByOther(Hold::UNKNOWN);
        batches.answered(1, Ok(vec![Reply::Done, held.clone()]));
        let why = Unavailable::new(Cause::Disconnected);
        batches.answered(0, Err(why.clone()));
        let replies: Vec<_> = batches.into_replies().collect();
        let broken = Reply::Unavailable(why);
        assert_eq!(replies, [Reply::Done, broken.clone(), held, broken]);
    }

    #[test]
    fn a_command_without_a_name_goes_to_all_and_one_that_fails_shows() {
        let look = set("foo").with_action(Action::ReadClock, redlock_core::ScriptForm::Digest);
        let why = Reply::Unavailable(Unavailable::new(Cause::Disconnected));
        let time = |seconds| Reply::Time(Duration::from_secs(seconds));
        for (first, second, all) in [(time(1), time(2), time(1)), (time(1), why.clone(), why.clone())] {
            let mut batches = Batches::of(vec![look.clone()], &slots());
            assert_eq!(batches.take().count(), 2);
            batches.answered(0, Ok(vec![first]));
            batches.answered(1, Ok(vec![second]));
            assert_eq!(batches.into_replies().collect::<Vec<_>>(), [all]);
        }
    }

    #[test]
    fn names_in_different_slots_are_refused_before_anything_is_sent() {
        let apart = refusal(lock(Resources::all(["foo", "bar"]), Options::new()));
        assert_eq!((apart.cause(), apart.proves_untouched()), (Cause::CrossSlot, true));
        let tagged = lock(Resources::all(["{foo}1", "{foo}2"]), Options::new());
        assert_eq!(Batches::of(vec![tagged], &slots()).take().count(), 1);
    }

    #[test]
    fn a_counter_in_another_slot_is_refused_and_one_beside_its_key_is_not() {
        let fenced = |name: &str| lock(name.into(), Options::new().fenced(true));
        for apart in ["foo}1", "{}foo"] {
            assert_eq!(refusal(fenced(apart)).cause(), Cause::CrossSlot);
        }
        for beside in ["foo", "{foo}1", "a{foo}"] {
            assert_eq!(Batches::of(vec![fenced(beside)], &slots()).take().count(), 1);
        }
        let raise = |resources: Resources| {
            let command = set("foo");
            let Action::Acquire { token, .. } = &command.action else { panic!("{command:?}") };
            let Action::Acquire { fencing: Some(fencing), .. } = fenced("foo").action else { panic!("it is fenced") };
            let action = Action::raise(resources, *token, Arc::clone(&fencing));
            command.with_action(action, redlock_core::ScriptForm::Digest)
        };
        assert_eq!(refusal(raise("foo}1".into())).cause(), Cause::CrossSlot);
    }

    #[test]
    fn a_slot_that_nobody_serves_is_waited_for() {
        let name = (0..1_000_000)
            .map(|number: u32| number.to_string())
            .find(|name| slot_of(name.as_bytes()) == 16_383)
            .unwrap();
        let why = refusal(set(&name));
        assert!(why.proves_untouched() && !why.cause().is_permanent(), "{why}");
    }

    #[test]
    fn a_slot_that_has_moved_is_told_and_everything_passing_is_waited_for() {
        let judged = |said: &str| {
            let mut told = Vec::new();
            let reply = Reply::Unavailable(Unavailable::from_server_error(said));
            let Reply::Unavailable(why) = judge(reply, |place| told.push(place)) else { panic!("{said}") };
            assert!(!why.cause().is_permanent(), "{why}");
            (told, why.proves_untouched())
        };
        let at = |host: &str, port| vec![Some(Place { host: host.into(), port })];
        assert_eq!(judged("MOVED 3999 10.0.0.1:6381"), (at("10.0.0.1", 6_381), true));
        assert_eq!(judged("MOVED 3999 ::1:6381"), (at("::1", 6_381), true));
        assert_eq!(judged("MOVED 3999 :6381"), (vec![None], true));
        assert_eq!(judged("READONLY You can't write against a read only replica."), (vec![None], true));
        assert_eq!(judged("ASK 3999 10.0.0.1:6381"), (vec![], false));
        assert_eq!(judged("CLUSTERDOWN The cluster is down"), (vec![], false));
        let denied = Reply::Unavailable(Unavailable::new(Cause::NoPermission));
        assert_eq!(judge(denied.clone(), |_| panic!("it is no matter of slots")), denied);
    }
}
