//! One line: is it a valid object, and where do the keys stand that are looked for?
//!
//! Checks the whole line against RFC 8259, sixty-four bytes at a time, with bit masks: which bytes
//! are inside strings, which token follows which. The idea of masks comes from simdjson (Langdale
//! and Lemire 2019). Only brackets, keys of the outermost object and numbers with a point are
//! looked at one by one; what stands further inside is for `path` to find. Nothing is decoded here
//! but keys with escapes. Of a line that is not found valid, it says whether that is certain.

use crate::event::NOWHERE;
use crate::text::{escaped_bytes, is_space, unescape, wrong_escapes, wrong_surrogates};
use crate::tokens::{Kind, tokens};
use crate::wide::{CHUNK, Wide};

/// Containers within containers that are followed; a line that goes deeper is handed back.
const MOST_DEPTH: u32 = 128;
/// Digits before the point that are certain not to overflow a double, without an exponent.
const MOST_DIGITS: usize = 300;
/// The same where there is an exponent of at most `MOST_EXPONENT`.
const MOST_DIGITS_AND_EXPONENT: usize = 100;
const MOST_EXPONENT: usize = 200;

/// A key that is looked for in the outermost object.
#[derive(Clone, Debug)]
pub struct Key {
    /// Decoded text and a closing quote.
    quoted: Vec<u8>,
    /// The first eight bytes of `quoted`, or all of it, and which bits of them count.
    start: u64,
    start_mask: u64,
}

impl Key {
    pub fn new(text: &str) -> Self {
        let mut quoted = text.as_bytes().to_vec();
        quoted.push(b'"');
        let mut start = [0; 8];
        let length = quoted.len().min(8);
        start[..length].copy_from_slice(&quoted[..length]);
        let start_mask = u64::MAX >> (64 - 8 * length);
        Self { start: u64::from_le_bytes(start), start_mask, quoted }
    }

    /// Decoded text.
    pub fn text(&self) -> &[u8] {
        &self.quoted[..self.quoted.len() - 1]
    }

    /// Whether `bytes`, which follow an opening quote, begin with the key as it is, and `start`
    /// with its first eight bytes.
    #[inline(always)]
    fn is_at(&self, start: u64, bytes: &[u8]) -> bool {
        (start ^ self.start) & self.start_mask == 0
            && (self.quoted.len() <= 8 || bytes.starts_with(&self.quoted))
    }
}

/// The most keys that can be looked for: three fields, each as it is written and as a path.
pub const MOST_KEYS: usize = 6;

/// For each key that was looked for, the place after the closing quote of the last one.
pub type Tops = [usize; MOST_KEYS];

/// What is known of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where it ends: at its "\n" or at the end of the block.
    pub end: usize,
    /// The keys of a valid object.
    pub tops: Result<Tops, Refusal>,
}

/// Why a line was not found valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is UTF-8, but no JSON: certainly.
    NoJson,
    /// It is left to others: not UTF-8, or deeper or with larger numbers than are followed here.
    Unsure,
}

/// What is carried from one chunk of a line to the next: one bit each, in the lowest place, or a
/// mask of all bits (`in_string`).
#[derive(Default)]
struct Carry {
    /// All ones inside a string.
    in_string: u64,
    /// The first byte is escaped.
    escaped: u64,
    /// The `u` of escapes in the chunk before.
    unicode: u64,
    /// The string that is open is a key.
    key: u64,
    /// The last byte belonged to a number or a word.
    scalar: u64,
    /// The next token follows: a key; the start of an object or a comma in one; a colon, the start
    /// of an array or a comma in one; a colon or comma; a value.
    after_key: u64,
    before_key: u64,
    before_value: u64,
    after_mark: u64,
    after_value: u64,
}

/// The tokens that follow the bits of `ends`, across white space.
///
/// `shifted` are the places right after. Where such a place is white space, the sum carries the
/// bit through the run to the first place after it.
#[inline(always)]
fn behind(ends: u64, more: u64, spaces: u64, carry: &mut u64) -> u64 {
    let shifted = (ends << 1) | *carry | more;
    if spaces == 0 {
        *carry = ends >> 63;
        return shifted;
    }
    let (sum, is_over) = spaces.overflowing_add(shifted & spaces);
    *carry = (ends >> 63) | u64::from(is_over);
    (shifted | sum) & !spaces
}

/// Reads the line that begins at `start`, which is a `{`.
#[inline(always)]
pub fn line<W: Wide>(wide: W, block: &[u8], start: usize, keys: &[Key]) -> Line {
    let mut carry = Carry::default();
    let mut wrong = 0_u64;
    let mut is_unsure = false;
    let mut stack = 0_u128;
    let mut depth = 0_u32;
    let mut tops = [NOWHERE; MOST_KEYS];
    let mut is_key_escaped = false;
    let mut second_half = NOWHERE;
    let (mut first_high, mut last_high) = (NOWHERE, 0);
    let mut at = start;
    let end = loop {
        let rest;
        let bytes: &[u8; CHUNK] = match block[at..].first_chunk() {
            Some(bytes) => bytes,
            None => {
                let mut last = [b'\n'; CHUNK];
                last[..block.len() - at].copy_from_slice(&block[at..]);
                rest = last;
                &rest
            }
        };
        let chunk = wide.load(bytes);
        let mut control = wide.control(chunk);
        let mut live = u64::MAX;
        let mut line_end = None;
        if control != 0 {
            let newline = wide.equal(chunk, b'\n');
            if newline != 0 {
                live = (newline & newline.wrapping_neg()) - 1;
                line_end = Some(at + newline.trailing_zeros() as usize);
            }
            control &= live;
        }
        let high = wide.high(chunk) & live;
        if high != 0 {
            first_high = first_high.min(at + high.trailing_zeros() as usize);
            last_high = at + 63 - high.leading_zeros() as usize;
        }

        // Strings: which quotes are real, and what stands between them.
        let backslash = wide.equal(chunk, b'\\') & live;
        let mut quote = wide.equal(chunk, b'"') & live;
        if backslash | carry.escaped | (carry.unicode >> 60) != 0 {
            let escaped = escaped_bytes(backslash, &mut carry.escaped) & live;
            let (wrong_here, unicode_d) = wrong_escapes(wide, chunk, escaped, &mut carry.unicode);
            wrong |= wrong_here & live;
            if unicode_d & live != 0 {
                wrong |= wrong_surrogates(block, at, unicode_d & live, &mut second_half);
            }
            quote &= !escaped;
        } else {
            carry.unicode = 0;
        }
        let string = wide.running_parity(quote) ^ carry.in_string;
        carry.in_string = ((string as i64) >> 63) as u64;
        let string = string & live;
        let opening = quote & string;
        let closing = quote & !string;
        wrong |= control & string;

        // The other tokens.
        let outside = live & !(string | quote);
        let open = wide.equal_folded(chunk, b'{') & outside;
        let close = wide.equal_folded(chunk, b'}') & outside;
        let colon = wide.equal(chunk, b':') & outside;
        let comma = wide.equal(chunk, b',') & outside;
        let mut spaces = wide.equal(chunk, b' ') & outside;
        control &= outside;
        if control != 0 {
            let tab_or_return = wide.equal(chunk, b'\t') | wide.equal(chunk, b'\r');
            spaces |= control & tab_or_return;
            wrong |= control & !tab_or_return;
        }
        let scalar = outside & !(open | close | colon | comma | spaces);
        let behind_scalar = (scalar << 1) | carry.scalar;
        let scalar_start = scalar & !behind_scalar;
        let scalar_behind = behind_scalar & !scalar;
        if scalar != 0 {
            // A run that goes on from the chunk before was read there.
            let own = if carry.scalar == 0 { scalar } else { scalar & scalar.wrapping_add(1) };
            let digit = wide.digit(chunk);
            let zero_start = scalar_start & wide.equal(chunk, b'0') & (digit >> 1);
            if (own & !digit) | zero_start | (scalar >> 63) != 0 {
                let mut starts = scalar_start;
                while starts != 0 {
                    let bit = starts.trailing_zeros() as usize;
                    match read_scalar(&block[at + bit..]) {
                        Scalar::Whole => {}
                        Scalar::Wrong => wrong |= 1,
                        Scalar::Unsure => is_unsure = true,
                    }
                    starts &= starts - 1;
                }
            }
        }
        carry.scalar = scalar >> 63;

        // Containers: which one holds which byte.
        let mut square_open = 0;
        let mut in_array = 0_u64.wrapping_sub((stack & 1) as u64);
        let mut on_top = 0_u64.wrapping_sub(u64::from(depth == 1));
        let mut beyond = 0_u64.wrapping_sub(u64::from(depth == 0));
        let mut brackets = open | close;
        if brackets != 0 {
            let square = wide.equal(chunk, b'[') | wide.equal(chunk, b']');
            square_open = open & square;
            while brackets != 0 {
                let bit = brackets & brackets.wrapping_neg();
                brackets ^= bit;
                let above = !(bit | (bit - 1));
                let is_square = square & bit != 0;
                if open & bit != 0 {
                    is_unsure |= depth == MOST_DEPTH;
                    stack = (stack << 1) | u128::from(is_square);
                    depth += 1;
                } else {
                    wrong |= u64::from(depth == 0) | u64::from((stack & 1 != 0) != is_square);
                    stack >>= 1;
                    depth = depth.saturating_sub(1);
                }
                let top = 0_u64.wrapping_sub((stack & 1) as u64);
                in_array = (in_array & !above) | (above & top);
                on_top = (on_top & !above) | (above & 0_u64.wrapping_sub(u64::from(depth == 1)));
                beyond = (beyond & !above) | (above & 0_u64.wrapping_sub(u64::from(depth == 0)));
            }
        }
        wrong |= comma & beyond;

        // Grammar: every token but the first follows exactly one other.
        let array_comma = comma & in_array;
        let object_comma = comma & !in_array;
        let before_key =
            behind((open & !square_open) | object_comma, 0, spaces, &mut carry.before_key);
        let before_value =
            behind(square_open | array_comma | colon, 0, spaces, &mut carry.before_value);
        let after_mark = behind(comma | colon, 0, spaces, &mut carry.after_mark);
        let key_start = before_key & opening;
        // Adding its start to the run of a string leaves a bit at its closing quote.
        let (sum, is_one_over) = string.overflowing_add(key_start);
        let (sum, is_two_over) = sum.overflowing_add(carry.key);
        carry.key = u64::from(is_one_over | is_two_over);
        let key_end = sum & !string & closing;
        let after_key = behind(key_end, 0, spaces, &mut carry.after_key);
        let value_end = (closing & !key_end) | close;
        let after_value = behind(value_end, scalar_behind, spaces, &mut carry.after_value);
        let value_start = opening | scalar_start | open;
        wrong |= ((before_key & !(opening | close))
            | (before_value & !(value_start | close))
            | (after_mark & close)
            | (after_key & !colon)
            | (after_value & !(comma | close)))
            & live;

        // The keys of the outermost object.
        let mut starts = key_start & on_top;
        if backslash != 0 {
            // The bits of a key's run that the sum cleared are the key.
            is_key_escaped |= backslash & string & !sum & on_top != 0;
        }
        while starts != 0 {
            let text = at + starts.trailing_zeros() as usize + 1;
            starts &= starts - 1;
            let bytes = &block[text..];
            let start = match bytes.first_chunk::<8>() {
                Some(eight) => u64::from_le_bytes(*eight),
                None => few_bytes(bytes),
            };
            for (key, top) in keys.iter().zip(&mut tops) {
                if key.is_at(start, bytes) {
                    *top = text + key.quoted.len();
                }
            }
        }

        if let Some(end) = line_end {
            break end;
        }
        at += CHUNK;
    };
    let is_json = wrong == 0 && carry.in_string == 0 && depth == 0;
    let is_utf8 = || {
        first_high > last_high || simdutf8::basic::from_utf8(&block[first_high..=last_high]).is_ok()
    };
    if is_unsure || !is_utf8() {
        return Line { end, tops: Err(Refusal::Unsure) };
    }
    if !is_json {
        return Line { end, tops: Err(Refusal::NoJson) };
    }
    if is_key_escaped {
        tops = find_slowly(&block[..end], start, keys);
    }
    Line { end, tops: Ok(tops) }
}

/// Up to seven bytes as the low bytes of a word.
#[cold]
fn few_bytes(bytes: &[u8]) -> u64 {
    let mut eight = [0; 8];
    eight[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(eight)
}

/// What a run of bytes outside of strings that are no marks is.
enum Scalar {
    /// A whole number, `true`, `false` or `null`.
    Whole,
    /// Nothing that JSON knows.
    Wrong,
    /// A number that may overflow a double, whatever follows it.
    Unsure,
}

/// What `rest` begins with.
#[inline(always)]
fn read_scalar(rest: &[u8]) -> Scalar {
    let length = match rest[0] {
        b't' if rest.starts_with(b"true") => 4,
        b'f' if rest.starts_with(b"false") => 5,
        b'n' if rest.starts_with(b"null") => 4,
        _ => match number_length(rest) {
            Some(0) => return Scalar::Wrong,
            Some(length) => length,
            None => return Scalar::Unsure,
        },
    };
    let is_whole = rest
        .get(length)
        .is_none_or(|&next| is_space(next) || matches!(next, b'\n' | b',' | b']' | b'}'));
    if is_whole { Scalar::Whole } else { Scalar::Wrong }
}

/// The length of the number at the start of `rest`; 0 if there is none, None if it might overflow a
/// double.
#[inline(never)]
fn number_length(rest: &[u8]) -> Option<usize> {
    let byte = |at: usize| rest.get(at).copied().unwrap_or(b'\n');
    let digits_end = |mut at: usize| {
        while byte(at).is_ascii_digit() {
            at += 1;
        }
        at
    };
    let first = usize::from(byte(0) == b'-');
    let mut at = digits_end(first);
    let whole = at - first;
    if whole == 0 || (whole > 1 && byte(first) == b'0') {
        return Some(0);
    }
    let mut is_large = whole > MOST_DIGITS;
    if byte(at) == b'.' {
        let end = digits_end(at + 1);
        if end == at + 1 {
            return Some(0);
        }
        at = end;
    }
    if byte(at) | 0x20 == b'e' {
        at += 1;
        at += usize::from(matches!(byte(at), b'+' | b'-'));
        let end = digits_end(at);
        let exponent = rest[at..end].iter().fold(0_usize, |sum, digit| {
            sum.saturating_mul(10).saturating_add(usize::from(digit - b'0'))
        });
        if end == at {
            return Some(0);
        }
        is_large |= exponent > MOST_EXPONENT || whole > MOST_DIGITS_AND_EXPONENT;
        at = end;
    }
    (!is_large).then_some(at)
}

/// The keys of a line that is known to be valid, of any depth, and with escapes in any of them.
#[cold]
#[inline(never)]
pub fn find_slowly(line: &[u8], start: usize, keys: &[Key]) -> Tops {
    let mut tops = [NOWHERE; MOST_KEYS];
    let mut text = Vec::new();
    let mut depth = 0;
    for token in tokens(&line[start..]) {
        let own = &line[start + token.start..start + token.end];
        match (token.kind, own) {
            (Kind::Byte, b"{" | b"[") => depth += 1,
            (Kind::Byte, b"}" | b"]") => depth -= 1,
            (Kind::Key, _) if depth == 1 => {
                unescape(own, &mut text);
                for (key, top) in keys.iter().zip(&mut tops) {
                    if text == key.text() {
                        *top = start + token.end + 1;
                    }
                }
            }
            _ => {}
        }
    }
    tops
}

#[cfg(test)]
mod tests;
