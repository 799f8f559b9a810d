//! What participants chose: recorded once, seen by whoever judges afterwards.

use std::time::Duration;

use proto::calendar::v1::ConsentLinkType;
use proto::consent::v1::{
    ApplyConsentProfileRequest, Choice, ConsentQuestion, RecordChoiceRequest,
};
use proto::skip::v1::SkipCode;
use proto::verdict::v1::{CallKey, Outcome};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::world::{
    World, acme, call, choosing, client_of, codes, judging, key, link, places, start, watched,
    watching,
};

#[tokio::test]
async fn a_refusal_holds_for_its_meeting_alone() {
    for place in places().await {
        let world = World::of_acme(place).await;
        let good = link(&world.issue(ConsentLinkType::Static).await);
        let mut client = world.client();
        client.record_choice(choosing("a", Choice::JoinWithoutRecording, "1")).await.unwrap();
        client.record_choice(choosing("a", Choice::Join, "2")).await.unwrap();
        client.record_choice(choosing("b", Choice::Join, "3")).await.unwrap();
        let mut occurrence = call("a", "", vec![good.clone()]);
        occurrence.key.as_mut().unwrap().recurrence_id = Some(proto::time::to_wire(start()));
        let nameless = ConsentQuestion { key: None, ..call("", "", vec![good.clone()]) };
        let verdicts = world
            .judge(vec![
                call("a", "", vec![good.clone()]),
                call("b", "", vec![good.clone()]),
                occurrence,
                nameless,
                call("a", "lax", vec![good.clone()]),
            ])
            .await;
        assert_eq!(codes(&verdicts[0]), [SkipCode::ComplianceUserRequest]);
        assert!(verdicts[1..].iter().all(|verdict| verdict.outcome() == Outcome::Allow));
        // The same identity in another company is another meeting.
        let other = ApplyConsentProfileRequest { company: "other".into(), ..acme(1) };
        client.apply_consent_profile(other).await.unwrap();
        let request = judging("other", 1, vec![call("a", "", vec![])]);
        let verdicts = client.judge_consents(request).await.unwrap().into_inner().verdicts;
        assert_eq!(codes(&verdicts[0]), [SkipCode::ComplianceEnforcing]);
    }
}

#[tokio::test]
async fn the_same_request_is_recorded_once() {
    for place in places().await {
        let world = World::of_acme(place).await;
        let mut client = world.client();
        let record = choosing("a", Choice::JoinWithoutRecording, "1");
        let first = client.record_choice(record.clone()).await.unwrap().into_inner().sequence;
        let again = client.record_choice(record).await.unwrap().into_inner().sequence;
        assert_eq!(first, again);
        let next =
            client.record_choice(choosing("b", Choice::Join, "2")).await.unwrap().into_inner();
        assert!(next.sequence > first);
        for other in
            [choosing("a", Choice::Join, "1"), choosing("b", Choice::JoinWithoutRecording, "1")]
        {
            let status = client.record_choice(other).await.unwrap_err();
            assert_eq!(status.code(), Code::InvalidArgument);
            let reason = status.get_details_error_info().map(|info| info.reason);
            assert_eq!(reason.as_deref(), Some("ERROR_REASON_REQUEST_ID_REUSED"));
        }
    }
}

#[tokio::test]
async fn a_choice_that_makes_no_sense_is_refused() {
    for place in places().await {
        let world = World::of_acme(place).await;
        let good = choosing("a", Choice::Join, "1");
        type Spoil = fn(&mut RecordChoiceRequest);
        let cases: [(&str, Spoil); 8] = [
            ("choice", |r| r.choice = 0),
            ("choice", |r| r.choice = 9),
            ("company", |r| r.company = String::new()),
            ("request_id", |r| r.request_id = String::new()),
            ("request_id", |r| r.request_id = "x".repeat(201)),
            ("key", |r| r.key = None),
            ("key.ical_uid", |r| r.key = Some(CallKey::default())),
            ("key.ical_uid", |r| r.key = Some(key(""))),
        ];
        for (field, spoil) in cases {
            let mut spoilt = good.clone();
            spoil(&mut spoilt);
            let status = world.client().record_choice(spoilt).await.unwrap_err();
            assert_eq!(status.code(), Code::InvalidArgument);
            assert!(status.message().contains(&format!("`{field}`")), "{}", status.message());
        }
    }
}

#[tokio::test]
async fn what_was_applied_and_chosen_outlives_the_process() {
    for place in places().await {
        let world = World::of_acme(place).await;
        let good = link(&world.issue(ConsentLinkType::Static).await);
        let record = choosing("a", Choice::JoinWithoutRecording, "1");
        world.client().record_choice(record).await.unwrap();
        let world = world.restarted().await;
        let verdicts =
            world.judge(vec![call("a", "", vec![good.clone()]), call("b", "", vec![good])]).await;
        assert_eq!(codes(&verdicts[0]), [SkipCode::ComplianceUserRequest]);
        assert_eq!(verdicts[1].outcome(), Outcome::Allow);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_request_at_two_replicas_at_once_is_one_choice() {
    for place in places().await {
        let world = World::of_acme(place).await;
        let other = world.replica().await;
        for n in 0..50_u64 {
            let request = choosing("a", Choice::JoinWithoutRecording, &n.to_string());
            let (mut one, mut two) = (world.client(), client_of(&other));
            let (mut three, mut four) = (world.client(), client_of(&other));
            let answers = tokio::join!(
                one.record_choice(request.clone()),
                two.record_choice(request.clone()),
                three.record_choice(request.clone()),
                four.record_choice(request),
            );
            for answer in [answers.0, answers.1, answers.2, answers.3] {
                assert_eq!(answer.unwrap().into_inner().sequence, n + 1);
            }
        }
        assert_eq!(watched(&mut world.client(), watching("", 0, true)).await.len(), 50);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_refusal_recorded_at_one_replica_is_seen_by_all_that_is_judged_at_another_afterwards() {
    for place in places().await {
        let postgres = place.engine.is_postgres();
        let world = World::of_acme(place).await;
        let other = world.replica().await;
        let good = link(&world.issue(ConsentLinkType::Static).await);
        // Others judge meanwhile, so that questions share queries. Without links, whose signatures take their time.
        let noise = tokio::spawn({
            let mut client = client_of(&other);
            async move {
                for n in 0_u64.. {
                    let call = call(&n.to_string(), "", vec![]);
                    let asked = client.judge_consents(judging("acme", 1, vec![call])).await;
                    assert!(asked.is_ok());
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        });
        let (mut recording, mut judging_at) = (world.client(), client_of(&other));
        for n in 0..if postgres { 1_000 } else { 100 } {
            let uid = format!("meeting {n}");
            let asked = || judging("acme", 1, vec![call(&uid, "", vec![good.clone()])]);
            if n % 10 == 0 {
                let before = judging_at.judge_consents(asked()).await.unwrap().into_inner();
                assert_eq!(before.verdicts[0].outcome(), Outcome::Allow);
            }
            let refusal = choosing(&uid, Choice::JoinWithoutRecording, &uid);
            recording.record_choice(refusal).await.unwrap();
            let after = judging_at.judge_consents(asked()).await.unwrap().into_inner();
            assert_eq!(codes(&after.verdicts[0]), [SkipCode::ComplianceUserRequest], "{n}");
        }
        assert!(!noise.is_finished());
        noise.abort();
    }
}
