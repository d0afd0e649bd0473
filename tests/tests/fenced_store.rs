//! Redis as a store that refuses the writes of late holders.

#![allow(clippy::unwrap_used, reason = "a test that panics has found something")]

use std::error::Error as _;
use std::io;

use redlock_core::fence::{Fence, REDIS_SET_IF_NOT_STALE};
use redlock_tests::Server;
use redlock_tokio::redis::aio::MultiplexedConnection;
use redlock_tokio::redis::{self, Client, RedisResult};
use redlock_tokio::{FencedStoreError, StaleFence, get_if_not_stale, set_if_not_stale};

// Two that are next to each other where numbers are large, as those of the present are.
const LATE: Fence = Fence::new(Fence::MAX.get() - 1);
const PRESENT: Fence = Fence::MAX;

async fn connect(server: &Server) -> MultiplexedConnection {
    let client = Client::open(server.url()).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

fn stale(error: FencedStoreError) -> StaleFence {
    match error {
        FencedStoreError::Stale(stale) => stale,
        other => panic!("it should be stale: {other}"),
    }
}

#[tokio::test]
async fn the_largest_fence_writes_and_no_smaller_one() {
    let server = Server::start();
    let mut store = connect(&server).await;
    set_if_not_stale(&mut store, "account", 1, LATE).await.unwrap();
    set_if_not_stale(&mut store, "account", 2, LATE).await.expect("a holder may write again");
    set_if_not_stale(&mut store, "account", 3, PRESENT).await.unwrap();
    let refused = stale(set_if_not_stale(&mut store, "account", 4, LATE).await.unwrap_err());
    assert_eq!(refused, StaleFence::new("account", LATE, PRESENT));
    assert_eq!(server.get("account").unwrap().as_deref(), Some(b"3".as_slice()), "a stale write has changed nothing");
    set_if_not_stale(&mut store, "account", 5, PRESENT).await.unwrap();
    assert_eq!(server.get("account").unwrap().as_deref(), Some(b"5".as_slice()));
}

#[tokio::test]
async fn whoever_reads_shuts_out_the_holders_before() {
    let server = Server::start();
    let mut store = connect(&server).await;
    assert_eq!(get_if_not_stale::<Option<u32>>(&mut store, "account", LATE).await.unwrap(), None);
    set_if_not_stale(&mut store, "account", 7, LATE).await.unwrap();
    assert_eq!(get_if_not_stale::<u32>(&mut store, "account", PRESENT).await.unwrap(), 7);
    assert_eq!(stale(set_if_not_stale(&mut store, "account", 8, LATE).await.unwrap_err()).seen, PRESENT);
    assert_eq!(stale(get_if_not_stale::<u32>(&mut store, "account", LATE).await.unwrap_err()).seen, PRESENT);
    assert_eq!(get_if_not_stale::<u32>(&mut store, "account", PRESENT).await.unwrap(), 7);
}

#[tokio::test]
async fn keys_have_fences_of_their_own() {
    let server = Server::start();
    let mut store = connect(&server).await;
    set_if_not_stale(&mut store, "account:7", "seven", PRESENT).await.unwrap();
    set_if_not_stale(&mut store, "account:8", "eight", LATE).await.unwrap();
    assert_eq!(server.get("redlock:seen:{account:8}").unwrap(), Some(LATE.to_string().into_bytes()));
}

#[tokio::test]
async fn a_failure_of_the_server_is_told_from_a_stale_fence() {
    let mut server = Server::builder().arg("--maxmemory", "1").start();
    let mut store = connect(&server).await;
    let full = set_if_not_stale(&mut store, "account", 1, PRESENT).await.unwrap_err();
    assert!(matches!(full, FencedStoreError::Server(_)), "{full}");
    let words = full.to_string();
    assert!(words.starts_with("the store failed: ") && words.contains("maxmemory"), "the reason is there: {words}");
    assert!(full.source().is_none(), "and only once, also for who prints the sources of an error");
    server.kill();
    let gone = set_if_not_stale(&mut store, "account", 1, PRESENT).await.unwrap_err();
    assert!(matches!(gone, FencedStoreError::Server(_)), "{gone}");
}

#[tokio::test]
async fn a_value_of_another_type_is_no_stale_fence() {
    let server = Server::start();
    server.command(&["RPUSH", "account", "1"]).unwrap();
    let mut store = connect(&server).await;
    let wrong = get_if_not_stale::<u32>(&mut store, "account", PRESENT).await.unwrap_err();
    assert!(matches!(wrong, FencedStoreError::Server(_)), "{wrong}");
}

/// Without async it is the same store: each refuses what is late for the other.
#[test]
fn the_blocking_crate_shares_the_store_with_the_others() {
    use redlock_blocking::{FencedStoreError, get_if_not_stale, set_if_not_stale};

    let server = Server::start();
    let mut store = Client::open(server.url()).unwrap().get_connection().unwrap();
    assert_eq!(get_if_not_stale::<Option<u32>>(&mut store, "account", LATE).unwrap(), None);
    set_if_not_stale(&mut store, "account", 1, LATE).unwrap();
    set_if_not_stale(&mut store, "account", 2, LATE).expect("a holder may write again");
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let mut store = connect(&server).await;
        assert_eq!(redlock_tokio::get_if_not_stale::<u32>(&mut store, "account", PRESENT).await.unwrap(), 2);
    });
    let Err(FencedStoreError::Stale(refused)) = set_if_not_stale(&mut store, "account", 3, LATE) else {
        panic!("a later holder has read");
    };
    assert_eq!(refused, StaleFence::new("account", LATE, PRESENT));
    assert!(matches!(get_if_not_stale::<u32>(&mut store, "account", LATE), Err(FencedStoreError::Stale(_))));
    assert_eq!(
        get_if_not_stale::<u32>(&mut store, "account", PRESENT).unwrap(),
        2,
        "a stale write has changed nothing"
    );
    server.command(&["DEL", "account"]).unwrap();
    server.command(&["RPUSH", "account", "1"]).unwrap();
    let wrong = get_if_not_stale::<u32>(&mut store, "account", PRESENT).unwrap_err();
    assert!(matches!(wrong, FencedStoreError::Server(_)), "{wrong}");
}

/// As with any other client.
#[test]
fn the_script_answers_ok_or_an_error_that_nobody_can_overlook() {
    let server = Server::start();
    let write = |fence: Fence| -> io::Result<String> {
        server.command(&["EVAL", REDIS_SET_IF_NOT_STALE, "2", "account", "account:fence", &fence.to_string(), "1"])
    };
    assert_eq!(write(PRESENT).unwrap(), "OK");
    assert_eq!(write(LATE).unwrap_err().to_string(), format!("STALEFENCE {PRESENT}"));
}

/// A pipeline of the `redis` crate shows the error, too.
#[tokio::test]
async fn a_refusal_ends_a_pipeline() {
    let server = Server::start();
    let mut store = connect(&server).await;
    set_if_not_stale(&mut store, "account", 1, PRESENT).await.unwrap();
    let mut pipeline = redis::pipe();
    pipeline.cmd("EVAL").arg(REDIS_SET_IF_NOT_STALE).arg(2).arg("account").arg("redlock:seen:{account}");
    pipeline.arg(LATE.get()).arg(2);
    let refused: RedisResult<()> = pipeline.query_async(&mut store).await;
    assert!(refused.unwrap_err().to_string().contains("STALEFENCE"));
}
