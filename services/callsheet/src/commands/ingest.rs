//! `callsheet ingest`: calendar files to a server.

use proto::calendar::v1::IngestEventsRequest;

use crate::args::Ingest;
use crate::error::Error;
use crate::output::progress::Progress;
use crate::output::{Output, json};
use crate::{calendars, company, house, input};

pub(crate) async fn run(arguments: &Ingest) -> Result<(), Error> {
    let payloads = input::read_all(&arguments.calendars, input::CALENDAR)?;
    let link = house::server(&arguments.server.server)?;
    let company = company::get(link.clone(), &arguments.company).await?;
    let progress = Progress::new(payloads.len());
    let mut done = Vec::new();
    for payload in payloads {
        let calendar = payload.name.clone();
        let request = IngestEventsRequest {
            company: arguments.company.clone(),
            time_zone: company.time_zone.clone(),
            consent_host: company.consent.host.clone(),
            ..IngestEventsRequest::default()
        };
        let answer = calendars::ingest(link.clone(), payload, request, &progress).await?;
        done.push(json::Ingested {
            calendar,
            events: answer.events,
            changed: answer.changed,
            unchanged: answer.unchanged,
            problems: answer.problems.len(),
        });
    }
    drop(progress);
    let mut output = Output::new(arguments.printed);
    for one in done {
        if output.is_json() {
            output.json(&one)?;
        } else {
            let json::Ingested { calendar, events, changed, unchanged, problems } = one;
            output.line(&format!(
                "{calendar}: {events} events read, {changed} meetings changed, {unchanged} unchanged, {problems} problems"
            ))?;
        }
    }
    output.flush()
}
