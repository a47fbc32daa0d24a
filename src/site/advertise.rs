//! Which of our addresses a peer is told in Via, Contact and SDP.
//! Owns that one choice. In: addresses and the interface's settings. Out: an address, never a wildcard.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Network;

/// The address to tell `peer`, over a link whose own address is `local_address`.
///
/// `public` is for peers beyond NAT: neither in `local_networks`, nor on this host. A link's address is never a
/// wildcard, because a wildcard `bind` becomes one interface per address of the host; if one came all the same,
/// `public` is told, or the loopback, which at least says that somebody must look.
pub fn advertise(peer: IpAddr, local_address: IpAddr, public: Option<IpAddr>, local_networks: &[Network]) -> IpAddr {
    let (peer, local) = (peer.to_canonical(), local_address.to_canonical());
    let public = public.map(|p| p.to_canonical()).filter(|p| !p.is_unspecified() && p.is_ipv4() == local.is_ipv4());
    let near = peer.is_loopback() || peer == local || local_networks.iter().any(|n| n.contains(peer));
    match public {
        Some(public) if !near || local.is_unspecified() => public,
        Some(_) | None if !local.is_unspecified() => local,
        Some(_) | None if local.is_ipv4() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        Some(_) | None => IpAddr::V6(Ipv6Addr::LOCALHOST),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_peer_is_told_what_it_can_reach() {
        let public = Some("203.0.113.7");
        let rows = [
            // peer, link, public, expected
            ("198.51.100.1", "10.0.0.5", public, "203.0.113.7"),
            ("10.9.9.9", "10.0.0.5", public, "10.0.0.5"),
            ("::ffff:10.9.9.9", "::ffff:10.0.0.5", public, "10.0.0.5"),
            ("198.51.100.1", "10.0.0.5", None, "10.0.0.5"),
            ("127.0.0.1", "127.0.0.1", public, "127.0.0.1"),
            ("127.0.0.2", "127.0.0.1", public, "127.0.0.1"),
            ("192.0.2.5", "192.0.2.5", public, "192.0.2.5"),
            ("2001:db8::1", "2001:db8::5", public, "2001:db8::5"),
            ("198.51.100.1", "0.0.0.0", public, "203.0.113.7"),
            ("10.9.9.9", "0.0.0.0", public, "203.0.113.7"),
            ("198.51.100.1", "0.0.0.0", None, "127.0.0.1"),
            ("2001:db8::1", "::", Some("::"), "::1"),
        ];
        let networks = ["10.0.0.0/8".parse().expect("a network")];
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        for (peer, local, public, expected) in rows {
            let told = advertise(ip(peer), ip(local), public.map(ip), &networks);
            assert_eq!(told, ip(expected), "{peer} over {local}");
        }
    }

    fn any_ip() -> impl Strategy<Value = IpAddr> {
        let few_bits = prop_oneof![Just(0_u128), Just(1), Just(0xffff_0000_0000), any::<u128>()];
        prop_oneof![
            few_bits.clone().prop_map(|b| IpAddr::V6(Ipv6Addr::from_bits(b))),
            few_bits.prop_map(|b| IpAddr::V4(Ipv4Addr::from_bits(b as u32))),
        ]
    }

    proptest! {
        #[test]
        fn never_a_wildcard(peer in any_ip(), local in any_ip(), public in proptest::option::of(any_ip()), prefix in 0_u8..33) {
            let networks: Vec<Network> = Network::around(peer, prefix).into_iter().collect();
            prop_assert!(!advertise(peer, local, public, &networks).is_unspecified());
        }
    }
}
