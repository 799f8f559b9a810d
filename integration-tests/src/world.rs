//! The worlds a scenario runs in: each can be told the same things and asked for decisions.

pub mod core;
pub mod one_process;
pub mod processes;
mod remote;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use decision::CompanyFile;

use crate::scenario::{Choice, ConferenceFacts, Dial, Format, Import, Key, Leaf, Script};
use crate::told::Told;

pub use self::core::Core;
pub use one_process::OneProcess;
pub use processes::Processes;

/// A calendar payload on its way into a world.
#[derive(Debug, Clone)]
pub struct Payload {
    /// Name of the calendar.
    pub source: String,
    /// Its form.
    pub format: Format,
    /// The payload.
    pub text: String,
    /// When it is received.
    pub received: DateTime<Utc>,
    /// Address through which it came; empty for a calendar.
    pub recipient: String,
    /// Start of the period in which occurrences are laid out.
    pub from: DateTime<Utc>,
    /// End of that period.
    pub to: DateTime<Utc>,
}

/// Whose calls are decided, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Calls that start from here on, which is also now.
    pub now: DateTime<Utc>,
    /// Calls that start before this instant.
    pub to: DateTime<Utc>,
}

/// A world: somewhere decisions are made.
#[async_trait]
pub trait World: Send {
    /// Its name in reports.
    fn name(&self) -> &'static str;

    /// Shows this time from now on, where the world has a clock.
    fn set_clock(&mut self, now: DateTime<Utc>);

    /// Applies a company file.
    async fn apply(&mut self, company: &CompanyFile) -> anyhow::Result<()>;

    /// Reads a calendar of a company.
    async fn ingest(&mut self, company: &CompanyFile, payload: Payload) -> anyhow::Result<()>;

    /// Decides every call of a period and every call known in it, and keeps what comes of it.
    async fn decide(&mut self, company: &str, period: Period) -> anyhow::Result<Vec<Told>>;

    /// The same with some meetings deleted in Callsheet; nothing is kept.
    async fn decide_ad_hoc(
        &mut self,
        company: &str,
        period: Period,
        deleted: &[Key],
    ) -> anyhow::Result<Vec<Told>>;

    /// Asks for a recording; whether it is heard.
    async fn request(&mut self, company: &str, call: &Key, by: &str) -> anyhow::Result<bool>;

    /// Takes a recording back; whether that is heard.
    async fn cancel(&mut self, company: &str, call: &Key, by: &str) -> anyhow::Result<bool>;

    /// Records a choice made on the consent page.
    async fn choose(&mut self, company: &str, choice: &Choice) -> anyhow::Result<()>;

    /// Tells the adapters about a conference.
    async fn conference_facts(
        &mut self,
        company: &str,
        facts: &ConferenceFacts,
    ) -> anyhow::Result<()>;

    /// Registers a telephone call that is placed now.
    async fn dial(&mut self, company: &str, dial: &Dial) -> anyhow::Result<()>;

    /// Asks for a recording behind a link to be imported now; whether it is heard.
    async fn import(&mut self, company: &str, import: &Import) -> anyhow::Result<bool>;

    /// Notes what will be told of a call while it is carried out.
    async fn script(&mut self, company: &str, script: &Script) -> anyhow::Result<()>;

    /// Lets time pass, with everything that happens by itself meanwhile: plans are carried out, and told of as scripts say.
    async fn advance(
        &mut self,
        company: &str,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> anyhow::Result<()>;

    /// Stops a recording; whether that is heard.
    async fn stop(&mut self, company: &str, call: &Key, by: &str) -> anyhow::Result<bool>;

    /// Deletes a recording; whether that is heard.
    async fn delete(&mut self, company: &str, call: &Key, by: &str) -> anyhow::Result<bool>;

    /// The decision that holds for a call.
    async fn outcome(&mut self, company: &str, call: &Key) -> anyhow::Result<Told>;

    /// Takes a service away, or brings it back.
    async fn set_away(&mut self, leaf: Leaf, away: bool) -> anyhow::Result<()>;

    /// Ends everything that was started.
    async fn end(self: Box<Self>) -> anyhow::Result<()>;
}
