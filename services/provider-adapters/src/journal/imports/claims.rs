//! Imports under way: who has which, and how they end. Rooms are shared among companies.

use std::time::Duration;

use chrono::{DateTime, Utc};
use decision::session::Signal;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Select,
};
use signals::Private;
use storage::{Tx, claim, database_now, find_in};

use super::{Import, Stage, import};
use crate::attempts::{Change, News, Word};
use crate::carry::{self, Name};
use crate::error::Error;
use crate::journal::entity::{attempt, name};
use crate::journal::row::order;
use crate::journal::{Journal, corrupt, instant, log, micros, unsigned};

/// Companies looked at in one claim.
const COMPANIES: u64 = 1000;

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
}
