//! Which addresses a guest may be connected to: public ones, and those that the operator grants. What is
//! checked is the address that is connected to, so that no way of writing it, and no name that resolves to
//! it, makes a difference.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// Addresses that are granted though they are not public: `10.0.0.5`, `10.0.0.0/8`, `127.0.0.1:8080`, `[::1]:80`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    network: IpAddr,
    /// Bits of it that count.
    prefix: u8,
    /// None for every port.
    port: Option<u16>,
}

/// Text that names no addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an address (write one as `10.0.0.5`, `10.0.0.0/8`, `127.0.0.1:8080` or `[::1]:8080`)")]
pub struct InvalidAddress(String);

impl Addresses {
    pub(crate) fn have(&self, address: SocketAddr) -> bool {
        let port = self.port.is_none_or(|port| port == address.port());
        let ip = address.ip().to_canonical();
        let same = match (self.network, ip) {
            (IpAddr::V4(own), IpAddr::V4(ip)) => shared(own.to_bits().into(), ip.to_bits().into(), 32) >= self.prefix,
            (IpAddr::V6(own), IpAddr::V6(ip)) => shared(own.to_bits(), ip.to_bits(), 128) >= self.prefix,
            _ => false,
        };
        port && same
    }
}

/// How many bits two addresses have in common at their beginning.
fn shared(a: u128, b: u128, bits: u32) -> u8 {
    (((a ^ b) << (128 - bits)).leading_zeros().min(bits)) as u8
}

impl FromStr for Addresses {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let invalid = || InvalidAddress(text.into());
        if let Ok(address) = text.parse::<SocketAddr>() {
            let network = address.ip().to_canonical();
            return Ok(Self { network, prefix: all_bits(network), port: Some(address.port()) });
        }
        let (network, prefix) = text.split_once('/').map_or((text, None), |(network, prefix)| (network, Some(prefix)));
        let network: IpAddr = network.parse().map_err(|_| invalid())?;
        let prefix = prefix.map(|prefix| prefix.parse::<u8>().map_err(|_| invalid())).transpose()?;
        let bits = all_bits(network);
        let prefix = prefix.unwrap_or(bits);
        if prefix > bits {
            return Err(invalid());
        }
        let whole = prefix == bits;
        Ok(Self {
            network: if whole { network.to_canonical() } else { network },
            prefix: if whole { all_bits(network.to_canonical()) } else { prefix },
            port: None,
        })
    }
}

fn all_bits(ip: IpAddr) -> u8 {
    if ip.is_ipv4() { 32 } else { 128 }
}

impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => SocketAddr::new(self.network, port).fmt(f),
            None if self.prefix == all_bits(self.network) => self.network.fmt(f),
            None => write!(f, "{}/{}", self.network, self.prefix),
        }
    }
}

/// Whether an address is one that anybody on the internet may reach (IANA's special-purpose registries).
pub(crate) fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_documentation()
        || ip.is_multicast()
        || a == 0
        // Shared between carriers (RFC 6598).
        || (a == 100 && b & 0xc0 == 64)
        || (a == 192 && b == 0 && c == 0)
        // The old relays between IPv4 and IPv6 (RFC 7526).
        || (a == 192 && b == 88 && c == 99)
        // For measurements (RFC 2544).
        || (a == 198 && b & 0xfe == 18)
        // Reserved, and broadcast.
        || a >= 240;
    !special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let segments = ip.segments();
    // Those that carry an IPv4 address are as public as that one.
    let last = Ipv4Addr::from_bits((u32::from(segments[6]) << 16) | u32::from(segments[7]));
    match segments {
        // Translated (RFC 6052).
        [0x64, 0xff9b, 0, 0, 0, 0, _, _] => is_public_v4(last),
        // 6to4 (RFC 3056).
        [0x2002, a, b, ..] => is_public_v4(Ipv4Addr::from_bits((u32::from(a) << 16) | u32::from(b))),
        // Local translation, Teredo, documentation.
        [0x64, 0xff9b, 1, ..] | [0x2001, 0, ..] | [0x2001, 0xdb8, ..] => false,
        [0x3fff, second, ..] if second < 0x1000 => false,
        // What is assigned to anybody begins with 001 (RFC 4291).
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_special_is_not_public() {
        let special = [
            "127.0.0.1",
            "127.1.2.3",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "192.0.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "203.0.113.7",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2002:0a00:1::",
            "2001:db8::1",
            "2001::1",
            "fec0::1",
            "3fff::1",
            "100::1",
        ];
        for ip in special {
            assert!(!is_public(ip.parse().unwrap()), "{ip}");
        }
        for ip in
            ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::"]
        {
            assert!(is_public(ip.parse().unwrap()), "{ip}");
        }
    }

    #[test]
    fn grants_are_read_and_held_against_addresses() {
        let have = |granted: &str, address: &str| granted.parse::<Addresses>().unwrap().have(address.parse().unwrap());
        assert!(have("127.0.0.1:8080", "127.0.0.1:8080") && !have("127.0.0.1:8080", "127.0.0.1:8081"));
        assert!(have("127.0.0.1", "127.0.0.1:1") && have("127.0.0.1", "[::ffff:127.0.0.1]:1"));
        assert!(have("10.0.0.0/8", "10.9.8.7:1") && !have("10.0.0.0/8", "11.0.0.1:1"));
        assert!(have("0.0.0.0/0", "10.9.8.7:1") && !have("0.0.0.0/0", "[::1]:1"));
        assert!(have("::1", "[::1]:1") && have("fd00::/8", "[fd12::1]:1") && !have("fd00::/8", "[fe80::1]:1"));
        for text in ["127.0.0.1:8080", "10.0.0.0/8", "::1", "[::1]:80", "10.0.0.5"] {
            assert_eq!(text.parse::<Addresses>().unwrap().to_string(), text);
        }
        for wrong in ["", "localhost", "10.0.0", "10.0.0.0/33", "10.0.0.0/x", "::1/129", "10.0.0.1:x"] {
            assert!(wrong.parse::<Addresses>().is_err(), "{wrong}");
        }
    }
}
