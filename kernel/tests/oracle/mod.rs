//! The slow, obvious fold that the tests compare with: one byte at a time, one line at a time.
//!
//! Shares nothing with the kernel. It is as strict as RFC 8259 and takes every valid event.

use eventstats_kernel::fold::{Account, Fold, HandedBack, Level};
use eventstats_kernel::query::Query;
use eventstats_kernel::summary::TypeStats;
use num_bigint::BigInt;
use std::collections::BTreeMap;

/// What a line means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    Blank,
    Bad,
    Event {
        type_name: String,
        literal: String,
        /// Nothing in it that the kernel may leave to the authority.
        common: bool,
    },
}

/// A parsed value, as far as an event needs it.
enum Json {
    /// Decoded, and whether it was written without escapes.
    Text(String, bool),
    Number(String),
    Object(Vec<(String, Json)>),
    Array(Vec<Json>),
    Other,
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    common: bool,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek() == Some(byte)).then(|| self.at += 1)
    }

    fn spaces(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        match self.peek()? {
            b'{' => self.object(depth + 1),
            b'[' => self.array(depth + 1),
            b'"' => {
                let from = self.at;
                let text = self.text()?;
                Some(Json::Text(text, !self.bytes[from..self.at].contains(&b'\\')))
            }
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => self.number().map(Json::Number),
        }
    }

    fn word(&mut self, word: &str) -> Option<Json> {
        for byte in word.bytes() {
            self.take(byte)?;
        }
        Some(Json::Other)
    }

    fn object(&mut self, depth: usize) -> Option<Json> {
        self.common &= depth <= 100;
        (depth <= 1024).then_some(())?;
        self.take(b'{')?;
        self.spaces();
        let mut members = Vec::new();
        if self.take(b'}').is_some() {
            return Some(Json::Object(members));
        }
        loop {
            self.spaces();
            let key = self.text()?;
            self.spaces();
            self.take(b':')?;
            self.spaces();
            members.push((key, self.value(depth)?));
            self.spaces();
            if self.take(b'}').is_some() {
                return Some(Json::Object(members));
            }
            self.take(b',')?;
        }
    }

    fn array(&mut self, depth: usize) -> Option<Json> {
        self.common &= depth <= 100;
        (depth <= 1024).then_some(())?;
        self.take(b'[')?;
        self.spaces();
        let mut elements = Vec::new();
        if self.take(b']').is_some() {
            return Some(Json::Array(elements));
        }
        loop {
            self.spaces();
            elements.push(self.value(depth)?);
            self.spaces();
            if self.take(b']').is_some() {
                return Some(Json::Array(elements));
            }
            self.take(b',')?;
        }
    }

    fn text(&mut self) -> Option<String> {
        self.take(b'"')?;
        let mut bytes = Vec::new();
        loop {
            let byte = self.peek()?;
            self.at += 1;
            match byte {
                b'"' => return String::from_utf8(bytes).ok(),
                0..0x20 => return None,
                b'\\' => {
                    let letter = self.peek()?;
                    self.at += 1;
                    let character = match letter {
                        b'"' | b'\\' | b'/' => char::from(letter),
                        b'b' => '\u{8}',
                        b'f' => '\u{c}',
                        b'n' => '\n',
                        b'r' => '\r',
                        b't' => '\t',
                        b'u' => {
                            let first = self.four_digits()?;
                            let code = if (0xd800..0xdc00).contains(&first) {
                                self.take(b'\\')?;
                                self.take(b'u')?;
                                let second = self.four_digits()?;
                                (0xdc00..0xe000).contains(&second).then_some(())?;
                                0x10000 + (first - 0xd800) * 0x400 + (second - 0xdc00)
                            } else {
                                first
                            };
                            char::from_u32(code)?
                        }
                        _ => return None,
                    };
                    bytes.extend(character.to_string().bytes());
                }
                _ => bytes.push(byte),
            }
        }
    }

    fn four_digits(&mut self) -> Option<u32> {
        let mut code = 0;
        for _ in 0..4 {
            code = code * 16 + char::from(self.peek()?).to_digit(16)?;
            self.at += 1;
        }
        Some(code)
    }

    fn digits(&mut self) -> Option<usize> {
        let from = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > from).then_some(self.at - from)
    }

    fn number(&mut self) -> Option<String> {
        let from = self.at;
        let _ = self.take(b'-');
        let first = self.peek()?;
        let whole = self.digits()?;
        (first != b'0' || whole == 1).then_some(())?;
        if self.take(b'.').is_some() {
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        let literal = std::str::from_utf8(&self.bytes[from..self.at]).expect("ASCII");
        literal.parse::<f64>().expect("a number").is_finite().then_some(())?;
        self.common &= is_common(literal);
        Some(literal.to_owned())
    }
}

/// Whether the kernel is to take a number.
fn is_common(literal: &str) -> bool {
    let exponent = literal.split(['e', 'E']).nth(1).unwrap_or("0");
    literal.len() <= 30 && exponent.parse::<i32>().is_ok_and(|exponent| exponent.abs() <= 5)
}

/// Where a way leads.
fn follow<'a>(json: &'a Json, way: &[String]) -> Option<&'a Json> {
    let Some((first, rest)) = way.split_first() else {
        return Some(json);
    };
    let inside = match json {
        Json::Object(members) => &members.iter().rev().find(|(key, _)| key == first)?.1,
        Json::Array(elements) => {
            // As it is written, or not at all.
            let index: usize = first.parse().ok()?;
            elements.get(index).filter(|_| index.to_string() == *first)?
        }
        _ => return None,
    };
    follow(inside, rest)
}

/// Whether `text` is exactly one number.
fn is_number(text: &str) -> bool {
    let mut reader = Reader { bytes: text.as_bytes(), at: 0, common: true };
    reader.number().is_some() && reader.at == text.len()
}

/// What a line means, without its "\n".
pub fn meaning(line: &[u8], query: &Query) -> Meaning {
    let mut reader = Reader { bytes: line, at: 0, common: true };
    reader.spaces();
    if reader.at == line.len() {
        return Meaning::Blank;
    }
    let json = reader.value(0);
    reader.spaces();
    let Some(json @ Json::Object(_)) = json.filter(|_| reader.at == line.len()) else {
        return Meaning::Bad;
    };
    let find = |ways: &[Vec<String>]| ways.iter().find_map(|way| follow(&json, way));
    let mut common = reader.common;
    let (found_type, found_value) = (find(&query.type_ways), find(&query.value_ways));
    let Some(Json::Text(type_name, _)) = found_type else {
        return Meaning::Bad;
    };
    let literal = match (found_value, &query.absent) {
        (Some(Json::Number(literal)), _) => literal,
        (Some(value @ Json::Text(text, is_plain)), _)
            if query.numeric_strings && is_number(text) =>
        {
            common &=
                is_plain & is_common(text) & !std::ptr::eq(value, found_type.expect("a type"));
            text
        }
        (None, Some(literal)) => {
            common &= literal.len() <= 15;
            literal
        }
        _ => return Meaning::Bad,
    };
    Meaning::Event { type_name: type_name.clone(), literal: literal.clone(), common }
}

/// A decimal of any size, at a scale no literal of the tests passes.
const SCALE: i64 = 400;

pub fn decimal(literal: &str) -> BigInt {
    let (number, exponent) = literal.split_once(['e', 'E']).unwrap_or((literal, "0"));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits: BigInt = format!("{whole}{fraction}").parse().expect("digits");
    let exponent: i64 = exponent.parse().expect("an exponent");
    let up = SCALE - fraction.len() as i64 + exponent;
    digits * BigInt::from(10).pow(u32::try_from(up).expect("a small exponent"))
}

#[derive(Debug, PartialEq, Eq)]
pub struct Stats {
    pub count: u64,
    pub integral: bool,
    pub sum: BigInt,
    pub min: BigInt,
    pub max: BigInt,
}

/// The types of a fold with numbers that compare by what they are worth.
pub fn types(fold: &Fold) -> BTreeMap<String, Stats> {
    let types: Vec<TypeStats> = fold.types().iter().collect();
    assert!(types.is_sorted_by(|left, right| left.name < right.name), "in order, each once");
    types
        .into_iter()
        .map(|one| {
            let [sum, min, max] = [&one.sum, &one.min, &one.max].map(|text| {
                assert!(!text.contains(['e', 'E', '+']) && text != "-0", "plain text: {text}");
                decimal(text)
            });
            (one.name, Stats { count: one.count, integral: one.integral, sum, min, max })
        })
        .collect()
}

/// All events with type and value under the usual keys.
pub fn usual() -> Query {
    Query::of_keys("type", "value")
}

/// Folds the bytes in blocks and asserts that the kernel agrees with the oracle on every line it
/// takes, and takes every line that is common. Where it may count bad lines, it counts no others.
pub fn assert_agrees(level: Level, query: &Query, blocks: &[&[u8]]) -> Vec<HandedBack> {
    let mut fold = Fold::with_level(level, query);
    let mut rejecting = Fold::with_level(level, query);
    rejecting.reject(true);
    let mut rejected = 0;
    let mut account = Account::default();
    let mut expected: BTreeMap<String, Stats> = BTreeMap::new();
    let mut all = Vec::new();
    for &block in blocks {
        // A box of its own, so that the block ends where its memory ends.
        let own: Box<[u8]> = block.into();
        let mut handed_back = Vec::new();
        let lines = fold.fold(&own, &mut handed_back);
        let mut still_handed_back = Vec::new();
        assert_eq!(rejecting.fold(&own, &mut still_handed_back), lines);
        let mut rest = handed_back.iter().peekable();
        let mut start = 0;
        let mut number = 0;
        while start < block.len() {
            let end = block[start..]
                .iter()
                .position(|&byte| byte == b'\n')
                .map_or(block.len(), |length| start + length);
            let line = &block[start..end];
            let shown = || format!("{level:?} {:?}", line.escape_ascii().to_string());
            let meaning = meaning(line, query);
            if let Some(back) = rest.next_if(|back| back.line == number) {
                assert_eq!((back.start, back.end), (start, end), "{}", shown());
                match meaning {
                    Meaning::Event { common, .. } => {
                        assert!(!common, "was handed back: {}", shown());
                        assert!(still_handed_back.contains(back), "was rejected: {}", shown());
                        still_handed_back.retain(|still| still != back);
                    }
                    Meaning::Bad => {
                        rejected += u64::from(!still_handed_back.contains(back));
                        still_handed_back.retain(|still| still != back);
                    }
                    Meaning::Blank => panic!("blank, yet handed back: {}", shown()),
                }
            } else {
                match meaning {
                    Meaning::Blank => account.blank += 1,
                    Meaning::Bad => panic!("was taken: {}", shown()),
                    Meaning::Event { type_name, literal, .. } => {
                        if query.types.as_ref().is_some_and(|types| !types.contains(&type_name)) {
                            account.filtered += 1;
                        } else {
                            account.accepted += 1;
                            let value = decimal(&literal);
                            let stats = expected.entry(type_name).or_insert_with(|| Stats {
                                count: 0,
                                integral: true,
                                sum: BigInt::ZERO,
                                min: value.clone(),
                                max: value.clone(),
                            });
                            stats.count += 1;
                            stats.integral &= !literal.contains(['.', 'e', 'E']);
                            stats.sum += &value;
                            stats.min = value.clone().min(stats.min.clone());
                            stats.max = value.max(stats.max.clone());
                        }
                    }
                }
            }
            number += 1;
            start = end + 1;
        }
        assert_eq!(lines, number);
        assert!(rest.next().is_none(), "in order, and of lines that are there");
        assert_eq!(still_handed_back, [], "no other lines than without rejecting");
        all.extend(handed_back);
    }
    let shown = blocks.iter().map(|block| block.escape_ascii().to_string()).collect::<String>();
    assert_eq!(fold.account(), account, "{level:?} {shown}");
    let Account { rejected: by_reason, .. } = rejecting.account();
    assert_eq!(Account { rejected: [0; 5], ..rejecting.account() }, account, "{level:?} {shown}");
    assert_eq!(by_reason.iter().sum::<u64>(), rejected, "{level:?} {shown}");
    assert!(types(&rejecting) == expected, "{level:?} {shown}");
    assert!(types(&fold) == expected, "{level:?} {shown}\n{:?}\n{expected:?}", types(&fold));
    all
}
