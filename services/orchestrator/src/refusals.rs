//! Refusals to be recorded: they reach a session under way also where nobody can decide its call, and one that ended in a
//! recording where they were made before its end.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use decision::session::{Heard, Signal};
use feed::Notice;
use proto::orchestrator::v1 as wire;

use crate::engine::{Cause, Engine, How};
use crate::error::Error;
use crate::gather::SharedPolicy;
use crate::store::{Running, Told};

/// Calls that somebody does not want to be recorded, and since when, as far as it is known.
pub(crate) type Refused = BTreeMap<String, Option<DateTime<Utc>>>;

/// Takes a notice of a refusal.
pub(crate) fn note(refused: &mut Refused, notice: &Notice) {
    let at = notice.note.parse().ok().and_then(DateTime::from_timestamp_micros);
    let known = refused.entry(notice.subject.clone()).or_insert(at);
    *known = (*known).min(at);
}

impl Engine {
    /// Decides calls that somebody does not want to be recorded. A session whose call cannot be decided now, because somebody
    /// does not answer without whom that is not possible, hears of it all the same: consent fails closed.
    ///
    /// # Errors
    /// Those of deciding them; the store. All is to be done again then, which changes nothing where it was done.
    pub(crate) async fn refused(&self, company: &str, refused: &Refused) -> Result<(), Error> {
        let ids: Vec<String> = refused.keys().cloned().collect();
        // Whoever is judging them at the moment may have asked before.
        self.calls.touch(company, &ids).await?;
        let how = How::now(self.clock.now(), Cause::Consent);
        let decided = self.decide_ids(company, &ids, how).await;
        let is_undecided = |id: &str| match &decided {
            Ok(outcome) => outcome.partial.contains_key(id),
            Err(_) => true,
        };
        let undecided: HashSet<&str> =
            ids.iter().map(String::as_str).filter(|id| is_undecided(id)).collect();
        self.heed(company, refused, &undecided).await?;
        decided.map(drop)
    }

    /// Tells sessions of refusals that no decision told them of.
    async fn heed(
        &self,
        company: &str,
        refused: &Refused,
        undecided: &HashSet<&str>,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        let ids: Vec<String> = refused.keys().cloned().collect();
        let mut sessions: Vec<(Running, DateTime<Utc>)> = Vec::new();
        for session in self.calls.newest_sessions(company, &ids).await? {
            let chosen = refused.get(&session.call_id).copied().flatten();
            let at = chosen.unwrap_or(now);
            let concerns = match session.machine.outcome() {
                None => undecided.contains(session.call_id.as_str()),
                // It was over when we learnt of it, and not when it was said.
                Some(outcome) => outcome.keeps() && was_said_before(&session, chosen),
            };
            if concerns {
                sessions.push((session, at));
            }
        }
        if sessions.is_empty() {
            return Ok(());
        }
        let plans: Vec<(&str, u64)> =
            sessions.iter().map(|(one, _)| (one.call_id.as_str(), one.plan_revision)).collect();
        let known = self.calls.plans(company, &plans).await?;
        let ready = self.known_policy(company).await;
        let told: Vec<Told> = sessions
            .into_iter()
            .filter(|(session, _)| {
                let plan = known.plan(&session.call_id, session.plan_revision);
                let held = known.call(&session.call_id).map(|call| &call.decision);
                plan.into_iter().chain(held).any(|one| is_enforced(one, ready.as_ref()))
            })
            .map(|(session, at)| Told {
                company: session.company,
                call_id: session.call_id,
                plan_revision: session.plan_revision,
                heard: vec![Heard::new(Signal::ConsentRefused, at)],
                if_requested: None,
            })
            .collect();
        if told.is_empty() {
            return Ok(());
        }
        tracing::info!(company, sessions = told.len(), "sessions hear of refusals");
        self.hear(&told).await
    }
}

/// Whether something was said before a session was over.
fn was_said_before(session: &Running, said: Option<DateTime<Utc>>) -> bool {
    said.zip(session.machine.ended_at()).is_some_and(|(said, ended)| said <= ended)
}

/// Whether consent is enforced for a plan: it was when it was made, or is for its owner by now.
fn is_enforced(decision: &wire::Decision, ready: Option<&SharedPolicy>) -> bool {
    let Some(plan) = &decision.plan else { return false };
    let enforces = |ready: &SharedPolicy| {
        let owner = ready.policy.member_by_id(&plan.owner);
        let profile = owner.and_then(|(_, owner)| owner.profile.as_deref());
        ready.policy.enforces(profile)
    };
    plan.consent_verified || ready.is_some_and(enforces)
}
