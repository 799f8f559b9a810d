//! How plans are carried out, told to people, and what people do about it: stop a recording, take it back, delete it.

use decision::SkipCode;
use decision::policy::Policy;
use decision::session::{Heard, Settings, Signal, Stage};
use proto::orchestrator::v1 as wire;
use proto::provider::v1 as provider;
use proto::time;

use crate::engine::{Cause, Engine, How};
use crate::error::Error;
use crate::sessions::settings_of;
use crate::store::{Action, Asked, Call, Running, Told, method_of};

/// What a person does about a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// It is not to begin.
    Cancel,
    /// It is to end, wherever it stands.
    Stop,
    /// It is not to be kept.
    Delete,
}

impl Act {
    const fn signal(self) -> Signal {
        match self {
            Self::Cancel => Signal::CancelAsked,
            Self::Stop => Signal::StopAsked,
            Self::Delete => Signal::DeletionAsked,
        }
    }
}

impl Engine {
    /// Does what a person asks about a recording, if they may.
    ///
    /// # Errors
    /// They may not; there is nothing to delete; a peer that does not answer; the store.
    pub(crate) async fn act(
        &self,
        company: &str,
        call: &Call,
        who: &str,
        act: Act,
    ) -> Result<(), Error> {
        let ready = self.policies.newest(company).await?;
        let member = self.entitled(&ready.policy, company, call, who).await?;
        let session = self.calls.session(company, &call.call_id).await?;
        let is_live = session.as_ref().is_some_and(|one| one.machine.outcome().is_none());
        let is_kept = session
            .as_ref()
            .and_then(|one| one.machine.outcome())
            .is_some_and(|outcome| outcome.keeps());
        let now = self.clock.now();
        let call_id = call.call_id.clone();
        if act == Act::Delete && !is_live && !is_kept {
            let deleted =
                Some(i32::from(proto::skip::v1::SkipCode::from(SkipCode::RecordingDeletedByUser)));
            let said = call.decision.primary.as_ref().map(|primary| primary.code);
            return if said == deleted { Ok(()) } else { Err(Error::NothingRecorded(call_id)) };
        }
        if let Some(session) = session.filter(|_| is_live || act == Act::Delete) {
            let told = Told {
                company: company.to_owned(),
                call_id: call_id.clone(),
                plan_revision: session.plan_revision,
                heard: vec![Heard::new(act.signal(), now)],
                if_requested: None,
            };
            let asked = is_live.then_some(Asked { call_id, action: Action::Cancel, who: member });
            let settings = settings_of(Some(&ready));
            let stepped = self.calls.act(&told, asked.as_ref(), &settings, now).await?;
            return self.follow_up(stepped).await;
        }
        if call.ended {
            return Ok(());
        }
        let asked = Asked { call_id, action: Action::Cancel, who: member };
        self.calls.ask(company, &asked, now).await?;
        let how = How::now(now, Cause::Request);
        self.decide_ids(company, std::slice::from_ref(&call.call_id), how).await?;
        Ok(())
    }

    /// The member who asks for something, if they may: the owner of the call, its organizer, or a member with the permission to
    /// request recordings.
    async fn entitled(
        &self,
        policy: &Policy,
        company: &str,
        call: &Call,
        who: &str,
    ) -> Result<String, Error> {
        let refused = |why| Error::NotPermitted { who: who.to_owned(), why };
        let (_, member) = policy.find_member(who).ok_or_else(|| {
            refused("only a team member can take a recording back, stop or delete it")
        })?;
        let id = member.id.to_string();
        // The owner of the latest plan, also while that waits or gave way to another.
        let owns = call.planned_owner.as_deref() == Some(&*member.id);
        if !member.active {
            return Err(refused("the team member is deactivated"));
        }
        if owns || member.may_request() {
            return Ok(id);
        }
        let meetings = self.meetings(company, std::slice::from_ref(&call.call_id)).await?;
        let organizer = meetings
            .first()
            .and_then(|meeting| meeting.organizer.as_ref()?.address.as_deref())
            .and_then(|address| policy.find_member(address));
        if organizer.is_some_and(|(_, organizer)| organizer.id == member.id) {
            return Ok(id);
        }
        Err(refused(
            "only the owner, the organizer, or a member with the permission to request recordings, can",
        ))
    }

    /// The newest session of a call, for people, and sentences about it.
    ///
    /// # Errors
    /// The store.
    pub(crate) async fn session(
        &self,
        company: &str,
        call_id: &str,
    ) -> Result<Option<(wire::Session, Vec<String>)>, Error> {
        let Some(running) = self.calls.session(company, call_id).await? else { return Ok(None) };
        let settings = settings_of(self.known_policy(company).await.as_ref());
        Ok(Some((told(&running, &settings), sentences(&running, &settings))))
    }

    /// Notes in the newest session of a call that somebody asked for the recording anew.
    ///
    /// # Errors
    /// The store.
    pub(crate) async fn asked_again(&self, company: &str, call_id: &str) -> Result<(), Error> {
        let Some(session) = self.calls.session(company, call_id).await? else { return Ok(()) };
        let told = Told {
            company: company.to_owned(),
            call_id: call_id.to_owned(),
            plan_revision: session.plan_revision,
            heard: vec![Heard::new(Signal::RequestedAgain, self.clock.now())],
            if_requested: None,
        };
        self.hear(&[told], None).await
    }
}

/// A session on the wire.
fn told(running: &Running, settings: &Settings) -> wire::Session {
    let machine = &running.machine;
    let mut timers: Vec<_> = machine.timers().collect();
    timers.sort_by_key(|(timer, due)| (*due, *timer));
    wire::Session {
        plan_revision: running.plan_revision,
        stage: machine.stage(settings).as_str().to_owned(),
        method: method_of(machine.means()).into(),
        adapter: running.adapter_of(machine.means()).into(),
        run: u32::from(machine.run()),
        began_at: Some(time::to_wire(running.began_at)),
        ended_at: machine.ended_at().map(time::to_wire),
        also: machine
            .also()
            .iter()
            .map(|code| proto::skip::v1::SkipCode::from(code).into())
            .collect(),
        raws: machine
            .raws()
            .iter()
            .map(|raw| provider::RawCode {
                provider: raw.provider.clone(),
                code: raw.raw_code.clone(),
                text: raw.raw_text.clone(),
                observed_at: Some(time::to_wire(raw.observed_at)),
            })
            .collect(),
        timers: timers
            .into_iter()
            .map(|(timer, due)| wire::SessionTimer {
                timer: timer.as_str().to_owned(),
                due: Some(time::to_wire(due)),
            })
            .collect(),
    }
}

/// Where a session stands, what it waits for, and what nobody understood, in sentences.
fn sentences(running: &Running, settings: &Settings) -> Vec<String> {
    let machine = &running.machine;
    let stage = machine.stage(settings);
    let adapter = running.adapter_of(machine.means());
    let adapter = proto::provider::adapter("adapter", adapter.into()).ok().flatten();
    let by = adapter.map_or("an adapter", decision::provider::Adapter::as_str);
    let mut sentences = vec![format!(
        "Carried out by {by} ({}), attempt {}: {}",
        machine.means().as_str(),
        u32::from(machine.run()) + 1,
        stage.about()
    )];
    if stage != Stage::Ended {
        let mut timers: Vec<_> = machine.timers().collect();
        timers.sort_by_key(|(timer, due)| (*due, *timer));
        sentences.extend(timers.into_iter().map(|(timer, due)| {
            let until = due.format("%Y-%m-%d %H:%M:%S UTC");
            let what = timer.about().trim_end_matches('.');
            format!("Waits until {until} for: {what}.")
        }));
    }
    sentences.extend(machine.raws().iter().map(|raw| {
        let at = raw.observed_at.format("%Y-%m-%d %H:%M:%S UTC");
        format!(
            "{} said `{}` at {at}, which nobody has mapped: `{}`.",
            raw.provider, raw.raw_code, raw.raw_text
        )
    }));
    let also: Vec<&str> = machine.also().iter().map(SkipCode::as_str).collect();
    if !also.is_empty() {
        sentences.push(format!("Came up besides: {}.", also.join(", ")));
    }
    sentences
}
