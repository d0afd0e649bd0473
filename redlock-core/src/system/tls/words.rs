use std::format;
use std::io::{Error, ErrorKind};
use std::string::{String, ToString};

use rustls::{AlertDescription, CertificateError};

use crate::system::words::{SPEAKS_NO_TLS, is_distrust, not_trusted};

/// Returns an error of rustls as one of a socket, in words for whoever runs the servers.
pub(super) fn in_words(error: &rustls::Error) -> Error {
    let words = match error {
        rustls::Error::InvalidCertificate(reason) => certificate(reason, error),
        rustls::Error::InvalidMessage(_) => SPEAKS_NO_TLS.into(),
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => {
            "the server asks for a certificate of the client".into()
        }
        rustls::Error::AlertReceived(alert) => format!("the server refuses TLS with this client: {alert:?}"),
        _ => error.to_string(),
    };
    let kind = ErrorKind::InvalidData;
    if is_distrust(&error.to_string()) { not_trusted(kind, words) } else { Error::new(kind, words) }
}

/// How to trust an authority, in a program and for the command.
const TRUST: &str = "trust what has signed it, by TlsBuilder::authorities or ca_file of the command";

/// The word of rustls for a certificate by which others can be signed (`CA:TRUE`), as `openssl req -x509` makes them.
const IS_AUTHORITY: &str = "CaUsedAsEndEntity";

fn certificate(reason: &CertificateError, error: &rustls::Error) -> String {
    match reason {
        CertificateError::UnknownIssuer => {
            format!("the server's certificate is not signed by a trusted authority: {TRUST}")
        }
        // Another authority of the same name has signed it, or the server does not have its key.
        CertificateError::BadSignature => "the signature of the server's certificate is wrong".into(),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired".into()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("the server's certificate is for another name: {reason}")
        }
        _ if error.to_string().contains(IS_AUTHORITY) => {
            format!(
                "the server's certificate is that of an authority: make one with CA:FALSE for the server, and {TRUST}"
            )
        }
        _ => format!("the server's certificate cannot be used: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustls::pki_types::UnixTime;

    use super::*;
    use crate::Cause;
    use crate::system::{not_sent, reworded};

    #[test]
    fn only_what_waiting_cannot_cure_is_a_want_of_trust() {
        let epoch = UnixTime::since_unix_epoch(Duration::ZERO);
        let certificate = rustls::Error::InvalidCertificate;
        let rows = [
            (certificate(CertificateError::UnknownIssuer), Cause::NotTrusted),
            (certificate(CertificateError::BadSignature), Cause::NotTrusted),
            (certificate(CertificateError::ExpiredContext { time: epoch, not_after: epoch }), Cause::NotTrusted),
            (certificate(CertificateError::NotValidForName), Cause::NotTrusted),
            (certificate(CertificateError::NotValidYet), Cause::NotSent),
            (certificate(CertificateError::NotValidYetContext { time: epoch, not_before: epoch }), Cause::NotSent),
            (rustls::Error::AlertReceived(AlertDescription::CertificateRequired), Cause::NotTrusted),
            (rustls::Error::AlertReceived(AlertDescription::UnknownCA), Cause::NotTrusted),
            (rustls::Error::AlertReceived(AlertDescription::InternalError), Cause::NotSent),
            (rustls::Error::HandshakeNotComplete, Cause::NotSent),
        ];
        for (error, cause) in rows {
            let worded = in_words(&error);
            let why = not_sent(&worded);
            assert_eq!((why.cause(), why.detail()), (cause, Some(&*worded.to_string())));
            let longer = format!("no TLS: {worded}");
            let why = not_sent(&reworded(&worded, longer.clone()));
            assert_eq!((why.cause(), why.detail()), (cause, Some(&*longer)));
        }
    }
}
