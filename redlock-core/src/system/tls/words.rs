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

fn certificate(reason: &CertificateError, error: &rustls::Error) -> String {
    match reason {
        CertificateError::UnknownIssuer => "the server's certificate is not signed by a trusted authority".into(),
        // Another authority of the same name has signed it, or the server does not have its key.
        CertificateError::BadSignature => "the signature of the server's certificate is wrong".into(),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired".into()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("the server's certificate is for another name: {reason}")
        }
        _ => format!("the server's certificate cannot be used: {error}"),
    }
}
