//! What happened in many worlds, in numbers.

use std::fmt;

use crate::fault::FaultKind;

/// How far a lock had come when its future or guard was dropped, as seen from outside the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The acquisition was never polled.
    Unpolled,
    /// Nothing was sent.
    Connecting,
    /// An attempt was under way.
    Acquiring,
    /// An attempt had failed.
    Waiting,
    /// A quorum had granted, and the caller had been woken.
    Won,
    Held,
    Extending,
    Releasing,
    Closing,
}

impl Stage {
    pub(crate) const ALL: [Self; 9] = [
        Self::Unpolled,
        Self::Connecting,
        Self::Acquiring,
        Self::Waiting,
        Self::Won,
        Self::Held,
        Self::Extending,
        Self::Releasing,
        Self::Closing,
    ];
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unpolled => "unpolled",
            Self::Connecting => "connecting",
            Self::Acquiring => "acquiring",
            Self::Waiting => "waiting",
            Self::Won => "won",
            Self::Held => "held",
            Self::Extending => "extending",
            Self::Releasing => "releasing",
            Self::Closing => "closing",
        })
    }
}

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) seeds: u64,
    /// Polls of tasks, sleeps that they began, and what happened outside of them.
    pub(crate) events: u64,
    pub(crate) commands: u64,
    pub(crate) handles: u64,
    pub(crate) acquisitions: u64,
    pub(crate) grants: u64,
    /// Grants to those who all want the same when nothing goes wrong any more.
    pub(crate) grants_in_crowds: u64,
    /// Of the grants, those of locks that are kept alive.
    pub(crate) kept_alive: u64,
    pub(crate) extensions: u64,
    pub(crate) losses: u64,
    /// Of the losses, those at the end of a longest hold.
    pub(crate) longest_holds: u64,
    pub(crate) releases: u64,
    pub(crate) closes: u64,
    pub(crate) subscriptions: u64,
    pub(crate) call_ups: u64,
    /// Keys that were there at the end, because they were set late.
    pub(crate) late_keys: u64,
    drops: [u64; Stage::ALL.len()],
    faults: [u64; FaultKind::ALL.len()],
}

impl Figures {
    pub(crate) fn count_drop(&mut self, stage: Stage) {
        self.drops[stage as usize] += 1;
    }

    pub(crate) fn count_fault(&mut self, kind: FaultKind) {
        self.faults[kind as usize] += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.seeds += other.seeds;
        self.events += other.events;
        self.commands += other.commands;
        self.handles += other.handles;
        self.acquisitions += other.acquisitions;
        self.grants += other.grants;
        self.grants_in_crowds += other.grants_in_crowds;
        self.kept_alive += other.kept_alive;
        self.extensions += other.extensions;
        self.losses += other.losses;
        self.longest_holds += other.longest_holds;
        self.releases += other.releases;
        self.closes += other.closes;
        self.subscriptions += other.subscriptions;
        self.call_ups += other.call_ups;
        self.late_keys += other.late_keys;
        add_each(&mut self.drops, &other.drops);
        add_each(&mut self.faults, &other.faults);
    }

    /// What has never happened, so that nothing was learned about it.
    pub(crate) fn missing(&self) -> Vec<String> {
        let drops = self.drops().filter(|(_, count)| *count == 0).map(|(stage, _)| format!("drops while {stage}"));
        let faults = self.faults().filter(|(_, count)| *count == 0).map(|(kind, _)| kind.to_string());
        let results = [
            ("extensions", self.extensions),
            ("locks that are kept alive", self.kept_alive),
            ("losses", self.losses),
            ("longest holds", self.longest_holds),
            ("releases", self.releases),
            ("closes", self.closes),
            ("subscriptions", self.subscriptions),
            ("call-ups", self.call_ups),
            ("grants in crowds", self.grants_in_crowds),
            ("late keys", self.late_keys),
        ];
        let results = results.into_iter().filter(|(_, count)| *count == 0).map(|(name, _)| name.into());
        drops.chain(faults).chain(results).collect()
    }

    fn drops(&self) -> impl Iterator<Item = (Stage, u64)> {
        Stage::ALL.into_iter().zip(self.drops)
    }

    fn faults(&self) -> impl Iterator<Item = (FaultKind, u64)> {
        FaultKind::ALL.into_iter().zip(self.faults)
    }
}

fn add_each(sums: &mut [u64], numbers: &[u64]) {
    sums.iter_mut().zip(numbers).for_each(|(sum, number)| *sum += number);
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |counts: &mut dyn Iterator<Item = String>| counts.collect::<Vec<_>>().join(", ");
        writeln!(f, "{} seeds, {} events, {} commands sent", self.seeds, self.events, self.commands)?;
        write!(f, "{} handles, {} acquisitions, {} grants, ", self.handles, self.acquisitions, self.grants)?;
        writeln!(f, "{} of them kept alive, {} up to a longest hold", self.kept_alive, self.longest_holds)?;
        let (extensions, losses, releases) = (self.extensions, self.losses, self.releases);
        writeln!(f, "{extensions} extensions, {losses} losses, {releases} releases awaited, {} closes", self.closes)?;
        let (subscriptions, call_ups) = (self.subscriptions, self.call_ups);
        writeln!(f, "{subscriptions} subscriptions, {call_ups} call-ups, {} grants in crowds", self.grants_in_crowds)?;
        writeln!(f, "drops: {}", list(&mut self.drops().map(|(stage, count)| format!("{stage} {count}"))))?;
        writeln!(f, "faults: {}", list(&mut self.faults().map(|(kind, count)| format!("{kind} {count}"))))?;
        write!(f, "keys left behind: 0, but for {} that were set late and gone after their TTL", self.late_keys)
    }
}
