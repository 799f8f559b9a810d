//! News of accounts, of settings and of plans, which concern more than one attempt.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use proto::provider::v1::watch_signals_response::News;
use proto::provider::v1::*;
use proto::time::to_wire;
use serde_json::json;
use storage::testing::Engine;

use crate::bodies::zoom;
use crate::world::{World, native, now};

#[tokio::test(flavor = "multi_thread")]
async fn news_of_accounts_are_for_whoever_plans_and_whoever_administers() {
    let world = World::on(Engine::file()).await;
    let problems = async || {
        let health = world.health(Adapter::ZoomNative).await;
        let zoom = health.into_iter().find(|one| one.name == "zoom").unwrap();
        let codes: Vec<String> = zoom.problems.into_iter().map(|problem| problem.code).collect();
        (codes, zoom.last_webhook_at)
    };
    assert_eq!(problems().await, (vec!["webhooks_silent".to_owned()], None));
    let changed = json!({ "event": "user.settings_updated", "event_ts": now().timestamp_millis(),
        "payload": { "account_id": "A1", "object": { "id": "u1", "settings": { "recording": { "cloud_recording": false } } },
            "old_object": { "id": "u1" } } });
    world.deliver("zoom", &changed.to_string()).await;
    world.until_told(&["facts changed"]).await;
    assert_eq!(problems().await, (vec![], Some(to_wire(now()))));
    let gone = json!({ "event": "app_deauthorized", "payload": { "account_id": "A1", "user_id": "u1",
        "deauthorization_time": "2026-11-22T10:00:00Z", "client_id": "c" } });
    world.deliver("zoom", &gone.to_string()).await;
    world.until_told(&["facts changed", "facts changed"]).await;
    assert_eq!(problems().await.0, ["app_deauthorized"]);
    // It is told of meetings again.
    world.deliver("zoom", &zoom("meeting.started", "5", "u5", 1, json!({}))).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(problems().await.0, Vec::<String>::new());
    let unset = world.health(Adapter::ZoomNative).await.into_iter().find(|one| one.name == "unset");
    assert_eq!(unset.unwrap().problems[0].code, "secret_missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_names_a_user_concerns_the_calls_of_that_member() {
    let world = World::on(Engine::file()).await;
    let host = |member: &str, email: &str, zoom: &str| HostFacts {
        member: member.into(),
        emails: vec![email.into()],
        zoom: Some(proto::eligibility::v1::ZoomFacts {
            email: Some(zoom.to_owned()).filter(|zoom| !zoom.is_empty()),
            ..Default::default()
        }),
    };
    let hosts = vec![
        host("ada", "Ada@acme.example", ""),
        host("bob", "bob@acme.example", "robert@zoom.acme.example"),
    ];
    let request = ApplyProviderFactsRequest {
        company: "acme".into(),
        policy_version: 1,
        hosts,
        ..Default::default()
    };
    world.client().apply_provider_facts(request).await.unwrap();
    let mut expected: Vec<Vec<String>> = Vec::new();
    for (n, (event, user, email, concerned)) in (0..).zip([
        ("user.deactivated", "u1", "ada@acme.example", Some(vec!["ada"])),
        ("user.updated", "u2", "robert@zoom.acme.example", Some(vec!["bob"])),
        // Of no member, so that no plan rests on it.
        ("user.deactivated", "u3", "guest@acme.example", None),
        // Whose it is nobody can tell: there is no address, and nobody to ask.
        ("user.settings_updated", "u4", "", Some(vec![])),
        ("account.settings_updated", "", "", Some(vec![])),
    ]) {
        let at = now().timestamp_millis() + n;
        let mut object =
            json!({ "id": user, "settings": { "recording": { "cloud_recording": n } } });
        if !email.is_empty() {
            object["email"] = json!(email);
        }
        let payload = json!({ "account_id": "A1", "operator": "ada@acme.example",
            "operator_id": "u1", "object": object });
        let body = json!({ "event": event, "event_ts": at, "payload": payload });
        assert_eq!(world.deliver("zoom", &body.to_string()).await, 200);
        expected.extend(concerned.map(|all| all.into_iter().map(str::to_owned).collect()));
        let told = expected.iter().map(|_| "facts changed").collect::<Vec<_>>();
        tokio::time::sleep(Duration::from_millis(100)).await;
        world.until_told(&told).await;
    }
    let members = world.news().await.into_iter().filter_map(|news| match news {
        News::FactsChanged(facts) => Some(facts.members),
        News::Signal(_) | News::PhoneCall(_) => None,
    });
    assert_eq!(members.collect::<Vec<_>>(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_plans_otherwise_is_looked_at_again() {
    let world = World::on(Engine::file()).await;
    let order = Order { organizer: "ada".into(), owner: "bob".into(), ..native("c1", "77") };
    world.dispatch(order).await;
    world.until_told(&["native_impossible"]).await;
    let before_now = (now() - TimeDelta::days(2)).timestamp_millis();
    let changed = |uuid: i64, before: DateTime<Utc>, after: DateTime<Utc>| {
        json!({ "event": "meeting.updated", "event_ts": before_now + uuid,
            "payload": { "account_id": "A1", "scope": "single",
                "object": { "id": 77, "start_time": after }, "old_object": { "id": 77, "start_time": before } } })
        .to_string()
    };
    // It was moved by an hour, two days before.
    let (start, hour) = (now(), TimeDelta::hours(1));
    world.clock.advance(TimeDelta::days(-2));
    world.deliver("zoom", &changed(1, start, start + hour)).await;
    world.until_told(&["native_impossible", "facts changed", "rescheduled"]).await;
    // Another one of the series was moved.
    world.deliver("zoom", &changed(2, start + hour * 3, start + hour * 5)).await;
    let mut all = vec!["native_impossible", "facts changed", "rescheduled", "facts changed"];
    world.until_told(&all).await;
    let cancelled = zoom("meeting.deleted", "77", "u1", -600, json!({ "start_time": start }));
    world.deliver("zoom", &cancelled).await;
    all.push("facts changed");
    world.until_told(&all).await;
    let members = world.news().await.into_iter().filter_map(|news| match news {
        News::FactsChanged(facts) => Some(facts.members),
        News::Signal(_) | News::PhoneCall(_) => None,
    });
    assert!(members.into_iter().all(|members| members == ["ada"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_right_again_in_the_order_in_which_it_happened() {
    let world = World::on(Engine::file()).await;
    let problems = async || {
        let health = world.health(Adapter::ZoomNative).await;
        let zoom = health.into_iter().find(|one| one.name == "zoom").unwrap();
        zoom.problems.into_iter().map(|problem| problem.code).collect::<Vec<_>>()
    };
    let storage = |minutes: i64| {
        let at = now() + TimeDelta::minutes(minutes);
        json!({ "event": "recording.cloud_storage_usage_updated", "event_ts": at.timestamp_millis(),
            "payload": { "account_id": "A1", "object": { "free_storage": "0 GB", "storage_exceed": "on",
                "subscription_plan_name": "pro", "plan_storage": "1 GB", "plan_type": "monthly", "used_storage": "1 GB",
                "used_percentage": 100, "exceed_date": "2026-11-22" } } })
        .to_string()
    };
    world.deliver("zoom", &storage(1)).await;
    let is = async |expected: &[&str]| {
        for _ in 0..200 {
            if problems().await == expected {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        assert_eq!(problems().await, expected);
    };
    is(&["storage_full"]).await;
    let files = json!({ "recording_files": [{ "id": "f1", "file_type": "MP4", "status": "completed",
        "recording_start": now(), "recording_end": now() + TimeDelta::minutes(5) }] });
    world.deliver("zoom", &zoom("recording.completed", "5", "u5", 9, files)).await;
    is(&[]).await;
}
