//! Which attempts something at a provider may be about.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use proto::provider::v1;
use sea_orm::{
    ColumnTrait as _, Condition, DbErr, EntityTrait as _, QueryFilter as _, QuerySelect as _,
};
use storage::{chunks, find_in};

use super::entity::{attempt, name};
use super::row::order;
use super::{Journal, State, corrupt, instant, key, micros, unsigned};
use crate::attempts::Attempt;
use crate::carry::Kind;
use crate::error::Error;

/// What is planned for longer is found in its first days.
const LONGEST: TimeDelta = TimeDelta::days(14);

/// An attempt, as far as it matters to recognise it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Trace {
    /// The name of its row.
    pub(crate) id: String,
    /// Which it is.
    pub(crate) attempt: Attempt,
    /// How it is recorded.
    pub(crate) method: v1::Method,
    /// Planned start.
    pub(crate) start: Option<DateTime<Utc>>,
    /// Planned end.
    pub(crate) end: Option<DateTime<Utc>>,
    /// When it was told to stop.
    pub(crate) stopped: Option<DateTime<Utc>>,
    /// The member whose conference it is, or else whose call; empty where nobody said.
    pub(crate) member: String,
    /// Where it takes place.
    pub(crate) place: Option<String>,
    /// It was called back.
    pub(crate) is_withdrawn: bool,
}

/// Attempts by what they may be found under.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    /// By the name of their row, which providers know as our reference.
    pub(crate) by_reference: HashMap<String, Trace>,
    /// By what providers call something of theirs.
    pub(crate) by_name: HashMap<String, Vec<Trace>>,
    /// By where they take place.
    pub(crate) by_place: HashMap<String, Vec<Trace>>,
}

impl Traces {
    /// The names of the rows of all of them.
    pub(crate) fn ids(&self) -> Vec<String> {
        let several = self.by_name.values().chain(self.by_place.values()).flatten();
        let mut ids: Vec<String> =
            self.by_reference.values().chain(several).map(|trace| trace.id.clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

impl Journal {
    /// The member who organizes what a user of a provider hosted, as far as that was learnt when it was carried out.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn host(&self, company: &str, user: &str) -> Result<Option<String>, Error> {
        if user.contains('\0') {
            return Ok(None);
        }
        let reader = self.database.reader();
        let called = key::name(company, Kind::Host.as_str(), user);
        let found: Option<String> = name::Entity::find()
            .select_only()
            .column(name::Column::Attempt)
            .filter(name::Column::Name.eq(called))
            .limit(1)
            .into_tuple()
            .one(reader)
            .await
            .map_err(storage::Error::from)?;
        let Some(id) = found else { return Ok(None) };
        let row = attempt::Entity::find_by_id(id).one(reader).await;
        let row = row.map_err(storage::Error::from)?.filter(|row| !row.body.is_empty());
        let order = row.as_ref().map(order).transpose()?;
        Ok(order.map(|order| order.organizer).filter(|member| !member.is_empty()))
    }

    /// Looks attempts up by references, names, telephone calls and places. At a place, which is used again and again, only
    /// those count that may take place between two instants, or of which nobody knows when.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn trace(
        &self,
        references: &[String],
        names: &[String],
        calls: &[String],
        (places, from, to): (&[String], DateTime<Utc>, DateTime<Utc>),
    ) -> Result<Traces, Error> {
        let reader = self.database.reader();
        let named = find_in::<name::Entity, _>(reader, name::Column::Name, names).await?;
        let ids = references.iter().chain(named.iter().map(|row| &row.attempt));
        let mut ids: Vec<&String> = ids.collect();
        ids.sort_unstable();
        ids.dedup();
        let found = find_in::<attempt::Entity, _>(reader, attempt::Column::Id, ids).await?;
        let mut placed =
            find_in::<attempt::Entity, _>(reader, attempt::Column::Place, calls).await?;
        // What a conference is called was learnt from one attempt, and holds for all at that place.
        let conferences: HashSet<&String> = named
            .iter()
            .filter(|row| row.kind == Kind::Conference as i16)
            .map(|row| &row.attempt)
            .collect();
        let called = found.iter().filter(|row| conferences.contains(&row.id));
        let mut places: Vec<String> =
            places.iter().cloned().chain(called.filter_map(|row| row.place.clone())).collect();
        places.sort_unstable();
        places.dedup();
        placed.extend(self.placed(&places, from, to).await?);
        let mut traces = Traces::default();
        for row in placed {
            if let (Some(place), false) = (row.place.clone(), row.body.is_empty()) {
                traces.by_place.entry(place).or_default().push(trace(&row)?);
            }
        }
        for row in found.iter().filter(|row| !row.body.is_empty()) {
            traces.by_reference.insert(row.id.clone(), trace(row)?);
        }
        for row in named {
            if let Some(trace) = traces.by_reference.get(&row.attempt) {
                traces.by_name.entry(row.name).or_default().push(trace.clone());
            }
        }
        Ok(traces)
    }

    async fn placed(
        &self,
        places: &[String],
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<attempt::Model>, Error> {
        use attempt::Column as C;
        let from = micros(from);
        let begins = C::StartUs.gte(from - LONGEST.num_microseconds().unwrap_or(0));
        let ends = Condition::any().add(C::StartUs.gte(from)).add(C::EndUs.gte(from));
        let then = Condition::all().add(begins).add(C::StartUs.lte(micros(to))).add(ends);
        let when = Condition::any().add(C::StartUs.is_null()).add(then);
        let mut all = Vec::new();
        for places in chunks(places) {
            let select = attempt::Entity::find()
                .filter(C::Place.is_in(places.iter().map(String::as_str)))
                .filter(when.clone());
            let rows = select.all(self.database.reader()).await;
            all.extend(rows.map_err(storage::Error::from)?);
        }
        Ok(all)
    }
}

fn trace(row: &attempt::Model) -> Result<Trace, storage::Error> {
    let run = u32::try_from(row.run).map_err(|_| corrupt("no attempt"))?;
    let at = |micros: Option<i64>| micros.map(instant).transpose();
    let state = State::of(row.state);
    let state = state.ok_or_else(|| storage::Error::Corrupt(DbErr::Type("no state".to_owned())))?;
    let order = order(row)?;
    let member = if order.organizer.is_empty() { order.owner } else { order.organizer };
    Ok(Trace {
        id: row.id.clone(),
        attempt: Attempt {
            company: row.company.clone(),
            call_id: row.call_id.clone(),
            plan_revision: unsigned(row.plan_revision),
            run,
        },
        method: order.method,
        member,
        start: at(row.start_us)?,
        end: at(row.end_us)?,
        stopped: at(row.stopped_us)?,
        place: row.place.clone(),
        is_withdrawn: state == State::Withdrawn,
    })
}
