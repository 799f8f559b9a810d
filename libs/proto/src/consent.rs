//! Consent's questions and answers on the wire.

use std::collections::BTreeMap;

use decision::company::{LinkType, Profile};
use decision::links::Resolution;

pub use crate::r#gen::consent::v1;
use crate::{Invalid, calendar, verdict};

/// The type of a consent link; none when it is unset or of a newer version.
#[must_use]
pub fn link_type(value: i32) -> Option<LinkType> {
    match calendar::v1::ConsentLinkType::try_from(value) {
        Ok(calendar::v1::ConsentLinkType::Static) => Some(LinkType::Static),
        Ok(calendar::v1::ConsentLinkType::Dynamic) => Some(LinkType::Dynamic),
        Ok(calendar::v1::ConsentLinkType::Unspecified) | Err(_) => None,
    }
}

impl From<LinkType> for calendar::v1::ConsentLinkType {
    fn from(link_type: LinkType) -> Self {
        match link_type {
            LinkType::Static => Self::Static,
            LinkType::Dynamic => Self::Dynamic,
        }
    }
}

impl v1::ConsentProfile {
    /// A profile under its name.
    #[must_use]
    pub fn new(name: &str, profile: &Profile) -> Self {
        let links = profile.links.iter().filter_map(|(provider, link_type)| {
            let provider = decision::Provider::from_name(provider)?;
            Some(v1::ProviderLinkType {
                provider: verdict::v1::Provider::from(provider).into(),
                r#type: calendar::v1::ConsentLinkType::from(*link_type).into(),
            })
        });
        Self {
            name: name.to_owned(),
            enabled: profile.enabled,
            enforced: profile.enforced,
            links: links.collect(),
            announcement: profile.announcement,
        }
    }
}

impl TryFrom<&v1::ConsentProfile> for Profile {
    type Error = Invalid;

    fn try_from(wire: &v1::ConsentProfile) -> Result<Self, Invalid> {
        let mut links = BTreeMap::new();
        for link in &wire.links {
            let field = "profiles.links.provider";
            let provider =
                verdict::provider(field, link.provider)?.ok_or(Invalid::Missing(field))?;
            let link_type = link_type(link.r#type)
                .ok_or(Invalid::Enum { field: "profiles.links.type", value: link.r#type })?;
            links.insert(provider.as_str().to_owned(), link_type);
        }
        Ok(Self {
            enabled: wire.enabled,
            enforced: wire.enforced,
            links,
            announcement: wire.announcement,
        })
    }
}

impl From<&Resolution> for v1::ConsentResolution {
    fn from(resolution: &Resolution) -> Self {
        use v1::ConsentResolutionKind as Kind;
        match resolution {
            Resolution::NotAConsentLink => {
                Self { kind: Kind::NotAConsentLink.into(), ..Self::default() }
            }
            Resolution::Resolved { company, link_type, conference } => Self {
                kind: Kind::Resolved.into(),
                company: company.clone(),
                r#type: calendar::v1::ConsentLinkType::from(*link_type).into(),
                conference: Some(conference.into()),
                reason: String::new(),
            },
            Resolution::Unresolvable { link_type, reason } => Self {
                kind: Kind::Unresolvable.into(),
                r#type: calendar::v1::ConsentLinkType::from(*link_type).into(),
                reason: reason.to_string(),
                ..Self::default()
            },
        }
    }
}

impl TryFrom<v1::ConsentResolution> for Resolution {
    type Error = Invalid;

    /// What is unset or of a newer version reads as unresolvable.
    fn try_from(wire: v1::ConsentResolution) -> Result<Self, Invalid> {
        use v1::ConsentResolutionKind as Kind;
        let kind = Kind::try_from(wire.kind).unwrap_or(Kind::Unspecified);
        let link_type = link_type(wire.r#type);
        Ok(match kind {
            Kind::NotAConsentLink => Self::NotAConsentLink,
            Kind::Resolved => Self::Resolved {
                company: wire.company,
                link_type: link_type
                    .ok_or(Invalid::Enum { field: "resolutions.type", value: wire.r#type })?,
                conference: wire
                    .conference
                    .ok_or(Invalid::Missing("resolutions.conference"))?
                    .try_into()?,
            },
            Kind::Unspecified | Kind::Unresolvable => Self::Unresolvable {
                link_type: link_type.unwrap_or(LinkType::Static),
                reason: wire.reason.into(),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_survives_the_wire() {
        let profile = Profile {
            enabled: true,
            enforced: true,
            links: [("teams".to_owned(), LinkType::Dynamic)].into(),
            announcement: true,
        };
        assert_eq!(Profile::try_from(&v1::ConsentProfile::new("eu", &profile)), Ok(profile));
    }

    #[test]
    fn a_resolution_survives_the_wire_and_an_empty_one_resolves_nothing() {
        let resolved = Resolution::Resolved {
            company: "acme".into(),
            link_type: LinkType::Static,
            conference: decision::Conference { provider: decision::Provider::Zoom, id: "1".into() },
        };
        assert_eq!(Resolution::try_from(v1::ConsentResolution::from(&resolved)), Ok(resolved));
        let empty = Resolution::try_from(v1::ConsentResolution::default()).unwrap();
        assert!(matches!(empty, Resolution::Unresolvable { .. }));
    }
}
