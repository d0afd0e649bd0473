//! Keys of other programs.

use crate::Refusal;
use crate::bench::{Bench, NODE_COUNTS, TTL};

pub(super) async fn a_key_that_is_there_already_excludes_ours_and_is_left_alone(bench: Bench) {
    for count in NODE_COUNTS {
        let nodes = bench.start(count);
        assert!(nodes.iter().all(|node| node.set_if_absent("job")));
        let refused = nodes.client.try_lock("job", TTL).await.unwrap_err();
        assert_eq!(refused.kind, Refusal::Contended, "{refused}");
        assert_eq!(nodes.client.close().await.unsettled, 0);
        assert_eq!(nodes.keys("job"), count);
    }
}

pub(super) async fn ours_excludes_another_program_until_it_is_released(bench: Bench) {
    let nodes = bench.start(3);
    let guard = nodes.client.lock("job", TTL).await.unwrap();
    nodes.wait_until_everywhere("job").await;
    assert!(!nodes.iter().any(|node| node.set_if_absent("job")));
    guard.release().await;
    nodes.assert_gone("job").await;
    assert!(nodes.iter().all(|node| node.set_if_absent("job")));
}
