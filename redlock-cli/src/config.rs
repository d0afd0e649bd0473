use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::duration;
use crate::failure::Failure;

/// What a configuration file says. Every key may be left out.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The URLs of the nodes, as a list, or as a text like that of `REDLOCK_NODES`.
    #[serde(default, deserialize_with = "urls")]
    pub(crate) nodes: Vec<String>,
    #[serde(default, deserialize_with = "time")]
    pub(crate) ttl: Option<Duration>,
    #[serde(default, deserialize_with = "time")]
    pub(crate) wait: Option<Duration>,
    /// Stands in front of the name of every lock.
    #[serde(default)]
    pub(crate) prefix: String,
    /// The certificates of the authorities that `rediss://` nodes are trusted by, as PEM. A relative path begins in the folder of
    /// the file.
    pub(crate) ca_file: Option<PathBuf>,
}

impl Config {
    /// Reads the file that was named, or the usual one if it is there.
    pub(crate) fn load(named: Option<&Path>) -> Result<Self, Failure> {
        match named {
            Some(path) => Self::read(path),
            None => usual_path().map_or_else(|| Ok(Self::default()), |path| Self::read_if_there(&path)),
        }
    }

    /// A file that is there and cannot be reached is an error: locks would have other names without its prefix.
    fn read_if_there(path: &Path) -> Result<Self, Failure> {
        match path.symlink_metadata() {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(Self::default()),
            _ => Self::read(path),
        }
    }

    fn read(path: &Path) -> Result<Self, Failure> {
        let unusable = |why: &str| Failure::Usage(format!("the configuration file {}: {why}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| unusable(&error.to_string()))?;
        let mut config = Self::parse(&text).map_err(|why| unusable(&why))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        config.ca_file = config.ca_file.map(|file| folder.join(file));
        Ok(config)
    }

    /// Reads the text of a file. An error names the line and does not show it: it may have a password.
    fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| {
            // A key that is not known is shown.
            let message = error.message();
            let message = if message.contains("://") { "there is a URL where a key should be" } else { message };
            match error.span() {
                Some(span) => format!("line {}: {message}", line_at(text, span.start)),
                None => message.into(),
            }
        })
    }
}

/// Splits a text of URLs at commas and blanks.
pub(crate) fn split_urls(text: &str) -> Vec<String> {
    text.split(|c: char| c == ',' || c.is_whitespace()).filter(|url| !url.is_empty()).map(Into::into).collect()
}

fn line_at(text: &str, position: usize) -> usize {
    text.bytes().take(position).filter(|byte| *byte == b'\n').count().saturating_add(1)
}

/// Returns where the configuration file is unless another one is named. Services and containers may have no `HOME`: then the
/// home folder is that of the user, as in a shell.
pub(crate) fn usual_path() -> Option<PathBuf> {
    let named = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::home_dir().filter(|path| path.is_absolute());
    let base = named.or_else(|| home().map(|home| home.join(".config")))?;
    Some(base.join("redlock").join("config.toml"))
}

/// A value of the wrong type must not be shown, so none is: any is taken here.
#[derive(Deserialize)]
#[serde(untagged)]
enum Urls {
    List(Vec<String>),
    Text(String),
    Other(serde::de::IgnoredAny),
}

fn urls<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    match Urls::deserialize(deserializer)? {
        Urls::List(urls) => Ok(urls),
        Urls::Text(text) => Ok(split_urls(&text)),
        Urls::Other(_) => Err(serde::de::Error::custom("nodes must be a list of URLs")),
    }
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    duration::parse(&text).map(Some).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_all_that_can_be_said() {
        let text =
            "nodes = ['redis://a', 'redis://b']\nttl = '20s'\nwait = '1m'\nprefix = 'app:'\nca_file = '/ca.pem'\n";
        let config = Config::parse(text).unwrap();
        assert_eq!(config.nodes, ["redis://a", "redis://b"]);
        assert_eq!((config.ttl, config.wait), (Some(Duration::from_secs(20)), Some(Duration::from_secs(60))));
        assert_eq!((config.prefix.as_str(), config.ca_file), ("app:", Some("/ca.pem".into())));
        assert_eq!(Config::parse("nodes = 'redis://a, redis://b'").unwrap().nodes, ["redis://a", "redis://b"]);
        assert!(Config::parse("").unwrap().nodes.is_empty());
    }

    #[test]
    fn a_relative_ca_file_is_beside_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        for (ca_file, expected) in [("ca.pem", folder.path().join("ca.pem")), ("/ca.pem", "/ca.pem".into())] {
            std::fs::write(&path, format!("ca_file = '{ca_file}'\n")).unwrap();
            assert_eq!(Config::load(Some(&path)).unwrap().ca_file, Some(expected));
        }
    }

    /// Its prefix would be missing: whoever takes the lock under the right name would not be kept out.
    #[test]
    fn a_usual_file_that_cannot_be_reached_is_not_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let [absent, dangling, circular] = ["absent", "dangling", "circular"].map(|name| folder.path().join(name));
        std::os::unix::fs::symlink(&absent, &dangling).unwrap();
        std::os::unix::fs::symlink(&circular, &circular).unwrap();
        for (path, is_left_out) in [(&absent, true), (&dangling, false), (&circular, false)] {
            assert_eq!(Config::read_if_there(path).is_ok(), is_left_out, "{}", path.display());
        }
        for no_folder in ["/dev/null/redlock/config.toml", "/nonexistent/redlock/config.toml"] {
            assert!(Config::read_if_there(Path::new(no_folder)).is_ok(), "{no_folder}");
        }
        assert!(Config::read_if_there(&circular.join("config.toml")).is_err());
    }

    #[test]
    fn an_error_names_the_line_and_shows_no_password() {
        let rows = [
            ("\nnode = ['redis://:secret@a']", "line 2: unknown field `node`"),
            ("nodes = [1, 'redis://:secret@a']", "line 1: nodes must be a list of URLs"),
            ("nodes = [redis://:secret@a]", "line 1: "),
            ("nodes = ['redis://:secret@a'", "line 1: "),
            ("'redis://:secret@a' = 1", "line 1: there is a URL where a key should be"),
            ("ca_file = 'a'\n'redis://:secret@a'.b = 1", "line 2: there is a URL where a key should be"),
            ("ttl = '10'", "line 1: time unit needed"),
        ];
        for (text, expected) in rows {
            let error = Config::parse(text).err().unwrap();
            assert!(error.contains(expected) && !error.contains("secret"), "{text}: {error}");
        }
    }

    #[test]
    fn urls_are_separated_by_commas_or_blanks() {
        assert_eq!(split_urls("a,b c,\n\td ,"), ["a", "b", "c", "d"]);
    }
}
