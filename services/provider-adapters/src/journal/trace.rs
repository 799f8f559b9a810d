//! Which attempts something at a provider may be about.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use proto::provider::v1;
use sea_orm::DbErr;
use storage::find_in;

use super::entity::{attempt, name};
use super::row::order;
use super::{Journal, State, corrupt, instant, unsigned};
use crate::attempts::Attempt;
use crate::error::Error;

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

impl Journal {
    /// Looks attempts up by references, names and places.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn trace(
        &self,
        references: &[String],
        names: &[String],
        places: &[String],
    ) -> Result<Traces, Error> {
        let reader = self.database.reader();
        let named = find_in::<name::Entity, _>(reader, name::Column::Name, names).await?;
        let ids = references.iter().chain(named.iter().map(|row| &row.attempt));
        let mut ids: Vec<&String> = ids.collect();
        ids.sort_unstable();
        ids.dedup();
        let found = find_in::<attempt::Entity, _>(reader, attempt::Column::Id, ids).await?;
        let placed = find_in::<attempt::Entity, _>(reader, attempt::Column::Place, places).await?;
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
}

fn trace(row: &attempt::Model) -> Result<Trace, storage::Error> {
    let run = u32::try_from(row.run).map_err(|_| corrupt("no attempt"))?;
    let at = |micros: Option<i64>| micros.map(instant).transpose();
    let state = State::of(row.state);
    let state = state.ok_or_else(|| storage::Error::Corrupt(DbErr::Type("no state".to_owned())))?;
    Ok(Trace {
        id: row.id.clone(),
        attempt: Attempt {
            company: row.company.clone(),
            call_id: row.call_id.clone(),
            plan_revision: unsigned(row.plan_revision),
            run,
        },
        method: order(row)?.method,
        start: at(row.start_us)?,
        end: at(row.end_us)?,
        stopped: at(row.stopped_us)?,
        is_withdrawn: state == State::Withdrawn,
    })
}
