//! Every service in a process of its own, over TCP, with its memory in PostgreSQL, and Redis between; in SQLite files and
//! without Redis where there are no servers.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use async_trait::async_trait;
use chassis::Link;
use chrono::{DateTime, Utc};
use decision::CompanyFile;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::remote::{Played, Remote};
use super::{Payload, Period, World};
use crate::binaries::{Binaries, SERVICES};
use crate::scenario::{Choice, ConferenceFacts, Dial, Import, Key, Leaf, Scenario, Script};
use crate::told::Told;

/// How long a service may take until it listens.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often ports are looked for.
const ATTEMPTS: usize = 5;

/// Every service in a process of its own.
#[derive(Debug)]
pub struct Processes {
    binaries: Binaries,
    folder: TempDir,
    ports: BTreeMap<&'static str, SocketAddr>,
    children: BTreeMap<&'static str, Child>,
    remote: Remote,
    /// Plans are carried out, too: by providers that provider-adapters is told of so.
    providers: Option<String>,
    /// Tells this world's schemas and keys from those of others.
    number: String,
}

impl Processes {
    /// Starts the five services on free ports and waits until they listen.
    ///
    /// # Errors
    /// One of them cannot be started.
    pub async fn start(binaries: Binaries, scenario: &Scenario) -> anyhow::Result<Self> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            // Between finding a free port and listening on it somebody else may take it.
            match Self::start_once(binaries.clone(), scenario).await {
                Err(_) if attempts < ATTEMPTS => {}
                done => return done,
            }
        }
    }

    async fn start_once(binaries: Binaries, scenario: &Scenario) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        show(&folder.path().join(CLOCK), scenario.now)?;
        let is_carried = scenario.is_carried();
        let played = if is_carried { Some(Played::start(scenario).await?) } else { None };
        let providers = played.as_ref().map(Played::settings);
        let ports = free_ports()?;
        let folder_name = folder.path().file_name().unwrap_or_default().to_string_lossy();
        let number = format!(
            "scenarios{}",
            folder_name.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "")
        );
        let remote = Remote::over(|name| {
            let address = ports.get(name).context("no such service")?;
            Ok(Link::far(name, &format!("http://{address}"), Duration::from_secs(30))?)
        })?;
        let (children, remote) = (BTreeMap::new(), remote.beside(played));
        let mut world = Self { binaries, folder, ports, children, remote, number, providers };
        for name in SERVICES {
            world.spawn(name)?;
        }
        for name in SERVICES {
            world.ready(name).await?;
        }
        Ok(world)
    }

    /// Starts a service with settings of its own.
    fn spawn(&mut self, name: &'static str) -> anyhow::Result<()> {
        let at = |file: String| self.folder.path().join(file);
        let mut settings = format!(
            "telemetry.filter = \"error\"\nclock.file = \"{}\"\n",
            at(CLOCK.to_owned()).display()
        );
        if self.providers.is_some() {
            settings.push_str(quick(name));
        }
        match server("CALLSHEET_TEST_POSTGRES") {
            Some(url) => settings.push_str(&format!(
                "store.url = \"{url}\"\nstore.schema = \"{}_{}\"\n",
                self.number,
                name.replace('-', "_")
            )),
            None => settings.push_str(&format!(
                "store.url = \"sqlite://{}?mode=rwc\"\n",
                at(format!("{name}.db")).display()
            )),
        }
        if name == "consent" {
            let key = at("consent-key.pem".to_owned());
            settings.push_str(&format!("key_file = \"{}\"\n", key.display()));
        }
        if name == "orchestrator" {
            if let Some(redis) = server("CALLSHEET_TEST_REDIS") {
                let number = &self.number;
                settings
                    .push_str(&format!("feed.redis = \"{redis}\"\nfeed.prefix = \"{number}\"\n"));
            }
            if self.providers.is_none() {
                settings.push_str("follow.enabled = false\n");
            }
            settings.push_str("[peers]\n");
            for (peer, address) in &self.ports {
                settings.push_str(&format!("{peer} = \"http://{address}\"\n"));
            }
        }
        if name == "provider-adapters" {
            settings.push_str(self.providers.as_deref().unwrap_or_default());
        }
        let file = at(format!("{name}.toml"));
        std::fs::write(&file, settings)?;
        let address = self.ports.get(name).context("no such service")?;
        let child = Command::new(self.binaries.path(name))
            .arg("--config")
            .arg(&file)
            .arg("--listen")
            .arg(address.to_string())
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        self.children.insert(name, child);
        Ok(())
    }

    async fn ready(&mut self, name: &'static str) -> anyhow::Result<()> {
        let address = *self.ports.get(name).context("no such service")?;
        let child = self.children.get_mut(name).context("it was not started")?;
        let listens = async {
            while TcpStream::connect(address).await.is_err() {
                if let Some(status) = child.try_wait()? {
                    bail!("{name} ended with {status}");
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Ok(())
        };
        tokio::time::timeout(PATIENCE, listens)
            .await
            .with_context(|| format!("{name} does not listen"))?
    }

    async fn stop(&mut self, name: &str) -> anyhow::Result<()> {
        if let Some(mut child) = self.children.remove(name) {
            child.kill().await?;
        }
        Ok(())
    }
}

/// The file that holds the time of all processes.
const CLOCK: &str = "now";

/// Shows a time, all at once.
fn show(file: &Path, now: DateTime<Utc>) -> anyhow::Result<()> {
    let next = file.with_extension("next");
    std::fs::write(&next, now.to_rfc3339())?;
    std::fs::rename(&next, file)?;
    Ok(())
}

/// Settings with which a service waits for nothing longer than it has to, since the clock does not go by itself.
pub(super) fn quick(name: &str) -> &'static str {
    match name {
        "orchestrator" => "timers.poll = \"20ms\"\n",
        "provider-adapters" => "work.poll = \"20ms\"\nfleets.poll = \"20ms\"\n",
        _ => "",
    }
}

/// An address for each service. The ports were free a moment ago.
fn free_ports() -> anyhow::Result<BTreeMap<&'static str, SocketAddr>> {
    let ports = servers::free_ports(SERVICES.len())?;
    let addresses = ports.into_iter().map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    Ok(SERVICES.into_iter().zip(addresses).collect())
}

/// A server that tests may use, if there is one.
fn server(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|address| !address.is_empty())
}

const fn name_of(leaf: Leaf) -> &'static str {
    match leaf {
        Leaf::Consent => "consent",
        Leaf::ProviderAdapters => "provider-adapters",
        Leaf::Eligibility => "eligibility",
    }
}

#[async_trait]
impl World for Processes {
    fn name(&self) -> &'static str {
        "processes"
    }

    /// A clock that cannot be shown stands still, which the next step tells.
    fn set_clock(&mut self, now: DateTime<Utc>) {
        self.remote.set_clock(now);
        let _ = show(&self.folder.path().join(CLOCK), now);
    }

    async fn apply(&mut self, company: &CompanyFile) -> anyhow::Result<()> {
        self.remote.apply(company).await
    }

    async fn ingest(&mut self, company: &CompanyFile, payload: Payload) -> anyhow::Result<()> {
        self.remote.ingest(company, payload).await
    }

    async fn decide(&mut self, company: &str, period: Period) -> anyhow::Result<Vec<Told>> {
        self.remote.decide(company, period).await
    }

    async fn decide_ad_hoc(
        &mut self,
        company: &str,
        period: Period,
        deleted: &[Key],
    ) -> anyhow::Result<Vec<Told>> {
        self.remote.decide_ad_hoc(company, period, deleted).await
    }

    async fn request(&mut self, company: &str, call: &Key, by: &str) -> anyhow::Result<bool> {
        self.remote.request(company, call, by).await
    }

    async fn cancel(&mut self, company: &str, call: &Key, by: &str) -> anyhow::Result<bool> {
        self.remote.cancel(company, call, by).await
    }

    async fn choose(&mut self, company: &str, choice: &Choice) -> anyhow::Result<()> {
        self.remote.choose(company, choice).await
    }

    async fn conference_facts(
        &mut self,
        company: &str,
        facts: &ConferenceFacts,
    ) -> anyhow::Result<()> {
        self.remote.conference_facts(company, facts).await
    }

    async fn dial(&mut self, company: &str, dial: &Dial) -> anyhow::Result<()> {
        self.remote.dial(company, dial).await
    }

    async fn import(&mut self, company: &str, import: &Import) -> anyhow::Result<bool> {
        self.remote.import(company, import).await
    }

    async fn script(&mut self, company: &str, script: &Script) -> anyhow::Result<()> {
        self.remote.script(company, script).await
    }

    async fn advance(
        &mut self,
        company: &str,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        let file = self.folder.path().join(CLOCK);
        let mut clock = move |now| show(&file, now);
        self.remote.advance(company, from, to, &mut clock).await
    }

    async fn stop(&mut self, company: &str, call: &Key, by: &str) -> anyhow::Result<bool> {
        self.remote.stop_recording(company, call, by).await
    }

    async fn delete(&mut self, company: &str, call: &Key, by: &str) -> anyhow::Result<bool> {
        self.remote.delete_recording(company, call, by).await
    }

    async fn outcome(&mut self, company: &str, call: &Key) -> anyhow::Result<Told> {
        self.remote.outcome(company, call).await
    }

    async fn set_away(&mut self, leaf: Leaf, away: bool) -> anyhow::Result<()> {
        let name = name_of(leaf);
        self.stop(name).await?;
        if !away {
            self.spawn(name)?;
            self.ready(name).await?;
        }
        Ok(())
    }

    async fn end(mut self: Box<Self>) -> anyhow::Result<()> {
        for name in SERVICES {
            self.stop(name).await?;
        }
        Ok(())
    }
}
