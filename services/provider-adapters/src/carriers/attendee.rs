//! Bots of Attendee.

use async_trait::async_trait;
use decision::session::Signal;
use remote::attendee::{Attendee, Bot as Theirs, Order};
use remote::bots::{Attempt, Leave, Withdrawn};
use remote::{Download, Error};
use signals::Event;

use super::bots::{Bot, Runtime, Sent, Wanted};
use super::files::{Recorded, Take};
use crate::attempts::Evidence;

fn bot(theirs: &Theirs) -> Bot {
    Bot {
        id: theirs.id.clone(),
        is_over: theirs.is_over(),
        records: theirs.recording_state.as_deref() == Some("in_progress"),
        events: theirs.events(),
    }
}

#[async_trait]
impl Runtime for Attendee {
    fn waits_to_record(&self) -> bool {
        false
    }

    async fn ensure(&self, wanted: Wanted) -> (Result<Sent, Error>, u32) {
        let order = Order {
            join_at: wanted.join_at,
            metadata: wanted.metadata,
            // It knows one time for a bot that is alone, whether others were there or not.
            leave: Leave { everybody_left: wanted.leave.nobody_came, ..wanted.leave },
            extras: wanted.more,
            ..Order::new(wanted.attempt, wanted.url, wanted.name)
        };
        let ensured = self.ensure_bot(&order).await;
        let sent = ensured.map(|it| Sent { bot: bot(&it.bot), surplus: it.surplus });
        // It does not repeat its answers.
        (sent, wanted.refusals)
    }

    async fn find(&self, attempt: &Attempt) -> Result<Vec<String>, Error> {
        Ok(Attendee::find(self, attempt).await?.into_iter().map(|bot| bot.id).collect())
    }

    async fn retrieve(&self, id: &str) -> Result<Bot, Error> {
        Ok(bot(&Attendee::retrieve(self, id).await?))
    }

    async fn withdraw(&self, bot: &str) -> Result<Withdrawn, Error> {
        Attendee::withdraw(self, bot).await
    }

    async fn ask(&self, _: &str) -> Result<(), Error> {
        // Its bots ask by themselves, and again when a host comes.
        Ok(())
    }

    async fn record(&self, _: &str) -> Result<(), Error> {
        // Its bots record as soon as they are in and may.
        Ok(())
    }

    async fn play(&self, bot: &str, mp3: &[u8]) -> Result<(), Error> {
        Attendee::play(self, bot, mp3).await
    }

    async fn recorded(&self, id: &str) -> Result<Recorded, Error> {
        match self.recording(id).await {
            Ok(recording) => {
                if let Some(medium) = recording.medium {
                    let takes = vec![Take::new(id, Download::open(medium.url))];
                    return Ok(Recorded { takes, ..Recorded::default() });
                }
            }
            // Not yet, not any more, or no bot: the bot tells.
            Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
        let bot = Attendee::retrieve(self, id).await?;
        let (signal, code) = if bot.state.as_deref() == Some("data_deleted") {
            (Signal::FilesDeleted, "data_deleted")
        } else if bot.recording_state.as_deref() == Some("failed") {
            (Signal::FilesLost, "recording_failed")
        } else {
            return Ok(Recorded { unfinished: true, ..Recorded::default() });
        };
        let (provider, code) = ("attendee".to_owned(), code.to_owned());
        Ok(Recorded::lost(signal, Evidence { provider, code, text: String::new() }))
    }

    async fn discard(&self, bot: &str) -> Result<(), Error> {
        self.delete_data(bot).await
    }

    fn read(&self, body: &[u8]) -> Option<Event> {
        signals::attendee::read(body).ok()
    }
}
