//! What a look says of media of all kinds.

use crate::support::made::{
    Track, flac, mkv, mp4, one_of_each, opus, samples, silent_mp3, wav, wav_saying,
};
use crate::support::{download, fetcher, pace, places, server::Reply, server::Server};
use media::probe::{look, probe};
use media::{Bounds, Error, Limits, Probe, Silence, Unfit};
use std::io::Cursor;
use std::time::Duration;

const SIX_HOURS: u32 = 6 * 3600;

fn looked(bytes: Vec<u8>) -> Result<Probe, Error> {
    let length = bytes.len() as u64;
    look(Cursor::new(bytes), length, Bounds::default())
}

fn unfit(bytes: Vec<u8>) -> Vec<Unfit> {
    looked(bytes).unwrap().unfit(&Limits::default())
}

fn seconds(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

#[test]
fn each_container_is_known_with_its_tracks() {
    let tracks = [(1, 0), (1, 1), (1, 0), (1, 0), (1, 0), (1, 0), (1, 0), (1, 1)];
    for ((container, bytes), (audio, video)) in one_of_each().into_iter().zip(tracks) {
        let length = bytes.len() as u64;
        let probe = looked(bytes).unwrap_or_else(|error| panic!("{container}: {error}"));
        assert_eq!((probe.container, probe.bytes), (Some(container), length));
        assert_eq!((probe.audio, probe.video, probe.other), (audio, video, 0), "{container}");
        let duration = probe.duration.unwrap().as_secs_f64();
        assert!((0.9..2.1).contains(&duration), "{container}: {duration} s");
    }
}

/// Makes a file of samples.
type Make = fn(&[i16]) -> Vec<u8>;

#[test]
fn a_tone_is_heard_and_silence_is_not() {
    let (tone, hush) = (samples(24_000, 8000), samples(24_000, 20));
    let pairs: [Make; 5] = [
        |samples| wav(samples, 8000),
        |samples| flac(samples, 8000),
        |samples| mkv(samples, 8000, true),
        |samples| mp4(&[Track::video(3), Track::pcm(samples, 8000)], true),
        |samples| mp4(&[Track::pcm(samples, 8000), Track::video(3)], false),
    ];
    for make in pairs {
        let (loud, quiet) = (looked(make(&tone)).unwrap(), looked(make(&hush)).unwrap());
        let container = loud.container.unwrap();
        assert_eq!((loud.silence, quiet.silence), (Silence::Sound, Silence::Silent), "{container}");
        assert_eq!((loud.duration, quiet.duration), (seconds(3), seconds(3)), "{container}");
    }
    assert_eq!(looked(mp4(&[Track::silent_aac(100)], true)).unwrap().silence, Silence::Silent);
    assert_eq!(looked(silent_mp3(100)).unwrap().silence, Silence::Silent);
}

#[test]
fn a_word_at_the_very_end_is_heard() {
    let mut line = samples(8000 * 120, 0);
    line.extend(samples(2400, 3000));
    assert_eq!(looked(wav(&line, 8000)).unwrap().silence, Silence::Sound);
}

#[test]
fn a_crack_is_no_sound() {
    let mut line = samples(8000 * 10, 0);
    line[4000] = 20_000;
    assert_eq!(looked(wav(&line, 8000)).unwrap().silence, Silence::Silent);
}

#[test]
fn what_nobody_decodes_is_judged_by_its_packets() {
    assert_eq!(looked(opus(500, 3)).unwrap().silence, Silence::Silent);
    assert_eq!(looked(opus(500, 40)).unwrap().silence, Silence::Unknown);
    assert_eq!(unfit(opus(3000, 40)), []);
}

#[test]
fn nothing_to_hear_is_no_content() {
    assert_eq!(unfit(mp4(&[Track::video(60)], true)), [Unfit::NoContent]);
    assert_eq!(unfit(wav(&samples(8000 * 60, 0), 8000)), [Unfit::NoContent]);
    assert_eq!(unfit(Vec::new()), [Unfit::NoContent]);
    let bare = looked(mp4(&[], true)).unwrap();
    assert_eq!((bare.audio + bare.video, bare.silence), (0, Silence::Silent));
}

#[test]
fn half_a_minute_is_enough_and_less_is_not() {
    assert_eq!(unfit(wav(&samples(8000 * 30, 8000), 8000)), []);
    assert_eq!(unfit(wav(&samples(8000 * 30 - 1, 8000), 8000)), [Unfit::TooShort]);
    assert_eq!(unfit(wav(&samples(8000, 0), 8000)), [Unfit::TooShort, Unfit::NoContent]);
}

#[test]
fn six_hours_pass_and_a_second_more_does_not() {
    // Headers of six hours, a second of sound.
    let wave = |seconds: u32| wav_saying(&samples(8000, 8000), 8000, seconds * 16_000);
    let mp4 = |seconds: u32| {
        let mut track = Track::pcm(&samples(8000, 8000), 8000);
        track.delta = 8000;
        track.samples.resize(seconds as usize, vec![0]);
        mp4(&[track], true)
    };
    let makers: [&dyn Fn(u32) -> Vec<u8>; 2] = [&wave, &mp4];
    for make in makers {
        let probe = looked(make(SIX_HOURS)).unwrap();
        assert_eq!(probe.duration, seconds(u64::from(SIX_HOURS)));
        assert_eq!(probe.unfit(&Limits::default()), []);
        assert_eq!(unfit(make(SIX_HOURS + 1)), [Unfit::TooLong]);
    }
}

#[test]
fn what_says_no_length_is_measured() {
    let tone = samples(8000 * 5, 8000);
    // To the last block, which does not say how long it is.
    let measured = looked(mkv(&tone, 8000, false)).unwrap().duration;
    assert_eq!(measured, Some(Duration::from_millis(4900)));
}

#[test]
fn what_is_no_media_is_unknown() {
    let pages: [&[u8]; 4] = [
        b"<!doctype html><title>Sign in</title>",
        b"{\"error\":\"not found\"}",
        &[0; 5000],
        b"%PDF-1.7 ...",
    ];
    for bytes in pages {
        let error = looked(bytes.repeat(20)).unwrap_err();
        assert!(matches!(error, Error::UnknownMedia(_)), "{error}");
        assert!(!error.is_passing());
    }
}

#[test]
fn a_recording_that_was_cut_off_is_still_one() {
    let whole = wav(&samples(8000 * 60, 8000), 8000);
    let probe = looked(whole[..whole.len() / 2].to_vec()).unwrap();
    assert_eq!((probe.audio, probe.silence), (1, Silence::Sound));
    let whole = mkv(&samples(8000 * 60, 8000), 8000, false);
    let probe = looked(whole[..whole.len() / 2].to_vec()).unwrap();
    let measured = probe.duration.unwrap().as_secs();
    assert!((29..=30).contains(&measured), "{measured} s");
}

#[test]
fn a_look_ends_at_its_bounds() {
    let silence = wav(&samples(8000 * 600, 0), 8000);
    let length = silence.len() as u64;
    let narrow = Bounds { bytes: 1 << 20, ..Bounds::default() };
    let probe = look(Cursor::new(silence.clone()), length, narrow).unwrap();
    // Not all of it was heard, so it is not called silent.
    assert_eq!((probe.silence, probe.duration), (Silence::Unknown, seconds(600)));
    let hurried = Bounds { time: Duration::ZERO, ..Bounds::default() };
    assert!(look(Cursor::new(silence), length, hurried).is_err());
}

#[tokio::test]
async fn what_was_fetched_is_looked_at_where_it_lies() {
    let film = mp4(&[Track::pcm(&samples(8000 * 60, 8000), 8000), Track::video(3000)], false);
    let served = film.clone();
    let server = Server::start(move |seen, _| Reply::file(seen, &served, "\"v1\"")).await;
    for place in places() {
        let fetcher = fetcher(&place.store, pace());
        let recording =
            fetcher.fetch(&download(&server.url("files.example", "/rec"))).await.unwrap();
        let there = probe(&place.store, &recording, Bounds::default()).await.unwrap();
        assert_eq!(there, looked(film.clone()).unwrap());
        // A store that fails is not taken for a broken recording.
        let mut lost = recording.clone();
        lost.object = "acme/lost/recording".to_owned();
        let error = probe(&place.store, &lost, Bounds::default()).await.unwrap_err();
        assert!(matches!(error, Error::Store { .. }), "{error}");
    }
}
