//! Tables for people.

use comfy_table::{
    Attribute, Cell, Color, ColumnConstraint, ContentArrangement, LineStyle, Row, TableStyle, Width,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// As much as its longest cell.
    Whole,
    /// The same, but at most this many characters.
    AtMost(usize),
    /// What the others leave.
    Rest,
}

/// Characters between two columns.
const GAP: usize = 2;
/// What shares the rest gets no less than this, even if the table is too wide then.
const LEAST: usize = 16;

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
                    .header_separator(LineStyle::none().fill('─'))
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
        let last = self.header.len().saturating_sub(1);
        let widths = self.widths(width.into());
        for (at, (column, room)) in table.column_iter_mut().zip(widths).enumerate() {
            let gap = if at == last { 0 } else { GAP };
            column.set_padding((0, u16::try_from(gap).unwrap_or_default()));
            let room = u16::try_from(room + gap).unwrap_or(u16::MAX);
            column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(room)));
        }
        table.trim_fmt()
    }

    /// How many characters each column gets.
    fn widths(&self, width: usize) -> Vec<usize> {
        let longest = |at: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(at));
            let lines = cells.flat_map(|(text, _)| text.lines()).map(|line| line.chars().count());
            let name = self.header.get(at).map_or(0, |(name, _)| name.len());
            lines.chain([name]).max().unwrap_or_default().max(1)
        };
        let mut widths: Vec<usize> = self
            .header
            .iter()
            .enumerate()
            .map(|(at, (_, room))| match room {
                Room::Whole => longest(at),
                Room::AtMost(most) => longest(at).min(*most),
                Room::Rest => 0,
            })
            .collect();
        // The narrow ones first: what they do not need is for the others.
        let mut rest: Vec<(usize, usize)> = self
            .header
            .iter()
            .enumerate()
            .filter(|(_, (_, room))| *room == Room::Rest)
            .map(|(at, _)| (longest(at), at))
            .collect();
        rest.sort_unstable();
        let taken: usize = widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
        let mut left = width.saturating_sub(taken);
        let mut sharing = rest.len();
        for (longest, at) in rest {
            let share = longest.min((left / sharing.max(1)).max(LEAST));
            left = left.saturating_sub(share);
            sharing -= 1;
            if let Some(width) = widths.get_mut(at) {
                *width = share;
            }
        }
        widths
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
            &[("Start", Room::Whole), ("Title", Room::AtMost(24)), ("Why", Room::Rest)],
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
