//! Outgoing HTTP: what a guest's requests pass on their way. A request goes where both the module asks to go
//! and the operator grants it, to an address that is checked when it is connected to, with a limit on
//! everything that comes back. Deliberately absent: redirects, which are the guest's to follow, each as a
//! request of its own; and decompression, whose result would be the host's memory.

mod address;
mod body;
mod client;
mod origin;
mod secrets;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::{HeaderName, HeaderValue, Request, Response};
use parking_lot::Mutex;
use tokio::time::Instant;
use wasaga_core::definition::Capability;
use wasaga_core::{Call, Headers};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::policy::ModulePolicy;
use body::Capped;
use client::{Client, ConnectError, Tls};

pub(crate) use client::Tls as TlsRoots;

pub use address::{Addresses, InvalidAddress};
pub use origin::{InvalidOrigin, Origin};

/// Bytes of a request's body, and of an answer's: as much as one payload of a call.
const BODY_BYTES_MAX: u64 = crate::PAYLOAD_BYTES_MAX as u64;
/// Longer than any call may take.
const TIMES_MAX: Duration = Duration::from_secs(24 * 3_600);
/// Headers that link what a partner does to the trace that a call belongs to (W3C Trace Context).
const TRACE: [&str; 2] = ["traceparent", "tracestate"];

/// What one module may reach.
pub(crate) struct Reach {
    module: String,
    asked: Vec<Origin>,
    secrets: Vec<String>,
    policy: ModulePolicy,
    tls: Arc<Tls>,
    /// Its own, for a connection that one module may have is not another's.
    client: OnceLock<Client>,
}

impl std::fmt::Debug for Reach {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reach").field("module", &self.module).field("policy", &self.policy).finish_non_exhaustive()
    }
}

/// Why a request was not sent, with what would allow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal(pub(crate) String);

impl Reach {
    /// # Errors
    /// The module asks for what is no origin.
    pub(crate) fn new(
        module: &str,
        capabilities: &[Capability],
        policy: ModulePolicy,
        tls: Arc<Tls>,
    ) -> Result<Self, InvalidOrigin> {
        let asked = capabilities.iter().filter_map(|capability| match capability {
            Capability::OutgoingHttp(origin) => Some(origin.parse()),
            _ => None,
        });
        let asked = asked.collect::<Result<_, _>>()?;
        let secrets = capabilities.iter().filter_map(|capability| match capability {
            Capability::Secret(name) => Some(name.clone()),
            _ => None,
        });
        let secrets = secrets.collect();
        Ok(Self { module: module.into(), asked, secrets, policy, tls, client: OnceLock::new() })
    }

    /// Whether a request may go there.
    fn admit(&self, origin: &Origin) -> Result<(), Refusal> {
        let module = &self.module;
        if !self.asked.iter().any(|asked| asked.covers(origin)) {
            return Err(Refusal(format!(
                "module `{module}` may not call {origin}: it does not ask for it (declare it in the module: \
                 `http = [\"{origin}\"]`)"
            )));
        }
        if !self.policy.grants.http.iter().any(|granted| granted.covers(origin)) {
            let remedy = self.policy.remedy_for_origin(module, origin);
            return Err(Refusal(format!(
                "module `{module}` may not call {origin}: it asks for it, and the operator has not granted it ({remedy})"
            )));
        }
        Ok(())
    }

    fn client(&self) -> Result<&Client, String> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = Client::new(&self.policy.grants.addresses, &self.tls)?;
        Ok(self.client.get_or_init(|| client))
    }
}

/// Passes an instance's requests on.
#[derive(Debug, Default)]
pub(crate) struct Hooks {
    reach: Option<Arc<Reach>>,
    deadline: Option<Instant>,
    /// Of the call's headers, those that requests carry on.
    trace: Vec<(HeaderName, HeaderValue)>,
    /// The first request that was not sent. It is made when there is a request.
    refused: Option<Arc<Mutex<Option<Refusal>>>>,
}

impl Hooks {
    pub(crate) fn new(reach: Option<Arc<Reach>>) -> Self {
        Self { reach, ..Self::default() }
    }

    /// Begins a call.
    pub(crate) fn begin(&mut self, call: &Call, deadline: Option<Instant>) {
        self.refused = None;
        self.deadline = deadline;
        self.trace = if call.headers.is_empty() { Vec::new() } else { trace(&call.headers) };
    }

    /// What was refused in this call.
    pub(crate) fn refused(&self) -> Option<Refusal> {
        self.refused.as_ref()?.lock().clone()
    }

    /// Looks at a request, and makes it ready to be sent.
    fn prepare(&self, reach: &Reach, request: &mut Request<WasiBody>) -> Result<(), Refusal> {
        let module = &reach.module;
        let uri = request.uri();
        let origin = Origin::of(uri).ok_or_else(|| {
            Refusal(format!("module `{module}` may not call `{uri}`: it names no host, or a user in it"))
        })?;
        reach.admit(&origin)?;
        let of_module = secrets::OfModule { module, asked: &reach.secrets, known: &reach.policy.secrets };
        secrets::put(request.headers_mut(), &of_module, &origin)?;
        for (name, value) in &self.trace {
            if !request.headers().contains_key(name) {
                request.headers_mut().insert(name, value.clone());
            }
        }
        Ok(())
    }
}

fn trace(headers: &Headers) -> Vec<(HeaderName, HeaderValue)> {
    let found = TRACE.iter().filter_map(|name| {
        let value = headers.get(*name)?;
        Some((HeaderName::from_static(name), HeaderValue::from_str(value).ok()?))
    });
    found.collect()
}

type Sent = wasmtime_wasi_http::Result<(Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>)>;

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        mut request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let refused = self.refused.get_or_insert_default().clone();
        let refuse = move |refusal: Refusal, error: Error| {
            tracing::warn!(target: "wasaga::http", "{}", refusal.0);
            refused.lock().get_or_insert(refusal);
            error
        };
        let Some(reach) = self.reach.clone() else {
            let refusal = Refusal("a module may not send requests while it says what it is".into());
            let error = refuse(refusal, Error::HttpRequestDenied);
            return Box::new(std::future::ready(Err(error)));
        };
        if let Err(refusal) = self.prepare(&reach, &mut request) {
            let error = refuse(refusal, Error::HttpRequestDenied);
            return Box::new(std::future::ready(Err(error)));
        }
        let limits = Times::new(options, self.deadline);
        Box::new(async move {
            match send(&reach, request, limits).await {
                Ok(response) => Ok((response, Box::new(std::future::ready(Ok(()))) as Box<_>)),
                Err(Failed::Prohibited(why)) => Err(refuse(why, Error::DestinationIpProhibited)),
                Err(Failed::Error(error)) => Err(error),
            }
        })
    }
}

/// How long each part of a request may take: what the guest says, within the call's deadline.
#[derive(Clone, Copy, Debug)]
struct Times {
    /// Until the headers of the answer are there.
    answer: Duration,
    /// Between two parts of its body.
    silence: Duration,
}

impl Times {
    fn new(options: Option<RequestOptions>, deadline: Option<Instant>) -> Self {
        let options = options.unwrap_or_default();
        let left = deadline.map_or(TIMES_MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
        let within = |asked: Option<Duration>| asked.unwrap_or(TIMES_MAX).min(left).min(TIMES_MAX);
        // Connecting is a part of it, which the longer of the two has room for.
        let answer = options.connect_timeout.max(options.first_byte_timeout);
        Self { answer: within(answer), silence: within(options.between_bytes_timeout) }
    }
}

enum Failed {
    Prohibited(Refusal),
    Error(Error),
}

async fn send(reach: &Reach, request: Request<WasiBody>, times: Times) -> Result<Response<WasiBody>, Failed> {
    let client = reach.client().map_err(|why| {
        tracing::error!(target: "wasaga::http", "{why}");
        Failed::Error(Error::InternalError(Some(why)))
    })?;
    let origin = Origin::of(request.uri());
    let request = request.map(|body| Capped::of_request(body, BODY_BYTES_MAX).boxed());
    let answered = tokio::time::timeout(times.answer, client.request(request)).await;
    let answered = answered.map_err(|_| Failed::Error(Error::ConnectionReadTimeout))?;
    match answered {
        Ok(response) => Ok(response.map(|body| Capped::of_answer(body, BODY_BYTES_MAX, times.silence).boxed())),
        Err(ConnectError::Prohibited(address)) => {
            let (module, ip) = (&reach.module, address.ip());
            let origin = origin.map(|origin| origin.to_string()).unwrap_or_default();
            Err(Failed::Prohibited(Refusal(format!(
                "module `{module}` may not call {origin}: it is at {ip}, which is not a public address (grant it with \
                 `--grant address:{address}`, or in the policy file under `[modules.{module}.grants]`: `addresses = \
                 [\"{address}\"]`)"
            ))))
        }
        Err(ConnectError::Other(error)) => Err(Failed::Error(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_guest_says_of_time_holds_within_the_deadline() {
        let (short, long) = (Duration::from_millis(100), Duration::from_secs(3_600));
        let of = |connect_timeout, first_byte_timeout, between_bytes_timeout| {
            let options = RequestOptions { connect_timeout, first_byte_timeout, between_bytes_timeout };
            Times::new(Some(options), Some(Instant::now() + Duration::from_secs(60)))
        };
        let both = of(Some(short), Some(short), Some(short));
        assert_eq!((both.answer, both.silence), (short, short));
        assert_eq!(of(None, Some(short), None).answer, short);
        for late in [of(None, None, None), of(Some(long), Some(long), Some(long))] {
            assert!(late.answer <= Duration::from_secs(60) && late.answer > Duration::from_secs(50), "{late:?}");
            assert!(late.silence <= Duration::from_secs(60), "{late:?}");
        }
    }

    #[test]
    fn what_is_asked_for_is_an_origin() {
        let reach = |origin: &str| {
            Reach::new("shop", &[Capability::OutgoingHttp(origin.into())], ModulePolicy::default(), Arc::default())
        };
        assert!(reach("https://api.example.com").is_ok());
        assert!(reach("api.example.com").unwrap_err().to_string().starts_with("`api.example.com` is not an origin"));
    }
}
