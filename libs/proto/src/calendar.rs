//! Meetings on the wire.

use decision::links::{Link, Resolution};
use decision::{Participation, Person, PersonKind, Sensitivity};

pub use crate::r#gen::calendar::v1;
use crate::{Invalid, consent, verdict};

impl From<&Person> for v1::Person {
    fn from(person: &Person) -> Self {
        let kind = match person.kind {
            PersonKind::Individual => v1::PersonKind::Individual,
            PersonKind::Group => v1::PersonKind::Group,
            PersonKind::Room => v1::PersonKind::Room,
            PersonKind::Resource => v1::PersonKind::Resource,
        };
        let participation = match person.participation {
            Participation::NeedsAction => v1::Participation::NeedsAction,
            Participation::Accepted => v1::Participation::Accepted,
            Participation::Declined => v1::Participation::Declined,
            Participation::Tentative => v1::Participation::Tentative,
            Participation::Delegated => v1::Participation::Delegated,
        };
        Self {
            address: person.address.clone(),
            kind: kind.into(),
            participation: participation.into(),
        }
    }
}

impl From<&v1::Person> for Person {
    /// What a newer version says reads as the ordinary case: a person who has not answered.
    fn from(wire: &v1::Person) -> Self {
        Self {
            address: wire.address.as_deref().and_then(comparable),
            kind: match wire.kind() {
                v1::PersonKind::Unspecified | v1::PersonKind::Individual => PersonKind::Individual,
                v1::PersonKind::Group => PersonKind::Group,
                v1::PersonKind::Room => PersonKind::Room,
                v1::PersonKind::Resource => PersonKind::Resource,
            },
            participation: match wire.participation() {
                v1::Participation::Unspecified | v1::Participation::NeedsAction => {
                    Participation::NeedsAction
                }
                v1::Participation::Accepted => Participation::Accepted,
                v1::Participation::Declined => Participation::Declined,
                v1::Participation::Tentative => Participation::Tentative,
                v1::Participation::Delegated => Participation::Delegated,
            },
        }
    }
}

/// Most addresses arrive in their comparable form already.
fn comparable(address: &str) -> Option<String> {
    let plain = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'+');
    match address.split_once('@') {
        Some((local, domain))
            if !local.is_empty()
                && !domain.is_empty()
                && local.bytes().chain(domain.bytes()).all(plain)
                && !domain.starts_with('.')
                && !domain.ends_with('.') =>
        {
            Some(address.to_owned())
        }
        _ => decision::text::address(address),
    }
}

impl From<Sensitivity> for v1::Sensitivity {
    fn from(sensitivity: Sensitivity) -> Self {
        match sensitivity {
            Sensitivity::Public => Self::Public,
            Sensitivity::Personal => Self::Personal,
            Sensitivity::Private => Self::Private,
        }
    }
}

/// How private; a value of a newer version reads as private.
#[must_use]
pub fn sensitivity(value: i32) -> Sensitivity {
    match v1::Sensitivity::try_from(value) {
        Ok(v1::Sensitivity::Unspecified | v1::Sensitivity::Public) => Sensitivity::Public,
        Ok(v1::Sensitivity::Personal) => Sensitivity::Personal,
        Ok(v1::Sensitivity::Private) | Err(_) => Sensitivity::Private,
    }
}

impl v1::Link {
    /// The link as the core sees it, with what became of its token if it has the shape of a consent
    /// link. A kind of a newer version is a link nobody can use.
    ///
    /// # Errors
    /// A usable link without provider or id.
    pub fn to_core(&self, resolution: Option<&Resolution>) -> Result<Link, Invalid> {
        Ok(match self.kind() {
            v1::LinkKind::Join => {
                let field = "links.provider";
                let provider =
                    verdict::provider(field, self.provider)?.ok_or(Invalid::Missing(field))?;
                if self.id.is_empty() {
                    return Err(Invalid::Missing("links.id"));
                }
                Link::Join(decision::Conference { provider, id: self.id.clone() })
            }
            v1::LinkKind::Consent => Link::Consent(match resolution {
                Some(resolution) => resolution.clone(),
                None => Resolution::Unresolvable {
                    link_type: consent::link_type(
                        self.consent.as_ref().map_or(0, |shape| shape.r#type),
                    )
                    .unwrap_or(decision::company::LinkType::Static),
                    reason: "unavailable".into(),
                },
            }),
            v1::LinkKind::Unspecified
            | v1::LinkKind::NoMeetingId
            | v1::LinkKind::Unsupported
            | v1::LinkKind::Undecodable => Link::Unusable { service: self.service.clone().into() },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_survives_the_wire() {
        let person = Person {
            address: Some("ada@acme.example".into()),
            kind: PersonKind::Group,
            participation: Participation::Declined,
        };
        assert_eq!(Person::from(&v1::Person::from(&person)), person);
    }

    #[test]
    fn an_address_is_made_comparable() {
        for (raw, comparable) in [
            ("MAILTO:Ada@Acme.example", Some("ada@acme.example")),
            ("ada@acme.example.", Some("ada@acme.example")),
            ("@acme.example", None),
            ("nobody", None),
        ] {
            let wire = v1::Person { address: Some(raw.into()), ..v1::Person::default() };
            assert_eq!(Person::from(&wire).address.as_deref(), comparable, "{raw}");
        }
    }

    #[test]
    fn an_unknown_sensitivity_is_private() {
        assert_eq!(sensitivity(77), Sensitivity::Private);
    }
}
