//! What is printed: data on standard output, warnings and progress on standard error.

pub(crate) mod calls;
pub(crate) mod csv;
pub(crate) mod json;
pub(crate) mod progress;
pub(crate) mod redecisions;
pub(crate) mod report;
pub(crate) mod simulation;
pub(crate) mod table;

use std::io::{self, BufWriter, IsTerminal as _, StdoutLock, Write as _};

use serde::Serialize;

use crate::args::{Format, Printed};
use crate::error::Error;
use table::{Pages, Table};

/// Columns of a table where nobody says how many there are.
const WIDTH: u16 = 120;
/// Tables are no narrower and no wider than this, whatever the terminal is.
const WIDTHS: std::ops::RangeInclusive<u16> = 80..=200;

/// Standard output, for one command.
#[derive(Debug)]
pub(crate) struct Output {
    format: Format,
    /// Columns of a table.
    pub(crate) width: u16,
    colour: bool,
    out: BufWriter<StdoutLock<'static>>,
}

impl Output {
    /// As the arguments say.
    pub(crate) fn new(printed: Printed) -> Self {
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        Self {
            format: printed.format,
            width: width(terminal),
            colour: terminal && colours_wanted(),
            out: BufWriter::new(stdout.lock()),
        }
    }

    /// Whether programs read it.
    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// An object on a line of its own.
    pub(crate) fn json(&mut self, object: &impl Serialize) -> Result<(), Error> {
        serde_json::to_writer(&mut self.out, object).map_err(io::Error::from)?;
        self.out.write_all(b"\n")?;
        Ok(())
    }

    /// A table, as wide as there is room.
    pub(crate) fn table(&mut self, table: &Table) -> Result<(), Error> {
        let text = table.draw(self.width, self.colour);
        self.line(&text)
    }

    /// A table of which a page is held at a time, as wide as there is room.
    pub(crate) fn pages(&self, table: Table) -> Pages {
        Pages::new(table, self.width, self.colour)
    }

    /// A page of such a table, shown now.
    pub(crate) fn page(&mut self, page: Option<String>) -> Result<(), Error> {
        if let Some(text) = page {
            self.line(&text)?;
            self.flush()?;
        }
        Ok(())
    }

    /// A line, or several.
    pub(crate) fn line(&mut self, text: &str) -> Result<(), Error> {
        writeln!(self.out, "{text}")?;
        Ok(())
    }

    /// Shows now what was printed so far.
    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        self.out.flush()?;
        Ok(())
    }
}

/// Says something on standard error.
pub(crate) fn tell(text: &str) {
    // There is nobody left to tell that standard error cannot be written.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Whether the environment has nothing against colours.
pub(crate) fn colours_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty())
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

fn width(terminal: bool) -> u16 {
    let told = if terminal {
        terminal_size::terminal_size().map(|(width, _)| width.0)
    } else {
        std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok())
    };
    told.unwrap_or(WIDTH).clamp(*WIDTHS.start(), *WIDTHS.end())
}
