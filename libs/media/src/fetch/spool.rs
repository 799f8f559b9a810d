//! A recording as it grows in the store, and what is needed to go on with it.
//!
//! Nothing is copied at the end. In a folder the bytes are appended to a file, which is then moved to its place. Elsewhere
//! they are the parts of one upload, whose id and parts are noted in a journal beside it; such an upload outlives the
//! process, so that another one, on another machine, goes on with it. A spool on local disk would not survive the machine,
//! and parts that are objects of their own would be sent three times: there, back, and there again.

mod folder;
mod parts;

use crate::error::Error;
use crate::hash::Sum;
use crate::key::Key;
use crate::store::{Kind, Store};
use bytes::Bytes;
use folder::Folder;
use object_store::path::Path;
use parts::Parts;
use serde::{Deserialize, Serialize};

/// What is known of the thing that is fetched: it must be the same when we go on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Source {
    /// A strong `ETag`, or `Last-Modified`: what `If-Range` takes. Without one, nothing can be gone on with.
    pub(crate) version: Option<String>,
    /// How long all of it is.
    pub(crate) total: Option<u64>,
    /// What the server calls it.
    pub(crate) media_type: Option<String>,
}

/// What is noted beside a recording that is not whole yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Journal {
    source: Source,
    /// Where the recording is going to be.
    object: String,
    /// How much of it is stored.
    bytes: u64,
    /// The sum so far, in the making.
    sum: String,
    /// The upload it is part of.
    upload: Option<String>,
    /// The parts of the upload, as the store calls them.
    parts: Vec<String>,
    /// How many bytes, too few for a part, lie in an object of their own; not counted in `bytes`.
    tail: u64,
    /// Who writes it. Another one here means that we were taken over.
    writer: String,
}

impl Journal {
    pub(super) fn path(key: &Key) -> Path {
        key.object("progress.json")
    }

    /// The journal of a recording; none if there is none that can be read.
    async fn read(store: &Store, key: &Key) -> Result<Option<Self>, Error> {
        let bytes = store.read(&Self::path(key)).await?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    fn write(&self) -> Result<Vec<u8>, Error> {
        serde_json::to_vec(self).map_err(Error::store("note its progress"))
    }

    fn object(&self) -> Path {
        Path::parse(&self.object).unwrap_or_else(|_| Path::from(self.object.as_str()))
    }
}

/// A name nobody else has.
fn unique() -> String {
    format!("{:016x}", rand::random::<u64>())
}

/// Where a new attempt is going to lie. Not where an older one might end, so that two never write one object.
fn fresh_object(key: &Key) -> Path {
    key.object(&format!("recording-{}", unique()))
}

/// A recording as it grows. Dropped, it stays as it was last noted.
pub(crate) enum Spool {
    Folder(Folder),
    Parts(Parts),
}

/// A recording that is all there, but for its manifest.
pub(crate) struct Whole {
    pub(crate) object: Path,
    pub(crate) bytes: u64,
    pub(crate) sum: String,
    pub(crate) source: Source,
}

impl Spool {
    /// Takes up what there is, or begins. `largest` is how much may come.
    pub(crate) async fn open(store: &Store, key: &Key, largest: u64) -> Result<Self, Error> {
        Ok(match &store.kind {
            Kind::Folder(files) => {
                Self::Folder(Folder::open(store.clone(), files.clone(), key.clone()).await?)
            }
            Kind::Parts { parts, conditional } => {
                let parts = parts.clone();
                Self::Parts(
                    Parts::open(store.clone(), parts, *conditional, key.clone(), largest).await?,
                )
            }
        })
    }

    /// How much has arrived.
    pub(crate) fn have(&self) -> u64 {
        match self {
            Self::Folder(folder) => folder.have(),
            Self::Parts(parts) => parts.have(),
        }
    }

    /// What is being fetched.
    pub(crate) fn source(&self) -> &Source {
        match self {
            Self::Folder(folder) => folder.source(),
            Self::Parts(parts) => parts.source(),
        }
    }

    /// Throws away what there is and begins again with this source.
    pub(crate) async fn begin(&mut self, source: Source) -> Result<(), Error> {
        match self {
            Self::Folder(folder) => folder.begin(source).await,
            Self::Parts(parts) => parts.begin(source).await,
        }
    }

    /// Adds what comes next.
    pub(crate) async fn write(&mut self, bytes: Bytes) -> Result<(), Error> {
        match self {
            Self::Folder(folder) => folder.write(bytes).await,
            Self::Parts(parts) => parts.write(bytes).await,
        }
    }

    /// Notes all that has arrived, so that another process can go on from it.
    pub(crate) async fn keep(&mut self) -> Result<(), Error> {
        match self {
            Self::Folder(folder) => folder.keep().await,
            Self::Parts(parts) => parts.keep().await,
        }
    }

    /// Stores the last of it and tells the sum; it is not an object yet.
    pub(crate) async fn sum(&mut self) -> Result<String, Error> {
        match self {
            Self::Folder(folder) => folder.sum().await,
            Self::Parts(parts) => parts.sum().await,
        }
    }

    /// Makes it an object.
    pub(crate) async fn finish(&mut self) -> Result<Whole, Error> {
        match self {
            Self::Folder(folder) => folder.finish().await,
            Self::Parts(parts) => parts.finish().await,
        }
    }

    /// Removes what was only needed to go on.
    pub(crate) async fn tidy(&mut self) -> Result<(), Error> {
        match self {
            Self::Folder(folder) => folder.tidy().await,
            Self::Parts(parts) => parts.tidy().await,
        }
    }

    /// Throws it all away.
    pub(crate) async fn discard(&mut self) -> Result<(), Error> {
        self.begin(Source::default()).await?;
        self.tidy().await
    }
}

/// Gives up an upload that somebody began, so that its parts take no room. The objects are the caller's to remove.
pub(crate) async fn abandon(store: &Store, key: &Key) -> Result<(), Error> {
    let Kind::Parts { parts, .. } = &store.kind else { return Ok(()) };
    let Some(journal) = Journal::read(store, key).await? else { return Ok(()) };
    parts::abort(parts.as_ref(), &journal).await
}

/// Adds a block to a sum, away from the threads that wait for others.
async fn summed(mut sum: Sum, block: Bytes) -> Result<Sum, Error> {
    tokio::task::spawn_blocking(move || {
        sum.update(&block);
        sum
    })
    .await
    .map_err(Error::store("sum up"))
}
