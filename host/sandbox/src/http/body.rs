//! Bodies with a limit on their bytes, and answers with one on their silence.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::time::{Instant, Sleep};
use wasmtime_wasi_http::{Error, WasiBody};

/// Bytes of a request's body, and of an answer's: as much as one payload of a call.
pub(super) const BYTES_MAX: u64 = crate::PAYLOAD_BYTES_MAX as u64;

/// A body that ends with an error where it goes beyond its limits.
pub(super) struct Capped<B> {
    inner: B,
    left: u64,
    too_large: fn() -> Error,
    /// How long it may say nothing, and when that is over.
    silence: Option<(Duration, Pin<Box<Sleep>>)>,
}

impl<B> Capped<B>
where
    B: Body<Data = Bytes, Error: Into<Error>> + Send + Unpin + 'static,
{
    pub(super) fn of_request(inner: B) -> Self {
        let too_large = || Error::HttpRequestBodySize(Some(BYTES_MAX));
        Self { inner, left: BYTES_MAX, too_large, silence: None }
    }

    pub(super) fn of_answer(inner: B, silence: Duration) -> Self {
        let too_large = || Error::HttpResponseBodySize(Some(BYTES_MAX));
        let silence = Some((silence, Box::pin(tokio::time::sleep(silence))));
        Self { inner, left: BYTES_MAX, too_large, silence }
    }

    pub(super) fn boxed(self) -> WasiBody {
        self.boxed_unsync()
    }
}

impl<B> Body for Capped<B>
where
    B: Body<Data = Bytes, Error: Into<Error>> + Unpin,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let body = &mut *self;
        let Poll::Ready(frame) = Pin::new(&mut body.inner).poll_frame(context) else {
            let Some((_, sleep)) = &mut body.silence else { return Poll::Pending };
            ready!(sleep.as_mut().poll(context));
            return Poll::Ready(Some(Err(Error::ConnectionReadTimeout)));
        };
        if let Some((span, sleep)) = &mut body.silence {
            sleep.as_mut().reset(Instant::now() + *span);
        }
        let frame = match frame {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
            None => return Poll::Ready(None),
        };
        let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
        match body.left.checked_sub(bytes) {
            Some(left) => {
                body.left = left;
                Poll::Ready(Some(Ok(frame)))
            }
            None => Poll::Ready(Some(Err((body.too_large)()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
