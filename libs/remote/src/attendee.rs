//! Bots of Attendee, over its API version 1 (docs.attendee.dev), at its own service or at somebody's own.
//!
//! # One attempt, one bot
//!
//! The key of an attempt is the bot's `deduplication_key`, and stands in its metadata as `callsheet` so that webhooks carry
//! it back. [`Attendee::ensure_bot`] proceeds as [`bots`](crate::bots) has it. Attendee itself refuses (400) a second bot
//! with the key of one that is not past its meeting, so that no create, however late it is carried out, makes two at once.
//! A key is free again once its bot ended: that an ended bot is not followed by another one is why one looks first, and a
//! refused create is no answer but a reason to look again.
//!
//! # Errors
//!
//! Attendee gives no codes: the code is the status, and its words are kept. A missing credit and too many bots at once are
//! refusals with status 400.

mod bot;
mod order;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use ::http::header::AUTHORIZATION;
use ::http::{HeaderMap, Method, StatusCode};
use async_trait::async_trait;
use data_encoding::BASE64;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::bots::{Attempt, Ensured, Medium, Runtime, Withdrawn, ensure, sentence};
use crate::{
    Api, Base, Budget, Call, Complaint, Credentials, Dialect, Error, Http, Look, Private, Quota,
    Weight,
};

pub use bot::{Bot, Event};
pub use order::{Change, Order, Voice, Webhook};

/// Pages of a list, at most.
const PAGES: usize = 20;

/// Our own share of a server whose limits are the operator's: so many calls a minute.
#[must_use]
pub fn budget(per_minute: NonZeroU32, patience: Duration) -> Budget {
    let quota = Quota::within(per_minute, Duration::from_secs(60));
    Budget::new(&[(Weight::Light, quota)], patience)
}

/// Attendee's API, for one project. Clones share connections and budget.
#[derive(Debug, Clone)]
pub struct Attendee {
    api: Api,
}

/// A bot's recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// The file, where there is one.
    pub medium: Option<Medium>,
    /// When it begins, in milliseconds since 1970.
    pub started_ms: Option<i64>,
}

impl Attendee {
    /// A project's way to a server of Attendee, whose address ends with `/api/v1`. `account` is what its limits are
    /// counted for.
    #[must_use]
    pub fn new(http: Http, base: Base, account: &str, key: &SecretString, budget: Budget) -> Self {
        let token = format!("Token {}", key.expose_secret());
        let credentials = Credentials::Header(AUTHORIZATION, token.into());
        Self { api: Api::new(http, base, account, credentials, Arc::new(Words), budget) }
    }

    /// The one bot of an order's attempt: found, or created if there is none. Never again once it was called back.
    ///
    /// # Errors
    /// Any [`Error`]. After a transient one the same call, with the same order, does no harm.
    pub async fn ensure_bot(&self, order: &Order) -> Result<Ensured<Bot>, Error> {
        Ok(ensure(self, order).await?)
    }

    /// Creates a bot, without looking whether there is one.
    ///
    /// # Errors
    /// Any [`Error`]; [`Error::Refused`] also where there is one with the same key.
    pub async fn create(&self, order: &Order) -> Result<Bot, Error> {
        self.create_once(order).await
    }

    /// A bot with all that happened to it.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn retrieve(&self, bot: &str) -> Result<Bot, Error> {
        Bot::read(&self.api.json(&Call::get(["bots", bot])).await?)
    }

    /// All bots of an attempt.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn find(&self, attempt: &Attempt) -> Result<Vec<Bot>, Error> {
        let mut found = Vec::new();
        let mut cursor = None;
        for _ in 0..PAGES {
            let mut call = Call::get(["bots"])
                .query("deduplication_key", std::borrow::Cow::from(attempt.as_str()));
            if let Some(cursor) = cursor.take() {
                call = call.query("cursor", std::borrow::Cow::<str>::from(cursor));
            }
            let page = self.api.json(&call).await?;
            for item in page.items(&["results"]) {
                let bot = Bot::read(item)?;
                // A filter that a server ignores must not make everybody's bots ours.
                if bot.attempt.as_deref() == Some(attempt.as_str()) {
                    found.push(bot);
                }
            }
            cursor = page.id(&["next"]).as_deref().and_then(place);
            if cursor.is_none() {
                return Ok(found);
            }
        }
        Err(Error::Unreadable("its list does not end"))
    }

    /// Changes a bot that waits for its time.
    ///
    /// # Errors
    /// Any [`Error`]; [`Error::Refused`] once it has its resources, some minutes before it joins.
    pub async fn update(&self, bot: &str, change: &Change) -> Result<Bot, Error> {
        let call = Call::new(Method::PATCH, ["bots", bot]).json(&change.body());
        Bot::read(&self.api.json(&call).await?)
    }

    /// Deletes a bot that waits for its time.
    ///
    /// # Errors
    /// Any [`Error`]; [`Error::Refused`] once it has its resources.
    pub async fn delete(&self, bot: &str) -> Result<(), Error> {
        self.api.done(&Call::new(Method::DELETE, ["bots", bot])).await
    }

    /// Tells a bot to leave.
    ///
    /// # Errors
    /// Any [`Error`]; [`Error::Refused`] where it is in no meeting.
    pub async fn leave(&self, bot: &str) -> Result<(), Error> {
        self.command(bot, "leave", &json!({})).await
    }

    /// Calls a bot back, wherever it is: deletes it or tells it to leave.
    ///
    /// # Errors
    /// Any [`Error`]. After a transient one it may be called again. A bot that has its resources and did not join yet can
    /// be neither deleted nor told to leave: it is [`Error::Refused`], until its time has come.
    pub async fn withdraw(&self, bot: &str) -> Result<Withdrawn, Error> {
        match self.delete(bot).await {
            Ok(()) => return Ok(Withdrawn::Deleted),
            Err(Error::NotFound { .. }) => return Ok(Withdrawn::Gone),
            Err(Error::Refused { status: 400, .. }) => {}
            Err(error) => return Err(error),
        }
        match self.leave(bot).await {
            Ok(()) => Ok(Withdrawn::Leaving),
            Err(Error::NotFound { .. }) => Ok(Withdrawn::Gone),
            // What the refusal means is told by the bot itself, not by its words.
            Err(error @ Error::Refused { status: 400, .. }) => {
                let bot = self.retrieve(bot).await?;
                if bot.is_over() {
                    Ok(Withdrawn::Gone)
                } else if bot.is_leaving() {
                    Ok(Withdrawn::Leaving)
                } else {
                    Err(error)
                }
            }
            Err(error) => Err(error),
        }
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

    /// Plays an announcement, an MP3.
    ///
    /// # Errors
    /// Any [`Error`]; [`Error::Refused`] where it is in no meeting.
    pub async fn play(&self, bot: &str, mp3: &[u8]) -> Result<(), Error> {
        let body = json!({"type": "audio/mp3", "data": BASE64.encode(mp3)});
        self.command(bot, "output_audio", &body).await
    }

    /// Speaks an announcement. The project needs credentials for a voice.
    ///
    /// # Errors
    /// Any [`Error`]; [`Error::Refused`] where it is in no meeting, or there is no voice.
    pub async fn speak(&self, bot: &str, text: &str, voice: &Voice) -> Result<(), Error> {
        let body = json!({"text": text, "text_to_speech_settings": {"google": {
            "voice_language_code": voice.language, "voice_name": voice.name}}});
        self.command(bot, "speech", &body).await
    }

    /// A bot's recording, with a link made now.
    ///
    /// # Errors
    /// Any [`Error`]; [`Error::NotFound`] where there is no file (yet), or no bot.
    pub async fn recording(&self, bot: &str) -> Result<Recording, Error> {
        let value = self.api.json(&Call::get(["bots", bot, "recording"])).await?;
        let url = value.id(&["url"]).map(Private::new);
        Ok(Recording {
            medium: url.map(|url| Medium { url, format: None }),
            started_ms: value.int(&["start_timestamp_ms"]),
        })
    }

    /// Deletes all that a bot recorded, and who took part.
    ///
    /// # Errors
    /// Any [`Error`]; [`Error::Refused`] where it is not past its meeting.
    pub async fn delete_data(&self, bot: &str) -> Result<(), Error> {
        self.command(bot, "delete_data", &json!({})).await
    }

    async fn command(&self, bot: &str, name: &str, body: &Value) -> Result<(), Error> {
        self.api.done(&Call::new(Method::POST, ["bots", bot, name]).json(body)).await
    }
}

#[async_trait]
impl Runtime for Attendee {
    type Order = Order;
    type Bot = Bot;

    fn attempt(order: &Order) -> &Attempt {
        &order.attempt
    }

    fn known(bot: &Bot) -> (&str, bool) {
        (&bot.id, bot.is_over())
    }

    fn in_doubt(error: &Error) -> bool {
        // A key in use is among the refusals, and told by words alone.
        error.may_have_been_done() || matches!(error, Error::Refused { status: 400, .. })
    }

    async fn of_attempt(&self, attempt: &Attempt) -> Result<Vec<Bot>, Error> {
        self.find(attempt).await
    }

    async fn create_once(&self, order: &Order) -> Result<Bot, Error> {
        let call = Call::new(Method::POST, ["bots"]).json(&order.body()?);
        Bot::read(&self.api.json(&call).await?)
    }
}

/// Where the next page begins. Of the link only that is used: credentials go nowhere because an answer says so.
fn place(next: &str) -> Option<String> {
    let url = url::Url::parse(next).ok()?;
    url.query_pairs().find(|(key, _)| key == "cursor").map(|(_, value)| value.into_owned())
}

/// How Attendee words its errors: `{"error": "…"}`, `{"detail": "…"}`, or the fields that are wrong.
#[derive(Debug)]
struct Words;

impl Dialect for Words {
    fn complaint(&self, _: StatusCode, _: &HeaderMap, body: &[u8]) -> Complaint {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        Complaint { text: sentence(&body), ..Complaint::default() }
    }
}
