//! Times the pass on a hand-made conversation: `cargo run --release -p masker-plugin-regex --example time`.
#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::time::Instant;

use masker_plugin_regex::Plugin;
use masker_plugin_sdk::{Message, Pass, testing::configure};

const CONVERSATION: &[(&str, &str)] = &[
    (
        "system",
        "You are the voice assistant of a family clinic. Be brief and kind, ask one question at a time, and never \
         give medical advice. Confirm the caller's identity before you look anything up. If the caller reports chest \
         pain or trouble breathing, tell them to call the emergency services and end the conversation politely.",
    ),
    ("assistant", "Hello, thank you for calling. May I have your full name and date of birth, please?"),
    ("user", "yes hi it's uh lena brightwater and i was born march fourteenth nineteen eighty two"),
    ("assistant", "Thank you. And what is the member id on your insurance card?"),
    ("user", "okay one second it says x k j four eight two one one dash oh seven i think yes that is it"),
    ("assistant", "Got it. What is the best phone number to reach you in case we get disconnected?"),
    ("user", "four one five five five five oh one two three or you can write to lena dot b at example dot com"),
    (
        "assistant",
        "Perfect. I see an appointment on 04/02/2025 at 10:30 am with our diabetes nurse in room 204. You take 500 mg \
         of metformin twice a day, and your last blood pressure was 120 over 80. Is that right?",
    ),
    (
        "user",
        "yes that's right but i moved in february so my new address is fourteen eighty two oak lane apartment four b \
         springfield illinois six two seven oh four and i would like to change the appointment to the week after if \
         there is anything in the afternoon maybe around three thirty because i work until two",
    ),
    (
        "assistant",
        "Of course. I have changed your address, and I moved the appointment to April 9th at 3:30 pm. Your \
         confirmation number is CN-4471-902. Is there anything else that I can do for you today? If you need to call \
         us back, our number is 415-555-0199, and the fax for your records is 415-555-0198.",
    ),
];

const SHORT: &str = "hi this is about my bill the account number is four four seven one nine oh two two and you can call \
                     me back on my cell at four one five five five five oh one two three any time after five thanks a lot";

fn main() {
    let started = Instant::now();
    let plugin: Plugin = configure("{}").expect("the default settings are valid");
    println!("configure {:>10} ns", started.elapsed().as_nanos());
    let message = |role: &str, text: &str| Message { role: role.into(), text: text.into(), search: true };
    let all: Vec<_> = CONVERSATION.iter().map(|(role, text)| message(role, text)).collect();
    let mut last_only = all.clone();
    let last = last_only.len() - 1;
    last_only[..last].iter_mut().for_each(|message| message.search = false);
    time(&plugin, "conversation, all searched", &all);
    time(&plugin, "conversation, only the last searched", &last_only);
    time(&plugin, "one message", &[message("user", SHORT)]);
    time(&plugin, "one message without anything", &[message("user", "thanks a lot that was very kind of you")]);
    for piece in
        ["1 1 1 1 ", "at at at dot dot ", "(((((", "@", "a@", "dot com ", "member id ", "7", "march 1 ", "www dot a "]
    {
        let text = piece.repeat((200 << 10) / piece.len());
        let started = Instant::now();
        let found = plugin.detect(&[message("user", &text)], &[]).map_or(0, |found| found.len());
        println!("200 KiB of {piece:?}: {} us, {found} findings", started.elapsed().as_micros());
    }
}

fn time(plugin: &Plugin, name: &str, messages: &[Message]) {
    const ROUNDS: u32 = 5_000;
    let bytes: usize = messages.iter().map(|message| message.text.len()).sum();
    let mut times = Vec::new();
    let mut found = 0;
    for _ in 0..ROUNDS {
        let started = Instant::now();
        found = black_box(plugin.detect(black_box(messages), &[])).map_or(0, |found| found.len());
        times.push(started.elapsed().as_nanos());
    }
    times.sort_unstable();
    let middle = times[times.len() / 2];
    println!(
        "{name}: {middle} ns (p99 {}), {} messages, {bytes} bytes, {found} findings, {} ns a message",
        times[times.len() * 99 / 100],
        messages.len(),
        middle / messages.len() as u128
    );
}
