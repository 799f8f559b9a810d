//! `callsheet links`: conference links in a text.

use std::path::Path;

use conference::{Kind, Wrapper};

use crate::args::Links;
use crate::error::Error;
use crate::input;
use crate::output::table::{Room, Table, Tone};
use crate::output::{Output, json, tell};

pub(crate) fn run(arguments: &Links) -> Result<(), Error> {
    let text = match arguments.text.as_deref() {
        Some(text) if text != "-" => text.to_owned(),
        // Bytes that are no text hold no links, and do not hide those around them.
        Some(_) | None => match input::read(Path::new("-"), input::TEXT) {
            Ok(payload) => String::from_utf8_lossy(&payload.bytes).into_owned(),
            Err(Error::Empty { .. }) => String::new(),
            Err(error) => return Err(error),
        },
    };
    if text.len() > conference::MAX_TEXT {
        let (all, read) = (text.len(), conference::MAX_TEXT);
        tell(&format!(
            "warning: the text has {all} bytes, of which the first {read} are looked at"
        ));
    }
    let mut links = conference::find(&text);
    // In each group they stay in the order of the text.
    links.sort_by_key(|link| confidence(&link.kind));

    let mut output = Output::new(arguments.printed);
    if output.is_json() {
        for link in links {
            output.json(&json::Link {
                provider: link.name(),
                id: link.id().map(str::to_owned),
                unwrapped: link.unwrapped.iter().map(|wrapper| wrapper.as_str()).collect(),
                url: link.url,
            })?;
        }
    } else if links.is_empty() {
        tell("no conference links found");
    } else {
        let mut table = Table::new(
            &[
                ("Provider", Room::Whole),
                ("What", Room::Whole),
                ("Id", Room::Rest),
                ("URL", Room::Rest),
                ("Unwrapped", Room::AtMost(20)),
            ],
            20,
        );
        for link in links {
            let (what, tone) = told(&link.kind);
            let unwrapped: Vec<&str> =
                link.unwrapped.iter().copied().map(Wrapper::as_str).collect();
            table.row([
                (link.name().to_owned(), Tone::Plain),
                (what.to_owned(), tone),
                (link.id().unwrap_or("–").to_owned(), Tone::Plain),
                (link.url.clone(), Tone::Plain),
                (unwrapped.join(", "), Tone::Quiet),
            ]);
        }
        output.table(&table)?;
    }
    output.flush()
}

/// How sure it is that there is a call to join: 0 for very.
fn confidence(kind: &Kind) -> u8 {
    match kind {
        Kind::Join { .. } => 0,
        Kind::Consent { .. } => 1,
        Kind::Unsupported { .. } => 2,
        Kind::NoMeetingId { .. } => 3,
        Kind::Undecodable { .. } => 4,
    }
}

fn told(kind: &Kind) -> (&'static str, Tone) {
    match kind {
        Kind::Join { .. } => ("join", Tone::Good),
        Kind::Consent { .. } => ("consent page", Tone::Waiting),
        Kind::Unsupported { .. } => ("not supported", Tone::Bad),
        Kind::NoMeetingId { .. } => ("no meeting id", Tone::Bad),
        Kind::Undecodable { .. } => ("undecodable", Tone::Bad),
    }
}
