//! Puts the number at the end of a message into the part of its answer named by the beginning: `start 3125550147`.
use masker_guests::sdk::{Error, Finding};
masker_guests::guest!("repeats", |messages| {
    let said = &messages.iter().find(|message| message.search).unwrap().text;
    let (part, number) = said.split_once(' ').unwrap();
    let (text, value) = (number.to_owned(), number.parse::<usize>().unwrap());
    let mut finding = Finding::new(0, 0..1, "NAME", 0.5);
    match part {
        "message" => finding.message = value,
        "start" => finding.span.start = value,
        "end" => finding.span.end = value,
        "kind" => finding.kind = text.into(),
        "confidence" => finding.confidence = value as f32,
        "action" => finding.action = Some(text),
        "replacement" => finding.replacement = Some(text.repeat(30)),
        "error" => return Err(Error { code: text.clone(), message: text.clone(), path: Some(text) }),
        _ => panic!("{value}"),
    }
    Ok(vec![finding])
});
