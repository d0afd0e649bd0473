mod checks;
mod finding;

use redlock_tokio::health::{ConnectionState, Limit, NodeHealth, Warning};
use redlock_tokio::{HumanDuration, Redlock};

use self::finding::{Finding, Level};
use crate::failure::Failure;
use crate::health;
use crate::nodes::{NodeArgs, Nodes};
use crate::output;

/// Find out everything that can be wrong with the servers, and what to do about it
///
/// Looks at versions, roles, memory policies, persistence, clocks and round trips, and tries on each server alone what
/// locks need, with a name of its own that is released again: so it shows which rights a user lacks. The counter of the name's
/// fences stays for a day.
#[derive(clap::Args)]
#[command(after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    /// What stands in front of the name that is tried, for a user who may use some names only
    #[arg(long, value_name = "PREFIX", default_value = "", hide_default_value = true)]
    prefix: String,
}

const AFTER_HELP: &str = "\
Findings:
  ok       it works
  note     it works, and could work better
  warning  it works, and can cost locks
  failed   it does not work

Exit status:
  1  something has failed, or there is a warning

Examples:
  redlock doctor
  redlock doctor --prefix invoice:
  redlock doctor --node redis://10.0.0.1 --node redis://10.0.0.2 --node redis://10.0.0.3";

pub(crate) async fn execute(args: Args, nodes: &NodeArgs) -> Result<u8, Failure> {
    let nodes = Nodes::find(nodes)?;
    let together = health::look(&nodes.connect()?).await;
    let (mut is_well, mut usable) = (true, 0_usize);
    let (handles, rivals) = (nodes.connect_each()?, nodes.connect_each()?);
    for (node, (alone, rival)) in together.nodes.iter().zip(handles.iter().zip(&rivals)) {
        let (findings, is_usable) = examine(node, alone, rival, &args.prefix).await;
        usable = usable.saturating_add(usize::from(is_usable));
        is_well &= findings.iter().all(|finding| finding.level < Level::Warning);
        output::print(&finding::render(&heading(node), &findings))?;
    }
    let (count, quorum) = (together.nodes.len(), together.quorum);
    let verdict = if usable >= quorum { "locks can be taken" } else { "nobody gets a lock" };
    output::print(&format!("{usable} of {count} servers can be used, {quorum} must agree: {verdict}\n"))?;
    Ok(u8::from(!is_well))
}

/// Finds out how one server is, with two handles to it alone, and whether it has a vote and can be locked on.
async fn examine(node: &NodeHealth, alone: &Redlock, rival: &Redlock, prefix: &str) -> (Vec<Finding>, bool) {
    if let ConnectionState::Down { why, .. } = &node.connection {
        return (vec![Finding::new(Level::Failed, format!("connect: {why}"))], false);
    }
    let taken = checks::take_plain(alone, prefix).await;
    let is_usable = taken.level != Level::Failed && node.has_vote();
    let mut findings = vec![taken];
    if findings.iter().all(|finding| finding.level != Level::Failed) {
        findings.extend(checks::run(alone, rival, prefix).await);
    }
    findings.extend(node.unsuitable.iter().map(|why| Finding::new(Level::Failed, why.to_string())));
    findings.extend(node.warnings.iter().map(warning));
    // Whether there is a queue was tried out.
    let limits = node.limits.iter().filter(|limit| !matches!(limit, Limit::NoQueue { .. }));
    findings.extend(limits.map(|limit| Finding::new(Level::Note, limit.to_string())));
    findings.extend(persistence(node));
    (findings, is_usable)
}

fn warning(warning: &Warning) -> Finding {
    Finding::new(Level::Warning, warning.to_string())
}

fn persistence(node: &NodeHealth) -> Option<Finding> {
    let forgets = "it forgets locks when it is killed: the restart guard gives it no vote for a while then; \
                   appendonly yes with appendfsync always would spare that, and no-appendfsync-on-rewrite no";
    match node.facts.is_durable() {
        Some(true) => Some(Finding::new(Level::Ok, "forgets nothing when it is killed".into())),
        Some(false) => Some(Finding::new(Level::Note, forgets.into())),
        None => None,
    }
}

fn heading(node: &NodeHealth) -> String {
    let facts = &node.facts;
    let round_trip = node.round_trip.map(|took| format!("round trip {:.1}", HumanDuration(took)));
    let server = [facts.server(), facts.version()].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let known = [Some(server), facts.role().map(Into::into), facts.mode().map(Into::into), round_trip];
    let known: Vec<String> = known.into_iter().flatten().filter(|text| !text.is_empty()).collect();
    format!("{}  {}", node.name, known.join(", ")).trim_end().into()
}
