//! How plans are carried out, told to people, and what people do about it: stop a recording, take it back, delete it.

use decision::SkipCode;
use decision::policy::Policy;
use decision::session::{Heard, Outcome, Settings, Signal, Stage};
use proto::orchestrator::v1 as wire;
use proto::provider::v1 as provider;
use proto::time;

use crate::commander::OWN;
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
        let sessions = self.calls.sessions(company, &call.call_id).await?;
        let concerned: Vec<&Running> = sessions.iter().filter(|one| concerns(act, one)).collect();
        let call_id = call.call_id.clone();
        if act == Act::Delete && concerned.is_empty() {
            let is_deleted = sessions.iter().any(is_deleted);
            return if is_deleted { Ok(()) } else { Err(Error::NothingRecorded(call_id)) };
        }
        let now = self.clock.now();
        let told: Vec<Told> = concerned
            .iter()
            .map(|session| Told {
                company: company.to_owned(),
                call_id: call_id.clone(),
                plan_revision: session.plan_revision,
                heard: vec![Heard::new(act.signal(), now)],
                if_requested: None,
            })
            .collect();
        let is_live = concerned.iter().any(|one| one.machine.outcome().is_none());
        let holds = concerned.iter().any(|one| one.holds == call.decision.revision);
        let suffices = holds || act == Act::Delete;
        let mut is_told = false;
        if !told.is_empty() {
            let noted =
                Asked { call_id: call_id.clone(), action: Action::Cancel, who: member.clone() };
            let settings = settings_of(Some(&ready));
            let asked = (is_live && suffices).then_some(&noted);
            let stepped = self.calls.act(&told, asked, &settings, now).await?;
            is_told = stepped.heard > 0;
            self.follow_up(stepped).await?;
        }
        // What nobody carries out yet is to fall too: a plan made anew while an earlier recorder leaves, or meanwhile.
        if is_told && suffices || call.ended {
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

    /// Whether a call was registered, and what was recorded of it is kept.
    ///
    /// # Errors
    /// The store.
    pub(crate) async fn keeps_import(&self, company: &str, call: &Call) -> Result<bool, Error> {
        // Only meetings have conferences, and can go on.
        if call.decision.conference.is_some() {
            return Ok(false);
        }
        let session = self.calls.session(company, &call.call_id).await?;
        let keeps = |one: Running| one.machine.outcome().is_some_and(Outcome::keeps);
        let is_import = |one: &Running| one.machine.means().is_import();
        Ok(session.filter(is_import).is_some_and(keeps))
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
        self.hear(&[told]).await
    }
}

/// Whether an act is about a session: one that is not over, or of which something is kept that is to be deleted.
fn concerns(act: Act, session: &Running) -> bool {
    match session.machine.outcome() {
        None => true,
        Some(outcome) => act == Act::Delete && outcome.keeps(),
    }
}

/// Whether what was recorded by a session has been deleted.
fn is_deleted(session: &Running) -> bool {
    let code = session.machine.outcome().and_then(Outcome::code);
    code == Some(SkipCode::RecordingDeletedByUser)
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
        if raw.provider == OWN {
            return format!("Found at {at}: {}.", raw.raw_text);
        }
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
