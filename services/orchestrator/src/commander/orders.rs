//! What orders say beside their attempts, looked up when they are handed over.

use std::collections::{BTreeMap, HashMap};

use chassis::chain;
use chrono::{DateTime, TimeDelta, Utc};
use decision::{Conference, Kind};
use proto::calendar::v1 as calendar;
use proto::orchestrator::v1 as wire;
use proto::provider::v1 as provider;
use proto::time;
use tracing::warn;

use super::Commander;
use super::fate::{Fate, SOON, pause};
use crate::error::Error;
use crate::gather::SharedPolicy;
use crate::store::{Command, CommandKind, Registered};

impl Commander {
    /// The orders of those commands that dispatch, by their places, or what becomes of them instead.
    pub(super) async fn orders(
        &self,
        commands: &[Command],
        now: DateTime<Utc>,
    ) -> HashMap<usize, Result<Dispatched, Fate>> {
        let retry = self.engine.retry;
        let mut by_company: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (place, command) in commands.iter().enumerate() {
            if command.kind == CommandKind::Dispatch {
                by_company.entry(&command.company).or_default().push(place);
            }
        }
        let looking = by_company.into_iter().map(|(company, places)| async move {
            let asked: Vec<&Command> =
                places.iter().filter_map(|place| commands.get(*place)).collect();
            let found = self.look_up(company, &asked, now).await.unwrap_or_else(|error| {
                warn!(company, error = chain(&error), "what orders are about could not be had");
                let later = |one: &&Command| Fate::Later("failed", now + pause(retry, one));
                asked.iter().map(later).map(Err).collect()
            });
            places.into_iter().zip(found).collect::<Vec<_>>()
        });
        futures::future::join_all(looking).await.into_iter().flatten().collect()
    }

    /// What is known of the plans that commands of a company dispatch.
    async fn look_up(
        &self,
        company: &str,
        commands: &[&Command],
        now: DateTime<Utc>,
    ) -> Result<Vec<Result<Dispatched, Fate>>, Error> {
        let engine = &self.engine;
        let plans: Vec<(&str, u64)> =
            commands.iter().map(|one| (one.call_id.as_str(), one.plan_revision)).collect();
        let mut ids: Vec<String> = commands.iter().map(|one| one.call_id.clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        let known = engine.calls.plans(company, &plans).await?;
        let registered: HashMap<String, Registered> = engine
            .calls
            .registered(company, &ids)
            .await?
            .into_iter()
            .map(|one| (one.call_id.clone(), one))
            .collect();
        ids.retain(|id| !registered.contains_key(id));
        let meetings: HashMap<String, calendar::Meeting> = engine
            .meetings(company, &ids)
            .await?
            .into_iter()
            .map(|meeting| (meeting.meeting_id.clone(), meeting))
            .collect();
        let ready = engine.known_policy(company).await;
        Ok(commands
            .iter()
            .map(|command| {
                let id = &command.call_id;
                let (Some(decision), Some(call)) =
                    (known.plan(id, command.plan_revision), known.call(id))
                else {
                    return Err(Fate::Over("void"));
                };
                let failed = || Fate::Later("failed", now + pause(engine.retry, command));
                let waiting = || Fate::Later("waiting", now + SOON.min(engine.retry));
                // What has changed since the call was decided is decided first: the order may fall.
                if let Some(registered) = registered.get(id) {
                    if registered.revision != call.judged_meeting {
                        return Err(waiting());
                    }
                    let none = calendar::Meeting::default();
                    let mut dispatched =
                        order(command, decision, &none, ready.as_ref()).map_err(|_| failed())?;
                    (dispatched.order.phone_call, dispatched.order.upload) = registered.to_fetch();
                    // Its link was forgotten, and is not to be had any more.
                    let is_upload = dispatched.order.method() == provider::Method::Upload;
                    if is_upload && dispatched.order.upload.is_none() {
                        return Err(Fate::refused(command, now, self.settings.most_tries));
                    }
                    return Ok(dispatched);
                }
                let meeting = meetings.get(id).filter(|one| one.revision == call.judged_meeting);
                let Some(meeting) = meeting else {
                    return Err(waiting());
                };
                order(command, decision, meeting, ready.as_ref()).map_err(|_| failed())
            })
            .collect())
    }
}

/// An order, and the policy by which its adapter is set up.
#[derive(Debug)]
pub(super) struct Dispatched {
    pub(super) order: provider::Order,
    pub(super) policy: Option<SharedPolicy>,
}

/// The order that a plan comes to.
fn order(
    command: &Command,
    decision: &wire::Decision,
    meeting: &calendar::Meeting,
    ready: Option<&SharedPolicy>,
) -> Result<Dispatched, Error> {
    let read = decision::Decision::try_from(decision)?;
    let plan = match &read.kind {
        Kind::Plan(plan) => Some(plan),
        Kind::Skip | Kind::Pending { .. } | Kind::Recorded | Kind::Partial => None,
    };
    let conference = decision.conference.clone().map(Conference::try_from).transpose()?;
    let joins = matches!(
        provider::Method::try_from(command.method),
        Ok(provider::Method::Local | provider::Method::Bot)
    );
    let start = time::required("decision.start", decision.start.as_ref())?;
    let recording = ready.map(|ready| &ready.policy.settings.recording);
    let ahead = recording.map_or(TimeDelta::minutes(2), |recording| recording.dispatch_ahead.0);
    let until = recording.map_or(TimeDelta::minutes(10), |recording| recording.latest_join.0);
    let join_at = plan.and_then(|plan| plan.join_at).unwrap_or(start - ahead);
    let latest = plan.and_then(|plan| plan.latest_join).unwrap_or(start + until);
    let organizer = meeting.organizer.as_ref().and_then(|person| person.address.as_deref());
    let organizer = organizer
        .zip(ready)
        .and_then(|(address, ready)| ready.policy.find_member(address))
        .map(|(_, member)| member.id.to_string());
    let join_url = conference.as_ref().filter(|_| joins).and_then(|found| link_to(meeting, found));
    Ok(Dispatched {
        order: provider::Order {
            attempt: Some(command.attempt()),
            adapter: command.adapter,
            method: command.method,
            conference: decision.conference.clone(),
            join_url: join_url.unwrap_or_default(),
            start: decision.start,
            end: decision.end,
            join_at: joins.then(|| time::to_wire(join_at)),
            latest_join: joins.then(|| time::to_wire(latest)),
            announcement: plan.is_some_and(|plan| plan.announcement),
            owner: decision.owner.clone(),
            organizer: organizer.unwrap_or_default(),
            policy_version: ready.map_or(decision.policy_version, |ready| ready.policy.version),
            phone_call: None,
            upload: None,
        },
        policy: ready.cloned(),
    })
}

/// The link of a meeting that leads to a conference. Where that is only named by a consent link, a link is made of its id,
/// which knows no passcode: a recorder that needs one is told so at the door.
fn link_to(meeting: &calendar::Meeting, conference: &Conference) -> Option<String> {
    let leads_there = |link: &&calendar::Link| {
        link.kind() == calendar::LinkKind::Join
            && !link.url.is_empty()
            && proto::verdict::provider("provider", link.provider).ok().flatten()
                == Some(conference.provider)
            && link.id == conference.id
    };
    let found = meeting.links.iter().find(leads_there).map(|link| link.url.clone());
    found.or_else(|| {
        let provider: conference::Provider = conference.provider.as_str().parse().ok()?;
        provider.join_url(&conference.id)
    })
}
