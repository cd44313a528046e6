//! The bytes of a connection, as they leave: what tells a request that was sent from one that was not.
//!
//! The bytes of TLS's own handshake are no request's. So two places watch: [`Stream`], above TLS, sees that a request
//! was begun; [`Socket`], below it, sees that bytes have left since then.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client::TlsStream;

/// What has left by one connection. A connection serves one request after the other.
#[derive(Debug, Default)]
pub(crate) struct Wire(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Bytes that the socket has taken.
    left: u64,
    /// Those of before this request.
    before: u64,
    /// Whether bytes of this request were given to the connection.
    is_begun: bool,
    /// Whether nothing may leave any more.
    is_shut: bool,
}

impl Wire {
    /// The next request begins.
    pub(crate) fn begin(&self) {
        let mut state = self.0.lock();
        state.before = state.left;
        state.is_begun = false;
    }

    /// Lets nothing leave any more, and tells whether a byte of this request has left. The answer stays true, for the
    /// connection's task may be about to write at this moment.
    pub(crate) fn shut(&self) -> bool {
        let mut state = self.0.lock();
        state.is_shut = true;
        state.is_begun && state.left > state.before
    }

    /// Writes, where that is still allowed, and counts. The lock is held for one call of the system that does not wait.
    fn write(&self, write: impl FnOnce() -> Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        let mut state = self.0.lock();
        if state.is_shut {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let written = write();
        if let Poll::Ready(Ok(bytes)) = &written {
            state.left += *bytes as u64;
        }
        written
    }
}

/// What lies at the bottom of a connection, such as a TCP socket.
#[derive(Debug)]
pub(crate) struct Socket<S> {
    inner: S,
    wire: Arc<Wire>,
}

impl<S> Socket<S> {
    pub(crate) fn new(inner: S, wire: Arc<Wire>) -> Self {
        Self { inner, wire }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Socket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Socket<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Self { inner, wire } = &mut *self;
        wire.write(|| Pin::new(inner).poll_write(context, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Self { inner, wire } = &mut *self;
        wire.write(|| Pin::new(inner).poll_write_vectored(context, parts))
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

/// What requests are written to, with TLS or without.
#[derive(Debug)]
pub(crate) struct Stream<S> {
    inner: Inner<S>,
    wire: Arc<Wire>,
}

#[derive(Debug)]
enum Inner<S> {
    Plain(Socket<S>),
    Secure(Box<TlsStream<Socket<S>>>),
}

/// Does the same with either.
macro_rules! of_inner {
    ($stream:expr, $inner:ident => $does:expr) => {
        match &mut $stream.inner {
            Inner::Plain($inner) => $does,
            Inner::Secure($inner) => $does,
        }
    };
}

impl<S> Stream<S> {
    pub(crate) fn plain(socket: Socket<S>) -> Self {
        let wire = socket.wire.clone();
        Self { inner: Inner::Plain(socket), wire }
    }

    pub(crate) fn secure(tls: TlsStream<Socket<S>>) -> Self {
        let wire = tls.get_ref().0.wire.clone();
        Self { inner: Inner::Secure(Box::new(tls)), wire }
    }

    pub(crate) fn wire(&self) -> &Arc<Wire> {
        &self.wire
    }

    /// Whatever TLS does with it, it may leave from now on, also where writing fails in the middle.
    fn begun(&self, bytes: usize) {
        if bytes > 0 {
            self.wire.0.lock().is_begun = true;
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        of_inner!(self, inner => Pin::new(inner).poll_read(context, buffer))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.begun(bytes.len());
        of_inner!(self, inner => Pin::new(inner).poll_write(context, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.begun(parts.iter().map(|part| part.len()).sum());
        of_inner!(self, inner => Pin::new(inner).poll_write_vectored(context, parts))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.inner {
            Inner::Plain(inner) => inner.is_write_vectored(),
            Inner::Secure(inner) => inner.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        of_inner!(self, inner => Pin::new(inner).poll_flush(context))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        of_inner!(self, inner => Pin::new(inner).poll_shutdown(context))
    }
}
