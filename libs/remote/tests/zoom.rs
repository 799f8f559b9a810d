//! Zoom's client against Zoom as it is played, with faults.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use fakes::zoom::{self as played, Zoom};
use fakes::{Fault, Match, Server};
use http::Method;
use remote::zoom::preconditions::{Facts, Obstacle, Possibility, assess};
use remote::zoom::{
    Account, AutoRecording, Client, Control, Listing, Locks, Removal, ServerToServer, Settings,
    UserToken, Which,
};
use remote::{
    Base, Budget, DailyBudget, Error, Http, Limit, Mint, Minted, Tokens, Unbounded, Weight,
    WithinProcess,
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

fn client_with(zoom: &Zoom, secret: &str, updates: Arc<dyn DailyBudget>) -> Client {
    client_for(zoom, secret, updates, remote::Settings::default().timeout)
}

fn client_for(
    zoom: &Zoom,
    secret: &str,
    updates: Arc<dyn DailyBudget>,
    timeout: Duration,
) -> Client {
    let http = Http::new(&remote::Settings { timeout, ..Default::default() }).unwrap();
    let (settings, account) = (settings(zoom), account(zoom, secret));
    Client::new(&http, &settings, account, Budget::unbounded(), updates)
}

fn settings(zoom: &Zoom) -> Settings {
    Settings {
        api: Base::new(&zoom.api_url()).unwrap(),
        oauth: Base::new(&zoom.oauth_url()).unwrap(),
    }
}

fn account(zoom: &Zoom, secret: &str) -> Account {
    Account {
        id: zoom.options().account.clone(),
        client_id: zoom.options().client_id.clone(),
        client_secret: secret.to_owned().into(),
    }
}

async fn world() -> (Zoom, Client) {
    let zoom = Zoom::start().await;
    let secret = zoom.options().client_secret.clone();
    let client = client_with(&zoom, &secret, Arc::new(Unbounded));
    (zoom, client)
}

fn noon() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2026-03-02T12:00:00Z").unwrap().to_utc()
}

/// The clock of this machine, which is also the played Zoom's.
fn now() -> DateTime<Utc> {
    fakes::Clock::system().now()
}

fn requests(zoom: &Zoom) -> usize {
    zoom.log().all().iter().filter(|seen| seen.path.starts_with("/v2")).count()
}

#[tokio::test]
async fn a_user_is_read_with_settings_and_locks() {
    let (zoom, client) = world().await;
    let ada = zoom.add_user("ada@acme.example");
    let bob = zoom.add_user("bob@acme.example");
    zoom.let_schedule(&bob, &ada);
    zoom.lock_group("g1", &ada, json!({"recording": {"local_recording": true}}));
    let user = client.user("ada@acme.example").await.unwrap();
    assert_eq!((user.id.as_str(), user.licensed()), (ada.as_str(), Some(true)));
    assert_eq!(user.groups, ["g1"]);
    let settings = client.user_settings(&ada).await.unwrap();
    assert_eq!(settings.cloud_recording, Some(true));
    assert_eq!(client.account_locks().await.unwrap().cloud_recording, Some(false));
    assert_eq!(client.group_locks("g1").await.unwrap().local_recording, Some(true));
    assert_eq!(client.schedulers(&bob).await.unwrap()[0].id, ada);
    assert_eq!(client.assistants(&ada).await.unwrap()[0].id, bob);
    let security = client.security(&ada).await.unwrap();
    assert_eq!((security.authentication, security.end_to_end), (Some(false), Some(false)));
    let left = client.left(Weight::Medium).unwrap();
    assert_eq!((left.calls, left.of), (5893, Some(6000)));
    assert_eq!(client.left(Weight::Heavy), None);
    // All of it with one token.
    assert_eq!(zoom.minted(), 1);
}

#[tokio::test]
async fn who_is_missing_is_told_without_an_address() {
    let (_zoom, client) = world().await;
    let error = client.user("eve@acme.example").await.unwrap_err();
    assert_eq!(error.code(), Some("1001"));
    assert!(matches!(error, Error::NotFound { .. }));
    assert!(!format!("{error} {error:?}").contains("eve"));
    assert_eq!(client.meeting("1").await.unwrap_err().code(), Some("3001"));
}

#[tokio::test]
async fn a_wrong_secret_is_told_and_nothing_is_asked() {
    let zoom = Zoom::start().await;
    let client = client_with(&zoom, "wrong", Arc::new(Unbounded));
    let error = client.user("ada@acme.example").await.unwrap_err();
    assert_eq!(error.code(), Some("invalid_client"));
    assert!(matches!(error, Error::Unauthorised { .. }) && !error.is_transient());
    assert_eq!(requests(&zoom), 0);
}

#[tokio::test]
async fn lapsed_tokens_are_replaced_and_a_removed_application_is_told() {
    let (zoom, client) = world().await;
    let ada = zoom.add_user("ada@acme.example");
    client.user(&ada).await.unwrap();
    zoom.expire_tokens();
    client.user(&ada).await.unwrap();
    assert_eq!((zoom.minted(), requests(&zoom)), (2, 3));
    zoom.deauthorize();
    assert!(matches!(client.user(&ada).await, Err(Error::Unauthorised { .. })));
}

#[tokio::test]
async fn a_lapsed_token_costs_no_second_update() {
    let zoom = Zoom::start().await;
    let secret = zoom.options().client_secret.clone();
    let client = client_with(&zoom, &secret, Arc::new(WithinProcess::new(1)));
    let ada = zoom.add_user("ada@acme.example");
    let meeting = zoom.schedule(&ada, noon(), 30).to_string();
    client.sign_in().await.unwrap();
    zoom.expire_tokens();
    let cloud = AutoRecording::Cloud;
    client.set_auto_recording(&meeting, None, &cloud, &ada, noon()).await.unwrap();
    assert_eq!(zoom.log().count(&Method::PATCH, "/v2/meetings"), 2);
    let read = client.meeting(&meeting).await.unwrap();
    assert_eq!(read.settings.auto_recording, Some(cloud));
}

#[tokio::test]
async fn what_fails_at_the_door_was_not_done() {
    for fault in [
        Fault::failure(503),
        Fault::failure(404),
        Fault::Page,
        Fault::DropAfter,
        Fault::busy(0),
        Fault::Answer(fakes::Reply::json(200, &json!({"expires_in": 3600}))),
    ] {
        let (zoom, client) = world().await;
        zoom.faults().add(Match::path("/oauth/token").once(), fault.clone());
        let error = client.control_recording("1", Control::Start).await.unwrap_err();
        assert!(!error.may_have_been_done(), "{fault:?}");
        assert!(!matches!(error, Error::NotFound { .. }), "{fault:?}");
        assert_eq!(requests(&zoom), 0);
        // Nothing of it is kept.
        let next = client.control_recording("1", Control::Start).await.unwrap_err();
        assert_eq!(next.code(), Some("3001"));
    }
}

#[tokio::test]
async fn two_processes_that_end_each_others_tokens_get_along() {
    let (zoom, one) = world().await;
    zoom.one_token_at_a_time();
    let ada = zoom.add_user("ada@acme.example");
    let secret = zoom.options().client_secret.clone();
    let other = client_with(&zoom, &secret, Arc::new(Unbounded));
    for _ in 0..3 {
        one.user(&ada).await.unwrap();
        other.user(&ada).await.unwrap();
    }
}

/// Brings the same token to everybody.
#[derive(Debug)]
struct Shared(Arc<ServerToServer>, tokio::sync::Mutex<Option<String>>);

#[async_trait::async_trait]
impl Mint for Shared {
    async fn mint(&self) -> Result<Minted, Error> {
        let mut kept = self.1.lock().await;
        if kept.is_none() {
            *kept = Some(self.0.mint().await?.token.expose_secret().to_owned());
        }
        let token = kept.clone().unwrap().into();
        Ok(Minted { token, lifetime: Duration::from_secs(3600) })
    }
}

#[tokio::test]
async fn two_processes_can_share_a_token() {
    let (zoom, _) = world().await;
    zoom.one_token_at_a_time();
    let ada = zoom.add_user("ada@acme.example");
    let http = Http::new(&remote::Settings::default()).unwrap();
    let settings = settings(&zoom);
    let secret = zoom.options().client_secret.clone();
    let oauth = settings.oauth.clone();
    let mint = Arc::new(ServerToServer::new(http.clone(), oauth, account(&zoom, &secret)));
    let shared: Arc<dyn Mint> = Arc::new(Shared(mint, tokio::sync::Mutex::default()));
    let process = || {
        let tokens = Tokens::new(Arc::clone(&shared));
        let id = &zoom.options().account;
        Client::with_tokens(&http, &settings, id, tokens, Budget::unbounded(), Arc::new(Unbounded))
    };
    let (one, other) = (process(), process());
    for _ in 0..3 {
        one.user(&ada).await.unwrap();
        other.user(&ada).await.unwrap();
    }
    assert_eq!((zoom.minted(), requests(&zoom)), (1, 6));
}

#[tokio::test]
async fn a_meeting_is_armed_within_the_days_budget() {
    let zoom = Zoom::start().await;
    let secret = zoom.options().client_secret.clone();
    let client = client_with(&zoom, &secret, Arc::new(WithinProcess::new(2)));
    let ada = zoom.add_user("ada@acme.example");
    let meeting = zoom.schedule(&ada, noon(), 30).to_string();
    for choice in [AutoRecording::Cloud, AutoRecording::None] {
        client.set_auto_recording(&meeting, None, &choice, &ada, noon()).await.unwrap();
        let read = client.meeting(&meeting).await.unwrap();
        assert_eq!(read.settings.auto_recording, Some(choice));
    }
    let cloud = AutoRecording::Cloud;
    let error = client.set_auto_recording(&meeting, None, &cloud, &ada, noon()).await.unwrap_err();
    let wait = Some(Duration::from_secs(12 * 3600));
    assert_eq!(error, Error::Busy { limit: Limit::OurDay, retry_after: wait });
    assert_eq!(zoom.log().count(&Method::PATCH, "/v2/meetings"), 2);
    let tomorrow = noon() + TimeDelta::hours(12);
    client.set_auto_recording(&meeting, None, &cloud, &ada, tomorrow).await.unwrap();
}

#[tokio::test]
async fn zooms_own_count_of_the_day_is_understood() {
    let (zoom, client) = world().await;
    let ada = zoom.add_user("ada@acme.example");
    let meeting = zoom.schedule(&ada, noon(), 30).to_string();
    let arm = async || {
        client.set_auto_recording(&meeting, None, &AutoRecording::Cloud, &ada, noon()).await
    };
    for _ in 0..100 {
        arm().await.unwrap();
    }
    let error = arm().await.unwrap_err();
    let Error::Busy { limit: Limit::Day, retry_after: Some(wait) } = error else {
        panic!("{error:?}");
    };
    assert!(wait <= Duration::from_secs(86_400));
    // Only changes are counted: reading goes on.
    client.meeting(&meeting).await.unwrap();
}

#[tokio::test]
async fn a_success_that_changed_nothing_is_seen_by_reading_again() {
    let (zoom, client) = world().await;
    let ada = zoom.add_user("ada@acme.example");
    let meeting = zoom.schedule(&ada, noon(), 30).to_string();
    zoom.lock_account(json!({"recording": {"auto_recording": true}}));
    let cloud = AutoRecording::Cloud;
    client.set_auto_recording(&meeting, None, &cloud, &ada, noon()).await.unwrap();
    let read = client.meeting(&meeting).await.unwrap();
    assert_eq!(read.settings.auto_recording, Some(AutoRecording::None));
}

#[tokio::test]
async fn every_run_is_found_whatever_its_uuid() {
    let (zoom, client) = world().await;
    let ada = zoom.add_user("ada@acme.example");
    let meeting = zoom.schedule(&ada, noon(), 30);
    zoom.change_meeting(meeting, &json!({"settings": {"auto_recording": "cloud"}}));
    let mut uuids = Vec::new();
    for _ in 0..6 {
        let uuid = zoom.begin(meeting);
        zoom.end(meeting);
        zoom.finish(&uuid);
        let found = client.recordings(Which::Run(&uuid)).await.unwrap();
        assert_eq!(found.uuid.as_deref(), Some(uuid.as_str()));
        uuids.push(uuid);
    }
    assert!(uuids.iter().any(|uuid| uuid.starts_with('/')));
    assert!(uuids.iter().any(|uuid| uuid.contains("//")));
    let instances = client.instances(&meeting.to_string()).await.unwrap();
    assert_eq!(instances.iter().map(|one| one.uuid.clone()).collect::<Vec<_>>(), uuids);
    // Of the meeting, the last run is meant.
    let last = client.recordings(Which::Meeting(&meeting.to_string())).await.unwrap();
    assert_eq!(last.uuid, uuids.last().cloned());
}

#[tokio::test]
async fn files_are_late_and_then_there() {
    let (zoom, client) = world().await;
    let ada = zoom.add_user("ada@acme.example");
    let meeting = zoom.schedule(&ada, noon(), 30);
    zoom.set_media("MP4", "picture");
    let uuid = zoom.begin(meeting);
    zoom.record(meeting, played::Control::Start);
    let error = client.recordings(Which::Run(&uuid)).await.unwrap_err();
    assert_eq!(error.code(), Some("3301"));
    zoom.files_after(Duration::from_millis(50));
    zoom.end(meeting);
    let recordings = loop {
        match client.recordings(Which::Run(&uuid)).await {
            Ok(recordings) => break recordings,
            Err(Error::NotFound { .. }) => tokio::time::sleep(Duration::from_millis(10)).await,
            Err(error) => panic!("{error:?}"),
        }
    };
    assert!(recordings.ready() && recordings.download_token.is_some());
    assert_eq!(recordings.meeting, Some(meeting.to_string()));
    let kinds: Vec<_> = recordings.files.iter().map(|file| file.kind.clone().unwrap()).collect();
    assert_eq!(kinds, ["MP4", "M4A", "TIMELINE"]);
    assert_eq!((recordings.files[0].bytes, &recordings.files[2].id), (Some(7), &None));
    let day = |days: i64| (now() + TimeDelta::days(days)).date_naive();
    let listed = client.user_recordings(&ada, day(-1), day(1), None).await.unwrap();
    assert_eq!(listed.items[0].uuid.as_deref(), Some(uuid.as_str()));
    let old = client.user_recordings(&ada, NaiveDate::MIN, day(-2), None).await;
    assert!(old.unwrap().items.is_empty());
}

#[tokio::test]
async fn a_running_recording_is_steered() {
    let (zoom, client) = world().await;
    let ada = zoom.add_user("ada@acme.example");
    let meeting = zoom.schedule(&ada, noon(), 30);
    let number = meeting.to_string();
    let early = client.control_recording(&number, Control::Start).await;
    assert!(matches!(early, Err(Error::Refused { .. })));
    zoom.begin(meeting);
    zoom.outbox().hold();
    for control in [Control::Start, Control::Pause, Control::Resume, Control::Stop] {
        client.control_recording(&number, control).await.unwrap();
    }
    let told: Vec<_> = zoom.outbox().held().into_iter().map(|notice| notice.name).collect();
    assert_eq!(
        told,
        ["recording.started", "recording.paused", "recording.resumed", "recording.stopped"]
    );
    let twice = client.control_recording(&number, Control::Stop).await;
    assert!(matches!(twice, Err(Error::Refused { .. })));
}

#[tokio::test]
async fn what_was_done_without_an_answer_is_told_as_perhaps_done() {
    for (fault, done) in [
        (Fault::DropBefore, false),
        (Fault::DropAfter, true),
        (Fault::SlowAfter(Duration::from_secs(60)), true),
    ] {
        let zoom = Zoom::start().await;
        let secret = zoom.options().client_secret.clone();
        let client = client_for(&zoom, &secret, Arc::new(Unbounded), Duration::from_secs(3));
        let ada = zoom.add_user("ada@acme.example");
        let meeting = zoom.schedule(&ada, noon(), 30);
        zoom.begin(meeting);
        zoom.outbox().hold();
        zoom.faults().add(Match::path("/live_meetings"), fault.clone());
        let number = meeting.to_string();
        let error = client.control_recording(&number, Control::Start).await.unwrap_err();
        assert!(error.may_have_been_done() && error.is_transient(), "{fault:?}");
        assert_eq!(zoom.outbox().held().len(), usize::from(done), "{fault:?}");
        assert_eq!(zoom.log().count(&Method::PATCH, "/v2/live_meetings"), 1);
    }
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let (zoom, client) = world().await;
    let ada = zoom.add_user("ada@acme.example");
    let once = |fault| zoom.faults().add(Match::path("/users").once(), fault);
    once(played::missing_scope("user:read:user:admin"));
    let Err(Error::Forbidden { code, text, missing_scope: true }) = client.user(&ada).await else {
        panic!("not a missing scope");
    };
    assert_eq!(code, "4711");
    assert!(text.contains("user:read:user:admin"));
    once(played::not_in_plan());
    let plan = client.user(&ada).await;
    assert!(matches!(plan, Err(Error::Forbidden { missing_scope: false, .. })));
    once(played::busy_day(now() + TimeDelta::hours(1)));
    let Err(Error::Busy { limit: Limit::Day, retry_after: Some(wait) }) = client.user(&ada).await
    else {
        panic!("not a day");
    };
    assert!(wait > Duration::from_secs(3590) && wait <= Duration::from_secs(3601));
    once(played::busy_second());
    let error = client.user(&ada).await.unwrap_err();
    let second = Some(Duration::from_secs(1));
    assert_eq!(error, Error::Busy { limit: Limit::Rate, retry_after: second });
    // None of these is a reason for another token.
    assert_eq!(zoom.minted(), 1);
}

#[tokio::test]
async fn a_long_list_comes_in_parts() {
    let (zoom, client) = world().await;
    let ada = zoom.add_user("ada@acme.example");
    for day in 0..650 {
        zoom.schedule(&ada, noon() + TimeDelta::days(day), 30);
    }
    let (mut count, mut next) = (0, None);
    loop {
        let page = client.meetings(&ada, Listing::Upcoming, next.as_ref()).await.unwrap();
        count += page.items.len();
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    assert_eq!((count, zoom.log().count(&Method::GET, "/v2/users")), (650, 3));
    let users = client.users(None).await.unwrap();
    assert_eq!((users.items[0].id.as_str(), users.next), (ada.as_str(), None));
    let live = client.meetings(&ada, Listing::Live, None).await.unwrap();
    assert!(live.items.is_empty());
}

#[tokio::test]
async fn what_is_removed_is_gone() {
    let (zoom, client) = world().await;
    let ada = zoom.add_user("ada@acme.example");
    let meeting = zoom.schedule(&ada, noon(), 30);
    let uuid = zoom.begin(meeting);
    zoom.record(meeting, played::Control::Start);
    zoom.end(meeting);
    zoom.finish(&uuid);
    let which = Which::Run(&uuid);
    let file = client.recordings(which).await.unwrap().files[0].id.clone().unwrap();
    client.remove_file(which, &file, Removal::Delete).await.unwrap();
    assert_eq!(client.recordings(which).await.unwrap().files.len(), 2);
    client.remove_recordings(which, Removal::Trash).await.unwrap();
    for gone in [
        client.remove_recordings(which, Removal::Delete).await.unwrap_err(),
        client.recordings(which).await.unwrap_err(),
    ] {
        assert_eq!(gone.code(), Some("3301"));
    }
}

#[tokio::test]
async fn tokens_for_bots_are_fetched() {
    let (zoom, client) = world().await;
    let ada = zoom.add_user("ada@acme.example");
    let meeting = zoom.schedule(&ada, noon(), 30).to_string();
    let token = client.join_token(&meeting, true).await.unwrap();
    assert_eq!(token.lifetime, Duration::from_secs(120));
    let asked = zoom.log().all().pop().unwrap();
    assert_eq!(asked.asked("bypass_waiting_room").as_deref(), Some("true"));
    let hour = Duration::from_secs(3600);
    client.user_token(&ada, UserToken::Identity, hour).await.unwrap();
    let on_behalf = UserToken::OnBehalf { meeting: &meeting };
    client.user_token("me", on_behalf, 9 * hour).await.unwrap();
    let asked = zoom.log().all().pop().unwrap();
    assert_eq!(asked.asked("meeting_id"), Some(meeting.clone()));
    assert_eq!(asked.asked("ttl").as_deref(), Some("7200"));
    zoom.change_settings(&ada, json!({"recording": {"local_recording": false}}));
    assert!(matches!(client.join_token(&meeting, false).await, Err(Error::Refused { .. })));
}

#[tokio::test]
async fn recordings_of_calls_are_found() {
    let (zoom, client) = world().await;
    let ada = zoom.add_user("ada@acme.example");
    let call = zoom.dial(&ada, "+15550100", "+15550101");
    zoom.answer(&call);
    let recording = zoom.record_call(&call, "OnDemand");
    assert!(matches!(client.phone_recording(&call).await, Err(Error::NotFound { .. })));
    zoom.finish_call_recording(&recording);
    let found = client.phone_recording(&call).await.unwrap();
    let file = client.phone_download(&found).await.unwrap().unwrap();
    assert_eq!((found.id, found.kind.as_deref()), (recording.clone(), Some("OnDemand")));
    assert_eq!(found.to.as_ref().unwrap().expose(), "+15550101");
    assert!(file.header.is_some(), "it wants the token of the API");
    let day = now().date_naive();
    let listed = client.phone_recordings(day, day, None).await.unwrap();
    assert_eq!((listed.items[0].id.clone(), listed.next), (recording, None));
}

#[tokio::test]
async fn no_fault_passes_for_an_answer() {
    let (zoom, client) = world().await;
    let ada = zoom.add_user("ada@acme.example");
    let meeting = zoom.schedule(&ada, noon(), 30);
    let number = meeting.to_string();
    for fault in [
        Fault::failure(500),
        Fault::failure(503),
        Fault::Page,
        Fault::Cut,
        Fault::DropAfter,
        Fault::failure(404),
        Fault::failure(418),
        Fault::Answer(fakes::Reply::status(200).body("application/json", "[]")),
    ] {
        zoom.faults().clear();
        zoom.faults().add(Match::path("/v2/"), fault.clone());
        let failed = [
            client.user(&ada).await.is_err(),
            client.user_settings(&ada).await.is_err(),
            client.account_locks().await.is_err(),
            client.meetings(&ada, Listing::Scheduled, None).await.is_err(),
            client.meeting(&number).await.is_err(),
            client.instances(&number).await.is_err(),
            client.recordings(Which::Meeting(&number)).await.is_err(),
            client.join_token(&number, false).await.is_err(),
        ];
        assert_eq!(failed, [true; 8], "{fault:?}");
    }
}

#[tokio::test]
async fn an_id_cannot_leave_its_place() {
    let (zoom, client) = world().await;
    let ada = zoom.add_user("ada@acme.example");
    let tricky = format!("../users/{ada}");
    assert!(client.meeting(&tricky).await.is_err());
    assert!(client.user(&format!("{ada}?x=1#")).await.is_err());
    assert!(matches!(client.user("..").await, Err(Error::Argument(_))));
    let left = format!("/{ada}");
    assert!(zoom.log().all().iter().all(|seen| !seen.path.ends_with(&left)));
}

#[tokio::test]
async fn nothing_secret_is_shown() {
    let (zoom, client) = world().await;
    let ada = zoom.add_user("ada@acme.example");
    let meeting = zoom.schedule(&ada, noon(), 30);
    let user = client.user(&ada).await.unwrap();
    let meeting = client.meeting(&meeting.to_string()).await.unwrap();
    let token = client.join_token(&meeting.id, true).await.unwrap();
    let shown = format!("{client:?} {user:?} {meeting:?} {token:?}");
    for hidden in ["acme-client-secret", "eyJzdiI6", "ada@acme", "hush", "review", "123456"] {
        assert!(!shown.contains(hidden), "{hidden}");
    }
}

#[tokio::test]
async fn facts_that_were_read_come_to_an_assessment() {
    let (zoom, client) = world().await;
    let ada = zoom.add_user("ada@acme.example");
    let meeting = zoom.schedule(&ada, noon(), 30).to_string();
    let native = async |patch: Value| {
        zoom.change_settings(&ada, patch);
        let user = client.user(&ada).await.unwrap();
        let settings = client.user_settings(&ada).await.unwrap();
        let account: Locks = client.account_locks().await.unwrap();
        let meeting = client.meeting(&meeting).await.unwrap();
        assess(&Facts {
            host: Some(&user),
            settings: Some(&settings),
            account: Some(&account),
            meeting: Some(&meeting),
            ..Facts::default()
        })
        .native
    };
    assert_eq!(native(json!({})).await, Possibility::Possible);
    let off = json!({"recording": {"cloud_recording": false}});
    let impossible = Possibility::Impossible;
    assert_eq!(native(off.clone()).await, impossible(Obstacle::CloudRecordingOff));
    zoom.lock_account(json!({"recording": {"cloud_recording": true}}));
    assert_eq!(native(off).await, impossible(Obstacle::CloudRecordingLockedOff));
    zoom.change_user(&ada, json!({"type": 1}));
    assert_eq!(native(json!({})).await, impossible(Obstacle::NoLicence));
}

#[tokio::test]
async fn a_token_is_sent_to_nobody_else() {
    let elsewhere = Server::start(axum::Router::new()).await;
    let (zoom, client) = world().await;
    let ada = zoom.add_user("ada@acme.example");
    let away = fakes::Reply::status(302).header("location", &elsewhere.url("/v2/users/x"));
    zoom.faults().add(Match::path("/v2/users"), Fault::Answer(away));
    assert!(matches!(client.user(&ada).await, Err(Error::Refused { status: 302, .. })));
    assert!(elsewhere.log().all().is_empty());
}
