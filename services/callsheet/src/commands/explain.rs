//! `callsheet explain`: why a call is recorded or not, and how that came to be.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use proto::orchestrator::v1::{Decision, ExplainCallRequest, GetCallRequest};
use proto::time;

use crate::args::Explain;
use crate::error::Error;
use crate::output::json::{Call, Earlier, Explained, Step, instant};
use crate::output::table::{Room, Table, Tone};
use crate::output::{Output, calls};
use crate::{company, decided, house};

pub(crate) async fn run(arguments: &Explain) -> Result<(), Error> {
    let link = house::server(&arguments.server.server)?;
    let zone = company::zone(&company::get(link.clone(), &arguments.company).await?);
    let request =
        ExplainCallRequest { company: arguments.company.clone(), call_id: arguments.call.clone() };
    let mut client = decided::client(link);
    let mut answer = client
        .explain_call(request)
        .await
        .map_err(Error::refused(format!("explain `{}`", arguments.call)))?
        .into_inner();
    if let Some(at) = arguments.at {
        let request = GetCallRequest {
            company: arguments.company.clone(),
            call_id: arguments.call.clone(),
            revision: 0,
            at: Some(time::to_wire(at)),
        };
        let past = client
            .get_call(request)
            .await
            .map_err(|status| {
                // The call is known by now: it is the time that is not.
                if status.code() == tonic::Code::NotFound {
                    return Error::TooEarly { status: Box::new(status) };
                }
                Error::refused(format!("explain `{}` at that time", arguments.call))(status)
            })?
            .into_inner();
        let decision = past.decision.ok_or(proto::Invalid::Missing("decision"))?;
        // The sentences of today say nothing about then; those of the decision do.
        answer.sentences = vec![decision.explanation.clone()];
        answer.history.retain(|earlier| earlier.revision < decision.revision);
        answer.path.retain(|step| step.revision <= decision.revision);
        answer.decision = Some(decision);
    }
    let decision = answer.decision.ok_or(proto::Invalid::Missing("decision"))?;
    let explained = Explained {
        revision: decision.revision,
        decided_at: time::optional("decided_at", decision.decided_at.as_ref())?.map(instant),
        call: Call::try_from(decision)?,
        sentences: answer.sentences,
        history: answer.history.into_iter().map(earlier).collect::<Result<_, _>>()?,
        path: answer.path.into_iter().map(Step::try_from).collect::<Result<_, _>>()?,
    };
    let mut output = Output::new(arguments.printed);
    if output.is_json() {
        output.json(&explained)?;
    } else {
        print(&mut output, &explained, arguments.at, zone)?;
    }
    output.flush()
}

fn earlier(decision: Decision) -> Result<Earlier, proto::Invalid> {
    let (revision, cause) = (decision.revision, decision.cause.clone());
    let decided_at = time::optional("decided_at", decision.decided_at.as_ref())?.map(instant);
    let call = Call::try_from(decision)?;
    Ok(Earlier {
        revision,
        decided_at,
        cause,
        decision: call.decision,
        skip_code: call.skip_code,
        policy_version: call.policy_version,
    })
}

fn print(
    output: &mut Output,
    explained: &Explained,
    at: Option<DateTime<Utc>>,
    zone: Tz,
) -> Result<(), Error> {
    let Explained { call, sentences, path, .. } = explained;
    let mut told = Table::new(&[("", Room::Rest)], usize::MAX);
    let mut paragraph = |text: String, tone| told.row([(text, tone)]);
    paragraph(format!("{}  {}", calls::start(call, zone), calls::title(call)), Tone::Plain);
    if let Some(at) = at {
        paragraph(format!("As it was decided on {}:", moment(at, zone)), Tone::Quiet);
    }
    let (decision, tone) = calls::decision(call);
    paragraph(decision, tone);
    for sentence in sentences {
        paragraph(sentence.clone(), Tone::Plain);
    }
    output.table(&told)?;
    if path.is_empty() {
        return Ok(());
    }
    output.line("")?;
    output.table(&steps(path, zone))?;
    output.line(&format!("\nTimes in {zone}."))
}

/// How it came to be, oldest first.
fn steps(path: &[Step], zone: Tz) -> Table {
    let mut table = Table::new(
        &[
            ("", Room::Whole),
            ("When", Room::Whole),
            ("By", Room::Whole),
            ("What changed", Room::Rest),
        ],
        usize::MAX,
    );
    for step in path {
        table.row([
            (step.revision.to_string(), Tone::Quiet),
            (step.at.map(|at| moment(at, zone)).unwrap_or_default(), Tone::Quiet),
            (step.cause.clone(), Tone::Quiet),
            (step.sentence.clone(), Tone::Plain),
        ]);
    }
    table
}

fn moment(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%a %d %b %Y %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_told_whole_and_fits() {
        let step = |revision, sentence: &str| Step {
            revision,
            decided_at: None,
            cause: "policy".to_owned(),
            policy_version: 2,
            meeting_revision: 1,
            sentence: sentence.to_owned(),
            at: DateTime::from_timestamp(1_772_445_600, 0),
        };
        let long = "It was to be recorded and is not any more, because the company file went from \
            version 1 to version 2, and that is a rather long sentence about it.";
        let path = [step(1, "First decision: it is recorded."), step(2, long)];
        for width in [80, 120] {
            let text = steps(&path, Tz::Europe__Berlin).draw(width, false);
            assert!(text.contains("Mon 02 Mar 2026 11:00:00"), "{text}");
            assert!(!text.contains('…') && text.contains("about it."), "{text}");
            assert!(text.lines().all(|line| line.chars().count() <= usize::from(width)), "{text}");
        }
    }
}
