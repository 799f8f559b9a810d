//! Why calendar-ingest cannot serve a request. A broken event is no error: it is a problem in the answer.

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
    /// The payload is larger than is read.
    #[error("the payload has {bytes} bytes, at most {limit} are read; split the export")]
    PayloadTooLarge {
        /// Its size.
        bytes: usize,
        /// What is read.
        limit: usize,
    },
    /// The payload makes more than one request may.
    #[error(
        "the payload makes more than {limit} {unit} in the period; split the export, or ask for a shorter period"
    )]
    TooMuch {
        /// What may be made.
        limit: usize,
        /// What was counted.
        unit: &'static str,
    },
    /// The payload is no calendar.
    #[error("the payload cannot be read: {0}")]
    Payload(calendar::Error),
    /// Nobody can tell what the payload is.
    #[error(
        "the payload is neither iCalendar nor event JSON of Google or Microsoft; name its `format` if it is one of these"
    )]
    Format,
    /// The company has no such meeting.
    #[error("`{company}` has no meeting `{meeting_id}`")]
    UnknownMeeting {
        /// The company.
        company: String,
        /// What was asked for.
        meeting_id: String,
    },
    /// A method of a later version.
    #[error("`{0}` comes in a later version")]
    Later(&'static str),
    /// Others changed the same calendars again and again.
    #[error("the company's calendars are being changed by others; please retry")]
    Contended,
    /// The database does not do it.
    #[error(transparent)]
    Storage(#[from] storage::Error),
    /// What is stored cannot be read.
    #[error("what is stored cannot be read")]
    Stored(#[from] serde_json::Error),
    /// A piece of work fell over or was given up.
    #[error("the work was given up")]
    Work(#[source] Option<tokio::task::JoinError>),
}

impl From<prost::DecodeError> for Error {
    fn from(error: prost::DecodeError) -> Self {
        use serde::de::Error as _;
        Self::Stored(serde_json::Error::custom(error))
    }
}

impl ServiceError for Error {
    fn code(&self) -> Code {
        match self {
            Self::Request(_)
            | Self::PayloadTooLarge { .. }
            | Self::TooMuch { .. }
            | Self::Payload(_)
            | Self::Format => Code::InvalidArgument,
            Self::UnknownMeeting { .. } => Code::NotFound,
            Self::Later(_) => Code::Unimplemented,
            Self::Contended => Code::Aborted,
            Self::Storage(error) => storage_kind(error).0,
            Self::Stored(_) | Self::Work(_) => Code::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Request(Invalid::TooMany { .. })
            | Self::PayloadTooLarge { .. }
            | Self::TooMuch { .. }
            | Self::Payload(calendar::Error::TooLarge { .. }) => ErrorReason::PayloadTooLarge,
            Self::Request(_) => ErrorReason::InvalidMeeting,
            Self::Payload(_) => ErrorReason::CalendarUnreadable,
            Self::Format => ErrorReason::UnsupportedFormat,
            Self::UnknownMeeting { .. } => ErrorReason::UnknownMeeting,
            Self::Later(_) => ErrorReason::UnimplementedInThisVersion,
            Self::Contended => ErrorReason::RevisionConflict,
            Self::Storage(error) => storage_kind(error).1,
            Self::Stored(_) | Self::Work(_) => ErrorReason::Internal,
        }
        .as_str_name()
    }

    fn violations(&self) -> Vec<FieldViolation> {
        match self {
            Self::Request(invalid) => {
                vec![FieldViolation::new(invalid.field(), invalid.to_string())]
            }
            Self::PayloadTooLarge { .. } | Self::TooMuch { .. } | Self::Payload(_) => {
                vec![FieldViolation::new("payload", self.to_string())]
            }
            Self::Format => vec![FieldViolation::new("format", self.to_string())],
            Self::UnknownMeeting { .. }
            | Self::Later(_)
            | Self::Contended
            | Self::Storage(_)
            | Self::Stored(_)
            | Self::Work(_) => Vec::new(),
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Request(invalid) => vec![("field", invalid.field().to_owned())],
            Self::PayloadTooLarge { bytes, limit } => vec![
                ("field", "payload".to_owned()),
                ("bytes", bytes.to_string()),
                ("limit", limit.to_string()),
            ],
            Self::TooMuch { limit, .. } => {
                vec![("field", "payload".to_owned()), ("limit", limit.to_string())]
            }
            Self::Payload(error) => {
                let mut facts = vec![("field", "payload".to_owned())];
                if let calendar::Error::Json { line, column, .. } = error {
                    facts.push(("line", line.to_string()));
                    facts.push(("column", column.to_string()));
                }
                facts
            }
            Self::Format => vec![("supported", "icalendar, google, microsoft".to_owned())],
            Self::UnknownMeeting { company, meeting_id } => {
                vec![("company", company.clone()), ("meeting_id", meeting_id.clone())]
            }
            Self::Later(method) => vec![("method", (*method).to_owned())],
            Self::Contended | Self::Storage(_) | Self::Stored(_) | Self::Work(_) => {
                vec![("service", "calendar-ingest".to_owned())]
            }
        }
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

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        status(&error)
    }
}
