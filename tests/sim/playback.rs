//! A recording played to an agent's phone: bo listens, and does with it what a command may.

use cordboard::base::{ContactId, SegmentId, Span};
use cordboard::event::Kind;
use cordboard::event::words::{Actor, Display, Disposition, PlaybackEnding, PlaybackStep};
use cordboard::switch::{AgentVerb, Answer, Body, CallVerb, Code, Command, Play, PlaybackVerb, Snapshot};

use crate::verbs::{ANA, BO, House, talk};

const OF: ContactId = ContactId(77);
const LENGTH: Span = Span::seconds(60);

/// bo is signed in and not ready; ana talks with her customer all the time.
fn listening(start: Span) -> (House, ContactId) {
    let mut house = talk();
    let talk = house.contact;
    house.contact = house.plays("a1", start).expect("he may listen");
    assert_eq!(house.shown("a1"), Some(Display::Dialing), "his before his phone is rung");
    house.wait(Span::millis(500));
    house.answers(BO);
    house.hear(&[("bo", "sound")]);
    (house, talk)
}

impl House {
    fn plays(&mut self, agent: &str, start: Span) -> Result<ContactId, Code> {
        let (agent, file) = (self.agent_no(agent), "sim/2026-03-02/77.wav".to_owned());
        let (segment, from) = (Some(SegmentId(78)), Span::seconds(5));
        let body = Body::Play(Play { agent, of: OF, segment, file, from, length: LENGTH, start });
        let reply = self.world.command(Command { id: None, actor: Actor::Integration(1), body });
        match &self.world.answers[&reply].0 {
            Answer::Accepted { snapshot: Snapshot::Ordered(contact) } => Ok(*contact),
            Answer::Accepted { snapshot } => panic!("{snapshot:?}"),
            Answer::Refused { code, .. } => Err(*code),
        }
    }

    fn steers(&mut self, verb: PlaybackVerb) {
        self.does(CallVerb::Playback { verb });
    }

    /// What was told of the playing, in order, and where in it.
    fn told(&self) -> Vec<(PlaybackStep, i64)> {
        let told = |kind: &Kind| match kind {
            Kind::Playback { of, segment, step, place, length, ending: _ } => {
                assert_eq!((*of, *segment, *length), (OF, Some(SegmentId(78)), LENGTH));
                Some((*step, place.as_millis()))
            }
            _ => None,
        };
        self.world.told.iter().flatten().map(|event| &event.kind).filter_map(told).collect()
    }

    fn playback_ending(&self) -> Option<PlaybackEnding> {
        let ending = |kind: &Kind| if let Kind::Playback { ending, .. } = kind { *ending } else { None };
        self.world.told.iter().flatten().map(|event| &event.kind).find_map(ending)
    }

    /// Back to ana's talk, which nothing of it has touched.
    fn comes_to_its_end(mut self, talk: ContactId) {
        self.wait(Span::millis(500));
        assert_eq!(self.world.uas[BO].live_calls(), 0, "his phone is released");
        assert_eq!(self.record().disposition, Some(Disposition::Answered));
        assert_eq!(self.shown("a1"), Some(Display::NotReady));
        self.contact = talk;
        self.hear(&[("customer", "ana"), ("ana", "customer")]);
        self.ends();
    }
}

#[test]
fn to_its_end() {
    let (mut house, talk) = listening(Span::seconds(50));
    house.wait(Span::seconds(11));
    assert_eq!(house.told(), [(PlaybackStep::Started, 50_000), (PlaybackStep::Ended, 60_000)]);
    assert_eq!(house.playback_ending(), Some(PlaybackEnding::Played));
    house.comes_to_its_end(talk);
}

#[test]
fn it_stands_still_goes_on_and_is_moved_within_its_ends() {
    let (mut house, talk) = listening(Span::ZERO);
    house.steers(PlaybackVerb::Pause);
    house.refuses(CallVerb::Playback { verb: PlaybackVerb::Pause }, Code::AlreadyDone);
    house.wait(Span::seconds(100));
    assert_eq!(house.playback_ending(), None, "it stands still");
    house.hear(&[("bo", "sound")]);
    house.steers(PlaybackVerb::SeekTo(Span::seconds(30)));
    house.steers(PlaybackVerb::Resume);
    house.refuses(CallVerb::Playback { verb: PlaybackVerb::Resume }, Code::NothingToEnd);
    house.steers(PlaybackVerb::SeekBy(Span::seconds(-100)));
    house.steers(PlaybackVerb::SeekBy(Span::seconds(20)));
    let told = house.told();
    let at = |n: usize| told[n].1;
    assert_eq!(told[1].0, PlaybackStep::Paused);
    assert!((400..1_200).contains(&at(1)), "paused where it was: {}", at(1));
    assert_eq!(told[2..5], [(PlaybackStep::Moved, 30_000), (PlaybackStep::Resumed, 30_000), (PlaybackStep::Moved, 0)]);
    assert!((20_400..21_600).contains(&at(5)), "{}", at(5));
    house.wait(Span::seconds(30));
    assert_eq!(house.playback_ending(), None);
    house.steers(PlaybackVerb::SeekBy(Span::seconds(1_000)));
    house.wait(Span::millis(100));
    assert_eq!(house.playback_ending(), Some(PlaybackEnding::Played));
    assert_eq!(house.told().last(), Some(&(PlaybackStep::Ended, 60_000)));
    house.comes_to_its_end(talk);
}

#[test]
fn it_is_stopped_or_he_hangs_up() {
    let (mut house, talk) = listening(Span::ZERO);
    house.steers(PlaybackVerb::Stop);
    assert_eq!(house.playback_ending(), Some(PlaybackEnding::Stopped));
    house.comes_to_its_end(talk);

    let (mut house, talk) = listening(Span::ZERO);
    house.hangs_up(BO);
    assert_eq!(house.playback_ending(), Some(PlaybackEnding::Left));
    house.comes_to_its_end(talk);
}

#[test]
fn who_cannot_listen_now_is_not_rung() {
    let mut house = talk();
    assert_eq!(house.plays("a0", Span::ZERO), Err(Code::AgentBusy));
    house.refuses(CallVerb::Playback { verb: PlaybackVerb::Pause }, Code::NothingToEnd);
    house.agent("a1", AgentVerb::SignOut);
    assert_eq!(house.plays("a1", Span::ZERO), Err(Code::NotSignedIn));
    assert_eq!(house.world.uas[BO].live_calls(), 0);
    assert_eq!(house.world.uas[ANA].live_calls(), 1);
    house.ends();
}

#[test]
fn he_does_not_answer_or_the_process_dies() {
    let mut house = talk();
    let talk = std::mem::replace(&mut house.contact, ContactId(0));
    let listens = house.plays("a1", Span::ZERO).expect("he may listen");
    house.wait(Span::millis(500));
    house.rejects(BO);
    house.wait(Span::seconds(1));
    assert_eq!((house.told(), house.shown("a1")), (Vec::new(), Some(Display::NotReady)));
    house.contact = talk;
    assert!(house.world.disk.rows.contacts[&(house.world.site.tenant, listens)].closed.is_some());
    house.ends();

    let (mut house, _) = listening(Span::ZERO);
    house.world.crash(Span::seconds(1));
    house.wait(Span::seconds(2));
    assert!(house.record().closed.is_some());
    assert_eq!(house.world.uas[BO].live_calls(), 0);
    house.world.finish();
}

/// A talk of a second, and the server is away for the night.
#[test]
fn an_outage_is_nobodys_talk() {
    let mut house = talk();
    house.wait(Span::seconds(1));
    let died = house.world.t;
    house.world.crash(Span::hours(8));
    house.wait(Span::hours(8) + Span::seconds(2));
    let record = house.record();
    let closed = record.closed.expect("it ended with the process").t;
    assert!(closed <= died, "closed {closed:?}, died {died:?}");
    assert!(record.talk > Span::ZERO && record.talk < Span::minutes(1), "{:?}", record.talk);
    let agents = &house.world.disk.open.agents;
    assert!(agents.values().all(|agent| agent.talked < Span::minutes(1)), "{agents:#?}");
    house.world.finish();
}
