//! What a guest is told of a request that has no answer, in the words of `wasi:http`. The words are of two kinds, and
//! the SDKs know which: those that say that nothing was sent are given where that is certain, and only there.

use wasmtime_wasi_http::Error;

use super::body;
use super::client::fault::{Bound, Fault, Lost, NotSent};
use super::client::send::HEADER_BYTES_MAX;
use super::client::slots::{OF_CALL, OfModule};
use super::origin::Origin;
use super::refusal::Refusal;
use crate::policy::ModulePolicy;

/// Whose request it was, and where it went.
pub(super) struct Of<'a> {
    pub(super) module: &'a str,
    pub(super) origin: Option<Origin>,
    pub(super) slots: &'a OfModule,
    pub(super) policy: &'a ModulePolicy,
}

/// What a guest is told, and what the operator is.
pub(super) struct Failed {
    pub(super) error: Error,
    pub(super) refusal: Option<Refusal>,
    /// Whether a part of the request may have left.
    pub(super) is_sent: bool,
}

impl Failed {
    /// A body that says beforehand that it is too large. Nothing of it was sent.
    pub(super) fn too_large() -> Self {
        Self { error: Error::HttpRequestBodySize(Some(body::BYTES_MAX)), refusal: None, is_sent: false }
    }
}

pub(super) fn of_fault(fault: Fault, of: &Of<'_>) -> Failed {
    match fault {
        Fault::NotSent(why) => {
            let is_operators = matches!(why, NotSent::Prohibited(_));
            let refusal = refusal(&why, of).map(|text| Refusal { text, is_operators });
            Failed { error: of_not_sent(why), refusal, is_sent: false }
        }
        Fault::Lost(why) => Failed { error: of_lost(why), refusal: None, is_sent: true },
    }
}

/// Each of these says that nothing was sent.
fn of_not_sent(why: NotSent) -> Error {
    match why {
        NotSent::Prohibited(_) => Error::DestinationIpProhibited,
        NotSent::Body => Error::HttpRequestBodySize(None),
        NotSent::Invalid => Error::HttpRequestMethodInvalid,
        NotSent::Unresolved(why) => Error::DnsError { rcode: Some(why), info_code: None },
        NotSent::UnresolvedInTime => Error::DnsTimeout,
        NotSent::Refused => Error::ConnectionRefused,
        NotSent::Unreachable | NotSent::Closed => Error::DestinationUnavailable,
        NotSent::NoConnectionInTime => Error::ConnectionTimeout,
        NotSent::Certificate(_) => Error::TlsCertificateError,
        NotSent::Tls => Error::TlsProtocolError,
        NotSent::TlsSetUp(_) => Error::ConfigurationError,
        NotSent::Busy(_) => Error::ConnectionLimitReached,
    }
}

/// None of these says that nothing was sent.
fn of_lost(why: Lost) -> Error {
    match why {
        Lost::Ended | Lost::Body => Error::ConnectionTerminated,
        Lost::Late => Error::ConnectionReadTimeout,
        Lost::NoHttp => Error::HttpProtocolError,
        Lost::HeadersTooLarge => Error::HttpResponseHeaderSectionSize(u32::try_from(HEADER_BYTES_MAX).ok()),
    }
}

/// What the operator can do about it, where there is something.
fn refusal(why: &NotSent, of: &Of<'_>) -> Option<String> {
    let module = of.module;
    let origin = of.origin.as_ref().map(Origin::to_string).unwrap_or_default();
    match why {
        NotSent::Prohibited(address) => {
            let (ip, remedy) = (address.ip(), of.policy.remedy_for_address(module, address));
            Some(format!(
                "module `{module}` may not call {origin}: it is at {ip}, which is not a public address ({remedy})"
            ))
        }
        NotSent::Certificate(why) => Some(format!(
            "module `{module}` did not call {origin}: its certificate is not trusted: {why} (trust who signed it with \
             `--tls-roots`)"
        )),
        NotSent::TlsSetUp(why) => Some(format!("module `{module}` did not call {origin}: {why}")),
        NotSent::Busy(bound) => {
            let (whose, most) = match bound {
                Bound::Call => ("one call", OF_CALL),
                Bound::Module => ("one module", of.slots.in_flight_max()),
                Bound::Host => ("this host", of.slots.host().in_flight_max()),
            };
            let remedy = match bound {
                Bound::Call => "send fewer at once",
                Bound::Module | Bound::Host => "make fewer calls at once, or allow the process more open files",
            };
            Some(format!(
                "a request of module `{module}` to {origin} found no place: {most} in flight are the most of {whose} \
                 ({remedy})"
            ))
        }
        _ => None,
    }
}
