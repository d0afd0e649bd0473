use std::fmt;
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use redlock_core::health::Health;
use redlock_core::shell::Acquisition;
use redlock_core::{Config, DetachedLock, Options, Resource, Resources};

use crate::shell::Shell;
use crate::task::{self, Parts};
use crate::{Acquire, Builder, Candidate, CloseReport, Completed, Lease, NoRuntime, Runtime, WorkError};

/// A handle to a set of independent masters, for taking locks. Clones are cheap and share everything.
///
/// Adapters name it with their runtime filled in, `redlock_tokio::Redlock` for instance.
///
/// When the last clone and the last guard are dropped, what is still to be released is released in the background.
/// Call [`close`](Self::close) before the runtime itself is shut down.
pub struct Redlock<R: Runtime> {
    handle: Handle<R>,
    options: Options,
}

impl<R: Runtime> Redlock<R> {
    /// Begins a handle; give it the nodes next.
    #[doc(alias("new", "connect"))]
    pub fn builder() -> Builder<R> {
        Builder::new()
    }

    pub(crate) fn from_parts(shell: Arc<Shell<R>>, parts: Parts<R>, options: Options) -> Self {
        Self { handle: Handle(Arc::new(LastHandle { shell, parts })), options }
    }

    /// Takes the lock of a resource, which is its name, and waits for it if somebody else has it.
    ///
    /// [`Resources::all`] names several that are locked together.
    ///
    /// Those who wait for a resource with the same handle are served in the order in which they came, and only the first
    /// of them asks the nodes. Between handles it is nearly so: each waits in a queue that a node keeps, and is called up by
    /// the release. A first attempt asks at once, though, and may come before those who wait. Other libraries know nothing of
    /// the queue. Where a transport does not hear call-ups, or a user may not use the queue, and for a number of
    /// [`attempts`](Options::attempts), the lock is tried for now and then.
    ///
    /// The lock is good for `ttl` less the drift (1 % and 2 ms unless configured), counted from the moment at which the
    /// first byte was sent. Waiting ends after [`Options::wait`], 30 seconds by default; [`Acquire`] has setters for
    /// this call alone.
    ///
    /// Cancel-safe: dropping the future at any point leaves nothing behind on the nodes.
    ///
    /// # Errors
    ///
    /// Yielded by the future: [`AcquireError::Contended`](crate::AcquireError::Contended),
    /// [`Unavailable`](crate::AcquireError::Unavailable) or [`Expired`](crate::AcquireError::Expired) with what each
    /// node said to the last attempt; [`Request`](crate::AcquireError::Request) when names, TTL or options are out of
    /// bounds; [`NoEntropy`](crate::AcquireError::NoEntropy); [`Closed`](crate::AcquireError::Closed).
    #[doc(alias("acquire", "mutex"))]
    pub fn lock(&self, resources: impl Into<Resources>, ttl: Duration) -> Acquire<R> {
        Acquire::new(self.handle.clone(), Acquisition::new(resources.into(), ttl, self.options))
    }

    redlock_core::redlock_verbs!(Acquire<R>, Candidate<R>);

    /// Takes the lock of a resource if it is free, in one attempt without waiting.
    ///
    /// It does not wait in line either: where the same handle holds the resource, or somebody waits for it there, it fails
    /// at once and no node is asked. A lock that the handle has [adopted](Self::adopt) does not stand in line: there the nodes are
    /// asked, and say who has it.
    ///
    /// An attempt takes one round trip, and never more than the node timeout (5 % of the TTL, 20 to 500 ms, unless
    /// configured; twice that if the lock is fenced). Everything else is as with [`lock`](Self::lock).
    ///
    /// # Errors
    ///
    /// As with [`lock`](Self::lock).
    #[doc(alias = "try_acquire")]
    pub fn try_lock(&self, resources: impl Into<Resources>, ttl: Duration) -> Acquire<R> {
        self.lock(resources, ttl).attempts(1)
    }

    /// Takes the lock of a resource, does the work, and releases the lock: [`lock`](Self::lock) with
    /// [`run`](Acquire::run), which says more.
    ///
    /// # Errors
    ///
    /// - [`WorkError::Acquire`]: the lock was not acquired, and the work was not begun;
    /// - [`WorkError::Lost`]: the lock was lost, and the work was dropped.
    #[doc(alias = "using")]
    pub async fn with_lock<T, W: Future<Output = T>>(
        &self,
        resources: impl Into<Resources>,
        ttl: Duration,
        work: impl FnOnce(Lease<R>) -> W,
    ) -> Result<Completed<T>, WorkError> {
        self.lock(resources, ttl).run(work).await
    }

    /// Takes over a lock that was [detached](crate::LockGuard::detach), in this process or another: it is held when a quorum
    /// confirms that its keys are still there, and lets them live for its TTL from now on.
    ///
    /// Options say how it is kept alive, and how much validity must be left; it is not waited for. A detached lock is to be
    /// adopted once: nodes cannot tell two who adopt the same one apart. One that was not adopted is left as it is.
    ///
    /// # Errors
    ///
    /// Yielded by the future: [`AcquireError::Gone`](crate::AcquireError::Gone) when too few nodes have its keys still,
    /// [`Unavailable`](crate::AcquireError::Unavailable) when nodes that did not answer may have them, so that one may try again;
    /// else as with [`lock`](Self::lock).
    pub fn adopt(&self, detached: &DetachedLock) -> Acquire<R> {
        Acquire::new(self.handle.clone(), Acquisition::adopting(detached, self.options))
    }

    /// Ends all acquisitions that are under way with [`AcquireError::Closed`](crate::AcquireError::Closed), takes no
    /// new ones, and waits until all outstanding releases are settled: every node has answered, or has let its time
    /// pass.
    ///
    /// Guards that are still there keep their locks; they can be extended and released as before. What happens in the
    /// background ends, though: a lock that was kept alive is valid until its [`deadline`](Lease::deadline) and no longer, and
    /// its [`lost`](Lease::lost) completes with [`Loss::Closed`](crate::Loss::Closed), so that its holder can bring the work to
    /// an end in time. To let the work go on to its own end, wait for it before you close. A node that did not
    /// answer is told again when it is back, as long as the runtime runs. With a node timeout of at most 500 ms this
    /// returns in about that time at the latest.
    #[doc(alias = "shutdown")]
    pub async fn close(&self) -> CloseReport {
        self.handle.shell().close();
        poll_fn(|context| match self.handle.attended() {
            Ok(shell) => shell.poll_closed(context),
            Err(why) => {
                self.handle.shell().refuse_waiting(&why);
                Poll::Ready(self.handle.shell().close_report())
            }
        })
        .await
    }

    /// Returns how the nodes and the locks of this handle are, as far as it knows: which nodes are connected and vote, what
    /// is wrong with them, and what has become of locks. Nothing is sent, so it can be asked every second.
    #[must_use]
    pub fn health(&self) -> Health {
        self.handle.shell().health()
    }

    pub(crate) fn handle(&self) -> Handle<R> {
        self.handle.clone()
    }

    redlock_core::redlock_getters!();
}

impl<R: Runtime> Clone for Redlock<R> {
    fn clone(&self) -> Self {
        Self { handle: self.handle.clone(), options: self.options }
    }
}

impl<R: Runtime> fmt::Debug for Redlock<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redlock").field("config", self.config()).field("options", &self.options).finish_non_exhaustive()
    }
}

/// Keeps the shell going: every `Redlock`, acquisition and guard has one.
pub(crate) struct Handle<R: Runtime>(Arc<LastHandle<R>>);

struct LastHandle<R: Runtime> {
    shell: Arc<Shell<R>>,
    /// What the task is started from, again when its runtime has ended.
    parts: Parts<R>,
}

impl<R: Runtime> LastHandle<R> {
    fn start_again(&self) -> Result<(), NoRuntime> {
        task::start(&self.shell, &self.parts, &self.shell.runtime.successor()?)
    }
}

impl<R: Runtime> Handle<R> {
    pub(crate) fn shell(&self) -> &Shell<R> {
        &self.0.shell
    }

    /// The shell with its task: if the runtime has ended that the task ran on, it is started again on the caller's.
    pub(crate) fn attended(&self) -> Result<&Shell<R>, NoRuntime> {
        if !self.shell().has_task() {
            self.0.start_again()?;
        }
        Ok(self.shell())
    }

    /// The shell, with its task if that can be. Without it, commands that wait to be sent are answered: so nobody
    /// waits for what cannot come.
    pub(crate) fn attended_or_refused(&self) -> &Shell<R> {
        if let Err(why) = self.attended() {
            self.shell().refuse_waiting(&why);
        }
        self.shell()
    }
}

impl<R: Runtime> Clone for Handle<R> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<R: Runtime> Drop for LastHandle<R> {
    fn drop(&mut self) {
        self.shell.let_go();
        if !self.shell.has_task() && self.shell.has_unsettled() {
            // Without a runtime the keys end with their TTL.
            let _ = self.start_again();
        }
    }
}
