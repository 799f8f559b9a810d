//! The orchestrator: gathers the verdicts on every call, decides, and keeps every decision.

mod config;
mod engine;
mod error;
mod follow;
mod gather;
mod policies;
mod relay;
mod sabotage;
mod service;
mod store;
mod subject;

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use chassis::{Built, Context, Link, sized};
use chrono::TimeDelta;
use decision::provider::Adapter;
use proto::calendar::v1::calendar_ingest_service_client::CalendarIngestServiceClient;
use proto::consent::v1::consent_service_client::ConsentServiceClient;
use proto::eligibility::v1::company_service_client::CompanyServiceClient;
use proto::eligibility::v1::eligibility_service_client::EligibilityServiceClient;
use proto::orchestrator::v1::orchestrator_service_server::OrchestratorServiceServer;
use proto::provider::v1::provider_adapter_service_client::ProviderAdapterServiceClient;
use tonic::service::Routes;

pub use config::Config;

/// The service, for whoever hosts it.
#[derive(Debug)]
pub struct App;

impl chassis::App for App {
    const NAME: &'static str = "orchestrator";
    const SERVICES: &'static [&'static str] = &["callsheet.orchestrator.v1.OrchestratorService"];
    const DESCRIPTORS: &'static [&'static [u8]] = &[proto::DESCRIPTORS];
    const DEFAULTS: &'static str = include_str!("../config.default.toml");
    type Config = Config;

    fn check(config: &Config) -> anyhow::Result<()> {
        anyhow::ensure!(
            (1..=5_000).contains(&config.gather.batch),
            "`gather.batch` must be 1 to 5000"
        );
        anyhow::ensure!(config.gather.parallel >= 1, "`gather.parallel` must be at least 1");
        anyhow::ensure!(
            !config.follow.sweep.is_zero(),
            "`follow.sweep` must be longer than nothing"
        );
        for name in config.gather.adapters.keys() {
            let known = Adapter::ALL.map(Adapter::as_str).join(", ");
            anyhow::ensure!(
                Adapter::from_name(name).is_some(),
                "`gather.adapters.{name}` is no adapter; known are {known}"
            );
        }
        TimeDelta::from_std(config.follow.window).context("`follow.window` is too long")?;
        Ok(())
    }

    async fn build(config: Config, context: Context) -> anyhow::Result<Built> {
        let (adapters, adapter_peers) = adapters(&config, &context)?;
        let companies = sized!(context, CompanyServiceClient::new(context.peer("eligibility")?));
        let engine = Arc::new(engine::Engine {
            policies: policies::Policies::new(companies.clone(), config.gather.deadline),
            judges: gather::Judges::new(
                sized!(context, EligibilityServiceClient::new(context.peer("eligibility")?)),
                sized!(context, ConsentServiceClient::new(context.peer("consent")?)),
                adapters,
                adapter_peers,
                config.gather.deadline,
            ),
            calendar: sized!(
                context,
                CalendarIngestServiceClient::new(context.peer("calendar-ingest")?)
            ),
            calls: store::Calls::open(&config.store).await?,
            clock: Arc::clone(&context.clock),
            batch: config.gather.batch,
            parallel: config.gather.parallel,
            deadline: config.gather.deadline,
            written: tokio::sync::Notify::new(),
            news: tokio::sync::watch::Sender::new(0),
        });
        let service =
            service::Service { engine: Arc::clone(&engine), shutdown: context.shutdown.clone() };
        let built =
            Built::new(Routes::new(sized!(context, OrchestratorServiceServer::new(service))))
                .task("relay", relay::relay(Arc::clone(&engine), context.shutdown.clone()));
        if !config.follow.enabled {
            return Ok(built);
        }
        let follower = follow::Follower {
            engine,
            companies,
            window: TimeDelta::from_std(config.follow.window)?,
            sweep: config.follow.sweep,
            shutdown: context.shutdown.clone(),
        };
        Ok(built
            .task("follow meetings", follower.clone().meetings())
            .task("follow policies", follower.clone().policies())
            .task("sweep", follower.sweep()))
    }
}

type AdapterPeers = (BTreeMap<Adapter, usize>, Vec<ProviderAdapterServiceClient<Link>>);

/// A client per peer that hosts adapters, and which of them each adapter is at.
fn adapters(config: &Config, context: &Context) -> anyhow::Result<AdapterPeers> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut adapters = BTreeMap::new();
    let mut clients = Vec::new();
    for (name, peer) in &config.gather.adapters {
        let adapter =
            Adapter::from_name(name).with_context(|| format!("`{name}` is no adapter"))?;
        // Adapters that share a process are asked in one call.
        let peer = context.alias(peer).to_owned();
        let place = match places.get(&peer) {
            Some(place) => *place,
            None => {
                clients
                    .push(sized!(context, ProviderAdapterServiceClient::new(context.peer(&peer)?)));
                places.insert(peer, clients.len() - 1);
                clients.len() - 1
            }
        };
        adapters.insert(adapter, place);
    }
    Ok((adapters, clients))
}
