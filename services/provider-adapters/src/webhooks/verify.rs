//! Whether a delivery is believed, and what of it is kept.

use axum::http::HeaderMap;
use chrono::{DateTime, Utc};
use serde_json::Value;
use signals::verify::Error;
use signals::verify::jwt::Keys;
use signals::{
    Delivery, Event, News, Provider, Reply, aircall, attendee, dialer, graph, meet, recall, redact,
    ringcentral, telnyx, twilio, vonage, webex, zoom,
};
use tracing::warn;

use crate::connections::{Connection, Proof};
use crate::inbox::read;
use crate::journal::{Parcel, key};

/// Bytes that are kept of what is believed and cannot be read.
const UNREADABLE: usize = 16 * 1024;

/// A request.
#[derive(Debug)]
pub(super) struct Delivered<'a> {
    pub(super) headers: &'a HeaderMap,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) body: &'a [u8],
    /// How the outside calls this place.
    pub(super) public_url: &'a str,
    pub(super) now: DateTime<Utc>,
}

/// What is to be done with it.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It is a question; this answers it.
    Reply(Reply),
    /// It is believed. Several where one request brings what belongs to several, and why some of it could not be checked:
    /// that has to come again.
    Keep(Vec<Parcel>, Option<Error>),
    /// It is believed, and not for us.
    Unwanted,
    /// It was signed too long ago: a replay, or a retry that comes too late to be of use.
    Stale,
    /// It is not believed.
    Forged(Error),
    /// It could not be checked.
    Ours(Error),
}

impl From<Error> for Verdict {
    fn from(error: Error) -> Self {
        if matches!(error, Error::TooOld { .. }) {
            Self::Stale
        } else if error.is_ours() || matches!(error, Error::TooNew { .. }) {
            // Nobody else can sign: where it is too new the clocks differ, and they are ours to mend.
            Self::Ours(error)
        } else {
            Self::Forged(error)
        }
    }
}

/// Checks a delivery.
pub(super) fn judge(connection: &Connection, delivered: &Delivered<'_>) -> Verdict {
    let keys = connection.proof.keys.now();
    if connection.provider == Provider::Teams {
        return graph(connection, &keys, delivered).unwrap_or_else(Verdict::from);
    }
    match believe(connection.provider, &connection.proof, &keys, delivered) {
        Ok(Delivery::Handshake(reply)) => Verdict::Reply(reply),
        Ok(Delivery::Event) => keep(connection, delivered),
        Err(error) => error.into(),
    }
}

/// Checks what is signed as a whole.
fn believe(
    provider: Provider,
    proof: &Proof,
    keys: &Keys,
    delivered: &Delivered<'_>,
) -> Result<Delivery, Error> {
    let Delivered { headers, body, now, .. } = *delivered;
    let (secrets, tolerance) = (&proof.secrets, proof.tolerance);
    match provider {
        Provider::Zoom => return zoom::receive(headers, body, secrets, tolerance, now),
        Provider::RingCentral => return ringcentral::receive(headers, body, secrets),
        Provider::Webex => webex::verify(headers, body, secrets)?,
        Provider::Twilio => {
            let query = if delivered.query.is_empty() { "" } else { "?" };
            let base = delivered.public_url.trim_end_matches('/');
            let url = format!("{base}{}{query}{}", delivered.path, delivered.query);
            if delivered.query.contains("bodySHA256=") {
                twilio::verify_json(headers, &url, body, secrets)?;
            } else {
                twilio::verify_form(headers, &url, body, secrets)?;
            }
        }
        Provider::Aircall => aircall::verify(body, secrets)?,
        Provider::Vonage => vonage::verify(headers, body, secrets, tolerance, now)?,
        Provider::Telnyx => telnyx::verify(headers, body, &proof.public, tolerance, now)?,
        Provider::Dialer => dialer::verify(headers, body, secrets, tolerance, now)?,
        Provider::Recall => drop(recall::verify(headers, body, secrets, tolerance, now)?),
        Provider::Attendee => attendee::verify(headers, body, secrets)?,
        Provider::GoogleMeet => {
            let audiences: Vec<&str> = proof.audiences.iter().map(String::as_str).collect();
            if audiences.is_empty() {
                return Err(Error::NoSecret);
            }
            meet::verify(headers, keys, &audiences, &proof.sender, now)?;
            proof.keys.note(false);
        }
        Provider::Teams | Provider::ZoomPhone | Provider::Sip => return Err(Error::NoSecret),
    }
    Ok(Delivery::Event)
}

/// What is kept of a delivery that is believed: under the keys of its events, or its bytes where it has none.
fn keep(connection: &Connection, delivered: &Delivered<'_>) -> Verdict {
    let events = read::events(connection.provider, delivered.body, None);
    let parcel = |name, body| Parcel {
        connection: connection.name.clone(),
        company: connection.company.clone(),
        name,
        body,
        content: None,
        received: delivered.now,
    };
    let Ok(events) = events else {
        let body = delivered.body.get(..UNREADABLE).unwrap_or(delivered.body);
        let name = key::bytes(&connection.name, delivered.body);
        return Verdict::Keep(vec![parcel(name, body.to_vec())], None);
    };
    if events.iter().all(|event| is_foreign(connection, event)) {
        return Verdict::Unwanted;
    }
    let name = name(connection, &events);
    let form = connection.provider == Provider::Twilio;
    let body = match redact::secrets(delivered.body) {
        Ok(body) => body.into_bytes(),
        // A form, which has none.
        Err(_) if form => delivered.body.to_vec(),
        Err(_) => Vec::new(),
    };
    Verdict::Keep(vec![parcel(name, body)], None)
}

/// Whether an event is of an account that is not the company's.
fn is_foreign(connection: &Connection, event: &Event) -> bool {
    let own = &connection.own;
    !own.is_empty() && event.account.as_ref().is_some_and(|account| !own.contains(account))
}

fn name(connection: &Connection, events: &[Event]) -> String {
    let mut keys: Vec<&str> = events.iter().map(|event| event.key.as_str()).collect();
    keys.sort_unstable();
    keys.dedup();
    key::webhook(&connection.name, &keys)
}

/// The name of a notification of Graph. Of what it has missed it tells nothing that sets one time apart from the next: those
/// of one minute are one.
fn name_of(connection: &Connection, event: &Event, now: DateTime<Utc>) -> String {
    let minute = event.tells(News::SignalsMissed).then(|| (now.timestamp() / 60).to_string());
    let keys: Vec<&str> = [event.key.as_str()].into_iter().chain(minute.as_deref()).collect();
    key::webhook(&connection.name, &keys)
}

/// Checks a batch of Graph: each notification by itself, so that a bad one spoils no other.
fn graph(
    connection: &Connection,
    keys: &Keys,
    delivered: &Delivered<'_>,
) -> Result<Verdict, Error> {
    if let Some(reply) = graph::handshake(delivered.query)? {
        return Ok(Verdict::Reply(reply));
    }
    let proof = &connection.proof;
    if proof.secrets.is_empty() {
        return Err(Error::NoSecret);
    }
    let batch = graph::Batch::read(delivered.body).map_err(|_| Error::Body("value"))?;
    let whole: Value = serde_json::from_slice(delivered.body).map_err(|_| Error::Body("json"))?;
    let items = whole.get("value").and_then(Value::as_array).map(Vec::as_slice);
    let mut tenants = None;
    let mut parcels = Vec::new();
    let (mut problem, mut ours) = (None, None);
    for (read, raw) in batch.notifications.iter().zip(items.unwrap_or_default()) {
        let Ok(notification) = read else { continue };
        let checked = notification.check_client_state(&proof.secrets).and_then(|()| {
            let Some(sealed) = &notification.sealed else { return Ok(None) };
            // Vouched for once for the batch, and only where something in it needs it.
            let vouched = tenants.get_or_insert_with(|| {
                let audiences: Vec<&str> = proof.audiences.iter().map(String::as_str).collect();
                let tenants = graph::check_tokens(&batch.tokens, keys, &audiences, delivered.now);
                if tenants.is_ok() {
                    proof.keys.note(false);
                }
                tenants
            });
            let tenants = vouched.as_ref().map_err(Clone::clone)?;
            if !notification.tenant.as_ref().is_some_and(|tenant| tenants.contains(tenant)) {
                return Err(Error::Claim("tid"));
            }
            match graph::Opener::open(&proof.openers, sealed) {
                Ok(content) => Ok(Some(content)),
                // Encrypted to a certificate that was taken out of the settings since its subscription was made: it cannot
                // be opened next time either. That something changed is known without what is inside.
                Err(Error::UnknownKey) => {
                    let certificate = sealed.certificate.as_deref();
                    warn!(connection = connection.name, certificate, "content cannot be opened");
                    Ok(None)
                }
                Err(error) => Err(error),
            }
        });
        let content = match checked {
            Ok(content) => content,
            Err(error) if error.is_ours() => {
                ours = Some(error);
                continue;
            }
            Err(error) => {
                problem = Some(error);
                continue;
            }
        };
        let Ok(event) = notification.event(content.as_deref()) else { continue };
        if is_foreign(connection, &event) {
            continue;
        }
        let one = serde_json::json!({ "value": [raw] }).to_string();
        let Ok(body) = redact::secrets(one.as_bytes()) else { continue };
        parcels.push(Parcel {
            connection: connection.name.clone(),
            company: connection.company.clone(),
            name: name_of(connection, &event, delivered.now),
            body: body.into_bytes(),
            content,
            received: delivered.now,
        });
    }
    if problem.is_some() && !parcels.is_empty() {
        connection.refuse();
    }
    match (ours, problem) {
        (Some(error), _) | (None, Some(error)) if parcels.is_empty() => Err(error),
        (None, None) if parcels.is_empty() => Ok(Verdict::Unwanted),
        (ours, _) => Ok(Verdict::Keep(parcels, ours)),
    }
}
