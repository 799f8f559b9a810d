//! Webhooks as they came: each kept once before it is answered, and worked on until something has come of it.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, PaginatorTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};
use storage::{chunks, claim, database_now, insert_many};

use super::entity::{evidence, inbox, name, presence, problem};
use super::links::{self, Spoken};
use super::row::insert_new;
use super::subscriptions::{Need, Subscription, befell};
use super::trace::Trace;
use super::{Journal, instant, key, log, micros};
use crate::attempts::{Change, MAX_ROSTER, News, Person, Word};
use crate::carry::Name;
use crate::error::Error;

/// Rows whose time to be remembered is over, deleted at once.
const FORGOTTEN: u64 = 1000;

/// A webhook to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parcel {
    /// The connection it came through.
    pub(crate) connection: String,
    /// The company.
    pub(crate) company: String,
    /// The same for every delivery of it.
    pub(crate) name: String,
    /// Its body, without secrets.
    pub(crate) body: Vec<u8>,
    /// What was encrypted in it.
    pub(crate) content: Option<Vec<u8>>,
    /// When it came.
    pub(crate) received: DateTime<Utc>,
}

/// A webhook that was kept, and is ours for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Letter {
    /// Its row.
    pub(crate) id: i64,
    /// The connection it came through.
    pub(crate) connection: String,
    /// Its body.
    pub(crate) body: Vec<u8>,
    /// What was encrypted in it.
    pub(crate) content: Option<Vec<u8>>,
    /// When it came.
    pub(crate) received: DateTime<Utc>,
    /// How often it was worked on before.
    pub(crate) tries: u32,
}

/// Somebody came to, or left, the conference of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Movement {
    /// The row of the attempt.
    pub(crate) trace: Trace,
    /// Who, as the provider tells them apart.
    pub(crate) person: String,
    /// What is known of them.
    pub(crate) who: Person,
    /// Whether they are there now.
    pub(crate) here: bool,
    /// Since when.
    pub(crate) at: DateTime<Utc>,
    /// The key of the event that told it.
    pub(crate) key: String,
}

/// A raw code nobody has mapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unmapped {
    /// The company that met it.
    pub(crate) company: String,
    /// Whose code it is.
    pub(crate) provider: &'static str,
    /// What sort of code.
    pub(crate) kind: &'static str,
    /// The code.
    pub(crate) code: String,
    /// What stood beside it.
    pub(crate) text: String,
    /// When it was met.
    pub(crate) at: DateTime<Utc>,
}

/// What comes of webhooks that were worked on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settled {
    /// Those that need no more work.
    pub(crate) done: Vec<i64>,
    /// Those that are looked at again then.
    pub(crate) again: Vec<(i64, DateTime<Utc>)>,
    /// What is told.
    pub(crate) changes: Vec<Change>,
    /// What providers call attempts.
    pub(crate) names: Vec<(Trace, Name)>,
    /// Where recordings are that nobody can be asked for.
    pub(crate) links: Vec<Spoken>,
    /// Until when that is of use.
    pub(crate) links_until: DateTime<Utc>,
    /// Who came and went, in the order of the events.
    pub(crate) movements: Vec<Movement>,
    /// Codes for people to look at.
    pub(crate) unmapped: Vec<Unmapped>,
    /// What is wrong with connections, and whether it still is.
    pub(crate) problems: Vec<(String, &'static str, bool, DateTime<Utc>)>,
    /// What befell subscriptions: of which connection, and what the provider calls it.
    pub(crate) befallen: Vec<(String, String, Need)>,
}

impl Journal {
    /// Keeps webhooks, and answers the names of those that were new.
    ///
    /// # Errors
    /// Those of the database; none is kept then.
    pub(crate) async fn keep(&self, parcels: &[Parcel]) -> Result<HashSet<String>, Error> {
        let new = self
            .database
            .write(|tx| async move {
                let leave = OnConflict::column(inbox::Column::Name).do_nothing().to_owned();
                let rows = parcels.iter().map(|parcel| inbox::ActiveModel {
                    id: NotSet,
                    connection: Set(parcel.connection.clone()),
                    company: Set(parcel.company.clone()),
                    name: Set(parcel.name.clone()),
                    received_us: Set(micros(parcel.received)),
                    body: Set(parcel.body.clone()),
                    content: Set(parcel.content.clone()),
                    waiting: Set(true),
                    due_us: Set(micros(parcel.received)),
                    tries: Set(0),
                    claimed_until: Set(None),
                    claim: Set(None),
                });
                insert_new::<inbox::Entity, _>(&tx, rows, inbox::Column::Name, &leave).await
            })
            .await?;
        if !new.is_empty() {
            self.woken.inbox.notify_one();
        }
        Ok(new)
    }

    /// When the first of the webhooks that wait and came through these connections is due.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn first_letter(
        &self,
        connections: &[&str],
    ) -> Result<Option<DateTime<Utc>>, Error> {
        let due: Option<i64> = inbox::Entity::find()
            .select_only()
            .column(inbox::Column::DueUs)
            .filter(inbox::Column::Waiting.eq(true))
            .filter(inbox::Column::Connection.is_in(connections.iter().copied()))
            .order_by_asc(inbox::Column::DueUs)
            .limit(1)
            .into_tuple()
            .one(self.database.reader())
            .await
            .map_err(storage::Error::from)?;
        Ok(due.map(instant).transpose()?)
    }

    /// Claims webhooks that are due and came through these connections, for so long.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn claim_letters(
        &self,
        connections: &[&str],
        now: DateTime<Utc>,
        lease: Duration,
        limit: u64,
        claimant: &str,
    ) -> Result<Vec<Letter>, Error> {
        use inbox::Column as C;
        let mut rows: Vec<inbox::Model> = self
            .database
            .write(|tx| async move {
                let today = micros(database_now(&tx).await?);
                let until = today.saturating_add(i64::try_from(lease.as_micros()).unwrap_or(0));
                let free =
                    Condition::any().add(C::ClaimedUntil.is_null()).add(C::ClaimedUntil.lte(today));
                let due = inbox::Entity::find()
                    .filter(C::Waiting.eq(true))
                    .filter(C::Connection.is_in(connections.iter().copied()))
                    .filter(C::DueUs.lte(micros(now)))
                    .filter(free)
                    .order_by_asc(C::DueUs)
                    .order_by_asc(C::Id);
                let change = [
                    (C::ClaimedUntil, Expr::value(until)),
                    (C::Claim, Expr::value(claimant)),
                    (C::Tries, Expr::col((inbox::Entity, C::Tries)).add(1)),
                ];
                claim(&tx, due, limit, change).await
            })
            .await?;
        rows.sort_by_key(|row| row.id);
        let letter = |row: inbox::Model| {
            Ok(Letter {
                id: row.id,
                connection: row.connection,
                body: row.body,
                content: row.content,
                received: instant(row.received_us)?,
                tries: u32::try_from(row.tries.saturating_sub(1)).unwrap_or_default(),
            })
        };
        Ok(rows.into_iter().map(letter).collect::<Result<_, storage::Error>>()?)
    }

    /// Notes what has come of webhooks, all at once. Those whose claim is somebody else's by now are left to them; what was
    /// told of them is told by either, once.
    ///
    /// # Errors
    /// Those of the database; nothing is noted then.
    pub(crate) async fn settle(&self, settled: &Settled, claimant: &str) -> Result<usize, Error> {
        use inbox::Column as C;
        let told = self
            .database
            .write(|tx| async move {
                for ids in chunks(&settled.done) {
                    inbox::Entity::update_many()
                        .col_expr(C::Waiting, Expr::value(false))
                        .col_expr(C::Body, Expr::value(Vec::<u8>::new()))
                        .col_expr(C::Content, Expr::value(None::<Vec<u8>>))
                        .col_expr(C::ClaimedUntil, Expr::value(None::<i64>))
                        .col_expr(C::Claim, Expr::value(None::<String>))
                        .filter(C::Id.is_in(ids.iter().copied()))
                        .filter(C::Claim.eq(claimant))
                        .exec(&tx)
                        .await?;
                }
                // Those that were looked at equally often are due together.
                let mut again: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
                for (id, at) in &settled.again {
                    again.entry(micros(*at)).or_default().push(*id);
                }
                for (at, ids) in again {
                    inbox::Entity::update_many()
                        .col_expr(C::DueUs, Expr::value(at))
                        .col_expr(C::ClaimedUntil, Expr::value(None::<i64>))
                        .col_expr(C::Claim, Expr::value(None::<String>))
                        .filter(C::Id.is_in(ids))
                        .filter(C::Claim.eq(claimant))
                        .exec(&tx)
                        .await?;
                }
                let mut seen = HashSet::new();
                let names = settled.names.iter().filter(|one| seen.insert(*one));
                let rows = names.map(|(trace, one)| name::ActiveModel {
                    attempt: Set(trace.id.clone()),
                    kind: Set(one.kind as i16),
                    value: Set(one.value.clone()),
                    name: Set(key::name(&trace.attempt.company, one.kind.as_str(), &one.value)),
                });
                let columns = [name::Column::Attempt, name::Column::Kind, name::Column::Value];
                let leave = OnConflict::columns(columns).do_nothing().to_owned();
                insert_many(&tx, rows.collect::<Vec<_>>(), Some(leave)).await?;
                for spoken in &settled.links {
                    links::note_link(&tx, spoken, settled.links_until).await?;
                }
                let mut seen = HashSet::new();
                let codes = settled.unmapped.iter().map(|one| (code(one), one));
                let rows = codes.filter(|(id, _)| seen.insert(id.clone())).map(|(id, one)| {
                    evidence::ActiveModel {
                        id: Set(id),
                        company: Set(one.company.clone()),
                        provider: Set(one.provider.to_owned()),
                        kind: Set(one.kind.to_owned()),
                        code: Set(one.code.clone()),
                        text: Set(one.text.clone()),
                        observed_us: Set(micros(one.at)),
                    }
                });
                let leave = OnConflict::column(evidence::Column::Id).do_nothing().to_owned();
                insert_many(&tx, rows.collect::<Vec<_>>(), Some(leave)).await?;
                // In the order in which it happened, whatever came first.
                let mut problems: Vec<_> = settled.problems.iter().collect();
                problems.sort_by_key(|(.., at)| *at);
                for (connection, code, is_wrong, at) in problems {
                    note(&tx, connection, code, *is_wrong, *at).await?;
                }
                befell(&tx, &settled.befallen).await?;
                let mut changes = settled.changes.clone();
                changes.extend(move_all(&tx, &settled.movements).await?);
                log::append(&tx, &changes).await
            })
            .await?;
        if told > 0 {
            self.wake();
        }
        if !settled.befallen.is_empty() {
            self.woken.subscriptions.notify_one();
        }
        Ok(told)
    }

    /// Has a webhook looked at again then; never, where it is to be kept as it came for people to look at.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn put_off(
        &self,
        letter: i64,
        at: Option<DateTime<Utc>>,
        claim: &str,
    ) -> Result<(), Error> {
        use inbox::Column as C;
        self.database
            .write(|tx| async move {
                let mut change = inbox::Entity::update_many()
                    .col_expr(C::Waiting, Expr::value(at.is_some()))
                    .col_expr(C::ClaimedUntil, Expr::value(None::<i64>))
                    .col_expr(C::Claim, Expr::value(None::<String>))
                    .filter(C::Id.eq(letter))
                    .filter(C::Claim.eq(claim));
                if let Some(at) = at {
                    change = change.col_expr(C::DueUs, Expr::value(micros(at)));
                }
                change.exec(&tx).await?;
                Ok::<_, storage::Error>(())
            })
            .await?;
        Ok(())
    }

    /// How many webhooks wait that came through other connections than these.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn foreign_letters(&self, connections: &[&str]) -> Result<u64, Error> {
        use inbox::Column as C;
        let waiting = inbox::Entity::find()
            .filter(C::Waiting.eq(true))
            .filter(C::Connection.is_not_in(connections.iter().copied()))
            .count(self.database.reader())
            .await
            .map_err(storage::Error::from)?;
        Ok(waiting)
    }

    /// Forgets webhooks that came before an instant and were worked on, or that none of these connections brought: nobody has
    /// come to know theirs in all that time. Answers how many; there may be more.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn forget_letters(
        &self,
        before: DateTime<Utc>,
        connections: &[&str],
    ) -> Result<u64, Error> {
        use inbox::Column as C;
        let forgotten = self
            .database
            .write(|tx| async move {
                let old: Vec<i64> = inbox::Entity::find()
                    .select_only()
                    .column(C::Id)
                    .filter(
                        Condition::any()
                            .add(C::Waiting.eq(false))
                            .add(C::Connection.is_not_in(connections.iter().copied())),
                    )
                    .filter(C::ReceivedUs.lt(micros(before)))
                    .limit(FORGOTTEN)
                    .into_tuple()
                    .all(&tx)
                    .await?;
                if old.is_empty() {
                    return Ok(0);
                }
                let gone = inbox::Entity::delete_many().filter(C::Id.is_in(old)).exec(&tx).await?;
                Ok::<_, storage::Error>(gone.rows_affected)
            })
            .await?;
        Ok(forgotten)
    }

    /// Of a connection: when its last webhook came, how many wait, and what is wrong with it since when.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn health(&self, connection: &str) -> Result<Health, Error> {
        use inbox::Column as C;
        let reader = self.database.reader();
        let last: Option<i64> = inbox::Entity::find()
            .select_only()
            .column(C::ReceivedUs)
            .filter(C::Connection.eq(connection))
            .order_by_desc(C::ReceivedUs)
            .limit(1)
            .into_tuple()
            .one(reader)
            .await
            .map_err(storage::Error::from)?;
        let waiting: Option<i64> = inbox::Entity::find()
            .select_only()
            .column_as(C::Id.count(), "waiting")
            .filter(C::Waiting.eq(true))
            .filter(C::Connection.eq(connection))
            .into_tuple()
            .one(reader)
            .await
            .map_err(storage::Error::from)?;
        let problems = problem::Entity::find()
            .filter(problem::Column::Connection.eq(connection))
            .order_by_asc(problem::Column::Code)
            .all(reader)
            .await
            .map_err(storage::Error::from)?;
        Ok(Health {
            last_webhook: last.map(instant).transpose()?,
            waiting: super::unsigned(waiting.unwrap_or_default()),
            problems: problems
                .into_iter()
                .map(|row| Ok((row.code, instant(row.since_us)?)))
                .collect::<Result<_, storage::Error>>()?,
            last_answer: self.last_answer(connection).await?,
            subscriptions: self.subscriptions(connection).await?,
        })
    }
}

/// How a connection is, as far as it is kept.
#[derive(Debug, Clone, Default)]
pub(crate) struct Health {
    /// When its last webhook came.
    pub(crate) last_webhook: Option<DateTime<Utc>>,
    /// Webhooks that wait to be worked on.
    pub(crate) waiting: u64,
    /// What is wrong with it, and since when.
    pub(crate) problems: Vec<(String, DateTime<Utc>)>,
    /// When its provider last answered.
    pub(crate) last_answer: Option<DateTime<Utc>>,
    /// What its provider is to notify us of.
    pub(crate) subscriptions: Vec<Subscription>,
}

fn code(one: &Unmapped) -> String {
    key::code(&one.company, one.provider, one.kind, &one.code)
}

/// Notes that something is wrong with a connection, or is not any more: of two words of one instant, as some providers tell no
/// more than the second, the one that came last.
pub(super) async fn note(
    tx: &storage::Tx,
    connection: &str,
    code: &str,
    is_wrong: bool,
    at: DateTime<Utc>,
) -> Result<(), storage::Error> {
    if is_wrong {
        let row = problem::ActiveModel {
            connection: Set(connection.to_owned()),
            code: Set(code.to_owned()),
            since_us: Set(micros(at)),
        };
        let columns = [problem::Column::Connection, problem::Column::Code];
        let leave = OnConflict::columns(columns).do_nothing().to_owned();
        return insert_many(tx, [row], Some(leave)).await;
    }
    problem::Entity::delete_many()
        .filter(problem::Column::Connection.eq(connection))
        .filter(problem::Column::Code.eq(code))
        .filter(problem::Column::SinceUs.lte(micros(at)))
        .exec(tx)
        .await?;
    Ok(())
}

/// Notes who came and who went, and answers who is there now: once for each attempt. A word that is older than what is known
/// of somebody changes nothing.
async fn move_all(tx: &storage::Tx, movements: &[Movement]) -> Result<Vec<Change>, storage::Error> {
    use presence::Column as C;
    // The last word on everybody, and the last on each attempt.
    let mut people: BTreeMap<(&str, &str), (Movement, &str)> = BTreeMap::new();
    let mut attempts: BTreeMap<&str, &Movement> = BTreeMap::new();
    for movement in movements {
        let id = movement.trace.id.as_str();
        attempts.insert(id, movement);
        let address = movement.who.address.as_str();
        let Some((last, known)) = people.get_mut(&(id, movement.person.as_str())) else {
            people.insert((id, &movement.person), (movement.clone(), address));
            continue;
        };
        // Who leaves is not always named again.
        if !address.is_empty() && (known.is_empty() || movement.at >= last.at) {
            *known = address;
        }
        if movement.at >= last.at {
            *last = movement.clone();
        }
    }
    let rows = people.values().map(|(movement, address)| presence::ActiveModel {
        attempt: Set(movement.trace.id.clone()),
        person: Set(movement.person.clone()),
        address: Set((*address).to_owned()),
        is_recorder: Set(movement.who.is_recorder),
        is_host: Set(movement.who.is_host),
        same_organisation: Set(movement.who.same_organisation),
        here: Set(movement.here),
        since_us: Set(micros(movement.at)),
    });
    let newer = Expr::cust("excluded.since_us >= provider_adapters_presence.since_us");
    let replace = OnConflict::columns([C::Attempt, C::Person])
        .update_columns([C::IsRecorder, C::IsHost, C::SameOrganisation, C::Here, C::SinceUs])
        // Neither here.
        .value(
            C::Address,
            Expr::cust(
                "CASE WHEN excluded.address = '' THEN provider_adapters_presence.address ELSE excluded.address END",
            ),
        )
        .action_and_where(newer)
        .to_owned();
    insert_many(tx, rows.collect::<Vec<_>>(), Some(replace)).await?;
    let mut changes = Vec::with_capacity(attempts.len());
    for movement in attempts.into_values() {
        changes.push(roster(tx, movement).await?);
    }
    Ok(changes)
}

/// Who is there, once something has moved: of a crowd, those first of whom most follows.
async fn roster(tx: &storage::Tx, movement: &Movement) -> Result<Change, storage::Error> {
    use presence::Column as C;
    let here = presence::Entity::find()
        .filter(C::Attempt.eq(movement.trace.id.as_str()))
        .filter(C::Here.eq(true))
        .order_by_desc(C::IsRecorder)
        .order_by_desc(C::IsHost)
        .order_by_desc(C::SameOrganisation)
        .order_by_asc(C::Person)
        .limit(u64::try_from(MAX_ROSTER).unwrap_or(u64::MAX))
        .all(tx)
        .await?;
    let roster = here.into_iter().map(|row| Person {
        address: row.address,
        is_recorder: row.is_recorder,
        is_host: row.is_host,
        same_organisation: row.same_organisation,
    });
    Ok(Change::Told(News {
        attempt: movement.trace.attempt.clone(),
        word: Word::Roster,
        at: movement.at,
        sequence: 0,
        length: None,
        raw: None,
        roster: roster.collect(),
        key: format!("{}:roster", movement.key),
    }))
}
