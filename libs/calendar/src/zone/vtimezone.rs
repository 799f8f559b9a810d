//! Zones a calendar describes itself (VTIMEZONE), the last resort for names nobody knows.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Placed;
use crate::civil::{self, DAY};
use crate::recurrence::{Rule, Walk};

/// How many rule steps are made to find the changes of one year.
const STEPS: u64 = 20_000;

/// A zone as its calendar describes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Observances {
    /// The TZID.
    pub(crate) name: String,
    /// STANDARD and DAYLIGHT parts.
    pub(crate) parts: Vec<Observance>,
}

/// One STANDARD or DAYLIGHT part: from when on which offset holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Observance {
    /// First onset, a wall time by the offset that held before.
    pub(crate) start: i64,
    /// Offset before each onset, in seconds east of Greenwich.
    pub(crate) from: i32,
    /// Offset after it.
    pub(crate) to: i32,
    /// When it begins again.
    pub(crate) rules: Vec<Rule>,
    /// Further onsets, wall times like `start`.
    pub(crate) dates: Vec<i64>,
}

impl Observance {
    /// Onsets in a span of wall times, and the last one before it.
    fn onsets(&self, from: i64, to: i64, steps: &mut u64, found: &mut Vec<(i64, i32, i32)>) {
        let mut before = None;
        let mut keep = |wall: i64| {
            if wall < from {
                before = before.max(Some(wall));
            } else if wall < to {
                found.push((wall, self.from, self.to));
            }
        };
        keep(self.start);
        self.dates.iter().copied().for_each(&mut keep);
        for rule in &self.rules {
            // UNTIL of an onset is in UTC where it is written by the book.
            let until = rule.until.map(|until| match until.utc() {
                Some(instant) => instant + i64::from(self.from),
                None => until.wall(),
            });
            let walk = Walk { rule, start: self.start, all_day: false, until };
            // Two years back there is an onset of every rule that is still in force.
            let last = until.map_or(from, |until| until.min(from));
            walk.run(last - 800 * DAY, to, steps, &mut |wall| {
                keep(wall);
                true
            });
        }
        if let Some(wall) = before {
            found.push((wall, self.from, self.to));
        }
    }
}

/// The changes of offset of a described zone, worked out year by year.
pub(super) struct Transitions {
    zone: Arc<Observances>,
    years: BTreeMap<i64, Vec<(i64, i32, i32)>>,
}

impl Transitions {
    pub(super) fn new(zone: Arc<Observances>) -> Self {
        Self { zone, years: BTreeMap::new() }
    }

    /// Changes as (instant, offset before, offset after), in order; the first are before the year.
    fn year(&mut self, wall: i64) -> &[(i64, i32, i32)] {
        let (year, _, _) = civil::ymd(civil::day_of(wall));
        let zone = &self.zone;
        self.years.entry(year).or_insert_with(|| {
            let from = civil::day(year, 1, 1) * DAY - 2 * DAY;
            let to = civil::day(year + 1, 1, 1) * DAY + 2 * DAY;
            let mut found = Vec::new();
            let mut steps = STEPS;
            for part in &zone.parts {
                part.onsets(from, to, &mut steps, &mut found);
            }
            let mut changes: Vec<_> = found
                .into_iter()
                .map(|(wall, from, to)| (wall - i64::from(from), from, to))
                .collect();
            changes.sort_unstable();
            changes
        })
    }

    /// Offset at an instant, in seconds east of Greenwich.
    pub(super) fn offset(&mut self, instant: i64) -> i64 {
        let changes = self.year(instant);
        let after = changes.partition_point(|change| change.0 <= instant);
        let offset = match after.checked_sub(1).and_then(|last| changes.get(last)) {
            Some(last) => last.2,
            // Before the first onset the offset is the one that onset comes from.
            None => match changes.first() {
                Some(first) => first.1,
                None => {
                    let first = self.zone.parts.iter().min_by_key(|part| part.start);
                    first.map_or(0, |part| part.from)
                }
            },
        };
        i64::from(offset)
    }

    pub(super) fn place(&mut self, wall: i64) -> Placed {
        // Offsets are below a day, so these two are on either side of any change near the time.
        let before = self.offset(wall - DAY);
        let after = self.offset(wall + DAY);
        let fits_before = self.offset(wall - before) == before;
        let fits_after = self.offset(wall - after) == after;
        let ambiguous = before != after && fits_before == fits_after;
        let offset = if fits_before || !fits_after { before } else { after };
        Placed { instant: wall - offset, ambiguous }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;
    use crate::civil::day;

    fn berlin() -> Transitions {
        let rule = |text: &str| Rule::parse(text, &Limits::FILE).expect("a rule");
        let part = |month, date, hour: i64, from, to, text| Observance {
            start: day(1996, month, date) * DAY + hour * 3_600,
            from,
            to,
            rules: vec![rule(text)],
            dates: Vec::new(),
        };
        Transitions::new(Arc::new(Observances {
            name: "Customized".to_owned(),
            parts: vec![
                part(10, 27, 3, 7_200, 3_600, "FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU"),
                part(3, 31, 2, 3_600, 7_200, "FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU"),
            ],
        }))
    }

    #[test]
    fn described_rules_place_as_the_database_does() {
        let mut own = berlin();
        let mut atlas = super::super::Atlas::new("UTC");
        let named = atlas.lookup(&super::super::Zone::Named("Europe/Berlin".into()));
        let mut wall = day(2025, 1, 1) * DAY;
        while wall < day(2027, 1, 1) * DAY {
            assert_eq!(own.place(wall), atlas.place(named, wall), "{:?}", civil::date_time(wall));
            let instant = wall;
            assert_eq!(instant + own.offset(instant), atlas.wall(named, instant));
            wall += 1_800;
        }
    }

    #[test]
    fn before_the_first_onset_its_earlier_offset_holds() {
        assert_eq!(berlin().offset(day(1990, 1, 1) * DAY), 3_600);
    }
}
