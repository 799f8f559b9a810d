//! A feed on a table of the service's own database.
//!
//! A row waits (`until` is 0, `slot` is 0), is held (`until` is when that ends, `token` tells by which claim), or was put off
//! (`until` is when it is due, no token). The slot makes waiting rows unique by subject, so that a newer revision takes the
//! place of one nobody has claimed yet; a claimed row has a slot of its own. Whatever is done to a row that is held names the
//! token, so a claim that was taken over has no effect any more. Time is the database's.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{
    ColumnDef, Expr, ExprTrait as _, Index, LockBehavior, LockType, OnConflict, Order, Query,
    Table, TableCreateStatement,
};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use sea_orm_migration::SchemaManager;
use storage::{Store, Tx, database_now};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::warn;

use crate::error::Error;
use crate::port::{Buried, Delivery, Depth, Feed, Notice};
use crate::settings::{Settings, TOO_MANY, millis_up, until};

/// The pause before a failure is told to somebody who waits for notices.
const PAUSE: Duration = Duration::from_millis(200);
/// How often publishing looks whether there is room.
const ROOM: Duration = Duration::from_millis(50);
/// Rows in one statement.
const ROWS: usize = 1000;

/// A feed carried by two tables of a database. Cheap to clone; clones wake each other, other processes look from time to
/// time.
#[derive(Clone)]
pub struct TableFeed {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    settings: Settings,
    open: String,
    buried: String,
    published: Notify,
    /// About as many as are on their way: counted once, and what was published since.
    estimate: AtomicU64,
}

impl fmt::Debug for TableFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableFeed")
            .field("table", &self.inner.open)
            .field("settings", &self.inner.settings)
            .finish_non_exhaustive()
    }
}

fn tables(prefix: &str) -> (String, String) {
    (format!("{prefix}_feed"), format!("{prefix}_feed_buried"))
}

/// Makes the tables of a feed, `{prefix}_feed` and `{prefix}_feed_buried`: a step of the service's migration. The prefix is
/// the name of the service.
///
/// # Errors
/// Those of the database.
pub async fn create_tables(manager: &SchemaManager<'_>, prefix: &str) -> Result<(), DbErr> {
    let (open, buried) = tables(prefix);
    let mut table = notices(&open);
    table
        .col(ColumnDef::new("slot").big_integer().not_null())
        .col(ColumnDef::new("token").string().not_null())
        .col(ColumnDef::new("until").big_integer().not_null())
        .col(ColumnDef::new("published").big_integer().not_null());
    manager.create_table(table).await?;
    let mut subject = Index::create();
    subject.unique().name(format!("{open}_subject")).table(open.clone());
    for column in SUBJECT {
        subject.col(column);
    }
    manager.create_index(subject).await?;
    let mut until = Index::create();
    until.name(format!("{open}_until")).table(open).col("until").col("id");
    manager.create_index(until).await?;
    let mut table = notices(&buried);
    table
        .col(ColumnDef::new("why").string().not_null())
        .col(ColumnDef::new("buried_at").big_integer().not_null());
    manager.create_table(table).await
}

/// Drops what [`create_tables`] made.
///
/// # Errors
/// Those of the database.
pub async fn drop_tables(manager: &SchemaManager<'_>, prefix: &str) -> Result<(), DbErr> {
    let (open, buried) = tables(prefix);
    manager.drop_table(Table::drop().table(open).to_owned()).await?;
    manager.drop_table(Table::drop().table(buried).to_owned()).await
}

const SUBJECT: [&str; 4] = ["topic", "company", "subject", "slot"];
const NOTICE: [&str; 7] = ["id", "topic", "company", "subject", "revision", "note", "attempts"];

fn notices(name: &str) -> TableCreateStatement {
    Table::create()
        .table(name.to_owned())
        .col(ColumnDef::new("id").big_integer().not_null().auto_increment().primary_key())
        .col(ColumnDef::new("topic").string().not_null())
        .col(ColumnDef::new("company").string().not_null())
        .col(ColumnDef::new("subject").string().not_null())
        .col(ColumnDef::new("revision").big_integer().not_null())
        .col(ColumnDef::new("note").string().not_null())
        .col(ColumnDef::new("attempts").big_integer().not_null())
        .to_owned()
}

impl TableFeed {
    /// A feed on the tables that [`create_tables`] made under the same prefix.
    #[must_use]
    pub fn new(store: &Store, prefix: &str, settings: &Settings) -> Self {
        let (open, buried) = tables(prefix);
        Self {
            inner: Arc::new(Inner {
                store: store.clone(),
                settings: settings.clone(),
                open,
                buried,
                published: Notify::new(),
                estimate: AtomicU64::new(u64::MAX),
            }),
        }
    }
}

#[async_trait]
impl Feed for TableFeed {
    async fn publish(&self, notices: &[Notice]) -> Result<(), Error> {
        let inner = &*self.inner;
        let deadline = inner.settings.publish_until();
        for notices in notices.chunks(inner.settings.step()) {
            while !inner.room(notices.len()).await? {
                if Instant::now() + ROOM > deadline {
                    return Err(Error::Full);
                }
                sleep(ROOM).await;
            }
            inner.store.write(|tx| async move { inner.insert(&tx, notices.iter()).await }).await?;
            inner.estimate.fetch_add(notices.len() as u64, Ordering::Relaxed);
            inner.published.notify_waiters();
        }
        Ok(())
    }

    async fn next(&self, most: usize, patience: Duration) -> Result<Vec<Delivery>, Error> {
        let inner = &*self.inner;
        let deadline = until(patience);
        let most = most.min(inner.settings.step());
        if most == 0 {
            return Ok(Vec::new());
        }
        loop {
            let mut published = std::pin::pin!(inner.published.notified());
            // Heard of from now on, also what comes before it is awaited.
            published.as_mut().enable();
            match inner.store.write(|tx| async move { inner.claim(&tx, most).await }).await {
                Ok(Claimed { deliveries, buried }) => {
                    if buried > 0 {
                        warn!(buried, "notices were buried after too many deliveries");
                    }
                    let now = Instant::now();
                    if !deliveries.is_empty() || now >= deadline {
                        return Ok(deliveries);
                    }
                    if buried == 0 {
                        let until = deadline.min(now + inner.settings.poll());
                        // Either way it is time to look again.
                        let _ = timeout_at(until, published).await;
                    }
                }
                Err(error) => {
                    let error = Error::from(error);
                    if matches!(error, Error::Unavailable(_)) {
                        sleep(PAUSE.min(patience)).await;
                    }
                    return Err(error);
                }
            }
        }
    }

    async fn done(&self, deliveries: &[Delivery]) -> Result<(), Error> {
        let inner = &*self.inner;
        let claims = claims(deliveries)?;
        let claims = &claims;
        let write = |tx: Tx| async move {
            for (token, ids) in claims {
                for ids in ids.chunks(ROWS) {
                    let mut delete = Query::delete();
                    delete.from_table(inner.open.clone()).and_where(among(ids));
                    delete.and_where(Expr::col("token").eq(*token));
                    tx.execute(&delete).await.map_err(storage::Error::from)?;
                }
            }
            Ok::<_, storage::Error>(())
        };
        Ok(inner.store.write(write).await?)
    }

    async fn later(&self, deliveries: &[Delivery], after: Duration) -> Result<(), Error> {
        let inner = &*self.inner;
        let claims = claims(deliveries)?;
        let claims = &claims;
        let write = |tx: Tx| async move {
            let due = now(&tx).await?.saturating_add_unsigned(millis_up(after));
            let mut buried = 0;
            for (token, ids) in claims {
                for ids in ids.chunks(ROWS) {
                    buried += inner.bury_too_many(&tx, token, ids).await?;
                    let mut update = Query::update();
                    update.table(inner.open.clone()).value("token", "").value("until", due);
                    update.and_where(among(ids)).and_where(Expr::col("token").eq(*token));
                    tx.execute(&update).await?;
                }
            }
            Ok::<_, storage::Error>(buried)
        };
        let buried = inner.store.write(write).await?;
        if buried > 0 {
            warn!(buried, "notices were buried: {TOO_MANY}");
        }
        Ok(())
    }

    async fn bury(&self, deliveries: &[Delivery], why: &str) -> Result<(), Error> {
        let inner = &*self.inner;
        let claims = claims(deliveries)?;
        let claims = &claims;
        let write = |tx: Tx| async move {
            for (token, ids) in claims {
                for ids in ids.chunks(ROWS) {
                    let mut delete = Query::delete();
                    delete.from_table(inner.open.clone()).and_where(among(ids));
                    delete.and_where(Expr::col("token").eq(*token));
                    delete.returning(Query::returning().columns(NOTICE));
                    let rows = tx.query_all(&delete).await?;
                    let rows = rows.iter().map(Row::read).collect::<Result<Vec<_>, _>>()?;
                    inner.put_aside(&tx, &rows, why).await?;
                }
            }
            Ok::<_, storage::Error>(())
        };
        Ok(inner.store.write(write).await?)
    }

    async fn buried(&self, after: Option<&str>, most: usize) -> Result<Vec<Buried>, Error> {
        let inner = &*self.inner;
        let mut select = Query::select();
        select.columns(NOTICE).columns(["why", "buried_at"]).from(inner.buried.clone());
        if let Some(after) = after {
            select.and_where(Expr::col("id").gt(known(after)?));
        }
        select.order_by("id", Order::Asc).limit(most as u64);
        let rows = inner.store.reader().query_all(&select).await.map_err(storage::Error::from)?;
        let read = |row: &QueryResult| -> Result<Buried, DbErr> {
            let Row { id, notice, attempts } = Row::read(row)?;
            let at = DateTime::<Utc>::from_timestamp_millis(row.try_get("", "buried_at")?);
            Ok(Buried {
                id: id.to_string(),
                notice,
                attempts,
                why: row.try_get("", "why")?,
                at: at.unwrap_or_default(),
            })
        };
        let rows: Result<Vec<_>, _> = rows.iter().map(read).collect();
        Ok(rows.map_err(storage::Error::from)?)
    }

    async fn replay(&self, ids: &[String]) -> Result<u64, Error> {
        let inner = &*self.inner;
        let ids = ids.iter().map(|id| known(id)).collect::<Result<Vec<_>, _>>()?;
        let chunks: Vec<Option<&[i64]>> = match ids.as_slice() {
            [] => vec![None],
            ids => ids.chunks(ROWS).map(Some).collect(),
        };
        let chunks = &chunks;
        let write = |tx: Tx| async move {
            let mut replayed = 0;
            for chunk in chunks {
                let mut delete = Query::delete();
                delete.from_table(inner.buried.clone());
                if let Some(ids) = chunk {
                    delete.and_where(among(ids));
                }
                delete.returning(Query::returning().columns(NOTICE));
                let rows = tx.query_all(&delete).await?;
                let rows = rows.iter().map(Row::read).collect::<Result<Vec<_>, _>>()?;
                for rows in rows.chunks(ROWS) {
                    inner.insert(&tx, rows.iter().map(|row| &row.notice)).await?;
                }
                replayed += rows.len() as u64;
            }
            Ok::<_, storage::Error>(replayed)
        };
        let replayed = inner.store.write(write).await?;
        inner.estimate.store(u64::MAX, Ordering::Relaxed);
        inner.published.notify_waiters();
        Ok(replayed)
    }

    async fn depth(&self) -> Result<Depth, Error> {
        self.inner.depth().await.map_err(Error::from)
    }

    /// Always the same: what is in the database is as safe as what it is about.
    async fn epoch(&self) -> Result<String, Error> {
        Ok("table".to_owned())
    }
}

/// What one look brought.
struct Claimed {
    deliveries: Vec<Delivery>,
    buried: usize,
}

struct Row {
    id: i64,
    notice: Notice,
    attempts: u32,
}

impl Row {
    fn read(row: &QueryResult) -> Result<Self, DbErr> {
        let revision: i64 = row.try_get("", "revision")?;
        let attempts: i64 = row.try_get("", "attempts")?;
        Ok(Self {
            id: row.try_get("", "id")?,
            notice: Notice {
                topic: row.try_get("", "topic")?,
                company: row.try_get("", "company")?,
                subject: row.try_get("", "subject")?,
                revision: u64::try_from(revision).unwrap_or(0),
                note: row.try_get("", "note")?,
            },
            attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
        })
    }
}

impl Inner {
    /// Whether so many more may be on their way.
    async fn room(&self, more: usize) -> Result<bool, Error> {
        let capacity = self.settings.capacity() as u64;
        let fits = |known: u64| known.saturating_add(more as u64) <= capacity;
        if fits(self.estimate.load(Ordering::Relaxed)) {
            return Ok(true);
        }
        let counted = self.depth().await?.on_the_way();
        self.estimate.store(counted, Ordering::Relaxed);
        Ok(fits(counted))
    }

    /// Inserts notices, the newest of each subject, unless one as new is waiting already.
    async fn insert(
        &self,
        tx: &Tx,
        notices: impl Iterator<Item = &Notice>,
    ) -> Result<(), storage::Error> {
        // In one order for all, so that two who publish the same do not wait for each other.
        let mut newest: BTreeMap<[&str; 3], &Notice> = BTreeMap::new();
        for notice in notices {
            let kept =
                newest.entry([&notice.topic, &notice.company, &notice.subject]).or_insert(notice);
            if notice.revision >= kept.revision {
                *kept = notice;
            }
        }
        if newest.is_empty() {
            return Ok(());
        }
        let at = now(tx).await?;
        let mut insert = Query::insert();
        insert.into_table(self.open.clone()).columns([
            "topic",
            "company",
            "subject",
            "revision",
            "note",
            "attempts",
            "slot",
            "token",
            "until",
            "published",
        ]);
        for notice in newest.into_values() {
            insert
                .values([
                    notice.topic.as_str().into(),
                    notice.company.as_str().into(),
                    notice.subject.as_str().into(),
                    i64::try_from(notice.revision).unwrap_or(i64::MAX).into(),
                    notice.note.as_str().into(),
                    0_i64.into(),
                    0_i64.into(),
                    "".into(),
                    0_i64.into(),
                    at.into(),
                ])
                .map_err(mistake)?;
        }
        let newer =
            Expr::col(("excluded", "revision")).gte(Expr::col((self.open.clone(), "revision")));
        insert.on_conflict(
            OnConflict::columns(SUBJECT)
                .update_columns(["revision", "note"])
                .action_and_where(newer)
                .to_owned(),
        );
        tx.execute(&insert).await?;
        Ok(())
    }

    /// Buries what its company cannot put off any more. Answers how many there were.
    async fn bury_too_many(
        &self,
        tx: &Tx,
        token: &str,
        ids: &[i64],
    ) -> Result<usize, storage::Error> {
        let mut held = Query::select();
        held.columns(["id", "company"]).from(self.open.clone()).and_where(among(ids));
        held.and_where(Expr::col("token").eq(token)).order_by("id", Order::Asc);
        let mut by_company: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for row in tx.query_all(&held).await? {
            by_company.entry(row.try_get("", "company")?).or_default().push(row.try_get("", "id")?);
        }
        let most = self.settings.put_off();
        let mut buried = 0;
        for (company, ids) in by_company {
            let mut count = Query::select();
            count.expr(Expr::col("id").count()).from(self.open.clone());
            count.and_where(Expr::col("until").gt(0)).and_where(Expr::col("token").eq(""));
            count.and_where(Expr::col("company").eq(company));
            let count = tx.query_one(&count).await?;
            let count: i64 = count.map_or(Ok(0), |row| row.try_get_by_index(0))?;
            let room = most.saturating_sub(usize::try_from(count).unwrap_or(usize::MAX));
            let Some(beyond @ [_, ..]) = ids.get(room..) else { continue };
            let mut delete = Query::delete();
            delete.from_table(self.open.clone()).and_where(among(beyond));
            delete.and_where(Expr::col("token").eq(token));
            delete.returning(Query::returning().columns(NOTICE));
            let rows = tx.query_all(&delete).await?;
            let rows = rows.iter().map(Row::read).collect::<Result<Vec<_>, _>>()?;
            self.put_aside(tx, &rows, TOO_MANY).await?;
            buried += rows.len();
        }
        Ok(buried)
    }

    /// Takes over what was abandoned, or else takes what was put off and is due, beside what is waiting.
    async fn claim(&self, tx: &Tx, most: usize) -> Result<Claimed, storage::Error> {
        let now = now(tx).await?;
        let limit = self.settings.attempts();
        let overdue = || Expr::col("until").gt(0).and(Expr::col("until").lte(now));
        let put_off = || Expr::col("token").eq("");
        let mut rows = self.take(tx, overdue().and(put_off().not()), most).await?;
        if rows.is_empty() {
            // What was put off may be much, and may fail again: it leaves half to what is new.
            rows = self.take(tx, overdue().and(put_off()), most.div_ceil(2)).await?;
            rows.extend(self.take(tx, Expr::col("until").eq(0), most - rows.len()).await?);
        }
        let (rows, hopeless): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|row| row.attempts < limit);
        if !hopeless.is_empty() {
            let ids: Vec<i64> = hopeless.iter().map(|row| row.id).collect();
            let mut delete = Query::delete();
            delete.from_table(self.open.clone()).and_where(among(&ids));
            tx.execute(&delete).await?;
            self.put_aside(tx, &hopeless, &format!("given up after {limit} deliveries")).await?;
        }
        if rows.is_empty() {
            return Ok(Claimed { deliveries: Vec::new(), buried: hopeless.len() });
        }
        let token = format!("{:032x}", rand::random::<u128>());
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let until = now.saturating_add_unsigned(self.settings.abandoned_after());
        let mut update = Query::update();
        update
            .table(self.open.clone())
            .value("slot", Expr::col("id"))
            .value("token", token.as_str())
            .value("until", until)
            .value("attempts", Expr::col("attempts").add(1))
            .and_where(among(&ids));
        tx.execute(&update).await?;
        let deliver = |row: Row| Delivery {
            id: format!("{}-{token}", row.id),
            notice: row.notice,
            attempts: row.attempts.saturating_add(1),
        };
        let deliveries = rows.into_iter().map(deliver).collect();
        Ok(Claimed { deliveries, buried: hopeless.len() })
    }

    /// Rows nobody else is taking at the moment; locked where the database locks rows.
    async fn take(&self, tx: &Tx, which: Expr, most: usize) -> Result<Vec<Row>, storage::Error> {
        let mut select = Query::select();
        select
            .columns(NOTICE)
            .from(self.open.clone())
            .and_where(which)
            .order_by("until", Order::Asc)
            .order_by("id", Order::Asc)
            .limit(most as u64)
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
        let rows = tx.query_all(&select).await?;
        Ok(rows.iter().map(Row::read).collect::<Result<_, _>>()?)
    }

    /// Writes rows down as buried.
    async fn put_aside(&self, tx: &Tx, rows: &[Row], why: &str) -> Result<(), storage::Error> {
        if rows.is_empty() {
            return Ok(());
        }
        let at = now(tx).await?;
        let mut insert = Query::insert();
        insert.into_table(self.buried.clone()).columns([
            "topic",
            "company",
            "subject",
            "revision",
            "note",
            "attempts",
            "why",
            "buried_at",
        ]);
        for Row { notice, attempts, .. } in rows {
            insert
                .values([
                    notice.topic.as_str().into(),
                    notice.company.as_str().into(),
                    notice.subject.as_str().into(),
                    i64::try_from(notice.revision).unwrap_or(i64::MAX).into(),
                    notice.note.as_str().into(),
                    i64::from(*attempts).into(),
                    why.into(),
                    at.into(),
                ])
                .map_err(mistake)?;
        }
        tx.execute(&insert).await?;
        let cap = i64::try_from(self.settings.buried).unwrap_or(i64::MAX);
        let mut last = Query::select();
        last.expr(Expr::col("id").max()).from(self.buried.clone());
        let last = tx.query_one(&last).await?;
        let last: Option<i64> = last.map_or(Ok(None), |row| row.try_get_by_index(0))?;
        let mut delete = Query::delete();
        delete.from_table(self.buried.clone());
        delete.and_where(Expr::col("id").lte(last.unwrap_or(0).saturating_sub(cap)));
        tx.execute(&delete).await?;
        Ok(())
    }

    async fn depth(&self) -> Result<Depth, storage::Error> {
        let reader = self.store.reader();
        let waiting = || Expr::col("until").eq(0);
        let later = || Expr::col("until").gt(0).and(Expr::col("token").eq(""));
        let mut select = Query::select();
        select
            .expr(Expr::col("id").count())
            .expr(Expr::expr(Expr::case(waiting(), 1)).count())
            .expr(Expr::expr(Expr::case(later(), 1)).count())
            .expr(Expr::expr(Expr::case(later().not(), Expr::col("published"))).min())
            .from(self.open.clone());
        let mut depth = Depth::default();
        if let Some(row) = reader.query_one(&select).await? {
            let count = |index| row.try_get_by_index::<i64>(index).map(i64::unsigned_abs);
            let (all, waiting, later) = (count(0)?, count(1)?, count(2)?);
            let held = all.saturating_sub(waiting).saturating_sub(later);
            depth = Depth { waiting, held, later, ..depth };
            if let Some(oldest) = row.try_get_by_index::<Option<i64>>(3)? {
                let age = now(reader).await?.saturating_sub(oldest);
                depth.oldest = Some(Duration::from_millis(u64::try_from(age).unwrap_or(0)));
            }
        }
        let mut select = Query::select();
        select.expr(Expr::col("id").count()).from(self.buried.clone());
        if let Some(row) = reader.query_one(&select).await? {
            depth.buried = row.try_get_by_index::<i64>(0)?.unsigned_abs();
        }
        Ok(depth)
    }
}

fn mistake(error: sea_orm::sea_query::error::Error) -> DbErr {
    DbErr::Custom(error.to_string())
}

/// Ids by the token of their claim.
fn claims(deliveries: &[Delivery]) -> Result<BTreeMap<&str, Vec<i64>>, Error> {
    let mut claims: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for Delivery { id, .. } in deliveries {
        let (row, token) = id.split_once('-').ok_or_else(|| Error::UnknownId(id.clone()))?;
        claims.entry(token).or_default().push(known(row)?);
    }
    Ok(claims)
}

fn known(id: &str) -> Result<i64, Error> {
    id.parse().map_err(|_| Error::UnknownId(id.to_owned()))
}

/// A list of few different lengths, so that prepared statements are found again.
fn among(ids: &[i64]) -> Expr {
    let padding = ids.last().copied().into_iter().cycle();
    let padding = padding.take(ids.len().next_power_of_two() - ids.len());
    Expr::col("id").is_in(ids.iter().copied().chain(padding))
}

/// Milliseconds since 1970, by the clock of the database.
async fn now(connection: &impl ConnectionTrait) -> Result<i64, storage::Error> {
    Ok(database_now(connection).await?.timestamp_millis())
}

impl From<storage::Error> for Error {
    fn from(error: storage::Error) -> Self {
        if matches!(error, storage::Error::Unavailable(_) | storage::Error::Busy(_)) {
            return Self::Unavailable(Box::new(error));
        }
        Self::Failed(Box::new(error))
    }
}
