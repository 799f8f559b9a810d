//! Which of the calls that would be recorded give way to one another (DOMAIN 5.4, 8.23).

use std::cmp::Reverse;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::meeting::{CallKey, Conference};
use crate::rule::{Evidence, Finding};
use crate::skip_code::SkipCode;

/// A call that would be recorded if it were alone.
#[derive(Debug, Clone, Copy)]
pub struct Contender<'a> {
    /// Its identity.
    pub key: &'a CallKey,
    /// Start, inclusive.
    pub start: DateTime<Utc>,
    /// End, exclusive; later than the start.
    pub end: DateTime<Utc>,
    /// Member id of the owner.
    pub owner: &'a str,
    /// Where it takes place; the same conference is the same room.
    pub conference: &'a Conference,
    /// Somebody asked for it who may.
    pub requested: bool,
    /// Its owner is its organizer.
    pub owner_organizes: bool,
    /// When its last material update was received.
    pub received_at: DateTime<Utc>,
}

/// What has been kept of one owner or of one room: intervals that do not intersect.
type Kept = BTreeMap<DateTime<Utc>, (DateTime<Utc>, usize)>;

/// Takes the calls in the order of preference and keeps each that conflicts with none already kept.
/// The answer stands in the order of the contenders: the findings against each that gives way, a
/// duplicate before an overlap with another call.
#[must_use]
pub fn resolve(contenders: &[Contender<'_>]) -> Vec<Vec<Finding>> {
    let mut order: Vec<(usize, &Contender<'_>)> = contenders.iter().enumerate().collect();
    order.sort_by_key(|(_, c)| {
        (
            Reverse(c.requested),
            Reverse(c.owner_organizes),
            Reverse(c.received_at),
            c.key,
            c.start,
            c.conference,
        )
    });
    let mut owners: BTreeMap<&str, Kept> = BTreeMap::new();
    let mut rooms: BTreeMap<&Conference, Kept> = BTreeMap::new();
    let mut findings = vec![Vec::new(); contenders.len()];
    for (place, contender) in order {
        let owner = owners.entry(contender.owner).or_default();
        let room = rooms.entry(contender.conference).or_default();
        let duplicate = room.get(&contender.start).map(|(_, winner)| *winner);
        let another = |winner: &usize| Some(*winner) != duplicate;
        let overlap = intersecting(owner, contender)
            .filter(another)
            .or_else(|| intersecting(room, contender).filter(another));
        if duplicate.is_none() && overlap.is_none() {
            owner.insert(contender.start, (contender.end, place));
            room.insert(contender.start, (contender.end, place));
        }
        let lost = [(SkipCode::Duplicate, duplicate), (SkipCode::OverlappingMeeting, overlap)];
        let lost = lost
            .into_iter()
            .filter_map(|(code, winner)| Some(against(code, contenders.get(winner?)?)));
        if let Some(slot) = findings.get_mut(place) {
            slot.extend(lost);
        }
    }
    findings
}

/// A kept call whose interval intersects the contender's; intervals are half-open.
fn intersecting(kept: &Kept, contender: &Contender<'_>) -> Option<usize> {
    let (_, (end, earlier)) = kept.range(..contender.end).next_back()?;
    if *end > contender.start {
        return Some(*earlier);
    }
    None
}

fn against(code: SkipCode, winner: &Contender<'_>) -> Finding {
    let rule = if code == SkipCode::Duplicate { "duplicate" } else { "overlapping-meeting" };
    Finding {
        rule: rule.into(),
        code,
        lifted: false,
        sub_reason: None,
        evidence: vec![Evidence::Instant(winner.start), Evidence::Call(winner.key.clone())],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meeting::Provider;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(minute * 60, 0).unwrap()
    }

    struct Call(&'static str, &'static str, &'static str, i64, i64);

    fn codes(calls: &[Call], change: impl Fn(&str, &mut Contender<'_>)) -> Vec<Vec<SkipCode>> {
        let keys: Vec<_> = calls
            .iter()
            .map(|c| CallKey { ical_uid: Some(c.0.into()), recurrence_id: None })
            .collect();
        let rooms: Vec<_> =
            calls.iter().map(|c| Conference { provider: Provider::Zoom, id: c.2.into() }).collect();
        let contenders: Vec<_> = calls
            .iter()
            .enumerate()
            .map(|(i, c)| {
                let mut contender = Contender {
                    key: &keys[i],
                    start: at(c.3),
                    end: at(c.4),
                    owner: c.1,
                    conference: &rooms[i],
                    requested: false,
                    owner_organizes: false,
                    received_at: at(0),
                };
                change(c.0, &mut contender);
                contender
            })
            .collect();
        resolve(&contenders)
            .into_iter()
            .map(|found| found.iter().map(|f| f.code).collect())
            .collect()
    }

    const KEPT: &[SkipCode] = &[];
    const DUPLICATE: &[SkipCode] = &[SkipCode::Duplicate];
    const OVERLAPPING: &[SkipCode] = &[SkipCode::OverlappingMeeting];

    #[test]
    fn the_same_room_at_the_same_instant_is_a_duplicate() {
        let calls = [Call("b", "ada", "1", 0, 30), Call("a", "bob", "1", 0, 60)];
        assert_eq!(codes(&calls, |_, _| {}), [DUPLICATE, KEPT]);
    }

    #[test]
    fn an_owner_is_in_one_call_at_a_time_and_calls_that_touch_do_not_overlap() {
        let calls = [
            Call("a", "ada", "1", 0, 30),
            Call("b", "ada", "2", 29, 60),
            Call("c", "ada", "3", 60, 90),
        ];
        assert_eq!(codes(&calls, |_, _| {}), [KEPT, OVERLAPPING, KEPT]);
    }

    #[test]
    fn different_owners_in_different_rooms_never_conflict() {
        let calls = [Call("a", "ada", "1", 0, 30), Call("b", "bob", "2", 0, 30)];
        assert_eq!(codes(&calls, |_, _| {}), [KEPT, KEPT]);
    }

    #[test]
    fn preference_goes_by_request_then_organizer_then_update_then_id() {
        let calls = [Call("a", "ada", "1", 0, 30), Call("b", "ada", "2", 10, 30)];
        assert_eq!(codes(&calls, |id, c| c.requested = id == "b"), [OVERLAPPING, KEPT]);
        assert_eq!(codes(&calls, |id, c| c.owner_organizes = id == "b"), [OVERLAPPING, KEPT]);
        assert_eq!(
            codes(&calls, |id, c| c.received_at = at(i64::from(id == "b"))),
            [OVERLAPPING, KEPT]
        );
    }

    #[test]
    fn one_that_gave_way_pushes_nobody_aside() {
        let calls = [
            Call("a", "ada", "1", 0, 30),
            Call("b", "ada", "2", 20, 50),
            Call("c", "ada", "3", 40, 70),
        ];
        assert_eq!(codes(&calls, |_, _| {}), [KEPT, OVERLAPPING, KEPT]);
    }

    #[test]
    fn a_loser_to_several_is_a_duplicate_first() {
        let calls = [
            Call("a", "ada", "1", 0, 30),
            Call("b", "bob", "2", 10, 30),
            Call("c", "ada", "2", 10, 40),
        ];
        let both: &[SkipCode] = &[SkipCode::Duplicate, SkipCode::OverlappingMeeting];
        assert_eq!(codes(&calls, |_, _| {}), [KEPT, KEPT, both]);
    }
}
