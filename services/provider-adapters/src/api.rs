//! What `api` of a connection may hold: the table `api.md`, which is also what people read.

use anyhow::{Context as _, bail, ensure};
use secrecy::{ExposeSecret as _, SecretString};

use crate::connections::Connection;

/// A line for each key, with the providers that know it.
const TABLE: &str = include_str!("../api.md");

/// The keys a provider knows.
fn keys(provider: &str) -> impl Iterator<Item = &'static str> {
    let lines = TABLE.lines().filter_map(|line| {
        let mut cells = line.split('|').skip(1);
        let (providers, key) = (cells.next()?, cells.next()?.trim());
        Some((providers, key.strip_prefix('`')?.strip_suffix('`')?))
    });
    let named = format!("`{provider}`");
    lines.filter(move |(providers, _)| providers.contains(&named)).map(|(_, key)| key)
}

/// Refuses a key that the provider of a connection does not know.
///
/// # Errors
/// The key.
pub(crate) fn check(one: &Connection) -> anyhow::Result<()> {
    let provider = one.provider.as_str();
    let is_unknown = |name: &&str| !keys(provider).any(|key| key == *name);
    if let Some(name) = one.api_names().find(is_unknown) {
        bail!("`api.{name}` is no setting of `{provider}`");
    }
    Ok(())
}

/// A setting that may be there.
pub(crate) fn set<'a>(one: &'a Connection, name: &str) -> Option<&'a str> {
    one.api(name).map(SecretString::expose_secret).filter(|text| !text.is_empty())
}

/// A setting that must be there.
///
/// # Errors
/// It is not.
pub(crate) fn needed<'a>(one: &'a Connection, name: &str) -> anyhow::Result<&'a SecretString> {
    ensure!(set(one, name).is_some(), "`api.{name}` is missing");
    one.api(name).context("it is there")
}

/// A setting that is `true` or `false`; false if it is not there.
///
/// # Errors
/// It is neither.
pub(crate) fn flag(one: &Connection, name: &str) -> anyhow::Result<bool> {
    match set(one, name) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => bail!("`api.{name}` is neither `true` nor `false`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_known_to_its_providers() {
        let of = |provider| keys(provider).collect::<Vec<_>>();
        assert_eq!(of("zoom").len(), 7);
        assert!(of("teams").contains(&"resources") && of("webex").contains(&"resources"));
        assert!(of("recall").contains(&"region") && !of("attendee").contains(&"region"));
        assert!(of("attendee").contains(&"signed_in") && of("sip").is_empty());
        assert_eq!(of("google_meet").len(), 4);
    }
}
