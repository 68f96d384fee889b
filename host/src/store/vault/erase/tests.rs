use std::sync::Mutex;

use super::*;
use crate::store::Store;
use crate::store::tests::Folder;

/// A row with a unique value and a unique sealed original.
fn row(agent: AgentId, scope: u8, number: u32) -> VaultRow {
    let hash = blake3::hash(&number.to_le_bytes());
    let mut mac = [0; 16];
    mac.copy_from_slice(&hash.as_bytes()[..16]);
    VaultRow {
        agent,
        scope: [scope; 16],
        kid: Kid::new("K_HEALTHCARE").unwrap(),
        kind: Kind::new("NAME").unwrap(),
        mac,
        sealed: hash.as_bytes().repeat(3),
        label: None,
        sealed_by: None,
    }
}

/// Erases rows as a job does; returns how many.
async fn purge(store: &Store, doomed: PurgeSelector, gone: impl FnMut(&[Gone])) -> u64 {
    let job = EventId::generate();
    store.vault().purge(job, doomed, gone).await.unwrap();
    store.vault().compact().await.unwrap();
    let rows = store.vault().rows_of_job(job).await.unwrap();
    store.vault().forget_job(job).await.unwrap();
    assert_eq!(store.vault().rows_of_job(job).await, Ok(0));
    rows
}

fn of_call(call: Place) -> PurgeSelector {
    PurgeSelector::Subject(Subject { calls: HashSet::from([call]), ..Subject::default() })
}

/// The rows whose sealed original, or a part of it, is found in a file.
fn left_in_files(folder: &Folder, rows: &[VaultRow]) -> Vec<[u8; 16]> {
    let database = folder.paths().vault;
    let files = ["", "-wal", "-rows-a", "-rows-b"].map(|suffix| {
        let mut path = database.clone().into_os_string();
        path.push(suffix);
        std::fs::read(path).unwrap_or_default()
    });
    let is_left = |row: &&VaultRow| files.iter().any(|file| memchr::memmem::find(file, &row.sealed[..16]).is_some());
    rows.iter().filter(is_left).map(|row| row.mac).collect()
}

/// Puts rows in batches, each of which is merged into full pages, so that they are split.
async fn fill(store: &Store, rows: &[VaultRow]) {
    for batch in rows.chunks(300) {
        store.vault().put(batch.to_vec()).await.unwrap();
        store.vault().count().await.unwrap();
    }
}

fn is_sound(folder: &Folder) {
    let conn = Connection::open(folder.paths().vault).unwrap();
    let check: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
}

#[tokio::test]
async fn an_erased_row_is_in_no_file_however_often_pages_were_split_and_merged() {
    let folder = Folder::new();
    let store = folder.store();
    let agent = AgentId::generate();
    let rows: Vec<VaultRow> = (0..3000).map(|number| row(agent, (number % 7) as u8, number)).collect();
    fill(&store, &rows).await;
    assert_eq!(left_in_files(&folder, &rows).len(), rows.len(), "the test can find what it looks for");

    let (gone, kept): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.scope == [3; 16]);
    let doomed = of_call((agent, [3; 16]));
    assert_eq!(purge(&store, doomed, |_| {}).await, gone.len() as u64);
    assert!(left_in_files(&folder, &gone).is_empty());
    assert_eq!(left_in_files(&folder, &kept).len(), kept.len());
    let size = std::fs::metadata(folder.paths().vault).unwrap().len();

    // Erase most of the rest too; the file then shrinks.
    let doomed = PurgeSelector::Kid(Kid::new("K_HEALTHCARE").unwrap());
    assert_eq!(purge(&store, doomed, |_| {}).await, kept.len() as u64);
    assert!(left_in_files(&folder, &kept).is_empty());
    assert!(std::fs::metadata(folder.paths().vault).unwrap().len() < size / 4);
    is_sound(&folder);
    fill(&store, &kept).await;
    is_sound(&folder);
}

#[tokio::test]
async fn an_erased_row_is_in_no_file_of_an_older_version_either() {
    let folder = Folder::new();
    // A file created by an earlier version, which cannot shrink.
    Connection::open(folder.paths().vault).unwrap().execute_batch("PRAGMA auto_vacuum = NONE; VACUUM").unwrap();
    let store = folder.store();
    let agent = AgentId::generate();
    let rows: Vec<VaultRow> = (0..1500).map(|number| row(agent, (number % 7) as u8, number)).collect();
    fill(&store, &rows).await;
    let (gone, kept): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.scope == [3; 16]);
    let doomed = of_call((agent, [3; 16]));
    assert_eq!(purge(&store, doomed, |_| {}).await, gone.len() as u64);
    assert!(left_in_files(&folder, &gone).is_empty());
    assert_eq!(left_in_files(&folder, &kept).len(), kept.len());
    is_sound(&folder);
}

#[tokio::test]
async fn others_write_between_the_steps_of_an_erasure() {
    let folder = Folder::new();
    let store = folder.store();
    let agent = AgentId::generate();
    let rows: Vec<VaultRow> = (0..4 * STEP as u32).map(|number| row(agent, 1, number)).collect();
    fill(&store, &rows).await;
    let steps = Mutex::new(Vec::new());
    let erase = purge(&store, PurgeSelector::Kid(Kid::new("K_HEALTHCARE").unwrap()), |gone| {
        steps.lock().unwrap().push(gone.len());
    });
    let write = async {
        let label = VaultRow { label: Some("1".to_owned()), kid: Kid::new("K2").unwrap(), ..row(agent, 2, 0) };
        store.vault().put(vec![label]).await.unwrap();
        steps.lock().unwrap().len()
    };
    let (erased, before) = tokio::join!(erase, write);
    assert_eq!(erased, rows.len() as u64);
    assert!(before < 4, "the write waited for all of it");
    let steps = steps.into_inner().unwrap();
    assert!(steps.iter().all(|rows| *rows <= 2 * STEP), "{steps:?}");
}

#[tokio::test]
async fn rows_are_counted_as_they_come_and_go() {
    let folder = Folder::new();
    let store = folder.store();
    let agent = AgentId::generate();
    let other = |number| VaultRow { kind: Kind::new("PHONE").unwrap(), ..row(agent, 2, number) };
    let labelled = VaultRow { label: Some("1".to_owned()), ..row(agent, 1, 1) };
    store.vault().put(vec![row(agent, 1, 1), row(agent, 1, 2), other(3), row(agent, 1, 1)]).await.unwrap();
    store.vault().put(vec![labelled]).await.unwrap();
    let counts = async || {
        let stats = store.vault().stats().await.unwrap();
        let by_kind: Vec<_> = stats.by_kind.iter().map(|(kind, rows)| (kind.to_string(), *rows)).collect();
        let sealed_by: Vec<_> = stats.sealed_by.iter().map(|(kid, rows)| (kid.to_string(), *rows)).collect();
        (stats.rows(), by_kind, sealed_by, stats.between.is_some())
    };
    let kinds = |rows: &[(&str, u64)]| rows.iter().map(|(name, rows)| ((*name).to_owned(), *rows)).collect::<Vec<_>>();
    let all = kinds(&[("NAME", 2), ("PHONE", 1)]);
    assert_eq!(counts().await, (3, all.clone(), kinds(&[("K_HEALTHCARE", 3)]), true));
    let seal = |row: &VaultRow| Ok::<_, StoreError>(Some(VaultRow { sealed_by: Kid::new("K2"), ..row.clone() }));
    let job = EventId::generate();
    store.vault().seal_anew(job, seal).await.unwrap();
    assert_eq!(store.vault().rows_of_job(job).await, Ok(3));
    assert_eq!(counts().await, (3, all, kinds(&[("K2", 3)]), true));
    let doomed = of_call((agent, [1; 16]));
    assert_eq!(purge(&store, doomed, |_| {}).await, 2);
    assert_eq!(counts().await, (1, kinds(&[("PHONE", 1)]), kinds(&[("K2", 1)]), true));
    assert_eq!(purge(&store, PurgeSelector::Kid(Kid::new("K_HEALTHCARE").unwrap()), |_| {}).await, 1);
    assert_eq!(counts().await, (0, vec![], vec![], false));
}

#[tokio::test]
async fn a_search_goes_through_all_rows_in_steps() {
    let folder = Folder::new();
    let store = folder.store();
    let agent = AgentId::generate();
    let rows: Vec<VaultRow> = (0..10_000).map(|number| row(agent, (number % 3) as u8, number)).collect();
    store.vault().put(rows.clone()).await.unwrap();
    let before = PurgeSelector::Before(Timestamp::from_millis(i64::MAX));
    assert_eq!(store.vault().count_doomed(&before).await, Ok(10_000));
    assert_eq!(store.vault().count_doomed(&PurgeSelector::Agent(agent)).await, Ok(10_000));
    assert_eq!(store.vault().count_doomed(&PurgeSelector::Agent(AgentId::generate())).await, Ok(0));
    let calls = HashSet::from([(agent, [1; 16]), (agent, [2; 16])]);
    let doomed = PurgeSelector::Subject(Subject { calls, rows: HashSet::from([rows[9_999].key()]) });
    assert_eq!(store.vault().count_doomed(&doomed).await, Ok(6_667));
    assert_eq!(rows.iter().filter(|row| doomed.has(row)).count(), 6_667);
    assert_eq!(purge(&store, doomed, |_| {}).await, 6_667);
    assert_eq!(purge(&store, before, |_| {}).await, 3_333);
}

#[tokio::test]
async fn where_calls_have_no_name_a_value_is_erased_and_its_neighbours_stay() {
    let folder = Folder::new();
    let store = folder.store();
    let agent = AgentId::generate();
    let rows: Vec<VaultRow> = (0..10).map(|number| row(agent, 0, number)).collect();
    store.vault().put(rows.clone()).await.unwrap();
    let mut told = Vec::new();
    let doomed = PurgeSelector::Subject(Subject { calls: HashSet::new(), rows: HashSet::from([rows[4].key()]) });
    assert_eq!(store.vault().count_doomed(&doomed).await, Ok(1));
    assert_eq!(purge(&store, doomed, |gone| told.extend(gone.iter().map(|gone| gone.key.clone()))).await, 1);
    assert!(told == [rows[4].key()]);
    assert_eq!(store.vault().count().await, Ok(9));
}

#[test]
fn every_question_of_an_erasure_is_a_search_by_the_primary_key() {
    let folder = Folder::new();
    drop(folder.store());
    let conn = Connection::open(folder.paths().vault).unwrap();
    for sql in [search::BEHIND, search::OF_CALL, search::COUNT_OF_CALL, DELETE] {
        let mut plan = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let steps: Vec<String> = plan.raw_query().mapped(|row| row.get(3)).map(Result::unwrap).collect();
        assert!(
            !steps.is_empty() && steps.iter().all(|step| step.starts_with("SEARCH") && step.contains("PRIMARY KEY")),
            "{sql}: {steps:?}"
        );
    }
}
