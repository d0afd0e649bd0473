use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{LocalBoxFuture, join};
use redlock_core::{Command, Hold, Reply, ScriptForm, Unavailable};
use redlock_driver::transport::{Connection, Transport};

use super::attempt::assert_replies;
use super::{Attempt, ROUNDS, WHILE, odd_names};
use crate::bench::{SOON, TTL};
use crate::{Need, Scheduler, TestNode};

/// The way to one node.
pub(crate) struct Line<T> {
    pub(crate) node: Arc<dyn TestNode>,
    pub(crate) transport: T,
    pub(crate) scheduler: Scheduler,
}

/// One thing that must be so.
pub(crate) struct TransportCase<T> {
    pub(crate) name: &'static str,
    pub(crate) needs: &'static [Need],
    pub(crate) run: fn(Line<T>) -> LocalBoxFuture<'static, ()>,
}

macro_rules! cases {
    ($($name:ident [$($need:ident),*],)*) => {
        /// The names of all cases.
        pub(crate) const NAMES: &[&str] = &[$(stringify!($name)),*];

        /// All of them, each with what it needs.
        pub(crate) fn cases<T: Transport>() -> Vec<TransportCase<T>> {
            vec![$(TransportCase {
                name: stringify!($name),
                needs: &[$(Need::$need),*],
                run: |line| Box::pin($name(line)),
            }),*]
        }
    };
}

cases! {
    replies_come_in_the_order_of_the_commands [],
    every_answer_of_a_node_comes_through [],
    a_script_that_the_node_does_not_know_is_reported [],
    names_are_carried_to_the_byte [],
    a_thousand_commands_are_carried_at_once [],
    commands_are_carried_out_in_the_order_in_which_they_were_sent [],
    more_is_sent_before_the_first_is_answered [Pause],
    what_is_sent_at_once_is_on_its_way_before_a_poll [],
    two_connections_lead_to_the_same_node [],
    a_good_connection_is_not_reported_as_closed [],
    a_connection_that_breaks_ends_what_is_under_way [Pause, Restart],
    a_broken_connection_carries_nothing_more [Restart],
    nothing_is_sent_again_over_another_connection [Pause, Restart],
    a_node_that_is_down_is_an_error_and_reached_again_when_it_is_back [Restart],
    a_try_to_connect_can_be_given_up [Pause],
}

impl<T: Transport> Line<T> {
    async fn connect(&mut self) -> Result<T::Connection, Unavailable> {
        self.scheduler.within(SOON, self.transport.connect()).await.expect("a try to connect comes to an end")
    }

    async fn open(&mut self) -> T::Connection {
        self.connect().await.unwrap_or_else(|why| panic!("no connection: {why}"))
    }

    async fn end<F: Future>(&self, future: F) -> F::Output {
        self.scheduler.within(SOON, future).await.expect("the future of a batch comes to an end")
    }

    async fn ask(&self, connection: &mut T::Connection, batch: Vec<Command>) -> Vec<Reply> {
        let replies = self.end(connection.send(batch)).await;
        replies.unwrap_or_else(|why| panic!("the connection broke: {why}"))
    }

    /// The reply to a script, with its text if the node does not know it.
    async fn run_script(&self, connection: &mut T::Connection, script: impl Fn(ScriptForm) -> Command) -> Reply {
        match self.ask(connection, vec![script(ScriptForm::Digest)]).await.as_slice() {
            [Reply::UnknownScript] => self.ask(connection, vec![script(ScriptForm::Source)]).await.swap_remove(0),
            [reply] => reply.clone(),
            other => panic!("{} replies to one command", other.len()),
        }
    }
}

async fn replies_come_in_the_order_of_the_commands<T: Transport>(mut line: Line<T>) {
    let mut connection = line.open().await;
    let (mine, rival, other) = (Attempt::new("job"), Attempt::new("job"), Attempt::new("other"));
    let batch = vec![mine.acquire(), rival.acquire(), other.acquire(), mine.acquire()];
    let replies = line.ask(&mut connection, batch).await;
    assert_replies(
        &replies,
        &[Reply::Done, Reply::HeldByOther(Hold::UNKNOWN), Reply::Done, Reply::HeldByOther(Hold::UNKNOWN)],
    );
    assert!(line.node.ttl("job").is_some() && line.node.ttl("other").is_some(), "the node has done it");
}

async fn every_answer_of_a_node_comes_through<T: Transport>(mut line: Line<T>) {
    let mut connection = line.open().await;
    let (mine, rival) = (Attempt::new("job"), Attempt::new("job"));
    let longer = TTL * 3;
    assert_eq!(line.run_script(&mut connection, |form| mine.extend(longer, form)).await, Reply::Missing);
    assert_eq!(line.run_script(&mut connection, |form| mine.release(form)).await, Reply::Missing);
    assert_replies(&line.ask(&mut connection, vec![mine.acquire()]).await, &[Reply::Done]);
    assert_eq!(
        line.run_script(&mut connection, |form| rival.extend(longer, form)).await,
        Reply::HeldByOther(Hold::UNKNOWN)
    );
    assert_eq!(line.run_script(&mut connection, |form| rival.release(form)).await, Reply::HeldByOther(Hold::UNKNOWN));
    assert!(line.node.ttl("job").is_some_and(|ttl| ttl <= TTL), "nobody but its holder extends or deletes a key");
    assert_eq!(line.run_script(&mut connection, |form| mine.extend(longer, form)).await, Reply::Done);
    assert!(line.node.ttl("job").is_some_and(|ttl| ttl > TTL), "the node has extended the key");
    assert_eq!(line.run_script(&mut connection, |form| mine.release(form)).await, Reply::Done);
    assert_eq!(line.node.ttl("job"), None, "the node has deleted the key");
}

async fn a_script_that_the_node_does_not_know_is_reported<T: Transport>(mut line: Line<T>) {
    let mut connection = line.open().await;
    let job = Attempt::new("job");
    let batch = vec![job.release(ScriptForm::Digest), job.acquire(), job.release(ScriptForm::Source)];
    let replies = line.ask(&mut connection, batch).await;
    // What is not Redis may know no scripts, and do what it is asked to.
    let first = if replies[0] == Reply::Missing { Reply::Missing } else { Reply::UnknownScript };
    assert_replies(&replies, &[first, Reply::Done, Reply::Done]);
    let replies = line.ask(&mut connection, vec![job.release(ScriptForm::Digest)]).await;
    assert_replies(&replies, &[Reply::Missing]);
}

async fn names_are_carried_to_the_byte<T: Transport>(mut line: Line<T>) {
    let mut connection = line.open().await;
    for name in odd_names() {
        let (mine, rival) = (Attempt::new(&name), Attempt::new(&name));
        let replies = line.ask(&mut connection, vec![mine.acquire(), rival.acquire()]).await;
        assert_replies(&replies, &[Reply::Done, Reply::HeldByOther(Hold::UNKNOWN)]);
        assert!(line.node.ttl(&name).is_some(), "the node has a key called {name:?}");
    }
}

async fn a_thousand_commands_are_carried_at_once<T: Transport>(mut line: Line<T>) {
    let mut connection = line.open().await;
    let name = |number: usize| format!("job-{}", number / 2);
    let batch = (0..1_000).map(|number| Attempt::new(&name(number)).acquire()).collect();
    let expected: Vec<_> = [Reply::Done, Reply::HeldByOther(Hold::UNKNOWN)].into_iter().cycle().take(1_000).collect();
    assert_replies(&line.ask(&mut connection, batch).await, &expected);
}

async fn commands_are_carried_out_in_the_order_in_which_they_were_sent<T: Transport>(mut line: Line<T>) {
    let mut connection = line.open().await;
    for _ in 0..ROUNDS {
        let job = Attempt::new("job");
        let acquire = connection.send(vec![job.acquire()]);
        let release = connection.send(vec![job.release(ScriptForm::Source)]);
        let (acquired, released) = line.end(join(acquire, release)).await;
        assert_eq!((acquired, released), (Ok(vec![Reply::Done]), Ok(vec![Reply::Done])));
    }
    assert_eq!(line.node.ttl("job"), None);
}

async fn more_is_sent_before_the_first_is_answered<T: Transport>(mut line: Line<T>) {
    let mut connection = line.open().await;
    line.node.pause();
    let first = connection.send(vec![Attempt::new("job").acquire()]);
    let second = connection.send(vec![Attempt::new("job").acquire(), Attempt::new("other").acquire()]);
    let mut both = pin!(join(first, second));
    assert!(line.scheduler.within(WHILE, both.as_mut()).await.is_none(), "a node that hangs has not answered");
    line.node.resume();
    let (first, second) = line.end(both).await;
    assert_eq!((first, second), (Ok(vec![Reply::Done]), Ok(vec![Reply::HeldByOther(Hold::UNKNOWN), Reply::Done])));
}

/// Only where the connection [promises](Connection::SENDS_AT_ONCE) it.
async fn what_is_sent_at_once_is_on_its_way_before_a_poll<T: Transport>(mut line: Line<T>) {
    if !T::Connection::SENDS_AT_ONCE {
        return;
    }
    let mut connection = line.open().await;
    let names = ["job", "other"];
    let sent = names.map(|name| connection.send(vec![Attempt::new(name).acquire()]));
    let are_there = || names.iter().all(|name| line.node.ttl(name).is_some());
    assert!(line.scheduler.wait_until(SOON, are_there).await, "it says that it sends at once");
    for sent in sent {
        assert_eq!(line.end(sent).await, Ok(vec![Reply::Done]));
    }
}

async fn two_connections_lead_to_the_same_node<T: Transport>(mut line: Line<T>) {
    let (mut one, mut two) = (line.open().await, line.open().await);
    let job = Attempt::new("job");
    assert_replies(&line.ask(&mut one, vec![job.acquire()]).await, &[Reply::Done]);
    assert_replies(
        &line.ask(&mut two, vec![Attempt::new("job").acquire()]).await,
        &[Reply::HeldByOther(Hold::UNKNOWN)],
    );
    drop(one);
    assert_eq!(line.run_script(&mut two, |form| job.release(form)).await, Reply::Done);
}

async fn a_good_connection_is_not_reported_as_closed<T: Transport>(mut line: Line<T>) {
    let mut connection = line.open().await;
    let mut closed = pin!(connection.closed());
    assert!(line.scheduler.within(WHILE, closed.as_mut()).await.is_none());
    assert_replies(&line.ask(&mut connection, vec![Attempt::new("job").acquire()]).await, &[Reply::Done]);
    assert!(line.scheduler.within(WHILE, closed).await.is_none());
}

async fn a_connection_that_breaks_ends_what_is_under_way<T: Transport>(mut line: Line<T>) {
    let mut connection = line.open().await;
    line.node.pause();
    let first = connection.send(vec![Attempt::new("job").acquire()]);
    let second = connection.send(vec![Attempt::new("other").acquire()]);
    let mut both = pin!(join(first, second));
    assert!(line.scheduler.within(WHILE, both.as_mut()).await.is_none(), "a node that hangs has not answered");
    line.node.kill();
    let (first, second) = line.end(both).await;
    for why in [first.unwrap_err(), second.unwrap_err()] {
        assert!(!why.proves_untouched(), "it was sent, so nobody can say that it was not carried out: {why}");
    }
}

async fn a_broken_connection_carries_nothing_more<T: Transport>(mut line: Line<T>) {
    let mut connection = line.open().await;
    assert_replies(&line.ask(&mut connection, vec![Attempt::new("job").acquire()]).await, &[Reply::Done]);
    let closed = connection.closed();
    line.node.kill();
    // It may be reported, or else the next batch finds out.
    line.scheduler.within(WHILE, closed).await;
    let sent = line.end(connection.send(vec![Attempt::new("other").acquire()])).await;
    assert!(sent.is_err(), "{sent:?}");
}

async fn nothing_is_sent_again_over_another_connection<T: Transport>(mut line: Line<T>) {
    let mut connection = line.open().await;
    line.node.pause();
    let mut sent = pin!(connection.send(vec![Attempt::new("job").acquire()]));
    assert!(line.scheduler.within(WHILE, sent.as_mut()).await.is_none(), "a node that hangs has not answered");
    line.node.kill();
    line.node.restart();
    let sent = line.end(sent).await;
    assert!(sent.is_err(), "the answer was lost with the node: {sent:?}");
    let mut another = line.open().await;
    assert_replies(&line.ask(&mut another, vec![Attempt::new("other").acquire()]).await, &[Reply::Done]);
    let came = line.scheduler.wait_until(WHILE, || line.node.ttl("job").is_some()).await;
    assert!(!came, "what was lost with a connection is not sent again");
}

async fn a_node_that_is_down_is_an_error_and_reached_again_when_it_is_back<T: Transport>(mut line: Line<T>) {
    line.node.kill();
    let why = line.connect().await.err().expect("nobody listens");
    assert!(why.proves_untouched(), "nothing was sent: {why}");
    line.node.restart();
    let mut connection = line.open().await;
    assert_replies(&line.ask(&mut connection, vec![Attempt::new("job").acquire()]).await, &[Reply::Done]);
}

async fn a_try_to_connect_can_be_given_up<T: Transport>(mut line: Line<T>) {
    line.node.pause();
    drop(line.scheduler.within(WHILE, line.transport.connect()).await);
    line.node.resume();
    let mut connection = line.open().await;
    assert_replies(&line.ask(&mut connection, vec![Attempt::new("job").acquire()]).await, &[Reply::Done]);
}
