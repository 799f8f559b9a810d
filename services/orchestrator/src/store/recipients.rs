//! Calls whose event came through somebody's address: they are decided again when that address becomes another company's,
//! or ceases to be.
//!
//! They are found among those of all companies by hashes of the names that are claimed or given up. Whoever judged a call
//! while that happened may have judged by what was before; so claims are counted, and what was judged at another count is
//! not written. Whoever counts a claim waits for those who are writing such calls, and looks calls up after that, so none slips
//! through in between.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};
use storage::{LockKey, chunks, insert_many};

use super::Calls;
use super::entity::{call, progress, recipient, timer};
use super::row::unsigned;
use super::timers::Kind;
use crate::error::Error;

/// Under which name claims are counted, in the table of progress.
pub(super) const CLAIMS: &str = "claims";

/// Calls that become due at once.
const AT_ONCE: usize = 100;

/// After how long the next ones do: what is due for other reasons must not wait behind all of them.
const APART: TimeDelta = TimeDelta::milliseconds(100);

/// Through which recipient the event of a call came, as far as it matters whose that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Through {
    /// Hashes of the names by which it can belong to a company; see [`decision::reach::recipient`].
    pub(crate) names: Vec<u64>,
    /// How many claims there had been before it was judged.
    pub(crate) claims: u64,
}

/// A hash as it is stored.
fn stored(hash: u64) -> i64 {
    i64::from_ne_bytes(hash.to_ne_bytes())
}

/// Held by whoever counts a claim, and shared by whoever writes calls that came through somebody's address.
pub(super) fn claims_lock() -> LockKey {
    LockKey::of("orchestrator.claims", &[])
}

/// How many claims there have been.
pub(super) async fn claims<C: ConnectionTrait>(connection: &C) -> Result<u64, Error> {
    let query = progress::Entity::find_by_id(CLAIMS.to_owned());
    let row = query.one(connection).await.map_err(storage::Error::from)?;
    Ok(row.map_or(0, |row| unsigned(row.position)))
}

/// Notes through which recipients the events of calls came.
pub(super) async fn note(
    tx: &storage::Tx,
    company: &str,
    calls: &[(String, Vec<u64>)],
) -> Result<(), Error> {
    let mut rows = Vec::new();
    for (id, names) in calls {
        rows.extend(names.iter().map(|name| recipient::ActiveModel {
            name: Set(stored(*name)),
            company: Set(company.to_owned()),
            call_id: Set(id.clone()),
        }));
    }
    use recipient::Column as C;
    let mut known = sea_orm::sea_query::OnConflict::columns([C::Name, C::Company, C::CallId]);
    known.update_column(C::Name);
    Ok(insert_many(tx, rows, Some(known)).await?)
}

impl Calls {
    /// How many claims there have been.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn claims(&self) -> Result<u64, Error> {
        claims(self.store.reader()).await
    }

    /// Has the upcoming calls of all companies decided again whose event came through a recipient of one of these names,
    /// soonest first. Answers how many they are.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn claimed(&self, names: &[u64], now: DateTime<Utc>) -> Result<usize, Error> {
        if names.is_empty() {
            return Ok(0);
        }
        self.store
            .write(|tx| async move {
                tx.lock(&[claims_lock()]).await?;
                let done = progress::Entity::update_many()
                    .col_expr(
                        progress::Column::Position,
                        Expr::col(progress::Column::Position).add(1),
                    )
                    .filter(progress::Column::Name.eq(CLAIMS))
                    .exec(&tx)
                    .await;
                done.map(drop).map_err(storage::Error::from)
            })
            .await?;
        let mut found: Vec<(i64, String, String)> = Vec::new();
        let names: Vec<i64> = names.iter().copied().map(stored).collect();
        for part in chunks(&names) {
            use call::Column as C;
            use recipient::Column as R;
            let through = Query::select()
                .columns([R::Company, R::CallId])
                .from(recipient::Entity)
                .and_where(R::Name.is_in(part.iter().copied()))
                .to_owned();
            let pair = Expr::tuple([Expr::col(C::Company), Expr::col(C::CallId)]);
            found.extend(
                call::Entity::find()
                    .select_only()
                    .columns([C::Start, C::Company, C::CallId])
                    .filter(C::Start.gte(now.timestamp_micros()))
                    .filter(C::Ended.eq(false))
                    .filter(pair.in_subquery(through))
                    .into_tuple::<(i64, String, String)>()
                    .all(self.store.reader())
                    .await
                    .map_err(storage::Error::from)?,
            );
        }
        found.sort_unstable();
        found.dedup();
        let mut due = now;
        for calls in found.chunks(AT_ONCE) {
            self.arm_again(calls, due).await?;
            due += APART;
        }
        Ok(found.len())
    }

    /// Makes calls due to be judged once more. Whatever decision is written of them before that disarms it, and was judged
    /// after the claim.
    async fn arm_again(
        &self,
        calls: &[(i64, String, String)],
        due: DateTime<Utc>,
    ) -> Result<(), Error> {
        let mut companies: Vec<&str> =
            calls.iter().map(|(_, company, _)| company.as_str()).collect();
        companies.sort_unstable();
        companies.dedup();
        let companies = &companies;
        self.store
            .write(|tx| async move {
                for company in companies {
                    let of = calls.iter().filter(|(_, of, _)| of == company);
                    let ids: Vec<&str> = of.map(|(_, _, id)| id.as_str()).collect();
                    let revisions: Vec<(String, i64)> = call::Entity::find()
                        .select_only()
                        .columns([call::Column::CallId, call::Column::Revision])
                        .filter(call::Column::Company.eq(*company))
                        .filter(call::Column::CallId.is_in(ids.iter().copied()))
                        .order_by_asc(call::Column::CallId)
                        .lock_exclusive()
                        .into_tuple()
                        .all(&tx)
                        .await
                        .map_err(storage::Error::from)?;
                    timer::Entity::delete_many()
                        .filter(timer::Column::Company.eq(*company))
                        .filter(timer::Column::CallId.is_in(ids.iter().copied()))
                        .filter(timer::Column::Kind.eq(Kind::Retry as i16))
                        .exec(&tx)
                        .await
                        .map_err(storage::Error::from)?;
                    let timers: Vec<timer::ActiveModel> = revisions
                        .into_iter()
                        .map(|(call_id, revision)| timer::ActiveModel {
                            id: NotSet,
                            company: Set((*company).to_owned()),
                            call_id: Set(call_id),
                            kind: Set(Kind::Retry as i16),
                            due: Set(due.timestamp_micros()),
                            revision: Set(revision),
                            tries: Set(0),
                            claimed_until: Set(None),
                            claim: Set(None),
                        })
                        .collect();
                    insert_many(&tx, timers, None).await?;
                }
                Ok::<_, Error>(())
            })
            .await
    }
}
