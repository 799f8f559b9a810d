//! The copies of one meeting, from however many calendars, found and ranked.

use std::collections::BTreeMap;

use crate::{Event, Place, Problem, Reason, Sensitivity, Severity};

/// All components of one meeting.
pub(crate) struct Meeting<'a> {
    /// The UID of its master, else of any component.
    pub(crate) uid: Option<&'a str>,
    /// Copies of the series or of the single event, the best one first.
    pub(crate) masters: Vec<&'a Event>,
    /// Copies of overrides, in no order.
    pub(crate) overrides: Vec<&'a Event>,
}

/// What tells one meeting from another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Key<'a> {
    Uid(&'a str),
    /// No UID is known: the id of the series at its source.
    Source(&'a str),
    /// Neither: each component by itself, in the order of their contents.
    Alone(usize),
}

/// Groups the components by meeting. The result does not depend on the order of `events`.
pub(crate) fn meetings(events: &[Event]) -> Vec<Meeting<'_>> {
    let mut series: BTreeMap<&str, Key<'_>> = BTreeMap::new();
    for event in events.iter().filter(|event| event.instance.is_none()) {
        if let Some(id) = event.source_id.as_deref() {
            let key = event.uid.as_deref().map_or(Key::Source(id), Key::Uid);
            // Where one id stands for several UIDs, the first by name.
            series.entry(id).and_modify(|known| *known = key.min(*known)).or_insert(key);
        }
    }
    let mut groups: BTreeMap<Key<'_>, Vec<&Event>> = BTreeMap::new();
    let mut alone: Vec<&Event> = Vec::new();
    for event in events {
        let master = event.series_id.as_deref().filter(|_| event.instance.is_some());
        let known = master.and_then(|id| series.get(id).copied());
        let key = known
            .or_else(|| event.uid.as_deref().map(Key::Uid))
            .or_else(|| master.or(event.source_id.as_deref()).map(Key::Source));
        match key {
            Some(key) => groups.entry(key).or_default().push(event),
            None => alone.push(event),
        }
    }
    alone.sort();
    groups.extend(
        alone.into_iter().enumerate().map(|(index, event)| (Key::Alone(index), vec![event])),
    );
    groups.into_values().map(meeting).collect()
}

fn meeting(events: Vec<&Event>) -> Meeting<'_> {
    let (mut masters, overrides): (Vec<_>, Vec<_>) =
        events.into_iter().partition(|event| event.instance.is_none());
    masters.sort_by(|a, b| b.revision_order(a));
    let uid = masters.iter().chain(&overrides).filter_map(|event| event.uid.as_deref()).min();
    Meeting { uid, masters, overrides }
}

/// Of several copies the one to believe, and how private they make it: among copies of the same
/// SEQUENCE the strictest holds.
pub(crate) fn best<'a>(copies: &[&'a Event]) -> Option<(&'a Event, Sensitivity)> {
    let best = copies.iter().copied().max_by(|a, b| a.revision_order(b))?;
    let strictest = copies
        .iter()
        .filter(|copy| copy.sequence == best.sequence)
        .map(|copy| copy.sensitivity)
        .max();
    Some((best, strictest.unwrap_or(best.sensitivity)))
}

/// Reports copies that look like another meeting than the one that is kept.
pub(crate) fn shared_uid(meeting: &Meeting<'_>, problems: &mut Vec<Problem>) {
    let Some((first, rest)) = meeting.masters.split_first() else { return };
    let organizer = |event: &Event| event.organizer.as_ref().and_then(|one| one.address.clone());
    let differs = rest.iter().any(|other| {
        let both = first.start.is_some() && other.start.is_some();
        let organizers = organizer(first).zip(organizer(other));
        both && first.start != other.start
            && (organizers.is_some_and(|(a, b)| a != b)
                || (first.title != other.title && first.sequence == other.sequence))
    });
    if differs {
        problems.push(Problem {
            place: Place::Series,
            uid: meeting.uid.map(str::to_owned),
            severity: Severity::Dropped,
            reason: Reason::SharedUid,
            text: "several events carry this UID, only the newest is kept".to_owned(),
        });
    }
}
