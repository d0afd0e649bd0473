mod disk;

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use self::disk::Disk;
use crate::digest::sha1_prefix;
use crate::printable::is_printable;

/// What a server has said about itself when a connection to it was opened, as far as it did: what it does not say, or may
/// not be asked by this user, is left open.
///
/// A transport to a Redis server asks [`INFO`](Self::note_info) and [`CONFIG GET *appendfsync*`](Self::note_setting) in
/// its handshake; the answer to `HELLO` says some of it, too.
///
/// ```
/// use redlock_core::Facts;
///
/// let mut facts = Facts::default();
/// facts.note_info("redis_version:7.0.15\r\nrole:slave\r\nmaxmemory:1000000\r\nmaxmemory_policy:allkeys-lru\r\n");
/// assert_eq!(facts.version_numbers(), Some((7, 0, 15)));
/// assert_eq!((facts.is_replica(), facts.may_evict(), facts.is_durable()), (Some(true), Some(true), None));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Facts {
    pub(crate) server: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) role: Option<String>,
    pub(crate) mode: Option<String>,
    pub(crate) connection_id: Option<i64>,
    pub(crate) is_resp3: bool,
    run_id: Option<String>,
    promoted_from: Option<String>,
    uptime: Option<Duration>,
    max_memory: Option<u64>,
    eviction_policy: Option<String>,
    disk: Disk,
    pub(crate) releases_by_command: bool,
    fails_over: bool,
}

/// The longest text that is kept of a fact: a hostile server may say a lot.
const MAX_LEN: usize = 64;

impl Facts {
    /// Returns what kind of server it is: `redis` or `valkey`.
    #[must_use]
    pub fn server(&self) -> Option<&str> {
        self.server.as_deref()
    }

    /// Returns the version of the server: `7.0.15`.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Returns the first three numbers of the version, which can be compared; one that is not there is 0. `None` for a
    /// version that does not begin with a number.
    #[must_use]
    pub fn version_numbers(&self) -> Option<(u32, u32, u32)> {
        let mut numbers = self.version.as_deref()?.split('.').map(leading_number);
        let major = numbers.next()??;
        let mut next = || numbers.next().flatten().unwrap_or(0);
        Some((major, next(), next()))
    }

    /// Returns the role of the server: `master` or `replica`.
    #[must_use]
    pub fn role(&self) -> Option<&str> {
        self.role.as_deref()
    }

    /// Returns how the server runs: `standalone`, `cluster` or `sentinel`.
    #[must_use]
    pub fn mode(&self) -> Option<&str> {
        self.mode.as_deref()
    }

    /// Returns the number by which the server knows the connection (`CLIENT ID`).
    #[must_use]
    pub const fn connection_id(&self) -> Option<i64> {
        self.connection_id
    }

    /// Returns whether the connection speaks RESP3.
    #[must_use]
    pub const fn is_resp3(&self) -> bool {
        self.is_resp3
    }

    /// Returns whether locks are released over the connection by a command of the server's own, without a script.
    #[must_use]
    pub const fn releases_by_command(&self) -> bool {
        self.releases_by_command
    }

    /// Returns the name of this run of the server: another one after every start, and no two servers have the same.
    #[must_use]
    pub fn run_id(&self) -> Option<&str> {
        self.run_id.as_deref()
    }

    /// Returns the name of the history that the server went on with when it became a master (`master_replid2`): it was a replica
    /// before. `None` as well if that was long ago, and it has begun a new one since.
    pub(crate) fn promoted_from(&self) -> Option<&str> {
        self.promoted_from.as_deref()
    }

    /// Returns for how long the server has been running, in whole seconds; it may be up to a second less.
    #[must_use]
    pub const fn uptime(&self) -> Option<Duration> {
        self.uptime
    }

    /// Returns what the server does when its memory is full: `noeviction`, `allkeys-lru`.
    #[must_use]
    pub fn eviction_policy(&self) -> Option<&str> {
        self.eviction_policy.as_deref()
    }

    /// Returns whether the server may throw keys away that have a TTL: its memory has a limit (`maxmemory`) and its
    /// `maxmemory-policy` is another than `noeviction`.
    #[must_use]
    pub fn may_evict(&self) -> Option<bool> {
        let has_limit = self.max_memory != Some(0);
        self.eviction_policy.as_deref().map(|policy| has_limit && policy != "noeviction")
    }

    /// Returns whether the server keeps what it has answered when it, or its machine, is killed and started again:
    /// `appendonly yes` and `appendfsync always`, and not `no-appendfsync-on-rewrite yes`.
    ///
    /// It is not taken to be while it rewrites its append-only file, nor when it could not do so: if `appendonly` was set while it
    /// was running, nothing is kept before the first rewrite has ended, and it does not say which one it is.
    ///
    /// One that [fails over](Self::fails_over) does not: its successor need not know what it has answered.
    #[must_use]
    pub fn is_durable(&self) -> Option<bool> {
        if self.fails_over {
            return Some(false);
        }
        self.disk.keeps_all()
    }

    /// Returns whether the server is a replica of another.
    #[must_use]
    pub fn is_replica(&self) -> Option<bool> {
        self.role.as_deref().map(|role| role == "replica")
    }

    /// Returns whether the server is a member of a cluster, which may hand its keys to others.
    #[must_use]
    pub fn is_cluster(&self) -> Option<bool> {
        self.mode.as_deref().map(|mode| mode == "cluster")
    }

    /// Returns whether another server takes its place when it fails, which need not have all of its keys: the node is named by
    /// sentinels, or is a whole cluster.
    #[must_use]
    pub const fn fails_over(&self) -> bool {
        self.fails_over
    }

    /// Notes that another server takes its place when it fails.
    #[must_use]
    pub fn with_failover(self) -> Self {
        Self { fails_over: true, ..self }
    }

    /// Makes one of what all masters of a cluster have said, which is one node that [fails over](Self::fails_over).
    ///
    /// Its run id is another as soon as that of one master is, or as one was a replica meanwhile, so a restart or a failover of
    /// any of them is noticed. It is no server's, so that a master that is named as a node by itself is not found to be the same
    /// server. It evicts keys if one of them does.
    #[must_use]
    pub fn of_cluster(masters: &[Self]) -> Self {
        let said = masters.iter().find(|facts| facts.may_evict() == Some(true)).or_else(|| masters.first());
        let said = said.cloned().unwrap_or_default();
        Self {
            mode: Some("cluster".to_owned()),
            connection_id: None,
            run_id: Self::run_id_of_all(masters),
            promoted_from: None,
            uptime: None,
            releases_by_command: masters.iter().all(Self::releases_by_command),
            ..said.with_failover()
        }
    }

    /// Makes a name of the runs of several servers, in any order; `None` if one does not say its own.
    fn run_id_of_all(servers: &[Self]) -> Option<String> {
        let run = |server: &Self| Some([server.run_id()?, server.promoted_from().unwrap_or_default()].concat());
        let mut runs = servers.iter().map(run).collect::<Option<Vec<_>>>()?;
        runs.sort_unstable();
        (!runs.is_empty()).then(|| format!("cluster:{:016x}", sha1_prefix(runs.concat().as_bytes())))
    }

    /// Reads the answer to `INFO`. Lines that say nothing of interest are left out.
    pub fn note_info(&mut self, info: &str) {
        for (name, value) in info.lines().filter_map(|line| line.split_once(':')) {
            match name {
                "redis_version" => drop(self.version.get_or_insert_with(|| short(value))),
                "valkey_version" => {
                    self.version = Some(short(value));
                    self.server = Some("valkey".to_owned());
                }
                "server_name" => self.server = Some(short(value)),
                // `HELLO` calls it by its newer name.
                "role" => self.role = Some(short(if value == "slave" { "replica" } else { value })),
                "redis_mode" | "server_mode" => self.mode = Some(short(value)),
                // A server that hides it has none: two of them are not one for that.
                "run_id" => self.run_id = Some(short(value)).filter(|run_id| !run_id.is_empty()),
                // Zeros if it was no replica.
                "master_replid2" => {
                    self.promoted_from = Some(short(value)).filter(|id| id.chars().any(|digit| digit != '0'));
                }
                "uptime_in_seconds" => self.uptime = value.parse().ok().map(Duration::from_secs),
                "maxmemory" => self.max_memory = value.parse().ok(),
                "maxmemory_policy" => self.eviction_policy = Some(short(value)),
                _ => self.disk.note_info(name, value),
            }
        }
        // All others say what they are called.
        if self.version.is_some() {
            self.server.get_or_insert_with(|| "redis".to_owned());
        }
    }

    /// Notes a setting of the server, as `CONFIG GET *appendfsync*` says it: `appendfsync` or `no-appendfsync-on-rewrite`. Others
    /// are left out.
    pub fn note_setting(&mut self, name: &str, value: &str) {
        self.disk.note_setting(name, value);
    }
}

pub(crate) fn short(value: &str) -> String {
    value.chars().filter(|letter| is_printable(*letter)).take(MAX_LEN).collect()
}

/// Returns the number that a text begins with: 3 of `3-rc1`.
fn leading_number(text: &str) -> Option<u32> {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(info: &str) -> Facts {
        let mut facts = Facts::default();
        facts.note_info(info);
        facts
    }

    #[test]
    fn a_server_that_says_nothing_leaves_all_open() {
        for info in ["", "# Server\r\n", "NOPERM", ":\r\n:::\r\nrun_id"] {
            assert_eq!(of(info), Facts::default());
        }
    }

    #[test]
    fn what_a_fork_calls_itself_comes_before_the_version_that_it_is_compatible_with() {
        let valkey = of("redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:9.1.2\r\nserver_mode:cluster\r\n");
        assert_eq!(
            (valkey.server(), valkey.version(), valkey.is_cluster()),
            (Some("valkey"), Some("9.1.2"), Some(true))
        );
    }

    #[test]
    fn a_server_without_a_limit_evicts_nothing() {
        assert_eq!(of("maxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\n").may_evict(), Some(false));
        assert_eq!(of("maxmemory:1\r\nmaxmemory_policy:noeviction\r\n").may_evict(), Some(false));
        assert_eq!(of("maxmemory:1\r\nmaxmemory_policy:volatile-ttl\r\n").may_evict(), Some(true));
        assert_eq!(of("maxmemory_policy:volatile-ttl\r\n").may_evict(), Some(true), "it may have a limit");
        assert_eq!(of("maxmemory:1\r\n").may_evict(), None);
    }

    #[test]
    fn a_server_is_durable_that_writes_everything_before_it_answers() {
        let with = |info: &str, fsync: Option<&str>| {
            let mut facts = of(info);
            if let Some(fsync) = fsync {
                facts.note_setting("appendfsync", fsync);
            }
            facts.is_durable()
        };
        assert_eq!(with("aof_enabled:1\r\n", Some("always")), Some(true));
        assert_eq!(with("aof_enabled:1\r\n", Some("everysec")), Some(false));
        assert_eq!(with("aof_enabled:0\r\n", Some("always")), Some(false));
        assert_eq!(with("aof_enabled:1\r\n", None), None);
        assert_eq!(with("", Some("always")), None);
    }

    #[test]
    fn a_server_that_writes_nothing_during_a_rewrite_is_not_durable() {
        for (pauses, is_durable) in [("yes", false), ("no", true)] {
            let mut facts = of("aof_enabled:1\r\n");
            facts.note_setting("no-appendfsync-on-rewrite", pauses);
            assert_eq!(facts.is_durable(), None, "it may write now and then");
            facts.note_setting("appendfsync", "always");
            facts.note_setting("auto-aof-rewrite-percentage", "yes");
            assert_eq!(facts.is_durable(), Some(is_durable), "{pauses}");
        }
    }

    /// Its append-only file is empty until the first rewrite has ended: what it has answered until then is gone when it is killed.
    #[test]
    fn a_server_that_has_just_been_told_to_keep_everything_does_not_keep_it_yet() {
        let told = |progress: &str| {
            let mut facts = of(&format!("aof_enabled:1\r\n{progress}"));
            facts.note_setting("appendfsync", "always");
            facts.is_durable()
        };
        for progress in
            ["aof_rewrite_in_progress:1\r\n", "aof_rewrite_scheduled:1\r\n", "aof_last_bgrewrite_status:err\r\n"]
        {
            assert_eq!(told(progress), Some(false), "{progress}");
        }
        let ended = "aof_rewrite_in_progress:0\r\naof_rewrite_scheduled:0\r\naof_last_bgrewrite_status:ok\r\n";
        assert_eq!(told(ended), Some(true));
    }

    #[test]
    fn a_node_that_fails_over_is_never_durable() {
        let mut facts = of("aof_enabled:1\r\n");
        facts.note_setting("appendfsync", "always");
        assert_eq!(facts.is_durable(), Some(true));
        assert_eq!(facts.with_failover().is_durable(), Some(false));
    }

    #[test]
    fn a_cluster_is_another_one_when_a_master_is() {
        let master = |run_id: &str| of(&format!("redis_version:7.0.15\r\nrun_id:{run_id}\r\nrole:master\r\n"));
        let cluster = |runs: &[&str]| Facts::of_cluster(&runs.iter().map(|run_id| master(run_id)).collect::<Vec<_>>());
        let facts = cluster(&["a", "b"]);
        assert_eq!((facts.is_cluster(), facts.fails_over(), facts.role()), (Some(true), true, Some("master")));
        assert_eq!(facts.run_id(), cluster(&["b", "a"]).run_id());
        for other in [&["a"][..], &["a", "c"], &["a", "b", "c"]] {
            assert_ne!(facts.run_id(), cluster(other).run_id());
        }
        let mut promoted = master("b");
        promoted.note_info("master_replid2:a1b2\r\n");
        assert_ne!(facts.run_id(), Facts::of_cluster(&[master("a"), promoted]).run_id(), "one was a replica");
        assert_eq!(Facts::of_cluster(&[master("a"), Facts::default()]).run_id(), None, "one does not say it");
        assert_eq!(Facts::of_cluster(&[]).run_id(), None);
    }

    #[test]
    fn a_cluster_evicts_when_a_master_does() {
        let (keeps, evicts) = (of("maxmemory_policy:noeviction\r\n"), of("maxmemory_policy:allkeys-lru\r\n"));
        let cluster = Facts::of_cluster(&[keeps.clone(), evicts]);
        assert_eq!((cluster.may_evict(), cluster.eviction_policy()), (Some(true), Some("allkeys-lru")));
        assert_eq!(Facts::of_cluster(&[keeps]).may_evict(), Some(false));
    }

    #[test]
    fn a_hostile_server_does_not_fill_the_memory_or_the_screen() {
        let shout = of(&format!("run_id:{}\r\nrole:\u{1b}[2J\r\n", "x".repeat(10_000)));
        assert_eq!(shout.run_id().map(str::len), Some(MAX_LEN));
        assert_eq!(shout.role(), Some("[2J"));
    }
}
