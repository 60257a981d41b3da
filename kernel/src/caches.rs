//! Which caches a fold uses. All, but for tests and measurements, which turn single ones on and off.

/// A switch for each cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caches {
    pub templates: bool,
    pub layouts: bool,
}

impl Caches {
    pub const ALL: Self = Self { templates: true, layouts: true };
    pub const NONE: Self = Self { templates: false, layouts: false };

    /// The same, with the cache of a name on or off; None if there is no such cache.
    pub fn with(mut self, name: &str, is_on: bool) -> Option<Self> {
        *match name {
            "templates" => &mut self.templates,
            "layouts" => &mut self.layouts,
            _ => return None,
        } = is_on;
        Some(self)
    }
}
