//! Calls and their decisions, for people and for programs.

use std::collections::{BTreeMap, HashMap};

use chrono_tz::Tz;
use decision::SkipCode;

use crate::error::Error;
use crate::output::Output;
use crate::output::json::{Call, Key, Seen};
use crate::output::table::{Room, Table, Tone, printable};

/// From this many columns on the reason has a column of its own.
const WIDE: u16 = 110;

/// Prints them all.
pub(crate) fn print(output: &mut Output, calls: &[Call], zone: Tz) -> Result<(), Error> {
    if output.is_json() {
        return calls.iter().try_for_each(|call| output.json(call));
    }
    if !calls.is_empty() {
        output.table(&table(calls, zone, output.width >= WIDE))?;
        output.line("")?;
    }
    let mut paragraphs = Table::new(&[("", Room::Rest)], usize::MAX);
    for text in summary(calls, zone) {
        paragraphs.row([(text, Tone::Plain)]);
    }
    output.table(&paragraphs)
}

fn table(calls: &[Call], zone: Tz, wide: bool) -> Table {
    let titles = &titles(calls);
    let start = ("Start", Room::Whole);
    let owner = ("Owner", Room::AtMost(16));
    if wide {
        let title = ("Call", Room::AtMost(36));
        let mut table =
            Table::new(&[start, title, ("Decision", Room::Whole), owner, ("Why", Room::Rest)], 2);
        for call in calls {
            let (decision, tone) = decision(call);
            table.row([
                (self::start(call, zone), Tone::Plain),
                (self::title(call), Tone::Plain),
                (decision, tone),
                (self::owner(call), Tone::Plain),
                (why(call, titles), Tone::Quiet),
            ]);
        }
        table
    } else {
        let title = ("Call", Room::AtMost(24));
        let mut table = Table::new(&[start, title, ("Decision", Room::Rest)], 3);
        for call in calls {
            let (decision, tone) = decision(call);
            let rest = match (self::owner(call).as_str(), why(call, titles).as_str()) {
                ("", why) => why.to_owned(),
                (owner, "") => owner.to_owned(),
                (owner, why) => format!("{owner}; {why}"),
            };
            let told = if rest.is_empty() { decision } else { format!("{decision}\n{rest}") };
            table.row([
                (self::start(call, zone), Tone::Plain),
                (self::title(call), Tone::Plain),
                (told, tone),
            ]);
        }
        table
    }
}

/// One call on one line, for a stream without an end.
pub(crate) fn line(cursor: u64, call: &Call, zone: Tz) -> String {
    let (decision, _) = decision(call);
    let parts = [
        format!("{cursor:>6}"),
        start(call, zone),
        format!("{decision:<35}"),
        title(call),
        why_alone(call),
    ];
    printable(parts.join("  ").trim_end()).replace('\n', " ")
}

/// When it starts, as people of the company read it.
pub(crate) fn start(call: &Call, zone: Tz) -> String {
    call.at.with_timezone(&zone).format("%a %d %b %H:%M").to_string()
}

/// Its title, where there is one to show.
pub(crate) fn title(call: &Call) -> String {
    match call.title.as_deref() {
        Some(title) if !title.trim().is_empty() => title.to_owned(),
        Some(_) => "(no title)".to_owned(),
        // A call whose details may be imported hides nothing: it has no title.
        None if call.import_details => "(no title)".to_owned(),
        None => "(not shown)".to_owned(),
    }
}

/// What was decided, in a word.
pub(crate) fn decision(call: &Call) -> (String, Tone) {
    match (&call.plan, call.skip_code) {
        (Some(plan), _) => (format!("record: {}", plan.method), Tone::Good),
        (None, Some(code)) => (code.to_owned(), Tone::Bad),
        (None, None) => (call.decision.to_owned(), Tone::Waiting),
    }
}

/// Member id of whose recording it is; empty where there is none.
pub(crate) fn owner(call: &Call) -> String {
    call.plan.as_ref().map(|plan| plan.owner.clone()).unwrap_or_default()
}

/// What is worth knowing beside the decision of one call, in few words.
pub(crate) fn why_alone(call: &Call) -> String {
    why(call, &Titles::new())
}

/// The same of a call among others.
fn why(call: &Call, titles: &Titles<'_>) -> String {
    let mut parts = Vec::new();
    if let Some(plan) = &call.plan {
        parts.push(format!("by {}", plan.adapter));
        parts.extend(call.warnings.iter().map(|warning| warning.replace('_', " ")));
    } else if let Some(code) = call.code {
        parts.push(reason(call, code, titles));
    }
    if !call.missing.is_empty() {
        parts.push(format!("waits for {}", call.missing.join(", ")));
    }
    if !call.lifted.is_empty() {
        parts.push(format!("lifted {}", call.lifted.join(", ")));
    }
    if !call.also.is_empty() {
        parts.push(format!("also {}", call.also.join(", ")));
    }
    parts.join("; ")
}

/// Why it is not recorded: what was seen where that is telling, else what the code means.
fn reason(call: &Call, code: SkipCode, titles: &Titles<'_>) -> String {
    let sub_reason = call.sub_reason.as_ref().map(|reason| reason.replace('_', " "));
    let seen = call.seen.iter().find_map(|seen| match seen {
        Seen::Member(id) => Some(format!("member {id}")),
        // By itself it says no more than the link of the call.
        Seen::Service(name) => sub_reason.as_ref().map(|_| name.clone()),
        Seen::Winner(key) => titles.get(key).map(|title| format!("gives way to `{title}`")),
    });
    match (sub_reason, seen) {
        (Some(reason), Some(seen)) => format!("{reason}: {seen}"),
        (Some(only), None) | (None, Some(only)) => only,
        (None, None) => first_sentence(code.meta().description).to_owned(),
    }
}

/// A description up to its first full stop.
pub(crate) fn first_sentence(text: &str) -> &str {
    text.split_once(". ").map_or(text, |(first, _)| first).trim_end_matches('.')
}

/// Titles of calls, for those that give way to them.
type Titles<'a> = HashMap<Key, &'a str>;

fn titles(calls: &[Call]) -> Titles<'_> {
    calls
        .iter()
        .filter_map(|call| Some(((call.ical_uid.clone(), call.occurrence), call.title.as_deref()?)))
        .collect()
}

/// How many calls there are, by what was decided.
fn summary(calls: &[Call], zone: Tz) -> Vec<String> {
    let mut methods: BTreeMap<&str, usize> = BTreeMap::new();
    let mut codes: BTreeMap<usize, (SkipCode, usize)> = BTreeMap::new();
    let mut pending = 0;
    for call in calls {
        if let Some(plan) = &call.plan {
            *methods.entry(plan.method).or_default() += 1;
        } else if let Some(code) = call.code {
            let place = SkipCode::ALL.iter().position(|one| *one == code).unwrap_or_default();
            codes.entry(place).or_insert((code, 0)).1 += 1;
        } else {
            pending += 1;
        }
    }
    let (planned, skipped): (usize, usize) =
        (methods.values().sum(), codes.values().map(|(_, count)| count).sum());
    let list = |counts: Vec<String>| {
        if counts.is_empty() { String::new() } else { format!(" ({})", counts.join(", ")) }
    };
    let by_method =
        list(methods.iter().map(|(method, count)| format!("{count} {method}")).collect());
    let mut first = format!(
        "{} call{}: {planned} recorded{by_method}, {skipped} not",
        calls.len(),
        if calls.len() == 1 { "" } else { "s" },
    );
    if pending > 0 {
        first.push_str(&format!(", {pending} pending"));
    }
    first.push_str(&format!(". Times in {zone}."));
    let mut paragraphs = vec![first];
    if !codes.is_empty() {
        let codes: Vec<String> =
            codes.values().map(|(code, count)| format!("{count} {code}")).collect();
        paragraphs.push(format!("Not recorded: {}.", codes.join(", ")));
    }
    paragraphs
}
