//! Places in the stream of events as clients hold them: opaque text, so that nobody computes with it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Problem;

/// The form's version; a text of another form is refused, not guessed at.
const VERSION: u8 = 1;

/// After which seq to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position(pub u64);

impl Position {
    pub fn text(self) -> String {
        let mut bytes = [VERSION; 9];
        bytes[1..].copy_from_slice(&self.0.to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// # Errors
    /// 400 naming `after`.
    pub fn read(text: &str) -> Result<Self, Problem> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| <[u8; 9]>::try_from(bytes).ok());
        match bytes {
            Some([VERSION, seq @ ..]) => Ok(Self(u64::from_be_bytes(seq))),
            Some(_) | None => Err(Problem::field(
                "after",
                "`after` is a `position` as events and answers give it, or `oldest`, or `newest`",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_read_what_they_write_and_refuse_the_rest() {
        for seq in [0, 1, 42, u64::MAX] {
            assert_eq!(Position::read(&Position(seq).text()), Ok(Position(seq)));
        }
        for bad in ["", "42", "AQAAAAAAAAA", "AgAAAAAAAAAq", "not base64!"] {
            assert!(Position::read(bad).is_err(), "{bad}");
        }
    }
}
