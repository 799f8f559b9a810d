//! The service over a local link.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use chassis::{House, Link, Running, SimulatedClock};
use chrono::DateTime;
use proto::eligibility::v1 as wire;
use proto::eligibility::v1::company_service_client::CompanyServiceClient;
use proto::eligibility::v1::eligibility_service_client::EligibilityServiceClient;
use proto::time::to_wire;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

const NOW: i64 = 1_772_445_600;

struct World {
    running: Running,
    clock: SimulatedClock,
}

impl World {
    async fn open() -> Self {
        Self::with("").await
    }

    async fn with(overrides: &str) -> Self {
        let clock = SimulatedClock::at(DateTime::from_timestamp(NOW, 0).unwrap());
        let overrides = format!("store.url = 'sqlite::memory:'\n{overrides}");
        let house = House::new().clock(clock.clone()).host::<eligibility::App>(overrides);
        Self { running: house.open().await.unwrap(), clock }
    }

    fn link(&self) -> Link {
        self.running.link("eligibility").unwrap()
    }

    fn companies(&self) -> CompanyServiceClient<Link> {
        let max = self.running.context().max_message;
        CompanyServiceClient::new(self.link())
            .max_decoding_message_size(max)
            .max_encoding_message_size(max)
    }

    fn eligibility(&self) -> EligibilityServiceClient<Link> {
        EligibilityServiceClient::new(self.link())
    }

    async fn apply(&self, document: &str) -> Result<wire::ApplyCompanyResponse, Status> {
        let request = wire::ApplyCompanyRequest { document: document.to_owned(), dry_run: false };
        self.companies().apply_company(request).await.map(tonic::Response::into_inner)
    }

    async fn get(&self, company: &str, version: u64) -> Result<wire::GetCompanyResponse, Status> {
        let request =
            wire::GetCompanyRequest { company: company.to_owned(), policy_version: version };
        self.companies().get_company(request).await.map(tonic::Response::into_inner)
    }

    async fn judge(
        &self,
        company: &str,
        version: u64,
        meetings: Vec<wire::MeetingQuestion>,
    ) -> Result<wire::JudgeMeetingsResponse, Status> {
        let request = wire::JudgeMeetingsRequest {
            company: company.to_owned(),
            policy_version: version,
            now: Some(to_wire(DateTime::from_timestamp(NOW, 0).unwrap())),
            meetings,
        };
        self.eligibility().judge_meetings(request).await.map(tonic::Response::into_inner)
    }
}

const ACME: &str = "\
# The usual example.
company: acme
domains: [acme.example]
assistant: [recorder@acme.example]
settings:
  providers:
    zoom: { enabled: true }
members:
  - id: ada
    emails: [ada@acme.example]
    can_request: true
  - id: bob
    emails:
      - bob@acme.example
";

fn person(address: &str) -> proto::calendar::v1::Person {
    proto::calendar::v1::Person { address: Some(address.into()), ..Default::default() }
}

/// Ada's call with a customer on Zoom, which is recorded.
fn question() -> wire::MeetingQuestion {
    let start = DateTime::from_timestamp(NOW + 86_400, 0).unwrap();
    let mut meeting = decision::Meeting::at(start);
    meeting.title = Some("Renewal".into());
    meeting.links.provider = Some(decision::Provider::Zoom);
    meeting.links.join_link = true;
    wire::MeetingQuestion {
        organizer: Some(person("ada@acme.example")),
        attendees: vec![person("kim@customer.example")],
        ..wire::MeetingQuestion::from(&meeting)
    }
}

fn reason(status: &Status) -> String {
    status.get_details_error_info().unwrap().reason
}

/// Fields and descriptions of what is wrong.
fn violations(status: &Status) -> Vec<(String, String)> {
    let found = status.get_details_bad_request().unwrap().field_violations;
    found.into_iter().map(|violation| (violation.field, violation.description)).collect()
}

fn outcome(verdict: &wire::MeetingVerdict) -> proto::verdict::v1::Outcome {
    verdict.verdict.as_ref().unwrap().outcome()
}

#[tokio::test]
async fn a_company_is_applied_read_and_judged_by() {
    let world = World::open().await;
    let applied = world.apply(ACME).await.unwrap();
    assert_eq!(
        (applied.company.as_str(), applied.policy_version, applied.changed),
        ("acme", 1, true)
    );
    let found = world.get("acme", 0).await.unwrap();
    assert_eq!(found.applied_at.unwrap().seconds, NOW);
    assert!(found.document.starts_with(r#"{"company":"acme""#), "{}", found.document);
    let answer = world.judge("acme", 0, vec![question()]).await.unwrap();
    assert_eq!(answer.policy_version, 1);
    let verdict = &answer.verdicts[0];
    assert_eq!(outcome(verdict), proto::verdict::v1::Outcome::Allow);
    assert_eq!((verdict.owner.as_str(), verdict.requester.as_str()), ("ada", ""));
}
