//! `callsheet watch`: decisions as a server makes them.

use proto::orchestrator::v1::WatchCallsRequest;

use crate::args::Watch;
use crate::error::Error;
use crate::output::json::{Call, Watched};
use crate::output::{Output, calls, tell};
use crate::{company, decided, house};

pub(crate) async fn run(arguments: &Watch) -> Result<(), Error> {
    let link = house::server(&arguments.server.server)?;
    let zone = match &arguments.company {
        Some(company) => company::zone(&company::get(link.clone(), company).await?),
        None => chrono_tz::Tz::UTC,
    };
    let request = WatchCallsRequest {
        company: arguments.company.clone().unwrap_or_default(),
        cursor: arguments.cursor,
        until_caught_up: arguments.until_caught_up,
    };
    let mut stream = decided::client(link)
        .watch_calls(request)
        .await
        .map_err(Error::refused("watch calls"))?
        .into_inner();
    let mut output = Output::new(arguments.printed);
    let mut last = arguments.cursor;
    loop {
        let change = match stream.message().await {
            Ok(Some(change)) => change,
            Ok(None) => break,
            Err(status) => {
                output.flush()?;
                tell(&format!("`--cursor {last}` goes on from here"));
                return Err(Error::refused("watch any longer")(status));
            }
        };
        let decision = change.decision.ok_or(proto::Invalid::Missing("decision"))?;
        let call = Call::try_from(decision)?;
        last = change.cursor;
        if output.is_json() {
            output.json(&Watched { cursor: last, call })?;
        } else {
            output.line(&calls::line(last, &call, zone))?;
        }
        output.flush()?;
    }
    output.flush()
}
