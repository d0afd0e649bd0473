//! The label of whoever holds a lock, as others see it.

use std::time::{Duration, Instant};

use redlock_core::{LockStatus, Options, Owner, Resources};

use crate::bench::{Bench, SOON, TTL};
use crate::{Client, Refusal};

const NAMES: [&str; 2] = ["job", "{job}:2"];

fn owner(label: &str) -> Owner {
    Owner::new(label).unwrap()
}

/// Asks until all three nodes say the same: a busy machine lets nodes be late.
async fn wait_for_owner(client: &Client, name: &str, expected: Option<&Owner>) -> LockStatus {
    let begin = Instant::now();
    loop {
        let status = client.status(name).await.unwrap_or_else(|error| panic!("{error}"));
        if status.owner() == expected && status.nodes().all(|(_, _, node)| node.owner.as_ref() == expected) {
            return status;
        }
        assert!(begin.elapsed() < SOON, "{}", status.by_node());
    }
}

pub(super) async fn a_label_is_shown_to_everybody_until_the_lock_is_released(bench: Bench) {
    let nodes = bench.start(3);
    let (rival, label) = (nodes.rival(), owner("host-7/billing"));
    let names = || Resources::all(NAMES);
    let guard = nodes.client.lock_as(label.clone(), names(), TTL, Options::new()).await;
    let guard = guard.unwrap_or_else(|refused| panic!("{refused}"));
    for name in NAMES {
        let ours = wait_for_owner(&nodes.client, name, Some(&label)).await;
        assert!(ours.to_string().starts_with("held by this handle (host-7/billing) on "), "{ours}");
        let theirs = wait_for_owner(&rival, name, Some(&label)).await;
        assert!(theirs.to_string().starts_with("held by host-7/billing on 3 of 3 nodes for another "), "{theirs}");
    }
    guard.release().await;
    for name in NAMES {
        nodes.assert_gone(name).await;
    }
    let guard = rival.lock_with(names(), TTL, Options::new()).await.unwrap_or_else(|refused| panic!("{refused}"));
    for name in NAMES {
        nodes.wait_until_everywhere(name).await;
        assert!(wait_for_owner(&nodes.client, name, None).await.is_held());
    }
    guard.release().await;
}

pub(super) async fn who_is_refused_learns_the_label_of_the_holder(bench: Bench) {
    let nodes = bench.start(3);
    let rival = nodes.rival();
    let guard = nodes.client.lock_as(owner("host-7/billing"), "job", TTL, Options::new()).await;
    let guard = guard.unwrap_or_else(|refused| panic!("{refused}"));
    nodes.wait_until_everywhere("job").await;
    let attempt = rival.lock_as(owner("host-8"), "job", TTL, Options::new().attempts(1));
    let refused = attempt.await.expect_err("it is held");
    assert_eq!(refused.kind, Refusal::Contended, "{refused}");
    assert!(refused.to_string().contains("held by host-7/billing on "), "{refused}");
    // Nodes say it to those who wait, too, whether they have a label or not.
    let waiting = rival.lock_with("job", TTL, Options::new().wait(Duration::from_millis(500)));
    let refused = waiting.await.expect_err("it is held");
    let attempts = refused.attempts.as_ref().unwrap();
    if attempts.place().is_some() {
        assert_eq!(attempts.owner(), Some(owner("host-7/billing")), "{refused}");
    }
    guard.release().await;
}

pub(super) async fn a_label_stays_when_the_lock_is_extended_and_adopted(bench: Bench) {
    let nodes = bench.start(3);
    let (rival, label) = (nodes.rival(), owner("host-7"));
    let guard = nodes.client.lock_as(label.clone(), "job", TTL / 2, Options::new()).await;
    let mut guard = guard.unwrap_or_else(|refused| panic!("{refused}"));
    nodes.wait_until_everywhere("job").await;
    guard.extend(TTL).await.unwrap_or_else(|error| panic!("{error}"));
    wait_for_owner(&rival, "job", Some(&label)).await;
    let detached = guard.detach().unwrap_or_else(|loss| panic!("{loss}"));
    assert_eq!(detached.owner(), Some(&label));
    let guard = rival.adopt(&detached).await.unwrap_or_else(|refused| panic!("{refused}"));
    wait_for_owner(&nodes.client, "job", Some(&label)).await;
    guard.release().await;
    nodes.assert_gone("job").await;
    assert!(wait_for_owner(&nodes.client, "job", None).await.is_free());
}
