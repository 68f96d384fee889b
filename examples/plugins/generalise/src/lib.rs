//! A plugin for Masker that generalises instead of hiding: the model gets a year instead of a date, the first three
//! digits of a ZIP code, "90 or older" instead of an age above 89.
//!
//! These are the generalisations that Safe Harbor allows, 45 CFR 164.514(b)(2)(i)(B) and (C). The plugin finds nothing
//! itself: it processes the findings of the passes before it. A finding that it cannot generalise with certainty is
//! left to those passes and becomes a token.

use masker_plugin_sdk::{Error, Finding, Manifest, Message, OffsetUnit, Pass};

/// ZIP areas with at most 20,000 people, which become 000: HHS guidance on de-identification (2012), based on the
/// census of 2000. Check for a newer list before you rely on it.
const SMALL_ZIP_AREAS: [&str; 17] = [
    "036", "059", "063", "102", "203", "556", "692", "790", "821", "823", "830", "831", "878", "879", "884", "890", "893",
];

masker_plugin_sdk::settings! {
    /// What a policy may write under `config`.
    pub struct Settings {
        /// Who was born before this year is older than 89, and not even the year of birth is said. A plugin has no clock:
        /// raise it by one every January.
        #[schemars(range(min = 1900, max = 2100))]
        pub oldest_birth_year: u32 = 1937,
    }
}

/// The pass.
pub struct Generalise {
    oldest_birth_year: u32,
}

impl Pass for Generalise {
    type Settings = Settings;

    fn manifest() -> Manifest {
        Manifest {
            name: "generalise",
            version: env!("CARGO_PKG_VERSION"),
            description: "Dates become years, ZIP codes three digits, ages above 89 one group.",
            kinds: &["DATE", "DOB", "ZIP", "AGE"],
            offset_unit: OffsetUnit::Utf8,
        }
    }

    fn configure(settings: Settings) -> Result<Self, Error> {
        Ok(Self { oldest_birth_year: settings.oldest_birth_year })
    }

    fn detect(&self, messages: &[Message], earlier: &[Finding]) -> Result<Vec<Finding>, Error> {
        let general = |finding: &Finding| {
            let text = messages.get(finding.message)?.text.get(finding.span.clone())?;
            let replacement = match finding.kind.as_ref() {
                "DATE" => year(text)?.to_string(),
                "DOB" => self.birth_year(year(text)?),
                "ZIP" => zip_area(text)?,
                "AGE" => "90 or older".into(),
                _ => return None,
            };
            // Higher than the original finding's confidence, so that the replacement wins.
            let mine = Finding::new(finding.message, finding.span.clone(), finding.kind.clone(), 1.0);
            Some(Finding { replacement: Some(replacement), ..mine })
        };
        Ok(earlier.iter().filter_map(general).collect())
    }
}

impl Generalise {
    fn birth_year(&self, year: u32) -> String {
        if year < self.oldest_birth_year { "90 or more years ago".into() } else { year.to_string() }
    }
}

/// The only four-digit year in a date. `None` for "03/14/82", whose century is a guess, and for two years.
fn year(date: &str) -> Option<u32> {
    let numbers = date.split(|letter: char| !letter.is_ascii_digit()).filter(|digits| digits.len() == 4);
    let mut years = numbers.filter_map(|digits| digits.parse().ok()).filter(|year| (1900..=2100).contains(year));
    let year = years.next();
    if years.next().is_some() { None } else { year }
}

/// The first three digits of a ZIP code, or 000 for an area with few people.
fn zip_area(zip: &str) -> Option<String> {
    let digits: String = zip.chars().filter(char::is_ascii_digit).collect();
    let area = digits.get(..3).filter(|_| matches!(digits.len(), 5 | 9))?;
    Some(if SMALL_ZIP_AREAS.contains(&area) { "000".into() } else { area.into() })
}

// Only in the component: native linkers reject its export names.
#[cfg(target_family = "wasm")]
masker_plugin_sdk::register_pass!(Generalise);
