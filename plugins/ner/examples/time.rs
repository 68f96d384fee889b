//! Prints how long the pass takes on a hand-made conversation, natively:
//! `cargo run --release -p masker-plugin-ner --example time`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use masker_plugin_ner::{Ner, Settings};
use masker_plugin_sdk::{Message, Pass};

const CONVERSATION: [(&str, &str); 10] = [
    (
        "assistant",
        "Thank you for calling Maple Valley Family Practice, this is Joanna. I can book, move or cancel an appointment for you, or pass a message on to one of our doctors. May I have your full name, please?",
    ),
    (
        "user",
        "hi yes good morning joanna my name is maria fernanda gonzalez and i'm calling about my father he has been having some trouble breathing since about last tuesday and we'd like someone to have a look at him",
    ),
    (
        "assistant",
        "I'm sorry to hear that, Maria. Let me see what we can do for him today. Could you tell me his first and last name, and spell the last name for me so that I find the right record?",
    ),
    (
        "user",
        "sure it's esteban gonzalez with a z at the end so that's g o n z a l e z and he usually sees doctor okonkwo or if she is not there then the younger one i think his name is doctor lindqvist",
    ),
    (
        "assistant",
        "Thank you. I have found him. Just so that I am sure I have the right patient, could you confirm his home address with the street, the town and the zip code that you have on your letters from us?",
    ),
    (
        "user",
        "yes he lives with my brother now so it should be forty two north willow creek drive apartment three b in cedar rapids iowa the zip is five two four oh two unless you still have the old one",
    ),
    (
        "assistant",
        "I still had the old one in Iowa City, so I have changed it to the one in Cedar Rapids. Is he taking anything at the moment, such as blood thinners, and does he have any allergies that the doctor should know of?",
    ),
    (
        "user",
        "he takes metoprolol twice a day and warfarin because of the atrial fibrillation and he was told he has parkinson's last spring so there is something for that as well but i would have to ask my sister rosalind",
    ),
    (
        "assistant",
        "That is all right, you can bring the list along. Dr. Okonkwo has time this afternoon at a quarter past three, or tomorrow morning at ten thirty. Which of the two would suit you and your father better?",
    ),
    (
        "user",
        "this afternoon would be great thank you and could you call me back on the other number if anything changes because my own phone is nearly dead and i'm going to be on the road to springfield until two",
    ),
];

fn main() {
    let pass = Ner::configure(Settings::default()).expect("the built-in weights fit");
    let mut messages: Vec<Message> =
        CONVERSATION.map(|(role, text)| Message { role: role.into(), text: text.into(), search: true }).into();
    let bytes: usize = messages.iter().map(|message| message.text.len()).sum();
    let words: usize = messages.iter().map(|message| message.text.split_whitespace().count()).sum();
    let all = median(|| pass.detect(&messages, &[]).expect("never fails").len());
    say(&format!("10 messages, {bytes} bytes, {words} words, all searched"), all);
    say("  per message", all / 10);
    say("  per word", all / words as u32);
    for message in &mut messages[..9] {
        message.search = false;
    }
    say(
        "the last of them searched, the others context",
        median(|| pass.detect(&messages, &[]).expect("never fails").len()),
    );
    let one = &messages[5..6].iter().cloned().map(|message| Message { search: true, ..message }).collect::<Vec<_>>();
    say(
        &format!("one message of {} bytes", one[0].text.len()),
        median(|| pass.detect(one, &[]).expect("never fails").len()),
    );
    let long = [Message { role: "user".into(), text: one[0].text.repeat(1000), search: true }];
    say(
        &format!("one message of {} bytes", long[0].text.len()),
        median(|| pass.detect(&long, &[]).expect("never fails").len()),
    );
}

fn median(mut run: impl FnMut() -> usize) -> Duration {
    let mut times = Vec::new();
    let begun = Instant::now();
    while times.len() < 20 || begun.elapsed() < Duration::from_millis(500) {
        let start = Instant::now();
        black_box(run());
        times.push(start.elapsed());
    }
    times.sort_unstable();
    times[times.len() / 2]
}

#[allow(clippy::print_stdout, reason = "the numbers are what this program is for")]
fn say(what: &str, time: Duration) {
    println!("{what}: {:.2} us", time.as_nanos() as f64 / 1000.0);
}
