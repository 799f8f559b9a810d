//! What all runtimes of bots have in common: one attempt, one bot.
//!
//! A create whose answer never came may have been carried out, and a second bot in a meeting is worse than a late one. So
//! every create carries the key of its [`Attempt`] to the provider, and nobody creates before having looked for it:
//!
//! 1. Look for bots with the key. There is one: it is ours, whatever became of it, and nothing is created.
//! 2. There is none: create, in a way the provider itself recognises as a repetition where it can.
//! 3. The create failed, and may have been carried out: look again. What is found is ours. If nothing is found, the failure
//!    is told, which is transient; whoever called comes again later, and begins at 1.
//!
//! What a provider cannot promise is that a bot is listed the moment it is created. [`Ensured::surplus`] names bots that
//! should not be: they are to be called back.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;

use crate::{Error, Private};

/// The key of one attempt to send a bot. It is made once, stored before the first create, and the same in every repetition;
/// another attempt at the same meeting has another one. The provider knows it, so it says nothing of people.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attempt(String);

impl Attempt {
    /// Letters of a key, at most.
    pub const LONGEST: usize = 200;

    /// Takes a key.
    ///
    /// # Errors
    /// It is empty, too long, or holds anything but letters, digits and `-_.:`.
    pub fn new(key: impl Into<String>) -> Result<Self, Error> {
        let key = key.into();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
        if key.is_empty() || key.len() > Self::LONGEST || !key.bytes().all(plain) {
            return Err(Error::Argument("a key of an attempt that cannot be one"));
        }
        Ok(Self(key))
    }

    /// The key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The one bot of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ensured<B> {
    /// It.
    pub bot: B,
    /// How it was come by.
    pub how: How,
    /// Ids of other bots of the same attempt: the provider made them in spite of everything. They are to be called back.
    pub surplus: Vec<String>,
}

/// How the bot of an attempt was come by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum How {
    /// It was there already.
    Found,
    /// It was created now, and the provider said so.
    Created,
    /// It was created although the provider's answer never came.
    CreatedUnheard,
}

/// What became of a bot that was called back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Withdrawn {
    /// It never went.
    Deleted,
    /// It leaves.
    Leaving,
    /// There was nothing to call back: no such bot, or one that is past its meeting.
    Gone,
}

/// When a bot leaves by itself. What is absent is left to the provider, and what a provider does not know is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Leave {
    /// In the lobby for so long.
    pub lobby: Option<Duration>,
    /// The host did not start the meeting for so long.
    pub host: Option<Duration>,
    /// Nobody came for so long.
    pub nobody_came: Option<Duration>,
    /// Everybody else left so long ago.
    pub everybody_left: Option<Duration>,
    /// Nobody spoke for so long.
    pub silence: Option<Duration>,
    /// Silence counts only after so much time.
    pub silence_after: Option<Duration>,
    /// In the meeting without recording for so long.
    pub not_recording: Option<Duration>,
    /// Permission to record was refused so long ago.
    pub refused: Option<Duration>,
    /// Recorded, or ran, for so long.
    pub longest: Option<Duration>,
}

/// More that is told when a bot is ordered, in the runtime's own words: how it signs in to Meet or Teams, where it gets its
/// tokens for Zoom. It never takes the place of what an order says by itself. Its `Debug` shows the names alone.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Extras(BTreeMap<String, Value>);

impl Extras {
    /// Nothing more.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// One more setting, as it stands in the body of a create.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: Value) -> Self {
        self.0.insert(name.into(), value);
        self
    }

    /// Adds what the body does not say yet.
    pub(crate) fn add_to(&self, body: &mut Value) {
        if let Some(members) = body.as_object_mut() {
            for (name, value) in &self.0 {
                members.entry(name.as_str()).or_insert_with(|| value.clone());
            }
        }
    }
}

impl fmt::Debug for Extras {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Something that happened to a bot, as asking for the bot tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    /// What, in the provider's word: a state of Recall's, an event of Attendee's.
    pub code: String,
    /// Why, in the provider's word.
    pub sub_code: Option<String>,
    /// When.
    pub at: Option<DateTime<Utc>>,
    body: Bytes,
}

impl Happened {
    pub(crate) fn new(
        code: &str,
        sub_code: Option<String>,
        at: Option<DateTime<Utc>>,
        webhook: &Value,
    ) -> Self {
        Self { code: code.to_owned(), sub_code, at, body: webhook.to_string().into() }
    }

    /// The body of the webhook that told the same: whoever reads webhooks reads it, and finds the same key in it, so that
    /// what came both ways counts once.
    #[must_use]
    pub fn webhook(&self) -> Bytes {
        self.body.clone()
    }
}

/// A file of a recording, behind a link that holds for a short time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Medium {
    /// Where to fetch it, without credentials. To be asked for anew before each use.
    pub url: Private,
    /// Its format, in the provider's word: `mp4`, `mp3`.
    pub format: Option<String>,
}

/// A runtime that can look for the bots of an attempt.
#[async_trait]
pub(crate) trait Runtime: Sync {
    type Order: Sync;
    type Bot: Send;

    /// The attempt an order is for.
    fn attempt(order: &Self::Order) -> &Attempt;

    /// What is to be known of a bot: its id, and whether it is past its meeting.
    fn known(bot: &Self::Bot) -> (&str, bool);

    /// Whether there may be a bot although a create failed so.
    fn in_doubt(error: &Error) -> bool {
        error.may_have_been_done()
    }

    /// All bots of an attempt.
    async fn of_attempt(&self, attempt: &Attempt) -> Result<Vec<Self::Bot>, Error>;

    /// One create.
    async fn create_once(&self, order: &Self::Order) -> Result<Self::Bot, Error>;
}

/// Why there is no bot.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    /// One could not look.
    Looking(Error),
    /// A create failed so, and no bot was found afterwards.
    Creating(Error),
}

impl From<Failed> for Error {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Looking(error) | Failed::Creating(error) => error,
        }
    }
}

/// The one bot of an order's attempt, as the head of this module has it.
pub(crate) async fn ensure<R: Runtime>(
    runtime: &R,
    order: &R::Order,
) -> Result<Ensured<R::Bot>, Failed> {
    let attempt = R::attempt(order);
    let found = runtime.of_attempt(attempt).await.map_err(Failed::Looking)?;
    if let Some(found) = kept::<R>(found, How::Found) {
        return Ok(found);
    }
    let error = match runtime.create_once(order).await {
        Ok(bot) => return Ok(Ensured { bot, how: How::Created, surplus: Vec::new() }),
        Err(error) => error,
    };
    if !R::in_doubt(&error) {
        return Err(Failed::Creating(error));
    }
    // That looking fails too says no more than that the create did.
    let found = runtime.of_attempt(attempt).await.unwrap_or_default();
    kept::<R>(found, How::CreatedUnheard).ok_or(Failed::Creating(error))
}

/// Of several bots, the same one whoever looks: one that is not past its meeting, then the one with the lowest id.
fn kept<R: Runtime>(mut found: Vec<R::Bot>, how: How) -> Option<Ensured<R::Bot>> {
    found.sort_by(|a, b| {
        let ((a, a_over), (b, b_over)) = (R::known(a), R::known(b));
        (a_over, a).cmp(&(b_over, b))
    });
    let mut found = found.into_iter();
    let bot = found.next()?;
    let surplus = found.filter(|one| !R::known(one).1).map(|one| R::known(&one).0.to_owned());
    let surplus = surplus.collect();
    Some(Ensured { bot, how, surplus })
}

/// Adds to an object.
pub(crate) fn put(object: &mut Value, key: &str, value: impl Into<Value>) {
    if let Some(members) = object.as_object_mut() {
        members.insert(key.to_owned(), value.into());
    }
}

/// An instant as both providers write it.
pub(crate) fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// The first sentence in an error of Django's REST framework: `{"detail": "…"}`, `{"error": "…"}`, `{"field": ["…"]}`.
pub(crate) fn sentence(body: &Value) -> String {
    use crate::Look;
    if let Some(text) = ["detail", "error", "message"].iter().find_map(|key| body.id(&[key])) {
        return text;
    }
    let fields = body.as_object().into_iter().flatten();
    let told = |(field, value): (&String, &Value)| {
        let text = value.id(&[]).or_else(|| value.items(&[]).first()?.id(&[]))?;
        Some(format!("{field}: {text}"))
    };
    fields.filter_map(told).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::sync::Mutex;

    /// A runtime that finds and creates as told.
    #[derive(Default)]
    struct Told {
        finds: Mutex<Vec<Vec<(&'static str, bool)>>>,
        creates: Mutex<Vec<Result<(&'static str, bool), Error>>>,
    }

    #[async_trait]
    impl Runtime for Told {
        type Order = Attempt;
        type Bot = (&'static str, bool);

        fn attempt(order: &Attempt) -> &Attempt {
            order
        }

        fn known(bot: &Self::Bot) -> (&str, bool) {
            *bot
        }

        async fn of_attempt(&self, _: &Attempt) -> Result<Vec<Self::Bot>, Error> {
            Ok(self.finds.lock().unwrap().remove(0))
        }

        async fn create_once(&self, _: &Attempt) -> Result<Self::Bot, Error> {
            self.creates.lock().unwrap().remove(0)
        }
    }

    async fn ensured(
        finds: &[&[(&'static str, bool)]],
        create: Option<Result<(&'static str, bool), Error>>,
    ) -> Result<Ensured<(&'static str, bool)>, Failed> {
        let told = Told {
            finds: Mutex::new(finds.iter().map(|one| one.to_vec()).collect()),
            creates: Mutex::new(create.into_iter().collect()),
        };
        let ensured = ensure(&told, &Attempt::new("a").unwrap()).await;
        assert!(told.finds.lock().unwrap().is_empty() && told.creates.lock().unwrap().is_empty());
        ensured
    }

    fn lost() -> Error {
        Error::lost(crate::Fault::Timeout)
    }

    #[tokio::test]
    async fn what_is_there_is_not_created() {
        let ensured = ensured(&[&[("b", true)]], None).await.unwrap();
        assert_eq!((ensured.bot, ensured.how), (("b", true), How::Found));
    }

    #[tokio::test]
    async fn a_create_in_doubt_is_looked_for() {
        let there = ensured(&[&[], &[("b", false)]], Some(Err(lost()))).await.unwrap();
        assert_eq!(there.how, How::CreatedUnheard);
        let failed = ensured(&[&[], &[]], Some(Err(lost()))).await;
        assert_eq!(failed, Err(Failed::Creating(lost())));
        let refused = Error::Argument("x");
        let failed = ensured(&[&[]], Some(Err(refused.clone()))).await;
        assert_eq!(failed, Err(Failed::Creating(refused)));
    }

    #[tokio::test]
    async fn of_several_bots_everybody_keeps_the_same() {
        let all = [("a", true), ("c", false), ("b", false), ("d", true)];
        let ensured = ensured(&[&all], None).await.unwrap();
        assert_eq!((ensured.bot.0, ensured.surplus), ("b", vec!["c".to_owned()]));
    }

    #[test]
    fn a_key_can_stand_in_headers_and_queries() {
        assert!(Attempt::new("plan-7.r3:2").is_ok());
        for wrong in ["", "a b", "a\r\nb", "é", "a&b=c", &"x".repeat(201)] {
            assert!(Attempt::new(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_error_is_told_in_a_sentence() {
        assert_eq!(sentence(&json!({"detail": "No.", "code": "x"})), "No.");
        assert_eq!(sentence(&json!({"error": "No."})), "No.");
        assert_eq!(sentence(&json!({"bot_name": ["Too long.", "b"]})), "bot_name: Too long.");
        assert_eq!(sentence(&json!(["x"])), "");
    }
}
