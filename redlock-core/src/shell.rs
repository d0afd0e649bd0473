//! What the shells around [`Locks`](crate::Locks), async and blocking, say and take alike: the errors of their users, what
//! comes of work under a lock, and the settings of their builders.

mod error;
mod settings;
mod work;

pub use error::{AcquireError, BuildError, NoRuntime};
pub use settings::{DEFAULT_CONNECT_TIMEOUT, Settings};
pub use work::{Completed, WorkError};
