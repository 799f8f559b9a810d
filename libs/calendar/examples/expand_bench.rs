//! Writes a calendar of 10,000 events and measures how fast it is read and laid out.
//!
//! `cargo run --release -p calendar --example expand_bench -- FILE [SEED [EVENTS]]` writes the file
//! and prints the median of five runs; `xtask/bench/calendar_reference.py FILE` measures the
//! bare reference on the same file.
#![expect(clippy::disallowed_methods, reason = "a benchmark has a file and a clock")]
#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use calendar::{Context, Format, Window, expand, parse};
use chrono::{DateTime, TimeDelta};

/// The first instant of the window: 2026-11-02, a Monday.
const FROM: i64 = 1_793_577_600;

/// The window, in days.
const DAYS: i64 = 28;

/// A small generator of numbers: the same seed, the same file, on every machine.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of.get(usize::try_from(self.below(of.len() as u64)).unwrap_or(0))
            .copied()
            .unwrap_or_default()
    }
}

fn generate(seed: u64, events: u64) -> Result<String, std::fmt::Error> {
    const RULES: [&str; 6] = [
        "FREQ=WEEKLY;BYDAY=MO,WE",
        "FREQ=WEEKLY;INTERVAL=2",
        "FREQ=DAILY;COUNT=60",
        "FREQ=MONTHLY;BYDAY=2TU",
        "FREQ=WEEKLY;UNTIL=20261231T225959Z;BYDAY=TU,TH",
        "FREQ=WEEKLY;BYDAY=FR;WKST=SU",
    ];
    const ZONES: [&str; 3] = ["Europe/Berlin", "America/New_York", "Asia/Tokyo"];
    let mut numbers = Numbers(seed.max(1));
    let mut text =
        String::from("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//Bench//EN\r\n");
    for index in 0..events {
        let zone = numbers.pick(&ZONES);
        let recurs = index % 2 == 0;
        // Series began in the half year before the window, single events lie around it.
        let day = if recurs { numbers.below(180) } else { 150 + numbers.below(90) };
        let day = FROM - 180 * 86_400 + i64::try_from(day).unwrap_or(0) * 86_400;
        let date = DateTime::from_timestamp(day, 0).unwrap_or_default().format("%Y%m%d");
        let hour = 8 + numbers.below(9);
        write!(
            text,
            "BEGIN:VEVENT\r\nUID:{index}-{seed}@calendar.example\r\nDTSTAMP:20261001T080000Z\r\n\
             DTSTART;TZID={zone}:{date}T{hour:02}3000\r\nDTEND;TZID={zone}:{date}T{:02}1500\r\n",
            hour + 1
        )?;
        if recurs {
            write!(text, "RRULE:{}\r\n", numbers.pick(&RULES))?;
        }
        write!(
            text,
            "SUMMARY:Meeting {index} about the quarter\r\nSEQUENCE:{}\r\n",
            numbers.below(3)
        )?;
        write!(text, "ORGANIZER;CN=Ada:mailto:ada@ours.example\r\n")?;
        for _ in 0..=numbers.below(4) {
            let person = numbers.below(500);
            write!(
                text,
                "ATTENDEE;CN=Person {person};CUTYPE=INDIVIDUAL;PARTSTAT=ACCEPTED;ROLE=REQ-PARTIC\r\n \
                 IPANT:mailto:person{person}@ours.example\r\n"
            )?;
        }
        write!(
            text,
            "LOCATION:Room {}\r\nDESCRIPTION:Agenda\\n1. numbers\\n2. plans\\n\\nJoin: https://zoom\r\n \
             .us/j/{}?pwd=abcdefghijklmnop\\n\\nSee you there\\, and bring your figures. Where you c\r\n \
             annot come\\, tell us in time\\, so that somebody else may take your place.\r\n\
             STATUS:CONFIRMED\r\nEND:VEVENT\r\n",
            numbers.below(20),
            10_000_000_000 + numbers.below(89_999_999_999)
        )?;
    }
    text.push_str("END:VCALENDAR\r\n");
    Ok(text)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("usage: expand_bench FILE [SEED [EVENTS]]")?;
    let seed = arguments.next().map_or(Ok(7), |seed| seed.parse())?;
    let events = arguments.next().map_or(Ok(10_000), |events| events.parse())?;
    let text = generate(seed, events)?;
    std::fs::write(&file, &text)?;
    let context = Context { floating_zone: "Europe/Berlin" };
    let from = DateTime::from_timestamp(FROM, 0).unwrap_or_default();
    let window = Window { from, to: from + TimeDelta::days(DAYS) };
    let mut runs = Vec::new();
    for _ in 0..5 {
        let began = Instant::now();
        let parsed = parse(Format::ICalendar, text.as_bytes(), &context)?;
        let read = began.elapsed();
        let expansion = expand(&parsed.events, window, &context);
        runs.push((began.elapsed(), read, parsed.events.len(), expansion.occurrences.len()));
    }
    runs.sort_unstable();
    if let [fastest, _, (whole, read, events, occurrences), _, slowest] = runs.as_slice() {
        let ms = |time: &Duration| time.as_secs_f64() * 1e3;
        println!(
            "{} bytes, {events} events, {occurrences} occurrences: median {:.1} ms (reading {:.1} ms), \
             from {:.1} to {:.1} ms",
            text.len(),
            ms(whole),
            ms(read),
            ms(&fastest.0),
            ms(&slowest.0)
        );
    }
    Ok(())
}
