//! The bots of the demo: a fleet that is connected over `BotFleetService.Serve` as everybody's own would be, takes what it
//! is offered, and tells what the script says.

use std::collections::BTreeSet;
use std::time::Duration;

use chassis::Link;
use futures::{Stream, stream};
use proto::provider::v1;
use proto::provider::v1::bot_fleet_service_client::BotFleetServiceClient;
use proto::provider::v1::serve_request::Said;
use proto::provider::v1::serve_response::Told;
use tokio::sync::{mpsc, watch};
use tonic::Status;

use super::{COMPANY, PATIENCE};
use crate::error::Error;

/// More than there are in any day.
const CAPACITY: u32 = 100;
/// How often it says that it is there.
const HEARTBEAT: Duration = Duration::from_secs(3);

/// Enough of an attempt to tell it from others: call, revision of the plan, run.
type Key = (String, u64, u32);

fn key(attempt: &v1::Attempt) -> Key {
    (attempt.call_id.clone(), attempt.plan_revision, attempt.run)
}

/// What the fleet knows.
#[derive(Debug, Default)]
struct Known {
    /// Attempts it took.
    taken: BTreeSet<Key>,
    /// Those among them that it was called back from.
    left: BTreeSet<Key>,
    /// What it was told to do in them.
    told: BTreeSet<(Key, i32)>,
    /// Signals that need not be told again.
    kept: BTreeSet<String>,
    /// Why it is not connected any more.
    ended: Option<String>,
}

/// A fleet that is connected until it is dropped.
#[derive(Debug)]
pub(super) struct Fleet {
    say: mpsc::Sender<v1::ServeRequest>,
    known: watch::Sender<Known>,
    listening: tokio::task::JoinHandle<()>,
}

impl Fleet {
    pub(super) async fn connect(link: Link) -> Result<Self, Error> {
        let (say, said) = mpsc::channel(64);
        let adapters = [
            v1::Adapter::ZoomLocal,
            v1::Adapter::Teams,
            v1::Adapter::Webex,
            v1::Adapter::GoogleMeet,
        ];
        let hello = v1::Hello {
            fleet: "demo".to_owned(),
            company: COMPANY.to_owned(),
            adapters: adapters.map(i32::from).to_vec(),
            capacity: CAPACITY,
        };
        // There is room for the first.
        drop(say.try_send(request(Said::Hello(hello))));
        let refused = |status| Error::refused("connect the bots")(status);
        let mut client = BotFleetServiceClient::new(link);
        let mut answers = client.serve(flowing(said)).await.map_err(refused)?.into_inner();
        answers.message().await.map_err(refused)?;
        let (known, _) = watch::channel(Known::default());
        let listening = tokio::spawn(listen(answers, say.clone(), known.clone()));
        Ok(Self { say, known, listening })
    }

    /// Waits until it has taken an attempt.
    pub(super) async fn has(&self, attempt: &v1::Attempt) -> Result<(), Error> {
        let key = key(attempt);
        self.knows("a bot takes the offer", |known| known.taken.contains(&key)).await
    }

    /// Waits until it was told to do something in an attempt.
    pub(super) async fn told(&self, attempt: &v1::Attempt, act: v1::Act) -> Result<(), Error> {
        let told = (key(attempt), i32::from(act));
        let what = format!("the bot is told {}", act.as_str_name());
        self.knows(&what, |known| known.told.contains(&told)).await
    }

    /// Tells a signal, and waits until it is kept.
    pub(super) async fn tell(&self, signal: v1::Signal) -> Result<(), Error> {
        let key = signal.key.clone();
        let signals = request(Said::Signals(v1::Signals { signals: vec![signal] }));
        // That nobody listens any more is said by what is waited for.
        drop(self.say.send(signals).await);
        self.knows("what a bot tells is kept", |known| known.kept.contains(&key)).await
    }

    async fn knows(&self, what: &str, is_so: impl Fn(&Known) -> bool) -> Result<(), Error> {
        let mut known = self.known.subscribe();
        let waiting = known.wait_for(|known| known.ended.is_some() || is_so(known));
        let why = match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(Ok(known)) => match &known.ended {
                Some(why) if !is_so(&known) => why.clone(),
                Some(_) | None => return Ok(()),
            },
            Ok(Err(_)) | Err(_) => "it did not happen".to_owned(),
        };
        Err(Error::Halted(format!("waiting until {what}: {why}")))
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// What comes through a channel, as a stream.
fn flowing(said: mpsc::Receiver<v1::ServeRequest>) -> impl Stream<Item = v1::ServeRequest> {
    stream::unfold(said, |mut said| async move { said.recv().await.map(|one| (one, said)) })
}

fn request(said: Said) -> v1::ServeRequest {
    v1::ServeRequest { said: Some(said) }
}

/// Hears and answers until the stream ends.
async fn listen(
    mut answers: tonic::Streaming<v1::ServeResponse>,
    say: mpsc::Sender<v1::ServeRequest>,
    known: watch::Sender<Known>,
) {
    let mut beat = tokio::time::interval(HEARTBEAT);
    let ended = loop {
        let answer = tokio::select! {
            answer = answers.message() => match answer {
                Ok(Some(v1::ServeResponse { told: Some(told) })) => react(&known, told),
                Ok(Some(_)) => continue,
                Ok(None) => break Status::unavailable("the stream of the bots ended"),
                Err(status) => break status,
            },
            _ = beat.tick() => Some(heartbeat(&known.borrow())),
        };
        if let Some(answer) = answer
            && say.send(answer).await.is_err()
        {
            break Status::unavailable("nobody hears the bots");
        }
    };
    known.send_modify(|known| known.ended = Some(ended.message().to_owned()));
}

fn heartbeat(known: &Known) -> v1::ServeRequest {
    let running =
        known.taken.difference(&known.left).map(|(call_id, plan_revision, run)| v1::Attempt {
            company: COMPANY.to_owned(),
            call_id: call_id.clone(),
            plan_revision: *plan_revision,
            run: *run,
        });
    request(Said::Heartbeat(v1::Heartbeat { running: running.collect(), free: CAPACITY }))
}

/// Takes every offer and leaves when it is called back; all else it is told is noted, for the script.
fn react(known: &watch::Sender<Known>, told: Told) -> Option<v1::ServeRequest> {
    match told {
        Told::Offer(offer) => {
            let attempt = offer.order?.attempt?;
            known.send_modify(|known| {
                known.taken.insert(key(&attempt));
            });
            Some(request(Said::Accept(v1::Accept { attempt: Some(attempt) })))
        }
        Told::Withdrawal(withdrawal) => {
            let attempt = withdrawal.attempt?;
            known.send_modify(|known| {
                known.left.insert(key(&attempt));
            });
            None
        }
        Told::Instruction(instruction) => {
            let told = (key(&instruction.attempt?), instruction.act);
            known.send_modify(|known| {
                known.told.insert(told);
            });
            None
        }
        Told::Acknowledgement(kept) => {
            known.send_modify(|known| known.kept.extend(kept.keys));
            None
        }
        Told::Welcome(_) => None,
    }
}
