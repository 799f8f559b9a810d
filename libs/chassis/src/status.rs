//! From a service's error to the status that travels.

use std::collections::HashMap;
use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};
use tracing::warn;

pub use tonic_types::FieldViolation;

use crate::stack::call;

/// The domain of every `google.rpc.ErrorInfo` this system sends.
pub const ERROR_DOMAIN: &str = "callsheet";

/// The reason of a peer that cannot be asked. With the peer's name in the metadata, it is that peer; without, whoever says it.
pub(crate) const PEER_UNAVAILABLE: &str = "ERROR_REASON_PEER_UNAVAILABLE";

/// An error of a service that can be told to its caller.
///
/// Its `Display` is sent as the message of the status; its sources are not.
pub trait ServiceError: Error {
    /// The gRPC code.
    fn code(&self) -> Code;

    /// The reason for programs: the name of a value of the contract's enum of error reasons.
    fn reason(&self) -> &'static str;

    /// The fields of the request that are wrong, if it is the request that is wrong.
    fn violations(&self) -> Vec<FieldViolation> {
        Vec::new()
    }

    /// Further facts for programs, as keys and values. No content of meetings, no addresses.
    fn metadata(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// After what time the same request may succeed.
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}

/// The status of an error, with `google.rpc.ErrorInfo` in its details, and `BadRequest` and `RetryInfo` where the error
/// names violations or a delay.
///
/// Sources are logged where the fault is ours, and never sent. Where it is the caller's nothing is logged: the source
/// would be a piece of the request.
#[must_use]
pub fn status(error: &impl ServiceError) -> Status {
    let code = error.code();
    if let (true, Some(source)) = (is_ours(code), error.source()) {
        warn!(
            method = call::method().as_deref(),
            code = ?code,
            reason = error.reason(),
            source = chain(source),
            "request failed"
        );
    }
    let metadata: HashMap<String, String> =
        error.metadata().into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let mut details = ErrorDetails::new();
    details.set_error_info(error.reason(), ERROR_DOMAIN, metadata);
    let violations = error.violations();
    if !violations.is_empty() {
        details.set_bad_request(violations);
    }
    if let Some(delay) = error.retry_after() {
        details.set_retry_info(Some(delay));
    }
    Status::with_error_details(code, error.to_string(), details)
}

/// A status of the chassis itself. The reasons and the keys of their metadata are those of the contract.
pub(crate) fn of_chassis(
    code: Code,
    reason: &'static str,
    message: &str,
    metadata: &[(&'static str, &str)],
    retry: Option<Duration>,
) -> Status {
    let metadata: HashMap<String, String> =
        metadata.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let mut details = ErrorDetails::with_error_info(reason, ERROR_DOMAIN, metadata);
    if retry.is_some() {
        details.set_retry_info(retry);
    }
    Status::with_error_details(code, message, details)
}

/// Whether a code says that something is wrong on this side.
pub(crate) fn is_ours(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
    )
}

/// An error and all its sources in one line, for logs: what a peer answered, or the database said, is in the sources only.
/// Nobody is sent it.
///
/// ```
/// #[derive(Debug, thiserror::Error)]
/// #[error("the book could not be fetched")]
/// struct Fetch(#[source] std::fmt::Error);
///
/// let error = Fetch(std::fmt::Error);
/// assert_eq!(chassis::chain(&error).split(": ").next(), Some("the book could not be fetched"));
/// assert!(chassis::chain(&error).ends_with(&std::fmt::Error.to_string()));
/// ```
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let _ = write!(text, ": {error}");
        source = error.source();
    }
    text
}
