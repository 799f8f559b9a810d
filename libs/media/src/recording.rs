//! What is known of a recording that is in the store: its manifest.

use crate::error::Error;
use crate::key::Key;
use object_store::path::Path;
use serde::{Deserialize, Serialize};

/// The name of the manifest among the objects of a recording.
pub(crate) const MANIFEST: &str = "manifest.json";

/// A recording that arrived whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// The object that holds it, as the store names it.
    pub object: String,
    /// How long it is.
    pub bytes: u64,
    /// SHA-256 of all of it, hexadecimal in lower case.
    pub sha256: String,
    /// What the server called it (`Content-Type`), which may be wrong.
    pub media_type: Option<String>,
    /// The strong `ETag` or the date of change of what was fetched.
    pub version: Option<String>,
}

impl Recording {
    /// Where it lies in the store.
    pub fn path(&self) -> Path {
        // As it is spelled: `from` would encode it a second time.
        Path::parse(&self.object).unwrap_or_else(|_| Path::from(self.object.as_str()))
    }
}

/// The end of a recording's story: it is there, or it was deleted. Written once; only deleting writes over it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Manifest {
    Recording(Recording),
    Deleted {},
}

impl Manifest {
    pub(crate) fn path(key: &Key) -> Path {
        key.object(MANIFEST)
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(bytes).map_err(Error::store("read a manifest"))
    }

    pub(crate) fn write(&self) -> Result<Vec<u8>, Error> {
        serde_json::to_vec(self).map_err(Error::store("write a manifest"))
    }

    /// The recording, unless it was deleted.
    pub(crate) fn recording(self) -> Result<Recording, Error> {
        match self {
            Self::Recording(recording) => Ok(recording),
            Self::Deleted {} => Err(Error::Deleted),
        }
    }
}
