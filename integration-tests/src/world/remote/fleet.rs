//! A fleet of bots that takes every offer and does what it is told to.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use chassis::Link;
use proto::provider::v1 as provider;
use proto::provider::v1::bot_fleet_service_client::BotFleetServiceClient;
use proto::provider::v1::{Adapter, Attempt, serve_request as said, serve_response as told};
use tokio::sync::mpsc;

/// How long it waits until what it told is kept.
const PATIENCE: Duration = Duration::from_secs(20);

/// Enough of an attempt to tell it from others.
type Key = (String, u64, u32);

fn key(attempt: &Attempt) -> Key {
    (attempt.call_id.clone(), attempt.plan_revision, attempt.run)
}

#[derive(Debug, Default)]
struct Known {
    owned: BTreeSet<Key>,
    kept: BTreeSet<String>,
}

/// A fleet that is connected.
#[derive(Debug)]
pub(super) struct Fleet {
    say: mpsc::Sender<provider::ServeRequest>,
    known: Arc<Mutex<Known>>,
    reading: tokio::task::JoinHandle<()>,
}

impl Fleet {
    pub(super) async fn connect(
        mut client: BotFleetServiceClient<Link>,
        company: &str,
    ) -> anyhow::Result<Self> {
        let (say, heard) = mpsc::channel(100);
        let hello = provider::Hello {
            fleet: "scripted".to_owned(),
            company: company.to_owned(),
            adapters: [Adapter::ZoomLocal, Adapter::Teams, Adapter::Webex, Adapter::GoogleMeet]
                .map(i32::from)
                .to_vec(),
            capacity: 100,
        };
        say.send(request(said::Said::Hello(hello))).await?;
        let mut answers = client.serve(said_in(heard)).await?.into_inner();
        let known = Arc::new(Mutex::new(Known::default()));
        let reading = tokio::spawn({
            let (say, known) = (say.clone(), Arc::clone(&known));
            async move {
                let mut beat = tokio::time::interval(Duration::from_secs(2));
                loop {
                    let answer = tokio::select! {
                        answer = answers.message() => answer,
                        _ = beat.tick() => {
                            if say.send(heartbeat(&known)).await.is_err() {
                                return;
                            }
                            continue;
                        }
                    };
                    let Ok(Some(provider::ServeResponse { told: Some(one) })) = answer else {
                        return;
                    };
                    if let Some(answer) = react(&known, one)
                        && say.send(answer).await.is_err()
                    {
                        return;
                    }
                }
            }
        });
        Ok(Self { say, known, reading })
    }

    /// The attempts it has.
    pub(super) fn owned(&self) -> Vec<Key> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.owned.iter().cloned().collect()
    }

    /// Whether it has this one.
    pub(super) fn owns(&self, attempt: &Attempt) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.owned.contains(&key(attempt))
    }

    fn is_kept(&self, key: &str) -> bool {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).kept.contains(key)
    }

    /// Tells a signal, and waits until it is kept.
    pub(super) async fn tell(&self, signal: provider::Signal) -> anyhow::Result<()> {
        let key = signal.key.clone();
        let signals = provider::Signals { signals: vec![signal] };
        self.say.send(request(said::Said::Signals(signals))).await?;
        let kept = async {
            while !self.is_kept(&key) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, kept).await.context("a signal was not kept")
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

/// What comes through a channel, as a stream.
fn said_in(
    mut heard: mpsc::Receiver<provider::ServeRequest>,
) -> impl futures::Stream<Item = provider::ServeRequest> {
    futures::stream::poll_fn(move |context| heard.poll_recv(context))
}

fn request(said: said::Said) -> provider::ServeRequest {
    provider::ServeRequest { said: Some(said) }
}

fn heartbeat(known: &Mutex<Known>) -> provider::ServeRequest {
    let known = known.lock().unwrap_or_else(PoisonError::into_inner);
    let running = known
        .owned
        .iter()
        .map(|(call_id, plan_revision, run)| Attempt {
            company: "acme".to_owned(),
            call_id: call_id.clone(),
            plan_revision: *plan_revision,
            run: *run,
        })
        .collect();
    request(said::Said::Heartbeat(provider::Heartbeat { running, free: 100 }))
}

/// Takes what is offered, leaves what it has to, and does what it is told to by saying nothing: scripts tell what comes of it.
fn react(known: &Mutex<Known>, one: told::Told) -> Option<provider::ServeRequest> {
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    match one {
        told::Told::Offer(offer) => {
            let attempt = offer.order?.attempt?;
            known.owned.insert(key(&attempt));
            Some(request(said::Said::Accept(provider::Accept { attempt: Some(attempt) })))
        }
        told::Told::Acknowledgement(kept) => {
            known.kept.extend(kept.keys);
            None
        }
        told::Told::Welcome(_) | told::Told::Withdrawal(_) | told::Told::Instruction(_) => None,
    }
}
