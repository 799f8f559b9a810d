//! The process that services live in: one of them, or all.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use anyhow::Context as _;
use futures::FutureExt as _;
use http::{Request, Response};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tonic::body::Body;
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tower::Service;
use tracing::{error, info, warn};

use crate::app::{App, Built, Context};
use crate::clock::{Clock, SystemClock};
use crate::connections::{self, Age};
use crate::link::{Link, Place};
use crate::metrics;
use crate::probes;
use crate::settings::{DEFAULTS, Error, Peers, Process, SECTIONS, Server, Telemetry, Tree, same};
use crate::stack::Stack;
use crate::stack::panics;

/// The variable that every program with telemetry knows.
const OTLP_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

type Building = Pin<Box<dyn Future<Output = anyhow::Result<Built>> + Send>>;
type Build = Box<dyn FnOnce(Context) -> Building + Send>;
type Configure = Box<dyn FnOnce(Tree) -> anyhow::Result<Build> + Send>;

/// A process to be: which services it hosts, and their settings in layers.
///
/// What the program sets while building lies under the file, the file under the environment, and [`House::set`] over all.
/// Neither file nor environment is read unless asked for, so that a house in a test or an offline command is its own.
pub struct House {
    base: &'static str,
    alone: bool,
    layers: Vec<Result<Tree, Error>>,
    set: Vec<String>,
    environment: bool,
    clock: Arc<dyn Clock>,
    hosts: Vec<Host>,
}

struct Host {
    name: &'static str,
    services: &'static [&'static str],
    descriptors: &'static [&'static [u8]],
    defaults: &'static str,
    overrides: String,
    configure: Configure,
}

impl Default for House {
    fn default() -> Self {
        Self::new()
    }
}

impl House {
    /// An empty house. Its settings have a section for each service, `[calendar-ingest]`, beside those of the process.
    #[must_use]
    pub fn new() -> Self {
        Self {
            base: "",
            alone: false,
            layers: Vec::new(),
            set: Vec::new(),
            environment: false,
            clock: Arc::new(SystemClock),
            hosts: Vec::new(),
        }
    }

    /// A house for one service, whose settings stand at the top, without a section.
    #[must_use]
    pub fn alone<A: App>() -> Self {
        let mut house = Self::new().host::<A>("");
        house.alone = true;
        house
    }

    /// Defaults of the program that hosts, as TOML, over those built in.
    #[must_use]
    pub fn defaults(mut self, toml: &'static str) -> Self {
        self.base = toml;
        self
    }

    /// Takes a service in. `overrides` is TOML laid over its defaults, without a section: `store.url = "sqlite::memory:"`.
    #[must_use]
    pub fn host<A: App>(mut self, overrides: impl Into<String>) -> Self {
        self.hosts.push(Host {
            name: A::NAME,
            services: A::SERVICES,
            descriptors: A::DESCRIPTORS,
            defaults: A::DEFAULTS,
            overrides: overrides.into(),
            configure: Box::new(|tree| {
                let config: A::Config = tree.read(Some(A::NAME))?;
                A::check(&config).with_context(|| format!("settings of `{}`", A::NAME))?;
                Ok(Box::new(move |context| A::build(config, context).boxed()))
            }),
        });
        self
    }

    /// Reads a settings file. What is wrong with it is told when the house opens.
    #[must_use]
    pub fn file(mut self, path: &Path) -> Self {
        self.layers.push(Tree::file(path));
        self
    }

    /// Reads variables: `CALLSHEET_CONSENT__STORE__URL`, and `CALLSHEET_SERVER__LISTEN` where several services live.
    #[must_use]
    pub fn environment(mut self) -> Self {
        self.environment = true;
        self
    }

    /// Settings that nothing overrides, as TOML: the command line.
    #[must_use]
    pub fn set(mut self, toml: impl Into<String>) -> Self {
        self.set.push(toml.into());
        self
    }

    /// Listens on another address than the settings say.
    #[must_use]
    pub fn listen(self, address: SocketAddr) -> Self {
        self.set(format!("server.listen = \"{address}\""))
    }

    /// Another clock than the system's.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Reads every setting and builds nothing.
    ///
    /// # Errors
    /// The first thing that is wrong, with its key and where it was set.
    pub fn check(self) -> anyhow::Result<Ready> {
        let Self { base, alone, layers, set, environment, clock, hosts } = self;
        let mut top = Tree::default();
        for layer in layers {
            top = top.under(layer?);
        }
        if environment {
            top =
                top.under(variables(alone.then(|| hosts.first().map(|host| host.name)).flatten())?);
        }
        for text in &set {
            top = top.under(Tree::parse(text, "the command line")?);
        }

        let mut below = Tree::parse(DEFAULTS, "chassis.default.toml")?;
        below = below.under(Tree::parse(base, "the program's defaults")?);
        let mut ready = Vec::new();
        let mut addresses = Tree::default();
        let mut own = Vec::new();
        for host in hosts {
            let mut defaults =
                Tree::parse(host.defaults, &format!("config.default.toml of {}", host.name))?;
            let mut process = defaults.split(&SECTIONS)?;
            // Addresses of peers are worth having in any house; a port to listen on is for a service alone.
            addresses = addresses.under(process.take("peers")?);
            if alone {
                below = below.under(process);
            }
            let overrides = Tree::parse(&host.overrides, &format!("overrides of {}", host.name))?;
            own.push((host, defaults.under(overrides)));
        }
        let mut top = below.under(top);
        let mut process = top.split(&SECTIONS)?;
        let peers = Peers::read(addresses.under(process.take("peers")?))?;
        let Process { server, mut telemetry, clock: time } = process.read(None)?;
        server.check()?;
        let clock = match time.clock()? {
            Some(file) => Arc::new(file),
            None => clock,
        };
        let mut origin = None;
        if environment && telemetry.otlp.is_empty() {
            telemetry.otlp = std::env::var(OTLP_ENDPOINT).unwrap_or_default();
            origin = Some(OTLP_ENDPOINT);
        }
        telemetry.check(origin)?;

        for (host, defaults) in own {
            let above = if alone { std::mem::take(&mut top) } else { top.take(host.name)? };
            let build = (host.configure)(defaults.under(above))?;
            ready.push(Furnished {
                name: host.name,
                services: host.services,
                descriptors: host.descriptors,
                build,
            });
        }
        top.empty()?;
        Ok(Ready { server, telemetry, peers, clock, hosts: ready })
    }

    /// Builds every service and begins their tasks, without listening: they are reached by [`Running::link`].
    ///
    /// # Errors
    /// Wrong settings, or a service that cannot start.
    pub async fn open(self) -> anyhow::Result<Running> {
        self.check()?.build(false).await
    }

    /// The same, and listens.
    ///
    /// # Errors
    /// Wrong settings, a service that cannot start, or an address that cannot be had.
    pub async fn serve(self) -> anyhow::Result<Running> {
        self.check()?.build(true).await
    }
}

impl fmt::Debug for House {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<_> = self.hosts.iter().map(|host| host.name).collect();
        f.debug_struct("House").field("hosts", &hosts).finish_non_exhaustive()
    }
}

/// A house whose settings have all been read and found right.
pub struct Ready {
    server: Server,
    telemetry: Telemetry,
    peers: Peers,
    clock: Arc<dyn Clock>,
    hosts: Vec<Furnished>,
}

struct Furnished {
    name: &'static str,
    services: &'static [&'static str],
    descriptors: &'static [&'static [u8]],
    build: Build,
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready").field("server", &self.server).finish_non_exhaustive()
    }
}

/// The signals that end a program.
struct Signals {
    term: Signal,
    int: Signal,
}

impl Signals {
    /// From here on they do not kill.
    fn catch() -> std::io::Result<Self> {
        Ok(Self { term: signal(SignalKind::terminate())?, int: signal(SignalKind::interrupt())? })
    }

    async fn any(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }
}

impl Ready {
    /// `[telemetry]`.
    #[must_use]
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// `[server]`.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Builds every service, begins their tasks, and listens.
    ///
    /// # Errors
    /// A service that cannot start, or an address that cannot be had.
    pub async fn serve(self) -> anyhow::Result<Running> {
        self.build(true).await
    }

    /// The same until SIGTERM or SIGINT, then ends in order; a second signal ends at once, and so does one while it starts.
    /// SIGINT, a person at a terminal, waits for no load balancer.
    ///
    /// # Errors
    /// The same, or the listener failed, or requests had to be cut off.
    pub async fn serve_until_signal(self) -> anyhow::Result<()> {
        // Before the address is told: whoever reads it may end the program the moment after.
        let mut signals = Signals::catch()?;
        let running = tokio::select! {
            running = self.serve() => running?,
            () = signals.any() => anyhow::bail!("ended by a signal while starting"),
        };
        running.until(signals).await
    }

    async fn build(self, listen: bool) -> anyhow::Result<Running> {
        let Self { server, telemetry, peers, clock, hosts } = self;
        metrics::start(
            &telemetry,
            if let [alone] = hosts.as_slice() { alone.name } else { "callsheet" },
        )?;
        // Taken first, so that a port in use is told before anything is migrated.
        let incoming = listen
            .then(|| {
                TcpIncoming::bind(server.listen).map(|incoming| incoming.with_nodelay(Some(true)))
            })
            .transpose()
            .with_context(|| format!("cannot listen on {}", server.listen))?;
        let draining = CancellationToken::new();
        let cut = CancellationToken::new();
        let places: Arc<HashMap<String, Place>> = Arc::new(
            hosts.iter().map(|host| (same(host.name), Arc::new(OnceLock::new()))).collect(),
        );
        let context = Context {
            clock,
            shutdown: draining.clone(),
            max_message: server.max_message,
            ceiling: server.ceiling,
            places: Arc::clone(&places),
            peers,
            known: Arc::default(),
        };

        let services: Vec<&'static str> =
            hosts.iter().flat_map(|host| host.services.iter().copied()).collect();
        let descriptors: Vec<&'static [u8]> =
            hosts.iter().flat_map(|host| host.descriptors.iter().copied()).collect();
        let (open, health) = probes::routes(&services, &descriptors).await?;

        let mut stacks = HashMap::new();
        let mut tasks = Vec::new();
        for host in hosts {
            let built = (host.build)(context.clone())
                .await
                .with_context(|| format!("cannot start `{}`", host.name))?;
            let stack = Stack::new(
                host.name,
                built.routes,
                server.max_in_flight,
                server.ceiling,
                draining.clone(),
            );
            stacks.extend(host.services.iter().map(|service| (*service, stack.clone())));
            if let Some(place) = places.get(&same(host.name)) {
                // A name hosted twice keeps its first stack; the second would never be asked.
                anyhow::ensure!(place.set(stack).is_ok(), "`{}` is hosted twice", host.name);
            }
            tasks.extend(built.tasks.into_iter().map(|(name, work)| (host.services, name, work)));
        }

        let tracker = TaskTracker::new();
        for (services, name, work) in tasks {
            let health = health.clone();
            tracker.spawn(async move {
                if panics::caught(work).await.is_err() {
                    error!(task = name, "task panicked");
                    probes::say(&health, services, ServingStatus::NotServing).await;
                }
            });
        }
        tracker.close();

        let address = incoming.as_ref().map(TcpIncoming::local_addr).transpose()?;
        let front = Front { stacks: Arc::new(stacks), open };
        let serving = incoming.map(|incoming| {
            let age =
                Age { most: server.max_connection_age, grace: server.max_connection_age_grace };
            tokio::spawn(connections::serve(front, incoming, age, draining.clone(), cut.clone()))
        });
        probes::say(&health, &services, ServingStatus::Serving).await;
        if let Some(address) = address {
            info!(%address, services = services.len(), "listening");
        }
        Ok(Running {
            address,
            services,
            health,
            context,
            tracker,
            serving,
            cut,
            lame_duck: server.lame_duck,
            drain: server.drain,
            _drained_when_dropped: draining.drop_guard(),
        })
    }
}

/// Services at work. Dropping it stops accepting and lets tasks end, without waiting for them.
pub struct Running {
    address: Option<SocketAddr>,
    services: Vec<&'static str>,
    health: HealthReporter,
    context: Context,
    tracker: TaskTracker,
    serving: Option<JoinHandle<()>>,
    cut: CancellationToken,
    lame_duck: Duration,
    drain: Duration,
    _drained_when_dropped: DropGuard,
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Running {
    /// Where it listens, with the port it was given.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// A link to one of the services, or to a peer of the settings.
    ///
    /// # Errors
    /// There is neither.
    pub fn link(&self, name: &str) -> Result<Link, crate::app::PeerError> {
        self.context.peer(name)
    }

    /// What services were given: the clock, the size of messages.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    async fn until(mut self, mut signals: Signals) -> anyhow::Result<()> {
        let failed = async {
            match &mut self.serving {
                Some(serving) => serving.await,
                None => std::future::pending().await,
            }
        };
        let lame_duck = tokio::select! {
            _ = signals.term.recv() => self.lame_duck,
            _ = signals.int.recv() => Duration::ZERO,
            ended = failed => {
                ended.context("the server panicked")?;
                anyhow::bail!("the server ended by itself");
            }
        };
        tokio::select! {
            ended = self.end(lame_duck) => ended,
            () = signals.any() => anyhow::bail!("ended at once by a second signal"),
        }
    }

    /// Ends in order: health says NOT_SERVING, requests are accepted for the lame-duck time, then no more are, and those
    /// under way may finish.
    ///
    /// # Errors
    /// Requests or tasks had to be cut off when the time to drain was over.
    pub async fn shutdown(self) -> anyhow::Result<()> {
        let lame_duck = self.lame_duck;
        self.end(lame_duck).await
    }

    async fn end(mut self, lame_duck: Duration) -> anyhow::Result<()> {
        info!("shutting down");
        probes::say(&self.health, &self.services, ServingStatus::NotServing).await;
        if self.serving.is_some() {
            tokio::time::sleep(lame_duck).await;
        }
        self.context.shutdown.cancel();
        let mut serving = self.serving.take();
        let drained = timeout(self.drain, async {
            if let Some(serving) = &mut serving {
                serving.await.context("the server panicked")?;
            }
            self.tracker.wait().await;
            anyhow::Ok(())
        })
        .await;
        metrics::flush().await;
        match drained {
            Ok(ended) => ended,
            Err(_elapsed) => {
                self.cut.cancel();
                warn!(tasks = self.tracker.len(), "cut off what did not finish in time");
                anyhow::bail!("not everything finished within {:?}", self.drain)
            }
        }
    }
}

/// The environment as settings: of one service, or of a house.
fn variables(alone: Option<&'static str>) -> Result<Tree, Error> {
    let all = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    match alone {
        Some(name) => {
            let prefix = format!("CALLSHEET_{}__", same(name).to_ascii_uppercase());
            Tree::variables(all, &prefix, false)
        }
        None => Tree::variables(all, "CALLSHEET_", true),
    }
}

/// The door: leads a request to the service it names, or to health and reflection.
#[derive(Clone)]
struct Front {
    stacks: Arc<HashMap<&'static str, Stack>>,
    open: Routes,
}

impl Service<Request<Body>> for Front {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let path = request.uri().path();
        let service = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        match self.stacks.get(service) {
            Some(stack) => stack.clone().call(request),
            None => self.open.call(request).boxed(),
        }
    }
}
