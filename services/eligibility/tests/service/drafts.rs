//! Company files that are tried and not kept.

use proto::eligibility::v1 as wire;
use proto::verdict::v1::Outcome;
use tonic::Code;

use crate::world::{ACME, World, outcome, question, reason, violations};

#[tokio::test]
async fn a_dry_run_checks_and_stores_nothing() {
    let world = World::open().await;
    let answer = world.try_out(ACME).await.unwrap();
    assert_eq!((answer.company.as_str(), answer.policy_version, answer.changed), ("acme", 0, true));
    assert_eq!(world.get("acme", 0).await.unwrap_err().code(), Code::NotFound);
    world.apply(ACME).await.unwrap();
    let answer = world.try_out(ACME).await.unwrap();
    assert_eq!((answer.policy_version, answer.changed), (1, false));
    let answer = world.try_out(&ACME.replace("bob", "bo")).await.unwrap();
    assert_eq!((answer.policy_version, answer.changed), (1, true));
    let error = world.try_out(&ACME.replace("company: acme", "company: other")).await.unwrap_err();
    assert_eq!(reason(&error), "ERROR_REASON_DOMAIN_BELONGS_TO_ANOTHER_COMPANY");
}

#[tokio::test]
async fn a_dry_run_answers_the_canonical_form_that_would_be_kept() {
    let world = World::open().await;
    let tried = world.try_out(ACME).await.unwrap().document;
    assert_eq!(world.apply(ACME).await.unwrap().document, "");
    assert_eq!(tried, world.get("acme", 1).await.unwrap().document);
    assert_eq!(world.try_out(ACME).await.unwrap().document, tried);
    assert_eq!(world.try_out(&tried).await.unwrap().document, tried);
}

const STRICT: &str = "settings:\n  exclusions: { keywords: [renewal] }\n";

#[tokio::test]
async fn a_draft_is_judged_by_and_not_kept() {
    let world = World::open().await;
    world.apply(ACME).await.unwrap();
    let draft = world.try_out(&ACME.replace("settings:\n", STRICT)).await.unwrap().document;
    for _ in 0..3 {
        let answer = world.judge_draft("acme", &draft, vec![question()]).await.unwrap();
        // The version is the request's, which need not be there.
        assert_eq!(answer.policy_version, 7);
        assert_eq!(outcome(&answer.verdicts[0]), Outcome::Skip);
    }
    let answer = world.judge("acme", 0, vec![question()]).await.unwrap();
    assert_eq!((answer.policy_version, outcome(&answer.verdicts[0])), (1, Outcome::Allow));
    // What is proposed for a company that nobody applied can be judged by as well.
    let other = draft.replace("acme", "other");
    let answer = world.judge_draft("other", &other, vec![question()]).await.unwrap();
    assert_eq!(answer.verdicts.len(), 1);
    assert_eq!(world.get("other", 0).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn a_draft_gives_the_verdicts_that_applying_it_gives() {
    let world = World::open().await;
    world.apply("company: other\ndomains: [other.example]\n").await.unwrap();
    world.apply(ACME).await.unwrap();
    let question = |recipient: &str| wire::MeetingQuestion {
        foreign_recipient: recipient.into(),
        ..question()
    };
    let questions: Vec<_> =
        ["rec@other.example", "x@eu.other.example", "x@acme.example", "x@new.example", ""]
            .map(question)
            .into();
    let mut seen = std::collections::BTreeSet::new();
    for domains in ["acme.example", "new.example", "eu.other.example", "acme.example, new.example"]
    {
        let text = ACME
            .replace("domains: [acme.example]", &format!("domains: [{domains}]"))
            .replace("assistant: [recorder@acme.example]\n", "");
        let draft = world.try_out(&text).await.unwrap().document;
        let proposed = world.judge_draft("acme", &draft, questions.clone()).await.unwrap();
        world.apply(&text).await.unwrap();
        let applied = world.judge("acme", 0, questions.clone()).await.unwrap();
        assert_eq!(proposed.verdicts, applied.verdicts, "{domains}");
        seen.insert(format!("{:?}", applied.verdicts));
    }
    assert!(seen.len() > 1, "the drafts must differ in what they give");
}

#[tokio::test]
async fn a_draft_that_is_wrong_is_refused_with_its_field() {
    let world = World::open().await;
    world.apply(ACME).await.unwrap();
    let refused = async |company: &str, draft: &str| {
        let error = world.judge_draft(company, draft, vec![question()]).await.unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument);
        assert_eq!(reason(&error), "ERROR_REASON_INVALID_COMPANY_FILE");
        violations(&error).remove(0)
    };
    let draft = world.try_out(ACME).await.unwrap().document;
    let (field, text) = refused("acme", &draft.replace("can_request", "may_request")).await;
    assert_eq!(field, "draft.members[0].may_request");
    assert!(text.contains("did you mean `can_request`?"), "{text}");
    let (field, text) = refused("acme", &draft.replace("\"ada@acme.example\"", "\"ada\"")).await;
    assert_eq!(field, "draft.members[0].emails[0]");
    assert!(text.starts_with("line 1, column "), "{text}");
    assert_eq!(refused("acme", "{").await.0, "draft");
    // Ready for its own company, it is none of another's.
    world.judge_draft("acme", &draft, vec![]).await.unwrap();
    let (field, text) = refused("other", &draft).await;
    assert_eq!(field, "draft.company");
    assert!(text.contains("`acme`") && text.contains("`other`"), "{text}");

    let long = "x".repeat(49 * 1024 * 1024);
    let error = world.judge_draft("acme", &long, vec![]).await.unwrap_err();
    assert_eq!(reason(&error), "ERROR_REASON_PAYLOAD_TOO_LARGE");
    assert_eq!(violations(&error)[0].0, "draft");
}
