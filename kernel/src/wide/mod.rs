//! Sixty-four bytes at a time: what the others ask of a chunk, answered as bit masks.
//!
//! Bit `i` of a mask speaks of byte `i` of the chunk. Nothing here knows of JSON. There is one implementation that
//! runs everywhere and some that need instructions of the processor; all give equal masks.
//!
//! A level is a token: a value of the type can only be had from `detect`, which asked the processor, so a function
//! that is given one may use the instructions of that level. Only this folder and `buffer.rs` have `unsafe` code.

#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod lanes;
mod level;
mod portable;
#[cfg(target_arch = "x86_64")]
mod sixteen;
#[cfg(target_arch = "x86_64")]
mod ssse3;

pub use level::Level;
pub use portable::Portable;

/// Bytes in a chunk.
pub const CHUNK: usize = 64;

/// The bytes that `numeral` looks at.
pub const NUMERAL: usize = 16;

/// How far ahead the cache is asked for what will be read: beyond the page, at whose end the processor's own
/// guesses stop.
#[cfg(target_arch = "x86_64")]
const AHEAD: usize = 6144;

/// What a function of its own does with a level.
///
/// A plain function that takes a level is compiled without the instructions of it unless it is inlined into its
/// caller; it would then call one more for each instruction. So `run`, and all that it calls, must be marked
/// `inline(always)`, and no closure may be given to what is not. `test_kernel.py` looks for such calls.
pub trait Task {
    type Output;

    fn run<W: Wide>(self, wide: W) -> Self::Output;
}

/// What a level answers.
pub trait Wide: Copy {
    /// A chunk, in the registers of the level.
    type Chunk: Copy;

    /// How many pieces of the tree are walked while an outline is looked up, and how many while 64 bytes of it are
    /// made; None: making one takes longer than to parse the line.
    const PIECES_FOR_OUTLINE: Option<(usize, usize)>;

    /// Runs a task as a function of its own, with the instructions of the level: for what is long
    /// and not always needed.
    fn apart<T: Task>(self, task: T) -> T::Output;

    /// Takes up the bytes.
    fn load(self, bytes: &[u8; CHUNK]) -> Self::Chunk;
    /// The bytes of a chunk.
    fn bytes(self, chunk: Self::Chunk) -> [u8; CHUNK];
    /// The bytes equal to `byte`.
    fn equal(self, chunk: Self::Chunk, byte: u8) -> u64;
    /// The bytes equal to `byte` once bit 0x20 is set in them (`byte` has it set).
    fn equal_folded(self, chunk: Self::Chunk, byte: u8) -> u64;
    /// The bytes below 0x20.
    fn control(self, chunk: Self::Chunk) -> u64;
    /// The bytes below 0x20 and those from 0x80.
    fn control_or_high(self, chunk: Self::Chunk) -> u64;
    /// The bytes from 0x80.
    fn high(self, chunk: Self::Chunk) -> u64;
    /// The bytes `0` to `9`.
    fn digit(self, chunk: Self::Chunk) -> u64;
    /// The bytes at which two chunks are the same.
    fn same(self, left: Self::Chunk, right: Self::Chunk) -> u64;
    /// The bytes of a chunk from `low` to `low + span`, each of its own.
    fn within(self, chunk: Self::Chunk, low: Self::Chunk, span: Self::Chunk) -> u64;
    /// Writes the bytes of a mask, one after the other. What follows them is then anything.
    fn keep(self, chunk: Self::Chunk, mask: u64, to: &mut [u8; CHUNK]);
    /// A chunk with `byte` in the places of a mask.
    fn replace(self, chunk: Self::Chunk, mask: u64, byte: u8) -> Self::Chunk;
    /// A chunk that depends on all bits of two, and on which is the first; for `digest`.
    fn mix(self, one: Self::Chunk, other: Self::Chunk) -> Self::Chunk;

    /// The last `width` bytes, at least one, if they are digits and at most one point: the number that the
    /// digits make, and how many bytes there are from the point on (0 without one).
    fn numeral(self, text: &[u8; NUMERAL], width: usize) -> Option<(u64, usize)>;

    /// The bytes from 0x20 that are no backslash.
    #[inline(always)]
    fn no_control_or_backslash(self, chunk: Self::Chunk) -> u64 {
        !(self.control(chunk) | self.equal(chunk, b'\\'))
    }

    /// Bit `i` of the result is the exclusive or of the bits `0..=i`.
    #[inline(always)]
    fn running_parity(self, mut mask: u64) -> u64 {
        mask ^= mask << 1;
        mask ^= mask << 2;
        mask ^= mask << 4;
        mask ^= mask << 8;
        mask ^= mask << 16;
        mask ^= mask << 32;
        mask
    }

    /// The place of the bit before which there are `number` others, fewer than 64; 64 if there are not as many.
    #[inline(always)]
    fn select(self, mask: u64, number: u32) -> u32 {
        // How many bits there are up to the end of each byte, by sums within pairs, halves and bytes.
        let pairs = mask - ((mask >> 1) & (EVERY * 0x55));
        let halves = (pairs & (EVERY * 0x33)) + ((pairs >> 2) & (EVERY * 0x33));
        let sums = ((halves + (halves >> 4)) & (EVERY * 0x0f)).wrapping_mul(EVERY);
        // The high bit of each byte up to whose end there are too few.
        let too_few = ((u64::from(number) * EVERY) | HIGH_BIT) - sums;
        let byte = 8 * (too_few & HIGH_BIT).count_ones();
        if byte == 64 {
            return 64;
        }
        let left = number - ((sums << 8) >> byte) as u8 as u32;
        // No loop over bits: how many there are is not to be guessed.
        let rest = (mask >> byte) as u8;
        byte + u32::from(KEPT[usize::from(rest)][left as usize % 8])
    }

    /// A number that depends on all bits of a chunk.
    #[inline(always)]
    fn digest(self, chunk: Self::Chunk) -> u64 {
        digest(&self.bytes(chunk))
    }

    /// Asks for the cache line of a thing that will be read soon.
    #[inline(always)]
    fn prefetch<T>(self, _thing: &T) {}

    /// Asks for what will be read some time after the chunk, in a block that is read from one end to the other.
    #[inline(always)]
    fn prefetch_ahead(self, _bytes: &[u8; CHUNK]) {}
}

/// A number that depends on all bits of up to 64 bytes.
#[inline(always)]
fn digest(bytes: &[u8]) -> u64 {
    const TURNS: [u32; 8] = [0, 9, 21, 28, 35, 46, 53, 60];
    let mut both = [0; 2];
    for (at, word) in bytes.as_chunks().0.iter().enumerate() {
        both[at % 2] ^= u64::from_le_bytes(*word).rotate_left(TURNS[at]);
    }
    both[0].wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ both[1].wrapping_mul(0xc2b2_ae3d_27d4_eb4f)
}

const EVERY: u64 = 0x0101_0101_0101_0101;
const HIGH_BIT: u64 = 0x80 * EVERY;

/// For each mask of eight bytes, which of them move to the front; for levels that can look bytes up, but not keep those
/// of a mask.
static KEPT: [[u8; 8]; 256] = {
    let mut kept = [[0; 8]; 256];
    let mut mask = 0;
    while mask < 256 {
        let (mut count, mut bit) = (0, 0);
        while bit < 8 {
            if mask >> bit & 1 == 1 {
                kept[mask][count] = bit;
                count += 1;
            }
            bit += 1;
        }
        mask += 1;
    }
    kept
};

#[cfg(test)]
mod tests {
    use super::*;

    fn obvious(bytes: &[u8; CHUNK], is_meant: impl Fn(u8) -> bool) -> u64 {
        let mut mask = 0;
        for (at, &byte) in bytes.iter().enumerate() {
            mask |= u64::from(is_meant(byte)) << at;
        }
        mask
    }

    fn check<W: Wide>(wide: W) {
        let mut seed = 1_u64;
        for round in 0..2_000 {
            let mut bytes = [0_u8; CHUNK];
            for byte in &mut bytes {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let random = (seed >> 40) as u8;
                // Half of the rounds stay near the borders of the classes.
                *byte = if round % 2 == 0 {
                    random
                } else {
                    b"\x00\x1f\x20/09:[{]}\x7f\x80\xffaA"[usize::from(random) % 16]
                };
            }
            let chunk = wide.load(&bytes);
            for byte in [b'"', b'\\', b'\n', b'0', 0, 0xff, b'{', b'['] {
                assert_eq!(wide.equal(chunk, byte), obvious(&bytes, |other| other == byte));
            }
            for byte in [b'{', b'}', b'e'] {
                assert_eq!(
                    wide.equal_folded(chunk, byte),
                    obvious(&bytes, |other| other | 0x20 == byte)
                );
            }
            assert_eq!(wide.control(chunk), obvious(&bytes, |byte| byte < 0x20));
            assert_eq!(
                wide.control_or_high(chunk),
                obvious(&bytes, |byte| !(0x20..0x80).contains(&byte))
            );
            assert_eq!(wide.high(chunk), obvious(&bytes, |byte| byte >= 0x80));
            assert_eq!(wide.digit(chunk), obvious(&bytes, |byte| byte.is_ascii_digit()));
            let mut other = bytes;
            other[(seed >> 50) as usize % CHUNK] ^= 1 << ((seed >> 60) & 7);
            let at = (0..CHUNK).find(|&at| bytes[at] != other[at]).expect("one byte was changed");
            assert_eq!(wide.same(chunk, wide.load(&other)), !(1 << at));
            let (mut low, mut span, mut expected) = (bytes, other, 0);
            low.rotate_left(round % 5);
            span.rotate_left(round % 7);
            for at in 0..CHUNK {
                expected |= u64::from(bytes[at].wrapping_sub(low[at]) <= span[at]) << at;
            }
            assert_eq!(wide.within(chunk, wide.load(&low), wide.load(&span)), expected);
            assert_eq!(wide.bytes(chunk), bytes);
            assert_eq!(
                wide.no_control_or_backslash(chunk),
                obvious(&bytes, |byte| byte >= 0x20 && byte != b'\\')
            );
            let is_marked = |at: usize| seed >> at & 1 == 1;
            let marked: Vec<usize> = (0..CHUNK).filter(|&at| is_marked(at)).collect();
            let mut kept = [0; CHUNK];
            wide.keep(chunk, seed, &mut kept);
            assert!(marked.iter().map(|&at| bytes[at]).eq(kept[..marked.len()].iter().copied()));
            for (number, &at) in marked.iter().enumerate() {
                assert_eq!(wide.select(seed, number as u32), at as u32);
            }
            assert_eq!(wide.select(seed, marked.len() as u32), 64);
            let replaced = wide.bytes(wide.replace(chunk, seed, b'x'));
            for at in 0..CHUNK {
                assert_eq!(replaced[at], if is_marked(at) { b'x' } else { bytes[at] });
            }
            // Not so for all chunks, but a digest that forgets a byte or the order would be seen.
            let digest = wide.digest(chunk);
            assert_ne!(wide.digest(wide.load(&other)), digest);
            let (one, two) = (wide.mix(chunk, wide.load(&low)), wide.mix(wide.load(&low), chunk));
            assert_ne!(wide.digest(one), digest);
            assert_eq!(bytes == low, wide.digest(one) == wide.digest(two));
            let mut numeral = [0; NUMERAL];
            for (at, byte) in numeral.iter_mut().enumerate() {
                *byte = b"0123456789012345678901234567890123456789012345678901234567890.-/:"
                    [usize::from(bytes[at] ^ other[CHUNK - 1 - at]) % 65];
            }
            for width in 1..=NUMERAL {
                assert_eq!(wide.numeral(&numeral, width), Portable.numeral(&numeral, width));
            }
            let mut parity = 0;
            let mut sum = 0;
            for at in 0..64 {
                sum ^= (seed >> at) & 1;
                parity |= sum << at;
            }
            assert_eq!(wide.running_parity(seed), parity);
        }
    }

    struct Check;

    impl Task for Check {
        type Output = ();

        #[inline(always)]
        fn run<W: Wide>(self, wide: W) {
            check(wide);
        }
    }

    /// Every level answers as a loop over single bytes does.
    #[test]
    fn masks() {
        for level in Level::all() {
            level.run(Check);
        }
    }
}
