//! The sound simulator: what the tenant machine orders of sound is done by real engines with real packets, on two
//! threads' worth of them, while verbs come. Each far end says its own tone without end, so whoever hears somebody he
//! should not is found by ear. Who may hear whom is written here a second time, from what a client sees of the legs.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use cordboard::base::{ContactId, LegId, Now, Rng, Span, TenantNo, Time, Utc};
use cordboard::call::ContactView;
use cordboard::event::words::{SupervisionMode, TransferMode, Watched};
use cordboard::media::recorder::{Pool, Write};
use cordboard::media::rtp::{self, HEADER_BYTES, Stamp};
use cordboard::media::sound::Library;
use cordboard::media::wav::Format;
use cordboard::media::words::{Body, Command, Source};
use cordboard::media::{Channel, Engine, Home, Output, Settings, Slot, Verdict, dsp, law};
use cordboard::sdp::Codec;
use cordboard::switch::{CallVerb, ConsultVerb, LegPhase, LegState, Watch};

use crate::chance::{Client, Memory};
use crate::day::seeds;
use crate::scenario::ua::call::{Answer, Deed, Plan};
use crate::supervision;
use crate::verbs::{ANA, BO, CUSTOMER, House, number, talk_at, to};

const TENANT: TenantNo = TenantNo(1);
const THREADS: usize = 2;
const FRAME: Span = Span::millis(20);
/// Sound is judged in stretches of so many frames in which nothing was ordered, nor just before.
const STRETCH: usize = 10;
const SETTLES: Span = Span::millis(200);
const AMPLITUDE: f64 = 2_500.0;
/// A tone this loud, as a share of how it is said, is heard.
const HEARD: f64 = 0.3;

struct Voice {
    remote: Option<SocketAddr>,
    /// Its far end wants to hear nothing now: it holds us.
    away: bool,
    /// It was told that we do not listen.
    mute: bool,
    hz: f64,
    heard: Vec<i16>,
}

struct Ear {
    engines: Vec<Engine>,
    voices: BTreeMap<LegId, Voice>,
    places: BTreeMap<LegId, (usize, Slot)>,
    /// Left and right of each recording, as its blocks have come.
    files: BTreeMap<ContactId, Vec<u8>>,
    frame: u64,
    last_order: Time,
    /// Legs that went from one thread to the other.
    moves: usize,
    said: usize,
    stretches: usize,
}

impl Ear {
    fn new() -> Self {
        let engine = |index| {
            let (library, pool) = (Arc::new(Library::default()), Pool::default());
            let (rng, home) = (Rng::from_number(index as u64), Home { index, threads: THREADS });
            Engine::new(Settings { library, pool, format: Format::Pcm16, rng, home })
        };
        Self {
            engines: (0..THREADS).map(engine).collect(),
            voices: BTreeMap::new(),
            places: BTreeMap::new(),
            files: BTreeMap::new(),
            frame: 0,
            last_order: Time(0),
            moves: 0,
            said: 0,
            stretches: 0,
        }
    }

    /// Time passes in the house and in the engines; what is heard in it is judged.
    fn listen(&mut self, house: &mut House, span: Span) {
        let until = house.world.t + span;
        while house.world.t < until {
            for _ in 0..STRETCH {
                house.world.run(house.world.t + FRAME);
                let orders = house.world.tape.replace(Vec::new()).unwrap_or_default();
                for (t, command) in orders {
                    self.last_order = t;
                    self.order(command, now(t));
                }
                self.all_say(now(house.world.t));
                self.run_engines(now(house.world.t));
            }
            if house.world.t - self.last_order > FRAME_STRETCH + SETTLES {
                self.judge(house);
            }
            self.voices.values_mut().for_each(|voice| voice.heard.clear());
        }
    }

    fn order(&mut self, command: Command, now: Now) {
        if let Body::SetLeg(spec) = &command.body {
            let n = self.said;
            let voice = self.voices.entry(spec.leg).or_insert_with(|| {
                self.said += 1;
                Voice { remote: None, away: false, mute: false, hz: 400.0 + 100.0 * (n % 28) as f64, heard: Vec::new() }
            });
            voice.remote = spec.remote.map(|remote| remote.rtp);
            (voice.away, voice.mute) = (!spec.send, !spec.receive);
        }
        let home = command.contact.0 as usize % THREADS;
        if let Body::Hand { to, .. } = command.body
            && to.0 as usize % THREADS != home
        {
            self.engines[to.0 as usize % THREADS].command(TENANT, command.clone(), now);
        }
        let leg = if let Body::SetLeg(spec) = &command.body { Some((spec.leg, spec.ports)) } else { None };
        self.engines[home].command(TENANT, command, now);
        self.carry_out(home, leg.map(|(leg, _)| leg), now);
    }

    fn carry_out(&mut self, thread: usize, new: Option<LegId>, now: Now) {
        let mut arrivals = VecDeque::new();
        self.tick(thread, now);
        while let Some(output) = self.engines[thread].poll() {
            match output {
                Output::Listen { slot, .. } => {
                    let leg = new.expect("a leg is made by its first order");
                    self.places.insert(leg, (thread, slot));
                }
                Output::Release { slot, .. } => {
                    self.places.retain(|_, place| *place != (thread, slot));
                    let places = &self.places;
                    self.voices.retain(|leg, _| places.contains_key(leg));
                }
                Output::Give { slot, moving } => {
                    let here = |(_, place): &(&LegId, &(usize, Slot))| **place == (thread, slot);
                    arrivals.push_back((self.places.iter().find(here).map(|(leg, _)| *leg), moving));
                }
                Output::Write(Write::Block(block)) => {
                    let file = self.files.entry(block.key.recorder).or_default();
                    file.resize(block.at as usize, 0);
                    file.extend(&block.bytes);
                }
                Output::Write(Write::Open { .. } | Write::End { .. }) | Output::Report(..) | Output::Load(_) => {}
            }
        }
        for (leg, moving) in arrivals {
            let (leg, to) = (leg.expect("it had sockets"), moving.contact().0 as usize % THREADS);
            self.moves += 1;
            let slot = self.engines[to].arrive(moving);
            self.places.insert(leg, (to, slot));
            self.engines[to].settle(slot, now);
            self.carry_out(to, None, now);
        }
    }

    fn tick(&mut self, thread: usize, now: Now) {
        let (engine, voices) = (&mut self.engines[thread], &mut self.voices);
        engine.tick(now, &mut |_, channel, to, packet: &[u8]| {
            if channel == Channel::Rtp {
                hear(voices, to, packet);
            }
        });
    }

    fn run_engines(&mut self, now: Now) {
        for thread in 0..THREADS {
            while let Some(at) = self.engines[thread].deadline().filter(|at| *at <= now.t) {
                self.carry_out(thread, None, self::now(at.max(now.t - FRAME)));
            }
            self.carry_out(thread, None, now);
        }
    }

    /// 20 ms of everybody's own tone.
    fn all_say(&mut self, now: Now) {
        self.frame += 1;
        let speakers: Vec<_> =
            self.voices.iter().filter(|(_, v)| !v.mute).filter_map(|(leg, v)| Some((*leg, v.remote?, v.hz))).collect();
        for (leg, remote, hz) in speakers {
            let Some(&(thread, slot)) = self.places.get(&leg) else { continue };
            let first = self.frame * 160;
            let mut packet = vec![0; HEADER_BYTES];
            let stamp = Stamp { marker: false, sequence: self.frame as u16, timestamp: first as u32 };
            rtp::write(&mut packet, 8, leg.0 as u32, stamp);
            packet.extend((first..first + 160).map(|i| law::encode(Codec::Pcma, dsp::sine(i, 8_000, hz, AMPLITUDE))));
            let mut verdict = match self.engines[thread].on_datagram(slot, Channel::Rtp, remote, &mut packet, now.t) {
                Verdict::Forward(forward) => Some(forward),
                Verdict::Drop(_) | Verdict::Consume => None,
            };
            while let Some(forward) = verdict {
                hear(&mut self.voices, forward.address, &packet[..forward.length]);
                verdict = if forward.more { self.engines[thread].another(&mut packet, now.t) } else { None };
            }
        }
    }

    /// Everybody hears exactly whom the machine has put into his row, and nobody whom he may not hear.
    fn judge(&mut self, house: &House) {
        let contacts: Vec<ContactView> = house.world.contacts();
        let legs: BTreeMap<LegId, (&LegState, cordboard::base::CallId)> = contacts
            .iter()
            .flat_map(|contact| &contact.calls)
            .flat_map(|call| call.legs.iter().map(|leg| (leg.leg, (leg, call.call))))
            .collect();
        self.stretches += 1;
        for (sink, voice) in &self.voices {
            let heard: BTreeSet<LegId> = self
                .voices
                .iter()
                .filter(|(_, other)| loudness(&voice.heard, other.hz) > HEARD)
                .map(|(leg, _)| *leg)
                .collect();
            let speaks = |leg: &LegId| {
                self.voices
                    .get(leg)
                    .is_some_and(|v| v.remote.is_some() && !v.mute && !voice.away && voice.remote.is_some())
            };
            let row: BTreeSet<LegId> = house
                .world
                .sound
                .row(*sink)
                .iter()
                .filter_map(|source| if let Source::Leg(leg) = source { Some(*leg) } else { None })
                .filter(speaks)
                .collect();
            assert_eq!(heard, row, "(7) leg {sink} hears others than its row says: {contacts:#?}");
            for source in &heard {
                let (Some(sink), Some(source)) = (legs.get(sink), legs.get(source)) else { continue };
                assert!(may_hear(*sink, *source), "(7) {sink:#?} hears {source:#?}");
            }
        }
    }

    fn track(&self, contact: ContactId, right: bool) -> Vec<i16> {
        let sample = |frame: &[u8]| {
            let at = if right { 2 } else { 0 };
            i16::from_le_bytes([frame[at], frame[at + 1]])
        };
        self.files.get(&contact).map(|bytes| bytes.chunks_exact(4).map(sample).collect()).unwrap_or_default()
    }
}

const FRAME_STRETCH: Span = Span(FRAME.0 * STRETCH as i64);

fn now(t: Time) -> Now {
    Now { t, wall: Utc(t.0) }
}

fn hear(voices: &mut BTreeMap<LegId, Voice>, to: SocketAddr, packet: &[u8]) {
    let Some(voice) = voices.values_mut().find(|voice| voice.remote == Some(to)) else { return };
    let header = rtp::read(packet).expect("we send RTP");
    if header.payload_type == 8 {
        voice.heard.extend(packet[HEADER_BYTES..].iter().map(|&code| law::decode(Codec::Pcma, code)));
    }
}

fn loudness(samples: &[i16], hz: f64) -> f64 {
    if samples.len() < 800 {
        return 0.0;
    }
    dsp::goertzel(samples, 8_000, hz).sqrt() * dsp::rms(samples) / (AMPLITUDE / 2_f64.sqrt())
}

/// The rule of rooms a second time: one call, nobody held or muted, a whisper for the one it is meant for.
fn may_hear(
    (sink, in_call): (&LegState, cordboard::base::CallId),
    (source, of_call): (&LegState, cordboard::base::CallId),
) -> bool {
    let answered = sink.phase == LegPhase::Answered && source.phase == LegPhase::Answered;
    let stopped = sink.held.is_some() || source.held.is_some() || source.muted_from || sink.muted_to;
    if !answered || in_call != of_call || sink.leg == source.leg {
        return false;
    }
    match (sink.supervision, source.supervision) {
        (_, Some((SupervisionMode::Listen, _))) => false,
        (_, Some((SupervisionMode::Whisper, watched))) => watched == Watched::Leg(sink.leg) && !stopped,
        // He hears what is said in the call, to whomever it is said.
        (Some(_), _) => !source.muted_from,
        (None, Some((SupervisionMode::Barge, _)) | None) => !stopped,
    }
}

/// ana talks with the customer, bo supervises her.
fn talk() -> (House, Ear) {
    let mut house = talk_at(supervision::site());
    let mut ear = Ear::new();
    ear.listen(&mut house, Span::seconds(1));
    (house, ear)
}

#[test]
fn a_held_customer_hears_no_consult_and_a_whisper_reaches_neither_him_nor_the_file() {
    let (mut house, mut ear) = talk();
    let ana = house.named("ana");
    house.does(CallVerb::Supervise {
        agent: house.agent_no("a1"),
        target: ana.map(Watch::Party),
        mode: SupervisionMode::Whisper,
        ring: None,
    });
    house.answers(BO);
    ear.listen(&mut house, Span::seconds(2));
    let (whisper, customer, talker) = (house.leg("bo"), house.leg("customer"), house.leg("ana"));
    let tone = |ear: &Ear, leg: LegId| ear.voices[&leg].hz;
    let (whisper, customer, talker) = (tone(&ear, whisper), tone(&ear, customer), tone(&ear, talker));
    house.does(CallVerb::Hold { who: house.named("customer") });
    ear.listen(&mut house, Span::seconds(1));
    house.does(CallVerb::Retrieve { who: None });
    house.does(to(ana, TransferMode::Consult, number("1900")));
    ear.listen(&mut house, Span::seconds(1));
    house.answers(3);
    ear.listen(&mut house, Span::seconds(2));
    let consulted = tone(&ear, house.leg("cai"));
    for verb in [ConsultVerb::Swap, ConsultVerb::Swap, ConsultVerb::Cancel] {
        house.does(CallVerb::Consult { who: None, verb });
        ear.listen(&mut house, Span::seconds(1));
    }
    let contact = house.contact;
    house.ends();
    let (left, right) = (ear.track(contact, false), ear.track(contact, true));
    assert!(left.len() > 8_000 * 5, "{} samples", left.len());
    // in windows of a second: what is short shows as well
    let ever = |track: &[i16], hz: f64| track.chunks(8_000).map(|part| loudness(part, hz)).fold(0.0, f64::max);
    assert!(ever(&left, customer) > 0.9 && ever(&right, talker) > 0.9, "both are in their tracks");
    for (name, hz) in [("whisper", whisper), ("consult", consulted)] {
        assert!(ever(&left, hz) < 0.05 && ever(&right, hz) < 0.05, "the {name} is in the file");
    }
    assert!(ever(&left, talker) < 0.05 && ever(&right, customer) < 0.05, "each is in his own track only");
    assert!(ear.stretches > 20, "{} stretches were judged", ear.stretches);
}

/// Contacts live on threads by their ids, so of a few merges some move legs between them.
#[test]
fn legs_change_threads_and_nobody_hears_anybody_else() {
    let (mut moves, mut stretches) = (0, 0);
    for lead in 0..THREADS as u64 {
        let (mut house, mut ear) = talk();
        // somebody else takes ids in between: they decide the thread of the next contact
        house.world.skip_ids(lead);
        let first = house.world.uas[ANA].live_call().expect("she talks");
        house.world.touch(ANA, |ua, t| ua.carry_out(first, Deed::Hold, t));
        let second = house.world.touch(ANA, |ua, t| ua.call("1900", "", Plan::default(), t));
        ear.listen(&mut house, Span::seconds(1));
        house.answers(3);
        ear.listen(&mut house, Span::seconds(2));
        house.world.touch(ANA, |ua, t| ua.refer(first, "1900", Some(second), t));
        ear.listen(&mut house, Span::seconds(3));
        assert_eq!(house.world.uas[CUSTOMER].live_calls(), 1, "he talks with cai now");
        (moves, stretches) = (moves + ear.moves, stretches + ear.stretches);
        house.ends();
    }
    assert!(moves > 0 && stretches > 20, "{moves} moves, {stretches} stretches");
}

#[test]
fn whatever_verbs_come_everybody_hears_his_row_and_nothing_else() {
    let (mut stretches, seeds) = (0, seeds(&[1, 2]));
    for &seed in &seeds {
        eprintln!("seed {seed}");
        let (mut house, mut ear) = talk();
        let (mut rng, mut memory) = (Rng::from_number(seed), Memory::default());
        for ua in &mut house.world.uas {
            ua.manner = |_| Plan { answer: Answer::After(Span::millis(300)), ..Plan::default() };
        }
        let agents: Vec<_> = house.world.site.agents.keys().copied().collect();
        let groups: Vec<_> = house.world.site.groups.keys().copied().collect();
        for _ in 0..60 {
            if house.world.contacts().is_empty() {
                house.world.touch(CUSTOMER, |ua, t| ua.call("4008000002", "+8613900000001", Plan::default(), t));
            }
            let memory = &mut memory;
            let mut client = Client { rng: &mut rng, agents: &agents, groups: &groups, memory };
            if let Some(command) = client.command(&mut house.world) {
                house.world.command(command);
            }
            ear.listen(&mut house, Span::seconds(1));
        }
        stretches += ear.stretches;
    }
    assert!(stretches > 30 * seeds.len(), "{stretches} stretches were judged");
}
