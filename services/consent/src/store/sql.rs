//! The store in a database.

use std::collections::{BTreeSet, HashMap, HashSet};

use async_trait::async_trait;
use chrono::DateTime;
use decision::company;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, DbErr, EntityTrait as _, QueryFilter as _};
use sea_orm::{QueryOrder as _, QuerySelect as _};
use storage::{LockKey, Store as Database, StoreConfig, Tx, insert_many};

use super::{Choice, MeetingId, Store};
use crate::error::Error;
use crate::migration::Migrator;

/// The id of the one row that holds the head.
const HEAD: i64 = 1;

mod policy {
    //! Consent parts of policy versions.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "consent_policy")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) company: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) policy_version: i64,
        #[sea_orm(column_type = "Text")]
        pub(crate) body: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod choice {
    //! Choices, in the order in which they were recorded.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "consent_choice")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) sequence: i64,
        pub(crate) company: String,
        pub(crate) request_id: String,
        pub(crate) meeting: String,
        #[sea_orm(column_type = "Text")]
        pub(crate) ical_uid: String,
        pub(crate) recurrence_us: Option<i64>,
        pub(crate) refused: bool,
        pub(crate) at_us: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod head {
    //! The place of the newest choice: one row. Places are drawn from it inside the transaction that uses them, and whoever
    //! draws holds the row until all is committed: so no place becomes visible before an earlier one, and none is left out.
    //! A sequence of the database promises neither.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "consent_head")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) id: i64,
        pub(crate) sequence: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The store in a database that sea-orm speaks to.
#[derive(Debug)]
pub(crate) struct Sql {
    database: Database,
    keep_versions: u64,
    refusals: storage::Together<(String, MeetingId), ()>,
}

impl Sql {
    /// Opens the database and brings its schema up to date.
    pub(crate) async fn open(
        config: &StoreConfig,
        keep_versions: u32,
    ) -> Result<Self, storage::Error> {
        let database = storage::connect(config).await?;
        storage::migrate::<Migrator>(&database).await?;
        let reader = database.clone();
        let refusals = storage::Together::new(move |meetings: Vec<(String, MeetingId)>| {
            let reader = reader.clone();
            async move { refused_among(&reader, meetings).await }
        });
        Ok(Self { database, keep_versions: u64::from(keep_versions.max(1)), refusals })
    }
}

/// The next place in the record.
async fn draw(tx: &Tx) -> Result<i64, storage::Error> {
    let drawn = head::Entity::update_many()
        .col_expr(
            head::Column::Sequence,
            sea_orm::ExprTrait::add(Expr::col(head::Column::Sequence), 1),
        )
        .filter(head::Column::Id.eq(HEAD))
        .exec_with_returning(tx)
        .await?;
    drawn.first().map(|row| row.sequence).ok_or_else(no_head)
}

fn no_head() -> storage::Error {
    storage::Error::Corrupt(DbErr::RecordNotFound("the head of the record".to_owned()))
}

fn from_row(row: choice::Model) -> Result<(u64, Choice), storage::Error> {
    let instant = |at| {
        DateTime::from_timestamp_micros(at)
            .ok_or_else(|| storage::Error::Corrupt(DbErr::Type("no instant".to_owned())))
    };
    let choice = Choice {
        company: row.company,
        meeting: MeetingId(row.meeting),
        ical_uid: row.ical_uid,
        recurrence_id: row.recurrence_us.map(instant).transpose()?,
        refused: row.refused,
        request_id: row.request_id,
        at: instant(row.at_us)?,
    };
    Ok((unsigned(row.sequence), choice))
}

fn unsigned(sequence: i64) -> u64 {
    u64::try_from(sequence).unwrap_or_default()
}

/// Whether a text can be kept, and so be found: PostgreSQL does not even compare one with a zero byte.
fn is_text(text: &str) -> bool {
    !text.contains('\0')
}

/// The wire has been checked for versions that do not fit.
fn column(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}

fn corrupt(error: &serde_json::Error) -> storage::Error {
    storage::Error::Corrupt(DbErr::Json(error.to_string()))
}

fn read(body: &str) -> Result<company::Consent, Error> {
    serde_json::from_str(body).map_err(|error| corrupt(&error).into())
}

#[async_trait]
impl Store for Sql {
    async fn keep_part(
        &self,
        company: &str,
        version: u64,
        part: &company::Consent,
    ) -> Result<(), Error> {
        let body = serde_json::to_string(part).map_err(|error| corrupt(&error))?;
        let body = &body;
        let column = column(version);
        self.database
            .write(|tx| async move {
                // One at a time: whoever comes second finds what the first one kept.
                tx.lock(&[LockKey::of("consent.policy", &[company])]).await?;
                let key = (company.to_owned(), column);
                if let Some(kept) = policy::Entity::find_by_id(key.clone())
                    .one(&tx)
                    .await
                    .map_err(storage::Error::from)?
                {
                    // Compared by meaning: a newer version of the program may write the same differently.
                    return if read(&kept.body)? == *part {
                        Ok(())
                    } else {
                        Err(Error::VersionTaken { company: key.0, version })
                    };
                }
                let row = policy::ActiveModel {
                    company: Set(key.0),
                    policy_version: Set(column),
                    body: Set(body.clone()),
                };
                insert_many(&tx, [row], None).await?;
                let oldest_kept: Option<i64> = policy::Entity::find()
                    .select_only()
                    .column(policy::Column::PolicyVersion)
                    .filter(policy::Column::Company.eq(company))
                    .order_by_desc(policy::Column::PolicyVersion)
                    .offset(self.keep_versions - 1)
                    .limit(1)
                    .into_tuple()
                    .one(&tx)
                    .await
                    .map_err(storage::Error::from)?;
                if let Some(oldest) = oldest_kept {
                    policy::Entity::delete_many()
                        .filter(policy::Column::Company.eq(company))
                        .filter(policy::Column::PolicyVersion.lt(oldest))
                        // Whoever applies an old version is about to ask for it.
                        .filter(policy::Column::PolicyVersion.ne(column))
                        .exec(&tx)
                        .await
                        .map_err(storage::Error::from)?;
                }
                Ok(())
            })
            .await
    }

    async fn part(&self, company: &str, version: u64) -> Result<Option<company::Consent>, Error> {
        // Nothing beyond the column's range has ever been applied.
        let Ok(column) = i64::try_from(version) else { return Ok(None) };
        if !is_text(company) {
            return Ok(None);
        }
        let found = policy::Entity::find_by_id((company.to_owned(), column))
            .one(self.database.reader())
            .await
            .map_err(storage::Error::from)?;
        found.map(|row| read(&row.body)).transpose()
    }

    async fn newest_part(&self, company: &str) -> Result<Option<(u64, company::Consent)>, Error> {
        if !is_text(company) {
            return Ok(None);
        }
        let found = policy::Entity::find()
            .filter(policy::Column::Company.eq(company))
            .order_by_desc(policy::Column::PolicyVersion)
            .limit(1)
            .one(self.database.reader())
            .await
            .map_err(storage::Error::from)?;
        found.map(|row| Ok((unsigned(row.policy_version), read(&row.body)?))).transpose()
    }

    async fn add_choice(&self, choice: &Choice) -> Result<u64, Error> {
        let sequence = self
            .database
            .write(|tx| async move {
                // The same request may come to several replicas at once.
                let request = [choice.company.as_str(), choice.request_id.as_str()];
                tx.lock(&[LockKey::of("consent.choice", &request)]).await?;
                let before = choice::Entity::find()
                    .filter(choice::Column::Company.eq(choice.company.as_str()))
                    .filter(choice::Column::RequestId.eq(choice.request_id.as_str()))
                    .one(&tx)
                    .await
                    .map_err(storage::Error::from)?;
                if let Some(before) = before {
                    let same =
                        before.meeting == choice.meeting.0 && before.refused == choice.refused;
                    return if same { Ok(before.sequence) } else { Err(Error::AnotherChoice) };
                }
                // Last, so that others wait for no more than one insertion.
                let sequence = draw(&tx).await?;
                let row = choice::ActiveModel {
                    sequence: Set(sequence),
                    company: Set(choice.company.clone()),
                    request_id: Set(choice.request_id.clone()),
                    meeting: Set(choice.meeting.0.clone()),
                    ical_uid: Set(choice.ical_uid.clone()),
                    recurrence_us: Set(choice.recurrence_id.map(|at| at.timestamp_micros())),
                    refused: Set(choice.refused),
                    at_us: Set(choice.at.timestamp_micros()),
                };
                insert_many(&tx, [row], None).await?;
                Ok(sequence)
            })
            .await?;
        Ok(unsigned(sequence))
    }

    async fn choices(
        &self,
        company: Option<&str>,
        after: u64,
        limit: u64,
    ) -> Result<(Vec<(u64, Choice)>, u64), Error> {
        let reader = self.database.reader();
        // Read first: whatever has a place up to the head is committed by now.
        let head =
            head::Entity::find_by_id(HEAD).one(reader).await.map_err(storage::Error::from)?;
        let head = head.ok_or_else(no_head)?.sequence;
        let after_column = column(after);
        if after_column >= head {
            return Ok((Vec::new(), after));
        }
        if !company.is_none_or(is_text) {
            return Ok((Vec::new(), unsigned(head)));
        }
        let mut select = choice::Entity::find()
            .filter(choice::Column::Sequence.gt(after_column))
            .filter(choice::Column::Sequence.lte(head));
        if let Some(company) = company {
            select = select.filter(choice::Column::Company.eq(company));
        }
        let rows = select
            .order_by_asc(choice::Column::Sequence)
            .limit(limit)
            .all(reader)
            .await
            .map_err(storage::Error::from)?;
        let full = u64::try_from(rows.len()).is_ok_and(|read| read >= limit);
        let reached = rows.last().filter(|_| full).map_or(head, |row| row.sequence);
        let choices = rows.into_iter().map(from_row).collect::<Result<_, _>>()?;
        Ok((choices, unsigned(reached)))
    }

    async fn refused(
        &self,
        company: &str,
        meetings: HashSet<MeetingId>,
    ) -> Result<HashSet<MeetingId>, Error> {
        if meetings.is_empty() {
            return Ok(HashSet::new());
        }
        // Asked with every batch that is judged: those who ask at once share a query, which begins
        // after they asked, so that a refusal recorded before is seen.
        let asked: Vec<_> = meetings.into_iter().map(|one| (company.to_owned(), one)).collect();
        let refused = self.refusals.get(asked).await?;
        Ok(refused.keys().filter(|(of, _)| of == company).map(|(_, one)| one.clone()).collect())
    }
}

/// Those among meetings of companies that somebody refused to have recorded.
async fn refused_among(
    database: &Database,
    meetings: Vec<(String, MeetingId)>,
) -> Result<HashMap<(String, MeetingId), ()>, storage::Error> {
    let companies: BTreeSet<String> = meetings.iter().map(|(company, _)| company.clone()).collect();
    let mut list: Vec<String> = meetings.into_iter().map(|(_, meeting)| meeting.0).collect();
    list.sort_unstable();
    list.dedup();
    let Some(last) = list.last().cloned() else { return Ok(HashMap::new()) };
    // Lists of a few lengths only, so that prepared statements are found again.
    list.resize(list.len().next_power_of_two(), last);
    let found: Vec<(String, String)> = choice::Entity::find()
        .select_only()
        .columns([choice::Column::Company, choice::Column::Meeting])
        // The index begins with the company; a meeting is asked about in one, or in few.
        .filter(choice::Column::Company.is_in(companies))
        .filter(choice::Column::Refused.eq(true))
        .filter(choice::Column::Meeting.is_in(list))
        .distinct()
        .into_tuple()
        .all(database.reader())
        .await?;
    Ok(found.into_iter().map(|(company, meeting)| ((company, MeetingId(meeting)), ())).collect())
}
