//! Sixty-four bytes at a time, with AVX-512 and its VBMI2.

use super::avx2::Avx2;
use super::lanes::prefetch_ahead;
use super::sixteen::{carryless_running_parity, numeral};
use super::{CHUNK, NUMERAL, Task, Wide};
use std::arch::x86_64::*;

/// Shows that the processor has the instructions.
#[derive(Clone, Copy, Debug)]
pub struct Avx512(());

impl Avx512 {
    /// The token, where the processor has the instructions.
    pub fn detect() -> Option<Self> {
        (Avx2::detect().is_some()
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512vbmi2"))
        .then_some(Self(()))
    }
}

impl Wide for Avx512 {
    type Chunk = __m512i;

    const PIECES_FOR_OUTLINE: Option<(usize, usize)> = Some((4, 1));

    #[inline(always)]
    fn apart<T: Task>(self, task: T) -> T::Output {
        /// # Safety
        ///
        /// The caller has a token of the level.
        #[inline(never)]
        #[target_feature(
            enable = "avx512f,avx512bw,avx512vl,avx512vbmi2,avx2,bmi1,bmi2,lzcnt,popcnt,pclmulqdq"
        )]
        unsafe fn run<T: Task>(wide: Avx512, task: T) -> T::Output {
            task.run(wide)
        }
        // The compiler forgets `inline(never)` beside `target_feature`; it cannot forget this.
        let run: unsafe fn(Self, T) -> T::Output = std::hint::black_box(run::<T>);
        // SAFETY: `self` is the token.
        unsafe { run(self, task) }
    }

    #[inline(always)]
    fn load(self, bytes: &[u8; CHUNK]) -> __m512i {
        // SAFETY: `self` is the token; the load takes the 64 bytes of the array.
        unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
    }

    #[inline(always)]
    fn equal(self, chunk: __m512i, byte: u8) -> u64 {
        // SAFETY: `self` is the token; registers only.
        unsafe { _mm512_cmpeq_epi8_mask(chunk, _mm512_set1_epi8(byte as i8)) }
    }

    #[inline(always)]
    fn equal_folded(self, chunk: __m512i, byte: u8) -> u64 {
        // SAFETY: `self` is the token; registers only.
        unsafe {
            let folded = _mm512_or_si512(chunk, _mm512_set1_epi8(0x20));
            _mm512_cmpeq_epi8_mask(folded, _mm512_set1_epi8(byte as i8))
        }
    }

    #[inline(always)]
    fn control(self, chunk: __m512i) -> u64 {
        // SAFETY: `self` is the token; registers only.
        unsafe { _mm512_cmplt_epu8_mask(chunk, _mm512_set1_epi8(0x20)) }
    }

    #[inline(always)]
    fn control_or_high(self, chunk: __m512i) -> u64 {
        // SAFETY: `self` is the token; registers only. As signed bytes, both are below a space.
        unsafe { _mm512_cmplt_epi8_mask(chunk, _mm512_set1_epi8(0x20)) }
    }

    #[inline(always)]
    fn high(self, chunk: __m512i) -> u64 {
        // SAFETY: `self` is the token; registers only.
        unsafe { _mm512_movepi8_mask(chunk) }
    }

    #[inline(always)]
    fn digit(self, chunk: __m512i) -> u64 {
        // SAFETY: `self` is the token; registers only.
        unsafe {
            let value = _mm512_sub_epi8(chunk, _mm512_set1_epi8(b'0' as i8));
            _mm512_cmplt_epu8_mask(value, _mm512_set1_epi8(10))
        }
    }

    #[inline(always)]
    fn same(self, left: __m512i, right: __m512i) -> u64 {
        // SAFETY: `self` is the token; registers only.
        unsafe { _mm512_cmpeq_epi8_mask(left, right) }
    }

    #[inline(always)]
    fn within(self, chunk: __m512i, low: __m512i, span: __m512i) -> u64 {
        // SAFETY: `self` is the token; registers only.
        unsafe { _mm512_cmple_epu8_mask(_mm512_sub_epi8(chunk, low), span) }
    }

    #[inline(always)]
    fn bytes(self, chunk: __m512i) -> [u8; CHUNK] {
        let mut bytes = [0; CHUNK];
        // SAFETY: `self` is the token; the store covers the 64 bytes of the array.
        unsafe { _mm512_storeu_si512(bytes.as_mut_ptr().cast(), chunk) };
        bytes
    }

    #[inline(always)]
    fn keep(self, chunk: __m512i, mask: u64, to: &mut [u8; CHUNK]) {
        // SAFETY: `self` is the token; the store covers the 64 bytes of the array.
        unsafe {
            let kept = _mm512_maskz_compress_epi8(mask, chunk);
            _mm512_storeu_si512(to.as_mut_ptr().cast(), kept);
        }
    }

    #[inline(always)]
    fn replace(self, chunk: __m512i, mask: u64, byte: u8) -> __m512i {
        // SAFETY: `self` is the token; registers only.
        unsafe { _mm512_mask_set1_epi8(chunk, mask, byte as i8) }
    }

    #[inline(always)]
    fn no_control_or_backslash(self, chunk: __m512i) -> u64 {
        // SAFETY: `self` is the token; registers only.
        unsafe {
            let text = _mm512_cmpge_epu8_mask(chunk, _mm512_set1_epi8(0x20));
            _mm512_mask_cmpneq_epi8_mask(text, chunk, _mm512_set1_epi8(b'\\' as i8))
        }
    }

    #[inline(always)]
    fn select(self, mask: u64, number: u32) -> u32 {
        // SAFETY: `self` is the token, and `detect` asked for `bmi2` through `Avx2::detect`.
        unsafe { _pdep_u64(1_u64.checked_shl(number).unwrap_or(0), mask).trailing_zeros() }
    }

    #[inline(always)]
    fn mix(self, one: __m512i, other: __m512i) -> __m512i {
        // SAFETY: `self` is the token; registers only.
        unsafe { _mm512_xor_si512(_mm512_rol_epi64::<7>(one), other) }
    }

    #[inline(always)]
    fn digest(self, chunk: __m512i) -> u64 {
        // SAFETY: `self` is the token; registers only.
        unsafe {
            let turns = _mm512_setr_epi64(0, 9, 21, 28, 35, 46, 53, 60);
            let turned = _mm512_rolv_epi64(chunk, turns);
            let half = _mm256_xor_si256(
                _mm512_castsi512_si256(turned),
                _mm512_extracti64x4_epi64::<1>(turned),
            );
            let quarter =
                _mm_xor_si128(_mm256_castsi256_si128(half), _mm256_extracti128_si256::<1>(half));
            let low = _mm_cvtsi128_si64(quarter) as u64;
            let high = _mm_extract_epi64::<1>(quarter) as u64;
            low.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ high.wrapping_mul(0xc2b2_ae3d_27d4_eb4f)
        }
    }

    #[inline(always)]
    fn running_parity(self, mask: u64) -> u64 {
        // SAFETY: `self` is the token, and `detect` asked for `pclmulqdq` through `Avx2::detect`.
        unsafe { carryless_running_parity(mask) }
    }

    #[inline(always)]
    fn numeral(self, text: &[u8; NUMERAL], width: usize) -> Option<(u64, usize)> {
        // SAFETY: `self` is the token, and `detect` asked for more than `ssse3`.
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
