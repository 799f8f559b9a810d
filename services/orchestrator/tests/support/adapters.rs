//! Adapters that keep to the contract and do nothing but what a test says: they note what they are told, fence what is older,
//! and tell what the test has them tell.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use proto::provider::v1 as provider;
use proto::time::to_wire;

/// The call of an attempt, and its place among all of the call.
type Key = ((String, String), (u64, u32));

/// What the adapters have been told, and tell.
#[derive(Debug, Default)]
pub(crate) struct Adapters {
    /// Orders, as they were accepted.
    pub(crate) orders: Vec<provider::Order>,
    /// Attempts that were taken back.
    pub(crate) withdrawn: Vec<provider::Attempt>,
    /// Instructions, as they were accepted.
    pub(crate) instructions: Vec<provider::Instruction>,
    /// Orders that came again.
    pub(crate) repeated: usize,
    /// Adapters that never answer an order.
    pub(crate) hanging: Vec<provider::Adapter>,
    /// Conferences of which they take no order.
    pub(crate) refused: Vec<String>,
    /// They have lost what they knew of attempts.
    pub(crate) forgetful: bool,
    /// Adapters that are not hosted.
    pub(crate) unhosted: Vec<provider::Adapter>,
    newest: BTreeMap<(String, String), (u64, u32)>,
    news: Vec<provider::watch_signals_response::News>,
}

fn key(attempt: &provider::Attempt) -> Key {
    let call = (attempt.company.clone(), attempt.call_id.clone());
    (call, (attempt.plan_revision, attempt.run))
}

impl Adapters {
    /// Whether they take an order at all.
    pub(crate) fn takes(&self, order: &provider::Order) -> bool {
        let is_refused = order
            .conference
            .as_ref()
            .is_some_and(|conference| self.refused.contains(&conference.id));
        let is_empty = order.method() == provider::Method::Upload && order.upload.is_none();
        !is_refused && !is_empty
    }

    pub(crate) fn dispatch(&mut self, order: provider::Order) -> provider::Receipt {
        let attempt = order.attempt.clone().unwrap();
        let (call, place) = key(&attempt);
        if self.orders.iter().any(|known| known.attempt == order.attempt) {
            self.repeated += 1;
            return provider::Receipt::Repeated;
        }
        let newest = self.newest.entry(call).or_default();
        if *newest > place || self.withdrawn.contains(&attempt) {
            return provider::Receipt::Fenced;
        }
        *newest = place;
        self.orders.push(order);
        provider::Receipt::Accepted
    }

    pub(crate) fn withdraw(&mut self, withdrawal: provider::Withdrawal) -> provider::Receipt {
        let attempt = withdrawal.attempt.unwrap();
        if self.withdrawn.contains(&attempt) {
            return provider::Receipt::Repeated;
        }
        let is_known = self.orders.iter().any(|order| order.attempt.as_ref() == Some(&attempt));
        self.withdrawn.push(attempt);
        if is_known { provider::Receipt::Accepted } else { provider::Receipt::Unknown }
    }

    pub(crate) fn instruct(&mut self, instruction: provider::Instruction) -> provider::Receipt {
        let is_known = self.orders.iter().any(|order| order.attempt == instruction.attempt);
        if self.forgetful || !is_known {
            return provider::Receipt::Unknown;
        }
        if self.instructions.contains(&instruction) {
            return provider::Receipt::Repeated;
        }
        self.instructions.push(instruction);
        provider::Receipt::Accepted
    }

    /// Tells something of the newest attempt of a call.
    pub(crate) fn tell(&mut self, company: &str, call: &str, signal: &str, at: DateTime<Utc>) {
        let (plan_revision, run) = self.newest[&(company.to_owned(), call.to_owned())];
        let attempt = provider::Attempt {
            company: company.to_owned(),
            call_id: call.to_owned(),
            plan_revision,
            run,
        };
        self.tell_all(provider::Signal {
            attempt: Some(attempt),
            signal: signal.to_owned(),
            at: Some(to_wire(at)),
            ..provider::Signal::default()
        });
    }

    /// Tells a signal.
    pub(crate) fn tell_all(&mut self, signal: provider::Signal) {
        self.news.push(provider::watch_signals_response::News::Signal(signal));
    }

    /// Tells of a telephone call.
    pub(crate) fn phoned(&mut self, call: provider::PhoneCall) {
        self.news.push(provider::watch_signals_response::News::PhoneCall(call));
    }

    /// Tells that something has changed.
    pub(crate) fn changed(&mut self, facts: provider::FactsChanged) {
        self.news.push(provider::watch_signals_response::News::FactsChanged(facts));
    }

    /// Everything told after a position.
    pub(crate) fn news_after(&self, cursor: u64) -> Vec<(u64, provider::WatchSignalsResponse)> {
        (1..)
            .zip(&self.news)
            .filter(|(at, _)| *at > cursor)
            .map(|(at, news)| {
                (at, provider::WatchSignalsResponse { cursor: at, news: Some(news.clone()) })
            })
            .collect()
    }
}
