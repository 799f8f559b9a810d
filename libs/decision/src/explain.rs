//! A decision told in sentences, without any content of an event.

use std::fmt::Write as _;

use crate::company::NumberMode;
use crate::plan::{Decision, Kind, Plan};
use crate::provider::Adapter;
use crate::rule::{Evidence, Finding, Warning};
use crate::{CallKey, Means};

/// The sentences for a person who asks why, one a line.
#[must_use]
pub fn explain(decision: &Decision) -> String {
    sentences(decision).join("\n")
}

/// The same, sentence by sentence: what was decided, each reason with its remedy, what a request
/// lifted, what would come next, and the warnings.
#[must_use]
pub fn sentences(decision: &Decision) -> Vec<String> {
    let mut told = Vec::new();
    match &decision.kind {
        Kind::Plan(plan) => told.extend(planned(plan)),
        Kind::Skip => {
            if let Some(primary) = &decision.primary {
                told.push(format!("Not recorded: {}.", reason(primary)));
                told.push(primary.code.meta().remedy.to_owned());
            }
        }
        Kind::Recorded => told.push("It was recorded.".to_owned()),
        Kind::Partial => {
            if let Some(primary) = &decision.primary {
                told.push(format!("A part of it was recorded: {}.", reason(primary)));
                told.push(primary.code.meta().remedy.to_owned());
            }
        }
        Kind::Pending { decide_by } => {
            told.push(format!(
                "Not decided yet: {} did not answer. It is asked again, and decided at {} at the latest.",
                decision.missing.join(", "),
                decide_by.format("%Y-%m-%d %H:%M:%S UTC"),
            ));
        }
    }
    if decision.hidden {
        told.push(
            "Nothing of the event's content is shown, because it is private or excluded."
                .to_owned(),
        );
    }
    if !decision.also.is_empty() {
        let codes: Vec<String> = decision.also.iter().map(short).collect();
        told.push(format!(
            "Found besides, in the order in which they would come next: {}.",
            codes.join(", ")
        ));
    }
    if !decision.lifted.is_empty() {
        let codes: Vec<&str> =
            decision.lifted.iter().map(|finding| finding.code.as_str()).collect();
        let by = decision.requester.as_deref().unwrap_or("a team member");
        told.push(format!("The request of {by} lifts {}.", codes.join(", ")));
    }
    if let Some(related) = decision.related {
        told.push(format!("Related code: {}.", related.as_str()));
    }
    told.extend(decision.warnings.iter().map(|warning| caution(warning).to_owned()));
    told
}

/// How a call is to be recorded.
fn planned(plan: &Plan) -> Vec<String> {
    let owner = &plan.owner;
    let mut line = match (plan.method, plan.adapter) {
        (Means::Cloud, _) => {
            format!(
                "Recorded by Zoom's own cloud recording; nobody joins; the call belongs to {owner}."
            )
        }
        (Means::LocalBot, _) => format!(
            "Recorded by a bot that records locally once the host permits it; the call belongs to {owner}."
        ),
        (Means::Bot, Adapter::Teams) => {
            format!("Recorded by a bot that joins in Teams; the call belongs to {owner}.")
        }
        (Means::Bot, adapter) => format!(
            "Recorded by a bot that joins through {}; the call belongs to {owner}.",
            adapter.as_str()
        ),
        (Means::Dialer, _) => format!(
            "Its recording is fetched from the telephone system after the call, which belongs to {owner}."
        ),
        (Means::Upload, _) => {
            format!("Its recording is fetched from the link that was given; it belongs to {owner}.")
        }
    };
    if let Some(join_at) = plan.join_at {
        let _ = write!(line, " It joins at {}.", join_at.format("%Y-%m-%d %H:%M:%S UTC"));
    }
    let mut told = vec![line];
    if let Some(first) = plan.fallbacks.first() {
        told.push(format!("If that fails, the method is {}.", first.as_str()));
    }
    match plan.numbers {
        NumberMode::Automatic => {}
        NumberMode::AutomaticExcluded | NumberMode::Manual => told.push(format!(
            "Calls with such a number are {}: without a start by hand nothing is fetched.",
            plan.numbers.about()
        )),
        NumberMode::Prohibited => told.push(format!(
            "Calls with such a number are {}: once somebody answers, it ends in RECORDING_RESTRICTED.",
            plan.numbers.about()
        )),
    }
    told
}

/// A finding in a clause: its code, what it means, and what was seen.
#[must_use]
pub fn reason(finding: &Finding) -> String {
    let description = finding.code.meta().description.trim_end_matches('.');
    let mut line = format!("{}: {description}", short(finding));
    let seen: Vec<String> = finding.evidence.iter().map(evidence).collect();
    if !seen.is_empty() {
        let _ = write!(line, " (seen: {})", seen.join(", "));
    }
    line
}

pub(crate) fn short(finding: &Finding) -> String {
    match &finding.sub_reason {
        Some(sub_reason) => format!("{} ({})", finding.code.as_str(), sub_reason.replace('_', " ")),
        None => finding.code.as_str().to_owned(),
    }
}

fn evidence(seen: &Evidence) -> String {
    match seen {
        Evidence::Member(id) => format!("member {id}"),
        Evidence::Invitee(0) => "the organizer".to_owned(),
        Evidence::Invitee(position) => format!("attendee {position}"),
        Evidence::Setting(place) => place.to_string(),
        Evidence::Instant(at) => at.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
        Evidence::Seconds(seconds) => span(*seconds),
        Evidence::Service(name) => name.to_string(),
        Evidence::Call(key) => call(key),
        Evidence::Company(id) => format!("company {id}"),
        Evidence::Profile(name) => format!("consent profile {name}"),
    }
}

fn span(seconds: i64) -> String {
    let sign = if seconds < 0 { "-" } else { "" };
    let seconds = seconds.unsigned_abs();
    format!("{sign}{} min {:02} s", seconds / 60, seconds % 60)
}

pub(crate) fn call(key: &CallKey) -> String {
    let uid = key.ical_uid.as_deref().unwrap_or("an event without UID");
    match key.recurrence_id {
        Some(at) => format!("call {uid} of {}", at.format("%Y-%m-%d %H:%M:%S UTC")),
        None => format!("call {uid}"),
    }
}

const fn caution(warning: Warning) -> &'static str {
    match warning {
        Warning::ShortNotice => {
            "Caution: it became known with less notice than the company wants to guarantee."
        }
        Warning::InviteeWithoutAddress => {
            "Caution: an invitee without a usable address was counted as external."
        }
        Warning::NativeNotPossible => {
            "Caution: Zoom's own recording is not possible for this host, so the bot stands in."
        }
        Warning::ZoomFactsUnknown => {
            "Caution: not everything about the host's Zoom user is known; it is checked before the start."
        }
        Warning::ManualRequestRejected => {
            "Caution: the assistant was asked by nobody who has a seat and the permission."
        }
        Warning::OtherLinks => "Caution: the event holds links to other conferences too.",
        Warning::ProviderCheckUnavailable => {
            "Caution: the provider's check could not be made; it is made before the start."
        }
        Warning::AmbiguousTime => "Caution: the local time is ambiguous, or its zone is not known.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SkipCode;
    use crate::rule::Warnings;

    #[test]
    fn a_skip_names_its_code_its_evidence_and_what_comes_next() {
        let finding = |code, evidence| Finding {
            rule: "r".into(),
            code,
            lifted: false,
            sub_reason: None,
            evidence,
        };
        let decision = Decision {
            kind: Kind::Skip,
            primary: Some(finding(SkipCode::ObsoleteCall, vec![Evidence::Seconds(725)])),
            also: vec![finding(SkipCode::InactiveHost, Vec::new())],
            lifted: Vec::new(),
            related: None,
            warnings: Warnings::default(),
            import_details: true,
            hidden: false,
            missing: Vec::new(),
            owner: None,
            requester: None,
            policy_version: 1,
            catalogue_version: 1,
        };
        let told = explain(&decision);
        assert!(told.starts_with("Not recorded: OBSOLETE_CALL: "), "{told}");
        assert!(told.contains("12 min 05 s") && told.contains("INACTIVE_HOST"), "{told}");
    }
}
