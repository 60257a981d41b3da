//! Times in forms other than that of RFC 3339: the common ones are read, all others are left to the
//! authority. A form that a user describes is in `format`.

use crate::exact::{Number, POWERS};
use crate::moment::Offset;

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

/// A time as it is written: the second as if it were UTC, nanoseconds, and the offset.
pub type Written = (i64, u32, Offset);

/// What a text says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelled {
    Local(Written),
    /// A number since the epoch.
    Epoch(Number),
}

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

    /// The byte so many behind the next one; behind the block there are only newlines.
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

    /// The seconds in `HH:MM:SS`, or without the colons, or only of hours and minutes.
    fn clock(&mut self) -> Option<(i64, u32)> {
        let hours = self.number_to(2, 23)?;
        let has_colons = self.pass(b':');
        let minutes = self.number_to(2, 59)?;
        let mut clock = (hours * HOUR + minutes * MINUTE, 0);
        if has_colons && self.peek(0) == b':' || !has_colons && self.peek(0).is_ascii_digit() {
            self.at += usize::from(has_colons);
            clock.0 += self.number_to(2, 59)?;
            if matches!(self.peek(0), b'.' | b',') {
                self.at += 1;
                clock.1 = self.fraction()?;
            }
        }
        Some(clock)
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
    fn zone(&mut self) -> Option<Offset> {
        if matches!(self.peek(0), b'+' | b'-') { self.offset() } else { self.utc() }
    }

    /// A day of one or two digits.
    fn day(&mut self) -> Option<i64> {
        let digits = 1 + usize::from(self.peek(1).is_ascii_digit());
        self.number(digits)
    }
}

/// The first second of a day, as if it were UTC. The first and the last year are left to the
/// authority: an offset may lead out of them.
#[inline(always)]
pub fn day_start(year: i64, month: i64, day: i64) -> Option<i64> {
    const BEFORE: [i64; 13] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];
    ((2..=9998).contains(&year) && (1..=12).contains(&month)).then_some(())?;
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let month = month as usize;
    let length = BEFORE[month] - BEFORE[month - 1] + i64::from(is_leap && month == 2);
    (1..=length).contains(&day).then_some(())?;
    let years = year - 1;
    let leap_days = years / 4 - years / 100 + years / 400 + i64::from(is_leap && month > 2);
    let days = years * 365 + leap_days + BEFORE[month - 1] + day - 1;
    // From the first day of the year 1.
    Some((days - 719_162) * DAY)
}

#[inline(always)]
pub fn month(name: [u8; 3]) -> Option<i64> {
    Some(match &name {
        b"jan" => 1,
        b"feb" => 2,
        b"mar" => 3,
        b"apr" => 4,
        b"may" => 5,
        b"jun" => 6,
        b"jul" => 7,
        b"aug" => 8,
        b"sep" => 9,
        b"oct" => 10,
        b"nov" => 11,
        b"dec" => 12,
        _ => return None,
    })
}

pub fn is_weekday(name: [u8; 3]) -> bool {
    matches!(&name, b"mon" | b"tue" | b"wed" | b"thu" | b"fri" | b"sat" | b"sun")
}

/// What the text at the beginning of `rest` says, which ends with a quote; None: it is the
/// authority's to say. A time without an offset has that of `unwritten`.
pub fn read(rest: &[u8], unwritten: Offset) -> Option<Spelled> {
    let mut cursor = Cursor::new(rest);
    let is_bracketed = cursor.pass(b'[');
    let written = match cursor.peek(0) {
        b'0'..=b'9' if is_mark(cursor.peek(1)) || is_mark(cursor.peek(2)) => {
            day_first(&mut cursor)?
        }
        b'0'..=b'9' if matches!(cursor.peek(4), b'-' | b'/' | b'.') => iso(&mut cursor)?,
        b'0'..=b'9' if matches!(cursor.peek(8), b'T' | b't' | b' ') => iso(&mut cursor)?,
        b'0'..=b'9' | b'-' | b'+' if !is_bracketed => return number(cursor).map(Spelled::Epoch),
        _ => named_first(&mut cursor)?,
    };
    (!is_bracketed || cursor.pass(b']')).then_some(())?;
    let (second, nanos, offset) = written;
    let offset = offset.unwrap_or(unwritten);
    (cursor.peek(0) == b'"').then_some(Spelled::Local((second, nanos, offset)))
}

/// What follows the seconds of a time in ISO 8601 up to the closing quote, if it is odd: ` UTC`,
/// `+0200`, ` +0000 UTC`.
#[inline(never)]
pub fn odd_zone(rest: &[u8]) -> Option<Offset> {
    let mut cursor = Cursor::new(rest);
    let offset = iso_zone(&mut cursor)?;
    (cursor.peek(0) == b'"').then_some(offset)
}

fn iso_zone(cursor: &mut Cursor) -> Option<Offset> {
    cursor.pass(b' ');
    let is_named = !matches!(cursor.peek(0), b'+' | b'-');
    let offset = cursor.zone()?;
    // As Go writes UTC.
    if !is_named && offset == 0 && cursor.pass(b' ') {
        (&cursor.letters()? == b"utc").then_some(())?;
    }
    Some(offset)
}

fn is_mark(byte: u8) -> bool {
    matches!(byte, b' ' | b'/' | b'-')
}

type Parts = (i64, u32, Option<Offset>);

/// `20201006T100205Z`, `2020/10/06 10:02:05`, `2020-10-06T10:02Z`.
fn iso(cursor: &mut Cursor) -> Option<Parts> {
    let year = cursor.number(4)?;
    let mark = cursor.peek(0);
    let is_apart = !mark.is_ascii_digit();
    cursor.at += usize::from(is_apart);
    let month = cursor.number(2)?;
    (!is_apart || cursor.pass(mark)).then_some(())?;
    let start = day_start(year, month, cursor.number(2)?)?;
    match cursor.peek(0) {
        b'T' | b't' => {}
        b' ' if cursor.peek(3) == b':' => {}
        _ => return None,
    }
    cursor.at += 1;
    let (second, nanos) = cursor.clock()?;
    let offset = match cursor.peek(0) {
        b'"' | b']' => None,
        _ => Some(iso_zone(cursor)?),
    };
    Some((start + second, nanos, offset))
}

/// `06/Oct/2020:10:02:05 +0200`, `06 Oct 2020 10:02:05 GMT`.
fn day_first(cursor: &mut Cursor) -> Option<Parts> {
    let day = cursor.day()?;
    let mark = cursor.peek(0);
    matches!(mark, b' ' | b'/' | b'-').then_some(())?;
    cursor.at += 1;
    let month = month(cursor.letters()?)?;
    cursor.pass(mark).then_some(())?;
    let start = day_start(cursor.number(4)?, month, day)?;
    (cursor.pass(b':') || cursor.pass(b' ')).then_some(())?;
    let (second, nanos) = spoken_clock(cursor)?;
    Some((start + second, nanos, spoken_zone(cursor)?))
}

/// `Tue, 06 Oct 2020 10:02:05 GMT`, `Tue Oct  6 10:02:05 2020`, `Oct 6 2020 10:02:05`.
fn named_first(cursor: &mut Cursor) -> Option<Parts> {
    let mut name = cursor.letters()?;
    if is_weekday(name) {
        cursor.pass(b',');
        cursor.pass(b' ').then_some(())?;
        if cursor.peek(0).is_ascii_digit() {
            return day_first(cursor);
        }
        name = cursor.letters()?;
    }
    let month = month(name)?;
    cursor.pass(b' ').then_some(())?;
    cursor.pass(b' ');
    let day = cursor.day()?;
    cursor.pass(b' ').then_some(())?;
    if cursor.peek(2) != b':' {
        let start = day_start(cursor.number(4)?, month, day)?;
        cursor.pass(b' ').then_some(())?;
        let (second, nanos) = spoken_clock(cursor)?;
        return Some((start + second, nanos, spoken_zone(cursor)?));
    }
    let (second, nanos) = spoken_clock(cursor)?;
    cursor.pass(b' ').then_some(())?;
    let mut offset = None;
    if !cursor.peek(0).is_ascii_digit() {
        offset = Some(cursor.zone()?);
        cursor.pass(b' ').then_some(())?;
    }
    Some((day_start(cursor.number(4)?, month, day)? + second, nanos, offset))
}

/// A clock that has colons.
fn spoken_clock(cursor: &mut Cursor) -> Option<(i64, u32)> {
    (cursor.peek(2) == b':').then_some(())?;
    cursor.clock()
}

fn spoken_zone(cursor: &mut Cursor) -> Option<Option<Offset>> {
    if !cursor.pass(b' ') {
        return Some(None);
    }
    cursor.zone().map(Some)
}

/// A number that is a text. Digits that could be a date are the authority's to judge.
fn number(mut cursor: Cursor) -> Option<Number> {
    let has_sign = matches!(cursor.peek(0), b'-' | b'+');
    let is_negative = cursor.peek(0) == b'-';
    cursor.at += usize::from(has_sign);
    let start = cursor.at;
    (cursor.peek(0) != b'0' || !cursor.peek(1).is_ascii_digit()).then_some(())?;
    let mut mantissa = 0_i64;
    let mut digits = |cursor: &mut Cursor| {
        let start = cursor.at;
        while cursor.peek(0).is_ascii_digit() {
            let digit = i64::from(cursor.peek(0) - b'0');
            mantissa = mantissa.checked_mul(10)?.checked_add(digit)?;
            cursor.at += 1;
        }
        Some(cursor.at - start).filter(|&digits| digits > 0)
    };
    let whole = digits(&mut cursor)?;
    let mut scale = 0;
    if cursor.pass(b'.') {
        scale = digits(&mut cursor)? as u8;
    }
    (cursor.peek(0) == b'"').then_some(())?;
    let is_date = matches!(whole, 4 | 6 | 8 | 12 | 14 | 17)
        && matches!(cursor.bytes[start..start + 2], [b'1', b'9'] | [b'2', b'0']);
    (!is_date || scale > 0 || has_sign).then_some(())?;
    let mantissa = if is_negative { -mantissa } else { mantissa };
    Some(Number { mantissa, scale, integral: scale == 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moment::LOCAL;

    const SECOND: i64 = 1_601_978_525;

    fn spelled(text: &str) -> Option<Spelled> {
        read(format!("{text}\"}}\n").as_bytes(), LOCAL)
    }

    /// The common forms of one time, each with its offset.
    #[test]
    fn forms() {
        for (text, offset) in [
            ("20201006T100205Z", 0),
            ("20201006t100205z", 0),
            ("20201006T100205", LOCAL),
            ("20201006T100205+0200", 7_200),
            ("20201006 10:02:05", LOCAL),
            ("2020/10/06 10:02:05", LOCAL),
            ("2020.10.06 10:02:05 UTC", 0),
            ("[2020-10-06 10:02:05 -0330]", -12_600),
            ("2020-10-06 10:02:05 +0000 UTC", 0),
            ("06/Oct/2020:10:02:05 +0200", 7_200),
            ("[06/Oct/2020:10:02:05 -0700]", -25_200),
            ("06/oct/2020 10:02:05", LOCAL),
            ("6 Oct 2020 10:02:05 +02:00", 7_200),
            ("06-Oct-2020 10:02:05 GMT", 0),
            ("Tue, 06 Oct 2020 10:02:05 GMT", 0),
            ("Tue, 6 Oct 2020 10:02:05 +0200", 7_200),
            ("Tue Oct  6 10:02:05 2020", LOCAL),
            ("Tue Oct 06 10:02:05 2020", LOCAL),
            ("Oct 6 10:02:05 UTC 2020", 0),
            ("Tue Oct 06 10:02:05 +0000 2020", 0),
            ("Oct 06 2020 10:02:05", LOCAL),
        ] {
            assert_eq!(spelled(text), Some(Spelled::Local((SECOND, 0, offset))), "{text}");
        }
        let half = Some(Spelled::Local((SECOND, 500_000_000, 0)));
        assert_eq!(spelled("20201006T100205,5Z"), half);
        assert_eq!(spelled("06/Oct/2020:10:02:05.500 Z"), half);
        let minute = Some(Spelled::Local((SECOND - 5, 0, 0)));
        assert_eq!(spelled("2020-10-06T10:02Z"), minute);
        assert_eq!(spelled("20201006T1002Z"), minute);
        for (text, mantissa, scale) in [
            ("1601978525", SECOND, 0),
            ("+1601978525", SECOND, 0),
            ("-1601978525", -SECOND, 0),
            ("1601978525.50", SECOND * 100 + 50, 2),
            ("0", 0, 0),
            ("20201006.5", 202_010_065, 1),
        ] {
            let number = Number { mantissa, scale, integral: scale == 0 };
            assert_eq!(spelled(text), Some(Spelled::Epoch(number)), "{text}");
        }
    }

    /// What is odd, or could be something else, is left to the authority.
    #[test]
    fn odd_forms() {
        for text in [
            "",
            "[",
            "2020",
            "202010",
            "20201006",
            "202010061002",
            "20201006100205",
            "19991231235959999",
            "007",
            "1.",
            ".5",
            "1e9",
            "--1",
            "99999999999999999999",
            "06/10/2020 10:02:05",
            "06/Oct/2020:10:02:05 CET",
            "06/Oct/2020:10:02:05 +0200x",
            "06/Oct/2020:10:02:05 +2400",
            "06/Oct-2020:10:02:05 +0200",
            "06/Okt/2020:10:02:05 +0200",
            "31/Feb/2020:10:02:05 +0200",
            "06/Oct/2020:100205",
            "[06/Oct/2020:10:02:05 +0200",
            "06/Oct/2020:10:02:05 +0200]",
            "Tuesday, 06-Oct-20 10:02:05 GMT",
            "Tue 10:02:05",
            "Oct  6 10:02:05",
            "2020-10-06",
            "2020-10/06 10:02:05",
            "2020-10-06 1002",
            "20201006T10:0205",
            "20201006T100260Z",
            "20201006T100205.Z",
            "00010101T000000Z",
            "2020-10-06T10:02:05Z[UTC]",
            "2020-10-06 10:02:05 +0200 UTC",
            "2020-10-06 10:02:05 +0200 CEST",
            "2020-10-06 10:02:05  UTC",
            "\\u0030",
        ] {
            assert_eq!(spelled(text), None, "{text}");
        }
    }

    /// A text may be cut off anywhere by the end of a block.
    #[test]
    fn cut_off() {
        for text in ["Tue, 06 Oct 2020 10:02:05 +0200\"", "20201006T100205.5Z\"", "1601978525.5\""]
        {
            assert!(read(text.as_bytes(), 0).is_some());
            for end in 0..text.len() {
                assert_eq!(read(&text.as_bytes()[..end], 0), None, "{}", &text[..end]);
            }
        }
    }
}
