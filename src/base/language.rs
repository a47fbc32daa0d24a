//! Names of languages.

/// Letters and digits of a tag at most: what RFC 5646 section 4.4.1 wants to be taken at least.
const TAG_BYTES: usize = 35;

/// Whether this has the shape of a language tag, `zh-CN` (RFC 5646 section 2.1): words of 1 to 8 letters or digits with `-`
/// between them, the first of letters only. Whether there is such a language is not asked.
pub fn is_language_tag(text: &str) -> bool {
    let word = |word: &str| (1..=8).contains(&word.len()) && word.bytes().all(|c| c.is_ascii_alphanumeric());
    let letters = text.split('-').next().is_some_and(|first| first.bytes().all(|c| c.is_ascii_alphabetic()));
    text.len() <= TAG_BYTES && letters && text.split('-').all(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_told_from_other_texts() {
        for (text, expected) in [
            ("en", true),
            ("zh-CN", true),
            ("zh-Hans-CN", true),
            ("es-419", true),
            ("", false),
            ("-v", false),
            ("en-", false),
            ("en_US", false),
            ("4x", false),
            ("en us", false),
            ("../../etc", false),
            ("abcdefghi", false),
            ("a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a", false),
        ] {
            assert_eq!(is_language_tag(text), expected, "{text}");
        }
    }
}
