//! Values generated from a seed, in the forms that people and systems use.

use super::fold;

/// A dependency-free random number generator: splitmix64.
pub(super) struct Numbers(pub u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

const UNITS: [&str; 10] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
const TENS: [&str; 10] = ["", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
const TEENS: [&str; 10] =
    ["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"];
pub(super) const FIRST: [&str; 12] =
    ["maria", "john", "elena", "kofi", "wei", "anna", "latoya", "emeka", "samuel", "jose", "niels", "oscar"];
pub(super) const LAST: [&str; 12] = [
    "gonzalez", "gonzales", "smith", "smyth", "nakamura", "obrien", "thompson", "thomson", "lee", "li", "hansen",
    "hanson",
];
pub(super) const STREETS: [&str; 8] = ["Oak", "Cedar", "Orchard", "Elm", "Maple", "Lake", "Park", "Main"];
pub(super) const KINDS: [(&str, &str); 6] =
    [("Lane", "LN"), ("Street", "ST"), ("Avenue", "AVE"), ("Drive", "DR"), ("Court", "CT"), ("Road", "RD")];

fn two(number: u64) -> String {
    match number {
        0..10 => format!("oh {}", UNITS[number as usize]),
        10..20 => TEENS[number as usize - 10].into(),
        _ if number.is_multiple_of(10) => TENS[number as usize / 10].into(),
        _ => format!("{} {}", TENS[number as usize / 10], UNITS[number as usize % 10]),
    }
}

fn digits_said(digits: &str, zero: &str) -> String {
    let said = digits.bytes().map(|byte| if byte == b'0' { zero } else { UNITS[usize::from(byte - b'0')] });
    said.collect::<Vec<_>>().join(" ")
}

pub(super) fn day(numbers: &mut Numbers) -> (u64, u64, u64) {
    (1925 + numbers.below(100), 1 + numbers.below(12), 1 + numbers.below(28))
}

/// Forms of one value, each with a kind.
pub(super) fn forms(numbers: &mut Numbers) -> Vec<(&'static str, String)> {
    match numbers.below(6) {
        0 => date_forms(day(numbers)),
        1 => phone_forms(&format!("{}{:02}555{:04}", 2 + numbers.below(8), numbers.below(100), numbers.below(10_000))),
        2 => id_forms(numbers),
        3 => name_forms(FIRST[numbers.below(12) as usize], LAST[numbers.below(12) as usize]),
        4 => mail_forms(FIRST[numbers.below(12) as usize], LAST[numbers.below(12) as usize], numbers.below(100)),
        _ => address_forms(numbers),
    }
}

fn date_forms((year, month, day): (u64, u64, u64)) -> Vec<(&'static str, String)> {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let name = MONTHS[month as usize - 1];
    let said_year = match year {
        2000..2010 => format!("two thousand {}", if year == 2000 { "" } else { UNITS[year as usize % 10] }),
        _ => format!("{} {}", two(year / 100), two(year % 100)),
    };
    let said_year = said_year.replace("oh zero", "hundred");
    let short = format!("{month}/{day}/{:02}", year % 100);
    let mut forms = vec![
        ("DOB", format!("{year}-{month:02}-{day:02}")),
        ("DATE", format!("{year}-{month:02}-{day:02}T00:00:00.000+00:00")),
        ("DOB", format!("{month:02}/{day:02}/{year}")),
        ("DOB", format!("{year}{month:02}{day:02}")),
        ("DATE", format!("{day:02}-{}-{year}", &name[..3])),
        ("DOB", format!("{name} {day}, {year}")),
        ("DOB", format!("{month}.{day}.{year}")),
        ("DOB", format!("{} {} {said_year}", name.to_lowercase(), two(day).trim_start_matches("oh "))),
        ("DOB", format!("uh {} the {day}th {year}", name.to_lowercase())),
        ("DATE", digits_said(&format!("{month:02}{day:02}{year}"), "oh")),
        ("OTHER_ID", format!("{year}-{month:02}-{day:02}")),
    ];
    // A two-digit birth year is in the last hundred years.
    if year > 1926 && year < 2026 {
        forms.push(("DOB", short));
    }
    forms
}

fn phone_forms(digits: &str) -> Vec<(&'static str, String)> {
    let (area, rest) = digits.split_at(3);
    let (exchange, line) = rest.split_at(3);
    vec![
        ("PHONE", format!("+1{digits}")),
        ("PHONE", format!("({area}) {exchange}-{line}")),
        ("FAX", format!("1-{area}-{exchange}-{line}")),
        ("PHONE", digits_said(digits, "oh")),
        ("PHONE", format!("one {}", digits_said(digits, "zero"))),
        ("PHONE", format!("{} triple five {}", digits_said(area, "oh"), digits_said(line, "oh"))),
        (
            "PHONE",
            format!(
                "{}, uh, {}, and then {}",
                digits_said(area, "oh"),
                digits_said(exchange, "oh"),
                digits_said(line, "oh")
            ),
        ),
        ("ACCOUNT", digits.to_owned()),
    ]
}

fn id_forms(numbers: &mut Numbers) -> Vec<(&'static str, String)> {
    const ALPHABET: [&str; 26] = [
        "alpha", "bravo", "charlie", "delta", "echo", "frank", "george", "hotel", "india", "juliet", "kilo", "larry",
        "mary", "nancy", "oscar", "peter", "queen", "robert", "sam", "tom", "umbrella", "victor", "whiskey", "xray",
        "yellow", "zebra",
    ];
    let count = numbers.below(4);
    // An o is indistinguishable from a zero when heard.
    let letters: String =
        (0..count).map(|_| char::from(b"ABCDEFGHIJKLMNPQRSTUVWXYZ"[numbers.below(25) as usize])).collect();
    let digits = format!("{:0width$}", numbers.below(10_u64.pow(7)), width = 7);
    let lower = letters.to_lowercase();
    let low: Vec<String> = lower.chars().map(String::from).collect();
    let word = |letter: u8| ALPHABET[usize::from(letter - b'a')];
    let liken: Vec<String> =
        lower.bytes().map(|letter| format!("{} as in {}", char::from(letter), word(letter))).collect();
    vec![
        ("MRN", format!("{letters}{digits}")),
        ("HEALTH_PLAN", format!("{letters}-{}-{}", &digits[..3], &digits[3..])),
        ("ACCOUNT", format!("{} {digits}", letters.to_lowercase())),
        ("MRN", format!("{} {}", low.join(" "), digits_said(&digits, "zero"))),
        ("MRN", format!("{} {}", low.join(" "), digits_said(&digits, "oh"))),
        ("OTHER_ID", format!("{} {}", liken.join(" "), digits_said(&digits, "oh"))),
    ]
}

fn name_forms(first: &str, last: &str) -> Vec<(&'static str, String)> {
    let spelled = last.chars().map(String::from).collect::<Vec<_>>();
    let title = |word: &str| fold::capitalised(word);
    vec![
        ("NAME", format!("{first} {last}")),
        ("NAME", format!("{}, {}", title(last), title(first))),
        ("NAME", format!("{}^{}", last.to_uppercase(), first.to_uppercase())),
        ("NAME", format!("Dr. {} {}", title(first), title(last))),
        ("NAME", format!("{first} {}", spelled.join(" "))),
        ("NAME", format!("{first} {last}, {}", spelled.join("-").to_uppercase())),
        ("NAME", format!(r#"{{"given":["{}"],"family":"{}"}}"#, title(first), title(last))),
    ]
    .into_iter()
    // Two letters are initials.
    .filter(|(_, form)| last.len() > 2 || !form.contains("l i") && !form.contains("L-I"))
    .collect()
}

fn mail_forms(first: &str, last: &str, number: u64) -> Vec<(&'static str, String)> {
    vec![
        ("EMAIL", format!("{first}.{last}{number:02}@example.com")),
        ("EMAIL", format!("{}.{}{number:02}@EXAMPLE.com", first.to_uppercase(), last.to_uppercase())),
        ("EMAIL", format!("{first} dot {last} {} at example dot com", two(number).replace("oh zero", "zero zero"))),
    ]
}

fn address_forms(numbers: &mut Numbers) -> Vec<(&'static str, String)> {
    let number = 1 + numbers.below(9999);
    let street = STREETS[numbers.below(8) as usize];
    let (long, short) = KINDS[numbers.below(6) as usize];
    let unit = 1 + numbers.below(99);
    vec![
        ("ADDRESS", format!("{number} {} {short} APT {unit}B", street.to_uppercase())),
        ("ADDRESS", format!("{number} {street} {long}, Apartment {unit}B")),
        ("ADDRESS", format!("{number} {street} {}., Apt. {unit}-b", fold::capitalised(short))),
        (
            "ADDRESS",
            format!(
                "{} {} {} apartment {} b",
                digits_said(&number.to_string(), "oh"),
                street.to_lowercase(),
                long.to_lowercase(),
                two(unit).trim_start_matches("oh ")
            ),
        ),
    ]
}
