//! Crowds that want several of a few names at a time, again and again: everybody is served.

use core::ops::RangeInclusive;
use core::time::Duration;

use redlock_core::{Instant, LockKey, Resources};

use crate::handles::Handles;
use crate::turns::only_called_up;
use crate::world::at;

const HANDLES: usize = 8;
const LOCKS: usize = 800;

/// A lock costs no more commands than this, on average: two for each of three nodes, two to wait for each of two names, and one
/// to give back the turn that was kept; the rest is for attempts in vain.
const MOST_COMMANDS: usize = 12;

/// Nobody waits for longer than so many locks are held, one after the other.
const LONGEST_WAIT: u64 = 40;

/// Handles that hold their locks for a time, and ask again as soon as they have given them back.
struct Crowd<'a> {
    handles: Handles,
    /// The names that a handle wants, and how many locks it has had.
    wants: &'a dyn Fn(usize, usize) -> Resources,
    /// For how many milliseconds it holds them.
    holds: RangeInclusive<u64>,
    members: Vec<Member>,
}

struct Member {
    key: LockKey,
    /// When it asked.
    since: Instant,
    /// When it gives its lock back, if it has it.
    holds_until: Option<Instant>,
    served: usize,
    longest_wait: Duration,
}

impl<'a> Crowd<'a> {
    fn new(wants: &'a dyn Fn(usize, usize) -> Resources, holds: RangeInclusive<u64>) -> Self {
        let mut handles = Handles::new(HANDLES);
        // As with servers that were told the scripts when the connections were opened.
        let key = handles.acquire(0, Resources::all(["any", "other"]));
        handles.give_back(0, key);
        handles.advance_to(1_000);
        handles.log.clear();
        let mut this = Self { handles, wants, holds, members: Vec::new() };
        for handle in 0..HANDLES {
            let key = this.begin(handle, 0);
            let since = this.handles.now;
            let member = Member { key, since, holds_until: None, served: 0, longest_wait: Duration::ZERO };
            this.members.push(member);
        }
        this
    }

    fn begin(&mut self, handle: usize, served: usize) -> LockKey {
        let options = only_called_up().wait(Duration::from_secs(360_000));
        self.handles.begin(handle, (self.wants)(handle, served), options)
    }

    /// Lets them have so many locks, and checks that each has a fair share of them.
    fn checks_that_everybody_is_served(mut self) {
        while self.served() < LOCKS {
            self.take_over();
            self.go_on();
            self.give_back_one();
        }
        let (served, commands) = (self.members.iter().map(|member| member.served), self.handles.log.len());
        let served: Vec<_> = served.collect();
        let held = Duration::from_millis(self.holds.end().midpoint(*self.holds.start()));
        let longest = self.members.iter().map(|member| member.longest_wait).max().unwrap();
        let seen = format!("{:?} ms: {served:?} locks, {commands} commands, longest wait {longest:?}", self.holds);
        assert!(served.iter().all(|served| 2 * HANDLES * served >= LOCKS), "half of an equal share: {seen}");
        assert!(longest.as_millis() <= u128::from(LONGEST_WAIT) * held.as_millis(), "{seen}");
        assert!(commands <= MOST_COMMANDS * LOCKS, "{seen}");
    }

    fn served(&self) -> usize {
        self.members.iter().map(|member| member.served).sum()
    }

    fn take_over(&mut self) {
        let Self { handles, members, holds, .. } = self;
        for (handle, member) in members.iter_mut().enumerate() {
            if member.holds_until.is_none() && handles.has(handle, member.key) {
                let spread = holds.end() - holds.start() + 1;
                let hold = holds.start() + mixed(handle + HANDLES, member.served) as u64 % spread;
                member.holds_until = Some(handles.now.saturating_add(Duration::from_millis(hold)));
                member.longest_wait = member.longest_wait.max(handles.now.saturating_since(member.since));
                member.served += 1;
            }
        }
    }

    /// Goes on to the next moment at which something happens.
    fn go_on(&mut self) {
        let given_back = self.members.iter().filter_map(|member| member.holds_until).min();
        let next = given_back.into_iter().chain(self.handles.next_timer()).min().unwrap();
        let millis = next.saturating_since(at(0)).as_micros().div_ceil(1_000).try_into().unwrap();
        if at(millis) > self.handles.now {
            self.handles.advance_to(millis);
        }
    }

    /// Those that are due at the same time give their locks back in another order each time.
    fn give_back_one(&mut self) {
        let (now, first) = (self.handles.now, self.served());
        let is_due = |member: &Member| member.holds_until.is_some_and(|until| until <= now);
        let mut order = (first..first + HANDLES).map(|handle| handle % HANDLES);
        let Some(handle) = order.find(|handle| is_due(&self.members[*handle])) else { return };
        self.handles.give_back(handle, self.members[handle].key);
        let key = self.begin(handle, self.members[handle].served);
        let since = self.handles.now;
        let member = &mut self.members[handle];
        (member.key, member.since, member.holds_until) = (key, since, None);
    }
}

/// Returns a number that looks random, and is always the same.
fn mixed(first: usize, second: usize) -> usize {
    let mut bits =
        (first as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (second as u64).wrapping_mul(0xD1B5_4A32_D192_ED03);
    bits ^= bits >> 29;
    bits = bits.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (bits >> 33) as usize
}

fn name(number: usize) -> String {
    format!("account:{number}")
}

fn all(numbers: impl IntoIterator<Item = usize>) -> Resources {
    Resources::all(numbers.into_iter().map(name))
}

fn serves_everybody(wants: impl Fn(usize, usize) -> Resources) {
    for holds in [1..=1, 5..=5, 1..=9, 10..=90, 100..=900] {
        Crowd::new(&wants, holds).checks_that_everybody_is_served();
    }
}

#[test]
fn each_wants_two_names_of_a_ring() {
    serves_everybody(|handle, _| all([handle, (handle + 1) % HANDLES]));
}

#[test]
fn each_wants_three_names_of_a_ring() {
    serves_everybody(|handle, _| all((handle..handle + 3).map(|number| number % HANDLES)));
}

#[test]
fn each_wants_another_two_names_each_time() {
    serves_everybody(|handle, served| {
        let random = mixed(handle, served);
        let (first, distance) = (random % HANDLES, 1 + random / HANDLES % (HANDLES - 1));
        all([first, (first + distance) % HANDLES])
    });
}

#[test]
fn half_of_them_want_one_name_and_half_of_them_two() {
    serves_everybody(|handle, _| match handle {
        0..4 => all([handle, (handle + 1) % 4]),
        _ => all([handle - 4]),
    });
}

#[test]
fn one_wants_two_names_and_all_others_want_one_of_them() {
    serves_everybody(|handle, _| match handle {
        0 => all([0, 1]),
        _ => all([handle % 2]),
    });
}
