//! Zoom cloud recording: nobody joins, so everything depends on the host's licence and settings.

use decision::Provider;
use decision::company::{Method as Chosen, ProviderEntry};
use decision::provider::Adapter as Which;
use proto::provider::v1::Method;

use crate::adapter::{Adapter, Detail, members};
use crate::facts::Hosts;

/// The adapter.
#[derive(Debug)]
pub(crate) struct ZoomNative;

impl Adapter for ZoomNative {
    fn which(&self) -> Which {
        Which::ZoomNative
    }

    fn provider(&self) -> Option<Provider> {
        Some(Provider::Zoom)
    }

    fn methods(&self) -> &'static [Method] {
        &[Method::Native]
    }

    fn describe(&self, setup: &ProviderEntry, hosts: &Hosts) -> Vec<Detail> {
        let chosen = setup.method.unwrap_or_default();
        if chosen != Chosen::Native {
            return vec![Detail::note(
                format!(
                    "Zoom calls are recorded by the method `{}`, not by this one",
                    chosen.as_str()
                ),
                "set `settings.providers.zoom.method: native` to change that",
            )];
        }
        let count = |wanted: fn(&decision::company::ZoomFacts) -> bool| {
            hosts.iter().filter(|host| wanted(&host.zoom)).count()
        };
        let unknown = count(|zoom| {
            zoom.email.is_none()
                || zoom.licensed.is_none()
                || zoom.auto_recording.is_none()
                || zoom.active.is_none()
        });
        let unable =
            count(|zoom| zoom.licensed == Some(false) || zoom.auto_recording == Some(false));
        let inactive = count(|zoom| zoom.active == Some(false));
        [
            members(
                unknown,
                "has Zoom facts that are not known",
                "have Zoom facts that are not known",
            )
            .map(|problem| {
                Detail::warning(
                    problem,
                    "fill in `members[].zoom`; until then their calls are planned with a warning",
                )
            }),
            members(
                unable,
                "has no licence or no automatic cloud recording at Zoom",
                "have no licence or no automatic cloud recording at Zoom",
            )
            .map(|problem| {
                Detail::warning(
                    problem,
                    "grant both at Zoom; until then a bot records the calls they host",
                )
            }),
            members(inactive, "has an inactive Zoom user", "have inactive Zoom users").map(
                |problem| {
                    Detail::warning(
                        problem,
                        "activate them at Zoom; calls they host are not recorded",
                    )
                },
            ),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Host;
    use decision::company::ZoomFacts;

    fn known() -> ZoomFacts {
        ZoomFacts {
            email: Some("ada@acme.example".into()),
            licensed: Some(true),
            auto_recording: Some(true),
            local_recording: None,
            active: Some(true),
        }
    }

    fn details(method: Option<Chosen>, facts: &[ZoomFacts]) -> Vec<String> {
        let setup = ProviderEntry { enabled: true, method, ..ProviderEntry::default() };
        let hosts = (0..).zip(facts).map(|(n, zoom)| Host {
            member: format!("m{n}"),
            emails: Vec::new(),
            zoom: zoom.clone(),
        });
        let hosts = Hosts::new(hosts.collect());
        ZoomNative.describe(&setup, &hosts).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn members_whose_facts_are_not_known_are_counted() {
        assert!(details(None, &[known()]).is_empty());
        let told = details(
            None,
            &[known(), ZoomFacts::default(), ZoomFacts { licensed: None, ..known() }],
        );
        assert!(
            told[0].starts_with("warning: 2 members have Zoom facts that are not known"),
            "{told:?}"
        );
    }

    #[test]
    fn what_stands_in_the_way_is_told_with_its_remedy() {
        let told = details(
            Some(Chosen::Native),
            &[
                ZoomFacts { licensed: Some(false), ..known() },
                ZoomFacts { active: Some(false), ..known() },
            ],
        );
        assert!(told[0].contains("1 member has no licence") && told[0].contains("grant both"));
        assert!(told[1].contains("inactive Zoom user"), "{told:?}");
    }

    #[test]
    fn another_method_makes_this_one_idle() {
        let told = details(Some(Chosen::Bot), &[ZoomFacts::default()]);
        assert_eq!(told.len(), 1);
        assert!(
            told[0].starts_with("note: Zoom calls are recorded by the method `bot`"),
            "{told:?}"
        );
    }
}
