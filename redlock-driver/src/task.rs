//! The one task of a handle, and how it is started again.

mod join_all;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use self::join_all::{JoinAll, Work};
use crate::node_driver::NodeDriver;
use crate::shell::Shell;
use crate::transport::Transport;
use crate::{NoRuntime, Runtime, timer};

/// Makes the work for one node, over a transport that it keeps for the next time.
pub(crate) type StartNode<R> = Box<dyn Fn(NodeDriver<R>) -> Work + Send + Sync>;

/// What the task of a handle is made of, as often as it has to be started.
pub(crate) struct Parts<R> {
    pub(crate) nodes: Vec<StartNode<R>>,
    pub(crate) connect_timeout: Duration,
}

/// Runs the drivers and the timer until the shell is over.
///
/// They are one task because they wake each other and the callers all the time: inside one task that costs no change of
/// thread, and a call that sends to all nodes starts the task once. Only the part that was woken is polled.
///
/// Its runtime may end before the handle does, which drops it. The fields are dropped in their order: the drivers say
/// what has become of their commands and give the transports back, and then the shell learns that it needs a new task.
struct Task<R: Runtime> {
    works: JoinAll,
    /// Stays set when a part panics: on a runtime without a timer, for instance.
    is_polled: bool,
    end: End<R>,
}

struct End<R: Runtime>(Arc<Shell<R>>);

/// Starts the task of the shell on `runtime`.
///
/// # Errors
///
/// [`NoRuntime`] when the runtime has dropped the task at once, because it has ended, or when the task has panicked before.
pub(crate) fn start<R: Runtime>(shell: &Arc<Shell<R>>, parts: &Parts<R>, runtime: &R) -> Result<(), NoRuntime> {
    if !shell.may_start_task() {
        return Err(NoRuntime::ENDED);
    }
    if !shell.begin_task() {
        return Ok(());
    }
    let connect_timeout = parts.connect_timeout;
    let driver = |node| NodeDriver { shell: shell.clone(), runtime: runtime.clone(), node, connect_timeout };
    let drivers = shell.config.nodes().iter().zip(&parts.nodes).map(|(id, start)| start(driver(id)));
    let timer: Work = Box::pin(timer::run(shell.clone(), runtime.clone()));
    let works = JoinAll::new(drivers.chain([timer]));
    runtime.spawn(Task { works, is_polled: false, end: End(shell.clone()) });
    if shell.has_task() { Ok(()) } else { Err(NoRuntime::ENDED) }
}

/// Makes the work for a node that is reached by `transport`.
pub(crate) fn start_node<R: Runtime>(transport: impl Transport) -> StartNode<R> {
    let shelf = Arc::new(Mutex::new(Some(transport)));
    Box::new(move |driver| {
        let mut lent = Lent::from(&shelf);
        Box::pin(async move {
            if let Some(transport) = &mut lent.transport {
                driver.run(transport).await;
            }
        })
    })
}

/// A transport in use by the task; it is put back when the task is dropped.
struct Lent<T> {
    transport: Option<T>,
    shelf: Arc<Mutex<Option<T>>>,
}

impl<T> Lent<T> {
    fn from(shelf: &Arc<Mutex<Option<T>>>) -> Self {
        let transport = shelf.lock().unwrap_or_else(PoisonError::into_inner).take();
        Self { transport, shelf: shelf.clone() }
    }
}

impl<T> Drop for Lent<T> {
    fn drop(&mut self) {
        *self.shelf.lock().unwrap_or_else(PoisonError::into_inner) = self.transport.take();
    }
}

impl<R: Runtime> Future for Task<R> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.is_polled = true;
        let poll = Pin::new(&mut self.works).poll(context);
        self.is_polled = false;
        poll
    }
}

impl<R: Runtime> Drop for Task<R> {
    fn drop(&mut self) {
        if self.is_polled {
            self.end.0.give_up_task();
        }
    }
}

impl<R: Runtime> Drop for End<R> {
    fn drop(&mut self) {
        self.0.end_task();
    }
}
