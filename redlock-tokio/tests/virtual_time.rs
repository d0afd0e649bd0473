//! With nodes in memory, time is tokio's.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use redlock_driver::Unavailable;
use redlock_driver::transport::{Command, Connection, Reply, Transport};
use redlock_tokio::memory::MemoryNode;
use redlock_tokio::{AcquireError, Loss, Node, Redlock};
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
    assert_eq!(guard.lost().await, Some(Loss::Expired));
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
