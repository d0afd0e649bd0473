//! Scripts go by their digest, and by their text to a node that does not know them.

use redlock_core::{Answer, Command, ExtendError, Options, ReleaseVerdict, Reply, ScriptForm};

use crate::harness::{Bench, Cluster, SIZES, TTL, config, letters, ms, nodes};

/// The first two words of a command.
fn begins_with(command: &Command) -> (String, usize) {
    let wire = command.wire();
    let words: Vec<_> = wire.words().take(2).collect();
    (String::from_utf8_lossy(words[0]).into_owned(), words[1].len())
}

#[test]
fn a_script_is_named_by_its_digest_at_first() {
    let (_, extend) = Bench::extending(3);
    let (_, release) = Bench::releasing(3);
    for command in [extend, release] {
        assert_eq!(command.form, ScriptForm::Digest);
        assert_eq!(begins_with(&command), ("EVALSHA".to_owned(), 40));
    }
}

#[test]
fn a_node_that_does_not_know_the_extension_is_sent_its_text() {
    for size in SIZES {
        let (mut bench, extend) = Bench::extending(size);
        bench.reply_from(0, &extend, Reply::UnknownScript);
        let source = bench.expect_extend();
        assert_eq!((source.form, source.nodes), (ScriptForm::Source, nodes([0])));
        assert_eq!((source.action.token(), source.send_by), (extend.action.token(), extend.send_by));
        assert_eq!(begins_with(&source).0, "EVAL");
        bench.expect_nothing();
        for index in 1..bench.config.quorum() {
            bench.reply_from(index, &extend, Reply::Done);
        }
        bench.expect_nothing();
        bench.reply_from(0, &source, Reply::Done);
        bench.expect_extended();
    }
}

#[test]
fn a_node_that_does_not_know_the_release_is_sent_its_text() {
    for size in SIZES {
        let (mut bench, release) = Bench::releasing(size);
        bench.reply_from(0, &release, Reply::UnknownScript);
        let source = bench.expect_release();
        assert_eq!((source.form, source.nodes), (ScriptForm::Source, nodes([0])));
        assert_eq!(begins_with(&source).0, "EVAL");
        bench.expect_nothing();
        for index in 1..size {
            bench.reply_from(index, &release, Reply::Done);
        }
        assert!(!bench.lock.is_settled());
        bench.reply_from(0, &source, Reply::Done);
        assert_eq!(bench.expect_released().verdict, ReleaseVerdict::Released);
        assert!(bench.lock.is_settled());
    }
}

#[test]
fn a_reply_to_the_digest_is_no_vote_once_the_text_was_sent() {
    let (mut bench, extend) = Bench::extending(3);
    bench.reply(&extend, "?..");
    bench.expect_extend();
    bench.reply(&extend, "++.");
    bench.reply(&extend, "?..");
    bench.expect_nothing();
}

#[test]
fn the_text_is_sent_once() {
    let (mut bench, extend) = Bench::extending(3);
    bench.reply(&extend, "?+.");
    let source = bench.expect_extend();
    bench.reply(&source, "?..");
    bench.expect_nothing();
    bench.reply(&extend, "..x");
    let ExtendError::Unconfirmed(nodes) = bench.expect_extend_failed() else { panic!("not lost") };
    assert_eq!(letters(&nodes), "!+x");
}

#[test]
fn a_node_that_knows_neither_digest_nor_text_has_not_released() {
    let (mut bench, release) = Bench::releasing(3);
    bench.reply(&release, "?++");
    bench.expect_released();
    let source = bench.expect_release();
    bench.reply(&source, "?..");
    bench.expect_nothing();
    assert!(!bench.lock.is_settled());
    assert_eq!(bench.timer(), ms(50), "it is told again like any node that failed");
    bench.fire();
    assert_eq!(bench.expect_release().form, ScriptForm::Digest);
}

#[test]
fn a_node_that_forgot_the_script_between_two_tries_is_sent_it_again() {
    let (mut bench, release) = Bench::releasing(3);
    bench.reply(&release, "?++");
    let source = bench.expect_release();
    bench.reply(&source, "x..");
    bench.fire();
    let again = bench.expect_release();
    assert_eq!(again.form, ScriptForm::Digest);
    bench.reply(&again, "?..");
    let source = bench.expect_release();
    assert_eq!(source.form, ScriptForm::Source);
    bench.reply(&source, "+..");
    assert!(bench.lock.is_settled());
}

#[test]
fn an_extension_that_is_decided_still_reaches_a_node_without_the_script() {
    let (mut bench, extend) = Bench::extending(3);
    bench.reply(&extend, "++?");
    bench.expect_extended();
    let source = bench.expect_extend();
    assert_eq!(source.nodes, nodes([2]));
    bench.reply(&source, "..0");
    assert_eq!(bench.expect_acquire().nodes, nodes([2]), "and is healed");
}

#[test]
fn the_release_of_a_failed_attempt_is_sent_as_text_where_needed() {
    let mut bench = Bench::acquire(3);
    let set = bench.expect_acquire();
    bench.reply(&set, "+--");
    let undo = bench.expect_release();
    bench.reply(&undo, "?..");
    let source = bench.expect_release();
    assert_eq!((source.form, source.nodes), (ScriptForm::Source, nodes([0])));
    assert_eq!(source.action.token(), set.action.token());
}

#[test]
fn nodes_that_have_seen_no_script_extend_and_release() {
    for size in SIZES {
        let mut cluster = Cluster::new(size);
        let mut bench = Bench::acquire(size);
        cluster.serve(&mut bench);
        bench.expect_acquired();
        assert!(bench.hand_over());
        bench.extend(TTL);
        cluster.serve(&mut bench);
        bench.expect_extended();
        for node in &mut cluster.nodes {
            node.forget_scripts();
        }
        bench.release();
        cluster.serve(&mut bench);
        assert_eq!(bench.expect_released().verdict, ReleaseVerdict::Released);
        assert!(bench.lock.is_settled());
    }
}

#[test]
fn a_node_knows_the_scripts_whose_text_it_was_sent_and_no_other() {
    let mut cluster = Cluster::new(1);
    let (mut bench, extend) = Bench::extending(1);
    assert_eq!(cluster.nodes[0].execute(&extend, bench.now), Reply::UnknownScript);
    bench.reply(&extend, "?");
    let source = bench.expect_extend();
    assert_ne!(cluster.nodes[0].execute(&source, bench.now), Reply::UnknownScript);
    assert_ne!(cluster.nodes[0].execute(&extend, bench.now), Reply::UnknownScript);
    bench.release();
    let release = bench.expect_release();
    assert_eq!(cluster.nodes[0].execute(&release, bench.now), Reply::UnknownScript);
}

#[test]
fn what_a_server_says_of_an_unknown_command_is_kept_without_its_arguments() {
    let mut bench = Bench::start(config(1), TTL, Options::new(), b'T');
    let set = bench.expect_acquire();
    let text = "ERR unknown command 'SET', with args beginning with: 'invoice:7' 'TTTTTTTTTTTTTTTT' 'NX' ";
    let reply = Reply::from_wire(&set, Answer::Error(text));
    let shown = format!("{reply:?}");
    assert!(shown.contains("ERR unknown command 'SET'") && !shown.contains("TTTT"), "{shown}");
}
