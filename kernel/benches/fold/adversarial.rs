//! The inputs of the micro-benchmark that a cache could come to grief with: lines of mixed lengths, of many schemas,
//! with keys that are new or in any order, and pairs that were prepared to collide.

use crate::oracle::usual;
use crate::workloads::{Input, Make, Random, TEXT, Workload, bluesky, by_hour, shop};
use std::fmt::Write;

macro_rules! put {
    ($text:expr, $($format:tt)*) => { write!($text, $($format)*).expect("a string") };
}

/// An event with `fields` behind type and value.
fn event(random: &mut Random, text: &mut String, fields: impl FnOnce(&mut Random, &mut String)) {
    let (kind, value) = (random.one_of(&["page_view", "purchase", "add_to_cart"]), random.value());
    put!(text, r#"{{"type":"{kind}","value":{value}"#);
    fields(random, text);
    text.push('}');
}

/// Elements of an array under a key, with commas between them.
fn array(text: &mut String, key: &str, count: usize, mut element: impl FnMut(&mut String)) {
    put!(text, r#","{key}":["#);
    for at in 0..count {
        text.push_str(if at > 0 { "," } else { "" });
        element(text);
    }
    text.push(']');
}

fn access(random: &mut Random, text: &mut String) {
    let [a, b, c, d] = [255, 255, 255, 255].map(|limit| random.below(limit));
    let (time, path) = (random.next_time(), random.letters(18));
    let status = random.one_of(&[200, 200, 200, 304, 404, 500]);
    let kind = random.one_of(&["GET", "POST", "HEAD"]);
    put!(
        text,
        r#"{{"remote":"{a}.{b}.{c}.{d}","time":"{time}","type":"{kind}","path":"/api/v1/{path}","status":{status},"value":{},"referer":"https://example.org/shop/start","agent":"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0","host":"www-{}","upstream":"10.0.0.{}"}}"#,
        random.below(100_000),
        random.below(10),
        random.below(30)
    );
}

fn short_then(random: &mut Random, text: &mut String, short: usize, long: Make) {
    for _ in 0..short {
        shop(random, text);
        text.push('\n');
    }
    long(random, text);
}

fn some_access(random: &mut Random, text: &mut String, percent: usize) {
    if random.below(100) < percent { access(random, text) } else { shop(random, text) }
}

/// A line of a container's log, of which 2 % are followed by a stack trace, line by line.
fn container(random: &mut Random, text: &mut String) {
    let mut logs = Vec::new();
    if random.below(100) < 2 {
        logs.push("ERROR java.lang.IllegalStateException: order \\\"x\\\" is closed".to_owned());
        for _ in 0..12 + random.below(28) {
            let start = if random.below(9) == 0 { "Caused by: " } else { "\\tat " };
            let [package, class, method, line] =
                [90, 300, 40, 900].map(|limit| random.below(limit));
            logs.push(format!("{start}org.example.shop{package}.service.Class{class}.method{method}(Class{class}.java:{line})"));
        }
    } else {
        let words = ["request", "done", "in", "order", "for", "user", "cache", "miss"];
        let level = random.one_of(&["INFO", "DEBUG", "WARN"]);
        let (worker, words) = (random.below(16), random.words(6, &words));
        logs.push(format!("{level} [worker-{worker}] {words} id={}", random.below(100_000)));
    }
    let stream = if logs.len() > 1 { "stderr" } else { "stdout" };
    for (at, log) in logs.iter().enumerate() {
        text.push_str(if at > 0 { "\n" } else { "" });
        let (time, nanos) = (random.next_time().replace(' ', "T"), random.below(1_000_000_000));
        let value = log.len();
        put!(
            text,
            r#"{{"log":"{log}\n","type":"{stream}","value":{value},"time":"{time}.{nanos:09}Z"}}"#
        );
    }
}

/// Fields of a schema by its number: other keys, other kinds of values.
fn schema(random: &mut Random, text: &mut String, schemas: usize) {
    let number = random.below(schemas);
    event(random, text, |random, text| {
        for at in 0..4 + number % 9 {
            let key = format!("field_{}_{at}", number * 7 + at);
            match (number + at) % 4 {
                0 => put!(text, r#","{key}":{}"#, random.below(10_000)),
                1 => put!(text, r#","{key}":{{"id":"{}"}}"#, random.letters(8)),
                2 => put!(text, r#","{key}":{}"#, random.value()),
                _ => {
                    let length = 6 + random.below(20);
                    put!(text, r#","{key}":"{}""#, random.letters(length));
                }
            }
        }
    });
}

/// Schemas of equal length that differ in a key of the first quarter only.
fn early_key(random: &mut Random, text: &mut String, schemas: usize) {
    let number = random.below(schemas);
    event(random, text, |random, text| {
        put!(text, r#","early_{number:04}":1"#);
        for at in 0..40 {
            put!(text, r#","this_key_is_the_same_{at}":"{}""#, random.letters(4));
        }
    });
}

fn any_order(random: &mut Random, text: &mut String) {
    let mut fields = [
        format!(r#""type":"{}""#, random.one_of(&["page_view", "purchase", "add_to_cart"])),
        format!(r#""value":{}"#, random.value()),
        format!(r#""occurred_at":"{}""#, random.time()),
        format!(r#""user":{}"#, random.below(100_000)),
        format!(r#""session":"{}""#, random.letters(16)),
        format!(r#""country":"{}""#, random.letters(2)),
        format!(r#""device":"{}""#, random.letters(7)),
        format!(r#""score":{}"#, random.below(100)),
    ];
    for at in (1..fields.len()).rev() {
        fields.swap(at, random.below(at + 1));
    }
    put!(text, "{{{}}}", fields.join(","));
}

/// Twelve numbers, each with or without a fraction.
fn metrics(random: &mut Random, text: &mut String) {
    event(random, text, |random, text| {
        for name in [
            "cpu", "memory", "disk", "load", "latency", "errors", "rx", "tx", "heap", "gc", "depth",
        ] {
            put!(text, r#","{name}":{}"#, random.value());
        }
    });
}

fn vectors(random: &mut Random, text: &mut String) {
    event(random, text, |random, text| {
        let count = 16 + random.below(48);
        array(text, "embedding", count, |text| {
            let sign = random.one_of(&["", "-"]);
            put!(text, "{sign}0.{:07}", random.below(10_000_000));
        });
    });
}

fn integers(random: &mut Random, text: &mut String) {
    event(random, text, |random, text| {
        let count = 100 + random.below(100);
        array(text, "counts", count, |text| put!(text, "{}", random.below(100)));
    });
}

const SCRIPTS: [&[&str]; 4] = [
    &["日本語の文章", "東京都", "購入しました", "ありがとうございます", "電車が遅れている"],
    &["тестовое", "сообщение", "покупка", "страница", "просмотр"],
    &["हिन्दी", "संदेश", "नमस्ते", "भारत"],
    &["hello", "naïve", "ça va", "🎉", "Grüße"],
];

fn scripts(random: &mut Random, text: &mut String, scripts: &[&[&str]], words: usize) {
    event(random, text, |random, text| {
        let words: Vec<&str> = (0..words + random.below(words))
            .map(|_| {
                let script = random.below(scripts.len());
                random.one_of(scripts[script])
            })
            .collect();
        put!(text, r#","text":"{}","lang":"{}""#, words.concat(), random.letters(2));
    });
}

fn escapes(random: &mut Random, text: &mut String) {
    event(random, text, |random, text| {
        let count = 10 + random.below(20);
        put!(text, r#","message":"{}""#, random.words(count, TEXT));
        for _ in 0..1 + random.below(3) {
            let name = random.letters(5);
            put!(text, r#","{name}":"C:\\\\{}\\\\\u00e9\n""#, random.letters(8));
        }
    });
}

fn escaped_text(random: &mut Random, text: &mut String) {
    event(random, text, |random, text| {
        let count = 20 + random.below(20);
        let words = ["\\\"a\\\"", "\\n\\t", "\\u00e9t\\u00e9", "C:\\\\x\\\\y", "plain", "\\/"];
        put!(text, r#","message":"{}","id":{}"#, random.words(count, &words), random.below(1_000));
    });
}

fn new_keys(random: &mut Random, text: &mut String, count: usize) {
    event(random, text, |random, text| {
        for _ in 0..count {
            put!(text, r#","{}":{}"#, random.letters(8), random.below(100));
        }
    });
}

/// A line of its own schema, and `of - 1` of Bluesky.
fn sometimes_new(random: &mut Random, text: &mut String, of: usize) {
    if random.below(of) > 0 {
        return bluesky(random, text);
    }
    new_keys(random, text, 60);
}

fn equal_prefix(random: &mut Random, text: &mut String) {
    event(random, text, |random, text| {
        for at in 0..40 {
            let end = if at == 39 { random.letters(6) } else { "plain".to_owned() };
            put!(text, r#","a_long_common_prefix_{at}_{end}":{}"#, random.below(10));
        }
    });
}

fn nullable(random: &mut Random, text: &mut String) {
    event(random, text, |random, text| {
        for at in 0..20 {
            let value = if random.below(2) == 0 {
                "null".to_owned()
            } else {
                format!("\"{}\"", random.letters(5))
            };
            put!(text, r#","column_{at}":{value}"#);
        }
    });
}

fn optional(random: &mut Random, text: &mut String) {
    event(random, text, |random, text| {
        for at in 0..20 {
            if random.below(2) == 0 {
                put!(text, r#","column_{at}":{}"#, random.below(1_000));
            }
        }
    });
}

fn booleans(random: &mut Random, text: &mut String) {
    event(random, text, |random, text| {
        for at in 0..16 {
            put!(text, r#","flag_{at}":{}"#, random.one_of(&["true", "false"]));
        }
    });
}

fn spaces(random: &mut Random, text: &mut String) {
    event(random, text, |random, text| {
        for at in 0..10 {
            let space = " ".repeat(random.below(100));
            put!(text, r#",{space}"k{at}":1"#);
        }
    });
}

fn long_numbers(random: &mut Random, text: &mut String) {
    event(random, text, |random, text| {
        let count = 90 + random.below(160);
        let digits: String = (0..count).map(|_| char::from(b'1' + random.below(9) as u8)).collect();
        put!(text, r#","n":{digits}"#);
    });
}

fn deep(random: &mut Random, text: &mut String, varied: bool) {
    event(random, text, |random, text| {
        let depth = if varied { 20 + random.below(60) } else { 80 };
        put!(text, r#","deep":{}1{}"#, r#"{"a":["#.repeat(depth / 2), "]}".repeat(depth / 2));
    });
}

fn tabs(random: &mut Random, text: &mut String) {
    event(random, text, |random, text| {
        for at in 0..10 {
            let tabs = "\t".repeat(random.below(4));
            put!(text, ",{tabs}\"k{at}\":{tabs}{}", random.below(100));
        }
    });
}

fn brackets(random: &mut Random, text: &mut String) {
    event(random, text, |random, text| {
        let count = 20 + random.below(20);
        array(text, "x", count, |text| *text += random.one_of(&["[]", "{}", "[[]]"]));
    });
}

fn types(random: &mut Random, text: &mut String, length: usize) {
    let (name, value, time) = (random.letters(length), random.value(), random.time());
    put!(text, r#"{{"type":"{name}","value":{value},"occurred_at":"{time}"}}"#);
}

/// Events of types and hours whose pairs have hashes in a narrow range, or any; a first half that brings the types
/// and hours in.
fn pairs(prepared: bool) -> String {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    const TYPES: u64 = 25_000;
    let mut text = String::new();
    let mut line = |of: u64, hour: u64| {
        let second = 3_600 * hour;
        text.push_str(&format!(r#"{{"type":"t{of}","value":1,"occurred_at":{second}}}"#));
        text.push('\n');
    };
    for at in 0..TYPES {
        line(at, at);
    }
    // A type and its first pair have a place each.
    let slot = |of: u64, hour: u64| (((2 * of) << 32 | hour).wrapping_mul(ODD) >> 32) & 0x3_ffff;
    let mut random = Random(3, 0);
    let mut left = 85_000;
    while left > 0 {
        let hour = random.below(TYPES as usize) as u64;
        if prepared {
            for of in (0..TYPES).filter(|&of| slot(of, hour) < 64).take(left) {
                line(of, hour);
                left -= 1;
            }
        } else {
            line(random.below(TYPES as usize) as u64, hour);
            left -= 1;
        }
    }
    text
}

/// Events in hours whose first seconds have hashes in a narrow range, or any.
fn hours(prepared: bool) -> String {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let slot = |hour: u64| ((3_600 * hour).wrapping_mul(ODD) >> 32) & 0x1_ffff;
    let hours = (0..27_000_000_u64).filter(|&hour| !prepared || slot(hour) < 100);
    let line = |hour| format!(r#"{{"type":"a","value":1,"occurred_at":{}}}"#, 3_600 * hour) + "\n";
    hours.take(20_000).map(line).collect::<String>().repeat(4)
}

pub const ADVERSARIAL: &[Workload] = &[
    ("m 4 short 1 access", Input::Lines(|r, t| short_then(r, t, 4, access)), usual),
    ("m 4 short 1 bluesky", Input::Lines(|r, t| short_then(r, t, 4, bluesky)), usual),
    ("m 8 short 1 bluesky", Input::Lines(|r, t| short_then(r, t, 8, bluesky)), usual),
    ("m 29 short 1 bluesky", Input::Lines(|r, t| short_then(r, t, 29, bluesky)), usual),
    ("m 5 % access", Input::Lines(|r, t| some_access(r, t, 5)), usual),
    ("m 20 % access", Input::Lines(|r, t| some_access(r, t, 20)), usual),
    ("m container traces", Input::Lines(container), usual),
    ("l access", Input::Lines(access), usual),
    ("s 50 schemas", Input::Lines(|r, t| schema(r, t, 50)), usual),
    ("s 400 schemas", Input::Lines(|r, t| schema(r, t, 400)), usual),
    ("s 10000 schemas", Input::Lines(|r, t| schema(r, t, 10_000)), usual),
    ("s 90 early key", Input::Lines(|r, t| early_key(r, t, 90)), usual),
    ("s 500 early key", Input::Lines(|r, t| early_key(r, t, 500)), usual),
    ("k any order", Input::Lines(any_order), usual),
    ("n metrics", Input::Lines(metrics), usual),
    ("v vectors", Input::Lines(vectors), usual),
    ("v integers", Input::Lines(integers), usual),
    ("u CJK", Input::Lines(|r, t| scripts(r, t, &SCRIPTS[..1], 30)), usual),
    ("u scripts", Input::Lines(|r, t| scripts(r, t, &SCRIPTS, 40)), usual),
    ("x escapes", Input::Lines(escapes), usual),
    ("x escaped text", Input::Lines(escaped_text), usual),
    ("z new keys 1 in 3", Input::Lines(|r, t| sometimes_new(r, t, 3)), usual),
    ("z new keys 1 in 10", Input::Lines(|r, t| sometimes_new(r, t, 10)), usual),
    ("z 60 new keys", Input::Lines(|r, t| new_keys(r, t, 60)), usual),
    ("z 4 new keys", Input::Lines(|r, t| new_keys(r, t, 4)), usual),
    ("z 1 new key", Input::Lines(|r, t| new_keys(r, t, 1)), usual),
    ("z equal prefix", Input::Lines(equal_prefix), usual),
    ("z nullable", Input::Lines(nullable), usual),
    ("z optional", Input::Lines(optional), usual),
    ("z booleans", Input::Lines(booleans), usual),
    ("z spaces", Input::Lines(spaces), usual),
    ("z long numbers", Input::Lines(long_numbers), usual),
    ("z deep", Input::Lines(|r, t| deep(r, t, false)), usual),
    ("z deep varied", Input::Lines(|r, t| deep(r, t, true)), usual),
    ("z tabs", Input::Lines(tabs), usual),
    ("z brackets", Input::Lines(brackets), usual),
    ("z distinct types", Input::Lines(|r, t| types(r, t, 12)), usual),
    ("z types of 300", Input::Lines(|r, t| types(r, t, 300)), usual),
    ("p random pairs", Input::Whole(|| pairs(false)), by_hour),
    ("p prepared pairs", Input::Whole(|| pairs(true)), by_hour),
    ("p random hours", Input::Whole(|| hours(false)), by_hour),
    ("p prepared hours", Input::Whole(|| hours(true)), by_hour),
];
