//! A payload read: its events ready to be stored, and what its source says was deleted.

use std::collections::{BTreeMap, BTreeSet};

use calendar::{Context, Event, Format, Place, Problem, Reason, Severity, Window};
use chrono::{DateTime, Utc};
use proto::calendar::v1;
use proto::{Invalid, time};
use serde::Deserialize;
use serde_json::Value;

use crate::config::Config;
use crate::error::Error;
use crate::identity;
use crate::store::Component;

/// Bytes of a company's id.
const COMPANY: usize = 255;
/// Bytes of the name of a calendar, of a host, of an address.
const NAME: usize = 1024;

/// A request to take a payload, checked.
#[derive(Debug)]
pub(crate) struct Order {
    /// The company.
    pub(crate) company: String,
    /// The calendar.
    pub(crate) source: String,
    /// What the payload is; none if that is to be found out.
    pub(crate) format: Option<Format>,
    /// The payload.
    pub(crate) payload: Vec<u8>,
    /// Zone for floating times.
    pub(crate) zone: String,
    /// Host of consent pages; empty for none.
    pub(crate) consent_host: String,
    /// The address through which it came; empty for a calendar.
    pub(crate) recipient: String,
    /// When it was received.
    pub(crate) received: DateTime<Utc>,
    /// The period to lay out.
    pub(crate) window: Window,
}

impl Order {
    /// Checks a request.
    pub(crate) fn read(
        wire: v1::IngestEventsRequest,
        now: DateTime<Utc>,
        config: &Config,
    ) -> Result<Self, Error> {
        let company = company(wire.company)?;
        let source = named("source", wire.source, NAME)?;
        if source.is_empty() {
            return Err(Invalid::Missing("source").into());
        }
        if wire.payload.len() > config.max_payload {
            let (bytes, limit) = (wire.payload.len(), config.max_payload);
            return Err(Error::PayloadTooLarge { bytes, limit });
        }
        let format = match v1::Format::try_from(wire.format) {
            Ok(v1::Format::Unspecified) => None,
            Ok(v1::Format::Icalendar) => Some(Format::ICalendar),
            Ok(v1::Format::Google) => Some(Format::Google),
            Ok(v1::Format::Microsoft) => Some(Format::Microsoft),
            Err(_) => {
                return Err(Invalid::Enum { field: "format", value: wire.format }.into());
            }
        };
        let zone = named("time_zone", wire.time_zone, NAME)?;
        if !zone.is_empty() && zone.parse::<chrono_tz::Tz>().is_err() {
            let problem =
                format!("`{zone}` is no IANA time zone; use a name such as `Europe/Berlin`");
            return Err(Invalid::Text { field: "time_zone", problem }.into());
        }
        let received = time::optional("received_at", wire.received_at.as_ref())?.unwrap_or(now);
        let from = time::optional("expand_from", wire.expand_from.as_ref())?
            .unwrap_or_else(|| now.checked_sub_signed(config.past()).unwrap_or(now));
        let to = time::optional("expand_to", wire.expand_to.as_ref())?
            .unwrap_or_else(|| now.checked_add_signed(config.future()).unwrap_or(now).max(from));
        if to < from {
            let problem = "lies before `expand_from`".to_owned();
            return Err(Invalid::Text { field: "expand_to", problem }.into());
        }
        Ok(Self {
            company,
            source,
            format,
            payload: wire.payload,
            zone,
            consent_host: named("consent_host", wire.consent_host, NAME)?.to_lowercase(),
            recipient: named("recipient", wire.recipient, NAME)?.to_lowercase(),
            received,
            window: Window { from, to },
        })
    }
}

/// The id of a company.
pub(crate) fn company(id: String) -> Result<String, Invalid> {
    if id.is_empty() {
        return Err(Invalid::Missing("company"));
    }
    named("company", id, COMPANY)
}

fn named(field: &'static str, text: String, most: usize) -> Result<String, Invalid> {
    if text.len() > most {
        let problem = format!("has {} bytes, at most {most} are taken", text.len());
        return Err(Invalid::Text { field, problem });
    }
    if text.contains('\0') {
        return Err(Invalid::Text { field, problem: "holds a zero byte".to_owned() });
    }
    Ok(text)
}

/// What a payload says.
#[derive(Debug, Default)]
pub(crate) struct Payload {
    /// Its events, those alike together.
    pub(crate) events: Vec<Incoming>,
    /// What its source no longer has.
    pub(crate) deleted: Vec<Deleted>,
    /// What was dropped or repaired.
    pub(crate) problems: Vec<Problem>,
}

/// One event of a payload.
#[derive(Debug, Clone)]
pub(crate) struct Incoming {
    /// The event, with a UID in any case.
    pub(crate) event: Event,
    /// The same as JSON.
    pub(crate) json: String,
    /// The UID to go by.
    pub(crate) uid: String,
    /// Which occurrence it is for; empty for a series or a single event.
    pub(crate) slot: String,
    /// See [`Component::source_key`].
    pub(crate) source_key: Option<String>,
    /// See [`Component::series_key`].
    pub(crate) series_key: Option<String>,
}

/// An event that its source says it no longer has.
#[derive(Debug, Clone)]
pub(crate) struct Deleted {
    /// Its number at the source.
    pub(crate) source_key: Option<String>,
    /// The pool it is in, where its UID is told and the whole is meant.
    pub(crate) pool: Option<String>,
}

/// What the JSON form of an event tells and its methods do not.
#[derive(Deserialize)]
struct Numbers {
    source_id: Option<String>,
    series_id: Option<String>,
    instance: Option<Reach>,
}

#[derive(Deserialize)]
struct Reach {
    #[serde(default)]
    and_later: bool,
}

/// Reads a payload.
pub(crate) fn read(order: &Order) -> Result<Payload, Error> {
    let format = order.format.or_else(|| Format::detect(&order.payload)).ok_or(Error::Format)?;
    let zone = if order.zone.is_empty() { UTC } else { &order.zone };
    let parsed = calendar::parse(format, &order.payload, &Context { floating_zone: zone })
        .map_err(Error::Payload)?;
    let deleted = deleted(order, &parsed.problems);
    let mut problems = parsed.problems;
    let mut events = Vec::with_capacity(parsed.events.len());
    for event in parsed.events {
        events.push(Incoming::new(&order.company, event, &mut problems)?);
    }
    Ok(Payload { events, deleted, problems })
}

/// The zone where none is named.
pub(crate) const UTC: &str = "UTC";

impl Incoming {
    fn new(company: &str, event: Event, problems: &mut Vec<Problem>) -> Result<Self, Error> {
        let mut value = serde_json::to_value(&event)?;
        let numbers = Numbers::deserialize(&value)?;
        let slot = match event.recurrence_id() {
            None => String::new(),
            Some((wall, zone)) => {
                let later = numbers.instance.as_ref().is_some_and(|reach| reach.and_later);
                let zone = zone.as_deref().unwrap_or("floating");
                // The one character that PostgreSQL keeps in no text.
                let zone = zone.replace('\0', " ");
                format!("{wall} {zone}{}", if later { " and later" } else { "" })
            }
        };
        // An instance goes with its series; which series that is may yet be found out.
        let number = numbers.series_id.as_deref().or(numbers.source_id.as_deref());
        let content = match (event.uid(), number) {
            (None | Some(""), None) => serde_json::to_vec(&value)?,
            (Some(_) | None, _) => Vec::new(),
        };
        let uid = identity::uid(event.uid(), number, &content);
        if event.uid().is_some_and(|own| own != uid && !own.is_empty()) {
            problems.push(Problem {
                place: Place::Whole,
                uid: None,
                severity: Severity::Repaired,
                reason: Reason::InvalidValue,
                text: "a UID is too long to be one, the event is taken as one without".to_owned(),
            });
        }
        let key = |id: Option<&str>| id.map(|id| identity::at_source(company, id));
        let (source_key, series_key) =
            (key(numbers.source_id.as_deref()), key(numbers.series_id.as_deref()));
        let (event, json) = with_uid(&mut value, &uid)?;
        Ok(Self { event, json, uid, slot, source_key, series_key })
    }

    /// Gives it to another UID: that of its series.
    pub(crate) fn moved_to(&self, uid: &str) -> Result<Self, Error> {
        let mut value = serde_json::to_value(&self.event)?;
        let (event, json) = with_uid(&mut value, uid)?;
        Ok(Self { event, json, uid: uid.to_owned(), ..self.clone() })
    }
}

/// An event under another UID. What numbers it at its source goes: from here on the UID alone tells what belongs
/// together, so that equal numbers of two calendars mean nothing.
fn with_uid(value: &mut Value, uid: &str) -> Result<(Event, String), Error> {
    if let Value::Object(fields) = value {
        fields.remove("source_id");
        fields.remove("series_id");
        fields.insert("uid".to_owned(), Value::from(uid));
    }
    let json = serde_json::to_string(value)?;
    Ok((Event::deserialize(&*value)?, json))
}

/// A stored component under another UID.
pub(crate) fn moved(
    mut component: Component,
    company: &str,
    uid: &str,
) -> Result<Component, Error> {
    let mut value: Value = serde_json::from_str(&component.event)?;
    let (_, json) = with_uid(&mut value, uid)?;
    component.event = json;
    component.pool = identity::pool(company, uid);
    component.id = identity::component(&component.pool, &component.source, &component.slot, 0);
    component.digest = digest(&component);
    Ok(component)
}

/// What a component's meetings are made of.
pub(crate) fn digest(of: &Component) -> String {
    identity::content(
        [&*of.event, &of.zone, &of.consent_host, &of.recipient].join("\u{1f}").as_bytes(),
    )
}

fn deleted(order: &Order, problems: &[Problem]) -> Vec<Deleted> {
    let gone: Vec<&Problem> =
        problems.iter().filter(|one| one.reason == Reason::DeletedAtSource).collect();
    if gone.is_empty() {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(&order.payload);
    let payload: Value =
        serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap_or_default();
    let mut found = Vec::new();
    for problem in gone {
        let entry = match &problem.place {
            Place::Pointer(pointer) => payload.pointer(pointer),
            Place::Whole | Place::Line(_) | Place::Series => None,
        };
        let text = |name: &str| entry.and_then(|entry| entry.get(name)).and_then(Value::as_str);
        let in_series = text("recurringEventId").or_else(|| text("seriesMasterId")).is_some();
        let uid = problem.uid.as_deref().filter(|uid| !in_series && !uid.is_empty());
        found.push(Deleted {
            source_key: text("id").map(|id| identity::at_source(&order.company, id)),
            pool: uid.map(|uid| {
                let uid = identity::uid(Some(uid), None, &[]);
                identity::pool(&order.company, &uid)
            }),
        });
    }
    found
}

/// Gives instances to their series, both those that come and those that are stored; answers stored ones that change
/// their pool.
pub(crate) fn reunite(
    company: &str,
    events: &mut [Incoming],
    linked: &[Component],
) -> Result<Vec<(String, Component)>, Error> {
    // Of each number of a series, the UIDs under which it is known.
    let mut series: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for event in events.iter().filter(|event| event.slot.is_empty()) {
        if let Some(key) = &event.source_key {
            series.entry(key).or_default().insert(event.uid.clone());
        }
    }
    for component in linked.iter().filter(|component| component.slot.is_empty()) {
        if let Some(key) = &component.source_key {
            let event: Event = serde_json::from_str(&component.event)?;
            series.entry(key).or_default().extend(event.uid().map(str::to_owned));
        }
    }
    let home = |key: &Option<String>, pool: &str| -> Option<String> {
        let uids = series.get(key.as_deref()?)?;
        if uids.iter().any(|uid| identity::pool(company, uid) == pool) {
            return None;
        }
        uids.first().cloned()
    };
    let mut moves = Vec::new();
    for component in linked.iter().filter(|component| !component.slot.is_empty()) {
        if let Some(uid) = home(&component.series_key, &component.pool) {
            let new = moved(component.clone(), company, &uid)?;
            moves.push((component.id.clone(), new));
        }
    }
    let mut homes: Vec<(usize, String)> = Vec::new();
    for (index, event) in events.iter().enumerate().filter(|(_, event)| !event.slot.is_empty()) {
        if let Some(uid) = home(&event.series_key, &identity::pool(company, &event.uid)) {
            homes.push((index, uid));
        }
    }
    for (index, uid) in homes {
        if let Some(event) = events.get_mut(index) {
            *event = event.moved_to(&uid)?;
        }
    }
    Ok(moves)
}
