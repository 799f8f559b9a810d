//! Recall.ai, version 1.11 of its API: bots as state machines a test drives, webhooks through Svix, media behind links.
//!
//! What is played as documented: paths end with a slash and others are redirected; a bot ordered within ten minutes is
//! taken out of a pool that may be empty (507); a bot is sent ten minutes before it joins, and from then on neither changed
//! nor deleted; a repetition with the same `Idempotency-Key` gets 409 while the first one is under way and the first
//! answer, whatever it was, for an hour; metadata are strings; webhooks are repeated for a day, signed anew each time with
//! every secret that holds. Words of errors where the documentation gives none are made up.

mod hooks;
mod routes;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::{Clock, Notice, Outbox, Sender, Server};
use hooks::Svix;
use state::State;

pub use hooks::manner;

/// Recall, played. When it is dropped, it is gone.
#[derive(Debug)]
pub struct Recall {
    server: Server,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    outbox: Outbox,
    clock: Clock,
    svix: Arc<Svix>,
    base: OnceLock<String>,
}

/// The key it lets in.
const KEY: &str = "recall-key";

impl Recall {
    /// Begins, within the runtime that is running.
    pub async fn start(clock: Clock) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::new(State::new()),
            outbox: Outbox::new(),
            clock,
            svix: Arc::new(Svix::new()),
            base: OnceLock::new(),
        });
        let server = Server::start(routes::routes(Arc::clone(&shared))).await;
        shared.base.get_or_init(|| server.url(""));
        Self { server, shared }
    }

    /// Where its API is.
    #[must_use]
    pub fn base(&self) -> String {
        self.server.url("/api/v1")
    }

    /// The key it lets in.
    #[must_use]
    pub fn key(&self) -> &'static str {
        KEY
    }

    /// What goes wrong with it, and what it was asked.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Its webhooks on their way.
    #[must_use]
    pub fn outbox(&self) -> &Outbox {
        &self.shared.outbox
    }

    /// Somebody gets its webhooks. Repetitions come so many times faster than Svix makes them.
    pub fn subscribe(&self, target: &str, faster: u32) {
        let svix = Arc::clone(&self.shared.svix);
        let manner = manner().faster(faster);
        self.outbox().subscribe(Sender::new(target, svix, manner, self.shared.clock.clone()));
    }

    /// The secret its webhooks are signed with: `whsec_…`.
    #[must_use]
    pub fn secret(&self) -> String {
        self.shared.svix.secret()
    }

    /// Makes a new secret. The old one signs as well, until [it is forgotten](Self::forget).
    #[must_use]
    pub fn rotate(&self) -> String {
        self.shared.svix.rotate()
    }

    /// Signs with the newest secret alone, as after a day.
    pub fn forget(&self) {
        self.shared.svix.forget();
    }

    /// Names headers `svix-…`, as for workspaces from before 2026.
    pub fn legacy(&self) {
        self.shared.svix.legacy();
    }

    /// How many bots are free for those who order late. Any number, unless told otherwise.
    pub fn free(&self, bots: u32) {
        self.state().free = bots;
    }

    /// How long a create takes. It is carried out whether or not anybody still listens.
    pub fn linger(&self, time: Duration) {
        self.state().linger = time;
    }

    /// How many lists, from now on, do not show what was created since.
    pub fn blind(&self, lists: u32) {
        let mut state = self.state();
        state.blind = lists;
        state.seen = state.bots.len();
    }

    /// How many bots stand on a page of a list.
    pub fn page(&self, bots: usize) {
        self.state().page = bots.max(1);
    }

    /// How long links to media hold: six hours, unless told otherwise.
    pub fn link_lifetime(&self, time: Duration) {
        self.state().link = time;
    }

    /// The ids of all bots, in the order in which they were created, without those that were deleted.
    #[must_use]
    pub fn bots(&self) -> Vec<String> {
        self.state().bots.iter().map(|bot| bot.id.clone()).collect()
    }

    /// What a bot was ordered with.
    ///
    /// # Panics
    /// There is no such bot.
    #[must_use]
    pub fn order(&self, bot: &str) -> Value {
        self.state().bot(bot).order.clone()
    }

    /// What a bot was told to play.
    ///
    /// # Panics
    /// There is no such bot.
    #[must_use]
    pub fn played(&self, bot: &str) -> Vec<Vec<u8>> {
        self.state().bot(bot).played.clone()
    }

    /// Whether a bot records, and is not interrupted.
    ///
    /// # Panics
    /// There is no such bot.
    #[must_use]
    pub fn records(&self, bot: &str) -> bool {
        let state = self.state();
        let bot = state.bot(bot);
        bot.running().is_some() && !bot.paused
    }

    /// A bot comes into a state, for a reason if there is one. All who subscribed are told.
    ///
    /// # Panics
    /// There is no such bot, or that state cannot follow.
    pub fn happen(&self, bot: &str, code: &str, sub_code: Option<&str>) {
        let from = self.state().bot(bot).code().map(str::to_owned);
        assert!(state::follows(from.as_deref(), code), "`{code}` cannot follow {from:?}");
        self.shared.enter(bot, code, sub_code);
    }

    /// A bot goes through states; a reason stands behind a colon: `call_ended:call_ended_by_host`.
    ///
    /// # Panics
    /// There is no such bot, or one of the states cannot follow.
    pub fn walk(&self, bot: &str, states: &[&str]) {
        for state in states {
            let (code, sub_code) =
                state.split_once(':').map_or((*state, None), |(code, reason)| (code, Some(reason)));
            self.happen(bot, code, sub_code);
        }
    }

    /// The newest recording of a bot is ready, so many seconds long; silent or not.
    ///
    /// # Panics
    /// There is no such bot, or it never recorded.
    pub fn ready(&self, bot: &str, seconds: u32, silent: bool) {
        let file = crate::media::wav(seconds, silent);
        self.shared.settle(bot, "done", None, Some(file));
    }

    /// The newest recording of a bot failed.
    ///
    /// # Panics
    /// There is no such bot, or it never recorded.
    pub fn spoil(&self, bot: &str, sub_code: &str) {
        self.shared.settle(bot, "failed", Some(sub_code), None);
    }

    /// Somebody comes (`join`) or goes (`leave`).
    ///
    /// # Panics
    /// There is no such bot.
    pub fn participant(&self, bot: &str, action: &str, id: u32, name: &str, host: bool) {
        let mut state = self.state();
        let at = state.tick(&self.shared.clock);
        let data = json!({
            "data": {"action": action, "data": null, "timestamp": {"absolute": at, "relative": 0.0},
                "participant": {"id": id, "name": name, "is_host": host, "platform": null,
                    "extra_data": null, "email": null}},
            "bot": state.bot(bot).named()});
        self.shared.tell(&format!("participant_events.{action}"), &data);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn base(&self) -> &str {
        self.base.get().map_or("", String::as_str)
    }

    /// Told while the state is held, so that webhooks leave in order.
    fn tell(&self, event: &str, data: &Value) {
        self.outbox.send(Notice::json(event, &json!({"event": event, "data": data})));
    }

    /// A bot comes into a state, and what follows from that.
    fn enter(&self, id: &str, code: &str, sub_code: Option<&str>) {
        let mut state = self.state();
        let at = state.tick(&self.clock);
        let records = code == "in_call_recording";
        let fresh = format!("recording-{}", state.random.text(12));
        let bot = state.bot_mut(id);
        bot.statuses
            .push(json!({"code": code, "sub_code": sub_code, "message": null, "created_at": at}));
        let data = json!({"data": {"code": code, "sub_code": sub_code, "updated_at": at}, "bot": bot.named()});
        self.tell(&format!("bot.{code}"), &data);
        if records && bot.running().is_none() {
            let at = state.tick(&self.clock);
            let bot = state.bot_mut(id);
            bot.recordings.push(state::Recording::new(fresh, at));
            let told = bot.told(bot.recordings.len() - 1);
            self.tell("recording.processing", &told);
        } else if !records && state::ends_recording(code) {
            let bot = state.bot_mut(id);
            bot.complete(&at);
        }
    }

    /// What becomes of the newest recording of a bot.
    fn settle(&self, id: &str, code: &str, sub_code: Option<&str>, file: Option<bytes::Bytes>) {
        let mut state = self.state();
        let at = state.tick(&self.clock);
        let bot = state.bot_mut(id);
        let last = bot.recordings.len().checked_sub(1).expect("a bot that recorded");
        bot.settle(last, code, sub_code, &at, file);
        let told = bot.told(last);
        self.tell(&format!("recording.{code}"), &told);
    }
}
