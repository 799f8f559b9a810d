//! Subscriptions to what happens.

use ::http::Method;
use chrono::{DateTime, SecondsFormat, Utc};
use data_encoding::BASE64;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::Client;
use crate::{Call, Error, Look, Private};

/// A subscription that is wanted.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// What to hear of: a path of Graph, as `communications/callRecords`.
    pub resource: String,
    /// `created`, `updated`, `deleted`, one or several with commas.
    pub changes: String,
    /// Where notifications go.
    pub url: String,
    /// Where what befalls the subscription goes. It cannot be added later, and what lives longer than an hour needs it.
    pub lifecycle_url: Option<String>,
    /// What every notification proves itself with, at most 128 letters.
    pub client_state: SecretString,
    /// How long it holds, at most three days for meetings and records of calls.
    pub expires: DateTime<Utc>,
    /// What content is to be encrypted to, where content is wanted.
    pub certificate: Option<Certificate>,
}

/// A certificate for encrypted content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Our own name of it, which comes back with what is encrypted to it.
    pub id: String,
    /// The certificate in DER.
    pub der: Vec<u8>,
}

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Graph's id of it.
    pub id: String,
    /// What it is to.
    pub resource: Option<String>,
    /// Which changes.
    pub changes: Option<String>,
    /// Where notifications go.
    pub url: Option<Private>,
    /// Where what befalls it goes.
    pub lifecycle_url: Option<Private>,
    /// How long it holds.
    pub expires: Option<DateTime<Utc>>,
    /// What content is encrypted to.
    pub certificate: Option<String>,
}

impl Subscription {
    /// Reads a subscription; none without an id.
    #[must_use]
    pub fn read(value: &Value) -> Option<Self> {
        Some(Self {
            id: value.id(&["id"])?,
            resource: value.id(&["resource"]),
            changes: value.id(&["changeType"]),
            url: value.private(&["notificationUrl"]),
            lifecycle_url: value.private(&["lifecycleNotificationUrl"]),
            expires: value.time(&["expirationDateTime"]),
            certificate: value.id(&["encryptionCertificateId"]),
        })
    }
}

impl Client {
    /// Subscribes. Before it answers, Graph asks both addresses whether they are ours.
    ///
    /// # Errors
    /// [`Error::Refused`] where an address did not answer as it should; any other.
    pub async fn subscribe(&self, wanted: &Wanted) -> Result<Subscription, Error> {
        let mut body = json!({
            "resource": wanted.resource, "changeType": wanted.changes, "notificationUrl": wanted.url,
            "clientState": wanted.client_state.expose_secret(), "expirationDateTime": instant(wanted.expires),
        });
        if let Some(url) = &wanted.lifecycle_url {
            put(&mut body, "lifecycleNotificationUrl", json!(url));
        }
        if let Some(certificate) = &wanted.certificate {
            put(&mut body, "includeResourceData", json!(true));
            put(&mut body, "encryptionCertificate", json!(BASE64.encode(&certificate.der)));
            put(&mut body, "encryptionCertificateId", json!(certificate.id));
        }
        let call = Call::new(Method::POST, ["subscriptions"]).json(&body);
        let value = self.api.json(&call).await?;
        Subscription::read(&value).ok_or(Error::Unreadable("a subscription without id"))
    }

    /// Lets a subscription hold longer, which also answers that it wants to be confirmed.
    ///
    /// # Errors
    /// [`Error::NotFound`] where it is gone; any other.
    pub async fn renew(&self, id: &str, expires: DateTime<Utc>) -> Result<Subscription, Error> {
        let call = Call::new(Method::PATCH, ["subscriptions", id])
            .json(&json!({"expirationDateTime": instant(expires)}));
        let value = self.api.json(&call).await?;
        Subscription::read(&value).ok_or(Error::Unreadable("a subscription without id"))
    }

    /// Confirms a subscription without letting it hold longer.
    ///
    /// # Errors
    /// [`Error::NotFound`] where it is gone; any other.
    pub async fn reauthorize(&self, id: &str) -> Result<(), Error> {
        self.api.done(&Call::new(Method::POST, ["subscriptions", id, "reauthorize"])).await
    }

    /// Ends a subscription.
    ///
    /// # Errors
    /// [`Error::NotFound`] where it is gone; any other.
    pub async fn unsubscribe(&self, id: &str) -> Result<(), Error> {
        self.api.done(&Call::new(Method::DELETE, ["subscriptions", id])).await
    }

    /// All subscriptions of the application in this tenant.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn subscriptions(&self) -> Result<Vec<Subscription>, Error> {
        self.all(Call::get(["subscriptions"]), Subscription::read).await
    }
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn put(body: &mut Value, key: &str, value: Value) {
    if let Some(body) = body.as_object_mut() {
        body.insert(key.to_owned(), value);
    }
}
