//! The schema of the consent service.

use sea_orm_migration::prelude::*;

/// Every migration, oldest first.
#[derive(Debug)]
pub(crate) struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(PoliciesAndChoices), Box::new(Head)]
    }

    fn migration_table_name() -> sea_orm::DynIden {
        "consent_migrations".into_iden()
    }
}

struct PoliciesAndChoices;

impl MigrationName for PoliciesAndChoices {
    fn name(&self) -> &'static str {
        "m0001_policies_and_choices"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for PoliciesAndChoices {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("consent_policy")
                    .col(ColumnDef::new("company").string().not_null())
                    .col(ColumnDef::new("policy_version").big_integer().not_null())
                    .col(ColumnDef::new("body").text().not_null())
                    .primary_key(Index::create().col("company").col("policy_version"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("consent_choice")
                    .col(
                        ColumnDef::new("sequence")
                            .big_integer()
                            .not_null()
                            .auto_increment()
                            .primary_key(),
                    )
                    .col(ColumnDef::new("company").string().not_null())
                    .col(ColumnDef::new("request_id").string().not_null())
                    .col(ColumnDef::new("meeting").string().not_null())
                    .col(ColumnDef::new("ical_uid").text().not_null())
                    .col(ColumnDef::new("recurrence_us").big_integer().null())
                    .col(ColumnDef::new("refused").boolean().not_null())
                    .col(ColumnDef::new("at_us").big_integer().not_null())
                    .to_owned(),
            )
            .await?;
        for (name, columns, unique) in [
            ("consent_choice_request", ["company", "request_id"].as_slice(), true),
            ("consent_choice_meeting", ["company", "meeting", "refused"].as_slice(), false),
        ] {
            let mut index = Index::create();
            index.name(name).table("consent_choice");
            for column in columns {
                index.col(*column);
            }
            if unique {
                index.unique();
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

struct Head;

impl MigrationName for Head {
    fn name(&self) -> &'static str {
        "m0002_head"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Head {
    /// Places in the record are drawn from a row, no longer from what counts up by itself, which says nothing about the
    /// order in which they become visible.
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("consent_head")
                    .col(ColumnDef::new("id").big_integer().not_null().primary_key())
                    .col(ColumnDef::new("sequence").big_integer().not_null())
                    .to_owned(),
            )
            .await?;
        let newest = Query::select()
            .expr(Expr::val(1))
            .expr(Func::coalesce([Func::max(Expr::col("sequence")).into(), Expr::val(0)]))
            .from("consent_choice")
            .to_owned();
        let mut row = Query::insert();
        row.into_table("consent_head").columns(["id", "sequence"]);
        row.select_from(newest).map_err(|error| DbErr::Migration(error.to_string()))?;
        manager.get_connection().execute(&row).await?;
        manager
            .create_index(
                Index::create()
                    .name("consent_choice_place")
                    .table("consent_choice")
                    .col("company")
                    .col("sequence")
                    .to_owned(),
            )
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Choice, MeetingId, Store as _, sql::Sql};
    use storage::testing::Engine;

    #[tokio::test]
    async fn choices_recorded_before_places_were_drawn_keep_theirs() {
        for sequence in [None, Some(41_u64)] {
            let engine = Engine::file();
            let old = sea_orm::Database::connect(engine.config().url).await.unwrap();
            Migrator::up(&old, Some(1)).await.unwrap();
            if let Some(sequence) = sequence {
                let row = Query::insert()
                    .into_table("consent_choice")
                    .columns([
                        "sequence",
                        "company",
                        "request_id",
                        "meeting",
                        "ical_uid",
                        "refused",
                        "at_us",
                    ])
                    .values_panic([
                        Expr::val(sequence),
                        Expr::val("acme"),
                        Expr::val("1"),
                        Expr::val("m"),
                        Expr::val("a"),
                        Expr::val(true),
                        Expr::val(5),
                    ])
                    .to_owned();
                old.execute(&row).await.unwrap();
            }
            old.close().await.unwrap();
            let store = Sql::open(&engine.config(), 1).await.unwrap();
            let key = decision::CallKey { ical_uid: Some("b".into()), recurrence_id: None };
            let choice = Choice {
                company: "acme".into(),
                meeting: MeetingId::of(&key).unwrap(),
                ical_uid: "b".into(),
                recurrence_id: None,
                refused: false,
                request_id: "2".into(),
                at: chrono::DateTime::UNIX_EPOCH,
            };
            let next = sequence.unwrap_or_default() + 1;
            assert_eq!(store.add_choice(&choice).await.unwrap(), next);
            let (all, _) = store.choices(None, 0, 10).await.unwrap();
            assert_eq!(all.len(), if sequence.is_some() { 2 } else { 1 });
        }
    }
}
