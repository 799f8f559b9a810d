//! A service whose company has a tenant at Microsoft and an organisation at Webex, both played over real sockets, which
//! deliver to the service's own listener; all at one simulated time.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeySize, PrivateDecryptingKey};
use chassis::{Clock as _, House, Link, Running, SimulatedClock};
use chrono::{DateTime, TimeDelta, Utc};
use data_encoding::BASE64;
use fakes::Clock;
use fakes::graph::{Graph, Options};
use fakes::webex::Webex;
use http::Method;
use proto::provider::v1::provider_adapter_service_client::ProviderAdapterServiceClient;
use proto::provider::v1::watch_signals_response::News;
use proto::provider::v1::*;
use storage::StoreConfig;
use storage::testing::Engine;

/// A meeting of Teams.
pub(crate) const JOIN: &str =
    "https://teams.microsoft.com/l/meetup-join/19%3ameeting_Zm9v%40thread.v2/0?context=%7b%7d";
/// What Graph is to tell of.
pub(crate) const RECORDS: &str = "communications/callRecords";
pub(crate) const RECORDINGS: &str = "communications/onlineMeetings/getAllRecordings";
/// What Webex is to tell of.
pub(crate) const OF_WEBEX: [&str; 3] = ["meetings", "meetingParticipants", "recordings"];

pub(crate) fn now() -> DateTime<Utc> {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

pub(crate) struct World {
    running: Running,
    engine: Engine,
    clock: SimulatedClock,
    theirs: Clock,
    address: SocketAddr,
    files: tempfile::TempDir,
    resources: String,
    public_url: String,
    pub(crate) graph: Graph,
    pub(crate) webex: Webex,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::on(Engine::file(), &format!("{RECORDS}, {RECORDINGS}, users")).await
    }

    pub(crate) async fn on(engine: Engine, resources: &str) -> Self {
        Self::reached(engine, resources, None, |_| {}).await
    }

    /// One that is told to be notified elsewhere, with providers of which something was spoilt before it began.
    pub(crate) async fn reached(
        engine: Engine,
        resources: &str,
        elsewhere: Option<&str>,
        spoil: impl FnOnce((&Graph, &Webex, &Path)),
    ) -> Self {
        let clock = SimulatedClock::at(now());
        let theirs = Clock::held(now());
        let options = Options { clock: theirs.clone(), ..Options::default() };
        let graph = Graph::start_with(options).await;
        let webex = Webex::start(theirs.clone()).await;
        let files = tempfile::tempdir().unwrap();
        let write =
            |name: &str, bytes: &[u8]| std::fs::write(files.path().join(name), bytes).unwrap();
        write("state", b"the state we gave");
        write("graph", graph.options().secret.as_bytes());
        write("keys", graph.keys().to_string().as_bytes());
        write("webex", b"the secret of webex");
        let (_, secret, grant) = webex.grant();
        write("webex-client", secret.as_bytes());
        write("webex-grant", grant.as_bytes());
        let private = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
        let pkcs8 = AsDer::<Pkcs8V1Der<'_>>::as_der(&private).unwrap();
        write("key", pkcs8.as_ref());
        let public = private.public_key();
        let public = AsDer::<PublicKeyX509Der<'_>>::as_der(&public).unwrap();
        // Like a certificate: the key, between other things.
        let der = [&[0x30, 0x82, 9, 9, 0xa0, 3, 2, 1, 2][..], public.as_ref(), &[7; 40]].concat();
        let pem = format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            BASE64.encode(&der)
        );
        write("certificate", pem.as_bytes());
        spoil((&graph, &webex, files.path()));
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let public_url = elsewhere.map_or_else(|| format!("http://{address}"), str::to_owned);
        let resources = resources.to_owned();
        let settings = settings(
            &engine,
            (&graph, &webex),
            files.path(),
            &address.to_string(),
            &public_url,
            &resources,
        );
        let running = open(&clock, settings).await;
        let world = Self {
            running,
            engine,
            clock,
            theirs,
            address,
            files,
            resources,
            public_url,
            graph,
            webex,
        };
        world.apply().await;
        world
    }

    /// Ada is a member.
    async fn apply(&self) {
        let host = HostFacts {
            member: "ada".into(),
            emails: vec!["Ada@acme.example".into()],
            ..Default::default()
        };
        let request = ApplyProviderFactsRequest {
            company: "acme".into(),
            policy_version: 1,
            hosts: vec![host],
            ..Default::default()
        };
        self.client().apply_provider_facts(request).await.unwrap();
    }

    /// Another process on the same database, where nobody listens.
    pub(crate) async fn replica(&self) -> Running {
        let (providers, files) = ((&self.graph, &self.webex), self.files.path());
        let (url, resources) = (&self.public_url, &self.resources);
        open(&self.clock, settings(&self.engine, providers, files, "", url, resources)).await
    }

    /// It ends and begins again, to be told of something else.
    pub(crate) async fn restarted(self, resources: &str) -> Self {
        let address = self.address.to_string();
        let (providers, files) = ((&self.graph, &self.webex), self.files.path());
        let settings =
            settings(&self.engine, providers, files, &address, &self.public_url, resources);
        let Self { running, clock, .. } = self;
        running.shutdown().await.unwrap();
        let running = open(&clock, settings).await;
        Self { running, clock, resources: resources.to_owned(), ..self }
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.files.path().join(name), bytes).unwrap();
    }

    pub(crate) fn url(&self, connection: &str) -> String {
        format!("{}/webhooks/{connection}", self.public_url)
    }

    pub(crate) fn client(&self) -> ProviderAdapterServiceClient<Link> {
        ProviderAdapterServiceClient::new(self.running.link("provider-adapters").unwrap())
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub(crate) fn advance(&self, time: TimeDelta) {
        self.clock.advance(time);
        self.theirs.advance(time.to_std().unwrap());
    }

    /// Waits while simulated time goes by fast.
    pub(crate) async fn until(&self, what: &str, mut done: impl AsyncFnMut() -> bool) {
        for _ in 0..800 {
            if done().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
            self.advance(TimeDelta::seconds(1));
        }
        panic!("waited in vain for {what}; problems: {:?}", self.problems("teams").await);
    }

    /// Waits until all of both is subscribed to, once.
    pub(crate) async fn until_made(&self) {
        let many = self.resources.split(',').count();
        let is_made = async || {
            self.graph.subscriptions().len() == many
                && self.webex.webhooks().len() == OF_WEBEX.len()
        };
        self.until("all subscriptions", is_made).await;
        self.until("their notes", async || {
            self.subscription_problems("teams").await.is_empty()
                && self.subscription_problems("webex").await.is_empty()
        })
        .await;
    }

    /// Requests that Graph carried out.
    pub(crate) fn carried_out(&self, method: &Method, path: &str) -> usize {
        self.graph.log().of(method, path).iter().filter(|one| one.carried_out).count()
    }

    /// The id of Graph's subscription to something.
    pub(crate) fn to(&self, resource: &str) -> String {
        let mut all = self.graph.subscriptions().into_iter();
        all.find(|id| self.graph.subscription(id)["resource"] == resource).unwrap()
    }

    pub(crate) async fn health(&self, connection: &str) -> ConnectionHealth {
        let request = DescribeAdapterRequest { company: "acme".into(), ..Default::default() };
        let answer = self.client().describe_adapter(request).await.unwrap().into_inner();
        let mut all = answer.adapters.into_iter().flat_map(|one| one.connections);
        all.find(|one| one.name == connection).unwrap()
    }

    /// What is wrong with a connection: severities and codes.
    pub(crate) async fn problems(&self, connection: &str) -> Vec<(Severity, String)> {
        let health = self.health(connection).await;
        health.problems.into_iter().map(|one| (one.severity(), one.code)).collect()
    }

    /// Those about subscriptions.
    pub(crate) async fn subscription_problems(&self, connection: &str) -> Vec<String> {
        let all = self.problems(connection).await.into_iter().map(|(_, code)| code);
        all.filter(|code| code.starts_with("subscription")).collect()
    }

    /// All that was told, in words.
    pub(crate) async fn told(&self) -> Vec<String> {
        let request = WatchSignalsRequest { until_caught_up: true, ..Default::default() };
        let mut stream = self.client().watch_signals(request).await.unwrap().into_inner();
        let mut all = Vec::new();
        while let Some(one) = stream.message().await.unwrap() {
            all.extend(one.news.map(|news| match news {
                News::Signal(signal) => signal.signal,
                News::PhoneCall(_) => "call".to_owned(),
                News::FactsChanged(facts) => format!("facts of {:?}", facts.members),
            }));
        }
        all
    }
}

async fn open(clock: &SimulatedClock, settings: String) -> Running {
    House::new().clock(clock.clone()).host::<provider_adapters::App>(settings).open().await.unwrap()
}

fn settings(
    engine: &Engine,
    (graph, webex): (&Graph, &Webex),
    files: &Path,
    listen: &str,
    public_url: &str,
    resources: &str,
) -> String {
    let StoreConfig { url, schema, .. } = engine.config();
    let file = |name: &str| format!("file:{}", files.join(name).display());
    let options = graph.options();
    format!(
        "store.url = '{url}'\nstore.schema = '{schema}'\ninbox.poll = '20ms'\n\
         subscriptions.poll = '20ms'\nsubscriptions.patience = '8s'\nsubscriptions.lease = '10s'\n\
         webhooks.listen = '{listen}'\nwebhooks.public_url = '{public_url}'\n\
         [[connections]]\nname = 'teams'\ncompany = 'acme'\nprovider = 'teams'\nbase_url = '{}'\n\
         secrets = ['{}']\nkeys = '{}'\naudiences = ['{}']\nown = ['{}']\n\
         [connections.certificate]\nid = 'cert-1'\nkey = '{}'\n\
         [connections.api]\ntenant = '{}'\nclient_id = '{}'\nclient_secret = '{}'\nlogin_url = '{}'\n\
         scope = 'https://graph.example/.default'\ncertificate = '{}'\nresources = \"{resources}\"\n\
         [[connections]]\nname = 'webex'\ncompany = 'acme'\nprovider = 'webex'\nbase_url = '{}'\n\
         secrets = ['{}']\nown = ['org-1']\n\
         [connections.api]\nclient_id = '{}'\nclient_secret = '{}'\nrefresh_token = '{}'\n",
        graph.api_url(),
        file("state"),
        file("keys"),
        options.application,
        options.tenant,
        file("key"),
        options.tenant,
        options.application,
        file("graph"),
        graph.login_url(),
        file("certificate"),
        webex.api_url(),
        file("webex"),
        webex.grant().0,
        file("webex-client"),
        file("webex-grant"),
    )
}
