//! The spelling alphabet shared by all languages.

use crate::table::{Table, words};

/// ICAO Annex 10, volume II, 5.2.1.3, with common variant spellings.
pub const NATO: Table<()> = words!(
    "alfa" "alpha" "bravo" "charlie" "delta" "echo" "foxtrot" "golf" "hotel" "india" "juliet" "juliett" "juliette"
    "kilo" "lima" "mike" "november" "oscar" "papa" "quebec" "romeo" "sierra" "tango" "uniform" "victor" "whiskey"
    "whisky" "x-ray" "xray" "yankee" "zulu"
);
