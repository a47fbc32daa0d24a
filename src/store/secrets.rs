//! Secrets at rest: sealed with XChaCha20-Poly1305 under the key in `data/key`.
//! Owns the key file and the sealed form. Leaves who may read a secret to `api`.
//! In: a secret and what it is for. Out: bytes to store; the secret again, only for the same purpose.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use chacha20poly1305::aead::{Aead, Generate, Key, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

/// Bytes of the key, and of the nonce that stands before the sealed bytes. draft-irtf-cfrg-xchacha-03 §2.
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

pub struct Secrets(XChaCha20Poly1305);

/// Why a secret cannot be had.
#[derive(Debug)]
pub enum SecretError {
    File(std::io::Error),
    /// The key file does not hold 32 bytes.
    BadKey {
        bytes: usize,
    },
    /// Others than its owner may read the key file.
    KeyIsOpen {
        mode: u32,
    },
    /// Another key, another purpose, or changed bytes.
    NotOurs,
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => write!(f, "{error}"),
            Self::BadKey { bytes } => write!(f, "the key has {bytes} bytes instead of {KEY_BYTES}"),
            Self::KeyIsOpen { mode } => write!(f, "the key file has mode {mode:o} instead of 600: `chmod 600` it"),
            Self::NotOurs => f.write_str("it was sealed with another key or for another purpose"),
        }
    }
}

impl std::error::Error for SecretError {}

impl From<std::io::Error> for SecretError {
    fn from(error: std::io::Error) -> Self {
        Self::File(error)
    }
}

impl Secrets {
    /// Reads the key file, or makes it at the first start, readable by its owner alone.
    pub fn at(path: &Path) -> Result<Self, SecretError> {
        match OpenOptions::new().read(true).open(path) {
            Ok(mut file) => {
                let mode = file.metadata()?.permissions().mode() & 0o777;
                if mode & 0o077 != 0 {
                    return Err(SecretError::KeyIsOpen { mode });
                }
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes)?;
                let key = XChaCha20Poly1305::new_from_slice(&bytes)
                    .map_err(|_| SecretError::BadKey { bytes: bytes.len() })?;
                Ok(Self(key))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::make(path),
            Err(error) => Err(error.into()),
        }
    }

    /// On disk, with its name, before anything is sealed with it.
    fn make(path: &Path) -> Result<Self, SecretError> {
        let key = Key::<XChaCha20Poly1305>::generate();
        let beside = path.with_extension("new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(&key)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)?;
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::File::open(folder)?.sync_all()?;
        }
        Ok(Self(XChaCha20Poly1305::new(&key)))
    }

    /// `purpose` is bound to the result: sealed bytes moved to another row do not open there.
    pub fn seal(&self, purpose: &str, secret: &[u8]) -> Vec<u8> {
        let nonce = XNonce::generate();
        let payload = Payload { msg: secret, aad: purpose.as_bytes() };
        let sealed = self.0.encrypt(&nonce, payload).expect("a secret is shorter than 256 GiB");
        [&nonce[..], &sealed].concat()
    }

    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>, SecretError> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_BYTES).ok_or(SecretError::NotOurs)?;
        let nonce = XNonce::try_from(nonce).map_err(|_| SecretError::NotOurs)?;
        let payload = Payload { msg: sealed, aad: purpose.as_bytes() };
        self.0.decrypt(&nonce, payload).map_err(|_| SecretError::NotOurs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_with_its_key_for_its_purpose_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        let secrets = Secrets::at(&path).expect("made");
        let sealed = secrets.seal("demo/1001", b"blue");
        assert_ne!(sealed, secrets.seal("demo/1001", b"blue"), "each sealing has its own nonce");
        assert!(!sealed.windows(4).any(|w| w == b"blue"));
        let again = Secrets::at(&path).expect("read");
        assert_eq!(again.open("demo/1001", &sealed).expect("ours"), b"blue");
        let mut changed = sealed.clone();
        *changed.last_mut().expect("not empty") ^= 1;
        let other = Secrets::at(&folder.path().join("other")).expect("made");
        for refused in [
            again.open("demo/1002", &sealed),
            again.open("demo/1001", &changed),
            again.open("demo/1001", b"x"),
            other.open("demo/1001", &sealed),
        ] {
            assert!(matches!(refused, Err(SecretError::NotOurs)));
        }
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        drop(Secrets::at(&path).expect("made"));
        let mode = std::fs::metadata(&path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("ours");
        assert!(matches!(Secrets::at(&path), Err(SecretError::KeyIsOpen { mode: 0o640 })));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("ours");
        std::fs::write(&path, b"short").expect("ours");
        assert!(matches!(Secrets::at(&path), Err(SecretError::BadKey { bytes: 5 })));
    }
}
