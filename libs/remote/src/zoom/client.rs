//! An account of Zoom, and how its API is asked.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::Value;

use super::errors::Zoom;
use super::oauth::ServerToServer;
use crate::{
    Api, Base, Budget, Call, Credentials, DailyBudget, Error, Http, InvalidBase, Left, Look,
};
use crate::{Quota, Tokens, Weight};

/// Where Zoom lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What the paths of the API begin with; Zoom's own is `https://api.zoom.us/v2`.
    pub api: Base,
    /// Where tokens come from; Zoom's own is `https://zoom.us`.
    pub oauth: Base,
}

impl Settings {
    /// Zoom's own addresses.
    ///
    /// # Errors
    /// Never: they can be read.
    pub fn public() -> Result<Self, InvalidBase> {
        Ok(Self { api: Base::new("https://api.zoom.us/v2")?, oauth: Base::new("https://zoom.us")? })
    }
}

/// A server-to-server application of an account.
#[derive(Debug, Clone)]
pub struct Account {
    /// The account's id.
    pub id: String,
    /// The application's id.
    pub client_id: String,
    /// The application's secret.
    pub client_secret: SecretString,
}

/// What an account pays for, and so how often it may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Plan {
    /// Pro: 30, 20, 10 per second, 10 per minute.
    #[default]
    Pro,
    /// Business and above: 80, 60, 40 per second, 20 per minute.
    Business,
}

impl Plan {
    /// The share of one of `parts` processes that ask for the same account. Zoom's limits are those of the account, shared
    /// with all other applications in it. What heavy and intensive calls may be per day, 30 000 or 60 000 together, is not
    /// counted here: Zoom says so with 429, [`Limit::Day`](crate::Limit::Day).
    #[must_use]
    pub fn quotas(self, parts: u32) -> [(Weight, Quota); 4] {
        let (light, medium, heavy, intensive) = match self {
            Self::Pro => (30, 20, 10, 10),
            Self::Business => (80, 60, 40, 20),
        };
        let second = Duration::from_secs(1);
        let share = |calls: u32, per| {
            let calls = calls / parts.max(1);
            Quota::within(NonZeroU32::new(calls).unwrap_or(NonZeroU32::MIN), per)
        };
        [
            (Weight::Light, share(light, second)),
            (Weight::Medium, share(medium, second)),
            (Weight::Heavy, share(heavy, second)),
            (Weight::Intensive, share(intensive, 60 * second)),
        ]
    }
}

/// One account of Zoom. Clones share connections, token and budgets; a process has one per account.
#[derive(Debug, Clone)]
pub struct Client {
    pub(super) api: Api,
    pub(super) updates: Arc<dyn DailyBudget>,
}

impl Client {
    /// An account. `updates` counts what changes meetings, [`UPDATES_PER_DAY`](super::UPDATES_PER_DAY) per user.
    #[must_use]
    pub fn new(
        http: &Http,
        settings: &Settings,
        account: Account,
        budget: Budget,
        updates: Arc<dyn DailyBudget>,
    ) -> Self {
        let id = account.id.clone();
        let mint = ServerToServer::new(http.clone(), settings.oauth.clone(), account);
        Self::with_tokens(http, settings, &id, Tokens::new(Arc::new(mint)), budget, updates)
    }

    /// An account whose tokens come from elsewhere: from a [`Mint`](crate::Mint) that asks a [`ServerToServer`] and keeps
    /// what it brings where other processes find it.
    #[must_use]
    pub fn with_tokens(
        http: &Http,
        settings: &Settings,
        account: &str,
        tokens: Tokens,
        budget: Budget,
        updates: Arc<dyn DailyBudget>,
    ) -> Self {
        let credentials = Credentials::Tokens(tokens);
        let (http, base) = (http.clone(), settings.api.clone());
        let api = Api::new(http, base, account, credentials, Arc::new(Zoom), budget);
        Self { api, updates }
    }

    /// The account's id.
    #[must_use]
    pub fn account(&self) -> &str {
        self.api.account()
    }

    /// What Zoom said last of what is left of the account's calls of this weight.
    #[must_use]
    pub fn left(&self, weight: Weight) -> Option<Left> {
        self.api.left(weight)
    }

    /// Whether Zoom lets the application in.
    ///
    /// # Errors
    /// [`Error::Unauthorised`] where an administrator has to look; any other.
    pub async fn sign_in(&self) -> Result<(), Error> {
        self.api.sign_in().await
    }
}

/// Where a list goes on; good for a quarter of an hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextPage(crate::Private);

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// What is in it; what has no id is left out.
    pub items: Vec<T>,
    /// Where it goes on; none at the end.
    pub next: Option<NextPage>,
}

impl<T> Page<T> {
    /// Reads a part.
    pub(super) fn read(value: &Value, list: &str, item: impl Fn(&Value) -> Option<T>) -> Self {
        Self {
            items: value.items(&[list]).iter().filter_map(item).collect(),
            next: value.private(&["next_page_token"]).map(NextPage),
        }
    }
}

/// Asks for a part.
pub(super) fn paged(call: Call, size: u32, next: Option<&NextPage>) -> Call {
    call.query("page_size", std::borrow::Cow::from(size.to_string()))
        .query("next_page_token", next.map(|next| next.0.expose().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_addresses_of_zoom_can_be_read() {
        assert!(Settings::public().is_ok());
    }

    #[test]
    fn processes_share_what_an_account_may_ask() {
        let all = Plan::Business.quotas(1);
        let third = Plan::Business.quotas(3);
        assert_eq!(all[0].1.burst.get(), 40);
        assert_eq!(third[0].1.burst.get(), 13);
        let many = Plan::Pro.quotas(1000);
        assert!(many.iter().all(|(_, quota)| quota.burst.get() == 1));
    }
}
