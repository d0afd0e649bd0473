//! Clients of fred that are handed in.

use redlock_conformance::Suite;
use redlock_tokio::fred::clients::Client;
use redlock_tokio::fred::types::config::{Config, ConnectionConfig, PerformanceConfig};
use redlock_tokio::{BuildError, IntoNode, Node};

use crate::fixture::TTL;

const TOPIC: &str = "fred_clients";

pub(crate) fn add_cases(suite: Suite) -> Suite {
    suite.case(TOPIC, "one_that_sends_a_command_again_is_refused", one_that_sends_a_command_again_is_refused).case(
        TOPIC,
        "one_that_waits_for_ever_is_refused",
        one_that_waits_for_ever_is_refused,
    )
}

/// The reason why this client is refused.
fn refusal(performance: PerformanceConfig, connection: ConnectionConfig) -> String {
    let config = Config::from_url("redis://:open-sesame@127.0.0.1:1").unwrap();
    let client = Client::new(config, Some(performance), Some(connection), None);
    let refused: Result<Node, BuildError> = client.into_node();
    let Err(BuildError::Node { node, reason, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(node, "127.0.0.1:1");
    reason
}

fn one_that_sends_a_command_again_is_refused() {
    let limited = PerformanceConfig { default_command_timeout: TTL, ..PerformanceConfig::default() };
    for attempts in [0, 2, 3] {
        let connection = ConnectionConfig { max_command_attempts: attempts, ..ConnectionConfig::default() };
        let reason = refusal(limited.clone(), connection);
        assert!(reason.contains("set max_command_attempts to 1"), "{reason}");
    }
}

fn one_that_waits_for_ever_is_refused() {
    let connection = ConnectionConfig { max_command_attempts: 1, ..ConnectionConfig::default() };
    let reason = refusal(PerformanceConfig::default(), connection);
    assert!(reason.contains("set default_command_timeout"), "{reason}");
}
