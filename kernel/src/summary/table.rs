//! What is given out: the types of each bucket in the order of their names, numbers as text.

use super::aggregates::{Narrow, States, TypeStats, Which};
use super::entry::{Entry, INTEGRAL, WIDE};
use super::{Place, Summary, first_bytes};
use crate::exact;
use crate::memory;
use crate::moment::Bucket;
use crate::wide::Portable;
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;
impl Summary {
    /// The types that have values, in the order of their UTF-8 bytes, bucket by bucket in no order.
    pub fn tables(&self) -> Vec<Table> {
        if let Some(beyond) = self.first_beyond() {
            let mut limited = Self { beyond: Some(beyond), ..self.emptied(false) };
            memory::probe(self.size());
            limited.merge(Portable, &mut self.clone(), |bucket| bucket);
            return limited.tables();
        }
        let mut orders: Vec<Order> = Vec::new();
        let mut known = HashMap::new();
        let mut at = 0;
        for (place, entry) in (0..).zip(&self.entries).filter(|(_, entry)| entry.count > 0) {
            let (of, bucket) = self.cells.origin(place);
            if orders.get(at).is_none_or(|order| order.bucket != bucket) {
                at = *known.entry(bucket).or_insert(orders.len());
                if at == orders.len() {
                    orders.push(Order { bucket, types: Vec::new(), other: Vec::new() });
                }
            }
            let Order { types, other, .. } = &mut orders[at];
            let order = if Some(of) == self.other { other } else { types };
            memory::push(order, (first_bytes(entry.tag.name(&self.names)), place));
        }
        let table = |order: Order| Table {
            bucket: order.bucket,
            types: self.in_order(order.types),
            other: self.in_order(order.other),
        };
        orders.into_iter().map(table).collect()
    }

    /// About how many bytes a copy takes.
    fn size(&self) -> usize {
        size_of_val(&*self.entries)
            + size_of_val(&*self.slots)
            + size_of_val(&*self.names)
            + size_of_val(&*self.cells.origins)
            + self.cells.places.size()
            + self.wide.len() * (size_of::<Vec<States>>() + 2 * size_of::<States>())
    }

    fn in_order(&self, mut order: Vec<(u128, Place)>) -> Types {
        let name = |place: Place| self.entries[place as usize].tag.name(&self.names);
        order.sort_unstable_by(|left, right| {
            left.0.cmp(&right.0).then_with(|| name(left.1).cmp(name(right.1)))
        });
        let mut types = Types {
            entries: memory::with_capacity(order.len()),
            names: Vec::new(),
            wide: Vec::new(),
        };
        for (_, place) in order {
            let mut entry = self.entries[place as usize].clone();
            if entry.tag.is_long() {
                let name = Arc::clone(&self.names[entry.tag.long()]);
                entry.tag.set_long(types.names.len());
                memory::push(&mut types.names, name);
            }
            if entry.scale() == WIDE {
                let states = self.wide[entry.narrow.index()].clone();
                entry.narrow = Narrow::at(types.wide.len());
                memory::push(&mut types.wide, states);
            }
            types.entries.push(entry);
        }
        types
    }
}

/// The entries of a bucket, with the first bytes of their names: most names differ there, and are
/// compared without going to them.
struct Order {
    bucket: Bucket,
    types: Vec<(u128, Place)>,
    other: Vec<(u128, Place)>,
}

/// The types of a bucket as they are given out.
#[derive(Debug)]
pub struct Table {
    /// `NO_BUCKET`: of what is in no bucket.
    pub bucket: Bucket,
    pub types: Types,
    /// A single row, if there is any: that of all other types. It has no name.
    pub other: Types,
}

/// What is known of each type.
#[derive(Clone, Copy, Debug)]
pub enum Column {
    Name,
    Count,
    /// Whether all values were written as integers.
    Integral,
    Number(Which),
}

impl Column {
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "type" => Some(Self::Name),
            "count" => Some(Self::Count),
            "integral" => Some(Self::Integral),
            _ => Which::named(name).map(Self::Number),
        }
    }
}

/// Types as they are given out, each by its index. Numbers become text only where it is asked for:
/// among very many types that takes longer than to fold them.
#[derive(Debug, Default)]
pub struct Types {
    entries: Vec<Entry>,
    names: Vec<Arc<[u8]>>,
    wide: Vec<Vec<States>>,
}

impl Types {
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn name(&self, index: usize) -> &str {
        let name = self.entries[index].tag.name(&self.names);
        str::from_utf8(name).expect("names are valid UTF-8")
    }

    pub fn count(&self, index: usize) -> u64 {
        self.entries[index].count
    }

    pub fn integral(&self, index: usize) -> bool {
        self.entries[index].tag.0[INTEGRAL] == 1
    }

    /// Appends the number in plain decimal notation: where all values were integral, without a
    /// point; else with one, and no more zeros at the end than one right after it. Appends nothing if
    /// it is not kept.
    pub fn write(&self, index: usize, which: Which, text: &mut String) {
        let entry = &self.entries[index];
        let from = text.len();
        if entry.scale() == WIDE {
            match States::total(&self.wide[entry.narrow.index()], which) {
                Some(total) => text.push_str(&total.text()),
                None => return,
            }
        } else {
            match entry.narrow.mantissa(which) {
                Some(mantissa) => exact::write(mantissa, entry.scale(), text),
                None => return,
            }
        }
        if entry.tag.0[INTEGRAL] == 1 {
            return;
        }
        if text[from..].contains('.') {
            text.truncate(text.trim_end_matches('0').len());
            if text.ends_with('.') {
                text.push('0');
            }
        } else {
            text.push_str(".0");
        }
    }

    /// The bytes of all names.
    pub fn name_bytes(&self) -> usize {
        self.entries.iter().map(|entry| entry.tag.name(&self.names).len()).sum()
    }

    /// Gives out the text of each type, piece by piece: the literals, between them one of the columns
    /// each, and between two types what stands there. Names are as in a JSON string.
    pub fn write_all(
        &self,
        literals: &[String],
        columns: &[Column],
        between: &str,
        mut write: impl FnMut(&str),
    ) {
        let mut text = String::new();
        for index in 0..self.len() {
            if index > 0 {
                write(between);
            }
            for (at, literal) in literals.iter().enumerate() {
                write(literal);
                text.clear();
                match columns.get(at) {
                    Some(Column::Name) => write_escaped(self.name(index), &mut write),
                    Some(Column::Count) => {
                        write!(text, "{}", self.count(index)).expect("a String takes all");
                    }
                    Some(Column::Integral) => {
                        write!(text, "{}", self.integral(index)).expect("a String takes all");
                    }
                    Some(Column::Number(which)) => self.write(index, *which, &mut text),
                    None => {}
                }
                write(&text);
            }
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = TypeStats> {
        let text = |index, which| {
            let mut text = String::new();
            self.write(index, which, &mut text);
            (!text.is_empty()).then_some(text)
        };
        (0..self.len()).map(move |index| {
            let (name, count, integral) =
                (self.name(index), self.count(index), self.integral(index));
            TypeStats::new(name, count, integral, |which| text(index, which))
        })
    }
}

/// Gives out a text with the escapes of a JSON string, as orjson writes them.
fn write_escaped(mut text: &str, write: &mut impl FnMut(&str)) {
    let is_special = |&byte: &u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    while let Some(at) = text.as_bytes().iter().position(is_special) {
        write(&text[..at]);
        match text.as_bytes()[at] {
            b'"' => write("\\\""),
            b'\\' => write("\\\\"),
            0x08 => write("\\b"),
            b'\t' => write("\\t"),
            b'\n' => write("\\n"),
            0x0c => write("\\f"),
            b'\r' => write("\\r"),
            byte => write(&format!("\\u{byte:04x}")),
        }
        text = &text[at + 1..];
    }
    write(text);
}
