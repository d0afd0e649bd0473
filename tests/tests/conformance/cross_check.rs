//! A lock of one adapter and client excludes all the others: in one process, and between processes.

use std::fs;
use std::process::Command;

use futures_util::future::{BoxFuture, FutureExt};
use redlock_driver::AcquireError;
use redlock_tests::{Servers, wait_until};

use crate::adapter::{Adapter, AsyncStdRedis, Redlock, TokioFred, TokioRedis};
use crate::fixture::TTL;

/// Tries to lock, and gives back at once what it got.
async fn try_and_release<A: Adapter>(redlock: &Redlock<A>) -> Result<(), AcquireError> {
    let guard = redlock.try_lock("job", TTL).await?;
    guard.release().await;
    Ok(())
}

/// Takes the lock with `A`, and asserts that nobody gets it before it is given back and everybody afterwards.
async fn assert_excludes<A: Adapter>(servers: &Servers, others: [&dyn Fn() -> BoxFuture<'static, Outcome>; 3]) {
    let redlock = A::redlock(servers.urls());
    let guard = redlock.lock("job", TTL).await.unwrap();
    for other in others {
        let refused = other().await.unwrap_err();
        assert!(matches!(refused, AcquireError::Contended(_)), "{refused}");
    }
    guard.release().await;
    assert_eq!(redlock.close().await.unsettled, 0);
    for other in others {
        other().await.unwrap();
    }
}

type Outcome = Result<(), AcquireError>;

/// What comes of a try with a handle of its own.
fn with<A: Adapter>(servers: &Servers) -> impl Fn() -> BoxFuture<'static, Outcome> + use<A> {
    let urls = servers.urls();
    move || {
        let redlock = A::redlock(urls.clone());
        async move {
            let outcome = try_and_release::<A>(&redlock).await;
            redlock.close().await;
            outcome
        }
        .boxed()
    }
}

#[test]
fn every_adapter_excludes_every_other_in_one_process() {
    let servers = Servers::start(3);
    TokioRedis::run(async {
        let (tokio_redis, tokio_fred) = (with::<TokioRedis>(&servers), with::<TokioFred>(&servers));
        let async_std_redis = with::<AsyncStdRedis>(&servers);
        let all: [&dyn Fn() -> BoxFuture<'static, Outcome>; 3] = [&tokio_redis, &tokio_fred, &async_std_redis];
        assert_excludes::<TokioRedis>(&servers, all).await;
        assert_excludes::<TokioFred>(&servers, all).await;
        assert_excludes::<AsyncStdRedis>(&servers, all).await;
    });
    assert!(wait_until(TTL, || servers.iter().all(|server| server.command(&["DBSIZE"]).unwrap() == "0")));
}

#[test]
fn processes_lose_no_increment() {
    let servers = Servers::start(3);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("number");
    fs::write(&file, "0").unwrap();
    let start = |_| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_increment"));
        command.arg(&file).arg("25").args(servers.urls()).spawn().unwrap()
    };
    let processes: Vec<_> = (0..4).map(start).collect();
    for mut process in processes {
        assert!(process.wait().unwrap().success());
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "100");
}
