//! Sessions as they are read.

use chrono::{DateTime, Utc};
use decision::session::Stage;
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};
use storage::chunks;

use super::Running;
use crate::error::Error;
use crate::store::Calls;
use crate::store::entity::{call, session};
use crate::store::row::{corrupt, instant, unsigned};

impl TryFrom<session::Model> for Running {
    type Error = Error;

    fn try_from(row: session::Model) -> Result<Self, Error> {
        let stage = Stage::ALL.iter().find(|stage| stage.as_str() == row.stage);
        Ok(Self {
            machine: serde_json::from_str(&row.machine).map_err(corrupt)?,
            provider: proto::verdict::provider("provider", row.provider)?,
            plan_revision: unsigned(row.plan_revision),
            holds: unsigned(row.holds),
            began_at: instant(row.began_at),
            stage: stage.map_or("", |stage| stage.as_str()),
            orders: unsigned(row.orders),
            armed: row.next_due,
            rearm: false,
            told: row.told,
            requested: row.requested,
            company: row.company,
            call_id: row.call_id,
            fresh: Vec::new(),
            concluded: false,
            changed: false,
        })
    }
}

/// All sessions of calls, locked until the transaction ends.
pub(in crate::store) async fn locked<C: ConnectionTrait>(
    connection: &C,
    company: &str,
    ids: &[&str],
) -> Result<Vec<Running>, Error> {
    found(connection, company, ids, true).await
}

/// All sessions of calls.
pub(in crate::store) async fn sessions_of<C: ConnectionTrait>(
    connection: &C,
    company: &str,
    ids: &[&str],
) -> Result<Vec<Running>, Error> {
    found(connection, company, ids, false).await
}

async fn found<C: ConnectionTrait>(
    connection: &C,
    company: &str,
    ids: &[&str],
    lock: bool,
) -> Result<Vec<Running>, Error> {
    let mut found = Vec::with_capacity(ids.len());
    for part in chunks(ids) {
        let mut sessions = session::Entity::find()
            .filter(session::Column::Company.eq(company))
            .filter(session::Column::CallId.is_in(part.iter().copied()))
            .order_by_asc(session::Column::CallId)
            .order_by_asc(session::Column::PlanRevision);
        if lock {
            sessions = sessions.lock_exclusive();
        }
        let rows = sessions.all(connection).await.map_err(storage::Error::from)?;
        found.extend(rows.into_iter().filter_map(readable));
    }
    Ok(found)
}

/// What can be read: one that cannot, perhaps of a newer version beside this one, must not hold up the others.
fn readable(row: session::Model) -> Option<Running> {
    let (company, call_id) = (row.company.clone(), row.call_id.clone());
    match Running::try_from(row) {
        Ok(running) => Some(running),
        Err(error) => {
            tracing::error!(
                company,
                call_id,
                error = chassis::chain(&error),
                "a session is left out"
            );
            None
        }
    }
}

/// The newest session of each of these calls, where it is not over.
pub(in crate::store) async fn newest_live<C: ConnectionTrait>(
    connection: &C,
    company: &str,
    ids: &[&str],
    lock: bool,
) -> Result<Vec<Running>, Error> {
    let mut found: Vec<Running> = Vec::new();
    for part in chunks(ids) {
        let mut query = session::Entity::find()
            .filter(session::Column::Company.eq(company))
            .filter(session::Column::CallId.is_in(part.iter().copied()))
            .filter(session::Column::EndedAt.is_null())
            .order_by_asc(session::Column::CallId)
            .order_by_asc(session::Column::PlanRevision);
        if lock {
            query = query.lock_exclusive();
        }
        for row in query.all(connection).await.map_err(storage::Error::from)? {
            let Some(running) = readable(row) else { continue };
            // Of several the last one is the newest.
            found.pop_if(|before| before.call_id == running.call_id);
            found.push(running);
        }
    }
    Ok(found)
}

impl Calls {
    /// The newest session of a call.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn session(
        &self,
        company: &str,
        call_id: &str,
    ) -> Result<Option<Running>, Error> {
        let row = session::Entity::find()
            .filter(session::Column::Company.eq(company))
            .filter(session::Column::CallId.eq(call_id))
            .order_by_desc(session::Column::PlanRevision)
            .limit(1)
            .one(self.store.reader())
            .await
            .map_err(storage::Error::from)?;
        row.map(Running::try_from).transpose()
    }

    /// All sessions of a call, the oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn sessions(
        &self,
        company: &str,
        call_id: &str,
    ) -> Result<Vec<Running>, Error> {
        let rows = session::Entity::find()
            .filter(session::Column::Company.eq(company))
            .filter(session::Column::CallId.eq(call_id))
            .order_by_asc(session::Column::PlanRevision)
            .all(self.store.reader())
            .await
            .map_err(storage::Error::from)?;
        Ok(rows.into_iter().filter_map(readable).collect())
    }

    /// The newest session of each of these calls.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn newest_sessions(
        &self,
        company: &str,
        ids: &[String],
    ) -> Result<Vec<Running>, Error> {
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let mut found: Vec<Running> = Vec::new();
        for running in sessions_of(self.store.reader(), company, &ids).await? {
            // Of several the last one is the newest.
            found.pop_if(|before| before.call_id == running.call_id);
            found.push(running);
        }
        Ok(found)
    }

    /// Sessions of calls, those that are over and whose calls' decisions do not say so yet.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn untold(
        &self,
        company: &str,
        ids: &[String],
    ) -> Result<Vec<Running>, Error> {
        let mut found = Vec::new();
        for part in chunks(ids) {
            let rows = session::Entity::find()
                .filter(session::Column::Company.eq(company))
                .filter(session::Column::CallId.is_in(part.iter().map(String::as_str)))
                .filter(session::Column::EndedAt.is_not_null())
                .filter(session::Column::Told.eq(false))
                .order_by_asc(session::Column::CallId)
                .order_by_asc(session::Column::PlanRevision)
                .all(self.store.reader())
                .await
                .map_err(storage::Error::from)?;
            found.extend(rows.into_iter().filter_map(readable));
        }
        Ok(found)
    }

    /// Those of these calls that have a session which is not over.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn live(&self, company: &str, ids: &[String]) -> Result<Vec<String>, Error> {
        let mut found = Vec::new();
        for part in chunks(ids) {
            let rows: Vec<String> = session::Entity::find()
                .select_only()
                .column(session::Column::CallId)
                .filter(session::Column::Company.eq(company))
                .filter(session::Column::CallId.is_in(part.iter().map(String::as_str)))
                .filter(session::Column::EndedAt.is_null())
                .into_tuple()
                .all(self.store.reader())
                .await
                .map_err(storage::Error::from)?;
            found.extend(rows);
        }
        Ok(found)
    }

    /// How many sessions stand at each stage, of those that are not over.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn stages(&self) -> Result<Vec<(String, u64)>, Error> {
        let rows: Vec<(String, i64)> = session::Entity::find()
            .select_only()
            .column(session::Column::Stage)
            .column_as(session::Column::CallId.count(), "many")
            .filter(session::Column::EndedAt.is_null())
            .group_by(session::Column::Stage)
            .into_tuple()
            .all(self.store.reader())
            .await
            .map_err(storage::Error::from)?;
        Ok(rows.into_iter().map(|(stage, many)| (stage, unsigned(many))).collect())
    }
}

impl Calls {
    /// Calls that have not begun at a provider, of these owners or of whoever does not organize what they own; all of them
    /// where no owner is named.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn hosted(
        &self,
        company: &str,
        provider: i32,
        owners: &[String],
        now: DateTime<Utc>,
    ) -> Result<Vec<String>, Error> {
        use call::Column as C;
        let mut query = call::Entity::find()
            .select_only()
            .column(C::CallId)
            .filter(C::Company.eq(company))
            .filter(C::Start.gte(now.timestamp_micros()))
            .filter(C::Provider.eq(provider));
        if !owners.is_empty() {
            // Who hosts is known where the owner organizes; elsewhere it may be anybody.
            let owned = C::Owner.is_in(owners.iter().map(String::as_str));
            query = query.filter(Condition::any().add(owned).add(C::Organizes.eq(false)));
        }
        query
            .into_tuple()
            .all(self.store.reader())
            .await
            .map_err(|e| storage::Error::from(e).into())
    }
}

/// When a session was over.
pub(super) fn ended_at(running: &Running) -> Option<DateTime<Utc>> {
    running.machine.ended_at()
}
