//! Where nobody is led, and what nobody is shown.

use crate::support::server::{Reply, Server};
use crate::support::{LAPTOP, download, fetcher, lookup, only, pace, places, rules};
use media::{Authorization, Download, Error, Fetcher, Hosts, Reach, Refusal};
use url::Url;

/// What comes of a download that is led on to there.
async fn led_to(
    location: impl Fn(u16) -> String,
    hosts: Hosts,
) -> (Result<u64, Error>, Vec<String>) {
    let target = Server::start(|seen, _| Reply::file(seen, b"recording", "\"v1\"")).await;
    let location = location(target.port);
    let first =
        Server::start(move |_, _| Reply::status(302).with("location", location.clone())).await;
    let [place, _] = places();
    let download = Download {
        hosts,
        authorization: Some(Authorization::bearer("s3cret", rules(&["zoom.example"]))),
        ..download(&first.url("api.zoom.example", "/rec"))
    };
    let got = fetcher(&place.store, pace()).fetch(&download).await.map(|recording| recording.bytes);
    assert_eq!(first.seen()[0].header("authorization"), Some("Bearer s3cret"));
    let shown = target
        .seen()
        .iter()
        .filter_map(|seen| seen.header("authorization").map(str::to_owned))
        .collect();
    (got, shown)
}

fn refusal(error: Error) -> Refusal {
    let Error::Refused { why, .. } = error else { panic!("{error}") };
    why
}

#[tokio::test]
async fn a_redirect_to_another_host_does_not_take_the_token_along() {
    let (got, shown) =
        led_to(|port| format!("http://storage.example:{port}/x"), Hosts::AnyPublic).await;
    assert_eq!((got.unwrap(), shown.len()), (9, 0));
}

#[tokio::test]
async fn a_redirect_within_the_tokens_hosts_does() {
    let (got, shown) =
        led_to(|port| format!("http://eu.zoom.example:{port}/x"), Hosts::AnyPublic).await;
    assert_eq!((got.unwrap(), shown), (9, vec!["Bearer s3cret".to_owned()]));
}

#[tokio::test]
async fn a_redirect_off_the_list_is_refused() {
    let hosts = only(&["zoom.example"]);
    let (got, _) = led_to(|port| format!("http://storage.example:{port}/x"), hosts).await;
    assert_eq!(refusal(got.unwrap_err()), Refusal::Host);
}

#[tokio::test]
async fn a_redirect_to_a_private_address_is_refused() {
    for location in [
        "http://10.0.0.1/x",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "http://[fd00:ec2::254]/",
        "http://private.example/x",
        "//192.168.1.1/x",
    ] {
        let (got, _) = led_to(|_| location.to_owned(), Hosts::AnyPublic).await;
        assert!(matches!(refusal(got.unwrap_err()), Refusal::Address(_)), "{location}");
    }
}

#[tokio::test]
async fn a_redirect_to_another_scheme_is_refused() {
    for location in ["file:///etc/passwd", "ftp://files.example/x"] {
        let (got, _) = led_to(|_| location.to_owned(), Hosts::AnyPublic).await;
        assert_eq!(refusal(got.unwrap_err()), Refusal::Scheme, "{location}");
    }
}

#[tokio::test]
async fn redirects_come_to_an_end() {
    let server = Server::start(|_, _| Reply::status(307).with("location", "/again")).await;
    let [place, _] = places();
    let download = download(&server.url("files.example", "/rec"));
    let error = fetcher(&place.store, pace()).fetch(&download).await.unwrap_err();
    assert_eq!(refusal(error), Refusal::Redirects { limit: 5 });
    assert_eq!(server.seen().len(), 6);
}

#[tokio::test]
async fn nothing_is_sent_where_nothing_may_be() {
    let server = Server::start(|seen, _| Reply::file(seen, b"recording", "\"v1\"")).await;
    let [place, _] = places();
    let plain = Reach { plain_http: true, loopback: false };
    let cases = [
        // A name that leads here, found out when it is resolved.
        (plain, server.url("files.example", "/rec")),
        (plain, server.url("127.0.0.1", "/rec")),
        (plain, server.url("localhost", "/rec")),
        (plain, server.url("[::ffff:127.0.0.1]", "/rec")),
        (Reach::default(), server.url("files.example", "/rec")),
        (LAPTOP, server.url("private.example", "/rec")),
        (LAPTOP, server.url("ada:s3cret@files.example", "/rec")),
    ];
    for (reach, url) in cases {
        let fetcher = Fetcher::resolving(place.store.clone(), reach, pace(), lookup()).unwrap();
        let refused = fetcher.fetch(&download(&url)).await.unwrap_err();
        assert!(matches!(refused, Error::Refused { .. }), "{url}: {refused}");
    }
    let download = Download {
        hosts: only(&["zoom.example"]),
        ..download(&server.url("files.example", "/rec"))
    };
    assert_eq!(
        refusal(fetcher(&place.store, pace()).fetch(&download).await.unwrap_err()),
        Refusal::Host
    );
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn this_systems_names_are_judged_too() {
    let [place, _] = places();
    let fetcher =
        Fetcher::new(place.store.clone(), Reach { plain_http: true, loopback: false }, pace())
            .unwrap();
    let mut download = download("http://files.example/");
    download.url = Url::parse("http://localhost:1/rec").unwrap();
    assert!(matches!(refusal(fetcher.fetch(&download).await.unwrap_err()), Refusal::Address(_)));
}
