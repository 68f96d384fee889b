use super::*;
use crate::ids::EventId;
use crate::store::Store;
use crate::store::tests::Folder;

fn row(agent: AgentId, mac: u8) -> VaultRow {
    VaultRow {
        agent,
        scope: [1; 16],
        kid: Kid::new("K_HEALTHCARE").unwrap(),
        kind: Kind::new("NAME").unwrap(),
        mac: [mac; 16],
        sealed: vec![mac; 40],
        label: None,
        sealed_by: None,
    }
}

fn labelled(agent: AgentId, mac: u8, label: u32) -> VaultRow {
    VaultRow { label: Some(label.to_string()), ..row(agent, mac) }
}

async fn get(store: &Store, row: &VaultRow) -> Option<VaultRow> {
    store.vault().get(row.agent, row.scope, &row.kid, &row.kind, row.mac).await.unwrap()
}

#[tokio::test]
async fn a_committed_row_is_found_by_its_whole_key_only() {
    let folder = Folder::new();
    let store = folder.store();
    let there = row(AgentId::generate(), 1);
    store.vault().put(vec![there.clone()]).await.unwrap();
    assert_eq!(get(&store, &there).await, Some(there.clone()));
    for other in [
        VaultRow { agent: AgentId::generate(), ..there.clone() },
        VaultRow { scope: [2; 16], ..there.clone() },
        VaultRow { kid: Kid::new("K2").unwrap(), ..there.clone() },
        VaultRow { kind: Kind::new("PHONE").unwrap(), ..there.clone() },
        VaultRow { mac: [2; 16], ..there.clone() },
    ] {
        assert_eq!(get(&store, &other).await, None);
    }
    drop(store);
    assert_eq!(get(&folder.store(), &there).await, Some(there));
}

#[tokio::test]
async fn a_row_that_is_there_stays_as_it_is() {
    let folder = Folder::new();
    let store = folder.store();
    let first = row(AgentId::generate(), 1);
    let again = VaultRow { sealed: vec![9], ..first.clone() };
    store.vault().put(vec![first.clone(), again.clone()]).await.unwrap();
    store.vault().put(vec![again]).await.unwrap();
    assert_eq!(get(&store, &first).await, Some(first));
    assert_eq!(store.vault().count().await, Ok(1));
    assert!(store.vault().size_bytes().await.unwrap() >= 4096);
}

#[tokio::test]
async fn a_label_stands_for_one_value_of_a_call() {
    let folder = Folder::new();
    let store = folder.store();
    let vault = store.vault();
    let agent = AgentId::generate();
    let (one, two) = (labelled(agent, 1, 1), labelled(agent, 2, 2));
    vault.put(vec![two.clone(), one.clone(), row(agent, 3)]).await.unwrap();
    vault.put(vec![one.clone()]).await.unwrap();
    assert_eq!(vault.put(vec![labelled(agent, 4, 1)]).await, Err(StoreError::LabelTaken));
    assert_eq!(vault.put(vec![labelled(agent, 1, 5)]).await, Err(StoreError::LabelTaken));
    let elsewhere = VaultRow { scope: [2; 16], ..labelled(agent, 4, 1) };
    vault.put(vec![elsewhere]).await.unwrap();

    let labels = vault.call(agent, [1; 16], 0, |_| None::<()>).await.unwrap().labels;
    let mut labels: Vec<_> = labels.into_iter().map(|label| (label.mac, label.label)).collect();
    labels.sort();
    assert_eq!(labels, [(one.mac, "1".to_owned()), (two.mac, "2".to_owned())]);
    assert_eq!(vault.by_label(agent, [1; 16], &one.kind, "1").await.unwrap(), Some(one));
    assert_eq!(vault.by_label(AgentId::generate(), [1; 16], &Kind::new("NAME").unwrap(), "1").await.unwrap(), None);
}

#[tokio::test]
async fn a_purge_takes_the_old_rows() {
    let folder = Folder::new();
    let clock = Clock::manual(Timestamp::from_millis(10_000));
    let store = folder.store_at(clock.clone());
    let (old, new) = (row(AgentId::generate(), 1), row(AgentId::generate(), 2));
    store.vault().put(vec![old.clone()]).await.unwrap();
    clock.set(Timestamp::from_millis(20_000));
    store.vault().put(vec![new.clone()]).await.unwrap();
    let job = EventId::generate();
    store.vault().purge(job, PurgeSelector::Before(Timestamp::from_millis(20_000)), |_| {}).await.unwrap();
    assert_eq!(store.vault().rows_of_job(job).await, Ok(1));
    assert_eq!((get(&store, &old).await, get(&store, &new).await), (None, Some(new)));
}

#[tokio::test]
async fn a_vault_that_cannot_be_written_fails_the_ticket() {
    let folder = Folder::new();
    let store = folder.store();
    let other = rusqlite::Connection::open(folder.paths().vault).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let put = store.vault().put(vec![labelled(AgentId::generate(), 1, 1)]);
    assert_eq!(put.await, Err(StoreError::Locked));
    assert!(!store.health().await.vault);

    // A row without a label is stored without the database; it is merged once the lock is released.
    let there = row(AgentId::generate(), 2);
    store.vault().put(vec![there.clone()]).await.unwrap();
    assert_eq!(get(&store, &there).await, Some(there.clone()));
    assert_eq!(store.vault().count().await, Err(StoreError::Locked));
    assert_eq!(get(&store, &there).await, Some(there.clone()));
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(store.vault().count().await, Ok(1));
    assert_eq!(get(&store, &there).await, Some(there));
    assert!(store.health().await.vault);
}

#[tokio::test]
async fn a_row_without_a_label_gets_it_in_place_whether_it_is_in_the_database_yet_or_not() {
    let folder = Folder::new();
    let store = folder.store();
    let vault = store.vault();
    let agent = AgentId::generate();
    vault.put(vec![row(agent, 1)]).await.unwrap();
    assert_eq!(vault.count().await, Ok(1));
    vault.put(vec![row(agent, 2)]).await.unwrap();
    vault.put(vec![labelled(agent, 1, 1), labelled(agent, 2, 2)]).await.unwrap();
    assert_eq!(vault.put(vec![labelled(agent, 1, 3)]).await, Err(StoreError::LabelTaken));
    assert_eq!(vault.put(vec![labelled(agent, 3, 2)]).await, Err(StoreError::LabelTaken));
    assert_eq!(vault.count().await, Ok(2));
    for (mac, label) in [(1, "1"), (2, "2")] {
        let there = vault.by_label(agent, [1; 16], &Kind::new("NAME").unwrap(), label).await.unwrap();
        assert_eq!(there, Some(labelled(agent, mac, mac.into())));
    }
}

#[tokio::test]
async fn the_rows_of_a_call_are_found_wherever_they_are() {
    let folder = Folder::new();
    let store = folder.store();
    let vault = store.vault();
    let agent = AgentId::generate();
    vault.put(vec![row(agent, 1), VaultRow { scope: [2; 16], ..row(agent, 9) }]).await.unwrap();
    assert_eq!(vault.count().await, Ok(2), "they are in the database");
    vault.put(vec![row(agent, 2), row(AgentId::generate(), 3)]).await.unwrap();
    let of_call = async |most| {
        let mut macs = vault.call(agent, [1; 16], most, |row| Some(row.mac[0])).await.unwrap().rows;
        macs.sort();
        macs
    };
    assert_eq!(of_call(9).await, [1, 2]);
    assert_eq!(of_call(1).await.len(), 1);
}
