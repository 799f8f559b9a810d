//! What no calendar knows: telephone calls and uploads, as they were registered.
//!
//! An id is a digest of what names the call, so registering the same once more is found by it. The link of an upload is a
//! secret: it has a column of its own, which is emptied when nothing is to be fetched any more.

use std::collections::{BTreeSet, HashSet};
use std::fmt;

use chrono::{DateTime, Utc};
use prost::Message as _;
use proto::orchestrator::v1 as wire;
use proto::provider::v1 as provider;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _};
use storage::{Tx, chunks, insert_many};

use super::Calls;
use super::entity::{registered, timer};
use super::row::{corrupt, instant, number, unsigned};
use super::timers::Kind as Timer;
use crate::error::Error;

/// The revision of timers that are armed before there is a decision that they could belong to.
pub(crate) const UNDECIDED: u64 = 0;

/// The most people that are known of a call.
pub(crate) const PEOPLE: usize = 1_000;

/// What was registered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Input {
    /// A telephone call.
    Call(provider::PhoneCall),
    /// An upload, without its link.
    Upload(wire::ImportRecordingRequest),
}

/// A link that nobody is to see.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) const fn new(link: String) -> Self {
        Self(link)
    }

    /// The link itself, for whoever fetches.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

/// A telephone call or an upload, as it was registered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Registered {
    /// Its id.
    pub(crate) call_id: String,
    /// What is known of it.
    pub(crate) input: Input,
    /// Where to fetch an upload, as long as it may have to be.
    pub(crate) link: Option<Secret>,
    /// When it became known.
    pub(crate) received: DateTime<Utc>,
    /// How often what is known of it changed, from 1.
    pub(crate) revision: u64,
}

impl Input {
    const fn kind(&self) -> i16 {
        match self {
            Self::Call(_) => 1,
            Self::Upload(_) => 2,
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Call(call) => call.encode_to_vec(),
            Self::Upload(upload) => upload.encode_to_vec(),
        }
    }

    fn from_bytes(kind: i16, bytes: &[u8]) -> Result<Self, Error> {
        match kind {
            1 => provider::PhoneCall::decode(bytes).map(Self::Call).map_err(corrupt),
            2 => wire::ImportRecordingRequest::decode(bytes).map(Self::Upload).map_err(corrupt),
            _ => Err(Error::Corrupt(format!("a registered call of kind {kind}").into())),
        }
    }

    /// What is known after more was told. Of a telephone call what is told later holds, where it says anything: silence takes
    /// nothing back. An upload stays what it was at first.
    fn and(self, later: &Self) -> Self {
        match (self, later) {
            (Self::Call(known), Self::Call(later)) => Self::Call(merged(known, later)),
            (known @ (Self::Call(_) | Self::Upload(_)), _) => known,
        }
    }
}

fn merged(mut known: provider::PhoneCall, later: &provider::PhoneCall) -> provider::PhoneCall {
    let texts = [
        (&mut known.own_number, &later.own_number),
        (&mut known.other_number, &later.other_number),
        (&mut known.user, &later.user),
    ];
    for (known, later) in texts {
        if !later.is_empty() {
            known.clone_from(later);
        }
    }
    if later.direction != 0 {
        known.direction = later.direction;
    }
    // When it began is told once: a plan is not to be moved.
    known.placed_at = known.placed_at.or(later.placed_at);
    // No more than can be told to whoever carries it out.
    let seen: HashSet<&String> = known.participants.iter().collect();
    let room = PEOPLE.saturating_sub(known.participants.len());
    let new = later.participants.iter().filter(|one| !seen.contains(one));
    let new: Vec<String> = new.collect::<BTreeSet<_>>().into_iter().take(room).cloned().collect();
    known.participants.extend(new);
    known
}

impl Registered {
    /// What an adapter is told of it: the telephone call, or where to fetch the upload.
    pub(crate) fn to_fetch(&self) -> (Option<provider::PhoneCall>, Option<provider::Upload>) {
        match &self.input {
            Input::Call(call) => (Some(call.clone()), None),
            Input::Upload(request) => {
                let link = self.link.as_ref().map(|link| link.reveal().to_owned());
                let known = request.upload.clone().unwrap_or_default();
                (None, link.map(|url| provider::Upload { url, ..known }))
            }
        }
    }
}

impl TryFrom<registered::Model> for Registered {
    type Error = Error;

    fn try_from(row: registered::Model) -> Result<Self, Error> {
        Ok(Self {
            input: Input::from_bytes(row.kind, &row.input)?,
            call_id: row.call_id,
            link: row.link.map(Secret::new),
            received: instant(row.received),
            revision: unsigned(row.revision),
        })
    }
}

impl Calls {
    /// Those of the calls that were registered.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn registered(
        &self,
        company: &str,
        ids: &[String],
    ) -> Result<Vec<Registered>, Error> {
        let mut found = Vec::new();
        for part in chunks(ids) {
            let rows = registered::Entity::find()
                .filter(registered::Column::Company.eq(company))
                .filter(registered::Column::CallId.is_in(part.iter().map(String::as_str)))
                .all(self.store.reader())
                .await
                .map_err(storage::Error::from)?;
            for row in rows {
                found.push(Registered::try_from(row)?);
            }
        }
        Ok(found)
    }

    /// Notes a call, or what is told of it beyond what is known, and a timer that has it decided should whoever registers it
    /// not come to that. Answers whether anything is new.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn register(
        &self,
        company: &str,
        told: &Registered,
        decide_at: DateTime<Utc>,
    ) -> Result<bool, Error> {
        self.store.write(|tx| async move { note(&tx, company, told, decide_at).await }).await
    }

    /// The same of telephone calls of any companies, together, each with its company.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn register_all(
        &self,
        told: &[(String, Registered)],
        decide_at: DateTime<Utc>,
    ) -> Result<(), Error> {
        // Everybody locks in the same order; what is told later of one call comes later.
        let mut told: Vec<&(String, Registered)> = told.iter().collect();
        told.sort_by_key(|(company, one)| (company, &one.call_id));
        let told = &told;
        self.store
            .write(|tx| async move {
                for (company, one) in told {
                    note(&tx, company, one, decide_at).await?;
                }
                Ok(())
            })
            .await
    }
}

async fn note(
    tx: &Tx,
    company: &str,
    told: &Registered,
    decide_at: DateTime<Utc>,
) -> Result<bool, Error> {
    let new = registered::ActiveModel {
        company: Set(company.to_owned()),
        call_id: Set(told.call_id.clone()),
        kind: Set(told.input.kind()),
        input: Set(told.input.to_bytes()),
        link: Set(told.link.as_ref().map(|link| link.reveal().to_owned())),
        received: Set(told.received.timestamp_micros()),
        // Nobody has seen it yet; what is found below makes it the first.
        revision: Set(0),
    };
    let keys = [registered::Column::Company, registered::Column::CallId];
    let keep = OnConflict::columns(keys).do_nothing().to_owned();
    insert_many(tx, [new], Some(keep)).await?;
    let row = registered::Entity::find()
        .filter(registered::Column::Company.eq(company))
        .filter(registered::Column::CallId.eq(told.call_id.as_str()))
        .lock_exclusive()
        .one(tx)
        .await
        .map_err(storage::Error::from)?;
    let Some(row) = row else { return Ok(false) };
    let known = Registered::try_from(row)?;
    let input = known.input.clone().and(&told.input);
    let link = known.link.clone().or_else(|| told.link.clone());
    if known.revision > 0 && input == known.input && link == known.link {
        return Ok(false);
    }
    let revision = number(known.revision.saturating_add(1));
    registered::Entity::update_many()
        .col_expr(registered::Column::Input, Expr::value(input.to_bytes()))
        .col_expr(registered::Column::Link, Expr::value(link.map(|link| link.reveal().to_owned())))
        .col_expr(registered::Column::Revision, Expr::value(revision))
        .filter(registered::Column::Company.eq(company))
        .filter(registered::Column::CallId.eq(told.call_id.as_str()))
        .exec(tx)
        .await
        .map_err(storage::Error::from)?;
    let timer = timer::ActiveModel {
        id: NotSet,
        company: Set(company.to_owned()),
        call_id: Set(told.call_id.clone()),
        kind: Set(Timer::Retry as i16),
        due: Set(decide_at.timestamp_micros()),
        revision: Set(number(UNDECIDED)),
        tries: Set(0),
        claimed_until: Set(None),
        claim: Set(None),
    };
    insert_many(tx, [timer], None).await?;
    Ok(true)
}

/// Forgets where the uploads among these calls were to be fetched.
///
/// # Errors
/// Those of the database.
pub(super) async fn forget_links(
    tx: &Tx,
    company: &str,
    ids: &[&str],
) -> Result<(), storage::Error> {
    for part in chunks(ids) {
        registered::Entity::update_many()
            .col_expr(registered::Column::Link, Expr::value(None::<String>))
            .filter(registered::Column::Company.eq(company))
            .filter(registered::Column::CallId.is_in(part.iter().copied()))
            .filter(registered::Column::Link.is_not_null())
            .exec(tx)
            .await?;
    }
    Ok(())
}
