//! Sessions that are not over, found without reading those that are.

use sea_orm_migration::prelude::*;

/// Sessions that are not over by their stages: they are counted often, and few among all that ever were.
pub(super) struct M0007Open;

impl MigrationName for M0007Open {
    fn name(&self) -> &'static str {
        "m0007_open"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for M0007Open {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let open = Index::create()
            .name("orchestrator_session_open")
            .table("orchestrator_session")
            .col("stage")
            .cond_where(Expr::col("ended_at").is_null())
            .to_owned();
        manager.create_index(open).await
    }
}
