//! Where a JSON value ends, across any number of pieces of text: brackets and quotes, sixty-four bytes at a time.
//!
//! It does not check the grammar: whoever reads the value does. It notices only what shows that a value was torn and
//! that another one follows: a newline inside a string, a backslash outside of strings, the separator of RFC 7464, a
//! bracket that closes another kind, and one that opens where no value can begin.

use crate::text::escaped_bytes;
use crate::wide::{CHUNK, Level, Task, Wide};

/// The byte before each text of a sequence (RFC 7464). Neither a string nor anything else may contain it.
pub const SEPARATOR: u8 = 0x1e;

/// How far a value could be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// The byte after it.
    End(usize),
    /// The byte that shows that it was torn.
    Damage(usize),
    /// It goes on past the data.
    More,
}

/// A value that is being followed.
#[derive(Debug, Default)]
pub struct Scan {
    /// One bit for each container that is open: whether it is an array.
    stack: Vec<u64>,
    depth: usize,
    /// Deeper nesting counts as damage: it bounds memory.
    most_depth: usize,
    in_string: bool,
    /// The next byte is escaped.
    escaped: bool,
    /// The last byte that is not white space.
    last: u8,
}

impl Scan {
    pub fn new(most_depth: usize) -> Self {
        Self { most_depth, ..Self::default() }
    }

    /// Forgets the value; the next one begins with a bracket or a quote.
    pub fn reset(&mut self) {
        (self.depth, self.in_string, self.escaped, self.last) = (0, false, false, 0);
    }

    /// Follows the value in the data from `start` on, where it begins, or goes on after `More`.
    pub fn go(&mut self, level: Level, data: &[u8], start: usize) -> Reached {
        if self.depth == 0 && (self.in_string || data.get(start) == Some(&b'"')) {
            return self.string(data, start);
        }
        level.run(Go { scan: self, data, start })
    }

    /// Follows a string that is the value.
    fn string(&mut self, data: &[u8], start: usize) -> Reached {
        let mut at = start + usize::from(!self.in_string);
        self.in_string = true;
        while let Some(&byte) = data.get(at) {
            match byte {
                b'\n' | SEPARATOR => return Reached::Damage(at),
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => return Reached::End(at + 1),
                _ => {}
            }
            at += 1;
        }
        Reached::More
    }

    #[inline(always)]
    fn in_array(&self) -> bool {
        let last = self.depth - 1;
        self.stack[last / 64] >> (last % 64) & 1 != 0
    }

    /// False: it is too deep.
    #[inline(always)]
    fn push(&mut self, is_array: bool) -> bool {
        let (word, bit) = (self.depth / 64, self.depth % 64);
        if word == self.stack.len() {
            self.stack.push(0);
        }
        self.stack[word] = self.stack[word] & !(1 << bit) | u64::from(is_array) << bit;
        self.depth += 1;
        self.depth <= self.most_depth
    }

    /// Whether a value may begin at `at` within the value.
    #[inline(always)]
    fn may_open(&self, data: &[u8], start: usize, at: usize) -> bool {
        let before = data[start..at].iter().rev().find(|byte| !is_white(**byte));
        match before.copied().unwrap_or(self.last) {
            b'[' | b':' => true,
            b',' => self.in_array(),
            _ => false,
        }
    }
}

/// JSON white space.
#[inline(always)]
pub fn is_white(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

struct Go<'a> {
    scan: &'a mut Scan,
    data: &'a [u8],
    start: usize,
}

impl Task for Go<'_> {
    type Output = Reached;

    #[inline(always)]
    fn run<W: Wide>(self, wide: W) -> Reached {
        let Self { scan, data, start } = self;
        let mut at = start;
        let mut in_string = 0_u64.wrapping_sub(u64::from(scan.in_string));
        let mut escaped = u64::from(scan.escaped);
        while at < data.len() {
            let mut last = [b' '; CHUNK];
            let rest = &data[at..];
            let count = rest.len().min(CHUNK);
            let bytes: &[u8; CHUNK] = match rest.first_chunk() {
                Some(bytes) => bytes,
                None => {
                    last[..count].copy_from_slice(rest);
                    &last
                }
            };
            let chunk = wide.load(bytes);
            let mut quote = wide.equal(chunk, b'"');
            let backslash = wide.equal(chunk, b'\\');
            if backslash | escaped != 0 {
                let here = escaped_bytes(backslash, &mut escaped);
                quote &= !here;
                if count < CHUNK {
                    escaped = here >> count & 1;
                }
            }
            let string = wide.running_parity(quote) ^ in_string;
            let newline = wide.equal(chunk, b'\n');
            let torn = wide.equal(chunk, SEPARATOR) | (newline & string) | (backslash & !string);
            let open = wide.equal_folded(chunk, b'{') & !string;
            let close = wide.equal_folded(chunk, b'}') & !string;
            let mut marks = torn | open | close;
            while marks != 0 {
                let bit = marks & marks.wrapping_neg();
                marks ^= bit;
                let place = at + bit.trailing_zeros() as usize;
                if place >= data.len() {
                    break;
                }
                if torn & bit != 0 {
                    return Reached::Damage(place);
                }
                let is_square = data[place] & 0x20 == 0;
                if open & bit != 0 {
                    let may_open = scan.depth == 0 || scan.may_open(data, start, place);
                    if !may_open || !scan.push(is_square) {
                        return Reached::Damage(place);
                    }
                } else {
                    if scan.depth == 0 || scan.in_array() != is_square {
                        return Reached::Damage(place);
                    }
                    scan.depth -= 1;
                    if scan.depth == 0 {
                        return Reached::End(place + 1);
                    }
                }
            }
            in_string = 0_u64.wrapping_sub(string >> (count - 1) & 1);
            at += count;
        }
        scan.in_string = in_string != 0;
        scan.escaped = escaped != 0;
        if let Some(&last) = data[start..].iter().rev().find(|byte| !is_white(**byte)) {
            scan.last = last;
        }
        Reached::More
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is reached in the text, given in pieces of `size` bytes, counted from its beginning.
    fn reached(text: &[u8], size: usize, level: Level) -> Reached {
        let mut scan = Scan::new(1 << 20);
        for (index, piece) in text.chunks(size).enumerate() {
            match scan.go(level, piece, 0) {
                Reached::More => {}
                Reached::End(at) => return Reached::End(index * size + at),
                Reached::Damage(at) => return Reached::Damage(index * size + at),
            }
        }
        Reached::More
    }

    /// A value ends at its last bracket or quote, and shows damage at the same byte, in pieces of any size.
    #[test]
    fn pieces() {
        let long = format!("{{\"a\":[\"{}\\\\\",{{}}]}} ", "x\\\"]".repeat(60));
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        for (text, expected) in [
            ("{\"a\":1}{", Reached::End(7)),
            ("\"a\\\"b\" ", Reached::End(6)),
            ("[[],{\"a\":[]}]", Reached::End(13)),
            ("{\"a\" \n: \r{}}", Reached::End(12)),
            (&long, Reached::End(long.len() - 1)),
            (&deep, Reached::End(400)),
            ("{\"a\":\"b\n", Reached::Damage(7)),
            ("\"a\n", Reached::Damage(2)),
            ("{\"a\":\x1e", Reached::Damage(5)),
            ("{\"a\":1]", Reached::Damage(6)),
            ("{\"a\":\\\"]", Reached::Damage(5)),
            ("{\"a\":1 {", Reached::Damage(7)),
            ("{\"a\":1,{", Reached::Damage(7)),
            ("[1,{},[", Reached::More),
            ("{\"a\":{}\n\n {", Reached::Damage(10)),
            ("[{\"a\"[", Reached::Damage(5)),
            ("{\"a\":\"b", Reached::More),
        ] {
            for level in Level::all() {
                for size in 1..=text.len() {
                    assert_eq!(reached(text.as_bytes(), size, level), expected, "{text} {size}");
                }
            }
        }
    }

    /// What nests deeper than is allowed is damage.
    #[test]
    fn depth() {
        let mut scan = Scan::new(3);
        assert_eq!(scan.go(Level::fastest(), b"[[[]]]", 0), Reached::End(6));
        scan.reset();
        assert_eq!(scan.go(Level::fastest(), b"[[[[]]]]", 0), Reached::Damage(3));
    }
}
