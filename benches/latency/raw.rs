//! The baseline: the same texts at the same pace over a loopback connection, and a thread that waits for nothing else.

use crate::{Outcome, PAUSE, wait_until};
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// From before a text is written until the other side has read it, sorted.
pub fn run(texts: &[String]) -> Outcome<Vec<Duration>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut from = TcpStream::connect(listener.local_addr()?)?;
    let (mut to, _) = listener.accept()?;
    to.set_nodelay(true)?;
    let (sent, times) = mpsc::channel();
    let mut took = Vec::with_capacity(texts.len());
    thread::scope(|scope| -> Outcome<()> {
        scope.spawn(move || -> std::io::Result<()> {
            let mut at = Instant::now();
            for text in texts {
                at = at.max(Instant::now() - PAUSE) + PAUSE;
                wait_until(at);
                let _ = sent.send(Instant::now());
                to.write_all(text.as_bytes())?;
            }
            Ok(())
        });
        let mut buffer = vec![0; texts.iter().map(String::len).max().unwrap_or_default()];
        for text in texts {
            from.read_exact(&mut buffer[..text.len()])?;
            took.push(times.recv()?.elapsed());
        }
        Ok(())
    })?;
    took.sort_unstable();
    Ok(took)
}
