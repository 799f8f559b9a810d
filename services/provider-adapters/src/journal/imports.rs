//! Imports as they are kept: what is to be fetched, which files it comes as, and that it is to be thrown away.
//!
//! An attempt has one import, whose row stays when it is over: whoever fetches late finds that it was thrown away, and
//! whoever throws away finds what there is. What is thrown away is so for good; nothing leads back from there.

use std::time::Duration;

use chrono::{DateTime, Utc};
use decision::session::Signal;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Select,
};
use sea_orm_migration::prelude::{
    ColumnDef, DbErr, MigrationName, MigrationTrait, SchemaManager, Table,
};
use signals::Private;
use storage::{Tx, claim, database_now, find_in};

use super::entity::{attempt, name};
use super::migration::{index, number, text};
use super::row::{insert_new, order};
use super::{Journal, corrupt, instant, key, log, micros, signed, unsigned};
use crate::attempts::{Attempt, Change, News, Order, Word};
use crate::carry::{self, Name};
use crate::error::Error;

/// Companies looked at in one claim.
const COMPANIES: u64 = 1000;

/// Where an import stands. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// What to fetch is known, and nobody has asked for it yet.
    Noted = 1,
    /// It is to be fetched.
    Wanted = 2,
    /// It has been told what came of it.
    Over = 3,
    /// What there is of it is to be thrown away.
    Discard = 4,
    /// It was thrown away.
    Gone = 5,
    /// It has been told that it cannot be fetched; parts of it may be stored.
    Failed = 6,
}

impl Stage {
    const ALL: [Self; 6] =
        [Self::Noted, Self::Wanted, Self::Over, Self::Discard, Self::Gone, Self::Failed];
    /// Those in which there is something to do when it is due.
    pub(super) const OPEN: [i16; 3] =
        [Self::Noted as i16, Self::Wanted as i16, Self::Discard as i16];

    fn of(stored: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| *stage as i16 == stored)
    }
}

/// An import that is due, and ours for a while.
#[derive(Debug, Clone)]
pub(crate) struct Import {
    /// Its row: the name of its attempt.
    pub(crate) id: String,
    /// The claim by which we have it; no other one is the same.
    claim: String,
    /// Who knows where the recording is.
    pub(crate) carrier: String,
    /// What is to be done.
    pub(crate) stage: Stage,
    /// The number of the instruction.
    pub(crate) number: u64,
    /// How often it was claimed before.
    pub(crate) tries: u32,
    /// How often in a row it was refused what it asked for.
    pub(crate) refusals: u32,
    /// After this it is not tried again.
    pub(crate) until: DateTime<Utc>,
    /// Names of the files it comes as, as far as they were learnt.
    pub(crate) files: Vec<String>,
    /// What was ordered, with the customer's link.
    pub(crate) order: Order,
    /// What providers call it.
    pub(crate) names: Vec<Name>,
}

/// What becomes of an import that was claimed.
#[derive(Debug, Clone)]
pub(crate) enum Settle {
    /// It is over, and this is told.
    Over(Vec<News>),
    /// It is tried again then; so often in a row it was refused.
    Again(DateTime<Utc>, u32),
    /// Nothing of it is left.
    Gone,
}

/// How claims are made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share {
    /// So many at most.
    pub(crate) room: u64,
    /// So many of one company at once, at all replicas.
    pub(crate) per_company: u64,
    /// For so long.
    pub(crate) lease: Duration,
}

impl Journal {
    /// Notes what is to be fetched for an attempt when it is asked for, and until when that is of use.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn note_import(
        &self,
        order: &Order,
        carrier: &'static str,
        link: Option<&Private>,
        until: DateTime<Utc>,
    ) -> Result<(), Error> {
        let link = link.map(|link| link.expose().to_owned());
        let row =
            import::ActiveModel { link: Set(link), ..row(order, carrier, Stage::Noted, until) };
        let row = &row;
        self.database.write(|tx| async move { insert(&tx, row).await.map(drop) }).await?;
        Ok(())
    }

    /// Keeps that the recording of an attempt is to be fetched: once for each number, and again for a higher one when the
    /// earlier import is over. What is to be thrown away, or was, is not fetched.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn want_import(
        &self,
        order: &Order,
        carrier: &'static str,
        number: u64,
        (now, until): (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<(), Error> {
        use import::Column as C;
        let row = import::ActiveModel {
            number: Set(signed(number)),
            due_us: Set(micros(now)),
            until_us: Set(micros(until)),
            ..row(order, carrier, Stage::Wanted, until)
        };
        let (row, id) = (&row, key::attempt(&order.attempt));
        let id = id.as_str();
        self.database
            .write(|tx| async move {
                if insert(&tx, row).await? {
                    return Ok(());
                }
                import::Entity::update_many()
                    .col_expr(C::Stage, Expr::value(Stage::Wanted as i16))
                    .col_expr(C::Number, Expr::value(signed(number)))
                    .col_expr(C::DueUs, Expr::value(micros(now)))
                    .col_expr(C::UntilUs, Expr::value(micros(until)))
                    .col_expr(C::Tries, Expr::value(0))
                    .col_expr(C::Refusals, Expr::value(0))
                    .col_expr(C::ClaimedUntil, Expr::value(None::<i64>))
                    .col_expr(C::Claim, Expr::value(None::<String>))
                    .filter(C::Attempt.eq(id))
                    .filter(C::Stage.is_in([
                        Stage::Noted as i16,
                        Stage::Over as i16,
                        Stage::Failed as i16,
                    ]))
                    .filter(C::Number.lt(signed(number)))
                    .exec(&tx)
                    .await?;
                Ok::<_, storage::Error>(())
            })
            .await?;
        self.woken.imports.notify_one();
        Ok(())
    }

    /// Ends an import that nobody waits for any more; what was fetched stays.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn drop_import(&self, attempt: &Attempt) -> Result<(), Error> {
        let open = [Stage::Noted as i16, Stage::Wanted as i16];
        self.turn(&key::attempt(attempt), &open, Stage::Over, None).await
    }

    /// Keeps that what was fetched for an attempt is to be thrown away, and that nothing more of it is fetched. Whoever is
    /// fetching it loses the claim.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn discard_import(
        &self,
        order: &Order,
        carrier: &'static str,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let row = row(order, carrier, Stage::Gone, now);
        let row = &row;
        let new = self.database.write(|tx| async move { insert(&tx, row).await }).await?;
        if !new {
            let gone = [Stage::Discard, Stage::Gone];
            let open = Stage::ALL.into_iter().filter(|stage| !gone.contains(stage));
            let open: Vec<i16> = open.map(|stage| stage as i16).collect();
            self.turn(&key::attempt(&order.attempt), &open, Stage::Discard, Some(now)).await?;
            self.woken.imports.notify_one();
        }
        Ok(())
    }

    /// Moves an import on, whoever has it.
    async fn turn(
        &self,
        id: &str,
        from: &[i16],
        to: Stage,
        due: Option<DateTime<Utc>>,
    ) -> Result<(), Error> {
        use import::Column as C;
        self.database
            .write(|tx| async move {
                let mut change = import::Entity::update_many()
                    .col_expr(C::Stage, Expr::value(to as i16))
                    .col_expr(C::Link, Expr::value(None::<String>))
                    .col_expr(C::Tries, Expr::value(0))
                    .col_expr(C::Refusals, Expr::value(0))
                    .col_expr(C::ClaimedUntil, Expr::value(None::<i64>))
                    .col_expr(C::Claim, Expr::value(None::<String>));
                if let Some(due) = due {
                    change = change.col_expr(C::DueUs, Expr::value(micros(due)));
                }
                change
                    .filter(C::Attempt.eq(id))
                    .filter(C::Stage.is_in(from.iter().copied()))
                    .exec(&tx)
                    .await?;
                Ok::<_, storage::Error>(())
            })
            .await?;
        Ok(())
    }

    /// Waits until this process has written an import.
    pub(crate) async fn imports_came(&self) {
        self.woken.imports.notified().await;
    }

    /// When the first import becomes due, or became so; also of those that somebody has.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn first_import(&self) -> Result<Option<DateTime<Utc>>, Error> {
        let due: Option<i64> = import::Entity::find()
            .select_only()
            .column(import::Column::DueUs)
            .filter(import::Column::Stage.is_in(Stage::OPEN))
            .order_by_asc(import::Column::DueUs)
            .limit(1)
            .into_tuple()
            .one(self.database.reader())
            .await
            .map_err(storage::Error::from)?;
        Ok(due.map(instant).transpose()?)
    }

    /// Claims imports that are due: of each company in turn, those first that have fewest under way.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn claim_imports(
        &self,
        carriers: &[&'static str],
        now: DateTime<Utc>,
        share: Share,
        claimant: &str,
    ) -> Result<Vec<Import>, Error> {
        use import::Column as C;
        // Told apart from the next claim of the same process, should this one be taken away meanwhile.
        let claimed_by = format!("{claimant}-{:08x}", rand::random::<u32>());
        let claimed_by = claimed_by.as_str();
        let rows: Vec<import::Model> = self
            .database
            .write(|tx| async move {
                let today = micros(database_now(&tx).await?);
                let until =
                    today.saturating_add(i64::try_from(share.lease.as_micros()).unwrap_or(0));
                let ours = Condition::any()
                    .add(C::Carrier.is_in(carriers.iter().copied()))
                    .add(C::Stage.ne(Stage::Wanted as i16));
                let free =
                    Condition::any().add(C::ClaimedUntil.is_null()).add(C::ClaimedUntil.lte(today));
                let due = import::Entity::find()
                    .filter(C::Stage.is_in(Stage::OPEN))
                    .filter(C::DueUs.lte(micros(now)))
                    .filter(ours)
                    .filter(free);
                let mut rows = Vec::new();
                for (company, some) in shares(&tx, &due, today, share).await? {
                    let of = due.clone().filter(C::Company.eq(company)).order_by_asc(C::DueUs);
                    let change = [
                        (C::ClaimedUntil, Expr::value(until)),
                        (C::Claim, Expr::value(claimed_by)),
                        (C::Tries, Expr::col((import::Entity, C::Tries)).add(1)),
                    ];
                    rows.extend(claim(&tx, of, some, change).await?);
                }
                Ok::<_, storage::Error>(rows)
            })
            .await?;
        self.read_imports(rows).await
    }

    /// With the order and the names they are about.
    async fn read_imports(&self, rows: Vec<import::Model>) -> Result<Vec<Import>, Error> {
        let reader = self.database.reader();
        let ids = || rows.iter().map(|row| row.attempt.as_str());
        let attempts = find_in::<attempt::Entity, _>(reader, attempt::Column::Id, ids()).await?;
        let names = find_in::<name::Entity, _>(reader, name::Column::Attempt, ids()).await?;
        let mut all = Vec::with_capacity(rows.len());
        for row in rows {
            let found = attempts.iter().find(|attempt| attempt.id == row.attempt);
            let (Some(found), Some(stage)) = (found, Stage::of(row.stage)) else { continue };
            let mut order = order(found)?;
            let by = Some(&found.connection).filter(|by| !by.is_empty());
            let by = by.map(|by| Name { kind: carry::Kind::Connection, value: by.clone() });
            match (&mut order.upload, row.link.map(Private::new)) {
                (Some(upload), Some(link)) => upload.url = link,
                (None, Some(link)) => order.join_url = Some(link),
                (_, None) => {}
            }
            let of = names.iter().filter(|name| name.attempt == row.attempt).filter_map(|name| {
                let kind = carry::Kind::of(name.kind)?;
                Some(Name { kind, value: name.value.clone() })
            });
            all.push(Import {
                carrier: row.carrier,
                stage,
                number: unsigned(row.number),
                tries: u32::try_from(row.tries.saturating_sub(1)).unwrap_or_default(),
                refusals: u32::try_from(row.refusals).unwrap_or_default(),
                until: instant(row.until_us)?,
                files: serde_json::from_str(&row.files).map_err(|_| corrupt("no files"))?,
                order,
                names: by.into_iter().chain(of).collect(),
                claim: row.claim.unwrap_or_default(),
                id: row.attempt,
            });
        }
        Ok(all)
    }

    /// Holds on to a claim for longer. Answers whether it was still ours.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn hold_import(
        &self,
        import: &Import,
        lease: Duration,
    ) -> Result<bool, Error> {
        use import::Column as C;
        let held = self
            .database
            .write(|tx| async move {
                let today = micros(database_now(&tx).await?);
                let until = today.saturating_add(i64::try_from(lease.as_micros()).unwrap_or(0));
                let held = import::Entity::update_many()
                    .col_expr(C::ClaimedUntil, Expr::value(until))
                    .filter(C::Attempt.eq(import.id.as_str()))
                    .filter(C::Claim.eq(import.claim.as_str()))
                    .exec(&tx)
                    .await?;
                Ok::<_, storage::Error>(held.rows_affected > 0)
            })
            .await?;
        Ok(held)
    }

    /// Notes under which names files are about to be stored, so that they are found when they must go. Answers whether the
    /// claim is still ours: else nothing may be fetched.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn note_files(
        &self,
        import: &Import,
        files: &[String],
    ) -> Result<bool, Error> {
        use import::Column as C;
        let files = serde_json::to_string(files).map_err(|_| corrupt("no names of files"))?;
        let files = files.as_str();
        let noted = self
            .database
            .write(|tx| async move {
                let noted = import::Entity::update_many()
                    .col_expr(C::Files, Expr::value(files))
                    .filter(C::Attempt.eq(import.id.as_str()))
                    .filter(C::Claim.eq(import.claim.as_str()))
                    .exec(&tx)
                    .await?;
                Ok::<_, storage::Error>(noted.rows_affected > 0)
            })
            .await?;
        Ok(noted)
    }

    /// Notes what has become of an import that was claimed, with what is told of it: all, or nothing where the claim is
    /// somebody else's by now. Answers whether it was ours.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn settle_import(
        &self,
        import: &Import,
        settle: &Settle,
    ) -> Result<bool, Error> {
        use import::Column as C;
        let ours = self
            .database
            .write(|tx| async move {
                let change = import::Entity::update_many()
                    .col_expr(C::ClaimedUntil, Expr::value(None::<i64>))
                    .col_expr(C::Claim, Expr::value(None::<String>));
                let end = |stage: Stage| {
                    [(C::Stage, Expr::value(stage as i16)), (C::Link, Expr::value(None::<String>))]
                };
                let more = match settle {
                    Settle::Again(at, refusals) => [
                        (C::DueUs, Expr::value(micros(*at))),
                        (C::Refusals, Expr::value(i64::from(*refusals))),
                    ],
                    Settle::Over(news) if news.iter().all(never_fetched) => end(Stage::Failed),
                    Settle::Over(_) => end(Stage::Over),
                    Settle::Gone => end(Stage::Gone),
                };
                let change = more
                    .into_iter()
                    .fold(change, |change, (column, value)| change.col_expr(column, value));
                let done = change
                    .filter(C::Attempt.eq(import.id.as_str()))
                    .filter(C::Claim.eq(import.claim.as_str()))
                    .exec(&tx);
                if done.await?.rows_affected == 0 {
                    return Ok(false);
                }
                if let Settle::Over(news) = settle {
                    let changes: Vec<Change> = news.iter().cloned().map(Change::Told).collect();
                    log::append(&tx, &changes).await?;
                }
                Ok::<_, storage::Error>(true)
            })
            .await?;
        if ours {
            self.wake();
        }
        Ok(ours)
    }

    /// Gives back all that a process has claimed, when it ends.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn release_imports(&self, claimant: &str) -> Result<(), Error> {
        use import::Column as C;
        self.database
            .write(|tx| async move {
                import::Entity::update_many()
                    .col_expr(C::ClaimedUntil, Expr::value(None::<i64>))
                    .col_expr(C::Claim, Expr::value(None::<String>))
                    .filter(C::Claim.starts_with(claimant))
                    .exec(&tx)
                    .await?;
                Ok::<_, storage::Error>(())
            })
            .await?;
        Ok(())
    }
}

/// Whether this is told of what was not fetched, so that nothing whole is stored of it.
fn never_fetched(news: &News) -> bool {
    use Signal::{DialerImportFailed, FilesDeleted, FilesLost, UrlImportFailed};
    let failures = [DialerImportFailed, FilesDeleted, FilesLost, UrlImportFailed];
    matches!(news.word, Word::Is(signal) if failures.contains(&signal))
}

/// How many imports of which companies are begun now.
async fn shares(
    tx: &Tx,
    due: &Select<import::Entity>,
    today: i64,
    share: Share,
) -> Result<Vec<(String, u64)>, storage::Error> {
    use import::Column as C;
    let waiting: Vec<(String, i64, i64)> = due
        .clone()
        .select_only()
        .column(C::Company)
        .column_as(C::DueUs.min(), "first")
        .column_as(C::Attempt.count(), "waiting")
        .group_by(C::Company)
        .order_by_asc(C::DueUs.min())
        .limit(COMPANIES)
        .into_tuple()
        .all(tx)
        .await?;
    if waiting.is_empty() {
        return Ok(Vec::new());
    }
    let running: Vec<(String, i64)> = import::Entity::find()
        .select_only()
        .column(C::Company)
        .column_as(C::Attempt.count(), "running")
        .filter(C::Stage.is_in(Stage::OPEN))
        .filter(C::ClaimedUntil.gt(today))
        .group_by(C::Company)
        .into_tuple()
        .all(tx)
        .await?;
    let runs = |company: &str| {
        running.iter().find(|(of, _)| of == company).map_or(0, |(_, count)| unsigned(*count))
    };
    let waiting = waiting.into_iter().map(|(company, _, count)| {
        let runs = runs(&company);
        (company, runs, unsigned(count))
    });
    Ok(shared(waiting.collect(), share))
}

/// Shares room out: one to each company that has fewest under way, until there is no room or nothing left. Each company
/// comes with what it has under way and what is waiting, the longest waiting first.
fn shared(companies: Vec<(String, u64, u64)>, share: Share) -> Vec<(String, u64)> {
    let mut given: Vec<u64> = vec![0; companies.len()];
    for _ in 0..share.room {
        let least = companies
            .iter()
            .zip(&given)
            .enumerate()
            .filter(|(_, ((_, runs, waits), got))| *got < waits && runs + *got < share.per_company)
            .min_by_key(|(place, ((_, runs, _), got))| (runs + *got, *place))
            .map(|(place, _)| place);
        match least.and_then(|place| given.get_mut(place)) {
            Some(got) => *got += 1,
            None => break,
        }
    }
    let companies = companies.into_iter().map(|(company, ..)| company);
    companies.zip(given).filter(|(_, got)| *got > 0).collect()
}

fn row(
    order: &Order,
    carrier: &'static str,
    stage: Stage,
    until: DateTime<Utc>,
) -> import::ActiveModel {
    import::ActiveModel {
        attempt: Set(key::attempt(&order.attempt)),
        company: Set(order.attempt.company.clone()),
        ..empty(carrier, stage, until)
    }
}

/// A row of nobody's yet.
pub(super) fn empty(
    carrier: &'static str,
    stage: Stage,
    until: DateTime<Utc>,
) -> import::ActiveModel {
    import::ActiveModel {
        attempt: NotSet,
        company: NotSet,
        carrier: Set(carrier.to_owned()),
        stage: Set(stage as i16),
        number: Set(0),
        link: Set(None),
        files: Set("[]".to_owned()),
        due_us: Set(micros(until)),
        until_us: Set(micros(until)),
        tries: Set(0),
        refusals: Set(0),
        claimed_until: Set(None),
        claim: Set(None),
    }
}

/// Whether the row was not there before.
pub(super) async fn insert(tx: &Tx, row: &import::ActiveModel) -> Result<bool, storage::Error> {
    let leave = OnConflict::column(import::Column::Attempt).do_nothing().to_owned();
    let new = insert_new::<import::Entity, _>(tx, [row.clone()], import::Column::Attempt, &leave);
    Ok(!new.await?.is_empty())
}

pub(super) mod import {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "provider_adapters_import")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) attempt: String,
        pub(crate) company: String,
        /// Who knows where the recording is.
        pub(crate) carrier: String,
        /// A [`super::Stage`].
        pub(crate) stage: i16,
        /// The number of the instruction; 0 while there was none.
        pub(crate) number: i64,
        /// The customer's link, until it is not needed any more.
        pub(crate) link: Option<String>,
        /// Names under which files are stored, as JSON.
        #[sea_orm(column_type = "Text")]
        pub(crate) files: String,
        pub(crate) due_us: i64,
        pub(crate) until_us: i64,
        pub(crate) tries: i64,
        pub(crate) refusals: i64,
        pub(crate) claimed_until: Option<i64>,
        pub(crate) claim: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table of imports.
pub(crate) struct Imports;

impl MigrationName for Imports {
    fn name(&self) -> &'static str {
        "m0005_imports"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Imports {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("provider_adapters_import")
            .col(text("attempt").not_null().primary_key())
            .col(text("company").not_null())
            .col(text("carrier").not_null())
            .col(ColumnDef::new("stage").small_integer().not_null())
            .col(number("number").not_null())
            .col(text("link").null())
            .col(text("files").not_null())
            .col(number("due_us").not_null())
            .col(number("until_us").not_null())
            .col(number("tries").not_null())
            .col(number("refusals").not_null())
            .col(number("claimed_until").null())
            .col(text("claim").null())
            .to_owned();
        manager.create_table(table).await?;
        let of = "provider_adapters_import";
        index(manager, "provider_adapters_import_due", of, &["stage", "due_us"], false).await?;
        index(manager, "provider_adapters_import_claim", of, &["claim"], false).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(room: u64, per_company: u64) -> Share {
        Share { room, per_company, lease: Duration::from_secs(1) }
    }

    fn of(companies: &[(&str, u64, u64)], share: Share) -> Vec<(String, u64)> {
        let companies =
            companies.iter().map(|(name, runs, waits)| ((*name).to_owned(), *runs, *waits));
        shared(companies.collect(), share)
    }

    #[test]
    fn a_company_with_many_imports_leaves_room_for_others() {
        let named = |list: &[(&str, u64)]| -> Vec<(String, u64)> {
            list.iter().map(|(name, some)| ((*name).to_owned(), *some)).collect()
        };
        let flood = [("acme", 0, 1000), ("tiny", 0, 1)];
        assert_eq!(of(&flood, share(4, 8)), named(&[("acme", 3), ("tiny", 1)]));
        assert_eq!(of(&flood, share(1, 8)), named(&[("acme", 1)]), "the longest waiting");
        assert_eq!(of(&[("acme", 1, 9), ("tiny", 0, 1)], share(1, 8)), named(&[("tiny", 1)]));
        assert_eq!(of(&[("acme", 2, 9)], share(4, 3)), named(&[("acme", 1)]), "no more at once");
        assert_eq!(of(&[("acme", 3, 9)], share(4, 3)), []);
    }

    #[test]
    fn stages_are_read_as_they_were_stored() {
        for stage in Stage::ALL {
            assert_eq!(Stage::of(stage as i16), Some(stage));
        }
        assert_eq!(Stage::of(0), None);
    }
}
