//! The eligibility service: companies and every version of them, and whether a call may be recorded at all.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod cache;
mod claims;
mod company;
pub mod config;
mod document;
mod error;
mod gather;
mod migration;
mod page;
mod proposal;
mod recent;
mod service;
mod store;

use std::sync::Arc;

use chassis::{Built, Context, sized};
use proto::eligibility::v1::company_service_server::CompanyServiceServer;
use proto::eligibility::v1::eligibility_service_server::EligibilityServiceServer;
use tonic::service::Routes;

use crate::cache::Policies;
use crate::company::Companies;
pub use crate::config::Config;
use crate::proposal::Proposals;
use crate::service::{Company, Eligibility};
use crate::store::Store;
use crate::store::sql::SqlStore;

/// The eligibility service.
#[derive(Debug)]
pub struct App;

impl chassis::App for App {
    const NAME: &'static str = "eligibility";
    const SERVICES: &'static [&'static str] =
        &["callsheet.eligibility.v1.EligibilityService", "callsheet.eligibility.v1.CompanyService"];
    const DESCRIPTORS: &'static [&'static [u8]] = &[proto::DESCRIPTORS];
    const DEFAULTS: &'static str = include_str!("../config.default.toml");
    type Config = Config;

    fn check(config: &Config) -> anyhow::Result<()> {
        anyhow::ensure!(config.policies.cached > 0, "`policies.cached` must be at least 1");
        anyhow::ensure!(config.policies.drafts > 0, "`policies.drafts` must be at least 1");
        anyhow::ensure!(!config.watch.poll.is_zero(), "`watch.poll` must be longer than nothing");
        Ok(())
    }

    async fn build(config: Config, context: Context) -> anyhow::Result<Built> {
        let database = storage::connect(&config.store).await?;
        storage::migrate::<migration::Migrator>(&database).await?;
        let store: Arc<dyn Store> = Arc::new(SqlStore::new(database));
        let companies = Companies::new(Arc::clone(&store), Arc::clone(&context.clock));
        let company = Company::new(companies, config.watch.poll);
        let policies = Policies::new(store, config.policies.cached);
        let eligibility = Eligibility::new(policies, Proposals::new(config.policies.drafts));
        let routes = Routes::new(sized!(context, EligibilityServiceServer::new(eligibility)))
            .add_service(sized!(context, CompanyServiceServer::new(company)));
        Ok(Built::new(routes))
    }
}
