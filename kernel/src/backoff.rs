//! When to leave a cache alone: by its hit rate, for twice as many lines each time.

/// What hits and misses are worth.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// The credit of a cache that hits, and of one that is tried again. A hit adds one.
    pub most: u32,
    /// What a miss takes of it: a cache stays open while there are more than so many hits for each miss.
    pub miss: u32,
    /// For how many lines it is closed the first time, and at most.
    pub first: u32,
    pub longest: u32,
}

/// The credit of a cache; when nothing is left, it is closed for a while.
#[derive(Clone, Debug)]
pub struct Backoff {
    rates: Rates,
    credit: u32,
    /// Hits since it was opened.
    hits: u32,
    /// The lines until it is opened, and the next time.
    wait: u32,
    next_wait: u32,
}

impl Backoff {
    pub const fn new(rates: Rates) -> Self {
        Self { rates, credit: rates.most, hits: 0, wait: 0, next_wait: rates.first }
    }

    /// Whether to try the cache on the next line. To be asked once for each.
    #[inline(always)]
    pub fn is_open(&mut self) -> bool {
        let is_open = self.wait == 0;
        self.wait = self.wait.saturating_sub(1);
        is_open
    }

    /// So many lines hit.
    #[inline(always)]
    pub fn hit(&mut self, lines: u32) {
        self.credit = self.rates.most.min(self.credit.saturating_add(lines));
        self.hits = self.hits.saturating_add(lines);
    }

    /// A line missed. True: the cache is closed now, and should be cleared.
    #[inline(always)]
    pub fn miss(&mut self) -> bool {
        self.credit = self.credit.saturating_sub(self.rates.miss);
        if self.credit == 0 {
            self.close();
        }
        self.wait > 0
    }

    /// Closes it whatever its credit.
    #[cold]
    #[inline(never)]
    pub fn close(&mut self) {
        // What was good for long is soon tried again.
        if self.hits > self.rates.first {
            self.next_wait = self.rates.first;
        }
        self.wait = self.next_wait;
        self.next_wait = self.rates.longest.min(2 * self.next_wait);
        (self.credit, self.hits) = (self.rates.most, 0);
    }

    /// Opens it with full credit: what it was closed for is over.
    pub fn open(&mut self) {
        self.wait = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATES: Rates = Rates { most: 12, miss: 3, first: 16, longest: 100 };

    /// Of lines that all miss, ever fewer are tried; after many hits, it is as at first.
    #[test]
    fn waits_double() {
        let mut backoff = Backoff::new(RATES);
        let mut waits = Vec::new();
        for round in 0..6 {
            if round == 4 {
                backoff.hit(17);
            }
            let tries = (0..9).find(|_| backoff.miss()).expect("it closes") + 1;
            assert_eq!(tries, 4);
            waits.push((0..1_000).find(|_| backoff.is_open()).expect("it opens"));
        }
        assert_eq!(waits, [16, 32, 64, 100, 16, 32]);
    }

    /// It stays open while there are more than three hits for each miss, and closes where there are fewer.
    #[test]
    fn hit_rate() {
        for (hits, is_closed) in [(2, true), (3, false), (4, false)] {
            let mut backoff = Backoff::new(RATES);
            let closed = (0..1_000).any(|_| {
                backoff.hit(hits);
                backoff.miss()
            });
            assert_eq!(closed, is_closed, "{hits}");
        }
    }
}
