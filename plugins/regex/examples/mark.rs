//! Prints each line of standard input with marks; a prefix `role: text || ` supplies context.
#![allow(clippy::print_stdout)]

use masker_plugin_regex::Plugin;
use masker_plugin_sdk::testing::{configure, marked};

fn main() {
    let plugin: Plugin = configure("{}").expect("the default settings are valid");
    for line in std::io::stdin().lines().map_while(Result::ok) {
        let mut parts: Vec<&str> = line.split(" || ").collect();
        let text = parts.pop().unwrap_or_default();
        let context: Vec<_> = parts.iter().filter_map(|part| part.split_once(": ")).collect();
        match marked(&plugin, &context, text) {
            Ok(marked) => println!("{marked}"),
            Err(error) => println!("error: {}", error.message),
        }
    }
}
