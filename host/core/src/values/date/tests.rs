use super::super::reading::{BOTH, Region};
use super::super::surface::pieces;
use super::*;

fn read_in(region: &str, century: Century, surface: &str) -> String {
    let reading = Reading {
        region: Region::new(region).expect("a region"),
        ..Reading::new(Day::new(2026, 12, 1).expect("a day"))
    };
    let Some(date) = read(&pieces(surface, BOTH), &reading, century) else { return "-".into() };
    let part = |part: Option<String>| part.unwrap_or_else(|| "?".into());
    let mut text = format!(
        "{}-{}-{}",
        part(date.year.map(|year| year.to_string())),
        part(date.month.map(|month| month.to_string())),
        part(date.day.map(|day| day.to_string()))
    );
    if let Some(time) = date.time {
        text.push_str(&format!("T{}{}", time.written(), time.zone()));
    }
    text
}

fn birth(surface: &str, expected: &str) {
    assert_eq!(read_in("US", Century::Past, surface), expected, "{surface}");
}

#[test]
fn every_form_of_a_birth_date_is_that_date() {
    for surface in [
        "1982-03-14",
        "1982-03-14T00:00:00Z",
        "1982-03-14T00:00:00.000+00:00",
        "1982-03-14T00:00:00-05:00",
        "1982-03-14 00:00:00",
        "3/14/1982 12:00:00 AM",
        "03/14/1982",
        "3/14/82",
        "3-14-1982",
        "03.14.1982",
        "3 14 82",
        "19820314",
        "19820314000000",
        "19820314000000.000-0500",
        "03141982",
        "031482",
        "14-Mar-1982",
        "14MAR1982",
        "Mar 14, 1982",
        "MARCH 14, 1982",
        "Sunday, March 14th, 1982",
        "14 March 1982",
        "1982 March 14",
        "1982/03/14",
        "14/3/1982",
        "march fourteenth nineteen eighty two",
        "march fourteen eighty two",
        "march the fourteenth nineteen hundred and eighty two",
        "uh march fourteenth, um, nineteen eighty two.",
        "the fourteenth of march nineteen eighty two",
        "three fourteen eighty two",
        "three fourteen nineteen eighty two",
        "oh three fourteen eighty two",
        "three slash fourteen slash eighty two",
        "zero three one four one nine eight two",
        "march 14 1982",
        "march 14th 1982",
        "catorce de marzo de mil novecientos ochenta y dos",
        "catorce del tres del ochenta y dos",
        "el catorce de marzo del 82",
        "14 de marzo de 1982",
    ] {
        birth(surface, "1982-3-14");
    }
}

#[test]
fn years_are_read_in_pairs_and_hundreds() {
    birth("october the fifth two thousand and eight", "2008-10-5");
    birth("october fifth oh eight", "2008-10-5");
    birth("the third of may twenty oh four", "2004-5-3");
    birth("july sixth nineteen hundred", "1900-7-6");
    birth("june thirtieth twenty twenty", "2020-6-30");
    birth("june twenty twenty twenty", "2020-6-20");
    birth("eleven twenty five twenty twenty five", "2025-11-25");
    birth("twelve twenty one nineteen fifty six", "1956-12-21");
    birth("seven slash twenty one slash oh five", "2005-7-21");
    birth("trece de enero de dos mil veintisiete", "2027-1-13");
    birth("treinta y uno de diciembre de mil novecientos cincuenta y nueve", "1959-12-31");
}

#[test]
fn a_year_of_two_digits_follows_the_kind() {
    birth("12/2/26", "1926-12-2");
    birth("11/30/26", "2026-11-30");
    birth("6/20/28", "1928-6-20");
    assert_eq!(read_in("US", Century::Near, "6/20/28"), "2028-6-20");
    assert_eq!(read_in("US", Century::Near, "6/20/36"), "1936-6-20");
}

#[test]
fn order_follows_the_region() {
    birth("03/04/1962", "1962-3-4");
    assert_eq!(read_in("GB", Century::Past, "03/04/1962"), "1962-4-3");
    assert_eq!(read_in("ZZ", Century::Past, "03/04/1962"), "-");
    assert_eq!(read_in("ZZ", Century::Past, "03/14/1962"), "1962-3-14");
    assert_eq!(read_in("ZZ", Century::Past, "03/03/1962"), "1962-3-3");
    assert_eq!(read_in("ZZ", Century::Past, "03041962"), "-");
    assert_eq!(read_in("GB", Century::Past, "02/29/1963"), "-");
}

#[test]
fn what_is_known_is_kept() {
    birth("march fourteenth", "?-3-14");
    birth("3/14", "?-3-14");
    birth("march 1982", "1982-3-?");
    birth("1982-03", "1982-3-?");
    birth("nineteen eighty two", "1982-?-?");
    birth("1982", "1982-?-?");
    birth("19820314093000", "1982-3-14T09:30:00");
    birth("1982-03-14T09:30:00-05:00", "1982-3-14T09:30:00-05:00");
}

#[test]
fn a_correction_replaces_what_it_says_anew() {
    birth("march fourteenth, no sorry, fifteenth nineteen eighty two", "1982-3-15");
    birth("march fourteenth nineteen eighty two, no, eighty three", "1983-3-14");
    birth("november twenty third i mean november twenty fourth nineteen ninety seven", "1997-11-24");
    birth("three fourteen eighty two sorry four fourteen eighty two", "1982-4-14");
    birth("march tenth, no, eleventh, no, twelfth nineteen eighty two", "1982-3-12");
}

#[test]
fn what_is_no_date_is_not_read() {
    for surface in [
        "february thirty first",
        "02/31/1982",
        "1982-13-01",
        "19821345",
        "6789",
        "",
        "tomorrow",
        "13/13/1982",
        "1982-03-14T25:00:00",
        "march",
        "-",
        "::",
        "12345678901234567890",
    ] {
        assert!(matches!(&*read_in("US", Century::Past, surface), "-" | "?-3-?"), "{surface}");
    }
}
