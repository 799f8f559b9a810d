//! Which attempt an event is about.
//!
//! In this order: our own reference, which the provider hands back; what the provider calls something of the attempt, which
//! was learnt when it was carried out or from an earlier event; and where it takes place, at a time that fits. Of several
//! attempts at one call the latest counts. What takes place again and again under one name is held against the time, too.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use signals::{Event, News, Private, Provider};

use super::Opened;
use super::called::{Called, called};
use crate::carriers::BEGUN;
use crate::connections::Connection;
use crate::error::Error;
use crate::journal::{Journal, Trace, Traces, key};

/// How long before its planned start an event may be of a conference.
const BEFORE: TimeDelta = TimeDelta::hours(1);
/// How long after its planned end.
const AFTER: TimeDelta = TimeDelta::hours(4);
/// How long one takes of which no end is known.
const LENGTH: TimeDelta = TimeDelta::hours(1);

/// How long after an event one is told of it at most, and how long before at most: whoever says otherwise has nothing looked
/// up for them.
const LATE: TimeDelta = TimeDelta::days(14);
const EARLY: TimeDelta = TimeDelta::days(14);

/// What an event was recognised as.
#[derive(Debug, Clone)]
pub(super) enum Recognised {
    /// It is about this attempt.
    As(Trace),
    /// It is about none that is known.
    Nobody,
}

/// The attempts a batch of webhooks may be about.
#[derive(Debug)]
pub(super) struct Known {
    traces: Traces,
    /// Attempts of which we had a recording begun.
    began: HashSet<String>,
}

impl Known {
    /// Looks all of them up.
    pub(super) async fn look_up(journal: &Journal, opened: &[Opened<'_>]) -> Result<Self, Error> {
        let (mut references, mut names) = (Vec::new(), Vec::new());
        let (mut calls, mut places) = (Vec::new(), Vec::new());
        let (mut from, mut to) = (DateTime::<Utc>::MAX_UTC, DateTime::<Utc>::MIN_UTC);
        for one in opened {
            for event in &one.events {
                references.extend(event.about.reference.clone());
                names.extend(names_of(&one.connection.company, event).map(|(name, _)| name));
                // A telephone call has an id of its own, whenever it was to be.
                if is_call(one.connection, event) {
                    calls.extend(places_of(one.connection, event));
                    continue;
                }
                places.extend(places_of(one.connection, event));
                let received = one.letter.received;
                let at = about_when(event, received);
                (from, to) = (from.min(at.max(received - LATE)), to.max(at.min(received + EARLY)));
            }
        }
        for list in [&mut references, &mut names, &mut calls, &mut places] {
            list.retain(|one| !one.contains('\0'));
            list.sort_unstable();
            list.dedup();
        }
        if places.is_empty() {
            (from, to) = (DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH);
        }
        let places = (places.as_slice(), from - AFTER - LENGTH, to + BEFORE);
        let traces = journal.trace(&references, &names, &calls, places).await?;
        let by_hand = |event: &Event| event.recordings.iter().any(|it| it.by_hand == Some(true));
        let asks = opened.iter().any(|one| one.events.iter().any(by_hand));
        let began = match asks {
            true => journal.noted(BEGUN, &traces.ids()).await?,
            false => HashSet::new(),
        };
        Ok(Self { traces, began })
    }

    /// Whether we had a recording of this attempt begun.
    pub(super) fn began(&self, trace: &Trace) -> bool {
        self.began.contains(&trace.id)
    }

    /// Finds the attempt an event is about.
    pub(super) fn recognise(
        &self,
        connection: &Connection,
        event: &Event,
        received: DateTime<Utc>,
    ) -> Recognised {
        let company = &connection.company;
        let at = about_when(event, received);
        let is_ours = |trace: &&Trace| trace.attempt.company == *company;
        let by_reference =
            event.about.reference.as_ref().and_then(|one| self.traces.by_reference.get(one));
        if let Some(trace) = by_reference.filter(is_ours) {
            return Recognised::As(trace.clone());
        }
        for (name, lasts) in names_of(company, event) {
            let named = self.traces.by_name.get(&name).into_iter().flatten().filter(is_ours);
            let found = if lasts { fitting(named, at) } else { self.beside(named, at) };
            if let Some(trace) = found {
                return Recognised::As(trace);
            }
        }
        for place in places_of(connection, event) {
            let placed = self.traces.by_place.get(&place).into_iter().flatten().filter(is_ours);
            // A telephone call has an id of its own; a conference may take place again and again.
            let telephony = is_call(connection, event);
            let placed = placed.filter(|trace| telephony || distance(trace, at).is_some());
            if let Some(trace) = fitting(placed, at) {
                return Recognised::As(trace);
            }
        }
        Recognised::Nobody
    }

    /// The one at that time of all that take place where these do.
    fn beside<'a>(
        &self,
        named: impl Iterator<Item = &'a Trace>,
        at: DateTime<Utc>,
    ) -> Option<Trace> {
        let (mut places, mut all) = (HashSet::new(), Vec::new());
        for trace in named {
            all.push(trace);
            if let Some(place) = trace.place.as_ref().filter(|place| places.insert(place.as_str()))
            {
                all.extend(self.traces.by_place.get(place).into_iter().flatten());
            }
        }
        fitting(all.into_iter().filter(|trace| distance(trace, at).is_some()), at)
    }
}

/// When that took or takes place which an event is about: of what was planned otherwise, the time it was planned for, where the
/// provider tells it.
fn about_when(event: &Event, received: DateTime<Utc>) -> DateTime<Utc> {
    let of_plans = [News::MeetingChanged, News::CancelledAtProvider, News::MeetingRestored];
    let is_planned = of_plans.into_iter().any(|news| event.tells(news));
    let planned = event.about.planned_before.or(event.about.planned_start);
    planned.filter(|_| is_planned).or(event.at).unwrap_or(received)
}

fn is_call(connection: &Connection, event: &Event) -> bool {
    connection.provider.is_telephony() || event.provider.is_telephony()
}

/// The one whose time fits best, and of that call the latest attempt; one that was called back only where there is no other.
fn fitting<'a>(traces: impl Iterator<Item = &'a Trace>, at: DateTime<Utc>) -> Option<Trace> {
    let order = |trace: &&Trace| {
        let distance = distance(trace, at).unwrap_or(TimeDelta::MAX);
        let place = (trace.attempt.plan_revision, trace.attempt.run);
        (trace.is_withdrawn, distance, std::cmp::Reverse(place), trace.id.clone())
    };
    traces.min_by_key(order).cloned()
}

/// How far an instant lies outside the time of an attempt; nothing where it cannot be of it.
fn distance(trace: &Trace, at: DateTime<Utc>) -> Option<TimeDelta> {
    let Some(start) = trace.start else { return Some(TimeDelta::zero()) };
    let end = trace.end.unwrap_or(start + LENGTH);
    if at < start - BEFORE || at > end + AFTER {
        return None;
    }
    let outside = (start - at).max(at - end);
    Some(outside.max(TimeDelta::zero()))
}

/// What the provider calls what the event is about, the most telling first, and whether nothing else is ever called so.
fn names_of(company: &str, event: &Event) -> impl Iterator<Item = (String, bool)> {
    called(event).into_iter().map(move |Called { name, lasts }| {
        (key::name(company, name.kind.as_str(), &name.value), lasts)
    })
}

/// Where an event takes place, in the words of an order.
fn places_of(connection: &Connection, event: &Event) -> Vec<String> {
    let company = &connection.company;
    let about = &event.about;
    if event.provider.is_telephony() {
        let ids = [&about.session, &about.call];
        let place = |id: &String| key::name(company, &connection.name, id);
        return ids.into_iter().flatten().map(place).collect();
    }
    let provider = match event.provider {
        Provider::Zoom => "zoom",
        Provider::Teams => "teams",
        Provider::Webex => "webex",
        Provider::GoogleMeet => "google_meet",
        Provider::ZoomPhone
        | Provider::Twilio
        | Provider::RingCentral
        | Provider::Aircall
        | Provider::Vonage
        | Provider::Telnyx
        | Provider::Dialer
        | Provider::Sip
        | Provider::Recall
        | Provider::Attendee => return Vec::new(),
    };
    // Some name a conference by the link to it, or tell the link beside it.
    let id = about.conference.as_deref();
    let links = about.link.as_ref().map(Private::expose).into_iter().chain(id);
    let linked = links.filter_map(conference::classify);
    let canonical = linked.filter_map(|link| link.id().map(str::to_owned));
    let ids = canonical.chain(id.map(str::to_owned));
    let mut places: Vec<String> = ids.map(|id| key::name(company, provider, &id)).collect();
    places.dedup();
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempts::Attempt;
    use proto::provider::v1::Method;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    fn trace(call: &str, start: i64, plan_revision: u64, run: u32) -> Trace {
        let attempt = Attempt { company: "acme".into(), call_id: call.into(), plan_revision, run };
        Trace {
            id: key::attempt(&attempt),
            attempt,
            method: Method::Native,
            start: Some(at(start)),
            end: Some(at(start + 30)),
            stopped: None,
            member: String::new(),
            place: None,
            is_withdrawn: false,
        }
    }

    #[test]
    fn of_meetings_in_one_room_the_one_at_that_time_is_meant() {
        let all = [trace("a", 600, 1, 0), trace("b", 630, 1, 0), trace("c", 2000, 1, 0)];
        let found = |minute| fitting(all.iter(), at(minute)).map(|trace| trace.attempt.call_id);
        assert_eq!(found(610).as_deref(), Some("a"));
        assert_eq!(found(640).as_deref(), Some("b"));
        assert_eq!(found(590).as_deref(), Some("a"), "it began early");
        assert_eq!(found(665).as_deref(), Some("b"), "it ended late");
        assert_eq!(distance(&all[2], at(600)), None);
    }

    #[test]
    fn of_attempts_at_one_call_the_latest_that_stands_is_meant() {
        let mut all = [trace("a", 600, 1, 0), trace("a", 600, 1, 1), trace("a", 600, 2, 0)];
        let found = |all: &[Trace]| fitting(all.iter(), at(600)).map(|trace| trace.attempt.place());
        assert_eq!(found(&all), Some((2, 0)));
        all[2].is_withdrawn = true;
        assert_eq!(found(&all), Some((1, 1)));
    }
}
