//! Eight bytes at a time in plain registers: runs everywhere.

use super::{CHUNK, EVERY, HIGH_BIT, KEPT, NUMERAL, Task, Wide};

/// No more than plain registers.
#[derive(Clone, Copy, Debug)]
pub struct Portable;

const LOW_SEVEN: u64 = 0x7f * EVERY;

/// One mask of a chunk from a function that marks the high bit of the bytes meant.
#[inline(always)]
fn gather(words: [u64; 8], marks: impl Fn(u64) -> u64) -> u64 {
    let mut mask = 0;
    for (at, word) in words.into_iter().enumerate() {
        // The product moves the eight marks into the top byte, lowest first.
        let bits = ((marks(word) & HIGH_BIT) >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        mask |= bits << (8 * at);
    }
    mask
}

/// Marks the bytes that are zero. No carry leaves a byte, so the answer is exact.
#[inline(always)]
fn zero_bytes(word: u64) -> u64 {
    !(((word & LOW_SEVEN) + LOW_SEVEN) | word)
}

impl Wide for Portable {
    type Chunk = [u64; 8];

    const PIECES_FOR_OUTLINE: Option<(usize, usize)> = None;

    #[inline(never)]
    fn apart<T: Task>(self, task: T) -> T::Output {
        task.run(self)
    }

    #[inline(always)]
    fn load(self, bytes: &[u8; CHUNK]) -> [u64; 8] {
        let mut words = [0; 8];
        for (word, eight) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*eight);
        }
        words
    }

    #[inline(always)]
    fn bytes(self, chunk: [u64; 8]) -> [u8; CHUNK] {
        let mut bytes = [0; CHUNK];
        for (eight, word) in bytes.as_chunks_mut().0.iter_mut().zip(chunk) {
            *eight = word.to_le_bytes();
        }
        bytes
    }

    #[inline(always)]
    fn equal(self, chunk: [u64; 8], byte: u8) -> u64 {
        let wanted = u64::from(byte) * EVERY;
        gather(chunk, |word| zero_bytes(word ^ wanted))
    }

    #[inline(always)]
    fn equal_folded(self, chunk: [u64; 8], byte: u8) -> u64 {
        let wanted = u64::from(byte) * EVERY;
        gather(chunk, |word| zero_bytes((word | (0x20 * EVERY)) ^ wanted))
    }

    #[inline(always)]
    fn control(self, chunk: [u64; 8]) -> u64 {
        gather(chunk, |word| zero_bytes(word & (0xe0 * EVERY)))
    }

    #[inline(always)]
    fn control_or_high(self, chunk: [u64; 8]) -> u64 {
        gather(chunk, |word| word | zero_bytes(word & (0xe0 * EVERY)))
    }

    #[inline(always)]
    fn high(self, chunk: [u64; 8]) -> u64 {
        gather(chunk, |word| word)
    }

    #[inline(always)]
    fn digit(self, chunk: [u64; 8]) -> u64 {
        gather(chunk, |word| {
            let value = word ^ (0x30 * EVERY);
            !(((value & LOW_SEVEN) + 0x76 * EVERY) | value)
        })
    }

    #[inline(always)]
    fn same(self, left: [u64; 8], right: [u64; 8]) -> u64 {
        let mut difference = left;
        for (word, other) in difference.iter_mut().zip(right) {
            *word ^= other;
        }
        gather(difference, zero_bytes)
    }

    #[inline(always)]
    fn within(self, chunk: [u64; 8], low: [u64; 8], span: [u64; 8]) -> u64 {
        let mut fits = [0; 8];
        for (at, fit) in fits.iter_mut().enumerate() {
            // The difference of each byte, with the borrow kept inside the byte.
            let above = ((chunk[at] | HIGH_BIT) - (low[at] & LOW_SEVEN))
                ^ ((chunk[at] ^ !low[at]) & HIGH_BIT);
            // The high bit says that the low seven of the span are no less.
            let no_less = (span[at] | HIGH_BIT) - (above & LOW_SEVEN);
            *fit = (span[at] & !above) | (!(span[at] ^ above) & no_less);
        }
        gather(fits, |word| word)
    }

    #[inline(always)]
    fn keep(self, chunk: [u64; 8], mask: u64, to: &mut [u8; CHUNK]) {
        let mut count = 0;
        for (at, word) in chunk.into_iter().enumerate() {
            let mask = (mask >> (8 * at)) as u8;
            let kept = u64::from_le_bytes(KEPT[usize::from(mask)]);
            // One place at a time: the same work whatever the mask.
            let mut eight = 0;
            for place in (0..64).step_by(8) {
                eight |= ((word >> (8 * (kept >> place & 7))) & 0xff) << place;
            }
            to[count..count + 8].copy_from_slice(&eight.to_le_bytes());
            count += mask.count_ones() as usize;
        }
    }

    #[inline(always)]
    fn replace(self, mut chunk: [u64; 8], mask: u64, byte: u8) -> [u64; 8] {
        for (at, word) in chunk.iter_mut().enumerate() {
            // One bit of the mask in each byte, and then all eight.
            let bits = (((mask >> (8 * at)) & 0xff) * EVERY) & 0x8040_2010_0804_0201;
            let bytes = (((bits + LOW_SEVEN) | bits) & HIGH_BIT) >> 7;
            *word = (*word & !(bytes * 0xff)) | (bytes * u64::from(byte));
        }
        chunk
    }

    #[inline(always)]
    fn mix(self, mut one: [u64; 8], other: [u64; 8]) -> [u64; 8] {
        for (word, other) in one.iter_mut().zip(other) {
            *word = word.rotate_left(7) ^ other;
        }
        one
    }

    #[inline(always)]
    fn numeral(self, text: &[u8; NUMERAL], width: usize) -> Option<(u64, usize)> {
        let mut digits = 0;
        let mut point = NUMERAL;
        for (at, byte) in text.iter().enumerate().skip(NUMERAL - width) {
            match byte {
                b'0'..=b'9' => digits = 10 * digits + u64::from(byte - b'0'),
                b'.' if point == NUMERAL => point = at,
                _ => return None,
            }
        }
        Some((digits, NUMERAL - point))
    }
}
