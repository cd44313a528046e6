//! Connections: kept for the next request, made to checked addresses, with TLS where the origin says so.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use wasmtime_wasi_http::{Error, WasiBody};

use super::address::{Addresses, is_public};

/// Connections to one origin that wait for their next request.
const IDLE_MAX: usize = 32;
/// How long they wait. Servers close theirs after a minute or so, and a request on a connection that is
/// being closed fails.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a connection may take to be there: a partner that takes longer does not answer in time either.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Headers of an answer, and bytes of all of them.
const HEADERS_MAX: usize = 100;
const HEADER_BYTES_MAX: usize = 64 << 10;

type Inner = legacy::Client<HttpsConnector<Connector<System>>, WasiBody>;

/// Sends requests of one module.
pub(super) struct Client {
    inner: Inner,
}

/// Why there is no answer.
pub(super) enum ConnectError {
    /// The address is not public, and not granted.
    Prohibited(SocketAddr),
    Other(Error),
}

/// Which certificates are trusted: those of the system, or those of a file. Read when they are needed first.
#[derive(Debug, Default)]
pub(crate) struct Tls {
    roots: Option<PathBuf>,
    config: OnceLock<ClientConfig>,
}

impl Tls {
    /// The system's, or those in this PEM file.
    pub(crate) fn new(roots: Option<PathBuf>) -> Self {
        Self { roots, config: OnceLock::new() }
    }

    fn config(&self) -> Result<ClientConfig, String> {
        if let Some(config) = self.config.get() {
            return Ok(config.clone());
        }
        let roots = match &self.roots {
            Some(path) => of_file(path)?,
            None => of_system()?,
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.map_err(|error| format!("TLS cannot be set up: {error}"))?;
        let config = config.with_root_certificates(roots).with_no_client_auth();
        Ok(self.config.get_or_init(|| config).clone())
    }
}

fn of_system() -> Result<RootCertStore, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Some stores have a certificate or two that nobody can read; the others count.
    roots.add_parsable_certificates(found.certs);
    Ok(roots)
}

fn of_file(path: &Path) -> Result<RootCertStore, String> {
    let told = |why: String| format!("certificates cannot be read from `{}`: {why} (it has to be PEM)", path.display());
    let found = CertificateDer::pem_file_iter(path).map_err(|error| told(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in found {
        let certificate = certificate.map_err(|error| told(error.to_string()))?;
        roots.add(certificate).map_err(|error| told(error.to_string()))?;
    }
    if roots.is_empty() { Err(told("there are none".into())) } else { Ok(roots) }
}

impl Client {
    pub(super) fn new(granted: &[Addresses], tls: &Tls) -> Result<Self, String> {
        let connector = Connector { granted: granted.into(), resolve: System };
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls.config()?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let inner = legacy::Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(IDLE_MAX)
            .http1_max_headers(HEADERS_MAX)
            .http1_max_buf_size(HEADER_BYTES_MAX)
            .set_host(false)
            .build(connector);
        Ok(Self { inner })
    }

    /// Sends a request; answers when the headers are there.
    pub(super) async fn request(&self, request: Request<WasiBody>) -> Result<Response<Incoming>, ConnectError> {
        self.inner.request(request).await.map_err(|error| of_client(&error))
    }
}

/// What the guest is told, from the innermost cause that says something.
fn of_client(error: &legacy::Error) -> ConnectError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(refused) = error.downcast_ref::<Prohibited>() {
            return ConnectError::Prohibited(refused.0);
        }
        if let Some(error) = error.downcast_ref::<Unresolved>() {
            let rcode = Some(error.0.clone());
            return ConnectError::Other(Error::DnsError { rcode, info_code: None });
        }
        if let Some(error) = of_tls(error) {
            return ConnectError::Other(error);
        }
        if let Some(error) = error.downcast_ref::<hyper::Error>().filter(|error| error.is_parse_too_large()) {
            tracing::debug!(target: "wasaga::http", %error, "the headers of an answer are too large");
            let size = u32::try_from(HEADER_BYTES_MAX).ok();
            return ConnectError::Other(Error::HttpResponseHeaderSectionSize(size));
        }
        cause = error.source();
    }
    tracing::debug!(target: "wasaga::http", error = ?error, "a request failed");
    // Until there is a connection nothing was sent.
    ConnectError::Other(if error.is_connect() { of_connect(error) } else { Error::ConnectionTerminated })
}

/// An error of TLS comes inside one of IO, which may be inside another; an error of IO does not name the one in
/// it as its source.
fn of_tls(error: &(dyn std::error::Error + 'static)) -> Option<Error> {
    match error.downcast_ref::<rustls::Error>() {
        Some(rustls::Error::InvalidCertificate(why)) => {
            tracing::warn!(target: "wasaga::http", "the certificate of a partner is not trusted: {why}");
            Some(Error::TlsCertificateError)
        }
        Some(_) => Some(Error::TlsProtocolError),
        None => of_tls(error.downcast_ref::<std::io::Error>()?.get_ref()?),
    }
}

fn of_connect(error: &legacy::Error) -> Error {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return match error.kind() {
                std::io::ErrorKind::TimedOut => Error::ConnectionTimeout,
                std::io::ErrorKind::HostUnreachable | std::io::ErrorKind::NetworkUnreachable => {
                    Error::DestinationUnavailable
                }
                _ => Error::ConnectionRefused,
            };
        }
        cause = error.source();
    }
    Error::ConnectionRefused
}

/// Connects to addresses that may be connected to. Looks a name up itself, for it is the address that is
/// connected to that counts, and not what the name resolved to at another time.
#[derive(Clone)]
struct Connector<R> {
    granted: Arc<[Addresses]>,
    resolve: R,
}

/// Looks names up.
trait Resolve: Clone + Send + 'static {
    fn resolve(&self, host: &str, port: u16) -> impl Future<Output = std::io::Result<Vec<SocketAddr>>> + Send;
}

/// As the system does it.
#[derive(Clone)]
struct System;

impl Resolve for System {
    async fn resolve(&self, host: &str, port: u16) -> std::io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{0} may not be connected to")]
struct Prohibited(SocketAddr);

#[derive(Debug, thiserror::Error)]
#[error("the name cannot be resolved: {0}")]
struct Unresolved(String);

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl<R: Resolve> Connector<R> {
    async fn connect(self, to: Uri) -> Result<TokioIo<TcpStream>, BoxError> {
        let host = to.host().ok_or("there is no host")?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = to.port_u16().unwrap_or(if to.scheme_str() == Some("https") { 443 } else { 80 });
        let found = self.resolve.resolve(host, port).await.map_err(|error| Unresolved(error.to_string()))?;
        let mut failed: BoxError = Unresolved(format!("`{host}` has no address")).into();
        for address in found {
            if !is_public(address.ip()) && !self.granted.iter().any(|granted| granted.have(address)) {
                failed = Prohibited(address).into();
                continue;
            }
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    return Ok(TokioIo::new(stream));
                }
                // A failed connect explains more than an address that was skipped.
                Err(error) => failed = error.into(),
            }
        }
        Err(failed)
    }
}

impl<R: Resolve> tower_service::Service<Uri> for Connector<R> {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let connecting = self.clone().connect(to);
        Box::pin(async move {
            tokio::time::timeout(CONNECT_TIMEOUT, connecting).await.unwrap_or_else(|_| {
                Err(std::io::Error::new(std::io::ErrorKind::TimedOut, "there is no connection in time").into())
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use parking_lot::Mutex;
    use tower_service::Service as _;

    use super::*;

    /// A name that resolves to another address each time.
    #[derive(Clone)]
    struct Rebinding(Arc<Mutex<VecDeque<SocketAddr>>>);

    impl Resolve for Rebinding {
        async fn resolve(&self, _: &str, _: u16) -> std::io::Result<Vec<SocketAddr>> {
            Ok(self.0.lock().pop_front().into_iter().collect())
        }
    }

    #[tokio::test]
    async fn the_address_counts_each_time_and_not_the_name() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let granted = listener.local_addr().unwrap();
        let elsewhere = SocketAddr::new("127.0.0.2".parse().unwrap(), granted.port());
        let metadata: SocketAddr = "169.254.169.254:80".parse().unwrap();
        let resolve = Rebinding(Arc::new(Mutex::new([granted, elsewhere, metadata].into())));
        let granted = [granted.to_string().parse::<Addresses>().unwrap()];
        let mut connector = Connector { granted: granted.as_slice().into(), resolve };
        let uri: Uri = "http://granted.example".parse().unwrap();
        assert!(connector.call(uri.clone()).await.is_ok());
        for address in [elsewhere, metadata] {
            let refused = connector.call(uri.clone()).await.err().unwrap();
            assert_eq!(refused.downcast_ref::<Prohibited>().unwrap().0, address);
        }
        let nowhere = connector.call(uri).await.err().unwrap();
        assert!(nowhere.is::<Unresolved>(), "{nowhere}");
    }

    #[test]
    fn certificates_are_read_or_the_file_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.pem");
        for (text, why) in [(None, "cannot be read"), (Some("nothing"), "there are none")] {
            if let Some(text) = text {
                std::fs::write(&path, text).unwrap();
            }
            let told = Tls::new(Some(path.clone())).config().unwrap_err();
            assert!(told.contains("ca.pem") && told.contains(why), "{told}");
        }
        assert!(Tls::default().config().is_ok());
    }
}
