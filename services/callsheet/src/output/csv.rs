//! Reports for spreadsheets: comma-separated values as RFC 4180 has them.

use std::io::{self, StdoutLock, Write};

use csv::{Terminator, Writer, WriterBuilder};

use crate::error::Error;
use crate::output::table::printable;

/// Lines of values, written as they come.
#[derive(Debug)]
pub(crate) struct Csv<W: Write>(Writer<W>);

impl Csv<StdoutLock<'static>> {
    /// On standard output, beginning with the names of the columns.
    pub(crate) fn new(header: &[&str]) -> Result<Self, Error> {
        Self::to(io::stdout().lock(), header)
    }
}

impl<W: Write> Csv<W> {
    fn to(out: W, header: &[&str]) -> Result<Self, Error> {
        let mut csv = Self(WriterBuilder::new().terminator(Terminator::CRLF).from_writer(out));
        csv.line(header.iter().map(|name| (*name).to_owned()))?;
        Ok(csv)
    }

    /// One line more. What comes from elsewhere is text to whoever reads it, and nothing else.
    pub(crate) fn line(&mut self, cells: impl IntoIterator<Item = String>) -> Result<(), Error> {
        self.0.write_record(cells.into_iter().map(guarded)).map_err(failed)
    }

    /// Writes out all that is left.
    pub(crate) fn end(mut self) -> Result<(), Error> {
        Ok(self.0.flush()?)
    }
}

/// A cell that no spreadsheet takes for a formula, and no terminal for a command.
///
/// Whatever begins with a sign that begins a formula somewhere gets an apostrophe in front, and so does what begins with an
/// apostrophe: taking one away where there is one gives what was there.
fn guarded(text: String) -> String {
    const SIGNS: [char; 9] = ['=', '+', '-', '@', '\'', '＝', '＋', '－', '＠'];
    let text = printable(&text);
    // Some read on behind spaces and line breaks.
    if text.trim_start().starts_with(SIGNS) { format!("'{text}") } else { text }
}

/// What went wrong while writing; a pipe nobody reads any more is still one.
fn failed(error: csv::Error) -> Error {
    let told = error.to_string();
    Error::Write(if let csv::ErrorKind::Io(error) = error.into_kind() {
        error
    } else {
        io::Error::other(told)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(cells: &[&str]) -> String {
        let mut csv = Csv::to(Vec::new(), &["a", "b"]).unwrap();
        csv.line(cells.iter().map(|cell| (*cell).to_owned())).unwrap();
        String::from_utf8(csv.0.into_inner().unwrap()).unwrap()
    }

    #[test]
    fn lines_end_and_cells_are_quoted_as_the_standard_says() {
        assert_eq!(written(&["1", "x"]), "a,b\r\n1,x\r\n");
        assert_eq!(written(&["a,b", "say \"hi\""]), "a,b\r\n\"a,b\",\"say \"\"hi\"\"\"\r\n");
        assert_eq!(written(&["one\ntwo", ""]), "a,b\r\n\"one\ntwo\",\r\n");
    }

    #[test]
    fn no_title_is_a_formula() {
        for formula in ["=1+1", "+49 30", "-2", "@SUM(A1)", "\t=1", " =1", "\r\n=1", "＝1"] {
            let cell = guarded(formula.to_owned());
            assert!(cell.starts_with('\''), "{formula:?}: {cell:?}");
        }
        assert_eq!(guarded("'til Friday".to_owned()), "''til Friday");
        assert_eq!(guarded("Offer = price".to_owned()), "Offer = price");
        assert_eq!(guarded("a\x1b[31mb".to_owned()), "a [31mb");
    }
}
