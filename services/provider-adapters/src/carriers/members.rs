//! Whom an order is about, and what their company has set: the facts of the policy version it was decided by.

use std::sync::Arc;

use decision::company::ProviderEntry;
use decision::session::Signal;

use super::line::unwritten;
use crate::attempts::Order;
use crate::carry::Trouble;
use crate::error::Error;
use crate::facts::Known;
use crate::gather::Gather;

/// Looks members up.
#[derive(Debug, Clone)]
pub(super) struct Members(pub(super) Arc<Gather>);

impl Members {
    /// The facts an order was decided by; the newest where they are not kept any more, and none where there never were any.
    pub(super) async fn facts(
        &self,
        order: &Order,
        then: Signal,
    ) -> Result<Option<Arc<Known>>, Trouble> {
        let company = &order.attempt.company;
        match self.0.facts(company, order.policy_version).await {
            Ok(known) => Ok(Some(known)),
            Err(Error::UnknownVersion { .. }) => match self.0.newest(company).await {
                Ok(newest) => Ok(newest.map(|(_, known)| known)),
                Err(error) => Err(unwritten(error, then)),
            },
            Err(error) => Err(unwritten(error, then)),
        }
    }
}

/// The address of a member at Zoom.
pub(super) fn address(known: Option<&Known>, member: &str) -> Option<String> {
    let host = known?.host(member)?;
    host.zoom.email.clone().or_else(|| host.emails.first().cloned())
}

/// What a company has set for the provider of an order.
pub(super) fn setup<'a>(known: Option<&'a Known>, order: &Order) -> Option<&'a ProviderEntry> {
    known?.setup(order.conference.as_ref()?.provider)
}
