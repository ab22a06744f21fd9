//! The baseline: the same texts at the same pace over a loopback connection, and a thread that waits for nothing else.

use crate::{Outcome, PAUSE, wait_until};
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc::{self, Receiver, Sender},
    thread,
    time::{Duration, Instant},
};

/// One text at a time, in between other measurements, so that both meet the same machine.
pub struct Between {
    from: TcpStream,
    texts: Sender<String>,
    times: Receiver<Instant>,
    buffer: Vec<u8>,
}

impl Between {
    pub fn new() -> Outcome<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let from = TcpStream::connect(listener.local_addr()?)?;
        let (mut to, _) = listener.accept()?;
        to.set_nodelay(true)?;
        let (texts, to_send) = mpsc::channel::<String>();
        let (sent, times) = mpsc::channel();
        thread::spawn(move || {
            for text in to_send {
                thread::sleep(PAUSE); // whoever reads sleeps by then
                if sent.send(Instant::now()).is_err() || to.write_all(text.as_bytes()).is_err() {
                    return;
                }
            }
        });
        Ok(Self { from, texts, times, buffer: Vec::new() })
    }

    /// From before the text is written until it was read.
    pub fn take(&mut self, text: &str) -> Outcome<Duration> {
        self.buffer.resize(text.len(), 0);
        self.texts.send(text.to_owned())?;
        self.from.read_exact(&mut self.buffer)?;
        let now = Instant::now();
        Ok(now - self.times.recv()?)
    }
}

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
