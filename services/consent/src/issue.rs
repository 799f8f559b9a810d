//! Issuing a consent link: what a request asks for, as claims to be signed.

use chrono::{DateTime, Months, Timelike as _, Utc};
use decision::Conference;
use decision::company::LinkType;
use decision::consent::token::{self, Claims};
use proto::Invalid;
use proto::consent::v1::IssueConsentLinkRequest;

use crate::error::Error;

/// How long a link is valid where nothing is said: ten years.
const VALID: Months = Months::new(120);
/// A link is read by people and mailed around.
const LONGEST_URL: usize = 8_192;

/// What a link is to say.
///
/// # Errors
/// No type, no supported conference, or an expiry that has passed.
pub(crate) fn claims(
    request: &IssueConsentLinkRequest,
    now: DateTime<Utc>,
) -> Result<Claims, Error> {
    let link_type = proto::consent::link_type(request.r#type).ok_or(match request.r#type {
        0 => Invalid::Missing("type"),
        value => Invalid::Enum { field: "type", value },
    })?;
    let conference = conference_of(&request.conference_url)?;
    let expires_at = match proto::time::optional("expires_at", request.expires_at.as_ref())? {
        Some(at) => at,
        None => now.checked_add_months(VALID).unwrap_or(DateTime::<Utc>::MAX_UTC),
    };
    // A token counts in seconds.
    let expires_at = expires_at.with_nanosecond(0).unwrap_or(expires_at);
    if expires_at < now {
        return Err(Error::Link {
            field: "expires_at",
            problem: format!("has passed: it is {} now", now.format("%FT%TZ")),
        });
    }
    Ok(Claims { company: request.company.clone(), link_type, conference, expires_at })
}

/// The conference a join URL leads to.
fn conference_of(url: &str) -> Result<Conference, Error> {
    let wrong = |what: &str| {
        let known = decision::Provider::ALL.map(decision::Provider::as_str).join(", ");
        Error::Link {
            field: "conference_url",
            problem: format!("{what}; supported are join links of {known}"),
        }
    };
    if url.is_empty() {
        return Err(Invalid::Missing("conference_url").into());
    }
    if url.len() > LONGEST_URL {
        return Err(wrong("is too long for a link"));
    }
    let found = conference::classify(url.trim()).ok_or_else(|| wrong("is no conference link"))?;
    match &found.kind {
        conference::Kind::Join { provider, id } => {
            let provider = match provider {
                conference::Provider::Zoom => decision::Provider::Zoom,
                conference::Provider::Teams => decision::Provider::Teams,
                conference::Provider::Webex => decision::Provider::Webex,
                conference::Provider::GoogleMeet => decision::Provider::GoogleMeet,
            };
            Ok(Conference { provider, id: id.clone() })
        }
        conference::Kind::NoMeetingId { .. } => {
            Err(wrong(&format!("is a link of {} without a meeting id", found.name())))
        }
        conference::Kind::Unsupported { service, .. } => {
            Err(wrong(&format!("leads to `{service}`, which is not supported")))
        }
        conference::Kind::Undecodable { wrapper, .. } => Err(wrong(&format!(
            "is wrapped by {}, which cannot be undone here: give the link that was wrapped",
            wrapper.as_str()
        ))),
        conference::Kind::Consent { .. } => {
            Err(wrong("is a consent link already, or has the shape of one"))
        }
    }
}

/// The link of a signed token.
///
/// # Errors
/// The host is such that nobody would take the link for one of consent.
pub(crate) fn url(host: &str, claims: &Claims, signed: &str) -> Result<String, Error> {
    let url = token::url(host, &claims.company, claims.link_type, signed);
    let expected = match claims.link_type {
        LinkType::Static => conference::ConsentKind::Static,
        LinkType::Dynamic => conference::ConsentKind::Dynamic,
    };
    match conference::classify(&url).map(|link| link.kind) {
        Some(conference::Kind::Consent { company, kind, token, .. })
            if company == claims.company && kind == expected && token == signed =>
        {
            Ok(url)
        }
        Some(_) | None => Err(Error::Link {
            field: "company",
            problem: format!("has the consent host `{host}`, whose links would not be recognised"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use decision::Provider;
    use proto::calendar::v1::ConsentLinkType;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_767_000_000, 500_000_000).unwrap()
    }

    fn request(url: &str) -> IssueConsentLinkRequest {
        IssueConsentLinkRequest {
            company: "acme".into(),
            r#type: ConsentLinkType::Static.into(),
            conference_url: url.into(),
            expires_at: None,
        }
    }

    fn problem(request: &IssueConsentLinkRequest) -> String {
        claims(request, now()).unwrap_err().to_string()
    }

    #[test]
    fn a_link_is_valid_for_ten_years_unless_said_otherwise() {
        let claims = claims(&request("https://zoom.us/j/98765432101?pwd=secret"), now()).unwrap();
        assert_eq!(claims.conference.provider, Provider::Zoom);
        assert_eq!(claims.conference.id, "98765432101");
        assert_eq!(claims.expires_at.to_rfc3339(), "2035-12-29T09:20:00+00:00");
    }

    #[test]
    fn what_is_no_supported_conference_is_refused_with_the_providers_that_are() {
        for (url, says) in [
            ("", "missing"),
            ("hello", "no conference link"),
            ("https://www.example/", "no conference link"),
            ("https://meet.jit.si/Renewal", "jitsi"),
            ("https://consent.acme.example/acme/s/abcdefghijklmnopqrstuvwx", "consent link"),
        ] {
            let problem = problem(&request(url));
            assert!(problem.contains(says), "{url}: {problem}");
            assert!(url.is_empty() || problem.contains("zoom, teams, webex, google_meet"));
        }
    }

    #[test]
    fn a_passcode_is_not_repeated_in_an_error() {
        assert!(!problem(&request("https://zoom.us/rec/share?pwd=secret")).contains("secret"));
    }

    #[test]
    fn an_expiry_in_the_past_and_a_type_nobody_knows_are_refused() {
        let good = request("https://zoom.us/j/98765432101");
        let past = IssueConsentLinkRequest {
            expires_at: Some(proto::time::to_wire(now() - chrono::TimeDelta::seconds(1))),
            ..good.clone()
        };
        assert!(problem(&past).contains("has passed"));
        assert!(
            problem(&IssueConsentLinkRequest { r#type: 0, ..good.clone() }).contains("missing")
        );
        assert!(problem(&IssueConsentLinkRequest { r#type: 9, ..good }).contains('9'));
    }

    #[test]
    fn a_host_whose_links_nobody_would_recognise_is_refused() {
        let claims = claims(&request("https://zoom.us/j/98765432101"), now()).unwrap();
        let token = "abcdefghijklmnopqrstuvwx";
        assert!(url("consent.acme.example", &claims, token).is_ok());
        assert!(url("docs.google.com", &claims, token).is_err());
        assert!(url("acme.example?x=", &claims, token).is_err());
    }
}
