//! Microsoft Graph: one tenant with meetings of Teams, subscriptions, and notifications about both.
//!
//! A test moves it: [`Graph::call`], [`Graph::change_user`], [`Graph::record`], [`Graph::write_call_record`], [`Graph::lifecycle`]; what is to be
//! told waits until [`Graph::flush`] sends it, in one batch per address. Documented: tokens, the handshake with
//! `validationToken` at both addresses, subscriptions with their rules (a second address for what lives longer than an
//! hour, a certificate for content, three days at most), plain and encrypted notifications, the tokens that vouch for the
//! latter and the keys they are signed with, what befalls subscriptions, records of calls written several times.
//!
//! A guess: the words of most errors, that a subscription is silent from the moment it wants to be confirmed, and that
//! its end removes it. Of a certificate only the public key is taken; whether it is a good one is not looked at.

mod rest;
pub(crate) mod seal;
mod state;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use http::HeaderMap;
use serde_json::{Value, json};
use url::Url;

use crate::{Clock, Faults, Log, Manner, Notice, Outbox, Random, Sender, Server, Sign};
use seal::Issuer;
use state::{Meeting, State, Subscription};

/// What the tenant and the application are called.
#[derive(Debug, Clone)]
pub struct Options {
    /// The tenant.
    pub tenant: String,
    /// The application.
    pub application: String,
    /// The application's secret.
    pub secret: String,
    /// What time it is.
    pub clock: Clock,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            tenant: "84bd8158-0000-4000-8000-9d6445542f95".into(),
            application: "24d3b144-0000-4000-8000-7067b395b913".into(),
            secret: "acme-secret".into(),
            clock: Clock::system(),
        }
    }
}

/// Graph on a loopback port. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Graph {
    server: Arc<Server>,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    options: Options,
    state: Mutex<State>,
    issuer: &'static Issuer,
    client: reqwest::Client,
}

/// Graph signs nothing about a request.
#[derive(Debug)]
struct Unsigned;

impl Sign for Unsigned {
    fn headers(&self, _: &Url, _: &[u8], _: DateTime<Utc>) -> HeaderMap {
        HeaderMap::new()
    }
}

/// Graph's manner: three seconds, content with success, and again for up to four hours.
#[must_use]
pub fn manner() -> Manner {
    Manner {
        timeout: Duration::from_secs(3),
        waits: [10, 60, 600, 3600, 10_000].map(Duration::from_secs).to_vec(),
        content: |status| (200..300).contains(&status),
        retries: |status| !(200..300).contains(&status),
        signs_anew: false,
    }
}

impl Graph {
    /// A tenant without meetings.
    pub async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    /// A tenant of one's own choice without meetings.
    ///
    /// # Panics
    /// No client can be made.
    pub async fn start_with(options: Options) -> Self {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let state = Mutex::new(State { random: Random::new(3), page: 20, ..State::default() });
        let inner = Arc::new(Inner { options, state, issuer: Issuer::get(), client });
        let server = Arc::new(Server::start(rest::routes(Arc::clone(&inner))).await);
        Self { server, inner }
    }

    /// What the paths of the API begin with.
    #[must_use]
    pub fn api_url(&self) -> String {
        self.server.url("/v1.0")
    }

    /// Where tokens come from.
    #[must_use]
    pub fn login_url(&self) -> String {
        self.server.url("")
    }

    /// The keys the tokens of notifications are signed with, as a JWKS document; also at `/common/discovery/v2.0/keys`.
    #[must_use]
    pub fn keys(&self) -> Value {
        self.inner.issuer.keys()
    }

    /// A token that vouches for a batch now.
    #[must_use]
    pub fn vouch(&self) -> String {
        self.inner.issuer.token(&self.inner.options, self.inner.options.clock.now())
    }

    /// What it is called.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.inner.options
    }

    /// What goes wrong with it.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        self.server.faults()
    }

    /// What it was asked.
    #[must_use]
    pub fn log(&self) -> &Log {
        self.server.log()
    }

    /// All tokens lapse at once.
    pub fn expire_tokens(&self) {
        self.inner.state().tokens.clear();
    }

    /// How many things stand on a page, at most.
    pub fn page(&self, things: usize) {
        self.inner.state().page = things.max(1);
    }

    /// The ids of the subscriptions that hold.
    #[must_use]
    pub fn subscriptions(&self) -> Vec<String> {
        let mut state = self.inner.state();
        state.prune(self.inner.now());
        state.subscriptions.iter().map(|one| one.id.clone()).collect()
    }

    /// What a subscription is to, and what it was made with: its resource, both addresses, its state and its end.
    ///
    /// # Panics
    /// There is no such subscription.
    #[must_use]
    pub fn subscription(&self, id: &str) -> Value {
        let state = self.inner.state();
        let one = state.subscriptions.iter().find(|one| one.id == id).expect("a subscription");
        json!({"resource": one.resource, "changes": one.changes, "url": one.url,
            "lifecycle_url": one.lifecycle_url, "state": one.client_state, "expires": one.expires,
            "certificate": one.certificate.as_ref().map(|(id, _)| id)})
    }

    /// A subscription is gone, without a word.
    pub fn forget_subscription(&self, id: &str) {
        self.inner.state().subscriptions.retain(|one| one.id != id);
    }

    /// A user has a meeting. Its id is returned.
    pub fn add_meeting(&self, user: &str, join_url: &str) -> String {
        let mut state = self.inner.state();
        let id = format!("MSp{}*{}=", state.random.text(12), state.random.text(8));
        let (user, join_url) = (user.to_owned(), join_url.to_owned());
        let (start, recordings) = (self.inner.now(), Vec::new());
        state.meetings.push(Meeting { id: id.clone(), user, join_url, start, recordings });
        id
    }

    /// There is a user, of this id and address.
    pub fn add_user(&self, id: &str, address: &str) {
        self.inner.state().users.push((id.to_owned(), address.to_owned()));
    }

    /// A user changes: `updated`, or is `deleted`.
    pub fn change_user(&self, id: &str, change: &str) {
        let resource = format!("Users/{id}");
        let data = json!({"id": id, "@odata.type": "#Microsoft.Graph.User", "@odata.id": resource});
        let listening = |path: &str| path.trim_matches('/') == "users";
        self.inner.tell(change, &resource, &data, listening);
    }

    /// Something happens in the call of a meeting: `CallStarted`, `CallEnded`, or `CallRosterUpdate` with whoever joined
    /// and left.
    ///
    /// # Panics
    /// There is no such meeting.
    pub fn call(&self, meeting: &str, event: &str, joined: &[&str], left: &[&str]) {
        let people = |ids: &[&str]| -> Value {
            let one = |id: &&str| {
                json!({"id": "User", "identity": {"User": {"Id": id, "DisplayName": "Ada Example",
                    "TenantId": self.inner.options.tenant}}})
            };
            ids.iter().map(one).collect()
        };
        let url = self.inner.state().meeting(meeting).expect("a meeting").join_url.clone();
        let resource = format!("communications/onlineMeetings?$filter=joinWebUrl+eq+'{url}'");
        let mut data = json!({
            "@odata.type": "#Microsoft.Graph.onlineMeeting", "@odata.id": resource, "id": resource,
            "eventType": format!("Microsoft.Communication.{event}"), "eventDateTime": stamp(self.inner.now()),
            "state": if event == "CallEnded" { "inactive" } else { "active" },
        });
        if event == "CallRosterUpdate" {
            data["activeParticipants@joined"] = people(joined);
            data["activeParticipants@exited"] = people(left);
        }
        let wanted = url.to_lowercase();
        self.inner.tell("updated", &resource, &data, |path| path.contains(&wanted));
    }

    /// A recording of a meeting is ready. Its id is returned.
    ///
    /// # Panics
    /// There is no such meeting.
    pub fn record(&self, meeting: &str, file: Bytes) -> String {
        let (id, resource, data) = {
            let mut state = self.inner.state();
            let id = state.uuid();
            let one = state.meeting_mut(meeting).expect("a meeting");
            one.recordings.push((id.clone(), self.inner.now(), file));
            let path =
                format!("users('{}')/onlineMeetings('{meeting}')/recordings('{id}')", one.user);
            let data = json!({"id": id, "@odata.type": "#Microsoft.Graph.callRecording", "@odata.id": path});
            (id, path, data)
        };
        let wanted = format!("onlinemeetings/{}/recordings", meeting.to_lowercase());
        self.inner.tell("created", &resource, &data, |path| {
            path.contains("getallrecordings") || path.contains(&wanted)
        });
        id
    }

    /// The record of a call is written, for the first time or again: then its version is greater. Its id is returned.
    ///
    /// # Panics
    /// There is no such meeting.
    pub fn write_call_record(&self, meeting: &str) -> String {
        let (resource, change, id, version) = {
            let mut state = self.inner.state();
            assert!(state.meeting(meeting).is_some(), "a meeting");
            let fresh = state.uuid();
            let (id, version) = state.records.entry(meeting.to_owned()).or_insert((fresh, 0));
            *version += 1;
            let change = if *version == 1 { "created" } else { "updated" };
            (format!("communications/callRecords/{id}"), change, id.clone(), *version)
        };
        let data = json!({"id": id, "version": version, "@odata.type": "#microsoft.graph.callrecord",
            "@odata.id": resource, "@odata.etag": format!("W/\"{version}\"")});
        self.inner
            .tell(change, &resource, &data, |path| path.contains("communications/callrecords"));
        id
    }

    /// Something befalls a subscription: `reauthorizationRequired`, `subscriptionRemoved`, `missed`. It is told at its
    /// second address, if it has one.
    ///
    /// # Panics
    /// There is no such subscription.
    pub fn lifecycle(&self, subscription: &str, event: &str) {
        let mut state = self.inner.state();
        let place = state.subscriptions.iter().position(|one| one.id == subscription);
        let place = place.expect("a subscription");
        state.subscriptions[place].asleep |= event == "reauthorizationRequired";
        let one = state.subscriptions[place].clone();
        if event == "subscriptionRemoved" {
            state.subscriptions.remove(place);
        }
        if let Some(url) = &one.lifecycle_url {
            let told = json!({"lifecycleEvent": event, "subscriptionId": one.id, "clientState": one.client_state,
                "subscriptionExpirationDateTime": stamp(one.expires), "organizationId": self.inner.options.tenant});
            state.waiting.entry(url.clone()).or_default().push((told, false));
        }
    }

    /// Sends what is to be told: a batch per address, to everybody at once.
    pub fn flush(&self) {
        let mut state = self.inner.state();
        for (url, items) in std::mem::take(&mut state.waiting) {
            let rich = items.iter().any(|(_, rich)| *rich);
            let items: Vec<Value> = items.into_iter().map(|(item, _)| item).collect();
            let mut body = json!({ "value": items });
            if rich {
                let token = self.inner.issuer.token(&self.inner.options, self.inner.now());
                body["validationTokens"] = json!([token]);
            }
            self.inner.outbox(&mut state, &url).send(Notice::json("notifications", &body));
        }
    }

    /// What goes to an address, on its way.
    #[must_use]
    pub fn outbox(&self, url: &str) -> Outbox {
        self.inner.outbox(&mut self.inner.state(), url)
    }

    /// Sends what is to be told, and waits until all of it arrived or was given up.
    pub async fn settled(&self) {
        self.flush();
        let all: Vec<Outbox> = self.inner.state().outboxes.values().cloned().collect();
        for one in all {
            one.settled().await;
        }
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> DateTime<Utc> {
        self.options.clock.now()
    }

    fn outbox(&self, state: &mut State, url: &str) -> Outbox {
        let outboxes: &mut BTreeMap<String, Outbox> = &mut state.outboxes;
        let make = || {
            let outbox = Outbox::new();
            let manner = manner().faster(10_000);
            outbox.subscribe(Sender::new(
                url,
                Arc::new(Unsigned),
                manner,
                self.options.clock.clone(),
            ));
            outbox
        };
        outboxes.entry(url.to_owned()).or_insert_with(make).clone()
    }

    /// Tells all who subscribed to it.
    fn tell(&self, change: &str, resource: &str, data: &Value, wanted: impl Fn(&str) -> bool) {
        let now = self.now();
        let mut state = self.state();
        state.prune(now);
        let listening = |one: &&Subscription| {
            let path = one.resource.replace('+', " ").to_lowercase();
            !one.asleep && wanted(&path) && one.changes.split(',').any(|one| one.trim() == change)
        };
        let all: Vec<Subscription> =
            state.subscriptions.iter().filter(listening).cloned().collect();
        for one in all {
            let mut item = json!({"subscriptionId": one.id, "clientState": one.client_state, "changeType": change,
                "resource": resource, "tenantId": self.options.tenant,
                "subscriptionExpirationDateTime": stamp(one.expires), "resourceData": data});
            let rich = one.certificate.is_some();
            if let Some((id, key)) = &one.certificate {
                item["resourceData"] =
                    json!({"id": data["id"], "@odata.type": data["@odata.type"]});
                item["encryptedContent"] = seal::sealed(key, id, data.to_string().as_bytes());
            }
            state.waiting.entry(one.url.clone()).or_default().push((item, rich));
        }
    }
}

/// An instant as Graph writes it: seven digits after the point.
fn stamp(at: DateTime<Utc>) -> String {
    let text = at.to_rfc3339_opts(SecondsFormat::Micros, true);
    text.replace('Z', "0Z")
}
