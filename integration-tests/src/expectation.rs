//! What must be decided of a call, and how that is compared with what was.
//!
//! What an expectation does not say is at its ordinary value: nothing else found, nothing lifted, no
//! warning, no related code, details imported. Only the fields marked so are not looked at when absent.

use chrono::{DateTime, Utc};
use decision::SkipCode;
use serde::{Deserialize, Deserializer};

use crate::told::Told;

/// What must be decided of a call.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// iCalendar UID; null where the event has none.
    pub uid: Option<String>,
    /// Original start, for an occurrence of a series.
    #[serde(default)]
    pub recurrence_id: Option<DateTime<Utc>>,
    /// What was decided.
    pub decision: Kind,
    /// The primary code of a skip.
    #[serde(default, deserialize_with = "code")]
    pub skip_code: Option<SkipCode>,
    /// Its narrower reason; not looked at when absent.
    #[serde(default)]
    pub sub_reason: Option<String>,
    /// All other codes found, in order.
    #[serde(default, deserialize_with = "codes")]
    pub also: Vec<SkipCode>,
    /// The codes a request lifted, in order.
    #[serde(default, deserialize_with = "codes")]
    pub lifted: Vec<SkipCode>,
    /// Warnings, in order.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// The related code.
    #[serde(default, deserialize_with = "code")]
    pub related_code: Option<SkipCode>,
    /// Whether details are imported.
    #[serde(default = "yes")]
    pub import_details: bool,
    /// Start; not looked at when absent.
    #[serde(default)]
    pub start: Option<DateTime<Utc>>,
    /// End; not looked at when absent.
    #[serde(default)]
    pub end: Option<DateTime<Utc>>,
    /// The title that is shown; not looked at when absent.
    #[serde(default)]
    pub title: Option<String>,
    /// `provider/id` that is shown; not looked at when absent.
    #[serde(default)]
    pub conference: Option<String>,
    /// Neither title nor conference are shown.
    #[serde(default)]
    pub hidden: bool,
    /// UID of the call that won; not looked at when absent.
    #[serde(default)]
    pub winner: Option<String>,
    /// What is missing, while pending.
    #[serde(default)]
    pub missing: Vec<String>,
    /// Until when it will be decided; not looked at when absent.
    #[serde(default)]
    pub decide_by: Option<DateTime<Utc>>,
    /// The plan; not looked at when absent.
    #[serde(default)]
    pub plan: Option<Plan>,
}

const fn yes() -> bool {
    true
}

/// Kind of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It is recorded.
    Plan,
    /// It is not.
    Skip,
    /// It is not decided yet.
    Pending,
    /// It was recorded.
    Recorded,
    /// A part of it was recorded and kept.
    RecordedPartial,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Skip => "skip",
            Self::Pending => "pending",
            Self::Recorded => "recorded",
            Self::RecordedPartial => "recorded_partial",
        }
    }
}

/// What must be in a plan; what is absent is not looked at.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Plan {
    /// Method.
    pub method: Option<String>,
    /// Adapter.
    pub adapter: Option<String>,
    /// When the bot joins.
    pub join_at: Option<DateTime<Utc>>,
    /// Methods to try next.
    pub fallbacks: Option<Vec<String>>,
    /// Member id of the owner.
    pub owner: Option<String>,
    /// Whether an announcement must be played.
    pub announcement: Option<bool>,
    /// Whether consent is enforced and verified.
    pub consent_verified: Option<bool>,
}

fn code<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SkipCode>, D::Error> {
    let name = Option::<String>::deserialize(deserializer)?;
    name.map(|name| name.parse().map_err(serde::de::Error::custom)).transpose()
}

fn codes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<SkipCode>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    names.iter().map(|name| name.parse().map_err(serde::de::Error::custom)).collect()
}

/// Everything that is not as expected; every call must be expected, and every expected call be there.
#[must_use]
pub fn differences(expected: &[Expectation], told: &[Told]) -> Vec<String> {
    let mut found = Vec::new();
    let is_of = |one: &Expectation, call: &Told| {
        one.uid == call.key.ical_uid && one.recurrence_id == call.key.recurrence_id
    };
    for one in expected {
        match told.iter().find(|call| is_of(one, call)) {
            Some(call) => found.extend(one.differences(call)),
            None => found.push(format!("{}: there is no such call", one.name())),
        }
    }
    for call in told {
        if !expected.iter().any(|one| is_of(one, call)) {
            let (uid, at) = (&call.key.ical_uid, call.key.recurrence_id);
            found.push(format!("a call nobody expected: {uid:?} {at:?}: {}", call.explanation));
        }
    }
    found
}

impl Expectation {
    fn name(&self) -> String {
        let uid = self.uid.as_deref().unwrap_or("(no UID)");
        self.recurrence_id.map_or_else(|| uid.to_owned(), |at| format!("{uid} of {at}"))
    }

    fn differences(&self, call: &Told) -> Vec<String> {
        let mut found = Vec::new();
        let mut same = |what: &str, expected: String, got: String| {
            if expected != got {
                found.push(format!("{}: {what}: expected {expected}, got {got}", self.name()));
            }
        };
        let names = |codes: &[SkipCode]| {
            codes.iter().map(|code| code.as_str()).collect::<Vec<_>>().join(", ")
        };
        let reasons = |reasons: &[crate::told::Reason]| {
            names(&reasons.iter().map(|reason| reason.code).collect::<Vec<_>>())
        };
        let primary = call.primary.as_ref();
        same("decision", self.decision.as_str().into(), call.decision.into());
        same("skip_code", names(self.skip_code.as_slice()), reasons(call.primary.as_slice()));
        same("also", names(&self.also), reasons(&call.also));
        same("lifted", names(&self.lifted), reasons(&call.lifted));
        same("warnings", self.warnings.join(", "), call.warnings.join(", "));
        same("related_code", names(self.related_code.as_slice()), names(call.related.as_slice()));
        same("import_details", self.import_details.to_string(), call.import_details.to_string());
        same("missing", self.missing.join(", "), call.missing.join(", "));
        if let Some(expected) = &self.sub_reason {
            let got = primary.and_then(|reason| reason.sub_reason.clone()).unwrap_or_default();
            same("sub_reason", expected.clone(), got);
        }
        if let Some(expected) = self.start {
            same("start", expected.to_string(), call.start.to_string());
        }
        if let Some(expected) = self.end {
            same("end", format!("{:?}", Some(expected)), format!("{:?}", call.end));
        }
        if let Some(expected) = self.decide_by {
            same("decide_by", format!("{:?}", Some(expected)), format!("{:?}", call.decide_by));
        }
        if let Some(expected) = &self.title {
            same("title", format!("{:?}", Some(expected)), format!("{:?}", call.title));
        }
        if let Some(expected) = &self.conference {
            let got = call.conference.clone().unwrap_or_default();
            same("conference", expected.clone(), got);
        }
        if self.hidden {
            same("hidden", "None None".into(), format!("{:?} {:?}", call.title, call.conference));
        }
        if let Some(expected) = &self.winner {
            let seen = primary.map(|reason| reason.evidence.clone()).unwrap_or_default();
            let names_it = seen.contains(&format!("ical_uid: Some({expected:?})"));
            same("winner", expected.clone(), if names_it { expected.clone() } else { seen });
        }
        if let Some(expected) = &self.plan {
            match &call.plan {
                Some(plan) => expected.differences(plan, &mut same),
                None => same("plan", "one".into(), "none".into()),
            }
        }
        found
    }
}

impl Plan {
    fn differences(&self, plan: &crate::told::Plan, same: &mut impl FnMut(&str, String, String)) {
        let mut check = |what: &str, expected: Option<String>, got: String| {
            if let Some(expected) = expected {
                same(what, expected, got);
            }
        };
        check("plan.method", self.method.clone(), plan.method.clone());
        check("plan.adapter", self.adapter.clone(), plan.adapter.clone());
        check("plan.owner", self.owner.clone(), plan.owner.clone());
        let fallbacks = self.fallbacks.as_ref().map(|all| all.join(", "));
        check("plan.fallbacks", fallbacks, plan.fallbacks.join(", "));
        let join_at = self.join_at.map(|at| format!("{:?}", Some(at)));
        check("plan.join_at", join_at, format!("{:?}", plan.join_at));
        let flag = |flag: Option<bool>| flag.map(|flag| flag.to_string());
        check("plan.announcement", flag(self.announcement), plan.announcement.to_string());
        let verified = plan.consent_verified.to_string();
        check("plan.consent_verified", flag(self.consent_verified), verified);
    }
}
