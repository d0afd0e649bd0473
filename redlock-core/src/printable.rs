//! What anybody may have written, in letters that a terminal prints.

use alloc::string::{String, ToString as _};
use core::fmt::{self, Write as _};

/// Bytes as one line for people: text in any script as it is. Escaped are control characters, letters that are invisible or
/// turn the direction of what follows, bytes that are no UTF-8, and the backslash, so that different bytes never look alike.
pub(crate) struct Printable<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for letter in chunk.valid().chars() {
                if letter == '\\' || !is_printable(letter) {
                    write!(f, "{}", letter.escape_default())?;
                } else {
                    f.write_char(letter)?;
                }
            }
            write!(f, "{}", chunk.invalid().escape_ascii())?;
        }
        Ok(())
    }
}

/// Returns a letter, or its escape.
pub(crate) fn printed(letter: char) -> String {
    if is_printable(letter) { letter.to_string() } else { letter.escape_default().to_string() }
}

/// Returns whether a letter is shown as itself: no control character, and none that turns the direction of what follows or is
/// invisible.
pub(crate) fn is_printable(letter: char) -> bool {
    let is_format = matches!(
        letter,
        '\u{061C}'
            | '\u{180E}'
            | '\u{200B}'..='\u{200F}'
            | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{FEFF}'
            | '\u{FFF9}'..='\u{FFFB}'
            | '\u{E0000}'..='\u{E007F}'
    );
    !letter.is_control() && !is_format
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_shown_as_it_is_and_what_a_terminal_would_obey_is_escaped() {
        let rows: [(&[u8], &str); 12] = [
            (b"", ""),
            (b"invoice:7", "invoice:7"),
            ("Schlüssel".as_bytes(), "Schlüssel"),
            ("锁 замок \u{1f512}".as_bytes(), "锁 замок \u{1f512}"),
            (b"it's \"7\"", "it's \"7\""),
            (b"one\r\ntwo\t", r"one\r\ntwo\t"),
            (b"\x1b[2J\0\x7f", r"\u{1b}[2J\u{0}\u{7f}"),
            ("\u{202e}a\u{2066}b\u{061c}c".as_bytes(), r"\u{202e}a\u{2066}b\u{61c}c"),
            ("a\u{85}b\u{2028}c\u{200b}d".as_bytes(), r"a\u{85}b\u{2028}c\u{200b}d"),
            (b"a\xff\xfeb", r"a\xff\xfeb"),
            (&"锁".as_bytes()[..2], r"\xe9\x94"),
            (br"a\nb", r"a\\nb"),
        ];
        for (bytes, shown) in rows {
            assert_eq!(Printable(bytes).to_string(), shown);
        }
    }
}
