//! Something to keep.

use std::sync::Arc;
use std::time::Duration;

use redlock_cache::{Cache, Generation, Inserted, Instant, Refused, Weigh};

/// Costs something, and can be told from others; whether it is still there is known from the outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value {
    pub(crate) number: u32,
    pub(crate) weight: usize,
    pub(crate) owner: Arc<()>,
}

impl Value {
    pub(crate) fn new(number: u32) -> Self {
        Self { number, weight: 0, owner: Arc::default() }
    }

    pub(crate) fn of_weight(weight: usize) -> Self {
        Self { weight, ..Self::new(0) }
    }
}

impl Weigh for Value {
    fn weight(&self) -> usize {
        self.weight
    }
}

pub(crate) fn at(seconds: u64) -> Instant {
    Instant::from_epoch(Duration::from_secs(seconds))
}

/// Keeps a value of no weight, from `now` until `deadline`.
pub(crate) fn insert(
    cache: &impl Cache<Value>,
    name: &str,
    deadline: u64,
    now: u64,
) -> Result<Inserted<Value>, Refused<Value>> {
    cache.insert(name.as_bytes(), Value::new(0), at(deadline), at(now))
}

/// Keeps a value that is not refused and displaces nothing.
pub(crate) fn keep(cache: &impl Cache<Value>, name: &str, deadline: u64, now: u64) -> Generation {
    let inserted = insert(cache, name, deadline, now).unwrap();
    assert_eq!(inserted.displaced, []);
    inserted.generation
}

/// The names of all entries, in ascending order.
pub(crate) fn names(cache: &impl Cache<Value>) -> Vec<String> {
    let mut names: Vec<_> = cache.iter().map(|left| String::from_utf8(left.name.into()).unwrap()).collect();
    names.sort_unstable();
    names
}
