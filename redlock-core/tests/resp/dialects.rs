//! How a release is worded for a server that can do without scripts.

use redlock_core::resp::Event;
use redlock_core::{Cause, Dialect, Hold, Reply, Resources, ScriptForm};

use crate::peer::{acquire, commands, connected_to, events, release, written};

#[test]
fn a_release_is_worded_as_the_server_can_do_it_best() {
    let set = acquire("job");
    let token = String::from_utf8_lossy(set.action.token().unwrap().as_bytes()).into_owned();
    for (server, version, dialect, words) in [
        ("valkey", "9.0.0", Dialect::DelIfEq, format!("DELIFEQ job {token}")),
        ("valkey", "9.1.2", Dialect::DelIfEq, format!("DELIFEQ job {token}")),
        ("valkey", "10.0.0", Dialect::DelIfEq, format!("DELIFEQ job {token}")),
        ("redis", "8.4.0", Dialect::DelEx, format!("DELEX job IFEQ {token}")),
        ("redis", "8.4-rc1", Dialect::DelEx, format!("DELEX job IFEQ {token}")),
        ("redis", "9", Dialect::DelEx, format!("DELEX job IFEQ {token}")),
        ("valkey", "8.1.4", Dialect::Scripts, "EVALSHA".to_owned()),
        ("redis", "8.2.1", Dialect::Scripts, "EVALSHA".to_owned()),
        ("redis", "7.0.15", Dialect::Scripts, "EVALSHA".to_owned()),
        ("dragonfly", "9.1.0", Dialect::Scripts, "EVALSHA".to_owned()),
        ("valkey", "soon", Dialect::Scripts, "EVALSHA".to_owned()),
    ] {
        let mut connection = connected_to(server, version);
        assert_eq!(connection.dialect(), dialect, "{server} {version}");
        connection.send(&release(&set, false, ScriptForm::Digest));
        let text = written(&mut connection);
        assert!(commands(&text)[0].starts_with(&words), "{server} {version}: {text}");
    }
}

#[test]
fn what_more_is_to_be_done_or_told_stays_a_script() {
    let (set, both) = (acquire("job"), acquire(Resources::all(["a", "b"])));
    let mut connection = connected_to("valkey", "9.1.2");
    connection.send(&release(&set, true, ScriptForm::Digest));
    connection.send(&release(&set, false, ScriptForm::Source));
    connection.send(&release(&both, false, ScriptForm::Digest));
    let text = written(&mut connection);
    let first: Vec<_> = commands(&text).iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(first, ["EVALSHA", "EVAL", "EVALSHA"]);
}

#[test]
fn each_answer_means_what_it_says() {
    let set = acquire("job");
    for (answer, reply) in [
        (&b":1\r\n"[..], Reply::Done),
        (b":0\r\n", Reply::NotOurs),
        (b"-WRONGTYPE Operation against a key\r\n", Reply::HeldByOther(Hold::UNKNOWN)),
    ] {
        let mut connection = connected_to("valkey", "9.1.2");
        connection.send(&release(&set, false, ScriptForm::Digest));
        connection.handle_bytes(answer);
        assert_eq!(events(&mut connection), [Event::Reply(reply)]);
        assert_eq!(connection.dialect(), Dialect::DelIfEq);
    }
}

#[test]
fn a_command_that_is_not_to_be_had_after_all_is_unlearned() {
    for refusal in [
        &b"-ERR unknown command 'DELEX', with args beginning with: 'job'\r\n"[..],
        b"-NOPERM User app has no permissions to run the 'delex' command\r\n",
    ] {
        let set = acquire("job");
        let mut connection = connected_to("redis", "8.4.0");
        let undo = release(&set, false, ScriptForm::Digest);
        connection.send(&undo);
        connection.handle_bytes(refusal);
        assert_eq!(events(&mut connection), [Event::Reply(Reply::UnknownScript)], "the core sends the text then");
        assert_eq!(connection.dialect(), Dialect::Scripts);
        written(&mut connection);
        connection.send(&undo);
        assert!(written(&mut connection).contains("EVALSHA"));
        connection.handle_bytes(b":0\r\n");
        assert_eq!(events(&mut connection), [Event::Reply(Reply::Missing)]);
    }
}

#[test]
fn a_server_that_has_no_memory_or_no_data_yet_keeps_its_dialect() {
    for (refusal, cause) in [
        (&b"-LOADING Redis is loading the dataset in memory\r\n"[..], Cause::Loading),
        (b"-READONLY You can't write against a read only replica.\r\n", Cause::ReadOnly),
    ] {
        let mut connection = connected_to("valkey", "9.0.0");
        connection.send(&release(&acquire("job"), false, ScriptForm::Digest));
        connection.handle_bytes(refusal);
        let events = events(&mut connection);
        assert!(matches!(&events[..], [Event::Reply(Reply::Unavailable(why))] if why.cause() == cause), "{events:?}");
        assert_eq!(connection.dialect(), Dialect::DelIfEq);
    }
}
