//! Hands over what sessions ask of adapters: each order as often as it takes, those of one session in their order.
//!
//! What an order says beside its attempt is looked up when it is handed over, the link to join by above all: it is a secret,
//! and kept by nobody but whoever keeps the meeting.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use chassis::metrics::{self, Counter, Gauge, Histogram};
use chassis::{Link, chain};
use chrono::{DateTime, TimeDelta, Utc};
use decision::session::{Heard, Signal};
use decision::{Conference, Kind};
use proto::calendar::v1 as calendar;
use proto::orchestrator::v1 as wire;
use proto::provider::v1 as provider;
use proto::provider::v1::provider_adapter_service_client::ProviderAdapterServiceClient;
use proto::time;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Status};
use tracing::warn;

use crate::config;
use crate::engine::{Cause, Engine, How};
use crate::error::Error;
use crate::gather::SharedPolicy;
use crate::store::{Call, Command, CommandKind, Registered, Told};

/// The longest pause before an order is handed over once more.
const LONGEST: TimeDelta = TimeDelta::seconds(60);

/// Before an order is handed over whose meeting has changed and is to be decided again first.
const SOON: TimeDelta = TimeDelta::seconds(1);

/// Orders, by `kind` and by `result`: `kept` by the adapter, `fenced` where it knows something newer, `unknown` where it knows
/// no such attempt, `void` where they are overtaken here, `waiting` where their meeting is to be decided again first, and
/// `failed` is tried again.
static ORDERS: Counter = metrics::counter("callsheet.session.orders.handled");

/// How long orders waited until an adapter had them.
static LATENESS: Histogram = metrics::histogram("callsheet.session.orders.lateness", "s");

/// For how long the first of the orders has waited; nothing while none does.
static BEHIND: Gauge = metrics::gauge("callsheet.session.orders.behind", "s");

/// The task of a replica.
#[derive(Debug, Clone)]
pub(crate) struct Commander {
    /// Who knows the peers.
    pub(crate) engine: Arc<Engine>,
    /// How often it looks, and how much it takes.
    pub(crate) settings: config::Sessions,
    /// Cancelled when it is time to end.
    pub(crate) shutdown: CancellationToken,
}

/// What becomes of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Nothing is left to do, with this result.
    Over(&'static str),
    /// It is handed over later, with this result.
    Later(&'static str, DateTime<Utc>),
    /// The adapter has lost its attempt.
    Lost,
}

/// What is asked in one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Question {
    Dispatch,
    Withdraw,
    Instruct,
}

impl Commander {
    /// Hands over until shutdown.
    pub(crate) async fn run(self) {
        let mut redeciding: Option<JoinHandle<()>> = None;
        loop {
            let is_more = match self.look(&mut redeciding).await {
                Ok(is_more) => is_more,
                Err(error) => {
                    warn!(error = chain(&error), "orders to adapters could not be handed over");
                    false
                }
            };
            if self.shutdown.is_cancelled() {
                return;
            }
            if is_more {
                continue;
            }
            tokio::select! {
                () = self.shutdown.cancelled() => return,
                () = self.engine.orders.notified() => {}
                () = tokio::time::sleep(self.settings.poll) => {}
            }
        }
    }

    /// Hands over what is due, and tells whether there may be more.
    async fn look(&self, redeciding: &mut Option<JoinHandle<()>>) -> Result<bool, Error> {
        let engine = &self.engine;
        let now = engine.clock.now();
        let first = engine.calls.first_command().await?;
        let behind = first.map_or(TimeDelta::zero(), |first| (now - first).max(TimeDelta::zero()));
        BEHIND.record(behind.as_seconds_f64(), &[]);
        if first.is_none_or(|first| now < first) {
            return Ok(false);
        }
        let (lease, batch) = (self.settings.lease, self.settings.batch);
        let claimed = engine.calls.claim_commands(now, lease, batch).await?;
        if claimed.commands.is_empty() {
            return Ok(false);
        }
        let handed = tokio::time::timeout(lease, self.hand_over(&claimed.commands, now)).await;
        let fates = handed.unwrap_or_else(|_| {
            let later = now + engine.retry;
            claimed.commands.iter().map(|_| Fate::Later("failed", later)).collect()
        });
        let mut over = Vec::new();
        let mut later = Vec::new();
        let mut lost = Vec::new();
        let mut changed: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (command, fate) in claimed.commands.iter().zip(fates) {
            let result = match fate {
                Fate::Over(result) => {
                    over.push(command.id);
                    result
                }
                Fate::Later(result, at) => {
                    later.push((command.id, at));
                    result
                }
                Fate::Lost => {
                    lost.push(command);
                    over.push(command.id);
                    "unknown"
                }
            };
            if result == "waiting" {
                let ids = changed.entry(command.company.clone()).or_default();
                ids.push(command.call_id.clone());
            }
            if result == "kept" {
                LATENESS.record((now - command.due).as_seconds_f64(), &[]);
            }
            ORDERS.add(1, &[("kind", command.kind.as_str()), ("result", result)]);
        }
        // First, for what is forgotten then is told by nobody.
        self.tell_lost(&lost, now).await?;
        engine.calls.finish_commands(&claimed.claim, &over).await?;
        engine.calls.put_off_commands(&claimed.claim, &later).await?;
        if !changed.is_empty() && redeciding.as_ref().is_none_or(JoinHandle::is_finished) {
            *redeciding = Some(tokio::spawn(redecide(Arc::clone(engine), changed)));
        }
        // Those that came behind one that is over.
        Ok(!over.is_empty())
    }

    /// Tells sessions that their adapter has lost an attempt: it broke off.
    async fn tell_lost(&self, lost: &[&Command], now: DateTime<Utc>) -> Result<(), Error> {
        if lost.is_empty() {
            return Ok(());
        }
        let told: Vec<Told> = lost
            .iter()
            .map(|command| Told {
                company: command.company.clone(),
                call_id: command.call_id.clone(),
                plan_revision: command.plan_revision,
                heard: vec![Heard {
                    run: Some(command.run),
                    ..Heard::new(Signal::ConnectionFailed, now)
                }],
                if_requested: None,
            })
            .collect();
        self.engine.hear(&told, None).await
    }

    /// Hands commands over, those of one peer together; what became of each, in their order.
    async fn hand_over(&self, commands: &[Command], now: DateTime<Utc>) -> Vec<Fate> {
        let mut fates: Vec<Fate> = commands
            .iter()
            .map(|command| Fate::Later("failed", now + self.pause(command)))
            .collect();
        let mut orders = self.orders(commands, now).await;
        let mut questions: BTreeMap<(usize, Question), Vec<usize>> = BTreeMap::new();
        for (place, command) in commands.iter().enumerate() {
            if let Some(Err(fate)) = orders.get(&place) {
                if let Some(found) = fates.get_mut(place) {
                    *found = *fate;
                }
                continue;
            }
            let adapter = proto::provider::adapter("adapter", command.adapter).ok().flatten();
            let Some(peer) = adapter.and_then(|adapter| self.engine.judges.peer_of(adapter)) else {
                warn!(adapter = command.adapter, "no peer hosts the adapter of a session");
                continue;
            };
            let question = match command.kind {
                CommandKind::Dispatch => Question::Dispatch,
                CommandKind::Withdraw => Question::Withdraw,
                CommandKind::Instruct(_) => Question::Instruct,
            };
            questions.entry((peer, question)).or_default().push(place);
        }
        let asking = questions.into_iter().filter_map(|((peer, question), places)| {
            let client = self.engine.judges.adapter_peers().get(peer)?;
            let mut asked = Vec::with_capacity(places.len());
            let mut known = Vec::with_capacity(places.len());
            for place in places {
                let Some(command) = commands.get(place) else { continue };
                let order = match orders.remove(&place) {
                    Some(Ok(order)) => Some(order),
                    _ if question == Question::Dispatch => continue,
                    _ => None,
                };
                known.push(place);
                asked.push((command, order));
            }
            Some(async move { (known, self.ask(client, question, asked).await) })
        });
        for (places, receipts) in futures::future::join_all(asking).await {
            let Ok(receipts) = receipts else { continue };
            for (place, receipt) in places.into_iter().zip(receipts) {
                let (Some(found), Some(command)) = (fates.get_mut(place), commands.get(place))
                else {
                    continue;
                };
                *found = match provider::Receipt::try_from(receipt) {
                    Ok(provider::Receipt::Accepted | provider::Receipt::Repeated) => {
                        Fate::Over("kept")
                    }
                    Ok(provider::Receipt::Fenced) => Fate::Over("fenced"),
                    Ok(provider::Receipt::Unknown) => match command.kind {
                        CommandKind::Instruct(provider::Act::Discard) | CommandKind::Withdraw => {
                            Fate::Over("unknown")
                        }
                        CommandKind::Instruct(_) => Fate::Lost,
                        CommandKind::Dispatch => *found,
                    },
                    Ok(provider::Receipt::Unspecified) | Err(_) => *found,
                };
            }
        }
        fates
    }

    /// Asks a peer; its receipts.
    async fn ask(
        &self,
        client: &ProviderAdapterServiceClient<Link>,
        question: Question,
        asked: Vec<(&Command, Option<Dispatched>)>,
    ) -> Result<Vec<i32>, Error> {
        let expected = asked.len();
        let answer = match question {
            Question::Dispatch => {
                let policies: Vec<SharedPolicy> =
                    asked.iter().filter_map(|(_, order)| order.as_ref()?.policy.clone()).collect();
                let orders: Vec<provider::Order> =
                    asked.into_iter().filter_map(|(_, order)| Some(order?.order)).collect();
                let ask = || async {
                    let request = provider::DispatchRequest { orders: orders.clone() };
                    client.clone().dispatch(self.request(request)).await
                };
                let mut answer = ask().await;
                if let Err(status) = &answer {
                    let mut told = false;
                    let mut seen = HashSet::new();
                    for ready in &policies {
                        if seen.insert(Arc::clone(&ready.policy.company)) {
                            told |= self.engine.judges.introduce(client, ready, status).await;
                        }
                    }
                    if told {
                        answer = ask().await;
                    }
                }
                answer.map(|answer| answer.into_inner().receipts)
            }
            Question::Withdraw => {
                let withdrawals = asked
                    .iter()
                    .map(|(command, _)| provider::Withdrawal {
                        attempt: Some(command.attempt()),
                        adapter: command.adapter,
                    })
                    .collect();
                let request = self.request(provider::WithdrawRequest { withdrawals });
                client.clone().withdraw(request).await.map(|answer| answer.into_inner().receipts)
            }
            Question::Instruct => {
                let instructions = asked
                    .iter()
                    .map(|(command, _)| provider::Instruction {
                        attempt: Some(command.attempt()),
                        adapter: command.adapter,
                        act: match command.kind {
                            CommandKind::Instruct(act) => act.into(),
                            CommandKind::Dispatch | CommandKind::Withdraw => 0,
                        },
                        number: command.number,
                    })
                    .collect();
                let request = self.request(provider::InstructRequest { instructions });
                client.clone().instruct(request).await.map(|answer| answer.into_inner().receipts)
            }
        };
        let failed = |status: Status| {
            warn!(code = ?status.code(), orders = expected, "an adapter did not take orders");
            Error::Peer { peer: "provider-adapters", source: Box::new(status) }
        };
        let receipts = answer.map_err(failed)?;
        // Nobody can tell which receipt is for what where their number is wrong.
        if receipts.len() == expected { Ok(receipts) } else { Ok(Vec::new()) }
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(self.engine.deadline);
        request
    }

    /// Before an order is handed over once more: twice as long each time.
    fn pause(&self, command: &Command) -> TimeDelta {
        let factor = 1_i32 << command.tries.saturating_sub(1).min(16);
        self.engine.retry.checked_mul(factor).unwrap_or(LONGEST).min(LONGEST)
    }

    /// The orders of those commands that dispatch, by their places, or what becomes of them instead.
    async fn orders(
        &self,
        commands: &[Command],
        now: DateTime<Utc>,
    ) -> HashMap<usize, Result<Dispatched, Fate>> {
        let mut by_company: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (place, command) in commands.iter().enumerate() {
            if command.kind == CommandKind::Dispatch {
                by_company.entry(&command.company).or_default().push(place);
            }
        }
        let looking = by_company.into_iter().map(|(company, places)| async move {
            let asked: Vec<&Command> =
                places.iter().filter_map(|place| commands.get(*place)).collect();
            let found = self.look_up(company, &asked, now).await.unwrap_or_else(|error| {
                warn!(company, error = chain(&error), "what orders are about could not be had");
                let later = |command: &&Command| Fate::Later("failed", now + self.pause(command));
                asked.iter().map(later).map(Err).collect()
            });
            places.into_iter().zip(found).collect::<Vec<_>>()
        });
        futures::future::join_all(looking).await.into_iter().flatten().collect()
    }

    /// What is known of the plans that commands of a company dispatch.
    async fn look_up(
        &self,
        company: &str,
        commands: &[&Command],
        now: DateTime<Utc>,
    ) -> Result<Vec<Result<Dispatched, Fate>>, Error> {
        let engine = &self.engine;
        let plans: Vec<(&str, u64)> =
            commands.iter().map(|one| (one.call_id.as_str(), one.plan_revision)).collect();
        let mut ids: Vec<String> = commands.iter().map(|one| one.call_id.clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut decisions: HashMap<(String, u64), wire::Decision> = HashMap::new();
        for decision in engine.calls.plans_of(company, &plans).await? {
            decisions.insert((decision.call_id.clone(), decision.revision), decision);
        }
        let withdrawn: HashSet<(String, u64, u8)> =
            engine.calls.to_be_withdrawn(company, &ids).await?.into_iter().collect();
        let calls: HashMap<String, Call> = engine
            .calls
            .get(company, &ids)
            .await?
            .into_iter()
            .map(|call| (call.call_id.clone(), call))
            .collect();
        let registered: HashMap<String, Registered> = engine
            .calls
            .registered(company, &ids)
            .await?
            .into_iter()
            .map(|one| (one.call_id.clone(), one))
            .collect();
        ids.retain(|id| !registered.contains_key(id));
        let meetings: HashMap<String, calendar::Meeting> = engine
            .meetings(company, &ids)
            .await?
            .into_iter()
            .map(|meeting| (meeting.meeting_id.clone(), meeting))
            .collect();
        let ready = engine.known_policy(company).await;
        Ok(commands
            .iter()
            .map(|command| {
                let id = &command.call_id;
                let attempt = (id.clone(), command.plan_revision, command.run);
                if withdrawn.contains(&attempt) {
                    return Err(Fate::Over("void"));
                }
                let (Some(decision), Some(call)) =
                    (decisions.get(&(id.clone(), command.plan_revision)), calls.get(id))
                else {
                    return Err(Fate::Over("void"));
                };
                let failed = || Fate::Later("failed", now + self.pause(command));
                let waiting = || Fate::Later("waiting", now + SOON.min(engine.retry));
                // What has changed since the call was decided is decided first: the order may fall.
                if let Some(registered) = registered.get(id) {
                    if registered.revision != call.judged_meeting {
                        return Err(waiting());
                    }
                    let none = calendar::Meeting::default();
                    let mut dispatched =
                        order(command, decision, &none, ready.as_ref()).map_err(|_| failed())?;
                    (dispatched.order.phone_call, dispatched.order.upload) = registered.to_fetch();
                    return Ok(dispatched);
                }
                let meeting = meetings.get(id).filter(|one| one.revision == call.judged_meeting);
                let Some(meeting) = meeting else {
                    return Err(waiting());
                };
                order(command, decision, meeting, ready.as_ref()).map_err(|_| failed())
            })
            .collect())
    }
}

/// Decides calls whose meetings have changed, before their plans are carried out. Whoever follows the meetings does so too;
/// this is for what they could not judge when they did.
async fn redecide(engine: Arc<Engine>, changed: BTreeMap<String, Vec<String>>) {
    for (company, ids) in changed {
        let how = How::now(engine.clock.now(), Cause::Meeting).untold();
        if let Err(error) = engine.decide_ids(&company, &ids, how).await {
            warn!(
                company,
                error = chain(&error),
                "calls could not be decided before they are recorded"
            );
        }
    }
}

/// An order, and the policy by which its adapter is set up.
#[derive(Debug)]
struct Dispatched {
    order: provider::Order,
    policy: Option<SharedPolicy>,
}

/// The order that a plan comes to.
fn order(
    command: &Command,
    decision: &wire::Decision,
    meeting: &calendar::Meeting,
    ready: Option<&SharedPolicy>,
) -> Result<Dispatched, Error> {
    let read = decision::Decision::try_from(decision)?;
    let plan = match &read.kind {
        Kind::Plan(plan) => Some(plan),
        Kind::Skip | Kind::Pending { .. } | Kind::Recorded | Kind::Partial => None,
    };
    let conference = decision.conference.clone().map(Conference::try_from).transpose()?;
    let joins = matches!(
        provider::Method::try_from(command.method),
        Ok(provider::Method::Local | provider::Method::Bot)
    );
    let start = time::required("decision.start", decision.start.as_ref())?;
    let recording = ready.map(|ready| &ready.policy.settings.recording);
    let ahead = recording.map_or(TimeDelta::minutes(2), |recording| recording.dispatch_ahead.0);
    let until = recording.map_or(TimeDelta::minutes(10), |recording| recording.latest_join.0);
    let join_at = plan.and_then(|plan| plan.join_at).unwrap_or(start - ahead);
    let latest = plan.and_then(|plan| plan.latest_join).unwrap_or(start + until);
    let organizer = meeting.organizer.as_ref().and_then(|person| person.address.as_deref());
    let organizer = organizer
        .zip(ready)
        .and_then(|(address, ready)| ready.policy.find_member(address))
        .map(|(_, member)| member.id.to_string());
    let join_url = conference.as_ref().filter(|_| joins).and_then(|found| link_to(meeting, found));
    Ok(Dispatched {
        order: provider::Order {
            attempt: Some(command.attempt()),
            adapter: command.adapter,
            method: command.method,
            conference: decision.conference.clone(),
            join_url: join_url.unwrap_or_default(),
            start: decision.start,
            end: decision.end,
            join_at: joins.then(|| time::to_wire(join_at)),
            latest_join: joins.then(|| time::to_wire(latest)),
            announcement: plan.is_some_and(|plan| plan.announcement),
            owner: decision.owner.clone(),
            organizer: organizer.unwrap_or_default(),
            policy_version: ready.map_or(decision.policy_version, |ready| ready.policy.version),
            phone_call: None,
            upload: None,
        },
        policy: ready.cloned(),
    })
}

/// The link of a meeting that leads to a conference.
fn link_to(meeting: &calendar::Meeting, conference: &Conference) -> Option<String> {
    let leads_there = |link: &&calendar::Link| {
        link.kind() == calendar::LinkKind::Join
            && !link.url.is_empty()
            && proto::verdict::provider("provider", link.provider).ok().flatten()
                == Some(conference.provider)
            && link.id == conference.id
    };
    meeting.links.iter().find(leads_there).map(|link| link.url.clone())
}
