//! The orchestrator: gathers the verdicts on every call, decides, and keeps every decision.

mod commander;
mod config;
mod course;
mod engine;
mod error;
mod follow;
mod gather;
mod history;
mod letters;
#[cfg(feature = "measure")]
pub mod measure;
mod policies;
mod redecisions;
mod refusals;
mod register;
mod relay;
mod report;
mod sabotage;
mod service;
mod sessions;
mod signals;
mod simulate;
mod store;
mod storm;
mod stream;
mod subject;
mod sweep;
mod timers;
mod work;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

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
        anyhow::ensure!(
            (1..=5_000).contains(&config.timers.batch),
            "`timers.batch` must be 1 to 5000"
        );
        anyhow::ensure!(!config.timers.poll.is_zero(), "`timers.poll` must be longer than nothing");
        anyhow::ensure!(
            config.timers.lease >= Duration::from_secs(1),
            "`timers.lease` must be at least a second"
        );
        TimeDelta::from_std(config.timers.retry).context("`timers.retry` is too long")?;
        TimeDelta::from_std(config.sessions.arm_ahead)
            .context("`sessions.arm_ahead` is too long")?;
        anyhow::ensure!(
            (1..=1_000).contains(&config.sessions.batch),
            "`sessions.batch` must be 1 to 1000"
        );
        anyhow::ensure!(
            !config.sessions.poll.is_zero(),
            "`sessions.poll` must be longer than nothing"
        );
        anyhow::ensure!(
            config.sessions.lease >= Duration::from_secs(1),
            "`sessions.lease` must be at least a second"
        );
        anyhow::ensure!(config.sessions.most_tries > 0, "`sessions.most_tries` must be at least 1");
        anyhow::ensure!(
            config.history.anchor >= Duration::from_secs(1),
            "`history.anchor` must be at least a second"
        );
        for name in config.gather.adapters.keys() {
            let known = Adapter::ALL.map(Adapter::as_str).join(", ");
            anyhow::ensure!(
                Adapter::from_name(name).is_some(),
                "`gather.adapters.{name}` is no adapter; known are {known}"
            );
        }
        anyhow::ensure!(
            config.follow.lease >= Duration::from_secs(1),
            "`follow.lease` must be at least a second"
        );
        anyhow::ensure!(
            (1..=5_000).contains(&config.storm.batch),
            "`storm.batch` must be 1 to 5000"
        );
        anyhow::ensure!(
            config.storm.lease >= Duration::from_secs(1),
            "`storm.lease` must be at least a second"
        );
        anyhow::ensure!(
            config.storm.share > 0.0 && config.storm.share <= 1.0,
            "`storm.share` must be above 0 and at most 1"
        );
        TimeDelta::from_std(config.follow.window).context("`follow.window` is too long")?;
        Ok(())
    }

    async fn build(config: Config, context: Context) -> anyhow::Result<Built> {
        let (adapters, adapter_peers, adapter_names) = adapters(&config, &context)?;
        let companies = sized!(context, CompanyServiceClient::new(context.peer("eligibility")?));
        let calls = store::Calls::open(&config.store).await?;
        let feed = feed::open(&config.feed, calls.store(), "orchestrator")?;
        // Another one with every start: what an earlier process of ours held is somebody else's.
        let holder = format!("{:016x}", rand::random::<u64>());
        let engine = Arc::new(engine::Engine {
            policies: policies::Policies::new(
                companies.clone(),
                calls.clone(),
                config.gather.deadline,
            ),
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
            calls,
            clock: Arc::clone(&context.clock),
            batch: config.gather.batch,
            parallel: config.gather.parallel,
            deadline: config.gather.deadline,
            retry: TimeDelta::from_std(config.timers.retry)?,
            adapter_names,
            arm_ahead: TimeDelta::from_std(config.sessions.arm_ahead)?,
            orders: tokio::sync::Notify::new(),
            written: tokio::sync::Notify::new(),
            news: tokio::sync::watch::Sender::new(0),
            storm: tokio::sync::Notify::new(),
        });
        let service = service::Service {
            engine: Arc::clone(&engine),
            feed: Arc::clone(&feed),
            shutdown: context.shutdown.clone(),
        };
        let shared = || (Arc::clone(&engine), context.shutdown.clone());
        let (relayed, anchored, measured, counted) = (shared(), shared(), shared(), shared());
        let built =
            Built::new(Routes::new(sized!(context, OrchestratorServiceServer::new(service))))
                .task("relay", relay::relay(relayed.0, relayed.1))
                .task("anchor", history::anchor(anchored.0, config.history.anchor, anchored.1))
                .task("redecisions", redecisions::measure(measured.0, measured.1))
                .task("sessions", sessions::measure(counted.0, counted.1));
        if !config.follow.enabled {
            return Ok(built);
        }
        let timers = timers::Timers {
            engine: Arc::clone(&engine),
            settings: config.timers,
            shutdown: context.shutdown.clone(),
        };
        let commander = commander::Commander {
            engine: Arc::clone(&engine),
            settings: config.sessions,
            shutdown: context.shutdown.clone(),
        };
        let consent = sized!(context, ConsentServiceClient::new(context.peer("consent")?));
        let window = TimeDelta::from_std(config.follow.window)?;
        let shutdown = context.shutdown.clone();
        let worker = work::Worker {
            engine: Arc::clone(&engine),
            feed: Arc::clone(&feed),
            window,
            shutdown: shutdown.clone(),
        };
        let sweep = sweep::Sweep {
            engine: Arc::clone(&engine),
            worker: worker.clone(),
            consent: consent.clone(),
            feed: Arc::clone(&feed),
            every: config.follow.sweep,
        };
        let stormer = storm::Stormer {
            engine: Arc::clone(&engine),
            window,
            batch: config.storm.batch,
            share: config.storm.share,
            lease: config.storm.lease,
            holder: holder.clone(),
            shutdown: shutdown.clone(),
        };
        let follower = follow::Follower {
            engine,
            companies,
            consent,
            feed,
            sweep,
            holder,
            lease: config.follow.lease,
            shutdown,
        };
        Ok(built
            .task("follow", follower.run())
            .task("work", worker.run())
            .task("storms", stormer.run())
            .task("timers", timers.run())
            .task("orders", commander.run()))
    }
}

type AdapterPeers =
    (BTreeMap<Adapter, usize>, Vec<ProviderAdapterServiceClient<Link>>, Vec<String>);

/// A client per peer that hosts adapters, which of them each adapter is at, and their names.
fn adapters(config: &Config, context: &Context) -> anyhow::Result<AdapterPeers> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut adapters = BTreeMap::new();
    let mut clients = Vec::new();
    let mut names = Vec::new();
    for (name, peer) in &config.gather.adapters {
        let adapter =
            Adapter::from_name(name).with_context(|| format!("`{name}` is no adapter"))?;
        // Nobody hosts it.
        if peer.is_empty() {
            continue;
        }
        // Adapters that share a process are asked in one call.
        let peer = context.alias(peer).to_owned();
        let place = match places.get(&peer) {
            Some(place) => *place,
            None => {
                clients
                    .push(sized!(context, ProviderAdapterServiceClient::new(context.peer(&peer)?)));
                names.push(peer.clone());
                places.insert(peer, clients.len() - 1);
                clients.len() - 1
            }
        };
        adapters.insert(adapter, place);
    }
    Ok((adapters, clients, names))
}
