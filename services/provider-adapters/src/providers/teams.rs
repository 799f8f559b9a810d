//! A bot in Microsoft Teams: whether a guest gets in is for the host's policies to say.

use decision::Provider;
use decision::company::ProviderEntry;
use decision::provider::Adapter as Which;
use proto::provider::v1::Method;

use crate::adapter::{Adapter, Detail, guest};
use crate::facts::Hosts;

/// The adapter.
#[derive(Debug)]
pub(crate) struct Teams;

impl Adapter for Teams {
    fn which(&self) -> Which {
        Which::Teams
    }

    fn provider(&self) -> Option<Provider> {
        Some(Provider::Teams)
    }

    fn methods(&self) -> &'static [Method] {
        &[Method::Bot]
    }

    fn describe(&self, setup: &ProviderEntry, _: &Hosts) -> Vec<Detail> {
        guest(
            setup,
            "teams",
            "an obligation to sign in, a lobby or a check that it is a person may keep out",
        )
        .into_iter()
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bot_without_a_user_of_its_own_is_a_warning() {
        let hosts = Hosts::new(Vec::new());
        let guest = ProviderEntry { enabled: true, ..ProviderEntry::default() };
        let known = ProviderEntry { authenticated_bot: true, ..guest.clone() };
        assert!(Teams.describe(&guest, &hosts)[0].to_string().contains("authenticated_bot: true"));
        assert!(Teams.describe(&known, &hosts).is_empty());
    }
}
