//! The fences of a real server, beside what a random script comes upon.

use std::time::{Duration, SystemTime};

use redlock_core::{Config, Event, Instant, Lock, Options, Request};
use redlock_tests::Server;

use crate::answer::read;
use crate::script::NEXT_LOOK;

/// Acquires a free lock as [`acquire_fenced`] does.
fn fence_of(server: &Server, config: &Config, proposal: u64) -> u64 {
    acquire_fenced(server, config, proposal).unwrap()
}

/// Acquires a free lock from a server when the client's wall clock says so many microseconds since 1970; `None` if the server
/// refuses.
fn acquire_fenced(server: &Server, config: &Config, proposal: u64) -> Option<u64> {
    acquire_reworded(server, config, proposal, <[u8]>::to_vec)
}

/// Does the same with words that are changed before they are sent.
fn acquire_reworded(server: &Server, config: &Config, proposal: u64, reword: impl Fn(&[u8]) -> Vec<u8>) -> Option<u64> {
    let options = Options::new().attempts(1).fenced(true);
    let request = Request::new(config, "job", Duration::from_secs(10), options).unwrap();
    let request = request.at_wall_clock(Duration::from_micros(proposal));
    let mut lock = Lock::acquire(config, request, [7; 32], Instant::EPOCH);
    while let Some(command) = lock.poll_command() {
        let wire = command.wire();
        let words: Vec<Vec<u8>> = wire.words().map(&reword).collect();
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        let (reply, only) = (read(&command, server.command(&words)), command.nodes.iter().next().unwrap());
        lock.handle_reply(command.id, only, reply, Instant::EPOCH);
    }
    let is_acquired = matches!(lock.poll_event(), Some(Event::Acquired { .. })) && lock.hand_over(Instant::EPOCH);
    server.command(&["DEL", "job"]).unwrap();
    is_acquired.then(|| lock.fences().unwrap().as_slice()[0].get())
}

#[test]
fn a_real_server_believes_a_client_from_the_future_for_a_day_at_most() {
    let (server, config) = (Server::start(), Config::builder(["only"]).build().unwrap());
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let fence_of = |proposal| fence_of(&server, &config, proposal);
    let (second, a_year) = (1_000_000, 365 * 86_400);
    let latest = || now() + 86_400 - 1_000;
    let (from, far) = (latest(), (now() + a_year) * second);
    let (first, next) = (fence_of(far), fence_of(far));
    assert!((from * second..=latest() * second).contains(&first), "{first}");
    assert!((first + 1..=latest() * second + 1).contains(&next), "{next}");
    let last_before_the_next_look = next - next % NEXT_LOOK + NEXT_LOOK - 1;
    assert_eq!(fence_of(last_before_the_next_look), last_before_the_next_look);
    assert_eq!(fence_of(last_before_the_next_look + 9), last_before_the_next_look + 1);
    assert_eq!(fence_of(far), last_before_the_next_look + 2);
}

#[test]
fn a_user_who_may_not_ask_for_the_time_gets_no_fence_and_changes_no_counter() {
    let (server, config) = (Server::start(), Config::builder(["only"]).build().unwrap());
    let before = fence_of(&server, &config, NEXT_LOOK);
    server.command(&["ACL", "SETUSER", "default", "-time"]).unwrap();
    for _ in 0..2 {
        assert_eq!(acquire_fenced(&server, &config, 7 * NEXT_LOOK), None);
        assert_eq!(server.command(&["GET", "redlock:fence:{job}"]).unwrap(), before.to_string());
    }
    server.command(&["DEL", "redlock:fence:{job}"]).unwrap();
    assert_eq!(acquire_fenced(&server, &config, NEXT_LOOK), None);
    assert_eq!(server.command(&["EXISTS", "redlock:fence:{job}"]).unwrap(), "0");
}

#[test]
fn a_real_server_compares_numbers_of_any_length() {
    let (server, config) = (Server::start(), Config::builder(["only"]).build().unwrap());
    let proposals = [33, 5, 100, 99, 1_000, NEXT_LOOK - 1, NEXT_LOOK, 7, 9 * NEXT_LOOK, 10 * NEXT_LOOK, 8 * NEXT_LOOK];
    let mut counter = 0;
    for proposal in proposals {
        counter = proposal.max(counter + 1);
        assert_eq!(fence_of(&server, &config, proposal), counter, "{proposal}");
    }
}

/// Gives a script an option of `SET` that the server does not know, as one before Redis 6.2 does not know `GET`.
fn before_6_2(word: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(word.to_vec()).unwrap();
    let reworded = text.replace("'PX', retention, 'GET')", "'PX', retention, 'UNKNOWN')");
    assert!(reworded != text || !text.contains("fence"), "{text}");
    reworded.into_bytes()
}

#[test]
fn a_server_that_has_no_get_in_a_set_counts_on_as_others_do() {
    let (server, config) = (Server::start(), Config::builder(["only"]).build().unwrap());
    let mut counter = 0;
    for proposal in [33, 5, 100, 99, NEXT_LOOK, NEXT_LOOK + 7, NEXT_LOOK + 7, 7, 9 * NEXT_LOOK] {
        counter = proposal.max(counter + 1);
        assert_eq!(acquire_reworded(&server, &config, proposal, before_6_2), Some(counter), "{proposal}");
        assert_eq!(server.command(&["GET", "redlock:fence:{job}"]).unwrap(), counter.to_string());
    }
    server.command(&["ACL", "SETUSER", "default", "-time"]).unwrap();
    assert_eq!(acquire_reworded(&server, &config, 10 * NEXT_LOOK, before_6_2), None);
    assert_eq!(server.command(&["GET", "redlock:fence:{job}"]).unwrap(), counter.to_string());
}
