use super::super::calendar::Day;
use super::*;

fn read_name(surface: &str) -> Option<Name> {
    read(surface, &Reading::new(Day::new(2026, 12, 1).expect("a day")))
}

fn shown(surface: &str) -> String {
    let name = read_name(surface).expect("a name");
    name.words.iter().map(|word| &*word.shown).collect::<Vec<_>>().join(" ")
}

fn check(surface: &str, expected: &str) {
    assert_eq!(read_name(surface).map(|name| name.canonical()).as_deref().unwrap_or("-"), expected, "{surface}");
}

#[test]
fn every_form_of_a_name_has_the_same_words() {
    for surface in [
        "maria gonzalez",
        "Maria González",
        "MARIA GONZALEZ",
        "Gonzalez, Maria",
        "GONZALEZ,MARIA",
        "GONZALEZ^MARIA",
        "GONZALEZ^MARIA^^^MRS",
        "Dr. Maria Gonzalez, MD",
        "Mrs Gonzalez, Maria",
        r#"{"given":["Maria"],"family":"Gonzalez"}"#,
        r#"[{"use":"official","given":["Maria"],"family":"Gonzalez","prefix":["Mrs"]}]"#,
        r#"{"text":"Maria Gonzalez"}"#,
        "maria, g o n z a l e z",
        "maria gonzalez g o n z a l e z",
        "maria gonzalez, spelled G-O-N-Z-A-L-E-Z",
        "maria gonzales, that's g o n z a l e z",
        "m a r i a and then g as in george o n z a l e z",
        "maria gonzales, no sorry, gonzalez",
        "uh maria, um, gonzalez",
    ] {
        check(surface, "GONZALEZ MARIA");
    }
}

#[test]
fn particles_go_with_the_word_after_them() {
    check("Maria de la Cruz", "DELACRUZ MARIA");
    check("DE LA CRUZ^MARIA", "DELACRUZ MARIA");
    check("Maria DelaCruz", "DELACRUZ MARIA");
    check("Sean O'Brien", "OBRIEN SEAN");
    check("sean o brien", "OBRIEN SEAN");
    check("Maria O. Diaz", "DIAZ MARIA O");
    check("Leonard K Mendoza", "K LEONARD MENDOZA");
    check("Smith-Jones, Anna", "ANNA JONES SMITH");
    check("John Smith, Jr.", "JOHN JR SMITH");
    check("Doe^John^Q^III", "DOE III JOHN Q");
}

#[test]
fn given_names_come_first() {
    for surface in ["Maria Gonzalez", "Gonzalez, Maria", "Gonzalez^Maria", r#"{"family":"Gonzalez","given":["Maria"]}"#]
    {
        assert_eq!(shown(surface), "Maria Gonzalez", "{surface}");
    }
    assert_eq!(shown("Andrés Peña"), "Andrés Peña");
    assert_eq!(shown("Dr. g o n z a l e z"), "Gonzalez");
}

#[test]
fn every_word_knows_its_place() {
    let places = |surface: &str| {
        let words = words(surface, &Reading::new(Day::new(2026, 12, 1).expect("a day"))).expect("words");
        words
            .iter()
            .map(|word| format!("{}={}", &surface[word.range.clone()], word.letters))
            .collect::<Vec<_>>()
            .join("|")
    };
    assert_eq!(places("Dr. Maria de la Cruz"), "Dr. Maria=maria|de la Cruz=delacruz");
    assert_eq!(places("GONZALEZ^MARIA^M"), "GONZALEZ=gonzalez|MARIA=maria|M=m");
    assert_eq!(places("maria gonzales g o n z a l e z"), "maria=maria|gonzales g o n z a l e z=gonzalez");
    assert_eq!(places("maria gonzales, no sorry, gonzalez"), "maria=maria|gonzales=gonzales|gonzalez=gonzalez");
}

#[test]
fn a_name_may_be_short_or_in_any_script() {
    check("l i", "LI");
    check("B", "B");
    check("J. K. Rowling", "J K ROWLING");
    check("Ольга", "ОЛЬГА");
    check("李 明", "明 李");
    check("Dr. No", "NO");
    check("4155", "-");
    check("", "-");
    check("{", "-");
    check(", ,", "-");
}
