//! What is stored, what has come, and what therefore changes. No I/O: it runs where nobody waits for it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Weak};

use calendar::{Event, Occurrence, Place, Problem, Reason, Severity, Window, expand_with};
use chrono::{DateTime, TimeDelta, Utc};
use prost::Message as _;
use proto::calendar::v1;

use crate::convert::{self, instant, micros};
use crate::error::Error;
use crate::identity;
use crate::payload::{self, Incoming, Order, Payload};
use crate::store::{Changes, Component, Head, Meeting, Pool, Pools};

/// Components laid out at a time; what they become is in memory at once.
const AT_A_TIME: usize = 2_000;

/// Bytes of new or changed meetings that one request may make.
const MOST_BYTES: usize = 256 << 20;

/// How far beyond the period an occurrence is looked for that is no longer in it.
const BEYOND: TimeDelta = TimeDelta::days(400);

/// A single event counts as one to come when it is not much before the end of what is laid out: its zone is not looked at.
const ANY_ZONE: TimeDelta = TimeDelta::days(2);

/// The components of one UID, to be laid out.
#[derive(Debug)]
pub(crate) struct Task {
    /// The pool.
    pub(crate) id: String,
    /// The components.
    events: Vec<Event>,
    /// What their meetings are merged with, and how.
    ground: Ground,
    /// When their last change was received.
    received: i64,
}

/// What components do not say themselves; those laid out together have it in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Ground {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    zone: String,
    consent_host: String,
    recipient: String,
}

/// Puts a payload's events in the place of those its source told before. Answers what changes about components and
/// pools, and what is to be laid out.
pub(crate) fn replace(
    order: &Order,
    payload: &mut Payload,
    stored: &Pools,
    linked: &[Component],
    moves: Vec<(String, Component)>,
    now: DateTime<Utc>,
) -> Result<(Changes, Vec<Task>), Error> {
    let received = micros(order.received);
    let mut changes = Changes::default();
    let mut current: BTreeMap<String, Component> = stored
        .components
        .iter()
        .map(|component| (component.id.clone(), component.clone()))
        .collect();
    let mut touched: BTreeSet<String> = BTreeSet::new();
    let drop =
        |id: &str, current: &mut BTreeMap<String, Component>, touched: &mut BTreeSet<String>| {
            if let Some(component) = current.remove(id) {
                touched.insert(component.pool);
            }
        };

    for deleted in &payload.deleted {
        let gone = |one: &&Component| {
            let of_id = deleted.source_key.is_some()
                && (one.source_key == deleted.source_key || one.series_key == deleted.source_key);
            let of_pool = deleted.pool.as_ref() == Some(&one.pool);
            one.source == order.source && one.company == order.company && (of_id || of_pool)
        };
        let ids: Vec<String> = stored
            .components
            .iter()
            .chain(linked)
            .filter(gone)
            .map(|component| component.id.clone())
            .collect();
        for id in ids {
            drop(&id, &mut current, &mut touched);
        }
    }
    for (old, new) in moves {
        if current.contains_key(&old) {
            drop(&old, &mut current, &mut touched);
            touched.insert(new.pool.clone());
            current.entry(new.id.clone()).or_insert(new);
        }
    }

    // What is stored of this source, and what has come, by what is replaced as one.
    let mut before: HashMap<(String, String), Vec<String>> = HashMap::new();
    for component in current.values().filter(|component| component.source == order.source) {
        let key = (component.pool.clone(), component.slot.clone());
        before.entry(key).or_default().push(component.id.clone());
    }
    let mut after: BTreeMap<(String, &str), Vec<&Incoming>> = BTreeMap::new();
    for event in &payload.events {
        let pool = identity::pool(&order.company, &event.uid);
        after.entry((pool, &event.slot)).or_default().push(event);
    }
    let mut superseded = Vec::new();
    for ((pool, slot), mut events) in after {
        events.sort_by(|a, b| a.event.revision_order(&b.event).then_with(|| a.json.cmp(&b.json)));
        events.dedup_by(|a, b| a.json == b.json && a.source_key == b.source_key);
        touched.insert(pool.clone());
        let known = before.get(&(pool.clone(), slot.to_owned())).map_or(&[][..], Vec::as_slice);
        if let Some(newest) = events.last()
            && is_superseded(&newest.event, known, &current)?
        {
            superseded.push(newest.uid.clone());
            continue;
        }
        let mut kept = HashSet::new();
        for (ordinal, event) in events.into_iter().enumerate() {
            let mut component = Component {
                id: identity::component(&pool, &order.source, slot, ordinal),
                company: order.company.clone(),
                source: order.source.clone(),
                pool: pool.clone(),
                slot: slot.to_owned(),
                source_key: event.source_key.clone(),
                series_key: event.series_key.clone(),
                event: event.json.clone(),
                digest: String::new(),
                zone: order.zone.clone(),
                consent_host: order.consent_host.clone(),
                recipient: order.recipient.clone(),
                received,
            };
            component.digest = payload::digest(&component);
            kept.insert(component.id.clone());
            let same = current.get(&component.id).is_some_and(|known| {
                known.digest == component.digest
                    && known.source_key == component.source_key
                    && known.series_key == component.series_key
            });
            if !same {
                current.insert(component.id.clone(), component);
            }
        }
        for id in known.iter().filter(|id| !kept.contains(*id)) {
            drop(id, &mut current, &mut touched);
        }
    }
    for uid in superseded {
        payload.problems.push(Problem {
            place: Place::Series,
            uid: Some(uid),
            severity: Severity::Dropped,
            reason: Reason::Incomplete,
            text: "a newer revision of the event has come from this calendar before".to_owned(),
        });
    }

    // Compared as a whole: what was moved and then replaced is one change.
    let was: HashMap<&str, &Component> =
        stored.components.iter().map(|one| (one.id.as_str(), one)).collect();
    changes.dropped =
        was.keys().filter(|id| !current.contains_key(**id)).map(|id| (*id).to_owned()).collect();
    changes.dropped.sort();
    changes.components = current
        .values()
        .filter(|one| was.get(one.id.as_str()).is_none_or(|known| *known != *one))
        .cloned()
        .collect();
    let mut fresh: HashSet<&str> = changes.components.iter().map(|one| one.pool.as_str()).collect();
    fresh.extend(
        changes.dropped.iter().filter_map(|id| was.get(id.as_str())).map(|one| one.pool.as_str()),
    );

    let pools: HashMap<&str, &Pool> =
        stored.pools.iter().map(|pool| (pool.id.as_str(), pool)).collect();
    let mut members: HashMap<&str, Vec<&Component>> = HashMap::new();
    for component in current.values() {
        members.entry(&component.pool).or_default().push(component);
    }
    let mut tasks = Vec::new();
    for id in &touched {
        let known = pools.get(id.as_str()).copied();
        let members = members.remove(id.as_str()).unwrap_or_default();
        // No gap is left between what has been laid out and what is now.
        let from = known
            .map_or(order.window.from, |pool| order.window.from.min(instant(pool.expanded_to)));
        let to =
            known.map_or(order.window.to, |pool| order.window.to.max(instant(pool.expanded_to)));
        let mut task = Task::new(id.clone(), &members, from, to)?;
        if fresh.contains(id.as_str()) {
            // What was taken away leaves no component that would tell when.
            task.received = task.received.max(received);
        }
        // A period that begins later leaves what comes before it to be laid out when time passes.
        let reached = if from <= now { to } else { now };
        let reached = known.map_or(reached, |pool| reached.max(instant(pool.expanded_to)));
        let pool = Pool {
            id: id.clone(),
            company: order.company.clone(),
            expanded_to: micros(reached),
            open: task.is_open(reached),
        };
        if known != Some(&pool) {
            changes.pools.push(pool);
        }
        tasks.push(task);
    }
    Ok((changes, tasks))
}

/// Whether what has come is older than what is stored, as the calendar itself numbers its revisions.
fn is_superseded(
    newest: &Event,
    known: &[String],
    current: &BTreeMap<String, Component>,
) -> Result<bool, Error> {
    let older = |mine: Option<DateTime<Utc>>, other: Option<DateTime<Utc>>| match (mine, other) {
        (Some(mine), Some(other)) => mine.cmp(&other),
        (None, _) | (_, None) => std::cmp::Ordering::Equal,
    };
    for component in known.iter().filter_map(|id| current.get(id)) {
        let stored: Event = serde_json::from_str(&component.event)?;
        let order = newest
            .sequence()
            .cmp(&stored.sequence())
            .then_with(|| older(newest.dtstamp(), stored.dtstamp()))
            .then_with(|| older(newest.last_modified(), stored.last_modified()));
        if order.is_lt() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Lays out further what is stored.
pub(crate) fn further(
    stored: &Pools,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<(Changes, Vec<Task>), Error> {
    let mut members: HashMap<&str, Vec<&Component>> = HashMap::new();
    for component in &stored.components {
        members.entry(&component.pool).or_default().push(component);
    }
    let mut changes = Changes::default();
    let mut tasks = Vec::new();
    for pool in &stored.pools {
        let mut members = members.remove(pool.id.as_str()).unwrap_or_default();
        members.sort_by(|a, b| a.id.cmp(&b.id));
        let task = Task::new(pool.id.clone(), &members, from.max(instant(pool.expanded_to)), to)?;
        changes.pools.push(Pool {
            expanded_to: micros(to),
            open: task.is_open(to),
            ..pool.clone()
        });
        tasks.push(task);
    }
    Ok((changes, tasks))
}

impl Task {
    fn new(
        id: String,
        members: &[&Component],
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Self, Error> {
        // Where sources do not agree, what was received last holds.
        let newest = |of: fn(&Component) -> &String| {
            members
                .iter()
                .filter(|one| !of(one).is_empty())
                .max_by_key(|one| (one.received, of(one)))
                .map(|one| of(one).clone())
        };
        // What a calendar of the company holds did not come through somebody else's address.
        let recipient = members.iter().map(|one| &one.recipient).min().cloned();
        let events = members
            .iter()
            .map(|one| serde_json::from_str(&one.event))
            .collect::<Result<_, serde_json::Error>>()?;
        Ok(Self {
            id,
            events,
            ground: Ground {
                from,
                to,
                zone: newest(|one| &one.zone).unwrap_or_else(|| payload::UTC.to_owned()),
                consent_host: newest(|one| &one.consent_host).unwrap_or_default(),
                recipient: recipient.unwrap_or_default(),
            },
            received: members.iter().map(|one| one.received).max().unwrap_or_default(),
        })
    }

    fn is_open(&self, to: DateTime<Utc>) -> bool {
        let near = to.checked_sub_signed(ANY_ZONE).unwrap_or(to).naive_utc();
        self.events.iter().any(|event| {
            event.is_recurring() || event.start().is_some_and(|(start, _)| start >= near)
        })
    }
}

/// What became of the components laid out.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    /// Meetings that are new or not as they were, by id.
    pub(crate) drafts: BTreeMap<String, Draft>,
    /// Meetings that no calendar holds any more: id, and when that was received.
    pub(crate) vanished: BTreeMap<String, i64>,
    /// How many are as they were.
    pub(crate) unchanged: usize,
    /// What was left out.
    pub(crate) problems: Vec<Problem>,
}

/// A meeting to be.
#[derive(Debug)]
pub(crate) struct Draft {
    meeting: Meeting,
    is_new: bool,
}

impl Layout {
    /// Whose stored form is needed to settle what has changed about them.
    pub(crate) fn known(&self) -> Vec<String> {
        let drafts = self.drafts.iter().filter(|(_, draft)| !draft.is_new).map(|(id, _)| id);
        drafts.chain(self.vanished.keys()).cloned().collect()
    }
}

/// Lays components out, and compares with what is stored. Ends early when nobody waits any more.
pub(crate) fn lay_out(
    company: &str,
    tasks: Vec<Task>,
    heads: &[Head],
    most: usize,
    waiting: &Weak<()>,
) -> Result<Layout, Error> {
    let mut work = Work {
        company,
        heads: heads.iter().map(|head| (head.id.as_str(), head)).collect(),
        seen: HashSet::new(),
        layout: Layout::default(),
        bytes: 0,
        most,
    };
    let mut by_pool: HashMap<&str, Vec<&Head>> = HashMap::new();
    for head in heads {
        by_pool.entry(&head.pool).or_default().push(head);
    }
    let mut groups: BTreeMap<Ground, Vec<Task>> = BTreeMap::new();
    for task in tasks {
        groups.entry(task.ground.clone()).or_default().push(task);
    }
    for (ground, tasks) in groups {
        let mut tasks = tasks.into_iter().peekable();
        while tasks.peek().is_some() {
            if waiting.strong_count() == 0 {
                return Err(Error::Work(None));
            }
            let mut batch = Vec::new();
            let mut events = Vec::new();
            while events.len() < AT_A_TIME
                && let Some(mut task) = tasks.next()
            {
                events.append(&mut task.events);
                batch.push(task);
            }
            let received: HashMap<&str, i64> =
                batch.iter().map(|task| (task.id.as_str(), task.received)).collect();
            work.expand(&events, (ground.from, ground.to), &ground, &received, None)?;

            // What was in the period and no longer is may have been moved out of it.
            let missing: BTreeMap<&str, i64> = batch
                .iter()
                .flat_map(|task| by_pool.get(task.id.as_str()).into_iter().flatten())
                .filter(|head| !head.removed && head.start_us >= micros(ground.from))
                .filter(|head| !work.seen.contains(&head.id))
                .filter(|head| instant(head.start_us) < ground.to + BEYOND)
                .map(|head| {
                    let received = received.get(head.pool.as_str());
                    (head.id.as_str(), received.copied().unwrap_or_default())
                })
                .collect();
            if missing.is_empty() {
                continue;
            }
            let pools: HashSet<&str> = missing
                .keys()
                .filter_map(|id| work.heads.get(id).map(|head| head.pool.as_str()))
                .collect();
            let again: Vec<Event> = events
                .into_iter()
                .filter(|event| {
                    event
                        .uid()
                        .is_some_and(|uid| pools.contains(identity::pool(company, uid).as_str()))
                })
                .collect();
            let before = ground.from.checked_sub_signed(BEYOND).unwrap_or(ground.from);
            let after = ground.to.checked_add_signed(BEYOND).unwrap_or(ground.to);
            for window in [(before, ground.from), (ground.to, after)] {
                let wanted = Some(&missing);
                work.expand(&again, window, &ground, &received, wanted)?;
            }
            for (id, received) in missing {
                if !work.seen.contains(id) {
                    work.layout.vanished.insert(id.to_owned(), received);
                }
            }
        }
    }
    work.layout.problems.sort();
    work.layout.problems.dedup();
    Ok(work.layout)
}

struct Work<'a> {
    company: &'a str,
    heads: HashMap<&'a str, &'a Head>,
    seen: HashSet<String>,
    layout: Layout,
    bytes: usize,
    most: usize,
}

impl Work<'_> {
    /// Lays out a window; of what is in it only `wanted` meetings, if any are named.
    fn expand(
        &mut self,
        events: &[Event],
        (from, to): (DateTime<Utc>, DateTime<Utc>),
        ground: &Ground,
        received: &HashMap<&str, i64>,
        wanted: Option<&BTreeMap<&str, i64>>,
    ) -> Result<(), Error> {
        let host = Some(ground.consent_host.as_str()).filter(|host| !host.is_empty());
        let context = calendar::Context { floating_zone: &ground.zone };
        let expansion = expand_with(events, Window { from, to }, &context, host);
        if wanted.is_none() {
            self.layout.problems.extend(expansion.problems);
        }
        let mut templates: HashMap<usize, (v1::Meeting, String)> = HashMap::new();
        for occurrence in expansion.occurrences {
            let Some(uid) = occurrence.details.uid.as_deref() else { continue };
            let id = identity::meeting(self.company, uid, occurrence.recurrence_id);
            if wanted.is_some_and(|wanted| !wanted.contains_key(id.as_str())) {
                continue;
            }
            if !self.seen.insert(id.clone()) {
                continue;
            }
            if self.seen.len() > self.most {
                return Err(Error::TooMuch { limit: self.most, unit: "occurrences" });
            }
            // The details outlive this loop, so their address names them.
            let address = Arc::as_ptr(&occurrence.details).addr();
            let (template, pool) = templates.entry(address).or_insert_with(|| {
                let details = &occurrence.details;
                let template = convert::template(self.company, uid, &ground.recipient, details);
                (template, identity::pool(self.company, uid))
            });
            let received = received.get(pool.as_str()).copied().unwrap_or_default();
            let message = convert::occurrence(id.clone(), template, &occurrence);
            self.compare(&occurrence, uid, pool.clone(), id, &message, received)?;
        }
        Ok(())
    }

    fn compare(
        &mut self,
        occurrence: &Occurrence,
        uid: &str,
        pool: String,
        id: String,
        message: &v1::Meeting,
        received: i64,
    ) -> Result<(), Error> {
        let body = message.encode_to_vec();
        let digest = identity::content(&body);
        let known = self.heads.get(id.as_str());
        if known.is_some_and(|head| !head.removed && head.digest == digest && head.pool == pool) {
            self.layout.unchanged += 1;
            return Ok(());
        }
        self.bytes += body.len();
        if self.bytes > MOST_BYTES {
            return Err(Error::TooMuch { limit: MOST_BYTES, unit: "bytes of meetings" });
        }
        let meeting = Meeting {
            id: id.clone(),
            company: self.company.to_owned(),
            pool,
            start: micros(occurrence.start),
            uid: identity::order(uid),
            recurrence: occurrence.recurrence_id.map_or(i64::MIN, micros),
            revision: 1,
            received,
            removed: false,
            digest,
            body,
        };
        self.layout.drafts.insert(id, Draft { meeting, is_new: known.is_none() });
        Ok(())
    }
}

/// Settles revisions and times of receipt.
pub(crate) fn settle(layout: Layout, stored: Vec<Meeting>) -> Result<Vec<Meeting>, Error> {
    let mut stored: HashMap<String, Meeting> =
        stored.into_iter().map(|meeting| (meeting.id.clone(), meeting)).collect();
    let mut settled = Vec::with_capacity(layout.drafts.len() + layout.vanished.len());
    for (id, Draft { mut meeting, .. }) in layout.drafts {
        if let Some(known) = stored.remove(&id) {
            let before = v1::Meeting::decode(known.body.as_slice())?;
            let now = v1::Meeting::decode(meeting.body.as_slice())?;
            meeting.revision = known.revision.saturating_add(1);
            let moved = known.removed || Material::of(&before) != Material::of(&now);
            meeting.received =
                if moved { meeting.received.max(known.received) } else { known.received };
        }
        settled.push(meeting);
    }
    for (id, received) in layout.vanished {
        let Some(known) = stored.remove(&id) else { continue };
        let mut message = v1::Meeting::decode(known.body.as_slice())?;
        message.cancelled = true;
        message.status = convert::CANCELLED.to_owned();
        let body = message.encode_to_vec();
        settled.push(Meeting {
            revision: known.revision.saturating_add(1),
            received: received.max(known.received),
            removed: true,
            digest: identity::content(&body),
            body,
            ..known
        });
    }
    Ok(settled)
}

/// What makes an update material: when and where a meeting takes place, whether it does, and who comes. Neither title
/// nor zone, neither the order of people nor the fields in which links stand.
#[derive(PartialEq, Eq)]
struct Material<'a> {
    from: Option<(i64, i32)>,
    to: Option<(i64, i32)>,
    days: (bool, &'a str, &'a str),
    status: (bool, &'a str),
    sensitivity: i32,
    organizer: Option<(Option<&'a str>, i32, i32)>,
    organizer_declined: bool,
    people: BTreeSet<(Option<&'a str>, i32, i32)>,
    links: BTreeSet<(i32, i32, &'a str, &'a str, &'a str)>,
    recipient: &'a str,
}

impl<'a> Material<'a> {
    fn of(meeting: &'a v1::Meeting) -> Self {
        let person = |one: &'a v1::Person| (one.address.as_deref(), one.kind, one.participation);
        let at = |at: &prost_types::Timestamp| (at.seconds, at.nanos);
        Self {
            from: meeting.start.as_ref().map(at),
            to: meeting.end.as_ref().map(at),
            days: (meeting.all_day, &meeting.start_date, &meeting.end_date),
            status: (meeting.cancelled, &meeting.status),
            sensitivity: meeting.sensitivity,
            organizer: meeting.organizer.as_ref().map(person),
            organizer_declined: meeting.organizer_declined,
            people: meeting.attendees.iter().map(person).collect(),
            links: meeting
                .links
                .iter()
                .map(|link| (link.kind, link.provider, &*link.id, &*link.service, &*link.url))
                .collect(),
            recipient: &meeting.foreign_recipient,
        }
    }
}
