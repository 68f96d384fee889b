use super::super::reading::BOTH;
use super::super::surface::pieces;
use super::*;

fn check(surface: &str, expected: &str) {
    let address = read(&pieces(surface, BOTH)).map(|address| address.canonical());
    assert_eq!(address.as_deref().unwrap_or("-"), expected, "{surface}");
}

#[test]
fn every_form_of_an_address_is_that_address() {
    for surface in [
        "12 Oak Ln Apt 3B",
        "12 oak lane apartment 3b",
        "twelve oak lane apartment three b",
        "12 Oak Lane, Apartment 3-B",
        "12 OAK LN., APT. 3B",
        "one two oak lane apartment three b",
        "uh twelve oak lane apartment three b",
    ] {
        check(surface, "12 OAK LN APT 3B");
    }
    for surface in [
        "fourteen twenty north oak street",
        "1420 N. Oak St.",
        "1420 North Oak Street",
        "one four two oh north oak street",
    ] {
        check(surface, "1420 N OAK ST");
    }
    check("fifty four fifty one orchard street", "5451 ORCHARD ST");
    check("four hundred twelve elm drive unit twenty two", "412 ELM DR UNIT 22");
    check("two hundred elm drive", "200 ELM DR");
    check("5181 Cedar Ave Unit 22", "5181 CEDAR AVE UNIT 22");
    check("fifty one fifth avenue", "51 5TH AVE");
    check("51 5th Ave", "51 5TH AVE");
    check("twelve twenty third street", "12 23RD ST");
    check("12 East Street", "12 EAST ST");
    check("12 E St", "12 E ST");
}

#[test]
fn the_parts_of_an_address_are_told_apart() {
    for surface in [
        "12 Oak Ln Apt 3B, Springfield, IL 62704",
        "twelve oak lane apartment three b springfield illinois six two seven oh four",
        "12 Oak Lane^Apt 3B^Springfield^IL^62704",
        "12 OAK LN APT 3B SPRINGFIELD IL 62704 USA",
    ] {
        let address = read(&pieces(surface, BOTH)).expect("an address");
        let parts = [&*address.street, &address.city, &address.state, &address.zip];
        assert_eq!(parts, ["12 OAK LN APT 3B", "SPRINGFIELD", "IL", "62704"], "{surface}");
        assert_eq!(address.shown(), "12 Oak Ln Apt 3B, Springfield, IL 62704");
    }
    let parts = |surface: &str| {
        let address = read(&pieces(surface, BOTH)).expect("an address");
        format!("{}|{}|{}|{}", address.street, address.city, address.state, address.zip)
    };
    assert_eq!(parts("12 Park Lane, New York, New York 10001-1234"), "12 PARK LN|NEW YORK|NY|100011234");
    assert_eq!(parts("12 Virginia Ave"), "12 VIRGINIA AVE|||");
    assert_eq!(parts("12 Oak Ct"), "12 OAK CT|||");
    assert_eq!(parts("Springfield, Illinois"), "|SPRINGFIELD|IL|");
    assert_eq!(parts("12 North Ave"), "12 NORTH AVE|||");
    assert_eq!(parts("60614"), "60614|||");
}

#[test]
fn what_is_no_address_is_not_read() {
    check("", "-");
    check("a@b", "-");
    check("ул. Ленина 12", "УЛ ЛЕНИНА 12");
}
