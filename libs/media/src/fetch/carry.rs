//! Carrying the bytes over, with patience.

use super::Download;
use super::ask::{Asker, From};
use super::spool::{Source, Spool};
use crate::error::{BreakOff, Error, Site};
use crate::recording::Recording;
use crate::rules::Refusal;
use crate::store::Store;
use http::StatusCode;
use http::header::{CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap, LAST_MODIFIED};
use reqwest::Response;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::debug;

/// Longest media type and version that are noted.
const LONGEST: usize = 256;

/// Fetches until it is there, or until trying on is somebody else's.
pub(super) async fn carry(
    store: &Store,
    asker: &Asker,
    download: &Download,
) -> Result<Recording, Error> {
    let deadline = Instant::now() + asker.pace.deadline;
    let mut fruitless = 0;
    let mut kept = None;
    loop {
        if let Some(there) = find(store, &mut kept, download).await? {
            return Ok(there);
        }
        let mut spool = match kept.take() {
            Some(spool) => spool,
            None => Spool::open(store, &download.key, download.largest).await?,
        };
        let before = spool.have();
        let one = Attempt { asker, download, deadline };
        let error = match one.attempt(&mut spool).await {
            Ok(()) => match complete(store, download, &mut spool).await {
                Ok(recording) => return Ok(recording),
                Err(error) => error,
            },
            Err(error) => error,
        };
        fruitless = if spool.have() > before { 0 } else { fruitless + 1 };
        let pause = pause(&error, fruitless, asker);
        let Some(pause) = pause.filter(|pause| Instant::now() + *pause < deadline) else {
            return ended(store, download, spool, error).await;
        };
        debug!(%error, tries = fruitless, "fetching goes on after a pause");
        // After an error of the store nobody knows what of it happened; what is noted is true.
        if !matches!(error, Error::Store { .. }) {
            kept = Some(spool);
        }
        sleep(pause).await;
    }
}

/// The recording, if somebody was faster. If it was deleted, what we have of it goes too.
async fn find(
    store: &Store,
    kept: &mut Option<Spool>,
    download: &Download,
) -> Result<Option<Recording>, Error> {
    let found = store.find(&download.key).await;
    if matches!(found, Err(Error::Deleted)) {
        if let Some(mut spool) = kept.take() {
            spool.discard().await?;
        }
        // What was noted while it was being deleted.
        store.delete(&download.key).await?;
    }
    found
}

/// How long to wait before the next try; nothing if there is none.
fn pause(error: &Error, fruitless: u32, asker: &Asker) -> Option<Duration> {
    let pace = &asker.pace;
    if fruitless >= pace.tries {
        return None;
    }
    let own = pace.pause * (1 << fruitless.saturating_sub(1).min(4));
    if let Error::Busy { retry_after: Some(wanted), .. } = error {
        return (*wanted <= pace.patience).then(|| own.max(*wanted));
    }
    // Another process is somebody to wait for, not to contend with.
    (error.is_passing() && !matches!(error, Error::Elsewhere)).then_some(own)
}

/// What becomes of a download that is not tried again: an error, unless somebody else brought it to its end.
async fn ended(
    store: &Store,
    download: &Download,
    mut spool: Spool,
    error: Error,
) -> Result<Recording, Error> {
    let have = spool.have();
    let left = if matches!(error, Error::Refused { .. } | Error::Mismatch { .. }) {
        spool.discard().await
    } else if matches!(error, Error::Elsewhere | Error::Store { .. }) {
        // Not ours any more, or in an unknown state.
        Ok(())
    } else {
        spool.keep().await
    };
    match find(store, &mut Some(spool), download).await {
        Ok(Some(there)) => Ok(there),
        Err(deleted @ Error::Deleted) => Err(deleted),
        Ok(None) | Err(_) => Err(left.err().unwrap_or(error).after(have)),
    }
}

/// Holds all of it against what was announced, and makes it the recording of its key.
async fn complete(
    store: &Store,
    download: &Download,
    spool: &mut Spool,
) -> Result<Recording, Error> {
    let site = || Site::of(&download.url);
    if let Some(expected) = download.expected.bytes
        && expected != spool.have()
    {
        let what = format!("{} bytes instead of {expected}", spool.have());
        return Err(Error::Mismatch { site: site(), what });
    }
    if let Some(expected) = &download.expected.sha256 {
        let sum = spool.sum().await?;
        if !expected.eq_ignore_ascii_case(&sum) {
            return Err(Error::Mismatch {
                site: site(),
                what: format!("SHA-256 {sum} instead of `{expected}`"),
            });
        }
    }
    let whole = spool.finish().await?;
    let recording = Recording {
        object: whole.object.to_string(),
        bytes: whole.bytes,
        sha256: whole.sum,
        media_type: whole.source.media_type,
        version: whole.source.version,
    };
    let settled = store.settle(&download.key, recording).await?;
    // What others have half or whole there counts no more. Leftovers do no harm, and the recording is there.
    if let Err(error) = store.sweep(&download.key, Some(&settled.path())).await {
        debug!(%error, "leftovers of a download stay");
    }
    Ok(settled)
}

/// One connection's worth of a download.
struct Attempt<'a> {
    asker: &'a Asker,
    download: &'a Download,
    deadline: Instant,
}

impl Attempt<'_> {
    /// Fetches what is missing.
    async fn attempt(&self, spool: &mut Spool) -> Result<(), Error> {
        loop {
            let have = spool.have();
            if have > 0 && spool.source().total == Some(have) {
                return Ok(());
            }
            let version = spool.source().version.clone().filter(|_| have > 0);
            let from = version.as_deref().map(|version| From { bytes: have, version });
            let ranged = from.is_some();
            let (site, response) = self.asker.ask(self.download, from, self.deadline).await?;
            match response.status() {
                StatusCode::OK => {
                    let source = source(&site, &response)?;
                    self.fits(&site, source.total.unwrap_or_default())?;
                    if let (Some(total), Some(expected)) =
                        (source.total, self.download.expected.bytes)
                        && total != expected
                    {
                        let what = format!("{total} bytes instead of {expected}");
                        return Err(Error::Mismatch { site, what });
                    }
                    spool.begin(source).await?;
                    return self.stream(site, response, spool).await;
                }
                StatusCode::PARTIAL_CONTENT if goes_on(spool, response.headers()) => {
                    return self.stream(site, response, spool).await;
                }
                // Another part, another version, or none: all of it, then. Only once, as nothing is had any more.
                _ if ranged => spool.begin(Source::default()).await?,
                _ => {
                    return Err(Error::Unusable {
                        site,
                        what: "a part that nobody asked for".to_owned(),
                    });
                }
            }
        }
    }

    /// Takes over what comes until it ends.
    async fn stream(
        &self,
        site: Site,
        mut response: Response,
        spool: &mut Spool,
    ) -> Result<(), Error> {
        let idle = self.asker.pace.idle;
        let broken = |site, why| Error::BrokenOff { site, bytes: 0, why };
        let total = spool.source().total;
        loop {
            let now = Instant::now();
            if now >= self.deadline {
                return Err(broken(site, BreakOff::Deadline(self.asker.pace.deadline)));
            }
            match timeout_at(self.deadline.min(now + idle), response.chunk()).await {
                Ok(Ok(Some(chunk))) => {
                    let have = spool.have() + chunk.len() as u64;
                    self.fits(&site, have)?;
                    if total.or(self.download.expected.bytes).is_some_and(|total| have > total) {
                        return Err(Error::Mismatch {
                            site,
                            what: "more bytes than announced".to_owned(),
                        });
                    }
                    spool.write(chunk).await?;
                }
                Ok(Ok(None)) if total.is_some_and(|total| spool.have() < total) => {
                    return Err(broken(site, BreakOff::Early));
                }
                Ok(Ok(None)) => return Ok(()),
                Ok(Err(_)) => return Err(broken(site, BreakOff::Early)),
                Err(_) if Instant::now() >= self.deadline => {}
                Err(_) => return Err(broken(site, BreakOff::Idle(idle))),
            }
        }
    }

    fn fits(&self, site: &Site, bytes: u64) -> Result<(), Error> {
        let limit = self.download.largest;
        match bytes > limit {
            true => Err(Error::Refused { site: site.clone(), why: Refusal::TooLarge { limit } }),
            false => Ok(()),
        }
    }
}

/// What an answer says of all of it.
fn source(site: &Site, response: &Response) -> Result<Source, Error> {
    let headers = response.headers();
    if let Some(encoding) = text(headers, &CONTENT_ENCODING)
        && encoding != "identity"
    {
        return Err(Error::Unusable {
            site: site.clone(),
            what: "a compression nobody asked for".to_owned(),
        });
    }
    Ok(Source {
        version: version(headers),
        total: response.content_length(),
        media_type: text(headers, &CONTENT_TYPE),
    })
}

/// What identifies the bytes: an `ETag` that is not weak, else when they were changed.
fn version(headers: &HeaderMap) -> Option<String> {
    match text(headers, &ETAG) {
        Some(tag) if tag.starts_with('"') => Some(tag),
        _ => text(headers, &LAST_MODIFIED),
    }
}

/// Whether a part begins where we are, and is of the same thing.
fn goes_on(spool: &Spool, headers: &HeaderMap) -> bool {
    let range = text(headers, &CONTENT_RANGE).unwrap_or_default();
    let parts = range.strip_prefix("bytes ").and_then(|range| range.split_once('/'));
    let Some((range, total)) = parts else { return false };
    let begins: Option<u64> =
        range.split_once('-').and_then(|(begins, _)| begins.trim().parse().ok());
    let same_total = match (total.parse::<u64>().ok(), spool.source().total) {
        (Some(now), Some(then)) => now == then,
        _ => true,
    };
    let now = version(headers);
    let same_version = now.is_none() || now == spool.source().version;
    begins == Some(spool.have()) && same_total && same_version
}

fn text(headers: &HeaderMap, name: &http::HeaderName) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    (value.len() <= LONGEST).then(|| value.to_owned())
}
