//! Members one by one, and in pages.

use proto::eligibility::v1 as wire;
use tonic::Code;

use crate::world::{ACME, World, reason, violations, with_replicas};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_applied_through_replicas_at_once_are_all_there() {
    with_replicas("", async |one, two| {
        one.apply("company: acme\n").await.unwrap();
        let all = (0..10).map(|i| {
            let member = wire::TeamMember {
                id: format!("m{i}"),
                emails: vec![format!("m{i}@acme.example")],
                ..Default::default()
            };
            let company = "acme".to_owned();
            let request = wire::ApplyTeamMemberRequest { company, member: Some(member) };
            let mut client = [&one, &two][i % 2].companies();
            tokio::spawn(async move { client.apply_team_member(request).await.unwrap() })
        });
        for one in futures::future::join_all(all).await {
            one.unwrap();
        }
        assert_eq!(one.members("acme", 0).await.len(), 10);
        assert_eq!(two.get("acme", 0).await.unwrap().policy_version, 11);
    })
    .await;
}

#[tokio::test]
async fn a_member_is_added_replaced_and_deactivated_each_as_a_version() {
    let world = World::open().await;
    world.apply(ACME).await.unwrap();
    let apply = async |member: wire::TeamMember| {
        let request = wire::ApplyTeamMemberRequest { company: "acme".into(), member: Some(member) };
        world.companies().apply_team_member(request).await.map(|a| a.into_inner().policy_version)
    };
    let kim = wire::TeamMember {
        id: "kim".into(),
        emails: vec!["kim@acme.example".into()],
        ..Default::default()
    };
    assert_eq!(apply(kim.clone()).await.unwrap(), 2);
    assert_eq!(apply(kim.clone()).await.unwrap(), 2);
    assert_eq!(apply(wire::TeamMember { can_request: true, ..kim.clone() }).await.unwrap(), 3);
    let deactivate = async |id: &str| {
        let request =
            wire::DeactivateTeamMemberRequest { company: "acme".into(), member_id: id.into() };
        world.companies().deactivate_team_member(request).await
    };
    assert_eq!(deactivate("kim").await.unwrap().into_inner().policy_version, 4);
    assert_eq!(deactivate("kim").await.unwrap().into_inner().policy_version, 4);
    let members = world.members("acme", 0).await;
    let seen: Vec<_> = members.iter().map(|m| (m.id.as_str(), m.active(), m.can_request)).collect();
    assert_eq!(seen, [("ada", true, true), ("bob", true, false), ("kim", false, true)]);

    let error = deactivate("zed").await.unwrap_err();
    assert_eq!(
        (error.code(), violations(&error)[0].0.as_str()),
        (Code::InvalidArgument, "member_id")
    );
    let thief = wire::TeamMember {
        id: "eve".into(),
        emails: vec!["eve@acme.example".into(), "ada@acme.example".into()],
        ..Default::default()
    };
    let error = apply(thief).await.unwrap_err();
    assert_eq!(reason(&error), "ERROR_REASON_INVALID_COMPANY_FILE");
    assert_eq!(violations(&error)[0].0, "member.emails[1]");
    let strange = wire::TeamMember { capture: 77, ..kim.clone() };
    assert_eq!(violations(&apply(strange).await.unwrap_err())[0].0, "member.capture");
    let request = wire::ApplyTeamMemberRequest { company: "acme".into(), member: None };
    let error = world.companies().apply_team_member(request).await.unwrap_err();
    assert_eq!(violations(&error)[0].0, "member");
    let request = wire::ApplyTeamMemberRequest { company: "other".into(), member: Some(kim) };
    let error = world.companies().apply_team_member(request).await.unwrap_err();
    assert_eq!(
        (error.code(), reason(&error).as_str()),
        (Code::NotFound, "ERROR_REASON_UNKNOWN_COMPANY")
    );
    assert_eq!(world.get("acme", 0).await.unwrap().policy_version, 4);
}

#[tokio::test]
async fn members_applied_at_once_are_all_there() {
    let world = World::open().await;
    world.apply("company: acme\n").await.unwrap();
    let all = (0..8).map(|i| {
        let member = wire::TeamMember {
            id: format!("m{i}"),
            emails: vec![format!("m{i}@acme.example")],
            ..Default::default()
        };
        let request = wire::ApplyTeamMemberRequest { company: "acme".into(), member: Some(member) };
        let mut client = world.companies();
        async move { client.apply_team_member(request).await.unwrap() }
    });
    futures::future::join_all(all).await;
    assert_eq!(world.members("acme", 0).await.len(), 8);
    assert_eq!(world.get("acme", 0).await.unwrap().policy_version, 9);
}

#[tokio::test]
async fn members_come_in_pages_of_one_version_by_id() {
    let world = World::open().await;
    let mut text = "company: acme\nmembers:\n".to_owned();
    for i in (0..25).rev() {
        text += &format!("- {{ id: m{i:02}, emails: [m{i}@acme.example] }}\n");
    }
    world.apply(&text).await.unwrap();
    let mut request = wire::ListTeamMembersRequest {
        company: "acme".into(),
        page_size: 10,
        ..Default::default()
    };
    let mut seen = Vec::new();
    for length in [10, 10, 5] {
        let page = world.companies().list_team_members(request.clone()).await.unwrap().into_inner();
        assert_eq!(page.members.len(), length);
        seen.extend(page.members.into_iter().map(|member| member.id));
        request.page_token = page.next_page_token;
        world.apply(&format!("company: acme\nname: after {}\n", seen.len())).await.unwrap();
    }
    assert_eq!(request.page_token, "");
    assert_eq!(seen, (0..25).map(|i| format!("m{i:02}")).collect::<Vec<_>>());
    request.page_token = "no token".into();
    let error = world.companies().list_team_members(request).await.unwrap_err();
    assert_eq!(
        (error.code(), reason(&error).as_str()),
        (Code::OutOfRange, "ERROR_REASON_CURSOR_EXPIRED")
    );
}
