//! Which of the links of an event is its conference (DOMAIN 8.15 to 8.18).

use std::borrow::Cow;

use crate::company::LinkType;
use crate::meeting::{Conference, LinkState, Provider};
use crate::policy::Policy;

/// A link of an event, as far as it matters where it leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// A supported provider's conference.
    Join(Conference),
    /// Join shape, but no conference: no usable id, an unsupported service, an opaque wrapper.
    Unusable {
        /// Name of the provider or service.
        service: Cow<'static, str>,
    },
    /// The shape of a consent link, and what became of it.
    Consent(Resolution),
}

/// What the shape of a consent link turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// Some other URL: no link at all.
    NotAConsentLink,
    /// A valid consent link.
    Resolved {
        /// The company it is of.
        company: String,
        /// Its type.
        link_type: LinkType,
        /// Where it leads.
        conference: Conference,
    },
    /// A consent link with an unknown key, a bad signature, or one that has expired.
    Unresolvable {
        /// Its type, as its path says.
        link_type: LinkType,
        /// Why: `unreadable`, `unknown_key`, `bad_signature`, `expired` or `mismatch`.
        reason: Cow<'static, str>,
    },
}

impl Link {
    /// The conference it leads to; none where its id is longer than [`Conference::MAX_ID`]: such a link is as unusable as one
    /// without an id.
    #[must_use]
    pub const fn conference(&self) -> Option<&Conference> {
        match self {
            Self::Join(conference) | Self::Consent(Resolution::Resolved { conference, .. })
                if conference.id.len() <= Conference::MAX_ID =>
            {
                Some(conference)
            }
            Self::Join(_) | Self::Unusable { .. } | Self::Consent(_) => None,
        }
    }
}

/// What the links of an event come to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selected {
    /// The conference.
    pub conference: Option<Conference>,
    /// What eligibility must know.
    pub state: LinkState,
    /// The event leads to other conferences too.
    pub others: bool,
}

/// Chooses the conference: the first valid link of a provider that is enabled and set up, else the
/// first valid one. Links are given in reading order.
#[must_use]
pub fn select(policy: &Policy, links: &[Link]) -> Selected {
    let valid = || links.iter().filter_map(Link::conference);
    let chosen = valid().find(|c| policy.provider_works(c.provider)).or_else(|| valid().next());
    Selected {
        conference: chosen.cloned(),
        state: LinkState {
            provider: chosen.map(|c| c.provider),
            join_link: links.iter().any(|link| match link {
                Link::Join(_)
                | Link::Unusable { .. }
                | Link::Consent(Resolution::Resolved { .. }) => true,
                Link::Consent(Resolution::NotAConsentLink | Resolution::Unresolvable { .. }) => {
                    false
                }
            }),
            unresolved_consent: links
                .iter()
                .any(|link| matches!(link, Link::Consent(Resolution::Unresolvable { .. }))),
        },
        others: chosen.is_some_and(|chosen| valid().any(|other| !may_be_same(chosen, other))),
    }
}

/// Whether two conferences may be one. Teams writes the same meeting as a thread and as digits, and
/// nothing in the links tells that they belong together.
fn may_be_same(a: &Conference, b: &Conference) -> bool {
    let is_thread = |conference: &Conference| conference.id.contains(':');
    a == b
        || (a.provider == Provider::Teams
            && b.provider == Provider::Teams
            && is_thread(a) != is_thread(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::company::{CompanyFile, ProviderEntry};

    fn join(provider: Provider, id: &str) -> Link {
        Link::Join(Conference { provider, id: id.into() })
    }

    fn teams_only() -> Policy {
        let mut file = CompanyFile::named("acme");
        file.settings
            .providers
            .insert("teams".into(), ProviderEntry { enabled: true, ..Default::default() });
        Policy::compile(&file, 1)
    }

    #[test]
    fn an_enabled_provider_goes_before_an_earlier_link() {
        let links = [join(Provider::Zoom, "1"), join(Provider::Teams, "19:x@thread.v2")];
        let selected = select(&teams_only(), &links);
        assert_eq!(selected.conference.unwrap().provider, Provider::Teams);
        assert!(selected.others);
        let only_zoom = select(&teams_only(), &links[..1]);
        assert_eq!(only_zoom.state.provider, Some(Provider::Zoom));
        assert!(!only_zoom.others);
    }

    #[test]
    fn a_link_with_an_id_that_is_too_long_is_a_link_nobody_can_use() {
        let of = |length: usize| Conference { provider: Provider::Teams, id: "x".repeat(length) };
        let join = |length| Link::Join(of(length));
        let consent = |length| {
            Link::Consent(Resolution::Resolved {
                company: "acme".to_owned(),
                link_type: LinkType::Static,
                conference: of(length),
            })
        };
        let links: [&dyn Fn(usize) -> Link; 2] = [&join, &consent];
        for link in links {
            assert!(select(&teams_only(), &[link(600)]).conference.is_some());
            let selected = select(&teams_only(), &[link(601)]);
            assert!(selected.conference.is_none() && selected.state.provider.is_none());
            assert!(selected.state.join_link, "it is a link all the same");
            // It is passed over, and is no other conference either.
            let beside = select(&teams_only(), &[link(601), join(12)]);
            assert!(beside.conference.is_some() && !beside.others);
        }
    }

    #[test]
    fn two_spellings_of_a_teams_meeting_are_no_other_conference() {
        let links =
            [join(Provider::Teams, "19:x@thread.v2"), join(Provider::Teams, "2345678901234")];
        assert!(!select(&teams_only(), &links).others);
    }

    #[test]
    fn an_unresolvable_consent_link_is_no_join_link() {
        let link = Link::Consent(Resolution::Unresolvable {
            link_type: LinkType::Static,
            reason: "expired".into(),
        });
        let state = select(&teams_only(), &[link]).state;
        assert!(state.unresolved_consent && !state.join_link && state.provider.is_none());
    }
}
