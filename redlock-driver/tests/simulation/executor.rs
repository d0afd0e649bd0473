//! Tasks, polled one at a time, in an order that chance decides.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};

use redlock_simulator::Dice;

use crate::world::lock;

pub(crate) type Future = Pin<Box<dyn std::future::Future<Output = ()> + Send>>;

/// All tasks of all processes.
///
/// A task is polled only after it was woken, and only by the waker that it was given when it was polled last: somebody
/// who forgets to wake it, or keeps an old waker, leaves it waiting for ever.
#[derive(Default)]
pub(crate) struct Executor {
    tasks: Mutex<Vec<Task>>,
    ready: Arc<Ready>,
}

/// Who began a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Driver,
    User,
}

struct Task {
    process: usize,
    owner: Owner,
    /// Not here while it is polled, or for ever when it has ended.
    future: Option<Future>,
    has_ended: bool,
}

/// A task that was polled.
pub(crate) struct Polled {
    pub(crate) process: usize,
    pub(crate) owner: Owner,
    pub(crate) has_ended: bool,
}

#[derive(Default)]
struct Ready(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    woken: Vec<usize>,
    /// How often each task was polled.
    polls: Vec<u64>,
}

struct TaskWaker {
    ready: Arc<Ready>,
    task: usize,
    /// How often the task had been polled when it was given this.
    polls: u64,
}

impl Executor {
    pub(crate) fn spawn(&self, process: usize, owner: Owner, future: Future) {
        let mut tasks = lock(&self.tasks);
        let mut queue = lock(&self.ready.0);
        queue.woken.push(tasks.len());
        queue.polls.push(0);
        tasks.push(Task { process, owner, future: Some(future), has_ended: false });
    }

    /// Takes one of the tasks that were woken, if there is one in a process that can run.
    pub(crate) fn take_woken(&self, can_run: impl Fn(usize) -> bool, dice: &mut Dice) -> Option<usize> {
        let (tasks, mut queue) = (lock(&self.tasks), lock(&self.ready.0));
        queue.woken.retain(|&task| !tasks[task].has_ended);
        let runnable: Vec<usize> =
            (0..queue.woken.len()).filter(|&position| can_run(tasks[queue.woken[position]].process)).collect();
        (!runnable.is_empty()).then(|| queue.woken.swap_remove(dice.pick(&runnable)))
    }

    /// Polls a task that was taken.
    pub(crate) fn poll(&self, task: usize) -> Polled {
        let mut future = lock(&self.tasks)[task].future.take().unwrap();
        lock(&self.ready.0).polls[task] += 1;
        let waker = self.waker(task);
        let has_ended = future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        let future = if has_ended { None } else { Some(future) };
        let task = &mut lock(&self.tasks)[task];
        (task.future, task.has_ended) = (future, has_ended);
        Polled { process: task.process, owner: task.owner, has_ended }
    }

    /// Drops a task that was taken, as a runtime does that ends.
    pub(crate) fn end(&self, task: usize) {
        let mut tasks = lock(&self.tasks);
        tasks[task].has_ended = true;
        let future = tasks[task].future.take();
        drop(tasks);
        drop(future);
    }

    pub(crate) fn process(&self, task: usize) -> usize {
        lock(&self.tasks)[task].process
    }

    pub(crate) fn owner(&self, task: usize) -> Owner {
        lock(&self.tasks)[task].owner
    }

    /// What wakes a task until it is polled the next time.
    pub(crate) fn waker(&self, task: usize) -> Waker {
        let polls = lock(&self.ready.0).polls[task];
        Waker::from(Arc::new(TaskWaker { ready: self.ready.clone(), task, polls }))
    }

    /// How many tasks of a process have not ended.
    pub(crate) fn count(&self, process: usize, owner: Owner) -> usize {
        let tasks = lock(&self.tasks);
        tasks.iter().filter(|task| !task.has_ended && (task.process, task.owner) == (process, owner)).count()
    }

    pub(crate) fn is_empty(&self) -> bool {
        lock(&self.tasks).iter().all(|task| task.has_ended)
    }

    /// Drops all tasks.
    pub(crate) fn clear(&self) {
        let tasks = std::mem::take(&mut *lock(&self.tasks));
        drop(tasks);
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        let mut queue = lock(&self.ready.0);
        if queue.polls[self.task] == self.polls && !queue.woken.contains(&self.task) {
            queue.woken.push(self.task);
        }
    }
}
