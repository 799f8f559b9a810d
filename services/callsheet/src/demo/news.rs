//! What is told of calls of the demo: by bots over the stream of their fleet, by a telephone system to the adapters.

use std::time::Instant;

use chassis::Clock as _;
use chrono::TimeDelta;
use proto::provider::v1 as provider;
use proto::time::to_wire;

use super::PATIENCE;
use super::player::{LOOK, Player};
use crate::error::Error;

impl Player {
    /// Whoever carries a call out tells of it: a bot over the stream of its fleet, a telephone system by itself.
    pub(super) async fn tell(
        &mut self,
        place: usize,
        after: Option<provider::Act>,
        signal: &str,
        length: Option<i64>,
    ) -> Result<(), Error> {
        let at = self.clock.now();
        let Some(call) = self.calls.get_mut(place) else { return Ok(()) };
        let halted = || Error::Halted("a call is played that nobody carries out".to_owned());
        let attempt = call.attempt().ok_or_else(halted)?;
        call.length = length.map(TimeDelta::seconds).or(call.length);
        let is_call = call.seen.is_telephone();
        self.signals += 1;
        let told = provider::Signal {
            attempt: Some(attempt.clone()),
            signal: signal.to_owned(),
            at: Some(to_wire(at)),
            length: length.map(|seconds| prost_types::Duration { seconds, nanos: 0 }),
            key: format!("demo {}", self.signals),
            ..provider::Signal::default()
        };
        if is_call {
            let request = provider::SubmitSignalRequest { signals: vec![told] };
            return self.submit(request).await;
        }
        self.fleet.has(&attempt).await?;
        if let Some(act) = after {
            self.fleet.told(&attempt, act).await?;
        }
        self.fleet.tell(told).await
    }

    /// Tells of a telephone call, once its order has reached the adapter.
    async fn submit(&mut self, request: provider::SubmitSignalRequest) -> Result<(), Error> {
        let began = Instant::now();
        loop {
            let Err(refused) = self.adapters.submit_signal(request.clone()).await else {
                return Ok(());
            };
            if began.elapsed() > PATIENCE {
                return Err(Error::refused("tell of a telephone call")(refused));
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
