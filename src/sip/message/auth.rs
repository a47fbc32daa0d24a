//! Challenges and credentials as `Scheme name=value, name="value"` (RFC 3261 §25.1). What they prove is `sip::auth`'s.

use std::fmt;

use super::text::{find_outside, is_token, split, trim, unquote, write_quoted};

/// A value of WWW-Authenticate, Authorization, Proxy-Authenticate, Proxy-Authorization, or (with an empty scheme)
/// Authentication-Info.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthValue {
    /// `Digest`; compare without case.
    pub scheme: String,
    pub params: Vec<AuthParam>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthParam {
    pub name: String,
    /// Without quotes and escapes.
    pub value: String,
    pub quoted: bool,
}

impl AuthValue {
    pub fn new(scheme: &str) -> Self {
        Self { scheme: scheme.to_owned(), params: Vec::new() }
    }

    /// Adds `name="value"`.
    #[must_use]
    pub fn quoted(mut self, name: &str, value: &str) -> Self {
        self.params.push(AuthParam { name: name.to_owned(), value: value.to_owned(), quoted: true });
        self
    }

    /// Adds `name=value`.
    #[must_use]
    pub fn token(mut self, name: &str, value: &str) -> Self {
        self.params.push(AuthParam { name: name.to_owned(), value: value.to_owned(), quoted: false });
        self
    }

    pub fn is_digest(&self) -> bool {
        self.scheme.eq_ignore_ascii_case("Digest")
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|param| param.name.eq_ignore_ascii_case(name)).map(|param| param.value.as_str())
    }

    pub fn parse(text: &str) -> Option<Self> {
        let text = trim(text);
        let (scheme, rest) = text.split_at(text.find([' ', '\t']).unwrap_or(text.len()));
        is_token(scheme.as_bytes()).then_some(())?;
        Some(Self { scheme: scheme.to_owned(), params: Self::parse_params(rest)? })
    }

    /// Authentication-Info has parameters alone.
    pub fn parse_info(text: &str) -> Option<Self> {
        Some(Self { scheme: String::new(), params: Self::parse_params(text)? })
    }

    fn parse_params(text: &str) -> Option<Vec<AuthParam>> {
        // empty list elements are forgiven: some phones end the list with a comma
        split(text, b',').filter(|piece| !piece.is_empty()).map(AuthParam::parse).collect()
    }
}

impl AuthParam {
    fn parse(text: &str) -> Option<Self> {
        let at = find_outside(text, b'=')?;
        let (name, value) = (trim(&text[..at]), trim(&text[at + 1..]));
        is_token(name.as_bytes()).then_some(())?;
        if !value.starts_with('"') {
            return (!value.contains('"')).then(|| Self { name: name.into(), value: value.into(), quoted: false });
        }
        let (value, rest) = unquote(value)?;
        trim(rest).is_empty().then(|| Self { name: name.into(), value, quoted: true })
    }
}

impl fmt::Display for AuthValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.scheme)?;
        for (index, param) in self.params.iter().enumerate() {
            f.write_str(match (index, self.scheme.is_empty()) {
                (0, true) => "",
                (0, false) => " ",
                (1.., _) => ", ",
            })?;
            write!(f, "{}=", param.name)?;
            if param.quoted {
                write_quoted(f, &param.value)?;
            } else {
                f.write_str(&param.value)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_prints() {
        let text = r#"Digest realm="atlanta, \"x\"", nonce="84a4cc6f", qop=auth, nc=00000001, opaque="""#;
        let value = AuthValue::parse(text).expect("well-formed");
        assert_eq!(value.to_string(), text);
        assert_eq!(
            (value.get("Realm"), value.get("nc"), value.get("opaque")),
            (Some("atlanta, \"x\""), Some("00000001"), Some(""))
        );
        assert!(value.is_digest());
        let built = AuthValue::new("Digest").quoted("realm", "a").token("algorithm", "MD5");
        assert_eq!(AuthValue::parse(&built.to_string()), Some(built));
        assert_eq!(
            AuthValue::parse_info("qop=auth, rspauth=\"1\"").map(|v| v.to_string()).as_deref(),
            Some("qop=auth, rspauth=\"1\"")
        );
        assert!(AuthValue::parse("NoOneKnowsThisScheme opaque-data=here").is_some_and(|v| !v.is_digest()));
        for bad in ["", "Digest realm=\"open", "Digest realm", "Dig\u{e9}st a=b", "Digest a=\"x\"y"] {
            assert_eq!(AuthValue::parse(bad), None, "{bad}");
        }
    }
}
