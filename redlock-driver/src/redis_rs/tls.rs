//! TLS by rustls.

/// Makes ring the process's provider of cryptography, unless the program has chosen one: redis-rs brings none and
/// panics without.
pub(super) fn install_provider() {
    // An error says that one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
