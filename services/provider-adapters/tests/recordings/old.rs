//! What is over for long is deleted, with all that hangs on it; what is stored or still to be done is not.

use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use fakes::dialers::{self, Dialers};
use fakes::{Fault, Match, Notice, Reply, wav};
use proto::provider::v1::Act;
use serde_json::json;
use storage::testing::{Engine, engines};

use crate::world::{Setting, World, clock, start};

const TABLES: [&str; 8] =
    ["attempt", "fence", "name", "instruction", "note", "import", "presence", "news"];

impl World {
    async fn rows(&self, table: &str) -> i64 {
        self.count(&format!("SELECT count(*) FROM provider_adapters_{table}")).await
    }

    /// Three months go by. News are as old as the database says, which has the time of this machine.
    async fn three_months_later(&self) {
        let behind = (Utc::now() - start()).max(TimeDelta::zero());
        self.advance(behind + TimeDelta::days(92));
    }
}

async fn played(engine: Engine, every: &str) -> (World, Dialers) {
    let theirs = clock();
    let dialers = Dialers::start(theirs.clone()).await;
    let public = dialers::Telnyx::new(7).public_key();
    let setting = Setting::default().with(&format!("journal.every = '{every}'")).connect(
        "telnyx",
        &dialers.url("/v2"),
        &public,
        &[("key", "dialer-token")],
    );
    (World::on(engine, theirs, World::address(), setting).await, dialers)
}

#[tokio::test]
async fn what_is_old_goes_and_what_is_stored_stays_until_it_is_thrown_away() {
    for engine in engines().await.into_iter().filter(Engine::is_shared) {
        let (world, dialers) = played(engine, "50ms").await;
        // One of which a recording is stored, one of which nothing is, and one that could not be fetched.
        for call in ["c1", "c2", "c4"] {
            world.order(World::call(call, "telnyx", &format!("session-{call}"))).await;
        }
        dialers.record("r1", "session-c1", wav(60, false));
        let hangup = json!({"data": {"record_type": "event", "event_type": "call.hangup", "id": "e1",
            "occurred_at": start(), "payload": {"call_session_id": "session-c2", "call_leg_id": "l1",
                "hangup_cause": "user_busy"}}});
        let sender = dialers::sender(
            &world.hook("telnyx"),
            Arc::new(dialers::Telnyx::new(7)),
            &fakes::Clock::held(start()),
        );
        assert!(sender.deliver(&Notice::json("call.hangup", &hangup)).await.delivered);
        world.hears("c2", "line_busy").await;
        world.fetches("c1", "imported 60 s").await;
        dialers.record("r4", "session-c4", wav(60, false));
        let closed = Fault::Answer(Reply::status(403));
        dialers.faults().add(Match::path("/media/r4"), closed);
        world.fetches("c4", "dialer_import_failed http_403").await;
        world.advance(TimeDelta::days(80));
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        assert_eq!((world.rows("attempt").await, world.rows("fence").await), (3, 3));
        assert!(world.rows("news").await > 0);

        world.three_months_later().await;
        let gone = async || world.rows("attempt").await == 1 && world.rows("news").await == 0;
        world.until("the old one to go", gone).await;
        let sql = "SELECT count(*) FROM provider_adapters_attempt WHERE call_id = 'c1'";
        assert_eq!((world.count(sql).await, world.rows("fence").await), (1, 1));
        assert_eq!((world.rows("import").await, world.files().len()), (1, 1));
        assert!(world.rows("name").await > 0, "that of the other one");

        // A new one comes, and is not old.
        world.order(World::call("c3", "telnyx", "session-c3")).await;
        world.act("c1", Act::Discard, 10).await;
        world.until("the file to go", async || world.files().is_empty()).await;
        let left = async || world.rows("import").await == 0 && world.rows("attempt").await == 1;
        world.until("all of it to go", left).await;
        for table in TABLES {
            let left = match table {
                "attempt" | "fence" | "name" => 1,
                _ => 0,
            };
            assert_eq!(world.rows(table).await, left, "{table}");
        }
        world.close().await;
    }
}

#[tokio::test]
async fn more_than_one_batch_goes_in_one_pass() {
    for engine in engines().await.into_iter().filter(Engine::is_shared) {
        let (world, _dialers) = played(engine, "50ms").await;
        world.orders((0..1000).map(|n| World::call(&format!("c{n}"), "none", "s"))).await;
        let kept = World::call("kept", "telnyx", "s");
        world.order(kept).await;
        assert_eq!(world.rows("attempt").await, 1001);
        world.three_months_later().await;
        // Something is still to be done for this one, which nobody does.
        world.undone("kept").await;
        let gone = async || world.rows("attempt").await == 1 && world.rows("news").await == 0;
        world.until("the batches to go", gone).await;
        assert_eq!(world.rows("fence").await, 1);
        world.close().await;
    }
}
