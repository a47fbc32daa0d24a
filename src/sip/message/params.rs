//! `;name=value` lists after Via, addresses and others.

use std::fmt;

use super::text::{find_outside, is_token, split, trim, unquote, write_quoted};

/// One parameter. A value that came quoted leaves quoted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    pub name: String,
    pub value: Option<String>,
    pub quoted: bool,
}

/// Parameters in their order. Names compare without case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(Vec<Param>);

impl Params {
    /// Reads what follows the first `;` (or nothing). `None` for a name that is no token or a quote that never ends;
    /// one empty parameter at the very end is forgiven, as phones send it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if trim(text).is_empty() {
            return Some(Self::default());
        }
        let mut list = Vec::new();
        let mut pieces = split(text, b';').peekable();
        while let Some(piece) = pieces.next() {
            if piece.is_empty() && pieces.peek().is_none() && !list.is_empty() {
                break;
            }
            list.push(Param::parse(piece)?);
        }
        Some(Self(list))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Param> {
        self.0.iter()
    }

    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// The value of a parameter that has one.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.find(name)?.value.as_deref()
    }

    /// Sets `name=value`, in place of the first of that name or at the end.
    pub fn set(&mut self, name: &str, value: impl fmt::Display) {
        self.put(Param { name: name.to_owned(), value: Some(value.to_string()), quoted: false });
    }

    /// Sets `name="value"`.
    pub fn set_quoted(&mut self, name: &str, value: &str) {
        self.put(Param { name: name.to_owned(), value: Some(value.to_owned()), quoted: true });
    }

    /// Sets `name` without a value.
    pub fn set_flag(&mut self, name: &str) {
        self.put(Param { name: name.to_owned(), value: None, quoted: false });
    }

    pub fn remove(&mut self, name: &str) {
        self.0.retain(|param| !param.name.eq_ignore_ascii_case(name));
    }

    fn find(&self, name: &str) -> Option<&Param> {
        self.0.iter().find(|param| param.name.eq_ignore_ascii_case(name))
    }

    fn put(&mut self, new: Param) {
        match self.0.iter_mut().find(|param| param.name.eq_ignore_ascii_case(&new.name)) {
            Some(old) => *old = new,
            None => self.0.push(new),
        }
    }
}

impl Param {
    fn parse(text: &str) -> Option<Self> {
        let (name, value) = match find_outside(text, b'=') {
            Some(at) => (trim(&text[..at]), Some(trim(&text[at + 1..]))),
            None => (text, None),
        };
        if !is_token(name.as_bytes()) {
            return None;
        }
        let name = name.to_owned();
        let Some(value) = value else { return Some(Self { name, value: None, quoted: false }) };
        if value.starts_with('"') {
            let (content, rest) = unquote(value)?;
            return trim(rest).is_empty().then_some(Self { name, value: Some(content), quoted: true });
        }
        (!value.contains('"')).then(|| Self { name, value: Some(value.to_owned()), quoted: false })
    }
}

/// The value of one parameter in a list as [`Params::parse`] takes it; the others are not read.
pub(super) fn value_in(list: &str, name: &str) -> Option<String> {
    let named = |piece: &&str| {
        let end = find_outside(piece, b'=').unwrap_or(piece.len());
        trim(&piece[..end]).eq_ignore_ascii_case(name)
    };
    split(list, b';').find(named).and_then(Param::parse)?.value
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for param in &self.0 {
            write!(f, ";{}", param.name)?;
            match &param.value {
                Some(value) if param.quoted => {
                    f.write_str("=")?;
                    write_quoted(f, value)?;
                }
                Some(value) => write!(f, "={value}")?,
                None => {}
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
        let rows = [
            ("", Some("")),
            ("a=1;b", Some(";a=1;b")),
            ("tag    = 1918181833n", Some(";tag=1918181833n")),
            ("a=\"x;\\\"y\" ; B = 2 ;", Some(";a=\"x;\\\"y\";B=2")),
            ("received=[2001:db8::1]", Some(";received=[2001:db8::1]")),
            (";", None),
            ("a;;b", None),
            ("a=\"open", None),
            ("a b=1", None),
        ];
        for (text, printed) in rows {
            assert_eq!(Params::parse(text).map(|p| p.to_string()).as_deref(), printed, "{text}");
        }
    }

    #[test]
    fn one_value_is_that_of_the_whole_list() {
        for list in ["tag=a;x", "x ; TAG = \"a;\\\"b\" ;tag=c", "tag", "x=tag;y=\"tag=1\"", "", "received=[::1];tag=1"]
        {
            let whole = Params::parse(list).expect("well-formed");
            assert_eq!(value_in(list, "tag").as_deref(), whole.get("tag"), "{list}");
        }
    }

    #[test]
    fn setting_replaces_and_getting_ignores_case() {
        let mut params = Params::parse("Tag=a;rport").expect("well-formed");
        params.set("tag", "b");
        params.set("rport", 5060);
        params.set_flag("ob");
        assert_eq!(params.to_string(), ";tag=b;rport=5060;ob");
        assert_eq!((params.get("TAG"), params.has("OB"), params.get("ob")), (Some("b"), true, None));
        params.remove("RPORT");
        assert_eq!(params.to_string(), ";tag=b;ob");
    }
}
