use std::sync::Arc;

use crate::shell::Shell;

/// Keeps the shell going: every `Redlock`, acquisition and guard has one.
pub(crate) type Handle = Arc<LastHandle>;

/// The shell, until nobody has a handle any more.
pub(crate) struct LastHandle(Arc<Shell>);

impl LastHandle {
    pub(crate) const fn new(shell: Arc<Shell>) -> Self {
        Self(shell)
    }

    pub(crate) const fn shell(&self) -> &Arc<Shell> {
        &self.0
    }
}

impl Drop for LastHandle {
    fn drop(&mut self) {
        self.0.let_go();
    }
}
