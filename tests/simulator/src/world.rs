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
pub(crate) use self::fairness::keeps_turn_after;
use self::fences::FencesGranted;
use self::store::Store;

use crate::agenda::Agenda;
use crate::clock::Time;
use crate::dice::Dice;
use crate::event::Event;
use crate::fault::FaultKind;
use crate::history::{History, Who};
use crate::invariant::{Invariant, Violation};
use crate::ledger::Ledger;
use crate::link::Link;
use crate::names::name;
use crate::scenario::{HEALED_AT, Mode, Scenario};
use crate::server::Server;
use crate::summary::Summary;

/// A world in which more happens than this does not come to rest.
const MOST_EVENTS: u64 = 200_000;

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
    /// When each node first granted it that one.
    granted: BTreeMap<usize, Time>,
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

    /// Returns whether all faults are over, so that messages and timers keep their time.
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
