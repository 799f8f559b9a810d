//! What calendars in use get wrong, and what is made of it.
#![expect(clippy::disallowed_methods, reason = "a test measures how long it takes")]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use calendar::{
    Context, Error, Event, Expansion, Field, Format, Limits, Occurrence, Parsed, Participation,
    PersonKind, Reason, Sensitivity, Severity, Status, Window, expand, parse, parse_within,
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

const BERLIN: Context<'static> = Context { floating_zone: "Europe/Berlin" };

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The year 2026.
fn year() -> Window {
    Window { from: utc("2026-01-01T00:00:00Z"), to: utc("2027-01-01T00:00:00Z") }
}

/// A VEVENT of these lines.
fn event(lines: &[&str]) -> String {
    format!("BEGIN:VEVENT\n{}\nEND:VEVENT\n", lines.join("\n"))
}

fn calendar(text: &str) -> Parsed {
    parse(Format::ICalendar, format!("BEGIN:VCALENDAR\n{text}END:VCALENDAR\n").as_bytes(), &BERLIN)
        .unwrap()
}

fn laid_out(events: &[Event]) -> Expansion {
    expand(events, year(), &BERLIN)
}

fn occurrences(text: &str) -> Vec<Occurrence> {
    laid_out(&calendar(text).events).occurrences
}

/// Starts as `MM-DDTHH:MM`, in UTC.
fn starts(text: &str) -> Vec<String> {
    told(&occurrences(text))
}

fn told(occurrences: &[Occurrence]) -> Vec<String> {
    occurrences.iter().map(|one| one.start.format("%m-%dT%H:%M").to_string()).collect()
}

fn google(value: &Value) -> Parsed {
    parse(Format::Google, value.to_string().as_bytes(), &BERLIN).unwrap()
}

fn microsoft(value: &Value) -> Parsed {
    parse(Format::Microsoft, value.to_string().as_bytes(), &BERLIN).unwrap()
}

fn reasons(parsed: &Parsed) -> Vec<Reason> {
    parsed.problems.iter().map(|problem| problem.reason).collect()
}

const DAILY: [&str; 4] = [
    "UID:series",
    "DTSTART;TZID=Europe/Berlin:20260105T090000",
    "DTEND;TZID=Europe/Berlin:20260105T100000",
    "RRULE:FREQ=DAILY;COUNT=4",
];

fn with(lines: &[&str], more: &[&str]) -> String {
    event(&[lines, more].concat())
}

#[test]
fn a_moved_occurrence_leaves_its_slot_whatever_its_sequence() {
    for sequence in ["0", "9"] {
        let moved = event(&[
            "UID:series",
            &format!("SEQUENCE:{sequence}"),
            "RECURRENCE-ID:20260106T080000Z",
            "DTSTART;TZID=Europe/Berlin:20260106T150000",
        ]);
        let series = with(&DAILY, &["SEQUENCE:5"]);
        // The override may stand before its master.
        for text in [format!("{series}{moved}"), format!("{moved}{series}")] {
            let found = occurrences(&text);
            assert_eq!(told(&found), ["01-05T08:00", "01-06T14:00", "01-07T08:00", "01-08T08:00"]);
            assert_eq!(found[1].recurrence_id, Some(utc("2026-01-06T08:00:00Z")));
        }
    }
}

#[test]
fn an_override_of_another_meeting_replaces_nothing() {
    let other = event(&[
        "UID:other",
        "SEQUENCE:9",
        "RECURRENCE-ID:20260106T080000Z",
        "DTSTART:20260106T140000Z",
    ]);
    assert_eq!(occurrences(&(event(&DAILY) + &other)).len(), 5);
}

#[test]
fn an_override_without_master_is_planned() {
    let alone = event(&[
        "UID:series",
        "RECURRENCE-ID;TZID=Europe/Berlin:20260106T090000",
        "DTSTART;TZID=Europe/Berlin:20260106T100000",
    ]);
    let found = occurrences(&alone);
    assert_eq!(told(&found), ["01-06T09:00"]);
    assert_eq!(found[0].recurrence_id, Some(utc("2026-01-06T08:00:00Z")));
}

#[test]
fn an_occurrence_that_moves_into_the_window_is_found() {
    let moved = event(&[
        "UID:series",
        "RECURRENCE-ID;TZID=Europe/Berlin:20251201T090000",
        "DTSTART;TZID=Europe/Berlin:20260203T090000",
    ]);
    let series = event(&[
        "UID:series",
        "DTSTART;TZID=Europe/Berlin:20251201T090000",
        "RRULE:FREQ=DAILY;COUNT=2",
    ]);
    let found = occurrences(&(series + &moved));
    assert_eq!(told(&found), ["02-03T08:00"]);
    assert_eq!(found[0].recurrence_id, Some(utc("2025-12-01T08:00:00Z")));
}

#[test]
fn a_cancelled_occurrence_is_marked_and_an_excluded_one_is_gone() {
    let cancelled = event(&[
        "UID:series",
        "RECURRENCE-ID;TZID=Europe/Berlin:20260106T090000",
        "DTSTART;TZID=Europe/Berlin:20260106T090000",
        "STATUS:CANCELLED",
    ]);
    let found =
        occurrences(&(with(&DAILY, &["EXDATE;TZID=Europe/Berlin:20260107T090000"]) + &cancelled));
    assert_eq!(told(&found), ["01-05T08:00", "01-06T08:00", "01-08T08:00"]);
    let marks: Vec<_> = found.iter().map(|one| one.cancelled).collect();
    assert_eq!(marks, [false, true, false]);
}

#[test]
fn exceptions_count_in_every_form() {
    for exception in [
        "EXDATE;VALUE=DATE:20260106",
        "EXDATE:20260106T080000Z",
        "EXDATE:20260106T090000",
        "EXDATE;TZID=America/New_York:20260106T030000",
        "EXDATE;TZID=\"W. Europe Standard Time\":20260106T090000",
        "EXRULE:FREQ=WEEKLY;BYDAY=TU",
    ] {
        let found = starts(&with(&DAILY, &[exception]));
        assert_eq!(found, ["01-05T08:00", "01-07T08:00", "01-08T08:00"], "{exception}");
    }
}

#[test]
fn extra_dates_count_in_every_form_and_only_once() {
    for date in [
        "RDATE;VALUE=DATE:20260110",
        "RDATE:20260110T080000Z,20260106T080000Z",
        "RDATE;TZID=Europe/Berlin:20260110T090000",
        "RDATE;VALUE=PERIOD:20260110T080000Z/PT2H",
    ] {
        let found = starts(&with(&DAILY, &[date]));
        assert_eq!(found.len(), 5, "{date}");
        assert_eq!(found[4], "01-10T08:00", "{date}");
    }
    let period = occurrences(&with(&DAILY, &["RDATE;VALUE=PERIOD:20260110T080000Z/PT2H"]));
    assert_eq!(period[4].end, Some(utc("2026-01-10T10:00:00Z")));
}

#[test]
fn until_counts_in_every_form() {
    for (until, count) in
        [("20260107T080000Z", 3), ("20260107T075959Z", 2), ("20260107T090000", 3), ("20260107", 3)]
    {
        let rule = format!("RRULE:FREQ=DAILY;UNTIL={until}");
        let found = starts(&with(&DAILY[..3], &[&rule]));
        assert_eq!(found.len(), count, "{until}");
    }
    let days =
        event(&["UID:d", "DTSTART;VALUE=DATE:20260105", "RRULE:FREQ=DAILY;UNTIL=20260107T000000Z"]);
    assert_eq!(starts(&days).len(), 3);
}

#[test]
fn all_later_occurrences_change_from_one_on() {
    let later = event(&[
        "UID:series",
        "RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20260107T090000",
        "DTSTART;TZID=Europe/Berlin:20260107T110000",
        "DTEND;TZID=Europe/Berlin:20260107T113000",
        "SUMMARY:Later",
    ]);
    let single = event(&[
        "UID:series",
        "RECURRENCE-ID;TZID=Europe/Berlin:20260108T090000",
        "DTSTART;TZID=Europe/Berlin:20260108T200000",
    ]);
    let series = event(&DAILY).replace("COUNT=4", "COUNT=5");
    let found = occurrences(&(later + &single + &series));
    assert_eq!(
        told(&found),
        ["01-05T08:00", "01-06T08:00", "01-07T10:00", "01-08T19:00", "01-09T10:00"]
    );
    assert_eq!(found[4].details.title.as_deref(), Some("Later"));
    assert_eq!(found[4].end, Some(utc("2026-01-09T10:30:00Z")));
    assert_eq!(found[4].recurrence_id, Some(utc("2026-01-09T08:00:00Z")));
}

#[test]
fn a_series_keeps_its_wall_time_over_the_change_of_clocks() {
    let series =
        event(&["UID:s", "DTSTART;TZID=Europe/Berlin:20260327T023000", "RRULE:FREQ=DAILY;COUNT=4"]);
    let found = occurrences(&series);
    assert_eq!(told(&found), ["03-27T01:30", "03-28T01:30", "03-29T01:30", "03-30T00:30"]);
    let marks: Vec<_> = found.iter().map(|one| one.ambiguous_time).collect();
    assert_eq!(marks, [false, false, true, false]);
}

#[test]
fn floating_times_are_times_of_the_owner() {
    let found = occurrences(&event(&["UID:f", "DTSTART:20260705T090000"]));
    assert_eq!(told(&found), ["07-05T07:00"]);
    assert_eq!((found[0].ambiguous_time, &found[0].details.zone), (false, &None));
}

#[test]
fn a_zone_nobody_knows_is_described_by_its_calendar_or_uncertain() {
    let zone = "BEGIN:VTIMEZONE\nTZID:Customized Time Zone\nBEGIN:STANDARD\nDTSTART:16010101T030000\n\
                TZOFFSETFROM:+0500\nTZOFFSETTO:+0400\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\n\
                END:STANDARD\nBEGIN:DAYLIGHT\nDTSTART:16010101T020000\nTZOFFSETFROM:+0400\n\
                TZOFFSETTO:+0500\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\nEND:DAYLIGHT\nEND:VTIMEZONE\n";
    let winter = event(&["UID:w", "DTSTART;TZID=Customized Time Zone:20260105T090000"]);
    let summer = event(&["UID:s", "DTSTART;TZID=Customized Time Zone:20260705T090000"]);
    // The description may follow the events.
    let found = occurrences(&(winter.clone() + &summer + zone));
    assert_eq!(told(&found), ["01-05T05:00", "07-05T04:00"]);
    assert!(found.iter().all(|one| !one.ambiguous_time));
    let unknown = calendar(&winter);
    assert_eq!(reasons(&unknown), [Reason::UnknownZone]);
    let found = laid_out(&unknown.events).occurrences;
    assert_eq!((told(&found), found[0].ambiguous_time), (vec!["01-05T08:00".to_owned()], true));
}

#[test]
fn two_calendars_in_a_file_keep_their_zones_apart() {
    let one = |offset: &str, uid: &str| {
        format!(
            "BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:Mine\nBEGIN:STANDARD\nDTSTART:20000101T000000\n\
             TZOFFSETFROM:{offset}\nTZOFFSETTO:{offset}\nEND:STANDARD\nEND:VTIMEZONE\n\
             BEGIN:VEVENT\nUID:{uid}\nDTSTART;TZID=Mine:20260105T090000\nEND:VEVENT\nEND:VCALENDAR\n"
        )
    };
    let text = one("+0300", "a") + &one("-0300", "b");
    let parsed = parse(Format::ICalendar, text.as_bytes(), &BERLIN).unwrap();
    assert_eq!(told(&laid_out(&parsed.events).occurrences), ["01-05T06:00", "01-05T12:00"]);
}

#[test]
fn whole_days_are_dates_or_flagged() {
    for lines in [
        ["DTSTART;VALUE=DATE:20260105", "DTEND;VALUE=DATE:20260107", "X-A:1"],
        ["DTSTART:20260105", "DURATION:P2D", "X-A:1"],
        ["DTSTART:20260105T000000", "DTEND:20260107T000000", "X-MICROSOFT-CDO-ALLDAYEVENT:TRUE"],
    ] {
        let found = occurrences(&with(&["UID:d"], &lines));
        let dates = found[0].dates.map(|(from, to)| format!("{from} {to}"));
        assert_eq!(dates.as_deref(), Some("2026-01-05 2026-01-07"), "{lines:?}");
        assert_eq!(told(&found), ["01-04T23:00"]);
    }
    let block = occurrences(&event(&["UID:b", "DTSTART:20260105T000000", "DTEND:20260106T000000"]));
    assert_eq!(block[0].dates, None);
}

#[test]
fn an_end_is_known_only_if_it_is_said_and_after_the_start() {
    for (line, end) in [
        ("X-A:1", None),
        ("DTEND:20260105T090000Z", None),
        ("DTEND:20260105T080000Z", None),
        ("DTEND:nonsense", None),
        ("DURATION:PT90M", Some("2026-01-05T10:30:00Z")),
        ("DURATION:-PT90M", None),
        ("DTEND:20260115T090000Z", Some("2026-01-15T09:00:00Z")),
    ] {
        let found = occurrences(&event(&["UID:e", "DTSTART:20260105T090000Z", line]));
        assert_eq!(found[0].end, end.map(utc), "{line}");
    }
    let day = occurrences(&event(&["UID:e", "DTSTART;VALUE=DATE:20260105"]));
    assert_eq!(day[0].end, Some(utc("2026-01-05T23:00:00Z")));
}

#[test]
fn broken_files_are_read_as_far_as_they_make_sense() {
    let junk = "Sent from my phone\r\n\r\nbegin:vcalendar\r\nbegin:vevent\r\nuid:a\r\ndtstart:20260105T090000Z\r\n\
                DESCRIPTION:Join\r\nhttps://zoom.us/j/12345678901 now\r\nsummary:One\r\n\
                BEGIN:VALARM\r\nDESCRIPTION:no\r\nEND:VEVENT\r\n\
                BEGIN:VEVENT\r\nUID:b\r\nDTSTART:20260106T090000Z\r\nBEGIN:VEVENT\r\nDTSTART:20260107T090000Z\r\n";
    let parsed = parse(Format::ICalendar, junk.as_bytes(), &BERLIN).unwrap();
    let found = laid_out(&parsed.events).occurrences;
    assert_eq!(told(&found), ["01-05T09:00", "01-06T09:00", "01-07T09:00"]);
    assert_eq!(found[0].details.title.as_deref(), Some("One"));
    assert_eq!(found[0].details.links.len(), 1);
    assert_eq!(found[2].details.uid, None);
    assert!(reasons(&parsed).iter().all(|reason| *reason == Reason::BrokenStructure));
}

#[test]
fn bytes_that_are_no_text_are_replaced_and_reported() {
    let parsed = parse(
        Format::ICalendar,
        b"BEGIN:VEVENT\nUID:a\nSUMMARY:caf\xe9\nDTSTART:20260105T090000Z\nEND:VEVENT",
        &BERLIN,
    )
    .unwrap();
    assert_eq!(parsed.events[0].title(), Some("caf\u{fffd}"));
    assert_eq!(reasons(&parsed), [Reason::InvalidText]);
    let parsed = parse(
        Format::Google,
        b"{\"id\":\"a\",\"summary\":\"caf\xe9\",\"start\":{\"date\":\"2026-01-05\"}}",
        &BERLIN,
    )
    .unwrap();
    assert_eq!(reasons(&parsed), [Reason::InvalidText]);
}

#[test]
fn events_without_uid_are_meetings_of_their_own() {
    let one = event(&["DTSTART:20260105T090000Z"]);
    assert_eq!(occurrences(&(one.clone() + &one)).len(), 2);
}

#[test]
fn events_without_usable_start_are_reported_with_their_reason() {
    let parsed = calendar(&(event(&["UID:a"]) + &event(&["UID:b", "DTSTART:someday"])));
    assert!(parsed.events.is_empty());
    assert_eq!(reasons(&parsed), [Reason::NoStart, Reason::NoStart]);
    assert_eq!(parsed.problems[1].uid.as_deref(), Some("b"));
    assert_eq!(parsed.problems[1].to_string(), "line 5: the start `someday` is no date or time");
}

#[test]
fn rules_within_a_day_leave_the_first_occurrence() {
    for rule in ["FREQ=SECONDLY", "FREQ=MINUTELY;BYHOUR=9;BYMONTH=2", "FREQ=HOURLY;UNTIL=99991231"]
    {
        let parsed =
            calendar(&event(&["UID:x", "DTSTART:20260105T090000Z", &format!("RRULE:{rule}")]));
        assert_eq!(reasons(&parsed), [Reason::SubDailyRule]);
        assert_eq!(told(&laid_out(&parsed.events).occurrences), ["01-05T09:00"]);
    }
}

#[test]
fn no_rule_costs_unbounded_time_or_memory() {
    for (start, rule) in [
        ("00010101T000000", "FREQ=DAILY"),
        ("00010101T000000", "FREQ=DAILY;COUNT=4000000000"),
        ("00010101T000000", "FREQ=DAILY;COUNT=4000000000;BYMONTH=1,2,3"),
        ("99991231T235959", "FREQ=YEARLY;INTERVAL=1000"),
        ("20260101T000000", "FREQ=YEARLY;BYMONTHDAY=30;BYMONTH=2"),
        ("19000101T000000", "FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=366;COUNT=9999999"),
    ] {
        let text = event(&["UID:x", &format!("DTSTART:{start}"), &format!("RRULE:{rule}")]);
        let events = calendar(&text.repeat(20)).events;
        let began = std::time::Instant::now();
        laid_out(&events);
        assert!(began.elapsed() < std::time::Duration::from_secs(1), "{rule}");
    }
}

#[test]
fn a_series_gives_a_bounded_number_of_occurrences() {
    let minutes: Vec<String> = (0..60).map(|minute| minute.to_string()).collect();
    let rule = format!("RRULE:FREQ=DAILY;BYMINUTE={0};BYSECOND={0}", minutes.join(","));
    let text = event(&["UID:x", "DTSTART:20260101T000000Z", &rule]);
    let expansion = laid_out(&calendar(&text).events);
    assert_eq!(expansion.occurrences.len(), Limits::FILE.instances);
    assert_eq!(expansion.problems[0].reason, Reason::TooManyOccurrences);
}

#[test]
fn counting_far_ahead_skips_rightly() {
    // 4069 of these days come before 2026: the first week, from a Wednesday on, has two of three.
    for (count, expected) in [(4_072, 3), (4_071, 2), (4_070, 1), (4_069, 0)] {
        let rule = format!("RRULE:FREQ=WEEKLY;BYDAY=MO,WE,FR;COUNT={count}");
        let text = event(&["UID:x", "DTSTART:20000105T090000Z", &rule]);
        let found = laid_out(&calendar(&text).events).occurrences.len();
        let all = expand(
            &calendar(&text).events,
            Window { from: utc("2000-01-01T00:00:00Z"), to: utc("2000-03-01T00:00:00Z") },
            &BERLIN,
        );
        assert_eq!(all.occurrences.len(), 24);
        assert_eq!(found, expected, "{count}");
    }
}

#[test]
fn private_in_one_copy_is_private() {
    let copy = |class: &str, sequence: u32, day: u32| {
        event(&[
            "UID:p",
            "DTSTART:20260105T090000Z",
            class,
            &format!("SEQUENCE:{sequence}"),
            &format!("DTSTAMP:202601{day:02}T000000Z"),
        ])
    };
    let private = |text: &str| occurrences(text)[0].details.sensitivity;
    // The public copy is the newer one each time.
    let same = copy("CLASS:PUBLIC", 1, 2) + &copy("CLASS:X-SECRET", 1, 1);
    assert_eq!(private(&same), Sensitivity::Private);
    let older = copy("CLASS:PUBLIC", 2, 2) + &copy("CLASS:PRIVATE", 1, 1);
    assert_eq!(private(&older), Sensitivity::Public);
}

#[test]
fn meetings_without_uid_come_in_the_same_order_whatever_theirs() {
    let one = |title: &str| event(&["DTSTART:20260105T090000Z", &format!("SUMMARY:{title}")]);
    let titles = |text: String| -> Vec<_> {
        occurrences(&text).iter().map(|one| one.details.title.clone()).collect()
    };
    assert_eq!(titles(one("a") + &one("b")), titles(one("b") + &one("a")));
}

#[test]
fn the_newest_revision_is_believed() {
    let copy = |more: &[&str]| with(&["UID:r", "DTSTART:20260105T090000Z"], more);
    let title = |text: &str| occurrences(text)[0].details.title.clone().unwrap();
    for (old, new) in [
        (["SEQUENCE:1", "DTSTAMP:20260102T000000Z"], ["SEQUENCE:2", "DTSTAMP:20260101T000000Z"]),
        (["SEQUENCE:1", "DTSTAMP:20260101T000000Z"], ["SEQUENCE:1", "DTSTAMP:20260102T000000Z"]),
        (
            ["SEQUENCE:1", "LAST-MODIFIED:20260101T000000Z"],
            ["SEQUENCE:1", "LAST-MODIFIED:20260102T000000Z"],
        ),
    ] {
        let old = copy(&[&old[..], &["SUMMARY:old"]].concat());
        let new = copy(&[&new[..], &["SUMMARY:new"]].concat());
        assert_eq!(title(&format!("{old}{new}")), "new");
        assert_eq!(title(&format!("{new}{old}")), "new");
    }
}

#[test]
fn answers_make_no_meeting() {
    for method in ["REPLY", "COUNTER", "REFRESH", "DECLINECOUNTER"] {
        let parsed = calendar(&format!("METHOD:{method}\n{}", event(&DAILY)));
        assert!(parsed.events.is_empty());
        assert_eq!(reasons(&parsed), [Reason::NotAnInvitation]);
    }
}

#[test]
fn a_cancellation_reaches_the_meeting_it_names() {
    let request = calendar(&with(&DAILY, &["SUMMARY:Weekly", "SEQUENCE:1"])).events;
    let cancel = |lines: &[&str]| calendar(&format!("METHOD:CANCEL\n{}", event(lines))).events;
    let whole = laid_out(&[request.clone(), cancel(&["UID:series", "SEQUENCE:2"])].concat());
    assert_eq!(whole.occurrences.len(), 4);
    assert!(whole.occurrences.iter().all(|one| one.cancelled && one.recurrence_id.is_some()));
    assert_eq!(whole.occurrences[0].details.title.as_deref(), Some("Weekly"));
    let one = cancel(&["UID:series", "SEQUENCE:1", "RECURRENCE-ID:20260107T080000Z"]);
    let found = laid_out(&[request.clone(), one].concat()).occurrences;
    let marks: Vec<_> = found.iter().map(|one| one.cancelled).collect();
    assert_eq!(marks, [false, false, true, false]);
    assert_eq!(found[2].end, Some(utc("2026-01-07T09:00:00Z")));
    let old = laid_out(&[request, cancel(&["UID:series", "SEQUENCE:0"])].concat());
    assert!(old.occurrences.iter().all(|one| !one.cancelled));
    let unknown = laid_out(&cancel(&["UID:never-seen"]));
    assert_eq!((unknown.occurrences.len(), unknown.problems[0].reason), (0, Reason::NoStart));
}

#[test]
fn people_are_read_as_what_they_are() {
    let text = event(&[
        "UID:p",
        "DTSTART:20260105T090000Z",
        "ORGANIZER;CN=\"Ada, L.\";SENT-BY=\"mailto:x@ours.example\":MAILTO:Ada@Ours.Example",
        "ATTENDEE;PARTSTAT=DECLINED:mailto:ada@ours.example",
        "ATTENDEE;CUTYPE=ROOM;CN=Room 4:mailto:room@ours.example",
        "ATTENDEE;CUTYPE=GROUP:list@ours.example",
        "ATTENDEE:invalid:nomail",
        "ATTENDEE;EMAIL=eve@else.example:urn:uuid:1",
    ]);
    let found = occurrences(&text);
    let details = &found[0].details;
    let organizer = details.organizer.as_ref().unwrap();
    assert_eq!(organizer.address.as_deref(), Some("ada@ours.example"));
    assert_eq!(organizer.name.as_deref(), Some("Ada, L."));
    assert!(details.organizer_declined);
    let seen: Vec<_> =
        details.attendees.iter().map(|one| (one.address.as_deref(), one.kind)).collect();
    assert_eq!(
        seen,
        [
            (Some("ada@ours.example"), PersonKind::Individual),
            (Some("room@ours.example"), PersonKind::Room),
            (Some("list@ours.example"), PersonKind::Group),
            (None, PersonKind::Individual),
            (Some("eve@else.example"), PersonKind::Individual),
        ]
    );
    assert_eq!(details.attendees[0].participation, Participation::Declined);
}

#[test]
fn links_are_found_in_reading_order_and_never_in_the_title() {
    let text = event(&[
        "UID:l",
        "DTSTART:20260105T090000Z",
        "SUMMARY:https://zoom.us/j/99999999999",
        "X-ALT-DESC;FMTTYPE=text/html:<a href=\"https://zoom.us/j/55555555555\">Join</a>",
        "DESCRIPTION:Join https://zoom.us/j/44444\n 444444",
        "LOCATION:https://zoom.us/j/33333333333",
        "URL:https://zoom.us/j/22222222222",
        "X-GOOGLE-CONFERENCE:https://meet.google.com/abc-defg-hij",
    ]);
    let found = occurrences(&text);
    let links: Vec<_> =
        found[0].details.links.iter().map(|one| (one.field, one.link.id().unwrap())).collect();
    assert_eq!(
        links,
        [
            (Field::Provider, "abc-defg-hij"),
            (Field::Url, "22222222222"),
            (Field::Location, "33333333333"),
            (Field::Description, "44444444444"),
            (Field::Description, "55555555555"),
        ]
    );
}

#[test]
fn many_attendees_and_long_texts_are_cut_and_reported() {
    let mut lines = vec!["UID:m".to_owned(), "DTSTART:20260105T090000Z".to_owned()];
    lines.extend((0..5_100).map(|index| format!("ATTENDEE:mailto:a{index}@ours.example")));
    lines.push("LOCATION:https://zoom.us/j/33333333333".to_owned());
    lines.push(format!("DESCRIPTION:{}", "é".repeat(1_000_000)));
    let parsed = calendar(&event(&lines.iter().map(String::as_str).collect::<Vec<_>>()));
    assert_eq!(reasons(&parsed), [Reason::TooManyAttendees, Reason::TooMuch]);
    let found = laid_out(&parsed.events).occurrences;
    assert_eq!((found[0].details.attendees.len(), found[0].details.links.len()), (5_000, 1));
}

#[test]
fn payloads_beyond_their_bounds_are_refused_by_name() {
    let text = event(&["UID:a", "DTSTART:20260105T090000Z"]).repeat(501);
    let within =
        |text: &str| parse_within(Format::ICalendar, text.as_bytes(), &BERLIN, &Limits::INVITATION);
    let error = within(&text).unwrap_err();
    assert_eq!(error.to_string(), "the calendar is too large: 501 events, at most 500 are read");
    let long = format!("BEGIN:VCALENDAR\n{}", "X-A:b\n".repeat(300_000));
    assert!(matches!(within(&long), Err(Error::TooLarge { unit: "bytes", .. })));
    let values = format!("[{}]", vec!["0"; 6_500_000].join(","));
    assert!(matches!(
        parse(Format::Google, values.as_bytes(), &BERLIN),
        Err(Error::TooLarge { unit: "JSON values", .. })
    ));
}

#[test]
fn what_is_no_calendar_is_refused_with_its_place() {
    assert_eq!(parse(Format::ICalendar, b"hello", &BERLIN), Err(Error::NoCalendar));
    let error = parse(Format::Google, b"{\n \"id\": }", &BERLIN).unwrap_err();
    assert!(matches!(error, Error::Json { line: 2, column: 8, .. }), "{error}");
    assert!(matches!(
        parse(Format::Google, b"{\"a\":1}", &BERLIN),
        Err(Error::NoEventObject("Google"))
    ));
    assert!(matches!(parse(Format::Microsoft, b"7", &BERLIN), Err(Error::NoEventObject(_))));
    assert_eq!(parse(Format::Microsoft, b"[]", &BERLIN), Ok(Parsed::default()));
    let deep = "[".repeat(100_000);
    assert!(parse(Format::Microsoft, deep.as_bytes(), &BERLIN).is_err());
}

#[test]
fn formats_are_told_apart() {
    for (text, format) in [
        ("\u{feff}BEGIN:VCALENDAR", Some(Format::ICalendar)),
        ("junk\nbegin:vevent", Some(Format::ICalendar)),
        ("{\"kind\":\"calendar#events\",\"items\":[{\"iCalUID\":\"a\"}]}", Some(Format::Google)),
        (" [{\"iCalUId\":\"a\",\"subject\":\"b\"}]", Some(Format::Microsoft)),
        ("{\"@odata.context\":\"x\",\"value\":[]}", Some(Format::Microsoft)),
        ("{\"items\":[]}", Some(Format::Google)),
        ("{}", None),
        ("hello", None),
    ] {
        assert_eq!(Format::detect(text.as_bytes()), format, "{text}");
    }
    assert_eq!("Google".parse(), Ok(Format::Google));
    assert_eq!("ical".parse::<Format>(), Err(Error::UnknownFormat("ical".to_owned())));
}

#[test]
fn a_google_series_is_expanded_in_its_zone_with_its_exceptions() {
    let parsed = google(&json!({ "kind": "calendar#events", "items": [
        { "id": "s_1", "iCalUID": "s@google.com", "recurringEventId": "s", "status": "cancelled",
          "originalStartTime": { "dateTime": "2026-03-28T09:00:00+01:00" } },
        { "id": "s_2", "iCalUID": "s@google.com", "recurringEventId": "s", "summary": "Moved",
          "originalStartTime": { "dateTime": "2026-03-29T09:00:00+02:00" },
          "start": { "dateTime": "2026-03-29T15:00:00+02:00" } },
        { "id": "s", "iCalUID": "s@google.com", "summary": "Series", "visibility": "private",
          "start": { "dateTime": "2026-03-27T09:00:00+01:00", "timeZone": "Europe/Berlin" },
          "end": { "dateTime": "2026-03-27T10:00:00+01:00", "timeZone": "Europe/Berlin" },
          "recurrence": ["RRULE:FREQ=DAILY;COUNT=5", "EXDATE;TZID=Europe/Berlin:20260330T090000"],
          "attendees": [{ "email": "Room@ours.example", "resource": true }],
          "hangoutLink": "https://meet.google.com/abc-defg-hij" },
    ] }));
    assert!(parsed.problems.is_empty(), "{:?}", parsed.problems);
    let found = laid_out(&parsed.events).occurrences;
    assert_eq!(told(&found), ["03-27T08:00", "03-28T08:00", "03-29T13:00", "03-31T07:00"]);
    assert!(found[1].cancelled);
    let cancelled = &found[1].details;
    assert_eq!(cancelled.title.as_deref(), Some("Series"));
    assert_eq!(cancelled.sensitivity, Sensitivity::Private);
    assert_eq!(cancelled.attendees[0].kind, PersonKind::Resource);
    assert_eq!(found[1].end, Some(utc("2026-03-28T09:00:00Z")));
    assert_eq!(found[2].end, None);
    assert_eq!(found[0].details.zone.as_deref(), Some("Europe/Berlin"));
}

#[test]
fn google_entries_that_are_no_meetings_are_said_to_be_none() {
    let at = json!({ "dateTime": "2026-01-05T09:00:00Z" });
    for (entry, reason) in [
        (json!({ "id": "a", "status": "cancelled" }), Reason::DeletedAtSource),
        (json!({ "id": "a", "start": at, "eventType": "focusTime" }), Reason::NotAMeeting),
        (json!({ "id": "a", "start": at, "visibility": "private" }), Reason::FreeBusyOnly),
        (json!({ "id": "a", "summary": "b" }), Reason::NoStart),
    ] {
        let parsed = google(&json!({ "items": [entry] }));
        assert_eq!((parsed.events.len(), reasons(&parsed)), (0, vec![reason]));
        assert_eq!(parsed.problems[0].severity, Severity::Dropped);
        assert_eq!(parsed.problems[0].place.to_string(), "/items/0");
    }
    let cancelled =
        google(&json!({ "id": "a", "iCalUID": "a", "start": at, "status": "cancelled" }));
    assert!(laid_out(&cancelled.events).occurrences[0].cancelled);
}

#[test]
fn an_end_google_made_up_is_none() {
    let parsed = google(&json!({ "id": "a", "endTimeUnspecified": true,
        "start": { "dateTime": "2026-01-05T09:00:00Z" }, "end": { "dateTime": "2026-01-05T10:00:00Z" } }));
    assert_eq!(laid_out(&parsed.events).occurrences[0].end, None);
}

#[test]
fn an_offset_makes_an_overlap_certain() {
    for (offset, start) in [("+02:00", "10-25T00:30"), ("+01:00", "10-25T01:30")] {
        let at = json!({ "dateTime": format!("2026-10-25T02:30:00{offset}"), "timeZone": "Europe/Berlin" });
        let found = laid_out(&google(&json!({ "id": "a", "start": at })).events).occurrences;
        assert_eq!((told(&found), found[0].ambiguous_time), (vec![start.to_owned()], false));
    }
}

fn graph_master(pattern: Value, range: Value) -> Value {
    json!({ "id": "m", "iCalUId": "040000008200E00074C5B7101A82E00800000000AA", "type": "seriesMaster",
        "subject": "Series", "originalStartTimeZone": "W. Europe Standard Time",
        "start": { "dateTime": "2026-01-31T08:00:00.0000000", "timeZone": "UTC" },
        "end": { "dateTime": "2026-01-31T09:00:00.0000000", "timeZone": "UTC" },
        "recurrence": { "pattern": pattern, "range": range } })
}

#[test]
fn the_31st_of_a_graph_month_is_its_last_day() {
    let master = graph_master(
        json!({ "type": "absoluteMonthly", "interval": 1, "dayOfMonth": 31 }),
        json!({ "type": "endDate", "startDate": "2026-01-31", "endDate": "2026-04-30",
                "recurrenceTimeZone": "W. Europe Standard Time" }),
    );
    let found = laid_out(&microsoft(&master).events).occurrences;
    assert_eq!(told(&found), ["01-31T08:00", "02-28T08:00", "03-31T07:00", "04-30T07:00"]);
}

#[test]
fn graph_patterns_become_rules() {
    for (pattern, expected) in [
        (json!({ "type": "daily", "interval": 2 }), ["01-31T08:00", "02-02T08:00", "02-04T08:00"]),
        (
            json!({ "type": "weekly", "interval": 1, "daysOfWeek": ["saturday", "monday"], "firstDayOfWeek": "sunday" }),
            ["01-31T08:00", "02-02T08:00", "02-07T08:00"],
        ),
        (
            json!({ "type": "relativeMonthly", "interval": 1, "daysOfWeek": ["saturday"], "index": "last" }),
            ["01-31T08:00", "02-28T08:00", "03-28T08:00"],
        ),
    ] {
        let master = graph_master(pattern, json!({ "type": "numbered", "numberOfOccurrences": 3 }));
        assert_eq!(told(&laid_out(&microsoft(&master).events).occurrences), expected);
    }
    let broken = microsoft(&graph_master(json!({ "type": "hourly" }), json!({})));
    assert_eq!(reasons(&broken), [Reason::InvalidRule]);
    assert_eq!(laid_out(&broken.events).occurrences.len(), 1);
}

#[test]
fn a_graph_series_and_its_occurrences_are_counted_once() {
    let master = graph_master(
        json!({ "type": "weekly", "interval": 1, "daysOfWeek": ["saturday"] }),
        json!({ "type": "numbered", "numberOfOccurrences": 3 }),
    );
    let occurrence = json!({ "id": "o", "type": "occurrence", "seriesMasterId": "m",
        "start": { "dateTime": "2026-02-07T08:00:00.0000000", "timeZone": "UTC" },
        "end": { "dateTime": "2026-02-07T09:00:00.0000000", "timeZone": "UTC" } });
    let exception = json!({ "id": "e", "type": "exception", "seriesMasterId": "m", "subject": "Moved",
        "iCalUId": "040000008200E00074C5B7101A82E00807EA020EAA",
        "originalStart": "2026-02-14T08:00:00Z",
        "start": { "dateTime": "2026-02-15T08:00:00.0000000", "timeZone": "UTC" },
        "end": { "dateTime": "2026-02-15T09:00:00.0000000", "timeZone": "UTC" } });
    let parsed = microsoft(&json!({ "value": [occurrence, exception, master] }));
    let found = laid_out(&parsed.events).occurrences;
    assert_eq!(told(&found), ["01-31T08:00", "02-07T08:00", "02-15T08:00"]);
    assert_eq!(found[1].details.title.as_deref(), Some("Series"));
    assert_eq!(found[2].recurrence_id, Some(utc("2026-02-14T08:00:00Z")));
    // Without the master the UID of the occurrence leads to that of the series.
    let alone = laid_out(&microsoft(&exception).events).occurrences;
    assert_eq!(alone[0].details.uid, found[0].details.uid);
}

#[test]
fn graph_fields_are_read() {
    let parsed = microsoft(&json!({ "value": [
        { "id": "r", "@removed": { "reason": "deleted" } },
        { "id": "a", "iCalUId": "a", "subject": "Talk", "isAllDay": false, "isCancelled": true,
          "sensitivity": "personal", "isOrganizer": true, "lastModifiedDateTime": "2026-01-01T00:00:00.1234567Z",
          "start": { "dateTime": "2026-07-05T09:00:00.0000000", "timeZone": "Eastern Standard Time" },
          "end": { "dateTime": "2026-07-05T10:00:00.0000000", "timeZone": "Eastern Standard Time" },
          "organizer": { "emailAddress": { "name": "Ada", "address": "Ada@ours.example" } },
          "attendees": [
            { "type": "required", "status": { "response": "tentativelyAccepted" },
              "emailAddress": { "address": "bob@ours.example" } },
            { "type": "resource", "emailAddress": { "address": "/o=Exchange/cn=room" } }],
          "onlineMeeting": { "joinUrl": "https://meet.google.com/abc-defg-hij" },
          "location": { "displayName": "https://zoom.us/j/33333333333" },
          "body": { "contentType": "html", "content": "<a href='https://zoom.us/j/44444444444'>x</a>" } },
        { "id": "d", "iCalUId": "d", "isAllDay": true,
          "start": { "dateTime": "2026-07-06T00:00:00.0000000", "timeZone": "UTC" },
          "end": { "dateTime": "2026-07-07T00:00:00.0000000", "timeZone": "UTC" } },
    ] }));
    assert_eq!(reasons(&parsed), [Reason::DeletedAtSource]);
    let found = laid_out(&parsed.events).occurrences;
    assert_eq!(told(&found), ["07-05T13:00", "07-05T22:00"]);
    let details = &found[0].details;
    assert!(found[0].cancelled && details.status == Status::Cancelled);
    assert_eq!(details.sensitivity, Sensitivity::Personal);
    assert_eq!(details.zone.as_deref(), Some("America/New_York"));
    assert_eq!(details.attendees[0].participation, Participation::Tentative);
    assert_eq!(
        (details.attendees[1].address.clone(), details.attendees[1].kind),
        (None, PersonKind::Resource)
    );
    let fields: Vec<_> = details.links.iter().map(|one| one.field).collect();
    assert_eq!(fields, [Field::Provider, Field::Location, Field::Description]);
    assert!(found[1].dates.is_some());
}

#[test]
fn the_organizers_own_copy_comes_first() {
    let graph =
        microsoft(&json!({ "id": "a", "iCalUId": "u", "subject": "Mine", "isOrganizer": true,
        "start": { "dateTime": "2026-01-05T09:00:00", "timeZone": "UTC" } }));
    let mail =
        calendar(&event(&["UID:u", "SEQUENCE:7", "SUMMARY:Theirs", "DTSTART:20260105T100000Z"]));
    let found = laid_out(&[mail.events, graph.events].concat()).occurrences;
    assert_eq!((found.len(), found[0].details.title.as_deref()), (1, Some("Mine")));
}

#[test]
fn events_survive_being_stored() {
    let parsed = calendar(&with(
        &DAILY,
        &["RDATE;VALUE=PERIOD:20260110T080000Z/PT2H", "EXDATE;VALUE=DATE:20260106", "SUMMARY:x"],
    ));
    let stored = serde_json::to_string(&parsed.events).unwrap();
    let back: Vec<Event> = serde_json::from_str(&stored).unwrap();
    assert_eq!(back, parsed.events);
}
