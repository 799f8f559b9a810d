//! The store in a database.

use std::collections::HashSet;

use async_trait::async_trait;
use decision::{Conference, Provider};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use storage::{LockKey, Store as Database, insert_many};

use super::{Audio, Store};
use crate::error::Error;
use crate::facts::Facts;

mod facts {
    //! Facts of policy versions.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "provider_adapters_facts")]
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

mod conference {
    //! Facts of single conferences. A company that ever had one has a row with an empty id besides, so that the query for
    //! some of them also tells whether there are any.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "provider_adapters_conference")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) company: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) conference: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) provider: String,
        pub(crate) computer_audio: bool,
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
}

impl Sql {
    /// The store in a database whose schema is up to date.
    pub(crate) fn new(database: Database, keep_versions: u32) -> Self {
        Self { database, keep_versions: u64::from(keep_versions.max(1)) }
    }
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
    storage::Error::Corrupt(sea_orm::DbErr::Json(error.to_string()))
}

fn read(body: &str) -> Result<Facts, Error> {
    serde_json::from_str(body).map_err(|error| corrupt(&error).into())
}

#[async_trait]
impl Store for Sql {
    async fn keep_facts(&self, company: &str, version: u64, facts: &Facts) -> Result<(), Error> {
        let body = serde_json::to_string(facts).map_err(|error| corrupt(&error))?;
        let body = &body;
        let column = column(version);
        self.database
            .write(|tx| async move {
                // One at a time: whoever comes second finds what the first one kept.
                tx.lock(&[LockKey::of("provider_adapters.facts", &[company])]).await?;
                let key = (company.to_owned(), column);
                let kept = facts::Entity::find_by_id(key.clone())
                    .one(&tx)
                    .await
                    .map_err(storage::Error::from)?;
                if let Some(kept) = kept {
                    // Compared by meaning: a newer version of the program may write the same differently.
                    return if read(&kept.body)? == *facts {
                        Ok(())
                    } else {
                        Err(Error::VersionTaken { company: key.0, version })
                    };
                }
                let row = facts::ActiveModel {
                    company: Set(key.0),
                    policy_version: Set(column),
                    body: Set(body.clone()),
                };
                insert_many(&tx, [row], None).await?;
                let oldest_kept: Option<i64> = facts::Entity::find()
                    .select_only()
                    .column(facts::Column::PolicyVersion)
                    .filter(facts::Column::Company.eq(company))
                    .order_by_desc(facts::Column::PolicyVersion)
                    .offset(self.keep_versions - 1)
                    .limit(1)
                    .into_tuple()
                    .one(&tx)
                    .await
                    .map_err(storage::Error::from)?;
                if let Some(oldest) = oldest_kept {
                    facts::Entity::delete_many()
                        .filter(facts::Column::Company.eq(company))
                        .filter(facts::Column::PolicyVersion.lt(oldest))
                        // Whoever applies an old version is about to ask for it.
                        .filter(facts::Column::PolicyVersion.ne(column))
                        .exec(&tx)
                        .await
                        .map_err(storage::Error::from)?;
                }
                Ok(())
            })
            .await
    }

    async fn facts(&self, company: &str, version: u64) -> Result<Option<Facts>, Error> {
        // Nothing beyond the column's range has ever been applied.
        let Ok(column) = i64::try_from(version) else { return Ok(None) };
        if !is_text(company) {
            return Ok(None);
        }
        let found = facts::Entity::find_by_id((company.to_owned(), column))
            .one(self.database.reader())
            .await
            .map_err(storage::Error::from)?;
        found.map(|row| read(&row.body)).transpose()
    }

    async fn newest_version(&self, company: &str) -> Result<Option<u64>, Error> {
        if !is_text(company) {
            return Ok(None);
        }
        let newest: Option<i64> = facts::Entity::find()
            .select_only()
            .column(facts::Column::PolicyVersion)
            .filter(facts::Column::Company.eq(company))
            .order_by_desc(facts::Column::PolicyVersion)
            .limit(1)
            .into_tuple()
            .one(self.database.reader())
            .await
            .map_err(storage::Error::from)?;
        Ok(newest.and_then(|version| u64::try_from(version).ok()))
    }

    async fn keep_audio(
        &self,
        company: &str,
        conference: &Conference,
        computer_audio: Option<bool>,
    ) -> Result<(), Error> {
        use conference::{ActiveModel, Column, Entity};
        let provider = conference.provider.as_str();
        let id = conference.id.as_str();
        self.database
            .write(|tx| async move {
                let Some(heard) = computer_audio else {
                    let key = (company.to_owned(), id.to_owned(), provider.to_owned());
                    Entity::delete_by_id(key).exec(&tx).await.map_err(storage::Error::from)?;
                    return Ok(());
                };
                let row = |id: &str, provider: &str, heard: bool| ActiveModel {
                    company: Set(company.to_owned()),
                    conference: Set(id.to_owned()),
                    provider: Set(provider.to_owned()),
                    computer_audio: Set(heard),
                };
                let key = [Column::Company, Column::Conference, Column::Provider];
                // Left alone where it is there, so that those who write at once do not wait for it.
                let leave = OnConflict::columns(key).do_nothing().to_owned();
                insert_many(&tx, [row("", "", true)], Some(leave)).await?;
                let replace =
                    OnConflict::columns(key).update_column(Column::ComputerAudio).to_owned();
                insert_many(&tx, [row(id, provider, heard)], Some(replace)).await?;
                Ok(())
            })
            .await
    }

    async fn audio(
        &self,
        company: &str,
        conferences: &HashSet<&Conference>,
    ) -> Result<Audio, Error> {
        let mut ids: Vec<&str> =
            conferences.iter().map(|it| it.id.as_str()).filter(|id| is_text(id)).collect();
        ids.push("");
        // Lists of a few lengths only, so that prepared statements are found again.
        ids.resize(ids.len().next_power_of_two(), "");
        let rows = conference::Entity::find()
            .filter(conference::Column::Company.eq(company))
            .filter(conference::Column::Conference.is_in(ids))
            .all(self.database.reader())
            .await
            .map_err(storage::Error::from)?;
        let mut audio = Audio::default();
        for row in rows {
            match Provider::from_name(&row.provider) {
                Some(provider) => {
                    let conference = Conference { provider, id: row.conference };
                    audio.known.insert(conference, row.computer_audio);
                }
                None => audio.more = true,
            }
        }
        Ok(audio)
    }
}
