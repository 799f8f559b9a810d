//! `callsheet watch`: decisions as a server makes them, and how far calls are decided again.

use std::io::IsTerminal as _;

use chassis::Link;
use chrono_tz::Tz;
use proto::orchestrator::v1::{
    WatchCallsRequest, WatchCallsResponse, WatchRedecisionsRequest, WatchRedecisionsResponse,
};
use tonic::Streaming;

use crate::args::Watch;
use crate::error::Error;
use crate::output::json::{Call, Watched};
use crate::output::redecisions::{Bars, Redecision};
use crate::output::{Output, calls, tell};
use crate::{company, decided, house};

pub(crate) async fn run(arguments: &Watch) -> Result<(), Error> {
    let link = house::server(&arguments.server.server)?;
    if arguments.redecisions {
        return only_redecisions(arguments, link).await;
    }
    let zone = match &arguments.company {
        Some(company) => company::zone(&company::get(link.clone(), company).await?),
        None => Tz::UTC,
    };
    let request = WatchCallsRequest {
        company: arguments.company.clone().unwrap_or_default(),
        cursor: arguments.cursor,
        until_caught_up: arguments.until_caught_up,
    };
    let mut stream = decided::client(link.clone())
        .watch_calls(request)
        .await
        .map_err(Error::refused("watch calls"))?
        .into_inner();
    // Decisions are the data; how far it is, is shown beside them where somebody looks.
    let mut steps = if std::io::stderr().is_terminal() && !arguments.until_caught_up {
        redecisions(arguments, link).await.ok()
    } else {
        None
    };
    let mut bars = Bars::default();
    let mut output = Output::new(arguments.printed);
    let mut last = arguments.cursor;
    loop {
        tokio::select! {
            change = stream.message() => match change {
                Ok(Some(change)) => {
                    last = change.cursor;
                    bars.aside(|| print(&mut output, change, zone))?;
                }
                Ok(None) => break,
                Err(status) => {
                    output.flush()?;
                    drop(bars);
                    tell(&format!("`--cursor {last}` goes on from here"));
                    return Err(Error::refused("watch any longer")(status));
                }
            },
            step = next(&mut steps) => bars.show(&step),
        }
    }
    output.flush()
}

fn print(output: &mut Output, change: WatchCallsResponse, zone: Tz) -> Result<(), Error> {
    let decision = change.decision.ok_or(proto::Invalid::Missing("decision"))?;
    let call = Call::try_from(decision)?;
    let cursor = change.cursor;
    if output.is_json() {
        output.json(&Watched { cursor, call })?;
    } else {
        output.line(&calls::line(cursor, &call, zone))?;
    }
    output.flush()
}

/// The next step, or never: what is only shown beside the data costs nobody the data.
async fn next(steps: &mut Option<Streaming<WatchRedecisionsResponse>>) -> Redecision {
    if let Some(stream) = steps
        && let Ok(Some(step)) = stream.message().await
        && let Ok(step) = Redecision::try_from(step)
    {
        return step;
    }
    *steps = None;
    std::future::pending().await
}

async fn redecisions(
    arguments: &Watch,
    link: Link,
) -> Result<Streaming<WatchRedecisionsResponse>, Error> {
    let request = WatchRedecisionsRequest {
        company: arguments.company.clone().unwrap_or_default(),
        until_done: arguments.until_done,
    };
    let answer = decided::client(link).watch_redecisions(request).await;
    answer.map(tonic::Response::into_inner).map_err(Error::refused("watch redecisions"))
}

/// A line or an object for each step; on a terminal a bar while it goes on, and a line at its end.
async fn only_redecisions(arguments: &Watch, link: Link) -> Result<(), Error> {
    let mut stream = redecisions(arguments, link).await?;
    let mut output = Output::new(arguments.printed);
    let mut bars =
        (!output.is_json() && std::io::stdout().is_terminal() && std::io::stderr().is_terminal())
            .then(Bars::default);
    loop {
        let step = match stream.message().await {
            Ok(Some(step)) => Redecision::try_from(step)?,
            Ok(None) => break,
            Err(status) => return Err(Error::refused("watch any longer")(status)),
        };
        if output.is_json() {
            output.json(&step)?;
        } else if let Some(bars) = &mut bars {
            bars.show(&step);
            if step.is_finished() {
                let line = step.line();
                bars.aside(|| output.line(&line).and_then(|()| output.flush()))?;
            }
        } else {
            output.line(&step.line())?;
        }
        output.flush()?;
    }
    output.flush()
}
