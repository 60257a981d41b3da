use super::*;

fn reason(judge: &mut Judge, line: &[u8]) -> Option<Reason> {
    let ways = |key: &str| vec![vec![key.to_owned()]];
    judge.reason(&Paths::new(&ways("type"), &ways("value"), &ways("at")), line)
}

/// Each reason is found, the first of several, and none where the line may be an event.
#[test]
fn reasons() {
    let deep = |depth: usize| {
        format!("{{\"type\":\"a\",\"value\":1,\"x\":{}{}}}", "[".repeat(depth), "]".repeat(depth))
    };
    let (fine, too_deep) = (deep(1023), deep(1024));
    let cases: [(&[u8], Option<Reason>); 37] = [
        (b"{\"type\":\"a\xff", Some(Reason::InvalidUtf8)),
        (b"", Some(Reason::InvalidJson)),
        (b"x", Some(Reason::InvalidJson)),
        (b"{\"type\":\"a\"", Some(Reason::InvalidJson)),
        (b"{\"a\":1,}", Some(Reason::InvalidJson)),
        (b"[1,]", Some(Reason::InvalidJson)),
        (b"[1}", Some(Reason::InvalidJson)),
        (b"{\"a\"}", Some(Reason::InvalidJson)),
        (b"{} {}", Some(Reason::InvalidJson)),
        (b"[01]", Some(Reason::InvalidJson)),
        (b"[1.]", Some(Reason::InvalidJson)),
        (b"[1e]", Some(Reason::InvalidJson)),
        (b"[\"\\ud83d\"]", None),
        (b"[\"\\ude00\"]", None),
        (b"[\"\\ud83d\\u0041\"]", None),
        (b"[\"\\x\"]", Some(Reason::InvalidJson)),
        (b"[\"\t\"]", Some(Reason::InvalidJson)),
        (b"\"\\ud83d\\ude00\"", Some(Reason::NotAnObject)),
        (b"\"text\"", Some(Reason::NotAnObject)),
        (b" [1e999, true, false, null, -0.5E+1] ", Some(Reason::NotAnObject)),
        (b"{\"x\":1e999}", Some(Reason::MissingType)),
        (b"{\"type\":1e999}", Some(Reason::BadType)),
        (b"{\"type\":\"a\",\"x\":[1e999]}", Some(Reason::MissingValue)),
        (b"{\"type\":\"a\",\"value\":[1e999]}", Some(Reason::BadValue)),
        (b"{\"type\":\"a\",\"value\":\"1\"}", Some(Reason::BadValue)),
        (b"{\"type\":\"a\",\"value\":1e999}", Some(Reason::NumberOutOfRange)),
        (b"{\"type\":\"a\",\"value\":1,\"x\":1e309}", Some(Reason::NumberOutOfRange)),
        (b"{\"type\":\"a\",\"value\":0e401}", Some(Reason::NumberOutOfRange)),
        (b"{\"type\":\"a\",\"value\":1e-401}", Some(Reason::NumberOutOfRange)),
        (b"{\"type\":\"a\",\"value\":1}", Some(Reason::MissingTime)),
        (b"{\"type\":\"a\",\"value\":1,\"at\":null}", Some(Reason::BadTime)),
        (b"{\"type\":\"a\",\"value\":1,\"at\":\"today\"}", Some(Reason::BadTime)),
        (b"{\"type\":\"a\",\"value\":1,\"at\":\"today 1\"}", None),
        (b"{\"type\":\"a\",\"value\":1.0e400,\"at\":1}", Some(Reason::NumberOutOfRange)),
        (b"{\"type\":\"a\",\"value\":1.798e308,\"at\":1}", None),
        (fine.as_bytes(), Some(Reason::MissingTime)),
        (too_deep.as_bytes(), Some(Reason::TooDeep)),
    ];
    let mut judge = Judge::new(false, false, false, Some(false));
    for (line, expected) in cases {
        let shown = line.escape_ascii().to_string();
        assert_eq!(reason(&mut judge, line), expected, "{}", &shown[..shown.len().min(80)]);
    }
}

/// What a query allows is no reason.
#[test]
fn queries() {
    let mut judge = Judge::new(false, false, false, Some(false)).with_form(true);
    assert_eq!(reason(&mut judge, b"{\"type\":\"a\",\"value\":1,\"at\":\"May\"}"), None);
    let mut judge = Judge::new(true, true, true, Some(true));
    assert_eq!(reason(&mut judge, b"{\"type\":\"a\"}"), None);
    let value = |text: &str| format!("{{\"type\":\"a\",\"value\":\"{text}\"}}");
    for (text, expected) in [
        ("1.5", None),
        ("\\u0031", None),
        ("1 ", Some(Reason::BadValue)),
        ("", Some(Reason::BadValue)),
        ("\\u0031e999", Some(Reason::NumberOutOfRange)),
    ] {
        assert_eq!(reason(&mut judge, value(text).as_bytes()), expected, "{text}");
    }
    for torn in [&b"{\"a\xff"[..], b" [", b"\0{"] {
        assert_eq!(reason(&mut judge, torn), None);
    }
    assert_eq!(reason(&mut judge, b"text"), Some(Reason::InvalidJson));
}

/// Whether a number overflows a double is known, up to what rounding decides.
#[test]
fn overflows() {
    let mut digits = vec![b'0'; 400];
    for place in 0..400 {
        for first in [17, 18] {
            let mut text = digits.clone();
            text[place] = b'0' + first / 10;
            if let Some(next) = text.get_mut(place + 1) {
                *next = b'0' + first % 10;
            }
            let text = [b"0.", &text[..], b"e0000000600"].concat();
            let value: f64 = str::from_utf8(&text).expect("ASCII").parse().expect("a number");
            let expected = if value.is_infinite() { Overflow::Yes } else { Overflow::No };
            assert_eq!(literal(&text, 0).expect("a number").overflow, expected);
        }
    }
    digits[0] = b'1';
    for (length, overflow) in [(308, Overflow::No), (309, Overflow::No), (310, Overflow::Yes)] {
        assert_eq!(literal(&digits[..length], 0).expect("a number").overflow, overflow);
    }
    for (text, overflow) in [
        ("0e99999999999999999999999", Overflow::No),
        ("1e-99999999999999999999999", Overflow::No),
        ("-1e+99999999999999999999999", Overflow::Yes),
        ("1.79e308", Overflow::Unsure),
    ] {
        assert_eq!(literal(text.as_bytes(), 0).expect("a number").overflow, overflow, "{text}");
    }
}
