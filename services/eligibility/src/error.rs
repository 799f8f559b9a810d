//! Why a request cannot be served.

use std::time::Duration;

use chassis::{FieldViolation, ServiceError};
use proto::error::v1::ErrorReason;
use tonic::{Code, Status};

use crate::document::Problem;

/// Bytes of all violations of one error: details travel in headers, of which a client reads 16 KiB.
const VIOLATIONS: usize = 4_096;
/// Characters of a message.
const MESSAGE: usize = 480;

/// Why a request cannot be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The company file is wrong; at least one problem.
    #[error("{}", summary(.0))]
    File(Vec<Problem>),
    /// The company file is larger than any company needs.
    #[error("{what} has {bytes} bytes, at most {limit} are taken")]
    TooLarge { what: &'static str, field: &'static str, bytes: usize, limit: usize },
    /// More questions than one request may hold.
    #[error(transparent)]
    TooMany(proto::Invalid),
    /// The batch itself is wrong.
    #[error("invalid request: {0}")]
    Batch(proto::Invalid),
    /// The member in the request is wrong.
    #[error("invalid member: {0}")]
    Member(proto::Invalid),
    /// Somebody else's domain or assistant.
    #[error(
        "{}`{}` belongs to another company; remove it, or have that company give it up first",
        at(.0),
        clip(.1, 120)
    )]
    Taken(Problem, String),
    /// Nobody applied this company.
    #[error("no company `{}` has been applied", clip(.0, 63))]
    UnknownCompany(String),
    /// The company never had that version.
    #[error(
        "company `{}` has no policy version {version}; the newest is {newest}",
        clip(company, 63)
    )]
    UnknownVersion { company: String, version: u64, newest: u64 },
    /// The company never had that member.
    #[error("company `{}` has no member `{}`", clip(company, 63), clip(member, 63))]
    UnknownMember { company: String, member: String },
    /// A page token that this list did not give.
    #[error("the page token is none of this list; list from the start")]
    Token,
    /// Others changed the company again and again.
    #[error("company `{}` was changed by others meanwhile; please retry", clip(.0, 63))]
    Contended(String),
    /// A version that was stored and cannot be read.
    #[error("what is stored cannot be read")]
    Unreadable(#[source] serde_json::Error),
    /// Work of ours that did not come to its end.
    #[error("the request failed")]
    Lost(#[from] tokio::task::JoinError),
    /// The database.
    #[error(transparent)]
    Storage(#[from] storage::Error),
}

impl ServiceError for Error {
    fn code(&self) -> Code {
        match self {
            Self::File(_)
            | Self::TooLarge { .. }
            | Self::TooMany(_)
            | Self::Batch(_)
            | Self::Member(_)
            | Self::UnknownMember { .. } => Code::InvalidArgument,
            Self::Taken(..) | Self::UnknownVersion { .. } => Code::FailedPrecondition,
            Self::UnknownCompany(_) => Code::NotFound,
            Self::Token => Code::OutOfRange,
            Self::Contended(_) => Code::Aborted,
            Self::Unreadable(_) | Self::Lost(_) => Code::Internal,
            Self::Storage(error) => storage_kind(error).0,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::File(_) | Self::Member(_) | Self::UnknownMember { .. } => {
                ErrorReason::InvalidCompanyFile
            }
            Self::TooLarge { .. } | Self::TooMany(_) => ErrorReason::PayloadTooLarge,
            Self::Batch(_) => ErrorReason::InvalidMeeting,
            Self::Taken(..) => ErrorReason::DomainBelongsToAnotherCompany,
            Self::UnknownCompany(_) => ErrorReason::UnknownCompany,
            Self::UnknownVersion { .. } => ErrorReason::UnknownPolicyVersion,
            Self::Token => ErrorReason::CursorExpired,
            Self::Contended(_) => ErrorReason::RevisionConflict,
            Self::Unreadable(_) | Self::Lost(_) => ErrorReason::Internal,
            Self::Storage(error) => storage_kind(error).1,
        }
        .as_str_name()
    }

    fn violations(&self) -> Vec<FieldViolation> {
        match self {
            Self::File(problems) => {
                let mut left = VIOLATIONS;
                problems
                    .iter()
                    .map(|problem| {
                        let description = format!("{}{}", at(problem), clip(&problem.message, 320));
                        let field = match problem.field.as_str() {
                            "" => "document".to_owned(),
                            field => clip(field, 160),
                        };
                        FieldViolation::new(field, description)
                    })
                    .take_while(|violation| {
                        let size = violation.field.len() + violation.description.len();
                        left = left.saturating_sub(size);
                        left > 0
                    })
                    .collect()
            }
            Self::Taken(problem, _) => {
                vec![FieldViolation::new(clip(&problem.field, 160), self.to_string())]
            }
            Self::TooLarge { field, .. } => vec![FieldViolation::new(*field, self.to_string())],
            Self::TooMany(invalid) | Self::Batch(invalid) | Self::Member(invalid) => {
                vec![FieldViolation::new(invalid.field(), invalid.to_string())]
            }
            Self::UnknownMember { .. } => vec![FieldViolation::new("member_id", self.to_string())],
            Self::Token => vec![FieldViolation::new("page_token", self.to_string())],
            Self::UnknownCompany(_)
            | Self::UnknownVersion { .. }
            | Self::Contended(_)
            | Self::Unreadable(_)
            | Self::Lost(_)
            | Self::Storage(_) => Vec::new(),
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::File(problems) => problems.first().map(place).unwrap_or_default(),
            Self::Taken(problem, name) => {
                let mut metadata = place(problem);
                if !name.contains('@') {
                    metadata.push(("domain", clip(name, 253)));
                }
                metadata
            }
            Self::TooLarge { field, bytes, limit, .. } => vec![
                ("field", (*field).to_owned()),
                ("bytes", bytes.to_string()),
                ("limit", limit.to_string()),
            ],
            Self::TooMany(invalid) | Self::Batch(invalid) | Self::Member(invalid) => {
                vec![("field", invalid.field().to_owned())]
            }
            Self::UnknownCompany(company) | Self::Contended(company) => {
                vec![("company", clip(company, 63))]
            }
            Self::UnknownVersion { company, version, newest } => vec![
                ("company", clip(company, 63)),
                ("policy_version", version.to_string()),
                ("newest", newest.to_string()),
            ],
            Self::UnknownMember { company, .. } => {
                vec![("company", clip(company, 63)), ("field", "member_id".to_owned())]
            }
            Self::Token => vec![("field", "page_token".to_owned())],
            Self::Storage(_) => vec![("service", "eligibility".to_owned())],
            Self::Unreadable(_) | Self::Lost(_) => Vec::new(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        matches!(self.code(), Code::Unavailable | Code::Aborted).then_some(Duration::from_secs(1))
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        chassis::status(&error)
    }
}

/// What trouble with the database means to the caller.
fn storage_kind(error: &storage::Error) -> (Code, ErrorReason) {
    use storage::Error::{Busy, Conflict, Unavailable};
    if matches!(error, Unavailable(_) | Busy(_)) {
        (Code::Unavailable, ErrorReason::StorageUnavailable)
    } else if matches!(error, Conflict(_)) {
        (Code::Aborted, ErrorReason::RevisionConflict)
    } else {
        (Code::Internal, ErrorReason::Internal)
    }
}

/// The first problem with its place, and how many more there are.
fn summary(problems: &[Problem]) -> String {
    let Some(first) = problems.first() else { return "the company file is invalid".to_owned() };
    let field = match first.field.as_str() {
        "" => String::new(),
        field => format!("`{}`: ", clip(field, 120)),
    };
    let more = match problems.len() - 1 {
        0 => String::new(),
        1 => " (and one more problem)".to_owned(),
        more => format!(" (and {more} more problems)"),
    };
    clip(&format!("{}{field}{}", at(first), clip(&first.message, 320)), MESSAGE) + &more
}

fn at(problem: &Problem) -> String {
    problem
        .place
        .map(|place| format!("line {}, column {}: ", place.line, place.column))
        .unwrap_or_default()
}

fn place(problem: &Problem) -> Vec<(&'static str, String)> {
    let mut metadata = vec![("field", clip(&problem.field, 160))];
    if let Some(place) = problem.place {
        metadata.push(("line", place.line.to_string()));
        metadata.push(("column", place.column.to_string()));
    }
    metadata
}

/// A text of at most so many characters, shortened in its middle.
fn clip(text: &str, most: usize) -> String {
    let length = text.chars().count();
    if length <= most {
        return text.to_owned();
    }
    let keep = most.saturating_sub(1);
    let head: String = text.chars().take(keep - keep / 3).collect();
    let tail: String = text.chars().skip(length - keep / 3).collect();
    format!("{head}…{tail}")
}
