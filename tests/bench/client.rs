//! The process of a contestant. It is a process of its own so that CPU time and memory are those of one contestant.

use std::io::{self, BufRead, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::contestant::{
    AsyncStdNative, BlockingNative, Contestant, Failure, Fenced, FloorPublish, FloorQueue, FloorRaw, FloorRedis, Name,
    Redlock, Rslock, TokioFenced, TokioFred, TokioNative, TokioRedis, TokioTraced,
};
use crate::executor::{Executor, Flavour};
use crate::measure::{cpu_time, memory, micros, percentile};
use crate::workload::{Clients, Record, Workload};

/// What the client says when it is connected and warm, and then waits for a line.
pub(crate) const READY: &str = "ready";

/// Into so many parts the time is cut to see how the waiting goes on.
pub(crate) const PARTS: usize = 12;

const WARM_UP: Duration = Duration::from_millis(200);
/// Longer than the command waits for nodes to catch up; it is in use only if the command is gone.
const LINGER: Duration = Duration::from_secs(5);

/// What a client has to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) contestant: Name,
    pub(crate) workload: Workload,
    pub(crate) urls: Vec<String>,
    pub(crate) tasks: usize,
    pub(crate) duration: Duration,
    pub(crate) flavour: Flavour,
}

/// What came out of it. Times of locks are in microseconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Measurement {
    pub(crate) pairs: u64,
    pub(crate) gave_up: u64,
    pub(crate) seconds: f64,
    pub(crate) cpu_seconds: f64,
    pub(crate) lock_p50: Option<f64>,
    pub(crate) lock_p99: Option<f64>,
    pub(crate) lock_max: Option<f64>,
    pub(crate) unlock_p50: Option<f64>,
    /// The longest time to lock in each of [`PARTS`] parts of the duration, as far as something was locked in it.
    pub(crate) longest: Vec<Option<f64>>,
    pub(crate) fair_min: f64,
    pub(crate) fair_max: f64,
    pub(crate) peak_mib: f64,
    pub(crate) fenced: Fenced,
}

/// Does what the plan says in this process.
pub(crate) fn run(plan: Plan) -> Result<(), Failure> {
    match plan.contestant {
        Name::FloorRaw => start::<FloorRaw>(plan),
        Name::FloorRedis => start::<FloorRedis>(plan),
        Name::FloorQueue => start::<FloorQueue>(plan),
        Name::FloorPublish => start::<FloorPublish>(plan),
        Name::Tokio => start::<TokioNative>(plan),
        Name::TokioFenced => start::<TokioFenced>(plan),
        Name::TokioTraced => start::<TokioTraced>(plan),
        Name::TokioRedis => start::<TokioRedis>(plan),
        Name::TokioFred => start::<TokioFred>(plan),
        Name::AsyncStd => start::<AsyncStdNative>(plan),
        Name::Blocking => start::<BlockingNative>(plan),
        Name::Rslock => start::<Rslock>(plan),
        Name::Redlock => start::<Redlock>(plan),
    }
}

fn start<C: Contestant>(plan: Plan) -> Result<(), Failure> {
    C::Executor::run(plan.flavour, work::<C>(plan))
}

async fn work<C: Contestant>(plan: Plan) -> Result<(), Failure> {
    let clients = Arc::new(Clients::<C>::connect(plan.workload, &plan.urls).await?);
    clients.work(plan.workload, plan.tasks, WARM_UP).await;
    say(READY)?;
    io::stdin().lock().read_line(&mut String::new())?;
    if plan.workload == Workload::W5 {
        // The first round finds out that the node hangs.
        clients.work(plan.workload, plan.tasks, Duration::ZERO).await;
    }
    let measured = C::Executor::spawn(async move { measure(&clients, &plan).await }).await;
    say(&serde_json::to_string(&measured)?)?;
    // What a quorum did not wait for still goes out and is counted, until the command ends this process.
    C::Executor::sleep(LINGER).await;
    Ok(())
}

async fn measure<C: Contestant>(clients: &Clients<C>, plan: &Plan) -> Measurement {
    let (begun, cpu, fenced) = (Instant::now(), cpu_time(), clients.fenced());
    let records = clients.work(plan.workload, plan.tasks, plan.duration).await;
    let (seconds, cpu) = (begun.elapsed().as_secs_f64(), cpu_time().saturating_sub(cpu));
    let measured = summary(&records, plan.duration, seconds, cpu.as_secs_f64());
    Measurement { fenced: clients.fenced().since(fenced), ..measured }
}

fn summary(records: &[Record], duration: Duration, seconds: f64, cpu_seconds: f64) -> Measurement {
    let peak_mib = memory("VmHWM");
    let of_tasks = || records.iter().map(|record| record.locks.len());
    let pairs: usize = of_tasks().sum();
    let mean = pairs as f64 / records.len() as f64;
    let of_mean = |count: Option<usize>| count.unwrap_or_default() as f64 / mean;
    let mut locks: Vec<_> = records.iter().flat_map(|record| record.locks.iter().copied()).collect();
    let mut unlocks: Vec<_> = records.iter().flat_map(|record| record.unlocks.iter().copied()).collect();
    Measurement {
        pairs: pairs as u64,
        gave_up: records.iter().map(|record| record.gave_up).sum(),
        seconds,
        cpu_seconds,
        lock_p50: percentile(&mut locks, 0.5),
        lock_p99: percentile(&mut locks, 0.99),
        lock_max: percentile(&mut locks, 1.0),
        unlock_p50: percentile(&mut unlocks, 0.5),
        longest: longest(records, duration),
        fair_min: of_mean(of_tasks().min()),
        fair_max: of_mean(of_tasks().max()),
        peak_mib,
        fenced: Fenced::default(),
    }
}

fn longest(records: &[Record], duration: Duration) -> Vec<Option<f64>> {
    let mut longest: Vec<Option<f64>> = vec![None; PARTS];
    let each = micros(duration) / PARTS as f32;
    for (moment, lock) in records.iter().flat_map(|record| record.moments.iter().zip(&record.locks)) {
        let part = ((moment / each) as usize).min(PARTS - 1);
        longest[part] = Some(longest[part].unwrap_or_default().max(f64::from(*lock)));
    }
    longest
}

fn say(line: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
