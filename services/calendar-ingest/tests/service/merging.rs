//! Copies and revisions of one meeting: what is news, what is material, what is gone.

use proto::calendar::v1 as wire;
use proto::calendar::v1::Format;

use crate::world::{ACME, World, ZOOM, calendar, event, icalendar, payload};

#[tokio::test]
async fn the_same_meeting_from_three_formats_is_one() {
    let formats = [
        payload(
            "ada.ics",
            Format::Icalendar,
            &calendar(&event(
                "renewal@prospect.example",
                &[
                    "SUMMARY:Renewal",
                    &format!("LOCATION:{ZOOM}"),
                    "ORGANIZER:mailto:eve@prospect.example",
                    "ATTENDEE;PARTSTAT=ACCEPTED:mailto:ada@acme.example",
                ],
            )),
        ),
        payload(
            "ada@google",
            Format::Google,
            &serde_json::json!({
                "id": "g1", "iCalUID": "renewal@prospect.example", "status": "confirmed",
                "summary": "Renewal", "location": ZOOM,
                "start": {"dateTime": "2026-03-05T10:00:00+01:00"},
                "end": {"dateTime": "2026-03-05T11:00:00+01:00"},
                "organizer": {"email": "eve@prospect.example"},
                "attendees": [{"email": "ada@acme.example", "responseStatus": "accepted"}],
            })
            .to_string(),
        ),
        payload(
            "bob@microsoft",
            Format::Microsoft,
            &serde_json::json!({
                "id": "m1", "iCalUId": "renewal@prospect.example", "subject": "Renewal",
                "start": {"dateTime": "2026-03-05T09:00:00", "timeZone": "UTC"},
                "end": {"dateTime": "2026-03-05T10:00:00", "timeZone": "UTC"},
                "location": {"displayName": ZOOM},
                "organizer": {"emailAddress": {"address": "eve@prospect.example"}},
                "attendees": [{"emailAddress": {"address": "ada@acme.example"}, "status": {"response": "accepted"}}],
            })
            .to_string(),
        ),
    ];
    let mut seen = Vec::new();
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let world = World::open().await;
        for index in order {
            let answer = world.send(formats[index].clone()).await.unwrap();
            assert_eq!(answer.events, 1, "{answer:?}");
        }
        let mut meeting = world.only().await;
        assert_eq!(meeting.key.as_ref().unwrap().ical_uid(), "renewal@prospect.example");
        assert_eq!(meeting.title(), "Renewal");
        assert_eq!(meeting.links.len(), 1);
        assert_eq!(meeting.links[0].id, "98765432101");
        assert_eq!(meeting.attendees[0].address(), "ada@acme.example");
        meeting.revision = 0;
        seen.push(meeting);
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0], seen[2]);
}

#[tokio::test]
async fn what_is_told_again_changes_nothing() {
    let world = World::open().await;
    let events = event("a@acme.example", &["RRULE:FREQ=DAILY;COUNT=5", "SUMMARY:Daily"])
        + &event("b@acme.example", &["SUMMARY:Once"]);
    let first = world.take("ada", &events).await;
    assert_eq!((first.events, first.changed, first.unchanged), (2, 6, 0));
    let before = world.list().await;
    world.later(60);
    let again = world.take("ada", &events).await;
    assert_eq!((again.events, again.changed, again.unchanged), (2, 0, 6));
    // The same from another calendar is no change either.
    let other = world.take("bob", &events).await;
    assert_eq!((other.changed, other.unchanged), (0, 6));
    assert_eq!(world.list().await, before);
    assert_eq!(world.changes(ACME, 0).await.len(), 6);
}

#[tokio::test]
async fn a_moved_start_is_material_and_a_typo_is_not() {
    let world = World::open().await;
    let version = |title: &str, text: &str, start: &str| {
        event(
            "a@acme.example",
            &[
                &format!("SUMMARY:{title}"),
                &format!("DESCRIPTION:{text}"),
                &format!("DTSTART:{start}"),
            ],
        )
    };
    world.take("ada", &version("Renewal", "Agnda", "20260305T100000Z")).await;
    let first = world.only().await;
    assert_eq!((first.revision, first.received_at), (1, Some(world.now())));

    world.later(10);
    let answer = world.take("ada", &version("Renewal", "Agenda", "20260305T100000Z")).await;
    assert_eq!((answer.changed, answer.unchanged), (0, 1));
    assert_eq!(world.only().await, first);

    world.later(10);
    world.take("ada", &version("The renewal", "Agenda", "20260305T100000Z")).await;
    let titled = world.only().await;
    assert_eq!((titled.revision, titled.received_at), (2, first.received_at));

    world.later(10);
    world.take("ada", &version("The renewal", "Agenda", "20260305T103000Z")).await;
    let moved = world.only().await;
    assert_eq!((moved.revision, moved.received_at), (3, Some(world.now())));
    assert_eq!(moved.meeting_id, first.meeting_id);

    world.later(10);
    let link = format!("Agenda {ZOOM}");
    world.take("ada", &version("The renewal", &link, "20260305T103000Z")).await;
    let linked = world.only().await;
    assert_eq!((linked.revision, linked.received_at), (4, Some(world.now())));
}

#[tokio::test]
async fn an_answer_is_material_and_the_order_of_people_is_not() {
    let world = World::open().await;
    let ada = "ATTENDEE;PARTSTAT=ACCEPTED:mailto:ada@acme.example";
    let bob = "ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:bob@acme.example";
    let no = "ATTENDEE;PARTSTAT=DECLINED:mailto:bob@acme.example";
    world.take("ada", &event("a", &[ada, bob])).await;
    let first = world.only().await;
    world.later(10);
    world.take("ada", &event("a", &[bob, ada])).await;
    let turned = world.only().await;
    assert_eq!((turned.revision, turned.received_at), (2, first.received_at));
    world.take("ada", &event("a", &[no, ada])).await;
    let declined = world.only().await;
    assert_eq!((declined.revision, declined.received_at), (3, Some(world.now())));
}

#[tokio::test]
async fn a_meeting_cancelled_later_stays_as_cancelled() {
    let world = World::open().await;
    world.take("ada", &event("a", &["SUMMARY:Renewal"])).await;
    world.later(10);
    world.take("ada", &event("a", &["SUMMARY:Renewal", "STATUS:CANCELLED", "SEQUENCE:1"])).await;
    let meeting = world.only().await;
    assert!(meeting.cancelled);
    assert_eq!((meeting.revision, meeting.status.as_str()), (2, "cancelled"));
    assert_eq!(meeting.received_at, Some(world.now()));
    let changes = world.changes(ACME, 0).await;
    assert_eq!(changes.len(), 1);
    assert!(!changes[0].removed);
    // An older revision that comes late changes nothing, and is told.
    let late = world.take("ada", &event("a", &["SUMMARY:Renewal"])).await;
    assert_eq!((late.changed, late.problems.len()), (0, 1));
    assert!(late.problems[0].dropped);
    assert_eq!(world.only().await, meeting);
}

#[tokio::test]
async fn a_meeting_deleted_at_its_source_is_removed_once_no_calendar_holds_it() {
    let google = |source: &str, status: &str| {
        let mut request = payload(
            source,
            Format::Google,
            &serde_json::json!({
                "id": "g1", "iCalUID": "a@google.example", "status": status, "summary": "Renewal",
                "start": {"dateTime": "2026-03-05T10:00:00+01:00"},
                "end": {"dateTime": "2026-03-05T11:00:00+01:00"},
            })
            .to_string(),
        );
        if status == "deleted" {
            request.payload = br#"{"items": [{"id": "g1", "status": "cancelled"}]}"#.to_vec();
        }
        request
    };
    let world = World::open().await;
    world.send(google("ada", "confirmed")).await.unwrap();
    world.send(google("bob", "confirmed")).await.unwrap();
    let id = world.only().await.meeting_id;
    let answer = world.send(google("ada", "deleted")).await.unwrap();
    assert_eq!((answer.changed, answer.unchanged), (0, 1));
    world.later(10);
    let answer = world.send(google("bob", "deleted")).await.unwrap();
    assert_eq!((answer.changed, answer.unchanged), (1, 0));
    assert!(world.list().await.is_empty());
    let removed = world.get(&id).await.unwrap();
    assert!(removed.cancelled);
    assert_eq!(removed.received_at, Some(world.now()));
    // Lists by id tell it as well, so that who learns of the change finds what has become of it.
    let request = wire::ListMeetingsRequest {
        company: ACME.into(),
        meeting_ids: vec![id.clone(), "unknown".into()],
        ..Default::default()
    };
    let named = world.client().list_meetings(request).await.unwrap().into_inner().meetings;
    assert_eq!(named, [removed]);
    // It may come back.
    world.send(google("ada", "confirmed")).await.unwrap();
    let back = world.only().await;
    assert_eq!((back.meeting_id, back.revision, back.cancelled), (id, 3, false));
}

#[tokio::test]
async fn an_address_that_received_a_mail_is_told_until_a_calendar_holds_the_meeting() {
    let world = World::open().await;
    let mut mail = icalendar("mail", &event("a", &[]));
    mail.recipient = "Recorder@Other.example".into();
    world.send(mail).await.unwrap();
    assert_eq!(world.only().await.foreign_recipient, "recorder@other.example");
    world.take("ada", &event("a", &[])).await;
    assert_eq!(world.only().await.foreign_recipient, "");
}
