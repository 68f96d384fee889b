//! Generates conversation turns from `lists/grammar.txt` and the lists.

use std::collections::HashMap;
use std::path::Path;

use masker_plugin_sdk::words::{Language::English, month_names};

use crate::data::{self, Sample, Span, Truth};
use crate::lists::Lists;
use crate::rng::Rng;

/// The templates and the sources of values.
pub struct Grammar<'l> {
    rules: HashMap<String, Vec<String>>,
    lists: &'l Lists,
    first_weights: Vec<f64>,
    last_weights: Vec<f64>,
    city_weights: Vec<f64>,
    chain: HashMap<[u8; 2], Vec<u8>>,
}

/// A text under construction, and the person it is about.
struct Draft {
    text: String,
    spans: Vec<Span>,
    first: String,
    last: String,
}

impl<'l> Grammar<'l> {
    /// Reads the templates.
    pub fn read(own: &Path, lists: &'l Lists) -> std::io::Result<Self> {
        let mut rules: HashMap<String, Vec<String>> = HashMap::new();
        let mut rule = String::new();
        for line in data::lines(&own.join("grammar.txt"))? {
            if line.starts_with('#') {
                continue;
            }
            if let Some(name) = line.strip_prefix("= ") {
                rule = name.into();
                rules.insert(rule.clone(), Vec::new());
                continue;
            }
            let (times, way) = match line.split_once("; ") {
                Some((times, way)) if times.parse::<usize>().is_ok() => (times.parse().unwrap_or(1), way),
                _ => (1, line.as_str()),
            };
            if line.is_empty() {
                continue;
            }
            let ways = rules.get_mut(&rule).ok_or_else(|| std::io::Error::other("a line before the first rule"))?;
            ways.extend(std::iter::repeat_n(way.replace("\\n", "\n"), times));
        }
        let sums = |weights: &mut dyn Iterator<Item = f64>| {
            let mut sum = 0.0;
            weights
                .map(|weight| {
                    sum += weight;
                    sum
                })
                .collect::<Vec<_>>()
        };
        // Between the true frequencies and uniform ones: common names often, but rare ones too.
        let first_weights = sums(&mut lists.first.iter().map(|name| name.1.max(0.001).powf(0.6)));
        let last_weights = sums(&mut lists.last.iter().map(|name| name.1.max(0.0005).powf(0.5)));
        let city_weights = sums(&mut lists.cities.iter().map(|city| city.2.max(1000.0).powf(0.5)));
        let mut chain: HashMap<[u8; 2], Vec<u8>> = HashMap::new();
        for (name, _) in lists.last.iter().take(20_000) {
            let bytes: Vec<u8> = [b"^^", name.as_bytes(), b"$"].concat();
            for three in bytes.windows(3) {
                chain.entry([three[0], three[1]]).or_default().push(three[2]);
            }
        }
        Ok(Self { rules, lists, first_weights, last_weights, city_weights, chain })
    }

    /// Generates one message.
    pub fn sample(&self, rng: &mut Rng) -> Sample {
        let mut draft = Draft { text: String::new(), spans: Vec::new(), first: String::new(), last: String::new() };
        self.new_person(&mut draft, rng);
        self.expand("<turn>", &mut draft, rng);
        let mut context = Vec::new();
        let mut role = "user".to_string();
        if let Some(at) = draft.text.find(" || ") {
            let before: String = draft.text.drain(..at + 4).collect();
            // Values named in the question itself are not part of the answer.
            draft.spans.retain(|span| span.start >= before.len());
            for span in &mut draft.spans {
                span.start -= before.len();
                span.end -= before.len();
            }
            if let Some((role, text)) = before.trim_end_matches(" || ").split_once(": ") {
                context.push((role.to_string(), text.to_string()));
            }
        } else if let Some((who, _)) =
            draft.text.split_once(": ").filter(|(who, _)| ["assistant", "system", "tool"].contains(who))
        {
            role = who.into();
            let cut = role.len() + 2;
            draft.text.drain(..cut);
            for span in &mut draft.spans {
                span.start -= cut;
                span.end -= cut;
            }
        }
        // The preceding question is not always visible.
        if context.first().is_some_and(|(role, _)| role == "assistant") && rng.chance(0.35) {
            context.clear();
        }
        if role == "user" && rng.chance(0.5) {
            capitalise_start(&mut draft.text);
        }
        Sample { context, role, text: draft.text, spans: draft.spans, weight: 1.0 }
    }

    fn expand(&self, template: &str, draft: &mut Draft, rng: &mut Rng) {
        let mut rest = template;
        while let Some(c) = rest.chars().next() {
            match c {
                '<' if rest[1..].starts_with(|c: char| c.is_ascii_lowercase()) && rest.contains('>') => {
                    let close = rest.find('>').unwrap_or(rest.len() - 1);
                    let name = &rest[1..close];
                    rest = &rest[close + 1..];
                    let (name, maybe) = match name.strip_suffix('?') {
                        Some(name) => (name, true),
                        None => (name, false),
                    };
                    if !maybe || rng.chance(0.5) {
                        let ways = self.rules.get(name).unwrap_or_else(|| panic!("grammar.txt: no rule {name}"));
                        self.expand(rng.pick::<String>(ways), draft, rng);
                    } else if draft.text.ends_with(' ') {
                        rest = rest.trim_start();
                    }
                }
                '{' if ["{N ", "{A ", "{O "].iter().any(|mark| rest.starts_with(mark)) => {
                    let kind = match &rest[1..2] {
                        "N" => 0,
                        "A" => 1,
                        _ => 2,
                    };
                    let close = rest.find('}').unwrap_or(rest.len());
                    let inner = &rest[3..close];
                    rest = &rest[close + 1..];
                    let start = draft.text.len();
                    self.expand(inner, draft, rng);
                    let end = draft.text.len();
                    draft.spans.push(Span { start, end, truth: Truth::Kind(kind) });
                }
                '$' => {
                    let length = rest[1..]
                        .bytes()
                        .take_while(|b| b.is_ascii_lowercase() || *b == b'3' || *b == b'4' || *b == b'6')
                        .count();
                    let slot = &rest[1..1 + length];
                    let mut used = length;
                    // `$laststraße` is the slot `last` and a suffix.
                    let known = SLOTS.iter().filter(|known| slot.starts_with(**known)).max_by_key(|known| known.len());
                    let Some(known) = known else { panic!("grammar.txt: no slot {slot}") };
                    used = used.min(known.len());
                    rest = &rest[1 + used..];
                    self.fill(known, draft, rng);
                }
                c => {
                    draft.text.push(c);
                    rest = &rest[c.len_utf8()..];
                }
            }
        }
    }

    fn new_person(&self, draft: &mut Draft, rng: &mut Rng) {
        let lists = self.lists;
        if rng.chance(0.42) {
            let (given, family) = rng.pick(&lists.languages);
            draft.first = title(rng.pick::<String>(given));
            draft.last = title(rng.pick::<String>(family));
            if rng.chance(0.1) {
                draft.last = self.census_last(rng);
            }
        } else {
            draft.first = title(&lists.first[weighted(&self.first_weights, rng)].0);
            draft.last = self.census_last(rng);
        }
        if rng.chance(0.08) {
            draft.last = title(&self.invented(rng));
        }
        if rng.chance(0.05) {
            draft.first = title(&self.invented(rng));
        }
        if rng.chance(0.04) {
            draft.last = format!("{}-{}", draft.last, self.census_last(rng));
        }
        if rng.chance(0.03) {
            draft.first = format!("{} {}", draft.first, title(&lists.first[weighted(&self.first_weights, rng)].0));
        }
    }

    fn census_last(&self, rng: &mut Rng) -> String {
        title(&self.lists.last[weighted(&self.last_weights, rng)].0)
    }

    /// A name that does not exist, made from the letters of real ones.
    fn invented(&self, rng: &mut Rng) -> String {
        let mut name = Vec::new();
        let mut state = *b"^^";
        while name.len() < 11 {
            let Some(next) = self.chain.get(&state).map(|next| *rng.pick(next)) else { break };
            if next == b'$' {
                if name.len() < 3 {
                    continue;
                }
                break;
            }
            name.push(next);
            state = [state[1], next];
        }
        String::from_utf8_lossy(&name).into_owned()
    }

    fn fill(&self, slot: &str, draft: &mut Draft, rng: &mut Rng) {
        let lists = self.lists;
        if matches!(slot, "full" | "full3" | "first" | "last" | "lastfirst" | "spelled" | "spelledasin")
            && draft.spans.iter().any(|span| span.truth == Truth::Kind(0))
            && rng.chance(0.85)
        {
            self.new_person(draft, rng);
        }
        let (first, last) = (draft.first.clone(), draft.last.clone());
        let digits = |count: usize, rng: &mut Rng| {
            (0..count).map(|_| char::from(b'0' + rng.below(10) as u8)).collect::<String>()
        };
        let value = match slot {
            "full" => match rng.below(30) {
                0 => format!("{first} {}. {last}", char::from(b'A' + rng.below(26) as u8)),
                1 => format!("{}. {last}", &first.chars().next().unwrap_or('J')),
                _ => format!("{first} {last}"),
            },
            "full3" => format!("{first} {} {last}", title(&lists.first[weighted(&self.first_weights, rng)].0)),
            "first" => first,
            "last" => last,
            "lastfirst" => format!("{last}, {first}"),
            "spelled" => {
                let name = match rng.below(4) {
                    0 => first,
                    1 => format!("{first} {last}"),
                    _ => last,
                };
                spell(&name, rng)
            }
            "spelledfirst" => spell(&first, rng),
            "spelledlast" => spell(&last, rng),
            "spelledasin" => spell_as_in(if rng.chance(0.5) { &last } else { &first }, rng),
            "city" => lists.cities[weighted(&self.city_weights, rng)].0.clone(),
            "worldcity" => rng.pick(&lists.world).0.clone(),
            "state" => (*rng.pick(&STATES)).into(),
            "st" => rng.pick(&lists.cities).1.clone(),
            "country" => (*rng.pick(&COUNTRIES)).into(),
            "zip" => digits(5, rng),
            "postcode" => postcode(rng),
            "intpost" => foreign_postcode(rng),
            "house" => {
                let count = 1 + rng.below(4);
                digits(count, rng).trim_start_matches('0').to_string() + &digits(1, rng)[..usize::from(count == 1)]
            }
            "digits3" => digits(3, rng),
            "digits4" => digits(4, rng),
            "digits6" => digits(6, rng),
            "ordinal" => ordinal(1 + rng.below(99)),
            "phone" => format!("{}-{}-{}", digits(3, rng), digits(3, rng), digits(4, rng)),
            "digits" => {
                let count = 7 + rng.below(6);
                digits(count, rng)
            }
            "ssn" => format!("{}-{}-{}", digits(3, rng), digits(2, rng), digits(4, rng)),
            "card" => (0..4).map(|_| digits(4, rng)).collect::<Vec<_>>().join(" "),
            "mac" => (0..6).map(|_| format!("{:02x}", rng.below(256))).collect::<Vec<_>>().join(":"),
            "code" => code(rng),
            "email" => format!("{}{}@example.com", first.to_lowercase(), digits(2, rng)),
            "date" => date(rng),
            "time" => format!("{} {}", 1 + rng.below(12), rng.pick(&["pm", "am", "p.m.", "o'clock"])),
            "drug" => {
                let drugs = &lists.categories["medical"];
                let from = drugs.iter().position(|word| word == "botox").unwrap_or(0);
                let drug = drugs[from + rng.below(drugs.len() - from)].clone();
                if rng.chance(0.3) { title(&drug) } else { drug }
            }
            other => panic!("grammar.txt: no slot {other}"),
        };
        draft.text.push_str(&value);
    }
}

const SLOTS: [&str; 32] = [
    "full",
    "full3",
    "first",
    "last",
    "lastfirst",
    "spelled",
    "spelledfirst",
    "spelledlast",
    "spelledasin",
    "city",
    "worldcity",
    "state",
    "st",
    "country",
    "zip",
    "postcode",
    "intpost",
    "house",
    "digits3",
    "digits4",
    "digits6",
    "ordinal",
    "phone",
    "email",
    "date",
    "time",
    "drug",
    "digits",
    "ssn",
    "card",
    "mac",
    "code",
];
const STATES: [&str; 24] = [
    "California",
    "Texas",
    "Florida",
    "New York",
    "Illinois",
    "Ohio",
    "Georgia",
    "Michigan",
    "Virginia",
    "Washington",
    "Arizona",
    "Massachusetts",
    "Tennessee",
    "Indiana",
    "Missouri",
    "Maryland",
    "Wisconsin",
    "Colorado",
    "Minnesota",
    "North Carolina",
    "New Jersey",
    "Oregon",
    "Pennsylvania",
    "South Dakota",
];
const COUNTRIES: [&str; 16] = [
    "Mexico",
    "India",
    "China",
    "Germany",
    "France",
    "Spain",
    "Canada",
    "Brazil",
    "Japan",
    "Nigeria",
    "Ukraine",
    "the Philippines",
    "Vietnam",
    "England",
    "Italy",
    "the United States",
];
fn date(rng: &mut Rng) -> String {
    let months = month_names(English);
    let (month, day, year) = (rng.below(12), 1 + rng.below(28), 1930 + rng.below(95));
    match rng.below(5) {
        0 => format!("{}/{day}/{year}", month + 1),
        1 => format!("{} {day}, {year}", months[month]),
        2 => format!("{} {}", months[month], ordinal(day)),
        3 => format!("{year}-{:02}-{day:02}", month + 1),
        _ => format!("the {} of {} {year}", ordinal(day), months[month]),
    }
}

fn ordinal(n: usize) -> String {
    let suffix = match (n % 10, n % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{n}{suffix}")
}

/// A foreign postal code: 5 or 6 digits, in groups, or with letters.
fn foreign_postcode(rng: &mut Rng) -> String {
    let letter = |rng: &mut Rng| char::from(b'A' + rng.below(26) as u8);
    let digits = |count, rng: &mut Rng| (0..count).map(|_| char::from(b'0' + rng.below(10) as u8)).collect::<String>();
    match rng.below(14) {
        0..=3 => digits(5, rng),
        4 | 5 => digits(6, rng),
        6 => format!("{} {}", digits(3, rng), digits(2, rng)),
        7 => format!("{}-{}", digits(2, rng), digits(3, rng)),
        8 => format!("{} {}{}", digits(4, rng), letter(rng), letter(rng)),
        9 => digits(4, rng),
        10 => format!("{}-{}", digits(5, rng), digits(3, rng)),
        11 => format!("H-{}", digits(4, rng)),
        12 => format!("{}-{}", digits(5, rng), digits(4, rng)),
        _ => {
            let (first, second) =
                ((letter(rng), rng.below(10), letter(rng)), (rng.below(10), letter(rng), rng.below(10)));
            let space = if rng.chance(0.6) { " " } else { "" };
            format!("{}{}{}{space}{}{}{}", first.0, first.1, first.2, second.0, second.1, second.2)
        }
    }
}

fn postcode(rng: &mut Rng) -> String {
    let letter = |rng: &mut Rng| char::from(b'A' + rng.below(26) as u8);
    let mut code: String = (0..1 + rng.below(2)).map(|_| letter(rng)).collect();
    code.push_str(&(1 + rng.below(29)).to_string());
    code.push(' ');
    code.push_str(&rng.below(10).to_string());
    code.push(letter(rng));
    code.push(letter(rng));
    code
}

/// The number of a member, a policy or a device: letters and digits in groups.
fn code(rng: &mut Rng) -> String {
    if rng.chance(0.12) {
        let spelled: Vec<String> = (0..1 + rng.below(2))
            .map(|_| {
                let at = rng.below(26);
                format!("{} as in {}", char::from(b'a' + at as u8), ALPHABET[at])
            })
            .collect();
        return format!("{} {}", spelled.join(" "), 100 + rng.below(90_000));
    }
    let mut code: String = (0..1 + rng.below(3)).map(|_| char::from(b'A' + rng.below(26) as u8)).collect();
    let gap = *rng.pick(&["", "-", " "]);
    for _ in 0..1 + rng.below(2) {
        code.push_str(gap);
        code.extend((0..3 + rng.below(4)).map(|_| char::from(b'0' + rng.below(10) as u8)));
    }
    code
}

fn spell(name: &str, rng: &mut Rng) -> String {
    let (gap, upper) = (*rng.pick(&[" ", " ", " ", "-", ", ", ". "]), rng.chance(0.5));
    let letters: Vec<String> = name
        .chars()
        .filter(|c| c.is_alphabetic())
        .map(|c| if upper { c.to_uppercase().to_string() } else { c.to_lowercase().to_string() })
        .collect();
    let mut out = String::new();
    let mut at = 0;
    while at < letters.len() {
        if at > 0 {
            out.push_str(gap);
        }
        if at + 1 < letters.len() && letters[at] == letters[at + 1] && rng.chance(0.4) {
            out.push_str(&format!("double {}", letters[at]));
            at += 2;
            continue;
        }
        out.push_str(&letters[at]);
        at += 1;
        // Recognisers run two or three letters together ("JO" for "j o").
        while at < letters.len() && rng.chance(0.07) {
            out.push_str(&letters[at]);
            at += 1;
        }
    }
    out
}

const ALPHABET: [&str; 26] = [
    "alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliet", "kilo", "lima",
    "mike", "november", "oscar", "papa", "quebec", "romeo", "sierra", "tango", "uniform", "victor", "whiskey", "x-ray",
    "yankee", "zulu",
];
const THINGS: [&str; 26] = [
    "apple",
    "boy",
    "cat",
    "dog",
    "elephant",
    "frank",
    "george",
    "henry",
    "igloo",
    "john",
    "king",
    "larry",
    "mary",
    "nancy",
    "orange",
    "peter",
    "queen",
    "robert",
    "sam",
    "tom",
    "umbrella",
    "victory",
    "william",
    "xylophone",
    "yellow",
    "zebra",
];

fn spell_as_in(name: &str, rng: &mut Rng) -> String {
    let words = if rng.chance(0.6) { ALPHABET } else { THINGS };
    let link = *rng.pick(&[" as in ", " for ", " like ", ""]);
    let mut parts = Vec::new();
    for c in name.to_lowercase().bytes().filter(u8::is_ascii_lowercase).take(9) {
        let word = words[usize::from(c - b'a')];
        parts.push(if link.is_empty() { word.to_string() } else { format!("{}{link}{word}", char::from(c)) });
    }
    parts.join(" ")
}

fn weighted(sums: &[f64], rng: &mut Rng) -> usize {
    let total = sums.last().copied().unwrap_or(0.0);
    let at = (rng.next() >> 11) as f64 / (1u64 << 53) as f64 * total;
    sums.partition_point(|sum| *sum <= at).min(sums.len() - 1)
}

/// A name as people write it: census lists are in lower case.
fn title(name: &str) -> String {
    let mut out = String::new();
    let mut start = true;
    for c in name.chars() {
        if start {
            out.extend(c.to_uppercase())
        } else {
            out.push(c)
        }
        start = matches!(c, ' ' | '-' | '\'');
    }
    if let Some(rest) = out.strip_prefix("Mc") {
        return format!("Mc{}", title(rest));
    }
    for particle in ["Van Den ", "Van Der ", "Van De ", "Van ", "De La ", "De ", "Dela ", "Al-", "El-"] {
        if let Some(rest) = out.strip_prefix(particle) {
            return format!("{}{rest}", particle.to_lowercase());
        }
    }
    out
}

fn capitalise_start(text: &mut String) {
    if text.as_bytes().first().is_some_and(u8::is_ascii_lowercase) {
        let first = text[..1].to_uppercase();
        text.replace_range(..1, &first);
    }
}
