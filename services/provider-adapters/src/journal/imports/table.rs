//! The table of imports.

use sea_orm_migration::prelude::{
    ColumnDef, DbErr, MigrationName, MigrationTrait, SchemaManager, Table,
};

use crate::journal::migration::{index, number, text};

pub(in crate::journal) mod import {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "provider_adapters_import")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) attempt: String,
        pub(crate) company: String,
        /// Who knows where the recording is.
        pub(crate) carrier: String,
        /// A [`crate::journal::ImportStage`].
        pub(crate) stage: i16,
        /// The number of the instruction; 0 while there was none.
        pub(crate) number: i64,
        /// The customer's link, until it is not needed any more.
        pub(crate) link: Option<String>,
        /// Names under which files are stored, as JSON.
        #[sea_orm(column_type = "Text")]
        pub(crate) files: String,
        pub(crate) due_us: i64,
        pub(crate) until_us: i64,
        pub(crate) tries: i64,
        pub(crate) refusals: i64,
        pub(crate) claimed_until: Option<i64>,
        pub(crate) claim: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table of imports.
pub(crate) struct Imports;

impl MigrationName for Imports {
    fn name(&self) -> &'static str {
        "m0005_imports"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Imports {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("provider_adapters_import")
            .col(text("attempt").not_null().primary_key())
            .col(text("company").not_null())
            .col(text("carrier").not_null())
            .col(ColumnDef::new("stage").small_integer().not_null())
            .col(number("number").not_null())
            .col(text("link").null())
            .col(text("files").not_null())
            .col(number("due_us").not_null())
            .col(number("until_us").not_null())
            .col(number("tries").not_null())
            .col(number("refusals").not_null())
            .col(number("claimed_until").null())
            .col(text("claim").null())
            .to_owned();
        manager.create_table(table).await?;
        let of = "provider_adapters_import";
        index(manager, "provider_adapters_import_due", of, &["stage", "due_us"], false).await?;
        index(manager, "provider_adapters_import_claim", of, &["claim"], false).await
    }
}
