//! What must hold once the faults are over.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use conference::Kind;
use decision::conflict::OwnedContender;
use decision::{CallKey, CompanyFile};
use futures::StreamExt as _;
use proto::calendar::v1 as calendar;
use proto::consent::v1 as consent;
use proto::eligibility::v1 as eligibility;
use proto::orchestrator::v1 as wire;
use proto::{time, verdict};

use super::carried::Carried;
use super::driver::{Act, COMPANY, Clients, Ledger};
use super::fleet::{Fleet, SCHEMA};
use super::op::{AHEAD, Generator, LATEST, Room, Sketch, TIMES};
use super::oracle::{Asked, Begun, Given, Past};
use crate::told::Told;

/// Rows of a page.
const PAGE: u32 = 2_000;

/// Differences that are told; more would hide them.
const MOST: usize = 12;

/// Decisions as a replica's log tells them, in its order.
#[derive(Debug, Default)]
pub struct Log {
    /// Cursor and decision of each entry.
    pub entries: Vec<(u64, wire::Decision)>,
}

impl Log {
    fn cursor(&self) -> u64 {
        self.entries.last().map_or(0, |(cursor, _)| *cursor)
    }

    /// Reads on to the end of the log.
    ///
    /// # Errors
    /// The stream broke; what came before it did is kept.
    pub async fn read_on(&mut self, clients: &Clients, replica: usize) -> anyhow::Result<()> {
        let request = wire::WatchCallsRequest {
            company: COMPANY.to_owned(),
            cursor: self.cursor(),
            until_caught_up: true,
        };
        let stream = clients.orchestrator(replica).watch_calls(request).await?;
        let mut stream = stream.into_inner();
        while let Some(told) = stream.next().await {
            let told = told?;
            if let Some(decision) = told.decision {
                self.entries.push((told.cursor, decision));
            }
        }
        Ok(())
    }

    /// How many decisions lack what a service would have said: they wait for it, or warn that it is missing.
    #[must_use]
    pub fn degraded(&self) -> usize {
        let unassessed = i32::from(verdict::v1::Warning::ProviderCheckUnavailable);
        let lacks = |decision: &wire::Decision| {
            decision.kind() == wire::DecisionKind::Pending
                || decision.warnings.contains(&unassessed)
        };
        self.entries.iter().filter(|(_, decision)| lacks(decision)).count()
    }

    /// Every revision of each call, in the order of the log.
    fn by_call(&self) -> BTreeMap<&str, Vec<&wire::Decision>> {
        let mut calls: BTreeMap<&str, Vec<&wire::Decision>> = BTreeMap::new();
        for (_, decision) in &self.entries {
            calls.entry(&decision.call_id).or_default().push(decision);
        }
        calls
    }
}

/// What everything looks like at one moment.
#[derive(Debug)]
pub struct Picture {
    given: Given,
    /// The decisions that hold, by call.
    decisions: BTreeMap<String, wire::Decision>,
    tables: Tables,
    /// What is being carried out, or was.
    carried: Carried,
    /// Since when nothing goes wrong.
    calm: DateTime<Utc>,
}

/// What the orchestrator's tables hold beside its decisions.
#[derive(Debug, Default)]
struct Tables {
    /// How each call was judged last.
    calls: BTreeMap<String, Judged>,
    /// What was asked of calls, in order.
    asked: Vec<(String, Asked)>,
    /// Active plans: call, key, revision of the decision.
    plans: BTreeSet<(String, String, u64)>,
    /// Calls whose plans were handed over.
    released: BTreeSet<String>,
    /// Timers: call, kind, revision of the decision, when they are due in microseconds.
    timers: BTreeSet<(String, i16, u64, i64)>,
    /// Decisions that are not in the log yet.
    announced: u64,
    /// Decisions ever made.
    decisions: u64,
    /// Changes of a company file after which calls are still to be decided again.
    storms: u64,
}

/// How a call was judged last.
#[derive(Debug, Default)]
struct Judged {
    /// The revision of its meeting.
    meeting: u64,
    /// The version of the company file.
    policy: u64,
    /// It is final.
    ended: bool,
    /// Owner and room it would take, and until when, in microseconds.
    contends: Option<(String, String, i64)>,
    /// The owner organizes it.
    organizes: bool,
    /// When its last material update was received, in microseconds.
    received: i64,
}

/// The kind of the timers that hand a plan to its adapter.
const DISPATCH: i16 = 1;

/// The kind of the timers that end the time in which it may be.
const WINDOW: i16 = 2;

/// The kind of the timers that end a wait.
const DEADLINE: i16 = 3;

/// What is due is handled so soon, once nothing goes wrong any more.
const SOON: TimeDelta = TimeDelta::seconds(5);

/// What goes wrong is felt for so long after it is over.
const AFTERMATH: TimeDelta = TimeDelta::seconds(10);

/// Calls that begin within this time are waited for.
const NEAR: TimeDelta = TimeDelta::seconds(90);

impl Tables {
    fn read(fleet: &Fleet) -> anyhow::Result<Self> {
        let mut tables = Self::default();
        let rows = |columns: &str, table: &str, rest: &str| {
            fleet.ask(&format!("select {columns} from {SCHEMA}.orchestrator_{table} {rest}"))
        };
        let strange = || anyhow::anyhow!("a strange row");
        let columns = "call_id, judged_meeting, judged_policy, ended, \
                       coalesce(contends_owner, ''), coalesce(contends_room, ''), \
                       coalesce(contends_until, 0), organizes, received";
        for row in rows(columns, "call", "")? {
            let [id, meeting, policy, ended, owner, room, until, organizes, received] =
                <[String; 9]>::try_from(row).map_err(|_| strange())?;
            let until: i64 = until.parse()?;
            let judged = Judged {
                meeting: meeting.parse()?,
                policy: policy.parse()?,
                ended: ended == "t",
                contends: (!owner.is_empty()).then_some((owner, room, until)),
                organizes: organizes == "t",
                received: received.parse()?,
            };
            tables.calls.insert(id, judged);
        }
        for row in rows("call_id, cancels, who", "action", "order by sequence")? {
            let [id, cancels, who] = <[String; 3]>::try_from(row).map_err(|_| strange())?;
            tables.asked.push((id, Asked { cancels: cancels == "t", who }));
        }
        for row in rows("call_id, dedupe_key, revision, released_at is not null", "plan", "")? {
            let [id, key, revision, released] =
                <[String; 4]>::try_from(row).map_err(|_| strange())?;
            if released == "t" {
                tables.released.insert(id.clone());
            }
            tables.plans.insert((id, key, revision.parse()?));
        }
        for row in rows("call_id, kind, revision, due", "timer", "")? {
            let [id, kind, revision, due] = <[String; 4]>::try_from(row).map_err(|_| strange())?;
            tables.timers.insert((id, kind.parse()?, revision.parse()?, due.parse()?));
        }
        let count = |table: &str, rest: &str| {
            let rows = rows("count(*)", table, rest)?;
            let count = rows.first().and_then(|row| row.first()).ok_or_else(strange)?;
            anyhow::Ok(count.parse::<u64>()?)
        };
        tables.announced = count("outbox", "")?;
        tables.decisions = count("decision", "")?;
        tables.storms = count("storm", "where finished_at is null")?;
        Ok(tables)
    }
}

impl Picture {
    /// Looks at every service; nothing goes wrong since `calm`.
    ///
    /// # Errors
    /// One of them does not answer.
    pub async fn take(
        clients: &Clients,
        fleet: &Fleet,
        log: &mut Log,
        replica: usize,
        calm: DateTime<Utc>,
    ) -> anyhow::Result<Self> {
        let now = Utc::now();
        log.read_on(clients, replica).await?;
        let request =
            eligibility::GetCompanyRequest { company: COMPANY.to_owned(), policy_version: 0 };
        let company = clients.companies.clone().get_company(request).await?.into_inner();
        let mut pasts: BTreeMap<String, Past> = BTreeMap::new();
        for (id, history) in log.by_call() {
            let owner_of_last = |decisions: &[&wire::Decision]| {
                let mut plans = decisions.iter().filter_map(|decision| decision.plan.as_ref());
                plans.next_back().map(|plan| plan.owner.clone())
            };
            let mut before = history.split_last().map_or(&[][..], |(_, before)| before);
            // What came of a plan is told with its findings, which were those of whoever planned it.
            if history.last().is_some_and(|last| is_carried_out(last)) {
                before = before.split_last().map_or(&[][..], |(_, before)| before);
            }
            let past = Past {
                planned_owner: owner_of_last(&history),
                owner_before: owner_of_last(before),
                had_plan: history.iter().any(|decision| decision.plan.is_some()),
                asked: Vec::new(),
            };
            pasts.insert(id.to_owned(), past);
        }
        let tables = Tables::read(fleet)?;
        let carried = Carried::read(fleet)?;
        for (id, asked) in &tables.asked {
            pasts.entry(id.clone()).or_default().asked.push(asked.clone());
        }
        let decisions = decisions(clients, replica).await?;
        let mut meetings = meetings(clients, now).await?;
        let gone = decisions.keys().filter(|id| !meetings.contains_key(*id)).cloned().collect();
        meetings.extend(removed(clients, gone).await?);
        let begun = begun(&tables, &carried, &decisions, &meetings, now, calm)?;
        let mut earlier = BTreeMap::new();
        for version in begun.values().map(|begun| begun.policy).collect::<BTreeSet<_>>() {
            let request = eligibility::GetCompanyRequest {
                company: COMPANY.to_owned(),
                policy_version: version,
            };
            let told = clients.companies.clone().get_company(request).await?.into_inner();
            earlier.insert(version, serde_json::from_str(&told.document)?);
        }
        let given = Given {
            company: serde_json::from_str(&company.document).context("the company's document")?,
            version: company.policy_version,
            earlier,
            begun,
            meetings,
            refused: choices(clients).await?,
            pasts,
            now,
        };
        Ok(Self { given, decisions, tables, carried, calm })
    }

    /// What is not decided as it must be; nothing once all has settled.
    ///
    /// # Errors
    /// Something cannot be read.
    pub fn differences(&self, log: &Log) -> anyhow::Result<Vec<String>> {
        let mut found = Vec::new();
        let (logged, made) = (log.entries.len(), self.tables.decisions);
        if self.tables.announced > 0 || u64::try_from(logged)? != made {
            let waiting = self.tables.announced;
            found.push(format!(
                "of {made} decisions {logged} are in the log, {waiting} wait for it"
            ));
        }
        if self.tables.storms > 0 {
            found.push("a change of the company file is still on its way".to_owned());
        }
        found.extend(self.times()?);
        for (id, meeting) in &self.given.meetings {
            let judged = self.tables.calls.get(id).map(|call| call.meeting).unwrap_or_default();
            if judged != meeting.revision && !self.given.begun.contains_key(id) {
                let revision = meeting.revision;
                found.push(format!(
                    "call {id} was judged by revision {judged} of its meeting, not {revision}"
                ));
            }
        }
        let expected = self.given.decisions()?;
        let mut differing = BTreeMap::new();
        for (id, expected) in &expected {
            let Some(stored) = self.decisions.get(id) else {
                found.push(format!(
                    "call {id} was never decided: {:?}",
                    self.given.meetings.get(id)
                ));
                continue;
            };
            let told = Told::of_wire(stored.clone())?;
            if !expected.admits(&told) {
                differing.insert(id, (stored, told, expected));
            }
        }
        let of_plan = |stored: &wire::Decision| stored.plan.is_some() || is_carried_out(stored);
        let plans = differing.iter().filter(|(_, (stored, ..))| of_plan(stored));
        let plans: Vec<&String> = plans.map(|(id, _)| *id).collect();
        let before = if plans.is_empty() {
            BTreeMap::new()
        } else {
            self.given.before(plans.into_iter()).decisions()?
        };
        for (id, (stored, told, expected)) in differing {
            let may = of_plan(stored) && before.get(id).is_some_and(|before| before.admits(&told));
            if !may {
                let (revision, cause) = (stored.revision, &stored.cause);
                found.push(format!(
                    "call {id}, revision {revision} (cause {cause}, meeting {}, policy {}), newest policy {}:\n  is   {told:?}\n  must be {expected:?}",
                    stored.meeting_revision, stored.policy_version, self.given.version
                ));
            }
        }
        for id in self.decisions.keys().filter(|id| !expected.contains_key(*id)) {
            found.push(format!("call {id} has no meeting"));
        }
        Ok(found)
    }

    /// What has not been done although its time has come, and what is waited for because its time comes soon.
    fn times(&self) -> anyhow::Result<Vec<String>> {
        let now = self.given.now;
        let mut found = self.carried.under_way(now);
        for (id, kind, revision, due) in &self.tables.timers {
            if *due < (now - SOON).timestamp_micros() {
                found.push(format!(
                    "a timer of kind {kind} of revision {revision} of call {id} is due, and left"
                ));
            }
        }
        for (id, decision) in &self.decisions {
            let start = time::required("start", decision.start.as_ref())?;
            let over = start + TimeDelta::seconds(LATEST) + SOON;
            let is_open = decision.kind() == wire::DecisionKind::Pending
                || decision.plan.is_some() && !self.tables.released.contains(id);
            if over < now && is_open {
                found.push(format!(
                    "call {id} has begun, and was neither handed over nor ended in a code: {decision:?}"
                ));
            } else if now <= over && start < now + NEAR {
                found.push(format!("call {id} is about to begin"));
            }
            let due = start - TimeDelta::seconds(AHEAD);
            if is_missed(decision) && self.calm + AFTERMATH < due {
                found.push(format!("call {id} was missed, and nothing went wrong"));
            }
        }
        Ok(found)
    }

    /// Calls that have begun.
    #[must_use]
    pub fn turns(&self) -> Turns {
        let begun = || self.given.begun.iter();
        let decision = |id: &String| self.decisions.get(id);
        Turns {
            begun: begun().count(),
            missed: begun().filter(|(id, _)| decision(id).is_some_and(is_missed)).count(),
            changed: begun()
                .filter(|(id, begun)| {
                    let meeting = self.given.meetings.get(*id);
                    meeting.is_some_and(|meeting| meeting.revision != begun.meeting)
                })
                .count(),
        }
    }

    /// How many calls there are, and how many of them are planned.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let planned = self.decisions.values().filter(|decision| decision.plan.is_some());
        (self.decisions.len(), planned.count())
    }

    /// How often each code is the primary one.
    #[must_use]
    pub fn codes(&self) -> BTreeMap<String, usize> {
        let mut codes = BTreeMap::new();
        for decision in self.decisions.values() {
            let told = Told::of_wire(decision.clone()).ok();
            let code =
                told.and_then(|told| told.primary).map(|primary| primary.code.as_str().to_owned());
            *codes.entry(code.unwrap_or_else(|| "(planned)".to_owned())).or_default() += 1;
        }
        codes
    }

    /// What was acknowledged and is gone: meetings, the company file, choices, requests and what was taken back.
    ///
    /// # Errors
    /// The model of the driver is wrong.
    pub fn lost(
        &self,
        generator: &Generator,
        ledger: &Ledger,
        beginning: DateTime<Utc>,
    ) -> anyhow::Result<Vec<String>> {
        let mut found = Vec::new();
        let mut by_uid: BTreeMap<&str, Vec<&calendar::Meeting>> = BTreeMap::new();
        for meeting in self.given.meetings.values() {
            let uid = meeting.key.as_ref().and_then(|key| key.ical_uid.as_deref());
            by_uid.entry(uid.unwrap_or_default()).or_default().push(meeting);
        }
        for sketch in generator.meetings() {
            let uid = sketch.uid();
            let stored = by_uid.get(uid.as_str()).map_or(&[][..], Vec::as_slice);
            let times = if sketch.weekly { TIMES } else { 1 };
            let is_there = |week: &i64| {
                stored.iter().any(|meeting| is_as_told(meeting, sketch, beginning, *week))
            };
            if !(0..times).all(|week| is_there(&week)) {
                found.push(format!(
                    "{uid} is not as it was told last: {sketch:?}\n  but {stored:?}"
                ));
            }
        }
        let declared: CompanyFile = generator.company()?;
        if declared != self.given.company {
            found.push("the company file is not the one applied last".to_owned());
        }
        let choices = ledger.choices.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for (uid, without) in choices.iter() {
            let key = CallKey { ical_uid: Some(uid.clone()), recurrence_id: None };
            if self.given.refused.get(&key) != Some(without) {
                found.push(format!("a choice about {uid} is lost"));
            }
        }
        let acts = ledger.acts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for (id, acts) in acts.iter() {
            let stored = self.given.pasts.get(id).map_or(&[][..], |past| past.asked.as_slice());
            let over_since = self.over_since(id);
            found.extend(unlike(acts, stored, over_since).map(|what| {
                format!("call {id}: {what}: stored is {stored:?}, asked was {acts:?}")
            }));
        }
        for (id, past) in &self.given.pasts {
            if !past.asked.is_empty() && !acts.contains_key(id) {
                found.push(format!("call {id}: nobody asked {:?}", past.asked));
            }
        }
        Ok(found)
    }

    /// Since when a call is over for good, if it is: to take it back then is answered, and changes nothing.
    fn over_since(&self, id: &str) -> Option<DateTime<Utc>> {
        self.tables.calls.get(id).filter(|judged| judged.ended)?;
        time::optional("decided_at", self.decisions.get(id)?.decided_at.as_ref()).ok()?
    }

    /// What is wrong with the history: of each call, of the plans, and of the log as a whole.
    #[must_use]
    pub fn history(&self, log: &Log) -> Vec<String> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        for pair in log.entries.windows(2) {
            let [(before, _), (after, decision)] = pair else { continue };
            // There is one company, so that nothing of another stands between.
            if *after != before + 1 {
                let id = &decision.call_id;
                found.push(format!("the log goes from {before} to {after} at call {id}"));
            }
        }
        for (id, history) in log.by_call() {
            let mut before: Option<&wire::Decision> = None;
            for decision in &history {
                let revision = decision.revision;
                let last = before.map_or(0, |before| before.revision);
                if !seen.insert((id, revision)) {
                    found.push(format!("call {id}: the log tells revision {revision} twice"));
                } else if revision != last + 1 {
                    found.push(format!("call {id}: revision {revision} follows {last}"));
                }
                if decision.predecessor != last {
                    let named = decision.predecessor;
                    found.push(format!(
                        "call {id}: revision {revision} names {named} as its predecessor"
                    ));
                }
                if before.is_some_and(|before| before.meeting_revision > decision.meeting_revision)
                {
                    found.push(format!("call {id}: revision {revision} is of an older meeting"));
                }
                if before.is_some_and(|before| before.policy_version > decision.policy_version) {
                    found.push(format!("call {id}: revision {revision} is by an older policy"));
                }
                before = Some(*decision);
            }
            let holds = self.decisions.get(id);
            if holds.map(|decision| decision.revision) != before.map(|last| last.revision) {
                found.push(format!("call {id}: what holds is not the end of its log"));
            }
        }
        for id in self
            .decisions
            .keys()
            .filter(|id| !log.entries.iter().any(|(_, one)| one.call_id == **id))
        {
            found.push(format!("call {id}: the log does not know it"));
        }
        found.extend(self.plans_and_timers());
        found.extend(self.carried.wrong(&self.decisions, &self.tables.timers));
        found
    }

    /// Plans of which a session began: call and revision.
    #[must_use]
    pub fn carried(&self) -> BTreeSet<(String, u64)> {
        self.carried.begun()
    }

    /// What is wrong with active plans, and with what was to be done when its time comes.
    fn plans_and_timers(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut keys: BTreeMap<&str, &str> = BTreeMap::new();
        let mut expected = BTreeSet::new();
        for (id, decision) in &self.decisions {
            let armed = |kind: i16, at: Option<&prost_types::Timestamp>| {
                let at = at?;
                let due = at.seconds * 1_000_000 + i64::from(at.nanos) / 1_000;
                let timer = (id.clone(), kind, decision.revision, due);
                (!self.tables.timers.contains(&timer)).then_some(timer)
            };
            let waits = !self.tables.released.contains(id);
            if let Some(plan) = &decision.plan {
                if let Some(other) = keys.insert(&plan.dedupe_key, id) {
                    found.push(format!("calls {other} and {id} both hold {}", plan.dedupe_key));
                }
                expected.insert((id.clone(), plan.dedupe_key.clone(), decision.revision));
                // At the last instant it may still be handed over.
                let after = plan
                    .dispatch_by
                    .map(|by| prost_types::Timestamp { nanos: by.nanos + 1_000, ..by });
                let lost = armed(DISPATCH, plan.dispatch_at.as_ref());
                let lost = lost.into_iter().chain(armed(WINDOW, after.as_ref()));
                let lost = lost.filter(|_| waits);
                found.extend(lost.map(|timer| format!("the timer of a plan is lost: {timer:?}")));
            }
            let lost = armed(DEADLINE, decision.decide_by.as_ref());
            found.extend(lost.map(|timer| format!("the timer of a wait is lost: {timer:?}")));
        }
        let differing = expected.symmetric_difference(&self.tables.plans);
        found.extend(differing.map(|one| format!("plans and decisions differ: {one:?}")));
        for (id, kind, revision, _) in &self.tables.timers {
            let holds = self.decisions.get(id).map_or(0, |decision| decision.revision);
            if *revision > holds {
                found.push(format!(
                    "a timer of kind {kind} is of revision {revision} of call {id}, which is at {holds}"
                ));
            }
        }
        found
    }
}

/// Calls whose time has come while a run lasted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Turns {
    /// All of them.
    pub begun: usize,
    /// Those to which nobody was sent in time.
    pub missed: usize,
    /// Those whose meetings changed after they had begun.
    pub changed: usize,
}

/// Whether nobody was sent in time.
fn is_missed(decision: &wire::Decision) -> bool {
    decision.primary.as_ref().is_some_and(|primary| primary.sub_reason == "dispatch_missed")
}

/// Whether a decision is what came of a session.
fn is_carried_out(decision: &wire::Decision) -> bool {
    decision.cause == "session"
}

/// The calls that have begun, or are over.
fn begun(
    tables: &Tables,
    carried: &Carried,
    decisions: &BTreeMap<String, wire::Decision>,
    meetings: &BTreeMap<String, calendar::Meeting>,
    now: DateTime<Utc>,
    calm: DateTime<Utc>,
) -> anyhow::Result<BTreeMap<String, Begun>> {
    let mut found = BTreeMap::new();
    for (id, decision) in decisions {
        let (Some(judged), Some(meeting)) = (tables.calls.get(id), meetings.get(id)) else {
            continue;
        };
        let decided = time::required("decision.start", decision.start.as_ref())?;
        let told = time::required("meeting.start", meeting.start.as_ref())?;
        if !judged.ended && (now < decided || now < told) {
            continue;
        }
        let decided_at = time::required("decided_at", decision.decided_at.as_ref())?;
        let unassessed = verdict::v1::Warning::ProviderCheckUnavailable.into();
        let begun = Begun {
            unassessed: decision.warnings.contains(&unassessed),
            policy: judged.policy,
            meeting: judged.meeting,
            ended: judged.ended,
            unattended: decided_at < calm + AFTERMATH,
            contends: judged.contender(decision)?,
            carried: carried.ended(id, decision).filter(|_| is_carried_out(decision)),
        };
        found.insert(id.clone(), begun);
    }
    Ok(found)
}

impl Judged {
    /// What it contends as: the owner and the room it would take, at the time that was decided on.
    fn contender(&self, decision: &wire::Decision) -> anyhow::Result<Option<OwnedContender>> {
        let Some((owner, room, until)) = &self.contends else { return Ok(None) };
        let (provider, conference) = room.split_once('/').context("a room")?;
        Ok(Some(OwnedContender {
            key: decision.key.clone().unwrap_or_default().try_into()?,
            start: time::required("start", decision.start.as_ref())?,
            // What is over has kept the time it took.
            end: DateTime::from_timestamp_micros(*until).unwrap_or_default(),
            owner: owner.as_str().into(),
            conference: decision::Conference {
                provider: decision::Provider::from_name(provider).context("a provider")?,
                id: conference.to_owned(),
            },
            requested: !decision.requester.is_empty(),
            owner_organizes: self.organizes,
            received_at: DateTime::from_timestamp_micros(self.received).unwrap_or_default(),
        }))
    }
}

/// What is wrong with what is stored of everything asked of a call: all that was acknowledged is there in its order, and
/// nothing is more often than it was attempted.
fn unlike(
    acts: &[Act],
    stored: &[Asked],
    over_since: Option<DateTime<Utc>>,
) -> Option<&'static str> {
    let mut rest = stored.iter();
    let is_moot = |at: DateTime<Utc>| over_since.is_some_and(|over| over < at);
    let counts =
        |act: &&Act| act.acknowledged.is_some_and(|at| !(act.asked.cancels && is_moot(at)));
    let mut acknowledged = acts.iter().filter(counts);
    if !acknowledged.all(|act| rest.any(|one| *one == act.asked)) {
        return Some("what was acknowledged is lost, or in another order");
    }
    let times = |asked: &Asked| stored.iter().filter(|one| *one == asked).count();
    let most = |asked: &Asked| -> usize {
        let of_it = acts.iter().filter(|act| act.asked == *asked);
        // The last attempt of what was refused did nothing.
        of_it.map(|act| act.attempts - usize::from(act.acknowledged.is_none())).sum()
    };
    let is_invented = stored.iter().any(|one| times(one) > most(one));
    is_invented.then_some("more is stored than was asked")
}

/// Whether a stored meeting is what the calendar said last; of a series, its occurrence so many weeks after the first.
fn is_as_told(
    meeting: &calendar::Meeting,
    sketch: &Sketch,
    beginning: DateTime<Utc>,
    week: i64,
) -> bool {
    let (start, end) = sketch.period(beginning);
    let later = TimeDelta::weeks(week);
    let is_private = meeting.sensitivity() == calendar::Sensitivity::Private;
    meeting.start == Some(time::to_wire(start + later))
        && meeting.end == Some(time::to_wire(end + later))
        && meeting.cancelled == sketch.cancelled
        && is_private == sketch.private
        && meeting.title.as_deref() == Some(sketch.title)
        && meeting.organizer.as_ref().and_then(|one| one.address.as_deref())
            == Some(sketch.organizer.as_str())
        && are_as_told(&meeting.attendees, sketch)
        && leads_as_told(&meeting.links, sketch.room)
}

/// Whether those invited are exactly the ones the calendar named last, each with its answer.
fn are_as_told(attendees: &[calendar::Person], sketch: &Sketch) -> bool {
    let stored = attendees.iter().map(|one| (one.address.as_deref(), one.participation()));
    let told = sketch.attendees.iter().map(|(address, declined)| {
        let answer = if *declined {
            calendar::Participation::Declined
        } else {
            calendar::Participation::Accepted
        };
        (Some(address.as_str()), answer)
    });
    stored.collect::<BTreeSet<_>>() == told.collect::<BTreeSet<_>>()
        && attendees.len() == sketch.attendees.len()
}

/// Whether the links are exactly those of the room the calendar named last.
fn leads_as_told(links: &[calendar::Link], room: Room) -> bool {
    let Ok(told) = room.links() else { return false };
    let consent = |link: &calendar::Link| link.consent.as_ref().map(|shape| shape.token.clone());
    let stored = links.iter().map(|link| (link.service.clone(), link.id.clone(), consent(link)));
    let told = told.iter().map(|link| {
        let token = match &link.kind {
            Kind::Consent { token, .. } => Some(token.clone()),
            Kind::Join { .. }
            | Kind::NoMeetingId { .. }
            | Kind::Unsupported { .. }
            | Kind::Undecodable { .. } => None,
        };
        (link.name().to_owned(), link.id().unwrap_or_default().to_owned(), token)
    });
    stored.eq(told)
}

/// Every meeting that any calendar holds, and that had not begun long before.
async fn meetings(
    clients: &Clients,
    now: DateTime<Utc>,
) -> anyhow::Result<BTreeMap<String, calendar::Meeting>> {
    let request = calendar::ListMeetingsRequest {
        from: Some(time::to_wire(now - TimeDelta::days(1))),
        to: Some(time::to_wire(now + TimeDelta::days(60))),
        ..calendar::ListMeetingsRequest::default()
    };
    pages(clients, request).await
}

/// Meetings that no calendar holds any more, called off.
async fn removed(
    clients: &Clients,
    ids: Vec<String>,
) -> anyhow::Result<BTreeMap<String, calendar::Meeting>> {
    let mut found = BTreeMap::new();
    for meeting_ids in ids.chunks(1_000).map(<[String]>::to_vec) {
        let request = calendar::ListMeetingsRequest {
            meeting_ids,
            ..calendar::ListMeetingsRequest::default()
        };
        found.extend(pages(clients, request).await?);
    }
    Ok(found)
}

async fn pages(
    clients: &Clients,
    mut request: calendar::ListMeetingsRequest,
) -> anyhow::Result<BTreeMap<String, calendar::Meeting>> {
    COMPANY.clone_into(&mut request.company);
    request.page_size = PAGE;
    let mut found = BTreeMap::new();
    loop {
        let answer = clients.calendar.clone().list_meetings(request.clone()).await?.into_inner();
        let meetings = answer.meetings.into_iter();
        found.extend(meetings.map(|meeting| (meeting.meeting_id.clone(), meeting)));
        request.page_token = answer.next_page_token;
        if request.page_token.is_empty() {
            return Ok(found);
        }
    }
}

/// The calls about which somebody chose, and whether anybody refused.
async fn choices(clients: &Clients) -> anyhow::Result<BTreeMap<CallKey, bool>> {
    let request = consent::WatchChoicesRequest {
        company: COMPANY.to_owned(),
        cursor: 0,
        until_caught_up: true,
    };
    let mut stream = clients.consent.clone().watch_choices(request).await?.into_inner();
    let mut found = BTreeMap::new();
    while let Some(told) = stream.next().await {
        let told = told?;
        let without = told.choice() == consent::Choice::JoinWithoutRecording;
        if let Some(key) = told.key {
            // Whoever refused has refused; somebody else's consent does not take that back.
            *found.entry(key.try_into()?).or_default() |= without;
        }
    }
    Ok(found)
}

/// The decisions that hold, by call.
async fn decisions(
    clients: &Clients,
    replica: usize,
) -> anyhow::Result<BTreeMap<String, wire::Decision>> {
    let mut found = BTreeMap::new();
    let mut page_token = String::new();
    loop {
        let request = wire::ListCallsRequest {
            company: COMPANY.to_owned(),
            page_size: PAGE,
            page_token,
            ..wire::ListCallsRequest::default()
        };
        let answer = clients.orchestrator(replica).list_calls(request).await?.into_inner();
        found.extend(answer.decisions.into_iter().map(|one| (one.call_id.clone(), one)));
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            return Ok(found);
        }
    }
}

/// Whether every replica tells the same, and the history as people ask for it is that of the log.
///
/// # Errors
/// One of them does not answer.
pub async fn replicas_agree(clients: &Clients, log: &Log) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for replica in 0..clients.orchestrators.len() {
        let mut other = Log::default();
        other.read_on(clients, replica).await?;
        if other.entries != log.entries {
            let (count, of) = (other.entries.len(), log.entries.len());
            found.push(format!(
                "replica {} tells another log: {count} entries, not {of}",
                replica + 1
            ));
        }
    }
    for (position, (id, history)) in log.by_call().into_iter().enumerate() {
        let request =
            wire::ExplainCallRequest { company: COMPANY.to_owned(), call_id: id.to_owned() };
        let told = clients.orchestrator(position).explain_call(request).await?.into_inner();
        let revisions = |all: &mut dyn Iterator<Item = u64>| {
            let mut all: Vec<u64> = all.collect();
            all.sort_unstable();
            all
        };
        // What holds stands by itself, before it the rest.
        let explained = told.history.iter().chain(&told.decision).map(|one| one.revision);
        let explained = revisions(&mut explained.into_iter());
        let logged = revisions(&mut history.iter().map(|one| one.revision));
        if explained != logged {
            found.push(format!("call {id}: explained are {explained:?}, logged are {logged:?}"));
        }
    }
    Ok(found)
}

/// What the orchestrator says of its own chain of hashes.
///
/// # Errors
/// It does not answer.
pub async fn chain(clients: &Clients) -> anyhow::Result<Vec<String>> {
    let mut request = wire::VerifyHistoryRequest {
        company: COMPANY.to_owned(),
        ..wire::VerifyHistoryRequest::default()
    };
    loop {
        let told = clients.orchestrator(0).verify_history(request.clone()).await?.into_inner();
        if !told.more {
            let broken = format!("the history is broken: {told:?}");
            return Ok(if told.intact { Vec::new() } else { vec![broken] });
        }
        request.from_number = told.head_number;
        request.from_hash = told.head_hash;
        request.from_call = told.last_call;
    }
}

/// The first of many, and how many more there are.
#[must_use]
pub fn shortened(mut found: Vec<String>) -> Vec<String> {
    let more = found.len().saturating_sub(MOST);
    found.truncate(MOST);
    if more > 0 {
        found.push(format!("and {more} more"));
    }
    found
}
