//! Versions and claims in a database.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::DateTime;
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};
use storage::{Error, LockKey};

use super::{Applied, Draft, Stamp, Store, Version};

mod version {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "eligibility_version")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) position: i64,
        pub(super) company: String,
        pub(super) version: i64,
        #[sea_orm(column_type = "Text")]
        pub(super) document: String,
        pub(super) digest: String,
        pub(super) applied_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod claim {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "eligibility_claim")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) name: String,
        pub(super) company: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Position, company, version, digest and time of a row.
type Row = (i64, String, i64, String, i64);

/// A database of versions and claims.
#[derive(Debug)]
pub(crate) struct SqlStore {
    database: storage::Store,
    newest: storage::Together<String, u64>,
}

impl SqlStore {
    /// A store in a database that has been migrated.
    pub(crate) fn new(database: storage::Store) -> Self {
        let reader = database.reader().clone();
        let newest = storage::Together::new(move |companies: Vec<String>| {
            let reader = reader.clone();
            async move { newest_of(&reader, companies).await }
        });
        Self { database, newest }
    }
}

#[async_trait::async_trait]
impl Store for SqlStore {
    async fn newest(&self, company: &str) -> Result<Option<u64>, Error> {
        if !can_be_stored(company) {
            return Ok(None);
        }
        // Asked with every batch that is judged: those who ask at once share a query.
        Ok(self.newest.get(vec![company.to_owned()]).await?.get(company).copied())
    }

    async fn version(&self, company: &str, version: u64) -> Result<Option<Version>, Error> {
        if !can_be_stored(company) {
            return Ok(None);
        }
        let mut query =
            version::Entity::find().filter(version::Column::Company.eq(company.to_owned()));
        if version > 0 {
            let Ok(version) = i64::try_from(version) else { return Ok(None) };
            query = query.filter(version::Column::Version.eq(version));
        }
        let row = query
            .order_by_desc(version::Column::Version)
            .limit(1)
            .one(self.database.reader())
            .await?;
        row.map(|row| {
            let stamp =
                stamp((row.position, row.company, row.version, row.digest, row.applied_at))?;
            Ok(Version { stamp, document: row.document })
        })
        .transpose()
    }

    async fn versions(&self, company: &str, below: u64, limit: u64) -> Result<Vec<Stamp>, Error> {
        if !can_be_stored(company) {
            return Ok(Vec::new());
        }
        stamps()
            .filter(version::Column::Company.eq(company.to_owned()))
            .filter(version::Column::Version.lt(signed(below)))
            .order_by_desc(version::Column::Version)
            .limit(limit)
            .into_tuple::<Row>()
            .all(self.database.reader())
            .await?
            .into_iter()
            .map(stamp)
            .collect()
    }

    async fn log(
        &self,
        company: Option<&str>,
        after: u64,
        limit: u64,
    ) -> Result<Vec<Stamp>, Error> {
        let mut query = stamps().filter(version::Column::Position.gt(signed(after)));
        if let Some(company) = company {
            if !can_be_stored(company) {
                return Ok(Vec::new());
            }
            query = query.filter(version::Column::Company.eq(company.to_owned()));
        }
        query
            .order_by_asc(version::Column::Position)
            .limit(limit)
            .into_tuple::<Row>()
            .all(self.database.reader())
            .await?
            .into_iter()
            .map(stamp)
            .collect()
    }

    async fn owners(&self, names: &[String]) -> Result<Vec<(String, String)>, Error> {
        owners(self.database.reader(), names.iter().cloned()).await
    }

    async fn try_out(&self, draft: &Draft) -> Result<Applied, Error> {
        judge(self.database.reader(), draft, None).await
    }

    async fn apply(&self, draft: &Draft, base: Option<u64>) -> Result<Applied, Error> {
        // What is applied again and again by a machine keeps nobody waiting.
        if let Ok(applied @ Applied::Unchanged(_)) =
            judge_alone(self.database.reader(), draft, base).await?
        {
            return Ok(applied);
        }
        self.database
            .write(|tx| async move {
                // Whose a name is may depend on claims that are no rows yet, and positions follow each other in the order of
                // commits: so all that change anything do it one after the other.
                tx.lock(&[LockKey::of("eligibility.log", &[])]).await?;
                let applied = judge(&tx, draft, base).await?;
                if let Applied::New(version) = applied {
                    insert(&tx, draft, version).await?;
                }
                Ok::<_, Error>(applied)
            })
            .await
    }
}

/// What comes of a draft as far as its own company decides it, else the number it would get.
async fn judge_alone<C: ConnectionTrait>(
    connection: &C,
    draft: &Draft,
    base: Option<u64>,
) -> Result<Result<Applied, u64>, Error> {
    let found = newest(connection, &draft.company).await?;
    let number = found.as_ref().map_or(0, |(version, _)| *version);
    Ok(if base.is_some_and(|base| base != number) {
        Ok(Applied::Stale(number))
    } else if found.is_some_and(|(_, digest)| digest == draft.digest) {
        Ok(Applied::Unchanged(number))
    } else {
        Err(number + 1)
    })
}

async fn judge<C: ConnectionTrait>(
    connection: &C,
    draft: &Draft,
    base: Option<u64>,
) -> Result<Applied, Error> {
    let next = match judge_alone(connection, draft, base).await? {
        Ok(applied) => return Ok(applied),
        Err(next) => next,
    };
    let names = draft.claims.iter().flat_map(|claim| claim.names().map(str::to_owned));
    let owners: HashMap<String, String> = owners(connection, names).await?.into_iter().collect();
    Ok(match crate::claims::taken(&draft.company, &draft.claims, &owners) {
        Some(claim) => Applied::Taken(claim.clone()),
        None => Applied::New(next),
    })
}

async fn insert<C: ConnectionTrait>(
    connection: &C,
    draft: &Draft,
    version: u64,
) -> Result<(), Error> {
    // Nobody else gives positions until this is committed, so that no reader of the log can pass one that comes later.
    let last: Option<i64> = version::Entity::find()
        .select_only()
        .column(version::Column::Position)
        .order_by_desc(version::Column::Position)
        .limit(1)
        .into_tuple()
        .one(connection)
        .await?;
    let row = version::ActiveModel {
        position: Set(last.unwrap_or(0) + 1),
        company: Set(draft.company.clone()),
        version: Set(signed(version)),
        document: Set(draft.document.clone()),
        digest: Set(draft.digest.clone()),
        applied_at: Set(draft.applied_at.timestamp_micros()),
    };
    storage::insert_many(connection, [row], None).await?;
    claim(connection, draft).await
}

/// Gives up what the version before claimed and this one does not, and takes what is new.
async fn claim<C: ConnectionTrait>(connection: &C, draft: &Draft) -> Result<(), Error> {
    let rows = claim::Entity::find()
        .filter(claim::Column::Company.eq(draft.company.clone()))
        .all(connection)
        .await?;
    let before: HashSet<String> = rows.into_iter().map(|row| row.name).collect();
    let now: HashSet<&str> = draft.claims.iter().map(|claim| claim.name.as_str()).collect();
    let mut given_up: Vec<&String> =
        before.iter().filter(|name| !now.contains(name.as_str())).collect();
    given_up.sort_unstable();
    for names in storage::chunks(&given_up) {
        claim::Entity::delete_many()
            .filter(claim::Column::Name.is_in(names.iter().map(|name| name.as_str())))
            .exec(connection)
            .await?;
    }
    let new = draft.claims.iter().filter(|claim| !before.contains(&claim.name));
    let rows = new.map(|claim| claim::ActiveModel {
        name: Set(claim.name.clone()),
        company: Set(draft.company.clone()),
    });
    storage::insert_many(connection, rows, None).await
}

/// Whether a text can be in a column at all: names come from requests, and PostgreSQL does not even look for those with a
/// zero byte.
fn can_be_stored(text: &str) -> bool {
    !text.contains('\0')
}

/// The newest versions of companies that have one.
async fn newest_of<C: ConnectionTrait>(
    connection: &C,
    mut companies: Vec<String>,
) -> Result<HashMap<String, u64>, Error> {
    companies.sort_unstable();
    companies.dedup();
    let mut found = HashMap::new();
    for companies in storage::chunks(&companies) {
        let rows: Vec<(String, i64)> = version::Entity::find()
            .select_only()
            .column(version::Column::Company)
            .column_as(version::Column::Version.max(), "newest")
            .filter(version::Column::Company.is_in(companies.iter().cloned()))
            .group_by(version::Column::Company)
            .into_tuple()
            .all(connection)
            .await?;
        for (company, version) in rows {
            found.insert(company, unsigned(version)?);
        }
    }
    Ok(found)
}

async fn newest<C: ConnectionTrait>(
    connection: &C,
    company: &str,
) -> Result<Option<(u64, String)>, Error> {
    let row: Option<(i64, String)> = version::Entity::find()
        .select_only()
        .columns([version::Column::Version, version::Column::Digest])
        .filter(version::Column::Company.eq(company.to_owned()))
        .order_by_desc(version::Column::Version)
        .limit(1)
        .into_tuple()
        .one(connection)
        .await?;
    row.map(|(version, digest)| Ok((unsigned(version)?, digest))).transpose()
}

async fn owners<C: ConnectionTrait>(
    connection: &C,
    names: impl Iterator<Item = String>,
) -> Result<Vec<(String, String)>, Error> {
    let names: BTreeSet<String> = names.filter(|name| can_be_stored(name)).collect();
    let found =
        storage::find_in::<claim::Entity, _>(connection, claim::Column::Name, names).await?;
    Ok(found.into_iter().map(|row| (row.name, row.company)).collect())
}

fn stamps() -> sea_orm::Select<version::Entity> {
    version::Entity::find().select_only().columns([
        version::Column::Position,
        version::Column::Company,
        version::Column::Version,
        version::Column::Digest,
        version::Column::AppliedAt,
    ])
}

fn stamp((position, company, version, digest, applied_at): Row) -> Result<Stamp, Error> {
    let applied_at = DateTime::from_timestamp_micros(applied_at)
        .ok_or_else(|| Error::from(DbErr::Type("time of a version".to_owned())))?;
    let (version, position) = (unsigned(version)?, unsigned(position)?);
    Ok(Stamp { company, version, position, digest, applied_at })
}

/// A number beyond what a database holds is beyond every row.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> Result<u64, Error> {
    u64::try_from(number).map_err(|_| Error::from(DbErr::Type("number of a version".to_owned())))
}
