//! Several futures that are one task.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// A part of what a task does.
pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The parts of what a task does, of which only those are polled that were woken.
///
/// They wake each other all the time. That concerns nobody else while the task is polled: to wake a task that runs costs the runtime
/// a turn, and may have another thread look for work that there is not.
pub(crate) struct JoinAll {
    works: Vec<Option<Work>>,
    wakers: Vec<Waker>,
    woken: Arc<Woken>,
}

/// Which parts are to be polled, one bit each.
struct Woken {
    works: AtomicU64,
    /// Whoever polls looks for itself which parts were woken meanwhile.
    is_polled: AtomicBool,
    task: AtomicWaker,
}

struct WorkWaker {
    bit: u64,
    woken: Arc<Woken>,
}

impl JoinAll {
    /// All of them are polled in the beginning. At most 64 can be.
    pub(crate) fn new(works: impl IntoIterator<Item = Work>) -> Self {
        let works: Vec<_> = works.into_iter().map(Some).collect();
        let bits = || (0..works.len()).map(bit);
        let woken = Woken {
            works: AtomicU64::new(bits().fold(0, |all, bit| all | bit)),
            is_polled: AtomicBool::new(false),
            task: AtomicWaker::new(),
        };
        let woken = Arc::new(woken);
        let wakers = bits().map(|bit| Arc::new(WorkWaker { bit, woken: woken.clone() }).into()).collect();
        Self { works, wakers, woken }
    }

    /// Polls those that were woken, each once: one that is woken again lets others than this task come first.
    fn poll_woken(&mut self, context: &mut Context<'_>) {
        self.woken.task.register(context.waker());
        self.woken.is_polled.store(true, Ordering::SeqCst);
        let mut polled = 0;
        while let Some(place) = self.woken.take_first_without(polled) {
            polled |= bit(place);
            self.poll_work(place);
        }
        self.woken.is_polled.store(false, Ordering::SeqCst);
        if self.woken.are_any() {
            context.waker().wake_by_ref();
        }
    }

    fn poll_work(&mut self, place: usize) {
        if let (Some(place), Some(waker)) = (self.works.get_mut(place), self.wakers.get(place))
            && let Some(work) = place
            && work.as_mut().poll(&mut Context::from_waker(waker)).is_ready()
        {
            *place = None;
        }
    }
}

impl Future for JoinAll {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.poll_woken(context);
        if self.works.iter().all(Option::is_none) { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Woken {
    /// Takes the first part that was woken and is none of these.
    fn take_first_without(&self, others: u64) -> Option<usize> {
        let woken = self.works.load(Ordering::SeqCst) & !others;
        let place = (woken != 0).then(|| woken.trailing_zeros() as usize)?;
        // Before it is polled, so that it can be woken meanwhile.
        self.works.fetch_and(!bit(place), Ordering::SeqCst);
        Some(place)
    }

    fn are_any(&self) -> bool {
        self.works.load(Ordering::SeqCst) != 0
    }
}

impl Wake for WorkWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    /// Wakes the task, unless it was woken for another part already, or is polled and will see it.
    fn wake_by_ref(self: &Arc<Self>) {
        let earlier = self.woken.works.fetch_or(self.bit, Ordering::SeqCst);
        if earlier == 0 && !self.woken.is_polled.load(Ordering::SeqCst) {
            self.woken.task.wake();
        }
    }
}

fn bit(place: usize) -> u64 {
    u32::try_from(place).ok().and_then(|place| 1_u64.checked_shl(place)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::atomic::AtomicUsize;
    use std::sync::mpsc::{self, Receiver, Sender};
    use std::thread;

    use futures_util::task::{WakerRef, waker_ref};

    use super::*;

    /// The task: how often it was woken.
    #[derive(Default)]
    struct Task(AtomicUsize);

    impl Task {
        fn waker(self: &Arc<Self>) -> WakerRef<'_> {
            waker_ref(self)
        }

        fn woken(&self) -> usize {
            self.0.swap(0, Ordering::SeqCst)
        }
    }

    impl futures_util::task::ArcWake for Task {
        fn wake_by_ref(task: &Arc<Self>) {
            task.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// A part that tells each time with which waker it is polled, and then does what it is told.
    fn part(polled: &Sender<Waker>, mut poll: impl FnMut() -> Poll<()> + Send + 'static) -> Work {
        let polled = polled.clone();
        Box::pin(poll_fn(move |context| {
            polled.send(context.waker().clone()).unwrap();
            poll()
        }))
    }

    fn poll(all: &mut JoinAll, task: &Arc<Task>) -> Poll<()> {
        Pin::new(all).poll(&mut Context::from_waker(&task.waker()))
    }

    fn idle(polled: &Sender<Waker>) -> Work {
        part(polled, || Poll::Pending)
    }

    fn two_wakers(polled: &Receiver<Waker>) -> [Waker; 2] {
        [polled.recv().unwrap(), polled.recv().unwrap()]
    }

    #[test]
    fn only_what_was_woken_is_polled() {
        let (sender, polled) = mpsc::channel();
        let task = Arc::default();
        let mut all = JoinAll::new([idle(&sender), idle(&sender)]);
        assert!(poll(&mut all, &task).is_pending());
        let [first, second] = two_wakers(&polled);
        assert_eq!(task.woken(), 0);
        for one in [first, second] {
            one.wake_by_ref();
            one.wake_by_ref();
            assert_eq!(task.woken(), 1, "once is enough");
            assert!(poll(&mut all, &task).is_pending());
            assert!(polled.try_recv().unwrap().will_wake(&one));
            assert!(polled.try_recv().is_err());
        }
    }

    #[test]
    fn what_one_wakes_is_polled_without_the_runtime() {
        let (sender, polled) = mpsc::channel();
        let (wakers, to_be_woken) = mpsc::channel::<Waker>();
        let task = Arc::default();
        let waking = part(&sender, move || {
            to_be_woken.try_iter().for_each(Waker::wake);
            Poll::Pending
        });
        let mut all = JoinAll::new([idle(&sender), waking]);
        assert!(poll(&mut all, &task).is_pending());
        let [first, second] = two_wakers(&polled);
        wakers.send(first.clone()).unwrap();
        second.wake_by_ref();
        assert_eq!(task.woken(), 1);
        assert!(poll(&mut all, &task).is_pending());
        let again = two_wakers(&polled);
        assert!(again[0].will_wake(&second) && again[1].will_wake(&first));
        assert_eq!(task.woken(), 0);
    }

    #[test]
    fn one_that_wakes_itself_lets_others_come_first() {
        let (sender, polled) = mpsc::channel();
        let task = Arc::default();
        let yields: Work = Box::pin(poll_fn(|context| {
            context.waker().wake_by_ref();
            Poll::Pending
        }));
        let mut all = JoinAll::new([yields, idle(&sender)]);
        for _ in 0..3 {
            assert!(poll(&mut all, &task).is_pending());
            assert_eq!(task.woken(), 1);
        }
        assert_eq!(polled.try_iter().count(), 1);
    }

    #[test]
    fn it_ends_with_the_last_of_them() {
        let (sender, polled) = mpsc::channel();
        let task = Arc::default();
        let mut turns = [Poll::Pending, Poll::Ready(())].into_iter();
        let second = part(&sender, move || turns.next().unwrap());
        let mut all = JoinAll::new([part(&sender, || Poll::Ready(())), second]);
        assert!(poll(&mut all, &task).is_pending());
        for waker in two_wakers(&polled) {
            waker.wake();
        }
        assert!(poll(&mut all, &task).is_ready());
        assert_eq!(polled.try_iter().count(), 1, "what has ended is not polled again");
    }

    /// Threads wake the parts at any moment; a waking that is lost would leave this test without an end.
    #[test]
    fn no_waking_is_lost() {
        let (works, threads): (Vec<_>, Vec<_>) = (0..3).map(|_| woken_by_a_thread()).unzip();
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(JoinAll::new(works));
        for thread in threads {
            thread.join().unwrap();
        }
    }

    fn woken_by_a_thread() -> (Work, thread::JoinHandle<()>) {
        const TIMES: usize = 20_000;
        let bell = Arc::new((AtomicBool::new(false), AtomicWaker::new()));
        let rung = bell.clone();
        let mut missing = 0..TIMES;
        let work = poll_fn(move |context| {
            rung.1.register(context.waker());
            if rung.0.swap(false, Ordering::SeqCst) {
                missing.next();
            }
            if missing.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        });
        let thread = thread::spawn(move || {
            for _ in 0..TIMES {
                bell.0.store(true, Ordering::SeqCst);
                bell.1.wake();
                while bell.0.load(Ordering::SeqCst) {
                    thread::yield_now();
                }
            }
        });
        (Box::pin(work), thread)
    }
}
