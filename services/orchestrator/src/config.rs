//! The orchestrator's settings as types; `config.default.toml` says what each means.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use storage::StoreConfig;

/// All of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where calls and decisions are kept.
    pub store: StoreConfig,
    /// How verdicts are gathered.
    pub gather: Gather,
    /// How changes are followed.
    pub follow: Follow,
    /// How work gets to replicas.
    #[serde(default)]
    pub feed: feed::Settings,
    /// How calls are decided again after a change of policy.
    pub storm: Storm,
    /// How what is due is looked for.
    pub timers: Timers,
    /// How plans are carried out.
    pub sessions: Sessions,
    /// How it is noted how far histories go.
    pub history: History,
}

/// How verdicts are gathered.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gather {
    /// How long a peer may take to judge a batch.
    #[serde(with = "chassis::period")]
    pub deadline: Duration,
    /// Meetings in one question, 1 to 5000.
    pub batch: usize,
    /// Batches under way at once for one request, at least 1.
    pub parallel: usize,
    /// Which peer answers for each adapter.
    pub adapters: BTreeMap<String, String>,
}

/// How changes are followed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Follow {
    /// Whether they are.
    pub enabled: bool,
    /// Calls are planned this long before they start.
    #[serde(with = "chassis::period")]
    pub window: Duration,
    /// How often it is looked for what may have got lost.
    #[serde(with = "chassis::period")]
    pub sweep: Duration,
    /// How long a replica that follows may be silent before another one does; at least a second.
    #[serde(with = "chassis::period")]
    pub lease: Duration,
}

/// How calls are decided again after a change of policy.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storm {
    /// Calls judged together, 1 to 5000.
    pub batch: usize,
    /// How much of the time may be spent on it, above 0 and up to 1.
    pub share: f64,
    /// How long a replica that is at it may be silent before another one goes on; at least a second.
    #[serde(with = "chassis::period")]
    pub lease: Duration,
}

/// How what is due is looked for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timers {
    /// How often.
    #[serde(with = "chassis::period")]
    pub poll: Duration,
    /// Timers claimed at once, 1 to 5000.
    pub batch: u64,
    /// How long a claim holds; at least a second.
    #[serde(with = "chassis::period")]
    pub lease: Duration,
    /// How soon a call is judged again for which the answer of a peer was missing; twice as long each time.
    #[serde(with = "chassis::period")]
    pub retry: Duration,
}

/// How plans are carried out.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sessions {
    /// How long before its start a call is handed over for which nobody joins.
    #[serde(with = "chassis::period")]
    pub arm_ahead: Duration,
    /// How often it is looked for orders that wait to be handed to adapters.
    #[serde(with = "chassis::period")]
    pub poll: Duration,
    /// Orders claimed at once, 1 to 1000.
    pub batch: u64,
    /// How long a claim holds; at least a second.
    #[serde(with = "chassis::period")]
    pub lease: Duration,
    /// How often an order that ends something is tried where nobody hosts its adapter, or that refuses it; at least once.
    pub most_tries: u32,
}

/// How it is noted how far histories go.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// How often the heads of histories are written to the log; at least a second.
    #[serde(with = "chassis::period")]
    pub anchor: Duration,
}
