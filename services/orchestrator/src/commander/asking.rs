//! Handing commands to the peer that hosts their adapters: many in one request, and by parts where one of them is refused.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use chassis::{Link, chain};
use chrono::{DateTime, Utc};
use proto::provider::v1 as provider;
use proto::provider::v1::provider_adapter_service_client::ProviderAdapterServiceClient;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;
use tracing::warn;

use super::Commander;
use super::fate::{Fate, Lack, adapter_of, pause};
use super::orders::Dispatched;
use crate::gather::SharedPolicy;
use crate::store::{Claimed, Command, CommandKind};

type Client = ProviderAdapterServiceClient<Link>;

/// What is asked in one request, in the order in which it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Question {
    Withdraw,
    Instruct,
    Dispatch,
}

impl Question {
    const ALL: [Self; 3] = [Self::Withdraw, Self::Instruct, Self::Dispatch];

    const fn of(kind: CommandKind) -> Self {
        match kind {
            CommandKind::Dispatch => Self::Dispatch,
            CommandKind::Withdraw => Self::Withdraw,
            CommandKind::Instruct(_) => Self::Instruct,
        }
    }
}

/// A command that is asked, at its place among those that are handed over.
#[derive(Debug)]
struct Asked<'a> {
    place: usize,
    command: &'a Command,
    order: Option<Dispatched>,
}

impl Commander {
    /// Hands commands over to the peer that hosts their adapters, and notes what became of each at its place in `fates`.
    pub(super) async fn hand_over(
        &self,
        client: &Client,
        claimed: &Claimed,
        now: DateTime<Utc>,
        fates: &mut [Fate],
    ) {
        for question in Question::ALL {
            let commands = &claimed.commands;
            let asked: Vec<usize> = (0..)
                .zip(commands)
                .filter(|(_, command)| Question::of(command.kind) == question)
                .map(|(place, _)| place)
                .collect();
            if asked.is_empty() {
                continue;
            }
            let mut orders = match question {
                Question::Dispatch => self.orders(commands, now).await,
                Question::Withdraw | Question::Instruct => HashMap::new(),
            };
            // Last of all: what has fallen since it was claimed is not to be told.
            let held = match self.engine.calls.held_commands(claimed).await {
                Ok(held) => held,
                Err(error) => {
                    warn!(error = chain(&error), "nobody tells which orders still hold");
                    return;
                }
            };
            let mut parts: BTreeMap<i32, Vec<Asked<'_>>> = BTreeMap::new();
            for place in asked {
                let (Some(command), Some(fate)) = (commands.get(place), fates.get_mut(place))
                else {
                    continue;
                };
                if !held.contains(&command.id) {
                    *fate = Fate::Over("void");
                    continue;
                }
                let order = match orders.remove(&place) {
                    Some(Ok(order)) => Some(order),
                    Some(Err(instead)) => {
                        *fate = instead;
                        continue;
                    }
                    None if question == Question::Dispatch => continue,
                    None => None,
                };
                // A peer that hosts one adapter may not host another any more.
                parts.entry(command.adapter).or_default().push(Asked { place, command, order });
            }
            for part in parts.into_values() {
                self.ask_by_parts(client, question, part, now, fates).await;
            }
        }
    }

    /// Asks a peer. What it refuses for good is found by halves, so that it takes no other along.
    async fn ask_by_parts(
        &self,
        client: &Client,
        question: Question,
        asked: Vec<Asked<'_>>,
        now: DateTime<Utc>,
        fates: &mut [Fate],
    ) {
        let mut parts = vec![asked];
        while let Some(mut part) = parts.pop() {
            let refusal = match self.ask(client, question, &part).await {
                Ok(receipts) => {
                    // Nobody can tell which receipt is for what where their number is wrong.
                    let receipts = if receipts.len() == part.len() { receipts } else { Vec::new() };
                    for (one, receipt) in part.iter().zip(receipts) {
                        let fate = Fate::of(receipt, one.command);
                        if let (Some(found), Some(fate)) = (fates.get_mut(one.place), fate) {
                            *found = fate;
                        }
                    }
                    continue;
                }
                Err(refusal) => refusal,
            };
            let is_lasting = matches!(refusal.code(), Code::InvalidArgument | Code::OutOfRange);
            if is_lasting && part.len() > 1 {
                let later = part.split_off(part.len() / 2);
                parts.extend([later, part]);
                continue;
            }
            if does_not_host(&refusal)
                && let Some(first) = part.first()
            {
                let (adapter, orders) = (adapter_of(first.command), part.len());
                warn!(
                    adapter,
                    orders,
                    error = refusal.message(),
                    "a peer does not host an adapter"
                );
                for one in &part {
                    let later = now + pause(self.engine.retry, one.command);
                    if let Some(found) = fates.get_mut(one.place) {
                        *found = Fate::unserved(
                            one.command,
                            Lack::Host,
                            later,
                            self.settings.most_tries,
                        );
                    }
                }
                continue;
            }
            let is_of_company = refusal.code() == Code::FailedPrecondition;
            if is_of_company && let Some(companies) = by_company(&mut part) {
                parts.extend(companies);
                continue;
            }
            warn!(code = ?refusal.code(), orders = part.len(), "an adapter did not take orders");
            for one in part.iter().filter(|_| is_lasting) {
                let (company, call_id) = (&one.command.company, &one.command.call_id);
                warn!(company, call_id, error = refusal.message(), "an order is refused for good");
                if let Some(found) = fates.get_mut(one.place) {
                    *found = Fate::refused(one.command, now, self.settings.most_tries);
                }
            }
        }
    }

    /// Asks a peer; its receipts.
    async fn ask(
        &self,
        client: &Client,
        question: Question,
        asked: &[Asked<'_>],
    ) -> Result<Vec<i32>, Status> {
        match question {
            Question::Dispatch => self.dispatch(client, asked).await,
            Question::Withdraw => {
                let withdrawals = asked
                    .iter()
                    .map(|Asked { command, .. }| provider::Withdrawal {
                        attempt: Some(command.attempt()),
                        adapter: command.adapter,
                    })
                    .collect();
                let request = self.request(provider::WithdrawRequest { withdrawals });
                Ok(client.clone().withdraw(request).await?.into_inner().receipts)
            }
            Question::Instruct => {
                let instructions = asked
                    .iter()
                    .map(|Asked { command, .. }| provider::Instruction {
                        attempt: Some(command.attempt()),
                        adapter: command.adapter,
                        act: match command.kind {
                            CommandKind::Instruct(act) => act.into(),
                            CommandKind::Dispatch | CommandKind::Withdraw => 0,
                        },
                        number: command.number,
                    })
                    .collect();
                let request = self.request(provider::InstructRequest { instructions });
                Ok(client.clone().instruct(request).await?.into_inner().receipts)
            }
        }
    }

    /// Dispatches, after telling the peer by which policies where it does not know them.
    async fn dispatch(&self, client: &Client, asked: &[Asked<'_>]) -> Result<Vec<i32>, Status> {
        let known = || asked.iter().filter_map(|one| one.order.as_ref());
        let policies: Vec<&SharedPolicy> = known().filter_map(|one| one.policy.as_ref()).collect();
        let orders: Vec<provider::Order> = known().map(|one| one.order.clone()).collect();
        let ask = || async {
            let request = provider::DispatchRequest { orders: orders.clone() };
            client.clone().dispatch(self.request(request)).await
        };
        let mut answer = ask().await;
        if let Err(status) = &answer {
            let mut told = false;
            let mut seen = HashSet::new();
            for ready in policies {
                if seen.insert(Arc::clone(&ready.policy.company)) {
                    told |= self.engine.judges.introduce(client, ready, status).await;
                }
            }
            if told {
                answer = ask().await;
            }
        }
        Ok(answer?.into_inner().receipts)
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(self.engine.deadline);
        request
    }
}

/// Whether a peer says that it is there and does not host what it was asked for, rather than that it is not there.
fn does_not_host(status: &Status) -> bool {
    let reason = proto::error::v1::ErrorReason::PeerUnavailable.as_str_name();
    status.code() == Code::FailedPrecondition
        && status.get_details_error_info().is_some_and(|info| info.reason == reason)
}

/// Takes what is asked apart by company; none where it is of one.
fn by_company<'a>(asked: &mut Vec<Asked<'a>>) -> Option<Vec<Vec<Asked<'a>>>> {
    let first = asked.first()?.command.company.as_str();
    if asked.iter().all(|one| one.command.company == first) {
        return None;
    }
    let mut companies: BTreeMap<&'a str, Vec<Asked<'a>>> = BTreeMap::new();
    for one in asked.drain(..) {
        companies.entry(one.command.company.as_str()).or_default().push(one);
    }
    Some(companies.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_peer_cannot_take_of_one_company_is_asked_apart_from_the_others() {
        let of = |company: &str, id| Command {
            id,
            company: company.to_owned(),
            call_id: "a".to_owned(),
            plan_revision: 1,
            run: 0,
            kind: CommandKind::Dispatch,
            method: 0,
            adapter: 0,
            number: 0,
            due: DateTime::UNIX_EPOCH,
            tries: 1,
        };
        let commands = [of("acme", 1), of("other", 2), of("acme", 3)];
        let ask = |which: &[usize]| -> Vec<Asked<'_>> {
            let one =
                |place: &usize| Asked { place: *place, command: &commands[*place], order: None };
            which.iter().map(one).collect()
        };
        let parts = by_company(&mut ask(&[0, 1, 2])).unwrap_or_default();
        let places: Vec<Vec<usize>> =
            parts.iter().map(|part| part.iter().map(|one| one.place).collect()).collect();
        assert_eq!(places, [vec![0, 2], vec![1]]);
        // Of one company nothing is to be taken apart, and nothing is lost.
        let mut one = ask(&[0, 2]);
        assert!(by_company(&mut one).is_none());
        assert_eq!(one.len(), 2);
        assert!(by_company(&mut Vec::new()).is_none());
    }
}
