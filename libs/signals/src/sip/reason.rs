//! The `Reason` header of SIP (RFC 3326).

/// One reason: a protocol, the cause in its terms, and words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reason {
    /// The protocol the cause is of, in lower case: `sip`, `q.850`.
    pub protocol: String,
    /// The cause.
    pub cause: Option<u16>,
    /// The words beside it.
    pub text: Option<String>,
}

impl Reason {
    /// Whether the cause is one of Q.850.
    #[must_use]
    pub fn is_q850(&self) -> bool {
        self.protocol == "q.850"
    }

    /// Whether the cause is a response of SIP.
    #[must_use]
    pub fn is_sip(&self) -> bool {
        self.protocol == "sip"
    }
}

/// Reads the value of a header, or of several joined by commas. What cannot be read of it is left out.
#[must_use]
pub fn reasons(value: &str) -> Vec<Reason> {
    split(value, ',').iter().filter_map(|one| reason(one)).collect()
}

fn reason(value: &str) -> Option<Reason> {
    let mut parts = split(value, ';').into_iter();
    let protocol = parts.next()?.trim().to_ascii_lowercase();
    if protocol.is_empty() {
        return None;
    }
    let mut reason = Reason { protocol, ..Reason::default() };
    for part in parts {
        let Some((name, value)) = part.split_once('=') else { continue };
        let value = value.trim();
        match name.trim().to_ascii_lowercase().as_str() {
            "cause" => reason.cause = value.trim_matches('"').trim().parse().ok(),
            "text" => reason.text = Some(unquoted(value)).filter(|text| !text.is_empty()),
            _ => {}
        }
    }
    Some(reason)
}

/// Cuts at a letter that does not stand inside quotes.
fn split(value: &str, at: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let (mut quoted, mut escaped) = (false, false);
    for letter in value.chars().take(4096) {
        if letter == at && !quoted {
            parts.push(String::new());
            continue;
        }
        match letter {
            '"' if !escaped => quoted = !quoted,
            _ => {}
        }
        escaped = quoted && letter == '\\' && !escaped;
        if let Some(part) = parts.last_mut() {
            part.push(letter);
        }
    }
    parts
}

/// A quoted string without its quotes and escapes.
fn unquoted(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"') else { return value.to_owned() };
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    let mut text = String::new();
    let mut escaped = false;
    for letter in inner.chars() {
        if letter == '\\' && !escaped {
            escaped = true;
            continue;
        }
        escaped = false;
        text.push(letter);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_reasons_are_read() {
        let found = reasons(
            "SIP ;cause=600 ;text=\"Busy; everywhere, \\\"really\\\"\", Q.850;cause=16;text=Terminated",
        );
        assert_eq!(
            found,
            [
                Reason {
                    protocol: "sip".to_owned(),
                    cause: Some(600),
                    text: Some("Busy; everywhere, \"really\"".to_owned())
                },
                Reason {
                    protocol: "q.850".to_owned(),
                    cause: Some(16),
                    text: Some("Terminated".to_owned())
                },
            ]
        );
        assert!(found[0].is_sip() && found[1].is_q850());
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        assert_eq!(reasons(""), []);
        assert_eq!(reasons(";;;"), []);
        let odd = reasons("Q.850;cause=many;text=\"");
        assert_eq!((odd[0].cause, odd[0].text.as_deref()), (None, None));
        assert_eq!(reasons("Preemption;cause=1;text=\"x")[0].text.as_deref(), Some("x"));
    }
}
