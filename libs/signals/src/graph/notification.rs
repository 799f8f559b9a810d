//! A batch of change notifications.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{Sealed, meeting};
use crate::json::{self, Look};
use crate::key::Maker;
use crate::verify::mac;
use crate::{About, Event, Kind, Meaning, Private, Provider, Secret, read, verify};

/// A batch as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Its notifications, and in their place why one could not be read.
    pub notifications: Vec<Result<Notification, read::Error>>,
    /// The tokens that vouch for rich notifications: [`super::check_tokens`].
    pub tokens: Vec<Private>,
}

/// One notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// The subscription it came through.
    pub subscription: String,
    /// What we gave the subscription to prove itself with.
    client_state: Option<Private>,
    /// The tenant it is of.
    pub tenant: Option<String>,
    /// `created`, `updated` or `deleted`; or the name of what befell the subscription itself.
    pub change: String,
    /// What changed: a path of Graph.
    pub resource: Option<String>,
    /// When the subscription ends.
    pub expires: Option<DateTime<Utc>>,
    /// Encrypted content, of a rich notification.
    pub sealed: Option<Sealed>,
    /// The notification as it came.
    raw: Value,
}

impl Batch {
    /// Reads a batch.
    ///
    /// # Errors
    /// It is no JSON object with a list named `value`. What is wrong with one notification stands in its place.
    pub fn read(body: &[u8]) -> Result<Self, read::Error> {
        let value = json::object(body)?;
        if !value.at(&["value"]).is_some_and(Value::is_array) {
            return Err(read::Error::Shape("a list of notifications"));
        }
        let notifications = value.items(&["value"]).iter().map(Notification::of).collect();
        let tokens = value.items(&["validationTokens"]).iter();
        Ok(Self { notifications, tokens: tokens.filter_map(|one| one.private(&[])).collect() })
    }
}

impl Notification {
    fn of(value: &Value) -> Result<Self, read::Error> {
        let change = value
            .id_of(&[&["lifecycleEvent"], &["changeType"]])
            .ok_or(read::Error::Missing("changeType"))?;
        Ok(Self {
            subscription: value
                .id(&["subscriptionId"])
                .ok_or(read::Error::Missing("subscriptionId"))?,
            client_state: value.private(&["clientState"]),
            tenant: value.id_of(&[&["tenantId"], &["organizationId"]]),
            change,
            resource: value.id(&["resource"]),
            expires: value.time(&["subscriptionExpirationDateTime"]),
            sealed: value.at(&["encryptedContent"]).and_then(Sealed::read),
            raw: value.clone(),
        })
    }

    /// Checks that it comes from a subscription of ours. `secrets` is what this subscription was given as `clientState`.
    ///
    /// # Errors
    /// It is missing, or another one.
    pub fn check_client_state(&self, secrets: &[Secret]) -> Result<(), verify::Error> {
        let came = self.client_state.as_ref().ok_or(verify::Error::Missing("clientState"))?;
        mac::token(secrets, came.expose().as_bytes())
    }

    /// The event in it. `content` is what [`super::Opener::open`] found inside; without it the event only tells what
    /// changed, to be read through Graph.
    ///
    /// # Errors
    /// The content is no JSON object.
    pub fn event(&self, content: Option<&[u8]>) -> Result<Event, read::Error> {
        match content {
            Some(content) => {
                let mut event = meeting(content)?;
                event.account = self.tenant.clone().or(event.account);
                event.about.subscription = Some(self.subscription.clone());
                Ok(event)
            }
            None => Ok(self.bare()),
        }
    }

    /// The event of a notification without content.
    fn bare(&self) -> Event {
        let lifecycle = self.raw.id(&["lifecycleEvent"]).is_some();
        let data = self.raw.at(&["resourceData"]).unwrap_or(&Value::Null);
        let kind = data.id(&["@odata.type"]).map(|kind| kind.trim_start_matches('#').to_owned());
        let name = if lifecycle {
            self.change.clone()
        } else {
            kind.unwrap_or_else(|| self.change.clone())
        };
        let id = data.id(&["id"]);
        let is = |part: &str| {
            let path = self.resource.as_deref().unwrap_or_default().to_lowercase();
            path.contains(&part.to_lowercase())
        };
        let about = About {
            instance: id.clone().filter(|_| is("callRecords")),
            conference: self.resource.clone().filter(|_| is("onlineMeetings")),
            call: id.clone().filter(|_| is("communications/calls")),
            user: id.clone().filter(|_| self.resource.as_deref().is_some_and(is_user)),
            subscription: Some(self.subscription.clone()),
            ..About::default()
        };
        let etag = data.id(&["@odata.etag"]);
        let sequence = data.int(&["version"]).or_else(|| data.int(&["sequenceNumber"]));
        let key = Maker::new(Provider::Teams, &name)
            .and(&self.subscription)
            .and(&self.change)
            .maybe(self.tenant.as_deref())
            .maybe(self.resource.as_deref())
            .maybe(id.or_else(|| self.raw.id(&["id"])))
            .maybe(etag)
            .number(sequence)
            // Lifecycle notifications have no id; those of one subscription differ in the end they tell.
            .number(self.expires.filter(|_| lifecycle).map(|time| time.timestamp_millis()))
            .done();
        let resource = self.resource.as_deref().map(resource_kind);
        let code = match (lifecycle, resource) {
            (false, Some(resource)) => format!("{resource}.{}", self.change),
            _ => self.change.clone(),
        };
        Event {
            account: self.tenant.clone(),
            at: data.time(&["lastModifiedDateTime"]),
            sequence,
            about,
            meanings: vec![Meaning::of(Provider::Teams, Kind::Event, &code, None)],
            ..Event::new(Provider::Teams, name, key)
        }
    }
}

/// Whether a path is that of a user, and of nothing that is a user's: `Users/{id}`, `/users('{id}')`.
fn is_user(path: &str) -> bool {
    let path = path.trim_matches('/').to_lowercase();
    let rest = path.strip_prefix("users");
    rest.is_some_and(|rest| !rest.trim_start_matches('/').contains('/'))
}

/// The kind of a resource: the last name in its path that is none of an item. `users/{id}/onlineMeetings/{id}/recordings`
/// and `communications/onlineMeetings/getAllRecordings` are of recordings.
fn resource_kind(path: &str) -> &'static str {
    let path = path.to_lowercase();
    let kinds: [(&str, &str); 6] = [
        ("recordings", "recording"),
        ("transcripts", "transcript"),
        ("callrecords", "callRecord"),
        ("communications/calls", "call"),
        ("onlinemeetings", "onlineMeeting"),
        ("users", "user"),
    ];
    kinds.into_iter().find(|(part, _)| path.contains(part)).map_or("resource", |(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{News, Signal};
    use serde_json::json;

    fn batch(value: &Value) -> Batch {
        Batch::read(value.to_string().as_bytes()).unwrap()
    }

    fn one(value: &Value) -> Notification {
        batch(&json!({ "value": [value] })).notifications.remove(0).unwrap()
    }

    #[test]
    fn one_bad_item_does_not_spoil_the_batch() {
        let batch =
            batch(&json!({"value": [17, {"subscriptionId": "s1", "changeType": "created"}, {}],
            "validationTokens": ["a.b.c"]}));
        assert_eq!(batch.notifications.len(), 3);
        assert!(batch.notifications[0].is_err());
        assert!(batch.notifications[1].is_ok());
        assert_eq!(batch.tokens.len(), 1);
        assert!(!format!("{batch:?}").contains("a.b.c"));
    }

    #[test]
    fn a_client_state_of_somebody_else_is_refused() {
        let secrets = [Secret::new("mine").unwrap()];
        let came =
            one(&json!({"subscriptionId": "s", "changeType": "created", "clientState": "mine"}));
        assert_eq!(came.check_client_state(&secrets), Ok(()));
        let other =
            one(&json!({"subscriptionId": "s", "changeType": "created", "clientState": "mines"}));
        assert_eq!(other.check_client_state(&secrets), Err(verify::Error::Mismatch));
        let none =
            one(&json!({"subscriptionId": "s", "changeType": "created", "clientState": null}));
        assert_eq!(none.check_client_state(&secrets), Err(verify::Error::Missing("clientState")));
    }

    #[test]
    fn what_befalls_a_subscription_is_told() {
        let news = |event: &str| {
            let value = json!({"subscriptionId": "s", "lifecycleEvent": event, "clientState": "x",
                "subscriptionExpirationDateTime": "2026-01-01T10:00:00.0000000Z", "organizationId": "t"});
            let notification = one(&value);
            assert_eq!(notification.tenant.as_deref(), Some("t"));
            notification.event(None).unwrap().news().next()
        };
        assert_eq!(news("reauthorizationRequired"), Some(News::SubscriptionEnding));
        assert_eq!(news("subscriptionRemoved"), Some(News::SubscriptionLost));
        assert_eq!(news("missed"), Some(News::SignalsMissed));
    }

    #[test]
    fn a_new_recording_is_told_from_a_changed_call_record() {
        let recording = one(
            &json!({"subscriptionId": "s", "changeType": "created", "tenantId": "t",
            "resource": "communications/onlineMeetings('m')/recordings('r')", "resourceData": {"id": "r"}}),
        );
        let event = recording.event(None).unwrap();
        assert!(event.says(Signal::FilesReady));
        let record = |version: i64| {
            let value = json!({"subscriptionId": "s", "changeType": "updated", "tenantId": "t",
                "resource": "communications/callRecords/c1", "resourceData": {"id": "c1", "version": version,
                "@odata.type": "#microsoft.graph.callrecord"}});
            one(&value).event(None).unwrap()
        };
        assert_eq!(record(2).about.instance.as_deref(), Some("c1"));
        assert_eq!(record(2).sequence, Some(2));
        assert_ne!(record(2).key, record(3).key);
    }

    #[test]
    fn a_user_who_changed_is_named() {
        let user = |resource: &str| {
            let value = json!({"subscriptionId": "s", "changeType": "updated", "tenantId": "t",
                "resource": resource, "resourceData": {"id": "u1"}});
            let event = one(&value).event(None).unwrap();
            (event.about.user.clone(), event.tells(News::SettingsChanged))
        };
        for resource in ["Users/u1", "/users/u1", "users('u1')"] {
            assert_eq!(user(resource), (Some("u1".to_owned()), true), "{resource}");
        }
        assert_eq!(user("users/u1/onlineMeetings/m1").0, None, "a meeting is no user");
    }

    #[test]
    fn what_is_no_batch_is_refused() {
        assert_eq!(Batch::read(b"{}"), Err(read::Error::Shape("a list of notifications")));
    }
}
