//! A peer in this process and a peer over a socket behave alike.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use chassis::{House, Link, Running};
use futures::StreamExt as _;
use tonic::{Code, Request};
use tonic_types::StatusExt as _;

#[path = "support/echo.rs"]
mod echo;

use echo::{Ask, ECHO, EchoApp, RELAY, RelayApp, ask, tell, watch};

const MAX: usize = 64 * 1024 * 1024;

/// The same two services, reached in one way or the other.
struct World {
    name: &'static str,
    echo: Link,
    relay: Link,
    _running: Vec<Running>,
}

/// `settings` are those of the processes that host.
async fn worlds(settings: &str) -> [World; 2] {
    // The one that asks is built first: its peer does not exist yet.
    let house =
        House::new().host::<RelayApp>("").host::<EchoApp>("").set(settings).open().await.unwrap();
    let near = World {
        name: "near",
        echo: house.link("echo").unwrap(),
        relay: house.link("re-lay").unwrap(),
        _running: vec![house],
    };
    let any = "127.0.0.1:0".parse().unwrap();
    let echo = House::alone::<EchoApp>().set(settings).listen(any).serve().await.unwrap();
    let at_echo = format!("http://{}", echo.address().unwrap());
    let relay = House::alone::<RelayApp>()
        .set(settings)
        .set(format!("peers.echo = \"{at_echo}\""))
        .listen(any)
        .serve()
        .await
        .unwrap();
    let at_relay = format!("http://{}", relay.address().unwrap());
    let far = World {
        name: "far",
        echo: Link::far("echo", &at_echo, Duration::from_secs(30)).unwrap(),
        relay: Link::far("relay", &at_relay, Duration::from_secs(30)).unwrap(),
        _running: vec![echo, relay],
    };
    assert!(near.echo.is_near() && !far.echo.is_near());
    [near, far]
}

fn within(ask: Ask, millis: u64) -> Request<Ask> {
    let mut request = Request::new(ask);
    request.set_timeout(Duration::from_millis(millis));
    request
}

#[tokio::test]
async fn an_answer_comes_back_directly_and_through_a_relay() {
    for world in worlds("").await {
        let asked = Ask { payload: b"ping".to_vec(), ..ask("echo", 0) };
        let direct = tell(world.echo, ECHO, Request::new(asked.clone()), MAX).await.unwrap();
        let relayed = tell(world.relay, RELAY, Request::new(asked), MAX).await.unwrap();
        assert_eq!(direct.payload, b"ping");
        assert_eq!(relayed.payload, b"ping");
    }
}

#[tokio::test]
async fn an_error_keeps_its_code_message_and_details() {
    for world in worlds("").await {
        for (link, service) in [(world.echo, ECHO), (world.relay, RELAY)] {
            let status =
                tell(link, service, Request::new(ask("refuse", 0)), MAX).await.unwrap_err();
            assert_eq!(status.code(), Code::NotFound, "{}", world.name);
            assert_eq!(status.message(), "no such meeting `x`");
            let details = status.get_error_details();
            let info = details.error_info().unwrap();
            assert_eq!(
                (info.domain.as_str(), info.reason.as_str()),
                ("callsheet", "ERROR_REASON_NO_MEETING")
            );
            assert_eq!(info.metadata.get("shelf").map(String::as_str), Some("7"));
            assert_eq!(details.bad_request().unwrap().field_violations[0].field, "what");
            assert_eq!(details.retry_info().unwrap().retry_delay, Some(Duration::from_secs(3)));
            assert!(!format!("{status:?}").contains("secret"));
        }
    }
}

#[tokio::test]
async fn a_panic_is_internal_and_the_next_request_is_served() {
    for world in worlds("").await {
        for _ in 0..3 {
            let status = tell(world.relay.clone(), RELAY, Request::new(ask("panic", 0)), MAX)
                .await
                .unwrap_err();
            assert_eq!(status.code(), Code::Internal, "{}", world.name);
            assert!(!status.message().contains("title"));
        }
        tell(world.echo, ECHO, Request::new(ask("echo", 0)), MAX).await.unwrap();
    }
}

#[tokio::test]
async fn a_panic_in_a_stream_ends_the_stream_with_internal() {
    for world in worlds("").await {
        let mut stream = watch(world.echo, "panic").await.unwrap();
        assert_eq!(stream.next().await.unwrap().unwrap().amount, 1);
        let status = stream.next().await.unwrap().unwrap_err();
        assert_eq!(status.code(), Code::Internal, "{}: {status:?}", world.name);
    }
}

#[tokio::test]
async fn a_deadline_that_passes_is_deadline_exceeded_everywhere() {
    for world in worlds("").await {
        for (link, service) in [(world.echo, ECHO), (world.relay, RELAY)] {
            let begun = Instant::now();
            let status =
                tell(link, service, within(ask("sleep", 5000), 100), MAX).await.unwrap_err();
            assert_eq!(
                status.code(),
                Code::DeadlineExceeded,
                "{} {service}: {status:?}",
                world.name
            );
            assert!(begun.elapsed() < Duration::from_secs(2));
        }
    }
}

#[tokio::test]
async fn a_short_limit_of_our_own_speaks_against_a_peer_that_does_not_keep_it() {
    for world in worlds("").await {
        let mut last = None;
        for _ in 0..21 {
            let limited = within(ask("sleep", 5000), 30);
            last = tell(world.echo.clone(), ECHO, limited, MAX).await.err();
        }
        assert_eq!(last.unwrap().code(), Code::Unavailable, "{}", world.name);
    }
}

#[tokio::test]
async fn the_ceiling_is_a_deadline_too() {
    for world in worlds("server.ceiling = \"80ms\"").await {
        let status =
            tell(world.relay, RELAY, Request::new(ask("sleep", 5000)), MAX).await.unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded, "{}", world.name);
    }
}

#[tokio::test]
async fn the_time_left_travels_over_two_hops() {
    for world in worlds("").await {
        let left = tell(world.relay.clone(), RELAY, within(ask("left", 0), 700), MAX)
            .await
            .unwrap()
            .amount;
        assert!(left < 700 && left > 300, "{}: {left}", world.name);
        // Without any, the ceiling of the first server is what travels.
        let left =
            tell(world.relay, RELAY, Request::new(ask("left", 0)), MAX).await.unwrap().amount;
        assert!(left < 30_000 && left > 25_000, "{}: {left}", world.name);
    }
}

#[tokio::test]
async fn too_little_time_is_refused_without_asking() {
    for world in worlds("").await {
        let begun = Instant::now();
        let status = tell(world.echo, ECHO, within(ask("sleep", 1000), 4), MAX).await.unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded, "{}", world.name);
        assert!(begun.elapsed() < Duration::from_millis(500));
    }
}

#[tokio::test]
async fn messages_up_to_the_limit_pass_and_larger_ones_do_not() {
    for world in worlds("server.max_message = 100000").await {
        let fill = |size| Request::new(ask("fill", size));
        let carry = |size| Request::new(Ask { payload: vec![1; size], ..ask("echo", 0) });
        tell(world.relay.clone(), RELAY, fill(99_000), MAX).await.unwrap();
        tell(world.relay.clone(), RELAY, carry(99_000), MAX).await.unwrap();
        let answer = tell(world.echo.clone(), ECHO, fill(101_000), MAX).await.unwrap_err();
        let asked = tell(world.echo.clone(), ECHO, carry(101_000), MAX).await.unwrap_err();
        assert_eq!(
            (answer.code(), asked.code()),
            (Code::OutOfRange, Code::OutOfRange),
            "{}",
            world.name
        );
    }
}

#[tokio::test]
async fn several_megabytes_pass_by_default() {
    for world in worlds("").await {
        let size = 20 << 20;
        let asked = Ask { payload: vec![1; size], ..ask("echo", 0) };
        assert_eq!(
            tell(world.relay, RELAY, Request::new(asked), MAX).await.unwrap().payload.len(),
            size
        );
    }
}

#[tokio::test]
async fn more_requests_than_places_are_turned_away_with_a_time_to_come_back() {
    for world in worlds("server.max_in_flight = 1").await {
        let first =
            tokio::spawn(tell(world.echo.clone(), ECHO, Request::new(ask("sleep", 600)), MAX));
        tokio::time::sleep(Duration::from_millis(200)).await;
        let status =
            tell(world.echo.clone(), ECHO, Request::new(ask("echo", 0)), MAX).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{}", world.name);
        assert!(status.get_error_details().retry_info().unwrap().retry_delay.is_some());
        first.await.unwrap().unwrap();
        tell(world.echo, ECHO, Request::new(ask("echo", 0)), MAX).await.unwrap();
    }
}

#[tokio::test]
async fn a_stream_keeps_no_place_once_it_has_begun() {
    for world in worlds("server.max_in_flight = 1").await {
        let mut stream = watch(world.echo.clone(), "").await.unwrap();
        assert_eq!(stream.next().await.unwrap().unwrap().amount, 1);
        tell(world.echo, ECHO, Request::new(ask("echo", 0)), MAX).await.unwrap();
    }
}

#[tokio::test]
async fn who_asks_is_known_and_what_the_caller_keeps_to_itself_is_not() {
    for world in worlds("").await {
        let principal =
            tell(world.echo.clone(), ECHO, Request::new(ask("principal", 0)), MAX).await.unwrap();
        assert_eq!(principal.amount, 1, "{}", world.name);
        let mut request = Request::new(ask("foreign", 0));
        request.extensions_mut().insert("mine");
        assert_eq!(tell(world.echo, ECHO, request, MAX).await.unwrap().amount, 0, "{}", world.name);
    }
}

#[tokio::test]
async fn a_method_or_service_that_is_not_there_is_unimplemented() {
    for world in worlds("").await {
        let status = tell(world.echo, "test.v1.Nobody", Request::new(ask("echo", 0)), MAX)
            .await
            .unwrap_err();
        assert_eq!(status.code(), Code::Unimplemented, "{}", world.name);
    }
}

#[tokio::test]
async fn a_peer_that_is_not_there_is_unavailable_and_found_when_it_comes() {
    let probe = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = probe.local_addr().unwrap();
    drop(probe);
    let link = Link::far("echo", &format!("http://{address}"), Duration::from_secs(30)).unwrap();
    let status = tell(link.clone(), ECHO, Request::new(ask("echo", 0)), MAX).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.message(), "peer `echo` cannot be reached");
    let details = status.get_error_details();
    assert_eq!(
        details.error_info().unwrap().metadata.get("peer").map(String::as_str),
        Some("echo")
    );
    let _running = House::alone::<EchoApp>().listen(address).serve().await.unwrap();
    tell(link, ECHO, Request::new(ask("echo", 0)), MAX).await.unwrap();
}

#[tokio::test]
async fn a_peer_that_accepts_and_never_answers_is_deadline_exceeded() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let link = Link::far("echo", &format!("http://{address}"), Duration::from_secs(30)).unwrap();
    let status = tell(link, ECHO, within(ask("echo", 0), 150), MAX).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
}

#[tokio::test]
async fn a_peer_that_dies_in_the_middle_is_unavailable() {
    let dying = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = dying.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = dying.accept().await {
            let mut some = [0; 24];
            let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut some).await;
        }
    });
    let link = Link::far("echo", &format!("http://{address}"), Duration::from_secs(30)).unwrap();
    let status = tell(link, ECHO, within(ask("echo", 0), 3000), MAX).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
}

/// Whether the headers of a request are among the frames that follow the preface of a connection.
fn asks(said: &[u8]) -> bool {
    let mut rest = said.get(24..).unwrap_or_default();
    while let [a, b, c, kind, ..] = *rest {
        if kind == 1 {
            return true;
        }
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        rest = rest.get(9 + length..).unwrap_or_default();
    }
    false
}

#[tokio::test]
async fn what_a_peer_that_goes_has_not_looked_at_is_known_over_a_bare_channel_too() {
    let going = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = going.local_addr().unwrap();
    tokio::spawn(async move {
        // RFC 9113, 6.5 and 6.8: settings, and a GOAWAY by which no request has been looked at and nothing is wrong.
        let frames = [
            &[0, 0, 0, 4, 0, 0, 0, 0, 0][..],
            &[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ];
        while let Ok((mut stream, _)) = going.accept().await {
            let mut said = Vec::new();
            while !asks(&said) {
                tokio::io::AsyncReadExt::read_buf(&mut stream, &mut said).await.unwrap();
            }
            tokio::io::AsyncWriteExt::write_all(&mut stream, &frames.concat()).await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let bare = tonic::transport::Endpoint::from_shared(format!("http://{address}")).unwrap();
    let mut grpc = tonic::client::Grpc::new(bare.connect_lazy());
    grpc.ready().await.unwrap();
    let path = http::uri::PathAndQuery::from_static("/test.v1.Echo/Do");
    let codec = tonic_prost::ProstCodec::<Ask, Ask>::default();
    let status = grpc.unary(Request::new(ask("echo", 0)), path, codec).await.unwrap_err();
    assert_ne!(status.code(), Code::Unavailable, "it need not be told apart any more");
    assert!(chassis::never_begun(std::error::Error::source(&status).unwrap()), "{status:?}");
    // A service that says the same is believed.
    assert!(std::error::Error::source(&tonic::Status::internal("h2 protocol error")).is_none());
}

#[tokio::test]
async fn a_peer_nobody_named_is_an_error_that_says_what_to_set() {
    let error = House::new().host::<RelayApp>("").open().await.unwrap_err();
    assert!(format!("{error:#}").contains("peers.echo = "), "{error:#}");
}
