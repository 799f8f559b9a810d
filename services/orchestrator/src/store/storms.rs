//! Deciding the calls of a company again after a change of policy: how far it has come, as a row for each company.
//!
//! One replica at a time goes through the calls of a company. What it notes carries the claim by which it works, so that
//! one that slept past the end of its claim notes nothing any more.

use std::time::Duration;

use chrono::{DateTime, Utc};
use decision::reach::Traces;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, FromQueryResult, PaginatorTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, UpdateMany,
};
use storage::{chunks, database_now, insert_many};

use super::commit::{hold, policy_lock};
use super::entity::{call, policy, storm};
use super::row::{instant, number, unsigned};
use super::{Calls, Page};
use crate::error::Error;

/// The calls of a company being decided again.
#[derive(Debug, Clone)]
pub(crate) struct Storm {
    /// The company.
    pub(crate) company: String,
    /// The version by which all have been judged; 0 for none.
    pub(crate) judged_version: u64,
    /// The version by which they are to be judged.
    pub(crate) target_version: u64,
    /// The version up to which the calls of others have been made due that the changes can concern.
    pub(crate) told_version: u64,
    /// Nothing of the company has been decided before: all its meetings are gone through, not its calls.
    pub(crate) fresh: bool,
    /// The last call that was looked at.
    pub(crate) at: Option<Page>,
    /// Of a fresh one, once its calls have been looked at: the page of meetings that comes next, empty for the first.
    pub(crate) at_page: Option<String>,
    /// Calls that may be concerned, as counted when it began. Of a fresh one, those that are known of as yet: its meetings
    /// are counted page by page.
    pub(crate) total: u64,
    /// Calls looked at.
    pub(crate) done: u64,
    /// Decisions changed.
    pub(crate) changed: u64,
    /// When it began.
    pub(crate) started_at: DateTime<Utc>,
    /// When it ended; none while it is under way.
    pub(crate) finished_at: Option<DateTime<Utc>>,
    claim: Option<String>,
    /// How often it has failed since it last went on.
    pub(crate) tries: u32,
}

/// What is needed of a call to tell whether a change concerns it.
#[derive(Debug, FromQueryResult)]
struct Traced {
    call_id: String,
    start: i64,
    sort_key: Vec<u8>,
    traces: Vec<u8>,
    judged_policy: i64,
}

/// A call that may have to be decided again.
#[derive(Debug)]
pub(crate) struct Upcoming {
    /// Its id.
    pub(crate) call_id: String,
    /// What of it a policy can bite on.
    pub(crate) traces: Traces,
    /// The policy version it was last judged by.
    pub(crate) judged_policy: u64,
}

/// A change of one as long as its claim holds.
fn held(storm: &Storm) -> UpdateMany<storm::Entity> {
    storm::Entity::update_many()
        .filter(storm::Column::Company.eq(storm.company.as_str()))
        .filter(storm::Column::Claim.eq(storm.claim.clone()))
}

impl From<storm::Model> for Storm {
    fn from(row: storm::Model) -> Self {
        let at = match (row.at_start, row.at_key, row.at_id) {
            (Some(start), Some(key), Some(call_id)) => Some(Page { start, key, call_id }),
            _ => None,
        };
        Self {
            company: row.company,
            judged_version: unsigned(row.judged_version),
            target_version: unsigned(row.target_version),
            told_version: unsigned(row.told_version),
            fresh: row.fresh,
            at,
            at_page: row.at_page,
            total: unsigned(row.total),
            done: unsigned(row.done),
            changed: unsigned(row.changed),
            started_at: instant(row.started_at),
            finished_at: row.finished_at.map(instant),
            claim: row.claim,
            tries: u32::try_from(row.tries).unwrap_or(u32::MAX),
        }
    }
}

impl Calls {
    /// Has all calls of a company decided again by a version, from the beginning, if it is newer than the one by which
    /// they are decided now; and keeps its company file, if that could be had, so that it is there when its keeper is away.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn raise(
        &self,
        company: &str,
        version: u64,
        document: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let version = number(version);
        self.store
            .write(|tx| async move {
                // Whoever writes decisions by an older version at the moment is waited for.
                tx.lock(&[policy_lock(company)]).await?;
                let before = storm::Entity::find_by_id(company)
                    .lock_exclusive()
                    .one(&tx)
                    .await
                    .map_err(storage::Error::from)?;
                let row = storm::ActiveModel {
                    company: Set(company.to_owned()),
                    judged_version: before.as_ref().map_or(Set(0), |_| NotSet),
                    target_version: Set(version),
                    told_version: before.as_ref().map_or(Set(0), |_| NotSet),
                    fresh: Set(before.as_ref().is_none_or(|row| row.fresh)),
                    at_start: Set(None),
                    at_key: Set(None),
                    at_id: Set(None),
                    at_page: Set(None),
                    total: Set(0),
                    done: Set(0),
                    changed: Set(0),
                    started_at: Set(now.timestamp_micros()),
                    finished_at: Set(None),
                    claimed_until: Set(None),
                    claim: Set(None),
                    tries: Set(0),
                };
                match before {
                    None => insert_many(&tx, [row], None).await?,
                    Some(before) if before.target_version < version => {
                        storm::Entity::update(row).exec(&tx).await.map_err(storage::Error::from)?;
                    }
                    Some(before) if before.target_version == version => {}
                    // Nobody judges by it any more.
                    Some(_) => return Ok(()),
                }
                let Some(document) = document else { return Ok(()) };
                let kept = policy::ActiveModel {
                    company: Set(company.to_owned()),
                    version: Set(version),
                    document: Set(document.to_owned()),
                };
                let replace = OnConflict::column(policy::Column::Company)
                    .update_columns([policy::Column::Version, policy::Column::Document])
                    .to_owned();
                insert_many(&tx, [kept], Some(replace)).await
            })
            .await?;
        Ok(())
    }

    /// The company file by which the calls of a company are decided, and its version, if that is newer than one that is
    /// known already.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn policy_after(
        &self,
        company: &str,
        version: u64,
    ) -> Result<Option<(u64, String)>, Error> {
        let row = policy::Entity::find_by_id(company)
            .filter(policy::Column::Version.gt(number(version)))
            .one(self.store.reader())
            .await
            .map_err(storage::Error::from)?;
        Ok(row.map(|row| (unsigned(row.version), row.document)))
    }

    /// Takes one that nobody works on and that is not to wait, the oldest of them.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn claim_storm(
        &self,
        holder: &str,
        lease: Duration,
    ) -> Result<Option<Storm>, Error> {
        use storm::Column as C;
        let lease = i64::try_from(lease.as_micros()).unwrap_or(i64::MAX);
        let claimed = self
            .store
            .write(|tx| async move {
                let now = database_now(&tx).await?.timestamp_micros();
                let due = storm::Entity::find()
                    .filter(C::FinishedAt.is_null())
                    .filter(
                        Condition::any()
                            .add(C::ClaimedUntil.is_null())
                            .add(C::ClaimedUntil.lt(now)),
                    )
                    .order_by_asc(C::StartedAt);
                // Two claims of one holder are told apart by their time.
                let claim = format!("{holder}/{now}");
                let change = [
                    (C::ClaimedUntil, Expr::value(now.saturating_add(lease))),
                    (C::Claim, Expr::value(claim)),
                ];
                storage::claim(&tx, due, 1, change).await
            })
            .await?;
        Ok(claimed.into_iter().next().map(Storm::from))
    }

    /// Notes how far one has come, and keeps it. `false` if it was lost to somebody else, or begun anew.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn note_storm(&self, storm: &Storm, lease: Duration) -> Result<bool, Error> {
        use storm::Column as C;
        let lease = i64::try_from(lease.as_micros()).unwrap_or(i64::MAX);
        let done = self
            .store
            .write(|tx| async move {
                let now = database_now(&tx).await?.timestamp_micros();
                let at = storm.at.as_ref();
                held(storm)
                    .col_expr(C::AtStart, Expr::value(at.map(|page| page.start)))
                    .col_expr(C::AtKey, Expr::value(at.map(|page| page.key.clone())))
                    .col_expr(C::AtId, Expr::value(at.map(|page| page.call_id.clone())))
                    .col_expr(C::ToldVersion, Expr::value(number(storm.told_version)))
                    .col_expr(C::AtPage, Expr::value(storm.at_page.clone()))
                    .col_expr(C::Tries, Expr::value(i64::from(storm.tries)))
                    .col_expr(C::Total, Expr::value(number(storm.total)))
                    .col_expr(C::Done, Expr::value(number(storm.done)))
                    .col_expr(C::Changed, Expr::value(number(storm.changed)))
                    .col_expr(C::ClaimedUntil, Expr::value(now.saturating_add(lease)))
                    .exec(&tx)
                    .await
                    .map_err(storage::Error::from)
            })
            .await?;
        Ok(done.rows_affected == 1)
    }

    /// Gives one up for others to go on with at once.
    ///
    /// # Errors
    /// Those of the database; it is taken over when the claim has expired then.
    pub(crate) async fn leave_storm(&self, storm: &Storm) -> Result<(), Error> {
        use storm::Column as C;
        self.store
            .write(|tx| async move {
                held(storm)
                    .col_expr(C::ClaimedUntil, Expr::value(Option::<i64>::None))
                    .exec(&tx)
                    .await
                    .map_err(storage::Error::from)
            })
            .await?;
        Ok(())
    }

    /// Gives up one that failed. Nobody goes on with it for a second, twice as long each time until it goes on, up to
    /// `longest`; others come first meanwhile.
    ///
    /// # Errors
    /// Those of the database; it is taken over when the claim has expired then.
    pub(crate) async fn put_off_storm(
        &self,
        storm: &Storm,
        longest: Duration,
    ) -> Result<(), Error> {
        use storm::Column as C;
        let pause = Duration::from_secs(1).saturating_mul(1 << storm.tries.min(16)).min(longest);
        let pause = i64::try_from(pause.as_micros()).unwrap_or(i64::MAX);
        self.store
            .write(|tx| async move {
                let now = database_now(&tx).await?.timestamp_micros();
                held(storm)
                    .col_expr(C::ClaimedUntil, Expr::value(now.saturating_add(pause)))
                    .col_expr(C::Tries, Expr::value(i64::from(storm.tries.saturating_add(1))))
                    .exec(&tx)
                    .await
                    .map_err(storage::Error::from)
            })
            .await?;
        Ok(())
    }

    /// All calls have been looked at.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn end_storm(&self, storm: &Storm, now: DateTime<Utc>) -> Result<(), Error> {
        use storm::Column as C;
        self.store
            .write(|tx| async move {
                held(storm)
                    .col_expr(C::JudgedVersion, Expr::col(C::TargetVersion))
                    .col_expr(C::Fresh, Expr::value(false))
                    .col_expr(C::Done, Expr::value(number(storm.done)))
                    .col_expr(C::Total, Expr::value(number(storm.total.max(storm.done))))
                    .col_expr(C::Changed, Expr::value(number(storm.changed)))
                    .col_expr(C::FinishedAt, Expr::value(now.timestamp_micros()))
                    .exec(&tx)
                    .await
                    .map_err(storage::Error::from)
            })
            .await?;
        Ok(())
    }

    /// How far each company's has come; of all companies when none is named.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn storms(&self, company: Option<&str>) -> Result<Vec<Storm>, Error> {
        let mut query = storm::Entity::find();
        if let Some(company) = company {
            query = query.filter(storm::Column::Company.eq(company));
        }
        let rows = query
            .order_by_asc(storm::Column::Company)
            .all(self.store.reader())
            .await
            .map_err(storage::Error::from)?;
        Ok(rows.into_iter().map(Storm::from).collect())
    }

    /// How many calls of a company start from an instant on.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn count_upcoming(
        &self,
        company: &str,
        from: DateTime<Utc>,
    ) -> Result<u64, Error> {
        Ok(call::Entity::find()
            .filter(call::Column::Company.eq(company))
            .filter(call::Column::Start.gte(from.timestamp_micros()))
            .count(self.store.reader())
            .await
            .map_err(storage::Error::from)?)
    }

    /// Calls that start from an instant on, soonest first, after a page; where the next page begins, unless it was the
    /// last.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn upcoming(
        &self,
        company: &str,
        from: DateTime<Utc>,
        after: Option<&Page>,
        size: u64,
    ) -> Result<(Vec<Upcoming>, Option<Page>), Error> {
        use call::Column as C;
        let mut query = call::Entity::find()
            .select_only()
            .columns([C::CallId, C::Start, C::SortKey, C::Traces, C::JudgedPolicy])
            .filter(C::Company.eq(company))
            .filter(C::Start.gte(from.timestamp_micros()));
        if let Some(page) = after {
            query = query.filter(page.beyond());
        }
        let rows: Vec<Traced> = query
            .order_by_asc(C::Start)
            .order_by_asc(C::SortKey)
            .order_by_asc(C::CallId)
            .limit(size)
            .into_model()
            .all(self.store.reader())
            .await
            .map_err(storage::Error::from)?;
        let is_last = u64::try_from(rows.len()).unwrap_or(u64::MAX) < size;
        let next = rows.last().filter(|_| !is_last).map(|row| Page {
            start: row.start,
            key: row.sort_key.clone(),
            call_id: row.call_id.clone(),
        });
        let calls = rows.into_iter().map(|row| Upcoming {
            call_id: row.call_id,
            traces: Traces::from_bytes(&row.traces),
            judged_policy: unsigned(row.judged_policy),
        });
        Ok((calls.collect(), next))
    }

    /// Notes that calls which a change of policy cannot concern are as if judged by it.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn untouched(
        &self,
        company: &str,
        ids: &[String],
        version: u64,
    ) -> Result<(), Error> {
        for part in chunks(ids) {
            self.store
                .write(|tx| async move {
                    hold(&tx, company, part).await?;
                    call::Entity::update_many()
                        .col_expr(call::Column::JudgedPolicy, Expr::value(number(version)))
                        .filter(call::Column::Company.eq(company))
                        .filter(call::Column::CallId.is_in(part.iter().map(String::as_str)))
                        .filter(call::Column::JudgedPolicy.lt(number(version)))
                        .exec(&tx)
                        .await
                        .map_err(storage::Error::from)
                })
                .await?;
        }
        Ok(())
    }

    /// The meeting revisions from which calls were last judged, of those that are known.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn judged_meetings(
        &self,
        company: &str,
        ids: &[String],
    ) -> Result<std::collections::HashMap<String, u64>, Error> {
        let mut found = std::collections::HashMap::with_capacity(ids.len());
        for part in chunks(ids) {
            let rows: Vec<(String, i64)> = call::Entity::find()
                .select_only()
                .columns([call::Column::CallId, call::Column::JudgedMeeting])
                .filter(call::Column::Company.eq(company))
                .filter(call::Column::CallId.is_in(part.iter().map(String::as_str)))
                .into_tuple()
                .all(self.store.reader())
                .await
                .map_err(storage::Error::from)?;
            found.extend(rows.into_iter().map(|(id, revision)| (id, unsigned(revision))));
        }
        Ok(found)
    }
}
