//! As much HTTP as the demo needs to use the API like any other client: one request per connection.
//! In: method, path, JSON. Out: JSON of an answer below 300; else a text for people.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than the longest poll.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone, Debug)]
pub struct Client {
    pub server: SocketAddr,
    pub token: String,
    pub tenant: String,
}

impl Client {
    /// # Errors
    /// No answer, an answer that is no JSON, or a status of 300 and above.
    pub async fn get(&self, path: &str) -> Result<Value, String> {
        self.request("GET", path, None).await
    }

    /// # Errors
    /// As [`Client::get`].
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.request("POST", path, Some(body.to_string())).await
    }

    /// # Errors
    /// As [`Client::get`].
    pub async fn put(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.request("PUT", path, Some(body.to_string())).await
    }

    async fn request(&self, method: &str, path: &str, body: Option<String>) -> Result<Value, String> {
        let named = |why: String| format!("{method} {path}: {why}");
        let exchange = timeout(PATIENCE, self.exchange(method, path, body.as_deref())).await;
        let bytes = exchange.map_err(|_| named("no answer".to_owned()))?.map_err(|error| named(error.to_string()))?;
        let (status, body) = read(&bytes).ok_or_else(|| named("the answer is no HTTP".to_owned()))?;
        match status {
            200..300 => serde_json::from_slice(body).map_err(|error| named(error.to_string())),
            status => Err(named(format!("{status} {}", String::from_utf8_lossy(body)))),
        }
    }

    async fn exchange(&self, method: &str, path: &str, body: Option<&str>) -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(self.server).await?;
        let (server, token, tenant) = (self.server, &self.token, &self.tenant);
        let mut text = format!(
            "{method} {path} HTTP/1.1\r\nHost: {server}\r\nAuthorization: Bearer {token}\r\n\
             Cordboard-Tenant: {tenant}\r\nConnection: close\r\n"
        );
        if let Some(body) = body {
            text.push_str(&format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
        } else {
            text.push_str("\r\n");
        }
        stream.write_all(text.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok(answer)
    }
}

/// Status and body of an answer whose end is the end of its connection.
fn read(answer: &[u8]) -> Option<(u16, &[u8])> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    Some((status, &answer[end + 4..]))
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn an_answer_is_status_and_body() {
        type Row = (&'static [u8], Option<(u16, &'static [u8])>);
        let table: [Row; 4] = [
            (b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n{}", Some((200, b"{}"))),
            (b"HTTP/1.1 404 Not Found\r\n\r\n", Some((404, b""))),
            (b"HTTP/1.1 200 OK\r\n", None),
            (b"SIP/2.0 200 OK\r\n\r\n", None),
        ];
        for (answer, expected) in table {
            assert_eq!(read(answer), expected);
        }
    }
}
