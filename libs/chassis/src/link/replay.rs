//! The body of a request, kept so that it can be sent again.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::future::poll_fn;
use http_body::{Body as _, Frame, SizeHint};
use tonic::Status;
use tonic::body::Body;

/// What is kept of one request at most, in bytes. Frames are counted references: keeping costs no copy, only that the
/// memory stays until the answer begins.
const KEPT: usize = 1 << 20;

/// A body that can be sent: again and again, or once.
#[derive(Debug)]
pub(crate) enum Replay {
    /// The whole body, which was there at once: what a generated client makes of one message.
    Kept(Vec<Bytes>),
    /// A body too large or still being written.
    Once(Option<Body>),
}

impl Replay {
    /// Takes what of `body` is there already, without waiting for more.
    pub(crate) async fn gather(mut body: Body) -> Self {
        let mut kept = Vec::with_capacity(1);
        let mut size = 0;
        loop {
            let next = poll_fn(|context| {
                Poll::Ready(match Pin::new(&mut body).poll_frame(context) {
                    Poll::Ready(frame) => Some(frame),
                    Poll::Pending => None,
                })
            });
            let last = match next.await {
                Some(None) => return Self::Kept(kept),
                Some(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => {
                        size += data.len();
                        kept.push(data);
                        if size <= KEPT {
                            continue;
                        }
                        None
                    }
                    Err(trailers) => Some(Ok(trailers)),
                },
                Some(Some(Err(status))) => Some(Err(status)),
                None => None,
            };
            return Self::Once(Some(Body::new(Rest { kept: kept.into_iter(), last, body })));
        }
    }

    /// Whether [`Replay::body`] gives a body once more.
    pub(crate) fn again(&self) -> bool {
        matches!(self, Self::Kept(_))
    }

    /// The body, to be sent.
    pub(crate) fn body(&mut self) -> Body {
        match self {
            Self::Kept(frames) => match frames.as_slice() {
                [] => Body::empty(),
                [frame] => Body::new(http_body_util::Full::new(frame.clone())),
                frames => Body::new(Frames(frames.iter().cloned().collect())),
            },
            Self::Once(body) => body.take().unwrap_or_else(Body::empty),
        }
    }
}

/// Several frames, all there.
struct Frames(VecDeque<Bytes>);

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|data| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        let size: usize = self.0.iter().map(Bytes::len).sum();
        SizeHint::with_exact(u64::try_from(size).unwrap_or(u64::MAX))
    }
}

/// What was taken out of a body, and then the body.
struct Rest {
    kept: std::vec::IntoIter<Bytes>,
    last: Option<Result<Frame<Bytes>, Status>>,
    body: Body,
}

impl http_body::Body for Rest {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Some(data) = self.kept.next() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if let Some(last) = self.last.take() {
            return Poll::Ready(Some(last));
        }
        Pin::new(&mut self.body).poll_frame(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt as _;
    use http_body_util::{BodyExt as _, StreamBody};

    async fn text(body: Body) -> Vec<u8> {
        body.collect().await.unwrap().to_bytes().to_vec()
    }

    fn of(frames: Vec<&'static [u8]>) -> impl futures::Stream<Item = Result<Frame<Bytes>, Status>> {
        futures::stream::iter(
            frames.into_iter().map(|data| Ok(Frame::data(Bytes::from_static(data)))),
        )
    }

    #[tokio::test]
    async fn a_body_that_is_there_is_sent_as_often_as_wanted() {
        for frames in [vec![], vec![b"one".as_slice()], vec![b"one".as_slice(), b"two"]] {
            let mut replay = Replay::gather(Body::new(StreamBody::new(of(frames.clone())))).await;
            assert!(replay.again());
            for _ in 0..3 {
                assert_eq!(text(replay.body()).await, frames.concat());
            }
        }
    }

    #[tokio::test]
    async fn a_body_still_being_written_is_not_waited_for_and_arrives_whole() {
        let slow = futures::stream::once(async {
            tokio::time::sleep(std::time::Duration::from_millis(30)).await;
            Ok(Frame::data(Bytes::from_static(b"two")))
        });
        let body = Body::new(StreamBody::new(of(vec![b"one"]).chain(slow).boxed()));
        let begun = std::time::Instant::now();
        let mut replay = Replay::gather(body).await;
        assert!(!replay.again() && begun.elapsed() < std::time::Duration::from_millis(20));
        assert_eq!(text(replay.body()).await, b"onetwo");
    }

    #[tokio::test]
    async fn a_body_beyond_a_mebibyte_is_sent_once() {
        let half = Bytes::from(vec![7; KEPT / 2]);
        let frames = move |count| {
            futures::stream::iter((0..count).map({
                let half = half.clone();
                move |_| Ok::<_, Status>(Frame::data(half.clone()))
            }))
        };
        assert!(Replay::gather(Body::new(StreamBody::new(frames(2)))).await.again());
        let mut replay = Replay::gather(Body::new(StreamBody::new(frames(5)))).await;
        assert!(!replay.again());
        assert_eq!(text(replay.body()).await.len(), KEPT / 2 * 5);
    }

    #[tokio::test]
    async fn a_body_that_fails_fails_where_it_did() {
        let bad = futures::stream::iter([Err(Status::internal("x"))]);
        let body = Body::new(StreamBody::new(of(vec![b"one"]).chain(bad)));
        let mut replay = Replay::gather(body).await;
        assert!(!replay.again());
        assert!(replay.body().collect().await.is_err());
    }
}
