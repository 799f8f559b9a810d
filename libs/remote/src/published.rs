//! Public keys as an issuer of tokens publishes them: a JWKS document (RFC 7517) at an address of its own.

use std::sync::Arc;

use crate::worded::Worded;
use crate::{Api, Base, Budget, Call, Credentials, Error, Http, InvalidBase};

const DIALECT: Worded = Worded {
    code: &[&["error", "status"], &["error"]],
    text: &[&["error", "message"], &["error_description"]],
    verdict: |_, _, _| None,
};

/// Where keys are published.
#[derive(Debug, Clone)]
pub struct Published {
    base: Base,
    last: String,
}

impl Published {
    /// An address.
    ///
    /// # Errors
    /// It is none to trust: neither `https` nor on this machine; or it has no path.
    pub fn at(url: &str) -> Result<Self, InvalidBase> {
        let (base, last) = url.trim_end_matches('/').rsplit_once('/').ok_or(InvalidBase::Url)?;
        let base = Base::new(base)?;
        Ok(Self { base, last: last.to_owned() })
    }

    /// The document that stands there now.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn fetch(&self, http: &Http) -> Result<Vec<u8>, Error> {
        let (credentials, budget) = (Credentials::None, Budget::unbounded());
        let dialect = Arc::new(DIALECT);
        let api = Api::new(http.clone(), self.base.clone(), "", credentials, dialect, budget);
        let document = api.json(&Call::get([self.last.as_str()])).await?;
        Ok(document.to_string().into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_taken_from_where_nobody_can_change_them_on_the_way() {
        assert!(Published::at("https://www.googleapis.com/oauth2/v3/certs").is_ok());
        assert!(Published::at("http://127.0.0.1:9/keys").is_ok());
        for wrong in ["http://www.googleapis.com/certs", "certs", "https://", "https://a.example"] {
            assert!(Published::at(wrong).is_err(), "{wrong}");
        }
    }
}
