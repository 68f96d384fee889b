//! Why an upstream cannot be reached. Library error texts are not used, because they may contain the URL.

use std::error::Error;
use std::io;

use rustls::{CertificateError, Error as TlsError};

/// Reason of a failed connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    /// DNS has no address for the host.
    #[error("the host name does not resolve")]
    Name,
    /// No process listens on the port.
    #[error("connection refused")]
    Refused,
    /// No network route.
    #[error("no route to the host")]
    NoRoute,
    /// The attempt timed out.
    #[error("connection timed out")]
    Timeout,
    /// The server closed the connection immediately.
    #[error("the server closed the connection immediately")]
    Closed,
    /// The certificate's authority is not trusted.
    #[error("the certificate is not signed by a trusted authority")]
    CertificateAuthority,
    /// The certificate has expired or is not valid yet.
    #[error("the certificate has expired or is not valid yet")]
    CertificateTime,
    /// The certificate is for another host name.
    #[error("the certificate is for another host name")]
    CertificateName,
    /// The certificate is invalid for another reason.
    #[error("the certificate is invalid")]
    Certificate,
    /// The server does not support TLS, or no common version.
    #[error("the TLS handshake failed: the server may use plain HTTP or an old TLS version")]
    Tls,
    /// Any other reason.
    #[error("the connection failed")]
    Other,
}

impl Unreachable {
    /// Derives the reason from an error of the connector.
    pub fn of(error: &(dyn Error + 'static)) -> Self {
        let mut next = Some(error);
        let mut reason = Self::Other;
        while let Some(error) = next {
            // The connector's error type is private, so compare its text.
            if error.to_string() == "dns error" {
                return Self::Name;
            }
            if let Some(tls) = error.downcast_ref::<TlsError>() {
                return Self::of_tls(tls);
            }
            next = match error.downcast_ref::<io::Error>() {
                Some(io) => {
                    reason = Self::of_io(io).unwrap_or(reason);
                    // The `source` of an `io::Error` skips its inner error.
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
