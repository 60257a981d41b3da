//! What is asked of times, and what becomes of one.

use crate::path::Ways;

/// A moment: seconds since 1970-01-01T00:00:00Z, and nanoseconds on top.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant {
    pub second: i64,
    pub nanos: u32,
}

/// What no stretch covers yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// A second of time.
    Region(i64),
    /// A second of local time, as if it were UTC.
    Span(i64),
}

/// A stretch of time, in seconds, in which buckets are regular, each `size` long. The one at `from`
/// begins at `first`, which may be before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    pub from: i64,
    pub to: i64,
    pub size: i64,
    pub first: i64,
}

/// A stretch of local time, in seconds as if it were UTC, that is `offset` seconds ahead of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub from: i64,
    pub to: i64,
    pub offset: i32,
}

/// A bucket by its number in the order of being met.
pub type Bucket = u32;

/// The bucket of all events where buckets are not asked for.
pub const NO_BUCKET: Bucket = u32::MAX;
/// In place of a bucket: the event is outside of the window.
pub const OUTSIDE: Bucket = u32::MAX - 1;

/// Where a time belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// A bucket, `NO_BUCKET` or `OUTSIDE`.
    In(Bucket),
    /// It is the authority's to say.
    Unsure,
    Unknown(Ask),
}

/// What the time of an event means.
#[derive(Clone, Debug)]
pub struct Timing {
    pub ways: Ways,
    /// The window: its first moment, and the first after it.
    pub since: Option<Instant>,
    pub until: Option<Instant>,
    /// Stats are kept for each bucket of time.
    pub by: bool,
    /// A time without an offset is in UTC; else the authority tells the offset.
    pub local_is_utc: bool,
    /// An event that has no time is in no bucket; else it is no event.
    pub optional: bool,
    /// All times have this form, in the words of strptime; None: those that are read without one.
    pub format: Option<String>,
}

/// How far local time is ahead of UTC, in seconds; or `LOCAL`: that of the input zone.
pub type Offset = i32;
pub const LOCAL: Offset = i32::MAX;
