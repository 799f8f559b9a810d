//! Listening until something is heard.

use super::Silence;
use super::source::Budget;
use std::collections::BTreeMap;
use std::time::Duration;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::FormatReader;
use symphonia::core::packet::Packet;
use symphonia::core::units::TimeBase;

/// A window is loud enough if the root of its mean square is at least this: -60 dB of full scale. Quieter are the noise of
/// a line without a voice and of 8-bit telephony (about -70 dB); a whisper is louder.
const LOUD_ENOUGH: f32 = 0.001;

/// How long a window is. The crack of a line being switched is shorter and is spread over it.
const WINDOW: Duration = Duration::from_millis(100);

/// Loud windows make a sound from this many on.
const WINDOWS: u32 = 2;

/// A packet this small holds no sound: what codecs with discontinuous transmission (Opus) send in silence.
const SILENT_PACKET: usize = 3;

/// Larger packets of a codec that is not decoded, from this many on, are taken for something.
const LARGER_PACKETS: u32 = 25;

/// More channels than this are not listened to one by one.
const CHANNELS: usize = 64;

/// What listening brought.
pub(super) struct Heard {
    pub(super) silence: Silence,
    /// How long the packets go on; nothing if it was not listened to the end.
    pub(super) duration: Option<Duration>,
}

/// One track that can be heard.
struct Voice {
    /// None if nobody here decodes it.
    decoder: Option<Box<dyn AudioDecoder>>,
    larger: u32,
    meter: Meter,
}

/// Listens until there is sound, or to the end. `all` goes on to the end anyway, to learn how long it is.
pub(super) fn listen(format: &mut dyn FormatReader, all: bool, budget: &Budget) -> Heard {
    let mut voices: BTreeMap<u32, Voice> = BTreeMap::new();
    let mut bases: BTreeMap<u32, TimeBase> = BTreeMap::new();
    for track in format.tracks() {
        if let Some(base) = track.time_base {
            bases.insert(track.id, base);
        }
        if let Some(CodecParameters::Audio(params)) = &track.codec_params {
            let decoder = symphonia::default::get_codecs()
                .make_audio_decoder(params, &AudioDecoderOptions::default())
                .ok();
            voices.insert(track.id, Voice { decoder, larger: 0, meter: Meter::default() });
        }
    }
    let mut silence = Silence::Silent;
    let mut duration = Duration::ZERO;
    loop {
        let decided = silence == Silence::Sound || voices.is_empty();
        if decided && !all {
            return Heard { silence, duration: None };
        }
        let cut_short = |silence| {
            let silence =
                if silence == Silence::Silent && !decided { Silence::Unknown } else { silence };
            Heard { silence, duration: None }
        };
        if !budget.in_time() {
            return cut_short(silence);
        }
        let packet = match format.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => {
                return Heard { silence, duration: (!duration.is_zero()).then_some(duration) };
            }
            // A file that was cut off, too: what it has up to there is all there is.
            Err(Error::IoError(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                return Heard { silence, duration: (!duration.is_zero()).then_some(duration) };
            }
            Err(_) => return cut_short(silence),
        };
        let end = bases.get(&packet.track_id).and_then(|base| end_of(&packet, *base));
        duration = duration.max(end.unwrap_or_default());
        if silence != Silence::Sound
            && let Some(voice) = voices.get_mut(&packet.track_id)
        {
            match voice.hear(&packet) {
                Silence::Silent => {}
                Silence::Sound => silence = Silence::Sound,
                // Another track may still be heard. Nothing more is to be learned from this one.
                Silence::Unknown => {
                    silence = Silence::Unknown;
                    voices.remove(&packet.track_id);
                }
            }
        }
    }
}

fn end_of(packet: &Packet, base: TimeBase) -> Option<Duration> {
    let end = packet.pts.checked_add(packet.dur)?;
    super::nanos(base.calc_time(end)?)
}

impl Voice {
    fn hear(&mut self, packet: &Packet) -> Silence {
        let Some(decoder) = &mut self.decoder else {
            self.larger += u32::from(packet.data.len() > SILENT_PACKET);
            return match self.larger >= LARGER_PACKETS {
                true => Silence::Unknown,
                false => Silence::Silent,
            };
        };
        let Ok(decoded) = decoder.decode(packet) else { return Silence::Unknown };
        let channels = decoded.spec().channels().count().clamp(1, CHANNELS);
        let rate = decoded.spec().rate();
        let mut samples: Vec<f32> = Vec::new();
        decoded.copy_to_vec_interleaved(&mut samples);
        self.meter.add(&samples, channels, rate);
        match self.meter.loud >= WINDOWS {
            true => Silence::Sound,
            false => Silence::Silent,
        }
    }
}

/// Loudness, window by window.
#[derive(Debug, Default)]
struct Meter {
    /// The sum of squares of each channel in this window.
    squares: Vec<f32>,
    /// Samples of one channel in this window.
    frames: u32,
    loud: u32,
}

impl Meter {
    fn add(&mut self, samples: &[f32], channels: usize, rate: u32) {
        let window = (u64::from(rate) * WINDOW.as_millis() as u64 / 1000).max(1);
        self.squares.resize(channels, 0.0);
        for frame in samples.chunks(channels) {
            for (squares, sample) in self.squares.iter_mut().zip(frame) {
                // What is no number is no sound.
                *squares += if sample.is_finite() { sample * sample } else { 0.0 };
            }
            self.frames += 1;
            if u64::from(self.frames) >= window {
                self.close();
            }
        }
    }

    fn close(&mut self) {
        let frames = self.frames as f32;
        let loud = self.squares.iter().any(|squares| (squares / frames).sqrt() >= LOUD_ENOUGH);
        self.loud += u32::from(loud);
        self.squares.fill(0.0);
        self.frames = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Loud windows in so many milliseconds of a tone of this height.
    fn loud(millis: usize, height: f32) -> u32 {
        let mut meter = Meter::default();
        let samples: Vec<f32> =
            (0..millis * 8).map(|n| if n % 2 == 0 { height } else { -height }).collect();
        for piece in samples.chunks(160) {
            meter.add(piece, 1, 8000);
        }
        meter.loud
    }

    #[test]
    fn sixty_decibels_under_full_scale_is_the_bound() {
        assert_eq!(loud(1000, 0.00101), 10);
        assert_eq!(loud(1000, 0.00099), 0);
    }

    #[test]
    fn a_channel_is_heard_beside_a_silent_one() {
        let mut meter = Meter::default();
        let samples: Vec<f32> = (0..1600).map(|n| if n % 2 == 0 { 0.0 } else { 0.1 }).collect();
        meter.add(&samples, 2, 8000);
        assert_eq!(meter.loud, 1);
    }

    #[test]
    fn what_is_no_number_is_no_sound() {
        let mut meter = Meter::default();
        meter.add(&[f32::NAN; 800], 1, 8000);
        meter.add(&[f32::INFINITY; 800], 1, 8000);
        assert_eq!(meter.loud, 0);
    }
}
