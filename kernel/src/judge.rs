//! Why a line is no event, where that is certain: a second reading of the lines that the fold does not
//! take, for when nobody asks for more than how many there are.
//!
//! Byte by byte, at any depth, in memory of a bit for each level. It gives the reason that the authority
//! would give, or none: then the line may be an event, or the reason is not certain. It knows times only
//! so far as to tell what is certainly none.

use crate::parse;
use crate::path::Paths;
use crate::text;
use crate::wide::Portable;

/// Arrays and objects within each other that the authority reads.
const MOST_DEPTH: usize = 1024;
/// A value may have so many significant digits, and its last one may be as far from the point.
const MOST_DIGITS: usize = 400;
/// No line is long enough for zeros to bring a longer exponent back into range.
const MOST_EXPONENT_DIGITS: usize = 12;

/// Why a line is no event. Of several reasons the first in this order counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    InvalidUtf8,
    InvalidJson,
    TooDeep,
    NotAnObject,
    MissingType,
    BadType,
    MissingValue,
    BadValue,
    NumberOutOfRange,
    MissingTime,
    BadTime,
}

impl Reason {
    pub const ALL: [Self; 11] = [
        Self::InvalidUtf8,
        Self::InvalidJson,
        Self::TooDeep,
        Self::NotAnObject,
        Self::MissingType,
        Self::BadType,
        Self::MissingValue,
        Self::BadValue,
        Self::NumberOutOfRange,
        Self::MissingTime,
        Self::BadTime,
    ];

    /// The word that programs match on.
    pub fn code(self) -> &'static str {
        match self {
            Self::InvalidUtf8 => "invalid_utf8",
            Self::InvalidJson => "invalid_json",
            Self::TooDeep => "too_deep",
            Self::NotAnObject => "not_an_object",
            Self::MissingType => "missing_type",
            Self::BadType => "bad_type",
            Self::MissingValue => "missing_value",
            Self::BadValue => "bad_value",
            Self::NumberOutOfRange => "number_out_of_range",
            Self::MissingTime => "missing_time",
            Self::BadTime => "bad_time",
        }
    }

    /// Whether a crash or a torn write can have caused it.
    fn is_damage(self) -> bool {
        matches!(self, Self::InvalidUtf8 | Self::InvalidJson)
    }
}

/// What of a query tells events from other lines.
#[derive(Debug)]
pub struct Judge {
    /// An event may lack a value.
    pub may_lack: bool,
    pub numeric_strings: bool,
    /// Of a damaged line the authority may take an event, where it begins as one that was torn.
    pub salvage: bool,
    /// Whether an event may lack a time; None: it is not looked at.
    pub time_is_optional: Option<bool>,
    /// Times have a form of their own, which may be one without digits.
    pub time_has_form: bool,
    /// Only strings are types, and nothing else than what is not there is missing.
    pub is_plain: bool,
    /// One bit for each container that is open: whether it is an object.
    stack: Vec<u64>,
}

/// Whether a number overflows a double.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Overflow {
    No,
    Yes,
    /// It is so close to the largest double that rounding decides.
    Unsure,
}

/// A number as written in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Literal {
    /// The byte after it.
    end: usize,
    overflow: Overflow,
    /// It has more digits, or ends further from the point, than a value may.
    is_out_of_range: bool,
}

/// A well-formed JSON text.
struct Shape {
    depth: usize,
    /// Of the numbers in it, the one that overflows most certainly.
    overflow: Overflow,
}

/// What may come next in a text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    Value,
    ValueOrClose,
    Key,
    KeyOrClose,
    Colon,
    CommaOrClose,
    End,
}

impl Judge {
    pub fn new(
        may_lack: bool,
        numeric_strings: bool,
        salvage: bool,
        time_is_optional: Option<bool>,
    ) -> Self {
        let stack = Vec::new();
        let (time_has_form, is_plain) = (false, true);
        Self {
            may_lack,
            numeric_strings,
            salvage,
            time_is_optional,
            time_has_form,
            is_plain,
            stack,
        }
    }

    /// The same for times that have a form of their own, or not.
    pub fn with_form(self, time_has_form: bool) -> Self {
        Self { time_has_form, ..self }
    }

    /// The same for queries that take other types and values than usual, or not.
    pub fn with_shape(self, is_plain: bool) -> Self {
        Self { is_plain, ..self }
    }

    /// Why a line that is not blank is certainly no event. None: the authority is to look at it.
    pub fn reason(&mut self, paths: &Paths, line: &[u8]) -> Option<Reason> {
        let reason = self.first_reason(paths, line)?;
        (!reason.is_damage() || self.is_final(line)).then_some(reason)
    }

    /// Whether the authority takes nothing of a line that is damaged: after a byte-order mark it does, and where
    /// half a pair of surrogates is in a field that nobody asks for.
    pub fn is_final(&self, line: &[u8]) -> bool {
        let first = || line.iter().find(|&&byte| !text::is_space(byte));
        let is_surrogate = |at: usize| {
            matches!(
                line.get(at + 1..at + 4),
                Some([b'u', b'd' | b'D', b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F'])
            )
        };
        (!self.salvage || !matches!(first(), Some(b'{' | b'[' | 0)))
            && line.first() != Some(&0xef)
            && !memchr::memchr_iter(b'\\', line).any(is_surrogate)
    }

    fn first_reason(&mut self, paths: &Paths, line: &[u8]) -> Option<Reason> {
        if simdutf8::basic::from_utf8(line).is_err() {
            return Some(Reason::InvalidUtf8);
        }
        let Some(Shape { depth, overflow }) = self.shape(line) else {
            return Some(Reason::InvalidJson);
        };
        if depth > MOST_DEPTH {
            return Some(Reason::TooDeep);
        }
        let start = line.iter().position(|&byte| !text::is_space(byte))?;
        if line[start] != b'{' {
            return Some(Reason::NotAnObject);
        }
        if !self.is_plain {
            return None;
        }
        let tops = parse::find_slowly(line, start, paths.keys());
        let found = paths.find(Portable, line, &tops);
        match line.get(found.type_at) {
            None => return Some(Reason::MissingType),
            Some(b'"') => {}
            Some(_) => return Some(Reason::BadType),
        }
        match self.value_reason(line, found.value_at) {
            Ok(None) => {}
            Ok(reason) => return reason,
            Err(Unsure) => return None,
        }
        match overflow {
            Overflow::No => self.time_reason(line, found.time_at),
            Overflow::Yes => Some(Reason::NumberOutOfRange),
            Overflow::Unsure => None,
        }
    }

    /// Why what stands at `at` is no value; None: it is one.
    fn value_reason(&self, line: &[u8], at: usize) -> Result<Option<Reason>, Unsure> {
        let mut decoded = Vec::new();
        let text = match line.get(at) {
            None if self.may_lack => return Ok(None),
            None => return Ok(Some(Reason::MissingValue)),
            Some(b'-' | b'0'..=b'9') => &line[at..],
            Some(b'"') if self.numeric_strings => {
                let text = &line[at + 1..text::string_end(line, at + 1)];
                if text.contains(&b'\\') {
                    text::unescape(text, &mut decoded);
                    &decoded
                } else {
                    text
                }
            }
            Some(_) => return Ok(Some(Reason::BadValue)),
        };
        match literal(text, 0) {
            Some(literal) if line[at] != b'"' || literal.end == text.len() => {
                match (literal.is_out_of_range, literal.overflow) {
                    (true, _) | (_, Overflow::Yes) => Ok(Some(Reason::NumberOutOfRange)),
                    (_, Overflow::No) => Ok(None),
                    (_, Overflow::Unsure) => Err(Unsure),
                }
            }
            _ => Ok(Some(Reason::BadValue)),
        }
    }

    /// Why what stands at `at` is certainly no time; None: it may be one, or none is needed.
    fn time_reason(&self, line: &[u8], at: usize) -> Option<Reason> {
        if self.time_is_optional? {
            return None;
        }
        match line.get(at) {
            None => Some(Reason::MissingTime),
            Some(b'-' | b'0'..=b'9') => None,
            Some(b'"') if self.time_has_form => None,
            Some(b'"') => {
                let text = &line[at + 1..text::string_end(line, at + 1)];
                let may_be_digit =
                    |byte: &u8| byte.is_ascii_digit() || !byte.is_ascii() || *byte == b'\\';
                (!text.iter().any(may_be_digit)).then_some(Reason::BadTime)
            }
            Some(_) => Some(Reason::BadTime),
        }
    }

    /// The shape of a text; None if it is no JSON. It must be UTF-8.
    fn shape(&mut self, line: &[u8]) -> Option<Shape> {
        let stack = &mut self.stack;
        let (mut depth, mut deepest) = (0_usize, 0);
        let mut overflow = Overflow::No;
        let mut expected = Expected::Value;
        let mut at = 0;
        // Whether the innermost container is an object.
        let mut in_object = false;
        while let Some(&byte) = line.get(at) {
            at += 1;
            match byte {
                b' ' | b'\t' | b'\r' => {}
                b'{' | b'[' => {
                    if !matches!(expected, Expected::Value | Expected::ValueOrClose) {
                        return None;
                    }
                    in_object = byte == b'{';
                    let (word, bit) = (depth / 64, depth % 64);
                    if word == stack.len() {
                        stack.push(0);
                    }
                    stack[word] = (stack[word] & !(1 << bit)) | (u64::from(in_object) << bit);
                    depth += 1;
                    deepest = deepest.max(depth);
                    expected =
                        if in_object { Expected::KeyOrClose } else { Expected::ValueOrClose };
                }
                b'}' | b']' => {
                    let may_close = match expected {
                        Expected::CommaOrClose => true,
                        Expected::KeyOrClose => in_object,
                        Expected::ValueOrClose => !in_object,
                        _ => false,
                    };
                    if !may_close || in_object != (byte == b'}') {
                        return None;
                    }
                    depth -= 1;
                    expected = if depth == 0 { Expected::End } else { Expected::CommaOrClose };
                    let above = depth.wrapping_sub(1);
                    in_object =
                        stack.get(above / 64).is_some_and(|word| word >> (above % 64) & 1 == 1);
                }
                b':' if expected == Expected::Colon => expected = Expected::Value,
                b',' if expected == Expected::CommaOrClose => {
                    expected = if in_object { Expected::Key } else { Expected::Value };
                }
                b'"' => {
                    at = string(line, at)?;
                    expected = match expected {
                        Expected::Key | Expected::KeyOrClose => Expected::Colon,
                        Expected::Value | Expected::ValueOrClose if depth == 0 => Expected::End,
                        Expected::Value | Expected::ValueOrClose => Expected::CommaOrClose,
                        _ => return None,
                    };
                }
                _ => {
                    if !matches!(expected, Expected::Value | Expected::ValueOrClose) {
                        return None;
                    }
                    let rest = &line[at - 1..];
                    at = match byte {
                        b't' if rest.starts_with(b"true") => at + 3,
                        b'f' if rest.starts_with(b"false") => at + 4,
                        b'n' if rest.starts_with(b"null") => at + 3,
                        _ => {
                            let number = literal(line, at - 1)?;
                            overflow = match (overflow, number.overflow) {
                                (Overflow::Yes, _) | (_, Overflow::Yes) => Overflow::Yes,
                                (Overflow::Unsure, _) => Overflow::Unsure,
                                (Overflow::No, own) => own,
                            };
                            number.end
                        }
                    };
                    expected = if depth == 0 { Expected::End } else { Expected::CommaOrClose };
                }
            }
        }
        // What a line of millions of brackets took is given back.
        stack.truncate(MOST_DEPTH);
        stack.shrink_to(MOST_DEPTH);
        (expected == Expected::End).then_some(Shape { depth: deepest, overflow })
    }
}

/// It is not certain what the authority says.
struct Unsure;

/// The bytes that end a run of plain text in a string.
static SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        special[byte] = true;
        byte += 1;
    }
    special[b'"' as usize] = true;
    special[b'\\' as usize] = true;
    special
};

/// The byte after the string whose text begins at `at`; None if it is none.
fn string(line: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += line[at..].iter().position(|&byte| SPECIAL[usize::from(byte)])?;
        match (line[at], line.get(at + 1)) {
            (b'"', _) => return Some(at + 1),
            (b'\\', Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't')) => at += 2,
            (b'\\', Some(b'u')) => {
                let unit = unit(line, at + 2)?;
                at += 6;
                match unit {
                    0xdc00..=0xdfff => return None,
                    0xd800..=0xdbff => {
                        let is_pair = line.get(at..at + 2)? == b"\\u"
                            && matches!(self::unit(line, at + 2)?, 0xdc00..=0xdfff);
                        if !is_pair {
                            return None;
                        }
                        at += 6;
                    }
                    _ => {}
                }
            }
            _ => return None,
        }
    }
}

/// Whether a text is a number, a word or a string of JSON, and nothing else.
pub fn is_scalar(text: &[u8]) -> bool {
    match text {
        b"true" | b"false" | b"null" => true,
        [b'"', ..] => string(text, 1) == Some(text.len()),
        _ => literal(text, 0).is_some_and(|literal| literal.end == text.len()),
    }
}

/// The number that four hexadecimal digits make.
fn unit(line: &[u8], at: usize) -> Option<u32> {
    line.get(at..at + 4)?.iter().try_fold(0, |unit, &digit| {
        let digit = char::from(digit).to_digit(16)?;
        Some(unit << 4 | digit)
    })
}

/// The number that begins at `at`; None if there is none.
fn literal(line: &[u8], at: usize) -> Option<Literal> {
    let byte = |at: usize| line.get(at).copied().unwrap_or(b' ');
    let digits_end = |mut at: usize| {
        while byte(at).is_ascii_digit() {
            at += 1;
        }
        at
    };
    let whole = at + usize::from(byte(at) == b'-');
    let whole_end = digits_end(whole);
    if whole_end == whole || (byte(whole) == b'0' && whole_end > whole + 1) {
        return None;
    }
    let mut end = whole_end;
    if byte(end) == b'.' {
        end = digits_end(end + 1);
        if end == whole_end + 1 {
            return None;
        }
    }
    let places = (end - whole_end).saturating_sub(1);
    // The first digit that counts.
    let first = (whole..end).find(|&at| !matches!(byte(at), b'0' | b'.'));
    let significant = match first {
        None => 0,
        Some(first) if first < whole_end => whole_end - first + places,
        Some(first) => end - first,
    };
    let mut exponent = 0_i64;
    let mut exponent_digits = 0;
    if byte(end) | 0x20 == b'e' {
        let sign = byte(end + 1);
        let start = end + 1 + usize::from(matches!(sign, b'+' | b'-'));
        end = digits_end(start);
        if end == start {
            return None;
        }
        let zeros = line[start..end].iter().take_while(|&&digit| digit == b'0').count();
        exponent_digits = end - start - zeros;
        // More of them make it larger than any line is long.
        for &digit in line[start..end].iter().skip(zeros).take(MOST_EXPONENT_DIGITS + 1) {
            exponent = 10 * exponent + i64::from(digit - b'0');
        }
        if sign == b'-' {
            exponent = -exponent;
        }
    }
    let last = exponent - places as i64;
    let is_out_of_range = significant > MOST_DIGITS
        || last.unsigned_abs() > MOST_DIGITS as u64
        || exponent_digits > MOST_EXPONENT_DIGITS;
    // Ten to which power is that of the first digit.
    let overflow = match (first, last + significant as i64 - 1) {
        (None, _) | (_, ..=307) => Overflow::No,
        (_, 309..) => Overflow::Yes,
        (Some(first), _) => {
            let digits = line[first..end].iter().filter(|&&byte| byte != b'.');
            let digits = digits.take_while(|byte| byte.is_ascii_digit()).take(significant);
            // The largest double is 1.797...e308.
            let mut digits = digits.chain(std::iter::repeat(&b'0'));
            let three = (0..3).filter_map(|_| digits.next());
            match three.fold(0, |sum, &digit| 10 * sum + u32::from(digit - b'0')) {
                ..=178 => Overflow::No,
                179 => Overflow::Unsure,
                _ => Overflow::Yes,
            }
        }
    };
    Some(Literal { end, overflow, is_out_of_range })
}

#[cfg(test)]
mod tests;
