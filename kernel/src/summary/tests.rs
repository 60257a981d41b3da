use super::*;
use crate::wide::Portable;
use std::collections::{BTreeMap, BTreeSet};

const MOST: Most = Most { types: usize::MAX, bytes: usize::MAX };

/// What became of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Added {
    Accepted,
    /// The type was not asked for.
    Filtered,
    /// A sum would overflow.
    Refused,
}

fn add(summary: &mut Summary, name: &str, value: Exact) -> Added {
    let key = summary.key(name.as_bytes(), 0, name.len());
    match summary.place(&key, name.as_bytes()) {
        Some(place) if summary.add_long(place, value) => Added::Accepted,
        Some(_) => Added::Refused,
        None => Added::Filtered,
    }
}

fn exact(mantissa: i128, scale: u8) -> Exact {
    Exact { mantissa, scale, integral: scale == 0 }
}

fn shown(summary: &Summary) -> Vec<String> {
    let show = |one: TypeStats| {
        format!("{} {} {} {} {} {}", one.name, one.count, one.integral, one.sum, one.min, one.max)
    };
    let tables = summary.tables();
    assert!(tables.iter().all(|table| table.bucket == NO_BUCKET && table.other.is_empty()));
    tables.iter().flat_map(|table| table.types.iter()).map(show).collect()
}

/// Values of any scale and size add up exactly, in either order of merging.
#[test]
fn sums() {
    let values = [
        exact(1, 0),
        exact(-5, 2),
        exact(10_i128.pow(35), 0),
        exact(7, 60),
        exact(i128::from(i64::MAX), 0),
    ];
    let mut whole = Summary::new(None, MOST);
    let mut joined = Summary::new(None, MOST);
    for value in values {
        assert_eq!(add(&mut whole, "a", value), Added::Accepted);
        let mut part = Summary::new(None, MOST);
        add(&mut part, "a", value);
        joined.merge(Portable, &mut part, |bucket| bucket);
        assert!(part.tables().is_empty());
    }
    let sum = format!("{}{}.95{}7", "1", "00000000000000009223372036854775807", "0".repeat(57));
    let expected = format!("a 5 false {sum} -0.05 1{}.0", "0".repeat(35));
    assert_eq!(shown(&joined), std::slice::from_ref(&expected));
    assert_eq!(shown(&whole), [expected]);
}

/// A value at a smaller scale than the sum, too large to be brought up to it, is still exact.
#[test]
fn scales_far_apart() {
    let mut summary = Summary::new(None, MOST);
    for value in [exact(1, 18), exact(i128::from(i64::MAX), 0), exact(1, 40), exact(0, 0)] {
        assert_eq!(add(&mut summary, "a", value), Added::Accepted);
    }
    let sum = "9223372036854775807.0000000000000000010000000000000000000001";
    assert_eq!(shown(&summary), [format!("a 4 false {sum} 0.0 9223372036854775807.0")]);
}

/// A sum that would overflow is refused and changes nothing.
#[test]
fn refused() {
    let mut summary = Summary::new(None, MOST);
    assert_eq!(add(&mut summary, "a", exact(i128::MAX, 0)), Added::Accepted);
    let before = shown(&summary);
    assert_eq!(add(&mut summary, "a", exact(1, 0)), Added::Refused);
    assert_eq!(shown(&summary), before);
}

/// Only wanted types have a place, before and after a merge and once emptied.
#[test]
fn wanted() {
    let mut summary = Summary::new(Some(&["b".to_owned(), "a".to_owned()]), MOST);
    assert_eq!(add(&mut summary, "a", exact(1, 0)), Added::Accepted);
    assert_eq!(add(&mut summary, "c", exact(1, 0)), Added::Filtered);
    assert_eq!(shown(&summary), ["a 1 true 1 1 1"]);
    let mut other = Summary::new(Some(&["a".to_owned(), "b".to_owned()]), MOST);
    other.merge(Portable, &mut summary, |bucket| bucket);
    assert_eq!(shown(&other), ["a 1 true 1 1 1"]);
    assert_eq!(shown(&summary), [""; 0]);
    assert_eq!(add(&mut summary, "c", exact(1, 0)), Added::Filtered);
    assert_eq!(add(&mut summary, "b", exact(2, 0)), Added::Accepted);
    assert_eq!(shown(&summary), ["b 1 true 2 2 2"]);
}

/// Types are distinguished and given out in the order of their code points.
#[test]
fn order() {
    let mut summary = Summary::new(None, MOST);
    let mut names: Vec<String> =
        (0..5_000).map(|at| format!("{}{at}", if at % 2 == 0 { "é" } else { "z" })).collect();
    for name in &names {
        add(&mut summary, name, exact(1, 0));
    }
    names.sort_by(|left, right| left.chars().cmp(right.chars()));
    let table = summary.tables().pop().expect("one of types without buckets");
    assert!(table.types.iter().map(|one| one.name).eq(names));
}

/// Rows of a model: bucket, type (None: all others), count and sum.
type Rows = BTreeMap<(Bucket, Option<String>), (u64, i128)>;

fn rows(summary: &Summary) -> Rows {
    let mut rows = Rows::new();
    for table in summary.tables() {
        assert!(table.other.len() <= 1);
        let names = table.types.iter().map(|one| (Some(one.name.clone()), one));
        for (name, one) in names.chain(table.other.iter().map(|one| (None, one))) {
            let row = (one.count, one.sum.parse().expect("an integer"));
            assert_eq!(rows.insert((table.bucket, name), row), None, "once");
        }
    }
    rows
}

/// The first `most` types have their own rows and the others one, for each bucket, whatever the
/// order, however the values are spread over summaries that are merged, and however often types
/// were sorted out; and all adds up.
#[test]
fn first_types() {
    let mut seed = 1_u64;
    let mut below = |limit: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % limit
    };
    for round in 0..60 {
        let types = [0, 1, 3, 50, 400, usize::MAX][round % 6];
        let bytes = [usize::MAX, 0, 1, 60, 300, 9_000, 40_000][round % 7];
        let most = Most { types, bytes };
        let mut parts: Vec<Summary> = (0..3).map(|_| Summary::new(None, most)).collect();
        let mut model = Rows::new();
        let mut names = BTreeSet::new();
        let count = 1 + below(2_000);
        for at in 0..count {
            let number = [below(1_000), count - at, 40_000 + at, at % 7][round / 6 % 4];
            let name = match number % 3 {
                0 => format!("{number:05}"),
                1 => format!("a long name of a type that has the number {number:05}"),
                _ => format!("é{number:05}"),
            };
            let bucket = if round % 2 == 0 { NO_BUCKET } else { below(5) as Bucket };
            let value = below(1 << 30) as i128 - (1 << 29);
            let summary = &mut parts[below(3) as usize];
            let key = summary.key(name.as_bytes(), 0, name.len());
            let mut place = summary.place(&key, name.as_bytes()).expect("a place");
            if bucket != NO_BUCKET {
                place = summary.cell(place, bucket).expect("a cell");
            }
            assert!(summary.add_any(place, exact(value, 0)));
            if summary.is_overfull() {
                summary.limit(Portable);
                assert!(summary.count() <= types.saturating_add(slack(types)));
                assert!(summary.name_bytes < bytes.saturating_add(100));
            }
            let row = model.entry((bucket, Some(name.clone()))).or_default();
            *row = (row.0 + 1, row.1 + value);
            names.insert(name);
        }
        let mut before = 0;
        let is_first = |name: &String| {
            before += name.len();
            before - name.len() < bytes
        };
        let first: BTreeSet<String> = names.into_iter().take(types).take_while(is_first).collect();
        let mut expected = Rows::new();
        for ((bucket, name), (count, sum)) in model {
            let row =
                expected.entry((bucket, name.filter(|name| first.contains(name)))).or_default();
            *row = (row.0 + count, row.1 + sum);
        }
        let mut joined = Summary::new(None, if round % 2 == 0 { most } else { MOST });
        for index in [0, 1, 2_usize] {
            joined.merge(Portable, &mut parts[(round + index) % 3], |bucket| bucket);
        }
        assert!(parts.iter().all(|part| rows(part).is_empty()));
        assert_eq!(rows(&joined), expected, "{round}");
        let mut limited = joined.clone();
        limited.limit(Portable);
        assert_eq!(rows(&limited), expected, "{round}");
    }
}

/// Where types were asked for, the limit holds for those that were seen.
#[test]
fn wanted_and_limited() {
    let wanted = ["d", "c", "b", "a"].map(str::to_owned);
    let mut summary = Summary::new(Some(&wanted), Most { types: 2, ..MOST });
    for name in ["d", "b", "c", "e"] {
        add(&mut summary, name, exact(1, 0));
    }
    let expected = [(Some("b"), 1), (Some("c"), 1), (None, 1)];
    let expected: Rows = expected
        .into_iter()
        .map(|(name, one)| ((NO_BUCKET, name.map(str::to_owned)), (1, one)))
        .collect();
    assert!(!summary.is_overfull());
    assert_eq!(rows(&summary), expected);
    assert_eq!(add(&mut summary, "e", exact(1, 0)), Added::Filtered);
    assert_eq!(add(&mut summary, "a", exact(1, 0)), Added::Accepted);
}
