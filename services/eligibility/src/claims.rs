//! What a company says is its own: its domains and the addresses of its assistants. No two companies own the same.

use std::collections::HashMap;

use decision::CompanyFile;
use decision::text;

/// The longest name the internet knows (RFC 1035, 2.3.4); nothing longer is looked up.
const LONGEST: usize = 253;
/// The longest address that can be mailed to (RFC 5321, 4.5.3.1), and then some; nothing longer is claimed.
const LONGEST_ADDRESS: usize = 320;

/// A domain or an assistant's address that a company declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    /// The name, comparable.
    pub(crate) name: String,
    /// Where it is declared, such as `domains[1]`.
    pub(crate) field: String,
}

impl Claim {
    /// Whether it is a domain and no address.
    pub(crate) fn is_domain(&self) -> bool {
        !self.name.contains('@')
    }

    /// The names whose owner decides whether it can be had: its own and, for an address, its domain and those above.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        names_of(&self.name)
    }
}

/// A domain itself; an address, its domain and every domain above.
fn names_of(name: &str) -> impl Iterator<Item = &str> {
    let host = name.rsplit_once('@').map(|(_, host)| host).filter(|host| host.len() <= LONGEST);
    std::iter::once(name).chain(host.into_iter().flat_map(text::with_parents))
}

/// Everything a company declares as its own, each name once.
pub(crate) fn of(file: &CompanyFile) -> Vec<Claim> {
    let domains = file.domains.iter().enumerate().filter_map(|(i, raw)| {
        Some(Claim { name: text::domain(raw)?, field: format!("domains[{i}]") })
    });
    let assistants = file.assistant.iter().enumerate().filter_map(|(i, raw)| {
        Some(Claim { name: text::address(raw)?, field: format!("assistant[{i}]") })
    });
    let mut seen = std::collections::HashSet::new();
    domains
        .chain(assistants)
        .filter(|claim| claim.name.len() <= LONGEST_ADDRESS && seen.insert(claim.name.clone()))
        .collect()
}

/// The first claim that is another company's. The most specific owner counts: who owns `eu.acme.example` may have an
/// assistant there, whoever owns `acme.example`.
pub(crate) fn taken<'c>(
    company: &str,
    claims: &'c [Claim],
    owners: &HashMap<String, String>,
) -> Option<&'c Claim> {
    let own: std::collections::HashSet<&str> =
        claims.iter().filter(|claim| claim.is_domain()).map(|claim| claim.name.as_str()).collect();
    claims.iter().find(|claim| {
        for name in claim.names() {
            match owners.get(name) {
                Some(owner) if owner != company => return true,
                Some(_) => return false,
                None if own.contains(name) => return false,
                None => {}
            }
        }
        false
    })
}

/// The names to look up for an address (or a domain) through which an event arrived, most specific first; none for what
/// cannot be anybody's.
pub(crate) fn candidates(recipient: &str) -> Vec<String> {
    if recipient.len() > 4 * LONGEST {
        return Vec::new();
    }
    if let Some(address) = text::address(recipient) {
        return names_of(&address).map(str::to_owned).collect();
    }
    let domain = text::domain(recipient).filter(|domain| domain.len() <= LONGEST);
    domain.iter().flat_map(|domain| text::with_parents(domain)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(domains: &[&str], assistants: &[&str]) -> Vec<Claim> {
        let mut file = CompanyFile::named("acme");
        file.domains = domains.iter().map(|s| (*s).to_owned()).collect();
        file.assistant = assistants.iter().map(|s| (*s).to_owned()).collect();
        of(&file)
    }

    fn owned(name: &str, company: &str) -> HashMap<String, String> {
        HashMap::from([(name.to_owned(), company.to_owned())])
    }

    #[test]
    fn a_domain_of_another_company_is_taken_however_it_is_written() {
        let claims = claims(&["free.example", "@ACME-Labs.example."], &[]);
        let found = taken("acme", &claims, &owned("acme-labs.example", "other")).unwrap();
        assert_eq!(found.field, "domains[1]");
        assert_eq!(taken("acme", &claims, &owned("acme-labs.example", "acme")), None);
    }

    #[test]
    fn an_assistant_in_the_domain_of_another_company_is_taken() {
        let owners = owned("other.example", "other");
        let found = claims(&[], &["rec@eu.other.example"]);
        assert_eq!(taken("acme", &found, &owners).unwrap().field, "assistant[0]");
        let own = claims(&["eu.other.example"], &["rec@eu.other.example"]);
        assert_eq!(taken("acme", &own, &owners), None);
    }

    #[test]
    fn an_endless_name_is_nobodys() {
        let endless = "a.".repeat(100_000);
        assert!(candidates(&format!("x@{endless}example")).is_empty());
        assert_eq!(
            candidates("MAILTO:X@eu.acme.example"),
            ["x@eu.acme.example", "eu.acme.example", "acme.example", "example"]
        );
        assert!(candidates("no address at all").is_empty());
    }
}
