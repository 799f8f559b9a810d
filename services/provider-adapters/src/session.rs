//! What concerns sessions in the gRPC face: orders, withdrawals, instructions, and signals.

use std::sync::Arc;

use chassis::Clock;
use proto::Invalid;
use proto::provider::v1;

use crate::attempts::{Attempt, Change, Instruction, News, Order, Receipt, Withdrawal};
use crate::carry::Carriers;
use crate::error::Error;
use crate::journal::{Journal, Kept};
use crate::providers::Hosted;

/// Entries of one request.
const BATCH: usize = 1000;

/// Takes orders, and what is told of them.
#[derive(Debug, Clone)]
pub(crate) struct Sessions {
    /// Where it is kept.
    pub(crate) journal: Journal,
    /// Who carries plans out.
    pub(crate) carriers: Carriers,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
}

/// Reads each entry of a list, and names the one that is wrong.
fn each<W, T>(
    list: &'static str,
    entries: Vec<W>,
    read: impl Fn(W) -> Result<T, Invalid>,
) -> Result<Vec<T>, Error> {
    Invalid::limit(list, entries.len(), BATCH)?;
    let entries = entries.into_iter().enumerate();
    entries
        .map(|(place, entry)| read(entry).map_err(|invalid| Error::Entry { list, place, invalid }))
        .collect()
}

/// Receipts as they are sent.
fn to_wire(receipts: Vec<Receipt>) -> Vec<i32> {
    receipts.into_iter().map(|receipt| v1::Receipt::from(receipt).into()).collect()
}

impl Sessions {
    /// Keeps orders.
    pub(crate) async fn dispatch(
        &self,
        request: v1::DispatchRequest,
        hosted: &Hosted,
    ) -> Result<v1::DispatchResponse, Error> {
        let orders = each("orders", request.orders, Order::try_from)?;
        let mut kept = Vec::with_capacity(orders.len());
        for order in orders {
            let which = order.adapter;
            if hosted.get(which).is_none() {
                let hosted = hosted.names();
                return Err(Error::NotHosted { adapter: which.as_str(), hosted });
            }
            let carrier = self.carriers.serving(&order.attempt.company, which, order.method);
            let connection = carrier.map(|name| self.carriers.connection(name, &order));
            kept.push(Kept { order, carrier, connection: connection.unwrap_or_default() });
        }
        let receipts = self.journal.dispatch(&kept, self.clock.now()).await?;
        Ok(v1::DispatchResponse { receipts: to_wire(receipts) })
    }

    /// Keeps withdrawals.
    pub(crate) async fn withdraw(
        &self,
        request: v1::WithdrawRequest,
    ) -> Result<v1::WithdrawResponse, Error> {
        let withdrawals = each("withdrawals", request.withdrawals, Withdrawal::try_from)?;
        let receipts = self.journal.withdraw(&withdrawals, self.clock.now()).await?;
        Ok(v1::WithdrawResponse { receipts: to_wire(receipts) })
    }

    /// Keeps instructions.
    pub(crate) async fn instruct(
        &self,
        request: v1::InstructRequest,
    ) -> Result<v1::InstructResponse, Error> {
        let instructions = each("instructions", request.instructions, Instruction::try_from)?;
        let receipts = self.journal.instruct(&instructions, self.clock.now()).await?;
        Ok(v1::InstructResponse { receipts: to_wire(receipts) })
    }

    /// Keeps signals of whoever carries plans out.
    pub(crate) async fn submit(
        &self,
        request: v1::SubmitSignalRequest,
    ) -> Result<v1::SubmitSignalResponse, Error> {
        let now = self.clock.now();
        let news = each("signals", request.signals, |wire| News::read(wire, now))?;
        let attempts: Vec<Attempt> = news.iter().map(|one| one.attempt.clone()).collect();
        let known = self.journal.known(&attempts).await?;
        if let Some(place) = attempts.iter().position(|attempt| !known.contains(attempt)) {
            return Err(Error::UnknownAttempt { place });
        }
        let changes: Vec<Change> = news.into_iter().map(Change::Told).collect();
        let taken = self.journal.tell(&changes).await?;
        Ok(v1::SubmitSignalResponse { taken: u32::try_from(taken).unwrap_or(u32::MAX) })
    }
}
