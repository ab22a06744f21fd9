use super::*;
use crate::{
    engine::Reason,
    run::{health::Status, rig},
};
use async_channel::{Receiver, Sender};

/// A loop's memory, and a disk that does what the test says.
struct Scene {
    keeping: Keeping,
    trader: Trader,
    jobs: Receiver<Job>,
    answers: Sender<Answer>,
}

impl Scene {
    fn new() -> Self {
        let (keeper, jobs, answers) = Keeper::by_hand();
        let keeping = Keeping::without_disk(rig::settings().names(), Cursor::new(1));
        let keeping = keeping.on_disk(keeper, Vitals::default());
        Self { keeping, trader: rig::trader(), jobs, answers }
    }

    /// The trader wants a trade durable.
    fn commit(&mut self, batch: u64) {
        self.keeping.commit(batch, trade(), &self.trader).unwrap();
    }

    /// The transaction that is on its way.
    fn batch(&self) -> Batch {
        let Ok(Job::Batch(batch)) = self.jobs.try_recv() else { panic!("no transaction is on its way") };
        *batch
    }

    fn answer(&mut self, batch: Batch, outcome: Result<(), StoreError>) -> Result<(), KeepError> {
        self.answers.try_send(Answer::Batch(Box::new(batch), outcome)).unwrap();
        self.keeping.listen()
    }

    /// A turn in so many seconds.
    fn turn(&mut self, in_s: u64) {
        let now = Instant::now() + Duration::from_secs(in_s);
        self.keeping.turn(now, &self.trader, sample).unwrap();
    }

    fn done(&mut self) -> Option<(u64, usize)> {
        self.keeping.done().map(|(batch, trades)| (batch, trades.len()))
    }
}

fn trade() -> Vec<Record> {
    vec![Record::Trade(rig::trade(Reason::Stop))]
}

fn sample() -> Sample {
    Sample {
        at_ms: 1,
        market: rig::START,
        balance: rig::dec("1000"),
        equity: rig::dec("1000"),
        open: 0,
        trades: 0,
        status: Status::Healthy.to_string(),
        reasons: Vec::new(),
        uptime_s: 1,
        memory_kb: 1,
    }
}

fn failed(fault: Fault) -> Result<(), StoreError> {
    Err(StoreError { path: "d.db".into(), fault, cause: "no".to_owned() })
}

#[test]
fn a_commit_is_waited_for_until_the_newest_one_is_done_and_each_trade_comes_with_its_own() {
    let mut keeping = Keeping::without_disk(rig::settings().names(), Cursor::new(1));
    let trader = rig::trader();
    for batch in 1..=2 {
        keeping.commit(batch, trade(), &trader).unwrap();
    }
    let since = keeping.asked().expect("both are waited for");
    for (batch, asked) in [(1, Some(since)), (2, None)] {
        keeping.done = Some(batch);
        let (done, trades) = keeping.done().unwrap();
        assert_eq!((done, trades.len(), keeping.asked()), (batch, 1, asked));
    }
    assert_eq!(keeping.done(), None);
}

#[test]
fn one_transaction_is_on_its_way_and_what_comes_meanwhile_is_one_more() {
    let mut scene = Scene::new();
    scene.commit(1);
    scene.commit(2);
    scene.turn(400);
    scene.commit(3);
    assert_eq!(scene.done(), None);
    let first = scene.batch();
    assert_eq!((first.records.len(), scene.jobs.len()), (1, 0));
    scene.answer(first, Ok(())).unwrap();
    assert_eq!(scene.done(), Some((1, 1)));
    let second = scene.batch();
    assert_eq!((second.records.len(), second.sample.is_some()), (2, true));
    scene.answer(second, Ok(())).unwrap();
    assert_eq!((scene.done(), scene.done()), (Some((3, 2)), None));
    assert!(scene.keeping.is_quiet() && scene.keeping.last().is_none());
}

#[test]
fn all_that_the_disk_refused_goes_with_the_next_transaction_once() {
    let mut scene = Scene::new();
    scene.keeping.say(SaidKind::Trouble, 7, "a line");
    scene.keeping.halt("Emergency stop: the account is empty".to_owned(), 7);
    scene.turn(400);
    scene.commit(1);
    let first = scene.batch();
    let (said, halt) = (first.said.clone(), first.halt.clone());
    assert_eq!((said.len(), halt.is_some(), first.records.len()), (1, true, 0));
    scene.answer(first, failed(Fault::Full)).unwrap();
    let second = scene.batch();
    assert_eq!((&second.said, &second.halt, second.records.len()), (&said, &halt, 1));
    assert!(second.sample.is_some());
    scene.answer(second, failed(Fault::Full)).unwrap();
    assert_eq!(scene.done(), Some((1, 1)), "on paper it trades on");
    assert_eq!(scene.jobs.len(), 0, "the next try is a second later");
    scene.turn(5);
    let third = scene.batch();
    assert_eq!((&third.said, &third.halt, third.records.len()), (&said, &halt, 1));
    scene.answer(third, Ok(())).unwrap();
    scene.commit(2);
    let fourth = scene.batch();
    assert_eq!((fourth.said.len(), fourth.halt.is_some(), fourth.records.len()), (0, false, 1), "each once");
}

#[test]
fn a_trouble_is_told_once_a_try_whatever_is_refused_meanwhile() {
    let mut scene = Scene::new();
    let retry_at = |scene: &Scene| scene.keeping.disk.as_ref().unwrap().retry_at;
    let mut tries = Vec::new();
    for batch in 1..=3 {
        scene.commit(batch);
        let refused = scene.batch();
        scene.answer(refused, failed(Fault::Full)).unwrap();
        tries.push(retry_at(&scene).expect("it is tried again"));
    }
    assert!(tries.iter().all(|at| *at == tries[0]), "{tries:?}");
    scene.turn(5);
    let refused = scene.batch();
    scene.answer(refused, failed(Fault::Full)).unwrap();
    assert!(retry_at(&scene) > Some(tries[0]));
}

#[test]
fn a_disk_that_may_have_lied_ends_the_run() {
    for (fault, ends) in [(Fault::Fsync, true), (Fault::Broken, true), (Fault::Io, false), (Fault::Busy, false)] {
        let mut scene = Scene::new();
        scene.commit(1);
        let batch = scene.batch();
        assert_eq!(scene.answer(batch, failed(fault.clone())).is_err(), ends, "{fault:?}");
    }
}

#[test]
fn what_is_left_at_the_end_holds_all_that_was_refused() {
    let mut scene = Scene::new();
    scene.commit(1);
    let first = scene.batch();
    scene.answer(first, failed(Fault::Full)).unwrap();
    scene.commit(2);
    scene.keeping.finish(&scene.trader, sample()).unwrap();
    let second = scene.batch();
    scene.commit(3);
    assert_eq!(scene.jobs.len(), 0, "nothing else is written after what is on its way");
    scene.answer(second, failed(Fault::Full)).unwrap();
    let (last, what) = scene.keeping.last().unwrap();
    assert_eq!((last.records.len(), what.as_str()), (3, "the last state of the account, 0 fills, 3 trades"));
}

#[test]
fn what_waits_for_a_disk_that_refuses_all_is_bounded_and_what_was_dropped_is_told() {
    let mut scene = Scene::new();
    let many: Vec<Record> = std::iter::repeat_with(trade).flatten().take(MOST_UNSAVED - 1).collect();
    scene.keeping.commit(1, many, &scene.trader).unwrap();
    for number in 2..=3 {
        let batch = scene.batch();
        scene.answer(batch, failed(Fault::Full)).unwrap();
        scene.commit(number);
    }
    let third = scene.batch();
    assert_eq!(third.records.len(), MOST_UNSAVED + 1, "what is on its way is not cut");
    scene.answer(third, failed(Fault::Full)).unwrap();
    scene.keeping.finish(&scene.trader, sample()).unwrap();
    let (last, what) = scene.keeping.last().unwrap();
    assert_eq!(last.records.len(), MOST_UNSAVED);
    assert_eq!(what, "the last state of the account, 0 fills, 10000 trades, and 1 record before them");
}
