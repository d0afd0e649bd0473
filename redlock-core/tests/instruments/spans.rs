//! The observer for the crate `tracing`.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};

use redlock_core::observed::{LockEvent, Observed};
use redlock_core::shell::{Observer, Tracing};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::history::{NAME, history};

/// Writes everything down: a line for each span, each field that comes later, each event, and each end.
#[derive(Clone)]
struct Book {
    lines: Arc<Mutex<Lines>>,
    /// What is less important is left out.
    level: Level,
}

#[derive(Default)]
struct Lines {
    spans: u64,
    lines: Vec<(Option<u64>, String)>,
}

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

fn fields(record: impl FnOnce(&mut Fields)) -> String {
    let mut fields = Fields(String::new());
    record(&mut fields);
    fields.0
}

impl Book {
    fn write(&self, span: Option<u64>, line: String) {
        self.lines.lock().unwrap().lines.push((span, line));
    }

    fn of(tracing: &Tracing, history: &[Observed]) -> Vec<(Option<u64>, String)> {
        Self::filtered(Level::TRACE, tracing, history)
    }

    fn filtered(level: Level, tracing: &Tracing, history: &[Observed]) -> Vec<(Option<u64>, String)> {
        let book = Self { lines: Arc::default(), level };
        let observe = || {
            assert!(tracing.is_interested(), "there is a subscriber");
            for observed in history {
                tracing.observe(observed);
            }
        };
        tracing::subscriber::with_default(book.clone(), observe);
        let mut book = book.lines.lock().unwrap();
        std::mem::take(&mut book.lines)
    }
}

impl Subscriber for Book {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "redlock" && *metadata.level() <= self.level
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        assert!(span.is_root());
        let id = {
            let mut book = self.lines.lock().unwrap();
            book.spans += 1;
            book.spans
        };
        self.write(Some(id), format!("{}{}", span.metadata().name(), fields(|fields| span.record(fields))));
        Id::from_u64(id)
    }
    fn record(&self, span: &Id, values: &Record<'_>) {
        self.write(Some(span.into_u64()), format!("record{}", fields(|fields| values.record(fields))));
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let level = event.metadata().level();
        self.write(event.parent().map(Id::into_u64), format!("{level}{}", fields(|fields| event.record(fields))));
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
    fn try_close(&self, span: Id) -> bool {
        self.write(Some(span.into_u64()), "drop".to_owned());
        true
    }
}

#[test]
fn a_lock_is_a_span_from_the_request_until_it_is_settled() {
    let history = history();
    let book = Book::of(&Tracing::new(), &history);
    let first: Vec<&str> = book.iter().filter(|(span, _)| *span == Some(1)).map(|(_, line)| line.as_str()).collect();
    assert_eq!(first[0], format!("lock resource=\"{NAME}\" ttl=10s"));
    assert!(first.contains(&"record result=\"acquired\""), "{first:?}");
    assert!(first.contains(&"record attempts=1") && first.contains(&"record waited=0ns"), "{first:?}");
    assert!(first.iter().any(|line| line.starts_with("record fence=")), "{first:?}");
    assert!(first.contains(&"record held_for=11.5s"), "{first:?}");
    assert_eq!(first.last(), Some(&"drop"));

    let requested =
        |observed: &&Observed| matches!(observed, Observed::Lock { event: LockEvent::Requested { .. }, .. });
    let (spans, ends): (Vec<_>, Vec<_>) = (
        book.iter().filter(|(_, line)| line.starts_with("lock ")).collect(),
        book.iter().filter(|(_, line)| line == "drop").collect(),
    );
    assert_eq!(spans.len(), history.iter().filter(requested).count());
    assert!(ends.len() >= spans.len(), "clones are dropped too");
}

#[test]
fn what_an_operator_has_to_know_is_a_warning() {
    let book = Book::of(&Tracing::new(), &history());
    let level = |text: &str| {
        let line = book
            .iter()
            .find(|(_, line)| line.contains(&format!("message={text}")))
            .unwrap_or_else(|| panic!("{text}: {book:?}"));
        line.1.split(' ').next().unwrap()
    };
    for warning in
        ["the lock is lost", "the lock was extended late", "a node is down", "a node has no vote", "events of locks"]
    {
        assert_eq!(level(warning), Level::WARN.as_str(), "{warning}");
    }
    assert_eq!(level("a node is connected"), Level::INFO.as_str());
    assert_eq!(level("the lock is acquired"), Level::DEBUG.as_str());
    assert_eq!(level("a node has answered"), Level::TRACE.as_str());
}

/// Then there is no span that names it.
#[test]
fn a_warning_names_its_lock_also_where_only_warnings_are_wanted() {
    for (tracing, is_named) in [(Tracing::new(), true), (Tracing::new().hash_names(), false)] {
        let book = Book::filtered(Level::WARN, &tracing, &history());
        assert!(book.iter().all(|(span, line)| span.is_none() && line.starts_with("WARN ")), "{book:?}");
        let warnings = book.iter().filter(|(_, line)| line.contains("message=the lock "));
        let names: Vec<_> = warnings.map(|(_, line)| (line.contains(" resource="), line.contains(NAME))).collect();
        assert!(names.len() > 1 && names.contains(&(true, is_named)), "{book:?}");
        assert!(names.iter().all(|(has_name, _)| *has_name), "{book:?}");
    }
}

#[test]
fn a_name_that_is_hashed_is_nowhere() {
    let history = history();
    let book = Book::of(&Tracing::new().hash_names(), &history);
    assert!(book.iter().all(|(_, line)| !line.contains(NAME) && !line.contains("taken")), "{book:?}");
    let hashes = |book: &[(Option<u64>, String)]| -> Vec<String> {
        let resource =
            |line: &str| line.split("resource=").nth(1).map(|rest| rest.split(' ').next().unwrap().to_owned());
        book.iter().filter(|(_, line)| line.starts_with("lock ")).filter_map(|(_, line)| resource(line)).collect()
    };
    let (first, again) = (hashes(&book), hashes(&Book::of(&Tracing::new().hash_names(), &history)));
    assert!(first.iter().all(|hash| hash.trim_matches('"').len() == 16), "{first:?}");
    assert_eq!(first, again, "the same ones for the same names");
    assert_ne!(first[0], first[1]);
    let by_name = Book::of(&Tracing::new(), &history);
    assert!(by_name.iter().any(|(_, line)| line.contains("taken") && line.contains("the lock is not acquired")));
}
