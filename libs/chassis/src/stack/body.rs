//! The answer on its way out: its last frame tells how it ended.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use tokio::time::{Sleep, sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::body::Body;
use tonic::{Code, Status};

use super::panics;
use super::trace::Record;
use crate::status::{PEER_UNAVAILABLE, of_chassis};

/// How long a stream has nothing to say before it counts as waiting. One that reads page after page goes on.
const REST: Duration = Duration::from_millis(250);

/// A body that catches panics of a stream, notes the code in its record, and ends a stream that waits for something to
/// say when its server or its connection ends. An answer that is complete never waits, so it is never cut.
pub(crate) struct Answer {
    inner: Body,
    record: Record,
    ending: CancellationToken,
    told: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    rest: Option<Pin<Box<Sleep>>>,
    ended: bool,
}

impl Answer {
    /// Wraps what a handler answers.
    pub(crate) fn new(inner: Body, record: Record, ending: CancellationToken) -> Self {
        Self { inner, record, ending, told: None, rest: None, ended: false }
    }

    /// Ready when the stream has waited for long enough after it was told to end.
    fn poll_rest(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.ending.is_cancelled() {
            let ending = &self.ending;
            let told = self.told.get_or_insert_with(|| Box::pin(ending.clone().cancelled_owned()));
            ready!(told.poll_unpin(context));
        }
        self.rest.get_or_insert_with(|| Box::pin(sleep(REST))).poll_unpin(context)
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
                this.rest = None;
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
            Ok(Poll::Pending) => match this.poll_rest(context) {
                Poll::Ready(()) => this.end_with(&shutting_down()),
                Poll::Pending => Poll::Pending,
            },
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
    of_chassis(
        Code::Unavailable,
        PEER_UNAVAILABLE,
        "the server or the connection is ending; come back",
        &[],
        None,
    )
}
