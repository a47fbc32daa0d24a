//! Errors as clients see them: RFC 9457 problem details made from a row of `switch::code`.
//! Owns their form. Leaves their list, status and remedy to the table.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::switch::Code;
use crate::switch::code::Fault;
use crate::switch::door::Refusal;

/// Why a request was not done.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    pub code: Code,
    detail: String,
    field: Option<String>,
    /// Members of their own: `oldest` and `newest` positions, the `reached` seq.
    more: Map<String, Value>,
}

/// The form on the wire, RFC 9457 section 3.1, with `code`, `remedy`, `fault` and `field` as extension members.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemView {
    /// `urn:cordboard:code:` and the code.
    pub r#type: String,
    pub title: &'static str,
    pub status: u16,
    /// Stable; compare this one.
    pub code: &'static str,
    /// What stood in the way this time, for people.
    pub detail: String,
    /// What to do about it.
    pub remedy: &'static str,
    /// `client`, `state` (nobody's: not possible now) or `server`.
    #[schema(value_type = String)]
    pub fault: Fault,
    /// The field, parameter or header that could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub more: Map<String, Value>,
}

impl Problem {
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), field: None, more: Map::new() }
    }

    /// 400 that names a field.
    pub fn field(field: &str, detail: impl Into<String>) -> Self {
        Self { field: Some(field.to_owned()), ..Self::new(Code::BadRequest, detail) }
    }

    /// 400 from a reader's own words; the field is taken from them where they name one.
    pub fn unreadable(detail: &str) -> Self {
        Self { field: named_field(detail), ..Self::new(Code::BadRequest, detail) }
    }

    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    pub fn view(&self) -> ProblemView {
        let row = self.code.row();
        ProblemView {
            r#type: format!("urn:cordboard:code:{}", self.code.text()),
            title: row.title,
            status: row.http,
            code: self.code.text(),
            detail: self.detail.clone(),
            remedy: row.remedy,
            fault: row.fault,
            field: self.field.clone(),
            more: self.more.clone(),
        }
    }
}

/// serde says ``missing field `to` `` or, with the path before it, `station.extension: invalid type ..`.
fn named_field(detail: &str) -> Option<String> {
    let path_end = detail
        .find(": ")
        .filter(|end| *end > 0 && detail[..*end].chars().all(|c| c.is_ascii_alphanumeric() || "_.-[]".contains(c)));
    let quoted = ["missing field `", "unknown field `"].iter().find_map(|words| {
        let rest = &detail[detail.find(words)? + words.len()..];
        rest.split('`').next()
    });
    match (path_end.map(|end| &detail[..end]), quoted) {
        (Some(path), Some(name)) if path != name && !path.ends_with(&format!(".{name}")) => {
            Some(format!("{path}.{name}"))
        }
        (Some(path), _) => Some(path.to_owned()),
        (None, name) => name.map(str::to_owned),
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.code, refusal.state)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let view = self.view();
        let text = serde_json::to_string(&view).expect("a struct of texts and numbers");
        let status = StatusCode::from_u16(view.status).expect("the table holds valid statuses");
        let mut response = (status, Body::from(text)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match view.status {
            401 => drop(headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            429 | 503 => drop(headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"))),
            _ => {}
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_names_a_field_is_understood() {
        let rows = [
            ("missing field `to` at line 1 column 2", Some("to")),
            ("unknown field `fro`, expected one of `to`, `from`", Some("fro")),
            ("station.extension: invalid type: integer `5`, expected a string", Some("station.extension")),
            ("station: missing field `extension`", Some("station.extension")),
            ("limit: invalid digit found in string", Some("limit")),
            ("expected value at line 3 column 7", None),
            ("the text: has words before its colon", None),
        ];
        for (detail, field) in rows {
            assert_eq!(named_field(detail).as_deref(), field, "{detail}");
        }
    }

    #[test]
    fn a_problem_carries_the_row_of_its_code() {
        let problem = Problem::new(Code::PositionUnknown, "gone").with("newest", "x");
        let view = serde_json::to_value(problem.view()).expect("plain");
        assert_eq!((view["status"].as_u64(), view["code"].as_str()), (Some(410), Some("position-unknown")));
        assert_eq!((view["newest"].as_str(), view["fault"].as_str()), (Some("x"), Some("client")));
        assert!(view.get("field").is_none());
    }
}
