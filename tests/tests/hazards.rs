//! The tests and mutants that documents name are there: those of the table of hazards in `tests/README.md`, and those of the
//! page for operators.

#![allow(clippy::unwrap_used, reason = "a test that panics has found something")]

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What stands between backticks.
fn names(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// The texts of all files in a folder, one behind the other.
fn read_all(folder: &str) -> String {
    let files = fs::read_dir(root().join(folder)).unwrap();
    files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect()
}

/// `path/of/file.rs::name_of_the_test`, or a path alone.
fn assert_is_there(name: &str) {
    match name.split_once(".rs::") {
        Some((file, test)) => {
            let file = read(&format!("{file}.rs"));
            let is_there = ["(", "<"].iter().any(|end| file.contains(&format!("fn {test}{end}")));
            assert!(is_there, "there is no test {name}");
        }
        None => assert!(root().join(name).exists(), "there is no {name}"),
    }
}

#[test]
fn every_test_and_mutant_that_the_table_of_hazards_names_exists() {
    let (readme, mutants) = (read("tests/README.md"), read_all("tests/tests/bug_zoo/mutants"));
    let rows: Vec<_> = readme.lines().filter(|line| line.starts_with("| H")).collect();
    assert!(rows.len() > 25, "{} rows", rows.len());
    for name in rows.iter().flat_map(|row| names(row)) {
        if name.contains('/') {
            assert_is_there(name);
        } else if !name.starts_with("CLOCK_") && name != "maxmemory" {
            assert!(mutants.contains(&format!("name: \"{name}\"")), "there is no mutant {name}");
        }
    }
}

#[test]
fn every_test_that_the_page_for_operators_names_exists() {
    let page = read("redlock-core/src/operating.md");
    let named: Vec<_> = page.lines().flat_map(names).filter(|name| name.contains(".rs")).collect();
    assert!(named.len() > 25, "{} tests", named.len());
    named.into_iter().for_each(assert_is_there);
}
