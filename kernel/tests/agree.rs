//! The kernel agrees with the oracle: on every line it takes, on whatever bytes it is given.

mod oracle;

use eventstats_kernel::fold::Fold;
use eventstats_kernel::query::Query;
use eventstats_kernel::query::Timing;
use eventstats_kernel::summary::Optional;
use eventstats_kernel::time::Instant;
use eventstats_kernel::wide::Level;
use oracle::{CHANGE, Meaning, assert_agrees, assert_agrees_by, fold_all, meaning, rows, usual};
use proptest::prelude::*;

/// A small generator of random numbers with a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    fn one_of<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }
}

/// Lines that are events.
const GOOD: &[&str] = &[
    r#"{"type":"page_view","value":1,"occurred_at":"2020-10-06 10:02:05"}"#,
    r#"{"type":"purchase","value":19.99,"occurred_at":"2020-10-06 10:02:05"}"#,
    r#"{"type": "page_view", "value": -5, "occurred_at": "2020-10-06 10:02:05"}"#,
    r#"{ "value" : 0 , "type" : "" }"#,
    "\t{\"value\":-0,\t\"type\":\"a\"}\t\r",
    r#"{"value":-0.0,"type":"b","nothing":null,"yes":true,"no":false}"#,
    r#"{"type":"caf\u00e9","value":12345678901234567890}"#,
    r#"{"type":"café","value":1234567890123456789.5}"#,
    r#"{"type":"\u041f\u043e\u043a\u0443\u043f\u043a\u0430 \ud83d\ude00","value":0.12345678901234567}"#,
    r#"{"t\u0079pe":"escaped key","val\u0075e":7,"x":"\\\"\/\b\f\n\r\t\u0000"}"#,
    r#"{"type":1,"value":"no","type":"last wins","value":3.5}"#,
    r#"{"type":"wins","value":3,"nested":{"type":5,"value":null,"deeper":[{"type":[]},[[],{}],"value"]}}"#,
    r#"{"id":"2489651045","type":"CreateEvent","actor":{"id":665991,"login":"petroav","gravatar_id":"","url":"https://api.github.com/users/petroav","avatar_url":"https://avatars.githubusercontent.com/u/665991?"},"repo":{"id":28688495,"name":"petroav/6.828","url":"https://api.github.com/repos/petroav/6.828"},"payload":{"ref":"master","description":"Solution to \"homework\" — 作业 \ud83d\ude80\n","pushes":[1,2.5,-3e2,true,null]},"public":true,"created_at":"2015-01-01T15:00:00Z","value":42}"#,
    r#"{"did":"did:plc:yj3sjq3blzpynh27cumnp5ks","time_us":1732206349000167,"kind":"commit","type":"commit","commit":{"rev":"3lbhtytnn2k2f","operation":"create","collection":"app.bsky.feed.post","rkey":"3lbhtyteurk2y","record":{"$type":"app.bsky.feed.post","createdAt":"2024-11-21T16:09:27.095Z","langs":["en"],"text":"aaaaah. LIght shines in a corner of WTF.... ❤️"},"cid":"bafyreidblutgvj75o4q4akzyyejedjj6l3it6hgqwee6jpwv2wqph5fsgm"},"value":1732206349000167}"#,
    r#"{"type":"a","value":1e2}"#,
    r#"{"type":"a","value":1.5E-3}"#,
    r#"{"type":"a","value":2,"long":12345678901234567890123456789,"s":"\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\"}"#,
];

/// Lines that are no events, each for a reason of its own.
const BAD: &[&str] = &[
    r#"{"type":"a","value":true}"#,
    r#"{"type":"a","value":"5"}"#,
    r#"{"type":"a","value":null}"#,
    r#"{"type":"a","value":[1]}"#,
    r#"{"type":"a"}"#,
    r#"{"value":1}"#,
    r#"{"type":5,"value":1}"#,
    r#"{"type":"last loses","value":1,"value":"x"}"#,
    r#"{"x":{"type":"a","value":1}}"#,
    r#"[{"type":"a","value":1}]"#,
    r#"{}"#,
    r#"{"type":"a","value":1}{}"#,
    r#"{"type":"a","value":1},"#,
    r#"{"type":"a","value":1}]"#,
    r#"{"type":"a","value":1}}"#,
    r#"{"type":"a","value":1} x"#,
    r#"{"type":"a","value":1} 1"#,
    r#"{"type":"a","value":1} "x""#,
    r#"{"type":"a","value":1,}"#,
    r#"{,"type":"a","value":1}"#,
    r#"{"type":"a",,"value":1}"#,
    r#"{"type":"a" "value":1}"#,
    r#"{"type" "a","value":1}"#,
    r#"{"type"::"a","value":1}"#,
    r#"{"type":"a","value":1:2}"#,
    r#"{"type":"a","value":1 2}"#,
    r#"{"type":"a","value":1"x"}"#,
    r#"{"type":"a","value":1,"x"}"#,
    r#"{"type":"a","value":1,"x":}"#,
    r#"{"type":"a","value":1,x:1}"#,
    r#"{"type":"a","value":1,1:1}"#,
    r#"{"type":"a","value":1,[]:1}"#,
    r#"{"type":"a","value":1,"x":[1,]}"#,
    r#"{"type":"a","value":1,"x":[,1]}"#,
    r#"{"type":"a","value":1,"x":[1 1]}"#,
    r#"{"type":"a","value":1,"x":["y":1]}"#,
    r#"{"type":"a","value":1,"x":[1}]}"#,
    r#"{"type":"a","value":1,"x":{]}"#,
    r#"{"type":"a","value":1,"x":[}"#,
    r#"{"type":"a","value":1,"x":{1}}"#,
    r#"{"type":"a","value":1,"x":{"y"}}"#,
    r#"{"type":"a","value":1,"x":[[]"#,
    r#"{"type":"a","value":1,"x":"open}"#,
    r#"{"type":"a","value":1,"x":"open\"}"#,
    r#"{"type":"a","value":1,"x":"open\"#,
    r#"{"type":"a","value":1,"x":"\x"}"#,
    r#"{"type":"a","value":1,"x":"\U0041"}"#,
    r#"{"type":"a","value":1,"x":"\u004"}"#,
    r#"{"type":"a","value":1,"x":"\u00g0"}"#,
    r#"{"type":"a","value":1,"x":"\ud800"}"#,
    r#"{"type":"a","value":1,"x":"\udc00"}"#,
    r#"{"type":"a","value":1,"x":"\udc00\ud800"}"#,
    r#"{"type":"a","value":1,"x":"\ud800\ud800\udc00"}"#,
    r#"{"type":"a","value":1,"x":"\ud800x\udc00"}"#,
    r#"{"type":"a","value":1,"x":"\ud800\\udc00"}"#,
    r#"{"type":"a","value":1,"x":"\ud800\udc00\udc00"}"#,
    r#"{"type":"a","value":1,"x":\u0041}"#,
    r#"{"type":"a","value":1,"x":\"y"}"#,
    r#"{"type":"a","value":1,"x":01}"#,
    r#"{"type":"a","value":1,"x":-}"#,
    r#"{"type":"a","value":1,"x":-01}"#,
    r#"{"type":"a","value":1,"x":+1}"#,
    r#"{"type":"a","value":1,"x":.5}"#,
    r#"{"type":"a","value":1,"x":5.}"#,
    r#"{"type":"a","value":1,"x":5.e1}"#,
    r#"{"type":"a","value":1,"x":5e}"#,
    r#"{"type":"a","value":1,"x":5e+}"#,
    r#"{"type":"a","value":1,"x":5e1.5}"#,
    r#"{"type":"a","value":1,"x":1e400}"#,
    r#"{"type":"a","value":1,"x":[{"y":-1e400}]}"#,
    r#"{"type":"a","value":1,"x":0x1}"#,
    r#"{"type":"a","value":1,"x":1a}"#,
    r#"{"type":"a","value":1,"x":NaN}"#,
    r#"{"type":"a","value":1,"x":Infinity}"#,
    r#"{"type":"a","value":1,"x":tru}"#,
    r#"{"type":"a","value":1,"x":truex}"#,
    r#"{"type":"a","value":1,"x":True}"#,
    r#"{"type":"a","value":1,"x":nul}"#,
    r#"{"type":"a","value":1,"x":falsee}"#,
    r#"{"type":"a","value":1,"x":é}"#,
    r#"{"type":"a","value":1,"x":'y'}"#,
    r#"{"type":"a","value":1,/**/"x":1}"#,
    "{\"type\":\"a\",\"value\":1,\"x\":\"\t\"}",
    "{\"type\":\"a\",\"value\":1,\"x\":\"\0\"}",
    "{\"type\":\"a\",\"value\":1,\0\"x\":1}",
    "{\"type\":\"a\",\"value\":1,\u{b}\"x\":1}",
    "{\"type\":\"a\",\"value\":1,\u{a0}\"x\":1}",
    "\u{feff}{\"type\":\"a\",\"value\":1}",
    "true",
    "1",
    "\"\"",
    "]",
    "}",
    "{",
    "{\"",
    "\\",
];

/// Bytes that are not UTF-8, and some at the borders of what is.
const NOT_UTF8: &[&[u8]] = &[
    b"\x80",
    b"\xbf",
    b"\xc0\x80",
    b"\xc1\xbf",
    b"\xc2",
    b"\xe0\x80\x80",
    b"\xe0\x9f\xbf",
    b"\xe2\x82",
    b"\xed\xa0\x80",
    b"\xed\xbf\xbf",
    b"\xf0\x80\x80\x80",
    b"\xf0\x8f\xbf\xbf",
    b"\xf0\x9f\x98",
    b"\xf4\x90\x80\x80",
    b"\xf5\x80\x80\x80",
    b"\xff",
    b"\xfe",
    b"\xc3\x28",
    b"\xe2\x28\xa1",
];

fn levels() -> Vec<Level> {
    Level::all()
}

/// Every good line is taken and every bad one handed back, at every level.
#[test]
fn good_and_bad_lines() {
    for level in levels() {
        for line in GOOD {
            let line = format!("{line}\n");
            assert!(
                matches!(
                    meaning(line.trim_end_matches('\n').as_bytes(), &usual()),
                    Meaning::Event { common: true, .. }
                ),
                "{line}"
            );
            assert_eq!(assert_agrees(level, &usual(), &[line.as_bytes()]), [], "{line}");
        }
        for line in BAD {
            assert_eq!(meaning(line.as_bytes(), &usual()), Meaning::Bad, "{line}");
            assert_eq!(assert_agrees(level, &usual(), &[line.as_bytes()]).len(), 1, "{line}");
        }
    }
}

/// Good and bad lines stand side by side without touching each other.
#[test]
fn neighbours() {
    let mut random = Random(1);
    for level in levels() {
        for _ in 0..60 {
            let mut block = String::new();
            for _ in 0..40 {
                block += match random.below(4) {
                    0 => random.one_of(BAD),
                    1 => random.one_of(&["", " ", "\r", "\t \r"]),
                    _ => random.one_of(GOOD),
                };
                block.push('\n');
            }
            if random.below(2) == 0 {
                block.pop();
            }
            assert_agrees(level, &usual(), &[block.as_bytes()]);
        }
    }
}

/// Bytes that are not UTF-8 make a line bad wherever they stand in it, and only that line.
#[test]
fn not_utf8() {
    for level in levels() {
        for bytes in NOT_UTF8 {
            for filler in [0, 1, 30, 62, 63, 64, 65, 127] {
                for (before, behind) in [
                    (r#"{"type":"a","value":1,"x":"é"#, r#"é"}"#),
                    (r#"{"type":"a","value":1,""#, r#"":1}"#),
                    (r#"{"value":1,"type":""#, r#""}"#),
                    (r#"{"value":1,"type":"a"}"#, ""),
                ] {
                    let filler = " ".repeat(filler);
                    let mut line = before.as_bytes().to_vec();
                    if behind.is_empty() {
                        line.extend(*bytes);
                    } else {
                        line.extend(filler.bytes());
                        line.extend(*bytes);
                        line.extend(filler.bytes());
                        line.extend(behind.bytes());
                    }
                    let mut block = line.clone();
                    block.extend(b"\n{\"type\":\"a\",\"value\":1}\n");
                    assert_eq!(assert_agrees(level, &usual(), &[&block]).len(), 1);
                }
            }
        }
    }
}

/// A line means the same wherever it begins and however long its strings, keys, runs of
/// white space, backslashes, digits and brackets are.
#[test]
fn every_length() {
    for level in levels() {
        for length in 0..200 {
            let filler = |part: &str| part.repeat(length);
            let mut lines = vec![
                format!(r#"{{"type":"{}","value":1}}"#, filler("x")),
                format!(r#"{{"type":"{}","value":1}}"#, filler("é")),
                format!(r#"{{"type":"{}","value":1}}"#, filler("\\u00e9")),
                format!(r#"{{"type":"{}","value":1}}"#, filler("\\ud83d\\ude00")),
                format!(r#"{{"type":"{}\ud83d","value":1}}"#, filler("x")),
                format!(r#"{{"type":"{}\u00e9{}\u00e","value":1}}"#, filler("x"), filler("x")),
                format!(r#"{{"{}":"y","type":"a","value":1}}"#, filler("x")),
                format!(r#"{{"{}\u0061":"y","type":"a","value":1}}"#, filler("x")),
                format!(r#"{{"type":"a","value":1,"x":"{}"}}"#, filler("\\")),
                format!(r#"{{"type":"a","value":1,"x":"{}\"}}"#, filler("y")),
                format!(r#"{{"x":{},"type":"a","value":1}}"#, filler("1")),
                format!(r#"{{"x":{}.5e1,"type":"a","value":1}}"#, filler("1")),
                format!(r#"{{"x":-{}x,"type":"a","value":1}}"#, filler("1")),
                format!(r#"{{"x":{}{},"type":"a","value":1}}"#, filler("["), filler("]")),
                format!(r#"{{"x":{}1{},"type":"a","value":1}}"#, filler("{\"x\":"), filler("}")),
                format!(r#"{{"x":[{}0],"type":"a","value":1}}"#, filler("0,")),
                format!(r#"{{"x":[{}null],"type":"a","value":1}}"#, filler("true,")),
                format!(r#"{{"type":"a","value":{}7}}"#, filler("1")),
                format!(r#"{{"type":"a","value":0.{}7}}"#, filler("0")),
            ];
            for space in [" ", "\t", "\r"] {
                let space = filler(space);
                lines.push(format!(r#"{space}{{{space}"type"{space}:{space}"a"{space},{space}"value"{space}:{space}1{space},"x":[{space}1{space},{space}{{{space}}}{space}]{space}}}{space}"#));
                lines.push(space);
            }
            let all = lines.join("\n");
            assert_agrees(level, &usual(), &[all.as_bytes()]);
            for line in &lines {
                assert_agrees(level, &usual(), &[line.as_bytes()]);
            }
        }
    }
}

/// A line that is cut anywhere is bad, or blank where nothing is left.
#[test]
fn truncated() {
    for level in levels() {
        for line in GOOD {
            for end in 0..line.trim_end().len() {
                assert_agrees(level, &usual(), &[&line.as_bytes()[..end]]);
            }
        }
    }
}

/// The sum of the parts is the whole: any cut into blocks of whole lines, and any merge, gives
/// the same state.
#[test]
fn cuts_and_merges() {
    let mut random = Random(3);
    for level in levels() {
        for _ in 0..60 {
            let lines: Vec<String> = (0..60)
                .map(|_| {
                    format!(
                        "{}\n",
                        if random.below(8) == 0 { random.one_of(BAD) } else { random.one_of(GOOD) }
                    )
                })
                .collect();
            let mut whole = Fold::with_level(level, &usual());
            let mut handed_back = Vec::new();
            whole.fold(lines.concat().as_bytes(), &mut handed_back);
            let mut joined = Fold::with_level(level, &usual());
            let mut rest = &lines[..];
            let mut count = 0;
            while !rest.is_empty() {
                let (block, behind) = rest.split_at(1 + random.below(rest.len()));
                let mut part = Fold::with_level(level, &usual());
                let mut back = Vec::new();
                part.fold(block.concat().as_bytes(), &mut back);
                count += back.len();
                joined.merge(&mut part);
                assert!(part.tables().is_empty());
                assert_eq!(part.account(), Default::default());
                rest = behind;
            }
            assert_eq!(count, handed_back.len());
            assert_eq!(oracle::types(&joined), oracle::types(&whole));
            assert_eq!(joined.account(), whole.account());
        }
    }
}

/// Only the types that are asked for have state; the others are counted.
#[test]
fn filter() {
    let mut random = Random(4);
    for level in levels() {
        for wanted in [vec![], vec!["page_view", "café"], vec!["never seen"], vec!["a", "", "b"]] {
            let wanted = wanted.into_iter().map(str::to_owned).collect();
            let query = Query { types: Some(wanted), ..usual() };
            let lines: String = (0..200).map(|_| format!("{}\n", random.one_of(GOOD))).collect();
            assert_agrees(level, &query, &[lines.as_bytes(), lines.as_bytes()]);
        }
    }
}

/// Type and value may stand under any keys: long, empty, with quotes, not ASCII, one key of
/// which another is the beginning.
#[test]
fn other_keys() {
    let keys = [
        "",
        "t",
        "type",
        "types",
        "seven77",
        "eight888",
        "nine99999",
        "größe",
        "a\"b",
        "a\\b",
        "a\\nb",
        "a\nb",
        "kind of a long key that passes sixty-four bytes, which is the width of a chunk",
        "😀",
    ];
    for level in levels() {
        for type_key in keys {
            for value_key in keys {
                let mut block = String::new();
                for key in keys {
                    // As it is where it may be, all escaped, and as two other spellings.
                    let escaped: String =
                        key.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
                    let json = key.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
                    for spelling in [key, &escaped, &json] {
                        block += &format!(
                            "{{\"{spelling}\":\"x\",\"type\":\"a\",\"{spelling}\":1,\"a\\nb\":2,\"a\\\\nb\":3}}\n"
                        );
                        block += &format!("{{\"type\":\"a\",\"t\":\"b\",\"{spelling}\":1}}\n");
                        block += &format!(
                            "{{\"type\":1,\"t\":2,\"types\":\"c\",\"{spelling}\":\"y\"}}\n"
                        );
                    }
                }
                let query = Query::of_keys(type_key, value_key);
                assert_agrees(level, &query, &[block.as_bytes()]);
            }
        }
    }
}

/// Values of every length and scale add up exactly, together and in any order.
#[test]
fn values() {
    let mut random = Random(5);
    for level in levels() {
        for round in 0..300 {
            let mut block = String::new();
            for _ in 0..30 {
                let mut literal = String::new();
                if random.below(3) == 0 {
                    literal.push('-');
                }
                let digits = |random: &mut Random, most: usize, literal: &mut String| {
                    for _ in 0..1 + random.below(most) {
                        literal.push(char::from(b'0' + random.below(10) as u8));
                    }
                };
                literal.push(char::from(b'0' + random.below(10) as u8));
                if !literal.ends_with('0') {
                    digits(&mut random, [2, 7, 18, 25][round % 4], &mut literal);
                }
                if random.below(2) == 0 {
                    literal.push('.');
                    digits(&mut random, [2, 7, 18, 10][round / 4 % 4], &mut literal);
                }
                if random.below(9) == 0 {
                    literal += random.one_of(&["e0", "e1", "E+3", "e-4"]);
                }
                block += &format!("{{\"type\":\"{}\",\"value\":{literal}}}\n", random.below(2));
            }
            let aggregates = Optional { squares: round % 2 == 1 };
            assert_agrees(level, &Query { aggregates, ..usual() }, &[block.as_bytes()]);
        }
    }
}

/// Sums that would overflow are handed back, and merging sums that would overflow stays exact.
#[test]
fn overflow() {
    for level in levels() {
        let line = format!("{{\"type\":\"a\",\"value\":{}}}\n", "9".repeat(36));
        let block = line.repeat(400);
        let back = assert_agrees(level, &usual(), &[block.as_bytes()]);
        assert!(!back.is_empty());
        let mut fold = Fold::with_level(level, &usual());
        fold.fold(line.repeat(150).as_bytes(), &mut Vec::new());
        for _ in 0..2 {
            let mut other = Fold::with_level(level, &usual());
            other.fold(line.repeat(150).as_bytes(), &mut Vec::new());
            fold.merge(&mut other);
        }
        let sum = oracle::decimal(&"9".repeat(36)) * 450;
        assert_eq!(oracle::types(&fold)["a"].sum, sum);
    }
}

/// Many types, met in any order, each keep their own state.
#[test]
fn many_types() {
    for level in levels() {
        let mut block = String::new();
        let mut random = Random(6);
        for at in 0..20_000 {
            let number = random.below(3_000);
            block += &match at % 3 {
                0 => format!("{{\"type\":\"event {number}\",\"value\":{number}}}\n"),
                1 => format!("{{\"type\":\"\\u00e9vent {number}\",\"value\":{number}.5}}\n"),
                _ => format!(
                    "{{\"type\":\"{number}{}\",\"value\":-{number}}}\n",
                    "long ".repeat(number % 40)
                ),
            };
        }
        assert_agrees(level, &usual(), &[block.as_bytes()]);
    }
}

/// Lines of some megabytes are taken or handed back in time that grows with their length.
#[test]
fn huge_lines() {
    let level = *levels().last().expect("at least one level");
    let size = 4 << 20;
    for part in [
        "x",
        "\\\\",
        "é",
        " ",
        "\\u00e9",
        "\\ud83d\\ude00",
        "[",
        "{\"a\":",
        "1",
        "\"",
        "\\",
        "0,",
        ",",
        "\\ud83d",
    ] {
        for (before, behind) in [
            ("{\"type\":\"", "\",\"value\":1}"),
            ("{\"type\":\"a\",\"value\":1,\"x\":[", "1]}"),
            ("{\"type\":\"a\",\"value\":", "1}"),
            ("{", "}"),
        ] {
            let line = format!("{before}{}{behind}\n", part.repeat(size / part.len()));
            let mut fold = Fold::with_level(level, &usual());
            let mut handed_back = Vec::new();
            assert_eq!(fold.fold(line.as_bytes(), &mut handed_back), 1);
        }
    }
}

/// One change to a good line, of the kinds that damaged logs show.
fn mutate(random: &mut Random, line: &mut Vec<u8>) {
    let at = random.below(line.len() + 1);
    let special: &[u8] = b"\"\\{}[]:,0123456789.-+eE \t\r\ntfnu\x00\x1f\x80\xff\xc3\xa9";
    let byte = special[random.below(special.len())];
    match random.below(8) {
        0 if at < line.len() => line[at] ^= 1 << random.below(8),
        1 if at < line.len() => line[at] = byte,
        2 if at < line.len() => drop(line.remove(at)),
        3 => line.insert(at, byte),
        4 => line.truncate(at),
        5 => {
            let end = at + random.below(line.len() - at + 1);
            let part = line[at..end].to_vec();
            line.splice(at..at, part);
        }
        6 => {
            let end = at + random.below((line.len() - at + 1).min(12));
            line.drain(at..end);
        }
        _ => {
            let part = random.one_of(&[
                "\"type\":\"b\",",
                "\"value\":2,",
                "\"value\":\"3\",",
                "\"data\":{\"type\":\"b\",\"value\":1},",
                "\"data\":",
                "\"data.type\":\"c\",",
                "\"value\":\"x\",",
                "\\u00e9",
                "\\ud83d",
                "\\udc00",
                "null",
                "1e5",
                "[]",
                "{}",
            ]);
            line.splice(at..at, part.bytes());
        }
    }
}

/// How many rounds of a random test to run; the environment may ask for more.
fn rounds(usual: u64) -> u64 {
    let times =
        std::env::var("EVENTSTATS_TIMES").map_or(1, |times| times.parse().expect("a number"));
    usual * times
}

/// The seed of the random tests; the environment may give another.
fn seed() -> u64 {
    std::env::var("EVENTSTATS_SEED").map_or(7, |seed| seed.parse().expect("a number"))
}

/// Damaged lines, between whole ones, are taken exactly if they are still events.
#[test]
fn mutations() {
    let rounds = rounds(1_500);
    let mut random = Random(seed());
    for level in levels() {
        for _ in 0..rounds {
            let mut block = Vec::new();
            for _ in 0..1 + random.below(12) {
                let mut line = random.one_of(GOOD).as_bytes().to_vec();
                for _ in 0..random.below(4) {
                    mutate(&mut random, &mut line);
                }
                block.extend(line);
                block.push(b'\n');
            }
            assert_agrees(level, &usual(), &[&block]);
        }
    }
}

/// Lines that share a layout with many others, but for one change, are taken exactly if they are
/// still events: what is known of a layout never stands in for what the line says.
#[test]
fn mutations_of_a_known_layout() {
    let rounds = rounds(800);
    let mut random = Random(seed() + 1);
    for level in levels() {
        for _ in 0..rounds {
            let line = random.one_of(GOOD).as_bytes();
            let mut block = Vec::new();
            for _ in 0..3 + random.below(10) {
                let mut changed = line.to_vec();
                if random.below(3) == 0 {
                    for _ in 0..1 + random.below(2) {
                        mutate(&mut random, &mut changed);
                    }
                }
                for part in [line, &changed, line] {
                    block.extend(part);
                    block.push(b'\n');
                }
            }
            assert_agrees(level, &usual(), &[&block]);
        }
    }
}

/// Every byte of a line that follows its like is put to each of the bytes that mean something.
#[test]
fn every_byte_of_a_known_layout() {
    let special = b"\"\\{}[]:,09.-+eEtu \t\r\n\x00\x1f\x7f\x80\xc3\xa9\xff";
    for level in levels() {
        for line in [GOOD[0], GOOD[1], GOOD[6], GOOD[7], GOOD[13]] {
            for at in 0..line.len() {
                let mut block = Vec::new();
                for &byte in special {
                    let mut changed = line.as_bytes().to_vec();
                    changed[at] = byte;
                    for part in [line.as_bytes(), &changed, &changed] {
                        block.extend(part);
                        block.push(b'\n');
                    }
                }
                assert_agrees(level, &usual(), &[&block]);
            }
        }
    }
}

/// Short lines, as templates are made of: with text, numbers and white space before and behind.
const SHORT: &[&str] = &[
    GOOD[0],
    GOOD[1],
    r#"{"type":"purchase","value":-12.5,"occurred_at":"2020-10-06 10:02:05"}"#,
    r#"{"n":10,"m":-0.5,"type":"a","value":12345678901,"k":[1,20,{"type":300}],"e":1e10}"#,
    r#"{"at":"2020-10-06","value":7.25,"type":"café","yes":true,"to":"b","value":3}"#,
    "{\"value\": 12345678 ,\"type\":\"a\\u00e9\",\"x\":\"\u{e9}\",\"y\":\"\\\\\"} \r",
    r#"{"type":"x","type":"y","v":{"value":5},"value":0,"text":""}"#,
];

/// Every byte of a line that follows many of its like is put to each of the others.
#[test]
fn every_byte_of_a_known_line() {
    for level in levels() {
        for line in SHORT {
            let known = format!("{line}\n").repeat(12);
            for at in 0..line.len() {
                let mut block = known.as_bytes().to_vec();
                for byte in 0..=255 {
                    let mut changed = line.as_bytes().to_vec();
                    changed[at] = byte;
                    block.extend(changed);
                    block.push(b'\n');
                    // So that templates do not rest.
                    block.extend(format!("{line}\n").repeat(4).bytes());
                }
                block.extend(known.bytes());
                assert_agrees(level, &usual(), &[&block]);
            }
        }
    }
}

/// Damaged lines between many whole ones are taken exactly if they are still events, in blocks
/// of any size, with and without a last "\n", and where types are filtered.
#[test]
fn mutations_of_known_lines() {
    let rounds = rounds(400);
    let mut random = Random(seed() + 2);
    for level in levels() {
        for round in 0..rounds {
            let (one, other) = (random.one_of(SHORT), random.one_of(SHORT));
            let mut blocks = vec![format!("{one}\n{other}\n").repeat(8).into_bytes()];
            for _ in 0..1 + random.below(4) {
                let mut block = Vec::new();
                for _ in 0..1 + random.below(60) {
                    let mut line = [one, other][random.below(2)].as_bytes().to_vec();
                    if random.below(6) == 0 {
                        mutate(&mut random, &mut line);
                    }
                    block.extend(line);
                    block.push(b'\n');
                }
                if random.below(3) == 0 {
                    block.pop();
                }
                blocks.push(block);
            }
            let blocks: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
            assert_agrees(level, &usual(), &blocks);
            if round % 4 == 0 {
                let wanted = Some(vec!["purchase".to_owned(), "y".to_owned()]);
                assert_agrees(level, &Query { types: wanted, ..usual() }, &blocks);
            }
        }
    }
}

/// Damaged lines among those of very many types are taken exactly if they are still events.
#[test]
fn mutations_among_many_types() {
    let mut random = Random(seed() + 3);
    for level in levels() {
        for _ in 0..rounds(40) {
            let line = random.one_of(SHORT);
            let names = ["type\":\"", "type\":\"x", "type\":\"some_type_"];
            let mut block = Vec::new();
            for _ in 0..2_000 {
                let name = format!("{}{}", random.one_of(&names), random.below(100_000));
                let mut line = line.replacen("type\":\"", &name, 1).into_bytes();
                if random.below(20) == 0 {
                    mutate(&mut random, &mut line);
                }
                block.extend(line);
                block.push(b'\n');
            }
            let ways = dotted(random.one_of(&["occurred_at", "at", "value", "x"]));
            let timed = Timing { ways, by: true, optional: true, ..timings().swap_remove(0) };
            let query = match random.below(4) {
                0 => Query { time: Some(timed), ..usual() },
                1 => Query { absent: Some("7".to_owned()), numeric_strings: true, ..usual() },
                2 => Query { max_types: 300, ..usual() },
                _ => usual(),
            };
            assert_agrees_by(level, &query, 3_600, &[&block]);
        }
    }
}

/// Known lines of every length, long before and long behind the value, are taken with values of
/// every width, wherever the block ends.
#[test]
fn known_lines_of_every_length() {
    for level in levels() {
        for length in 0..140 {
            let filler = "x".repeat(length);
            for (before, behind) in [
                (format!(r#"{{"x":"{filler}","type":"a","value":"#), "}".to_owned()),
                (format!(r#"{{"type":"a{filler}","value":"#), "}".to_owned()),
                (r#"{"type":"a","value":"#.to_owned(), format!(r#","x":"{filler}"}}"#)),
                (r#"{"value":"#.to_owned(), format!(r#","x":"{filler}","type":"a"}}"#)),
                (r#"{"value":"#.to_owned(), format!(r#","type":"{filler}"}}"#)),
            ] {
                let line = |value: &str| format!("{before}{value}{behind}\n");
                let mut block = line("1").repeat(6);
                for value in ["12", "1.5", "-1", "1234567", "12345678", "123456.78", "0.00000001"] {
                    block += &line(value);
                    block += &line("1").repeat(3);
                    block += &line("1").replace('x', "y");
                }
                for bad in ["", "01", "1.", ".1", "-", "1 1", "1..1", "1-1", "+1", "00000001"] {
                    block += &line(bad);
                    block += &line("1").repeat(4);
                }
                block += &line("-1.5");
                assert_agrees(level, &usual(), &[block.as_bytes()]);
                assert_agrees(level, &usual(), &[&block.as_bytes()[..block.len() - 1]]);
            }
        }
        // Every cut of a block, in two and off its end.
        let block = format!("{}\n{}\n", GOOD[0], GOOD[1]).repeat(10);
        for cut in 0..block.len() {
            let (first, second) = block.as_bytes().split_at(cut);
            assert_agrees(level, &usual(), &[first, second, block.as_bytes()]);
        }
    }
}

/// What was learned of a type does not outlive its state, and merging moves no place.
#[test]
fn known_lines_and_merges() {
    for level in levels() {
        let block = format!("{}\n{}\n", GOOD[0], GOOD[1]).repeat(20);
        let other = format!("{}\n{}\n", GOOD[1], GOOD[5]).repeat(20);
        let mut left = Fold::with_level(level, &usual());
        let mut right = Fold::with_level(level, &usual());
        for _ in 0..3 {
            left.fold(block.as_bytes(), &mut Vec::new());
            right.fold(other.as_bytes(), &mut Vec::new());
            left.merge(&mut right);
        }
        let mut whole = Fold::with_level(level, &usual());
        for _ in 0..3 {
            whole.fold(block.as_bytes(), &mut Vec::new());
            whole.fold(other.as_bytes(), &mut Vec::new());
        }
        assert_eq!(oracle::types(&left), oracle::types(&whole));
        assert_eq!(left.account(), whole.account());
    }
}

/// More templates than are kept, one after the other and mixed, change nothing in the answer.
#[test]
fn many_templates() {
    let mut random = Random(9);
    for level in levels() {
        let mut block = String::new();
        for at in 0..20_000 {
            let kind = if at < 10_000 { at / 100 } else { random.below(3 + at / 200) };
            block += &format!("{{\"type\":\"t{kind}\",\"value\":{at},\"k{}\":1}}\n", kind % 7);
        }
        assert_agrees(level, &usual(), &[block.as_bytes()]);
    }
}

/// The ways of a path as a user may give it: a literal key first, then the parts between dots.
fn dotted(text: &str) -> Vec<Vec<String>> {
    let parts: Vec<String> = text.split('.').map(str::to_owned).collect();
    if parts.len() == 1 { vec![parts] } else { vec![vec![text.to_owned()], parts] }
}

/// Queries with paths and with options of the value.
fn odd_queries() -> Vec<Query> {
    let at = |type_path: &str, value_path: &str| Query {
        type_ways: dotted(type_path),
        value_ways: dotted(value_path),
        ..usual()
    };
    let pointer = |parts: &[&str]| vec![parts.iter().map(|&part| part.to_owned()).collect()];
    vec![
        at("data.type", "data.value"),
        at("type", "data.value"),
        at("data.value.type", "value"),
        at("data.0", "data.1.value"),
        Query { value_ways: pointer(&["data", "", "a/b"]), ..at("data..x", "") },
        Query { value_ways: Vec::new(), absent: Some("0".to_owned()), ..usual() },
        Query { value_ways: Vec::new(), absent: Some("0".to_owned()), ..at("data.type", "") },
        Query { absent: Some("-1.5".to_owned()), ..usual() },
        Query { absent: Some("7".to_owned()), ..at("data.type", "data.value") },
        Query { absent: Some("9".repeat(30)), ..at("type", "data.value") },
        Query { numeric_strings: true, ..usual() },
        Query { numeric_strings: true, ..at("data.type", "data.value") },
        Query { numeric_strings: true, ..at("type", "type") },
        Query {
            numeric_strings: true,
            absent: Some("1e1".to_owned()),
            types: Some(vec!["a".to_owned(), "page_view".to_owned()]),
            ..at("data.type", "data.value")
        },
    ]
}

/// Short and long lines in which those queries find something at many a level.
const ODD: &[&str] = &[
    r#"{"data":{"type":"a","value":1,"occurred_at":"2020-10-06 10:02:05"}}"#,
    r#"{"data":{"value":2.5,"type":"page_view","x":"2020-10-06"},"value":3,"type":"b"}"#,
    r#"{"data":{"value":{"type":"c","data":{"value":5}},"type":"d"},"value":-12}"#,
    r#"{"data":["e",{"value":4}],"type":"a","n":1}"#,
    r#"{"data":["e",{"type":"y","value":4},{"value":5}], "type" : "a", "value" : "6"}"#,
    r#"{"data":{"":{"x":"f","a/b":3.25,"x":"g"}},"data.type":"h","data.value":"8"}"#,
    r#"{"data":{"type":"a","value":"19.99"},"type":"a","value":"-5"}"#,
    r#"{"data":{"type":"a","value":null,"value":"1"},"data":{"value":7,"type":"i"}}"#,
    r#"{"type":"12","data":{"type":"34"}}"#,
    r#"{"type":"page_view","x":"some text","n":10}"#,
    r#"{"x":"a long text that moves what follows behind the first sixty-four bytes of it","type":"j","y":1}"#,
    r#"{"data":{"type":"k","value":9,"x":"é\"{[","é":[[],{}]},"type":"ké","value":0}"#,
    r#"{"id":1,"data":{"deep":[{"type":[1,2,{"value":"}"}]}],"type":"l","value":123456789012345678901},"type":"l"}"#,
];

/// Fields are found at any level, and values that stand in quotes or are not there at all are
/// taken, as the oracle does, whether the lines are new, known, or damaged.
#[test]
fn paths_and_options() {
    let rounds = rounds(300);
    let mut random = Random(seed() + 3);
    let queries = odd_queries();
    for level in levels() {
        for query in &queries {
            // Each on its own, and all as soon as they are known.
            for line in ODD {
                assert_agrees(level, query, &[format!("{line}\n").repeat(8).as_bytes()]);
            }
            let all = format!("{}\n", ODD.join("\n")).repeat(3);
            assert_agrees(level, query, &[all.as_bytes(), all.as_bytes()]);
        }
        for _ in 0..rounds {
            let query = &queries[random.below(queries.len())];
            let (one, other) = (random.one_of(ODD), random.one_of(ODD));
            let mut block = format!("{one}\n{other}\n").repeat(8).into_bytes();
            for _ in 0..1 + random.below(60) {
                let mut line = [one, other][random.below(2)].as_bytes().to_vec();
                if random.below(4) == 0 {
                    mutate(&mut random, &mut line);
                }
                block.extend(line);
                block.push(b'\n');
            }
            assert_agrees(level, query, &[&block]);
        }
    }
}

/// Every byte of a line with paths and options that follows many of its like is put to others.
#[test]
fn every_byte_with_paths_and_options() {
    let special = b"\"\\{}[]:,09.-+eEtu \t\r\n\x00\x1f\x7f\x80\xc3\xa9\xff";
    let level = *levels().last().expect("at least one level");
    for query in odd_queries() {
        // Only a line that is an event is ever known.
        let is_known =
            |line: &str| matches!(meaning(line.as_bytes(), &query), Meaning::Event { .. });
        for line in ODD.iter().filter(|line| is_known(line)) {
            let known = format!("{line}\n").repeat(12);
            for at in 0..line.len() {
                let mut block = known.as_bytes().to_vec();
                for &byte in special {
                    let mut changed = line.as_bytes().to_vec();
                    changed[at] = byte;
                    block.extend(changed);
                    block.push(b'\n');
                    // So that templates do not rest.
                    block.extend(format!("{line}\n").repeat(4).bytes());
                }
                assert_agrees(level, &query, &[&block]);
            }
        }
    }
}

/// Windows, buckets and input zones, of a time under "at", of one in "data", and of the value.
fn timings() -> Vec<Timing> {
    let none = Timing {
        ways: dotted("at"),
        since: None,
        until: None,
        by: false,
        local_is_utc: true,
        optional: false,
        format: None,
    };
    let since = Some(Instant { second: CHANGE - 4_000, nanos: 500_000_000 });
    let until = Some(Instant { second: CHANGE + 1_000, nanos: 0 });
    vec![
        none.clone(),
        Timing { by: true, ..none.clone() },
        Timing { since, ..none.clone() },
        Timing { since, until, by: true, ..none.clone() },
        Timing { until, by: true, local_is_utc: false, ..none.clone() },
        Timing { local_is_utc: false, by: true, ..none.clone() },
        Timing { ways: dotted("data.at"), by: true, ..none.clone() },
        Timing { ways: dotted("value"), since, by: true, ..none.clone() },
        Timing { since, by: true, optional: true, ..none.clone() },
        Timing { ways: dotted("data.at"), by: true, optional: true, ..none.clone() },
        Timing { ways: dotted("type"), by: true, ..none },
    ]
}

/// Times around the change of the clock, and some that are far away or odd.
fn time(random: &mut Random) -> String {
    let second = match random.below(12) {
        0..6 => CHANGE - 8_000 + random.below(16_000) as i64,
        6 | 7 => CHANGE - 20 + random.below(40) as i64,
        8 | 9 => CHANGE + 7_200 - 50 + random.below(100) as i64,
        10 => CHANGE - 40 * 86_400 + random.below(80 * 86_400) as i64,
        _ => random.below(1 << 31) as i64,
    };
    if random.below(3) == 0 {
        return match random.below(9) {
            0 => format!("{second}.5"),
            1 => format!("{second}.{:03}", random.below(1_000)),
            2 => format!("{second}{:03}", random.below(1_000)),
            3 => format!("{second}{:06}", random.below(1_000_000)),
            4 => format!("{second}{:09}", random.below(1_000_000_000)),
            5 => format!("-{second}"),
            6 => {
                random.one_of(&["null", "1e9", "-62135596800", "99999999999", "0", "[]"]).to_owned()
            }
            _ => second.to_string(),
        };
    }
    // From the days of one year on, by subtraction: slow and plain.
    let mut day = second.div_euclid(86_400);
    let mut year = 1970;
    let length = |year: i64| 365 + i64::from(year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
    while day >= length(year) {
        day -= length(year);
        year += 1;
    }
    let mut months = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    months[1] += length(year) - 365;
    let month = (0..12).find(|&month| {
        let is_it = day < months[month];
        day -= if is_it { 0 } else { months[month] };
        is_it
    });
    let (month, day) = (month.expect("a month") + 1, day + 1);
    let of_day = second.rem_euclid(86_400);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    let between = random.one_of(&[" ", " ", "T", "t"]);
    let mut behind =
        random.one_of(&["", "", "", "Z", "Z", "z", "+00:00", "-05:30", "+02:00"]).to_owned();
    if random.below(3) == 0 {
        behind =
            random.one_of(&[".5", ".499999999", ".5000000009", ".", ".000"]).to_owned() + &behind;
    }
    let year = if random.below(40) == 0 { [1, 9999, 0][random.below(3)] } else { year };
    if random.below(3) == 0 {
        let name =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
                [month - 1];
        let clock = format!("{hour:02}:{minute:02}:{second:02}");
        let zone = random.one_of(&["+0200", "+0000", "UTC", "GMT", "-0530", "CET"]);
        let time = match random.below(10) {
            0 => format!("{year:04}-{month:02}-{day:02} {clock},123 {zone}"),
            1 => format!("{year:04}{month:02}{day:02}T{}{zone}", clock.replace(':', "")),
            2 => format!("{year:04}/{month:02}/{day:02} {clock}"),
            3 => format!("{day:02}/{name}/{year:04}:{clock} {zone}"),
            4 => format!("Tue, {day:02} {name} {year:04} {clock} {zone}"),
            5 => format!("Tue {name} {day:02} {clock} {year:04}"),
            6 => format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}{zone}"),
            7 => format!("{year:04}{month:02}{day:02}{}", clock.replace(':', "")),
            8 => format!("{day:02}/{month:02}/{year:04} {clock}"),
            _ => format!("{}{:03}", 1_601_978_525 + day, random.below(1_000)),
        };
        return format!("\"{time}\"");
    }
    format!("\"{year:04}-{month:02}-{day:02}{between}{hour:02}:{minute:02}:{second:02}{behind}\"")
}

/// Times of every form decide over window and bucket as the oracle says, in lines that are new,
/// known, or damaged, in order or not, for buckets of any size.
#[test]
fn times() {
    let rounds = rounds(700);
    let mut random = Random(seed() + 4);
    let timings = timings();
    for level in levels() {
        for _ in 0..rounds {
            let query = Query {
                time: Some(timings[random.below(timings.len())].clone()),
                types: (random.below(4) == 0).then(|| vec!["a".to_owned()]),
                max_types: [usize::MAX, usize::MAX, 1][random.below(3)],
                ..usual()
            };
            let size = [60, 300, 3_600, 86_400, 7 * 86_400][random.below(5)];
            let shape = random.below(5);
            let few = [1, 3, 100][random.below(3)];
            let times: Vec<String> = (0..few).map(|_| time(&mut random)).collect();
            let mut block = Vec::new();
            for _ in 0..1 + random.below(90) {
                let mut time = times[random.below(few)].as_str();
                if random.below(12) == 0 {
                    time = random.one_of(&[
                        "\"2020-10-06 10:02:05\"",
                        "\"2020-10-06 10:02:60\"",
                        "true",
                    ]);
                }
                let name = random.one_of(&["a", "a", "b", "caf\\u00e9"]);
                let value = random.one_of(&["1", "19.99", "-5", "123456789012345678901"]);
                let line = match shape {
                    0 => format!(r#"{{"type":"{name}","value":{value},"at":{time}}}"#),
                    1 => {
                        format!(r#"{{"at":{time},"n":10,"type":"{name}","value":{value},"x":"y"}}"#)
                    }
                    2 => format!(
                        r#"{{"data":{{"at":{time}}},"type":"{name}","at":{time},"value":{value}}}"#
                    ),
                    _ => format!(
                        r#"{{"type":"{name}","value":{time},"data":{{"x":[{{}}],"at":{time}}}}}"#
                    ),
                };
                let mut line = line.into_bytes();
                if random.below(20) == 0 {
                    mutate(&mut random, &mut line);
                }
                block.extend(line);
                block.push(b'\n');
            }
            assert_agrees_by(level, &query, size, &[&block, &block]);
        }
    }
}

/// Every byte of a known line with a time is put to each of the others.
#[test]
fn every_byte_of_a_known_time() {
    let timing = timings().swap_remove(3);
    for level in levels() {
        for line in [
            r#"{"type":"a","value":1,"at":"2020-10-06 10:02:05"}"#,
            r#"{"at":"2020-10-06T12:02:05.25+02:00","type":"a","value":1}"#,
            r#"{"type":"a","value":1,"at":1601978525.5,"x":"y"}"#,
            r#"{"type":"a","value":1,"at":"06/Oct/2020:12:02:05 +0200"}"#,
            r#"{"at":"1601978525","type":"a","value":1}"#,
            r#"{"type":"a","at":"20201006T100205Z","value":1}"#,
            r#"{"x":"a text that makes the line longer than a template can be, and some more of it, until it is","type":"a","at":"2020-10-06T10:02:05Z","value":1}"#,
        ] {
            let query = Query { time: Some(timing.clone()), ..usual() };
            let known = format!("{line}\n").repeat(12);
            let at = line.find("at\"").expect("a time");
            for at in at..(at + 40).min(line.len()) {
                let mut block = known.as_bytes().to_vec();
                for byte in (0..=255).step_by(if cfg!(debug_assertions) { 3 } else { 1 }) {
                    let mut changed = line.as_bytes().to_vec();
                    changed[at] = byte;
                    block.extend(changed);
                    block.push(b'\n');
                    // So that templates do not rest.
                    block.extend(format!("{line}\n").repeat(4).bytes());
                }
                assert_agrees(level, &query, &[&block]);
            }
        }
    }
}

/// The sum of the parts is the whole also with buckets, windows and limits: any cut into blocks and
/// parts of blocks, and any merge, gives the same rows.
#[test]
fn merges_of_buckets() {
    let mut random = Random(seed() + 5);
    for level in levels() {
        for round in 0..80 {
            let timing = timings().swap_remove(1 + round % 6);
            let max_types = [1, 2, 20, usize::MAX][round % 4];
            let max_type_bytes = [usize::MAX, 1, 30, 400][round / 4 % 4];
            let asked = (round % 5 > 0).then_some(timing);
            let query = Query { time: asked, max_types, max_type_bytes, ..usual() };
            let lines: Vec<String> = (0..200)
                .map(|_| {
                    let (number, time) = (random.below(150), time(&mut random));
                    format!("{{\"type\":\"{number}\",\"value\":{number},\"at\":{time},\"data\":{{\"at\":{time}}}}}\n")
                })
                .collect();
            let log = lines.concat();
            assert_agrees_by(level, &query, 300, &[log.as_bytes()]);
            let mut whole = Fold::with_level(level, &query);
            fold_all(&mut whole, 300, log.as_bytes(), usize::MAX);
            let mut parts: Vec<Fold> = (0..3).map(|_| Fold::with_level(level, &query)).collect();
            let mut rest = &lines[..];
            while !rest.is_empty() {
                let (block, behind) = rest.split_at(1 + random.below(rest.len().min(40)));
                fold_all(&mut parts[random.below(3)], 300, block.concat().as_bytes(), 3);
                rest = behind;
                if random.below(3) == 0 {
                    let (left, right) = parts.split_at_mut(1 + random.below(2));
                    left[0].merge(&mut right[0]);
                    assert!(right[0].tables().is_empty());
                }
            }
            let [one, two, three] = &mut parts[..] else { unreachable!("three parts") };
            two.merge(three);
            one.merge(two);
            assert_eq!(rows(one), rows(&whole));
            assert_eq!(one.account(), whole.account());
        }
    }
}

/// Whatever the order of many types, those that are first have their own rows, and the memory of
/// the others is given back.
#[test]
fn many_types_and_a_limit() {
    let mut random = Random(seed() + 6);
    for level in levels() {
        for order in 0..3 {
            let lines: Vec<String> = (0..6_000)
                .map(|at| {
                    let number = [at, 6_000 - at, random.below(6_000)][order];
                    let name = ["\\u00e9", "z"][number % 2];
                    format!("{{\"type\":\"{name}{number:04}\",\"value\":{at}}}\n")
                })
                .collect();
            for (max_types, max_type_bytes) in
                [(1, 9_999), (100, usize::MAX), (3_500, usize::MAX), (3_500, 5_000)]
            {
                let query = Query { max_types, max_type_bytes, ..usual() };
                assert_agrees(level, &query, &[lines.concat().as_bytes()]);
            }
        }
    }
}

/// A type is found by all its bytes, whatever its length and spelling, and a spelling that is not
/// valid is never found, though it looks like one that was met.
#[test]
fn types_of_every_length() {
    for level in levels() {
        for length in 0..140 {
            let mut block = Vec::new();
            for part in ["x", "é", "\\u00e9", "\\\\", "\\\"", "\u{1f600}", "\\ud83d\\ude00"] {
                let text = part.repeat(length);
                for ending in ["", "y", "\\", "\\u00e", "\\ud83d", "\\x", "\t", "\"", "z"] {
                    for bytes in [&b""[..], b"", b"\xff", b"\xc3"] {
                        block.extend(format!("{{\"type\":\"{text}{ending}").bytes());
                        block.extend(bytes);
                        block.extend(b"\",\"value\":1,\"occurred_at\":\"2020-10-06 10:02:05\"}\n");
                    }
                }
            }
            block.extend(GOOD[0].repeat(2).bytes());
            assert_agrees(level, &usual(), &[&block]);
            let wanted = Some(vec!["x".repeat(length), "é".repeat(length)]);
            assert_agrees(level, &Query { types: wanted, ..usual() }, &[&block]);
        }
    }
}

/// A value as long lines have them, mostly text.
fn long_value(random: &mut Random) -> String {
    match random.below(10) {
        0 => random.one_of(&["0", "7", "-1", "120", "0.05", "10.50", "1e3", "01", "-"]).to_owned(),
        1 => random.below(1 << 30).to_string(),
        2 => random.one_of(&["true", "null", "[]", "{}", "[1,20]", "[\"a\",\"b\"]"]).to_owned(),
        _ => {
            let part =
                random.one_of(&["x", "é", "\\n", "\\\"", "\\u00e9", "\\\\", "01:", "[{", " "]);
            format!("\"{}\"", part.repeat(random.below(40)))
        }
    }
}

/// Long lines that are made of the same keys with other values, some of them damaged, are taken exactly if they
/// are events: with and without spaces, and whatever is asked for.
#[test]
fn long_lines() {
    let mut random = Random(seed() + 9);
    let queries = odd_queries();
    for level in levels() {
        for round in 0..rounds(100) {
            let keys: Vec<String> =
                (0..3 + random.below(12)).map(|key| format!("key_{key}")).collect();
            let (colon, comma) = if random.below(2) == 0 { (":", ",") } else { (": ", ", ") };
            let mut blocks = [Vec::new(), Vec::new(), Vec::new(), Vec::new()];
            for line in 0..480 {
                let block: &mut Vec<u8> = &mut blocks[line / 120];
                let mut fields: Vec<String> = keys
                    .iter()
                    .map(|key| format!("\"{key}\"{colon}{}", long_value(&mut random)))
                    .collect();
                let name = random.one_of(&["a", "push", "café", "a long name of a type"]);
                let number = random.one_of(&["1", "19.99", "-3", "12345678901234567890", "0.001"]);
                fields[0] = format!("\"type\"{colon}\"{name}\"");
                fields[2] = format!("\"value\"{colon}{number}");
                if random.below(3) == 0 {
                    fields[1] = format!("\"data\"{colon}{{{}{comma}{}}}", fields[0], fields[2]);
                }
                let mut line = format!("{{{}}}", fields.join(comma)).into_bytes();
                if random.below(8) == 0 {
                    mutate(&mut random, &mut line);
                }
                // Most lines have their like near by.
                for _ in 0..1 + random.below(3) {
                    block.extend(&line);
                    block.push(b'\n');
                }
            }
            let query = if round % 2 == 0 { &usual() } else { random_of(&mut random, &queries) };
            let blocks: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
            assert_agrees(level, query, &blocks);
        }
    }
}

fn random_of<'a, T>(random: &mut Random, choices: &'a [T]) -> &'a T {
    &choices[random.below(choices.len())]
}

/// More layouts than are kept, one after the other and mixed, change nothing in the answer.
#[test]
fn many_layouts() {
    let mut random = Random(8);
    for level in levels() {
        let mut block = String::new();
        for at in 0..6_000 {
            let kind = if at < 3_000 { at / 10 } else { random.below(2_000) };
            let keys: String =
                (0..kind % 5).map(|key| format!("\"k{kind}{key}\":[\"{at}\",{at}],")).collect();
            block += &format!("{{{keys}\"type\":\"t{}\",\"value\":{at}}}\n", kind % 3);
        }
        assert_agrees(level, &usual(), &[block.as_bytes()]);
    }
}

proptest! {
    /// Whatever the bytes: what is taken is an event with that meaning.
    #[test]
    fn arbitrary_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for level in levels() {
            assert_agrees(level, &usual(), &[&bytes]);
        }
    }

    /// The same for text made of the bytes that JSON is made of.
    #[test]
    fn arbitrary_tokens(parts in proptest::collection::vec(proptest::sample::select(vec![
        "{", "}", "[", "]", ":", ",", "\"", "\\", " ", "\n", "\"type\":", "\"value\":", "\"a\"", "\"a\",", "1,", "-1.5",
        "true", "null", "{\"type\":\"a\",\"value\":1", "}\n", "\\u00e9", "é", "0", "e", ".",
    ]), 0..60)) {
        let bytes = parts.concat();
        for level in levels() {
            assert_agrees(level, &usual(), &[bytes.as_bytes()]);
        }
    }
}
