//! Why the consent service cannot serve a request. That a call may not be recorded is no error.

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
    /// The consent part of a policy is wrong.
    #[error("invalid consent part: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Part(Vec<decision::company::Invalid>),
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
    /// Nothing has been applied for the company.
    #[error("no company `{0}` has been applied: apply its company file first")]
    UnknownCompany(String),
    /// The company has no consent pages.
    #[error(
        "`{0}` has no host for consent links: set `consent.host` in its company file, and apply it"
    )]
    NoHost(String),
    /// What a link should lead to is no conference, or the link would not be one.
    #[error("`{field}` {problem}")]
    Link {
        /// The field of the request.
        field: &'static str,
        /// What is wrong with it. Never the link itself, which may hold a passcode.
        problem: String,
    },
    /// There is no key to sign with.
    #[error("cannot sign consent links: {0}")]
    Key(#[from] crate::key::Error),
    /// A choice was recorded under the same key, and it was another one.
    #[error("`request_id` names a choice recorded before, and it was another one: use a new id")]
    AnotherChoice,
    /// Work was given up because the process ends, or by a fault of the program.
    #[error("the work was not finished")]
    Unfinished,
    /// A method of a later version.
    #[error("`{0}` comes in a later version")]
    Later(&'static str),
    /// The database does not answer.
    #[error("storage is unavailable")]
    Storage(#[from] storage::Error),
}

impl ServiceError for Error {
    fn code(&self) -> Code {
        match self {
            Self::Request(_) | Self::Part(_) | Self::Link { .. } | Self::AnotherChoice => {
                Code::InvalidArgument
            }
            Self::VersionTaken { .. } => Code::Aborted,
            Self::UnknownVersion { .. } | Self::NoHost(_) | Self::Key(_) => {
                Code::FailedPrecondition
            }
            Self::UnknownCompany(_) => Code::NotFound,
            Self::Unfinished => Code::Internal,
            Self::Later(_) => Code::Unimplemented,
            Self::Storage(_) => Code::Unavailable,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Request(Invalid::TooMany { .. }) => ErrorReason::PayloadTooLarge,
            Self::Request(_) => ErrorReason::InvalidMeeting,
            Self::AnotherChoice => ErrorReason::RequestIdReused,
            Self::Part(_) | Self::NoHost(_) => ErrorReason::InvalidCompanyFile,
            Self::VersionTaken { .. } => ErrorReason::RevisionConflict,
            Self::UnknownVersion { .. } => ErrorReason::UnknownPolicyVersion,
            Self::UnknownCompany(_) => ErrorReason::UnknownCompany,
            Self::Link { .. } => ErrorReason::InvalidLink,
            Self::Key(_) => ErrorReason::ConsentKeyMissing,
            Self::Unfinished => ErrorReason::Internal,
            Self::Later(_) => ErrorReason::UnimplementedInThisVersion,
            Self::Storage(_) => ErrorReason::StorageUnavailable,
        }
        .as_str_name()
    }

    fn violations(&self) -> Vec<FieldViolation> {
        match self {
            Self::Request(invalid) => {
                vec![FieldViolation::new(invalid.field(), invalid.to_string())]
            }
            Self::Part(wrong) => wrong
                .iter()
                .map(|one| FieldViolation::new(one.field.as_str(), one.message.as_str()))
                .collect(),
            Self::Link { field, problem } => vec![FieldViolation::new(*field, problem.as_str())],
            Self::AnotherChoice => {
                vec![FieldViolation::new("request_id", "names another choice")]
            }
            Self::VersionTaken { .. }
            | Self::UnknownVersion { .. }
            | Self::UnknownCompany(_)
            | Self::NoHost(_)
            | Self::Key(_)
            | Self::Unfinished
            | Self::Later(_)
            | Self::Storage(_) => Vec::new(),
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::VersionTaken { company, version } | Self::UnknownVersion { company, version } => {
                vec![("company", company.clone()), ("policy_version", version.to_string())]
            }
            Self::UnknownCompany(company) => vec![("company", company.clone())],
            Self::NoHost(company) => vec![
                ("company", company.clone()),
                ("field", "consent.host".to_owned()),
                ("problem", "not set".to_owned()),
            ],
            Self::Request(invalid) => vec![("field", invalid.field().to_owned())],
            Self::Link { field, .. } => vec![("field", (*field).to_owned())],
            Self::AnotherChoice => vec![("field", "request_id".to_owned())],
            Self::Key(error) => {
                let file = error.path().map(|path| path.display().to_string());
                vec![("key", "signing".to_owned()), ("key_file", file.unwrap_or_default())]
            }
            Self::Unfinished => Vec::new(),
            Self::Later(method) => vec![("method", (*method).to_owned())],
            Self::Storage(_) => vec![("service", "consent".to_owned())],
            Self::Part(wrong) => {
                wrong.first().map(|one| ("field", one.field.clone())).into_iter().collect()
            }
        }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        status(&error)
    }
}
