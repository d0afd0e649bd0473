//! Futures that are dropped at any moment.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use crate::process::Sleep;
use crate::world::lock;

/// What becomes of a future.
pub(crate) enum Fate {
    /// It is awaited to its end.
    Awaited,
    /// It is dropped without ever being polled.
    Unpolled,
    /// It is dropped when it has woken its task, instead of being polled again.
    Woken,
    /// It is dropped at that time, unless it is ready before.
    At(Sleep),
}

/// A future that may be dropped before it is ready.
///
/// It is polled only when it has woken its task, and by the waker that it was given last. Once it may fidget: then it is
/// polled for no reason, and given another waker.
pub(crate) struct Abandonable<F> {
    future: Option<Pin<Box<F>>>,
    fate: Fate,
    fidget: Option<Sleep>,
    /// What the future was polled with; nothing if it never was.
    signal: Option<Arc<Signal>>,
    has_news: HasNews,
}

/// Whether the future has woken its task since it was polled last: what it waits for is decided, and its task has not learned it.
#[derive(Clone, Default)]
pub(crate) struct HasNews(Arc<AtomicBool>);

impl HasNews {
    pub(crate) fn is_so(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, is_so: bool) {
        self.0.store(is_so, Ordering::Relaxed);
    }
}

/// How a future was dropped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Abandoned {
    pub(crate) was_polled: bool,
    pub(crate) was_woken: bool,
}

struct Signal {
    is_woken: AtomicBool,
    has_news: HasNews,
    task: Mutex<Waker>,
}

impl<F: Future> Abandonable<F> {
    pub(crate) fn new(future: F, fate: Fate, fidget: Option<Sleep>) -> Self {
        Self { future: Some(Box::pin(future)), fate, fidget, signal: None, has_news: HasNews::default() }
    }

    pub(crate) fn has_news(&self) -> HasNews {
        self.has_news.clone()
    }

    fn is_to_be_dropped(&mut self, context: &mut Context<'_>) -> bool {
        match &mut self.fate {
            Fate::Awaited => false,
            Fate::Unpolled => true,
            Fate::Woken => self.signal.as_ref().is_some_and(|signal| signal.is_woken()),
            Fate::At(sleep) => Pin::new(sleep).poll(context).is_ready(),
        }
    }

    fn is_to_be_polled(&mut self, context: &mut Context<'_>) -> bool {
        let fidgets = self.fidget.as_mut().is_some_and(|fidget| Pin::new(fidget).poll(context).is_ready());
        if fidgets {
            self.fidget = None;
        }
        fidgets || self.signal.as_ref().is_none_or(|signal| signal.is_woken())
    }
}

impl<F: Future> Future for Abandonable<F> {
    type Output = Result<F::Output, Abandoned>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Some(signal) = &this.signal {
            lock(&signal.task).clone_from(context.waker());
        }
        if this.is_to_be_dropped(context) {
            this.future = None;
            let signal = this.signal.take();
            let was_woken = signal.as_ref().is_some_and(|signal| signal.is_woken());
            return Poll::Ready(Err(Abandoned { was_polled: signal.is_some(), was_woken }));
        }
        if !this.is_to_be_polled(context) {
            return Poll::Pending;
        }
        this.has_news.set(false);
        let (is_woken, has_news) = (AtomicBool::new(false), this.has_news.clone());
        let signal = Arc::new(Signal { is_woken, has_news, task: Mutex::new(context.waker().clone()) });
        this.signal = Some(signal.clone());
        let waker = Waker::from(signal);
        let future = this.future.as_mut().unwrap();
        future.as_mut().poll(&mut Context::from_waker(&waker)).map(Ok)
    }
}

impl Signal {
    fn is_woken(&self) -> bool {
        self.is_woken.load(Ordering::Relaxed)
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.is_woken.store(true, Ordering::Relaxed);
        self.has_news.set(true);
        lock(&self.task).wake_by_ref();
    }
}
