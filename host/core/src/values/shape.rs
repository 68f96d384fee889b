//! The written forms of a value, in the order in which they are tried.

use super::calendar::Day;
use super::date::Date;
use super::name::Name;
use super::phone::Phone;
use super::reading::{Order, Reading};
use super::view::capitalised_unless_mixed;
use super::{Canonical, Class, Value, address};

/// Date patterns, the usual ones first. `DD/MM` precedes `MM/DD` if the region uses it.
const DATES: [&str; 22] = [
    "YYYY-MM-DD",
    "MM/DD/YYYY",
    "DD/MM/YYYY",
    "M/D/YYYY",
    "D/M/YYYY",
    "MM-DD-YYYY",
    "DD-MM-YYYY",
    "YYYYMMDD",
    "MMDDYYYY",
    "DDMMYYYY",
    "YYYY/MM/DD",
    "MM.DD.YYYY",
    "DD.MM.YYYY",
    "MM/DD/YY",
    "DD/MM/YY",
    "M/D/YY",
    "D/M/YY",
    "MMDDYY",
    "DD-MMM-YYYY",
    "DD MMM YYYY",
    "MMM DD, YYYY",
    "YYYY.MM.DD",
];
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

/// The forms of a value.
pub(super) fn forms(value: &Value, reading: &Reading) -> Vec<String> {
    match &value.canonical {
        Canonical::Date(date) => dates(date, reading),
        Canonical::Phone(phone) => phones(phone),
        Canonical::Identifier(text) => identifiers(text, value.kind),
        Canonical::Name(name) => names(name),
        Canonical::Address(address) => vec![address.shown(), address.canonical()],
        Canonical::Written(text) => vec![text.clone()],
        Canonical::Age(age) if age.unit.is_empty() => vec![age.number.clone()],
        Canonical::Age(_) | Canonical::Text(_) => Vec::new(),
    }
}

fn dates(date: &Date, reading: &Reading) -> Vec<String> {
    let Some(day) = date.day() else { return date.iso().filter(|_| date.year.is_some()).into_iter().collect() };
    let day_first = reading.region.order == Order::DayFirst;
    let is_day_first = |picture: &str| picture.starts_with('D') && !picture.contains("MMM");
    let mut forms: Vec<String> = date.iso().into_iter().collect();
    let pictures = |wanted: bool| DATES.iter().skip(1).filter(move |picture| is_day_first(picture) == wanted);
    forms.extend(
        std::iter::once(&DATES[0])
            .chain(pictures(day_first))
            .chain(pictures(!day_first))
            .map(|picture| drawn(day, picture)),
    );
    forms.push(date_time(date, day));
    forms.push(format!("{} {}, {}", MONTHS[usize::from(day.month - 1) % 12], day.day, day.year));
    forms.dedup();
    forms
}

/// `1982-03-14T00:00:00Z`.
pub(super) fn date_time(date: &Date, day: Day) -> String {
    let zone = |zone: String| if zone.is_empty() { "Z".into() } else { zone };
    let time = date.time.map_or_else(|| "00:00:00Z".into(), |time| format!("{}{}", time.written(), zone(time.zone())));
    format!("{}T{time}", drawn(day, "YYYY-MM-DD"))
}

/// Formats a date by a pattern: `YYYY`, `YY`, `MMMM`, `MMM`, `MM`, `M`, `DD`, `D`; other characters are copied.
pub(super) fn drawn(day: Day, picture: &str) -> String {
    let mut drawn = String::with_capacity(16);
    let mut rest = picture;
    while let Some(first) = rest.chars().next() {
        let run = rest.chars().take_while(|c| *c == first).count();
        let month = MONTHS[usize::from(day.month - 1) % 12];
        let taken = match (first, run) {
            ('Y', 4..) => (format!("{:04}", day.year), 4),
            ('Y', 2..) => (format!("{:02}", day.year % 100), 2),
            ('M', 4..) => (month.to_owned(), 4),
            ('M', 3) => (month[..3].to_owned(), 3),
            ('M', 2) => (format!("{:02}", day.month), 2),
            ('M', _) => (day.month.to_string(), 1),
            ('D', 2..) => (format!("{:02}", day.day), 2),
            ('D', _) => (day.day.to_string(), 1),
            (other, _) => (other.to_string(), other.len_utf8()),
        };
        drawn.push_str(&taken.0);
        rest = &rest[taken.1..];
    }
    drawn
}

fn phones(phone: &Phone) -> Vec<String> {
    let Some((area, exchange, line)) = phone.parts() else {
        return if phone.is_whole() {
            vec![phone.e164(), phone.number.trim_start_matches('+').to_owned()]
        } else {
            vec![phone.number.clone()]
        };
    };
    vec![
        phone.e164(),
        format!("{area}{exchange}{line}"),
        format!("1{area}{exchange}{line}"),
        format!("{area}-{exchange}-{line}"),
        format!("({area}) {exchange}-{line}"),
        format!("+1-{area}-{exchange}-{line}"),
        format!("1-{area}-{exchange}-{line}"),
        format!("+1 {area} {exchange} {line}"),
        format!("+1 ({area}) {exchange}-{line}"),
        format!("({area}){exchange}-{line}"),
        format!("{area}.{exchange}.{line}"),
        format!("{area} {exchange} {line}"),
        format!("tel:+1-{area}-{exchange}-{line}"),
    ]
}

fn identifiers(text: &str, class: Class) -> Vec<String> {
    let grouped = |lengths: &[usize], sign: &str| {
        let mut rest = text;
        let groups = lengths.iter().map(|length| {
            let (group, others) = rest.split_at((*length).min(rest.len()));
            rest = others;
            group
        });
        groups.filter(|group| !group.is_empty()).collect::<Vec<_>>().join(sign)
    };
    let mut forms = vec![text.to_owned()];
    match (class, text.len()) {
        (Class::Identifier("SSN"), 9) => forms.extend([grouped(&[3, 2, 4], "-"), grouped(&[3, 2, 4], " ")]),
        (Class::Identifier("ZIP"), 9) => forms.extend([grouped(&[5, 4], "-"), text[..5].to_owned()]),
        (Class::Identifier("CREDIT_CARD"), 12..) => forms.extend([grouped(&[4; 5], " "), grouped(&[4; 5], "-")]),
        (Class::Identifier("IBAN"), _) => forms.push(grouped(&[4; 9], " ")),
        _ => {}
    }
    let letters = text.bytes().take_while(u8::is_ascii_alphabetic).count();
    if letters > 0 && text[letters..].bytes().all(|byte| byte.is_ascii_digit()) && letters < text.len() {
        forms.extend([
            format!("{}-{}", &text[..letters], &text[letters..]),
            format!("{} {}", &text[..letters], &text[letters..]),
        ]);
    }
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        forms.push(text.to_ascii_lowercase());
    }
    if text.len() > 6 {
        forms.extend([
            grouped(&[3, 3, 4, 9], "-"),
            grouped(&[3, 4, 9], "-"),
            grouped(&[4; 5], "-"),
            grouped(&[3; 7], "-"),
        ]);
    }
    forms
}

fn names(name: &Name) -> Vec<String> {
    let words: Vec<String> = name.words.iter().map(|word| capitalised_unless_mixed(&word.shown)).collect();
    let mut forms = vec![words.join(" ")];
    if let [given @ .., family] = &words[..]
        && !given.is_empty()
    {
        let given = given.join(" ");
        forms.extend([format!("{family}, {given}"), format!("{family}^{}", given.replace(' ', "^")).to_uppercase()]);
    }
    forms.push(words.join(" ").to_uppercase());
    forms.push(words.join(" ").to_lowercase());
    forms
}

/// An address in postal form.
pub(super) fn address_form(value: &Value) -> Option<String> {
    match &value.canonical {
        Canonical::Address(address) if address.city.is_empty() && address.state.is_empty() => {
            Some(address::shown(&address.street))
        }
        Canonical::Address(address) => Some(address.shown()),
        _ => None,
    }
}
