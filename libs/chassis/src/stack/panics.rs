//! A handler that panics fails its own request and no other.

use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use tonic::{Code, Status};

use crate::status::of_chassis;

/// The answer of `work`, or INTERNAL if it panics. What the panic says is not sent: it may quote the request.
pub(crate) async fn caught<F: Future>(work: F) -> Result<F::Output, Status> {
    AssertUnwindSafe(work).catch_unwind().await.map_err(|_| internal())
}

/// The same for one step that is no future.
pub(crate) fn caught_now<T>(step: impl FnOnce() -> T) -> Result<T, Status> {
    std::panic::catch_unwind(AssertUnwindSafe(step)).map_err(|_| internal())
}

fn internal() -> Status {
    of_chassis(
        Code::Internal,
        "ERROR_REASON_INTERNAL",
        "the service failed on this request",
        &[],
        None,
    )
}
