//! What all levels of x86-64 do with sixteen bytes.

use super::NUMERAL;
use std::arch::x86_64::*;

/// A carry-less product with all ones is the running parity.
///
/// # Safety
///
/// The processor has `pclmulqdq`.
#[inline(always)]
pub unsafe fn carryless_running_parity(mask: u64) -> u64 {
    // SAFETY: the caller's; registers only.
    unsafe {
        let product = _mm_clmulepi64_si128::<0>(_mm_set_epi64x(0, mask as i64), _mm_set1_epi8(-1));
        _mm_cvtsi128_si64(product) as u64
    }
}

/// As many bytes of all ones as there are kept, after zeros: from byte `width` on, the last `width`.
static LAST: [u8; 2 * NUMERAL] = {
    let mut last = [0; 2 * NUMERAL];
    let mut at = NUMERAL;
    while at < 2 * NUMERAL {
        last[at] = u8::MAX;
        at += 1;
    }
    last
};

/// For a point at each place, and for none: which digit moves to each place so that the point is gone.
/// The high bit means zero.
static JOINED: [[u8; NUMERAL]; NUMERAL + 1] = {
    let mut joined = [[0; NUMERAL]; NUMERAL + 1];
    let mut point = 0;
    while point <= NUMERAL {
        let mut at = 0;
        while at < NUMERAL {
            let is_after = at > point || point == NUMERAL;
            joined[point][at] = if is_after { at as u8 } else { (at as u8).wrapping_sub(1) };
            at += 1;
        }
        point += 1;
    }
    joined
};

/// `Wide::numeral`.
///
/// # Safety
///
/// The processor has `ssse3`.
#[inline(always)]
pub unsafe fn numeral(text: &[u8; NUMERAL], width: usize) -> Option<(u64, usize)> {
    let last: &[u8; NUMERAL] = LAST.get(width..)?.first_chunk()?;
    // SAFETY: the caller's; each load takes the 16 bytes of an array.
    unsafe {
        let text = _mm_loadu_si128(text.as_ptr().cast());
        let last = _mm_loadu_si128(last.as_ptr().cast());
        let digits = _mm_and_si128(_mm_sub_epi8(text, _mm_set1_epi8(b'0' as i8)), last);
        let is_digit = _mm_cmpeq_epi8(_mm_min_epu8(digits, _mm_set1_epi8(9)), digits);
        let is_point = _mm_cmpeq_epi8(digits, _mm_set1_epi8(b'.'.wrapping_sub(b'0') as i8));
        let points = _mm_movemask_epi8(is_point) as u32;
        let others = !_mm_movemask_epi8(_mm_or_si128(is_digit, is_point)) as u16;
        if others != 0 || points & points.wrapping_sub(1) != 0 {
            return None;
        }
        let point = (points | 1 << NUMERAL).trailing_zeros() as usize;
        let joined = _mm_loadu_si128(JOINED[point].as_ptr().cast());
        let digits = _mm_shuffle_epi8(digits, joined);
        let twos = _mm_maddubs_epi16(digits, _mm_set1_epi16(0x010a));
        let fours = _mm_madd_epi16(twos, _mm_set1_epi32(0x0001_0064));
        // Below ten thousand each: nothing is cut off.
        let fours = _mm_packs_epi32(fours, fours);
        let eights = _mm_madd_epi16(fours, _mm_set1_epi32(0x0001_2710));
        let eights = _mm_cvtsi128_si64(eights) as u64;
        let number = (eights & 0xffff_ffff) * 100_000_000 + (eights >> 32);
        Some((number, NUMERAL - point))
    }
}
