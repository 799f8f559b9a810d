//! Graph's API, and where tokens come from.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, Query, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post};
use axum::{Json, Router};
use chrono::{DateTime, TimeDelta, Utc};
use data_encoding::BASE64;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};
use url::Url;

use super::state::Subscription;
use super::{Inner, seal, stamp};
use crate::Reply;

/// How long a token lives, in seconds.
const LIFETIME: i64 = 3599;

type From = State<Arc<Inner>>;

pub(super) fn routes(inner: Arc<Inner>) -> Router {
    let api = Router::new()
        .route("/subscriptions", get(list).post(create))
        .route("/subscriptions/{id}", patch(renew).delete(remove))
        .route("/subscriptions/{id}/reauthorize", post(reauthorize))
        .route("/users/{user}", get(user))
        .route("/users/{user}/onlineMeetings", get(meetings))
        .route("/users/{user}/onlineMeetings/{meeting}/recordings", get(recordings))
        .route("/users/{user}/onlineMeetings/{meeting}/recordings/{id}/content", get(content))
        .route("/communications/callRecords/{id}", get(call_record))
        .layer(from_fn_with_state(Arc::clone(&inner), admit));
    Router::new()
        .nest("/v1.0", api)
        .route("/{tenant}/oauth2/v2.0/token", post(token))
        .route("/common/discovery/v2.0/keys", get(keys))
        .with_state(inner)
}

async fn admit(State(inner): From, request: Request, next: Next) -> Response {
    let given = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = given.and_then(|given| given.strip_prefix("Bearer "));
    let now = inner.now();
    let until = token.and_then(|token| inner.state().tokens.get(token).copied());
    if until.is_some_and(|until| until > now) {
        return next.run(request).await;
    }
    error(401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired.")
        .into_response()
}

async fn token(State(inner): From, Path(tenant): Path<String>, body: String) -> Reply {
    let form: BTreeMap<String, String> =
        url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let is = |key: &str, wanted: &str| form.get(key).is_some_and(|value| value == wanted);
    let refuse = |status, code: &str, words: &str| {
        Reply::json(status, &json!({"error": code, "error_description": words}))
    };
    let options = &inner.options;
    if tenant != options.tenant {
        return refuse(400, "invalid_request", "AADSTS90002: Tenant not found.");
    }
    if !is("client_id", &options.application) {
        return refuse(400, "unauthorized_client", "AADSTS700016: Application was not found.");
    }
    if !is("client_secret", &options.secret) {
        return refuse(401, "invalid_client", "AADSTS7000215: Invalid client secret provided.");
    }
    if !is("grant_type", "client_credentials")
        || !form.get("scope").is_some_and(|scope| scope.ends_with("/.default"))
    {
        return refuse(400, "invalid_scope", "AADSTS1002012: The scope is not valid.");
    }
    let now = inner.now();
    let mut state = inner.state();
    let token = format!("eyJ0eXAi{}", state.random.text(60));
    state.tokens.insert(token.clone(), now + TimeDelta::seconds(LIFETIME));
    Reply::json(
        200,
        &json!({"token_type": "Bearer", "expires_in": LIFETIME, "access_token": token}),
    )
}

async fn keys(State(inner): From) -> Json<Value> {
    Json(inner.issuer.keys())
}

async fn create(State(inner): From, Json(wanted): Json<Value>) -> Reply {
    let text = |key: &str| wanted[key].as_str().map(str::to_owned);
    let invalid = |words: &str| error(400, "InvalidRequest", words);
    let (Some(resource), Some(changes), Some(url)) =
        (text("resource"), text("changeType"), text("notificationUrl"))
    else {
        return invalid("resource, changeType and notificationUrl are required.");
    };
    let lifecycle_url = text("lifecycleNotificationUrl");
    let now = inner.now();
    let Some(expires) = time(&wanted["expirationDateTime"]).filter(|at| *at > now) else {
        return invalid("Subscription expiration can only be in the future.");
    };
    if expires - now > TimeDelta::days(3) {
        return invalid("Subscription expiration can only be 4320 minutes in the future.");
    }
    if expires - now > TimeDelta::hours(1) && lifecycle_url.is_none() {
        return invalid("lifecycleNotificationUrl is a required property for this resource.");
    }
    if text("clientState").is_some_and(|state| state.len() > 128) {
        return invalid("clientState must not be longer than 128 characters.");
    }
    let certificate = if wanted["includeResourceData"] == true {
        let der =
            text("encryptionCertificate").and_then(|text| BASE64.decode(text.as_bytes()).ok());
        let key = der.as_deref().and_then(seal::public_key);
        match (text("encryptionCertificateId"), key) {
            (Some(id), Some(key)) => Some((id, key)),
            _ => return invalid("Certificate validation error: no public key was found."),
        }
    } else {
        None
    };
    for url in [Some(&url), lifecycle_url.as_ref()].into_iter().flatten() {
        if !inner.validate(url).await {
            let words = "Subscription validation request failed. Response must exactly match validationToken query \
                         parameter.";
            return error(400, "ValidationError", words);
        }
    }
    let mut state = inner.state();
    let one = Subscription {
        id: state.uuid(),
        resource,
        changes,
        url,
        lifecycle_url,
        client_state: text("clientState"),
        expires,
        certificate,
        asleep: false,
    };
    let reply = Reply::json(201, &shown(&one));
    state.subscriptions.push(one);
    reply
}

async fn list(State(inner): From, Query(asked): Query<BTreeMap<String, String>>) -> Reply {
    let mut state = inner.state();
    state.prune(inner.now());
    let all: Vec<Value> = state.subscriptions.iter().map(shown).collect();
    page(&all, &asked, state.page)
}

async fn renew(State(inner): From, Path(id): Path<String>, Json(change): Json<Value>) -> Reply {
    let now = inner.now();
    let mut state = inner.state();
    state.prune(now);
    let Some(one) = state.subscriptions.iter_mut().find(|one| one.id == id) else {
        return missing();
    };
    let until = time(&change["expirationDateTime"]);
    let Some(until) = until.filter(|at| *at > now && *at - now <= TimeDelta::days(3)) else {
        return error(400, "InvalidRequest", "Subscription expiration is out of range.");
    };
    (one.expires, one.asleep) = (until, false);
    Reply::json(200, &shown(one))
}

async fn reauthorize(State(inner): From, Path(id): Path<String>) -> Reply {
    let mut state = inner.state();
    state.prune(inner.now());
    match state.subscriptions.iter_mut().find(|one| one.id == id) {
        Some(one) => {
            one.asleep = false;
            Reply::status(204)
        }
        None => missing(),
    }
}

async fn remove(State(inner): From, Path(id): Path<String>) -> Reply {
    let mut state = inner.state();
    state.prune(inner.now());
    let before = state.subscriptions.len();
    state.subscriptions.retain(|one| one.id != id);
    if state.subscriptions.len() < before { Reply::status(204) } else { missing() }
}

async fn user(State(inner): From, Path(id): Path<String>) -> Reply {
    let state = inner.state();
    let found = state.users.iter().find(|(user, _)| *user == id);
    found.map_or_else(missing, |(id, address)| {
        Reply::json(200, &json!({"id": id, "mail": null, "userPrincipalName": address}))
    })
}

async fn meetings(
    State(inner): From,
    Path(user): Path<String>,
    Query(asked): Query<BTreeMap<String, String>>,
) -> Reply {
    let filter = asked.get("$filter").map(String::as_str).unwrap_or_default();
    let quoted = filter.strip_prefix("JoinWebUrl eq '").and_then(|rest| rest.strip_suffix('\''));
    // A quote inside the text is to be doubled (OData 4.01).
    let whole = quoted.filter(|url| !url.replace("''", "").contains('\''));
    let Some(url) = whole.map(|url| url.replace("''", "'")) else {
        return error(400, "BadRequest", "A filter by JoinWebUrl is required.");
    };
    let state = inner.state();
    let found = state.meetings.iter().filter(|one| one.user == user && one.join_url == url);
    let all: Vec<Value> = found
        .map(|one| {
            json!({"id": one.id, "joinWebUrl": one.join_url, "subject": null, "startDateTime": stamp(one.start),
                "recordAutomatically": false, "lobbyBypassSettings": {"scope": "organization"},
                "participants": {"attendees": [], "organizer": {"identity": {"user": {"id": one.user,
                    "tenantId": inner.options.tenant}}}}})
        })
        .collect();
    page(&all, &asked, state.page)
}

async fn recordings(
    State(inner): From,
    Path((user, id)): Path<(String, String)>,
    Query(asked): Query<BTreeMap<String, String>>,
) -> Reply {
    let state = inner.state();
    let Some(meeting) = state.meeting(&id).filter(|one| one.user == user) else { return missing() };
    let one = |(recording, at, _): &(String, DateTime<Utc>, bytes::Bytes)| {
        json!({"id": recording, "meetingId": id, "createdDateTime": stamp(*at),
            "meetingOrganizer": {"application": null, "user": {"id": user, "tenantId": inner.options.tenant}}})
    };
    let all: Vec<Value> = meeting.recordings.iter().map(one).collect();
    page(&all, &asked, state.page)
}

async fn content(
    State(inner): From,
    Path((user, meeting, id)): Path<(String, String, String)>,
) -> Reply {
    let state = inner.state();
    let meeting = state.meeting(&meeting).filter(|one| one.user == user);
    let found = meeting.and_then(|one| one.recordings.iter().find(|one| one.0 == id));
    found.map_or_else(missing, |(_, _, file)| Reply::status(200).body("video/mp4", file.clone()))
}

async fn call_record(State(inner): From, Path(id): Path<String>) -> Reply {
    let state = inner.state();
    let found = state.records.iter().find(|(_, (record, _))| *record == id);
    let Some((meeting, (_, version))) = found else { return missing() };
    let meeting = state.meeting(meeting);
    let start = meeting.map(|one| stamp(one.start));
    Reply::json(
        200,
        &json!({"id": id, "version": version, "type": "groupCall", "startDateTime": start,
            "endDateTime": stamp(inner.now()), "joinWebUrl": meeting.map(|one| one.join_url.as_str()),
            "participants": [{"user": {"id": meeting.map(|one| one.user.as_str())}}]}),
    )
}

impl Inner {
    /// Whether an address answers as ours.
    async fn validate(&self, target: &str) -> bool {
        let token =
            format!("Validation: Testing client application & <{}>", self.state().random.text(9));
        let Ok(mut url) = target.parse::<Url>() else { return false };
        url.query_pairs_mut().append_pair("validationToken", &token);
        let request = self.client.post(url).header(CONTENT_TYPE, "text/plain; charset=utf-8");
        let Ok(answer) = request.timeout(std::time::Duration::from_secs(10)).send().await else {
            return false;
        };
        let kind = answer.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let plain = kind.is_some_and(|kind| kind.starts_with("text/plain"));
        let fine = answer.status().as_u16() == 200 && plain;
        answer.text().await.is_ok_and(|text| text == token) && fine
    }
}

fn shown(one: &Subscription) -> Value {
    json!({"id": one.id, "resource": one.resource, "changeType": one.changes, "notificationUrl": one.url,
        "lifecycleNotificationUrl": one.lifecycle_url, "expirationDateTime": stamp(one.expires), "clientState": null,
        "encryptionCertificateId": one.certificate.as_ref().map(|(id, _)| id)})
}

/// A part of a list, with where it goes on.
fn page(all: &[Value], asked: &BTreeMap<String, String>, size: usize) -> Reply {
    let from: usize =
        asked.get("$skiptoken").and_then(|text| text.parse().ok()).unwrap_or_default();
    let until = (from + size).min(all.len());
    let mut body = json!({"@odata.count": all.len(), "value": all.get(from..until)});
    if until < all.len() {
        let link = format!("https://graph.example/v1.0/next?$skiptoken={until}");
        body["@odata.nextLink"] = json!(link);
    }
    Reply::json(200, &body)
}

fn time(value: &Value) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(value.as_str()?).ok().map(|at| at.to_utc())
}

fn missing() -> Reply {
    error(404, "ResourceNotFound", "The object was not found.")
}

/// An error as Graph words it.
fn error(status: u16, code: &str, words: &str) -> Reply {
    Reply::json(status, &json!({"error": {"code": code, "message": words, "innerError": {}}}))
}
