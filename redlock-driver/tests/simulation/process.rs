//! A process: the runtime under a driver of its own, with a clock of its own.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use redlock_driver::{Instant, NoEntropy, NoRuntime, Redlock, RestartGuard, Runtime};
use redlock_simulator::{Clock, Time};

use crate::crowd::Member;
use crate::executor::Owner;
use crate::fault::FaultKind;
use crate::keeper::Keeper;
use crate::link::Link;
use crate::scenario::HEALED_AT;
use crate::user::User;
use crate::world::{World, lock};

/// Clones are the same process.
#[derive(Clone)]
pub(crate) struct Process {
    pub(crate) world: Arc<World>,
    pub(crate) index: usize,
}

impl Process {
    pub(crate) fn new(world: &Arc<World>, index: usize) -> Self {
        Self { world: world.clone(), index }
    }

    /// Makes the handle and the users of it.
    pub(crate) fn populate(self) {
        let redlock = self.redlock();
        let mut dice = self.world.dice().fork();
        for _ in 0..dice.count(1..=self.world.scenario.habits.most_users) {
            self.world.figures().handles += 1;
            let user = User::new(&self, redlock.clone(), dice.fork());
            let world = self.world.clone();
            world.user_comes();
            self.spawn_user(async move {
                user.run().await;
                world.user_leaves();
            });
        }
        for _ in 0..self.world.scenario.crowd.members[self.index] {
            self.spawn_user(Member::new(&self, redlock.clone(), dice.fork()).run());
        }
        if dice.chance(50) {
            self.spawn_user(Keeper::new(&self, redlock).run());
        }
    }

    pub(crate) fn spawn_user(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.world.executor.spawn(self.index, Owner::User, Box::pin(task));
    }

    /// Waits for a time that passes in the world, whatever the clocks say.
    pub(crate) fn sleep(&self, time: Time) -> Sleep {
        Sleep::until(&self.world, self.world.now() + time)
    }

    pub(crate) fn clock(&self) -> Clock {
        self.world.scenario.process_clocks[self.index]
    }

    pub(crate) fn tell(&self, what: impl FnOnce() -> String) {
        self.world.tell(|| format!("process {}: {}", self.index, what()));
    }

    fn redlock(&self) -> Redlock<Self> {
        let scenario = &self.world.scenario;
        let nodes = (0..scenario.nodes()).map(|node| Link::new(&self.world, self.index, node).into_node());
        // Nodes that refuse something as replicas lose nothing here.
        let builder = Redlock::builder().nodes(nodes).restart_guard(RestartGuard::OFF);
        let builder = builder.node_timeout(scenario.node_timeout).connect_timeout(scenario.connect_timeout);
        builder.build_on(self.clone()).unwrap()
    }
}

impl Runtime for Process {
    fn now(&self) -> Instant {
        self.clock().at(self.world.now())
    }

    fn sleep_until(&self, deadline: Instant) -> impl Future<Output = ()> + Send + 'static {
        self.world.count_event();
        let system = &self.world.scenario.system;
        let is_late = self.world.goes_wrong(FaultKind::LateTimer, system.late_timer);
        let late = if is_late { self.world.dice().time(0..=system.latest) } else { 0 };
        Sleep::until(&self.world, self.clock().time_of(deadline).saturating_add(late))
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.world.executor.spawn(self.index, Owner::Driver, Box::pin(task));
    }

    /// Another runtime, which looks just the same.
    fn successor(&self) -> Result<Self, NoRuntime> {
        Ok(self.clone())
    }

    /// The seed of a lock begins with the number of the acquisition.
    fn seed(&self) -> Result<[u8; 32], NoEntropy> {
        if self.world.goes_wrong(FaultKind::NoEntropy, self.world.scenario.system.no_entropy) {
            return Err(NoEntropy::new("the simulation took it"));
        }
        let number = self.world.ledger().begin();
        let mut seed = self.world.dice().bytes();
        seed[..8].copy_from_slice(&u64::try_from(number).unwrap().to_be_bytes());
        Ok(seed)
    }
}

/// Waits until a moment of the world. It wakes its task once; when it was dropped, it does not.
pub(crate) struct Sleep {
    world: Arc<World>,
    until: Time,
    task: Option<Arc<Mutex<Option<Waker>>>>,
}

impl Sleep {
    pub(crate) fn until(world: &Arc<World>, until: Time) -> Self {
        Self { world: world.clone(), until, task: None }
    }

    /// Waits until nothing goes wrong any more.
    pub(crate) fn until_healed(world: &Arc<World>) -> Self {
        Self::until(world, HEALED_AT)
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.world.now() >= self.until {
            return Poll::Ready(());
        }
        let waker = Some(context.waker().clone());
        if let Some(task) = &self.task {
            *lock(task) = waker;
            return Poll::Pending;
        }
        let task = Arc::new(Mutex::new(waker));
        self.task = Some(task.clone());
        self.world.note(self.until, move || {
            let waker = lock(&task).take();
            waker.into_iter().for_each(Waker::wake);
        });
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            *lock(task) = None;
        }
    }
}
