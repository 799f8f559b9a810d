//! What providers are to notify us of: subscriptions at Microsoft Graph and webhooks at Webex, made when a connection has
//! what it takes, kept alive, and made again when they are gone.
//!
//! Each is a row that says when it is to be looked after next. Whoever claims it looks at what the provider has, and brings
//! that to what is wanted, whatever an earlier try that broke off has left there. A provider asks whether an address is ours
//! while it is told of it, so whoever makes subscriptions needs somebody who answers at `webhooks.public_url`.

pub(crate) mod graph;
pub(crate) mod webex;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use async_trait::async_trait;
use chassis::metrics::{self, Counter};
use chassis::{Clock, chain};
use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt as _;
use remote::{Error, Http};
use signals::Provider;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::carriers::line::Line;
use crate::config;
use crate::connections::{Connection, Connections};
use crate::journal::{Journal, Subscription, Tended};

/// The shortest and the longest pause before something is tried again.
const PAUSES: (TimeDelta, TimeDelta) = (TimeDelta::seconds(2), TimeDelta::minutes(5));
/// When it is time to end, what is under way may take so much longer.
const GRACE: Duration = Duration::from_secs(2);
/// Subscriptions looked after at once.
const ATTENDED: usize = 8;

/// Subscriptions looked after, by `provider` and `result`: `made`, `renewed`, `revived` where the provider had given up,
/// `kept` as it was, `ended` because nobody wants it any more, `failed`, and `lost` where another replica had taken it over.
static TENDED: Counter = metrics::counter("callsheet.subscriptions.tended");

/// Something a provider is to notify us of.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wish {
    /// What it is to.
    resource: String,
    /// What is to happen to that, in the provider's words.
    events: String,
    /// A digest of all it is made with.
    made: String,
}

/// A subscription as the provider has it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Held {
    remote: String,
    expires: Option<DateTime<Utc>>,
    /// What was done about it, as [`TENDED`] counts it.
    result: &'static str,
}

/// Looks after the subscriptions of one connection.
#[async_trait]
trait Keeper: fmt::Debug + Send + Sync {
    /// Brings what the provider has to what is wanted: one subscription to it, and no other of ours.
    async fn keep(
        &self,
        line: &Line,
        row: &Subscription,
        wish: &Wish,
        now: DateTime<Utc>,
    ) -> Result<Held, Error>;

    /// Ends a subscription that nobody wants any more.
    async fn end(&self, line: &Line, remote: &str, now: DateTime<Utc>) -> Result<(), Error>;
}

/// A connection that is to be notified.
#[derive(Debug)]
struct Desk {
    line: Line,
    keeper: Box<dyn Keeper>,
    wishes: BTreeMap<String, Wish>,
}

/// All connections that are to be notified. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Desks(Arc<BTreeMap<String, Desk>>);

impl Desks {
    /// Sets up what connections are to be notified of, at `{public_url}/webhooks/{connection}`.
    ///
    /// # Errors
    /// The connection whose settings cannot be used, and why; never a secret.
    pub(crate) fn open(
        connections: &Connections,
        public_url: &str,
        http: &Http,
        journal: &Journal,
    ) -> anyhow::Result<Self> {
        let mut desks = BTreeMap::new();
        for one in connections.iter().filter(|one| one.is_notified()) {
            let opened = desk(one, public_url, http, journal);
            let opened = opened.with_context(|| format!("connection `{}`", one.name))?;
            desks.insert(one.name.clone(), opened);
        }
        Ok(Self(Arc::new(desks)))
    }

    fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }
}

fn desk(
    one: &Connection,
    public_url: &str,
    http: &Http,
    journal: &Journal,
) -> anyhow::Result<Desk> {
    ensure!(
        !public_url.is_empty(),
        "`webhooks.public_url` is not set, and the provider must be told where to notify us"
    );
    ensure!(one.secret.is_some(), "`secrets` is empty: by them what it is notified of is believed");
    let url = format!("{}/webhooks/{}", public_url.trim_end_matches('/'), one.name);
    let (keeper, wishes): (Box<dyn Keeper>, Vec<Wish>) = if one.provider == Provider::Teams {
        let (keeper, wishes) = graph::open(one, &url, http)?;
        (Box::new(keeper), wishes)
    } else {
        let (keeper, wishes) = webex::open(one, &url, http)?;
        (Box::new(keeper), wishes)
    };
    let wishes = wishes.into_iter().map(|wish| (wish.resource.clone(), wish)).collect();
    let line = Line::new(&one.name, &one.company, one.provider.as_str(), journal.clone());
    Ok(Desk { line, keeper, wishes })
}

/// What a setting lists, by commas.
fn listed(text: &str) -> Vec<String> {
    let each = text.split(',').map(str::trim).filter(|one| !one.is_empty());
    each.map(str::to_owned).collect()
}

/// The task of a replica.
#[derive(Debug, Clone)]
pub(crate) struct Tender {
    /// Where it is kept what there is.
    pub(crate) journal: Journal,
    /// What there is to be.
    pub(crate) desks: Desks,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
    /// How it is looked after.
    pub(crate) settings: config::Subscriptions,
    /// Names this process, and no other one or earlier one.
    pub(crate) claimant: Arc<str>,
    /// Cancelled when it is time to end.
    pub(crate) shutdown: CancellationToken,
}

impl Tender {
    /// Looks after subscriptions until shutdown.
    pub(crate) async fn run(self) {
        if self.desks.0.is_empty() {
            return self.shutdown.cancelled().await;
        }
        let mut is_noted = false;
        loop {
            if !is_noted {
                is_noted = self.note().await;
            }
            if let Err(error) = self.look().await {
                warn!(error = chain(&error), "subscriptions could not be looked after");
            }
            tokio::select! {
                () = self.shutdown.cancelled() => return,
                () = self.journal.subscriptions_came() => {}
                () = tokio::time::sleep(self.settings.poll) => {}
            }
        }
    }

    /// Notes what there is to be.
    async fn note(&self) -> bool {
        let now = self.clock.now();
        for (name, desk) in self.desks.0.iter() {
            let wanted: Vec<(String, String)> =
                desk.wishes.values().map(|one| (one.resource.clone(), one.made.clone())).collect();
            if let Err(error) = self.journal.want_subscriptions(name, &wanted, now).await {
                warn!(connection = name, error = chain(&error), "subscriptions could not be noted");
                return false;
            }
        }
        true
    }

    async fn look(&self) -> Result<(), crate::error::Error> {
        let (now, names) = (self.clock.now(), self.desks.names());
        // Asked first without a transaction: mostly there is nothing to do.
        let first = self.journal.first_subscription(&names).await?;
        if first.is_none_or(|first| now < first) {
            return Ok(());
        }
        let (lease, limit) = (self.settings.lease, ATTENDED as u64);
        let claim = self.journal.claim_subscriptions(&names, now, lease, limit, &self.claimant);
        let tending = claim.await?.into_iter().map(|row| self.tend(row));
        let all = futures::stream::iter(tending).for_each_concurrent(ATTENDED, |one| one);
        let mut all = std::pin::pin!(all);
        tokio::select! {
            () = &mut all => {}
            // What is cut off is done again by whoever claims it when the claim is over.
            () = self.shutdown.cancelled() => drop(tokio::time::timeout(GRACE, all).await),
        }
        Ok(())
    }

    async fn tend(&self, row: Subscription) {
        let Some(desk) = self.desks.0.get(&row.connection) else { return };
        let doing = tokio::time::timeout(self.settings.patience, self.bring(desk, &row));
        let (tended, result) = doing.await.unwrap_or_else(|_| {
            let due = self.clock.now() + pause(&row, None);
            (Tended::Trouble { code: "no_answer".to_owned(), due }, "failed")
        });
        let labels = |result| [("provider", desk.line.provider), ("result", result)];
        match self.journal.finish_subscription(&row, &self.claimant, &tended).await {
            Ok(true) => TENDED.add(1, &labels(result)),
            // Whoever took it over finds what this one made, and clears it away.
            Ok(false) => TENDED.add(1, &labels("lost")),
            Err(error) => warn!(error = chain(&error), "a subscription could not be noted"),
        }
    }

    /// Brings a subscription to what is wanted, and says what became of it.
    async fn bring(&self, desk: &Desk, row: &Subscription) -> (Tended, &'static str) {
        let now = self.clock.now();
        let Some(wish) = desk.wishes.get(&row.resource) else {
            let ended = match row.remote.as_str() {
                "" => Ok(()),
                remote => desk.keeper.end(&desk.line, remote, now).await,
            };
            return match ended {
                Ok(()) | Err(Error::NotFound { .. }) => (Tended::Gone, "ended"),
                Err(error) => (self.trouble(desk, row, &error, now), "failed"),
            };
        };
        match desk.keeper.keep(&desk.line, row, wish, now).await {
            Ok(Held { remote, expires, result }) => {
                let renewal = expires.map(|at| now + (at - now) / 2);
                let check = now + span(self.settings.check);
                let due = renewal.map_or(check, |renewal| renewal.min(check));
                let made = wish.made.clone();
                (Tended::Holds { remote, made, expires, due }, result)
            }
            Err(error) => (self.trouble(desk, row, &error, now), "failed"),
        }
    }

    fn trouble(
        &self,
        desk: &Desk,
        row: &Subscription,
        error: &Error,
        now: DateTime<Utc>,
    ) -> Tended {
        let raw = desk.line.evidence(error);
        info!(
            connection = desk.line.name,
            resource = row.resource,
            tries = row.tries,
            code = raw.code,
            text = raw.text,
            "trouble with a subscription"
        );
        Tended::Trouble { code: raw.code, due: now + pause(row, error.retry_after()) }
    }
}

fn span(period: Duration) -> TimeDelta {
    TimeDelta::from_std(period).unwrap_or(TimeDelta::days(1))
}

/// How long to wait before it is tried again: twice as long each time.
fn pause(row: &Subscription, wanted: Option<Duration>) -> TimeDelta {
    let (shortest, longest) = PAUSES;
    let doubled = shortest * 2_i32.saturating_pow(row.tries.min(16));
    doubled.min(longest).max(wanted.map_or(TimeDelta::zero(), span))
}
