//! What an event comes to: signals of an attempt, who is there, and news of accounts and of telephone calls.

use chrono::{DateTime, TimeDelta, Utc};
use decision::Provider as Conferencing;
use decision::session::{Heard, Means, Says, Signal};
use proto::provider::v1;
use signals::event::Direction;
use signals::{Event, News as Needs, Participant, Private, Provider, Topic};

use super::Opened;
use super::called::{Called, called};
use super::concern::Concerned;
use crate::attempts::{Attempt, Change, Evidence, News, Person, Word};
use crate::carry::{Kind, Name};
use crate::connections::Connection;
use crate::journal::{Movement, Need, Settled, Spoken, Trace, Unmapped};
use chassis::metrics::{self, Counter};

/// Raw codes that nobody has mapped, by `provider`. It should stay at zero.
static UNMAPPED: Counter = metrics::counter("callsheet.codes.unmapped");

/// Bytes of a name, at most.
const LONGEST_NAME: usize = 300;
/// Bytes of a link, at most.
const LONGEST_LINK: usize = 8192;
/// Letters of a raw code, or of what stood beside it, that are kept.
const LONGEST_RAW: usize = 240;

/// How long before the planned start a session in a personal room is taken for that of the event.
const EARLY: TimeDelta = TimeDelta::minutes(5);
/// How much earlier than we asked for it a stop may seem to have come: clocks differ.
const SKEW: TimeDelta = TimeDelta::seconds(10);
/// How far in the future something may have happened, by the provider's clock.
const AHEAD: TimeDelta = TimeDelta::hours(1);
/// The type of a meeting in a personal room, as Zoom numbers it.
const PERSONAL: i64 = 4;
/// The name of a connection to which the provider denied us access.
pub(crate) const ACCESS_LOST: &str = "app_deauthorized";
/// The same for one whose notifications do not come any more.
pub(crate) const SUBSCRIPTION_LOST: &str = "subscription_lost";
/// The same for one of which notifications were lost.
pub(crate) const SIGNALS_MISSED: &str = "notifications_missed";
/// The same for an account that is out of storage.
pub(crate) const STORAGE_FULL: &str = "storage_full";

pub(crate) fn means(method: v1::Method) -> Means {
    match method {
        v1::Method::Native => Means::Cloud,
        v1::Method::Local => Means::LocalBot,
        v1::Method::DialerImport => Means::Dialer,
        v1::Method::Upload => Means::Upload,
        v1::Method::Bot | v1::Method::Unspecified => Means::Bot,
    }
}

/// When an event happened. Of one that is to happen yet, the provider's clock is wrong.
fn when(event: &Event, received: DateTime<Utc>) -> DateTime<Utc> {
    event.at.map_or(received, |at| at.min(received + AHEAD))
}

/// Tells what an event comes to in its attempt.
pub(super) fn tell(
    one: &Opened<'_>,
    event: &Event,
    (trace, we_began): (&Trace, bool),
    settled: &mut Settled,
) {
    let received = one.letter.received;
    let at = when(event, received);
    let ours = |participant: &Participant| is_ours(one.connection, trace, participant);
    // In a personal room others meet too: what begins at another time is not this meeting.
    let is_other = event.about.conference_type == Some(PERSONAL) && is_at_another_time(trace, at);
    for heard in event.heard(means(trace.method), received, ours) {
        // What was begun through the API was begun by us.
        if heard.signal == Signal::ManualStart && we_began {
            continue;
        }
        let heard = Heard { at: heard.at.min(received + AHEAD), ..heard };
        if heard.signal == Signal::RecordingStopped && we_stopped(trace, heard.at) {
            let own = Heard { signal: Signal::OwnStop, ..heard.clone() };
            settled.changes.push(Change::Told(news(event, &trace.attempt, own)));
        }
        let heard = if is_other && heard.signal == Signal::MeetingStarted {
            Heard { signal: Signal::StartedAtOtherTime, ..heard }
        } else {
            heard
        };
        settled.changes.push(Change::Told(news(event, &trace.attempt, heard)));
    }
    planned(one, event, trace, at, settled);
    people(one, event, trace, at, settled);
    // Those of calls are noted with what else telephone systems tell.
    for Called { name, .. } in called(event).into_iter().filter(|it| it.name.kind != Kind::Call) {
        settled.names.push((trace.clone(), name));
    }
    if event.provider.is_telephony() {
        phone(event, trace, settled);
    }
}

/// Tells that the provider has it otherwise than it was planned: whoever plans looks again, and a session of a meeting that was
/// moved away from it hears so. Of a series nobody can tell which of its meetings was moved, unless it says from when.
fn planned(
    one: &Opened<'_>,
    event: &Event,
    trace: &Trace,
    at: DateTime<Utc>,
    settled: &mut Settled,
) {
    let changes = [Needs::MeetingChanged, Needs::CancelledAtProvider, Needs::MeetingRestored];
    let Some(provider) = conferencing(event.provider) else { return };
    if !changes.into_iter().any(|news| event.tells(news)) {
        return;
    }
    if !trace.member.is_empty() {
        settled.changes.push(Change::Facts {
            company: one.connection.company.clone(),
            provider,
            members: vec![trace.member.clone()],
            key: format!("{}:{}", one.connection.name, event.key),
        });
    }
    let (before, after) = (event.about.planned_before, event.about.planned_start);
    let moved = before.is_some_and(|before| trace.start == Some(before)) && after != before;
    if event.tells(Needs::MeetingChanged) && moved && after.is_some() {
        let heard = Heard {
            signal: Signal::Rescheduled,
            at,
            sequence: 0,
            run: None,
            length: None,
            raw: None,
            code: None,
        };
        settled.changes.push(Change::Told(news(event, &trace.attempt, heard)));
    }
}

/// Notes what a telephone system calls the legs of a call and its recordings, and where those are that nobody else can tell.
fn phone(event: &Event, trace: &Trace, settled: &mut Settled) {
    let mut named = |kind, value: &str| {
        if !value.is_empty() && value.len() <= LONGEST_NAME && !value.contains('\0') {
            let name = Name { kind, value: value.to_owned() };
            settled.names.push((trace.clone(), name));
        }
    };
    for id in [&event.about.session, &event.about.call].into_iter().flatten() {
        named(Kind::Call, id);
    }
    for recording in &event.recordings {
        let link = recording.url.as_ref().map(Private::expose);
        // Vonage's files have ids of their own.
        let id = if event.provider == Provider::Vonage {
            link.and_then(remote::vonage::file)
        } else {
            recording.id.clone()
        };
        if let Some(id) = &id {
            named(Kind::Recording, id);
        }
    }
    if event.provider != Provider::Dialer {
        return;
    }
    let plain = |text: &&str| !text.is_empty() && !text.contains(['\0', '\t', '\n', '\r']);
    for recording in &event.recordings {
        let link = recording.url.as_ref().map(Private::expose);
        let link = link.filter(plain).filter(|link| link.len() <= LONGEST_LINK);
        let id = recording.id.as_deref().or(event.about.call.as_deref());
        let id = id.filter(plain).filter(|id| id.len() <= LONGEST_NAME);
        if let (Some(link), Some(id)) = (link, id) {
            settled.links.push(Spoken {
                trace: trace.clone(),
                carrier: "dialer",
                recording: id.to_owned(),
                link: Private::new(link),
            });
        }
    }
}

/// Notes raw codes that nobody has mapped, once.
pub(super) fn unmapped(one: &Opened<'_>, event: &Event, settled: &mut Settled) {
    for meaning in event.unknown() {
        if one.letter.tries == 0 {
            UNMAPPED.add(1, &[("provider", event.provider.as_str())]);
        }
        settled.unmapped.push(Unmapped {
            company: one.connection.company.clone(),
            provider: event.provider.as_str(),
            kind: meaning.kind().as_str(),
            code: evident(meaning.raw_code()),
            text: evident(meaning.raw_text().unwrap_or_default()),
            at: when(event, one.letter.received),
        });
    }
}

/// A raw code or its text, as far as it is worth keeping.
fn evident(raw: &str) -> String {
    raw.chars().filter(|one| *one != '\0').take(LONGEST_RAW).collect()
}

/// News of an attempt that an event brought.
pub(crate) fn news(event: &Event, attempt: &Attempt, heard: Heard) -> News {
    let told = heard.signal;
    let meaning = event.meanings.iter().find(|meaning| meaning.signal() == Some(told));
    let raw = match (&heard.raw, meaning) {
        (Some(raw), _) => Some(Evidence {
            provider: raw.provider.clone(),
            code: evident(&raw.raw_code),
            text: evident(&raw.raw_text),
        }),
        (None, Some(meaning)) => Some(Evidence {
            provider: meaning.provider().as_str().to_owned(),
            code: evident(meaning.raw_code()),
            text: by_whom(event, told).to_owned(),
        }),
        (None, None) => None,
    };
    // Several codes that nobody has mapped may stand in one event.
    let code = raw.as_ref().filter(|_| told == Signal::Unreadable).map(|raw| raw.code.as_str());
    News {
        attempt: attempt.clone(),
        word: Word::Is(told),
        at: heard.at,
        sequence: heard.sequence,
        length: None,
        key: format!("{}:{}{}", event.key, told.as_str(), code.unwrap_or_default()),
        raw,
        roster: Vec::new(),
    }
}

/// Whose removal, or refusal at the door, it was, where the provider tells; without a name.
fn by_whom(event: &Event, told: Signal) -> &'static str {
    if !matches!(told, Signal::Removed | Signal::Denied) {
        return "";
    }
    match event.remover().map(|remover| remover.host) {
        Some(Some(true)) => "by a host",
        Some(Some(false)) => "by a participant who does not host",
        Some(None) => "by a participant",
        None => "",
    }
}

/// Whether a stop was ours: no provider says whose it was.
fn we_stopped(trace: &Trace, at: DateTime<Utc>) -> bool {
    trace.stopped.is_some_and(|stopped| at >= stopped - SKEW)
}

fn is_at_another_time(trace: &Trace, at: DateTime<Utc>) -> bool {
    let Some(start) = trace.start else { return false };
    at < start - EARLY || trace.end.is_some_and(|end| at > end)
}

/// Whether a participant is a recorder of ours.
fn is_ours(connection: &Connection, trace: &Trace, participant: &Participant) -> bool {
    let accounts = [&participant.user, &participant.id];
    let known = accounts.into_iter().flatten().any(|one| connection.recorders.contains(one));
    let address = participant.email.as_ref().map(Private::expose);
    let addressed = address.is_some_and(|address| {
        connection.recorders.iter().any(|one| one.eq_ignore_ascii_case(address))
    });
    known || addressed || participant.reference.as_ref() == Some(&trace.id)
}

/// Notes who came and who went.
fn people(
    one: &Opened<'_>,
    event: &Event,
    trace: &Trace,
    at: DateTime<Utc>,
    settled: &mut Settled,
) {
    let came = event.tells(Needs::ParticipantJoined) || event.tells(Needs::LobbyAdmitted);
    let left = event.tells(Needs::ParticipantLeft)
        || event.tells(Needs::ParticipantRemoved)
        || event.tells(Needs::ParticipantDropped);
    if came == left && event.participants.len() < 2 {
        return;
    }
    let own: Vec<&str> = one.connection.own.iter().map(String::as_str).collect();
    for participant in &event.participants {
        let Some(person) = participant.id.as_ref().or(participant.user.as_ref()) else { continue };
        let here = match participant.state.as_deref() {
            Some("exited" | "end") => false,
            Some("joined") => true,
            _ if participant.in_lobby == Some(true) => false,
            _ => came,
        };
        let is_recorder = is_ours(one.connection, trace, participant);
        let present = participant.present(is_recorder, &own);
        let host = event.about.host.is_some() && participant.user == event.about.host;
        settled.movements.push(Movement {
            trace: trace.clone(),
            person: person.chars().filter(|one| *one != '\0').take(200).collect(),
            who: Person {
                address: present.address.unwrap_or_default().to_owned(),
                is_recorder,
                is_host: participant.host == Some(true) || host,
                same_organisation: present.same_organisation,
            },
            here,
            at,
            key: event.key.to_string(),
        });
    }
}

/// Whether an event could be of an attempt at all, so that it is worth waiting for one.
pub(super) fn may_be_of_an_attempt(event: &Event) -> bool {
    let about = &event.about;
    let named = [&about.conference, &about.instance, &about.call, &about.session, &about.bot];
    let is_of_something = named.iter().any(|one| one.is_some()) || about.reference.is_some();
    let is_of_a_session = event.news().any(|news| {
        matches!(news.topic(), Topic::Participant | Topic::Host | Topic::Conference | Topic::Call)
    });
    is_of_something && (is_of_a_session || !event.signals().is_empty())
}

/// News of accounts and subscriptions, which concern more than one attempt. `concerned` is whose calls a change concerns that
/// names a user.
pub(super) fn account(
    one: &Opened<'_>,
    event: &Event,
    concerned: Option<&Concerned>,
    settled: &mut Settled,
) {
    let connection = one.connection;
    let at = when(event, one.letter.received);
    let mut changed = false;
    for news in event.news() {
        changed |= matches!(news, Needs::AccessLost | Needs::UserGone | Needs::SettingsChanged);
        let known = [
            (Needs::AccessLost, ACCESS_LOST),
            (Needs::SubscriptionLost, SUBSCRIPTION_LOST),
            (Needs::SignalsMissed, SIGNALS_MISSED),
            (Needs::StorageFull, STORAGE_FULL),
        ];
        // What we make ourselves we make again: nobody else has to.
        let problem = known.into_iter().find(|(problem, _)| *problem == news);
        let problem =
            problem.filter(|(_, code)| *code != SUBSCRIPTION_LOST || !connection.is_notified());
        if let Some((_, code)) = problem {
            if code == SIGNALS_MISSED {
                // It is told since the last time.
                note(connection, code, false, at, settled);
            }
            note(connection, code, true, at, settled);
        }
        let needs =
            [(Needs::SubscriptionEnding, Need::Confirm), (Needs::SubscriptionLost, Need::Again)];
        let need = needs.into_iter().find(|(what, _)| *what == news).map(|(_, need)| need);
        if let (Some(need), Some(remote)) = (need, &event.about.subscription) {
            settled.befallen.push((connection.name.clone(), remote.clone(), need));
        }
    }
    let is_of_a_meeting = event.about.conference.is_some() || event.about.call.is_some();
    if is_of_a_meeting {
        // Whoever tells of meetings has not denied us access.
        for code in [ACCESS_LOST, SUBSCRIPTION_LOST] {
            note(connection, code, false, at, settled);
        }
    }
    if event.says(Signal::FilesReady) {
        // What is stored had room.
        note(connection, STORAGE_FULL, false, at, settled);
    }
    let members = match concerned {
        Some(Concerned::Nobody) => return,
        Some(Concerned::Member(member)) => vec![member.clone()],
        Some(Concerned::Everybody) | None => Vec::new(),
    };
    if let (true, Some(provider)) = (changed, conferencing(event.provider)) {
        settled.changes.push(Change::Facts {
            company: connection.company.clone(),
            provider,
            members,
            key: format!("{}:{}", connection.name, event.key),
        });
    }
}

/// Notes what is wrong with a connection, or not any more: of several words that say the same one after the other, the last.
fn note(
    connection: &Connection,
    code: &'static str,
    is_wrong: bool,
    at: DateTime<Utc>,
    settled: &mut Settled,
) {
    let name = &connection.name;
    let last = settled.problems.iter_mut().rev().find(|one| one.0 == *name && one.1 == code);
    match last {
        Some(last) if last.2 == is_wrong && !is_wrong => last.3 = last.3.max(at),
        // It is wrong since the first time.
        Some(last) if last.2 == is_wrong => last.3 = last.3.min(at),
        Some(_) | None => settled.problems.push((name.clone(), code, is_wrong, at)),
    }
}

fn conferencing(provider: Provider) -> Option<Conferencing> {
    Conferencing::from_name(provider.as_str())
}

/// Tells of a telephone call that nobody registered. Its own signals follow once it was ordered.
pub(super) fn call(
    connection: &Connection,
    event: &Event,
    received: DateTime<Utc>,
    settled: &mut Settled,
) {
    let about = &event.about;
    let id = about.session.as_ref().or(about.call.as_ref());
    let (true, Some(id)) = (event.provider.is_telephony(), id) else { return };
    let says_something = event
        .signals()
        .into_iter()
        .any(|signal| matches!(signal.says(), Says::Dial | Says::DialFault));
    if !says_something || id.contains('\0') || id.len() > 500 {
        return;
    }
    let text = |text: &Option<Private>| {
        let text = text.as_ref().map(Private::expose).unwrap_or_default();
        text.chars().filter(|one| *one != '\0').take(64).collect::<String>()
    };
    let inbound = about.direction == Some(Direction::Inbound);
    let (own, other) = if inbound { (&about.to, &about.from) } else { (&about.from, &about.to) };
    let call = v1::PhoneCall {
        company: connection.company.clone(),
        connection: connection.name.clone(),
        external_id: id.clone(),
        direction: match about.direction {
            Some(Direction::Inbound) => v1::Direction::Inbound,
            Some(Direction::Outbound) => v1::Direction::Outbound,
            None => v1::Direction::Unspecified,
        }
        .into(),
        own_number: text(own),
        other_number: text(other),
        user: about.user.clone().unwrap_or_default().chars().take(200).collect(),
        placed_at: Some(proto::time::to_wire(when(event, received))),
        participants: Vec::new(),
    };
    // Told once, by whichever of its events comes first.
    settled.changes.push(Change::Call { call, key: format!("{}:{id}", connection.name) });
}
