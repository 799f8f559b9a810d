//! Consent links that are signed when a scenario is read.
//!
//! `{{consent:TYPE:URL}}` is a link of `acme`, `{{consent-of:COMPANY:TYPE:URL}}` one of another company,
//! `{{consent-expired:TYPE:URL}}` one that is over, `{{consent-forged:TYPE:URL}}` one signed with a key
//! nobody knows.

use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};
use decision::company::LinkType;
use decision::consent::token::{Claims, PrivateKey, url};
use decision::{Conference, Provider};

/// The key whose public half stands in `base/acme.yaml`.
#[must_use]
pub fn key() -> PrivateKey {
    PrivateKey::from_bytes(&[7; 32])
}

const HOST: &str = "consent.acme.example";

/// The text with its placeholders replaced.
///
/// # Errors
/// A placeholder that is none, or a URL that leads to no conference.
pub fn filled(text: &str) -> anyhow::Result<String> {
    let mut done = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (inside, after) = after.split_once("}}").context("`{{` without `}}`")?;
        done.push_str(before);
        done.push_str(&link(inside).with_context(|| format!("in `{inside}`"))?);
        rest = after;
    }
    done.push_str(rest);
    Ok(done)
}

fn link(inside: &str) -> anyhow::Result<String> {
    let (kind, rest) = inside.split_once(':').context("a placeholder begins with its kind")?;
    let (company, rest) = match kind {
        "consent-of" => rest.split_once(':').context("the company is missing")?,
        "consent" | "consent-expired" | "consent-forged" => ("acme", rest),
        other => bail!("`{other}` is no placeholder"),
    };
    let (link_type, to) = rest.split_once(':').context("the type is missing")?;
    let link_type = match link_type {
        "static" => LinkType::Static,
        "dynamic" => LinkType::Dynamic,
        other => bail!("`{other}` is neither static nor dynamic"),
    };
    let expires_at: DateTime<Utc> = match kind {
        "consent-expired" => "2020-01-01T00:00:00Z".parse()?,
        _ => "2099-01-01T00:00:00Z".parse()?,
    };
    let key = if kind == "consent-forged" { PrivateKey::from_bytes(&[8; 32]) } else { key() };
    let claims =
        Claims { company: company.to_owned(), link_type, conference: conference(to)?, expires_at };
    Ok(url(HOST, company, link_type, &key.sign(&claims)))
}

/// The conference a URL leads to.
fn conference(url: &str) -> anyhow::Result<Conference> {
    let link = conference::classify(url).context("it is no conference link")?;
    let provider = link.provider().map(conference::Provider::as_str);
    let provider = provider.and_then(Provider::from_name).context("nobody can record it")?;
    let id = link.id().context("it has no meeting id")?.to_owned();
    Ok(Conference { provider, id })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_becomes_a_link_that_can_be_resolved() {
        let filled = filled("Join: {{consent:static:https://zoom.us/j/92345678901}} now").unwrap();
        assert!(filled.starts_with("Join: https://consent.acme.example/acme/s/"), "{filled}");
        assert!(filled.ends_with(" now"), "{filled}");
    }

    #[test]
    fn what_is_no_placeholder_is_refused() {
        for wrong in ["{{consent", "{{content:static:https://zoom.us/j/1}}", "{{consent:x:y}}"] {
            assert!(filled(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_base_company_knows_the_key() {
        let pem = key().public_pem().unwrap();
        let base = crate::scenario::base().unwrap();
        let keys = base["consent"]["keys"].as_array().unwrap();
        assert!(
            keys.iter().any(|known| known.as_str().map(str::trim) == Some(pem.trim())),
            "{pem}"
        );
    }
}
