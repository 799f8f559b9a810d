//! What the worlds of services have in common: everything is said and asked over gRPC.

mod fleet;
mod played;
mod registered;
mod sessions;

pub(super) use played::Played;

use anyhow::Context as _;
use chassis::Link;
use chrono::{DateTime, Utc};
use decision::{CompanyFile, Provider};
use proto::calendar::v1 as calendar;
use proto::calendar::v1::calendar_ingest_service_client::CalendarIngestServiceClient;
use proto::consent::v1 as consent;
use proto::consent::v1::consent_service_client::ConsentServiceClient;
use proto::eligibility::v1 as eligibility;
use proto::eligibility::v1::company_service_client::CompanyServiceClient;
use proto::orchestrator::v1 as wire;
use proto::orchestrator::v1::orchestrator_service_client::OrchestratorServiceClient;
use proto::provider::v1 as provider;
use proto::provider::v1::bot_fleet_service_client::BotFleetServiceClient;
use proto::provider::v1::provider_adapter_service_client::ProviderAdapterServiceClient;
use proto::{time, verdict};
use tonic::{Code, Status};

use super::{Payload, Period};
use crate::scenario::{Choice, ConferenceFacts, Format, Key};
use crate::told::Told;

/// Clients of all services, wherever these are.
#[derive(Debug)]
pub(super) struct Remote {
    calendar: CalendarIngestServiceClient<Link>,
    companies: CompanyServiceClient<Link>,
    consent: ConsentServiceClient<Link>,
    adapters: ProviderAdapterServiceClient<Link>,
    orchestrator: OrchestratorServiceClient<Link>,
    fleets: BotFleetServiceClient<Link>,
    choices: u64,
    stage: sessions::Stage,
}

impl Remote {
    /// Clients over the links that a function gives by the names of the services.
    pub(super) fn over(link: impl Fn(&str) -> anyhow::Result<Link>) -> anyhow::Result<Self> {
        Ok(Self {
            calendar: CalendarIngestServiceClient::new(link("calendar-ingest")?),
            companies: CompanyServiceClient::new(link("eligibility")?),
            consent: ConsentServiceClient::new(link("consent")?),
            adapters: ProviderAdapterServiceClient::new(link("provider-adapters")?),
            orchestrator: OrchestratorServiceClient::new(link("orchestrator")?),
            fleets: BotFleetServiceClient::new(link("provider-adapters")?),
            choices: 0,
            stage: sessions::Stage::default(),
        })
    }

    /// With providers that are played beside the services.
    pub(super) fn beside(mut self, played: Option<Played>) -> Self {
        self.stage.played = played;
        self
    }

    /// Shows the time to whoever is played.
    pub(super) fn set_clock(&self, now: DateTime<Utc>) {
        if let Some(played) = &self.stage.played {
            played.clock().set(now);
        }
    }

    pub(super) async fn apply(&mut self, company: &CompanyFile) -> anyhow::Result<()> {
        let document = serde_json::to_string(company)?;
        let request = eligibility::ApplyCompanyRequest { document, dry_run: false };
        self.companies.apply_company(request).await?;
        Ok(())
    }

    pub(super) async fn ingest(
        &mut self,
        company: &CompanyFile,
        payload: Payload,
    ) -> anyhow::Result<()> {
        let format = match payload.format {
            Format::Icalendar => calendar::Format::Icalendar,
            Format::Google => calendar::Format::Google,
            Format::Microsoft => calendar::Format::Microsoft,
        };
        let request = calendar::IngestEventsRequest {
            company: company.company.clone(),
            source: payload.source,
            format: format.into(),
            payload: payload.text.into_bytes(),
            time_zone: company.time_zone.clone(),
            received_at: Some(time::to_wire(payload.received)),
            expand_from: Some(time::to_wire(payload.from)),
            expand_to: Some(time::to_wire(payload.to)),
            consent_host: company.consent.host.clone(),
            recipient: payload.recipient,
        };
        self.calendar.ingest_events(request).await?;
        Ok(())
    }

    async fn meetings(
        &mut self,
        company: &str,
        period: Period,
    ) -> anyhow::Result<Vec<calendar::Meeting>> {
        let request = calendar::ListMeetingsRequest {
            company: company.to_owned(),
            from: Some(time::to_wire(period.now)),
            to: Some(time::to_wire(period.to)),
            page_size: 5_000,
            ..calendar::ListMeetingsRequest::default()
        };
        Ok(self.calendar.list_meetings(request).await?.into_inner().meetings)
    }

    async fn calls(
        &mut self,
        company: &str,
        period: Option<Period>,
    ) -> anyhow::Result<Vec<wire::Decision>> {
        let request = wire::ListCallsRequest {
            company: company.to_owned(),
            from: period.map(|period| time::to_wire(period.now)),
            to: period.map(|period| time::to_wire(period.to)),
            page_size: 5_000,
            ..wire::ListCallsRequest::default()
        };
        Ok(self.orchestrator.list_calls(request).await?.into_inner().decisions)
    }

    async fn ask(&mut self, request: wire::DecideCallsRequest) -> anyhow::Result<Vec<Told>> {
        let answer = self.orchestrator.decide_calls(request).await?.into_inner();
        answer.decisions.into_iter().map(Told::of_wire).collect()
    }

    pub(super) async fn decide(
        &mut self,
        company: &str,
        period: Period,
    ) -> anyhow::Result<Vec<Told>> {
        // Calls whose meeting is gone from the calendars are known to the orchestrator alone.
        let mut call_ids: Vec<String> = self
            .meetings(company, period)
            .await?
            .into_iter()
            .map(|meeting| meeting.meeting_id)
            .chain(self.calls(company, Some(period)).await?.into_iter().map(|call| call.call_id))
            .collect();
        call_ids.sort();
        call_ids.dedup();
        if call_ids.is_empty() {
            return Ok(Vec::new());
        }
        self.ask(wire::DecideCallsRequest {
            company: company.to_owned(),
            call_ids,
            now: Some(time::to_wire(period.now)),
            ..wire::DecideCallsRequest::default()
        })
        .await
    }

    pub(super) async fn decide_ad_hoc(
        &mut self,
        company: &str,
        period: Period,
        deleted: &[Key],
    ) -> anyhow::Result<Vec<Told>> {
        let mut meetings = self.meetings(company, period).await?;
        for meeting in &mut meetings {
            let key = meeting.key.as_ref();
            meeting.deleted_by_user = deleted.iter().any(|one| Some(&wire_key(one)) == key);
        }
        self.ask(wire::DecideCallsRequest {
            company: company.to_owned(),
            meetings,
            now: Some(time::to_wire(period.now)),
            ..wire::DecideCallsRequest::default()
        })
        .await
    }

    async fn id_of(&mut self, company: &str, call: &Key) -> anyhow::Result<String> {
        if let Some(registered) = self.stage.registered.get(&call.uid) {
            return Ok(registered.call_id.clone());
        }
        let key = wire_key(call);
        let calls = self.calls(company, None).await?;
        let found = calls.into_iter().find(|one| one.key.as_ref() == Some(&key));
        Ok(found.with_context(|| format!("no call `{}` has been decided", call.uid))?.call_id)
    }

    pub(super) async fn request(
        &mut self,
        company: &str,
        call: &Key,
        by: &str,
    ) -> anyhow::Result<bool> {
        let call_id = self.id_of(company, call).await?;
        let request = wire::RequestRecordingRequest {
            company: company.to_owned(),
            call_id,
            requested_by: by.to_owned(),
        };
        Ok(self.orchestrator.request_recording(request).await?.into_inner().accepted)
    }

    pub(super) async fn cancel(
        &mut self,
        company: &str,
        call: &Key,
        by: &str,
    ) -> anyhow::Result<bool> {
        let call_id = self.id_of(company, call).await?;
        let request = wire::CancelRecordingRequest {
            company: company.to_owned(),
            call_id,
            canceled_by: by.to_owned(),
        };
        let answer = self.orchestrator.cancel_recording(request).await;
        heard(answer.map(|_| ()), Code::PermissionDenied)
    }

    pub(super) async fn choose(&mut self, company: &str, choice: &Choice) -> anyhow::Result<()> {
        self.choices += 1;
        let made = if choice.without_recording {
            consent::Choice::JoinWithoutRecording
        } else {
            consent::Choice::Join
        };
        let request = consent::RecordChoiceRequest {
            company: company.to_owned(),
            key: Some(wire_key(&choice.call)),
            choice: made.into(),
            request_id: format!("choice {}", self.choices),
        };
        self.consent.record_choice(request).await?;
        Ok(())
    }

    pub(super) async fn conference_facts(
        &mut self,
        company: &str,
        facts: &ConferenceFacts,
    ) -> anyhow::Result<()> {
        let provider = Provider::from_name(&facts.provider).context("no such provider")?;
        let request = provider::ApplyConferenceFactsRequest {
            company: company.to_owned(),
            conference: Some((&decision::Conference { provider, id: facts.id.clone() }).into()),
            computer_audio: Some(facts.computer_audio),
        };
        self.adapters.apply_conference_facts(request).await?;
        Ok(())
    }
}

/// Whether something was done, or refused with a code that says the person may not.
fn heard(answer: Result<(), Status>, refusal: Code) -> anyhow::Result<bool> {
    match answer {
        Ok(()) => Ok(true),
        Err(status) if status.code() == refusal => Ok(false),
        Err(status) => Err(status.into()),
    }
}

fn wire_key(key: &Key) -> verdict::v1::CallKey {
    verdict::v1::CallKey {
        ical_uid: Some(key.uid.clone()),
        recurrence_id: key.recurrence_id.map(|at: DateTime<Utc>| time::to_wire(at)),
    }
}
