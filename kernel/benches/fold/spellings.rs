//! The log in order by hour, with its times written in other ways: each is to be at least half as
//! fast as RFC 3339.

use crate::workloads::{Input, Random, Workload, by_hour};
use eventstats_kernel::query::Query;
use std::fmt::Write;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `2020-01-01 00:00:00` taken apart: year and date, the month, the day, the clock.
fn line(random: &mut Random, text: &mut String, write_time: fn(&str) -> String) {
    let (kind, value) = (random.one_of(&["page_view", "purchase", "add_to_cart"]), random.value());
    let time = write_time(&random.next_time());
    write!(text, r#"{{"type":"{kind}","value":{value},"occurred_at":"{time}"}}"#)
        .expect("a string");
}

fn month(time: &str) -> &'static str {
    MONTHS[time[5..7].parse::<usize>().expect("a month") - 1]
}

fn described() -> Query {
    let mut query = by_hour();
    if let Some(timing) = &mut query.time {
        timing.format = Some("%d/%m/%Y %H:%M:%S".to_owned());
    }
    query
}

macro_rules! spelled {
    ($time:ident => $text:expr) => {
        Input::Lines(|random, text| line(random, text, |$time| $text))
    };
}

pub const SPELLINGS: &[Workload] = &[
    ("t rfc 3339", spelled!(time => format!("{}T{}.123Z", &time[..10], &time[11..])), by_hour),
    ("t offset", spelled!(time => format!("{time}.123+0000")), by_hour),
    ("t comma", spelled!(time => format!("{time},123")), by_hour),
    ("t utc", spelled!(time => format!("{time} UTC")), by_hour),
    (
        "t compact",
        spelled!(time => format!("{}T{}Z", time[..10].replace('-', ""), time[11..].replace(':', ""))),
        by_hour,
    ),
    (
        "t web server",
        spelled!(time => format!("{}/{}/{}:{} +0000", &time[8..10], month(time), &time[..4], &time[11..])),
        by_hour,
    ),
    (
        "t mail",
        spelled!(time => format!("Tue, {} {} {} {} +0000", &time[8..10], month(time), &time[..4], &time[11..])),
        by_hour,
    ),
    ("t digits", Input::Lines(digits), by_hour),
    (
        "t described",
        spelled!(time => format!("{}/{}/{} {}", &time[8..10], &time[5..7], &time[..4], &time[11..])),
        described,
    ),
];

fn digits(random: &mut Random, text: &mut String) {
    let (kind, value) = (random.one_of(&["page_view", "purchase", "add_to_cart"]), random.value());
    random.1 += random.below(4);
    let time = 1_577_836_800_000 + random.1 * 1_000 + random.below(1_000);
    write!(text, r#"{{"type":"{kind}","value":{value},"occurred_at":"{time}"}}"#)
        .expect("a string");
}
