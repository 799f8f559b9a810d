//! `callsheet simulate`: what a company file would change.

use proto::orchestrator::v1::SimulatePolicyRequest;
use proto::orchestrator::v1::simulate_policy_response::Told;
use proto::time;
use serde::Serialize;

use crate::args::Simulate;
use crate::commands::report::period;
use crate::error::Error;
use crate::output::simulation::{self, Change, Summary};
use crate::output::{Output, tell};
use crate::{company, decided, house, input};

/// The last object, told apart by its only key.
#[derive(Debug, Serialize)]
struct Last {
    summary: Summary,
}

pub(crate) async fn run(arguments: &Simulate) -> Result<(), Error> {
    period(arguments.from, arguments.to)?;
    let (name, document) = input::read_text(&arguments.file, input::COMPANY)?;
    let link = house::server(&arguments.server.server)?;
    // Whoever keeps companies says what is wrong with the file, with its line, and whose it is.
    let file = (name.clone(), document.clone());
    let company = company::apply(link.clone(), file, true).await?.company;
    let zone = company::zone(&company::get(link.clone(), &company).await?);
    let request = SimulatePolicyRequest {
        company: company.clone(),
        document,
        from: arguments.from.map(time::to_wire),
        to: arguments.to.map(time::to_wire),
        now: arguments.now.map(time::to_wire),
        summary_only: arguments.summary,
    };
    let mut stream = decided::client(link)
        .simulate_policy(request)
        .await
        .map_err(Error::refused_file("simulate", name))?
        .into_inner();

    let mut output = Output::new(arguments.printed);
    let width = output.width;
    let mut pages = output.pages(simulation::table(width));
    let mut is_empty = true;
    let summary: Summary = loop {
        let answer = match stream.message().await {
            Ok(answer) => answer.ok_or(proto::Invalid::Missing("summary"))?,
            Err(status) => {
                // What came before it is shown all the same.
                output.page(pages.rest())?;
                output.flush()?;
                return Err(Error::refused("simulate any further")(status));
            }
        };
        match answer.told {
            Some(Told::Change(change)) => {
                let change = Change::try_from(change)?;
                is_empty = false;
                if output.is_json() {
                    output.json(&change)?;
                } else {
                    let page = pages.row(change.row(zone, width));
                    output.page(page)?;
                }
            }
            Some(Told::Summary(summary)) => break summary.try_into()?,
            // Something of a newer server.
            None => {}
        }
    };
    output.page(pages.rest())?;
    if output.is_json() {
        output.json(&Last { summary })?;
        return output.flush();
    }
    if !is_empty {
        output.line("")?;
    }
    if let Some(table) = simulation::summary(&summary) {
        output.table(&table)?;
        output.line("")?;
    }
    let Summary { decided, changed, policy_version, .. } = summary;
    output.line(&format!(
        "{changed} of {decided} decisions would change against version {policy_version}. Times in {zone}."
    ))?;
    output.flush()?;
    if changed > 0 {
        tell(&format!("`callsheet apply -f {}` makes it so", arguments.file.display()));
    }
    Ok(())
}
