//! An account of Twilio, and how its API is asked.

use std::borrow::Cow;
use std::sync::Arc;

use ::http::{Method, StatusCode};
use secrecy::SecretString;
use serde_json::Value;

use super::{Dialing, PhoneCall, Recording};
use crate::worded::Worded;
use crate::{
    Api, Base, Budget, Call, Credentials, Download, Error, Http, InvalidBase, Look, Verdict,
};

/// Version of the API, which begins its paths.
const VERSION: &str = "2010-04-01";
/// Recordings of a page.
const PAGE: &str = "100";
/// Pages of a list, at most: nobody records a call that often.
const PAGES: usize = 20;

/// Twilio's errors: `{"code": 20404, "message": "…", "more_info": "…", "status": 404}`.
const DIALECT: Worded = Worded { code: &[&["code"]], text: &[&["message"]], verdict };

fn verdict(_: StatusCode, code: Option<&str>, _: &str) -> Option<Verdict> {
    match code? {
        "20003" => Some(Verdict::Unauthorised),
        "20404" => Some(Verdict::NotFound),
        "20429" => Some(Verdict::Busy(crate::Limit::Rate)),
        _ => None,
    }
}

/// Where Twilio lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Calls and recordings; Twilio's own is `https://api.twilio.com`.
    pub api: Base,
    /// Permissions; Twilio's own is `https://voice.twilio.com`.
    pub voice: Base,
}

impl Settings {
    /// Twilio's own addresses.
    ///
    /// # Errors
    /// Never: they can be read.
    pub fn public() -> Result<Self, InvalidBase> {
        Ok(Self {
            api: Base::new("https://api.twilio.com")?,
            voice: Base::new("https://voice.twilio.com")?,
        })
    }
}

/// An account, and the key it is opened with.
#[derive(Debug, Clone)]
pub struct Account {
    /// The account's id, `AC…`.
    pub sid: String,
    /// The id of an API key, `SK…`, or the account's own id.
    pub key: String,
    /// The key's secret, or the account's auth token.
    pub secret: SecretString,
}

/// What a recording is fetched as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Uncompressed, with all channels if that is asked for.
    Wav,
    /// Compressed.
    Mp3,
}

/// One account of Twilio. Clones share connections and budgets.
#[derive(Debug, Clone)]
pub struct Client {
    api: Api,
    voice: Api,
    base: Base,
    credentials: Credentials,
}

impl Client {
    /// An account.
    #[must_use]
    pub fn new(http: &Http, settings: &Settings, account: &Account, budget: Budget) -> Self {
        let credentials = Credentials::basic(&account.key, &account.secret);
        let api = |base: &Base, budget| {
            let (http, base) = (http.clone(), base.clone());
            Api::new(http, base, &account.sid, credentials.clone(), Arc::new(DIALECT), budget)
        };
        Self {
            api: api(&settings.api, budget.clone()),
            voice: api(&settings.voice, budget),
            base: settings.api.clone(),
            credentials: credentials.clone(),
        }
    }

    /// The account's id.
    #[must_use]
    pub fn account(&self) -> &str {
        self.api.account()
    }

    /// A call.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none; any other.
    pub async fn call(&self, sid: &str) -> Result<PhoneCall, Error> {
        let value = self.get(&["Calls", &format!("{sid}.json")]).await?;
        PhoneCall::read(&value).ok_or(Error::Unreadable("a call without id"))
    }

    /// All recordings of a call; none where it was not recorded, or is not known.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn recordings(&self, call: &str) -> Result<Vec<Recording>, Error> {
        let mut all = Vec::new();
        let mut next: Option<(String, String)> = None;
        for _ in 0..PAGES {
            let path = [VERSION, "Accounts", self.account(), "Calls", call, "Recordings.json"];
            let (page, token) = next.as_ref().map_or((None, None), |(page, token)| {
                (Some(Cow::from(page.as_str())), Some(Cow::from(token.as_str())))
            });
            let asked = Call::get(path)
                .query("PageSize", Cow::from(PAGE))
                .query("Page", page)
                .query("PageToken", token);
            let value = self.api.json(&asked).await?;
            all.extend(value.items(&["recordings"]).iter().filter_map(Recording::read));
            next = follow(&value);
            if next.is_none() {
                return Ok(all);
            }
        }
        Err(Error::Unreadable("a list without end"))
    }

    /// Begins to record a call that somebody has answered, each side on a channel of its own. What becomes of the recording
    /// is told to `callback`, if there is one. Who asks twice has two recordings.
    ///
    /// # Errors
    /// [`Error::Refused`] with 21220 where the call is not in progress; any other.
    pub async fn start_recording(
        &self,
        call: &str,
        callback: Option<&str>,
    ) -> Result<Recording, Error> {
        let path = [VERSION, "Accounts", self.account(), "Calls", call, "Recordings.json"];
        let mut form = vec![("RecordingChannels", "dual")];
        if let Some(callback) = callback {
            form.push(("RecordingStatusCallback", callback));
            form.push(("RecordingStatusCallbackEvent", "in-progress completed absent"));
        }
        let value = self.api.json(&Call::new(Method::POST, path).form(&form)).await?;
        Recording::read(&value).ok_or(Error::Unreadable("a recording without id"))
    }

    /// Ends a recording of a call that goes on.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none; [`Error::Refused`] where it has ended; any other.
    pub async fn stop_recording(&self, call: &str, sid: &str) -> Result<(), Error> {
        let file = format!("{sid}.json");
        let path = [VERSION, "Accounts", self.account(), "Calls", call, "Recordings", &file];
        self.api.done(&Call::new(Method::POST, path).form(&[("Status", "stopped")])).await
    }

    /// A recording.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none, or none any more; any other.
    pub async fn recording(&self, sid: &str) -> Result<Recording, Error> {
        let value = self.get(&["Recordings", &format!("{sid}.json")]).await?;
        Recording::read(&value).ok_or(Error::Unreadable("a recording without id"))
    }

    /// Where a recording's sound is; `channels` as it was recorded, or both mixed into one.
    ///
    /// # Errors
    /// The id cannot be one.
    pub async fn download(
        &self,
        sid: &str,
        format: Format,
        channels: Option<u32>,
    ) -> Result<Download, Error> {
        let suffix = match format {
            Format::Wav => "wav",
            Format::Mp3 => "mp3",
        };
        let file = format!("{sid}.{suffix}");
        let path = [VERSION, "Accounts", self.account(), "Recordings", &file];
        let query: Vec<(&str, String)> =
            channels.map(|count| ("RequestedChannels", count.to_string())).into_iter().collect();
        Download::of(&self.base, &path, &query, &self.credentials).await
    }

    /// Deletes a recording for good.
    ///
    /// # Errors
    /// [`Error::NotFound`] where it is gone already; any other.
    pub async fn delete_recording(&self, sid: &str) -> Result<(), Error> {
        let file = format!("{sid}.json");
        let path = [VERSION, "Accounts", self.account(), "Recordings", &file];
        self.api.done(&Call::new(Method::DELETE, path)).await
    }

    /// Which numbers of a country (two letters) the account may call.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is no such country; any other.
    pub async fn dialing(&self, country: &str) -> Result<Dialing, Error> {
        let path = ["v1", "DialingPermissions", "Countries", country];
        let value = self.voice.json(&Call::get(path)).await?;
        Dialing::read(&value).ok_or(Error::Unreadable("a country without code"))
    }

    async fn get(&self, path: &[&str]) -> Result<Value, Error> {
        let start = [VERSION, "Accounts", self.account()];
        self.api.json(&Call::get(start.into_iter().chain(path.iter().copied()))).await
    }
}

/// The number and the token of the next page.
fn follow(value: &Value) -> Option<(String, String)> {
    let uri = value.id(&["next_page_uri"])?;
    let (_, query) = uri.split_once('?')?;
    let of = |wanted: &str| {
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find(|(key, _)| key == wanted).map(|(_, value)| value.into_owned())
    };
    Some((of("Page")?, of("PageToken")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_addresses_of_twilio_can_be_read() {
        assert!(Settings::public().is_ok());
    }

    #[test]
    fn the_next_page_is_its_number_and_token() {
        let uri =
            "/2010-04-01/Accounts/AC1/Calls/CA1/Recordings.json?PageSize=1&Page=1&PageToken=PARE2";
        let next = follow(&json!({ "next_page_uri": uri }));
        assert_eq!(next, Some(("1".to_owned(), "PARE2".to_owned())));
        assert_eq!(follow(&json!({"next_page_uri": null})), None);
    }
}
