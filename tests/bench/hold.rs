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
        for held in take(&contestant, 0, TASKS).await.0 {
            contestant.unlock(held).await;
        }
        let (mut all, mut names, mut found) = (Vec::new(), 0, Vec::new());
        let before = memory("VmRSS");
        for count in holding.counts {
            let (held, bytes) = take(&contestant, all.len(), count - all.len()).await;
            names += bytes;
            all.extend(held);
            let bytes = (memory("VmRSS") - before) * 1_048_576.0 - names as f64;
            found.push(Held { locks: all.len(), bytes });
            eprintln!("{} holds {count} locks", holding.contestant);
        }
        println!("{}", serde_json::to_string(&found)?);
        Ok(())
    })
}

/// Takes `count` more locks; yields them and the length of their names.
async fn take<C: Contestant>(contestant: &Arc<C>, first: usize, count: usize) -> (Vec<C::Held>, usize) {
    let end = first + count;
    let tasks = (0..TASKS).map(|task| {
        let contestant = contestant.clone();
        C::Executor::spawn(async move {
            let (mut held, mut bytes) = (Vec::new(), 0);
            for number in (first + task..end).step_by(TASKS) {
                let key = format!("bench:{number:08}");
                bytes += key.len();
                held.extend(contestant.lock(&key, TTL).await);
            }
            (held, bytes)
        })
    });
    let parts = join_all(tasks.collect::<Vec<_>>()).await;
    let bytes = parts.iter().map(|(_, bytes)| bytes).sum();
    (parts.into_iter().flat_map(|(held, _)| held).collect(), bytes)
}
