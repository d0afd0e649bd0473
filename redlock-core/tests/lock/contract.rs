//! What holds in every phase: values, secrets, timers, sizes.

use core::fmt::Debug;
use core::hash::Hash;

use redlock_core::{Action, Cause, Command, Event, Hold, Lock, LockMachine, Options, Reply};

use crate::harness::{Bench, TTL, config, ms, unavailable};

/// A machine in one of its phases, with the commands that were sent before.
type Snapshot = (&'static str, Bench, Vec<Command>);

fn every_phase(seed: u8) -> [Snapshot; 9] {
    let acquiring = Bench::start(config(3), TTL, Options::new(), seed);
    let mut won = acquiring.clone();
    let set = won.expect_acquire();
    won.reply(&set, "++.");
    let mut waiting = acquiring.clone();
    waiting.expect_acquire();
    waiting.reply(&set, "--.");
    let mut finished = waiting.clone();
    finished.release();
    let mut held = won.clone();
    assert!(held.hand_over());
    let mut lost = held.clone();
    lost.advance(TTL);
    let mut extending = held.clone();
    extending.extend(TTL);
    let mut extending_twice = extending.clone();
    let first = extending_twice.expect_extend();
    extending_twice.advance(ms(100));
    extending_twice.extend(TTL);
    let mut releasing = extending.clone();
    let extend = releasing.expect_extend();
    releasing.release();
    [
        ("acquiring", acquiring, vec![set.clone()]),
        ("waiting", waiting, vec![set.clone()]),
        ("finished", finished, vec![set.clone()]),
        ("won", won, vec![set.clone()]),
        ("held", held, vec![set.clone()]),
        ("lost", lost, vec![set.clone()]),
        ("extending", extending, vec![set.clone(), extend.clone()]),
        ("extending twice", extending_twice, vec![set.clone(), first]),
        ("releasing", releasing, vec![set, extend]),
    ]
}

fn every_reply() -> Vec<Reply> {
    let causes = [Cause::NotSent, Cause::Disconnected, Cause::Loading, Cause::Refused];
    let answers = [Reply::Done, Reply::HeldByOther(Hold::UNKNOWN), Reply::Missing, Reply::UnknownScript];
    answers.into_iter().chain(causes.map(unavailable)).collect()
}

#[test]
fn a_lock_is_a_value() {
    fn is_value<T: Clone + Eq + Hash + Debug + Send + Sync + 'static>() {}
    is_value::<Lock>();
    is_value::<Command>();
    is_value::<Event>();
}

#[test]
fn a_clone_goes_on_as_the_original_does() {
    for (_, mut bench, sent) in every_phase(7) {
        let mut twin = bench.clone();
        for both in [&mut bench, &mut twin] {
            both.reply_all(&sent[0], &Reply::Done);
            both.advance(ms(700));
            both.release();
        }
        assert_eq!(bench.lock, twin.lock);
    }
}

#[test]
fn a_lock_is_small() {
    assert!(size_of::<LockMachine>() <= 408, "LockMachine: {} bytes", size_of::<LockMachine>());
    assert!(size_of::<Lock>() <= 568, "Lock: {} bytes", size_of::<Lock>());
    assert!(size_of::<Command>() <= 112, "Command: {} bytes", size_of::<Command>());
    assert!(size_of::<Event>() <= 256, "Event: {} bytes", size_of::<Event>());
}

#[test]
fn nothing_shows_a_byte_of_the_token_or_of_the_seed() {
    let (jitter, secret) = (u64::from_be_bytes([b'T'; 8]).to_string(), ["TTTT", "84, 84", "5454"]);
    let check = |name: &str, shown: &dyn Debug| {
        let text = format!("{shown:?}");
        assert!(!text.contains(&jitter), "{name}: {text}");
        assert!(!secret.iter().any(|secret| text.contains(secret)), "{name}: {text}");
    };
    for (name, mut bench, sent) in every_phase(b'T') {
        check(name, &bench.lock);
        check(name, &sent);
        bench.advance(TTL);
        bench.release();
        while let Some(command) = bench.lock.poll_command() {
            check(name, &command);
            check(name, &command.wire());
            bench.reply_all(&command, &unavailable(Cause::Disconnected));
        }
        while let Some(event) = bench.lock.poll_event() {
            check(name, &event);
        }
    }
}

#[test]
fn nothing_but_releases_is_sent_after_a_release() {
    for (name, mut bench, sent) in every_phase(7) {
        while bench.lock.poll_command().is_some() {}
        bench.release();
        for wait in [0, 60, 600, 9_000, 20_000] {
            bench.advance(ms(wait));
            for (command, reply) in sent.iter().flat_map(|command| every_reply().into_iter().map(move |r| (command, r)))
            {
                bench.reply_all(command, &reply);
            }
            assert!(!bench.hand_over() && bench.try_extend(TTL).is_err());
            while let Some(command) = bench.lock.poll_command() {
                assert!(matches!(command.action, Action::Release { .. }), "{name}: {command:?}");
                bench.reply_all(&command, &unavailable(Cause::Disconnected));
            }
        }
        while bench.lock.poll_event().is_some() {}
        assert!(bench.lock.is_settled(), "{name}");
    }
}

#[test]
fn timers_move_on_and_come_to_an_end() {
    let answers = [
        None,
        Some(unavailable(Cause::Disconnected)),
        Some(Reply::UnknownScript),
        Some(Reply::HeldByOther(Hold::UNKNOWN)),
    ];
    for answer in answers {
        for (name, mut bench, _) in every_phase(7) {
            let mut steps = 0;
            loop {
                while let Some(command) = bench.lock.poll_command() {
                    if let Some(reply) = &answer {
                        bench.reply_all(&command, reply);
                    }
                }
                let Some(at) = bench.lock.poll_timeout() else { break };
                assert!(at > bench.now, "{name}, {answer:?}: {at:?} is over, it is {:?}", bench.now);
                bench.fire();
                steps += 1;
                assert!(steps < 20_000, "{name}, {answer:?}");
            }
            bench.release();
            while bench.lock.poll_timeout().is_some() {
                bench.fire();
            }
            assert!(bench.lock.is_settled(), "{name}, {answer:?}: no timer, and not settled");
        }
    }
}
