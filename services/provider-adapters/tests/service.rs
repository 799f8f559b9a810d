//! Provider-adapters over a near link.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use chassis::{House, Link, Running};
use proto::eligibility::v1::ZoomFacts;
use proto::provider::v1::provider_adapter_service_client::ProviderAdapterServiceClient;
use proto::provider::v1::*;
use proto::skip::v1::SkipCode;
use proto::verdict::v1::{Conference, Outcome, Provider};
use storage::StoreConfig;
use storage::sea_orm::ConnectionTrait as _;
use storage::testing::{Engine, engines};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// A database of every kind that replicas can share.
async fn shared() -> Vec<Engine> {
    engines().await.into_iter().filter(Engine::is_shared).collect()
}

/// Provider-adapters on a database of their own.
struct World {
    running: Running,
    engine: Engine,
}

async fn open(engine: &Engine, settings: &str) -> Running {
    let StoreConfig { url, schema, .. } = engine.config();
    let store = format!("store.url = '{url}'\nstore.schema = '{schema}'");
    let settings = format!("{store}\nkeep_versions = 3\n{settings}");
    House::new().host::<provider_adapters::App>(settings).open().await.unwrap()
}

impl World {
    async fn with(engine: Engine, settings: &str) -> Self {
        let running = open(&engine, settings).await;
        Self { running, engine }
    }

    /// With the company of the examples at version 1.
    async fn of_acme(engine: Engine) -> Self {
        let world = Self::with(engine, "").await;
        world.client().apply_provider_facts(acme(1)).await.unwrap();
        world
    }

    /// Another replica: it shares the database.
    async fn replica(&self) -> Running {
        open(&self.engine, "").await
    }

    async fn restarted(self) -> Self {
        let Self { running, engine } = self;
        running.shutdown().await.unwrap();
        let running = open(&engine, "").await;
        Self { running, engine }
    }

    fn client(&self) -> ProviderAdapterServiceClient<Link> {
        client_of(&self.running)
    }

    async fn assess(&self, calls: Vec<CallQuestion>) -> Result<Vec<Assessment>, Status> {
        let answer = self.client().assess_calls(assessing("acme", 1, calls)).await?.into_inner();
        assert_eq!(answer.policy_version, 1);
        Ok(answer.assessments)
    }

    async fn describe(&self, company: &str, adapter: Adapter) -> AdapterDescription {
        let request = DescribeAdapterRequest { company: company.into(), adapter: adapter.into() };
        let answer = self.client().describe_adapter(request).await.unwrap().into_inner();
        answer.adapters.into_iter().next().unwrap()
    }

    async fn hear(&self, conference: Conference, computer_audio: Option<bool>) {
        let conference = Some(conference);
        let request =
            ApplyConferenceFactsRequest { company: "acme".into(), conference, computer_audio };
        self.client().apply_conference_facts(request).await.unwrap();
    }

    async fn drop_table(&self, table: &'static str) {
        let store = storage::connect(&self.engine.config()).await.unwrap();
        store
            .write(|tx| async move {
                let drop = storage::sea_orm::sea_query::Table::drop().table(table).to_owned();
                Ok::<_, storage::Error>(tx.execute(&drop).await?)
            })
            .await
            .unwrap();
    }
}

fn client_of(running: &Running) -> ProviderAdapterServiceClient<Link> {
    let link = running.link("provider-adapters").unwrap();
    chassis::sized!(running.context(), ProviderAdapterServiceClient::new(link))
}

fn setup(provider: Provider, enabled: bool, configured: bool) -> ProviderSetup {
    ProviderSetup {
        provider: provider.into(),
        enabled,
        configured,
        method: Method::Unspecified.into(),
        authenticated_bot: false,
    }
}

fn known(email: &str) -> ZoomFacts {
    ZoomFacts {
        email: Some(email.into()),
        licensed: Some(true),
        auto_recording: Some(true),
        local_recording: Some(true),
        active: Some(true),
    }
}

fn host(member: &str, zoom: Option<ZoomFacts>) -> HostFacts {
    HostFacts { member: member.into(), emails: vec![format!("{member}@acme.example")], zoom }
}

/// `ada` can be recorded in every way, of `bob` nothing is known, `cyd` may not record, `dot` is not active.
fn acme(policy_version: u64) -> ApplyProviderFactsRequest {
    let ada = known("ada@acme.example");
    let cyd = ZoomFacts {
        licensed: Some(false),
        local_recording: Some(false),
        ..known("cyd@acme.example")
    };
    let dot = ZoomFacts { active: Some(false), ..known("dot@acme.example") };
    ApplyProviderFactsRequest {
        company: "acme".into(),
        policy_version,
        providers: vec![
            setup(Provider::Zoom, true, true),
            setup(Provider::Teams, true, true),
            setup(Provider::Webex, true, false),
        ],
        hosts: vec![
            host("ada", Some(ada)),
            host("bob", None),
            host("cyd", Some(cyd)),
            host("dot", Some(dot)),
        ],
    }
}

fn assessing(company: &str, policy_version: u64, calls: Vec<CallQuestion>) -> AssessCallsRequest {
    AssessCallsRequest { company: company.into(), policy_version, now: None, calls, draft: None }
}

fn at(provider: Provider, id: &str) -> Conference {
    Conference { provider: provider.into(), id: id.into() }
}

fn call(adapter: Adapter, method: Method, conference: Conference, organizer: &str) -> CallQuestion {
    CallQuestion {
        adapter: adapter.into(),
        method: method.into(),
        conference: Some(conference),
        organizer: organizer.into(),
    }
}

fn native(organizer: &str) -> CallQuestion {
    call(Adapter::ZoomNative, Method::Native, at(Provider::Zoom, "98765432101"), organizer)
}

fn local(organizer: &str) -> CallQuestion {
    call(Adapter::ZoomLocal, Method::Local, at(Provider::Zoom, "98765432101"), organizer)
}

fn teams(id: &str) -> CallQuestion {
    call(Adapter::Teams, Method::Bot, at(Provider::Teams, id), "ada")
}

fn codes(assessment: &Assessment) -> Vec<SkipCode> {
    assessment.verdict.iter().flat_map(|verdict| &verdict.findings).map(|it| it.code()).collect()
}

fn info(status: &Status) -> (String, std::collections::HashMap<String, String>) {
    let info = status.get_details_error_info().unwrap();
    (info.reason, info.metadata)
}

#[tokio::test]
async fn what_is_known_of_the_host_decides_what_can_work() {
    for engine in shared().await {
        let world = World::of_acme(engine).await;
        let asked = ["ada", "bob", "cyd", "dot", "zoe", ""];
        let calls = asked.iter().flat_map(|who| [native(who), local(who)]).collect();
        let assessed = world.assess(calls).await.unwrap();
        let told: Vec<_> =
            assessed.iter().map(|it| (it.possibility(), it.reason.as_str())).collect();
        use Possibility::{Impossible, Possible, Unknown};
        assert_eq!(
            told,
            [
                (Possible, ""),
                (Possible, ""),
                (Unknown, ""),
                (Unknown, ""),
                (Impossible, "no_licence"),
                (Impossible, "local_recording_off"),
                (Possible, ""),
                (Possible, ""),
                // A member of whom nothing was applied is no stranger.
                (Unknown, ""),
                (Unknown, ""),
                (Impossible, "host_unknown"),
                (Unknown, ""),
            ]
        );
        for (place, assessment) in assessed.iter().enumerate() {
            let verdict = assessment.verdict.as_ref().unwrap();
            // The user of `dot` is not active, whatever the method.
            let (outcome, found) = match place {
                6 | 7 => (Outcome::Skip, vec![SkipCode::InactiveHost]),
                _ => (Outcome::Allow, vec![]),
            };
            assert_eq!((verdict.outcome(), codes(assessment)), (outcome, found), "{place}");
        }
    }
}

#[tokio::test]
async fn a_conference_without_audio_cannot_be_listened_to() {
    for engine in shared().await {
        let world = World::of_acme(engine).await;
        let quiet = || vec![teams("19:a@thread.v2"), teams("19:b@thread.v2")];
        assert!(world.assess(quiet()).await.unwrap().iter().all(|it| codes(it).is_empty()));
        world.hear(at(Provider::Teams, "19:a@thread.v2"), Some(false)).await;
        let assessed = world.assess(quiet()).await.unwrap();
        assert_eq!(codes(&assessed[0]), [SkipCode::CanNotListenIn]);
        assert!(codes(&assessed[1]).is_empty());
        // That nothing is known of one does not make the company one of which nothing is known.
        let other = world.assess(vec![teams("19:b@thread.v2")]).await.unwrap();
        assert!(codes(&other[0]).is_empty());
        let again = world.assess(vec![teams("19:a@thread.v2")]).await.unwrap();
        assert_eq!(codes(&again[0]), [SkipCode::CanNotListenIn]);
        // The same id at another provider is another conference.
        let zoom =
            call(Adapter::ZoomLocal, Method::Bot, at(Provider::Zoom, "19:a@thread.v2"), "ada");
        assert!(codes(&world.assess(vec![zoom]).await.unwrap()[0]).is_empty());
        for heard in [Some(true), None] {
            world.hear(at(Provider::Teams, "19:a@thread.v2"), Some(false)).await;
            world.hear(at(Provider::Teams, "19:a@thread.v2"), heard).await;
            assert!(codes(&world.assess(quiet()).await.unwrap()[0]).is_empty());
        }
    }
}

#[tokio::test]
async fn a_telephone_call_can_always_be_fetched() {
    for engine in shared().await {
        let world = World::of_acme(engine).await;
        let dialer = CallQuestion {
            adapter: Adapter::Dialer.into(),
            method: Method::DialerImport.into(),
            ..CallQuestion::default()
        };
        let assessed = world.assess(vec![dialer]).await.unwrap();
        assert_eq!(assessed[0].possibility(), Possibility::Possible);
    }
}

#[tokio::test]
async fn a_call_that_makes_no_sense_is_named_by_its_place() {
    for engine in shared().await {
        let world = World::of_acme(engine).await;
        type Spoil = fn(&mut CallQuestion);
        let cases: [(&str, Spoil); 7] = [
            ("adapter", |call| call.adapter = 0),
            ("adapter", |call| call.adapter = 77),
            ("method", |call| call.method = 0),
            ("method", |call| call.set_method(Method::Local)),
            ("conference", |call| call.conference = None),
            ("conference", |call| call.conference = Some(at(Provider::Teams, "19:a@thread.v2"))),
            ("conference", |call| call.conference = Some(at(Provider::Zoom, ""))),
        ];
        for (field, spoil) in cases {
            let mut spoilt = native("ada");
            spoil(&mut spoilt);
            let status = world.assess(vec![native("ada"), spoilt]).await.unwrap_err();
            assert_eq!(status.code(), Code::InvalidArgument);
            assert_eq!(
                info(&status).1["field"],
                format!("calls[1].{field}"),
                "{}",
                status.message()
            );
        }
    }
}

#[tokio::test]
async fn an_adapter_that_lives_elsewhere_is_named() {
    for engine in shared().await {
        let world = World::with(engine, "adapters = [\"zoom-native\", \"zoom-local\"]").await;
        world.client().apply_provider_facts(acme(1)).await.unwrap();
        assert!(world.assess(vec![native("ada"), local("ada")]).await.is_ok());
        let elsewhere =
            DescribeAdapterRequest { adapter: Adapter::Teams.into(), ..Default::default() };
        let described = world.client().describe_adapter(elsewhere).await.unwrap_err();
        let assessed = world.assess(vec![teams("19:a@thread.v2")]).await.unwrap_err();
        for status in [described, assessed] {
            assert_eq!(status.code(), Code::FailedPrecondition);
            assert_eq!(info(&status).1["peer"], "teams");
            assert!(status.message().contains("zoom-native, zoom-local"), "{}", status.message());
        }
        let all = DescribeAdapterRequest::default();
        let here = world.client().describe_adapter(all).await.unwrap().into_inner().adapters;
        assert_eq!(here.len(), 2);
    }
}

#[test]
fn recordings_are_not_fetched_from_wherever_amazon_serves() {
    let settings = include_str!("../config.default.toml");
    let hosts = settings.split("[imports.hosts]").nth(1).unwrap();
    assert!(hosts.contains("\"s3.amazonaws.com\"") && !hosts.contains("\"amazonaws.com\""));
}

#[test]
fn an_adapter_nobody_knows_is_refused_at_the_start() {
    for (settings, says) in [
        ("adapters = [\"zoom\"]", "zoom-native, zoom-local, teams, webex, google-meet, dialer"),
        ("adapters = []", "empty"),
        ("keep_versions = 0", "keep_versions"),
        // Twilio signs the address it calls.
        (
            "webhooks.listen = '127.0.0.1:0'\n[[connections]]\nname = 'phones'\ncompany = 'acme'\nprovider = 'twilio'",
            "webhooks.public_url",
        ),
    ] {
        let house = House::new().host::<provider_adapters::App>(settings);
        let problem = format!("{:#}", house.check().unwrap_err());
        assert!(problem.contains(says), "{problem}");
    }
}

#[tokio::test]
async fn a_version_that_was_not_applied_is_asked_for() {
    for engine in shared().await {
        let world = World::of_acme(engine).await;
        for (company, version) in [("acme", 2), ("other", 1), ("acme", u64::MAX)] {
            let request = assessing(company, version, vec![native("ada")]);
            let status = world.client().assess_calls(request).await.unwrap_err();
            assert_eq!(status.code(), Code::FailedPrecondition);
            let (reason, metadata) = info(&status);
            assert_eq!(reason, "ERROR_REASON_UNKNOWN_POLICY_VERSION");
            assert_eq!(metadata["company"], company);
            assert_eq!(metadata["policy_version"], version.to_string());
        }
        // Not knowing is not remembered.
        world.client().apply_provider_facts(acme(2)).await.unwrap();
        assert!(world.client().assess_calls(assessing("acme", 2, vec![])).await.is_ok());
    }
}

#[tokio::test]
async fn a_version_is_applied_once_and_for_all() {
    for engine in shared().await {
        let world = World::of_acme(engine).await;
        let mut turned = acme(1);
        turned.hosts.reverse();
        turned.providers.reverse();
        world.client().apply_provider_facts(turned).await.unwrap();
        let mut changed = acme(1);
        changed.hosts.pop();
        let status = world.client().apply_provider_facts(changed).await.unwrap_err();
        assert_eq!(status.code(), Code::Aborted);
        let nobody = ApplyProviderFactsRequest { company: String::new(), ..acme(1) };
        let status = world.client().apply_provider_facts(nobody).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
    }
}

#[tokio::test]
async fn the_newest_versions_are_kept() {
    for engine in shared().await {
        let world = World::with(engine, "").await;
        for version in [1, 2, 3, 4] {
            world.client().apply_provider_facts(acme(version)).await.unwrap();
        }
        let gone = world.client().assess_calls(assessing("acme", 1, vec![])).await.unwrap_err();
        assert_eq!(gone.code(), Code::FailedPrecondition);
        assert!(world.client().assess_calls(assessing("acme", 2, vec![])).await.is_ok());
        // Whoever applies an old one can ask for it.
        world.client().apply_provider_facts(acme(1)).await.unwrap();
        assert!(world.client().assess_calls(assessing("acme", 1, vec![])).await.is_ok());
    }
}

#[tokio::test]
async fn what_was_applied_outlives_the_process() {
    for engine in shared().await {
        let world = World::of_acme(engine).await;
        world.hear(at(Provider::Teams, "19:a@thread.v2"), Some(false)).await;
        let world = world.restarted().await;
        let assessed = world.assess(vec![native("cyd"), teams("19:a@thread.v2")]).await.unwrap();
        assert_eq!(assessed[0].reason, "no_licence");
        assert_eq!(codes(&assessed[1]), [SkipCode::CanNotListenIn]);
        assert_eq!(world.describe("acme", Adapter::Teams).await.policy_version, 1);
    }
}

#[tokio::test]
async fn a_store_that_fails_is_a_check_that_was_not_made() {
    for (table, call) in [
        ("provider_adapters_conference", teams("19:a@thread.v2")),
        ("provider_adapters_facts", native("ada")),
    ] {
        for engine in shared().await {
            let world = World::of_acme(engine).await;
            world.drop_table(table).await;
            let status = world.assess(vec![call.clone()]).await.unwrap_err();
            assert_eq!(status.code(), Code::Unavailable);
            assert_eq!(info(&status).0, "ERROR_REASON_STORAGE_UNAVAILABLE");
        }
    }
}

#[tokio::test]
async fn an_adapter_tells_its_set_up_and_what_to_do_about_it() {
    for engine in shared().await {
        let world = World::of_acme(engine).await;
        let native = world.describe("acme", Adapter::ZoomNative).await;
        assert_eq!((native.enabled, native.configured, native.policy_version), (true, true, 1));
        assert_eq!(native.methods, [i32::from(Method::Native)]);
        let told = native.details.join("\n");
        assert!(told.contains("1 member has Zoom facts that are not known"), "{told}");
        assert!(told.contains("1 member has no licence"), "{told}");
        assert!(told.contains("1 member has an inactive Zoom user"), "{told}");
        let teams = world.describe("acme", Adapter::Teams).await;
        assert!(!teams.authenticated_bot);
        assert!(teams.details[0].starts_with("warning: the bot joins as a guest"), "{teams:?}");
        let webex = world.describe("acme", Adapter::Webex).await;
        assert_eq!((webex.enabled, webex.configured), (true, false));
        assert!(
            webex.details[0].contains("settings.providers.webex.configured: true"),
            "{webex:?}"
        );
        let meet = world.describe("acme", Adapter::GoogleMeet).await;
        assert!(!meet.enabled);
        assert!(
            meet.details[0].contains("settings.providers.google_meet.enabled: true"),
            "{meet:?}"
        );
        let dialer = world.describe("acme", Adapter::Dialer).await;
        assert_eq!(dialer.provider(), Provider::Unspecified);
    }
}

#[tokio::test]
async fn without_a_company_only_capabilities_are_told() {
    for engine in shared().await {
        let world = World::of_acme(engine).await;
        let request = DescribeAdapterRequest::default();
        let all = world.client().describe_adapter(request).await.unwrap().into_inner().adapters;
        assert_eq!(all.len(), 6);
        for one in &all {
            assert!(!one.methods.is_empty() && one.details.is_empty() && one.policy_version == 0);
        }
        let stranger = world.describe("other", Adapter::Teams).await;
        assert_eq!((stranger.enabled, stranger.policy_version), (false, 0));
        assert!(stranger.details[0].contains("`other`"), "{stranger:?}");
    }
}

#[tokio::test]
async fn a_company_of_a_hundred_thousand_members_is_taken() {
    for engine in shared().await {
        let world = World::with(engine, "").await;
        let mut request = acme(1);
        request.hosts = (0..100_000)
            .map(|n| host(&format!("m{n}"), Some(known(&format!("m{n}@acme.example")))))
            .collect();
        world.client().apply_provider_facts(request).await.unwrap();
        let calls = (0..10_000).map(|n| native(&format!("m{n}"))).collect();
        let assessed = world.assess(calls).await.unwrap();
        assert_eq!(assessed.len(), 10_000);
        assert!(assessed.iter().all(|it| it.possibility() == Possibility::Possible));
        // Ten thousand different conferences are one question to the store.
        world.hear(at(Provider::Teams, "9999"), Some(false)).await;
        let assessed =
            world.assess((0..10_000).map(|n| teams(&n.to_string())).collect()).await.unwrap();
        assert_eq!(assessed.iter().filter(|it| !codes(it).is_empty()).count(), 1);
    }
}

#[tokio::test]
async fn too_much_at_once_is_refused() {
    for engine in shared().await {
        let world = World::of_acme(engine).await;
        let calls = vec![native("ada"); 10_001];
        let status = world.assess(calls).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(info(&status).0, "ERROR_REASON_PAYLOAD_TOO_LARGE");
        let long = Some(at(Provider::Teams, &"x".repeat(601)));
        let request = ApplyConferenceFactsRequest {
            company: "acme".into(),
            conference: long,
            computer_audio: Some(false),
        };
        let status = world.client().apply_conference_facts(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
    }
}

#[tokio::test]
async fn proposed_facts_count_and_are_not_kept() {
    for engine in shared().await {
        let world = World::of_acme(engine).await;
        world.hear(at(Provider::Teams, "19:a@thread.v2"), Some(false)).await;
        let mut draft = acme(2);
        draft.hosts = vec![host(
            "ada",
            Some(ZoomFacts { licensed: Some(false), ..known("ada@acme.example") }),
        )];
        let calls = || vec![native("ada"), teams("19:a@thread.v2")];
        // Of a version that is known and of one that is not, again and again.
        for version in [1, 9, 1] {
            let request = AssessCallsRequest {
                draft: Some(draft.clone()),
                ..assessing("acme", version, calls())
            };
            let answer = world.client().assess_calls(request).await.unwrap().into_inner();
            assert_eq!(answer.policy_version, version);
            assert_eq!(answer.assessments[0].reason, "no_licence");
            // What is known of a conference is no matter of policy.
            assert_eq!(codes(&answer.assessments[1]), [SkipCode::CanNotListenIn]);
        }
        let applied = world.assess(calls()).await.unwrap();
        assert_eq!(applied[0].possibility(), Possibility::Possible);
        for version in [2, 9] {
            let unknown = world.client().assess_calls(assessing("acme", version, calls())).await;
            assert_eq!(unknown.unwrap_err().code(), Code::FailedPrecondition);
        }
        assert_eq!(world.describe("acme", Adapter::ZoomNative).await.policy_version, 1);
    }
}

#[tokio::test]
async fn proposed_facts_that_could_not_be_applied_are_refused() {
    for engine in shared().await {
        let world = World::of_acme(engine).await;
        type Spoil = fn(&mut ApplyProviderFactsRequest);
        let cases: [(&str, Spoil); 3] = [
            ("hosts.member", |draft| draft.hosts[0].member = "bob".into()),
            ("providers.provider", |draft| draft.providers.push(draft.providers[0])),
            ("draft.company", |draft| draft.company = "other".into()),
        ];
        for (field, spoil) in cases {
            let mut draft = acme(2);
            spoil(&mut draft);
            let request = AssessCallsRequest { draft: Some(draft), ..assessing("acme", 1, vec![]) };
            let status = world.client().assess_calls(request).await.unwrap_err();
            assert_eq!(status.code(), Code::InvalidArgument);
            assert_eq!(info(&status).1["field"], field);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_content_wins_where_replicas_apply_two_under_one_number() {
    for engine in shared().await {
        let world = World::of_acme(engine).await;
        let other = world.replica().await;
        for version in 2..32 {
            let mut fewer = acme(version);
            fewer.hosts.truncate(1);
            let (mut here, mut there) = (world.client(), client_of(&other));
            let (whole, fewer) = tokio::join!(
                here.apply_provider_facts(acme(version)),
                there.apply_provider_facts(fewer),
            );
            let expected = match (&whole, &fewer) {
                (Ok(_), Err(status)) | (Err(status), Ok(_)) => {
                    assert_eq!(status.code(), Code::Aborted, "{status:?}");
                    assert_eq!(info(status).0, "ERROR_REASON_REVISION_CONFLICT");
                    if whole.is_ok() { Possibility::Impossible } else { Possibility::Unknown }
                }
                both => panic!("{both:?}"),
            };
            for client in [&mut here, &mut there] {
                let request = assessing("acme", version, vec![native("cyd")]);
                let answer = client.assess_calls(request).await.unwrap().into_inner();
                assert_eq!(answer.assessments[0].possibility(), expected);
            }
        }
        // The same from both is no conflict.
        let (mut here, mut there) = (world.client(), client_of(&other));
        let (one, two) =
            tokio::join!(here.apply_provider_facts(acme(40)), there.apply_provider_facts(acme(40)));
        assert!(one.is_ok() && two.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn replicas_may_learn_of_conferences_at_once() {
    for engine in shared().await {
        let world = World::of_acme(engine).await;
        let other = world.replica().await;
        let mut learning = Vec::new();
        for n in 0..8 {
            let mut client = client_of(if n % 2 == 0 { &world.running } else { &other });
            learning.push(tokio::spawn(async move {
                for turn in 0..20 {
                    // In different orders, one of them known to all.
                    for id in [format!("{n}-{turn}"), format!("shared-{}", (n + turn) % 3)] {
                        let request = ApplyConferenceFactsRequest {
                            company: "acme".into(),
                            conference: Some(at(Provider::Teams, &id)),
                            computer_audio: Some(false),
                        };
                        client.apply_conference_facts(request).await.unwrap();
                    }
                }
            }));
        }
        for one in learning {
            one.await.unwrap();
        }
        let own = (0..8).flat_map(|n| (0..20).map(move |turn| format!("{n}-{turn}")));
        let calls = own.chain((0..3).map(|n| format!("shared-{n}"))).map(|id| teams(&id)).collect();
        let assessed = world.assess(calls).await.unwrap();
        assert_eq!(assessed.len(), 163);
        assert!(assessed.iter().all(|it| codes(it) == [SkipCode::CanNotListenIn]));
    }
}

#[tokio::test]
async fn what_no_database_keeps_is_not_known_and_spoils_nothing() {
    for engine in shared().await {
        let world = World::of_acme(engine).await;
        world.hear(at(Provider::Teams, "19:a@thread.v2"), Some(false)).await;
        let calls = vec![teams("19:a@thread.v2"), teams("19:\0"), teams(&"x".repeat(5_000))];
        let assessed = world.assess(calls).await.unwrap();
        assert_eq!(codes(&assessed[0]), [SkipCode::CanNotListenIn]);
        assert!(assessed[1..].iter().all(|it| codes(it).is_empty()));
        let request = assessing("no\0company", 1, vec![native("ada")]);
        let status = world.client().assess_calls(request).await.unwrap_err();
        assert_eq!(status.code(), Code::FailedPrecondition);
        assert_eq!(world.describe("no\0company", Adapter::Teams).await.policy_version, 0);
    }
}
