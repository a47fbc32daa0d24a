//! The verdict on a framed message: are the fields there, alone and readable which every transaction needs?

use super::{Fault, Headers, Name, Request, Response};

/// What must stand in every message (RFC 3261 §8.1.1). Max-Forwards was optional in RFC 2543, and is here.
pub(super) const MANDATORY: [Name; 5] = [Name::Via, Name::From, Name::To, Name::CallId, Name::CSeq];

impl Request {
    /// The 400-class verdicts of RFC 3261 §8.1.1 and §20 as RFC 4475 asks for them. What the method, the scheme,
    /// Require or the body ask for is the endpoint's to judge; so are the limits of Max-Forwards and Expires, which
    /// count as absent when they cannot be read (RFC 4475 §3.1.2.4).
    pub fn check(&self) -> Result<(), Fault> {
        check_common(&self.headers)?;
        self.headers.vias()?;
        if self.headers.cseq()?.method != self.method {
            return Err(Fault::CSeqMethod);
        }
        self.headers.routes()?;
        Ok(())
    }
}

impl Response {
    /// A response that fails is dropped. More than one Via means it was meant for somebody behind us, and nobody is
    /// (RFC 3261 §8.1.3.3).
    pub fn check(&self) -> Result<(), Fault> {
        check_common(&self.headers)?;
        self.headers.cseq()?;
        if self.headers.vias()?.len() > 1 {
            return Err(Fault::Repeated(Name::Via));
        }
        Ok(())
    }
}

fn check_common(headers: &Headers) -> Result<(), Fault> {
    for name in MANDATORY {
        headers.first(name).ok_or(Fault::Missing(name))?;
    }
    let repeated =
        headers.iter().map(|header| header.name()).find(|name| name.is_single() && headers.all(*name).count() > 1);
    if let Some(name) = repeated {
        return Err(Fault::Repeated(name));
    }
    headers.from()?;
    headers.to()?;
    headers.call_id()?;
    headers.contacts()?;
    headers.record_routes()?;
    Ok(())
}
