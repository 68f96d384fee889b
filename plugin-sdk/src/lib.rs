//! Write a masking plugin for Masker.
//!
//! A plugin is one type that implements [`Pass`] and one line, [`register_pass!`], in a `cdylib` crate built for
//! `wasm32-unknown-unknown`. `masker plugin new --lang rust NAME` writes such a crate, `docs/plugins.md` is the guide.
//!
//! ```
//! use masker_plugin_sdk::dfa::Pattern;
//! use masker_plugin_sdk::{Error, Finding, Manifest, Message, OffsetUnit, Pass, checksums, context};
//!
//! masker_plugin_sdk::settings! {
//!     /// What a policy may write under `config`.
//!     pub struct Settings {
//!         /// The words that make a number a record number.
//!         words: Vec<String> = vec!["record".into(), "mrn".into()],
//!     }
//! }
//!
//! /// Record numbers: eight digits with a check digit, after a word that announces them.
//! pub struct RecordNumber {
//!     number: Pattern,
//!     words: Vec<String>,
//! }
//!
//! impl Pass for RecordNumber {
//!     type Settings = Settings;
//!
//!     fn manifest() -> Manifest {
//!         Manifest {
//!             name: "record-number",
//!             version: env!("CARGO_PKG_VERSION"),
//!             description: "Finds the record numbers of our hospital.",
//!             kinds: &["RECORD"],
//!             offset_unit: OffsetUnit::Utf8,
//!         }
//!     }
//!
//!     fn configure(settings: Settings) -> Result<Self, Error> {
//!         let number = Pattern::new(r"\b[0-9]{4}-?[0-9]{4}\b").map_err(Error::internal)?;
//!         Ok(Self { number, words: settings.words })
//!     }
//!
//!     fn detect(&self, messages: &[Message], _earlier: &[Finding]) -> Result<Vec<Finding>, Error> {
//!         let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
//!         let mut findings = Vec::new();
//!         for (at, message) in messages.iter().enumerate().filter(|(_, message)| message.search) {
//!             for span in self.number.find_iter(&message.text) {
//!                 let announced = context::near(&message.text, span.clone(), 6, &words)
//!                     || context::asked(messages, at, 2, &words);
//!                 if announced && checksums::luhn(&checksums::compact(&message.text[span.clone()])) {
//!                     findings.push(Finding::new(at, span, "RECORD", 0.95));
//!                 }
//!             }
//!         }
//!         Ok(findings)
//!     }
//! }
//!
//! masker_plugin_sdk::register_pass!(RecordNumber);
//!
//! # fn main() {
//! let pass: RecordNumber = masker_plugin_sdk::testing::configure("{}").expect("the defaults are sound");
//! let cases = "
//! my record number is [RECORD:1234-5674] I think
//! my record number is 1234-5675 I think
//! assistant: What is your MRN? || [RECORD:12345674]
//! ";
//! masker_plugin_sdk::testing::check(&pass, cases).expect("all as labelled");
//! # }
//! ```
//!
//! # What to know
//!
//! Masker calls [`Pass::configure`] once per configuration, snapshots the memory, and starts every request from a
//! fresh copy of the snapshot. So do all the work in `configure`: a lookup table or an automaton built lazily in
//! `detect` is built again for every request, which costs milliseconds instead of microseconds. Use [`dfa::Pattern`]
//! for fast regular expressions.
//!
//! Two more things cost a fresh instance time. The first call through a function pointer or a `dyn` goes through the
//! host: call functions on the request path by name. And after a request the host looks at every page of memory that
//! was read or written: keep tables dense. Allocations in `detect` are cheap: the macro installs an allocator that
//! cuts them from one block, so a plugin must not have a `#[global_allocator]` of its own.

// The macros refer to the crate by its public name.
#[cfg(test)]
extern crate self as masker_plugin_sdk;

#[doc(hidden)]
pub mod arena;
#[doc(hidden)]
pub mod bindings;
pub mod checksums;
pub mod context;
pub mod dfa;
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod last_words;
mod pass;
mod settings;
pub mod testing;

/// The words for numbers, months, ordinals, letters and signs, in six languages.
pub use masker_words as words;
pub use pass::{Error, Finding, Manifest, Message, OffsetUnit, Pass};
pub use settings::{NoSettings, Settings};
// For the expansion of `settings!`.
#[doc(hidden)]
pub use {schemars, serde};

/// Exports a [`Pass`] as the component's `pass` interface. Use it once, at the crate's root.
#[macro_export]
macro_rules! register_pass {
    ($pass:ty) => {
        #[allow(dead_code, reason = "natively nothing calls it")]
        struct MaskerPluginExport;

        #[allow(dead_code, reason = "natively nothing calls it")]
        static MASKER_PASS: ::std::sync::OnceLock<$pass> = ::std::sync::OnceLock::new();

        #[cfg(target_family = "wasm")]
        #[global_allocator]
        static MASKER_MEMORY: $crate::arena::Arena = $crate::arena::Arena::new();

        impl $crate::bindings::Guest for MaskerPluginExport {
            fn describe() -> $crate::bindings::Manifest {
                #[cfg(target_family = "wasm")]
                $crate::last_words::keep();
                $crate::bindings::describe::<$pass>()
            }
            fn configure(
                config: ::std::string::String,
            ) -> ::std::result::Result<(), $crate::bindings::Error> {
                #[cfg(target_family = "wasm")]
                $crate::last_words::keep();
                $crate::bindings::configure(&MASKER_PASS, &config)?;
                #[cfg(target_family = "wasm")]
                MASKER_MEMORY.open();
                Ok(())
            }
            fn detect(
                messages: ::std::vec::Vec<$crate::bindings::Message>,
                earlier: ::std::vec::Vec<$crate::bindings::Finding>,
            ) -> ::std::result::Result<
                ::std::vec::Vec<$crate::bindings::Finding>,
                $crate::bindings::Error,
            > {
                $crate::bindings::detect(&MASKER_PASS, messages, earlier)
            }
        }

        // Only for the component: its export names contain colons, which native linkers refuse.
        #[cfg(target_family = "wasm")]
        $crate::bindings::export!(MaskerPluginExport with_types_in $crate::bindings);
    };
}
