//! What was asked for: where the fields are, what replaces a value, and what is kept.

pub use crate::moment::Timing;
use crate::path::Ways;
use crate::summary::Optional;
use crate::text;

/// What a line means and what is kept of it.
#[derive(Clone, Debug)]
pub struct Query {
    pub type_ways: Ways,
    /// Without a way, no line has a value.
    pub value_ways: Ways,
    /// The literal of the value of an event that has none; None: such a line is not an event.
    pub absent: Option<String>,
    /// Strings that hold a number are values, too.
    pub numeric_strings: bool,
    /// The authority takes what is certain from damaged lines.
    pub salvage: bool,
    /// The types that are kept; None: all.
    pub types: Option<Vec<String>>,
    /// None: time is not looked at.
    pub time: Option<Timing>,
    /// How many types have a row of their own: those that are first in the order of code points.
    pub max_types: usize,
    /// And as long as the names of those before them have fewer bytes.
    pub max_type_bytes: usize,
    /// The optional aggregates that are kept.
    pub aggregates: Optional,
    /// What else than a string is a type, and what counts as missing.
    pub shape: Shape,
}

/// What is widened for logs that do not always have what an event needs. By default nothing is.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    /// Numbers and words are types, too.
    pub scalar_types: bool,
    /// An event without a type has one all the same: the authority knows which.
    pub may_lack_type: bool,
    /// The JSON texts of values that count as missing; of strings, with their quotes.
    missing: Vec<Vec<u8>>,
    /// Strings are among them.
    has_strings: bool,
}

impl Shape {
    pub fn new(scalar_types: bool, may_lack_type: bool, missing: &[String]) -> Self {
        let missing: Vec<_> = missing.iter().map(|text| text.clone().into_bytes()).collect();
        let has_strings = missing.iter().any(|text| text.first() == Some(&b'"'));
        Self { scalar_types, may_lack_type, missing, has_strings }
    }

    pub fn has_missing(&self) -> bool {
        !self.missing.is_empty()
    }

    pub fn is_plain(&self) -> bool {
        !self.scalar_types && !self.may_lack_type && !self.has_missing()
    }

    /// Whether the value that begins at `at` in a valid line counts as missing; None: it is not certain.
    pub fn is_missing(&self, block: &[u8], at: usize) -> Option<bool> {
        let end = match block[at] {
            b'"' => text::string_end(block, at + 1) + 1,
            b'{' | b'[' => return Some(false),
            _ => scalar_end(block, at),
        };
        let own = &block[at..end];
        if self.has_strings && own[0] == b'"' && own.contains(&b'\\') {
            return None;
        }
        Some(self.missing.iter().any(|text| text == own))
    }
}

/// The byte after the number or word that begins at `at` in a valid line.
pub fn scalar_end(block: &[u8], at: usize) -> usize {
    let ends = |byte: &u8| text::is_space(*byte) || matches!(byte, b',' | b'}' | b']' | b'\n');
    block[at..].iter().position(ends).map_or(block.len(), |length| at + length)
}

impl Query {
    /// All events with type and value under these keys of the outermost object.
    pub fn of_keys(type_key: &str, value_key: &str) -> Self {
        let ways = |key: &str| vec![vec![key.to_owned()]];
        Self {
            type_ways: ways(type_key),
            value_ways: ways(value_key),
            absent: None,
            numeric_strings: false,
            salvage: false,
            types: None,
            time: None,
            max_types: usize::MAX,
            max_type_bytes: usize::MAX,
            aggregates: Optional::default(),
            shape: Shape::default(),
        }
    }
}
