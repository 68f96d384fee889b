//! Tool-call names that arrive in pieces, where only the whole name determines the output: a renamed tool, or a name
//! with a token in it.
//!
//! Some clients concatenate the pieces of a name, others replace the name with each piece, so the name is sent once:
//! with the first piece of its arguments, or at the end. A name that cannot become a different one is not held back.

use serde_json::{Map, Value, json};

use crate::chat::tools::Tools;

/// Limit of calls held at a time, and the longest name.
const MAX_HELD: usize = 64;
const MAX_NAME: usize = 1024;

/// The calls of a choice whose names are incomplete.
#[derive(Default)]
pub struct Calls {
    held: Vec<(u64, Map<String, Value>)>,
}

impl Calls {
    /// Takes calls with incomplete names out of a choice, and puts them back once complete. Returns the choices that
    /// belong before it, and whether this one changed. `may_become_token` tells whether a name may be the beginning of
    /// a token.
    pub fn hold(
        &mut self,
        choice: &mut Map<String, Value>,
        tools: &Tools,
        may_become_token: &dyn Fn(&str) -> bool,
    ) -> (Vec<Value>, bool) {
        let is_over = choice.get("finish_reason").is_some_and(|reason| !reason.is_null());
        let index = choice.get("index").cloned().unwrap_or(json!(0));
        let mut changed = false;
        let mut before = Vec::new();
        if let Some(Value::Object(delta)) = choice.get_mut("delta") {
            let has_calls = if let Some(Value::Array(calls)) = delta.get_mut("tool_calls") {
                calls.retain_mut(|call| {
                    let Value::Object(call) = call else { return true };
                    let at = call.get("index").and_then(Value::as_u64).unwrap_or(0);
                    // A call with another index closes those before it.
                    before.extend(self.release(&index, |held| held != at));
                    if let Some(place) = self.held.iter().position(|(held, _)| *held == at) {
                        let (_, held) = self.held.swap_remove(place);
                        *call = joined(held, std::mem::take(call));
                        changed = true;
                    }
                    let is_open = |name: &str| {
                        name.len() < MAX_NAME && (tools.may_become_renamed(name) || may_become_token(name))
                    };
                    let is_held = !is_over
                        && self.held.len() < MAX_HELD
                        && !has_arguments(call)
                        && name(call).is_some_and(is_open);
                    if is_held {
                        self.held.push((at, std::mem::take(call)));
                        changed = true;
                    }
                    !is_held
                });
                !calls.is_empty()
            } else {
                true
            };
            if !has_calls && changed {
                delta.shift_remove("tool_calls");
            }
        }
        if is_over {
            before.extend(self.release(&index, |_| true));
        }
        (before, changed)
    }

    /// Choices for the calls still held, one each.
    pub fn release(&mut self, choice: &Value, wanted: impl Fn(u64) -> bool) -> Vec<Value> {
        let released = self.held.extract_if(.., |(at, _)| wanted(*at));
        let one = |(_, call)| json!({"index": choice, "delta": {"tool_calls": [call]}, "finish_reason": null});
        released.map(one).collect()
    }
}

fn name(call: &Map<String, Value>) -> Option<&str> {
    call.get("function")?.get("name")?.as_str()
}

fn has_arguments(call: &Map<String, Value>) -> bool {
    let arguments = call.get("function").and_then(|function| function.get("arguments"));
    arguments.is_some_and(|arguments| !arguments.is_null() && arguments.as_str() != Some(""))
}

/// Merges the beginning of a call with its next piece.
fn joined(mut call: Map<String, Value>, next: Map<String, Value>) -> Map<String, Value> {
    for (key, value) in next {
        match (call.get_mut(&key), value) {
            (Some(Value::Object(own)), Value::Object(next)) => *own = joined(std::mem::take(own), next),
            (Some(Value::String(own)), Value::String(next)) if key == "name" || key == "arguments" => {
                own.push_str(&next)
            }
            (Some(_), Value::Null) => {}
            (_, value) => {
                call.insert(key, value);
            }
        }
    }
    call
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools() -> Tools {
        let mut tools = Tools::default();
        tools.rename("ask_jane", "ask_tool_7");
        tools
    }

    /// The calls sent, chunk by chunk.
    fn left(calls: &[Value]) -> Vec<Value> {
        let (tools, mut held, mut left) = (tools(), Calls::default(), Vec::new());
        for call in calls {
            let mut choice = match call.is_null() {
                true => json!({"index": 0, "delta": {}, "finish_reason": "tool_calls"}),
                false => json!({"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": null}),
            };
            let choice = choice.as_object_mut().expect("an object");
            let (before, _) = held.hold(choice, &tools, &|name| name.ends_with("MSK"));
            left.extend(before.iter().map(|choice| choice["delta"]["tool_calls"][0].clone()));
            left.extend(choice["delta"].get("tool_calls").map(|calls| calls[0].clone()));
        }
        assert!(held.held.is_empty());
        left
    }

    fn call(index: u64, name: &str) -> Value {
        json!({"index": index, "id": "c", "function": {"name": name, "arguments": ""}})
    }

    #[test]
    fn a_name_leaves_once_and_whole() {
        let arguments = json!({"index": 0, "function": {"arguments": "{}"}});
        let more = |name: &str| json!({"index": 0, "function": {"name": name}});
        let whole = json!({"index": 0, "id": "c", "function": {"name": "ask_tool_7", "arguments": "{}"}});
        assert_eq!(
            left(&[call(0, "ask_"), more("tool_"), json!({"index": 0, "function": {"name": "7", "arguments": "{}"}})]),
            [whole]
        );
        let first = json!({"index": 0, "id": "c", "function": {"name": "ask_tool_7", "arguments": ""}});
        assert_eq!(left(&[call(0, "ask_"), more("tool_7"), arguments.clone()]), [first, arguments.clone()]);
        let short = json!({"index": 0, "id": "c", "function": {"name": "ask_", "arguments": "{}"}});
        assert_eq!(left(&[call(0, "ask_"), arguments.clone()]), [short]);
        assert_eq!(left(&[call(0, "ask_"), Value::Null]), [call(0, "ask_")]);
        assert_eq!(left(&[call(0, "ask_"), call(1, "book"), Value::Null]), [call(0, "ask_"), call(1, "book")]);
        assert_eq!(left(&[call(0, "xMSK"), Value::Null]), [call(0, "xMSK")]);
    }

    #[test]
    fn a_name_that_is_whole_does_not_wait() {
        for name in ["ask_tool_7", "book", "confirm"] {
            assert_eq!(left(&[call(0, name)]), [call(0, name)]);
        }
    }
}
