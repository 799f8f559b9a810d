//! What a failed download means, and what a file turned out to be: in the words of sessions.

use std::time::Duration;

use decision::session::Signal;
use media::{Error, Probe, Refusal, Silence};
use proto::provider::v1::Method;

use super::failed;

/// What is to be done after a download failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// It may go better by itself: later, or after so long.
    Passing(&'static str, Option<Duration>),
    /// It may go better with a new link or token; told so when that is of no use either.
    Stale(String, Signal),
    /// It will not go better.
    Final(String, Signal),
    /// We threw it away ourselves.
    Deleted,
}

/// What a failed download means to an attempt that records so.
pub(super) fn failure(method: Method, error: &Error) -> Failure {
    let signal = failed(method);
    let end = |code: &str| Failure::Final(code.to_owned(), signal);
    // A customer's link is what it is; a provider makes new ones.
    let stale = |code: String, signal| match method {
        Method::Upload => Failure::Final(code, signal),
        Method::Unspecified
        | Method::Native
        | Method::Local
        | Method::Bot
        | Method::DialerImport => Failure::Stale(code, signal),
    };
    match error {
        Error::Busy { retry_after, .. } => Failure::Passing("busy", *retry_after),
        Error::BrokenOff { .. } => Failure::Passing("broken_off", None),
        Error::Elsewhere => Failure::Passing("fetched_elsewhere", None),
        Error::Store { .. } => Failure::Passing("store", None),
        Error::Gone { status, .. } => {
            // 410 says that it was there. Of a telephone call the signal would say that its user deleted it, which nobody
            // has said.
            let was_there =
                *status == 410 && !matches!(method, Method::Upload | Method::DialerImport);
            let signal = if was_there { Signal::FilesDeleted } else { signal };
            stale(format!("http_{status}"), signal)
        }
        Error::NotPermitted { status, .. } => stale(format!("http_{status}"), signal),
        Error::Expired { .. } => stale("link_expired".to_owned(), signal),
        Error::Mismatch { .. } => stale("not_as_announced".to_owned(), signal),
        Error::Refused { why, .. } => end(match why {
            Refusal::Scheme => "not_https",
            Refusal::Host => "host_not_allowed",
            Refusal::Credentials => "credentials_in_link",
            Refusal::Address(_) => "address_not_public",
            Refusal::TooLarge { .. } => "too_large",
            Refusal::Redirects { .. } => "too_many_redirects",
        }),
        Error::Unusable { .. } => end("unusable_answer"),
        Error::Deleted => Failure::Deleted,
        Error::UnknownMedia(_) => Failure::Final("unknown_media".to_owned(), Signal::MediaUnknown),
        Error::Setting(_) => end("setting"),
        _ => end("unknown_error"),
    }
}

/// What a file turned out to be: nothing we know, or what was seen in it.
pub(super) type Looked = Option<Probe>;

/// What is said of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Signals, with their evidence; what is against it first.
    pub(super) signals: Vec<(Signal, &'static str)>,
    /// How long it is, in whole seconds: encoders add some milliseconds at the end.
    pub(super) length: Option<Duration>,
}

/// What is said of a recording that came as these files: that of the longest in which something is heard or seen, and of
/// the longest where nothing is. What is not known is not held against it.
pub(super) fn verdict(files: &[Looked]) -> Verdict {
    let best = files.iter().flatten().max_by_key(|probe| (worth(probe), probe.duration));
    let Some(best) = best else {
        return Verdict { signals: vec![(Signal::MediaUnknown, "unknown_media")], length: None };
    };
    let length = best.duration.map(|long| match long.as_secs() {
        0 => long,
        whole => Duration::from_secs(whole),
    });
    let signals = match worth(best) {
        Worth::Empty => {
            return Verdict { signals: vec![(Signal::MediaEmpty, "no_track")], length: None };
        }
        Worth::Silent => vec![(Signal::MediaSilent, "silence"), (Signal::Imported, "")],
        Worth::Content => vec![(Signal::Imported, "")],
    };
    Verdict { signals, length }
}

/// What a file is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Worth {
    /// There is nothing to hear or see in it.
    Empty,
    /// Nothing is heard in it, and there is no picture.
    Silent,
    /// Something is heard or seen in it, or may be.
    Content,
}

fn worth(probe: &Probe) -> Worth {
    match (probe.audio, probe.video, probe.silence) {
        (0, 0, _) => Worth::Empty,
        (_, 0, Silence::Silent) => Worth::Silent,
        _ => Worth::Content,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(seconds: u64, silence: Silence) -> Probe {
        Probe {
            container: Some("wave"),
            audio: 1,
            video: 0,
            other: 0,
            duration: Some(Duration::from_millis(seconds * 1000 + 40)),
            silence,
            bytes: 1,
        }
    }

    fn told(files: &[Looked]) -> (Vec<&'static str>, Option<u64>) {
        let verdict = verdict(files);
        let names = verdict.signals.iter().map(|(signal, _)| signal.as_str()).collect();
        (names, verdict.length.map(|long| long.as_secs()))
    }

    #[test]
    fn a_recording_of_several_files_is_judged_by_the_longest_with_sound() {
        let sound = |seconds| Some(probe(seconds, Silence::Sound));
        let silent = |seconds| Some(probe(seconds, Silence::Silent));
        assert_eq!(told(&[sound(10), silent(500), sound(60), None]), (vec!["imported"], Some(60)));
        let unsure = Some(probe(70, Silence::Unknown));
        assert_eq!(told(&[sound(60), unsure]), (vec!["imported"], Some(70)), "not held against it");
        assert_eq!(told(&[silent(5), silent(9)]), (vec!["media_silent", "imported"], Some(9)));
        assert_eq!(told(&[None, None]), (vec!["media_unknown"], None));
        let empty = Some(Probe { audio: 0, duration: None, ..probe(0, Silence::Silent) });
        assert_eq!(told(&[empty.clone(), None]), (vec!["media_empty"], None));
        assert_eq!(told(&[empty, sound(3)]), (vec!["imported"], Some(3)));
    }

    #[test]
    fn a_picture_without_sound_is_content() {
        let shown = Probe { video: 1, ..probe(60, Silence::Silent) };
        assert_eq!(told(&[Some(shown)]), (vec!["imported"], Some(60)));
    }

    #[test]
    fn only_what_a_provider_can_mend_is_asked_for_again() {
        let site = || media::Site::of(&url::Url::parse("https://files.example/a?token=b").unwrap());
        let gone = |status| Error::Gone { site: site(), status };
        let of = |method, error: &Error| failure(method, error);
        let url = Signal::UrlImportFailed;
        assert_eq!(of(Method::Upload, &gone(404)), Failure::Final("http_404".into(), url));
        assert_eq!(
            of(Method::Upload, &Error::Expired { site: site() }),
            Failure::Final("link_expired".into(), url)
        );
        let dialer = Signal::DialerImportFailed;
        assert_eq!(of(Method::DialerImport, &gone(410)), Failure::Stale("http_410".into(), dialer));
        assert_eq!(
            of(Method::Bot, &gone(404)),
            Failure::Stale("http_404".into(), Signal::FilesLost)
        );
        assert_eq!(
            of(Method::Native, &gone(410)),
            Failure::Stale("http_410".into(), Signal::FilesDeleted)
        );
        let large = Error::Refused { site: site(), why: Refusal::TooLarge { limit: 1 } };
        assert_eq!(
            of(Method::Native, &large),
            Failure::Final("too_large".into(), Signal::FilesLost)
        );
        let wait = Some(Duration::from_secs(9));
        let busy = Error::Busy { site: site(), status: 429, retry_after: wait };
        assert_eq!(of(Method::Upload, &busy), Failure::Passing("busy", wait));
        assert_eq!(of(Method::Upload, &Error::Deleted), Failure::Deleted);
    }
}
