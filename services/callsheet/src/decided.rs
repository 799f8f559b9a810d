//! Calls and decisions, asked of the orchestrator.

use chassis::Link;
use proto::orchestrator::v1::ListCallsRequest;
use proto::orchestrator::v1::orchestrator_service_client::OrchestratorServiceClient;

use crate::company::LARGEST;
use crate::error::Error;
use crate::output::json::Call;

pub(crate) fn client(link: Link) -> OrchestratorServiceClient<Link> {
    OrchestratorServiceClient::new(link)
        .max_decoding_message_size(LARGEST)
        .max_encoding_message_size(LARGEST)
}

/// All calls that `request` is about, page by page, by start, UID and recurrence id.
pub(crate) async fn list(link: Link, request: ListCallsRequest) -> Result<Vec<Call>, Error> {
    const PAGE: u32 = 5_000;
    let mut client = client(link);
    let mut calls = Vec::new();
    let mut page_token = String::new();
    loop {
        let page = ListCallsRequest { page_size: PAGE, page_token, ..request.clone() };
        let answer =
            client.list_calls(page).await.map_err(Error::refused("list calls"))?.into_inner();
        for decision in answer.decisions {
            calls.push(Call::try_from(decision)?);
        }
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    calls.sort_by(|a, b| (a.at, &a.ical_uid, a.occurrence).cmp(&(b.at, &b.ical_uid, b.occurrence)));
    Ok(calls)
}
