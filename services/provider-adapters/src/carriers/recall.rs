//! Bots of Recall.

use async_trait::async_trait;
use bytes::Bytes;
use decision::session::Signal;
use remote::bots::{Attempt, Withdrawn};
use remote::recall::{Bot as Theirs, Order, Recall, Start};
use remote::{Download, Error};
use signals::Event;

use super::bots::{Bot, Runtime, Sent, Wanted};
use super::files::{Recorded, Take};
use crate::attempts::Evidence;

/// One frame of an MP3 (MPEG-1, layer III, 128 kbit/s, 44.1 kHz) that holds nothing.
const FRAME: usize = 417;
const HEADER: [u8; 4] = [0xFF, 0xFB, 0x90, 0x64];

/// A moment of silence, to be played when recording begins: only who may play something then may play anything before.
fn silence() -> Bytes {
    let mut frame = HEADER.to_vec();
    frame.resize(FRAME, 0);
    frame.repeat(4).into()
}

/// A word of Recall's.
fn says(code: &str) -> Evidence {
    let (provider, code) = ("recall".to_owned(), code.chars().take(240).collect());
    Evidence { provider, code, text: String::new() }
}

fn bot(theirs: &Theirs) -> Bot {
    Bot {
        id: theirs.id.clone(),
        is_over: theirs.is_over(),
        records: theirs.code() == Some("in_call_recording"),
        events: theirs.events(),
    }
}

#[async_trait]
impl Runtime for Recall {
    fn waits_to_record(&self) -> bool {
        true
    }

    async fn ensure(&self, wanted: Wanted) -> (Result<Sent, Error>, u32) {
        let mut order = Order {
            refusals: wanted.refusals,
            join_at: wanted.join_at,
            metadata: wanted.metadata,
            leave: wanted.leave,
            audio: true,
            start: if wanted.announces { Start::Told } else { Start::Joined },
            announcement: wanted.announces.then(silence),
            extras: wanted.more,
            ..Order::new(wanted.attempt, wanted.url, wanted.name)
        };
        let ensured = self.ensure_bot(&mut order).await;
        let sent = ensured.map(|it| Sent { bot: bot(&it.bot), surplus: it.surplus });
        (sent, order.refusals)
    }

    async fn find(&self, attempt: &Attempt) -> Result<Vec<String>, Error> {
        Ok(Recall::find(self, attempt).await?.into_iter().map(|bot| bot.id).collect())
    }

    async fn retrieve(&self, id: &str) -> Result<Bot, Error> {
        Ok(bot(&Recall::retrieve(self, id).await?))
    }

    async fn withdraw(&self, bot: &str) -> Result<Withdrawn, Error> {
        Recall::withdraw(self, bot).await
    }

    async fn ask(&self, bot: &str) -> Result<(), Error> {
        self.ask_permission(bot).await
    }

    async fn record(&self, bot: &str) -> Result<(), Error> {
        self.start_recording(bot).await
    }

    async fn play(&self, bot: &str, mp3: &[u8]) -> Result<(), Error> {
        Recall::play(self, bot, mp3).await
    }

    async fn recorded(&self, id: &str) -> Result<Recorded, Error> {
        let bot = Recall::retrieve(self, id).await?;
        let mut all = Recorded::default();
        for one in &bot.recordings {
            let code = one.status.as_ref().map_or("", |status| status.code.as_str());
            let signal = match code {
                "deleted" => Some(Signal::FilesDeleted),
                "failed" => Some(Signal::FilesLost),
                _ => None,
            };
            if let Some(signal) = signal {
                all = all.and(Recorded::lost(signal, says(&format!("recording.{code}"))));
                continue;
            }
            let known = one.video.clone().or_else(|| one.audio.clone());
            let medium = match known {
                Some(medium) => Some(medium),
                None if code == "done" => self.audio(&one.id).await?,
                None => None,
            };
            match medium.filter(|_| code == "done") {
                Some(medium) => all.takes.push(Take::new(&one.id, Download::open(medium.url))),
                None => all.unfinished = true,
            }
        }
        // Whoever keeps nothing any more has nothing to finish.
        if bot.changes.iter().any(|status| status.code == "media_expired") {
            all = Recorded::lost(Signal::FilesLost, says("media_expired"));
        }
        Ok(all)
    }

    async fn discard(&self, bot: &str) -> Result<(), Error> {
        self.delete_media(bot).await
    }

    fn read(&self, body: &[u8]) -> Option<Event> {
        signals::recall::read(body).ok()
    }
}
