//! The loop that moves the venue in time.

use super::{played::Played, questions::Question, reel::Reel, switchboard::Switchboard, tally::Tally};
use crate::{
    candles_file::FileError,
    config::Speed,
    market::Timestamp,
    run::{http_server, pace::Pace},
    simulation::binance::{Input, Output, SessionId},
    stop::{Cause, Stop},
};
use async_channel::{Receiver, Sender};
use log::info;
use std::{
    rc::Rc,
    time::{Duration, Instant},
};

/// The longest piece of work before others on the thread have their turn.
const SLICE: Duration = Duration::from_millis(5);
/// Questions that are answered before time goes on.
const QUESTIONS_A_TURN: usize = 256;
/// Between two lines of what was done.
const REPORT_EVERY: Duration = Duration::from_secs(60);
/// So long after the end of recorded candles streams stay open and silent; then the exchange closes.
const GRACE: Duration = Duration::from_secs(5);

/// Owns the venue and its clock.
pub struct Driver<P> {
    venue: P,
    reel: Reel,
    pace: Pace,
    board: Switchboard,
    questions: Receiver<Question>,
    outputs: Vec<Output>,
    server: Rc<http_server::Tally>,
    reported: Tally,
    report_at: Instant,
    /// When the exchange closes, once its candles are over.
    closes_at: Option<Instant>,
}

impl<P: Played> Driver<P> {
    /// The venue's clock begins to run when [`Driver::run`] does.
    pub fn new(
        venue: P,
        reel: Reel,
        speed: f64,
        (ask, questions): (Sender<Question>, Receiver<Question>),
        server: Rc<http_server::Tally>,
    ) -> Self {
        let now = Instant::now();
        Self {
            pace: Pace::new(Speed::Times(speed), reel.opens(), now),
            venue,
            reel,
            board: Switchboard::new(ask),
            questions,
            outputs: Vec::new(),
            server,
            reported: Tally::default(),
            report_at: now + REPORT_EVERY,
            closes_at: None,
        }
    }

    /// This is the main loop. It ends with the stop signal, which it sets itself some time after recorded candles are over.
    ///
    /// # Errors
    /// A row that may not be, or a file that can't be read on.
    pub async fn run(&mut self, stop: &Stop) -> Result<(), FileError> {
        let (shown, since) = self.reel.clock();
        self.pace.start(shown, since);
        while stop.cause().is_none() {
            self.turn(Instant::now())?;
            self.report(Instant::now());
            if self.closes_at.is_some_and(|at| at <= Instant::now()) {
                info!("Stopping: the recorded candles are over");
                stop.stop(Cause::DataOver);
            }
            self.wait(stop).await;
        }
        info!("{}", self.board.tally.line(&self.server));
        Ok(())
    }

    /// What is due, for a slice of time at most, and then questions.
    fn turn(&mut self, began: Instant) -> Result<(), FileError> {
        while let Some(at) = self.due().filter(|at| *at <= self.pace.market(began)) {
            self.play(at)?;
            if began.elapsed() >= SLICE {
                break;
            }
        }
        for _ in 0..QUESTIONS_A_TURN {
            let Ok(question) = self.questions.try_recv() else { break };
            self.hear(question);
        }
        Ok(())
    }

    /// When something happens next by itself.
    fn due(&self) -> Option<Timestamp> {
        let minute = match self.reel.next() {
            Some(candle) => Some(candle.candle.open_time),
            None => self.closes_at.is_none().then(|| self.reel.ends()),
        };
        [minute, self.venue.next_deadline()].into_iter().flatten().min()
    }

    /// What is due at `at`: the venue's own deadlines before the minute that begins then.
    fn play(&mut self, at: Timestamp) -> Result<(), FileError> {
        if self.venue.next_deadline().is_some_and(|deadline| deadline <= at) {
            self.tell(at, Input::Wake);
            return Ok(());
        }
        match self.reel.next() {
            Some(candle) => {
                self.tell(at, Input::Candle(&candle));
                self.reel.advance()?.iter().for_each(|remark| info!("{remark}"));
            }
            None => {
                info!(
                    "The recorded candles are over: streams are silent from here on, the end is in {} s",
                    GRACE.as_secs()
                );
                self.closes_at = Some(Instant::now() + GRACE);
            }
        }
        Ok(())
    }

    /// Something a connection says.
    fn hear(&mut self, question: Question) {
        let shown = self.pace.market(Instant::now());
        let at = self.due().map_or(shown, |due| due.min(shown)); // what is due before it happens before it
        match question {
            Question::Call(request, answer) => {
                let id = self.board.call(answer);
                let (method, target) = (&request.method, &request.target);
                self.tell(at, Input::Call { id, method, target, headers: &request.headers, body: &request.body });
            }
            Question::Knock(target, answer) => {
                let (session, id) = self.board.knock(answer);
                self.tell(at, Input::Knock { session, id, target: &target });
            }
            Question::Frame(session, text) => self.tell(at, Input::Frame(session, &text)),
            Question::Gone(session) => self.gone(at, session),
        }
    }

    fn gone(&mut self, at: Timestamp, session: SessionId) {
        if self.board.gone(session) {
            self.tell(at, Input::Gone(session));
        }
    }

    /// Tells the venue something and does what it wants; also tells it of the clients that are gone by that.
    fn tell(&mut self, at: Timestamp, input: Input<'_>) {
        let now = self.pace.reach(at);
        self.venue.handle(now, input, &mut self.outputs);
        loop {
            let (pace, moment) = (&self.pace, Instant::now());
            let when = |at: Option<Timestamp>| at.map(|at| pace.instant(at, moment));
            let dropped = self.board.pass_on(&mut self.outputs, |reply| when(reply.not_before));
            if dropped.is_empty() {
                return;
            }
            for session in dropped {
                self.venue.handle(now, Input::Gone(session), &mut self.outputs);
            }
        }
    }

    fn report(&mut self, now: Instant) {
        if now < self.report_at {
            return;
        }
        self.report_at = now + REPORT_EVERY;
        if self.board.tally != self.reported {
            self.reported = self.board.tally;
            info!("{}", self.board.tally.line(&self.server));
        }
    }

    /// Until something is due or somebody asks; where the venue is behind, for one turn of the others.
    async fn wait(&mut self, stop: &Stop) {
        let now = Instant::now();
        let due = self.due().map(|at| self.pace.instant(at, now));
        let at = [due, self.closes_at].into_iter().flatten().fold(self.report_at, Instant::min);
        if at <= now {
            return smol::future::yield_now().await;
        }
        if let Some(Ok(question)) = stop.or_at_latest(at, self.questions.recv()).await {
            self.hear(question);
        }
    }
}
