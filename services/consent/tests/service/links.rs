//! Links that are issued and verified, and the key that signs them.

use chrono::TimeDelta;
use proto::calendar::v1::ConsentLinkType;
use proto::consent::v1::{
    ApplyConsentProfileRequest, ConsentResolutionKind, IssueConsentLinkRequest,
    ResolveConsentLinksRequest,
};
use proto::skip::v1::SkipCode;
use proto::verdict::v1::{Conference, Outcome, Provider};
use tonic::Code;

use crate::world::{
    World, acme, call, client_of, codes, foreign, issuing, judging, link, places, reason, shape,
    start,
};

#[tokio::test]
async fn a_link_issued_here_leads_to_its_conference_and_permits_the_call() {
    for place in places().await {
        let world = World::of_acme(place).await;
        let issued = world
            .client()
            .issue_consent_link(issuing(ConsentLinkType::Static))
            .await
            .unwrap()
            .into_inner();
        assert!(issued.url.starts_with("https://consent.acme.example/acme/s/"), "{}", issued.url);
        assert!(!issued.url.contains("pwd"));
        let zoom = Conference { provider: Provider::Zoom.into(), id: "98765432101".into() };
        assert_eq!(issued.conference, Some(zoom.clone()));
        assert_eq!(issued.expires_at.unwrap().seconds, 2_082_532_800);

        let links =
            vec![shape(&issued.url), shape("https://elsewhere.example/acme/s/abcdefghijklmnopq")];
        let resolve = ResolveConsentLinksRequest {
            company: "acme".into(),
            policy_version: 1,
            now: None,
            links,
            draft: None,
        };
        let resolved = world.client().resolve_consent_links(resolve).await.unwrap().into_inner();
        assert_eq!(resolved.resolutions[0].kind(), ConsentResolutionKind::Resolved);
        assert_eq!(resolved.resolutions[0].conference, Some(zoom));
        assert_eq!(resolved.resolutions[1].kind(), ConsentResolutionKind::NotAConsentLink);

        let verdict = world.judge_link(link(&issued.url)).await;
        assert_eq!(verdict.outcome(), Outcome::Allow, "{verdict:?}");
    }
}

#[tokio::test]
async fn a_token_that_was_tampered_with_permits_nothing() {
    for place in places().await {
        let world = World::of_acme(place).await;
        let url = world.issue(ConsentLinkType::Static).await;
        let good = link(&url);
        let token = good.consent.as_ref().unwrap().token.clone();
        let mut tampered = Vec::new();
        for place in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            tampered.push(String::from_utf8(bytes).unwrap());
        }
        tampered.extend([
            String::new(),
            ".".into(),
            token[..token.len() - 1].into(),
            format!("{token}A"),
        ]);
        let calls = tampered.iter().map(|token| {
            let mut link = good.clone();
            link.consent.as_mut().unwrap().token.clone_from(token);
            call("a", "", vec![link])
        });
        // The true one beside them lends them nothing.
        let calls = std::iter::once(call("a", "", vec![good.clone()])).chain(calls).collect();
        let verdicts = world.judge(calls).await;
        assert_eq!(verdicts[0].outcome(), Outcome::Allow);
        for (token, verdict) in tampered.iter().zip(&verdicts[1..]) {
            assert_eq!(verdict.outcome(), Outcome::Skip, "{token}");
            assert_eq!(codes(verdict), [SkipCode::ComplianceSystemDecision], "{token}");
        }
        // Of another company, or of another type, than the token says.
        for (company, link_type) in
            [("other", ConsentLinkType::Static), ("acme", ConsentLinkType::Unspecified)]
        {
            let mut link = good.clone();
            let shape = link.consent.as_mut().unwrap();
            shape.company = company.into();
            shape.set_type(link_type);
            assert_eq!(world.judge_link(link).await.outcome(), Outcome::Skip, "{company}");
        }
    }
}

#[tokio::test]
async fn a_link_that_has_expired_permits_nothing() {
    for place in places().await {
        let world = World::of_acme(place).await;
        let mut request = issuing(ConsentLinkType::Static);
        request.expires_at = Some(proto::time::to_wire(start() + TimeDelta::hours(1)));
        let url = world.client().issue_consent_link(request).await.unwrap().into_inner().url;
        world.clock.advance(TimeDelta::hours(1));
        assert_eq!(world.judge_link(link(&url)).await.outcome(), Outcome::Allow);
        world.clock.advance(TimeDelta::seconds(1));
        let late = world.judge_link(link(&url)).await;
        assert_eq!(codes(&late), [SkipCode::ComplianceSystemDecision]);
        // The instant a request names counts, not the clock.
        let mut request = judging("acme", 1, vec![call("a", "", vec![link(&url)])]);
        request.now = Some(proto::time::to_wire(start()));
        let verdicts = world.client().judge_consents(request).await.unwrap().into_inner().verdicts;
        assert_eq!(verdicts[0].outcome(), Outcome::Allow);
    }
}

#[tokio::test]
async fn a_key_of_the_policy_verifies_and_a_foreign_one_does_not() {
    for place in places().await {
        let world = World::of_acme(place).await;
        let (pem, url) = foreign();
        assert_eq!(
            codes(&world.judge_link(link(&url)).await),
            [SkipCode::ComplianceSystemDecision]
        );
        let second = ApplyConsentProfileRequest { keys: vec![pem], ..acme(2) };
        world.client().apply_consent_profile(second).await.unwrap();
        let request = judging("acme", 2, vec![call("a", "", vec![link(&url)])]);
        let verdicts = world.client().judge_consents(request).await.unwrap().into_inner().verdicts;
        assert_eq!(verdicts[0].outcome(), Outcome::Allow);
    }
}

#[tokio::test]
async fn links_of_another_process_with_the_same_key_file_are_known() {
    for place in places().await {
        let world = World::of_acme(place).await;
        // This one began before there was a key.
        let other = world.replica().await;
        let url = world.issue(ConsentLinkType::Static).await;
        let request = judging("acme", 1, vec![call("a", "", vec![link(&url)])]);
        let verdicts =
            client_of(&other).judge_consents(request).await.unwrap().into_inner().verdicts;
        assert_eq!(verdicts[0].outcome(), Outcome::Allow);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn all_who_meet_a_link_of_a_new_key_at_once_know_it() {
    for _ in 0..20 {
        let place = places().await.remove(0);
        let world = World::of_acme(place).await;
        let other = world.replica().await;
        let url = world.issue(ConsentLinkType::Static).await;
        let asking: Vec<_> = (0..16)
            .map(|_| {
                let (mut client, link) = (client_of(&other), link(&url));
                let request = judging("acme", 1, vec![call("a", "", vec![link])]);
                tokio::spawn(async move { client.judge_consents(request).await })
            })
            .collect();
        for asked in asking {
            let verdicts = asked.await.unwrap().unwrap().into_inner().verdicts;
            assert_eq!(verdicts[0].outcome(), Outcome::Allow);
        }
    }
}

#[tokio::test]
async fn links_that_cannot_be_issued_say_why() {
    for place in places().await {
        let world = World::of_acme(place).await;
        let refused = async |spoil: fn(&mut IssueConsentLinkRequest)| {
            let mut request = issuing(ConsentLinkType::Static);
            spoil(&mut request);
            world.client().issue_consent_link(request).await.unwrap_err()
        };
        let stranger = refused(|r| r.company = "other".into()).await;
        assert_eq!(stranger.code(), Code::NotFound);
        assert_eq!(reason(&stranger), "ERROR_REASON_UNKNOWN_COMPANY");
        let no_link = refused(|r| r.conference_url = "https://meet.jit.si/Renewal".into()).await;
        assert_eq!(no_link.code(), Code::InvalidArgument);
        assert_eq!(reason(&no_link), "ERROR_REASON_INVALID_LINK");
        assert!(no_link.message().contains("zoom, teams, webex, google_meet"));
        let past = refused(|r| r.expires_at = Some(prost_types::Timestamp::default())).await;
        assert_eq!(past.code(), Code::InvalidArgument);
        // Nothing was signed, so there is no key yet.
        assert!(!world.place.folder.path().join("key.pem").exists());

        let hostless = ApplyConsentProfileRequest { host: String::new(), ..acme(2) };
        world.client().apply_consent_profile(hostless).await.unwrap();
        let no_host = refused(|_| {}).await;
        assert_eq!(no_host.code(), Code::FailedPrecondition);
        assert!(no_host.message().contains("consent.host"), "{}", no_host.message());
    }
}

#[tokio::test]
async fn a_key_file_that_cannot_be_used_stops_signing_and_nothing_else() {
    for place in places().await {
        std::fs::write(place.folder.path().join("key.pem"), "no key").unwrap();
        let world = World::new(place).await;
        world.client().apply_consent_profile(acme(1)).await.unwrap();
        assert_eq!(world.judge(vec![call("a", "", vec![])]).await[0].outcome(), Outcome::Skip);
        let status =
            world.client().issue_consent_link(issuing(ConsentLinkType::Static)).await.unwrap_err();
        assert_eq!(status.code(), Code::FailedPrecondition);
        assert_eq!(reason(&status), "ERROR_REASON_CONSENT_KEY_MISSING");
        assert!(status.message().contains("key.pem"), "{}", status.message());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn replicas_that_issue_the_first_links_at_once_sign_with_one_key() {
    for place in places().await {
        let world = World::of_acme(place).await;
        let other = world.replica().await;
        let (mut here, mut there) = (world.client(), client_of(&other));
        let request = issuing(ConsentLinkType::Static);
        let (one, two) = tokio::join!(
            here.issue_consent_link(request.clone()),
            there.issue_consent_link(request),
        );
        let calls = [one, two].map(|issued| {
            let url = issued.unwrap().into_inner().url;
            call("a", "", vec![link(&url)])
        });
        for client in [&mut here, &mut there] {
            let judged = client.judge_consents(judging("acme", 1, calls.to_vec())).await;
            let verdicts = judged.unwrap().into_inner().verdicts;
            assert!(verdicts.iter().all(|verdict| verdict.outcome() == Outcome::Allow));
        }
    }
}
