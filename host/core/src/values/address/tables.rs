//! The most common abbreviations of USPS Publication 28.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::words::Normal;

/// Words and their abbreviation.
type Entry = (&'static [&'static str], &'static str);
type Table = [Entry];

/// Street types (appendix C1): the usual words, then the abbreviation.
const KINDS: [Entry; 34] = [
    (&["street", "str", "st", "saint"], "ST"),
    (&["avenue", "av", "ave", "aven", "avenu"], "AVE"),
    (&["boulevard", "blvd", "boul", "boulv"], "BLVD"),
    (&["drive", "dr", "driv", "drv"], "DR"),
    (&["lane", "ln"], "LN"),
    (&["road", "rd"], "RD"),
    (&["court", "ct"], "CT"),
    (&["place", "pl"], "PL"),
    (&["terrace", "ter", "terr"], "TER"),
    (&["way", "wy"], "WAY"),
    (&["circle", "cir", "circ"], "CIR"),
    (&["parkway", "pkwy", "parkwy", "pky"], "PKWY"),
    (&["highway", "hwy", "highwy"], "HWY"),
    (&["trail", "trl"], "TRL"),
    (&["square", "sq"], "SQ"),
    (&["alley", "aly", "ally"], "ALY"),
    (&["loop"], "LOOP"),
    (&["plaza", "plz"], "PLZ"),
    (&["pike"], "PIKE"),
    (&["turnpike", "tpke"], "TPKE"),
    (&["crossing", "xing", "crssng"], "XING"),
    (&["expressway", "expy"], "EXPY"),
    (&["freeway", "fwy"], "FWY"),
    (&["crescent", "cres"], "CRES"),
    (&["heights", "hts"], "HTS"),
    (&["ridge", "rdg"], "RDG"),
    (&["hollow", "holw"], "HOLW"),
    (&["point", "pt"], "PT"),
    (&["row"], "ROW"),
    (&["run"], "RUN"),
    (&["path"], "PATH"),
    (&["mews"], "MEWS"),
    (&["cove", "cv"], "CV"),
    (&["bend", "bnd"], "BND"),
];

const DIRECTIONS: [Entry; 8] = [
    (&["north", "n"], "N"),
    (&["south", "s"], "S"),
    (&["east", "e"], "E"),
    (&["west", "w"], "W"),
    (&["northeast", "ne"], "NE"),
    (&["northwest", "nw"], "NW"),
    (&["southeast", "se"], "SE"),
    (&["southwest", "sw"], "SW"),
];

/// Parts of a building (appendix C2).
const UNITS: [Entry; 10] = [
    (&["apartment", "apt", "apto", "apartamento"], "APT"),
    (&["suite", "ste"], "STE"),
    (&["unit"], "UNIT"),
    (&["floor", "fl"], "FL"),
    (&["building", "bldg"], "BLDG"),
    (&["room", "rm"], "RM"),
    (&["lot"], "LOT"),
    (&["trailer", "trlr"], "TRLR"),
    (&["space", "spc"], "SPC"),
    (&["department", "dept"], "DEPT"),
];

/// States, districts and territories (appendix B).
const STATES: [(&str, &str); 53] = [
    ("ALABAMA", "AL"),
    ("ALASKA", "AK"),
    ("ARIZONA", "AZ"),
    ("ARKANSAS", "AR"),
    ("CALIFORNIA", "CA"),
    ("COLORADO", "CO"),
    ("CONNECTICUT", "CT"),
    ("DELAWARE", "DE"),
    ("DISTRICT OF COLUMBIA", "DC"),
    ("FLORIDA", "FL"),
    ("GEORGIA", "GA"),
    ("GUAM", "GU"),
    ("HAWAII", "HI"),
    ("IDAHO", "ID"),
    ("ILLINOIS", "IL"),
    ("INDIANA", "IN"),
    ("IOWA", "IA"),
    ("KANSAS", "KS"),
    ("KENTUCKY", "KY"),
    ("LOUISIANA", "LA"),
    ("MAINE", "ME"),
    ("MARYLAND", "MD"),
    ("MASSACHUSETTS", "MA"),
    ("MICHIGAN", "MI"),
    ("MINNESOTA", "MN"),
    ("MISSISSIPPI", "MS"),
    ("MISSOURI", "MO"),
    ("MONTANA", "MT"),
    ("NEBRASKA", "NE"),
    ("NEVADA", "NV"),
    ("NEW HAMPSHIRE", "NH"),
    ("NEW JERSEY", "NJ"),
    ("NEW MEXICO", "NM"),
    ("NEW YORK", "NY"),
    ("NORTH CAROLINA", "NC"),
    ("NORTH DAKOTA", "ND"),
    ("OHIO", "OH"),
    ("OKLAHOMA", "OK"),
    ("OREGON", "OR"),
    ("PENNSYLVANIA", "PA"),
    ("PUERTO RICO", "PR"),
    ("RHODE ISLAND", "RI"),
    ("SOUTH CAROLINA", "SC"),
    ("SOUTH DAKOTA", "SD"),
    ("TENNESSEE", "TN"),
    ("TEXAS", "TX"),
    ("UTAH", "UT"),
    ("VERMONT", "VT"),
    ("VIRGINIA", "VA"),
    ("WASHINGTON", "WA"),
    ("WEST VIRGINIA", "WV"),
    ("WISCONSIN", "WI"),
    ("WYOMING", "WY"),
];

/// The role of a word in an address.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Kind,
    Direction,
    Unit,
}

/// The words and abbreviations of all tables.
static WORDS: LazyLock<HashMap<&'static str, (Sort, &'static str)>> = LazyLock::new(|| {
    let tables: [(Sort, &Table); 3] = [(Sort::Kind, &KINDS), (Sort::Direction, &DIRECTIONS), (Sort::Unit, &UNITS)];
    let entries = tables.into_iter().flat_map(|(sort, table)| table.iter().map(move |entry| (sort, entry)));
    entries
        .flat_map(|(sort, (words, short))| words.iter().chain([short]).map(move |word| (*word, (sort, *short))))
        .collect()
});

fn find(sort: Sort, word: &str) -> Option<&'static str> {
    WORDS.get(word).filter(|(own, _)| *own == sort).map(|(_, short)| *short)
}

pub(super) fn kind(word: &str) -> Option<&'static str> {
    find(Sort::Kind, word)
}

pub(super) fn direction(word: &str) -> Option<&'static str> {
    find(Sort::Direction, word)
}

pub(super) fn unit(word: &str) -> Option<&'static str> {
    find(Sort::Unit, word)
}

pub(super) fn is_kind(normal: &str) -> bool {
    kind(normal) == Some(normal)
}

pub(super) fn is_direction(normal: &str) -> bool {
    direction(normal) == Some(normal)
}

pub(super) fn is_unit(normal: &str) -> bool {
    normal == "#" || unit(normal) == Some(normal)
}

/// The full word for a street abbreviation: "LN" is "lane".
pub(super) fn long(normal: &str) -> Option<&'static str> {
    KINDS
        .iter()
        .chain(&DIRECTIONS)
        .chain(&UNITS)
        .find(|(_, short)| *short == normal)
        .and_then(|(words, _)| words.first().copied())
}

/// `23RD`.
pub(super) fn is_ordinal(normal: &str) -> bool {
    let digits = normal.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    digits.len() < normal.len() && matches!(&normal[digits.len()..], "ST" | "ND" | "RD" | "TH")
}

/// The state at the end of these words, and the number of words it takes. Its full name counts only before a ZIP or
/// after a comma: "12 Virginia" is a street.
pub(super) fn state(words: &[Normal], zip_follows: bool) -> Option<(&'static str, usize)> {
    let last = words.last().filter(|_| words.len() > 1 || zip_follows)?;
    if let Some((_, short)) = STATES.iter().find(|(_, short)| *short == last.text) {
        // A street type with the same letters: `12 OAK CT`.
        let is_state = zip_follows
            || last.after_comma
            || words.len() > 3 && !is_kind(short) && !is_unit(short) && !is_direction(short);
        return is_state.then_some((short, 1));
    }
    (1..=3.min(words.len())).rev().find_map(|length| {
        let name = &words[words.len() - length..];
        let (_, short) = STATES.iter().find(|(state, _)| state.split(' ').eq(name.iter().map(|word| &*word.said)))?;
        let is_state = zip_follows || name[0].after_comma || words.len() > 3 + length;
        is_state.then_some((*short, length))
    })
}
