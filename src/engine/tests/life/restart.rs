//! An engine that goes on from what was stored of it.

use super::{super::*, exchange::Venue, world::World};

impl World {
    /// An engine of this state, with all candles as history.
    fn restored(&self, state: State) -> Engine {
        assert_eq!(state, self.rig.engine.snapshot(), "what was read is what was written");
        let mut engine = Engine::restore(self.rig.engine.settings().clone(), state);
        let mut actions = Vec::new();
        for candle in &self.candles {
            engine.handle(self.rig.now, &as_history(candle), &mut actions);
        }
        assert!(actions.is_empty(), "history decides nothing");
        engine.look_back(); // as the market's next event does
        engine
    }

    /// The engine's state, as it comes back from text.
    fn as_json(&self) -> State {
        serde_json::from_str(&serde_json::to_string(&self.rig.engine.snapshot()).unwrap()).unwrap()
    }

    /// The engine's state, as it comes back from the journal's encoding.
    fn as_postcard(&self) -> State {
        let mut space = vec![0; 1 << 20];
        postcard::from_bytes(postcard::to_slice(&self.rig.engine.snapshot(), &mut space).unwrap()).unwrap()
    }

    pub(super) fn restore(&mut self) {
        self.rig.engine = self.restored(self.as_json());
    }

    /// From here on an engine that was restored is told the same as the one that was not, and must do the same.
    pub fn pair_up(&mut self, text: bool) {
        let state = if text { self.as_json() } else { self.as_postcard() };
        self.rig.twin = Some(self.restored(state));
    }

    /// Both engines have come to the same state.
    pub fn check_the_twin(&self) {
        assert_eq!(self.rig.twin.as_ref().unwrap().snapshot(), self.rig.engine.snapshot());
    }

    pub(super) fn crash(&mut self) {
        self.crashes += 1;
        self.restore();
        if self.venue == Venue::Exchange {
            let both = [Some(&mut self.rig.engine), self.rig.twin.as_mut()];
            both.into_iter().flatten().for_each(|engine| engine.state = engine.snapshot().on_exchange());
            self.rig.event(Event::Command(Command::Start));
            self.after();
        }
        self.cancels.clear();
        self.proven = false;
        self.rig.event(Event::Proof(Proof::Doubt));
        self.after();
        self.doubt_the_store(false);
        let unanswered = |order: &&Order| matches!(order.stage, Stage::Held { .. } | Stage::Sent);
        let ids: Vec<_> = self.rig.engine.orders().filter(unanswered).map(|order| order.request.id).collect();
        ids.into_iter().for_each(|id| self.hear(OrderUpdate::Unknown { id }));
    }
}
