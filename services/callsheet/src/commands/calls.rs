//! `callsheet calls`: what a server has decided.

use proto::orchestrator::v1::ListCallsRequest;
use proto::{skip, time};

use crate::args::Calls;
use crate::error::Error;
use crate::output::{Output, calls};
use crate::{company, decided, house};

pub(crate) async fn run(arguments: &Calls) -> Result<(), Error> {
    if let (Some(from), Some(to)) = (arguments.from, arguments.to)
        && from >= to
    {
        return Err(Error::Usage("`--from` must be before `--to`".to_owned()));
    }
    let link = house::server(&arguments.server.server)?;
    let zone = company::zone(&company::get(link.clone(), &arguments.company).await?);
    let request = ListCallsRequest {
        company: arguments.company.clone(),
        from: arguments.from.map(time::to_wire),
        to: arguments.to.map(time::to_wire),
        code: arguments
            .code
            .map_or(skip::v1::SkipCode::Unspecified, skip::v1::SkipCode::from)
            .into(),
        ..ListCallsRequest::default()
    };
    let found = decided::list(link, request).await?;
    let mut output = Output::new(arguments.printed);
    calls::print(&mut output, &found, zone)?;
    output.flush()
}
