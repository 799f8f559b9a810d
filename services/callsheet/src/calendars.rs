//! Calendar files on their way into calendar-ingest.

use chassis::Link;
use proto::calendar::v1::calendar_ingest_service_client::CalendarIngestServiceClient;
use proto::calendar::v1::{Format, IngestEventsRequest, IngestEventsResponse, Problem};

use crate::company::LARGEST;
use crate::error::Error;
use crate::input::Payload;
use crate::output::progress::Progress;
use crate::trouble::{self, Trouble};

/// Sends one file. What was left out or repaired is told; `request` has everything but the file.
pub(crate) async fn ingest(
    link: Link,
    payload: Payload,
    request: IngestEventsRequest,
    progress: &Progress,
) -> Result<IngestEventsResponse, Error> {
    let Payload { name, bytes } = payload;
    if calendar::Format::detect(&bytes).is_none() {
        return Err(Error::UnknownFormat { file: name });
    }
    progress.doing(&name);
    let answer = CalendarIngestServiceClient::new(link)
        .max_decoding_message_size(LARGEST)
        .max_encoding_message_size(LARGEST)
        .ingest_events(IngestEventsRequest {
            source: name.clone(),
            format: Format::Unspecified.into(),
            payload: bytes,
            ..request
        })
        .await
        .map_err(Error::refused(format!("read the calendar `{name}`")))?
        .into_inner();
    for problem in &answer.problems {
        progress.tell(&told(problem));
    }
    progress.step();
    Ok(answer)
}

fn told(problem: &Problem) -> String {
    trouble::told(&Trouble {
        source: &problem.source,
        place: &problem.place,
        uid: Some(&problem.ical_uid),
        reason: problem.reason.clone(),
        text: &problem.message,
        dropped: problem.dropped,
    })
}
