//! `callsheet verify`: whether a history is as it was written.

use proto::orchestrator::v1::{VerifyHistoryRequest, VerifyHistoryResponse};

use crate::args::Verify;
use crate::error::Error;
use crate::output::Output;
use crate::output::json::Verified;
use crate::output::progress::Progress;
use crate::{decided, house};

pub(crate) async fn run(arguments: &Verify) -> Result<(), Error> {
    let link = house::server(&arguments.server.server)?;
    let mut request = VerifyHistoryRequest {
        company: arguments.company.clone(),
        noted_number: arguments.number.unwrap_or_default(),
        noted_hash: arguments.hash.clone().unwrap_or_default(),
        ..VerifyHistoryRequest::default()
    };
    let client = decided::client(link);
    let progress = Progress::new(0);
    progress.doing("following the history");
    // Piece by piece: a long history takes longer than one answer may.
    let answer = loop {
        let answer = client
            .clone()
            .verify_history(request.clone())
            .await
            .map_err(Error::refused("verify the history"))?
            .into_inner();
        if !answer.more {
            break answer;
        }
        progress.reach(answer.head_number, answer.total);
        if !answer.last_call.is_empty() {
            progress.doing("looking at the calls");
        }
        request.from_number = answer.head_number;
        request.from_hash = answer.head_hash;
        request.from_call = answer.last_call;
    };
    drop(progress);
    let verified = verified(&arguments.company, answer);
    let mut output = Output::new(arguments.printed);
    if output.is_json() {
        output.json(&verified)?;
    } else {
        for line in told(&verified, arguments.number) {
            output.line(&line)?;
        }
    }
    output.flush()?;
    fault(verified).map_or(Ok(()), Err)
}

fn verified(company: &str, answer: VerifyHistoryResponse) -> Verified {
    let filled = |text: String| Some(text).filter(|text| !text.is_empty());
    Verified {
        company: company.to_owned(),
        intact: answer.intact,
        decisions: answer.decisions,
        head_number: answer.head_number,
        head_hash: answer.head_hash,
        problem: filled(answer.problem),
        call_id: filled(answer.call_id),
        revision: Some(answer.revision).filter(|revision| *revision > 0),
    }
}

/// What people read; what is wrong is told as an error, after it.
fn told(verified: &Verified, noted: Option<u64>) -> Vec<String> {
    let Verified { company, intact, decisions, head_number, head_hash, .. } = verified;
    let plural = if *decisions == 1 { "" } else { "s" };
    let mut lines = vec![if *intact {
        format!("{company}: intact, {decisions} decision{plural} checked")
    } else {
        format!("{company}: not intact, {decisions} decision{plural} checked")
    }];
    if let Some(noted) = noted.filter(|_| *intact) {
        lines.push(format!("Number {noted} has the hash that was noted."));
    }
    // The end of a chain that is broken is worth nothing.
    if *intact && *head_number > 0 {
        lines.push(format!("Newest: number {head_number}, hash {head_hash}"));
        lines.push(format!(
            "Note both elsewhere. Later this shows that none of these decisions was cut off:\n  \
             callsheet verify --company {company} --number {head_number} --hash {head_hash}"
        ));
    }
    lines
}

/// What is wrong first; none where nothing is.
fn fault(verified: Verified) -> Option<Error> {
    let Verified { company, intact, problem, call_id, revision, .. } = verified;
    let place = match (call_id, revision) {
        (Some(call), Some(revision)) => format!(" (call `{call}`, decision {revision})"),
        (Some(call), None) => format!(" (call `{call}`)"),
        (None, _) => String::new(),
    };
    let problem = problem.unwrap_or_else(|| "the server does not say what is wrong".to_owned());
    (!intact).then_some(Error::Tampered { company, problem, place })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(intact: bool) -> Verified {
        verified(
            "acme",
            VerifyHistoryResponse {
                intact,
                decisions: 12,
                head_number: 12,
                head_hash: "ab".repeat(32),
                problem: if intact { String::new() } else { "its hash is another".to_owned() },
                call_id: if intact { String::new() } else { "c1".to_owned() },
                revision: if intact { 0 } else { 3 },
                ..VerifyHistoryResponse::default()
            },
        )
    }

    #[test]
    fn what_is_intact_is_told_with_what_to_note() {
        let text = told(&answer(true), Some(7)).join("\n");
        assert!(text.starts_with("acme: intact, 12 decisions checked\nNumber 7 has"), "{text}");
        assert!(text.contains(&format!("--number 12 --hash {}", "ab".repeat(32))), "{text}");
        assert!(fault(answer(true)).is_none());
    }

    #[test]
    fn what_is_not_intact_is_an_error_that_says_where() {
        let text = told(&answer(false), Some(7)).join("\n");
        assert_eq!(text, "acme: not intact, 12 decisions checked");
        let error = fault(answer(false)).unwrap();
        assert_eq!(
            error.to_string(),
            "the history of `acme` is not as it was written: its hash is another (call `c1`, decision 3)"
        );
        assert_eq!(error.exit_code(), 1);
    }
}
