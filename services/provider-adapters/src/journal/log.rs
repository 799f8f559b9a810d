//! The log of news: each piece once, in one order for everybody, without gaps.

use std::collections::{BTreeMap, HashSet};

use prost::Message as _;
use proto::provider::v1;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ColumnTrait as _, DbErr, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use storage::{Tx, database_now, find_in, insert_many};

use super::entity::{attempt, head, news};
use super::{Journal, State, key, micros, signed, unsigned};
use crate::attempts::{Change, Word};
use crate::error::Error;
use decision::session::{Says, Signal};

/// The id of the one row that holds the head.
const HEAD: i64 = 1;

impl Journal {
    /// Keeps news, and answers how much of it was new.
    ///
    /// # Errors
    /// Those of the database; nothing is kept then.
    pub(crate) async fn tell(&self, changes: &[Change]) -> Result<usize, Error> {
        if changes.is_empty() {
            return Ok(0);
        }
        let new = self.database.write(|tx| async move { append(&tx, changes).await }).await?;
        if new > 0 {
            self.wake();
        }
        Ok(new)
    }

    /// News after a place, and the place up to which that is all there is.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn after(
        &self,
        company: Option<&str>,
        after: u64,
        limit: u64,
    ) -> Result<(Vec<v1::WatchSignalsResponse>, u64), Error> {
        let reader = self.database.reader();
        // Read first: whatever has a place up to the head is committed by now.
        let head =
            head::Entity::find_by_id(HEAD).one(reader).await.map_err(storage::Error::from)?;
        let head = head.ok_or_else(no_head)?.place;
        if signed(after) >= head {
            return Ok((Vec::new(), after));
        }
        let mut select = news::Entity::find()
            .filter(news::Column::Place.gt(signed(after)))
            .filter(news::Column::Place.lte(head));
        if let Some(company) = company {
            select = select.filter(news::Column::Company.eq(company));
        }
        let rows = select
            .order_by_asc(news::Column::Place)
            .limit(limit)
            .all(reader)
            .await
            .map_err(storage::Error::from)?;
        let full = u64::try_from(rows.len()).is_ok_and(|read| read >= limit);
        let reached = rows.last().filter(|_| full).map_or(head, |row| row.place);
        let read = |row: news::Model| {
            let mut told = v1::WatchSignalsResponse::decode(row.body.as_slice())
                .map_err(|_| super::corrupt("no news"))?;
            told.cursor = unsigned(row.place);
            Ok(told)
        };
        let told = rows.into_iter().map(read).collect::<Result<_, storage::Error>>()?;
        Ok((told, unsigned(reached)))
    }
}

fn no_head() -> storage::Error {
    storage::Error::Corrupt(DbErr::RecordNotFound("the head of the log".to_owned()))
}

/// Writes what is new among changes, last in a transaction: others who write to the log wait from here to its end. Answers
/// how many were new.
pub(super) async fn append(tx: &Tx, changes: &[Change]) -> Result<usize, storage::Error> {
    if changes.is_empty() {
        return Ok(0);
    }
    // Keys are looked up in a log that grows for months.
    tx.by_index().await?;
    // Whoever else tells the same waits for the row, and then finds that it was told.
    let head = head::Entity::find_by_id(HEAD).lock_exclusive().one(tx).await?;
    let head = head.ok_or_else(no_head)?.place;
    let mut named: Vec<(String, &Change)> = Vec::with_capacity(changes.len());
    let mut seen = HashSet::new();
    for change in changes {
        let name = key::news(change);
        if seen.insert(name.clone()) {
            named.push((name, change));
        }
    }
    let names = named.iter().map(|(name, _)| name.as_str());
    let known: HashSet<String> = find_in::<news::Entity, _>(tx, news::Column::Name, names)
        .await?
        .into_iter()
        .map(|row| row.name)
        .collect();
    named.retain(|(name, _)| !known.contains(name));
    if named.is_empty() {
        return Ok(0);
    }
    let today = micros(database_now(tx).await?);
    let rows = (head.saturating_add(1)..).zip(&named).map(|(place, (name, change))| {
        let told = v1::WatchSignalsResponse { cursor: 0, news: Some((*change).into()) };
        news::ActiveModel {
            place: Set(place),
            company: Set(change.company().to_owned()),
            name: Set(name.clone()),
            body: Set(told.encode_to_vec()),
            told_us: Set(Some(today)),
        }
    });
    insert_many(tx, rows, None).await?;
    let grown = i64::try_from(named.len()).unwrap_or(i64::MAX);
    head::Entity::update_many()
        .col_expr(head::Column::Place, Expr::col(head::Column::Place).add(grown))
        .filter(head::Column::Id.eq(HEAD))
        .exec(tx)
        .await?;
    finish(tx, named.iter().map(|(_, change)| *change)).await?;
    Ok(named.len())
}

/// Marks attempts as over of which an end was told, and forgets their links.
async fn finish<'a>(
    tx: &Tx,
    changes: impl Iterator<Item = &'a Change>,
) -> Result<(), storage::Error> {
    use attempt::Column as C;
    let ended: BTreeMap<String, ()> = changes
        .filter_map(|change| match change {
            Change::Told(news) => match news.word {
                Word::Is(signal) if ends(signal) => Some((key::attempt(&news.attempt), ())),
                Word::Is(_) | Word::Roster => None,
            },
            Change::Call { .. } | Change::Facts { .. } => None,
        })
        .collect();
    if ended.is_empty() {
        return Ok(());
    }
    attempt::Entity::update_many()
        .col_expr(C::State, Expr::value(State::Over as i16))
        .col_expr(C::Secret, Expr::value(None::<String>))
        .filter(C::Id.is_in(ended.into_keys()))
        .filter(C::State.is_in(State::OPEN))
        .exec(tx)
        .await?;
    Ok(())
}

/// Whether an attempt has nothing more to do in the conference, the dial, or with the file, once this was told of it.
fn ends(signal: Signal) -> bool {
    match signal.says() {
        Says::Fault(_) | Says::DialFault | Says::FileFault => true,
        Says::Files => signal == Signal::Imported,
        Says::Progress
        | Says::Meeting
        | Says::People
        | Says::Overtaken
        | Says::Forbids
        | Says::Act
        | Says::Dial
        | Says::Note => false,
    }
}
