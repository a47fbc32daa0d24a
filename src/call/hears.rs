//! Who hears what: one pure function from what the contact knows of its parties to what one of them hears.
//! Owns the order of the rules. Leaves making players and telling the engine to `room`. In: a `Scene`. Out: `Hears`.

use crate::base::{CallId, LegId, PlayerId};

/// What a leg's far end hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hears {
    Nothing,
    /// What other far ends say, in the order in which they came.
    Legs(Vec<LegId>),
    /// A prompt or an announcement made for it.
    Prompt(PlayerId),
    /// The music of the group he waits for.
    QueueMusic,
    RingBack,
    HoldMusic,
}

/// What matters of a live leg.
#[derive(Clone, Copy, Debug)]
pub(super) struct Party {
    pub leg: LegId,
    pub call: CallId,
    pub sounds: Sounds,
    /// We hold it.
    pub held: bool,
    /// Its far end holds us: it wants to hear nothing, and says nothing to anybody.
    pub away: bool,
    /// Nobody hears it.
    pub muted_from: bool,
    /// It hears nobody.
    pub muted_to: bool,
}

/// Whether a leg's far end can be heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sounds {
    Answered,
    /// Not answered; the caller of an inbound leg, or a phone that an offer rings.
    Silent,
    /// A dialled leg that rings.
    Ringing,
    /// A dialled leg that sends sound before it answers.
    Early,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Scene {
    pub parties: Vec<Party>,
    /// The flow's prompt, for the main party while nobody talks to it.
    pub prompt: Option<(LegId, PlayerId)>,
    /// Who waits in a queue.
    pub waiting: Option<LegId>,
}

impl Scene {
    /// The one rule of the room.
    pub fn hears(&self, sink: LegId) -> Hears {
        let Some(party) = self.parties.iter().find(|p| p.leg == sink) else { return Hears::Nothing };
        if party.muted_to {
            return Hears::Nothing;
        }
        if party.held {
            return Hears::HoldMusic;
        }
        let speakers = self.speakers_to(party);
        if !speakers.is_empty() {
            return Hears::Legs(speakers);
        }
        if let Some((_, player)) = self.prompt.filter(|(leg, _)| *leg == sink && !self.has_company(party)) {
            return Hears::Prompt(player);
        }
        self.alone(party)
    }

    fn others<'a>(&'a self, party: &'a Party) -> impl Iterator<Item = &'a Party> {
        self.parties.iter().filter(|p| p.call == party.call && p.leg != party.leg)
    }

    /// Somebody else talks in its call, whether he can be heard now or not.
    pub fn has_company(&self, party: &Party) -> bool {
        self.others(party).any(|p| p.sounds == Sounds::Answered)
    }

    fn speakers_to(&self, party: &Party) -> Vec<LegId> {
        let speaks = |p: &&Party| p.sounds == Sounds::Answered && !p.held && !p.away && !p.muted_from;
        self.others(party).filter(speaks).map(|p| p.leg).collect()
    }

    /// Nobody speaks to it.
    fn alone(&self, party: &Party) -> Hears {
        let on_hold = |p: &Party| p.sounds == Sounds::Answered && (p.held || p.away);
        if self.has_company(party) {
            return if self.others(party).any(on_hold) { Hears::HoldMusic } else { Hears::Nothing };
        }
        if self.waiting == Some(party.leg) && party.sounds == Sounds::Answered {
            return Hears::QueueMusic;
        }
        if let Some(early) = self.others(party).find(|p| p.sounds == Sounds::Early) {
            return Hears::Legs(vec![early.leg]);
        }
        if party.sounds != Sounds::Answered {
            return Hears::Nothing;
        }
        if self.others(party).any(|p| p.sounds == Sounds::Ringing) {
            return Hears::RingBack;
        }
        // Whom he talks with is in another call for now.
        let elsewhere = |p: &&Party| p.call != party.call && p.sounds == Sounds::Answered;
        if self.parties.iter().any(|p| elsewhere(&p)) { Hears::HoldMusic } else { Hears::Nothing }
    }
}
