//! The parts of a time, one after the other: numbers, names, a clock, an offset.

use crate::exact::POWERS;
use crate::moment::Offset;

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;

/// Reads from a text that ends with a quote, or from a number that ends where JSON says.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a> {
    pub bytes: &'a [u8],
    pub at: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The byte so many after the next one; after the block there are only newlines.
    #[inline(always)]
    pub fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(b'\n')
    }

    /// Passes a byte, if it is the next one.
    #[inline(always)]
    pub fn pass(&mut self, byte: u8) -> bool {
        let is_next = self.peek(0) == byte;
        self.at += usize::from(is_next);
        is_next
    }

    /// A number of exactly so many digits.
    #[inline(always)]
    pub fn number(&mut self, digits: usize) -> Option<i64> {
        let mut number = 0;
        for byte in self.bytes.get(self.at..self.at + digits)? {
            byte.is_ascii_digit().then_some(())?;
            number = number * 10 + i64::from(byte - b'0');
        }
        self.at += digits;
        Some(number)
    }

    /// The same, if it is at most so large.
    #[inline(always)]
    pub fn number_to(&mut self, digits: usize, most: i64) -> Option<i64> {
        self.number(digits).filter(|&number| number <= most)
    }

    /// Nanoseconds of any number of digits, at least one; what is smaller is cut.
    #[inline(always)]
    pub fn fraction(&mut self) -> Option<u32> {
        let start = self.at;
        let mut nanos = 0;
        while self.peek(0).is_ascii_digit() {
            if self.at < start + 9 {
                nanos = nanos * 10 + u32::from(self.peek(0) - b'0');
            }
            self.at += 1;
        }
        let digits = self.at - start;
        (digits > 0).then(|| nanos * POWERS[9_usize.saturating_sub(digits)] as u32)
    }

    /// Three letters in lower case.
    #[inline(always)]
    pub fn letters(&mut self) -> Option<[u8; 3]> {
        let name = [self.peek(0) | 0x20, self.peek(1) | 0x20, self.peek(2) | 0x20];
        name.iter().all(u8::is_ascii_lowercase).then_some(())?;
        self.at += 3;
        Some(name)
    }

    /// The seconds in `HH:MM:SS` or `HH:MM`, also without the colons.
    #[inline(always)]
    pub fn clock(&mut self) -> Option<(i64, u32)> {
        if self.peek(2) != b':' {
            return self.compact_clock();
        }
        let hours = self.number_to(2, 23)?;
        if let Some(word) = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk)
            && let Some(second) = minute_and_second(u64::from_le_bytes(*word))
        {
            self.at += 6;
            return Some((hours * HOUR + second, self.fraction_of_second()?));
        }
        self.at += 1;
        let mut clock = (hours * HOUR + self.number_to(2, 59)? * MINUTE, 0);
        if self.pass(b':') {
            clock.0 += self.number_to(2, 59)?;
            clock.1 = self.fraction_of_second()?;
        }
        Some(clock)
    }

    fn compact_clock(&mut self) -> Option<(i64, u32)> {
        if !self.peek(4).is_ascii_digit() {
            let clock = self.number(4)?;
            let (hours, minutes) = (clock / 100, clock % 100);
            return (hours < 24 && minutes < 60).then_some((hours * HOUR + minutes * MINUTE, 0));
        }
        let clock = self.number(6)?;
        let (hours, minutes, seconds) = (clock / 10_000, clock / 100 % 100, clock % 100);
        (hours < 24 && minutes < 60 && seconds < 60).then_some(())?;
        let nanos = self.fraction_of_second()?;
        Some((hours * HOUR + minutes * MINUTE + seconds, nanos))
    }

    #[inline(always)]
    fn fraction_of_second(&mut self) -> Option<u32> {
        if matches!(self.peek(0), b'.' | b',') {
            self.at += 1;
            return self.fraction();
        }
        Some(0)
    }

    /// `+02:00`, `+0200` or `+02`.
    #[inline(always)]
    pub fn offset(&mut self) -> Option<Offset> {
        let is_behind = match self.peek(0) {
            b'+' => false,
            b'-' => true,
            _ => return None,
        };
        self.at += 1;
        let mut offset = self.number_to(2, 23)? * HOUR;
        let has_colon = self.pass(b':');
        if has_colon || self.peek(0).is_ascii_digit() {
            offset += self.number_to(2, 59)? * MINUTE;
        }
        Some(if is_behind { -offset } else { offset } as Offset)
    }

    /// `UTC`, `GMT` or `Z`.
    #[inline(always)]
    pub fn utc(&mut self) -> Option<Offset> {
        if matches!(self.peek(0), b'Z' | b'z') {
            self.at += 1;
            return Some(0);
        }
        matches!(&self.letters()?, b"utc" | b"gmt").then_some(0)
    }

    /// An offset or a name of UTC.
    pub fn zone(&mut self) -> Option<Offset> {
        if matches!(self.peek(0), b'+' | b'-') { self.offset() } else { self.utc() }
    }

    /// A day of one or two digits.
    pub fn day(&mut self) -> Option<i64> {
        let digits = 1 + usize::from(self.peek(1).is_ascii_digit());
        self.number(digits)
    }
}

/// The seconds in `:MM:SS`, the first six bytes of a word.
#[inline(always)]
pub fn minute_and_second(word: u64) -> Option<i64> {
    const ZERO: u64 = 0x3030_3a30_303a;
    const MOST: u64 = 0x0905_0009_0500;
    const LOW: u64 = 0x7f7f_7f7f_7f7f;
    const HIGH: u64 = 0x8080_8080_8080;
    let values = (word & (LOW | HIGH)) ^ ZERO;
    // The high bit of every byte that is larger than it may be.
    let above = ((values & LOW) + (LOW - MOST)) | values;
    let digit = |at: u32| (values >> (8 * at)) as i64 & 0xff;
    let second = (digit(1) * 10 + digit(2)) * MINUTE + digit(4) * 10 + digit(5);
    (above & HIGH == 0).then_some(second)
}
