//! The copy, its mutants, and the hunts.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fmt, fs};

use crate::mutants::{self, Edit, Mutant};

/// Wakes one mutant, by its name.
const AWAKE: &str = "REDLOCK_MUTANT";

/// What the copies get to know whether a mutant is awake.
const SWITCH: &str = r#"
extern crate std;

/// Whether the mutant of this name is awake in this process.
pub(crate) fn is_awake(mutant: &str) -> bool {
    static AWAKE: std::sync::OnceLock<std::string::String> = std::sync::OnceLock::new();
    AWAKE.get_or_init(|| std::env::var("REDLOCK_MUTANT").unwrap_or_default()) == mutant
}
"#;

const HUNTER: &str = include_str!("hunter.rs");

const HUNTER_MANIFEST: &str = r#"
[package]
name = "hunter"
version = "0.1.0"
edition = "2024"

[dependencies]
redlock-simulator = { path = "../tests/simulator" }
"#;

/// The copies of the core and of the simulator that the mutants live in.
pub(crate) struct Zoo {
    hunter: PathBuf,
}

/// How a hunt for a mutant went.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Hunt {
    /// After so many seeds an invariant was violated.
    Killed { seeds: u64, invariant: String },
    /// All seeds passed.
    Survived,
}

impl Zoo {
    /// Copies the crates, puts all mutants in, and compiles.
    pub(crate) fn build() -> Self {
        let original = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let copy = original.join("target/bug-zoo");
        for package in ["redlock-core", "redlock-history", "tests/simulator"] {
            copy_package(&original.join(package), &copy.join(package));
        }
        for mutant in mutants::all() {
            mutant.move_in(&copy);
        }
        write(&copy.join("hunter/src/main.rs"), HUNTER);
        write(&copy.join("hunter/Cargo.toml"), HUNTER_MANIFEST);
        write(&copy.join("Cargo.toml"), &workspace_manifest(&original.join("Cargo.toml")));
        write(&copy.join("Cargo.lock"), &read(&original.join("Cargo.lock")));
        compile(&copy);
        Self { hunter: copy.join("target/release/hunter") }
    }

    /// Runs so many seeds with one mutant awake, or until it is found.
    pub(crate) fn hunt(&self, mutant: &str, first_seed: u64, seeds: u64) -> Hunt {
        let mut hunter = Command::new(&self.hunter);
        let output =
            hunter.args([first_seed, seeds].map(|number| number.to_string())).env(AWAKE, mutant).output().unwrap();
        assert!(output.status.success(), "{mutant}: {}", String::from_utf8_lossy(&output.stderr));
        let found = String::from_utf8(output.stdout).unwrap();
        match found.trim().split_once(' ') {
            Some((seed, invariant)) => {
                Hunt::Killed { seeds: seed.parse::<u64>().unwrap() - first_seed + 1, invariant: invariant.into() }
            }
            None => Hunt::Survived,
        }
    }
}

impl Hunt {
    pub(crate) const fn seeds(&self) -> Option<u64> {
        match self {
            Self::Killed { seeds, .. } => Some(*seeds),
            Self::Survived => None,
        }
    }
}

impl fmt::Display for Hunt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Killed { invariant, .. } => f.write_str(invariant),
            Self::Survived => f.write_str("SURVIVED"),
        }
    }
}

impl Mutant {
    /// Makes its edits in the copy. Each must fit exactly one place, or the original has changed and the mutant with it.
    fn move_in(&self, copy: &Path) {
        for edit in self.edits {
            let path = copy.join(edit.file());
            let text = read(&path);
            let (original, mutated) = edit.texts(self.name);
            assert_eq!(text.matches(original).count(), 1, "{}: {original:?} in {}", self.name, edit.file());
            write(&path, &text.replacen(original, &mutated, 1));
        }
    }
}

impl Edit {
    const fn file(&self) -> &str {
        match self {
            Self::Expression { file, .. } | Self::Text { file, .. } => file,
        }
    }

    fn texts(&self, mutant: &str) -> (&str, String) {
        let awake = format!("crate::is_awake(\"{mutant}\")");
        match self {
            Self::Expression { original, mutated, .. } => {
                (original, format!("(if {awake} {{ {mutated} }} else {{ {original} }})"))
            }
            Self::Text { original, mutated, .. } => (original, mutated.replace("AWAKE", &awake)),
        }
    }
}

fn copy_package(original: &Path, copy: &Path) {
    let _ = fs::remove_dir_all(copy);
    for part in ["Cargo.toml", "src", "testdata", "examples", "tests", "benches"] {
        copy_all(&original.join(part), &copy.join(part));
    }
    let root = copy.join("src/lib.rs");
    write(&root, &format!("{}{SWITCH}", read(&root)));
}

fn copy_all(original: &Path, copy: &Path) {
    if original.is_dir() {
        for entry in fs::read_dir(original).unwrap() {
            let name = entry.unwrap().file_name();
            copy_all(&original.join(&name), &copy.join(&name));
        }
    } else if original.exists() {
        write(copy, &read(original));
    }
}

/// The original one, with the members of the zoo.
fn workspace_manifest(original: &Path) -> String {
    let text = read(original);
    let begin = text.find("members = [").expect("the workspace has members");
    let end = begin + text[begin..].find(']').expect("their list ends");
    let members = text.get(begin..=end).expect("both are in the text");
    text.replacen(members, r#"members = ["redlock-core", "redlock-history", "tests/simulator", "hunter"]"#, 1)
}

fn compile(copy: &Path) {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--release", "--offline", "--quiet", "--package", "hunter"]).current_dir(copy);
    cargo.env("CARGO_TARGET_DIR", copy.join("target")).env("RUSTFLAGS", "--cap-lints=allow");
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Writes only what has changed, so that a second run does not compile again.
fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return;
    }
    fs::write(path, text).unwrap();
}
