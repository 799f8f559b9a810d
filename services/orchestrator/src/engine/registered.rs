//! Deciding what no calendar knows: telephone calls and uploads, as they were registered.
//!
//! Like meetings they are judged in batches by one policy version and written with a version that notices whoever was faster.
//! Nothing contends with them, and no adapter is asked.

use std::collections::HashMap;
use std::sync::Arc;

use chassis::chain;
use chrono::{DateTime, Utc};
use decision::eligibility::Judgement;
use decision::plan::{CallInputs, PATIENCE, UploadInputs, decide_call, decide_upload};
use decision::reach::Traces;
use decision::upload::{Rejected, Upload};
use decision::{Decision, Missing, Person, Policy, Verdict, telephone, text};
use proto::orchestrator::v1 as wire;
use proto::{Invalid, time};

use super::{ATTEMPTS, Engine, How, Outcome, PAUSE, into_batches};
use crate::error::Error;
use crate::gather::SharedPolicy;
use crate::store::{Call, Input, Judged, Moment, Registered};
use crate::subject::Past;

/// Why an upload is not fetched any more whose owner was permitted to ask for it when they did.
const NO_PERMISSION: Missing = Missing("the permission to upload");

/// Why an upload is not fetched whose link has been forgotten.
const NO_LINK: Missing = Missing("the link");

/// A registered call on its way to a decision.
#[derive(Debug)]
struct Import {
    registered: Registered,
    about: About,
    past: Past,
}

/// What is judged of it.
#[derive(Debug)]
enum About {
    Call(telephone::Call),
    Upload(Upload),
}

/// What eligibility says of it.
#[derive(Debug)]
enum Said {
    Call(Result<telephone::Judgement, Missing>),
    Upload(Result<Judgement, Missing>),
}

impl Said {
    fn judgement(&self) -> Option<&Judgement> {
        match self {
            Self::Call(said) => said.as_ref().ok().map(|judgement| &judgement.call),
            Self::Upload(said) => said.as_ref().ok(),
        }
    }
}

impl Import {
    /// Reads what was registered.
    ///
    /// # Errors
    /// The field that cannot be read.
    fn read(registered: Registered, past: Past) -> Result<Self, Invalid> {
        let about = match &registered.input {
            Input::Call(call) => About::Call(telephone::Call {
                own_number: call.own_number.clone(),
                other_number: call.other_number.clone(),
                user: Some(text::address(&call.user).unwrap_or_else(|| call.user.clone()))
                    .filter(|user| !user.is_empty()),
                participants: people(&call.participants),
                // Whoever carries it out hears whether somebody pressed the button.
                started_by_hand: None,
                requested_by: past.requested_by.clone(),
                recording_canceled: past.canceled,
                ..telephone::Call::at(time::required("call.placed_at", call.placed_at.as_ref())?)
            }),
            Input::Upload(request) => About::Upload(Upload {
                owner: request.owner.clone(),
                title: Some(request.title.clone()).filter(|title| !title.is_empty()),
                participants: people(&request.participants),
                recorded_at: time::optional("recorded_at", request.recorded_at.as_ref())?
                    .unwrap_or(registered.received),
                deleted_by_user: false,
                recording_canceled: past.canceled,
            }),
        };
        Ok(Self { registered, about, past })
    }

    const fn start(&self) -> DateTime<Utc> {
        match &self.about {
            About::Call(call) => call.placed_at,
            About::Upload(upload) => upload.recorded_at,
        }
    }

    fn traces(&self, policy: &Policy) -> Traces {
        match &self.about {
            About::Call(call) => Traces::of_telephone(policy, call),
            About::Upload(upload) => Traces::of_upload(policy, upload),
        }
    }

    /// Decides it, and tells whether everybody has answered who has a say.
    fn decide(
        &self,
        policy: &Policy,
        said: Said,
        consent: Result<Verdict, Missing>,
        now: DateTime<Utc>,
    ) -> (Decision, bool) {
        let Registered { call_id, received: known_at, revision, .. } = &self.registered;
        let (known_at, revision, history) = (*known_at, *revision, &self.past.history);
        match said {
            Said::Call(eligibility) => {
                let inputs = CallInputs {
                    policy,
                    call_id,
                    known_at,
                    revision,
                    eligibility,
                    consent,
                    history,
                    now,
                };
                (decide_call(&inputs), inputs.is_whole())
            }
            Said::Upload(eligibility) => {
                let inputs = UploadInputs {
                    policy,
                    call_id,
                    known_at,
                    revision,
                    eligibility,
                    consent,
                    history,
                    now,
                };
                (decide_upload(&inputs), inputs.is_whole())
            }
        }
    }
}

impl Engine {
    /// Decides what was registered, and keeps what changes.
    ///
    /// # Errors
    /// An unknown company, a policy that cannot be had, the store, or [`Error::Contended`] if a call kept changing while it
    /// was judged.
    pub(super) async fn decide_registered(
        &self,
        company: &str,
        registered: Vec<Registered>,
        how: How,
        all: &mut Outcome,
    ) -> Result<(), Error> {
        for piece in into_batches(registered, self.batch) {
            self.decide_imports(company, piece, how, all).await?;
        }
        Ok(())
    }

    async fn decide_imports(
        &self,
        company: &str,
        mut registered: Vec<Registered>,
        how: How,
        all: &mut Outcome,
    ) -> Result<(), Error> {
        let moment = Moment {
            now: how.now,
            cause: how.cause,
            is_present: self.is_present(how.now),
            retry: self.retry,
        };
        for attempt in 0..ATTEMPTS {
            let ids: Vec<String> = registered.iter().map(|one| one.call_id.clone()).collect();
            let known: HashMap<String, Call> = self.calls.by_id(company, &ids).await?;
            // What has ended is final, whatever is told of it now.
            registered.retain(|one| match known.get(&one.call_id).filter(|call| call.ended) {
                Some(call) => {
                    all.decided += 1;
                    if !how.untold {
                        all.decisions.push(call.decision.clone());
                    }
                    false
                }
                None => true,
            });
            if registered.is_empty() {
                return Ok(());
            }
            let imports = self.imports(company, registered, &known).await?;
            let judged = self.judge_imports(company, &imports, &known, how, all).await?;
            let stale = self.write_down(company, judged, moment, how, all).await?;
            if stale.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(PAUSE * u32::try_from(attempt).unwrap_or(1)).await;
            registered = self.calls.registered(company, &stale).await?;
        }
        Err(Error::Contended)
    }

    /// Registered calls as the rules see them, with what is known of them beside.
    async fn imports(
        &self,
        company: &str,
        registered: Vec<Registered>,
        known: &HashMap<String, Call>,
    ) -> Result<Vec<Import>, Error> {
        let mut pasts = self.pasts(company, known).await?;
        let mut imports = Vec::with_capacity(registered.len());
        for one in registered {
            let past = pasts.remove(&one.call_id).unwrap_or_default();
            match Import::read(one, past) {
                Ok(import) => imports.push(import),
                // It was read when it was registered; one bad record must not sink the batch.
                Err(invalid) => {
                    tracing::error!(company, %invalid, "a registered call cannot be read")
                }
            }
        }
        Ok(imports)
    }

    /// Judges and decides, all by one policy version.
    async fn judge_imports(
        &self,
        company: &str,
        imports: &[Import],
        known: &HashMap<String, Call>,
        how: How,
        all: &mut Outcome,
    ) -> Result<Vec<Judged>, Error> {
        let now = how.now;
        let mut ready = self.policies.known(company).await?;
        for _ in 0..ATTEMPTS {
            let (said, by) = self.say(&ready, imports, now).await;
            let version = ready.policy.version;
            if let Some(newer) = self.newer_than(company, version, by).await? {
                ready = newer;
                continue;
            }
            // What was judged by a policy that cannot be had is as good as not judged.
            let is_ours = by == Some(version);
            let said: Vec<Said> = if is_ours {
                said
            } else {
                let silent = |import: &Import| match import.about {
                    About::Call(_) => Said::Call(Err(Missing("eligibility"))),
                    About::Upload(_) => Said::Upload(Err(Missing("eligibility"))),
                };
                imports.iter().map(silent).collect()
            };
            let consent = self.consent_of(&ready, &said, now).await;
            all.policy_version = version;
            return Ok(imports
                .iter()
                .zip(said)
                .zip(consent)
                .map(|((import, said), consent)| {
                    let decided = import.decide(&ready.policy, said, consent, now);
                    let seen = known.get(&import.registered.call_id).map_or(0, |call| call.version);
                    judged(company, import, decided, &ready, seen, how)
                })
                .collect());
        }
        let status = tonic::Status::aborted("the policy kept changing");
        Err(Error::Peer { peer: "eligibility", source: Box::new(status) })
    }

    /// What eligibility says, in the order of the calls, and by which policy version, if by one.
    async fn say(
        &self,
        ready: &SharedPolicy,
        imports: &[Import],
        now: DateTime<Utc>,
    ) -> (Vec<Said>, Option<u64>) {
        let mut calls = Vec::new();
        let mut uploads = Vec::new();
        for import in imports {
            match &import.about {
                About::Call(call) => calls.push(call.clone()),
                About::Upload(upload) => uploads.push(upload.clone()),
            }
        }
        let ((calls_said, calls_by), (uploads_said, uploads_by)) = tokio::join!(
            self.judges.judge_calls(ready, &calls, now),
            self.judges.judge_uploads(ready, &uploads, now),
        );
        let by = match (calls_by, uploads_by) {
            (Some(one), Some(other)) => Some(one.max(other)),
            (None, _) | (_, None) => None,
        };
        let (mut calls_said, mut uploads_said) = (calls_said.into_iter(), uploads_said.into_iter());
        let unsaid = Missing("eligibility");
        let said = imports
            .iter()
            .map(|import| match import.about {
                About::Call(_) => Said::Call(calls_said.next().unwrap_or(Err(unsaid))),
                About::Upload(_) => {
                    let said = uploads_said.next().unwrap_or(Err(unsaid));
                    Said::Upload(said.and_then(|said| may_be_fetched(import, said)))
                }
            })
            .collect();
        // Where one answered by an older version than the other, neither is taken.
        let is_one = calls.is_empty() || uploads.is_empty() || calls_by == uploads_by;
        (said, by.filter(|_| is_one))
    }

    /// The policy by which what has been judged by one, or by none, is to be judged anew, if it is.
    async fn newer_than(
        &self,
        company: &str,
        version: u64,
        by: Option<u64>,
    ) -> Result<Option<SharedPolicy>, Error> {
        match by {
            Some(by) if by == version => Ok(None),
            None => self.policies.raised_after(company, version).await,
            Some(_) => match self.policies.newest(company).await {
                Ok(newest) => Ok(Some(newest)),
                Err(error @ Error::Peer { .. }) => {
                    tracing::warn!(company, error = chain(&error), "a policy could not be fetched");
                    self.policies.raised_after(company, version).await
                }
                Err(error) => Err(error),
            },
        }
    }

    /// Consent is asked only about calls whose profile enforces it: elsewhere it never blocks.
    async fn consent_of(
        &self,
        ready: &SharedPolicy,
        said: &[Said],
        now: DateTime<Utc>,
    ) -> Vec<Result<Verdict, Missing>> {
        let policy = &ready.policy;
        let enforced = |said: &Said| -> Option<Option<&str>> {
            let profile = profile_of(policy, said.judgement()?);
            policy.enforces(profile).then_some(profile)
        };
        let profiles: Vec<&str> =
            said.iter().filter_map(enforced).map(Option::unwrap_or_default).collect();
        let mut verdicts = self.judges.consent_by(ready, &profiles, now).await.into_iter();
        said.iter()
            .map(|said| match enforced(said) {
                Some(_) => verdicts.next().unwrap_or(Err(Missing("consent"))),
                None => Ok(Verdict::default()),
            })
            .collect()
    }
}

/// Name of the consent profile that holds for a call.
fn profile_of<'a>(policy: &'a Policy, judgement: &Judgement) -> Option<&'a str> {
    let owner = judgement.owner.as_deref().and_then(|id| policy.member_by_id(id));
    match owner {
        Some((_, owner)) => owner.profile.as_deref(),
        None => policy.default_profile.as_deref(),
    }
}

/// The verdict on an upload that can be fetched, and whose owner still may ask for it.
fn may_be_fetched(
    import: &Import,
    said: Result<Judgement, Rejected>,
) -> Result<Judgement, Missing> {
    let judgement = said.map_err(|_| NO_PERMISSION)?;
    let stops = judgement.verdict.findings.iter().any(|finding| !finding.lifted);
    // What is not recorded anyhow needs no link.
    if import.registered.link.is_none() && !stops { Err(NO_LINK) } else { Ok(judgement) }
}

fn people(addresses: &[String]) -> Vec<Person> {
    let person = |raw: &String| Person { address: text::address(raw), ..Person::default() };
    addresses.iter().map(person).collect()
}

/// A decided call as it is written.
fn judged(
    company: &str,
    import: &Import,
    (decision, whole): (Decision, bool),
    ready: &SharedPolicy,
    seen: u64,
    how: How,
) -> Judged {
    let Registered { call_id, input, received, revision, .. } = &import.registered;
    let title = match input {
        Input::Call(_) => None,
        Input::Upload(request) => Some(request.title.clone()),
    };
    let mut told = wire::Decision::from(&decision);
    if let Some(plan) = &mut told.plan {
        // Nobody is sent anywhere: it is handed over as soon as it is planned, and never too late.
        plan.dispatch_at = Some(time::to_wire(*received));
    }
    let until = *received + PATIENCE;
    Judged {
        seen,
        candidate: wire::Decision {
            call_id: call_id.clone(),
            company: company.to_owned(),
            key: Some((&decision::CallKey::default()).into()),
            title: title.filter(|title| !title.is_empty() && !decision.hidden),
            start: Some(time::to_wire(import.start())),
            meeting_revision: *revision,
            decided_at: Some(time::to_wire(how.now)),
            cause: how.cause.as_str().to_owned(),
            ..told
        },
        contender: None,
        partial_until: Some(until).filter(|until| !whole && how.now < *until),
        traces: import.traces(&ready.policy).to_bytes(),
        through: None,
        end: None,
        again: false,
        carried: None,
        settings: Some(Arc::clone(&ready.settings)),
    }
}
