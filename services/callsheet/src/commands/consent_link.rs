//! `callsheet consent-link`: a signed recording-consent link.

use std::path::Path;

use chrono::TimeDelta;
use decision::CompanyFile;
use decision::consent::token::PrivateKey;
use proto::consent::v1::consent_service_client::ConsentServiceClient;
use proto::consent::v1::{ApplyConsentProfileRequest, ConsentProfile, IssueConsentLinkRequest};
use proto::{calendar, time, verdict};

use crate::args::{ConsentLink, LinkType};
use crate::error::Error;
use crate::output::{Output, json};
use crate::{company, house, input};

pub(crate) async fn run(arguments: &ConsentLink) -> Result<(), Error> {
    match (&arguments.company, arguments.link_type, &arguments.conference) {
        (Some(company), Some(link_type), Some(conference)) => {
            issue(arguments, company, link_type, conference).await
        }
        _ => public_key(arguments),
    }
}

/// Prints the public key of the key file.
fn public_key(arguments: &ConsentLink) -> Result<(), Error> {
    let file = house::key_file(arguments.key.as_deref()).ok_or_else(|| {
        Error::Usage("there is no place for the key: name its file with `--key`".to_owned())
    })?;
    let (name, pem) = input::read_text(&file, input::KEY)?;
    let key = PrivateKey::from_pem(&pem)
        .and_then(|key| key.public_pem())
        .map_err(|_| Error::NoKey { file: name })?;
    let mut output = Output::new(arguments.printed);
    if output.is_json() {
        output.json(&json::PublicKey { public_key: key })?;
    } else {
        output.line(key.trim_end())?;
    }
    output.flush()
}

async fn issue(
    arguments: &ConsentLink,
    company: &Path,
    link_type: LinkType,
    conference: &str,
) -> Result<(), Error> {
    let file = input::read_text(company, input::COMPANY)?;
    let now = house::at(arguments.now);
    let expires_at = TimeDelta::from_std(arguments.expires_in)
        .ok()
        .and_then(|span| now.checked_add_signed(span))
        .ok_or_else(|| Error::Usage("`--expires-in` leads past the end of time".to_owned()))?;
    let running = house::offline(now, arguments.key.as_deref()).await?;
    let companies = house::near(&running, "eligibility")?;
    let applied = company::apply(companies.clone(), file, false).await?;
    let company = company::get(companies, &applied.company).await?;

    let mut client = ConsentServiceClient::new(house::near(&running, "consent")?);
    client
        .apply_consent_profile(profiles(&company, applied.policy_version))
        .await
        .map_err(Error::refused("read the consent profiles"))?;
    let (link_type, name) = match link_type {
        LinkType::Static => (calendar::v1::ConsentLinkType::Static, "static"),
        LinkType::Dynamic => (calendar::v1::ConsentLinkType::Dynamic, "dynamic"),
    };
    let request = IssueConsentLinkRequest {
        company: applied.company.clone(),
        r#type: link_type.into(),
        conference_url: conference.to_owned(),
        expires_at: Some(time::to_wire(expires_at)),
    };
    let answer = client
        .issue_consent_link(request)
        .await
        .map_err(Error::refused("make the link"))?
        .into_inner();
    let conference = answer.conference.ok_or(proto::Invalid::Missing("conference"))?;
    let provider = verdict::provider("conference.provider", conference.provider)?
        .ok_or(proto::Invalid::Missing("conference.provider"))?;

    let mut output = Output::new(arguments.printed);
    if output.is_json() {
        output.json(&json::ConsentLink {
            url: answer.url,
            company: applied.company,
            link_type: name,
            provider: provider.as_str(),
            conference_id: conference.id,
            expires_at: time::optional("expires_at", answer.expires_at.as_ref())?
                .map(json::instant),
        })?;
    } else {
        output.line(&answer.url)?;
    }
    output.flush()
}

/// The consent part of a company file.
fn profiles(company: &CompanyFile, policy_version: u64) -> ApplyConsentProfileRequest {
    let consent = &company.consent;
    ApplyConsentProfileRequest {
        company: company.company.clone(),
        policy_version,
        host: consent.host.clone(),
        keys: consent.keys.clone(),
        default_profile: consent.default_profile.clone(),
        profiles: consent
            .profiles
            .iter()
            .map(|(name, profile)| ConsentProfile::new(name, profile))
            .collect(),
    }
}
