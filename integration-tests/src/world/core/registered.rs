//! What no calendar knows, decided and carried out by the pure libraries: telephone calls, and recordings behind links.

use chrono::{DateTime, TimeDelta, Utc};
use decision::eligibility::Judgement;
use decision::links::Selected;
use decision::plan::{CallInputs, History, Kind, UploadInputs, decide_call, decide_upload};
use decision::session::{Heard, Order, Session, Signal};
use decision::upload::{self, Upload};
use decision::{
    CallKey, Decision, Means, Meeting, Missing, Person, Policy, Verdict, identity, telephone, text,
};

use super::{CallId, Core, Decided};
use crate::scenario::{Dial, Import, Recorded};
use crate::told::Told;

impl Core {
    pub(super) fn register_call(&mut self, company: &str, dial: &Dial) -> anyhow::Result<()> {
        let (policy, now) = (self.policy(company)?, self.now);
        let call = telephone::Call {
            own_number: dial.from.clone(),
            other_number: dial.to.clone(),
            user: Some(text::address(&dial.user).unwrap_or_else(|| dial.user.clone())),
            participants: people(&dial.participants),
            ..telephone::Call::at(now)
        };
        let judgement = telephone::judge_call(&policy, &call);
        let decision = decide_call(&CallInputs {
            policy: &policy,
            call_id: &identity::call(company, dial.dialer.connection(), &dial.call),
            known_at: now,
            revision: 1,
            consent: self.consent_without_links(&policy, &judgement.call),
            eligibility: Ok(judgement),
            history: &History::default(),
            now,
        });
        self.register(company, &dial.call, now, decision)?;
        Ok(())
    }

    /// Registers a recording, and looks at it; whether that was heard.
    pub(super) fn register_upload(
        &mut self,
        company: &str,
        import: &Import,
    ) -> anyhow::Result<bool> {
        let (policy, now) = (self.policy(company)?, self.now);
        let asked = Upload {
            owner: import.owner.clone(),
            title: None,
            participants: people(&import.participants),
            recorded_at: now,
            deleted_by_user: false,
            recording_canceled: false,
        };
        let Ok(judgement) = upload::judge_upload(&policy, &asked) else { return Ok(false) };
        let decision = decide_upload(&UploadInputs {
            policy: &policy,
            call_id: &identity::upload(company, &import.call),
            known_at: now,
            revision: 1,
            consent: self.consent_without_links(&policy, &judgement),
            eligibility: Ok(judgement),
            history: &History::default(),
            now,
        });
        let id = self.register(company, &import.call, now, decision)?;
        let settings = self.settings(company)?;
        let is_planned = self.carried.contains_key(&id);
        for (signal, length) in looked(import.file).into_iter().filter(|_| is_planned) {
            let heard = Heard { length, ..Heard::new(signal, now) };
            let effects = self.session(&id)?.hear(&settings, &heard, now);
            self.done(&id, &effects)?;
        }
        Ok(true)
    }

    fn consent_without_links(
        &self,
        policy: &Policy,
        judgement: &Judgement,
    ) -> Result<Verdict, Missing> {
        let owner = judgement.owner.as_deref().and_then(|id| policy.member_by_id(id));
        let profile = match owner {
            Some((_, owner)) => owner.profile.as_deref(),
            None => policy.default_profile.as_deref(),
        };
        self.consent(policy, profile, &[], &CallKey::default())
    }

    /// Keeps what was decided, and begins to carry it out.
    fn register(
        &mut self,
        company: &str,
        name: &str,
        start: DateTime<Utc>,
        decision: Decision,
    ) -> anyhow::Result<CallId> {
        let settings = self.settings(company)?;
        let key = CallKey { ical_uid: Some(name.to_owned()), recurrence_id: None };
        let known = Meeting { end: None, ..Meeting::at(start) };
        let told = Told::of_core(&key, &known, &Selected::default(), &decision);
        let id = (key, None);
        let order = match &decision.kind {
            Kind::Plan(plan) if plan.method == Means::Upload => Some(Order::upload(start)),
            Kind::Plan(plan) => Some(Order::call(start, plan.numbers)),
            Kind::Skip | Kind::Pending { .. } | Kind::Recorded | Kind::Partial => None,
        };
        let decided = Decided {
            planned_owner: told.plan.as_ref().map(|plan| plan.owner.clone()),
            had_plan: order.is_some(),
            policy: self.policy(company)?.version,
            revision: 1,
            contends: false,
            decision,
            told,
        };
        self.decided.insert(id.clone(), decided);
        if let Some(order) = order {
            let mut session = Session::new(&order);
            let effects = session.wake(&settings, start);
            self.carried.entry(id.clone()).or_default().session = Some(session);
            self.done(&id, &effects)?;
        }
        Ok(id)
    }
}

/// What is said of what a link leads to.
fn looked(file: Recorded) -> Vec<(Signal, Option<TimeDelta>)> {
    match file {
        Recorded::Tone(long) => vec![(Signal::Imported, Some(long.0))],
        Recorded::Silence(long) => {
            vec![(Signal::MediaSilent, None), (Signal::Imported, Some(long.0))]
        }
        Recorded::Text => vec![(Signal::MediaUnknown, None)],
        Recorded::Gone => vec![(Signal::UrlImportFailed, None)],
    }
}

fn people(addresses: &[String]) -> Vec<Person> {
    let person = |raw: &String| Person { address: text::address(raw), ..Person::default() };
    addresses.iter().map(person).collect()
}
