//! What is known of a company's providers at one policy version: read from the wire, kept, and made ready for assessing.

use std::collections::{BTreeMap, HashMap};

use decision::company::{ProviderEntry, ZoomFacts};
use decision::{Provider, provider, text};
use proto::provider::v1::ApplyProviderFactsRequest;
use proto::{Invalid, verdict};
use serde::{Deserialize, Serialize};

/// Members of one company.
const MAX_HOSTS: usize = 200_000;

/// Facts as they are kept: set-up by provider, and members by id.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Facts {
    providers: BTreeMap<String, ProviderEntry>,
    hosts: Vec<Host>,
}

/// A member as host of conferences.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Host {
    /// The member's id.
    pub(crate) member: String,
    /// The member's addresses in comparable form.
    pub(crate) emails: Vec<String>,
    /// The member's Zoom user.
    pub(crate) zoom: ZoomFacts,
}

/// The members of a company.
#[derive(Debug)]
pub(crate) struct Hosts {
    list: Vec<Host>,
    by_member: HashMap<String, usize>,
}

impl Hosts {
    /// Members, each with an id of its own.
    pub(crate) fn new(list: Vec<Host>) -> Self {
        let by_member = list.iter().zip(0..).map(|(host, n)| (host.member.clone(), n)).collect();
        Self { list, by_member }
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Host> {
        self.list.iter()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    fn get(&self, member: &str) -> Option<&Host> {
        self.list.get(*self.by_member.get(member)?)
    }
}

/// Facts ready for assessing.
#[derive(Debug)]
pub(crate) struct Known {
    /// Set-up by provider.
    setups: BTreeMap<String, ProviderEntry>,
    /// The members.
    pub(crate) hosts: Hosts,
}

/// The Zoom user of whom nothing is known.
static NOTHING: ZoomFacts = ZoomFacts {
    email: None,
    licensed: None,
    auto_recording: None,
    local_recording: None,
    active: None,
};

impl Known {
    /// Makes facts ready.
    pub(crate) fn compile(facts: Facts) -> Self {
        Self { setups: facts.providers, hosts: Hosts::new(facts.hosts) }
    }

    /// The member an address is of, also one that is only known to Zoom.
    pub(crate) fn member_of(&self, address: &str) -> Option<&str> {
        let address = text::address(address)?;
        let is_of = |host: &&Host| {
            host.emails.contains(&address) || host.zoom.email.as_ref() == Some(&address)
        };
        self.hosts.iter().find(is_of).map(|host| host.member.as_str())
    }

    /// A provider's set-up; none where the company has none.
    pub(crate) fn setup(&self, provider: Provider) -> Option<&ProviderEntry> {
        self.setups.get(provider.as_str())
    }

    /// The organizer as host: none for an empty id, which is nobody's. A member of whom nothing was applied is a member
    /// all the same, with facts that are not known.
    pub(crate) fn host(&self, organizer: &str) -> Option<provider::Host<'_>> {
        if organizer.is_empty() {
            return None;
        }
        Some(match self.hosts.get(organizer) {
            Some(host) => provider::Host { emails: &host.emails, zoom: &host.zoom },
            None => provider::Host { emails: &[], zoom: &NOTHING },
        })
    }
}

/// A version number as every database can keep it.
///
/// # Errors
/// It is larger.
fn version(version: u64) -> Result<u64, Invalid> {
    match i64::try_from(version) {
        Ok(_) => Ok(version),
        Err(_) => Err(Invalid::Text {
            field: "policy_version",
            problem: "it is larger than any version can be".to_owned(),
        }),
    }
}

/// Checks the id of a company.
///
/// # Errors
/// It is none.
pub(crate) fn company(id: &str) -> Result<(), Invalid> {
    if id.is_empty() {
        return Err(Invalid::Missing("company"));
    }
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    if id.len() > 63 || !id.bytes().all(plain) {
        return Err(Invalid::Text {
            field: "company",
            problem: format!("`{id}` is no company id; use 1 to 63 of a-z, 0-9, `-` and `_`"),
        });
    }
    Ok(())
}

/// Reads what is to be applied.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn from_wire(
    request: ApplyProviderFactsRequest,
) -> Result<(String, u64, Facts), Invalid> {
    company(&request.company)?;
    Invalid::limit("hosts", request.hosts.len(), MAX_HOSTS)?;
    let version = version(request.policy_version)?;
    let mut facts = Facts::default();
    for setup in request.providers {
        let field = "providers.provider";
        let provider = verdict::provider(field, setup.provider)?.ok_or(Invalid::Missing(field))?;
        let method = match setup.method {
            0 => None,
            value => Some(proto::provider::method("providers.method", value)?),
        };
        let entry = ProviderEntry {
            enabled: setup.enabled,
            configured: setup.configured,
            method,
            authenticated_bot: setup.authenticated_bot,
        };
        if facts.providers.insert(provider.as_str().to_owned(), entry).is_some() {
            return Err(Invalid::Text {
                field,
                problem: format!("`{}` is set up twice", provider.as_str()),
            });
        }
    }
    for host in request.hosts {
        if host.member.is_empty() {
            return Err(Invalid::Missing("hosts.member"));
        }
        let zoom = ZoomFacts::from(host.zoom.unwrap_or_default());
        facts.hosts.push(Host {
            member: host.member,
            emails: host.emails.iter().filter_map(|raw| text::address(raw)).collect(),
            zoom: ZoomFacts { email: zoom.email.as_deref().and_then(text::address), ..zoom },
        });
    }
    facts.hosts.sort_by(|a, b| a.member.cmp(&b.member));
    if let Some(twice) = facts.hosts.windows(2).find_map(|pair| match pair {
        [a, b] if a.member == b.member => Some(&a.member),
        _ => None,
    }) {
        return Err(Invalid::Text {
            field: "hosts.member",
            problem: format!("`{twice}` is the id of two members; give each its own"),
        });
    }
    Ok((request.company, version, facts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::eligibility::v1 as eligibility;
    use proto::provider::v1::{HostFacts, ProviderSetup};

    fn request() -> ApplyProviderFactsRequest {
        let host = |member: &str| HostFacts {
            member: member.into(),
            emails: vec!["Ada@Acme.example".into()],
            zoom: Some(eligibility::ZoomFacts {
                email: Some("ADA@acme.example".into()),
                ..Default::default()
            }),
        };
        ApplyProviderFactsRequest {
            company: "acme".into(),
            policy_version: 1,
            providers: vec![ProviderSetup { provider: 1, enabled: true, ..Default::default() }],
            hosts: vec![host("bob"), host("ada")],
        }
    }

    #[test]
    fn addresses_are_made_comparable() {
        let known = Known::compile(from_wire(request()).unwrap().2);
        let host = known.host("ada").unwrap();
        assert_eq!(host.emails, ["ada@acme.example"]);
        assert_eq!(host.zoom.email.as_deref(), Some("ada@acme.example"));
    }

    #[test]
    fn the_order_of_members_makes_no_difference() {
        let mut turned = request();
        turned.hosts.reverse();
        assert_eq!(from_wire(turned), from_wire(request()));
    }

    #[test]
    fn a_member_of_whom_nothing_was_applied_is_unknown_and_nobody_is_nobody() {
        let known = Known::compile(from_wire(request()).unwrap().2);
        assert_eq!(known.host("zoe").unwrap().zoom, &ZoomFacts::default());
        assert!(known.host("").is_none());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        type Spoil = fn(&mut ApplyProviderFactsRequest);
        let cases: [(&str, Spoil); 8] = [
            ("company", |r| r.company = String::new()),
            ("company", |r| r.company = "Acme Inc".into()),
            ("policy_version", |r| r.policy_version = u64::MAX),
            ("providers.provider", |r| r.providers[0].provider = 0),
            ("providers.provider", |r| r.providers.push(r.providers[0])),
            ("providers.method", |r| r.providers[0].method = 99),
            ("hosts.member", |r| r.hosts[0].member = String::new()),
            ("hosts.member", |r| r.hosts[0].member = "ada".into()),
        ];
        for (field, spoil) in cases {
            let mut spoilt = request();
            spoil(&mut spoilt);
            assert_eq!(from_wire(spoilt).unwrap_err().field(), field);
        }
    }
}
