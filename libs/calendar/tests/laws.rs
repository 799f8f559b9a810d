//! What holds for every input: no panic, and no effect of the order in which things come.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use calendar::{Context, Event, Format, Window, expand, parse};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

const BERLIN: Context<'static> = Context { floating_zone: "Europe/Berlin" };

fn window(from: i64, days: i64) -> Window {
    let from = DateTime::<Utc>::from_timestamp(from, 0).unwrap_or_default();
    Window { from, to: from + TimeDelta::days(days) }
}

fn survives(format: Format, bytes: &[u8]) {
    if let Ok(parsed) = parse(format, bytes, &BERLIN) {
        let stored = serde_json::to_string(&parsed.events).unwrap();
        let back: Vec<Event> = serde_json::from_str(&stored).unwrap();
        assert_eq!(back, parsed.events);
        for (from, days) in [(1_767_225_600, 400), (-62_135_596_800, 400), (253_370_764_800, 366)] {
            let window = window(from, days);
            for one in expand(&parsed.events, window, &BERLIN).occurrences {
                assert!(window.from <= one.start && one.start < window.to);
                assert!(one.end.is_none_or(|end| end > one.start));
            }
        }
    }
}

fn moment() -> impl Strategy<Value = String> {
    let day = prop_oneof![
        Just("20260105".to_owned()),
        Just("20260106".to_owned()),
        Just("20260329".to_owned()),
        Just("20261025".to_owned()),
        Just("00010101".to_owned()),
        Just("99991231".to_owned()),
        "[0-9]{8}",
    ];
    let time = prop_oneof![
        Just(String::new()),
        Just("T090000".to_owned()),
        Just("T023000".to_owned()),
        Just("T080000Z".to_owned()),
        Just("T235959Z".to_owned()),
    ];
    let zone = prop_oneof![
        Just(":"),
        Just(";TZID=Europe/Berlin:"),
        Just(";TZID=Eastern Standard Time:"),
        Just(";TZID=Mine:"),
        Just(";VALUE=DATE:"),
    ];
    (zone, day, time).prop_map(|(zone, day, time)| format!("{zone}{day}{time}"))
}

fn rule() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just("COUNT=5".to_owned()),
        Just("COUNT=4000000000".to_owned()),
        Just("UNTIL=20260301".to_owned()),
        Just("UNTIL=20260301T080000Z".to_owned()),
        (0..1_002_u32).prop_map(|interval| format!("INTERVAL={interval}")),
        Just("BYDAY=MO,-1FR,2TU".to_owned()),
        Just("BYMONTHDAY=-1,31,15".to_owned()),
        Just("BYSETPOS=-1,2,366".to_owned()),
        Just("BYWEEKNO=1,53,-1".to_owned()),
        Just("BYYEARDAY=366,-366".to_owned()),
        Just("BYHOUR=0,23".to_owned()),
        Just("WKST=SU".to_owned()),
    ];
    let frequency =
        prop_oneof![Just("DAILY"), Just("WEEKLY"), Just("MONTHLY"), Just("YEARLY"), Just("HOURLY")];
    (frequency, prop::collection::vec(part, 0..4))
        .prop_map(|(frequency, parts)| format!("FREQ={frequency};{}", parts.join(";")))
}

fn component() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        moment().prop_map(|at| format!("DTEND{at}")),
        moment().prop_map(|at| format!("RECURRENCE-ID{at}")),
        moment().prop_map(|at| format!("RECURRENCE-ID;RANGE=THISANDFUTURE{at}")),
        moment().prop_map(|at| format!("EXDATE{at}")),
        moment().prop_map(|at| format!("RDATE{at}")),
        rule().prop_map(|rule| format!("RRULE:{rule}")),
        rule().prop_map(|rule| format!("EXRULE:{rule}")),
        (0..3_u8).prop_map(|number| format!("SEQUENCE:{number}")),
        Just("STATUS:CANCELLED".to_owned()),
        Just("CLASS:PRIVATE".to_owned()),
        Just("DURATION:P1DT1H".to_owned()),
        Just("DTSTAMP:20260101T000000Z".to_owned()),
        (0..3_u8).prop_map(|number| format!("SUMMARY:{number}")),
        Just("ORGANIZER:mailto:ada@ours.example".to_owned()),
    ];
    let uid = prop_oneof![Just("UID:a\n"), Just("UID:b\n"), Just("")];
    (uid, moment(), prop::collection::vec(line, 0..6)).prop_map(|(uid, start, lines)| {
        format!("BEGIN:VEVENT\n{uid}DTSTART{start}\n{}\nEND:VEVENT\n", lines.join("\n"))
    })
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        Format::detect(&bytes);
        for format in [Format::ICalendar, Format::Google, Format::Microsoft] {
            survives(format, &bytes);
        }
    }

    #[test]
    fn bent_components_never_panic(
        components in prop::collection::vec(component(), 1..6),
        cut in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = components.concat().into_bytes();
        survives(Format::ICalendar, &bytes);
        let at = cut.index(bytes.len());
        bytes[at] = byte;
        survives(Format::ICalendar, &bytes);
    }

    #[test]
    fn the_order_of_components_does_not_matter(
        (components, shuffled) in prop::collection::vec(component(), 1..7).prop_flat_map(|components| {
            (Just(components.clone()), Just(components).prop_shuffle())
        }),
    ) {
        let laid_out = |components: &[String]| {
            let text = format!("BEGIN:VCALENDAR\n{}END:VCALENDAR\n", components.concat());
            let parsed = parse(Format::ICalendar, text.as_bytes(), &BERLIN).unwrap();
            expand(&parsed.events, window(1_767_225_600, 365), &BERLIN)
        };
        prop_assert_eq!(laid_out(&components), laid_out(&shuffled));
    }

    #[test]
    fn a_window_cut_in_two_gives_the_same(
        components in prop::collection::vec(component(), 1..5),
        cut in 1..364_i64,
    ) {
        let parsed = parse(Format::ICalendar, components.concat().as_bytes(), &BERLIN).unwrap();
        let from = 1_767_225_600;
        let laid_out = |from: i64, days: i64| expand(&parsed.events, window(from, days), &BERLIN).occurrences;
        let whole = laid_out(from, 365);
        // A series that reaches its bound is bounded in each window by itself.
        prop_assume!(whole.len() < 900);
        let mut parts = laid_out(from, cut);
        parts.extend(laid_out(from + cut * 86_400, 365 - cut));
        prop_assert_eq!(whole, parts);
    }
}
