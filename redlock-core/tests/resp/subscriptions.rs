//! How a waiter subscribes, and what it hears.

use redlock_core::resp::{Connection, Event, Opening, Settings};
use redlock_core::{Cause, Heard, Hearing, Reply, WaiterId};

use crate::peer::{acquire, commands, connected, events, written};

fn waiter() -> WaiterId {
    WaiterId::new([7; 16])
}

fn connected_in_resp2() -> Connection {
    let mut opening = Opening::new(&Settings::new().resp2(true));
    opening.handle_written(opening.unwritten().len());
    opening.handle_bytes(b":1\r\n:1\r\n+loaded\r\n+loaded\r\n_\r\n_\r\n_\r\n_\r\n_\r\n");
    opening.poll().expect("all was answered").expect("nothing was refused")
}

/// What a server says about a channel, behind what opens a push, or an array.
fn says(kind: u8, what: &str, contents: &str) -> Vec<u8> {
    let channel = waiter().channel();
    let text = |text: &str| format!("${}\r\n{text}\r\n", text.len());
    let words = [text(what), text(&channel), contents.to_owned()].concat();
    format!("{}3\r\n{words}", char::from(kind)).into_bytes()
}

fn call_up() -> Event {
    Event::Heard(Heard::CalledUp("job".into()))
}

#[test]
fn in_resp3_it_is_done_among_commands() {
    let mut connection = connected();
    assert_eq!(connection.hearing(), Hearing::Shared);
    connection.send(&acquire("job"));
    connection.subscribe(&waiter());
    connection.send(&acquire("job"));
    let text = written(&mut connection);
    assert_eq!(commands(&text)[1], "SUBSCRIBE redlock:wake:BwcHBwcHBwcHBwcHBwcHBw");
    for bytes in [b"+OK\r\n".to_vec(), says(b'>', "subscribe", ":1\r\n"), says(b'>', "message", "$3\r\njob\r\n")] {
        connection.handle_bytes(&bytes);
    }
    connection.handle_bytes(b"+OK\r\n");
    let done = || Event::Reply(Reply::Done);
    assert_eq!(events(&mut connection), [done(), Event::Heard(Heard::Subscribed), call_up(), done()]);
}

#[test]
fn a_refusal_in_its_place_makes_deaf_and_belongs_to_no_command() {
    for mut connection in [connected(), connected_in_resp2()] {
        connection.subscribe(&waiter());
        connection.handle_bytes(b"-NOPERM this user has no permissions to access the channel\r\n");
        let [Event::Heard(Heard::Deaf(why))] = &events(&mut connection)[..] else { panic!("it was refused") };
        assert_eq!(why.cause(), Cause::NoPermission);
        assert_eq!(connection.owed(), 0);
    }
}

#[test]
fn an_answer_of_another_kind_makes_deaf() {
    let mut connection = connected();
    connection.subscribe(&waiter());
    connection.handle_bytes(b"+OK\r\n");
    let [Event::Heard(Heard::Deaf(why))] = &events(&mut connection)[..] else { panic!("it is no subscription") };
    assert_eq!(why.cause(), Cause::Unexpected);
}

#[test]
fn in_resp2_the_connection_then_carries_nothing_else() {
    let mut connection = connected_in_resp2();
    assert_eq!(connection.hearing(), Hearing::Apart);
    connection.subscribe(&waiter());
    connection.handle_bytes(&says(b'*', "subscribe", ":1\r\n"));
    connection.handle_bytes(&says(b'*', "message", "$3\r\njob\r\n"));
    assert_eq!(events(&mut connection), [Event::Heard(Heard::Subscribed), call_up()]);
}

#[test]
fn an_array_is_an_answer_where_nobody_has_subscribed() {
    let mut connection = connected_in_resp2();
    connection.send(&acquire("job"));
    connection.handle_bytes(&says(b'*', "message", "$3\r\njob\r\n"));
    assert!(matches!(&events(&mut connection)[..], [Event::Reply(Reply::Unavailable(_))]));
}
