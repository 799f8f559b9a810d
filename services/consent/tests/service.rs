//! The consent service over a near link.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use chassis::{House, Link, Running, SimulatedClock};
use chrono::{DateTime, TimeDelta, Utc};
use decision::consent::token::{Claims, PrivateKey};
use proto::calendar::v1::{ConsentLinkType, ConsentShape, Link as WireLink, LinkKind};
use proto::consent::v1::consent_service_client::ConsentServiceClient;
use proto::consent::v1::*;
use proto::skip::v1::SkipCode;
use proto::verdict::v1::{CallKey, Conference, Outcome, Provider, Verdict};
use storage::StoreConfig;
use storage::sea_orm::ConnectionTrait as _;
use storage::testing::{Engine, engines};
use tempfile::TempDir;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

const HOST: &str = "consent.acme.example";
const ZOOM: &str = "https://zoom.us/j/98765432101?pwd=abc";

/// A database of some kind, and a folder for the key.
struct Place {
    engine: Engine,
    folder: TempDir,
}

/// One of every kind that replicas can share.
async fn places() -> Vec<Place> {
    let shared = engines().await.into_iter().filter(Engine::is_shared);
    shared.map(|engine| Place { engine, folder: tempfile::tempdir().unwrap() }).collect()
}

impl Place {
    fn settings(&self) -> String {
        let StoreConfig { url, schema, .. } = self.engine.config();
        let key = self.folder.path().join("key.pem");
        format!(
            "store.url = '{url}'\nstore.schema = '{schema}'\nkey_file = '{}'\nkeep_versions = 3",
            key.display()
        )
    }
}

/// A service on a database and a key file of its own, at a time that stands still.
struct World {
    clock: SimulatedClock,
    running: Running,
    place: Place,
}

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_000_000, 0).unwrap()
}

async fn open(clock: &SimulatedClock, settings: String) -> Running {
    House::new().clock(clock.clone()).host::<consent::App>(settings).open().await.unwrap()
}

impl World {
    async fn new(place: Place) -> Self {
        let clock = SimulatedClock::at(start());
        let running = open(&clock, place.settings()).await;
        Self { clock, running, place }
    }

    /// With the company of the examples at version 1.
    async fn of_acme(place: Place) -> Self {
        let world = Self::new(place).await;
        world.client().apply_consent_profile(acme(1)).await.unwrap();
        world
    }

    /// Another replica: it shares the database and the key file.
    async fn replica(&self) -> Running {
        open(&self.clock, self.place.settings()).await
    }

    async fn restarted(self) -> Self {
        let Self { clock, running, place } = self;
        running.shutdown().await.unwrap();
        let running = open(&clock, place.settings()).await;
        Self { clock, running, place }
    }

    fn client(&self) -> ConsentServiceClient<Link> {
        client_of(&self.running)
    }

    async fn issue(&self, link_type: ConsentLinkType) -> String {
        self.client().issue_consent_link(issuing(link_type)).await.unwrap().into_inner().url
    }

    async fn judge(&self, calls: Vec<ConsentQuestion>) -> Vec<Verdict> {
        let answer = self.client().judge_consents(judging("acme", 1, calls)).await.unwrap();
        answer.into_inner().verdicts
    }

    async fn judge_link(&self, link: WireLink) -> Verdict {
        self.judge(vec![call("a", "", vec![link])]).await.remove(0)
    }

    async fn drop_table(&self, table: &'static str) {
        let store = storage::connect(&self.place.engine.config()).await.unwrap();
        store
            .write(|tx| async move {
                let drop = storage::sea_orm::sea_query::Table::drop().table(table).to_owned();
                Ok::<_, storage::Error>(tx.execute(&drop).await?)
            })
            .await
            .unwrap();
    }
}

fn client_of(running: &Running) -> ConsentServiceClient<Link> {
    ConsentServiceClient::new(running.link("consent").unwrap())
}

/// Enforced for everybody by the profile `eu`, static links for Zoom; `lax` enforces nothing.
fn acme(policy_version: u64) -> ApplyConsentProfileRequest {
    let eu = ConsentProfile {
        name: "eu".into(),
        enabled: true,
        enforced: true,
        links: vec![ProviderLinkType {
            provider: Provider::Zoom.into(),
            r#type: ConsentLinkType::Static.into(),
        }],
        announcement: false,
    };
    let lax = ConsentProfile { name: "lax".into(), enforced: false, ..eu.clone() };
    ApplyConsentProfileRequest {
        company: "acme".into(),
        policy_version,
        host: HOST.into(),
        keys: Vec::new(),
        default_profile: "eu".into(),
        profiles: vec![eu, lax],
    }
}

fn judging(
    company: &str,
    policy_version: u64,
    calls: Vec<ConsentQuestion>,
) -> JudgeConsentsRequest {
    JudgeConsentsRequest { company: company.into(), policy_version, now: None, calls, draft: None }
}

fn issuing(link_type: ConsentLinkType) -> IssueConsentLinkRequest {
    IssueConsentLinkRequest {
        company: "acme".into(),
        r#type: link_type.into(),
        conference_url: ZOOM.into(),
        expires_at: None,
    }
}

fn key(uid: &str) -> CallKey {
    CallKey { ical_uid: Some(uid.into()), recurrence_id: None }
}

fn call(uid: &str, profile: &str, links: Vec<WireLink>) -> ConsentQuestion {
    ConsentQuestion { key: Some(key(uid)), profile: profile.into(), links }
}

fn choosing(uid: &str, choice: Choice, request_id: &str) -> RecordChoiceRequest {
    RecordChoiceRequest {
        company: "acme".into(),
        key: Some(key(uid)),
        choice: choice.into(),
        request_id: request_id.into(),
    }
}

/// The shape of a consent link, as calendars are read.
fn shape(url: &str) -> ConsentShape {
    let link = conference::classify(url).unwrap();
    let conference::Kind::Consent { host, company, kind, token } = link.kind else {
        panic!("{url} has not the shape of a consent link")
    };
    let r#type = match kind {
        conference::ConsentKind::Static => ConsentLinkType::Static,
        conference::ConsentKind::Dynamic => ConsentLinkType::Dynamic,
    };
    ConsentShape { host, company, r#type: r#type.into(), token }
}

fn link(url: &str) -> WireLink {
    WireLink {
        kind: LinkKind::Consent.into(),
        url: url.into(),
        consent: Some(shape(url)),
        ..WireLink::default()
    }
}

fn codes(verdict: &Verdict) -> Vec<SkipCode> {
    verdict.findings.iter().map(|finding| finding.code()).collect()
}

fn reason(status: &Status) -> String {
    status.get_details_error_info().unwrap().reason
}

#[tokio::test]
async fn a_link_issued_here_leads_to_its_conference_and_permits_the_call() {
    for place in places().await {
        let world = World::of_acme(place).await;
        let issued = world
            .client()
            .issue_consent_link(issuing(ConsentLinkType::Static))
            .await
            .unwrap()
            .into_inner();
        assert!(issued.url.starts_with("https://consent.acme.example/acme/s/"), "{}", issued.url);
        assert!(!issued.url.contains("pwd"));
        let zoom = Conference { provider: Provider::Zoom.into(), id: "98765432101".into() };
        assert_eq!(issued.conference, Some(zoom.clone()));
        assert_eq!(issued.expires_at.unwrap().seconds, 2_082_532_800);

        let links =
            vec![shape(&issued.url), shape("https://elsewhere.example/acme/s/abcdefghijklmnopq")];
        let resolve = ResolveConsentLinksRequest {
            company: "acme".into(),
            policy_version: 1,
            now: None,
            links,
            draft: None,
        };
        let resolved = world.client().resolve_consent_links(resolve).await.unwrap().into_inner();
        assert_eq!(resolved.resolutions[0].kind(), ConsentResolutionKind::Resolved);
        assert_eq!(resolved.resolutions[0].conference, Some(zoom));
        assert_eq!(resolved.resolutions[1].kind(), ConsentResolutionKind::NotAConsentLink);

        let verdict = world.judge_link(link(&issued.url)).await;
        assert_eq!(verdict.outcome(), Outcome::Allow, "{verdict:?}");
    }
}

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
async fn a_token_that_was_tampered_with_permits_nothing() {
    for place in places().await {
        let world = World::of_acme(place).await;
        let url = world.issue(ConsentLinkType::Static).await;
        let good = link(&url);
        let token = good.consent.as_ref().unwrap().token.clone();
        let mut tampered = Vec::new();
        for place in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            tampered.push(String::from_utf8(bytes).unwrap());
        }
        tampered.extend([
            String::new(),
            ".".into(),
            token[..token.len() - 1].into(),
            format!("{token}A"),
        ]);
        let calls = tampered.iter().map(|token| {
            let mut link = good.clone();
            link.consent.as_mut().unwrap().token.clone_from(token);
            call("a", "", vec![link])
        });
        // The true one beside them lends them nothing.
        let calls = std::iter::once(call("a", "", vec![good.clone()])).chain(calls).collect();
        let verdicts = world.judge(calls).await;
        assert_eq!(verdicts[0].outcome(), Outcome::Allow);
        for (token, verdict) in tampered.iter().zip(&verdicts[1..]) {
            assert_eq!(verdict.outcome(), Outcome::Skip, "{token}");
            assert_eq!(codes(verdict), [SkipCode::ComplianceSystemDecision], "{token}");
        }
        // Of another company, or of another type, than the token says.
        for (company, link_type) in
            [("other", ConsentLinkType::Static), ("acme", ConsentLinkType::Unspecified)]
        {
            let mut link = good.clone();
            let shape = link.consent.as_mut().unwrap();
            shape.company = company.into();
            shape.set_type(link_type);
            assert_eq!(world.judge_link(link).await.outcome(), Outcome::Skip, "{company}");
        }
    }
}

#[tokio::test]
async fn a_link_that_has_expired_permits_nothing() {
    for place in places().await {
        let world = World::of_acme(place).await;
        let mut request = issuing(ConsentLinkType::Static);
        request.expires_at = Some(proto::time::to_wire(start() + TimeDelta::hours(1)));
        let url = world.client().issue_consent_link(request).await.unwrap().into_inner().url;
        world.clock.advance(TimeDelta::hours(1));
        assert_eq!(world.judge_link(link(&url)).await.outcome(), Outcome::Allow);
        world.clock.advance(TimeDelta::seconds(1));
        let late = world.judge_link(link(&url)).await;
        assert_eq!(codes(&late), [SkipCode::ComplianceSystemDecision]);
        // The instant a request names counts, not the clock.
        let mut request = judging("acme", 1, vec![call("a", "", vec![link(&url)])]);
        request.now = Some(proto::time::to_wire(start()));
        let verdicts = world.client().judge_consents(request).await.unwrap().into_inner().verdicts;
        assert_eq!(verdicts[0].outcome(), Outcome::Allow);
    }
}

#[tokio::test]
async fn a_key_of_the_policy_verifies_and_a_foreign_one_does_not() {
    for place in places().await {
        let world = World::of_acme(place).await;
        let foreign = PrivateKey::from_bytes(&[7; 32]);
        let claims = Claims {
            company: "acme".into(),
            link_type: decision::company::LinkType::Static,
            conference: decision::Conference { provider: decision::Provider::Zoom, id: "1".into() },
            expires_at: start() + TimeDelta::days(1),
        };
        let url = format!("https://{HOST}/acme/s/{}", foreign.sign(&claims));
        assert_eq!(
            codes(&world.judge_link(link(&url)).await),
            [SkipCode::ComplianceSystemDecision]
        );
        let second =
            ApplyConsentProfileRequest { keys: vec![foreign.public_pem().unwrap()], ..acme(2) };
        world.client().apply_consent_profile(second).await.unwrap();
        let request = judging("acme", 2, vec![call("a", "", vec![link(&url)])]);
        let verdicts = world.client().judge_consents(request).await.unwrap().into_inner().verdicts;
        assert_eq!(verdicts[0].outcome(), Outcome::Allow);
    }
}

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
async fn a_version_that_was_not_applied_is_asked_for() {
    for place in places().await {
        let world = World::of_acme(place).await;
        let resolve = |company: &str, policy_version| ResolveConsentLinksRequest {
            company: company.into(),
            policy_version,
            ..Default::default()
        };
        for (company, version) in
            [("acme", 2), ("other", 1), ("acme", u64::MAX), ("no\0company", 1)]
        {
            let judged = world.client().judge_consents(judging(company, version, vec![])).await;
            let resolved = world.client().resolve_consent_links(resolve(company, version)).await;
            for status in [judged.unwrap_err(), resolved.unwrap_err()] {
                assert_eq!(status.code(), Code::FailedPrecondition);
                let info = status.get_details_error_info().unwrap();
                assert_eq!(info.reason, "ERROR_REASON_UNKNOWN_POLICY_VERSION");
                assert_eq!(info.metadata["company"], company);
                assert_eq!(info.metadata["policy_version"], version.to_string());
            }
        }
        // Not knowing is not remembered.
        world.client().apply_consent_profile(acme(2)).await.unwrap();
        assert!(world.client().judge_consents(judging("acme", 2, vec![])).await.is_ok());
    }
}

#[tokio::test]
async fn a_version_is_applied_once_and_for_all() {
    for place in places().await {
        let world = World::of_acme(place).await;
        let mut turned = acme(1);
        turned.profiles.reverse();
        world.client().apply_consent_profile(turned).await.unwrap();
        let mut changed = acme(1);
        changed.profiles[0].enforced = false;
        let status = world.client().apply_consent_profile(changed).await.unwrap_err();
        assert_eq!(status.code(), Code::Aborted);
        assert_eq!(world.judge(vec![call("a", "", vec![])]).await[0].outcome(), Outcome::Skip);
        let mut wrong = acme(2);
        wrong.keys.push("no key".into());
        let status = world.client().apply_consent_profile(wrong).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(reason(&status), "ERROR_REASON_INVALID_COMPANY_FILE");
        let fields = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!(fields[0].field, "consent.keys[0]");
    }
}

#[tokio::test]
async fn the_newest_versions_are_kept() {
    for place in places().await {
        let world = World::new(place).await;
        for version in [1, 2, 3, 4] {
            world.client().apply_consent_profile(acme(version)).await.unwrap();
        }
        let gone = world.client().judge_consents(judging("acme", 1, vec![])).await.unwrap_err();
        assert_eq!(gone.code(), Code::FailedPrecondition);
        assert!(world.client().judge_consents(judging("acme", 2, vec![])).await.is_ok());
        // Whoever applies an old one can ask for it.
        world.client().apply_consent_profile(acme(1)).await.unwrap();
        assert!(world.client().judge_consents(judging("acme", 1, vec![])).await.is_ok());
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

#[tokio::test]
async fn links_of_another_process_with_the_same_key_file_are_known() {
    for place in places().await {
        let world = World::of_acme(place).await;
        // This one began before there was a key.
        let other = world.replica().await;
        let url = world.issue(ConsentLinkType::Static).await;
        let request = judging("acme", 1, vec![call("a", "", vec![link(&url)])]);
        let verdicts =
            client_of(&other).judge_consents(request).await.unwrap().into_inner().verdicts;
        assert_eq!(verdicts[0].outcome(), Outcome::Allow);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn all_who_meet_a_link_of_a_new_key_at_once_know_it() {
    for _ in 0..20 {
        let place = places().await.remove(0);
        let world = World::of_acme(place).await;
        let other = world.replica().await;
        let url = world.issue(ConsentLinkType::Static).await;
        let asking: Vec<_> = (0..16)
            .map(|_| {
                let (mut client, link) = (client_of(&other), link(&url));
                let request = judging("acme", 1, vec![call("a", "", vec![link])]);
                tokio::spawn(async move { client.judge_consents(request).await })
            })
            .collect();
        for asked in asking {
            let verdicts = asked.await.unwrap().unwrap().into_inner().verdicts;
            assert_eq!(verdicts[0].outcome(), Outcome::Allow);
        }
    }
}

#[tokio::test]
async fn links_that_cannot_be_issued_say_why() {
    for place in places().await {
        let world = World::of_acme(place).await;
        let refused = async |spoil: fn(&mut IssueConsentLinkRequest)| {
            let mut request = issuing(ConsentLinkType::Static);
            spoil(&mut request);
            world.client().issue_consent_link(request).await.unwrap_err()
        };
        let stranger = refused(|r| r.company = "other".into()).await;
        assert_eq!(stranger.code(), Code::NotFound);
        assert_eq!(reason(&stranger), "ERROR_REASON_UNKNOWN_COMPANY");
        let no_link = refused(|r| r.conference_url = "https://meet.jit.si/Renewal".into()).await;
        assert_eq!(no_link.code(), Code::InvalidArgument);
        assert_eq!(reason(&no_link), "ERROR_REASON_INVALID_LINK");
        assert!(no_link.message().contains("zoom, teams, webex, google_meet"));
        let past = refused(|r| r.expires_at = Some(prost_types::Timestamp::default())).await;
        assert_eq!(past.code(), Code::InvalidArgument);
        // Nothing was signed, so there is no key yet.
        assert!(!world.place.folder.path().join("key.pem").exists());

        let hostless = ApplyConsentProfileRequest { host: String::new(), ..acme(2) };
        world.client().apply_consent_profile(hostless).await.unwrap();
        let no_host = refused(|_| {}).await;
        assert_eq!(no_host.code(), Code::FailedPrecondition);
        assert!(no_host.message().contains("consent.host"), "{}", no_host.message());
    }
}

#[tokio::test]
async fn a_key_file_that_cannot_be_used_stops_signing_and_nothing_else() {
    for place in places().await {
        std::fs::write(place.folder.path().join("key.pem"), "no key").unwrap();
        let world = World::new(place).await;
        world.client().apply_consent_profile(acme(1)).await.unwrap();
        assert_eq!(world.judge(vec![call("a", "", vec![])]).await[0].outcome(), Outcome::Skip);
        let status =
            world.client().issue_consent_link(issuing(ConsentLinkType::Static)).await.unwrap_err();
        assert_eq!(status.code(), Code::FailedPrecondition);
        assert_eq!(reason(&status), "ERROR_REASON_CONSENT_KEY_MISSING");
        assert!(status.message().contains("key.pem"), "{}", status.message());
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

#[test]
fn settings_that_keep_nothing_are_refused() {
    let house = House::new().host::<consent::App>("keep_versions = 0");
    assert!(format!("{:#}", house.check().unwrap_err()).contains("keep_versions"));
}

fn watching(company: &str, cursor: u64, until_caught_up: bool) -> WatchChoicesRequest {
    WatchChoicesRequest { company: company.into(), cursor, until_caught_up }
}

/// What a stream that ends has to say.
async fn watched(
    client: &mut ConsentServiceClient<Link>,
    request: WatchChoicesRequest,
) -> Vec<WatchChoicesResponse> {
    let mut stream = client.watch_choices(request).await.unwrap().into_inner();
    let mut seen = Vec::new();
    while let Some(choice) = stream.message().await.unwrap() {
        seen.push(choice);
    }
    seen
}

#[tokio::test]
async fn choices_are_streamed_from_a_cursor_on() {
    for place in places().await {
        let world = World::of_acme(place).await;
        let mut client = world.client();
        assert!(watched(&mut client, watching("", 0, true)).await.is_empty());
        let mut occurrence = choosing("b", Choice::JoinWithoutRecording, "2");
        occurrence.key.as_mut().unwrap().recurrence_id = Some(proto::time::to_wire(start()));
        let other = RecordChoiceRequest {
            company: "other".into(),
            ..choosing("c", Choice::JoinWithoutRecording, "3")
        };
        let recorded = [choosing("a", Choice::Join, "1"), occurrence, other];
        for (request, sequence) in recorded.iter().zip(1..) {
            let answer = client.record_choice(request.clone()).await.unwrap().into_inner();
            assert_eq!(answer.sequence, sequence);
            // Recorded before, so it has its place.
            client.record_choice(request.clone()).await.unwrap();
            world.clock.advance(TimeDelta::seconds(1));
        }
        let all = watched(&mut client, watching("", 0, true)).await;
        for (seen, (request, sequence)) in all.iter().zip(recorded.iter().zip(1_u64..)) {
            let at = start() + TimeDelta::seconds(i64::try_from(sequence).unwrap() - 1);
            let expected = WatchChoicesResponse {
                cursor: sequence,
                company: request.company.clone(),
                key: request.key.clone(),
                choice: request.choice,
                chosen_at: Some(proto::time::to_wire(at)),
            };
            assert_eq!(*seen, expected);
        }
        assert_eq!(all.len(), 3);
        assert_eq!(watched(&mut client, watching("", 1, true)).await, all[1..]);
        assert_eq!(watched(&mut client, watching("acme", 0, true)).await, all[..2]);
        assert_eq!(watched(&mut client, watching("other", 0, true)).await, all[2..]);
        assert!(watched(&mut client, watching("other", 3, true)).await.is_empty());
        for beyond in [4, u64::MAX] {
            assert!(watched(&mut client, watching("", beyond, true)).await.is_empty());
        }
        assert!(watched(&mut client, watching("no\0company", 0, true)).await.is_empty());
    }
}

#[tokio::test]
async fn a_long_record_is_streamed_whole() {
    for place in places().await {
        let world = World::of_acme(place).await;
        for n in 0..600 {
            let company = if n % 300 == 299 { "other" } else { "acme" };
            let request = RecordChoiceRequest {
                company: company.into(),
                ..choosing(&n.to_string(), Choice::Join, &n.to_string())
            };
            world.client().record_choice(request).await.unwrap();
        }
        let cursors = async |company: &str| {
            let all = watched(&mut world.client(), watching(company, 0, true)).await;
            all.into_iter().map(|choice| choice.cursor).collect::<Vec<_>>()
        };
        assert_eq!(cursors("").await, (1..=600).collect::<Vec<_>>());
        assert_eq!(cursors("acme").await.len(), 598);
        assert_eq!(cursors("other").await, [300, 600]);
    }
}

#[tokio::test]
async fn whoever_watches_is_woken_by_this_replica_and_finds_what_others_recorded() {
    for place in places().await {
        let world = World::of_acme(place).await;
        let other = world.replica().await;
        let stream = world.client().watch_choices(watching("acme", 0, false)).await;
        let mut stream = stream.unwrap().into_inner();
        let began = Instant::now();
        for n in 0..20_u64 {
            let request = choosing("a", Choice::Join, &n.to_string());
            world.client().record_choice(request).await.unwrap();
            assert_eq!(stream.message().await.unwrap().unwrap().cursor, n + 1);
        }
        assert!(began.elapsed() < Duration::from_secs(5), "looked for now and then, not woken");
        let request = choosing("a", Choice::JoinWithoutRecording, "elsewhere");
        client_of(&other).record_choice(request).await.unwrap();
        let found = tokio::time::timeout(Duration::from_secs(5), stream.message()).await;
        assert_eq!(found.unwrap().unwrap().unwrap().cursor, 21);
    }
}

#[tokio::test]
async fn a_stream_that_waits_ends_with_the_service() {
    for place in places().await {
        let world = World::of_acme(place).await;
        let stream = world.client().watch_choices(watching("", 0, false)).await;
        let mut stream = stream.unwrap().into_inner();
        let reading = tokio::spawn(async move { stream.message().await });
        tokio::time::sleep(Duration::from_millis(100)).await;
        world.running.shutdown().await.unwrap();
        let ended = tokio::time::timeout(Duration::from_secs(5), reading).await.unwrap().unwrap();
        // Not as one that has caught up.
        assert_eq!(ended.unwrap_err().code(), Code::Unavailable);
    }
}

#[tokio::test]
async fn a_record_that_cannot_be_read_ends_the_stream_with_an_error() {
    for place in places().await {
        let world = World::of_acme(place).await;
        world.drop_table("consent_head").await;
        let mut client = world.client();
        let stream = client.watch_choices(watching("", 0, true)).await.unwrap();
        let status = stream.into_inner().message().await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable);
        let record = choosing("a", Choice::JoinWithoutRecording, "1");
        assert_eq!(client.record_choice(record).await.unwrap_err().code(), Code::Unavailable);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn replicas_that_record_at_once_leave_no_gap_and_hide_nothing_from_those_who_watch() {
    const EACH: usize = 60;
    const WRITERS: usize = 4;
    for place in places().await {
        let world = World::of_acme(place).await;
        let other = world.replica().await;
        let total = 2 * WRITERS * EACH;
        let watchers: Vec<_> = [&world.running, &other, &other]
            .into_iter()
            .map(|running| {
                let mut client = client_of(running);
                tokio::spawn(async move {
                    let stream = client.watch_choices(watching("", 0, false)).await.unwrap();
                    let mut stream = stream.into_inner();
                    let mut seen = Vec::new();
                    while seen.len() < total {
                        seen.push(stream.message().await.unwrap().unwrap().cursor);
                    }
                    seen
                })
            })
            .collect();
        // One that asks again and again from where it was, as a follower does that lost its stream.
        let mut client = client_of(&world.running);
        let asking = tokio::spawn(async move {
            let mut seen: Vec<u64> = Vec::new();
            while seen.len() < total {
                let cursor = seen.last().copied().unwrap_or_default();
                let more = watched(&mut client, watching("", cursor, true)).await;
                seen.extend(more.into_iter().map(|choice| choice.cursor));
            }
            seen
        });
        let mut writers = Vec::new();
        for writer in 0..2 * WRITERS {
            let mut client = client_of(if writer % 2 == 0 { &world.running } else { &other });
            writers.push(tokio::spawn(async move {
                let mut places = Vec::new();
                for n in 0..EACH {
                    let request = choosing("a", Choice::Join, &format!("{writer}-{n}"));
                    let answer = client.record_choice(request).await.unwrap();
                    places.push(answer.into_inner().sequence);
                }
                assert!(places.is_sorted());
                places
            }));
        }
        let mut drawn = Vec::new();
        for writer in writers {
            drawn.extend(writer.await.unwrap());
        }
        drawn.sort_unstable();
        let every: Vec<u64> = (1..=u64::try_from(total).unwrap()).collect();
        assert_eq!(drawn, every);
        for watcher in watchers.into_iter().chain([asking]) {
            // Whoever missed one would wait for ever.
            let seen = tokio::time::timeout(Duration::from_secs(20), watcher).await;
            assert_eq!(seen.unwrap().unwrap(), every);
        }
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

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_content_wins_where_replicas_apply_two_under_one_number() {
    for place in places().await {
        let world = World::of_acme(place).await;
        let other = world.replica().await;
        for version in 2..32 {
            let mut lenient = acme(version);
            lenient.profiles[0].enforced = false;
            let (mut here, mut there) = (world.client(), client_of(&other));
            let (strict, lenient) = tokio::join!(
                here.apply_consent_profile(acme(version)),
                there.apply_consent_profile(lenient),
            );
            let expected = match (&strict, &lenient) {
                (Ok(_), Err(status)) | (Err(status), Ok(_)) => {
                    assert_eq!(status.code(), Code::Aborted, "{status:?}");
                    assert_eq!(reason(status), "ERROR_REASON_REVISION_CONFLICT");
                    if strict.is_ok() { Outcome::Skip } else { Outcome::Allow }
                }
                both => panic!("{both:?}"),
            };
            for client in [&mut here, &mut there] {
                let asked = judging("acme", version, vec![call("a", "", vec![])]);
                let judged = client.judge_consents(asked).await.unwrap().into_inner();
                assert_eq!(judged.verdicts[0].outcome(), expected);
            }
        }
        // The same from both is no conflict.
        let (mut here, mut there) = (world.client(), client_of(&other));
        let (one, two) = tokio::join!(
            here.apply_consent_profile(acme(40)),
            there.apply_consent_profile(acme(40)),
        );
        assert!(one.is_ok() && two.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn replicas_that_issue_the_first_links_at_once_sign_with_one_key() {
    for place in places().await {
        let world = World::of_acme(place).await;
        let other = world.replica().await;
        let (mut here, mut there) = (world.client(), client_of(&other));
        let request = issuing(ConsentLinkType::Static);
        let (one, two) = tokio::join!(
            here.issue_consent_link(request.clone()),
            there.issue_consent_link(request),
        );
        let calls = [one, two].map(|issued| {
            let url = issued.unwrap().into_inner().url;
            call("a", "", vec![link(&url)])
        });
        for client in [&mut here, &mut there] {
            let judged = client.judge_consents(judging("acme", 1, calls.to_vec())).await;
            let verdicts = judged.unwrap().into_inner().verdicts;
            assert!(verdicts.iter().all(|verdict| verdict.outcome() == Outcome::Allow));
        }
    }
}

#[tokio::test]
async fn a_proposed_part_is_judged_by_and_not_kept() {
    for place in places().await {
        let world = World::of_acme(place).await;
        let mut client = world.client();
        let foreign = PrivateKey::from_bytes(&[7; 32]);
        let claims = Claims {
            company: "acme".into(),
            link_type: decision::company::LinkType::Static,
            conference: decision::Conference { provider: decision::Provider::Zoom, id: "1".into() },
            expires_at: start() + TimeDelta::days(1),
        };
        let url = format!("https://{HOST}/acme/s/{}", foreign.sign(&claims));
        let draft =
            ApplyConsentProfileRequest { keys: vec![foreign.public_pem().unwrap()], ..acme(2) };
        let refusal = choosing("r", Choice::JoinWithoutRecording, "1");
        client.record_choice(refusal).await.unwrap();
        let calls = || ["a", "r"].map(|uid| call(uid, "", vec![link(&url)])).to_vec();
        // Of a version that is known and of one that is not, again and again.
        for version in [1, 9, 1] {
            let request = JudgeConsentsRequest {
                draft: Some(draft.clone()),
                ..judging("acme", version, calls())
            };
            let judged = client.judge_consents(request).await.unwrap().into_inner();
            assert_eq!(judged.policy_version, version);
            assert_eq!(judged.verdicts[0].outcome(), Outcome::Allow);
            assert_eq!(codes(&judged.verdicts[1]), [SkipCode::ComplianceUserRequest]);
            let request = ResolveConsentLinksRequest {
                company: "acme".into(),
                policy_version: version,
                now: None,
                links: vec![shape(&url)],
                draft: Some(draft.clone()),
            };
            let resolved = client.resolve_consent_links(request).await.unwrap().into_inner();
            assert_eq!(resolved.resolutions[0].kind(), ConsentResolutionKind::Resolved);
        }
        let lenient = ApplyConsentProfileRequest { default_profile: "lax".into(), ..draft.clone() };
        let request = JudgeConsentsRequest {
            draft: Some(lenient),
            ..judging("acme", 1, vec![call("a", "", vec![])])
        };
        let judged = client.judge_consents(request).await.unwrap().into_inner();
        assert_eq!(judged.verdicts[0].outcome(), Outcome::Allow);
        // Nothing of it is left.
        let applied = client.judge_consents(judging("acme", 1, calls())).await.unwrap();
        let verdicts = applied.into_inner().verdicts;
        assert_eq!(codes(&verdicts[0]), [SkipCode::ComplianceSystemDecision]);
        for version in [2, 9] {
            let unknown = client.judge_consents(judging("acme", version, vec![])).await;
            assert_eq!(unknown.unwrap_err().code(), Code::FailedPrecondition);
        }
        let hostless = ApplyConsentProfileRequest { host: String::new(), ..acme(2) };
        client.apply_consent_profile(hostless).await.unwrap();
    }
}

#[tokio::test]
async fn a_proposed_part_that_could_not_be_applied_is_refused() {
    for place in places().await {
        let world = World::of_acme(place).await;
        type Spoil = fn(&mut ApplyConsentProfileRequest);
        let cases: [(&str, Spoil); 3] = [
            ("consent.keys[0]", |draft| draft.keys.push("no key".into())),
            ("consent.default_profile", |draft| draft.default_profile = "us".into()),
            ("draft.company", |draft| draft.company = "other".into()),
        ];
        for (field, spoil) in cases {
            let mut draft = acme(2);
            spoil(&mut draft);
            let judge =
                JudgeConsentsRequest { draft: Some(draft.clone()), ..judging("acme", 1, vec![]) };
            let resolve = ResolveConsentLinksRequest {
                company: "acme".into(),
                policy_version: 1,
                draft: Some(draft),
                ..Default::default()
            };
            let judged = world.client().judge_consents(judge).await.unwrap_err();
            let resolved = world.client().resolve_consent_links(resolve).await.unwrap_err();
            for status in [judged, resolved] {
                assert_eq!(status.code(), Code::InvalidArgument);
                let wrong = status.get_details_bad_request().unwrap().field_violations;
                assert_eq!(wrong[0].field, field);
            }
        }
    }
}
