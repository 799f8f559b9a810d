//! May this recording be imported from a link? What is known of it, and the rules it is judged by.
//!
//! Who asks must be an active member with a seat and the permission to schedule and upload by hand; else the request is
//! rejected with a reason, which is no skip code, and changes nothing (DOMAIN 4, 5.20). A request that is not rejected is a
//! manual one: it lifts what such a request lifts, so that of the rules here only those stop anything that nothing lifts. They
//! are asked all the same, for what was lifted is told. The codes are those of the conference table, which holds whatever is
//! imported and is no telephone call.
//!
//! Consent is another judge's question, of uploads as of everything else: where it is enforced nothing leads to a plan
//! without it (DOMAIN 7), and an upload has no link that could have asked for it.

mod blocklisted;
mod canceled_by_owner;
mod deleted_by_user;
mod internal;
mod never_record;
mod user_recording_off;

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::eligibility::Judgement;
use crate::meeting::Person;
use crate::people::People;
use crate::policy::{Member, Policy};
use crate::rule::{Judge, Rule, Warning, judge};

/// The judge whose question is: may this recording be imported from a link?
#[derive(Debug, Clone, Copy)]
pub enum Uploads {}

impl Judge for Uploads {
    type Facts<'a> = Facts<'a>;
}

/// Every rule for uploads, by rank of its code. A new rule is a file and a line here.
pub const RULES: &[Rule<Uploads>] = &[
    deleted_by_user::RULE,
    canceled_by_owner::RULE,
    never_record::RULE,
    blocklisted::RULE,
    internal::RULE,
    user_recording_off::RULE,
];

/// A recording behind a link, as far as it is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Member id or address of the one who asks, to whom it will belong.
    pub owner: String,
    /// What it is called.
    pub title: Option<String>,
    /// Others who are heard.
    pub participants: Vec<Person>,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
    /// Whether it was deleted in Callsheet.
    pub deleted_by_user: bool,
    /// Whether the owner took it back, with no newer request.
    pub recording_canceled: bool,
}

/// Why a request to upload is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Rejected {
    /// No member has that id or address.
    #[error("nobody of the company has this id or address")]
    Unknown,
    /// The member is deactivated.
    #[error("this member is deactivated")]
    Deactivated,
    /// The member has no seat.
    #[error("this member has no seat")]
    NoSeat,
    /// The member's permission profile does not allow it.
    #[error("this member lacks the permission to schedule and upload by hand")]
    NoPermission,
}

impl Rejected {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Unknown, Self::Deactivated, Self::NoSeat, Self::NoPermission];
}

/// What the rules look at.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The company's policy.
    pub policy: &'a Policy,
    /// The recording.
    pub upload: &'a Upload,
    /// To whom it will belong.
    pub owner: &'a Member,
    /// Who is heard, the owner first.
    pub people: People<'a>,
}

impl<'a> Facts<'a> {
    /// Gathers what can be told from policy and recording.
    ///
    /// # Errors
    /// Who asks may not.
    pub fn of(policy: &'a Policy, upload: &'a Upload) -> Result<Self, Rejected> {
        let (_, owner) = policy.find_member(&upload.owner).ok_or(Rejected::Unknown)?;
        if !owner.active {
            return Err(Rejected::Deactivated);
        }
        if !owner.seat {
            return Err(Rejected::NoSeat);
        }
        if !owner.can_request {
            return Err(Rejected::NoPermission);
        }
        let address = owner.emails.first().map(String::as_str);
        let asked = std::slice::from_ref(&upload.owner);
        let recordable = Member::is_recordable_by_phone;
        let people = People::heard(policy, address, &upload.participants, asked, recordable);
        Ok(Self { policy, upload, owner, people })
    }
}

/// Judges one upload by every rule.
///
/// # Errors
/// Who asks may not: nothing becomes of it.
pub fn judge_upload(policy: &Policy, upload: &Upload) -> Result<Judgement, Rejected> {
    let facts = Facts::of(policy, upload)?;
    let mut verdict = judge(RULES, &facts, true);
    let nameless = facts.people.invited.iter().any(|person| person.address.is_none());
    verdict.warnings.add_if(nameless, Warning::InviteeWithoutAddress);
    let owner = Some(Arc::clone(&facts.owner.id));
    Ok(Judgement { verdict, requester: owner.clone(), owner })
}

#[cfg(test)]
pub(crate) mod example {
    //! A recording that Ada uploads.

    use super::{Rejected, Upload, judge_upload};
    use crate::company::CompanyFile;
    use crate::eligibility::Judgement;
    use crate::eligibility::example::{company, person, start};
    use crate::policy::Policy;
    use crate::skip_code::SkipCode;

    pub(crate) fn upload() -> Upload {
        Upload {
            owner: "ada".into(),
            title: Some("Renewal".into()),
            participants: vec![person("kim@customer.example")],
            recorded_at: start(),
            deleted_by_user: false,
            recording_canceled: false,
        }
    }

    /// Judges after changing the company and the upload.
    pub(crate) fn judge(
        change: impl FnOnce(&mut CompanyFile, &mut Upload),
    ) -> Result<Judgement, Rejected> {
        let (mut company, mut upload) = (company(), upload());
        change(&mut company, &mut upload);
        company.validate().unwrap();
        judge_upload(&Policy::compile(&company, 1), &upload)
    }

    /// The codes found after a change: those that stand, and those that are lifted.
    pub(crate) fn found(
        change: impl FnOnce(&mut CompanyFile, &mut Upload),
    ) -> (Vec<SkipCode>, Vec<SkipCode>) {
        let findings = judge(change).unwrap().verdict.findings;
        let (lifted, stand): (Vec<_>, Vec<_>) = findings.iter().partition(|one| one.lifted);
        let codes = |some: Vec<&crate::Finding>| some.iter().map(|one| one.code).collect();
        (codes(stand), codes(lifted))
    }
}

#[cfg(test)]
mod tests {
    use super::example::{found, judge};
    use super::*;

    #[test]
    fn an_upload_belongs_to_the_one_who_asks() {
        let judgement = judge(|_, upload| upload.owner = "ADA@acme.example".into()).unwrap();
        assert_eq!(judgement.owner.as_deref(), Some("ada"));
        assert_eq!((judgement.requester, judgement.verdict.findings), (judgement.owner, vec![]));
    }

    #[test]
    fn who_may_not_ask_is_told_why() {
        let of = |change: fn(&mut crate::CompanyFile)| judge(|company, _| change(company)).err();
        assert_eq!(
            of(|company| company.members[0].can_request = false),
            Some(Rejected::NoPermission)
        );
        assert_eq!(of(|company| company.members[0].seat = false), Some(Rejected::NoSeat));
        assert_eq!(of(|company| company.members[0].active = false), Some(Rejected::Deactivated));
        let stranger = judge(|_, upload| upload.owner = "kim@customer.example".into());
        assert_eq!(stranger.err(), Some(Rejected::Unknown));
    }

    #[test]
    fn rules_stand_in_the_order_of_their_ranks() {
        assert!(RULES.is_sorted_by_key(|rule| rule.code.meta().rank));
    }

    #[test]
    fn telephony_has_no_part_in_it() {
        assert_eq!(found(|company, _| company.settings.dialer.enabled = false), (vec![], vec![]));
    }
}
