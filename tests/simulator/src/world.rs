//! The world: one event after the other, and the referee looking on.

mod call_ups;
mod client;
mod connections;
mod fairness;
mod faults;
mod fences;
mod forgetting;
mod holding;
mod jobs;
mod lies;
mod network;
mod quarantine;
mod referee;
mod sight;
mod silence;
mod store;

use std::collections::BTreeMap;

use redlock_core::fence::{Fence, Fences};
use redlock_core::{CommandId, DetachedLock, LockKey, OperationId, Resource, Token};

use self::client::Client;
use self::fairness::Line;
use self::fences::FencesGranted;
use self::store::Store;

use crate::agenda::Agenda;
use crate::clock::Time;
use crate::dice::Dice;
use crate::event::Event;
use crate::fault::{FaultCounts, FaultKind};
use crate::history::{History, Who};
use crate::invariant::{Invariant, Violation};
use crate::ledger::Ledger;
use crate::link::Link;
use crate::names::name;
use crate::scenario::{HEALED_AT, Mode, Scenario};
use crate::server::Server;

/// A world in which more happens than this does not come to rest.
const MOST_EVENTS: u64 = 200_000;

/// What a world was good for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many events happened.
    pub events: u64,
    /// How many locks were handed over, each of them checked.
    pub grants: u64,
    /// How many of them were of several names.
    pub grants_of_several: u64,
    /// Jobs that began to wait for others of the same client.
    pub in_line: u64,
    /// Of the grants, those that were fenced.
    pub fenced: u64,
    /// How often the holder of a fenced lock was let in at the store.
    pub visits: u64,
    /// How often the store has refused one.
    pub visits_refused: u64,
    /// How many locks were handed over whose home had granted them in turn.
    pub grants_in_turn: u64,
    /// How many of them after a call-up.
    pub grants_after_call_up: u64,
    /// How often somebody was given a place in the queue of a node, or kept it.
    pub places: u64,
    /// How often a client heard that it was called up.
    pub call_ups: u64,
    /// How many call-ups were on their way when their connection was gone.
    pub call_ups_missed: u64,
    /// How many subscriptions were sent.
    pub subscriptions: u64,
    /// How often somebody left a queue.
    pub leaves: u64,
    /// How often a waiter was overtaken at most, in a world that had healed.
    pub most_overtaken: u64,
    /// Waiters for several names that had their turn, and passed it on because another name was held.
    pub turns_passed_on: u64,
    /// Such waiters that kept it, because a later name was held.
    pub turns_kept: u64,
    /// How often a client was called up, and nobody of it could make use of that.
    pub turns_declined: u64,
    /// How often the others had to wait for one who had ended or stood still, in a world that had healed.
    pub graces: u64,
    /// How many releases were followed until the next grant, in a world that had healed.
    pub hand_overs: u64,
    /// How many worlds were checked for waiters that were never served.
    pub services: u64,
    /// How many extensions were confirmed, each of them checked.
    pub extensions: u64,
    /// How many extensions began while another of the same lock was under way.
    pub overlapping_extensions: u64,
    /// How many extensions in the background were confirmed.
    pub renewals: u64,
    /// How many locks were lost because they were held for as long as they may be.
    pub longest_holds: u64,
    /// How many keys were kept by a release for the rest of the shortest hold.
    pub keys_kept: u64,
    /// How many locks were left for others to adopt.
    pub detached: u64,
    /// How many of them were adopted.
    pub adoptions: u64,
    /// How many refusals said the label of the holder.
    pub labels: u64,
    /// How many nodes were given their key anew by an extension.
    pub healings: u64,
    /// How many connections that were not used were tried out.
    pub pings: u64,
    /// How many connections were given up because they were silent.
    pub silences: u64,
    /// How many nodes were connected again after that.
    pub reconnections: u64,
    /// How many grants did not count, because their node was started again and had forgotten what it had granted before.
    pub void_grants: u64,
    /// How often a client was connected to a node without a vote, and the moment was checked at which it has one again.
    pub quarantines: u64,
    /// In a hostile world, how many locks were handed over while another client held the resource.
    pub overlaps: u64,
    /// With the default restart guard, how many were by a client that had not seen the restart of a node.
    pub overlaps_unseen: u64,
    /// The faults that were injected.
    pub faults: FaultCounts,
}

impl Summary {
    pub(crate) fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.grants += other.grants;
        self.grants_of_several += other.grants_of_several;
        self.in_line += other.in_line;
        self.fenced += other.fenced;
        self.visits += other.visits;
        self.visits_refused += other.visits_refused;
        self.grants_in_turn += other.grants_in_turn;
        self.grants_after_call_up += other.grants_after_call_up;
        self.places += other.places;
        self.call_ups += other.call_ups;
        self.call_ups_missed += other.call_ups_missed;
        self.subscriptions += other.subscriptions;
        self.leaves += other.leaves;
        self.most_overtaken = self.most_overtaken.max(other.most_overtaken);
        self.turns_passed_on += other.turns_passed_on;
        self.turns_kept += other.turns_kept;
        self.turns_declined += other.turns_declined;
        self.graces += other.graces;
        self.hand_overs += other.hand_overs;
        self.services += other.services;
        self.extensions += other.extensions;
        self.overlapping_extensions += other.overlapping_extensions;
        self.renewals += other.renewals;
        self.longest_holds += other.longest_holds;
        self.keys_kept += other.keys_kept;
        self.detached += other.detached;
        self.adoptions += other.adoptions;
        self.labels += other.labels;
        self.healings += other.healings;
        self.pings += other.pings;
        self.silences += other.silences;
        self.reconnections += other.reconnections;
        self.void_grants += other.void_grants;
        self.quarantines += other.quarantines;
        self.overlaps += other.overlaps;
        self.overlaps_unseen += other.overlaps_unseen;
        self.faults.add(&other.faults);
    }
}

/// One world while it runs.
pub(crate) struct World<'a> {
    scenario: &'a Scenario,
    dice: Dice,
    now: Time,
    agenda: Agenda<Event>,
    /// How many connections are gone, and their nodes have not noticed it.
    unnoticed: usize,
    servers: Vec<Server>,
    clients: Vec<Client>,
    links: Vec<Link>,
    jobs: Vec<JobState>,
    resources: Vec<ResourceState>,
    fences: FencesGranted,
    store: Store,
    summary: Summary,
    history: Option<&'a mut History>,
}

type Checked = Result<(), Violation>;

/// How far a job has come.
#[derive(Debug, Default)]
struct JobState {
    /// Names its lock in the machine of its client, from its beginning until the client ends.
    key: Option<LockKey>,
    stage: Stage,
    /// How many extensions its user has begun.
    renewals: u32,
    /// The extensions under way, in the order in which they were begun.
    extensions: Vec<OperationId>,
    ledger: Ledger,
    /// How many attempts its lock was seen to begin.
    attempts: u32,
    /// When it began the last of them.
    asked_at: Time,
    /// The last command that its lock was seen to give out.
    last_command: Option<CommandId>,
    /// How often its lock was touched.
    steps: u32,
    holds_until: Time,
    /// The largest fences that were granted when it began.
    fences_before: BTreeMap<Resource, Fence>,
    /// The number of fenced locks that were granted when it began.
    grants_before: usize,
    /// What nodes have granted it, and with which token: the first grant of each node.
    minted: Vec<(Token, usize, Fences)>,
    /// The fences with which its lock was handed over.
    fences: Option<Fences>,
    /// What it has left for another job to adopt.
    detached: Option<DetachedLock>,
    /// It adopts what another job has left, and that is there.
    is_due: bool,
    /// The client ended without a word, or a node carried out a command long after it was given up: keys may stay
    /// until their TTL is over.
    may_leave_keys: bool,
}

/// What the user of a lock is about to do with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// The job has not begun.
    #[default]
    NotBegun,
    /// The user waits for the lock.
    Wants,
    /// The user was handed the lock, and may have lost it.
    Holds,
    /// The user waits for the end of the release.
    Leaves,
    /// The user is gone; the nodes may have to be told.
    Gone,
    /// The machine has forgotten the lock.
    Settled,
}

/// What the referee knows about a resource.
#[derive(Debug)]
struct ResourceState {
    name: Resource,
    /// The job that was handed the lock last.
    holder: Option<usize>,
    /// When somebody was handed it, or had it and gave it up, for the last time.
    had_at: Option<Time>,
    line: Line,
}

impl<'a> World<'a> {
    /// Lets the world of a scenario run to its end.
    pub(crate) fn run(scenario: &'a Scenario, history: Option<&'a mut History>) -> (Summary, Checked) {
        let mut world = Self::new(scenario, history);
        let checked = world.run_to_the_end();
        if let Err(violation) = &checked {
            world.tell(Who::World, || format!("VIOLATION of {violation}"));
        }
        (world.summary, checked)
    }

    fn new(scenario: &'a Scenario, history: Option<&'a mut History>) -> Self {
        let (nodes, clients) = (scenario.node_clocks.len(), scenario.client_clocks.len());
        let links = (0..clients * nodes).map(|link| Link::new(link / nodes, link % nodes));
        let resource = |index| ResourceState {
            name: Resource::new(name(index)),
            holder: None,
            had_at: None,
            line: Line::default(),
        };
        let mut world = Self {
            scenario,
            dice: scenario.dice.clone(),
            now: 0,
            agenda: Agenda::new(),
            unnoticed: 0,
            servers: scenario.node_clocks.iter().map(|&clock| Server::new(clock)).collect(),
            clients: (0..clients).map(|client| Client::new(scenario, client)).collect(),
            links: links.collect(),
            jobs: scenario.jobs.iter().map(|_| JobState::default()).collect(),
            resources: (0..scenario.resources).map(resource).collect(),
            fences: FencesGranted::default(),
            store: Store::new(scenario.seed),
            summary: Summary::default(),
            history,
        };
        world.plan();
        world
    }

    fn plan(&mut self) {
        for client in 0..self.clients.len() {
            self.agenda.note(0, Event::ClientBegins { client });
        }
        let jobs = self.scenario.jobs.iter().enumerate();
        for (job, plan) in jobs.filter(|(_, plan)| plan.terms.adopts.is_none()) {
            self.agenda.note(plan.begins_at, Event::JobBegins { job });
        }
        for (fault, plan) in self.scenario.faults.iter().enumerate() {
            self.agenda.note(plan.begins_at, Event::FaultBegins { fault });
        }
        if self.scenario.mode == Mode::Live {
            self.agenda.note(self.scenario.progress_is_due_at(), Event::ProgressIsDue);
        }
        if let Some(at) = self.scenario.everyone_is_served_at() {
            self.agenda.note(at, Event::ServiceIsDue);
        }
    }

    fn run_to_the_end(&mut self) -> Checked {
        // What nodes have yet to notice, and the store yet to see, must not let the keys expire that somebody has left behind.
        while self.agenda.pending() > self.unnoticed + self.store.pending() {
            self.happen_next()?;
        }
        self.check_the_end()?;
        while self.store.pending() > 0 {
            self.happen_next()?;
        }
        Ok(())
    }

    fn happen_next(&mut self) -> Checked {
        let Some((at, event)) = self.agenda.take_next() else { return Ok(()) };
        self.now = at;
        self.store.takes(&event);
        self.happen(event)?;
        if self.summary.events > MOST_EVENTS {
            return Err(Violation::new(Invariant::RepliesCountOnce, "it does not come to rest"));
        }
        Ok(())
    }

    fn happen(&mut self, event: Event) -> Checked {
        if let Some(client) = self.client_of(&event)
            && self.clients[client].pauses > 0
        {
            self.clients[client].inbox.push(event);
            return Ok(());
        }
        self.summary.events += 1;
        match event {
            Event::Command { link, epoch, sent } => self.command_arrives(link, epoch, sent),
            Event::Reply { link, epoch, reply } => self.reply_arrives(link, epoch, reply),
            Event::BreakNoticed { link, epoch } => self.break_noticed(link, epoch),
            Event::ConnectEnds { link, epoch } => self.connect_ends(link, epoch),
            Event::ClientBegins { client } => self.drive(client),
            Event::JobBegins { job } => self.job_begins(job),
            Event::HandOver { job } => self.hand_over(job),
            Event::Step { job } => self.step(job),
            Event::Timer { client, generation } => self.timer_fires(client, generation),
            Event::Subscription { link, epoch, waiter } => {
                self.subscription_arrives(link, epoch, waiter);
                Ok(())
            }
            Event::Heard { link, epoch, heard } => self.heard_arrives(link, epoch, heard),
            Event::SubscriptionBreaks { link, epoch } => {
                self.subscription_breaks(link, epoch);
                Ok(())
            }
            Event::CallUp { link, epoch, resource } => self.call_up_arrives(link, epoch, resource),
            Event::NodeNotices { link, epoch } => {
                self.node_notices(link, epoch);
                Ok(())
            }
            Event::Errand { errand } => {
                self.errand_goes_on(errand);
                Ok(())
            }
            Event::Visit { errand } => self.visit(errand),
            Event::FaultBegins { fault } => self.fault_begins(fault),
            Event::FaultEnds { fault } => self.fault_ends(fault),
            Event::ProgressIsDue => self.check_progress(),
            Event::ServiceIsDue => self.check_service(),
        }
    }

    /// The client that must run for it to happen.
    fn client_of(&self, event: &Event) -> Option<usize> {
        match event {
            Event::Reply { link, .. }
            | Event::Heard { link, .. }
            | Event::CallUp { link, .. }
            | Event::BreakNoticed { link, .. }
            | Event::ConnectEnds { link, .. } => Some(self.links[*link].client),
            Event::JobBegins { job } | Event::HandOver { job } | Event::Step { job } => {
                Some(self.scenario.jobs[*job].client)
            }
            Event::ClientBegins { client } | Event::Timer { client, .. } => Some(*client),
            Event::Errand { errand } => Some(self.client_on(*errand)),
            Event::Command { .. }
            | Event::Visit { .. }
            | Event::Subscription { .. }
            | Event::SubscriptionBreaks { .. }
            | Event::NodeNotices { .. }
            | Event::FaultBegins { .. }
            | Event::FaultEnds { .. }
            | Event::ProgressIsDue
            | Event::ServiceIsDue => None,
        }
    }

    /// Whether all faults are over, so that messages and timers keep their time.
    fn is_healed(&self) -> bool {
        self.scenario.mode == Mode::Live && self.now >= HEALED_AT
    }

    fn count(&mut self, kind: FaultKind) {
        self.summary.faults.count(kind);
    }

    fn tell(&mut self, who: Who, what: impl FnOnce() -> String) {
        let now = self.now;
        self.record(|history| history.tell(now, who, what()));
    }

    fn record(&mut self, with: impl FnOnce(&mut History)) {
        if let Some(history) = self.history.as_mut() {
            with(history);
        }
    }
}
