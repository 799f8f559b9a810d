//! Meetings as calendar-ingest has them, and what is known of their calls beside.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use decision::History;
use decision::plan::Last;
use proto::calendar::v1 as calendar;
use proto::orchestrator::v1 as wire;
use tonic::Request;

use super::{Engine, PAGE};
use crate::error::Error;
use crate::store::{Action, Call};
use crate::subject::{Past, Subject};

impl Engine {
    /// Meetings as the rules see them, with what is known of them beside.
    pub(super) async fn subjects(
        &self,
        company: &str,
        meetings: Vec<calendar::Meeting>,
        known: &HashMap<String, Call>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Subject>, Error> {
        let mut pasts = self.pasts(company, known).await?;
        let mut subjects = Vec::with_capacity(meetings.len());
        for meeting in meetings {
            let past = pasts.remove(&meeting.meeting_id).unwrap_or_default();
            match Subject::read(meeting, past, now) {
                Ok(subject) => subjects.push(subject),
                // What ingest stored it could read; one bad record must not sink the batch.
                Err(invalid) => {
                    tracing::error!(company, %invalid, "a stored meeting cannot be read")
                }
            }
        }
        Ok(subjects)
    }

    /// A page of meetings, and the token of the next one.
    ///
    /// # Errors
    /// The peer does not answer.
    pub(crate) async fn page_of_meetings(
        &self,
        request: calendar::ListMeetingsRequest,
    ) -> Result<(Vec<calendar::Meeting>, String), Error> {
        let mut request = Request::new(request);
        request.set_timeout(self.deadline);
        let answer = self.calendar.clone().list_meetings(request).await;
        let answer = answer
            .map_err(|status| Error::Peer { peer: "calendar-ingest", source: Box::new(status) })?
            .into_inner();
        Ok((answer.meetings, answer.next_page_token))
    }

    /// Fetches meetings by their ids.
    ///
    /// # Errors
    /// The peer does not answer.
    pub(crate) async fn meetings(
        &self,
        company: &str,
        ids: &[String],
    ) -> Result<Vec<calendar::Meeting>, Error> {
        let mut meetings = Vec::new();
        for part in ids.chunks(PAGE as usize) {
            let mut request = calendar::ListMeetingsRequest {
                company: company.to_owned(),
                page_size: PAGE,
                meeting_ids: part.to_vec(),
                ..calendar::ListMeetingsRequest::default()
            };
            loop {
                let (page, next) = self.page_of_meetings(request.clone()).await?;
                meetings.extend(page);
                if next.is_empty() {
                    break;
                }
                request.page_token = next;
            }
        }
        Ok(meetings)
    }

    /// What is known of calls beside their meetings.
    pub(super) async fn pasts(
        &self,
        company: &str,
        known: &HashMap<String, Call>,
    ) -> Result<HashMap<String, Past>, Error> {
        let mut pasts: HashMap<String, Past> = HashMap::new();
        if known.is_empty() {
            return Ok(pasts);
        }
        for (id, call) in known {
            let last = Last {
                skipped: call.decision.kind() == wire::DecisionKind::Skip,
                policy_version: call.judged_policy,
                meeting_revision: call.judged_meeting,
            };
            pasts.insert(
                id.clone(),
                Past {
                    history: History { had_plan: call.had_plan, last: Some(last) },
                    planned_owner: call.planned_owner.clone(),
                    ..Past::default()
                },
            );
        }
        let ids: Vec<String> = known.keys().cloned().collect();
        for asked in self.calls.asked(company, &ids).await? {
            let past = pasts.entry(asked.call_id).or_default();
            past.canceled = asked.action == Action::Cancel;
            if asked.action == Action::Request {
                past.requested_by.push(asked.who);
            }
        }
        Ok(pasts)
    }
}
