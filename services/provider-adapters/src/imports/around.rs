//! A carrier whose recordings are imported here.

use std::sync::Arc;

use async_trait::async_trait;
use chassis::chain;
use decision::provider::Adapter as Which;
use proto::provider::v1::{Act, Method};
use tracing::warn;

use super::{Imports, unkept};
use crate::attempts::Order;
use crate::carry::{Carrier, Job, Told, Trouble};

/// A carrier; fetching is not its, and discarding not its alone.
#[derive(Debug)]
pub(super) struct Importing {
    carrier: Arc<dyn Carrier>,
    imports: Imports,
    /// Somebody knows where its recordings are.
    has_source: bool,
}

impl Importing {
    pub(super) fn new(carrier: Arc<dyn Carrier>, imports: Imports, has_source: bool) -> Self {
        Self { carrier, imports, has_source }
    }
}

#[async_trait]
impl Carrier for Importing {
    fn name(&self) -> &'static str {
        self.carrier.name()
    }

    fn serves(&self, company: &str, adapter: Which, method: Method) -> bool {
        self.carrier.serves(company, adapter, method)
    }

    fn connection(&self, order: &Order) -> Option<&str> {
        self.carrier.connection(order)
    }

    fn connections(&self) -> Vec<String> {
        self.carrier.connections()
    }

    async fn carry(&self, job: &Job) -> Result<Told, Trouble> {
        self.carrier.carry(job).await
    }

    async fn withdraw(&self, job: &Job) -> Result<Told, Trouble> {
        self.carrier.withdraw(job).await
    }

    async fn act(&self, job: &Job, act: Act) -> Result<Told, Trouble> {
        let kept = match act {
            Act::Fetch if self.has_source => {
                let wanted = self.imports.want(job, self.name()).await;
                return wanted.map(|()| Told::default()).map_err(|error| {
                    warn!(error = chain(&error), "an import could not be kept");
                    unkept(job.order.method)
                });
            }
            Act::Discard => self.imports.discard(job, self.name()).await,
            Act::Unspecified
            | Act::AskPermission
            | Act::Announce
            | Act::StartRecording
            | Act::StartLiveRecording
            | Act::CheckMeeting
            | Act::CheckFiles
            | Act::Fetch
            | Act::Stop => Ok(()),
        };
        kept.map_err(|error| {
            warn!(error = chain(&error), "a deletion could not be kept");
            unkept(job.order.method)
        })?;
        self.carrier.act(job, act).await
    }
}
