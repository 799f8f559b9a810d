//! The schema and its history.

use sea_orm_migration::prelude::*;

/// All migrations, oldest first.
#[derive(Debug)]
pub(crate) struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(M0001Calls)]
    }

    fn migration_table_name() -> DynIden {
        "orchestrator_migration".into_iden()
    }
}

/// Calls, decisions, requests, progress.
struct M0001Calls;

impl MigrationName for M0001Calls {
    fn name(&self) -> &'static str {
        "m0001_calls"
    }
}

fn text(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().not_null().take()
}

fn number(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().take()
}

fn bytes(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).blob().not_null().take()
}

#[async_trait::async_trait]
impl MigrationTrait for M0001Calls {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("orchestrator_call")
                    .col(text("company"))
                    .col(text("call_id"))
                    .col(number("start"))
                    .col(bytes("sort_key"))
                    .col(ColumnDef::new("kind").small_integer().not_null())
                    .col(ColumnDef::new("code").integer().not_null())
                    .col(ColumnDef::new("decide_by").big_integer())
                    .col(ColumnDef::new("had_plan").boolean().not_null())
                    .col(ColumnDef::new("planned_owner").text())
                    .col(number("judged_policy"))
                    .col(number("judged_meeting"))
                    .col(ColumnDef::new("contends_until").big_integer())
                    .col(number("revision"))
                    .col(bytes("decision"))
                    .primary_key(Index::create().col("company").col("call_id"))
                    .to_owned(),
            )
            .await?;
        for (name, columns) in [
            ("orchestrator_call_by_start", ["company", "start", "sort_key"].as_slice()),
            ("orchestrator_call_by_id", &["call_id"]),
            ("orchestrator_call_by_kind", &["kind", "decide_by"]),
        ] {
            manager.create_index(index(name, "orchestrator_call", columns)).await?;
        }
        manager
            .create_table(
                Table::create()
                    .table("orchestrator_decision")
                    .col(
                        ColumnDef::new("cursor")
                            .big_integer()
                            .not_null()
                            .auto_increment()
                            .primary_key(),
                    )
                    .col(text("company"))
                    .col(text("call_id"))
                    .col(number("revision"))
                    .col(bytes("decision"))
                    .to_owned(),
            )
            .await?;
        let mut once = index(
            "orchestrator_decision_once",
            "orchestrator_decision",
            &["company", "call_id", "revision"],
        );
        manager.create_index(once.unique().to_owned()).await?;
        manager
            .create_table(
                Table::create()
                    .table("orchestrator_action")
                    .col(
                        ColumnDef::new("sequence")
                            .big_integer()
                            .not_null()
                            .auto_increment()
                            .primary_key(),
                    )
                    .col(text("company"))
                    .col(text("call_id"))
                    .col(ColumnDef::new("cancels").boolean().not_null())
                    .col(text("who"))
                    .col(number("asked_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(index("orchestrator_action_by_call", "orchestrator_action", &["call_id"]))
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("orchestrator_progress")
                    .col(ColumnDef::new("name").text().not_null().primary_key())
                    .col(number("position"))
                    .to_owned(),
            )
            .await
    }
}

fn index(
    name: &'static str,
    table: &'static str,
    columns: &[&'static str],
) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(name).table(table);
    for column in columns {
        index.col(*column);
    }
    index
}
