//! Company files that cannot be taken, and one that uses every key.

use chassis::{House, Link};
use proto::eligibility::v1 as wire;
use proto::eligibility::v1::company_service_client::CompanyServiceClient;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::world::{ACME, World, reason, violations};

#[tokio::test]
async fn a_file_that_cannot_be_read_is_refused_with_its_line() {
    let world = World::open().await;
    let error = world.apply(&ACME.replace("can_request", "may_request")).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    assert_eq!(reason(&error), "ERROR_REASON_INVALID_COMPANY_FILE");
    assert!(
        error
            .message()
            .starts_with("line 11, column 5: `members[0].may_request`: `may_request` is"),
        "{}",
        error.message()
    );
    let metadata = error.get_details_error_info().unwrap().metadata;
    assert_eq!(
        (metadata["field"].as_str(), metadata["line"].as_str()),
        ("members[0].may_request", "11")
    );
    let found = violations(&error);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].0, "members[0].may_request");
    assert!(found[0].1.starts_with("line 11, column 5: "), "{}", found[0].1);

    let error = world.apply("company: acme\ndomains: [a.example\nname: x\n").await.unwrap_err();
    assert_eq!(violations(&error)[0].0, "document");
    assert!(error.message().starts_with("line "), "{}", error.message());
}

#[tokio::test]
async fn everything_wrong_with_a_file_is_told_with_its_lines() {
    let world = World::open().await;
    let text = ACME
        .replace("bob@acme.example", "ADA@acme.example")
        .replace("zoom:", "zooom:")
        .replace("company: acme", "company: acme\ntime_zone: Mars");
    let error = world.apply(&text).await.unwrap_err();
    assert_eq!(reason(&error), "ERROR_REASON_INVALID_COMPANY_FILE");
    let found = violations(&error);
    let places: Vec<_> = found
        .iter()
        .map(|(field, text)| (field.as_str(), text.split(": ").next().unwrap()))
        .collect();
    assert_eq!(
        places,
        [
            ("time_zone", "line 3, column 12"),
            ("settings.providers.zooom", "line 8, column 5"),
            ("members[1].emails[0]", "line 15, column 9"),
        ]
    );
    assert!(error.message().ends_with("(and 2 more problems)"), "{}", error.message());
    assert_eq!(world.get("acme", 0).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn a_file_of_a_thousand_long_mistakes_is_answered_over_a_socket() {
    let house = House::new()
        .host::<eligibility::App>("store.url = 'sqlite::memory:'")
        .listen("127.0.0.1:0".parse().unwrap())
        .set("server.lame_duck = '0s'");
    let running = house.serve().await.unwrap();
    let address = format!("http://{}", running.address().unwrap());
    let link = Link::far("eligibility", &address, std::time::Duration::from_secs(20)).unwrap();
    let mut text = "company: acme\ndomains:\n".to_owned();
    for i in 0..1_000 {
        text += &format!("- 'straße nr. {i} {}'\n", "ü".repeat(5_000));
    }
    let mut client = CompanyServiceClient::new(link).max_encoding_message_size(64 * 1024 * 1024);
    let request = wire::ApplyCompanyRequest { document: text, dry_run: false };
    let error = client.apply_company(request).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument, "{}", error.message());
    assert!(error.message().starts_with("line 3, column 3: `domains[0]`: `straße nr. 0"));
    let found = violations(&error);
    assert!(found.len() > 3, "{}", found.len());
    assert_eq!(found[2].0, "domains[2]");
    let long = "x".repeat(1_000_000);
    let request = wire::GetCompanyRequest { company: long, policy_version: 0 };
    let error = client.get_company(request).await.unwrap_err();
    assert_eq!(reason(&error), "ERROR_REASON_UNKNOWN_COMPANY");
    running.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_file_larger_than_any_company_needs_is_refused() {
    let world = World::open().await;
    let text = format!("{ACME}#{}", "x".repeat(16 * 1024 * 1024));
    let error = world.apply(&text).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    assert_eq!(reason(&error), "ERROR_REASON_PAYLOAD_TOO_LARGE");
    let metadata = error.get_details_error_info().unwrap().metadata;
    assert_eq!(metadata["limit"], "16777216");
}

#[tokio::test]
async fn every_key_of_a_company_file_is_taken() {
    let world = World::open().await;
    let every = r#"
company: bolt-works_1
name: "Bolt & Söhne: Werke"
time_zone: Europe/Vienna
domains: [bolt.example, "@werke.example"]
assistant: [mitschnitt@bolt.example]
coordinator: [regel@bolt.example]
settings:
  calendar: { import: yes, primary_only: false, company_wide_access: off }
  recording:
    which_meetings: organizer
    internal_meetings: record
    require_crm_match: true
    personal_is_private: false
    notice_guaranteed: 1h30m
    obsolete_under: 0
    dispatch_ahead: 90s
    latest_join: 10m
    min_duration: 30s
    max_duration: 2d
  exclusions:
    domains: [rivals.example]
    addresses: [kim@press.example]
    keywords: [Betriebsrat, "works council"]
  providers:
    zoom: { enabled: true, configured: true, method: local }
    teams: { enabled: true, authenticated_bot: true }
    webex: {}
    google_meet: { enabled: false }
  dialer:
    counts: either_party
    numbers: [{ prefix: "+43", mode: prohibited }, { prefix: +49, mode: automatic_excluded }]
consent:
  host: consent.bolt.example
  keys: []
  default_profile: eu
  profiles:
    eu: { enabled: true, enforced: true, links: { zoom: dynamic, teams: static }, announcement: true }
members:
  - id: ada
    emails: [ada@bolt.example, a.bolt@werke.example]
    seat: true
    capture: never
    calendar_access: false
    active: true
    can_request: true
    consent_profile: none
    zoom: { email: ada@bolt.example, licensed: true, auto_recording: false, local_recording: true, active: true }
crm: { addresses: [lee@prospect.example], domains: [prospect.example] }
"#;
    world.apply(every).await.unwrap();
    let document = world.get("bolt-works_1", 0).await.unwrap().document;
    let file = decision::CompanyFile::from_canonical(&document).unwrap();
    assert_eq!(file.name, "Bolt & Söhne: Werke");
    assert!(file.settings.calendar.import && !file.settings.calendar.company_wide_access);
    assert_eq!(file.settings.recording.notice_guaranteed.to_string(), "1h30m");
    assert_eq!(file.settings.dialer.numbers[1].prefix, "+49");
    assert_eq!(file.members[0].zoom.auto_recording, Some(false));
    // The same as JSON is the same.
    assert!(!world.apply(&document).await.unwrap().changed);
}
