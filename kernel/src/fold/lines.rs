//! The way of each line of a block: read by a cache or parsed, added to its type, counted or handed back.

use super::types::{Value, add_later, add_recent, cell, settle};
use super::{Fold, HandedBack, Part};
use crate::event::{Event, Match, NOWHERE};
use crate::exact::{self, Exact, Number};
use crate::judge::Reason;
use crate::parse::{self, Refusal};
use crate::path::Found;
use crate::query::{self, Shape};
use crate::summary::Place;
use crate::text;
use crate::time::{Ask, Bucket, Moment, NO_BUCKET, OUTSIDE};
use crate::wide::{Task, Wide};
#[inline(always)]
pub fn fold_lines<W: Wide, const TIMED: bool>(
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
        while at < block.len() && text::is_space(block[at]) {
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
                    (Ok(true), Ok(found)) if block[found.type_at] == b'"' => {
                        let Found { type_at, value_at, time_at } = found;
                        let end = line.end;
                        let type_text = (type_at + 1, text::string_end(block, type_at + 1));
                        let event = Event { start, end, type_text, value_at, time_at };
                        fold.shapes.learn(wide, block, event);
                        if are_templates_open {
                            learn_template(fold, block, event);
                        }
                    }
                    (Ok(true), _) => {}
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

/// Makes a template of an event, if the place of its type is known by now.
#[cold]
#[inline(never)]
fn learn_template(fold: &mut Fold, block: &[u8], event: Event) {
    let (from, to) = event.type_text;
    if let Some(place) = fold.recent.place(block, from, to) {
        fold.shapes.templates.learn(block, event, place);
    }
}

/// The places of the type, of the digits of the value (`NOWHERE` if something replaces it) and
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
    if fold.shape.has_missing() && !leave_out(&fold.shape, block, &mut found) {
        return Err(None);
    }
    if found.type_at == NOWHERE {
        return Err((!fold.shape.may_lack_type).then_some(Reason::MissingType));
    }
    if block[found.type_at] != b'"' {
        let is_type = fold.shape.scalar_types && !matches!(block[found.type_at], b'{' | b'[');
        if !is_type {
            return Err(Some(Reason::BadType));
        }
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

/// Takes out of the places those of values that count as missing. False: that is not certain.
#[inline(never)]
fn leave_out(shape: &Shape, block: &[u8], found: &mut Found) -> bool {
    for at in [&mut found.type_at, &mut found.value_at, &mut found.time_at] {
        if *at != NOWHERE {
            match shape.is_missing(block, *at) {
                Some(true) => *at = NOWHERE,
                Some(false) => {}
                None => return false,
            }
        }
    }
    true
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
    let is_text = block[type_at] == b'"';
    let start = type_at + usize::from(is_text);
    // The end of the type, if it is near and has no escapes before it.
    let mut end = if is_text { usize::MAX } else { query::scalar_end(block, start) };
    if is_text && let Some(bytes) = block[start..].first_chunk() {
        let chunk = wide.load(bytes);
        let quote = wide.equal(chunk, b'"');
        let backslash = wide.equal(chunk, b'\\');
        let below = quote.wrapping_sub(1) & !quote;
        if quote != 0 && backslash & below == 0 {
            end = start + quote.trailing_zeros() as usize;
        }
    }
    if end == usize::MAX {
        end = text::string_end(block, start);
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
