//! Meetings as they are listed and watched, and links as they are read.

use proto::calendar::v1 as wire;
use tonic::Code;

use crate::world::{ACME, World, ZOOM, event, icalendar, reason};

#[tokio::test]
async fn a_watcher_sees_every_change_once() {
    let world = World::open().await;
    let request = wire::WatchMeetingsRequest { company: ACME.into(), ..Default::default() };
    let mut live = world.client().watch_meetings(request).await.unwrap().into_inner();
    world.take("ada", &event("a", &["SUMMARY:1"])).await;
    let first = live.message().await.unwrap().unwrap();
    world.take("ada", &event("a", &["SUMMARY:2"])).await;
    let second = live.message().await.unwrap().unwrap();
    assert!(second.cursor > first.cursor);
    let seen = |change: &wire::WatchMeetingsResponse| {
        let meeting = change.meeting.clone().unwrap();
        (meeting.title().to_owned(), meeting.revision)
    };
    assert_eq!((seen(&first), seen(&second)), (("1".into(), 1), ("2".into(), 2)));

    world.take("ada", &event("b", &[])).await;
    let third = live.message().await.unwrap().unwrap();
    // From any cursor on the same comes, a meeting that changed twice once, as it is now.
    let all = world.changes(ACME, 0).await;
    assert_eq!(all, [second.clone(), third.clone()]);
    assert_eq!(world.changes(ACME, second.cursor).await, std::slice::from_ref(&third));
    assert!(world.changes(ACME, third.cursor).await.is_empty());
    assert!(world.changes(ACME, u64::MAX).await.is_empty());
}

#[tokio::test]
async fn companies_see_nothing_of_each_other() {
    let world = World::open().await;
    world.take("ada", &event("a", &["SUMMARY:Ours"])).await;
    let ours = world.only().await;
    let mut theirs = icalendar("ada", &event("a", &["SUMMARY:Theirs"]));
    theirs.company = "other".into();
    world.send(theirs).await.unwrap();

    assert_eq!(world.only().await, ours);
    let other = world.list_of("other").await;
    assert_eq!(other.len(), 1);
    assert_eq!(other[0].title(), "Theirs");
    assert_ne!(other[0].meeting_id, ours.meeting_id);
    let status = world.get(&other[0].meeting_id).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status)),
        (Code::NotFound, "ERROR_REASON_UNKNOWN_MEETING".into())
    );
    let request = wire::ListMeetingsRequest {
        company: ACME.into(),
        meeting_ids: vec![other[0].meeting_id.clone(), ours.meeting_id.clone()],
        ..Default::default()
    };
    let found = world.client().list_meetings(request).await.unwrap().into_inner().meetings;
    assert_eq!(found, [ours]);
    assert_eq!(world.changes(ACME, 0).await.len(), 1);
    assert_eq!(world.changes("other", 0).await.len(), 1);
    assert_eq!(world.changes("", 0).await.len(), 2);
    assert!(world.list_of("nobody").await.is_empty());
}

#[tokio::test]
async fn meetings_are_listed_in_pages_by_start_uid_and_recurrence() {
    let world = World::open().await;
    let mut events = String::new();
    for uid in ["b", "a", "C", "z"] {
        events += &event(uid, &["RRULE:FREQ=DAILY;COUNT=10"]);
    }
    // Without UID.
    events += "BEGIN:VEVENT\r\nDTSTART;TZID=Europe/Berlin:20260305T100000\r\nDURATION:PT1H\r\nEND:VEVENT\r\n";
    world.take("ada", &events).await;
    let all = world.list().await;
    assert_eq!(all.len(), 41);
    let uids: Vec<_> = all[..5].iter().map(|one| one.key.clone().unwrap().ical_uid).collect();
    let expected = [None, Some("C"), Some("a"), Some("b"), Some("z")];
    assert_eq!(uids, expected.map(|uid| uid.map(str::to_owned)));

    let ids: Vec<String> = all.iter().map(|one| one.meeting_id.clone()).rev().collect();
    for (page_size, meeting_ids) in [(1, vec![]), (7, vec![]), (41, vec![]), (7, ids)] {
        let mut request = wire::ListMeetingsRequest {
            company: ACME.into(),
            page_size,
            meeting_ids,
            ..Default::default()
        };
        let mut found = Vec::new();
        loop {
            let page = world.client().list_meetings(request.clone()).await.unwrap().into_inner();
            assert!(page.meetings.len() <= page_size as usize);
            found.extend(page.meetings);
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        assert_eq!(found, all);
    }
    let request = wire::ListMeetingsRequest {
        company: ACME.into(),
        from: all[5].start,
        to: all[9].start,
        ..Default::default()
    };
    let period = world.client().list_meetings(request).await.unwrap().into_inner().meetings;
    assert_eq!(period, all[5..9]);
    let request = wire::ListMeetingsRequest {
        company: ACME.into(),
        page_token: "nonsense".into(),
        ..Default::default()
    };
    let status = world.client().list_meetings(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn links_on_the_companys_consent_host_are_consent_links_whatever_their_token() {
    let world = World::open().await;
    let url = "https://meet.acme.example/acme/d/x1";
    let mut request = icalendar("ada", &event("a", &[&format!("LOCATION:{url}")]));
    world.send(request.clone()).await.unwrap();
    assert!(world.only().await.links.is_empty());
    request.consent_host = "meet.acme.example".into();
    world.send(request).await.unwrap();
    let meeting = world.only().await;
    let shape = meeting.links[0].consent.clone().unwrap();
    assert_eq!(meeting.links[0].kind(), wire::LinkKind::Consent);
    assert_eq!((shape.company.as_str(), shape.token.as_str()), ("acme", "x1"));
    assert_eq!(shape.r#type(), wire::ConsentLinkType::Dynamic);
    assert_eq!(meeting.links[0].field(), wire::Field::Location);

    // Another calendar that does not name the host does not take it back.
    world.take("bob", &event("a", &[&format!("LOCATION:{url}")])).await;
    assert_eq!(world.only().await, meeting);
}

#[tokio::test]
async fn links_of_a_text_come_in_order_of_confidence() {
    let world = World::open().await;
    let request = wire::ParseLinksRequest {
        text: format!("https://meet.jit.si/room {ZOOM} https://c.acme.example/acme/s/t"),
        consent_host: "c.acme.example".into(),
    };
    let links = world.client().parse_links(request).await.unwrap().into_inner().links;
    let kinds: Vec<_> = links.iter().map(wire::Link::kind).collect();
    assert_eq!(kinds, [wire::LinkKind::Join, wire::LinkKind::Consent, wire::LinkKind::Unsupported]);
    assert_eq!(links[0].service, "zoom");
    assert_eq!(links[0].url, ZOOM);
}
