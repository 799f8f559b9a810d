//! Companies being decided again, one by one, those that fail later and later.

use std::time::Duration;

use super::*;

const LONG: Duration = Duration::from_secs(60);

async fn claimed(calls: &Calls) -> Option<Storm> {
    calls.claim_storm("me", LONG).await.unwrap()
}

#[tokio::test]
async fn one_that_failed_waits_longer_each_time_until_it_goes_on_and_lets_others_go_first() {
    on_each(async |calls| {
        calls.raise("acme", 1, Some("{}"), minute(0)).await.unwrap();
        calls.raise("beta", 1, Some("{}"), minute(1)).await.unwrap();
        let acme = claimed(&calls).await.unwrap();
        assert_eq!((acme.company.as_str(), acme.tries), ("acme", 0));
        calls.put_off_storm(&acme, LONG).await.unwrap();
        assert_eq!(claimed(&calls).await.unwrap().company, "beta");
        assert!(claimed(&calls).await.is_none(), "it has to wait");

        tokio::time::sleep(Duration::from_millis(1_100)).await;
        let acme = claimed(&calls).await.unwrap();
        assert_eq!((acme.company.as_str(), acme.tries), ("acme", 1));
        calls.put_off_storm(&acme, LONG).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        assert!(claimed(&calls).await.is_none(), "twice as long");
        tokio::time::sleep(Duration::from_millis(1_000)).await;
        let mut acme = claimed(&calls).await.unwrap();
        assert_eq!(acme.tries, 2);

        // Nobody waits longer than that.
        calls.put_off_storm(&acme, Duration::ZERO).await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
        acme = claimed(&calls).await.unwrap();
        assert_eq!(acme.tries, 3);
        // It went on.
        acme.tries = 0;
        assert!(calls.note_storm(&acme, Duration::ZERO).await.unwrap());
        tokio::time::sleep(Duration::from_millis(10)).await;
        let acme = claimed(&calls).await.unwrap();
        assert_eq!(acme.tries, 0);
        // A new version need not wait for what failed with the last one.
        calls.put_off_storm(&acme, LONG).await.unwrap();
        calls.raise("acme", 2, Some("{}"), minute(2)).await.unwrap();
        assert_eq!(claimed(&calls).await.unwrap().target_version, 2);
    })
    .await;
}

#[tokio::test]
async fn only_the_policy_that_calls_are_decided_by_is_kept() {
    on_each(async |calls| {
        assert_eq!(calls.policy_after("acme", 0).await.unwrap(), None);
        calls.raise("acme", 2, Some("two"), minute(0)).await.unwrap();
        assert_eq!(calls.policy_after("acme", 1).await.unwrap(), Some((2, "two".to_owned())));
        assert_eq!(calls.policy_after("acme", 2).await.unwrap(), None);
        // An older one that comes late changes nothing.
        calls.raise("acme", 1, Some("one"), minute(1)).await.unwrap();
        calls.raise("acme", 3, Some("three"), minute(2)).await.unwrap();
        calls.raise("acme", 2, Some("two"), minute(3)).await.unwrap();
        assert_eq!(calls.policy_after("acme", 0).await.unwrap(), Some((3, "three".to_owned())));
        assert_eq!(calls.policy_after("beta", 0).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn the_page_of_a_new_company_is_noted_and_begins_anew_with_a_newer_policy() {
    on_each(async |calls| {
        calls.raise("acme", 1, Some("{}"), minute(0)).await.unwrap();
        let mut acme = claimed(&calls).await.unwrap();
        assert_eq!(acme.at_page, None);
        (acme.at_page, acme.done, acme.total) = (Some("page".to_owned()), 2, 3);
        assert!(calls.note_storm(&acme, Duration::ZERO).await.unwrap());
        calls.leave_storm(&acme).await.unwrap();
        let again = claimed(&calls).await.unwrap();
        assert_eq!((again.at_page.as_deref(), again.done, again.total), (Some("page"), 2, 3));
        calls.raise("acme", 2, Some("{}"), minute(1)).await.unwrap();
        let anew = claimed(&calls).await.unwrap();
        assert_eq!((anew.at_page, anew.done, anew.fresh), (None, 0, true));
    })
    .await;
}
