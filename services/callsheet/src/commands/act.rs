//! `callsheet request`, `cancel`, `stop`, `delete`: what a team member does about the recording of a call.

use proto::orchestrator::v1::{
    CancelRecordingRequest, Decision, DeleteRecordingRequest, RequestRecordingRequest,
    StopRecordingRequest,
};

use crate::args::{Act, Printed, Server};
use crate::error::Error;
use crate::output::json::Call;
use crate::output::{Output, calls};
use crate::{company, decided, house};

pub(crate) async fn request(arguments: &Act) -> Result<(), Error> {
    let request = RequestRecordingRequest {
        company: arguments.company.clone(),
        call_id: arguments.call.clone(),
        requested_by: arguments.by.clone(),
    };
    let mut client = decided::client(house::server(&arguments.server.server)?);
    let answer = client.request_recording(request).await.map_err(refused("record", arguments))?;
    let answer = answer.into_inner();
    if !answer.accepted {
        return Err(Error::Rejected { call: arguments.call.clone(), why: answer.rejection });
    }
    shown(arguments, answer.decision).await
}

pub(crate) async fn cancel(arguments: &Act) -> Result<(), Error> {
    let request = CancelRecordingRequest {
        company: arguments.company.clone(),
        call_id: arguments.call.clone(),
        canceled_by: arguments.by.clone(),
    };
    let mut client = decided::client(house::server(&arguments.server.server)?);
    let answer = client.cancel_recording(request).await.map_err(refused("cancel", arguments))?;
    shown(arguments, answer.into_inner().decision).await
}

pub(crate) async fn stop(arguments: &Act) -> Result<(), Error> {
    let request = StopRecordingRequest {
        company: arguments.company.clone(),
        call_id: arguments.call.clone(),
        stopped_by: arguments.by.clone(),
    };
    let mut client = decided::client(house::server(&arguments.server.server)?);
    let answer = client.stop_recording(request).await.map_err(refused("stop", arguments))?;
    shown(arguments, answer.into_inner().decision).await
}

pub(crate) async fn delete(arguments: &Act) -> Result<(), Error> {
    let request = DeleteRecordingRequest {
        company: arguments.company.clone(),
        call_id: arguments.call.clone(),
        deleted_by: arguments.by.clone(),
    };
    let mut client = decided::client(house::server(&arguments.server.server)?);
    let answer = client.delete_recording(request).await.map_err(refused("delete", arguments))?;
    shown(arguments, answer.into_inner().decision).await
}

fn refused(what: &str, arguments: &Act) -> impl FnOnce(tonic::Status) -> Error + use<> {
    Error::refused(format!("{what} `{}`", arguments.call))
}

async fn shown(arguments: &Act, decision: Option<Decision>) -> Result<(), Error> {
    print(&arguments.server, &arguments.company, arguments.printed, decision).await
}

/// Prints the decision that holds now.
pub(super) async fn print(
    server: &Server,
    company: &str,
    printed: Printed,
    decision: Option<Decision>,
) -> Result<(), Error> {
    let decision = decision.ok_or(proto::Invalid::Missing("decision"))?;
    let call = Call::try_from(decision)?;
    let mut output = Output::new(printed);
    if output.is_json() {
        output.json(&call)?;
    } else {
        let link = house::server(&server.server)?;
        let zone = company::zone(&company::get(link, company).await?);
        calls::print(&mut output, &[call], zone)?;
    }
    output.flush()
}
