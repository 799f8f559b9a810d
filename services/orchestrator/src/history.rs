//! The past of calls: how a decision came to be, and whether what is kept of it is as it was written.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chassis::chain;
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use decision::Decision;
use decision::history::{Cause, Step, sentence};
use proto::orchestrator::v1 as wire;
use proto::{Invalid, time};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::engine::Engine;
use crate::error::Error;
use crate::store::{Calls, Range, link};

/// Links of a chain read at once.
const PAGE: u64 = 1_000;

/// Links, and calls beside them, gone through for one answer at the most: whoever asks has seconds, and a history may have
/// millions.
const PIECE: u64 = 20_000;

/// Bytes of a hash.
const HASH: usize = 32;

/// Steps told of a call, at the most.
pub(crate) const STEPS: usize = 100;

/// The steps to the newest of these decisions, which come newest first: the oldest step first. Of more decisions than
/// [`STEPS`] the oldest are left out.
///
/// # Errors
/// A stored decision cannot be read.
pub(crate) fn path(newest_first: &[wire::Decision]) -> Result<Vec<wire::HistoryStep>, Error> {
    let mut decisions = Vec::with_capacity(newest_first.len());
    for told in newest_first {
        let corrupt = |invalid: Invalid| Error::Corrupt(Box::new(invalid));
        let decision = Decision::try_from(told).map_err(corrupt)?;
        let start = time::required("decision.start", told.start.as_ref()).map_err(corrupt)?;
        decisions.push((told, decision, start));
    }
    let steps: Vec<Step<'_>> = decisions
        .iter()
        .map(|(told, decision, start)| Step {
            decision,
            meeting_revision: told.meeting_revision,
            start: *start,
        })
        .collect();
    let mut path: Vec<wire::HistoryStep> = (1..)
        .zip(newest_first.iter().zip(&steps))
        .take(STEPS)
        .map(|(next, (told, step))| wire::HistoryStep {
            revision: told.revision,
            decided_at: told.decided_at,
            cause: told.cause.clone(),
            policy_version: told.policy_version,
            meeting_revision: told.meeting_revision,
            // One of a newer version has led to it at least because somebody asked.
            sentence: sentence(
                steps.get(next),
                step,
                Cause::from_name(&told.cause).unwrap_or(Cause::Asked),
            ),
        })
        .collect();
    path.reverse();
    Ok(path)
}

/// Something that is wrong with a history.
#[derive(Debug, Default)]
struct Problem {
    what: String,
    call_id: String,
    revision: u64,
}

impl Problem {
    fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), ..Self::default() }
    }

    fn with(self, call_id: &str, revision: u64) -> Self {
        Self { call_id: call_id.to_owned(), revision, ..self }
    }
}

/// A place in a chain: a number, and the hash of the chain up to there. The beginning is 0 without a hash.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Place {
    number: u64,
    hash: Vec<u8>,
}

impl Place {
    /// A place that a request names by these two fields, if it names any.
    fn named(
        (number, number_field): (u64, &'static str),
        (hash, hash_field): (&str, &'static str),
    ) -> Result<Option<Self>, Invalid> {
        match (number, hash) {
            (0, "") => Ok(None),
            (0, _) => Err(Invalid::Missing(number_field)),
            (_, "") => Err(Invalid::Missing(hash_field)),
            (number, hash) => HEXLOWER_PERMISSIVE
                .decode(hash.as_bytes())
                .ok()
                .filter(|hash| hash.len() == HASH)
                .map(|hash| Some(Self { number, hash }))
                .ok_or_else(|| Invalid::Text {
                    field: hash_field,
                    problem: format!("it is not a hash, {} hexadecimal digits", 2 * HASH),
                }),
        }
    }
}

/// A place whose hash was noted earlier.
fn noted(request: &wire::VerifyHistoryRequest) -> Result<Option<Place>, Invalid> {
    let number = (request.noted_number, "noted_number");
    Place::named(number, (&request.noted_hash, "noted_hash"))
}

/// The place from which it goes on.
fn from(request: &wire::VerifyHistoryRequest) -> Result<Place, Invalid> {
    let number = (request.from_number, "from_number");
    Ok(Place::named(number, (&request.from_hash, "from_hash"))?.unwrap_or_default())
}

/// What came of looking at a piece.
#[derive(Debug)]
enum Looked {
    /// Nothing is wrong, and nothing is left to look at.
    Through,
    /// Nothing is wrong so far.
    More,
    /// This is.
    Wrong(Problem),
}

/// Looks for the first thing that is wrong with a piece of the history of a company: along the chain, then beside it, then
/// with the decisions that calls hold.
///
/// # Errors
/// A request that cannot be understood, an unknown company, or the store.
pub(crate) async fn verify(
    engine: &Engine,
    request: wire::VerifyHistoryRequest,
) -> Result<wire::VerifyHistoryResponse, Error> {
    let noted = noted(&request)?;
    let mut end = from(&request)?;
    let company = request.company.as_str();
    engine.require(company).await?;
    let calls = &engine.calls;
    // What has been decided a moment ago is verified, too.
    calls.catch_up().await?;
    let size = if request.piece == 0 { PIECE } else { PIECE.min(request.piece.into()) };
    let mut last_call = request.from_call;
    let mut looked = follow(calls, company, noted.as_ref(), &mut end, size).await?;
    if matches!(looked, Looked::Through) {
        looked = beside(calls, company, end.number, &mut last_call, size).await?;
    }
    let total = calls.head(company).await?.map_or(0, |head| head.number);
    let more = matches!(looked, Looked::More);
    let problem = if let Looked::Wrong(problem) = looked { problem } else { Problem::default() };
    Ok(wire::VerifyHistoryResponse {
        intact: problem.what.is_empty(),
        decisions: end.number,
        head_number: end.number,
        head_hash: HEXLOWER.encode(&end.hash),
        problem: problem.what,
        call_id: problem.call_id,
        revision: problem.revision,
        more,
        last_call,
        total: total.max(end.number),
    })
}

/// Follows the chain to its end, or to what is wrong with it, but no further than so many links.
async fn follow(
    calls: &Calls,
    company: &str,
    noted: Option<&Place>,
    end: &mut Place,
    mut left: u64,
) -> Result<Looked, Error> {
    let wrong = |problem| Ok(Looked::Wrong(problem));
    let is_other = |place: &Place| {
        noted.is_some_and(|noted| noted.number == place.number && noted.hash != place.hash)
    };
    let another = |number: u64| {
        format!("the history up to number {number} is another than the one whose hash was noted")
    };
    if is_other(end) {
        return wrong(Problem::new(another(end.number)));
    }
    loop {
        if left == 0 {
            return Ok(Looked::More);
        }
        // Before the page, so that what is written in between is found behind it, not missed.
        let head = calls.head(company).await?;
        let page = calls.chain(company, end.number, PAGE.min(left)).await?;
        if page.is_empty() {
            let (number, hash) = head.map(|head| (head.number, head.hash)).unwrap_or_default();
            let was_cut = |until: u64| {
                Problem::new(format!(
                    "the end of the history is missing: it went to number {until}, and ends at {}",
                    end.number
                ))
            };
            if number > end.number {
                return wrong(was_cut(number));
            }
            if let Some(noted) = noted.filter(|noted| noted.number > end.number) {
                return wrong(was_cut(noted.number));
            }
            if (number, &hash) != (end.number, &end.hash) {
                let what = format!(
                    "the history ends at number {} otherwise than was noted beside it",
                    end.number
                );
                return wrong(Problem::new(what));
            }
            return Ok(Looked::Through);
        }
        for one in page {
            let expected = end.number + 1;
            if one.number != expected {
                let what = format!("number {expected} is missing from the history");
                return wrong(Problem::new(what));
            }
            let (call_id, revision) = (one.call_id.as_str(), one.revision);
            let Some(decision) = &one.decision else {
                let what = format!(
                    "decision {revision} of call `{call_id}`, number {expected} of the history, is missing"
                );
                return wrong(Problem::new(what).with(call_id, revision));
            };
            let hash = link(&end.hash, expected, call_id, revision, decision);
            if hash != one.hash {
                let what = format!(
                    "decision {revision} of call `{call_id}` is not what was written as number {expected} of the history"
                );
                return wrong(Problem::new(what).with(call_id, revision));
            }
            let place = Place { number: expected, hash };
            if is_other(&place) {
                return wrong(Problem::new(another(expected)).with(call_id, revision));
            }
            *end = place;
            left = left.saturating_sub(1);
        }
    }
}

/// Looks beside the chain, at so many calls after `last`, which is the last one of them then.
async fn beside(
    calls: &Calls,
    company: &str,
    chained: u64,
    last: &mut String,
    size: u64,
) -> Result<Looked, Error> {
    let wrong = |(call_id, revision): (String, u64), what: &str| {
        let what = format!("decision {revision} of call `{call_id}` {what}");
        Ok(Looked::Wrong(Problem::new(what).with(&call_id, revision)))
    };
    if last.is_empty() {
        if let Some(found) = calls.announced_in_vain(company).await? {
            return wrong(found, "was made and is missing");
        }
        if let Some(found) = calls.unannounced(company, chained).await? {
            return wrong(found, "was put in: no history leads to it");
        }
    }
    let until = calls.call_after(company, last, size).await?;
    let range = Range { after: last, until: until.as_deref() };
    if let Some(found) = calls.beyond_its_call(company, range).await? {
        return wrong(found, "is newer than the one its call holds");
    }
    if let Some(found) = calls.unlike_its_history(company, range).await? {
        return wrong(found, "is held by its call otherwise than it was made");
    }
    let Some(until) = until else { return Ok(Looked::Through) };
    *last = until;
    Ok(Looked::More)
}

/// Writes the heads of all histories out, now and at intervals, so that an end that is cut off can be noticed. Each replica
/// does: the more notes there are in different places, the better.
pub(crate) async fn anchor(engine: Arc<Engine>, every: Duration, shutdown: CancellationToken) {
    let mut known = BTreeMap::new();
    loop {
        match moved(&engine.calls, &mut known).await {
            Ok(heads) => {
                for (company, number, hash) in heads {
                    info!(company, number, hash, "history head");
                }
            }
            Err(error) => {
                warn!(error = chain(&error), "heads of histories could not be written out")
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
    }
}

/// The heads that are not as they are known: company, number, and hash.
async fn moved(
    calls: &Calls,
    known: &mut BTreeMap<String, u64>,
) -> Result<Vec<(String, u64, String)>, Error> {
    let mut found = Vec::new();
    let mut after = String::new();
    loop {
        let heads = calls.heads(&after, PAGE).await?;
        let Some((last, _)) = heads.last() else { return Ok(found) };
        after.clone_from(last);
        for (company, head) in heads {
            if known.insert(company.clone(), head.number) != Some(head.number) {
                found.push((company, head.number, HEXLOWER.encode(&head.hash)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_noted_hash_is_whole_or_absent() {
        let of = |number, hash: &str| {
            noted(&wire::VerifyHistoryRequest {
                noted_number: number,
                noted_hash: hash.into(),
                ..Default::default()
            })
        };
        assert_eq!(of(0, ""), Ok(None));
        assert_eq!(of(2, &"aB".repeat(32)), Ok(Some(Place { number: 2, hash: vec![0xab; 32] })));
        for (number, hash, field) in
            [(0, "ab", "noted_number"), (1, "", "noted_hash"), (1, "ab", "noted_hash")]
        {
            assert_eq!(of(number, hash).unwrap_err().field(), field);
        }
        assert_eq!(of(1, &"zz".repeat(32)).unwrap_err().field(), "noted_hash");
    }
}
