//! The public keys of an issuer of tokens, as they are now: issuers replace them within weeks.
//!
//! They are looked for again when a token names a key that is not among them, at most once a minute whoever sends such
//! tokens, and once a day, so that a key that was withdrawn is not trusted any longer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chassis::chain;
use remote::{Http, Published};
use signals::verify::jwt::Keys;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tracing::warn;

/// How often they are looked for at most.
const SELDOM: Duration = Duration::from_secs(60);
/// How old they may be.
const AGE: Duration = Duration::from_secs(86_400);
/// How long an issuer may take: a provider waits for our answer meanwhile.
const PATIENCE: Duration = Duration::from_millis(1500);
/// Hosts of issuers we know tokens of: Google's, and Microsoft's with its national clouds.
const ISSUERS: [&str; 4] = [
    "www.googleapis.com",
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
];

/// Keys, and where they come from.
#[derive(Debug)]
pub(crate) struct KeyRing {
    origin: Origin,
    keys: RwLock<Arc<Keys>>,
    /// When they were looked for the last time.
    looked: Mutex<Option<Instant>>,
    /// The last token that came named none of them.
    lacking: AtomicBool,
}

#[derive(Debug)]
enum Origin {
    Nowhere,
    /// `env:NAME` or `file:/path`.
    Setting(String),
    Issuer(Published),
}

impl KeyRing {
    /// The keys a setting refers to: a document, or where an issuer publishes it. There they are fetched when the first
    /// token comes.
    ///
    /// # Errors
    /// It is no document of keys, or an address nobody we know issues tokens at.
    pub(crate) fn read(setting: Option<&str>) -> anyhow::Result<Self> {
        let (origin, keys) = match setting {
            None => (Origin::Nowhere, Keys::default()),
            Some(url) if url.starts_with("https://") || url.starts_with("http://") => {
                let at = Published::at(url).with_context(|| format!("`keys`: `{url}`"))?;
                let host = url.split('/').nth(2).unwrap_or_default();
                ensure!(
                    url.starts_with("http://") || ISSUERS.contains(&host),
                    "`keys`: `{host}` issues no tokens we know; known are {}",
                    ISSUERS.join(", ")
                );
                (Origin::Issuer(at), Keys::default())
            }
            Some(setting) => (Origin::Setting(setting.to_owned()), of_setting(setting)?),
        };
        let (keys, looked) = (RwLock::new(Arc::new(keys)), Mutex::new(None));
        Ok(Self { origin, keys, looked, lacking: AtomicBool::new(false) })
    }

    /// Whether there are any, or somewhere to look for them.
    pub(crate) fn is_set(&self) -> bool {
        !matches!(self.origin, Origin::Nowhere)
    }

    /// Notes whether the key of a token was missing, also after it was looked for again.
    pub(crate) fn note(&self, is_missing: bool) {
        self.lacking.store(is_missing, Ordering::Relaxed);
    }

    /// Where to look, if the last token named a key that is not among them.
    pub(crate) fn lack(&self) -> Option<&'static str> {
        self.lacking.load(Ordering::Relaxed).then_some(match &self.origin {
            Origin::Nowhere => "set them",
            Origin::Setting(_) => "replace the document, or name the address where it is published",
            Origin::Issuer(_) => "see whether that address can be reached from here",
        })
    }

    /// Those that are known.
    pub(crate) fn now(&self) -> Arc<Keys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks for them again if that was long ago.
    pub(crate) async fn renew(&self, http: &Http) {
        let Ok(mut looked) = self.looked.try_lock() else { return };
        match *looked {
            Some(at) if at.elapsed() >= AGE => self.look(&mut looked, http).await,
            Some(_) => {}
            // Those that were read at the start are as old as the process.
            None => *looked = Some(Instant::now().checked_sub(SELDOM).unwrap_or_else(Instant::now)),
        }
    }

    /// Looks for them again because one is missing, and answers whether there are others now. Of several who miss one at
    /// once, one looks and all find what it brought.
    pub(crate) async fn missing(&self, http: &Http) -> bool {
        let before = self.now();
        let mut looked = self.looked.lock().await;
        if !Arc::ptr_eq(&before, &self.now()) {
            return true;
        }
        if looked.is_some_and(|at| at.elapsed() < SELDOM) {
            return false;
        }
        self.look(&mut looked, http).await;
        before != self.now()
    }

    async fn look(&self, looked: &mut Option<Instant>, http: &Http) {
        *looked = Some(Instant::now());
        let found = match &self.origin {
            Origin::Nowhere => return,
            Origin::Setting(setting) => of_setting(setting),
            Origin::Issuer(at) => match tokio::time::timeout(PATIENCE, at.fetch(http)).await {
                Ok(Ok(document)) => Keys::read(&document).map_err(Into::into),
                Ok(Err(error)) => Err(error.into()),
                Err(_) => Err(anyhow::anyhow!("the issuer took too long")),
            },
        };
        match found {
            Ok(keys) => {
                *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
            }
            // Those there are stay: most tokens are signed with one of them.
            Err(error) => warn!(error = chain(error.as_ref()), "keys of tokens cannot be renewed"),
        }
    }
}

fn of_setting(setting: &str) -> anyhow::Result<Keys> {
    Ok(Keys::read(&crate::connections::read(setting)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document(id: &str) -> String {
        json!({ "keys": [{ "kty": "RSA", "use": "sig", "kid": id, "n": "AQAB", "e": "AQAB" }] })
            .to_string()
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_that_is_missing_is_looked_for_at_most_once_a_minute() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), document("k1")).unwrap();
        let setting = format!("file:{}", file.path().display());
        let ring = KeyRing::read(Some(&setting)).unwrap();
        let http = Http::new(&remote::Settings::default()).unwrap();
        assert!(ring.now().has("k1") && ring.lack().is_none());
        ring.note(true);
        assert!(ring.lack().is_some_and(|what| what.contains("replace the document")));
        ring.note(false);
        assert!(ring.lack().is_none());
        assert!(!ring.missing(&http).await, "it is the same");
        std::fs::write(file.path(), document("k2")).unwrap();
        assert!(!ring.missing(&http).await, "a moment ago it was not there");
        tokio::time::advance(SELDOM).await;
        assert!(ring.missing(&http).await);
        assert!(ring.now().has("k2") && !ring.now().has("k1"));
        // What cannot be read leaves what is known.
        std::fs::write(file.path(), "no keys").unwrap();
        tokio::time::advance(SELDOM).await;
        assert!(!ring.missing(&http).await);
        assert!(ring.now().has("k2"));
        // Once a day they are looked for though nobody misses any.
        std::fs::write(file.path(), document("k3")).unwrap();
        ring.renew(&http).await;
        assert!(ring.now().has("k2"));
        tokio::time::advance(AGE).await;
        ring.renew(&http).await;
        assert!(ring.now().has("k3"));
    }

    #[tokio::test]
    async fn keys_are_fetched_where_their_issuer_publishes_them() {
        let meet = fakes::meet::Meet::start(fakes::Clock::held(chrono::DateTime::UNIX_EPOCH)).await;
        let ring = KeyRing::read(Some(&meet.keys_url())).unwrap();
        let http = Http::new(&remote::Settings::default()).unwrap();
        assert!(ring.is_set() && *ring.now() == Keys::default());
        assert!(ring.missing(&http).await);
        assert!(*ring.now() != Keys::default());
        for wrong in ["https://keys.example/certs", "http://www.googleapis.com/oauth2/v3/certs"] {
            assert!(KeyRing::read(Some(wrong)).is_err(), "{wrong}");
        }
    }
}
