//! Write a masking plugin for Masker.
//!
//! A plugin is one type that implements [`Pass`] and one line, `register_pass!(MyPass)`, in a `cdylib` crate built
//! for `wasm32-unknown-unknown`. Masker calls [`Pass::configure`] once for each configuration, keeps the memory as it
//! then is, and starts every request from a fresh copy of it. So do all the work in `configure`: a lookup table or an
//! automaton built lazily in `detect` is built again for every request, which costs milliseconds instead of
//! microseconds. [`dfa::Pattern`] is the fast way for regular expressions.
//!
//! Two more things cost a fresh instance time. The first call through a function pointer or a `dyn` goes by way of the
//! host: call by name what runs for every request. And after a request the host looks at every page of memory that was
//! read or written since: keep tables dense. Allocations in `detect` cost little: the macro brings an allocator that
//! cuts them from one block, so a plugin has no `#[global_allocator]` of its own.
//!
//! The same type runs natively: see [`testing`] for tests on a table of cases.

#[doc(hidden)]
pub mod arena;
#[doc(hidden)]
pub mod bindings;
pub mod dfa;
mod pass;
pub mod testing;

pub use pass::{Error, Finding, Manifest, Message, OffsetUnit, Pass};

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
                $crate::bindings::describe::<$pass>()
            }
            fn configure(
                config: ::std::string::String,
            ) -> ::std::result::Result<(), $crate::bindings::Error> {
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

        // Only for the component: the names of its exports hold colons, which native linkers refuse.
        #[cfg(target_family = "wasm")]
        $crate::bindings::export!(MaskerPluginExport with_types_in $crate::bindings);
    };
}
