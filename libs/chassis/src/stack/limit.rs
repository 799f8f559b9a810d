//! How many requests of one service are worked on at once; the rest is turned away, not queued.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::{Code, Status};

use crate::status::of_chassis;

/// When to come back.
const RETRY: Duration = Duration::from_millis(250);

/// Places for requests. Health and reflection are outside: an overloaded service is still alive.
#[derive(Debug, Clone)]
pub(crate) struct Limit {
    service: &'static str,
    places: usize,
    free: Arc<Semaphore>,
}

impl Limit {
    /// `places` requests to `service` at once; at least one.
    pub(crate) fn new(service: &'static str, places: usize) -> Self {
        let places = places.clamp(1, Semaphore::MAX_PERMITS);
        Self { service, places, free: Arc::new(Semaphore::new(places)) }
    }

    /// A place, kept until the permit is dropped, or RESOURCE_EXHAUSTED with a `RetryInfo`.
    pub(crate) fn admit(&self) -> Result<OwnedSemaphorePermit, Status> {
        Arc::clone(&self.free).try_acquire_owned().map_err(|_| {
            of_chassis(
                Code::ResourceExhausted,
                "ERROR_REASON_OVERLOADED",
                "too many requests at once; try again shortly",
                &[("service", self.service), ("limit", &self.places.to_string())],
                Some(RETRY),
            )
        })
    }
}
