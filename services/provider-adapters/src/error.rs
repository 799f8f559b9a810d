//! Why provider-adapters cannot serve a request. That a method cannot work is no error.

use chassis::{FieldViolation, ServiceError, status};
use proto::Invalid;
use proto::error::v1::ErrorReason;
use tonic::{Code, Status};

/// Why a request cannot be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A field of the request is wrong.
    #[error("invalid request: {0}")]
    Request(#[from] Invalid),
    /// One of the calls makes no sense.
    #[error("invalid request: `calls[{place}].{field}` {problem}")]
    Call {
        /// Its place in the batch.
        place: usize,
        /// The field that is wrong.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The adapter lives in another process, or nowhere.
    #[error("adapter `{adapter}` is not hosted here; hosted are {hosted}")]
    NotHosted {
        /// Its name.
        adapter: &'static str,
        /// Those that are.
        hosted: String,
    },
    /// The same version has been applied with other content.
    #[error(
        "policy version {version} of `{company}` has been applied with other content; a version never changes: \
         apply the change under a version of its own"
    )]
    VersionTaken {
        /// The company.
        company: String,
        /// Its policy version.
        version: u64,
    },
    /// The policy version has not been applied here.
    #[error("policy version {version} of `{company}` is not known here: apply it, and ask again")]
    UnknownVersion {
        /// The company.
        company: String,
        /// Its policy version.
        version: u64,
    },
    /// An entry of a list makes no sense.
    #[error("invalid request: `{list}[{place}]`: {invalid}")]
    Entry {
        /// The list.
        list: &'static str,
        /// Its place in it.
        place: usize,
        /// What is wrong with it.
        invalid: Invalid,
    },
    /// A signal of an attempt that was never ordered here.
    #[error("`signals[{place}].attempt` was never ordered here")]
    UnknownAttempt {
        /// Its place among the signals.
        place: usize,
    },
    /// Something was begun and not finished.
    #[error("the request was not finished")]
    Unfinished,
    /// The database does not answer.
    #[error("storage is unavailable")]
    Storage(#[from] storage::Error),
}

impl ServiceError for Error {
    fn code(&self) -> Code {
        match self {
            Self::Request(_) | Self::Call { .. } | Self::Entry { .. } => Code::InvalidArgument,
            Self::NotHosted { .. } | Self::UnknownVersion { .. } => Code::FailedPrecondition,
            Self::VersionTaken { .. } => Code::Aborted,
            Self::UnknownAttempt { .. } => Code::NotFound,
            Self::Unfinished => Code::Internal,
            Self::Storage(_) => Code::Unavailable,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Request(Invalid::TooMany { .. }) => ErrorReason::PayloadTooLarge,
            Self::Request(_) | Self::Call { .. } | Self::Entry { .. } => {
                ErrorReason::InvalidMeeting
            }
            Self::NotHosted { .. } => ErrorReason::PeerUnavailable,
            Self::VersionTaken { .. } => ErrorReason::RevisionConflict,
            Self::UnknownVersion { .. } => ErrorReason::UnknownPolicyVersion,
            Self::UnknownAttempt { .. } => ErrorReason::UnknownCall,
            Self::Unfinished => ErrorReason::Internal,
            Self::Storage(_) => ErrorReason::StorageUnavailable,
        }
        .as_str_name()
    }

    fn violations(&self) -> Vec<FieldViolation> {
        match self {
            Self::Request(invalid) => {
                vec![FieldViolation::new(invalid.field(), invalid.to_string())]
            }
            Self::Call { place, field, problem } => {
                vec![FieldViolation::new(format!("calls[{place}].{field}"), problem.as_str())]
            }
            Self::Entry { list, place, invalid } => {
                let field = format!("{list}[{place}].{}", invalid.field());
                vec![FieldViolation::new(field, invalid.to_string())]
            }
            Self::NotHosted { .. }
            | Self::VersionTaken { .. }
            | Self::UnknownVersion { .. }
            | Self::UnknownAttempt { .. }
            | Self::Unfinished
            | Self::Storage(_) => Vec::new(),
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Request(invalid) => vec![("field", invalid.field().to_owned())],
            Self::Call { place, field, .. } => vec![("field", format!("calls[{place}].{field}"))],
            Self::NotHosted { adapter, .. } => vec![("peer", (*adapter).to_owned())],
            Self::VersionTaken { company, version } | Self::UnknownVersion { company, version } => {
                vec![("company", company.clone()), ("policy_version", version.to_string())]
            }
            Self::Entry { list, place, invalid } => {
                vec![("field", format!("{list}[{place}].{}", invalid.field()))]
            }
            Self::UnknownAttempt { place } => vec![("field", format!("signals[{place}].attempt"))],
            Self::Unfinished | Self::Storage(_) => {
                vec![("service", "provider-adapters".to_owned())]
            }
        }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        status(&error)
    }
}
