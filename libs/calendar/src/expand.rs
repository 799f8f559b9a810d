//! Events to the occurrences of a window.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};

use crate::civil::{self, DAY};
use crate::event::{End, Kind, Moment};
use crate::merge::{self, Meeting};
use crate::recurrence::{Rule, Walk};
use crate::value::Span;
use crate::zone::{Atlas, Lookup, Placed, Zone};
use crate::{
    Context, Details, Event, FieldLink, Limits, Place, Problem, Reason, Sensitivity, Severity,
};

/// A span of time: occurrences with `from <= start < to` are in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// First instant in it.
    pub from: DateTime<Utc>,
    /// First instant after it.
    pub to: DateTime<Utc>,
}

/// One meeting at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct Occurrence {
    /// Original start; set for every occurrence of a series, `None` for a single event.
    pub recurrence_id: Option<DateTime<Utc>>,
    /// When it starts; of an all-day event midnight in [`Context::floating_zone`].
    pub start: DateTime<Utc>,
    /// When it ends; `None` if the calendar does not say, or says a time not after the start.
    pub end: Option<DateTime<Utc>>,
    /// Of an all-day event: first day, and first day after it.
    pub dates: Option<(NaiveDate, NaiveDate)>,
    /// Whether it was called off: the whole meeting or this occurrence.
    pub cancelled: bool,
    /// Whether the start is not certain: wall time in a gap or an overlap of its zone, or a zone
    /// that could not be resolved.
    pub ambiguous_time: bool,
    /// All else, shared by the occurrences of one component.
    pub details: Arc<Details>,
}

/// What [`expand`] makes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expansion {
    /// Ordered by start, UID, recurrence id.
    pub occurrences: Vec<Occurrence>,
    /// What was left out or mended, ordered.
    pub problems: Vec<Problem>,
}

/// The occurrences of `events` in `window`.
///
/// The events may come from several calendars: copies of one meeting (same UID) become one. The
/// order of `events` does not matter.
pub fn expand(events: &[Event], window: Window, context: &Context<'_>) -> Expansion {
    expand_with(events, window, context, None)
}

/// As [`expand`], with links of the company's own `consent_host` recognised whatever their token
/// (see [`conference::find_with`]).
pub fn expand_with(
    events: &[Event],
    window: Window,
    context: &Context<'_>,
    consent_host: Option<&str>,
) -> Expansion {
    let mut layout = Layout {
        atlas: Atlas::new(context.floating_zone),
        from: window.from.timestamp() + i64::from(window.from.timestamp_subsec_nanos() > 0),
        to: window.to.timestamp() + i64::from(window.to.timestamp_subsec_nanos() > 0),
        consent_host,
        limits: Limits::FILE,
        steps: STEPS + STEPS_PER_EVENT.saturating_mul(events.len() as u64),
        expansion: Expansion::default(),
    };
    if layout.from < layout.to {
        for meeting in merge::meetings(events) {
            if layout.expansion.occurrences.len() >= layout.limits.occurrences {
                let text = format!(
                    "more than {} occurrences in the window, further meetings are left out",
                    layout.limits.occurrences
                );
                layout.problem(None, Severity::Dropped, Reason::TooManyOccurrences, &text);
                break;
            }
            merge::shared_uid(&meeting, &mut layout.expansion.problems);
            layout.meeting(&meeting);
        }
    }
    let mut expansion = layout.expansion;
    expansion.occurrences.sort_by(|a, b| {
        let key = |of: &Occurrence| (of.start, of.recurrence_id);
        a.start
            .cmp(&b.start)
            .then_with(|| a.details.uid.cmp(&b.details.uid))
            .then_with(|| key(a).cmp(&key(b)))
    });
    expansion.problems.sort();
    expansion
}

/// Steps of recurrence rules for one call, and more for each event.
const STEPS: u64 = 4_000_000;
const STEPS_PER_EVENT: u64 = 2_000;

/// Steps of the rules of one series.
const STEPS_OF_SERIES: u64 = 400_000;

/// The work of one expansion.
struct Layout<'a> {
    atlas: Atlas,
    /// Seconds since the epoch: `from <= start < to`.
    from: i64,
    to: i64,
    consent_host: Option<&'a str>,
    limits: Limits,
    steps: u64,
    expansion: Expansion,
}

/// A component as it is used: its times may come from another copy than its texts.
struct Component<'a> {
    event: &'a Event,
    /// What fills in where a cancellation says nothing.
    filler: Option<&'a Event>,
    sensitivity: Sensitivity,
    details: Option<Arc<Details>>,
}

impl<'a> Component<'a> {
    fn new(event: &'a Event, filler: Option<&'a Event>, sensitivity: Sensitivity) -> Self {
        let fills = event.is_cancelled() || event.kind == Kind::Listed;
        Self { event, filler: filler.filter(|_| fills), sensitivity, details: None }
    }

    fn details(
        &mut self,
        uid: Option<&str>,
        consent_host: Option<&str>,
        limits: &Limits,
    ) -> Arc<Details> {
        let details = self.details.take().unwrap_or_else(|| {
            Arc::new(details(self.event, self.filler, self.sensitivity, uid, consent_host, limits))
        });
        self.details = Some(Arc::clone(&details));
        details
    }
}

/// One start that a series gives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Slot {
    instant: i64,
    wall: i64,
    ambiguous: bool,
    /// Index of the RDATE that has an end of its own.
    date: Option<usize>,
}

/// Copies of overrides by the instant of the occurrence they are for.
type Copies<'a> = BTreeMap<i64, Vec<&'a Event>>;

/// The length of a component's occurrences.
#[derive(Clone, Copy)]
enum Length {
    Unknown,
    Exact(i64),
    Nominal(Span),
}

impl<'a> Layout<'a> {
    fn meeting(&mut self, meeting: &Meeting<'_>) {
        let Some((best, sensitivity)) = merge::best(&meeting.masters) else {
            self.overrides_alone(meeting);
            return;
        };
        // A cancellation may name no times, or no rule: those of the copy it cancels hold.
        let needs_shape =
            best.start.is_none() || (best.is_cancelled() && best.recurrence.is_none());
        let shape = if needs_shape {
            let other = meeting
                .masters
                .iter()
                .copied()
                .filter(|event| event.start.is_some())
                .filter(|event| best.start.is_none() || event.recurrence.is_some())
                .max_by(|a, b| a.revision_order(b));
            other.unwrap_or(best)
        } else {
            best
        };
        let mut master = Component::new(best, Some(shape), sensitivity);
        let Some(start) = &shape.start else {
            if meeting.overrides.is_empty() {
                let text = "a meeting that is not known was cancelled";
                self.problem(meeting.uid, Severity::Dropped, Reason::NoStart, text);
            } else {
                self.overrides_alone(meeting);
            }
            return;
        };
        let zone = self.lookup(start);
        let (overrides, later) = self.pair(meeting, Some((start, zone)));
        let length = self.length(start, &shape.end);
        let shifts: Vec<(i64, i64, Lookup)> =
            later.iter().map(|(key, copies)| self.shift(*key, copies)).collect();
        let pad = shifts.iter().map(|(_, shift, _)| shift.abs()).max().unwrap_or(0).min(400 * DAY);
        let slots = self.slots(meeting.uid, shape, start, zone, pad);
        let mut later: Vec<Component<'_>> = later
            .into_values()
            .filter_map(|copies| merge::best(&copies))
            .map(|(event, sensitivity)| Component::new(event, Some(shape), sensitivity))
            .collect();
        let mut made = 0;
        for slot in &slots {
            let replaced = overrides
                .get(&slot.instant)
                .is_some_and(|copies| copies.iter().any(|copy| copy.kind == Kind::Whole));
            if replaced {
                continue;
            }
            let index = shifts.partition_point(|(key, _, _)| *key <= slot.instant).checked_sub(1);
            let shifted = index.and_then(|index| shifts.get(index).zip(later.get_mut(index)));
            let recurrence_id = shape.recurrence.is_some().then(|| civil::instant(slot.instant));
            let occurrence = match shifted {
                Some(((_, shift, zone), component)) => {
                    let wall = self.atlas.wall(*zone, slot.instant) + shift;
                    let placed = self.atlas.place(*zone, wall);
                    let moved = Slot {
                        instant: placed.instant,
                        wall,
                        ambiguous: placed.ambiguous,
                        date: None,
                    };
                    if !self.contains(moved.instant) {
                        continue;
                    }
                    let own = component.event.start.as_ref().unwrap_or(start);
                    let length = match component.event.end {
                        End::None if component.event.is_cancelled() => length,
                        End::None | End::At(_) | End::After(_) => {
                            self.length(own, &component.event.end)
                        }
                    };
                    let cancelled = component.event.is_cancelled()
                        || overrides_master_cancelled(best, component.event);
                    self.occurrence(
                        component,
                        meeting.uid,
                        own.is_date,
                        *zone,
                        moved,
                        length,
                        cancelled,
                    )
                }
                None => {
                    if !self.contains(slot.instant) {
                        continue;
                    }
                    let length = match slot.date.and_then(|index| own_end(shape, index)) {
                        Some((from, end)) => self.length(from, end),
                        None => length,
                    };
                    let cancelled = best.is_cancelled();
                    self.occurrence(
                        &mut master,
                        meeting.uid,
                        start.is_date,
                        zone,
                        *slot,
                        length,
                        cancelled,
                    )
                }
            };
            if made >= self.limits.instances {
                let text = format!(
                    "more than {} occurrences in the window, the rest is left out",
                    self.limits.instances
                );
                self.problem(meeting.uid, Severity::Dropped, Reason::TooManyOccurrences, &text);
                break;
            }
            made += 1;
            self.expansion.occurrences.push(Occurrence { recurrence_id, ..occurrence });
        }
        let given = |key: i64| slots.binary_search_by_key(&key, |slot| slot.instant).is_ok();
        for (key, copies) in &overrides {
            let listed = copies.iter().all(|copy| copy.kind == Kind::Listed);
            if !(listed && given(*key)) {
                self.single_override(
                    meeting.uid,
                    *key,
                    copies,
                    Some((best, shape, start, zone, length)),
                );
            }
        }
    }

    /// Occurrences of a series whose master is not known: somebody was invited to these alone.
    fn overrides_alone(&mut self, meeting: &Meeting<'_>) {
        let (mut overrides, later) = self.pair(meeting, None);
        for (key, copies) in later {
            overrides.entry(key).or_insert(copies);
        }
        for (key, copies) in &overrides {
            self.single_override(meeting.uid, *key, copies, None);
        }
    }

    fn single_override(
        &mut self,
        uid: Option<&str>,
        key: i64,
        copies: &[&Event],
        master: Option<(&Event, &Event, &Moment, Lookup, Length)>,
    ) {
        let Some((event, sensitivity)) = merge::best(copies) else { return };
        // Times that a cancellation leaves out: those of a copy that has them, else of the master.
        let timed = copies
            .iter()
            .copied()
            .filter(|copy| copy.start.is_some())
            .max_by(|a, b| a.revision_order(b));
        let own = event.start.as_ref().or_else(|| timed.and_then(|copy| copy.start.as_ref()));
        let (zone, wall, is_date) = match (own, master) {
            (Some(start), _) => (self.lookup(start), civil::wall(start.wall), start.is_date),
            (None, Some((_, _, start, zone, _))) => {
                (zone, self.atlas.wall(zone, key), start.is_date)
            }
            (None, None) => match &event.instance {
                Some(instance) => {
                    let zone = self.lookup(&instance.at);
                    (zone, self.atlas.wall(zone, key), instance.at.is_date)
                }
                None => return,
            },
        };
        let placed = self.atlas.place(zone, wall);
        if !self.contains(placed.instant) {
            return;
        }
        let length = match (own, &event.end, master) {
            (Some(start), end, _) if *end != End::None => self.length(start, end),
            (_, End::None, Some((_, _, _, _, length))) if event.is_cancelled() => length,
            _ => Length::Unknown,
        };
        let filler = timed
            .filter(|copy| !std::ptr::eq(*copy, event))
            .or(master.map(|(best, shape, ..)| if best.start.is_some() { best } else { shape }));
        let inherited = filler.filter(|_| event.is_cancelled() || event.kind == Kind::Listed);
        let sensitivity =
            inherited.map_or(sensitivity, |filler| filler.sensitivity.max(sensitivity));
        let mut component = Component::new(event, filler, sensitivity);
        let cancelled = event.is_cancelled()
            || master.is_some_and(|(best, ..)| overrides_master_cancelled(best, event));
        let slot = Slot { instant: placed.instant, wall, ambiguous: placed.ambiguous, date: None };
        let occurrence =
            self.occurrence(&mut component, uid, is_date, zone, slot, length, cancelled);
        let recurrence_id = Some(civil::instant(key));
        self.expansion.occurrences.push(Occurrence { recurrence_id, ..occurrence });
    }

    /// Overrides by the instant of the occurrence they are for: those of one occurrence, and those
    /// of all later ones too.
    fn pair<'e>(
        &mut self,
        meeting: &Meeting<'e>,
        master: Option<(&Moment, Lookup)>,
    ) -> (Copies<'e>, Copies<'e>) {
        let mut single = Copies::new();
        let mut later = Copies::new();
        for event in &meeting.overrides {
            let Some(instance) = &event.instance else { continue };
            let key = match (master, &event.start) {
                (Some((start, zone)), _) => self.instant_in(&instance.at, start, zone),
                (None, Some(start)) if start.is_date == instance.at.is_date => {
                    self.placed(&instance.at).instant
                }
                (None, Some(start)) => {
                    let zone = self.lookup(start);
                    self.instant_in(&instance.at, start, zone)
                }
                (None, None) => self.placed(&instance.at).instant,
            };
            let map = if instance.and_later { &mut later } else { &mut single };
            map.entry(key).or_default().push(event);
        }
        (single, later)
    }

    /// From which occurrence on an override of all later ones holds, by how much it moves them, and
    /// in which zone.
    fn shift(&mut self, key: i64, copies: &[&Event]) -> (i64, i64, Lookup) {
        let start = merge::best(copies).and_then(|(event, _)| event.start.as_ref());
        match start {
            Some(start) => {
                let zone = self.lookup(start);
                (key, civil::wall(start.wall) - self.atlas.wall(zone, key), zone)
            }
            None => (key, 0, Lookup::Offset(0)),
        }
    }

    /// The starts of a series or of a single event in the window, `pad` seconds wider on both sides.
    fn slots(
        &mut self,
        uid: Option<&str>,
        shape: &Event,
        start: &Moment,
        zone: Lookup,
        pad: i64,
    ) -> Vec<Slot> {
        let first = civil::wall(start.wall);
        let Some(recurrence) = &shape.recurrence else {
            return vec![self.slot(zone, first, None)];
        };
        // Two hours: a wall time in a gap or an overlap may be placed outside of its hour.
        let from = self.atlas.wall(zone, self.from).saturating_sub(pad + 2 * 3_600);
        let to = self.atlas.wall(zone, self.to).saturating_add(pad + 2 * 3_600);
        let most = self.limits.instances.saturating_mul(20);
        let mut walls: Vec<i64> = Vec::new();
        if recurrence.rules.is_empty() {
            walls.push(first);
        }
        let granted = self.steps.min(STEPS_OF_SERIES);
        let mut steps = granted;
        let mut done = true;
        let mut run = |rule: &Rule, atlas: &mut Atlas, walls: &mut Vec<i64>| {
            let until = rule.until.map(|until| match (start.is_date, until.utc()) {
                (true, _) => until.day() * DAY + DAY - 1,
                (false, Some(instant)) => atlas.wall(zone, instant),
                (false, None) => until.wall(),
            });
            let walk = Walk { rule, start: first, all_day: start.is_date, until };
            let before = walls.len();
            let done = walk.run(from, to, &mut steps, &mut |wall| {
                walls.push(wall);
                walls.len() < most
            });
            steps = steps.saturating_sub((walls.len() - before) as u64);
            done
        };
        for rule in &recurrence.rules {
            done &= run(rule, &mut self.atlas, &mut walls);
        }
        let mut except: Vec<i64> = Vec::new();
        for rule in &recurrence.except_rules {
            done &= run(rule, &mut self.atlas, &mut except);
        }
        self.steps -= granted - steps;
        if !done {
            let text = "the recurrence takes too long to follow, occurrences may be missing";
            self.problem(uid, Severity::Dropped, Reason::TooMuch, text);
        }
        except.sort_unstable();
        walls.retain(|wall| except.binary_search(wall).is_err());
        let mut slots: Vec<Slot> =
            walls.into_iter().map(|wall| self.slot(zone, wall, None)).collect();
        for (index, (date, _)) in recurrence.dates.iter().enumerate() {
            let instant = self.instant_in(date, start, zone);
            let wall = self.atlas.wall(zone, instant);
            // The wall time of a gap does not come back; the instant is what counts.
            let ambiguous = self.atlas.place(zone, civil::wall(date.wall)).ambiguous
                && (date.zone == start.zone || date.zone == Zone::Floating);
            slots.push(Slot { instant, wall, ambiguous, date: Some(index) });
        }
        if !recurrence.except_dates.is_empty() {
            let mut days: Vec<i64> = Vec::new();
            let mut instants: Vec<i64> = Vec::new();
            for date in &recurrence.except_dates {
                if date.is_date {
                    days.push(civil::day_of(civil::wall(date.wall)));
                } else {
                    instants.push(self.instant_in(date, start, zone));
                }
            }
            days.sort_unstable();
            instants.sort_unstable();
            slots.retain(|slot| {
                instants.binary_search(&slot.instant).is_err()
                    && days.binary_search(&civil::day_of(slot.wall)).is_err()
            });
        }
        // Of a rule and a date that give the same start, the date may have an end of its own.
        slots.sort_by_key(|slot| (slot.instant, slot.date.is_none()));
        slots.dedup_by_key(|slot| slot.instant);
        slots
    }

    fn slot(&mut self, zone: Lookup, wall: i64, date: Option<usize>) -> Slot {
        let placed = self.atlas.place(zone, wall);
        Slot { instant: placed.instant, wall, ambiguous: placed.ambiguous, date }
    }

    /// The instant that a RECURRENCE-ID, RDATE or EXDATE means in the series that starts at `start`.
    fn instant_in(&mut self, moment: &Moment, start: &Moment, zone: Lookup) -> i64 {
        let wall = civil::wall(moment.wall);
        if start.is_date {
            let midnight = wall.rem_euclid(DAY) == 0;
            let day = if moment.is_date || midnight || moment.zone == Zone::Floating {
                civil::day_of(wall)
            } else {
                let instant = self.placed(moment).instant;
                civil::day_of(self.atlas.wall(zone, instant))
            };
            return self.atlas.place(zone, day * DAY).instant;
        }
        if moment.is_date {
            let time = civil::wall(start.wall).rem_euclid(DAY);
            return self.atlas.place(zone, civil::day_of(wall) * DAY + time).instant;
        }
        if moment.zone == Zone::Floating {
            return self.atlas.place(zone, wall).instant;
        }
        self.placed(moment).instant
    }

    fn lookup(&mut self, moment: &Moment) -> Lookup {
        if moment.is_date {
            self.atlas.lookup(&Zone::Floating)
        } else {
            self.atlas.lookup(&moment.zone)
        }
    }

    fn placed(&mut self, moment: &Moment) -> Placed {
        let zone = self.lookup(moment);
        self.atlas.place(zone, civil::wall(moment.wall))
    }

    /// How long an event lasts that starts at `start` (RFC 5545 §3.8.5.3: from start to end exactly;
    /// a DURATION by the calendar's days).
    fn length(&mut self, start: &Moment, end: &End) -> Length {
        match end {
            End::None => Length::Unknown,
            End::After(span) => Length::Nominal(*span),
            End::At(end) if start.is_date => {
                let days =
                    civil::day_of(civil::wall(end.wall)) - civil::day_of(civil::wall(start.wall));
                Length::Nominal(Span { days, seconds: 0 })
            }
            End::At(end) => Length::Exact(self.placed(end).instant - self.placed(start).instant),
        }
    }

    fn contains(&self, instant: i64) -> bool {
        (self.from..self.to).contains(&instant)
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one occurrence")]
    fn occurrence(
        &mut self,
        component: &mut Component<'_>,
        uid: Option<&str>,
        is_date: bool,
        zone: Lookup,
        slot: Slot,
        length: Length,
        cancelled: bool,
    ) -> Occurrence {
        let end_day = |days: i64| civil::day_of(slot.wall).saturating_add(days.max(1));
        let (end, dates) = if is_date {
            let days = match length {
                Length::Unknown => 1,
                Length::Exact(seconds) => seconds.div_euclid(DAY),
                Length::Nominal(span) => span.days.saturating_add(span.seconds.div_euclid(DAY)),
            };
            let last = end_day(days).min(civil::day_of(civil::LAST_WALL));
            let end = self.atlas.place(zone, last * DAY).instant;
            (Some(end), civil::date(civil::day_of(slot.wall)).zip(civil::date(last)))
        } else {
            let end = match length {
                Length::Unknown => None,
                Length::Exact(seconds) => slot.instant.checked_add(seconds),
                Length::Nominal(Span { days: 0, seconds }) => slot.instant.checked_add(seconds),
                Length::Nominal(span) => {
                    let wall = slot.wall.saturating_add(span.days.saturating_mul(DAY));
                    let wall = wall.clamp(civil::FIRST_WALL, civil::LAST_WALL);
                    self.atlas.place(zone, wall).instant.checked_add(span.seconds)
                }
            };
            (end.filter(|end| *end <= civil::LAST_WALL), None)
        };
        Occurrence {
            recurrence_id: None,
            start: civil::instant(slot.instant),
            end: end.filter(|end| *end > slot.instant).map(civil::instant),
            dates,
            cancelled,
            ambiguous_time: slot.ambiguous,
            details: component.details(uid, self.consent_host, &self.limits),
        }
    }

    fn problem(&mut self, uid: Option<&str>, severity: Severity, reason: Reason, text: &str) {
        self.expansion.problems.push(Problem {
            place: Place::Series,
            uid: uid.map(str::to_owned),
            severity,
            reason,
            text: text.to_owned(),
        });
    }
}

/// The start and the end of an RDATE that has an end of its own.
fn own_end(event: &Event, index: usize) -> Option<(&Moment, &End)> {
    let (start, end) = event.recurrence.as_ref()?.dates.get(index)?;
    (*end != End::None).then_some((start, end))
}

/// Whether the cancellation of a whole series reaches this override: only where it is the newer word.
fn overrides_master_cancelled(master: &Event, event: &Event) -> bool {
    let age = |event: &Event| (event.sequence, event.dtstamp, event.last_modified);
    master.is_cancelled() && age(event) < age(master)
}

fn details(
    event: &Event,
    filler: Option<&Event>,
    sensitivity: Sensitivity,
    uid: Option<&str>,
    consent_host: Option<&str>,
    limits: &Limits,
) -> Details {
    let attendees = match filler {
        Some(filler) if event.attendees.is_empty() => filler,
        _ => event,
    };
    let texts = match filler {
        Some(filler) if event.texts.is_empty() => &filler.texts,
        _ => &event.texts,
    };
    let links = texts
        .iter()
        .flat_map(|(field, text)| {
            conference::find_with(text, consent_host)
                .into_iter()
                .map(|link| FieldLink { field: *field, link })
        })
        .take(limits.links)
        .collect();
    let or_filler = |of: fn(&Event) -> Option<String>| of(event).or_else(|| filler.and_then(of));
    Details {
        uid: uid.map(str::to_owned),
        title: or_filler(|event| event.title.clone()),
        status: event.status,
        sensitivity,
        organizer: event.organizer.clone().or_else(|| filler?.organizer.clone()),
        attendees: attendees.attendees.clone(),
        links,
        zone: or_filler(|event| event.start.as_ref()?.zone.name()),
        organizer_declined: event.organizer_declined || attendees.organizer_declined,
        sequence: event.sequence,
        last_modified: event.last_modified,
    }
}
