//! The gRPC face of calendar-ingest.

use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;
use proto::calendar::v1;
use proto::calendar::v1::calendar_ingest_service_server::CalendarIngestService;
use proto::{Invalid, time};
use tonic::{Request, Response, Status};

use crate::convert;
use crate::error::Error;
use crate::ingest::Ingest;
use crate::payload::company;
use crate::store::{Listing, Meeting, Position};
use crate::watch;

/// Meetings of a page unless more or fewer are asked for.
const PAGE: u32 = 500;
/// The most meetings of a page, and ids of a request.
const LARGEST_PAGE: u32 = 5000;
/// Bytes after which a page ends early.
const PAGE_BYTES: usize = 16 << 20;
/// Meetings read from the store at a time.
const AT_A_TIME: u64 = 500;

/// Answers requests.
#[derive(Debug)]
pub(crate) struct Service {
    ingest: Arc<Ingest>,
}

impl Service {
    /// A face of what the service does.
    pub(crate) fn new(ingest: Arc<Ingest>) -> Self {
        Self { ingest }
    }

    /// A page of a period.
    async fn page(&self, mut query: Listing, size: usize) -> Result<(Vec<Meeting>, bool), Error> {
        let mut page: Vec<Meeting> = Vec::new();
        let mut bytes = 0;
        loop {
            // One more than fits, to know whether there is another page.
            query.limit = AT_A_TIME.min(wide(size - page.len()) + 1);
            let rows = self.ingest.store().list(&query).await?;
            let last = wide(rows.len()) < query.limit;
            for row in rows {
                if page.len() >= size || (bytes > 0 && bytes + row.body.len() > PAGE_BYTES) {
                    return Ok((page, true));
                }
                bytes += row.body.len();
                page.push(row);
            }
            if last {
                return Ok((page, false));
            }
            query.after = page.last().map(Meeting::position);
        }
    }

    /// A page of meetings named by their ids.
    async fn named(
        &self,
        company: &str,
        ids: &[String],
        after: Option<Position>,
        size: usize,
    ) -> Result<(Vec<Meeting>, bool), Error> {
        let mut rows = self.ingest.store().meetings(company, ids).await?;
        rows.sort_by_cached_key(Meeting::position);
        if let Some(after) = after {
            rows.retain(|row| row.position() > after);
        }
        let mut bytes = 0;
        let fitting = rows
            .iter()
            .take(size)
            .take_while(|row| {
                bytes += row.body.len();
                bytes <= PAGE_BYTES || bytes == row.body.len()
            })
            .count();
        let more = rows.len() > fitting;
        rows.truncate(fitting);
        Ok((rows, more))
    }
}

#[tonic::async_trait]
impl CalendarIngestService for Service {
    async fn ingest_events(
        &self,
        request: Request<v1::IngestEventsRequest>,
    ) -> Result<Response<v1::IngestEventsResponse>, Status> {
        Ok(Response::new(self.ingest.ingest(request.into_inner()).await?))
    }

    async fn parse_links(
        &self,
        request: Request<v1::ParseLinksRequest>,
    ) -> Result<Response<v1::ParseLinksResponse>, Status> {
        let v1::ParseLinksRequest { text, consent_host } = request.into_inner();
        let host = Some(consent_host.as_str()).filter(|host| !host.is_empty());
        let mut links: Vec<v1::Link> = conference::find_with(&text, host)
            .iter()
            .map(|link| convert::link(link, v1::Field::Unspecified))
            .collect();
        links.sort_by_key(|link| doubt(link.kind()));
        Ok(Response::new(v1::ParseLinksResponse { links }))
    }

    async fn get_meeting(
        &self,
        request: Request<v1::GetMeetingRequest>,
    ) -> Result<Response<v1::GetMeetingResponse>, Status> {
        let v1::GetMeetingRequest { company: id, meeting_id } = request.into_inner();
        let company = company(id).map_err(Error::from)?;
        let found =
            self.ingest.store().meetings(&company, std::slice::from_ref(&meeting_id)).await?;
        let row = found.first().ok_or(Error::UnknownMeeting { company, meeting_id })?;
        Ok(Response::new(v1::GetMeetingResponse { meeting: Some(convert::stored(row)?) }))
    }

    async fn list_meetings(
        &self,
        request: Request<v1::ListMeetingsRequest>,
    ) -> Result<Response<v1::ListMeetingsResponse>, Status> {
        let wire = request.into_inner();
        let company = company(wire.company).map_err(Error::from)?;
        let size = if wire.page_size == 0 { PAGE } else { wire.page_size.min(LARGEST_PAGE) };
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let after = position(&wire.page_token)?;
        let (rows, more) = if wire.meeting_ids.is_empty() {
            let from = time::optional("from", wire.from.as_ref()).map_err(Error::from)?;
            let to = time::optional("to", wire.to.as_ref()).map_err(Error::from)?;
            let query = Listing {
                company,
                from: from.map_or(i64::MIN, micros_from),
                to: to.map_or(i64::MAX, micros_from),
                after,
                limit: 0,
            };
            self.page(query, size).await?
        } else {
            let most = usize::try_from(LARGEST_PAGE).unwrap_or(usize::MAX);
            Invalid::limit("meeting_ids", wire.meeting_ids.len(), most).map_err(Error::from)?;
            self.named(&company, &wire.meeting_ids, after, size).await?
        };
        let next_page_token = match rows.last() {
            Some(last) if more => token(&last.position()),
            Some(_) | None => String::new(),
        };
        let meetings = rows.iter().map(convert::stored).collect::<Result<_, Error>>()?;
        Ok(Response::new(v1::ListMeetingsResponse { meetings, next_page_token }))
    }

    type WatchMeetingsStream = watch::Changes;

    async fn watch_meetings(
        &self,
        request: Request<v1::WatchMeetingsRequest>,
    ) -> Result<Response<watch::Changes>, Status> {
        let v1::WatchMeetingsRequest { company: id, cursor, until_caught_up } =
            request.into_inner();
        let company = if id.is_empty() { None } else { Some(company(id).map_err(Error::from)?) };
        let (store, head) = (Arc::clone(self.ingest.store()), self.ingest.head());
        Ok(Response::new(watch::watch(store, head, company, cursor, until_caught_up)))
    }

    async fn connect_calendar(
        &self,
        _: Request<v1::ConnectCalendarRequest>,
    ) -> Result<Response<v1::ConnectCalendarResponse>, Status> {
        Err(Error::Later("ConnectCalendar").into())
    }

    async fn list_connections(
        &self,
        _: Request<v1::ListConnectionsRequest>,
    ) -> Result<Response<v1::ListConnectionsResponse>, Status> {
        Err(Error::Later("ListConnections").into())
    }

    async fn sync_calendar(
        &self,
        _: Request<v1::SyncCalendarRequest>,
    ) -> Result<Response<v1::SyncCalendarResponse>, Status> {
        Err(Error::Later("SyncCalendar").into())
    }

    async fn submit_invitation(
        &self,
        _: Request<v1::SubmitInvitationRequest>,
    ) -> Result<Response<v1::SubmitInvitationResponse>, Status> {
        Err(Error::Later("SubmitInvitation").into())
    }
}

/// Links that lead somewhere first.
fn doubt(kind: v1::LinkKind) -> u8 {
    match kind {
        v1::LinkKind::Join => 0,
        v1::LinkKind::Consent => 1,
        v1::LinkKind::NoMeetingId => 2,
        v1::LinkKind::Undecodable => 3,
        v1::LinkKind::Unsupported => 4,
        v1::LinkKind::Unspecified => 5,
    }
}

/// Rounded up: a start within the same microsecond lies before it.
fn micros_from(at: chrono::DateTime<chrono::Utc>) -> i64 {
    let rest = at.timestamp_subsec_nanos() % 1000;
    convert::micros(at).saturating_add(i64::from(rest > 0))
}

fn token(at: &Position) -> String {
    let mut bytes = Vec::with_capacity(16 + at.uid.len());
    bytes.extend(at.start.to_be_bytes());
    bytes.extend(at.recurrence.to_be_bytes());
    bytes.extend(&at.uid);
    BASE64URL_NOPAD.encode(&bytes)
}

fn position(token: &str) -> Result<Option<Position>, Error> {
    if token.is_empty() {
        return Ok(None);
    }
    let wrong = || Invalid::Text {
        field: "page_token",
        problem: "is none that a page came with; begin with the first page".to_owned(),
    };
    let bytes = BASE64URL_NOPAD.decode(token.as_bytes()).map_err(|_| wrong())?;
    let (start, rest) = bytes.split_first_chunk::<8>().ok_or_else(wrong)?;
    let (recurrence, uid) = rest.split_first_chunk::<8>().ok_or_else(wrong)?;
    Ok(Some(Position {
        start: i64::from_be_bytes(*start),
        uid: uid.to_vec(),
        recurrence: i64::from_be_bytes(*recurrence),
    }))
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_token_names_a_place_and_nothing_else_does() {
        let place = Position { start: -5, uid: b"a@acme.example".to_vec(), recurrence: i64::MIN };
        assert_eq!(position(&token(&place)).unwrap(), Some(place));
        assert_eq!(position("").unwrap(), None);
        for wrong in ["x", "AAAA", "not a token", "🦀"] {
            assert!(position(wrong).is_err(), "{wrong}");
        }
    }
}
