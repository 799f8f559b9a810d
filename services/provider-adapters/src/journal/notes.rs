//! What carriers must remember of an attempt before they do something at a provider: that they were about to.
//!
//! A provider does not tell whose recording setting it was, nor whether a recorder was asked for a moment ago. Whoever is
//! cut off between asking and hearing the answer finds the note, and knows.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _};
use sea_orm_migration::prelude::*;
use storage::{find_in, insert_many};

use super::entity::attempt;
use super::migration::{index, text};
use super::{Journal, State, inbox, key};
use crate::attempts::Attempt;
use crate::error::Error;

/// A note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    /// The name of the attempt's row.
    pub(crate) attempt: String,
    /// What is about to be changed at the provider, in the carrier's words; the same for all who change it.
    pub(crate) target: String,
    /// What the carrier wants to know again.
    pub(crate) value: String,
}

impl Journal {
    /// Writes a note of a kind, over the one there is.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn write_note(
        &self,
        attempt: &Attempt,
        kind: &'static str,
        target: &str,
        value: &str,
    ) -> Result<(), Error> {
        let row = note::ActiveModel {
            attempt: Set(key::attempt(attempt)),
            kind: Set(kind.to_owned()),
            target: Set(target.to_owned()),
            value: Set(value.to_owned()),
        };
        let again = OnConflict::columns([note::Column::Attempt, note::Column::Kind])
            .update_columns([note::Column::Target, note::Column::Value])
            .to_owned();
        let (row, again) = (&row, &again);
        self.database
            .write(|tx| async move {
                insert_many(&tx, [row.clone()], Some(again.clone())).await?;
                Ok::<_, storage::Error>(())
            })
            .await?;
        Ok(())
    }

    /// The note of a kind.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn note(
        &self,
        attempt: &Attempt,
        kind: &'static str,
    ) -> Result<Option<Note>, Error> {
        let key = (key::attempt(attempt), kind.to_owned());
        let found = note::Entity::find_by_id(key).one(self.database.reader()).await;
        Ok(found.map_err(storage::Error::from)?.map(Note::from))
    }

    /// The notes of a kind about one thing that other attempts have written of which something may still come.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn notes_of_others(
        &self,
        attempt: &Attempt,
        kind: &'static str,
        target: &str,
    ) -> Result<Vec<Note>, Error> {
        let reader = self.database.reader();
        let found = note::Entity::find()
            .filter(note::Column::Target.eq(target))
            .filter(note::Column::Kind.eq(kind))
            .filter(note::Column::Attempt.ne(key::attempt(attempt)))
            .order_by_asc(note::Column::Attempt)
            .all(reader)
            .await
            .map_err(storage::Error::from)?;
        let ids = found.iter().map(|row| row.attempt.as_str());
        let rows = find_in::<attempt::Entity, _>(reader, attempt::Column::Id, ids).await?;
        let open: HashSet<String> = rows
            .into_iter()
            .filter(|row| State::OPEN.contains(&row.state))
            .map(|row| row.id)
            .collect();
        let open = found.into_iter().filter(|row| open.contains(&row.attempt));
        Ok(open.map(Note::from).collect())
    }

    /// Those of some attempts, by the names of their rows, that have a note of a kind.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn noted(
        &self,
        kind: &'static str,
        attempts: &[String],
    ) -> Result<HashSet<String>, Error> {
        let reader = self.database.reader();
        let found = find_in::<note::Entity, _>(reader, note::Column::Attempt, attempts).await?;
        Ok(found.into_iter().filter(|row| row.kind == kind).map(|row| row.attempt).collect())
    }

    /// Notes that something is wrong with a connection, or is not any more.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn complain(
        &self,
        connection: &str,
        code: &'static str,
        is_wrong: bool,
        at: DateTime<Utc>,
    ) -> Result<(), Error> {
        self.database
            .write(|tx| async move { inbox::note(&tx, connection, code, is_wrong, at).await })
            .await?;
        Ok(())
    }

    /// Takes a note away.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn forget_note(
        &self,
        attempt: &Attempt,
        kind: &'static str,
    ) -> Result<(), Error> {
        let attempt = key::attempt(attempt);
        let attempt = attempt.as_str();
        self.database
            .write(|tx| async move {
                note::Entity::delete_by_id((attempt.to_owned(), kind.to_owned())).exec(&tx).await?;
                Ok::<_, storage::Error>(())
            })
            .await?;
        Ok(())
    }
}

impl From<note::Model> for Note {
    fn from(row: note::Model) -> Self {
        Self { attempt: row.attempt, target: row.target, value: row.value }
    }
}

pub(super) mod note {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "provider_adapters_note")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) attempt: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) kind: String,
        pub(crate) target: String,
        #[sea_orm(column_type = "Text")]
        pub(crate) value: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table of notes.
pub(crate) struct Notes;

impl MigrationName for Notes {
    fn name(&self) -> &'static str {
        "m0004_notes"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Notes {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("provider_adapters_note")
            .col(text("attempt").not_null())
            .col(text("kind").not_null())
            .col(text("target").not_null())
            .col(text("value").not_null())
            .primary_key(Index::create().col("attempt").col("kind"))
            .to_owned();
        manager.create_table(table).await?;
        let of = "provider_adapters_note";
        index(manager, "provider_adapters_note_target", of, &["target", "kind"], false).await
    }
}
