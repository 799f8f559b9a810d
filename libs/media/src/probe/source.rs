//! Where the bytes of a look come from, and how many of them there may be.

use super::Bounds;
use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use std::collections::VecDeque;
use std::io::{Error, ErrorKind, Read, Result, Seek, SeekFrom};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use symphonia::core::io::MediaSource;
use tokio::runtime::Handle;

/// How much is asked of the store at once.
const BLOCK: u64 = 512 << 10;

/// Blocks that are remembered: headers at both ends, and where it is read.
const BLOCKS: usize = 4;

/// Changes of place in one look. Indexes are read in tens; a file that leads in circles ends here.
const SEEKS: u64 = 100_000;

/// What is left of the bounds of a look.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    bytes: Arc<AtomicU64>,
    seeks: Arc<AtomicU64>,
    until: Instant,
}

impl Budget {
    pub(super) fn new(bounds: Bounds) -> Self {
        let counter = |count| Arc::new(AtomicU64::new(count));
        Self {
            bytes: counter(bounds.bytes),
            seeks: counter(SEEKS),
            until: Instant::now() + bounds.time,
        }
    }

    /// Whether there is time left.
    pub(super) fn in_time(&self) -> bool {
        Instant::now() < self.until
    }

    fn spend(&self, counter: &AtomicU64, much: u64) -> Result<()> {
        let spent = counter
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(much));
        match spent.is_ok() && self.in_time() {
            true => Ok(()),
            // Not `Interrupted`, which readers take for an invitation to try again.
            false => Err(Error::new(ErrorKind::QuotaExceeded, "the bounds of a look are reached")),
        }
    }
}

/// A reader that stops at the bounds.
pub(super) struct Metered<R> {
    reader: R,
    bytes: u64,
    budget: Budget,
}

impl<R> Metered<R> {
    pub(super) fn new(reader: R, bytes: u64, budget: Budget) -> Self {
        Self { reader, bytes, budget }
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        let read = self.reader.read(into)?;
        // One is spent for nothing as well: reading at the end, again and again, is a circle too.
        self.budget.spend(&self.budget.bytes, read.max(1) as u64)?;
        Ok(read)
    }
}

impl<R: Seek> Seek for Metered<R> {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        self.budget.spend(&self.budget.seeks, 1)?;
        self.reader.seek(to)
    }
}

impl<R: Read + Seek + Send + Sync> MediaSource for Metered<R> {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.bytes)
    }
}

/// The first failure of the store: a reader of media would take it for a broken file.
#[derive(Debug, Clone, Default)]
pub(super) struct Failure(Arc<Mutex<Option<object_store::Error>>>);

impl Failure {
    pub(super) fn take(&self) -> Option<object_store::Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn note(&self, error: object_store::Error) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }
}

/// An object, read by ranges as they are needed, from a thread that may wait.
#[derive(Debug)]
pub(super) struct Ranged {
    objects: Arc<dyn ObjectStore>,
    path: Path,
    bytes: u64,
    runtime: Handle,
    at: u64,
    blocks: VecDeque<(u64, Bytes)>,
    failure: Failure,
}

impl Ranged {
    pub(super) fn new(
        objects: Arc<dyn ObjectStore>,
        path: Path,
        bytes: u64,
        runtime: Handle,
    ) -> Self {
        let (blocks, failure) = (VecDeque::new(), Failure::default());
        Self { objects, path, bytes, runtime, at: 0, blocks, failure }
    }

    pub(super) fn failure(&self) -> Failure {
        self.failure.clone()
    }

    /// The block that begins there.
    fn block(&mut self, begins: u64) -> Result<Bytes> {
        if let Some((_, block)) = self.blocks.iter().find(|(at, _)| *at == begins) {
            return Ok(block.clone());
        }
        let range = begins..self.bytes.min(begins + BLOCK);
        match self.runtime.block_on(self.objects.get_range(&self.path, range)) {
            Ok(block) => {
                self.blocks.truncate(BLOCKS - 1);
                self.blocks.push_front((begins, block.clone()));
                Ok(block)
            }
            Err(error) => {
                self.failure.note(error);
                Err(Error::other("the store does not give it"))
            }
        }
    }
}

impl Read for Ranged {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        if self.at >= self.bytes || into.is_empty() {
            return Ok(0);
        }
        let begins = self.at - self.at % BLOCK;
        let block = self.block(begins)?;
        let within = usize::try_from(self.at - begins).unwrap_or(usize::MAX);
        // Shorter than it should be: the object is not as long as was said.
        let rest = block.get(within..).unwrap_or_default();
        let read = rest.len().min(into.len());
        for (into, byte) in into.iter_mut().zip(rest) {
            *into = *byte;
        }
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Ranged {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        let to = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.bytes.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = to.ok_or_else(|| Error::new(ErrorKind::InvalidInput, "before the beginning"))?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn what_is_read_by_ranges_is_what_is_there() {
        let store = crate::Store::memory();
        let bytes: Vec<u8> = (0..3 * BLOCK + 17).map(|n| (n % 253) as u8).collect();
        let path = Path::from("x");
        store.objects().put(&path, bytes.clone().into()).await.unwrap();
        let handle = Handle::current();
        let ranged = Ranged::new(store.objects().clone(), path, bytes.len() as u64, handle);
        let read = tokio::task::spawn_blocking(move || {
            let mut ranged = ranged;
            let mut all = Vec::new();
            ranged.read_to_end(&mut all).unwrap();
            ranged.seek(SeekFrom::End(-20)).unwrap();
            let mut end = Vec::new();
            ranged.read_to_end(&mut end).unwrap();
            (all, end, ranged.seek(SeekFrom::Current(-1_000_000_000)).is_err())
        });
        let (all, end, refused) = read.await.unwrap();
        assert!(all == bytes);
        assert_eq!(end, bytes[bytes.len() - 20..]);
        assert!(refused);
    }

    #[test]
    fn reading_ends_at_the_bounds() {
        let bounds = Bounds { bytes: 100, time: Duration::from_secs(60) };
        let mut metered = Metered::new(std::io::repeat(1), u64::MAX, Budget::new(bounds));
        let mut all = Vec::new();
        let error = metered.by_ref().take(1000).read_to_end(&mut all).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
        assert!(all.len() <= 100);
    }
}
