//! SIP over TCP: a listener per interface and port, a reading and a writing task per connection.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::gate::{Gate, Stream};
use super::links::TcpQueue;
use crate::base::{InterfaceNo, LinkId};

/// A peer that does not answer our SYN is not there.
const CONNECT_MAX: Duration = Duration::from_secs(8);
const READ_BYTES: usize = 16 << 10;
/// A peer of which nothing was heard for so long is asked by the kernel whether it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

pub async fn accept(listener: TcpListener, interface: InterfaceNo, gate: Arc<Gate>) {
    loop {
        match listener.accept().await {
            Ok((stream, from)) => {
                if gate.admits_connection(from) {
                    start(stream, from, interface, Arc::clone(&gate), Opened::ByThem);
                }
            }
            Err(error) => {
                // Out of descriptors: give the others time to close, rather than spin.
                tracing::warn!(%error, "accept failed");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Connects out, from the interface's own address.
pub async fn connect(local: IpAddr, to: SocketAddr, interface: InterfaceNo, gate: Arc<Gate>) -> io::Result<LinkId> {
    let socket = if to.is_ipv4() { tokio::net::TcpSocket::new_v4()? } else { tokio::net::TcpSocket::new_v6()? };
    socket.bind(SocketAddr::new(local, 0))?;
    let stream = timeout(CONNECT_MAX, socket.connect(to)).await.map_err(|_| io::ErrorKind::TimedOut)??;
    Ok(start(stream, to, interface, gate, Opened::ByUs))
}

/// Only connections that others open are counted against them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Opened {
    ByThem,
    ByUs,
}

fn start(stream: TcpStream, from: SocketAddr, interface: InterfaceNo, gate: Arc<Gate>, opened: Opened) -> LinkId {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "nodelay not set");
    }
    let keep_alive = TcpKeepalive::new().with_time(KEEP_ALIVE);
    if let Err(error) = SockRef::from(&stream).set_tcp_keepalive(&keep_alive) {
        tracing::debug!(%error, "keep-alive not set");
    }
    let (link, queue) = gate.links.add_tcp();
    let (reader, writer) = stream.into_split();
    tokio::spawn(async move {
        let stream = gate.stream(link, interface, from);
        let mut writing = tokio::spawn(write(writer, queue));
        // A link that was removed has no writer any more: its peer did not read.
        let still_writing = tokio::select! {
            () = read(reader, stream) => true,
            _ = &mut writing => false,
        };
        gate.links.remove(link);
        if opened == Opened::ByThem {
            gate.connection_closed(from);
        }
        gate.link_closed(link);
        // What was queued before the peer closed is still written.
        if still_writing && timeout(CONNECT_MAX, writing).await.is_err() {
            tracing::debug!(%from, "connection's writer was stuck at its end");
        }
    });
    link
}

async fn read(mut reader: OwnedReadHalf, mut stream: Stream) {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        stream.room().await;
        match timeout(stream.patience().to_std(), reader.read(&mut buffer)).await {
            Ok(Ok(length)) if length > 0 => {
                if !stream.push(&buffer[..length]) {
                    return;
                }
            }
            Ok(Ok(_) | Err(_)) | Err(_) => return,
        }
    }
}

async fn write(mut writer: OwnedWriteHalf, mut queue: TcpQueue) {
    while let Some(bytes) = queue.queue.recv().await {
        if writer.write_all(&bytes).await.is_err() {
            return;
        }
        queue.sent(bytes.len());
    }
    if let Err(error) = writer.shutdown().await {
        tracing::debug!(%error, "connection was gone already");
    }
}
