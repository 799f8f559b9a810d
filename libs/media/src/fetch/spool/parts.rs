//! A recording that grows as the parts of one upload.

use super::{Journal, Source, Whole, fresh_object, summed, unique};
use crate::error::Error;
use crate::hash::Sum;
use crate::key::Key;
use crate::store::Store;
use bytes::{Bytes, BytesMut};
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{ObjectStoreExt as _, PutMode, PutPayload, UpdateVersion};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// The least a part may have is 5 MiB in S3; a little more makes fewer requests.
const PART: usize = 8 << 20;

/// S3 takes 10,000 parts; a few are left over.
const MOST_PARTS: u64 = 9_900;

/// Parts on their way at once: as much memory as that, and one more that is being filled.
const AT_ONCE: usize = 3;

/// A part on its way, and where the recording stands when it has arrived.
struct OnItsWay {
    part: JoinHandle<object_store::Result<PartId>>,
    sum: Sum,
    bytes: u64,
}

/// The upload, what is on its way, and what is being gathered.
pub(crate) struct Parts {
    store: Store,
    parts: Arc<dyn MultipartStore>,
    conditional: bool,
    key: Key,
    part: usize,
    journal: Journal,
    /// What the store calls the journal we wrote last; a write over any other one is refused.
    noted: Option<UpdateVersion>,
    on_its_way: VecDeque<OnItsWay>,
    buffer: BytesMut,
    /// The sum up to the buffer, and how much that is.
    sum: Sum,
    sent: u64,
}

fn tail(key: &Key) -> Path {
    key.object("tail")
}

impl Parts {
    pub(super) async fn open(
        store: Store,
        parts: Arc<dyn MultipartStore>,
        conditional: bool,
        key: Key,
        largest: u64,
    ) -> Result<Self, Error> {
        let part = usize::try_from(largest.div_ceil(MOST_PARTS)).unwrap_or(PART).max(PART);
        let mut this = Self {
            store,
            parts,
            conditional,
            key,
            part,
            journal: Journal::default(),
            noted: None,
            on_its_way: VecDeque::new(),
            buffer: BytesMut::new(),
            sum: Sum::default(),
            sent: 0,
        };
        this.take_up().await?;
        Ok(this)
    }

    pub(super) fn have(&self) -> u64 {
        self.sent + self.buffer.len() as u64
    }

    pub(super) fn source(&self) -> &Source {
        &self.journal.source
    }

    pub(super) async fn begin(&mut self, source: Source) -> Result<(), Error> {
        while let Some(one) = self.on_its_way.pop_front() {
            one.part.abort();
        }
        abort(self.parts.as_ref(), &self.journal).await?;
        self.buffer.clear();
        (self.sum, self.sent) = (Sum::default(), 0);
        let writer = std::mem::take(&mut self.journal.writer);
        let sum = self.sum.state();
        self.journal = Journal { source, writer, sum, ..Journal::default() };
        // What is noted names an upload that is given up.
        match self.noted {
            Some(_) => self.note().await,
            None => Ok(()),
        }
    }

    pub(super) async fn write(&mut self, mut bytes: Bytes) -> Result<(), Error> {
        while self.on_its_way.front().is_some_and(|first| first.part.is_finished()) {
            self.arrived().await?;
        }
        while self.buffer.len() + bytes.len() >= self.part {
            let fits = bytes.split_to(self.part - self.buffer.len());
            self.buffer.extend_from_slice(&fits);
            self.send().await?;
        }
        self.buffer.extend_from_slice(&bytes);
        Ok(())
    }

    pub(super) async fn keep(&mut self) -> Result<(), Error> {
        while !self.on_its_way.is_empty() {
            self.arrived().await?;
        }
        if self.have() == self.journal.bytes + self.journal.tail {
            return Ok(());
        }
        let rest = PutPayload::from(Bytes::copy_from_slice(&self.buffer));
        self.store.objects().put(&tail(&self.key), rest).await.map_err(Error::store("write"))?;
        self.journal.tail = self.buffer.len() as u64;
        self.journal.sum = self.sum.state();
        self.note().await
    }

    pub(super) async fn sum(&mut self) -> Result<String, Error> {
        let mut sum = self.sum.clone();
        sum = summed(sum, Bytes::copy_from_slice(&self.buffer)).await?;
        Ok(sum.finish())
    }

    pub(super) async fn finish(&mut self) -> Result<Whole, Error> {
        let (sum, bytes) = (self.sum().await?, self.have());
        let source = self.journal.source.clone();
        if self.journal.upload.is_none() {
            // Less than a part: an object at once.
            let object = fresh_object(&self.key);
            let all = PutPayload::from(self.buffer.split().freeze());
            self.store.objects().put(&object, all).await.map_err(Error::store("write"))?;
            return Ok(Whole { object, bytes, sum, source });
        }
        if !self.buffer.is_empty() {
            self.send().await?;
        }
        while !self.on_its_way.is_empty() {
            self.arrived().await?;
        }
        let object = self.journal.object();
        let parts = self.journal.parts.iter().cloned().map(|content_id| PartId { content_id });
        let upload = self.journal.upload.clone().unwrap_or_default();
        let complete = self.parts.complete_multipart(&object, &upload, parts.collect());
        self.unless_gone(complete.await).await?;
        // It is an object now, and there is nothing left to give up.
        self.journal.upload = None;
        Ok(Whole { object, bytes, sum, source })
    }

    pub(super) async fn tidy(&mut self) -> Result<(), Error> {
        for path in [tail(&self.key), Journal::path(&self.key)] {
            self.store.remove(&path).await?;
        }
        Ok(())
    }

    /// Goes on with what somebody noted, and lets them know by writing over it.
    async fn take_up(&mut self) -> Result<(), Error> {
        let found = match self.store.objects().get(&Journal::path(&self.key)).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => {
                self.journal.writer = unique();
                return Ok(());
            }
            Err(error) => return Err(Error::store("read")(error)),
        };
        let meta = &found.meta;
        self.noted =
            Some(UpdateVersion { e_tag: meta.e_tag.clone(), version: meta.version.clone() });
        let bytes = found.bytes().await.map_err(Error::store("read"))?;
        let noted: Journal = serde_json::from_slice(&bytes).unwrap_or_default();
        self.journal = noted.clone();
        self.journal.writer = unique();
        self.note().await?;
        match self.rest_of(&noted).await? {
            Some((sum, rest)) => {
                (self.sum, self.sent) = (sum, noted.bytes);
                self.buffer = BytesMut::from(&rest[..]);
                Ok(())
            }
            None => self.begin(Source::default()).await,
        }
    }

    /// The sum and the tail that belong to a journal; nothing if they do not fit together.
    async fn rest_of(&self, noted: &Journal) -> Result<Option<(Sum, Bytes)>, Error> {
        let Some(sum) = Sum::from_state(&noted.sum) else { return Ok(None) };
        if noted.tail == 0 {
            return Ok(Some((sum, Bytes::new())));
        }
        let tail = self.store.read(&tail(&self.key)).await?;
        // A longer one was written by somebody who could not note it any more; it begins alike.
        let length = usize::try_from(noted.tail).unwrap_or(usize::MAX);
        Ok(tail.filter(|tail| tail.len() >= length).map(|tail| (sum, tail.slice(..length))))
    }

    /// Sends what is gathered as a part.
    async fn send(&mut self) -> Result<(), Error> {
        if self.on_its_way.len() >= AT_ONCE {
            self.arrived().await?;
        }
        let object = match &self.journal.upload {
            Some(_) => self.journal.object(),
            None => {
                let object = fresh_object(&self.key);
                let upload = self.parts.create_multipart(&object).await;
                self.journal.upload = Some(upload.map_err(Error::store("begin an upload"))?);
                self.journal.object = object.to_string();
                self.journal.sum = self.sum.state();
                // Noted before anything is in it, so that whoever deletes the recording finds it.
                if let Err(error) = self.note().await {
                    let given_up = abort(self.parts.as_ref(), &self.journal).await;
                    self.journal.upload = None;
                    return given_up.and(Err(error));
                }
                object
            }
        };
        let block = self.buffer.split().freeze();
        self.sum = summed(std::mem::take(&mut self.sum), block.clone()).await?;
        self.sent += block.len() as u64;
        let index = self.journal.parts.len() + self.on_its_way.len();
        let (parts, upload) = (self.parts.clone(), self.journal.upload.clone().unwrap_or_default());
        let part = async move { parts.put_part(&object, &upload, index, block.into()).await };
        let part = tokio::spawn(part);
        self.on_its_way.push_back(OnItsWay { part, sum: self.sum.clone(), bytes: self.sent });
        Ok(())
    }

    /// Waits for the first part on its way and notes it.
    async fn arrived(&mut self) -> Result<(), Error> {
        let Some(first) = self.on_its_way.pop_front() else { return Ok(()) };
        let part = first.part.await.map_err(Error::store("write"))?;
        let part = self.unless_gone(part).await?;
        self.journal.parts.push(part.content_id);
        self.journal.bytes = first.bytes;
        self.journal.sum = first.sum.state();
        self.journal.tail = 0;
        self.note().await
    }

    /// What the store answered about the upload. If it has given it up, as stores do after some days, nothing can go on
    /// with it.
    async fn unless_gone<T>(&mut self, answer: object_store::Result<T>) -> Result<T, Error> {
        if let Err(object_store::Error::NotFound { .. }) = answer {
            self.journal.upload = None;
            self.begin(Source::default()).await?;
        }
        answer.map_err(Error::store("go on with an upload"))
    }

    /// Writes the journal over the one we know.
    async fn note(&mut self) -> Result<(), Error> {
        let path = Journal::path(&self.key);
        let bytes = self.journal.write()?;
        let mode = match (self.conditional, self.noted.take()) {
            (false, _) => PutMode::Overwrite,
            (true, None) => PutMode::Create,
            (true, Some(noted)) => PutMode::Update(noted),
        };
        use object_store::Error::{AlreadyExists, NotFound, Precondition};
        match self.store.write(&path, bytes.clone(), mode).await {
            Ok(written) => {
                self.noted = Some(written.into());
                Ok(())
            }
            Err(AlreadyExists { .. } | Precondition { .. } | NotFound { .. }) => {
                // Ours, if the store took it and its answer was lost; else somebody else goes on with it.
                let found = self.store.objects().get(&path).await.map_err(|_| Error::Elsewhere)?;
                let (e_tag, version) = (found.meta.e_tag.clone(), found.meta.version.clone());
                match found.bytes().await {
                    Ok(found) if found == bytes => {
                        self.noted = Some(UpdateVersion { e_tag, version });
                        Ok(())
                    }
                    _ => Err(Error::Elsewhere),
                }
            }
            Err(error) => Err(Error::store("note its progress")(error)),
        }
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        for one in &self.on_its_way {
            one.part.abort();
        }
    }
}

/// Gives up the upload of a journal. That it is no more is as good.
pub(super) async fn abort(parts: &dyn MultipartStore, journal: &Journal) -> Result<(), Error> {
    let Some(upload) = &journal.upload else { return Ok(()) };
    match parts.abort_multipart(&journal.object(), upload).await {
        Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(Error::store("give up an upload")(error)),
    }
}
