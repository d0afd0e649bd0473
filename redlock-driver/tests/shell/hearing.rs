//! Hearing over a second connection: it is opened when somebody waits, and holds nobody up.

use std::future::{Future, pending};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_channel::oneshot;
use redlock_driver::memory::{MemoryConnection, MemoryNode};
use redlock_driver::transport::{Command, Connection, Heard, Hearing, Reply, Transport, WaiterId};
use redlock_driver::{Cause, LockGuard, Node, Redlock, RetryDelay, Runtime, Unavailable};

use crate::clock::{Clock, settle};
use crate::link::Connect;
use crate::world::TTL;

/// A node whose users hear apart. Clones are the same.
#[derive(Clone)]
struct Way {
    node: MemoryNode,
    second: Arc<Mutex<Second>>,
}

/// What is known of the second connections of all handles.
#[derive(Default)]
struct Second {
    connect: Connect,
    connects: usize,
    /// A connection breaks when its sender is dropped.
    open: Vec<oneshot::Sender<()>>,
}

impl Way {
    fn second(&self) -> MutexGuard<'_, Second> {
        self.second.lock().unwrap()
    }
}

impl Transport for Way {
    type Connection = Apart;

    async fn connect(&mut self) -> Result<Apart, Unavailable> {
        Ok(Apart { connection: self.node.connect().await?, broken: None })
    }

    async fn connect_apart(&mut self) -> Result<Apart, Unavailable> {
        let connect = {
            let mut second = self.second();
            second.connects += 1;
            second.connect
        };
        match connect {
            Connect::Opens => {}
            Connect::Hangs => pending().await,
            _ => return Err(Unavailable::with_detail(Cause::NotSent, "nobody listens")),
        }
        let (open, broken) = oneshot::channel();
        self.second().open.push(open);
        Ok(Apart { connection: self.node.connect().await?, broken: Some(broken) })
    }
}

struct Apart {
    connection: MemoryConnection,
    /// It is a second connection.
    broken: Option<oneshot::Receiver<()>>,
}

impl Connection for Apart {
    fn send(&mut self, batch: Vec<Command>) -> impl Future<Output = Result<Vec<Reply>, Unavailable>> + Send + use<> {
        assert!(self.broken.is_none(), "nothing is sent over a second connection");
        self.connection.send(batch)
    }

    fn hearing(&self) -> Hearing {
        Hearing::Apart
    }

    fn subscribe(&mut self, waiter: &WaiterId) {
        assert!(self.broken.is_some(), "it is the connection for commands");
        self.connection.subscribe(waiter);
    }

    fn poll_heard(&mut self, context: &mut Context<'_>) -> Poll<Heard> {
        self.connection.poll_heard(context)
    }

    fn closed(&mut self) -> impl Future<Output = ()> + Send + use<> {
        let broken = self.broken.as_mut().map(|broken| std::mem::replace(broken, oneshot::channel().1));
        async {
            match broken {
                Some(broken) => broken.await.unwrap_or_default(),
                None => pending().await,
            }
        }
    }
}

struct World {
    clock: Clock,
    way: Way,
    redlock: Redlock<Clock>,
    rival: Redlock<Clock>,
}

impl World {
    async fn new(connect: Connect) -> Self {
        let second = Arc::new(Mutex::new(Second { connect, ..Second::default() }));
        let (clock, way) = (Clock::default(), Way { node: MemoryNode::new("only"), second });
        let handle = || Redlock::builder().nodes([Node::new("only", way.clone())]).build_on(clock.clone()).unwrap();
        let (redlock, rival) = (handle(), handle());
        settle().await;
        Self { clock, way, redlock, rival }
    }

    async fn lock(&self, name: &str) -> LockGuard<Clock> {
        self.clock.run(self.redlock.lock(name, TTL)).await.unwrap()
    }

    /// Lets the rival wait for a lock, in its own task.
    fn wait(&self, delay: RetryDelay) -> tokio::task::JoinHandle<LockGuard<Clock>> {
        let acquire = self.rival.lock("job", TTL).retry_delay(delay).wait(TTL * 3);
        tokio::spawn(async { acquire.await.unwrap() })
    }

    fn connects(&self) -> usize {
        self.way.second().connects
    }
}

fn only_called_up() -> RetryDelay {
    RetryDelay::new(TTL * 360, TTL * 360)
}

#[tokio::test]
async fn it_is_opened_when_somebody_waits_and_brings_the_call_up() {
    let world = World::new(Connect::Opens).await;
    let held = world.lock("job").await;
    settle().await;
    assert_eq!(world.connects(), 0);
    let waiting = world.wait(only_called_up());
    settle().await;
    assert_eq!(world.connects(), 1);
    let now = world.clock.now();
    world.clock.run(held.release()).await;
    drop(world.clock.run(waiting).await.unwrap());
    assert_eq!(world.clock.now(), now, "nobody has waited for a timer");
}

#[tokio::test]
async fn one_that_cannot_be_opened_holds_nobody_up() {
    for connect in [Connect::Hangs, Connect::Fails] {
        let world = World::new(connect).await;
        let held = world.lock("job").await;
        let waiting = world.wait(RetryDelay::DEFAULT);
        settle().await;
        assert_eq!(world.connects(), 1);
        let now = world.clock.now();
        let other = world.clock.run(world.rival.lock("other", TTL)).await.unwrap();
        world.clock.run(other.release()).await;
        world.clock.run(held.release()).await;
        assert_eq!(world.clock.now(), now);
        drop(world.clock.run(waiting).await.unwrap());
        assert!(world.clock.now() < now.saturating_add(Duration::from_secs(1)), "it tries now and then");
    }
}

#[tokio::test]
async fn one_that_breaks_is_replaced_as_long_as_somebody_waits() {
    let world = World::new(Connect::Opens).await;
    let held = world.lock("job").await;
    let waiting = world.wait(RetryDelay::DEFAULT);
    settle().await;
    world.way.second().open.clear();
    settle().await;
    assert_eq!(world.connects(), 1, "not at once");
    let later = world.clock.now().saturating_add(Duration::from_secs(2));
    world.clock.run(world.clock.sleep_until(later)).await;
    assert_eq!(world.connects(), 2);
    let now = world.clock.now();
    world.clock.run(held.release()).await;
    drop(world.clock.run(waiting).await.unwrap());
    assert_eq!(world.clock.now(), now, "it is called up again");
}

#[tokio::test]
async fn it_is_closed_with_the_first_one() {
    let world = World::new(Connect::Opens).await;
    let _held = world.lock("job").await;
    let waiting = world.wait(only_called_up());
    settle().await;
    assert!(!world.way.second().open[0].is_canceled());
    waiting.abort();
    world.way.node.cut();
    settle().await;
    drop(world.rival);
    settle().await;
    assert!(world.way.second().open[0].is_canceled());
}
