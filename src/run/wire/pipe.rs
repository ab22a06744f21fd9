//! A connection as tungstenite reads it: what would have to wait says so, and the task is woken when it need not wait any more.

use futures_lite::{AsyncRead, AsyncWrite};
use std::{
    fmt,
    io::{self, Read, Write},
    pin::Pin,
    task::{Context, Poll, Waker},
};

/// A connection, encrypted or not.
pub(super) trait Io: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Io for T {}

pub(super) struct Pipe {
    io: Box<dyn Io>,
    waker: Waker,
}

impl fmt::Debug for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pipe")
    }
}

impl Pipe {
    /// Wakes nobody yet.
    pub fn new(io: Box<dyn Io>) -> Self {
        Self { io, waker: Waker::noop().clone() }
    }

    /// From now on this is who is woken.
    pub fn wake_with(&mut self, waker: &Waker) {
        self.waker.clone_from(waker);
    }

    fn poll<T>(
        &mut self,
        poll: impl FnOnce(Pin<&mut dyn Io>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> io::Result<T> {
        match poll(Pin::new(&mut *self.io), &mut Context::from_waker(&self.waker)) {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.poll(|io, context| io.poll_read(context, buffer))
    }
}

impl Write for Pipe {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self.poll(|io, context| io.poll_write(context, buffer)) {
            // tungstenite would panic
            Ok(0) if !buffer.is_empty() => Err(io::ErrorKind::WriteZero.into()),
            written => written,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.poll(|io, context| io.poll_flush(context))
    }
}
