use std::any::Any;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use libtest_mimic::{Arguments, Failed, Trial};

use crate::Suite;
use crate::suite::{Body, Case};
use crate::table::{Cell, Table};

/// What came of the cases that were run, by their full names.
type Results = Arc<Mutex<HashMap<String, Result<(), String>>>>;

/// The `main` function of a test target with `harness = false`: a test for each case of each suite, called
/// `suite::topic::case`.
///
/// It takes the arguments of `cargo test`: filters, `--list`, `--test-threads` (by default three for each core). With
/// `--table` it ends with a table of suites and cases, in Markdown, in which each case that is not run has its reason.
///
/// The exit code says whether all went well.
#[must_use = "the exit code says whether all went well"]
pub fn main(suites: impl IntoIterator<Item = Suite>) -> ExitCode {
    let suites: Vec<_> = suites.into_iter().collect();
    let (wants_table, arguments): (Vec<_>, Vec<_>) = std::env::args().partition(|argument| argument == "--table");
    let results = Results::default();
    let trials = cases(&suites).map(|(suite, case)| trial(full_name(suite, case), case, &results)).collect();
    let mut arguments = Arguments::from_iter(arguments);
    arguments.test_threads.get_or_insert_with(threads);
    let conclusion = libtest_mimic::run(&arguments, trials);
    if !wants_table.is_empty() {
        print(&table(&suites, &results));
    }
    conclusion.exit_code()
}

/// All cases of all suites in one ordinary `#[test]`.
///
/// # Panics
///
/// If one fails, with the table.
pub fn check(suites: impl IntoIterator<Item = Suite>) {
    let suites: Vec<_> = suites.into_iter().collect();
    let (results, queue) = (Results::default(), Mutex::new(cases(&suites)));
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        while let Some((suite, case)) = next() {
            if let Body::Run(run) = &case.body {
                // The table has it.
                let _ = record(full_name(suite, case), &**run, &results);
            }
        }
    };
    thread::scope(|scope| (0..threads()).for_each(|_| drop(scope.spawn(work))));
    let has_failed = locked(&results).values().any(Result::is_err);
    assert!(!has_failed, "the transport does not conform:\n{}", table(&suites, &results));
}

/// How many cases run at the same time: some for each core, because a case mostly waits.
fn threads() -> usize {
    const PER_CORE: usize = 3;
    thread::available_parallelism().map_or(1, usize::from).saturating_mul(PER_CORE)
}

fn cases(suites: &[Suite]) -> impl Iterator<Item = (&Suite, &Case)> + Send {
    suites.iter().flat_map(|suite| suite.cases.iter().map(move |case| (suite, case)))
}

fn table(suites: &[Suite], results: &Results) -> Table {
    let results = locked(results);
    Table::new(suites, |suite, case| match (&case.body, results.get(&full_name(suite, case))) {
        (Body::NotRun(reason), _) => Cell::NotRun(reason.clone()),
        (Body::Run(_), None) => Cell::FilteredOut,
        (Body::Run(_), Some(Ok(()))) => Cell::Passed,
        (Body::Run(_), Some(Err(message))) => Cell::Failed(message.clone()),
    })
}

/// Runs a case and keeps what came of it.
fn record(full_name: String, run: &dyn Fn(), results: &Results) -> Result<(), String> {
    let result = catch_unwind(AssertUnwindSafe(run)).map_err(|panic| message(&*panic));
    locked(results).insert(full_name, result.clone());
    result
}

fn locked(results: &Results) -> MutexGuard<'_, HashMap<String, Result<(), String>>> {
    results.lock().unwrap_or_else(PoisonError::into_inner)
}

fn full_name(suite: &Suite, case: &Case) -> String {
    format!("{}::{}::{}", suite.name, case.topic, case.name)
}

fn trial(name: String, case: &Case, results: &Results) -> Trial {
    match &case.body {
        Body::NotRun(reason) => {
            let reason = Failed::from(reason);
            Trial::test(name, || Err(reason)).with_ignored_flag(true)
        }
        Body::Run(run) => {
            let (run, results, full_name) = (run.clone(), results.clone(), name.clone());
            Trial::test(name, move || record(full_name, &*run, &results).map_err(Failed::from))
        }
    }
}

/// What a panic has said.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without a message").into()
}

#[expect(clippy::print_stdout, reason = "the table was asked for")]
fn print(table: &Table) {
    println!("{table}");
}
