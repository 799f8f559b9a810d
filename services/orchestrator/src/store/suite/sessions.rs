//! Sessions begin with the plans they carry out, and with everything they ask for.

use std::time::Duration;

use decision::Provider;
use decision::session::{Heard, Means, Order, Outcome as Came, Settings, Signal};
use proto::provider::v1 as provider;
use sea_orm::EntityTrait as _;
use sea_orm::sea_query::Expr;

use super::*;
use crate::store::entity::{command, timer};
use crate::store::{CommandKind, Lane};

const LONG: Duration = Duration::from_secs(60);

/// A bot that joins at once, for a meeting of half an hour that begins two minutes later.
fn order(at: DateTime<Utc>) -> Order {
    let start = at + TimeDelta::minutes(2);
    Order {
        means: vec![Means::LocalBot, Means::Bot],
        start,
        end: start + TimeDelta::minutes(30),
        join_at: at,
        latest_join: start + TimeDelta::minutes(10),
        announcement: false,
        personal_room: false,
        numbers: decision::company::NumberMode::Automatic,
    }
}

/// A session that begins then.
pub(super) fn begun(company: &str, id: &str, revision: u64, at: DateTime<Utc>) -> Running {
    let of = (company, id, revision);
    Running::begin(of, Some(Provider::Zoom), false, &order(at), &Settings::default(), at)
}

fn told(id: &str, revision: u64, signal: Signal, at: DateTime<Utc>) -> Told {
    Told {
        company: "acme".to_owned(),
        call_id: id.to_owned(),
        plan_revision: revision,
        heard: vec![Heard::new(signal, at)],
        if_requested: None,
    }
}

/// Whatever the adapter.
fn every() -> Lane {
    Lane::ForOthers(Vec::new())
}

fn act(act: provider::Act) -> CommandKind {
    CommandKind::Instruct(act)
}

impl Calls {
    async fn told(&self, all: &[Told], at: DateTime<Utc>) -> Stepped {
        self.hear(all, &SettingsOf::new(), None, at).await.unwrap()
    }

    async fn orders(&self, at: DateTime<Utc>) -> Vec<(String, u8, CommandKind)> {
        let claimed = self.claim_commands(&every(), at, Duration::ZERO, 100).await.unwrap();
        claimed.commands.into_iter().map(|one| (one.call_id, one.run, one.kind)).collect()
    }

    async fn session_timers(&self) -> Vec<(String, i64, DateTime<Utc>)> {
        let mut rows = timer::Entity::find()
            .filter(timer::Column::Kind.eq(TimerKind::Session as i16))
            .all(self.store.reader())
            .await
            .unwrap();
        rows.sort_by(|a, b| a.call_id.cmp(&b.call_id));
        rows.into_iter().map(|row| (row.call_id, row.revision, instant(row.due))).collect()
    }
}

/// Calls whose plans were handed over at minute 58.
async fn running(calls: &Calls, ids: &[&'static str]) {
    for id in ids {
        calls.put(&[&sketch(id, 60, id, id)]).await;
    }
    let plans: Vec<(&str, u64)> = ids.iter().map(|id| (*id, 1)).collect();
    assert_eq!(calls.hand_over("acme", &plans, minute(58)).await.len(), ids.len());
}

#[tokio::test]
async fn a_session_begins_with_its_order_and_its_timer_or_not_at_all() {
    on_each(async |calls| {
        running(&calls, &["a"]).await;
        // Once more, and with a plan that is another by now: nothing begins.
        calls.put(&[&sketch("b", 60, "bob", "other")]).await;
        assert!(calls.hand_over("acme", &[("a", 1), ("b", 7)], minute(59)).await.is_empty());
        assert!(calls.session("acme", "b").await.unwrap().is_none());
        let session = calls.session("acme", "a").await.unwrap().unwrap();
        assert_eq!((session.plan_revision, session.holds), (1, 1));
        assert_eq!((session.began_at, session.provider), (minute(58), Some(Provider::Zoom)));
        let order = ("a".to_owned(), 0, CommandKind::Dispatch);
        assert_eq!(calls.orders(minute(58)).await, [order]);
        assert_eq!(calls.session_timers().await, [("a".into(), 1, minute(59))]);
        assert_eq!(calls.stages().await.unwrap(), [("STAGED".to_owned(), 1)]);
    })
    .await;
}

#[tokio::test]
async fn what_is_told_moves_the_session_its_timer_and_its_orders() {
    on_each(async |calls| {
        running(&calls, &["a", "b"]).await;
        let all = [
            told("a", 1, Signal::InLobby, minute(60)),
            told("b", 1, Signal::InCall, minute(60)),
            // Nobody knows these.
            told("c", 1, Signal::InCall, minute(60)),
            told("a", 2, Signal::InCall, minute(60)),
        ];
        let stepped = calls.told(&all, minute(60)).await;
        assert_eq!((stepped.heard, stepped.unknown, stepped.orders), (2, 2, true));
        assert_eq!(calls.session("acme", "b").await.unwrap().unwrap().machine.run(), 0);
        let timers = calls.session_timers().await;
        assert_eq!(timers.len(), 2, "one for each: {timers:?}");
        assert_eq!(timers[0], ("a".into(), 1, minute(75)), "somebody has to let it in");
        // The same again changes nothing.
        let again = calls.told(&all, minute(60)).await;
        assert_eq!((again.heard, again.orders), (2, false));
        assert_eq!(calls.session_timers().await, timers);
    })
    .await;
}

#[tokio::test]
async fn orders_of_a_session_are_handed_over_one_after_another() {
    on_each(async |calls| {
        running(&calls, &["a", "b"]).await;
        calls.told(&[told("a", 1, Signal::InCall, minute(60))], minute(60)).await;
        let first = calls.claim_commands(&every(), minute(60), LONG, 100).await.unwrap();
        let kinds: Vec<_> =
            first.commands.iter().map(|one| (one.call_id.as_str(), one.kind)).collect();
        assert_eq!(kinds, [("a", CommandKind::Dispatch), ("b", CommandKind::Dispatch)]);
        assert!(
            calls
                .claim_commands(&every(), minute(60), LONG, 100)
                .await
                .unwrap()
                .commands
                .is_empty()
        );
        let ids: Vec<i64> = first.commands.iter().map(|one| one.id).collect();
        // Held by somebody else.
        assert_eq!(calls.finish_commands("other", &ids).await.unwrap(), 0);
        assert_eq!(calls.finish_commands(&first.claim, &ids[..1]).await.unwrap(), 1);
        calls.put_off_commands(&first.claim, &[(ids[1], minute(61))]).await.unwrap();
        let next = calls.claim_commands(&every(), minute(60), LONG, 100).await.unwrap();
        let asked = CommandKind::Instruct(provider::Act::AskPermission);
        let kinds: Vec<_> = next.commands.iter().map(|one| (one.kind, one.number)).collect();
        assert_eq!(kinds, [(asked, 1)]);
        let later = calls.claim_commands(&every(), minute(61), LONG, 100).await.unwrap();
        assert_eq!((later.commands.len(), later.commands[0].tries), (1, 2));
    })
    .await;
}

#[tokio::test]
async fn what_an_attempt_was_to_do_falls_when_it_is_taken_back() {
    on_each(async |calls| {
        let withdraw = |id: &str| (id.to_owned(), 0, CommandKind::Withdraw);
        running(&calls, &["a", "b"]).await;
        calls.told(&[told("a", 1, Signal::CancelAsked, minute(58))], minute(58)).await;
        let orders = calls.orders(minute(58)).await;
        assert!(orders.contains(&withdraw("a")) && orders.len() == 2, "{orders:?}");
        // Somebody may have it already, and finds out before it is handed over.
        let held = calls.claim_commands(&every(), minute(58), LONG, 100).await.unwrap();
        let dispatched = held.commands.iter().find(|one| one.call_id == "b").unwrap().id;
        assert!(calls.held_commands(&held).await.unwrap().contains(&dispatched));
        calls.told(&[told("b", 1, Signal::CancelAsked, minute(58))], minute(58)).await;
        assert!(!calls.held_commands(&held).await.unwrap().contains(&dispatched));
        assert_eq!(calls.orders(minute(58)).await, [withdraw("b")]);
    })
    .await;
}

#[tokio::test]
async fn what_was_tried_in_vain_falls_too_and_nothing_is_waited_for_before_it_is_taken_back() {
    on_each(async |calls| {
        running(&calls, &["a"]).await;
        let sent = calls.claim_commands(&every(), minute(58), LONG, 100).await.unwrap();
        calls.finish_commands(&sent.claim, &[sent.commands[0].id]).await.unwrap();
        calls.told(&[told("a", 1, Signal::InCall, minute(60))], minute(60)).await;
        let tried = calls.claim_commands(&every(), minute(60), LONG, 100).await.unwrap();
        assert_eq!(tried.commands[0].kind, act(provider::Act::AskPermission));
        calls.put_off_commands(&tried.claim, &[(tried.commands[0].id, minute(61))]).await.unwrap();
        calls.told(&[told("a", 1, Signal::ConsentRefused, minute(60))], minute(60)).await;
        let withdraw = ("a".to_owned(), 0, CommandKind::Withdraw);
        assert_eq!(calls.orders(minute(60)).await, [withdraw]);
    })
    .await;
}

#[tokio::test]
async fn what_is_to_be_done_with_files_stays_when_a_recorder_leaves() {
    on_each(async |calls| {
        running(&calls, &["a"]).await;
        let sent = calls.claim_commands(&every(), minute(58), LONG, 100).await.unwrap();
        calls.finish_commands(&sent.claim, &[sent.commands[0].id]).await.unwrap();
        let half = TimeDelta::seconds(30);
        let over = minute(60) + half;
        calls.told(&[told("a", 1, Signal::RecordingStarted, minute(60))], minute(60)).await;
        calls.told(&[told("a", 1, Signal::MeetingEnded, over)], over).await;
        let settings = Settings::default();
        // The recording is asked for after twice its length, and the recorder leaves soon after.
        for at in [minute(61) + half, minute(62)] {
            calls.wake("acme", &[("a", 1)], &settings, at).await.unwrap();
        }
        let kinds: Vec<_> = calls.orders(minute(62)).await.into_iter().map(|one| one.2).collect();
        assert_eq!(kinds, [act(provider::Act::CheckFiles), CommandKind::Withdraw]);
    })
    .await;
}

#[tokio::test]
async fn a_session_that_is_over_asks_for_nothing_but_what_ends_something() {
    on_each(async |calls| {
        let upload = Running::begin(
            ("acme", "a", 1),
            None,
            false,
            &Order::upload(minute(58)),
            &Settings::default(),
            minute(58),
        );
        calls.put(&[&sketch("a", 60, "a", "a")]).await;
        calls.release("acme", &[upload], minute(58)).await.unwrap();
        let kinds = || async {
            let rows = command::Entity::find().all(calls.store.reader()).await.unwrap();
            rows.into_iter().map(|row| row.kind).collect::<Vec<_>>()
        };
        let fetch = act(provider::Act::Fetch).number();
        assert_eq!(kinds().await, [CommandKind::Dispatch.number(), fetch]);
        calls.orders(minute(58)).await;
        calls.told(&[told("a", 1, Signal::StopAsked, minute(59))], minute(59)).await;
        let discard = act(provider::Act::Discard).number();
        assert_eq!(kinds().await, [CommandKind::Withdraw.number(), discard]);
    })
    .await;
}

#[tokio::test]
async fn what_a_newer_version_asks_for_is_left_to_it_and_holds_up_nothing() {
    on_each(async |calls| {
        running(&calls, &["a"]).await;
        calls
            .store
            .write(|tx| async move {
                let newer = command::Entity::update_many()
                    .col_expr(command::Column::Kind, Expr::value(9_999));
                newer.exec(&tx).await.map_err(storage::Error::from)?;
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        assert_eq!(calls.first_command(&every()).await.unwrap(), None);
        calls.told(&[told("a", 1, Signal::InCall, minute(60))], minute(60)).await;
        let kinds: Vec<_> = calls.orders(minute(60)).await.into_iter().map(|one| one.2).collect();
        assert_eq!(kinds, [act(provider::Act::AskPermission)]);
        assert_eq!(calls.count_commands(None).await.unwrap(), 2);
    })
    .await;
}

#[tokio::test]
async fn each_peer_is_handed_what_is_for_its_adapters_and_what_takes_something_back_first() {
    on_each(async |calls| {
        running(&calls, &["a", "b", "c"]).await;
        let zoom = i32::from(provider::Adapter::ZoomLocal);
        let other = Lane::For(vec![provider::Adapter::Teams.into()]);
        for none in [other, Lane::ForOthers(vec![zoom]), Lane::For(Vec::new())] {
            assert_eq!(calls.first_command(&none).await.unwrap(), None);
            let claimed = calls.claim_commands(&none, minute(58), LONG, 100).await.unwrap();
            assert!(claimed.commands.is_empty(), "{none:?}");
        }
        calls.told(&[told("c", 1, Signal::CancelAsked, minute(59))], minute(59)).await;
        let first =
            calls.claim_commands(&Lane::For(vec![zoom]), minute(59), LONG, 1).await.unwrap();
        let claimed: Vec<_> =
            first.commands.iter().map(|one| (one.call_id.as_str(), one.kind)).collect();
        assert_eq!(claimed, [("c", CommandKind::Withdraw)]);
    })
    .await;
}

#[tokio::test]
async fn what_nobody_can_tell_is_tried_again_less_and_less_often() {
    on_each(async |calls| {
        running(&calls, &["a"]).await;
        calls.told(&[told("a", 1, Signal::StopAsked, minute(61))], minute(61)).await;
        assert_eq!(calls.session_timers().await, [("a".into(), 1, minute(61))]);
        let second = |second| minute(61) + TimeDelta::seconds(second);
        let settings = Settings::default();
        for (now, next) in
            [(second(10), second(15)), (second(40), second(60)), (minute(90), minute(91))]
        {
            let stepped = calls.wake("acme", &[("a", 1)], &settings, now).await.unwrap();
            assert_eq!(stepped.concluded["acme"], ["a"]);
            assert_eq!(calls.session_timers().await, [("a".into(), 1, next)]);
        }
        // News of it move nothing, unless something else comes of it.
        calls.told(&[told("a", 1, Signal::RequestedAgain, minute(90))], minute(90)).await;
        assert_eq!(calls.session_timers().await, [("a".into(), 1, minute(91))]);
    })
    .await;
}

#[tokio::test]
async fn time_that_passes_is_handled_by_the_one_timer_of_a_session() {
    on_each(async |calls| {
        running(&calls, &["a"]).await;
        let claimed = calls.claim_timers(minute(59), LONG, 10, &[]).await.unwrap();
        let due: Vec<_> = claimed.timers.iter().map(|one| (one.kind, one.due)).collect();
        assert!(due.contains(&(TimerKind::Session, minute(59))), "{due:?}");
        let settings = Settings::default();
        calls.wake("acme", &[("a", 1)], &settings, minute(59)).await.unwrap();
        // Nothing was heard of the recorder: it is tried again in half a minute.
        let half = minute(59) + TimeDelta::seconds(30);
        assert_eq!(calls.session_timers().await, [("a".into(), 1, half)]);
        // Whoever was woken twice finds nothing to do, and the timer stays.
        calls.wake("acme", &[("a", 1)], &settings, minute(59)).await.unwrap();
        assert_eq!(calls.session_timers().await, [("a".into(), 1, half)]);
        // Nor does a claim by somebody whose clock is ahead keep others from it.
        for _ in 0..2 {
            let claimed = calls.claim_timers(half, LONG, 10, &[]).await.unwrap();
            assert!(claimed.timers.iter().any(|one| one.kind == TimerKind::Session));
            calls.wake("acme", &[("a", 1)], &settings, minute(59)).await.unwrap();
        }
        calls.wake("acme", &[("a", 1)], &settings, half).await.unwrap();
        let session = calls.session("acme", "a").await.unwrap().unwrap();
        assert_eq!(session.machine.run(), 1);
    })
    .await;
}

#[tokio::test]
async fn what_came_of_a_session_waits_until_it_stands_in_the_decision() {
    on_each(async |calls| {
        running(&calls, &["a"]).await;
        let version = calls.one("a").await.unwrap().version;
        let stepped = calls.told(&[told("a", 1, Signal::StopAsked, minute(61))], minute(61)).await;
        assert_eq!(stepped.concluded["acme"], ["a"]);
        assert!(calls.one("a").await.unwrap().version > version, "whoever judges it judges again");
        assert_eq!(calls.session_timers().await, [("a".into(), 1, minute(61))]);
        let over = calls.untold("acme", &["a".to_owned()]).await.unwrap();
        let call = calls.one("a").await.unwrap();
        let moment = Moment { cause: Cause::Session, ..at(61) };
        let came = Came::Skipped(SkipCode::CanceledByOwner);
        assert_eq!(over[0].machine.outcome(), Some(came));
        let judged = Judged::carried(&call, &over[0], came, moment).unwrap();
        let outcome = calls.commit("acme", std::slice::from_ref(&judged), moment).await.unwrap();
        assert_eq!(outcome.changed, 1);
        let call = calls.one("a").await.unwrap();
        assert!(call.ended && call.decision.cause == "session");
        assert_eq!(call.decision.revision, 2);
        assert!(calls.session_timers().await.is_empty());
        assert!(calls.untold("acme", &["a".to_owned()]).await.unwrap().is_empty());
        // What is known only later does not bring it back.
        let stale = calls.commit("acme", &[judged], moment).await.unwrap();
        assert_eq!(stale.stale, ["a"]);
        assert!(calls.released("acme", &["a".to_owned()]).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn what_came_of_a_session_is_not_told_where_something_else_came_of_it_since() {
    on_each(async |calls| {
        running(&calls, &["a"]).await;
        calls.told(&[told("a", 1, Signal::RecordingStarted, minute(60))], minute(60)).await;
        calls.told(&[told("a", 1, Signal::Imported, minute(80))], minute(80)).await;
        let before = calls.untold("acme", &["a".to_owned()]).await.unwrap();
        // Between the two that another replica reads.
        let deleted = told("a", 1, Signal::DeletionAsked, minute(81));
        calls.told(std::slice::from_ref(&deleted), minute(81)).await;
        let call = calls.one("a").await.unwrap();
        let moment = Moment { cause: Cause::Session, ..at(81) };
        let judged = Judged::carried(&call, &before[0], Came::Recorded, moment).unwrap();
        let outcome = calls.commit("acme", &[judged], moment).await.unwrap();
        assert_eq!((outcome.stale, outcome.changed), (vec!["a".to_owned()], 0));
        let untold = calls.untold("acme", &["a".to_owned()]).await.unwrap();
        let came = Came::Skipped(SkipCode::RecordingDeletedByUser);
        assert_eq!(untold[0].machine.outcome(), Some(came), "it is told later");
        assert_eq!(calls.session_timers().await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn what_was_recorded_keeps_the_time_it_took_and_nobody_is_sent_there() {
    on_each(async |calls| {
        let a = sketch("a", 60, "ada", "room");
        let rival = Sketch { received: -1, ..sketch("b", 75, "ada", "other") };
        calls.put(&[&a, &rival]).await;
        assert!(calls.is_plan("a").await != calls.is_plan("b").await, "they overlap");
        let (wins, loses) = if calls.is_plan("a").await { ("a", "b") } else { ("b", "a") };
        calls.hand_over("acme", &[(wins, 1)], minute(58)).await;
        let until = minute(80);
        calls.told(&[told(wins, 1, Signal::RecordingStarted, minute(60))], minute(60)).await;
        calls.told(&[told(wins, 1, Signal::Imported, until)], until).await;
        let over = calls.untold("acme", &[wins.to_owned()]).await.unwrap();
        let call = calls.one(wins).await.unwrap();
        let moment = Moment { cause: Cause::Session, ..at(80) };
        let judged = Judged::carried(&call, &over[0], Came::Recorded, moment).unwrap();
        calls.commit("acme", &[judged], moment).await.unwrap();
        let recorded = calls.one(wins).await.unwrap();
        assert_eq!(recorded.decision.kind(), wire::DecisionKind::Recorded);
        assert_eq!(recorded.contender.map(|one| one.end), Some(until));
        assert!(!calls.is_plan(loses).await);
        // Looked at again, both stay what they are.
        let judged = if loses == "b" { rival.judged(1) } else { a.judged(1) };
        calls.commit("acme", &[judged], at(81)).await.unwrap();
        assert!(!calls.is_plan(loses).await);
        assert!(calls.one(wins).await.unwrap().ended);
    })
    .await;
}

#[tokio::test]
async fn a_new_decision_that_changes_nothing_that_matters_leaves_the_session_alone() {
    on_each(async |calls| {
        running(&calls, &["a"]).await;
        let retitled = |seen, meeting| {
            let mut judged = Sketch { meeting, ..sketch("a", 60, "a", "a") }.judged(seen);
            judged.candidate.title = Some(format!("Title {meeting}"));
            judged
        };
        let seen = calls.one("a").await.unwrap().version;
        let outcome = calls.commit("acme", &[retitled(seen, 2)], at(59)).await.unwrap();
        assert_eq!(outcome.decisions["a"].revision, 2);
        let session = calls.session("acme", "a").await.unwrap().unwrap();
        assert_eq!((session.plan_revision, session.holds), (1, 2));
        assert_eq!(calls.released_at("acme", "a").await.unwrap(), Some(minute(58)));
        assert_eq!(calls.orders(minute(59)).await.len(), 1, "nothing is taken back");
        // What comes of it is of this decision.
        calls.told(&[told("a", 1, Signal::StopAsked, minute(61))], minute(61)).await;
        assert_eq!(calls.untold("acme", &["a".to_owned()]).await.unwrap()[0].holds, 2);
    })
    .await;
}

#[tokio::test]
async fn a_call_that_is_moved_takes_its_session_back_unless_it_is_being_recorded() {
    on_each(async |calls| {
        running(&calls, &["a", "b"]).await;
        calls.told(&[told("b", 1, Signal::RecordingStarted, minute(60))], minute(60)).await;
        let mut moved = Vec::new();
        for id in ["a", "b"] {
            let seen = calls.one(id).await.unwrap().version;
            moved.push(Sketch { meeting: 2, ..sketch(id, 90, id, id) }.judged(seen));
        }
        let outcome = calls.commit("acme", &moved, at(61)).await.unwrap();
        assert_eq!(outcome.decisions["a"].revision, 2);
        assert_eq!(outcome.decisions["b"].revision, 1, "it is being recorded");
        assert!(calls.session("acme", "a").await.unwrap().unwrap().is_leaving());
        assert_eq!(calls.released_at("acme", "a").await.unwrap(), None, "it is dispatched anew");
        assert_eq!(calls.released_at("acme", "b").await.unwrap(), Some(minute(58)));
        assert_eq!(
            calls.one("b").await.unwrap().judged_meeting,
            2,
            "whoever is sent again goes by it"
        );
        // A session of the new plan.
        assert_eq!(calls.hand_over("acme", &[("a", 2)], minute(88)).await, ["a"]);
        assert_eq!(calls.session("acme", "a").await.unwrap().unwrap().plan_revision, 2);
    })
    .await;
}

#[tokio::test]
async fn a_plan_that_changes_when_nobody_can_be_sent_any_more_does_not_count_as_handed_over() {
    on_each(async |calls| {
        running(&calls, &["a"]).await;
        let by = calls.one("a").await.unwrap().decision.plan.unwrap().dispatch_by.unwrap();
        let late = minute(300);
        assert!(by.seconds < to_wire(late).seconds);
        let seen = calls.one("a").await.unwrap().version;
        let elsewhere = Sketch { meeting: 2, ..sketch("a", 60, "a", "elsewhere") };
        let outcome = calls.commit("acme", &[elsewhere.judged(seen)], at(300)).await.unwrap();
        assert_eq!(outcome.decisions["a"].revision, 2);
        assert!(calls.session("acme", "a").await.unwrap().unwrap().is_leaving());
        assert_eq!(calls.released_at("acme", "a").await.unwrap(), None);
        // So it is looked at again, and ends in a code.
        let claimed = calls.claim_timers(late, LONG, 10, &[]).await.unwrap();
        let kinds: Vec<_> =
            claimed.timers.iter().filter(|one| one.revision == 2).map(|one| one.kind).collect();
        assert!(kinds.contains(&TimerKind::Window), "{kinds:?}");
        let seen = calls.one("a").await.unwrap().version;
        let moment = Moment { cause: Cause::Timer, ..at(300) };
        let outcome = calls.commit("acme", &[elsewhere.judged(seen)], moment).await.unwrap();
        assert_eq!(outcome.decisions["a"].kind(), wire::DecisionKind::Skip);
    })
    .await;
}

#[tokio::test]
async fn a_plan_that_falls_tells_its_session_why() {
    on_each(async |calls| {
        running(&calls, &["a"]).await;
        let seen = calls.one("a").await.unwrap().version;
        let cancelled = Sketch { cancelled: true, meeting: 2, ..sketch("a", 60, "a", "a") };
        let outcome = calls.commit("acme", &[cancelled.judged(seen)], at(59)).await.unwrap();
        assert_eq!(outcome.decisions["a"].kind(), wire::DecisionKind::Skip);
        let session = calls.session("acme", "a").await.unwrap().unwrap();
        assert!(session.is_leaving() && session.machine.outcome().is_none());
        // It ends when late news have had their time; the timer stayed with it.
        let due = calls.session_timers().await[0].2;
        calls.wake("acme", &[("a", 1)], &Settings::default(), due).await.unwrap();
        let session = calls.session("acme", "a").await.unwrap().unwrap();
        assert_eq!(session.machine.outcome(), Some(Came::Skipped(SkipCode::Cancelled)));
    })
    .await;
}

#[tokio::test]
async fn how_far_signals_were_followed_is_noted_with_them_or_neither_is() {
    on_each(async |calls| {
        running(&calls, &["a"]).await;
        let leases = calls.leases();
        let lease = leases.acquire("follow", "me", LONG).await.unwrap().unwrap();
        let stopped = [told("a", 1, Signal::StopAsked, minute(61))];
        leases.release(&lease).await.unwrap();
        let lost =
            calls.hear(&stopped, &SettingsOf::new(), Some((&lease, "s", 7)), minute(61)).await;
        assert!(matches!(lost, Err(Error::Storage(storage::Error::LeaseLost))), "{lost:?}");
        assert_eq!(calls.progress("s").await.unwrap(), 0);
        let session = calls.session("acme", "a").await.unwrap().unwrap();
        assert_eq!(session.machine.outcome(), None);
        let lease = leases.acquire("follow", "me", LONG).await.unwrap().unwrap();
        let followed = Some((&lease, "s", 7));
        calls.hear(&stopped, &SettingsOf::new(), followed, minute(61)).await.unwrap();
        assert_eq!(calls.progress("s").await.unwrap(), 7);
    })
    .await;
}
