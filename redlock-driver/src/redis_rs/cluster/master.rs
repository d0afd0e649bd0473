//! The connections to one master that redis-rs keeps, as one that does not connect again.

use std::fmt;
use std::future::Future;

use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{Route, SingleNodeRoutingInfo, SlotAddr};
use redis::{ErrorKind, Pipeline, RedisError, ServerErrorKind, Value};
use redlock_core::{Answer, Cause, Command, Facts, Probe, Reply, Unavailable};

use super::super::answer::{unavailable, with_answer};
use super::super::transport::{facts_in, packed};
use super::slots::Member;
use crate::cluster::Outdated;
use crate::transport::Connection;

/// A connection of a [`RedisClusterTransport`](super::RedisClusterTransport) to one master.
pub struct RedisMasterConnection {
    client: ClusterConnection,
    route: SingleNodeRoutingInfo,
    /// The name of the connection over which the server has said its facts.
    mark: String,
    facts: Facts,
    /// Something has happened after which redis-rs connects again.
    is_over: Outdated,
}

impl fmt::Debug for RedisMasterConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisMasterConnection").finish_non_exhaustive()
    }
}

/// What begins such a connection.
pub(super) struct Greeting {
    pub(super) client: ClusterConnection,
    pub(super) member: Member,
    pub(super) mark: String,
    pub(super) is_over: Outdated,
}

impl Greeting {
    /// Marks a connection, makes sure that it leads to the member and that this can release what it grants, and asks what its
    /// server says of itself: all in one pipeline, which redis-rs sends over one connection.
    pub(super) async fn send(mut self) -> Result<RedisMasterConnection, Unavailable> {
        let route = route_to(self.member.slot);
        let mut pipeline = Pipeline::new();
        pipeline.add_command(redis::cmd("CLIENT").arg("SETNAME").arg(&self.mark).take());
        pipeline.add_command(redis::cmd("CLUSTER").arg("MYID").take());
        pipeline.add_command(redis::cmd("INFO"));
        pipeline.add_command(redis::cmd("CONFIG").arg("GET").arg("*appendfsync*").take());
        for [command, arguments @ ..] in Probe::ALL.map(Probe::words) {
            pipeline.add_command(redis::cmd(command).arg(&arguments).take());
        }
        let count = pipeline.len();
        let answers = self.client.route_pipeline(pipeline, 0, count, route.clone()).await;
        let answers = answers.map_err(|error| unavailable(&error, Cause::NotSent))?;
        let facts = self.facts_in(answers)?;
        let Self { client, mark, is_over, .. } = self;
        Ok(RedisMasterConnection { client, route, mark, facts, is_over })
    }

    fn facts_in(&self, answers: Vec<Value>) -> Result<Facts, Unavailable> {
        let mut answers = answers.into_iter();
        let mut next = || answers.next().unwrap_or(Value::Nil);
        let (marked, id, info, fsync) = (next(), next(), next(), next());
        accepted(&marked)?;
        accepted(&id)?;
        if !is(&id, &self.member.id) {
            // redis-rs asks another one while a master is away.
            return Err(Unavailable::with_detail(Cause::NotSent, "a master of the cluster is not connected"));
        }
        let facts = facts_in(Some(info), Some(fsync));
        Probe::ALL
            .iter()
            .zip(answers)
            .try_for_each(|(probe, value)| with_answer(&value, |answer| probe.check(answer)))?;
        Ok(facts)
    }
}

impl Connection for RedisMasterConnection {
    fn send(&mut self, batch: Vec<Command>) -> impl Future<Output = Result<Vec<Reply>, Unavailable>> + Send + use<> {
        let (mut client, route) = (self.client.clone(), self.route.clone());
        let (mark, is_over) = (self.mark.clone(), self.is_over.clone());
        async move {
            let answers = client.route_pipeline(marked(&batch), 0, batch.len().saturating_add(1), route).await;
            let replies = match answers.as_deref() {
                Ok([name, values @ ..]) if is(name, &mark) && values.len() == batch.len() => Ok(read(&batch, values)),
                Ok(_) => Err(Unavailable::with_detail(Cause::Disconnected, "the client has connected again by itself")),
                Err(error) => refusal(error, batch.len()).map(|refusal| vec![refusal]),
            };
            if replies.is_err() {
                is_over.tell();
            }
            replies
        }
    }

    fn facts(&self) -> Facts {
        self.facts.clone()
    }

    fn closed(&mut self) -> impl Future<Output = ()> + Send + use<> {
        self.is_over.wait()
    }
}

/// Returns where the master of a slot is found.
fn route_to(slot: u16) -> SingleNodeRoutingInfo {
    SingleNodeRoutingInfo::SpecificNode(Route::new(slot, SlotAddr::Master))
}

/// Returns a pipeline that asks first for the name of the connection that it goes over.
fn marked(batch: &[Command]) -> Pipeline {
    let mut pipeline = Pipeline::with_capacity(batch.len().saturating_add(1));
    pipeline.add_command(redis::cmd("CLIENT").arg("GETNAME").take());
    for command in batch {
        pipeline.add_command(packed(command));
    }
    pipeline
}

fn read(batch: &[Command], values: &[Value]) -> Vec<Reply> {
    let read = |(command, value)| with_answer(value, |answer| Reply::from_wire(command, answer));
    batch.iter().zip(values).map(read).collect()
}

/// Returns what a server has said instead of carrying out the only command of a batch.
///
/// # Errors
///
/// Of a longer batch, redis-rs does not say whose answer it is, and keeps the others. Nor is it known for what a server says to
/// any command: then it may be the answer to the question for the name.
fn refusal(error: &RedisError, count: usize) -> Result<Reply, Unavailable> {
    use ServerErrorKind::{Ask, ClusterDown, Moved, ReadOnly, TryAgain};
    let is_about_a_key = matches!(error.kind(), ErrorKind::Server(Moved | Ask | TryAgain | ClusterDown | ReadOnly));
    let why = unavailable(error, Cause::Disconnected);
    if is_about_a_key && count == 1 {
        return Ok(Reply::Unavailable(why));
    }
    Err(Unavailable::with_detail(Cause::Disconnected, &why.to_string()))
}

fn accepted(value: &Value) -> Result<(), Unavailable> {
    with_answer(value, |answer| match answer {
        Answer::Error(text) => Err(Unavailable::from_server_error(text)),
        _ => Ok(()),
    })
}

fn is(value: &Value, text: &str) -> bool {
    with_answer(value, |answer| matches!(answer, Answer::Bytes(bytes) if bytes == text.as_bytes()))
}
