//! What it costs to keep many locks alive, beside the same extensions sent by hand.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use redlock_core::{Command, Config, Lock, Options as Terms, Reply, Request};
use redlock_tests::{Server, Servers};
use redlock_tokio::{KeepAlive, LockGuard, Redlock, now};

use crate::comparison::commands;
use crate::contestant::{Failure, Name, pack};
use crate::executor::{Executor, Tokio};
use crate::measure::cpu_time;
use crate::options::Options;

/// How many locks are kept alive by one handle.
const LOCKS: usize = 100_000;
const TTL: Duration = Duration::from_secs(30);
const INTERVAL: Duration = Duration::from_secs(10);
/// How many tasks take them.
const TASKS: usize = 64;
/// How many commands are sent at once by hand: as many as the library sends.
const BATCH: usize = 256;

/// Measures both and prints what came out.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let servers = options.server.start(3)?;
    let (urls, duration) = (servers.urls(), options.duration);
    let (sender, started) = std::sync::mpsc::channel();
    let kept = std::thread::scope(|scope| {
        let kept = scope.spawn(|| {
            Tokio::run(options.flavour, async move {
                keep_alive(&urls, duration, sender).await.map_err(|error| error.to_string())
            })
        });
        started.recv()?;
        let before = commands(&servers, Name::Tokio)?;
        let kept = kept.join().map_err(|_| "the holder has failed")??;
        let renewals = usize::try_from(commands(&servers, Name::Tokio)? - before)? / servers.len();
        Ok::<_, Failure>((kept, renewals))
    });
    let (Kept { cpu, lost }, renewals) = kept?;
    let each = micros_each(cpu, renewals);
    println!(
        "kept alive for {duration:?}: {LOCKS} locks, {lost} lost; {renewals} extensions, {each:.1} us of CPU for each"
    );
    // The library has brought the scripts to the servers.
    let by_hand = by_hand(&servers)?;
    for (how, cpu) in [("one batch after the other", by_hand.at_once), ("at the pace of renewals", by_hand.paced)] {
        let by_hand = micros_each(cpu, LOCKS);
        println!("by hand, {how}: {by_hand:.1} us of CPU for each, ratio {:.2}", each / by_hand);
    }
    Ok(())
}

struct Kept {
    cpu: Duration,
    lost: usize,
}

async fn keep_alive(
    urls: &[String],
    duration: Duration,
    started: std::sync::mpsc::Sender<()>,
) -> Result<Kept, Failure> {
    let redlock = Redlock::builder().nodes(urls).build()?;
    let tasks: Vec<_> = (0..TASKS).map(|task| Tokio::spawn(take(redlock.clone(), task))).collect();
    let mut guards = Vec::new();
    for taken in join_all(tasks).await {
        guards.extend(taken?);
    }
    started.send(())?;
    let before = cpu_time();
    Tokio::sleep(duration).await;
    let cpu = cpu_time().saturating_sub(before);
    let lost = LOCKS - guards.iter().filter(|guard| guard.is_valid()).count();
    // Nobody waits for so many releases: the servers end with this process.
    guards.into_iter().for_each(LockGuard::forget);
    Ok(Kept { cpu, lost })
}

async fn take(redlock: Redlock, task: usize) -> Result<Vec<LockGuard>, redlock_tokio::AcquireError> {
    let mut guards = Vec::new();
    for number in (task..LOCKS).step_by(TASKS) {
        let lock = redlock.lock(format!("bench:{number}"), TTL);
        guards.push(lock.keep_alive(KeepAlive::while_held().every(INTERVAL)).await?);
    }
    Ok(guards)
}

/// The CPU time of extending as many locks once by hand.
struct ByHand {
    at_once: Duration,
    /// A batch now and then, so that all are extended within an interval. What a batch needs is in no cache any more then, nor
    /// is it for the library.
    paced: Duration,
}

/// Extends as many locks with the same scripts, in batches, from one thread.
fn by_hand(servers: &Servers) -> Result<ByHand, Failure> {
    let mut nodes = servers.iter().map(connect).collect::<Result<Vec<_>, _>>()?;
    let extensions = (0..LOCKS).map(|number| acquired(&mut nodes, number)).collect::<Result<Vec<_>, _>>()?;
    let mut extend_all = |pause: Duration| {
        let (before, start) = (cpu_time(), Instant::now());
        for (number, batch) in (0..).zip(extensions.chunks(BATCH)) {
            std::thread::sleep((pause * number).saturating_sub(start.elapsed()));
            exchange(&mut nodes, batch)?;
        }
        Ok::<_, Failure>(cpu_time().saturating_sub(before))
    };
    let batches = u32::try_from(LOCKS.div_ceil(BATCH))?;
    Ok(ByHand { at_once: extend_all(Duration::ZERO)?, paced: extend_all(INTERVAL / batches)? })
}

fn connect(server: &Server) -> Result<BufReader<TcpStream>, Failure> {
    let stream = TcpStream::connect(server.address())?;
    stream.set_nodelay(true)?;
    Ok(BufReader::with_capacity(64 * 1024, stream))
}

/// Takes a lock by hand; yields the command that extends it.
fn acquired(nodes: &mut [BufReader<TcpStream>], number: usize) -> Result<Command, Failure> {
    let config = Config::builder((0..nodes.len()).map(|node| node.to_string())).build()?;
    let request = Request::new(&config, format!("by-hand:{number}"), TTL, Terms::new())?;
    let mut seed = [0; 32];
    seed.iter_mut().zip(number.to_be_bytes()).for_each(|(byte, digit)| *byte = digit);
    let mut lock = Lock::acquire(&config, request, seed, now());
    let set = lock.poll_command().ok_or("a lock begins with a command")?;
    exchange(nodes, std::slice::from_ref(&set))?;
    config.nodes().iter().for_each(|node| lock.handle_reply(set.id, node, Reply::Done, now()));
    if !lock.hand_over(now()) {
        return Err("the lock is late".into());
    }
    lock.extend(TTL, now())?;
    Ok(lock.poll_command().ok_or("an extension is a command")?)
}

/// Sends commands to all nodes, and reads as many answers of one line from each.
fn exchange(nodes: &mut [BufReader<TcpStream>], commands: &[Command]) -> Result<(), Failure> {
    let mut bytes = Vec::new();
    for command in commands {
        pack(command.wire().words(), &mut bytes);
    }
    for node in nodes.iter_mut() {
        node.get_mut().write_all(&bytes)?;
    }
    let mut line = String::new();
    for node in nodes {
        for _ in commands {
            line.clear();
            node.read_line(&mut line)?;
            if line.starts_with('-') {
                return Err(line.into());
            }
        }
    }
    Ok(())
}

fn micros_each(cpu: Duration, count: usize) -> f64 {
    cpu.as_secs_f64() * 1e6 / count as f64
}
