//! `callsheet decide`: a decision for every call in calendar files, by the services in this process.

use chrono::{DateTime, TimeDelta, Utc};
use proto::calendar::v1::IngestEventsRequest;
use proto::orchestrator::v1::{DecideCallsRequest, ListCallsRequest};
use proto::time::to_wire;

use crate::args::Decide;
use crate::error::Error;
use crate::output::progress::Progress;
use crate::output::{Output, calls};
use crate::{calendars, company, decided, house, input};

pub(crate) async fn run(arguments: &Decide) -> Result<(), Error> {
    // Everything is read before anything is decided.
    let paths: Vec<_> = std::iter::once(&arguments.company).chain(&arguments.calendars).collect();
    if paths.iter().filter(|path| input::is_stdin(path)).count() > 1 {
        return Err(Error::Usage("standard input can be read once: give `-` once".to_owned()));
    }
    let file = input::read_text(&arguments.company, input::COMPANY)?;
    let payloads = input::read_all(&arguments.calendars, input::CALENDAR)?;
    let now = house::at(arguments.now);
    let (from, to) = period(now, arguments.window)?;

    let running = house::offline(now, None).await?;
    let progress = Progress::new(payloads.len() + 3);
    progress.doing("reading the company");
    let companies = house::near(&running, "eligibility")?;
    let id = company::apply(companies.clone(), file, false).await?.company;
    let company = company::get(companies, &id).await?;
    progress.step();

    let mut errors = Vec::new();
    for payload in payloads {
        let request = IngestEventsRequest {
            company: id.clone(),
            time_zone: company.time_zone.clone(),
            received_at: Some(to_wire(now)),
            expand_from: Some(to_wire(from)),
            expand_to: Some(to_wire(to)),
            consent_host: company.consent.host.clone(),
            ..IngestEventsRequest::default()
        };
        let link = house::near(&running, "calendar-ingest")?;
        if let Err(error) = calendars::ingest(link, payload, request, &progress).await {
            errors.push(error);
        }
    }
    if !errors.is_empty() {
        return Err(Error::several(errors));
    }

    progress.doing("deciding");
    let link = house::near(&running, "orchestrator")?;
    let request = DecideCallsRequest {
        company: id.clone(),
        from: Some(to_wire(now)),
        to: Some(to_wire(to)),
        now: Some(to_wire(now)),
        omit_decisions: true,
        ..DecideCallsRequest::default()
    };
    decided::client(link.clone()).decide_calls(request).await.map_err(Error::refused("decide"))?;
    progress.step();
    progress.doing("collecting");
    let request = ListCallsRequest {
        company: id,
        from: Some(to_wire(now)),
        to: Some(to_wire(to)),
        ..ListCallsRequest::default()
    };
    let decided = decided::list(link, request).await?;
    drop(progress);

    let mut output = Output::new(arguments.printed);
    calls::print(&mut output, &decided, company::zone(&company))?;
    output.flush()
}

/// What is laid out: a day before now, for what moved or still runs, and the window.
fn period(
    now: DateTime<Utc>,
    window: std::time::Duration,
) -> Result<(DateTime<Utc>, DateTime<Utc>), Error> {
    let from = now.checked_sub_signed(TimeDelta::days(1));
    let to = TimeDelta::from_std(window).ok().and_then(|span| now.checked_add_signed(span));
    from.zip(to).ok_or_else(|| Error::Usage("the window leads past the end of time".to_owned()))
}
