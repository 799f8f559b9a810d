//! The tokens that vouch for a batch of rich notifications.

use chrono::{DateTime, TimeDelta, Utc};

use crate::Private;
use crate::json::Look;
use crate::verify::Error;
use crate::verify::jwt::{self, Keys};

/// The application of Microsoft's that sends notifications.
pub const PUBLISHER: &str = "0bf30f3b-4a52-48df-9a82-234910c4a086";

/// Seconds the clocks may differ.
const LEEWAY: TimeDelta = TimeDelta::minutes(5);

/// Checks every token of a batch: signed by one of Microsoft's keys, not expired, made for one of our applications
/// (`audiences`), and by the [`PUBLISHER`]; its issuer is the tenant it names. Gives the tenants, so that a notification
/// can be held against them.
///
/// # Errors
/// There is none, or one of them is not what it should be. [`Error::UnknownKey`] asks for the keys to be fetched again.
pub fn check_tokens(
    tokens: &[Private],
    keys: &Keys,
    audiences: &[&str],
    now: DateTime<Utc>,
) -> Result<Vec<String>, Error> {
    if tokens.is_empty() {
        return Err(Error::Missing("validationTokens"));
    }
    tokens.iter().map(|token| check(token, keys, audiences, now)).collect()
}

fn check(
    token: &Private,
    keys: &Keys,
    audiences: &[&str],
    now: DateTime<Utc>,
) -> Result<String, Error> {
    let claims = jwt::rs256(token.expose(), keys)?;
    jwt::lifetime(&claims, LEEWAY, now)?;
    let audience = claims.id(&["aud"]).ok_or(Error::Claim("aud"))?;
    if !audiences.contains(&audience.as_str()) {
        return Err(Error::Claim("aud"));
    }
    // Tokens of version 1 name the application in `appid`, those of version 2 in `azp`; one with both has both right.
    let names: Vec<String> =
        ["azp", "appid"].into_iter().filter_map(|name| claims.id(&[name])).collect();
    if names.is_empty() || names.iter().any(|name| name != PUBLISHER) {
        return Err(Error::Claim("azp"));
    }
    let tenant = claims.id(&["tid"]).ok_or(Error::Claim("tid"))?;
    let issuers = [
        format!("https://sts.windows.net/{tenant}/"),
        format!("https://login.microsoftonline.com/{tenant}/v2.0"),
    ];
    match claims.id(&["iss"]) {
        Some(issuer) if issuers.contains(&issuer) => Ok(tenant),
        _ => Err(Error::Claim("iss")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::jwt::Issuer;
    use serde_json::{Value, json};

    fn signed(issuer: &Issuer, header: &Value, claims: &Value) -> Private {
        Private::new(issuer.sign(header, claims))
    }

    fn claims() -> Value {
        json!({"aud": "our-app", "azp": PUBLISHER, "tid": "t1", "exp": 2000, "nbf": 900,
            "iss": "https://login.microsoftonline.com/t1/v2.0"})
    }

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1000, 0).unwrap()
    }

    #[test]
    fn a_token_vouches_for_its_tenant() {
        let issuer = Issuer::new();
        let header = json!({"alg": "RS256", "kid": "k1"});
        let check = |claims: &Value| {
            check_tokens(&[signed(&issuer, &header, claims)], &issuer.keys(), &["our-app"], now())
        };
        assert_eq!(check(&claims()), Ok(vec!["t1".to_owned()]));
        for (name, value) in [
            ("aud", json!("other-app")),
            ("azp", json!("00000000-0000-0000-0000-000000000000")),
            ("tid", json!(null)),
            ("exp", json!(600)),
            ("nbf", json!(1400)),
            ("iss", json!("https://login.microsoftonline.com/t2/v2.0")),
        ] {
            let mut other = claims();
            other[name] = value;
            assert_eq!(check(&other), Err(Error::Claim(name)), "{name}");
        }
        let mut both = claims();
        both["appid"] = json!("other");
        assert_eq!(check(&both), Err(Error::Claim("azp")));
    }

    #[test]
    fn only_microsofts_keys_count() {
        let (issuer, forger) = (Issuer::new(), Issuer::new());
        let header = json!({"alg": "RS256", "kid": "k1"});
        let check = |token: Private| check_tokens(&[token], &issuer.keys(), &["our-app"], now());
        assert_eq!(check(signed(&forger, &header, &claims())), Err(Error::Mismatch));
        let other = json!({"alg": "RS256", "kid": "k2"});
        assert_eq!(check(signed(&issuer, &other, &claims())), Err(Error::UnknownKey));
        let none = json!({"alg": "none", "kid": "k1"});
        assert_eq!(check(signed(&issuer, &none, &claims())), Err(Error::Claim("alg")));
    }

    #[test]
    fn every_token_of_a_batch_must_hold() {
        let (issuer, forger) = (Issuer::new(), Issuer::new());
        let header = json!({"alg": "RS256", "kid": "k1"});
        let tokens = [signed(&issuer, &header, &claims()), signed(&forger, &header, &claims())];
        let result = check_tokens(&tokens, &issuer.keys(), &["our-app"], now());
        assert_eq!(result, Err(Error::Mismatch));
        let result = check_tokens(&[], &issuer.keys(), &["our-app"], now());
        assert_eq!(result, Err(Error::Missing("validationTokens")));
    }
}
