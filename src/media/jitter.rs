//! The jitter buffer of a far end whose sound is mixed: packets come when the network lets them, frames of 20 ms leave on
//! the engine's clock. Owns the delay (20 to 200 ms, as much as the last seconds needed), what fills a hole, and the counts
//! of what came late or never. Leaves loss and jitter of the wire to [`super::receive`] (RFC 3550 appendix A.8).
//! In: packets with their arrival. Out: [`Jitter::take`]. A new SSRC, a jump of the timestamp or sound that stays too late
//! begins anew. Positions are samples at 8 kHz since a run's first packet.

use super::law::{self, FRAME, SAMPLES_PER_MS};
use crate::base::{Span, Time};
use crate::sdp::Codec;

/// The delay between the earliest packets and what is played: one frame at least, 200 ms at most, 40 ms to begin with.
const DELAY_MIN: i64 = FRAME as i64;
const DELAY_MAX: i64 = 1_600;
const DELAY_FIRST: i64 = 2 * FRAME as i64;
/// A timestamp this far from its place is another clock: 200 ms.
const JUMP: i64 = 1_600;
/// Sound that is too late for this long has a new clock: 100 ms.
const LATE_STREAK: i64 = 800;
/// Over how long the spread of arrivals is judged, and how often the delay may shrink while somebody speaks: 2 s.
const PERIOD: i64 = 16_000;
/// A hole is filled with what was heard last, softer and softer, until nothing is left after 60 ms.
const FADE: usize = 3 * FRAME;
/// The longest packet that is heard: 200 ms.
const PACKET_SAMPLES: usize = 1_600;
/// No code of either law means this sample.
const ABSENT: i16 = i16::MIN;
/// Louder than this is not silence: -50 dBFS.
const SILENCE_PEAK: u16 = 104;
/// The delay, a jump and the longest packet.
const RING: usize = 8_192;

const _: () = assert!(RING.is_power_of_two() && RING as i64 > DELAY_MAX + JUMP + PACKET_SAMPLES as i64);

#[derive(Clone, Debug)]
pub struct Jitter {
    ring: Box<[i16]>,
    run: Option<Run>,
    /// The last sound that was heard, its oldest sample at `heard_at`.
    heard: [i16; FRAME],
    heard_at: usize,
    /// Samples filled since.
    filled: usize,
    late: u64,
    lost: u64,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    ssrc: u32,
    /// The newest timestamp and its position.
    timestamp: u32,
    reach: i64,
    /// Behind the last sample that came.
    end: i64,
    /// The clock minus the position that is played then.
    offset: i64,
    /// Everything before this position is gone, and behind the last sample that was really heard.
    taken: i64,
    played: i64,
    late_since: Option<i64>,
    shrunk: i64,
    wanted: i64,
    spread: Spread,
}

/// The earliest and the latest arrival, as clock minus position, of this period and the one before.
#[derive(Clone, Copy, Debug)]
struct Spread {
    since: i64,
    now: (i64, i64),
    before: (i64, i64),
}

impl Default for Jitter {
    fn default() -> Self {
        Self {
            ring: vec![ABSENT; RING].into(),
            run: None,
            heard: [0; FRAME],
            heard_at: 0,
            filled: FADE,
            late: 0,
            lost: 0,
        }
    }
}

impl Jitter {
    /// Packets that came after their place was played.
    pub fn late(&self) -> u64 {
        self.late
    }

    /// Frames with a hole in them, although later sound had come.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// How far behind the earliest packets we play.
    pub fn delay(&self) -> Span {
        Span::micros(self.run.map_or(0, |run| (run.offset - run.spread.earliest()) * 125))
    }

    /// One packet of sound. `jitter` is the far end's interarrival jitter so far.
    pub fn packet(&mut self, rtp: (u32, u32, bool), codec: Codec, codes: &[u8], jitter: Span, arrival: Time) {
        let (ssrc, timestamp, marker) = rtp;
        let (clock, count) = (clock(arrival), codes.len().min(PACKET_SAMPLES));
        let mut run = match self.run {
            Some(run) if run.ssrc == ssrc && !run.is_broken(timestamp, clock) => run,
            Some(_) | None => self.begin(ssrc, timestamp, clock),
        };
        let mut place = run.place(timestamp);
        if place < run.taken {
            self.late += 1;
            run.wait_longer(run.taken - place);
            let gone = place + count as i64 <= run.taken;
            run.late_since = gone.then(|| run.late_since.unwrap_or(clock));
            if run.late_since.is_some_and(|since| marker || clock - since >= LATE_STREAK) {
                run = self.begin(ssrc, timestamp, clock);
                place = 0;
            }
        } else {
            run.late_since = None;
        }
        run.spread.note(clock - place, clock);
        run.wanted = run.spread.wanted(jitter);
        if place > run.reach {
            (run.timestamp, run.reach) = (timestamp, place);
        }
        for (at, &code) in (place..).zip(&codes[..count]) {
            if (run.taken..run.taken + RING as i64).contains(&at) {
                self.ring[slot(at)] = law::decode(codec, code);
            }
        }
        run.end = run.end.max(place + count as i64);
        self.run = Some(run);
    }

    /// The 20 ms to be heard from `at` on; `at` goes up in steps of 20 ms. Silence where there is none.
    pub fn take(&mut self, at: Time, out: &mut [i16; FRAME]) {
        let Some(mut run) = self.run else { return self.fill(out) };
        let clock = clock(at);
        if run.wanted - (run.offset - run.spread.earliest()) >= FRAME as i64 {
            // The network got worse: a frame more of patience.
            run.offset += FRAME as i64;
            self.run = Some(run);
            return self.fill(out);
        }
        let place = clock - run.offset;
        self.skip_to(&mut run, place);
        self.read(&mut run, out);
        let excess = run.offset - run.spread.earliest() - run.wanted;
        let is_silent = out.iter().all(|sample| sample.unsigned_abs() <= SILENCE_PEAK);
        let may_shrink = is_silent || clock - run.shrunk >= PERIOD;
        if excess >= FRAME as i64 && may_shrink && run.end >= run.taken + FRAME as i64 {
            run.offset -= FRAME as i64;
            run.shrunk = clock;
            let mut next = [0; FRAME];
            self.read(&mut run, &mut next);
            for (index, (sample, next)) in out.iter_mut().zip(next).enumerate() {
                let (rise, whole) = (index as i32, FRAME as i32);
                *sample = ((i32::from(*sample) * (whole - rise) + i32::from(next) * rise) / whole) as i16;
            }
        }
        self.run = Some(run);
    }

    fn begin(&mut self, ssrc: u32, timestamp: u32, clock: i64) -> Run {
        self.ring.fill(ABSENT);
        Run {
            ssrc,
            timestamp,
            reach: 0,
            end: 0,
            offset: clock + DELAY_FIRST,
            taken: -DELAY_FIRST,
            played: -DELAY_FIRST,
            late_since: None,
            shrunk: clock,
            wanted: DELAY_MIN,
            spread: Spread { since: clock, now: (clock, clock), before: (clock, clock) },
        }
    }

    /// What lies before `place` is not played any more.
    fn skip_to(&mut self, run: &mut Run, place: i64) {
        for at in run.taken..place.min(run.taken + RING as i64) {
            self.ring[slot(at)] = ABSENT;
        }
        run.taken = place;
    }

    fn read(&mut self, run: &mut Run, out: &mut [i16; FRAME]) {
        let mut holes = 0;
        for sample in out.iter_mut() {
            *sample = std::mem::replace(&mut self.ring[slot(run.taken)], ABSENT);
            run.taken += 1;
            if *sample == ABSENT {
                *sample = self.stand_in();
                holes += i32::from(run.taken > 0);
            } else {
                run.played = run.taken;
                self.heard[self.heard_at] = *sample;
                self.heard_at = (self.heard_at + 1) % FRAME;
                self.filled = 0;
            }
        }
        self.lost += u64::from(holes > 0 && run.end > run.taken);
    }

    fn fill(&mut self, out: &mut [i16; FRAME]) {
        for sample in out {
            *sample = self.stand_in();
        }
    }

    fn stand_in(&mut self) -> i16 {
        if self.filled >= FADE {
            return 0;
        }
        let sample = i32::from(self.heard[(self.heard_at + self.filled) % FRAME]);
        let left = (FADE - self.filled) as i32;
        self.filled += 1;
        (sample * left / FADE as i32) as i16
    }
}

impl Run {
    fn place(&self, timestamp: u32) -> i64 {
        self.reach + i64::from(timestamp.wrapping_sub(self.timestamp) as i32)
    }

    /// Sound that would have come long before its time, or so late that it has another clock.
    fn is_broken(&self, timestamp: u32, clock: i64) -> bool {
        let distance = clock - self.place(timestamp) - self.spread.earliest();
        !(-JUMP..=DELAY_MAX + JUMP).contains(&distance)
    }

    /// Plays up to `more` samples later, if only holes were played in their place: then what comes is still heard.
    fn wait_longer(&mut self, more: i64) {
        let room = self.spread.earliest() + DELAY_MAX - self.offset;
        let more = more.min(room).min(self.taken - self.played).max(0);
        self.offset += more;
        self.taken -= more;
    }
}

impl Spread {
    fn note(&mut self, transit: i64, clock: i64) {
        if clock - self.since >= PERIOD {
            (self.before, self.now, self.since) = (self.now, (transit, transit), clock);
        }
        self.now = (self.now.0.min(transit), self.now.1.max(transit));
    }

    fn earliest(&self) -> i64 {
        self.now.0.min(self.before.0)
    }

    /// A frame, and what lay between the earliest and the latest, or twice the mean deviation.
    fn wanted(&self, jitter: Span) -> i64 {
        let spread = self.now.1.max(self.before.1) - self.earliest();
        let twice = 2 * jitter.as_micros() * SAMPLES_PER_MS as i64 / 1_000;
        (DELAY_MIN + spread.max(twice)).min(DELAY_MAX)
    }
}

fn slot(place: i64) -> usize {
    place as usize & (RING - 1)
}

fn clock(at: Time) -> i64 {
    (at.0 * SAMPLES_PER_MS as i64).div_euclid(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;
    use crate::media::dsp;

    const START: i64 = 1_000_000;

    fn codes(index: i64) -> Vec<u8> {
        let tone = |i: i64| dsp::sine(i as u64, 8_000, 400.0, 8_000.0);
        (index * 160..index * 160 + 160).map(|i| law::encode(Codec::Pcma, tone(i))).collect()
    }

    /// Packets `(index, arrival in us)` of a tone, and what is heard in `frames` frames from START + 7 ms on.
    fn heard(jitter: &mut Jitter, mut packets: Vec<(i64, i64)>, frames: i64) -> Vec<i16> {
        packets.sort_by_key(|packet| packet.1);
        let (mut reception, mut waiting) =
            (crate::media::receive::Reception::default(), packets.into_iter().peekable());
        let mut out = vec![];
        for frame in 0..frames {
            let at = Time(START + 7_000 + frame * 20_000);
            while let Some((index, arrival)) = waiting.next_if(|packet| START + packet.1 <= at.0) {
                let (arrival, timestamp) = (Time(START + arrival), 70_000_u32.wrapping_add(index as u32 * 160));
                reception.packet(1, index as u16, timestamp, arrival);
                jitter.packet((1, timestamp, index == 0), Codec::Pcma, &codes(index), reception.jitter(), arrival);
            }
            let mut samples = [0; FRAME];
            jitter.take(at, &mut samples);
            out.extend(samples);
        }
        out
    }

    #[test]
    fn an_even_stream_is_heard_whole_and_after_20_to_60_ms() {
        let mut jitter = Jitter::default();
        let out = heard(&mut jitter, (0..400).map(|i| (i, i * 20_000)).collect(), 400);
        let first = out.iter().position(|sample| sample.abs() > 500).expect("sound");
        // The clock of frames began 7 ms after the first packet.
        assert!((160..480).contains(&(first + 56)), "{first}");
        assert!(dsp::goertzel(&out[800..8_800], 8_000, 400.0) > 0.97);
        assert!((Span::millis(20)..=Span::millis(45)).contains(&jitter.delay()), "{:?}", jitter.delay());
        assert_eq!((jitter.late(), jitter.lost()), (0, 0));
    }

    #[test]
    fn the_delay_follows_the_network_and_comes_back() {
        let mut rng = Rng::from_number(4);
        let mut jitter = Jitter::default();
        let packets = (0..1_000).map(|i| (i, i * 20_000 + if i < 300 { rng.below(80_000) as i64 } else { 0 }));
        let packets: Vec<_> = packets.collect();
        let out = heard(&mut jitter, packets.iter().copied().filter(|p| p.0 < 300).collect(), 300);
        assert!((Span::millis(75)..=Span::millis(130)).contains(&jitter.delay()), "{:?}", jitter.delay());
        let late = jitter.late();
        assert!(late < 15, "{late} late");
        for second in 2..5 {
            let share = dsp::goertzel(&out[second * 8_000..(second + 1) * 8_000], 8_000, 400.0);
            assert!(share > 0.9, "second {second}: {share}");
        }
        let mut jitter = Jitter::default();
        heard(&mut jitter, packets, 1_000);
        assert!(jitter.delay() <= Span::millis(50), "{:?}", jitter.delay());
    }

    #[test]
    fn a_hole_fades_out_and_is_counted() {
        let mut jitter = Jitter::default();
        let out =
            heard(&mut jitter, (0..100).filter(|i| !(50..60).contains(i)).map(|i| (i, i * 20_000)).collect(), 100);
        let rms: Vec<f64> = out.chunks(160).map(dsp::rms).collect();
        let quiet: Vec<usize> = (3..99).filter(|&i| rms[i] < 10.0).collect();
        assert!((6..=8).contains(&quiet.len()), "{quiet:?}");
        let before = quiet[0] - 2;
        assert!(rms[before] < 5_000.0 && rms[before] > 1_000.0, "{}", rms[before]);
        let mut jitter = Jitter::default();
        heard(&mut jitter, (0..100).filter(|i| i % 10 != 5).map(|i| (i, i * 20_000)).collect(), 100);
        assert!((9..=20).contains(&jitter.lost()), "{}", jitter.lost());
    }

    #[test]
    fn a_late_packet_is_played_late_and_the_rest_behind_it() {
        let mut jitter = Jitter::default();
        // The network stands still for 120 ms, then brings everything at once.
        let packets = (0..200).map(|i| (i, if (50..56).contains(&i) { 56 * 20_000 } else { i * 20_000 })).collect();
        let out = heard(&mut jitter, packets, 200);
        assert!(jitter.late() > 0);
        assert!((Span::millis(80)..=Span::millis(200)).contains(&jitter.delay()), "{:?}", jitter.delay());
        assert!(dsp::goertzel(&out[80 * 160..120 * 160], 8_000, 400.0) > 0.97);
    }

    #[test]
    fn another_ssrc_a_jump_and_a_clock_that_stood_still_begin_anew() {
        // (ssrc, timestamp of the first packet after the change, wait before it in ms)
        for (name, ssrc, timestamp, wait) in [
            ("ssrc", 2, 40 * 160_u32, 20),
            ("jump ahead", 1, 900_000, 20),
            ("jump back", 1, 40_u32.wrapping_sub(90_000), 20),
            ("long silence, clock stood still", 1, 40 * 160, 5_000),
            ("short silence, clock stood still", 1, 40 * 160, 320),
        ] {
            let mut jitter = Jitter::default();
            let mut arrival = Time(START);
            let mut out = [0; FRAME];
            let mut heard = vec![];
            for index in 0..100_u32 {
                let (ssrc, timestamp) =
                    if index < 40 { (1, index * 160) } else { (ssrc, timestamp.wrapping_add((index - 40) * 160)) };
                let pause = if index == 40 { wait } else { 20 };
                for _ in 0..pause / 20 {
                    arrival += Span::millis(20);
                    jitter.take(arrival, &mut out);
                    heard.extend(out);
                }
                jitter.packet((ssrc, timestamp, false), Codec::Pcma, &codes(i64::from(index)), Span::ZERO, arrival);
            }
            let tail = &heard[heard.len() - 40 * 160..];
            assert!(dsp::goertzel(tail, 8_000, 400.0) > 0.97, "{name}");
        }
    }

    proptest::proptest! {
        /// A frame is never played twice and never out of order, whatever the network does: each sample tells its packet.
        #[test]
        fn sound_goes_forward_only(delays in proptest::collection::vec(0..9_i64, 60..200)) {
            let mut packets: Vec<(u64, i64)> =
                delays.iter().enumerate().map(|(i, delay)| (i as u64, (i as i64 + delay) * 20)).collect();
            packets.sort_by_key(|packet| packet.1);
            let (mut jitter, mut waiting, mut last) = (Jitter::default(), packets.into_iter().peekable(), -1_i64);
            for frame in 0..delays.len() as i64 + 20 {
                let at = Time(START + frame * 20_000);
                while let Some((index, arrival)) = waiting.next_if(|packet| packet.1 <= frame * 20) {
                    // Codes of rising magnitude in groups of a hundred packets, positive, so that a fill is never larger.
                    let code = 0x80 | (index % 100) as u8;
                    let rtp = (1, index as u32 * 160, false);
                    jitter.packet(rtp, Codec::Pcma, &[code ^ 0x55; 160], Span::ZERO, Time(START + arrival * 1_000));
                }
                let filled = jitter.filled;
                let mut out = [0; FRAME];
                jitter.take(at, &mut out);
                let whole = out.iter().all(|&sample| sample == out[0]) && filled == 0 && jitter.filled == 0;
                if whole && out[0] > 0 {
                    let found = i64::from((law::encode(Codec::Pcma, out[0]) ^ 0x55) & 0x7F);
                    let step = (found - last).rem_euclid(100);
                    proptest::prop_assert!(last < 0 || (1..50).contains(&step), "{last} then {found}");
                    last = found;
                }
            }
        }
    }
}
