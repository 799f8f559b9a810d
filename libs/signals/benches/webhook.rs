//! A webhook of Zoom, verified over its bytes and read, beside the bare HMAC of the same bytes.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a benchmark measures time, prints, and may fail loudly"
)]

use std::hint::black_box;
use std::time::Instant;

use aws_lc_rs::hmac;
use chrono::{DateTime, Utc};
use decision::session::Means;
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use signals::{Delivery, Secret, Tolerance, zoom};

const SAMPLES: usize = 801;
const ROUNDS: u32 = 50;
const SECRET: &str = "one secret of a webhook";
const STAMP: &str = "1767261600";

fn main() {
    measure("a participant joined", &joined());
    measure("a recording of six files", &completed());
}

/// Somebody came in: what comes most often.
fn joined() -> Value {
    json!({"event": "meeting.participant_joined", "event_ts": 1_767_261_600_123_i64, "payload": {
        "account_id": "AAAAAABBBB", "object": {
            "id": "85393847045", "uuid": "4444AAAiAAAAAiAiAiiAii==", "host_id": "x1yCzABCDEfg23HiJKl4mN", "topic": "Weekly",
            "type": 8, "start_time": "2026-01-01T10:00:00Z", "timezone": "Europe/Berlin", "duration": 60,
            "participant": {"user_id": "16778240", "user_name": "Ada", "id": "", "participant_uuid": "55555AAAiAAAA",
                "date_time": "2026-01-01T10:00:01Z", "email": "ada@acme.example", "customer_key": "349589LkJyeW"}}}})
}

/// The files of a recording: what is largest.
fn completed() -> Value {
    let file = |kind: &str| {
        json!({"id": format!("ed6c2f27-2ae7-42f4-b3d0-{kind}"), "meeting_id": "098765ABCD", "file_type": "MP4",
            "file_size": 246_560, "file_extension": "MP4", "recording_type": kind, "status": "completed",
            "recording_start": "2026-01-01T10:00:00Z", "recording_end": "2026-01-01T11:00:00Z",
            "play_url": "https://zoom.example/recording/play/aaaannnnnnnnnnnnmmmmmmmmm",
            "download_url": "https://zoom.example/recording/download/aaaannnnnnnnnnnnmmmmmmmmm"})
    };
    let kinds =
        ["shared_screen", "active_speaker", "gallery_view", "audio_only", "transcript", "timeline"];
    json!({"event": "recording.completed", "event_ts": 1_767_265_300_123_i64, "download_token": "abJhbGciOiJIUzUxMiJ9",
        "payload": {"account_id": "AAAAAABBBB", "object": {
            "id": 85_393_847_045_u64, "uuid": "4444AAAiAAAAAiAiAiiAii==", "host_id": "x1yCzABCDEfg23HiJKl4mN",
            "topic": "Weekly", "type": 8, "start_time": "2026-01-01T10:00:00Z", "duration": 60, "total_size": 1_479_360,
            "recording_count": 6, "share_url": "https://zoom.example/share/aaaannnnnnnnnnnn",
            "recording_files": kinds.map(file)}}})
}

fn measure(name: &str, webhook: &Value) {
    let body = webhook.to_string().into_bytes();
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let bare = |body: &[u8]| {
        let mut context = hmac::Context::with_key(&key);
        context.update(b"v0:1767261600:");
        context.update(body);
        context.sign()
    };
    let digest = bare(&body);
    let digest: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let mut headers = HeaderMap::new();
    headers.insert(zoom::SIGNATURE, HeaderValue::from_str(&format!("v0={digest}")).unwrap());
    headers.insert(zoom::TIMESTAMP, HeaderValue::from_static(STAMP));
    let secrets = [Secret::new(SECRET).unwrap()];
    let now: DateTime<Utc> = DateTime::from_timestamp(1_767_261_601, 0).unwrap();
    let verify = |body: &[u8]| zoom::receive(&headers, body, &secrets, Tolerance::ZOOM, now);
    assert_eq!(verify(&body), Ok(Delivery::Event));

    let mut samples = Vec::new();
    // Short ones, one after the other, so that other work on the machine strikes few of them, and all alike.
    for _ in 0..SAMPLES {
        let hmac = seconds(|| {
            black_box(bare(black_box(&body)));
        });
        let verified = seconds(|| {
            let _ = black_box(verify(black_box(&body)));
        });
        let whole = seconds(|| {
            let delivery = verify(black_box(&body)).unwrap();
            let event = zoom::read(black_box(&body)).unwrap();
            black_box((delivery, event.heard(Means::Cloud, now, |_| false), event));
        });
        samples.push([hmac, verified, whole]);
    }
    let least = |at: usize| samples.iter().map(|one| one[at]).fold(f64::INFINITY, f64::min);
    let mut ratios: Vec<f64> = samples.iter().map(|[hmac, _, whole]| whole / hmac).collect();
    ratios.sort_by(f64::total_cmp);
    println!(
        "{name}, {} bytes: bare HMAC {:.2} us, verified {:.2} us, verified, read and heard {:.2} us, which is {:.1} times the \
         HMAC (median {:.1}) and {:.0} a second on one core",
        body.len(),
        least(0) * 1e6,
        least(1) * 1e6,
        least(2) * 1e6,
        least(2) / least(0),
        ratios[SAMPLES / 2],
        1.0 / least(2),
    );
}

/// Seconds of one call, of many.
fn seconds(mut call: impl FnMut()) -> f64 {
    let began = Instant::now();
    for _ in 0..ROUNDS {
        call();
    }
    began.elapsed().as_secs_f64() / f64::from(ROUNDS)
}
