//! The process that takes locks and keeps them, to see what memory they take.

use std::sync::Arc;
use std::time::Duration;
use std::{env, process::Command};

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

use crate::contestant::{Contestant, Failure, Name, Rslock, TokioNative};
use crate::executor::{Executor, Flavour};
use crate::measure::memory;
use crate::options::HOLD;

/// Who can be asked.
pub(crate) const HOLDERS: [Name; 2] = [Name::Tokio, Name::Rslock];

/// Longer than all of it takes, so that no lock ends and none is renewed.
const TTL: Duration = Duration::from_secs(1_800);
const TASKS: usize = 256;

/// What a client has to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Holding {
    pub(crate) contestant: Name,
    pub(crate) urls: Vec<String>,
    /// How many locks to hold, from few to many.
    pub(crate) counts: Vec<usize>,
    pub(crate) flavour: Flavour,
}

/// The memory that so many locks take, without their names.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Held {
    pub(crate) locks: usize,
    pub(crate) bytes: f64,
}

/// Starts such a client and waits for what it found out.
pub(crate) fn measure(holding: &Holding) -> Result<Vec<Held>, Failure> {
    let output = Command::new(env::current_exe()?)
        .arg(format!("--{HOLD}"))
        .arg(serde_json::to_string(holding)?)
        .stderr(std::process::Stdio::inherit())
        .output()?;
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Does it in this process.
pub(crate) fn run(holding: Holding) -> Result<(), Failure> {
    match holding.contestant {
        Name::Tokio => start::<TokioNative>(holding),
        Name::Rslock => start::<Rslock>(holding),
        other => Err(format!("{other} is not measured so").into()),
    }
}

fn start<C: Contestant>(holding: Holding) -> Result<(), Failure> {
    C::Executor::run(holding.flavour, async move {
        let contestant = Arc::new(C::connect(&holding.urls).await?);
        // What the first locks of all need is not theirs.
        for held in take(&contestant, 0, TASKS).await.0.into_iter().flatten() {
            contestant.unlock(held).await;
        }
        let (mut all, mut holds, mut names, mut found) = (Vec::new(), 0, 0, Vec::new());
        let before = memory("VmRSS");
        for count in holding.counts {
            let (held, bytes) = take(&contestant, holds, count - holds).await;
            names += bytes;
            holds += held.iter().map(Vec::len).sum::<usize>();
            all.push(held);
            let bytes = (memory("VmRSS") - before) * 1_048_576.0 - names as f64;
            found.push(Held { locks: holds, bytes });
            eprintln!("{} holds {count} locks", holding.contestant);
        }
        println!("{}", serde_json::to_string(&found)?);
        Ok(())
    })
}

/// Takes `count` more locks; yields them, each task's in a list that is as large as it must be, and the length of their names.
async fn take<C: Contestant>(contestant: &Arc<C>, first: usize, count: usize) -> (Vec<Vec<C::Held>>, usize) {
    let end = first + count;
    let tasks = (0..TASKS).map(|task| {
        let contestant = contestant.clone();
        C::Executor::spawn(async move {
            let (mut held, mut bytes) = (Vec::with_capacity(count.div_ceil(TASKS)), 0);
            for number in (first + task..end).step_by(TASKS) {
                let key = format!("bench:{number:08}");
                bytes += key.len();
                held.extend(contestant.lock(&key, TTL).await);
            }
            (held, bytes)
        })
    });
    let (held, bytes): (_, Vec<usize>) = join_all(tasks.collect::<Vec<_>>()).await.into_iter().unzip();
    (held, bytes.into_iter().sum())
}
