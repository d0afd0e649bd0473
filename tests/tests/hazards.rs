//! The table of hazards in `tests/README.md` names tests and mutants that exist.

#![allow(clippy::unwrap_used, reason = "a test that panics has found something")]

use std::fs;
use std::path::Path;

#[test]
fn every_test_and_mutant_that_the_table_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let (readme, mutants) = (read("tests/README.md"), read("tests/tests/bug_zoo/mutants.rs"));
    let rows: Vec<_> = readme.lines().filter(|line| line.starts_with("| H")).collect();
    assert!(rows.len() > 25, "{} rows", rows.len());
    for name in rows.iter().flat_map(|row| row.split('`').skip(1).step_by(2)) {
        match name.split_once(".rs::") {
            Some((file, test)) => {
                let file = read(&format!("{file}.rs"));
                let is_there = ["(", "<"].iter().any(|end| file.contains(&format!("fn {test}{end}")));
                assert!(is_there, "there is no test {name}");
            }
            None if name.contains('/') => assert!(root.join(name).exists(), "there is no {name}"),
            None if name.starts_with("CLOCK_") => {}
            None => assert!(mutants.contains(&format!("name: \"{name}\"")), "there is no mutant {name}"),
        }
    }
}
