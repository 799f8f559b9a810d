//! Sessions: plans that are being carried out, each as the state of its machine, with what it asks of adapters and the timer
//! it waits for.
//!
//! Whoever changes a session holds the row of its call first, then the row of the session, both in the order of their ids.
//! The machine, its orders, its timer and, at its end, the version of its call are written in one transaction.

mod read;
mod step;
mod write;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use decision::Provider;
use decision::session::{Heard, Session, Settings};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use storage::{Lease, Tx, chunks};

use super::commit::hold;
use super::entity::{plan, session};
use super::row::number;
use super::{Asked, Calls};
use crate::error::Error;

use read::locked;
pub(super) use read::{newest_live, sessions_of};
pub(crate) use step::method_of;
pub(super) use write::{disarm, write};

/// A session, as it is kept.
#[derive(Debug, Clone)]
pub(crate) struct Running {
    /// The company.
    pub(crate) company: String,
    /// The call.
    pub(crate) call_id: String,
    /// Revision of the plan, under which adapters know it.
    pub(crate) plan_revision: u64,
    /// Revision of the decision that it carries out: a later one than that of the plan, where a new decision changed nothing
    /// that matters to it.
    pub(crate) holds: u64,
    /// The provider of the conference; none for telephone calls and uploads.
    pub(crate) provider: Option<Provider>,
    /// Its machine.
    pub(crate) machine: Session,
    /// Somebody asked for the recording, and may (DOMAIN 4).
    pub(crate) requested: bool,
    /// When its plan was handed over.
    pub(crate) began_at: DateTime<Utc>,
    /// What came of it stands in the decision of the call.
    pub(crate) told: bool,
    /// Where it stands, as it was read or stepped last.
    stage: &'static str,
    /// Instructions it has given, for their numbers.
    orders: u64,
    /// The timer that is armed in the store, in microseconds.
    armed: Option<i64>,
    /// That timer is written anew, whatever is armed.
    rearm: bool,
    /// Orders that are not in the store yet.
    fresh: Vec<step::Fresh>,
    /// It came to an end, or to another one, since it was read.
    concluded: bool,
    /// It is not as it was read.
    changed: bool,
}

/// What is told of a session.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    /// The company.
    pub(crate) company: String,
    /// The call.
    pub(crate) call_id: String,
    /// Revision of the plan.
    pub(crate) plan_revision: u64,
    /// What is told.
    pub(crate) heard: Vec<Heard>,
    /// The same where somebody asked for the recording, if that makes a difference.
    pub(crate) if_requested: Option<Vec<Heard>>,
}

/// The settings by which the sessions of companies run.
pub(crate) type SettingsOf = HashMap<String, Arc<Settings>>;

/// What came of changing sessions.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Stepped {
    /// Calls whose session has come to an end, or to another one, by company: their decisions are to say so.
    pub(crate) concluded: BTreeMap<String, Vec<String>>,
    /// Signals that were told to a session.
    pub(crate) heard: usize,
    /// Signals about sessions that nobody knows.
    pub(crate) unknown: usize,
    /// There are new orders.
    pub(crate) orders: bool,
}

impl Stepped {
    fn take(&mut self, running: &[Running]) {
        for one in running {
            self.orders |= one.has_orders();
            if one.concluded {
                let calls = self.concluded.entry(one.company.clone()).or_default();
                calls.push(one.call_id.clone());
            }
        }
    }
}

impl Calls {
    /// Hands plans over: each is noted as such, and the session that carries it out begins, if the very revision of the plan
    /// holds and had not been handed over before. Answers the calls of which that is so.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn release(
        &self,
        company: &str,
        sessions: &[Running],
        at: DateTime<Utc>,
    ) -> Result<Vec<String>, Error> {
        let mut ids: Vec<&str> = sessions.iter().map(|one| one.call_id.as_str()).collect();
        ids.sort_unstable();
        let mut by_revision: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
        for one in sessions {
            by_revision.entry(one.plan_revision).or_default().push(&one.call_id);
        }
        let (ids, by_revision) = (&ids, &by_revision);
        self.store
            .write(|tx| async move {
                // Whoever is deciding one of the calls, and may find that its plan was handed over or was not, is done
                // before or comes after.
                for part in chunks(ids) {
                    hold(&tx, company, part).await?;
                }
                let mut released = Vec::new();
                for (revision, ids) in by_revision {
                    for part in chunks(ids) {
                        let rows = plan::Entity::update_many()
                            .col_expr(plan::Column::ReleasedAt, Expr::value(at.timestamp_micros()))
                            .filter(plan::Column::Company.eq(company))
                            .filter(plan::Column::CallId.is_in(part.iter().copied()))
                            .filter(plan::Column::Revision.eq(number(*revision)))
                            .filter(plan::Column::ReleasedAt.is_null())
                            .exec_with_returning(&tx)
                            .await
                            .map_err(storage::Error::from)?;
                        released.extend(rows.into_iter().map(|row| (row.call_id, *revision)));
                    }
                }
                let is_released = |one: &&Running| {
                    released.iter().any(|(id, at)| *id == one.call_id && *at == one.plan_revision)
                };
                let begun: Vec<Running> = sessions.iter().filter(is_released).cloned().collect();
                write(&tx, &begun, at).await?;
                Ok(released.into_iter().map(|(id, _)| id).collect())
            })
            .await
    }

    /// Lets time pass for sessions of a company, each a call and the revision of its plan.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn wake(
        &self,
        company: &str,
        sessions: &[(&str, u64)],
        settings: &Settings,
        now: DateTime<Utc>,
    ) -> Result<Stepped, Error> {
        let mut ids: Vec<&str> = sessions.iter().map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids.dedup();
        let ids = &ids;
        self.store
            .write(|tx| async move {
                let mut running = take(&tx, company, ids).await?;
                running.retain(|one| sessions.contains(&(one.call_id.as_str(), one.plan_revision)));
                for one in &mut running {
                    one.step(settings, |machine| machine.wake(settings, now));
                    // The timer that led here is replaced, whatever came of it.
                    one.rearm();
                }
                write(&tx, &running, now).await?;
                let mut stepped = Stepped::default();
                stepped.take(&running);
                // What ended before and is not in its decision yet.
                for one in running.iter().filter(|one| !one.concluded && one.is_untold()) {
                    let calls = stepped.concluded.entry(one.company.clone()).or_default();
                    calls.push(one.call_id.clone());
                }
                Ok(stepped)
            })
            .await
    }

    /// Tells sessions what was told of them, in that order. With `followed`, notes how far a log has been followed, for
    /// whoever holds the lease.
    ///
    /// # Errors
    /// The lease is lost; those of the database.
    pub(crate) async fn hear(
        &self,
        told: &[Told],
        settings: &SettingsOf,
        followed: Option<(&Lease, &str, u64)>,
        now: DateTime<Utc>,
    ) -> Result<Stepped, Error> {
        let mut by_company: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for one in told {
            by_company.entry(&one.company).or_default().push(&one.call_id);
        }
        for ids in by_company.values_mut() {
            ids.sort_unstable();
            ids.dedup();
        }
        let by_company = &by_company;
        let default = &Settings::default();
        self.store
            .write(|tx| async move {
                let mut running: Vec<Running> = Vec::new();
                for (company, ids) in by_company {
                    running.extend(take(&tx, company, ids).await?);
                }
                let mut places: HashMap<(String, String, u64), usize> =
                    HashMap::with_capacity(running.len());
                for (place, one) in running.iter().enumerate() {
                    let key = (one.company.clone(), one.call_id.clone(), one.plan_revision);
                    places.insert(key, place);
                }
                let mut stepped = Stepped::default();
                for one in told {
                    let key = (one.company.clone(), one.call_id.clone(), one.plan_revision);
                    let found = places.get(&key).and_then(|place| running.get_mut(*place));
                    let Some(session) = found else {
                        stepped.unknown += one.heard.len();
                        continue;
                    };
                    let settings = settings.get(&one.company).map_or(default, |found| &**found);
                    let of_requested = one.if_requested.as_ref().filter(|_| session.requested);
                    for heard in of_requested.unwrap_or(&one.heard) {
                        session.step(settings, |machine| machine.hear(settings, heard, now));
                        stepped.heard += 1;
                    }
                }
                running.retain(|one| one.changed);
                write(&tx, &running, now).await?;
                if let Some((lease, name, position)) = followed {
                    super::went_on(&tx, name, position).await?;
                    // Last, so that others who follow something wait as shortly as can be.
                    lease.guard(&tx).await?;
                }
                stepped.take(&running);
                Ok(stepped)
            })
            .await
    }

    /// Tells sessions of a call of a person's act, and notes with it what they asked of the call.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn act(
        &self,
        told: &[Told],
        asked: Option<&Asked>,
        settings: &Settings,
        now: DateTime<Utc>,
    ) -> Result<Stepped, Error> {
        let Some(first) = told.first() else { return Ok(Stepped::default()) };
        let (company, call_id) = (first.company.as_str(), first.call_id.as_str());
        self.store
            .write(|tx| async move {
                let mut stepped = Stepped::default();
                let mut running = take(&tx, company, &[call_id]).await?;
                let of = |one: &Running| {
                    told.iter().find(|told| told.plan_revision == one.plan_revision)
                };
                running.retain(|one| of(one).is_some());
                for session in &mut running {
                    for heard in of(session).into_iter().flat_map(|told| &told.heard) {
                        session.step(settings, |machine| machine.hear(settings, heard, now));
                        stepped.heard += 1;
                    }
                }
                write(&tx, &running, now).await?;
                if let Some(asked) = asked {
                    super::note(&tx, company, asked, now).await?;
                }
                stepped.take(&running);
                Ok(stepped)
            })
            .await
    }

    /// Notes that nothing of what came of sessions is to stand in the decisions of their calls, unless something else has come
    /// of them since they were read.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn leave_untold(&self, sessions: &[Running]) -> Result<(), Error> {
        if sessions.is_empty() {
            return Ok(());
        }
        self.store
            .write(|tx| async move {
                for one in sessions {
                    hold(&tx, &one.company, &[one.call_id.as_str()]).await?;
                    let machine = write::text(one)?;
                    let done = session::Entity::update_many()
                        .col_expr(session::Column::Told, Expr::value(true))
                        .col_expr(session::Column::NextDue, Expr::value(None::<i64>))
                        .filter(session::Column::Company.eq(one.company.as_str()))
                        .filter(session::Column::CallId.eq(one.call_id.as_str()))
                        .filter(session::Column::PlanRevision.eq(number(one.plan_revision)))
                        .filter(session::Column::Machine.eq(machine))
                        .exec(&tx)
                        .await
                        .map_err(storage::Error::from)?;
                    if done.rows_affected > 0 {
                        let of = BTreeMap::from([(one.plan_revision, vec![one.call_id.as_str()])]);
                        disarm(&tx, &one.company, &of).await?;
                    }
                }
                Ok(())
            })
            .await
    }
}

/// Locks calls and then their sessions, and reads these.
async fn take(tx: &Tx, company: &str, ids: &[&str]) -> Result<Vec<Running>, Error> {
    for part in chunks(ids) {
        hold(tx, company, part).await?;
    }
    locked(tx, company, ids).await
}
