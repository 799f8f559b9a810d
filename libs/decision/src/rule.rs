//! What a rule is, what it can say, and how a judge asks all of its rules.

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::meeting::CallKey;
use crate::skip_code::{LiftedBy, SkipCode};

/// One observation behind a finding: an id, a place, a time. Never content of an event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evidence {
    /// Id of a team member.
    Member(Arc<str>),
    /// Position of an invited person: 0 is the organizer, 1 the first attendee.
    Invitee(u32),
    /// Place in the company file, such as `settings.exclusions.keywords[3]`.
    Setting(Cow<'static, str>),
    /// An instant that mattered.
    Instant(DateTime<Utc>),
    /// A length of time that mattered, in seconds.
    Seconds(i64),
    /// Name of a conference provider or service.
    Service(Cow<'static, str>),
    /// The call that won a conflict.
    Call(CallKey),
    /// Id of another company.
    Company(Arc<str>),
    /// Name of a consent profile.
    Profile(Arc<str>),
}

/// A fact that could not be learned, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{0} is not known")]
pub struct Missing(pub &'static str);

/// What a rule says of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opinion {
    /// Nothing.
    Silent,
    /// It speaks against recording.
    Against {
        /// Narrower reason where the code has several.
        sub_reason: Option<&'static str>,
        /// What it saw.
        evidence: Vec<Evidence>,
    },
}

impl Opinion {
    /// Against, for one observed thing.
    #[must_use]
    pub fn against(evidence: Evidence) -> Self {
        Self::Against { sub_reason: None, evidence: vec![evidence] }
    }

    /// Against, where anything was observed.
    #[must_use]
    pub fn against_any(evidence: Vec<Evidence>) -> Self {
        if evidence.is_empty() {
            Self::Silent
        } else {
            Self::Against { sub_reason: None, evidence }
        }
    }

    /// Against for a narrower reason.
    #[must_use]
    pub fn because(sub_reason: &'static str, evidence: Vec<Evidence>) -> Self {
        Self::Against { sub_reason: Some(sub_reason), evidence }
    }
}

impl From<Option<Evidence>> for Opinion {
    fn from(seen: Option<Evidence>) -> Self {
        seen.map_or(Self::Silent, Self::against)
    }
}

/// An opinion, or the fact that is missing to have one.
pub type Answer = Result<Opinion, Missing>;

/// Who asks rules: a name for what its rules look at.
pub trait Judge {
    /// What its rules look at.
    type Facts<'a>;
}

/// One rule of a judge: what it raises, and how it is asked.
pub struct Rule<J: Judge> {
    /// Name, such as `never-record`.
    pub name: &'static str,
    /// The code it raises.
    pub code: SkipCode,
    /// The question it asks of the facts.
    pub asks: for<'f, 'a> fn(&'f J::Facts<'a>) -> Answer,
}

impl<J: Judge> std::fmt::Debug for Rule<J> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rule")
            .field("name", &self.name)
            .field("code", &self.code)
            .finish_non_exhaustive()
    }
}

/// One rule that fired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Name of the rule.
    pub rule: Cow<'static, str>,
    /// The code it raises.
    pub code: SkipCode,
    /// Whether a valid manual request lifts it for this call.
    pub lifted: bool,
    /// Narrower reason where the code has several.
    pub sub_reason: Option<Cow<'static, str>>,
    /// What the rule saw.
    pub evidence: Vec<Evidence>,
}

/// What a person should know although it stops nothing. The order is that of every report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Warning {
    /// Planned with less notice than is to be guaranteed.
    ShortNotice,
    /// An invited person without a usable address counts as external.
    InviteeWithoutAddress,
    /// The host makes native recording impossible; the bot records.
    NativeNotPossible,
    /// A fact about the Zoom user is unknown; it is checked before dispatch.
    ZoomFactsUnknown,
    /// Somebody asked who has no seat or no permission.
    ManualRequestRejected,
    /// The event holds links to other conferences too.
    OtherLinks,
    /// The adapter did not answer; the check is made before dispatch.
    ProviderCheckUnavailable,
    /// The local time is ambiguous, or its zone unknown.
    AmbiguousTime,
}

impl Warning {
    /// All of them, in order.
    pub const ALL: [Self; 8] = [
        Self::ShortNotice,
        Self::InviteeWithoutAddress,
        Self::NativeNotPossible,
        Self::ZoomFactsUnknown,
        Self::ManualRequestRejected,
        Self::OtherLinks,
        Self::ProviderCheckUnavailable,
        Self::AmbiguousTime,
    ];

    /// Its name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ShortNotice => "short_notice",
            Self::InviteeWithoutAddress => "invitee_without_address",
            Self::NativeNotPossible => "native_not_possible",
            Self::ZoomFactsUnknown => "zoom_facts_unknown",
            Self::ManualRequestRejected => "manual_request_rejected",
            Self::OtherLinks => "other_links",
            Self::ProviderCheckUnavailable => "provider_check_unavailable",
            Self::AmbiguousTime => "ambiguous_time",
        }
    }

    const fn bit(self) -> u8 {
        1 << (self as u8)
    }
}

/// A set of warnings; iterates in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Warnings(u8);

impl Warnings {
    /// Adds one.
    pub const fn add(&mut self, warning: Warning) {
        self.0 |= warning.bit();
    }

    /// Adds one if a condition holds.
    pub const fn add_if(&mut self, condition: bool, warning: Warning) {
        if condition {
            self.add(warning);
        }
    }

    /// Adds all of another set.
    pub const fn merge(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether one is in it.
    #[must_use]
    pub const fn contains(self, warning: Warning) -> bool {
        self.0 & warning.bit() != 0
    }

    /// Those in it, in order.
    pub fn iter(self) -> impl Iterator<Item = Warning> {
        Warning::ALL.into_iter().filter(move |warning| self.contains(*warning))
    }
}

impl FromIterator<Warning> for Warnings {
    fn from_iter<I: IntoIterator<Item = Warning>>(warnings: I) -> Self {
        let mut set = Self::default();
        for warning in warnings {
            set.add(warning);
        }
        set
    }
}

/// What one judge says of one call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    /// Every rule that fired, lifted or not, ascending by rank.
    pub findings: Vec<Finding>,
    /// What should be known although it stops nothing.
    pub warnings: Warnings,
    /// Facts that could not be learned; not empty means unavailable.
    pub missing: Vec<Cow<'static, str>>,
    /// Asking again makes sense only from here on.
    pub defer_until: Option<DateTime<Utc>>,
}

impl Verdict {
    /// A verdict that could not be given, for want of a named fact.
    #[must_use]
    pub fn unavailable(what: impl Into<Cow<'static, str>>) -> Self {
        Self { missing: vec![what.into()], ..Self::default() }
    }

    /// Whether a finding speaks against recording that nothing lifts.
    #[must_use]
    pub fn is_against(&self) -> bool {
        self.findings.iter().any(|finding| !finding.lifted)
    }

    /// Sorts the findings the way reports have them: by rank, then by rule.
    pub fn sort(&mut self) {
        if self.findings.len() > 1 {
            self.findings.sort_by(by_rank);
        }
    }
}

/// Order of findings in every list: rank of the code, the code itself, name of the rule.
#[must_use]
pub fn by_rank(a: &Finding, b: &Finding) -> std::cmp::Ordering {
    let key = |finding: &Finding| (finding.code.meta().rank, finding.code);
    key(a)
        .cmp(&key(b))
        .then_with(|| a.rule.cmp(&b.rule))
        .then_with(|| a.sub_reason.cmp(&b.sub_reason))
}

/// Asks every rule; nothing stops early. `requested` says whether a valid manual request lifts what
/// such a request can lift.
#[must_use]
pub fn judge<J: Judge>(rules: &[Rule<J>], facts: &J::Facts<'_>, requested: bool) -> Verdict {
    judge_lifting(rules, facts, |by| requested && by == LiftedBy::Assistant)
}

/// Asks every rule; nothing stops early. `lifts` says of each thing that can lift a code whether it does so for this call.
#[must_use]
pub fn judge_lifting<J: Judge>(
    rules: &[Rule<J>],
    facts: &J::Facts<'_>,
    lifts: impl Fn(LiftedBy) -> bool,
) -> Verdict {
    let mut verdict = Verdict::default();
    for rule in rules {
        match (rule.asks)(facts) {
            Ok(Opinion::Silent) => {}
            Ok(Opinion::Against { sub_reason, evidence }) => verdict.findings.push(Finding {
                rule: Cow::Borrowed(rule.name),
                code: rule.code,
                lifted: lifts(rule.code.meta().lifted_by),
                sub_reason: sub_reason.map(Cow::Borrowed),
                evidence,
            }),
            Err(Missing(fact)) => {
                if !verdict.missing.iter().any(|known| known == fact) {
                    verdict.missing.push(Cow::Borrowed(fact));
                }
            }
        }
    }
    verdict.sort();
    verdict
}
