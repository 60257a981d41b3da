//! One summary added to another: of other threads, files and blocks.

use super::entry::{INTEGRAL, WIDE, add_wide};
use super::{Most, Summary};
use crate::moment::{Bucket, NO_BUCKET};
use crate::wide::Wide;

/// How many types are looked up at a time in a merge.
const MOST_AHEAD: usize = 64;

impl Summary {
    /// Adds the state of another summary, which is left empty; `bucket` gives the number here of a
    /// bucket there.
    pub fn merge<W: Wide>(
        &mut self,
        wide: W,
        other: &mut Self,
        mut bucket: impl FnMut(Bucket) -> Bucket,
    ) {
        let only_wanted = std::mem::replace(&mut self.only_wanted, false);
        self.most = Most {
            types: self.most.types.min(other.most.types),
            bytes: self.most.bytes.min(other.most.bytes),
        };
        self.too_many_bytes = self.too_many_bytes.min(other.too_many_bytes);
        // As many types come before the one as before the other.
        if other.beyond.is_some() && (self.beyond.is_none() || other.beyond < self.beyond) {
            self.beyond.clone_from(&other.beyond);
        }
        let mut place_there = 0;
        let mut keys = Vec::with_capacity(MOST_AHEAD);
        for entries in other.entries.chunks_mut(MOST_AHEAD) {
            keys.clear();
            for entry in &*entries {
                let name = entry.tag.name(&other.names);
                let key = self.key(name, 0, name.len());
                self.prefetch_slot(wide, &key);
                keys.push(key);
            }
            for key in &keys {
                self.prefetch_entry(wide, key);
            }
            for (entry, key) in entries.iter_mut().zip(&keys) {
                let (of_there, bucket_there) = other.cells.origin(place_there);
                place_there += 1;
                if entry.count == 0 {
                    continue;
                }
                let name = entry.tag.name(&other.names);
                let of = if Some(of_there) == other.other {
                    self.other_place()
                } else {
                    let shared = entry.tag.is_long().then(|| &other.names[entry.tag.long()]);
                    self.place_or(key, name, |summary, key, name, at| {
                        summary.insert_shared(key, name, shared, at)
                    })
                };
                let place = of.and_then(|of| match bucket_there {
                    NO_BUCKET => Some(of),
                    _ => self.cell(of, bucket(bucket_there)),
                });
                let place = place.expect("fewer than 2^32 types and cells in all");
                if self.entries[place as usize].merge_narrow(entry) {
                    continue;
                }
                let states = if entry.scale() == WIDE {
                    std::mem::take(&mut other.wide[entry.narrow.index()])
                } else {
                    entry.widened()
                };
                let own = self.wide_states(place);
                for one in states {
                    if !add_wide(own, one.clone()) {
                        // Second states at the same scale: joined with the first when the types are
                        // given out.
                        own.push(one);
                    }
                }
                let own = &mut self.entries[place as usize];
                own.count += entry.count;
                own.tag.0[INTEGRAL] &= entry.tag.0[INTEGRAL];
            }
        }
        self.only_wanted = only_wanted;
        *other = other.emptied(true);
    }
}
