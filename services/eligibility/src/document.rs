//! A company file as text: read, checked, and its mistakes found again by line and column.

use std::collections::HashMap;

use decision::CompanyFile;
use serde_saphyr::granit_parser::{Event, Parser, options as parser_options};
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
    let bounds = options! {
        // A file of the size that is taken has fewer nodes than that; an alias may repeat a few settings, no more.
        budget: budget! {
            max_events: 8_000_000,
            max_nodes: 4_000_000,
            max_depth: 32,
            max_documents: 2,
            max_total_scalar_bytes: 2 * LIMIT,
            max_anchors: 1_000,
            max_aliases: 1_000,
            max_merge_keys: 1_000,
            max_recorded_anchor_events: 100_000,
        },
        alias_limits: alias_limits! {
            max_total_replayed_events: 100_000,
            max_replay_stack_depth: 8,
        },
        emit_comments: false,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, bounds).map_err(|error| problem(text, &error))
}

#[allow(clippy::wildcard_enum_match_arm, reason = "the enum is foreign and grows")]
fn problem(text: &str, error: &Error) -> Problem {
    let place = error
        .location()
        .filter(|location| location.line() > 0)
        .map(|location| Place { line: location.line(), column: location.column() });
    let mut field = place.map(|place| path_at(text, place)).unwrap_or_default();
    let message = match error.without_snippet() {
        Error::Message { msg, .. } => msg.clone(),
        Error::SerdeUnknownField { field: key, expected, .. } => {
            format!("`{key}` is no key here; known are {}", listed(expected))
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            format!("`{variant}` is no value here; write one of {}", listed(expected))
        }
        Error::SerdeMissingField { field: key, .. } => {
            let holder = if field.is_empty() { "the file" } else { field.as_str() };
            let message = format!("`{key}` is missing in {holder}; add it");
            let dot = if field.is_empty() { "" } else { "." };
            field.push_str(dot);
            field.push_str(key);
            message
        }
        Error::SerdeInvalidType { unexpected, expected, .. }
        | Error::SerdeInvalidValue { unexpected, expected, .. } => {
            format!("here stands {unexpected}; write {expected}")
        }
        Error::DuplicateMappingKey { key, .. } => match key {
            Some(key) => format!("`{key}` stands here for the second time; remove one of them"),
            None => "a key stands here for the second time; remove one of them".to_owned(),
        },
        Error::MultipleDocuments { .. } => {
            "a second document begins here; a file declares one company".to_owned()
        }
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            "the file is nested too deeply or repeats itself too often by aliases; write it out plainly"
                .to_owned()
        }
        other => other.render(),
    };
    Problem { field, place, message }
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The field whose key or value stands at a place, or begins last before it.
fn path_at(text: &str, wanted: Place) -> String {
    let mut last = String::new();
    walk(text, |path, place, _| {
        let goes_on = place <= wanted;
        if goes_on {
            path.clone_into(&mut last);
        }
        goes_on
    });
    last
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
fn walk(text: &str, mut visit: impl FnMut(&str, Place, Part) -> bool) {
    let mut path = String::new();
    let mut inside: Vec<Inside> = Vec::new();
    let settings = parser_options! { emit_comments: false };
    for next in Parser::new_from_str_with_options(text, settings) {
        let Ok((event, span)) = next else { return };
        let place = Place {
            line: u64::try_from(span.start.line()).unwrap_or(u64::MAX),
            column: u64::try_from(span.start.col()).unwrap_or(u64::MAX).saturating_add(1),
        };
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
                path.push_str(scalar.unwrap_or("?"));
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
