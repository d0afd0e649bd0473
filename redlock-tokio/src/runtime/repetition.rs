use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redlock_driver::Instant;

/// What the clock of a run shows when it begins: a moment before that can be told, too.
const BEGIN: Instant = Instant::from_epoch(Duration::from_secs(24 * 60 * 60));

/// The clock and the seeds of a run that can be repeated. Clones draw from one sequence.
#[derive(Clone, Debug)]
pub(super) struct Repetition {
    begun: tokio::time::Instant,
    /// The state of the generator.
    state: Arc<AtomicU64>,
}

impl Repetition {
    /// Begins a run now, on the clock of the runtime.
    pub(super) fn begin(seed: u64) -> Self {
        Self { begun: tokio::time::Instant::now(), state: Arc::new(AtomicU64::new(seed)) }
    }

    /// Returns the present moment, on the clock of the runtime.
    pub(super) fn now(&self) -> Instant {
        BEGIN.saturating_add(tokio::time::Instant::now().saturating_duration_since(self.begun))
    }

    /// Returns the next 32 bytes.
    pub(super) fn seed(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes.chunks_exact_mut(8).for_each(|chunk| chunk.copy_from_slice(&self.draw().to_le_bytes()));
        bytes
    }

    /// Returns the next number of the generator `SplitMix64`.
    fn draw(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut mixed = self.state.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
