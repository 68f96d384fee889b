//! Why an upstream cannot be reached, in words of ours: a library's may quote the URL.

use std::error::Error;
use std::io;

use rustls::{CertificateError, Error as TlsError};

/// Why there is no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    /// DNS knows no address.
    #[error("its name does not resolve")]
    Name,
    /// Nothing listens there.
    #[error("it refuses the connection")]
    Refused,
    /// No way leads there.
    #[error("there is no route to it")]
    NoRoute,
    /// It does not answer.
    #[error("it does not answer in time")]
    Timeout,
    /// It hangs up at once.
    #[error("it closes the connection at once")]
    Closed,
    /// Its certificate is of no authority that we trust.
    #[error("its certificate is of no authority that this machine trusts")]
    CertificateAuthority,
    /// Its certificate is too old, or not valid yet.
    #[error("its certificate is not valid at this time")]
    CertificateTime,
    /// Its certificate has another name.
    #[error("its certificate is for another name")]
    CertificateName,
    /// Something else about its certificate.
    #[error("its certificate cannot be used")]
    Certificate,
    /// It speaks no TLS, or none that we speak.
    #[error("no TLS connection can be made: it may speak plain HTTP, or an old version of TLS")]
    Tls,
    /// None of these.
    #[error("the connection cannot be made")]
    Other,
}

impl Unreachable {
    /// The reason in an error of the connector.
    pub fn of(error: &(dyn Error + 'static)) -> Self {
        let mut next = Some(error);
        let mut reason = Self::Other;
        while let Some(error) = next {
            // The connector's own type is private; this is the whole of its text.
            if error.to_string() == "dns error" {
                return Self::Name;
            }
            if let Some(tls) = error.downcast_ref::<TlsError>() {
                return Self::of_tls(tls);
            }
            next = match error.downcast_ref::<io::Error>() {
                Some(io) => {
                    reason = Self::of_io(io).unwrap_or(reason);
                    // Its `source` is the source of what is in it.
                    io.get_ref().map(|inner| inner as &(dyn Error + 'static))
                }
                None => error.source(),
            };
        }
        reason
    }

    fn of_io(error: &io::Error) -> Option<Self> {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Some(Self::Refused),
            io::ErrorKind::TimedOut => Some(Self::Timeout),
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable | io::ErrorKind::NetworkDown => {
                Some(Self::NoRoute)
            }
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::UnexpectedEof => {
                Some(Self::Closed)
            }
            _ => None,
        }
    }

    fn of_tls(error: &TlsError) -> Self {
        let TlsError::InvalidCertificate(why) = error else { return Self::Tls };
        match why {
            CertificateError::UnknownIssuer => Self::CertificateAuthority,
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => Self::CertificateTime,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Self::CertificateName
            }
            _ => Self::Certificate,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_found_at_any_depth() {
        let certificate = |why| io::Error::new(io::ErrorKind::InvalidData, TlsError::InvalidCertificate(why));
        let kind = |kind: io::ErrorKind| io::Error::from(kind);
        let table = [
            (kind(io::ErrorKind::ConnectionRefused), Unreachable::Refused),
            (kind(io::ErrorKind::TimedOut), Unreachable::Timeout),
            (kind(io::ErrorKind::NetworkUnreachable), Unreachable::NoRoute),
            (kind(io::ErrorKind::UnexpectedEof), Unreachable::Closed),
            (kind(io::ErrorKind::PermissionDenied), Unreachable::Other),
            (certificate(CertificateError::UnknownIssuer), Unreachable::CertificateAuthority),
            (certificate(CertificateError::Expired), Unreachable::CertificateTime),
            (certificate(CertificateError::NotValidForName), Unreachable::CertificateName),
            (certificate(CertificateError::BadEncoding), Unreachable::Certificate),
            (io::Error::other(TlsError::HandshakeNotComplete), Unreachable::Tls),
        ];
        for (error, reason) in table {
            let text = error.to_string();
            assert_eq!(Unreachable::of(&error), reason, "{text}");
            assert_eq!(Unreachable::of(&io::Error::other(io::Error::other(error))), reason, "{text}");
        }
    }
}
