use super::*;
use crate::action::Action;
use crate::ids::AgentId;
use crate::keys::{KeyPair, KeyRing, Kid, SecretKey};
use crate::kind::Kind;
use crate::passes::memory::Remembered;
use crate::pipeline::fixtures::reading;
use crate::tokens::mint::{Scope, ValueType};

fn kind(name: &str) -> Kind {
    Kind::new(name).expect("a kind")
}

fn call() -> Call {
    Call::new(AccountId::from_bytes([7; 16]))
}

#[test]
fn a_value_keeps_its_number_and_no_other_gets_it() {
    let call = call();
    let label = |name, value| {
        let label = call.label(&kind(name), [value; 16]);
        format!("{}_{}", label.kind, label.number)
    };
    assert_eq!(label("NAME", 1), "NAME_1");
    assert_eq!(label("DOB", 2), "DOB_2");
    assert_eq!(label("PHONE", 3), "PHONE_3");
    assert_eq!(label("DATE", 2), "DOB_2");
    assert_eq!(label("NAME", 1), "NAME_1");
}

fn value(text: &str) -> Remembered {
    Remembered { text: text.into(), kind: kind("NAME"), action: Action::Tokenize }
}

fn texts(call: &Call) -> Vec<String> {
    call.values().iter().map(|value| value.text.expose().clone()).collect()
}

#[test]
fn a_call_remembers_each_value_once_and_no_other_calls() {
    let calls = Calls::default();
    let account = AccountId::generate();
    let (agent, other) = (AgentId::generate(), AgentId::generate());
    calls.get(Scope::with_id(agent, [1; 16]), account).remember(&[value("Jane"), value("Doe"), value("Jane")]);
    calls.get(Scope::with_id(agent, [1; 16]), account).remember(&[value("Doe")]);
    assert_eq!(texts(&calls.get(Scope::with_id(agent, [1; 16]), account)), ["Jane", "Doe"]);
    assert!(texts(&calls.get(Scope::with_id(agent, [2; 16]), account)).is_empty());
    assert!(texts(&calls.get(Scope::with_id(other, [1; 16]), account)).is_empty());
}

#[test]
fn what_a_call_remembers_is_bounded_in_values_and_in_bytes() {
    let call = call();
    let many: Vec<Remembered> = (0..VALUES + 10).map(|index| value(&format!("value {index}"))).collect();
    call.remember(&many);
    assert_eq!(call.values().len(), VALUES);

    let call = self::call();
    let long: Vec<Remembered> = (0..VALUES).map(|index| value(&format!("{index} {}", "x".repeat(10_000)))).collect();
    call.remember(&long);
    assert!(call.bytes() < BYTES / SHARDS as u64, "a call fits into its part of the cache");
}

#[test]
fn all_calls_together_are_bounded_in_bytes() {
    let calls = Calls::default();
    let agent = AgentId::generate();
    for index in 0..2000u128 {
        let name = Scope::with_id(agent, index.to_le_bytes());
        let call = calls.get(name, AccountId::generate());
        if call.remember(&[value(&"x".repeat(20_000))]) {
            calls.weigh(name, &call);
        }
    }
    assert!(calls.calls.weight() <= BYTES && calls.calls.len() > 100);
}

#[test]
fn a_call_that_fell_out_does_not_come_back_by_being_weighed() {
    let calls = Calls::default();
    let name = Scope::with_id(AgentId::generate(), [1; 16]);
    let call = calls.get(name, AccountId::generate());
    calls.calls.clear();
    calls.weigh(name, &call);
    assert!(calls.calls.is_empty());
}

fn row() -> VaultRow {
    VaultRow {
        agent: AgentId::generate(),
        scope: [1; 16],
        kid: Kid::new("K").expect("a kid"),
        kind: kind("NAME"),
        mac: [2; 16],
        sealed: vec![],
        label: None,
        sealed_by: None,
    }
}

#[test]
fn a_row_is_known_as_stored_only_under_everything_the_vault_looks_it_up_by_and_its_label() {
    let calls = Calls::default();
    let row = row();
    calls.stored(&calls.storing(std::slice::from_ref(&row)));
    assert!(calls.is_stored(&row));
    let changes: [fn(&mut VaultRow); 6] = [
        |row| row.agent = AgentId::generate(),
        |row| row.scope = [9; 16],
        |row| row.kid = Kid::new("L").expect("a kid"),
        |row| row.kind = kind("PHONE"),
        |row| row.mac = [9; 16],
        |row| row.label = Some("1".to_owned()),
    ];
    for change in changes {
        let mut other = row.clone();
        change(&mut other);
        assert!(!calls.is_stored(&other));
    }
}

#[test]
fn a_row_that_is_erased_while_it_is_stored_is_not_known_as_stored() {
    let calls = Calls::default();
    let row = row();
    let storing = calls.storing(std::slice::from_ref(&row));
    calls.forget_rows(&[Gone { key: row.key(), label: None }], &Minters::default(), &reading());
    calls.stored(&storing);
    assert!(!calls.is_stored(&row));
}

#[test]
fn what_was_erased_is_forgotten_and_nothing_else() {
    let kid = Kid::new("K").expect("a kid");
    let ring = KeyRing::new([(kid.clone(), KeyPair { current: SecretKey::new([1; 32]), old: None })]);
    let minters = Minters::new(&ring);
    let minter = minters.get(&kid).expect("in the ring");
    let (account, agent) = (AccountId::generate(), AgentId::generate());
    let calls = Calls::default();
    let row_of = |call, text: &str| {
        let scope = Scope::new(agent, Some(call));
        minter.mint_vault(account, &scope, &kind("NAME"), text, ValueType::Text, &reading()).row
    };
    let names = ["call-1", "call-2"];
    for name in names {
        let rows = [row_of(name, "Jane Doe"), row_of(name, "Ann Lee")];
        let call = calls.get(Scope::with_id(agent, rows[0].scope), account);
        call.remember(&[value("Jane Doe"), value("Ann Lee"), value("never in the vault")]);
        rows.iter().for_each(|row| assert!(call.label(&row.kind, row.mac).number > 0));
        calls.stored(&calls.storing(&rows));
    }
    let gone = row_of("call-1", "JANE  DOE");
    calls.forget_rows(&[Gone { key: gone.key(), label: None }], &minters, &reading());

    let known = |name| texts(&calls.get(Scope::with_id(agent, row_of(name, "").scope), account));
    assert_eq!(known("call-1"), ["Ann Lee", "never in the vault"]);
    assert_eq!(known("call-2"), ["Jane Doe", "Ann Lee", "never in the vault"]);
    let stored = |name, text| calls.is_stored(&row_of(name, text));
    assert_eq!([stored("call-1", "Jane Doe"), stored("call-1", "Ann Lee")], [false, true]);
    assert_eq!([stored("call-2", "Jane Doe"), stored("call-2", "Ann Lee")], [true, true]);
    let call = calls.get(Scope::with_id(agent, gone.scope), account);
    assert_eq!(call.label(&gone.kind, row_of("call-1", "Ann Lee").mac).number, 2);
    assert_eq!(call.label(&gone.kind, gone.mac).number, 3, "its number is not given to anybody again");

    calls.forget_call(Scope::with_id(agent, gone.scope));
    assert!(known("call-1").is_empty());
}
