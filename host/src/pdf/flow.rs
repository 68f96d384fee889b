//! Page layout from top to bottom: headings, paragraphs, tables with a repeated header row, bars.

use super::page::{HEIGHT, Ink, Page, Style, WIDTH};
use super::typeface::{Face, Fonts};

const LEFT: f32 = 54.0;
const TOP: f32 = 64.0;
const BOTTOM: f32 = HEIGHT - 58.0;
/// Width of the text area, in points.
pub const MEASURE: f32 = WIDTH - 2.0 * LEFT;
/// Line height as a multiple of the font size.
const LEADING: f32 = 1.38;
/// Vertical padding of a row.
const PAD: f32 = 3.2;
/// Horizontal padding of a cell.
const GUTTER: f32 = 5.0;

/// Body text.
pub const BODY: Style = Style { face: Face::Regular, size: 8.6, ink: Ink::TEXT };
/// Secondary body text.
pub const NOTE: Style = Style { face: Face::Regular, size: 7.6, ink: Ink::MUTED };
/// IDs and hashes.
pub const CODE: Style = Style { face: Face::Mono, size: 6.9, ink: Ink::TEXT };
const HEAD: Style = Style { face: Face::Bold, size: 7.4, ink: Ink::MUTED };

/// A cell of a table.
pub struct Cell {
    text: String,
    style: Style,
    right: bool,
}

impl Cell {
    /// Text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), style: BODY, right: false }
    }

    /// An ID or a hash.
    pub fn code(text: impl Into<String>) -> Self {
        Self { style: CODE, ..Self::text(text) }
    }

    /// A right-aligned number.
    pub fn number(number: u64) -> Self {
        Self { right: true, ..Self::text(grouped(number)) }
    }

    /// Makes the text bold, in this colour.
    pub fn bold(mut self, ink: Ink) -> Self {
        self.style = Style { face: Face::Bold, ink, ..self.style };
        self
    }

    /// Makes the text smaller and lighter.
    pub fn quiet(mut self) -> Self {
        self.style = NOTE;
        self
    }
}

/// A column: its title and its share of the width.
pub struct Column(pub &'static str, pub f32);

/// A document under construction.
pub struct Flow<'f> {
    fonts: &'f Fonts,
    id: String,
    pages: Vec<Page>,
    y: f32,
    sections: u32,
    is_missing: bool,
}

impl<'f> Flow<'f> {
    /// Starts a document with an empty page.
    pub fn new(fonts: &'f Fonts, id: &str) -> Self {
        Self { fonts, id: id.to_owned(), pages: vec![Page::default()], y: TOP, sections: 0, is_missing: false }
    }

    /// Adds the footers and returns the pages.
    pub fn finish(mut self) -> Vec<Page> {
        if self.is_missing {
            self.gap(10.0);
            self.paragraph(NOTE, "� replaces a character that is not in this document's fonts; see the attached JSON.");
        }
        let count = self.pages.len();
        for (number, page) in self.pages.iter_mut().enumerate() {
            let (fonts, line) = (self.fonts, HEIGHT - 34.0);
            page.fill(LEFT, HEIGHT - 46.0, MEASURE, 0.5, Ink::RULE);
            page.text(
                LEFT,
                line,
                Style { face: Face::Mono, size: 6.6, ink: Ink::MUTED },
                format!("report {}", self.id),
            );
            let number = format!("page {} of {count}", number + 1);
            let style = Style { size: 7.2, ..NOTE };
            page.text(LEFT + MEASURE - fonts.width(style.face, style.size, &number), line, style, number);
        }
        self.pages
    }

    /// Adds vertical space.
    pub fn gap(&mut self, points: f32) {
        self.y += points;
    }

    /// Starts a new page.
    pub fn page_break(&mut self) {
        self.pages.push(Page::default());
        self.y = TOP;
    }

    /// Starts a new page unless this height fits on the current one.
    fn need(&mut self, points: f32) {
        if self.y + points > BOTTOM {
            self.page_break();
        }
    }

    fn page(&mut self) -> &mut Page {
        if self.pages.is_empty() {
            self.pages.push(Page::default());
        }
        let last = self.pages.len() - 1;
        &mut self.pages[last]
    }

    fn printable(&mut self, style: Style, text: &str) -> String {
        let parts: Vec<_> = text.split('\n').map(|line| self.fonts.printable(style.face, line)).collect();
        self.is_missing |= parts.iter().any(|(_, missing)| *missing);
        parts.into_iter().map(|(line, _)| line).collect::<Vec<_>>().join("\n")
    }

    /// The title of the document.
    pub fn title(&mut self, title: &str, subtitle: &str) {
        self.page().fill(0.0, 0.0, WIDTH, 118.0, Ink::ACCENT);
        let white = |face, size| Style { face, size, ink: Ink::WHITE };
        self.page().text(LEFT, 54.0, white(Face::Bold, 9.0), "MASKER");
        self.page().text(LEFT, 80.0, white(Face::Bold, 21.0), title);
        let subtitle = self.printable(BODY, subtitle);
        let subtitle = self.fonts.lines(Face::Regular, 10.0, MEASURE, &subtitle).swap_remove(0);
        self.page().text(LEFT, 99.0, white(Face::Regular, 10.0), subtitle);
        self.y = 140.0;
    }

    /// Starts a numbered section.
    pub fn section(&mut self, title: &str) {
        self.sections += 1;
        self.need(118.0);
        if self.y > TOP {
            self.y += 18.0;
        }
        let number = format!("{}", self.sections);
        let (y, style) = (self.y + 12.0, Style { face: Face::Bold, size: 13.0, ink: Ink::ACCENT });
        self.page().text(LEFT, y, style, number);
        self.page().text(LEFT + 24.0, y, style, title);
        self.y += 20.0;
        let y = self.y;
        self.page().fill(LEFT, y, MEASURE, 0.8, Ink::ACCENT);
        self.y += 8.0;
    }

    /// Adds a subheading.
    pub fn heading(&mut self, title: &str) {
        self.need(74.0);
        let style = Style { face: Face::Bold, size: 9.2, ink: Ink::TEXT };
        let title = self.printable(style, title);
        self.y += 9.0;
        let y = self.y + 9.0;
        self.page().text(LEFT, y, style, title);
        self.y += 14.0;
    }

    /// Adds text, broken into lines and pages.
    pub fn paragraph(&mut self, style: Style, text: &str) {
        let text = self.printable(style, text);
        let leading = style.size * LEADING;
        for line in self.fonts.lines(style.face, style.size, MEASURE, &text) {
            self.need(leading);
            self.y += leading;
            let y = self.y - style.size * 0.3;
            self.page().text(LEFT, y, style, line);
        }
        self.y += 3.0;
    }

    /// Adds a row of large figures.
    pub fn tiles(&mut self, tiles: &[(String, &str, Ink)]) {
        self.need(58.0);
        let gap = 8.0;
        let count = tiles.len().max(1) as f32;
        let width = (MEASURE - gap * (count - 1.0)) / count;
        let y = self.y;
        for (at, (figure, label, ink)) in tiles.iter().enumerate() {
            let x = LEFT + at as f32 * (width + gap);
            self.page().fill(x, y, width, 48.0, Ink::TINT);
            self.page().text(x + 9.0, y + 25.0, Style { face: Face::Bold, size: 17.0, ink: *ink }, figure.clone());
            self.page().text(x + 9.0, y + 39.0, NOTE, *label);
        }
        self.y += 56.0;
    }

    /// Adds a table. Its header row is repeated on every page.
    pub fn table(&mut self, columns: &[Column], rows: Vec<Vec<Cell>>) {
        let all: f32 = columns.iter().map(|column| column.1).sum();
        let widths: Vec<f32> = columns.iter().map(|column| column.1 / all * MEASURE).collect();
        self.need(34.0);
        self.head(columns, &widths);
        for row in rows {
            self.row(columns, &widths, row);
        }
        self.y += 4.0;
    }

    fn head(&mut self, columns: &[Column], widths: &[f32]) {
        let (mut x, y) = (LEFT, self.y + 10.0);
        for (Column(title, _), width) in columns.iter().zip(widths) {
            self.page().text(x, y, HEAD, *title);
            x += width;
        }
        self.y += 14.5;
        let y = self.y;
        self.page().fill(LEFT, y, MEASURE, 0.7, Ink::RULE);
        self.y += 0.7;
    }

    fn row(&mut self, columns: &[Column], widths: &[f32], cells: Vec<Cell>) {
        let mut lines: Vec<(Vec<String>, Style, bool)> = Vec::new();
        for (cell, width) in cells.into_iter().zip(widths) {
            let text = self.printable(cell.style, &cell.text);
            let broken = self.fonts.lines(cell.style.face, cell.style.size, width - GUTTER, &text);
            lines.push((broken, cell.style, cell.right));
        }
        let leading = BODY.size * LEADING;
        let most = lines.iter().map(|(lines, ..)| lines.len()).max().unwrap_or(1);
        let room = |flow: &Self| (((BOTTOM - flow.y - 2.0 * PAD) / leading).floor().max(0.0)) as usize;
        let mut at = 0;
        while at < most {
            // A row that is taller than a page continues on the next one.
            if room(self) < (most - at).min(3) {
                self.page_break();
                self.head(columns, widths);
            }
            let take = (most - at).min(room(self).max(1));
            let (mut x, top) = (LEFT, self.y + PAD);
            for ((lines, style, right), width) in lines.iter().zip(widths) {
                for (number, line) in lines.iter().skip(at).take(take).enumerate() {
                    let own = self.fonts.width(style.face, style.size, line);
                    let shift = if *right { (width - GUTTER * 2.0 - own).max(0.0) } else { 0.0 };
                    let y = top + number as f32 * leading + BODY.size;
                    self.page().text(x + shift, y, *style, line.clone());
                }
                x += width;
            }
            self.y += take as f32 * leading + 2.0 * PAD;
            at += take;
        }
        let y = self.y;
        self.page().fill(LEFT, y, MEASURE, 0.4, Ink::RULE);
        self.y += 0.4;
    }

    /// Adds horizontal bars in the given order.
    pub fn bars(&mut self, bars: &[(String, u64)]) {
        let most = bars.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1);
        for (label, count) in bars {
            self.need(15.0);
            let label = self.printable(BODY, label);
            let y = self.y;
            let length = (MEASURE - 190.0) * (*count as f32 / most as f32);
            self.page().text(LEFT, y + 10.0, BODY, label);
            self.page().fill(LEFT + 130.0, y + 2.5, length.max(1.0), 9.0, Ink::ACCENT);
            self.page().text(LEFT + 136.0 + length, y + 10.0, NOTE, grouped(*count));
            self.y += 15.0;
        }
        self.y += 3.0;
    }
}

/// Formats `1234567` as `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn a_row_longer_than_a_page_goes_on_and_ends() {
        let fonts = Fonts::load().expect("the fonts of this build");
        let mut flow = Flow::new(&fonts, "rep_x");
        let long = "line\n".repeat(300);
        flow.table(&[Column("A", 1.0), Column("B", 1.0)], vec![vec![Cell::text("x"), Cell::text(long)]]);
        let pages = flow.finish().len();
        assert!((4..8).contains(&pages), "{pages}");
    }
}
