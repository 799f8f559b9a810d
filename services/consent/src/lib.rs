//! The consent service: is consent asked for and not refused? Also the one that issues and reads consent links.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod cache;
mod config;
mod error;
mod gather;
mod issue;
mod key;
mod migration;
mod part;
mod service;
mod store;
mod watch;

use std::sync::Arc;

use chassis::{Built, Context, sized};
use proto::consent::v1::consent_service_server::ConsentServiceServer;
use tonic::service::Routes;

pub use config::Config;

/// The consent service.
#[derive(Debug)]
pub struct App;

impl chassis::App for App {
    const NAME: &'static str = "consent";
    const SERVICES: &'static [&'static str] = &["callsheet.consent.v1.ConsentService"];
    const DESCRIPTORS: &'static [&'static [u8]] = &[proto::DESCRIPTORS];
    const DEFAULTS: &'static str = include_str!("../config.default.toml");
    type Config = Config;

    fn check(config: &Config) -> anyhow::Result<()> {
        anyhow::ensure!(config.keep_versions > 0, "`keep_versions` must be at least 1");
        Ok(())
    }

    async fn build(config: Config, context: Context) -> anyhow::Result<Built> {
        let store = store::sql::Sql::open(&config.store, config.keep_versions).await?;
        let key = key::KeyFile::new(config.key_path(), rand::random);
        let gather = gather::Gather::new(Arc::new(store), key);
        let service = service::Service::new(gather, Arc::clone(&context.clock));
        Ok(Built::new(Routes::new(sized!(context, ConsentServiceServer::new(service)))))
    }
}
