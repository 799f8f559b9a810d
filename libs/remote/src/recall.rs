//! Bots of Recall.ai, over its API version 1.11 (docs.recall.ai).
//!
//! # One attempt, one bot
//!
//! The key of an attempt goes into the bot's metadata as `callsheet`, which its webhooks carry back and by which bots are
//! listed. [`Recall::ensure_bot`] proceeds as [`bots`](crate::bots) has it. Between a create that is still under way and
//! the list that does not show its bot yet stands the header `Idempotency-Key`: Recall answers a repetition with 409 while
//! the first one is under way, and for an hour afterwards with what it answered then.
//!
//! That holds for failures too, a 507 among them. So the header holds, beside the attempt, [`Order::refusals`]: how often
//! Recall settled that this attempt has no bot. It is counted here, and kept by whoever keeps the attempt. What does not
//! come from the create itself (429, 409, silence, a list that fails) settles nothing: an earlier create may still be
//! carried out, and only the same header holds it together with the next one. Who forgets the count, in a crash, hears the
//! old answer for an hour at worst, and never has two bots.
//!
//! # Errors
//!
//! Recall's own codes (`teams_blacklisted_tenant`, `update_bot_failed`, …) are kept raw; where it gives none, the status
//! is the code. No bot being free (507) is [`Error::Unavailable`] that certainly had no effect, see [`is_out_of_bots`];
//! a conflict (409) is [`Error::Busy`].

mod bot;
mod order;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use ::http::header::AUTHORIZATION;
use ::http::{HeaderMap, HeaderName, Method, StatusCode};
use async_trait::async_trait;
use data_encoding::BASE64;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::bots::{Attempt, Ensured, Failed, Medium, Runtime, Withdrawn, ensure, sentence};
use crate::{
    Answer, Api, Base, Budget, Call, Complaint, Credentials, Dialect, Effect, Error, Fault, Http,
    InvalidBase, Limit, Look, Quota, Weight, object,
};

pub use bot::{Bot, Recording, Status};
pub use order::{Change, Keep, Order, Start};

/// How long to wait for a bot to become free, where Recall does not say (docs: errors).
const POOL: Duration = Duration::from_secs(30);
/// How long to wait after a conflict.
const CONFLICT: Duration = Duration::from_secs(2);
/// Pages of a list, at most.
const PAGES: usize = 20;

/// Where a region is: `us-east-1`, `us-west-2`, `eu-central-1`, `ap-northeast-1`. Keys and bots belong to one.
///
/// # Errors
/// It is no name of a region.
pub fn region(name: &str) -> Result<Base, InvalidBase> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || !name.bytes().all(plain) {
        return Err(InvalidBase::Url);
    }
    Base::new(&format!("https://{name}.recall.ai/api/v1"))
}

/// What a workspace may ask per minute: 60 lists, and 300 of anything else, which is documented of deletions and taken for
/// all the others.
#[must_use]
pub fn budget(patience: Duration) -> Budget {
    let minute = |calls| {
        Quota::within(NonZeroU32::new(calls).unwrap_or(NonZeroU32::MIN), Duration::from_secs(60))
    };
    Budget::new(&[(Weight::Light, minute(300)), (Weight::Medium, minute(60))], patience)
}

/// Whether a create failed since no bot was free. It does not happen to bots that are ordered ten minutes ahead.
#[must_use]
pub fn is_out_of_bots(error: &Error) -> bool {
    matches!(error, Error::Unavailable { fault: Fault::Status(507), .. })
}

/// Recall's API, for one workspace. Clones share connections and budget.
#[derive(Debug, Clone)]
pub struct Recall {
    api: Api,
}

impl Recall {
    /// A workspace's way to Recall. `account` is what its limits are counted for.
    #[must_use]
    pub fn new(http: Http, base: Base, account: &str, key: &SecretString, budget: Budget) -> Self {
        let token = format!("Token {}", key.expose_secret());
        let credentials = Credentials::Header(AUTHORIZATION, token.into());
        Self { api: Api::new(http, base, account, credentials, Arc::new(Words), budget) }
    }

    /// The one bot of an order's attempt: found, or created if there is none. Never again once it was called back.
    /// [`Order::refusals`] is counted up where Recall settled that there is none.
    ///
    /// # Errors
    /// Any [`Error`]. After a transient one the same call, with the same order, does no harm.
    pub async fn ensure_bot(&self, order: &mut Order) -> Result<Ensured<Bot>, Error> {
        let ensured = ensure(self, order).await;
        if let Err(Failed::Creating(error)) = &ensured
            && settles(error)
        {
            order.refusals = order.refusals.saturating_add(1);
        }
        Ok(ensured?)
    }

    /// Creates a bot, without looking whether there is one.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn create(&self, order: &Order) -> Result<Bot, Error> {
        self.create_once(order).await
    }

    /// A bot with all that happened to it.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn retrieve(&self, bot: &str) -> Result<Bot, Error> {
        Bot::read(&object(&self.send(Call::get(["bot", bot])).await?.body)?)
    }

    /// All bots of an attempt.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn find(&self, attempt: &Attempt) -> Result<Vec<Bot>, Error> {
        let mut found = Vec::new();
        let mut next: Option<(&'static str, String)> = None;
        for _ in 0..PAGES {
            let mut call = Call::get(["bot"])
                .weight(Weight::Medium)
                .query("metadata__callsheet", std::borrow::Cow::from(attempt.as_str()));
            if let Some((key, place)) = next.take() {
                call = call.query(key, std::borrow::Cow::from(place));
            }
            let page = object(&self.send(call).await?.body)?;
            for item in page.items(&["results"]) {
                let bot = Bot::read(item)?;
                // A filter that a provider ignores must not make everybody's bots ours.
                if bot.attempt.as_deref() == Some(attempt.as_str()) {
                    found.push(bot);
                }
            }
            next = page.id(&["next"]).as_deref().and_then(place);
            if next.is_none() {
                return Ok(found);
            }
        }
        Err(Error::Unreadable("its list does not end"))
    }

    /// Changes a bot that was not sent yet. A new time within the next ten minutes is refused: such a bot is called back,
    /// and another attempt ordered.
    ///
    /// # Errors
    /// Any [`Error`]; [`Error::Refused`] with `update_bot_failed` once it was sent.
    pub async fn update(&self, bot: &str, change: &Change) -> Result<Bot, Error> {
        let call = Call::new(Method::PATCH, ["bot", bot]).json(&change.body());
        Bot::read(&object(&self.send(call).await?.body)?)
    }

    /// Deletes a bot that was not sent yet.
    ///
    /// # Errors
    /// Any [`Error`]; [`Error::Refused`] with status 405 once it was sent, which is ten minutes before it joins.
    pub async fn delete(&self, bot: &str) -> Result<(), Error> {
        self.send(Call::new(Method::DELETE, ["bot", bot])).await.map(drop)
    }

    /// Tells a bot to leave.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn leave(&self, bot: &str) -> Result<(), Error> {
        self.command(bot, "leave_call", &json!({})).await
    }

    /// Calls a bot back, wherever it is: deletes it or tells it to leave.
    ///
    /// # Errors
    /// Any [`Error`]. After a transient one it may be called again.
    pub async fn withdraw(&self, bot: &str) -> Result<Withdrawn, Error> {
        match self.delete(bot).await {
            Ok(()) => return Ok(Withdrawn::Deleted),
            Err(Error::NotFound { .. }) => return Ok(Withdrawn::Gone),
            Err(Error::Refused { status: 405, .. }) => {}
            Err(error) => return Err(error),
        }
        match self.leave(bot).await {
            Ok(()) => Ok(Withdrawn::Leaving),
            Err(Error::NotFound { .. }) => Ok(Withdrawn::Gone),
            // What the refusal means is told by the bot itself, not by its words.
            Err(error @ Error::Refused { status: 400, .. }) => {
                if self.retrieve(bot).await?.is_over() { Ok(Withdrawn::Gone) } else { Err(error) }
            }
            Err(error) => Err(error),
        }
    }

    /// Asks the host to permit recording; in meetings of Zoom alone.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn ask_permission(&self, bot: &str) -> Result<(), Error> {
        self.command(bot, "request_recording_permission", &json!({})).await
    }

    /// Starts recording. One that is under way ends, and another recording begins.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn start_recording(&self, bot: &str) -> Result<(), Error> {
        self.command(bot, "start_recording", &json!({})).await
    }

    /// Ends the recording, and stays.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn stop_recording(&self, bot: &str) -> Result<(), Error> {
        self.command(bot, "stop_recording", &json!({})).await
    }

    /// Interrupts the recording.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn pause_recording(&self, bot: &str) -> Result<(), Error> {
        self.command(bot, "pause_recording", &json!({})).await
    }

    /// Goes on with the recording that was interrupted.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn resume_recording(&self, bot: &str) -> Result<(), Error> {
        self.command(bot, "resume_recording", &json!({})).await
    }

    /// Plays an announcement, an MP3. The bot must have been ordered with one ([`Order::announcement`]).
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn play(&self, bot: &str, mp3: &[u8]) -> Result<(), Error> {
        self.command(bot, "output_audio", &clip(mp3)).await
    }

    /// The recordings of a bot, with links made now.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn recordings(&self, bot: &str) -> Result<Vec<Recording>, Error> {
        Ok(self.retrieve(bot).await?.recordings)
    }

    /// The sound of a recording alone, where it was ordered and is ready.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn audio(&self, recording: &str) -> Result<Option<Medium>, Error> {
        let call = Call::get(["audio_mixed"])
            .weight(Weight::Medium)
            .query("recording_id", std::borrow::Cow::from(recording));
        let page = object(&self.send(call).await?.body)?;
        Ok(page.items(&["results"]).iter().find_map(bot::medium))
    }

    /// Deletes all that a bot recorded.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn delete_media(&self, bot: &str) -> Result<(), Error> {
        self.command(bot, "delete_media", &json!({})).await
    }

    async fn command(&self, bot: &str, name: &str, body: &Value) -> Result<(), Error> {
        self.send(Call::new(Method::POST, ["bot", bot, name]).json(body)).await.map(drop)
    }

    /// Sends a call. All paths end with a slash.
    async fn send(&self, call: Call) -> Result<Answer, Error> {
        self.api.send(&call.slash()).await.map_err(told)
    }
}

#[async_trait]
impl Runtime for Recall {
    type Order = Order;
    type Bot = Bot;

    fn attempt(order: &Order) -> &Attempt {
        &order.attempt
    }

    fn known(bot: &Bot) -> (&str, bool) {
        (&bot.id, bot.is_over())
    }

    async fn of_attempt(&self, attempt: &Attempt) -> Result<Vec<Bot>, Error> {
        self.find(attempt).await
    }

    async fn create_once(&self, order: &Order) -> Result<Bot, Error> {
        const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
        let key = format!("{}.{}", order.attempt.as_str(), order.refusals);
        let call =
            Call::new(Method::POST, ["bot"]).header(IDEMPOTENCY_KEY, &key).json(&order.body()?);
        Bot::read(&object(&self.send(call).await?.body)?)
    }
}

/// A clip as it is sent.
fn clip(mp3: &[u8]) -> Value {
    json!({"kind": "mp3", "b64_data": BASE64.encode(mp3)})
}

/// Where the next page begins. Of the link only that is used: credentials go nowhere because an answer says so.
fn place(next: &str) -> Option<(&'static str, String)> {
    let url = url::Url::parse(next).ok()?;
    let of = |name: &'static str| {
        url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| (name, value.into_owned()))
    };
    of("cursor").or_else(|| of("page"))
}

/// Whether a failed create is the last word on its `Idempotency-Key`: it came from the create itself.
fn settles(error: &Error) -> bool {
    is_out_of_bots(error) || matches!(error, Error::Refused { status: 400, .. })
}

/// What two statuses mean at Recall: a bot that is not free was not sent, and after a conflict one comes again.
fn told(error: Error) -> Error {
    if let Error::Unavailable { fault: fault @ Fault::Status(507), retry_after, .. } = error {
        let retry_after = Some(retry_after.unwrap_or(POOL));
        Error::Unavailable { fault, effect: Effect::None, retry_after }
    } else if let Error::Refused { status: 409, .. } = error {
        Error::Busy { limit: Limit::Rate, retry_after: Some(CONFLICT) }
    } else {
        error
    }
}

/// How Recall words its errors: `{"code": "…", "detail": "…"}`, or the fields that are wrong.
#[derive(Debug)]
struct Words;

impl Dialect for Words {
    fn complaint(&self, _: StatusCode, _: &HeaderMap, body: &[u8]) -> Complaint {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        Complaint { code: body.id(&["code"]), text: sentence(&body), ..Complaint::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_has_an_address() {
        assert_eq!(region("eu-central-1"), Base::new("https://eu-central-1.recall.ai/api/v1"));
        for wrong in ["", "evil.example/", "a.b", "EU"] {
            assert!(region(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn of_a_next_page_only_its_place_is_taken() {
        let next = "https://evil.example/api/v1/bot/?cursor=abc%3D&metadata__callsheet=x";
        assert_eq!(place(next), Some(("cursor", "abc=".to_owned())));
        assert_eq!(place("https://a.example/?page=2"), Some(("page", "2".to_owned())));
        assert_eq!(place("/bot/?cursor=2"), None);
    }
}
