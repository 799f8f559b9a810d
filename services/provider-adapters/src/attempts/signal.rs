//! What is told of attempts, and what else is told to whoever decides.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use decision::Provider;
use decision::session::Signal;
use proto::provider::v1;
use proto::provider::v1::watch_signals_response as wire;
use proto::{Invalid, time};

use super::{Attempt, text};

/// The name of the word that is no signal of a session, but a list of people from which some are made.
const ROSTER: &str = "roster";

/// People in one list, at most.
pub(crate) const MAX_ROSTER: usize = 2000;
/// Bytes of a key, at most.
const MAX_KEY: usize = 200;
/// Bytes of a raw code or its text, at most.
const MAX_RAW: usize = 1000;
/// Bytes of an address, at most.
const MAX_ADDRESS: usize = 400;

/// How far in the future something may have happened: clocks differ.
const AHEAD: TimeDelta = TimeDelta::hours(1);

/// What a piece of news of an attempt says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    /// One of the signals sessions know.
    Is(Signal),
    /// Everybody who is in the conference.
    Roster,
}

impl Word {
    /// Its name on the wire.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Is(signal) => signal.as_str(),
            Self::Roster => ROSTER,
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        if name == ROSTER { Some(Self::Roster) } else { Signal::from_name(name).map(Self::Is) }
    }
}

/// A raw code of a provider: evidence, without content, addresses or secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Evidence {
    /// The provider or bot runtime.
    pub(crate) provider: String,
    /// Its code.
    pub(crate) code: String,
    /// Its words.
    pub(crate) text: String,
}

impl Evidence {
    /// A code of our own, where no provider is behind it.
    pub(crate) fn own(code: &str, text: impl Into<String>) -> Self {
        Self { provider: "callsheet".to_owned(), code: code.to_owned(), text: text.into() }
    }
}

/// Somebody in a conference.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Person {
    /// Address, where the provider tells it.
    pub(crate) address: String,
    /// A recorder of ours.
    pub(crate) is_recorder: bool,
    /// A host.
    pub(crate) is_host: bool,
    /// An account of the company's own organisation, as the provider says.
    pub(crate) same_organisation: bool,
}

/// News of an attempt, in neutral words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct News {
    /// Which attempt.
    pub(crate) attempt: Attempt,
    /// What happened.
    pub(crate) word: Word,
    /// When.
    pub(crate) at: DateTime<Utc>,
    /// The provider's number among what happened at that instant.
    pub(crate) sequence: u32,
    /// How long the recording is, where it was imported.
    pub(crate) length: Option<Duration>,
    /// The raw code behind it.
    pub(crate) raw: Option<Evidence>,
    /// With [`Word::Roster`], everybody who is there.
    pub(crate) roster: Vec<Person>,
    /// The same however often it is told; unique in the attempt.
    pub(crate) key: String,
}

impl News {
    /// A signal about which no more is known.
    pub(crate) fn of(
        attempt: &Attempt,
        signal: Signal,
        at: DateTime<Utc>,
        key: impl Into<String>,
    ) -> Self {
        Self {
            attempt: attempt.clone(),
            word: Word::Is(signal),
            at,
            sequence: 0,
            length: None,
            raw: None,
            roster: Vec::new(),
            key: key.into(),
        }
    }

    /// With the raw code behind it.
    pub(crate) fn because(mut self, raw: Evidence) -> Self {
        self.raw = Some(raw);
        self
    }

    /// Whether something of that name can be told.
    pub(crate) fn is_known(name: &str) -> bool {
        Word::from_name(name).is_some()
    }

    /// Reads what somebody tells at an instant.
    ///
    /// # Errors
    /// The field that is wrong.
    pub(crate) fn read(wire: v1::Signal, now: DateTime<Utc>) -> Result<Self, Invalid> {
        let attempt = wire.attempt.try_into()?;
        let word = Word::from_name(&wire.signal).ok_or_else(|| {
            let name: String = wire.signal.chars().take(64).collect();
            let problem = format!("`{name}` is no signal; docs/sessions.md has them all");
            Invalid::Text { field: "signal", problem }
        })?;
        let at = time::required("at", wire.at.as_ref())?;
        if at > now + AHEAD {
            let problem = "lies more than an hour in the future".to_owned();
            return Err(Invalid::Text { field: "at", problem });
        }
        text("key", &wire.key, 1, MAX_KEY)?;
        let raw = wire.raw.map(|raw| {
            text("raw.provider", &raw.provider, 1, 64)?;
            text("raw.code", &raw.code, 0, MAX_RAW)?;
            text("raw.text", &raw.text, 0, MAX_RAW)?;
            Ok::<_, Invalid>(Evidence { provider: raw.provider, code: raw.code, text: raw.text })
        });
        Invalid::limit("roster", wire.roster.len(), MAX_ROSTER)?;
        for one in &wire.roster {
            text("roster.address", &one.address, 0, MAX_ADDRESS)?;
        }
        let length = wire.length.map(|length| {
            Duration::try_from(length).map_err(|_| Invalid::Text {
                field: "length",
                problem: "is no length of a recording".to_owned(),
            })
        });
        Ok(Self {
            attempt,
            word,
            at,
            sequence: wire.sequence,
            length: length.transpose()?,
            raw: raw.transpose()?,
            roster: wire.roster.into_iter().map(Person::from).collect(),
            key: wire.key,
        })
    }
}

impl From<v1::Person> for Person {
    fn from(wire: v1::Person) -> Self {
        Self {
            address: wire.address,
            is_recorder: wire.is_recorder,
            is_host: wire.is_host,
            same_organisation: wire.same_organisation,
        }
    }
}

impl From<&News> for v1::Signal {
    fn from(news: &News) -> Self {
        Self {
            attempt: Some((&news.attempt).into()),
            signal: news.word.as_str().to_owned(),
            at: Some(time::to_wire(news.at)),
            sequence: news.sequence,
            length: news.length.and_then(|length| length.try_into().ok()),
            raw: news.raw.as_ref().map(|raw| v1::RawCode {
                provider: raw.provider.clone(),
                code: raw.code.clone(),
                text: raw.text.clone(),
                observed_at: Some(time::to_wire(news.at)),
            }),
            roster: news
                .roster
                .iter()
                .map(|one| v1::Person {
                    address: one.address.clone(),
                    is_recorder: one.is_recorder,
                    is_host: one.is_host,
                    same_organisation: one.same_organisation,
                })
                .collect(),
            key: news.key.clone(),
        }
    }
}

/// A piece of news for whoever decides.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change {
    /// News of an attempt.
    Told(News),
    /// A telephone call that nobody registered.
    Call {
        /// The call.
        call: v1::PhoneCall,
        /// The same however often it is told.
        key: String,
    },
    /// Plans may rest on something that has changed.
    Facts {
        /// The company.
        company: String,
        /// Whose.
        provider: Provider,
        /// Members whose calls are concerned; everybody's when empty.
        members: Vec<String>,
        /// The same however often it is told.
        key: String,
    },
}

impl Change {
    /// The company it concerns.
    pub(crate) fn company(&self) -> &str {
        match self {
            Self::Told(news) => &news.attempt.company,
            Self::Call { call, .. } => &call.company,
            Self::Facts { company, .. } => company,
        }
    }
}

impl From<&Change> for wire::News {
    fn from(change: &Change) -> Self {
        match change {
            Change::Told(news) => Self::Signal(news.into()),
            Change::Call { call, .. } => Self::PhoneCall(call.clone()),
            Change::Facts { company, provider, members, .. } => {
                Self::FactsChanged(v1::FactsChanged {
                    company: company.clone(),
                    provider: proto::verdict::v1::Provider::from(*provider).into(),
                    members: members.clone(),
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire() -> v1::Signal {
        let attempt =
            v1::Attempt { company: "acme".into(), call_id: "c".into(), ..Default::default() };
        v1::Signal {
            attempt: Some(attempt),
            signal: "in_lobby".into(),
            at: Some(time::to_wire(DateTime::UNIX_EPOCH)),
            key: "k".into(),
            ..Default::default()
        }
    }

    #[test]
    fn a_signal_survives_the_wire() {
        let mut told = wire();
        told.raw = Some(v1::RawCode {
            provider: "recall".into(),
            code: "in_waiting_room".into(),
            observed_at: told.at,
            ..Default::default()
        });
        let news = News::read(told.clone(), DateTime::UNIX_EPOCH).unwrap();
        assert_eq!(news.word, Word::Is(Signal::InLobby));
        assert_eq!(v1::Signal::from(&news), told);
        let roster = v1::Signal { signal: "roster".into(), raw: None, ..told };
        assert_eq!(News::read(roster, DateTime::UNIX_EPOCH).unwrap().word, Word::Roster);
    }

    #[test]
    fn what_nobody_means_is_refused_with_its_field() {
        let field = |change: fn(&mut v1::Signal)| {
            let mut told = wire();
            change(&mut told);
            News::read(told, DateTime::UNIX_EPOCH).unwrap_err().field()
        };
        assert_eq!(field(|it| it.signal = "eclipse".into()), "signal");
        assert_eq!(field(|it| it.at = None), "at");
        assert_eq!(field(|it| it.at = Some(time::to_wire(DateTime::UNIX_EPOCH + AHEAD * 2))), "at");
        assert_eq!(field(|it| it.key = String::new()), "key");
        assert_eq!(field(|it| it.key = "k".repeat(MAX_KEY + 1)), "key");
        assert_eq!(field(|it| it.attempt = None), "attempt");
        let crowd = |it: &mut v1::Signal| it.roster = vec![v1::Person::default(); MAX_ROSTER + 1];
        assert_eq!(field(crowd), "roster");
        let backwards = |it: &mut v1::Signal| {
            it.length = Some(prost_types::Duration { seconds: -1, nanos: 0 });
        };
        assert_eq!(field(backwards), "length");
    }
}
