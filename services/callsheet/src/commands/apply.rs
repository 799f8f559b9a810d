//! `callsheet apply`: a company file to a server.

use crate::args::Apply;
use crate::error::Error;
use crate::output::{Output, json};
use crate::{company, house, input};

pub(crate) async fn run(arguments: &Apply) -> Result<(), Error> {
    let file = input::read_text(&arguments.file, input::COMPANY)?;
    let link = house::server(&arguments.server.server)?;
    let answer = company::apply(link, file, arguments.dry_run).await?;
    let mut output = Output::new(arguments.printed);
    if output.is_json() {
        output.json(&json::Applied {
            company: answer.company,
            policy_version: answer.policy_version,
            changed: answer.changed,
            dry_run: arguments.dry_run,
        })?;
    } else {
        let (company, version) = (answer.company, answer.policy_version);
        output.line(&match (arguments.dry_run, answer.changed) {
            (true, true) => format!("{company}: would be a new version"),
            (true, false) => format!("{company}: would change nothing"),
            (false, true) => format!("{company}: version {version} holds from now on"),
            (false, false) => format!("{company}: nothing changed, version {version} holds"),
        })?;
    }
    output.flush()
}
