use std::future::poll_fn;

use redlock_core::{InspectionKey, LockStatus, RequestError, Resource};

use crate::redlock::Handle;
use crate::{Redlock, Runtime};

impl<R: Runtime> Redlock<R> {
    /// Asks all nodes how the lock of a resource stands: free, held by this handle or another and for how long, and how many
    /// wait for it. Nothing is acquired, and nothing is changed on any node.
    ///
    /// The result is a snapshot, for people, logs and metrics: whether the lock can be had only [`lock`](Self::lock) can
    /// tell. This takes one round trip to the slowest node, and never more than the longest node timeout (500 ms unless
    /// configured); a node that is down or does not answer is part of the result, and no error. It works after
    /// [`close`](Self::close), too.
    ///
    /// A user of an ACL needs no more rights than locks do; without `ZCARD` on the keys `redlock:*`, the number of those who
    /// wait is not known, and without `GET` on them no label of a holder is.
    ///
    /// Cancel-safe.
    ///
    /// ```
    /// # use redlock_driver::memory::MemoryNode;
    /// # use redlock_driver::{Redlock, Runtime, Instant};
    /// # use std::{future::Future, time::Duration};
    /// # #[derive(Clone)]
    /// # struct Tokio;
    /// # impl Runtime for Tokio {
    /// #     fn sleep_until(&self, deadline: Instant) -> impl Future<Output = ()> + Send + 'static {
    /// #         tokio::time::sleep(deadline.saturating_since(self.now()))
    /// #     }
    /// #     fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
    /// #         tokio::spawn(task);
    /// #     }
    /// # }
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let nodes = ["one", "two", "three"].map(MemoryNode::new);
    /// # let redlock = Redlock::builder().nodes(nodes).build_on(Tokio)?;
    /// let guard = redlock.lock("invoice:7", Duration::from_secs(10)).await?;
    /// let status = redlock.status("invoice:7").await?;
    /// assert!(status.is_held());
    /// println!("{status}"); // held by this handle on 3 of 3 nodes for another 9.9 s
    /// println!("{}", status.by_node());
    /// # assert!(status.to_string().starts_with("held by this handle on"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`RequestError::EmptyName`] or [`RequestError::NameTooLong`] for a name that is no key: nothing was sent.
    pub async fn status(&self, name: impl Into<Resource>) -> Result<LockStatus, RequestError> {
        let handle = self.handle();
        let key = handle.shell().begin_inspection(name.into())?;
        let inspecting = Inspecting { handle, key };
        Ok(poll_fn(|context| inspecting.handle.attended_or_refused().poll_inspection(key, context)).await)
    }
}

/// An inspection that somebody waits for.
struct Inspecting<R: Runtime> {
    handle: Handle<R>,
    key: InspectionKey,
}

impl<R: Runtime> Drop for Inspecting<R> {
    fn drop(&mut self) {
        self.handle.shell().forget_inspection(self.key);
    }
}
