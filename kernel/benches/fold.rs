//! How fast one core folds: GB/s for each workload, at each level of the processor.
//!
//! `cargo bench` runs all workloads; `cargo bench -- shop` those whose name holds "shop";
//! `cargo bench -- --level avx512 shop` at one level only; `cargo bench -- FILE` folds a file
//! instead. Data is made by a seeded generator; the answer on the first megabyte is compared with
//! that of the oracle of the tests. The number given is the median of the runs, the fastest in
//! brackets.

#[allow(dead_code)]
#[path = "../tests/oracle/mod.rs"]
mod oracle;

use eventstats_kernel::fold::{Fold, Level};
use eventstats_kernel::path::Ways;
use eventstats_kernel::query::{Query, Timing};
use eventstats_kernel::time::Instant;
use oracle::{assert_agrees, fold_all, usual};
use std::fmt::Write;
use std::hint::black_box;
use std::time::Instant as Clock;

const BYTES: usize = 48 << 20;
const BLOCK: usize = 1 << 20;
const RUNS: usize = 9;

/// A seeded generator, and the seconds of a clock that never goes back.
struct Random(u64, usize);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize * limit) >> 31
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    fn letters(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(self.one_of(b"abcdefghijklmnopqrstuvwxyz234567"))).collect()
    }

    fn words(&mut self, count: usize, words: &[&str]) -> String {
        (0..count).map(|_| self.one_of(words)).collect::<Vec<_>>().join(" ")
    }

    fn time(&mut self) -> String {
        let [month, day, hour, minute, second] =
            [12, 28, 24, 60, 60].map(|limit| self.below(limit));
        format!("2020-{:02}-{:02} {hour:02}:{minute:02}:{second:02}", month + 1, day + 1)
    }

    /// Two events each three seconds, as from a shop.
    fn next_time(&mut self) -> String {
        self.1 += self.below(4);
        let (day, second) = (self.1 / 86_400, self.1 % 86_400);
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        format!("2020-{:02}-{:02} {hour:02}:{minute:02}:{second:02}", day / 28 + 1, day % 28 + 1)
    }

    fn value(&mut self) -> String {
        if self.below(2) == 0 {
            format!("{}", self.below(1000))
        } else {
            format!("{}.{:02}", self.below(1000), self.below(100))
        }
    }
}

const TEXT: &[&str] = &[
    "the",
    "of",
    "fix",
    "build",
    "update README.md",
    "\\\"quoted\\\"",
    "line\\r\\nline",
    "naïve",
    "日本語の文",
    "тест",
    "a/b/c",
    "\\ud83d\\ude80",
    "merge",
    "request",
    "#1234",
    "emoji 🎉",
    "tabs\\t",
    "performance",
    "https://example.org/a?b=c&d=e",
    "release",
];

fn shop(random: &mut Random, text: &mut String) {
    let kind = random.one_of(&["page_view", "purchase", "add_to_cart"]);
    let value = if kind == "page_view" { "1".to_owned() } else { random.value() };
    let time = random.time();
    write!(text, r#"{{"type":"{kind}","value":{value},"occurred_at":"{time}"}}"#)
        .expect("a string");
}

fn in_order(random: &mut Random, text: &mut String) {
    let (kind, value) = (random.one_of(&["page_view", "purchase", "add_to_cart"]), random.value());
    let time = random.next_time();
    write!(text, r#"{{"type":"{kind}","value":{value},"occurred_at":"{time}"}}"#)
        .expect("a string");
}

fn epoch(random: &mut Random, text: &mut String) {
    let (kind, value) = (random.one_of(&["page_view", "purchase", "add_to_cart"]), random.value());
    random.1 += random.below(4);
    let time = 1_577_836_800_000 + random.1 * 1_000 + random.below(1_000);
    write!(text, r#"{{"type":"{kind}","value":{value},"occurred_at":{time}}}"#).expect("a string");
}

fn nested(random: &mut Random, text: &mut String) {
    *text += r#"{"data":"#;
    in_order(random, text);
    text.push('}');
}

fn spaced(random: &mut Random, text: &mut String) {
    let kind = random.one_of(&["page_view", "purchase", "add_to_cart"]);
    let (value, time) = (random.value(), random.time());
    write!(text, r#"{{"type": "{kind}", "value": {value}, "occurred_at": "{time}"}}"#)
        .expect("a string");
}

fn person(random: &mut Random) -> String {
    let login = {
        let length = 4 + random.below(12);
        random.letters(length)
    };
    let id = random.below(100_000_000);
    format!(
        r#"{{"id":{id},"login":"{login}","display_login":"{login}","gravatar_id":"","url":"https://api.github.com/users/{login}","avatar_url":"https://avatars.githubusercontent.com/u/{id}?","site_admin":false,"type":"User"}}"#
    )
}

fn archive(random: &mut Random, text: &mut String) {
    let kind = random.one_of(&[
        "PushEvent",
        "PushEvent",
        "PushEvent",
        "IssueCommentEvent",
        "PullRequestEvent",
        "WatchEvent",
        "CreateEvent",
    ]);
    let actor = person(random);
    let repo = {
        let length = 6 + random.below(20);
        random.letters(length)
    };
    let repo_id = random.below(100_000_000);
    let payload = match kind {
        "PushEvent" => {
            let commits: Vec<String> = (0..1 + random.below(5))
                .map(|_| {
                    let (sha, name) = (random.letters(40), random.letters(8));
                    let message = { let count = 3 + random.below(25); random.words(count, TEXT) };
                    format!(
                        r#"{{"sha":"{sha}","author":{{"email":"{name}@example.org","name":"{name}"}},"message":"{message}","distinct":true,"url":"https://api.github.com/repos/{repo}/commits/{sha}"}}"#
                    )
                })
                .collect();
            format!(
                r#"{{"repository_id":{repo_id},"push_id":{},"size":{},"distinct_size":1,"ref":"refs/heads/main","head":"{}","before":"{}","commits":[{}]}}"#,
                random.below(2_000_000_000),
                commits.len(),
                random.letters(40),
                random.letters(40),
                commits.join(",")
            )
        }
        "WatchEvent" => r#"{"action":"started"}"#.to_owned(),
        "CreateEvent" => format!(
            r#"{{"ref":null,"ref_type":"repository","master_branch":"main","description":"{}","pusher_type":"user"}}"#,
            {
                let count = 3 + random.below(10);
                random.words(count, TEXT)
            }
        ),
        _ => {
            let labels: Vec<String> = (0..random.below(4))
                .map(|_| format!(r#"{{"id":{},"node_id":"{}","url":"https://api.github.com/repos/{repo}/labels/bug","name":"bug","color":"d73a4a","default":true,"description":"Something isn't working"}}"#, random.below(1_000_000_000), random.letters(20)))
                .collect();
            let (user, assignee) = (person(random), person(random));
            let body = {
                let count = 10 + random.below(120);
                random.words(count, TEXT)
            };
            format!(
                r#"{{"action":"created","issue":{{"url":"https://api.github.com/repos/{repo}/issues/17","id":{},"number":{},"title":"{}","user":{user},"labels":[{}],"state":"open","locked":false,"assignee":{assignee},"assignees":[],"milestone":null,"comments":{},"created_at":"2024-01-02T03:04:05Z","closed_at":null,"score":{}.5,"reactions":{{"total_count":0,"+1":0,"-1":0,"laugh":0}},"body":"{body}"}}}}"#,
                random.below(2_000_000_000),
                random.below(10_000),
                random.words(6, TEXT),
                labels.join(","),
                random.below(40),
                random.below(100)
            )
        }
    };
    let value = random.below(10_000);
    write!(
        text,
        r#"{{"id":"{}","type":"{kind}","actor":{actor},"repo":{{"id":{repo_id},"name":"{repo}","url":"https://api.github.com/repos/{repo}"}},"payload":{payload},"public":true,"value":{value},"created_at":"2024-01-02T03:04:05Z","org":{}}}"#,
        random.below(2_000_000_000), person(random)
    )
    .expect("a string");
}

fn bluesky(random: &mut Random, text: &mut String) {
    let (did, rkey, rev, cid) =
        (random.letters(24), random.letters(13), random.letters(13), random.letters(59));
    let time = 1_732_206_349_000_000 + random.below(1_000_000_000);
    let (kind, collection, record) = match random.below(4) {
        0 => {
            let words = {
                let count = 2 + random.below(16);
                random.words(
                    count,
                    &[
                        "hello",
                        "world",
                        "ça va",
                        "これは",
                        "👍",
                        "line\\n",
                        "so",
                        "much",
                        "🌈",
                        "sky",
                    ],
                )
            };
            (
                "post",
                "app.bsky.feed.post",
                format!(
                    r#"{{"$type":"app.bsky.feed.post","createdAt":"2024-11-21T16:25:49.{:03}Z","langs":["en"],"text":"{words}"}}"#,
                    random.below(1000)
                ),
            )
        }
        1 => (
            "follow",
            "app.bsky.graph.follow",
            format!(
                r#"{{"$type":"app.bsky.graph.follow","createdAt":"2024-11-21T16:25:49.{:03}Z","subject":"did:plc:{}"}}"#,
                random.below(1000),
                random.letters(24)
            ),
        ),
        _ => (
            "like",
            "app.bsky.feed.like",
            format!(
                r#"{{"$type":"app.bsky.feed.like","createdAt":"2024-11-21T16:25:49.{:03}Z","subject":{{"cid":"{}","uri":"at://did:plc:{}/app.bsky.feed.post/{}"}}}}"#,
                random.below(1000),
                random.letters(59),
                random.letters(24),
                random.letters(13)
            ),
        ),
    };
    write!(
        text,
        r#"{{"did":"did:plc:{did}","time_us":{time},"kind":"commit","type":"{kind}","value":{},"commit":{{"rev":"{rev}","operation":"create","collection":"{collection}","rkey":"{rkey}","record":{record},"cid":"{cid}"}}}}"#,
        random.below(100)
    )
    .expect("a string");
}

fn many_types(random: &mut Random, text: &mut String) {
    let (value, time) = (random.value(), random.time());
    write!(
        text,
        r#"{{"type":"event_{}","value":{value},"occurred_at":"{time}"}}"#,
        random.below(100_000)
    )
    .expect("a string");
}

fn some_bad(random: &mut Random, text: &mut String) {
    match random.below(40) {
        0 => *text += r#"{"type":"page_view","value":"#,
        1 => *text += r#"{"type":"page_view","value":"1","occurred_at":"2020-10-06 10:02:05"}"#,
        _ => shop(random, text),
    }
}

const NAMES: [&str; 4] = ["просмотр страницы", "покупка", "добавление", "購入"];

fn not_ascii(random: &mut Random, text: &mut String) {
    let (value, time) = (random.value(), random.time());
    write!(
        text,
        r#"{{"type":"{}","value":{value},"occurred_at":"{time}"}}"#,
        random.one_of(&NAMES)
    )
    .expect("a string");
}

fn escaped(random: &mut Random, text: &mut String) {
    let (value, time) = (random.value(), random.time());
    let name: String = random
        .one_of(&NAMES)
        .encode_utf16()
        .map(|unit| {
            if unit < 0x80 { char::from(unit as u8).to_string() } else { format!("\\u{unit:04x}") }
        })
        .collect();
    write!(text, r#"{{"type":"{name}","value":{value},"occurred_at":"{time}"}}"#)
        .expect("a string");
}

fn long_values(random: &mut Random, text: &mut String) {
    let kind = random.one_of(&["page_view", "purchase", "add_to_cart"]);
    let time = random.time();
    let digits: String = (0..17 + random.below(4))
        .map(|at| {
            char::from(b'0' + if at == 0 { 1 + random.below(9) } else { random.below(10) } as u8)
        })
        .collect();
    let (whole, fraction) = digits.split_at(digits.len() - 2);
    let value = if random.below(2) == 0 { digits.clone() } else { format!("{whole}.{fraction}") };
    write!(text, r#"{{"type":"{kind}","value":{value},"occurred_at":"{time}"}}"#)
        .expect("a string");
}

type Make = fn(&mut Random, &mut String);
type Asked = fn() -> Query;

/// One field in "data".
fn inside(key: &str) -> Ways {
    vec![vec![format!("data.{key}")], vec!["data".to_owned(), key.to_owned()]]
}

fn timed(ways: Ways, by: bool, since: Option<i64>) -> Option<Timing> {
    let since = since.map(|second| Instant { second, nanos: 0 });
    Some(Timing { ways, since, until: None, by, local_is_utc: true, optional: false })
}

fn of_data() -> Query {
    Query { type_ways: inside("type"), value_ways: inside("value"), ..usual() }
}

fn of_data_by_hour() -> Query {
    Query { time: timed(inside("occurred_at"), true, None), ..of_data() }
}

fn by_hour() -> Query {
    let ways = vec![vec!["occurred_at".to_owned()]];
    Query { time: timed(ways, true, None), ..usual() }
}

fn since() -> Query {
    let ways = vec![vec!["occurred_at".to_owned()]];
    Query { time: timed(ways, false, Some(1_578_400_000)), ..usual() }
}

fn count_only() -> Query {
    Query { value_ways: Vec::new(), absent: Some("0".to_owned()), ..usual() }
}

fn few_types() -> Query {
    Query { max_types: 1_000, ..usual() }
}

const WORKLOADS: &[(&str, Make, Asked)] = &[
    ("a shop", shop, usual),
    ("a in order", in_order, usual),
    ("a by hour", in_order, by_hour),
    ("a since", in_order, since),
    ("a epoch", epoch, usual),
    ("a epoch by hour", epoch, by_hour),
    ("a shuffled by hour", shop, by_hour),
    ("a nested", nested, of_data),
    ("a nested by hour", nested, of_data_by_hour),
    ("a count only", in_order, count_only),
    ("a spaced", spaced, usual),
    ("c archive", archive, usual),
    ("d bluesky", bluesky, usual),
    ("e many types", many_types, usual),
    ("e few rows", many_types, few_types),
    ("f some bad", some_bad, usual),
    ("h not ascii", not_ascii, usual),
    ("h escaped", escaped, usual),
    ("i long values", long_values, usual),
];

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

fn measure(name: &str, bytes: &[u8], levels: &[Level], query: &Query) {
    let blocks = blocks(bytes);
    let lines = bytes.iter().filter(|&&byte| byte == b'\n').count();
    for &level in levels {
        assert_agrees(level, query, &blocks[..1]);
        let mut speeds = Vec::new();
        let mut back = 0;
        for _ in 0..RUNS {
            let mut fold = Fold::with_level(level, query);
            let start = Clock::now();
            let mut handed_back = 0;
            for block in &blocks {
                handed_back += fold_all(&mut fold, 3_600, block, usize::MAX).1.len();
            }
            speeds.push(bytes.len() as f64 / start.elapsed().as_nanos() as f64);
            back = handed_back;
            black_box(fold.account());
        }
        speeds.sort_by(f64::total_cmp);
        let level = format!("{level:?}");
        let level = level.split('(').next().unwrap_or_default();
        println!(
            "{name:18} {level:9} {:5.2} GB/s ({:5.2})  {:6.1} ns a line of {} bytes, {back} of {lines} handed back",
            speeds[RUNS / 2],
            speeds[RUNS - 1],
            bytes.len() as f64 / lines as f64 / speeds[RUNS / 2],
            bytes.len() / lines
        );
    }
}

fn main() {
    let mut levels = Level::all();
    let mut asked = Vec::new();
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    while let Some(argument) = arguments.next() {
        if argument == "--level" {
            let wanted = arguments.next().expect("a level behind --level").to_lowercase();
            levels.retain(|level| format!("{level:?}").to_lowercase().starts_with(&wanted));
        } else {
            asked.push(argument);
        }
    }
    if let [path] = &asked[..]
        && let Ok(bytes) = std::fs::read(path)
    {
        return measure(path, &bytes, &levels, &usual());
    }
    for (name, make, query) in WORKLOADS {
        if asked.is_empty() || asked.iter().any(|part| name.contains(part.as_str())) {
            let mut random = Random(1, 0);
            let mut text = String::with_capacity(BYTES + 8192);
            while text.len() < BYTES {
                make(&mut random, &mut text);
                text.push('\n');
            }
            measure(name, text.as_bytes(), &levels, &query());
        }
    }
}
