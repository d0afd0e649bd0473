use std::fmt;
use std::sync::Arc;

use redlock_driver::transport::Transport;

use crate::bench::Bench;
use crate::lock::{self, LockCase};
use crate::transport::{asynchronous, blocking};
use crate::{AsyncNode, BlockingNode, Need, async_node, blocking_node};

/// The topic of the cases that need a transport and no lock.
const TRANSPORT: &str = "transport";
/// Why they are not run before there is one.
const NO_TRANSPORT: &str = "the suite was not given the transport itself";

/// The cases for one kind of node with one way to it. Hand it to [`main`](crate::main) or [`check`](crate::check).
#[must_use = "cases are run by `main` or `check`"]
pub struct Suite {
    pub(crate) name: String,
    pub(crate) cases: Vec<Case>,
}

pub(crate) struct Case {
    pub(crate) topic: String,
    pub(crate) name: String,
    pub(crate) body: Body,
}

#[derive(Clone)]
pub(crate) enum Body {
    /// It panics if something is not as it must be.
    Run(Arc<dyn Fn() + Send + Sync>),
    NotRun(String),
}

impl Suite {
    /// A suite without cases, for [`case`](Self::case)s of your own. The name heads its column in the table.
    pub fn empty(name: impl Into<String>) -> Self {
        Self { name: name.into(), cases: Vec::new() }
    }

    /// All cases for nodes that are reached by an async transport.
    ///
    /// Those about the transport itself are run if it is handed in by [`async_transport`](Self::async_transport).
    pub fn of_async<N: AsyncNode>(name: impl Into<String>) -> Self {
        let run = |case: &'static LockCase| move || async_node::run::<N, _>(case.run);
        Self::empty(name).transport_not_run(asynchronous::NAMES).lock_cases(N::cannot, run)
    }

    /// All cases for nodes that are reached by a blocking transport.
    ///
    /// Those about the transport itself are run if it is handed in by [`blocking_transport`](Self::blocking_transport).
    pub fn of_blocking<N: BlockingNode>(name: impl Into<String>) -> Self {
        let run = |case: &'static LockCase| move || blocking_node::run::<N, _>(case.run);
        let cannot = |need| N::cannot(need).or(blocking_node::cannot(need));
        Self::empty(name).transport_not_run(blocking::NAMES).lock_cases(cannot, run)
    }

    /// Holds a transport against what [`Transport`] and [`Connection`](redlock_driver::transport::Connection) ask of it. The
    /// function makes one to a node.
    pub fn async_transport<N: AsyncNode, T: Transport>(mut self, transport: fn(&N) -> T) -> Self {
        for case in asynchronous::cases::<T>() {
            let run = move |bench: Bench| {
                let node = Arc::new(N::start());
                let transport = transport(&node);
                (case.run)(asynchronous::Line { node, transport, scheduler: bench.scheduler })
            };
            self.set(case.name, N::cannot, case.needs, move || async_node::run::<N, _>(run));
        }
        self
    }

    /// Holds a transport against what [`Transport`](redlock_blocking::transport::Transport) and
    /// [`Connection`](redlock_blocking::transport::Connection) of `redlock-blocking` ask of it. The function makes one to a node.
    pub fn blocking_transport<N, T>(mut self, transport: fn(&N) -> T) -> Self
    where
        N: BlockingNode,
        T: redlock_blocking::transport::Transport,
    {
        for case in blocking::cases::<T>() {
            let run = move || {
                let node = Arc::new(N::start());
                let transport = transport(&node);
                (case.run)(blocking::Line { node, transport });
            };
            self.set(case.name, N::cannot, case.needs, run);
        }
        self
    }

    /// Adds a case of your own. It panics if something is not as it must be.
    pub fn case(
        mut self,
        topic: impl Into<String>,
        name: impl Into<String>,
        run: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        self.cases.push(Case { topic: topic.into(), name: name.into(), body: Body::Run(Arc::new(run)) });
        self
    }

    /// Adds a case that is not run here, and says why.
    pub fn not_run(mut self, topic: impl Into<String>, name: impl Into<String>, reason: impl Into<String>) -> Self {
        self.cases.push(Case { topic: topic.into(), name: name.into(), body: Body::NotRun(reason.into()) });
        self
    }

    fn transport_not_run(self, names: &[&str]) -> Self {
        names.iter().fold(self, |suite, &name| suite.not_run(TRANSPORT, name, NO_TRANSPORT))
    }

    fn lock_cases<F: Fn() + Send + Sync + 'static>(
        self,
        cannot: impl Fn(Need) -> Option<&'static str>,
        run: impl Fn(&'static LockCase) -> F,
    ) -> Self {
        lock::CASES.iter().fold(self, |suite, case| match case.needs.iter().find_map(|&need| cannot(need)) {
            Some(reason) => suite.not_run(case.topic, case.name, reason),
            None => suite.case(case.topic, case.name, run(case)),
        })
    }

    /// Gives a case about the transport its body, and adds it if it is not there.
    fn set(
        &mut self,
        name: &str,
        cannot: fn(Need) -> Option<&'static str>,
        needs: &[Need],
        run: impl Fn() + Send + Sync + 'static,
    ) {
        let body = match needs.iter().find_map(|&need| cannot(need)) {
            Some(reason) => Body::NotRun(reason.into()),
            None => Body::Run(Arc::new(run)),
        };
        let mut cases = self.cases.iter_mut();
        match cases.find(|case| case.topic == TRANSPORT && case.name == name) {
            Some(case) => case.body = body,
            None => self.cases.push(Case { topic: TRANSPORT.into(), name: name.into(), body }),
        }
    }
}

impl fmt::Debug for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suite").field("name", &self.name).field("cases", &self.cases.len()).finish()
    }
}
