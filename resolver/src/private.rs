//! Addresses that an answer leaves out (specs/07 §3): a public name that leads into somebody's own network is the lever of DNS rebinding.
//!
//! The table holds the IANA special-purpose registries for IPv4 and IPv6 whole, the ranges that other registries set aside (multicast, site-local), and the
//! forms of IPv6 that carry an IPv4 address.

use sapwood_rpc::records::svcb::{IPV4_HINT, IPV6_HINT, Svcb};
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const A: u16 = 1;
const AAAA: u16 = 28;
const SVCB: u16 = 64;
const HTTPS: u16 = 65;

const IPV4: [([u8; 4], u32); 19] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 31, 196, 0], 24),
    ([192, 52, 193, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([192, 175, 48, 0], 24),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
    ([255, 255, 255, 255], 32),
];

const IPV6: [([u16; 8], u32); 17] = [
    // Unspecified, loopback and, deprecated, IPv4-compatible.
    ([0, 0, 0, 0, 0, 0, 0, 0], 96),
    // IPv4-mapped.
    ([0, 0, 0, 0, 0, 0xffff, 0, 0], 96),
    // IPv4 behind a translator (RFC 6052, RFC 8215).
    ([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96),
    ([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48),
    ([0x100, 0, 0, 0, 0, 0, 0, 0], 64),
    ([0x100, 0, 0, 1, 0, 0, 0, 0], 64),
    // Protocol assignments, among them Teredo and ORCHID.
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32),
    // 6to4: IPv4 again.
    ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16),
    ([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48),
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),
    ([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16),
    ([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7),
    ([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10),
    ([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10),
    ([0xff00, 0, 0, 0, 0, 0, 0, 0], 8),
    // ISATAP-like and SIIT forms (RFC 2765) of IPv4.
    ([0, 0, 0, 0, 0xffff, 0, 0, 0], 96),
];

/// Whether an address is in a special-use range.
pub fn is_special_use(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let number = v4.to_bits();
            IPV4.iter()
                .any(|(range, len)| (number ^ Ipv4Addr::from(*range).to_bits()) >> (32 - len) == 0)
        }
        IpAddr::V6(v6) => {
            let number = v6.to_bits();
            IPV6.iter()
                .any(|(range, len)| (number ^ Ipv6Addr::from(*range).to_bits()) >> (128 - len) == 0)
        }
    }
}

/// A record's data without special-use addresses; none if nothing may be answered.
pub(crate) fn without_special_use(rtype: u16, rdata: &[u8]) -> Option<Cow<'_, [u8]>> {
    let keeps = match rtype {
        A => !ipv4_is_special(rdata),
        AAAA => !ipv6_is_special(rdata),
        SVCB | HTTPS => return without_hints(rdata).map(Cow::Owned),
        _ => true,
    };
    keeps.then_some(Cow::Borrowed(rdata))
}

fn ipv4_is_special(bytes: &[u8]) -> bool {
    <[u8; 4]>::try_from(bytes).map_or(true, |bytes| is_special_use(Ipv4Addr::from(bytes).into()))
}

fn ipv6_is_special(bytes: &[u8]) -> bool {
    <[u8; 16]>::try_from(bytes).map_or(true, |bytes| is_special_use(Ipv6Addr::from(bytes).into()))
}

fn without_hints(rdata: &[u8]) -> Option<Vec<u8>> {
    let mut svcb = Svcb::parse(rdata)?;
    for (key, value) in &mut svcb.params {
        *value = match *key {
            IPV4_HINT => value
                .chunks(4)
                .filter(|address| !ipv4_is_special(address))
                .flatten()
                .copied()
                .collect(),
            IPV6_HINT => value
                .chunks(16)
                .filter(|address| !ipv6_is_special(address))
                .flatten()
                .copied()
                .collect(),
            _ => continue,
        };
    }
    svcb.params
        .retain(|(key, value)| !value.is_empty() || !matches!(*key, IPV4_HINT | IPV6_HINT));
    svcb.to_bytes()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    /// First and last address of each range, and the neighbours that are public.
    const RANGES: &[(&str, &str, Option<&str>, Option<&str>)] = &[
        ("0.0.0.0", "0.255.255.255", None, Some("1.0.0.0")),
        (
            "10.0.0.0",
            "10.255.255.255",
            Some("9.255.255.255"),
            Some("11.0.0.0"),
        ),
        (
            "100.64.0.0",
            "100.127.255.255",
            Some("100.63.255.255"),
            Some("100.128.0.0"),
        ),
        (
            "127.0.0.0",
            "127.255.255.255",
            Some("126.255.255.255"),
            Some("128.0.0.0"),
        ),
        (
            "169.254.0.0",
            "169.254.255.255",
            Some("169.253.255.255"),
            Some("169.255.0.0"),
        ),
        (
            "172.16.0.0",
            "172.31.255.255",
            Some("172.15.255.255"),
            Some("172.32.0.0"),
        ),
        (
            "192.0.0.0",
            "192.0.0.255",
            Some("191.255.255.255"),
            Some("192.0.1.0"),
        ),
        (
            "192.0.2.0",
            "192.0.2.255",
            Some("192.0.1.255"),
            Some("192.0.3.0"),
        ),
        (
            "192.31.196.0",
            "192.31.196.255",
            Some("192.31.195.255"),
            Some("192.31.197.0"),
        ),
        (
            "192.52.193.0",
            "192.52.193.255",
            Some("192.52.192.255"),
            Some("192.52.194.0"),
        ),
        (
            "192.88.99.0",
            "192.88.99.255",
            Some("192.88.98.255"),
            Some("192.88.100.0"),
        ),
        (
            "192.168.0.0",
            "192.168.255.255",
            Some("192.167.255.255"),
            Some("192.169.0.0"),
        ),
        (
            "192.175.48.0",
            "192.175.48.255",
            Some("192.175.47.255"),
            Some("192.175.49.0"),
        ),
        (
            "198.18.0.0",
            "198.19.255.255",
            Some("198.17.255.255"),
            Some("198.20.0.0"),
        ),
        (
            "198.51.100.0",
            "198.51.100.255",
            Some("198.51.99.255"),
            Some("198.51.101.0"),
        ),
        (
            "203.0.113.0",
            "203.0.113.255",
            Some("203.0.112.255"),
            Some("203.0.114.0"),
        ),
        (
            "224.0.0.0",
            "255.255.255.255",
            Some("223.255.255.255"),
            None,
        ),
        ("::", "::ffff:ffff", None, None),
        (
            "::ffff:0.0.0.0",
            "::ffff:255.255.255.255",
            None,
            Some("::1:0:0:0"),
        ),
        ("::ffff:0:0.0.0.0", "::ffff:0:255.255.255.255", None, None),
        (
            "64:ff9b::",
            "64:ff9b::ffff:ffff",
            Some("64:ff9a:ffff:ffff:ffff:ffff:ffff:ffff"),
            Some("64:ff9b::1:0:0"),
        ),
        (
            "64:ff9b:1::",
            "64:ff9b:1:ffff:ffff:ffff:ffff:ffff",
            None,
            Some("64:ff9b:2::"),
        ),
        (
            "100::",
            "100::ffff:ffff:ffff:ffff",
            Some("ff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            None,
        ),
        (
            "100:0:0:1::",
            "100::1:ffff:ffff:ffff:ffff",
            None,
            Some("100:0:0:2::"),
        ),
        (
            "2001::",
            "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
            Some("2000:ffff::"),
            Some("2001:200::"),
        ),
        (
            "2001:db8::",
            "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
            Some("2001:db7:ffff::"),
            Some("2001:db9::"),
        ),
        (
            "2002::",
            "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            None,
            Some("2003::"),
        ),
        (
            "2620:4f:8000::",
            "2620:4f:8000:ffff:ffff:ffff:ffff:ffff",
            Some("2620:4f:7fff::"),
            Some("2620:4f:8001::"),
        ),
        (
            "3fff::",
            "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
            Some("3ffe:ffff::"),
            Some("3fff:1000::"),
        ),
        (
            "5f00::",
            "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            Some("5eff::"),
            Some("5f01::"),
        ),
        (
            "fc00::",
            "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            Some("fbff::"),
            Some("fe00::"),
        ),
        (
            "fe80::",
            "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            Some("fe7f::"),
            None,
        ),
        (
            "fec0::",
            "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            None,
            None,
        ),
        (
            "ff00::",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            None,
            None,
        ),
    ];

    #[test]
    fn every_special_range_is_known_to_its_ends() {
        let is = |text: &str| is_special_use(text.parse().unwrap());
        for (first, last, before, after) in RANGES {
            assert!(is(first) && is(last), "{first} to {last}");
            for public in [before, after].into_iter().flatten() {
                assert!(!is(public), "{public}");
            }
        }
        assert_eq!(
            RANGES.len() + 2,
            IPV4.len() + IPV6.len(),
            "224/4, 240/4 and broadcast are one row"
        );
    }

    #[test]
    fn private_ipv4_stays_private_in_each_ipv6_dress() {
        for private in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.0.1"] {
            for dress in ["::", "::ffff:", "64:ff9b::", "::ffff:0:"] {
                let address = format!("{dress}{private}");
                assert!(is_special_use(address.parse().unwrap()), "{address}");
            }
        }
    }

    #[test]
    fn hints_lose_only_their_private_addresses() {
        let data = |line: &str| sapwood_rpc::records::parse_record(line).unwrap().rdata;
        let left = |line: &str| without_special_use(HTTPS, &data(line)).map(Cow::into_owned);
        assert_eq!(
            left("@ HTTPS 1 . port=8 ipv4hint=10.0.0.1,1.1.1.1 ipv6hint=::1"),
            Some(data("@ HTTPS 1 . port=8 ipv4hint=1.1.1.1"))
        );
        // Without the hint the record would break its own promise.
        assert_eq!(
            left("@ HTTPS 1 . mandatory=ipv4hint ipv4hint=10.0.0.1"),
            None
        );
    }
}
