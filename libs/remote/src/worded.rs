//! Errors of providers that are a code and a sentence somewhere in a body of JSON.

use ::http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::{Complaint, Dialect, Look, Verdict};

/// A path of keys.
pub(crate) type Path = &'static [&'static str];

/// Where a provider puts its code and its words, and which codes mean something else than their status says.
#[derive(Debug)]
pub(crate) struct Worded {
    /// Where the code is; the first that is there counts.
    pub(crate) code: &'static [Path],
    /// Where the words are; all that are there count.
    pub(crate) text: &'static [Path],
    /// What the status does not tell.
    pub(crate) verdict: fn(StatusCode, Option<&str>, &str) -> Option<Verdict>,
}

impl Dialect for Worded {
    fn complaint(&self, status: StatusCode, _: &HeaderMap, body: &[u8]) -> Complaint {
        let value: Value = serde_json::from_slice(body).unwrap_or_default();
        let code = self.code.iter().find_map(|path| value.id(path));
        let words: Vec<String> = self.text.iter().filter_map(|path| value.id(path)).collect();
        let text = words.join("; ");
        let verdict = (self.verdict)(status, code.as_deref(), &text).or_else(|| {
            // Not the provider's word: a wrong address, or something in between. It says nothing of what was asked for.
            let stranger = code.is_none() && text.is_empty();
            (stranger && matches!(status.as_u16(), 404 | 410)).then_some(Verdict::Refused)
        });
        Complaint { code, text, verdict, retry_after: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Worded = Worded {
        code: &[&["error", "code"], &["code"]],
        text: &[&["error", "message"], &["message"]],
        verdict: |_, _, _| None,
    };

    fn complaint(status: u16, body: &str) -> Complaint {
        PLAIN.complaint(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body.as_bytes())
    }

    #[test]
    fn code_and_words_are_found_where_they_are() {
        let said = complaint(404, r#"{"error": {"code": "x", "message": "a"}, "message": "b"}"#);
        assert_eq!((said.code.as_deref(), said.text.as_str()), (Some("x"), "a; b"));
        assert_eq!(said.verdict, None);
        assert_eq!(complaint(400, r#"{"code": 7}"#).code.as_deref(), Some("7"));
    }

    #[test]
    fn a_404_without_a_word_of_the_provider_says_nothing_of_what_was_asked_for() {
        assert_eq!(complaint(404, "<html>").verdict, Some(Verdict::Refused));
        assert_eq!(complaint(410, "{}").verdict, Some(Verdict::Refused));
        assert_eq!(complaint(403, "").verdict, None);
    }
}
