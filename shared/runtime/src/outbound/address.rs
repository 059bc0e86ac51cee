//! Which addresses are anybody's to be spoken to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Is it an address of the public internet, by the registries of special purposes (RFC 6890 and its registries)? What wraps an
/// IPv4 address in an IPv6 one is not, whichever it wraps: mapped, compatible, NAT64, 6to4, Teredo.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let special = match address.octets() {
        // This network, private ones, loopback.
        [0 | 10 | 127, ..] => true,
        // Shared address space of carriers (RFC 6598).
        [100, second, ..] => (64..128).contains(&second),
        // Link-local, where clouds tell machines their secrets.
        [169, 254, ..] => true,
        [172, second, ..] => (16..32).contains(&second),
        // Protocol assignments, documentation, 6to4 relays, private.
        [192, 0, 0 | 2, _] | [192, 88, 99, _] | [192, 168, ..] => true,
        // Benchmarks, documentation.
        [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => true,
        // A public address that is a host's own metadata service in one cloud.
        [168, 63, 129, 16] => true,
        // Multicast, reserved, broadcast.
        [first, ..] => first >= 224,
    };
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    // Global unicast is all that is given out (RFC 4291 section 2.4): loopback, link-local, unique local, multicast, mapped and
    // NAT64 addresses are all outside of it.
    let is_global = first & 0xe000 == 0x2000;
    let special = match (first, second) {
        // Protocol assignments: Teredo, ORCHID and others; documentation.
        (0x2001, 0x0000..=0x01ff | 0x0db8) => true,
        // 6to4.
        (0x2002, _) => true,
        // Documentation (RFC 9637).
        (0x3fff, 0x0000..=0x0fff) => true,
        _ => false,
    };
    is_global && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v27_no_address_of_a_special_purpose_is_public() {
        for special in "
            0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1
            127.255.255.254 169.254.169.254 169.254.0.1 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.192
            192.0.2.1 192.88.99.1 192.168.0.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1
            224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 168.63.129.16 :: ::1 ::127.0.0.1
            ::ffff:127.0.0.1 ::ffff:8.8.8.8 64:ff9b::7f00:1 64:ff9b::808:808 64:ff9b:1::1 100::1 2001::1
            2001:0:7f00:1::1 2001:2::1 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1::1 2002:808:808::1
            3fff::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1 fec0::1 ff02::1 4000::1
        "
        .split_whitespace()
        {
            assert!(!is_public(special.parse().unwrap()), "{special}");
        }
    }

    #[test]
    fn what_lies_beside_a_special_range_is_public() {
        for public in "
            1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.1 100.63.255.255 100.128.0.1 126.0.0.1 128.0.0.1
            169.253.0.1 172.15.0.1 172.32.0.1 192.0.1.1 192.167.0.1 198.17.0.1 198.20.0.1 223.255.255.255
            2001:4860:4860::8888 2606:4700::1111 2a00:1450::1 2003::1
        "
        .split_whitespace()
        {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }
}
