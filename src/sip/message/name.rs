//! Names of header fields: a closed list of those that somebody in the house reads or writes, and `Extension` for the rest.

macro_rules! names {
    ($($variant:ident $text:literal $compact:literal;)*) => {
        /// A header field's name. Names compare without case; a compact form is the same name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Name {
            $(#[doc = $text] $variant,)*
            /// Any other; the header line keeps its text.
            Extension,
        }

        const TABLE: &[(Name, &str, u8)] = &[$((Name::$variant, $text, $compact)),*];
    };
}

// Ordered by length, so that a lookup compares only names as long as the one it has.
names! {
    To "To" b't';
    Via "Via" b'v';
    From "From" b'f';
    CSeq "CSeq" 0;
    Date "Date" 0;
    Path "Path" 0;
    RAck "RAck" 0;
    RSeq "RSeq" 0;
    Allow "Allow" 0;
    Event "Event" b'o';
    Route "Route" 0;
    Accept "Accept" 0;
    MinSe "Min-SE" 0;
    Reason "Reason" 0;
    Server "Server" 0;
    CallId "Call-ID" b'i';
    Contact "Contact" b'm';
    Expires "Expires" 0;
    Privacy "Privacy" 0;
    Require "Require" 0;
    Subject "Subject" b's';
    Warning "Warning" 0;
    Replaces "Replaces" 0;
    ReferTo "Refer-To" b'r';
    CallInfo "Call-Info" 0;
    Diversion "Diversion" 0;
    Supported "Supported" b'k';
    Timestamp "Timestamp" 0;
    AlertInfo "Alert-Info" 0;
    UserAgent "User-Agent" 0;
    ReferredBy "Referred-By" b'b';
    MinExpires "Min-Expires" 0;
    RetryAfter "Retry-After" 0;
    Unsupported "Unsupported" 0;
    AllowEvents "Allow-Events" b'u';
    ContentType "Content-Type" b'c';
    HistoryInfo "History-Info" 0;
    MaxForwards "Max-Forwards" 0;
    RecordRoute "Record-Route" 0;
    Authorization "Authorization" 0;
    ProxyRequire "Proxy-Require" 0;
    ContentLength "Content-Length" b'l';
    SessionExpires "Session-Expires" b'x';
    ContentEncoding "Content-Encoding" b'e';
    WwwAuthenticate "WWW-Authenticate" 0;
    ProxyAuthenticate "Proxy-Authenticate" 0;
    SubscriptionState "Subscription-State" 0;
    AuthenticationInfo "Authentication-Info" 0;
    ContentDisposition "Content-Disposition" 0;
    PAssertedIdentity "P-Asserted-Identity" 0;
    ProxyAuthorization "Proxy-Authorization" 0;
    PPreferredIdentity "P-Preferred-Identity" 0;
}

const LONGEST: usize = TABLE[TABLE.len() - 1].1.len();

/// `BY_LENGTH[n]..BY_LENGTH[n + 1]` are the entries of `TABLE` with names of `n` bytes.
const BY_LENGTH: [usize; LONGEST + 2] = {
    let mut starts = [0; LONGEST + 2];
    let mut entry = 0;
    let mut length = 0;
    while length < LONGEST + 2 {
        while entry < TABLE.len() && TABLE[entry].1.len() < length {
            entry += 1;
        }
        starts[length] = entry;
        length += 1;
    }
    starts
};

const _: () = {
    let mut entry = 1;
    while entry < TABLE.len() {
        assert!(TABLE[entry - 1].1.len() <= TABLE[entry].1.len());
        assert!(TABLE[entry].0 as usize == entry);
        entry += 1;
    }
};

impl Name {
    /// The name behind a text in any case, full or compact.
    pub fn parse(text: &[u8]) -> Self {
        if let [letter] = text {
            let letter = letter.to_ascii_lowercase();
            return TABLE.iter().find(|row| row.2 == letter && letter != 0).map_or(Self::Extension, |row| row.0);
        }
        if text.len() > LONGEST {
            return Self::Extension;
        }
        let rows = &TABLE[BY_LENGTH[text.len()]..BY_LENGTH[text.len() + 1]];
        rows.iter().find(|row| row.1.as_bytes().eq_ignore_ascii_case(text)).map_or(Self::Extension, |row| row.0)
    }

    /// As its RFC writes it; empty for `Extension`.
    pub fn as_str(self) -> &'static str {
        TABLE.get(self as usize).map_or("", |row| row.1)
    }

    /// At most one such line, one value: a second is a fault of the whole message (RFC 3261 §7.3.1).
    pub(super) fn is_single(self) -> bool {
        matches!(
            self,
            Self::From | Self::To | Self::CallId | Self::CSeq | Self::MaxForwards | Self::Expires | Self::ContentType
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_any_case_and_by_its_letter() {
        for &(name, text, letter) in TABLE {
            assert_eq!(Name::parse(text.as_bytes()), name);
            assert_eq!(Name::parse(text.to_ascii_uppercase().as_bytes()), name);
            assert_eq!(name.as_str(), text);
            if letter != 0 {
                assert_eq!(Name::parse(&[letter.to_ascii_uppercase()]), name);
            }
        }
        for other in ["", "z", "\0", "X-Foo", "Vi", "a-name-that-is-longer-than-any-other"] {
            assert_eq!(Name::parse(other.as_bytes()), Name::Extension, "{other}");
        }
    }
}
