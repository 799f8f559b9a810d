//! Where a file is, and what its provider wants to see of whoever fetches it.

use std::fmt;

use ::http::HeaderName;
use secrecy::SecretString;

use crate::{Base, Credentials, Error, Private};

/// A file to be fetched at once: neither link nor credentials last.
pub struct Download {
    /// Where it is. Redirects lead to hosts that must not see the credentials.
    pub url: Private,
    /// The header that lets in, for the host of [`url`](Self::url) alone; none where the link itself does.
    pub header: Option<(HeaderName, SecretString)>,
}

impl Download {
    /// A file of the API itself.
    pub(crate) async fn of(
        base: &Base,
        segments: &[&str],
        query: &[(&str, String)],
        credentials: &Credentials,
    ) -> Result<Self, Error> {
        let segments: Vec<String> = segments.iter().map(|&one| one.to_owned()).collect();
        let url = base.join(&segments, query)?;
        let header = credentials.header().await?;
        Ok(Self { url: Private::new(url), header })
    }

    /// A file behind a link that lets in whoever has it.
    #[must_use]
    pub fn open(url: Private) -> Self {
        Self { url, header: None }
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download").field("url", &self.url).finish_non_exhaustive()
    }
}
