//! Times in forms other than that of RFC 3339: the common ones are read, all others are left to the
//! authority. A form that a user describes is in `format`.

use crate::cursor::Cursor;
use crate::exact::Number;
use crate::moment::Offset;

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

/// The text before the clock of a time that was read, mostly that of the next one, too: in a log
/// that is in order, a date is parsed once a day.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    words: [u64; 3],
    bits: [u64; 3],
    head: Head,
}

/// The text before a clock.
#[derive(Clone, Copy, Debug)]
struct Head {
    length: usize,
    /// The first second of the date.
    start: i64,
    is_iso: bool,
    is_bracketed: bool,
}

const KNOWN: usize = 24;

impl Known {
    /// The beginning of no text.
    pub fn none() -> Self {
        let head = Head { length: 0, start: 0, is_iso: false, is_bracketed: false };
        Self { words: [u64::MAX; 3], bits: [u64::MAX; 3], head }
    }

    fn new(text: &[u8; KNOWN], head: Head) -> Option<Self> {
        let mut bits = [0; KNOWN];
        bits.get_mut(..head.length)?.fill(u8::MAX);
        let (words, bits) = (words(text), words(&bits));
        Some(Self { words: [0, 1, 2].map(|at| words[at] & bits[at]), bits, head })
    }

    #[inline(always)]
    fn head(&self, text: &[u8; KNOWN]) -> Option<Head> {
        let words = words(text);
        let differs = |at: usize| words[at] & self.bits[at] ^ self.words[at];
        (differs(0) | differs(1) | differs(2) == 0).then_some(self.head)
    }
}

#[inline(always)]
fn words(bytes: &[u8; KNOWN]) -> [u64; 3] {
    let mut words = [0; 3];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    words
}

/// What the text at the beginning of `rest` says, which ends with a quote; None: it is the
/// authority's to say. A time without an offset has that of `unwritten`.
pub fn read(rest: &[u8], unwritten: Offset, known: &mut Known) -> Option<Spelled> {
    let text = rest.first_chunk();
    let mut cursor = Cursor::new(rest);
    if let Some(head) = text.and_then(|text| known.head(text)) {
        cursor.at = head.length;
        return of_clock(cursor, head, unwritten).map(Spelled::Local);
    }
    let is_bracketed = cursor.pass(b'[');
    let date = match cursor.peek(0) {
        b'0'..=b'9' if is_mark(cursor.peek(1)) || is_mark(cursor.peek(2)) => {
            day_first(&mut cursor).map(Some)
        }
        b'0'..=b'9' if is_year(&cursor, 4, b"-/.") || is_year(&cursor, 8, b"Tt ") => {
            iso(&mut cursor).map(Some)
        }
        b'0'..=b'9' | b'-' | b'+' if !is_bracketed => return number(cursor).map(Spelled::Epoch),
        _ => named_first(&mut cursor),
    }?;
    let Some((start, is_iso)) = date else {
        let (second, nanos, offset) = year_last(&mut cursor)?;
        let is_over = (!is_bracketed || cursor.pass(b']')) && cursor.peek(0) == b'"';
        let written = (second, nanos, offset.unwrap_or(unwritten));
        return is_over.then_some(Spelled::Local(written));
    };
    let head = Head { length: cursor.at, start, is_iso, is_bracketed };
    let written = of_clock(cursor, head, unwritten)?;
    if let Some(new) = text.and_then(|text| Known::new(text, head)) {
        *known = new;
    }
    Some(Spelled::Local(written))
}

/// Reads what is after the date, up to the quote.
#[inline(always)]
fn of_clock(mut cursor: Cursor, head: Head, unwritten: Offset) -> Option<Written> {
    (head.is_iso || cursor.peek(2) == b':').then_some(())?;
    let (second, nanos) = cursor.clock()?;
    let offset = match cursor.peek(0) {
        b'"' | b']' => unwritten,
        _ if head.is_iso => iso_zone(&mut cursor)?,
        b' ' => {
            cursor.at += 1;
            cursor.zone()?
        }
        _ => return None,
    };
    (!head.is_bracketed || cursor.pass(b']')).then_some(())?;
    (cursor.peek(0) == b'"').then_some((head.start + second, nanos, offset))
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

/// Whether so many digits come first, and one of these after them.
fn is_year(cursor: &Cursor, digits: usize, behind: &[u8]) -> bool {
    behind.contains(&cursor.peek(digits)) && cursor.peek(digits - 1).is_ascii_digit()
}

/// The first second of a date, and whether it is as ISO 8601 has it; the clock follows.
type Date = (i64, bool);

/// The date of `20201006T100205Z`, `2020/10/06 10:02:05`, `2020-10-06T10:02Z`.
fn iso(cursor: &mut Cursor) -> Option<Date> {
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
    Some((start, true))
}

/// The date of `06/Oct/2020:10:02:05 +0200`, `06 Oct 2020 10:02:05 GMT`.
fn day_first(cursor: &mut Cursor) -> Option<Date> {
    let day = cursor.day()?;
    let mark = cursor.peek(0);
    is_mark(mark).then_some(())?;
    cursor.at += 1;
    let month = month(cursor.letters()?)?;
    cursor.pass(mark).then_some(())?;
    let start = day_start(cursor.number(4)?, month, day)?;
    (cursor.pass(b':') || cursor.pass(b' ')).then_some((start, false))
}

/// The date of `Tue, 06 Oct 2020 10:02:05 GMT` and `Oct 6 2020 10:02:05`; nothing where the year is
/// last, and the cursor before the month.
fn named_first(cursor: &mut Cursor) -> Option<Option<Date>> {
    let mut ahead = *cursor;
    if is_weekday(ahead.letters()?) {
        ahead.pass(b',');
        ahead.pass(b' ').then_some(())?;
        *cursor = ahead;
        if cursor.peek(0).is_ascii_digit() {
            return day_first(cursor).map(Some);
        }
    }
    ahead = *cursor;
    let (month, day) = month_and_day(&mut ahead)?;
    if ahead.peek(2) == b':' {
        return Some(None);
    }
    let start = day_start(ahead.number(4)?, month, day)?;
    ahead.pass(b' ').then_some(())?;
    *cursor = ahead;
    Some(Some((start, false)))
}

/// `Oct  6 `.
fn month_and_day(cursor: &mut Cursor) -> Option<(i64, i64)> {
    let month = month(cursor.letters()?)?;
    cursor.pass(b' ').then_some(())?;
    cursor.pass(b' ');
    let day = cursor.day()?;
    cursor.pass(b' ').then_some((month, day))
}

/// `Oct  6 10:02:05 2020`, `Oct  6 10:02:05 UTC 2020`.
fn year_last(cursor: &mut Cursor) -> Option<(i64, u32, Option<Offset>)> {
    let (month, day) = month_and_day(cursor)?;
    let (second, nanos) = cursor.clock()?;
    cursor.pass(b' ').then_some(())?;
    let mut offset = None;
    if !cursor.peek(0).is_ascii_digit() {
        offset = Some(cursor.zone()?);
        cursor.pass(b' ').then_some(())?;
    }
    Some((day_start(cursor.number(4)?, month, day)? + second, nanos, offset))
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
        let mut known = Known::none();
        let texts = ["", "behind it, there may be much more in the same line"].map(|more| {
            let text = format!("{text}\"{more}}}\n");
            // New, and with a date that is known.
            [0; 2].map(|_| read(text.as_bytes(), LOCAL, &mut known))
        });
        let [found, ..] = texts[0];
        assert_eq!(texts, [[found; 2]; 2], "{text}");
        found
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
            let mut known = Known::none();
            assert!(read(text.as_bytes(), 0, &mut known).is_some());
            for end in 0..text.len() {
                assert_eq!(read(&text.as_bytes()[..end], 0, &mut known), None, "{}", &text[..end]);
            }
        }
    }
}
