//! The words of each action.

use alloc::format;
use alloc::string::ToString;

use sha1::{Digest as _, Sha1};

use super::*;
use crate::Owner;
use crate::wire::scripts::{ACQUIRE, ACQUIRE_FENCED, ACQUIRE_IN_TURN, EXTEND, INSPECT, LEAVE, RAISE, RELEASE};
use crate::wire::{CALL_UP_CHANNEL_PREFIX, Decimal, Dialect};

#[test]
fn digests_are_those_of_the_texts() {
    for script in [ACQUIRE, ACQUIRE_FENCED, ACQUIRE_IN_TURN, EXTEND, INSPECT, LEAVE, RAISE, RELEASE] {
        let digest = Sha1::digest(script.source);
        assert_eq!(format!("{digest:x}"), script.digest, "{}", script.source);
    }
}

#[test]
fn each_action_has_its_words() {
    let token = "x8fHx8fHx8fHx8fHx8fHxwxxxxxw";
    let (digest, source) = (ScriptForm::Digest, ScriptForm::Source);
    assert_eq!(line(Kind::Acquire, digest), format!("SET job {token} NX PX 1501"));
    assert_eq!(line(Kind::Extend, digest), format!("EVALSHA {} 1 job {token} 1501", EXTEND.digest));
    assert_eq!(line(Kind::Extend, source), format!("EVAL {} 1 job {token} 1501", EXTEND.source));
    assert_eq!(line(Kind::Release, digest), format!("EVALSHA {} 1 job {token} 25", RELEASE.digest));
    assert_eq!(line(Kind::Release, source), format!("EVAL {} 1 job {token} 25", RELEASE.source));
    assert_eq!(line(Kind::Delete, digest), format!("EVALSHA {} 1 job {token}", RELEASE.digest));
    assert_eq!(line(Kind::Keep, digest), format!("EVALSHA {} 1 job {token} 0 1501", RELEASE.digest));
    let (waiter, in_turn) = ("BwcHBwcHBwcHBwcHBwcHBw", ACQUIRE_IN_TURN.digest);
    assert_eq!(line(Kind::InTurn, digest), format!("EVALSHA {in_turn} 1 job {token} 1501 {waiter} 25"));
    assert_eq!(line(Kind::Leave, digest), format!("EVALSHA {} 1 job {waiter} 25", LEAVE.digest));
    let week = 7 * 24 * 60 * 60 * 1_000;
    let in_turn = format!("EVALSHA {in_turn} 1 job {token} 1501 {waiter} 25 {week} 5000");
    assert_eq!(line(Kind::InTurnFenced, digest), in_turn);
    let fenced = ACQUIRE_FENCED.digest;
    assert_eq!(line(Kind::Fenced, digest), format!("EVALSHA {fenced} 1 job {token} 1501 {week} 5000"));
    assert_eq!(line(Kind::Raise, source), format!("EVAL {} 1 job {token} {week} 0 33", RAISE.source));
    assert_eq!(line(Kind::Inspect, digest), format!("EVALSHA {} 1 job", INSPECT.digest));
    assert_eq!(line(Kind::Inspect, source), format!("EVAL {} 1 job", INSPECT.source));
    let subscription = WaiterId::from_seed(&[7; 32]).subscription();
    assert_eq!(subscription.join(" "), format!("SUBSCRIBE redlock:wake:{waiter}"));
}

#[test]
fn the_words_of_the_usual_commands_need_no_memory_of_their_own() {
    for kind in [Kind::Acquire, Kind::Fenced, Kind::InTurn, Kind::Raise, Kind::Extend, Kind::Release, Kind::Delete] {
        let command = command(kind, ScriptForm::Digest);
        assert!(!command.wire().words.spilled(), "{command:?}");
    }
}

#[test]
fn a_label_is_behind_all_else_of_a_script() {
    let owner = Owner::new("host 7").unwrap();
    for kind in
        [Kind::Acquire, Kind::Replant, Kind::InTurnFenced, Kind::Extend, Kind::Release, Kind::Delete, Kind::Keep]
    {
        let command = command(kind, ScriptForm::Digest);
        let labelled = command.with_action(command.action.clone().owned_by(owner.clone()), command.form);
        let words = line_of(&labelled);
        let (script, label) = words.split_at(words.len() - " OWNER host 7".len());
        assert!(label == " OWNER host 7" && script.starts_with("EVALSHA"), "{words}");
        assert_eq!(labelled.wire_in(Dialect::DelIfEq).words().next(), Some(&b"EVALSHA"[..]), "{words}");
    }
    for kind in [Kind::Raise, Kind::Leave, Kind::Inspect] {
        let command = command(kind, ScriptForm::Digest);
        assert_eq!(command.action.clone().owned_by(owner.clone()), command.action);
    }
}

#[test]
fn several_names_are_the_keys_of_one_script() {
    let token = "x8fHx8fHx8fHx8fHx8fHxwxxxxxw";
    let both = || Resources::all(["to", "from"]);
    let line = |kind, form| line_of(&command_for(both(), kind, form));
    let (digest, source) = (ScriptForm::Digest, ScriptForm::Source);
    assert_eq!(line(Kind::Acquire, digest), format!("EVALSHA {} 2 from to {token} 1501", ACQUIRE.digest));
    assert_eq!(line(Kind::Acquire, source), format!("EVAL {} 2 from to {token} 1501", ACQUIRE.source));
    assert_eq!(line(Kind::Extend, digest), format!("EVALSHA {} 2 from to {token} 1501", EXTEND.digest));
    assert_eq!(line(Kind::Release, digest), format!("EVALSHA {} 2 from to {token} 25", RELEASE.digest));
    let replant = format!("EVALSHA {} 2 from to {token} 1501 604800000 0 33 7", ACQUIRE.digest);
    assert_eq!(line(Kind::Replant, digest), replant);
    let in_turn = format!("EVALSHA {} 2 from to {token} 1501 BwcHBwcHBwcHBwcHBwcHBw 25 2", ACQUIRE_IN_TURN.digest);
    assert_eq!(line(Kind::InTurn, digest), format!("{in_turn} 0"), "the second one is waited for");
    assert_eq!(line(Kind::InTurnFenced, digest), format!("{in_turn} 0 604800000 5000"));
    let mut keeping = command_for(both(), Kind::InTurn, digest);
    keeping.action = keeping.action.keeping_turn(Grace::from_millis(300));
    assert_eq!(line_of(&keeping), format!("{in_turn} 300"), "it would keep the turn to take it");
}

#[test]
fn waiters_are_called_up_on_their_channels() {
    let channel = format!("'PUBLISH', '{CALL_UP_CHANNEL_PREFIX}' .. first");
    assert!([RELEASE, ACQUIRE_IN_TURN, LEAVE].iter().all(|script| script.source.contains(&channel)));
}

#[test]
fn numbers_are_written_in_decimal_digits() {
    for number in [0, 1, 10, 1_501, 86_400_000, u64::MAX] {
        assert_eq!(Decimal::new(number).as_bytes(), number.to_string().as_bytes());
    }
}

#[test]
fn debug_shows_no_token() {
    let text = format!("{:?}", command(Kind::Release, ScriptForm::Digest).wire());
    assert!(!text.contains('x') && !text.contains("120"), "{text}"); // 120 is an x
}
