use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use redis::{PushInfo, PushKind, Value};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use super::floor::{self, Held, Tally};
use super::floor_redis::Masters;
use super::{Contestant, Failure};
use crate::executor::Tokio;

/// Deletes the key if it has the token, and tells those who wait for it.
const DELETE_AND_PUBLISH: &str = "\
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('PUBLISH', KEYS[1], '')
return 1";

/// In case that a release is published between the attempt and the subscription, or never.
const LONGEST_WAIT: Duration = Duration::from_millis(200);
/// As long as redlock-tokio waits by default.
const PATIENCE: Duration = Duration::from_secs(30);

/// `floor-redis` whose waiters are woken by a published release.
pub(crate) struct FloorPublish {
    masters: Masters,
    release: String,
    subscribers: Subscribers,
}

/// Who waits for which key.
type Subscribers = Arc<Mutex<HashMap<Vec<u8>, UnboundedSender<()>>>>;

impl Contestant for FloorPublish {
    type Executor = Tokio;
    type Held = Held;

    async fn connect(urls: &[String]) -> Result<Self, Failure> {
        let subscribers = Subscribers::default();
        let (mut nodes, mut release) = (Vec::new(), String::new());
        for url in urls {
            let subscribers = subscribers.clone();
            let config = floor::connection_config().set_push_sender(move |push: PushInfo| -> Result<(), ()> {
                deliver(&subscribers, &push);
                Ok(())
            });
            let mut node = floor::open(url, &config).await?;
            release = floor::load(&mut node, DELETE_AND_PUBLISH).await?;
            nodes.push(node);
        }
        Ok(Self { masters: Masters::with_connections(nodes).await?, release, subscribers })
    }

    async fn lock(&self, key: &str, ttl: Duration) -> Option<Held> {
        if let Some(held) = self.masters.try_lock(key, ttl).await {
            return Some(held);
        }
        let begun = Instant::now();
        let mut releases = self.subscribe(key).await?;
        while begun.elapsed() < PATIENCE {
            if let Some(held) = self.masters.try_lock(key, ttl).await {
                return Some(held);
            }
            let _ = timeout(LONGEST_WAIT, self.quorum_of(&mut releases)).await;
        }
        None
    }

    async fn unlock(&self, held: Held) {
        let mut delete = redis::cmd("EVALSHA");
        delete.arg(&self.release).arg(1).arg(&held.key).arg(&held.token);
        self.masters.majority(delete, |answer| *answer == Value::Int(1)).await;
    }
}

impl FloorPublish {
    /// Subscriptions stay: the next one to the same key costs nothing that matters here.
    async fn subscribe(&self, key: &str) -> Option<UnboundedReceiver<()>> {
        let (sender, receiver) = unbounded_channel();
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner).insert(key.into(), sender);
        for node in self.masters.nodes() {
            node.clone().subscribe(key).await.ok()?;
        }
        Some(receiver)
    }

    /// Waits until as many nodes as it takes have published a release.
    async fn quorum_of(&self, releases: &mut UnboundedReceiver<()>) {
        for _ in 0..Tally::new(self.masters.nodes().len()).quorum() {
            releases.recv().await;
        }
        // The next attempt sees what the others have published meanwhile.
        while releases.try_recv().is_ok() {}
    }
}

fn deliver(subscribers: &Subscribers, push: &PushInfo) {
    if push.kind == PushKind::Message
        && let Some(Value::BulkString(channel)) = push.data.first()
        && let Some(subscriber) = subscribers.lock().unwrap_or_else(PoisonError::into_inner).get(channel)
    {
        // Nobody may be waiting any more.
        let _ = subscriber.send(());
    }
}
