//! JSON as Python writes it, on the wire and where it is signed.

use std::fmt::Write;

use serde_json::Value;

/// As `json.dumps(…, sort_keys=True, ensure_ascii=False, separators=(",", ":"))`: what is signed.
#[must_use]
pub fn canonical(value: &Value) -> String {
    let mut out = String::new();
    write(value, &Form { ascii: false, comma: ",", colon: ":", by_length: false }, &mut out);
    out
}

/// As `json.dumps(…)`, with keys as a database of JSON keeps them, shorter ones first: what is sent.
#[must_use]
pub fn written(value: &Value) -> String {
    let mut out = String::new();
    write(value, &Form { ascii: true, comma: ", ", colon: ": ", by_length: true }, &mut out);
    out
}

struct Form {
    ascii: bool,
    comma: &'static str,
    colon: &'static str,
    by_length: bool,
}

fn write(value: &Value, form: &Form, out: &mut String) {
    match value {
        Value::String(text) => string(text, form, out),
        Value::Array(items) => {
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.push_str(form.comma);
                }
                write(item, form, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<(&String, &Value)> = members.iter().collect();
            if form.by_length {
                members.sort_by_key(|(key, _)| (key.len(), *key));
            } else {
                members.sort_by_key(|(key, _)| *key);
            }
            out.push('{');
            for (place, (key, value)) in members.into_iter().enumerate() {
                if place > 0 {
                    out.push_str(form.comma);
                }
                string(key, form, out);
                out.push_str(form.colon);
                write(value, form, out);
            }
            out.push('}');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_string()),
    }
}

fn string(text: &str, form: &Form, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            letter if letter < ' ' || (form.ascii && !letter.is_ascii()) => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            letter => out.push(letter),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_signed_is_not_what_is_sent() {
        let value = json!({"bb": [1, 2.5, null], "a": "é🚒\n\u{1}\u{7f}\"", "c": {}});
        let signed = "{\"a\":\"é🚒\\n\\u0001\u{7f}\\\"\",\"bb\":[1,2.5,null],\"c\":{}}";
        let sent = "{\"a\": \"\\u00e9\\ud83d\\ude92\\n\\u0001\u{7f}\\\"\", \"c\": {}, \"bb\": [1, 2.5, null]}";
        assert_eq!(canonical(&value), signed);
        assert_eq!(written(&value), sent);
        assert_eq!(serde_json::from_str::<Value>(sent).unwrap(), value);
    }
}
