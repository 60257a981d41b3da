//! What lines met lately look like: which cache is tried on a line, and which learns of it.
//!
//! Each cache backs off on its own, so none is tried or left because of another one. The first that knows a line
//! reads it; those that were tried before learn of it once it is known to be an event.

use crate::caches::Caches;
use crate::event::{Event, Match};
use crate::exact::{Exact, Number};
use crate::frame::Frames;
use crate::outline::Outlines;
use crate::template::Templates;
use crate::tree::Tree;
use crate::wide::Wide;

#[derive(Debug)]
pub struct Shapes {
    caches: Caches,
    /// The fold reads lines by these itself: many at once, with all that follows.
    pub templates: Templates,
    frames: Frames,
    outlines: Outlines,
    tree: Tree,
    /// The last line was looked for in the tree in vain.
    is_tree_missed: bool,
}

impl Shapes {
    /// Nothing known yet; `absent` is the value of a line that has none.
    pub fn new(caches: Caches, absent: Number) -> Self {
        Self {
            caches,
            templates: Templates::new(absent),
            frames: Frames::default(),
            outlines: Outlines::new(absent),
            tree: Tree::new(absent),
            is_tree_missed: false,
        }
    }

    /// Forgets what was looked at ahead, as is due before another block.
    pub fn leave_block(&mut self) {
        self.templates.leave_block();
        self.outlines.leave_block();
    }

    /// Whether to try templates on the next lines.
    #[inline(always)]
    pub fn are_templates_open(&mut self) -> bool {
        self.caches.templates && self.templates.are_open()
    }

    /// Reads the line that begins at `at`, if a cache other than the templates knows it.
    #[inline(always)]
    pub fn read<W: Wide, const TIMED: bool>(
        &mut self,
        wide: W,
        block: &[u8],
        at: usize,
        long: &mut Exact,
    ) -> Option<Match> {
        self.is_tree_missed = false;
        if let Some(found) = self.frames.read(wide, block, at) {
            return Some(found);
        }
        if self.caches.tree && self.tree.is_open() {
            let found = self.tree.read::<W, TIMED>(wide, block, at, long);
            if found.is_some() {
                return found;
            }
            self.is_tree_missed = true;
        }
        let use_outlines =
            W::PIECES_FOR_OUTLINE.is_some() && self.caches.outlines && self.outlines.are_open();
        if use_outlines { self.outlines.read(wide, block, at, long) } else { None }
    }

    /// The line that was read last was not read to any use: its type is not known, and may be none.
    #[inline(always)]
    pub fn miss(&mut self) {
        self.tree.miss();
    }

    /// Takes up a line that is an event and was read by a cache, unless by templates.
    #[inline(always)]
    pub fn learn_match<W: Wide>(
        &mut self,
        wide: W,
        block: &[u8],
        event: Event,
        are_templates_open: bool,
    ) {
        self.outlines.learn(wide, block, event);
        if self.is_tree_missed {
            self.tree.learn(wide, block, event);
        }
        if self.caches.frames && !are_templates_open {
            self.frames.learn(block, event);
        }
    }

    /// Takes up a line that is an event and that no cache knew.
    #[inline(always)]
    pub fn learn<W: Wide>(&mut self, wide: W, block: &[u8], event: Event) {
        self.outlines.learn(wide, block, event);
        if self.is_tree_missed {
            self.tree.learn(wide, block, event);
        }
    }
}
