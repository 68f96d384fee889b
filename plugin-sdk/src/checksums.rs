//! Check digits: the cheapest way to tell an identifier from any other number.
//!
//! Each function takes upper-case ASCII letters and digits without separators ([`compact`] produces them) and never
//! panics.

/// Reduces a code to the checks' input: only its ASCII letters and digits, letters in upper case.
pub fn compact(text: &str) -> Vec<u8> {
    text.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_uppercase()).collect()
}

fn digits(code: &[u8]) -> Option<impl DoubleEndedIterator<Item = u32> + '_> {
    code.iter().all(u8::is_ascii_digit).then(|| code.iter().map(|b| u32::from(b - b'0')))
}

fn luhn_sum(digits: impl Iterator<Item = u32>) -> u32 {
    digits.enumerate().map(|(at, digit)| if at % 2 == 1 { digit * 2 / 10 + digit * 2 % 10 } else { digit }).sum()
}

/// Luhn: payment cards, IMEI, Canada's SIN.
pub fn luhn(code: &[u8]) -> bool {
    // All zeros pass the check but are never issued.
    code.len() >= 2
        && code.iter().any(|b| *b != b'0')
        && digits(code).is_some_and(|digits| luhn_sum(digits.rev()) % 10 == 0)
}

/// ISO 7064 mod 97-10: IBAN.
pub fn mod97(code: &[u8]) -> bool {
    if code.len() < 5 || !code.iter().all(u8::is_ascii_alphanumeric) {
        return false;
    }
    let (head, rest) = code.split_at(4);
    let remainder = rest.iter().chain(head).fold(0u32, |sum, byte| match byte {
        b'0'..=b'9' => (sum * 10 + u32::from(byte - b'0')) % 97,
        letter => (sum * 100 + u32::from(letter.to_ascii_uppercase() - b'A') + 10) % 97,
    });
    remainder == 1
}

/// National Provider Identifier: Luhn with the prefix 80840, which adds 24.
pub fn npi(code: &[u8]) -> bool {
    code.len() == 10
        && matches!(code[0], b'1' | b'2')
        && digits(code).is_some_and(|digits| (luhn_sum(digits.rev()) + 24) % 10 == 0)
}

/// DEA registration: two letters and seven digits, of which the last is a check digit.
pub fn dea(code: &[u8]) -> bool {
    if code.len() != 9 || !code[0].is_ascii_alphabetic() || !code[1].is_ascii_alphanumeric() {
        return false;
    }
    let Some(digits) = digits(&code[2..]) else { return false };
    let d: Vec<u32> = digits.collect();
    (d[0] + d[2] + d[4] + 2 * (d[1] + d[3] + d[5])) % 10 == d[6]
}

/// Vehicle identification number of North America: position nine checks the others.
pub fn vin(code: &[u8]) -> bool {
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    if code.len() != 17 {
        return false;
    }
    let mut sum = 0;
    for (byte, weight) in code.iter().zip(WEIGHTS) {
        let value = match byte.to_ascii_uppercase() {
            digit @ b'0'..=b'9' => digit - b'0',
            letter @ b'A'..=b'H' => letter - b'A' + 1,
            letter @ (b'J'..=b'N' | b'P' | b'R') => letter - b'J' + 1,
            letter @ b'S'..=b'Z' => letter - b'S' + 2,
            _ => return false,
        };
        sum += u32::from(value) * weight;
    }
    let check = if sum % 11 == 10 { b'X' } else { b'0' + (sum % 11) as u8 };
    code[8].to_ascii_uppercase() == check
}

/// Routing number of the American Bankers Association, with a prefix that is in use.
pub fn aba(code: &[u8]) -> bool {
    if code.len() != 9 {
        return false;
    }
    let Some(digits) = digits(code) else { return false };
    let sum: u32 = digits.zip([3, 7, 1, 3, 7, 1, 3, 7, 1]).map(|(digit, weight)| digit * weight).sum();
    let prefix = (code[0] - b'0') * 10 + (code[1] - b'0');
    sum.is_multiple_of(10) && sum > 0 && matches!(prefix, 0..=12 | 21..=32 | 61..=72 | 80)
}

/// International Mobile Equipment Identity: fifteen digits, Luhn.
pub fn imei(code: &[u8]) -> bool {
    code.len() == 15 && luhn(code)
}

/// Brazil's CPF: eleven digits, of which two are check digits.
pub fn cpf(code: &[u8]) -> bool {
    if code.len() != 11 || code.iter().all(|byte| *byte == code[0]) {
        return false;
    }
    let Some(digits) = digits(code) else { return false };
    let d: Vec<u32> = digits.collect();
    let check = |n: usize| {
        let sum: u32 = (0..n).map(|at| d[at] * (n as u32 + 1 - at as u32)).sum();
        sum * 10 % 11 % 10 == d[n]
    };
    check(9) && check(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_codes_pass_and_one_changed_digit_fails() {
        let check = |name: &str, function: fn(&[u8]) -> bool, good: &str, bad: &str| {
            assert!(function(good.as_bytes()), "{name} {good}");
            assert!(!function(bad.as_bytes()), "{name} {bad}");
        };
        check("luhn", luhn, "4111111111111111", "4111111111111112");
        check("mod97", mod97, "GB82WEST12345698765432", "GB83WEST12345698765432");
        check("npi", npi, "1234567893", "1234567890");
        check("dea", dea, "AB1234563", "AB1234564");
        check("vin", vin, "1M8GDM9AXKP042788", "1M8GDM9A1KP042788");
        check("aba", aba, "021000021", "021000022");
        check("imei", imei, "490154203237518", "490154203237519");
        check("cpf", cpf, "52998224725", "52998224724");
    }

    #[test]
    fn separators_are_left_out() {
        assert_eq!(compact("gb82-WEST 1é"), b"GB82WEST1");
    }

    #[test]
    fn anything_may_be_checked() {
        for function in [luhn, mod97, npi, dea, vin, aba, imei, cpf] {
            for length in 0..24 {
                assert!(!function(&vec![0xff; length]));
                let _ = function(&vec![b'Z'; length]);
                let _ = function(&vec![b'0'; length]);
            }
        }
    }
}
