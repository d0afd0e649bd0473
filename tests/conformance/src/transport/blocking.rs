use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use redlock_blocking::transport::{Connection, Transport};
use redlock_core::{Command, Hold, Reply, ScriptForm, Unavailable};

use super::attempt::assert_replies;
use super::{Attempt, ROUNDS, WHILE, odd_names};
use crate::bench::{SOON, TTL};
use crate::{Need, TestNode};

/// How many commands are sent before a reply is read; as many may be unanswered on a connection.
const MANY: usize = 256;

/// The way to one node.
pub(crate) struct Line<T> {
    pub(crate) node: Arc<dyn TestNode>,
    pub(crate) transport: T,
}

/// One thing that must be so.
pub(crate) struct TransportCase<T> {
    pub(crate) name: &'static str,
    pub(crate) needs: &'static [Need],
    pub(crate) run: fn(Line<T>),
}

macro_rules! cases {
    ($($name:ident [$($need:ident),*],)*) => {
        /// The names of all cases.
        pub(crate) const NAMES: &[&str] = &[$(stringify!($name)),*];

        /// All of them, each with what it needs.
        pub(crate) fn cases<T: Transport>() -> Vec<TransportCase<T>> {
            vec![$(TransportCase { name: stringify!($name), needs: &[$(Need::$need),*], run: $name }),*]
        }
    };
}

cases! {
    replies_come_in_the_order_of_the_commands [],
    every_answer_of_a_node_comes_through [],
    a_script_that_the_node_does_not_know_is_reported [],
    names_are_carried_to_the_byte [],
    commands_are_carried_out_in_the_order_in_which_they_were_sent [],
    more_is_sent_before_the_first_is_answered [Pause],
    two_connections_lead_to_the_same_node [],
    a_good_connection_passes_its_check [],
    a_reply_that_is_not_there_in_time_is_not_lost [Pause],
    a_connection_that_breaks_ends_what_is_under_way [Pause, Restart],
    a_broken_connection_carries_nothing_more [Restart],
    nothing_is_sent_again_over_another_connection [Pause, Restart],
    a_node_that_is_down_is_an_error_and_reached_again_when_it_is_back [Restart],
    a_try_to_connect_gives_up_by_itself [Pause],
}

impl<T: Transport> Line<T> {
    fn open(&mut self) -> T::Connection {
        self.transport.connect(SOON).unwrap_or_else(|why| panic!("no connection: {why}"))
    }
}

fn send(connection: &mut impl Connection, command: &Command) {
    connection.send(command).unwrap_or_else(|why| panic!("the connection broke: {why}"));
}

/// The reply, which must be there soon.
fn receive(connection: &mut impl Connection, command: &Command) -> Reply {
    let reply = connection.receive(command, SOON).unwrap_or_else(|why| panic!("the connection broke: {why}"));
    reply.expect("a reply that has come is received")
}

/// Sends all, and only then reads.
fn ask(connection: &mut impl Connection, commands: &[Command]) -> Vec<Reply> {
    for command in commands {
        send(connection, command);
    }
    commands.iter().map(|command| receive(connection, command)).collect()
}

/// The reply to a script, with its text if the node does not know it.
fn run_script(connection: &mut impl Connection, script: impl Fn(ScriptForm) -> Command) -> Reply {
    match ask(connection, &[script(ScriptForm::Digest)]).swap_remove(0) {
        Reply::UnknownScript => ask(connection, &[script(ScriptForm::Source)]).swap_remove(0),
        reply => reply,
    }
}

/// Asks for the reply until the connection says that it is broken.
fn wait_until_broken(connection: &mut impl Connection, command: &Command) -> Unavailable {
    let begin = Instant::now();
    while begin.elapsed() < SOON {
        match connection.receive(command, WHILE) {
            Ok(None) => {}
            Ok(Some(reply)) => panic!("a reply that the node did not give: {reply:?}"),
            Err(why) => return why,
        }
    }
    panic!("nobody was told that the connection broke")
}

fn replies_come_in_the_order_of_the_commands<T: Transport>(mut line: Line<T>) {
    let mut connection = line.open();
    let (mine, rival, other) = (Attempt::new("job"), Attempt::new("job"), Attempt::new("other"));
    let replies = ask(&mut connection, &[mine.acquire(), rival.acquire(), other.acquire(), mine.acquire()]);
    assert_replies(
        &replies,
        &[Reply::Done, Reply::HeldByOther(Hold::UNKNOWN), Reply::Done, Reply::HeldByOther(Hold::UNKNOWN)],
    );
    assert!(line.node.ttl("job").is_some() && line.node.ttl("other").is_some(), "the node has done it");
}

fn every_answer_of_a_node_comes_through<T: Transport>(mut line: Line<T>) {
    let mut connection = line.open();
    let (mine, rival) = (Attempt::new("job"), Attempt::new("job"));
    let longer = TTL * 3;
    assert_eq!(run_script(&mut connection, |form| mine.extend(longer, form)), Reply::Missing);
    assert_eq!(run_script(&mut connection, |form| mine.release(form)), Reply::Missing);
    assert_replies(&ask(&mut connection, &[mine.acquire()]), &[Reply::Done]);
    assert_eq!(run_script(&mut connection, |form| rival.extend(longer, form)), Reply::HeldByOther(Hold::UNKNOWN));
    assert_eq!(run_script(&mut connection, |form| rival.release(form)), Reply::HeldByOther(Hold::UNKNOWN));
    assert!(line.node.ttl("job").is_some_and(|ttl| ttl <= TTL), "nobody but its holder extends or deletes a key");
    assert_eq!(run_script(&mut connection, |form| mine.extend(longer, form)), Reply::Done);
    assert!(line.node.ttl("job").is_some_and(|ttl| ttl > TTL), "the node has extended the key");
    assert_eq!(run_script(&mut connection, |form| mine.release(form)), Reply::Done);
    assert_eq!(line.node.ttl("job"), None, "the node has deleted the key");
}

fn a_script_that_the_node_does_not_know_is_reported<T: Transport>(mut line: Line<T>) {
    let mut connection = line.open();
    let job = Attempt::new("job");
    let replies =
        ask(&mut connection, &[job.release(ScriptForm::Digest), job.acquire(), job.release(ScriptForm::Source)]);
    // What is not Redis may know no scripts, and do what it is asked to.
    let first = if replies[0] == Reply::Missing { Reply::Missing } else { Reply::UnknownScript };
    assert_replies(&replies, &[first, Reply::Done, Reply::Done]);
    assert_replies(&ask(&mut connection, &[job.release(ScriptForm::Digest)]), &[Reply::Missing]);
}

fn names_are_carried_to_the_byte<T: Transport>(mut line: Line<T>) {
    let mut connection = line.open();
    for name in odd_names() {
        let replies = ask(&mut connection, &[Attempt::new(&name).acquire(), Attempt::new(&name).acquire()]);
        assert_replies(&replies, &[Reply::Done, Reply::HeldByOther(Hold::UNKNOWN)]);
        assert!(line.node.ttl(&name).is_some(), "the node has a key called {name:?}");
    }
}

fn commands_are_carried_out_in_the_order_in_which_they_were_sent<T: Transport>(mut line: Line<T>) {
    let mut connection = line.open();
    let jobs: Vec<_> = (0..ROUNDS).map(|_| Attempt::new("job")).collect();
    let commands: Vec<_> = jobs.iter().flat_map(|job| [job.acquire(), job.release(ScriptForm::Source)]).collect();
    assert_replies(&ask(&mut connection, &commands), &vec![Reply::Done; commands.len()]);
    assert_eq!(line.node.ttl("job"), None);
}

fn more_is_sent_before_the_first_is_answered<T: Transport>(mut line: Line<T>) {
    let mut connection = line.open();
    line.node.pause();
    let begin = Instant::now();
    let commands: Vec<_> = (0..MANY).map(|_| Attempt::new("job").acquire()).collect();
    for command in &commands {
        send(&mut connection, command);
    }
    assert!(begin.elapsed() < SOON, "nobody waits for room in a buffer: a guard is dropped in there");
    line.node.resume();
    let replies: Vec<_> = commands.iter().map(|command| receive(&mut connection, command)).collect();
    assert_eq!(replies[0], Reply::Done);
    assert_replies(&replies[1..], &vec![Reply::HeldByOther(Hold::UNKNOWN); MANY - 1]);
}

fn two_connections_lead_to_the_same_node<T: Transport>(mut line: Line<T>) {
    let (mut one, mut two) = (line.open(), line.open());
    let job = Attempt::new("job");
    assert_replies(&ask(&mut one, &[job.acquire()]), &[Reply::Done]);
    assert_replies(&ask(&mut two, &[Attempt::new("job").acquire()]), &[Reply::HeldByOther(Hold::UNKNOWN)]);
    drop(one);
    assert_eq!(run_script(&mut two, |form| job.release(form)), Reply::Done);
}

fn a_good_connection_passes_its_check<T: Transport>(mut line: Line<T>) {
    let mut connection = line.open();
    assert_eq!(connection.check(), Ok(()));
    for name in ["job", "other"] {
        assert_replies(&ask(&mut connection, &[Attempt::new(name).acquire()]), &[Reply::Done]);
        assert_eq!(connection.check(), Ok(()));
    }
}

fn a_reply_that_is_not_there_in_time_is_not_lost<T: Transport>(mut line: Line<T>) {
    let mut connection = line.open();
    line.node.pause();
    let (first, second) = (Attempt::new("job").acquire(), Attempt::new("job").acquire());
    send(&mut connection, &first);
    send(&mut connection, &second);
    for timeout in [Duration::ZERO, WHILE, Duration::ZERO] {
        let begin = Instant::now();
        assert_eq!(connection.receive(&first, timeout), Ok(None), "a node that hangs has not answered");
        assert!(begin.elapsed() >= timeout / 2 && begin.elapsed() < SOON, "{:?} of {timeout:?}", begin.elapsed());
    }
    line.node.resume();
    assert_eq!(receive(&mut connection, &first), Reply::Done);
    assert_eq!(receive(&mut connection, &second), Reply::HeldByOther(Hold::UNKNOWN));
}

fn a_connection_that_breaks_ends_what_is_under_way<T: Transport>(mut line: Line<T>) {
    let mut connection = line.open();
    line.node.pause();
    let command = Attempt::new("job").acquire();
    send(&mut connection, &command);
    line.node.kill();
    wait_until_broken(&mut connection, &command);
}

fn a_broken_connection_carries_nothing_more<T: Transport>(mut line: Line<T>) {
    let mut connection = line.open();
    assert_replies(&ask(&mut connection, &[Attempt::new("job").acquire()]), &[Reply::Done]);
    line.node.kill();
    // A check or the sending may find out, or else the next look for a reply.
    let command = Attempt::new("other").acquire();
    if connection.check().is_ok() && connection.send(&command).is_ok() {
        wait_until_broken(&mut connection, &command);
    }
}

fn nothing_is_sent_again_over_another_connection<T: Transport>(mut line: Line<T>) {
    let mut connection = line.open();
    line.node.pause();
    let command = Attempt::new("job").acquire();
    send(&mut connection, &command);
    line.node.kill();
    line.node.restart();
    wait_until_broken(&mut connection, &command);
    let mut another = line.open();
    assert_replies(&ask(&mut another, &[Attempt::new("other").acquire()]), &[Reply::Done]);
    thread::sleep(WHILE);
    assert_eq!(line.node.ttl("job"), None, "what was lost with a connection is not sent again");
}

fn a_node_that_is_down_is_an_error_and_reached_again_when_it_is_back<T: Transport>(mut line: Line<T>) {
    line.node.kill();
    let why = line.transport.connect(SOON).err().expect("nobody listens");
    assert!(why.proves_untouched(), "nothing was sent: {why}");
    line.node.restart();
    let mut connection = line.open();
    assert_replies(&ask(&mut connection, &[Attempt::new("job").acquire()]), &[Reply::Done]);
}

fn a_try_to_connect_gives_up_by_itself<T: Transport>(mut line: Line<T>) {
    line.node.pause();
    let begin = Instant::now();
    drop(line.transport.connect(WHILE));
    assert!(begin.elapsed() < SOON, "{:?} instead of {WHILE:?}", begin.elapsed());
    line.node.resume();
    let mut connection = line.open();
    assert_replies(&ask(&mut connection, &[Attempt::new("job").acquire()]), &[Reply::Done]);
}
