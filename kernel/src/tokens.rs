//! The tokens of a line that is known to be valid JSON, one after the other: for what learns of a line, not for what
//! reads every one.

use crate::text;

/// What a token is, as far as caches tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The text of a string before a colon, without its quotes.
    Key,
    /// The text of another string, without its quotes.
    Text,
    Number,
    /// Any other byte, alone: brackets, colons, commas, white space, the letters of words.
    Byte,
}

/// A token and its bytes, `start..end` of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
}

/// The tokens of a valid line, with or without its "\n".
pub fn tokens(line: &[u8]) -> impl Iterator<Item = Token> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let is_number = |byte: &&u8| matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9');
        let token = match line.get(at)? {
            b'"' => {
                let (start, end) = (at + 1, text::string_end(line, at + 1));
                let after = line[end + 1..].iter().find(|&&byte| !text::is_space(byte));
                let kind = if after == Some(&b':') { Kind::Key } else { Kind::Text };
                at = end + 1;
                return Some(Token { kind, start, end });
            }
            b'-' | b'0'..=b'9' => {
                let length = line[at..].iter().take_while(is_number).count();
                Token { kind: Kind::Number, start: at, end: at + length }
            }
            _ => Token { kind: Kind::Byte, start: at, end: at + 1 },
        };
        at = token.end;
        Some(token)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Strings are distinguished by what follows them; quotes are in no token, and all else is in one.
    #[test]
    fn kinds() {
        let line = "{\"a\\\"\" : [\"b:\", -1.5e3],\"\":null}\n";
        let shown: Vec<String> = tokens(line.as_bytes())
            .filter(|token| token.kind != Kind::Byte)
            .map(|token| format!("{:?} {}", token.kind, &line[token.start..token.end]))
            .collect();
        assert_eq!(shown, ["Key a\\\"", "Text b:", "Number -1.5e3", "Key "]);
        let length: usize = tokens(line.as_bytes()).map(|token| token.end - token.start).sum();
        assert_eq!(length, line.len() - 6);
    }
}
