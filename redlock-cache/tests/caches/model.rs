//! Random lives of both caches against a plain model.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use redlock_cache::{
    BoundedCache, Cache, Entry, Generation, Instant, MIN_BUDGET, MapCache, NamedEntry, Refusal, WhenFull,
};

use crate::value::{Value, at};

#[derive(Clone, Debug)]
enum Operation {
    Insert {
        name: u8,
        ttl: u64,
        weight: usize,
    },
    Get {
        name: u8,
    },
    Take {
        name: u8,
    },
    /// With the generation that the name had so many entries ago.
    Remove {
        name: u8,
        age: usize,
    },
    Extend {
        name: u8,
        age: usize,
        ttl: u64,
    },
    Collect,
    Wait {
        seconds: u64,
    },
}

fn operation() -> impl Strategy<Value = Operation> {
    let name = || 0..24_u8;
    prop_oneof![
        6 => (name(), 0..40_u64, prop_oneof![0..200_usize, 0..3_000_usize, Just(9_000)])
            .prop_map(|(name, ttl, weight)| Operation::Insert { name, ttl, weight }),
        2 => name().prop_map(|name| Operation::Get { name }),
        2 => name().prop_map(|name| Operation::Take { name }),
        1 => (name(), 0..2_usize).prop_map(|(name, age)| Operation::Remove { name, age }),
        2 => (name(), 0..2_usize, 0..60_u64).prop_map(|(name, age, ttl)| Operation::Extend { name, age, ttl }),
        1 => Just(Operation::Collect),
        2 => (0..15_u64).prop_map(|seconds| Operation::Wait { seconds }),
    ]
}

/// The entries as a sorted map, and what the cache may do.
struct Model {
    entries: BTreeMap<Vec<u8>, Entry<Value>>,
    /// All generations that a name has had.
    generations: BTreeMap<Vec<u8>, Vec<Generation>>,
    /// The fixed costs and the budget of a bounded cache, and whether it evicts.
    bounds: Option<(usize, usize, WhenFull)>,
    now: u64,
}

impl Model {
    fn used(&self, empty: usize) -> usize {
        empty + self.entries.iter().map(|(name, entry)| price(name, &entry.value)).sum::<usize>()
    }

    fn generation(&self, name: &[u8], age: usize) -> Option<Generation> {
        let all = self.generations.get(name)?;
        all.len().checked_sub(age + 1).map(|at| all[at])
    }

    /// Takes out what the cache says has left to make room, which must be what expires first.
    fn displace(&mut self, left: &NamedEntry<Value>) {
        let entry = self.entries.remove(&*left.name).expect("it was there");
        assert_eq!(entry, left.entry);
        assert!(self.entries.values().all(|other| other.deadline >= entry.deadline), "it does not expire first");
    }

    fn insert(&mut self, cache: &dyn Cache<Value>, name: &[u8], value: &Value, deadline: Instant) {
        let (now, price) = (at(self.now), price(name, value));
        let before = self.entries.get(name).cloned();
        let result = cache.insert(name, value.clone(), deadline, now);
        let (mut displaced, outcome) = match result {
            Ok(inserted) => (inserted.displaced, Ok(inserted.generation)),
            Err(refused) => {
                assert_eq!(&refused.value, value, "it is handed back");
                (refused.displaced, Err(refused.reason))
            }
        };
        if let Some(before) = before {
            if !before.is_expired(now) {
                let Entry { generation, deadline, .. } = before;
                assert_eq!(outcome, Err(Refusal::Held { generation, deadline }));
                assert!(displaced.is_empty());
                return;
            }
            let own = displaced.remove(0);
            assert_eq!((&*own.name, &own.entry), (name, &before));
            self.entries.remove(name);
        }
        for left in &displaced {
            let (empty, budget, when_full) = self.bounds.expect("a map displaces nobody else");
            assert!(self.used(empty) + price > budget, "there was room");
            assert!(left.entry.is_expired(now) || when_full == WhenFull::Evict);
            self.displace(left);
        }
        match outcome {
            Ok(generation) => {
                let known = self.generations.values().flatten();
                assert!(known.copied().all(|other| other != generation));
                self.generations.entry(name.to_vec()).or_default().push(generation);
                let lookup = cache.get(name, now).unwrap();
                assert_eq!((&lookup.value, lookup.generation, lookup.deadline), (value, generation, deadline));
                self.entries.insert(name.to_vec(), lookup);
            }
            Err(reason) => {
                let (empty, budget, when_full) = self.bounds.expect("a map has room");
                match reason {
                    Refusal::TooLarge { .. } => assert!(price > budget - empty && displaced.is_empty()),
                    Refusal::Full { .. } => {
                        assert_eq!(when_full, WhenFull::Refuse);
                        assert!(self.entries.values().all(|entry| !entry.is_expired(now)));
                        assert!(self.used(empty) + price > budget);
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    fn apply(&mut self, cache: &dyn Cache<Value>, operation: &Operation, number: u32) {
        let key = |name: u8| vec![name; usize::from(name)];
        let now = at(self.now);
        match *operation {
            Operation::Insert { name, ttl, weight } => {
                let value = Value { weight, ..Value::new(number) };
                self.insert(cache, &key(name), &value, at(self.now + ttl));
            }
            Operation::Get { name } => assert_eq!(cache.get(&key(name), now).as_ref(), self.entries.get(&key(name))),
            Operation::Take { name } => assert_eq!(cache.take(&key(name), now), self.entries.remove(&key(name))),
            Operation::Remove { name, age } => {
                let Some(generation) = self.generation(&key(name), age) else { return };
                let current = self.entries.get(&key(name)).is_some_and(|entry| entry.generation == generation);
                let expected = current.then(|| self.entries.remove(&key(name)).unwrap());
                assert_eq!(cache.remove(&key(name), generation, now), expected);
            }
            Operation::Extend { name, age, ttl } => {
                let Some(generation) = self.generation(&key(name), age) else { return };
                let current = self.entries.get_mut(&key(name)).filter(|entry| entry.generation == generation);
                assert_eq!(cache.extend(&key(name), generation, at(self.now + ttl)), current.is_some());
                if let Some(entry) = current {
                    entry.deadline = at(self.now + ttl);
                }
            }
            Operation::Collect => {
                for left in cache.collect(now) {
                    assert!(left.entry.is_expired(now));
                    assert_eq!(self.entries.remove(&*left.name), Some(left.entry));
                }
                assert!(self.entries.values().all(|entry| !entry.is_expired(now)));
            }
            Operation::Wait { seconds } => self.now += seconds,
        }
    }

    fn check(&self, cache: &dyn Cache<Value>) {
        assert_eq!(cache.len(), self.entries.len());
        if let Some((empty, budget, _)) = self.bounds {
            assert_eq!(cache.bytes(), self.used(empty));
            assert!(cache.bytes() <= budget);
        }
    }
}

fn price(name: &[u8], value: &Value) -> usize {
    name.len() + value.weight + BoundedCache::<Value>::entry_bytes()
}

fn live(cache: &dyn Cache<Value>, bounds: Option<(usize, usize, WhenFull)>, operations: &[Operation]) {
    let mut model = Model { entries: BTreeMap::new(), generations: BTreeMap::new(), bounds, now: 0 };
    for (number, operation) in (0..).zip(operations) {
        model.apply(cache, operation, number);
        model.check(cache);
    }
    let listed: BTreeMap<_, _> = cache.iter().map(|left| (left.name.to_vec(), left.entry)).collect();
    assert_eq!(listed, model.entries);
}

proptest! {
    #[test]
    fn the_map_does_what_the_model_does(operations in vec(operation(), 0..200), shards in 1..9_usize) {
        live(&MapCache::builder().shards(shards).build_without_collection(), None, &operations);
    }

    #[test]
    fn the_bounded_cache_does_what_the_model_does(
        operations in vec(operation(), 0..200),
        budget in MIN_BUDGET..6 * MIN_BUDGET,
        evicts: bool,
    ) {
        let when_full = if evicts { WhenFull::Evict } else { WhenFull::Refuse };
        let cache = BoundedCache::builder().budget(budget).when_full(when_full).build().unwrap();
        let bounds = (cache.bytes(), budget, when_full);
        live(&cache, Some(bounds), &operations);
    }

    #[test]
    fn a_bounded_cache_with_room_for_all_does_what_the_model_does(operations in vec(operation(), 0..200)) {
        let cache = BoundedCache::builder().shards(16).build().unwrap();
        let bounds = (cache.bytes(), cache.budget(), WhenFull::Refuse);
        live(&cache, Some(bounds), &operations);
    }
}
