//! Everything that runs: both servers, the leaves, the replicas of the orchestrator, and the proxy between them.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use servers::{Folder, Process, Programs, Servers, Settings, Signal, Stop};
use tokio::task::JoinHandle;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::Sabotage;
use super::proxy::Proxy;
use crate::binaries::Binaries;

/// The services that everybody asks.
pub const LEAVES: [&str; 4] = ["calendar-ingest", "eligibility", "consent", "provider-adapters"];

/// The database of all services.
pub const DATABASE: &str = "callsheet";

/// The schema of the orchestrator.
pub const SCHEMA: &str = "orchestrator";

/// How long a replica holds what it has without renewing it: less than in production, so that a run sees more of it.
pub const LEASE: Duration = Duration::from_secs(3);

/// How long a service may take until it listens, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a service may take until it has ended, once it was asked to.
const DRAINING: Duration = Duration::from_secs(20);

/// What runs, and how it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Replicas of the orchestrator.
    pub replicas: usize,
    /// Instances of each leaf.
    pub instances: usize,
    /// How long a service that is asked to end takes requests as before.
    pub lame_duck: Duration,
}

/// A setting beside those that everything here runs with, or instead of one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extra {
    /// The service it is for; every one where it is empty.
    pub program: &'static str,
    /// Its name, such as `timers.poll`.
    pub key: &'static str,
    /// Its value, as TOML has it.
    pub value: String,
}

/// A service that is started again whenever it has ended.
#[derive(Debug)]
struct Service {
    program: &'static str,
    address: SocketAddr,
    process: Option<Process>,
    not_before: Instant,
    /// Its end was wanted.
    killed: bool,
    /// Somebody ends it and starts it again.
    held: bool,
}

/// Everything that runs.
#[derive(Debug)]
pub struct Fleet {
    services: BTreeMap<String, Mutex<Service>>,
    binaries: Binaries,
    sabotage: Option<Sabotage>,
    extras: Vec<Extra>,
    lame_duck: Duration,
    is_over: AtomicBool,
    /// Ends that nobody wanted.
    surprises: Mutex<Vec<String>>,
    starts: AtomicU64,
    /// Ways between processes.
    pub proxy: Proxy,
    // The last, so that the folder outlives what writes into it.
    servers: Mutex<Servers>,
}

/// The name of a replica of the orchestrator, from 1.
#[must_use]
pub fn replica(number: usize) -> String {
    format!("orchestrator-{number}")
}

/// The name of an instance of a leaf, from 1. The first is called as the leaf is.
#[must_use]
pub fn instance(leaf: &str, number: usize) -> String {
    if number == 1 { leaf.to_owned() } else { format!("{leaf}-{number}") }
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Fleet {
    /// Starts everything and waits until it listens. Returns what keeps it running, too.
    ///
    /// # Errors
    /// Something cannot be started.
    pub async fn start(
        programs: &Programs,
        binaries: Binaries,
        size: Size,
        sabotage: Option<Sabotage>,
    ) -> anyhow::Result<(Arc<Self>, JoinHandle<()>)> {
        Self::start_with(programs, binaries, size, sabotage, Vec::new()).await
    }

    /// The same, with settings of one's own.
    ///
    /// # Errors
    /// Something cannot be started.
    pub async fn start_with(
        programs: &Programs,
        binaries: Binaries,
        size: Size,
        sabotage: Option<Sabotage>,
        extras: Vec<Extra>,
    ) -> anyhow::Result<(Arc<Self>, JoinHandle<()>)> {
        let servers = Servers::start(programs, Settings::default())?;
        servers.postgres.ask("postgres", &format!("create database {DATABASE}"))?;
        let proxy = Proxy::default();
        let (postgres, redis) = (servers.postgres.port(), servers.redis.port());
        let mut programs: Vec<(String, &'static str)> = Vec::new();
        for leaf in LEAVES {
            programs.extend((1..=size.instances).map(|number| (instance(leaf, number), leaf)));
        }
        programs.extend((1..=size.replicas).map(|number| (replica(number), "orchestrator")));
        let ports = servers::free_ports(programs.len())?;
        let here = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let mut services = BTreeMap::new();
        let mut addresses = BTreeMap::new();
        let mut behind: BTreeMap<&str, Vec<SocketAddr>> = BTreeMap::new();
        for ((name, program), port) in programs.into_iter().zip(ports) {
            addresses.insert(name.clone(), here(port));
            behind.entry(program).or_default().push(here(port));
            let service = Service {
                program,
                address: here(port),
                process: None,
                not_before: Instant::now(),
                killed: false,
                held: false,
            };
            services.insert(name, Mutex::new(service));
        }
        for (name, address) in &addresses {
            proxy.open(&format!("driver>{name}"), &[*address]).await?;
            proxy.open(&format!("{name}>postgres"), &[here(postgres)]).await?;
            if name.starts_with("orchestrator") {
                proxy.open(&format!("{name}>redis"), &[here(redis)]).await?;
                for leaf in LEAVES {
                    let to = behind.get(leaf).context("no such service")?;
                    proxy.open(&format!("{name}>{leaf}"), to).await?;
                }
            }
        }
        for (program, instances) in &behind {
            proxy.open(&format!("anybody>{program}"), instances).await?;
        }
        let fleet = Arc::new(Self {
            services,
            binaries,
            sabotage,
            extras,
            lame_duck: size.lame_duck,
            is_over: AtomicBool::new(false),
            surprises: Mutex::default(),
            starts: AtomicU64::new(0),
            proxy,
            servers: Mutex::new(servers),
        });
        let names: Vec<String> = fleet.services.keys().cloned().collect();
        for name in &names {
            fleet.write_settings(name)?;
            fleet.spawn(name)?;
        }
        for name in &names {
            fleet.ready(name).await?;
        }
        let watched = Arc::clone(&fleet);
        let keeping = tokio::spawn(async move {
            while !watched.is_over.load(Ordering::Relaxed) {
                for name in &names {
                    watched.keep(name);
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        Ok((fleet, keeping))
    }

    fn write_settings(&self, name: &str) -> anyhow::Result<()> {
        let to = |what: &str| self.proxy.address(&format!("{name}>{what}"));
        let servers = self.servers();
        let folder = servers.folder().path();
        let program = guard(self.service(name)?).program;
        let mut settings: BTreeMap<String, String> = BTreeMap::new();
        let mut set = |key: &str, value: String| settings.insert(key.to_owned(), value);
        let quoted = |text: &str| format!("\"{text}\"");
        set("telemetry.filter", quoted("warn"));
        set("server.lame_duck", quoted(&format!("{}ms", self.lame_duck.as_millis())));
        set("server.drain", quoted("15s"));
        set("store.url", quoted(&format!("postgres://postgres@{}/{DATABASE}", to("postgres")?)));
        set("store.schema", quoted(&program.replace('-', "_")));
        if program == "consent" {
            set("key_file", quoted(&folder.join("consent-key.pem").display().to_string()));
        }
        if program == "orchestrator" {
            let lease = quoted(&format!("{}s", LEASE.as_secs()));
            for what in ["follow", "storm", "timers", "sessions"] {
                set(&format!("{what}.lease"), lease.clone());
            }
            set("follow.sweep", quoted("2s"));
            set("timers.retry", quoted("1s"));
            // Nothing is handed over earlier than a bot is sent.
            set("sessions.arm_ahead", quoted("1s"));
            set("feed.redis", quoted(&format!("redis://{}", to("redis")?)));
            for leaf in LEAVES {
                set(&format!("peers.{leaf}"), quoted(&format!("http://{}", to(leaf)?)));
            }
        }
        for extra in self.extras.iter().filter(|it| ["", program].contains(&it.program)) {
            set(extra.key, extra.value.clone());
        }
        let mut lines = String::new();
        for (key, value) in settings {
            lines.push_str(&format!("{key} = {value}\n"));
        }
        fs::write(folder.join(format!("{name}.toml")), lines)?;
        Ok(())
    }

    fn spawn(&self, name: &str) -> anyhow::Result<()> {
        let folder = self.servers().folder().path().to_owned();
        let mut service = guard(self.service(name)?);
        let mut command = Command::new(self.binaries.path(service.program));
        command.arg("--config").arg(folder.join(format!("{name}.toml")));
        command.arg("--listen").arg(service.address.to_string()).current_dir(&folder);
        if let Some(sabotage) = self.sabotage {
            command.env("CALLSHEET_SABOTAGE", sabotage.as_str());
        }
        service.process = Some(Process::start(&folder, name, command)?);
        service.killed = false;
        self.starts.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Starts a service again that has ended, when its time has come.
    fn keep(&self, name: &str) {
        let Ok(service) = self.service(name) else { return };
        let mut service = guard(service);
        if service.held {
            return;
        }
        if let Some(process) = &mut service.process {
            match process.has_ended() {
                Ok(None) => return,
                Ok(Some(status)) if !service.killed => {
                    let words = service.process.as_ref().map(Process::last_words);
                    let words = words.unwrap_or_default();
                    // Without its database a service does not begin, and is started until it does.
                    if !words.lines().last().is_some_and(|last| last.contains("cannot start")) {
                        guard(&self.surprises)
                            .push(format!("{name} ended with {status}:\n{words}"));
                    }
                    service.not_before = Instant::now() + Duration::from_millis(300);
                }
                Ok(Some(_)) | Err(_) => {}
            }
            service.process = None;
        }
        if Instant::now() >= service.not_before {
            drop(service);
            if let Err(error) = self.spawn(name) {
                guard(&self.surprises).push(format!("{name}: {error:#}"));
            }
        }
    }

    /// Waits until a service that was killed says again that it serves.
    ///
    /// # Errors
    /// There is no such service, or it does not come back.
    pub async fn revived(&self, name: &str) -> anyhow::Result<()> {
        let begin = Instant::now();
        let address = guard(self.service(name)?).address;
        // Its end may not have been noticed yet.
        while guard(self.service(name)?).killed {
            if begin.elapsed() > PATIENCE {
                bail!("{name} is not started again");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        serves(address).await.with_context(|| format!("{name} does not serve again"))
    }

    async fn ready(&self, name: &str) -> anyhow::Result<()> {
        let begin = Instant::now();
        let address = guard(self.service(name)?).address;
        while tokio::net::TcpStream::connect(address).await.is_err() {
            {
                let mut service = guard(self.service(name)?);
                let process = service.process.as_mut().context("it was not started")?;
                if let Some(status) = process.has_ended()? {
                    bail!("{name} ended with {status}:\n{}", process.last_words());
                }
                if begin.elapsed() > PATIENCE {
                    bail!("{name} does not listen:\n{}", process.last_words());
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    fn service(&self, name: &str) -> anyhow::Result<&Mutex<Service>> {
        self.services.get(name).with_context(|| format!("there is no service `{name}`"))
    }

    fn servers(&self) -> MutexGuard<'_, Servers> {
        guard(&self.servers)
    }

    /// Kills a service; it is started again after a time.
    ///
    /// # Errors
    /// There is no such service.
    pub fn kill(&self, name: &str, away: Duration) -> anyhow::Result<()> {
        let mut service = guard(self.service(name)?);
        service.killed = true;
        service.not_before = Instant::now() + away;
        if let Some(process) = &mut service.process {
            process.kill()?;
        }
        Ok(())
    }

    /// Ends a service in order and starts it again, as an operator would: no new connection is led to it, it is asked to
    /// end, must have ended well in time, and is asked again once it says that it serves.
    ///
    /// # Errors
    /// It does not end, not well, or does not come back.
    pub async fn roll(&self, name: &str) -> anyhow::Result<()> {
        let address = {
            let mut service = guard(self.service(name)?);
            service.held = true;
            self.proxy.retire(service.address);
            service.process.as_mut().context("it does not run")?.signal(Signal::Terminate)?;
            service.address
        };
        let begin = Instant::now();
        let status = loop {
            let ended = guard(self.service(name)?).process.as_mut().map(Process::has_ended);
            match ended.transpose()?.flatten() {
                Some(status) => break status,
                None if begin.elapsed() > DRAINING => bail!("{name} does not end"),
                None => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        };
        if !status.success() {
            let service = guard(self.service(name)?);
            let words = service.process.as_ref().map(Process::last_words).unwrap_or_default();
            bail!("{name} was asked to end and ended with {status}:\n{words}");
        }
        self.spawn(name)?;
        self.ready(name).await?;
        serves(address).await.with_context(|| format!("{name} does not serve again"))?;
        self.proxy.enlist(address);
        guard(self.service(name)?).held = false;
        Ok(())
    }

    /// The names of everything that runs, in order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.services.keys().cloned().collect()
    }

    /// Lets a service stand still, or go on.
    ///
    /// # Errors
    /// There is no such service.
    pub fn freeze(&self, name: &str, still: bool) -> anyhow::Result<()> {
        let what = if still { Signal::Stop } else { Signal::Continue };
        let mut service = guard(self.service(name)?);
        service.process.as_mut().map_or(Ok(()), |process| process.signal(what))
    }

    /// Lets Redis forget everything.
    ///
    /// # Errors
    /// It is away.
    pub fn flush_redis(&self) -> anyhow::Result<()> {
        self.servers().redis.forget_everything()
    }

    /// Kills Redis, or starts it again.
    ///
    /// # Errors
    /// It does not start.
    pub fn set_redis(&self, runs: bool) -> anyhow::Result<()> {
        let redis = &mut self.servers().redis;
        if runs { again(|| redis.resume()) } else { redis.stop() }
    }

    /// Stops PostgreSQL and starts it again.
    ///
    /// # Errors
    /// It does not start.
    pub fn restart_postgres(&self, how: Stop) -> anyhow::Result<()> {
        let postgres = &mut self.servers().postgres;
        postgres.stop(how)?;
        again(|| postgres.resume())
    }

    /// The rows that a statement answers.
    ///
    /// # Errors
    /// The statement fails.
    pub fn ask(&self, statement: &str) -> anyhow::Result<Vec<Vec<String>>> {
        self.servers().postgres.ask(DATABASE, statement)
    }

    /// How often services were started.
    #[must_use]
    pub fn starts(&self) -> u64 {
        self.starts.load(Ordering::Relaxed)
    }

    /// What went wrong with the processes themselves: ends nobody wanted, and panics in what they said.
    #[must_use]
    pub fn surprises(&self) -> Vec<String> {
        let mut found = guard(&self.surprises).clone();
        let servers = self.servers();
        for name in self.services.keys() {
            let log = servers.folder().path().join(format!("{name}.log"));
            let said = fs::read(log).unwrap_or_default();
            let said = String::from_utf8_lossy(&said);
            let panics = said.lines().filter(|line| line.contains("panicked at"));
            found.extend(panics.map(|line| format!("{name}: {line}")));
        }
        found
    }

    /// Copies what every process said.
    ///
    /// # Errors
    /// It cannot be written there.
    pub fn keep_logs(&self, into: &std::path::Path) -> anyhow::Result<()> {
        fs::create_dir_all(into)?;
        for entry in fs::read_dir(self.servers().folder().path())? {
            let path = entry?.path();
            if let Some(name) =
                path.file_name().filter(|_| path.extension().is_some_and(|it| it == "log"))
            {
                fs::copy(&path, into.join(name))?;
            }
        }
        Ok(())
    }

    /// The folder in which everything lives.
    #[must_use]
    pub fn folder(&self) -> std::path::PathBuf {
        Folder::path(self.servers().folder()).to_owned()
    }

    /// From here on nothing is started again.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
        for service in self.services.values() {
            let mut service = guard(service);
            service.killed = true;
            service.not_before = Instant::now() + Duration::from_secs(3_600);
            service.process = None;
        }
    }
}

/// Waits until a server says that it serves.
async fn serves(address: SocketAddr) -> anyhow::Result<()> {
    let channel = Endpoint::from_shared(format!("http://{address}"))?.connect_lazy();
    let mut health = HealthClient::new(channel);
    let begin = Instant::now();
    loop {
        let told = health.check(HealthCheckRequest::default()).await;
        let told = told.map(|told| told.into_inner().status());
        match told {
            Ok(ServingStatus::Serving) => return Ok(()),
            _ if begin.elapsed() > PATIENCE => bail!("it says {told:?}"),
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// Tries a few times: somebody may hold the port for a moment.
fn again(mut attempt: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<()> {
    let begin = Instant::now();
    loop {
        match attempt() {
            Err(_) if begin.elapsed() < Duration::from_secs(20) => {
                std::thread::sleep(Duration::from_millis(200));
            }
            done => return done,
        }
    }
}
