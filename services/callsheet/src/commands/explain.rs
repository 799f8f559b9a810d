//! `callsheet explain`: why a call is recorded or not.

use chrono_tz::Tz;
use proto::orchestrator::v1::{Decision, ExplainCallRequest};
use proto::time;

use crate::args::Explain;
use crate::error::Error;
use crate::output::json::{Call, Earlier, Explained, instant};
use crate::output::table::{Room, Table, Tone};
use crate::output::{Output, calls};
use crate::{company, decided, house};

pub(crate) async fn run(arguments: &Explain) -> Result<(), Error> {
    let link = house::server(&arguments.server.server)?;
    let zone = company::zone(&company::get(link.clone(), &arguments.company).await?);
    let request =
        ExplainCallRequest { company: arguments.company.clone(), call_id: arguments.call.clone() };
    let answer = decided::client(link)
        .explain_call(request)
        .await
        .map_err(Error::refused(format!("explain `{}`", arguments.call)))?
        .into_inner();
    let decision = answer.decision.ok_or(proto::Invalid::Missing("decision"))?;
    let explained = Explained {
        call: Call::try_from(decision)?,
        sentences: answer.sentences,
        history: answer.history.into_iter().map(earlier).collect::<Result<_, _>>()?,
    };
    let mut output = Output::new(arguments.printed);
    if output.is_json() {
        output.json(&explained)?;
    } else {
        print(&mut output, &explained, zone)?;
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

fn print(output: &mut Output, explained: &Explained, zone: Tz) -> Result<(), Error> {
    let Explained { call, sentences, history } = explained;
    let mut told = Table::new(&[("", Room::Rest)], usize::MAX);
    let mut paragraph = |text: String, tone| told.row([(text, tone)]);
    paragraph(format!("{}  {}", calls::start(call, zone), calls::title(call)), Tone::Plain);
    let (decision, tone) = calls::decision(call);
    paragraph(decision, tone);
    for sentence in sentences {
        paragraph(sentence.clone(), Tone::Plain);
    }
    output.table(&told)?;
    if history.is_empty() {
        return Ok(());
    }
    output.line("")?;
    let mut table = Table::new(
        &[
            ("Before", Room::Whole),
            ("Decided at", Room::Whole),
            ("Because of", Room::Whole),
            ("Decision", Room::Rest),
        ],
        2,
    );
    for one in history {
        table.row([
            (one.revision.to_string(), Tone::Quiet),
            (one.decided_at.clone().unwrap_or_default(), Tone::Quiet),
            (one.cause.clone(), Tone::Quiet),
            (one.skip_code.unwrap_or(one.decision).to_owned(), Tone::Plain),
        ]);
    }
    output.table(&table)
}
