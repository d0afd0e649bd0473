use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::time::Duration;

use redlock_tokio::{Builder, DEFAULT_CONNECT_TIMEOUT, NodeTimeout, Observer, Redlock, UrlNode};

use crate::config::{Config, split_urls, usual_path};
use crate::failure::Failure;
use crate::node_names::NodeNames;
use crate::recording::Recording;

/// The TTL of a lock unless arguments or configuration say otherwise.
const DEFAULT_TTL: Duration = Duration::from_secs(10);
/// How long a lock is waited for unless arguments or configuration say otherwise.
const DEFAULT_WAIT: Duration = Duration::from_secs(30);
/// The longest time that a server has to answer one question.
pub(crate) const LONGEST_ANSWER: Duration = Duration::from_millis(500);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The environment variable that names the nodes.
const VARIABLE: &str = "REDLOCK_NODES";
/// The name that the servers show for the connections.
const CLIENT_NAME: &str = "redlock-cli";

// Where the nodes come from. It has no `Debug`, because URLs may have passwords. A doc comment would be a command's help.
#[expect(clippy::doc_markdown, reason = "--help shows the text as it is")]
#[derive(clap::Args)]
pub(crate) struct NodeArgs {
    /// The URL of a server; give it once for each, or several separated by commas
    ///
    /// A majority of the servers must agree: one of three may be down, and two of five. A URL is
    /// redis://user:password@host:port/database, rediss://... for TLS, or unix:///path. All users of a machine can see the
    /// arguments of a command: put a URL with a password into the environment variable REDLOCK_NODES (separated by commas or
    /// blanks) or into the configuration file.
    #[arg(long = "node", value_name = "URL", help_heading = "Nodes")]
    nodes: Vec<String>,

    /// The configuration file [default: $XDG_CONFIG_HOME/redlock/config.toml]
    ///
    /// A file in TOML with the keys nodes (a list of URLs), ttl, wait, prefix (stands in front of the name of every lock) and
    /// ca_file (certificates of your own authorities for rediss://, as PEM, in the folder of the file unless its path says
    /// otherwise). What --node, REDLOCK_NODES and other arguments
    /// say comes first. The default is $XDG_CONFIG_HOME/redlock/config.toml or ~/.config/redlock/config.toml, and need not
    /// be there.
    #[arg(long, value_name = "FILE", help_heading = "Nodes")]
    config: Option<PathBuf>,

    /// It was named before the command and behind it.
    #[arg(skip)]
    has_two_configs: bool,
}

impl NodeArgs {
    /// Adds what stands behind the command to what stands before it.
    pub(crate) fn followed_by(mut self, behind: Self) -> Self {
        self.nodes.extend(behind.nodes);
        self.has_two_configs = self.config.is_some() && behind.config.is_some();
        self.config = self.config.or(behind.config);
        self
    }
}

/// All that a command needs to use the nodes.
pub(crate) struct Nodes {
    urls: Vec<String>,
    config: Config,
}

impl Nodes {
    /// Looks where the nodes are named: first in the arguments, then in the environment, then in the file.
    pub(crate) fn find(args: &NodeArgs) -> Result<Self, Failure> {
        if args.has_two_configs {
            return Err(Failure::Usage("--config stands before the command and behind it: name one file".into()));
        }
        let variable = std::env::var_os(VARIABLE).map(|text| text.to_string_lossy().into_owned());
        let config = Config::load(args.config.as_deref())?;
        let chosen = Self::choose(&args.nodes, variable.as_deref(), config);
        chosen.ok_or_else(|| no_nodes(args.config.clone().or_else(usual_path).as_deref()))
    }

    fn choose(arguments: &[String], variable: Option<&str>, config: Config) -> Option<Self> {
        let arguments = arguments.iter().flat_map(|argument| split_argument(argument)).collect();
        let sources = [arguments, variable.map(split_urls).unwrap_or_default(), config.nodes.clone()];
        let urls = sources.into_iter().find(|urls| !urls.is_empty())?;
        Some(Self { urls, config })
    }

    /// Begins to connect.
    pub(crate) fn connect(&self) -> Result<Redlock, Failure> {
        self.connect_by(Redlock::builder(), &self.urls, &Recording::default())
    }

    /// Begins to connect, for somebody who has that much patience: of a server that does not get connected, the reason is there
    /// when it is at its end.
    pub(crate) fn connect_within(&self, patience: Duration) -> Result<Redlock, Failure> {
        self.connect_recorded(patience, &Recording::default())
    }

    /// Begins to connect, for somebody who has that much patience, and records what happens.
    pub(crate) fn connect_recorded(&self, patience: Duration, recording: &Recording) -> Result<Redlock, Failure> {
        self.connect_by(patient(patience), &self.urls, recording)
    }

    /// Begins to connect, for somebody who has that much patience, records what happens, and tells it somebody else as well.
    pub(crate) fn connect_observed(
        &self,
        patience: Duration,
        recording: &Recording,
        observer: impl Observer,
    ) -> Result<Redlock, Failure> {
        self.connect_by(patient(patience).observer(observer), &self.urls, recording)
    }

    /// Begins to connect to each node by a handle of its own, for locks that are tried out: counters of their fences stay for
    /// the shortest time that is allowed.
    pub(crate) fn connect_each(&self) -> Result<Vec<Redlock>, Failure> {
        let builder = || Redlock::builder().fence_retention(DAY);
        self.urls.chunks(1).map(|url| self.connect_by(builder(), url, &Recording::default())).collect()
    }

    fn connect_by(&self, builder: Builder, urls: &[String], recording: &Recording) -> Result<Redlock, Failure> {
        let unusable = |why: &dyn Display| {
            let file = self.config.ca_file.as_deref().unwrap_or(Path::new(""));
            Failure::Usage(format!("the file {} (ca_file): {why}", file.display()))
        };
        let authorities = self.config.ca_file.as_ref().map(std::fs::read).transpose();
        let authorities = authorities.map_err(|error| unusable(&error))?;
        let mut builder = builder.prefix(self.config.prefix.clone());
        for url in urls {
            builder = builder.node(node(url, authorities.as_deref()).map_err(|why| unusable(&why))?);
        }
        if let Some(recorder) = recording.recorder() {
            builder = builder.observer(recorder);
        }
        Ok(builder.build()?)
    }

    /// Returns the TTL of a lock, where an argument comes first.
    pub(crate) fn ttl(&self, argument: Option<Duration>) -> Duration {
        argument.or(self.config.ttl).unwrap_or(DEFAULT_TTL)
    }

    /// Returns how long a lock is waited for, where an argument comes first.
    pub(crate) fn wait(&self, argument: Option<Duration>) -> Duration {
        argument.or(self.config.wait).unwrap_or(DEFAULT_WAIT)
    }

    pub(crate) fn names(&self) -> NodeNames {
        NodeNames::of(&self.urls)
    }

    /// Returns what stands in front of the name of every lock.
    pub(crate) fn prefix(&self) -> &str {
        &self.config.prefix
    }
}

/// Returns how long an acquisition takes at most: its wait, or one attempt, in which a node has a share of the TTL to answer.
pub(crate) fn patience(wait: Duration, ttl: Duration) -> Duration {
    if wait.is_zero() { NodeTimeout::DEFAULT.of(ttl) } else { wait }
}

fn patient(patience: Duration) -> Builder {
    Redlock::builder().connect_timeout(connect_timeout(patience))
}

/// Returns how long a connection may take to be opened: three quarters of the patience, so that there is time for another
/// attempt, which is told why there is none.
fn connect_timeout(patience: Duration) -> Duration {
    let share = patience.saturating_mul(3).checked_div(4).filter(|share| !share.is_zero());
    share.map_or(DEFAULT_CONNECT_TIMEOUT, |share| share.min(DEFAULT_CONNECT_TIMEOUT))
}

/// Splits an argument at the commas between URLs. One inside of a password stays.
fn split_argument(argument: &str) -> Vec<String> {
    let urls = split_urls(argument);
    if !urls.is_empty() && urls.iter().all(|url| url.contains("://")) { urls } else { vec![argument.into()] }
}

fn no_nodes(file: Option<&Path>) -> Failure {
    let file = match file {
        Some(path) => format!("the configuration file {}", path.display()),
        None => "a file and name it with --config: there is no home folder".into(),
    };
    Failure::Usage(format!("no nodes are named: set REDLOCK_NODES, use --node URL, or write them into {file}"))
}

/// Makes a node. It fails when the authorities cannot be read.
fn node(url: &str, authorities: Option<&[u8]>) -> Result<UrlNode, String> {
    let node = UrlNode::new(url).client_name(CLIENT_NAME);
    match authorities {
        Some(authorities) if is_tls(url) => with_authorities(node, authorities),
        _ => Ok(node),
    }
}

fn is_tls(url: &str) -> bool {
    let scheme = url.trim_start().split_once("://").map_or("", |(scheme, _)| scheme);
    ["rediss", "valkeys"].iter().any(|tls| scheme.eq_ignore_ascii_case(tls))
}

#[cfg(feature = "tls")]
fn with_authorities(node: UrlNode, authorities: &[u8]) -> Result<UrlNode, String> {
    let settings = redlock_tokio::TlsSettings::builder().authorities(authorities).build();
    settings.map(|settings| node.tls(settings)).map_err(|error| error.to_string())
}

/// The node itself says that TLS is not there.
#[cfg(not(feature = "tls"))]
#[expect(clippy::unnecessary_wraps, reason = "with TLS it can fail")]
const fn with_authorities(node: UrlNode, _: &[u8]) -> Result<UrlNode, String> {
    Ok(node)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(arguments: &[&str], variable: Option<&str>, file: &[&str]) -> Option<Vec<String>> {
        let own = |urls: &[&str]| urls.iter().map(ToString::to_string).collect::<Vec<_>>();
        let config = Config { nodes: own(file), ..Config::default() };
        Nodes::choose(&own(arguments), variable, config).map(|nodes| nodes.urls)
    }

    #[test]
    fn arguments_come_before_the_environment_and_that_before_the_file() {
        assert_eq!(urls(&["a"], Some("b"), &["c"]).unwrap(), ["a"]);
        assert_eq!(urls(&[], Some("b"), &["c"]).unwrap(), ["b"]);
        assert_eq!(urls(&[], None, &["c"]).unwrap(), ["c"]);
        assert_eq!(urls(&[], Some(" , "), &["c"]).unwrap(), ["c"], "an empty variable names none");
        assert_eq!(urls(&[], None, &[]), None);
    }

    #[test]
    fn an_argument_may_name_several_nodes() {
        assert_eq!(
            urls(&["redis://a,redis://b", "redis://c"], None, &[]).unwrap(),
            ["redis://a", "redis://b", "redis://c"]
        );
        assert_eq!(urls(&["redis://:a,b@c"], None, &[]).unwrap(), ["redis://:a,b@c"], "a password");
        assert_eq!(urls(&[""], Some("redis://b"), &[]).unwrap(), [""], "it is wrong, and not left out");
    }

    #[test]
    fn a_scheme_is_known_in_any_case() {
        for url in ["rediss://a", "REDISS://a", "Valkeys://a", " rediss://a"] {
            assert!(is_tls(url), "{url}");
        }
        for url in ["redis://a", "unix:///rediss://", "redis://:rediss@a", "rediss", "é", ""] {
            assert!(!is_tls(url), "{url}");
        }
    }

    #[test]
    fn the_longest_answer_is_that_of_the_library() {
        assert_eq!(LONGEST_ANSWER, NodeTimeout::DEFAULT.of(Duration::MAX));
    }

    #[test]
    fn a_connection_has_less_time_than_there_is_patience() {
        let rows = [(0, 1_000), (100, 75), (1_000, 750), (1_333, 999), (2_000, 1_000), (30_000, 1_000)];
        for (patience, expected) in rows {
            assert_eq!(connect_timeout(Duration::from_millis(patience)).as_millis(), expected, "{patience}");
        }
    }

    #[test]
    fn arguments_come_before_the_times_of_the_file_and_these_before_the_defaults() {
        let [argument, file] = [1, 2].map(Duration::from_secs);
        let config = Config { ttl: Some(file), wait: Some(file), ..Config::default() };
        let named = Nodes::choose(&["a".into()], None, config).unwrap();
        assert_eq!((named.ttl(Some(argument)), named.wait(Some(argument))), (argument, argument));
        assert_eq!((named.ttl(None), named.wait(None)), (file, file));
        let plain = Nodes::choose(&["a".into()], None, Config::default()).unwrap();
        assert_eq!((plain.ttl(None), plain.wait(None)), (DEFAULT_TTL, DEFAULT_WAIT));
    }
}
