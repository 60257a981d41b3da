use super::*;
use crate::wide::Portable;

/// `read_any` at its most portable.
fn any(block: &[u8], at: usize) -> Option<(Exact, usize)> {
    let mut long = exact(0, 0, true);
    let (short, length) = read_any(Portable, block, at, &mut long)?;
    Some((short.map_or(long, Exact::from), length))
}

fn exact(mantissa: i128, scale: u8, integral: bool) -> Exact {
    Exact { mantissa, scale, integral }
}

/// A literal is read as written, whatever follows it, near and far from the end.
#[test]
fn literals() {
    let table: &[(&str, Option<Exact>)] = &[
        ("0", Some(exact(0, 0, true))),
        ("-0", Some(exact(0, 0, true))),
        ("-0.0", Some(exact(0, 1, false))),
        ("1", Some(exact(1, 0, true))),
        ("-1", Some(exact(-1, 0, true))),
        ("650", Some(exact(650, 0, true))),
        ("1234567", Some(exact(1_234_567, 0, true))),
        ("12345678", Some(exact(12_345_678, 0, true))),
        ("-1234567", Some(exact(-1_234_567, 0, true))),
        ("-123456", Some(exact(-123_456, 0, true))),
        ("19.99", Some(exact(1_999, 2, false))),
        ("-19.99", Some(exact(-1_999, 2, false))),
        ("0.05", Some(exact(5, 2, false))),
        ("12345.6", Some(exact(123_456, 1, false))),
        ("123456.7", Some(exact(1_234_567, 1, false))),
        ("1234567.8", Some(exact(12_345_678, 1, false))),
        ("1e2", Some(exact(100, 0, false))),
        ("1E+2", Some(exact(100, 0, false))),
        ("1.5e-3", Some(exact(15, 4, false))),
        ("1.5e1", Some(exact(15, 0, false))),
        ("0e0", Some(exact(0, 0, false))),
        ("12345678901234567890", Some(exact(12_345_678_901_234_567_890, 0, true))),
        ("-0.12345678901234567890", Some(exact(-12_345_678_901_234_567_890, 20, false))),
        (
            "123456789012345678901234567890123456",
            Some(exact(123_456_789_012_345_678_901_234_567_890_123_456, 0, true)),
        ),
        ("1234567890123456789012345678901234567", None),
        ("1e36", None),
        ("1e35", Some(exact(10_i128.pow(35), 0, false))),
        ("1e-60", Some(exact(1, 60, false))),
        ("1e-61", None),
        ("0e100", None),
        ("1e999999999999", None),
        ("01", None),
        ("-01", None),
        ("00", None),
        ("00.5", None),
        ("-", None),
        ("", None),
        (".5", None),
        ("5.", None),
        ("-.5", None),
        ("1e", None),
        ("1e+", None),
        ("1.e5", None),
        ("+1", None),
        ("true", None),
        ("NaN", None),
        ("\"5\"", None),
    ];
    for (literal, meaning) in table {
        for behind in
            ["", ",", "}", "\n", ",\"occurred_at\":1", " ,123456789", "\r\n", "}12345678901234567"]
        {
            let text = format!("{literal}{behind}");
            let expected = meaning.map(|exact| (exact, literal.len()));
            assert_eq!(read_long(text.as_bytes()), expected, "{text}");
            let block = format!("{:24}{text}{:64}", "", "");
            assert_eq!(any(block.as_bytes(), 24), expected, "{text}");
        }
    }
}

/// The short ways agree with the long one, and answer for all numbers that are short.
#[test]
fn short_agrees_with_long() {
    let mut seed = 7_u64;
    for round in 0..300_000 {
        let mut block = [b' '; 128];
        for byte in &mut block[24..56] {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let random = (seed >> 40) as usize;
            *byte = match round % 2 {
                0 => b"0123456789012345-..e,}"[random % 22],
                _ => b"01234567890123456789012345678901234567890123456789.,"[random % 52],
            };
        }
        let shown = block[24..].escape_ascii().to_string();
        let long = read_long(&block[24..]);
        assert_eq!(any(&block, 24), long, "{shown}");
        for end in 24..44 {
            let expected = read(Portable, &block, 24).filter(|(_, length)| 24 + length == end);
            let text: &[u8; NUMERAL] = block[end - NUMERAL..].first_chunk().expect("enough");
            let numeral = read_numeral(Portable, text, end - 24);
            let whole = read_whole(Portable, text, end - 24, &block, 24);
            // They may be given less than there is, and then need not look past it.
            if expected.is_some() {
                let expected = expected.map(|(number, _)| number);
                assert_eq!(whole, expected, "{shown} {end}");
                let is_short = end - 24 <= NUMERAL && block[24] != b'-';
                assert_eq!(numeral, expected.filter(|_| is_short), "{shown} {end}");
            }
            for number in [whole, numeral].into_iter().flatten() {
                let mut cut = block;
                cut[end..].fill(b' ');
                assert_eq!(read_long(&cut[24..]), Some((number.into(), end - 24)), "{shown}");
            }
        }
        if let Some((_, length)) = long
            && read(Portable, &block, 24).is_none()
        {
            let literal = &block[24..24 + length];
            let digits = literal.iter().filter(|byte| byte.is_ascii_digit()).count();
            assert!(digits > 18 || literal.contains(&b'e'), "{shown}");
        }
    }
}

/// Sums, order and text of numbers of any size are those of decimal arithmetic.
#[test]
fn plain_arithmetic() {
    let sum = |left: (i128, u8), right: (i128, u8)| {
        Plain::new(left.0, left.1).add(&Plain::new(right.0, right.1)).text()
    };
    assert_eq!(sum((1, 1), (9, 1)), "1.0");
    assert_eq!(sum((5, 2), (-1, 1)), "-0.05");
    assert_eq!(sum((-5, 2), (5, 2)), "0.00");
    assert_eq!(sum((i128::MAX, 0), (i128::MAX, 0)), "340282366920938463463374607431768211454");
    assert_eq!(sum((999, 0), (1, 3)), "999.001");
    assert_eq!(sum((1000, 0), (-1, 3)), "999.999");
    let text = |mantissa, scale| {
        let mut text = String::new();
        write(mantissa, scale, &mut text);
        text
    };
    assert_eq!(text(-5, 2), "-0.05");
    assert_eq!(text(1250, 2), "12.50");
    assert_eq!(text(0, 3), "0.000");
    let numbers = [(-2, 0), (-15, 1), (-1, 9), (0, 4), (1, 9), (149, 2), (15, 1), (2, 0)];
    for (at, left) in numbers.iter().enumerate() {
        for (other, right) in numbers.iter().enumerate() {
            let order = Plain::new(left.0, left.1).compare(&Plain::new(right.0, right.1));
            assert_eq!(order, at.cmp(&other));
        }
    }
}
