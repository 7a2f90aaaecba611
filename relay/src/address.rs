//! Which addresses the relay may dial, and under which key an address is counted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is one of the public internet, as opposed to this computer, a private network or something that is no
/// single host at all (the IANA special-purpose address registries, RFC 6890).
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

/// The key under which a client is counted: an IPv4 address, or the /64 of an IPv6 one, which is what one subscriber gets
/// (RFC 6177) and can choose addresses from at will.
pub(crate) fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(a == 0                                                 // "this network", RFC 791
        || address.is_private()                              // RFC 1918
        || (a == 100 && (64..128).contains(&b))              // carrier-grade NAT, RFC 6598
        || address.is_loopback()
        || address.is_link_local()                           // cloud metadata services live here
        || (a == 192 && b == 0 && c == 0)                    // IETF protocol assignments, RFC 6890
        || address.is_documentation()
        || (a == 198 && (b == 18 || b == 19))                // benchmarking, RFC 2544
        || a >= 224) // multicast, reserved, broadcast
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [s0, s1, ..] = address.segments();
    match s0 {
        // Translated addresses are as public as what is inside them: NAT64 (RFC 6052) and 6to4 (RFC 3056).
        0x0064 if s1 == 0xff9b => is_public_v4(low_v4(address.to_bits())),
        0x2002 => is_public_v4(low_v4(address.to_bits() >> 80)),
        0x2001 => s1 >= 0x0200 && s1 != 0x0db8, // protocol assignments (Teredo, ORCHID), documentation
        0x3fff => s1 >= 0x1000,                 // documentation, RFC 9637
        _ => s0 & 0xe000 == 0x2000,             // global unicast, RFC 4291
    }
}

/// The IPv4 address in the lowest 32 bits.
fn low_v4(bits: u128) -> Ipv4Addr {
    Ipv4Addr::from_bits((bits & u128::from(u32::MAX)) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_public_internet_are_public() {
        for public in
            ["8.8.8.8", "198.20.0.1", "2606:4700::1111", "64:ff9b::8.8.8.8", "2002:808:808::1", "::ffff:8.8.8.8"]
        {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for not in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::7f00:1",
            "64:ff9b::10.0.0.1",
            "2001::1",
            "2001:db8::1",
            "2002:a00:1::1",
            "3fff::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "ff02::1",
        ] {
            assert!(!is_public(not.parse().unwrap()), "{not}");
        }
    }

    #[test]
    fn one_ipv6_subscriber_is_one_key() {
        let key = |text: &str| subscriber(text.parse().unwrap());
        assert_eq!(key("2001:db8:1:2:3:4:5:6"), key("2001:db8:1:2:ffff::"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    }
}
