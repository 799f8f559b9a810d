//! What becomes of commands, and when those are tried again that were not taken.

use chrono::{DateTime, TimeDelta, Utc};
use decision::session::Signal;
use proto::provider::v1 as provider;

use crate::store::{Command, CommandKind};

/// The longest pause before an order is handed over once more.
const LONGEST: TimeDelta = TimeDelta::seconds(60);

/// Before an order is handed over whose meeting has changed and is to be decided again first.
pub(super) const SOON: TimeDelta = TimeDelta::seconds(1);

/// What becomes of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing is left to do, with this result.
    Over(&'static str),
    /// It is handed over later, with this result.
    Later(&'static str, DateTime<Utc>),
    /// Nothing is left to do, with this result, but to tell the session so: its attempt comes to nothing.
    Told(&'static str, Signal),
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
                CommandKind::Dispatch => Self::Told("fenced", Signal::ConnectionFailed),
                CommandKind::Withdraw | CommandKind::Instruct(_) => Self::Over("fenced"),
            }),
            Ok(provider::Receipt::Unknown) => match command.kind {
                CommandKind::Instruct(provider::Act::Discard) | CommandKind::Withdraw => {
                    Some(Self::Over("unknown"))
                }
                // The adapter has lost its attempt.
                CommandKind::Instruct(_) => Some(Self::Told("unknown", Signal::ConnectionFailed)),
                CommandKind::Dispatch => None,
            },
            Ok(provider::Receipt::Unspecified) | Err(_) => None,
        }
    }

    /// What becomes of a command that its adapter will never take, alone as it came. What ends something is not given up.
    pub(super) fn refused(command: &Command, now: DateTime<Utc>) -> Self {
        match command.kind {
            CommandKind::Dispatch => Self::Told(
                "refused",
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
                },
            ),
            CommandKind::Withdraw
            | CommandKind::Instruct(provider::Act::Discard | provider::Act::Stop) => {
                Self::Later("refused", now + LONGEST)
            }
            CommandKind::Instruct(_) => Self::Over("refused"),
        }
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
        let of = |kind, method| Fate::refused(&command(kind, method, 1), now);
        for (method, signal) in [
            (provider::Method::Native, Signal::ClientIncompatible),
            (provider::Method::Bot, Signal::ClientIncompatible),
            (provider::Method::DialerImport, Signal::DialerImportFailed),
            (provider::Method::Upload, Signal::UrlImportFailed),
        ] {
            assert_eq!(of(CommandKind::Dispatch, method), Fate::Told("refused", signal));
        }
        for kind in [CommandKind::Withdraw, CommandKind::Instruct(provider::Act::Discard)] {
            assert!(matches!(of(kind, provider::Method::Bot), Fate::Later("refused", _)));
        }
        let asked = CommandKind::Instruct(provider::Act::AskPermission);
        assert_eq!(of(asked, provider::Method::Bot), Fate::Over("refused"));
    }
}
