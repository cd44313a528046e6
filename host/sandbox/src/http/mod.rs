//! Outgoing HTTP: what a guest's requests pass on their way. A request goes where both the module asks to go
//! and the operator grants it, to an address that is checked when it is connected to, with a limit on
//! everything that comes back. Deliberately absent: redirects, which are the guest's to follow, each as a
//! request of its own; and decompression, whose result would be the host's memory.

mod body;
mod client;
mod codes;
mod origin;
mod refusal;
mod secrets;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{HeaderName, HeaderValue, Request, Response};
use http_body::Body as _;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use wasaga_core::definition::Capability;
use wasaga_core::{Call, Headers};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::policy::ModulePolicy;
use body::Capped;
use client::connect::Connector;
use client::names::{Lookups, System};
use client::send::{CONNECT_TIMEOUT, Client, Until};
use client::slots::{self, OfHost, OfModule};
use client::tls::Tls;
use codes::Failed;
use refusal::Refusal;
use secrets::Blots;

pub use client::address::{Addresses, InvalidAddress};
pub use origin::{InvalidOrigin, Origin};

/// Longer than any call may take.
const TIMES_MAX: Duration = Duration::from_secs(24 * 3_600);
/// Headers that link what a partner does to the trace that a call belongs to (W3C Trace Context).
const TRACE: [&str; 2] = ["traceparent", "tracestate"];

/// What requests of all modules share: the certificates that are trusted, the places for look-ups, and how many requests
/// may be in flight.
#[derive(Clone, Debug, Default)]
pub(crate) struct TlsRoots {
    tls: Arc<Tls>,
    lookups: Lookups,
    slots: OfHost,
}

impl TlsRoots {
    /// Trusts the certificates of this PEM file, or else the system's.
    ///
    /// # Errors
    /// The file has none; the text names it.
    pub(crate) fn new(roots: Option<&Path>) -> Result<Self, String> {
        Ok(Self { tls: Arc::new(Tls::new(roots)?), ..Self::default() })
    }
}

/// What one module may reach.
pub(crate) struct Reach {
    module: String,
    asked: Vec<Origin>,
    secrets: Vec<String>,
    policy: ModulePolicy,
    blots: Blots,
    slots: OfModule,
    /// Its own, for a connection that one module may have is not another's.
    client: Client<System, WasiBody>,
}

impl std::fmt::Debug for Reach {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reach").field("module", &self.module).field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl Reach {
    /// # Errors
    /// The module asks for what is no origin.
    pub(crate) fn new(
        module: &str,
        capabilities: &[Capability],
        policy: ModulePolicy,
        tls: Arc<TlsRoots>,
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
        let TlsRoots { tls, lookups, slots } = Arc::unwrap_or_clone(tls);
        let slots = OfModule::new(slots);
        let connector =
            Connector { net: System::new(lookups), granted: policy.grants.addresses.as_slice().into(), tls };
        let blots = Blots::new(policy.secrets.values().map(|secret| &*secret.value));
        let client = Client::new(connector, slots.clone());
        Ok(Self { module: module.into(), asked, secrets, policy, blots, slots, client })
    }

    /// The text without the secrets of this module, wherever they stand in it. Every text of a guest's or a partner's that is
    /// kept or shown by the host goes through here.
    pub(crate) fn blot<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.blots.blot(text)
    }

    /// Whether a request may go there.
    fn admit(&self, origin: &Origin) -> Result<(), Refusal> {
        let module = &self.module;
        if !self.asked.iter().any(|asked| asked.covers(origin)) {
            return Err(Refusal::guests(format!(
                "module `{module}` may not call {origin}: it does not ask for it (declare it in the module: \
                 `http = [\"{origin}\"]`)"
            )));
        }
        if !self.policy.grants.http.iter().any(|granted| granted.covers(origin)) {
            let remedy = self.policy.remedy_for_origin(module, origin);
            return Err(Refusal::operators(format!(
                "module `{module}` may not call {origin}: it asks for it, and the operator has not granted it ({remedy})"
            )));
        }
        Ok(())
    }
}

/// Passes an instance's requests on.
#[derive(Debug, Default)]
pub(crate) struct Hooks {
    reach: Option<Arc<Reach>>,
    deadline: Option<Instant>,
    /// Of the call's headers, those that requests carry on.
    trace: Vec<(HeaderName, HeaderValue)>,
    /// Of this call. It is made when there is a request.
    requests: Option<Requests>,
}

/// The requests of one call.
#[derive(Clone, Debug)]
struct Requests {
    /// The first request that was not sent.
    refused: Arc<Mutex<Option<Refusal>>>,
    /// Whether one was.
    sent: Arc<AtomicBool>,
    /// How many more may be in flight.
    slots: Arc<Semaphore>,
}

impl Default for Requests {
    fn default() -> Self {
        Self { refused: Arc::default(), sent: Arc::default(), slots: Arc::new(Semaphore::new(slots::OF_CALL)) }
    }
}

impl Requests {
    /// Keeps the first refusal of a call, for its failure. The log has that one alone: a guest may ask for ever.
    fn refuse(&self, reach: Option<&Reach>, refusal: &Refusal) {
        let text = reach.map_or(Cow::Borrowed(&*refusal.text), |reach| reach.blot(&refusal.text)).into_owned();
        let mut refused = self.refused.lock();
        if refused.is_none() {
            tracing::warn!(target: "wasaga::http", "{text}");
            *refused = Some(Refusal { text, ..*refusal });
        }
    }
}

impl Hooks {
    pub(crate) fn new(reach: Option<Arc<Reach>>) -> Self {
        Self { reach, ..Self::default() }
    }

    /// Begins a call.
    pub(crate) fn begin(&mut self, call: &Call, deadline: Option<Instant>) {
        self.requests = None;
        self.deadline = deadline;
        self.trace = if call.headers.is_empty() { Vec::new() } else { trace(&call.headers) };
    }

    /// What was refused in this call.
    pub(crate) fn refused(&self) -> Option<Refusal> {
        self.requests.as_ref()?.refused.lock().clone()
    }

    /// Whether a request of this call has left, at least in part.
    pub(crate) fn has_sent(&self) -> bool {
        self.requests.as_ref().is_some_and(|requests| requests.sent.load(Ordering::Relaxed))
    }

    /// The text without the secrets of this instance's module: see [`Reach::blot`].
    pub(crate) fn blot<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.reach.as_ref().map_or(Cow::Borrowed(text), |reach| reach.blot(text))
    }

    /// Looks at a request, and makes it ready to be sent.
    fn prepare(&self, reach: &Reach, request: &mut Request<WasiBody>) -> Result<(), Refusal> {
        let module = &reach.module;
        let uri = request.uri();
        let origin = Origin::of(uri).ok_or_else(|| {
            let uri = origin::shown(uri);
            Refusal::guests(format!("module `{module}` may not call `{uri}`: it names no host, or a user in it"))
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
    /// What the host keeps of a body that is not sent yet: two of these.
    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        64 << 10
    }

    fn send_request(
        &mut self,
        mut request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let requests = self.requests.get_or_insert_default().clone();
        let Some(reach) = self.reach.clone() else {
            let text = "a module may not send requests while it says what it is";
            requests.refuse(None, &Refusal::guests(text.into()));
            return Box::new(std::future::ready(Err(Error::HttpRequestDenied)));
        };
        if let Err(refusal) = self.prepare(&reach, &mut request) {
            requests.refuse(Some(&reach), &refusal);
            return Box::new(std::future::ready(Err(Error::HttpRequestDenied)));
        }
        let times = Times::new(options, self.deadline);
        Box::new(async move {
            match send(&reach, request, requests.slots.clone(), times).await {
                Ok(response) => {
                    requests.sent.store(true, Ordering::Relaxed);
                    Ok((response, Box::new(std::future::ready(Ok(()))) as Box<_>))
                }
                Err(failed) => {
                    requests.sent.fetch_or(failed.is_sent, Ordering::Relaxed);
                    if let Some(refusal) = failed.refusal {
                        requests.refuse(Some(&reach), &refusal);
                    }
                    Err(failed.error)
                }
            }
        })
    }
}

/// How long each part of a request may take: what the guest says, within the call's deadline.
#[derive(Clone, Copy, Debug)]
struct Times {
    /// Until the headers of the answer are there.
    answer: Duration,
    /// Until there is a connection, once it is the request's turn.
    connect: Duration,
    /// Until it has begun to be sent. A quarter of what the call has left is kept for its answer, and for the guest to say what
    /// became of it: one that is stopped by its deadline is unknown, whatever was sent.
    sent: Duration,
    /// Between two parts of its body.
    silence: Duration,
    /// What the call has left.
    left: Duration,
}

impl Times {
    fn new(options: Option<RequestOptions>, deadline: Option<Instant>) -> Self {
        let options = options.unwrap_or_default();
        let left = deadline.map_or(TIMES_MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
        let left = left.min(TIMES_MAX);
        let within = |asked: Option<Duration>| asked.unwrap_or(TIMES_MAX).min(left);
        Self {
            answer: within(options.first_byte_timeout),
            connect: within(options.connect_timeout).min(CONNECT_TIMEOUT),
            sent: left / 4 * 3,
            silence: within(options.between_bytes_timeout),
            left,
        }
    }

    fn until(&self, now: Instant) -> Until {
        let Self { answer, connect, sent, left, .. } = *self;
        Until { sent: now + sent, connect, answered: now + answer, read: now + left }
    }
}

async fn send(
    reach: &Reach,
    request: Request<WasiBody>,
    call: Arc<Semaphore>,
    times: Times,
) -> Result<Response<WasiBody>, Failed> {
    if request.body().size_hint().lower() > body::BYTES_MAX || says_too_much(&request) {
        return Err(Failed::too_large());
    }
    let origin = Origin::of(request.uri());
    let request = request.map(|body| Capped::of_request(body).boxed());
    match reach.client.send(request, call, times.until(Instant::now())).await {
        Ok(response) => Ok(response.map(|body| Capped::of_answer(body, times.silence).boxed())),
        Err(fault) => Err(codes::of_fault(
            fault,
            &codes::Of { module: &reach.module, origin, slots: &reach.slots, policy: &reach.policy },
        )),
    }
}

/// Whether a request says beforehand that its body is too large.
fn says_too_much(request: &Request<WasiBody>) -> bool {
    let length = request.headers().get(http::header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    length.is_some_and(|length| length.parse::<u64>().map_or(true, |length| length > body::BYTES_MAX))
}
