//! Makes connections. A name is looked up here, for it is the address that is connected to that counts, and not what
//! the name resolved to at another time. Until there is a connection, with TLS where the target says so, nothing of a
//! request has left: every error of this file is `NotSent`.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use super::address::{Addresses, is_public};
use super::fault::NotSent;
use super::names::{ADDRESSES_MAX, Net};
use super::target::Target;
use super::tls::Tls;
use super::wire::{Socket, Stream, Wire};

/// How long the first address has before the second one is tried beside it (RFC 8305 recommends 250 ms).
const HEAD_START: Duration = Duration::from_millis(250);

/// Connects to addresses that may be connected to.
#[derive(Clone, Debug)]
pub(crate) struct Connector<N> {
    pub(crate) net: N,
    /// Addresses that are not public and may be connected to.
    pub(crate) granted: Arc<[Addresses]>,
    pub(crate) tls: Arc<Tls>,
}

impl<N: Net> Connector<N> {
    /// A connection to the target, until then.
    ///
    /// # Errors
    /// There is none, so nothing was sent.
    pub(crate) async fn connect(&self, to: &Target, by: Instant) -> Result<Stream<N::Socket>, NotSent> {
        let found = timeout_at(by, self.net.resolve(&to.host, to.port)).await;
        let found = found.map_err(|_| NotSent::UnresolvedInTime)?;
        let found = found.map_err(|error| NotSent::Unresolved(error.to_string()))?;
        let socket = self.dial_one(self.allowed(found, &to.host)?, by).await?;
        let socket = Socket::new(socket, Arc::new(Wire::default()));
        if !to.secure {
            return Ok(Stream::plain(socket));
        }
        let config = self.tls.config().map_err(NotSent::TlsSetUp)?;
        let name = to.host.trim_end_matches('.').to_owned();
        let name = ServerName::try_from(name).map_err(|error| NotSent::Unresolved(error.to_string()))?;
        match timeout_at(by, TlsConnector::from(config).connect(name, socket)).await {
            Ok(Ok(tls)) => Ok(Stream::secure(tls)),
            Ok(Err(error)) => Err(of_handshake(&error)),
            Err(_) => Err(NotSent::NoConnectionInTime),
        }
    }

    fn allowed(&self, found: Vec<SocketAddr>, host: &str) -> Result<Vec<SocketAddr>, NotSent> {
        let is_allowed =
            |address: SocketAddr| is_public(address.ip()) || self.granted.iter().any(|granted| granted.have(address));
        let mut refused = None;
        let mut allowed = Vec::new();
        for address in found {
            if !is_allowed(address) {
                refused = Some(address);
            } else if allowed.len() < ADDRESSES_MAX {
                allowed.push(address);
            }
        }
        match refused {
            _ if !allowed.is_empty() => Ok(allowed),
            Some(address) => Err(NotSent::Prohibited(address)),
            None => Err(NotSent::Unresolved(format!("`{host}` has no address"))),
        }
    }

    /// The first connection that one of the addresses gives. At most two are tried at once.
    async fn dial_one(&self, addresses: Vec<SocketAddr>, by: Instant) -> Result<N::Socket, NotSent> {
        let (first, second) = lanes(addresses);
        let mut first = pin!(self.dial_lane(first, by));
        if second.is_empty() {
            return first.await;
        }
        let head_start = by.min(Instant::now() + HEAD_START);
        match timeout_at(head_start, &mut first).await {
            Ok(Ok(socket)) => return Ok(socket),
            Ok(Err(_)) => return self.dial_lane(second, by).await,
            Err(_) => {}
        }
        let mut second = pin!(self.dial_lane(second, by));
        tokio::select! {
            socket = &mut first => match socket {
                Ok(socket) => Ok(socket),
                Err(_) => second.await,
            },
            socket = &mut second => match socket {
                Ok(socket) => Ok(socket),
                Err(_) => first.await,
            },
        }
    }

    /// One address after the other, each for its share of the time that is left.
    async fn dial_lane(&self, addresses: Vec<SocketAddr>, by: Instant) -> Result<N::Socket, NotSent> {
        let mut failed = NotSent::NoConnectionInTime;
        for (tried, address) in addresses.iter().enumerate() {
            let left = by.saturating_duration_since(Instant::now());
            let share = left / u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
            failed = match timeout_at(Instant::now() + share, self.net.dial(*address)).await {
                Ok(Ok(socket)) => return Ok(socket),
                Ok(Err(error)) => of_dial(&error),
                Err(_) => NotSent::NoConnectionInTime,
            };
        }
        Err(failed)
    }
}

/// Two lists of addresses, in the order of the system: by family where there are both, so that a network without one of
/// them costs a quarter of a second; in turn otherwise.
fn lanes(addresses: Vec<SocketAddr>) -> (Vec<SocketAddr>, Vec<SocketAddr>) {
    let Some(first) = addresses.first().copied() else { return (Vec::new(), Vec::new()) };
    if addresses.iter().any(|address| address.is_ipv4() != first.is_ipv4()) {
        return addresses.into_iter().partition(|address| address.is_ipv4() == first.is_ipv4());
    }
    let mut is_even = false;
    addresses.into_iter().partition(|_| {
        is_even = !is_even;
        is_even
    })
}

fn of_dial(error: &io::Error) -> NotSent {
    match error.kind() {
        io::ErrorKind::TimedOut => NotSent::NoConnectionInTime,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => NotSent::Unreachable,
        _ => NotSent::Refused,
    }
}

fn of_handshake(error: &io::Error) -> NotSent {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(why)) => NotSent::Certificate(why.to_string()),
        Some(_) => NotSent::Tls,
        None => of_dial(error),
    }
}
