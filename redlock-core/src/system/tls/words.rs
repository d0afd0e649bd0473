use std::format;
use std::io::{Error, ErrorKind};
use std::string::{String, ToString};

use rustls::{AlertDescription, CertificateError};

use crate::system::words::SPEAKS_NO_TLS;

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
    Error::new(ErrorKind::InvalidData, words)
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
