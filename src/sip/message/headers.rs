//! The header fields of a message in their order, as lines, with typed readers on top.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::net::SocketAddr;

use bytes::Bytes;

use super::addr::tag_in;
use super::params::value_in;
use super::text::{decode, is_token, number, split, trim_lws};
use super::values::tokens;
use super::{
    AuthValue, BuildError, CSeq, Contact, Contacts, ContentType, Fault, Name, NameAddr, ReasonValue, Replaces,
    RetryAfter, SessionExpires, Uri, Via,
};

/// One header line: as it came (folding and all, without its line end), or as we wrote it.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    name: Name,
    line: Bytes,
    name_len: u32,
    value_start: u32,
}

impl Header {
    /// `line` has a token of `name_len` bytes at its start and its value from `value_start`.
    pub(super) fn from_line(line: Bytes, name_len: usize, value_start: usize) -> Self {
        let name = Name::parse(&line[..name_len]);
        Self { name, line, name_len: name_len as u32, value_start: value_start as u32 }
    }

    /// Writes `name: value` under the name's own text.
    fn of(name: Name, value: impl fmt::Display) -> Result<Self, BuildError> {
        Self::named(name, name.as_str(), value)
    }

    fn named(name: Name, text: &str, value: impl fmt::Display) -> Result<Self, BuildError> {
        let mut written = String::with_capacity(VALUE_ROOM);
        write!(written, "{value}").expect("text takes what is printed");
        Self::written(name, text, written.as_bytes())
    }

    /// Writes `name: value`. Refused: a name that is no token, CR or LF in the value.
    fn written(name: Name, text: &str, value: &[u8]) -> Result<Self, BuildError> {
        if name == Name::Extension && !is_token(text.as_bytes()) {
            return Err(BuildError::BadName);
        }
        if value.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
            return Err(BuildError::LineBreak(name));
        }
        let value = trim_lws(value);
        let mut line = Vec::with_capacity(text.len() + 2 + value.len());
        line.extend_from_slice(text.as_bytes());
        line.extend_from_slice(b": ");
        let value_start = line.len() as u32;
        line.extend_from_slice(value);
        Ok(Self { name, line: line.into(), name_len: text.len() as u32, value_start })
    }

    pub fn name(&self) -> Name {
        self.name
    }

    /// The name as written in the line.
    pub fn name_text(&self) -> Cow<'_, str> {
        decode(&self.line[..self.name_len as usize])
    }

    /// The value without folding and outer blanks.
    pub fn value(&self) -> Cow<'_, [u8]> {
        let raw = trim_lws(&self.line[self.value_start as usize..]);
        if !raw.contains(&b'\n') {
            return Cow::Borrowed(raw);
        }
        let mut out: Vec<u8> = Vec::with_capacity(raw.len());
        for piece in raw.split(|&byte| byte == b'\n') {
            let piece = trim_lws(piece);
            if !out.is_empty() && !piece.is_empty() {
                out.push(b' ');
            }
            out.extend_from_slice(piece);
        }
        Cow::Owned(out)
    }

    /// The value as text: UTF-8, or Latin-1 where it is no UTF-8.
    pub fn text(&self) -> Cow<'_, str> {
        match self.value() {
            Cow::Borrowed(bytes) => decode(bytes),
            Cow::Owned(bytes) => Cow::Owned(decode(&bytes).into_owned()),
        }
    }

    /// It is as we write it.
    fn is_normal(&self) -> bool {
        let (name, value) = (&self.line[..self.name_len as usize], &self.line[self.value_start as usize..]);
        name == self.name.as_str().as_bytes()
            && &self.line[name.len()..self.value_start as usize] == b": "
            && !value.contains(&b'\n')
            && trim_lws(value).len() == value.len()
    }

    /// The same field with its full name and no folding.
    fn normal(&self) -> Self {
        if self.is_normal() {
            return self.clone();
        }
        let text = if self.name == Name::Extension { self.name_text() } else { Cow::Borrowed(self.name.as_str()) };
        Self::written(self.name, &text, &self.value()).expect("a parsed line has a token and its value no line end")
    }
}

/// What most values need, so that few grow as they are written.
const VALUE_ROOM: usize = 128;

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&decode(&self.line), f)
    }
}

/// The list. Edits keep the order of what they do not touch.
///
/// Typed readers return what stands in the message: `Missing` or `Malformed` for a field that must be there,
/// `Ok(None)` for an optional one that is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<Header>);

impl Headers {
    pub(super) fn from_lines(lines: Vec<Header>) -> Self {
        Self(lines)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Header> {
        self.0.iter()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All lines of one name.
    pub fn all(&self, name: Name) -> impl Iterator<Item = &Header> {
        self.0.iter().filter(move |header| header.name == name)
    }

    pub fn first(&self, name: Name) -> Option<&Header> {
        self.0.iter().find(|header| header.name == name)
    }

    /// The first line's value of any name, also of one that [`Name`] does not list.
    pub fn named(&self, name: &str) -> Option<Cow<'_, str>> {
        match Name::parse(name.as_bytes()) {
            Name::Extension => {
                self.0.iter().find(|header| header.name_text().eq_ignore_ascii_case(name)).map(Header::text)
            }
            known => self.text(known),
        }
    }

    /// The first line's value.
    pub fn text(&self, name: Name) -> Option<Cow<'_, str>> {
        self.first(name).map(Header::text)
    }

    /// Every value of a comma list over all its lines. Not for fields whose value may hold bare commas (Date, auth).
    pub fn list(&self, name: Name) -> Vec<String> {
        let mut values = Vec::new();
        for header in self.all(name) {
            values.extend(split(&header.text(), b',').filter(|value| !value.is_empty()).map(str::to_owned));
        }
        values
    }

    /// A token of a comma list, without regard to case: Supported, Require, Allow.
    pub fn lists(&self, name: Name, token: &str) -> bool {
        self.all(name).any(|header| tokens(&header.text()).any(|listed| listed.eq_ignore_ascii_case(token)))
    }

    // ---- edits

    /// Adds a line at the end.
    pub fn add(&mut self, name: Name, value: impl fmt::Display) -> Result<(), BuildError> {
        self.0.push(Header::of(name, value)?);
        Ok(())
    }

    /// Adds a line at the end under any name.
    pub fn add_named(&mut self, name: &str, value: impl fmt::Display) -> Result<(), BuildError> {
        let known = Name::parse(name.as_bytes());
        self.0.push(Header::named(known, name, value)?);
        Ok(())
    }

    /// Adds a line before all others of its name, or as the very first.
    pub fn prepend(&mut self, name: Name, value: impl fmt::Display) -> Result<(), BuildError> {
        let header = Header::of(name, value)?;
        let at = self.0.iter().position(|header| header.name == name).unwrap_or(0);
        self.0.insert(at, header);
        Ok(())
    }

    /// One line of this name, in place of the first or at the end; others of the name go.
    pub fn set(&mut self, name: Name, value: impl fmt::Display) -> Result<(), BuildError> {
        let header = Header::of(name, value)?;
        let at = self.0.iter().position(|header| header.name == name).unwrap_or(self.0.len());
        self.remove(name);
        self.0.insert(at, header);
        Ok(())
    }

    /// Removes all lines of this name.
    pub fn remove(&mut self, name: Name) {
        self.0.retain(|header| header.name != name);
    }

    /// Copies all lines of one name from another message, full names, unfolded, byte for byte otherwise.
    pub fn copy(&mut self, from: &Self, name: Name) {
        self.0.extend(from.all(name).map(Header::normal));
    }

    /// Notes in the top Via where the request came from ([`Via::stamp`]).
    pub fn stamp_via(&mut self, source: SocketAddr) -> Result<(), Fault> {
        let at = self.0.iter().position(|header| header.name == Name::Via).ok_or(Fault::Missing(Name::Via))?;
        let text = self.0[at].text().into_owned();
        let mut values = split(&text, b',');
        let mut top = values.next().and_then(Via::parse).ok_or(Fault::Malformed(Name::Via))?;
        top.stamp(source);
        let line = values.fold(top.to_string(), |line, value| line + ", " + value);
        self.0[at] = Header::written(Name::Via, "Via", line.as_bytes()).map_err(|_| Fault::Malformed(Name::Via))?;
        Ok(())
    }

    // ---- typed readers: what every request and response has

    /// The top Via.
    pub fn via(&self) -> Result<Via, Fault> {
        self.must(Name::Via, |text| split(text, b',').next().and_then(Via::parse))
    }

    /// Every Via, top first.
    pub fn vias(&self) -> Result<Vec<Via>, Fault> {
        let mut vias = Vec::new();
        for header in self.all(Name::Via) {
            for via in Via::parse_line(&header.text()) {
                vias.push(via.ok_or(Fault::Malformed(Name::Via))?);
            }
        }
        Ok(vias)
    }

    /// The branch of the top Via; nothing else of it is read.
    pub fn branch(&self) -> Option<String> {
        let text = self.text(Name::Via)?;
        let top = split(&text, b',').next()?;
        value_in(top.split_once(';')?.1, "branch")
    }

    /// The tag of To; nothing else of it is read.
    pub fn to_tag(&self) -> Option<String> {
        tag_in(&self.text(Name::To)?)
    }

    /// The tag of From; nothing else of it is read.
    pub fn from_tag(&self) -> Option<String> {
        tag_in(&self.text(Name::From)?)
    }

    pub fn from(&self) -> Result<NameAddr, Fault> {
        self.must(Name::From, NameAddr::parse)
    }

    pub fn to(&self) -> Result<NameAddr, Fault> {
        self.must(Name::To, NameAddr::parse)
    }

    /// Compare byte by byte (RFC 3261 §20.8).
    pub fn call_id(&self) -> Result<Cow<'_, str>, Fault> {
        let text = self.text(Name::CallId).ok_or(Fault::Missing(Name::CallId))?;
        if text.is_empty() || text.contains([' ', '\t']) { Err(Fault::Malformed(Name::CallId)) } else { Ok(text) }
    }

    pub fn cseq(&self) -> Result<CSeq, Fault> {
        self.must(Name::CSeq, CSeq::parse)
    }

    // ---- typed readers: optional fields

    pub fn contacts(&self) -> Result<Contacts, Fault> {
        let values = self.list(Name::Contact);
        if values.iter().any(|value| value == "*") {
            return if values.len() == 1 { Ok(Contacts::Star) } else { Err(Fault::Malformed(Name::Contact)) };
        }
        let parsed = values.iter().map(|value| NameAddr::parse(value).map(Contact)).collect::<Option<Vec<_>>>();
        parsed.map(Contacts::List).ok_or(Fault::Malformed(Name::Contact))
    }

    /// The URI of the first Contact: the remote target of a dialog.
    pub fn contact_uri(&self) -> Result<Option<Uri>, Fault> {
        Ok(match self.contacts()? {
            Contacts::Star => None,
            Contacts::List(list) => list.into_iter().next().map(|contact| contact.0.uri),
        })
    }

    pub fn routes(&self) -> Result<Vec<NameAddr>, Fault> {
        self.addresses(Name::Route)
    }

    pub fn record_routes(&self) -> Result<Vec<NameAddr>, Fault> {
        self.addresses(Name::RecordRoute)
    }

    pub fn asserted_identities(&self) -> Result<Vec<NameAddr>, Fault> {
        self.addresses(Name::PAssertedIdentity)
    }

    /// 0 to 255 (RFC 3261 §20.22).
    pub fn max_forwards(&self) -> Result<Option<u8>, Fault> {
        self.may(Name::MaxForwards, number)
    }

    /// Seconds. A value of more than 32 bits is malformed; the registrar then takes its default (RFC 4475 §3.1.2.4).
    pub fn expires(&self) -> Result<Option<u32>, Fault> {
        self.may(Name::Expires, number)
    }

    pub fn min_expires(&self) -> Result<Option<u32>, Fault> {
        self.may(Name::MinExpires, number)
    }

    pub fn session_expires(&self) -> Result<Option<SessionExpires>, Fault> {
        self.may(Name::SessionExpires, SessionExpires::parse)
    }

    pub fn min_se(&self) -> Result<Option<u32>, Fault> {
        self.may(Name::MinSe, |text| SessionExpires::parse(text).map(|value| value.delta))
    }

    pub fn retry_after(&self) -> Result<Option<RetryAfter>, Fault> {
        self.may(Name::RetryAfter, RetryAfter::parse)
    }

    pub fn content_type(&self) -> Result<Option<ContentType>, Fault> {
        self.may(Name::ContentType, ContentType::parse)
    }

    /// The bytes promised; repeated fields must agree (RFC 4475 §3.3.9).
    pub fn content_length(&self) -> Result<Option<usize>, Fault> {
        let mut found = None;
        for header in self.all(Name::ContentLength) {
            let length = number::<usize>(&header.text()).ok_or(Fault::Malformed(Name::ContentLength))?;
            if found.replace(length).is_some_and(|before| before != length) {
                return Err(Fault::Repeated(Name::ContentLength));
            }
        }
        Ok(found)
    }

    /// Reasons that can be read; the field informs only, so others are passed over.
    pub fn reasons(&self) -> Vec<ReasonValue> {
        self.list(Name::Reason).iter().filter_map(|value| ReasonValue::parse(value)).collect()
    }

    pub fn replaces(&self) -> Result<Option<Replaces>, Fault> {
        self.may(Name::Replaces, Replaces::parse)
    }

    pub fn refer_to(&self) -> Result<Option<NameAddr>, Fault> {
        self.may(Name::ReferTo, NameAddr::parse)
    }

    pub fn referred_by(&self) -> Result<Option<NameAddr>, Fault> {
        self.may(Name::ReferredBy, NameAddr::parse)
    }

    /// Credentials or challenges that can be read, one per line: Authorization, WWW-Authenticate and their Proxy twins.
    pub fn auth(&self, name: Name) -> Vec<AuthValue> {
        self.all(name).filter_map(|header| AuthValue::parse(&header.text())).collect()
    }

    fn must<T>(&self, name: Name, read: impl FnOnce(&str) -> Option<T>) -> Result<T, Fault> {
        self.may(name, read)?.ok_or(Fault::Missing(name))
    }

    fn may<T>(&self, name: Name, read: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Fault> {
        let Some(header) = self.first(name) else { return Ok(None) };
        read(&header.text()).map(Some).ok_or(Fault::Malformed(name))
    }

    fn addresses(&self, name: Name) -> Result<Vec<NameAddr>, Fault> {
        let parsed: Option<Vec<_>> = self.list(name).iter().map(|value| NameAddr::parse(value)).collect();
        parsed.ok_or(Fault::Malformed(name))
    }

    // ---- bytes

    /// An empty buffer that fits all lines and `more` bytes.
    pub(super) fn sized_buffer(&self, more: usize) -> Vec<u8> {
        const START_LINE_AND_LENGTH: usize = 96;
        let lines: usize = self.0.iter().map(|header| header.line.len() + 2).sum();
        Vec::with_capacity(lines + more + START_LINE_AND_LENGTH)
    }

    /// All lines, a Content-Length of `body_len` among them, and the empty line.
    pub(super) fn write(&self, out: &mut Vec<u8>, body_len: usize) {
        let mut length_written = false;
        for header in &self.0 {
            if header.name == Name::ContentLength {
                if length_written || number(&header.text()) != Some(body_len) {
                    continue;
                }
                length_written = true;
            }
            out.extend_from_slice(&header.line);
            out.extend_from_slice(b"\r\n");
        }
        if !length_written {
            out.extend_from_slice(format!("Content-Length: {body_len}\r\n").as_bytes());
        }
        out.extend_from_slice(b"\r\n");
    }
}
