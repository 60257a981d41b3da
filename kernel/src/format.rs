//! Times in a form that a user describes in the words of strptime. The common directives are read,
//! each with all the digits it can have; whatever else fits is left to the authority.

use crate::cursor::Cursor;
use crate::exact::Number;
use crate::moment::Offset;
use crate::spelling::{self, Spelled};

/// Digits of a fraction that are read: more are the authority's to judge.
const MOST_DIGITS: usize = 30;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Byte(u8),
    Year,
    /// Two digits: from 69 on of the last century.
    ShortYear,
    Month,
    MonthName,
    Day,
    DayName,
    Hour,
    Minute,
    Second,
    Fraction,
    Offset,
    /// UTC or GMT.
    Utc,
    /// Seconds since the epoch.
    Epoch,
}

/// A form of times.
#[derive(Clone, Debug)]
pub struct Format(Vec<Token>);

impl Format {
    /// None: it has directives that are the authority's to read.
    pub fn new(text: &str) -> Option<Self> {
        let mut tokens = Vec::new();
        let mut bytes = text.bytes();
        while let Some(byte) = bytes.next() {
            if byte != b'%' {
                // Elsewhere, white space matches any, and letters match either case.
                (byte.is_ascii_graphic() || byte == b' ' && !text.contains("  ")).then_some(())?;
                (!matches!(byte, b'"' | b'\\')).then_some(())?;
                tokens.push(Token::Byte(byte));
                continue;
            }
            tokens.extend_from_slice(match bytes.next()? {
                b'Y' => &[Token::Year],
                b'y' => &[Token::ShortYear],
                b'm' => &[Token::Month],
                b'b' | b'h' => &[Token::MonthName],
                b'd' | b'e' => &[Token::Day],
                b'a' => &[Token::DayName],
                b'H' => &[Token::Hour],
                b'M' => &[Token::Minute],
                b'S' => &[Token::Second],
                b'f' => &[Token::Fraction],
                b'z' => &[Token::Offset],
                b'Z' if !text.contains("%z") => &[Token::Utc],
                b's' => &[Token::Epoch],
                b'F' => {
                    &[Token::Year, Token::Byte(b'-'), Token::Month, Token::Byte(b'-'), Token::Day]
                }
                b'T' => &[
                    Token::Hour,
                    Token::Byte(b':'),
                    Token::Minute,
                    Token::Byte(b':'),
                    Token::Second,
                ],
                b'R' => &[Token::Hour, Token::Byte(b':'), Token::Minute],
                b'D' => &[
                    Token::Month,
                    Token::Byte(b'/'),
                    Token::Day,
                    Token::Byte(b'/'),
                    Token::ShortYear,
                ],
                b'%' => &[Token::Byte(b'%')],
                _ => return None,
            });
        }
        Some(Self(tokens))
    }

    /// What is at the beginning of `rest`, a text that ends with a quote or else a number; None: it
    /// is the authority's to say. A time without an offset has that of `unwritten`.
    pub fn read(&self, rest: &[u8], is_text: bool, unwritten: Offset) -> Option<Spelled> {
        let mut cursor = Cursor::new(rest);
        // The authority sees the digits of a number in their shortest form.
        (is_text || cursor.peek(0) != b'-').then_some(())?;
        let (mut year, mut month, mut day) = (0, 0, 0);
        let (mut second, mut nanos, mut offset) = (0, 0, None);
        let mut epoch = None;
        for token in &self.0 {
            match token {
                Token::Byte(byte) => cursor.pass(*byte).then_some(())?,
                Token::Year => year = cursor.number(4)?,
                Token::ShortYear => {
                    year = cursor.number(2)?;
                    year += if year < 69 { 2_000 } else { 1_900 };
                }
                Token::Month => month = cursor.number_to(2, 12)?,
                Token::MonthName => month = spelling::month(cursor.letters()?)?,
                Token::Day => day = cursor.number_to(2, 31)?,
                Token::DayName => spelling::is_weekday(cursor.letters()?).then_some(())?,
                Token::Hour => second += cursor.number_to(2, 23)? * 3_600,
                Token::Minute => second += cursor.number_to(2, 59)? * 60,
                Token::Second => second += cursor.number_to(2, 59)?,
                Token::Fraction => {
                    let start = cursor.at;
                    nanos = cursor.fraction()?;
                    (cursor.at - start <= MOST_DIGITS).then_some(())?;
                }
                Token::Offset if matches!(cursor.peek(0), b'Z' | b'z') => offset = cursor.utc(),
                Token::Offset => {
                    offset = Some(cursor.offset()?);
                    // An offset could have seconds.
                    (!matches!(cursor.peek(0), b':' | b'0'..=b'9')).then_some(())?;
                }
                Token::Utc => {
                    offset = cursor.utc();
                    (offset.is_some() && !cursor.peek(0).is_ascii_alphabetic()).then_some(())?;
                }
                Token::Epoch => {
                    let start = cursor.at;
                    while cursor.peek(0).is_ascii_digit() && cursor.at - start < 12 {
                        cursor.at += 1;
                    }
                    let digits = cursor.at - start;
                    cursor.at = start;
                    // Twelve exceed what is taken for milliseconds.
                    (1..12).contains(&digits).then_some(())?;
                    epoch = Some(cursor.number(digits)?);
                }
            }
        }
        let is_over = match cursor.peek(0) {
            b'"' => is_text,
            b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n' => !is_text,
            _ => false,
        };
        (is_over && cursor.at < rest.len()).then_some(())?;
        if let Some(second) = epoch {
            // In a unit that cannot be taken for another one.
            let mantissa = second.checked_mul(1_000_000_000)?.checked_add(i64::from(nanos))?;
            return Some(Spelled::Epoch(Number { mantissa, scale: 9, integral: false }));
        }
        let start = spelling::day_start(year, month, day)?;
        Some(Spelled::Local((start + second, nanos, offset.unwrap_or(unwritten))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_601_978_525;

    fn read(format: &str, text: &str) -> Option<Spelled> {
        Format::new(format)?.read(format!("{text}\"}}").as_bytes(), true, 77)
    }

    /// The common directives of one time.
    #[test]
    fn directives() {
        for (format, text, offset) in [
            ("%d/%m/%Y %H:%M:%S", "06/10/2020 10:02:05", 77),
            ("%Y%m%d%H%M%S", "20201006100205", 77),
            ("%D %T", "10/06/20 10:02:05", 77),
            ("%a %b %e %T %Z %Y", "Tue Oct 06 10:02:05 UTC 2020", 0),
            ("%FT%T%z", "2020-10-06T10:02:05+0200", 7_200),
            ("%F %T%z", "2020-10-06 10:02:05Z", 0),
            ("%%%S %F %R", "%05 2020-10-06 10:02", 77),
        ] {
            let expected = Spelled::Local((SECOND, 0, offset));
            assert_eq!(read(format, text), Some(expected), "{format} {text}");
        }
        let half = Spelled::Local((SECOND, 500_000_000, 77));
        assert_eq!(read("%F %T.%f", "2020-10-06 10:02:05.5"), Some(half));
        let number = Number { mantissa: SECOND * 1_000_000_000, scale: 9, integral: false };
        assert_eq!(read("%s", "1601978525"), Some(Spelled::Epoch(number)));
        let day = Format::new("%Y%m%d").expect("a format");
        let expected = Some(Spelled::Local((1_601_942_400, 0, 0)));
        assert_eq!(day.read(b"20201006}", false, 0), expected);
        assert_eq!(day.read(b"20201006", false, 0), None);
        assert_eq!(day.read(b"20201006\"", false, 0), None);
        assert_eq!(day.read(b"20201006,", true, 0), None);
    }

    /// What does not fit with all its digits is left to the authority, and so are rare directives.
    #[test]
    fn odd() {
        for (format, text) in [
            ("%d/%m/%Y", "6/10/2020"),
            ("%d/%m/%Y", "10/13/2020"),
            ("%d/%m/%Y", "30/02/2020"),
            ("%d/%m/%Y", "06/10/2020 "),
            ("%d/%m/%YT", "06/10/2020t"),
            ("%d/%m/%Y %H", "06/10/2020  10"),
            ("%d/%m/%Y  %H", "06/10/2020  10"),
            ("%F %Z", "2020-10-06 UTCX"),
            ("%F %Z", "2020-10-06 CET"),
            ("%F %z", "2020-10-06 +02:00:30"),
            ("%F %T", "2020-10-06 10:02:60"),
            ("%Y-%j", "2020-280"),
            ("%F %I %p", "2020-10-06 10 AM"),
            ("%s", "-1"),
            ("%s", "1234567890123"),
            ("%Q", ""),
            ("%", ""),
        ] {
            assert_eq!(read(format, text), None, "{format} {text}");
        }
    }
}
