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
        self.laid_out(&self.widths(&self.longest(), width.into()), true, width, colour)
    }

    /// The same, with columns of these widths.
    fn laid_out(&self, widths: &[usize], with_header: bool, width: u16, colour: bool) -> String {
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
        if with_header && self.header.iter().any(|(name, _)| !name.is_empty()) {
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
        for (at, (column, room)) in table.column_iter_mut().zip(widths).enumerate() {
            let gap = if at == last { 0 } else { GAP };
            column.set_padding((0, u16::try_from(gap).unwrap_or_default()));
            let room = u16::try_from(room + gap).unwrap_or(u16::MAX);
            column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(room)));
        }
        table.trim_fmt()
    }

    /// How many characters the longest line of each column has; at least one.
    fn longest(&self) -> Vec<usize> {
        let mut longest: Vec<usize> =
            self.header.iter().map(|(name, _)| name.chars().count().max(1)).collect();
        for row in &self.rows {
            for (longest, (text, _)) in longest.iter_mut().zip(row) {
                let lines = text.lines().map(|line| line.chars().count());
                *longest = lines.chain([*longest]).max().unwrap_or(1);
            }
        }
        longest
    }

    /// How many characters each column gets.
    fn widths(&self, longest: &[usize], width: usize) -> Vec<usize> {
        let longest = |at: usize| longest.get(at).copied().unwrap_or(1);
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

/// A table of any number of rows, of which a page is held at a time.
///
/// What fits on one page is a table like any other. Else columns get all the room they may ever have, and keep it; where a
/// later page has a cell that must not be cut and does not fit, they are laid out anew, under a header of their own.
#[derive(Debug)]
pub(crate) struct Pages {
    page: Table,
    longest: Vec<usize>,
    widths: Vec<usize>,
    width: u16,
    colour: bool,
}

impl Pages {
    /// Rows on a page.
    pub(crate) const ROWS: usize = 500;

    /// A table with these columns, `width` characters wide.
    pub(crate) fn new(page: Table, width: u16, colour: bool) -> Self {
        Self { page, longest: Vec::new(), widths: Vec::new(), width, colour }
    }

    /// One row more; and a page to print, if that made one full.
    pub(crate) fn row(
        &mut self,
        cells: impl IntoIterator<Item = (String, Tone)>,
    ) -> Option<String> {
        self.page.row(cells);
        (self.page.rows.len() >= Self::ROWS).then(|| self.turn())
    }

    /// What is left; none if there is nothing.
    pub(crate) fn rest(&mut self) -> Option<String> {
        if self.page.rows.is_empty() {
            return None;
        }
        if self.widths.is_empty() {
            let text = self.page.draw(self.width, self.colour);
            self.page.rows.clear();
            return Some(text);
        }
        Some(self.turn())
    }

    fn turn(&mut self) -> String {
        let is_first = self.widths.is_empty();
        let longest = self.page.longest();
        self.longest.resize(longest.len(), 0);
        let rooms = self.page.header.iter().map(|(_, room)| room);
        for ((most, here), room) in self.longest.iter_mut().zip(longest).zip(rooms) {
            *most = match room {
                Room::Whole => here.max(*most),
                Room::AtMost(limit) => *limit,
                Room::Rest => usize::from(self.width),
            };
        }
        let widths = self.page.widths(&self.longest, self.width.into());
        let must_grow = widths
            .iter()
            .zip(&self.widths)
            .zip(&self.page.header)
            .any(|((new, held), (_, room))| *room != Room::Rest && new > held);
        let with_header = is_first || must_grow;
        if with_header {
            self.widths = widths;
        }
        let text = self.page.laid_out(&self.widths, with_header, self.width, self.colour);
        self.page.rows.clear();
        if must_grow { format!("\n{text}") } else { text }
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

    fn numbered(pages: &mut Pages, rows: usize, title: &str) -> String {
        let mut text = String::new();
        for n in 0..rows {
            let row = [format!("{n:05}"), title.to_owned(), "short".to_owned()];
            if let Some(page) = pages.row(row.map(|text| (text, Tone::Plain))) {
                text += &(page + "\n");
            }
        }
        text
    }

    fn pages() -> Pages {
        let header = [("Number", Room::Whole), ("Title", Room::Whole), ("Why", Room::Rest)];
        Pages::new(Table::new(&header, 2), 80, false)
    }

    #[test]
    fn a_long_table_has_one_header_and_columns_that_stay_where_they_are() {
        let mut pages = pages();
        let mut text = numbered(&mut pages, 3 * Pages::ROWS, "a title");
        text += &(numbered(&mut pages, 7, "a word") + &pages.rest().unwrap());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2 + 3 * Pages::ROWS + 7);
        assert_eq!(text.matches("Number").count(), 1);
        assert!(lines.iter().skip(2).all(|line| line.find("short") == Some(17)), "{text}");
        assert!(pages.rest().is_none());
    }

    #[test]
    fn what_must_not_be_cut_is_given_room_under_a_header_of_its_own() {
        let mut pages = pages();
        let mut text = numbered(&mut pages, Pages::ROWS, "a title");
        text += &numbered(&mut pages, Pages::ROWS, "a title that is longer");
        text += &numbered(&mut pages, Pages::ROWS, "a title");
        assert_eq!(text.matches("Number").count(), 2);
        assert_eq!(text.matches("a title that is longer").count(), Pages::ROWS);
    }

    #[test]
    fn a_page_is_given_out_when_it_is_full_and_not_kept() {
        let mut pages = pages();
        assert_eq!(numbered(&mut pages, Pages::ROWS - 1, "a"), "");
        assert_ne!(numbered(&mut pages, 1, "a"), "");
        assert!(pages.page.rows.is_empty());
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
