//! With nodes in memory, time is tokio's.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use redlock_driver::Unavailable;
use redlock_driver::transport::{Command, Connection, Reply, Transport};
use redlock_tokio::memory::MemoryNode;
use redlock_tokio::{AcquireError, Loss, Node, Redlock, Tokio};
use tokio::runtime::{Builder, Handle};
use tokio::time::{Instant, advance, sleep};

const TTL: Duration = Duration::from_secs(5);
/// What the drift of 1 % and 2 ms leaves of it.
const VALIDITY: Duration = Duration::from_millis(4_948);

fn nodes() -> [MemoryNode; 3] {
    ["one", "two", "three"].map(MemoryNode::new)
}

fn handle(nodes: &[MemoryNode]) -> Redlock {
    Redlock::builder().nodes(nodes).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_lock_ends_at_its_virtual_deadline() {
    let guard = handle(&nodes()).lock("job", TTL).await.unwrap();
    assert_eq!(guard.remaining(), VALIDITY);
    sleep(TTL / 2).await;
    assert!(guard.is_valid());
    sleep(TTL / 2).await;
    assert!(!guard.is_valid());
}

#[tokio::test(start_paused = true)]
async fn the_loss_is_signalled_at_the_virtual_deadline() {
    let guard = handle(&nodes()).lock("job", TTL).await.unwrap();
    let begin = Instant::now();
    assert_eq!(guard.lost().await, Loss::Expired);
    assert!(begin.elapsed() >= VALIDITY);
    let late = begin.elapsed().saturating_sub(VALIDITY);
    assert!(late <= Duration::from_millis(1), "tokio's timers tick in milliseconds: {late:?}");
}

#[tokio::test(start_paused = true)]
async fn a_wait_budget_is_spent_in_virtual_time() {
    let redlock = handle(&nodes());
    let _guard = redlock.lock("job", Duration::from_secs(3_600)).await.unwrap();
    let begin = Instant::now();
    let error = redlock.lock("job", TTL).wait(Duration::from_secs(1)).await.unwrap_err();
    assert!(matches!(error, AcquireError::Contended(_)), "{error}");
    assert!(begin.elapsed() <= Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn the_keys_of_the_nodes_expire_in_virtual_time() {
    let nodes = nodes();
    let (holder, other) = (handle(&nodes), handle(&nodes));
    let guard = holder.lock("job", TTL).await.unwrap();
    assert_eq!(nodes[0].ttl("job"), Some(TTL));
    assert!(other.try_lock("job", TTL).await.is_err());
    std::mem::forget(guard); // So nobody releases it.
    advance(TTL + Duration::from_millis(2)).await;
    assert!(nodes[0].keys().is_empty());
    assert!(other.try_lock("job", TTL).await.is_ok());
}

#[tokio::test]
async fn a_clock_may_be_paused_after_the_handle_was_built() {
    let guard = handle(&nodes()).lock("job", TTL).await.unwrap();
    tokio::time::pause();
    sleep(TTL).await;
    assert!(!guard.is_valid());
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_not_in_memory_keeps_the_system_s_time() {
    struct Elsewhere(MemoryNode);

    impl Transport for Elsewhere {
        type Connection = Open;
        async fn connect(&mut self) -> Result<Open, Unavailable> {
            self.0.connect().await.map(Open)
        }
    }

    struct Open(<MemoryNode as Transport>::Connection);

    impl Connection for Open {
        fn send(
            &mut self,
            batch: Vec<Command>,
        ) -> impl Future<Output = Result<Vec<Reply>, Unavailable>> + Send + use<> {
            self.0.send(batch)
        }
    }

    let nodes = nodes().map(|node| Node::new(node.name().to_owned(), Elsewhere(node)));
    let redlock = Redlock::builder().nodes(nodes).build().unwrap();
    let guard = redlock.lock("job", TTL).await.unwrap();
    advance(2 * TTL).await;
    assert!(guard.remaining() > TTL / 2, "no server knows of tokio's clock");
}

/// Returns when each of three clients acquires a lock or gives up, while nodes come and go, in a runtime of its own.
fn contest(seed: u64) -> Vec<(usize, Duration, String)> {
    let paused = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    paused.block_on(async move {
        let (nodes, runtime, begin) = (nodes(), Tokio::new(Handle::current()).repeatable(seed), Instant::now());
        let trace = Arc::new(Mutex::new(Vec::new()));
        let clients = [0, 1, 2].map(|client| {
            let redlock = Redlock::builder().nodes(&nodes).build_on(runtime.clone()).unwrap();
            let trace = trace.clone();
            tokio::spawn(async move {
                for _ in 0..8 {
                    let acquired = redlock.lock("job", TTL).attempts(5).await;
                    let outcome = acquired.as_ref().err().map(ToString::to_string).unwrap_or_default();
                    trace.lock().unwrap().push((client, begin.elapsed(), outcome));
                    sleep(Duration::from_millis(70)).await;
                }
            })
        });
        for node in nodes.iter().cycle().take(9) {
            node.cut();
            sleep(Duration::from_millis(230)).await;
            node.restore();
        }
        for client in clients {
            client.await.unwrap();
        }
        trace.lock().unwrap().clone()
    })
}

#[test]
fn a_run_can_be_repeated() {
    let first = contest(7);
    assert!(first.iter().any(|(.., outcome)| !outcome.is_empty()), "some give up: {first:?}");
    for _ in 0..5 {
        assert_eq!(contest(7), first);
    }
    assert_ne!(contest(8), first);
}

#[tokio::test(start_paused = true)]
async fn handles_of_one_run_exclude_each_other() {
    let (nodes, runtime) = (nodes(), Tokio::new(Handle::current()).repeatable(7));
    let [holder, other] = [(); 2].map(|()| Redlock::builder().nodes(&nodes).build_on(runtime.clone()).unwrap());
    let guard = holder.lock("job", TTL).await.unwrap();
    assert!(matches!(other.try_lock("job", TTL).await, Err(AcquireError::Contended(_))));
    assert_eq!(guard.remaining(), VALIDITY);
    sleep(TTL).await;
    assert!(other.try_lock("job", TTL).await.is_ok());
}
