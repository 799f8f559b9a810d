//! Attendee: bots as state machines a test drives, webhooks signed over canonical JSON, a recording behind a link.
//!
//! What is played as documented and as its source has it: an event is possible in some states only; a second bot with the
//! `deduplication_key` of one that is not past its meeting is refused; a bot that waits for its time can be changed and
//! deleted, one that has its resources cannot; a bot's own webhooks come instead of the project's; three attempts; the
//! newest secret alone signs; bodies are written as Python writes them, so that what is signed is not what is sent.

mod hooks;
mod python;
mod routes;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::{Clock, Outbox, Sender, Server};
use hooks::Signer;
use state::State;

pub use hooks::manner;
pub use python::{canonical, written};

/// Attendee, played. When it is dropped, it is gone.
#[derive(Debug)]
pub struct Attendee {
    server: Server,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    outbox: Outbox,
    clock: Clock,
    signer: Arc<Signer>,
    base: OnceLock<String>,
}

/// The key it lets in.
const KEY: &str = "attendee-key";

impl Attendee {
    /// Begins, within the runtime that is running.
    pub async fn start(clock: Clock) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::new(State::new()),
            outbox: Outbox::new(),
            clock,
            signer: Arc::new(Signer::new()),
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

    /// The project's webhooks on their way.
    #[must_use]
    pub fn outbox(&self) -> &Outbox {
        &self.shared.outbox
    }

    /// The webhooks of a bot on their way: its own if it has any, else the project's.
    ///
    /// # Panics
    /// There is no such bot.
    #[must_use]
    pub fn outbox_of(&self, bot: &str) -> Outbox {
        let state = self.state();
        state.bot(bot).outbox.clone().unwrap_or_else(|| self.shared.outbox.clone())
    }

    /// Somebody gets the project's webhooks. Repetitions come so many times faster than Attendee makes them.
    pub fn subscribe(&self, target: &str, faster: u32) {
        let sender = self.shared.sender(target, faster);
        self.outbox().subscribe(sender);
    }

    /// The secret its webhooks are signed with: base64.
    #[must_use]
    pub fn secret(&self) -> String {
        self.shared.signer.secret()
    }

    /// Makes a new secret, which signs from now on.
    #[must_use]
    pub fn rotate(&self) -> String {
        self.shared.signer.rotate()
    }

    /// How many bots can be in meetings at once. Any number, unless told otherwise.
    pub fn capacity(&self, bots: usize) {
        self.state().capacity = bots;
    }

    /// How long a create takes. It is carried out whether or not anybody still listens.
    pub fn linger(&self, time: Duration) {
        self.state().linger = time;
    }

    /// How many bots stand on a page of a list.
    pub fn page(&self, bots: usize) {
        self.state().page = bots.max(1);
    }

    /// How long links to recordings hold: half an hour, unless told otherwise.
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

    /// What a bot was told to play or say.
    ///
    /// # Panics
    /// There is no such bot.
    #[must_use]
    pub fn played(&self, bot: &str) -> Vec<Vec<u8>> {
        self.state().bot(bot).played.clone()
    }

    /// The state a bot is in.
    ///
    /// # Panics
    /// There is no such bot.
    #[must_use]
    pub fn state_of(&self, bot: &str) -> &'static str {
        self.state().bot(bot).state
    }

    /// Something happens to a bot, for a reason if there is one. All who subscribed are told.
    ///
    /// # Panics
    /// There is no such bot, or that cannot happen in the state it is in.
    pub fn happen(&self, bot: &str, event: &str, sub_type: Option<&str>) {
        self.happen_with(bot, event, sub_type, json!({}));
    }

    /// The same, with what its webhook tells besides: what Zoom answered, who removed the bot.
    ///
    /// # Panics
    /// There is no such bot, or that cannot happen in the state it is in.
    pub fn happen_with(&self, bot: &str, event: &str, sub_type: Option<&str>, metadata: Value) {
        self.shared
            .happen(bot, event, sub_type, metadata)
            .unwrap_or_else(|words| panic!("{words}"));
    }

    /// One thing after another happens to a bot; a reason stands behind a colon: `leave_requested:auto_leave_silence`.
    ///
    /// # Panics
    /// There is no such bot, or one of them cannot happen.
    pub fn walk(&self, bot: &str, events: &[&str]) {
        for event in events {
            let (event, reason) =
                event.split_once(':').map_or((*event, None), |(event, why)| (event, Some(why)));
            self.happen(bot, event, reason);
        }
    }

    /// The file of a bot's recording is there, so many seconds long; silent or not.
    ///
    /// # Panics
    /// There is no such bot.
    pub fn ready(&self, bot: &str, seconds: u32, silent: bool) {
        self.state().bot_mut(bot).file = Some(crate::media::wav(seconds, silent));
    }

    /// Somebody comes (`join`) or goes (`leave`).
    ///
    /// # Panics
    /// There is no such bot.
    pub fn participant(&self, bot: &str, event: &str, uuid: &str, name: &str, host: bool) {
        let mut state = self.state();
        let at = state.tick(&self.shared.clock);
        let id = format!("pe_{}", state.random.text(16));
        let data = json!({"id": id, "participant_name": name, "participant_uuid": uuid,
            "participant_user_uuid": null, "participant_is_host": host, "event_type": event,
            "event_data": {}, "timestamp_ms": at.timestamp_millis()});
        self.shared.tell(&mut state, bot, "participant_events.join_leave", &data);
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

    fn sender(&self, target: &str, faster: u32) -> Sender {
        let signer = Arc::clone(&self.signer);
        Sender::new(target, signer, manner().faster(faster), self.clock.clone())
    }

    /// Told while the state is held, so that webhooks leave in order.
    fn tell(&self, state: &mut State, bot: &str, trigger: &str, data: &Value) {
        let key = state.uuid();
        let bot = state.bot(bot);
        let notice = hooks::notice(&key, bot, trigger, data);
        let own = bot.outbox.as_ref().filter(|_| bot.wants(trigger));
        match (own, &bot.outbox) {
            (Some(outbox), _) => drop(outbox.send(notice)),
            (None, Some(_)) => {}
            (None, None) => drop(self.outbox.send(notice)),
        }
    }

    /// Something happens to a bot.
    ///
    /// # Errors
    /// It cannot, in these words.
    fn happen(
        &self,
        id: &str,
        event: &str,
        sub_type: Option<&str>,
        metadata: Value,
    ) -> Result<(), String> {
        let mut state = self.state();
        let at = state.tick(&self.clock);
        let data = state.bot_mut(id).happen(event, sub_type, metadata, at)?;
        self.tell(&mut state, id, "bot.state_change", &data);
        Ok(())
    }
}
