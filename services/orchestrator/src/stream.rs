//! Answers that come one after another: few wait for the caller at a time, and it is over when nobody listens any more, when
//! something fails, or when the service ends.

use std::pin::Pin;
use std::time::Duration;

use futures::Stream;
use tokio::sync::mpsc::{Sender, channel};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::error::Error;

/// Answers that wait for the caller, at the most.
const WAITING: usize = 64;

/// How long a caller who is slow to listen is waited for with the last word.
const PATIENCE: Duration = Duration::from_secs(1);

/// A stream of answers.
pub(crate) type Told<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Tells one answer after another.
#[derive(Debug, Clone)]
pub(crate) struct Teller<T> {
    sender: Sender<Result<T, Status>>,
}

impl<T> Teller<T> {
    /// Tells something, as soon as the caller has room for it. Nobody may be listening any more; then it is in vain, and
    /// whoever tells is dropped when it waits next.
    pub(crate) async fn tell(&self, what: T) {
        let _ = self.sender.send(Ok(what)).await;
    }
}

/// What a task tells. One that is cut off by the end of the service ends with a status, so that it does not look whole.
pub(crate) fn stream<T, F>(
    shutdown: CancellationToken,
    tell: impl FnOnce(Teller<T>) -> F + Send + 'static,
) -> Told<T>
where
    T: Send + 'static,
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let (sender, receiver) = channel(WAITING);
    tokio::spawn(async move {
        let telling = tell(Teller { sender: sender.clone() });
        let ended = tokio::select! {
            biased;
            () = sender.closed() => return,
            () = shutdown.cancelled() => Err(Error::Ending),
            ended = telling => ended,
        };
        if let Err(error) = ended {
            let _ = tokio::time::timeout(PATIENCE, sender.send(Err(error.into()))).await;
        }
    });
    Box::pin(ReceiverStream::new(receiver))
}

#[cfg(test)]
mod tests {
    use futures::StreamExt as _;

    use super::*;

    #[tokio::test]
    async fn what_is_told_comes_in_order_and_a_failure_is_the_last_word() {
        let told = stream(CancellationToken::new(), |teller: Teller<u32>| async move {
            for number in 0..1_000 {
                teller.tell(number).await;
            }
            Err(Error::Contended)
        });
        let told: Vec<_> = told.collect().await;
        assert_eq!(told.len(), 1_001);
        assert!(told.iter().zip(0..1_000).all(|(one, number)| one.as_ref().ok() == Some(&number)));
        assert_eq!(told[1_000].as_ref().unwrap_err().code(), tonic::Code::Aborted);
    }

    #[tokio::test]
    async fn nobody_goes_on_telling_when_nobody_listens() {
        let (gone, noticed) = tokio::sync::oneshot::channel::<()>();
        let mut told = stream(CancellationToken::new(), |teller: Teller<u32>| async move {
            let _gone = gone;
            loop {
                teller.tell(1).await;
            }
        });
        assert_eq!(told.next().await.unwrap().unwrap(), 1);
        drop(told);
        // The other end is dropped with the task.
        let noticed = tokio::time::timeout(Duration::from_secs(5), noticed).await.unwrap();
        assert!(noticed.is_err());
    }

    #[tokio::test]
    async fn the_end_of_the_service_cuts_a_stream_off_with_a_status() {
        let shutdown = CancellationToken::new();
        let mut told = stream(shutdown.clone(), |teller: Teller<u32>| async move {
            teller.tell(1).await;
            std::future::pending().await
        });
        assert_eq!(told.next().await.unwrap().unwrap(), 1);
        shutdown.cancel();
        let status = told.next().await.unwrap().unwrap_err();
        assert_eq!(status.code(), tonic::Code::Unavailable);
        assert!(told.next().await.is_none());
    }
}
