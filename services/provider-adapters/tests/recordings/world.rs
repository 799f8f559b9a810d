//! A service whose company has connections to providers that are played; all at one simulated time.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chassis::{Clock as _, House, Link, Running, SimulatedClock};
use chrono::{DateTime, TimeDelta, Utc};
use fakes::Clock;
use proto::provider::v1::provider_adapter_service_client::ProviderAdapterServiceClient;
use proto::provider::v1::watch_signals_response::News;
use proto::provider::v1::*;
use proto::time::to_wire;
use proto::verdict::v1::{Conference, Provider};
use storage::StoreConfig;
use storage::sea_orm::{ConnectionTrait as _, Statement};
use storage::testing::Engine;

/// When the meetings and calls of the tests begin.
pub(crate) fn start() -> DateTime<Utc> {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

/// What the providers are played with.
pub(crate) fn clock() -> Clock {
    Clock::held(start())
}

pub(crate) fn attempt(call_id: &str) -> Attempt {
    Attempt { company: "acme".into(), call_id: call_id.into(), plan_revision: 1, run: 0 }
}

pub(crate) struct World {
    running: Running,
    pub(crate) store: storage::Store,
    clock: SimulatedClock,
    theirs: Clock,
    address: SocketAddr,
    folder: tempfile::TempDir,
    engine: Engine,
}

/// Connections as they are set.
#[derive(Default)]
pub(crate) struct Setting {
    top: String,
    connections: String,
    files: BTreeMap<&'static str, String>,
}

impl Setting {
    /// Another setting, at the top.
    pub(crate) fn with(mut self, line: &str) -> Self {
        writeln!(self.top, "{line}").unwrap();
        self
    }

    /// A connection of a provider: where its API is, the secret of its webhooks, and what the API wants to know.
    pub(crate) fn connect(
        mut self,
        provider: &'static str,
        url: &str,
        secret: &str,
        api: &[(&str, &str)],
    ) -> Self {
        self.files.insert(provider, secret.to_owned());
        writeln!(
            self.connections,
            "[[connections]]\nname = '{provider}'\ncompany = 'acme'\nprovider = '{provider}'\n\
             base_url = '{url}'\nsecrets = ['file:FOLDER/{provider}']"
        )
        .unwrap();
        if !api.is_empty() {
            writeln!(self.connections, "[connections.api]").unwrap();
        }
        for (name, value) in api {
            writeln!(self.connections, "{name} = '''{value}'''").unwrap();
        }
        self
    }
}

impl World {
    /// A place for webhooks that nobody listens at yet.
    pub(crate) fn address() -> SocketAddr {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
    }

    pub(crate) async fn open(theirs: Clock, address: SocketAddr, setting: Setting) -> Self {
        Self::on(Engine::file(), theirs, address, setting).await
    }

    pub(crate) async fn on(
        engine: Engine,
        theirs: Clock,
        address: SocketAddr,
        setting: Setting,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, secret) in &setting.files {
            std::fs::write(folder.path().join(name), secret).unwrap();
        }
        let StoreConfig { url, schema, .. } = engine.config();
        let mut text = format!(
            "store.url = '{url}'\nstore.schema = '{schema}'\nwork.poll = '20ms'\ninbox.poll = '20ms'\n\
             webhooks.listen = '{address}'\nwebhooks.public_url = 'http://{address}'\n\
             imports.store.url = '{}'\nimports.plain_http = true\nimports.loopback = true\n\
             imports.poll = '20ms'\nimports.pause = '50ms'\nimports.lease = '5s'\n",
            folder.path().join("recordings").display()
        );
        for provider in [
            "zoom",
            "recall",
            "attendee",
            "twilio",
            "ringcentral",
            "aircall",
            "vonage",
            "telnyx",
            "dialer",
        ] {
            if !setting.top.contains(&format!("imports.hosts.{provider} ")) {
                writeln!(text, "imports.hosts.{provider} = ['=127.0.0.1']").unwrap();
            }
        }
        text += &setting.top;
        text += &setting.connections.replace("FOLDER", &folder.path().display().to_string());
        let clock = SimulatedClock::at(start());
        let house = House::new().clock(clock.clone()).host::<provider_adapters::App>(text);
        let running = house.open().await.unwrap();
        let store = storage::connect(&engine.config()).await.unwrap();
        Self { running, store, clock, theirs, address, folder, engine }
    }

    pub(crate) async fn close(self) {
        self.store.close().await.unwrap();
        self.running.shutdown().await.unwrap();
        drop(self.engine);
    }

    fn client(&self) -> ProviderAdapterServiceClient<Link> {
        ProviderAdapterServiceClient::new(self.running.link("provider-adapters").unwrap())
    }

    /// Where a connection's webhooks come to.
    pub(crate) fn hook(&self, connection: &str) -> String {
        format!("http://{}/webhooks/{connection}", self.address)
    }

    pub(crate) fn advance(&self, time: TimeDelta) {
        self.clock.advance(time);
        self.theirs.advance(time.to_std().unwrap());
    }

    /// A conference to be recorded.
    pub(crate) fn meeting(call_id: &str, adapter: Adapter, provider: Provider, id: &str) -> Order {
        let method = if adapter == Adapter::ZoomNative { Method::Native } else { Method::Bot };
        Order {
            attempt: Some(attempt(call_id)),
            adapter: adapter.into(),
            method: method.into(),
            conference: Some(Conference { provider: provider.into(), id: id.into() }),
            join_url: "https://meet.acme.example/j/123".into(),
            start: Some(to_wire(start())),
            end: Some(to_wire(start() + TimeDelta::minutes(30))),
            latest_join: Some(to_wire(start() + TimeDelta::minutes(20))),
            owner: "ada".into(),
            organizer: "ada".into(),
            policy_version: 1,
            ..Default::default()
        }
    }

    /// A telephone call whose recording is to be imported.
    pub(crate) fn call(call_id: &str, connection: &str, external_id: &str) -> Order {
        Order {
            attempt: Some(attempt(call_id)),
            adapter: Adapter::Dialer.into(),
            method: Method::DialerImport.into(),
            start: Some(to_wire(start())),
            phone_call: Some(PhoneCall {
                company: "acme".into(),
                connection: connection.into(),
                external_id: external_id.into(),
                placed_at: Some(to_wire(start())),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    pub(crate) async fn order(&self, order: Order) {
        let request = DispatchRequest { orders: vec![order] };
        let answer = self.client().dispatch(request).await.unwrap().into_inner();
        assert_eq!(answer.receipts().next(), Some(Receipt::Accepted));
        self.idle().await;
    }

    pub(crate) async fn orders(&self, orders: impl Iterator<Item = Order>) {
        let request = DispatchRequest { orders: orders.collect() };
        let answer = self.client().dispatch(request).await.unwrap().into_inner();
        assert!(answer.receipts().all(|one| one == Receipt::Accepted));
    }

    /// Writes something to do for a call that no carrier of this process does.
    pub(crate) async fn undone(&self, call_id: &str) {
        let sql = format!(
            "INSERT INTO provider_adapters_work (attempt, carrier, connection, kind, number, due_us, until_us, tries) \
             SELECT id, 'nobody', '', 1, 0, 0, 0, 0 FROM provider_adapters_attempt WHERE call_id = '{call_id}'"
        );
        let store = &self.store;
        let statement = Statement::from_string(store.backend(), sql);
        let statement = &statement;
        let written = store.write(|tx| async move {
            tx.execute_raw(statement.clone()).await?;
            Ok::<_, storage::Error>(())
        });
        written.await.unwrap();
    }

    /// Has something done in the attempt at a call, and waits until it is.
    pub(crate) async fn act(&self, call_id: &str, act: Act, number: u64) {
        let attempt = Some(attempt(call_id));
        let one = Instruction { attempt, act: act.into(), number, ..Default::default() };
        let request = InstructRequest { instructions: vec![one] };
        let answer = self.client().instruct(request).await.unwrap().into_inner();
        assert_eq!(answer.receipts().next(), Some(Receipt::Accepted));
        self.idle().await;
    }

    pub(crate) async fn withdraw(&self, call_id: &str) {
        let withdrawals =
            vec![Withdrawal { attempt: Some(attempt(call_id)), ..Default::default() }];
        self.client().withdraw(WithdrawRequest { withdrawals }).await.unwrap();
        self.idle().await;
    }

    /// Waits until nothing is left to do at providers.
    async fn idle(&self) {
        let sql = "SELECT count(*) FROM provider_adapters_work";
        self.until("nothing to do", async || self.count(sql).await == 0).await;
    }

    pub(crate) async fn count(&self, sql: &str) -> i64 {
        let statement = Statement::from_string(self.store.backend(), sql);
        let row = self.store.reader().query_one_raw(statement).await.unwrap().unwrap();
        row.try_get_by_index::<i64>(0).unwrap()
    }

    /// What was told of a call: names, with the length of what was imported and the code of what was not.
    pub(crate) async fn told(&self, call_id: &str) -> Vec<String> {
        let request = WatchSignalsRequest { until_caught_up: true, ..Default::default() };
        let mut stream = self.client().watch_signals(request).await.unwrap().into_inner();
        let mut told = Vec::new();
        while let Some(one) = stream.message().await.unwrap() {
            let Some(News::Signal(signal)) = one.news else { continue };
            if signal.attempt.unwrap().call_id != call_id {
                continue;
            }
            let ends =
                ["imported", "files_lost", "files_deleted", "dialer_import_failed", "media_empty"];
            let length = signal.length.map(|long| format!(" {} s", long.seconds));
            let code = signal.raw.map(|raw| format!(" {}", raw.code));
            let more = length.or(code).filter(|_| ends.contains(&signal.signal.as_str()));
            told.push(format!("{}{}", signal.signal, more.unwrap_or_default()));
        }
        told
    }

    /// Waits until something was told of a call.
    pub(crate) async fn hears(&self, call_id: &str, what: &str) {
        let told = async || self.told(call_id).await.iter().any(|one| one == what);
        self.until(what, told).await;
    }

    /// Has the recording of a call fetched, and waits until that comes to this.
    pub(crate) async fn fetches(&self, call_id: &str, what: &str) {
        self.act(call_id, Act::Fetch, 9).await;
        self.hears(call_id, what).await;
    }

    /// Waits while simulated time goes by fast.
    pub(crate) async fn until(&self, what: &str, mut done: impl AsyncFnMut() -> bool) {
        for _ in 0..1000 {
            if done().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
            self.advance(TimeDelta::milliseconds(500));
        }
        panic!("waited in vain for {what}; told: {:?}", self.told("c1").await);
    }

    /// Sizes of the files in the store.
    pub(crate) fn files(&self) -> Vec<u64> {
        let mut sizes: Vec<u64> = found(&self.folder.path().join("recordings"))
            .into_iter()
            .map(|path| path.metadata().unwrap().len())
            .collect();
        sizes.sort_unstable();
        sizes
    }

    /// Codes of what is wrong with connections, and what is told of adapters.
    pub(crate) async fn described(&self) -> (Vec<String>, Vec<String>) {
        let request = DescribeAdapterRequest { company: "acme".into(), ..Default::default() };
        let answer = self.client().describe_adapter(request).await.unwrap().into_inner();
        let connections = answer.adapters.iter().flat_map(|one| &one.connections);
        let codes = connections.flat_map(|one| &one.problems).map(|one| one.code.clone());
        let details = answer.adapters.iter().flat_map(|one| one.details.clone());
        (codes.collect(), details.collect())
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
}

/// Files in a folder and below, without those that say what was deleted or stored.
fn found(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            all.extend(found(&path));
        } else if !path.ends_with("manifest.json") {
            all.push(path);
        }
    }
    all
}
