//! The schema and its history.

mod open;
mod registered;

use sea_orm_migration::prelude::*;

/// All migrations, oldest first.
#[derive(Debug)]
pub(crate) struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(M0001Calls),
            Box::new(M0002Partial),
            Box::new(M0003Recipients),
            Box::new(M0004Policies),
            Box::new(M0005Sessions),
            Box::new(registered::M0006Registered),
            Box::new(open::M0007Open),
        ]
    }

    fn migration_table_name() -> DynIden {
        "orchestrator_migration".into_iden()
    }
}

/// Calls, their decisions, and everything that makes them durable.
struct M0001Calls;

impl MigrationName for M0001Calls {
    fn name(&self) -> &'static str {
        "m0001_calls"
    }
}

/// Until when a call is judged again for which an answer was missing.
struct M0002Partial;

impl MigrationName for M0002Partial {
    fn name(&self) -> &'static str {
        "m0002_partial"
    }
}

/// By whose addresses events came, and how often such addresses have changed hands.
struct M0003Recipients;

impl MigrationName for M0003Recipients {
    fn name(&self) -> &'static str {
        "m0003_recipients"
    }
}

/// The newest company files, and storms that resume where they were and wait after they failed.
struct M0004Policies;

impl MigrationName for M0004Policies {
    fn name(&self) -> &'static str {
        "m0004_policies"
    }
}

/// Sessions that carry plans out, and what they ask of adapters.
struct M0005Sessions;

impl MigrationName for M0005Sessions {
    fn name(&self) -> &'static str {
        "m0005_sessions"
    }
}

fn text(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().not_null().take()
}

fn number(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().take()
}

fn maybe(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().take()
}

fn flag(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).boolean().not_null().take()
}

fn bytes(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).blob().not_null().take()
}

fn counted(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().auto_increment().primary_key().take()
}

fn tables() -> Vec<TableCreateStatement> {
    vec![
        Table::create()
            .table("orchestrator_call")
            .col(text("company"))
            .col(text("call_id"))
            .col(number("version"))
            .col(number("start"))
            .col(bytes("sort_key"))
            .col(ColumnDef::new("kind").small_integer().not_null())
            .col(ColumnDef::new("code").integer().not_null())
            .col(ColumnDef::new("provider").integer().not_null())
            .col(text("owner"))
            .col(flag("had_plan"))
            .col(ColumnDef::new("planned_owner").text())
            .col(flag("ended"))
            .col(number("judged_policy"))
            .col(number("judged_meeting"))
            .col(maybe("contends_until"))
            .col(ColumnDef::new("contends_owner").text())
            .col(ColumnDef::new("contends_room").text())
            .col(flag("organizes"))
            .col(number("received"))
            .col(ColumnDef::new("candidate").blob())
            .col(bytes("traces"))
            .col(number("revision"))
            .col(bytes("decision"))
            .primary_key(Index::create().col("company").col("call_id"))
            .to_owned(),
        Table::create()
            .table("orchestrator_decision")
            .col(text("company"))
            .col(text("call_id"))
            .col(number("revision"))
            .col(number("decided_at"))
            .col(bytes("decision"))
            .primary_key(Index::create().col("company").col("call_id").col("revision"))
            .to_owned(),
        Table::create()
            .table("orchestrator_outbox")
            .col(counted("id"))
            .col(text("company"))
            .col(text("call_id"))
            .col(number("revision"))
            .to_owned(),
        Table::create()
            .table("orchestrator_log")
            .col(ColumnDef::new("position").big_integer().not_null().primary_key())
            .col(text("company"))
            .col(number("number"))
            .col(text("call_id"))
            .col(number("revision"))
            .col(bytes("hash"))
            .to_owned(),
        Table::create()
            .table("orchestrator_head")
            .col(text("company").primary_key().take())
            .col(number("number"))
            .col(bytes("hash"))
            .to_owned(),
        Table::create()
            .table("orchestrator_action")
            .col(counted("sequence"))
            .col(text("company"))
            .col(text("call_id"))
            .col(flag("cancels"))
            .col(text("who"))
            .col(number("asked_at"))
            .to_owned(),
        Table::create()
            .table("orchestrator_plan")
            .col(text("company"))
            .col(text("dedupe_key"))
            .col(text("call_id"))
            .col(number("revision"))
            .col(maybe("released_at"))
            .primary_key(Index::create().col("company").col("dedupe_key"))
            .to_owned(),
        Table::create()
            .table("orchestrator_timer")
            .col(counted("id"))
            .col(text("company"))
            .col(text("call_id"))
            .col(ColumnDef::new("kind").small_integer().not_null())
            .col(number("due"))
            .col(number("revision"))
            .col(number("tries"))
            .col(maybe("claimed_until"))
            .col(ColumnDef::new("claim").text())
            .to_owned(),
        Table::create()
            .table("orchestrator_storm")
            .col(text("company").primary_key().take())
            .col(number("judged_version"))
            .col(number("target_version"))
            .col(flag("fresh"))
            .col(maybe("at_start"))
            .col(ColumnDef::new("at_key").blob())
            .col(ColumnDef::new("at_id").text())
            .col(number("total"))
            .col(number("done"))
            .col(number("changed"))
            .col(number("started_at"))
            .col(maybe("finished_at"))
            .col(maybe("claimed_until"))
            .col(ColumnDef::new("claim").text())
            .to_owned(),
        Table::create()
            .table("orchestrator_progress")
            .col(text("name").primary_key().take())
            .col(number("position"))
            .to_owned(),
    ]
}

fn indexes() -> Vec<IndexCreateStatement> {
    let index = |name: &'static str, table: &'static str, columns: &[&'static str]| {
        let mut index = Index::create();
        index.name(name).table(table);
        for column in columns {
            index.col(*column);
        }
        index
    };
    vec![
        index(
            "orchestrator_call_by_start",
            "orchestrator_call",
            &["company", "start", "sort_key", "call_id"],
        ),
        // Choices of participants name a call by its identity.
        index("orchestrator_call_by_key", "orchestrator_call", &["company", "sort_key"]),
        // Conflicts are looked for among those of one owner, and those in one room, that are not over. The start spares
        // reading the rows of all that come later.
        index(
            "orchestrator_call_by_owner",
            "orchestrator_call",
            &["company", "contends_owner", "contends_until", "start"],
        ),
        index(
            "orchestrator_call_by_room",
            "orchestrator_call",
            &["company", "contends_room", "contends_until", "start"],
        ),
        index("orchestrator_log_by_number", "orchestrator_log", &["company", "number"])
            .unique()
            .take(),
        index("orchestrator_action_by_call", "orchestrator_action", &["company", "call_id"]),
        index("orchestrator_plan_by_call", "orchestrator_plan", &["company", "call_id"]),
        // With the id, so that the first of many that are due at once are found without sorting them.
        index("orchestrator_timer_by_due", "orchestrator_timer", &["due", "id"]),
        index("orchestrator_timer_by_call", "orchestrator_timer", &["company", "call_id"]),
    ]
}

#[async_trait::async_trait]
impl MigrationTrait for M0001Calls {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in tables() {
            manager.create_table(table).await?;
        }
        manager.create_table(super::LEASES.create()).await?;
        feed::create_tables(manager, "orchestrator").await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

#[async_trait::async_trait]
impl MigrationTrait for M0002Partial {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut column = maybe("partial_until");
        manager
            .alter_table(
                Table::alter().table("orchestrator_call").add_column(&mut column).to_owned(),
            )
            .await
    }
}

#[async_trait::async_trait]
impl MigrationTrait for M0003Recipients {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let recipients = Table::create()
            .table("orchestrator_recipient")
            .col(number("name"))
            .col(text("company"))
            .col(text("call_id"))
            .primary_key(Index::create().col("name").col("company").col("call_id"))
            .to_owned();
        manager.create_table(recipients).await?;
        let mut told = number("told_version").default(0).take();
        let storms = Table::alter().table("orchestrator_storm").add_column(&mut told).to_owned();
        manager.alter_table(storms).await?;
        let claims = Query::insert()
            .into_table("orchestrator_progress")
            .columns(["name", "position"])
            .values_panic([super::recipients::CLAIMS.into(), 0.into()])
            .to_owned();
        manager.execute(claims).await
    }
}

#[async_trait::async_trait]
impl MigrationTrait for M0004Policies {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("orchestrator_policy")
                    .col(text("company").primary_key().take())
                    .col(number("version"))
                    .col(text("document"))
                    .to_owned(),
            )
            .await?;
        // SQLite adds one column at a time.
        for column in [ColumnDef::new("at_page").text().take(), number("tries").default(0).take()] {
            let mut column = column;
            let storms =
                Table::alter().table("orchestrator_storm").add_column(&mut column).to_owned();
            manager.alter_table(storms).await?;
        }
        // Policies are followed from the beginning once more, so that those of before are kept too.
        let followed = Query::delete()
            .from_table("orchestrator_progress")
            .and_where(Expr::col("name").eq("policies"))
            .to_owned();
        manager.execute(followed).await
    }
}

#[async_trait::async_trait]
impl MigrationTrait for M0005Sessions {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let small = |name: &'static str| ColumnDef::new(name).small_integer().not_null().take();
        let sessions = Table::create()
            .table("orchestrator_session")
            .col(text("company"))
            .col(text("call_id"))
            .col(number("plan_revision"))
            .col(number("holds"))
            .col(ColumnDef::new("provider").integer().not_null())
            .col(text("machine"))
            .col(text("stage"))
            .col(number("orders"))
            .col(number("began_at"))
            .col(maybe("ended_at"))
            .col(maybe("next_due"))
            .col(flag("told"))
            .col(flag("requested"))
            .primary_key(Index::create().col("company").col("call_id").col("plan_revision"))
            .to_owned();
        manager.create_table(sessions).await?;
        let commands = Table::create()
            .table("orchestrator_command")
            .col(counted("id"))
            .col(text("company"))
            .col(text("call_id"))
            .col(number("plan_revision"))
            .col(small("run"))
            .col(small("kind"))
            .col(small("means"))
            .col(small("adapter"))
            .col(number("number"))
            .col(number("due"))
            .col(number("tries"))
            .col(maybe("claimed_until"))
            .col(ColumnDef::new("claim").text())
            .to_owned();
        manager.create_table(commands).await?;
        let mut of_session = Index::create();
        of_session.name("orchestrator_command_by_session").table("orchestrator_command");
        for column in ["company", "call_id", "plan_revision", "id"] {
            of_session.col(column);
        }
        manager.create_index(of_session).await?;
        let mut by_due = Index::create();
        by_due.name("orchestrator_command_by_due").table("orchestrator_command");
        manager.create_index(by_due.col("due").col("id").take()).await
    }
}
