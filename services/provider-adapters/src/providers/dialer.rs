//! Telephony systems: what they recorded is fetched after the call, so nothing can be in the way beforehand.

use decision::Provider;
use decision::company::ProviderEntry;
use decision::provider::Adapter as Which;
use proto::provider::v1::Method;

use crate::adapter::{Adapter, Detail};
use crate::facts::Hosts;

/// The adapter.
#[derive(Debug)]
pub(crate) struct Dialer;

impl Adapter for Dialer {
    fn which(&self) -> Which {
        Which::Dialer
    }

    fn provider(&self) -> Option<Provider> {
        None
    }

    fn methods(&self) -> &'static [Method] {
        &[Method::DialerImport, Method::Upload]
    }

    fn describe(&self, _: &ProviderEntry, _: &Hosts) -> Vec<Detail> {
        vec![Detail::note(
            "which numbers are recorded is a matter of policy, not of this adapter",
            "see `settings.dialer.numbers` in the company file",
        )]
    }
}
