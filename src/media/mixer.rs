//! One contact's sums. Owns which sources go into which sum, who is loud enough to be heard, and the frames; leaves where
//! frames come from and go to the engine. A bus is one set of sources: of those the 6 loudest are summed once, everybody
//! who is not among them hears that sum in one encoding per law, who is among them hears it without himself.
//! In: [`Mixer::plan`], a frame per feed, [`Mixer::mix`]. Out: [`Mixer::hear`]. Nothing here allocates but `plan`.

use super::law::{self, FRAME};
use crate::base::{Span, Time, bounds};
use crate::sdp::Codec;

/// How long a source stays as loud as it was: a pause between two words takes nobody's place away.
const HOLD: Span = Span::millis(200);
/// Mean magnitude below which a source says nothing: about -60 dBFS.
const SILENCE: u16 = 32;

/// Where a frame comes from: a place in the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feed {
    Leg(u32),
    Player(u32),
}

/// What one sink hears, as its row says.
#[derive(Clone, Debug)]
pub struct Wish {
    pub sink: u32,
    pub hears: Vec<Feed>,
}

#[derive(Debug)]
pub struct Mixer {
    inputs: Vec<Input>,
    buses: Vec<Bus>,
    /// When the next frames are due.
    pub next: Time,
}

#[derive(Debug)]
struct Input {
    feed: Feed,
    frame: [i16; FRAME],
    /// The loudest of the last 200 ms, and until when that holds.
    level: u16,
    held_until: Time,
}

#[derive(Debug)]
struct Bus {
    /// Indexes of inputs.
    members: Vec<usize>,
    sinks: Vec<Sink>,
    speakers: Speakers,
    sum: [i32; FRAME],
    /// The whole sum by law, as far as somebody has asked for it.
    coded: [Option<[u8; FRAME]>; 2],
}

/// A leg that hears a bus, and its own place among the inputs.
#[derive(Clone, Copy, Debug)]
struct Sink {
    leg: u32,
    own: Option<usize>,
}

/// At most so many are heard at once, the loudest first.
#[derive(Clone, Copy, Debug, Default)]
struct Speakers {
    inputs: [usize; bounds::MIX_SPEAKERS],
    count: usize,
}

impl Mixer {
    pub fn new(next: Time) -> Self {
        Self { inputs: Vec::new(), buses: Vec::new(), next }
    }

    /// The sums that serve these wishes. Sources that stay keep their level.
    pub fn plan(&mut self, wishes: &[Wish]) {
        let is_heard = |leg: u32| wishes.iter().any(|wish| wish.sink != leg && wish.hears.contains(&Feed::Leg(leg)));
        let before = std::mem::take(&mut self.inputs);
        self.buses.clear();
        for wish in wishes {
            let own = Feed::Leg(wish.sink);
            let mut members: Vec<Feed> = wish.hears.iter().copied().filter(|&feed| feed != own).collect();
            // With himself among the sources his sum is that of the others who hear each other.
            members.extend(Some(own).filter(|_| is_heard(wish.sink)));
            members.sort_unstable();
            let members: Vec<usize> = members.into_iter().map(|feed| self.input(feed, &before)).collect();
            let sink = Sink { leg: wish.sink, own: self.inputs.iter().position(|input| input.feed == own) };
            match self.buses.iter_mut().find(|bus| bus.members == members) {
                Some(bus) => bus.sinks.push(sink),
                None => self.buses.push(Bus::new(members, sink)),
            }
        }
    }

    fn input(&mut self, feed: Feed, before: &[Input]) -> usize {
        self.inputs.iter().position(|input| input.feed == feed).unwrap_or_else(|| {
            let known = before.iter().find(|input| input.feed == feed);
            self.inputs.push(Input {
                feed,
                frame: [0; FRAME],
                level: known.map_or(0, |input| input.level),
                held_until: known.map_or(Time(0), |input| input.held_until),
            });
            self.inputs.len() - 1
        })
    }

    pub fn has(&self, feed: Feed) -> bool {
        self.inputs.iter().any(|input| input.feed == feed)
    }

    /// Where the caller puts the frames of this moment.
    pub fn frames(&mut self) -> impl Iterator<Item = (Feed, &mut [i16; FRAME])> {
        self.inputs.iter_mut().map(|input| (input.feed, &mut input.frame))
    }

    /// Who is heard, and the sums.
    pub fn mix(&mut self, now: Time) {
        for input in &mut self.inputs {
            input.listen(now);
        }
        for bus in &mut self.buses {
            bus.mix(&self.inputs);
        }
    }

    /// How many hear something here; they are numbered from 0.
    pub fn sinks(&self) -> usize {
        self.buses.iter().map(|bus| bus.sinks.len()).sum()
    }

    /// The leg of a sink.
    pub fn leg(&self, sink: usize) -> Option<u32> {
        self.find(sink).map(|(bus, sink)| self.buses[bus].sinks[sink].leg)
    }

    /// What a sink hears now, in its law.
    pub fn hear(&mut self, sink: usize, codec: Codec) -> Option<[u8; FRAME]> {
        let (bus, sink) = self.find(sink)?;
        Some(self.buses[bus].hear(sink, codec, &self.inputs))
    }

    fn find(&self, mut sink: usize) -> Option<(usize, usize)> {
        for (index, bus) in self.buses.iter().enumerate() {
            if sink < bus.sinks.len() {
                return Some((index, sink));
            }
            sink -= bus.sinks.len();
        }
        None
    }
}

impl Input {
    fn listen(&mut self, now: Time) {
        let total: u32 = self.frame.iter().map(|sample| u32::from(sample.unsigned_abs())).sum();
        let level = (total / FRAME as u32) as u16;
        if level >= self.level || now >= self.held_until {
            self.level = level;
            self.held_until = now + HOLD;
        }
    }

    /// An announcement is heard whoever speaks.
    fn rank(&self) -> u32 {
        match self.feed {
            Feed::Player(_) => u32::from(self.level) + u32::from(u16::MAX),
            Feed::Leg(_) => u32::from(self.level),
        }
    }
}

impl Bus {
    fn new(members: Vec<usize>, sink: Sink) -> Self {
        Self { members, sinks: vec![sink], speakers: Speakers::default(), sum: [0; FRAME], coded: [None; 2] }
    }

    fn mix(&mut self, inputs: &[Input]) {
        self.speakers = Speakers::default();
        for &member in self.members.iter().filter(|&&member| inputs[member].level > SILENCE) {
            self.speakers.offer(member, inputs);
        }
        self.sum = [0; FRAME];
        self.coded = [None; 2];
        for &speaker in self.speakers.all() {
            for (sum, &sample) in self.sum.iter_mut().zip(&inputs[speaker].frame) {
                *sum += i32::from(sample);
            }
        }
    }

    fn hear(&mut self, sink: usize, codec: Codec, inputs: &[Input]) -> [u8; FRAME] {
        let own = self.sinks[sink].own.filter(|own| self.speakers.all().contains(own));
        match own {
            Some(own) => std::array::from_fn(|i| encode(codec, self.sum[i] - i32::from(inputs[own].frame[i]))),
            None => {
                let sum = &self.sum;
                *self.coded[codec as usize].get_or_insert_with(|| std::array::from_fn(|i| encode(codec, sum[i])))
            }
        }
    }
}

impl Speakers {
    fn all(&self) -> &[usize] {
        &self.inputs[..self.count]
    }

    /// Puts one behind those who are at least as loud; the last falls out when there are too many.
    fn offer(&mut self, input: usize, inputs: &[Input]) {
        let rank = inputs[input].rank();
        let at = self.all().iter().position(|&other| inputs[other].rank() < rank).unwrap_or(self.count);
        if at == bounds::MIX_SPEAKERS {
            return;
        }
        self.count = (self.count + 1).min(bounds::MIX_SPEAKERS);
        self.inputs[at..self.count].rotate_right(1);
        self.inputs[at] = input;
    }
}

/// What does not fit is cut, as a loud talk in one room is.
fn encode(codec: Codec, sample: i32) -> u8 {
    law::encode(codec, sample.clamp(i16::MIN.into(), i16::MAX.into()) as i16)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEGS: std::ops::Range<u32> = 0..10;

    fn everybody() -> Vec<Wish> {
        LEGS.map(|sink| Wish { sink, hears: LEGS.filter(|&leg| leg != sink).map(Feed::Leg).collect() }).collect()
    }

    /// One tick in which each feed says one constant sample; what each sink hears, by leg.
    fn tick(mixer: &mut Mixer, now: Time, says: impl Fn(Feed) -> i16) -> Vec<(u32, i16)> {
        for (feed, frame) in mixer.frames() {
            frame.fill(says(feed));
        }
        mixer.mix(now);
        let mut heard: Vec<_> = (0..mixer.sinks())
            .map(|sink| {
                let codes = mixer.hear(sink, Codec::Pcma).expect("numbered");
                assert!(codes.iter().all(|&code| code == codes[0]));
                (mixer.leg(sink).expect("numbered"), law::decode(Codec::Pcma, codes[0]))
            })
            .collect();
        heard.sort_unstable();
        heard
    }

    fn near(heard: i16, expected: i32) {
        let difference = (i32::from(heard) - expected).abs();
        assert!(difference <= 16 + expected.abs() / 16, "{heard} instead of {expected}");
    }

    #[test]
    fn the_six_loudest_are_heard_and_none_hears_himself() {
        let mut mixer = Mixer::new(Time(0));
        mixer.plan(&everybody());
        assert_eq!((mixer.buses.len(), mixer.sinks()), (1, 10));
        let says = |feed| match feed {
            Feed::Leg(leg) => 100 * (leg as i16 + 1),
            Feed::Player(_) => 0,
        };
        let heard = tick(&mut mixer, Time(0), says);
        let sum: i32 = (5..=10).map(|i| 100 * i).sum();
        for (leg, sample) in heard {
            near(sample, if leg < 4 { sum } else { sum - 100 * (leg as i32 + 1) });
        }
        assert_eq!(mixer.buses[0].coded.iter().flatten().count(), 1, "one encoding for all who only listen");
    }

    #[test]
    fn a_pause_under_200_ms_takes_nobodys_place_away() {
        let mut mixer = Mixer::new(Time(0));
        mixer.plan(&everybody());
        let loud = |leg: u32| if leg < 6 { 1_000 } else { 500 };
        let speech = |feed| match feed {
            Feed::Leg(leg) => loud(leg),
            Feed::Player(_) => 0,
        };
        let pause = |feed| if feed == Feed::Leg(0) { 0 } else { speech(feed) };
        tick(&mut mixer, Time(0), speech);
        for frame in 1..14 {
            let heard = tick(&mut mixer, Time(frame * 20_000), pause);
            // Leg 9 is never among the six; when leg 0 has lost its place, leg 6 has it.
            near(heard[9].1, if frame < 10 { 5_000 } else { 5_500 });
        }
    }

    #[test]
    fn whisper_listening_and_announcements_are_rows() {
        let (customer, agent, boss, listener, player) = (0, 1, 2, 3, Feed::Player(0));
        let mut mixer = Mixer::new(Time(0));
        let leg = Feed::Leg;
        mixer.plan(&[
            Wish { sink: agent, hears: vec![leg(customer), leg(boss), player] },
            Wish { sink: boss, hears: vec![leg(agent), leg(customer)] },
            Wish { sink: listener, hears: vec![leg(customer), leg(agent), leg(listener)] },
        ]);
        let heard = tick(&mut mixer, Time(0), |feed| match feed {
            Feed::Leg(leg) => [1_000, 200, 4_000, 16_000][leg as usize],
            Feed::Player(_) => 100,
        });
        for ((leg, sample), expected) in heard.into_iter().zip([(agent, 5_100), (boss, 1_200), (listener, 1_200)]) {
            assert_eq!(leg, expected.0);
            near(sample, expected.1);
        }
        assert!(mixer.has(player) && !mixer.has(leg(listener)));
    }

    #[test]
    fn an_announcement_is_heard_over_six_loud_talkers_and_the_sum_is_cut() {
        let mut mixer = Mixer::new(Time(0));
        let mut hears: Vec<Feed> = (1..8).map(Feed::Leg).collect();
        hears.push(Feed::Player(3));
        mixer.plan(&[Wish { sink: 0, hears }]);
        let heard = tick(&mut mixer, Time(0), |feed| if feed == Feed::Player(3) { 300 } else { 1_000 });
        near(heard[0].1, 5_300);
        let heard = tick(&mut mixer, Time(20_000), |_| -20_000);
        assert_eq!(heard[0].1, -32_256);
        let heard = tick(&mut mixer, Time(1_000_000), |_| 20);
        assert_eq!(heard[0].1, 8, "what is under the noise is left out");
    }

    #[test]
    fn a_changed_plan_keeps_levels() {
        let mut mixer = Mixer::new(Time(0));
        mixer.plan(&everybody());
        tick(&mut mixer, Time(0), |_| 1_000);
        mixer.plan(&everybody()[..3]);
        assert!(mixer.inputs.iter().all(|input| input.level == 1_000));
        mixer.plan(&[]);
        assert_eq!((mixer.sinks(), mixer.inputs.len(), mixer.leg(0)), (0, 0, None));
    }
}
