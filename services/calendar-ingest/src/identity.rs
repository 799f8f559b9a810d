//! Names that stay the same: of meetings, of components, of what belongs together.

use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

/// Stands before what takes the place of a UID where a calendar gives none.
const MADE: &str = "callsheet-no-uid:";

/// UIDs longer than this many bytes are no UIDs; the longest in use have some three hundred.
const LONGEST_UID: usize = 1024;

/// A meeting: company, UID and original start.
pub(crate) fn meeting(company: &str, uid: &str, recurrence_id: Option<DateTime<Utc>>) -> String {
    match recurrence_id {
        Some(at) => hash(&[b"meeting", company.as_bytes(), uid.as_bytes(), &micros(at)]),
        None => hash(&[b"meeting", company.as_bytes(), uid.as_bytes()]),
    }
}

/// All components of one UID in a company, whatever calendar they come from.
pub(crate) fn pool(company: &str, uid: &str) -> String {
    hash(&[b"pool", company.as_bytes(), uid.as_bytes()])
}

/// An event as its source numbers it: what instances name as their series.
pub(crate) fn at_source(company: &str, id: &str) -> String {
    hash(&[b"source", company.as_bytes(), id.as_bytes()])
}

/// A component: what is replaced when its source tells it again. `ordinal` counts those that a source tells alike.
pub(crate) fn component(pool: &str, source: &str, slot: &str, ordinal: usize) -> String {
    hash(&[b"component", pool.as_bytes(), source.as_bytes(), slot.as_bytes(), &count(ordinal)])
}

/// What is the same as long as the bytes are.
pub(crate) fn content(bytes: &[u8]) -> String {
    hash(&[b"content", bytes])
}

/// The UID to go by: the calendar's, or one made of the id at the source, or of the content.
pub(crate) fn uid(uid: Option<&str>, at_source: Option<&str>, content: &[u8]) -> String {
    match (uid, at_source) {
        (Some(uid), _) if !uid.is_empty() && uid.len() <= LONGEST_UID => uid.to_owned(),
        (Some(uid), _) if !uid.is_empty() => format!("{MADE}{}", hash(&[b"uid", uid.as_bytes()])),
        (_, Some(id)) => format!("{MADE}{}", hash(&[b"id", id.as_bytes()])),
        (_, None) => format!("{MADE}{}", hash(&[b"event", content])),
    }
}

/// The calendar's own UID; none where it had to be made.
pub(crate) fn of_calendar(uid: &str) -> Option<&str> {
    (!uid.starts_with(MADE)).then_some(uid)
}

/// What a UID is sorted by: none first, then bytewise.
pub(crate) fn order(uid: &str) -> Vec<u8> {
    match of_calendar(uid) {
        Some(uid) => uid.as_bytes().to_vec(),
        None => [&[0], uid.as_bytes()].concat(),
    }
}

/// The first half of SHA-256 over the parts, each preceded by its length so that no two lists of parts look alike.
fn hash(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(count(part.len()));
        hash.update(part);
    }
    HEXLOWER.encode(hash.finalize().get(..16).unwrap_or_default())
}

fn count(number: usize) -> [u8; 8] {
    u64::try_from(number).unwrap_or(u64::MAX).to_be_bytes()
}

fn micros(at: DateTime<Utc>) -> [u8; 8] {
    at.timestamp_micros().to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_the_same_in_every_version() {
        let at = DateTime::from_timestamp(1_767_225_600, 0);
        assert_eq!(meeting("acme", "a@acme.example", at).len(), 32);
        assert_eq!(meeting("acme", "a@acme.example", None), "11a77171b7e8305b03e5c5199009136d");
        assert_eq!(meeting("acme", "a@acme.example", at), "98fee4072d37e5fcf6c7e530c7f3db93");
    }

    #[test]
    fn companies_uids_and_occurrences_have_identities_of_their_own() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0);
        let all = [
            meeting("acme", "a", None),
            meeting("acme", "a", at(0)),
            meeting("acme", "a", at(1)),
            meeting("acme", "b", None),
            meeting("other", "a", None),
            // The same letters, parted elsewhere.
            meeting("acm", "ea", None),
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn what_has_no_uid_goes_by_its_id_or_its_content() {
        assert_eq!(uid(Some("a"), Some("id"), b"x"), "a");
        let by_id = uid(None, Some("id"), b"x");
        assert_eq!(by_id, uid(Some(""), Some("id"), b"y"));
        assert_ne!(uid(None, None, b"x"), uid(None, None, b"y"));
        assert_eq!(of_calendar(&by_id), None);
        assert_eq!(of_calendar(&uid(Some(&"u".repeat(5000)), None, b"")), None);
        assert!(order(&by_id) < order("!"));
    }
}
