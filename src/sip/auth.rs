//! Digest: who sends a request. RFC 3261 §22 with RFC 7616 (SHA-256) as RFC 8760 brings it to SIP. We ask for `qop=auth`
//! alone, and answer a challenge without `qop` too.
//! Owns challenges, nonces (stateless, signed, with an age), the replay window of their counts, and the arithmetic that
//! our own requests use too. Leaves whom to challenge to the endpoint, and who is trunk or phone to the site.
//! In: credentials and the password they should prove. Out: [`Verdict`].

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use md5::Md5;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::message::AuthValue;
use crate::base::bounds::NONCES_COUNTED;
use crate::base::{Rng, Span, Time};
use crate::site::DigestPolicy;

/// How long a nonce is taken; after it the phone is told `stale` and asks its user nothing.
pub const NONCE_LIFE: Span = Span::minutes(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Md5,
    Sha256,
}

impl Algorithm {
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    /// An absent parameter means MD5 (RFC 7616 §3.3).
    pub fn parse(text: Option<&str>) -> Option<Self> {
        match text {
            None => Some(Self::Md5),
            Some(text) if text.eq_ignore_ascii_case("MD5") => Some(Self::Md5),
            Some(text) if text.eq_ignore_ascii_case("SHA-256") => Some(Self::Sha256),
            Some(_) => None,
        }
    }

    /// In the order of the challenges: the stronger first (RFC 8760 §2.3).
    pub fn of(policy: DigestPolicy) -> &'static [Self] {
        match policy {
            DigestPolicy::Md5 => &[Self::Md5],
            DigestPolicy::Both => &[Self::Sha256, Self::Md5],
            DigestPolicy::Sha256 => &[Self::Sha256],
        }
    }

    fn hex(self, text: &str) -> String {
        match self {
            Self::Md5 => hex(&Md5::digest(text.as_bytes())),
            Self::Sha256 => hex(&Sha256::digest(text.as_bytes())),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What goes into one digest.
#[derive(Clone, Copy, Debug)]
pub struct Proof<'a> {
    pub algorithm: Algorithm,
    pub user: &'a str,
    pub realm: &'a str,
    pub password: &'a str,
    pub method: &'a str,
    pub uri: &'a str,
    pub nonce: &'a str,
    /// Eight hexadecimal digits.
    pub count: &'a str,
    pub cnonce: &'a str,
}

impl Proof<'_> {
    /// The `response` of RFC 7616 §3.4.1 with `qop=auth`.
    pub fn response(&self) -> String {
        let (a1, a2) = self.halves();
        self.algorithm.hex(&format!("{a1}:{}:{}:{}:auth:{a2}", self.nonce, self.count, self.cnonce))
    }

    /// The `response` of RFC 2617 §3.2.2.1 to a challenge without `qop`: nothing counts, nothing of ours is in it.
    pub fn response_without_qop(&self) -> String {
        let (a1, a2) = self.halves();
        self.algorithm.hex(&format!("{a1}:{}:{a2}", self.nonce))
    }

    fn halves(&self) -> (String, String) {
        let a1 = self.algorithm.hex(&format!("{}:{}:{}", self.user, self.realm, self.password));
        (a1, self.algorithm.hex(&format!("{}:{}", self.method, self.uri)))
    }
}

/// Whether [`answer`] can meet a challenge: the scheme, the algorithm, and `qop=auth` or none at all.
pub fn can_answer(challenge: &AuthValue) -> bool {
    let auth = |list: &str| list.split(',').any(|qop| qop.trim().eq_ignore_ascii_case("auth"));
    challenge.is_digest()
        && Algorithm::parse(challenge.get("algorithm")).is_some()
        && challenge.get("qop").is_none_or(auth)
        && challenge.get("realm").is_some()
        && challenge.get("nonce").is_some()
}

/// The credentials a client answers a challenge with. `None` when the challenge is none we can meet.
pub fn answer(
    challenge: &AuthValue,
    user: &str,
    password: &str,
    method: &str,
    uri: &str,
    count: u32,
    cnonce: &str,
) -> Option<AuthValue> {
    can_answer(challenge).then_some(())?;
    let algorithm = Algorithm::parse(challenge.get("algorithm"))?;
    let has_qop = challenge.get("qop").is_some();
    let (realm, nonce, count) = (challenge.get("realm")?, challenge.get("nonce")?, format!("{count:08x}"));
    let proof = Proof { algorithm, user, realm, password, method, uri, nonce, count: &count, cnonce };
    let response = if has_qop { proof.response() } else { proof.response_without_qop() };
    let value = AuthValue::new("Digest")
        .quoted("username", user)
        .quoted("realm", realm)
        .quoted("nonce", nonce)
        .quoted("uri", uri)
        .quoted("response", &response)
        .token("algorithm", algorithm.name());
    let value = match has_qop {
        true => value.quoted("cnonce", cnonce).token("qop", "auth").token("nc", &count),
        false => value,
    };
    Some(match challenge.get("opaque") {
        Some(opaque) => value.quoted("opaque", opaque),
        None => value,
    })
}

/// What credentials are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Proven,
    /// No credentials for this realm: the usual first round.
    Absent,
    /// Right, but for a nonce that is too old, or a count that came before.
    Stale,
    /// Wrong password, unknown user, foreign algorithm or forged nonce: one answer for all.
    Wrong,
}

/// The counts seen of one nonce: the highest and the 64 below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Window {
    highest: u32,
    seen: u64,
}

impl Window {
    /// Takes a count once. UDP reorders, so counts a little below the highest are taken as well.
    fn take(&mut self, count: u32) -> bool {
        if count > self.highest {
            let shift = count - self.highest;
            self.seen = if shift < u64::BITS { self.seen << shift | 1 } else { 1 };
            self.highest = count;
            return true;
        }
        let below = self.highest - count;
        let fresh = below < u64::BITS && self.seen >> below & 1 == 0;
        if fresh {
            self.seen |= 1 << below;
        }
        fresh
    }
}

/// Makes challenges and judges what comes back.
#[derive(Clone, Debug)]
pub struct Gate {
    key: [u8; 32],
    /// Nonces in use by the time and chance in them, so the oldest comes first.
    windows: BTreeMap<(Time, u64), Window>,
    /// Nonces up to this one have been forgotten: what they counted is unknown, so they are stale.
    forgotten: Option<(Time, u64)>,
}

impl Gate {
    /// `key` signs nonces. A key that is kept over a restart lets phones go on without a new challenge.
    pub fn new(key: [u8; 32]) -> Self {
        Self { key, windows: BTreeMap::new(), forgotten: None }
    }

    /// WWW-Authenticate values, the strongest first. The same bytes for every user, known or not.
    pub fn challenges(&self, realm: &str, policy: DigestPolicy, stale: bool, t: Time, rng: &mut Rng) -> Vec<AuthValue> {
        let nonce = self.nonce(t, rng.u64());
        let challenge = |algorithm: &Algorithm| {
            let value = AuthValue::new("Digest").quoted("realm", realm).quoted("nonce", &nonce);
            let value = value.token("algorithm", algorithm.name()).quoted("qop", "auth");
            if stale { value.token("stale", "true") } else { value }
        };
        Algorithm::of(policy).iter().map(challenge).collect()
    }

    /// Judges the credentials of one request. `password` is asked for the user named; an unknown one costs the same work.
    pub fn judge<'p>(
        &mut self,
        credentials: &AuthValue,
        (realm, policy): (&str, DigestPolicy),
        method: &str,
        password: impl FnOnce(&str) -> Option<&'p str>,
        t: Time,
    ) -> Verdict {
        if !credentials.is_digest() || credentials.get("realm") != Some(realm) {
            return Verdict::Absent;
        }
        let get = |name| credentials.get(name).unwrap_or("");
        let known = password(get("username"));
        let algorithm = Algorithm::parse(credentials.get("algorithm"));
        let proof = Proof {
            algorithm: algorithm.unwrap_or(Algorithm::Md5),
            user: get("username"),
            realm,
            password: known.unwrap_or("no such user"),
            method,
            uri: get("uri"),
            nonce: get("nonce"),
            count: get("nc"),
            cnonce: get("cnonce"),
        };
        let given = get("response").to_ascii_lowercase();
        let right = bool::from(proof.response().as_bytes().ct_eq(given.as_bytes()));
        let allowed = algorithm.is_some_and(|algorithm| Algorithm::of(policy).contains(&algorithm));
        let issued = self.issued(proof.nonce);
        let count = u32::from_str_radix(proof.count, 16).ok().filter(|_| proof.count.len() == 8);
        let (Some(issued), Some(count)) = (issued, count) else { return Verdict::Wrong };
        if !(right && known.is_some() && allowed && get("qop").eq_ignore_ascii_case("auth")) {
            return Verdict::Wrong;
        }
        if t.since(issued.0) > NONCE_LIFE || !self.count(issued, count, t) { Verdict::Stale } else { Verdict::Proven }
    }

    fn count(&mut self, issued: (Time, u64), count: u32, t: Time) -> bool {
        if let Some(window) = self.windows.get_mut(&issued) {
            return window.take(count);
        }
        if self.forgotten.is_some_and(|forgotten| issued <= forgotten) {
            return false;
        }
        self.windows.insert(issued, Window { highest: count, seen: 1 });
        while let Some((&oldest, _)) = self.windows.first_key_value() {
            if self.windows.len() <= NONCES_COUNTED && t.since(oldest.0) <= NONCE_LIFE {
                break;
            }
            self.windows.pop_first();
            self.forgotten = self.forgotten.max(Some(oldest));
        }
        true
    }

    /// time (8 bytes) | chance (8 bytes) | first half of HMAC-SHA-256 over both.
    fn nonce(&self, t: Time, chance: u64) -> String {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&t.0.to_be_bytes());
        bytes[8..16].copy_from_slice(&chance.to_be_bytes());
        let mac = hmac_sha256(&self.key, &bytes[..16]);
        bytes[16..].copy_from_slice(&mac[..16]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// When we issued it, and its chance. `None`: it is not ours.
    fn issued(&self, nonce: &str) -> Option<(Time, u64)> {
        let bytes: [u8; 32] = URL_SAFE_NO_PAD.decode(nonce).ok()?.try_into().ok()?;
        let (t, chance) = (bytes[..8].try_into().ok()?, bytes[8..16].try_into().ok()?);
        let mac = hmac_sha256(&self.key, &bytes[..16]);
        let ours = bool::from(mac[..16].ct_eq(&bytes[16..]));
        ours.then(|| (Time(i64::from_be_bytes(t)), u64::from_be_bytes(chance)))
    }

    /// Text that is the same for the same input and cannot be guessed: tags of stateless answers (RFC 3261 §8.2.7).
    pub fn stamp(&self, text: &str) -> String {
        hex(&hmac_sha256(&self.key, text.as_bytes())[..8])
    }
}

/// RFC 2104 with SHA-256.
fn hmac_sha256(key: &[u8; 32], data: &[u8]) -> [u8; 32] {
    let pad = |byte: u8| {
        let mut block = [byte; 64];
        block.iter_mut().zip(key).for_each(|(b, k)| *b ^= k);
        block
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(data).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_rfc_7616_section_3_9_1() {
        let proof = |algorithm| Proof {
            algorithm,
            user: "Mufasa",
            realm: "http-auth@example.org",
            password: "Circle of Life",
            method: "GET",
            uri: "/dir/index.html",
            nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            count: "00000001",
            cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        };
        assert_eq!(proof(Algorithm::Md5).response(), "8ca523f5e9506fed4657c9700eebdbec");
        assert_eq!(
            proof(Algorithm::Sha256).response(),
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
        );
        // the example of RFC 2069 §2.4, as its erratum corrects it
        let old = Proof {
            realm: "testrealm@host.com",
            password: "CircleOfLife",
            nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
            ..proof(Algorithm::Md5)
        };
        assert_eq!(old.response_without_qop(), "1949323746fe6a43ef61f9606e7febea");
    }

    #[test]
    fn hmac_matches_rfc_4231_case_2_with_its_key_padded() {
        // "Jefe" padded with zeros is the same key (RFC 2104 §2)
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        let mac = hex(&hmac_sha256(&key, b"what do ya want for nothing?"));
        assert_eq!(mac, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    const REALM: &str = "demo.example";

    struct Try {
        name: &'static str,
        user: &'static str,
        password: &'static str,
        change: fn(AuthValue) -> AuthValue,
        policy: DigestPolicy,
        after: Span,
        expected: Verdict,
    }

    fn set(mut value: AuthValue, name: &str, text: &str) -> AuthValue {
        value.params.iter_mut().filter(|param| param.name == name).for_each(|param| param.value = text.to_owned());
        value
    }

    #[test]
    fn credentials_are_judged() {
        let ok = Try {
            name: "right",
            user: "1001",
            password: "secret",
            change: |value| value,
            policy: DigestPolicy::Md5,
            after: Span::seconds(1),
            expected: Verdict::Proven,
        };
        let rows = [
            Try { name: "SHA-256", policy: DigestPolicy::Sha256, ..ok },
            Try { name: "both, the first", policy: DigestPolicy::Both, ..ok },
            Try { name: "wrong password", password: "Secret", expected: Verdict::Wrong, ..ok },
            Try { name: "unknown user", user: "1002", expected: Verdict::Wrong, ..ok },
            Try {
                name: "guesses the stand-in",
                user: "1002",
                password: "no such user",
                expected: Verdict::Wrong,
                ..ok
            },
            Try { name: "other realm", change: |v| set(v, "realm", "x"), expected: Verdict::Absent, ..ok },
            Try { name: "forged nonce", change: |v| set(v, "nonce", "AAAA"), expected: Verdict::Wrong, ..ok },
            Try { name: "too old", after: NONCE_LIFE + Span(1), expected: Verdict::Stale, ..ok },
            Try { name: "qop", change: |v| set(v, "qop", "auth-int"), expected: Verdict::Wrong, ..ok },
            Try { name: "algorithm", change: |v| set(v, "algorithm", "SHA-256"), expected: Verdict::Wrong, ..ok },
            Try { name: "count", change: |v| set(v, "nc", "1"), expected: Verdict::Wrong, ..ok },
            Try { name: "no response", change: |v| set(v, "response", ""), expected: Verdict::Wrong, ..ok },
            ok,
        ];
        for row in rows {
            let mut gate = Gate::new([7; 32]);
            let mut rng = Rng::from_number(1);
            let challenge = &gate.challenges(REALM, row.policy, false, Time(0), &mut rng)[0];
            let value = answer(challenge, row.user, row.password, "REGISTER", "sip:demo.example", 1, "c");
            let value = (row.change)(value.expect("a digest challenge"));
            let password = |user: &str| (user == "1001").then_some("secret");
            let t = Time(0) + row.after;
            let verdict = gate.judge(&value, (REALM, row.policy), "REGISTER", password, t);
            assert_eq!(verdict, row.expected, "{}", row.name);
            if row.expected == Verdict::Proven {
                let again = gate.judge(&value, (REALM, row.policy), "REGISTER", password, t);
                assert_eq!(again, Verdict::Stale, "{} replayed", row.name);
            }
        }
    }

    #[test]
    fn counts_are_taken_once_within_a_window() {
        let mut window = Window { highest: 1, seen: 1 };
        for (count, fresh) in [(1, false), (3, true), (2, true), (2, false), (100, true), (36, false), (37, true)] {
            assert_eq!(window.take(count), fresh, "{count}");
        }
    }

    #[test]
    fn the_table_of_counts_is_bounded_and_forgets_towards_stale() {
        let mut gate = Gate::new([0; 32]);
        let nonces = i64::try_from(NONCES_COUNTED).expect("small");
        for n in 0..=nonces {
            assert!(gate.count((Time(n), 0), 1, Time(n)));
        }
        assert_eq!(gate.windows.len(), NONCES_COUNTED);
        assert!(!gate.count((Time(0), 0), 2, Time(nonces)), "forgotten");
        assert!(gate.count((Time(nonces), 0), 2, Time(nonces)));
    }
}
