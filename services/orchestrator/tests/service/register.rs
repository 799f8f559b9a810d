//! Telephone calls and uploads: registered, decided, carried out like everything else, and nobody's calendar is asked.

use decision::company::{NumberMode, NumberRule};
use proto::orchestrator::v1 as wire;
use proto::provider::v1 as provider;
use proto::skip::v1::SkipCode;
use proto::time::to_wire;
use tonic::{Code, Status};

use crate::state::Mood;
use crate::timers::durable;
use crate::world::{
    FOLLOWING, HASTY, World, acme, acme_with, code, enforcing, fields, is_pending, is_plan, minute,
    reason,
};

const LINK: &str = "https://files.example/renewal.mp4?token=s3cret";

/// Ada rang a customer a minute ago.
pub(crate) fn phone_call() -> provider::PhoneCall {
    provider::PhoneCall {
        connection: "twilio".into(),
        external_id: "CA1".into(),
        direction: provider::Direction::Outbound.into(),
        own_number: "+442079460000".into(),
        other_number: "+493012345678".into(),
        user: "ada".into(),
        placed_at: Some(to_wire(minute(-1))),
        participants: vec!["kim@customer.example".into()],
        ..provider::PhoneCall::default()
    }
}

/// Ada has a recording of last year.
pub(crate) fn upload(key: &str) -> wire::ImportRecordingRequest {
    wire::ImportRecordingRequest {
        company: "acme".into(),
        upload: Some(provider::Upload { url: LINK.into(), sha256: "ab".repeat(32) }),
        idempotency_key: key.into(),
        owner: "ada".into(),
        title: "Renewal".into(),
        recorded_at: Some(to_wire(minute(-500_000))),
        participants: vec!["kim@customer.example".into()],
    }
}

impl World {
    pub(crate) async fn dial(&self, call: provider::PhoneCall) -> Result<wire::Decision, Status> {
        let request = wire::RegisterDialerCallRequest { company: "acme".into(), call: Some(call) };
        Ok(self.client().register_dialer_call(request).await?.into_inner().decision.unwrap())
    }

    pub(crate) async fn import(
        &self,
        request: wire::ImportRecordingRequest,
    ) -> Result<wire::Decision, Status> {
        Ok(self.client().import_recording(request).await?.into_inner().decision.unwrap())
    }

    /// The first order for a call of acme.
    pub(crate) async fn ordered(&self, id: &str) -> provider::Order {
        for _ in 0..200 {
            if let Some(order) = self.orders(id).pop() {
                return order;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        panic!("`{id}` was not handed over");
    }
}

fn over(decision: &wire::Decision) -> bool {
    decision.cause == "session"
}

#[tokio::test]
async fn a_telephone_call_is_planned_handed_over_and_recorded() {
    let world = World::with(FOLLOWING).await;
    world.apply(acme_with(|file| {
        file.settings.dialer.numbers =
            vec![NumberRule { prefix: "+49".into(), mode: NumberMode::Manual }];
    }));
    // Whoever keeps the meetings knows nothing of it, and is not needed.
    world.peers.make("ListMeetings", Mood::Down);
    let planned = world.dial(phone_call()).await.unwrap();
    assert!(is_plan(&planned), "{planned:#?}");
    let id = planned.call_id.clone();
    let plan = planned.plan.unwrap();
    assert_eq!((plan.owner.as_str(), plan.method()), ("ada", provider::Method::DialerImport));
    assert_eq!(plan.number_mode(), provider::NumberMode::Manual);
    assert_eq!((planned.start, planned.revision), (Some(to_wire(minute(-1))), 1));
    let order = world.ordered(&id).await;
    assert_eq!(order.adapter(), provider::Adapter::Dialer);
    let told = order.phone_call.unwrap();
    assert_eq!(told, provider::PhoneCall { company: "acme".into(), ..phone_call() });
    assert_eq!(order.upload, None);
    for signal in ["answered", "manual_start", "call_ended", "files_ready"] {
        world.tell(&id, signal, minute(0));
    }
    world.until_stage(&id, "IMPORTING").await;
    world.tell(&id, "imported", minute(0));
    let recorded = world.until(&id, over).await;
    assert_eq!((recorded.kind(), recorded.revision), (wire::DecisionKind::Recorded, 2));
    // It is final, whatever is told.
    let user = provider::PhoneCall { user: "eve".into(), ..phone_call() };
    assert_eq!(world.dial(user).await.unwrap().revision, 2);
    let log = world.log("acme", 0).await;
    let of_call = log.iter().filter(|(_, decision)| decision.call_id == id).count();
    assert_eq!(of_call, 2);
}

#[tokio::test]
async fn the_same_call_again_answers_the_same_decision_and_more_facts_decide_it_anew() {
    let world = World::open().await;
    let nobody = provider::PhoneCall { user: String::new(), ..phone_call() };
    let skipped = world.dial(nobody.clone()).await.unwrap();
    assert_eq!(code(&skipped), SkipCode::NoOwner);
    world.peers.forget();
    assert_eq!(world.dial(nobody.clone()).await.unwrap(), skipped);
    assert_eq!(world.peers.sizes("JudgeDialerCalls"), [] as [usize; 0], "nothing was judged");
    let planned = world.dial(phone_call()).await.unwrap();
    assert!(is_plan(&planned), "{planned:#?}");
    assert_eq!((planned.revision, planned.predecessor, planned.meeting_revision), (2, 1, 2));
    assert_eq!(planned.call_id, skipped.call_id);
    // That the dialer forgets who it was changes nothing.
    assert_eq!(world.dial(nobody).await.unwrap().revision, 2);
    let other = provider::PhoneCall { connection: "aircall".into(), ..phone_call() };
    assert_ne!(world.dial(other).await.unwrap().call_id, planned.call_id);
    // It is decided, listed and told like any other.
    let again = world.decide(&planned.call_id).await;
    assert_eq!(again.revision, 2);
    let listed =
        world.list(wire::ListCallsRequest { company: "acme".into(), ..Default::default() });
    assert_eq!(listed.await.unwrap().decisions.len(), 2);
}

#[tokio::test]
async fn an_upload_is_fetched_once_for_every_key_and_its_link_is_told_to_nobody_else() {
    let world = World::with(FOLLOWING).await;
    let planned = world.import(upload("k-1")).await.unwrap();
    assert!(is_plan(&planned), "{planned:#?}");
    let id = planned.call_id.clone();
    assert_eq!(planned.title.as_deref(), Some("Renewal"));
    assert_eq!(planned.requester, "ada");
    let order = world.ordered(&id).await;
    assert_eq!(
        (order.adapter(), order.method()),
        (provider::Adapter::Dialer, provider::Method::Upload)
    );
    assert_eq!(order.upload, upload("k-1").upload);
    assert_eq!(order.phone_call, None);
    let again = world.import(upload("k-1")).await.unwrap();
    assert_eq!((again.call_id.as_str(), again.revision), (id.as_str(), 1));
    assert_ne!(world.import(upload("k-2")).await.unwrap().call_id, id);
    world.tell(&id, "imported", minute(0));
    let recorded = world.until(&id, over).await;
    assert_eq!(recorded.kind(), wire::DecisionKind::Recorded, "{recorded:#?}");
    assert_eq!(world.import(upload("k-1")).await.unwrap().revision, recorded.revision);
    assert_eq!(world.orders(&id).len(), 1);
    let explained = world
        .client()
        .explain_call(wire::ExplainCallRequest { company: "acme".into(), call_id: id })
        .await
        .unwrap()
        .into_inner();
    let log = world.log("acme", 0).await;
    assert!(!format!("{explained:?} {log:?}").contains("s3cret"));
}

#[tokio::test]
async fn who_may_not_upload_is_refused_and_nothing_is_kept() {
    let world = World::open().await;
    for (owner, why) in [
        ("kim@customer.example", "nobody of the company"),
        ("bob", "lacks the permission"),
        ("cy", "no seat"),
        ("dee", "deactivated"),
    ] {
        let asked = wire::ImportRecordingRequest { owner: owner.into(), ..upload("k-1") };
        let refused = world.import(asked).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{owner}");
        assert_eq!(reason(&refused), "ERROR_REASON_NOT_PERMITTED");
        assert!(refused.message().contains(why), "{}", refused.message());
    }
    let listed =
        world.list(wire::ListCallsRequest { company: "acme".into(), ..Default::default() });
    assert_eq!(listed.await.unwrap().decisions, []);
    // The key is still free.
    let eve = wire::ImportRecordingRequest { owner: "eve@acme.example".into(), ..upload("k-1") };
    assert_eq!(world.import(eve).await.unwrap().plan.unwrap().owner, "eve");
}

#[tokio::test]
async fn what_lacks_something_is_refused_and_a_link_is_not_repeated() {
    let world = World::open().await;
    type Wrong = fn(&mut provider::PhoneCall);
    let calls: [(&str, Wrong); 4] = [
        ("call.connection", |call| call.connection.clear()),
        ("call.external_id", |call| call.external_id.clear()),
        ("call.placed_at", |call| call.placed_at = None),
        ("call.company", |call| call.company = "other".into()),
    ];
    for (field, change) in calls {
        let mut call = phone_call();
        change(&mut call);
        assert_eq!(fields(&world.dial(call).await.unwrap_err()), [field]);
    }
    type Bad = fn(&mut wire::ImportRecordingRequest);
    let uploads: [(&str, Bad); 6] = [
        ("idempotency_key", |one| one.idempotency_key.clear()),
        ("idempotency_key", |one| one.idempotency_key = "k".repeat(201)),
        ("owner", |one| one.owner.clear()),
        ("upload", |one| one.upload = None),
        ("upload.sha256", |one| one.upload.as_mut().unwrap().sha256 = "ab".into()),
        ("upload.url", |one| one.upload.as_mut().unwrap().url = "file:///s3cret".into()),
    ];
    for (field, change) in uploads {
        let mut one = upload("k-1");
        change(&mut one);
        let refused = world.import(one).await.unwrap_err();
        assert_eq!(fields(&refused), [field]);
        assert!(!format!("{refused:?}").contains("s3cret"), "{refused:?}");
    }
    let unknown = wire::ImportRecordingRequest { company: "other".into(), ..upload("k-1") };
    assert_eq!(world.import(unknown).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn a_call_waits_for_eligibility_and_is_decided_when_it_answers_or_ends_in_a_code() {
    for answers in [true, false] {
        let (_folder, still, following) = durable();
        let world = World::with(&format!("{HASTY}\n{still}")).await;
        world.peers.make("JudgeDialerCalls", Mood::Down);
        let waiting = world.dial(phone_call()).await.unwrap();
        assert!(is_pending(&waiting), "{waiting:#?}");
        assert_eq!(waiting.missing, ["eligibility"]);
        assert_eq!(waiting.decide_by, Some(to_wire(minute(60))));
        let world = world.restart(&format!("{HASTY}\n{following}")).await;
        if answers {
            world.peers.make("JudgeDialerCalls", Mood::Well);
            world.clock.set(minute(5));
        } else {
            world.clock.set(minute(60));
        }
        let decided = world.until(&waiting.call_id, |one| !is_pending(one)).await;
        assert_eq!(is_plan(&decided), answers, "{decided:#?}");
        if !answers {
            assert_eq!(code(&decided), SkipCode::UnknownState);
        }
    }
}

#[tokio::test]
async fn where_consent_is_enforced_neither_is_recorded_without_it() {
    let world = World::empty("").await;
    world.apply(enforcing());
    assert_eq!(code(&world.dial(phone_call()).await.unwrap()), SkipCode::ComplianceEnforcing);
    let skipped = world.import(upload("k-1")).await.unwrap();
    assert_eq!(code(&skipped), SkipCode::ComplianceEnforcing);
    // The link was forgotten, so that a change of the company file alone leads to nothing; asked again it is fetched.
    world.apply(acme());
    let waiting = world.decide(&skipped.call_id).await;
    assert_eq!((is_pending(&waiting), waiting.missing), (true, vec!["the link".to_owned()]));
    assert!(is_plan(&world.import(upload("k-1")).await.unwrap()));
}

#[tokio::test]
async fn a_call_that_was_registered_and_never_decided_is_decided_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("calls.db").display());
    let world = World::with(&format!("store.url = '{url}'")).await;
    let planned = world.dial(phone_call()).await.unwrap();
    assert!(is_plan(&planned));
    // As it is left by one who was killed when the call had been registered: no decision, and the timer that was armed then.
    let store = storage::connect(&storage::StoreConfig::at(url.clone())).await.unwrap();
    crate::verify::tamper(
        &store,
        &[
            "delete from orchestrator_call",
            "delete from orchestrator_decision",
            "delete from orchestrator_plan",
            "update orchestrator_timer set revision = 0, kind = 4",
        ],
    )
    .await;
    drop(store);
    let world = world.restart(&format!("store.url = '{url}'\n{FOLLOWING}")).await;
    let decided = world.until(&planned.call_id, is_plan).await;
    assert_eq!((decided.cause.as_str(), decided.revision), ("timer", 1));
    assert_eq!(world.ordered(&planned.call_id).await.adapter(), provider::Adapter::Dialer);
}

#[tokio::test]
async fn a_call_that_a_dialer_tells_of_is_registered_and_one_of_nobody_holds_up_no_other() {
    let world = World::with(FOLLOWING).await;
    let told = |company: &str, id: &str| provider::PhoneCall {
        company: company.into(),
        external_id: id.into(),
        ..phone_call()
    };
    world.peers.change(|state| {
        state.adapters.phoned(told("nobody", "CA0"));
        state.adapters.phoned(provider::PhoneCall { placed_at: None, ..told("acme", "CA1") });
        state.adapters.phoned(told("acme", "CA2"));
    });
    let id = decision::identity::call("acme", "twilio", "CA2");
    let planned = world.until(&id, is_plan).await;
    assert_eq!(world.ordered(&id).await.phone_call, Some(told("acme", "CA2")));
    assert_eq!(world.dial(told("acme", "CA2")).await.unwrap().revision, planned.revision);
}

#[tokio::test]
async fn a_registered_call_is_taken_back_and_asked_for_again_like_any_other() {
    let world = World::open().await;
    let off = acme_with(|file| file.members[0].capture = decision::company::Capture::Disabled);
    world.apply(off);
    let skipped = world.dial(phone_call()).await.unwrap();
    assert_eq!(code(&skipped), SkipCode::UserRecordingOff);
    let id = skipped.call_id;
    let asked = world.request(&id, "eve").await;
    assert!(asked.accepted, "{asked:#?}");
    let planned = asked.decision.unwrap();
    assert!(is_plan(&planned), "{planned:#?}");
    let canceled = world.cancel(&id, "eve").await.unwrap();
    assert_eq!(code(&canceled), SkipCode::CanceledByOwner);
}

#[tokio::test]
async fn what_a_number_permits_reaches_a_call_that_was_handed_over() {
    for (prefix, wanted) in [("+49", SkipCode::RecordingRestricted), ("+43", SkipCode::Unspecified)]
    {
        let world = World::with(FOLLOWING).await;
        let planned = world.dial(phone_call()).await.unwrap();
        let id = planned.call_id.clone();
        world.ordered(&id).await;
        world.tell(&id, "answered", minute(0));
        world.until_stage(&id, "ANSWERED").await;
        world.apply(acme_with(|file| {
            file.settings.dialer.numbers =
                vec![NumberRule { prefix: prefix.into(), mode: NumberMode::Prohibited }];
        }));
        if wanted == SkipCode::Unspecified {
            world.settle().await;
            world.until_stage(&id, "ANSWERED").await;
            continue;
        }
        let number_mode = |one: &wire::Decision| one.plan.as_ref().map(|plan| plan.number_mode());
        let prohibited = Some(provider::NumberMode::Prohibited);
        let known = world.dial(provider::PhoneCall { user: "eve".into(), ..phone_call() }).await;
        assert_eq!(number_mode(&known.unwrap()), prohibited);
        world.until_stage(&id, "LEAVING").await;
        world.clock.set(minute(3));
        let over = world.until(&id, over).await;
        assert_eq!(code(&over), wanted);
    }
}

#[tokio::test]
async fn a_call_that_is_said_to_begin_in_years_is_refused_and_one_a_dialer_tells_of_begins_now() {
    let world = World::with(FOLLOWING).await;
    let late = |id: &str| provider::PhoneCall {
        company: "acme".into(),
        external_id: id.into(),
        placed_at: Some(to_wire(minute(4_000_000))),
        ..phone_call()
    };
    assert_eq!(fields(&world.dial(late("CA8")).await.unwrap_err()), ["call.placed_at"]);
    let recorded_at = Some(to_wire(minute(4_000_000)));
    let one = wire::ImportRecordingRequest { recorded_at, ..upload("k-1") };
    assert_eq!(fields(&world.import(one).await.unwrap_err()), ["recorded_at"]);
    world.peers.change(|state| state.adapters.phoned(late("CA9")));
    let id = decision::identity::call("acme", "twilio", "CA9");
    assert_eq!(world.until(&id, is_plan).await.start, Some(to_wire(minute(0))));
}

#[tokio::test]
async fn a_key_names_one_request_and_no_other() {
    let world = World::open().await;
    let planned = world.import(upload("k-1")).await.unwrap();
    let title = wire::ImportRecordingRequest { title: "Another".into(), ..upload("k-1") };
    let mut link = upload("k-1");
    link.upload.as_mut().unwrap().url = "https://files.example/other.mp4".into();
    for other in [title, link] {
        let refused = world.import(other).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert_eq!(reason(&refused), "ERROR_REASON_REQUEST_ID_REUSED");
        assert_eq!(fields(&refused), ["idempotency_key"]);
        assert!(!format!("{refused:?}").contains("files.example"), "{refused:?}");
    }
    assert_eq!(world.import(upload("k-1")).await.unwrap(), planned);
}

#[tokio::test]
async fn of_two_requests_at_once_with_one_key_the_other_one_is_refused() {
    let world = World::open().await;
    // Both have looked before either is kept.
    world.peers.make("GetCompany", Mood::Late);
    let other = wire::ImportRecordingRequest { title: "Another".into(), ..upload("k-1") };
    let (one, other) = tokio::join!(world.import(upload("k-1")), world.import(other));
    assert_ne!(one.is_ok(), other.is_ok(), "{one:?} {other:?}");
    let refused = one.and(other).unwrap_err();
    assert_eq!(reason(&refused), "ERROR_REASON_REQUEST_ID_REUSED");
}

#[tokio::test]
async fn signals_of_all_companies_wait_for_no_peer_that_judges_what_else_is_told() {
    let world = World::with(FOLLOWING).await;
    let planned = world.dial(phone_call()).await.unwrap();
    let id = planned.call_id.clone();
    world.ordered(&id).await;
    // None of these answers before its deadline, which is five seconds.
    for method in ["JudgeDialerCalls", "JudgeConsents", "ListMeetings"] {
        world.peers.make(method, Mood::Slow);
    }
    world.peers.change(|state| {
        for number in 0..20 {
            state.adapters.phoned(provider::PhoneCall {
                company: "acme".into(),
                external_id: format!("CB{number}"),
                ..phone_call()
            });
        }
    });
    world.tell(&id, "answered", minute(0));
    let began = std::time::Instant::now();
    world.until_stage(&id, "ANSWERED").await;
    assert!(began.elapsed() < std::time::Duration::from_secs(4), "{:?}", began.elapsed());
    world.peers.make("JudgeDialerCalls", Mood::Well);
    let last = decision::identity::call("acme", "twilio", "CB19");
    world.until(&last, is_plan).await;
}
