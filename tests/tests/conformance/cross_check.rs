//! A lock of one adapter and client excludes all the others: in one process, and between processes.

use std::fs;
use std::process::{Child, Command};
use std::thread;

use redlock_conformance::{Client, Refusal, Refused};
use redlock_tests::{Servers, wait_until};

use crate::adapter::{Adapter, AsyncStdRedis, BlockingNative, TokioCustom, TokioFred, TokioRedis};
use crate::fixture::TTL;

/// The names by which the program `increment` knows the adapters.
const PROGRAMS: [&str; 6] = ["tokio", "tokio-redis", "tokio-fred", "async-std", "async-std-redis", "blocking"];

/// How often each process increments the number.
const ROUNDS: usize = 10;

/// Tries to lock with a handle on a thread and a runtime of its own, and gives back at once what it got.
fn try_and_release<A: Adapter>(urls: &[String]) -> Result<(), Refused> {
    let mut tried = Ok(());
    let run = || {
        A::run(async {
            let client = A::client(urls);
            tried = lock_and_release(&client).await;
            assert_eq!(client.close().await.unsettled, 0);
        });
    };
    thread::scope(|scope| scope.spawn(run).join().unwrap());
    tried
}

async fn lock_and_release(client: &Client) -> Result<(), Refused> {
    client.try_lock("job", TTL).await?.release().await;
    Ok(())
}

/// While this adapter holds a lock nobody gets it, itself included, and everybody afterwards.
pub(crate) async fn it_excludes_every_adapter_in_one_process<A: Adapter>() {
    let servers = Servers::start(3);
    let urls = servers.urls();
    let others = [
        try_and_release::<TokioRedis>,
        try_and_release::<TokioFred>,
        try_and_release::<TokioCustom>,
        try_and_release::<AsyncStdRedis>,
        try_and_release::<BlockingNative>,
    ];
    let client = A::client(&urls);
    let guard = client.lock("job", TTL * 6).await.unwrap();
    for other in others {
        let refused = other(&urls).unwrap_err();
        assert_eq!(refused.kind, Refusal::Contended, "{refused}");
    }
    guard.release().await;
    assert_eq!(client.close().await.unsettled, 0);
    for other in others {
        other(&urls).unwrap();
    }
    assert!(wait_until(TTL, || servers.iter().all(|server| server.command(&["DBSIZE"]).unwrap() == "0")));
}

/// Processes increment a number in a file under a lock: one with each adapter, and another one with this.
pub(crate) fn its_processes_and_all_others_lose_no_increment(program: &str) {
    let servers = Servers::start(3);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("number");
    fs::write(&file, "0").unwrap();
    let start = |program: &str| -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_increment"));
        command.arg(program).arg(&file).arg(ROUNDS.to_string()).args(servers.urls()).spawn().unwrap()
    };
    let processes: Vec<_> = PROGRAMS.into_iter().chain([program]).map(start).collect();
    let expected = (processes.len() * ROUNDS).to_string();
    for mut process in processes {
        assert!(process.wait().unwrap().success());
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), expected);
}
