use super::*;

fn memory() -> (tempfile::TempDir, Db) {
    let folder = tempfile::tempdir().unwrap();
    let create = |conn: &Connection| Ok(conn.execute_batch("CREATE TABLE t (n INTEGER PRIMARY KEY)")?);
    let (db, ()) = Db::open(&folder.path().join("t.db"), &MAIN, Arc::new(()), create).unwrap();
    (folder, db)
}

fn insert(n: i64) -> impl FnOnce(&Connection) -> Result<(), StoreError> + Send + 'static {
    move |conn| {
        conn.execute("INSERT INTO t VALUES (?1)", [n])?;
        Ok(())
    }
}

async fn rows(db: &Db) -> Vec<i64> {
    db.read(|conn| {
        let mut query = conn.prepare("SELECT n FROM t ORDER BY n")?;
        Ok(query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
    })
    .await
    .unwrap()
}

/// Keeps the writer busy until told, so that jobs queued meanwhile form one batch.
async fn hold(db: &Db) -> std::sync::mpsc::Sender<()> {
    let (go, wait) = std::sync::mpsc::channel();
    let (job, _) = Write::durable(move |_| {
        let _ = wait.recv();
        Ok(())
    });
    db.enqueue(job).await.unwrap();
    go
}

#[tokio::test]
async fn a_job_that_fails_leaves_the_others_of_its_batch() {
    let (_folder, db) = memory();
    let go = hold(&db).await;
    let (good, failing, last) = (Write::durable(insert(1)), Write::durable(insert(1)), Write::durable(insert(2)));
    for job in [good.0, failing.0, last.0] {
        db.enqueue(job).await.unwrap();
    }
    go.send(()).unwrap();
    assert_eq!(good.1.await.unwrap(), Ok(()));
    assert_eq!(failing.1.await.unwrap(), Err(StoreError::Sqlite(rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY)));
    assert_eq!(last.1.await.unwrap(), Ok(()));
    assert_eq!(rows(&db).await, [1, 2]);
}

#[tokio::test]
async fn a_transaction_that_ended_early_fails_its_whole_batch() {
    let (_folder, db) = memory();
    let go = hold(&db).await;
    // SQLite does this itself when the disk is full.
    let rollback = |conn: &Connection| Ok(conn.execute_batch("ROLLBACK")?);
    let (before, broken, after) = (Write::durable(insert(1)), Write::durable(rollback), Write::durable(insert(2)));
    for job in [before.0, broken.0, after.0] {
        db.enqueue(job).await.unwrap();
    }
    go.send(()).unwrap();
    assert_eq!(before.1.await.unwrap(), Err(StoreError::Io));
    assert_eq!(broken.1.await.unwrap(), Err(StoreError::Io));
    assert_eq!(after.1.await.unwrap(), Err(StoreError::Io));
    assert!(rows(&db).await.is_empty());
    db.write(insert(3)).await.unwrap();
    assert_eq!(rows(&db).await, [3]);
}

#[tokio::test]
async fn a_full_queue_is_said() {
    let (_folder, db) = memory();
    let go = hold(&db).await;
    // The writer may or may not have taken the first one.
    let mut accepted = 0;
    let overload = loop {
        match db.try_enqueue(Write::durable(insert(accepted)).0) {
            Ok(()) => accepted += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(overload, StoreError::Overloaded);
    assert!(accepted >= QUEUE as i64 - 1);
    go.send(()).unwrap();
    db.write(insert(-1)).await.unwrap();
    assert_eq!(rows(&db).await.len() as i64, accepted + 1);
}

#[tokio::test]
async fn dropping_writes_what_is_queued() {
    let (folder, db) = memory();
    let go = hold(&db).await;
    for n in 0..100 {
        db.enqueue(Write::durable(insert(n)).0).await.unwrap();
    }
    go.send(()).unwrap();
    drop(db);
    let conn = Connection::open(folder.path().join("t.db")).unwrap();
    assert_eq!(conn.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0)), Ok(100));
}

#[tokio::test]
async fn a_reader_cannot_write() {
    let (_folder, db) = memory();
    assert_eq!(db.read(insert(1)).await, Err(StoreError::Io));
}

#[tokio::test]
async fn an_orderly_end_leaves_everything_in_the_one_file() {
    let (folder, db) = memory();
    db.write(insert(1)).await.unwrap();
    assert_eq!(rows(&db).await, [1]);
    assert!(folder.path().join("t.db-wal").exists());
    drop(db);
    assert!(!folder.path().join("t.db-wal").exists());
}

/// Inserts numbers one by one, each in its own transaction.
struct Slow {
    left: Vec<i64>,
    reply: oneshot::Sender<Vec<i64>>,
    seen: Vec<i64>,
}

impl WriteJob for Slow {
    fn is_durable(&self) -> bool {
        false
    }

    fn run(&mut self, conn: &Connection) {
        let mut query = conn.prepare("SELECT count(*) FROM t").unwrap();
        self.seen.push(query.query_row([], |row| row.get(0)).unwrap());
        insert(self.left.remove(0))(conn).unwrap();
    }

    fn is_unfinished(&self) -> bool {
        !self.left.is_empty()
    }

    fn done(self: Box<Self>, failed: Option<&StoreError>) {
        assert_eq!(failed, None);
        self.reply.send(self.seen).unwrap();
    }
}

#[tokio::test]
async fn others_write_between_the_steps_of_a_job_and_dropping_ends_it() {
    let (_folder, db) = memory();
    let go = hold(&db).await;
    let (reply, seen) = oneshot::channel();
    db.enqueue(Box::new(Slow { left: vec![1, 2, 3], reply, seen: Vec::new() })).await.unwrap();
    db.enqueue(Write::durable(insert(9)).0).await.unwrap();
    go.send(()).unwrap();
    drop(db);
    assert_eq!(seen.await.unwrap(), [0, 2, 3]);
}
