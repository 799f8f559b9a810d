//! Following what adapters tell: signals of sessions, telephone calls that nobody registered, and facts that have changed.
//!
//! The holder of the lease reads the log of each peer that hosts adapters. Signals are told to their sessions in the
//! transaction in which it is noted how far the log has been followed, so each is told once, whoever dies when.

use std::collections::{BTreeMap, BTreeSet};

use chassis::metrics::{self, Counter};
use chrono::{DateTime, TimeDelta, Utc};
use decision::session::people::{Present, Roster, seen};
use decision::session::{Heard, Raw, Signal};
use feed::Notice;
use futures::StreamExt as _;
use proto::provider::v1 as provider;
use proto::time;
use storage::Lease;
use tracing::warn;

use crate::engine::Engine;
use crate::error::Error;
use crate::follow::{FACTS, Follower, batches, split};
use crate::gather::SharedPolicy;
use crate::store::Told;

/// What a signal is called that tells who is there.
const ROSTER: &str = "roster";

/// What one is called that tells who took part, when all is over.
const WHOLE_ROSTER: &str = "whole_roster";

/// The longest text of a provider that is taken over, in bytes.
const LONGEST: usize = 400;

/// News of adapters that could not be made use of, by `why`: `unreadable` names no session, or is a telephone call that lacks something,
/// `unknown_company` a telephone call of nobody's.
pub(crate) static PASSED_OVER: Counter = metrics::counter("callsheet.session.news.passed_over");

impl Follower {
    /// Follows all peers that host adapters.
    pub(crate) async fn signals(&self, lease: &Lease) {
        let mut following = Vec::new();
        for (place, name) in self.engine.adapter_names.iter().enumerate() {
            let follow = move || self.signals_of(lease, place, name);
            following.push(self.forever("signals", follow));
        }
        futures::future::join_all(following).await;
        // Without any there is nothing to follow, and nothing to end for.
        std::future::pending::<()>().await;
    }

    async fn signals_of(&self, lease: &Lease, place: usize, name: &str) -> Result<(), Error> {
        let engine = &self.engine;
        let Some(client) = engine.judges.adapter_peers().get(place) else { return Ok(()) };
        let followed = format!("signals/{name}");
        let cursor = engine.calls.progress(&followed).await?;
        let request = provider::WatchSignalsRequest {
            company: String::new(),
            cursor,
            until_caught_up: false,
        };
        let silent = |status| Error::Peer { peer: "provider-adapters", source: Box::new(status) };
        let news = client.clone().watch_signals(request).await.map_err(silent)?.into_inner();
        let mut news = batches(news);
        while let Some(chunk) = news.next().await {
            let (news, failed) = split(chunk);
            let newest = news.iter().map(|one| one.cursor).max();
            let mut signals = Vec::with_capacity(news.len());
            let mut calls = Vec::new();
            let mut changed = Vec::new();
            for one in news {
                match one.news {
                    Some(provider::watch_signals_response::News::Signal(signal)) => {
                        signals.push(signal);
                    }
                    Some(provider::watch_signals_response::News::PhoneCall(call)) => {
                        calls.push(call);
                    }
                    Some(provider::watch_signals_response::News::FactsChanged(facts)) => {
                        changed.push(facts);
                    }
                    // Of a newer version.
                    None => PASSED_OVER.add(1, &[("why", "unreadable")]),
                }
            }
            for facts in merged(changed) {
                self.publish(&engine.facts_changed(&facts).await?).await;
            }
            engine.phone_calls_told(calls).await?;
            let told = engine.told(signals).await?;
            if let Some(newest) = newest {
                engine.follow(&told, (lease, &followed, newest)).await?;
            }
            if let Some(status) = failed {
                return Err(silent(status));
            }
        }
        Ok(())
    }
}

impl Engine {
    /// Signals as sessions hear them, in their order.
    ///
    /// # Errors
    /// The store, where a policy cannot be read from it for the moment by which a roster is told: who must never be recorded
    /// must not be overlooked.
    pub(crate) async fn told(&self, signals: Vec<provider::Signal>) -> Result<Vec<Told>, Error> {
        let now = self.clock.now();
        let mut policies: BTreeMap<String, Option<SharedPolicy>> = BTreeMap::new();
        for signal in signals.iter().filter(|signal| is_roster(signal)) {
            let Some(attempt) = &signal.attempt else { continue };
            if !policies.contains_key(&attempt.company) {
                let ready = match self.policies.known(&attempt.company).await {
                    Ok(ready) => Some(ready),
                    Err(error @ Error::Storage(_)) if !error.is_lasting() => return Err(error),
                    Err(error) => {
                        let (company, error) = (&attempt.company, chassis::chain(&error));
                        warn!(company, error, "a roster is told without a policy");
                        None
                    }
                };
                policies.insert(attempt.company.clone(), ready);
            }
        }
        let told = signals
            .into_iter()
            .filter_map(|signal| {
                let company = signal.attempt.as_ref().map(|attempt| attempt.company.as_str());
                let ready = company.and_then(|company| policies.get(company)?.as_ref());
                let told = told_of(signal, ready, now);
                if told.is_none() {
                    PASSED_OVER.add(1, &[("why", "unreadable")]);
                }
                told
            })
            .collect();
        Ok(told)
    }

    /// Facts at a provider have changed from which plans were made: notices of the calls that are to be decided again.
    ///
    /// # Errors
    /// The store.
    pub(crate) async fn facts_changed(
        &self,
        facts: &provider::FactsChanged,
    ) -> Result<Vec<Notice>, Error> {
        let now = self.clock.now();
        let ids = self.calls.hosted(&facts.company, facts.provider, &facts.members, now).await?;
        let revision = u64::try_from(now.timestamp_micros()).unwrap_or_default();
        Ok(ids
            .into_iter()
            .map(|call_id| Notice {
                topic: FACTS.to_owned(),
                company: facts.company.clone(),
                subject: call_id,
                revision,
                note: String::new(),
            })
            .collect())
    }
}

/// What has changed, once for each provider of a company: a change of an account is told of each of its people.
fn merged(changed: Vec<provider::FactsChanged>) -> Vec<provider::FactsChanged> {
    let mut of: BTreeMap<(String, i32), Option<BTreeSet<String>>> = BTreeMap::new();
    for facts in changed {
        let members =
            of.entry((facts.company, facts.provider)).or_insert_with(|| Some(BTreeSet::new()));
        match members {
            // Nobody is named: it concerns all.
            Some(_) if facts.members.is_empty() => *members = None,
            Some(members) => members.extend(facts.members),
            None => {}
        }
    }
    of.into_iter()
        .map(|((company, provider), members)| provider::FactsChanged {
            company,
            provider,
            members: members.into_iter().flatten().collect(),
        })
        .collect()
}

fn is_roster(signal: &provider::Signal) -> bool {
    signal.signal == ROSTER || signal.signal == WHOLE_ROSTER
}

/// A signal as its session hears it; none if it names no session.
fn told_of(
    signal: provider::Signal,
    ready: Option<&SharedPolicy>,
    now: DateTime<Utc>,
) -> Option<Told> {
    let attempt = signal.attempt.as_ref()?;
    if attempt.call_id.is_empty() || attempt.plan_revision == 0 {
        return None;
    }
    let at = time::optional("signal.at", signal.at.as_ref()).ok().flatten().unwrap_or(now);
    let run = u8::try_from(attempt.run).ok();
    let sequence = signal.sequence;
    let heard = |neutral| Heard { sequence, run, ..Heard::new(neutral, at) };
    let (said, if_requested) = match Signal::from_name(&signal.signal) {
        Some(neutral) => {
            let raw =
                signal.raw.as_ref().filter(|_| is_unmapped(neutral)).map(|raw| raw_of(raw, at));
            let length = signal.length.as_ref().and_then(length_of);
            (vec![Heard { raw, length, ..heard(neutral) }], None)
        }
        None if is_roster(&signal) => {
            let is_whole = signal.signal == WHOLE_ROSTER;
            let said = |requested| -> Vec<Heard> {
                let signals = roster(&signal.roster, is_whole, ready, requested);
                signals.into_iter().map(heard).collect()
            };
            (said(false), Some(said(true)))
        }
        // An adapter of a newer version, or one of somebody else's.
        None => {
            let raw = signal.raw.as_ref().map_or_else(
                || Raw {
                    observed_at: at,
                    provider: "adapter".to_owned(),
                    raw_code: cut(&signal.signal),
                    raw_text: String::new(),
                },
                |raw| raw_of(raw, at),
            );
            (vec![Heard { raw: Some(raw), ..heard(Signal::Unreadable) }], None)
        }
    };
    Some(Told {
        company: attempt.company.clone(),
        call_id: attempt.call_id.clone(),
        plan_revision: attempt.plan_revision,
        heard: said,
        if_requested,
    })
}

/// Whether a signal says that nobody has mapped its raw code.
fn is_unmapped(signal: Signal) -> bool {
    matches!(signal, Signal::Unreadable | Signal::FailedUnreadable | Signal::FailedUnexplained)
}

/// What a roster says. Who is of the company is told by its policy; without one only a host is known.
fn roster(
    people: &[provider::Person],
    whole: bool,
    ready: Option<&SharedPolicy>,
    requested: bool,
) -> Vec<Signal> {
    let mut signals = Vec::new();
    if people.iter().any(|person| person.is_host && !person.is_recorder) {
        signals.push(Signal::HostJoined);
    }
    if let Some(ready) = ready {
        let present: Vec<Present<'_>> = people
            .iter()
            .map(|person| Present {
                address: Some(person.address.as_str()).filter(|address| !address.is_empty()),
                is_recorder: person.is_recorder,
                same_organisation: person.same_organisation,
            })
            .collect();
        let roster = Roster { people: &present, whole };
        let said = seen(&ready.policy, requested, &roster);
        signals.extend(said.into_iter().map(|one| one.signal));
    }
    signals
}

fn raw_of(raw: &provider::RawCode, at: DateTime<Utc>) -> Raw {
    Raw {
        observed_at: time::optional("raw.observed_at", raw.observed_at.as_ref())
            .ok()
            .flatten()
            .unwrap_or(at),
        provider: cut(&raw.provider),
        raw_code: cut(&raw.code),
        raw_text: cut(&raw.text),
    }
}

fn length_of(length: &prost_types::Duration) -> Option<TimeDelta> {
    TimeDelta::new(length.seconds, u32::try_from(length.nanos).ok()?)
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST / 4).collect()
}
