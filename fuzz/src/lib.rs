//! What must hold of any bytes that are read as a calendar or a webhook.

use calendar::{Context, Expansion, Format, Limits, Parsed, Window, expand, parse};
use chrono::{DateTime, TimeDelta};
use decision::session::{Means, Says};

/// Reads a payload twice: both times the same comes of it, and no more than the limits permit.
pub fn read(format: Format, bytes: &[u8], context: &Context<'_>) -> Option<Parsed> {
    const LIMITS: Limits = Limits::FILE;
    Format::detect(bytes);
    let parsed = parse(format, bytes, context);
    assert_eq!(parsed, parse(format, bytes, context));
    let parsed = parsed.ok()?;
    assert!(parsed.events.len() <= LIMITS.components);
    // One more tells how many others there were.
    assert!(parsed.problems.len() <= LIMITS.problems + 1);
    Some(parsed)
}

/// Lays a payload out over a year: every occurrence lies in the window, in order, ends after it began, and neither the
/// order of the events nor a cut through the window changes anything.
pub fn lay_out(parsed: &Parsed, context: &Context<'_>) {
    let from = DateTime::from_timestamp(1_767_225_600, 0).unwrap_or_default();
    let days = |days| from + TimeDelta::days(days);
    let laid_out = |events: &[_], from, to| expand(events, Window { from, to }, context);
    let Expansion { occurrences, problems } = laid_out(&parsed.events, days(0), days(365));
    assert!(occurrences.is_sorted_by_key(|one| one.start));
    for one in &occurrences {
        assert!(days(0) <= one.start && one.start < days(365));
        assert!(one.end.is_none_or(|end| end > one.start), "{one:?}");
    }

    let mut turned = parsed.events.clone();
    turned.reverse();
    assert_eq!(laid_out(&turned, days(0), days(365)).occurrences, occurrences);

    // What reaches a bound is bounded in each window by itself.
    if occurrences.len() < Limits::FILE.instances && !problems.iter().any(is_bound) {
        let cut = days(113) + TimeDelta::hours(7);
        let mut halves = laid_out(&parsed.events, days(0), cut).occurrences;
        halves.extend(laid_out(&parsed.events, cut, days(365)).occurrences);
        assert_eq!(halves, occurrences);
    }
}

fn is_bound(problem: &calendar::Problem) -> bool {
    problem.reason == calendar::Reason::TooManyOccurrences
}

/// Reads a webhook twice: both times the same comes of it, and a session hears one end at most.
pub fn webhook(read: impl Fn(&[u8]) -> Result<signals::Event, signals::read::Error>, bytes: &[u8]) {
    let event = read(bytes);
    assert_eq!(event, read(bytes));
    let Ok(event) = event else { return };
    for means in Means::ALL {
        let heard = event.heard(means, DateTime::UNIX_EPOCH, |_| true);
        let ends = heard.iter().map(|one| one.signal.says());
        let ends =
            ends.filter(|says| matches!(says, Says::Fault(_) | Says::DialFault | Says::Overtaken));
        assert!(ends.count() <= 1, "{heard:?}");
    }
}
