//! The rows of the result, and their formatting.

use serde_json::{Value, json};

/// A goal.
#[derive(Clone, Copy, Debug)]
pub enum Reach {
    /// At most this.
    Most(f64),
    /// At most this, and at most this multiple of the floor.
    MostAndTimesFloor(f64, f64),
    /// At least this.
    Least(f64),
}

/// One measure.
#[derive(Clone, Debug)]
pub struct Row {
    /// The measure, with its unit.
    pub measure: String,
    /// The goal.
    pub reach: Reach,
    /// Masker's figure; `None` when it was not measured.
    pub masker: Option<f64>,
    /// The floor's figure, if it has one.
    pub floor: Option<f64>,
    /// A remark.
    pub note: String,
}

impl Row {
    /// A row without a note.
    pub fn new(measure: &str, reach: Reach, masker: f64, floor: Option<f64>) -> Self {
        Self { measure: measure.to_owned(), reach, masker: Some(masker), floor, note: String::new() }
    }

    /// A row that could not be measured, with the reason.
    pub fn missing(measure: &str, reach: Reach, note: &str) -> Self {
        Self { measure: measure.to_owned(), reach, masker: None, floor: None, note: note.to_owned() }
    }

    /// Adds a note.
    pub fn note(mut self, note: String) -> Self {
        self.note = note;
        self
    }

    /// Whether Masker reached the goal; `None` if it was not measured.
    pub fn reached(&self) -> Option<bool> {
        let masker = self.masker?;
        Some(match self.reach {
            Reach::Most(limit) => masker <= limit,
            Reach::Least(limit) => masker >= limit,
            Reach::MostAndTimesFloor(limit, times) => {
                masker <= limit && self.floor.is_none_or(|floor| masker <= times * floor)
            }
        })
    }

    fn ratio(&self) -> Option<f64> {
        Some(self.masker? / self.floor.filter(|floor| *floor > 0.0)?)
    }

    /// As JSON, for comparison of runs.
    pub fn json(&self) -> Value {
        json!({
            "measure": self.measure, "reach": self.reach_text(), "masker": self.masker, "floor": self.floor,
            "ratio": self.ratio(), "reached": self.reached(), "note": self.note,
        })
    }

    fn reach_text(&self) -> String {
        match self.reach {
            Reach::Most(limit) => format!("<= {}", figure(limit)),
            Reach::Least(limit) => format!(">= {}", figure(limit)),
            Reach::MostAndTimesFloor(limit, times) => format!("<= {}, {times} x", figure(limit)),
        }
    }

    fn cells(&self) -> [String; 7] {
        let number = |value: Option<f64>| value.map_or("-".to_owned(), figure);
        let reached = match self.reached() {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "-",
        };
        let masker = self.masker.map_or("not measured".to_owned(), figure);
        let ratio = self.ratio().map_or("-".to_owned(), |ratio| format!("{ratio:.2} x"));
        [
            self.measure.clone(),
            self.reach_text(),
            masker,
            number(self.floor),
            ratio,
            reached.to_owned(),
            self.note.clone(),
        ]
    }
}

/// The rows as a Markdown table with aligned columns.
pub fn render(rows: &[Row]) -> String {
    let head = ["measure", "reach", "masker", "floor", "masker/floor", "reached", "note"];
    let mut lines = vec![head.map(str::to_owned)];
    lines.extend(rows.iter().map(Row::cells));
    let widths: Vec<usize> = (0..head.len())
        .map(|column| lines.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0))
        .collect();
    let rule = widths.iter().map(|width| "-".repeat(*width)).collect::<Vec<_>>();
    let line = |cells: &[String]| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        format!("| {} |\n", padded.collect::<Vec<_>>().join(" | "))
    };
    let body = lines[1..].iter().map(|cells| line(cells));
    [line(&lines[0]), line(&rule)].into_iter().chain(body).collect()
}

/// Three significant digits, thousands with commas.
pub fn figure(value: f64) -> String {
    let size = value.abs();
    if size >= 1_000.0 {
        let digits = format!("{value:.0}");
        let (head, tail) = digits.split_at(digits.len() - 3);
        return format!("{head},{tail}");
    }
    let decimals = match size {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        for (value, expected) in
            [(0.4512, "0.451"), (0.45, "0.45"), (29_123.4, "29,123"), (40.0, "40"), (120.0, "120"), (0.0, "0")]
        {
            assert_eq!(figure(value), expected);
        }
    }

    #[test]
    fn reached_takes_the_stricter_of_limit_and_floor() {
        let reached =
            |masker, floor| Row::new("p50", Reach::MostAndTimesFloor(0.45, 2.5), masker, Some(floor)).reached();
        assert_eq!(reached(0.4, 0.19), Some(true));
        assert_eq!(reached(0.46, 0.19), Some(false));
        assert_eq!(reached(0.4, 0.1), Some(false));
        assert_eq!(Row::missing("a", Reach::Least(1.0), "why").reached(), None);
    }

    #[test]
    fn columns_line_up() {
        let rows = [Row::new("p50", Reach::Most(1.0), 0.5, None), Row::missing("longer", Reach::Least(2.0), "")];
        let table = render(&rows);
        let widths: Vec<usize> = table.lines().map(str::len).collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{table}");
    }
}
