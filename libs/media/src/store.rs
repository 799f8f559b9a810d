//! Where recordings lie: a folder, or anything that speaks S3.

mod settings;

pub use settings::{Secret, Settings};

use crate::error::Error;
use crate::key::Key;
use crate::recording::{Manifest, Recording};
use futures::TryStreamExt as _;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode, PutPayload};
use std::fmt;
use std::sync::Arc;

/// A store of recordings. Cheap to clone.
///
/// Of each recording it holds, under its [`Key`]: the recording, a manifest that names it, and while it is being fetched
/// what is needed to go on. A recording without a manifest is not there yet.
#[derive(Clone)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    pub(crate) kind: Kind,
}

/// How a recording grows in the store.
#[derive(Clone)]
pub(crate) enum Kind {
    /// By appending to a file, which is moved to its place at the end: nothing is copied.
    Folder(Arc<LocalFileSystem>),
    /// By parts of one upload, which the store puts together at the end: nothing is copied either. The upload outlives
    /// the process that began it.
    Parts { parts: Arc<dyn MultipartStore>, conditional: bool },
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.objects)
    }
}

impl Store {
    /// In memory, for tests. Clones share it.
    pub fn memory() -> Self {
        Self::parts(InMemory::new(), true)
    }

    /// In a folder, which is made if it is not there, readable to its owner alone.
    ///
    /// # Errors
    /// [`Error::Store`] if it cannot be made or is no folder.
    pub fn folder(path: impl AsRef<std::path::Path>) -> Result<Self, Error> {
        let mut folders = std::fs::DirBuilder::new();
        folders.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut folders, 0o700);
        folders.create(&path).map_err(Error::store("make its folder"))?;
        let folder =
            LocalFileSystem::new_with_prefix(path).map_err(Error::store("open its folder"))?;
        let folder = Arc::new(folder);
        Ok(Self { objects: folder.clone(), kind: Kind::Folder(folder) })
    }

    /// One that takes uploads in parts.
    fn parts(store: impl ObjectStore + MultipartStore, conditional: bool) -> Self {
        let store = Arc::new(store);
        Self { objects: store.clone(), kind: Kind::Parts { parts: store, conditional } }
    }

    /// The same, below a prefix.
    fn parts_below(
        prefix: &str,
        store: impl ObjectStore + MultipartStore,
        conditional: bool,
    ) -> Self {
        match prefix {
            "" => Self::parts(store, conditional),
            prefix => Self::parts(PrefixStore::new(store, prefix), conditional),
        }
    }

    /// The objects themselves, for whoever serves or reads them.
    pub fn objects(&self) -> &Arc<dyn ObjectStore> {
        &self.objects
    }

    /// The recording of this key; nothing if it has not arrived whole.
    ///
    /// # Errors
    /// [`Error::Deleted`] if it was deleted, [`Error::Store`] if the store cannot tell.
    pub async fn find(&self, key: &Key) -> Result<Option<Recording>, Error> {
        match self.read(&Manifest::path(key)).await? {
            Some(bytes) => Manifest::read(&bytes)?.recording().map(Some),
            None => Ok(None),
        }
    }

    /// Deletes a recording for good: all of its objects, also what is only half there. What is left says that it was
    /// deleted, so that nobody who is late fetches it again. Deleting what is not there is as final, and no error.
    ///
    /// # Errors
    /// [`Error::Store`] if something may be left; deleting again goes on.
    pub async fn delete(&self, key: &Key) -> Result<(), Error> {
        let manifest = Manifest::path(key);
        // First the word, then the deed: whoever completes the recording meanwhile finds the word.
        let word = Manifest::Deleted {}.write()?;
        self.write(&manifest, word, PutMode::Overwrite)
            .await
            .map_err(Error::store("mark a deletion"))?;
        crate::fetch::abandon(self, key).await?;
        self.sweep(key, None).await
    }

    /// Removes all objects of a recording but the manifest and the one that it names.
    pub(crate) async fn sweep(&self, key: &Key, named: Option<&Path>) -> Result<(), Error> {
        let manifest = Manifest::path(key);
        let mut objects = self.objects.list(Some(&key.folder()));
        while let Some(object) = objects.try_next().await.map_err(Error::store("list"))? {
            if object.location != manifest && Some(&object.location) != named {
                self.remove(&object.location).await?;
            }
        }
        Ok(())
    }

    /// What an object holds; nothing if it is not there.
    pub(crate) async fn read(&self, path: &Path) -> Result<Option<bytes::Bytes>, Error> {
        let read = async { self.objects.get(path).await?.bytes().await };
        match read.await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(Error::store("read")(error)),
        }
    }

    /// Writes an object at once.
    pub(crate) async fn write(
        &self,
        path: &Path,
        bytes: Vec<u8>,
        mode: PutMode,
    ) -> object_store::Result<object_store::PutResult> {
        self.objects.put_opts(path, PutPayload::from(bytes), mode.into()).await
    }

    /// Removes an object, if it is there.
    pub(crate) async fn remove(&self, path: &Path) -> Result<(), Error> {
        match self.objects.delete(path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(Error::store("delete")(error)),
        }
    }

    /// Makes a recording the one of its key. If another one is already, that one counts and this one is removed.
    pub(crate) async fn settle(&self, key: &Key, recording: Recording) -> Result<Recording, Error> {
        let path = Manifest::path(key);
        let object = recording.path();
        let bytes = Manifest::Recording(recording.clone()).write()?;
        let mode = match self.kind {
            Kind::Parts { conditional: false, .. } => {
                // Without conditions a deletion at this very moment can be overtaken; the gap is made small.
                if let Some(found) = self.read(&path).await? {
                    return self.give_way(&object, &found).await;
                }
                PutMode::Overwrite
            }
            Kind::Folder(_) | Kind::Parts { conditional: true, .. } => PutMode::Create,
        };
        match self.write(&path, bytes, mode).await {
            Ok(_) => Ok(recording),
            Err(object_store::Error::AlreadyExists { .. }) => match self.read(&path).await? {
                Some(found) => self.give_way(&object, &found).await,
                None => Err(Error::Elsewhere),
            },
            Err(error) => Err(Error::store("write a manifest")(error)),
        }
    }

    async fn give_way(&self, object: &Path, manifest: &[u8]) -> Result<Recording, Error> {
        let settled = Manifest::read(manifest)?.recording();
        // It is the same one where the first answer of the store was lost.
        if !settled.as_ref().is_ok_and(|settled| settled.path() == *object) {
            self.remove(object).await?;
        }
        settled
    }
}
