//! Who hears what: one pure function from what the contact knows of its parties to what one of them hears.
//! Owns the order of the rules. Leaves making players and telling the engine to `room`. In: a `Scene`. Out: `Hears`.

use crate::base::{CallId, LegId, PlayerId};
use crate::event::words::{SupervisionMode as Mode, Watched};

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
    /// Far ends, together with what one player plays.
    Over(Vec<LegId>, Box<Hears>),
}

impl Hears {
    /// This is a part of what it hears.
    pub fn includes(&self, what: &Self) -> bool {
        match self {
            Self::Over(_, beneath) => **beneath == *what,
            whole => whole == what,
        }
    }

    /// These far ends too.
    fn and(self, legs: Vec<LegId>) -> Self {
        match self {
            whole if legs.is_empty() => whole,
            Self::Nothing => Self::Legs(legs),
            Self::Legs(first) => Self::Legs(first.into_iter().chain(legs).collect()),
            Self::Over(first, beneath) => Self::Over(first.into_iter().chain(legs).collect(), beneath),
            player => Self::Over(legs, Box::new(player)),
        }
    }
}

/// What matters of a live leg.
#[derive(Clone, Copy, Debug)]
pub(super) struct Party {
    pub leg: LegId,
    pub call: CallId,
    pub sounds: Sounds,
    /// An agent, who needs no music while he holds somebody.
    pub agent: bool,
    /// We hold it.
    pub held: bool,
    /// Its far end holds us: it wants to hear nothing, and says nothing to anybody.
    pub away: bool,
    /// Nobody hears it.
    pub muted_from: bool,
    /// It hears nobody.
    pub muted_to: bool,
    /// It is a supervisor's, and no party of the talk.
    pub watches: Option<(Mode, Watched)>,
}

impl Party {
    /// To all who are there, unlike a supervisor who listens or whispers.
    fn speaks_to_all(&self) -> bool {
        self.can_speak() && matches!(self.watches, None | Some((Mode::Barge, _)))
    }

    fn whispers_to(&self, leg: LegId) -> bool {
        self.can_speak() && self.watches == Some((Mode::Whisper, Watched::Leg(leg)))
    }

    fn can_speak(&self) -> bool {
        self.sounds == Sounds::Answered && !self.held && !self.away && !self.muted_from
    }

    /// Somebody to talk with.
    fn is_company(&self) -> bool {
        self.sounds == Sounds::Answered && self.watches.is_none()
    }
}

/// Whether a leg's far end can be heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sounds {
    Answered,
    /// Not answered; the caller of an inbound leg, or a phone that an offer rings.
    Silent,
    /// Answered by what may be a machine: it hears what is played to it and nothing of the others.
    Unconfirmed,
    /// A dialled leg that rings.
    Ringing,
    /// A dialled leg that sends sound before it answers.
    Early,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Scene {
    pub parties: Vec<Party>,
    /// Prompts and announcements, and for whom; the first one counts.
    pub prompts: Vec<(LegId, PlayerId)>,
    /// Who waits in a queue.
    pub waiting: Option<LegId>,
    /// Whom the contact is about.
    pub main: Option<LegId>,
    /// Who began a conference alone.
    pub convenes: Option<LegId>,
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
        if let Some((_, player)) = self.prompts.iter().find(|(leg, _)| *leg == sink) {
            return Hears::Prompt(*player);
        }
        if party.sounds == Sounds::Unconfirmed {
            return Hears::Nothing;
        }
        if let Some((_, target)) = party.watches {
            return self.watching(party, target);
        }
        let speakers = self.speakers_to(party);
        let hears = if speakers.is_empty() { self.alone(party) } else { Hears::Legs(speakers) };
        hears.and(self.whispers_to(party))
    }

    /// A supervisor hears all who speak, and what is played to whom he watches: of a call, and while his agent is not
    /// there yet, to whom the contact is about.
    fn watching(&self, party: &Party, target: Watched) -> Hears {
        let of_leg = |leg: LegId| self.others(party).find(|p| p.leg == leg && p.is_company());
        let watched = match target {
            Watched::Leg(leg) => of_leg(leg),
            Watched::Call(_) => None,
        };
        let main = || self.main.and_then(|main| self.others(party).find(|p| p.leg == main && p.watches.is_none()));
        let beneath = match watched.or_else(main).map(|ear| self.hears(ear.leg)) {
            Some(Hears::Over(_, beneath)) => *beneath,
            // Whoever speaks to him speaks to the supervisor; a phone that rings is heard by him alone.
            Some(Hears::Legs(legs)) => {
                let early = |leg: &LegId| self.parties.iter().any(|p| p.leg == *leg && p.sounds == Sounds::Early);
                Hears::Nothing.and(legs.into_iter().filter(early).collect())
            }
            Some(player) => player,
            None => Hears::Nothing,
        };
        beneath.and(self.speakers_to(party))
    }

    fn others<'a>(&'a self, party: &'a Party) -> impl Iterator<Item = &'a Party> {
        self.parties.iter().filter(|p| p.call == party.call && p.leg != party.leg)
    }

    /// Somebody else talks in its call, whether he can be heard now or not.
    pub fn has_company(&self, party: &Party) -> bool {
        self.others(party).any(Party::is_company)
    }

    fn speakers_to(&self, party: &Party) -> Vec<LegId> {
        self.others(party).filter(|p| p.speaks_to_all()).map(|p| p.leg).collect()
    }

    fn whispers_to(&self, party: &Party) -> Vec<LegId> {
        self.others(party).filter(|p| p.whispers_to(party.leg)).map(|p| p.leg).collect()
    }

    /// Nobody speaks to it.
    fn alone(&self, party: &Party) -> Hears {
        let on_hold = |p: &Party| p.is_company() && (p.away || (p.held && !party.agent));
        if self.has_company(party) {
            return if self.others(party).any(on_hold) { Hears::HoldMusic } else { Hears::Nothing };
        }
        if self.waiting == Some(party.leg) && party.sounds == Sounds::Answered {
            return Hears::QueueMusic;
        }
        if let Some(early) = self.others(party).find(|p| p.sounds == Sounds::Early && p.watches.is_none()) {
            return Hears::Legs(vec![early.leg]);
        }
        if party.sounds != Sounds::Answered {
            return Hears::Nothing;
        }
        if self.others(party).any(|p| p.sounds == Sounds::Ringing && p.watches.is_none()) {
            return Hears::RingBack;
        }
        // Whom he talks with is in another call for now.
        let elsewhere = |p: &&Party| p.call != party.call && p.is_company();
        let convenes = self.convenes == Some(party.leg);
        if convenes || self.parties.iter().any(|p| elsewhere(&p)) { Hears::HoldMusic } else { Hears::Nothing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Sounds::{Answered, Early, Ringing, Silent, Unconfirmed};

    const MAIN: CallId = CallId(1);
    const SIDE: CallId = CallId(2);
    const PLAYER: PlayerId = PlayerId(9);

    fn party(leg: u64, call: CallId, sounds: Sounds) -> Party {
        Party {
            leg: LegId(leg),
            call,
            sounds,
            agent: false,
            held: false,
            away: false,
            muted_from: false,
            muted_to: false,
            watches: None,
        }
    }

    fn scene(parties: &[Party]) -> Scene {
        Scene { parties: parties.to_vec(), ..Scene::default() }
    }

    fn legs(legs: &[u64]) -> Hears {
        Hears::Legs(legs.iter().map(|leg| LegId(*leg)).collect())
    }

    #[test]
    fn each_party_hears_what_its_state_says() {
        let (a, b, c) = (party(1, MAIN, Answered), party(2, MAIN, Answered), party(3, MAIN, Answered));
        let held = |p: Party| Party { held: true, ..p };
        let away = |p: Party| Party { away: true, ..p };
        let from = |p: Party| Party { muted_from: true, ..p };
        let to = |p: Party| Party { muted_to: true, ..p };
        let agent = |p: Party| Party { agent: true, ..p };
        let with = |p: Party, sounds| Party { sounds, ..p };
        let aside = |p: Party| Party { call: SIDE, ..p };
        use Hears::{HoldMusic, Nothing, RingBack};
        // What it is, the parties, and what each hears.
        let rows: Vec<(&str, Vec<Party>, Vec<Hears>)> = vec![
            ("a talk", vec![a, b], vec![legs(&[2]), legs(&[1])]),
            ("three talk", vec![a, b, c], vec![legs(&[2, 3]), legs(&[1, 3]), legs(&[1, 2])]),
            ("alone", vec![a], vec![Nothing]),
            ("held", vec![held(a), b, c], vec![HoldMusic, legs(&[3]), legs(&[2])]),
            ("held by an agent", vec![held(a), agent(b)], vec![HoldMusic, Nothing]),
            ("an agent held", vec![a, held(agent(b))], vec![HoldMusic, HoldMusic]),
            ("a phone on hold", vec![a, away(b)], vec![HoldMusic, legs(&[1])]),
            ("muted from", vec![from(a), b], vec![legs(&[2]), Nothing]),
            ("muted to", vec![to(a), b], vec![Nothing, legs(&[1])]),
            ("muted to and held", vec![to(held(a)), b, c], vec![Nothing, legs(&[3]), legs(&[2])]),
            ("it rings", vec![a, with(b, Ringing)], vec![RingBack, legs(&[1])]),
            ("early sound", vec![a, with(b, Early)], vec![legs(&[2]), legs(&[1])]),
            ("early sound, unanswered caller", vec![with(a, Silent), with(b, Early)], vec![legs(&[2]), Nothing]),
            ("an offer rings", vec![a, with(b, Silent)], vec![Nothing, legs(&[1])]),
            ("an offer was answered by what may be a machine", vec![a, with(b, Unconfirmed)], vec![Nothing, Nothing]),
            ("a third rings", vec![a, b, with(c, Early)], vec![legs(&[2]), legs(&[1]), legs(&[1, 2])]),
            ("a consult", vec![a, aside(b), aside(c)], vec![HoldMusic, legs(&[3]), legs(&[2])]),
            ("a consult rings", vec![a, aside(b), aside(with(c, Ringing))], vec![HoldMusic, RingBack, legs(&[2])]),
            ("swapped", vec![a, b, aside(c)], vec![legs(&[2]), legs(&[1]), HoldMusic]),
        ];
        for (what, parties, expected) in rows {
            let scene = scene(&parties);
            let heard: Vec<_> = parties.iter().map(|p| scene.hears(p.leg)).collect();
            assert_eq!(heard, expected, "{what}");
        }
    }

    /// What it is, the parties, and what each hears.
    fn judge(rows: &[(&str, Vec<Party>, Vec<Hears>)]) {
        for (what, parties, expected) in rows {
            let scene = Scene { main: Some(LegId(1)), ..scene(parties) };
            let heard: Vec<_> = parties.iter().map(|p| scene.hears(p.leg)).collect();
            assert_eq!(heard, *expected, "{what}");
        }
    }

    #[test]
    fn a_supervisor_is_heard_by_whom_his_mode_says() {
        const LISTEN: (Mode, Watched) = (Mode::Listen, Watched::Leg(LegId(2)));
        const WHISPER: (Mode, Watched) = (Mode::Whisper, Watched::Leg(LegId(2)));
        const BARGE: (Mode, Watched) = (Mode::Barge, Watched::Leg(LegId(2)));
        const CALL: (Mode, Watched) = (Mode::Listen, Watched::Call(MAIN));
        let (customer, agent) = (party(1, MAIN, Answered), Party { agent: true, ..party(2, MAIN, Answered) });
        let supervisor = |watches| Party { watches: Some(watches), ..party(3, MAIN, Answered) };
        let held = |p: Party| Party { held: true, ..p };
        let from = |p: Party| Party { muted_from: true, ..p };
        let to = |p: Party| Party { muted_to: true, ..p };
        let with = |p: Party, sounds| Party { sounds, ..p };
        let over = |legs: &[u64], beneath| match self::tests::legs(legs) {
            Hears::Legs(legs) => Hears::Over(legs, Box::new(beneath)),
            other => other,
        };
        use Hears::{HoldMusic, Nothing};
        let rows: Vec<(&str, Vec<Party>, Vec<Hears>)> = vec![
            ("listen", vec![customer, agent, supervisor(LISTEN)], vec![legs(&[2]), legs(&[1]), legs(&[1, 2])]),
            (
                "listen to the call",
                vec![customer, agent, supervisor(CALL)],
                vec![legs(&[2]), legs(&[1]), legs(&[1, 2])],
            ),
            ("whisper", vec![customer, agent, supervisor(WHISPER)], vec![legs(&[2]), legs(&[1, 3]), legs(&[1, 2])]),
            ("barge", vec![customer, agent, supervisor(BARGE)], vec![legs(&[2, 3]), legs(&[1, 3]), legs(&[1, 2])]),
            (
                "barge, muted",
                vec![customer, agent, from(supervisor(BARGE))],
                vec![legs(&[2]), legs(&[1]), legs(&[1, 2])],
            ),
            (
                "whisper, muted",
                vec![customer, agent, from(supervisor(WHISPER))],
                vec![legs(&[2]), legs(&[1]), legs(&[1, 2])],
            ),
            ("deaf", vec![customer, agent, to(supervisor(LISTEN))], vec![legs(&[2]), legs(&[1]), Nothing]),
            (
                "he rings",
                vec![customer, agent, with(supervisor(BARGE), Ringing)],
                vec![legs(&[2]), legs(&[1]), legs(&[1, 2])],
            ),
            (
                "a whisper over hold",
                vec![held(customer), agent, supervisor(WHISPER)],
                vec![HoldMusic, legs(&[3]), legs(&[2])],
            ),
            (
                "the call, whose customer is held",
                vec![held(customer), agent, supervisor(CALL)],
                vec![HoldMusic, Nothing, over(&[2], HoldMusic)],
            ),
            ("a listener is no company", vec![customer, supervisor(CALL)], vec![Nothing, legs(&[1])]),
            (
                "who barges in is heard by whom nobody else talks to",
                vec![customer, supervisor((Mode::Barge, Watched::Call(MAIN)))],
                vec![legs(&[3]), legs(&[1])],
            ),
        ];
        judge(&rows);
    }

    #[test]
    fn a_supervisor_hears_what_whom_he_watches_hears() {
        const LISTEN: (Mode, Watched) = (Mode::Listen, Watched::Leg(LegId(2)));
        const WHISPER: (Mode, Watched) = (Mode::Whisper, Watched::Leg(LegId(2)));
        const BARGE: (Mode, Watched) = (Mode::Barge, Watched::Leg(LegId(2)));
        const CALL: (Mode, Watched) = (Mode::Listen, Watched::Call(MAIN));
        let (customer, agent) = (party(1, MAIN, Answered), Party { agent: true, ..party(2, MAIN, Answered) });
        let supervisor = |watches| Party { watches: Some(watches), ..party(3, MAIN, Answered) };
        let second = |watches| Party { watches: Some(watches), ..party(4, MAIN, Answered) };
        let with = |p: Party, sounds| Party { sounds, ..p };
        let aside = |p: Party| Party { call: SIDE, ..p };
        let third = |p: Party| Party { leg: LegId(5), ..p };
        let over = |legs: &[u64], beneath| match self::tests::legs(legs) {
            Hears::Legs(legs) => Hears::Over(legs, Box::new(beneath)),
            other => other,
        };
        use Hears::{HoldMusic, Nothing, RingBack};
        let rows: Vec<(&str, Vec<Party>, Vec<Hears>)> = vec![
            (
                "the agent's phone rings",
                vec![customer, with(agent, Silent), supervisor(LISTEN)],
                vec![Nothing, legs(&[1]), legs(&[1])],
            ),
            (
                "a consult, heard with the agent",
                vec![customer, aside(agent), aside(third(customer)), aside(supervisor(LISTEN))],
                vec![HoldMusic, legs(&[5]), legs(&[2]), legs(&[2, 5])],
            ),
            (
                "a consult rings, with a whisper",
                vec![customer, aside(agent), aside(with(third(customer), Ringing)), aside(supervisor(WHISPER))],
                vec![HoldMusic, over(&[3], RingBack), legs(&[2]), over(&[2], RingBack)],
            ),
            (
                "he stays with the call",
                vec![customer, aside(agent), aside(third(customer)), supervisor(CALL)],
                vec![HoldMusic, legs(&[5]), legs(&[2]), over(&[1], HoldMusic)],
            ),
            (
                "a listener hears no other's whisper",
                vec![customer, agent, supervisor(WHISPER), second(LISTEN)],
                vec![legs(&[2]), legs(&[1, 3]), legs(&[1, 2]), legs(&[1, 2])],
            ),
            (
                "a listener hears who barges in",
                vec![customer, agent, supervisor(BARGE), second(LISTEN)],
                vec![legs(&[2, 3]), legs(&[1, 3]), legs(&[1, 2]), legs(&[1, 2, 3])],
            ),
        ];
        judge(&rows);
        let mut scene = Scene { main: Some(LegId(1)), ..scene(&[customer, supervisor(CALL)]) };
        scene.waiting = Some(LegId(1));
        assert_eq!(scene.hears(LegId(3)), over(&[1], Hears::QueueMusic), "who waits, and his music");
        scene.prompts.push((LegId(1), PLAYER));
        assert_eq!(scene.hears(LegId(3)), over(&[1], Hears::Prompt(PLAYER)), "what is played to him");
    }

    #[test]
    fn prompts_stand_before_talk_and_music_but_not_before_hold() {
        let (a, b) = (party(1, MAIN, Answered), party(2, MAIN, Answered));
        let mut scene = scene(&[a, b]);
        scene.prompts.push((a.leg, PLAYER));
        assert_eq!((scene.hears(a.leg), scene.hears(b.leg)), (Hears::Prompt(PLAYER), legs(&[1])));
        scene.parties[0].held = true;
        assert_eq!(scene.hears(a.leg), Hears::HoldMusic);
        let mut scene = super::tests::scene(&[a]);
        scene.waiting = Some(a.leg);
        assert_eq!(scene.hears(a.leg), Hears::QueueMusic);
        scene.prompts.push((a.leg, PLAYER));
        assert_eq!(scene.hears(a.leg), Hears::Prompt(PLAYER));
        assert_eq!(scene.hears(LegId(7)), Hears::Nothing, "nobody of this scene");
    }
}
