//! Page content, in points from the upper left corner, and assembly of the pages into a document.

use lopdf::Document;
use printpdf::{
    Color, FontId, Mm, Op, PaintMode, PdfDocument, PdfFontHandle, PdfPage, PdfSaveOptions, Point, Pt, Rect, Rgb,
    TextItem, WindingOrder,
};

use super::typeface::{Face, Fonts};

/// Width of A4, in points.
pub const WIDTH: f32 = 595.28;
/// Height of A4, in points.
pub const HEIGHT: f32 = 841.89;

/// A colour: red, green, blue, each from 0 to 255.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ink(pub u8, pub u8, pub u8);

impl Ink {
    /// Text.
    pub const TEXT: Self = Self(28, 36, 44);
    /// Secondary text.
    pub const MUTED: Self = Self(98, 109, 120);
    /// Titles, bars.
    pub const ACCENT: Self = Self(13, 92, 99);
    /// Background of highlights.
    pub const TINT: Self = Self(237, 243, 243);
    /// Lines.
    pub const RULE: Self = Self(208, 215, 220);
    /// Good status.
    pub const GOOD: Self = Self(24, 110, 70);
    /// Medium status.
    pub const FAIR: Self = Self(150, 96, 10);
    /// Bad status.
    pub const BAD: Self = Self(160, 40, 40);
    /// Paper white.
    pub const WHITE: Self = Self(255, 255, 255);

    fn color(self) -> Color {
        let part = |value: u8| f32::from(value) / 255.0;
        Color::Rgb(Rgb { r: part(self.0), g: part(self.1), b: part(self.2), icc_profile: None })
    }
}

/// A text style.
#[derive(Clone, Copy)]
pub struct Style {
    /// The font.
    pub face: Face,
    /// Points.
    pub size: f32,
    /// Colour.
    pub ink: Ink,
}

/// An item on a page.
pub enum Mark {
    /// A line of text; `y` is its baseline.
    Text { x: f32, y: f32, style: Style, text: String },
    /// A filled rectangle.
    Fill { x: f32, y: f32, width: f32, height: f32, ink: Ink },
}

/// A page.
#[derive(Default)]
pub struct Page(Vec<Mark>);

impl Page {
    /// Adds a line of text with its baseline at `y`.
    pub fn text(&mut self, x: f32, y: f32, style: Style, text: impl Into<String>) {
        self.0.push(Mark::Text { x, y, style, text: text.into() });
    }

    /// Adds a filled rectangle.
    pub fn fill(&mut self, x: f32, y: f32, width: f32, height: f32, ink: Ink) {
        self.0.push(Mark::Fill { x, y, width, height, ink });
    }

    fn ops(self, fonts: &[FontId; 3]) -> Vec<Op> {
        self.0.into_iter().flat_map(|mark| ops(mark, fonts)).collect()
    }
}

fn ops(mark: Mark, fonts: &[FontId; 3]) -> Vec<Op> {
    match mark {
        Mark::Text { x, y, style, text } => {
            let font = PdfFontHandle::External(fonts[style.face as usize].clone());
            vec![
                Op::StartTextSection,
                Op::SetTextCursor { pos: Point { x: Pt(x), y: Pt(HEIGHT - y) } },
                Op::SetFont { font, size: Pt(style.size) },
                Op::SetFillColor { col: style.ink.color() },
                Op::ShowText { items: vec![TextItem::Text(text)] },
                Op::EndTextSection,
            ]
        }
        Mark::Fill { x, y, width, height, ink } => {
            let rectangle = Rect {
                x: Pt(x),
                y: Pt(HEIGHT - y - height),
                width: Pt(width),
                height: Pt(height),
                mode: Some(PaintMode::Fill),
                winding_order: Some(WindingOrder::NonZero),
            };
            vec![Op::SetFillColor { col: ink.color() }, Op::DrawRectangle { rectangle }]
        }
    }
}

/// Assembles the pages into a document.
pub fn assemble(fonts: &Fonts, pages: Vec<Page>, title: &str) -> Document {
    let mut document = PdfDocument::new(title);
    let faces = [Face::Regular, Face::Bold, Face::Mono];
    let ids = faces.map(|face| document.add_font(fonts.font(face)));
    let (width, height) = (Mm::from(Pt(WIDTH)), Mm::from(Pt(HEIGHT)));
    let pages = pages.into_iter().map(|page| PdfPage::new(width, height, page.ops(&ids))).collect();
    document.with_pages(pages);
    document.to_lopdf_document(&PdfSaveOptions::default(), &mut Vec::new())
}
