//! What acquiring and releasing costs without async: `redlock-blocking` beside a scatter and gather by hand over
//! redis-rs, in turns within one run; then with one node stopped.
//!
//! `cargo run --release -p redlock-tests --bin bench_blocking -- [--nodes N] [--rounds N]`

#![allow(clippy::print_stdout, reason = "a command for a person")]

use std::error::Error;
use std::iter::{once, repeat};
use std::time::{Duration, Instant};

use lexopt::ValueExt;
use redlock_blocking::redis::{Client, Cmd, Connection, RedisResult, Value, cmd};
use redlock_blocking::{Redlock, ReleaseVerdict};
use redlock_tests::Servers;

/// So many pairs are measured before it is the other one's turn.
const TURN: usize = 200;
/// So many turns pass until a server is stopped, or goes on.
const TURNS: usize = 10;
/// The time that a machine needs to calm down after a stopped server went on.
const CALM: Duration = Duration::from_millis(200);
const TTL: Duration = Duration::from_secs(10);
const NAME: &str = "bench:library";
/// Another one: who stopped reading at the quorum may not have let go everywhere.
const NAME_BY_HAND: &str = "bench:by-hand";
/// The text that the library sends: the same commands without the library.
const RELEASE: &str = "\
local result = 1
for place = 1, #KEYS do
  local value = redis.pcall('GET', KEYS[place])
  if value == ARGV[1] then
    redis.call('DEL', KEYS[place])
    if ARGV[2] == '1' then redis.pcall('PUBLISH', 'redlock:released:' .. KEYS[place], '') end
  elseif type(value) == 'table' and not string.find(value['err'], 'WRONGTYPE', 1, true) then
    return value
  elseif value then
    result = -1
  elseif result == 1 then
    result = 0
  end
end
return result";

fn main() -> Result<(), Box<dyn Error>> {
    let (mut nodes, mut rounds) = (3_usize, 20_000_usize);
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            lexopt::Arg::Long("nodes") => nodes = arguments.value()?.parse()?,
            lexopt::Arg::Long("rounds") => rounds = arguments.value()?.parse()?,
            other => return Err(other.unexpected().into()),
        }
    }
    let servers = Servers::start(nodes);
    let mut by_hand = ByHand::connect(&servers)?;
    let redlock = Redlock::builder().nodes(servers.urls()).build()?;
    measure(&servers, &mut by_hand, &redlock, rounds.div_ceil(TURN))
}

fn measure(servers: &Servers, by_hand: &mut ByHand, redlock: &Redlock, turns: usize) -> Result<(), Box<dyn Error>> {
    let (mut floor, mut healthy, mut hung) = (Times::default(), Times::default(), Times::default());
    turn(&mut Times::default(), || by_hand.lock_and_release())?;
    turn(&mut Times::default(), || lock_and_release(redlock))?;
    for _ in 0..turns.div_ceil(TURNS) {
        for _ in 0..TURNS {
            turn(&mut floor, || by_hand.lock_and_release())?;
            turn(&mut healthy, || lock_and_release(redlock))?;
        }
        servers[0].pause();
        lock_and_release(redlock)?;
        for _ in 0..TURNS {
            turn(&mut hung, || lock_and_release(redlock))?;
        }
        servers[0].resume();
        std::thread::sleep(CALM);
    }
    println!("acquire + release, {} nodes, {} pairs each", servers.len(), floor.0.len());
    floor.print("by hand over redis-rs", &floor);
    healthy.print("redlock-blocking", &floor);
    hung.print("... with a node hung", &healthy);
    Ok(())
}

/// Measures some pairs one after the other.
fn turn<E>(times: &mut Times, mut pair: impl FnMut() -> Result<(), E>) -> Result<(), E> {
    for _ in 0..TURN {
        let begin = Instant::now();
        pair()?;
        times.0.push(begin.elapsed());
    }
    Ok(())
}

fn lock_and_release(redlock: &Redlock) -> Result<(), Box<dyn Error>> {
    let report = redlock.try_lock(NAME, TTL)?.release();
    if report.verdict == ReleaseVerdict::Released { Ok(()) } else { Err(report.to_string().into()) }
}

#[derive(Default)]
struct Times(Vec<Duration>);

impl Times {
    fn print(&self, what: &str, base: &Self) {
        let (p50, p99) = (self.percentile(50), self.percentile(99));
        let ratio = |percent, mine: Duration| mine.as_secs_f64() / base.percentile(percent).as_secs_f64();
        println!("{what:<24} p50 {p50:>9.1?} ({:.2} x)   p99 {p99:>9.1?} ({:.2} x)", ratio(50, p50), ratio(99, p99));
    }

    fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort();
        let index = sorted.len().saturating_mul(percent) / 100;
        sorted.get(index).copied().unwrap_or_default()
    }
}

/// The same commands without a library: to all nodes at once, and on at the quorum.
struct ByHand {
    nodes: Vec<Node>,
    quorum: usize,
    attempt: u128,
    release: String,
}

struct Node {
    connection: Connection,
    owes_a_reply: bool,
}

impl ByHand {
    fn connect(servers: &Servers) -> RedisResult<Self> {
        let connect = |url: String| {
            let mut connection = Client::open(url)?.get_connection()?;
            let release: String = cmd("SCRIPT").arg("LOAD").arg(RELEASE).query(&mut connection)?;
            Ok((Node { connection, owes_a_reply: false }, release))
        };
        let nodes: RedisResult<Vec<_>> = servers.urls().into_iter().map(connect).collect();
        let (nodes, releases): (Vec<_>, Vec<_>) = nodes?.into_iter().unzip();
        let quorum = (nodes.len() / 2).saturating_add(1);
        Ok(Self { nodes, quorum, attempt: 0, release: releases.into_iter().next().unwrap_or_default() })
    }

    fn lock_and_release(&mut self) -> Result<(), Box<dyn Error>> {
        self.attempt = self.attempt.wrapping_add(1);
        let token = self.attempt.to_le_bytes();
        let ttl = u64::try_from(TTL.as_millis())?;
        let set = cmd("SET").arg(NAME_BY_HAND).arg(&token).arg("NX").arg("PX").arg(ttl).take();
        let release = |announces: &str| {
            cmd("EVALSHA").arg(&self.release).arg(1).arg(NAME_BY_HAND).arg(&token).arg(announces).take()
        };
        // As with the library, one of the nodes announces the release.
        let (announced, silent) = (release("1"), release("0"));
        self.ask_all(&set, &set, &Value::Okay)?;
        self.ask_all(&announced, &silent, &Value::Int(1))
    }

    /// Sends one command to the first node and another one to all others, and waits for a quorum.
    fn ask_all(&mut self, first: &Cmd, others: &Cmd, granted: &Value) -> Result<(), Box<dyn Error>> {
        let (first, others) = (first.get_packed_command(), others.get_packed_command());
        for (node, packed) in self.nodes.iter_mut().zip(once(&first).chain(repeat(&others))) {
            if std::mem::take(&mut node.owes_a_reply) {
                node.connection.recv_response()?;
            }
            node.connection.send_packed_command(packed)?;
            node.owes_a_reply = true;
        }
        let mut votes = 0_usize;
        for node in &mut self.nodes {
            node.owes_a_reply = false;
            votes = votes.saturating_add(usize::from(node.connection.recv_response()? == *granted));
            if votes == self.quorum {
                return Ok(());
            }
        }
        Err("a quorum refused".into())
    }
}
