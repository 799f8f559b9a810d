//! A house with the eligibility service, alone or as replicas, a company file, and questions about meetings.

use chassis::{House, Link, Running, SimulatedClock};
use chrono::DateTime;
use proto::eligibility::v1 as wire;
use proto::eligibility::v1::company_service_client::CompanyServiceClient;
use proto::eligibility::v1::eligibility_service_client::EligibilityServiceClient;
use proto::time::to_wire;
use proto::verdict::v1::Outcome;
use tonic::Status;
use tonic_types::StatusExt as _;

pub(crate) const NOW: i64 = 1_772_445_600;

pub(crate) struct World {
    pub(crate) running: Running,
    pub(crate) clock: SimulatedClock,
}

impl World {
    pub(crate) async fn open() -> Self {
        Self::bare("store.url = 'sqlite::memory:'").await
    }

    pub(crate) async fn bare(overrides: &str) -> Self {
        let clock = SimulatedClock::at(DateTime::from_timestamp(NOW, 0).unwrap());
        let house = House::new().clock(clock.clone()).host::<eligibility::App>(overrides);
        Self { running: house.open().await.unwrap(), clock }
    }

    pub(crate) fn link(&self) -> Link {
        self.running.link("eligibility").unwrap()
    }

    pub(crate) fn companies(&self) -> CompanyServiceClient<Link> {
        let max = self.running.context().max_message;
        CompanyServiceClient::new(self.link())
            .max_decoding_message_size(max)
            .max_encoding_message_size(max)
    }

    pub(crate) fn eligibility(&self) -> EligibilityServiceClient<Link> {
        let max = self.running.context().max_message;
        EligibilityServiceClient::new(self.link())
            .max_decoding_message_size(max)
            .max_encoding_message_size(max)
    }

    pub(crate) async fn apply(&self, document: &str) -> Result<wire::ApplyCompanyResponse, Status> {
        let request = wire::ApplyCompanyRequest { document: document.to_owned(), dry_run: false };
        self.companies().apply_company(request).await.map(tonic::Response::into_inner)
    }

    pub(crate) async fn get(
        &self,
        company: &str,
        version: u64,
    ) -> Result<wire::GetCompanyResponse, Status> {
        let request =
            wire::GetCompanyRequest { company: company.to_owned(), policy_version: version };
        self.companies().get_company(request).await.map(tonic::Response::into_inner)
    }

    pub(crate) async fn members(&self, company: &str, page_size: u32) -> Vec<wire::TeamMember> {
        let company = company.to_owned();
        let request = wire::ListTeamMembersRequest { company, page_size, ..Default::default() };
        self.companies().list_team_members(request).await.unwrap().into_inner().members
    }

    pub(crate) async fn judge(
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
            draft: String::new(),
        };
        self.eligibility().judge_meetings(request).await.map(tonic::Response::into_inner)
    }

    pub(crate) async fn judge_draft(
        &self,
        company: &str,
        draft: &str,
        meetings: Vec<wire::MeetingQuestion>,
    ) -> Result<wire::JudgeMeetingsResponse, Status> {
        let request = wire::JudgeMeetingsRequest {
            company: company.to_owned(),
            policy_version: 7,
            now: Some(to_wire(DateTime::from_timestamp(NOW, 0).unwrap())),
            meetings,
            draft: draft.to_owned(),
        };
        self.eligibility().judge_meetings(request).await.map(tonic::Response::into_inner)
    }

    pub(crate) async fn try_out(
        &self,
        document: &str,
    ) -> Result<wire::ApplyCompanyResponse, Status> {
        let request = wire::ApplyCompanyRequest { document: document.to_owned(), dry_run: true };
        self.companies().apply_company(request).await.map(tonic::Response::into_inner)
    }
}

pub(crate) const ACME: &str = "\
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

pub(crate) fn person(address: &str) -> proto::calendar::v1::Person {
    proto::calendar::v1::Person { address: Some(address.into()), ..Default::default() }
}

/// Ada's call with a customer on Zoom, which is recorded.
pub(crate) fn question() -> wire::MeetingQuestion {
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

pub(crate) fn reason(status: &Status) -> String {
    status.get_details_error_info().unwrap().reason
}

/// Fields and descriptions of what is wrong.
pub(crate) fn violations(status: &Status) -> Vec<(String, String)> {
    let found = status.get_details_bad_request().unwrap().field_violations;
    found.into_iter().map(|violation| (violation.field, violation.description)).collect()
}

pub(crate) fn outcome(verdict: &wire::MeetingVerdict) -> Outcome {
    verdict.verdict.as_ref().unwrap().outcome()
}

/// Two instances of the service on each kind of database that they can share.
pub(crate) async fn with_replicas<F: Future<Output = ()>>(
    more: &str,
    law: impl Fn(World, World) -> F,
) {
    for engine in storage::testing::engines().await.iter().filter(|engine| engine.is_shared()) {
        eprintln!("on {}", engine.name());
        let config = engine.config();
        let store = format!("store.url = '{}'\nstore.schema = '{}'", config.url, config.schema);
        let settings = format!("{store}\n{more}");
        law(World::bare(&settings).await, World::bare(&settings).await).await;
    }
}
