//! Twilio's API.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use data_encoding::BASE64;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};

use super::{Inner, shown, time};
use crate::Reply;

pub(super) fn routes(inner: Arc<Inner>) -> Router {
    Router::new()
        .route("/2010-04-01/Accounts/{account}/Calls/{file}", get(call))
        .route(
            "/2010-04-01/Accounts/{account}/Calls/{call}/Recordings.json",
            get(of_call).post(begin),
        )
        .route("/2010-04-01/Accounts/{account}/Calls/{call}/Recordings/{file}", post(steer))
        .route("/2010-04-01/Accounts/{account}/Recordings/{file}", get(recording).delete(remove))
        .route("/v1/DialingPermissions/Countries/{country}", get(country))
        .fallback(async || missing())
        .layer(from_fn_with_state(Arc::clone(&inner), admit))
        .with_state(inner)
}

async fn admit(State(inner): State<Arc<Inner>>, request: Request, next: Next) -> Response {
    let pair = format!("{}:{}", inner.options.account, inner.options.token);
    let expected = format!("Basic {}", BASE64.encode(pair.as_bytes()));
    let given = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    if given == Some(&expected) {
        return next.run(request).await;
    }
    error(401, 20003, "Authenticate").into_response()
}

async fn call(
    State(inner): State<Arc<Inner>>,
    Path((account, file)): Path<(String, String)>,
) -> Reply {
    let state = inner.state();
    let found = file.strip_suffix(".json").and_then(|sid| state.calls.get(sid));
    let Some(call) = found.filter(|_| account == inner.options.account) else { return missing() };
    let seconds = call.ended.map(|end| call.answered.map_or(0, |at| (end - at).num_seconds()));
    Reply::json(
        200,
        &json!({
            "account_sid": account, "sid": call.sid, "parent_call_sid": call.parent, "from": call.from, "to": call.to,
            "status": if call.status == "initiated" { "queued" } else { call.status },
            "direction": if call.parent.is_some() { "outbound-dial" } else { "outbound-api" },
            "date_created": time(call.made), "start_time": call.answered.map(time), "end_time": call.ended.map(time),
            "duration": seconds.map(|seconds| seconds.to_string()), "answered_by": call.answered_by,
            "price": null, "price_unit": "USD", "queue_time": "0",
            "uri": format!("/2010-04-01/Accounts/{account}/Calls/{}.json", call.sid),
        }),
    )
}

async fn of_call(
    State(inner): State<Arc<Inner>>,
    Path((account, call)): Path<(String, String)>,
    Query(asked): Query<BTreeMap<String, String>>,
) -> Reply {
    let number = |key: &str| asked.get(key).and_then(|text| text.parse::<usize>().ok());
    let state = inner.state();
    let all: Vec<Value> = state
        .recordings
        .iter()
        .filter(|one| one.call == call)
        .map(|one| shown(&inner, one))
        .collect();
    let size = number("PageSize").unwrap_or(50).clamp(1, state.page);
    let page = number("Page").unwrap_or_default();
    // A page is opened by its token alone.
    if page > 0 && asked.get("PageToken") != Some(&format!("PT{page}")) {
        return error(400, 20001, "Invalid page token");
    }
    let path = format!("/2010-04-01/Accounts/{account}/Calls/{call}/Recordings.json");
    let next = (all.len() > (page + 1) * size)
        .then(|| format!("{path}?PageSize={size}&Page={0}&PageToken=PT{0}", page + 1));
    let part: Vec<&Value> = all.iter().skip(page * size).take(size).collect();
    Reply::json(
        200,
        &json!({"recordings": part, "page": page, "page_size": size, "uri": path, "next_page_uri": next}),
    )
}

/// A call is recorded from now on, if somebody has answered it.
async fn begin(State(inner): State<Arc<Inner>>, Path((_, call)): Path<(String, String)>) -> Reply {
    let status = inner.state().calls.get(&call).map(|call| call.status);
    match status {
        None => return missing(),
        Some("in-progress") => {}
        Some(_) => return error(400, 21220, "Unable to create record for this call"),
    }
    let sid = inner.record(&call, "StartCallRecordingAPI");
    let state = inner.state();
    let found = state.recordings.iter().find(|one| one.sid == sid);
    found.map_or_else(missing, |one| Reply::json(201, &shown(&inner, one)))
}

/// A recording that runs ends: Twilio works on it from then on.
async fn steer(
    State(inner): State<Arc<Inner>>,
    Path((_, call, file)): Path<(String, String, String)>,
    body: String,
) -> Reply {
    let sid = file.strip_suffix(".json").unwrap_or(&file);
    let mut state = inner.state();
    let found = state.recordings.iter_mut().find(|one| one.sid == sid && one.call == call);
    let Some(one) = found else { return missing() };
    if body != "Status=stopped" || one.status != "in-progress" {
        return error(400, 21220, "Invalid recording state");
    }
    one.status = "processing";
    Reply::json(200, &shown(&inner, one))
}

async fn recording(
    State(inner): State<Arc<Inner>>,
    Path((_, file)): Path<(String, String)>,
) -> Reply {
    let state = inner.state();
    let (sid, kind) = file.rsplit_once('.').unwrap_or((&file, "wav"));
    let Some(one) = state.recordings.iter().find(|one| one.sid == sid) else { return missing() };
    match (kind, &one.file) {
        ("json", _) => Reply::json(200, &shown(&inner, one)),
        ("wav", Some(file)) => Reply::status(200).body("audio/x-wav", file.clone()),
        _ => missing(),
    }
}

async fn remove(State(inner): State<Arc<Inner>>, Path((_, file)): Path<(String, String)>) -> Reply {
    let sid = file.strip_suffix(".json").unwrap_or(&file);
    let mut state = inner.state();
    let before = state.recordings.len();
    state.recordings.retain(|one| one.sid != sid);
    if state.recordings.len() < before { Reply::status(204) } else { missing() }
}

async fn country(State(inner): State<Arc<Inner>>, Path(country): Path<String>) -> Reply {
    let state = inner.state();
    let Some([ordinary, special, notorious]) = state.dialing.get(&country) else {
        return missing();
    };
    Reply::json(
        200,
        &json!({"iso_code": country, "name": country, "country_codes": ["+1"], "continent": "NORTH_AMERICA",
            "low_risk_numbers_enabled": ordinary, "high_risk_special_numbers_enabled": special,
            "high_risk_tollfraud_numbers_enabled": notorious}),
    )
}

fn missing() -> Reply {
    error(404, 20404, "The requested resource was not found")
}

/// An error as Twilio words it.
fn error(status: u16, code: u32, message: &str) -> Reply {
    let info = format!("https://www.twilio.example/docs/errors/{code}");
    Reply::json(
        status,
        &json!({"code": code, "message": message, "more_info": info, "status": status}),
    )
}
