//! What no calendar knows is one call however often it is registered, and a link is kept as long as it is needed.

use proto::provider::v1 as provider;

use super::*;
use crate::store::entity::{registered, timer};

fn phoned(change: impl FnOnce(&mut provider::PhoneCall)) -> Registered {
    let mut call = provider::PhoneCall {
        connection: "twilio".to_owned(),
        external_id: "CA1".to_owned(),
        own_number: "+442079460000".to_owned(),
        placed_at: Some(to_wire(minute(0))),
        ..provider::PhoneCall::default()
    };
    change(&mut call);
    Registered {
        call_id: "call".to_owned(),
        input: Input::Call(call),
        link: None,
        received: minute(1),
        revision: 1,
    }
}

fn uploaded(id: &str) -> Registered {
    Registered {
        call_id: id.to_owned(),
        input: Input::Upload(wire::ImportRecordingRequest {
            title: "Renewal".to_owned(),
            ..wire::ImportRecordingRequest::default()
        }),
        link: Some(Secret::new("https://files.example/s3cret".to_owned())),
        received: minute(1),
        revision: 1,
    }
}

impl Calls {
    async fn heard_of(&self, id: &str) -> Option<Registered> {
        self.registered("acme", &[id.to_owned()]).await.unwrap().pop()
    }
}

#[tokio::test]
async fn a_call_registered_again_is_one_call_and_what_more_is_told_is_a_new_revision() {
    on_each(async |calls| {
        let first = phoned(|_| {});
        assert!(calls.register("acme", &first, minute(2)).await.unwrap());
        assert_eq!(calls.heard_of("call").await.unwrap(), first);
        let later = Registered { received: minute(9), ..first.clone() };
        assert!(!calls.register("acme", &later, minute(9)).await.unwrap(), "nothing is new");
        assert_eq!(calls.heard_of("call").await.unwrap(), first);
        let known = phoned(|call| {
            call.user = "ada".to_owned();
            call.own_number.clear();
            call.placed_at = Some(to_wire(minute(5)));
            call.participants = vec!["kim@customer.example".to_owned()];
        });
        assert!(calls.register("acme", &known, minute(9)).await.unwrap());
        let wanted = phoned(|call| {
            call.user = "ada".to_owned();
            call.participants = vec!["kim@customer.example".to_owned()];
        });
        let wanted = Registered { revision: 2, ..wanted };
        assert_eq!(calls.heard_of("call").await.unwrap(), wanted, "silence takes nothing back");
        assert!(!calls.register("acme", &first, minute(9)).await.unwrap(), "less is nothing new");
        assert!(calls.registered("other", &["call".to_owned()]).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_registered_call_has_a_timer_before_it_has_a_decision() {
    on_each(async |calls| {
        for told in [phoned(|_| {}), phoned(|_| {}), phoned(|call| call.user = "ada".to_owned())] {
            calls.register("acme", &told, minute(2)).await.unwrap();
        }
        let claimed = calls.claim_timers(minute(2), std::time::Duration::ZERO, 10, &[]).await;
        let timers = claimed.unwrap().timers;
        assert_eq!(timers.len(), 2, "one for everything that is new");
        assert!(timers.iter().all(|one| one.revision == UNDECIDED && one.call_id == "call"));
        // A decision makes them void.
        let plan = Sketch { id: "call".to_owned(), ..sketch("a", 0, "ada", "room") };
        calls.put(&[&plan]).await;
        let left = timer::Entity::find()
            .filter(timer::Column::Revision.eq(0_i64))
            .all(calls.store.reader())
            .await
            .unwrap();
        assert_eq!(left, []);
    })
    .await;
}

#[tokio::test]
async fn a_link_is_forgotten_when_nothing_is_to_be_fetched() {
    on_each(async |calls| {
        for id in ["planned", "skipped"] {
            calls.register("acme", &uploaded(id), minute(2)).await.unwrap();
            let told = calls.heard_of(id).await.unwrap();
            assert!(!format!("{told:?}").contains("s3cret"), "{told:?}");
        }
        let mut judged = Vec::new();
        for (id, cancelled) in [("planned", false), ("skipped", true)] {
            let sketch = Sketch { cancelled, ..sketch(id, 60, "ada", id) };
            let mut one = sketch.judged(0);
            one.candidate.conference = None;
            // No calendar knows it.
            one.candidate.key = Some((&CallKey::default()).into());
            one.contender = None;
            judged.push(one);
        }
        calls.commit("acme", &judged, at(0)).await.unwrap();
        assert!(calls.heard_of("planned").await.unwrap().link.is_some());
        let skipped = calls.heard_of("skipped").await.unwrap();
        assert_eq!((skipped.link, skipped.revision), (None, 1));
        // Asked for once more it has a link again, and is decided again.
        assert!(calls.register("acme", &uploaded("skipped"), minute(2)).await.unwrap());
        let again = calls.heard_of("skipped").await.unwrap();
        assert!(again.link.is_some() && again.revision == 2, "{again:?}");
        let rows = registered::Entity::find().all(calls.store.reader()).await.unwrap();
        let inputs: Vec<_> = rows.iter().map(|row| String::from_utf8_lossy(&row.input)).collect();
        assert!(!inputs.iter().any(|input| input.contains("s3cret")), "{inputs:?}");
    })
    .await;
}

#[tokio::test]
async fn no_more_people_are_known_of_a_call_than_can_be_told() {
    on_each(async |calls| {
        for part in 0..3 {
            let told = phoned(|call| {
                let name = |number: usize| format!("{part}-{number}@customer.example");
                call.participants = (0..600).map(name).collect();
            });
            calls.register("acme", &told, minute(2)).await.unwrap();
        }
        let Input::Call(known) = calls.heard_of("call").await.unwrap().input else {
            panic!("it is a call")
        };
        assert_eq!(known.participants.len(), PEOPLE);
        assert_eq!(known.participants[0], "0-0@customer.example", "who was known first stays");
    })
    .await;
}
