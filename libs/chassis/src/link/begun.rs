//! Whether a call that failed may have begun at its peer. One that has not can be made again by whoever sent it.

use std::error::Error;
use std::time::Duration;

use http::HeaderMap;
use tonic::{Code, ConnectError, Status};
use tonic_types::StatusExt as _;

use crate::stack::body;
use crate::status::{ERROR_DOMAIN, PEER_UNAVAILABLE};

/// Whether the transport tells that nobody has seen a request: it could not connect, the connection closed before the request
/// was on it, or the peer said which requests it will not look at. gRPC's name for all of them is UNAVAILABLE; where a bare
/// channel meets the last two, tonic says CANCELLED and INTERNAL, with the error of the transport as the source of the status.
#[must_use]
pub fn never_begun(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<ConnectError>() {
            return true;
        }
        if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled) {
            return true;
        }
        if let Some(error) = error.downcast_ref::<h2::Error>() {
            let refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
            return error.is_remote() && (refused || error.is_go_away());
        }
        next = error.source();
    }
    false
}

/// How an answer that begins with a failure is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answered {
    /// Whether it speaks against the peer.
    pub(super) failed: bool,
    /// Whether it says no more than that none came in time.
    pub(super) silent: bool,
    /// Whether it may be asked again, and how long from now at the earliest.
    pub(super) again: Option<Duration>,
}

impl Answered {
    /// An answer that says nothing against the peer.
    pub(super) const WELL: Self = Self { failed: false, silent: false, again: None };

    /// No answer.
    pub(super) const SILENT: Self = Self { failed: true, silent: true, again: None };

    /// What the head of an answer tells. The status of a failure is nearly always there; of what comes after it, of the
    /// length of a stream, nothing is said.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let code = body::code(headers);
        if !matches!(code, Code::Unavailable | Code::DeadlineExceeded | Code::ResourceExhausted) {
            return Self::WELL;
        }
        let Some(status) = Status::from_header_map(headers) else { return Self::WELL };
        let details = status.get_error_details();
        let ours = details.error_info().filter(|info| info.domain == ERROR_DOMAIN);
        if ours.is_some_and(|info| info.metadata.contains_key("peer")) {
            // It is another that is not well, and this one tells us.
            return Self::WELL;
        }
        // A server that ends says so by this reason and no name.
        let ending =
            code == Code::Unavailable && ours.is_some_and(|info| info.reason == PEER_UNAVAILABLE);
        let wait = details.retry_info().and_then(|info| info.retry_delay).unwrap_or_default();
        let silent = code == Code::DeadlineExceeded;
        Self { failed: true, silent, again: ending.then_some(wait) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::{body::shutting_down, deadline};
    use crate::status::of_chassis;

    fn taken(status: Status) -> Answered {
        Answered::of(status.into_http::<tonic::body::Body>().headers())
    }

    #[test]
    fn a_server_that_ends_may_be_asked_again_after_the_time_it_names() {
        assert_eq!(
            taken(shutting_down()),
            Answered { failed: true, silent: false, again: Some(Duration::ZERO) }
        );
        let wait = Duration::from_millis(40);
        let told = of_chassis(Code::Unavailable, PEER_UNAVAILABLE, "", &[], Some(wait));
        assert_eq!(taken(told), Answered { failed: true, silent: false, again: Some(wait) });
    }

    #[test]
    fn silence_and_overload_speak_against_a_peer_and_are_not_repeated() {
        assert_eq!(taken(deadline::exceeded(None)), Answered::SILENT);
        for status in [Status::resource_exhausted(""), Status::unavailable("the database is away")]
        {
            assert_eq!(taken(status), Answered { failed: true, silent: false, again: None });
        }
    }

    #[test]
    fn a_peer_that_tells_of_another_is_well() {
        assert_eq!(taken(deadline::exceeded(Some("consent"))), Answered::WELL);
    }

    #[test]
    fn the_errors_of_a_service_say_nothing_against_it() {
        for status in [Status::not_found(""), Status::internal("panicked"), Status::ok("")] {
            assert_eq!(taken(status), Answered::WELL);
        }
    }
}
