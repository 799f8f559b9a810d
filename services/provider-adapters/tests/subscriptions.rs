//! What providers are to notify us of: made by us at providers that are played over real sockets and deliver to our own
//! listener, kept alive, and made again whatever befalls it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "subscriptions/world.rs"]
mod world;

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use fakes::{Fault, Match};
use http::Method as Verb;
use proto::provider::v1::*;
use proto::time::to_wire;
use proto::verdict::v1::{Conference, Provider};
use serde_json::json;
use storage::testing::{Engine, engines};
use world::{JOIN, OF_WEBEX, RECORDINGS, RECORDS, World, now};

fn subscribing() -> Match {
    Match::path("/v1.0/subscriptions").method(Verb::POST)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wanted_is_made_once_however_many_replicas_there_are() {
    for engine in engines().await.into_iter().filter(Engine::is_shared) {
        let world = World::on(engine, &format!("{RECORDS}, {RECORDINGS}, users")).await;
        let others = [world.replica().await, world.replica().await];
        world.until_made().await;
        for resource in [RECORDS, RECORDINGS, "users"] {
            let one = world.graph.subscription(&world.to(resource));
            assert_eq!(one["url"], world.url("teams"));
            assert_eq!(one["lifecycle_url"], world.url("teams"), "it cannot be told later");
            assert_eq!(one["state"], "the state we gave");
            let rich = if resource == RECORDINGS { json!("cert-1") } else { json!(null) };
            assert_eq!(one["certificate"], rich, "{resource}");
        }
        assert_eq!(world.carried_out(&Verb::POST, "/v1.0/subscriptions"), 3);
        let webhooks = world.webex.webhooks();
        let resources: BTreeSet<&str> =
            webhooks.iter().filter_map(|one| one["resource"].as_str()).collect();
        assert_eq!(resources, BTreeSet::from(OF_WEBEX));
        for one in &webhooks {
            assert_eq!((&one["event"], &one["status"]), (&json!("all"), &json!("active")));
            assert_eq!(one["targetUrl"], world.url("webex"));
            assert_eq!(one["secret"], "the secret of webex");
        }
        let made = world.webex.log().of(&Verb::POST, "/v1/webhooks").len();
        assert_eq!(made, 3);
        for other in others {
            other.shutdown().await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_is_renewed_long_before_it_ends() {
    let world = World::new().await;
    world.until_made().await;
    let before: BTreeSet<String> = world.graph.subscriptions().into_iter().collect();
    for _ in 0..10 {
        world.advance(TimeDelta::hours(12));
        world
            .until("all to hold for a day", async || {
                world.graph.subscriptions().iter().all(|id| {
                    let expires: DateTime<Utc> =
                        serde_json::from_value(world.graph.subscription(id)["expires"].clone())
                            .unwrap();
                    expires - world.now() >= TimeDelta::hours(24) - TimeDelta::minutes(11)
                })
            })
            .await;
    }
    let after: BTreeSet<String> = world.graph.subscriptions().into_iter().collect();
    assert_eq!(before, after, "the same ones all the time");
    world.until_made().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_befalls_a_subscription_is_answered() {
    let world = World::new().await;
    world.until_made().await;
    // It wants to be confirmed, and tells nothing until it is.
    let records = world.to(RECORDS);
    world.graph.lifecycle(&records, "reauthorizationRequired");
    world.graph.settled().await;
    let renewals = || world.carried_out(&Verb::PATCH, &format!("/v1.0/subscriptions/{records}"));
    world.until("a confirmation", async || renewals() == 1).await;
    // It is gone, and another one is there at once.
    world.graph.lifecycle(&records, "subscriptionRemoved");
    world.graph.settled().await;
    world.until_made().await;
    let next = world.to(RECORDS);
    assert_ne!(next, records);
    assert_eq!(world.carried_out(&Verb::POST, "/v1.0/subscriptions"), 4);
    // Word of one that was replaced long ago changes nothing.
    assert_eq!(world.problems("teams").await, []);
    // What was lost is told to whoever administers, for a while.
    world.advance(TimeDelta::minutes(1));
    world.graph.lifecycle(&next, "missed");
    world.graph.settled().await;
    let missed = (Severity::Warning, "notifications_missed".to_owned());
    world.until("a warning", async || world.problems("teams").await == [missed.clone()]).await;
    let health = world.health("teams").await;
    assert!(health.problems[0].remedy.contains("/webhooks/teams"), "{health:?}");
    world.advance(TimeDelta::hours(25));
    world.until("nothing", async || world.problems("teams").await.is_empty()).await;
    assert_eq!(world.to(RECORDS), next);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_gone_without_a_word_is_missed() {
    let world = World::new().await;
    world.until_made().await;
    let gone = world.to(RECORDINGS);
    world.graph.forget_subscription(&gone);
    world.advance(TimeDelta::minutes(11));
    world.until_made().await;
    assert_ne!(world.to(RECORDINGS), gone);
}

#[tokio::test(flavor = "multi_thread")]
async fn content_comes_encrypted_and_is_told_as_what_it_means() {
    for engine in engines().await.into_iter().filter(Engine::is_shared) {
        let filter = format!("/communications/onlineMeetings/?$filter=JoinWebUrl eq '{JOIN}'");
        let world = World::on(engine, &filter).await;
        let attempt =
            Attempt { company: "acme".into(), call_id: "c1".into(), plan_revision: 1, run: 0 };
        let order = Order {
            attempt: Some(attempt),
            adapter: Adapter::Teams.into(),
            method: Method::Bot.into(),
            conference: Some(Conference {
                provider: Provider::Teams.into(),
                id: "19:meeting_Zm9v@thread.v2".into(),
            }),
            start: Some(to_wire(now())),
            end: Some(to_wire(now() + TimeDelta::minutes(30))),
            join_url: JOIN.into(),
            ..Default::default()
        };
        let request = DispatchRequest { orders: vec![order] };
        world.client().dispatch(request).await.unwrap();
        world.until_made().await;
        let meeting = world.graph.add_meeting("ada", JOIN);
        world.graph.call(&meeting, "CallStarted", &[], &[]);
        world.graph.settled().await;
        world.until("news", async || world.told().await == ["meeting_started"]).await;
        assert_eq!(world.health("teams").await.refused_webhooks, 0);
        // What is sealed for somebody else, or vouched for by nobody, is no news.
        let mut others = world.graph.keys();
        let modulus = others["keys"][0]["n"].as_str().unwrap();
        let other = if modulus.as_bytes()[100] == b'A' { "B" } else { "A" };
        others["keys"][0]["n"] = json!([&modulus[..100], other, &modulus[101..]].concat());
        world.write("keys", others.to_string().as_bytes());
        let world = world.restarted(&filter).await;
        world.graph.call(&meeting, "CallEnded", &[], &[]);
        world.graph.settled().await;
        world.until("a refusal", async || world.health("teams").await.refused_webhooks > 0).await;
        assert_eq!(world.told().await, ["meeting_started"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_in_passing_there_is_one_of_each() {
    let faults: [(&str, Match, Fault); 6] = [
        ("busy", Match::path("/v1.0/subscriptions").times(3), Fault::busy(1)),
        ("failure", Match::all().times(4), Fault::failure(503)),
        ("no token", Match::path("/oauth2/").times(2), Fault::failure(500)),
        ("broken before", subscribing().times(2), Fault::DropBefore),
        ("broken after", subscribing().times(2), Fault::DropAfter),
        ("no JSON", subscribing().once(), Fault::Page),
    ];
    for (name, which, fault) in faults {
        let resources = format!("{RECORDS}, {RECORDINGS}");
        let world = World::reached(Engine::file(), &resources, None, |(graph, _, _)| {
            graph.faults().add(which, fault);
        })
        .await;
        world.until_made().await;
        world.advance(TimeDelta::minutes(11));
        tokio::time::sleep(Duration::from_millis(300)).await;
        world.until_made().await;
        assert_eq!(world.graph.subscriptions().len(), 2, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_has_to_mend_is_told_with_what_to_do() {
    // Nobody answers where we said we are.
    let elsewhere = Some("http://127.0.0.1:9");
    let world = World::reached(Engine::file(), RECORDS, elsewhere, |_| {}).await;
    let missing = ["subscription_missing".to_owned()];
    world
        .until("trouble", async || {
            let health = world.health("teams").await;
            health.problems.iter().any(|one| one.remedy.contains("from the Internet"))
        })
        .await;
    assert_eq!(world.subscription_problems("teams").await, missing);
    // The secret is wrong.
    let world = World::reached(Engine::file(), RECORDS, None, |(_, _, files)| {
        std::fs::write(files.join("graph"), "another").unwrap();
        std::fs::write(files.join("webex-grant"), "another").unwrap();
    })
    .await;
    for connection in ["teams", "webex"] {
        world
            .until("credentials refused", async || {
                let all = world.problems(connection).await;
                all.first() == Some(&(Severity::Error, "credentials_refused".to_owned()))
                    && all.contains(&(Severity::Warning, missing[0].clone()))
            })
            .await;
        assert_eq!(world.health(connection).await.last_answer_at, None);
    }
    // It is mended.
    world.write("graph", world.graph.options().secret.as_bytes());
    world.write("webex-grant", world.webex.grant().2.as_bytes());
    let world = world.restarted(RECORDS).await;
    world.until_made().await;
    for connection in ["teams", "webex"] {
        let codes: Vec<String> =
            world.problems(connection).await.into_iter().map(|(_, code)| code).collect();
        assert!(!codes.contains(&"credentials_refused".to_owned()), "{codes:?}");
        assert!(world.health(connection).await.last_answer_at.is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_ends_because_nothing_can_be_renewed_is_warned_of_in_time() {
    let world = World::on(Engine::file(), RECORDS).await;
    world.until_made().await;
    let renewing = Match::path("/v1.0/subscriptions").method(Verb::GET);
    world.graph.faults().add(renewing, Fault::failure(503));
    world.advance(TimeDelta::hours(40));
    let told = async |code: &str| world.subscription_problems("teams").await == [code.to_owned()];
    world.until("a warning", async || told("subscription_expiring").await).await;
    world.advance(TimeDelta::hours(12));
    world.until("another", async || told("subscription_missing").await).await;
    world.graph.faults().clear();
    world.until_made().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_wanted_any_more_or_otherwise_is_ended_or_made_anew() {
    let world = World::new().await;
    world.until_made().await;
    let (kept, users) = (world.to(RECORDS), world.to("users"));
    let world = world.restarted(&format!("{RECORDS}, {RECORDINGS}")).await;
    world.until_made().await;
    assert_eq!(world.to(RECORDS), kept);
    assert!(!world.graph.subscriptions().contains(&users));
    // With another secret notifications prove themselves otherwise, which cannot be told of the one there is.
    world.write("state", b"another state");
    world.write("webex", b"another secret");
    let world = world.restarted(RECORDS).await;
    world
        .until("another one", async || {
            let all = world.graph.subscriptions();
            all.len() == 1 && world.graph.subscription(&all[0])["state"] == "another state"
        })
        .await;
    assert_ne!(world.to(RECORDS), kept);
    world
        .until("the other secret", async || {
            world.webex.webhooks().iter().all(|one| one["secret"] == "another secret")
        })
        .await;
    assert_eq!(world.webex.webhooks().len(), 3, "a secret of Webex can be changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn webex_is_made_to_tell_again_and_tells_once() {
    let world = World::on(Engine::file(), RECORDS).await;
    world.until_made().await;
    let of = |resource: &str| {
        let all = world.webex.webhooks();
        let mut found = all.iter().filter(|one| one["resource"] == resource);
        found.next().unwrap()["id"].as_str().unwrap().to_owned()
    };
    let (meetings, recordings) = (of("meetings"), of("recordings"));
    // Somebody made another one to our address; it would tell everything twice.
    let double = json!({"name": "another", "targetUrl": world.url("webex"), "resource": "meetings",
        "event": "all", "secret": "another"});
    let client = reqwest_like(&world, &double).await;
    assert_eq!(client, 200);
    world.webex.give_up(&meetings);
    world.advance(TimeDelta::minutes(11));
    world
        .until("what there was", async || {
            let all = world.webex.webhooks();
            all.len() == 3 && all.iter().all(|one| one["status"] == "active")
        })
        .await;
    assert_eq!((of("meetings"), of("recordings")), (meetings.clone(), recordings));
    // What it tells is believed, and an event told twice is told once.
    let attempt =
        Attempt { company: "acme".into(), call_id: "c1".into(), plan_revision: 1, run: 0 };
    let link = "https://acme.webex.com/acme/j.php?MTID=m1";
    let meeting = world.webex.add_meeting(link, None, json!({}));
    let order = Order {
        attempt: Some(attempt),
        adapter: Adapter::Webex.into(),
        method: Method::Bot.into(),
        conference: Some(Conference { provider: Provider::Webex.into(), id: "m1".into() }),
        start: Some(to_wire(world.now())),
        end: Some(to_wire(world.now() + TimeDelta::minutes(30))),
        join_url: link.into(),
        ..Default::default()
    };
    world.client().dispatch(DispatchRequest { orders: vec![order] }).await.unwrap();
    world.webex.begin(&meeting);
    world.webex.settled().await;
    world.until("news", async || world.told().await == ["meeting_started"]).await;
    assert_eq!(world.health("webex").await.refused_webhooks, 0);
    // One that is deleted there is made again.
    let (method, path) = (Verb::DELETE, format!("/webhooks/{meetings}"));
    assert_eq!(asked(&world, method, &path, None).await, 204);
    world.advance(TimeDelta::minutes(11));
    world.until_made().await;
    assert_ne!(of("meetings"), meetings);
}

/// Makes a webhook at Webex as somebody else.
async fn reqwest_like(world: &World, body: &serde_json::Value) -> u16 {
    asked(world, Verb::POST, "/webhooks", Some(body)).await
}

async fn asked(world: &World, method: Verb, path: &str, body: Option<&serde_json::Value>) -> u16 {
    let http = remote::Http::new(&remote::Settings::default()).unwrap();
    let url = format!("{}{path}", world.webex.api_url()).parse().unwrap();
    let mut headers = http::HeaderMap::new();
    let token = format!("Bearer {}", world.webex.token());
    headers.insert(http::header::AUTHORIZATION, token.parse().unwrap());
    headers.insert(http::header::CONTENT_TYPE, "application/json".parse().unwrap());
    let body = body.map(|body| body.to_string().into());
    http.send(method, url, headers, body).await.unwrap().status.as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_changed_concerns_the_calls_of_that_member_alone() {
    let world = World::new().await;
    world.until_made().await;
    world.graph.add_user("u-ada", "ada@acme.example");
    world.graph.add_user("u-guest", "guest@elsewhere.example");
    for (user, change) in [("u-guest", "updated"), ("u-ada", "updated"), ("u-gone", "deleted")] {
        world.graph.change_user(user, change);
        world.graph.settled().await;
    }
    world.until("news", async || world.told().await.len() == 2).await;
    let told = world.told().await;
    assert!(told.contains(&r#"facts of ["ada"]"#.to_owned()), "{told:?}");
    assert!(
        told.contains(&"facts of []".to_owned()),
        "whose a deleted user was nobody tells: {told:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_provider_last_answered_is_noted_once_a_minute() {
    let world = World::on(Engine::file(), RECORDS).await;
    world.until_made().await;
    let first = world.health("teams").await.last_answer_at.unwrap();
    world.advance(TimeDelta::minutes(11));
    world
        .until("another answer", async || {
            let last = world.health("teams").await.last_answer_at.unwrap();
            last.seconds - first.seconds >= 600
        })
        .await;
}
