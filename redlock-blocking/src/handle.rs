use std::sync::Arc;

use crate::shell::Shell;

/// Keeps the shell going: every `Redlock`, acquisition and guard has one.
#[derive(Clone)]
pub(crate) struct Handle(Arc<LastHandle>);

struct LastHandle(Arc<Shell>);

impl Handle {
    pub(crate) fn new(shell: Arc<Shell>) -> Self {
        Self(Arc::new(LastHandle(shell)))
    }

    pub(crate) fn shell(&self) -> &Arc<Shell> {
        &self.0.0
    }
}

impl Drop for LastHandle {
    fn drop(&mut self) {
        self.0.let_go();
    }
}
