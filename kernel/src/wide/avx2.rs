//! Thirty-two bytes at a time, with AVX2.

use super::Task;
use super::lanes::{BIT_OF_EACH, BYTE_OF_EACH, Lane, Lanes};
use super::sixteen::carryless_running_parity;
use std::arch::x86_64::*;

pub type Avx2 = Lanes<__m256i, 2>;

// SAFETY: `detect` asks for all features that the functions below use, and those that `apart` enables. The caller of each
// function shows that they are there. None but `load` and `store` touches memory.
unsafe impl Lane for __m256i {
    const BYTES: usize = 32;
    const PIECES_FOR_OUTLINE: (usize, usize) = (6, 1);

    fn detect() -> bool {
        is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt")
            && is_x86_feature_detected!("pclmulqdq")
    }

    #[inline(always)]
    unsafe fn apart<T: Task, const N: usize>(wide: Lanes<Self, N>, task: T) -> T::Output {
        #[inline(never)]
        #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,pclmulqdq")]
        fn run<T: Task, const N: usize>(wide: Lanes<__m256i, N>, task: T) -> T::Output {
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
        unsafe { _mm256_loadu_si256(from.cast()) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut u8) {
        // SAFETY: the caller gives the address of as many bytes as a register has, to be written.
        unsafe { _mm256_storeu_si256(to.cast(), self) }
    }

    #[inline(always)]
    unsafe fn splat(byte: u8) -> Self {
        // SAFETY: the caller's; registers only.
        unsafe { _mm256_set1_epi8(byte as i8) }
    }

    #[inline(always)]
    unsafe fn bits(self) -> u64 {
        // SAFETY: the caller's; registers only.
        u64::from(unsafe { _mm256_movemask_epi8(self) } as u32)
    }

    #[inline(always)]
    unsafe fn equal(self, other: Self) -> Self {
        // SAFETY: the caller's; registers only.
        unsafe { _mm256_cmpeq_epi8(self, other) }
    }

    #[inline(always)]
    unsafe fn greater(self, other: Self) -> Self {
        // SAFETY: the caller's; registers only.
        unsafe { _mm256_cmpgt_epi8(self, other) }
    }

    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        // SAFETY: the caller's; registers only.
        unsafe { _mm256_min_epu8(self, other) }
    }

    #[inline(always)]
    unsafe fn subtract(self, other: Self) -> Self {
        // SAFETY: the caller's; registers only.
        unsafe { _mm256_sub_epi8(self, other) }
    }

    #[inline(always)]
    unsafe fn or(self, other: Self) -> Self {
        // SAFETY: the caller's; registers only.
        unsafe { _mm256_or_si256(self, other) }
    }

    #[inline(always)]
    unsafe fn choose(self, other: Self, without: Self) -> Self {
        // SAFETY: the caller's; registers only.
        unsafe { _mm256_blendv_epi8(without, other, self) }
    }

    #[inline(always)]
    unsafe fn spread(bits: u64) -> Self {
        // SAFETY: the caller's; registers only.
        unsafe {
            let [first, second, third, fourth] = BYTE_OF_EACH.map(|byte| byte as i64);
            let which = _mm256_setr_epi64x(first, second, third, fourth);
            let bytes = _mm256_shuffle_epi8(_mm256_set1_epi32(bits as u32 as i32), which);
            let bit = _mm256_set1_epi64x(BIT_OF_EACH as i64);
            _mm256_cmpeq_epi8(_mm256_and_si256(bytes, bit), bit)
        }
    }

    #[inline(always)]
    unsafe fn mix(self, other: Self) -> Self {
        // SAFETY: the caller's; registers only.
        unsafe {
            let product = _mm256_add_epi64(self, _mm256_slli_epi64::<7>(self));
            _mm256_xor_si256(product, other)
        }
    }

    #[inline(always)]
    unsafe fn running_parity(mask: u64) -> Option<u64> {
        // SAFETY: the caller's; registers only.
        Some(unsafe { carryless_running_parity(mask) })
    }
}
