//! Which instructions to use.

use super::{Portable, Task, Wide};
#[cfg(target_arch = "x86_64")]
use super::{avx2::Avx2, avx512::Avx512, ssse3::Ssse3};

/// A level that this processor has.
#[derive(Clone, Copy, Debug)]
pub enum Level {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Ssse3(Ssse3),
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
}

impl Level {
    /// The names of all levels, the fastest last, whatever the processor.
    pub const NAMES: [&'static str; 4] = ["portable", "ssse3", "avx2", "avx512"];

    /// All levels of this processor, the fastest last.
    pub fn all() -> Vec<Self> {
        let mut levels = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            levels.extend(Ssse3::detect().map(Self::Ssse3));
            levels.extend(Avx2::detect().map(Self::Avx2));
            levels.extend(Avx512::detect().map(Self::Avx512));
        }
        levels
    }

    pub fn fastest() -> Self {
        Self::all().pop().expect("there is always the portable level")
    }

    /// Its name, by which it is chosen.
    pub fn name(self) -> &'static str {
        let index = match self {
            Self::Portable => 0,
            #[cfg(target_arch = "x86_64")]
            Self::Ssse3(_) => 1,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => 2,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => 3,
        };
        Self::NAMES[index]
    }

    /// Runs a task with the instructions of the level.
    pub fn run<T: Task>(self, task: T) -> T::Output {
        match self {
            Self::Portable => Portable.apart(task),
            #[cfg(target_arch = "x86_64")]
            Self::Ssse3(wide) => wide.apart(task),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(wide) => wide.apart(task),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(wide) => wide.apart(task),
        }
    }
}
