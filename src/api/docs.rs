//! The description of the API and a page to try it.
//! Owns what is added to the generated description: examples, the problem that every operation may answer, the token.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use serde_json::{Map, Value, json};
use utoipa::PartialSchema;

use super::examples;
use super::problem::ProblemView;
use super::reply::SEQ_HEADER;
use super::request::{COMMAND_HEADER, TENANT_HEADER};

/// Made once. `docs/openapi.json` pins it by a test: a change of the API is a change of that file.
static OPENAPI: LazyLock<String> =
    LazyLock::new(|| serde_json::to_string_pretty(&describe()).expect("a JSON value is text") + "\n");
const PAGE: &str = include_str!("docs.html");

pub async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI.as_str()).into_response()
}

pub async fn page() -> Html<&'static str> {
    Html(PAGE)
}

/// The description as the code says it now.
pub fn describe() -> Value {
    let generated = super::operations().to_openapi();
    let mut api = serde_json::to_value(&generated).unwrap_or_else(|error| unreachable!("generated texts: {error}"));
    api["info"] = json!({
        "title": "Cordboard",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "The native API of Cordboard, a call centre in one process. Every answer carries the `seq` of the \
            last event it saw; give it back as `at_least` to a query of records. Verbs take `Idempotency-Key`: the same \
            key within 10 minutes has the same answer and no second effect.",
        "license": { "name": "MIT OR Apache-2.0" },
    });
    api["servers"] = json!([{ "url": "/" }]);
    api["components"]["securitySchemes"] = json!({ "token": { "type": "http", "scheme": "bearer" } });
    api["components"]["schemas"]["Problem"] = json!(ProblemView::schema());
    let Some(Value::Object(paths)) = api.get_mut("paths") else { unreachable!("the API has paths") };
    for (path, item) in paths.iter_mut() {
        let Value::Object(item) = item else { continue };
        for (method, operation) in item.iter_mut() {
            finish(path, method, operation);
        }
    }
    api
}

fn finish(path: &str, method: &str, operation: &mut Value) {
    let name = operation["operationId"].as_str().unwrap_or_default().to_owned();
    operation["responses"]["default"] = json!({
        "description": "A problem, RFC 9457",
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
    });
    if path.starts_with("/v1") {
        let mut parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        parameters.push(parameter(TENANT_HEADER, "the tenant's key; needed with a node's token only"));
        if method != "get" {
            parameters.push(parameter(COMMAND_HEADER, "the command id, 1 to 64 bytes: makes a repeat harmless"));
        }
        operation["parameters"] = Value::Array(parameters);
    }
    if !["/healthz", "/readyz"].contains(&path) {
        operation["security"] = json!([{ "token": [] }]);
    }
    if let Some(example) = examples::request(&name) {
        operation["requestBody"]["content"]["application/json"]["example"] = example;
        operation["requestBody"]["required"] = json!(examples::NEEDS_BODY.contains(&name.as_str()));
    }
    let Some(Value::Object(responses)) = operation.get_mut("responses") else { return };
    for (status, response) in responses.iter_mut().filter(|(status, _)| status.starts_with('2')) {
        if path.starts_with("/v1") {
            response["headers"] = json!({ SEQ_HEADER: {
                "description": "the last event this answer saw", "schema": { "type": "integer" } } });
        }
        if let Some(Value::Object(content)) = response.get_mut("content") {
            add_example(&name, content);
        }
        if response["description"].as_str().is_none_or(str::is_empty) {
            response["description"] = json!(if status == "202" { "accepted" } else { "done" });
        }
    }
}

fn add_example(name: &str, content: &mut Map<String, Value>) {
    for (kind, media) in content.iter_mut() {
        let example =
            if kind == "application/json" { examples::answer(name) } else { examples::text(name).map(Value::from) };
        if let Some(example) = example {
            media["example"] = example;
        }
    }
}

fn parameter(name: &str, description: &str) -> Value {
    json!({ "name": name, "in": "header", "required": false, "description": description, "schema": { "type": "string" } })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `CORDBOARD_BLESS=1` writes the file anew; the diff is then the change of the API that is reviewed.
    #[test]
    fn the_description_is_the_one_that_was_reviewed() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");
        if std::env::var_os("CORDBOARD_BLESS").is_some() {
            std::fs::write(path, OPENAPI.as_str()).expect("the tree can be written");
        }
        let reviewed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(reviewed == *OPENAPI, "the API changed: run with CORDBOARD_BLESS=1 and review docs/openapi.json");
    }

    #[test]
    fn every_operation_has_a_summary_and_an_example() {
        let api = describe();
        let paths = api["paths"].as_object().expect("paths");
        let mut seen = 0;
        for (path, item) in paths {
            for (method, operation) in item.as_object().expect("operations") {
                seen += 1;
                let at = format!("{method} {path}");
                assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{at}");
                // Neither answers with JSON: sound, and a WebSocket.
                let other = (path.contains("recording") && method == "get") || path.ends_with("/socket");
                let answers = operation["responses"].as_object().expect("responses");
                let example = answers.iter().any(|(status, answer)| {
                    let media = answer["content"].as_object();
                    status.starts_with('2')
                        && media.is_some_and(|media| media.values().any(|m| !m["example"].is_null()))
                });
                assert!(example || other, "{at} has no example");
                let body = &operation["requestBody"]["content"]["application/json"];
                assert!(body.is_null() || !body["example"].is_null(), "{at} has no example of its body");
            }
        }
        assert_eq!(seen, 85);
    }
}
