//! What becomes of commands, and when those are tried again that were not taken.

use chrono::{DateTime, TimeDelta, Utc};
use decision::provider::Adapter;
use decision::session::{Raw, Signal};
use proto::provider::v1 as provider;

use crate::store::{Command, CommandKind};

/// The longest pause before an order is handed over once more.
const LONGEST: TimeDelta = TimeDelta::seconds(60);

/// Before an order is handed over whose meeting has changed and is to be decided again first.
pub(super) const SOON: TimeDelta = TimeDelta::seconds(1);

/// So often an order is handed over to nobody before that counts: within the time a session waits for a sign of life, and not
/// at once, for whoever hosts its adapter may be known to another replica, or about to begin.
const UNSERVED: u32 = 4;

/// Who is missing where nobody hosts an adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lack {
    /// No peer is set for it.
    Peer,
    /// The peer that is set for it is there, and does not host it.
    Host,
}

impl Lack {
    /// What is missing and what to do about it, in the session's evidence.
    pub(super) fn raw(self, command: &Command, at: DateTime<Utc>) -> Raw {
        let adapter = adapter_of(command);
        let (code, text) = match self {
            Self::Peer => (
                "no_peer",
                format!(
                    "no peer is set for {adapter}: set `gather.adapters.{adapter}`, or take its provider out"
                ),
            ),
            Self::Host => (
                "not_hosted",
                format!(
                    "the peer set for {adapter} does not host it: let it, or set another one in `gather.adapters`"
                ),
            ),
        };
        Raw { observed_at: at, provider: OWN.to_owned(), raw_code: code.to_owned(), raw_text: text }
    }
}

/// Who says what no provider does.
pub(crate) const OWN: &str = "callsheet";

/// The name of the adapter of a command.
pub(super) fn adapter_of(command: &Command) -> &'static str {
    let adapter = proto::provider::adapter("adapter", command.adapter).ok().flatten();
    adapter.map_or("an adapter of another version", Adapter::as_str)
}

/// What becomes of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing is left to do, with this result.
    Over(&'static str),
    /// It is handed over later, with this result.
    Later(&'static str, DateTime<Utc>),
    /// Nothing is left to do, with this result, but to tell the session so: its attempt comes to nothing, for want of somebody
    /// perhaps.
    Told(&'static str, Signal, Option<Lack>),
    /// It should have ended something, was tried as often as anything is, and is tried no more; with this result.
    GivenUp(&'static str),
}

impl Fate {
    /// What becomes of a command by the answer of its adapter; none if that says nothing.
    pub(super) fn of(receipt: i32, command: &Command) -> Option<Self> {
        match provider::Receipt::try_from(receipt) {
            Ok(provider::Receipt::Accepted | provider::Receipt::Repeated) => {
                Some(Self::Over("kept"))
            }
            Ok(provider::Receipt::Fenced) => Some(match command.kind {
                // It knows a newer attempt than we do, or has lost its mind: the next attempt will show.
                CommandKind::Dispatch => Self::Told("fenced", Signal::ConnectionFailed, None),
                CommandKind::Withdraw | CommandKind::Instruct(_) => Self::Over("fenced"),
            }),
            Ok(provider::Receipt::Unknown) => match command.kind {
                CommandKind::Instruct(provider::Act::Discard) | CommandKind::Withdraw => {
                    Some(Self::Over("unknown"))
                }
                // The adapter has lost its attempt.
                CommandKind::Instruct(_) => {
                    Some(Self::Told("unknown", Signal::ConnectionFailed, None))
                }
                CommandKind::Dispatch => None,
            },
            Ok(provider::Receipt::Unspecified) | Err(_) => None,
        }
    }

    /// What becomes of a command that its adapter will never take, alone as it came. What ends something is not given up for
    /// a long time: until it was tried `most` times.
    pub(super) fn refused(command: &Command, now: DateTime<Utc>, most: u32) -> Self {
        match command.kind {
            CommandKind::Dispatch => Self::Told("refused", failure(command), None),
            kind if kind.ends_something() => Self::ending(command, "refused", now + LONGEST, most),
            CommandKind::Withdraw | CommandKind::Instruct(_) => Self::Over("refused"),
        }
    }

    /// What becomes of a command whose adapter nobody hosts. A session is told soon, for it can take another way, or end in a
    /// code that says so; what is done in its course falls with it.
    pub(super) fn unserved(command: &Command, lack: Lack, later: DateTime<Utc>, most: u32) -> Self {
        match command.kind {
            CommandKind::Dispatch if command.tries >= UNSERVED => {
                Self::Told("unserved", failure(command), Some(lack))
            }
            kind if kind.ends_something() => Self::ending(command, "unserved", later, most),
            CommandKind::Dispatch | CommandKind::Withdraw | CommandKind::Instruct(_) => {
                Self::Later("unserved", later)
            }
        }
    }

    fn ending(command: &Command, result: &'static str, later: DateTime<Utc>, most: u32) -> Self {
        if command.tries < most { Self::Later(result, later) } else { Self::GivenUp(result) }
    }
}

/// What a session is told whose attempt nobody will ever begin.
fn failure(command: &Command) -> Signal {
    match provider::Method::try_from(command.method) {
        Ok(provider::Method::DialerImport) => Signal::DialerImportFailed,
        Ok(provider::Method::Upload) => Signal::UrlImportFailed,
        Ok(
            provider::Method::Unspecified
            | provider::Method::Native
            | provider::Method::Local
            | provider::Method::Bot,
        )
        | Err(_) => Signal::ClientIncompatible,
    }
}

/// Before an order is handed over once more: about twice as long each time, and not for all of them equally long, so that
/// those that failed together do not meet again.
pub(super) fn pause(retry: TimeDelta, command: &Command) -> TimeDelta {
    let factor = 1_i32 << command.tries.saturating_sub(1).min(16);
    let most = retry.checked_mul(factor).unwrap_or(LONGEST).min(LONGEST);
    let least = most / 2;
    let micros = (most - least).num_microseconds().unwrap_or_default();
    least + TimeDelta::microseconds(rand::random_range(0..=micros.max(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(kind: CommandKind, method: provider::Method, tries: u32) -> Command {
        Command {
            id: 1,
            company: "acme".to_owned(),
            call_id: "a".to_owned(),
            plan_revision: 1,
            run: 0,
            kind,
            method: method.into(),
            adapter: 0,
            number: 0,
            due: DateTime::UNIX_EPOCH,
            tries,
        }
    }

    #[test]
    fn what_failed_together_is_not_tried_again_together() {
        let retry = TimeDelta::seconds(5);
        let bot = |tries| command(CommandKind::Dispatch, provider::Method::Bot, tries);
        let pauses: Vec<TimeDelta> = (0..100).map(|_| pause(retry, &bot(3))).collect();
        let bounds = TimeDelta::seconds(10)..=TimeDelta::seconds(20);
        assert!(pauses.iter().all(|one| bounds.contains(one)), "{pauses:?}");
        assert!(pauses.iter().any(|one| *one != pauses[0]), "{pauses:?}");
        assert!((0..100).all(|_| pause(retry, &bot(40)) <= LONGEST));
        assert_eq!(pause(TimeDelta::zero(), &bot(3)), TimeDelta::zero());
    }

    #[test]
    fn what_is_refused_ends_in_a_code_and_what_ends_something_is_not_given_up() {
        let now = DateTime::UNIX_EPOCH;
        let of = |kind, method| Fate::refused(&command(kind, method, 1), now, 3);
        for (method, signal) in [
            (provider::Method::Native, Signal::ClientIncompatible),
            (provider::Method::Bot, Signal::ClientIncompatible),
            (provider::Method::DialerImport, Signal::DialerImportFailed),
            (provider::Method::Upload, Signal::UrlImportFailed),
        ] {
            assert_eq!(of(CommandKind::Dispatch, method), Fate::Told("refused", signal, None));
        }
        for kind in [CommandKind::Withdraw, CommandKind::Instruct(provider::Act::Discard)] {
            assert!(matches!(of(kind, provider::Method::Bot), Fate::Later("refused", _)));
        }
        let asked = CommandKind::Instruct(provider::Act::AskPermission);
        assert_eq!(of(asked, provider::Method::Bot), Fate::Over("refused"));
    }

    #[test]
    fn what_nobody_hosts_is_told_soon_and_what_ends_something_is_tried_for_long() {
        let later = DateTime::UNIX_EPOCH;
        let of = |kind, tries| {
            Fate::unserved(&command(kind, provider::Method::Bot, tries), Lack::Peer, later, 9)
        };
        let dispatch = CommandKind::Dispatch;
        assert_eq!(of(dispatch, UNSERVED - 1), Fate::Later("unserved", later), "somebody may come");
        let told = Fate::Told("unserved", Signal::ClientIncompatible, Some(Lack::Peer));
        assert_eq!(of(dispatch, UNSERVED), told);
        let fetch = CommandKind::Instruct(provider::Act::Fetch);
        assert_eq!(of(fetch, 100), Fate::Later("unserved", later), "it falls with its session");
        for kind in [
            CommandKind::Withdraw,
            CommandKind::Instruct(provider::Act::Discard),
            CommandKind::Instruct(provider::Act::Stop),
        ] {
            assert_eq!(of(kind, 8), Fate::Later("unserved", later));
            assert_eq!(of(kind, 9), Fate::GivenUp("unserved"));
            let refused =
                |tries| Fate::refused(&command(kind, provider::Method::Bot, tries), later, 9);
            assert!(matches!(refused(8), Fate::Later("refused", _)));
            assert_eq!(refused(9), Fate::GivenUp("refused"));
        }
    }

    #[test]
    fn a_session_learns_what_is_missing_before_it_gives_up_waiting() {
        // The longest pauses there are, with the settings everybody begins with.
        let waited: i32 = (1..UNSERVED).map(|tries| 5 << (tries - 1)).sum();
        let launch = decision::session::Settings::default().launch;
        assert!(TimeDelta::seconds(i64::from(waited)) < launch, "{waited}");
    }

    #[test]
    fn what_is_missing_is_said_in_as_much_as_a_session_keeps() {
        for adapter in Adapter::ALL {
            let wire = provider::Adapter::from(adapter).into();
            let bot = command(CommandKind::Dispatch, provider::Method::Bot, 1);
            let of = |lack: Lack| {
                lack.raw(&Command { adapter: wire, ..bot.clone() }, DateTime::UNIX_EPOCH).raw_text
            };
            for text in [of(Lack::Peer), of(Lack::Host)] {
                assert!(text.contains(adapter.as_str()) && text.len() <= 120, "{text}");
            }
        }
    }
}
