//! Digest from the phone's side, written anew from RFC 7616 §3.4 so that it shares no mistake with ours.

use cordboard::sip::message::AuthValue;
use md5::Md5;
use sha2::{Digest, Sha256};

/// `None`: a challenge this phone does not understand.
pub fn credentials(
    challenge: &AuthValue,
    user: &str,
    password: &str,
    method: &str,
    uri: &str,
    count: u32,
) -> Option<String> {
    let algorithm = challenge.get("algorithm").unwrap_or("MD5");
    let hash: fn(&str) -> String = match algorithm {
        "MD5" => |text| hex(&Md5::digest(text)),
        "SHA-256" => |text| hex(&Sha256::digest(text)),
        _ => return None,
    };
    let (realm, nonce) = (challenge.get("realm")?, challenge.get("nonce")?);
    let secret = hash(&format!("{user}:{realm}:{password}"));
    let what = hash(&format!("{method}:{uri}"));
    let (nc, cnonce) = (format!("{count:08x}"), "0a4f113b");
    let response = hash(&format!("{secret}:{nonce}:{nc}:{cnonce}:auth:{what}"));
    let opaque = challenge.get("opaque").map(|o| format!(", opaque=\"{o}\"")).unwrap_or_default();
    Some(format!(
        "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", response=\"{response}\", \
         algorithm={algorithm}, cnonce=\"{cnonce}\", qop=auth, nc={nc}{opaque}"
    ))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The example of RFC 7616 §3.9.1, with the client nonce that stands there.
#[test]
fn the_arithmetic_is_the_rfcs() {
    let secret = hex(&Md5::digest("Mufasa:http-auth@example.org:Circle of Life"));
    let what = hex(&Md5::digest("GET:/dir/index.html"));
    let nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
    let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
    let response = hex(&Md5::digest(format!("{secret}:{nonce}:00000001:{cnonce}:auth:{what}")));
    assert_eq!(response, "8ca523f5e9506fed4657c9700eebdbec");
}
