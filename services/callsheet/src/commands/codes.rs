//! `callsheet codes`: the catalogue of skip codes.

use decision::SkipCode;

use crate::args::Codes;
use crate::error::Error;
use crate::output::calls::first_sentence;
use crate::output::table::{Room, Table, Tone};
use crate::output::{Output, json};

/// From this many columns on there is room for phase and rank.
const WIDE: u16 = 110;

pub(crate) fn run(arguments: &Codes) -> Result<(), Error> {
    let mut output = Output::new(arguments.printed);
    let wanted = |code: &&SkipCode| arguments.only.is_empty() || arguments.only.contains(code);
    let codes = SkipCode::ALL.iter().copied().filter(|code| wanted(&code));
    if output.is_json() {
        for code in codes {
            output.json(&json::Code::from(code))?;
        }
    } else if arguments.only.is_empty() {
        let wide = output.width >= WIDE;
        let meaning = ("What it means", Room::Rest);
        let mut table = if wide {
            let whole = |name| (name, Room::Whole);
            Table::new(
                &[whole("Code"), whole("Phase"), whole("Rank"), whole("Lifted by"), meaning],
                2,
            )
        } else {
            Table::new(&[("Code", Room::Whole), ("Lifted by", Room::Whole), meaning], 3)
        };
        for code in codes {
            let meta = code.meta();
            let mut cells = vec![
                (code.as_str().to_owned(), Tone::Plain),
                (meta.phase.to_string(), Tone::Quiet),
                (meta.rank.to_string(), Tone::Quiet),
                (meta.lifted_by.to_string(), Tone::Quiet),
                (first_sentence(meta.description).to_owned(), Tone::Plain),
            ];
            if !wide {
                cells.drain(1..3);
            }
            table.row(cells);
        }
        output.table(&table)?;
        output.line("\n`callsheet codes CODE` tells all about one of them.")?;
    } else {
        for (index, code) in codes.enumerate() {
            if index > 0 {
                output.line("")?;
            }
            output.table(&whole(code))?;
        }
    }
    output.flush()
}

/// All about one code, as a table without a header.
fn whole(code: SkipCode) -> Table {
    let meta = code.meta();
    let mut table = Table::new(&[("", Room::Whole), ("", Room::Rest)], usize::MAX);
    let mut row = |name: &str, value: &str| {
        table.row([(name.to_owned(), Tone::Quiet), (value.to_owned(), Tone::Plain)]);
    };
    row("Code", code.as_str());
    row("Table", meta.table.as_str());
    row("Phase", meta.phase.as_str());
    row("Rank", &meta.rank.to_string());
    row("Lifted by", meta.lifted_by.as_str());
    row("Twin", meta.twin.map_or("–", SkipCode::as_str));
    row("Who can act", meta.who_can_act.as_str());
    row("Worth a retry", if meta.retryable { "yes" } else { "no" });
    row("What it means", meta.description);
    row("What to do", meta.remedy);
    table
}
