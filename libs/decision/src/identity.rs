//! Identities of what no calendar knows: telephone calls and uploads.
//!
//! They are made as those of meetings are: half a SHA-256 over what names the call, each part preceded by its length, so that
//! no two lists of parts look alike. The company is among the parts, and calls of different companies never meet.

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

/// Id of a telephone call: the company, its connection to a dialer, and the dialer's id that all legs have in common.
#[must_use]
pub fn call(company: &str, connection: &str, external_id: &str) -> String {
    hash(["dialer", company, connection, external_id])
}

/// Id of an upload: the company, and the key that every try of the same upload has.
#[must_use]
pub fn upload(company: &str, idempotency_key: &str) -> String {
    hash(["upload", company, idempotency_key])
}

/// The key under which at most one plan of a telephone call is active.
#[must_use]
pub fn call_key(call_id: &str) -> String {
    format!("dialer/{call_id}")
}

/// The key under which at most one plan of an upload is active.
#[must_use]
pub fn upload_key(call_id: &str) -> String {
    format!("upload/{call_id}")
}

fn hash<const N: usize>(parts: [&str; N]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    HEXLOWER.encode(hash.finalize().get(..16).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_the_same_in_every_version() {
        assert_eq!(call("acme", "twilio", "CA1"), "275ea60d8b6b6e8ce113e2d98e3ae394");
        assert_eq!(upload("acme", "k-1"), "0cb71c2d1d56715e7e26d34d93c48e50");
    }

    #[test]
    fn parts_that_run_together_are_kept_apart() {
        let all = [
            call("acme", "twilio", "CA1"),
            call("acme", "twilioC", "A1"),
            call("acm", "etwilio", "CA1"),
            call("other", "twilio", "CA1"),
            upload("acme", "twilioCA1"),
            upload("acmet", "wilioCA1"),
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
        assert_ne!(call_key(&all[0]), upload_key(&all[0]));
    }
}
