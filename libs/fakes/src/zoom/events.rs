//! Webhooks of Zoom: their envelopes.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::Options;
use super::state::time;
use crate::Notice;

/// The usual envelope; a completed recording has a token at the top.
pub(super) fn notice(event: &str, millis: i64, payload: Value, token: Option<&str>) -> Notice {
    let mut body = json!({"event": event, "event_ts": millis, "payload": payload});
    if let Some(token) = token {
        body["download_token"] = json!(token);
    }
    let mut notice = Notice::json(event, &json!(null));
    notice.body = escaped(&body.to_string()).into();
    notice
}

/// That our application was removed: no `event_ts` at the top, no `object`, and a date as text.
pub(super) fn deauthorized(options: &Options, at: DateTime<Utc>) -> Notice {
    Notice::json(
        "app_deauthorized",
        &json!({"event": "app_deauthorized", "payload": {
            "account_id": options.account,
            "user_id": "z8yCxAdminHGfp8uQ",
            "signature": "827edc3452044f0bc86bdd5684afb7d1e6becfa1a767f24df1b287853cf73000",
            "deauthorization_time": time(at),
            "client_id": options.client_id,
            "event_ts": at.format("%Y-%m-%d %H:%M:%S").to_string(),
        }}),
    )
}

/// As Zoom writes text: what needs two units of UTF-16 is escaped, everything else is not.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.len_utf16() == 1 {
            out.push(letter);
            continue;
        }
        for unit in letter.encode_utf16(&mut [0; 2]) {
            out.push_str(&format!("\\u{unit:04X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_letters_are_escaped_and_small_ones_are_not() {
        let notice = notice("meeting.started", 1, json!({"topic": "\u{1F692} – é"}), Some("t"));
        let text = String::from_utf8(notice.body.to_vec()).unwrap();
        assert!(text.contains("\"\\uD83D\\uDE92 – é\""));
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["payload"]["topic"], "\u{1F692} – é");
        assert_eq!(value["download_token"], "t");
    }
}
