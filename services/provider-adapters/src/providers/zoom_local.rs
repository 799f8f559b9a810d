//! A bot in Zoom: it records locally with the host's permission, or captures what it sees and hears.

use decision::Provider;
use decision::company::{Method as Chosen, ProviderEntry};
use decision::provider::Adapter as Which;
use proto::provider::v1::Method;

use crate::adapter::{Adapter, Detail, guest, members};
use crate::facts::Hosts;

/// The adapter.
#[derive(Debug)]
pub(crate) struct ZoomLocal;

impl Adapter for ZoomLocal {
    fn which(&self) -> Which {
        Which::ZoomLocal
    }

    fn provider(&self) -> Option<Provider> {
        Some(Provider::Zoom)
    }

    fn methods(&self) -> &'static [Method] {
        &[Method::Local, Method::Bot]
    }

    fn describe(&self, setup: &ProviderEntry, hosts: &Hosts) -> Vec<Detail> {
        let mut details: Vec<Detail> =
            guest(setup, "zoom", "a waiting room or an obligation to sign in may keep out")
                .into_iter()
                .collect();
        if setup.method.unwrap_or_default() == Chosen::Bot {
            return details;
        }
        let off = hosts.iter().filter(|host| host.zoom.local_recording == Some(false)).count();
        let unknown = hosts.iter().filter(|host| host.zoom.local_recording.is_none()).count();
        details.extend(
            members(
                off,
                "has recording to computer files switched off at Zoom",
                "have recording to computer files switched off at Zoom",
            )
            .map(|problem| {
                Detail::warning(
                    problem,
                    "switch it on at Zoom; the bot cannot record what they host",
                )
            }),
        );
        details.extend(
            members(
                unknown,
                "has a setting for recording to computer files that is not known",
                "have a setting for recording to computer files that is not known",
            )
            .map(|problem| Detail::warning(problem, "fill in `members[].zoom.local_recording`")),
        );
        details
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Host;
    use decision::company::ZoomFacts;

    fn details(method: Chosen) -> Vec<String> {
        let setup = ProviderEntry {
            enabled: true,
            method: Some(method),
            authenticated_bot: true,
            ..ProviderEntry::default()
        };
        let hosts = Hosts::new(vec![
            Host {
                member: "ada".into(),
                emails: Vec::new(),
                zoom: ZoomFacts { local_recording: Some(false), ..ZoomFacts::default() },
            },
            Host { member: "bob".into(), emails: Vec::new(), zoom: ZoomFacts::default() },
        ]);
        ZoomLocal.describe(&setup, &hosts).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn local_recording_matters_unless_the_bot_only_captures() {
        assert_eq!(details(Chosen::Local).len(), 2);
        assert_eq!(details(Chosen::Native).len(), 2);
        assert!(details(Chosen::Bot).is_empty());
    }
}
