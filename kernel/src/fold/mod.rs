//! The fold: blocks of whole lines in, state out, and the places of the lines it does not take.
//!
//! Walks over the lines of a block and keeps the account. What a line means is in `parse` and
//! `exact`, the state in `summary`. Nothing here gives a reason in words: a line that is not certain to be
//! an event goes back to the authority by its place; unless nobody asks for more than the reason, and
//! that is certain, too.

mod lines;
mod types;

use crate::caches::Caches;
use crate::exact::{self, Exact, Number};
use crate::judge::{Judge, Reason};
use crate::path::Paths;
use crate::query::{Query, Shape};
use crate::shapes::Shapes;
use crate::summary::{Most, Summary, Table};
use crate::time::{Ask, Clock, NO_BUCKET, Region, Span};
use crate::wide::{Level, Task, Wide};
use lines::fold_lines;
use types::{MOST_WAITING, Recent, Waiting, limit};

/// A line that is left to the authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HandedBack {
    /// Which line of the block, from 0.
    pub line: usize,
    /// Its first byte in the block, and the one after its last, without "\n".
    pub start: usize,
    pub end: usize,
}

/// How much of a block was folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub lines: usize,
    pub bytes: usize,
    /// What must be known before the next line can be folded.
    pub ask: Option<Ask>,
}

/// What became of the lines that were not handed back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    pub accepted: u64,
    pub filtered: u64,
    pub blank: u64,
    /// By reason.
    pub rejected: [u64; Reason::ALL.len()],
}

/// The state of a fold.
#[derive(Debug)]
pub struct Fold {
    level: Level,
    paths: Paths,
    /// The value of an event that has none; None: such a line is handed back.
    absent: Option<Exact>,
    judge: Judge,
    /// Lines that are certainly no events are counted, not handed back.
    rejects: bool,
    numeric_strings: bool,
    summary: Summary,
    account: Account,
    recent: Recent,
    shapes: Shapes,
    waiting: Vec<Waiting>,
    text: Vec<u8>,
    /// None: time is not looked at.
    clock: Option<Clock>,
    shape: Shape,
}

impl Fold {
    /// A fold at the fastest level of this processor.
    pub fn new(query: &Query) -> Self {
        Self::with_level(Level::fastest(), query)
    }

    pub fn with_level(level: Level, query: &Query) -> Self {
        Self::with_caches(level, Caches::ALL, query)
    }

    /// A fold that uses these caches only.
    pub fn with_caches(level: Level, caches: Caches, query: &Query) -> Self {
        // One that is not read here, or is too long for a quick sum, is the authority's to add.
        let short = query.absent.as_ref().and_then(|literal| {
            let (exact, length) = exact::read_long(literal.as_bytes())?;
            let mantissa =
                i64::try_from(exact.mantissa).ok().filter(|_| length == literal.len())?;
            Some(Number { mantissa, scale: exact.scale, integral: exact.integral })
        });
        // To a cache, a string that counts as missing is a type like any other.
        let caches = if query.shape.has_missing() { Caches::NONE } else { caches };
        let absent = short.unwrap_or(Number { mantissa: 0, scale: 0, integral: true });
        let time_ways = query.time.as_ref().map(|timing| timing.ways.clone()).unwrap_or_default();
        Self {
            level,
            paths: Paths::new(&query.type_ways, &query.value_ways, &time_ways),
            absent: short.map(Exact::from),
            judge: Judge::new(
                query.absent.is_some(),
                query.numeric_strings,
                query.salvage,
                query.time.as_ref().map(|timing| timing.optional),
            )
            .with_form(query.time.as_ref().is_some_and(|timing| timing.format.is_some()))
            .with_shape(query.shape.is_plain()),
            rejects: false,
            numeric_strings: query.numeric_strings,
            summary: Summary::with_optional(
                query.types.as_deref(),
                Most { types: query.max_types, bytes: query.max_type_bytes },
                query.aggregates,
            ),
            account: Account::default(),
            recent: Recent::new(),
            shapes: Shapes::new(caches, absent),
            waiting: Vec::with_capacity(MOST_WAITING),
            text: Vec::new(),
            clock: query.time.as_ref().map(Clock::new),
            shape: query.shape.clone(),
        }
    }

    pub fn level(&self) -> Level {
        self.level
    }

    /// Folds a block of whole lines, of which the last may lack its "\n". Gives the number of
    /// lines; those that are left to the authority are appended to `handed_back`, in order. It is
    /// for folds that have nothing to ask.
    pub fn fold(&mut self, block: &[u8], handed_back: &mut Vec<HandedBack>) -> usize {
        let part = self.fold_part(block, handed_back, usize::MAX);
        assert_eq!(part.ask, None, "nobody answers");
        part.lines
    }

    /// Folds as `fold` does, but stops soon after `most` lines were handed back, so that their
    /// places take bounded memory, and where it must ask. The rest of the block is a block of its
    /// own.
    pub fn fold_part(
        &mut self,
        block: &[u8],
        handed_back: &mut Vec<HandedBack>,
        most: usize,
    ) -> Part {
        let from = handed_back.len();
        let full = from.saturating_add(most);
        let part = self.level.run(FoldBlock { fold: self, block, handed_back, full });
        // A value that waited may have been refused late.
        if !handed_back[from..].is_sorted() {
            handed_back[from..].sort_unstable();
        }
        part
    }

    /// From now on, whether to count lines that are certainly no events by reason, in place of handing
    /// them back.
    pub fn reject(&mut self, rejects: bool) {
        self.rejects = rejects;
    }

    /// Takes up a stretch of time that was asked for. False: it is none.
    pub fn add_region(&mut self, region: Region) -> bool {
        self.clock.as_mut().is_some_and(|clock| clock.add_region(region))
    }

    /// Takes up a stretch of local time that was asked for. False: it is none.
    pub fn add_span(&mut self, span: Span) -> bool {
        self.clock.as_mut().is_some_and(|clock| clock.add_span(span))
    }

    /// Adds the state of another fold of the same query, which is left empty.
    pub fn merge(&mut self, other: &mut Self) {
        let account = std::mem::take(&mut other.account);
        self.account.accepted += account.accepted;
        self.account.filtered += account.filtered;
        self.account.blank += account.blank;
        for (own, count) in self.account.rejected.iter_mut().zip(account.rejected) {
            *own += count;
        }
        other.recent.clear();
        other.shapes.templates.clear();
        self.level.run(MergeSummary { fold: self, other });
    }

    pub fn account(&self) -> Account {
        self.account
    }

    /// What was added up, for each bucket in the order of time, each with its first second (None: of
    /// what is in no bucket).
    pub fn tables(&self) -> Vec<(Option<i64>, Table)> {
        let tables = self.summary.tables().into_iter();
        let start = |bucket| match &self.clock {
            Some(clock) if bucket != NO_BUCKET => Some(clock.start(bucket)),
            _ => None,
        };
        let mut tables: Vec<_> = tables.map(|table| (start(table.bucket), table)).collect();
        tables.sort_by_key(|(start, _)| *start);
        tables
    }
}

/// `Fold::fold_part` at a level.
struct FoldBlock<'a> {
    fold: &'a mut Fold,
    block: &'a [u8],
    handed_back: &'a mut Vec<HandedBack>,
    full: usize,
}

impl Task for FoldBlock<'_> {
    type Output = Part;

    #[inline(always)]
    fn run<W: Wide>(self, wide: W) -> Part {
        let Self { fold, block, handed_back, full } = self;
        // Without time, nothing of it is to cost anything.
        match fold.clock {
            None => fold_lines::<W, false>(wide, fold, block, handed_back, full),
            Some(_) => fold_lines::<W, true>(wide, fold, block, handed_back, full),
        }
    }
}

/// `Summary::merge`, and what is due after it, at a level.
struct MergeSummary<'a> {
    fold: &'a mut Fold,
    other: &'a mut Fold,
}

impl Task for MergeSummary<'_> {
    type Output = ();

    #[inline(always)]
    fn run<W: Wide>(self, wide: W) {
        let Self { fold, other } = self;
        match (&mut fold.clock, &mut other.clock) {
            (Some(own), Some(clock)) => {
                let bucket = |bucket| own.bucket(clock.start(bucket));
                fold.summary.merge(wide, &mut other.summary, bucket);
                clock.clear();
            }
            _ => fold.summary.merge(wide, &mut other.summary, |bucket| bucket),
        }
        limit(wide, fold);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines are counted, blank ones too, and those handed back have their places.
    #[test]
    fn account_and_places() {
        let block = "{\"type\":\"a\",\"value\":1}\n\n \r\nbad\n{\"type\":\"b\",\"value\":2}\r\n{\"type\":\"a\"";
        for level in Level::all() {
            let query =
                Query { types: Some(vec!["a".to_owned()]), ..Query::of_keys("type", "value") };
            let mut fold = Fold::with_level(level, &query);
            let mut handed_back = Vec::new();
            assert_eq!(fold.fold(block.as_bytes(), &mut handed_back), 6);
            let places = [
                HandedBack { line: 3, start: 27, end: 30 },
                HandedBack { line: 5, start: 55, end: 66 },
            ];
            assert_eq!(handed_back, places);
            let expected =
                Account { accepted: 1, filtered: 1, blank: 2, rejected: [0; Reason::ALL.len()] };
            assert_eq!(fold.account(), expected);
            assert_eq!(fold.fold(b"", &mut handed_back), 0);
        }
    }

    /// Lines that are certainly no events are counted by their first reason where that is all that is
    /// asked for.
    #[test]
    fn rejects() {
        let block = concat!(
            "{\"type\":1}\n{\"type\":\"a\",\"value\":1\nnull\nbad\n{}\n{\"type\":null,\"value\":\"1\"}\n",
            "{\"type\":\"a\"}\n{\"value\":1}\n{\"type\":\"a\",\"value\":\"1\"}\n{\"type\":\"a\",\"value\":1e999}\n",
            "{\"type\":\"a\",\"value\":1,\"x\":1.79e308}",
        );
        for level in Level::all() {
            let mut fold = Fold::with_level(level, &Query::of_keys("type", "value"));
            let mut handed_back = Vec::new();
            fold.fold(block.as_bytes(), &mut handed_back);
            assert_eq!((handed_back.len(), fold.account()), (11, Account::default()));
            fold.reject(true);
            handed_back.clear();
            fold.fold(block.as_bytes(), &mut handed_back);
            let places = handed_back.iter().map(|place| place.line);
            assert!(places.eq([10]), "of that no reason is certain");
            assert_eq!(fold.account().rejected, [0, 2, 0, 1, 2, 2, 1, 1, 1, 0, 0]);
        }
    }

    /// Lines that are refused late are still in order, after those of earlier blocks.
    #[test]
    fn late_refusals() {
        let large =
            format!("{{\"type\":\"{}\",\"value\":{}}}\n", "long".repeat(40), "9".repeat(36));
        let block = format!("{}bad\n", large).repeat(300);
        for level in Level::all() {
            let mut fold = Fold::with_level(level, &Query::of_keys("type", "value"));
            let mut handed_back = vec![HandedBack { line: 9, start: 9, end: 9 }];
            fold.fold(block.as_bytes(), &mut handed_back);
            assert!(handed_back.len() > 301 && handed_back[1..].is_sorted());
            assert_eq!(fold.account().accepted as usize + handed_back.len() - 1, 600);
        }
    }
}
