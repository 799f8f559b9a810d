//! What no calendar knows, in the worlds of services: telephone calls, and recordings behind links.

use anyhow::Context as _;
use proto::orchestrator::v1 as wire;
use proto::provider::v1 as provider;
use proto::time;
use tonic::Code;

use super::Remote;
use crate::scenario::{Dial, Import};

/// A call that was registered, under the name the scenario has for it.
#[derive(Debug, Clone)]
pub(super) struct Registered {
    /// Its id in the services.
    pub(super) call_id: String,
    /// Of a telephone call, and what its dialer calls it.
    pub(super) dial: Option<(Dial, String)>,
}

impl Remote {
    pub(in crate::world) async fn dial(
        &mut self,
        company: &str,
        dial: &Dial,
    ) -> anyhow::Result<()> {
        let played = self.stage.played()?;
        let (external_id, now) = (played.dial(dial), played.now());
        let call = provider::PhoneCall {
            company: company.to_owned(),
            connection: dial.dialer.connection().to_owned(),
            external_id: external_id.clone(),
            direction: provider::Direction::Outbound.into(),
            own_number: dial.from.clone(),
            other_number: dial.to.clone(),
            user: dial.user.clone(),
            placed_at: Some(time::to_wire(now)),
            participants: dial.participants.clone(),
        };
        let request =
            wire::RegisterDialerCallRequest { company: company.to_owned(), call: Some(call) };
        let answer = self.orchestrator.register_dialer_call(request).await?.into_inner();
        self.register(&dial.call, answer.decision, Some((dial.clone(), external_id)))
    }

    /// Asks for an import; whether that was heard.
    pub(in crate::world) async fn import(
        &mut self,
        company: &str,
        import: &Import,
    ) -> anyhow::Result<bool> {
        let url = self.stage.played()?.link(&import.call, import.file)?;
        let request = wire::ImportRecordingRequest {
            company: company.to_owned(),
            upload: Some(provider::Upload { url, ..provider::Upload::default() }),
            idempotency_key: import.call.clone(),
            owner: import.owner.clone(),
            participants: import.participants.clone(),
            ..wire::ImportRecordingRequest::default()
        };
        let answer = self.orchestrator.import_recording(request).await;
        let decision = answer.as_ref().ok().and_then(|answer| answer.get_ref().decision.clone());
        let is_heard = super::heard(answer.map(|_| ()), Code::PermissionDenied)?;
        if is_heard {
            self.register(&import.call, decision, None)?;
        }
        Ok(is_heard)
    }

    fn register(
        &mut self,
        name: &str,
        decision: Option<wire::Decision>,
        dial: Option<(Dial, String)>,
    ) -> anyhow::Result<()> {
        let call_id = decision.context("a registered call is decided")?.call_id;
        self.stage.follow(&call_id);
        self.stage.registered.insert(name.to_owned(), Registered { call_id, dial });
        Ok(())
    }
}
