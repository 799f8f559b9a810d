//! The stored form of a session: a version, then bare lists of numbers, times counted from the start.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::facts::{Fact, Facts, Mark, Stamp};
use super::order::{METHODS, Means};
use super::raw::Raw;
use super::signal::Signal;
use super::timer::Timer;
use super::{Brief, Codes, Issued, Outcome, Session};
use crate::company::NumberMode;
use crate::skip_code::SkipCode;

/// The version of the stored form that is written, and the only one that is read.
pub const VERSION: u8 = 1;

/// A stored session that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRow {
    /// It is of another version.
    #[error("a session of version {0} cannot be read, only version {VERSION}")]
    Version(u8),
    /// It names something that does not exist, or has no method.
    #[error("a stored session holds an unknown {0}")]
    Unknown(&'static str),
}

/// Methods, start, end, join, latest join, announcement and personal room, mode of the number.
type OrderRow = (Vec<u8>, i64, i64, i64, i64, u8, u8);
/// Attempt, method, first attempt by another one, tries, dispatched, over, closing.
type RunRow = (u8, u8, u8, u8, Option<i64>, Option<i64>, Option<i64>);
/// Flags, asked, polls, asked at, announced at, fetched at, stop checked.
type IssuedRow = (u16, u8, u8, i64, i64, i64, i64);
/// Kind of outcome, number of its code or 0, time.
type EndRow = (u8, i32, i64);

#[derive(Serialize, Deserialize)]
struct Row(
    u8,
    OrderRow,
    RunRow,
    IssuedRow,
    Vec<Vec<i64>>,
    Vec<(u8, i64)>,
    Vec<Raw>,
    Option<EndRow>,
    /// Numbers of the codes that the decision became.
    Vec<i32>,
);

impl Serialize for Session {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Row::from(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Session {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(Row::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

const MODES: [NumberMode; 4] = [
    NumberMode::Automatic,
    NumberMode::AutomaticExcluded,
    NumberMode::Manual,
    NumberMode::Prohibited,
];

impl From<&Session> for Row {
    fn from(session: &Session) -> Self {
        let Session { order, issued, .. } = session;
        let since = |at: i64| at.saturating_sub(order.start);
        let mode = MODES.iter().zip(0..).find(|(mode, _)| **mode == order.numbers);
        Self(
            VERSION,
            (
                order.means.iter().map(|means| means.number()).collect(),
                order.start,
                since(order.end),
                since(order.join_at),
                since(order.latest_join),
                u8::from(order.announcement) | u8::from(order.personal_room) << 1,
                mode.map_or(0, |(_, place)| place),
            ),
            (
                session.run,
                session.leg,
                session.turned,
                session.tries,
                session.dispatched.map(since),
                session.over.map(since),
                session.closing.map(since),
            ),
            (
                issued.flags,
                issued.asked,
                issued.polls,
                issued.asked_at,
                issued.announced_at,
                issued.fetch_at,
                issued.stop_checked,
            ),
            session.facts.list().iter().map(|fact| fact_row(fact, order.start)).collect(),
            session.armed.iter().map(|(timer, due)| (timer.number(), since(*due))).collect(),
            session.raws.clone(),
            session.ended.map(|(outcome, at)| {
                let kind = match outcome {
                    Outcome::Recorded => 0,
                    Outcome::Partial(_) => 1,
                    Outcome::Skipped(_) => 2,
                };
                (kind, outcome.code().map_or(0, SkipCode::number), since(at))
            }),
            session.fell.iter().map(SkipCode::number).collect(),
        )
    }
}

impl TryFrom<Row> for Session {
    type Error = InvalidRow;

    fn try_from(row: Row) -> Result<Self, InvalidRow> {
        let Row(version, order, run, issued, facts, armed, raws, ended, fell) = row;
        if version != VERSION {
            return Err(InvalidRow::Version(version));
        }
        let unknown = |what| move || InvalidRow::Unknown(what);
        let (means, start, end, join_at, latest_join, flags, numbers) = order;
        let then = |span: i64| start.saturating_add(span);
        let means = means
            .into_iter()
            .map(|number| Means::from_number(number).ok_or_else(unknown("method")))
            .collect::<Result<Vec<_>, _>>()?;
        if means.is_empty() || means.len() > METHODS {
            return Err(InvalidRow::Unknown("method"));
        }
        let ended = ended
            .map(|(kind, number, at)| {
                let code = SkipCode::from_number(number);
                let outcome = match (kind, code) {
                    (0, None) => Outcome::Recorded,
                    (1, Some(code)) => Outcome::Partial(code),
                    (2, Some(code)) => Outcome::Skipped(code),
                    _ => return Err(InvalidRow::Unknown("outcome")),
                };
                Ok((outcome, then(at)))
            })
            .transpose()?;
        Ok(Self {
            order: Brief {
                means,
                start,
                end: then(end),
                join_at: then(join_at),
                latest_join: then(latest_join),
                announcement: flags & 1 != 0,
                personal_room: flags & 2 != 0,
                numbers: *MODES.get(usize::from(numbers)).ok_or_else(unknown("mode"))?,
            },
            facts: facts
                .iter()
                .map(|row| fact(row, start).ok_or_else(unknown("signal")))
                .collect::<Result<Facts, _>>()?,
            run: run.0,
            leg: run.1,
            turned: run.2,
            tries: run.3,
            dispatched: run.4.map(then),
            over: run.5.map(then),
            closing: run.6.map(then),
            fell: fell
                .into_iter()
                .map(|number| SkipCode::from_number(number).ok_or_else(unknown("code")))
                .collect::<Result<Codes, _>>()?,
            issued: Issued {
                flags: issued.0,
                asked: issued.1,
                polls: issued.2,
                asked_at: issued.3,
                announced_at: issued.4,
                fetch_at: issued.5,
                stop_checked: issued.6,
            },
            armed: armed
                .into_iter()
                .map(|(number, due)| {
                    let timer = Timer::from_number(number).ok_or_else(unknown("timer"))?;
                    Ok((timer, then(due)))
                })
                .collect::<Result<_, InvalidRow>>()?,
            raws,
            ended,
        })
    }
}

/// A fact in few numbers: most happened once, in the first attempt, without a sequence number.
fn fact_row(fact: &Fact, start: i64) -> Vec<i64> {
    let number = i64::from(fact.signal.number());
    let mark = |mark: Mark| [mark.at.saturating_sub(start), i64::from(mark.seq)];
    let stamp = |stamp: Stamp| {
        let [at, seq] = mark(stamp.mark);
        [at, seq, i64::from(stamp.run)]
    };
    let [at, seq, run] = stamp(fact.last);
    if *fact == Fact::new(fact.signal, fact.last) {
        return match (seq, run) {
            (0, 0) => vec![number, at],
            _ => vec![number, at, seq, run],
        };
    }
    let mut row = vec![number];
    row.extend(mark(fact.first));
    row.extend(stamp(fact.entered));
    row.extend([at, seq, run]);
    row
}

fn fact(row: &[i64], start: i64) -> Option<Fact> {
    let (number, rest) = row.split_first()?;
    let signal = Signal::from_number(u8::try_from(*number).ok()?)?;
    let mark = |at: i64, seq: i64| {
        Some(Mark { at: start.saturating_add(at), seq: u32::try_from(seq).ok()? })
    };
    let stamp = |at: i64, seq: i64, run: i64| {
        Some(Stamp { run: u8::try_from(run).ok()?, mark: mark(at, seq)? })
    };
    Some(match *rest {
        [at] => Fact::new(signal, stamp(at, 0, 0)?),
        [at, seq, run] => Fact::new(signal, stamp(at, seq, run)?),
        [first, first_seq, entered, entered_seq, entered_run, last, last_seq, last_run] => Fact {
            signal,
            first: mark(first, first_seq)?,
            entered: stamp(entered, entered_seq, entered_run)?,
            last: stamp(last, last_seq, last_run)?,
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Heard, Order, Settings};

    #[test]
    fn a_row_of_another_version_is_refused() {
        let session = Session::new(&Order::upload("2026-03-02T10:00:00Z".parse().unwrap()));
        let row = serde_json::to_string(&session).unwrap();
        assert!(row.starts_with("[1,"), "{row}");
        let newer = row.replacen("[1,", "[2,", 1);
        let error = serde_json::from_str::<Session>(&newer).unwrap_err().to_string();
        assert!(error.contains("version 2"), "{error}");
    }

    #[test]
    fn a_signal_of_a_newer_version_is_refused() {
        let asked = "2026-03-02T10:00:00Z".parse().unwrap();
        let mut session = Session::new(&Order::upload(asked));
        let heard = Heard::new(Signal::Unreadable, asked);
        session.hear(&Settings::default(), &heard, asked);
        let row = serde_json::to_string(&session).unwrap();
        let newer = row.replacen("[117,", "[126,", 1);
        assert_ne!(row, newer);
        assert!(serde_json::from_str::<Session>(&newer).is_err());
    }
}
