//! What a batch of calls is told, also where something of it is broken, too much, or cannot be read.

use proto::calendar::v1::{ConsentLinkType, ConsentShape, Link as WireLink, LinkKind};
use proto::consent::v1::{
    Choice, ConsentQuestion, ListReceiptsRequest, ResolveConsentLinksRequest,
};
use proto::skip::v1::SkipCode;
use proto::verdict::v1::{Outcome, Provider, Verdict};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::world::{World, call, choosing, codes, judging, link, places, reason};

#[tokio::test]
async fn enforced_and_not_asked_for_is_not_recorded() {
    for place in places().await {
        let world = World::of_acme(place).await;
        let dynamic = link(&world.issue(ConsentLinkType::Dynamic).await);
        let good = link(&world.issue(ConsentLinkType::Static).await);
        let zoom = WireLink {
            kind: LinkKind::Join.into(),
            provider: Provider::Zoom.into(),
            id: "98765432101".into(),
            ..WireLink::default()
        };
        let verdicts = world
            .judge(vec![
                call("a", "", vec![]),
                call("b", "eu", vec![good, zoom.clone()]),
                call("c", "eu", vec![dynamic]),
                call("d", "lax", vec![zoom.clone()]),
                call("e", "none", vec![zoom]),
            ])
            .await;
        let reasons: Vec<_> = verdicts
            .iter()
            .map(|verdict| verdict.findings.first().map_or("", |found| found.sub_reason.as_str()))
            .collect();
        assert_eq!(reasons, ["no_link", "bypass", "wrong_type", "", ""]);
        for verdict in &verdicts[..3] {
            assert_eq!(verdict.outcome(), Outcome::Skip);
            assert_eq!(codes(verdict), [SkipCode::ComplianceEnforcing]);
        }
        assert_eq!(verdicts[3].outcome(), Outcome::Allow);
        assert_eq!(verdicts[4].outcome(), Outcome::Allow);
    }
}

#[tokio::test]
async fn choices_that_cannot_be_read_make_the_verdict_unavailable() {
    for place in places().await {
        let world = World::of_acme(place).await;
        let good = link(&world.issue(ConsentLinkType::Static).await);
        let calls = || {
            vec![call("a", "", vec![good.clone()]), call("b", "lax", vec![]), call("c", "", vec![])]
        };
        assert_eq!(world.judge(calls()).await[0].outcome(), Outcome::Allow);
        world.drop_table("consent_choice").await;
        let verdicts = world.judge(calls()).await;
        assert_eq!(verdicts[0].outcome(), Outcome::Unavailable);
        assert_eq!(verdicts[0].missing, ["choices"]);
        // Where nothing is enforced nothing is asked; what is proven needs no choices.
        assert_eq!(verdicts[1].outcome(), Outcome::Allow);
        assert_eq!(codes(&verdicts[2]), [SkipCode::ComplianceEnforcing]);
        let record = choosing("a", Choice::JoinWithoutRecording, "1");
        let status = world.client().record_choice(record).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable);
        assert_eq!(reason(&status), "ERROR_REASON_STORAGE_UNAVAILABLE");
    }
}

#[tokio::test]
async fn a_policy_that_cannot_be_read_answers_nothing() {
    for place in places().await {
        let world = World::of_acme(place).await;
        world.drop_table("consent_policy").await;
        let status = world.client().judge_consents(judging("acme", 1, vec![])).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable);
    }
}

#[tokio::test]
async fn one_bad_question_does_not_sink_the_batch() {
    for place in places().await {
        let world = World::of_acme(place).await;
        let good = link(&world.issue(ConsentLinkType::Static).await);
        let broken = WireLink { kind: LinkKind::Join.into(), ..WireLink::default() };
        let unread = WireLink { kind: LinkKind::Consent.into(), ..WireLink::default() };
        let mut timeless = call("c", "", vec![good.clone()]);
        timeless.key.as_mut().unwrap().recurrence_id =
            Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 });
        let verdicts = world
            .judge(vec![
                call("a", "", vec![good.clone()]),
                call("b", "nobody", vec![good.clone()]),
                call("b", "", vec![good.clone(), broken]),
                timeless,
                call("d", "", vec![unread]),
            ])
            .await;
        assert_eq!(verdicts[0].outcome(), Outcome::Allow);
        for (verdict, missing) in verdicts[1..4].iter().zip(["profile", "links", "meeting"]) {
            assert_eq!(verdict.outcome(), Outcome::Unavailable);
            assert_eq!(verdict.missing, [missing]);
        }
        assert_eq!(codes(&verdicts[4]), [SkipCode::ComplianceSystemDecision]);
    }
}

#[tokio::test]
async fn too_much_at_once_is_refused() {
    for place in places().await {
        let world = World::of_acme(place).await;
        let calls = vec![ConsentQuestion::default(); 5_001];
        let status = world.client().judge_consents(judging("acme", 1, calls)).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(reason(&status), "ERROR_REASON_PAYLOAD_TOO_LARGE");
        let links = vec![ConsentShape::default(); 20_001];
        let request = ResolveConsentLinksRequest {
            company: "acme".into(),
            policy_version: 1,
            now: None,
            links,
            draft: None,
        };
        let status = world.client().resolve_consent_links(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        // Five thousand different meetings are one question to the store.
        let record = choosing("4999", Choice::JoinWithoutRecording, "1");
        world.client().record_choice(record).await.unwrap();
        let verdicts =
            world.judge((0..5_000).map(|n| call(&n.to_string(), "", vec![])).collect()).await;
        let refused =
            |verdict: &&Verdict| codes(verdict).contains(&SkipCode::ComplianceUserRequest);
        assert_eq!(verdicts.iter().filter(refused).count(), 1);
        assert!(refused(&&verdicts[4_999]));
    }
}

#[tokio::test]
async fn what_comes_later_says_so() {
    for place in places().await {
        let world = World::new(place).await;
        let receipts = world.client().list_receipts(ListReceiptsRequest::default()).await;
        let status = receipts.unwrap_err();
        assert_eq!(status.code(), Code::Unimplemented);
        let info = status.get_details_error_info().unwrap();
        assert_eq!(info.reason, "ERROR_REASON_UNIMPLEMENTED_IN_THIS_VERSION");
        assert_eq!(info.metadata["method"], "ListReceipts");
    }
}
