//! Tables for people.

use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, LineStyle, Row,
    TableStyle, Width,
};

/// What a cell stands for, shown as a colour on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Nothing in particular.
    Plain,
    /// It is as it should be.
    Good,
    /// Somebody may want to act.
    Bad,
    /// It may change yet.
    Waiting,
    /// It matters less.
    Quiet,
}

/// The room a column gets.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Room {
    /// As much as its longest cell, never wrapped.
    Whole,
    /// At least this many characters.
    AtLeast(u16),
    /// At most this many characters.
    AtMost(u16),
    /// What is left.
    Rest,
}

/// A table in the making.
#[derive(Debug)]
pub(crate) struct Table {
    header: Vec<(&'static str, Room)>,
    rows: Vec<Vec<(String, Tone)>>,
    tallest: usize,
}

impl Table {
    /// With these columns. A row has at most `tallest` lines; what does not fit ends in `…`.
    pub(crate) fn new(header: &[(&'static str, Room)], tallest: usize) -> Self {
        Self { header: header.to_vec(), rows: Vec::new(), tallest }
    }

    /// One row more. Characters that would move the cursor or change colours are taken out.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = (String, Tone)>) {
        self.rows.push(cells.into_iter().map(|(text, tone)| (printable(&text), tone)).collect());
    }

    /// The table as text, `width` characters wide at most where that is possible.
    pub(crate) fn draw(&self, width: u16, colour: bool) -> String {
        let mut table = comfy_table::Table::new();
        table
            .load_style(
                TableStyle::new()
                    .header_lines(comfy_table::ContentLineStyle::none())
                    .header_separator(LineStyle::none().fill('─').junction('─'))
                    .content_lines(comfy_table::ContentLineStyle::none()),
            )
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_truncation_indicator("…")
            .set_width(width);
        if colour {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        if self.header.iter().any(|(name, _)| !name.is_empty()) {
            table.set_header(
                self.header.iter().map(|(name, _)| Cell::new(name).add_attribute(Attribute::Bold)),
            );
        }
        for cells in &self.rows {
            let mut row: Row = cells.iter().map(|(text, tone)| cell(text, *tone)).into();
            row.max_height(self.tallest);
            table.add_row(row);
        }
        for (column, (_, room)) in table.column_iter_mut().zip(&self.header) {
            column.set_padding((0, 2)).set_cell_alignment(CellAlignment::Left);
            match room {
                Room::Whole => {
                    column.set_constraint(ColumnConstraint::ContentWidth);
                }
                // The padding counts too.
                Room::AtLeast(room) => {
                    column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(room + 2)));
                }
                Room::AtMost(room) => {
                    column.set_constraint(ColumnConstraint::UpperBoundary(Width::Fixed(room + 2)));
                }
                Room::Rest => {}
            }
        }
        table.trim_fmt()
    }
}

fn cell(text: &str, tone: Tone) -> Cell {
    let cell = Cell::new(text);
    match tone {
        Tone::Plain => cell,
        Tone::Good => cell.fg(Color::Green),
        Tone::Bad => cell.fg(Color::Yellow),
        Tone::Waiting => cell.fg(Color::Cyan),
        Tone::Quiet => cell.add_attribute(Attribute::Dim),
    }
}

/// A text from elsewhere, fit for a terminal: no control characters, no changes of direction.
pub(crate) fn printable(text: &str) -> String {
    let fit = |c: char| match c {
        '\n' => '\n',
        c if c.is_control() => ' ',
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => ' ',
        c => c,
    };
    text.chars().map(fit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(
            &[("Start", Room::Whole), ("Title", Room::AtLeast(10)), ("Why", Room::Rest)],
            2,
        );
        for n in 0..3 {
            table.row([
                (format!("Mon 02 Mar 1{n}:00"), Tone::Plain),
                ("A rather long title of a meeting with somebody else".to_owned(), Tone::Plain),
                ("word ".repeat(60), Tone::Bad),
            ]);
        }
        table
    }

    #[test]
    fn a_table_is_never_wider_than_told() {
        for width in [80, 100, 140, 200] {
            let text = table().draw(width, false);
            for line in text.lines() {
                assert!(line.chars().count() <= usize::from(width), "{width}: {line}");
            }
        }
    }

    #[test]
    fn a_row_is_no_taller_than_told() {
        assert_eq!(table().draw(80, false).lines().count(), 2 + 3 * 2);
        assert!(table().draw(80, false).contains('…'));
    }

    #[test]
    fn there_are_no_colours_unless_wanted() {
        assert!(!table().draw(80, false).contains('\x1b'));
        assert!(table().draw(80, true).contains('\x1b'));
    }

    #[test]
    fn a_title_cannot_speak_to_the_terminal() {
        assert_eq!(printable("a\x1b[31mb\u{202e}c\td"), "a [31mb c d");
    }
}
