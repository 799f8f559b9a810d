//! Looks after the fleets connected here: offers them what nobody has, tells them what they are to do, and gives up what
//! those have that are gone.

use chassis::chain;
use chrono::TimeDelta;
use proto::provider::v1;
use proto::provider::v1::serve_response;
use proto::time;
use tokio::time::Instant;
use tracing::warn;

use super::{Fleets, offer, withdrawal};
use crate::error::Error;
use crate::journal::{Due, WorkKind};

/// Offers made to one stream at once.
const OFFERS: u32 = 100;

impl Fleets {
    /// Minds until shutdown.
    pub(crate) async fn run(self) {
        if !self.settings.enabled {
            return self.shutdown.cancelled().await;
        }
        let span = |span| TimeDelta::from_std(span).unwrap_or(TimeDelta::MAX);
        let began = Instant::now();
        loop {
            tokio::select! {
                () = self.shutdown.cancelled() => return,
                () = self.journal.fleets_came() => {}
                () = tokio::time::sleep(self.settings.poll) => {}
            }
            let now = self.clock.now();
            // Fleets could not tell us that they are there while nobody listened.
            let since = if began.elapsed() > self.settings.gone {
                now.checked_sub_signed(span(self.settings.gone))
            } else {
                None
            };
            let minded = async {
                if let Some(since) = since {
                    let lost = self.journal.lose_fleets(since, now).await?;
                    if lost > 0 {
                        warn!(attempts = lost, "fleets of bots are gone");
                    }
                }
                let (offers, messages) =
                    (self.journal.has_offers().await?, self.journal.has_messages().await?);
                if offers || messages {
                    self.journal.miss_offers(now).await?;
                }
                if offers {
                    self.make_offers().await?;
                }
                if messages {
                    self.tell_them().await?;
                }
                Ok::<_, Error>(())
            };
            if let Err(error) = minded.await {
                warn!(error = chain(&error), "fleets of bots could not be looked after");
            }
        }
    }

    /// Offers what nobody has to streams with room, a fair share to each.
    async fn make_offers(&self) -> Result<(), Error> {
        let now = self.clock.now();
        let until =
            now + TimeDelta::from_std(self.settings.offer).unwrap_or(TimeDelta::seconds(10));
        let open: Vec<_> = {
            let lines = self.lines.lock();
            let mut open: Vec<_> = lines
                .iter()
                .filter(|(_, open)| open.free > 0 && open.told.capacity() > 0)
                .map(|(number, open)| {
                    (*number, open.fleet.clone(), open.adapters.clone(), open.free)
                })
                .collect();
            // Whoever has most room first.
            open.sort_by_key(|(number, .., free)| (std::cmp::Reverse(*free), *number));
            open
        };
        for (number, fleet, adapters, free) in open {
            let limit = u64::from(free.min(OFFERS));
            for order in self.journal.offer(&fleet, &adapters, limit, now, until).await? {
                let told =
                    v1::Offer { order: Some((&order).into()), until: Some(time::to_wire(until)) };
                self.lines.with(number, |open| {
                    open.free = open.free.saturating_sub(1);
                    // One that cannot be told lapses, and is offered again.
                    drop(open.told.try_send(Ok(offer(told))));
                });
            }
        }
        Ok(())
    }

    /// Tells fleets what they are to do in attempts they have.
    async fn tell_them(&self) -> Result<(), Error> {
        let fleets: Vec<String> = {
            let lines = self.lines.lock();
            let mut fleets: Vec<String> = lines.values().map(|open| open.fleet.id()).collect();
            fleets.sort_unstable();
            fleets.dedup();
            fleets
        };
        if fleets.is_empty() {
            return Ok(());
        }
        // Told again when the claim is over, unless the fleet has shown that it listens.
        let lease = self.settings.heartbeat * 3;
        let messages = self.journal.claim_messages(&fleets, self.clock.now(), lease).await?;
        let mut lines = self.lines.lock();
        for (due, fleet) in messages {
            let of = |open: &&mut super::Open| open.fleet.id() == fleet;
            // The stream that has the attempt, or else any of the fleet.
            let attempt = &due.order.attempt;
            let has = lines.values_mut().filter(|open| open.fleet.id() == fleet);
            let line = has.max_by_key(|open| open.known.contains_key(attempt));
            let Some(open) = line.filter(of) else { continue };
            if open.told.try_send(Ok(message(&due))).is_ok() {
                open.unconfirmed.push((due, Instant::now()));
            }
        }
        Ok(())
    }
}

fn message(due: &Due) -> v1::ServeResponse {
    let attempt = &due.order.attempt;
    let adapter = v1::Adapter::from(due.order.adapter).into();
    match due.kind {
        WorkKind::Carry | WorkKind::Withdraw => withdrawal(attempt, adapter),
        WorkKind::Act(act) => {
            let instruction = v1::Instruction {
                attempt: Some(attempt.into()),
                adapter,
                act: act.into(),
                number: due.number,
            };
            v1::ServeResponse { told: Some(serve_response::Told::Instruction(instruction)) }
        }
    }
}
