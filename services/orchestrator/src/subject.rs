//! One call on its way to a decision: the meeting, where it takes place, and what was decided before.

use chrono::{DateTime, Utc};
use decision::links::{Link, Resolution, Selected, select};
use decision::people::People;
use decision::{CallKey, History, Meeting, Person, Policy};
use proto::calendar::v1 as calendar;
use proto::{Invalid, time};

/// What is known of a call beside its meeting.
#[derive(Debug, Clone, Default)]
pub(crate) struct Past {
    /// What was decided before.
    pub(crate) history: History,
    /// Owner of the latest plan.
    pub(crate) planned_owner: Option<String>,
    /// Who asked for a recording and may, oldest first.
    pub(crate) requested_by: Vec<String>,
    /// The recording was taken back, with no newer request.
    pub(crate) canceled: bool,
}

/// One call on its way to a decision.
#[derive(Debug)]
pub(crate) struct Subject {
    /// The meeting as it came.
    pub(crate) wire: calendar::Meeting,
    /// Its identity.
    pub(crate) key: CallKey,
    /// The meeting as the rules see it.
    pub(crate) meeting: Meeting,
    /// Its links, resolved.
    pub(crate) links: Vec<Link>,
    /// What the links come to.
    pub(crate) selected: Selected,
    /// What was decided before.
    pub(crate) history: History,
    /// Member id of the organizer.
    pub(crate) organizer: Option<String>,
    /// Name of the consent profile that holds for the call.
    pub(crate) profile: Option<String>,
}

impl Subject {
    /// Reads a meeting, its links too; what its consent links lead to is told by [`Self::resolve`].
    ///
    /// # Errors
    /// The field that cannot be read.
    pub(crate) fn read(
        wire: calendar::Meeting,
        past: Past,
        now: DateTime<Utc>,
    ) -> Result<Self, Invalid> {
        let key = CallKey::try_from(wire.key.clone().unwrap_or_default())?;
        let start = time::required("meeting.start", wire.start.as_ref())?;
        let links = wire.links.iter().map(|link| link.to_core(None)).collect::<Result<_, _>>()?;
        let meeting = Meeting {
            has_ical_uid: key.ical_uid.is_some(),
            title: wire.title.clone(),
            start,
            end: time::optional("meeting.end", wire.end.as_ref())?,
            all_day: wire.all_day,
            cancelled: wire.cancelled,
            deleted_by_user: wire.deleted_by_user,
            recording_canceled: past.canceled,
            sensitivity: proto::calendar::sensitivity(wire.sensitivity),
            organizer: wire.organizer.as_ref().map(Person::from),
            organizer_declined: wire.organizer_declined,
            attendees: wire.attendees.iter().map(Person::from).collect(),
            received_at: time::optional("meeting.received_at", wire.received_at.as_ref())?
                .unwrap_or(now),
            requested_by: past.requested_by,
            links: decision::meeting::LinkState::default(),
            foreign_company: (!wire.foreign_recipient.is_empty())
                .then(|| wire.foreign_recipient.clone()),
            planned_owner: past.planned_owner,
        };
        Ok(Self {
            wire,
            key,
            meeting,
            links,
            selected: Selected::default(),
            history: past.history,
            organizer: None,
            profile: None,
        })
    }

    /// The parts of links that may be consent links, in order.
    pub(crate) fn consent_shapes(&self) -> impl Iterator<Item = &calendar::ConsentShape> {
        self.wire.links.iter().filter_map(|link| link.consent.as_ref())
    }

    /// Takes what became of the consent links, in their order, and chooses the conference.
    pub(crate) fn resolve(
        &mut self,
        policy: &Policy,
        resolutions: &mut impl Iterator<Item = Resolution>,
    ) {
        for (link, wire) in self.links.iter_mut().zip(&self.wire.links) {
            if wire.consent.is_none() {
                continue;
            }
            // Without a resolution it is unresolvable again, whatever it was by an earlier policy.
            if let Ok(resolved) = wire.to_core(resolutions.next().as_ref()) {
                *link = resolved;
            }
        }
        self.selected = select(policy, &self.links);
        self.meeting.links = self.selected.state;
        let people = People::of(policy, &self.meeting);
        self.organizer =
            people.organizer.and_then(|ix| policy.member(ix)).map(|member| member.id.to_string());
        self.profile = decision::eligibility::profile_of(policy, &people).map(ToOwned::to_owned);
    }
}
