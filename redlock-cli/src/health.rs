use std::time::Duration;

use redlock_tokio::Redlock;
use redlock_tokio::health::{ConnectionState, Health, NodeHealth};

use crate::failure::Failure;
use crate::nodes::{NodeArgs, Nodes};
use crate::output;

/// Show which servers are connected and vote, and what is wrong with them
///
/// Takes no lock and changes nothing.
#[derive(clap::Args)]
#[command(after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    /// Print JSON; durations are in seconds
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
Exit status:
  1   there is a warning, or a server is not connected
  75  too few servers are connected for any lock

Examples:
  redlock health
  redlock health --json | jq '.nodes[] | select(.warnings != [])'";

/// A server that has not answered by then is shown as it is.
const PATIENCE: Duration = Duration::from_secs(2);
/// In which time it is looked at again.
const INTERVAL: Duration = Duration::from_millis(20);

pub(crate) async fn execute(args: Args, nodes: &NodeArgs) -> Result<u8, Failure> {
    let health = look(&Nodes::find(nodes)?.connect()?).await;
    let text = if args.json { json(&health)? } else { format!("{health}\n") };
    output::print(&text)?;
    if health.has_quorum() {
        return Ok(u8::from(!health.is_good()));
    }
    let (voters, nodes, quorum) = (health.voters(), health.nodes.len(), health.quorum);
    Err(Failure::Unavailable(format!("{voters} of {nodes} servers vote, {quorum} must agree: nobody gets a lock")))
}

/// Waits until all servers have been reached or not, and have answered something.
pub(crate) async fn look(redlock: &Redlock) -> Health {
    let all_are_known = async {
        while !redlock.health().nodes.iter().all(is_known) {
            tokio::time::sleep(INTERVAL).await;
        }
    };
    // One that is still unknown then is shown as such.
    let _ = tokio::time::timeout(PATIENCE, all_are_known).await;
    redlock.health()
}

fn is_known(node: &NodeHealth) -> bool {
    match node.connection {
        ConnectionState::Connected { .. } => node.round_trip.is_some(),
        ConnectionState::Down { .. } => true,
        _ => false,
    }
}

fn json(health: &Health) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(health);
    text.map(|text| format!("{text}\n")).map_err(|error| Failure::Other(error.to_string()))
}
