//! Looking at a recording: what it is, how long it is, and whether anything can be heard.
//!
//! [symphonia](https://docs.rs/symphonia) opens WAV, AIFF, CAF, MP4, Matroska and WebM, Ogg, FLAC, MP3 and ADTS, and decodes
//! PCM, ADPCM, AAC-LC, ALAC, FLAC, MP2, MP3 and Vorbis. Pictures are counted and not decoded. Opus, HE-AAC's upper band and
//! whatever else it does not decode are judged by their packets: if all of them are as small as packets of silence are, or
//! if there are none, it is silence; otherwise nobody knows, and what nobody knows is not thrown away.

mod sound;
mod source;

use crate::error::Error;
use crate::recording::Recording;
use crate::store::Store;
use object_store::ObjectStore;
use object_store::path::Path;
use serde::Serialize;
use source::{Budget, Metered, Ranged};
use std::io::{Read, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::common::Limit;
use symphonia::core::errors::Error as Symphonia;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, Track};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;

/// What a look may cost. An ordinary recording costs its headers and its first seconds; only one in which nothing is
/// heard, or that does not say how long it is, is read on to these bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// How many bytes are read, twice the same counting twice.
    pub bytes: u64,
    /// How long it may take.
    pub time: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { bytes: 1 << 30, time: Duration::from_secs(120) }
    }
}

/// Whether a recording is silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Silence {
    /// Something is heard: two tenths of a second or more are at -60 dB of full scale or louder.
    Sound,
    /// All of it was looked at and nothing is heard, or there is no track that could be heard.
    Silent,
    /// It could not be decoded, not to its end, or not within the bounds.
    Unknown,
}

/// What a recording is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Probe {
    /// The short name of the container (`wave`, `isomp4`, `mkv`, `ogg`…); nothing for a file without a byte.
    pub container: Option<&'static str>,
    /// Tracks that can be heard.
    pub audio: usize,
    /// Tracks that can be seen.
    pub video: usize,
    /// Tracks of text, or of a kind nobody knows.
    pub other: usize,
    /// How long it lasts: as its headers say, else up to its last packet; nothing if neither tells within the bounds.
    pub duration: Option<Duration>,
    /// Whether anything is heard.
    pub silence: Silence,
    /// How many bytes it has.
    pub bytes: u64,
}

/// How long a recording may last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Anything under it is too short.
    pub shortest: Duration,
    /// Anything over it is too long, counted in whole seconds: encoders add some milliseconds at the end.
    pub longest: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { shortest: Duration::from_secs(30), longest: Duration::from_secs(6 * 3600) }
    }
}

/// Why a recording that could be read is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unfit {
    /// It lasts under the minimum.
    TooShort,
    /// It lasts over the maximum.
    TooLong,
    /// It has no tracks, or nothing is heard in it.
    NoContent,
}

impl Probe {
    /// All that is against this recording. What is not known is not against it.
    pub fn unfit(&self, limits: &Limits) -> Vec<Unfit> {
        let is = |unfit, holds: bool| holds.then_some(unfit);
        let lasts = |over: &dyn Fn(Duration) -> bool| self.duration.is_some_and(over);
        let whole = |duration: Duration| Duration::from_secs(duration.as_secs());
        let all = [
            is(Unfit::TooShort, lasts(&|duration| duration < limits.shortest)),
            is(Unfit::TooLong, lasts(&|duration| whole(duration) > limits.longest)),
            is(Unfit::NoContent, self.silence == Silence::Silent),
        ];
        all.into_iter().flatten().collect()
    }
}

/// Looks at a recording in the store. Only the ranges that are needed are read.
///
/// # Errors
/// [`Error::UnknownMedia`] if it is none that we know, [`Error::Store`] if it cannot be read.
pub async fn probe(store: &Store, recording: &Recording, bounds: Bounds) -> Result<Probe, Error> {
    probe_object(store.objects().clone(), recording.path(), recording.bytes, bounds).await
}

/// Looks at any object of this length.
///
/// # Errors
/// As [`probe`].
pub async fn probe_object(
    objects: Arc<dyn ObjectStore>,
    path: Path,
    bytes: u64,
    bounds: Bounds,
) -> Result<Probe, Error> {
    let ranged = Ranged::new(objects, path, bytes, tokio::runtime::Handle::current());
    let failure = ranged.failure();
    let looked = tokio::task::spawn_blocking(move || look(ranged, bytes, bounds)).await;
    match failure.take() {
        Some(error) => Err(Error::store("read a recording")(error)),
        None => looked.map_err(Error::store("look at a recording"))?,
    }
}

/// Looks at what a reader gives, on this thread.
///
/// # Errors
/// [`Error::UnknownMedia`] if it is none that we know.
pub fn look(
    reader: impl Read + Seek + Send + Sync + 'static,
    bytes: u64,
    bounds: Bounds,
) -> Result<Probe, Error> {
    // No file may stop us, not even one that finds a hole in its reader, such as a sum that overflows. Nothing of what
    // the reader held is used afterwards.
    let looked = catch_unwind(AssertUnwindSafe(|| look_inside(reader, bytes, bounds)));
    looked.unwrap_or_else(|_| Err(Error::UnknownMedia("its reader gave up".to_owned())))
}

fn look_inside(
    reader: impl Read + Seek + Send + Sync + 'static,
    bytes: u64,
    bounds: Bounds,
) -> Result<Probe, Error> {
    if bytes == 0 {
        return Ok(Probe {
            container: None,
            audio: 0,
            video: 0,
            other: 0,
            duration: None,
            silence: Silence::Silent,
            bytes,
        });
    }
    let budget = Budget::new(bounds);
    let metered = Metered::new(reader, bytes, budget.clone());
    let stream = MediaSourceStream::new(Box::new(metered), Default::default());
    // Pictures and tags are nothing to us, however large somebody made them.
    let meta = MetadataOptions::default()
        .limit_tag_bytes(Limit::Maximum(64 << 10))
        .limit_visual_bytes(Limit::Maximum(0));
    let opened =
        symphonia::default::get_probe().probe(&Hint::new(), stream, FormatOptions::default(), meta);
    let mut format = opened.map_err(|error| unknown(&error))?;

    let count = |kind: fn(&CodecParameters) -> bool| {
        format.tracks().iter().filter(|track| track.codec_params.as_ref().is_some_and(kind)).count()
    };
    let audio = count(|params| matches!(params, CodecParameters::Audio(_)));
    let video = count(|params| matches!(params, CodecParameters::Video(_)));
    let other = format.tracks().len() - audio - video;
    let container = Some(format.format_info().short_name);
    let told = told_duration(format.as_ref());
    let heard = sound::listen(format.as_mut(), told.is_none(), &budget);
    let duration = told.or(heard.duration);
    Ok(Probe { container, audio, video, other, duration, silence: heard.silence, bytes })
}

/// How long the headers say it lasts: the longest that any of them says.
fn told_duration(format: &dyn FormatReader) -> Option<Duration> {
    let info = format.media_info();
    let whole = info.time_base.zip(info.duration).and_then(|(base, long)| base.calc_duration(long));
    let tracks = format.tracks().iter().filter_map(told_of_track);
    let longest = tracks.chain(whole.and_then(nanos)).max();
    longest.filter(|longest| !longest.is_zero())
}

fn told_of_track(track: &Track) -> Option<Duration> {
    track
        .time_base
        .zip(track.duration)
        .and_then(|(base, long)| base.calc_duration(long))
        .and_then(nanos)
}

/// A time of symphonia; nothing if it lies before the beginning.
fn nanos(time: symphonia::core::units::Time) -> Option<Duration> {
    u64::try_from(time.as_nanos()).ok().map(Duration::from_nanos)
}

fn unknown(error: &Symphonia) -> Error {
    // The words for a failure to read are about our reader, not about the file.
    Error::UnknownMedia(match matches!(error, Symphonia::IoError(_)) {
        true => "it ends, or leads astray, before it says what it is".to_owned(),
        false => error.to_string(),
    })
}
