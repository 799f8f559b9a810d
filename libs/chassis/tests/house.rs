//! A house: its settings, its health, its reflection, its end.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write as _;
use std::time::{Duration, Instant};

use chassis::{House, Link, Running};
use futures::StreamExt as _;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::{v1, v1alpha};

#[path = "support/echo.rs"]
mod echo;

use echo::{ECHO, EchoApp, FallingApp, RELAY, RelayApp, ask, tell, watch};

const MAX: usize = 1 << 20;

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn problem(house: House) -> String {
    format!("{:#}", house.check().unwrap_err())
}

async fn both(settings: &str) -> (Running, Link) {
    let running = House::new()
        .host::<RelayApp>("")
        .host::<EchoApp>("")
        .set("server.lame_duck = \"0s\"")
        .set(settings)
        .listen("127.0.0.1:0".parse().unwrap())
        .serve()
        .await
        .unwrap();
    let link =
        Link::far("x", &format!("http://{}", running.address().unwrap()), Duration::from_secs(30))
            .unwrap();
    (running, link)
}

async fn greeting(house: House) -> String {
    let running = house.open().await.unwrap();
    let answer = tell(running.link("echo").unwrap(), ECHO, Request::new(ask("greet", 0)), MAX)
        .await
        .unwrap();
    String::from_utf8(answer.payload).unwrap()
}

#[tokio::test]
async fn later_settings_win_over_earlier_ones_key_by_key() {
    assert_eq!(greeting(House::alone::<EchoApp>()).await, "hello");
    let of_file = file("[greeting]\ntext = \"good day\"\n");
    assert_eq!(greeting(House::alone::<EchoApp>().file(of_file.path())).await, "good day");
    let set = House::alone::<EchoApp>().file(of_file.path()).set("greeting.times = 2");
    assert_eq!(greeting(set).await, "good daygood day");

    let of_house = file("[echo.greeting]\ntext = \"hi\"\n[server]\nlisten = \"127.0.0.1:0\"\n");
    let house = || House::new().host::<EchoApp>("greeting = { text = \"ho\", times = 3 }");
    assert_eq!(greeting(house()).await, "hohoho");
    assert_eq!(greeting(house().file(of_house.path())).await, "hihihi");
}

#[test]
fn an_unknown_key_is_refused_with_its_name_and_file() {
    for text in [
        "[greeting]\ntxet = \"x\"\n",
        "[greetings]\ntext = \"x\"\n",
        "[server]\nlissen = 1\n",
        "[telemetry]\nlevel = 1\n",
        "color = 3\n",
    ] {
        let of = file(text);
        let problem = problem(House::alone::<EchoApp>().file(of.path()));
        let key = text.trim_matches(|c| c == '[').split([']', ' ']).next().unwrap();
        assert!(problem.contains("unknown setting"), "{problem}");
        assert!(problem.contains(key), "{problem}");
        assert!(problem.contains(of.path().to_str().unwrap()), "{problem}");
    }
    let of = file("[echo.greeting]\ntxet = 1\n");
    let named = problem(House::new().host::<EchoApp>("").file(of.path()));
    assert!(named.contains("`echo.greeting.txet`"), "{named}");
    let of = file("[ekho]\n[ekho.greeting]\ntext = \"x\"\n");
    let named = problem(House::new().host::<EchoApp>("").file(of.path()));
    assert!(named.contains("`ekho`"), "{named}");
}

#[test]
fn a_wrong_value_is_refused_with_its_key_and_file() {
    for (text, key) in [
        ("[greeting]\ntimes = \"many\"\n", "times"),
        ("[greeting]\npause = \"5 minutes\"\n", "pause"),
        ("[server]\nlisten = \"nowhere\"\n", "listen"),
        ("[server]\nceiling = \"long\"\n", "ceiling"),
        ("[greeting]\ntimes = 0\n", "greeting.times"),
        ("[server]\nceiling = \"99999999999999d\"\n", "server.ceiling"),
        ("server = 3\n", "server"),
    ] {
        let of = file(text);
        let problem = problem(House::alone::<EchoApp>().file(of.path()));
        assert!(problem.contains(key), "{problem}");
        // Checked later, by those who do not know where it was set.
        let checked = ["greeting.times", "server.ceiling"].contains(&key);
        assert!(checked || problem.contains(of.path().to_str().unwrap()), "{problem}");
    }
    let of = file("[greeting\n");
    let problem = problem(House::alone::<EchoApp>().file(of.path()));
    assert!(problem.contains(of.path().to_str().unwrap()), "{problem}");
    let missing = House::alone::<EchoApp>().file(std::path::Path::new("/no/such/file.toml"));
    assert!(format!("{:#}", missing.check().unwrap_err()).contains("/no/such/file.toml"));
}

#[test]
fn a_wrong_key_in_a_section_is_blamed_on_the_file_that_has_it() {
    // Whatever else is set in that section, and wherever: built in, in another file, by the program, on the command line.
    let others = file("[greeting]\ntext = \"hi\"\ntimes = 2\npause = \"1s\"\n");
    let reply = file("[greeting.reply]\ntext = \"hi\"\n");
    for (text, key) in [
        ("[greeting]\ntxet = \"x\"\n", "greeting.txet"),
        ("[greeting.reply]\ntimse = 1\n", "greeting.reply.timse"),
        ("[greeting.reply]\ntimes = \"many\"\n", "greeting.reply.times"),
        ("[greeting.rely]\ntext = \"x\"\n", "greeting.rely"),
    ] {
        let of = file(text);
        let (of, others, reply) = (of.path(), others.path(), reply.path());
        for [first, second, third] in
            [[of, others, reply], [others, reply, of], [reply, of, others]]
        {
            let house = House::alone::<EchoApp>().file(first).file(second).file(third);
            let problem = problem(house.set("greeting.times = 3"));
            assert!(problem.contains(key), "{problem}");
            assert!(problem.contains(of.to_str().unwrap()), "{problem}");
            for innocent in
                [others.to_str().unwrap(), reply.to_str().unwrap(), "default", "command line"]
            {
                assert!(!problem.contains(innocent), "{problem}");
            }
        }
    }
}

#[test]
fn a_wrong_section_is_blamed_on_all_who_set_something_in_it() {
    let (one, other) = (file("[greetings]\ntext = \"x\"\n"), file("[greetings]\ntimes = 2\n"));
    let problem = problem(House::alone::<EchoApp>().file(one.path()).file(other.path()));
    for file in [one.path(), other.path()] {
        assert!(problem.contains(file.to_str().unwrap()), "{problem}");
    }
}

#[test]
fn an_address_beyond_loopback_is_refused_unless_it_is_wanted() {
    for address in ["0.0.0.0:7100", "192.0.2.1:7100", "[::]:7100"] {
        let house = || House::alone::<EchoApp>().listen(address.parse().unwrap());
        let problem = problem(house());
        assert!(problem.contains("insecure_listen"), "{problem}");
        house().set("server.insecure_listen = true").check().unwrap();
    }
    House::alone::<EchoApp>().listen("[::1]:7100".parse().unwrap()).check().unwrap();
}

#[test]
fn a_peer_with_an_address_that_is_none_is_refused() {
    for address in ["consent:7103", "https://consent:7103", "http://", "", "ftp://x"] {
        let problem =
            problem(House::alone::<EchoApp>().set(format!("peers.friend = \"{address}\"")));
        assert!(problem.contains("friend"), "{problem}");
    }
}

#[test]
fn a_clock_that_cannot_be_read_is_refused_with_its_key_and_file() {
    let file = file("noon");
    let settings = format!("clock.file = '{}'", file.path().display());
    let told = problem(House::new().host::<EchoApp>("").set(settings.as_str()));
    assert!(told.contains("`clock.file`") && told.contains("no instant"), "{told}");
    std::fs::write(file.path(), "2026-03-02T08:00:00Z").unwrap();
    House::new().host::<EchoApp>("").set(settings).check().unwrap();
}

#[tokio::test]
async fn a_port_in_use_is_told() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let error = House::alone::<EchoApp>().listen(address).serve().await.unwrap_err();
    assert!(format!("{error:#}").contains(&address.to_string()), "{error:#}");
}

#[tokio::test]
async fn every_service_of_a_house_answers_on_its_one_port() {
    let (_running, link) = both("").await;
    tell(link.clone(), ECHO, Request::new(ask("echo", 0)), MAX).await.unwrap();
    tell(link, RELAY, Request::new(ask("echo", 0)), MAX).await.unwrap();
}

#[tokio::test]
async fn health_is_told_for_every_service() {
    let (_running, link) = both("").await;
    let mut health = HealthClient::new(link);
    for service in ["", ECHO, RELAY] {
        let request = HealthCheckRequest { service: service.to_owned() };
        let status = health.check(request).await.unwrap().into_inner().status();
        assert_eq!(status, ServingStatus::Serving, "{service}");
    }
    let unknown = HealthCheckRequest { service: "test.v1.Nobody".to_owned() };
    assert_eq!(health.check(unknown).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn a_service_whose_task_panicked_is_not_serving() {
    let running = House::new()
        .host::<FallingApp>("")
        .listen("127.0.0.1:0".parse().unwrap())
        .serve()
        .await
        .unwrap();
    let address = format!("http://{}", running.address().unwrap());
    let mut health = HealthClient::new(Link::far("x", &address, Duration::from_secs(5)).unwrap());
    let begun = Instant::now();
    loop {
        let request = HealthCheckRequest { service: "test.v1.FallingService".to_owned() };
        if health.check(request).await.unwrap().into_inner().status() == ServingStatus::NotServing {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn health_and_reflection_answer_while_the_service_is_full() {
    let (_running, link) = both("server.max_in_flight = 1").await;
    let busy = tokio::spawn(tell(link.clone(), ECHO, Request::new(ask("sleep", 500)), MAX));
    tokio::time::sleep(Duration::from_millis(150)).await;
    let request = HealthCheckRequest { service: ECHO.to_owned() };
    HealthClient::new(link).check(request).await.unwrap();
    busy.await.unwrap().unwrap();
}

#[tokio::test]
async fn reflection_lists_the_services_in_both_versions() {
    let (_running, link) = both("").await;
    let ask = v1::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(v1::server_reflection_request::MessageRequest::ListServices(
            String::new(),
        )),
    };
    let mut client = v1::server_reflection_client::ServerReflectionClient::new(link.clone());
    let mut answers =
        client.server_reflection_info(futures::stream::iter([ask])).await.unwrap().into_inner();
    let answer = answers.next().await.unwrap().unwrap().message_response.unwrap();
    let v1::server_reflection_response::MessageResponse::ListServicesResponse(list) = answer else {
        panic!("{answer:?}");
    };
    let names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
    assert!(
        [ECHO, RELAY, "grpc.health.v1.Health"].iter().all(|name| names.iter().any(|n| n == name)),
        "{names:?}"
    );

    let ask = v1alpha::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(
            v1alpha::server_reflection_request::MessageRequest::FileContainingSymbol(
                "grpc.health.v1.Health".to_owned(),
            ),
        ),
    };
    let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(link);
    let mut answers =
        client.server_reflection_info(futures::stream::iter([ask])).await.unwrap().into_inner();
    let answer = answers.next().await.unwrap().unwrap().message_response.unwrap();
    assert!(matches!(
        answer,
        v1alpha::server_reflection_response::MessageResponse::FileDescriptorResponse(_)
    ));
}

#[tokio::test]
async fn shutting_down_lets_requests_finish_and_accepts_no_more() {
    let (running, link) = both("").await;
    let slow = tokio::spawn(tell(link.clone(), ECHO, Request::new(ask("sleep", 500)), MAX));
    tokio::time::sleep(Duration::from_millis(150)).await;
    let address = running.address().unwrap();
    running.shutdown().await.unwrap();
    slow.await.unwrap().unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
    assert_eq!(
        tell(link, ECHO, Request::new(ask("echo", 0)), MAX).await.unwrap_err().code(),
        Code::Unavailable
    );
}

#[tokio::test]
async fn during_the_lame_duck_health_says_so_and_requests_are_still_served() {
    let (running, link) = both("server.lame_duck = \"600ms\"").await;
    let ending = tokio::spawn(running.shutdown());
    tokio::time::sleep(Duration::from_millis(200)).await;
    let request = HealthCheckRequest { service: ECHO.to_owned() };
    let status =
        HealthClient::new(link.clone()).check(request).await.unwrap().into_inner().status();
    assert_eq!(status, ServingStatus::NotServing);
    tell(link, ECHO, Request::new(ask("echo", 0)), MAX).await.unwrap();
    ending.await.unwrap().unwrap();
}

#[tokio::test]
async fn streams_end_with_unavailable_when_the_server_drains() {
    let (running, link) = both("").await;
    let near = running.link("echo").unwrap();
    let mut streams = [watch(link, "").await.unwrap(), watch(near, "").await.unwrap()];
    for stream in &mut streams {
        assert_eq!(stream.next().await.unwrap().unwrap().amount, 1);
    }
    let begun = Instant::now();
    let ending = tokio::spawn(running.shutdown());
    for stream in &mut streams {
        let end = tokio::time::timeout(Duration::from_secs(5), stream.next()).await.unwrap();
        assert_eq!(end.unwrap().unwrap_err().code(), Code::Unavailable);
    }
    ending.await.unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn what_does_not_finish_in_time_is_cut_off() {
    let (running, link) = both("server.drain = \"200ms\"").await;
    let stuck = tokio::spawn(tell(link, ECHO, Request::new(ask("sleep", 20_000)), MAX));
    tokio::time::sleep(Duration::from_millis(150)).await;
    let begun = Instant::now();
    assert!(running.shutdown().await.is_err());
    assert!(begun.elapsed() < Duration::from_secs(3));
    stuck.abort();
}

#[tokio::test]
async fn a_service_hosted_twice_is_refused() {
    let error = House::new().host::<EchoApp>("").host::<EchoApp>("").open().await.unwrap_err();
    assert!(format!("{error:#}").contains("twice"), "{error:#}");
}
