//! The places of the fields: which keys of the outermost object to look for, and the ways from
//! there into what stands inside.
//!
//! Walks only in lines that `parse` has found valid. What a text given by a user means as a path is
//! the authority's to say; it comes here as ways.

use crate::event::NOWHERE;
use crate::parse::{self, Key, Tops};
use crate::text;
use crate::wide::{CHUNK, Task, Wide};

/// The ways to a field: each is a key of the outermost object, and the steps from there. The first
/// that leads somewhere is taken.
pub type Ways = Vec<Vec<String>>;

/// A step into a container.
#[derive(Clone, Debug)]
struct Step {
    key: Vec<u8>,
    /// Which element of an array it means.
    index: Option<usize>,
}

/// Which of the keys a way begins with, and its steps.
#[derive(Clone, Debug)]
struct Way {
    top: usize,
    steps: Vec<Step>,
}

/// Where type, value and time begin in a line; `NOWHERE` for one that does not resolve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    pub type_at: usize,
    pub value_at: usize,
    pub time_at: usize,
}

/// The ways to type, value and time.
#[derive(Clone, Debug)]
pub struct Paths {
    keys: Vec<Key>,
    type_ways: Vec<Way>,
    value_ways: Vec<Way>,
    time_ways: Vec<Way>,
}

impl Paths {
    /// A field without a way is nowhere in any line. Each has two ways at most, and no way is empty.
    pub fn new(type_ways: &Ways, value_ways: &Ways, time_ways: &Ways) -> Self {
        let mut keys = Vec::new();
        let mut read = |ways: &Ways| ways.iter().map(|way| Way::new(way, &mut keys)).collect();
        let (type_ways, value_ways, time_ways) =
            (read(type_ways), read(value_ways), read(time_ways));
        assert!(keys.len() <= parse::MOST_KEYS, "a field has two ways at most");
        Self { keys, type_ways, value_ways, time_ways }
    }

    /// The keys to look for in the outermost object.
    #[inline(always)]
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The places of the fields in a valid line, given those after its last keys.
    #[inline(always)]
    pub fn find<W: Wide>(&self, wide: W, block: &[u8], tops: &Tops) -> Found {
        let find = |ways: &[Way]| {
            for way in ways {
                let at = tops[way.top];
                if at == NOWHERE {
                    continue;
                }
                let at = text::behind_colon(block, at);
                if way.steps.is_empty() {
                    return at;
                }
                let at = wide.apart(Walk { block, at, steps: &way.steps });
                if at != NOWHERE {
                    return at;
                }
            }
            NOWHERE
        };
        Found {
            type_at: find(&self.type_ways),
            value_at: find(&self.value_ways),
            time_at: find(&self.time_ways),
        }
    }
}

impl Way {
    fn new(texts: &[String], keys: &mut Vec<Key>) -> Self {
        let (first, rest) = texts.split_first().expect("a way begins with a key");
        let known = keys.iter().position(|key| key.text() == first.as_bytes());
        let top = known.unwrap_or_else(|| {
            keys.push(Key::new(first));
            keys.len() - 1
        });
        Self { top, steps: rest.iter().map(|text| Step::new(text)).collect() }
    }
}

impl Step {
    fn new(text: &str) -> Self {
        let is_index = text.bytes().all(|byte| byte.is_ascii_digit())
            && (text == "0" || !text.starts_with('0'));
        let index = text.parse().ok().filter(|_| is_index);
        Self { key: text.as_bytes().to_vec(), index }
    }

    /// Whether the raw text of a key is that of the step.
    #[inline(always)]
    fn is(&self, raw: &[u8], has_escapes: bool) -> bool {
        if has_escapes { self.is_slowly(raw) } else { raw == self.key }
    }

    #[cold]
    #[inline(never)]
    fn is_slowly(&self, raw: &[u8]) -> bool {
        let mut text = Vec::new();
        text::unescape(raw, &mut text);
        text == self.key
    }
}

/// Follows the steps from the value that begins at `at`.
struct Walk<'a> {
    block: &'a [u8],
    at: usize,
    steps: &'a [Step],
}

impl Task for Walk<'_> {
    type Output = usize;

    #[inline(always)]
    fn run<W: Wide>(self, wide: W) -> usize {
        let Self { block, mut at, steps } = self;
        for step in steps {
            at = match block[at] {
                b'{' => member(wide, block, at, step),
                b'[' => element(wide, block, at, step),
                _ => NOWHERE,
            };
            if at == NOWHERE {
                break;
            }
        }
        at
    }
}

/// Where the last value under the key begins, in the object that begins at `at`.
#[inline(always)]
fn member<W: Wide>(wide: W, block: &[u8], at: usize, step: &Step) -> usize {
    let mut found = NOWHERE;
    let mut at = behind_spaces(block, at + 1);
    while block[at] == b'"' {
        let text = at + 1;
        let (end, has_escapes) = string_end(wide, block, text);
        let value_at = text::behind_colon(block, end + 1);
        if step.is(&block[text..end], has_escapes) {
            found = value_at;
        }
        at = behind_spaces(block, value_end(wide, block, value_at));
        if block[at] == b',' {
            at = behind_spaces(block, at + 1);
        }
    }
    found
}

/// Where the element begins in the array that begins at `at`.
#[inline(always)]
fn element<W: Wide>(wide: W, block: &[u8], at: usize, step: &Step) -> usize {
    let Some(index) = step.index else { return NOWHERE };
    let mut at = behind_spaces(block, at + 1);
    if block[at] == b']' {
        return NOWHERE;
    }
    for _ in 0..index {
        at = behind_spaces(block, value_end(wide, block, at));
        if block[at] != b',' {
            return NOWHERE;
        }
        at = behind_spaces(block, at + 1);
    }
    at
}

#[inline(always)]
fn behind_spaces(block: &[u8], mut at: usize) -> usize {
    while text::is_space(block[at]) {
        at += 1;
    }
    at
}

/// The byte after the value that begins at `at`.
#[inline(always)]
fn value_end<W: Wide>(wide: W, block: &[u8], mut at: usize) -> usize {
    match block[at] {
        b'"' => string_end(wide, block, at + 1).0 + 1,
        b'{' | b'[' => wide.apart(ContainerEnd { block, at }),
        _ => {
            while !text::is_space(block[at]) && !matches!(block[at], b',' | b'}' | b']') {
                at += 1;
            }
            at
        }
    }
}

/// Where the closing quote of the string is whose text begins at `at`, and whether there are
/// escapes before it.
#[inline(always)]
fn string_end<W: Wide>(wide: W, block: &[u8], mut at: usize) -> (usize, bool) {
    let start = at;
    while let Some(bytes) = block[at..].first_chunk() {
        let chunk = wide.load(bytes);
        let (quote, backslash) = (wide.equal(chunk, b'"'), wide.equal(chunk, b'\\'));
        let below = quote.wrapping_sub(1) & !quote;
        if backslash & below != 0 {
            break;
        }
        if quote != 0 {
            return (at + quote.trailing_zeros() as usize, false);
        }
        at += CHUNK;
    }
    let end = text::string_end(block, at);
    (end, memchr::memchr(b'\\', &block[start..end]).is_some())
}

/// The byte after the container that begins at `at`.
struct ContainerEnd<'a> {
    block: &'a [u8],
    at: usize,
}

impl Task for ContainerEnd<'_> {
    type Output = usize;

    #[inline(always)]
    fn run<W: Wide>(self, wide: W) -> usize {
        let Self { block, mut at } = self;
        let mut in_string = 0_u64;
        let mut escaped = 0_u64;
        let mut depth = 0_u32;
        loop {
            let mut last = [b'\n'; CHUNK];
            let bytes: &[u8; CHUNK] = match block[at..].first_chunk() {
                Some(bytes) => bytes,
                None => {
                    last[..block.len() - at].copy_from_slice(&block[at..]);
                    &last
                }
            };
            let chunk = wide.load(bytes);
            let mut quote = wide.equal(chunk, b'"');
            let backslash = wide.equal(chunk, b'\\');
            if backslash | escaped != 0 {
                quote &= !text::escaped_bytes(backslash, &mut escaped);
            }
            let string = wide.running_parity(quote) ^ in_string;
            in_string = ((string as i64) >> 63) as u64;
            let open = wide.equal_folded(chunk, b'{') & !string;
            let close = wide.equal_folded(chunk, b'}') & !string;
            let mut rest = close;
            let mut closed = 0;
            while rest != 0 {
                let bit = rest & rest.wrapping_neg();
                rest ^= bit;
                closed += 1;
                if depth + (open & (bit - 1)).count_ones() == closed {
                    return at + bit.trailing_zeros() as usize + 1;
                }
            }
            depth = depth + open.count_ones() - closed;
            at += CHUNK;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wide::Portable;

    fn ways(texts: &[&[&str]]) -> Ways {
        texts.iter().map(|way| way.iter().map(|&text| text.to_owned()).collect()).collect()
    }

    /// What stands at the place that the ways lead to, from there to the end of the line.
    fn found<'a>(line: &'a str, texts: &[&[&str]]) -> Option<&'a str> {
        let paths = Paths::new(&ways(texts), &Ways::new(), &Ways::new());
        let tops = parse::line(Portable, line.as_bytes(), 0, paths.keys()).tops.expect("valid");
        let Found { type_at, value_at, time_at } = paths.find(Portable, line.as_bytes(), &tops);
        assert_eq!((value_at, time_at), (NOWHERE, NOWHERE));
        line.get(type_at..)
    }

    /// A way leads through objects by key and through arrays by index, to the last of repeated keys.
    #[test]
    fn steps() {
        let line = r#"{"a":{"b":0},"a" : { "x":{"b":1}, "b":[2,{"c":3 , "c":"z"},[]],"b":[ 4,{"c":5},6 ] }}"#;
        assert_eq!(found(line, &[&["a", "b", "0"]]), Some("4,{\"c\":5},6 ] }}"));
        assert_eq!(found(line, &[&["a", "b", "1", "c"]]), Some("5},6 ] }}"));
        assert_eq!(
            found(line, &[&["a", "x", "b"]]),
            Some("1}, \"b\":[2,{\"c\":3 , \"c\":\"z\"},[]],\"b\":[ 4,{\"c\":5},6 ] }}")
        );
        for nowhere in [
            &["a", "b", "3"][..],
            &["a", "b", "00"],
            &["a", "b", "-"],
            &["a", "b", ""],
            &["a", "b", "1", "d"],
            &["a", "b", "0", "c"],
            &["a", "b", "99999999999999999999999"],
            &["a", "c"],
            &["b"],
        ] {
            assert_eq!(found(line, &[nowhere]), None, "{nowhere:?}");
        }
    }

    /// The first way that leads somewhere is taken, and one of a single key wins whatever is there.
    #[test]
    fn two_ways() {
        let dotted: &[&[&str]] = &[&["a.b"], &["a", "b"]];
        assert_eq!(found(r#"{"a.b":null,"a":{"b":1}}"#, dotted), Some(r#"null,"a":{"b":1}}"#));
        assert_eq!(found(r#"{"a":{"b":1},"c":2}"#, dotted), Some(r#"1},"c":2}"#));
        assert_eq!(found(r#"{"a":[{"b":1}]}"#, dotted), None);
        assert_eq!(found(r#"{"a":{}}"#, dotted), None);
        assert_eq!(found(r#"{"a":[]}"#, &[&["a", "0"]]), None);
    }

    /// Keys are compared decoded, at every level; text that looks like keys and brackets is text.
    #[test]
    fn odd_texts() {
        let line = r#"{"\u0061":{"n":"\"}],{\"b\":7","\u0062":1,"a\\nb":2,"t":"\\","a\nb":3},"é":[{"[":"]"},"}",8]}"#;
        assert_eq!(found(line, &[&["a", "b"]]).map(|rest| &rest[..1]), Some("1"));
        assert_eq!(found(line, &[&["a", "a\\nb"]]).map(|rest| &rest[..1]), Some("2"));
        assert_eq!(found(line, &[&["a", "a\nb"]]).map(|rest| &rest[..1]), Some("3"));
        assert_eq!(found(line, &[&["é", "2"]]).map(|rest| &rest[..1]), Some("8"));
    }

    /// What is skipped may have any length and depth, and end anywhere in its chunk or in the block.
    #[test]
    fn every_length() {
        for length in 0..200 {
            for filler in ["x", "\\\\", "\\\"", "]", "é"] {
                let text = filler.repeat(length);
                let deep =
                    format!("{}\"{text}\"{}", "[".repeat(length % 90), "]".repeat(length % 90));
                let line = format!(
                    r#"{{"a":{{"{text}":{deep},"x":{{"b":0,"{text}":[{deep}]}},"b":1,"c":{deep}}}}}"#
                );
                let expected = format!(r#"1,"c":{deep}}}}}"#);
                let found = found(&line, &[&["a", "b"]]);
                assert_eq!(found, Some(expected.as_str()), "{line}");
            }
        }
    }
}
