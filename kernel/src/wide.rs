//! Sixty-four bytes at a time: the questions the parser asks of a chunk, answered as bit masks.
//!
//! Bit `i` of a mask speaks of byte `i` of the chunk. This file knows nothing of JSON. It has one
//! body that runs everywhere and wider ones which are chosen at run time; all give equal masks.
//!
//! A level is a token: a value of the type can only be had from `detect`, which asked the
//! processor, so a function that is given one may use the instructions of that level.

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
/// A plain function that takes a level is compiled without the instructions of it unless it becomes a
/// part of its caller; it would then call one more for each question. `run`, and all that it calls,
/// must be marked `inline(always)`.
pub trait Task<W> {
    type Output;

    fn run(self, wide: W) -> Self::Output;
}

/// The questions.
pub trait Wide: Copy {
    /// A chunk, in the registers of the level.
    type Chunk: Copy;

    /// Runs a task as a function of its own, with the instructions of the level: for what is long
    /// and not always needed.
    fn apart<T: Task<Self>>(self, task: T) -> T::Output;

    /// Takes up the bytes.
    fn load(self, bytes: &[u8; CHUNK]) -> Self::Chunk;
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

    /// The last `width` bytes, at least one, if they are digits and at most one point: the number that the
    /// digits make, and how many bytes there are from the point on (0 without one).
    fn numeral(self, text: &[u8; NUMERAL], width: usize) -> Option<(u64, usize)>;

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

    /// Writes `from` plus the place of each bit, lowest first. What is behind as many numbers as there
    /// are bits is then anything.
    #[inline(always)]
    fn write_places(self, mut mask: u64, from: u32, places: &mut [u32; CHUNK]) {
        let mut places = places.iter_mut();
        while mask != 0
            && let Some(place) = places.next()
        {
            *place = from + mask.trailing_zeros();
            mask &= mask - 1;
        }
    }

    /// Whether `keep` is a few instructions.
    const KEEPS: bool = false;

    /// Writes the bytes of a mask, one behind the other. What is behind them is then anything.
    #[inline(always)]
    fn keep(self, chunk: Self::Chunk, mask: u64, to: &mut [u8; CHUNK]) {
        let bytes = self.bytes(chunk);
        let mut to = to.iter_mut();
        let mut rest = mask;
        while rest != 0
            && let Some(to) = to.next()
        {
            *to = bytes[rest.trailing_zeros() as usize];
            rest &= rest - 1;
        }
    }

    /// The bytes of a chunk.
    fn bytes(self, chunk: Self::Chunk) -> [u8; CHUNK];

    /// A chunk with `byte` in the places of a mask.
    #[inline(always)]
    fn replace(self, chunk: Self::Chunk, mask: u64, byte: u8) -> Self::Chunk {
        let mut bytes = self.bytes(chunk);
        for (at, own) in bytes.iter_mut().enumerate() {
            if mask >> at & 1 == 1 {
                *own = byte;
            }
        }
        self.load(&bytes)
    }

    /// The bytes from 0x20 that are no backslash.
    #[inline(always)]
    fn no_control_or_backslash(self, chunk: Self::Chunk) -> u64 {
        !(self.control(chunk) | self.equal(chunk, b'\\'))
    }

    /// The place of the bit before which there are so many others; 64 if there are not as many.
    #[inline(always)]
    fn select(self, mut mask: u64, number: u32) -> u32 {
        for _ in 0..number {
            mask &= mask.wrapping_sub(1);
        }
        mask.trailing_zeros()
    }

    /// A chunk that depends on all bits of two, and on which is the first; for `digest`.
    #[inline(always)]
    fn mix(self, one: Self::Chunk, other: Self::Chunk) -> Self::Chunk {
        let (mut mixed, other) = (self.bytes(one), self.bytes(other));
        for (words, other) in mixed.as_chunks_mut().0.iter_mut().zip(other.as_chunks().0) {
            let word = u64::from_le_bytes(*words).rotate_left(7) ^ u64::from_le_bytes(*other);
            *words = word.to_le_bytes();
        }
        self.load(&mixed)
    }

    /// A number that depends on all bits of a chunk.
    #[inline(always)]
    fn digest(self, chunk: Self::Chunk) -> u64 {
        let mut digest = 0_u64;
        for word in self.bytes(chunk).as_chunks().0 {
            let mixed = (digest ^ u64::from_le_bytes(*word)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            digest = mixed ^ (mixed >> 32);
        }
        digest
    }

    /// Asks for the cache line of a thing that will be read soon.
    #[inline(always)]
    fn prefetch<T>(self, _thing: &T) {}

    /// Asks for what will be read some time after the chunk, in a block that is read from one end to the other.
    #[inline(always)]
    fn prefetch_ahead(self, _bytes: &[u8; CHUNK]) {}
}

/// Eight bytes at a time in plain registers: runs everywhere.
#[derive(Clone, Copy, Debug)]
pub struct Portable;

const LOW_SEVEN: u64 = 0x7f7f_7f7f_7f7f_7f7f;
const HIGH_BIT: u64 = 0x8080_8080_8080_8080;
const EVERY: u64 = 0x0101_0101_0101_0101;

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

    #[inline(never)]
    fn apart<T: Task<Self>>(self, task: T) -> T::Output {
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

#[cfg(target_arch = "x86_64")]
pub use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{AHEAD, CHUNK, NUMERAL, Task, Wide};
    use std::arch::x86_64::*;

    /// Thirty-two bytes at a time.
    #[derive(Clone, Copy, Debug)]
    pub struct Avx2(());

    impl Avx2 {
        /// The token, where the processor has the instructions.
        pub fn detect() -> Option<Self> {
            (is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("bmi2")
                && is_x86_feature_detected!("lzcnt")
                && is_x86_feature_detected!("popcnt")
                && is_x86_feature_detected!("pclmulqdq"))
            .then_some(Self(()))
        }
    }

    #[inline(always)]
    fn join(low: i32, high: i32) -> u64 {
        u64::from(low as u32) | (u64::from(high as u32) << 32)
    }

    // No closures below: one that is not inlined is compiled without the instructions of the level.
    //
    // SAFETY of every block below: the token shows that `detect` found the instructions, and
    // none of the intrinsics reads memory except `loadu`, which is given 32 of the chunk's bytes.
    impl Wide for Avx2 {
        type Chunk = [__m256i; 2];

        #[inline(always)]
        fn apart<T: Task<Self>>(self, task: T) -> T::Output {
            /// SAFETY: the caller has a token of the level.
            #[inline(never)]
            #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,pclmulqdq")]
            unsafe fn run<T: Task<Avx2>>(wide: Avx2, task: T) -> T::Output {
                task.run(wide)
            }
            // The compiler forgets `inline(never)` beside `target_feature`; it cannot forget this.
            let run: unsafe fn(Self, T) -> T::Output = std::hint::black_box(run::<T>);
            // SAFETY: `self` is the token.
            unsafe { run(self, task) }
        }

        #[inline(always)]
        fn load(self, bytes: &[u8; CHUNK]) -> Self::Chunk {
            let from = bytes.as_ptr().cast::<__m256i>();
            // SAFETY: see above; the two loads cover exactly the 64 bytes of the array.
            unsafe { [_mm256_loadu_si256(from), _mm256_loadu_si256(from.add(1))] }
        }

        #[inline(always)]
        fn bytes(self, chunk: Self::Chunk) -> [u8; CHUNK] {
            let mut bytes = [0; CHUNK];
            let (halves, _) = bytes.as_chunks_mut::<32>();
            for (half, part) in halves.iter_mut().zip(chunk) {
                // SAFETY: see above; the store covers the 32 bytes of the array.
                unsafe { _mm256_storeu_si256(half.as_mut_ptr().cast(), part) };
            }
            bytes
        }

        #[inline(always)]
        fn equal(self, chunk: Self::Chunk, byte: u8) -> u64 {
            // SAFETY: see above.
            unsafe {
                let wanted = _mm256_set1_epi8(byte as i8);
                self.same(chunk, [wanted, wanted])
            }
        }

        #[inline(always)]
        fn equal_folded(self, chunk: Self::Chunk, byte: u8) -> u64 {
            // SAFETY: see above.
            let folded = unsafe {
                let bit = _mm256_set1_epi8(0x20);
                [_mm256_or_si256(chunk[0], bit), _mm256_or_si256(chunk[1], bit)]
            };
            self.equal(folded, byte)
        }

        #[inline(always)]
        fn control(self, chunk: Self::Chunk) -> u64 {
            // SAFETY: see above.
            unsafe {
                let last = _mm256_set1_epi8(0x1f);
                self.same([_mm256_min_epu8(chunk[0], last), _mm256_min_epu8(chunk[1], last)], chunk)
            }
        }

        #[inline(always)]
        fn control_or_high(self, chunk: Self::Chunk) -> u64 {
            // SAFETY: see above.
            unsafe {
                // As signed bytes, both are below a space.
                let space = _mm256_set1_epi8(0x20);
                join(
                    _mm256_movemask_epi8(_mm256_cmpgt_epi8(space, chunk[0])),
                    _mm256_movemask_epi8(_mm256_cmpgt_epi8(space, chunk[1])),
                )
            }
        }

        #[inline(always)]
        fn high(self, chunk: Self::Chunk) -> u64 {
            // SAFETY: see above.
            unsafe { join(_mm256_movemask_epi8(chunk[0]), _mm256_movemask_epi8(chunk[1])) }
        }

        #[inline(always)]
        fn digit(self, chunk: Self::Chunk) -> u64 {
            // SAFETY: see above.
            unsafe {
                let zero = _mm256_set1_epi8(b'0' as i8);
                let nine = _mm256_set1_epi8(9);
                self.within(chunk, [zero, zero], [nine, nine])
            }
        }

        #[inline(always)]
        fn same(self, left: Self::Chunk, right: Self::Chunk) -> u64 {
            // SAFETY: see above.
            unsafe {
                join(
                    _mm256_movemask_epi8(_mm256_cmpeq_epi8(left[0], right[0])),
                    _mm256_movemask_epi8(_mm256_cmpeq_epi8(left[1], right[1])),
                )
            }
        }

        #[inline(always)]
        fn within(self, chunk: Self::Chunk, low: Self::Chunk, span: Self::Chunk) -> u64 {
            // SAFETY: see above.
            unsafe {
                let above = [_mm256_sub_epi8(chunk[0], low[0]), _mm256_sub_epi8(chunk[1], low[1])];
                let least =
                    [_mm256_min_epu8(above[0], span[0]), _mm256_min_epu8(above[1], span[1])];
                self.same(least, above)
            }
        }

        #[inline(always)]
        fn running_parity(self, mask: u64) -> u64 {
            // SAFETY: see above.
            unsafe { carryless_running_parity(mask) }
        }

        #[inline(always)]
        fn numeral(self, text: &[u8; NUMERAL], width: usize) -> Option<(u64, usize)> {
            // SAFETY: see above.
            unsafe { numeral(text, width) }
        }

        #[inline(always)]
        fn prefetch<T>(self, thing: &T) {
            // SAFETY: a hint, which never faults; the address is that of a live reference.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(thing).cast()) }
        }

        #[inline(always)]
        fn prefetch_ahead(self, bytes: &[u8; CHUNK]) {
            // SAFETY: a hint, which never faults, whatever the address.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(bytes.as_ptr().wrapping_add(AHEAD).cast()) }
        }
    }

    /// A carry-less product with all ones is the running parity.
    ///
    /// SAFETY: the caller shows that the processor has `pclmulqdq`.
    #[inline(always)]
    unsafe fn carryless_running_parity(mask: u64) -> u64 {
        // SAFETY: the caller's.
        unsafe {
            let product =
                _mm_clmulepi64_si128::<0>(_mm_set_epi64x(0, mask as i64), _mm_set1_epi8(-1));
            _mm_cvtsi128_si64(product) as u64
        }
    }

    /// As many bytes of all ones as there are kept, behind zeros: from byte `width` on, the last `width`.
    const KEPT: [u8; 2 * NUMERAL] = {
        let mut kept = [0; 2 * NUMERAL];
        let mut at = NUMERAL;
        while at < 2 * NUMERAL {
            kept[at] = u8::MAX;
            at += 1;
        }
        kept
    };

    /// For a point at each place, and for none: which digit moves to each place so that the point is gone.
    /// The high bit stands for zero.
    const JOINED: [[u8; NUMERAL]; NUMERAL + 1] = {
        let mut joined = [[0; NUMERAL]; NUMERAL + 1];
        let mut point = 0;
        while point <= NUMERAL {
            let mut at = 0;
            while at < NUMERAL {
                let is_behind = at > point || point == NUMERAL;
                joined[point][at] = if is_behind { at as u8 } else { (at as u8).wrapping_sub(1) };
                at += 1;
            }
            point += 1;
        }
        joined
    };

    /// SAFETY: the caller shows that the processor has what `Avx2` needs.
    #[inline(always)]
    unsafe fn numeral(text: &[u8; NUMERAL], width: usize) -> Option<(u64, usize)> {
        let kept: &[u8; NUMERAL] = KEPT.get(width..)?.first_chunk()?;
        // SAFETY: the caller's; each load takes the 16 bytes of an array.
        unsafe {
            let text = _mm_loadu_si128(text.as_ptr().cast());
            let kept = _mm_loadu_si128(kept.as_ptr().cast());
            let digits = _mm_and_si128(_mm_sub_epi8(text, _mm_set1_epi8(b'0' as i8)), kept);
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
            let fours = _mm_packus_epi32(fours, fours);
            let eights = _mm_madd_epi16(fours, _mm_set1_epi32(0x0001_2710));
            let eights = _mm_cvtsi128_si64(eights) as u64;
            let number = (eights & 0xffff_ffff) * 100_000_000 + (eights >> 32);
            Some((number, NUMERAL - point))
        }
    }

    /// Sixty-four bytes at a time.
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

    // SAFETY of every block below: the token shows that `detect` found the instructions, and none
    // of the intrinsics reads or writes memory except `loadu`, which is given all 64 bytes of the
    // chunk, and `storeu`, of which each says what it covers.
    impl Wide for Avx512 {
        type Chunk = __m512i;

        #[inline(always)]
        fn apart<T: Task<Self>>(self, task: T) -> T::Output {
            /// SAFETY: the caller has a token of the level.
            #[inline(never)]
            #[target_feature(
                enable = "avx512f,avx512bw,avx512vl,avx512vbmi2,avx2,bmi1,bmi2,lzcnt,popcnt,pclmulqdq"
            )]
            unsafe fn run<T: Task<Avx512>>(wide: Avx512, task: T) -> T::Output {
                task.run(wide)
            }
            // The compiler forgets `inline(never)` beside `target_feature`; it cannot forget this.
            let run: unsafe fn(Self, T) -> T::Output = std::hint::black_box(run::<T>);
            // SAFETY: `self` is the token.
            unsafe { run(self, task) }
        }

        #[inline(always)]
        fn load(self, bytes: &[u8; CHUNK]) -> __m512i {
            // SAFETY: see above.
            unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
        }

        #[inline(always)]
        fn equal(self, chunk: __m512i, byte: u8) -> u64 {
            // SAFETY: see above.
            unsafe { _mm512_cmpeq_epi8_mask(chunk, _mm512_set1_epi8(byte as i8)) }
        }

        #[inline(always)]
        fn equal_folded(self, chunk: __m512i, byte: u8) -> u64 {
            // SAFETY: see above.
            unsafe {
                let folded = _mm512_or_si512(chunk, _mm512_set1_epi8(0x20));
                _mm512_cmpeq_epi8_mask(folded, _mm512_set1_epi8(byte as i8))
            }
        }

        #[inline(always)]
        fn control(self, chunk: __m512i) -> u64 {
            // SAFETY: see above.
            unsafe { _mm512_cmplt_epu8_mask(chunk, _mm512_set1_epi8(0x20)) }
        }

        #[inline(always)]
        fn control_or_high(self, chunk: __m512i) -> u64 {
            // SAFETY: see above. As signed bytes, both are below a space.
            unsafe { _mm512_cmplt_epi8_mask(chunk, _mm512_set1_epi8(0x20)) }
        }

        #[inline(always)]
        fn high(self, chunk: __m512i) -> u64 {
            // SAFETY: see above.
            unsafe { _mm512_movepi8_mask(chunk) }
        }

        #[inline(always)]
        fn digit(self, chunk: __m512i) -> u64 {
            // SAFETY: see above.
            unsafe {
                let value = _mm512_sub_epi8(chunk, _mm512_set1_epi8(b'0' as i8));
                _mm512_cmplt_epu8_mask(value, _mm512_set1_epi8(10))
            }
        }

        #[inline(always)]
        fn same(self, left: __m512i, right: __m512i) -> u64 {
            // SAFETY: see above.
            unsafe { _mm512_cmpeq_epi8_mask(left, right) }
        }

        #[inline(always)]
        fn within(self, chunk: __m512i, low: __m512i, span: __m512i) -> u64 {
            // SAFETY: see above.
            unsafe { _mm512_cmple_epu8_mask(_mm512_sub_epi8(chunk, low), span) }
        }

        #[inline(always)]
        fn bytes(self, chunk: __m512i) -> [u8; CHUNK] {
            let mut bytes = [0; CHUNK];
            // SAFETY: see above; the store covers the 64 bytes of the array.
            unsafe { _mm512_storeu_si512(bytes.as_mut_ptr().cast(), chunk) };
            bytes
        }

        const KEEPS: bool = true;

        #[inline(always)]
        fn keep(self, chunk: __m512i, mask: u64, to: &mut [u8; CHUNK]) {
            // SAFETY: see above; the store covers the 64 bytes of the array.
            unsafe {
                let kept = _mm512_maskz_compress_epi8(mask, chunk);
                _mm512_storeu_si512(to.as_mut_ptr().cast(), kept);
            }
        }

        #[inline(always)]
        fn replace(self, chunk: __m512i, mask: u64, byte: u8) -> __m512i {
            // SAFETY: see above.
            unsafe { _mm512_mask_set1_epi8(chunk, mask, byte as i8) }
        }

        #[inline(always)]
        fn no_control_or_backslash(self, chunk: __m512i) -> u64 {
            // SAFETY: see above.
            unsafe {
                let text = _mm512_cmpge_epu8_mask(chunk, _mm512_set1_epi8(0x20));
                _mm512_mask_cmpneq_epi8_mask(text, chunk, _mm512_set1_epi8(b'\\' as i8))
            }
        }

        #[inline(always)]
        fn select(self, mask: u64, number: u32) -> u32 {
            // SAFETY: see above; `detect` asked for `bmi2` through `Avx2::detect`.
            unsafe { _pdep_u64(1_u64.checked_shl(number).unwrap_or(0), mask).trailing_zeros() }
        }

        #[inline(always)]
        fn mix(self, one: __m512i, other: __m512i) -> __m512i {
            // SAFETY: see above.
            unsafe { _mm512_xor_si512(_mm512_rol_epi64::<7>(one), other) }
        }

        #[inline(always)]
        fn digest(self, chunk: __m512i) -> u64 {
            // SAFETY: see above.
            unsafe {
                let turns = _mm512_setr_epi64(0, 9, 21, 28, 35, 46, 53, 60);
                let turned = _mm512_rolv_epi64(chunk, turns);
                let half = _mm256_xor_si256(
                    _mm512_castsi512_si256(turned),
                    _mm512_extracti64x4_epi64::<1>(turned),
                );
                let quarter = _mm_xor_si128(
                    _mm256_castsi256_si128(half),
                    _mm256_extracti128_si256::<1>(half),
                );
                let low = _mm_cvtsi128_si64(quarter) as u64;
                let high = _mm_extract_epi64::<1>(quarter) as u64;
                low.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ high.wrapping_mul(0xc2b2_ae3d_27d4_eb4f)
            }
        }

        #[inline(always)]
        fn write_places(self, mask: u64, from: u32, places: &mut [u32; CHUNK]) {
            const EACH: [u8; CHUNK] = {
                let mut each = [0; CHUNK];
                let mut at = 0;
                while at < CHUNK {
                    each[at] = at as u8;
                    at += 1;
                }
                each
            };
            let (quarters, _) = places.as_chunks_mut::<16>();
            let count = mask.count_ones() as usize;
            // SAFETY: see above; each store covers the sixteen numbers of its array.
            unsafe {
                let found = _mm512_maskz_compress_epi8(mask, self.load(&EACH));
                let first = _mm512_set1_epi32(from as i32);
                let low = _mm512_cvtepu8_epi32(_mm512_castsi512_si128(found));
                _mm512_storeu_si512(quarters[0].as_mut_ptr().cast(), _mm512_add_epi32(first, low));
                // Mostly there are few.
                if count > 16 {
                    let rest = [
                        _mm512_extracti32x4_epi32::<1>(found),
                        _mm512_extracti32x4_epi32::<2>(found),
                        _mm512_extracti32x4_epi32::<3>(found),
                    ];
                    for (quarter, places) in rest.into_iter().zip(&mut quarters[1..]) {
                        let wide = _mm512_add_epi32(first, _mm512_cvtepu8_epi32(quarter));
                        _mm512_storeu_si512(places.as_mut_ptr().cast(), wide);
                    }
                }
            }
        }

        #[inline(always)]
        fn running_parity(self, mask: u64) -> u64 {
            // SAFETY: see above; `detect` asked for `pclmulqdq` through `Avx2::detect`.
            unsafe { carryless_running_parity(mask) }
        }

        #[inline(always)]
        fn numeral(self, text: &[u8; NUMERAL], width: usize) -> Option<(u64, usize)> {
            // SAFETY: see above.
            unsafe { numeral(text, width) }
        }

        #[inline(always)]
        fn prefetch<T>(self, thing: &T) {
            // SAFETY: a hint, which never faults; the address is that of a live reference.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(thing).cast()) }
        }

        #[inline(always)]
        fn prefetch_ahead(self, bytes: &[u8; CHUNK]) {
            // SAFETY: a hint, which never faults, whatever the address.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(bytes.as_ptr().wrapping_add(AHEAD).cast()) }
        }
    }
}

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
            let mut places = [u32::MAX; CHUNK];
            wide.write_places(seed, 7, &mut places);
            let bits = (0..64).filter(|bit| seed >> bit & 1 == 1).map(|bit| 7 + bit);
            assert!(bits.eq(places[..seed.count_ones() as usize].iter().copied()));
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

    /// The portable body answers as a loop over single bytes does.
    #[test]
    fn portable_masks() {
        check(Portable);
    }

    /// The wider bodies answer as a loop over single bytes does, where the processor has them.
    #[cfg(target_arch = "x86_64")]
    #[test]
    fn wider_masks() {
        if let Some(wide) = Avx2::detect() {
            check(wide);
        }
        if let Some(wide) = Avx512::detect() {
            check(wide);
        }
    }
}
