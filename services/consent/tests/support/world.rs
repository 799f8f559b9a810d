//! A house with the consent service, alone or as replicas, and questions to ask it.

use chassis::{House, Link, Running, SimulatedClock};
use chrono::{DateTime, TimeDelta, Utc};
use decision::consent::token::{Claims, PrivateKey};
use proto::calendar::v1::{ConsentLinkType, ConsentShape, Link as WireLink, LinkKind};
use proto::consent::v1::consent_service_client::ConsentServiceClient;
use proto::consent::v1::{
    ApplyConsentProfileRequest, Choice, ConsentProfile, ConsentQuestion, IssueConsentLinkRequest,
    JudgeConsentsRequest, ProviderLinkType, RecordChoiceRequest, WatchChoicesRequest,
    WatchChoicesResponse,
};
use proto::skip::v1::SkipCode;
use proto::verdict::v1::{CallKey, Provider, Verdict};
use storage::StoreConfig;
use storage::sea_orm::ConnectionTrait as _;
use storage::testing::{Engine, engines};
use tempfile::TempDir;
use tonic::Status;
use tonic_types::StatusExt as _;

pub(crate) const HOST: &str = "consent.acme.example";

pub(crate) const ZOOM: &str = "https://zoom.us/j/98765432101?pwd=abc";

/// A database of some kind, and a folder for the key.
pub(crate) struct Place {
    pub(crate) engine: Engine,
    pub(crate) folder: TempDir,
}

/// One of every kind that replicas can share.
pub(crate) async fn places() -> Vec<Place> {
    let shared = engines().await.into_iter().filter(Engine::is_shared);
    shared.map(|engine| Place { engine, folder: tempfile::tempdir().unwrap() }).collect()
}

impl Place {
    pub(crate) fn settings(&self) -> String {
        let StoreConfig { url, schema, .. } = self.engine.config();
        let key = self.folder.path().join("key.pem");
        format!(
            "store.url = '{url}'\nstore.schema = '{schema}'\nkey_file = '{}'\nkeep_versions = 3",
            key.display()
        )
    }
}

/// A service on a database and a key file of its own, at a time that stands still.
pub(crate) struct World {
    pub(crate) clock: SimulatedClock,
    pub(crate) running: Running,
    pub(crate) place: Place,
}

pub(crate) fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_000_000, 0).unwrap()
}

pub(crate) async fn open(clock: &SimulatedClock, settings: String) -> Running {
    House::new().clock(clock.clone()).host::<consent::App>(settings).open().await.unwrap()
}

impl World {
    pub(crate) async fn new(place: Place) -> Self {
        let clock = SimulatedClock::at(start());
        let running = open(&clock, place.settings()).await;
        Self { clock, running, place }
    }

    /// With the company of the examples at version 1.
    pub(crate) async fn of_acme(place: Place) -> Self {
        let world = Self::new(place).await;
        world.client().apply_consent_profile(acme(1)).await.unwrap();
        world
    }

    /// Another replica: it shares the database and the key file.
    pub(crate) async fn replica(&self) -> Running {
        open(&self.clock, self.place.settings()).await
    }

    pub(crate) async fn restarted(self) -> Self {
        let Self { clock, running, place } = self;
        running.shutdown().await.unwrap();
        let running = open(&clock, place.settings()).await;
        Self { clock, running, place }
    }

    pub(crate) fn client(&self) -> ConsentServiceClient<Link> {
        client_of(&self.running)
    }

    pub(crate) async fn issue(&self, link_type: ConsentLinkType) -> String {
        self.client().issue_consent_link(issuing(link_type)).await.unwrap().into_inner().url
    }

    pub(crate) async fn judge(&self, calls: Vec<ConsentQuestion>) -> Vec<Verdict> {
        let answer = self.client().judge_consents(judging("acme", 1, calls)).await.unwrap();
        answer.into_inner().verdicts
    }

    pub(crate) async fn judge_link(&self, link: WireLink) -> Verdict {
        self.judge(vec![call("a", "", vec![link])]).await.remove(0)
    }

    pub(crate) async fn drop_table(&self, table: &'static str) {
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

pub(crate) fn client_of(running: &Running) -> ConsentServiceClient<Link> {
    ConsentServiceClient::new(running.link("consent").unwrap())
}

/// Enforced for everybody by the profile `eu`, static links for Zoom; `lax` enforces nothing.
pub(crate) fn acme(policy_version: u64) -> ApplyConsentProfileRequest {
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

pub(crate) fn judging(
    company: &str,
    policy_version: u64,
    calls: Vec<ConsentQuestion>,
) -> JudgeConsentsRequest {
    JudgeConsentsRequest { company: company.into(), policy_version, now: None, calls, draft: None }
}

pub(crate) fn issuing(link_type: ConsentLinkType) -> IssueConsentLinkRequest {
    IssueConsentLinkRequest {
        company: "acme".into(),
        r#type: link_type.into(),
        conference_url: ZOOM.into(),
        expires_at: None,
    }
}

pub(crate) fn key(uid: &str) -> CallKey {
    CallKey { ical_uid: Some(uid.into()), recurrence_id: None }
}

pub(crate) fn call(uid: &str, profile: &str, links: Vec<WireLink>) -> ConsentQuestion {
    ConsentQuestion { key: Some(key(uid)), profile: profile.into(), links }
}

pub(crate) fn choosing(uid: &str, choice: Choice, request_id: &str) -> RecordChoiceRequest {
    RecordChoiceRequest {
        company: "acme".into(),
        key: Some(key(uid)),
        choice: choice.into(),
        request_id: request_id.into(),
    }
}

/// The shape of a consent link, as calendars are read.
pub(crate) fn shape(url: &str) -> ConsentShape {
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

pub(crate) fn link(url: &str) -> WireLink {
    WireLink {
        kind: LinkKind::Consent.into(),
        url: url.into(),
        consent: Some(shape(url)),
        ..WireLink::default()
    }
}

/// The public half of a key that is not the service's, and a link that is signed with it.
pub(crate) fn foreign() -> (String, String) {
    let key = PrivateKey::from_bytes(&[7; 32]);
    let claims = Claims {
        company: "acme".into(),
        link_type: decision::company::LinkType::Static,
        conference: decision::Conference { provider: decision::Provider::Zoom, id: "1".into() },
        expires_at: start() + TimeDelta::days(1),
    };
    let url = format!("https://{HOST}/acme/s/{}", key.sign(&claims));
    (key.public_pem().unwrap(), url)
}

pub(crate) fn codes(verdict: &Verdict) -> Vec<SkipCode> {
    verdict.findings.iter().map(|finding| finding.code()).collect()
}

pub(crate) fn reason(status: &Status) -> String {
    status.get_details_error_info().unwrap().reason
}

pub(crate) fn watching(company: &str, cursor: u64, until_caught_up: bool) -> WatchChoicesRequest {
    WatchChoicesRequest { company: company.into(), cursor, until_caught_up }
}

/// What a stream that ends has to say.
pub(crate) async fn watched(
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
