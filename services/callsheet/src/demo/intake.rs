//! How calls of the demo come in: a calendar is read, a telephone call registered, a recording uploaded.

use chassis::Clock as _;
use chrono::{DateTime, TimeDelta, Utc};
use proto::calendar::v1::IngestEventsRequest;
use proto::calendar::v1::calendar_ingest_service_client::CalendarIngestServiceClient;
use proto::orchestrator::v1 as wire;
use proto::provider::v1 as provider;
use proto::time::to_wire;

use super::day::{Call, Day, Meeting, Upload};
use super::kinds::Place;
use super::player::Player;
use super::watched::Watched;
use super::{COMPANY, calendar};
use crate::error::Error;

impl Player {
    /// Has the calendar of a day read and decided.
    pub(super) async fn read(&mut self, day: &Day) -> Result<Vec<Watched>, Error> {
        let now = self.clock.now();
        let request = IngestEventsRequest {
            company: COMPANY.to_owned(),
            source: format!("{}.ics", now.format("%F")),
            payload: calendar::file(&day.meetings).into_bytes(),
            ..IngestEventsRequest::default()
        };
        let mut client = CalendarIngestServiceClient::new(self.ingest.clone());
        client.ingest_events(request).await.map_err(Error::refused("read a calendar"))?;
        let request = wire::DecideCallsRequest {
            company: COMPANY.to_owned(),
            from: Some(to_wire(now)),
            to: Some(to_wire(now + TimeDelta::hours(18))),
            ..wire::DecideCallsRequest::default()
        };
        let answer = self.orchestrator.decide_calls(request).await;
        let answer = answer.map_err(Error::refused("decide"))?.into_inner();
        let mut calls = Vec::new();
        for decision in answer.decisions {
            let uid = decision.key.as_ref().and_then(|key| key.ical_uid.clone());
            let Some(meeting) = day.meetings.iter().find(|one| Some(&one.uid) == uid.as_ref())
            else {
                continue;
            };
            calls.push(self.meeting(decision, meeting)?);
        }
        Ok(calls)
    }

    fn meeting(&mut self, decision: wire::Decision, meeting: &Meeting) -> Result<Watched, Error> {
        let asks = meeting.place == Place::Zoom;
        let steps = meeting.course.steps(meeting.minutes, asks, &mut self.random);
        Watched::new(decision, meeting.owner, steps)
    }

    /// Registers a telephone call.
    pub(super) async fn dial(&mut self, call: &Call) -> Result<Watched, Error> {
        let told = provider::PhoneCall {
            company: COMPANY.to_owned(),
            connection: "telephone".to_owned(),
            external_id: call.id.clone(),
            direction: provider::Direction::Outbound.into(),
            own_number: "+441632960000".to_owned(),
            other_number: call.number.to_owned(),
            user: call.owner.to_owned(),
            placed_at: Some(to_wire(call.at)),
            participants: vec![call.guest.to_owned()],
        };
        let request =
            wire::RegisterDialerCallRequest { company: COMPANY.to_owned(), call: Some(told) };
        let answer = self.orchestrator.register_dialer_call(request).await;
        let answer = answer.map_err(Error::refused("register a telephone call"))?.into_inner();
        let decision = answer.decision.ok_or(proto::Invalid::Missing("decision"))?;
        let steps = call.line.steps(&mut self.random);
        let mut watched = Watched::new(decision, call.owner, steps)?;
        // No calendar gives it a title.
        watched.title = Some(format!("(telephone, {})", call.owner));
        Ok(watched)
    }

    /// Has a recording imported.
    pub(super) async fn import(&mut self, upload: &Upload) -> Result<Watched, Error> {
        let link = self.shelf.link(upload.seconds);
        let recorded: DateTime<Utc> = upload.at - TimeDelta::days(1);
        let request = wire::ImportRecordingRequest {
            company: COMPANY.to_owned(),
            upload: Some(provider::Upload { url: link, sha256: String::new() }),
            idempotency_key: upload.key.clone(),
            owner: upload.owner.to_owned(),
            title: upload.title.to_owned(),
            recorded_at: Some(to_wire(recorded)),
            participants: vec!["kim@northwind.example".to_owned()],
        };
        let answer = self.orchestrator.import_recording(request).await;
        let answer = answer.map_err(Error::refused("import a recording"))?.into_inner();
        let decision = answer.decision.ok_or(proto::Invalid::Missing("decision"))?;
        let mut watched = Watched::new(decision, upload.owner, Vec::new())?;
        watched.length = Some(TimeDelta::seconds(upload.seconds.into()));
        Ok(watched)
    }
}
