//! What a provider wrote, without addresses, links, numbers and whatever looks like a token.

/// Letters kept, at most.
const KEPT: usize = 240;
/// A word of so many letters that holds a digit is a token or an id.
const TOKEN: usize = 16;
/// So many digits in a word are an id, a telephone number or a passcode.
const DIGITS: usize = 5;

/// Cleans a text of foreign origin: codes, names of scopes and ordinary words stay.
pub(crate) fn scrub(text: &str) -> String {
    let plain: String =
        text.chars().take(4 * KEPT).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words: Vec<String> = plain.split_whitespace().map(word).collect();
    words.join(" ").chars().take(KEPT).collect()
}

fn word(word: &str) -> String {
    let core = word.trim_matches(|c: char| !c.is_alphanumeric());
    let digits = core.chars().filter(char::is_ascii_digit).count();
    let instead = if word.contains('@') {
        "[address]"
    } else if word.contains("://") || core.starts_with("www.") {
        "[link]"
    } else if word.contains('?') && word.contains('=') {
        "[query]"
    } else if core.len() >= if digits > 0 { TOKEN } else { 2 * TOKEN } && !scope(core) {
        "[token]"
    } else if digits >= DIGITS {
        "[number]"
    } else {
        return word.to_owned();
    };
    instead.to_owned()
}

/// Whether it looks like the name of a scope: `meeting:read:list_meetings:admin`, `OnlineMeetings.Read.All`. They matter,
/// since they tell an administrator what to tick.
fn scope(core: &str) -> bool {
    let parts = core.split([':', '.', '_', ',', '[', ']', '"', '\'']);
    core.contains([':', '.', '_'])
        && parts.clone().all(|part| {
            part.len() < 2 * TOKEN
                && part.chars().filter(char::is_ascii_digit).count() < 2
                && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_concerns_people_or_opens_doors_is_taken_out() {
        for (text, kept) in [
            ("User does not exist: ada@acme.example.", "User does not exist: [address]"),
            ("see https://zoom.example/j/1?pwd=x now", "see [link] now"),
            ("bad /j/1?pwd=secret", "bad [query]"),
            ("Meeting 85393847045 is not found", "Meeting [number] is not found"),
            ("token eyJhbGciOiJIUzUxMiJ9 expired", "token [token] expired"),
            ("call +15550100123", "call [number]"),
            ("jUh5o3dKQIytvcsfTtKBlg==", "[token]"),
            (
                "Invalid access token, does not contain scopes:[meeting:read:list_meetings:admin].",
                "Invalid access token, does not contain scopes:[meeting:read:list_meetings:admin].",
            ),
            ("needs OnlineMeetings.Read.All", "needs OnlineMeetings.Read.All"),
            ("code 3001\n\u{7}", "code 3001"),
        ] {
            assert_eq!(scrub(text), kept);
        }
    }

    #[test]
    fn a_long_text_is_cut() {
        assert_eq!(scrub(&"word ".repeat(1000)).chars().count(), KEPT);
        assert_eq!(scrub(&"x".repeat(1000)), "[token]");
    }
}
