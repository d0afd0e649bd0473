/// Names one lock of a lane; never the same for two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LockKey {
    pub(crate) serial: u64,
    pub(crate) index: usize,
}
