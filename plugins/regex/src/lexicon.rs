//! The word lists: flags, a value, and the words that have them. The grammars' own words are a flat table; words for
//! numbers and dates come from the SDK. [`crate::words`] reads both.
//!
//! A word may be in several lists; its flags are combined and the larger value wins, so at most one flag of a word may
//! need a value.

use masker_plugin_sdk::words::{self, Language::English};

use crate::words::Flags;
use crate::words::flag::*;

/// Passes every word with its flags and value to `add`.
pub fn each(mut add: impl FnMut(&str, Flags, u8)) {
    shared(&mut add);
    for &(flags, value, list) in WORDS {
        list.split_ascii_whitespace().for_each(|word| add(word, flags, value));
    }
}

/// The words for numbers, dates and spelling, from the SDK.
fn shared(mut add: impl FnMut(&str, Flags, u8)) {
    for &(word, value) in words::cardinals(English) {
        match u8::try_from(value) {
            Ok(value @ 0..10) => add(word, DIGIT, value),
            Ok(value @ 10..20) => add(word, TEEN, value),
            Ok(value @ 20..100) => add(word, TENS, value),
            Ok(value) => add(word, HUNDRED, value),
            Err(_) => add(word, SCALE, 0),
        }
    }
    // "Nil" is also "nil by mouth", and a fife is an instrument.
    let rare = ["aught", "fife", "fower", "nil"];
    for &(word, digit) in words::spoken_digits(English).iter().filter(|(word, _)| !rare.contains(word)) {
        add(word, DIGIT, digit);
    }
    for &(word, times) in words::repeats(English).iter().filter(|(_, times)| *times <= 3) {
        add(word, REPEAT, times);
    }
    for &(word, value) in words::ordinals(English) {
        // Days; "hundredth" is not part of a date.
        if let Ok(day @ 1..=31) = u8::try_from(value) {
            add(word, ORDINAL, day);
        }
    }
    words::ordinal_endings(English).iter().for_each(|(word, ())| add(word, ORDINAL_END, 0));
    // Short forms are in the same list: a date needs a day or a year beside it anyway.
    words::months(English).iter().for_each(|(word, month)| add(word, MONTH, *month));
    words::weekdays(English).iter().for_each(|(word, _)| add(word, WEEKDAY, 0));
    words::fillers(English).iter().for_each(|(word, ())| add(word, FILLER | LINK, 0));
    for &(word, sign) in words::signs(English) {
        match sign {
            // "Seven point two" is a value; "point" is a sign only between the numbers of an IP address.
            '.' if word == "point" => add(word, SPOKEN_DOT, 0),
            '.' => add(word, SPOKEN_SIGN | SPOKEN_DOT, b'.'),
            '-' | '/' | ':' | '_' | '+' | '@' => add(word, SPOKEN_SIGN, sign as u8),
            _ => {}
        }
    }
    words::nato().iter().for_each(|(word, ())| add(word, SPELLING, 0));
}

/// Flags, value, words.
const WORDS: &[(Flags, u8, &str)] = &[
    (RESTART | LINK, 0, "no sorry wait actually correction oops"),
    // Between a key word and its value.
    (LINK | STOP, 0, "is are was were be been it its it's that this the a my your his her their our"),
    (LINK | STOP, 0, "of on for and also as at in with would will just so then but me i you we have has got"),
    (LINK | STOP, 0, "yes yeah yep sure okay ok well please here there goes by to should can could under"),
    (LINK, 0, "number numbers num nr id code value ending ends last digits listed follows called one four"),
    (TAIL, 0, "last ending ends"),
    (LINK, 0, "think believe guess still now currently says shows reads starts starting begins again"),
    (LINK, 0, "let see alright right hello hi thanks thank equals registered file date new old"),
    // Too common to be part of a name.
    (STOP, 0, "an from he she they them him us these those or if than not no do does did done had get"),
    (STOP, 0, "go going come take takes took very really about over up down out off into through some"),
    (STOP, 0, "any all every each other another what when where which who whose why how only even"),
    (STOP, 0, "because while after before until since during want need know say said tell told look"),
    (STOP, 0, "make made give gave call calls reach text contact send sent mail email emailed address"),
    (STOP, 0, "addresses name phone cell mobile fax am might must shall let i'm im near across along"),
    (STOP, 0, "like time times times down using use used write message drop shoot find user username"),
    (STOP, 0, "between around behind across toward towards left walk walking cross crossing per"),
    (STOP, 0, "login account best work personal home office good correct should mine hers reached"),
    // After a number they make a quantity, a time or a measure.
    (UNIT, 0, "mg mgs mcg ml mls milligram milligrams microgram micrograms milliliter milliliters gram grams"),
    (UNIT, 0, "kg kgs kilos kilograms lb lbs pound pounds ounce ounces oz inch inches foot feet ft cm mm"),
    (UNIT, 0, "km meter meters metres mile miles block blocks percent degree degrees fahrenheit celsius"),
    (UNIT, 0, "am pm clock oclock noon minute minutes min mins hour hours hr hrs day days week weeks"),
    (UNIT, 0, "month months year years yr yrs decade decades seconds sec secs night nights time times"),
    (UNIT, 0, "dollar dollars buck bucks cent cents euro euros usd gbp eur pounds"),
    (UNIT, 0, "tablet tablets pill pills capsule capsules dose doses unit units puff puffs drop drops cup"),
    (UNIT, 0, "cups glass glasses drink drinks cigarette cigarettes pack packs beer beers shot shots"),
    (UNIT, 0, "beats bpm mmhg mmol meq hz people persons guests adults kids children patients visits"),
    (UNIT, 0, "sessions tickets ticket seats rooms bedrooms bedroom stars points steps calories reps sets"),
    (UNIT, 0, "bags items boxes pieces copies stories siblings brothers sisters grams liters litres liter"),
    // Addresses.
    (STREET, 1, "street avenue ave boulevard blvd road rd lane ln parkway pkwy highway hwy terrace crescent"),
    (STREET, 1, "freeway expressway turnpike alley causeway mews broadway"),
    (STREET, 2, "st dr drive court ct place pl way circle cir square sq trail trl loop row close gardens"),
    (STREET, 2, "plaza pike walk hill park path ridge run pass crossing grove green point view"),
    (STREET_FIRST, 0, "rue calle via avenida rua viale piazza carrer strada paseo camino quai chemin jalan"),
    // Also English, where they come last; they come first only before a capitalised name.
    (STREET_FIRST, 1, "avenue boulevard"),
    (STREET_FIRST, 2, "place plaza"),
    (DIRECTION, 0, "north south east west northeast northwest southeast southwest n s e w ne nw se sw"),
    (APARTMENT, 0, "apartment apt suite ste unit flat building bldg"),
    (STATE, 0, "al ak az ar ca co ct de fl ga hi id il in ia ks ky la me md ma mi mn ms mo mt ne nv nh nj nm"),
    (STATE, 0, "ny nc nd oh ok or pa ri sc sd tn tx ut vt va wa wv wi wy dc"),
    (STATE, 1, "alabama alaska arizona arkansas california colorado connecticut delaware florida georgia"),
    (STATE, 1, "hawaii idaho illinois indiana iowa kansas kentucky louisiana maine maryland massachusetts"),
    (STATE, 1, "michigan minnesota mississippi missouri montana nebraska nevada ohio oklahoma oregon"),
    (STATE, 1, "pennsylvania tennessee texas utah vermont virginia washington wisconsin wyoming"),
    // Mail and web. Value 1: safe as the end of a bare written domain; the others are also words or endings.
    (TLD, 1, "com org net edu gov mil info biz io dev app ai uk"),
    (TLD, 0, "co us ca de fr es it nl eu au in nz ie ch at be se no dk tv me health care clinic online"),
    (PROVIDER, 0, "gmail yahoo hotmail outlook icloud aol msn protonmail comcast verizon googlemail proton"),
    // Signs that "may" is a verb.
    (VERB_SIGN, 0, "be have not need cause also take help feel want require get come go happen include make"),
    (VERB_SIGN, 0, "occur still see experience result or i we you he she they it that this which who patient"),
    (VERB_SIGN, 0, "there what symptoms doctor"),
    (BEFORE_DATE, 0, "on since until till by from through before after dated for to of due"),
];
