use std::fmt;
use std::time::Duration;

use redlock_tokio::{HumanDuration, Instant, Loss};

/// The share of the TTL that is left for SIGKILL to be sent and to take effect: one part in this many.
const MARGIN_SHARE: u32 = 20;
/// A process that is to be killed is gone in a few milliseconds, unless the machine is busy.
const MIN_MARGIN: Duration = Duration::from_millis(20);
/// The least TTL that leaves time for an extension before a command has to be ended: a third of it, the margin and the drift.
const MIN_TTL: Duration = Duration::from_millis(34);
/// More would only cost time in which extensions could succeed.
const MAX_MARGIN: Duration = Duration::from_millis(500);

/// How much time the end of a command takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    /// From SIGTERM to SIGKILL.
    kill_after: Duration,
    /// From SIGKILL to the deadline.
    margin: Duration,
}

impl Timing {
    /// Checks that extensions have time to succeed before the command has to be ended.
    pub(super) fn new(ttl: Duration, kill_after: Option<Duration>) -> Result<Self, String> {
        if ttl < MIN_TTL {
            return Err(format!(
                "the TTL is {}, it must be at least {} to be extended while a command runs",
                HumanDuration(ttl),
                HumanDuration(MIN_TTL),
            ));
        }
        let margin = Self::margin(ttl);
        let longest = Self::longest_termination(ttl).saturating_sub(margin);
        let kill_after = kill_after.unwrap_or_else(|| part(ttl, 4).min(longest));
        if kill_after > longest {
            return Err(format!(
                "--kill-after {} is too long for the TTL of {}: at most {} are possible, or take a longer --ttl",
                HumanDuration(kill_after),
                HumanDuration(ttl),
                HumanDuration(longest),
            ));
        }
        Ok(Self { kill_after, margin })
    }

    /// Returns how much validity a lock needs at its hand-over, so that its first extension, after a third of the TTL, comes
    /// before SIGTERM.
    pub(super) fn min_validity(self, ttl: Duration) -> Duration {
        self.kill_after.saturating_add(self.margin).saturating_add(part(ttl, 3))
    }

    /// Returns the most that SIGTERM may be before the deadline: half of the TTL, so that extensions, which begin after a
    /// third, have a sixth of it to succeed.
    fn longest_termination(ttl: Duration) -> Duration {
        part(ttl, 2)
    }

    fn margin(ttl: Duration) -> Duration {
        part(ttl, MARGIN_SHARE).clamp(MIN_MARGIN, MAX_MARGIN)
    }
}

/// Returns one part of so many.
fn part(ttl: Duration, parts: u32) -> Duration {
    ttl.checked_div(parts).unwrap_or(ttl)
}

/// Decides when a command is to be ended, from what is known about its lock. It reads no clock.
///
/// Tell it what is known ([`confirm`](Self::confirm), [`lose`](Self::lose)), do what [`poll`](Self::poll) says, and come back
/// at [`timeout`](Self::timeout) at the latest.
#[derive(Debug)]
pub(super) struct Schedule {
    timing: Timing,
    /// When the command has run for as long as it may.
    end: Option<Instant>,
    /// The last one that was confirmed.
    deadline: Instant,
    loss: Option<Loss>,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    Working,
    Terminating { since: Instant, why: Ending },
    Killed { why: Ending },
}

/// What is to be done with the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// SIGTERM.
    Terminate,
    /// SIGKILL.
    Kill,
}

/// The reason for which a command is ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Extensions have failed for so long that the deadline is near.
    NotExtended,
    /// The lock is lost already.
    Lost(Loss),
    /// The command has run for as long as it may.
    MaxHold,
}

impl Schedule {
    /// Begins at the hand-over of a lock, for a command that may run for `max_hold`.
    pub(super) fn new(timing: Timing, max_hold: Option<Duration>, now: Instant) -> Self {
        let end = max_hold.map(|max_hold| now.saturating_add(max_hold));
        Self { timing, end, deadline: now, loss: None, phase: Phase::Working }
    }

    /// Notes the deadline of the lock as long as that is held.
    pub(super) fn confirm(&mut self, deadline: Instant) {
        self.deadline = self.deadline.max(deadline);
    }

    /// Notes that the lock is lost.
    pub(super) fn lose(&mut self, loss: Loss) {
        self.loss.get_or_insert(loss);
    }

    /// Returns what is to be done now; each action once.
    pub(super) fn poll(&mut self, now: Instant) -> Option<Action> {
        let is_new = matches!(self.phase, Phase::Working);
        if is_new {
            self.phase = Phase::Terminating { since: now, why: self.reason(now)? };
        }
        match &self.phase {
            Phase::Terminating { since, why } if now >= self.kill_at(*since) => {
                self.phase = Phase::Killed { why: why.clone() };
                Some(Action::Kill)
            }
            Phase::Terminating { .. } if is_new => Some(Action::Terminate),
            Phase::Working | Phase::Terminating { .. } | Phase::Killed { .. } => None,
        }
    }

    /// Returns when there is something to be done if nothing changes before.
    pub(super) fn timeout(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Working => Some(self.end.map_or(self.terminate_at(), |end| end.min(self.terminate_at()))),
            Phase::Terminating { since, .. } => Some(self.kill_at(*since)),
            Phase::Killed { .. } => None,
        }
    }

    /// Returns why the command was told to end, if it was.
    pub(super) const fn ending(&self) -> Option<&Ending> {
        match &self.phase {
            Phase::Working => None,
            Phase::Terminating { why, .. } | Phase::Killed { why } => Some(why),
        }
    }

    /// Returns the time from SIGKILL to the deadline.
    pub(super) const fn margin(&self) -> Duration {
        self.timing.margin
    }

    fn reason(&self, now: Instant) -> Option<Ending> {
        match &self.loss {
            Some(loss) => Some(Ending::Lost(loss.clone())),
            None if now >= self.terminate_at() => Some(Ending::NotExtended),
            None if self.end.is_some_and(|end| now >= end) => Some(Ending::MaxHold),
            None => None,
        }
    }

    fn terminate_at(&self) -> Instant {
        self.latest_kill().saturating_sub(self.timing.kill_after)
    }

    fn kill_at(&self, terminated_at: Instant) -> Instant {
        self.latest_kill().min(terminated_at.saturating_add(self.timing.kill_after))
    }

    const fn latest_kill(&self) -> Instant {
        self.deadline.saturating_sub(self.timing.margin)
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotExtended => f.write_str("too few nodes confirmed an extension in time"),
            Self::Lost(loss) => write!(f, "{loss}"),
            Self::MaxHold => f.write_str("it was held for as long as --max-hold allows"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// TTL 10 s: kill-after 2.5 s, margin 0.5 s.
    fn schedule(max_hold: Option<u64>) -> Schedule {
        let timing = Timing::new(Duration::from_secs(10), None).unwrap();
        let mut schedule = Schedule::new(timing, max_hold.map(Duration::from_millis), at(0));
        schedule.confirm(at(10_000));
        schedule
    }

    fn at(millis: u64) -> Instant {
        Instant::from_epoch(Duration::from_secs(1_000)).saturating_add(Duration::from_millis(millis))
    }

    #[test]
    fn a_command_whose_lock_is_not_extended_is_dead_before_the_deadline() {
        let mut schedule = schedule(None);
        assert_eq!(schedule.timeout(), Some(at(7_000)));
        assert_eq!(schedule.poll(at(6_999)), None);
        assert_eq!(schedule.poll(at(7_000)), Some(Action::Terminate));
        assert_eq!(schedule.poll(at(7_001)), None, "once");
        assert_eq!(schedule.timeout(), Some(at(9_500)));
        assert_eq!(schedule.poll(at(9_500)), Some(Action::Kill));
        assert_eq!((schedule.poll(at(9_501)), schedule.timeout()), (None, None), "once");
        assert_eq!(schedule.ending(), Some(&Ending::NotExtended));
    }

    #[test]
    fn an_extension_moves_everything_on_and_comes_too_late_after_sigterm() {
        let mut schedule = schedule(None);
        schedule.confirm(at(13_000));
        assert_eq!(schedule.poll(at(7_000)), None);
        assert_eq!(schedule.timeout(), Some(at(10_000)));
        assert_eq!(schedule.poll(at(10_200)), Some(Action::Terminate));
        schedule.confirm(at(20_000));
        assert_eq!(schedule.timeout(), Some(at(12_700)), "kill-after counts from SIGTERM");
        schedule.confirm(at(5_000));
        assert_eq!(schedule.timeout(), Some(at(12_700)), "no deadline is taken back");
    }

    #[test]
    fn whoever_looks_too_late_kills_at_once() {
        assert_eq!(schedule(None).poll(at(9_500)), Some(Action::Kill));
        assert_eq!(schedule(None).poll(at(60_000)), Some(Action::Kill));
    }

    #[test]
    fn a_lock_that_is_lost_ends_the_command_by_the_old_deadline() {
        let mut early = schedule(None);
        early.lose(Loss::Closed);
        early.lose(Loss::Expired);
        assert_eq!(early.poll(at(1_000)), Some(Action::Terminate));
        assert_eq!(early.timeout(), Some(at(3_500)));
        assert_eq!(early.ending(), Some(&Ending::Lost(Loss::Closed)), "the first loss counts");
        let mut late = schedule(None);
        late.lose(Loss::Expired);
        assert_eq!(late.poll(at(6_999)), Some(Action::Terminate));
        assert_eq!(late.timeout(), Some(at(9_499)));
    }

    #[test]
    fn the_longest_hold_ends_the_command_while_the_lock_goes_on() {
        let mut schedule = schedule(Some(2_000));
        assert_eq!(schedule.timeout(), Some(at(2_000)));
        assert_eq!(schedule.poll(at(1_999)), None);
        assert_eq!(schedule.poll(at(2_000)), Some(Action::Terminate));
        schedule.confirm(at(13_000));
        assert_eq!(schedule.poll(at(4_500)), Some(Action::Kill));
        assert_eq!(schedule.ending(), Some(&Ending::MaxHold));
    }

    #[test]
    fn with_no_time_to_terminate_it_kills() {
        let timing = Timing::new(Duration::from_secs(10), Some(Duration::ZERO)).unwrap();
        let mut schedule = Schedule::new(timing, None, at(0));
        schedule.confirm(at(10_000));
        schedule.lose(Loss::Expired);
        assert_eq!(schedule.poll(at(1)), Some(Action::Kill));
    }

    #[test]
    fn extensions_have_time_whatever_the_ttl_is() {
        for millis in [34, 39, 40, 100, 400, 1_000, 10_000, 86_400_000] {
            let ttl = Duration::from_millis(millis);
            let timing = Timing::new(ttl, None).unwrap();
            assert!(timing.kill_after <= ttl / 4, "{ttl:?}: {timing:?}");
            assert!(timing.kill_after + timing.margin <= (ttl / 2).max(MIN_MARGIN), "{ttl:?}: {timing:?}");
        }
    }

    #[test]
    fn the_numbers_of_help_are_right() {
        let timing = Timing::new(Duration::from_secs(10), None).unwrap();
        let mut schedule = Schedule::new(timing, None, at(0));
        // The TTL less 1 % and 2 ms.
        schedule.confirm(at(9_898));
        assert_eq!(schedule.terminate_at(), at(6_898), "about 6.9s");
        assert_eq!(schedule.latest_kill(), at(9_398), "about 9.4s");
        assert_eq!(timing.kill_after, Duration::from_millis(2_500));
        let margins = [100, 400, 2_000, 10_000, 20_000].map(|millis| Timing::margin(Duration::from_millis(millis)));
        assert_eq!(margins.map(|margin| margin.as_millis()), [20, 20, 100, 500, 500], "5 %, from 20ms to 500ms");
    }

    #[test]
    fn a_ttl_that_leaves_no_time_is_refused_with_the_bound() {
        let leaves_time = |ttl, kill_after| {
            let timing = Timing { kill_after, margin: Timing::margin(ttl) };
            ttl > ttl / 100 + Duration::from_millis(2) + timing.min_validity(ttl)
        };
        let less = MIN_TTL.saturating_sub(Duration::from_millis(1));
        assert!(!leaves_time(less, Duration::ZERO));
        assert!(Timing::new(less, None).unwrap_err().contains("at least 34 ms"));
        for millis in (34..1_000).chain([10_000, 86_400_000]) {
            let ttl = Duration::from_millis(millis);
            let longest = (ttl / 2).saturating_sub(Timing::margin(ttl));
            assert!(leaves_time(ttl, Timing::new(ttl, None).unwrap().kill_after), "{ttl:?}");
            assert!(leaves_time(ttl, Timing::new(ttl, Some(longest)).unwrap().kill_after), "{ttl:?}");
        }
    }

    #[test]
    fn a_kill_after_that_leaves_no_time_is_refused_with_the_bound() {
        let ttl = Duration::from_secs(10);
        assert!(Timing::new(ttl, Some(Duration::from_millis(4_500))).is_ok());
        let error = Timing::new(ttl, Some(Duration::from_millis(4_501))).unwrap_err();
        assert!(error.contains("at most 4.5 s"), "{error}");
    }
}
