/// How to speak TLS. There are no such settings without the feature `net-tls`.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "nobody can have one")]
pub enum TlsSettings {}
