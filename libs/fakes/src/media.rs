//! What bots recorded: a small WAV, behind links that hold for a time and want no credentials.

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::{Reply, sign};

/// Samples per second.
const RATE: u32 = 8_000;
/// What links are signed with.
const SECRET: &[u8] = b"the secret of a storage";

/// So many seconds of a tone of 440 Hz, or of silence: one channel, 16 bits, 8 kHz.
#[must_use]
pub fn wav(seconds: u32, silent: bool) -> Bytes {
    let samples = seconds * RATE;
    let mut file = Vec::with_capacity(44 + 2 * samples as usize);
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&(36 + 2 * samples).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt ");
    file.extend_from_slice(&16_u32.to_le_bytes());
    file.extend_from_slice(&1_u16.to_le_bytes()); // PCM
    file.extend_from_slice(&1_u16.to_le_bytes());
    file.extend_from_slice(&RATE.to_le_bytes());
    file.extend_from_slice(&(2 * RATE).to_le_bytes());
    file.extend_from_slice(&2_u16.to_le_bytes());
    file.extend_from_slice(&16_u16.to_le_bytes());
    file.extend_from_slice(b"data");
    file.extend_from_slice(&(2 * samples).to_le_bytes());
    for place in 0..samples {
        let phase = f64::from(place) / f64::from(RATE) * 440.0 * std::f64::consts::TAU;
        #[expect(clippy::cast_possible_truncation, reason = "a sine times ten thousand fits")]
        let sample = if silent { 0 } else { (phase.sin() * 10_000.0) as i16 };
        file.extend_from_slice(&sample.to_le_bytes());
    }
    file.into()
}

/// A link to a file, good until a time.
pub(crate) fn link(base: &str, file: &str, until: DateTime<Utc>) -> String {
    let expires = until.timestamp();
    format!("{base}/media/{file}?expires={expires}&signature={}", signature(file, expires))
}

/// What a storage answers to a request for a file: the file, or in XML why not.
pub(crate) fn fetch(
    file: Option<Bytes>,
    name: &str,
    query: &str,
    headers: &HeaderMap,
    now: DateTime<Utc>,
) -> Reply {
    let of = |wanted: &str| {
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find(|(key, _)| key == wanted).map(|(_, value)| value.into_owned())
    };
    let expires: i64 = of("expires").and_then(|text| text.parse().ok()).unwrap_or_default();
    if headers.contains_key(AUTHORIZATION) {
        return refusal(400, "InvalidArgument", "Only one auth mechanism allowed");
    }
    if of("signature").as_deref() != Some(signature(name, expires).as_str()) {
        return refusal(403, "SignatureDoesNotMatch", "The signature does not match");
    }
    if now - DateTime::from_timestamp(expires, 0).unwrap_or_default() > TimeDelta::zero() {
        return refusal(403, "AccessDenied", "Request has expired");
    }
    match file {
        Some(file) => Reply::status(200).body("audio/wav", file),
        None => refusal(404, "NoSuchKey", "The specified key does not exist."),
    }
}

fn signature(file: &str, expires: i64) -> String {
    sign::sha256_hex(SECRET, format!("{file}.{expires}").as_bytes())
}

fn refusal(status: u16, code: &str, message: &str) -> Reply {
    let text = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    Reply::status(status).body("application/xml", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wav_is_as_long_as_it_says() {
        let file = wav(2, false);
        assert_eq!(file.len(), 44 + 2 * 16_000);
        assert_eq!(&file[..4], b"RIFF");
        assert_eq!(u32::from_le_bytes(file[4..8].try_into().unwrap()) as usize, file.len() - 8);
        assert!(file[44..].iter().any(|byte| *byte != 0));
        assert!(wav(1, true)[44..].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn a_link_holds_for_its_time_and_its_file() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let link = link("http://a", "f1", at(100));
        let query = link.split_once('?').unwrap().1;
        let ask = |name: &str, query: &str, now| {
            fetch(Some(wav(1, true)), name, query, &HeaderMap::new(), at(now)).status
        };
        assert_eq!(ask("f1", query, 100), 200);
        assert_eq!(ask("f1", query, 101), 403);
        assert_eq!(ask("f2", query, 100), 403);
        assert_eq!(ask("f1", &query.replace("100", "999"), 100), 403);
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, http::HeaderValue::from_static("Token x"));
        assert_eq!(fetch(None, "f1", query, &headers, at(1)).status, 400);
    }
}
