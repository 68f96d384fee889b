//! The word lists: gazetteers of the data folder, our own lists, and each word's frequency in the training text.

use std::collections::HashMap;
use std::path::Path;

use masker_plugin_ner::lexicon::{self, BUCKET_BITS, ask, category, entry, phrase};
use masker_plugin_ner::tokens::{Token, fold, hash_word, tokenize};

use crate::data;

/// Names and places as written, for the templates; and all entries by hash, for the lexicon.
#[derive(Default)]
pub struct Lists {
    /// Census given names with their frequency, most common first.
    pub first: Vec<(String, f64)>,
    /// Census family names.
    pub last: Vec<(String, f64)>,
    /// Given and family names per language.
    pub languages: Vec<(Vec<String>, Vec<String>)>,
    /// Towns of the US: name, state, population.
    pub cities: Vec<(String, String, f64)>,
    /// Large towns elsewhere.
    pub world: Vec<(String, f64)>,
    /// Words by category.
    pub categories: HashMap<String, Vec<String>>,
    /// The lexicon entries, by hash.
    pub entries: HashMap<u64, u16>,
    /// A word's frequency level in the dictionary, by hash: it covers words missing from the training text.
    pub dictionary: HashMap<u64, u16>,
}

/// Surnames rarer than this (percent of people) are used in generated turns but not listed.
const RAREST: f64 = 0.0001;

/// The words of a phrase by hash, as the plugin computes them.
pub fn hashes(text: &str) -> Vec<u64> {
    let mut tokens: Vec<Token> = Vec::new();
    tokenize(text, &mut tokens);
    tokens.iter().map(|token| token.word).collect()
}

impl Lists {
    /// Reads the gazetteers and the hand-made lists.
    pub fn read(gazetteers: &Path, own: &Path) -> std::io::Result<Self> {
        let mut lists = Self::default();
        lists.read_categories(own)?;
        lists.read_census(gazetteers)?;
        lists.read_dictionary(own)?;
        lists.read_languages(&own.join("names.txt"), 2)?;
        lists.read_languages(&own.join("world_names.txt"), 1)?;
        lists.read_places(gazetteers)?;
        Ok(lists)
    }

    fn raise(&mut self, hash: u64, field: u32, level: u16) {
        let slot = self.entries.entry(hash).or_default();
        let old = *slot >> field & 3;
        *slot = *slot & !(3 << field) | old.max(level) << field;
    }

    fn read_census(&mut self, from: &Path) -> std::io::Result<()> {
        for (file, given) in [
            ("us_census1990_first_female.tsv.gz", true),
            ("us_census1990_first_male.tsv.gz", true),
            ("us_census1990_surnames.tsv.gz", false),
        ] {
            for line in data::lines(&from.join(file))?.iter().skip(1) {
                let Some((name, percent)) = line.split_once('\t') else { continue };
                let percent: f64 = percent.parse().unwrap_or(0.0);
                if name.len() < 2 {
                    continue;
                }
                // There are so many of the rarest surnames that listing them carries hardly any information.
                if !given && percent < RAREST {
                    self.last.push((name.into(), percent));
                    continue;
                }
                let level = match (given, percent) {
                    (true, 0.1..) | (false, 0.02..) => 3,
                    (true, 0.01..) | (false, 0.003..) => 2,
                    _ => 1,
                };
                let field = if given { entry::FIRST } else { entry::LAST };
                self.raise(hash_word(&fold(name)), field, level);
                if given { &mut self.first } else { &mut self.last }.push((name.into(), percent));
            }
        }
        Ok(())
    }

    fn read_dictionary(&mut self, own: &Path) -> std::io::Result<()> {
        for line in data::lines(&own.join("english_words.txt.gz"))? {
            let Some((scowl, word)) = line.split_once(' ') else { continue };
            let level = match scowl {
                "10" => 3,
                "20" | "35" => 2,
                _ => 1,
            };
            let hash = hash_word(&fold(word));
            self.dictionary.insert(hash, level);
            self.set_common(hash, level);
        }
        Ok(())
    }

    fn read_languages(&mut self, file: &Path, level: u16) -> std::io::Result<()> {
        for line in data::lines(file)? {
            let Some((_, names)) = line.split_once(": ").filter(|_| !line.starts_with('#')) else { continue };
            let words = |names: &str| names.split_whitespace().map(|name| name.replace('_', " ")).collect::<Vec<_>>();
            let (given, family) = names.split_once('|').unwrap_or((names, ""));
            let (given, family) = (words(given), words(family));
            for (names, field) in [(&given, entry::FIRST), (&family, entry::LAST)] {
                for hash in names.iter().flat_map(|name| hashes(name)) {
                    self.raise(hash, field, level);
                }
            }
            self.languages.push((given, family));
        }
        Ok(())
    }

    fn read_places(&mut self, from: &Path) -> std::io::Result<()> {
        for (file, us) in [("geonames_us_cities.tsv.gz", true), ("geonames_world_cities100k.tsv.gz", false)] {
            for line in data::lines(&from.join(file))?.iter().skip(1) {
                let mut cells = line.split('\t');
                let (Some(city), Some(region)) = (cells.next(), cells.next()) else { continue };
                let people: f64 = cells.next().and_then(|cell| cell.parse().ok()).unwrap_or(0.0);
                let level = match people {
                    200_000.0.. => 3,
                    30_000.0.. => 2,
                    _ => 1,
                };
                self.place(city, level);
                if let Some(short) = city.strip_suffix(" City") {
                    self.place(short, level);
                }
                if us {
                    self.cities.push((city.into(), region.into(), people));
                } else {
                    self.world.push((city.into(), people));
                }
            }
        }
        Ok(())
    }

    fn place(&mut self, name: &str, level: u16) {
        match hashes(name)[..] {
            [one] => self.raise(one, entry::PLACE, level),
            [one, two] => {
                *self.entries.entry(one).or_default() |= entry::BEGINS_PLACE;
                self.raise(phrase(one, two), entry::PLACE, level);
            }
            [one, two, three] => {
                *self.entries.entry(one).or_default() |= entry::BEGINS_PLACE;
                self.raise(phrase(phrase(one, two), three), entry::PLACE, level);
            }
            _ => {}
        }
    }

    fn read_categories(&mut self, own: &Path) -> std::io::Result<()> {
        for line in data::lines(&own.join("categories.txt"))? {
            let Some((name, words)) = line.split_once(": ").filter(|_| !line.starts_with('#')) else { continue };
            let words: Vec<String> = words.split_whitespace().map(String::from).collect();
            for hash in words.iter().map(|word| hash_word(&fold(word))) {
                let slot = self.entries.entry(hash).or_default();
                match name {
                    "ask-name" => *slot |= ask::NAME << entry::ASK,
                    "ask-address" => *slot |= ask::ADDRESS << entry::ASK,
                    "ask-other" => *slot |= ask::OTHER << entry::ASK,
                    // The first category that lists a word wins.
                    _ if *slot >> entry::CATEGORY & 15 == 0 => *slot |= number(name) << entry::CATEGORY,
                    _ => {}
                }
            }
            self.categories.insert(name.into(), words);
        }
        Ok(())
    }

    /// Sets a word's frequency level as an ordinary word.
    pub fn set_common(&mut self, hash: u64, level: u16) {
        self.raise(hash, entry::COMMON, level);
    }

    /// The two sections of the model file.
    pub fn sections(&self) -> (Vec<u8>, Vec<u8>) {
        let mut placed: Vec<(usize, u16, u16)> = self
            .entries
            .iter()
            .filter(|(_, value)| **value != 0)
            .map(|(hash, value)| {
                let (bucket, print) = lexicon::place(*hash);
                (bucket, print, *value)
            })
            .collect();
        placed.sort_unstable();
        let mut starts = vec![0u32; (1 << BUCKET_BITS) + 1];
        for (bucket, ..) in &placed {
            starts[bucket + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let starts = starts.iter().flat_map(|start| start.to_le_bytes()).collect();
        let entries =
            placed.iter().flat_map(|(_, print, value)| [print.to_le_bytes(), value.to_le_bytes()].concat()).collect();
        (starts, entries)
    }
}

/// A word's frequency level, from the number of messages in which it is an ordinary word.
pub fn common_level(count: u32) -> u16 {
    match count {
        0..=1 => 0,
        2..=5 => 1,
        6..=40 => 2,
        _ => 3,
    }
}

fn number(name: &str) -> u16 {
    match name {
        "street" => category::STREET,
        "number" => category::NUMBER,
        "title" => category::TITLE,
        "calendar" => category::CALENDAR,
        "nation" => category::NATION,
        "company" => category::COMPANY,
        "medical" => category::MEDICAL,
        "state" => category::STATE,
        "relative" => category::RELATIVE,
        "unit" => category::UNIT,
        "direction" => category::DIRECTION,
        "spelling" => category::SPELLING,
        "brand" => category::BRAND,
        other => panic!("categories.txt: {other} is no category"),
    }
}
