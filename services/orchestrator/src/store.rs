//! What the orchestrator keeps: calls with the decision that holds, every decision ever made, active plans, timers,
//! sessions, requests, and how far it has followed its peers.

mod commands;
mod commit;
mod entity;
mod log;
pub(crate) mod migration;
mod plans;
mod recipients;
mod registered;
mod report;
mod row;
mod sessions;
mod storms;
#[cfg(test)]
mod suite;
mod timers;
mod verify;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use decision::conflict::OwnedContender;
use proto::Invalid;
use proto::orchestrator::v1 as wire;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};
use storage::{Lease, Leases, Store, StoreConfig, chunks, insert_many};

use crate::error::Error;
use commit::hold;
use entity::{action, call, decision as history, plan, progress};
use row::{decode, instant, number, unsigned};

pub(crate) use commands::{Claimed, Command, Kind as CommandKind, Lane};
pub(crate) use commit::Outcome;
pub(crate) use commit::{End, Judged, Moment, give_way};
#[cfg(test)]
pub(crate) use log::Chained;
pub(crate) use log::link;
pub(crate) use recipients::Through;
pub(crate) use registered::{Input, PEOPLE, Registered, Secret, UNDECIDED};
pub(crate) use row::is_same;
pub(crate) use sessions::{Running, SettingsOf, Stepped, Told, method_of};
pub(crate) use storms::Storm;
pub(crate) use timers::{Due, Kind as TimerKind};
pub(crate) use verify::Range;

/// Where leases of the replicas are noted.
pub(crate) const LEASES: storage::LeaseTable = storage::LeaseTable::named("orchestrator_lease");

/// A call with the decision that holds.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// Its id.
    pub(crate) call_id: String,
    /// Grows with every write, so that whoever decides from an old state is noticed.
    pub(crate) version: u64,
    /// The decision that holds.
    pub(crate) decision: wire::Decision,
    /// It had a plan at some time.
    pub(crate) had_plan: bool,
    /// Owner of its latest plan.
    pub(crate) planned_owner: Option<String>,
    /// Nothing changes it any more.
    pub(crate) ended: bool,
    /// The policy version it was last judged by.
    pub(crate) judged_policy: u64,
    /// The meeting revision it was last judged from.
    pub(crate) judged_meeting: u64,
    /// What it contends with others as, if it would be recorded were it alone.
    pub(crate) contender: Option<OwnedContender>,
    /// What was decided before conflicts were settled, where that differs from the decision.
    pub(crate) candidate: Option<wire::Decision>,
    /// What of it a policy can bite on; see [`decision::reach::Traces`].
    pub(crate) traces: Vec<u8>,
    /// An answer of a peer was missing when it was judged last: until then it is judged again.
    pub(crate) partial_until: Option<DateTime<Utc>>,
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
    /// With one of these primary codes.
    pub(crate) codes: Option<Vec<i32>>,
    /// Of this owner.
    pub(crate) owner: Option<String>,
    /// At this provider.
    pub(crate) provider: Option<i32>,
    /// After this page.
    pub(crate) after: Option<Page>,
}

/// The orchestrator's store.
#[derive(Debug, Clone)]
pub(crate) struct Calls {
    store: Store,
}

impl Page {
    /// What comes after it.
    fn beyond(&self) -> Condition {
        use call::Column as C;
        let same_start = Condition::all().add(C::Start.eq(self.start));
        let later_id = Condition::all()
            .add(C::SortKey.eq(self.key.clone()))
            .add(C::CallId.gt(self.call_id.as_str()));
        let later_key = Condition::any().add(C::SortKey.gt(self.key.clone())).add(later_id);
        // The start is said once more without alternatives, so that the index is entered where the page begins.
        Condition::all()
            .add(C::Start.gte(self.start))
            .add(Condition::any().add(C::Start.gt(self.start)).add(same_start.add(later_key)))
    }

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

impl Filter {
    /// The calls of a company that are asked for.
    fn condition(&self, company: &str) -> Condition {
        use call::Column as C;
        let micros = |at: DateTime<Utc>| at.timestamp_micros();
        Condition::all()
            .add(C::Company.eq(company))
            .add_option(self.from.map(|from| C::Start.gte(micros(from))))
            .add_option(self.to.map(|to| C::Start.lt(micros(to))))
            .add_option(self.codes.as_ref().map(|codes| C::Code.is_in(codes.iter().copied())))
            .add_option(self.owner.as_deref().map(|owner| C::Owner.eq(owner)))
            .add_option(self.provider.map(|provider| C::Provider.eq(provider)))
            .add_option(self.after.as_ref().map(Page::beyond))
    }
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

    /// The leases of the replicas.
    pub(crate) fn leases(&self) -> Leases {
        Leases::new(self.store.clone(), LEASES)
    }

    /// The database, for whoever keeps something of the orchestrator's beside its calls.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// The calls of those ids that are known, by their ids.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn by_id(
        &self,
        company: &str,
        ids: &[String],
    ) -> Result<HashMap<String, Call>, Error> {
        let found = self.get(company, ids).await?;
        Ok(found.into_iter().map(|call| (call.call_id.clone(), call)).collect())
    }

    /// The calls of those ids that are known.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn get(&self, company: &str, ids: &[String]) -> Result<Vec<Call>, Error> {
        let mut found = Vec::with_capacity(ids.len());
        for part in chunks(ids) {
            let rows = call::Entity::find()
                .filter(call::Column::Company.eq(company))
                .filter(call::Column::CallId.is_in(part.iter().map(String::as_str)))
                .all(self.store.reader())
                .await
                .map_err(storage::Error::from)?;
            for row in rows {
                found.push(Call::try_from(row)?);
            }
        }
        Ok(found)
    }

    /// Ids of the calls with these identities, each with the place of its identity among these, in no order.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn by_key(
        &self,
        company: &str,
        keys: &[decision::CallKey],
    ) -> Result<Vec<(usize, String)>, Error> {
        let mut places: HashMap<Vec<u8>, Vec<usize>> = HashMap::with_capacity(keys.len());
        for (place, key) in keys.iter().enumerate() {
            places.entry(row::order_of(key)).or_default().push(place);
        }
        let wanted: Vec<&Vec<u8>> = places.keys().collect();
        let mut found = Vec::new();
        for part in chunks(&wanted) {
            let rows: Vec<(String, Vec<u8>)> = call::Entity::find()
                .select_only()
                .columns([call::Column::CallId, call::Column::SortKey])
                .filter(call::Column::Company.eq(company))
                .filter(call::Column::SortKey.is_in(part.iter().map(|key| (*key).clone())))
                .into_tuple()
                .all(self.store.reader())
                .await
                .map_err(storage::Error::from)?;
            for (call_id, key) in rows {
                let of_key = places.get(&key).into_iter().flatten();
                found.extend(of_key.map(|place| (*place, call_id.clone())));
            }
        }
        Ok(found)
    }

    /// Makes whoever is judging these calls at the moment judge them again: something that no revision tells has
    /// changed.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn touch(&self, company: &str, ids: &[String]) -> Result<(), Error> {
        for part in chunks(ids) {
            self.store
                .write(|tx| async move {
                    hold(&tx, company, part).await?;
                    call::Entity::update_many()
                        .col_expr(call::Column::Version, Expr::col(call::Column::Version).add(1))
                        .filter(call::Column::Company.eq(company))
                        .filter(call::Column::CallId.is_in(part.iter().map(String::as_str)))
                        .exec(&tx)
                        .await
                        .map_err(storage::Error::from)
                })
                .await?;
        }
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
        // One more than wanted tells whether there is another page.
        let mut rows = call::Entity::find()
            .filter(filter.condition(company))
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
        let key = (company.to_owned(), call_id.to_owned(), number(revision));
        let row = history::Entity::find_by_id(key)
            .one(self.store.reader())
            .await
            .map_err(storage::Error::from)?;
        row.map(|row| decode(&row.decision)).transpose()
    }

    /// The decision that held at an instant.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn decision_at(
        &self,
        company: &str,
        call_id: &str,
        at: DateTime<Utc>,
    ) -> Result<Option<wire::Decision>, Error> {
        let row = history::Entity::find()
            .filter(history::Column::Company.eq(company))
            .filter(history::Column::CallId.eq(call_id))
            .filter(history::Column::DecidedAt.lte(at.timestamp_micros()))
            .order_by_desc(history::Column::Revision)
            .limit(1)
            .one(self.store.reader())
            .await
            .map_err(storage::Error::from)?;
        row.map(|row| decode(&row.decision)).transpose()
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
        let rows = history::Entity::find()
            .filter(history::Column::Company.eq(company))
            .filter(history::Column::CallId.eq(call_id))
            .order_by_desc(history::Column::Revision)
            .limit(size)
            .all(self.store.reader())
            .await
            .map_err(storage::Error::from)?;
        rows.iter().map(|row| decode(&row.decision)).collect()
    }

    /// When the active plan of a call was handed to its adapter.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn released_at(
        &self,
        company: &str,
        call_id: &str,
    ) -> Result<Option<DateTime<Utc>>, Error> {
        let row = plan::Entity::find()
            .filter(plan::Column::Company.eq(company))
            .filter(plan::Column::CallId.eq(call_id))
            .one(self.store.reader())
            .await
            .map_err(storage::Error::from)?;
        Ok(row.and_then(|row| row.released_at).map(instant))
    }

    /// What was asked of calls, oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn asked(&self, company: &str, ids: &[String]) -> Result<Vec<Asked>, Error> {
        let mut rows = Vec::new();
        for part in chunks(ids) {
            rows.extend(
                action::Entity::find()
                    .filter(action::Column::Company.eq(company))
                    .filter(action::Column::CallId.is_in(part.iter().map(String::as_str)))
                    .all(self.store.reader())
                    .await
                    .map_err(storage::Error::from)?,
            );
        }
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

    /// Notes what somebody asked of a call. Whoever is judging the call at the moment judges it again, and if nobody does,
    /// or nobody can at the moment, a timer that is due at once does: the next decision makes it void. What has ended begins
    /// anew where a recording is asked for (DOMAIN 3.3).
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn ask(
        &self,
        company: &str,
        asked: &Asked,
        at: DateTime<Utc>,
    ) -> Result<(), Error> {
        let reopens = asked.action == Action::Request;
        self.store
            .write(|tx| async move {
                // First the call, so that those who ask for the same call take turns and keep their order.
                let mut noted = call::Entity::update_many()
                    .col_expr(call::Column::Version, Expr::col(call::Column::Version).add(1));
                if reopens {
                    noted = noted.col_expr(call::Column::Ended, Expr::value(false));
                }
                noted
                    .filter(call::Column::Company.eq(company))
                    .filter(call::Column::CallId.eq(asked.call_id.as_str()))
                    .exec(&tx)
                    .await
                    .map_err(storage::Error::from)?;
                note(&tx, company, asked, at).await?;
                timers::try_again(&tx, company, &asked.call_id, at).await
            })
            .await?;
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

    /// How far everything has come whose name begins with a prefix, by the rest of the name.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn progress_of_each(
        &self,
        prefix: &str,
    ) -> Result<HashMap<String, u64>, Error> {
        let rows = progress::Entity::find()
            .filter(progress::Column::Name.starts_with(prefix))
            .all(self.store.reader())
            .await
            .map_err(storage::Error::from)?;
        Ok(rows
            .into_iter()
            .filter_map(|row| {
                Some((row.name.strip_prefix(prefix)?.to_owned(), unsigned(row.position)))
            })
            .collect())
    }

    /// Notes how far something has come, for whoever holds the lease; never less far than before.
    ///
    /// # Errors
    /// The lease is lost; those of the database.
    pub(crate) async fn advance(
        &self,
        lease: &Lease,
        name: &str,
        position: u64,
    ) -> Result<(), Error> {
        self.store
            .write(|tx| async move {
                lease.guard(&tx).await?;
                went_on(&tx, name, position).await
            })
            .await?;
        Ok(())
    }
}

/// Notes what somebody asked of a call.
async fn note(
    tx: &storage::Tx,
    company: &str,
    asked: &Asked,
    at: DateTime<Utc>,
) -> Result<(), storage::Error> {
    let row = action::ActiveModel {
        sequence: NotSet,
        company: Set(company.to_owned()),
        call_id: Set(asked.call_id.clone()),
        cancels: Set(asked.action == Action::Cancel),
        who: Set(asked.who.clone()),
        asked_at: Set(at.timestamp_micros()),
    };
    insert_many(tx, [row], None).await
}

/// Notes how far something has come; never less far than before.
async fn went_on(tx: &storage::Tx, name: &str, position: u64) -> Result<(), storage::Error> {
    let before = progress::Entity::find_by_id(name.to_owned()).one(tx).await?;
    if before.is_some_and(|before| unsigned(before.position) >= position) {
        return Ok(());
    }
    let row = progress::ActiveModel { name: Set(name.to_owned()), position: Set(number(position)) };
    let replace = OnConflict::column(progress::Column::Name)
        .update_column(progress::Column::Position)
        .to_owned();
    insert_many(tx, [row], Some(replace)).await
}

#[cfg(test)]
mod tests {
    use decision::CallKey;

    use super::row::order_of;
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
