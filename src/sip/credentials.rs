//! Our side of digest within one call: RFC 3261 §22.1 to §22.3, RFC 7616 §3.3 and §3.4, RFC 8760 §2.4.
//! Owns what a far end asked in this call (credentials are not carried over to another, §22.3), the counts of its nonces,
//! and which further challenge is a refusal. Leaves the digest to `auth`, and to the endpoint when to send again.
//! In: a refused request with its challenges, requests to be proven. Out: [`Verdict`], credentials in the request.

use super::auth;
use super::message::{AuthValue, BuildError, Headers, Name, Request};
use crate::base::Rng;
use crate::base::bounds::REALMS_PER_CALL;
use crate::site::Account;

/// Where a challenge stands in a 401 or 407, and where its answer goes.
const FIELDS: [(Name, Name); 2] =
    [(Name::WwwAuthenticate, Name::Authorization), (Name::ProxyAuthenticate, Name::ProxyAuthorization)];

const CNONCE_LENGTH: usize = 16;

#[derive(Clone, Debug, Default)]
pub struct Credentials {
    asked: Vec<Asked>,
}

/// The last challenge of one realm.
#[derive(Clone, Debug)]
struct Asked {
    answer_in: Name,
    challenge: AuthValue,
    /// Requests that its nonce has proven.
    count: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Prove the request and send it again.
    Again,
    /// Our answer was not taken, or the challenge is none we can meet.
    Refused,
}

impl Credentials {
    /// A 401 or 407 came for `request`. A challenge is a refusal when it answers credentials that were made for the
    /// challenge before it, unless it says that only their nonce is stale.
    pub fn challenged(&mut self, request: &Headers, response: &Headers) -> Verdict {
        let met = met(response);
        let refused = met.iter().any(|(name, challenge)| self.is_refused(request, *name, challenge));
        if met.is_empty() || refused {
            return Verdict::Refused;
        }
        for (answer_in, challenge) in met {
            self.asked.retain(|asked| !asked.is_of(answer_in, &challenge));
            self.asked.push(Asked { answer_in, challenge, count: 0 });
        }
        if self.asked.len() > REALMS_PER_CALL {
            return Verdict::Refused;
        }
        Verdict::Again
    }

    fn is_refused(&self, request: &Headers, answer_in: Name, challenge: &AuthValue) -> bool {
        let values = request.auth(answer_in);
        let Some(sent) = values.iter().find(|sent| sent.get("realm") == challenge.get("realm")) else { return false };
        if challenge.get("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true")) {
            return false;
        }
        let known = self.asked.iter().find(|asked| asked.is_of(answer_in, challenge));
        // a nonce that has proven a request before may be worn out, also for a far end that does not call it stale
        known.is_none_or(|asked| asked.challenge.get("nonce") == sent.get("nonce") && asked.count <= 1)
    }

    /// Puts credentials for all that was asked in this call in place of those the request has.
    pub fn prove(&mut self, request: &mut Request, account: &Account, rng: &mut Rng) -> Result<(), BuildError> {
        for (_, answer_in) in FIELDS {
            request.headers.remove(answer_in);
        }
        for asked in &mut self.asked {
            asked.count += 1;
            let (user, password) = (account.user.as_str(), account.password.0.as_str());
            let (method, uri, cnonce) = (request.method.as_str(), request.uri.as_str(), rng.token(CNONCE_LENGTH));
            let value = auth::answer(&asked.challenge, user, password, method, uri, asked.count, &cnonce);
            if let Some(value) = value {
                request.headers.add(asked.answer_in, value)?;
            }
        }
        Ok(())
    }
}

impl Asked {
    fn is_of(&self, answer_in: Name, challenge: &AuthValue) -> bool {
        self.answer_in == answer_in && self.challenge.get("realm") == challenge.get("realm")
    }
}

/// Of each realm the first challenge that we can meet (RFC 8760 §2.4).
fn met(response: &Headers) -> Vec<(Name, AuthValue)> {
    let mut met: Vec<(Name, AuthValue)> = Vec::new();
    for (asked_in, answer_in) in FIELDS {
        for challenge in response.auth(asked_in).into_iter().filter(auth::can_answer) {
            let same =
                |(name, other): &(Name, AuthValue)| *name == answer_in && other.get("realm") == challenge.get("realm");
            if !met.iter().any(same) {
                met.push((answer_in, challenge));
            }
        }
    }
    met
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::auth::{Algorithm, Proof};
    use crate::sip::testing::request;
    use crate::site::Secret;

    fn bye() -> Request {
        request("BYE", "sip:c@192.0.2.50", "<sip:c@192.0.2.50>;tag=t", "")
    }

    fn headers(lines: &str) -> Headers {
        request("BYE", "sip:x@y", "<sip:x@y>", lines).headers
    }

    fn account() -> Account {
        Account { user: "us".into(), password: Secret("secret".into()) }
    }

    /// What the request says to each realm: field, algorithm, nonce, count, and whether the response is right.
    fn said(request: &Request) -> Vec<String> {
        let mut lines = Vec::new();
        for (_, name) in FIELDS {
            for value in request.headers.auth(name) {
                let get = |name| value.get(name).unwrap_or("-");
                let proof = Proof {
                    algorithm: Algorithm::parse(value.get("algorithm")).expect("one of the two"),
                    user: "us",
                    realm: get("realm"),
                    password: "secret",
                    method: request.method.as_str(),
                    uri: request.uri.as_str(),
                    nonce: get("nonce"),
                    count: get("nc"),
                    cnonce: get("cnonce"),
                };
                let right = match value.get("qop") {
                    Some(_) => proof.response(),
                    None => proof.response_without_qop(),
                };
                assert_eq!(get("response"), right, "{value}");
                let field = name.as_str();
                lines.push(format!("{field} {} {} {} {}", get("realm"), get("algorithm"), get("nonce"), get("nc")));
            }
        }
        lines
    }

    struct Row {
        name: &'static str,
        /// The challenges of each 401 or 407, in their order; every request is proven and sent again.
        rounds: &'static [&'static str],
        verdict: Verdict,
        said: &'static [&'static str],
    }

    const ROWS: [Row; 9] = [
        Row {
            name: "MD5",
            rounds: &["WWW-Authenticate: Digest realm=\"a\", nonce=\"1\", qop=\"auth,auth-int\", algorithm=MD5\r\n"],
            verdict: Verdict::Again,
            said: &["Authorization a MD5 1 00000001"],
        },
        Row {
            name: "the first of two algorithms that we know",
            rounds: &["Proxy-Authenticate: Digest realm=\"a\", nonce=\"0\", qop=\"auth\", algorithm=SHA-512-256\r\n\
                       Proxy-Authenticate: Digest realm=\"a\", nonce=\"1\", qop=\"auth\", algorithm=SHA-256\r\n\
                       Proxy-Authenticate: Digest realm=\"a\", nonce=\"2\", qop=\"auth\", algorithm=MD5\r\n"],
            verdict: Verdict::Again,
            said: &["Proxy-Authorization a SHA-256 1 00000001"],
        },
        Row {
            name: "without a quality of protection",
            rounds: &["WWW-Authenticate: Digest realm=\"a\", nonce=\"1\"\r\n"],
            verdict: Verdict::Again,
            said: &["Authorization a MD5 1 -"],
        },
        Row {
            name: "a proxy, then who is behind it",
            rounds: &[
                "Proxy-Authenticate: Digest realm=\"p\", nonce=\"1\", qop=\"auth\"\r\n",
                "WWW-Authenticate: Digest realm=\"a\", nonce=\"2\", qop=\"auth\"\r\n",
            ],
            verdict: Verdict::Again,
            said: &["Authorization a MD5 2 00000001", "Proxy-Authorization p MD5 1 00000002"],
        },
        Row {
            name: "stale",
            rounds: &[
                "WWW-Authenticate: Digest realm=\"a\", nonce=\"1\", qop=\"auth\"\r\n",
                "WWW-Authenticate: Digest realm=\"a\", nonce=\"2\", qop=\"auth\", stale=TRUE\r\n",
            ],
            verdict: Verdict::Again,
            said: &["Authorization a MD5 2 00000001"],
        },
        Row {
            name: "a second challenge",
            rounds: &[
                "WWW-Authenticate: Digest realm=\"a\", nonce=\"1\", qop=\"auth\"\r\n",
                "WWW-Authenticate: Digest realm=\"a\", nonce=\"2\", qop=\"auth\", stale=false\r\n",
            ],
            verdict: Verdict::Refused,
            said: &["Authorization a MD5 1 00000001"],
        },
        Row {
            name: "nothing we know",
            rounds: &["WWW-Authenticate: Basic realm=\"a\"\r\n\
                       WWW-Authenticate: Digest realm=\"a\", nonce=\"1\", qop=\"auth-int\"\r\n"],
            verdict: Verdict::Refused,
            said: &[],
        },
        Row { name: "no challenge", rounds: &[""], verdict: Verdict::Refused, said: &[] },
        Row {
            name: "too many realms",
            rounds: &["WWW-Authenticate: Digest realm=\"a\", nonce=\"1\"\r\n\
                       WWW-Authenticate: Digest realm=\"b\", nonce=\"1\"\r\n\
                       WWW-Authenticate: Digest realm=\"c\", nonce=\"1\"\r\n\
                       WWW-Authenticate: Digest realm=\"d\", nonce=\"1\"\r\n\
                       WWW-Authenticate: Digest realm=\"e\", nonce=\"1\"\r\n"],
            verdict: Verdict::Refused,
            said: &[],
        },
    ];

    #[test]
    fn challenges_are_answered_once() {
        for row in ROWS {
            let (mut credentials, mut rng, mut bye) = (Credentials::default(), Rng::from_number(1), bye());
            let mut verdict = Verdict::Refused;
            for round in row.rounds {
                verdict = credentials.challenged(&bye.headers, &headers(round));
                if verdict == Verdict::Again {
                    credentials.prove(&mut bye, &account(), &mut rng).expect("clean");
                }
            }
            assert_eq!(
                (verdict, said(&bye)),
                (row.verdict, row.said.iter().map(|s| (*s).to_owned()).collect()),
                "{}",
                row.name
            );
        }
    }

    #[test]
    fn later_requests_of_the_call_count_on_and_a_worn_nonce_is_no_refusal() {
        let (mut credentials, mut rng) = (Credentials::default(), Rng::from_number(1));
        let challenge = |nonce: &str| {
            headers(&format!("WWW-Authenticate: Digest realm=\"a\", nonce=\"{nonce}\", qop=\"auth\"\r\n"))
        };
        let mut first = bye();
        assert_eq!(credentials.challenged(&first.headers, &challenge("1")), Verdict::Again);
        credentials.prove(&mut first, &account(), &mut rng).expect("clean");
        let mut second = bye();
        credentials.prove(&mut second, &account(), &mut rng).expect("clean");
        assert_eq!(said(&second), ["Authorization a MD5 1 00000002"]);
        assert_eq!(credentials.challenged(&second.headers, &challenge("2")), Verdict::Again);
        credentials.prove(&mut second, &account(), &mut rng).expect("clean");
        assert_eq!(said(&second), ["Authorization a MD5 2 00000001"]);
        assert_eq!(credentials.challenged(&first.headers, &challenge("3")), Verdict::Again, "of the nonce before");
        credentials.prove(&mut second, &account(), &mut rng).expect("clean");
        assert_eq!(credentials.challenged(&second.headers, &challenge("4")), Verdict::Refused);
    }
}
