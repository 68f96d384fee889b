//! Tables of possible model output, each read whole, split at every position and in chunks of every size.

use proptest::prelude::*;

use super::*;

const TEXT: ScanMode = ScanMode { json: false, compact: false };
const COMPACT: ScanMode = ScanMode { json: false, compact: true };
const JSON: ScanMode = ScanMode { json: true, compact: false };
const JSON_COMPACT: ScanMode = ScanMode { json: true, compact: true };

/// A vault token.
const V: &str = "MSKV1.NAME.K_HEALTHCARE.K3F7Q2ZTABCDEFGHIJKLMNOPQA";

/// Like a stream: chunks on the fast path are not pushed.
fn scan_passing(mode: ScanMode, finish: FinishReason, chunks: &[&str]) -> String {
    let mut scanner = Scanner::new(mode);
    let mut pieces = Vec::new();
    for chunk in chunks {
        match scanner.passes(chunk) {
            true => pieces.push(Scanned::Text((*chunk).to_owned())),
            false => scanner.push_into(chunk, &mut pieces),
        }
    }
    pieces.extend(scanner.finish(finish));
    show(&pieces)
}

/// The scanner's result for a text: tokens as `<KIND>`, followed by their tail in `{}`; fragments as `<?KIND>`.
fn scan(mode: ScanMode, finish: FinishReason, chunks: &[&str]) -> String {
    let mut scanner = Scanner::new(mode);
    let mut pieces = Vec::new();
    for chunk in chunks {
        scanner.push_into(chunk, &mut pieces);
    }
    pieces.extend(scanner.finish(finish));
    show(&pieces)
}

fn show(pieces: &[Scanned]) -> String {
    let mut out = String::new();
    for piece in pieces {
        match piece {
            Scanned::Text(text) => out.push_str(text),
            Scanned::Token(token) => {
                if let AnyToken::Long(long) = &token.found {
                    assert_eq!(Token::parse(&long.text()).as_ref(), Some(long), "what was found is a token");
                }
                let (kind, view) = (token.kind(), token.view.map(|view| format!(".{view}")).unwrap_or_default());
                out.push_str(&format!("<{kind}{view}>"));
                if !token.tail.is_empty() {
                    out.push_str(&format!("{{{}}}", token.tail));
                }
            }
            Scanned::Fragment { kind: Some(kind), .. } => out.push_str(&format!("<?{kind}>")),
            Scanned::Fragment { kind: None, .. } => out.push_str("<?>"),
            Scanned::Dropped { .. } => {}
        }
    }
    out
}

/// The text in chunks of `size` characters.
fn pieces_of(text: &str, size: usize) -> Vec<&str> {
    let mut ends: Vec<usize> = text.char_indices().map(|(at, _)| at).step_by(size).collect();
    ends.push(text.len());
    ends.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect()
}

/// The result does not depend on how the text is split.
fn check_as(mode: ScanMode, finish: FinishReason, text: &str, expected: &str) {
    assert_eq!(scan(mode, finish, &[text]), expected, "whole: {text:?}");
    for cut in (0..=text.len()).filter(|cut| text.is_char_boundary(*cut)) {
        assert_eq!(scan(mode, finish, &[&text[..cut], &text[cut..]]), expected, "cut at {cut}: {text:?}");
    }
    for size in 1..=text.chars().count().min(40) {
        assert_eq!(scan(mode, finish, &pieces_of(text, size)), expected, "in pieces of {size}: {text:?}");
    }
}

fn check(text: &str, expected: &str) {
    check_as(TEXT, FinishReason::Stop, text, expected);
}

#[test]
fn a_token_is_found_in_text() {
    check(V, "<NAME>");
    check(&format!("Hello {V}, how are you?"), "Hello <NAME>, how are you?");
    check(&format!("{V} {V}"), "<NAME> <NAME>");
    check(&format!("{V}{V}"), "<NAME><NAME>");
    check(&format!("({V})."), "(<NAME>).");
    check(&format!("Dr.{V}'s"), "Dr.<NAME>'s");
    check(&format!("{V}さん、こんにちは"), "<NAME>さん、こんにちは");
    check(&format!("alias{V}"), "alias<NAME>");
    check(&format!("{V}\nMSK"), "<NAME>\nMSK");
}

#[test]
fn a_view_follows_a_token() {
    check(&format!("{V}.last4"), "<NAME.last4>");
    check(&format!("It ends in {V}.last4, is it yours?"), "It ends in <NAME.last4>, is it yours?");
    check(&format!("{V}.SPELLED. And {V}.given {V}.family."), "<NAME.spelled>. And <NAME.given> <NAME.family>.");
    check(&format!("{V}&#46;last4 {V}\\.last4"), "<NAME.last4> <NAME.last4>");
    // Anything else after a dot belongs to the sentence.
    for rest in [". Last4", ".", ".lasting", ".last4s", ".last", ".Then we left", ".. last4", ".com", ".unknown_view"] {
        check(&format!("{V}{rest}"), &format!("<NAME>{rest}"));
    }
    check(&format!("{V}s.last4"), "<NAME>{s}.last4");
    check(&format!("{V}.{V}"), "<NAME>.<NAME>");
    let compact = |text: &str, expected: &str| check_as(COMPACT, FinishReason::Stop, text, expected);
    compact("[SSN_4.last4]", "<SSN.last4>");
    compact("ends in [SSN_4.last4], [name_12 . Spelled].", "ends in <SSN.last4>, <NAME.spelled>.");
    // An unknown view means the whole value.
    compact("[SSN_4.nothing]", "<SSN>");
    compact("[SSN_4].last4", "<SSN>.last4");
    compact("[x_1.5] [a_2.b]", "[x_1.5] [a_2.b]");
    compact("[SSN_4.last4", "<?SSN>");
}

#[test]
fn ordinary_text_comes_through() {
    for text in [
        "Omsk",
        "Omsk. Name. Key. Value.",
        "Omsk and Tomsk",
        "at 10:00 MSK tomorrow",
        "at ten MSK 1. The doctor is in.",
        "MSK",
        "MSKV",
        "MSKV1",
        "MSKV1 is the scheme",
        "mmmmMMSK mskmsk",
        "msk.ru and www.msk.ru.com",
        "Omsk1. Then we left.",
        "Ms. Smith and Ms Kelly",
        "I'm so sorry, mom. Am I? M S K",
        "[1] [NAME_1] [link](url) [REDACTED:NAME]",
        "&amp; &lt;b&gt; R&D &#9731; & &#",
        "C:\\users\\mskv1 \\u \\u12 \\\\",
        "100% %4 %2E",
        "a \u{200B}b\u{FEFF}c \u{FF2D}\u{FF4D} ＭＳ",
        "MSK V 1",
        "",
    ] {
        check(text, text);
    }
}

#[test]
fn a_mangled_token_is_still_that_token() {
    let dots = |dot: &str| V.replace('.', dot);
    let spread = |by: &str| V.chars().map(String::from).collect::<Vec<_>>().join(by);
    let each = |f: fn(char) -> String| V.chars().map(f).collect::<String>();
    let variants = [
        V.to_lowercase(),
        each(|c| if (c as u32).is_multiple_of(2) { c.to_lowercase().collect() } else { c.to_string() }),
        dots(" . "),
        dots("\n.\n"),
        dots("&#46;"),
        dots("&period;"),
        dots("&#x2e;"),
        dots("&amp;#46;"),
        dots("\\."),
        dots("\u{FF0E}"),
        dots("`.`"),
        dots("**.**"),
        dots("\\u002e"),
        dots("%2E"),
        V.replace('_', "\\_"),
        V.replace('_', "&lowbar;"),
        V.replace('_', "&#95;"),
        V.replace('_', " _ "),
        spread(" "),
        spread("\u{200B}"),
        spread("\u{2060}\u{FEFF}"),
        spread("\n"),
        spread(" ").to_lowercase(),
        each(|c| char::from_u32(c as u32 + 0xFEE0).map(String::from).unwrap_or_default()),
        each(|c| format!("&#{};", c as u32)),
        each(|c| format!("\\u{:04x}", c as u32)),
        V.replace("K3F7Q2ZT", "K3F7 Q2ZT "),
        V.replace("K3F7Q2ZT", "K3F7\nQ2ZT\n"),
        V.replace("K3F7Q2ZT", "K3F7-Q2ZT-"),
        V.replace("K3F7Q2ZT", "k3f7q2zt ").to_lowercase(),
        V.replace("MSKV1", "MSK V1"),
        V.replace("MSKV1", "M S K V 1"),
    ];
    for variant in variants {
        check(&format!("Hi {variant}, bye"), "Hi <NAME>, bye");
        check(&format!("**{variant}** now"), "**<NAME>** now");
        check(&format!("\"{variant}\""), "\"<NAME>\"");
        check(&format!("`{variant}`"), "`<NAME>`");
        check_as(TEXT, FinishReason::Length, &variant, "<NAME>");
        check_as(TEXT, FinishReason::Broken, &variant, "<NAME>");
    }
}

#[test]
fn a_made_up_token_is_dropped_and_the_sentence_goes_on() {
    check("MSKV1.NAME.K_HEALTHCARE.JOHN said hello to everyone here", "<?NAME> said hello to everyone here");
    check("mskv1.name.k_healthcare.john said hello to everyone here", "<?NAME> said hello to everyone here");
    check("MSKV1.NAME.K_HEALTHCARE.JOHN. Hello.", "<?NAME>. Hello.");
    check("MSKV1.NAME.K_HEALTHCARE.JOHN, hello", "<?NAME>, hello");
    check("MSKV1.NAME.K_HEALTHCARE.John Smith is here", "<?NAME> Smith is here");
    check("MSKV1.NAME.K_HEALTHCARE.123 said", "<?NAME> said");
    check("MSKV1.NAME.K_HEALTHCARE. Hello there", "<?NAME> Hello there");
    check("MSKV1.NAME.K_HEALTHCARE.K3F7 Q2ZT said hello", "<?NAME> said hello");
    check("mskv1.name.k_healthcare.k3f7 qzta b2cd said hello.", "<?NAME> said hello.");
    check("MSKV1.NAME.K_HEALTHCARE.K 3 F 7 Q said hello", "<?NAME> said hello");
    check("MSKV1.NAME.K_HEALTHCARE.K3F8Q2ZTABCDEFGHIJKLMNOPQA said", "<?NAME> said");
    check("MSKV1.NAME.K_HEALTHCARE.K3F7/Q2ZT/ABCDE said", "<?NAME> said");
    check("MSKV1.NAME: who", "<?>: who");
    check("MSKV1.NAME.K:K3F7Q2ZTABCDEFGHIJKLMNOPQA who", "<?NAME> who");
    check("MSKV1. Hello there", "<?> Hello there");
    check("MSKV1.NAME hello there", "<?> hello there");
    check("MSKV1.NAME.K_HEALTHCARE hello. there. you", "<?NAME> hello. there. you");
    check("MSKV2.NAME.K_HEALTHCARE.K3F7Q2ZTABCDEFGHIJKLMNOPQA and", "<?NAME> and");
    check("MSK1.NAME.K_HEALTHCARE.JOHN said hello to everyone here", "<?NAME> said hello to everyone here");
    check("MSKV1.NAME.K_HEALTHCARE.ABCDEFGHIJKLMNOPQRSTUVWXYZ234567 and", "<?NAME> and");
    check("MSKV1.NAME.K_HEALTHCARE.ABCDEFGHIJKLMNOPQRSTUVWXYA234567 and", "<NAME>{234567} and");
    check("MSKV.NAME.K_HEALTHCARE.K3F7Q2ZTABCDEFGHIJKLMNOPQA and", "<?NAME> and");
    // The end of the made-up value cannot be known here, so the token after it is dropped with it.
    check(&format!("MSKV1.NAME.K.JOHN{V} and"), "<?NAME> and");
    check(&format!("MSKV1.NAME.K.JOHN {V} and"), "<?NAME> <NAME> and");
    check(&format!("MSKV1.NA{V} and"), "<?NAMSKV1> and");
}

#[test]
fn a_token_that_was_cut_off_is_dropped() {
    for cut in 1..V.len() {
        let text = format!("Hi {}", &V[..cut]);
        let stop = match cut {
            1..=5 => text.clone(),
            6..=10 => "Hi <?>".to_owned(),
            _ => "Hi <?NAME>".to_owned(),
        };
        check(&text, &stop);
        let cut_off = if (3..=5).contains(&cut) { "Hi ".to_owned() } else { stop };
        check_as(TEXT, FinishReason::Length, &text, &cut_off);
        check_as(TEXT, FinishReason::Broken, &text, &cut_off);
    }
    check_as(TEXT, FinishReason::Length, "Omsk", "Omsk");
    check_as(TEXT, FinishReason::Length, "m s k v 1 . n a", "<?>");
    check_as(TEXT, FinishReason::Length, "mskv1.name.k_healthcare.k3f7 qz", "<?NAME>");
}

#[test]
fn an_aead_token_says_how_long_it_is() {
    let a = "MSK1.NAME.K_HEALTHCARE.AFWVL2GA7U3EIOZXJVLKOIR7JGS66LBQXZXLHR5YPKMMFY32P7O73LSF3IIOK25AWM6A";
    let (head, value) = a.split_at(23);
    let groups = |size: usize, by: &str| format!("{head}{}", pieces_of(value, size).join(by));
    let variants = [
        a.to_owned(),
        a.to_lowercase(),
        groups(4, " "),
        groups(4, "-").to_lowercase(),
        groups(1, " "),
        groups(3, "\n"),
        groups(30, "\n"),
        groups(5, "\u{200B}"),
        a.replace('.', "&#46;"),
    ];
    for variant in variants {
        check(&format!("Hi {variant}, bye"), "Hi <NAME>, bye");
        check(&format!("Hi {variant} said hello"), "Hi <NAME> said hello");
    }
    check(&format!("{a}s and {a}{a}"), "<NAME>{s} and <NAME><NAME>");
    for cut in 24..a.len() {
        check_as(TEXT, FinishReason::Length, &format!("Hi {}", &a[..cut]), "Hi <?NAME>");
        check(&format!("Hi {} said hello.", &a[..cut]), "Hi <?NAME> said hello.");
    }
}

#[test]
fn a_value_whose_token_was_lost_is_dropped() {
    let value = "K3F7Q2ZTABCDEFGHIJKLMNOPQA";
    check(&format!("Hi {value} there"), "Hi K3F7Q<?> there");
    check(&format!("Hi NAME.K_HEALTHCARE.{value} there"), "Hi NAME.K_HEALTHCARE.K3F7Q<?> there");
    check(&format!("MSKV1:NAME:K_HEALTHCARE:{value}, hi"), "MSKV1:NAME:K_HEALTHCARE:K3F7Q<?>, hi");
    check(&format!("MSKV1 NAME K_HEALTHCARE {value}"), "MSKV1 NAME K_HEALTHCARE K3F7Q<?>");
    check("Hi ITVEJPZNONOJYVCARRDSHEVRWA there", "Hi ITVEJ<?> there");
    check(&format!("ABCDEFGH{V} hi"), "ABCDEFGH<NAME> hi");
    for text in [
        "INTERNATIONALISATION",
        "MMMMMMMMMMMMMMMMMMMM",
        "FLIGHT LH454 ABC234",
        "ABC-234-DEF-567-GHI",
        "01HYZABCDEFGHJKMNPQ",
    ] {
        check(text, text);
    }
}

#[test]
fn a_slip_of_the_model_shows_no_part_of_a_value() {
    let value = "K3F7Q2ZTA4CD5FGH6JKL7NOPQA";
    let token = format!("MSKV1.NAME.K_HEALTHCARE.{value}");
    let mut slips: Vec<String> = ["-", ":", "/", " ", "_", ",", "", "..", " dot ", "->", "::", "<wbr>"]
        .iter()
        .map(|dot| token.replace('.', dot))
        .collect();
    for (before, after) in (0..token.len()).map(|at| token.split_at(at)) {
        slips.push(format!("{before}{}", &after[1..]));
        for c in [".", " ", "X", "9", "/", ":", "\n", "<", "é", "_", "(", ",", "|", "+", "**", "さ"] {
            slips.push(format!("{before}{c}{after}"));
            slips.push(format!("{before}{c}{}", &after[1..]));
        }
        if after.len() >= 16 {
            slips.push(after.to_owned());
        }
    }
    for slip in slips {
        let shown = scan(COMPACT, FinishReason::Stop, &[&format!("Hi {slip} said hello")]);
        let leaks = (0..=value.len() - 8).any(|at| shown.contains(&value[at..at + 8]));
        assert!(!leaks && shown.ends_with("said hello"), "{slip}: {shown}");
    }
}

#[test]
fn in_json_a_token_stands_inside_strings() {
    let json = |text: &str, expected: &str| check_as(JSON, FinishReason::Stop, text, expected);
    json(&format!(r#"{{"name": "{V}"}}"#), r#"{"name": "<NAME>"}"#);
    json(&format!(r#"{{"name": "Dr. {V} Jr."}}"#), r#"{"name": "Dr. <NAME> Jr."}"#);
    json(&format!(r#"["{V}","{V}"]"#), r#"["<NAME>","<NAME>"]"#);
    json(&format!(r#"{{"{V}": 1, "x":"{V}" }}"#), r#"{"<NAME>": 1, "x":"<NAME>" }"#);
    json(&format!(r#"{{"a":"\"{V}\"\n"}}"#), r#"{"a":"\"<NAME>\"\n"}"#);
    json(&format!(r#"{{"a":"\\{V}"}}"#), r#"{"a":"\\<NAME>"}"#);
    json(&format!(r#"{{"a":"\\","b":"{V}"}}"#), r#"{"a":"\\","b":"<NAME>"}"#);
    json(&format!(r#"{{"a":"{}"}}"#, V.replace('.', "\\u002e")), r#"{"a":"<NAME>"}"#);
    json(&format!(r#"{{"a":"{}"}}"#, V.replace('.', "\\n.")), r#"{"a":"<NAME>"}"#);
    json(&format!(r#"{{"a":"{}"}}"#, V.replace('_', "\\\\_")), r#"{"a":"<NAME>"}"#);
    json(&format!(r#"{{"a":"{}"}}"#, V.replace('M', "\\u004d")), r#"{"a":"<NAME>"}"#);
    json(&format!(r#"{{"a":"\u00e9{V}"}}"#), r#"{"a":"\u00e9<NAME>"}"#);
    json(&format!(r#"{{"a":"{V}s"}}"#), r#"{"a":"<NAME>{s}"}"#);
    json(r#"{"a":"MSKV1.NAME.K.JOHN","b":1}"#, r#"{"a":"<?NAME>","b":1}"#);
    json(r#"{"a":"MSKV1.NAME","b":1}"#, r#"{"a":"<?>","b":1}"#);
    json(
        r#"{"a":"MSKV1.NAME.K.JOHN said","b":"x\/y\u0041\ud83d\ude00"}"#,
        r#"{"a":"<?NAME> said","b":"x\/y\u0041\ud83d\ude00"}"#,
    );
    json(r#"{"a":"me","Omsk":"","m":"\\"}"#, r#"{"a":"me","Omsk":"","m":"\\"}"#);
    let json = |text: &str, expected: &str| check_as(JSON_COMPACT, FinishReason::Stop, text, expected);
    json(r#"["[NAME_1]", "x [PHONE_2]", ["y"], [1]]"#, r#"["<NAME>", "x <PHONE>", ["y"], [1]]"#);
    json(r#"["\\[NAME\\_1\\]"]"#, r#"["<NAME>"]"#);
}

#[test]
fn compact_tokens_are_found() {
    let compact = |text: &str, expected: &str| check_as(COMPACT, FinishReason::Stop, text, expected);
    for text in [
        "[NAME_1]",
        "[name_1]",
        "[ NAME_1 ]",
        "\\[NAME\\_1\\]",
        "[NAME&#95;1]",
        "&#91;NAME_1&#93;",
        "[NAME _ 1]",
        "[NAME 1]",
        "[name 3FQQ2ZTK]",
        "［NAME_1］",
        "[**NAME_1**]",
        "[NAME_3FQQ2ZTK]",
    ] {
        compact(&format!("Hi {text}, bye"), "Hi <NAME>, bye");
    }
    compact("[HEALTH_PLAN_12][NAME_1]", "<HEALTH_PLAN><NAME>");
    compact("[health plan 12] [CREDIT CARD_3]", "<HEALTH_PLAN> <CREDIT_CARD>");
    compact("[[NAME_1]](x)", "[<NAME>](x)");
    compact(&format!("[{V}] [NAME_2]"), "[<NAME>] <NAME>");
    for text in [
        "[1]",
        "[REDACTED:NAME]",
        "[a link](https://x.org)",
        "[]",
        "[",
        "[[",
        "[x",
        "a[item 1]",
        "[NAME]",
        "[name here]",
        "[phone number]",
        "[account 01]",
        "[NAME 1 said",
        "[NAME_01]",
        "[YOUR_LOCATION]",
        "[YOUR_NAME]",
        "[NAME_",
        "\\[x\\]",
        "[_1]",
        "[NAME",
        "x\\",
    ] {
        let expected = if text == "[NAME_" { "<?NAME>" } else { text };
        compact(text, expected);
    }
    compact("[NAME_1 said hello", "<?NAME> said hello");
    compact("[NAME_1", "<?NAME>");
    let length = |text: &str, expected: &str| check_as(COMPACT, FinishReason::Length, text, expected);
    length("Hi [NAME_1", "Hi <?NAME>");
    length("Hi [NAME_", "Hi <?NAME>");
    length("Hi [NA", "Hi ");
    length("Hi [xy", "Hi [xy");
}

#[test]
fn only_what_can_still_be_a_token_is_held_back() {
    let released = |mode, text: &str| show(&Scanner::new(mode).push(text));
    for text in ["Hello there", "I am", "Sum", "[link to", "[a link", "me", "Ms.", "[1", "[REDACTED:"] {
        // A last M can still become a token.
        let expected = text.strip_suffix('m').unwrap_or(text);
        assert_eq!(released(COMPACT, text), expected, "{text}");
    }
    assert_eq!(released(TEXT, "[NAME_1"), "[NAME_1");
    assert_eq!(released(TEXT, "so \"M"), "so \"");
    assert_eq!(released(JSON, "{\"a\": \"b"), "{\"a\": \"b");
    assert_eq!(released(JSON, "{\"a\": \"M"), "{\"a\": \"");
    assert_eq!(released(TEXT, "MSKV1.NAME.K.JOHN said "), "<?NAME> said ");
}

#[test]
fn what_is_held_back_is_bounded() {
    for endless in ["A", " ", "A ", ".", "\u{200B}", "&#46;", "_", "&amp;", "K2 ", "*"] {
        for start in ["MSKV1.", "MSKV1.NAME.K.", "MSK1.NAME.K.", "MSKV1.NAME.K.JOHN ", "M", "[", "[NAME_", "[NAME_1"] {
            for mode in [TEXT, COMPACT, JSON] {
                let mut scanner = Scanner::new(mode);
                scanner.push(start);
                for _ in 0..2000 {
                    scanner.push(endless);
                    assert!(scanner.held.len() < 600, "{start}{endless}…: {}", scanner.held.len());
                }
            }
        }
    }
}

/// Texts composed of parts of tokens.
fn debris() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just(V.to_owned()),
        Just(V.to_lowercase()),
        (0..V.len(), 0..V.len()).prop_map(|(a, b)| V[a.min(b)..a.max(b)].to_owned()),
        "[MSKVmskv1 .]{1,8}",
        "[A-Z2-7]{1,30}",
        "[MSK2]{1,20}",
        "[a-z]{1,6}[ .,]",
        Just("[NAME_1]".to_owned()),
        Just("\"".to_owned()),
        "[\\[\\]_\\\\&;#. *\"'\\-0-9\u{200B}\u{FF2D}]{1,4}",
        Just("&#46;".to_owned()),
        Just("\\u004d".to_owned()),
        Just("MSKV1.NAME.K.".to_owned()),
        ".{1,3}",
    ];
    prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

fn mode() -> impl Strategy<Value = ScanMode> {
    (any::<bool>(), any::<bool>()).prop_map(|(json, compact)| ScanMode { json, compact })
}

fn finish() -> impl Strategy<Value = FinishReason> {
    prop_oneof![Just(FinishReason::Stop), Just(FinishReason::Length), Just(FinishReason::Broken)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 300 } else { 20_000 }))]

    #[test]
    fn cuts_make_no_difference(text in debris(), mode in mode(), finish in finish(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        let whole = scan(mode, finish, &[&text]);
        let boundaries: Vec<usize> = (0..=text.len()).filter(|at| text.is_char_boundary(*at)).collect();
        let mut ends: Vec<usize> = cuts.iter().map(|cut| *cut.get(&boundaries)).chain([0, text.len()]).collect();
        ends.sort_unstable();
        let chunks: Vec<&str> = ends.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
        prop_assert_eq!(&scan(mode, finish, &chunks), &whole);
        prop_assert_eq!(&scan(mode, finish, &pieces_of(&text, 1)), &whole);
        prop_assert_eq!(&scan_passing(mode, finish, &chunks), &whole);
    }

    #[test]
    fn text_without_tokens_comes_through(text in "[^Mm\u{FF2D}\u{FF4D}\\[\u{FF3B}&\\\\%]*", mode in mode(), finish in finish()) {
        prop_assert_eq!(scan(mode, finish, &pieces_of(&text, 3)), text);
    }

    #[test]
    fn no_part_of_a_value_is_released(text in "([a-z]{1,7}[ .,!?\n\"]{1,2}){0,9}", before in ".{0,8}", end in 24..=V.len(), mode in mode(), finish in finish()) {
        let text = format!("{before} {} {text}", &V[..end]);
        let value = V.rsplit_once('.').expect("a token").1;
        let shown = scan(mode, finish, &pieces_of(&text, 1)).to_uppercase();
        for at in 0..=value.len() - 8 {
            prop_assert!(!shown.contains(&value[at..at + 8]), "{}", shown);
        }
    }

    #[test]
    fn lookalikes_are_what_a_scanner_finds(text in debris(), compact in any::<bool>()) {
        let spans = find_lookalikes(&text, compact);
        let mut rest = String::new();
        let mut at = 0;
        for span in &spans {
            prop_assert!(span.start >= at && span.end > span.start);
            rest.push_str(&text[at..span.start]);
            rest.push('§');
            at = span.end;
        }
        rest.push_str(&text[at..]);
        prop_assert_eq!(scan(ScanMode { json: false, compact }, FinishReason::Stop, &[&rest]), rest.clone());
        if spans.is_empty() {
            prop_assert_eq!(scan(ScanMode { json: false, compact }, FinishReason::Stop, &[&text]), text);
        }
    }
}
