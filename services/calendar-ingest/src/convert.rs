//! Occurrences as meetings of the contract, and problems as they are told.

use calendar::{Details, Field, FieldLink, Occurrence, Participation, PersonKind, Sensitivity};
use chrono::{DateTime, Utc};
use conference::{ConsentKind, Kind};
use prost::Message as _;
use proto::calendar::v1;
use proto::{time, verdict};

use crate::error::Error;
use crate::identity;
use crate::store::Meeting;

/// Characters of a title that are kept.
const TITLE: usize = 4096;

/// All that occurrences of one component have in common.
pub(crate) fn template(
    company: &str,
    uid: &str,
    recipient: &str,
    details: &Details,
) -> v1::Meeting {
    v1::Meeting {
        company: company.to_owned(),
        key: Some(verdict::v1::CallKey {
            ical_uid: identity::of_calendar(uid).map(str::to_owned),
            recurrence_id: None,
        }),
        title: details.title.as_deref().map(|title| title.chars().take(TITLE).collect()),
        zone: details.zone.clone().unwrap_or_default(),
        sensitivity: match details.sensitivity {
            Sensitivity::Public => v1::Sensitivity::Public,
            Sensitivity::Personal => v1::Sensitivity::Personal,
            Sensitivity::Private => v1::Sensitivity::Private,
        }
        .into(),
        organizer: details.organizer.as_ref().map(person),
        organizer_declined: details.organizer_declined,
        attendees: details.attendees.iter().map(person).collect(),
        links: details.links.iter().map(field_link).collect(),
        foreign_recipient: recipient.to_owned(),
        status: match details.status {
            calendar::Status::Confirmed => "confirmed",
            calendar::Status::Tentative => "tentative",
            calendar::Status::Cancelled => CANCELLED,
        }
        .to_owned(),
        ..v1::Meeting::default()
    }
}

/// The status of what does not take place.
pub(crate) const CANCELLED: &str = "cancelled";

/// One occurrence, without revision and time of receipt.
pub(crate) fn occurrence(
    id: String,
    template: &v1::Meeting,
    occurrence: &Occurrence,
) -> v1::Meeting {
    let mut meeting = template.clone();
    meeting.meeting_id = id;
    if let Some(key) = &mut meeting.key {
        key.recurrence_id = occurrence.recurrence_id.map(time::to_wire);
    }
    meeting.start = Some(time::to_wire(occurrence.start));
    meeting.end = occurrence.end.map(time::to_wire);
    if let Some((first, after)) = occurrence.dates {
        meeting.all_day = true;
        meeting.start_date = first.to_string();
        meeting.end_date = after.to_string();
    }
    if occurrence.cancelled {
        meeting.cancelled = true;
        meeting.status = CANCELLED.to_owned();
    }
    meeting.ambiguous_time = occurrence.ambiguous_time;
    meeting
}

fn person(of: &calendar::Person) -> v1::Person {
    v1::Person {
        address: of.address.clone(),
        kind: match of.kind {
            PersonKind::Individual => v1::PersonKind::Individual,
            PersonKind::Group => v1::PersonKind::Group,
            PersonKind::Room => v1::PersonKind::Room,
            PersonKind::Resource => v1::PersonKind::Resource,
        }
        .into(),
        participation: match of.participation {
            Participation::NeedsAction => v1::Participation::NeedsAction,
            Participation::Accepted => v1::Participation::Accepted,
            Participation::Declined => v1::Participation::Declined,
            Participation::Tentative => v1::Participation::Tentative,
            Participation::Delegated => v1::Participation::Delegated,
        }
        .into(),
    }
}

fn field_link(of: &FieldLink) -> v1::Link {
    let field = match of.field {
        Field::Provider => v1::Field::Provider,
        Field::Url => v1::Field::Url,
        Field::Location => v1::Field::Location,
        Field::Description => v1::Field::Description,
    };
    link(&of.link, field)
}

/// A link, found in a field.
pub(crate) fn link(link: &conference::Link, field: v1::Field) -> v1::Link {
    let kind = match &link.kind {
        Kind::Join { .. } => v1::LinkKind::Join,
        Kind::NoMeetingId { .. } => v1::LinkKind::NoMeetingId,
        Kind::Unsupported { .. } => v1::LinkKind::Unsupported,
        Kind::Undecodable { .. } => v1::LinkKind::Undecodable,
        Kind::Consent { .. } => v1::LinkKind::Consent,
    };
    let provider = match link.provider() {
        None => verdict::v1::Provider::Unspecified,
        Some(conference::Provider::Zoom) => verdict::v1::Provider::Zoom,
        Some(conference::Provider::Teams) => verdict::v1::Provider::Teams,
        Some(conference::Provider::Webex) => verdict::v1::Provider::Webex,
        Some(conference::Provider::GoogleMeet) => verdict::v1::Provider::GoogleMeet,
    };
    let consent = match &link.kind {
        Kind::Consent { host, company, kind, token } => Some(v1::ConsentShape {
            host: host.clone(),
            company: company.clone(),
            r#type: match kind {
                ConsentKind::Static => v1::ConsentLinkType::Static,
                ConsentKind::Dynamic => v1::ConsentLinkType::Dynamic,
            }
            .into(),
            token: token.clone(),
        }),
        Kind::Join { .. }
        | Kind::NoMeetingId { .. }
        | Kind::Unsupported { .. }
        | Kind::Undecodable { .. } => None,
    };
    v1::Link {
        field: field.into(),
        kind: kind.into(),
        provider: provider.into(),
        id: link.id().unwrap_or_default().to_owned(),
        service: link.name().to_owned(),
        url: link.url.clone(),
        unwrapped: link.unwrapped.iter().map(|wrapper| wrapper.as_str().to_owned()).collect(),
        consent,
    }
}

/// A stored meeting as it is sent.
pub(crate) fn stored(row: &Meeting) -> Result<v1::Meeting, Error> {
    let mut meeting = v1::Meeting::decode(row.body.as_slice())?;
    meeting.revision = row.revision;
    meeting.received_at = Some(time::to_wire(instant(row.received)));
    Ok(meeting)
}

/// A problem as it is told.
pub(crate) fn problem(source: &str, of: &calendar::Problem) -> v1::Problem {
    let reason = serde_json::to_value(of.reason).ok();
    v1::Problem {
        source: source.to_owned(),
        place: of.place.to_string(),
        ical_uid: of
            .uid
            .as_deref()
            .and_then(identity::of_calendar)
            .map(|uid| uid.chars().take(1024).collect())
            .unwrap_or_default(),
        reason: reason.as_ref().and_then(|name| name.as_str()).unwrap_or("other").to_owned(),
        message: of.text.clone(),
        dropped: of.severity == calendar::Severity::Dropped,
    }
}

/// An instant as it is stored.
pub(crate) fn micros(at: DateTime<Utc>) -> i64 {
    at.timestamp_micros()
}

/// An instant as it was stored.
pub(crate) fn instant(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}
