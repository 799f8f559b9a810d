//! The service over a local link.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use chassis::{House, Link, Running, SimulatedClock};
use chrono::DateTime;
use futures::StreamExt as _;
use proto::eligibility::v1 as wire;
use proto::eligibility::v1::company_service_client::CompanyServiceClient;
use proto::eligibility::v1::eligibility_service_client::EligibilityServiceClient;
use proto::skip::v1::SkipCode;
use proto::time::to_wire;
use proto::verdict::v1::Outcome;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

const NOW: i64 = 1_772_445_600;

struct World {
    running: Running,
    clock: SimulatedClock,
}

impl World {
    async fn open() -> Self {
        Self::bare("store.url = 'sqlite::memory:'").await
    }

    async fn bare(overrides: &str) -> Self {
        let clock = SimulatedClock::at(DateTime::from_timestamp(NOW, 0).unwrap());
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
        let max = self.running.context().max_message;
        EligibilityServiceClient::new(self.link())
            .max_decoding_message_size(max)
            .max_encoding_message_size(max)
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

    async fn members(&self, company: &str, page_size: u32) -> Vec<wire::TeamMember> {
        let company = company.to_owned();
        let request = wire::ListTeamMembersRequest { company, page_size, ..Default::default() };
        self.companies().list_team_members(request).await.unwrap().into_inner().members
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
            draft: String::new(),
        };
        self.eligibility().judge_meetings(request).await.map(tonic::Response::into_inner)
    }

    async fn judge_draft(
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

    async fn try_out(&self, document: &str) -> Result<wire::ApplyCompanyResponse, Status> {
        let request = wire::ApplyCompanyRequest { document: document.to_owned(), dry_run: true };
        self.companies().apply_company(request).await.map(tonic::Response::into_inner)
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

fn outcome(verdict: &wire::MeetingVerdict) -> Outcome {
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
    assert_eq!(outcome(verdict), Outcome::Allow);
    assert_eq!((verdict.owner.as_str(), verdict.requester.as_str()), ("ada", ""));
}

#[tokio::test]
async fn the_same_content_again_makes_no_version_however_it_is_written() {
    let world = World::open().await;
    world.apply(ACME).await.unwrap();
    let canonical = world.get("acme", 1).await.unwrap().document;
    for text in [ACME, &canonical, &format!("# another comment\n{ACME}")] {
        let again = world.apply(text).await.unwrap();
        assert_eq!((again.policy_version, again.changed), (1, false));
    }
}

#[tokio::test]
async fn every_version_stays_readable_and_can_be_judged_by() {
    let world = World::open().await;
    world.apply(ACME).await.unwrap();
    world.clock.advance(chrono::TimeDelta::hours(1));
    let strict = ACME.replace("settings:\n", "settings:\n  exclusions: { keywords: [renewal] }\n");
    assert_eq!(world.apply(&strict).await.unwrap().policy_version, 2);
    let (old, new) = (world.get("acme", 1).await.unwrap(), world.get("acme", 0).await.unwrap());
    assert_eq!((old.policy_version, new.policy_version), (1, 2));
    assert!(!old.document.contains("renewal") && new.document.contains("renewal"));
    assert_eq!(new.applied_at.unwrap().seconds - old.applied_at.unwrap().seconds, 3_600);
    for (asked, judged_by, skipped) in [(1, 1, false), (2, 2, true), (0, 2, true)] {
        let answer = world.judge("acme", asked, vec![question()]).await.unwrap();
        assert_eq!(answer.policy_version, judged_by);
        let skip = outcome(&answer.verdicts[0]) == Outcome::Skip;
        assert_eq!(skip, skipped, "version {asked}");
    }
}

#[tokio::test]
async fn a_dry_run_checks_and_stores_nothing() {
    let world = World::open().await;
    let answer = world.try_out(ACME).await.unwrap();
    assert_eq!((answer.company.as_str(), answer.policy_version, answer.changed), ("acme", 0, true));
    assert_eq!(world.get("acme", 0).await.unwrap_err().code(), Code::NotFound);
    world.apply(ACME).await.unwrap();
    let answer = world.try_out(ACME).await.unwrap();
    assert_eq!((answer.policy_version, answer.changed), (1, false));
    let answer = world.try_out(&ACME.replace("bob", "bo")).await.unwrap();
    assert_eq!((answer.policy_version, answer.changed), (1, true));
    let error = world.try_out(&ACME.replace("company: acme", "company: other")).await.unwrap_err();
    assert_eq!(reason(&error), "ERROR_REASON_DOMAIN_BELONGS_TO_ANOTHER_COMPANY");
}

#[tokio::test]
async fn a_dry_run_answers_the_canonical_form_that_would_be_kept() {
    let world = World::open().await;
    let tried = world.try_out(ACME).await.unwrap().document;
    assert_eq!(world.apply(ACME).await.unwrap().document, "");
    assert_eq!(tried, world.get("acme", 1).await.unwrap().document);
    assert_eq!(world.try_out(ACME).await.unwrap().document, tried);
    assert_eq!(world.try_out(&tried).await.unwrap().document, tried);
}

const STRICT: &str = "settings:\n  exclusions: { keywords: [renewal] }\n";

#[tokio::test]
async fn a_draft_is_judged_by_and_not_kept() {
    let world = World::open().await;
    world.apply(ACME).await.unwrap();
    let draft = world.try_out(&ACME.replace("settings:\n", STRICT)).await.unwrap().document;
    for _ in 0..3 {
        let answer = world.judge_draft("acme", &draft, vec![question()]).await.unwrap();
        // The version is the request's, which need not be there.
        assert_eq!(answer.policy_version, 7);
        assert_eq!(outcome(&answer.verdicts[0]), Outcome::Skip);
    }
    let answer = world.judge("acme", 0, vec![question()]).await.unwrap();
    assert_eq!((answer.policy_version, outcome(&answer.verdicts[0])), (1, Outcome::Allow));
    // What is proposed for a company that nobody applied can be judged by as well.
    let other = draft.replace("acme", "other");
    let answer = world.judge_draft("other", &other, vec![question()]).await.unwrap();
    assert_eq!(answer.verdicts.len(), 1);
    assert_eq!(world.get("other", 0).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn a_draft_gives_the_verdicts_that_applying_it_gives() {
    let world = World::open().await;
    world.apply("company: other\ndomains: [other.example]\n").await.unwrap();
    world.apply(ACME).await.unwrap();
    let question = |recipient: &str| wire::MeetingQuestion {
        foreign_recipient: recipient.into(),
        ..question()
    };
    let questions: Vec<_> =
        ["rec@other.example", "x@eu.other.example", "x@acme.example", "x@new.example", ""]
            .map(question)
            .into();
    let mut seen = std::collections::BTreeSet::new();
    for domains in ["acme.example", "new.example", "eu.other.example", "acme.example, new.example"]
    {
        let text = ACME
            .replace("domains: [acme.example]", &format!("domains: [{domains}]"))
            .replace("assistant: [recorder@acme.example]\n", "");
        let draft = world.try_out(&text).await.unwrap().document;
        let proposed = world.judge_draft("acme", &draft, questions.clone()).await.unwrap();
        world.apply(&text).await.unwrap();
        let applied = world.judge("acme", 0, questions.clone()).await.unwrap();
        assert_eq!(proposed.verdicts, applied.verdicts, "{domains}");
        seen.insert(format!("{:?}", applied.verdicts));
    }
    assert!(seen.len() > 1, "the drafts must differ in what they give");
}

#[tokio::test]
async fn a_draft_that_is_wrong_is_refused_with_its_field() {
    let world = World::open().await;
    world.apply(ACME).await.unwrap();
    let refused = async |company: &str, draft: &str| {
        let error = world.judge_draft(company, draft, vec![question()]).await.unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument);
        assert_eq!(reason(&error), "ERROR_REASON_INVALID_COMPANY_FILE");
        violations(&error).remove(0)
    };
    let draft = world.try_out(ACME).await.unwrap().document;
    let (field, text) = refused("acme", &draft.replace("can_request", "may_request")).await;
    assert_eq!(field, "draft.members[0].may_request");
    assert!(text.contains("did you mean `can_request`?"), "{text}");
    let (field, text) = refused("acme", &draft.replace("\"ada@acme.example\"", "\"ada\"")).await;
    assert_eq!(field, "draft.members[0].emails[0]");
    assert!(text.starts_with("line 1, column "), "{text}");
    assert_eq!(refused("acme", "{").await.0, "draft");
    // Ready for its own company, it is none of another's.
    world.judge_draft("acme", &draft, vec![]).await.unwrap();
    let (field, text) = refused("other", &draft).await;
    assert_eq!(field, "draft.company");
    assert!(text.contains("`acme`") && text.contains("`other`"), "{text}");

    let long = "x".repeat(49 * 1024 * 1024);
    let error = world.judge_draft("acme", &long, vec![]).await.unwrap_err();
    assert_eq!(reason(&error), "ERROR_REASON_PAYLOAD_TOO_LARGE");
    assert_eq!(violations(&error)[0].0, "draft");
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_refused_with_its_line() {
    let world = World::open().await;
    let error = world.apply(&ACME.replace("can_request", "may_request")).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    assert_eq!(reason(&error), "ERROR_REASON_INVALID_COMPANY_FILE");
    assert!(
        error
            .message()
            .starts_with("line 11, column 5: `members[0].may_request`: `may_request` is"),
        "{}",
        error.message()
    );
    let metadata = error.get_details_error_info().unwrap().metadata;
    assert_eq!(
        (metadata["field"].as_str(), metadata["line"].as_str()),
        ("members[0].may_request", "11")
    );
    let found = violations(&error);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].0, "members[0].may_request");
    assert!(found[0].1.starts_with("line 11, column 5: "), "{}", found[0].1);

    let error = world.apply("company: acme\ndomains: [a.example\nname: x\n").await.unwrap_err();
    assert_eq!(violations(&error)[0].0, "document");
    assert!(error.message().starts_with("line "), "{}", error.message());
}

#[tokio::test]
async fn everything_wrong_with_a_file_is_told_with_its_lines() {
    let world = World::open().await;
    let text = ACME
        .replace("bob@acme.example", "ADA@acme.example")
        .replace("zoom:", "zooom:")
        .replace("company: acme", "company: acme\ntime_zone: Mars");
    let error = world.apply(&text).await.unwrap_err();
    assert_eq!(reason(&error), "ERROR_REASON_INVALID_COMPANY_FILE");
    let found = violations(&error);
    let places: Vec<_> = found
        .iter()
        .map(|(field, text)| (field.as_str(), text.split(": ").next().unwrap()))
        .collect();
    assert_eq!(
        places,
        [
            ("time_zone", "line 3, column 12"),
            ("settings.providers.zooom", "line 8, column 5"),
            ("members[1].emails[0]", "line 15, column 9"),
        ]
    );
    assert!(error.message().ends_with("(and 2 more problems)"), "{}", error.message());
    assert_eq!(world.get("acme", 0).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn a_file_of_a_thousand_long_mistakes_is_answered_over_a_socket() {
    let house = House::new()
        .host::<eligibility::App>("store.url = 'sqlite::memory:'")
        .listen("127.0.0.1:0".parse().unwrap())
        .set("server.lame_duck = '0s'");
    let running = house.serve().await.unwrap();
    let address = format!("http://{}", running.address().unwrap());
    let link = Link::far("eligibility", &address, std::time::Duration::from_secs(20)).unwrap();
    let mut text = "company: acme\ndomains:\n".to_owned();
    for i in 0..1_000 {
        text += &format!("- 'straße nr. {i} {}'\n", "ü".repeat(5_000));
    }
    let mut client = CompanyServiceClient::new(link).max_encoding_message_size(64 * 1024 * 1024);
    let request = wire::ApplyCompanyRequest { document: text, dry_run: false };
    let error = client.apply_company(request).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument, "{}", error.message());
    assert!(error.message().starts_with("line 3, column 3: `domains[0]`: `straße nr. 0"));
    let found = violations(&error);
    assert!(found.len() > 3, "{}", found.len());
    assert_eq!(found[2].0, "domains[2]");
    let long = "x".repeat(1_000_000);
    let request = wire::GetCompanyRequest { company: long, policy_version: 0 };
    let error = client.get_company(request).await.unwrap_err();
    assert_eq!(reason(&error), "ERROR_REASON_UNKNOWN_COMPANY");
    running.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_file_larger_than_any_company_needs_is_refused() {
    let world = World::open().await;
    let text = format!("{ACME}#{}", "x".repeat(16 * 1024 * 1024));
    let error = world.apply(&text).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    assert_eq!(reason(&error), "ERROR_REASON_PAYLOAD_TOO_LARGE");
    let metadata = error.get_details_error_info().unwrap().metadata;
    assert_eq!(metadata["limit"], "16777216");
}

#[tokio::test]
async fn a_domain_has_one_owner() {
    let world = World::open().await;
    world.apply(ACME).await.unwrap();
    let greedy = "company: other\nname: Other\ndomains:\n  - other.example\n  - ACME.example\n";
    let error = world.apply(greedy).await.unwrap_err();
    assert_eq!(error.code(), Code::FailedPrecondition);
    assert_eq!(reason(&error), "ERROR_REASON_DOMAIN_BELONGS_TO_ANOTHER_COMPANY");
    assert!(
        error.message().starts_with("line 5, column 5: `acme.example` belongs to another company"),
        "{}",
        error.message()
    );
    let metadata = error.get_details_error_info().unwrap().metadata;
    assert_eq!(
        (metadata["domain"].as_str(), metadata["field"].as_str()),
        ("acme.example", "domains[1]")
    );
    assert_eq!(violations(&error)[0].0, "domains[1]");
    // Nothing of the owner is told, and nothing of the file is stored.
    assert!(!format!("{error:?}").contains("`acme`"));
    assert_eq!(world.get("other", 0).await.unwrap_err().code(), Code::NotFound);

    let recorder = "company: other\nassistant: [recorder@acme.example]\n";
    let error = world.apply(recorder).await.unwrap_err();
    assert_eq!(reason(&error), "ERROR_REASON_DOMAIN_BELONGS_TO_ANOTHER_COMPANY");
    assert_eq!(violations(&error)[0].0, "assistant[0]");

    // Given up, it can be had.
    world.apply("company: acme\n").await.unwrap();
    assert_eq!(world.apply(greedy).await.unwrap().policy_version, 1);
    let error = world.apply(ACME).await.unwrap_err();
    assert_eq!(reason(&error), "ERROR_REASON_DOMAIN_BELONGS_TO_ANOTHER_COMPANY");
}

#[tokio::test]
async fn two_companies_that_want_one_domain_at_once_do_not_both_get_it() {
    let world = World::open().await;
    let files: Vec<String> =
        (0..8).map(|i| format!("company: c{i}\ndomains: [wanted.example]\n")).collect();
    let all = futures::future::join_all(files.iter().map(|file| world.apply(file))).await;
    assert_eq!(all.iter().filter(|one| one.is_ok()).count(), 1);
    for error in all.into_iter().filter_map(Result::err) {
        assert_eq!(reason(&error), "ERROR_REASON_DOMAIN_BELONGS_TO_ANOTHER_COMPANY");
    }
}

#[tokio::test]
async fn versions_applied_at_once_are_all_kept() {
    let world = World::open().await;
    let files: Vec<String> = (0..8).map(|i| format!("company: acme\nname: number {i}\n")).collect();
    let all = futures::future::join_all(files.iter().map(|file| world.apply(file))).await;
    let mut versions: Vec<u64> = all.into_iter().map(|one| one.unwrap().policy_version).collect();
    versions.sort_unstable();
    assert_eq!(versions, (1..=8).collect::<Vec<_>>());
    let mut names = std::collections::BTreeSet::new();
    for version in versions {
        names.insert(world.get("acme", version).await.unwrap().document);
    }
    assert_eq!(names.len(), 8);
}

/// Two instances of the service on each kind of database that they can share.
async fn with_replicas<F: Future<Output = ()>>(more: &str, law: impl Fn(World, World) -> F) {
    for engine in storage::testing::engines().await.iter().filter(|engine| engine.is_shared()) {
        eprintln!("on {}", engine.name());
        let config = engine.config();
        let store = format!("store.url = '{}'\nstore.schema = '{}'", config.url, config.schema);
        let settings = format!("{store}\n{more}");
        law(World::bare(&settings).await, World::bare(&settings).await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_on_one_database_lose_nothing() {
    with_replicas("", async |one, two| {
        let files: Vec<String> =
            (0..20).map(|i| format!("company: acme\nname: number {i}\n")).collect();
        let all = files.iter().enumerate().map(|(i, file)| [&one, &two][i % 2].apply(file));
        let mut versions = Vec::new();
        for answer in futures::future::join_all(all).await {
            versions.push(answer.unwrap().policy_version);
        }
        versions.sort_unstable();
        assert_eq!(versions, (1..=20).collect::<Vec<_>>());
        let request = wire::WatchPoliciesRequest { until_caught_up: true, ..Default::default() };
        let log = two.companies().watch_policies(request).await.unwrap().into_inner();
        let seen: Vec<_> = log.map(|item| item.unwrap().cursor).collect().await;
        assert_eq!(seen, (1..=20).collect::<Vec<_>>());
        // Judged by the newest, whoever applied it.
        let answer = one.judge("acme", 0, vec![question()]).await.unwrap();
        assert_eq!(answer.policy_version, 20);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_applied_through_replicas_at_once_are_all_there() {
    with_replicas("", async |one, two| {
        one.apply("company: acme\n").await.unwrap();
        let all = (0..10).map(|i| {
            let member = wire::TeamMember {
                id: format!("m{i}"),
                emails: vec![format!("m{i}@acme.example")],
                ..Default::default()
            };
            let company = "acme".to_owned();
            let request = wire::ApplyTeamMemberRequest { company, member: Some(member) };
            let mut client = [&one, &two][i % 2].companies();
            tokio::spawn(async move { client.apply_team_member(request).await.unwrap() })
        });
        for one in futures::future::join_all(all).await {
            one.unwrap();
        }
        assert_eq!(one.members("acme", 0).await.len(), 10);
        assert_eq!(two.get("acme", 0).await.unwrap().policy_version, 11);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_are_asked_for_one_domain_at_once_give_it_once() {
    with_replicas("", async |one, two| {
        let files: Vec<String> =
            (0..8).map(|i| format!("company: c{i}\ndomains: [wanted.example]\n")).collect();
        let all = files.iter().enumerate().map(|(i, file)| [&one, &two][i % 2].apply(file));
        let all = futures::future::join_all(all).await;
        assert_eq!(all.iter().filter(|one| one.is_ok()).count(), 1);
        for error in all.into_iter().filter_map(Result::err) {
            assert_eq!(reason(&error), "ERROR_REASON_DOMAIN_BELONGS_TO_ANOTHER_COMPANY");
        }
    })
    .await;
}

#[tokio::test]
async fn a_member_is_added_replaced_and_deactivated_each_as_a_version() {
    let world = World::open().await;
    world.apply(ACME).await.unwrap();
    let apply = async |member: wire::TeamMember| {
        let request = wire::ApplyTeamMemberRequest { company: "acme".into(), member: Some(member) };
        world.companies().apply_team_member(request).await.map(|a| a.into_inner().policy_version)
    };
    let kim = wire::TeamMember {
        id: "kim".into(),
        emails: vec!["kim@acme.example".into()],
        ..Default::default()
    };
    assert_eq!(apply(kim.clone()).await.unwrap(), 2);
    assert_eq!(apply(kim.clone()).await.unwrap(), 2);
    assert_eq!(apply(wire::TeamMember { can_request: true, ..kim.clone() }).await.unwrap(), 3);
    let deactivate = async |id: &str| {
        let request =
            wire::DeactivateTeamMemberRequest { company: "acme".into(), member_id: id.into() };
        world.companies().deactivate_team_member(request).await
    };
    assert_eq!(deactivate("kim").await.unwrap().into_inner().policy_version, 4);
    assert_eq!(deactivate("kim").await.unwrap().into_inner().policy_version, 4);
    let members = world.members("acme", 0).await;
    let seen: Vec<_> = members.iter().map(|m| (m.id.as_str(), m.active(), m.can_request)).collect();
    assert_eq!(seen, [("ada", true, true), ("bob", true, false), ("kim", false, true)]);

    let error = deactivate("zed").await.unwrap_err();
    assert_eq!(
        (error.code(), violations(&error)[0].0.as_str()),
        (Code::InvalidArgument, "member_id")
    );
    let thief = wire::TeamMember {
        id: "eve".into(),
        emails: vec!["eve@acme.example".into(), "ada@acme.example".into()],
        ..Default::default()
    };
    let error = apply(thief).await.unwrap_err();
    assert_eq!(reason(&error), "ERROR_REASON_INVALID_COMPANY_FILE");
    assert_eq!(violations(&error)[0].0, "member.emails[1]");
    let strange = wire::TeamMember { capture: 77, ..kim.clone() };
    assert_eq!(violations(&apply(strange).await.unwrap_err())[0].0, "member.capture");
    let request = wire::ApplyTeamMemberRequest { company: "acme".into(), member: None };
    let error = world.companies().apply_team_member(request).await.unwrap_err();
    assert_eq!(violations(&error)[0].0, "member");
    let request = wire::ApplyTeamMemberRequest { company: "other".into(), member: Some(kim) };
    let error = world.companies().apply_team_member(request).await.unwrap_err();
    assert_eq!(
        (error.code(), reason(&error).as_str()),
        (Code::NotFound, "ERROR_REASON_UNKNOWN_COMPANY")
    );
    assert_eq!(world.get("acme", 0).await.unwrap().policy_version, 4);
}

#[tokio::test]
async fn members_applied_at_once_are_all_there() {
    let world = World::open().await;
    world.apply("company: acme\n").await.unwrap();
    let all = (0..8).map(|i| {
        let member = wire::TeamMember {
            id: format!("m{i}"),
            emails: vec![format!("m{i}@acme.example")],
            ..Default::default()
        };
        let request = wire::ApplyTeamMemberRequest { company: "acme".into(), member: Some(member) };
        let mut client = world.companies();
        async move { client.apply_team_member(request).await.unwrap() }
    });
    futures::future::join_all(all).await;
    assert_eq!(world.members("acme", 0).await.len(), 8);
    assert_eq!(world.get("acme", 0).await.unwrap().policy_version, 9);
}

#[tokio::test]
async fn members_come_in_pages_of_one_version_by_id() {
    let world = World::open().await;
    let mut text = "company: acme\nmembers:\n".to_owned();
    for i in (0..25).rev() {
        text += &format!("- {{ id: m{i:02}, emails: [m{i}@acme.example] }}\n");
    }
    world.apply(&text).await.unwrap();
    let mut request = wire::ListTeamMembersRequest {
        company: "acme".into(),
        page_size: 10,
        ..Default::default()
    };
    let mut seen = Vec::new();
    for length in [10, 10, 5] {
        let page = world.companies().list_team_members(request.clone()).await.unwrap().into_inner();
        assert_eq!(page.members.len(), length);
        seen.extend(page.members.into_iter().map(|member| member.id));
        request.page_token = page.next_page_token;
        world.apply(&format!("company: acme\nname: after {}\n", seen.len())).await.unwrap();
    }
    assert_eq!(request.page_token, "");
    assert_eq!(seen, (0..25).map(|i| format!("m{i:02}")).collect::<Vec<_>>());
    request.page_token = "no token".into();
    let error = world.companies().list_team_members(request).await.unwrap_err();
    assert_eq!(
        (error.code(), reason(&error).as_str()),
        (Code::OutOfRange, "ERROR_REASON_CURSOR_EXPIRED")
    );
}

#[tokio::test]
async fn versions_come_in_pages_newest_first() {
    let world = World::open().await;
    for i in 0..5 {
        world.apply(&format!("company: acme\nname: number {i}\n")).await.unwrap();
    }
    let mut request = wire::ListPolicyVersionsRequest {
        company: "acme".into(),
        page_size: 2,
        ..Default::default()
    };
    let mut seen = Vec::new();
    for _ in 0..3 {
        let page = world.companies().list_policy_versions(request.clone()).await.unwrap();
        let page = page.into_inner();
        seen.extend(page.versions);
        request.page_token = page.next_page_token;
    }
    assert_eq!(request.page_token, "");
    assert_eq!(seen.iter().map(|v| v.policy_version).collect::<Vec<_>>(), [5, 4, 3, 2, 1]);
    let digests: std::collections::BTreeSet<_> = seen.iter().map(|v| v.digest.clone()).collect();
    assert!(digests.len() == 5 && digests.iter().all(|digest| digest.len() == 64));
    request.company = "other".into();
    let error = world.companies().list_policy_versions(request).await.unwrap_err();
    assert_eq!(
        (error.code(), reason(&error).as_str()),
        (Code::NotFound, "ERROR_REASON_UNKNOWN_COMPANY")
    );
}

#[tokio::test]
async fn policies_are_watched_from_a_cursor_and_as_they_come() {
    let world = World::open().await;
    for (company, name) in [("acme", "a"), ("other", "a"), ("acme", "b")] {
        world.apply(&format!("company: {company}\nname: {name}\n")).await.unwrap();
    }
    let watch = async |company: &str, cursor: u64, until_caught_up: bool| {
        let request =
            wire::WatchPoliciesRequest { company: company.into(), cursor, until_caught_up };
        let stream = world.companies().watch_policies(request).await.unwrap().into_inner();
        stream.map(|item| {
            let item = item.unwrap();
            let version = item.version.unwrap();
            assert_eq!(version.digest.len(), 64);
            (item.cursor, version.company, version.policy_version)
        })
    };
    let item = |cursor: u64, company: &str, version: u64| (cursor, company.to_owned(), version);
    let all: Vec<_> = watch("", 0, true).await.collect().await;
    assert_eq!(all, [item(1, "acme", 1), item(2, "other", 1), item(3, "acme", 2)]);
    let some: Vec<_> = watch("acme", 1, true).await.collect().await;
    assert_eq!(some, [item(3, "acme", 2)]);
    assert!(watch("", 3, true).await.collect::<Vec<_>>().await.is_empty());

    let mut live = Box::pin(watch("acme", 2, false).await);
    assert_eq!(live.next().await, Some(item(3, "acme", 2)));
    let applied = async {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        world.apply("company: other\nname: b\n").await.unwrap();
        world.apply("company: acme\nname: c\n").await.unwrap();
    };
    let (next, ()) = tokio::join!(live.next(), applied);
    assert_eq!(next, Some(item(5, "acme", 3)));
}

#[tokio::test]
async fn more_versions_than_are_read_at_once_all_come() {
    let world = World::open().await;
    for i in 0..230 {
        world.apply(&format!("company: acme\nname: number {i}\n")).await.unwrap();
    }
    let request = wire::WatchPoliciesRequest { until_caught_up: true, ..Default::default() };
    let log = world.companies().watch_policies(request).await.unwrap().into_inner();
    assert_eq!(
        log.map(|item| item.unwrap().cursor).collect::<Vec<_>>().await,
        (1..=230).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_version_applied_by_another_replica_is_seen_too() {
    with_replicas("watch.poll = '20ms'", async |one, two| {
        let request = wire::WatchPoliciesRequest::default();
        let mut log = one.companies().watch_policies(request).await.unwrap().into_inner();
        let applied = async {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            two.apply(ACME).await.unwrap();
        };
        let (next, ()) = tokio::join!(log.next(), applied);
        assert_eq!(next.unwrap().unwrap().cursor, 1);
        // And judged by at once, for the number of the newest version is asked of the database.
        let answer = one.judge("acme", 0, vec![question()]).await.unwrap();
        assert_eq!(answer.policy_version, 1);
    })
    .await;
}

#[tokio::test]
async fn an_unknown_company_or_version_is_told() {
    let world = World::open().await;
    let error = world.judge("acme", 0, vec![question()]).await.unwrap_err();
    assert_eq!(
        (error.code(), reason(&error).as_str()),
        (Code::NotFound, "ERROR_REASON_UNKNOWN_COMPANY")
    );
    world.apply(ACME).await.unwrap();
    let error = world.judge("acme", 7, vec![question()]).await.unwrap_err();
    assert_eq!(
        (error.code(), reason(&error).as_str()),
        (Code::FailedPrecondition, "ERROR_REASON_UNKNOWN_POLICY_VERSION")
    );
    let metadata = error.get_details_error_info().unwrap().metadata;
    assert_eq!((metadata["policy_version"].as_str(), metadata["newest"].as_str()), ("7", "1"));
    let error = world.get("acme", u64::MAX).await.unwrap_err();
    assert_eq!(reason(&error), "ERROR_REASON_UNKNOWN_POLICY_VERSION");
}

#[tokio::test]
async fn a_bad_question_does_not_sink_the_batch() {
    let world = World::open().await;
    world.apply(ACME).await.unwrap();
    let bad = wire::MeetingQuestion { start: None, ..question() };
    let worse = wire::MeetingQuestion { conference_provider: 99, ..question() };
    let answer = world.judge("acme", 0, vec![question(), bad, worse, question()]).await.unwrap();
    let outcomes: Vec<_> = answer.verdicts.iter().map(outcome).collect();
    assert_eq!(
        outcomes,
        [Outcome::Allow, Outcome::Unavailable, Outcome::Unavailable, Outcome::Allow]
    );
    let missing = |i: usize| answer.verdicts[i].verdict.as_ref().unwrap().missing.clone();
    assert_eq!(missing(1), ["meetings.start"]);
    assert_eq!(missing(2), ["meetings.conference_provider"]);
}

#[tokio::test]
async fn a_batch_of_five_thousand_is_judged_and_one_more_is_refused() {
    let world = World::open().await;
    world.apply(ACME).await.unwrap();
    let answer = world.judge("acme", 0, vec![question(); 5_000]).await.unwrap();
    assert_eq!(answer.verdicts.len(), 5_000);
    let error = world.judge("acme", 0, vec![question(); 5_001]).await.unwrap_err();
    assert_eq!(reason(&error), "ERROR_REASON_PAYLOAD_TOO_LARGE");
    assert_eq!(violations(&error)[0].0, "meetings");
}

#[tokio::test]
async fn an_event_that_came_through_another_company_is_not_ours() {
    let world = World::open().await;
    world.apply(ACME).await.unwrap();
    let other = "company: other\ndomains: [other.example]\nassistant: [bot@recorders.example]\n";
    world.apply(other).await.unwrap();
    let through = |recipient: &str| wire::MeetingQuestion {
        foreign_recipient: recipient.into(),
        ..question()
    };
    let cases = [
        ("", false),
        ("recorder@acme.example", false),
        ("anybody@eu.acme.example", false),
        ("nobody@nowhere.example", false),
        ("no address", false),
        ("BOT@recorders.example", true),
        ("somebody@recorders.example", false),
        ("kim@sales.other.example", true),
    ];
    let questions = cases.iter().map(|(recipient, _)| through(recipient)).collect();
    let answer = world.judge("acme", 0, questions).await.unwrap();
    for ((recipient, foreign), verdict) in cases.iter().zip(&answer.verdicts) {
        let findings = &verdict.verdict.as_ref().unwrap().findings;
        let codes: Vec<_> = findings.iter().map(proto::verdict::v1::Finding::code).collect();
        let expected: &[SkipCode] =
            if *foreign { &[SkipCode::BelongsToAnotherCompany] } else { &[] };
        assert_eq!(codes, expected, "{recipient}");
    }
}

/// How long the fastest of several batches takes.
async fn fastest(world: &World, company: &str) -> std::time::Duration {
    let questions: Vec<_> = (0..1_000)
        .map(|i| {
            let mut question = question();
            question.title = Some(format!("Renewal of contract {i} with the people of the north"));
            let guest = |j: usize| person(&format!("guest{j}@dept{i}.customer{j}.example"));
            question.attendees = (0..10).map(guest).collect();
            question
        })
        .collect();
    let mut best = std::time::Duration::MAX;
    for _ in 0..7 {
        let started = std::time::Instant::now();
        world.judge(company, 1, questions.clone()).await.unwrap();
        best = best.min(started.elapsed());
    }
    best
}

#[tokio::test]
async fn ten_thousand_exclusions_cost_no_more_per_meeting_than_ten() {
    let world = World::open().await;
    for (company, entries) in [("few", 10), ("many", 10_000)] {
        let list = |of: &dyn Fn(usize) -> String| (0..entries).map(of).collect::<Vec<_>>();
        let file = serde_json::json!({
            "company": company,
            "domains": [format!("{company}.example")],
            "settings": { "exclusions": {
                "domains": list(&|i| format!("excluded{i}.example")),
                "addresses": list(&|i| format!("person{i}@somewhere.example")),
                "keywords": list(&|i| format!("secret project {i}")),
            } },
        });
        assert_eq!(world.apply(&file.to_string()).await.unwrap().policy_version, 1);
    }
    let (few, many) = (fastest(&world, "few").await, fastest(&world, "many").await);
    assert!(many < few * 3, "10 entries: {few:?}, 10,000 entries: {many:?}");
}

#[tokio::test]
async fn every_key_of_a_company_file_is_taken() {
    let world = World::open().await;
    let every = r#"
company: bolt-works_1
name: "Bolt & Söhne: Werke"
time_zone: Europe/Vienna
domains: [bolt.example, "@werke.example"]
assistant: [mitschnitt@bolt.example]
coordinator: [regel@bolt.example]
settings:
  calendar: { import: yes, primary_only: false, company_wide_access: off }
  recording:
    which_meetings: organizer
    internal_meetings: record
    require_crm_match: true
    personal_is_private: false
    notice_guaranteed: 1h30m
    obsolete_under: 0
    dispatch_ahead: 90s
    latest_join: 10m
    min_duration: 30s
    max_duration: 2d
  exclusions:
    domains: [rivals.example]
    addresses: [kim@press.example]
    keywords: [Betriebsrat, "works council"]
  providers:
    zoom: { enabled: true, configured: true, method: local }
    teams: { enabled: true, authenticated_bot: true }
    webex: {}
    google_meet: { enabled: false }
  dialer:
    counts: either_party
    numbers: [{ prefix: "+43", mode: prohibited }, { prefix: +49, mode: automatic_excluded }]
consent:
  host: consent.bolt.example
  keys: []
  default_profile: eu
  profiles:
    eu: { enabled: true, enforced: true, links: { zoom: dynamic, teams: static }, announcement: true }
members:
  - id: ada
    emails: [ada@bolt.example, a.bolt@werke.example]
    seat: true
    capture: never
    calendar_access: false
    active: true
    can_request: true
    consent_profile: none
    zoom: { email: ada@bolt.example, licensed: true, auto_recording: false, local_recording: true, active: true }
crm: { addresses: [lee@prospect.example], domains: [prospect.example] }
"#;
    world.apply(every).await.unwrap();
    let document = world.get("bolt-works_1", 0).await.unwrap().document;
    let file = decision::CompanyFile::from_canonical(&document).unwrap();
    assert_eq!(file.name, "Bolt & Söhne: Werke");
    assert!(file.settings.calendar.import && !file.settings.calendar.company_wide_access);
    assert_eq!(file.settings.recording.notice_guaranteed.to_string(), "1h30m");
    assert_eq!(file.settings.dialer.numbers[1].prefix, "+49");
    assert_eq!(file.members[0].zoom.auto_recording, Some(false));
    // The same as JSON is the same.
    assert!(!world.apply(&document).await.unwrap().changed);
}
