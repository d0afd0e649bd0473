//! Fences, which tell a late holder from the present one.

use std::time::Duration;

use futures_util::future::join_all;
use redlock_core::fence::FenceGate;
use redlock_core::{Options, Resources};

use crate::bench::{Bench, NODE_COUNTS, TTL};

fn fenced() -> Options {
    Options::new().fenced(true)
}

pub(super) async fn every_holder_has_a_larger_fence_than_those_before_it(bench: Bench) {
    for count in NODE_COUNTS {
        let nodes = bench.start(count);
        let (mut last, rival) = (None, nodes.rival());
        for turn in 0..6 {
            let client = if turn % 2 == 0 { &nodes.client } else { &rival };
            let guard = client.lock_with("job", TTL, fenced()).await.unwrap();
            let fence = guard.fence();
            assert!(Some(fence) > last, "{fence} after {last:?}");
            last = Some(fence);
            guard.release().await;
        }
        let unfenced = nodes.client.lock("job", TTL).await.unwrap();
        assert_eq!(unfenced.fences(), []);
    }
}

pub(super) async fn those_who_wait_are_fenced_in_turn(bench: Bench) {
    let nodes = bench.start(3);
    let clients: Vec<_> = (0..4).map(|_| nodes.rival()).collect();
    let rounds = clients.into_iter().map(|client| {
        bench.spawn(async move {
            let mut fences = Vec::new();
            for _ in 0..5 {
                let guard = client.lock_with("job", TTL, fenced().wait(TTL * 3)).await.unwrap();
                fences.push(guard.fence());
                guard.release().await;
            }
            fences
        })
    });
    let each: Vec<_> = join_all(rounds.collect::<Vec<_>>()).await.into_iter().map(Result::unwrap).collect();
    assert!(each.iter().all(|fences| fences.is_sorted()), "{each:?}");
    let mut all = each.concat();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 20, "no two have the same: {each:?}");
}

pub(super) async fn each_of_several_names_has_a_fence_of_its_own(bench: Bench) {
    let nodes = bench.start(3);
    let single = nodes.client.lock_with("to", TTL, fenced()).await.unwrap();
    let before = single.fence();
    single.release().await;
    let both = nodes.client.lock_with(Resources::all(["to", "from"]), TTL, fenced()).await.unwrap();
    let fences = both.fences();
    assert_eq!(fences.iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>(), ["from", "to"]);
    assert!(fences[1].1 > before);
}

pub(super) async fn a_fence_stays_when_the_lock_is_extended_and_adopted(bench: Bench) {
    let nodes = bench.start(3);
    let mut guard = nodes.client.lock_with("job", TTL, fenced()).await.unwrap();
    nodes.wait_until_everywhere("job").await;
    let fence = guard.fence();
    guard.extend(TTL * 2).await.unwrap();
    assert_eq!(guard.fence(), fence);
    let detached = guard.detach().unwrap();
    let adopted = nodes.rival().adopt(&detached).await.unwrap();
    assert_eq!(adopted.fence(), fence);
    adopted.release().await;
    assert!(nodes.rival().lock_with("job", TTL, fenced()).await.unwrap().fence() > fence);
}

pub(super) async fn a_late_holder_is_refused_by_the_gate(bench: Bench) {
    let nodes = bench.start(3);
    let mut gate = FenceGate::new();
    let late = nodes.client.lock_with("job", Duration::from_millis(300), fenced()).await.unwrap();
    gate.admit("job", late.fence()).unwrap();
    let present = nodes.rival().lock_with("job", TTL, fenced()).await.unwrap();
    gate.admit("job", present.fence()).unwrap();
    let stale = gate.admit("job", late.fence()).unwrap_err();
    assert_eq!((stale.fence, stale.seen), (late.fence(), present.fence()));
    gate.admit("job", present.fence()).unwrap();
}
