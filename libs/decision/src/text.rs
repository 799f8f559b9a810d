//! How texts, addresses and domains are made comparable.

use caseless::Caseless;
use unicode_normalization::UnicodeNormalization;

/// Folds a text for keyword matching: NFKC and full case folding.
#[must_use]
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfkc().default_case_fold().nfkc().collect()
}

/// The comparable form of an e-mail address: trimmed, without `mailto:`, in lower case, its domain
/// in ASCII. `None` for anything that is no address.
#[must_use]
pub fn address(raw: &str) -> Option<String> {
    let mut bare = raw.trim();
    while let Some((scheme, rest)) = bare.split_at_checked(7)
        && scheme.eq_ignore_ascii_case("mailto:")
    {
        bare = rest.trim();
    }
    let (local, host) = bare.rsplit_once('@')?;
    if local.is_empty() || bare.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return None;
    }
    let host = domain(host)?;
    Some(format!("{}@{host}", local.to_lowercase()))
}

/// The comparable form of a domain: trimmed, without a leading `@` or a final dot, ASCII, in lower case.
#[must_use]
pub fn domain(raw: &str) -> Option<String> {
    let bare = raw.trim().trim_start_matches('@');
    let mut ascii = match bare.is_ascii() {
        true => bare.to_ascii_lowercase(),
        false => idna::domain_to_ascii(bare).ok()?,
    };
    // Looked at in ASCII: `。` has become a dot by now, and `＠` what it looks like.
    ascii.truncate(ascii.trim_end_matches('.').len());
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '@' | '/');
    let sound = !ascii.is_empty() && !ascii.starts_with('.') && !ascii.contains(odd);
    sound.then_some(ascii)
}

/// A domain and every domain above it: `a.b.example`, `b.example`, `example`.
pub fn with_parents(domain: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(domain), |rest| rest.split_once('.').map(|(_, parent)| parent))
}

/// Whether a character belongs to a word, so that it may not stand beside a keyword.
#[must_use]
pub fn is_word(c: char) -> bool {
    // A combining mark counts as alphabetic in some scripts, and is no letter.
    (c.is_alphanumeric() && !unicode_normalization::char::is_combining_mark(c)) || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_width_and_sharp_s_fold_to_plain_letters() {
        assert_eq!(fold("ＳＴＲＡẞＥ"), "strasse");
        assert_eq!(fold("Ångström"), fold("A\u{30a}ngstro\u{308}m"));
    }

    #[test]
    fn an_address_loses_scheme_case_and_final_dot() {
        assert_eq!(address(" MAILTO:Ada@ACME.example. ").as_deref(), Some("ada@acme.example"));
        assert_eq!(address("ada@münchen.example").as_deref(), Some("ada@xn--mnchen-3ya.example"));
        assert_eq!(address("invalid:nomail"), None);
        assert_eq!(address("@acme.example"), None);
    }

    #[test]
    fn what_is_comparable_stays_as_it_is() {
        for raw in
            ["ada@acme.example。", "mailto:MAILTO: ada@acme.example", "ada@ＡＣＭＥ.example."]
        {
            assert_eq!(address(raw).as_deref(), Some("ada@acme.example"), "{raw}");
        }
        for odd in ["@\n\0", "acme\texample", "acme。＠example", "。", "acme.example／x"] {
            assert_eq!(domain(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn parents_of_a_domain_end_at_the_top() {
        assert_eq!(
            with_parents("a.b.example").collect::<Vec<_>>(),
            ["a.b.example", "b.example", "example"]
        );
    }
}
