//! The slow, obvious fold that the tests compare with: one byte at a time, one line at a time.
//!
//! Shares nothing with the kernel. It is as strict as RFC 8259 and takes every valid event.

use eventstats_kernel::caches::Caches;
use eventstats_kernel::fold::{Account, Fold, HandedBack};
use eventstats_kernel::query::Query;
use eventstats_kernel::summary::TypeStats;
use eventstats_kernel::time::{Ask, Instant, Region, Span};
use eventstats_kernel::wide::Level;
use num_bigint::BigInt;
use std::collections::{BTreeMap, BTreeSet};

/// What a line means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    Blank,
    Bad,
    /// An event whose time is the authority's to read.
    Odd,
    Event {
        type_name: String,
        literal: String,
        /// None: time is not looked at.
        time: Option<Instant>,
        /// Nothing in it that the kernel may leave to the authority.
        common: bool,
    },
}

/// What a time means.
enum Time {
    Bad,
    Odd,
    At(Instant, bool),
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
    let mut time = None;
    if let Some(timing) = &query.time {
        let found_time = find(&timing.ways);
        match found_time.map_or(Time::Bad, |json| instant(json, timing.local_is_utc)) {
            Time::Bad if found_time.is_none() && timing.optional => {}
            // One that cannot be used is the authority's to leave out.
            Time::Bad if !timing.optional => return Meaning::Bad,
            Time::Bad | Time::Odd => return Meaning::Odd,
            Time::At(instant, is_common) => (time, common) = (Some(instant), common & is_common),
        }
        // One string may be both, of which a layout could tell only one.
        common &= found_time.is_none_or(|json| !std::ptr::eq(json, found_type.expect("a type")));
    }
    let (type_name, literal) = (type_name.clone(), literal.clone());
    if is_out_of_range(&literal) {
        return Meaning::Bad;
    }
    Meaning::Event { type_name, literal, time, common }
}

/// The second at which the clock of the oracle's zone is put back by one hour, an odd moment.
pub const CHANGE: i64 = 1_601_978_700;

/// How far the oracle's zone is ahead of UTC, by a second of its local time.
fn offset(local: i64) -> i64 {
    if local < CHANGE + 7_200 { 7_200 } else { 3_600 }
}

/// Days since 1970-01-01 (Hinnant, "chrono-compatible low-level date algorithms").
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn instant(json: &Json, local_is_utc: bool) -> Time {
    match json {
        Json::Text(text, is_plain) => match written(text, local_is_utc) {
            Some((instant, true)) => Time::At(instant, *is_plain),
            Some((_, false)) => Time::Odd,
            None => spelled(text, local_is_utc),
        },
        Json::Number(literal) => epoch(literal),
        _ => Time::Bad,
    }
}

/// A time as RFC 3339 has it, or without an offset; second, whether it is not odd.
fn written(text: &str, local_is_utc: bool) -> Option<(Instant, bool)> {
    let mut rest = text.chars();
    let mut number = |digits: usize, behind: &str| {
        let text: String = rest.by_ref().take(digits).collect();
        let number = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<i64>());
        let is_whole = text.len() == digits && behind.contains(rest.clone().next().unwrap_or('$'));
        rest.next();
        number?.ok().filter(|_| is_whole)
    };
    let (year, month, day) = (number(4, "-")?, number(2, "-")?, number(2, " tT")?);
    let (hour, minute, second) = (number(2, ":")?, number(2, ":")?, number(2, ".Zz+-$")?);
    let mut rest = text.get(19..)?;
    let following = if month == 12 { days(year + 1, 1, 1) } else { days(year, month + 1, 1) };
    let is_date =
        year > 0 && (1..=12).contains(&month) && day > 0 && days(year, month, day) < following;
    (is_date && hour < 24 && minute < 60 && second <= 60).then_some(())?;
    let mut nanos = 0;
    if let Some(fraction) = rest.strip_prefix('.') {
        let end = fraction.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(fraction.len());
        (end > 0).then_some(())?;
        nanos = format!("{:0<9.9}", &fraction[..end]).parse().expect("digits");
        rest = &fraction[end..];
    }
    let local = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    let ahead = match rest.chars().next() {
        None if local_is_utc => 0,
        None => offset(local),
        Some('z' | 'Z') if rest.len() == 1 => 0,
        Some(sign @ ('+' | '-')) if rest.len() == 6 => {
            let (hours, minutes) = rest[1..].split_once(':')?;
            let is_two =
                |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            (is_two(hours) && is_two(minutes)).then_some(())?;
            let [hours, minutes] =
                [hours, minutes].map(|text| text.parse::<i64>().expect("digits"));
            (hours < 24 && minutes < 60).then_some(())?;
            (hours * 3_600 + minutes * 60) * if sign == '-' { -1 } else { 1 }
        }
        _ => return None,
    };
    let is_common = (2..=9998).contains(&year) && second < 60;
    Some((Instant { second: local - ahead, nanos }, is_common))
}

/// Forms beside that of RFC 3339: digits of year, month, day (d: a single one), hour, minute and
/// second; f is a fraction that may be missing, N the name of a month, W that of a day, and z and Z
/// are zones that may be missing, Z only behind a space.
fn forms() -> Vec<String> {
    let mut forms = Vec::new();
    for date in ["YYYY-MM-DD", "YYYY/MM/DD", "YYYY.MM.DD", "YYYYMMDD"] {
        for clock in [" hh:mm:ssf", "Thh:mm:ssf", " hh:mm", "Thh:mm", "Thhmmssf", "Thhmm"] {
            forms.push(format!("{date}{clock}z"));
        }
    }
    for weekday in ["", "W ", "W, "] {
        for clock in ["hh:mm:ssf", "hh:mm"] {
            for day in ["DD", "d"] {
                for mark in [' ', '/', '-'] {
                    for between in [' ', ':'] {
                        forms.push(format!("{weekday}{day}{mark}N{mark}YYYY{between}{clock}Z"));
                    }
                }
                for apart in [" ", "  "] {
                    let date = format!("{weekday}N{apart}{day}");
                    forms.push(format!("{date} {clock}Z YYYY"));
                    forms.push(format!("{date} YYYY {clock}Z"));
                }
            }
        }
    }
    forms.extend(forms.clone().iter().map(|form| format!("[{form}]")));
    forms
}

static FORMS: std::sync::LazyLock<Vec<String>> = std::sync::LazyLock::new(forms);

/// A time in another form, which the kernel may read, or leave to the authority.
fn spelled(text: &str, local_is_utc: bool) -> Time {
    let bare = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = bare.split_once('.').unwrap_or((bare, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if bare.len() < 21
        && is_digits(whole)
        && is_digits(fraction)
        && (whole == "0" || !whole.starts_with('0'))
    {
        let is_date = matches!(text.len(), 4 | 6 | 8 | 12 | 14 | 17);
        if is_date && (text.starts_with("19") || text.starts_with("20")) {
            return Time::Odd;
        }
        return match epoch(text.trim_start_matches('+')) {
            Time::At(instant, _) => Time::At(instant, false),
            other => other,
        };
    }
    let standard = FORMS.iter().find_map(|form| standard(form, text));
    match standard.and_then(|standard| written(&standard, local_is_utc)) {
        Some((instant, _)) => Time::At(instant, false),
        None if !text.bytes().any(|byte| byte.is_ascii_digit()) => Time::Bad,
        // More can be read elsewhere than is known here.
        None => Time::Odd,
    }
}

/// The same time as RFC 3339 has it, if a text has a form.
fn standard(form: &str, text: &str) -> Option<String> {
    const MONTHS: &str = "janfebmaraprmayjunjulaugsepoctnovdec";
    text.is_ascii().then_some(())?;
    let mut parts = std::collections::HashMap::from([('s', "00".to_owned())]);
    let (mut zone, mut fraction) = (String::new(), String::new());
    let mut rest = text;
    for (index, part) in form.char_indices() {
        match part {
            'N' | 'W' => {
                let name = rest.get(..3)?.to_lowercase();
                let at = if part == 'N' { MONTHS } else { "montuewedthufrisatsun" }.find(&name)?;
                (at % 3 == 0).then_some(())?;
                if part == 'N' {
                    parts.insert('M', format!("{:02}", at / 3 + 1));
                }
                rest = &rest[3..];
            }
            'f' => {
                if let Some(digits) = rest.strip_prefix(['.', ',']) {
                    let end = digits.find(|digit: char| !digit.is_ascii_digit());
                    let end = end.unwrap_or(digits.len());
                    (end > 0).then_some(())?;
                    fraction = format!(".{}", &digits[..end]);
                    rest = &digits[end..];
                }
            }
            'z' | 'Z' => {
                let name = rest.strip_prefix(' ');
                if part == 'Z'
                    && name.is_none_or(|name| name.starts_with(|c: char| c.is_ascii_digit()))
                {
                    continue;
                }
                let name = name.unwrap_or(rest);
                let name = &name[..name.find([' ', ']']).unwrap_or(name.len())];
                zone = match name.to_lowercase().replace(':', "").as_str() {
                    "" => continue,
                    "utc" | "gmt" | "z" => "Z".to_owned(),
                    name if name.len() == 5 => format!("{}:{}", &name[..3], &name[3..]),
                    name if name.len() == 3 => format!("{name}:00"),
                    _ => return None,
                };
                rest = rest.strip_prefix(' ').unwrap_or(rest).strip_prefix(name).expect("its name");
                // As Go writes UTC.
                if part == 'z' && zone.ends_with("00:00") {
                    let upper = rest.get(..4).map(str::to_lowercase);
                    rest = if upper.as_deref() == Some(" utc") { &rest[4..] } else { rest };
                }
            }
            'd' => {
                let digit = rest.get(..1).filter(|text| text.as_bytes()[0].is_ascii_digit())?;
                parts.insert('D', format!("0{digit}"));
                rest = &rest[1..];
            }
            'Y' | 'M' | 'D' | 'h' | 'm' | 's' => {
                if form[..index].ends_with(part) {
                    continue;
                }
                let digits = if part == 'Y' { 4 } else { 2 };
                let number = rest.get(..digits)?;
                number.bytes().all(|byte| byte.is_ascii_digit()).then_some(())?;
                parts.insert(part, number.to_owned());
                rest = &rest[digits..];
            }
            'T' => rest = rest.strip_prefix(['T', 't'])?,
            _ => rest = rest.strip_prefix(part)?,
        }
    }
    rest.is_empty().then_some(())?;
    let [year, month, day, hour, minute, second] =
        ['Y', 'M', 'D', 'h', 'm', 's'].map(|part| parts[&part].clone());
    Some(format!("{year}-{month}-{day}T{hour}:{minute}:{second}{fraction}{zone}"))
}

/// A number of seconds, milliseconds, microseconds or nanoseconds.
fn epoch(literal: &str) -> Time {
    let exponent: i32 =
        literal.split(['e', 'E']).nth(1).map_or(0, |text| text.parse().expect("digits"));
    if literal.len() > 60 || exponent.abs() > 100 {
        return Time::Odd;
    }
    let number = decimal(literal);
    let one = decimal("1");
    let size = if number < BigInt::ZERO { -number.clone() } else { number.clone() };
    let Some(unit) = (0..4).find(|unit| size < &one * BigInt::from(10).pow(11 + 3 * unit)) else {
        return Time::Bad;
    };
    let nanos = number * BigInt::from(10).pow(9 - 3 * unit);
    // Towards the past.
    let below = ((&nanos % &one) + &one) % &one;
    let nanos: i128 = ((nanos - below) / &one).try_into().expect("a moment");
    let second = i64::try_from(nanos.div_euclid(1_000_000_000)).expect("a moment");
    let nanos = nanos.rem_euclid(1_000_000_000) as u32;
    let is_integer = literal.bytes().all(|byte| byte.is_ascii_digit());
    match second {
        ..-62_135_596_800 => Time::Bad,
        -62_135_596_800..-62_104_060_800 => Time::Odd,
        _ => Time::At(Instant { second, nanos }, is_integer && literal.len() < 19),
    }
}

/// Where the bucket of a second begins and ends: `size` seconds, but a change of the clock ends one.
fn bucket(second: i64, size: i64) -> (i64, i64) {
    let start = second - second.rem_euclid(size);
    let (before, behind) = (start < CHANGE && second >= CHANGE, start < CHANGE && second < CHANGE);
    let end = if behind { CHANGE.min(start + size) } else { start + size };
    (if before { CHANGE } else { start }, end)
}

/// The stretch around a second in which the buckets are regular, of those that share no second.
fn region(second: i64, size: i64) -> Region {
    let window = second - second.rem_euclid(16 * size);
    let end = window + 16 * size;
    if !(window..end).contains(&CHANGE) {
        return Region { from: window, to: end, size, first: window };
    }
    // A bucket of its own, of which a stretch may hold a part only.
    let (start, end) = bucket(second, size);
    let one = Region { from: start, to: end, size: end - start, first: start };
    let cut = start + (end - start) / 3;
    if second < cut { Region { to: cut, ..one } } else { Region { from: cut, ..one } }
}

/// Whether a value has more than 400 digits from the first that is not zero, or its last one is farther from the point.
fn is_out_of_range(literal: &str) -> bool {
    let (number, exponent) = literal.split_once(['e', 'E']).unwrap_or((literal, "0"));
    let places = number.split_once('.').map_or(0, |(_, fraction)| fraction.len() as i64);
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let last = exponent.parse::<i64>().map(|exponent| exponent.saturating_sub(places));
    digits.trim_start_matches('0').len() > 400
        || last.is_ok_and(|last| last.abs() > 400)
        || exponent.trim_start_matches(['+', '-', '0']).len() > 12
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
    /// The sum of the squares, if the query keeps it.
    pub squares: Option<BigInt>,
}

/// First second of the bucket and type; None: in no bucket, and all other types.
pub type Row = (Option<i64>, Option<String>);

/// The rows of a fold with numbers that compare by what they are worth.
pub fn rows(fold: &Fold) -> BTreeMap<Row, Stats> {
    let mut rows = BTreeMap::new();
    let tables = fold.tables();
    assert!(tables.is_sorted_by(|left, right| left.0 < right.0), "in order, each once");
    for (start, table) in tables {
        let types: Vec<TypeStats> = table.types.iter().collect();
        assert!(types.is_sorted_by(|left, right| left.name < right.name), "in order, each once");
        assert!(table.other.len() <= 1);
        let types = types.into_iter().map(|one| (Some(one.name.clone()), one));
        for (name, one) in types.chain(table.other.iter().map(|one| (None, one))) {
            let [sum, min, max] = [&one.sum, &one.min, &one.max].map(|text| {
                assert!(!text.contains(['e', 'E', '+']) && text != "-0", "plain text: {text}");
                decimal(text)
            });
            let squares = one.squares.as_deref().map(decimal);
            let stats = Stats { count: one.count, integral: one.integral, sum, min, max, squares };
            rows.insert((start, name), stats);
        }
    }
    rows
}

/// The types of a fold without buckets and without a limit.
pub fn types(fold: &Fold) -> BTreeMap<String, Stats> {
    let named = |((start, name), stats): (Row, Stats)| {
        assert_eq!(start, None);
        (name.expect("a type"), stats)
    };
    rows(fold).into_iter().map(named).collect()
}

/// Adds the row of all other types up, for each bucket.
fn limited(rows: BTreeMap<Row, Stats>, query: &Query) -> BTreeMap<Row, Stats> {
    let names: BTreeSet<Option<String>> = rows.keys().map(|(_, name)| name.clone()).collect();
    let mut before = 0;
    let is_first = |name: &Option<String>| {
        let length = name.as_ref().map_or(0, String::len);
        before += length;
        before - length < query.max_type_bytes
    };
    let first: BTreeSet<Option<String>> =
        names.into_iter().take(query.max_types).take_while(is_first).collect();
    let mut limited: BTreeMap<Row, Stats> = BTreeMap::new();
    for ((start, name), one) in rows {
        let row = (start, if first.contains(&name) { name } else { None });
        match limited.get_mut(&row) {
            None => drop(limited.insert(row, one)),
            Some(stats) => {
                stats.count += one.count;
                stats.integral &= one.integral;
                stats.sum += one.sum;
                stats.min = one.min.min(stats.min.clone());
                stats.max = one.max.max(stats.max.clone());
                stats.squares = stats.squares.take().zip(one.squares).map(|(own, one)| own + one);
            }
        }
    }
    limited
}

/// All events with type and value under the usual keys.
pub fn usual() -> Query {
    Query::of_keys("type", "value")
}

/// Folds a block as the authority does, which answers where it is asked.
pub fn fold_all(fold: &mut Fold, size: i64, block: &[u8], most: usize) -> (usize, Vec<HandedBack>) {
    let (mut line, mut start, mut all) = (0, 0, Vec::new());
    while start < block.len() {
        let mut handed_back = Vec::new();
        let part = fold.fold_part(&block[start..], &mut handed_back, most);
        all.extend(handed_back.into_iter().map(|back| HandedBack {
            line: line + back.line,
            start: start + back.start,
            end: start + back.end,
        }));
        line += part.lines;
        start += part.bytes;
        match part.ask {
            Some(Ask::Region(second)) => assert!(fold.add_region(region(second, size))),
            Some(Ask::Span(second)) => {
                let (from, to) = (second - second.rem_euclid(1 << 20), second | ((1 << 20) - 1));
                let change = CHANGE + 7_200;
                let (from, to) = match second < change {
                    true => (from, (to + 1).min(change)),
                    false => (from.max(change), to + 1),
                };
                let offset = offset(second) as i32;
                assert!(fold.add_span(Span { from, to, offset }));
            }
            None => assert!(part.bytes > 0 || block.len() == start),
        }
    }
    (line, all)
}

/// `assert_agrees_by` with buckets of an hour, if any.
pub fn assert_agrees(level: Level, query: &Query, blocks: &[&[u8]]) -> Vec<HandedBack> {
    assert_agrees_by(level, query, 3_600, blocks)
}

/// Folds the bytes in blocks and asserts that the kernel agrees with the oracle on every line it
/// takes, and takes every line that is common. Where it may count bad lines, it counts no others, whatever caches it
/// has: single ones are on or off there.
/// Buckets have a size in seconds.
pub fn assert_agrees_by(
    level: Level,
    query: &Query,
    size: i64,
    blocks: &[&[u8]],
) -> Vec<HandedBack> {
    let mut fold = Fold::with_level(level, query);
    // The same bytes always choose the same caches.
    let combinations = Caches::combinations();
    let sum = blocks
        .iter()
        .flat_map(|block| block.iter())
        .fold(0, |sum, &byte| (sum * 7 + usize::from(byte)) & 0xffff);
    let caches = combinations[sum % combinations.len()];
    let mut rejecting = Fold::with_caches(level, caches, query);
    rejecting.reject(true);
    let mut rejected = 0;
    let mut account = Account::default();
    let mut expected: BTreeMap<Row, Stats> = BTreeMap::new();
    let mut all = Vec::new();
    for &block in blocks {
        // A box of its own, so that the block ends where its memory ends.
        let own: Box<[u8]> = block.into();
        let (lines, handed_back) = fold_all(&mut fold, size, &own, usize::MAX);
        let (still_lines, mut still_handed_back) = fold_all(&mut rejecting, size, &own, usize::MAX);
        assert_eq!(still_lines, lines);
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
                    Meaning::Odd => still_handed_back.retain(|still| still != back),
                    Meaning::Blank => panic!("blank, yet handed back: {}", shown()),
                }
            } else {
                match meaning {
                    Meaning::Blank => account.blank += 1,
                    Meaning::Bad | Meaning::Odd => panic!("was taken: {}", shown()),
                    Meaning::Event { type_name, literal, time, .. } => {
                        let is_wanted =
                            query.types.as_ref().is_none_or(|types| types.contains(&type_name));
                        let timing = query.time.as_ref();
                        let is_inside = timing.zip(time).is_none_or(|(timing, time)| {
                            timing.since.is_none_or(|since| since <= time)
                                && timing.until.is_none_or(|until| time < until)
                        });
                        if !is_wanted || !is_inside {
                            account.filtered += 1;
                        } else {
                            account.accepted += 1;
                            let value = decimal(&literal);
                            // Its scale is twice that of the value: what is cut off are zeros.
                            let square = &value * &value / decimal("1");
                            let by = timing.zip(time).filter(|(timing, _)| timing.by);
                            let start = by.map(|(_, time)| bucket(time.second, size).0);
                            let row = (start, Some(type_name));
                            let stats = expected.entry(row).or_insert_with(|| Stats {
                                count: 0,
                                integral: true,
                                sum: BigInt::ZERO,
                                min: value.clone(),
                                max: value.clone(),
                                squares: query.aggregates.squares.then_some(BigInt::ZERO),
                            });
                            stats.count += 1;
                            stats.integral &= !literal.contains(['.', 'e', 'E']);
                            stats.sum += &value;
                            stats.min = value.clone().min(stats.min.clone());
                            stats.max = value.max(stats.max.clone());
                            stats.squares = stats.squares.take().map(|squares| squares + square);
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
    let expected = limited(expected, query);
    let shown = blocks.iter().map(|block| block.escape_ascii().to_string()).collect::<String>();
    let shown = format!("{caches:?} {shown}");
    assert_eq!(fold.account(), account, "{level:?} {shown}");
    let Account { rejected: by_reason, .. } = rejecting.account();
    assert_eq!(
        Account { rejected: Default::default(), ..rejecting.account() },
        account,
        "{level:?} {shown}"
    );
    assert_eq!(by_reason.iter().sum::<u64>(), rejected, "{level:?} {shown}");
    assert!(rows(&rejecting) == expected, "{level:?} {shown}");
    assert!(rows(&fold) == expected, "{level:?} {shown}\n{:?}\n{expected:?}", rows(&fold));
    all
}
