//! The calendar-ingest service: what meetings are there, and what changed?

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod changes;
mod config;
mod convert;
mod error;
mod identity;
mod ingest;
mod migration;
mod payload;
mod service;
mod store;
mod watch;

use std::sync::Arc;

use chassis::{Built, Context, sized};
use proto::calendar::v1::calendar_ingest_service_server::CalendarIngestServiceServer;
use tonic::service::Routes;

pub use config::Config;

/// The calendar-ingest service.
#[derive(Debug)]
pub struct App;

impl chassis::App for App {
    const NAME: &'static str = "calendar-ingest";
    const SERVICES: &'static [&'static str] = &["callsheet.calendar.v1.CalendarIngestService"];
    const DESCRIPTORS: &'static [&'static [u8]] = &[proto::DESCRIPTORS];
    const DEFAULTS: &'static str = include_str!("../config.default.toml");
    type Config = Config;

    fn check(config: &Config) -> anyhow::Result<()> {
        config.check()
    }

    async fn build(config: Config, context: Context) -> anyhow::Result<Built> {
        let store = Arc::new(store::sql::Sql::open(&config.store).await?);
        let ingest = Arc::new(ingest::Ingest::new(store, config, Arc::clone(&context.clock)));
        let service = service::Service::new(Arc::clone(&ingest));
        let server = sized!(context, CalendarIngestServiceServer::new(service));
        Ok(Built::new(Routes::new(server)).task("roll", ingest.roll(context.shutdown.clone())))
    }
}
