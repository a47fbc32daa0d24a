//! Takes connections and ends them: how many, how long a head may take, and the end of the server.
//! Owns nothing of what is said over them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use axum::response::IntoResponse;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::{Api, Problem};
use crate::base::Span;
use crate::base::bounds::{HTTP_CONNECTIONS_PER_SOURCE, HTTP_HEAD_BYTES, HTTP_HEAD_WAIT};
use crate::switch::Code;

/// How long requests in progress may take when the server stops.
const STOP_WAIT: Span = Span::seconds(2);
/// How long accepting rests when the system has no descriptor left.
const ACCEPT_REST: Span = Span::millis(100);

/// Serves until `shutdown` is ready, then lets requests in progress end for 2 s. Subscribers are told and closed.
pub async fn serve(listener: TcpListener, api: Arc<Api>, crowd: Crowd, shutdown: impl Future<Output = ()>) {
    let router = super::router(api.clone());
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "connection task ended by a panic");
                }
                continue;
            }
            () = &mut shutdown => break,
        };
        let (stream, source) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept");
                tokio::time::sleep(ACCEPT_REST.to_std()).await;
                continue;
            }
        };
        match crowd.enter(source.ip()) {
            Some(place) => {
                let (router, api) = (router.clone(), api.clone());
                connections.spawn(async move { connection(stream, router, api, place).await });
            }
            None => {
                api.door.meters().http_refused.add(1);
                connections.spawn(refuse(stream));
            }
        }
    }
    api.close();
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(STOP_WAIT.to_std(), all).await.is_err() {
        tracing::warn!("connections ended by the limit");
    }
}

async fn connection(stream: TcpStream, router: axum::Router, api: Arc<Api>, place: Place) {
    api.door.meters().http_connections.add(1);
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "nodelay refused");
    }
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HTTP_HEAD_WAIT.to_std()).max_buf_size(HTTP_HEAD_BYTES);
    let mut serving =
        pin!(builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)).with_upgrades());
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = api.until_closing() => {
            serving.as_mut().graceful_shutdown();
            serving.as_mut().await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection broke off");
    }
    api.door.meters().http_connections.add(-1);
    drop(place);
}

/// Too many connections: one answer, written once, no request is read.
async fn refuse(mut stream: TcpStream) {
    let problem = Problem::new(Code::Overloaded, "too many connections").into_response();
    let view = Problem::new(Code::Overloaded, "too many connections").view();
    let body = serde_json::to_string(&view).unwrap_or_default();
    let text = format!(
        "HTTP/1.1 {} Service Unavailable\r\nContent-Type: application/problem+json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        problem.status().as_u16(),
        body.len(),
    );
    let sent = tokio::time::timeout(STOP_WAIT.to_std(), stream.write_all(text.as_bytes())).await;
    if !matches!(sent, Ok(Ok(()))) {
        tracing::debug!("refused connection did not read");
    }
}

/// Connections to all listeners, by source.
#[derive(Clone)]
pub struct Crowd(Arc<Mutex<Sources>>);

struct Sources {
    all: usize,
    max: usize,
    by_source: BTreeMap<IpAddr, usize>,
}

/// One connection's place; given back when dropped.
struct Place {
    crowd: Crowd,
    source: IpAddr,
}

impl Crowd {
    pub fn new(max: usize) -> Self {
        Self(Arc::new(Mutex::new(Sources { all: 0, max, by_source: BTreeMap::new() })))
    }

    fn enter(&self, source: IpAddr) -> Option<Place> {
        let mut sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let here = sources.by_source.get(&source).copied().unwrap_or(0);
        if sources.all >= sources.max || here >= HTTP_CONNECTIONS_PER_SOURCE {
            return None;
        }
        sources.all += 1;
        sources.by_source.insert(source, here + 1);
        Some(Place { crowd: self.clone(), source })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut sources = self.crowd.0.lock().unwrap_or_else(PoisonError::into_inner);
        sources.all -= 1;
        match sources.by_source.get_mut(&self.source) {
            Some(1) | None => drop(sources.by_source.remove(&self.source)),
            Some(here) => *here -= 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_source_cannot_take_all_places_and_places_come_back() {
        let crowd = Crowd::new(HTTP_CONNECTIONS_PER_SOURCE + 1);
        let greedy = IpAddr::from([127, 0, 0, 1]);
        let places: Vec<Place> = (0..HTTP_CONNECTIONS_PER_SOURCE).filter_map(|_| crowd.enter(greedy)).collect();
        assert_eq!(places.len(), HTTP_CONNECTIONS_PER_SOURCE);
        assert!(crowd.enter(greedy).is_none());
        let other = crowd.enter(IpAddr::from([127, 0, 0, 2]));
        assert!(other.is_some() && crowd.enter(IpAddr::from([127, 0, 0, 3])).is_none(), "full in all");
        drop((places, other));
        let sources = crowd.0.lock().expect("not poisoned");
        assert!(sources.all == 0 && sources.by_source.is_empty());
    }
}
