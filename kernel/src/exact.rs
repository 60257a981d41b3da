//! Numbers as they are written: an integer and a scale, never a float.
//!
//! Reads the literals that are common in logs, adds nothing up (see `summary`), and prints exact
//! sums. A literal that is too long for it is refused, which makes the caller hand the line back;
//! it does not say what such a literal means.

use crate::wide::{CHUNK, NUMERAL, Wide};
use std::cmp::Ordering;
use std::fmt::Write;

/// The most digits a mantissa may have, so that sums of many fit an `i128`.
const MOST_DIGITS: usize = 36;
/// The most digits after the point.
pub const MOST_SCALE: u8 = 60;
/// The largest exponent that is written out.
const MOST_EXPONENT: i32 = 100;

/// Powers of ten that fit an `i64`.
pub const POWERS: [i64; 19] = {
    let mut powers = [1; 19];
    let mut at = 1;
    while at < 19 {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

/// A value: `mantissa` divided by ten to the power of `scale`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exact {
    pub mantissa: i128,
    pub scale: u8,
    /// Written without point and without exponent.
    pub integral: bool,
}

const EVERY: u64 = 0x0101_0101_0101_0101;

/// Eight digit values, first in the lowest byte, as one number.
#[inline(always)]
fn eight_digits(values: u64) -> u64 {
    let pairs = values.wrapping_mul(10).wrapping_add(values >> 8);
    let low = (pairs & 0x0000_00ff_0000_00ff).wrapping_mul(0x000f_4240_0000_0064);
    let high = ((pairs >> 16) & 0x0000_00ff_0000_00ff).wrapping_mul(0x0000_2710_0000_0001);
    low.wrapping_add(high) >> 32
}

/// A value whose mantissa fits 64 bits, as most do: plain registers, with nothing to take apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    pub mantissa: i64,
    pub scale: u8,
    pub integral: bool,
}

impl From<Number> for Exact {
    fn from(number: Number) -> Self {
        let Number { mantissa, scale, integral } = number;
        Self { mantissa: i128::from(mantissa), scale, integral }
    }
}

/// Reads the number at `at` and gives its length, if it is short: no exponent, at most 18 digits.
///
/// The number is valid as far as it goes; what follows it is the caller's to look at. None stands
/// for "not a number" as well as for "not a short one".
#[inline(always)]
pub fn read<W: Wide>(wide: W, block: &[u8], at: usize) -> Option<(Number, usize)> {
    let eight = block.get(at..)?.first_chunk::<8>()?;
    match read_short(u64::from_le_bytes(*eight)) {
        Some(found) => Some(found),
        None => read_middle(wide, block, at),
    }
}

/// Reads a number of up to seven bytes, without a branch on its shape; None for all others.
#[inline(always)]
fn read_short(text: u64) -> Option<(Number, usize)> {
    let sign = u32::from(text & 0xff == u64::from(b'-'));
    let word = text >> (8 * sign);
    let values = word ^ (0x30 * EVERY);
    // The high bit of every byte that is no digit.
    let others = (((values & (0x7f * EVERY)) + 0x76 * EVERY) | values) & (0x80 * EVERY);
    let whole = others.trailing_zeros() / 8;
    let after = (others & others.wrapping_sub(1)).trailing_zeros() / 8;
    // The masks below keep the shifts in range where the number turns out not to be short.
    let point = u32::from((word >> ((8 * whole) & 63)) & 0xff == u64::from(b'.'));
    let end = whole + (after - whole) * point;
    let next = (word >> ((8 * end) & 63)) & 0xff;
    let scale = end.wrapping_sub(whole + point);
    let digits = end.wrapping_sub(point);
    // A minus sign moved a zero into the last byte, which would end a number wrongly.
    let is_long = end + sign >= 8;
    let is_empty = (whole == 0) | ((point == 1) & (scale == 0));
    let is_padded = (values & 0xff == 0) & (whole > 1);
    let has_exponent = next | 0x20 == u64::from(b'e');
    if is_long | is_empty | is_padded | has_exponent {
        return None;
    }
    let below = (1_u64 << ((8 * whole) & 63)) - 1;
    let joined = (values & below) | ((values >> (8 * point)) & !below);
    // The digits move to the top; zeros, which count nothing, fill up below.
    let number = eight_digits(joined << (64_u32.wrapping_sub(8 * digits) & 63)) as i64;
    let minus = -i64::from(sign);
    let mantissa = (number ^ minus) - minus;
    let found = Number { mantissa, scale: scale as u8, integral: point == 0 };
    Some((found, (end + sign) as usize))
}

/// What is known of a numeral by its width and by how many bytes there are from its point on.
#[derive(Clone, Copy)]
struct Shape {
    /// The least number its digits may make: with several digits before the point, the first is not zero.
    /// That of a shape no number has is larger than any.
    least: u64,
    scale: u8,
    integral: bool,
}

static SHAPES: [[Shape; NUMERAL + 1]; NUMERAL + 1] = {
    let mut shapes =
        [[Shape { least: u64::MAX, scale: 0, integral: false }; NUMERAL + 1]; NUMERAL + 1];
    let mut width = 1;
    while width <= NUMERAL {
        let mut behind = 0;
        while behind < width {
            if behind != 1 {
                let scale = if behind == 0 { 0 } else { behind - 1 };
                let whole = width - behind;
                let least = if whole == 1 { 0 } else { POWERS[whole - 1 + scale] as u64 };
                shapes[width][behind] = Shape { least, scale: scale as u8, integral: behind == 0 };
            }
            behind += 1;
        }
        width += 1;
    }
    shapes
};

/// Reads the number that fills `width` bytes from `at` on, and nothing less, where that is known
/// beforehand. None as for `read`. `text` are the bytes of the block before its end.
#[inline(always)]
pub fn read_whole<W: Wide>(
    wide: W,
    text: &[u8; NUMERAL],
    width: usize,
    block: &[u8],
    at: usize,
) -> Option<Number> {
    if let Some(number) = read_numeral(wide, text, width) {
        return Some(number);
    }
    let (number, length) = read_middle(wide, block, at)?;
    (length == width).then_some(number)
}

/// Reads the number that fills the last `width` bytes of `text`, and nothing less, if it is as short
/// as that and has no sign.
#[inline(always)]
fn read_numeral<W: Wide>(wide: W, text: &[u8; NUMERAL], width: usize) -> Option<Number> {
    let shapes = SHAPES.get(width)?;
    let (digits, behind) = wide.numeral(text, width)?;
    let Shape { least, scale, integral } = shapes[behind];
    // Sixteen digits fit.
    (digits >= least).then_some(Number { mantissa: digits as i64, scale, integral })
}

/// Reads a number of up to 18 digits without an exponent.
#[inline(always)]
fn read_middle<W: Wide>(wide: W, block: &[u8], at: usize) -> Option<(Number, usize)> {
    let bytes: &[u8; CHUNK] = block.get(at..)?.first_chunk()?;
    let sign = u32::from(bytes[0] == b'-');
    let others = !wide.digit(wide.load(bytes)) >> sign;
    let whole = others.trailing_zeros();
    let after = (others & others.wrapping_sub(1)).trailing_zeros();
    if whole > 18 {
        return None;
    }
    let start = at + sign as usize;
    let point = u32::from(block[start + whole as usize] == b'.');
    let end = whole + (after - whole) * point;
    let scale = end.wrapping_sub(whole + point);
    if whole + scale > 18 {
        return None;
    }
    let is_empty = (whole == 0) | ((point == 1) & (scale == 0));
    let is_padded = (block[start] == b'0') & (whole > 1);
    let has_exponent = block[start + end as usize] | 0x20 == b'e';
    if is_empty | is_padded | has_exponent {
        return None;
    }
    let whole_end = start + whole as usize;
    let end = start + end as usize;
    let high = digits_before(block, whole_end, whole)?;
    let low = digits_before(block, end, scale)?;
    // Below ten to the power of 18.
    let number = (high * POWERS[scale as usize] as u64 + low) as i64;
    let minus = -i64::from(sign);
    let mantissa = (number ^ minus) - minus;
    let found = Number { mantissa, scale: scale as u8, integral: point == 0 };
    Some((found, end - at))
}

/// Reads a number of any length this file knows: gives it in registers if it is short, else leaves
/// it in `long`. Second, its length in bytes. None as for `read_long`.
#[inline(always)]
pub fn read_any<W: Wide>(
    wide: W,
    block: &[u8],
    at: usize,
    long: &mut Exact,
) -> Option<(Option<Number>, usize)> {
    if let Some((number, length)) = read(wide, block, at) {
        return Some((Some(number), length));
    }
    let (exact, length) = match read_wide(wide, block, at) {
        Some(found) => found,
        None => read_long(&block[at..])?,
    };
    *long = exact;
    Some((None, length))
}

/// Reads a number of up to 36 digits without an exponent.
#[inline(always)]
fn read_wide<W: Wide>(wide: W, block: &[u8], at: usize) -> Option<(Exact, usize)> {
    let bytes: &[u8; CHUNK] = block.get(at..)?.first_chunk()?;
    let sign = usize::from(bytes[0] == b'-');
    let others = !wide.digit(wide.load(bytes)) >> sign;
    let start = at + sign;
    let whole = others.trailing_zeros() as usize;
    if whole == 0 || whole > MOST_DIGITS || (block[start] == b'0' && whole > 1) {
        return None;
    }
    let mut end = whole;
    let mut scale = 0;
    if block[start + whole] == b'.' {
        end = (others & (others - 1)).trailing_zeros() as usize;
        scale = end - whole - 1;
        if scale == 0 || whole + scale > MOST_DIGITS {
            return None;
        }
    }
    if block[start + end] | 0x20 == b'e' {
        return None;
    }
    let part = |end: usize, count: usize| {
        let low = digits_before(block, end, count.min(18) as u32)?;
        let high = digits_before(block, end.checked_sub(18)?, count.saturating_sub(18) as u32)?;
        Some(u128::from(high) * POWERS[18] as u128 + u128::from(low))
    };
    let mut mantissa = part(start + whole, whole)?;
    if scale > 0 {
        let power = POWERS[scale.min(18)] as u128 * POWERS[scale.saturating_sub(18)] as u128;
        mantissa = mantissa * power + part(start + end, scale)?;
    }
    // Below ten to the power of 36.
    let mantissa = mantissa as i128;
    let mantissa = if sign == 1 { -mantissa } else { mantissa };
    Some((Exact { mantissa, scale: scale as u8, integral: end == whole }, sign + end))
}

/// The number made of the `count` digits before `end`, at most 18.
#[inline(always)]
fn digits_before(block: &[u8], end: usize, count: u32) -> Option<u64> {
    let bytes: &[u8; 24] = block.get(end.checked_sub(24)?..)?.first_chunk()?;
    // No closure: one that is not inlined is compiled without the instructions of the level.
    let mut number = 0;
    for (from, eight) in (0..24).step_by(8).zip(bytes.as_chunks::<8>().0) {
        // How many of the eight bytes are not among the digits.
        let without = (24 - from as u32).saturating_sub(count).min(8);
        let values = u64::from_le_bytes(*eight) ^ (0x30 * EVERY);
        let keep = u64::MAX.checked_shl(8 * without).unwrap_or(0);
        number = number * 100_000_000 + eight_digits(values & keep);
    }
    Some(number)
}

/// Reads any number this file knows, byte by byte, at the start of `text`, and gives its length.
#[inline(never)]
pub fn read_long(text: &[u8]) -> Option<(Exact, usize)> {
    let byte = |at: usize| text.get(at).copied().unwrap_or(b'\n');
    let negative = byte(0) == b'-';
    let mut at = usize::from(negative);
    let mut mantissa = 0_u128;
    let mut significant = 0;
    let mut take = |digits: &mut usize, at: &mut usize| {
        while byte(*at).is_ascii_digit() {
            let value = byte(*at) - b'0';
            if significant > 0 || value > 0 {
                significant += 1;
            }
            if significant > MOST_DIGITS {
                return false;
            }
            mantissa = mantissa * 10 + u128::from(value);
            *at += 1;
            *digits += 1;
        }
        true
    };
    let first = byte(at);
    let mut whole = 0;
    if !take(&mut whole, &mut at) || whole == 0 || (first == b'0' && whole > 1) {
        return None;
    }
    let mut integral = true;
    let mut scale = 0;
    if byte(at) == b'.' {
        integral = false;
        at += 1;
        if !take(&mut scale, &mut at) || scale == 0 {
            return None;
        }
    }
    let mut exponent = 0_i32;
    if byte(at) | 0x20 == b'e' {
        integral = false;
        at += 1;
        let down = byte(at) == b'-';
        at += usize::from(down || byte(at) == b'+');
        let from = at;
        while byte(at).is_ascii_digit() {
            exponent = exponent * 10 + i32::from(byte(at) - b'0');
            if exponent > MOST_EXPONENT {
                return None;
            }
            at += 1;
        }
        if at == from {
            return None;
        }
        if down {
            exponent = -exponent;
        }
    }
    let mut scale = i32::try_from(scale).ok()? - exponent;
    if scale < 0 {
        mantissa = mantissa.checked_mul(10_u128.checked_pow(scale.unsigned_abs())?)?;
        scale = 0;
    }
    if scale > i32::from(MOST_SCALE) || mantissa >= 10_u128.pow(MOST_DIGITS as u32) {
        return None;
    }
    let mantissa = mantissa as i128;
    let exact = Exact {
        mantissa: if negative { -mantissa } else { mantissa },
        scale: scale as u8,
        integral,
    };
    Some((exact, at))
}

/// A number of any size for the end of a run: decimal digits, lowest first, and a sign.
///
/// Slow and plain; used once for each type whose values did not fit the narrow state.
#[derive(Clone, Debug)]
pub struct Plain {
    negative: bool,
    digits: Vec<u8>,
    scale: usize,
}

impl Plain {
    pub fn new(mantissa: i128, scale: u8) -> Self {
        let mut digits: Vec<u8> = mantissa.unsigned_abs().to_string().into_bytes();
        digits.reverse();
        digits.iter_mut().for_each(|digit| *digit -= b'0');
        Self { negative: mantissa < 0, ..Self::of_digits(digits, usize::from(scale)) }
    }

    /// A number that is not negative, of the values of its digits, lowest first.
    pub fn of_digits(digits: Vec<u8>, scale: usize) -> Self {
        Self { negative: false, digits, scale }
    }

    /// The digits at a larger scale, without zeros at the top.
    fn digits_at(&self, scale: usize) -> Vec<u8> {
        let mut digits = vec![0; scale - self.scale];
        digits.extend(&self.digits);
        while digits.last() == Some(&0) {
            digits.pop();
        }
        digits
    }

    fn compare_digits(left: &[u8], right: &[u8]) -> Ordering {
        left.len().cmp(&right.len()).then_with(|| left.iter().rev().cmp(right.iter().rev()))
    }

    pub fn compare(&self, other: &Self) -> Ordering {
        let scale = self.scale.max(other.scale);
        let (left, right) = (self.digits_at(scale), other.digits_at(scale));
        match (self.negative && !left.is_empty(), other.negative && !right.is_empty()) {
            (false, false) => Self::compare_digits(&left, &right),
            (true, true) => Self::compare_digits(&right, &left),
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
        }
    }

    pub fn add(&self, other: &Self) -> Self {
        let scale = self.scale.max(other.scale);
        let (left, right) = (self.digits_at(scale), other.digits_at(scale));
        let is_left_larger = Self::compare_digits(&left, &right) == Ordering::Greater;
        let (large, small) = if is_left_larger { (&left, &right) } else { (&right, &left) };
        let negative = if is_left_larger { self.negative } else { other.negative };
        let subtract = self.negative != other.negative;
        let mut digits = Vec::with_capacity(large.len() + 1);
        let mut carry = 0_i8;
        for (at, &large) in large.iter().enumerate() {
            let digit = small.get(at).copied().unwrap_or(0) as i8;
            let sum = large as i8 + carry + if subtract { -digit } else { digit };
            digits.push(sum.rem_euclid(10) as u8);
            carry = sum.div_euclid(10);
        }
        digits.push(carry as u8);
        Self { negative, digits, scale }
    }

    /// Plain decimal text.
    pub fn text(&self) -> String {
        let mut digits = self.digits_at(self.scale);
        let is_zero = digits.is_empty();
        while digits.len() <= self.scale {
            digits.push(0);
        }
        let mut text = String::with_capacity(digits.len() + 2);
        if self.negative && !is_zero {
            text.push('-');
        }
        for (at, digit) in digits.iter().enumerate().rev() {
            text.push(char::from(b'0' + digit));
            if at == self.scale && at > 0 {
                text.push('.');
            }
        }
        text
    }
}

/// Appends the plain decimal text of a mantissa and a scale.
pub fn write(mantissa: i128, scale: u8, text: &mut String) {
    let (Ok(short), Some(&power)) = (i64::try_from(mantissa), POWERS.get(usize::from(scale)))
    else {
        text.push_str(&Plain::new(mantissa, scale).text());
        return;
    };
    if short < 0 {
        text.push('-');
    }
    let (short, power) = (short.unsigned_abs(), power as u64);
    write!(text, "{}", short / power).expect("a String takes all text");
    if scale > 0 {
        write!(text, ".{:0width$}", short % power, width = usize::from(scale))
            .expect("a String takes all text");
    }
}

#[cfg(test)]
mod tests;
