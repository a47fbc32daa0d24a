//! Conditions and texts of a flow: CEL, compiled when the flow is loaded.
//! Owns which names and functions an expression may use and what it sees. Leaves the meaning of the operators to the `cel`
//! crate. Loops (`all`, `exists`, `map`, `filter`) are refused, so that the cost of an expression is bounded by its length.
//! In: text, a [`Scope`]. Out: a truth, a text, or why there is none.

use std::sync::{Arc, LazyLock};

use cel::common::ast::{Expr, IdedExpr};
use cel::objects::Map;
use cel::{Context, Env, Program, Value};

use crate::base::bounds::EXPRESSION_BYTES;
use crate::config::did_you_mean;

/// What an expression can look at.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// What the last menu or collect got.
    pub digits: &'a str,
    pub from: &'a str,
    pub to: &'a str,
    pub language: &'a str,
    pub data: &'a serde_json::Map<String, serde_json::Value>,
}

/// The names of [`Scope`] as an expression writes them.
pub const NAMES: [&str; 5] = ["digits", "from", "to", "language", "data"];
/// Functions of CEL that need neither loops nor a calendar. `has(data.x)` is a macro and needs no entry.
const FUNCTIONS: [&str; 9] = ["contains", "startsWith", "endsWith", "size", "int", "double", "string", "bool", "has"];
/// How CEL names its operators.
const OPERATORS: [&str; 17] = [
    "_&&_", "_||_", "!_", "_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "@in", "_+_", "_-_", "_*_", "_/_", "_%_", "-_",
    "_?_:_",
];
const INDEX: &str = "_[_]";

/// A compiled expression.
#[derive(Debug)]
pub struct Expression {
    program: Program,
}

/// Why a text is no expression, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub why: String,
    pub hint: String,
}

/// Why an expression has no value for this contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoValue {
    /// A field of `data` is absent, types do not fit, a number is too large.
    Failed(String),
    /// It has a value, but not of the kind that is needed here.
    WrongKind,
}

/// The standard functions, built once; an environment never changes.
static STANDARD: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

impl Expression {
    pub fn compile(text: &str) -> Result<Self, Refused> {
        if text.len() > EXPRESSION_BYTES {
            let why = format!("has {} bytes, at most {EXPRESSION_BYTES} are read", text.len());
            return Err(Refused { why, hint: "make several nodes of it".to_owned() });
        }
        let program = STANDARD.compile(text).map_err(|errors| {
            let found = errors.errors.first().map_or(String::new(), |e| e.msg.lines().next().unwrap_or("").to_owned());
            let found = found.trim_start_matches("Syntax error: ").trim();
            if found.contains("Recursion limit") {
                let hint = "make several nodes of it".to_owned();
                return Refused { why: "is nested too deeply".to_owned(), hint };
            }
            let hint = "compare with `==`, join with `&&` and put texts in quotes: `digits == \"1\"`".to_owned();
            Refused { why: format!("cannot be read: {found}"), hint }
        })?;
        check(program.expression())?;
        Ok(Self { program })
    }

    pub fn truth(&self, scope: Scope) -> Result<bool, NoValue> {
        match self.value(scope)? {
            Value::Bool(truth) => Ok(truth),
            _ => Err(NoValue::WrongKind),
        }
    }

    /// Text as it is; numbers and truths as they are written; `null` as nothing.
    pub fn text(&self, scope: Scope) -> Result<String, NoValue> {
        match self.value(scope)? {
            Value::String(text) => Ok(text.as_ref().clone()),
            Value::Int(n) => Ok(n.to_string()),
            Value::UInt(n) => Ok(n.to_string()),
            Value::Float(n) => Ok(n.to_string()),
            Value::Bool(truth) => Ok(truth.to_string()),
            Value::Null => Ok(String::new()),
            _ => Err(NoValue::WrongKind),
        }
    }

    fn value(&self, scope: Scope) -> Result<Value, NoValue> {
        let mut context = Context::with_env(STANDARD.clone());
        let text = |text: &str| Value::String(Arc::new(text.to_owned()));
        context.add_variable_from_value("digits", text(scope.digits));
        context.add_variable_from_value("from", text(scope.from));
        context.add_variable_from_value("to", text(scope.to));
        context.add_variable_from_value("language", text(scope.language));
        context.add_variable_from_value("data", object(scope.data));
        self.program.execute(&context).map_err(|error| NoValue::Failed(error.to_string()))
    }
}

fn object(map: &serde_json::Map<String, serde_json::Value>) -> Value {
    Value::Map(Map { map: Arc::new(map.iter().map(|(k, v)| (k.clone().into(), value(v))).collect()) })
}

fn value(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(truth) => Value::Bool(*truth),
        serde_json::Value::Number(n) => match n.as_i64() {
            Some(whole) => Value::Int(whole),
            None => Value::Float(n.as_f64().unwrap_or(f64::NAN)),
        },
        serde_json::Value::String(text) => Value::String(Arc::new(text.clone())),
        serde_json::Value::Array(items) => Value::List(Arc::new(items.iter().map(value).collect())),
        serde_json::Value::Object(map) => object(map),
    }
}

/// Every name and function is one of ours, and nothing loops.
fn check(node: &IdedExpr) -> Result<(), Refused> {
    match &node.expr {
        Expr::Unspecified | Expr::Literal(_) => Ok(()),
        Expr::Ident(name) => known(name, "name", &NAMES),
        Expr::Select(select) => check(&select.operand),
        Expr::List(list) => list.elements.iter().try_for_each(check),
        Expr::Call(call) => {
            let operator = call.func_name == INDEX || OPERATORS.contains(&call.func_name.as_str());
            if !operator {
                known(&call.func_name, "function", &FUNCTIONS)?;
            }
            call.target.iter().map(AsRef::as_ref).chain(&call.args).try_for_each(check)
        }
        Expr::Comprehension(_) => Err(Refused {
            why: "has a loop (`all`, `exists`, `exists_one`, `map` or `filter`)".to_owned(),
            hint: "compare with `in`, as in `digits in [\"1\", \"2\"]`".to_owned(),
        }),
        Expr::Map(_) | Expr::Struct(_) => {
            Err(Refused { why: "builds a map".to_owned(), hint: "use texts, numbers and lists only".to_owned() })
        }
    }
}

fn known(word: &str, what: &str, words: &[&'static str]) -> Result<(), Refused> {
    if words.contains(&word) {
        return Ok(());
    }
    Err(Refused { why: format!("uses the {what} `{word}`"), hint: did_you_mean(word, words.iter().copied()) })
}

/// Text with expressions in `{{ }}`.
#[derive(Debug)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Literal(String),
    Value(Expression),
}

impl Template {
    pub fn compile(text: &str) -> Result<Self, Refused> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (inside, after) = after.split_once("}}").ok_or_else(|| Refused {
                why: "opens `{{` and never closes it".to_owned(),
                hint: "write `{{digits}}`".to_owned(),
            })?;
            parts.push(Part::Literal(before.to_owned()));
            parts.push(Part::Value(Expression::compile(inside.trim())?));
            rest = after;
        }
        parts.push(Part::Literal(rest.to_owned()));
        Ok(Self { parts })
    }

    /// Text in which nothing is computed, braces or not.
    pub fn plain(text: &str) -> Self {
        Self { parts: vec![Part::Literal(text.to_owned())] }
    }

    /// Characters that are there whatever is computed.
    pub fn fixed_chars(&self) -> usize {
        let literal = |part: &Part| match part {
            Part::Literal(text) => text.chars().count(),
            Part::Value(_) => 0,
        };
        self.parts.iter().map(literal).sum()
    }

    /// The whole text, if nothing in it depends on the call.
    pub fn literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    pub fn render(&self, scope: Scope) -> Result<String, NoValue> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Value(expression) => text.push_str(&expression.text(scope)?),
            }
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data() -> serde_json::Map<String, serde_json::Value> {
        let json = serde_json::json!({"level": "gold", "age": 30, "score": 1.5, "vip": true, "tags": ["a", "b"]});
        json.as_object().expect("an object").clone()
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a small stack shows what nests")]
    fn no_expression_ends_the_stack_of_a_worker_and_too_deep_is_told() {
        let run = || {
            let data = data();
            let scope = Scope { digits: "1", from: "1", to: "1", language: "en-US", data: &data };
            let longest = |one: &str, last: &str| format!("{}{last}", one.repeat((EXPRESSION_BYTES - 20) / one.len()));
            let texts = ["1+", "true&&", "true?1:", "!", "-", "\"a\"+", "1==", "data.", "1 in [1]&&", "[1]+"];
            for text in texts {
                match Expression::compile(&longest(text, "1")).map(|e| e.text(scope)) {
                    Ok(Ok(_) | Err(_)) => {}
                    Err(refused) => assert!(!refused.why.contains("ParseError"), "{}", refused.why),
                }
            }
            for text in ["(", "[", "size(", "data["] {
                let refused = Expression::compile(&longest(text, "1")).expect_err("it is not closed");
                assert!(!refused.why.contains("ParseError"), "{}", refused.why);
            }
            let refused = Expression::compile(&format!("{}1{}", "(".repeat(250), ")".repeat(250))).expect_err("deep");
            assert_eq!(refused.why, "is nested too deeply");
        };
        // Tokio's workers have 2 MiB; half of it is for what called us.
        let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(run);
        thread.expect("a thread").join().expect("every text was read or refused");
    }

    #[test]
    fn a_condition_is_true_false_or_has_no_value() {
        let data = data();
        let scope = Scope { digits: "12", from: "+861012345678", to: "9000", language: "zh-CN", data: &data };
        let rows = [
            ("data.level == \"gold\"", Ok(true)),
            ("from.startsWith(\"+8610\") && to == \"9000\"", Ok(true)),
            ("int(digits) > 12", Ok(false)),
            ("data.age >= 18 ? data.vip : false", Ok(true)),
            ("size(digits) == 2 && digits in [\"11\", \"12\"]", Ok(true)),
            ("data.tags[1] == \"b\" && !(language == \"en-US\")", Ok(true)),
            ("data[\"level\"] == \"gold\"", Ok(true)),
            ("has(data.missing) && data.missing == \"x\"", Ok(false)),
            ("-data.age < 0 && data.age % 7 == 2 && data.score * 2.0 == 3.0", Ok(true)),
        ];
        for (text, expected) in rows {
            assert_eq!(Expression::compile(text).expect(text).truth(scope), expected, "{text}");
        }
        let truth = |text: &str| Expression::compile(text).expect(text).truth(scope);
        assert!(matches!(truth("data.missing == \"x\""), Err(NoValue::Failed(_))));
        assert!(matches!(truth("int(from + \"x\") > 1"), Err(NoValue::Failed(_))));
        assert_eq!(truth("data.age"), Err(NoValue::WrongKind));
    }

    #[test]
    fn what_cannot_run_is_refused_at_load() {
        let rows = [
            ("data.level == ", "cannot be read"),
            ("caller == \"1\"", "uses the name `caller`"),
            ("from.startswith(\"1\")", "uses the function `startswith`"),
            ("from.matches(\"1\")", "uses the function `matches`"),
            ("data.tags.exists(t, t == \"a\")", "has a loop"),
            ("[1, 2].all(x, [1, 2].all(y, x > y))", "has a loop"),
            ("{\"a\": 1}.a == 1", "builds a map"),
        ];
        for (text, why) in rows {
            let refused = Expression::compile(text).expect_err(text);
            assert!(refused.why.starts_with(why), "{text}: {refused:?}");
        }
        let long = format!("digits == \"{}\"", "1".repeat(EXPRESSION_BYTES));
        assert!(Expression::compile(&long).is_err());
        let deep = "(".repeat(400) + "1" + &")".repeat(400);
        assert!(Expression::compile(&deep).is_err());
    }

    #[test]
    fn texts_take_values_in_double_braces() {
        let data = data();
        let scope = Scope { digits: "12", from: "1001", to: "9000", language: "zh-CN", data: &data };
        let rows = [
            ("plain", Some("plain")),
            ("{{digits}}", Some("12")),
            ("0{{ digits }}-{{data.age}}{{data.vip}}", Some("012-30true")),
            ("{{data.missing}}", None),
            ("{{data.tags}}", None),
            ("", Some("")),
        ];
        for (text, expected) in rows {
            let rendered = Template::compile(text).expect(text).render(scope).ok();
            assert_eq!(rendered.as_deref(), expected, "{text}");
        }
        assert_eq!(Template::compile("x").expect("plain").literal(), Some("x"));
        assert_eq!(Template::compile("{{to}}").expect("a value").literal(), None);
        assert!(Template::compile("{{digits").is_err());
        assert!(Template::compile("{{digit}}").is_err_and(|r| r.hint == "did you mean `digits`?"));
    }

    #[test]
    fn flows_are_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Expression>();
        shared::<super::super::model::Flow>();
    }
}
