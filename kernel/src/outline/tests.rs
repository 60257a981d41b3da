use super::window::CHUNKS;
use super::*;
use crate::parse::{self, Key};
use crate::text;
use crate::wide::Portable;

const ABSENT: Number = Number { mantissa: 7, scale: 0, integral: true };
const LINE: &str = concat!(
    r#"{"id":"2489651045","type":"push","n":[10,-0.25],"actor":{"id":665991,"login":"x y","#,
    r#""is new":true},"value":19.99,"created_at":"2015-01-01T15:00:00Z"}"#,
    "\n"
);

/// The event that a line is, by `parse`, if it begins at `start` of a block.
fn event(block: &[u8], start: usize) -> Option<Event> {
    let keys = [Key::new("type"), Key::new("value"), Key::new("created_at")];
    let line = parse::line(Portable, block, start, &keys);
    let end = line.end;
    let [type_at, value_at, time_at, ..] = line.tops.ok()?;
    let at = |top| if top == NOWHERE { top } else { text::behind_colon(block, top) };
    let type_at = at(type_at) + 1;
    Some(Event {
        start,
        end,
        type_text: (type_at, text::string_end(block, type_at)),
        value_at: at(value_at),
        time_at: if time_at == NOWHERE { time_at } else { at(time_at) + 1 },
    })
}

/// Reads lines one after the other, learns those that are not known, and says which were.
fn read_all(outlines: &mut Outlines, lines: &[String]) -> Vec<bool> {
    let block = lines.concat() + &" ".repeat(CHUNK);
    let block = block.as_bytes();
    let mut long = Exact { mantissa: 0, scale: 0, integral: true };
    let mut at = 0;
    outlines.leave_block();
    let known = lines.iter().map(|line| {
        let found = outlines.read(Portable, block, at, &mut long);
        let event = event(block, at);
        let is_known = found.is_some();
        if let Some(found) = found {
            let event = event.expect("only valid lines are read");
            assert_eq!(found.event, event, "{line}");
            let value = if event.value_at == NOWHERE {
                ABSENT.into()
            } else {
                exact::read_long(&block[event.value_at..]).expect("a number").0
            };
            assert_eq!(found.value.map_or(long, Exact::from), value, "{line}");
        } else if let Some(event) = event {
            outlines.learn(Portable, block, event);
        }
        at += line.len();
        is_known
    });
    known.collect()
}

fn is_read(known: &str, line: &str) -> bool {
    is_read_by(&mut Outlines::new(ABSENT), known, line)
}

fn is_read_by(outlines: &mut Outlines, known: &str, line: &str) -> bool {
    let lines = [known, line, known].map(str::to_owned);
    let found = read_all(outlines, &lines);
    assert!(!found[0] && found[2], "{line}");
    found[1]
}

/// A line with other text and other digits is read; one that is made of other tokens, or with which
/// something might be wrong, is not.
#[test]
fn same_and_other_outlines() {
    let long = "é\\n\\u00e9 \\\"{:[".repeat(40);
    for (from, to) in [
        ("push", ""),
        ("push", long.as_str()),
        ("2489651045", "\\\\"),
        ("665991", "0"),
        ("665991", "123456789012345678901234567890"),
        ("19.99", "0.5"),
        ("19.99", "1234567890123.00005"),
        ("-0.25", "-10.05"),
        ("2015-01-01T15:00:00Z", ""),
        ("x y", "\u{1f600}"),
    ] {
        assert!(LINE.contains(from));
        assert!(is_read(LINE, &LINE.replacen(from, to, 1)), "{from} {to}");
    }
    for (from, to) in [
        ("665991", "012"),
        ("665991", "-1"),
        ("665991", "1."),
        ("665991", "1e5"),
        ("665991", &"1".repeat(200)),
        ("665991", ""),
        ("19.99", "00.5"),
        ("19.99", "1.9.9"),
        ("19.99", ".99"),
        ("19.99", "-19.99"),
        ("true", "false"),
        ("true", "tr1ue"),
        ("x y", "x\ty"),
        ("x y", "\\x"),
        ("x y", "\\ud800"),
        ("x y", "x\"y"),
        ("is new", "is old"),
        (":true", ": true"),
        ("}", ""),
    ] {
        assert!(LINE.contains(from));
        assert!(!is_read(LINE, &LINE.replacen(from, to, 1)), "{from} {to}");
    }
}

/// Whether a number is one does not depend on where it is in a chunk.
#[test]
fn numbers() {
    for length in 0..140 {
        let text = "x".repeat(length);
        let line = LINE.replacen("push", &text, 1);
        for number in
            ["0", "7", "10", "0.5", "10.05", "1.50", "-0", "00", "01", "0.", ".5", "1.", "1.5.5"]
                .into_iter()
                .chain([
                    "1..5",
                    "01.5",
                    "-",
                    "-.5",
                    "--1",
                    "1-",
                    "123456789.123456789",
                    "12345.678.9",
                ])
        {
            let changed = line.replacen("665991", number, 1);
            // The sign is a part of the outline.
            let known = if number.starts_with('-') {
                line.replacen("665991", "-665991", 1)
            } else {
                line.clone()
            };
            let is_valid = event(changed.as_bytes(), 0).is_some();
            let mut joined = Outlines { is_joined: true, ..Outlines::new(ABSENT) };
            assert_eq!(is_read_by(&mut joined, &known, &changed), is_valid, "{length} {number}");
            let known =
                if number.contains('.') { known.replacen("665991", "6659.91", 1) } else { known };
            assert_eq!(is_read(&known, &changed), is_valid, "{length} {number}");
        }
    }
}

/// A line that is far shorter than the one that was learned is read right, too, whatever the last chunks of
/// the window before held.
#[test]
fn far_shorter() {
    let line = |before: usize, behind: usize| {
        let (before, behind) = ("x".repeat(before), "x".repeat(behind));
        let fields = format!(",\"before\":\"{before}\",\"value\":19.99,\"behind\":\"{behind}\"");
        LINE.replacen(",\"value\":19.99", &fields, 1)
    };
    for length in CHUNKS * CHUNK - 500..CHUNKS * CHUNK {
        let lines = [line(3_000, 2_000), line(length, 0), line(0, 0)];
        let found = read_all(&mut Outlines::new(ABSENT), &lines);
        assert!(!found[0] && found[2], "{length}");
    }
}

/// Lines with a space after each colon are read, too, once one of them was met.
#[test]
fn spaced() {
    let line = LINE.replace(':', ": ").replace(',', ", ");
    let other = line.replace("push", "x").replace("665991", "1");
    let lines = [&line, &line, &other, &line, &other].map(String::clone);
    let found = read_all(&mut Outlines::new(ABSENT), &lines);
    assert_eq!(found, [false, false, true, true, true]);
}

/// A line may lack value and time; one with an exponent or with an escape in a key is not taken up,
/// nor is a value in quotes.
#[test]
fn what_is_taken_up() {
    for (from, to, expected) in [
        (",\"value\":19.99", "", true),
        (",\"created_at\":\"2015-01-01T15:00:00Z\"", "", true),
        ("19.99", "\"19.99\"", false),
        ("665991", "6e5", false),
        ("665991", "6E5", false),
        ("is new", "is\\u0020new", false),
    ] {
        let line = LINE.replacen(from, to, 1);
        assert_ne!(line, LINE);
        let found = read_all(&mut Outlines::new(ABSENT), &[line.clone(), line]);
        assert_eq!(found, [false, expected], "{from} {to}");
    }
}

/// Lines of several outlines, of all lengths, are read wherever they and their parts begin.
#[test]
fn places() {
    let mut outlines = Outlines::new(ABSENT);
    let mut lines = Vec::new();
    for length in 0..400 {
        let (text, digits) = ("x".repeat(length), "1".repeat(1 + length % 30));
        lines.push(LINE.replacen("push", &text, 1).replacen("665991", &digits, 1));
        lines.push(LINE.replacen("x y", &text, 1).replacen("true", "null", 1));
        lines.push(LINE.replacen("\"created", &format!("\"k\":\"{text}\",\"created"), 1));
    }
    let found = read_all(&mut outlines, &lines);
    // Near the end of what is looked at in one go, or of the block, a line may not be seen whole.
    let missed = found.iter().filter(|is_known| !**is_known).count();
    assert!(missed < 60, "{missed}");
}

/// Lines with many numbers, each with a fraction or not, are read after some.
#[test]
fn joined() {
    let mut outlines = Outlines::new(ABSENT);
    let mut seed = 5_u64;
    let lines: Vec<String> = (0..1_000)
        .map(|_| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let number = |at: u64| if seed >> (20 + at) & 1 == 0 { "12" } else { "0.05" };
            let numbers: String = (0..20).map(|at| format!(",\"n{at}\":{}", number(at))).collect();
            LINE.replacen(",\"value\"", &(numbers + ",\"value\""), 1)
        })
        .collect();
    let found = read_all(&mut outlines, &lines);
    assert!(!found[..200].contains(&true) && !found[500..].contains(&false));
}

/// Where few lines have a known outline, outlines are forgotten and left alone for a while.
#[test]
fn backoff() {
    let mut outlines = Outlines::new(ABSENT);
    let mut tries = 0;
    for at in 0..3_000 {
        if outlines.are_open() {
            let line = LINE.replacen("is new", &format!("k{at}"), 1);
            read_all(&mut outlines, &[line]);
            tries += 1;
        }
    }
    assert!(tries < 1_000 && outlines.known.is_empty(), "{tries}");
}
