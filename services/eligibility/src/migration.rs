//! The tables of this service.

use sea_orm_migration::prelude::*;

/// Brings the schema up to date.
pub(crate) struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Versions)]
    }

    fn migration_table_name() -> sea_orm::DynIden {
        "eligibility_migrations".into_iden()
    }
}

struct Versions;

impl MigrationName for Versions {
    fn name(&self) -> &'static str {
        "m0001_versions"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Versions {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("eligibility_version")
                    .col(ColumnDef::new("position").big_integer().not_null().primary_key())
                    .col(ColumnDef::new("company").string().not_null())
                    .col(ColumnDef::new("version").big_integer().not_null())
                    .col(ColumnDef::new("document").text().not_null())
                    .col(ColumnDef::new("digest").string_len(64).not_null())
                    .col(ColumnDef::new("applied_at").big_integer().not_null())
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("eligibility_version_of_company")
                    .table("eligibility_version")
                    .col("company")
                    .col("version")
                    .unique()
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("eligibility_claim")
                    .col(ColumnDef::new("name").string_len(320).not_null().primary_key())
                    .col(ColumnDef::new("company").string().not_null())
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("eligibility_claim_of_company")
                    .table("eligibility_claim")
                    .col("company")
                    .to_owned(),
            )
            .await
    }
}
