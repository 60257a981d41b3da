use super::*;
use crate::wide::Portable;

const LINE: &str = "{\"type\":\"page_view\",\"value\":1,\"n\":10,\"occurred_at\":\"2020-10-06\"}\n";

const ABSENT: Number = Number { mantissa: 7, scale: 0, integral: true };

/// Learns a line and reads another. What fits once it was learned must fit, too, when it was
/// learned again and any plain text fits.
fn read(known: &str, line: &str) -> Option<Number> {
    let strict = read_learned(known, line, 1);
    let loose = read_learned(known, line, 2);
    assert!(strict.is_none() || strict == loose);
    loose
}

fn read_learned(known: &str, line: &str, times: usize) -> Option<Number> {
    let mut templates = Templates::new(ABSENT);
    let at = |part: &str| known.find(part).expect("the part") + part.len();
    let type_at = at("\"type\":\"");
    let type_text = (type_at, type_at + known[type_at..].find('"').expect("a quote"));
    let end = known.len() - 1;
    let value_at = match known.find("\"value\":") {
        Some(_) => at("\"value\":") + usize::from(known.contains("\"value\":\"")),
        None => NOWHERE,
    };
    let time_at = known.find("2020-10-06").unwrap_or(NOWHERE);
    let event = Event { start: 0, end, type_text, value_at, time_at };
    for _ in 0..times {
        templates.learn(known.as_bytes(), event, Some(7));
    }
    let rest = CHUNK + AROUND;
    let block = format!("{:CHUNK$}{line}{:rest$}", "", "");
    let lines = templates.look_ahead(Portable, block.as_bytes(), CHUNK);
    assert_eq!(lines, Some(0..1));
    let fit = templates.read::<_, true, true>(Portable, block.as_bytes(), CHUNK, 0)?;
    assert_eq!((fit.place, fit.end), (Some(7), CHUNK + line.find('\n').expect("a line")));
    if let Some(at) = line.find("2020-10-06") {
        assert_eq!(fit.time_at, CHUNK + at);
    }
    Some(fit.value)
}

/// What may differ without harm fits, and nothing else.
#[test]
fn same_and_other_lines() {
    let number = |mantissa, scale| Some(Number { mantissa, scale, integral: scale == 0 });
    assert_eq!(read(LINE, LINE), number(1, 0));
    let with = |from: &str, to: &str| LINE.replacen(from, to, 1);
    for (line, value) in [
        (with(":1,", ":-12345678.25,"), number(-1_234_567_825, 2)),
        (with(":1,", ":19.99,"), number(1_999, 2)),
        (with("10,", "90,"), number(1, 0)),
        (with("2020-10-06", "any: [{},]"), number(1, 0)),
    ] {
        assert_eq!(read(LINE, &line), value, "{line}");
    }
    for (from, to) in [
        (":1,", ":,"),
        (":1,", ":01,"),
        (":1,", ":1.,"),
        (":1,", ":1e2,"),
        (":1,", ":1 ,"),
        ("10,", "01,"),
        ("10,", "1e,"),
        ("10,", "100,"),
        ("view", "News"),
        ("value", "VALUE"),
        ("2020-10-06", "2020-10-0\""),
        ("2020-10-06", "2020-10-0\\"),
        ("2020-10-06", "2020-10-0\t"),
        ("2020-10-06", "2020-10-é"),
        ("2020-10-06", "2020-10-067"),
        ("}", "]"),
        ("}", "} "),
    ] {
        assert_eq!(read(LINE, &with(from, to)), None, "{from} {to}");
    }
}

/// A text that was met once may differ where its bytes stay on the same side of quote and backslash.
#[test]
fn text_met_once() {
    for (text, fits) in [("1999-12-31", true), ("####[@Z~Z9", false), ("2020-10-0~", false)] {
        let line = LINE.replace("2020-10-06", text);
        assert_eq!(read_learned(LINE, &line, 1).is_some(), fits, "{text}");
        assert!(read_learned(LINE, &line, 2).is_some());
    }
}

/// Lines are looked at ahead up to an end of the block, whatever their length, and are left and taken
/// up again at any of them.
#[test]
fn lines_ahead() {
    let mut templates = Templates::new(ABSENT);
    let lengths = [0, 1, 63, 64, 65, 127, 128, 500, 5_000, 3, 3, 3, 3, 70, 70];
    let mut block = " ".repeat(CHUNK);
    for length in lengths.repeat(9) {
        block += &"x".repeat(length);
        block.push('\n');
    }
    let ends: Vec<_> = block.match_indices('\n').map(|(end, _)| end).collect();
    for stop in 1..LINES + 2 {
        templates.leave_block();
        let (mut at, mut met) = (CHUNK, 0);
        while let Some(lines) = templates.look_ahead(Portable, block.as_bytes(), at) {
            let is_long = lines.is_empty();
            let next = lines.end.min(lines.start + stop);
            for line in lines.start..next {
                assert_eq!(templates.ahead.ends[line], ends[met]);
                at = ends[met] + 1;
                met += 1;
            }
            templates.pass(next, at, is_long || next < lines.end);
            if is_long || next < lines.end {
                assert!(!is_long || ends[met] - at >= LINES * LONGEST - CHUNK);
                at = ends[met] + 1;
                met += 1;
            }
        }
        assert!(block.len() - at < CHUNK + AROUND + LONGEST, "{stop}");
    }
}

/// A value may be in quotes, and then must; a line without one has the value that replaces it.
#[test]
fn quoted_and_absent_values() {
    let quoted = "{\"type\":\"a\",\"value\":\"5\",\"x\":\"2020-10-06\"}\n";
    let number = |mantissa, scale| Some(Number { mantissa, scale, integral: scale == 0 });
    assert_eq!(read(quoted, &quoted.replace("\"5\"", "\"-19.99\"")), number(-1_999, 2));
    for wrong in ["5", "\"\"", "\"5 \"", "\"05\"", "\"\\u0035\"", "\"5"] {
        assert_eq!(read(quoted, &quoted.replace("\"5\"", wrong)), None, "{wrong}");
    }
    for filler in [0, 1, 20, 38, 39, 40, 41, 60, 80] {
        let line = format!("{{\"type\":\"a\",\"x\":\"{}\",\"y\":10}}\n", "x".repeat(filler));
        let value = (line.len() < 128).then_some(ABSENT);
        assert_eq!(read(&line, &line.replace("10", "55")), value, "{filler}");
        for (from, to) in [("\"a\"", "\"b\""), ("10", "1"), ("10", "100"), ("\"y\"", "\"z\"")] {
            assert_eq!(read(&line, &line.replace(from, to)), None, "{filler} {to}");
        }
    }
    let late = format!("{{\"x\":\"{}\",\"type\":\"a\"}}\n", "x".repeat(70));
    assert_eq!(read(&late, &late.replace("xx", "yy")), Some(ABSENT));
    assert_eq!(read(&late, &late.replace("\"a\"", "\"b\"")), None);
}

/// Type and value may be in any order.
#[test]
fn type_behind_value() {
    let line = "{\"value\":5,\"x\":\"2020-10-06\",\"type\":\"a\"}\n";
    let other = line.replace("5", "123.5").replace("2020", "1999");
    let value = Some(Number { mantissa: 1_235, scale: 1, integral: false });
    assert_eq!(read(line, &other), value);
    assert_eq!(read(line, &line.replace("\"a\"", "\"b\"")), None);
}

/// Where few lines fit, templates rest, and longer each time.
#[test]
fn backoff() {
    let mut templates = Templates::new(ABSENT);
    let mut tries = 0;
    for _ in 0..100_000 {
        if templates.are_open() {
            templates.miss();
            tries += 1;
        }
    }
    assert!(tries < 300);
}
