//! What a proposed company file would change: the calls of a period judged by it, settled with one another, and compared with
//! what holds. Nothing is kept.
//!
//! It tells what applying the file gives. So only calls the change can reach are judged, calls that have ended stay as they
//! are, and all others take part in conflicts as they are stored. Applying decides upcoming calls only; those that have begun
//! before `now` are told as if they were decided as well, among themselves: what becomes of upcoming ones does not hang on
//! that.
//!
//! Changes come soonest first, page by page: a call that contends with others is told when all that contend with it are
//! known, on a later page than its own if need be, and only these are kept in memory. Two things are left out. What an earlier change of policy still has to change, while
//! calls are being decided again, counts as a change of this one where both reach the same call, and is not told elsewhere.
//! And applying decides very many calls in batches, between which a call may be planned for a moment before it falls; then
//! its code may be the twin of the one told here.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use decision::conflict::{self, Contender, OwnedContender};
use decision::reach::{Reach, Traces};
use decision::{CompanyFile, Finding, Policy};
use proto::calendar::v1 as calendar;
use proto::orchestrator::v1 as wire;
use proto::{Invalid, time};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

use crate::engine::{Cause, Engine, order};
use crate::error::Error;
use crate::gather::SharedPolicy;
use crate::policies::Ready;
use crate::report::{self, Outcome};
use crate::store::{Call, Filter, give_way, is_same};
use crate::stream::{Teller, Told, stream};

/// Calls, or meetings, read at once.
const PAGE: u32 = 500;

/// How far a simulation goes into the past and the future, unless it is said otherwise.
const SPAN: TimeDelta = TimeDelta::days(28);

type Answer = wire::SimulatePolicyResponse;

/// Start, inclusive, and end, exclusive.
type Period = (DateTime<Utc>, DateTime<Utc>);

/// Tells what a proposed company file would change.
///
/// # Errors
/// A request that cannot be understood, an unknown company, a file that is not valid, or a peer that does not answer.
pub(crate) async fn simulate(
    engine: Arc<Engine>,
    shutdown: CancellationToken,
    request: wire::SimulatePolicyRequest,
) -> Result<Told<Answer>, Status> {
    if request.company.is_empty() {
        return Err(Error::from(Invalid::Missing("company")).into());
    }
    if request.document.is_empty() {
        return Err(Error::from(Invalid::Missing("document")).into());
    }
    let now = time::optional("now", request.now.as_ref()).map_err(Error::from)?;
    let now = now.unwrap_or_else(|| engine.clock.now());
    let from = request.from.unwrap_or_else(|| time::to_wire(now - SPAN));
    let to = request.to.unwrap_or_else(|| time::to_wire(now + SPAN));
    let period = match report::period(Some(&from), Some(&to)).map_err(Error::from)? {
        (Some(from), Some(to)) => (from, to),
        (_, _) => return Err(Error::from(Invalid::Missing("from")).into()),
    };
    let company = request.company;
    // First of all, so that nobody is told about the file of a company that is not there.
    engine.policies.newest(&company).await?;
    let proposed = engine.policies.propose(request.document).await.map_err(|status| {
        let is_silent = matches!(
            status.code(),
            Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Unknown
        );
        // Who reads files knows best what is wrong with one.
        if is_silent { Error::from_peer("eligibility", &company, status).into() } else { status }
    })?;
    if proposed.company != company {
        let problem = format!("it is the file of `{}`, not of `{company}`", proposed.company);
        return Err(Error::from(Invalid::Text { field: "document", problem }).into());
    }
    let current = proposed.policy_version;
    let before = engine.policies.file(&company, current).await?;
    let file = CompanyFile::from_canonical(&proposed.document)
        .map_err(|source| Error::Answer { peer: "eligibility", source: source.into() })?;
    let reach = Reach::between(&before, &file);
    let policy = Policy::compile(&file, current + 1);
    let ready = Arc::new(Ready {
        settings: Arc::new(decision::session::Settings::of(&policy.settings.recording)),
        policy,
        file,
        draft: Some(proposed.document),
    });
    let summary_only = request.summary_only;
    Ok(stream(shutdown, move |teller| async move {
        let mut simulation = Simulation {
            engine,
            company,
            ready,
            reach,
            now,
            teller,
            summary_only,
            counted: BTreeMap::new(),
            decided: 0,
            changed: 0,
            found: Vec::new(),
        };
        if proposed.changed {
            simulation.periods(period).await?;
        } else {
            simulation.nothing(period).await?;
        }
        simulation.end(current).await
    }))
}

/// A simulation under way.
struct Simulation {
    engine: Arc<Engine>,
    company: String,
    ready: SharedPolicy,
    reach: Reach,
    now: DateTime<Utc>,
    teller: Teller<Answer>,
    summary_only: bool,
    /// Calls by outcome, before and after.
    counted: BTreeMap<Outcome, (u64, u64)>,
    decided: u64,
    changed: u64,
    /// Changes that are not told yet: those of a page.
    found: Vec<(wire::Decision, Option<wire::Decision>)>,
}

/// What contends with others.
struct Member {
    contender: OwnedContender,
    standing: Standing,
}

enum Standing {
    /// Judged by the proposed file.
    Judged { before: Option<Box<wire::Decision>>, candidate: Box<wire::Decision> },
    /// As it is stored.
    Stored(Box<Call>),
    /// As it is stored, and not asked for.
    Outside,
}

type Members = BTreeMap<String, Member>;

impl Simulation {
    /// The part of the period that has begun, and the part that is to come.
    async fn periods(&mut self, (from, to): Period) -> Result<(), Error> {
        let now = self.now;
        if from < now {
            self.period((from, to.min(now))).await?;
        }
        if to > now {
            self.period((from.max(now), to)).await?;
        }
        Ok(())
    }

    /// A file that is in force already changes nothing.
    async fn nothing(&mut self, (from, to): Period) -> Result<(), Error> {
        let filter = Filter { from: Some(from), to: Some(to), ..Filter::default() };
        for (kind, code, calls) in self.engine.calls.count(&self.company, &filter).await? {
            self.decided += calls;
            let counted = self.counted.entry(Outcome::of(kind, code)).or_default();
            *counted = (counted.0 + calls, counted.1 + calls);
        }
        Ok(())
    }

    async fn period(&mut self, period: Period) -> Result<(), Error> {
        let (from, to) = period;
        let mut filter = Filter { from: Some(from), to: Some(to), ..Filter::default() };
        let mut members = Members::new();
        let mut looked_until = from;
        loop {
            let (calls, next) = self.engine.calls.list(&self.company, &filter, PAGE.into()).await?;
            // Whatever comes later begins here or later.
            let until = match (calls.last(), &next) {
                (Some(last), Some(_)) => start(&last.decision)?,
                _ => to,
            };
            let mut came = self.calls(calls, &mut members).await?;
            came.extend(self.undecided((looked_until, until), &mut members).await?);
            self.around(came, period, &mut members).await?;
            self.settle(&mut members, next.is_some().then_some(until))?;
            self.tell().await;
            looked_until = until;
            match next {
                Some(_) => filter.after = next,
                None => return Ok(()),
            }
        }
    }

    /// Judges the calls that the change reaches; answers which of all contend with others.
    async fn calls(
        &mut self,
        calls: Vec<Call>,
        members: &mut Members,
    ) -> Result<Vec<OwnedContender>, Error> {
        let mut came = Vec::new();
        let mut concerned: HashMap<String, Call> = HashMap::new();
        let mut ids = Vec::new();
        for call in calls {
            if !call.ended && self.reach.touches(&Traces::from_bytes(&call.traces)) {
                ids.push(call.call_id.clone());
                concerned.insert(call.call_id.clone(), call);
            } else {
                came.extend(self.keep(call, members));
            }
        }
        let meetings = self.engine.meetings(&self.company, &ids).await?;
        came.extend(self.judge(meetings, &mut concerned, members).await?);
        // Calls whose meeting nobody knows or can read stay as they are.
        for id in &ids {
            if let Some(call) = concerned.remove(id) {
                came.extend(self.keep(call, members));
            }
        }
        Ok(came)
    }

    /// Judges the meetings that start in a period and were never decided; answers which contend with others.
    async fn undecided(
        &mut self,
        (from, to): Period,
        members: &mut Members,
    ) -> Result<Vec<OwnedContender>, Error> {
        let mut came = Vec::new();
        let mut page_token = String::new();
        // Where many calls share a start there is nothing in between.
        if from >= to {
            return Ok(came);
        }
        loop {
            let request = calendar::ListMeetingsRequest {
                company: self.company.clone(),
                from: Some(time::to_wire(from)),
                to: Some(time::to_wire(to)),
                page_size: PAGE,
                page_token,
                meeting_ids: Vec::new(),
            };
            let (mut meetings, next) = self.engine.page_of_meetings(request).await?;
            let ids: Vec<String> = meetings.iter().map(|one| one.meeting_id.clone()).collect();
            let known = self.engine.calls.judged_meetings(&self.company, &ids).await?;
            meetings.retain(|meeting| !known.contains_key(&meeting.meeting_id));
            if !meetings.is_empty() {
                came.extend(self.judge(meetings, &mut HashMap::new(), members).await?);
            }
            if next.is_empty() {
                return Ok(came);
            }
            page_token = next;
        }
    }

    /// Judges meetings, and takes those that were judged out of the calls that are known.
    async fn judge(
        &mut self,
        meetings: Vec<calendar::Meeting>,
        known: &mut HashMap<String, Call>,
        members: &mut Members,
    ) -> Result<Vec<OwnedContender>, Error> {
        let mut came = Vec::new();
        for one in self.engine.try_out(&self.ready, meetings, known, self.now).await? {
            let id = one.candidate.call_id.clone();
            let before = known.remove(&id).map(|call| call.decision);
            match one.contender {
                Some(contender) => {
                    came.push(contender.clone());
                    let standing = Standing::Judged {
                        before: before.map(Box::new),
                        candidate: Box::new(one.candidate),
                    };
                    members.insert(id, Member { contender, standing });
                }
                None => self.compare(before, one.candidate),
            }
        }
        Ok(came)
    }

    /// A call that is not judged; answers what it contends as.
    fn keep(&mut self, mut call: Call, members: &mut Members) -> Option<OwnedContender> {
        let Some(contender) = call.contender.take() else {
            self.compare(Some(call.decision.clone()), call.decision);
            return None;
        };
        let id = call.call_id.clone();
        let standing = Standing::Stored(Box::new(call));
        members.insert(id, Member { contender: contender.clone(), standing });
        Some(contender)
    }

    /// Finds what is stored outside of the period and contends with these, or with what does.
    async fn around(
        &self,
        mut frontier: Vec<OwnedContender>,
        (from, to): Period,
        members: &mut Members,
    ) -> Result<(), Error> {
        while !frontier.is_empty() {
            let found = self.engine.calls.contending_with(&self.company, &frontier).await?;
            frontier.clear();
            for call in found {
                let is_inside = (from..to).contains(&start(&call.decision)?);
                if is_inside || members.contains_key(&call.call_id) {
                    continue;
                }
                if let Some(contender) = call.contender {
                    frontier.push(contender.clone());
                    let member = Member { contender, standing: Standing::Outside };
                    members.insert(call.call_id, member);
                }
            }
        }
        Ok(())
    }

    /// Settles what no call can contend with any more that begins at an instant or later; everything, without one.
    fn settle(&mut self, members: &mut Members, until: Option<DateTime<Utc>>) -> Result<(), Error> {
        let mut settled = settled(members, until);
        settled.sort_by_key(|(start, _, _)| *start);
        for (_, id, findings) in settled {
            match members.remove(&id).map(|member| member.standing) {
                None | Some(Standing::Outside) => {}
                Some(Standing::Judged { before, candidate }) => {
                    let after = give_way(&candidate, findings)?;
                    self.compare(before.map(|before| *before), after);
                }
                Some(Standing::Stored(call)) => {
                    let candidate = call.candidate.as_ref().unwrap_or(&call.decision);
                    let after = wire::Decision {
                        decided_at: Some(time::to_wire(self.now)),
                        cause: Cause::Conflict.as_str().to_owned(),
                        ..give_way(candidate, findings)?
                    };
                    self.compare(Some(call.decision), after);
                }
            }
        }
        Ok(())
    }

    /// Counts a call, and notes it if its decision would change.
    fn compare(&mut self, before: Option<wire::Decision>, mut after: wire::Decision) {
        self.decided += 1;
        if let Some(before) = &before {
            self.counted.entry(Outcome::of_decision(before)).or_default().0 += 1;
            if is_same(before, &after) {
                self.counted.entry(Outcome::of_decision(before)).or_default().1 += 1;
                return;
            }
        }
        self.changed += 1;
        self.counted.entry(Outcome::of_decision(&after)).or_default().1 += 1;
        if self.summary_only {
            return;
        }
        after.predecessor = before.as_ref().map_or(0, |before| before.revision);
        after.revision = 0;
        self.found.push((after, before));
    }

    /// Tells what was found on a page, in the order of every list.
    async fn tell(&mut self) {
        self.found.sort_by_cached_key(|(after, _)| order(after));
        for (after, before) in std::mem::take(&mut self.found) {
            let change = wire::SimulatedChange { before, after: Some(after) };
            let told = wire::simulate_policy_response::Told::Change(change);
            self.teller.tell(Answer { told: Some(told) }).await;
        }
    }

    /// The last word.
    async fn end(self, current: u64) -> Result<(), Error> {
        if self.engine.policies.newest(&self.company).await?.policy.version != current {
            return Err(Error::PolicyChanged);
        }
        let outcomes = self.counted.iter().map(|(outcome, (before, after))| {
            let (outcome, code, spelling) = outcome.to_wire();
            wire::OutcomeChange { outcome, code, spelling, before: *before, after: *after }
        });
        let summary = wire::SimulationSummary {
            decided: self.decided,
            changed: self.changed,
            policy_version: current,
            outcomes: outcomes.collect(),
        };
        let told = wire::simulate_policy_response::Told::Summary(summary);
        self.teller.tell(Answer { told: Some(told) }).await;
        Ok(())
    }
}

/// What speaks against each member that nobody can contend with any more who begins at an instant or later.
fn settled(
    members: &Members,
    until: Option<DateTime<Utc>>,
) -> Vec<(DateTime<Utc>, String, Vec<Finding>)> {
    let all: Vec<(&String, Contender<'_>)> =
        members.iter().map(|(id, member)| (id, member.contender.as_ref())).collect();
    let contenders: Vec<Contender<'_>> = all.iter().map(|(_, contender)| *contender).collect();
    let open: Vec<usize> = contenders
        .iter()
        .enumerate()
        .filter(|(_, contender)| until.is_some_and(|until| contender.end > until))
        .map(|(place, _)| place)
        .collect();
    let open: BTreeSet<usize> = conflict::reached(&contenders, &open).into_iter().collect();
    let closed: Vec<(&String, Contender<'_>)> = all
        .into_iter()
        .enumerate()
        .filter(|(place, _)| !open.contains(place))
        .map(|(_, member)| member)
        .collect();
    let contenders: Vec<Contender<'_>> = closed.iter().map(|(_, contender)| *contender).collect();
    let findings = conflict::resolve(&contenders);
    closed
        .into_iter()
        .zip(findings)
        .map(|((id, contender), findings)| (contender.start, id.clone(), findings))
        .collect()
}

/// When a call begins, by its decision.
fn start(decision: &wire::Decision) -> Result<DateTime<Utc>, Error> {
    time::required("decision.start", decision.start.as_ref())
        .map_err(|invalid| Error::Corrupt(Box::new(invalid)))
}
