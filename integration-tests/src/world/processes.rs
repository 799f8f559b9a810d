//! Every service in a process of its own, over TCP, with its memory in PostgreSQL, and Redis between; in SQLite files and
//! without Redis where there are no servers.

use std::collections::BTreeMap;
use std::net::SocketAddr;
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

use super::remote::Remote;
use super::{Payload, Period, World};
use crate::binaries::{Binaries, SERVICES};
use crate::scenario::{Choice, ConferenceFacts, Key, Leaf};
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
    /// Tells this world's schemas and keys from those of others.
    number: String,
}

impl Processes {
    /// Starts the five services on free ports and waits until they listen.
    ///
    /// # Errors
    /// One of them cannot be started.
    pub async fn start(binaries: Binaries) -> anyhow::Result<Self> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            // Between finding a free port and listening on it somebody else may take it.
            match Self::start_once(binaries.clone()).await {
                Err(_) if attempts < ATTEMPTS => {}
                done => return done,
            }
        }
    }

    async fn start_once(binaries: Binaries) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
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
        let mut world = Self { binaries, folder, ports, children: BTreeMap::new(), remote, number };
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
        let mut settings = "telemetry.filter = \"error\"\n".to_owned();
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
            settings.push_str("follow.enabled = false\n[peers]\n");
            for (peer, address) in &self.ports {
                settings.push_str(&format!("{peer} = \"http://{address}\"\n"));
            }
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

    /// The processes have the system's clock; what is asked of them says for when it is asked.
    fn set_clock(&mut self, _now: DateTime<Utc>) {}

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
