//! What the orchestrator answers when it cannot serve a request.

use chassis::{FieldViolation, ServiceError};
use chrono::{DateTime, Utc};
use proto::error::v1::ErrorReason;
use tonic::{Code, Status};

/// A request that cannot be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A field is wrong.
    #[error("invalid request: {0}")]
    Invalid(#[from] proto::Invalid),
    /// One of several meetings is wrong.
    #[error("invalid meeting at position {position}: {source}")]
    Meeting {
        /// Its position in the request.
        position: usize,
        /// What is wrong.
        source: proto::Invalid,
    },
    /// No such call.
    #[error("company `{company}` has no call `{call_id}`; list them with ListCalls")]
    UnknownCall {
        /// The company.
        company: String,
        /// The call.
        call_id: String,
    },
    /// No such company.
    #[error("no company `{0}` has been applied; apply its company file first")]
    UnknownCompany(String),
    /// Somebody who may not.
    #[error("`{who}` may not do that: {why}")]
    NotPermitted {
        /// Who.
        who: String,
        /// Why not.
        why: &'static str,
    },
    /// Nothing was recorded that could be deleted.
    #[error("nothing was recorded of call `{0}`, so there is nothing to delete")]
    NothingRecorded(String),
    /// A peer that is needed did not answer.
    #[error("{peer} did not answer; try again")]
    Peer {
        /// Its name.
        peer: &'static str,
        /// What came back instead.
        #[source]
        source: Box<Status>,
    },
    /// A peer answered something that cannot be read.
    #[error("{peer} answered something that cannot be read")]
    Answer {
        /// Its name.
        peer: &'static str,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The store does not answer.
    #[error("storage is unavailable")]
    Storage(#[from] storage::Error),
    /// A stored record cannot be read.
    #[error("a stored record cannot be read")]
    Corrupt(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Others kept changing the same.
    #[error("the call kept changing while it was decided; try again")]
    Contended,
    /// A notice about something nobody knows, from a newer version or from somebody else.
    #[error("a notice is about nothing that is known here")]
    Notice,
    /// The call had no decision yet.
    #[error("call `{call_id}` had no decision at {at} yet; its first was made at {first}")]
    NoDecisionYet {
        /// The call.
        call_id: String,
        /// When it was to have one.
        at: DateTime<Utc>,
        /// When it had its first.
        first: DateTime<Utc>,
    },
    /// A feed does not answer.
    #[error("what carries the work does not answer; try again")]
    Feed(#[source] Box<feed::Error>),
    /// A key that names another request.
    #[error("the idempotency key `{0}` was used for another request; use a new one for each")]
    KeyReused(String),
    /// A newer company file was applied.
    #[error("the company file changed while it was compared with a proposed one; ask again")]
    PolicyChanged,
    /// The service ends.
    #[error("the service is ending; ask again")]
    Ending,
}

impl Error {
    /// A peer's refusal, told apart from its silence.
    pub(crate) fn from_peer(peer: &'static str, company: &str, status: Status) -> Self {
        if status.code() == Code::NotFound {
            return Self::UnknownCompany(company.to_owned());
        }
        Self::Peer { peer, source: Box::new(status) }
    }
}

impl Error {
    /// Whether it is no use to do the same again.
    pub(crate) fn is_lasting(&self) -> bool {
        match self {
            Self::Invalid(_)
            | Self::Meeting { .. }
            | Self::Corrupt(_)
            | Self::Notice
            | Self::KeyReused(_) => true,
            Self::Storage(error) => {
                matches!(error, storage::Error::Corrupt(_) | storage::Error::Statement(_))
            }
            Self::Peer { source, .. } => matches!(
                source.code(),
                Code::InvalidArgument | Code::OutOfRange | Code::Unimplemented
            ),
            Self::UnknownCall { .. }
            | Self::UnknownCompany(_)
            | Self::NotPermitted { .. }
            | Self::NothingRecorded(_)
            | Self::Answer { .. }
            | Self::Contended
            | Self::NoDecisionYet { .. }
            | Self::Feed(_)
            | Self::PolicyChanged
            | Self::Ending => false,
        }
    }

    /// Whether it may be the fault of a single call among many. Where others got in the way, all but the calls they changed have
    /// been decided, and the same calls would meet the same others again.
    pub(crate) fn may_lie_in_one(&self) -> bool {
        match self {
            Self::Invalid(_)
            | Self::Meeting { .. }
            | Self::Corrupt(_)
            | Self::Notice
            | Self::Answer { .. } => true,
            Self::Storage(_) => self.is_lasting(),
            Self::UnknownCall { .. }
            | Self::UnknownCompany(_)
            | Self::NotPermitted { .. }
            | Self::NothingRecorded(_)
            | Self::NoDecisionYet { .. }
            | Self::Peer { .. }
            | Self::Contended
            | Self::Feed(_)
            | Self::KeyReused(_)
            | Self::PolicyChanged
            | Self::Ending => false,
        }
    }
}

impl ServiceError for Error {
    fn code(&self) -> Code {
        match self {
            Self::Invalid(_) | Self::Meeting { .. } | Self::KeyReused(_) => Code::InvalidArgument,
            Self::UnknownCall { .. } | Self::UnknownCompany(_) | Self::NoDecisionYet { .. } => {
                Code::NotFound
            }
            Self::NotPermitted { .. } => Code::PermissionDenied,
            Self::NothingRecorded(_) => Code::FailedPrecondition,
            Self::Peer { .. } | Self::Storage(_) | Self::Feed(_) | Self::Ending => {
                Code::Unavailable
            }
            Self::Contended | Self::PolicyChanged => Code::Aborted,
            Self::Answer { .. } | Self::Corrupt(_) | Self::Notice => Code::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Invalid(_) | Self::Meeting { .. } => ErrorReason::InvalidMeeting,
            Self::UnknownCall { .. } | Self::NoDecisionYet { .. } => ErrorReason::UnknownCall,
            Self::UnknownCompany(_) => ErrorReason::UnknownCompany,
            Self::NotPermitted { .. } => ErrorReason::NotPermitted,
            Self::NothingRecorded(_) => ErrorReason::RequestRejected,
            Self::KeyReused(_) => ErrorReason::RequestIdReused,
            Self::Peer { .. } => ErrorReason::PeerUnavailable,
            Self::Storage(_) | Self::Feed(_) => ErrorReason::StorageUnavailable,
            Self::Ending => ErrorReason::Overloaded,
            Self::Contended | Self::PolicyChanged => ErrorReason::RevisionConflict,
            Self::Answer { .. } | Self::Corrupt(_) | Self::Notice => ErrorReason::Internal,
        }
        .as_str_name()
    }

    fn violations(&self) -> Vec<FieldViolation> {
        match self {
            Self::Invalid(invalid) => {
                vec![FieldViolation::new(invalid.field(), invalid.to_string())]
            }
            Self::KeyReused(_) => {
                vec![FieldViolation::new("idempotency_key", "names another request")]
            }
            Self::Meeting { position, source } => {
                vec![FieldViolation::new(format!("meetings[{position}]"), source.to_string())]
            }
            Self::UnknownCall { .. }
            | Self::UnknownCompany(_)
            | Self::NotPermitted { .. }
            | Self::NothingRecorded(_)
            | Self::Peer { .. }
            | Self::Answer { .. }
            | Self::Storage(_)
            | Self::Corrupt(_)
            | Self::Contended
            | Self::Notice
            | Self::NoDecisionYet { .. }
            | Self::Feed(_)
            | Self::PolicyChanged
            | Self::Ending => Vec::new(),
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        if matches!(self, Self::KeyReused(_)) {
            vec![("field", "idempotency_key".to_owned())]
        } else {
            Vec::new()
        }
    }

    fn retry_after(&self) -> Option<std::time::Duration> {
        matches!(
            self,
            Self::Peer { .. } | Self::Storage(_) | Self::Contended | Self::Feed(_) | Self::Ending
        )
        .then(|| std::time::Duration::from_secs(1))
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        chassis::status(&error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_kept_changing_and_peers_that_are_silent_are_no_fault_of_a_single_call() {
        let status = Box::new(tonic::Status::unavailable("down"));
        assert!(!Error::Contended.may_lie_in_one());
        assert!(!Error::Peer { peer: "eligibility", source: status }.may_lie_in_one());
        assert!(Error::Corrupt("a stored decision".into()).may_lie_in_one());
    }
}
