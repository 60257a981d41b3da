//! What was asked for: where the fields stand, what stands in for a value, and what is kept.

pub use crate::moment::Timing;
use crate::path::Ways;
use crate::summary::Optional;

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
        }
    }
}
