//! All services in this process, linked without sockets. A service that goes away at some time lives
//! beside the others and is reached over TCP.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::Context as _;
use async_trait::async_trait;
use chassis::{House, Link, Running, SimulatedClock};
use chrono::{DateTime, Utc};
use decision::CompanyFile;
use tempfile::TempDir;

use super::processes::quick;
use super::remote::{Played, Remote};
use super::{Payload, Period, World};
use crate::scenario::{Choice, ConferenceFacts, Dial, Import, Key, Leaf, Scenario, Script};
use crate::told::Told;

/// All services in one process.
#[derive(Debug)]
pub struct OneProcess {
    clock: SimulatedClock,
    house: Running,
    /// Services that go away, with where they live; none while they are away.
    apart: BTreeMap<Leaf, (SocketAddr, Option<Running>)>,
    folder: TempDir,
    remote: Remote,
}

impl OneProcess {
    /// Opens a house for a scenario.
    ///
    /// # Errors
    /// A service cannot start.
    pub async fn open(scenario: &Scenario) -> anyhow::Result<Self> {
        let (leaves, is_carried) = (scenario.leaves(), scenario.is_carried());
        let played = if is_carried { Some(Played::start(scenario).await?) } else { None };
        let providers = played.as_ref().map(Played::settings).unwrap_or_default();
        let clock = SimulatedClock::at(scenario.now);
        let folder = tempfile::tempdir()?;
        let mut apart = BTreeMap::new();
        let mut peers = String::new();
        for leaf in &leaves {
            let running = alone(*leaf, &clock, &folder, "127.0.0.1:0".parse()?).await?;
            let address = running.address().context("it listens")?;
            peers.push_str(&format!("peers.{} = \"http://{address}\"\n", name_of(*leaf)));
            apart.insert(*leaf, (address, Some(running)));
        }
        let mut house = House::new().clock(clock.clone());
        if !peers.is_empty() {
            house = house.set(peers);
        }
        house = house.host::<calendar_ingest::App>("store.url = 'sqlite::memory:'");
        for leaf in [Leaf::Eligibility, Leaf::Consent, Leaf::ProviderAdapters] {
            if !leaves.contains(&leaf) {
                let settings = if leaf == Leaf::ProviderAdapters { &*providers } else { "" };
                house = hosting(house, leaf, "sqlite::memory:", &folder, settings);
            }
        }
        let house = house
            .host::<orchestrator::App>(if is_carried {
                format!("store.url = 'sqlite::memory:'\n{}", quick("orchestrator"))
            } else {
                "store.url = 'sqlite::memory:'\nfollow.enabled = false".to_owned()
            })
            .open()
            .await?;
        let remote = Remote::over(|name| {
            let elsewhere = leaves.iter().find(|leaf| name_of(**leaf) == name);
            match elsewhere.and_then(|leaf| apart.get(leaf)) {
                Some((address, _)) => far(name, *address),
                None => Ok(house.link(name)?),
            }
        })?;
        Ok(Self { clock, house, apart, folder, remote: remote.beside(played) })
    }
}

fn far(name: &str, address: SocketAddr) -> anyhow::Result<Link> {
    Ok(Link::far(name, &format!("http://{address}"), std::time::Duration::from_secs(30))?)
}

const fn name_of(leaf: Leaf) -> &'static str {
    match leaf {
        Leaf::Consent => "consent",
        Leaf::ProviderAdapters => "provider-adapters",
        Leaf::Eligibility => "eligibility",
    }
}

fn hosting(house: House, leaf: Leaf, store: &str, folder: &TempDir, more: &str) -> House {
    let store = format!("store.url = '{store}'");
    match leaf {
        Leaf::Consent => {
            let key = folder.path().join("consent-key.pem");
            house.host::<consent::App>(format!("{store}\nkey_file = '{}'", key.display()))
        }
        Leaf::ProviderAdapters => {
            let quick = quick(name_of(leaf));
            house.host::<provider_adapters::App>(format!("{store}\n{quick}{more}"))
        }
        Leaf::Eligibility => house.host::<eligibility::App>(store),
    }
}

/// A leaf in a house of its own, with its memory in a file.
async fn alone(
    leaf: Leaf,
    clock: &SimulatedClock,
    folder: &TempDir,
    address: SocketAddr,
) -> anyhow::Result<Running> {
    let file = folder.path().join(format!("{}.db", name_of(leaf)));
    let store = format!("sqlite://{}?mode=rwc", file.display());
    let house = House::new().clock(clock.clone()).set("server.lame_duck = '0s'").listen(address);
    hosting(house, leaf, &store, folder, "").serve().await
}

#[async_trait]
impl World for OneProcess {
    fn name(&self) -> &'static str {
        "one process"
    }

    fn set_clock(&mut self, now: DateTime<Utc>) {
        self.remote.set_clock(now);
        self.clock.set(now);
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
        let clock = self.clock.clone();
        let mut clock = move |now| {
            clock.set(now);
            Ok(())
        };
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
        let (address, running) = self.apart.get_mut(&leaf).context("it lives among the others")?;
        if away {
            if let Some(running) = running.take() {
                running.shutdown().await?;
            }
        } else if running.is_none() {
            *running = Some(alone(leaf, &self.clock, &self.folder, *address).await?);
        }
        Ok(())
    }

    async fn end(self: Box<Self>) -> anyhow::Result<()> {
        self.house.shutdown().await?;
        for (_, (_, running)) in self.apart {
            if let Some(running) = running {
                running.shutdown().await?;
            }
        }
        Ok(())
    }
}
