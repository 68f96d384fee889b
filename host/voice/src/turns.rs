//! Builds a conversation from the segments of each channel.

use serde::Serialize;

use super::asr::Segment;

/// Speaker.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The caller.
    Caller,
    /// The recorded agent.
    Agent,
}

/// A turn: what one side says until the other speaks.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Turn {
    /// Start, in seconds from the beginning of the recording.
    pub at: f64,
    /// End, in seconds from the beginning of the recording.
    pub until: f64,
    /// Speaker.
    pub side: Side,
    /// Text.
    pub text: String,
}

/// Orders segments and merges those of one side that are less than `pause` seconds apart into a turn, as voice
/// platforms do.
pub fn of(segments: impl IntoIterator<Item = (Side, Segment)>, pause: f64) -> Vec<Turn> {
    let mut segments: Vec<_> = segments.into_iter().collect();
    segments.sort_by(|a, b| a.1.start.total_cmp(&b.1.start));
    let mut turns: Vec<Turn> = Vec::new();
    for (side, Segment { start, end, text }) in segments {
        match turns.last_mut() {
            Some(last) if last.side == side && start - last.until < pause => {
                last.text.push(' ');
                last.text.push_str(&text);
                last.until = last.until.max(end);
            }
            _ => turns.push(Turn { at: start, until: end, side, text }),
        }
    }
    turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_of_both_sides_become_turns_in_order() {
        let say = |side, start: f64, end: f64, text: &str| (side, Segment { start, end, text: text.into() });
        let turns = of(
            [
                say(Side::Caller, 3.0, 4.0, "my name is"),
                say(Side::Caller, 4.3, 5.0, "ann lee"),
                say(Side::Caller, 9.0, 9.5, "yes"),
                say(Side::Agent, 0.0, 2.5, "how can i help"),
                say(Side::Agent, 5.5, 6.0, "thanks"),
            ],
            0.8,
        );
        let said: Vec<_> = turns.iter().map(|turn| (turn.side, turn.text.as_str())).collect();
        assert_eq!(
            said,
            [
                (Side::Agent, "how can i help"),
                (Side::Caller, "my name is ann lee"),
                (Side::Agent, "thanks"),
                (Side::Caller, "yes")
            ]
        );
        assert_eq!((turns[1].at, turns[1].until), (3.0, 5.0));
        assert!(of([], 0.8).is_empty());
    }
}
