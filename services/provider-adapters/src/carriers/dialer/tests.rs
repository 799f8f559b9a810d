//! Calls whose telephone system is not set up, or is not any more.

use proto::provider::v1::{Method, PhoneCall};
use storage::testing::Engine;

use super::*;
use crate::attempts::Attempt;
use crate::carry::Name;
use crate::imports::{Located, Source as _};

fn job(connection: Option<&str>) -> Job {
    let attempt =
        Attempt { company: "acme".into(), call_id: "c1".into(), plan_revision: 1, run: 0 };
    let phone_call =
        PhoneCall { external_id: "k1".into(), connection: "phones".into(), ..Default::default() };
    let order = Order {
        attempt,
        adapter: Which::Dialer,
        method: Method::DialerImport,
        conference: None,
        join_url: None,
        start: None,
        end: None,
        join_at: None,
        latest_join: None,
        announcement: false,
        owner: String::new(),
        organizer: String::new(),
        policy_version: 1,
        phone_call: Some(phone_call),
        upload: None,
    };
    let of = |value: &str| Name { kind: Kind::Connection, value: value.to_owned() };
    let names = connection.map(of).into_iter().collect();
    Job { order, names, number: 1, what: "stop", tries: 0, now: DateTime::UNIX_EPOCH }
}

#[tokio::test]
async fn what_a_system_began_that_is_gone_from_the_settings_is_not_taken_for_done() {
    let engine = Engine::file();
    let journal = Journal::new(crate::store::open(&engine.config()).await.unwrap());
    let dialer = Dialer { desks: Vec::new(), journal };
    let begun = job(Some("phones"));
    assert!(dialer.withdraw(&begun).await.is_err());
    for act in [Act::Stop, Act::Discard] {
        assert!(dialer.act(&begun, act).await.is_err());
    }
    assert!(matches!(dialer.locate(&begun).await, Err(trouble) if trouble.then == THEN));
    // Nobody was ever asked for it, so nothing is to be ended.
    assert!(dialer.withdraw(&job(None)).await.is_ok());
    assert!(matches!(dialer.locate(&job(None)).await, Ok(Located::Lost(..))));
}
