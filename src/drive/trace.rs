//! `--trace-sip DIR`: every SIP message as it was on the wire, one file per day.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;

use super::clock::wall;

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

    pub fn received(&self, from: SocketAddr, bytes: &[u8]) {
        self.write("received from", from, bytes);
    }

    pub fn sent(&self, to: SocketAddr, bytes: &[u8]) {
        self.write("sent to", to, bytes);
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
