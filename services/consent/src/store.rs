//! What the consent service keeps: policies by version, and choices of participants, which are only ever added.

pub(crate) mod sql;

use std::collections::HashSet;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use data_encoding::BASE64URL_NOPAD;
use decision::CallKey;
use decision::company;
use sha2::{Digest as _, Sha256};

use crate::error::Error;

/// The port to what is kept.
#[async_trait]
pub(crate) trait Store: std::fmt::Debug + Send + Sync {
    /// Keeps the consent part of a policy version. The same one again changes nothing.
    ///
    /// # Errors
    /// [`Error::VersionTaken`] where the version is kept with other content, or the store fails.
    async fn keep_part(
        &self,
        company: &str,
        version: u64,
        part: &company::Consent,
    ) -> Result<(), Error>;

    /// The consent part of a policy version; none where it was never applied, or is no longer kept.
    async fn part(&self, company: &str, version: u64) -> Result<Option<company::Consent>, Error>;

    /// The newest policy version of a company and its consent part.
    async fn newest_part(&self, company: &str) -> Result<Option<(u64, company::Consent)>, Error>;

    /// Adds a choice; one with the same request id is there already or refused. Answers its place in the record.
    ///
    /// # Errors
    /// [`Error::AnotherChoice`] where the request id names another choice, or the store fails.
    async fn add_choice(&self, choice: &Choice) -> Result<u64, Error>;

    /// Choices after a place in the record, of one company or of all, at most `limit` of them, oldest first; and the place
    /// up to which this is everything. What is recorded later has a later place.
    async fn choices(
        &self,
        company: Option<&str>,
        after: u64,
        limit: u64,
    ) -> Result<(Vec<(u64, Choice)>, u64), Error>;

    /// Those of the meetings in which somebody joins without being recorded. One query.
    async fn refused(
        &self,
        company: &str,
        meetings: HashSet<MeetingId>,
    ) -> Result<HashSet<MeetingId>, Error>;
}

/// A participant's choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    /// The company.
    pub(crate) company: String,
    /// Whose choices they are.
    pub(crate) meeting: MeetingId,
    /// The meeting's iCalendar UID.
    pub(crate) ical_uid: String,
    /// Original start, of an occurrence.
    pub(crate) recurrence_id: Option<DateTime<Utc>>,
    /// The participant joins, and the call must not be recorded.
    pub(crate) refused: bool,
    /// Key of the request.
    pub(crate) request_id: String,
    /// When it was recorded.
    pub(crate) at: DateTime<Utc>,
}

/// Identity of a meeting in a form of one length, whatever calendars write into a UID.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct MeetingId(String);

impl MeetingId {
    /// The identity of a meeting; none where it has no UID, and so nothing a choice could be recorded for.
    pub(crate) fn of(key: &CallKey) -> Option<Self> {
        let uid = key.ical_uid.as_deref()?;
        let mut hash = Sha256::new();
        hash.update(uid.as_bytes());
        if let Some(at) = key.recurrence_id {
            // A UID cannot hold the byte 0xff, so that no UID ends like another with a recurrence id.
            hash.update([0xff]);
            hash.update(at.timestamp_micros().to_be_bytes());
        }
        Some(Self(BASE64URL_NOPAD.encode(&hash.finalize())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_occurrence_has_an_identity_of_its_own() {
        let key = |uid: Option<&str>, at: Option<i64>| CallKey {
            ical_uid: uid.map(str::to_owned),
            recurrence_id: at.and_then(|at| DateTime::from_timestamp(at, 0)),
        };
        let single = MeetingId::of(&key(Some("a"), None));
        assert_ne!(single, MeetingId::of(&key(Some("a"), Some(0))));
        assert_ne!(
            MeetingId::of(&key(Some("a"), Some(1))),
            MeetingId::of(&key(Some("a"), Some(0)))
        );
        assert_eq!(single, MeetingId::of(&key(Some("a"), None)));
        assert_eq!(MeetingId::of(&key(None, Some(0))), None);
    }
}
