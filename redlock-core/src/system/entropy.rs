use std::string::{String, ToString};

/// Returns 32 unguessable bytes, fresh at every call, from the operating system's random source: two clones of a virtual
/// machine do not draw the same.
///
/// # Errors
///
/// [`NoEntropy`] when the operating system has none to give.
pub fn seed() -> Result<[u8; 32], NoEntropy> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| NoEntropy::new(error.to_string()))?;
    Ok(seed)
}

/// The operating system gave no random bytes, so no token could be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no random bytes: {0}")]
pub struct NoEntropy(String);

impl NoEntropy {
    /// Creates the error for this reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}
