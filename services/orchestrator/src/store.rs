//! What the orchestrator keeps: calls with the decision that holds, every decision ever made, requests,
//! and how far it has followed its peers.

mod entity;
pub(crate) mod migration;
#[cfg(test)]
mod suite;

use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use decision::CallKey;
use prost::Message as _;
use proto::Invalid;
use proto::orchestrator::v1 as wire;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};
use storage::{Store, StoreConfig, find_in, insert_many};

use crate::error::Error;
use entity::{action, call, decision as log, progress};

/// The kinds of decisions as they are stored.
const PENDING: i16 = wire::DecisionKind::Pending as i16;

/// A call with the decision that holds.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// Its id.
    pub(crate) call_id: String,
    /// The decision that holds.
    pub(crate) decision: wire::Decision,
    /// It had a plan at some time.
    pub(crate) had_plan: bool,
    /// Owner of its latest plan.
    pub(crate) planned_owner: Option<String>,
    /// The policy version it was last judged by.
    pub(crate) judged_policy: u64,
    /// The meeting revision it was last judged from.
    pub(crate) judged_meeting: u64,
    /// When it takes place, if it contends with others for recorders.
    pub(crate) contends: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

/// What somebody asked of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// To record it.
    Request,
    /// Not to record it.
    Cancel,
}

/// Something somebody asked of a call.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// The call.
    pub(crate) call_id: String,
    /// What.
    pub(crate) action: Action,
    /// Member id of the person who asked.
    pub(crate) who: String,
}

/// A call to be written.
#[derive(Debug, Clone)]
pub(crate) struct Write {
    /// The call as it is from now on.
    pub(crate) call: Call,
    /// Whether its decision is a new one, which goes into the history.
    pub(crate) is_new: bool,
}

/// Where a page of calls begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    start: i64,
    key: Vec<u8>,
    call_id: String,
}

/// Which calls to list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    /// From this start on.
    pub(crate) from: Option<DateTime<Utc>>,
    /// Before this start.
    pub(crate) to: Option<DateTime<Utc>>,
    /// With this primary code.
    pub(crate) code: Option<i32>,
    /// After this page.
    pub(crate) after: Option<Page>,
}

/// The orchestrator's store.
#[derive(Debug, Clone)]
pub(crate) struct Calls {
    store: Store,
}

fn corrupt(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Corrupt(Box::new(error))
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

fn instant(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}

/// Bytes that order calls of one start as lists do: UID, then recurrence id, absent before present.
fn order_of(key: &CallKey) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(uid) = &key.ical_uid {
        bytes.push(1);
        bytes.extend(uid.as_bytes());
    }
    bytes.push(0);
    if let Some(at) = key.recurrence_id {
        bytes.push(1);
        // With the sign turned, two's complement orders like a number.
        bytes.extend((at.timestamp_micros() ^ i64::MIN).to_be_bytes());
    }
    bytes
}

impl Page {
    fn of(row: &call::Model) -> Self {
        Self { start: row.start, key: row.sort_key.clone(), call_id: row.call_id.clone() }
    }

    /// The token for a caller.
    #[must_use]
    pub(crate) fn token(&self) -> String {
        format!(
            "{}.{}.{}",
            self.start,
            HEXLOWER.encode(&self.key),
            HEXLOWER.encode(self.call_id.as_bytes())
        )
    }

    /// The page a caller's token names; none for an empty one.
    ///
    /// # Errors
    /// It is no token of ours.
    pub(crate) fn from_token(token: &str) -> Result<Option<Self>, Invalid> {
        if token.is_empty() {
            return Ok(None);
        }
        let read = || {
            let mut parts = token.split('.');
            let start = parts.next()?.parse().ok()?;
            let key = HEXLOWER.decode(parts.next()?.as_bytes()).ok()?;
            let call_id =
                String::from_utf8(HEXLOWER.decode(parts.next()?.as_bytes()).ok()?).ok()?;
            parts.next().is_none().then_some(Self { start, key, call_id })
        };
        read().map(Some).ok_or_else(|| Invalid::Text {
            field: "page_token",
            problem: "it is no token of an earlier answer".to_owned(),
        })
    }
}

impl TryFrom<call::Model> for Call {
    type Error = Error;

    fn try_from(row: call::Model) -> Result<Self, Error> {
        Ok(Self {
            decision: wire::Decision::decode(row.decision.as_slice()).map_err(corrupt)?,
            had_plan: row.had_plan,
            planned_owner: row.planned_owner,
            judged_policy: unsigned(row.judged_policy),
            judged_meeting: unsigned(row.judged_meeting),
            contends: row.contends_until.map(|until| (instant(row.start), instant(until))),
            call_id: row.call_id,
        })
    }
}

fn row_of(call: &Call) -> Result<call::ActiveModel, Error> {
    let decision = &call.decision;
    let key = CallKey::try_from(decision.key.clone().unwrap_or_default())?;
    let start = proto::time::required("decision.start", decision.start.as_ref())?;
    let decide_by = proto::time::optional("decision.decide_by", decision.decide_by.as_ref())?;
    Ok(call::ActiveModel {
        company: Set(decision.company.clone()),
        call_id: Set(call.call_id.clone()),
        start: Set(start.timestamp_micros()),
        sort_key: Set(order_of(&key)),
        kind: Set(i16::try_from(decision.kind).unwrap_or_default()),
        code: Set(decision.primary.as_ref().map_or(0, |finding| finding.code)),
        decide_by: Set(decide_by.map(|at| at.timestamp_micros())),
        had_plan: Set(call.had_plan),
        planned_owner: Set(call.planned_owner.clone()),
        judged_policy: Set(number(call.judged_policy)),
        judged_meeting: Set(number(call.judged_meeting)),
        contends_until: Set(call.contends.map(|(_, until)| until.timestamp_micros())),
        revision: Set(number(decision.revision)),
        decision: Set(decision.encode_to_vec()),
    })
}

impl Calls {
    /// Opens the store and brings its schema up to date.
    ///
    /// # Errors
    /// It cannot be opened or migrated.
    pub(crate) async fn open(config: &StoreConfig) -> Result<Self, storage::Error> {
        let store = storage::connect(config).await?;
        storage::migrate::<migration::Migrator>(&store).await?;
        Ok(Self { store })
    }

    /// The calls of those ids that are known.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn get(&self, company: &str, ids: &[String]) -> Result<Vec<Call>, Error> {
        // Ids are digests over the company too, so another company's are never among them; the check
        // keeps that true for ids somebody made up.
        let rows = find_in::<call::Entity, _>(
            self.store.reader(),
            call::Column::CallId,
            ids.iter().map(String::as_str),
        )
        .await?;
        rows.into_iter().filter(|row| row.company == company).map(Call::try_from).collect()
    }

    /// Ids and times of the calls that contend for recorders in a period.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn contending(
        &self,
        company: &str,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<(String, DateTime<Utc>, DateTime<Utc>)>, Error> {
        let rows: Vec<(String, i64, Option<i64>)> = call::Entity::find()
            .select_only()
            .columns([call::Column::CallId, call::Column::Start, call::Column::ContendsUntil])
            .filter(call::Column::Company.eq(company))
            .filter(call::Column::Start.lt(to.timestamp_micros()))
            .filter(call::Column::ContendsUntil.gt(from.timestamp_micros()))
            .into_tuple()
            .all(self.store.reader())
            .await
            .map_err(storage::Error::from)?;
        Ok(rows
            .into_iter()
            .filter_map(|(id, start, until)| Some((id, instant(start), instant(until?))))
            .collect())
    }

    /// Writes calls, and their decisions that are new into the history, all or none.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn save(&self, writes: &[Write]) -> Result<(), Error> {
        let rows = writes.iter().map(|write| row_of(&write.call)).collect::<Result<Vec<_>, _>>()?;
        let rows = &rows;
        let log: Vec<log::ActiveModel> = writes
            .iter()
            .filter(|write| write.is_new)
            .map(|write| {
                let decision = &write.call.decision;
                log::ActiveModel {
                    cursor: NotSet,
                    company: Set(decision.company.clone()),
                    call_id: Set(write.call.call_id.clone()),
                    revision: Set(number(decision.revision)),
                    decision: Set(decision.encode_to_vec()),
                }
            })
            .collect();
        let log = &log;
        use call::Column as C;
        let replace = &OnConflict::columns([C::Company, C::CallId])
            .update_columns([
                C::Start,
                C::SortKey,
                C::Kind,
                C::Code,
                C::DecideBy,
                C::HadPlan,
                C::PlannedOwner,
                C::JudgedPolicy,
                C::JudgedMeeting,
                C::ContendsUntil,
                C::Revision,
                C::Decision,
            ])
            .to_owned();
        self.store
            .write(|tx| async move {
                insert_many(&tx, rows.iter().cloned(), Some(replace.clone())).await?;
                insert_many(&tx, log.iter().cloned(), None).await
            })
            .await?;
        Ok(())
    }

    /// A page of calls, and where the next one begins.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn list(
        &self,
        company: &str,
        filter: &Filter,
        size: u64,
    ) -> Result<(Vec<Call>, Option<Page>), Error> {
        use call::Column as C;
        let mut query = call::Entity::find().filter(C::Company.eq(company));
        if let Some(from) = filter.from {
            query = query.filter(C::Start.gte(from.timestamp_micros()));
        }
        if let Some(to) = filter.to {
            query = query.filter(C::Start.lt(to.timestamp_micros()));
        }
        if let Some(code) = filter.code {
            query = query.filter(C::Code.eq(code));
        }
        if let Some(page) = &filter.after {
            let same_start = Condition::all().add(C::Start.eq(page.start));
            let later_id = Condition::all()
                .add(C::SortKey.eq(page.key.clone()))
                .add(C::CallId.gt(page.call_id.as_str()));
            let later_key = Condition::any().add(C::SortKey.gt(page.key.clone())).add(later_id);
            query = query.filter(
                Condition::any().add(C::Start.gt(page.start)).add(same_start.add(later_key)),
            );
        }
        // One more than wanted tells whether there is another page.
        let mut rows = query
            .order_by_asc(C::Start)
            .order_by_asc(C::SortKey)
            .order_by_asc(C::CallId)
            .limit(size.saturating_add(1))
            .all(self.store.reader())
            .await
            .map_err(storage::Error::from)?;
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let is_last = rows.len() <= size;
        rows.truncate(size);
        let next = rows.last().filter(|_| !is_last).map(Page::of);
        let calls = rows.into_iter().map(Call::try_from).collect::<Result<_, _>>()?;
        Ok((calls, next))
    }

    /// Ids of the calls that start from an instant on, soonest first, after a page.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn upcoming(
        &self,
        company: &str,
        from: DateTime<Utc>,
        after: Option<Page>,
        size: u64,
    ) -> Result<(Vec<String>, Option<Page>), Error> {
        let filter = Filter { from: Some(from), after, ..Filter::default() };
        let (calls, next) = self.list(company, &filter, size).await?;
        Ok((calls.into_iter().map(|call| call.call_id).collect(), next))
    }

    /// Calls still pending, by company.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn pending(&self, size: u64) -> Result<Vec<(String, String)>, Error> {
        Ok(call::Entity::find()
            .select_only()
            .columns([call::Column::Company, call::Column::CallId])
            .filter(call::Column::Kind.eq(PENDING))
            .order_by_asc(call::Column::DecideBy)
            .limit(size)
            .into_tuple()
            .all(self.store.reader())
            .await
            .map_err(storage::Error::from)?)
    }

    /// A decision of the past.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn decision(
        &self,
        company: &str,
        call_id: &str,
        revision: u64,
    ) -> Result<Option<wire::Decision>, Error> {
        let row = log::Entity::find()
            .filter(log::Column::Company.eq(company))
            .filter(log::Column::CallId.eq(call_id))
            .filter(log::Column::Revision.eq(number(revision)))
            .one(self.store.reader())
            .await
            .map_err(storage::Error::from)?;
        row.map(|row| wire::Decision::decode(row.decision.as_slice()).map_err(corrupt)).transpose()
    }

    /// The decisions of a call, newest first.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn history(
        &self,
        company: &str,
        call_id: &str,
        size: u64,
    ) -> Result<Vec<wire::Decision>, Error> {
        let rows = log::Entity::find()
            .filter(log::Column::Company.eq(company))
            .filter(log::Column::CallId.eq(call_id))
            .order_by_desc(log::Column::Revision)
            .limit(size)
            .all(self.store.reader())
            .await
            .map_err(storage::Error::from)?;
        rows.iter()
            .map(|row| wire::Decision::decode(row.decision.as_slice()).map_err(corrupt))
            .collect()
    }

    /// Decisions after a position, in the order in which they were made; all companies when none is named.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn after(
        &self,
        company: Option<&str>,
        cursor: u64,
        size: u64,
    ) -> Result<Vec<(u64, wire::Decision)>, Error> {
        let mut query = log::Entity::find().filter(log::Column::Cursor.gt(number(cursor)));
        if let Some(company) = company {
            query = query.filter(log::Column::Company.eq(company));
        }
        let rows = query
            .order_by_asc(log::Column::Cursor)
            .limit(size)
            .all(self.store.reader())
            .await
            .map_err(storage::Error::from)?;
        rows.iter()
            .map(|row| {
                let decision = wire::Decision::decode(row.decision.as_slice()).map_err(corrupt)?;
                Ok((unsigned(row.cursor), decision))
            })
            .collect()
    }

    /// What was asked of calls, oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn asked(&self, company: &str, ids: &[String]) -> Result<Vec<Asked>, Error> {
        let mut rows = find_in::<action::Entity, _>(
            self.store.reader(),
            action::Column::CallId,
            ids.iter().map(String::as_str),
        )
        .await?;
        rows.retain(|row| row.company == company);
        rows.sort_by_key(|row| row.sequence);
        Ok(rows
            .into_iter()
            .map(|row| Asked {
                call_id: row.call_id,
                action: if row.cancels { Action::Cancel } else { Action::Request },
                who: row.who,
            })
            .collect())
    }

    /// Notes what somebody asked of a call.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn ask(
        &self,
        company: &str,
        asked: &Asked,
        at: DateTime<Utc>,
    ) -> Result<(), Error> {
        let row = &action::ActiveModel {
            sequence: NotSet,
            company: Set(company.to_owned()),
            call_id: Set(asked.call_id.clone()),
            cancels: Set(asked.action == Action::Cancel),
            who: Set(asked.who.clone()),
            asked_at: Set(at.timestamp_micros()),
        };
        self.store.write(|tx| async move { insert_many(&tx, [row.clone()], None).await }).await?;
        Ok(())
    }

    /// How far something has come; 0 when it has not begun.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn progress(&self, name: &str) -> Result<u64, Error> {
        let row = progress::Entity::find_by_id(name.to_owned())
            .one(self.store.reader())
            .await
            .map_err(storage::Error::from)?;
        Ok(row.map_or(0, |row| unsigned(row.position)))
    }

    /// Notes how far something has come.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn set_progress(&self, name: &str, position: u64) -> Result<(), Error> {
        let row =
            &progress::ActiveModel { name: Set(name.to_owned()), position: Set(number(position)) };
        let replace = &OnConflict::column(progress::Column::Name)
            .update_column(progress::Column::Position)
            .to_owned();
        self.store
            .write(|tx| async move { insert_many(&tx, [row.clone()], Some(replace.clone())).await })
            .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_order_like_the_core_orders_them() {
        let key = |uid: Option<&str>, at: Option<i64>| CallKey {
            ical_uid: uid.map(ToOwned::to_owned),
            recurrence_id: at.map(instant),
        };
        let keys = [
            key(None, None),
            key(None, Some(-5)),
            key(None, Some(5)),
            key(Some(""), None),
            key(Some("a"), None),
            key(Some("a"), Some(0)),
            key(Some("ab"), None),
            key(Some("b"), None),
        ];
        assert!(keys.is_sorted(), "the example itself");
        assert!(keys.iter().map(order_of).collect::<Vec<_>>().is_sorted());
    }

    #[test]
    fn a_page_token_leads_back_to_its_page() {
        let page = Page { start: -7, key: vec![1, 2, 255], call_id: "x".into() };
        assert_eq!(Page::from_token(&page.token()), Ok(Some(page)));
        assert!(Page::from_token("nonsense").is_err());
    }
}
