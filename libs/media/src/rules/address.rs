//! Which addresses belong to the open internet, by the registries of special-purpose addresses (RFC 6890 and after).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What kind of address it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressKind {
    /// Of the open internet.
    Public,
    /// This machine.
    Loopback,
    /// A private network (RFC 1918), or a unique local address.
    Private,
    /// The same link; metadata of clouds is served there.
    LinkLocal,
    /// Behind a carrier's translation (100.64.0.0/10).
    Shared,
    /// To many at once.
    Multicast,
    /// IPv4 inside IPv6: mapped, compatible, 6to4, Teredo.
    Embedded,
    /// Nobody's: unspecified, reserved, for documentation or benchmarks.
    Reserved,
}

impl fmt::Display for AddressKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "a public address",
            Self::Loopback => "the machine itself",
            Self::Private => "a private address",
            Self::LinkLocal => "a link-local address",
            Self::Shared => "a carrier's shared address",
            Self::Multicast => "a multicast address",
            Self::Embedded => "an IPv4 address wrapped in IPv6",
            Self::Reserved => "a reserved address",
        })
    }
}

/// What kind of address this is.
pub fn kind_of(ip: IpAddr) -> AddressKind {
    match ip {
        IpAddr::V4(ip) => kind_of_v4(ip),
        IpAddr::V6(ip) => kind_of_v6(ip),
    }
}

fn kind_of_v4(ip: Ipv4Addr) -> AddressKind {
    match ip.octets() {
        [127, ..] => AddressKind::Loopback,
        [10, ..] | [192, 168, ..] | [172, 16..=31, ..] => AddressKind::Private,
        [169, 254, ..] => AddressKind::LinkLocal,
        [100, 64..=127, ..] => AddressKind::Shared,
        [224..=239, ..] => AddressKind::Multicast,
        // 0/8 reaches this machine on some systems; 192.0.0/24, 192.88.99/24 and 198.18/15 no public server.
        [0, ..]
        | [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 18 | 19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [240..=255, ..] => AddressKind::Reserved,
        _ => AddressKind::Public,
    }
}

fn kind_of_v6(ip: Ipv6Addr) -> AddressKind {
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => AddressKind::Loopback,
        [0, 0, 0, 0, 0, 0, 0, 0] => AddressKind::Reserved,
        // Mapped, translated (SIIT) and compatible; a private address hides well in them.
        [0, 0, 0, 0, 0 | 0xffff, ..] => AddressKind::Embedded,
        // The well-known prefix of NAT64: what a network without IPv4 answers for a host that has nothing else.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            kind_of_v4(Ipv4Addr::new(a, b, c, d))
        }
        [0x2002, ..] | [0x2001, 0, ..] => AddressKind::Embedded,
        [0xfc00..=0xfdff, ..] => AddressKind::Private,
        // fec0::/10 is the site-local of old.
        [0xfe80..=0xfebf, ..] | [0xfec0..=0xfeff, ..] => AddressKind::LinkLocal,
        [0xff00..=0xffff, ..] => AddressKind::Multicast,
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => {
            AddressKind::Reserved
        }
        [0x2000..=0x3fff, ..] => AddressKind::Public,
        _ => AddressKind::Reserved,
    }
}
