//! `--trace-sip DIR`: every SIP message as it was on the wire but for credentials and keys, one file per day.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;

use bytes::Bytes;

use super::clock::wall;
use crate::sip::message::{Redactor, redacted};

/// Written through on each message: it is read while something goes wrong.
pub struct Trace {
    file: Mutex<BufWriter<File>>,
}

impl Trace {
    pub fn open(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let path = folder.join(format!("sip-{}.log", wall().day()));
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self { file: Mutex::new(BufWriter::new(file)) })
    }

    pub fn received(&self, from: SocketAddr, message: &Bytes) {
        self.write("received from", from, &redacted(message));
    }

    /// A part of a stream; what is no whole line yet is written with the next part.
    pub fn received_part(&self, from: SocketAddr, bytes: &[u8], redactor: &mut Redactor) {
        self.write("received from", from, &redactor.push(bytes));
    }

    pub fn sent(&self, to: SocketAddr, message: &Bytes) {
        self.write("sent to", to, &redacted(message));
    }

    fn write(&self, way: &str, peer: SocketAddr, bytes: &[u8]) {
        let mut file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let written = writeln!(file, "--- {} {way} {peer}", wall().rfc3339())
            .and_then(|()| file.write_all(bytes))
            .and_then(|()| writeln!(file))
            .and_then(|()| file.flush());
        if let Err(error) = written {
            tracing::warn!(%error, "the SIP trace could not be written");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trace_shows_no_proof() {
        let folder = tempfile::tempdir().expect("a folder");
        let trace = Trace::open(folder.path()).expect("writable");
        let from = SocketAddr::from(([127, 0, 0, 1], 5060));
        let text = "REGISTER sip:a SIP/2.0\r\nAuthorization: Digest username=\"u\", response=\"5ec\"\r\n\r\n";
        trace.received(from, &Bytes::from_static(text.as_bytes()));
        trace.sent(from, &Bytes::from_static(text.as_bytes()));
        let mut redactor = Redactor::default();
        for part in text.as_bytes().chunks(7) {
            trace.received_part(from, part, &mut redactor);
        }
        let written = std::fs::read_dir(folder.path()).expect("there").next().expect("a file").expect("readable");
        let written = std::fs::read_to_string(written.path()).expect("text");
        assert_eq!((written.matches("username=\"u\"").count(), written.contains("5ec")), (3, false), "{written}");
    }
}
