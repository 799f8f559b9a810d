//! The token of a push by Pub/Sub.

use chrono::{DateTime, TimeDelta, Utc};
use http::HeaderMap;

use crate::json::Look;
use crate::verify::jwt::{self, Keys};
use crate::verify::{Error, bearer};

/// Seconds the clocks may differ.
const LEEWAY: TimeDelta = TimeDelta::minutes(5);

/// Checks a push: its token is signed by Google, not expired, made for an endpoint of ours (`audiences`) and by the service account
/// the push subscription runs as (`email`). The body itself is not signed.
///
/// # Errors
/// The token is missing, or not what it should be. [`Error::UnknownKey`] asks for the keys to be fetched again.
pub fn verify(
    headers: &HeaderMap,
    keys: &Keys,
    audiences: &[&str],
    email: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let claims = jwt::rs256(bearer(headers)?, keys)?;
    jwt::lifetime(&claims, LEEWAY, now)?;
    let is = |name: &'static str, allowed: &[&str]| match claims.id(&[name]) {
        Some(value) if allowed.contains(&value.as_str()) => Ok(()),
        _ => Err(Error::Claim(name)),
    };
    is("iss", &["https://accounts.google.com", "accounts.google.com"])?;
    is("aud", audiences)?;
    is("email", &[email])?;
    if claims.flag(&["email_verified"]) == Some(true) {
        Ok(())
    } else {
        Err(Error::Claim("email_verified"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::jwt::Issuer;
    use http::HeaderValue;
    use serde_json::{Value, json};

    #[test]
    fn only_our_own_push_is_believed() {
        let issuer = Issuer::new();
        let come = |claims: &Value| {
            let token = issuer.sign(&json!({"alg": "RS256", "kid": "k1"}), claims);
            let mut headers = HeaderMap::new();
            headers.insert(
                "authorization",
                HeaderValue::from_str(&format!("Bearer {token}")).unwrap(),
            );
            let now = DateTime::from_timestamp(1000, 0).unwrap();
            verify(
                &headers,
                &issuer.keys(),
                &["https://old.acme.example/meet", "https://hooks.acme.example/meet"],
                "push@acme.example",
                now,
            )
        };
        let good = json!({"iss": "https://accounts.google.com", "aud": "https://hooks.acme.example/meet", "exp": 2000,
            "email": "push@acme.example", "email_verified": true});
        assert_eq!(come(&good), Ok(()));
        for (name, value) in [
            ("iss", json!("https://accounts.example")),
            ("aud", json!("https://elsewhere.example")),
            ("email", json!("other@acme.example")),
            ("email_verified", json!(false)),
            ("exp", json!(600)),
        ] {
            let mut other = good.clone();
            other[name] = value;
            assert_eq!(come(&other), Err(Error::Claim(name)));
        }
    }
}
