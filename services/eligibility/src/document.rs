//! A company file as text: read, checked, and its mistakes found again by line and column.

use std::collections::HashMap;

use decision::CompanyFile;
use serde_saphyr::granit_parser::{Event, Parser, Span, options as parser_options};
use serde_saphyr::{Error, alias_limits, budget, options};

/// The largest file taken, in bytes.
pub(crate) const LIMIT: usize = 16 * 1024 * 1024;

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// From 1.
    pub(crate) line: u64,
    /// In characters, from 1.
    pub(crate) column: u64,
}

/// Something wrong with a company file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Where it is declared, such as `members[3].emails[0]`; empty for the file as a whole.
    pub(crate) field: String,
    /// Where it stands, as far as that can be found.
    pub(crate) place: Option<Place>,
    /// What is wrong, and what to do.
    pub(crate) message: String,
}

/// Reads and checks a company file, YAML or JSON.
///
/// # Errors
/// Everything that is wrong with a file that can be read, at most a hundred things; else the first thing that cannot be
/// read.
pub(crate) fn read(text: &str) -> Result<CompanyFile, Vec<Problem>> {
    let file = parse(text).map_err(|problem| vec![problem])?;
    file.validate().map_err(|found| {
        let places = locate(text, found.iter().map(|invalid| invalid.field.as_str()));
        found
            .into_iter()
            .zip(places)
            .map(|(invalid, place)| Problem {
                field: invalid.field,
                place,
                message: invalid.message,
            })
            .collect::<Vec<_>>()
    })?;
    Ok(file)
}

/// Where fields stand: each itself, or where it is missing the nearest that holds it.
pub(crate) fn locate<'f>(text: &str, fields: impl Iterator<Item = &'f str>) -> Vec<Option<Place>> {
    let fields: Vec<&str> = fields.collect();
    let mut places: HashMap<&str, Option<Place>> = HashMap::new();
    for field in &fields {
        for holder in holders(field) {
            places.insert(holder, None);
        }
    }
    walk(text, |path, place, part| {
        if let Some(found) = places.get_mut(path)
            && (found.is_none() || part == Part::Scalar)
        {
            *found = Some(place);
        }
        true
    });
    fields
        .iter()
        .map(|field| holders(field).find_map(|holder| places.get(holder).copied().flatten()))
        .collect()
}

/// A field and everything that holds it: `a.b[1]`, `a.b`, `a`, and the whole.
fn holders(field: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(field), |field| {
        if field.is_empty() {
            return None;
        }
        Some(field.rfind(['.', '[']).and_then(|end| field.get(..end)).unwrap_or_default())
    })
}

fn parse(text: &str) -> Result<CompanyFile, Problem> {
    if let Some(place) = repeats_too_much(text) {
        return Err(Problem { field: String::new(), place: Some(place), message: BOMB.to_owned() });
    }
    let bounds = options! {
        budget: budget! {
            // No file of the size that is taken comes near these two.
            max_events: 20_000_000,
            max_nodes: 10_000_000,
            max_depth: 32,
            max_documents: 2,
            max_total_scalar_bytes: 2 * LIMIT,
            max_anchors: 1_000,
            max_aliases: 50_000,
            max_merge_keys: 50_000,
            // A thousand members may share their settings by one anchor: what counts is how much is repeated.
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: alias_limits! {
            max_total_replayed_events: 1_000_000,
            max_replay_stack_depth: 8,
        },
        emit_comments: false,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, bounds).map_err(|error| problem(text, &error))
}

const BOMB: &str = "the file repeats too much by aliases; write it out plainly";

/// Where aliases have come to repeat more text than any company needs. The parser's own budget counts nodes and not what
/// stands in them, and a thousand aliases of one long text would fill the memory.
#[allow(clippy::wildcard_enum_match_arm, reason = "the enum is foreign and grows")]
fn repeats_too_much(text: &str) -> Option<Place> {
    const REPEATED: usize = 4 * 1024 * 1024;
    if !text.contains('&') || !text.contains('*') {
        return None;
    }
    let mut sizes: HashMap<usize, usize> = HashMap::new();
    let mut open: Vec<(usize, usize)> = Vec::new();
    let (mut total, mut repeated) = (0_usize, 0_usize);
    for next in Parser::new_from_str_with_options(text, parser_options! { emit_comments: false }) {
        let (event, span) = next.ok()?;
        total = total.saturating_add(1);
        match event {
            Event::Scalar(scalar, _, anchor, _) => {
                total = total.saturating_add(scalar.len());
                if anchor > 0 {
                    sizes.insert(anchor, scalar.len().saturating_add(1));
                }
            }
            Event::Alias(anchor) => {
                let size = sizes.get(&anchor).copied().unwrap_or(0);
                total = total.saturating_add(size);
                repeated = repeated.saturating_add(size);
                if repeated > REPEATED {
                    return Some(place_of(&span));
                }
            }
            Event::SequenceStart(_, anchor, _) | Event::MappingStart(_, anchor, _) => {
                open.push((anchor, total));
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let (anchor, before) = open.pop()?;
                if anchor > 0 {
                    sizes.insert(anchor, total.saturating_sub(before).saturating_add(1));
                }
            }
            _ => {}
        }
    }
    None
}

#[allow(clippy::wildcard_enum_match_arm, reason = "the enum is foreign and grows")]
fn problem(text: &str, error: &Error) -> Problem {
    let place = error
        .location()
        .filter(|location| location.line() > 0)
        .map(|location| Place { line: location.line(), column: location.column() });
    let key = || place.map(|place| path_at(text, place, Of::Last)).unwrap_or_default();
    let value = || place.map(|place| path_at(text, place, Of::First)).unwrap_or_default();
    let (field, message) = match error.without_snippet() {
        Error::Message { msg, .. } => (key(), msg.clone()),
        // The text itself is broken: a path into it would be a guess.
        Error::ExternalMessage { msg, .. } => (
            String::new(),
            format!(
                "this is neither YAML nor JSON: {msg}; look at indentation, quotes and brackets"
            ),
        ),
        Error::Eof { .. } if text.trim().is_empty() => {
            (String::new(), "the file is empty; begin it with `company: <id>`".to_owned())
        }
        Error::SerdeUnknownField { field, expected, .. } => (
            key(),
            format!(
                "`{field}` is no key here; {}known are {}",
                meant(field, expected),
                listed(expected)
            ),
        ),
        Error::SerdeUnknownVariant { variant, expected, .. } => (
            key(),
            format!(
                "`{variant}` is no value here; {}write one of {}",
                meant(variant, expected),
                listed(expected)
            ),
        ),
        Error::SerdeMissingField { field, .. } => {
            let mut path = value();
            let message = format!("`{field}` is missing here; add it");
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(field);
            (path, message)
        }
        Error::SerdeInvalidType { unexpected, expected, .. }
        | Error::SerdeInvalidValue { unexpected, expected, .. } => {
            (value(), format!("here stands {unexpected}; write {expected}"))
        }
        Error::Unexpected { expected: "sequence start", .. } => {
            (value(), "here must stand a list; write `[]` for an empty one".to_owned())
        }
        Error::Unexpected { expected: "mapping start", .. } => {
            (value(), "here must stand keys with values; write `{}` for none".to_owned())
        }
        Error::Unexpected { expected, .. } => (value(), format!("here must stand {expected}")),
        Error::NullIntoString { .. } => {
            (value(), "here stands nothing; write a text, or remove the key".to_owned())
        }
        Error::InvalidScalar { ty: "boolean", .. } | Error::InvalidBooleanStrict { .. } => {
            (value(), "here must stand `true` or `false`".to_owned())
        }
        Error::InvalidScalar { ty, .. } => {
            (value(), format!("here must stand a value of the kind {ty}"))
        }
        Error::DuplicateMappingKey { .. } => {
            (key(), "this key stands here for the second time; remove one of the two".to_owned())
        }
        Error::MultipleDocuments { .. } => {
            (String::new(), "a second document begins here; a file declares one company".to_owned())
        }
        Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::RecursiveReferencesRequireWeakTypes { .. } => (key(), BOMB.to_owned()),
        Error::Budget { .. } => (
            key(),
            "the file is nested too deeply or repeats too much by aliases; write it out plainly"
                .to_owned(),
        ),
        other => (key(), without_place(&other.render()).to_owned()),
    };
    Problem { field, place, message }
}

/// A message of the parser without the place it ends with.
fn without_place(message: &str) -> &str {
    message.rfind(" at line ").and_then(|end| message.get(..end)).unwrap_or(message)
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Asks whether the nearest of the known names was meant, where one is near.
fn meant(written: &str, known: &[&str]) -> String {
    // Slips are few, and fewer in short names; beyond that a guess is worse than none.
    let most = (written.chars().count() / 3).clamp(1, 3);
    let near = known.iter().map(|name| (slips(written, name), *name)).min();
    near.filter(|(slips, _)| *slips <= most)
        .map_or_else(String::new, |(_, name)| format!("did you mean `{name}`? "))
}

/// How many characters were added, left out, taken for another or for their neighbour. Case does not count, nor whether
/// words are joined by `-` or `_`.
fn slips(written: &str, name: &str) -> usize {
    let plain = |c: char| if c == '-' { '_' } else { c.to_ascii_lowercase() };
    // No name is that long, and the work grows with the square.
    let written: Vec<char> = written.chars().take(64).map(plain).collect();
    let name: Vec<char> = name.chars().map(plain).collect();
    let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX / 2);
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=name.len()).collect();
    for (i, mine) in written.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, its) in name.iter().enumerate() {
            let mut cost = (at(&last, j) + usize::from(mine != its)).min(at(&last, j + 1) + 1);
            cost = cost.min(at(&row, j) + 1);
            let turned =
                i > 0 && j > 0 && written.get(i - 1) == Some(its) && name.get(j - 1) == Some(mine);
            if turned {
                cost = cost.min(at(&before, j - 1) + 1);
            }
            row.push(cost);
        }
        before = std::mem::replace(&mut last, row);
    }
    at(&last, name.len())
}

/// Of several things that begin at one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    /// The one that holds the others.
    First,
    /// The innermost: a key rather than the mapping it begins.
    Last,
}

/// The field that begins at a place, or last before it.
fn path_at(text: &str, wanted: Place, of: Of) -> String {
    let mut found = String::new();
    walk(text, |path, place, _| {
        if place <= wanted {
            path.clone_into(&mut found);
        }
        place < wanted || (place == wanted && of == Of::Last)
    });
    found
}

/// What begins at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Key,
    Scalar,
    Container,
}

/// What the walk is inside of; `path` is the length of the path to it.
enum Inside {
    Map { path: usize, key: bool },
    List { path: usize, next: usize },
}

/// Calls `visit` for every key and value in the order of the text, until it says no or the text ends or breaks.
/// What an alias stands for is not visited again.
#[allow(clippy::wildcard_enum_match_arm, reason = "the enum is foreign and grows")]
fn walk(text: &str, mut visit: impl FnMut(&str, Place, Part) -> bool) {
    let mut path = String::new();
    let mut inside: Vec<Inside> = Vec::new();
    let settings = parser_options! { emit_comments: false };
    for next in Parser::new_from_str_with_options(text, settings) {
        let Ok((event, span)) = next else { return };
        let place = place_of(&span);
        let (part, scalar) = match &event {
            Event::Scalar(scalar, ..) => (Part::Scalar, Some(scalar.as_ref())),
            Event::Alias(_) => (Part::Scalar, None),
            Event::SequenceStart(..) | Event::MappingStart(..) => (Part::Container, None),
            Event::SequenceEnd | Event::MappingEnd => {
                inside.pop();
                ended(&mut inside, &mut path);
                continue;
            }
            _ => continue,
        };
        let is_key = match inside.last_mut() {
            Some(Inside::Map { path: length, key }) if *key => {
                path.truncate(*length);
                if !path.is_empty() {
                    path.push('.');
                }
                // No key of a company file is a list or a mapping; what stands below one needs no name.
                path.push_str(named(scalar.unwrap_or("?")));
                true
            }
            Some(Inside::List { path: length, next }) => {
                path.truncate(*length);
                path.push_str(&format!("[{next}]"));
                false
            }
            _ => false,
        };
        if !visit(&path, place, if is_key { Part::Key } else { part }) {
            return;
        }
        match event {
            Event::SequenceStart(..) => {
                inside.push(Inside::List { path: path.len(), next: 0 });
            }
            Event::MappingStart(..) => {
                inside.push(Inside::Map { path: path.len(), key: true });
            }
            _ => ended(&mut inside, &mut path),
        }
    }
}

/// A key as it stands in a path. The path is looked at for every node below it: no name that is taken is longer, and what
/// goes beyond is left off.
fn named(key: &str) -> &str {
    const LONGEST: usize = 255;
    key.get(..key.floor_char_boundary(LONGEST)).unwrap_or(key)
}

fn place_of(span: &Span) -> Place {
    let number = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    Place { line: number(span.start.line()), column: number(span.start.col()).saturating_add(1) }
}

/// A node is over: the next one is the value of its key, or the next key or item.
fn ended(inside: &mut [Inside], path: &mut String) {
    match inside.last_mut() {
        Some(Inside::Map { path: length, key }) => {
            *key = !*key;
            if *key {
                path.truncate(*length);
            }
        }
        Some(Inside::List { path: length, next }) => {
            *next += 1;
            path.truncate(*length);
        }
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first problem of a file as field, line, column and message.
    fn first(text: &str) -> (String, u64, u64, String) {
        let problem = read(text).unwrap_err().remove(0);
        let place = problem.place.unwrap();
        (problem.field, place.line, place.column, problem.message)
    }

    #[track_caller]
    fn wrong(text: &str, field: &str, line: u64, column: u64, part: &str) {
        let found = first(text);
        assert_eq!((found.0.as_str(), found.1, found.2), (field, line, column), "{}", found.3);
        assert!(found.3.contains(part), "{}", found.3);
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_place() {
        for (text, field, line, column, part) in [
            (
                "company: acme\nsettings:\n  recordin:\n    x: 1\n",
                "settings.recordin",
                3,
                3,
                "`recording`",
            ),
            (
                "company: acme\nmembers:\n  - id: a\n    email: [x]\n",
                "members[0].email",
                4,
                5,
                "`emails`",
            ),
            ("company: acme\nmembers:\n  - id: a\n", "members[0].emails", 3, 5, "missing"),
            ("name: Acme\n", "company", 1, 1, "missing"),
            ("- a\n", "", 1, 1, "keys with values"),
            ("", "", 1, 1, "empty"),
            (
                "company: acme\nsettings:\n  recording:\n    which_meetings: all\n",
                "settings.recording.which_meetings",
                4,
                21,
                "`any_invitee`",
            ),
            (
                "company: acme\nsettings: { recording: { max_duration: long } }\n",
                "settings.recording.max_duration",
                2,
                40,
                "`long`",
            ),
            (
                "company: acme\nsettings: { recording: { require_crm_match: maybe } }\n",
                "settings.recording.require_crm_match",
                2,
                45,
                "`true`",
            ),
            ("company: acme\ncompany: other\n", "company", 2, 1, "second time"),
            ("company: acme\ndomains: acme.example\n", "domains", 2, 10, "a list"),
            ("company: acme\nmembers:\nname: Acme\n", "members", 2, 8, "`[]`"),
            ("company: acme\nname:\n", "name", 2, 5, "nothing"),
            ("company: acme\ndomains: [acme.example\nname: x\n", "", 3, 5, "neither YAML nor JSON"),
            ("company: acme\n---\ncompany: other\n", "", 3, 1, "one company"),
            ("{\"company\": \"acme\",\n \"domain\": []}", "domain", 2, 2, "`domains`"),
        ] {
            wrong(text, field, line, column, part);
        }
    }

    #[test]
    fn a_slip_is_answered_with_what_was_meant() {
        for (text, part) in [
            ("comapny: acme\n", "did you mean `company`? known are"),
            ("company: acme\nTimeZone: UTC\n", "did you mean `time_zone`?"),
            (
                "company: acme\nmembers: [{id: a, emails: [a@a.example], zoom: {license: true}}]\n",
                "`licensed`?",
            ),
            (
                "company: acme\nsettings: {recording: {which_meetings: organiser}}\n",
                "did you mean `organizer`?",
            ),
        ] {
            let message = first(text).3;
            assert!(message.contains(part), "{message}");
        }
        let far = first("company: acme\nbanana: true\n").3;
        assert!(!far.contains("did you mean"), "{far}");
        assert_eq!([slips("abc", "acb"), slips("", "abc"), slips("a-B", "a_b")], [1, 3, 0]);
    }

    #[test]
    fn what_makes_no_sense_is_told_with_its_place() {
        for (text, field, line, column) in [
            ("company: Acme\n", "company", 1, 10),
            ("# a comment\n\ncompany: acme\ntime_zone: Mars/Olympus\n", "time_zone", 4, 12),
            (
                "company: acme\r\ndomains:\r\n- a.example\r\n- 'not a domain'\r\n",
                "domains[1]",
                4,
                3,
            ),
            (
                "company: acme\nmembers:\n- {id: a, emails: [a@a.example]}\n- {id: b, emails: [b@a.example, a@a.example]}\n",
                "members[1].emails[1]",
                4,
                33,
            ),
            (
                "company: acme\nsettings:\n  providers:\n    zooom:\n      enabled: true\n",
                "settings.providers.zooom",
                4,
                5,
            ),
            ("company: acme\nmembers:\n- id: a\n  emails: []\n", "members[0].emails", 4, 3),
            (
                "company: acme\nsettings:\n  recording:\n    notice_guaranteed: 1m\n",
                "settings.recording.obsolete_under",
                3,
                3,
            ),
            (
                "{\"company\": \"acme\", \"crm\": {\n\t\"addresses\": [\"é\", \"x\"]}}",
                "crm.addresses[0]",
                2,
                16,
            ),
        ] {
            wrong(text, field, line, column, "");
        }
    }

    #[test]
    fn every_mistake_is_told_and_each_has_its_line() {
        let text = "company: acme\ntime_zone: Nowhere\ndomains: [a b]\nassistant:\n  - x\n  - y\n";
        let found = read(text).unwrap_err();
        let lines: Vec<_> =
            found.iter().map(|p| (p.field.as_str(), p.place.unwrap().line)).collect();
        assert_eq!(
            lines,
            [("time_zone", 2), ("domains[0]", 3), ("assistant[0]", 5), ("assistant[1]", 6)]
        );
    }

    #[test]
    fn json_is_read_however_it_is_laid_out() {
        for text in [
            "{\"company\":\"acme\",\"name\":\"\\ud83d\\ude00\"}",
            "\u{feff}{\n\t\"company\": \"acme\",\n\t\"name\": \"\u{1f600}\"\n}\n",
        ] {
            assert_eq!(read(text).unwrap().name, "\u{1f600}");
        }
        let mut file = CompanyFile::named("acme");
        file.name = "x".repeat(5_000);
        assert_eq!(read(&file.canonical()).unwrap(), file);
    }

    #[test]
    fn many_comments_and_shared_settings_are_fine() {
        let comments = "# about us\n".repeat(500);
        let mut text = format!("{comments}company: acme\nmembers:\n{comments}");
        text += "- &usual { id: m0, emails: [m0@acme.example], can_request: true }\n";
        for i in 1..1_000 {
            text += &format!("- {{ <<: *usual, id: m{i}, emails: [m{i}@acme.example] }}\n");
        }
        let file = read(&text).unwrap();
        assert!(file.members.len() == 1_000 && file.members.iter().all(|m| m.can_request));
    }

    #[test]
    fn a_file_that_multiplies_itself_is_refused() {
        let long = "x".repeat(100_000);
        let wide = format!("company: acme\nname: &a {long}\ndomains: [{}]\n", "*a, ".repeat(900));
        wrong(&wide, "", 3, 10 + 1 + 41 * 4, "aliases");
        let mut deep = "company: acme\ndomains: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for i in 1..40 {
            deep += &format!("k{i}: &a{i} [{}]\n", format!("*a{}, ", i - 1).repeat(10));
        }
        assert!(first(&deep).3.contains("aliases"));
        assert!(first("company: acme\ndomains: &a [*a]\n").3.contains("aliases"));
        for nested in ["[".repeat(100_000), "{a: ".repeat(100_000), "- ".repeat(100_000)] {
            assert!(read(&format!("company: acme\ndomains: {nested}")).is_err());
            assert!(read(&nested).is_err());
        }
    }

    #[test]
    fn a_name_without_end_costs_no_more_than_its_length() {
        let long = "n".repeat(1_000_000);
        let text = |links: &str| {
            format!(
                "company: acme\nconsent: {{ profiles: {{ ? {long} : {{ links: {{ {links} }} }} }} }}\n"
            )
        };
        let begun = std::time::Instant::now();
        let links: String = (0..20_000).map(|i| format!("p{i}: static, ")).collect();
        // One that cannot be read at its end, and one that can and names no provider.
        let unread = read(&text(&(links.clone() + "q: odd"))).unwrap_err();
        let invalid = read(&text(&links)).unwrap_err();
        for problem in unread.iter().chain(&invalid) {
            assert!(problem.field.len() < 1_000 && problem.message.len() < 1_000);
        }
        assert!(unread[0].message.contains("`odd`"), "{}", unread[0].message);
        assert!(invalid[0].message.contains("255"), "{}", invalid[0].message);
        assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    }
}
