//! A service with a company that has accounts at providers, and the providers, played; all at one simulated time.

use std::time::Duration;

use chassis::{Clock as _, House, Link, Running, SimulatedClock};
use chrono::{DateTime, TimeDelta, Utc};
use fakes::attendee::Attendee;
use fakes::recall::Recall;
use fakes::webex::Webex;
use fakes::zoom::{Options, Zoom};
use fakes::{Clock, Server};
use proto::eligibility::v1::ZoomFacts;
use proto::provider::v1::provider_adapter_service_client::ProviderAdapterServiceClient;
use proto::provider::v1::watch_signals_response::News;
use proto::provider::v1::*;
use proto::time::to_wire;
use proto::verdict::v1::{Conference, Provider};
use storage::StoreConfig;
use storage::sea_orm::{ConnectionTrait as _, Statement};
use storage::testing::Engine;

/// Half an hour before the meetings of the tests start.
pub(crate) fn now() -> DateTime<Utc> {
    "2026-11-22T09:30:00Z".parse().unwrap()
}

/// Databases that another process can open as well.
pub(crate) async fn shared() -> Vec<Engine> {
    let mut all = vec![Engine::file()];
    all.extend(Engine::postgres().await);
    all
}

fn start() -> DateTime<Utc> {
    now() + TimeDelta::minutes(30)
}

pub(crate) fn attempt(call_id: &str, plan_revision: u64, run: u32) -> Attempt {
    Attempt { company: "acme".into(), call_id: call_id.into(), plan_revision, run }
}

pub(crate) struct World {
    running: Running,
    engine: Engine,
    store: storage::Store,
    clock: SimulatedClock,
    theirs: Clock,
    files: tempfile::TempDir,
    patience: u32,
    /// Whether bots of Recall have an account to join with.
    signed_in: bool,
    pub(crate) zoom: Zoom,
    pub(crate) recall: Recall,
    pub(crate) attendee: Attendee,
    pub(crate) webex: Webex,
    pub(crate) ada: String,
    pub(crate) bob: String,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::on(Engine::file()).await
    }

    /// One where a provider may take two seconds.
    pub(crate) async fn on(engine: Engine) -> Self {
        Self::with(engine, 2, false).await
    }

    /// One where bots of both runtimes have accounts to join with.
    pub(crate) async fn signed_in() -> Self {
        Self::with(Engine::file(), 2, true).await
    }

    /// One where nobody is given up soon.
    pub(crate) async fn patient(engine: Engine) -> Self {
        Self::with(engine, 60, false).await
    }

    async fn with(engine: Engine, patience: u32, signed_in: bool) -> Self {
        let clock = SimulatedClock::at(now());
        let theirs = Clock::held(now());
        let options = Options { clock: theirs.clone(), ..Options::default() };
        let zoom = Zoom::start_with(options).await;
        let (ada, bob) = (zoom.add_user("ada@acme.example"), zoom.add_user("bob@acme.example"));
        let recall = Recall::start(theirs.clone()).await;
        let attendee = Attendee::start(theirs.clone()).await;
        let webex = Webex::start(theirs.clone()).await;
        let files = tempfile::tempdir().unwrap();
        let secret = &zoom.options().client_secret;
        std::fs::write(files.path().join("zoom"), secret).unwrap();
        std::fs::write(files.path().join("recall"), recall.key()).unwrap();
        std::fs::write(files.path().join("attendee"), attendee.key()).unwrap();
        std::fs::write(files.path().join("webex"), webex.token()).unwrap();
        std::fs::write(files.path().join("hello.mp3"), [0xFF, 0xFB, 0x90, 0x64, 1, 2]).unwrap();
        let played = (&zoom, &recall, &attendee, &webex);
        let settings = settings(&engine, played, &files, patience, signed_in);
        let running = open(&clock, settings).await;
        let store = storage::connect(&engine.config()).await.unwrap();
        let world = Self {
            running,
            engine,
            store,
            clock,
            theirs,
            files,
            patience,
            signed_in,
            zoom,
            recall,
            attendee,
            webex,
            ada,
            bob,
        };
        world.apply(1, [true, false, true]).await;
        world
    }

    /// Applies a policy version where bots join Teams, Webex and Google Meet with an account, or as guests.
    pub(crate) async fn apply(&self, policy_version: u64, [teams, webex, meet]: [bool; 3]) {
        let host = |member: &str| HostFacts {
            member: member.into(),
            emails: vec![format!("{member}@acme.example")],
            zoom: Some(ZoomFacts::default()),
        };
        let setup = |provider: Provider, authenticated_bot| ProviderSetup {
            provider: provider.into(),
            enabled: true,
            configured: true,
            authenticated_bot,
            ..Default::default()
        };
        let request = ApplyProviderFactsRequest {
            company: "acme".into(),
            policy_version,
            providers: vec![
                setup(Provider::Zoom, false),
                setup(Provider::Teams, teams),
                setup(Provider::Webex, webex),
                setup(Provider::GoogleMeet, meet),
            ],
            hosts: vec![host("ada"), host("bob")],
        };
        self.client().apply_provider_facts(request).await.unwrap();
    }

    fn settings(&self) -> String {
        let Self { engine, zoom, recall, attendee, webex, files, patience, signed_in, .. } = self;
        settings(engine, (zoom, recall, attendee, webex), files, *patience, *signed_in)
    }

    /// Another process on the same database.
    pub(crate) async fn replica(&self) -> Running {
        open(&self.clock, self.settings()).await
    }

    /// Ends the process in the middle of what it does, and begins another one.
    pub(crate) async fn killed(self) -> Self {
        let settings = self.settings();
        let Self { running, .. } = self;
        drop(running.shutdown().await);
        let running = open(&self.clock, settings).await;
        Self { running, ..self }
    }

    /// The same with more settings from here on.
    pub(crate) async fn set_up_with(self, more: &str) -> Self {
        let settings = self.settings() + more;
        let Self { running, .. } = self;
        drop(running.shutdown().await);
        let running = open(&self.clock, settings).await;
        Self { running, ..self }
    }

    pub(crate) fn time(&self) -> Clock {
        self.theirs.clone()
    }

    pub(crate) async fn close(self) {
        self.store.close().await.unwrap();
        self.running.shutdown().await.unwrap();
    }

    fn client(&self) -> ProviderAdapterServiceClient<Link> {
        ProviderAdapterServiceClient::new(self.running.link("provider-adapters").unwrap())
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub(crate) fn advance(&self, time: TimeDelta) {
        self.clock.advance(time);
        self.theirs.advance(time.to_std().unwrap());
    }

    pub(crate) fn server(&self, runtime: &str) -> &Server {
        if runtime == "recall" { self.recall.server() } else { self.attendee.server() }
    }

    pub(crate) fn bots(&self, runtime: &str) -> Vec<String> {
        if runtime == "recall" { self.recall.bots() } else { self.attendee.bots() }
    }

    /// A meeting of Ada's, who wants it recorded.
    pub(crate) fn meeting(&self) -> u64 {
        let meeting = self.zoom.schedule(&self.ada, start(), 30);
        let off = serde_json::json!({"settings": {"auto_recording": "none"}});
        self.zoom.change_meeting(meeting, &off);
        meeting
    }

    pub(crate) fn auto_recording(&self, meeting: u64) -> String {
        let meeting = self.zoom.meeting(meeting).unwrap();
        meeting["settings"]["auto_recording"].as_str().unwrap_or_default().to_owned()
    }

    fn any(attempt: Attempt) -> Order {
        Order {
            attempt: Some(attempt),
            start: Some(to_wire(start())),
            end: Some(to_wire(start() + TimeDelta::minutes(30))),
            join_at: Some(to_wire(start())),
            latest_join: Some(to_wire(start() + TimeDelta::minutes(20))),
            owner: "ada".into(),
            organizer: "ada".into(),
            policy_version: 1,
            ..Default::default()
        }
    }

    pub(crate) fn native(&self, attempt: Attempt, meeting: u64) -> Order {
        let conference = Conference { provider: Provider::Zoom.into(), id: meeting.to_string() };
        Order {
            adapter: Adapter::ZoomNative.into(),
            method: Method::Native.into(),
            conference: Some(conference),
            ..Self::any(attempt)
        }
    }

    pub(crate) fn local(&self, attempt: Attempt, meeting: u64) -> Order {
        Order {
            adapter: Adapter::ZoomLocal.into(),
            method: Method::Local.into(),
            join_url: format!("https://acme.zoom.example/j/{meeting}?pwd=x"),
            ..self.native(attempt, meeting)
        }
    }

    pub(crate) fn bot_for(&self, attempt: Attempt, adapter: Adapter) -> Order {
        let provider = if adapter == Adapter::Teams {
            Provider::Teams
        } else if adapter == Adapter::GoogleMeet {
            Provider::GoogleMeet
        } else {
            Provider::Webex
        };
        Order {
            adapter: adapter.into(),
            method: Method::Bot.into(),
            conference: Some(Conference { provider: provider.into(), id: "123".into() }),
            join_url: "https://meet.acme.example/j/123".into(),
            ..Self::any(attempt)
        }
    }

    /// A bot of a runtime, in a conference it is set up for.
    pub(crate) fn bot(&self, attempt: Attempt, runtime: &str) -> Order {
        let adapter = if runtime == "recall" { Adapter::Webex } else { Adapter::Teams };
        self.bot_for(attempt, adapter)
    }

    pub(crate) async fn order(&self, order: Order) {
        self.orders(vec![order]).await;
    }

    pub(crate) async fn orders(&self, orders: Vec<Order>) {
        let answer = self.client().dispatch(DispatchRequest { orders }).await.unwrap();
        assert!(answer.into_inner().receipts().all(|one| one == Receipt::Accepted));
    }

    pub(crate) async fn withdraw(&self, attempt: Attempt) {
        let withdrawals = vec![Withdrawal { attempt: Some(attempt), ..Default::default() }];
        self.client().withdraw(WithdrawRequest { withdrawals }).await.unwrap();
    }

    pub(crate) async fn instruct(&self, attempt: Attempt, act: Act, number: u64) {
        let attempt = Some(attempt);
        let one = Instruction { attempt, act: act.into(), number, ..Default::default() };
        let request = InstructRequest { instructions: vec![one] };
        let answer = self.client().instruct(request).await.unwrap().into_inner();
        assert_eq!(answer.receipts().next(), Some(Receipt::Accepted));
    }

    /// All that was told.
    pub(crate) async fn all(&self) -> Vec<Signal> {
        let request = WatchSignalsRequest { until_caught_up: true, ..Default::default() };
        let mut stream = self.client().watch_signals(request).await.unwrap().into_inner();
        let mut all = Vec::new();
        while let Some(one) = stream.message().await.unwrap() {
            let Some(News::Signal(signal)) = one.news else { continue };
            all.push(signal);
        }
        all
    }

    /// The evidence behind the first signal of that name.
    pub(crate) async fn raw(&self, name: &str) -> RawCode {
        let all = self.all().await;
        all.into_iter().find(|one| one.signal == name).unwrap().raw.unwrap_or_default()
    }

    /// Waits until these signals were told and nothing is left to do.
    pub(crate) async fn told(&self, names: &[&str]) {
        let as_told = async || {
            let told: Vec<String> = self.all().await.into_iter().map(|one| one.signal).collect();
            assert!(told.len() <= names.len(), "{told:?} is more than {names:?}");
            told == names
        };
        self.until(&names.join(", "), as_told).await;
        self.idle().await;
    }

    /// What providers call something of attempts, by the number of its kind.
    pub(crate) async fn called(&self, kind: i16) -> Vec<String> {
        let sql = format!("SELECT value FROM provider_adapters_name WHERE kind = {kind}");
        let statement = Statement::from_string(self.store.backend(), sql);
        let rows = self.store.reader().query_all_raw(statement).await.unwrap();
        rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
    }

    /// Waits until nothing is left to do.
    pub(crate) async fn idle(&self) {
        let idle = async || {
            let sql = "SELECT count(*) FROM provider_adapters_work";
            let statement = Statement::from_string(self.store.backend(), sql);
            let row = self.store.reader().query_one_raw(statement).await.unwrap().unwrap();
            row.try_get_by_index::<i64>(0).unwrap() == 0
        };
        self.until("nothing to do", idle).await;
    }

    /// Waits while simulated time goes by fast.
    pub(crate) async fn until(&self, what: &str, mut done: impl AsyncFnMut() -> bool) {
        for _ in 0..1500 {
            if done().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
            self.advance(TimeDelta::seconds(1));
        }
        let told: Vec<String> = self.all().await.into_iter().map(|one| one.signal).collect();
        panic!("waited in vain for {what}; told: {told:?}");
    }

    /// Codes of what is wrong with connections.
    pub(crate) async fn problems(&self) -> Vec<String> {
        let request = DescribeAdapterRequest { company: "acme".into(), ..Default::default() };
        let answer = self.client().describe_adapter(request).await.unwrap().into_inner();
        let connections = answer.adapters.into_iter().flat_map(|one| one.connections);
        connections.flat_map(|one| one.problems).map(|one| one.code).collect()
    }
}

async fn open(clock: &SimulatedClock, settings: String) -> Running {
    House::new().clock(clock.clone()).host::<provider_adapters::App>(settings).open().await.unwrap()
}

fn settings(
    engine: &Engine,
    (zoom, recall, attendee, webex): (&Zoom, &Recall, &Attendee, &Webex),
    files: &tempfile::TempDir,
    patience: u32,
    signed_in: bool,
) -> String {
    let StoreConfig { url, schema, .. } = engine.config();
    let file = |name: &str| files.path().join(name).display().to_string();
    let (account, client) = (&zoom.options().account, &zoom.options().client_id);
    let login = if signed_in {
        "signed_in = '{\"webex\": {\"login\": true}, \"google_meet\": {\"login\": true}}'\n"
    } else {
        ""
    };
    format!(
        "store.url = '{url}'\nstore.schema = '{schema}'\n\
         webhooks.public_url = 'https://hooks.acme.example'\nsubscriptions.poll = '1h'\n\
         work.poll = '20ms'\nwork.patience = '{patience}s'\nwork.lease = '{}s'\n\
         [[connections]]\nname = 'zoom'\ncompany = 'acme'\nprovider = 'zoom'\nbase_url = '{}'\n\
         [connections.api]\naccount_id = '{account}'\nclient_id = '{client}'\n\
         client_secret = 'file:{}'\noauth_url = '{}'\nplan = 'business'\ndiscard_copies = 'true'\n\
         [[connections]]\nname = 'recall'\ncompany = 'acme'\nprovider = 'recall'\nbase_url = '{}'\n\
         [connections.api]\nkey = 'file:{}'\nadapters = 'zoom-local, webex, google-meet'\n\
         announcement = '{}'\n{login}zoom = '{{\"zoom\": {{\"obf_token_url\": \"https://tokens.acme.example/obf\"}}}}'\n\
         [[connections]]\nname = 'attendee'\ncompany = 'acme'\nprovider = 'attendee'\nbase_url = '{}'\n\
         [connections.api]\nkey = 'file:{}'\nadapters = 'teams'\nannouncement = '{}'\n\
         signed_in = '{{\"teams_settings\": {{\"use_login\": true}}}}'\n\
         [[connections]]\nname = 'webex'\ncompany = 'acme'\nprovider = 'webex'\nbase_url = '{}'\n\
         secrets = ['file:{}']\n[connections.api]\naccess_token = 'file:{}'\n",
        patience + 1,
        zoom.api_url(),
        file("zoom"),
        zoom.oauth_url(),
        recall.base(),
        file("recall"),
        file("hello.mp3"),
        attendee.base(),
        file("attendee"),
        file("hello.mp3"),
        webex.api_url(),
        file("webex"),
        file("webex"),
    )
}
