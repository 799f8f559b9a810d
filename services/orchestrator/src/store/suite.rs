//! What the store must do, whatever it is kept in.

mod races;
mod recipients;
mod registered;
mod sessions;
mod storms;
mod timers;

use chrono::TimeDelta;
use decision::company::NumberMode;
use decision::provider::Adapter;
use decision::{
    CallKey, Conference, Decision, Evidence, Finding, Kind, Means, Plan, Provider, SkipCode,
};
use proto::time::to_wire;
use storage::testing::engines;

use super::*;
use crate::engine::Cause;

fn minute(minute: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
}

/// A call of half an hour before it is judged, as it is varied by tests.
#[derive(Debug, Clone)]
struct Sketch {
    id: String,
    start: i64,
    owner: &'static str,
    room: &'static str,
    /// Later ones win conflicts.
    received: i64,
    cancelled: bool,
    meeting: u64,
    policy: u64,
}

fn sketch(id: &str, start: i64, owner: &'static str, room: &'static str) -> Sketch {
    let id = id.to_owned();
    Sketch { id, start, owner, room, received: 0, cancelled: false, meeting: 1, policy: 1 }
}

impl Sketch {
    fn key(&self) -> CallKey {
        CallKey { ical_uid: Some(self.id.clone()), recurrence_id: None }
    }

    fn conference(&self) -> Conference {
        Conference { provider: Provider::Zoom, id: self.room.to_owned() }
    }

    fn contender(&self) -> Option<OwnedContender> {
        (!self.cancelled).then(|| OwnedContender {
            key: self.key(),
            start: minute(self.start),
            end: minute(self.start + 30),
            owner: self.owner.into(),
            conference: self.conference(),
            requested: false,
            owner_organizes: false,
            received_at: minute(self.received),
        })
    }

    fn decision(&self) -> wire::Decision {
        let plan = Plan {
            method: Means::Bot,
            adapter: Adapter::Teams,
            join_at: Some(minute(self.start - 2)),
            latest_join: Some(minute(self.start + 10)),
            fallbacks: Vec::new(),
            owner: self.owner.into(),
            dedupe_key: format!("{}@{}", self.room, self.start),
            announcement: false,
            consent_verified: false,
            numbers: NumberMode::Automatic,
        };
        let cancelled = Finding {
            rule: "cancelled".into(),
            code: SkipCode::Cancelled,
            lifted: false,
            sub_reason: None,
            evidence: vec![Evidence::Instant(minute(0))],
        };
        let core = Decision {
            kind: if self.cancelled { Kind::Skip } else { Kind::Plan(plan) },
            primary: self.cancelled.then_some(cancelled),
            also: Vec::new(),
            lifted: Vec::new(),
            related: None,
            warnings: decision::Warnings::default(),
            import_details: true,
            hidden: false,
            missing: Vec::new(),
            owner: Some(self.owner.into()),
            requester: None,
            policy_version: self.policy,
            catalogue_version: 1,
        };
        let mut told = wire::Decision::from(&core);
        if let Some(plan) = &mut told.plan {
            plan.dispatch_at = Some(to_wire(minute(self.start - 2)));
            plan.dispatch_by = Some(to_wire(minute(self.start + 10)));
        }
        wire::Decision {
            call_id: self.id.clone(),
            company: "acme".to_owned(),
            key: Some((&self.key()).into()),
            title: Some("Renewal".to_owned()),
            start: Some(to_wire(minute(self.start))),
            end: Some(to_wire(minute(self.start + 30))),
            conference: Some((&self.conference()).into()),
            meeting_revision: self.meeting,
            decided_at: Some(to_wire(minute(0))),
            cause: Cause::Meeting.as_str().to_owned(),
            ..told
        }
    }

    fn judged(&self, seen: u64) -> Judged {
        Judged {
            seen,
            candidate: self.decision(),
            contender: self.contender(),
            partial_until: None,
            traces: self.id.clone().into_bytes(),
            through: None,
            end: None,
            again: false,
            carried: None,
            settings: None,
        }
    }
}

/// It waits for a peer until two minutes before it starts.
fn waiting(id: &str, start: i64) -> Judged {
    let mut judged = sketch(id, start, "ada", "room").judged(0);
    judged.candidate.kind = wire::DecisionKind::Pending.into();
    judged.candidate.plan = None;
    judged.candidate.decide_by = Some(to_wire(minute(start - 2)));
    judged.partial_until = Some(minute(start - 2));
    judged.contender = None;
    judged
}

fn at(now: i64) -> Moment {
    Moment {
        now: minute(now),
        cause: Cause::Meeting,
        is_present: true,
        retry: TimeDelta::seconds(5),
    }
}

/// Runs a test on a store of every kind.
async fn on_each(test: impl AsyncFn(Calls)) {
    for engine in engines().await {
        eprintln!("on {}", engine.name());
        test(Calls::open(&engine.config()).await.unwrap()).await;
    }
}

impl Calls {
    /// Writes calls at minute 0, from whatever version they have.
    async fn put(&self, sketches: &[&Sketch]) -> Outcome {
        let mut judged = Vec::new();
        for one in sketches {
            let seen = self.one(&one.id).await.map_or(0, |call| call.version);
            judged.push(one.judged(seen));
        }
        self.commit("acme", &judged, at(0)).await.unwrap()
    }

    /// Hands plans over, each a call and the revision of its plan.
    async fn hand_over(
        &self,
        company: &str,
        plans: &[(&str, u64)],
        at: DateTime<Utc>,
    ) -> Vec<String> {
        let sessions: Vec<Running> = plans
            .iter()
            .map(|(id, revision)| sessions::begun(company, id, *revision, at))
            .collect();
        self.release(company, &sessions, at).await.unwrap()
    }

    async fn one(&self, id: &str) -> Option<Call> {
        self.get("acme", &[id.to_owned()]).await.unwrap().into_iter().next()
    }

    async fn is_plan(&self, id: &str) -> bool {
        self.one(id).await.unwrap().decision.plan.is_some()
    }
}

fn code(call: &Call) -> i32 {
    call.decision.primary.as_ref().map_or(0, |finding| finding.code)
}

#[tokio::test]
async fn a_call_comes_back_as_it_was_written() {
    on_each(async |calls| {
        let a = sketch("a", 60, "ada", "room");
        let outcome = calls.commit("acme", &[a.judged(0), waiting("b", 120)], at(0)).await.unwrap();
        assert_eq!((outcome.changed, outcome.stale.len()), (2, 0));
        let found = calls.one("a").await.unwrap();
        let decision = wire::Decision { revision: 1, ..a.decision() };
        assert_eq!(found.decision, decision);
        assert_eq!(outcome.decisions["a"], decision);
        assert_eq!((found.version, found.ended, found.had_plan), (1, false, true));
        assert_eq!(found.planned_owner.as_deref(), Some("ada"));
        assert_eq!((found.judged_policy, found.judged_meeting), (1, 1));
        assert_eq!(found.contender, a.contender());
        assert_eq!((found.candidate, found.traces), (None, b"a".to_vec()));
        assert_eq!(calls.one("b").await.unwrap().contender, None);
        assert!(calls.get("other", &["a".to_owned()]).await.unwrap().is_empty());
        // The same again changes nothing.
        let again = calls.put(&[&a]).await;
        assert_eq!((again.changed, again.decisions["a"].revision), (0, 1));
        assert_eq!(calls.one("a").await.unwrap().version, 1);
    })
    .await;
}

#[tokio::test]
async fn what_was_judged_from_something_old_is_left_out_and_told() {
    on_each(async |calls| {
        let a = Sketch { meeting: 5, policy: 3, ..sketch("a", 60, "ada", "room") };
        let b = sketch("b", 600, "bob", "other room");
        calls.put(&[&a]).await;
        let cancelled = Sketch { cancelled: true, ..a.clone() };
        let olds = [
            ("another version", cancelled.judged(7)),
            ("no version", cancelled.judged(0)),
            ("an older meeting", Sketch { meeting: 4, ..cancelled.clone() }.judged(1)),
            ("an older policy", Sketch { policy: 2, ..cancelled.clone() }.judged(1)),
        ];
        for (position, (what, old)) in olds.into_iter().enumerate() {
            // What comes along is written all the same.
            let b = Sketch { start: 600 + 60 * i64::try_from(position).unwrap(), ..b.clone() };
            let seen = calls.one("b").await.map_or(0, |call| call.version);
            let outcome = calls.commit("acme", &[old, b.judged(seen)], at(0)).await.unwrap();
            assert_eq!(outcome.stale, ["a"], "{what}");
            assert!(calls.is_plan("a").await, "{what}");
            assert_eq!(outcome.decisions["b"].start, Some(to_wire(minute(b.start))), "{what}");
        }
        // Somebody asked meanwhile.
        let asked =
            Asked { call_id: "a".to_owned(), action: Action::Cancel, who: "ada".to_owned() };
        calls.ask("acme", &asked, minute(0)).await.unwrap();
        let outcome = calls.commit("acme", &[cancelled.judged(1)], at(0)).await.unwrap();
        assert_eq!(outcome.stale, ["a"]);
        calls.touch("acme", &["a".to_owned()]).await.unwrap();
        let outcome = calls.commit("acme", &[cancelled.judged(2)], at(0)).await.unwrap();
        assert_eq!(outcome.stale, ["a"]);
        // All calls are being decided again by a newer policy.
        calls.raise("acme", 4, Some("{}"), minute(0)).await.unwrap();
        let outcome = calls.commit("acme", &[cancelled.judged(3)], at(0)).await.unwrap();
        assert_eq!(outcome.stale, ["a"]);
        let newest = Sketch { policy: 4, ..cancelled };
        let outcome = calls.commit("acme", &[newest.judged(3)], at(0)).await.unwrap();
        assert_eq!((outcome.changed, outcome.stale.len()), (1, 0));
        assert_eq!(calls.one("a").await.unwrap().decision.revision, 2);
    })
    .await;
}

#[tokio::test]
async fn who_gave_way_is_planned_again_when_the_winner_is_gone() {
    on_each(async |calls| {
        let old = sketch("old", 60, "ada", "room");
        let new = Sketch { received: 5, ..sketch("new", 75, "ada", "elsewhere") };
        calls.put(&[&old]).await;
        let outcome = calls.put(&[&new]).await;
        assert_eq!(outcome.changed, 2, "the one that gives way as well");
        let loser = calls.one("old").await.unwrap();
        let overlapping = proto::skip::v1::SkipCode::OverlappingMeeting as i32;
        assert_eq!((code(&loser), loser.decision.revision), (overlapping, 2));
        assert_eq!((loser.decision.cause.as_str(), loser.decision.predecessor), ("conflict", 1));
        assert!(loser.candidate.is_some() && loser.contender.is_some());
        // Judged again, it gives way as before, and nothing is new.
        assert_eq!(calls.put(&[&old]).await.changed, 0);

        calls.put(&[&Sketch { cancelled: true, meeting: 2, ..new.clone() }]).await;
        let planned = calls.one("old").await.unwrap();
        assert!(planned.decision.plan.is_some());
        assert_eq!((planned.decision.revision, planned.candidate), (3, None));
        assert_eq!(planned.decision.cause, "conflict");
        assert_eq!(planned.decision.decided_at, Some(to_wire(minute(0))));
        let kinds: Vec<i32> =
            calls.history("acme", "old", 9).await.unwrap().iter().map(|one| one.kind).collect();
        let (plan, skip) = (wire::DecisionKind::Plan as i32, wire::DecisionKind::Skip as i32);
        assert_eq!(kinds, [plan, skip, plan]);
    })
    .await;
}

#[tokio::test]
async fn a_chain_of_conflicts_is_settled_to_its_end() {
    on_each(async |calls| {
        // Each conflicts with the next: by owner, by room, by owner.
        let a = sketch("a", 0, "ada", "one");
        let b = Sketch { received: 1, ..sketch("b", 15, "ada", "two") };
        let c = Sketch { received: 2, ..sketch("c", 30, "bob", "two") };
        let d = Sketch { received: 3, ..sketch("d", 45, "bob", "three") };
        for one in [&a, &b, &c] {
            calls.put(&[one]).await;
        }
        let plans = async |calls: &Calls| {
            let mut plans = String::new();
            for id in ["a", "b", "c", "d"] {
                if calls.one(id).await.is_some_and(|call| call.decision.plan.is_some()) {
                    plans.push_str(id);
                }
            }
            plans
        };
        assert_eq!(plans(&calls).await, "ac");
        calls.put(&[&d]).await;
        assert_eq!(plans(&calls).await, "bd");
        calls.put(&[&Sketch { start: 500, meeting: 2, ..d.clone() }]).await;
        assert_eq!(plans(&calls).await, "acd");
        calls.put(&[&Sketch { cancelled: true, meeting: 2, ..c.clone() }]).await;
        assert_eq!(plans(&calls).await, "bd");
    })
    .await;
}

#[tokio::test]
async fn what_has_ended_is_final() {
    on_each(async |calls| {
        let a = sketch("a", 60, "ada", "room");
        calls.put(&[&a]).await;
        let late = Moment { cause: Cause::Timer, ..at(71) };
        let outcome = calls.commit("acme", &[a.judged(1)], late).await.unwrap();
        let missed = proto::skip::v1::SkipCode::CannotConnectError;
        assert_eq!(outcome.decisions["a"].primary.as_ref().unwrap().code(), missed);
        let ended = calls.one("a").await.unwrap();
        assert!(ended.ended && ended.contender.is_none());
        let moved = Sketch { start: 600, meeting: 2, ..a.clone() };
        for seen in [0, 1, 2] {
            let outcome = calls.commit("acme", &[moved.judged(seen)], late).await.unwrap();
            assert_eq!((outcome.changed, outcome.stale.len()), (0, 0));
            assert_eq!(outcome.decisions["a"], ended.decision);
        }
        // What is decided for another time ends nothing.
        let b = sketch("b", 60, "bob", "other room");
        let elsewhere = Moment { is_present: false, ..late };
        calls.commit("acme", &[b.judged(0)], elsewhere).await.unwrap();
        assert!(calls.is_plan("b").await);
    })
    .await;
}

#[tokio::test]
async fn a_conference_has_one_active_plan_whatever_went_wrong() {
    on_each(async |calls| {
        calls.put(&[&sketch("a", 60, "ada", "room")]).await;
        // As if nobody had looked for conflicts.
        let mut twin = sketch("b", 60, "bob", "room").judged(0);
        twin.contender = None;
        let other = sketch("c", 60, "cy", "another").judged(0);
        let refused = calls.commit("acme", &[twin, other], at(0)).await;
        assert!(matches!(refused, Err(Error::Storage(storage::Error::Conflict(_)))), "{refused:?}");
        assert!(calls.one("b").await.is_none());
        assert!(calls.one("c").await.is_none(), "all or none");
        while calls.relay().await.unwrap() > 0 {}
        assert_eq!(calls.after(None, 0, 10).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn catching_up_puts_all_that_is_there_into_the_log() {
    on_each(async |calls| {
        calls.catch_up().await.unwrap();
        assert_eq!(calls.newest().await.unwrap(), 0);
        let rooms: Vec<Judged> = (0..1_100)
            .map(|n| Sketch { cancelled: true, ..sketch(&format!("c{n}"), n, "ada", "room") })
            .map(|one| one.judged(0))
            .collect();
        calls.commit("acme", &rooms, at(0)).await.unwrap();
        calls.catch_up().await.unwrap();
        assert_eq!(calls.newest().await.unwrap(), 1_100);
        assert_eq!(calls.relay().await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_rehearsal_tells_the_same_and_writes_nothing() {
    on_each(async |calls| {
        calls.put(&[&sketch("a", 60, "ada", "room")]).await;
        let b = Sketch { received: 5, ..sketch("b", 75, "ada", "elsewhere") };
        let told = calls.rehearse("acme", &[b.judged(0)], at(0)).await.unwrap();
        assert!(calls.one("b").await.is_none() && calls.is_plan("a").await);
        let done = calls.commit("acme", &[b.judged(0)], at(0)).await.unwrap();
        assert_eq!((told.decisions, told.changed), (done.decisions, done.changed));
    })
    .await;
}

#[tokio::test]
async fn decisions_of_the_past_are_found_by_number_and_by_time() {
    on_each(async |calls| {
        let a = sketch("a", 60, "ada", "room");
        calls.put(&[&a]).await;
        for revision in 2..=3 {
            let moved = Sketch {
                start: 60 + i64::try_from(revision).unwrap(),
                meeting: revision,
                ..a.clone()
            };
            let now = at(i64::try_from(revision).unwrap());
            calls.commit("acme", &[moved.judged(revision - 1)], now).await.unwrap();
        }
        let revision = |decision: Option<wire::Decision>| decision.map(|one| one.revision);
        for (asked, wanted) in [(0, None), (1, Some(1)), (3, Some(3)), (4, None)] {
            assert_eq!(revision(calls.decision("acme", "a", asked).await.unwrap()), wanted);
        }
        for (time, wanted) in [(-1, None), (0, Some(1)), (1, Some(1)), (2, Some(2)), (9, Some(3))] {
            let found = calls.decision_at("acme", "a", minute(time)).await.unwrap();
            assert_eq!(revision(found), wanted, "at minute {time}");
        }
        let history = calls.history("acme", "a", 2).await.unwrap();
        assert_eq!(history.iter().map(|one| one.revision).collect::<Vec<_>>(), [3, 2]);
        assert_eq!(calls.decision("other", "a", 1).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn what_was_asked_is_told_oldest_first_to_its_own_company() {
    on_each(async |calls| {
        for (company, action, who) in [
            ("acme", Action::Request, "ada"),
            ("other", Action::Request, "zoe"),
            ("acme", Action::Cancel, "bob"),
            ("acme", Action::Request, "ada"),
        ] {
            let asked = Asked { call_id: "a".to_owned(), action, who: who.to_owned() };
            // The clock may stand still, or go back.
            calls.ask(company, &asked, minute(0)).await.unwrap();
        }
        let told: Vec<(Action, String)> = calls
            .asked("acme", &["a".to_owned()])
            .await
            .unwrap()
            .into_iter()
            .map(|asked| (asked.action, asked.who))
            .collect();
        let one = |action, who: &str| (action, who.to_owned());
        assert_eq!(
            told,
            [one(Action::Request, "ada"), one(Action::Cancel, "bob"), one(Action::Request, "ada")]
        );
    })
    .await;
}

#[tokio::test]
async fn a_page_ends_where_the_next_one_begins() {
    on_each(async |calls| {
        let owners = ["ada", "bob", "cy", "dee", "eve"];
        for (start, owner) in (0..).zip(owners) {
            // Two at each time.
            calls.put(&[&sketch(owner, 10 * (start / 2), owner, owner)]).await;
        }
        let filter = |after| Filter { from: Some(minute(0)), after, ..Filter::default() };
        let mut after = None;
        let mut pages = Vec::new();
        loop {
            let (page, next) = calls.list("acme", &filter(after), 2).await.unwrap();
            pages.push(page.into_iter().map(|call| call.call_id).collect::<Vec<_>>());
            match next {
                Some(next) => after = Page::from_token(&next.token()).unwrap(),
                None => break,
            }
        }
        assert_eq!(pages, [vec!["ada", "bob"], vec!["cy", "dee"], vec!["eve"]]);
        let period = Filter { from: Some(minute(10)), to: Some(minute(20)), ..Filter::default() };
        let (page, end) = calls.list("acme", &period, 2).await.unwrap();
        assert_eq!((page.len(), end), (2, None), "full and the last");
        let bobs = Filter { owner: Some("bob".to_owned()), ..Filter::default() };
        assert_eq!(calls.list("acme", &bobs, 5).await.unwrap().0.len(), 1);
        assert!(calls.list("other", &Filter::default(), 5).await.unwrap().0.is_empty());
    })
    .await;
}

#[tokio::test]
async fn progress_only_grows_and_only_for_who_holds_the_lease() {
    on_each(async |calls| {
        let ttl = std::time::Duration::from_secs(60);
        let lease = calls.leases().acquire("follow", "one", ttl).await.unwrap().unwrap();
        assert_eq!(calls.progress("meetings").await.unwrap(), 0);
        calls.advance(&lease, "meetings", 7).await.unwrap();
        calls.advance(&lease, "policies", 1).await.unwrap();
        calls.advance(&lease, "meetings", 5).await.unwrap();
        assert_eq!(calls.progress("meetings").await.unwrap(), 7);
        assert_eq!(calls.progress("policies").await.unwrap(), 1);
        calls.leases().release(&lease).await.unwrap();
        let next = calls.leases().acquire("follow", "two", ttl).await.unwrap().unwrap();
        assert!(calls.advance(&lease, "meetings", 9).await.is_err());
        assert_eq!(calls.progress("meetings").await.unwrap(), 7);
        calls.advance(&next, "meetings", 8).await.unwrap();
        assert_eq!(calls.progress("meetings").await.unwrap(), 8);
    })
    .await;
}
