//! The one who stays until all others have gone and everything has healed, and looks whether all is well.

use std::sync::Arc;
use std::time::Duration;

use redlock_driver::{KeepAlive, Outcome, Redlock, ReleaseVerdict};
use redlock_simulator::{MILLISECOND, SECOND, Time, nanos};

use crate::abandon::{Abandonable, Fate};
use crate::executor::Owner;
use crate::invariant::Invariant;
use crate::process::{Process, Sleep};
use crate::world::World;

/// The longest wait for the next try to connect and for the connection, and for the next try to release.
const SETTLES_WITHIN: Time = 4 * SECOND;
/// How much longer than a round trip an operation may take.
const SLACK: Time = 10 * MILLISECOND;
/// A TTL whose share for a node is longer than any round trip.
const TTL: Duration = Duration::from_secs(10);
/// A TTL that is over while a world goes on.
const SHORT_TTL: Duration = Duration::from_secs(2);

pub(crate) struct Keeper {
    process: Process,
    redlock: Redlock<Process>,
}

impl Keeper {
    pub(crate) fn new(process: &Process, redlock: Redlock<Process>) -> Self {
        Self { process: process.clone(), redlock }
    }

    pub(crate) async fn run(self) {
        Sleep::until_healed(self.world()).await;
        while self.world().executor.count(self.process.index, Owner::User) > 1 {
            self.process.sleep(100 * MILLISECOND).await;
        }
        self.process.sleep(SETTLES_WITHIN).await;
        self.check_tasks();
        self.find_broken_connections().await;
        if self.world().referee.closed_at(self.process.index).is_none() {
            self.check_that_a_lock_takes_a_round_trip().await;
            self.check_that_a_lock_is_kept_alive().await;
        }
        self.check_close().await;
    }

    /// One task, or none since the runtime has ended that it ran on.
    fn check_tasks(&self) {
        let tasks = self.world().executor.count(self.process.index, Owner::Driver);
        self.expect(
            tasks == 1 || (tasks == 0 && self.world().scenario.system.end_of_runtime > 0),
            Invariant::Books,
            &format!("{tasks} tasks at rest"),
        );
    }

    /// Where connections do not tell that they are closed, the next lock finds out; where the runtime has ended, it starts
    /// the task again.
    async fn find_broken_connections(&self) {
        let scenario = &self.world().scenario;
        if !scenario.network.tells_closed || scenario.system.end_of_runtime > 0 {
            drop(self.awaited(self.redlock.try_lock("any", TTL)).await);
            self.process.sleep(SETTLES_WITHIN).await;
        }
    }

    async fn check_that_a_lock_takes_a_round_trip(&self) {
        let began_at = self.world().now();
        let name = format!("kept by {}", self.process.index);
        let acquired = self.awaited(self.redlock.try_lock(&name, TTL)).await;
        let Ok(mut guard) = acquired else {
            return self.expect(false, Invariant::Progress, &format!("nobody is in the way: {acquired:?}"));
        };
        self.check_round_trips(began_at, 1);
        let began_at = self.world().now();
        let extended = self.awaited(guard.extend(TTL)).await;
        self.expect(extended.is_ok(), Invariant::Progress, &format!("nobody is in the way: {extended:?}"));
        self.check_round_trips(began_at, 2);
        let began_at = self.world().now();
        let report = self.awaited(guard.release()).await;
        let is_done = report.verdict == ReleaseVerdict::Released
            && report.nodes.iter().all(|(_, _, outcome)| matches!(outcome, Outcome::Done | Outcome::Pending));
        self.expect(is_done, Invariant::Progress, &format!("nobody is in the way: {report}"));
        self.check_round_trips(began_at, 2);
        self.process.sleep(SETTLES_WITHIN).await;
    }

    async fn check_that_a_lock_is_kept_alive(&self) {
        let name = format!("kept alive by {}", self.process.index);
        let acquire = self.redlock.try_lock(&name, SHORT_TTL).keep_alive(KeepAlive::while_held());
        let acquired = self.awaited(acquire).await;
        let Ok(guard) = acquired else {
            return self.expect(false, Invariant::Progress, &format!("nobody is in the way: {acquired:?}"));
        };
        self.process.sleep(3 * nanos(SHORT_TTL)).await;
        self.expect(guard.is_valid(), Invariant::Progress, "a lock that is kept alive is lost");
        self.awaited(guard.release()).await;
        self.process.sleep(SETTLES_WITHIN).await;
    }

    async fn check_close(&self) {
        let began_at = self.world().now();
        self.world().referee.close(self.process.index, began_at);
        let report = self.awaited(self.redlock.close()).await;
        self.check_round_trips(began_at, 0);
        self.expect((report.held, report.unsettled) == (0, 0), Invariant::Books, &format!("{report:?} at rest"));
    }

    fn check_round_trips(&self, began_at: Time, round_trips: Time) {
        let (now, longest) = (self.world().now(), self.world().scenario.network.longest);
        let is_in_time = now <= began_at + round_trips * 2 * longest + SLACK;
        let millis = (now - began_at) / MILLISECOND;
        self.expect(is_in_time, Invariant::Progress, &format!("nobody is in the way, but it took {millis} ms"));
    }

    fn expect(&self, holds: bool, invariant: Invariant, what: &str) {
        self.world().expect(holds, invariant, || format!("process {}: {what}", self.process.index));
    }

    async fn awaited<F: Future>(&self, future: F) -> F::Output {
        match Abandonable::new(future, Fate::Awaited, None).await {
            Ok(output) => output,
            Err(_) => unreachable!("it is awaited"),
        }
    }

    fn world(&self) -> &Arc<World> {
        &self.process.world
    }
}
