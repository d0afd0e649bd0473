//! The order of a comparison: all contestants take turns, so that what else happens on the machine hits all of them.

use std::io::{self, IsTerminal, Write};
use std::mem;
use std::thread::sleep;
use std::time::Duration;

use redlock_tests::{Server, Servers};

use crate::client::{Measurement, Plan};
use crate::contestant::{Failure, Name};
use crate::figures::{Round, Row};
use crate::noise::{Noise, Watch};
use crate::options::Options;
use crate::session::Session;
use crate::workload::Workload;

/// What contestants send, and no script does.
const COUNTED: [&str; 6] = ["set", "eval", "evalsha", "delifeq", "delex", "subscribe"];

/// What the scripts of a wait queue do as often as they set something. For each key that is set in turn, and each call-up that
/// is noted, somebody leaves the queue; a key is marked as awaited when somebody comes, and after a call-up.
const INSIDE: [&str; 3] = ["zrem", "zadd", "publish"];

/// How often, at the most, it is looked whether nodes that lag have caught up.
const LOOKS: u32 = 200;
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

pub(crate) struct Comparison {
    pub(crate) rows: Vec<Row>,
    pub(crate) noise: Noise,
}

/// Measures everything that the options ask for.
pub(crate) fn run(options: &Options) -> Result<Comparison, Failure> {
    let mut comparison = Comparison { rows: Vec::new(), noise: Noise::default() };
    for &nodes in &options.nodes {
        let servers = options.server.start(nodes)?;
        for &workload in &options.workloads {
            for tasks in workload.tasks(&options.tasks) {
                let rows =
                    Combination { options, servers: &servers, workload, tasks }.measure(&mut comparison.noise)?;
                comparison.rows.extend(rows);
            }
        }
    }
    // The nodes are the outermost loop because servers are started for it; a person looks at one workload after another.
    comparison.rows.sort_by_key(|row| (row.workload as u8, row.tasks, row.nodes));
    Ok(comparison)
}

struct Combination<'a> {
    options: &'a Options,
    servers: &'a Servers,
    workload: Workload,
    tasks: usize,
}

impl Combination<'_> {
    fn measure(&self, noise: &mut Noise) -> Result<Vec<Row>, Failure> {
        let contestants = self.options.contestants.iter().filter(|name| name.takes_part(self.workload));
        let mut rows: Vec<_> = contestants.map(|contestant| self.row(*contestant)).collect();
        for number in 1..=self.options.rounds {
            let mut order: Vec<_> = rows.iter_mut().collect();
            if number % 2 == 0 {
                order.reverse();
            }
            for row in order {
                // One that did not come to an end in the first round will not do so in the others.
                if number == 1 || !row.rounds.is_empty() {
                    let round = self.round(row.contestant, noise)?;
                    self.tell(number, row.contestant, round.as_ref().map(|round| &round.measured));
                    row.rounds.extend(round);
                }
            }
        }
        Ok(rows)
    }

    fn row(&self, contestant: Name) -> Row {
        let (server, workload, nodes, tasks) = (self.options.server, self.workload, self.servers.len(), self.tasks);
        Row { server, workload, contestant, nodes, tasks, rounds: Vec::new() }
    }

    /// `None` if the contestant does not come to an end.
    fn round(&self, contestant: Name, noise: &mut Noise) -> Result<Option<Round>, Failure> {
        for server in &**self.servers {
            server.command(&["FLUSHALL", "SYNC"])?;
        }
        let mut session = Session::start(&self.plan(contestant))?;
        let node_hangs = self.workload == Workload::W5;
        let before = settled_commands(self.servers, contestant)?;
        if node_hangs {
            self.servers[0].pause();
        }
        let watch = Watch::start(session.id(), self.servers);
        let measured = session.measure(node_hangs);
        noise.add(&watch.stop());
        if node_hangs {
            self.servers[0].resume();
        }
        let Some(measured) = measured? else { return Ok(None) };
        let commands = if node_hangs { None } else { Some(settled_commands(self.servers, contestant)? - before) };
        Ok(Some(Round { measured, commands }))
    }

    fn plan(&self, contestant: Name) -> Plan {
        Plan {
            contestant,
            workload: self.workload,
            urls: self.servers.urls(),
            tasks: self.tasks,
            duration: self.options.duration / self.options.rounds,
            flavour: self.options.flavour,
        }
    }

    fn tell(&self, number: u32, contestant: Name, measured: Option<&Measurement>) {
        let (workload, nodes, tasks, rounds) = (self.workload, self.servers.len(), self.tasks, self.options.rounds);
        let figures = measured.map_or("does not come to an end".into(), |measured| {
            let pairs = measured.pairs as f64 / measured.seconds;
            let p50 = measured.lock_p50.unwrap_or(f64::NAN);
            format!("{pairs:>9.0} pairs/s, lock p50 {p50:.0} us")
        });
        let line = format!("{workload} N={nodes} tasks={tasks:<4} round {number}/{rounds}  {contestant:<16}{figures}");
        let mut out = io::stderr();
        let (begin, end) = if out.is_terminal() { ("\r\x1b[K", "") } else { ("", "\n") };
        let _ = write!(out, "{begin}{line}{end}");
        let _ = out.flush();
    }
}

/// As [`commands`], when the nodes have caught up with what a quorum did without them.
fn settled_commands(servers: &[Server], contestant: Name) -> Result<u64, Failure> {
    let mut total = commands(servers, contestant)?;
    for _ in 0..LOOKS {
        sleep(BETWEEN_LOOKS);
        let before = mem::replace(&mut total, commands(servers, contestant)?);
        if before == total {
            break;
        }
    }
    Ok(total)
}

/// How many commands the servers have been sent by a contestant, by their own account.
pub(crate) fn commands(servers: &[Server], contestant: Name) -> Result<u64, Failure> {
    let mut total = 0_i64;
    for server in servers {
        let statistics = server.command(&["INFO", "commandstats"])?;
        total += statistics.lines().filter_map(|line| counted(line, contestant)).sum::<i64>();
    }
    Ok(u64::try_from(total)?)
}

/// The number in a line like `cmdstat_set:calls=7,usec=21,…`. Servers count what a script does as if it had been sent; of a
/// contestant that is fenced, each `SET` is a script's. The script of the floor that publishes sets nothing.
fn counted(line: &str, contestant: Name) -> Option<i64> {
    let (name, figures) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
    let calls: i64 = figures.split(',').next()?.parse().ok()?;
    match name {
        "set" if contestant.is_fenced() => None,
        "publish" if contestant == Name::FloorPublish => None,
        _ if INSIDE.contains(&name) => (!contestant.is_fenced()).then_some(calls.saturating_neg()),
        _ => COUNTED.contains(&name).then_some(calls),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_contestants_send_is_counted() {
        assert_eq!(counted("cmdstat_evalsha:calls=12,usec=70,usec_per_call=5.83", Name::Tokio), Some(12));
        assert_eq!(counted("cmdstat_delifeq:calls=3,usec=1,usec_per_call=0.33", Name::Tokio), Some(3));
        assert_eq!(counted("cmdstat_zrem:calls=3,usec=1,usec_per_call=0.33", Name::Tokio), Some(-3));
        assert_eq!(counted("cmdstat_zadd:calls=3,usec=1,usec_per_call=0.33", Name::Tokio), Some(-3));
        assert_eq!(counted("cmdstat_publish:calls=3,usec=1,usec_per_call=0.33", Name::Tokio), Some(-3));
        assert_eq!(counted("cmdstat_publish:calls=3,usec=1,usec_per_call=0.33", Name::FloorPublish), None);
        assert_eq!(counted("cmdstat_set:calls=3,usec=1,usec_per_call=0.33", Name::Tokio), Some(3));
        // From inside the script.
        assert_eq!(counted("cmdstat_get:calls=12,usec=70,usec_per_call=5.83", Name::Tokio), None);
        assert_eq!(counted("# Commandstats", Name::Tokio), None);
    }

    #[test]
    fn of_a_fenced_contestant_nothing_that_its_scripts_do_is_counted() {
        assert_eq!(counted("cmdstat_evalsha:calls=12,usec=70,usec_per_call=5.83", Name::TokioFenced), Some(12));
        assert_eq!(counted("cmdstat_set:calls=24,usec=70,usec_per_call=2.92", Name::TokioFenced), None);
        assert_eq!(counted("cmdstat_zrem:calls=3,usec=1,usec_per_call=0.33", Name::TokioFenced), None);
    }
}
