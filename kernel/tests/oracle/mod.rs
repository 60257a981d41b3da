//! The slow, obvious fold that the tests compare with: one byte at a time, one line at a time.
//!
//! Shares nothing with the kernel. It is as strict as RFC 8259 and takes every valid event.

use eventstats_kernel::fold::{Account, Fold, HandedBack, Level};
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
    Text(String),
    Number(String),
    Object(Vec<(String, Json)>),
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
            b'"' => self.text().map(Json::Text),
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
        if self.take(b']').is_some() {
            return Some(Json::Other);
        }
        loop {
            self.spaces();
            self.value(depth)?;
            self.spaces();
            if self.take(b']').is_some() {
                return Some(Json::Other);
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
        let mut has_exponent = false;
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
            has_exponent = true;
        }
        let literal = std::str::from_utf8(&self.bytes[from..self.at]).expect("ASCII");
        literal.parse::<f64>().expect("a number").is_finite().then_some(())?;
        self.common &= self.at - from <= 30;
        if has_exponent {
            let exponent = literal.split(['e', 'E']).nth(1).expect("an exponent");
            self.common &= exponent.parse::<i32>().is_ok_and(|exponent| exponent.abs() <= 5);
        }
        Some(literal.to_owned())
    }
}

/// What a line means, without its "\n".
pub fn meaning(line: &[u8], type_key: &str, value_key: &str) -> Meaning {
    let mut reader = Reader { bytes: line, at: 0, common: true };
    reader.spaces();
    if reader.at == line.len() {
        return Meaning::Blank;
    }
    let value = reader.value(0);
    reader.spaces();
    let (Some(Json::Object(members)), true) = (value, reader.at == line.len()) else {
        return Meaning::Bad;
    };
    let last =
        |wanted: &str| members.iter().rev().find(|(key, _)| key == wanted).map(|(_, value)| value);
    match (last(type_key), last(value_key)) {
        (Some(Json::Text(type_name)), Some(Json::Number(literal))) => Meaning::Event {
            type_name: type_name.clone(),
            literal: literal.clone(),
            common: reader.common,
        },
        _ => Meaning::Bad,
    }
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

/// The settings of a fold.
#[derive(Clone, Debug)]
pub struct Settings<'a> {
    pub type_key: &'a str,
    pub value_key: &'a str,
    pub wanted: Option<Vec<String>>,
}

pub const USUAL: Settings<'static> =
    Settings { type_key: "type", value_key: "value", wanted: None };

/// Folds the bytes in blocks and asserts that the kernel agrees with the oracle on every line it
/// takes, and takes every line that is common.
pub fn assert_agrees(level: Level, settings: &Settings, blocks: &[&[u8]]) -> Vec<HandedBack> {
    let Settings { type_key, value_key, wanted } = settings;
    let mut fold = Fold::with_level(level, type_key, value_key, wanted.as_deref());
    let mut account = Account::default();
    let mut expected: BTreeMap<String, Stats> = BTreeMap::new();
    let mut all = Vec::new();
    for &block in blocks {
        // A box of its own, so that the block ends where its memory ends.
        let own: Box<[u8]> = block.into();
        let mut handed_back = Vec::new();
        let lines = fold.fold(&own, &mut handed_back);
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
            let meaning = meaning(line, type_key, value_key);
            if let Some(back) = rest.next_if(|back| back.line == number) {
                assert_eq!((back.start, back.end), (start, end), "{}", shown());
                match meaning {
                    Meaning::Event { common, .. } => {
                        assert!(!common, "was handed back: {}", shown())
                    }
                    Meaning::Bad => {}
                    Meaning::Blank => panic!("blank, yet handed back: {}", shown()),
                }
            } else {
                match meaning {
                    Meaning::Blank => account.blank += 1,
                    Meaning::Bad => panic!("was taken: {}", shown()),
                    Meaning::Event { type_name, literal, .. } => {
                        if wanted.as_ref().is_some_and(|wanted| !wanted.contains(&type_name)) {
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
        all.extend(handed_back);
    }
    let shown = blocks.iter().map(|block| block.escape_ascii().to_string()).collect::<String>();
    assert_eq!(fold.account(), account, "{level:?} {shown}");
    assert!(types(&fold) == expected, "{level:?} {shown}\n{:?}\n{expected:?}", types(&fold));
    all
}
