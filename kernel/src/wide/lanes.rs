//! A chunk in several registers of one kind: all that levels of 16 and of 32 bytes have in common.

use super::sixteen::numeral;
use super::{AHEAD, CHUNK, EVERY, KEPT, NUMERAL, Task, Wide, digest};
use std::arch::x86_64::*;
use std::marker::PhantomData;

/// A register, and what the instructions of its level do with it. Another level of this kind is one more of these.
///
/// # Safety
///
/// `detect` tells whether the processor has the instructions, without which no other function may be called.
pub unsafe trait Lane: Copy {
    const BYTES: usize;
    const PIECES_FOR_OUTLINE: (usize, usize);

    fn detect() -> bool;

    /// Runs a task as a function of its own that is compiled with the instructions.
    unsafe fn apart<T: Task, const N: usize>(wide: Lanes<Self, N>, task: T) -> T::Output;
    /// Reads as many bytes as a register has, at any address.
    unsafe fn load(from: *const u8) -> Self;
    /// Writes as many bytes as a register has, at any address.
    unsafe fn store(self, to: *mut u8);
    unsafe fn splat(byte: u8) -> Self;
    /// A bit for each byte: its highest.
    unsafe fn bits(self) -> u64;
    /// Bytes of all ones where the two are equal, else of zeros.
    unsafe fn equal(self, other: Self) -> Self;
    /// The same where this one is greater, both with a sign.
    unsafe fn greater(self, other: Self) -> Self;
    /// The smaller of each two bytes, both without a sign.
    unsafe fn min(self, other: Self) -> Self;
    unsafe fn subtract(self, other: Self) -> Self;
    unsafe fn or(self, other: Self) -> Self;
    /// `other` where the bytes of `self` are all ones, `without` where they are zeros.
    unsafe fn choose(self, other: Self, without: Self) -> Self;
    /// Bytes of all ones where a bit is set, else of zeros.
    unsafe fn spread(bits: u64) -> Self;
    /// Each eight bytes times 129, exclusive or `other`.
    unsafe fn mix(self, other: Self) -> Self;
    /// `Wide::running_parity`, if there is a quick way.
    unsafe fn running_parity(mask: u64) -> Option<u64>;
}

/// Shows that the processor has the instructions of a lane, `N` of which make a chunk.
#[derive(Clone, Copy, Debug)]
pub struct Lanes<L, const N: usize>(PhantomData<L>);

impl<L: Lane, const N: usize> Lanes<L, N> {
    /// The token, where the processor has the instructions.
    pub fn detect() -> Option<Self> {
        const { assert!(N * L::BYTES == CHUNK) };
        L::detect().then_some(Self(PhantomData))
    }
}

/// `Wide::prefetch_ahead`.
#[inline(always)]
pub fn prefetch_ahead(bytes: &[u8; CHUNK]) {
    // SAFETY: a hint, which never faults, whatever the address; every x86-64 has it.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(bytes.as_ptr().wrapping_add(AHEAD).cast()) }
}

// The token shows that `detect` found the instructions, and `N * BYTES` is `CHUNK`.
impl<L: Lane, const N: usize> Wide for Lanes<L, N> {
    type Chunk = [L; N];

    const PIECES_FOR_OUTLINE: Option<(usize, usize)> = Some(L::PIECES_FOR_OUTLINE);

    #[inline(always)]
    fn apart<T: Task>(self, task: T) -> T::Output {
        // SAFETY: `self` is the token.
        unsafe { L::apart(self, task) }
    }

    #[inline(always)]
    fn load(self, bytes: &[u8; CHUNK]) -> [L; N] {
        // SAFETY: `self` is the token. The loads take `N * BYTES` bytes in all, those of the array.
        unsafe {
            let mut chunk = [L::load(bytes.as_ptr()); N];
            for (at, lane) in chunk.iter_mut().enumerate().skip(1) {
                *lane = L::load(bytes.as_ptr().add(at * L::BYTES));
            }
            chunk
        }
    }

    #[inline(always)]
    fn bytes(self, chunk: [L; N]) -> [u8; CHUNK] {
        let mut bytes = [0; CHUNK];
        for (at, lane) in chunk.into_iter().enumerate() {
            // SAFETY: `self` is the token. The stores take `N * BYTES` bytes in all, those of the array.
            unsafe { lane.store(bytes.as_mut_ptr().add(at * L::BYTES)) };
        }
        bytes
    }

    #[inline(always)]
    fn equal(self, chunk: [L; N], byte: u8) -> u64 {
        // SAFETY: `self` is the token; registers only.
        self.same(chunk, [unsafe { L::splat(byte) }; N])
    }

    #[inline(always)]
    fn equal_folded(self, mut chunk: [L; N], byte: u8) -> u64 {
        for lane in &mut chunk {
            // SAFETY: `self` is the token; registers only.
            *lane = unsafe { lane.or(L::splat(0x20)) };
        }
        self.equal(chunk, byte)
    }

    #[inline(always)]
    fn control(self, chunk: [L; N]) -> u64 {
        let mut least = chunk;
        for lane in &mut least {
            // SAFETY: `self` is the token; registers only.
            *lane = unsafe { lane.min(L::splat(0x1f)) };
        }
        self.same(least, chunk)
    }

    #[inline(always)]
    fn control_or_high(self, chunk: [L; N]) -> u64 {
        let mut mask = 0;
        for (at, lane) in chunk.into_iter().enumerate() {
            // SAFETY: `self` is the token; registers only. With a sign, both are below a space.
            mask |= unsafe { L::splat(0x20).greater(lane).bits() } << (at * L::BYTES);
        }
        mask
    }

    #[inline(always)]
    fn no_control_or_backslash(self, chunk: [L; N]) -> u64 {
        let mut mask = 0;
        for (at, lane) in chunk.into_iter().enumerate() {
            // SAFETY: `self` is the token; registers only.
            let odd = unsafe {
                let control = lane.min(L::splat(0x1f)).equal(lane);
                control.or(lane.equal(L::splat(b'\\'))).bits()
            };
            mask |= odd << (at * L::BYTES);
        }
        !mask
    }

    #[inline(always)]
    fn high(self, chunk: [L; N]) -> u64 {
        let mut mask = 0;
        for (at, lane) in chunk.into_iter().enumerate() {
            // SAFETY: `self` is the token; registers only.
            mask |= unsafe { lane.bits() } << (at * L::BYTES);
        }
        mask
    }

    #[inline(always)]
    fn digit(self, chunk: [L; N]) -> u64 {
        // SAFETY: `self` is the token; registers only.
        let (zero, nine) = unsafe { (L::splat(b'0'), L::splat(9)) };
        self.within(chunk, [zero; N], [nine; N])
    }

    #[inline(always)]
    fn same(self, left: [L; N], right: [L; N]) -> u64 {
        let mut mask = 0;
        for (at, (left, right)) in left.into_iter().zip(right).enumerate() {
            // SAFETY: `self` is the token; registers only.
            mask |= unsafe { left.equal(right).bits() } << (at * L::BYTES);
        }
        mask
    }

    #[inline(always)]
    fn within(self, mut chunk: [L; N], low: [L; N], span: [L; N]) -> u64 {
        let mut least = span;
        for at in 0..N {
            // SAFETY: `self` is the token; registers only.
            unsafe {
                chunk[at] = chunk[at].subtract(low[at]);
                least[at] = chunk[at].min(span[at]);
            }
        }
        self.same(least, chunk)
    }

    #[inline(always)]
    fn keep(self, chunk: [L; N], mask: u64, to: &mut [u8; CHUNK]) {
        let bytes = self.bytes(chunk);
        let to = to.as_mut_ptr();
        let mut count = 0;
        for (at, sixteen) in bytes.as_chunks::<NUMERAL>().0.iter().enumerate() {
            let [low, high, ..] = (mask >> (NUMERAL * at)).to_le_bytes();
            // SAFETY: `self` is the token, and all levels have `ssse3`. The loads take the 16 bytes of an array and the 8
            // of two others. The stores take eight bytes each, those from `count` on, of which there were at most eight
            // for each store before: they end within the 64 bytes.
            unsafe {
                let sixteen = _mm_loadu_si128(sixteen.as_ptr().cast());
                let first = _mm_loadl_epi64(KEPT[usize::from(low)].as_ptr().cast());
                let second = _mm_loadl_epi64(KEPT[usize::from(high)].as_ptr().cast());
                let places = _mm_unpacklo_epi64(first, second);
                let places = _mm_or_si128(places, _mm_set_epi64x((8 * EVERY) as i64, 0));
                let kept = _mm_shuffle_epi8(sixteen, places);
                _mm_storel_epi64(to.add(count).cast(), kept);
                count += low.count_ones() as usize;
                _mm_storeh_pd(to.add(count).cast(), _mm_castsi128_pd(kept));
                count += high.count_ones() as usize;
            }
        }
    }

    #[inline(always)]
    fn replace(self, mut chunk: [L; N], mask: u64, byte: u8) -> [L; N] {
        for (at, lane) in chunk.iter_mut().enumerate() {
            // SAFETY: `self` is the token; registers only.
            *lane = unsafe { L::spread(mask >> (at * L::BYTES)).choose(L::splat(byte), *lane) };
        }
        chunk
    }

    #[inline(always)]
    fn mix(self, mut one: [L; N], other: [L; N]) -> [L; N] {
        for (lane, other) in one.iter_mut().zip(other) {
            // SAFETY: `self` is the token; registers only.
            *lane = unsafe { lane.mix(other) };
        }
        one
    }

    #[inline(always)]
    fn digest(self, chunk: [L; N]) -> u64 {
        let mut mixed = chunk[0];
        for &lane in &chunk[1..] {
            // SAFETY: `self` is the token; registers only.
            mixed = unsafe { mixed.mix(lane) };
        }
        let mut bytes = [0; CHUNK];
        // SAFETY: `self` is the token. The store takes `BYTES` of the `N * BYTES` bytes of the array.
        unsafe { mixed.store(bytes.as_mut_ptr()) };
        digest(&bytes[..L::BYTES])
    }

    #[inline(always)]
    fn running_parity(self, mut mask: u64) -> u64 {
        // SAFETY: `self` is the token; registers only.
        if let Some(parity) = unsafe { L::running_parity(mask) } {
            return parity;
        }
        for distance in [1, 2, 4, 8, 16, 32] {
            mask ^= mask << distance;
        }
        mask
    }

    #[inline(always)]
    fn numeral(self, text: &[u8; NUMERAL], width: usize) -> Option<(u64, usize)> {
        // SAFETY: `self` is the token, and all levels have `ssse3`.
        unsafe { numeral(text, width) }
    }

    #[inline(always)]
    fn prefetch<T>(self, thing: &T) {
        // SAFETY: a hint, which never faults; the address is that of a live reference.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(thing).cast()) }
    }

    #[inline(always)]
    fn prefetch_ahead(self, bytes: &[u8; CHUNK]) {
        prefetch_ahead(bytes);
    }
}

/// The bits that `Lane::spread` tells apart: one of each byte.
pub const BIT_OF_EACH: u64 = 0x8040_2010_0804_0201;
/// Which byte of a mask each byte of a lane looks at.
pub const BYTE_OF_EACH: [u64; 4] = [0, EVERY, 2 * EVERY, 3 * EVERY];
