//! SIP over UDP: one socket per interface and port, one task that reads it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use super::gate::Gate;
use crate::base::bounds::SIP_MESSAGE_BYTES;
use crate::base::{InterfaceNo, LinkId};
use crate::event::words::Wire;

/// A second of a registration storm's datagrams while the reader is busy.
const RECEIVE_BUFFER_BYTES: usize = 4 << 20;
/// Class selector 3 (RFC 2474 §4.2.2.1) in the upper six bits of the traffic class: what networks are set up for. RFC 4594
/// §2.3 has 5 for signalling.
const DSCP_CS3: u32 = 24 << 2;

pub fn bind(address: SocketAddr) -> io::Result<Arc<UdpSocket>> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    // The kernel caps it at net.core.rmem_max; what it grants is enough for a small house.
    socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
    if address.is_ipv4() {
        socket.set_tos_v4(DSCP_CS3)?;
    } else {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    Ok(Arc::new(UdpSocket::from_std(socket.into())?))
}

/// Reads until the process ends. A datagram is copied once, to its own size.
pub async fn read(socket: Arc<UdpSocket>, link: LinkId, interface: InterfaceNo, gate: Arc<Gate>) {
    let mut buffer = BytesMut::zeroed(SIP_MESSAGE_BYTES + 1);
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((length, from)) => {
                let bytes = Bytes::copy_from_slice(&buffer[..length]);
                if let Some(answer) = gate.datagram(link, interface, from, bytes) {
                    gate.send(link, from, answer);
                }
            }
            // ICMP errors of earlier sends surface here; they say nothing about this socket.
            Err(error) => tracing::debug!(%error, wire = ?Wire::Udp, "receive failed"),
        }
    }
}
