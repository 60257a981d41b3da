use super::*;
use crate::wide::Portable;

const UTC: Timing = Timing {
    ways: Vec::new(),
    since: None,
    until: None,
    by: true,
    local_is_utc: true,
    optional: false,
    format: None,
};

/// Buckets of a second: their first second is the time itself.
fn clock(timing: &Timing) -> Clock {
    let mut clock = Clock::new(timing);
    assert!(clock.add_region(Region {
        from: -100_000_000_000,
        to: 300_000_000_000,
        size: 1,
        first: -100_000_000_000
    }));
    clock
}

/// Where a time belongs that is written as JSON.
fn read(clock: &mut Clock, json: &str) -> Moment {
    let at = 4 + usize::from(json.starts_with('"'));
    let mut moments = Vec::new();
    // With and without room after it, new and known.
    for room in [0, 100, 0, 100] {
        let block = format!("\"a\":{json}}}{:room$}", "");
        moments.push(clock.read(Portable, block.as_bytes(), at));
    }
    assert!(moments.iter().all(|moment| *moment == moments[0]), "{json} {moments:?}");
    moments[0]
}

fn second(clock: &mut Clock, json: &str) -> Option<i64> {
    match read(clock, json) {
        Moment::In(bucket) => Some(clock.start(bucket)),
        Moment::Unsure => None,
        Moment::Unknown(ask) => panic!("{json} {ask:?}"),
    }
}

/// Every day of four centuries and its neighbours is counted, and no other day is there.
#[test]
fn dates() {
    let mut clock = clock(&UTC);
    let mut expected = second(&mut clock, "\"1899-12-31 10:02:05\"").expect("a time") + DAY;
    for year in 1900..2301 {
        for month in 1..13 {
            let length = match month {
                2 if year % 4 != 0 || [1900, 2100, 2200, 2300].contains(&year) => 28,
                2 => 29,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            for day in 1..=length {
                let text = format!("{year}-{month:02}-{day:02} 10:02:05");
                assert_eq!(date_and_hour(text.as_bytes()).map(|hour| hour + 125), Some(expected));
                expected += DAY;
            }
            for day in [0, length + 1, 99] {
                let text = format!("{year}-{month:02}-{day:02} 10:02:05");
                assert_eq!(date_and_hour(text.as_bytes()), None, "{text}");
            }
        }
    }
    assert_eq!(second(&mut clock, "\"1970-01-01T00:00:00Z\""), Some(0));
    assert_eq!(second(&mut clock, "\"2000-03-01 00:00:00\""), Some(951_868_800));
    assert_eq!(second(&mut clock, "\"0002-01-01 00:00:00\""), Some(-62_104_060_800));
    assert_eq!(second(&mut clock, "\"9998-12-31T23:59:59Z\""), Some(253_370_764_799));
}

/// The forms of one moment.
#[test]
fn forms() {
    let mut clock = clock(&UTC);
    let expected = second(&mut clock, "1601978525");
    assert_eq!(expected, Some(1_601_978_525));
    for same in [
        "\"2020-10-06 10:02:05\"",
        "\"2020-10-06T10:02:05\"",
        "\"2020-10-06t10:02:05z\"",
        "\"2020-10-06T10:02:05Z\"",
        "\"2020-10-06T10:02:05.9Z\"",
        "\"2020-10-06 10:02:05.9999999999999\"",
        "\"2020-10-06 10:02:05+00:00\"",
        "\"2020-10-06 10:02:05-00:00\"",
        "\"2020-10-06 12:02:05.25+02:00\"",
        "\"2020-10-06 15:47:05+05:45\"",
        "\"2020-10-05 10:03:05-23:59\"",
        "1601978525000",
        "1601978525999",
        "1601978525000000",
        "1601978525999999",
        "1601978525000000000",
        "1601978525999999999",
        "1601978525.5",
        "1601978525.123456789",
        "\"2020-10-06 10:02:05,9\"",
        "\"2020-10-06 10:02:05 UTC\"",
        "\"2020-10-06 10:02:05.5 GMT\"",
        "\"2020-10-06 10:02:05 Z\"",
        "\"2020-10-06T10:02:05+0000\"",
        "\"2020-10-06T12:02:05.123+02\"",
        "\"2020-10-06 12:02:05 +0200\"",
        "\"20201006T100205Z\"",
        "\"06/Oct/2020:12:02:05 +0200\"",
        "\"Tue, 06 Oct 2020 10:02:05 GMT\"",
        "\"1601978525\"",
        "\"1601978525999\"",
        "\"1601978525.9\"",
        "1601978525.000000000",
        "1601978525999.999",
        "1.601978525e9",
    ] {
        assert_eq!(second(&mut clock, same), expected, "{same}");
    }
    assert_eq!(second(&mut clock, "-0.5"), Some(-1));
    assert_eq!(second(&mut clock, "-1"), Some(-1));
    assert_eq!(second(&mut clock, "99999999999"), Some(99_999_999_999));
    assert_eq!(second(&mut clock, "100000000000"), Some(100_000_000));
    assert_eq!(second(&mut clock, "99999999999999"), Some(99_999_999_999));
    assert_eq!(second(&mut clock, "100000000000000"), Some(100_000_000));
    assert_eq!(second(&mut clock, "100000000000000000"), Some(100_000_000));
}

/// What is no time, or is odd, is not read.
#[test]
fn odd_forms() {
    let mut clock = clock(&UTC);
    for text in [
        "",
        "2020",
        "2020-10-06",
        "2020-10-06 10:02:5",
        "2020-10-06 24:00:00",
        "2020-10-06 10:60:00",
        "2020-10-06 10:02:60",
        "2016-12-31T23:59:60Z",
        "2020-10-06  10:02:05",
        "2020-10-06_10:02:05",
        "2020-10-06 10.02.05",
        "2020-13-06 10:02:05",
        "2020-02-30 10:02:05",
        "0000-10-06 10:02:05",
        "9999-10-06 10:02:05",
        "+020-10-06 10:02:05",
        "2020-10-06 10:02:05.",
        "2020-10-06 10:02:05.Z",
        "2020-10-06 10:02:05Z ",
        "2020-10-06 10:02:05ZZ",
        "2020-10-06 10:02:05+2",
        "2020-10-06 10:02:05+24:00",
        "2020-10-06 10:02:05+02:60",
        "2020-10-06 10:02:05+02:00Z",
        "2020-10-06 10:02:0é",
        "2020-10-06 10:02:0\\u0035",
    ] {
        // New, and in an hour that is known.
        for known in ["1999-01-01 00:00:00", "2020-10-06 10:02:05"] {
            assert!(second(&mut clock, &format!("\"{known}\"")).is_some());
            assert_eq!(second(&mut clock, &format!("\"{text}\"")), None, "{text}");
        }
    }
    for number in [
        "-62135596801",
        "1601978525.0000000000",
        "-99999999999999",
        "1601978525.0000000001",
        "-0.0000000001",
    ] {
        assert_eq!(second(&mut clock, number), None, "{number}");
    }
}

/// Buckets begin where their region says, and are the same whether read as text or as numbers,
/// in order or not.
#[test]
fn buckets() {
    let mut clock = Clock::new(&UTC);
    let moment = read(&mut clock, "1601978525");
    assert_eq!(moment, Moment::Unknown(Ask::Region(1_601_978_525)));
    let text = "\"2020-10-06 10:02:05\"";
    assert_eq!(read(&mut clock, text), moment);
    // An hour that a change cuts after five minutes, and is not regular after it.
    let hour = 1_601_978_400;
    for region in [
        Region { from: hour + 300, to: hour + HOUR, size: HOUR - 300, first: hour + 300 },
        Region { from: hour - 10 * HOUR, to: hour + 300, size: HOUR, first: hour - 10 * HOUR },
        Region { from: hour + HOUR, to: hour + 9 * HOUR, size: 2 * HOUR, first: hour + HOUR },
        // The rest of a bucket, as if a stretch were cut.
        Region { from: hour + 9 * HOUR, to: hour + 10 * HOUR, size: 9, first: hour + 7 * HOUR },
    ] {
        assert!(clock.add_region(region));
    }
    for (minute, start) in [(2, 0), (5, 300), (4, 0), (59, 300), (0, 0), (5, 300)] {
        let text = format!("\"2020-10-06 10:{minute:02}:00Z\"");
        assert_eq!(second(&mut clock, &text), Some(hour + start), "{text}");
        let number = format!("{}", hour + minute * 60);
        assert_eq!(second(&mut clock, &number), Some(hour + start), "{number}");
    }
    assert_eq!(second(&mut clock, "\"2020-10-06 12:59:00\""), Some(hour + HOUR));
    assert_eq!(second(&mut clock, "\"2020-10-06 13:00:00\""), Some(hour + 3 * HOUR));
    assert_eq!(second(&mut clock, "\"2020-10-06 14:30:00+02:30\""), Some(hour + HOUR));
    let rest = "\"2020-10-06 19:00:10\"";
    assert_eq!(second(&mut clock, rest), Some(hour + 7 * HOUR + 9));
    let after = "\"2020-10-06 20:00:00\"";
    assert_eq!(read(&mut clock, after), Moment::Unknown(Ask::Region(hour + 10 * HOUR)));
    let overlapping = (hour + 299, hour + 301, 1, hour);
    for none in [(1, 1, 1, 1), (1, 2, 0, 1), (i64::MIN, 2, 1, 1), (1, 2, 1, 1 << 60), overlapping] {
        let (from, to, size, first) = none;
        assert!(!clock.add_region(Region { from, to, size, first }));
    }
    clock.clear();
    assert_eq!(clock.count(), 0);
    assert_eq!(second(&mut clock, text), Some(hour));
}

/// The window has its first moment and not its last, to the nanosecond, wherever it lies in an
/// hour.
#[test]
fn windows() {
    let second = 1_601_978_525;
    for (since, until) in [(-1, 1), (0, 1), (0, 0), (-4_000, -100), (100, 200), (-9_000, 9_000)] {
        let since = Instant { second: second + since, nanos: 500_000_000 };
        let until = Instant { second: second + until, nanos: 700_000_000 };
        let window = Timing { since: Some(since), until: Some(until), by: false, ..UTC };
        let mut clock = Clock::new(&window);
        for (at, nanos) in (-9_100..9_100)
            .step_by(25)
            .flat_map(|at| [(at, 0), (at, 500_000_000), (at, 700_000_000)])
        {
            let instant = Instant { second: second + at, nanos };
            let is_inside = since <= instant && instant < until;
            let expected = Moment::In(if is_inside { NO_BUCKET } else { OUTSIDE });
            let of_day = 36_125 + at;
            let text = format!(
                "\"2020-10-06 {:02}:{:02}:{:02}.{nanos:09}\"",
                of_day / 3_600,
                of_day / 60 % 60,
                of_day % 60
            );
            assert_eq!(read(&mut clock, &text), expected, "{text}");
            assert_eq!(read(&mut clock, &format!("{}.{nanos:09}", second + at)), expected);
        }
    }
}

/// A time without an offset has that of the span of the input zone; one with an offset its own.
#[test]
fn spans() {
    let mut clock = clock(&Timing { local_is_utc: false, ..UTC });
    let text = "\"2020-10-06 10:02:05\"";
    let utc = 1_601_978_525;
    assert_eq!(read(&mut clock, text), Moment::Unknown(Ask::Span(utc)));
    // A change within the hour.
    let change = 1_601_978_400 + 300;
    assert!(clock.add_span(Span { from: change - DAY, to: change, offset: 7_200 }));
    assert_eq!(second(&mut clock, text), Some(utc - 7_200));
    let later = "\"2020-10-06 10:05:00\"";
    assert_eq!(read(&mut clock, later), Moment::Unknown(Ask::Span(change)));
    assert!(clock.add_span(Span { from: change, to: change + DAY, offset: 3_600 }));
    for _ in 0..2 {
        assert_eq!(second(&mut clock, later), Some(change - 3_600));
        assert_eq!(second(&mut clock, text), Some(utc - 7_200));
        assert_eq!(second(&mut clock, "\"2020-10-06 10:05:00Z\""), Some(change));
        assert_eq!(second(&mut clock, "1601978525"), Some(utc));
    }
    assert!(!clock.add_span(Span { from: 1, to: 1, offset: 0 }));
    assert!(!clock.add_span(Span { from: 1, to: 2, offset: 86_400 }));
}

/// Any number of buckets are distinguished.
#[test]
fn many_buckets() {
    let mut clock = clock(&UTC);
    for round in 0..2 {
        for at in 0..10_000_i64 {
            let start = at * 3_600 - 5_000_000;
            let bucket = clock.bucket(start);
            assert_eq!((bucket, clock.start(bucket)), (at as u32, start), "{round}");
        }
    }
    assert_eq!(clock.count(), 10_000);
}
