use super::*;

/// What comes of a stream that is given in pieces of `size` bytes, as it is read: a text or special, its place, its line.
fn cut(stream: &[u8], path: &[&str], most: usize, size: usize) -> Vec<(String, u64, u64)> {
    let path = path.iter().map(|&part| part.to_owned()).collect();
    let mut cutter = Cutter::new(Level::fastest(), path, most, false, false);
    let (mut found, mut buffer) = (Vec::new(), Vec::new());
    let (mut read, mut offset, mut line) = (0, 0, 0);
    loop {
        let room = size.min(most + 1 - buffer.len()).min(stream.len() - read);
        buffer.extend_from_slice(&stream[read..read + room]);
        read += room;
        let at_end = read == stream.len();
        let cut = cutter.cut(&buffer, at_end, buffer.len() == most + 1);
        let lines = cutter.out.split(|&byte| byte == b'\n');
        for (text, &[start, end, newlines]) in lines.zip(&cutter.places) {
            assert_eq!(text.len() as u64, end - start);
            let text = String::from_utf8_lossy(text).into_owned();
            found.push((text, offset + start, line + newlines));
        }
        if let Some(Special { kind, start, length, line }) = cut.special {
            found.push((format!("{kind:?} {length}"), start, line));
        }
        buffer.drain(..cut.consumed);
        (offset, line) = (offset + cut.consumed as u64, line + cut.newlines);
        if at_end && cut.special.is_none() {
            assert!(buffer.is_empty());
            return found;
        }
    }
}

/// The texts, as they are for pieces of every size.
fn texts(stream: &str, path: &[&str], most: usize) -> Vec<(String, u64, u64)> {
    let whole = cut(stream.as_bytes(), path, most, stream.len() + 1);
    for size in 1..stream.len() {
        assert_eq!(cut(stream.as_bytes(), path, most, size), whole, "{stream:?} {size}");
    }
    whole
}

fn only_texts(stream: &str, path: &[&str]) -> Vec<String> {
    texts(stream, path, 1000).into_iter().map(|(text, ..)| text).collect()
}

/// Texts are found in any framing, with their places.
#[test]
fn framings() {
    let expected = ["{\"a\":1}", "{\"b\":[2]}"];
    for stream in [
        "{\"a\":1}{\"b\":[2]}",
        "{\"a\":1}\n{\"b\":[2]}\n",
        "[{\"a\":1},{\"b\":[2]}]",
        "[\n{\"a\":1},\n{\"b\":[2]},\n]\n",
        "\x1e{\"a\":1}\n\x1e{\"b\":[2]}\n",
        "\u{feff}{\"a\":1}\r\n\u{feff}{\"b\":[2]}",
        "[{\"a\":1}][{\"b\":[2]}]",
        "{\"a\":1},\n{\"b\":[2]},\n",
    ] {
        assert_eq!(only_texts(stream, &[]), expected, "{stream:?}");
    }
    let pretty = "[\n  {\n    \"a\": 1\n  },\n  2, \"x\"\n]";
    let expected = [
        ("{\r    \"a\": 1\r  }".to_owned(), 4, 1),
        ("2".to_owned(), 24, 4),
        ("\"x\"".to_owned(), 27, 4),
    ];
    assert_eq!(texts(pretty, &[], 100), expected);
}

/// A torn text ends before the last line that begins like a text and is not indented further.
#[test]
fn damage() {
    for (stream, expected) in [
        ("{\"a\":\"x\n{\"b\":1}\n", &["{\"a\":\"x", "{\"b\":1}"][..]),
        ("{\"a\":1\n{\"b\":1}\n{\"c\":1}", &["{\"a\":1", "{\"b\":1}", "{\"c\":1}"]),
        ("{\"a\":1]\n{\"b\":1}", &["{\"a\":1]", "{\"b\":1}"]),
        ("\x1e{\"a\":\x1e{\"b\":1}", &["{\"a\":", "{\"b\":1}"]),
        ("[\n  {\"a\":\n  {\"b\":\"x\n  {\"c\":1}\n]", &["{\"a\":", "{\"b\":\"x", "{\"c\":1}"]),
        ("oh no\n{\"b\":1}\nx\n", &["oh no", "{\"b\":1}", "x"]),
        ("{\"a\":1", &["{\"a\":1"]),
        ("{\"a\":1}}{\"b\":1}\n{\"c\":1}", &["{\"a\":1}", "}{\"b\":1}", "{\"c\":1}"]),
        ("[{\"a\":1}", &["{\"a\":1}", "Unclosed 8"]),
        ("[1", &["1", "Unclosed 2"]),
    ] {
        assert_eq!(only_texts(stream, &[]), expected, "{stream:?}");
    }
}

/// The elements of the arrays at a path are texts; what is around them is not held, however long it is.
#[test]
fn records() {
    let path = &["R", "L"];
    for (stream, expected) in [
        ("{\"x\":[1],\"R\":{\"L\":[{\"a\":1},2]}}", &["{\"a\":1}", "2"][..]),
        (
            "{\"R\":[{\"L\":[1]},{\"k\":\"v\",\"L\":[2,3]},{}]} {\"R\":{\"\\u004c\":{}}}",
            &["1", "2", "3", "{}"],
        ),
        ("[{\"R\":{\"L\":[]}},{\"R\":{\"L\":[1]}}]", &["1"]),
        ("{\"R\":{}}{\"R\":{\"L\":[1]}}", &["NoRecords 8", "1"]),
        ("{\"R\":{\"L\":[1,2", &["1", "2", "Unclosed 14"]),
        ("{\"R\":{\"L\":[1],\"x\":{\n{\"R\":{\"L\":[2]}}", &["1", "Damaged 19", "2"]),
        ("{\"R\" {\"L\":[1]}}\n{\"R\":{\"L\":[2]}}", &["Damaged 15", "2"]),
        ("7 {\"R\":{\"L\":[1]}}", &["7", "1"]),
    ] {
        assert_eq!(only_texts(stream, path), expected, "{stream:?}");
    }
    let long = format!("{{\"x\":\"{}\",\"R\":{{\"L\":[{{\"a\":1}}]}}}}", "x".repeat(90));
    assert_eq!(texts(&long, path, 20)[0].0, "{\"a\":1}");
}

/// A text longer than the limit is left out in bounded memory, and what follows is read.
#[test]
fn long() {
    let text = format!("{{\"a\":\"{}\"}}", "x".repeat(20));
    for (stream, expected) in [
        (format!("{text} [1]"), vec![("TooLong 28".to_owned(), 0, 0), ("1".to_owned(), 30, 0)]),
        (format!("\n{text}"), vec![("TooLong 28".to_owned(), 1, 1)]),
        (
            format!("{}\n{{}}", &text[..20]),
            vec![("TooLong 20".to_owned(), 0, 0), ("{}".to_owned(), 21, 1)],
        ),
        (
            format!("{}\n{{}}", "x".repeat(20)),
            vec![("TooLong 20".to_owned(), 0, 0), ("{}".to_owned(), 21, 1)],
        ),
    ] {
        assert_eq!(texts(&stream, &[], 15), expected, "{stream:?}");
    }
}
