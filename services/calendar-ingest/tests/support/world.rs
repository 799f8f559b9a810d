//! A house with calendar-ingest, and calendars to give it.

use chassis::{House, Link, Running, SimulatedClock};
use chrono::{DateTime, TimeDelta, Utc};
use proto::calendar::v1 as wire;
use proto::calendar::v1::calendar_ingest_service_client::CalendarIngestServiceClient;
use proto::calendar::v1::{Format, Meeting};
use proto::time::to_wire;
use tonic::Status;
use tonic_types::StatusExt as _;

pub(crate) const ACME: &str = "acme";

pub(crate) const ZOOM: &str = "https://acme.zoom.us/j/98765432101?pwd=abc";

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(crate) struct World {
    pub(crate) running: Running,
    pub(crate) clock: SimulatedClock,
}

impl World {
    pub(crate) async fn open() -> Self {
        Self::with("").await
    }

    pub(crate) async fn with(overrides: &str) -> Self {
        let clock = SimulatedClock::at(at("2026-03-02T08:00:00Z"));
        let overrides = if overrides.contains("store.url") {
            overrides.to_owned()
        } else {
            format!("store.url = 'sqlite::memory:'\n{overrides}")
        };
        let house = House::new().clock(clock.clone()).host::<calendar_ingest::App>(overrides);
        Self { running: house.open().await.unwrap(), clock }
    }

    pub(crate) fn client(&self) -> CalendarIngestServiceClient<Link> {
        let max = self.running.context().max_message;
        CalendarIngestServiceClient::new(self.running.link("calendar-ingest").unwrap())
            .max_decoding_message_size(max)
            .max_encoding_message_size(max)
    }

    pub(crate) async fn send(
        &self,
        request: wire::IngestEventsRequest,
    ) -> Result<wire::IngestEventsResponse, Status> {
        self.client().ingest_events(request).await.map(tonic::Response::into_inner)
    }

    /// Takes an iCalendar payload.
    pub(crate) async fn take(&self, source: &str, events: &str) -> wire::IngestEventsResponse {
        self.send(icalendar(source, events)).await.unwrap()
    }

    pub(crate) async fn list(&self) -> Vec<Meeting> {
        self.list_of(ACME).await
    }

    pub(crate) async fn list_of(&self, company: &str) -> Vec<Meeting> {
        let request = wire::ListMeetingsRequest {
            company: company.into(),
            page_size: 5000,
            ..wire::ListMeetingsRequest::default()
        };
        self.client().list_meetings(request).await.unwrap().into_inner().meetings
    }

    pub(crate) async fn only(&self) -> Meeting {
        let mut all = self.list().await;
        assert_eq!(all.len(), 1, "{all:#?}");
        all.remove(0)
    }

    pub(crate) async fn get(&self, meeting_id: &str) -> Result<Meeting, Status> {
        let request =
            wire::GetMeetingRequest { company: ACME.into(), meeting_id: meeting_id.into() };
        Ok(self.client().get_meeting(request).await?.into_inner().meeting.unwrap())
    }

    pub(crate) async fn changes(
        &self,
        company: &str,
        cursor: u64,
    ) -> Vec<wire::WatchMeetingsResponse> {
        let request =
            wire::WatchMeetingsRequest { company: company.into(), cursor, until_caught_up: true };
        let mut stream = self.client().watch_meetings(request).await.unwrap().into_inner();
        let mut all = Vec::new();
        while let Some(change) = stream.message().await.unwrap() {
            all.push(change);
        }
        all
    }

    pub(crate) fn later(&self, minutes: i64) {
        self.clock.advance(TimeDelta::minutes(minutes));
    }

    pub(crate) fn now(&self) -> prost_types::Timestamp {
        to_wire(chassis::Clock::now(&self.clock))
    }
}

pub(crate) fn icalendar(source: &str, events: &str) -> wire::IngestEventsRequest {
    payload(source, Format::Icalendar, &calendar(events))
}

pub(crate) fn calendar(events: &str) -> String {
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{events}END:VCALENDAR\r\n")
}

pub(crate) fn payload(source: &str, format: Format, text: &str) -> wire::IngestEventsRequest {
    wire::IngestEventsRequest {
        company: ACME.into(),
        source: source.into(),
        format: format.into(),
        payload: text.as_bytes().to_vec(),
        time_zone: "Europe/Berlin".into(),
        ..wire::IngestEventsRequest::default()
    }
}

/// A VEVENT of these lines, with a start on 2026-03-05 at 10:00 in Berlin unless they name one.
pub(crate) fn event(uid: &str, lines: &[&str]) -> String {
    let mut text = format!("BEGIN:VEVENT\r\nUID:{uid}\r\n");
    if !lines.iter().any(|line| line.starts_with("DTSTART")) {
        text += "DTSTART;TZID=Europe/Berlin:20260305T100000\r\n";
    }
    if !lines.iter().any(|line| line.starts_with("DTEND") || line.starts_with("DURATION")) {
        text += "DURATION:PT1H\r\n";
    }
    for line in lines {
        text += line;
        text += "\r\n";
    }
    text + "END:VEVENT\r\n"
}

pub(crate) fn starts(meetings: &[Meeting]) -> Vec<String> {
    meetings
        .iter()
        .map(|one| {
            let start = one.start.unwrap();
            DateTime::from_timestamp(start.seconds, 0).unwrap().format("%m-%d %H:%M").to_string()
        })
        .collect()
}

pub(crate) fn reason(status: &Status) -> String {
    status.get_error_details().error_info().unwrap().reason.clone()
}

/// Two instances of the service on each kind of database that they can share.
pub(crate) async fn with_replicas<F: Future<Output = ()>>(
    more: &str,
    law: impl Fn(World, World) -> F,
) {
    for engine in storage::testing::engines().await.iter().filter(|engine| engine.is_shared()) {
        eprintln!("on {}", engine.name());
        let config = engine.config();
        let store =
            format!("store.url = '{}'\nstore.schema = '{}'\n{more}", config.url, config.schema);
        law(World::with(&store).await, World::with(&store).await).await;
    }
}
