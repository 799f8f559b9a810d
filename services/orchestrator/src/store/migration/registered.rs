//! Telephone calls and uploads as they were registered.

use sea_orm_migration::prelude::*;

use super::{bytes, number, text};

/// What no calendar knows, by the ids of its calls.
pub(super) struct M0006Registered;

impl MigrationName for M0006Registered {
    fn name(&self) -> &'static str {
        "m0006_registered"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for M0006Registered {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let registered = Table::create()
            .table("orchestrator_registered")
            .col(text("company"))
            .col(text("call_id"))
            .col(ColumnDef::new("kind").small_integer().not_null())
            .col(bytes("input"))
            .col(ColumnDef::new("link").text())
            .col(number("received"))
            .col(number("revision"))
            .primary_key(Index::create().col("company").col("call_id"))
            .to_owned();
        manager.create_table(registered).await
    }
}
