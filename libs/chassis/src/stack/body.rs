//! The answer on its way out: its last frame tells how it ended.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::FutureExt as _;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::body::Body;
use tonic::{Code, Status};

use super::panics;
use super::trace::Record;
use crate::status::{PEER_UNAVAILABLE, of_chassis};

/// A body that catches panics of a stream, notes the code in its record, and ends a stream that still waits for
/// something to say when the server shuts down. An answer that is complete never waits, so it is never cut.
pub(crate) struct Answer {
    inner: Body,
    record: Record,
    draining: CancellationToken,
    drained: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    ended: bool,
}

impl Answer {
    /// Wraps what a handler answers.
    pub(crate) fn new(inner: Body, record: Record, draining: CancellationToken) -> Self {
        Self { inner, record, draining, drained: None, ended: false }
    }

    fn end_with(&mut self, status: &Status) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.ended = true;
        self.record.finish(status.code());
        let mut trailers = HeaderMap::new();
        Poll::Ready(Some(match status.add_header(&mut trailers) {
            Ok(()) => Ok(Frame::trailers(trailers)),
            Err(status) => Err(status),
        }))
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        if this.ended {
            return Poll::Ready(None);
        }
        let inner = Pin::new(&mut this.inner);
        match panics::caught_now(|| inner.poll_frame(context)) {
            Err(status) => this.end_with(&status),
            Ok(Poll::Ready(Some(Ok(frame)))) => {
                if let Some(trailers) = frame.trailers_ref() {
                    this.record.finish(code(trailers));
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Ok(Poll::Ready(Some(Err(status)))) => {
                this.record.finish(status.code());
                Poll::Ready(Some(Err(status)))
            }
            Ok(Poll::Ready(None)) => {
                this.record.finish(Code::Ok);
                Poll::Ready(None)
            }
            Ok(Poll::Pending) => {
                let draining = &this.draining;
                let drained = this
                    .drained
                    .get_or_insert_with(|| Box::pin(draining.clone().cancelled_owned()));
                match drained.poll_unpin(context) {
                    Poll::Ready(()) => this.end_with(&shutting_down()),
                    Poll::Pending => Poll::Pending,
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The code in the headers or trailers of an answer; none there is OK.
pub(crate) fn code(headers: &HeaderMap) -> Code {
    headers.get(Status::GRPC_STATUS).map_or(Code::Ok, |value| Code::from_bytes(value.as_bytes()))
}

/// The status of what is given up because the server ends. To whoever reads it, that is a peer gone away.
pub(crate) fn shutting_down() -> Status {
    of_chassis(Code::Unavailable, PEER_UNAVAILABLE, "the server is shutting down", &[], None)
}
