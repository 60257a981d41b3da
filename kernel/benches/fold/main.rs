//! How fast one core folds, in GB/s of processor time of its thread, and in what relation to the plain parser.
//!
//! `cargo bench` runs all workloads at all levels, each with all caches and with none (the plain parser). Parts of
//! names choose workloads: `cargo bench -- "a shop" "m "`; the path of a file folds that instead. Options:
//!
//! - `--level avx2`: this level only; more than once: these;
//! - `--caches -template`: one more configuration, of all caches but this one; `--caches template`: of this one alone;
//! - `--runs 9`, `--megabytes 24`.
//!
//! All configurations of a workload are measured in turn, so that what else the machine does falls on all of them; the
//! median counts. Inputs come from a seed; the answer on the first block is compared with that of the oracle.

mod adversarial;
#[allow(dead_code)]
#[path = "../../tests/oracle/mod.rs"]
mod oracle;
mod spellings;
mod workloads;

use adversarial::ADVERSARIAL;
use eventstats_kernel::caches::Caches;
use eventstats_kernel::fold::Fold;
use eventstats_kernel::query::Query;
use eventstats_kernel::wide::Level;
use oracle::{assert_agrees, fold_all, usual};
use spellings::SPELLINGS;
use std::hint::black_box;
use workloads::{Input, Random, WORKLOADS};

const BLOCK: usize = 1 << 20;

/// Nanoseconds that this thread has run.
#[allow(unsafe_code)]
fn thread_time() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes one `timespec`, and `time` is one.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    assert_eq!(status, 0, "every thread has a clock");
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

struct Options {
    levels: Vec<Level>,
    caches: Vec<(String, Caches)>,
    runs: usize,
    bytes: usize,
    asked: Vec<String>,
}

fn options() -> Options {
    let none = ("plain".to_owned(), Caches::NONE);
    let mut options = Options {
        levels: Vec::new(),
        caches: vec![none, ("all".to_owned(), Caches::ALL)],
        runs: 9,
        bytes: 24 << 20,
        asked: Vec::new(),
    };
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().expect("a value behind the option");
        match argument.as_str() {
            "--level" => {
                let wanted = value();
                let levels = Level::all();
                let level = levels.into_iter().find(|level| level.name() == wanted);
                options.levels.push(level.expect("a level of this processor"));
            }
            "--caches" => {
                let name = value();
                let caches = match name.strip_prefix('-') {
                    Some(without) => Caches::ALL.with(without, false),
                    None => Caches::NONE.with(&name, true),
                };
                options.caches.push((name, caches.expect("the name of a cache")));
            }
            "--runs" => options.runs = value().parse().expect("a number of runs"),
            "--megabytes" => {
                options.bytes = value().parse::<usize>().expect("a number of megabytes") << 20;
            }
            _ => options.asked.push(argument),
        }
    }
    if options.levels.is_empty() {
        options.levels = Level::all();
    }
    options
}

/// Cuts into blocks of whole lines.
fn blocks(bytes: &[u8]) -> Vec<&[u8]> {
    let mut blocks = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let end = rest.len().min(BLOCK);
        let end =
            rest[..end].iter().rposition(|&byte| byte == b'\n').map_or(rest.len(), |at| at + 1);
        blocks.push(&rest[..end]);
        rest = &rest[end..];
    }
    blocks
}

/// Measures in turn; prints a row for each level.
fn measure(name: &str, bytes: &[u8], options: &Options, query: &Query) {
    let blocks = blocks(bytes);
    let lines = bytes.iter().filter(|&&byte| byte == b'\n').count();
    let mut speeds = vec![Vec::new(); options.levels.len() * options.caches.len()];
    // Times in a form of their own are compared with the authority, by tests of Python.
    let is_known = query.time.as_ref().is_none_or(|timing| timing.format.is_none());
    for &level in options.levels.iter().filter(|_| is_known) {
        assert_agrees(level, query, &blocks[..1]);
    }
    for _ in 0..options.runs {
        let mut speeds = speeds.iter_mut();
        for &level in &options.levels {
            for &(_, caches) in &options.caches {
                let mut fold = Fold::with_caches(level, caches, query);
                let start = thread_time();
                for block in &blocks {
                    black_box(fold_all(&mut fold, 3_600, block, usize::MAX));
                }
                let speed = bytes.len() as f64 / (thread_time() - start) as f64;
                speeds.next().expect("one for each").push(speed);
                black_box(fold.account());
            }
        }
    }
    let medians: Vec<f64> = speeds
        .iter_mut()
        .map(|speeds| {
            speeds.sort_by(f64::total_cmp);
            speeds[speeds.len() / 2]
        })
        .collect();
    for (level, medians) in options.levels.iter().zip(medians.chunks(options.caches.len())) {
        let ns = bytes.len() as f64 / lines as f64 / medians[1];
        print!("{name:20} {:8} {:4} bytes {ns:7.1} ns a line", level.name(), bytes.len() / lines);
        for ((caches, _), speed) in options.caches.iter().zip(medians) {
            print!("  {caches} {speed:5.2}");
        }
        println!("  all/plain {:5.2}", medians[1] / medians[0]);
    }
}

fn main() {
    let options = options();
    if let [path] = &options.asked[..]
        && let Ok(bytes) = std::fs::read(path)
    {
        return measure(path, &bytes, &options, &usual());
    }
    for (name, input, query) in WORKLOADS.iter().chain(ADVERSARIAL).chain(SPELLINGS) {
        if !options.asked.is_empty() && !options.asked.iter().any(|part| name.contains(part)) {
            continue;
        }
        let text = match input {
            Input::Whole(make) => make(),
            Input::Lines(make) => {
                let mut random = Random(1, 0);
                let mut text = String::with_capacity(options.bytes + 8192);
                while text.len() < options.bytes {
                    make(&mut random, &mut text);
                    text.push('\n');
                }
                text
            }
        };
        measure(name, text.as_bytes(), &options, &query());
    }
}
