//! Vonage: recordings of calls.
//!
//! Documented: a recording is a file at the `recording_url` of its event, `/v1/files/{id}`, fetched with the token an
//! application signs for itself. Such tokens come from a [`Mint`](crate::Mint) of whoever keeps the application's private
//! key. The host in the address is not used: where Vonage lives is configuration. No endpoint that deletes a file was found,
//! so there is none here; Vonage keeps them for a month.

use crate::{Base, Credentials, Download, Error, InvalidBase, Tokens};

/// What the paths of Vonage's own API begin with.
///
/// # Errors
/// Never: it can be read.
pub fn public() -> Result<Base, InvalidBase> {
    Base::new("https://api.nexmo.com")
}

/// One application of Vonage. Clones share the token.
#[derive(Debug, Clone)]
pub struct Client {
    base: Base,
    credentials: Credentials,
}

impl Client {
    /// An application.
    #[must_use]
    pub fn new(base: Base, tokens: Tokens) -> Self {
        Self { base, credentials: Credentials::Tokens(tokens) }
    }

    /// Where the recording of an event is, by its `recording_url`.
    ///
    /// # Errors
    /// [`Error::Argument`] where the address is none of a file; no token can be had.
    pub async fn download(&self, recording_url: &str) -> Result<Download, Error> {
        let id = file(recording_url).ok_or(Error::Argument("an address that is none of a file"))?;
        Download::of(&self.base, &["v1", "files", &id], &[], &self.credentials).await
    }
}

/// The id of a file in an address that ends with `/v1/files/{id}`.
fn file(address: &str) -> Option<String> {
    let url = url::Url::parse(address).ok()?;
    let mut parts = url.path_segments()?;
    let end = [parts.next()?, parts.next()?, parts.next()?];
    let [version, files, id] = end;
    let fits = version == "v1" && files == "files" && !id.is_empty() && parts.next().is_none();
    fits.then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_address_of_a_file_is_one() {
        let found = file("https://api-us.nexmo.example/v1/files/aa-bb");
        assert_eq!(found.as_deref(), Some("aa-bb"));
        for wrong in [
            "https://a.example/v1/files/",
            "https://a.example/x/v1/files/a",
            "aa-bb",
            "https://a.example/v1/files/a/b",
        ] {
            assert_eq!(file(wrong), None, "{wrong}");
        }
        assert!(public().is_ok());
    }
}
