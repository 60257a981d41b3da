//! Makes the states of a type from the list of aggregates.

/// Makes `Narrow`, `States`, `Which`, `Optional` and `TypeStats` of the aggregates: each with the name of
/// its variant, that of its field, and its type.
macro_rules! registry {
    (
        always { $($Always:ident $always:ident: $narrow:ty),+ }
        optional { $($Optional:ident $optional:ident: $state:ty),* }
    ) => {
        /// What is always kept, of narrow values.
        #[derive(Clone, Copy, Debug)]
        pub struct Narrow {
            $($always: $narrow),+
        }

        impl Narrow {
            pub const EMPTY: Self = Self { $($always: <$narrow>::EMPTY),+ };

            #[inline(always)]
            pub fn add(&mut self, value: i64) {
                $(self.$always.add(value);)+
            }

            #[inline(always)]
            pub fn merge(&mut self, other: Self) {
                $(aggregate::Narrow::merge(&mut self.$always, other.$always);)+
            }

            #[inline(always)]
            pub fn scaled(self, power: i64) -> Option<Self> {
                Some(Self { $($always: self.$always.scaled(power)?),+ })
            }

            /// None: optional ones are not kept of narrow values.
            pub fn mantissa(&self, which: Which) -> Option<i128> {
                match which {
                    $(Which::$Always => Some(self.$always.mantissa()),)+
                    $(Which::$Optional => None),*
                }
            }

            /// The same for wide values at a scale.
            pub fn widened(self, scale: u8) -> States {
                States { scale, $($always: self.$always.widened(),)+ $($optional: None),* }
            }
        }

        /// What is kept of the values of a type at one scale.
        #[derive(Clone, Debug)]
        pub struct States {
            pub scale: u8,
            $($always: <$narrow as aggregate::Narrow>::Wide,)+
            $($optional: Option<$state>),*
        }

        impl States {
            /// The states of one value; None if one of them does not fit.
            #[allow(unused_variables, reason = "there may be no optional ones")]
            pub fn of(value: Exact, optional: Optional) -> Option<Self> {
                Some(Self {
                    scale: value.scale,
                    $($always: Aggregate::of(value.mantissa)?,)+
                    $($optional: match optional.$optional {
                        true => Some(<$state>::of(value.mantissa)?),
                        false => None,
                    }),*
                })
            }

            /// The states of the values of both, which have one scale; None if one of them does not fit.
            pub fn merge(&self, other: &Self) -> Option<Self> {
                Some(Self {
                    scale: self.scale,
                    $($always: Aggregate::merge(&self.$always, &other.$always)?,)+
                    $($optional: match (&self.$optional, &other.$optional) {
                        (Some(own), Some(other)) => Some(own.merge(other)?),
                        _ => None,
                    }),*
                })
            }

            /// A number over all scales.
            pub fn total(all: &[Self], which: Which) -> Option<Plain> {
                match which {
                    $(Which::$Always => joined(all.iter().map(|one| (one.$always, one.scale))),)+
                    $(Which::$Optional => {
                        joined(all.iter().filter_map(|one| Some((one.$optional?, one.scale))))
                    })*
                }
            }
        }

        /// One of the numbers of a type.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Which {
            $($Always,)+
            $($Optional),*
        }

        impl Which {
            pub fn named(name: &str) -> Option<Self> {
                $(if name == <<$narrow as aggregate::Narrow>::Wide>::NAME {
                    return Some(Self::$Always);
                })+
                $(if name == <$state>::NAME {
                    return Some(Self::$Optional);
                })*
                None
            }
        }

        /// Which optional aggregates are kept.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Optional {
            $(pub $optional: bool),*
        }

        impl Optional {
            /// The aggregates with these names; None if one of them is not optional.
            pub fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<Self> {
                #[allow(unused_mut, reason = "there may be no optional ones")]
                let mut optional = Self::default();
                for name in names {
                    match name {
                        $(<$state>::NAME => optional.$optional = true,)*
                        _ => return None,
                    }
                }
                Some(optional)
            }
        }

        /// A type as it is given out, with its numbers as text.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct TypeStats {
            pub name: String,
            pub count: u64,
            pub integral: bool,
            $(pub $always: String,)+
            $(pub $optional: Option<String>),*
        }

        impl TypeStats {
            /// A type with these numbers.
            pub fn new(
                name: &str,
                count: u64,
                integral: bool,
                number: impl Fn(Which) -> Option<String>,
            ) -> Self {
                let always = |which| number(which).expect("it is always kept");
                Self {
                    name: name.to_owned(),
                    count,
                    integral,
                    $($always: always(Which::$Always),)+
                    $($optional: number(Which::$Optional)),*
                }
            }
        }
    };
}

pub(super) use registry;
