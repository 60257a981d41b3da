//! Which entries are what a type has in a bucket.

use super::Place;
use crate::memory;
use crate::moment::{Bucket, NO_BUCKET};
use crate::numbers::Numbers;
/// Which entries are cells, and where to find them. Of no cost where there are no buckets.
#[derive(Clone, Debug, Default)]
pub struct Cells {
    /// For each entry its type and its bucket, up to the last cell; a type is its own and has
    /// `NO_BUCKET`.
    pub origins: Vec<(Place, Bucket)>,
    /// The places of cells by type and bucket.
    pub places: Numbers,
}

impl Cells {
    #[inline(always)]
    pub fn key(of: Place, bucket: Bucket) -> u64 {
        (u64::from(of) << 32) | u64::from(bucket)
    }

    pub fn insert(&mut self, of: Place, bucket: Bucket, place: Place) {
        let more = place as usize + 1 - self.origins.len();
        memory::reserve(&mut self.origins, more);
        self.origins.extend((self.origins.len() as Place..place).map(|place| (place, NO_BUCKET)));
        self.origins.push((of, bucket));
        self.places.insert(Self::key(of, bucket), place);
    }

    /// Type and bucket of an entry.
    #[inline(always)]
    pub fn origin(&self, place: Place) -> (Place, Bucket) {
        self.origins.get(place as usize).copied().unwrap_or((place, NO_BUCKET))
    }
}
