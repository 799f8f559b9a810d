//! The consent part of a company's policy at one version: read from the wire, checked, and made ready for judging.

use std::collections::BTreeMap;
use std::sync::Arc;

use decision::company::{self, CompanyFile, NO_PROFILE, Profile};
use decision::consent::token::PublicKey;
use decision::{Missing, text};
use proto::Invalid;
use proto::consent::v1::ApplyConsentProfileRequest;

use crate::error::Error;

/// More keys would make every token dear to verify.
const MAX_KEYS: usize = 100;
/// Profiles are made by people.
const MAX_PROFILES: usize = 10_000;

/// A consent part ready for judging.
#[derive(Debug, PartialEq)]
pub(crate) struct Part {
    /// Host of the consent pages in comparable form.
    pub(crate) host: Option<String>,
    /// Public keys of the policy; the service's own comes on top.
    pub(crate) keys: Vec<PublicKey>,
    default_profile: Option<Arc<str>>,
    profiles: BTreeMap<String, Profile>,
}

impl Part {
    /// Makes a part ready that [`from_wire`] has let pass.
    pub(crate) fn compile(part: company::Consent) -> Self {
        Self {
            host: text::domain(&part.host),
            keys: part.keys.iter().filter_map(|pem| PublicKey::from_pem(pem).ok()).collect(),
            default_profile: (part.default_profile != NO_PROFILE)
                .then(|| Arc::from(part.default_profile)),
            profiles: part.profiles,
        }
    }

    /// The profile a question names: the default one for an empty name, none for `none`.
    ///
    /// # Errors
    /// There is no profile of that name, so what it asks for is not known.
    pub(crate) fn profile<'a>(
        &'a self,
        name: &'a str,
    ) -> Result<Option<(&'a str, &'a Profile)>, Missing> {
        let name = match name {
            NO_PROFILE => return Ok(None),
            "" => match self.default_profile.as_deref() {
                None => return Ok(None),
                Some(name) => name,
            },
            name => name,
        };
        self.profiles.get(name).map(|profile| Some((name, profile))).ok_or(Missing("profile"))
    }
}

/// A version number as every database can keep it.
///
/// # Errors
/// It is larger.
pub(crate) fn version(version: u64) -> Result<u64, Invalid> {
    match i64::try_from(version) {
        Ok(_) => Ok(version),
        Err(_) => Err(Invalid::Text {
            field: "policy_version",
            problem: "it is larger than any version can be".to_owned(),
        }),
    }
}

/// Reads what is to be applied, and checks it as a company file is checked.
///
/// # Errors
/// Everything that is wrong with it.
pub(crate) fn from_wire(
    request: ApplyConsentProfileRequest,
) -> Result<(String, u64, company::Consent), Error> {
    Invalid::limit("keys", request.keys.len(), MAX_KEYS)?;
    Invalid::limit("profiles", request.profiles.len(), MAX_PROFILES)?;
    let version = version(request.policy_version)?;
    let mut profiles = BTreeMap::new();
    for wire in &request.profiles {
        let wrong = |problem: &str| Invalid::Text {
            field: "profiles.name",
            problem: format!("`{}` {problem}", wire.name),
        };
        if wire.name.is_empty() {
            return Err(Invalid::Missing("profiles.name").into());
        }
        if profiles.insert(wire.name.clone(), Profile::try_from(wire)?).is_some() {
            return Err(wrong("is the name of two profiles; give each its own").into());
        }
    }
    let mut file = CompanyFile::named(&request.company);
    file.consent = company::Consent {
        host: request.host,
        keys: request.keys,
        default_profile: request.default_profile,
        profiles,
    };
    file.validate().map_err(Error::Part)?;
    Ok((file.company, version, file.consent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::consent::v1::ConsentProfile;

    fn request() -> ApplyConsentProfileRequest {
        ApplyConsentProfileRequest {
            company: "acme".into(),
            policy_version: 1,
            host: "Consent.Acme.example".into(),
            keys: Vec::new(),
            default_profile: "eu".into(),
            profiles: vec![ConsentProfile {
                name: "eu".into(),
                enabled: true,
                ..Default::default()
            }],
        }
    }

    fn part() -> Part {
        Part::compile(from_wire(request()).unwrap().2)
    }

    #[test]
    fn an_empty_name_is_the_default_profile_and_none_is_no_profile() {
        let part = part();
        assert_eq!(part.profile("").unwrap().unwrap().0, "eu");
        assert_eq!(part.profile("none"), Ok(None));
        assert_eq!(part.profile("us"), Err(Missing("profile")));
    }

    #[test]
    fn the_host_is_kept_in_comparable_form() {
        assert_eq!(part().host.as_deref(), Some("consent.acme.example"));
    }

    #[test]
    fn what_a_company_file_may_not_say_is_refused() {
        type Spoil = fn(&mut ApplyConsentProfileRequest);
        let cases: [(&str, Spoil); 8] = [
            ("company", |r| r.company = "Acme Inc".into()),
            ("consent.host", |r| r.host = "no host".into()),
            ("consent.keys[0]", |r| r.keys.push("no key".into())),
            ("consent.default_profile", |r| r.default_profile = "us".into()),
            ("consent.default_profile", |r| r.default_profile = String::new()),
            ("two profiles", |r| r.profiles.push(r.profiles[0].clone())),
            ("profiles.name", |r| r.profiles[0].name = String::new()),
            ("policy_version", |r| r.policy_version = u64::MAX),
        ];
        for (named, spoil) in cases {
            let mut spoilt = request();
            spoil(&mut spoilt);
            let error = from_wire(spoilt).unwrap_err();
            assert!(error.to_string().contains(named), "{named}: {error}");
        }
    }
}
