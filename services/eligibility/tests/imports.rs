//! Telephone calls and uploads, judged over a local link.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use chassis::{House, Link, Running, SimulatedClock};
use chrono::DateTime;
use proto::eligibility::v1 as wire;
use proto::eligibility::v1::company_service_client::CompanyServiceClient;
use proto::eligibility::v1::eligibility_service_client::EligibilityServiceClient;
use proto::provider::v1::NumberMode;
use proto::skip::v1::SkipCode;
use proto::time::to_wire;
use proto::verdict::v1::{Outcome, Verdict};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

const NOW: i64 = 1_772_445_600;

const ACME: &str = "\
company: acme
domains: [acme.example]
settings:
  dialer:
    numbers:
      - { prefix: \"+49\", mode: manual }
      - { prefix: \"+33\", mode: prohibited }
members:
  - { id: ada, emails: [ada@acme.example], can_request: true }
  - { id: bob, emails: [bob@acme.example] }
  - { id: eve, emails: [eve@acme.example], capture: disabled }
";

struct World {
    running: Running,
}

impl World {
    /// With Acme applied.
    async fn open() -> Self {
        let clock = SimulatedClock::at(DateTime::from_timestamp(NOW, 0).unwrap());
        let house =
            House::new().clock(clock).host::<eligibility::App>("store.url = 'sqlite::memory:'");
        let world = Self { running: house.open().await.unwrap() };
        world.apply(ACME, false).await;
        world
    }

    fn link(&self) -> Link {
        self.running.link("eligibility").unwrap()
    }

    fn eligibility(&self) -> EligibilityServiceClient<Link> {
        let max = self.running.context().max_message;
        EligibilityServiceClient::new(self.link())
            .max_decoding_message_size(max)
            .max_encoding_message_size(max)
    }

    async fn apply(&self, document: &str, dry_run: bool) -> wire::ApplyCompanyResponse {
        let request = wire::ApplyCompanyRequest { document: document.to_owned(), dry_run };
        CompanyServiceClient::new(self.link()).apply_company(request).await.unwrap().into_inner()
    }

    async fn judge(
        &self,
        request: wire::JudgeDialerCallsRequest,
    ) -> Result<wire::JudgeDialerCallsResponse, Status> {
        self.eligibility().judge_dialer_calls(request).await.map(tonic::Response::into_inner)
    }

    async fn judge_uploads(&self, uploads: Vec<wire::UploadQuestion>) -> Vec<wire::UploadVerdict> {
        let request = wire::JudgeUploadsRequest {
            company: "acme".into(),
            uploads,
            ..wire::JudgeUploadsRequest::default()
        };
        self.eligibility().judge_uploads(request).await.unwrap().into_inner().verdicts
    }
}

fn of(calls: Vec<wire::DialerCallQuestion>) -> wire::JudgeDialerCallsRequest {
    let now = Some(to_wire(DateTime::from_timestamp(NOW, 0).unwrap()));
    wire::JudgeDialerCallsRequest { company: "acme".into(), now, calls, ..Default::default() }
}

/// Ada calls a customer in England.
fn call() -> wire::DialerCallQuestion {
    wire::DialerCallQuestion {
        own_number: "+44 20 7946 0000".into(),
        other_number: "020 7946 0001".into(),
        user: "ada".into(),
        participants: vec!["kim@customer.example".into()],
        placed_at: Some(to_wire(DateTime::from_timestamp(NOW, 0).unwrap())),
        ..wire::DialerCallQuestion::default()
    }
}

fn to(other_number: &str) -> wire::DialerCallQuestion {
    wire::DialerCallQuestion { other_number: other_number.into(), ..call() }
}

fn upload() -> wire::UploadQuestion {
    wire::UploadQuestion {
        owner: "ada@acme.example".into(),
        recorded_at: call().placed_at,
        participants: vec!["kim@customer.example".into()],
        ..wire::UploadQuestion::default()
    }
}

fn codes(verdict: Option<&Verdict>) -> Vec<SkipCode> {
    let stands = |one: &&proto::verdict::v1::Finding| !one.lifted;
    verdict.unwrap().findings.iter().filter(stands).map(|one| one.code()).collect()
}

fn reason(status: &Status) -> String {
    status.get_details_error_info().unwrap().reason
}

#[tokio::test]
async fn calls_are_judged_in_the_order_of_the_questions() {
    let world = World::open().await;
    let by_hand = |number: &str, started| wire::DialerCallQuestion {
        started_by_hand: Some(started),
        ..to(number)
    };
    let of_eve = wire::DialerCallQuestion { user: "EVE@acme.example".into(), ..call() };
    let cases = [
        (call(), vec![], NumberMode::Automatic),
        (to("+49 30 12345678"), vec![], NumberMode::Manual),
        (to("+33 6 12 34 56 78"), vec![], NumberMode::Prohibited),
        (by_hand("+493012345678", true), vec![], NumberMode::Automatic),
        (
            by_hand("+493012345678", false),
            vec![SkipCode::ManualRecordingExcluded],
            NumberMode::Manual,
        ),
        (
            by_hand("+33612345678", true),
            vec![SkipCode::RecordingRestricted],
            NumberMode::Prohibited,
        ),
        // Nobody can tell where it is, and the strictest of all entries holds.
        (to("anonymous"), vec![], NumberMode::Prohibited),
        (of_eve, vec![SkipCode::UserRecordingOff], NumberMode::Automatic),
    ];
    let questions = cases.iter().map(|(question, ..)| question.clone()).collect();
    let answer = world.judge(of(questions)).await.unwrap();
    assert_eq!((answer.policy_version, answer.verdicts.len()), (1, cases.len()));
    for ((question, expected, mode), said) in cases.iter().zip(&answer.verdicts) {
        assert_eq!(codes(said.verdict.as_ref()), *expected, "{question:?}");
        assert_eq!(said.number_mode(), *mode, "{question:?}");
    }
    let first = &answer.verdicts[0];
    assert_eq!((first.owner.as_str(), first.requester.as_str()), ("ada", ""));
    assert_eq!(first.verdict.as_ref().unwrap().outcome(), Outcome::Allow);
}

#[tokio::test]
async fn a_batch_of_ten_thousand_calls_is_judged_and_one_more_is_refused() {
    let world = World::open().await;
    let calls = |count: u32| (0..count).map(|i| to(&format!("+4420794{i:05}"))).collect();
    let answer = world.judge(of(calls(10_000))).await.unwrap();
    assert_eq!(answer.verdicts.len(), 10_000);
    assert!(answer.verdicts.iter().all(|one| one.owner == "ada"));
    let error = world.judge(of(calls(10_001))).await.unwrap_err();
    assert_eq!(reason(&error), "ERROR_REASON_PAYLOAD_TOO_LARGE");
    assert_eq!(error.get_details_bad_request().unwrap().field_violations[0].field, "calls");
}

#[tokio::test]
async fn a_question_that_makes_no_sense_is_named_by_its_place_and_the_rest_is_judged() {
    let world = World::open().await;
    let timeless = wire::DialerCallQuestion { placed_at: None, ..call() };
    let answer = world.judge(of(vec![call(), timeless, call()])).await.unwrap();
    let outcome = |place: usize| answer.verdicts[place].verdict.as_ref().unwrap().outcome();
    assert_eq!([0, 1, 2].map(outcome), [Outcome::Allow, Outcome::Unavailable, Outcome::Allow]);
    let doubt = &answer.verdicts[1];
    assert_eq!(doubt.verdict.as_ref().unwrap().missing, ["calls.placed_at"]);
    assert_eq!(doubt.number_mode(), NumberMode::Prohibited, "a doubt is no permission");
    let mut request = of(vec![call()]);
    request.now.as_mut().unwrap().nanos = -1;
    let error = world.judge(request).await.unwrap_err();
    assert_eq!(error.get_details_bad_request().unwrap().field_violations[0].field, "now");
}

#[tokio::test]
async fn a_company_or_version_nobody_knows_is_refused() {
    let world = World::open().await;
    let unknown = wire::JudgeDialerCallsRequest { company: "other".into(), ..of(vec![call()]) };
    let error = world.judge(unknown).await.unwrap_err();
    assert_eq!(
        (error.code(), reason(&error).as_str()),
        (Code::NotFound, "ERROR_REASON_UNKNOWN_COMPANY")
    );
    let newer = wire::JudgeDialerCallsRequest { policy_version: 9, ..of(vec![call()]) };
    let error = world.judge(newer).await.unwrap_err();
    assert_eq!(reason(&error), "ERROR_REASON_UNKNOWN_POLICY_VERSION");
}

#[tokio::test]
async fn calls_are_judged_by_a_version_and_by_a_draft() {
    let world = World::open().await;
    let off = ACME.replace("  dialer:\n", "  dialer:\n    enabled: false\n");
    let draft = world.apply(&off, true).await.document;
    let disabled = [SkipCode::CallProviderDisabledForCompany];
    let proposed =
        world.judge(wire::JudgeDialerCallsRequest { draft, ..of(vec![call()]) }).await.unwrap();
    assert_eq!(codes(proposed.verdicts[0].verdict.as_ref()), disabled);
    assert_eq!(world.apply(&off, false).await.policy_version, 2);
    for (policy_version, expected) in [(1, &[][..]), (2, &disabled), (0, &disabled)] {
        let request = wire::JudgeDialerCallsRequest { policy_version, ..of(vec![call()]) };
        let answer = world.judge(request).await.unwrap();
        assert_eq!(codes(answer.verdicts[0].verdict.as_ref()), expected, "{policy_version}");
    }
    let applied = world.judge(of(vec![call()])).await.unwrap();
    assert_eq!(applied.verdicts, proposed.verdicts);
}

#[tokio::test]
async fn an_upload_needs_a_member_who_may() {
    let world = World::open().await;
    let by = |owner: &str| wire::UploadQuestion { owner: owner.into(), ..upload() };
    let timeless = wire::UploadQuestion { recorded_at: None, ..upload() };
    let verdicts = world.judge_uploads(vec![upload(), by("bob"), by("kim"), timeless]).await;
    let rejections: Vec<_> = verdicts.iter().map(wire::UploadVerdict::rejection).collect();
    assert_eq!(
        rejections,
        [
            wire::UploadRejection::Unspecified,
            wire::UploadRejection::NoPermission,
            wire::UploadRejection::UnknownMember,
            wire::UploadRejection::Unspecified,
        ]
    );
    assert_eq!(verdicts[0].owner, "ada");
    assert_eq!(verdicts[0].verdict.as_ref().unwrap().outcome(), Outcome::Allow);
    assert_eq!(verdicts[1].verdict, None);
    assert_eq!(verdicts[3].verdict.as_ref().unwrap().missing, ["uploads.recorded_at"]);
}
