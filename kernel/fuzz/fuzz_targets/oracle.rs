//! Fuzz target: the Rust body agrees with the slow, obvious fold of its tests, with all caches and with others.
//!
//! Needs no Python, so it is far quicker than `bodies`. The level is that of EVENTSTATS_KERNEL, or one that the input
//! chooses.

#![no_main]

#[allow(dead_code)]
#[path = "../../tests/oracle/mod.rs"]
mod oracle;

use eventstats_kernel::query::{Query, Timing};
use eventstats_kernel::summary::Optional;
use eventstats_kernel::wide::Level;
use libfuzzer_sys::fuzz_target;
use oracle::{assert_agrees_by, usual};
use std::sync::OnceLock;

static LEVELS: OnceLock<Vec<Level>> = OnceLock::new();

fn levels() -> Vec<Level> {
    let wish = std::env::var("EVENTSTATS_KERNEL").unwrap_or_default();
    let wish = wish.strip_prefix("rust-").unwrap_or("");
    let levels = Level::all().into_iter().filter(|level| wish.is_empty() || level.name() == wish);
    let levels: Vec<Level> = levels.collect();
    assert!(!levels.is_empty(), "a level of this processor");
    levels
}

fn query(number: u8) -> Query {
    let ways = |path: &[&str]| vec![path.iter().map(|&part| part.to_owned()).collect::<Vec<_>>()];
    let timing = Timing {
        ways: ways(&["at"]),
        since: None,
        until: None,
        by: number & 16 == 0,
        local_is_utc: number & 32 == 0,
        format: None,
        optional: number & 64 == 0,
    };
    let query = match number % 8 {
        0..3 => usual(),
        3 => Query { time: Some(timing), ..usual() },
        4 => Query { type_ways: ways(&["data", "type"]), value_ways: ways(&["data", "value"]), ..usual() },
        5 => Query { value_ways: Vec::new(), absent: Some("0".to_owned()), ..usual() },
        6 => Query { absent: Some("7".to_owned()), numeric_strings: true, ..usual() },
        _ => Query { types: Some(vec!["a".to_owned(), "page_view".to_owned()]), max_types: 2, ..usual() },
    };
    Query { aggregates: Optional { squares: number & 8 != 0 }, ..query }
}

fuzz_target!(|input: &[u8]| {
    let [level, number, cut, log @ ..] = input else { return };
    let levels = LEVELS.get_or_init(levels);
    let level = levels[usize::from(*level) % levels.len()];
    // Blocks of whole lines.
    let lines: Vec<&[u8]> = log.split_inclusive(|&byte| byte == b'\n').collect();
    let blocks = lines.chunks(1 + usize::from(*cut)).map(<[_]>::concat).collect::<Vec<_>>();
    let blocks: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
    assert_agrees_by(level, &query(*number), 3_600, &blocks);
});
