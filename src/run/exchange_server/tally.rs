//! What was done, for the log.

use crate::{
    run::{http_server, text::counted},
    simulation::binance::{Output, Reply},
};

/// What the driver has passed on, by kind: also the faults, as far as they can be seen from outside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Answers with a status from 400 to 499.
    pub refusals: u64,
    /// Answers with a status from 500 on.
    pub failures: u64,
    /// Answers that were held back.
    pub late: u64,
    /// Answers that were cut.
    pub cut: u64,
    /// Stream connections that were accepted.
    pub streams: u64,
    /// Text frames that were sent.
    pub frames: u64,
    /// Frames that were cut.
    pub cut_frames: u64,
    /// Stream connections that the venue has closed or cut.
    pub closed: u64,
    /// Those that were dropped since they did not keep up.
    pub slow: u64,
}

impl Tally {
    /// Counts what the venue wants done.
    pub fn count(&mut self, output: &Output) {
        match output {
            Output::Reply(_, reply) => self.count_reply(reply),
            Output::Drop(_) => self.cut += 1,
            Output::Welcome(_) => self.streams += 1,
            Output::Push(..) => self.frames += 1,
            Output::CutInFrame(..) => self.cut_frames += 1,
            Output::Close(_) | Output::Cut(_) => self.closed += 1,
        }
    }

    fn count_reply(&mut self, reply: &Reply) {
        self.refusals += u64::from((400..500).contains(&reply.status));
        self.failures += u64::from(reply.status >= 500);
        self.late += u64::from(reply.not_before.is_some());
        self.cut += u64::from(reply.cut_after.is_some());
    }

    /// One line of it, with what the server has seen.
    pub fn line(&self, server: &http_server::Tally) -> String {
        let Self { refusals, failures, late, cut, streams, frames, cut_frames, closed, slow } = self;
        let (turned_away, refused) = (server.turned_away.get(), server.refused.get());
        format!(
            "So far: {} ({turned_away} turned away), {} ({refused} malformed; answers: {refusals} with 4xx, {failures} with 5xx, \
             {late} late, {cut} cut), {} ({closed} closed, {slow} too slow), {} ({cut_frames} cut)",
            counted(server.connections.get(), "connection"),
            counted(server.requests.get(), "request"),
            counted(*streams, "stream"),
            counted(*frames, "frame"),
        )
    }
}
