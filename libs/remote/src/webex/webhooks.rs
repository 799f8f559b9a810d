//! Webhooks: made with a secret, and set active again after Webex gave up.

use ::http::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::Client;
use crate::{Call, Error, Look, Private};

/// A webhook that is wanted.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Our own name of it.
    pub name: String,
    /// Where it goes.
    pub url: String,
    /// `meetings`, `meetingParticipants`, `recordings` and so on.
    pub resource: String,
    /// `created`, `started`, `all` and so on.
    pub event: String,
    /// What it is signed with. Without one Webex does not sign, so there must be one.
    pub secret: SecretString,
    /// Whether it is for the whole organisation, which an administrator may have, or for this user.
    pub organisation: bool,
}

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Webex's id of it.
    pub id: String,
    /// Our own name of it.
    pub name: Option<String>,
    /// Where it goes.
    pub url: Option<Private>,
    /// What it is about.
    pub resource: Option<String>,
    /// What happens to that.
    pub event: Option<String>,
    /// `active`, or `inactive` after Webex gave up, as Webex writes it.
    pub status: Option<String>,
    /// Whether it is signed.
    pub signed: bool,
}

impl Webhook {
    /// Reads a webhook; none without an id.
    #[must_use]
    pub fn read(value: &Value) -> Option<Self> {
        Some(Self {
            id: value.id(&["id"])?,
            name: value.id(&["name"]),
            url: value.private(&["targetUrl"]),
            resource: value.id(&["resource"]),
            event: value.id(&["event"]),
            status: value.id(&["status"]),
            signed: value.id(&["secret"]).is_some(),
        })
    }

    /// Whether it tells anything.
    #[must_use]
    pub fn active(&self) -> bool {
        self.status.as_deref() == Some("active")
    }
}

impl Client {
    /// Makes a webhook.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn make_webhook(&self, wanted: &Wanted) -> Result<Webhook, Error> {
        let mut body = json!({"name": wanted.name, "targetUrl": wanted.url, "resource": wanted.resource,
            "event": wanted.event, "secret": wanted.secret.expose_secret()});
        if wanted.organisation
            && let Some(body) = body.as_object_mut()
        {
            body.insert("ownedBy".to_owned(), json!("org"));
        }
        let value = self.api.json(&Call::new(Method::POST, ["webhooks"]).json(&body)).await?;
        Webhook::read(&value).ok_or(Error::Unreadable("a webhook without id"))
    }

    /// All webhooks: the organisation's, or this user's.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn webhooks(&self, organisation: bool) -> Result<Vec<Webhook>, Error> {
        let owner = organisation.then(|| std::borrow::Cow::from("org"));
        self.all(Call::get(["webhooks"]).query("ownedBy", owner), Webhook::read).await
    }

    /// Sets a webhook active again, as it was wanted.
    ///
    /// # Errors
    /// [`Error::NotFound`] where it is gone; any other.
    pub async fn revive_webhook(&self, id: &str, wanted: &Wanted) -> Result<Webhook, Error> {
        let body = json!({"name": wanted.name, "targetUrl": wanted.url,
            "secret": wanted.secret.expose_secret(), "status": "active"});
        let value = self.api.json(&Call::new(Method::PUT, ["webhooks", id]).json(&body)).await?;
        Webhook::read(&value).ok_or(Error::Unreadable("a webhook without id"))
    }

    /// Deletes a webhook.
    ///
    /// # Errors
    /// [`Error::NotFound`] where it is gone already; any other.
    pub async fn delete_webhook(&self, id: &str) -> Result<(), Error> {
        self.api.done(&Call::new(Method::DELETE, ["webhooks", id])).await
    }
}
