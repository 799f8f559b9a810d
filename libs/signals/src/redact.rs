//! A payload fit to be shown: without what opens doors.

use serde_json::Value;

use crate::{json, read};

/// Ends of names whose values open doors: passcodes, tokens, links with tokens in them. Compared in lower case.
const SECRET: [&str; 14] = [
    "password",
    "passcode",
    "pwd",
    "token",
    "secret",
    "clientstate",
    "signature",
    "share_url",
    "play_url",
    "download_url",
    "downloadurl",
    "start_url",
    "join_url",
    "server_urls",
];

/// What stands in place of a secret.
const INSTEAD: &str = "[secret]";

/// How deep a payload is looked into; what lies deeper is left out.
const DEPTH: usize = 32;

/// The payload with its secrets replaced, for the eyes of an operator. Names and addresses of people are still in it.
///
/// # Errors
/// It is no JSON object.
pub fn secrets(body: &[u8]) -> Result<String, read::Error> {
    let mut value = json::object(body)?;
    walk(&mut value, DEPTH);
    Ok(value.to_string())
}

fn walk(value: &mut Value, depth: usize) {
    let Some(deeper) = depth.checked_sub(1) else {
        *value = Value::Null;
        return;
    };
    match value {
        Value::Object(map) => {
            for (name, inner) in map.iter_mut() {
                let open = inner.is_null() || inner.is_boolean();
                if is_secret(name) && !open {
                    *inner = Value::String(INSTEAD.to_owned());
                } else {
                    walk(inner, deeper);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| walk(item, deeper)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Whether a name is one of a secret.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    // `recording_play_passcode`, `download_token`, `validationTokens`, `dataSignature`.
    SECRET.iter().any(|end| name.trim_end_matches('s').ends_with(end.trim_end_matches('s')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_opens_doors_is_taken_out() {
        let body = br#"{"download_token":"t1","payload":{"object":{"id":17,"password":"p1","share_url":"https://z.example/s1",
            "recording_play_passcode":"p2","recording_files":[{"id":"f1","download_url":"https://z.example/d1"}]}},
            "value":[{"clientState":"c1"}],"validationTokens":["v1"],"isPasscodeRequired":true}"#;
        let shown = secrets(body).unwrap();
        for secret in ["t1", "p1", "s1", "p2", "d1", "c1", "v1"] {
            assert!(!shown.contains(&format!("{secret}\"")), "{secret}: {shown}");
        }
        for kept in ["\"id\":17", "\"id\":\"f1\"", "\"isPasscodeRequired\":true"] {
            assert!(shown.contains(kept), "{kept}: {shown}");
        }
    }

    #[test]
    fn what_lies_too_deep_is_left_out() {
        let deep = format!("{}\"x1\"{}", "{\"a\":".repeat(60), "}".repeat(60));
        assert!(!secrets(deep.as_bytes()).unwrap().contains("x1"));
    }
}
