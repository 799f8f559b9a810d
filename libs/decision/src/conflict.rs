//! Which of the calls that would be recorded give way to one another (DOMAIN 5.4, 8.23).

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

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

/// A contender that keeps what it is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedContender {
    /// Its identity.
    pub key: CallKey,
    /// Start, inclusive.
    pub start: DateTime<Utc>,
    /// End, exclusive; later than the start.
    pub end: DateTime<Utc>,
    /// Member id of the owner.
    pub owner: Arc<str>,
    /// Where it takes place.
    pub conference: Conference,
    /// Somebody asked for it who may.
    pub requested: bool,
    /// Its owner is its organizer.
    pub owner_organizes: bool,
    /// When its last material update was received.
    pub received_at: DateTime<Utc>,
}

impl OwnedContender {
    /// The contender as [`resolve`] and [`reached`] take it.
    #[must_use]
    pub fn as_ref(&self) -> Contender<'_> {
        Contender {
            key: &self.key,
            start: self.start,
            end: self.end,
            owner: &self.owner,
            conference: &self.conference,
            requested: self.requested,
            owner_organizes: self.owner_organizes,
            received_at: self.received_at,
        }
    }
}

impl From<Contender<'_>> for OwnedContender {
    fn from(contender: Contender<'_>) -> Self {
        Self {
            key: contender.key.clone(),
            start: contender.start,
            end: contender.end,
            owner: Arc::from(contender.owner),
            conference: contender.conference.clone(),
            requested: contender.requested,
            owner_organizes: contender.owner_organizes,
            received_at: contender.received_at,
        }
    }
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
        let winner = |place: Option<usize>| contenders.get(place?);
        let lost = winner(duplicate).map(is_duplicate).into_iter();
        let lost = lost.chain(winner(overlap).map(overlaps));
        if let Some(slot) = findings.get_mut(place) {
            slot.extend(lost);
        }
    }
    findings
}

/// The places of all contenders that the seeds can influence or be influenced by, the seeds among them,
/// ascending. Two contenders touch each other where they have the owner or the conference in common and
/// their intervals intersect; reached is what a chain of such touches leads to. [`resolve`] gives each of
/// the reached the same findings whether it sees the others or not. Seeds that are no place are ignored.
/// Costs what sorting costs.
#[must_use]
pub fn reached(contenders: &[Contender<'_>], seeds: &[usize]) -> Vec<usize> {
    let mut groups = Groups::of(contenders.len());
    join_touching(contenders, &mut groups, |contender| contender.owner);
    join_touching(contenders, &mut groups, |contender| contender.conference);
    let mut holds_seed = vec![false; contenders.len()];
    for seed in seeds {
        if let Some(held) = groups.root(*seed).and_then(|root| holds_seed.get_mut(root)) {
            *held = true;
        }
    }
    (0..contenders.len())
        .filter(|place| groups.root(*place).is_some_and(|root| holds_seed.get(root) == Some(&true)))
        .collect()
}

/// Joins the contenders that have something in common and whose intervals form an unbroken stretch.
fn join_touching<'c, K: Ord>(
    contenders: &'c [Contender<'_>],
    groups: &mut Groups,
    common: impl Fn(&'c Contender<'_>) -> K,
) {
    let mut order: Vec<(K, DateTime<Utc>, usize)> = (0..)
        .zip(contenders)
        .map(|(place, contender)| (common(contender), contender.start, place))
        .collect();
    order.sort_unstable();
    let mut stretch: Option<(&K, DateTime<Utc>, usize)> = None;
    for (common, start, place) in &order {
        let end = contenders.get(*place).map_or(*start, |contender| contender.end);
        stretch = Some(match stretch {
            Some((held, until, with)) if held == common && *start < until => {
                groups.join(with, *place);
                (held, until.max(end), with)
            }
            Some(_) | None => (common, end, *place),
        });
    }
}

/// Sets of places that are joined one by one.
struct Groups {
    parents: Vec<usize>,
}

impl Groups {
    fn of(size: usize) -> Self {
        Self { parents: (0..size).collect() }
    }

    /// The place that stands for a place's set; none for a place there is not. What lies on the way
    /// points at it from then on, so that long ways are gone once.
    fn root(&mut self, place: usize) -> Option<usize> {
        let mut root = place;
        loop {
            match *self.parents.get(root)? {
                parent if parent == root => break,
                parent => root = parent,
            }
        }
        let mut place = place;
        while place != root {
            place = std::mem::replace(self.parents.get_mut(place)?, root);
        }
        Some(root)
    }

    fn join(&mut self, one: usize, other: usize) {
        let (Some(one), Some(other)) = (self.root(one), self.root(other)) else { return };
        if let Some(parent) = self.parents.get_mut(one) {
            *parent = other;
        }
    }
}

/// A kept call whose interval intersects the contender's; intervals are half-open.
fn intersecting(kept: &Kept, contender: &Contender<'_>) -> Option<usize> {
    let (_, (end, earlier)) = kept.range(..contender.end).next_back()?;
    if *end > contender.start {
        return Some(*earlier);
    }
    None
}

/// Another call of the company meets in the same conference at the same instant, and takes precedence.
fn is_duplicate(winner: &Contender<'_>) -> Finding {
    Finding {
        rule: "duplicate".into(),
        code: SkipCode::Duplicate,
        lifted: false,
        sub_reason: None,
        evidence: of(winner),
    }
}

/// Another call of the same owner, or in the same conference, goes on at the same time and takes precedence.
fn overlaps(winner: &Contender<'_>) -> Finding {
    Finding {
        rule: "overlapping-meeting".into(),
        code: SkipCode::OverlappingMeeting,
        lifted: false,
        sub_reason: None,
        evidence: of(winner),
    }
}

fn of(winner: &Contender<'_>) -> Vec<Evidence> {
    vec![Evidence::Instant(winner.start), Evidence::Call(winner.key.clone())]
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

    #[test]
    fn an_unbroken_day_is_reached_whole_and_the_next_day_is_not() {
        let room = Conference { provider: Provider::Zoom, id: "1".into() };
        let call = |minute: i64| OwnedContender {
            key: CallKey::default(),
            start: at(minute),
            end: at(minute + 2),
            owner: "ada".into(),
            conference: room.clone(),
            requested: false,
            owner_organizes: false,
            received_at: at(0),
        };
        // The latest first, which is the hardest order for sets that are joined one by one.
        let calls: Vec<_> = (0..20_000).rev().chain(30_000..30_010).map(call).collect();
        let calls: Vec<_> = calls.iter().map(OwnedContender::as_ref).collect();
        assert_eq!(reached(&calls, &[7]), Vec::from_iter(0..20_000));
        assert_eq!(reached(&calls, &[20_003, 99_999]), Vec::from_iter(20_000..20_010));
        assert_eq!(reached(&calls, &[]), Vec::<usize>::new());
    }

    #[test]
    fn an_owned_contender_is_the_one_it_was_made_of() {
        let (key, room) =
            (CallKey::default(), Conference { provider: Provider::Zoom, id: "1".into() });
        let one = Contender {
            key: &key,
            start: at(0),
            end: at(30),
            owner: "ada",
            conference: &room,
            requested: true,
            owner_organizes: true,
            received_at: at(-9),
        };
        let owned = OwnedContender::from(one);
        assert_eq!(OwnedContender::from(owned.as_ref()), owned);
        assert_eq!(format!("{:?}", owned.as_ref()), format!("{one:?}"));
    }
}
