//! What Zoom's error codes mean: `{"code": 1001, "message": "User does not exist: …", "errors": […]}`.

use std::time::Duration;

use ::http::{HeaderMap, StatusCode};
use chrono::NaiveTime;
use serde_json::Value;

use crate::error::date;
use crate::{Complaint, Dialect, Limit, Look, Verdict};

/// Reads Zoom's errors. The same code comes with different statuses, so the code is asked first; of some codes the words
/// have to be read as well.
#[derive(Debug)]
pub(super) struct Zoom;

impl Dialect for Zoom {
    fn complaint(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Complaint {
        let value: Value = serde_json::from_slice(body).unwrap_or_default();
        let code = value.id(&["code"]);
        let text = text(&value);
        let verdict = verdict(status, headers, code.as_deref(), &text.to_ascii_lowercase());
        let retry_after = match verdict {
            Some(Verdict::Busy(Limit::Day)) => rest_of_day(headers),
            _ => None,
        };
        Complaint { code, text, verdict, retry_after }
    }
}

/// The message and, behind it, what is wrong with single fields.
fn text(value: &Value) -> String {
    let message = value.id(&["message"]);
    let fields = value.items(&["errors"]).iter().filter_map(|one| {
        let message = one.id(&["message"])?;
        Some(match one.id(&["field"]) {
            Some(field) => format!("{field}: {message}"),
            None => message,
        })
    });
    message.into_iter().chain(fields).collect::<Vec<_>>().join("; ")
}

fn verdict(
    status: StatusCode,
    headers: &HeaderMap,
    code: Option<&str>,
    words: &str,
) -> Option<Verdict> {
    let scope = words.contains("scope");
    match code {
        _ if status == StatusCode::TOO_MANY_REQUESTS => Some(Verdict::Busy(limit(headers, words))),
        Some("429") => Some(Verdict::Busy(limit(headers, words))),
        // 4700 is both an invalid token and one without the scope.
        Some("4711") => Some(Verdict::Forbidden { missing_scope: true }),
        Some("4700") if scope => Some(Verdict::Forbidden { missing_scope: true }),
        Some("124" | "4700") => Some(Verdict::Unauthorised),
        Some("200") => Some(Verdict::Forbidden { missing_scope: scope }),
        Some("1001" | "1010" | "3001" | "3301") => Some(Verdict::NotFound),
        Some("300") if words.contains("invalid meeting id") => Some(Verdict::NotFound),
        Some("300") => Some(Verdict::Refused),
        // Not Zoom's word: a wrong address, or something in between. It says nothing of what was asked for.
        None if matches!(status.as_u16(), 404 | 410) => Some(Verdict::Refused),
        _ => None,
    }
}

/// Which limit it is. The limit per user and day was seen without any header that tells, so the words count too.
fn limit(headers: &HeaderMap, words: &str) -> Limit {
    let kind = headers.get("x-ratelimit-type").and_then(|kind| kind.to_str().ok());
    let daily = kind.is_some_and(|kind| kind.to_ascii_lowercase().contains("daily"))
        || words.contains("daily rate limit");
    if daily { Limit::Day } else { Limit::Rate }
}

/// Zoom's days end at midnight UTC.
fn rest_of_day(headers: &HeaderMap) -> Option<Duration> {
    let now = date(headers)?;
    let midnight = now.date_naive().succ_opt()?.and_time(NaiveTime::MIN).and_utc();
    midnight.signed_duration_since(now).to_std().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn judged(status: u16, code: i64, message: &str) -> Option<Verdict> {
        let body = json!({"code": code, "message": message}).to_string();
        let status = StatusCode::from_u16(status).unwrap();
        Zoom.complaint(status, &HeaderMap::new(), body.as_bytes()).verdict
    }

    #[test]
    fn the_code_counts_more_than_the_status() {
        let missing_scope = Some(Verdict::Forbidden { missing_scope: true });
        for (status, code, message, verdict) in [
            (401, 124, "Access token is expired.", Some(Verdict::Unauthorised)),
            (
                400,
                4711,
                "Invalid access token, does not contain scopes:[user:read:user:admin].",
                missing_scope,
            ),
            (401, 4700, "Invalid access token, does not contain scopes.", missing_scope),
            (401, 4700, "Token cannot be empty.", Some(Verdict::Unauthorised)),
            (
                400,
                200,
                "Only available for Paid account.",
                Some(Verdict::Forbidden { missing_scope: false }),
            ),
            (404, 1001, "User does not exist.", Some(Verdict::NotFound)),
            (400, 1010, "User not belong to this account.", Some(Verdict::NotFound)),
            (400, 3001, "Meeting does not exist.", Some(Verdict::NotFound)),
            (404, 3301, "This recording does not exist.", Some(Verdict::NotFound)),
            (400, 300, "Invalid meeting id.", Some(Verdict::NotFound)),
            (400, 300, "Validation Failed.", Some(Verdict::Refused)),
            (
                429,
                429,
                "You have reached the maximum per-second rate limit for this API.",
                Some(Verdict::Busy(Limit::Rate)),
            ),
            (
                429,
                429,
                "You have exceeded the daily rate limit (100) of Meeting Create/Update API requests.",
                Some(Verdict::Busy(Limit::Day)),
            ),
            (400, 99_999, "Something new.", None),
        ] {
            assert_eq!(judged(status, code, message), verdict, "{code} {message}");
        }
    }

    #[test]
    fn a_day_that_is_used_up_lasts_until_midnight_of_zooms_clock() {
        let mut headers = HeaderMap::new();
        headers.insert("x-ratelimit-type", "Daily-limit".parse().unwrap());
        headers.insert("date", "Sun, 01 Mar 2026 23:58:00 GMT".parse().unwrap());
        let complaint = Zoom.complaint(StatusCode::TOO_MANY_REQUESTS, &headers, b"");
        assert_eq!(complaint.verdict, Some(Verdict::Busy(Limit::Day)));
        assert_eq!(complaint.retry_after, Some(Duration::from_secs(120)));
    }

    #[test]
    fn a_404_that_is_not_zooms_is_no_missing_recording() {
        let said =
            |body: &[u8]| Zoom.complaint(StatusCode::NOT_FOUND, &HeaderMap::new(), body).verdict;
        assert_eq!(said(b"<html>"), Some(Verdict::Refused));
        assert_eq!(said(br#"{"code": 3301}"#), Some(Verdict::NotFound));
        // A code that is new to us leaves it to the status.
        assert_eq!(said(br#"{"code": 404, "message": "The recording does not exist."}"#), None);
    }

    #[test]
    fn wrong_fields_are_named() {
        let body = json!({"code": 300, "message": "Validation Failed.",
            "errors": [{"field": "settings.auto_recording", "message": "Invalid field."}]});
        let complaint =
            Zoom.complaint(StatusCode::BAD_REQUEST, &HeaderMap::new(), body.to_string().as_bytes());
        assert_eq!(complaint.text, "Validation Failed.; settings.auto_recording: Invalid field.");
        assert_eq!(complaint.code.as_deref(), Some("300"));
    }
}
