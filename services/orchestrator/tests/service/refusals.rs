//! Requests that cannot be served.

use proto::orchestrator::v1 as wire;
use tonic::Code;

use crate::world::{World, fields, is_plan, meeting, meeting_with, now, reason, stored, zoom};

#[tokio::test]
async fn a_meeting_given_with_the_request_is_decided_and_not_stored() {
    let world = World::open().await;
    let told = world.decide_ad_hoc(vec![meeting("b", 120), meeting("a", 60)]).await.unwrap();
    assert_eq!(crate::world::ids(&told.decisions), ["a", "b"]);
    assert!(told.decisions.iter().all(|one| is_plan(one) && one.revision == 0));
    assert_eq!((told.decided, told.changed, told.policy_version), (2, 0, 1));
    assert_eq!(world.get_of("acme", "a", 0).await.unwrap_err().code(), Code::NotFound);
    assert!(world.log("", 0).await.is_empty());
}

#[tokio::test]
async fn an_invalid_meeting_is_named_by_its_position() {
    let world = World::open().await;
    type Spoil = fn(&mut proto::calendar::v1::Meeting);
    let cases: [(Spoil, &str); 5] = [
        (|m| m.start = None, "meeting.start"),
        (|m| m.end = Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 }), "meeting.end"),
        (|m| m.links[0].id.clear(), "links.id"),
        (|m| m.links[0].provider = 77, "links.provider"),
        (
            |m| m.links = vec![zoom("a"), proto::calendar::v1::Link { provider: 0, ..zoom("b") }],
            "links.provider",
        ),
    ];
    for (spoil, field) in cases {
        let meetings = vec![meeting("a", 60), meeting_with("b", 120, spoil), meeting("c", 180)];
        let refused = world.decide_ad_hoc(meetings).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{field}");
        assert_eq!(reason(&refused), "ERROR_REASON_INVALID_MEETING");
        assert_eq!(fields(&refused), ["meetings[1]"], "{field}");
        assert!(refused.message().contains(field), "{}", refused.message());
    }
}

#[tokio::test]
async fn too_much_at_once_is_refused_before_anybody_is_asked() {
    let world = World::open().await;
    world.peers.forget();
    let meetings = (0..5_001).map(|n| meeting(&n.to_string(), 60)).collect();
    let refused = world.decide_ad_hoc(meetings).await.unwrap_err();
    assert_eq!(
        (refused.code(), fields(&refused)),
        (Code::InvalidArgument, vec!["meetings".to_owned()])
    );
    let ids: Vec<String> = (0..5_001).map(|n| n.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let refused = world.ask(stored("acme", &ids)).await.unwrap_err();
    assert_eq!(
        (refused.code(), fields(&refused)),
        (Code::InvalidArgument, vec!["call_ids".to_owned()])
    );
    assert!(world.peers.sizes("JudgeMeetings").is_empty());
}

#[tokio::test]
async fn a_request_asks_for_one_thing() {
    let world = World::open().await;
    let at = Some(proto::time::to_wire(now()));
    let both =
        wire::DecideCallsRequest { meetings: vec![meeting("a", 60)], ..stored("acme", &["a"]) };
    let period = wire::DecideCallsRequest { from: at, to: at, ..stored("acme", &["a"]) };
    let nothing = stored("acme", &[]);
    let open = wire::DecideCallsRequest { from: at, ..stored("acme", &[]) };
    let nobody = stored("", &["a"]);
    let hostile = wire::DecideCallsRequest {
        now: Some(prost_types::Timestamp { seconds: 0, nanos: -1 }),
        ..stored("acme", &["a"])
    };
    for (request, field) in [
        (both, "meetings"),
        (period, "meetings"),
        (nothing, "meetings, call_ids, or from and to"),
        (open, "to"),
        (nobody, "company"),
        (hostile, "now"),
    ] {
        let refused = world.ask(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{field}");
        assert_eq!(fields(&refused), [field]);
    }
}

#[tokio::test]
async fn a_period_of_more_meetings_than_an_answer_tells_is_refused_with_what_to_do() {
    let world = World::open().await;
    world.put((0..5_001).map(|n| meeting(&format!("m{n}"), 60 + n)));
    let at = |minutes| Some(proto::time::to_wire(crate::world::minute(minutes)));
    let request = wire::DecideCallsRequest { from: at(0), to: at(100_000), ..stored("acme", &[]) };
    let refused = world.ask(request).await.unwrap_err();
    assert_eq!((refused.code(), fields(&refused)), (Code::InvalidArgument, vec!["to".into()]));
    for word in ["5000", "omit_decisions", "ListCalls", "ReportCallStatus", "shorter period"] {
        assert!(refused.message().contains(word), "{}", refused.message());
    }
    // Nothing was begun.
    assert!(world.peers.sizes("JudgeMeetings").is_empty());
    assert!(world.log("acme", 0).await.is_empty());
}

#[tokio::test]
async fn nobody_knows_a_company_that_was_not_applied() {
    let world = World::empty("").await;
    let refused = world.decide_ad_hoc(vec![meeting("a", 60)]).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::NotFound, "ERROR_REASON_UNKNOWN_COMPANY")
    );
    let refused = world.get_of("acme", "a", 0).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::NotFound, "ERROR_REASON_UNKNOWN_CALL")
    );
}

#[tokio::test]
async fn a_decision_that_was_never_made_is_not_found() {
    let world = World::open().await;
    world.put([meeting("a", 60)]);
    world.decide("a").await;
    let refused = world.get_of("acme", "a", 7).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::NotFound, "ERROR_REASON_UNKNOWN_CALL")
    );
    let request = wire::ExplainCallRequest { company: "acme".into(), call_id: "b".into() };
    assert_eq!(world.client().explain_call(request).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn the_catalogue_is_told_whole() {
    let world = World::open().await;
    let answer =
        world.client().list_skip_codes(wire::ListSkipCodesRequest {}).await.unwrap().into_inner();
    assert_eq!(answer.codes.len(), decision::SkipCode::ALL.len());
    assert_eq!(answer.catalogue_version, decision::skip_code::CATALOGUE_VERSION);
}

#[tokio::test]
async fn a_stored_meeting_that_cannot_be_read_does_not_hold_up_the_others() {
    let world = World::open().await;
    world.put([
        meeting("a", 60),
        meeting_with("b", 120, |meeting| meeting.links[0].id.clear()),
        meeting_with("c", 180, |meeting| {
            meeting.start = Some(prost_types::Timestamp { seconds: 0, nanos: -1 });
        }),
    ]);
    let told = world.decide_all(&["a", "b", "c"]).await;
    assert_eq!(crate::world::ids(&told.decisions), ["a"]);
}
