//! The library held against public payloads and signature vectors, where the folder of them is at hand.
#![expect(clippy::disallowed_methods, reason = "a test reads the folder of fixtures")]
#![expect(clippy::print_stdout, reason = "a test that has nothing to read says so")]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use signals::graph::{self, Batch};
use signals::{Delivery, Event, News, Secret, Tolerance, ringcentral, twilio, verify, zoom};

/// The files of one provider; none where there is no folder.
fn files(provider: &str) -> Vec<(String, Vec<u8>)> {
    let root = std::env::var_os("CALLSHEET_FIXTURES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures"),
        PathBuf::from,
    );
    let Ok(folder) = std::fs::read_dir(root.join("providers").join(provider)) else {
        println!("skipped: no fixtures of {provider}");
        return Vec::new();
    };
    let mut files: Vec<(String, Vec<u8>)> = folder
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read(&path).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn vectors(provider: &str, name: &str) -> Option<Value> {
    let (_, bytes) = files(provider).into_iter().find(|(file, _)| file == name)?;
    Some(serde_json::from_slice(&bytes).unwrap())
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap()
}

fn secrets(secret: &str) -> Vec<Secret> {
    vec![Secret::new(secret).unwrap()]
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

#[test]
fn signatures_of_zoom_are_as_expected() {
    let Some(file) = vectors("zoom", "vectors.x-zm-signature.json") else { return };
    let mut believed = 0;
    for vector in file["vectors"].as_array().unwrap() {
        let mut headers = HeaderMap::new();
        for (name, value) in vector["headers"].as_object().unwrap() {
            let name: HeaderName = name.parse().unwrap();
            headers.insert(name, HeaderValue::from_str(value.as_str().unwrap()).unwrap());
        }
        let body = text(vector, "raw_body").as_bytes();
        let stamp: i64 = text(&vector["headers"], "x-zm-request-timestamp").parse().unwrap();
        // As if it came three seconds later, so that only signatures decide.
        let result = zoom::receive(
            &headers,
            body,
            &secrets(text(vector, "secret_token")),
            Tolerance::ZOOM,
            at(stamp + 3),
        );
        let expected = vector["expected_valid"].as_bool().unwrap();
        assert_eq!(result.is_ok(), expected, "{}: {result:?}", text(vector, "name"));
        if expected {
            believed += 1;
            let replayed = zoom::receive(
                &headers,
                body,
                &secrets(text(vector, "secret_token")),
                Tolerance::ZOOM,
                at(stamp + 6000),
            );
            assert!(matches!(replayed, Err(verify::Error::TooOld { .. })));
        }
    }
    assert_eq!(believed, 2);
}

#[test]
fn questions_of_zoom_are_answered_as_expected() {
    let Some(file) = vectors("zoom", "vectors.url_validation.json") else { return };
    for vector in file["vectors"].as_array().unwrap() {
        let body = vector["request"].to_string();
        let secret = text(vector, "secret_token");
        let stamp = "1767261600";
        let signed = format!("v0:{stamp}:{body}");
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes());
        let code = aws_lc_rs::hmac::sign(&key, signed.as_bytes());
        let signature = format!("v0={}", data_encoding::HEXLOWER.encode(code.as_ref()));
        let mut headers = HeaderMap::new();
        headers.insert(zoom::SIGNATURE, HeaderValue::from_str(&signature).unwrap());
        headers.insert(zoom::TIMESTAMP, HeaderValue::from_static(stamp));
        let result = zoom::receive(
            &headers,
            body.as_bytes(),
            &secrets(secret),
            Tolerance::ZOOM,
            at(1_767_261_600),
        );
        let Ok(Delivery::Handshake(reply)) = result else { panic!("{result:?}") };
        let answer: Value = serde_json::from_str(&reply.body).unwrap();
        assert_eq!(answer, vector["response"]);
    }
}

#[test]
fn webhooks_of_zoom_are_read() {
    let mut read: Vec<Event> = Vec::new();
    for (name, bytes) in files("zoom") {
        let Some(expected) =
            name.strip_prefix("webhook.").and_then(|name| name.strip_suffix(".json"))
        else {
            continue;
        };
        let event = zoom::read(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(event.name, expected, "{name}");
        assert!(event.at.is_some(), "{name}: no time");
        assert!(event.meanings.iter().all(|one| !one.is_unknown()), "{name}: {:?}", event.meanings);
        let about = &event.about;
        let subject = about
            .conference
            .as_ref()
            .or(about.instance.as_ref())
            .or(about.call.as_ref())
            .or(about.user.as_ref());
        let of_all = ["account.", "group.", "endpoint.", "recording.batch_", "recording.cloud_"];
        if !of_all.iter().any(|prefix| expected.starts_with(prefix)) {
            assert!(subject.is_some(), "{name}: about nothing");
        }
        if expected.starts_with("meeting.participant_") {
            assert!(event.participants[0].id.is_some(), "{name}: nobody");
        }
        if expected.starts_with("recording.") && !expected.starts_with("recording.cloud_") {
            assert!(!event.recordings.is_empty(), "{name}: no recording");
        }
        read.push(event);
    }
    let mut keys: Vec<_> = read.iter().map(|event| event.key.clone()).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), read.len(), "two events with one key");
}

#[test]
fn signatures_of_twilio_are_as_expected() {
    let Some(file) = vectors("twilio", "vectors.x-twilio-signature.json") else { return };
    let secrets = secrets(text(&file, "auth_token"));
    for vector in file["vectors"].as_array().unwrap() {
        let url = text(vector, "url");
        let mut headers = HeaderMap::new();
        let signature = HeaderValue::from_str(text(vector, "signature")).unwrap();
        headers.insert(twilio::SIGNATURE, signature);
        if let Some(body) = vector["json_body"].as_str() {
            assert_eq!(twilio::verify_json(&headers, url, body.as_bytes(), &secrets), Ok(()));
            let tampered = body.replace("true", "false");
            let result = twilio::verify_json(&headers, url, tampered.as_bytes(), &secrets);
            assert_eq!(result, Err(verify::Error::Mismatch));
            continue;
        }
        let params = &vector["params"];
        let listed = params.as_array().into_iter().flatten();
        let named = params.as_object().into_iter().flatten();
        let pairs: Vec<(String, String)> = listed
            .map(|pair| (pair[0].as_str().unwrap().to_owned(), &pair[1]))
            .chain(named.map(|(name, value)| (name.clone(), value)))
            .map(|(name, value)| (name, value.as_str().unwrap().to_owned()))
            .collect();
        let form = |pairs: &[(String, String)]| {
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
        };
        let body = form(&pairs);
        assert_eq!(twilio::verify_form(&headers, url, body.as_bytes(), &secrets), Ok(()), "{url}");
        let mut tampered = pairs.clone();
        tampered[0].1.push('0');
        let result = twilio::verify_form(&headers, url, form(&tampered).as_bytes(), &secrets);
        assert_eq!(result, Err(verify::Error::Mismatch), "{url}");
        let wrong = [Secret::new("54321").unwrap()];
        let result = twilio::verify_form(&headers, url, body.as_bytes(), &wrong);
        assert_eq!(result, Err(verify::Error::Mismatch), "{url}");
    }
}

#[test]
fn calls_of_teams_are_read() {
    for (name, bytes) in files("teams") {
        if !name.starts_with("comms") {
            continue;
        }
        let events = graph::calls(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!events.is_empty(), "{name}");
        let value: Value = serde_json::from_slice(&bytes).unwrap();
        if text(&value, "@odata.type").ends_with("commsNotifications") {
            assert!(events.iter().all(|event| event.about.call.is_some()), "{name}");
            assert!(events.iter().all(|event| !event.meanings.is_empty()), "{name}");
        }
        for meaning in events.iter().flat_map(|event| &event.meanings) {
            assert!(!meaning.is_unknown(), "{name}: {meaning:?}");
        }
        if name == "comms-beta.join.L1090.json" {
            assert!(events.iter().any(|event| event.tells(News::LobbyEntered)), "{name}");
        }
        if name == "comms.transfer.L183.json" {
            assert_eq!(events[0].meanings[0].raw_code(), "0/7015");
        }
    }
}

#[test]
fn notifications_of_graph_are_read() {
    for (name, bytes) in files("teams") {
        if name.starts_with("callEvents.") && !name.ends_with("encrypted.json") {
            let event = graph::meeting(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(event.at.is_some(), "{name}");
            assert_eq!(event.about.conference.as_deref(), Some("{joinWebUrl}"), "{name}");
        }
        let value: Value = serde_json::from_slice(&bytes).unwrap();
        let batched = value["value"][0]["subscriptionId"].is_string();
        if name.starts_with("changeNotification.") || name.ends_with("encrypted.json") || batched {
            let batch = Batch::read(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
            for notification in batch.notifications {
                let notification = notification.unwrap_or_else(|error| panic!("{name}: {error}"));
                notification.event(None).unwrap();
            }
        }
    }
}

#[test]
fn sessions_of_ringcentral_are_read() {
    for (name, bytes) in files("ringcentral") {
        let session =
            ["mock-telephonySession.json", "telephonySessions.json"].contains(&name.as_str());
        if !session && !name.contains("presence") {
            continue;
        }
        let events = ringcentral::read(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!events.is_empty(), "{name}");
        for event in events {
            assert!(event.meanings.iter().all(|one| !one.is_unknown()), "{name}: {event:?}");
            assert!(!session || event.about.session.is_some(), "{name}");
        }
    }
}
