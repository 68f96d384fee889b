//! The conversation of every measurement: ten messages, about 2 KB, invented for this purpose.
//!
//! The last message contains a name, a phone number, a birth date, an e-mail and a member id, different in every
//! request. The nine before it contain nothing to protect; they are the same in every request, or all different.

use std::fmt::Write;

/// How a request differs from the previous one, and how it is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shape {
    /// Every message is new, not only the last one.
    pub all_new: bool,
    /// The answer is to be streamed.
    pub streamed: bool,
}

/// The values in the last message of one request.
#[derive(Clone, Debug, PartialEq)]
pub struct Planted {
    first_name: &'static str,
    last_name: &'static str,
    /// `Ingrid Halvorsen`.
    pub name: String,
    /// `(312) 555-0147`.
    pub phone: String,
    /// `March 14, 1962`.
    pub birth_date: String,
    /// `ingrid.halvorsen482@example.com`.
    pub email: String,
    /// `W238471905`.
    pub member_id: String,
}

impl Planted {
    /// The values of request `number`: deterministic, with unique phone, e-mail and member id.
    pub fn new(number: u64) -> Self {
        let mixed = mix(number);
        let first_name = pick(&FIRST_NAMES, mixed);
        let last_name = pick(&LAST_NAMES, mixed >> 8);
        let month = pick(&MONTHS, mixed >> 16);
        let (day, year) = (1 + (mixed >> 24) % 28, 1931 + (mixed >> 32) % 70);
        // Area, exchange and line count up like a clock, so that no number repeats within 80 million requests.
        let line = number % 10_000;
        let exchange = 200 + number / 10_000 % 800;
        let area = pick(&AREA_CODES, number / 8_000_000);
        let user = format!("{first_name}.{last_name}").to_lowercase();
        Self {
            first_name,
            last_name,
            name: format!("{first_name} {last_name}"),
            phone: format!("({area}) {exchange}-{line:04}"),
            birth_date: format!("{month} {day}, {year}"),
            email: format!("{user}{number}@example.com"),
            // An odd factor visits every number below 10^9 once.
            member_id: format!("W{:09}", number.wrapping_mul(387_420_489) % 1_000_000_000),
        }
    }

    /// The values that must be restored.
    pub fn values(&self) -> [&str; 5] {
        [&self.name, &self.phone, &self.birth_date, &self.email, &self.member_id]
    }

    /// The values that must not leak, and their identifying parts.
    pub fn secrets(&self) -> [&str; 8] {
        [
            self.first_name,
            self.last_name,
            // Exchange and line.
            &self.phone[6..],
            &self.birth_date,
            &self.email,
            &self.email[..self.email.len() - "@example.com".len()],
            &self.member_id,
            // The digits alone.
            &self.member_id[1..],
        ]
    }

    /// The last message.
    pub fn message(&self) -> String {
        let Self { name, phone, birth_date, email, member_id, .. } = self;
        format!(
            "Sure. My name is {name}, my date of birth is {birth_date}, you can call me at {phone} or write to \
             {email}, and my member ID is {member_id}."
        )
    }
}

/// Writes the JSON of request `number` over what is in `out`.
pub fn write_body(number: u64, planted: &Planted, shape: Shape, out: &mut String) {
    out.clear();
    out.push_str(r#"{"model":"gpt-4o-mini","temperature":0,"max_tokens":250,"#);
    if shape.streamed {
        out.push_str(r#""stream":true,"#);
    }
    out.push_str(r#""messages":["#);
    for (role, before, after) in HISTORY {
        let _ = write!(out, r#"{{"role":"{role}","content":"{before} "#);
        if shape.all_new {
            push_words(out, number);
        } else {
            out.push_str("the usual");
        }
        let _ = write!(out, r#" {after}"}},"#);
    }
    out.push_str(r#"{"role":"user","content":""#);
    out.push_str(&planted.message());
    out.push_str(r#""}]}"#);
}

/// Four ordinary words, different for each of 2^24 requests: no digits and no capitals, which a pass might find.
fn push_words(out: &mut String, number: u64) {
    // An odd factor keeps different numbers different, and neighbours dissimilar.
    let mixed = number.wrapping_mul(0x9E37_79B9) % (1 << 24);
    for (place, shift) in [18, 12, 6, 0].into_iter().enumerate() {
        if place > 0 {
            out.push(' ');
        }
        out.push_str(pick(&WORDS, mixed >> shift & 63));
    }
}

fn pick<'a>(list: &[&'a str], number: u64) -> &'a str {
    list[(number % list.len() as u64) as usize]
}

/// Whether a word is one of the names used here, or a month: the words that the stand-in masks.
pub fn is_name_part(word: &str) -> bool {
    [&FIRST_NAMES[..], &LAST_NAMES[..], &MONTHS[..]].iter().any(|list| list.contains(&word))
}

/// SplitMix64: well-spread bits from a counter, without state.
pub fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Role, text before and text after the words that may vary.
const HISTORY: [(&str, &str, &str); 9] = [
    (
        "system",
        "You answer the phone for a small clinic. Speak in short, friendly sentences, one question at a time, and \
         never read out a list. Find out who is calling and what they need, then offer the next free appointment. \
         When somebody describes an emergency, tell them to hang up and call the emergency number. Do not give \
         medical advice and do not guess. If you did not understand something, ask again. The topic of the day is",
        "and you may mention it once. Before you book anything, repeat what you noted and wait for a yes.",
    ),
    (
        "assistant",
        "Hello and thank you for calling. I am the assistant of the practice and I can help you with",
        "or with an appointment. What can I do for you?",
    ),
    (
        "user",
        "Hi. I was wondering whether you could help me with",
        "because it has been bothering me for a while now, and I would rather not wait much longer.",
    ),
    (
        "assistant",
        "I am sorry to hear that. Let me see what we can do about",
        "today. Is it something new, or did you have it before?",
    ),
    (
        "user",
        "It comes and goes. Last time it was",
        "and then it went away on its own after a few days, but this time it stays.",
    ),
    (
        "assistant",
        "I understand. In the morning or in the afternoon, which one suits you better for",
        "and would you mind seeing a colleague if that is quicker?",
    ),
    ("user", "In the morning, please, and anyone is fine with me. I only have", "with me, is that a problem?"),
    (
        "assistant",
        "No, not at all. You do not need to bring anything but",
        "and a little patience, it is a busy week for all of us here.",
    ),
    (
        "assistant",
        "To put",
        "into the calendar I need your full name, your date of birth, a phone number, an e-mail address and the \
         member number of your plan. Could you give me those?",
    ),
];

const FIRST_NAMES: [&str; 24] = [
    "Ingrid", "Robert", "Maria", "Daniel", "Susan", "Michael", "Laura", "Kevin", "Patricia", "James", "Angela",
    "Steven", "Rebecca", "Thomas", "Linda", "Carlos", "Emily", "George", "Nancy", "Peter", "Helen", "Frank", "Julia",
    "Martin",
];

const LAST_NAMES: [&str; 24] = [
    "Halvorsen",
    "Johnson",
    "Garcia",
    "Miller",
    "Thompson",
    "Anderson",
    "Martinez",
    "Robinson",
    "Peterson",
    "Sullivan",
    "Ramirez",
    "Henderson",
    "Coleman",
    "Jenkins",
    "Patterson",
    "Hughes",
    "Simmons",
    "Foster",
    "Gonzalez",
    "Bryant",
    "Alexander",
    "Russell",
    "Griffin",
    "Hayes",
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

const AREA_CODES: [&str; 10] = ["312", "415", "617", "206", "303", "512", "404", "602", "713", "503"];

const WORDS: [&str; 64] = [
    "small", "large", "plain", "quiet", "simple", "little", "heavy", "light", "early", "late", "warm", "cold", "soft",
    "hard", "sharp", "dull", "short", "long", "wide", "narrow", "deep", "flat", "round", "square", "clean", "dusty",
    "fresh", "old", "new", "spare", "extra", "common", "rare", "steady", "sudden", "slow", "quick", "loose", "tight",
    "empty", "full", "broken", "wooden", "paper", "cotton", "rubber", "metal", "plastic", "garden", "kitchen",
    "window", "table", "chair", "bottle", "basket", "pillow", "blanket", "ladder", "bucket", "mirror", "curtain",
    "carpet", "jacket", "umbrella",
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value;

    use super::*;

    fn body(number: u64, shape: Shape) -> Value {
        let mut out = String::new();
        write_body(number, &Planted::new(number), shape, &mut out);
        serde_json::from_str(&out).unwrap()
    }

    #[test]
    fn a_request_is_a_2_kb_conversation_of_ten_messages() {
        let (streamed, all_new) = (true, true);
        for shape in [Shape::default(), Shape { streamed, all_new }] {
            let body = body(1, shape);
            assert_eq!(body["messages"].as_array().unwrap().len(), 10);
            let size = body.to_string().len();
            assert!((2_000..2_600).contains(&size), "{size}");
        }
    }

    #[test]
    fn the_last_message_holds_all_five_and_the_others_none() {
        let planted = Planted::new(77);
        let body = body(77, Shape::default());
        let messages = body["messages"].as_array().unwrap();
        let last = messages[9]["content"].as_str().unwrap();
        assert!(planted.values().iter().all(|value| last.contains(value)));
        for message in &messages[..9] {
            let text = message["content"].as_str().unwrap();
            assert!(planted.secrets().iter().all(|secret| !text.contains(secret)));
        }
    }

    #[test]
    fn no_value_comes_twice_and_varied_messages_differ() {
        let (streamed, all_new) = (false, true);
        let mut seen = HashSet::new();
        for number in 0..2_000 {
            let planted = Planted::new(number);
            for value in [planted.phone, planted.email, planted.member_id] {
                assert!(seen.insert(value));
            }
            for message in body(number, Shape { streamed, all_new })["messages"].as_array().unwrap() {
                assert!(seen.insert(message["content"].to_string()));
            }
        }
    }

    #[test]
    fn only_the_last_message_is_new_by_default() {
        let (one, two) = (body(1, Shape::default()), body(2, Shape::default()));
        for index in 0..9 {
            assert_eq!(one["messages"][index], two["messages"][index]);
        }
        assert_ne!(one["messages"][9], two["messages"][9]);
    }
}
