//! Imports as they are kept: what is to be fetched, which files it comes as, and that it is to be thrown away.
//!
//! An attempt has one import, whose row stays when it is over: whoever fetches late finds that it was thrown away, and
//! whoever throws away finds what there is. What is thrown away is so for good; nothing leads back from there.

mod claims;
mod table;

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use signals::Private;
use storage::Tx;

use super::row::insert_new;
use super::{Journal, key, micros, signed};
use crate::attempts::{Attempt, Order};
use crate::carry::Name;
use crate::error::Error;

pub(crate) use claims::{Settle, Share};
pub(crate) use table::Imports;
pub(super) use table::import;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_read_as_they_were_stored() {
        for stage in Stage::ALL {
            assert_eq!(Stage::of(stage as i16), Some(stage));
        }
        assert_eq!(Stage::of(0), None);
    }
}
