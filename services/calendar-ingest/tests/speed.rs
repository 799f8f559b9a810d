//! How fast calendars are taken into PostgreSQL, beside bare inserts of as many rows: `cargo test --release -p
//! calendar-ingest --test speed -- --ignored --nocapture`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "what is measured is printed")]

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use chassis::House;
use futures::StreamExt as _;
use proto::calendar::v1 as wire;
use proto::calendar::v1::calendar_ingest_service_client::CalendarIngestServiceClient;
use sea_orm::ActiveValue::Set;
use storage::sea_orm::{ConnectionTrait as _, Schema};

mod row {
    //! As wide as a meeting.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "bare")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) id: String,
        pub(crate) company: String,
        pub(crate) number: i64,
        #[sea_orm(column_type = "Blob")]
        pub(crate) body: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A calendar of single events with a link and eight people each.
fn calendar(name: &str, events: usize) -> Vec<u8> {
    let mut text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n".to_owned();
    let day = chrono::Utc::now() + chrono::TimeDelta::days(7);
    for n in 0..events {
        let _ = write!(
            text,
            "BEGIN:VEVENT\r\nUID:{name}-{n}@acme.example\r\nSUMMARY:Meeting {n}\r\nDTSTART:{}T{:02}{:02}00Z\r\n\
             DURATION:PT30M\r\nLOCATION:https://acme.zoom.us/j/9{n:010}\r\nORGANIZER:mailto:ada@acme.example\r\n",
            day.format("%Y%m%d"),
            n / 60 % 24,
            n % 60,
        );
        for k in 0..8 {
            let _ = write!(text, "ATTENDEE:mailto:p{}@prospect.example\r\n", (n + k) % 500);
        }
        text += "END:VEVENT\r\n";
    }
    (text + "END:VCALENDAR\r\n").into_bytes()
}

fn rate(what: &str, events: usize, taken: Duration) {
    println!("{what}: {:.0}/s ({events} in {taken:?})", events as f64 / taken.as_secs_f64());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures"]
async fn calendars_are_taken_at_speed() {
    let Some(engine) = storage::testing::Engine::postgres().await else { return };
    let config = engine.config();

    let store = storage::connect(&config).await.unwrap();
    store
        .write(|tx| async move {
            let table =
                Schema::new(tx.get_database_backend()).create_table_from_entity(row::Entity);
            Ok::<_, storage::Error>(tx.execute(&table).await?)
        })
        .await
        .unwrap();
    // Component, pool, meeting and change of each event; bodies as they are on average.
    for (what, payloads, events) in [("one of 10,000", 1, 10_000), ("200 of 50", 200, 50)] {
        let begun = Instant::now();
        let store = &store;
        let writes = (0..payloads).map(|payload| async move {
            let rows: Vec<_> = (0..4 * events)
                .map(|n| row::ActiveModel {
                    id: Set(format!("{what} {payload} {n} aaaaaaaaaaaaaaaaaa")),
                    company: Set("acme".into()),
                    number: Set(i64::from(n)),
                    body: Set(vec![7; if n % 4 < 2 { 600 } else { 30 }]),
                })
                .collect();
            let rows = &rows;
            let insert =
                |tx| async move { storage::insert_many(&tx, rows.iter().cloned(), None).await };
            store.write(insert).await.unwrap();
        });
        futures::stream::iter(writes).buffer_unordered(8).count().await;
        rate(&format!("bare inserts, {what}"), 10_000, begun.elapsed());
    }

    let settings = format!("store.url = '{}'\nstore.schema = '{}'", config.url, config.schema);
    let running = House::new().host::<calendar_ingest::App>(settings).open().await.unwrap();
    let max = running.context().max_message;
    let client = CalendarIngestServiceClient::new(running.link("calendar-ingest").unwrap())
        .max_encoding_message_size(max);
    let take = |company: String, source: String, payload: Vec<u8>| {
        let mut client = client.clone();
        async move {
            let request =
                wire::IngestEventsRequest { company, source, payload, ..Default::default() };
            client.ingest_events(request).await.unwrap().into_inner().changed as usize
        }
    };
    let large = calendar("large", 10_000);
    for what in ["one payload of 10,000 new", "the same again"] {
        let begun = Instant::now();
        take("large".into(), "export".into(), large.clone()).await;
        rate(what, 10_000, begun.elapsed());
    }
    for companies in [1, 8] {
        for again in ["new", "known"] {
            let payloads: Vec<_> = (0..200)
                .map(|n| {
                    let company = format!("c{companies}-{}", n % companies);
                    (company, format!("cal{n}"), calendar(&format!("cal{n}"), 50))
                })
                .collect();
            let begun = Instant::now();
            let work =
                payloads.into_iter().map(|(company, source, text)| take(company, source, text));
            futures::stream::iter(work).buffer_unordered(8).count().await;
            let what = format!("200 payloads of 50, {companies} companies, {again}");
            rate(&what, 10_000, begun.elapsed());
        }
    }
}
