//! The tables of what is carried out, as they are made.

use sea_orm_migration::prelude::*;

/// Attempts, what is to be done for them, and the log of what is told.
pub(crate) struct Attempts;

impl MigrationName for Attempts {
    fn name(&self) -> &'static str {
        "m0002_attempts"
    }
}

/// A column with a long number.
pub(super) fn number(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().to_owned()
}

/// A column with text.
pub(super) fn text(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().to_owned()
}

/// An index over some columns.
pub(super) async fn index(
    manager: &SchemaManager<'_>,
    name: &'static str,
    table: &'static str,
    columns: &[&'static str],
    unique: bool,
) -> Result<(), DbErr> {
    let mut index = Index::create();
    index.name(name).table(table);
    for column in columns {
        index.col(*column);
    }
    if unique {
        index.unique();
    }
    manager.create_index(index).await
}

#[async_trait::async_trait]
impl MigrationTrait for Attempts {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("provider_adapters_attempt")
            .col(text("id").not_null().primary_key())
            .col(text("company").not_null())
            .col(text("call_id").not_null())
            .col(text("call").not_null())
            .col(number("plan_revision").not_null())
            .col(number("run").not_null())
            .col(ColumnDef::new("adapter").small_integer().not_null())
            .col(text("carrier").not_null())
            .col(text("connection").not_null())
            .col(ColumnDef::new("state").small_integer().not_null())
            .col(ColumnDef::new("body").blob().not_null())
            .col(text("secret").null())
            .col(text("place").null())
            .col(number("start_us").null())
            .col(number("end_us").null())
            .col(number("until_us").not_null())
            .col(number("stopped_us").null())
            .col(text("fleet").not_null())
            .col(number("offered_us").null())
            .col(number("named_us").null())
            .col(text("declined").not_null())
            .to_owned();
        manager.create_table(table).await?;
        let of = "provider_adapters_attempt";
        index(manager, "provider_adapters_attempt_place", of, &["place", "start_us"], false)
            .await?;
        index(manager, "provider_adapters_attempt_call", of, &["call"], false).await?;
        let waiting = ["carrier", "state", "fleet"];
        index(manager, "provider_adapters_attempt_waiting", of, &waiting, false).await?;

        let table = Table::create()
            .table("provider_adapters_fence")
            .col(text("id").not_null().primary_key())
            .col(number("plan_revision").not_null())
            .col(number("run").not_null())
            .to_owned();
        manager.create_table(table).await?;

        let table = Table::create()
            .table("provider_adapters_work")
            .col(number("id").not_null().auto_increment().primary_key())
            .col(text("attempt").not_null())
            .col(text("carrier").not_null())
            .col(text("connection").not_null())
            .col(ColumnDef::new("kind").small_integer().not_null())
            .col(number("number").not_null())
            .col(number("due_us").not_null())
            .col(number("until_us").not_null())
            .col(number("tries").not_null())
            .col(number("claimed_until").null())
            .col(text("claim").null())
            .to_owned();
        manager.create_table(table).await?;
        let of = "provider_adapters_work";
        index(manager, "provider_adapters_work_due", of, &["due_us", "id"], false).await?;
        index(manager, "provider_adapters_work_attempt", of, &["attempt", "id"], false).await?;

        let table = Table::create()
            .table("provider_adapters_instruction")
            .col(text("id").not_null().primary_key())
            .col(text("attempt").not_null())
            .col(ColumnDef::new("act").small_integer().not_null())
            .col(number("kept_us").not_null())
            .to_owned();
        manager.create_table(table).await?;
        let of = "provider_adapters_instruction";
        index(manager, "provider_adapters_instruction_of", of, &["attempt"], false).await?;

        let table = Table::create()
            .table("provider_adapters_news")
            .col(number("place").not_null().primary_key())
            .col(text("company").not_null())
            .col(text("name").not_null())
            .col(ColumnDef::new("body").blob().not_null())
            .to_owned();
        manager.create_table(table).await?;
        let of = "provider_adapters_news";
        index(manager, "provider_adapters_news_name", of, &["name"], true).await?;
        index(manager, "provider_adapters_news_place", of, &["company", "place"], false).await?;

        let table = Table::create()
            .table("provider_adapters_head")
            .col(number("id").not_null().primary_key())
            .col(number("place").not_null())
            .to_owned();
        manager.create_table(table).await?;
        let mut row = Query::insert();
        row.into_table("provider_adapters_head")
            .columns(["id", "place"])
            .values_panic([1.into(), 0.into()]);
        manager.get_connection().execute(&row).await?;

        let table = Table::create()
            .table("provider_adapters_fleet")
            .col(text("id").not_null().primary_key())
            .col(text("company").not_null())
            .col(text("name").not_null())
            .col(number("seen_us").not_null())
            .to_owned();
        manager.create_table(table).await?;

        let table = Table::create()
            .table("provider_adapters_name")
            .col(text("attempt").not_null())
            .col(ColumnDef::new("kind").small_integer().not_null())
            .col(text("value").not_null())
            .col(text("name").not_null())
            .primary_key(Index::create().col("attempt").col("kind").col("value"))
            .to_owned();
        manager.create_table(table).await?;
        index(manager, "provider_adapters_name_name", "provider_adapters_name", &["name"], false)
            .await
    }
}

/// Webhooks, and what is learnt from them besides signals.
pub(crate) struct Inbox;

impl MigrationName for Inbox {
    fn name(&self) -> &'static str {
        "m0003_inbox"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Inbox {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let flag = |name: &'static str| ColumnDef::new(name).boolean().not_null().to_owned();
        let table = Table::create()
            .table("provider_adapters_inbox")
            .col(number("id").not_null().auto_increment().primary_key())
            .col(text("connection").not_null())
            .col(text("company").not_null())
            .col(text("name").not_null())
            .col(number("received_us").not_null())
            .col(ColumnDef::new("body").blob().not_null())
            .col(ColumnDef::new("content").blob().null())
            .col(flag("waiting"))
            .col(number("due_us").not_null())
            .col(number("tries").not_null())
            .col(number("claimed_until").null())
            .col(text("claim").null())
            .to_owned();
        manager.create_table(table).await?;
        let of = "provider_adapters_inbox";
        index(manager, "provider_adapters_inbox_name", of, &["name"], true).await?;
        index(manager, "provider_adapters_inbox_due", of, &["waiting", "due_us"], false).await?;
        let old = ["waiting", "received_us"];
        index(manager, "provider_adapters_inbox_old", of, &old, false).await?;
        let came = ["connection", "received_us"];
        index(manager, "provider_adapters_inbox_came", of, &came, false).await?;

        let of = "provider_adapters_attempt";
        index(manager, "provider_adapters_attempt_until", of, &["until_us"], false).await?;

        let table = Table::create()
            .table("provider_adapters_presence")
            .col(text("attempt").not_null())
            .col(text("person").not_null())
            .col(text("address").not_null())
            .col(flag("is_recorder"))
            .col(flag("is_host"))
            .col(flag("same_organisation"))
            .col(flag("here"))
            .col(number("since_us").not_null())
            .primary_key(Index::create().col("attempt").col("person"))
            .to_owned();
        manager.create_table(table).await?;

        let table = Table::create()
            .table("provider_adapters_evidence")
            .col(text("id").not_null().primary_key())
            .col(text("company").not_null())
            .col(text("provider").not_null())
            .col(text("kind").not_null())
            .col(text("code").not_null())
            .col(text("text").not_null())
            .col(number("observed_us").not_null())
            .to_owned();
        manager.create_table(table).await?;

        let table = Table::create()
            .table("provider_adapters_problem")
            .col(text("connection").not_null())
            .col(text("code").not_null())
            .col(number("since_us").not_null())
            .primary_key(Index::create().col("connection").col("code"))
            .to_owned();
        manager.create_table(table).await?;

        let table = Table::create()
            .table("provider_adapters_budget")
            .col(text("account").not_null())
            .col(text("subject").not_null())
            .col(number("day").not_null())
            .col(number("used").not_null())
            .primary_key(Index::create().col("account").col("subject").col("day"))
            .to_owned();
        manager.create_table(table).await
    }
}
