//! The text of strings: where it ends, whether it is one, and what its escapes mean.

use crate::event::NOWHERE;
use crate::wide::{CHUNK, Task, Wide};

/// JSON white space within a line.
#[inline(always)]
pub fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}

/// Where the value begins whose key ended before `at`, in a line that is known to be valid.
#[inline(always)]
pub fn behind_colon(block: &[u8], mut at: usize) -> usize {
    while is_space(block[at]) {
        at += 1;
    }
    at += 1;
    while is_space(block[at]) {
        at += 1;
    }
    at
}

/// The bytes that a backslash escapes, where runs of backslashes pair up.
#[inline(always)]
pub fn escaped_bytes(backslash: u64, carry: &mut u64) -> u64 {
    const EVEN: u64 = 0x5555_5555_5555_5555;
    let backslash = backslash & !*carry;
    let follows = (backslash << 1) | *carry;
    let odd_starts = backslash & !EVEN & !follows;
    let (even_runs, is_over) = odd_starts.overflowing_add(backslash);
    *carry = u64::from(is_over);
    (EVEN ^ (even_runs << 1)) & follows
}

/// Marks escapes that do not exist and `\u` without four hexadecimal digits; second, the places of
/// a `d` or `D` right after a `\u`.
#[inline(always)]
pub fn wrong_escapes<W: Wide>(
    wide: W,
    chunk: W::Chunk,
    escaped: u64,
    unicode: &mut u64,
) -> (u64, u64) {
    let own = escaped & wide.equal(chunk, b'u');
    let before = std::mem::replace(unicode, own);
    let mut wrong = 0;
    if escaped != own {
        let mut known =
            wide.equal(chunk, b'"') | wide.equal(chunk, b'\\') | wide.equal(chunk, b'/');
        for letter in [b'b', b'f', b'n', b'r', b't'] {
            known |= wide.equal(chunk, letter);
        }
        wrong = escaped & !known & !own;
    }
    if own | (before >> 60) == 0 {
        return (wrong, 0);
    }
    let mut hexadecimal = wide.digit(chunk);
    for letter in b'a'..=b'f' {
        hexadecimal |= wide.equal_folded(chunk, letter);
    }
    for distance in 1..=4 {
        wrong |= ((own << distance) | (before >> (64 - distance))) & !hexadecimal;
    }
    (wrong, ((own << 1) | (before >> 63)) & wide.equal_folded(chunk, b'd'))
}

/// Not zero if a `\uD800` to `\uDFFF` is not one of a proper pair.
///
/// `places` are those of the `d` after `\u`; `expected` is where that of a second half must be.
/// That each has four hexadecimal digits is seen to elsewhere.
#[inline(never)]
pub fn wrong_surrogates(block: &[u8], at: usize, mut places: u64, expected: &mut usize) -> u64 {
    let byte = |at: usize| block.get(at).copied().unwrap_or(b'\n');
    let mut wrong = 0;
    while places != 0 {
        let place = at + places.trailing_zeros() as usize;
        places &= places - 1;
        match byte(place + 1) | 0x20 {
            b'8' | b'9' | b'a' | b'b' => {
                let has_second = byte(place + 4) == b'\\'
                    && byte(place + 5) == b'u'
                    && byte(place + 6) | 0x20 == b'd'
                    && matches!(byte(place + 7) | 0x20, b'c'..=b'f');
                wrong |= u64::from(!has_second);
                *expected = place + 6;
            }
            b'c'..=b'f' => wrong |= u64::from(*expected != place),
            _ => {}
        }
    }
    wrong
}

/// Where the closing quote of the string is whose text begins at `at`; the string must be valid.
pub fn string_end(line: &[u8], mut at: usize) -> usize {
    loop {
        at += memchr::memchr2(b'"', b'\\', &line[at..]).expect("a valid string has an end");
        if line[at] == b'"' {
            return at;
        }
        at += 2;
    }
}

/// Where the closing quote of the string is whose text begins at `start`; None if the text is not
/// certain to be valid, or reaches into the last bytes of the block.
#[inline(always)]
pub fn text_end<W: Wide>(wide: W, block: &[u8], start: usize) -> Option<usize> {
    wide.apart(TextEnd { block, start })
}

struct TextEnd<'a> {
    block: &'a [u8],
    start: usize,
}

impl Task for TextEnd<'_> {
    type Output = Option<usize>;

    #[inline(always)]
    fn run<W: Wide>(self, wide: W) -> Option<usize> {
        let Self { block, start } = self;
        let (mut escaped, mut unicode) = (0, 0);
        let mut second_half = NOWHERE;
        let (mut first_high, mut last_high) = (NOWHERE, 0);
        let mut at = start;
        loop {
            let chunk = wide.load(block.get(at..)?.first_chunk()?);
            let mut quote = wide.equal(chunk, b'"');
            let backslash = wide.equal(chunk, b'\\');
            let (mut wrong, mut unicode_d) = (0, 0);
            if backslash | escaped | (unicode >> 60) != 0 {
                let here = escaped_bytes(backslash, &mut escaped);
                (wrong, unicode_d) = wrong_escapes(wide, chunk, here, &mut unicode);
                quote &= !here;
            } else {
                unicode = 0;
            }
            let below = quote.wrapping_sub(1) & !quote;
            // In place of the quote, there may be a digit of an escape.
            wrong = (wrong & (quote ^ quote.wrapping_sub(1))) | (wide.control(chunk) & below);
            if unicode_d & below != 0 {
                wrong |= wrong_surrogates(block, at, unicode_d & below, &mut second_half);
            }
            if wrong != 0 {
                return None;
            }
            let high = wide.high(chunk) & below;
            if high != 0 {
                first_high = first_high.min(at + high.trailing_zeros() as usize);
                last_high = at + 63 - high.leading_zeros() as usize;
            }
            if quote != 0 {
                at += quote.trailing_zeros() as usize;
                break;
            }
            at += CHUNK;
        }
        let is_text = first_high > last_high
            || simdutf8::basic::from_utf8(&block[first_high..=last_high]).is_ok();
        is_text.then_some(at)
    }
}

/// Decodes the escapes of a string that is known to be valid; `text` is overwritten.
pub fn unescape(mut raw: &[u8], text: &mut Vec<u8>) {
    text.clear();
    while let Some(at) = memchr::memchr(b'\\', raw) {
        text.extend_from_slice(&raw[..at]);
        let mut length = 2;
        let character = match raw[at + 1] {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                length = 6;
                let mut code = hexadecimal(&raw[at + 2..]);
                if code & 0xfc00 == 0xd800 {
                    length = 12;
                    code = 0x10000 + ((code & 0x3ff) << 10) + (hexadecimal(&raw[at + 8..]) & 0x3ff);
                }
                char::from_u32(code).expect("surrogates come in pairs")
            }
            // A quote, a backslash or a slash.
            other => char::from(other),
        };
        text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        raw = &raw[at + length..];
    }
    text.extend_from_slice(raw);
}

/// The number in the first four digits.
fn hexadecimal(digits: &[u8]) -> u32 {
    digits[..4].iter().fold(0, |code, &digit| {
        let value = if digit <= b'9' { digit - b'0' } else { (digit | 0x20) - b'a' + 10 };
        (code << 4) | u32::from(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wide::Portable;

    /// Escapes are decoded to the characters they mean.
    #[test]
    fn escapes() {
        let mut text = Vec::new();
        unescape(br#"a\"\\\/\b\f\n\r\t\u00e9\u00E9\ud83d\ude00b"#, &mut text);
        assert_eq!(text, "a\"\\/\u{8}\u{c}\n\r\téé😀b".as_bytes());
    }

    /// The end of a text is its first quote that is not escaped, if all before it is valid.
    #[test]
    fn text_ends() {
        let end = |text: &str| text_end(Portable, format!("{text}{:64}", "").as_bytes(), 0);
        assert_eq!(end("abc\"d\""), Some(3));
        assert_eq!(end("a\\\"\\\\\"d"), Some(5));
        assert_eq!(end("é\\u00e9\\ud83d\\ude00\""), Some(20));
        for wrong in ["\\x\"", "\\ud83d\"", "\\ude00\"", "\\u00g0\"", "\t\"", "\n\"", "\\"] {
            assert_eq!(end(wrong), None, "{wrong}");
        }
        let mut block = [b' '; 128];
        block[70] = b'"';
        assert_eq!(text_end(Portable, &block, 0), Some(70));
        block[69] = 0xff;
        assert_eq!(text_end(Portable, &block, 0), None);
    }
}
