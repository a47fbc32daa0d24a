//! The server's events over the WebSocket: what scenarios wait for.

use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Message, client};

use super::Api;
use super::wait::STEP;

pub struct Events {
    shared: Arc<Shared>,
    stream: TcpStream,
    reader: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    log: Mutex<Log>,
    more: Condvar,
    bell: OnceLock<Bell>,
}

type Bell = Box<dyn Fn() + Send + Sync>;

#[derive(Default)]
struct Log {
    events: Vec<Value>,
    /// Events before it are not looked at any more.
    mark: usize,
    closed: bool,
    printed: bool,
}

impl Events {
    /// Everything after `after`: `oldest`, `newest` or a position.
    pub fn open(api: &Api, after: &str) -> Self {
        let stream = TcpStream::connect(api.address).expect("the API listens");
        let request = request(api, after);
        let own = stream.try_clone().expect("a socket can be doubled");
        let (mut socket, _) = client(request, own).unwrap_or_else(|error| panic!("no event stream: {error}"));
        let shared = Arc::new(Shared::default());
        let log = shared.clone();
        let reader = std::thread::spawn(move || {
            while let Ok(message) = socket.read() {
                if let Message::Text(text) = message {
                    log.take(&text);
                }
            }
            log.log.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
            log.more.notify_all();
        });
        Self { shared, stream, reader: Some(reader) }
    }

    /// Rings at each event from now on, for who waits for other things too.
    pub fn ring(&self, bell: impl Fn() + Send + Sync + 'static) {
        assert!(self.shared.bell.set(Box::new(bell)).is_ok(), "one bell is enough");
    }

    /// From here on only events to come are looked at.
    pub fn forget(&self) {
        let mut log = self.shared.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.mark = log.events.len();
    }

    /// The first event of that kind which fits, of those not forgotten; waits 10 s for it.
    pub fn wait(&self, kind: &str, fits: impl Fn(&Value) -> bool) -> Value {
        self.wait_for(STEP, kind, fits)
    }

    pub fn wait_for(&self, limit: Duration, kind: &str, fits: impl Fn(&Value) -> bool) -> Value {
        self.look(limit, kind, |events| events.iter().find(|event| event["kind"] == kind && fits(event)).cloned())
    }

    /// The event of that kind after `before` others of it.
    pub fn nth(&self, kind: &str, before: usize) -> Value {
        self.look(STEP, kind, |events| events.iter().filter(|event| event["kind"] == kind).nth(before).cloned())
    }

    fn look(&self, limit: Duration, what: &str, find: impl Fn(&[Value]) -> Option<Value>) -> Value {
        let end = Instant::now() + limit;
        let mut log = self.shared.log.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(found) = find(&log.events[log.mark..]) {
                return found;
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || log.closed {
                let (end, text) = (if log.closed { "the stream was closed" } else { "the time is over" }, log.print());
                drop(log);
                panic!("{text}no {what}: {end}");
            }
            log = self.shared.more.wait_timeout(log, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Any event of that kind.
    pub fn any(&self, kind: &str) -> Value {
        self.wait(kind, |_| true)
    }

    /// The end of a contact, with the seq to ask records for.
    pub fn closed(&self, contact: &str) -> Value {
        self.wait("contact_closed", |event| event["contact"] == contact)
    }

    /// All events of that kind so far, of those not forgotten.
    pub fn so_far(&self, kind: &str) -> Vec<Value> {
        let log = self.shared.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.events[log.mark..].iter().filter(|event| event["kind"] == kind).cloned().collect()
    }
}

/// Asks for a WebSocket of all events after `after`.
pub fn request(api: &Api, after: &str) -> Request {
    let url = format!("ws://{}/v1/events?after={after}", api.address);
    let mut request = url.into_client_request().expect("it is a URL");
    let header = |text: &str| HeaderValue::from_str(text).expect("visible ASCII");
    request.headers_mut().insert("Authorization", header(&format!("Bearer {}", api.token)));
    request.headers_mut().insert("Cordboard-Tenant", header(api.tenant));
    request
}

impl Shared {
    fn take(&self, text: &str) {
        let value: Value = serde_json::from_str(text).expect("events are JSON");
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        // An event's own `kind` says what happened; frames without one only tell the position or the drain.
        if value["type"] == "event" {
            log.events.push(value);
            self.more.notify_all();
            if let Some(bell) = self.bell.get() {
                bell();
            }
        }
    }
}

impl Log {
    fn print(&mut self) -> String {
        self.printed = true;
        let lines = self.events.iter().map(line);
        format!("the events were:\n{}\n", lines.collect::<Vec<_>>().join("\n"))
    }
}

fn line(event: &Value) -> String {
    let id = |name: &str| event[name].as_str().map(|id| format!(" {name}={id}")).unwrap_or_default();
    let (t, seq, kind) = (event["t_ms"].as_i64().unwrap_or(0) % 1_000_000, &event["seq"], &event["kind"]);
    let agent = event["agent_no"].as_u64().map(|no| format!(" agent={no}")).unwrap_or_default();
    format!("{t:>6} {seq:>4} {}{}{}{agent} {}", kind.as_str().unwrap_or("?"), id("contact"), id("leg"), event["data"])
}

impl Drop for Events {
    fn drop(&mut self) {
        if self.stream.shutdown(Shutdown::Both).is_err() {
            // The server closed it first, which is as good.
        }
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the reader only reads");
        }
        let mut log = self.shared.log.lock().unwrap_or_else(PoisonError::into_inner);
        if std::thread::panicking() && !log.printed {
            eprintln!("{}", log.print());
        }
    }
}
