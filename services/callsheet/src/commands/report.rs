//! `callsheet report`: what became of the calls of a period.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use proto::orchestrator::v1::report_call_status_response::Told;
use proto::orchestrator::v1::{ReportCallStatusRequest, ReportCallStatusResponse};
use proto::{skip, time, verdict};
use serde::Serialize;
use tonic::Streaming;

use crate::args::{Format, Printed, Report, ReportFormat};
use crate::error::Error;
use crate::output::Output;
use crate::output::csv::Csv;
use crate::output::report::{self, COLUMNS, Line, SUMMARY_COLUMNS, Summary};
use crate::{company, decided, house};

pub(crate) async fn run(arguments: &Report) -> Result<(), Error> {
    period(arguments.from, arguments.to)?;
    let link = house::server(&arguments.server.server)?;
    let request = ReportCallStatusRequest {
        company: arguments.company.clone(),
        from: arguments.from.map(time::to_wire),
        to: arguments.to.map(time::to_wire),
        codes: arguments.codes.iter().map(|code| skip::v1::SkipCode::from(*code).into()).collect(),
        owner: arguments.owner.clone().unwrap_or_default(),
        provider: arguments
            .provider
            .map_or(verdict::v1::Provider::Unspecified, verdict::v1::Provider::from)
            .into(),
        phase: arguments.phase.map(|phase| phase.as_str().to_owned()).unwrap_or_default(),
        summary_only: arguments.summary,
    };
    let zone = match arguments.format {
        ReportFormat::Table => {
            company::zone(&company::get(link.clone(), &arguments.company).await?)
        }
        // Times are UTC there.
        ReportFormat::Csv | ReportFormat::Json => Tz::UTC,
    };
    let stream = decided::client(link)
        .report_call_status(request)
        .await
        .map_err(Error::refused("report"))?
        .into_inner();
    let mut told = Lines(stream);
    match arguments.format {
        ReportFormat::Table => people(&mut told, zone).await,
        ReportFormat::Csv => spreadsheet(&mut told, arguments.summary).await,
        ReportFormat::Json => programs(&mut told).await,
    }
}

/// Refuses a period that ends before it begins.
pub(crate) fn period(from: Option<DateTime<Utc>>, to: Option<DateTime<Utc>>) -> Result<(), Error> {
    match (from, to) {
        (Some(from), Some(to)) if from >= to => {
            Err(Error::Usage("`--from` must be before `--to`".to_owned()))
        }
        _ => Ok(()),
    }
}

/// What the server tells, one after another. None of it is kept.
struct Lines(Streaming<ReportCallStatusResponse>);

/// One of it.
enum One {
    Call(Box<Line>),
    Summary(Summary),
}

impl Lines {
    /// What comes next. The summary is the last; without it the report is not whole, and that is an error.
    async fn next(&mut self) -> Result<One, Error> {
        loop {
            let told = self.0.message().await.map_err(Error::refused("report any further"))?;
            match told.ok_or(proto::Invalid::Missing("summary"))?.told {
                Some(Told::Call(call)) => return Ok(One::Call(Box::new(call.try_into()?))),
                Some(Told::Summary(summary)) => return Ok(One::Summary(summary.try_into()?)),
                // Something of a newer server.
                None => {}
            }
        }
    }
}

async fn people(lines: &mut Lines, zone: Tz) -> Result<(), Error> {
    let mut output = Output::new(Printed { format: Format::Table });
    let width = output.width;
    let mut pages = output.pages(report::table(width));
    let mut is_empty = true;
    let summary = loop {
        match lines.next().await {
            Ok(One::Call(line)) => {
                is_empty = false;
                let page = pages.row(line.row(zone, width));
                output.page(page)?;
            }
            Ok(One::Summary(summary)) => break summary,
            Err(error) => {
                // What came before it is shown all the same.
                output.page(pages.rest())?;
                return Err(error);
            }
        }
    };
    output.page(pages.rest())?;
    if !is_empty {
        output.line("")?;
    }
    if let Some(table) = report::summary(&summary) {
        output.table(&table)?;
        output.line("")?;
    }
    let calls = summary.calls;
    let plural = if calls == 1 { "" } else { "s" };
    output.line(&if is_empty {
        format!("{calls} call{plural}.")
    } else {
        format!("{calls} call{plural}. Times in {zone}.")
    })?;
    output.flush()
}

async fn spreadsheet(lines: &mut Lines, only_summary: bool) -> Result<(), Error> {
    let mut csv = Csv::new(if only_summary { &SUMMARY_COLUMNS[..] } else { &COLUMNS[..] })?;
    loop {
        match lines.next().await {
            Ok(One::Call(line)) if !only_summary => csv.line(line.cells())?,
            Ok(One::Call(_)) => {}
            Ok(One::Summary(summary)) => {
                for count in summary.outcomes.into_iter().filter(|_| only_summary) {
                    csv.line(count.cells())?;
                }
                return csv.end();
            }
            Err(error) => {
                csv.end()?;
                return Err(error);
            }
        }
    }
}

/// The last object, told apart by its only key.
#[derive(Debug, Serialize)]
struct Last {
    summary: Summary,
}

async fn programs(lines: &mut Lines) -> Result<(), Error> {
    let mut output = Output::new(Printed { format: Format::Json });
    loop {
        match lines.next().await {
            Ok(One::Call(line)) => output.json(&line)?,
            Ok(One::Summary(summary)) => {
                output.json(&Last { summary })?;
                return output.flush();
            }
            Err(error) => {
                output.flush()?;
                return Err(error);
            }
        }
    }
}
