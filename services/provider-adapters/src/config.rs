//! The settings of provider-adapters as types.

use serde::Deserialize;
use storage::StoreConfig;

/// What can be set; `config.default.toml` has the defaults.
#[derive(Debug, Deserialize)]
pub struct Config {
    /// Names of the adapters hosted here, at least one.
    pub adapters: Vec<String>,
    /// How many policy versions of a company are kept, at least one.
    pub keep_versions: u32,
    /// Where facts of providers are kept.
    pub store: StoreConfig,
}
