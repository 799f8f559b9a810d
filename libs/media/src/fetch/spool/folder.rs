//! A recording that grows as a file in a folder.

use super::{Journal, Source, Whole, fresh_object};
use crate::error::Error;
use crate::hash::Sum;
use crate::key::Key;
use crate::store::Store;
use bytes::{Bytes, BytesMut};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStoreExt as _, PutMode};
use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::task::{JoinHandle, spawn_blocking};

/// How much is gathered before it is written: few enough calls, little enough memory.
const BLOCK: usize = 1 << 20;

/// How much may have to be fetched again after a crash.
const NOTE_EVERY: u64 = 16 << 20;

/// The end of the file and the sum up to it: they move together.
struct End {
    file: File,
    sum: Sum,
}

/// The file, its end, and what is on its way there.
pub(crate) struct Folder {
    store: Store,
    files: Arc<LocalFileSystem>,
    key: Key,
    journal: Journal,
    /// What has arrived and is not on its way yet.
    buffer: BytesMut,
    /// Written or being written.
    end: Option<JoinHandle<std::io::Result<End>>>,
    /// How much has been given to `end`.
    given: u64,
    /// Held for as long as this lives; the system lets go of it when the process dies.
    _lock: File,
}

fn spool(key: &Key) -> Path {
    key.object("spool")
}

fn lock(key: &Key) -> Path {
    key.object("lock")
}

impl Folder {
    pub(super) async fn open(
        store: Store,
        files: Arc<LocalFileSystem>,
        key: Key,
    ) -> Result<Self, Error> {
        let place =
            |path: &Path| files.path_to_filesystem(path).map_err(Error::store("name a file"));
        let (lock_path, spool_path) = (place(&lock(&key))?, place(&spool(&key))?);
        let lock = on_thread(move || take(&lock_path)).await?.ok_or(Error::Elsewhere)?;

        let noted = Journal::read(&store, &key).await?;
        // What the file holds is believed only if it sums up to what was noted: after a crash of the machine the note
        // may be there and the bytes not.
        let taken_up = on_thread(move || {
            let mut options = File::options();
            let mut file =
                options.create(true).truncate(false).read(true).write(true).open(spool_path)?;
            let noted = noted.and_then(|noted| Some((reread(&mut file, &noted)?, noted)));
            let (sum, journal) = noted.unwrap_or_default();
            file.set_len(journal.bytes)?;
            file.seek(SeekFrom::Start(journal.bytes))?;
            Ok((End { file, sum }, journal))
        });
        let (end, journal) = taken_up.await?;
        let given = journal.bytes;
        let end = Some(spawn_blocking(|| Ok(end)));
        Ok(Self { store, files, key, journal, buffer: BytesMut::new(), end, given, _lock: lock })
    }

    pub(super) fn have(&self) -> u64 {
        self.given + self.buffer.len() as u64
    }

    pub(super) fn source(&self) -> &Source {
        &self.journal.source
    }

    pub(super) async fn begin(&mut self, source: Source) -> Result<(), Error> {
        self.buffer.clear();
        let end = self.settled().await?;
        self.end = Some(spawn_blocking(move || {
            let End { mut file, .. } = end;
            file.set_len(0)?;
            file.rewind()?;
            Ok(End { file, sum: Sum::default() })
        }));
        self.given = 0;
        self.journal = Journal { source, ..Journal::default() };
        Ok(())
    }

    pub(super) async fn write(&mut self, bytes: Bytes) -> Result<(), Error> {
        self.buffer.extend_from_slice(&bytes);
        if self.buffer.len() < BLOCK {
            return Ok(());
        }
        self.give().await?;
        match self.given - self.journal.bytes >= NOTE_EVERY {
            true => self.note().await,
            false => Ok(()),
        }
    }

    pub(super) async fn keep(&mut self) -> Result<(), Error> {
        self.give().await?;
        match self.given == self.journal.bytes {
            true => Ok(()),
            false => self.note().await,
        }
    }

    pub(super) async fn sum(&mut self) -> Result<String, Error> {
        self.give().await?;
        let end = self.settled().await?;
        let sum = end.sum.clone().finish();
        self.end = Some(spawn_blocking(|| Ok(end)));
        Ok(sum)
    }

    pub(super) async fn finish(&mut self) -> Result<Whole, Error> {
        let sum = self.sum().await?;
        let end = self.settled().await?;
        // What is said to be there must still be there when the power has failed.
        let end = on_thread(move || end.file.sync_all().map(|()| end)).await?;
        let object = fresh_object(&self.key);
        self.files
            .rename(&spool(&self.key), &object)
            .await
            .map_err(Error::store("move a recording"))?;
        drop(end);
        let source = self.journal.source.clone();
        Ok(Whole { object, bytes: self.given, sum, source })
    }

    pub(super) async fn tidy(&mut self) -> Result<(), Error> {
        for path in [spool(&self.key), Journal::path(&self.key), lock(&self.key)] {
            self.store.remove(&path).await?;
        }
        Ok(())
    }

    /// Sends what is gathered on its way to the file.
    async fn give(&mut self) -> Result<(), Error> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let block = self.buffer.split().freeze();
        // The network fills the next block while this one is written.
        self.buffer.reserve(BLOCK);
        let mut end = self.settled().await?;
        self.given += block.len() as u64;
        self.end = Some(spawn_blocking(move || {
            end.file.write_all(&block)?;
            end.sum.update(&block);
            Ok(end)
        }));
        Ok(())
    }

    /// The end, once all that was given has been written.
    async fn settled(&mut self) -> Result<End, Error> {
        let Some(end) = self.end.take() else {
            // Writing failed before, and what the file holds is not known.
            return Err(Error::store("write")(std::io::Error::other("an earlier write failed")));
        };
        on_thread_joined(end).await
    }

    /// Notes how far the file goes.
    async fn note(&mut self) -> Result<(), Error> {
        let end = self.settled().await?;
        self.journal.sum = end.sum.state();
        self.journal.bytes = self.given;
        self.end = Some(spawn_blocking(|| Ok(end)));
        let path = Journal::path(&self.key);
        let written = self.store.write(&path, self.journal.write()?, PutMode::Overwrite).await;
        written.map(|_| ()).map_err(Error::store("note its progress"))
    }
}

/// The lock of a recording, unless somebody has it.
fn take(path: &PathBuf) -> std::io::Result<Option<File>> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    loop {
        let file = File::options().create(true).truncate(false).write(true).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // It may have been removed after it was opened; then another one has the same right.
        if still_there(&file, path)? {
            return Ok(Some(file));
        }
    }
}

#[cfg(unix)]
fn still_there(file: &File, path: &PathBuf) -> std::io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let ours = file.metadata()?;
    match std::fs::metadata(path) {
        Ok(theirs) => Ok((ours.dev(), ours.ino()) == (theirs.dev(), theirs.ino())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
fn still_there(_: &File, path: &PathBuf) -> std::io::Result<bool> {
    // An open file cannot be removed there.
    path.try_exists()
}

/// The sum of what was noted of a file, if the file still holds it.
fn reread(file: &mut File, noted: &Journal) -> Option<Sum> {
    let mut sum = Sum::default();
    let mut block = vec![0; BLOCK];
    let mut rest = noted.bytes;
    while rest > 0 {
        let want = usize::try_from(rest).unwrap_or(BLOCK).min(BLOCK);
        let block = block.get_mut(..want)?;
        file.read_exact(block).ok()?;
        sum.update(block);
        rest -= want as u64;
    }
    (sum.state() == noted.sum).then_some(sum)
}

async fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, Error> {
    on_thread_joined(spawn_blocking(work)).await
}

async fn on_thread_joined<T>(work: JoinHandle<std::io::Result<T>>) -> Result<T, Error> {
    work.await.map_err(Error::store("write"))?.map_err(Error::store("write"))
}
