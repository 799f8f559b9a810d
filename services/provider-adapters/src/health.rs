//! How connections to providers are: what is wrong with them, what to do about it, and what is left of what is allowed.

use std::sync::Arc;

use chassis::Clock;
use chrono::{DateTime, Days, TimeDelta, Utc};
use decision::provider::Adapter as Which;
use proto::provider::v1;
use proto::time;
use remote::zoom::UPDATES_PER_DAY;
use secrecy::ExposeSecret as _;
use signals::Provider;

use crate::carriers::line::{CREDENTIALS_REFUSED, SCOPE_MISSING};
use crate::carry::{NOT_DELETED, NOT_WITHDRAWN};
use crate::connections::{Connection, Connections};
use crate::error::Error;
use crate::imports::Imports;
use crate::inbox::{ACCESS_LOST, SIGNALS_MISSED, STORAGE_FULL, SUBSCRIPTION_LOST};
use crate::journal::{Health, Journal, Need, Subscription};
use crate::subscriptions::graph::LIFETIME;

/// After how long without a webhook an admin should look.
const SILENCE: TimeDelta = TimeDelta::hours(72);
/// For how long it is told that notifications were lost.
const REMEMBERED: TimeDelta = TimeDelta::hours(24);

/// Tells how connections are.
#[derive(Debug, Clone)]
pub(crate) struct Doctor {
    /// Where it is kept what came through them.
    pub(crate) journal: Journal,
    /// All of them.
    pub(crate) connections: Connections,
    /// Where what they recorded goes.
    pub(crate) imports: Imports,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
}

impl Doctor {
    /// What is wrong with where recordings are kept, whoever made them. Asks the store.
    pub(crate) async fn shelf(&self) -> Vec<v1::Problem> {
        self.imports.problems().await
    }

    /// How a company's connections to what an adapter serves are, by name. What is wrong with the place for recordings is
    /// wrong with each that has some made.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn connections(
        &self,
        company: &str,
        which: Which,
        shelf: &[v1::Problem],
    ) -> Result<Vec<v1::ConnectionHealth>, Error> {
        let now = self.clock.now();
        let mut told = Vec::new();
        for connection in self.connections.of(company) {
            if !serves(connection.provider, which) {
                continue;
            }
            let health = self.journal.health(&connection.name).await?;
            let mut problems = problems(connection, &health, now);
            problems.extend(shelf.iter().filter(|_| connection.carries()).cloned());
            problems.sort_by_key(|problem| std::cmp::Reverse(problem.severity));
            told.push(v1::ConnectionHealth {
                name: connection.name.clone(),
                problems,
                budgets: self.budgets(connection, now).await?,
                last_webhook_at: health.last_webhook.map(time::to_wire),
                last_answer_at: health.last_answer.map(time::to_wire),
                refused_webhooks: connection.refused(),
                waiting_webhooks: health.waiting,
            });
        }
        Ok(told)
    }

    async fn budgets(
        &self,
        connection: &Connection,
        now: DateTime<Utc>,
    ) -> Result<Vec<v1::Budget>, Error> {
        let (Provider::Zoom, Some(account)) = (connection.provider, connection.api("account_id"))
        else {
            return Ok(Vec::new());
        };
        let limit = u64::from(UPDATES_PER_DAY);
        let tomorrow = now.date_naive().checked_add_days(Days::new(1));
        let resets = tomorrow.map(|day| day.and_time(chrono::NaiveTime::MIN).and_utc());
        let used = self.journal.used(account.expose_secret(), now).await?;
        let told = used.into_iter().map(|(user, used)| v1::Budget {
            name: "meeting_updates_per_user_and_day".to_owned(),
            subject: user,
            limit,
            left: limit.saturating_sub(used),
            resets_at: resets.map(time::to_wire),
        });
        Ok(told.collect())
    }
}

/// Whether a provider's connection is of any use to an adapter.
fn serves(provider: Provider, which: Which) -> bool {
    match provider {
        Provider::Zoom => matches!(which, Which::ZoomNative | Which::ZoomLocal | Which::Dialer),
        Provider::Teams => which == Which::Teams,
        Provider::Webex => which == Which::Webex,
        Provider::GoogleMeet => which == Which::GoogleMeet,
        Provider::Recall | Provider::Attendee => {
            matches!(which, Which::ZoomLocal | Which::Teams | Which::Webex | Which::GoogleMeet)
        }
        Provider::ZoomPhone
        | Provider::Twilio
        | Provider::RingCentral
        | Provider::Aircall
        | Provider::Vonage
        | Provider::Telnyx
        | Provider::Dialer
        | Provider::Sip => which == Which::Dialer,
    }
}

fn problem(severity: v1::Severity, code: &str, text: &str, remedy: String) -> v1::Problem {
    let (code, text) = (code.to_owned(), text.to_owned());
    v1::Problem { severity: severity.into(), code, text, remedy }
}

/// What is wrong with a connection.
fn problems(connection: &Connection, health: &Health, now: DateTime<Utc>) -> Vec<v1::Problem> {
    let name = &connection.name;
    let provider = connection.provider.as_str();
    let mut found = Vec::new();
    if connection.cannot_believe() {
        found.push(problem(
            v1::Severity::Error,
            "secret_missing",
            "nothing is set by which its webhooks could be believed, so that all are sent back",
            format!(
                "set `secrets` of the connection `{name}`, or `keys` where {provider} signs tokens"
            ),
        ));
    }
    if let Some(remedy) = connection.proof.keys.lack() {
        found.push(problem(
            v1::Severity::Warning,
            "keys_unknown",
            "a webhook came whose key is not among those we know, and was sent back: a key that was replaced, or a forged one",
            format!("`keys` of the connection `{name}` are the public ones of {provider}: {remedy}"),
        ));
    }
    for (code, since) in &health.problems {
        let known = match code.as_str() {
            ACCESS_LOST => problem(
                v1::Severity::Error,
                code,
                "the provider took our access away",
                format!("authorise the application at {provider} again"),
            ),
            SUBSCRIPTION_LOST => problem(
                v1::Severity::Error,
                code,
                "the provider does not notify us any more",
                format!("subscribe again at {provider}, to `/webhooks/{name}`"),
            ),
            SIGNALS_MISSED if now - *since < REMEMBERED => problem(
                v1::Severity::Warning,
                code,
                "the provider lost notifications that were meant for us",
                format!(
                    "nothing, if it stays the only time: what was lost is asked for; otherwise see whether \
                     `/webhooks/{name}` answers within three seconds"
                ),
            ),
            STORAGE_FULL => problem(
                v1::Severity::Warning,
                code,
                "the account has no storage left for recordings",
                format!("make room or buy storage at {provider}"),
            ),
            CREDENTIALS_REFUSED => problem(
                v1::Severity::Error,
                code,
                "the provider does not accept our credentials, so that nothing can be set up there",
                format!("compare `api` of the connection `{name}` with what {provider} shows"),
            ),
            NOT_WITHDRAWN => problem(
                v1::Severity::Error,
                code,
                "a recorder could not be called back for a day; it is tried on",
                format!("see at {provider} what still joins or records, and end it there"),
            ),
            NOT_DELETED => problem(
                v1::Severity::Error,
                code,
                "a recording that is to be deleted could not be for a day; it is tried on",
                format!("see that the application may delete at {provider}, or delete it there"),
            ),
            SCOPE_MISSING => problem(
                v1::Severity::Error,
                code,
                "the application may not do all that it must",
                format!("grant the missing scope at {provider}; the evidence of attempts names it"),
            ),
            _ => continue,
        };
        found.push(known);
    }
    found.extend(
        health.subscriptions.iter().filter_map(|one| of_subscription(connection, one, now)),
    );
    if connection.refused() > 0 {
        found.push(problem(
            v1::Severity::Warning,
            "webhooks_refused",
            "webhooks came that were not believed: forged ones, or those of a secret that was changed",
            format!("compare `secrets` of the connection `{name}` with what {provider} shows"),
        ));
    }
    let silent = match health.last_webhook {
        Some(last) if now - last > SILENCE => Some("no webhook came for days"),
        None => Some("no webhook has come yet"),
        Some(_) => None,
    };
    if let Some(text) = silent {
        found.push(problem(
            v1::Severity::Warning,
            "webhooks_silent",
            text,
            format!("see at {provider} whether `/webhooks/{name}` is subscribed and its deliveries succeed"),
        ));
    }
    found
}

/// What is wrong with a subscription, if anything is.
fn of_subscription(
    connection: &Connection,
    one: &Subscription,
    now: DateTime<Utc>,
) -> Option<v1::Problem> {
    let (name, provider) = (&connection.name, connection.provider.as_str());
    let Subscription { resource, trouble, .. } = one;
    let is_over = one.expires.is_some_and(|expires| expires <= now);
    let is_ending = one.expires.is_some_and(|expires| expires - now < LIFETIME / 4);
    let (code, text) = if one.need == Need::Again {
        ("subscription_removed", format!("the provider removed the subscription to `{resource}`"))
    } else if one.remote.is_empty() || is_over {
        ("subscription_missing", format!("there is no subscription to `{resource}`"))
    } else if is_ending {
        ("subscription_expiring", format!("the subscription to `{resource}` ends soon"))
    } else if !trouble.is_empty() {
        (
            "subscription_unattended",
            format!("the subscription to `{resource}` could not be checked"),
        )
    } else {
        return None;
    };
    let remedy = match trouble.as_str() {
        "" => "nothing: it is made or renewed within minutes".to_owned(),
        "ValidationError" => format!(
            "see that `/webhooks/{name}` below `webhooks.public_url` can be reached from the Internet, and answers \
             within ten seconds"
        ),
        "busy" | "unavailable" | "no_answer" => {
            format!("nothing, if {provider} answers again soon: it is tried again all the time")
        }
        code => format!(
            "see what `{code}` means at {provider}: mostly the application lacks a permission for `{resource}`, or \
             `api` of the connection `{name}` is wrong"
        ),
    };
    Some(problem(v1::Severity::Warning, code, &text, remedy))
}
