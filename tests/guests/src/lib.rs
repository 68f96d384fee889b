//! Shared code of the misbehaving guests: a pass made of one function.

pub use masker_plugin_sdk as sdk;

masker_plugin_sdk::settings! {
    /// What a test may set.
    pub struct Settings {
        /// Anything.
        pub word: String = String::new(),
    }
}

/// Defines and registers a pass named `$name` whose `detect` is `$detect`.
#[macro_export]
macro_rules! guest {
    ($name:literal, $detect:expr) => {
        $crate::guest!($name, $detect, |_: &str| Ok(()));
    };
    ($name:literal, $detect:expr, $configure:expr) => {
        $crate::guest!($name, $detect, $configure, Utf8);
    };
    ($name:literal, $detect:expr, $configure:expr, $unit:ident) => {
        /// The pass.
        pub struct Guest;

        impl $crate::sdk::Pass for Guest {
            type Settings = $crate::Settings;

            fn manifest() -> $crate::sdk::Manifest {
                $crate::sdk::Manifest {
                    name: $name,
                    version: "1.0.0",
                    description: "A guest of the tests.",
                    kinds: &["NAME", "STAFF_ID"],
                    offset_unit: $crate::sdk::OffsetUnit::$unit,
                }
            }

            fn configure(settings: Self::Settings) -> Result<Self, $crate::sdk::Error> {
                let word = settings.word;
                let configure: fn(&str) -> Result<(), $crate::sdk::Error> = $configure;
                configure(&word).map(|()| Guest)
            }

            fn detect(
                &self,
                messages: &[$crate::sdk::Message],
                _: &[$crate::sdk::Finding],
            ) -> Result<Vec<$crate::sdk::Finding>, $crate::sdk::Error> {
                let detect: fn(&[$crate::sdk::Message]) -> Result<Vec<$crate::sdk::Finding>, $crate::sdk::Error> =
                    $detect;
                detect(messages)
            }
        }

        $crate::sdk::register_pass!(Guest);
    };
}
