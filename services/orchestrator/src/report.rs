//! What became of every call of a period, told one by one and then counted.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use decision::SkipCode;
use proto::orchestrator::v1 as wire;
use proto::{Invalid, skip, time, verdict};
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;
use crate::error::Error;
use crate::store::Filter;
use crate::stream::{Teller, Told, stream};

/// Calls read at once.
const PAGE: u64 = 500;

/// An outcome in the order of reports: plans, then codes in the order of the catalogue, those of a newer version by their
/// number, and what is not decided yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// It is going to be recorded.
    Planned,
    /// It was recorded.
    Recorded,
    /// A part of it was recorded, and this is why not all.
    Partial(SkipCode),
    /// It is not recorded.
    Skipped(SkipCode),
    /// It is not recorded, for a reason of a newer version.
    SkippedOtherwise(i32),
    /// It is not decided yet.
    Pending,
}

impl Outcome {
    /// That of a decision of a kind with a primary code.
    pub(crate) fn of(kind: i32, code: i32) -> Self {
        match wire::DecisionKind::try_from(kind) {
            Ok(wire::DecisionKind::Plan) => Self::Planned,
            Ok(wire::DecisionKind::Pending) => Self::Pending,
            Ok(wire::DecisionKind::Recorded) => Self::Recorded,
            Ok(wire::DecisionKind::RecordedPartial) => {
                skip::from_wire(code).map_or(Self::SkippedOtherwise(code), Self::Partial)
            }
            Ok(wire::DecisionKind::Skip | wire::DecisionKind::Unspecified) | Err(_) => {
                skip::from_wire(code).map_or(Self::SkippedOtherwise(code), Self::Skipped)
            }
        }
    }

    /// That of a decision.
    pub(crate) fn of_decision(decision: &wire::Decision) -> Self {
        Self::of(decision.kind, decision.primary.as_ref().map_or(0, |primary| primary.code))
    }

    /// As it is sent: outcome, code, and exact spelling.
    pub(crate) fn to_wire(self) -> (i32, i32, String) {
        let (outcome, code, spelling) = match self {
            Self::Planned => (wire::CallOutcome::Planned, 0, ""),
            Self::Pending => (wire::CallOutcome::Pending, 0, ""),
            Self::Recorded => (wire::CallOutcome::Recorded, 0, ""),
            Self::Partial(code) => (
                wire::CallOutcome::RecordedPartial,
                skip::v1::SkipCode::from(code).into(),
                code.as_str(),
            ),
            Self::Skipped(code) => {
                (wire::CallOutcome::Skipped, skip::v1::SkipCode::from(code).into(), code.as_str())
            }
            Self::SkippedOtherwise(code) => (wire::CallOutcome::Skipped, code, ""),
        };
        (outcome.into(), code, spelling.to_owned())
    }
}

/// Start, inclusive, and end, exclusive, of a period of which both may be open.
pub(crate) type Period = (Option<DateTime<Utc>>, Option<DateTime<Utc>>);

/// A period of which one end or both may be open.
///
/// # Errors
/// An end is no instant, or the period ends before it begins.
pub(crate) fn period(
    from: Option<&prost_types::Timestamp>,
    to: Option<&prost_types::Timestamp>,
) -> Result<Period, Invalid> {
    let (from, to) = (time::optional("from", from)?, time::optional("to", to)?);
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        let problem = format!("the period begins at {from} and ends before that, at {to}");
        return Err(Invalid::Text { field: "from", problem });
    }
    Ok((from, to))
}

/// The calls that are asked for.
fn filter(request: &wire::ReportCallStatusRequest) -> Result<Filter, Invalid> {
    let (from, to) = period(request.from.as_ref(), request.to.as_ref())?;
    Invalid::limit("codes", request.codes.len(), SkipCode::ALL.len())?;
    let mut codes = Vec::with_capacity(request.codes.len());
    for code in &request.codes {
        let known = skip::from_wire(*code)
            .map_err(|unknown| Invalid::Enum { field: "codes", value: unknown.0 })?;
        codes.push(known);
    }
    let phase = request.phase.as_str();
    let of_phase = |code: &SkipCode| phase.is_empty() || code.meta().phase.as_str() == phase;
    if !SkipCode::ALL.iter().any(of_phase) {
        let mut phases: Vec<_> = SkipCode::ALL.iter().map(|code| code.meta().phase).collect();
        phases.dedup();
        let phases: Vec<&str> = phases.into_iter().map(|phase| phase.as_str()).collect();
        let problem = format!("`{phase}` is no phase; known are {}", phases.join(", "));
        return Err(Invalid::Text { field: "phase", problem });
    }
    let codes = match (codes.is_empty(), phase.is_empty()) {
        (true, true) => None,
        (true, false) => Some(SkipCode::ALL.to_vec()),
        (false, _) => Some(codes),
    };
    let provider = verdict::provider("provider", request.provider)?;
    Ok(Filter {
        from,
        to,
        codes: codes.map(|codes| {
            let codes = codes.into_iter().filter(of_phase);
            codes.map(|code| skip::v1::SkipCode::from(code).into()).collect()
        }),
        owner: (!request.owner.is_empty()).then(|| request.owner.clone()),
        provider: provider.map(|provider| verdict::v1::Provider::from(provider).into()),
        after: None,
    })
}

/// Reports the calls of a period.
///
/// # Errors
/// A request that cannot be understood, an unknown company, or the store.
pub(crate) async fn report(
    engine: Arc<Engine>,
    shutdown: CancellationToken,
    request: wire::ReportCallStatusRequest,
) -> Result<Told<wire::ReportCallStatusResponse>, Error> {
    let filter = filter(&request)?;
    engine.require(&request.company).await?;
    Ok(stream(shutdown, |teller| tell(engine, request, filter, teller)))
}

async fn tell(
    engine: Arc<Engine>,
    request: wire::ReportCallStatusRequest,
    mut filter: Filter,
    teller: Teller<wire::ReportCallStatusResponse>,
) -> Result<(), Error> {
    use wire::report_call_status_response::Told as One;
    let answer = |told| wire::ReportCallStatusResponse { told: Some(told) };
    let mut counts: BTreeMap<Outcome, u64> = BTreeMap::new();
    if request.summary_only {
        for (kind, code, calls) in engine.calls.count(&request.company, &filter).await? {
            *counts.entry(Outcome::of(kind, code)).or_default() += calls;
        }
    } else {
        loop {
            let (decisions, next) = engine.calls.decisions(&request.company, &filter, PAGE).await?;
            for decision in decisions {
                *counts.entry(Outcome::of_decision(&decision)).or_default() += 1;
                teller.tell(answer(One::Call(status(decision)))).await;
            }
            let Some(next) = next else { break };
            filter.after = Some(next);
        }
    }
    teller.tell(answer(One::Summary(summary(&counts)))).await;
    Ok(())
}

fn status(decision: wire::Decision) -> wire::CallStatus {
    let outcome = Outcome::of_decision(&decision);
    let meta = match outcome {
        Outcome::Skipped(code) | Outcome::Partial(code) => Some(code.meta()),
        Outcome::Planned | Outcome::Recorded | Outcome::SkippedOtherwise(_) | Outcome::Pending => {
            None
        }
    };
    let (outcome, code, spelling) = outcome.to_wire();
    wire::CallStatus {
        call_id: decision.call_id,
        key: decision.key,
        title: decision.title,
        start: decision.start,
        end: decision.end,
        provider: decision.conference.map_or(0, |conference| conference.provider),
        outcome,
        code,
        spelling,
        description: meta.map(|meta| meta.description.to_owned()).unwrap_or_default(),
        remedy: meta.map(|meta| meta.remedy.to_owned()).unwrap_or_default(),
        owner: decision.owner,
        revision: decision.revision,
        decided_at: decision.decided_at,
    }
}

fn summary(counts: &BTreeMap<Outcome, u64>) -> wire::ReportSummary {
    let all: u64 = counts.values().sum();
    let outcomes = counts.iter().map(|(outcome, calls)| {
        let (outcome, code, spelling) = outcome.to_wire();
        // More calls than a double can count one by one do not fit into any store.
        let share = *calls as f64 / all as f64;
        wire::OutcomeCount { outcome, code, spelling, calls: *calls, share }
    });
    wire::ReportSummary { calls: all, outcomes: outcomes.collect() }
}

impl Engine {
    /// Refuses a company of which nobody knows anything. One of which something was decided is known, whether its peers
    /// answer or not.
    ///
    /// # Errors
    /// None is named, or it is unknown, or nobody answers who could tell.
    pub(crate) async fn require(&self, company: &str) -> Result<(), Error> {
        if company.is_empty() {
            return Err(Invalid::Missing("company").into());
        }
        if !self.calls.knows(company).await? {
            self.policies.known(company).await?;
        }
        Ok(())
    }
}
