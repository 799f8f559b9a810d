//! The schema of provider-adapters.

use sea_orm_migration::prelude::*;

use crate::journal::{
    AttemptTables, ImportTables, InboxTables, NoteTables, PurgeTables, SubscriptionTables,
};

/// Every migration, oldest first.
#[derive(Debug)]
pub(crate) struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(Facts),
            Box::new(AttemptTables),
            Box::new(InboxTables),
            Box::new(NoteTables),
            Box::new(ImportTables),
            Box::new(SubscriptionTables),
            Box::new(PurgeTables),
        ]
    }

    fn migration_table_name() -> sea_orm::DynIden {
        "provider_adapters_migrations".into_iden()
    }
}

struct Facts;

impl MigrationName for Facts {
    fn name(&self) -> &'static str {
        "m0001_facts"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Facts {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("provider_adapters_facts")
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
                    .table("provider_adapters_conference")
                    .col(ColumnDef::new("company").string().not_null())
                    .col(ColumnDef::new("conference").string_len(600).not_null())
                    .col(ColumnDef::new("provider").string().not_null())
                    .col(ColumnDef::new("computer_audio").boolean().not_null())
                    .primary_key(Index::create().col("company").col("conference").col("provider"))
                    .to_owned(),
            )
            .await
    }
}
