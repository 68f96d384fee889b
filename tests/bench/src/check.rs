//! Figures count only if the work was done: all five values masked on the way in and restored on the way out.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::http1::find;
use crate::model;
use crate::workload::{Planted, Shape};

/// Checks one answer, and the request that the model saw for it.
///
/// The answer must equal the model's direct answer to the caller, byte for byte, with every value in it.
pub fn check(planted: &Planted, shape: Shape, answer: &[u8], masked: Option<&[u8]>) -> Result<()> {
    let text = if shape.streamed { streamed_text(answer)? } else { whole_text(answer)? };
    for value in planted.values() {
        ensure!(text.contains(value), "{value:?} was not restored: {text}");
    }
    let expected = model::answer_text(&planted.message());
    ensure!(text == expected, "the answer is not whole: {text}\nexpected: {expected}");
    for secret in masked.iter().flat_map(|_| planted.secrets()) {
        let received = masked.unwrap_or_default();
        if find(received, secret.as_bytes()).is_some() {
            bail!("{secret:?} reached the upstream unmasked: {}", String::from_utf8_lossy(received));
        }
    }
    Ok(())
}

fn whole_text(answer: &[u8]) -> Result<String> {
    let answer: Value = serde_json::from_slice(answer).context("an answer that is not JSON")?;
    let text = answer["choices"][0]["message"]["content"].as_str();
    Ok(text.context("an answer without text")?.to_owned())
}

fn streamed_text(answer: &[u8]) -> Result<String> {
    let answer = std::str::from_utf8(answer).context("a stream that is not UTF-8")?;
    let mut text = String::new();
    let (mut finished, mut done) = (false, false);
    for data in answer.lines().filter_map(|line| line.strip_prefix("data:")) {
        if data.trim() == "[DONE]" {
            done = true;
            continue;
        }
        let event: Value = serde_json::from_str(data).with_context(|| format!("event {data}"))?;
        let choice = &event["choices"][0];
        text += choice["delta"]["content"].as_str().unwrap_or_default();
        finished |= choice["finish_reason"].is_string();
    }
    ensure!(finished && done, "a stream without its end: {answer}");
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str) -> String {
        serde_json::json!({"choices": [{"message": {"content": text}}]}).to_string()
    }

    #[test]
    fn an_answer_that_lacks_a_value_is_refused() {
        let planted = Planted::new(3);
        let shape = Shape::default();
        let whole = model::answer_text(&planted.message());
        check(&planted, shape, answer(&whole).as_bytes(), Some(b"tokens")).unwrap();
        for value in planted.values() {
            let broken = answer(&whole.replace(value, "somebody"));
            check(&planted, shape, broken.as_bytes(), None).unwrap_err();
        }
        check(&planted, shape, answer(&whole.replace(' ', "")).as_bytes(), None).unwrap_err();
    }

    #[test]
    fn a_value_that_reached_the_upstream_is_refused() {
        let planted = Planted::new(3);
        let shape = Shape::default();
        let answer = answer(&model::answer_text(&planted.message()));
        for secret in planted.secrets() {
            let received = format!("... {secret} ...");
            check(&planted, shape, answer.as_bytes(), Some(received.as_bytes())).unwrap_err();
        }
    }

    #[test]
    fn a_stream_must_end() {
        let event = r#"data: {"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}"#;
        assert_eq!(streamed_text(format!("{event}\n\ndata: [DONE]\n\n").as_bytes()).unwrap(), "a");
        streamed_text(format!("{event}\n\n").as_bytes()).unwrap_err();
        streamed_text(b"data: [DONE]\n\n").unwrap_err();
    }
}
