//! Figures of locks and nodes for Prometheus, and for the dashboard in `dashboards/redlock.json`.
//!
//! ```text
//! cargo run --features memory,metrics --example metrics          # http://127.0.0.1:9464/metrics, until Ctrl-C
//! cargo run --features memory,metrics --example metrics -- 60    # for a minute
//! ```
//!
//! Three nodes inside this process, ten clients that want five locks, and now and then a node that breaks down, a lock that is
//! lost and one that is kept alive.

#![expect(clippy::print_stdout, reason = "it talks to a person")]
#![expect(clippy::arithmetic_side_effects, reason = "small numbers")]

use std::time::Duration;

use anyhow::Context;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder};
use redlock_tokio::memory::MemoryNode;
use redlock_tokio::{KeepAlive, METRICS, Metrics, Redlock};
use tokio::time::{Instant, sleep, timeout};

const TTL: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let seconds =
        std::env::args().nth(1).map(|seconds| seconds.parse()).transpose().context("for how many seconds?")?;
    install_exporter()?;

    let nodes = ["node-1", "node-2", "node-3"].map(MemoryNode::new);
    // After the exporter, so that it learns what the metrics mean.
    let redlock = Redlock::builder().nodes(&nodes).observer(Metrics::new()).build()?;

    println!("http://127.0.0.1:9464/metrics");
    let clients = (0..10).map(|client| tokio::spawn(work(redlock.clone(), client)));
    let clients: Vec<_> = clients.chain([tokio::spawn(keep_one_alive(redlock.clone()))]).collect();
    let trouble = make_trouble(&nodes, &redlock);
    match seconds {
        Some(seconds) => drop(timeout(Duration::from_secs(seconds), trouble).await),
        None => trouble.await,
    }
    clients.iter().for_each(tokio::task::JoinHandle::abort);
    nodes.iter().for_each(MemoryNode::restore);
    redlock.close().await;
    Ok(())
}

/// Serves the figures, with histograms in the buckets that suit them.
fn install_exporter() -> Result<(), BuildError> {
    let exporter = PrometheusBuilder::new().with_http_listener(([127, 0, 0, 1], 9464));
    let mut histograms = METRICS.iter().filter(|metric| !metric.buckets.is_empty());
    let exporter = histograms.try_fold(exporter, |exporter, metric| {
        exporter.set_buckets_for_metric(Matcher::Full(metric.name.into()), metric.buckets)
    });
    exporter?.install()
}

/// Takes one of five locks after the other, for a few milliseconds each.
async fn work(redlock: Redlock, client: u64) {
    for round in 0.. {
        let name = format!("job:{}", (client + round) % 5);
        let wait = Duration::from_millis(200);
        if let Ok(guard) = redlock.lock(name, TTL).wait(wait).fenced().await {
            sleep(Duration::from_millis(5 + (client * 7 + round) % 20)).await;
            guard.release().await;
        }
    }
}

/// Keeps a lock alive, and gives it back now and then.
async fn keep_one_alive(redlock: Redlock) {
    loop {
        let keep_alive = KeepAlive::up_to(TTL * 10);
        if let Ok(guard) = redlock.lock("leader", TTL).keep_alive(keep_alive).await {
            let _ = timeout(TTL * 4, guard.lost()).await;
        }
    }
}

/// Lets a node break down and come back, and a lock be lost, for ever.
async fn make_trouble(nodes: &[MemoryNode; 3], redlock: &Redlock) {
    let begun = Instant::now();
    for node in nodes.iter().cycle() {
        sleep(TTL * 2).await;
        node.cut();
        println!("{:5.1} s: {} is down", begun.elapsed().as_secs_f64(), node.name());
        sleep(TTL * 2).await;
        node.restore();
        if let Ok(forgotten) = redlock.lock("forgotten", TTL).await {
            let loss = forgotten.lost().await;
            println!("{:5.1} s: {} is back; a lock was lost: {loss}", begun.elapsed().as_secs_f64(), node.name());
        }
    }
}
