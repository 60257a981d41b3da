use super::*;
use crate::text::behind_colon;
use crate::wide::Portable;

/// Where the values under "type" and "value" begin.
fn found(text: &str) -> Option<(usize, usize)> {
    let keys = [Key::new("type"), Key::new("value")];
    let line = line(Portable, text.as_bytes(), 0, &keys);
    assert_eq!(line.end, text.find('\n').unwrap_or(text.len()));
    let tops = line.tops.ok().filter(|tops| tops[0] != NOWHERE && tops[1] != NOWHERE)?;
    assert!(tops[2..].iter().all(|&top| top == NOWHERE));
    Some((behind_colon(text.as_bytes(), tops[0]), behind_colon(text.as_bytes(), tops[1])))
}

/// The places are those of the last type and value of the outermost object.
#[test]
fn places() {
    assert_eq!(found("{\"type\":\"a\",\"value\":1}"), Some((8, 20)));
    assert_eq!(found("{\"value\" : 1 ,\"type\"\t: \"a\"}\n{"), Some((23, 11)));
    assert_eq!(found("{\"type\":1,\"type\":\"a\",\"value\":1}"), Some((17, 29)));
    assert_eq!(found("{\"type\":\"a\",\"value\":1,\"x\":{\"value\":2}}"), Some((8, 20)));
    assert_eq!(found("{\"t\\u0079pe\":\"a\",\"value\":1}"), Some((13, 25)));
    assert_eq!(found("{\"type\":\"a\",\"values\":1}"), None);
    assert_eq!(found("{\"type\":\"a\",\"value\":1"), None);
}

/// A number is whole, or has no length, or its length is not said as it might overflow a double.
#[test]
fn numbers() {
    for (text, length) in [("0,", 1), ("-12.5e+3]", 8), ("1e200", 5), ("1", 1), ("1x", 1)] {
        assert_eq!(number_length(text.as_bytes()), Some(length), "{text}");
    }
    for text in ["", "-", "01", "1.", ".5", "1e", "1e+", "+1"] {
        assert_eq!(number_length(text.as_bytes()), Some(0), "{text}");
    }
    for text in ["1e201", "1e99999999999999999999"] {
        assert_eq!(number_length(text.as_bytes()), None, "{text}");
    }
    assert_eq!(number_length("1".repeat(300).as_bytes()), Some(300));
    assert_eq!(number_length("1".repeat(301).as_bytes()), None);
    assert_eq!(number_length(format!("{}e200", "1".repeat(101)).as_bytes()), None);
}

/// A line that is no JSON is distinguished from one that is not looked at to its end.
#[test]
fn refusals() {
    let refusal = |text: &[u8]| line(Portable, text, 0, &[]).tops.expect_err("not valid");
    let deep = |closed: usize| format!("{{\"a\":{}{}", "[".repeat(128), "]".repeat(closed));
    for text in ["{", "{\"", "{\"a\":1", "{\"a\":1}}", "{\"a\":01}", "{\"é\":\"\u{1}\"}", "{]"] {
        assert_eq!(refusal(text.as_bytes()), Refusal::NoJson, "{text}");
    }
    for text in ["{\"a\":1e999}", "{\"a\":1e999", &deep(0), &format!("{}}}", deep(128))] {
        assert_eq!(refusal(text.as_bytes()), Refusal::Unsure, "{text}");
    }
    for text in [b"{\"\xff\":1}", b"{\"a\":\"\xff"] {
        assert_eq!(refusal(text), Refusal::Unsure, "{}", text.escape_ascii());
    }
}
