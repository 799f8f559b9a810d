//! Webhooks at Webex: they hold for good, until Webex gives one up whose deliveries failed.

use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use remote::webex::{Client, Given, Grant, Refresh, Wanted, Webhook};
use remote::{Base, Error, Http, Mint, Tokens};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Held, Keeper, Wish, listed};
use crate::api::{flag, needed, set};
use crate::carriers::line::Line;
use crate::connections::Connection;
use crate::journal::{Need, Subscription, key};

/// What is told of unless a connection says otherwise.
const RESOURCES: &str = "meetings, meetingParticipants, recordings";
/// What is to happen to it.
const EVENT: &str = "all";

/// An organisation, or one user.
#[derive(Debug)]
pub(super) struct Site {
    client: Client,
    name: String,
    url: String,
    secret: SecretString,
    organisation: bool,
}

/// A client for the organisation of a connection.
///
/// # Errors
/// A setting that is missing or of no use.
pub(crate) fn client(one: &Connection, http: &Http) -> anyhow::Result<Client> {
    let base = match &one.base_url {
        Some(url) => Base::new(url).context("`base_url`")?,
        None => remote::webex::public()?,
    };
    let mint: Arc<dyn Mint> = match (set(one, "access_token"), set(one, "refresh_token")) {
        (Some(_), Some(_)) => bail!("`api` has both `access_token` and `refresh_token`"),
        (Some(_), None) => Arc::new(Given(needed(one, "access_token")?.clone())),
        (None, _) => {
            let grant = Grant {
                client_id: needed(one, "client_id")?.expose_secret().to_owned(),
                client_secret: needed(one, "client_secret")?.clone(),
                refresh_token: needed(one, "refresh_token")?.clone(),
            };
            Arc::new(Refresh::new(http.clone(), base.clone(), grant))
        }
    };
    let budget = remote::Budget::unbounded();
    Ok(Client::new(http, base, &one.name, Tokens::new(mint), budget))
}

/// Opens an organisation, and says what it is to be told of.
///
/// # Errors
/// A setting that is missing or of no use.
pub(super) fn open(one: &Connection, url: &str, http: &Http) -> anyhow::Result<(Site, Vec<Wish>)> {
    let site = Site {
        client: client(one, http)?,
        name: format!("callsheet {}", one.name),
        url: url.to_owned(),
        secret: one.secret.clone().context("`secrets` is empty")?,
        organisation: flag(one, "organisation")?,
    };
    let resources = listed(set(one, "resources").unwrap_or(RESOURCES));
    ensure!(!resources.is_empty(), "`api.resources` names nothing");
    let wishes = resources.into_iter().map(|resource| site.wish(resource)).collect();
    Ok((site, wishes))
}

impl Site {
    fn wish(&self, resource: String) -> Wish {
        let owner: &[u8] = if self.organisation { b"org" } else { b"creator" };
        let secret = self.secret.expose_secret().as_bytes();
        let parts = [resource.as_bytes(), EVENT.as_bytes(), self.url.as_bytes(), secret, owner];
        Wish { made: key::made(&parts), resource, events: EVENT.to_owned() }
    }

    fn wanted(&self, wish: &Wish) -> Wanted {
        Wanted {
            name: format!("{} {}", self.name, wish.resource),
            url: self.url.clone(),
            resource: wish.resource.clone(),
            event: wish.events.clone(),
            secret: self.secret.clone(),
            organisation: self.organisation,
        }
    }
}

#[async_trait]
impl Keeper for Site {
    async fn keep(
        &self,
        line: &Line,
        row: &Subscription,
        wish: &Wish,
        now: DateTime<Utc>,
    ) -> Result<Held, Error> {
        let all = line.hear(self.client.webhooks(self.organisation).await, now).await?;
        let at_ours = |one: &Webhook| one.url.as_ref().is_some_and(|url| url.expose() == self.url);
        let is_known = |one: &Webhook| !row.remote.is_empty() && one.id == row.remote;
        let fits = |one: &&Webhook| {
            one.resource.as_ref() == Some(&wish.resource)
                && one.event.as_ref() == Some(&wish.events)
                && (at_ours(one) || is_known(one))
        };
        let ours: Vec<&Webhook> = all.iter().filter(fits).collect();
        let kept = ours.iter().find(|one| is_known(one)).or(ours.first()).copied();
        let wanted = self.wanted(wish);
        let held = match kept {
            Some(one) => {
                let is_so = is_known(one)
                    && one.active()
                    && one.signed
                    && at_ours(one)
                    && row.made == wish.made
                    && row.need == Need::Nothing;
                if is_so {
                    Some((one.id.clone(), "kept"))
                } else {
                    // Its secret is not told, so one that was found is given ours.
                    let answer = self.client.revive_webhook(&one.id, &wanted).await;
                    match line.hear(answer, now).await {
                        Ok(revived) => Some((revived.id, "revived")),
                        Err(Error::NotFound { .. }) => None,
                        Err(error) => return Err(error),
                    }
                }
            }
            None => None,
        };
        let (remote, result) = match held {
            Some(held) => held,
            None => {
                let made = line.hear(self.client.make_webhook(&wanted).await, now).await?;
                (made.id, "made")
            }
        };
        for other in ours.iter().filter(|one| one.id != remote) {
            self.end(line, &other.id, now).await?;
        }
        Ok(Held { remote, expires: None, result })
    }

    async fn end(&self, line: &Line, remote: &str, now: DateTime<Utc>) -> Result<(), Error> {
        match line.hear(self.client.delete_webhook(remote).await, now).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
