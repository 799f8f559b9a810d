//! Two fleets of bots that take what they are offered, come back whenever their stream breaks, and note whatever they are
//! told that must not be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chassis::Link;
use proto::provider::v1 as provider;
use proto::provider::v1::bot_fleet_service_client::BotFleetServiceClient;
use proto::provider::v1::{Act, Adapter, Attempt, serve_request as said, serve_response as told};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// Their names.
pub(crate) const FLEETS: [&str; 2] = ["north", "south"];

/// So often a fleet says that it is there.
const BEAT: Duration = Duration::from_millis(300);

/// How long it waits before it connects again.
const PAUSE: Duration = Duration::from_millis(30);

/// An attempt: call, revision of the plan, run.
pub(crate) type Key = (String, u64, u32);

pub(crate) fn key(attempt: &Attempt) -> Key {
    (attempt.call_id.clone(), attempt.plan_revision, attempt.run)
}

/// A bot that was sent.
#[derive(Debug)]
struct Bot {
    fleet: &'static str,
    /// The adapters have acknowledged something it told.
    is_known: bool,
    has_left: bool,
    /// What it was told to do, by number.
    acts: BTreeMap<u64, i32>,
}

/// What both fleets know.
#[derive(Debug, Default)]
pub(crate) struct Board {
    bots: BTreeMap<Key, Bot>,
    /// Signals that are not acknowledged yet, in order, by fleet.
    untold: BTreeMap<&'static str, Vec<provider::Signal>>,
    /// How often a fleet came to be connected.
    connected: usize,
    /// Offers, of which some may be repeated.
    offers: usize,
    wrong: Vec<String>,
}

/// Something during which adapters may be killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Instant {
    /// A bot was offered, and the offer is not accepted yet.
    Offered,
    /// A bot was told to fetch what was recorded.
    Fetching,
    /// A bot was called back.
    CalledBack,
}

/// The fleets, connected as often as it takes.
#[derive(Debug)]
pub(crate) struct Bots {
    board: Arc<Mutex<Board>>,
    news: watch::Sender<()>,
    serving: Vec<JoinHandle<()>>,
}

/// One of them.
#[derive(Debug, Clone)]
struct Fleet {
    name: &'static str,
    company: &'static str,
    board: Arc<Mutex<Board>>,
    happens: mpsc::UnboundedSender<Instant>,
}

fn guard(board: &Mutex<Board>) -> MutexGuard<'_, Board> {
    board.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Bots {
    /// Connects both, to whoever listens at `link`. Tells what happens as it does.
    pub(crate) fn connect(
        link: &Link,
        company: &'static str,
        happens: &mpsc::UnboundedSender<Instant>,
    ) -> Self {
        let board: Arc<Mutex<Board>> = Arc::default();
        let (news, _) = watch::channel(());
        let serving = FLEETS.map(|name| {
            let (board, happens) = (Arc::clone(&board), happens.clone());
            let fleet = Fleet { name, company, board, happens };
            let (link, mut news) = (link.clone(), news.subscribe());
            tokio::spawn(async move {
                loop {
                    let client = BotFleetServiceClient::new(link.clone());
                    // However it ends, the fleet comes back.
                    drop(fleet.serve(client, &mut news).await);
                    tokio::time::sleep(PAUSE).await;
                }
            })
        });
        Self { board, news, serving: serving.into() }
    }

    /// Has the newest bot of a call tell something. Answers whether there is one.
    pub(crate) fn tell(&self, call_id: &str, mut signal: provider::Signal, company: &str) -> bool {
        let mut board = guard(&self.board);
        let newest = board.bots.iter().rfind(|((call, ..), _)| call == call_id);
        let Some(((_, plan_revision, run), bot)) = newest else { return false };
        signal.attempt = Some(Attempt {
            company: company.to_owned(),
            call_id: call_id.to_owned(),
            plan_revision: *plan_revision,
            run: *run,
        });
        let fleet = bot.fleet;
        board.untold.entry(fleet).or_default().push(signal);
        drop(board);
        self.news.send_replace(());
        true
    }

    /// Whether everything that was told is acknowledged.
    pub(crate) fn is_heard(&self) -> bool {
        guard(&self.board).untold.values().all(Vec::is_empty)
    }

    /// Every attempt for which a bot was sent.
    pub(crate) fn sent(&self) -> BTreeSet<Key> {
        guard(&self.board).bots.keys().cloned().collect()
    }

    /// How often fleets were connected, and offers were made.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let board = guard(&self.board);
        (board.connected, board.offers)
    }

    /// What they were told that must not be.
    pub(crate) fn complaints(&self) -> Vec<String> {
        guard(&self.board).wrong.clone()
    }

    /// What must not have been, and bots that are left in a conference beside a newer one.
    pub(crate) fn wrong(&self) -> Vec<String> {
        let board = guard(&self.board);
        let mut found = board.wrong.clone();
        let there: Vec<&Key> =
            board.bots.iter().filter(|(_, bot)| !bot.has_left).map(|(key, _)| key).collect();
        for pair in there.windows(2) {
            let [one, other] = pair else { continue };
            if one.0 == other.0 {
                found.push(format!("two bots are in one conference: {one:?} and {other:?}"));
            }
        }
        found
    }
}

impl Drop for Bots {
    fn drop(&mut self) {
        for serving in &self.serving {
            serving.abort();
        }
    }
}

impl Fleet {
    /// Serves until the stream breaks.
    async fn serve(
        &self,
        mut client: BotFleetServiceClient<Link>,
        news: &mut watch::Receiver<()>,
    ) -> anyhow::Result<()> {
        let (say, mut heard) = mpsc::channel(256);
        let hello = provider::Hello {
            fleet: self.name.to_owned(),
            company: self.company.to_owned(),
            adapters: [Adapter::ZoomLocal, Adapter::Teams, Adapter::Webex].map(i32::from).to_vec(),
            capacity: 500,
        };
        say.send(request(said::Said::Hello(hello))).await?;
        let stream = futures::stream::poll_fn(move |context| heard.poll_recv(context));
        let mut answers = client.serve(stream).await?.into_inner();
        guard(&self.board).connected += 1;
        let mut beat = tokio::time::interval(BEAT);
        // What was told over this stream.
        let mut told = BTreeSet::new();
        loop {
            let signals: Vec<provider::Signal> = {
                let board = guard(&self.board);
                let untold = board.untold.get(self.name).map_or(&[][..], Vec::as_slice);
                untold.iter().filter(|one| !told.contains(&one.key)).take(100).cloned().collect()
            };
            if !signals.is_empty() {
                told.extend(signals.iter().map(|one| one.key.clone()));
                say.send(request(said::Said::Signals(provider::Signals { signals }))).await?;
            }
            tokio::select! {
                answer = answers.message() => {
                    let Some(told) = answer?.and_then(|answer| answer.told) else {
                        return Ok(());
                    };
                    if let Some(answer) = self.react(told) {
                        say.send(answer).await?;
                    }
                }
                _ = beat.tick() => say.send(self.heartbeat()).await?,
                changed = news.changed() => changed?,
            }
        }
    }

    fn heartbeat(&self) -> provider::ServeRequest {
        let board = guard(&self.board);
        let mine = board.bots.iter().filter(|(_, bot)| bot.fleet == self.name && !bot.has_left);
        let running = mine
            .map(|((call_id, plan_revision, run), _)| Attempt {
                company: self.company.to_owned(),
                call_id: call_id.clone(),
                plan_revision: *plan_revision,
                run: *run,
            })
            .collect();
        request(said::Said::Heartbeat(provider::Heartbeat { running, free: 400 }))
    }

    fn react(&self, told: told::Told) -> Option<provider::ServeRequest> {
        match told {
            told::Told::Welcome(welcome) => self.welcomed(&welcome),
            told::Told::Offer(offer) => {
                let attempt = offer.order?.attempt?;
                // Something may go wrong here: the accept may never arrive.
                let _ = self.happens.send(Instant::Offered);
                if self.offered(&attempt) {
                    let accept = provider::Accept { attempt: Some(attempt) };
                    return Some(request(said::Said::Accept(accept)));
                }
            }
            told::Told::Withdrawal(withdrawal) => {
                let attempt = withdrawal.attempt?;
                if let Some(bot) = guard(&self.board).bots.get_mut(&key(&attempt)) {
                    bot.has_left = true;
                }
                let _ = self.happens.send(Instant::CalledBack);
            }
            told::Told::Instruction(instruction) => self.instructed(&instruction),
            told::Told::Acknowledgement(kept) => {
                let mut board = guard(&self.board);
                let untold = board.untold.entry(self.name).or_default();
                let (done, rest) = std::mem::take(untold)
                    .into_iter()
                    .partition::<Vec<_>, _>(|one| kept.keys.contains(&one.key));
                *untold = rest;
                for attempt in done.iter().filter_map(|one| one.attempt.as_ref()) {
                    if let Some(bot) = board.bots.get_mut(&key(attempt)) {
                        bot.is_known = true;
                    }
                }
            }
        }
        None
    }

    /// What it is told to have, it has.
    fn welcomed(&self, welcome: &provider::Welcome) {
        let mut board = guard(&self.board);
        for attempt in welcome.owned.iter().filter_map(|order| order.attempt.as_ref()) {
            let mine = board.bots.get(&key(attempt)).is_some_and(|bot| bot.fleet == self.name);
            if !mine {
                let name = self.name;
                board.wrong.push(format!("{name} is told to have {attempt:?}, and never took it"));
            }
        }
    }

    /// Whether a bot is sent, or is there already.
    fn offered(&self, attempt: &Attempt) -> bool {
        let mut board = guard(&self.board);
        board.offers += 1;
        let key = key(attempt);
        let name = self.name;
        let wrong = match board.bots.get(&key) {
            Some(bot) if bot.fleet != name => {
                Some(format!("{key:?} is offered to {name}, and {} has it", bot.fleet))
            }
            Some(bot) if bot.has_left => {
                Some(format!("{key:?} is offered after it was called back"))
            }
            Some(bot) if bot.is_known => Some(format!("{key:?} is offered after it was heard of")),
            // Its accept may have been lost.
            Some(_) => None,
            None => {
                let newest = board.bots.keys().rfind(|(call, ..)| *call == key.0);
                newest
                    .filter(|newest| **newest > key)
                    .map(|newest| format!("{key:?} is offered after {newest:?}, which is newer"))
            }
        };
        if let Some(wrong) = wrong {
            board.wrong.push(wrong);
            return false;
        }
        board.bots.entry(key).or_insert(Bot {
            fleet: name,
            is_known: false,
            has_left: false,
            acts: BTreeMap::new(),
        });
        true
    }

    /// Does what it is told by saying nothing, scripts tell what comes of it; and notes what cannot be.
    fn instructed(&self, instruction: &provider::Instruction) {
        let Some(attempt) = &instruction.attempt else { return };
        let mut board = guard(&self.board);
        let name = self.name;
        let wrong = match board.bots.get_mut(&key(attempt)) {
            Some(bot) if bot.fleet == name => {
                let act = *bot.acts.entry(instruction.number).or_insert(instruction.act);
                (act != instruction.act).then(|| format!("it was something else: {instruction:?}"))
            }
            Some(_) | None => Some(format!("{name} has no bot for {instruction:?}")),
        };
        board.wrong.extend(wrong);
        drop(board);
        if instruction.act() == Act::Fetch {
            let _ = self.happens.send(Instant::Fetching);
        }
    }
}

fn request(said: said::Said) -> provider::ServeRequest {
    provider::ServeRequest { said: Some(said) }
}
