//! Tests which tokens open and, above all, which do not.

use proptest::prelude::*;

use super::*;

fn keys(current: u8, old: Option<u8>) -> KeyPair {
    let key = |byte| SecretKey::new([byte; 32]);
    KeyPair { current: key(current), old: old.map(key) }
}

fn reading() -> Reading {
    Reading::new(crate::values::Day::of_millis(1_796_083_200_000))
}

fn minter() -> Minter {
    Minter::new(kid("K_TEST"), &keys(1, None))
}

fn kid(text: &str) -> Kid {
    Kid::new(text).expect("a kid")
}

fn kind(text: &str) -> Kind {
    Kind::new(text).expect("a kind")
}

fn agent() -> AgentId {
    AgentId::generate()
}

fn account() -> AccountId {
    AccountId::from_bytes([7; 16])
}

fn scope(agent: AgentId) -> Scope {
    Scope::new(agent, Some("call-1"))
}

fn original(text: &str, form: ValueType) -> Result<Original, OpenError> {
    Ok(Original { text: text.into(), form })
}

fn hmac(parts: &[&[u8]]) -> [u8; VAULT_BYTES] {
    let mac = HmacSha256::new_from_slice(&[1; 32]).expect("any length").chain_update(parts.concat());
    mac.finalize().into_bytes()[..VAULT_BYTES].try_into().expect("sixteen bytes")
}

#[test]
fn a_vault_token_is_the_hmac_of_the_account_and_the_value() {
    let token = minter().token_for(account(), &kind("PHONE"), "(555) 123-4567", ValueType::Text, &reading());
    assert_eq!(token.value, hmac(&[b"\x01account:", &[7; 16], b"\x025551234567"]));
    assert_eq!(Token::parse(&token.text()), Some(token));
}

#[test]
fn two_accounts_never_share_a_vault_token() {
    let token = |account| minter().token_for(account, &kind("PHONE"), "(555) 123-4567", ValueType::Text, &reading());
    assert_ne!(token(account()), token(AccountId::from_bytes([8; 16])));
}

#[test]
fn a_value_is_found_under_every_token_that_it_ever_had() {
    let minter = Minter::new(kid("K_TEST"), &keys(2, Some(1)));
    let values =
        minter.values_of(&[account(), AccountId::from_bytes([8; 16])], &kind("PHONE"), "(555) 123-4567", &reading());
    let current = minter.token_for(account(), &kind("PHONE"), "(555) 123-4567", ValueType::Text, &reading()).value;
    let account = |byte| [&b"\x01account:"[..], &[byte; 16]].concat();
    for value in [
        current.try_into().expect("sixteen bytes"),
        hmac(&[b"5551234567"]),
        hmac(&[b"\x01number:(555) 123-4567"]),
        hmac(&[&account(7), b"5551234567"]),
        hmac(&[&account(7), b"\x025551234567"]),
        hmac(&[&account(8), b"5551234567"]),
    ] {
        assert!(values.contains(&value));
    }
}

#[test]
fn a_value_holds_the_same_in_every_kind_and_form() {
    let value = |name, text: &str| minter().value_for(account(), &kind(name), text, ValueType::Text, &reading());
    let born = value("DOB", "march fourteenth nineteen eighty two");
    for (name, text) in [("DOB", "03/14/1982"), ("DATE", "1982-03-14"), ("DOB", "19820314")] {
        assert_eq!(value(name, text), born, "{name} {text}");
    }
    assert_ne!(value("DOB", "1982-03-15"), born);
    assert_eq!(value("PHONE", "four one five five five five oh one three four"), value("OTHER_ID", "4155550134"));
    assert_eq!(value("NAME", "GONZALEZ^MARIA"), value("NAME", "maria gonzalez"));
}

#[test]
fn a_row_opens_with_the_spelling_that_was_sealed() {
    let minter = minter();
    for (text, form) in
        [("(555) 123-4567", ValueType::Text), ("5551234567.0", ValueType::JsonNumber), ("", ValueType::Text)]
    {
        let minted = minter.mint_vault(account(), &scope(agent()), &kind("PHONE"), text, form, &reading());
        assert_eq!(minter.open_row(&minted.row), original(text, form));
    }
}

#[test]
fn a_number_has_the_token_of_the_same_digits_in_text() {
    let (minter, kind) = (minter(), kind("ZIP"));
    let number = |text| minter.token_for(account(), &kind, text, ValueType::JsonNumber, &reading());
    assert_eq!(number("12345"), minter.token_for(account(), &kind, "12345", ValueType::Text, &reading()));
    for other in ["-12345", "12345.0", "1.2345e4"] {
        assert_ne!(number(other), number("12345"), "{other}");
        assert_ne!(number(other), minter.token_for(account(), &kind, other, ValueType::Text, &reading()), "{other}");
    }
}

#[test]
fn a_row_opens_for_nobody_else() {
    let minter = minter();
    let row = minter.mint_vault(account(), &scope(agent()), &kind("NAME"), "Jane", ValueType::Text, &reading()).row;
    let mut others = vec![row.clone(); 5];
    others[0].agent = agent();
    others[1].scope = Scope::new(row.agent, None).id();
    others[2].kind = kind("EMAIL");
    others[3].mac[0] ^= 1;
    others[4].mac[15] ^= 1;
    for other in others {
        assert_eq!(minter.open_row(&other), Err(OpenError::Refused));
    }
    let other = VaultRow { kid: kid("K_OTHER"), ..row.clone() };
    assert_eq!(minter.open_row(&other), Err(OpenError::UnknownKid));
    let twin = Minter::new(kid("K_OTHER"), &keys(1, None));
    assert_eq!(twin.open_row(&other), Err(OpenError::Refused), "the kid is bound too");
}

#[test]
fn an_aead_token_opens_for_nobody_else() {
    let (minter, agent) = (minter(), agent());
    let token = minter.mint_aead(&scope(agent), &kind("NAME"), "Jane", ValueType::Text).expect("short");
    assert_eq!(minter.open_aead(&token, &scope(agent)), original("Jane", ValueType::Text));
    let elsewhere = [scope(AgentId::generate()), Scope::new(agent, None), Scope::new(agent, Some("call-2"))];
    for scope in elsewhere {
        assert_eq!(minter.open_aead(&token, &scope), Err(OpenError::Refused));
    }
    let other = Token { kind: kind("EMAIL"), ..token.clone() };
    assert_eq!(minter.open_aead(&other, &scope(agent)), Err(OpenError::Refused));
    let twin = Minter::new(kid("K_OTHER"), &keys(1, None));
    assert_eq!(twin.open_aead(&token, &scope(agent)), Err(OpenError::UnknownKid));
    let renamed = Token { kid: kid("K_OTHER"), ..token.clone() };
    assert_eq!(twin.open_aead(&renamed, &scope(agent)), Err(OpenError::Refused));
    let vault = minter.token_for(account(), &kind("NAME"), "Jane", ValueType::Text, &reading());
    assert_eq!(minter.open_aead(&vault, &scope(agent)), Err(OpenError::Scheme));
}

#[test]
fn flipping_any_bit_of_an_aead_token_fails() {
    let (minter, agent) = (minter(), agent());
    let token = minter.mint_aead(&scope(agent), &kind("NAME"), "Jane", ValueType::Text).expect("short");
    for bit in 0..token.value.len() * 8 {
        let mut altered = token.clone();
        altered.value[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(minter.open_aead(&altered, &scope(agent)), Err(OpenError::Refused), "bit {bit}");
    }
    for len in 0..token.value.len() {
        let cut = Token { value: token.value[..len].to_vec(), ..token.clone() };
        assert_eq!(minter.open_aead(&cut, &scope(agent)), Err(OpenError::Refused), "{len} bytes");
    }
}

#[test]
fn a_value_keeps_its_aead_token_in_a_call_and_nowhere_else() {
    let agent = agent();
    let mint = |scope: Scope, kind: &Kind, text: &str, form| {
        Minter::new(kid("K_TEST"), &keys(1, None)).mint_aead(&scope, kind, text, form).expect("short").text()
    };
    let (name, here) = (kind("NAME"), scope(agent));
    let token = mint(here, &name, "12", ValueType::Text);
    assert_eq!(mint(here, &name, "12", ValueType::Text), token);
    for other in [
        mint(here, &name, "13", ValueType::Text),
        mint(here, &name, "12", ValueType::JsonNumber),
        mint(here, &kind("AGE"), "12", ValueType::Text),
        mint(Scope::new(agent, None), &name, "12", ValueType::Text),
        mint(scope(AgentId::generate()), &name, "12", ValueType::Text),
    ] {
        // Not even a nonce is shared.
        assert_ne!(
            other.rsplit_once('.').map(|(_, value)| value[4..23].to_owned()),
            token.rsplit_once('.').map(|(_, value)| value[4..23].to_owned())
        );
    }
}

#[test]
fn the_old_key_opens_and_does_not_mint() {
    let (before, after) = (minter(), Minter::new(kid("K_TEST"), &keys(2, Some(1))));
    let (agent, kind) = (agent(), kind("NAME"));
    let aead = before.mint_aead(&scope(agent), &kind, "Jane", ValueType::Text).expect("short");
    let minted = before.mint_vault(account(), &scope(agent), &kind, "Jane", ValueType::Text, &reading());
    assert_eq!(after.open_aead(&aead, &scope(agent)), original("Jane", ValueType::Text));
    assert_eq!(after.open_row(&minted.row), original("Jane", ValueType::Text));
    assert_ne!(after.token_for(account(), &kind, "Jane", ValueType::Text, &reading()), minted.token);
    let later = Minter::new(kid("K_TEST"), &keys(3, Some(2)));
    assert_eq!(later.open_row(&minted.row), Err(OpenError::Refused));
}

#[test]
fn the_ring_opens_by_kid() {
    let ring = KeyRing::new([(kid("K_A"), keys(1, None)), (kid("K_B"), keys(2, None))]);
    let minters = Minters::new(&ring);
    let (agent, kind) = (agent(), kind("NAME"));
    for name in ["K_A", "K_B"] {
        let minter = minters.get(&kid(name)).expect("in the ring");
        let row = minter.mint_vault(account(), &scope(agent), &kind, "Jane", ValueType::Text, &reading()).row;
        assert_eq!(minters.open_row(&row), original("Jane", ValueType::Text));
        let token = minter.mint_aead(&scope(agent), &kind, "Jane", ValueType::Text).expect("short");
        assert_eq!(minters.open_aead(&token, &scope(agent)), original("Jane", ValueType::Text));
        let unknown = Token { kid: kid("K_C"), ..token };
        assert_eq!(minters.open_aead(&unknown, &scope(agent)), Err(OpenError::UnknownKid));
    }
}

#[test]
fn a_row_is_sealed_only_for_its_own_token() {
    let minter = minter();
    let token = minter.token_for(account(), &kind("NAME"), "Jane", ValueType::Text, &reading());
    let sealed = |token: &Token| minter.seal(&scope(agent()), token, "Jane", ValueType::Text, Some("1".to_owned()));
    assert_eq!(sealed(&token).and_then(|row| row.label), Some("1".to_owned()));
    assert!(sealed(&Token { kid: kid("K_OTHER"), ..token.clone() }).is_none());
    assert!(sealed(&Token { scheme: Scheme::Aead, ..token.clone() }).is_none());
}

#[test]
fn what_is_too_long_is_refused() {
    let mint = |len| minter().mint_aead(&scope(agent()), &kind("URL"), &"a".repeat(len), ValueType::Text);
    assert!(mint(AEAD_MAX_SURFACE).is_ok_and(|token| Token::parse(&token.text()).is_some()));
    assert_eq!(mint(AEAD_MAX_SURFACE + 1), Err(TooLong));
}

proptest! {
    #[test]
    fn two_values_never_share_a_token(a in any::<String>(), b in any::<String>(), index in 0..crate::kind::STANDARD.len()) {
        let (minter, kind) = (minter(), kind(crate::kind::STANDARD[index]));
        let same = minter.token_for(account(), &kind, &a, ValueType::Text, &reading()) == minter.token_for(account(), &kind, &b, ValueType::Text, &reading());
        prop_assert_eq!(same, values::read(&kind, &a, &reading()) == values::read(&kind, &b, &reading()));
        let scope = scope(AgentId::generate());
        let aead = |text: &str| minter.mint_aead(&scope, &kind, text, ValueType::Text).expect("short");
        prop_assert_eq!(aead(&a) == aead(&b), a == b);
    }

    #[test]
    fn any_value_comes_back(text in any::<String>()) {
        let (minter, kind, scope) = (minter(), kind("OTHER_ID"), scope(AgentId::generate()));
        let token = minter.mint_aead(&scope, &kind, &text, ValueType::Text).expect("short");
        prop_assert_eq!(Token::parse(&token.text()), Some(token.clone()));
        prop_assert_eq!(minter.open_aead(&token, &scope), original(&text, ValueType::Text));
        prop_assert_eq!(minter.open_row(&minter.mint_vault(account(), &scope, &kind, &text, ValueType::Text, &reading()).row), original(&text, ValueType::Text));
    }
}
