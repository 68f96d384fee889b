use super::*;
use crate::store::tests::{Folder, agent};

async fn names(store: &Store, account: AccountId, contains: &str) -> Vec<String> {
    let page = store.agents_page(account, 100, None, Some(contains)).await.unwrap();
    page.rows.into_iter().map(|entry| entry.agent.name).collect()
}

#[tokio::test]
async fn an_agent_reads_back_as_it_was_written() {
    let folder = Folder::new();
    let store = folder.store();
    let account = store.first_account();
    let full = Agent {
        policy_yaml: Some("name: x".into()),
        assistant: Some("{}".into()),
        assistant_callback_url: Some("https://example.org".into()),
        agreements: Some("{}".into()),
        proxy_key_hash: Some([7; 32]),
        require_signature: true,
        ..agent(account, "full")
    };
    let mut plain = agent(account, "plain");
    store.insert_agent(full.clone()).await.unwrap();
    store.insert_agent(plain.clone()).await.unwrap();
    assert_eq!(store.agent(account, full.id).await.unwrap(), Some(full.clone()));
    assert_eq!(store.agent(AccountId::generate(), full.id).await.unwrap(), None);
    assert_eq!(store.all_agents().await.unwrap().len(), 2);

    plain = Agent { name: "other".into(), id: plain.id, policy_version: 2, ..full.clone() };
    assert!(store.update_agent(plain.clone()).await.unwrap());
    assert_eq!(store.agent(account, plain.id).await.unwrap(), Some(plain.clone()));
    plain.account_id = AccountId::generate();
    assert!(!store.update_agent(plain).await.unwrap());
}

#[tokio::test]
async fn a_name_is_taken_until_its_agent_is_deleted() {
    let folder = Folder::new();
    let store = folder.store();
    let account = store.first_account();
    let (first, second, other) = (agent(account, "a"), agent(account, "a"), agent(account, "b"));
    store.insert_agent(first.clone()).await.unwrap();
    assert_eq!(store.insert_agent(second.clone()).await, Err(StoreError::NameTaken));
    store.insert_agent(other.clone()).await.unwrap();
    let renamed = Agent { name: "a".into(), ..other };
    assert_eq!(store.update_agent(renamed.clone()).await, Err(StoreError::NameTaken));

    assert!(store.delete_agent(account, first.id).await.unwrap());
    assert!(!store.delete_agent(account, first.id).await.unwrap());
    assert_eq!(store.agent(account, first.id).await.unwrap(), None);
    assert!(!store.update_agent(first).await.unwrap());
    store.insert_agent(second).await.unwrap();
    assert_eq!(names(&store, account, "").await.len(), 2);
}

#[tokio::test]
async fn a_search_is_for_text_in_any_case_and_knows_no_wildcards() {
    let folder = Folder::new();
    let store = folder.store();
    let account = store.first_account();
    for name in ["100% Clinic", "1000 Clinics", "Ärzte_Haus", "ArzteXHaus", "back\\slash"] {
        store.insert_agent(agent(account, name)).await.unwrap();
    }
    for (text, expected) in [
        ("0% c", &["100% Clinic"][..]),
        ("CLINIC", &["1000 Clinics", "100% Clinic"]),
        ("ÄRZTE_", &["Ärzte_Haus"]),
        ("e_h", &["Ärzte_Haus"]),
        ("\\", &["back\\slash"]),
        ("'", &[]),
    ] {
        let mut found = names(&store, account, text).await;
        found.sort();
        let mut expected = expected.to_vec();
        expected.sort();
        assert_eq!(found, expected, "{text}");
    }
}

#[tokio::test]
async fn a_walk_sees_every_agent_once_while_others_come_and_go() {
    let folder = Folder::new();
    let store = folder.store();
    let account = store.first_account();
    let mut ids = Vec::new();
    for i in 0..10 {
        let agent = agent(account, &format!("{i}"));
        ids.push(agent.id);
        store.insert_agent(agent).await.unwrap();
    }
    ids.sort();
    ids.reverse();
    let (mut seen, mut cursor) = (Vec::new(), None);
    for round in 0.. {
        let page = store.agents_page(account, 3, cursor, None).await.unwrap();
        seen.extend(page.rows.iter().map(|entry| entry.agent.id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
        store.insert_agent(agent(account, &format!("new {round}"))).await.unwrap();
        // The row that the cursor points to may be deleted too.
        store.delete_agent(account, *seen.last().unwrap()).await.unwrap();
    }
    seen.retain(|id| ids.contains(id));
    assert_eq!(seen, ids);
}
