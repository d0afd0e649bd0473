//! Wakers of tasks that nobody else knows of: such a task ends, and lets go of its guards, when its waker is dropped.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc;
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Duration;

use redlock_driver::LockGuard;
use tokio::runtime;

use crate::clock::{Clock, settle};
use crate::world::{TTL, World};

/// A task that holds a lock, and is known to its waker alone.
struct Task(#[expect(dead_code, reason = "it is held until the task ends")] LockGuard<Clock>);

impl Wake for Task {
    fn wake(self: Arc<Self>) {}
}

/// Has a future waited for by a task that holds a lock and ends when it is not waited for there any more, and then by another
/// one.
async fn move_between_tasks(world: &World, future: impl Future) {
    let task = Waker::from(Arc::new(Task(world.lock("held by the task").await)));
    let mut future = pin!(future);
    assert!(future.as_mut().poll(&mut Context::from_waker(&task)).is_pending());
    drop(task);
    assert!(world.links[0].has_key("held by the task"));
    assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    settle().await;
    assert!(world.links.iter().all(|link| !link.has_key("held by the task")));
}

/// Runs a test on a thread of its own, which is left alone if it hangs.
fn ends<T: Future>(test: impl FnOnce() -> T + Send + 'static) {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        runtime::Builder::new_current_thread().build().unwrap().block_on(test());
        sender.send(()).unwrap();
    });
    receiver.recv_timeout(Duration::from_secs(10)).expect("it has failed, or it hangs");
}

#[test]
fn an_acquisition_moves_from_a_task_that_ends_by_that() {
    ends(async || {
        let world = World::new().await;
        let _held = world.lock("job").await;
        move_between_tasks(&world, world.redlock.lock("job", TTL)).await;
    });
}

#[test]
fn an_extension_moves_from_a_task_that_ends_by_that() {
    ends(async || {
        let world = World::new().await;
        let mut guard = world.lock("job").await;
        move_between_tasks(&world, guard.extend(TTL)).await;
    });
}

#[test]
fn a_wait_for_the_loss_moves_from_a_task_that_ends_by_that() {
    ends(async || {
        let world = World::new().await;
        let guard = world.lock("job").await;
        move_between_tasks(&world, guard.lost()).await;
    });
}
