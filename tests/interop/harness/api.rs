//! A small HTTP/1.1 client, written here so that the server is not judged by its own HTTP library. One connection per
//! request.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

use super::wait::{self, STEP};

#[derive(Clone)]
pub struct Api {
    pub address: SocketAddr,
    pub token: String,
    pub tenant: &'static str,
}

pub struct Reply {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {} {text}", self.status))
    }
}

impl Api {
    /// # Errors
    /// Whatever keeps the bytes from coming: the server is away or closed the connection.
    pub fn try_send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> std::io::Result<Reply> {
        let stream = TcpStream::connect_timeout(&self.address, STEP)?;
        stream.set_read_timeout(Some(STEP))?;
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAuthorization: Bearer {}\r\nCordboard-Tenant: {}\r\n",
            self.address, self.token, self.tenant
        );
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() {
            head.push_str(&format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()));
        }
        (&stream).write_all(format!("{head}\r\n{body}").as_bytes())?;
        read_reply(&mut BufReader::new(stream))
    }

    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        self.try_send(method, path, headers, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// Records that are behind are asked again, as their answer says: how soon they come depends on the machine's disk.
    pub fn get(&self, path: &str) -> Value {
        let behind = |reply: &Reply| reply.status == 503 && reply.json()["code"] == "not-caught-up";
        let what = format!("GET {path} to be caught up with");
        let reply = wait::until(&what, STEP, || Some(self.send("GET", path, &[], "")).filter(|reply| !behind(reply)));
        assert_eq!(reply.status, 200, "GET {path}: {}", String::from_utf8_lossy(&reply.body));
        reply.json()
    }

    /// A verb that has to succeed.
    pub fn post(&self, path: &str, body: &Value) -> Value {
        let reply = self.send("POST", path, &[], &body.to_string());
        assert!(matches!(reply.status, 200..=299), "POST {path}: {} {}", reply.status, reply.json());
        reply.json()
    }

    pub fn agent_state(&self, id: &str) -> String {
        let agent = &self.get(&format!("/v1/agents/{id}"))["agent"];
        agent["state"].as_str().unwrap_or_else(|| panic!("no state in {agent}")).to_owned()
    }

    /// A figure of `/metrics`, without its labels' tenant; several series of one name are added up.
    pub fn figure(&self, name: &str) -> f64 {
        let reply = self.send("GET", "/metrics", &[], "");
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        let rows = text.lines().filter(|line| line.split(['{', ' ']).next() == Some(name));
        let values: Vec<f64> = rows.filter_map(|line| line.rsplit(' ').next()?.parse().ok()).collect();
        assert!(!values.is_empty(), "no figure {name} in\n{text}");
        values.iter().sum()
    }

    /// The record of a contact, once the records have reached `seq`.
    pub fn record(&self, contact: &str, seq: u64) -> Value {
        self.get(&format!("/v1/contacts/{contact}?at_least={seq}"))["contact"].clone()
    }
}

fn read_reply(stream: &mut impl BufRead) -> std::io::Result<Reply> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|text| text.parse().ok());
    let status = status.ok_or_else(|| std::io::Error::other(format!("no status line: {line:?}")))?;
    let mut headers = Vec::new();
    loop {
        line.clear();
        stream.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let is_chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    let mut reply = Reply { status, headers, body: Vec::new() };
    if is_chunked {
        read_chunks(stream, &mut reply.body)?;
    } else if let Some(length) = reply.header("content-length").and_then(|text| text.parse().ok()) {
        reply.body.resize(length, 0);
        stream.read_exact(&mut reply.body)?;
    } else {
        stream.read_to_end(&mut reply.body)?;
    }
    Ok(reply)
}

fn read_chunks(stream: &mut impl BufRead, body: &mut Vec<u8>) -> std::io::Result<()> {
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let size = usize::from_str_radix(line.trim(), 16).map_err(std::io::Error::other)?;
        let from = body.len();
        body.resize(from + size, 0);
        stream.read_exact(&mut body[from..])?;
        let mut end = [0; 2];
        stream.read_exact(&mut end)?;
        if size == 0 {
            return Ok(());
        }
    }
}
