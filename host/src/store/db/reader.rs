//! The threads that read. Each has its own connection; whichever is free takes the next question.

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

/// One idle reader waits in the channel, the others for its place.
fn next(questions: &Mutex<mpsc::Receiver<Read>>) -> Option<Read> {
    questions.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv()
}
