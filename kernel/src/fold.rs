//! The fold: blocks of whole lines in, state out, and the places of the lines it does not take.
//!
//! Walks over the lines of a block and keeps the account. What a line means is in `parse` and
//! `exact`, the state in `summary`. Nothing here gives a reason in words: a line that is not certain to be
//! an event goes back to the authority by its place; unless nobody asks for more than the reason, and
//! that is certain, too.

use crate::caches::Caches;
use crate::event::{Event, Match, NOWHERE};
use crate::exact::{self, Exact, Number};
use crate::judge::{Judge, Reason};
use crate::parse::{self, Refusal};
use crate::path::{Found, Paths};
use crate::query::Query;
use crate::shapes::Shapes;
use crate::summary::{self, Most, Place, Summary, Table};
use crate::time::{Ask, Bucket, Clock, Moment, NO_BUCKET, OUTSIDE, Region, Span};
use crate::wide::{CHUNK, Level, Task, Wide};

/// A line that is left to the authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HandedBack {
    /// Which line of the block, from 0.
    pub line: usize,
    /// Its first byte in the block, and the one behind its last, without "\n".
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

/// Types that were met lately, by the bytes between their quotes, escapes as they are.
///
/// A bounded shortcut in front of the table: most logs have few types.
#[derive(Debug)]
struct Recent {
    slots: Vec<RecentType>,
}

#[derive(Clone, Debug)]
#[repr(align(64))]
struct RecentType {
    bytes: [u8; RECENT_BYTES],
    length: usize,
    /// None: not wanted.
    place: Option<Place>,
}

const RECENT: usize = 64;
const MOST_TYPES_ALL_RECENT: usize = 4 * RECENT;
/// Longer types are looked up in the table each time.
const RECENT_BYTES: usize = 2 * CHUNK;

impl Recent {
    fn new() -> Self {
        let empty = RecentType { bytes: [0; RECENT_BYTES], length: usize::MAX, place: None };
        Self { slots: vec![empty; RECENT] }
    }

    fn clear(&mut self) {
        self.slots.iter_mut().for_each(|slot| slot.length = usize::MAX);
    }

    /// A slot for the bytes `start..end` of a block. Any slot is right; equal bytes should mostly
    /// get the same one.
    #[inline(always)]
    fn slot(block: &[u8], start: usize, end: usize) -> usize {
        let eight = |at: usize| block.get(at..).and_then(|rest| rest.first_chunk::<8>());
        let length = end - start;
        let head = eight(start).map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let head = if length < 8 { head & ((1 << (8 * length)) - 1) } else { head };
        let tail = eight(end.wrapping_sub(8)).map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let tail = if length < 8 { 0 } else { tail };
        let mixed =
            (head.rotate_left(29) ^ tail ^ length as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 58) as usize % RECENT
    }
}

/// A value on its way: in registers, or where it was read if it is long.
#[derive(Clone, Copy)]
enum Value<'a> {
    Short(Number),
    Long(&'a Exact),
}

impl<'a> Value<'a> {
    #[inline(always)]
    fn new(short: Option<Number>, long: &'a Exact) -> Self {
        short.map_or(Self::Long(long), Self::Short)
    }
}

/// A value whose type was not met lately: it waits until its place in the table is near.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    key: summary::Key,
    value: Exact,
    start: usize,
    end: usize,
    has_escapes: bool,
    bucket: Bucket,
    line: HandedBack,
}

const MOST_WAITING: usize = 64;

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
            .with_form(query.time.as_ref().is_some_and(|timing| timing.format.is_some())),
            rejects: false,
            numeric_strings: query.numeric_strings,
            summary: Summary::new(
                query.types.as_deref(),
                Most { types: query.max_types, bytes: query.max_type_bytes },
            ),
            account: Account::default(),
            recent: Recent::new(),
            shapes: Shapes::new(caches, absent),
            waiting: Vec::with_capacity(MOST_WAITING),
            text: Vec::new(),
            clock: query.time.as_ref().map(Clock::new),
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

#[inline(always)]
fn fold_lines<W: Wide, const TIMED: bool>(
    wide: W,
    fold: &mut Fold,
    block: &[u8],
    handed_back: &mut Vec<HandedBack>,
    full: usize,
) -> Part {
    let mut lines = 0;
    let mut at = 0;
    let mut ask = None;
    let mut long = Exact { mantissa: 0, scale: 0, integral: true };
    fold.shapes.leave_block();
    while at < block.len() && handed_back.len() < full && ask.is_none() {
        let mut are_templates_open = fold.shapes.are_templates_open();
        if are_templates_open {
            let (count, misfit) = match fold.absent {
                None => wide.apart(AddFitting::<false, TIMED> { fold, block, at: &mut at }),
                Some(_) => wide.apart(AddFitting::<true, TIMED> { fold, block, at: &mut at }),
            };
            lines += count;
            fold.shapes.templates.hit(count);
            if at >= block.len() {
                break;
            }
            are_templates_open = misfit && fold.shapes.templates.miss();
        }
        if let Some(found) = fold.shapes.read::<W, TIMED>(wide, block, at, &mut long) {
            let Match { event, is_plain, value } = found;
            let value = Value::new(value, &long);
            let place = HandedBack { line: lines, start: at, end: event.end };
            let added = match moment::<W, TIMED>(wide, fold, block, event.time_at) {
                Moment::Unsure => Some(false),
                Moment::Unknown(what) => {
                    ask = Some(what);
                    break;
                }
                Moment::In(bucket) => {
                    let type_text = event.type_text;
                    match add_recent::<W, TIMED>(wide, fold, block, type_text, value, bucket) {
                        // A type that was not met lately, and may not even be valid.
                        None if !is_plain => None,
                        None => {
                            let event = (type_text, value, bucket);
                            add_later::<W, TIMED>(wide, fold, block, event, place, handed_back);
                            Some(true)
                        }
                        some => some,
                    }
                }
            };
            if let Some(is_added) = added {
                if !is_added {
                    refuse(fold, block, place, handed_back);
                } else {
                    fold.shapes.learn_match(wide, block, event, are_templates_open);
                    if are_templates_open {
                        learn_template(fold, block, event);
                    }
                }
                lines += 1;
                at = event.end + 1;
                continue;
            }
            fold.shapes.miss();
        }
        let start = at;
        while at < block.len() && parse::is_space(block[at]) {
            at += 1;
        }
        let end = match block.get(at) {
            None | Some(b'\n') => {
                fold.account.blank += 1;
                at
            }
            Some(b'{') => {
                let line = parse::line(wide, block, at, fold.paths.keys());
                let place = HandedBack { line: lines, start, end: line.end };
                let found = match line.tops {
                    Ok(tops) => find::<W, TIMED>(wide, fold, block, &tops),
                    Err(Refusal::NoJson) => Err(Some(Reason::InvalidJson)),
                    Err(Refusal::Unsure) => Err(None),
                };
                // No closure: it would be compiled without the instructions of the level, and call each as a function.
                let is_added = match found {
                    Ok(found) => add::<W, TIMED>(wide, fold, block, found, place, handed_back),
                    Err(_) => Ok(false),
                };
                match (is_added, found) {
                    (Err(what), _) => {
                        ask = Some(what);
                        at = start;
                        break;
                    }
                    (Ok(true), Ok(found)) => {
                        let Found { type_at, value_at, time_at } = found;
                        let end = line.end;
                        let type_text = (type_at + 1, parse::string_end(block, type_at + 1));
                        let event = Event { start, end, type_text, value_at, time_at };
                        fold.shapes.learn(wide, block, event);
                        if are_templates_open {
                            learn_template(fold, block, event);
                        }
                    }
                    (_, Err(Some(reason)))
                        if fold.rejects
                            && (reason != Reason::InvalidJson
                                || fold.judge.is_final(&block[start..line.end])) =>
                    {
                        fold.account.rejected[reason as usize] += 1;
                    }
                    _ => refuse(fold, block, place, handed_back),
                }
                line.end
            }
            Some(_) => {
                let end =
                    memchr::memchr(b'\n', &block[at..]).map_or(block.len(), |length| at + length);
                refuse(fold, block, HandedBack { line: lines, start, end }, handed_back);
                end
            }
        };
        lines += 1;
        at = end + 1;
    }
    settle::<W, TIMED>(wide, fold, block, handed_back);
    Part { lines, bytes: at.min(block.len()), ask }
}

/// Counts a line that was not taken, where that is all that is asked for and its reason is certain; else
/// hands it back.
#[inline(never)]
fn refuse(fold: &mut Fold, block: &[u8], line: HandedBack, handed_back: &mut Vec<HandedBack>) {
    if fold.rejects
        && let Some(reason) = fold.judge.reason(&fold.paths, &block[line.start..line.end])
    {
        fold.account.rejected[reason as usize] += 1;
    } else {
        handed_back.push(line);
    }
}

/// Where the time belongs whose text or digits begin at `at`; `NOWHERE` if the event needs none.
#[inline(always)]
fn moment<W: Wide, const TIMED: bool>(wide: W, fold: &mut Fold, block: &[u8], at: usize) -> Moment {
    match &mut fold.clock {
        Some(clock) if TIMED && at != NOWHERE => clock.read(wide, block, at),
        _ => Moment::In(NO_BUCKET),
    }
}

/// Adds the lines from `at` on that fit templates, up to the first that does not; gives their number.
///
/// A function of its own, because this loop needs all registers.
struct AddFitting<'a, const MAY_LACK: bool, const TIMED: bool> {
    fold: &'a mut Fold,
    block: &'a [u8],
    at: &'a mut usize,
}

impl<const MAY_LACK: bool, const TIMED: bool> Task for AddFitting<'_, MAY_LACK, TIMED> {
    /// How many lines were added, and whether the next one does not fit. False: an end of the block is near.
    type Output = (usize, bool);

    #[inline(always)]
    fn run<W: Wide>(self, wide: W) -> (usize, bool) {
        let Self { fold, block, at: start } = self;
        let mut at = *start;
        let mut accepted = 0;
        let mut filtered = 0;
        let mut misfit = false;
        while !misfit && let Some(lines) = fold.shapes.templates.look_ahead(wide, block, at) {
            misfit = lines.is_empty();
            let mut next = lines.end;
            for line in lines {
                // The usual way hands back what is not sure or would overflow a sum, too, and asks
                // what is not known.
                let is_added = 'line: {
                    let Some(fit) =
                        fold.shapes.templates.read::<W, MAY_LACK, TIMED>(wide, block, at, line)
                    else {
                        break 'line false;
                    };
                    let Moment::In(bucket) = moment::<W, TIMED>(wide, fold, block, fit.time_at)
                    else {
                        break 'line false;
                    };
                    match fit.place.filter(|_| !TIMED || bucket != OUTSIDE) {
                        None => filtered += 1,
                        Some(place) if add_short::<TIMED>(fold, place, bucket, fit.value) => {
                            accepted += 1
                        }
                        Some(_) => break 'line false,
                    }
                    at = fit.end + 1;
                    true
                };
                if !is_added {
                    (next, misfit) = (line, true);
                    break;
                }
            }
            fold.shapes.templates.pass(next, at, misfit);
        }
        *start = at;
        fold.account.accepted += accepted;
        fold.account.filtered += filtered;
        ((accepted + filtered) as usize, misfit)
    }
}

/// Adds a value to a type in a bucket. False, and nothing is changed, if a sum would overflow.
#[inline(always)]
fn add_short<const TIMED: bool>(
    fold: &mut Fold,
    place: Place,
    bucket: Bucket,
    value: Number,
) -> bool {
    cell::<TIMED>(fold, place, bucket).is_some_and(|place| fold.summary.add(place, value))
}

/// The place of a type in a bucket; None if there are too many.
#[inline(always)]
fn cell<const TIMED: bool>(fold: &mut Fold, place: Place, bucket: Bucket) -> Option<Place> {
    if TIMED && bucket != NO_BUCKET { fold.summary.cell(place, bucket) } else { Some(place) }
}

/// Makes a template of an event, if the place of its type is known by now.
#[cold]
#[inline(never)]
fn learn_template(fold: &mut Fold, block: &[u8], event: Event) {
    let (from, to) = event.type_text;
    let raw = &block[from..to];
    let recent = &fold.recent.slots[Recent::slot(block, from, to)];
    if recent.length == raw.len() && recent.bytes[..raw.len()] == *raw {
        let place = recent.place;
        fold.shapes.templates.learn(block, event, place);
    }
}

/// The places of the type, of the digits of the value (`NOWHERE` if something stands in for it) and
/// of the text or the digits of the time (the same if it is not looked at) in a valid line. Else why
/// it is no event; or nothing: hand it back.
#[inline(always)]
fn find<W: Wide, const TIMED: bool>(
    wide: W,
    fold: &Fold,
    block: &[u8],
    tops: &parse::Tops,
) -> Result<Found, Option<Reason>> {
    let mut found = fold.paths.find(wide, block, tops);
    if found.type_at == NOWHERE {
        return Err(Some(Reason::MissingType));
    }
    if block[found.type_at] != b'"' {
        return Err(Some(Reason::BadType));
    }
    if found.value_at == NOWHERE {
        if fold.absent.is_none() {
            return Err((!fold.judge.may_lack).then_some(Reason::MissingValue));
        }
    } else {
        match block[found.value_at] {
            b'-' | b'0'..=b'9' => {}
            b'"' if fold.numeric_strings => {
                // One string may be both, of which a layout could tell only one.
                if found.value_at == found.type_at {
                    return Err(None);
                }
                found.value_at += 1;
            }
            _ => return Err(Some(Reason::BadValue)),
        }
    }
    if TIMED && found.time_at == NOWHERE {
        fold.clock.as_ref().filter(|clock| clock.is_optional()).ok_or(None)?;
    } else if TIMED {
        match block[found.time_at] {
            b'"' if found.time_at != found.type_at && found.time_at + 1 != found.value_at => {
                found.time_at += 1;
            }
            b'-' | b'0'..=b'9' => {}
            _ => return Err(None),
        }
    }
    Ok(found)
}

/// Adds the event whose places are `found`. False: hand the line back. An error: nothing is changed,
/// and that must be known before.
#[inline(always)]
fn add<W: Wide, const TIMED: bool>(
    wide: W,
    fold: &mut Fold,
    block: &[u8],
    found: Found,
    line: HandedBack,
    handed_back: &mut Vec<HandedBack>,
) -> Result<bool, Ask> {
    let Found { type_at, value_at, time_at } = found;
    let mut long = Exact { mantissa: 0, scale: 0, integral: true };
    let mut short = None;
    if let Some(absent) = fold.absent
        && value_at == NOWHERE
    {
        long = absent;
    } else {
        let Some((number, length)) = exact::read_any(wide, block, value_at, &mut long) else {
            return Ok(false);
        };
        if block[value_at - 1] == b'"' && block[value_at + length] != b'"' {
            return Ok(false);
        }
        short = number;
    }
    let bucket = match moment::<W, TIMED>(wide, fold, block, time_at) {
        Moment::In(bucket) => bucket,
        Moment::Unsure => return Ok(false),
        Moment::Unknown(ask) => return Err(ask),
    };
    let value = Value::new(short, &long);
    let start = type_at + 1;
    // The end of the type, if it is near and has no escapes before it.
    let mut end = usize::MAX;
    if let Some(bytes) = block[start..].first_chunk() {
        let chunk = wide.load(bytes);
        let quote = wide.equal(chunk, b'"');
        let backslash = wide.equal(chunk, b'\\');
        let below = quote.wrapping_sub(1) & !quote;
        if quote != 0 && backslash & below == 0 {
            end = start + quote.trailing_zeros() as usize;
        }
    }
    if end == usize::MAX {
        end = parse::string_end(block, start);
    }
    Ok(match add_recent::<W, TIMED>(wide, fold, block, (start, end), value, bucket) {
        Some(is_added) => is_added,
        None => {
            let event = ((start, end), value, bucket);
            add_later::<W, TIMED>(wide, fold, block, event, line, handed_back);
            true
        }
    })
}

/// Adds a value to a type that was met lately; None if it was not, else false: hand the line back.
///
/// The bytes of the type may be anything: only those of a type that was found valid are known.
#[inline(always)]
fn add_recent<W: Wide, const TIMED: bool>(
    wide: W,
    fold: &mut Fold,
    block: &[u8],
    (start, end): (usize, usize),
    value: Value,
    bucket: Bucket,
) -> Option<bool> {
    let recent = &fold.recent.slots[Recent::slot(block, start, end)];
    let length = end - start;
    if recent.length != length {
        return None;
    }
    let mut rest = &block[start..];
    let mut known = &recent.bytes[..];
    let mut left = length;
    if length >= CHUNK {
        let (first, behind) = rest.split_first_chunk()?;
        let (known_first, known_behind) = known.split_first_chunk()?;
        if wide.same(wide.load(first), wide.load(known_first)) != u64::MAX {
            return None;
        }
        (rest, known) = (behind, known_behind);
        left -= CHUNK;
    }
    let counts = (1_u64 << left) - 1;
    if wide.same(wide.load(rest.first_chunk()?), wide.load(known.first_chunk()?)) & counts != counts
    {
        return None;
    }
    let Some(place) = recent.place.filter(|_| !TIMED || bucket != OUTSIDE) else {
        fold.account.filtered += 1;
        return Some(true);
    };
    let is_added = cell::<TIMED>(fold, place, bucket).is_some_and(|place| match value {
        Value::Short(number) => fold.summary.add(place, number),
        Value::Long(exact) => fold.summary.add_long(place, *exact),
    });
    fold.account.accepted += u64::from(is_added);
    Some(is_added)
}

/// Adds a value to a type that was not met lately, now or soon.
#[inline(always)]
fn add_later<W: Wide, const TIMED: bool>(
    wide: W,
    fold: &mut Fold,
    block: &[u8],
    ((start, end), value, bucket): ((usize, usize), Value, Bucket),
    line: HandedBack,
    handed_back: &mut Vec<HandedBack>,
) {
    let raw = &block[start..end];
    let has_escapes = memchr::memchr(b'\\', raw).is_some();
    let key = if has_escapes {
        parse::unescape(raw, &mut fold.text);
        fold.summary.key(&fold.text, 0, fold.text.len())
    } else {
        fold.summary.key(block, start, end)
    };
    fold.summary.prefetch_slot(wide, &key);
    let value = match value {
        Value::Short(number) => number.into(),
        Value::Long(exact) => *exact,
    };
    fold.waiting.push(Waiting { key, value, start, end, has_escapes, bucket, line });
    if fold.waiting.len() == MOST_WAITING {
        settle::<W, TIMED>(wide, fold, block, handed_back);
    }
}

/// Sorts out types if there are too many.
#[inline(always)]
fn limit<W: Wide>(wide: W, fold: &mut Fold) {
    if fold.summary.is_overfull() {
        fold.summary.limit(wide);
        fold.recent.clear();
        fold.shapes.templates.clear();
    }
}

/// Adds the values that wait.
#[inline(never)]
fn settle<W: Wide, const TIMED: bool>(
    wide: W,
    fold: &mut Fold,
    block: &[u8],
    handed_back: &mut Vec<HandedBack>,
) {
    let mut waiting = std::mem::take(&mut fold.waiting);
    for one in &waiting {
        fold.summary.prefetch_entry(wide, &one.key);
    }
    for (at, one) in waiting.iter().enumerate() {
        let raw = &block[one.start..one.end];
        let name = if one.has_escapes {
            parse::unescape(raw, &mut fold.text);
            &fold.text
        } else {
            raw
        };
        let place = fold.summary.place(&one.key, name);
        match place {
            None if fold.summary.is_only_wanted() => fold.account.filtered += 1,
            Some(_) if TIMED && one.bucket == OUTSIDE => fold.account.filtered += 1,
            Some(place)
                if cell::<TIMED>(fold, place, one.bucket)
                    .is_some_and(|place| fold.summary.add_any(place, one.value)) =>
            {
                fold.account.accepted += 1;
            }
            _ => {
                handed_back.push(one.line);
                continue;
            }
        }
        // Among many types a recent one rarely comes again soon: then few are taken up.
        if raw.len() < RECENT_BYTES && (at == 0 || fold.summary.count() <= MOST_TYPES_ALL_RECENT) {
            let recent = &mut fold.recent.slots[Recent::slot(block, one.start, one.end)];
            recent.length = raw.len();
            recent.bytes[..raw.len()].copy_from_slice(raw);
            recent.place = place;
        }
    }
    waiting.clear();
    fold.waiting = waiting;
    limit(wide, fold);
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

    /// Lines that are refused late are still in order, behind those of earlier blocks.
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
