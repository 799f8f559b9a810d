//! The schema of calendar-ingest.

use sea_orm_migration::prelude::*;

/// Every migration, oldest first.
#[derive(Debug)]
pub(crate) struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(EventsAndMeetings)]
    }

    fn migration_table_name() -> sea_orm::DynIden {
        "calendar_ingest_migrations".into_iden()
    }
}

struct EventsAndMeetings;

impl MigrationName for EventsAndMeetings {
    fn name(&self) -> &'static str {
        "m0001_events_and_meetings"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for EventsAndMeetings {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let text = |name: &'static str| ColumnDef::new(name).string().not_null().to_owned();
        let number = |name: &'static str| ColumnDef::new(name).big_integer().not_null().to_owned();
        let flag = |name: &'static str| ColumnDef::new(name).boolean().not_null().to_owned();
        let bytes = |name: &'static str| ColumnDef::new(name).blob().not_null().to_owned();
        manager
            .create_table(
                Table::create()
                    .table("calendar_ingest_company")
                    .col(text("company").primary_key())
                    .col(number("version"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("calendar_ingest_log")
                    .col(number("id").primary_key())
                    .col(number("head"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("calendar_ingest_component")
                    .col(text("id").primary_key())
                    .col(text("company"))
                    .col(text("source"))
                    .col(text("pool"))
                    .col(text("slot"))
                    .col(ColumnDef::new("source_key").string().null())
                    .col(ColumnDef::new("series_key").string().null())
                    .col(ColumnDef::new("event").text().not_null())
                    .col(text("digest"))
                    .col(text("zone"))
                    .col(text("consent_host"))
                    .col(text("recipient"))
                    .col(number("received_us"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("calendar_ingest_pool")
                    .col(text("id").primary_key())
                    .col(text("company"))
                    .col(number("expanded_to_us"))
                    .col(flag("open"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("calendar_ingest_meeting")
                    .col(text("id").primary_key())
                    .col(text("company"))
                    .col(text("pool"))
                    .col(number("start_us"))
                    .col(bytes("uid"))
                    .col(number("recurrence_us"))
                    .col(number("revision"))
                    .col(number("received_us"))
                    .col(flag("removed"))
                    .col(text("digest"))
                    .col(bytes("body"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("calendar_ingest_change")
                    .col(number("id").primary_key())
                    .col(text("company"))
                    .col(text("meeting"))
                    .col(number("revision"))
                    .to_owned(),
            )
            .await?;
        for (table, columns) in [
            ("calendar_ingest_component", ["pool"].as_slice()),
            ("calendar_ingest_component", &["source_key"]),
            ("calendar_ingest_component", &["series_key"]),
            ("calendar_ingest_pool", &["open", "expanded_to_us"]),
            ("calendar_ingest_meeting", &["pool"]),
            ("calendar_ingest_meeting", &["company", "start_us"]),
            ("calendar_ingest_change", &["company", "id"]),
        ] {
            let mut index = Index::create();
            index.name(format!("{table}_{}", columns.join("_"))).table(table);
            for column in columns {
                index.col(*column);
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }
}
