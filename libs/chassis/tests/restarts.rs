//! Servers that come and go under load, and peers that fail.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chassis::{House, Link, Running};
use futures::StreamExt as _;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

#[path = "support/echo.rs"]
mod echo;

use echo::{Ask, ECHO, EchoApp, RELAY, RelayApp, ask, tell, watch};

const MAX: usize = 1 << 20;

fn far(address: SocketAddr) -> Link {
    Link::far("echo", &format!("http://{address}"), Duration::from_secs(30)).unwrap()
}

async fn serve(address: &str, settings: &str) -> Running {
    let address = address.parse().unwrap();
    let house = || {
        House::new()
            .host::<EchoApp>("")
            .set("server.lame_duck = \"20ms\"")
            .set(settings)
            .listen(address)
    };
    house().serve().await.unwrap()
}

/// Callers that ask all the time, each over a link of its own, until told to stop.
struct Load {
    stop: Arc<AtomicBool>,
    callers: Vec<tokio::task::JoinHandle<(u64, Vec<Status>)>>,
}

impl Load {
    fn of(links: Vec<Link>, what: &'static str, millis: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let callers = links
            .into_iter()
            .map(|link| {
                let stop = Arc::clone(&stop);
                tokio::spawn(async move {
                    let (mut made, mut failures) = (0, Vec::new());
                    while !stop.load(Ordering::Relaxed) {
                        let mut request =
                            Request::new(Ask { payload: vec![7; 300], ..ask(what, millis) });
                        request.set_timeout(Duration::from_secs(5));
                        made += 1;
                        if let Err(status) = tell(link.clone(), ECHO, request, MAX).await {
                            failures.push(status);
                        }
                        // A near call that never waits would keep the thread to itself.
                        tokio::task::yield_now().await;
                    }
                    (made, failures)
                })
            })
            .collect();
        Self { stop, callers }
    }

    async fn end(self) -> (u64, Vec<Status>) {
        self.stop.store(true, Ordering::Relaxed);
        let (mut made, mut failures) = (0, Vec::new());
        for caller in self.callers {
            let (of_one, failed) = caller.await.unwrap();
            made += of_one;
            failures.extend(failed);
        }
        (made, failures)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_restarted_ten_times_on_its_port_fails_no_call() {
    let mut running = serve("127.0.0.1:0", "").await;
    let address = running.address().unwrap();
    let quick = Load::of((0..6).map(|_| far(address)).collect(), "echo", 0);
    let slow = Load::of((0..2).map(|_| far(address)).collect(), "sleep", 30);
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(150)).await;
        let ending = tokio::spawn(running.shutdown());
        // The port is free as soon as the drain begins, while requests under way are still answered.
        running = loop {
            let house =
                House::new().host::<EchoApp>("").set("server.lame_duck = \"20ms\"").listen(address);
            match house.serve().await {
                Ok(running) => break running,
                Err(_) => tokio::time::sleep(Duration::from_millis(2)).await,
            }
        };
        ending.await.unwrap().unwrap();
    }
    for load in [quick, slow] {
        let (made, failures) = load.end().await;
        assert!(made > 50, "{made}");
        assert!(failures.is_empty(), "{} of {made}: {:?}", failures.len(), failures[0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_near_link_serves_until_the_last_moment() {
    let running = serve("127.0.0.1:0", "server.lame_duck = \"100ms\"").await;
    let busy = far(running.address().unwrap());
    let links = (0..4).map(|_| running.link("echo").unwrap()).collect();
    let load = Load::of(links, "echo", 0);
    let slow = tokio::spawn(tell(busy, ECHO, Request::new(ask("sleep", 400)), MAX));
    tokio::time::sleep(Duration::from_millis(50)).await;
    running.shutdown().await.unwrap();
    let (made, failures) = load.end().await;
    assert!(made > 50 && failures.is_empty(), "{made} {failures:?}");
    slow.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_connection_is_replaced_without_a_failed_call() {
    let settings =
        "server.max_connection_age = \"100ms\"\nserver.max_connection_age_grace = \"100ms\"";
    let running = serve("127.0.0.1:0", settings).await;
    let count = Counting::between(running.address().unwrap()).await;
    let links = (0..4).map(|_| far(count.address)).collect();
    let load = Load::of(links, "sleep", 5);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let (made, failures) = load.end().await;
    assert!(made > 50 && failures.is_empty(), "{made} {failures:?}");
    let connections = count.connections.load(Ordering::Relaxed);
    assert!(connections > 4 * 5, "{connections}");
    running.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_stream_that_waits_on_an_old_connection_ends_and_one_that_works_does_not() {
    let settings =
        "server.max_connection_age = \"200ms\"\nserver.max_connection_age_grace = \"200ms\"";
    let running = serve("127.0.0.1:0", settings).await;
    let link = far(running.address().unwrap());
    let mut waits = watch(link.clone(), "").await.unwrap();
    let works = watch(link, "tick").await.unwrap();
    let begun = Instant::now();
    assert_eq!(waits.next().await.unwrap().unwrap().amount, 1);
    let status = waits.next().await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(begun.elapsed() > Duration::from_millis(300), "{:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    let ticks: Vec<_> = works.collect().await;
    assert_eq!(ticks.len(), 21);
    assert!(ticks.iter().all(Result::is_ok), "{ticks:?}");
}

#[tokio::test]
async fn who_connects_and_says_nothing_does_not_hold_up_the_end() {
    let running = serve("127.0.0.1:0", "").await;
    let silent = tokio::net::TcpStream::connect(running.address().unwrap()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let begun = Instant::now();
    running.shutdown().await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    drop(silent);
}

/// A proxy that counts connections, and refuses or swallows them when told to.
struct Counting {
    address: SocketAddr,
    connections: Arc<AtomicU64>,
}

impl Counting {
    async fn between(server: SocketAddr) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                seen.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(async move {
                    let mut server = tokio::net::TcpStream::connect(server).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                });
            }
        });
        Self { address, connections }
    }
}

/// A leaf that counts the requests it is asked, and answers or says that it is ending.
#[derive(Clone)]
struct Leaf {
    asked: Arc<AtomicU64>,
    away: Arc<AtomicBool>,
}

impl Leaf {
    async fn serve() -> (Self, SocketAddr) {
        let leaf = Self { asked: Arc::default(), away: Arc::default() };
        let incoming =
            tonic::transport::server::TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = incoming.local_addr().unwrap();
        let (asked, away) = (Arc::clone(&leaf.asked), Arc::clone(&leaf.away));
        let service = tower::service_fn(move |_: http::Request<tonic::body::Body>| {
            asked.fetch_add(1, Ordering::Relaxed);
            let status = if away.load(Ordering::Relaxed) {
                let mut details = tonic_types::ErrorDetails::new();
                details.set_error_info(
                    "ERROR_REASON_PEER_UNAVAILABLE",
                    "callsheet",
                    std::collections::HashMap::new(),
                );
                Status::with_error_details(Code::Unavailable, "ending", details)
            } else {
                Status::not_found("an answer like any other")
            };
            std::future::ready(Ok::<_, std::convert::Infallible>(
                status.into_http::<tonic::body::Body>(),
            ))
        });
        tokio::spawn(async move {
            tonic::transport::Server::builder()
                .serve_with_incoming(service, incoming)
                .await
                .unwrap();
        });
        (leaf, address)
    }
}

async fn asked(link: &Link, millis: u64) -> Status {
    let mut request = Request::new(ask("echo", 0));
    request.set_timeout(Duration::from_millis(millis));
    tell(link.clone(), ECHO, request, MAX).await.unwrap_err()
}

fn circuit(status: &Status) -> Option<String> {
    let details = status.get_error_details();
    details.error_info().and_then(|info| info.metadata.get("circuit").cloned())
}

#[tokio::test]
async fn what_has_not_begun_is_asked_three_times_at_most() {
    let (leaf, address) = Leaf::serve().await;
    leaf.away.store(true, Ordering::Relaxed);
    let status = asked(&far(address), 3000).await;
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(leaf.asked.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn nothing_is_repeated_past_the_deadline() {
    let (leaf, address) = Leaf::serve().await;
    let link = far(address);
    asked(&link, 3000).await;
    leaf.away.store(true, Ordering::Relaxed);
    let begun = Instant::now();
    for _ in 0..5 {
        let status = asked(&link, 12).await;
        assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    }
    assert!(begun.elapsed() < Duration::from_millis(300));
    assert_eq!(leaf.asked.load(Ordering::Relaxed), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_adds_at_most_a_tenth_to_what_a_leaf_is_asked() {
    let (leaf, address) = Leaf::serve().await;
    let link = far(address);
    for _ in 0..100 {
        assert_eq!(asked(&link, 3000).await.code(), Code::NotFound);
    }
    let before = leaf.asked.load(Ordering::Relaxed);
    leaf.away.store(true, Ordering::Relaxed);
    let begun = Instant::now();
    let callers = (0..8).map(|_| {
        let link = link.clone();
        tokio::spawn(async move {
            let mut made = 0_u64;
            while begun.elapsed() < Duration::from_secs(2) {
                asked(&link, 1000).await;
                made += 1;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            made
        })
    });
    let made: u64 = futures::future::join_all(callers).await.into_iter().map(Result::unwrap).sum();
    let offered = leaf.asked.load(Ordering::Relaxed) - before;
    assert!(offered * 10 <= made * 11, "{offered} for {made}");
    // The circuit is open most of the time.
    assert!(offered * 2 < made, "{offered} for {made}");
    // And soon after the leaf is back everything is as it was.
    leaf.away.store(false, Ordering::Relaxed);
    let begun = Instant::now();
    while asked(&link, 1000).await.code() != Code::NotFound {
        assert!(begun.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for _ in 0..20 {
        assert_eq!(asked(&link, 1000).await.code(), Code::NotFound);
    }
}

#[tokio::test]
async fn an_open_circuit_answers_at_once_and_says_so() {
    let settings = "server.ceiling = \"20ms\"";
    let running = serve("127.0.0.1:0", settings).await;
    for link in [far(running.address().unwrap()), running.link("echo").unwrap()] {
        for _ in 0..20 {
            let status =
                tell(link.clone(), ECHO, Request::new(ask("sleep", 500)), MAX).await.unwrap_err();
            assert_eq!(status.code(), Code::DeadlineExceeded);
            assert_eq!(circuit(&status), None);
        }
        let begun = Instant::now();
        let status = tell(link.clone(), ECHO, Request::new(ask("echo", 0)), MAX).await.unwrap_err();
        assert!(begun.elapsed() < Duration::from_millis(15));
        assert_eq!(status.code(), Code::Unavailable);
        assert_eq!(circuit(&status).as_deref(), Some("open"));
        let details = status.get_error_details();
        assert_eq!(details.error_info().unwrap().metadata.get("peer").unwrap(), "echo");
        assert!(details.retry_info().unwrap().retry_delay.unwrap() <= Duration::from_secs(1));
        tokio::time::sleep(Duration::from_millis(1050)).await;
        tell(link, ECHO, Request::new(ask("echo", 0)), MAX).await.unwrap();
    }
}

#[tokio::test]
async fn callers_in_a_hurry_do_not_speak_against_a_peer_for_others() {
    let any = "127.0.0.1:0".parse().unwrap();
    let echo = serve("127.0.0.1:0", "").await;
    let settings = format!("peers.echo = \"http://{}\"", echo.address().unwrap());
    let relay = || House::alone::<RelayApp>().set(&settings).listen(any).serve();
    let apart = relay().await.unwrap();
    let together =
        House::new().host::<RelayApp>("").host::<EchoApp>("").listen(any).serve().await.unwrap();
    for relay in [apart, together] {
        // Each caller has a link of its own, so that what it thinks of the relay is of no matter.
        let link = || far(relay.address().unwrap());
        for _ in 0..30 {
            let mut request = Request::new(ask("sleep", 5000));
            request.set_timeout(Duration::from_millis(30));
            let status = tell(link(), RELAY, request, MAX).await.unwrap_err();
            assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
        }
        tell(link(), RELAY, Request::new(ask("echo", 0)), MAX).await.unwrap();
    }
}

#[tokio::test]
async fn what_a_service_refuses_opens_no_circuit() {
    let running = serve("127.0.0.1:0", "").await;
    for link in [far(running.address().unwrap()), running.link("echo").unwrap()] {
        for _ in 0..100 {
            let status =
                tell(link.clone(), ECHO, Request::new(ask("refuse", 0)), MAX).await.unwrap_err();
            assert_eq!(status.code(), Code::NotFound);
        }
        for _ in 0..30 {
            tell(link.clone(), ECHO, Request::new(ask("panic", 0)), MAX).await.unwrap_err();
        }
        tell(link, ECHO, Request::new(ask("echo", 0)), MAX).await.unwrap();
    }
}

#[tokio::test]
async fn a_stream_counts_with_its_beginning_alone() {
    let running = serve("127.0.0.1:0", "").await;
    let link = far(running.address().unwrap());
    for _ in 0..30 {
        let mut stream = watch(link.clone(), "panic").await.unwrap();
        while let Some(Ok(_)) = stream.next().await {}
    }
    tell(link, ECHO, Request::new(ask("echo", 0)), MAX).await.unwrap();
}

#[tokio::test]
async fn the_third_of_three_services_sees_less_time_than_the_first_was_given() {
    let any = "127.0.0.1:0".parse().unwrap();
    let last = House::alone::<EchoApp>().listen(any).serve().await.unwrap();
    let mut next = (last.address().unwrap(), ECHO);
    let mut relays = Vec::new();
    for _ in 0..2 {
        let relay = House::alone::<RelayApp>()
            .set(format!("peers.echo = \"http://{}\"\nservice = \"{}\"", next.0, next.1))
            .listen(any)
            .serve()
            .await
            .unwrap();
        next = (relay.address().unwrap(), RELAY);
        relays.push(relay);
    }
    let first = Link::far("first", &format!("http://{}", next.0), Duration::from_secs(30)).unwrap();
    let mut request = Request::new(ask("left", 0));
    request.set_timeout(Duration::from_millis(300));
    let left = tell(first.clone(), RELAY, request, MAX).await.unwrap().amount;
    // Each hop keeps a margin for itself.
    assert!(left < 300 - 2 * 2 && left > 50, "{left}");
    let mut request = Request::new(ask("sleep", 5000));
    request.set_timeout(Duration::from_millis(300));
    let begun = Instant::now();
    let status = tell(first, RELAY, request, MAX).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert!(begun.elapsed() < Duration::from_millis(1000));
}
