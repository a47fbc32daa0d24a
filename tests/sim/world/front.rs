//! What comes in by the network, on its way to the machine: as `drive::gate` in production, with the real front.

use std::net::SocketAddr;

use bytes::Bytes;
use cordboard::base::LinkId;
use cordboard::event::words::Wire;
use cordboard::sip::front;
use cordboard::sip::message::{Frame, Message};
use cordboard::tenant::words::{Input, Received};

use super::{Happening, INTERFACE, UDP, World};

impl World {
    pub(super) fn datagram_arrived(&mut self, from: SocketAddr, bytes: Bytes) {
        if self.tenant.is_none() {
            return;
        }
        let answer = match Message::parse_datagram(bytes) {
            Ok(message) => self.message_arrived(UDP, Wire::Udp, from, message),
            Err(error) => front::refuse_faulty(&error, from),
        };
        if let Some(answer) = answer {
            self.send_down(UDP, from, answer);
        }
    }

    pub(super) fn chunk_arrived(&mut self, link: LinkId, bytes: &Bytes) {
        if self.tenant.is_none() {
            return;
        }
        let Some(connection) = self.net.connections.get_mut(&link) else { return };
        let remote = connection.remote;
        connection.server.push(bytes);
        while let Some(frame) = self.net.connections.get_mut(&link).and_then(|c| c.server.next_frame()) {
            let answer = match frame {
                Frame::Message(message) => self.message_arrived(link, Wire::Tcp, remote, message),
                Frame::Ping => Some(Bytes::from_static(b"\r\n")),
                Frame::Pong => None,
                Frame::Refused(error) | Frame::Broken(error) => front::refuse_faulty(&error, remote),
            };
            if let Some(answer) = answer {
                self.send_down(link, remote, answer);
            }
        }
    }

    pub(super) fn message_arrived(
        &mut self,
        link: LinkId,
        wire: Wire,
        from: SocketAddr,
        message: Message,
    ) -> Option<Bytes> {
        match front::owner(&self.sites, from, &message) {
            Some(_) => {
                self.feed(Input::Sip(Received { link, interface: INTERFACE, wire, from, message }));
                None
            }
            None => match &message {
                Message::Request(request) => front::refuse_stranger(request, from),
                Message::Response(_) => None,
            },
        }
    }

    pub(super) fn send_down(&mut self, link: LinkId, to: SocketAddr, bytes: Bytes) {
        if link == UDP {
            let Some(&ua) = self.by_address.get(&to) else { return };
            for arrival in self.net.datagram(self.t) {
                self.push(arrival, Happening::ToPhone { ua, bytes: bytes.clone() });
            }
        } else {
            for (arrival, bytes) in self.net.stream(link, false, &bytes, self.t) {
                self.push(arrival, Happening::PhoneChunk { link, bytes });
            }
        }
    }

    pub(super) fn phone_chunk(&mut self, link: LinkId, bytes: &Bytes) {
        let Some(connection) = self.net.connections.get_mut(&link) else { return };
        let ua = connection.ua;
        connection.phone.push(bytes);
        while let Some(frame) = self.net.connections.get_mut(&link).and_then(|c| c.phone.next_frame()) {
            match frame {
                Frame::Message(message) => self.touch(ua, |ua, t| ua.receive(message, t)),
                Frame::Ping | Frame::Pong => {}
                Frame::Refused(error) | Frame::Broken(error) => panic!("the house sent what cannot be read: {error:?}"),
            }
        }
    }
}
