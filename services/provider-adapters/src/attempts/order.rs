//! What is ordered: an attempt with everything that is needed to carry it out.

use chrono::{DateTime, TimeDelta, Utc};
use decision::Conference;
use decision::provider::Adapter as Which;
use proto::provider::v1;
use proto::{Invalid, time};
use signals::Private;

use super::{Attempt, text};

/// Bytes of a link, at most.
const MAX_URL: usize = 8192;
/// Bytes of any other text, at most.
const MAX_TEXT: usize = 600;
/// Others who take part in a telephone call, at most.
const MAX_PEOPLE: usize = 1000;

/// How long it is tried to carry out what says no latest instant itself.
const PATIENCE: TimeDelta = TimeDelta::minutes(10);
/// The same for what is fetched afterwards.
const LATER: TimeDelta = TimeDelta::hours(48);

/// A plan to carry out, as one attempt.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Order {
    /// Which attempt.
    pub(crate) attempt: Attempt,
    /// The adapter it is for.
    pub(crate) adapter: Which,
    /// How it is recorded.
    pub(crate) method: v1::Method,
    /// Where the call takes place; none for telephony and uploads.
    pub(crate) conference: Option<Conference>,
    /// The link to join by, with its passcode.
    pub(crate) join_url: Option<Private>,
    /// Planned start.
    pub(crate) start: Option<DateTime<Utc>>,
    /// Planned end.
    pub(crate) end: Option<DateTime<Utc>>,
    /// When to join, if somebody joins.
    pub(crate) join_at: Option<DateTime<Utc>>,
    /// After this nobody joins any more.
    pub(crate) latest_join: Option<DateTime<Utc>>,
    /// An announcement is to be played before recording.
    pub(crate) announcement: bool,
    /// Member id of the owner.
    pub(crate) owner: String,
    /// Member id of the organizer; empty when that is no member.
    pub(crate) organizer: String,
    /// The policy version of which facts count.
    pub(crate) policy_version: u64,
    /// The telephone call, for imports from a dialer.
    pub(crate) phone_call: Option<v1::PhoneCall>,
    /// What to fetch, for uploads.
    pub(crate) upload: Option<Upload>,
}

/// A recording behind a customer's link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Upload {
    /// Where to fetch it.
    pub(crate) url: Private,
    /// SHA-256 of the file, hex; empty where the customer gave none.
    pub(crate) sha256: String,
}

impl Order {
    /// After this it is not tried any more to set it to work.
    pub(crate) fn until(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self.method {
            v1::Method::DialerImport | v1::Method::Upload => now + LATER,
            v1::Method::Unspecified | v1::Method::Native | v1::Method::Local | v1::Method::Bot => {
                self.latest_join
                    .or(self.start.map(|start| start + PATIENCE))
                    .unwrap_or(now + PATIENCE)
            }
        }
    }
}

impl TryFrom<v1::Order> for Order {
    type Error = Invalid;

    fn try_from(wire: v1::Order) -> Result<Self, Invalid> {
        let order = Self::kept(wire)?;
        order.check()?;
        Ok(order)
    }
}

impl Order {
    /// Reads an order that was checked before it was kept, perhaps without its link.
    ///
    /// # Errors
    /// It cannot be read at all.
    pub(crate) fn kept(wire: v1::Order) -> Result<Self, Invalid> {
        let adapter = proto::provider::adapter("adapter", wire.adapter)?;
        let unknown = Invalid::Enum { field: "method", value: wire.method };
        Ok(Self {
            attempt: wire.attempt.try_into()?,
            adapter: adapter.ok_or(Invalid::Missing("adapter"))?,
            method: v1::Method::try_from(wire.method).map_err(|_| unknown)?,
            conference: wire.conference.map(Conference::try_from).transpose()?,
            join_url: (!wire.join_url.is_empty()).then(|| Private::new(wire.join_url)),
            start: time::optional("start", wire.start.as_ref())?,
            end: time::optional("end", wire.end.as_ref())?,
            join_at: time::optional("join_at", wire.join_at.as_ref())?,
            latest_join: time::optional("latest_join", wire.latest_join.as_ref())?,
            announcement: wire.announcement,
            owner: wire.owner,
            organizer: wire.organizer,
            policy_version: wire.policy_version,
            phone_call: wire.phone_call,
            upload: wire
                .upload
                .map(|upload| Upload { url: Private::new(upload.url), sha256: upload.sha256 }),
        })
    }

    /// Refuses what nobody could carry out, and what is too large to be kept.
    fn check(&self) -> Result<(), Invalid> {
        let missing = match self.method {
            v1::Method::Unspecified => Some("method"),
            v1::Method::Native | v1::Method::Local | v1::Method::Bot => {
                self.conference.is_none().then_some("conference")
            }
            v1::Method::DialerImport => self.phone_call.is_none().then_some("phone_call"),
            v1::Method::Upload => self.upload.is_none().then_some("upload"),
        };
        if let Some(field) = missing {
            return Err(Invalid::Missing(field));
        }
        if let Some(conference) = &self.conference {
            text("conference.id", &conference.id, 1, MAX_TEXT)?;
        }
        let link = self.join_url.as_ref().map_or("", Private::expose);
        text("join_url", link, 0, MAX_URL)?;
        text("owner", &self.owner, 0, MAX_TEXT)?;
        text("organizer", &self.organizer, 0, MAX_TEXT)?;
        if let Some(call) = &self.phone_call {
            phone_call(call)?;
        }
        if let Some(upload) = &self.upload {
            text("upload.url", upload.url.expose(), 1, MAX_URL)?;
            text("upload.sha256", &upload.sha256, 0, 64)?;
        }
        Ok(())
    }
}

/// Refuses a telephone call that is none.
pub(crate) fn phone_call(call: &v1::PhoneCall) -> Result<(), Invalid> {
    text("phone_call.company", &call.company, 0, MAX_TEXT)?;
    text("phone_call.connection", &call.connection, 0, MAX_TEXT)?;
    text("phone_call.external_id", &call.external_id, 1, MAX_TEXT)?;
    text("phone_call.own_number", &call.own_number, 0, MAX_TEXT)?;
    text("phone_call.other_number", &call.other_number, 0, MAX_TEXT)?;
    text("phone_call.user", &call.user, 0, MAX_TEXT)?;
    Invalid::limit("phone_call.participants", call.participants.len(), MAX_PEOPLE)?;
    for one in &call.participants {
        text("phone_call.participants", one, 0, MAX_TEXT)?;
    }
    time::optional("phone_call.placed_at", call.placed_at.as_ref()).map(drop)
}

impl From<&Order> for v1::Order {
    fn from(order: &Order) -> Self {
        let link = order.join_url.as_ref().map(|url| url.expose().to_owned());
        Self {
            attempt: Some((&order.attempt).into()),
            adapter: v1::Adapter::from(order.adapter).into(),
            method: order.method.into(),
            conference: order.conference.as_ref().map(Into::into),
            join_url: link.unwrap_or_default(),
            start: order.start.map(time::to_wire),
            end: order.end.map(time::to_wire),
            join_at: order.join_at.map(time::to_wire),
            latest_join: order.latest_join.map(time::to_wire),
            announcement: order.announcement,
            owner: order.owner.clone(),
            organizer: order.organizer.clone(),
            policy_version: order.policy_version,
            phone_call: order.phone_call.clone(),
            upload: order.upload.as_ref().map(|upload| v1::Upload {
                url: upload.url.expose().to_owned(),
                sha256: upload.sha256.clone(),
            }),
        }
    }
}
