//! Makes the picture of the dashboard `dashboards/redlock.json` again, from a real run of 30 seconds on three servers: one is
//! killed and started again, and then two of three stand still, so that a lock that is kept alive is lost.
//!
//! ```text
//! cargo run -p redlock-tokio --features metrics --example dashboard -- redlock-tokio/dashboards/redlock.svg
//! ```
//!
//! It needs `redis-server`, and the ports 7201 to 7203. The queries of the panels are evaluated here, as Prometheus would.

#![expect(clippy::print_stdout, reason = "it talks to a person")]
#![expect(clippy::arithmetic_side_effects, clippy::cast_precision_loss, reason = "small numbers")]

mod panels;
mod query;
mod servers;

use std::fs;
use std::time::Duration;

use anyhow::Context;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use redlock_tokio::{KeepAlive, METRICS, Metrics, Redlock};
use serde_json::Value;
use tokio::time::{Instant, interval, sleep};

use crate::panels::{Mark, Run};
use crate::query::Sample;
use crate::servers::Servers;

const DASHBOARD: &str = include_str!("../../dashboards/redlock.json");
const TTL: Duration = Duration::from_secs(2);
const STEP: Duration = Duration::from_millis(250);
const SECONDS: u64 = 30;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let file = std::env::args().nth(1).context("name the file that the picture is written to")?;
    let figures = install()?;
    let mut servers = Servers::start()?;
    // After the recorder, so that it learns what the metrics mean.
    let redlock = Redlock::builder().nodes(Servers::urls()).observer(Metrics::new()).build()?;

    let begun = Instant::now();
    let sampling = tokio::spawn(sample(figures, begun));
    let clients = (0..10).map(|client| tokio::spawn(work(redlock.clone(), client)));
    let clients: Vec<_> = clients.chain([tokio::spawn(lead(redlock.clone()))]).collect();
    let marks = make_trouble(&mut servers, begun).await?;
    let samples = sampling.await?;
    clients.iter().for_each(tokio::task::JoinHandle::abort);
    redlock.close().await;

    let dashboard: Value = serde_json::from_str(DASHBOARD)?;
    fs::write(&file, panels::draw(&dashboard, &Run { samples, marks, seconds: SECONDS as f64 }))?;
    println!("{file} is made");
    Ok(())
}

/// Installs the recorder, with histograms in the buckets that suit them.
fn install() -> anyhow::Result<PrometheusHandle> {
    let mut histograms = METRICS.iter().filter(|metric| !metric.buckets.is_empty());
    let exporter = histograms.try_fold(PrometheusBuilder::new(), |exporter, metric| {
        exporter.set_buckets_for_metric(Matcher::Full(metric.name.into()), metric.buckets)
    });
    Ok(exporter?.install_recorder()?)
}

/// Reads the figures as often as the picture has points.
async fn sample(figures: PrometheusHandle, begun: Instant) -> Vec<Sample> {
    let mut ticks = interval(STEP);
    let mut samples = Vec::new();
    while begun.elapsed().as_secs() < SECONDS {
        ticks.tick().await;
        samples.push(Sample::read(begun.elapsed().as_secs_f64(), &figures.render()));
    }
    samples
}

/// Takes one of five locks after the other, for a few milliseconds each.
async fn work(redlock: Redlock, client: u64) {
    for round in 0.. {
        let name = format!("job:{}", (client + round) % 5);
        if let Ok(guard) = redlock.lock(name, TTL).wait(Duration::from_millis(500)).fenced().await {
            sleep(Duration::from_millis(10 + (client * 7 + round) % 20)).await;
            guard.release().await;
        }
    }
}

/// Keeps a lock alive, and takes it again when it is lost.
async fn lead(redlock: Redlock) {
    loop {
        if let Ok(guard) = redlock.lock("leader", TTL).keep_alive(KeepAlive::while_held()).await {
            let _ = guard.lost().await;
        }
    }
}

/// Does to the servers what the picture is to show; returns what was done when.
async fn make_trouble(servers: &mut Servers, begun: Instant) -> anyhow::Result<Vec<Mark>> {
    let mut marks = Vec::new();
    let mut mark = |text| marks.push(Mark { at: begun.elapsed().as_secs_f64(), text });
    let until = |second| tokio::time::sleep_until(begun + Duration::from_secs(second));
    until(6).await;
    mark("a server is killed");
    servers.kill(1)?;
    until(11).await;
    mark("it is started again");
    servers.restart(1)?;
    until(19).await;
    mark("two servers stand still");
    servers.signal("-STOP", [0, 2])?;
    until(23).await;
    mark("they go on");
    servers.signal("-CONT", [0, 2])?;
    Ok(marks)
}
