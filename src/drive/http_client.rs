//! One bounded POST over HTTP/1.1, RFC 9112: a connection of its own, a body, a status.
//! Owns the connection and its time. Leaves what to post and what a status means to the caller. The answer's body is not
//! read and a redirect is not followed: it is a status like others.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::Request;
use hyper::body::{Body, Frame, SizeHint};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::base::bounds::{HTTP_HEAD_BYTES, PUSH_WAIT};
use crate::switch::push_url::PushUrl;

/// Why there is no status.
#[derive(Debug)]
pub enum PostError {
    /// The host has no address, or nobody listens there.
    Connect(std::io::Error),
    /// What came back is no HTTP, or the connection broke.
    Http(hyper::Error),
    /// URL or secret cannot stand in a request.
    Unsendable,
    /// Longer than [`PUSH_WAIT`], all in all.
    Late,
}

impl fmt::Display for PostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => write!(f, "no connection: {error}"),
            Self::Http(error) => write!(f, "no answer: {error}"),
            Self::Unsendable => f.write_str("the address cannot stand in a request"),
            Self::Late => write!(f, "no answer within {PUSH_WAIT}"),
        }
    }
}

/// A body that is there as a whole.
struct Whole(Option<Bytes>);

impl Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

/// Posts JSON and answers the status.
///
/// # Errors
/// No status came within [`PUSH_WAIT`]: whether the far end took it is not known.
pub async fn post(url: &PushUrl, bearer: &str, json: String) -> Result<u16, PostError> {
    tokio::time::timeout(PUSH_WAIT.to_std(), exchange(url, bearer, json)).await.unwrap_or(Err(PostError::Late))
}

async fn exchange(url: &PushUrl, bearer: &str, json: String) -> Result<u16, PostError> {
    let mut bearer = HeaderValue::from_str(&format!("Bearer {bearer}")).map_err(|_| PostError::Unsendable)?;
    bearer.set_sensitive(true);
    let request = Request::post(url.path.as_str())
        .header(HOST, url.authority.as_str())
        .header(AUTHORIZATION, bearer)
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, "cordboard")
        .header(CONNECTION, "close")
        .body(Whole(Some(json.into())))
        .map_err(|_| PostError::Unsendable)?;
    let stream = TcpStream::connect((url.host.as_str(), url.port)).await.map_err(PostError::Connect)?;
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HTTP_HEAD_BYTES);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(PostError::Http)?;
    let answer = sender.send_request(request);
    // The connection is driven here, so it ends with this call, whoever drops it.
    tokio::pin!(answer, connection);
    let answered = tokio::select! {
        answered = &mut answer => answered,
        // The answer may have come with the end of the connection; else it says what broke.
        _ = &mut connection => answer.await,
    };
    answered.map(|response| response.status().as_u16()).map_err(PostError::Http)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Takes one request whole, answers `said` and tells what it read.
    async fn far_end(listener: &TcpListener, said: &str) -> String {
        let (mut stream, _) = listener.accept().await.expect("somebody comes");
        let mut read = String::new();
        while !read.ends_with('}') {
            let mut bytes = [0; 4096];
            let n = stream.read(&mut bytes).await.expect("readable");
            assert!(n > 0, "it broke off: {read}");
            read.push_str(std::str::from_utf8(&bytes[..n]).expect("text"));
        }
        stream.write_all(said.as_bytes()).await.expect("written");
        read
    }

    #[tokio::test]
    async fn a_post_is_one_request_and_its_status() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let url = PushUrl::read(&format!("http://{address}/hook?tenant=1")).expect("a URL");
        let rows = [
            ("HTTP/1.1 204 No Content\r\n\r\n", Some(204)),
            ("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nnever more than this", Some(200)),
            ("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", Some(302)),
            ("SMTP says hello\r\n\r\n", None),
            ("", None),
        ];
        for (said, status) in rows {
            let (answered, read) = tokio::join!(post(&url, "s3cret", "{\"a\":1}".to_owned()), far_end(&listener, said));
            assert_eq!(answered.ok(), status, "{said}");
            let head = read.to_ascii_lowercase();
            assert!(head.starts_with("post /hook?tenant=1 http/1.1\r\n"), "{read}");
            for line in ["authorization: bearer s3cret", "content-type: application/json", "content-length: 7"] {
                assert!(head.contains(line), "{line}: {read}");
            }
            assert!(head.contains(&format!("host: {address}")) && read.ends_with("\r\n\r\n{\"a\":1}"), "{read}");
        }
        drop(listener);
        assert!(matches!(post(&url, "s", "{}".to_owned()).await, Err(PostError::Connect(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_far_end_that_says_nothing_is_left() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = PushUrl::read(&format!("http://{}/", listener.local_addr().expect("bound"))).expect("a URL");
        let before = tokio::time::Instant::now();
        let (answered, held) = tokio::join!(post(&url, "s", "{}".to_owned()), listener.accept());
        assert!(matches!(answered, Err(PostError::Late)) && held.is_ok());
        assert_eq!(before.elapsed(), PUSH_WAIT.to_std());
    }
}
