//! Who a source is and which of our addresses it is told: the questions this room asks of `site`.

use std::net::{IpAddr, SocketAddr};

use super::words::Interface;
use crate::base::TrunkNo;
use crate::event::words::Wire;
use crate::site::{Network, Site, Trunk};

/// The trunk that a source is, by `accept` alone.
pub fn which_trunk(site: &Site, source: SocketAddr) -> Option<TrunkNo> {
    let accepts = |trunk: &&Trunk| {
        trunk
            .accept
            .iter()
            .any(|accept| contains(accept.network, source.ip()) && accept.port.is_none_or(|port| port == source.port()))
    };
    site.trunks.values().find(accepts).map(|trunk| trunk.no)
}

fn contains(network: Network, ip: IpAddr) -> bool {
    let bits = |ip: IpAddr| match ip {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()) << 96, 32),
        IpAddr::V6(v6) => (v6.to_bits(), 128),
    };
    let ((one, length), (two, other)) = (bits(network.ip), bits(ip.to_canonical()));
    let shift = 128 - u32::from(network.prefix);
    length == other && one.checked_shr(shift) == two.checked_shr(shift)
}

/// Does this number, as the trunk calls it, belong to the tenant?
pub fn has_called_number(site: &Site, _trunk: TrunkNo, called: &str) -> bool {
    site.numbers.values().any(|number| number.number == called)
}

/// The address of an interface that `peer` is told, in SIP and in SDP.
pub fn advertised(interface: &Interface, peer: IpAddr) -> IpAddr {
    let near = peer.is_loopback() || interface.local.iter().any(|network| contains(*network, peer));
    interface.public.filter(|_| !near).unwrap_or(interface.ip)
}

/// Where an interface listens on this wire, as `peer` is told.
pub fn sent_by(interface: &Interface, wire: Wire, peer: IpAddr) -> SocketAddr {
    let port = match wire {
        Wire::Udp => interface.udp.map(|(_, port)| port),
        Wire::Tcp => interface.tcp_port,
    };
    SocketAddr::new(advertised(interface, peer), port.unwrap_or(5060))
}
