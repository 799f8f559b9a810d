//! Provider-adapters: can this method work, carry it out, what happened? One process hosts one adapter or several.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod adapter;
mod cache;
mod config;
mod error;
mod facts;
mod gather;
mod migration;
mod providers;
mod service;
mod store;

use std::sync::Arc;

use chassis::{Built, Context, sized};
use proto::provider::v1::provider_adapter_service_server::ProviderAdapterServiceServer;
use tonic::service::Routes;

pub use config::Config;

/// Provider-adapters.
#[derive(Debug)]
pub struct App;

impl chassis::App for App {
    const NAME: &'static str = "provider-adapters";
    const SERVICES: &'static [&'static str] = &["callsheet.provider.v1.ProviderAdapterService"];
    const DESCRIPTORS: &'static [&'static [u8]] = &[proto::DESCRIPTORS];
    const DEFAULTS: &'static str = include_str!("../config.default.toml");
    type Config = Config;

    fn check(config: &Config) -> anyhow::Result<()> {
        anyhow::ensure!(config.keep_versions > 0, "`keep_versions` must be at least 1");
        providers::hosted(&config.adapters)?;
        Ok(())
    }

    async fn build(config: Config, context: Context) -> anyhow::Result<Built> {
        let hosted = providers::hosted(&config.adapters)?;
        let store = store::sql::Sql::open(&config.store, config.keep_versions).await?;
        let gather = gather::Gather::new(Arc::new(store));
        let service = service::Service::new(gather, hosted);
        Ok(Built::new(Routes::new(sized!(context, ProviderAdapterServiceServer::new(service)))))
    }
}
