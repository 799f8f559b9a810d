//! Registering what no calendar knows: telephone calls, and recordings to import from a link.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use decision::identity;
use decision::upload::Rejected;
use decision::{Policy, upload};
use proto::orchestrator::v1 as wire;
use proto::provider::v1 as provider;
use proto::{Invalid, time};
use tracing::warn;

use crate::engine::{Cause, Engine, How};
use crate::error::Error;
use crate::signals::PASSED_OVER;
use crate::store::{Input, PEOPLE, Registered, Secret};

/// The longest name of a connection, id, number or person, in bytes.
const NAME: usize = 400;

/// The longest idempotency key, in bytes, by the contract.
const KEY: usize = 200;

/// The longest link, in bytes.
const LINK: usize = 8_192;

/// The longest title, in bytes.
const TITLE: usize = 4_096;

/// A call or a recording that is said to have begun so much later than now is none.
const AHEAD: TimeDelta = TimeDelta::days(1);

impl Engine {
    /// Registers a telephone call, and decides it if anything is new; answers its id.
    ///
    /// # Errors
    /// A field that cannot be taken, an unknown company, a peer without which nothing can be told, or the store.
    pub(crate) async fn register_call(
        &self,
        company: &str,
        call: provider::PhoneCall,
    ) -> Result<String, Error> {
        let now = self.clock.now();
        let call = checked_call(company, call)?;
        not_ahead("call.placed_at", call.placed_at.as_ref(), now)?;
        // Nothing is kept of a company that nobody has applied.
        self.policies.known(company).await?;
        let told = registered(company, call, now);
        let is_new = self.calls.register(company, &told, now + self.retry).await?;
        self.decide_if(company, &told.call_id, is_new).await?;
        Ok(told.call_id)
    }

    /// Dialers tell of telephone calls that nobody registered: they are noted, as `RegisterDialerCall` does it, all together.
    /// They are decided by their timers, which are due at once: whoever tells of them has more to tell, and waits for nobody.
    ///
    /// # Errors
    /// The store, if it may work another time: the news is told again then.
    pub(crate) async fn phone_calls_told(
        &self,
        calls: Vec<provider::PhoneCall>,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        let mut applied: HashMap<String, bool> = HashMap::new();
        let mut told = Vec::with_capacity(calls.len());
        for mut call in calls {
            let company = call.company.clone();
            let is_applied = match applied.get(&company) {
                Some(is_applied) => *is_applied,
                None => {
                    let is_applied = match self.policies.known(&company).await {
                        Ok(_) => true,
                        Err(error @ Error::Storage(_)) if !error.is_lasting() => return Err(error),
                        // Nobody has heard of it, and nobody can be waited for: others have signals to tell.
                        Err(error) => {
                            let error = chassis::chain(&error);
                            warn!(company, error, "telephone calls are not registered");
                            false
                        }
                    };
                    applied.insert(company.clone(), is_applied);
                    is_applied
                }
            };
            if !is_applied {
                PASSED_OVER.add(1, &[("why", "unknown_company")]);
                continue;
            }
            // Its clock is wrong, and a call that began in years would end in years.
            if not_ahead("call.placed_at", call.placed_at.as_ref(), now).is_err() {
                call.placed_at = Some(time::to_wire(now));
            }
            match checked_call(&company, call) {
                Ok(call) => told.push((company.clone(), registered(&company, call, now))),
                Err(invalid) => pass_over(&company, &invalid),
            }
        }
        // One that cannot be noted is found by halves.
        let mut parts = vec![told.as_slice()];
        while let Some(part) = parts.pop() {
            match self.calls.register_all(part, now).await {
                Ok(()) => {}
                Err(error) if !error.is_lasting() => return Err(error),
                Err(_) if part.len() > 1 => {
                    let (sooner, later) = part.split_at(part.len() / 2);
                    parts.extend([later, sooner]);
                }
                Err(error) => {
                    part.iter().for_each(|(company, _)| pass_over(company, &error));
                }
            }
        }
        Ok(())
    }

    /// Registers an upload, and decides it if anything is new; answers its id.
    ///
    /// # Errors
    /// A field that cannot be taken, an owner who may not ask for it, an unknown company, a peer without which nothing can be
    /// told, or the store. Then nothing is kept, unless it was before.
    pub(crate) async fn register_upload(
        &self,
        request: wire::ImportRecordingRequest,
    ) -> Result<String, Error> {
        let now = self.clock.now();
        let (request, link) = checked_upload(request)?;
        not_ahead("recorded_at", request.recorded_at.as_ref(), now)?;
        let company = request.company.clone();
        let call_id = identity::upload(&company, &request.idempotency_key);
        let ids = std::slice::from_ref(&call_id);
        let known = self.calls.registered(&company, ids).await?;
        let ended = self.calls.get(&company, ids).await?.first().is_some_and(|call| call.ended);
        if known.first().is_some_and(|known| is_another(known, &request, &link)) {
            return Err(Error::KeyReused(request.idempotency_key));
        }
        let is_complete = known.first().is_some_and(|one| one.link.is_some() || ended);
        if is_complete {
            self.decide_if(&company, &call_id, false).await?;
            return Ok(call_id);
        }
        let ready = self.policies.newest(&company).await?;
        may_ask(&ready.policy, &request, now)?;
        let told = Registered {
            call_id: call_id.clone(),
            input: Input::Upload(request),
            link: Some(Secret::new(link)),
            received: now,
            revision: 1,
        };
        let is_new = self.calls.register(&company, &told, now + self.retry).await?;
        if !is_new {
            // Somebody came before, after it was looked.
            let known = self.calls.registered(&company, ids).await?;
            if let (Some(known), Input::Upload(request), Some(link)) =
                (known.first(), told.input, &told.link)
                && is_another(known, &request, link.reveal())
            {
                return Err(Error::KeyReused(request.idempotency_key));
            }
        }
        self.decide_if(&company, &call_id, is_new).await?;
        Ok(call_id)
    }

    /// Decides a registered call if something of it is new, or if nobody came to decide it.
    async fn decide_if(&self, company: &str, call_id: &str, is_new: bool) -> Result<(), Error> {
        let ids = [call_id.to_owned()];
        if is_new || self.calls.get(company, &ids).await?.is_empty() {
            return self.decide_noted(company, call_id).await;
        }
        Ok(())
    }

    /// Decides a registered call.
    ///
    /// # Errors
    /// A peer without which nothing can be told; the store.
    pub(crate) async fn decide_noted(&self, company: &str, call_id: &str) -> Result<(), Error> {
        let how = How::now(self.clock.now(), Cause::Asked).untold();
        self.decide_ids(company, &[call_id.to_owned()], how).await.map(drop)
    }
}

/// A telephone call as it is registered.
fn registered(company: &str, call: provider::PhoneCall, now: DateTime<Utc>) -> Registered {
    Registered {
        call_id: identity::call(company, &call.connection, &call.external_id),
        input: Input::Call(call),
        link: None,
        received: now,
        revision: 1,
    }
}

fn pass_over(company: &str, error: &(dyn std::error::Error + 'static)) {
    PASSED_OVER.add(1, &[("why", "unreadable")]);
    warn!(company, error = chassis::chain(error), "a telephone call is not registered");
}

/// Refuses what is said to have begun long after now.
fn not_ahead(
    field: &'static str,
    at: Option<&prost_types::Timestamp>,
    now: DateTime<Utc>,
) -> Result<(), Invalid> {
    match time::optional(field, at)? {
        Some(at) if at > now + AHEAD => Err(text(field, "it is more than a day ahead")),
        Some(_) | None => Ok(()),
    }
}

/// Whether something else was asked for under the same key. Its link is not known any more where nothing is to be fetched.
fn is_another(known: &Registered, request: &wire::ImportRecordingRequest, link: &str) -> bool {
    let is_same_link = known.link.as_ref().is_none_or(|known| known.reveal() == link);
    known.input != Input::Upload(request.clone()) || !is_same_link
}

/// Refuses who may not ask for an upload, before anything is kept.
fn may_ask(
    policy: &Policy,
    request: &wire::ImportRecordingRequest,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let asked = upload::Upload {
        owner: request.owner.clone(),
        title: None,
        participants: Vec::new(),
        recorded_at: now,
        deleted_by_user: false,
        recording_canceled: false,
    };
    upload::Facts::of(policy, &asked).map(drop).map_err(|rejected| Error::NotPermitted {
        who: request.owner.clone(),
        why: match rejected {
            Rejected::Unknown => "nobody of the company has this id or address",
            Rejected::Deactivated => "this member is deactivated",
            Rejected::NoSeat => "this member has no seat",
            Rejected::NoPermission => {
                "this member lacks the permission to schedule and upload by hand"
            }
        },
    })
}

/// A telephone call as it is kept.
fn checked_call(
    company: &str,
    mut call: provider::PhoneCall,
) -> Result<provider::PhoneCall, Invalid> {
    present("company", company)?;
    present("call.connection", &call.connection)?;
    present("call.external_id", &call.external_id)?;
    if !call.company.is_empty() && call.company != company {
        return Err(text("call.company", "it is not the company of the request"));
    }
    for (field, value) in [
        ("call.connection", &call.connection),
        ("call.external_id", &call.external_id),
        ("call.own_number", &call.own_number),
        ("call.other_number", &call.other_number),
        ("call.user", &call.user),
    ] {
        short(field, value, NAME)?;
    }
    people("call.participants", &call.participants)?;
    time::required("call.placed_at", call.placed_at.as_ref())?;
    company.clone_into(&mut call.company);
    Ok(call)
}

/// An upload as it is kept, and its link.
fn checked_upload(
    mut request: wire::ImportRecordingRequest,
) -> Result<(wire::ImportRecordingRequest, String), Invalid> {
    present("company", &request.company)?;
    present("idempotency_key", &request.idempotency_key)?;
    present("owner", &request.owner)?;
    short("idempotency_key", &request.idempotency_key, KEY)?;
    short("owner", &request.owner, NAME)?;
    short("title", &request.title, TITLE)?;
    people("participants", &request.participants)?;
    time::optional("recorded_at", request.recorded_at.as_ref())?;
    let upload = request.upload.as_mut().ok_or(Invalid::Missing("upload"))?;
    let is_digest =
        upload.sha256.len() == 64 && upload.sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !upload.sha256.is_empty() && !is_digest {
        return Err(text("upload.sha256", "it is not 64 hexadecimal digits"));
    }
    // No longer part of what is kept, or told to anybody but who fetches. It is never said what is wrong with it in its own
    // words.
    let link = std::mem::take(&mut upload.url);
    present("upload.url", &link)?;
    short("upload.url", &link, LINK)?;
    let scheme = link.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    let is_web = matches!(scheme.as_deref(), Some("https" | "http"));
    if !is_web || link.chars().any(|one| one.is_whitespace() || one.is_control()) {
        return Err(text("upload.url", "it is no link that can be fetched, such as `https://…`"));
    }
    Ok((request, link))
}

const fn present(field: &'static str, value: &str) -> Result<(), Invalid> {
    if value.is_empty() { Err(Invalid::Missing(field)) } else { Ok(()) }
}

fn short(field: &'static str, value: &str, limit: usize) -> Result<(), Invalid> {
    if value.len() > limit {
        return Err(text(field, &format!("it is longer than {limit} bytes")));
    }
    Ok(())
}

fn people(field: &'static str, people: &[String]) -> Result<(), Invalid> {
    Invalid::limit(field, people.len(), PEOPLE)?;
    people.iter().try_for_each(|one| short(field, one, NAME))
}

fn text(field: &'static str, problem: &str) -> Invalid {
    Invalid::Text { field, problem: problem.to_owned() }
}
