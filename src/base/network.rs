//! An address range. Owns its text form and the question whether an address lies in it.
//! Leaves to others what a range means (a trunk's source, a local network).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// An address and the length of its prefix; no bit beyond the prefix is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    pub ip: IpAddr,
    pub prefix: u8,
}

/// Why a text is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkError {
    /// Neither an IPv4 nor an IPv6 address stands before the `/`.
    Address,
    /// Over 32 (IPv4) or 128 (IPv6), or no number.
    Prefix,
    /// The address has bits beyond its prefix; the network that was probably meant.
    HostBits(Network),
}

impl Network {
    /// The network of this prefix around `ip`. `None` if the prefix is longer than the address.
    pub fn around(ip: IpAddr, prefix: u8) -> Option<Self> {
        let ip = match ip {
            IpAddr::V4(v4) => {
                let mask = u32::MAX.checked_shl(32_u32.checked_sub(prefix.into())?).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask))
            }
            IpAddr::V6(v6) => {
                let mask = u128::MAX.checked_shl(128_u32.checked_sub(prefix.into())?).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
            }
        };
        Some(Self { ip, prefix })
    }

    /// An IPv4-mapped IPv6 address (RFC 4291, 2.5.5.2) counts as the IPv4 address it carries: dual-stack sockets report it so.
    pub fn contains(&self, ip: IpAddr) -> bool {
        Self::around(ip.to_canonical(), self.prefix).is_some_and(|n| n == *self)
    }
}

/// `10.0.0.0/8`, `2001:db8::/32`, or a bare address for that address alone.
impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let ip: IpAddr = address.parse().map_err(|_| NetworkError::Address)?;
        let prefix = match prefix {
            Some(p) if p.bytes().all(|b| b.is_ascii_digit()) => p.parse().map_err(|_| NetworkError::Prefix)?,
            Some(_) => return Err(NetworkError::Prefix),
            None if ip.is_ipv4() => 32,
            None => 128,
        };
        let network = Self::around(ip, prefix).ok_or(NetworkError::Prefix)?;
        if network.ip == ip { Ok(network) } else { Err(NetworkError::HostBits(network)) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.ip, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes_and_refuses_the_rest() {
        for text in ["10.0.0.0/8", "0.0.0.0/0", "127.0.0.1/32", "2001:db8::/32", "::/0", "fe80::/10"] {
            assert_eq!(text.parse::<Network>().map(|n| n.to_string()).as_deref(), Ok(text));
        }
        assert_eq!("192.0.2.7".parse(), Ok(Network { ip: "192.0.2.7".parse().expect("an address"), prefix: 32 }));
        for (text, error) in [
            ("10.0.0.0/33", NetworkError::Prefix),
            ("::/129", NetworkError::Prefix),
            ("10.0.0.0/", NetworkError::Prefix),
            ("10.0.0.0/+8", NetworkError::Prefix),
            ("10.0.0/8", NetworkError::Address),
            ("", NetworkError::Address),
            ("10.1.2.3/8", NetworkError::HostBits("10.0.0.0/8".parse().expect("a network"))),
        ] {
            assert_eq!(text.parse::<Network>(), Err(error), "{text}");
        }
    }

    #[test]
    fn contains_by_prefix_and_family() {
        let rows = [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.0.0.0/8", "::ffff:10.1.1.1", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "192.0.2.1", false),
            ("2001:db8::/33", "2001:db8:8000::1", false),
            ("127.0.0.1/32", "127.0.0.1", true),
        ];
        for (network, ip, expected) in rows {
            let network: Network = network.parse().expect("a network");
            assert_eq!(network.contains(ip.parse().expect("an address")), expected, "{network} {ip}");
        }
    }
}
