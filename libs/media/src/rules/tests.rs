//! Rules over hosts, schemes and addresses.

use super::*;

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn refused(text: &str, reach: Reach, hosts: &Hosts) -> Option<Refusal> {
    match reach.check(&url(text), hosts) {
        Ok(_) => None,
        Err(Error::Refused { why, .. }) => Some(why),
        Err(other) => panic!("{other}"),
    }
}

fn only(hosts: &[&str]) -> Hosts {
    Hosts::Only(hosts.iter().map(|host| host.parse().unwrap()).collect())
}

#[test]
fn a_domain_covers_what_lies_below_it_and_nothing_beside_it() {
    let hosts = only(&["zoom.us"]);
    for good in ["https://zoom.us/x", "https://files.ZOOM.us/", "https://a.b.zoom.us./"] {
        assert_eq!(refused(good, Reach::default(), &hosts), None, "{good}");
    }
    for bad in
        ["https://evilzoom.us/", "https://zoom.us.evil.example/", "https://zoom.us@evil.example/"]
    {
        assert!(refused(bad, Reach::default(), &hosts).is_some(), "{bad}");
    }
}

#[test]
fn an_exact_host_covers_nothing_else() {
    let hosts = only(&["=files.example"]);
    assert_eq!(refused("https://files.example/", Reach::default(), &hosts), None);
    assert_eq!(refused("https://a.files.example/", Reach::default(), &hosts), Some(Refusal::Host));
}

#[test]
fn only_https_unless_told() {
    let plain = Reach { plain_http: true, loopback: false };
    assert_eq!(
        refused("http://a.example/", Reach::default(), &Hosts::AnyPublic),
        Some(Refusal::Scheme)
    );
    assert_eq!(refused("http://a.example/", plain, &Hosts::AnyPublic), None);
    for odd in ["ftp://a.example/", "file:///etc/passwd", "data:,x"] {
        assert_eq!(refused(odd, plain, &Hosts::AnyPublic), Some(Refusal::Scheme), "{odd}");
    }
}

#[test]
fn an_address_is_judged_however_it_is_written() {
    use AddressKind::*;
    let cases = [
        ("https://127.0.0.1/", Some(Loopback)),
        ("https://2130706433/", Some(Loopback)),
        ("https://0x7f.1/", Some(Loopback)),
        ("https://0177.0.0.1/", Some(Loopback)),
        ("https://[::1]/", Some(Loopback)),
        ("https://[::ffff:127.0.0.1]/", Some(Embedded)),
        ("https://[::ffff:8.8.8.8]/", Some(Embedded)),
        ("https://[::ffff:0:10.0.0.1]/", Some(Embedded)),
        ("https://[::10.0.0.1]/", Some(Embedded)),
        ("https://[2002:a00:1::]/", Some(Embedded)),
        ("https://[2001:0:1::1]/", Some(Embedded)),
        ("https://[64:ff9b::a00:1]/", Some(Private)),
        ("https://[64:ff9b::808:808]/", None),
        ("https://10.1.2.3/", Some(Private)),
        ("https://172.31.255.255/", Some(Private)),
        ("https://172.32.0.1/", None),
        ("https://192.168.0.1/", Some(Private)),
        ("https://169.254.169.254/latest/meta-data/", Some(LinkLocal)),
        ("https://[fe80::1]/", Some(LinkLocal)),
        ("https://[fd00:ec2::254]/", Some(Private)),
        ("https://100.64.0.1/", Some(Shared)),
        ("https://100.127.255.255/", Some(Shared)),
        ("https://100.128.0.1/", None),
        ("https://224.0.0.1/", Some(Multicast)),
        ("https://[ff02::1]/", Some(Multicast)),
        ("https://0.0.0.0/", Some(Reserved)),
        ("https://255.255.255.255/", Some(Reserved)),
        ("https://[::]/", Some(Reserved)),
        ("https://[2001:db8::1]/", Some(Reserved)),
        ("https://8.8.8.8/", None),
        ("https://[2606:4700::1111]/", None),
    ];
    for (text, kind) in cases {
        let expected = kind.map(Refusal::Address);
        assert_eq!(refused(text, Reach::default(), &Hosts::AnyPublic), expected, "{text}");
    }
}

#[test]
fn permission_for_the_machine_itself_is_none_for_its_network() {
    let reach = Reach { plain_http: false, loopback: true };
    assert_eq!(refused("https://127.0.0.1/", reach, &Hosts::AnyPublic), None);
    assert!(refused("https://10.0.0.1/", reach, &Hosts::AnyPublic).is_some());
}

#[test]
fn a_token_is_shown_to_its_hosts_alone() {
    let token = Authorization::bearer("s3cret", vec!["zoom.us".parse().unwrap()]);
    assert_eq!(token.for_url(&url("https://us02web.zoom.us/x")), Some("Bearer s3cret"));
    assert_eq!(token.for_url(&url("https://storage.example/x")), None);
    assert!(!format!("{token:?}").contains("s3cret"));
}

#[test]
fn a_message_shows_no_more_than_the_site() {
    let text = "http://ada:pw@files.example:8080/rec/ada?token=s3cret#x";
    let error = Reach::default().check(&url(text), &Hosts::AnyPublic).unwrap_err();
    let (shown, debug) = (error.to_string(), format!("{error:?}"));
    assert!(shown.starts_with("`http://files.example:8080` is refused: "), "{shown}");
    for text in [shown, debug] {
        assert!(
            !text.contains("s3cret") && !text.contains("pw") && !text.contains("rec"),
            "{text}"
        );
    }
}
