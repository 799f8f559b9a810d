//! Calls as rows, and back.

use chrono::{DateTime, Utc};
use decision::CallKey;
use decision::conflict::OwnedContender;
use prost::Message as _;
use proto::orchestrator::v1 as wire;
use proto::{skip, time};
use sea_orm::ActiveValue::Set;

use super::Call;
use super::entity::call;
use crate::error::Error;

pub(super) fn corrupt(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Corrupt(Box::new(error))
}

pub(super) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

pub(super) fn instant(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}

pub(super) fn decode(bytes: &[u8]) -> Result<wire::Decision, Error> {
    wire::Decision::decode(bytes).map_err(corrupt)
}

/// More of a UID than this is not looked at when calls are ordered: an index takes only so much.
const UID: usize = 1_000;

/// Bytes that order calls of one start as lists do: UID, then recurrence id, absent before present.
pub(super) fn order_of(key: &CallKey) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(uid) = &key.ical_uid {
        bytes.push(1);
        bytes.extend(uid.as_bytes().iter().take(UID));
    }
    bytes.push(0);
    if let Some(at) = key.recurrence_id {
        bytes.push(1);
        // With the sign turned, two's complement orders like a number.
        bytes.extend((at.timestamp_micros() ^ i64::MIN).to_be_bytes());
    }
    bytes
}

/// The room a contender takes, as it is compared.
pub(super) fn room(contender: &OwnedContender) -> String {
    format!("{}/{}", contender.conference.provider.as_str(), contender.conference.id)
}

/// What a plan contends as; none for what is no plan.
pub(super) fn contender(
    plan: &wire::Decision,
    organizes: bool,
    received_at: DateTime<Utc>,
) -> Result<Option<OwnedContender>, Error> {
    let (Some(how), Some(conference)) = (&plan.plan, &plan.conference) else { return Ok(None) };
    let Some(end) = time::optional("decision.end", plan.end.as_ref())? else { return Ok(None) };
    Ok(Some(OwnedContender {
        key: CallKey::try_from(plan.key.clone().unwrap_or_default())?,
        start: time::required("decision.start", plan.start.as_ref())?,
        end,
        owner: how.owner.as_str().into(),
        conference: decision::Conference::try_from(conference.clone())?,
        requested: !plan.requester.is_empty(),
        owner_organizes: organizes,
        received_at,
    }))
}

impl TryFrom<call::Model> for Call {
    type Error = Error;

    fn try_from(row: call::Model) -> Result<Self, Error> {
        let decision = decode(&row.decision)?;
        let candidate = row.candidate.as_deref().map(decode).transpose()?;
        let contender = match row.contends_until {
            None => None,
            Some(_) => contender(
                candidate.as_ref().unwrap_or(&decision),
                row.organizes,
                instant(row.received),
            )?,
        };
        Ok(Self {
            call_id: row.call_id,
            version: unsigned(row.version),
            decision,
            had_plan: row.had_plan,
            planned_owner: row.planned_owner,
            ended: row.ended,
            judged_policy: unsigned(row.judged_policy),
            judged_meeting: unsigned(row.judged_meeting),
            contender,
            candidate,
            traces: row.traces,
            partial_until: row.partial_until.map(instant),
        })
    }
}

/// The row of a call.
///
/// # Errors
/// Its decision lacks what every decision has.
pub(super) fn row_of(call: &Call) -> Result<call::ActiveModel, Error> {
    let decision = &call.decision;
    let key = CallKey::try_from(decision.key.clone().unwrap_or_default())?;
    let start = time::required("decision.start", decision.start.as_ref())?;
    let contender = call.contender.as_ref();
    Ok(call::ActiveModel {
        company: Set(decision.company.clone()),
        call_id: Set(call.call_id.clone()),
        version: Set(number(call.version)),
        start: Set(start.timestamp_micros()),
        sort_key: Set(order_of(&key)),
        kind: Set(i16::try_from(decision.kind).unwrap_or_default()),
        code: Set(code(decision)),
        provider: Set(decision.conference.as_ref().map_or(0, |conference| conference.provider)),
        owner: Set(decision.owner.clone()),
        had_plan: Set(call.had_plan),
        planned_owner: Set(call.planned_owner.clone()),
        ended: Set(call.ended),
        judged_policy: Set(number(call.judged_policy)),
        judged_meeting: Set(number(call.judged_meeting)),
        contends_until: Set(contender.map(|one| one.end.timestamp_micros())),
        contends_owner: Set(contender.map(|one| one.owner.to_string())),
        contends_room: Set(contender.map(room)),
        organizes: Set(contender.is_some_and(|one| one.owner_organizes)),
        received: Set(contender.map_or(0, |one| one.received_at.timestamp_micros())),
        candidate: Set(call.candidate.as_ref().map(prost::Message::encode_to_vec)),
        traces: Set(call.traces.clone()),
        partial_until: Set(call.partial_until.map(|until| until.timestamp_micros())),
        revision: Set(number(decision.revision)),
        decision: Set(decision.encode_to_vec()),
    })
}

fn code(decision: &wire::Decision) -> i32 {
    decision.primary.as_ref().map_or(skip::v1::SkipCode::Unspecified as i32, |finding| finding.code)
}

/// Whether two decisions say the same, whenever and from whatever versions they were made.
pub(crate) fn is_same(a: &wire::Decision, b: &wire::Decision) -> bool {
    let essence = |decision: &wire::Decision| wire::Decision {
        policy_version: 0,
        meeting_revision: 0,
        revision: 0,
        predecessor: 0,
        decided_at: None,
        cause: String::new(),
        catalogue_version: 0,
        ..decision.clone()
    };
    // A code brought about by a changed setting stays as it is while nothing else changes.
    let invalidated = skip::v1::SkipCode::InvalidatingByCompanySettings as i32;
    let mut old = essence(a);
    let new = essence(b);
    if old.related_code == invalidated {
        old.related_code = new.related_code;
        old.explanation.clone_from(&new.explanation);
    }
    let is_invalidated = old.primary.as_ref().is_some_and(|primary| primary.code == invalidated);
    // It has its cause beside it, which would stand alone now.
    if is_invalidated
        && let Some((cause, rest)) = old.also.split_first()
        && new.primary.as_ref() == Some(cause)
    {
        (old.primary, old.also) = (Some(cause.clone()), rest.to_vec());
        old.explanation.clone_from(&new.explanation);
    }
    old == new
}
