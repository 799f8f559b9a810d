//! Companies' connections to providers, as they are set: whose they are, and what makes their webhooks believable.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, bail, ensure};
use chrono::TimeDelta;
use secrecy::SecretString;
use signals::{Provider, Secret, Tolerance, attendee, graph, recall, telnyx};

use crate::keys::KeyRing;
use crate::{api, config};

/// A connection of a company to a provider.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Its name.
    pub(crate) name: String,
    /// The company.
    pub(crate) company: String,
    /// The provider.
    pub(crate) provider: Provider,
    /// What its webhooks are believed by.
    pub(crate) proof: Proof,
    /// What the provider is given to prove its webhooks with, where we tell it: the first of the secrets.
    pub(crate) secret: Option<SecretString>,
    /// Our name of the certificate that content is to be encrypted to from now on.
    pub(crate) certificate: Option<String>,
    /// The company's own accounts, tenants or organisations there.
    pub(crate) own: Vec<String>,
    /// Accounts with which our recorders join.
    pub(crate) recorders: Vec<String>,
    /// Where its API is, if not at the usual place.
    pub(crate) base_url: Option<String>,
    /// Webhooks that were not believed since the start.
    refused: AtomicU64,
    api: HashMap<String, SecretString>,
}

/// What webhooks are believed by.
#[derive(Debug)]
pub(crate) struct Proof {
    /// Secrets, of which one must fit.
    pub(crate) secrets: Vec<Secret>,
    /// Public keys of Telnyx.
    pub(crate) public: Vec<telnyx::PublicKey>,
    /// Public keys of an issuer of tokens.
    pub(crate) keys: KeyRing,
    /// For whom tokens must be made.
    pub(crate) audiences: Vec<String>,
    /// Whose tokens must be.
    pub(crate) sender: String,
    /// What opens encrypted content.
    pub(crate) openers: Vec<graph::Opener>,
    /// How far from now something may have been signed.
    pub(crate) tolerance: Tolerance,
}

impl Connection {
    /// What its API wants to know of us, under a name.
    pub(crate) fn api(&self, name: &str) -> Option<&SecretString> {
        self.api.get(name)
    }

    /// Whether nothing is set by which its webhooks could be believed.
    pub(crate) fn cannot_believe(&self) -> bool {
        let proof = &self.proof;
        match self.provider {
            Provider::GoogleMeet => proof.audiences.is_empty() || !proof.keys.is_set(),
            Provider::Telnyx => proof.public.is_empty(),
            Provider::Zoom
            | Provider::ZoomPhone
            | Provider::Teams
            | Provider::Webex
            | Provider::Twilio
            | Provider::RingCentral
            | Provider::Aircall
            | Provider::Vonage
            | Provider::Dialer
            | Provider::Sip
            | Provider::Recall
            | Provider::Attendee => proof.secrets.is_empty(),
        }
    }

    /// Webhooks that were not believed since the start.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// The names of all it wants to know.
    pub(crate) fn api_names(&self) -> impl Iterator<Item = &str> {
        self.api.keys().map(String::as_str)
    }

    /// Whether its API is to be asked, and not only its webhooks heard.
    pub(crate) fn carries(&self) -> bool {
        !self.api.is_empty()
    }

    /// Whether we have the provider notify us, instead of an administrator who set that up there.
    pub(crate) fn is_notified(&self) -> bool {
        self.carries() && matches!(self.provider, Provider::Teams | Provider::Webex)
    }

    /// Counts a webhook that was not believed.
    pub(crate) fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }
}

/// All connections. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connections(Arc<HashMap<String, Connection>>);

impl Connections {
    /// Reads connections, with their secrets.
    ///
    /// # Errors
    /// The connection and what is wrong with it; never a secret.
    pub(crate) fn read(all: &[config::Connection]) -> anyhow::Result<Self> {
        let mut read = HashMap::new();
        for one in all {
            let name = &one.name;
            let connection = connection(one)
                .and_then(|read| api::check(&read).map(|()| read))
                .with_context(|| format!("connection `{name}`"))?;
            ensure!(
                read.insert(name.clone(), connection).is_none(),
                "two connections are called `{name}`"
            );
        }
        Ok(Self(Arc::new(read)))
    }

    /// The one of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&Connection> {
        self.0.get(name)
    }

    /// All of them, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Connection> {
        let mut all: Vec<_> = self.0.values().collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all.into_iter()
    }

    /// Those of a company, by name.
    pub(crate) fn of(&self, company: &str) -> Vec<&Connection> {
        let mut all: Vec<_> = self.0.values().filter(|one| one.company == company).collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }
}

/// What a setting refers to.
///
/// # Errors
/// It is not there, or empty.
pub(crate) fn read(reference: &str) -> anyhow::Result<Vec<u8>> {
    let bytes = match reference.split_once(':') {
        Some(("env", name)) => std::env::var(name)
            .with_context(|| format!("the variable `{name}` is not set, or no text"))?
            .into_bytes(),
        Some(("file", path)) => {
            std::fs::read(Path::new(path)).with_context(|| format!("cannot read `{path}`"))?
        }
        _ => bail!("a secret stands in the environment or in a file: `env:NAME` or `file:/path`"),
    };
    ensure!(!bytes.is_empty(), "`{reference}` is empty");
    Ok(bytes)
}

/// What a setting refers to, as text.
///
/// # Errors
/// It is not there, or empty.
pub(crate) fn text(reference: &str) -> anyhow::Result<String> {
    let text = String::from_utf8(read(reference)?).ok();
    let text = text.with_context(|| format!("`{reference}` is no text"))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn connection(config: &config::Connection) -> anyhow::Result<Connection> {
    let usual = |one: char| one.is_ascii_alphanumeric() || "-_.".contains(one);
    ensure!(
        !config.name.is_empty() && config.name.len() <= 64 && config.name.chars().all(usual),
        "its name is up to 64 letters, digits, `-`, `_` and `.`"
    );
    ensure!(!config.company.is_empty(), "`company` is empty");
    let known = Provider::ALL.into_iter().filter(|one| receives(*one));
    let provider = known.clone().find(|one| one.as_str() == config.provider);
    let provider = provider.with_context(|| {
        let names: Vec<_> = known.map(Provider::as_str).collect();
        format!("`{}` is no provider; known are {}", config.provider, names.join(", "))
    })?;
    let texts = config.secrets.iter().map(|one| text(one)).collect::<Result<Vec<_>, _>>()?;
    let secret = texts.first().cloned().map(SecretString::from);
    let (mut secrets, mut public) = (Vec::new(), Vec::new());
    for text in texts {
        match provider {
            Provider::Telnyx => public.push(telnyx::PublicKey::new(&text)?),
            Provider::Recall => secrets.push(recall::secret(&text)?),
            Provider::Attendee => secrets.push(attendee::secret(&text)?),
            Provider::Zoom
            | Provider::ZoomPhone
            | Provider::Teams
            | Provider::Webex
            | Provider::GoogleMeet
            | Provider::Twilio
            | Provider::RingCentral
            | Provider::Aircall
            | Provider::Vonage
            | Provider::Dialer
            | Provider::Sip => secrets.push(Secret::new(text)?),
        }
    }
    let keys = KeyRing::read(config.keys.as_deref())?;
    let openers = config.certificate.iter().map(|certificate| {
        let key = read(&certificate.key)?;
        Ok::<_, anyhow::Error>(graph::Opener::new(certificate.id.as_str(), &key)?)
    });
    let usual =
        if matches!(provider, Provider::Zoom) { Tolerance::ZOOM } else { Tolerance::STRICT };
    let span = |set: &Option<String>, usual: TimeDelta| match set {
        Some(text) => {
            let span = chassis::period::parse(text).map_err(anyhow::Error::msg)?;
            Ok::<_, anyhow::Error>(TimeDelta::from_std(span)?)
        }
        None => Ok(usual),
    };
    let tolerance = Tolerance {
        past: span(&config.past, usual.past)?,
        future: span(&config.future, usual.future)?,
    };
    let api = config.api.iter().map(|(name, value)| {
        let is_secret = value.starts_with("env:") || value.starts_with("file:");
        let value = if is_secret { text(value)? } else { value.clone() };
        Ok::<_, anyhow::Error>((name.clone(), SecretString::from(value)))
    });
    Ok(Connection {
        name: config.name.clone(),
        company: config.company.clone(),
        provider,
        proof: Proof {
            secrets,
            public,
            keys,
            audiences: config.audiences.clone(),
            sender: config.sender.clone().unwrap_or_default(),
            openers: openers.collect::<Result<_, _>>()?,
            tolerance,
        },
        secret,
        certificate: config.certificate.first().map(|certificate| certificate.id.clone()),
        own: config.own.clone(),
        recorders: config.recorders.clone(),
        base_url: config.base_url.clone(),
        refused: AtomicU64::new(0),
        api: api.collect::<Result<_, _>>()?,
    })
}

/// Whether a provider delivers webhooks of its own. Zoom Phone's come with those of Zoom.
const fn receives(provider: Provider) -> bool {
    !matches!(provider, Provider::ZoomPhone | Provider::Sip)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
    use aws_lc_rs::rsa::{KeySize, PrivateDecryptingKey};

    fn of(toml: &str) -> anyhow::Result<Connections> {
        let config: config::Connection = serde_json::from_str(toml)?;
        Connections::read(&[config])
    }

    #[test]
    fn a_secret_stands_elsewhere_and_is_not_shown() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "hunter2\n").unwrap();
        let reference = format!("file:{}", file.path().display());
        let json = serde_json::json!({
            "name": "zoom", "company": "acme", "provider": "zoom", "secrets": [reference],
            "api": { "account_id": "A1", "client_secret": reference },
        });
        let read = of(&json.to_string()).unwrap();
        let one = read.get("zoom").unwrap();
        assert_eq!(one.proof.secrets, [Secret::new("hunter2").unwrap()], "without the line's end");
        assert_eq!(one.proof.tolerance, Tolerance::ZOOM);
        assert!(!format!("{read:?}").contains("hunter2"));
        let mistaken = json.to_string().replace(&reference, "hunter2");
        let mistaken: config::Connection = serde_json::from_str(&mistaken).unwrap();
        assert!(!format!("{mistaken:?}").contains("hunter2"));
        use secrecy::ExposeSecret as _;
        assert_eq!(one.api("client_secret").unwrap().expose_secret(), "hunter2");
        assert_eq!(one.api("account_id").unwrap().expose_secret(), "A1");
    }

    #[test]
    fn one_certificate_takes_the_place_of_another_while_both_hold() {
        let pair = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
        let pkcs8: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), pkcs8.as_ref()).unwrap();
        let key = format!("file:{}", file.path().display());
        let one = |id: &str| serde_json::json!({ "id": id, "key": key });
        for (certificate, many) in [
            (one("new"), 1),
            (serde_json::json!([one("new"), one("old")]), 2),
            (serde_json::json!([]), 0),
        ] {
            let json = serde_json::json!({
                "name": "teams", "company": "acme", "provider": "teams", "certificate": certificate,
            });
            let read = of(&json.to_string()).unwrap();
            let teams = read.get("teams").unwrap();
            assert_eq!(teams.proof.openers.len(), many);
            assert_eq!(teams.certificate.as_deref(), (many > 0).then_some("new"));
        }
    }

    #[test]
    fn what_cannot_be_used_is_refused_by_its_name() {
        for (wrong, why) in [
            (r#"{"name":"a b","company":"acme","provider":"zoom"}"#, "letters"),
            (r#"{"name":"a","company":"","provider":"zoom"}"#, "company"),
            (r#"{"name":"a","company":"acme","provider":"sip"}"#, "`sip` is no provider"),
            (
                r#"{"name":"a","company":"acme","provider":"zoom","secrets":["hunter2"]}"#,
                "`env:NAME`",
            ),
            (
                r#"{"name":"a","company":"acme","provider":"zoom","secrets":["env:CALLSHEET_NONE"]}"#,
                "not set",
            ),
            (r#"{"name":"a","company":"acme","provider":"zoom","past":"5"}"#, "span"),
            (
                r#"{"name":"a","company":"acme","provider":"webex","api":{"tenant":"t"}}"#,
                "`api.tenant` is no setting of `webex`",
            ),
        ] {
            let error = format!("{:#}", of(wrong).unwrap_err());
            assert!(error.contains(why) && !error.contains("hunter2"), "{error}");
        }
    }
}
