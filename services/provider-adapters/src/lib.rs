//! Provider-adapters: can this method work, carry it out, what happened? One process hosts one adapter or several.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod adapter;
mod api;
mod attempts;
mod cache;
mod carriers;
mod carry;
mod config;
mod connections;
mod error;
mod facts;
mod fleet;
mod gather;
mod health;
mod imports;
mod inbox;
mod journal;
mod keys;
mod migration;
mod providers;
mod purge;
mod service;
mod session;
mod store;
mod subscriptions;
mod watch;
mod webhooks;

use std::sync::Arc;

use chassis::{Built, Context, sized};
use proto::provider::v1::bot_fleet_service_server::BotFleetServiceServer;
use proto::provider::v1::provider_adapter_service_server::ProviderAdapterServiceServer;
use tonic::service::Routes;

pub use config::Config;

/// Provider-adapters.
#[derive(Debug)]
pub struct App;

impl chassis::App for App {
    const NAME: &'static str = "provider-adapters";
    const SERVICES: &'static [&'static str] =
        &["callsheet.provider.v1.ProviderAdapterService", "callsheet.provider.v1.BotFleetService"];
    const DESCRIPTORS: &'static [&'static [u8]] = &[proto::DESCRIPTORS];
    const DEFAULTS: &'static str = include_str!("../config.default.toml");
    type Config = Config;

    fn check(config: &Config) -> anyhow::Result<()> {
        config.check()?;
        connections::Connections::read(&config.connections)?;
        providers::hosted(&config.adapters)?;
        Ok(())
    }

    async fn build(config: Config, context: Context) -> anyhow::Result<Built> {
        let hosted = providers::hosted(&config.adapters)?;
        let database = store::open(&config.store).await?;
        let facts = store::sql::Sql::new(database.clone(), config.keep_versions);
        let gather = Arc::new(gather::Gather::new(Arc::new(facts)));
        let journal = journal::Journal::new(database);
        let connections = connections::Connections::read(&config.connections)?;
        let http = remote::Http::new(&remote::Settings::default())?;
        let public_url = &config.webhooks.public_url;
        let desks = subscriptions::Desks::open(&connections, public_url, &http, &journal)?;
        let imports = imports::Imports::open(
            &config.imports,
            &config.store.url,
            journal.clone(),
            context.clock.clone(),
        )?;
        let ground = carriers::Ground {
            journal: journal.clone(),
            gather: Arc::clone(&gather),
            http,
            imports: imports.clone(),
            clock: context.clock.clone(),
            public_url: config.webhooks.public_url.clone(),
        };
        let opened = carriers::open(&connections, &ground)?;
        let accounts = &opened.accounts;
        let directory = inbox::Directory::open(&connections, accounts, &ground.http, &journal)?;
        let rooms = inbox::Rooms::open(&connections, &ground.http, &journal, &context.clock)?;
        let (list, sources) = imports.around(opened.carriers, opened.sources);
        let carriers = carry::Carriers::new(list, config.fleets.enabled);
        // Another one with every start: what an earlier process of ours claimed is somebody else's.
        let claimant: Arc<str> = format!("{:016x}", rand::random::<u64>()).into();
        let (clock, shutdown) = (context.clock.clone(), context.shutdown.clone());
        let sessions = session::Sessions {
            journal: journal.clone(),
            carriers: carriers.clone(),
            clock: clock.clone(),
        };
        let doctor = health::Doctor {
            journal: journal.clone(),
            connections: connections.clone(),
            imports: imports.clone(),
            clock: clock.clone(),
        };
        let importer = imports::Runner {
            imports,
            sources: sources.into(),
            claimant: Arc::clone(&claimant),
            shutdown: shutdown.clone(),
        };
        let worker = carry::Worker {
            journal: journal.clone(),
            carriers,
            clock: clock.clone(),
            settings: config.work,
            shutdown: shutdown.clone(),
        };
        let tender = subscriptions::Tender {
            journal: journal.clone(),
            desks,
            clock: clock.clone(),
            settings: config.subscriptions,
            claimant: Arc::clone(&claimant),
            shutdown: shutdown.clone(),
        };
        let webhooks = webhooks::Webhooks::open(
            config.webhooks,
            connections.clone(),
            (journal.clone(), ground.http.clone()),
            clock.clone(),
            shutdown.clone(),
        );
        let webhooks = webhooks.await?;
        let members =
            inbox::Members { gather: Arc::clone(&gather), journal: journal.clone(), directory };
        let inbox = inbox::Inbox {
            journal: journal.clone(),
            connections,
            members,
            rooms,
            clock: clock.clone(),
            settings: config.inbox,
            claimant: Arc::clone(&claimant),
            shutdown: shutdown.clone(),
        };
        let purge = purge::Purge {
            journal: journal.clone(),
            clock: clock.clone(),
            settings: config.journal,
            shutdown: shutdown.clone(),
        };
        let fleets = fleet::Fleets::new(journal, clock, config.fleets, shutdown);
        let minder = fleets.clone();
        let service = service::Service::new(gather, hosted, sessions, doctor);
        let routes = Routes::new(sized!(context, ProviderAdapterServiceServer::new(service)))
            .add_service(sized!(context, BotFleetServiceServer::new(fleets)));
        let built = Built::new(routes)
            .task("work", worker.run())
            .task("imports", importer.run())
            .task("fleets", minder.run())
            .task("inbox", inbox.run())
            .task("subscriptions", tender.run())
            .task("purge", purge.run());
        Ok(match webhooks {
            Some(webhooks) => built.task("webhooks", webhooks.run()),
            None => built,
        })
    }
}
