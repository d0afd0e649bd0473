use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::future::BoxFuture;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, RedisResult, Value};

use super::floor::{self, COMPARE_AND_DELETE, Held, Patience, Tally, Tokens};
use super::{Contestant, Failure};
use crate::executor::Tokio;

/// The commands of a lock by hand over the redis crate: one multiplexed connection per node, done at the quorum.
pub(crate) struct FloorRedis(Masters);

impl Contestant for FloorRedis {
    type Executor = Tokio;
    type Held = Held;

    async fn connect(urls: &[String]) -> Result<Self, Failure> {
        Masters::connect(urls).await.map(Self)
    }

    async fn lock(&self, key: &str, ttl: Duration) -> Option<Held> {
        let patience = Patience::new();
        loop {
            let held = self.0.try_lock(key, ttl).await;
            if held.is_some() || !patience.pause().await {
                return held;
            }
        }
    }

    async fn unlock(&self, held: Held) {
        self.0.release(&held).await;
    }
}

/// A connection to each node.
pub(super) struct Masters {
    nodes: Vec<MultiplexedConnection>,
    /// For each node the answers that nobody waits for. redis-rs does not send a command whose answer is dropped.
    stragglers: Vec<Mutex<VecDeque<Answer>>>,
    tokens: Tokens,
    release: String,
}

impl Masters {
    pub(super) async fn connect(urls: &[String]) -> Result<Self, Failure> {
        let mut nodes = Vec::new();
        for url in urls {
            nodes.push(floor::open(url, &floor::connection_config()).await?);
        }
        Self::with_connections(nodes).await
    }

    pub(super) async fn with_connections(mut nodes: Vec<MultiplexedConnection>) -> Result<Self, Failure> {
        let mut release = String::new();
        for node in &mut nodes {
            release = floor::load(node, COMPARE_AND_DELETE).await?;
        }
        let stragglers = nodes.iter().map(|_| Mutex::default()).collect();
        Ok(Self { nodes, stragglers, tokens: Tokens::new(), release })
    }

    /// One attempt, which takes back what it has when it fails.
    pub(super) async fn try_lock(&self, key: &str, ttl: Duration) -> Option<Held> {
        let held = Held { key: key.into(), token: self.tokens.next() };
        let mut set = redis::cmd("SET");
        set.arg(key).arg(&held.token).arg("NX").arg("PX").arg(millis(ttl));
        if self.majority(set, |answer| *answer == Value::Okay).await {
            return Some(held);
        }
        self.release(&held).await;
        None
    }

    pub(super) async fn release(&self, held: &Held) -> bool {
        let mut delete = redis::cmd("EVALSHA");
        delete.arg(&self.release).arg(1).arg(&held.key).arg(&held.token);
        self.majority(delete, |answer| *answer == Value::Int(1)).await
    }

    /// Whether a majority of all nodes says yes. The command is in the queues of all connections before the first
    /// answer is waited for; the answers that come after the verdict are not waited for.
    pub(super) async fn majority(&self, command: Cmd, is_yes: impl Fn(&Value) -> bool) -> bool {
        let command = Arc::new(command);
        let mut answers: Vec<_> = self.nodes.iter().map(|node| Some(send(node.clone(), command.clone()))).collect();
        let mut tally = Tally::new(answers.len());
        let verdict = poll_fn(|context| {
            for answer in &mut answers {
                if let Some(Poll::Ready(value)) = answer.as_mut().map(|answer| answer.as_mut().poll(context)) {
                    tally.count(value.is_ok_and(|value| is_yes(&value)));
                    *answer = None;
                }
            }
            tally.verdict().map_or(Poll::Pending, Poll::Ready)
        })
        .await;
        self.keep(answers);
        verdict
    }

    /// Keeps answers until they have come, without a task: whoever is next looks whether they have.
    fn keep(&self, answers: Vec<Option<Answer>>) {
        for (answer, stragglers) in answers.into_iter().zip(&self.stragglers) {
            if let Some(answer) = answer {
                let mut stragglers = stragglers.lock().unwrap_or_else(PoisonError::into_inner);
                stragglers.push_back(answer);
                let mut context = Context::from_waker(Waker::noop());
                while stragglers.front_mut().is_some_and(|answer| answer.as_mut().poll(&mut context).is_ready()) {
                    stragglers.pop_front();
                }
            }
        }
    }

    pub(super) fn nodes(&self) -> &[MultiplexedConnection] {
        &self.nodes
    }
}

type Answer = BoxFuture<'static, RedisResult<Value>>;

fn send(mut node: MultiplexedConnection, command: Arc<Cmd>) -> Answer {
    Box::pin(async move { node.send_packed_command(&command).await })
}

pub(super) fn millis(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX)
}
