//! Which caches a fold uses. All, but for tests and measurements, which turn single ones on and off.

/// A switch for each cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caches {
    pub templates: bool,
    pub frames: bool,
    pub outlines: bool,
    pub tree: bool,
}

impl Caches {
    pub const ALL: Self = Self { templates: true, frames: true, outlines: true, tree: true };
    pub const NONE: Self = Self { templates: false, frames: false, outlines: false, tree: false };
    pub const NAMES: [&'static str; 4] = ["templates", "frames", "outlines", "tree"];

    /// The same, with the cache of a name on or off; None if there is no such cache.
    pub fn with(mut self, name: &str, is_on: bool) -> Option<Self> {
        *match name {
            "templates" => &mut self.templates,
            "frames" => &mut self.frames,
            "outlines" => &mut self.outlines,
            "tree" => &mut self.tree,
            _ => return None,
        } = is_on;
        Some(self)
    }

    /// All of them, none, each alone, and all but each: what tests go through.
    pub fn combinations() -> Vec<Self> {
        let single = |name: &&str| {
            [Self::NONE.with(name, true), Self::ALL.with(name, false)]
                .map(|caches| caches.expect("the name of a cache"))
        };
        let mut combinations = vec![Self::ALL, Self::NONE];
        combinations.extend(Self::NAMES.iter().flat_map(single));
        combinations
    }
}
