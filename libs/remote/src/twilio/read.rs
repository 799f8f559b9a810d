//! What Twilio answers.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::{Look, Private};

/// A call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneCall {
    /// Its id.
    pub sid: String,
    /// The call it was placed for.
    pub parent: Option<String>,
    /// `queued`, `ringing`, `in-progress`, `completed`, `busy`, `failed`, `no-answer`, `canceled`, as Twilio writes it.
    pub status: Option<String>,
    /// `inbound`, `outbound-api`, `outbound-dial`, as Twilio writes it.
    pub direction: Option<String>,
    /// Who called.
    pub from: Option<Private>,
    /// Who was called.
    pub to: Option<Private>,
    /// `human`, `machine_start` and so on, as Twilio writes it.
    pub answered_by: Option<String>,
    /// When it was answered.
    pub started: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended: Option<DateTime<Utc>>,
    /// How long it lasted; 0 where nobody answered.
    pub seconds: Option<i64>,
}

impl PhoneCall {
    /// Reads a call; none without an id.
    #[must_use]
    pub fn read(value: &Value) -> Option<Self> {
        Some(Self {
            sid: value.id(&["sid"])?,
            parent: value.id(&["parent_call_sid"]),
            status: value.id(&["status"]),
            direction: value.id(&["direction"]),
            from: value.private(&["from"]),
            to: value.private(&["to"]),
            answered_by: value.id(&["answered_by"]),
            started: time(value, "start_time"),
            ended: time(value, "end_time"),
            seconds: value.int(&["duration"]),
        })
    }

    /// Whether it is over.
    #[must_use]
    pub fn over(&self) -> bool {
        let over = ["completed", "busy", "failed", "no-answer", "canceled"];
        self.status.as_deref().is_some_and(|status| over.contains(&status))
    }
}

/// A recording of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// Its id.
    pub sid: String,
    /// The call.
    pub call: Option<String>,
    /// `in-progress`, `paused`, `stopped`, `processing`, `completed`, `absent`, `failed`, `deleted`, as Twilio writes it.
    pub status: Option<String>,
    /// How it came about: `RecordVerb`, `StartCallRecordingAPI` and so on, as Twilio writes it.
    pub source: Option<String>,
    /// 1 or 2.
    pub channels: Option<i64>,
    /// When it begins.
    pub started: Option<DateTime<Utc>>,
    /// How long it is; none while it is not known, which Twilio writes as -1.
    pub seconds: Option<i64>,
    /// Why there is none.
    pub error: Option<String>,
    /// Whether it is encrypted to a key of the account's: then nobody else can play it.
    pub encrypted: bool,
}

impl Recording {
    /// Reads a recording; none without an id.
    #[must_use]
    pub fn read(value: &Value) -> Option<Self> {
        Some(Self {
            sid: value.id(&["sid"])?,
            call: value.id(&["call_sid"]),
            status: value.id(&["status"]),
            source: value.id(&["source"]),
            channels: value.int(&["channels"]),
            started: time(value, "start_time"),
            seconds: value.int(&["duration"]).filter(|seconds| *seconds >= 0),
            error: value.id(&["error_code"]).filter(|code| code != "0"),
            encrypted: value.at(&["encryption_details"]).is_some(),
        })
    }

    /// Whether it can be fetched.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.status.as_deref() == Some("completed")
    }

    /// Whether it was begun through the API, and has not ended.
    #[must_use]
    pub fn runs_by_api(&self) -> bool {
        self.source.as_deref() == Some("StartCallRecordingAPI")
            && matches!(self.status.as_deref(), Some("in-progress" | "paused"))
    }

    /// Whether it will never be there.
    #[must_use]
    pub fn lost(&self) -> bool {
        matches!(self.status.as_deref(), Some("absent" | "failed" | "deleted"))
    }
}

/// Which numbers of a country an account may call. What Twilio does not say is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialing {
    /// The country, two letters.
    pub country: String,
    /// Ordinary numbers.
    pub ordinary: Option<bool>,
    /// Numbers for special services that are often abused.
    pub special: Option<bool>,
    /// Numbers that are known for fraud.
    pub fraud: Option<bool>,
}

impl Dialing {
    /// Reads the permissions; none without a country.
    #[must_use]
    pub fn read(value: &Value) -> Option<Self> {
        Some(Self {
            country: value.id(&["iso_code"])?,
            ordinary: value.flag(&["low_risk_numbers_enabled"]),
            special: value.flag(&["high_risk_special_numbers_enabled"]),
            fraud: value.flag(&["high_risk_tollfraud_numbers_enabled"]),
        })
    }
}

/// An instant in the form of RFC 2822; newer parts of the API write RFC 3339.
fn time(value: &Value, key: &str) -> Option<DateTime<Utc>> {
    let text = value.id(&[key])?;
    let old = DateTime::parse_from_rfc2822(&text).map(|at| at.to_utc()).ok();
    old.or_else(|| value.time(&[key]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_length_that_is_not_known_is_none() {
        let read = |duration: Value| {
            Recording::read(&json!({"sid": "RE1", "status": "in-progress", "duration": duration}))
        };
        assert_eq!(read(json!("-1")).unwrap().seconds, None);
        assert_eq!(read(json!("4")).unwrap().seconds, Some(4));
        assert_eq!(read(json!(null)).unwrap().seconds, None);
        assert_eq!(Recording::read(&json!({"status": "completed"})), None);
    }

    #[test]
    fn times_come_in_two_forms() {
        let read = |text: &str| {
            PhoneCall::read(&json!({"sid": "CA1", "start_time": text})).unwrap().started
        };
        assert!(read("Fri, 18 Oct 2019 17:02:00 +0000").is_some());
        assert_eq!(read("Fri, 18 Oct 2019 17:02:00 +0000"), read("2019-10-18T17:02:00Z"));
    }

    #[test]
    fn a_call_is_over_when_it_can_go_on_no_more() {
        let over = |status: &str| {
            PhoneCall::read(&json!({"sid": "CA1", "status": status})).unwrap().over()
        };
        assert!(["completed", "busy", "failed", "no-answer", "canceled"].into_iter().all(over));
        assert!(!["queued", "ringing", "in-progress", "abducted"].into_iter().any(over));
    }

    #[test]
    fn numbers_of_people_are_not_shown() {
        let call = PhoneCall::read(&json!({"sid": "CA1", "from": "+15550100"})).unwrap();
        assert!(!format!("{call:?}").contains("15550100"));
    }
}
