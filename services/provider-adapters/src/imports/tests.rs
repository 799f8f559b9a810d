//! Imports from a provider that makes new links, and a store that fails, with every kind of database.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use chassis::SystemClock;
use decision::provider::Adapter as Which;
use fakes::wav;
use media::HostRule;
use proto::provider::v1::{Act, PhoneCall, WatchSignalsResponse, watch_signals_response::News};
use storage::testing::{Engine, engines};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::attempts::Order;
use crate::carry::{Kind, Told};
use crate::journal::Kept;

/// A telephony system that hands out links which open with a token, and are good once.
#[derive(Debug)]
struct Phones {
    server: fakes::Server,
    names: Vec<&'static str>,
    asked: AtomicU32,
    /// The first so many links are of no use.
    stale: u32,
}

impl Phones {
    async fn with(names: Vec<&'static str>, stale: u32) -> Arc<Self> {
        let routes = Router::new().fallback(|request: Request| async move {
            let path = request.uri().path().to_owned();
            let token = request.headers().get("authorization").map(|it| it.to_str().unwrap());
            match (path.as_str(), token, request.uri().query()) {
                (_, None, _) => StatusCode::UNAUTHORIZED.into_response(),
                (_, _, Some("stale")) => StatusCode::FORBIDDEN.into_response(),
                ("/long", ..) => wav(90, false).into_response(),
                ("/short", ..) => wav(40, false).into_response(),
                ("/silent", ..) => wav(120, true).into_response(),
                _ => StatusCode::NOT_FOUND.into_response(),
            }
        });
        let server = fakes::Server::start(routes).await;
        Arc::new(Self { server, names, asked: AtomicU32::new(0), stale })
    }
}

#[async_trait]
impl Source for Phones {
    fn name(&self) -> &'static str {
        "phones"
    }

    async fn locate(&self, job: &Job) -> Result<Located, Trouble> {
        assert_eq!(job.name(Kind::Connection), Some("phones-2"), "by which it was recorded");
        let query = match self.asked.fetch_add(1, Ordering::Relaxed) < self.stale {
            true => "?stale",
            false => "",
        };
        let host = || vec!["=127.0.0.1".parse::<HostRule>().unwrap()];
        let file = |name: &&str| File {
            name: (*name).to_owned(),
            url: format!("http://{}/{name}{query}", self.server.address()).parse().unwrap(),
            hosts: Hosts::Only(host()),
            authorization: Some(Authorization::bearer("a-token", host())),
            expected: Expected::default(),
        };
        Ok(Located::Files(self.names.iter().map(file).collect()))
    }
}

#[async_trait]
impl Carrier for Phones {
    fn name(&self) -> &'static str {
        "phones"
    }

    fn serves(&self, _: &str, _: Which, _: Method) -> bool {
        true
    }

    async fn carry(&self, _: &Job) -> Result<Told, Trouble> {
        Ok(Told::default())
    }

    async fn withdraw(&self, _: &Job) -> Result<Told, Trouble> {
        Ok(Told::default())
    }

    async fn act(&self, _: &Job, _: Act) -> Result<Told, Trouble> {
        Ok(Told::default())
    }
}

/// A replica that imports from a telephony system.
struct Replica {
    journal: Journal,
    imports: Imports,
    carrier: Arc<dyn Carrier>,
    shutdown: CancellationToken,
}

fn settings(url: &str) -> Settings {
    let none = String::new;
    let store = crate::config::RecordingStore {
        url: url.to_owned(),
        endpoint: none(),
        region: none(),
        access_key_id: none(),
        secret_access_key: none(),
        plain_http: false,
        virtual_hosted: false,
        conditional: true,
    };
    let second = Duration::from_secs(1);
    Settings {
        parallel: 4,
        per_company: 4,
        poll: second / 50,
        lease: second,
        pause: second / 50,
        idle: second,
        deadline: second * 60,
        largest: 1 << 30,
        plain_http: true,
        loopback: true,
        store,
        hosts: std::collections::BTreeMap::new(),
    }
}

impl Replica {
    async fn on(engine: &Engine, phones: &Arc<Phones>, url: &str) -> Self {
        let database = crate::store::open(&engine.config()).await.unwrap();
        let journal = Journal::new(database);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let imports = Imports::open(&settings(url), "", journal.clone(), clock).unwrap();
        let carriers = vec![Arc::<Phones>::clone(phones) as Arc<dyn Carrier>];
        let sources = vec![Arc::<Phones>::clone(phones) as Arc<dyn Source>];
        let (carriers, sources) = imports.around(carriers, sources);
        let shutdown = CancellationToken::new();
        let runner = Runner {
            imports: imports.clone(),
            sources: sources.into(),
            claimant: "a".into(),
            shutdown: shutdown.clone(),
        };
        tokio::spawn(runner.run());
        let carrier = carriers.into_iter().find(|one| one.name() == "phones").unwrap();
        Self { journal, imports, carrier, shutdown }
    }

    async fn fetch(&self, call: &str) {
        let attempt =
            Attempt { company: "acme".into(), call_id: call.into(), plan_revision: 1, run: 0 };
        let order = Order {
            attempt,
            adapter: Which::Dialer,
            method: Method::DialerImport,
            conference: None,
            join_url: None,
            start: None,
            end: None,
            join_at: None,
            latest_join: None,
            announcement: false,
            owner: String::new(),
            organizer: String::new(),
            policy_version: 1,
            phone_call: Some(PhoneCall { external_id: call.into(), ..Default::default() }),
            upload: None,
        };
        let now = Utc::now();
        let kept = Kept {
            order: order.clone(),
            carrier: Some("phones"),
            connection: "phones-2".to_owned(),
        };
        self.journal.dispatch(&[kept], now).await.unwrap();
        let job = Job { order, names: Vec::new(), number: 1, what: "fetch", tries: 0, now };
        self.carrier.act(&job, Act::Fetch).await.unwrap();
        self.carrier.act(&job, Act::Fetch).await.unwrap();
    }

    async fn told(&self) -> Vec<String> {
        let (told, _) = self.journal.after(None, 0, 100).await.unwrap();
        let name = |one: WatchSignalsResponse| {
            let Some(News::Signal(signal)) = one.news else { panic!("no signal") };
            let length = signal.length.map(|long| format!(" {} s", long.seconds));
            let code = signal.raw.map(|raw| format!(" {}", raw.code));
            format!("{}{}", signal.signal, length.or(code).unwrap_or_default())
        };
        told.into_iter().map(name).collect()
    }

    async fn ends(&self) -> Vec<String> {
        for _ in 0..600 {
            let told = self.told().await;
            if told.len() > 1 {
                return told;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("nothing came of it");
    }
}

#[tokio::test]
async fn a_link_that_opens_nothing_is_asked_for_anew() {
    for engine in engines().await {
        let phones = Phones::with(vec!["long"], 2).await;
        let replica = Replica::on(&engine, &phones, "memory:").await;
        replica.fetch("c1").await;
        assert_eq!(replica.ends().await, ["fetching", "imported 90 s"], "{}", engine.name());
        assert_eq!(phones.asked.load(Ordering::Relaxed), 3);
        replica.shutdown.cancel();
    }
}

#[tokio::test]
async fn links_that_never_open_anything_end_the_import() {
    for engine in engines().await {
        let phones = Phones::with(vec!["long"], 1000).await;
        let replica = Replica::on(&engine, &phones, "memory:").await;
        replica.fetch("c1").await;
        let told = replica.ends().await;
        assert_eq!(told, ["fetching", "dialer_import_failed http_403"], "{}", engine.name());
        assert_eq!(phones.asked.load(Ordering::Relaxed), 4);
        replica.shutdown.cancel();
    }
}

#[tokio::test]
async fn of_several_files_the_longest_with_sound_counts_and_all_are_kept() {
    for engine in engines().await {
        let phones = Phones::with(vec!["silent", "long", "short"], 0).await;
        let folder = tempfile::tempdir().unwrap();
        let replica = Replica::on(&engine, &phones, folder.path().to_str().unwrap()).await;
        replica.fetch("c1").await;
        assert_eq!(replica.ends().await, ["fetching", "imported 90 s"], "{}", engine.name());
        let kept = std::fs::read_dir(folder.path().join("acme")).unwrap();
        assert_eq!(kept.count(), 3);
        replica.shutdown.cancel();
    }
}

#[tokio::test]
async fn a_store_that_fails_is_told_of_and_imports_wait_for_it() {
    let engine = Engine::memory();
    let phones = Phones::with(vec!["long"], 0).await;
    let folder = tempfile::tempdir().unwrap();
    // Something lies where the folder should be.
    let place = folder.path().join("recordings");
    std::fs::write(&place, "").unwrap();
    let replica = Replica::on(&engine, &phones, place.to_str().unwrap()).await;
    replica.fetch("c1").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(replica.told().await, ["fetching"]);
    let problem = replica.imports.problems().await.pop().unwrap();
    assert_eq!(problem.code, "recording_store_failing");
    std::fs::remove_file(&place).unwrap();
    assert_eq!(replica.ends().await, ["fetching", "imported 90 s"]);
    assert_eq!(replica.imports.problems().await, []);
    replica.shutdown.cancel();
}

#[tokio::test]
async fn where_nothing_says_where_recordings_are_kept_that_is_told() {
    let engine = Engine::memory();
    let phones = Phones::with(vec!["long"], 0).await;
    let replica = Replica::on(&engine, &phones, "").await;
    assert_eq!(replica.imports.problems().await.pop().unwrap().code, "no_recording_store");
    replica.shutdown.cancel();
}
