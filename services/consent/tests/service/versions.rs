//! Consent parts of policy versions: applied, kept, and proposed ones that are not.

use chassis::House;
use proto::consent::v1::{
    ApplyConsentProfileRequest, Choice, ConsentResolutionKind, JudgeConsentsRequest,
    ResolveConsentLinksRequest,
};
use proto::skip::v1::SkipCode;
use proto::verdict::v1::Outcome;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::world::{
    World, acme, call, choosing, client_of, codes, foreign, judging, link, places, reason, shape,
};

#[tokio::test]
async fn a_version_that_was_not_applied_is_asked_for() {
    for place in places().await {
        let world = World::of_acme(place).await;
        let resolve = |company: &str, policy_version| ResolveConsentLinksRequest {
            company: company.into(),
            policy_version,
            ..Default::default()
        };
        for (company, version) in
            [("acme", 2), ("other", 1), ("acme", u64::MAX), ("no\0company", 1)]
        {
            let judged = world.client().judge_consents(judging(company, version, vec![])).await;
            let resolved = world.client().resolve_consent_links(resolve(company, version)).await;
            for status in [judged.unwrap_err(), resolved.unwrap_err()] {
                assert_eq!(status.code(), Code::FailedPrecondition);
                let info = status.get_details_error_info().unwrap();
                assert_eq!(info.reason, "ERROR_REASON_UNKNOWN_POLICY_VERSION");
                assert_eq!(info.metadata["company"], company);
                assert_eq!(info.metadata["policy_version"], version.to_string());
            }
        }
        // Not knowing is not remembered.
        world.client().apply_consent_profile(acme(2)).await.unwrap();
        assert!(world.client().judge_consents(judging("acme", 2, vec![])).await.is_ok());
    }
}

#[tokio::test]
async fn a_version_is_applied_once_and_for_all() {
    for place in places().await {
        let world = World::of_acme(place).await;
        let mut turned = acme(1);
        turned.profiles.reverse();
        world.client().apply_consent_profile(turned).await.unwrap();
        let mut changed = acme(1);
        changed.profiles[0].enforced = false;
        let status = world.client().apply_consent_profile(changed).await.unwrap_err();
        assert_eq!(status.code(), Code::Aborted);
        assert_eq!(world.judge(vec![call("a", "", vec![])]).await[0].outcome(), Outcome::Skip);
        let mut wrong = acme(2);
        wrong.keys.push("no key".into());
        let status = world.client().apply_consent_profile(wrong).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(reason(&status), "ERROR_REASON_INVALID_COMPANY_FILE");
        let fields = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!(fields[0].field, "consent.keys[0]");
    }
}

#[tokio::test]
async fn the_newest_versions_are_kept() {
    for place in places().await {
        let world = World::new(place).await;
        for version in [1, 2, 3, 4] {
            world.client().apply_consent_profile(acme(version)).await.unwrap();
        }
        let gone = world.client().judge_consents(judging("acme", 1, vec![])).await.unwrap_err();
        assert_eq!(gone.code(), Code::FailedPrecondition);
        assert!(world.client().judge_consents(judging("acme", 2, vec![])).await.is_ok());
        // Whoever applies an old one can ask for it.
        world.client().apply_consent_profile(acme(1)).await.unwrap();
        assert!(world.client().judge_consents(judging("acme", 1, vec![])).await.is_ok());
    }
}

#[test]
fn settings_that_keep_nothing_are_refused() {
    let house = House::new().host::<consent::App>("keep_versions = 0");
    assert!(format!("{:#}", house.check().unwrap_err()).contains("keep_versions"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_content_wins_where_replicas_apply_two_under_one_number() {
    for place in places().await {
        let world = World::of_acme(place).await;
        let other = world.replica().await;
        for version in 2..32 {
            let mut lenient = acme(version);
            lenient.profiles[0].enforced = false;
            let (mut here, mut there) = (world.client(), client_of(&other));
            let (strict, lenient) = tokio::join!(
                here.apply_consent_profile(acme(version)),
                there.apply_consent_profile(lenient),
            );
            let expected = match (&strict, &lenient) {
                (Ok(_), Err(status)) | (Err(status), Ok(_)) => {
                    assert_eq!(status.code(), Code::Aborted, "{status:?}");
                    assert_eq!(reason(status), "ERROR_REASON_REVISION_CONFLICT");
                    if strict.is_ok() { Outcome::Skip } else { Outcome::Allow }
                }
                both => panic!("{both:?}"),
            };
            for client in [&mut here, &mut there] {
                let asked = judging("acme", version, vec![call("a", "", vec![])]);
                let judged = client.judge_consents(asked).await.unwrap().into_inner();
                assert_eq!(judged.verdicts[0].outcome(), expected);
            }
        }
        // The same from both is no conflict.
        let (mut here, mut there) = (world.client(), client_of(&other));
        let (one, two) = tokio::join!(
            here.apply_consent_profile(acme(40)),
            there.apply_consent_profile(acme(40)),
        );
        assert!(one.is_ok() && two.is_ok());
    }
}

#[tokio::test]
async fn a_proposed_part_is_judged_by_and_not_kept() {
    for place in places().await {
        let world = World::of_acme(place).await;
        let mut client = world.client();
        let (pem, url) = foreign();
        let draft = ApplyConsentProfileRequest { keys: vec![pem], ..acme(2) };
        let refusal = choosing("r", Choice::JoinWithoutRecording, "1");
        client.record_choice(refusal).await.unwrap();
        let calls = || ["a", "r"].map(|uid| call(uid, "", vec![link(&url)])).to_vec();
        // Of a version that is known and of one that is not, again and again.
        for version in [1, 9, 1] {
            let request = JudgeConsentsRequest {
                draft: Some(draft.clone()),
                ..judging("acme", version, calls())
            };
            let judged = client.judge_consents(request).await.unwrap().into_inner();
            assert_eq!(judged.policy_version, version);
            assert_eq!(judged.verdicts[0].outcome(), Outcome::Allow);
            assert_eq!(codes(&judged.verdicts[1]), [SkipCode::ComplianceUserRequest]);
            let request = ResolveConsentLinksRequest {
                company: "acme".into(),
                policy_version: version,
                now: None,
                links: vec![shape(&url)],
                draft: Some(draft.clone()),
            };
            let resolved = client.resolve_consent_links(request).await.unwrap().into_inner();
            assert_eq!(resolved.resolutions[0].kind(), ConsentResolutionKind::Resolved);
        }
        let lenient = ApplyConsentProfileRequest { default_profile: "lax".into(), ..draft.clone() };
        let request = JudgeConsentsRequest {
            draft: Some(lenient),
            ..judging("acme", 1, vec![call("a", "", vec![])])
        };
        let judged = client.judge_consents(request).await.unwrap().into_inner();
        assert_eq!(judged.verdicts[0].outcome(), Outcome::Allow);
        // Nothing of it is left.
        let applied = client.judge_consents(judging("acme", 1, calls())).await.unwrap();
        let verdicts = applied.into_inner().verdicts;
        assert_eq!(codes(&verdicts[0]), [SkipCode::ComplianceSystemDecision]);
        for version in [2, 9] {
            let unknown = client.judge_consents(judging("acme", version, vec![])).await;
            assert_eq!(unknown.unwrap_err().code(), Code::FailedPrecondition);
        }
        let hostless = ApplyConsentProfileRequest { host: String::new(), ..acme(2) };
        client.apply_consent_profile(hostless).await.unwrap();
    }
}

#[tokio::test]
async fn a_proposed_part_that_could_not_be_applied_is_refused() {
    for place in places().await {
        let world = World::of_acme(place).await;
        type Spoil = fn(&mut ApplyConsentProfileRequest);
        let cases: [(&str, Spoil); 3] = [
            ("consent.keys[0]", |draft| draft.keys.push("no key".into())),
            ("consent.default_profile", |draft| draft.default_profile = "us".into()),
            ("draft.company", |draft| draft.company = "other".into()),
        ];
        for (field, spoil) in cases {
            let mut draft = acme(2);
            spoil(&mut draft);
            let judge =
                JudgeConsentsRequest { draft: Some(draft.clone()), ..judging("acme", 1, vec![]) };
            let resolve = ResolveConsentLinksRequest {
                company: "acme".into(),
                policy_version: 1,
                draft: Some(draft),
                ..Default::default()
            };
            let judged = world.client().judge_consents(judge).await.unwrap_err();
            let resolved = world.client().resolve_consent_links(resolve).await.unwrap_err();
            for status in [judged, resolved] {
                assert_eq!(status.code(), Code::InvalidArgument);
                let wrong = status.get_details_bad_request().unwrap().field_violations;
                assert_eq!(wrong[0].field, field);
            }
        }
    }
}
