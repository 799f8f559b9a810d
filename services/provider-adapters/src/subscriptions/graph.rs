//! Subscriptions at Microsoft Graph: they end by themselves, want to be confirmed now and then, and are removed at times.

use anyhow::{Context as _, bail, ensure};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use data_encoding::BASE64;
use remote::graph::{Application, Certificate, Client, Settings, Wanted};
use remote::{Base, Error, Http};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Held, Keeper, Wish, listed};
use crate::api::{needed, set};
use crate::carriers::line::Line;
use crate::connections::Connection;
use crate::journal::{Need, Subscription, key};

/// What is told of unless a connection says otherwise.
const RESOURCES: &str =
    "communications/callRecords, communications/onlineMeetings/getAllRecordings";
/// How long a subscription is asked to hold. Graph gives three days at most for meetings and records of calls.
pub(crate) const LIFETIME: TimeDelta = TimeDelta::hours(48);
/// Bytes of what notifications prove themselves with, at most.
const STATE: usize = 128;

/// A tenant.
#[derive(Debug)]
pub(super) struct Tenant {
    client: Client,
    url: String,
    state: SecretString,
    certificate: Option<Certificate>,
}

/// A client for the tenant of a connection.
///
/// # Errors
/// A setting that is missing or of no use.
pub(crate) fn client(one: &Connection, http: &Http) -> anyhow::Result<Client> {
    let public = Settings::public()?;
    let base = |name: &str, url: &str| Base::new(url).with_context(|| format!("`{name}`"));
    let api = match &one.base_url {
        Some(url) => base("base_url", url)?,
        None => public.api,
    };
    let login = match set(one, "login_url") {
        Some(url) => base("api.login_url", url)?,
        None => public.login,
    };
    let scope = set(one, "scope").map_or(public.scope, str::to_owned);
    let application = Application {
        tenant: needed(one, "tenant")?.expose_secret().to_owned(),
        id: needed(one, "client_id")?.expose_secret().to_owned(),
        secret: needed(one, "client_secret")?.clone(),
    };
    let settings = Settings { api, login, scope };
    Ok(Client::new(http, &settings, application, remote::Budget::unbounded()))
}

/// Opens a tenant, and says what it is to be told of.
///
/// # Errors
/// A setting that is missing or of no use.
pub(super) fn open(
    one: &Connection,
    url: &str,
    http: &Http,
) -> anyhow::Result<(Tenant, Vec<Wish>)> {
    let client = client(one, http)?;
    let state = one.secret.clone().context("`secrets` is empty")?;
    ensure!(
        state.expose_secret().len() <= STATE,
        "the first of `secrets` is longer than the {STATE} letters that Graph takes"
    );
    let certificate = match (set(one, "certificate"), &one.certificate) {
        (None, _) => None,
        (Some(_), None) => bail!("`api.certificate` needs `certificate`, whose key opens content"),
        (Some(pem), Some(id)) => Some(Certificate { id: id.clone(), der: der(pem)? }),
    };
    let tenant = Tenant { client, url: url.to_owned(), state, certificate };
    let resources = listed(set(one, "resources").unwrap_or(RESOURCES));
    ensure!(!resources.is_empty(), "`api.resources` names nothing");
    let wishes = resources.into_iter().map(|resource| tenant.wish(resource)).collect();
    Ok((tenant, wishes))
}

/// A certificate out of its PEM.
fn der(pem: &str) -> anyhow::Result<Vec<u8>> {
    let (begin, end) = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----");
    let inner = pem.split_once(begin).and_then(|(_, rest)| rest.split_once(end));
    let (text, _) = inner.context("`api.certificate` is no certificate in PEM")?;
    let text: String = text.split_whitespace().collect();
    BASE64.decode(text.as_bytes()).context("`api.certificate` is no certificate in PEM")
}

/// Which changes of a resource are of use.
fn changes(resource: &str) -> &'static str {
    let path = resource.to_ascii_lowercase();
    if path.contains("recordings") || path.contains("transcripts") {
        "created"
    } else if path.contains("callrecords") {
        "created,updated"
    } else if path.contains("onlinemeetings") {
        "updated"
    } else {
        "updated,deleted"
    }
}

/// Whether Graph sends the content along, encrypted: not of records of calls nor of users.
fn is_rich(resource: &str) -> bool {
    resource.to_ascii_lowercase().contains("onlinemeetings")
}

/// Paths as Graph compares them.
fn plain(resource: &str) -> String {
    resource.trim_matches('/').to_ascii_lowercase()
}

impl Tenant {
    fn certificate(&self, resource: &str) -> Option<&Certificate> {
        self.certificate.as_ref().filter(|_| is_rich(resource))
    }

    fn wish(&self, resource: String) -> Wish {
        let events = changes(&resource).to_owned();
        let certificate = self.certificate(&resource);
        let (id, der): (&[u8], &[u8]) =
            certificate.map_or((b"", b""), |one| (one.id.as_bytes(), &one.der));
        let state = self.state.expose_secret().as_bytes();
        let parts = [resource.as_bytes(), events.as_bytes(), self.url.as_bytes(), state, id, der];
        Wish { made: key::made(&parts), resource, events }
    }

    fn wanted(&self, wish: &Wish, now: DateTime<Utc>) -> Wanted {
        Wanted {
            resource: wish.resource.clone(),
            changes: wish.events.clone(),
            url: self.url.clone(),
            lifecycle_url: Some(self.url.clone()),
            client_state: self.state.clone(),
            expires: now + LIFETIME,
            certificate: self.certificate(&wish.resource).cloned(),
        }
    }
}

#[async_trait]
impl Keeper for Tenant {
    async fn keep(
        &self,
        line: &Line,
        row: &Subscription,
        wish: &Wish,
        now: DateTime<Utc>,
    ) -> Result<Held, Error> {
        let all = line.hear(self.client.subscriptions().await, now).await?;
        let is_ours = |one: &&remote::graph::Subscription| {
            one.url.as_ref().is_some_and(|url| url.expose() == self.url)
                && one.resource.as_deref().is_some_and(|it| plain(it) == plain(&wish.resource))
        };
        let there = all.iter().find(|one| !row.remote.is_empty() && one.id == row.remote);
        // One that was made otherwise, by an address or a secret of before, is replaced: neither can be changed.
        let there = there.filter(|_| row.made == wish.made && row.need != Need::Again);
        let held = match there {
            Some(one) => {
                let expires = one.expires.unwrap_or(now);
                let is_fresh = expires - now > LIFETIME / 2;
                if is_fresh && row.need == Need::Nothing {
                    Some((one.id.clone(), one.expires, "kept"))
                } else {
                    let answer = self.client.renew(&one.id, now + LIFETIME).await;
                    match line.hear(answer, now).await {
                        Ok(renewed) => Some((renewed.id, renewed.expires, "renewed")),
                        Err(Error::NotFound { .. }) => None,
                        Err(error) => return Err(error),
                    }
                }
            }
            None => None,
        };
        let (remote, expires, result) = match held {
            Some(held) => held,
            None => {
                let made = self.client.subscribe(&self.wanted(wish, now)).await;
                let made = line.hear(made, now).await?;
                (made.id, made.expires, "made")
            }
        };
        // What a try that broke off has left, what was replaced, and what another replica made at the same time.
        for other in all.iter().filter(is_ours).filter(|one| one.id != remote) {
            self.end(line, &other.id, now).await?;
        }
        if !row.remote.is_empty() && row.remote != remote {
            self.end(line, &row.remote, now).await?;
        }
        // Graph may give less than was asked for.
        Ok(Held { remote, expires: expires.or(Some(now + LIFETIME)), result })
    }

    async fn end(&self, line: &Line, remote: &str, now: DateTime<Utc>) -> Result<(), Error> {
        match line.hear(self.client.unsubscribe(remote).await, now).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_of_use_of_a_resource_is_told_by_its_path() {
        for (resource, wanted, rich) in [
            ("communications/callRecords", "created,updated", false),
            ("communications/onlineMeetings/getAllRecordings", "created", true),
            ("users/ada/onlineMeetings/getAllTranscripts", "created", true),
            ("/communications/onlineMeetings/?$filter=JoinWebUrl eq 'x'", "updated", true),
            ("users", "updated,deleted", false),
        ] {
            assert_eq!((changes(resource), is_rich(resource)), (wanted, rich), "{resource}");
        }
    }

    #[test]
    fn a_certificate_is_read_out_of_its_pem() {
        let pem = "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n";
        assert_eq!(der(pem).unwrap(), [1, 2, 3]);
        assert!(der("AQID").is_err());
    }
}
