//! Sends a request: its turn, a connection, the request, the answer's head; then its body, which holds the connection.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{Method, Request, Response, Uri};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::connect::Connector;
use super::fault::{Fault, Lost, NotSent};
use super::names::Net;
use super::pool::{Connection, Lease, Pool, Task};
use super::slots::OfModule;
use super::target::Target;

/// Headers of an answer, and bytes of all of them.
const HEADERS_MAX: usize = 100;
pub(crate) const HEADER_BYTES_MAX: usize = 64 << 10;
/// How long a connection may take to be there, from looking up its name to the end of TLS's handshake: a partner that takes
/// longer does not answer in time either.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Sends requests of one module, whose connections are its own.
#[derive(Debug)]
pub(crate) struct Client<N, B> {
    connector: Connector<N>,
    slots: OfModule,
    pool: Arc<Pool<B>>,
}

/// Until when the parts of a request have to be over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Until {
    /// It is its turn, and there is a connection. This is before the call's own end, so that a guest is told that nothing was
    /// sent, instead of being stopped.
    pub(crate) sent: Instant,
    /// There is a connection, counted from the request's turn.
    pub(crate) connect: Duration,
    /// The head of the answer is there.
    pub(crate) answered: Instant,
    /// The whole answer was read; what a guest leaves unread is closed then.
    pub(crate) read: Instant,
}

impl<N, B> Client<N, B>
where
    N: Net,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static,
{
    pub(crate) fn new(connector: Connector<N>, slots: OfModule) -> Self {
        Self { connector, pool: Pool::new(slots.clone()), slots }
    }

    /// Sends a request; answers when the headers are there.
    ///
    /// # Errors
    /// There is no answer: `NotSent` where nothing of the request left, for certain.
    pub(crate) async fn send(
        &self,
        mut request: Request<B>,
        call: Arc<Semaphore>,
        until: Until,
    ) -> Result<Response<Answer<B>>, Fault> {
        let target = Target::of(request.uri()).ok_or(NotSent::Invalid)?;
        if request.method() == Method::CONNECT {
            return Err(NotSent::Invalid.into());
        }
        *request.uri_mut() = origin_form(request.uri());
        let by = until.sent.min(until.answered);
        let mut slots = self.slots.take(call, by).await?;
        let by = by.min(Instant::now() + until.connect);
        let mut rested = self.pool.take(&target);
        loop {
            let (connection, is_fresh) = match rested.take() {
                Some(connection) => (connection, false),
                None => (self.connect(&target, by).await?, true),
            };
            let mut lease = Lease { connection, target: target.clone(), slots };
            match exchange(&mut lease.connection, request, until).await {
                Ok(response) => return Ok(self.answer(response, lease, until)),
                // A connection that had waited was closed before it took the request: another one takes it.
                Err(Failed { unstarted: Some(again), fault: Fault::NotSent(_) }) if !is_fresh => {
                    request = again;
                    slots = lease.slots;
                }
                Err(failed) => return Err(failed.fault),
            }
        }
    }

    /// How many connections wait for their next request.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.pool.waiting()
    }

    async fn connect(&self, target: &Target, by: Instant) -> Result<Connection<B>, NotSent> {
        let stream = self.connector.connect(target, by).await?;
        let wire = stream.wire().clone();
        let mut builder = http1::Builder::new();
        builder.max_headers(HEADERS_MAX).max_buf_size(HEADER_BYTES_MAX);
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(|_| NotSent::Closed)?;
        let task = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(target: "wasaga::http", %error, "a connection ended");
            }
        });
        Ok(Connection { sender, wire, _task: Task(task) })
    }

    fn answer(&self, response: Response<Incoming>, lease: Lease<B>, until: Until) -> Response<Answer<B>> {
        response.map(|incoming| {
            if incoming.is_end_stream() {
                self.pool.give_back(lease);
                return Answer { incoming, held: None, pool: self.pool.clone() };
            }
            let lease = Arc::new(Mutex::new(Some(lease)));
            let unread = lease.clone();
            let end = tokio::spawn(async move {
                tokio::time::sleep_until(until.read).await;
                drop(unread.lock().take());
            });
            Answer { incoming, held: Some((lease, Task(end))), pool: self.pool.clone() }
        })
    }
}

/// A request that has no answer.
struct Failed<B> {
    /// The request, where the connection has not even begun with it.
    unstarted: Option<Request<B>>,
    fault: Fault,
}

/// Sends a request by a connection. What an error means is decided by the bytes that left, not by the error.
async fn exchange<B>(
    connection: &mut Connection<B>,
    request: Request<B>,
    until: Until,
) -> Result<Response<Incoming>, Failed<B>>
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static,
{
    connection.wire.begin();
    let answered = timeout_at(until.answered, connection.sender.try_send_request(request)).await;
    let mut failed = match answered {
        Ok(Ok(response)) => return Ok(response),
        Ok(Err(failed)) => Some(failed),
        Err(_) => None,
    };
    let is_sent = connection.wire.shut();
    let unstarted = failed.as_mut().and_then(|failed| failed.take_message());
    let fault = match &failed {
        Some(failed) => {
            tracing::debug!(target: "wasaga::http", error = ?failed.error(), is_sent, "a request failed");
            match is_sent {
                true => Fault::Lost(of_lost(failed.error())),
                false if failed.error().is_user() => NotSent::Body.into(),
                false => NotSent::Closed.into(),
            }
        }
        None if is_sent => Fault::Lost(Lost::Late),
        None => NotSent::NoConnectionInTime.into(),
    };
    Err(Failed { unstarted, fault })
}

/// Says more of a request that left.
fn of_lost(error: &hyper::Error) -> Lost {
    if error.is_parse_too_large() {
        Lost::HeadersTooLarge
    } else if error.is_parse() {
        Lost::NoHttp
    } else if error.is_user() {
        Lost::Body
    } else {
        Lost::Ended
    }
}

/// What stands in the request's first line. The host has a header of its own.
fn origin_form(uri: &Uri) -> Uri {
    let path = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    Uri::from(path)
}

/// The connection of an answer whose body has not come whole, shared with the task that closes it at the call's end.
type Held<B> = (Arc<Mutex<Option<Lease<B>>>>, Task);

/// The body of an answer. Its connection is kept once it has come whole, and closed otherwise.
#[derive(Debug)]
pub(crate) struct Answer<B: Send + 'static> {
    incoming: Incoming,
    held: Option<Held<B>>,
    pool: Arc<Pool<B>>,
}

impl<B: Send + 'static> Answer<B> {
    fn came_whole(&mut self) {
        let lease = self.held.take().and_then(|(lease, _)| lease.lock().take());
        if let Some(lease) = lease {
            self.pool.give_back(lease);
        }
    }

    fn close(&mut self) {
        if let Some((lease, _)) = self.held.take() {
            drop(lease.lock().take());
        }
    }
}

impl<B: Send + 'static> Body for Answer<B> {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.incoming).poll_frame(context);
        match &frame {
            Poll::Ready(None) => self.came_whole(),
            Poll::Ready(Some(Err(_))) => self.close(),
            Poll::Ready(Some(Ok(_))) | Poll::Pending => {}
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl<B: Send + 'static> Drop for Answer<B> {
    fn drop(&mut self) {
        if self.incoming.is_end_stream() {
            self.came_whole();
        } else {
            self.close();
        }
    }
}
