//! The store in a database.

use async_trait::async_trait;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict, Query};
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait as _, DbErr, EntityTrait, Iterable as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use storage::{Store as Database, StoreConfig, Tx, chunks, find_in, insert_many};

use super::{Change, Changes, Component, Head, Listing, Meeting, Pool, Pools, Store};
use crate::error::Error;
use crate::migration::Migrator;

mod company {
    //! How often the calendars of a company have changed.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "calendar_ingest_company")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) company: String,
        pub(crate) version: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod log {
    //! The head of the log: one row. Numbers are drawn from it inside the transaction that uses them, so that they are
    //! seen in their order, which a sequence of the database does not promise.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "calendar_ingest_log")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) id: i64,
        pub(crate) head: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod component {
    //! Components.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "calendar_ingest_component")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) id: String,
        pub(crate) company: String,
        pub(crate) source: String,
        pub(crate) pool: String,
        pub(crate) slot: String,
        pub(crate) source_key: Option<String>,
        pub(crate) series_key: Option<String>,
        #[sea_orm(column_type = "Text")]
        pub(crate) event: String,
        pub(crate) digest: String,
        pub(crate) zone: String,
        pub(crate) consent_host: String,
        pub(crate) recipient: String,
        pub(crate) received_us: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod pool {
    //! Pools.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "calendar_ingest_pool")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) id: String,
        pub(crate) company: String,
        pub(crate) expanded_to_us: i64,
        pub(crate) open: bool,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod meeting {
    //! Meetings.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "calendar_ingest_meeting")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) id: String,
        pub(crate) company: String,
        pub(crate) pool: String,
        pub(crate) start_us: i64,
        #[sea_orm(column_type = "Blob")]
        pub(crate) uid: Vec<u8>,
        pub(crate) recurrence_us: i64,
        pub(crate) revision: i64,
        pub(crate) received_us: i64,
        pub(crate) removed: bool,
        pub(crate) digest: String,
        #[sea_orm(column_type = "Blob")]
        pub(crate) body: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod change {
    //! The log.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "calendar_ingest_change")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) id: i64,
        pub(crate) company: String,
        pub(crate) meeting: String,
        pub(crate) revision: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The id of the one row that holds the head of the log.
const LOG: i64 = 1;

/// The store in a database that sea-orm speaks to.
#[derive(Debug)]
pub(crate) struct Sql {
    database: Database,
}

impl Sql {
    /// Opens the database and brings its schema up to date.
    pub(crate) async fn open(config: &StoreConfig) -> Result<Self, storage::Error> {
        let database = storage::connect(config).await?;
        storage::migrate::<Migrator>(&database).await?;
        Ok(Self { database })
    }
}

#[async_trait]
impl Store for Sql {
    async fn version(&self, company: &str) -> Result<u64, Error> {
        let found = company::Entity::find_by_id(company)
            .one(self.database.reader())
            .await
            .map_err(storage::Error::from)?;
        Ok(found.map_or(0, |row| unsigned(row.version)))
    }

    async fn linked(
        &self,
        numbered: &[String],
        in_series: &[String],
    ) -> Result<Vec<Component>, Error> {
        let reader = self.database.reader();
        let mut rows =
            find_in::<component::Entity, _>(reader, component::Column::SourceKey, numbered).await?;
        rows.extend(
            find_in::<component::Entity, _>(reader, component::Column::SeriesKey, in_series)
                .await?,
        );
        Ok(rows.into_iter().map(Component::from).collect())
    }

    async fn pools(&self, pools: &[String]) -> Result<Pools, Error> {
        let reader = self.database.reader();
        let rows = find_in::<pool::Entity, _>(reader, pool::Column::Id, pools).await?;
        let mut found =
            Pools { pools: rows.into_iter().map(Pool::from).collect(), ..Pools::default() };
        if found.pools.is_empty() {
            // Components and meetings are written with their pool.
            return Ok(found);
        }
        let known: Vec<&String> = found.pools.iter().map(|pool| &pool.id).collect();
        let rows = find_in::<component::Entity, _>(
            reader,
            component::Column::Pool,
            known.iter().map(|id| id.as_str()),
        );
        found.components = rows.await?.into_iter().map(Component::from).collect();
        for ids in chunks(&known) {
            let heads = meeting::Entity::find()
                .select_only()
                .columns([
                    meeting::Column::Id,
                    meeting::Column::Pool,
                    meeting::Column::StartUs,
                    meeting::Column::Digest,
                    meeting::Column::Removed,
                ])
                .filter(meeting::Column::Pool.is_in(ids.iter().map(|id| id.as_str())))
                .into_model::<Head>()
                .all(reader)
                .await
                .map_err(storage::Error::from)?;
            found.meetings.extend(heads);
        }
        Ok(found)
    }

    async fn meetings(&self, company: &str, ids: &[String]) -> Result<Vec<Meeting>, Error> {
        // Ids come from requests, and PostgreSQL refuses to look for what no text of its can be.
        let ids = ids.iter().map(String::as_str).filter(|id| !id.contains('\0'));
        let rows =
            find_in::<meeting::Entity, _>(self.database.reader(), meeting::Column::Id, ids).await?;
        let rows = rows.into_iter().filter(|row| row.company == company);
        Ok(rows.map(Meeting::from).collect())
    }

    async fn list(&self, query: &Listing) -> Result<Vec<Meeting>, Error> {
        use meeting::Column as C;
        let mut select = meeting::Entity::find()
            .filter(C::Company.eq(&query.company))
            .filter(C::StartUs.gte(query.from))
            .filter(C::StartUs.lt(query.to))
            .filter(C::Removed.eq(false));
        if let Some(after) = &query.after {
            let in_uid = Condition::all()
                .add(C::Uid.eq(after.uid.clone()))
                .add(C::RecurrenceUs.gt(after.recurrence));
            let in_start = Condition::all()
                .add(C::StartUs.eq(after.start))
                .add(Condition::any().add(C::Uid.gt(after.uid.clone())).add(in_uid));
            select = select
                .filter(C::StartUs.gte(after.start))
                .filter(Condition::any().add(C::StartUs.gt(after.start)).add(in_start));
        }
        let rows = select
            .order_by_asc(C::StartUs)
            .order_by_asc(C::Uid)
            .order_by_asc(C::RecurrenceUs)
            .limit(query.limit)
            .all(self.database.reader())
            .await
            .map_err(storage::Error::from)?;
        Ok(rows.into_iter().map(Meeting::from).collect())
    }

    async fn apply(
        &self,
        company: &str,
        version: u64,
        changes: &Changes,
    ) -> Result<Option<u64>, Error> {
        self.database
            .write(|tx| async move {
                // First of all: whoever else is changing this company's calendars now waits here, and then finds that the
                // version is another one. So no two transactions want the same rows below.
                let next = signed(version) + 1;
                if version == 0 {
                    let row =
                        company::ActiveModel { company: Set(company.into()), version: Set(next) };
                    match insert_many(&tx, [row], None).await {
                        Err(storage::Error::Conflict(_)) => return Err(Error::Contended),
                        done => done?,
                    }
                } else {
                    let done = company::Entity::update_many()
                        .col_expr(company::Column::Version, Expr::value(next))
                        .filter(company::Column::Company.eq(company))
                        .filter(company::Column::Version.eq(signed(version)))
                        .exec(&tx)
                        .await
                        .map_err(storage::Error::from)?;
                    if done.rows_affected == 0 {
                        return Err(Error::Contended);
                    }
                }
                for ids in chunks(&changes.dropped) {
                    component::Entity::delete_many()
                        .filter(component::Column::Id.is_in(ids.iter().map(String::as_str)))
                        .exec(&tx)
                        .await
                        .map_err(storage::Error::from)?;
                }
                let rows = changes.components.iter().map(component::ActiveModel::from);
                insert_many(&tx, rows, Some(replace::<component::Entity>(component::Column::Id)))
                    .await?;
                let rows = changes.pools.iter().map(pool::ActiveModel::from);
                insert_many(&tx, rows, Some(replace::<pool::Entity>(pool::Column::Id))).await?;

                let rows = changes.meetings.iter().map(meeting::ActiveModel::from);
                insert_many(&tx, rows, Some(replace::<meeting::Entity>(meeting::Column::Id)))
                    .await?;
                if changes.meetings.is_empty() {
                    return Ok(None);
                }
                // Last of all: from here to the end others who write to the log wait.
                let count = i64::try_from(changes.meetings.len()).unwrap_or(i64::MAX);
                let head = draw(&tx, count).await?;
                let first = head.saturating_sub(count).saturating_add(1);
                let rows =
                    (first..).zip(&changes.meetings).map(|(id, meeting)| change::ActiveModel {
                        id: Set(id),
                        company: Set(meeting.company.clone()),
                        meeting: Set(meeting.id.clone()),
                        revision: Set(signed(meeting.revision)),
                    });
                insert_many(&tx, rows, None).await?;
                Ok(Some(unsigned(head)))
            })
            .await
    }

    async fn changes(
        &self,
        company: Option<&str>,
        after: u64,
        limit: u64,
    ) -> Result<(Vec<Change>, Option<u64>), Error> {
        let reader = self.database.reader();
        let mut select = change::Entity::find().filter(change::Column::Id.gt(signed(after)));
        if let Some(company) = company {
            select = select.filter(change::Column::Company.eq(company));
        }
        let entries = select
            .order_by_asc(change::Column::Id)
            .limit(limit)
            .all(reader)
            .await
            .map_err(storage::Error::from)?;
        let reached = entries.last().map(|entry| unsigned(entry.id));
        let ids = entries.iter().map(|entry| entry.meeting.as_str());
        let rows = find_in::<meeting::Entity, _>(reader, meeting::Column::Id, ids).await?;
        let mut meetings: std::collections::HashMap<String, Meeting> =
            rows.into_iter().map(|row| (row.id.clone(), row.into())).collect();
        // A later change of the same meeting has an entry of its own, which tells what this one would.
        let changes = entries
            .into_iter()
            .filter_map(|entry| {
                let newest = meetings.get(&entry.meeting)?.revision;
                if newest != unsigned(entry.revision) {
                    return None;
                }
                let meeting = meetings.remove(&entry.meeting)?;
                Some(Change { cursor: unsigned(entry.id), meeting })
            })
            .collect();
        Ok((changes, reached))
    }

    async fn due(&self, to: i64, last: Option<&Pool>, limit: u32) -> Result<Vec<Pool>, Error> {
        use pool::Column as C;
        let mut select =
            pool::Entity::find().filter(C::Open.eq(true)).filter(C::ExpandedToUs.lt(to));
        if let Some(last) = last {
            let same =
                Condition::all().add(C::ExpandedToUs.eq(last.expanded_to)).add(C::Id.gt(&last.id));
            select = select
                .filter(C::ExpandedToUs.gte(last.expanded_to))
                .filter(Condition::any().add(C::ExpandedToUs.gt(last.expanded_to)).add(same));
        }
        let rows = select
            .order_by_asc(pool::Column::ExpandedToUs)
            .order_by_asc(pool::Column::Id)
            .limit(u64::from(limit))
            .all(self.database.reader())
            .await
            .map_err(storage::Error::from)?;
        Ok(rows.into_iter().map(Pool::from).collect())
    }
}

/// Draws numbers from the log and answers the last of them. The row stays locked until the transaction ends, so that
/// numbers are seen in their order, and a transaction that fails leaves no gap.
async fn draw(tx: &Tx, count: i64) -> Result<i64, storage::Error> {
    let grown = Expr::col((log::Entity, log::Column::Head)).add(count);
    let drawn = Query::insert()
        .into_table(log::Entity)
        .columns([log::Column::Id, log::Column::Head])
        .values_panic([LOG.into(), count.into()])
        .on_conflict(OnConflict::column(log::Column::Id).value(log::Column::Head, grown).to_owned())
        .returning_col(log::Column::Head)
        .to_owned();
    let row = tx.query_one(&drawn).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("the head of the log".to_owned()))?;
    Ok(row.try_get("", "head")?)
}

/// A row whose key exists is replaced.
fn replace<E: EntityTrait>(key: E::Column) -> OnConflict {
    let mut on_conflict = OnConflict::column(key);
    on_conflict.update_columns(E::Column::iter());
    on_conflict
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

impl From<component::Model> for Component {
    fn from(row: component::Model) -> Self {
        Self {
            id: row.id,
            company: row.company,
            source: row.source,
            pool: row.pool,
            slot: row.slot,
            source_key: row.source_key,
            series_key: row.series_key,
            event: row.event,
            digest: row.digest,
            zone: row.zone,
            consent_host: row.consent_host,
            recipient: row.recipient,
            received: row.received_us,
        }
    }
}

impl From<&Component> for component::ActiveModel {
    fn from(of: &Component) -> Self {
        Self {
            id: Set(of.id.clone()),
            company: Set(of.company.clone()),
            source: Set(of.source.clone()),
            pool: Set(of.pool.clone()),
            slot: Set(of.slot.clone()),
            source_key: Set(of.source_key.clone()),
            series_key: Set(of.series_key.clone()),
            event: Set(of.event.clone()),
            digest: Set(of.digest.clone()),
            zone: Set(of.zone.clone()),
            consent_host: Set(of.consent_host.clone()),
            recipient: Set(of.recipient.clone()),
            received_us: Set(of.received),
        }
    }
}

impl From<pool::Model> for Pool {
    fn from(row: pool::Model) -> Self {
        Self { id: row.id, company: row.company, expanded_to: row.expanded_to_us, open: row.open }
    }
}

impl From<&Pool> for pool::ActiveModel {
    fn from(of: &Pool) -> Self {
        Self {
            id: Set(of.id.clone()),
            company: Set(of.company.clone()),
            expanded_to_us: Set(of.expanded_to),
            open: Set(of.open),
        }
    }
}

impl From<meeting::Model> for Meeting {
    fn from(row: meeting::Model) -> Self {
        Self {
            id: row.id,
            company: row.company,
            pool: row.pool,
            start: row.start_us,
            uid: row.uid,
            recurrence: row.recurrence_us,
            revision: unsigned(row.revision),
            received: row.received_us,
            removed: row.removed,
            digest: row.digest,
            body: row.body,
        }
    }
}

impl From<&Meeting> for meeting::ActiveModel {
    fn from(of: &Meeting) -> Self {
        Self {
            id: Set(of.id.clone()),
            company: Set(of.company.clone()),
            pool: Set(of.pool.clone()),
            start_us: Set(of.start),
            uid: Set(of.uid.clone()),
            recurrence_us: Set(of.recurrence),
            revision: Set(signed(of.revision)),
            received_us: Set(of.received),
            removed: Set(of.removed),
            digest: Set(of.digest.clone()),
            body: Set(of.body.clone()),
        }
    }
}
