use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::contender::{Contender, Said};
use super::history::{History, Judge};
use super::nodes::Nodes;
use super::{Report, TTL, Torture};
use crate::Server;

const CLIENTS: usize = 6;
/// So many are never paused, so that the lock goes on to somebody else.
const FREE: usize = 2;
/// A pause ends by then, even if nobody else has got the lock.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// A holder that is not paused by then may have written: it works for twice as long.
const SOON: Duration = Duration::from_millis(5);
/// How often it looks around while nobody says anything.
const TICK: Duration = Duration::from_millis(5);
const PROGRESS: Duration = Duration::from_secs(1);

/// Decides who is paused and killed, and keeps the figures.
pub(super) struct Tormentor {
    pauses: u64,
    limit: Duration,
    random: Rng,
    // Before the servers: dropped first.
    clients: Vec<Contender>,
    said: Receiver<(usize, Said)>,
    paused: Vec<Pause>,
    nodes: Nodes,
    store: Server,
    history: History,
    started_at: Instant,
    report: Report,
}

/// A client that is paused.
struct Pause {
    client: usize,
    since: Instant,
    /// At least for so long.
    at_least: Duration,
    /// Until a larger fence has been at the store.
    fence: Option<u64>,
}

impl Tormentor {
    pub(super) fn start(torture: &Torture) -> Self {
        let started_at = Instant::now();
        let mut random = Rng::with_seed(torture.seed);
        let nodes = Nodes::start(&mut random, started_at);
        let store = Server::start();
        let history = History::begin(&store);
        let (sender, said) = channel();
        let start = |place| Contender::start(torture, place, &store.url(), &nodes.urls(), sender.clone());
        let clients = (0..CLIENTS).map(start).collect();
        Self {
            pauses: torture.pauses,
            limit: torture.limit,
            random,
            clients,
            said,
            paused: Vec::new(),
            nodes,
            store,
            history,
            started_at,
            report: Report::default(),
        }
    }

    pub(super) fn run(mut self, mut progress: impl FnMut(&Report)) -> Report {
        let mut shown_at = self.started_at;
        while self.report.pauses < self.pauses && self.started_at.elapsed() < self.limit {
            if let Ok((client, said)) = self.said.recv_timeout(TICK) {
                self.count(said);
                self.pause_holder(client, said);
            }
            let judge = self.history.judge();
            self.resume(&judge);
            self.pause_anybody();
            self.nodes.step(&mut self.random, judge.largest, Instant::now());
            if shown_at.elapsed() >= PROGRESS {
                shown_at = Instant::now();
                self.note(&judge);
                progress(&self.report);
            }
        }
        self.end()
    }

    fn count(&mut self, said: Said) {
        let figure = match said {
            Said::Held(..) => &mut self.report.holds,
            Said::Wrote => &mut self.report.written,
            Said::Refused => &mut self.report.refusals,
            Said::Failed => &mut self.report.failures,
        };
        *figure = figure.saturating_add(1);
    }

    /// Pauses every second holder until its lock is over.
    fn pause_holder(&mut self, client: usize, said: Said) {
        if let Said::Held(fence, at) = said
            && at.elapsed() < SOON
            && self.random.bool()
        {
            let at_least = TTL.saturating_add(Duration::from_millis(self.random.u64(..100)));
            self.pause(client, at_least, Some(fence));
        }
    }

    /// Now and then, at any stage of what a client does.
    fn pause_anybody(&mut self) {
        if self.random.u8(..50) == 0 {
            let (client, at_least) = (self.random.usize(..CLIENTS), Duration::from_millis(self.random.u64(..300)));
            self.pause(client, at_least, None);
        }
    }

    fn pause(&mut self, client: usize, at_least: Duration, fence: Option<u64>) {
        if !self.clients[client].is_paused() && self.paused.len() < CLIENTS.saturating_sub(FREE) {
            self.clients[client].pause();
            self.paused.push(Pause { client, since: Instant::now(), at_least, fence });
        }
    }

    /// Lets those go on whose time has come.
    fn resume(&mut self, judge: &Judge) {
        let is_over = |pause: &mut Pause| {
            let has_successor = pause.fence.is_none_or(|fence| judge.largest > fence);
            let elapsed = pause.since.elapsed();
            elapsed >= pause.at_least && (has_successor || elapsed >= LONGEST_PAUSE)
        };
        for pause in self.paused.extract_if(.., is_over) {
            self.clients[pause.client].resume();
            let figure = if pause.fence.is_some() { &mut self.report.pauses } else { &mut self.report.other_pauses };
            *figure = figure.saturating_add(1);
        }
    }

    /// Lets all end what they have begun.
    fn end(mut self) -> Report {
        self.clients.iter_mut().for_each(Contender::resume);
        self.clients.iter_mut().for_each(Contender::ask_to_end);
        self.clients.iter().for_each(Contender::wait_for_end);
        while let Ok((_, said)) = self.said.recv_timeout(TICK) {
            self.count(said);
        }
        let judge = self.history.end(&self.store);
        self.note(&judge);
        self.report
    }

    fn note(&mut self, judge: &Judge) {
        let Judge { attempts, stale_attempts, applied, stale_applied, lost_steps, .. } = *judge;
        let Nodes { durable_restarts, empty_restarts, .. } = self.nodes;
        let elapsed = self.started_at.elapsed();
        let counted = self.report.clone();
        self.report = Report {
            elapsed,
            durable_restarts,
            empty_restarts,
            attempts,
            stale_attempts,
            applied,
            stale_applied,
            lost_steps,
            ..counted
        };
    }
}
