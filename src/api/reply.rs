//! Answers as JSON, each with the seq it was stamped with in `Cordboard-Seq` and in its body.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// What a client hands back as `at_least` to see at least what this answer saw.
pub const SEQ_HEADER: &str = "cordboard-seq";

pub struct Reply<T> {
    pub status: StatusCode,
    pub seq: u64,
    pub body: T,
}

impl<T> Reply<T> {
    pub fn ok(seq: u64, body: T) -> Self {
        Self { status: StatusCode::OK, seq, body }
    }
}

impl<T: Serialize> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        let text =
            serde_json::to_string(&self.body).expect("views hold texts, numbers, lists and objects with text keys");
        let mut response = (self.status, Body::from(text)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(HeaderName::from_static(SEQ_HEADER), self.seq.into());
        response
    }
}
