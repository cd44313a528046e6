//! Why a request has no answer. The two kinds are the whole point: of one nothing left, the other may have been done.

use std::net::SocketAddr;

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing of the request left this host, so nothing was done.
    NotSent(NotSent),
    /// A part of the request left, or may have left.
    Lost(Lost),
}

/// Why nothing was sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotSent {
    /// The only addresses are not public, and not granted.
    Prohibited(SocketAddr),
    /// The URI names no host, or the method makes a tunnel.
    Invalid,
    /// The name has no address.
    Unresolved(String),
    /// Nobody told an address of the name in time.
    UnresolvedInTime,
    /// Nobody listens there, or the connection ended before it could be used.
    Refused,
    /// There is no way there.
    Unreachable,
    /// There was no connection in time.
    NoConnectionInTime,
    /// The partner's certificate is not trusted, with the reason.
    Certificate(String),
    /// The partner does not speak TLS as this host does.
    Tls,
    /// TLS cannot be set up on this host, with the reason.
    TlsSetUp(String),
    /// The request's own body broke off before any of it left.
    Body,
    /// A connection was there, and ended before it took a byte.
    Closed,
    /// As many requests as may be were in flight until it was too late to send another.
    Busy(Bound),
}

/// Whose bound on requests in flight was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    Call,
    Module,
    Host,
}

/// Why a request that left, or may have left, has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// The connection ended.
    Ended,
    /// There was no answer in time.
    Late,
    /// What came is no HTTP.
    NoHttp,
    /// The answer's headers are too large, or too many.
    HeadersTooLarge,
    /// The request's own body broke off.
    Body,
}

impl From<NotSent> for Fault {
    fn from(why: NotSent) -> Self {
        Self::NotSent(why)
    }
}
