//! Through real pipes, terminals, sockets and devices.

use super::*;
use rustix::{
    io::retry_on_intr,
    pipe::pipe,
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};
use std::{
    fs::{File, OpenOptions},
    io::{Seek, Write},
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

fn outlet(fd: impl Into<OwnedFd>) -> Outlet {
    Outlet::new("stdout", fd.into(), Box::new(|lines| format!("{lines} lines lost")))
}

/// Writes lines until ten are lost, and fails where that takes longer than a blocked write would let it.
fn flood(outlet: &mut Outlet) -> usize {
    let started = Instant::now();
    let mut said = 0;
    while outlet.tally().lost() < 10 {
        outlet.line(format!("line {said} {}", "x".repeat(80)).as_bytes());
        said += 1;
        assert!(said < 100_000, "nothing is ever lost");
    }
    assert!(started.elapsed() < Duration::from_secs(5));
    said - 10
}

fn terminal() -> (File, OwnedFd) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let slave = open(ptsname(&master, vec![]).unwrap(), OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    (File::from(master), slave)
}

/// Reads what is there within a moment. Other tests of this program send signals, so a call may be interrupted.
fn read_ready(file: &mut File) -> String {
    let (mut text, mut buffer) = (vec![], vec![0; 1 << 16]);
    let moment = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
    while retry_on_intr(|| poll(&mut [PollFd::new(&*file, PollFlags::IN)], Some(&moment))).unwrap() > 0 {
        match retry_on_intr(|| rustix::io::read(&*file, &mut *buffer)).unwrap() {
            0 => break,
            read => text.extend_from_slice(&buffer[..read]),
        }
    }
    String::from_utf8(text).unwrap()
}

/// Every line but those of the count is whole, in order and without doubles.
fn assert_whole(lines: &[&str]) {
    let mut next = 0;
    for line in lines.iter().filter(|line| line.starts_with("line ")) {
        let mut parts = line.split(' ').skip(1);
        let number: usize = parts.next().unwrap().parse().unwrap();
        assert!(number >= next && parts.next().is_some_and(|x| x.len() == 80), "{line}");
        next = number + 1;
    }
}

#[test]
fn a_pipe_that_is_never_read_loses_lines_and_says_so_when_it_is() {
    let (reader, writer) = pipe().unwrap();
    let mut out = outlet(writer);
    assert_eq!(out.way, Way::Own);
    let through = flood(&mut out);
    assert!(through > 100, "only {through} lines went through");
    assert_eq!(out.tally().trouble().as_deref(), Some("nobody reads stdout, 10 lines lost"));
    let mut reader = File::from(reader);
    let before = read_ready(&mut reader);
    out.line(b"I am back");
    let after = read_ready(&mut reader);
    assert_whole(&before.lines().collect::<Vec<_>>());
    assert_eq!(before.lines().count(), through);
    assert_eq!(after, "10 lines lost\nI am back\n");
    assert_eq!((out.tally().lost(), out.tally().trouble()), (10, None));
}

#[test]
fn a_terminal_that_is_never_read_does_not_stop_the_bot() {
    let (mut master, slave) = terminal();
    let mut out = outlet(slave);
    assert_eq!(out.way, Way::Own);
    flood(&mut out);
    let before = read_ready(&mut master);
    out.line(b"I am back");
    let text = before + &read_ready(&mut master);
    let lines: Vec<&str> = text.lines().collect();
    assert_whole(&lines);
    assert_eq!(lines[lines.len() - 2..], ["10 lines lost", "I am back"]);
}

#[test]
fn a_terminal_under_ctrl_s_does_not_stop_the_bot() {
    let (mut master, slave) = terminal();
    let mut out = outlet(slave);
    out.line(b"hello");
    assert_eq!(read_ready(&mut master), "hello\r\n");
    master.write_all(b"\x13").unwrap();
    let deadline = Instant::now() + Duration::from_secs(2);
    while out.tally().lost() == 0 && Instant::now() < deadline {
        out.line(b"under Ctrl-S");
    }
    out.line(b"under Ctrl-S");
    assert!(out.tally().lost() >= 2);
    master.write_all(b"\x11").unwrap();
    read_ready(&mut master);
    out.line(b"I am back");
    let text = read_ready(&mut master);
    assert!(text.ends_with(" lines lost\r\nI am back\r\n"), "{text}");
}

#[test]
fn a_begun_line_is_finished_before_the_next() {
    let (reader, writer) = UnixStream::pair().unwrap();
    let mut out = outlet(writer);
    assert_eq!(out.way, Way::Socket);
    flood(&mut out);
    let mut reader = File::from(OwnedFd::from(reader));
    let before = read_ready(&mut reader);
    out.line(b"I am back");
    let text = before + &read_ready(&mut reader);
    let lines: Vec<&str> = text.lines().collect();
    assert_whole(&lines);
    assert_eq!(lines[lines.len() - 2..], ["10 lines lost", "I am back"]);
}

#[test]
fn where_the_stream_cannot_be_opened_again_poll_must_do() {
    let (reader, writer) = pipe().unwrap();
    let mut out = Outlet { way: Way::Shared, ..outlet(writer.try_clone().unwrap()) };
    out.fd = writer;
    assert!(flood(&mut out) > 10);
    drop(reader);
    out.line(b"nobody is there");
    assert_eq!(out.tally().trouble().as_deref(), Some("stdout is closed, 11 lines lost"));
}

#[test]
fn the_flags_that_others_share_stay() {
    let (_reader, writer) = pipe().unwrap();
    let shared = writer.try_clone().unwrap();
    outlet(writer).line(b"hello");
    assert!(!rustix::fs::fcntl_getfl(&shared).unwrap().contains(OFlags::NONBLOCK));
}

#[test]
fn a_closed_or_full_stdout_is_said_once_aside() {
    let closed = pipe().unwrap().1;
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    for (fd, want) in [(closed, "stdout is closed"), (OwnedFd::from(full), "stdout has no space left")] {
        let (reader, stderr) = pipe().unwrap();
        let mut out = outlet(fd).with_aside(Some(outlet(stderr)));
        (0..12).for_each(|_| out.line(b"hello"));
        assert_eq!(out.tally().trouble(), Some(format!("{want}, 12 lines lost")));
        assert_eq!(
            read_ready(&mut File::from(reader)),
            format!("The log is cut off: {want}, 1 line lost. The bot goes on without it\n")
        );
    }
}

#[test]
fn a_file_that_is_appended_to_stays_so() {
    let mut file = tempfile::tempfile().unwrap();
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let mut out = outlet(OpenOptions::new().append(true).open(path).unwrap());
    out.line(b"one");
    file.write_all(b"ONE\n").unwrap();
    out.line(b"two");
    file.rewind().unwrap();
    assert_eq!(std::io::read_to_string(file).unwrap(), "ONE\ntwo\n");
}

#[test]
fn long_lines_are_cut_at_a_characters_end() {
    let long = "a".to_owned() + &"é".repeat(3_000);
    for (line, length, end) in [
        ("short".to_owned(), 6, "rt\n"),
        ("x".repeat(MAX_LINE - 1), MAX_LINE, "xx\n"),
        ("x".repeat(MAX_LINE), MAX_LINE, "x…\n"),
        (long.clone(), MAX_LINE - 1, "é…\n"),
        (long[1..].to_owned(), MAX_LINE, "é…\n"),
    ] {
        let mut out = vec![];
        cut_into(&mut out, line.as_bytes());
        assert_eq!(out.len(), length);
        assert!(String::from_utf8(out).unwrap().ends_with(end));
    }
}
