//! The model's input for a word: about two dozen hashed features of it and its neighbours.
//!
//! The trainer and the plugin run this same code, so the model never meets a feature it was not trained on. Any change
//! here requires retraining: `manifest.txt` beside the weights records the [`VERSION`] they were trained with.

use crate::context::Context;
use crate::lexicon::{category, entry};
use crate::tokens::{Token, shape};

/// Increases with every change to the features.
pub const VERSION: u32 = 2;

/// Number of [`Token::EDGE`] tokens before the first and after the last word.
pub const PADDING: usize = 2;

/// The most features of one token; the model's sums rely on it.
pub const MOST: usize = 32;

/// The capitalisation of a whole message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// No capital anywhere: a transcript, a hasty message. Lower case is no evidence.
    Lower,
    /// Capitals in the usual places.
    Mixed,
    /// Nearly all capitals: they are no evidence.
    Upper,
}

const TITLE_AT_START: u8 = shape::NONE + 1;
const STYLE_STEP: u8 = 16;

/// Prepares padded, annotated tokens for [`each`].
pub fn prepare(tokens: &mut [Token]) {
    style_shapes(tokens);
    mark_numbers(tokens);
    mark_streets(tokens);
    mark_asked(tokens);
}

fn style_shapes(tokens: &mut [Token]) {
    let style = style(tokens);
    for token in tokens.iter_mut() {
        token.shape = match style {
            Style::Mixed if token.shape == shape::TITLE && token.gap.ends_sentence() => TITLE_AT_START,
            Style::Mixed => token.shape,
            Style::Lower => token.shape + STYLE_STEP,
            Style::Upper => token.shape + 2 * STYLE_STEP,
        };
    }
}

fn style(tokens: &[Token]) -> Style {
    let (mut lower, mut upper, mut title) = (0, 0, 0);
    for token in tokens {
        match token.shape {
            shape::LOWER | shape::LETTER => lower += 1,
            shape::UPPER => upper += 1,
            shape::TITLE | shape::MIXED => title += 1,
            _ => {}
        }
    }
    if upper + title == 0 {
        Style::Lower
    } else if upper >= 2 && upper > 2 * (lower + title) {
        Style::Upper
    } else {
        Style::Mixed
    }
}

/// What the lists say about it other than names: one of [`category`].
pub fn category_of(token: &Token) -> u16 {
    token.entry >> entry::CATEGORY & 15
}

/// Whether it is written with digits.
pub fn is_number(token: &Token) -> bool {
    matches!(token.shape % STYLE_STEP, shape::DIGITS_2..=shape::ALNUM)
}

/// Whether it begins with a capital, or the message has none.
pub fn is_capital(token: &Token) -> bool {
    let lower = token.shape / STYLE_STEP == 1 && token.shape % STYLE_STEP <= shape::CAPITAL;
    let capital = matches!(token.shape % STYLE_STEP, shape::TITLE | shape::UPPER | shape::MIXED | shape::CAPITAL);
    lower || capital || token.shape % STYLE_STEP == TITLE_AT_START
}

/// A house number is at most three words before the street words.
fn mark_numbers(tokens: &mut [Token]) {
    let mut since = 4;
    for token in tokens.iter_mut() {
        token.near = since;
        since = if is_number(token) || category_of(token) == category::NUMBER { 1 } else { (since + 1).min(4) };
    }
}

/// What the preceding words ask for or announce ("the name on it is ..."), and how long ago: at most six words.
fn mark_asked(tokens: &mut [Token]) {
    let (mut asked, mut since) = (0, 0);
    for token in tokens.iter_mut() {
        token.asked = if asked == 0 || since > 6 { 0 } else { asked | if since > 3 { 16 } else { 8 } };
        since += 1;
        let own = (token.entry >> entry::ASK) as u8 & 7;
        if own != 0 {
            (asked, since) = (own, 1);
        }
    }
}

fn mark_streets(tokens: &mut [Token]) {
    let mut until = 4;
    for token in tokens.iter_mut().rev() {
        token.near |= until << 4;
        until = if category_of(token) == category::STREET { 1 } else { (until + 1).min(4) };
    }
}

/// A feature: its subject (`template`) and two values. 64 bits, so that collisions do not matter in practice.
#[inline(always)]
fn mix(template: u64, a: u64, b: u64) -> u64 {
    let hash = (a ^ template.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ (hash >> 29) ^ b).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 32)
}

/// Name, place, frequency and category of a word.
#[inline(always)]
fn class(token: &Token) -> u64 {
    u64::from(token.entry & 0xfff) | u64::from(token.place) << 12
}

/// A coarser version: given name, family name, place or ordinary word; and its category.
#[inline(always)]
fn coarse(token: &Token) -> u64 {
    let word = u64::from(token.entry);
    let any = |at: u32| u64::from(word >> at & 3 != 0);
    any(entry::FIRST)
        | any(entry::LAST) << 1
        | any(entry::PLACE) << 2
        | (word >> entry::COMMON & 2) << 2
        | (word >> entry::CATEGORY & 15) << 5
}

/// Passes every feature of the word at `at` of the padded tokens.
#[inline(always)]
pub fn each(tokens: &[Token], at: usize, context: Context, mut emit: impl FnMut(u64)) {
    let Some([before_2, before, this, after, after_2]) = tokens.get(at - PADDING..at + PADDING + 1) else { return };
    let shape = u64::from(this.shape);
    let gap = this.gap as u64;
    let gap_after = after.gap as u64;
    let class_0 = class(this);
    let class_before = class(before);
    let class_after = class(after);
    let coarse_0 = coarse(this);
    let context = u64::from(context.0);

    emit(mix(1, this.word, 0));
    emit(mix(2, this.word, shape));
    emit(mix(3, before.full, gap));
    emit(mix(4, after.full, gap_after));
    emit(mix(5, before.full, this.word));
    emit(mix(6, this.word, after.full));
    emit(mix(7, before_2.full, before.full));
    emit(mix(8, after.full, after_2.full));
    emit(mix(9, u64::from(this.tail & 0xff_ffff), shape));
    emit(mix(10, u64::from(this.head), 0));
    emit(mix(11, u64::from(this.tail), coarse_0));
    emit(mix(12, class_0, shape));
    emit(mix(13, class_before | gap << 16, class_0));
    emit(mix(14, class_0 | gap_after << 16, class_after));
    emit(mix(15, u64::from(before.shape) | shape << 8 | u64::from(after.shape) << 16, gap | gap_after << 8));
    emit(mix(16, context, this.word));
    emit(mix(17, context, class_0 | shape << 16));
    emit(mix(18, context | position(tokens, at) << 8, coarse_0 | shape << 16));
    emit(mix(19, before.full, class_0));
    emit(mix(20, after.full, class_0));
    emit(mix(21, before_2.full ^ before.full.rotate_left(17), coarse_0));
    emit(mix(22, context, before.full));
    emit(mix(23, u64::from(this.near) | shape << 8, coarse_0));
    emit(mix(24, before_2.full, coarse_0));
    emit(mix(25, coarse(before) | coarse(after) << 16, coarse_0));
    emit(mix(
        26,
        u64::from(before_2.shape) | u64::from(before.shape) << 8,
        shape | u64::from(after.shape) << 8 | u64::from(after_2.shape) << 16,
    ));
    emit(mix(27, coarse(before_2) | coarse(before) << 16, coarse_0));
    emit(mix(28, coarse(after_2) | coarse(after) << 16, coarse_0));
    emit(mix(29, u64::from(this.asked), coarse_0 | shape << 16));
}

/// The position in the message: among the first words, among the last, and the message length.
#[inline(always)]
fn position(tokens: &[Token], at: usize) -> u64 {
    let count = tokens.len() - 2 * PADDING;
    let from_start = (at - PADDING).min(3) as u64;
    let from_end = (count + PADDING - 1 - at).min(2) as u64;
    let length = match count {
        0..=5 => count as u64,
        6..=8 => 6,
        9..=14 => 7,
        _ => 8,
    };
    from_start | from_end << 2 | length << 4
}
