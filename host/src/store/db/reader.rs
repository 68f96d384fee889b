//! The reader threads. Each has its own connection; an idle one takes the next query.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;
use tokio::sync::mpsc;

pub(super) type Read = Box<dyn FnOnce(&Connection) + Send>;

pub(super) fn start(
    name: &str,
    connections: Vec<Connection>,
    questions: mpsc::Receiver<Read>,
) -> io::Result<Vec<JoinHandle<()>>> {
    let questions = Arc::new(Mutex::new(questions));
    let spawn = |(i, conn): (usize, Connection)| {
        let questions = questions.clone();
        thread::Builder::new().name(format!("{name}-read-{i}")).spawn(move || {
            while let Some(read) = next(&questions) {
                read(&conn);
            }
        })
    };
    connections.into_iter().enumerate().map(spawn).collect()
}

/// One idle reader blocks on the channel, the others on the mutex.
fn next(questions: &Mutex<mpsc::Receiver<Read>>) -> Option<Read> {
    questions.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv()
}
