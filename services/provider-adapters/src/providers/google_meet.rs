//! A bot in Google Meet: a guest has to be let in by somebody.

use decision::Provider;
use decision::company::ProviderEntry;
use decision::provider::Adapter as Which;
use proto::provider::v1::Method;

use crate::adapter::{Adapter, Detail, guest};
use crate::facts::Hosts;

/// The adapter.
#[derive(Debug)]
pub(crate) struct GoogleMeet;

impl Adapter for GoogleMeet {
    fn which(&self) -> Which {
        Which::GoogleMeet
    }

    fn provider(&self) -> Option<Provider> {
        Some(Provider::GoogleMeet)
    }

    fn methods(&self) -> &'static [Method] {
        &[Method::Bot]
    }

    fn describe(&self, setup: &ProviderEntry, _: &Hosts) -> Vec<Detail> {
        guest(setup, "google_meet", "somebody of the meeting has to let in").into_iter().collect()
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
        assert!(
            GoogleMeet.describe(&guest, &hosts)[0].to_string().contains("authenticated_bot: true")
        );
        assert!(GoogleMeet.describe(&known, &hosts).is_empty());
    }
}
