//! The inputs of the micro-benchmark, from a seed: lines as people have them.

use crate::oracle::usual;
use eventstats_kernel::path::Ways;
use eventstats_kernel::query::{Query, Timing};
use eventstats_kernel::time::Instant;
use std::fmt::Write;

/// A seeded generator, and the seconds of a clock that never goes back.
pub struct Random(pub u64, pub usize);

impl Random {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize * limit) >> 31
    }

    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    pub fn letters(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(self.one_of(b"abcdefghijklmnopqrstuvwxyz234567"))).collect()
    }

    pub fn words(&mut self, count: usize, words: &[&str]) -> String {
        (0..count).map(|_| self.one_of(words)).collect::<Vec<_>>().join(" ")
    }

    pub fn time(&mut self) -> String {
        let [month, day, hour, minute, second] =
            [12, 28, 24, 60, 60].map(|limit| self.below(limit));
        format!("2020-{:02}-{:02} {hour:02}:{minute:02}:{second:02}", month + 1, day + 1)
    }

    /// Two events each three seconds, as from a shop.
    pub fn next_time(&mut self) -> String {
        self.1 += self.below(4);
        let (day, second) = (self.1 / 86_400, self.1 % 86_400);
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        format!("2020-{:02}-{:02} {hour:02}:{minute:02}:{second:02}", day / 28 + 1, day % 28 + 1)
    }

    pub fn value(&mut self) -> String {
        if self.below(2) == 0 {
            format!("{}", self.below(1000))
        } else {
            format!("{}.{:02}", self.below(1000), self.below(100))
        }
    }
}

pub const TEXT: &[&str] = &[
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

pub fn shop(random: &mut Random, text: &mut String) {
    let kind = random.one_of(&["page_view", "purchase", "add_to_cart"]);
    let value = if kind == "page_view" { "1".to_owned() } else { random.value() };
    let time = random.time();
    write!(text, r#"{{"type":"{kind}","value":{value},"occurred_at":"{time}"}}"#)
        .expect("a string");
}

pub fn in_order(random: &mut Random, text: &mut String) {
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

pub fn archive(random: &mut Random, text: &mut String) {
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

pub fn bluesky(random: &mut Random, text: &mut String) {
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

/// Writes a line, or some with "\n" between them.
pub type Make = fn(&mut Random, &mut String);

/// Where the bytes come from.
pub enum Input {
    Lines(Make),
    Whole(fn() -> String),
}

/// Name, input, and what is asked for.
pub type Workload = (&'static str, Input, fn() -> Query);

/// One field in "data".
fn inside(key: &str) -> Ways {
    vec![vec![format!("data.{key}")], vec!["data".to_owned(), key.to_owned()]]
}

pub fn timed(ways: Ways, by: bool, since: Option<i64>) -> Option<Timing> {
    let since = since.map(|second| Instant { second, nanos: 0 });
    Some(Timing { ways, since, until: None, by, local_is_utc: true, optional: false, format: None })
}

fn of_data() -> Query {
    Query { type_ways: inside("type"), value_ways: inside("value"), ..usual() }
}

fn of_data_by_hour() -> Query {
    Query { time: timed(inside("occurred_at"), true, None), ..of_data() }
}

pub fn by_hour() -> Query {
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

pub const WORKLOADS: &[Workload] = &[
    ("a shop", Input::Lines(shop), usual),
    ("a in order", Input::Lines(in_order), usual),
    ("a by hour", Input::Lines(in_order), by_hour),
    ("a since", Input::Lines(in_order), since),
    ("a epoch", Input::Lines(epoch), usual),
    ("a epoch by hour", Input::Lines(epoch), by_hour),
    ("a shuffled by hour", Input::Lines(shop), by_hour),
    ("a nested", Input::Lines(nested), of_data),
    ("a nested by hour", Input::Lines(nested), of_data_by_hour),
    ("a count only", Input::Lines(in_order), count_only),
    ("a spaced", Input::Lines(spaced), usual),
    ("c archive", Input::Lines(archive), usual),
    ("d bluesky", Input::Lines(bluesky), usual),
    ("e many types", Input::Lines(many_types), usual),
    ("e few rows", Input::Lines(many_types), few_types),
    ("f some bad", Input::Lines(some_bad), usual),
    ("h not ascii", Input::Lines(not_ascii), usual),
    ("h escaped", Input::Lines(escaped), usual),
    ("i long values", Input::Lines(long_values), usual),
];
