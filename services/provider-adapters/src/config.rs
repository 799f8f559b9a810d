//! The settings of provider-adapters as types.

use std::time::Duration;

use serde::Deserialize;
use storage::StoreConfig;

/// What can be set; `config.default.toml` has the defaults.
#[derive(Debug, Deserialize)]
pub struct Config {
    /// Names of the adapters hosted here, at least one.
    pub adapters: Vec<String>,
    /// How many policy versions of a company are kept, at least one.
    pub keep_versions: u32,
    /// Where everything is kept.
    pub store: StoreConfig,
    /// How what is to be done at providers is looked for.
    pub work: Work,
    /// Fleets of bots.
    pub fleets: Fleets,
}

/// How what is to be done at providers is looked for.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Work {
    /// How often it is looked for what other replicas wrote.
    #[serde(with = "chassis::period")]
    pub poll: Duration,
    /// How long a replica has what it has claimed; longer than a provider may take.
    #[serde(with = "chassis::period")]
    pub lease: Duration,
    /// How long a provider may take.
    #[serde(with = "chassis::period")]
    pub patience: Duration,
    /// Things done at once, at least one.
    pub parallel: usize,
}

/// Fleets of bots.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fleets {
    /// Whether bots that nobody else carries out wait for fleets to take them.
    pub enabled: bool,
    /// Whether a fleet may work for all companies.
    pub whole_installation: bool,
    /// Streams at once, of all fleets at this replica.
    pub streams: usize,
    /// How often it is looked for what other replicas wrote.
    #[serde(with = "chassis::period")]
    pub poll: Duration,
    /// How long one fleet is asked alone.
    #[serde(with = "chassis::period")]
    pub offer: Duration,
    /// How often a fleet says that it is there.
    #[serde(with = "chassis::period")]
    pub heartbeat: Duration,
    /// After how long without that it is taken for gone.
    #[serde(with = "chassis::period")]
    pub gone: Duration,
}

impl Config {
    /// Refuses what types let pass.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(self.keep_versions > 0, "`keep_versions` must be at least 1");
        anyhow::ensure!(!self.work.poll.is_zero(), "`work.poll` must be longer than nothing");
        anyhow::ensure!(self.work.parallel > 0, "`work.parallel` must be at least 1");
        anyhow::ensure!(
            self.work.lease > self.work.patience,
            "`work.lease` must be longer than `work.patience`, or others begin what is still under way"
        );
        let fleets = self.fleets;
        anyhow::ensure!(!fleets.poll.is_zero(), "`fleets.poll` must be longer than nothing");
        anyhow::ensure!(
            fleets.heartbeat >= Duration::from_secs(1),
            "`fleets.heartbeat` must be at least a second"
        );
        anyhow::ensure!(
            fleets.gone > fleets.heartbeat,
            "`fleets.gone` must be longer than `fleets.heartbeat`"
        );
        Ok(())
    }
}
