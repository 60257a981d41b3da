//! Sixteen bytes at a time, with SSSE3; a level of NEON would look the same.

use super::Task;
use super::lanes::{BIT_OF_EACH, BYTE_OF_EACH, Lane, Lanes};
use std::arch::x86_64::*;

pub type Ssse3 = Lanes<__m128i, 4>;

// SAFETY: `detect` asks for all features that the functions below use, and those that `apart` enables. The caller of each
// function shows that they are there. None but `load` and `store` touches memory.
unsafe impl Lane for __m128i {
    const BYTES: usize = 16;
    const PIECES_FOR_OUTLINE: (usize, usize) = (4, 3);

    fn detect() -> bool {
        is_x86_feature_detected!("ssse3") && is_x86_feature_detected!("popcnt")
    }

    #[inline(always)]
    unsafe fn apart<T: Task, const N: usize>(wide: Lanes<Self, N>, task: T) -> T::Output {
        #[inline(never)]
        #[target_feature(enable = "ssse3,popcnt")]
        fn run<T: Task, const N: usize>(wide: Lanes<__m128i, N>, task: T) -> T::Output {
            task.run(wide)
        }
        // The compiler forgets `inline(never)` beside `target_feature`; it cannot forget this.
        let run: unsafe fn(Lanes<Self, N>, T) -> T::Output = std::hint::black_box(run::<T, N>);
        // SAFETY: `wide` is the token of the features that `run` enables.
        unsafe { run(wide, task) }
    }

    #[inline(always)]
    unsafe fn load(from: *const u8) -> Self {
        // SAFETY: the caller gives the address of as many bytes as a register has.
        unsafe { _mm_loadu_si128(from.cast()) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut u8) {
        // SAFETY: the caller gives the address of as many bytes as a register has, to be written.
        unsafe { _mm_storeu_si128(to.cast(), self) }
    }

    #[inline(always)]
    unsafe fn splat(byte: u8) -> Self {
        // SAFETY: the caller's; registers only.
        unsafe { _mm_set1_epi8(byte as i8) }
    }

    #[inline(always)]
    unsafe fn bits(self) -> u64 {
        // SAFETY: the caller's; registers only.
        u64::from(unsafe { _mm_movemask_epi8(self) } as u16)
    }

    #[inline(always)]
    unsafe fn equal(self, other: Self) -> Self {
        // SAFETY: the caller's; registers only.
        unsafe { _mm_cmpeq_epi8(self, other) }
    }

    #[inline(always)]
    unsafe fn greater(self, other: Self) -> Self {
        // SAFETY: the caller's; registers only.
        unsafe { _mm_cmpgt_epi8(self, other) }
    }

    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        // SAFETY: the caller's; registers only.
        unsafe { _mm_min_epu8(self, other) }
    }

    #[inline(always)]
    unsafe fn subtract(self, other: Self) -> Self {
        // SAFETY: the caller's; registers only.
        unsafe { _mm_sub_epi8(self, other) }
    }

    #[inline(always)]
    unsafe fn or(self, other: Self) -> Self {
        // SAFETY: the caller's; registers only.
        unsafe { _mm_or_si128(self, other) }
    }

    #[inline(always)]
    unsafe fn choose(self, other: Self, without: Self) -> Self {
        // SAFETY: the caller's; registers only.
        unsafe { _mm_or_si128(_mm_and_si128(self, other), _mm_andnot_si128(self, without)) }
    }

    #[inline(always)]
    unsafe fn spread(bits: u64) -> Self {
        // SAFETY: the caller's; registers only.
        unsafe {
            let which = _mm_set_epi64x(BYTE_OF_EACH[1] as i64, BYTE_OF_EACH[0] as i64);
            let bytes = _mm_shuffle_epi8(_mm_set1_epi16(bits as u16 as i16), which);
            let bit = _mm_set1_epi64x(BIT_OF_EACH as i64);
            _mm_cmpeq_epi8(_mm_and_si128(bytes, bit), bit)
        }
    }

    #[inline(always)]
    unsafe fn mix(self, other: Self) -> Self {
        // SAFETY: the caller's; registers only.
        unsafe { _mm_xor_si128(_mm_add_epi64(self, _mm_slli_epi64::<7>(self)), other) }
    }

    #[inline(always)]
    unsafe fn running_parity(_: u64) -> Option<u64> {
        None
    }
}
