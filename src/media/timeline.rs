//! The recorder's time line: one track's sound, put where it belongs on the engine's clock.
//! Each run of sound (same SSRC, plausible timestamps) is anchored by the earliest arrival within its first 200 ms and
//! placed by RTP time inside. A new SSRC, a jump over 200 ms or a changed source begins a new run. Drift of the far
//! end's clock is taken out by at most 1 sample in 500, in silence first. What comes later than 400 ms is counted, not
//! written. Positions are samples at 8 kHz since the recording's origin.

/// How long sound stays in memory before it is handed out: 400 ms.
pub const WINDOW: i64 = 3_200;
/// Sound further from its place than this is a new run: 200 ms. Also the time a run's anchor may still move.
const JUMP: i64 = 1_600;
/// Sound that stays late for this long has a new clock: 100 ms.
const LATE_STREAK: i64 = 800;
/// Samples kept: the window, 200 ms ahead, and 420 ms for a late tick and the longest packet.
const RING: usize = 8_192;
/// Drift is judged over 2 s, by the earliest arrival among at least ten packets.
const DRIFT_PERIOD: i64 = 16_000;
const DRIFT_PACKETS: u32 = 10;
/// Drift below 2 ms is left alone, and below 5 ms it waits for silence.
const DRIFT_MIN: i64 = 16;
const DRIFT_URGENT: i64 = 40;
/// One sample in so many may be added or dropped.
const DRIFT_SHARE: i64 = 500;
/// Corrections saved up for silence.
const DRIFT_SAVED: i64 = 16 * DRIFT_SHARE;
/// Louder than this is not silence: -50 dBFS.
const SILENCE_PEAK: i16 = 104;

const _: () = assert!(RING.is_power_of_two() && RING as i64 > WINDOW + 2 * JUMP);

#[derive(Clone, Debug)]
pub struct Track {
    ring: Box<[i16]>,
    /// Everything before this position was handed out.
    written: i64,
    run: Option<Run>,
    /// Behind the last sample that lies here.
    end: i64,
    late: u64,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    ssrc: u32,
    /// The newest timestamp, and its distance from the run's first.
    timestamp: u32,
    reach: i64,
    /// Place of the run's first timestamp.
    anchor: i64,
    /// Arrival of the first packet.
    started: i64,
    /// Places from the run's first to behind its last sample.
    from: i64,
    to: i64,
    late_since: Option<i64>,
    drift: Drift,
}

#[derive(Clone, Copy, Debug, Default)]
struct Drift {
    period_began: i64,
    /// Smallest distance between arrival and place in this period.
    earliest: Option<i64>,
    packets: u32,
    /// Samples still to be added (positive) or dropped.
    pending: i64,
    /// Samples that went by since the last correction.
    saved: i64,
}

impl Track {
    /// A track whose first `written` samples are not its business.
    pub fn new(written: i64) -> Self {
        Self { ring: vec![0; RING].into(), written, run: None, end: written, late: 0 }
    }

    /// Samples that came later than the window and were not written.
    pub fn late(&self) -> u64 {
        self.late
    }

    /// Everything that lies here was handed out.
    pub fn is_spent(&self) -> bool {
        self.end <= self.written
    }

    /// What comes next is another source: it gets an anchor of its own.
    pub fn end_run(&mut self) {
        self.run = None;
    }

    /// Puts one packet's samples in their place. `arrival` is the engine's clock when it came.
    pub fn packet(&mut self, ssrc: u32, timestamp: u32, marker: bool, samples: &[i16], arrival: i64) {
        let mut run = match self.run {
            Some(run) if run.ssrc == ssrc => run,
            Some(_) | None => Run::begin(ssrc, timestamp, arrival),
        };
        let step = i64::from(timestamp.wrapping_sub(run.timestamp) as i32);
        let distance = arrival - (run.anchor + run.reach + step);
        run.note_lateness(distance, arrival);
        if run.is_broken(step, distance, marker, arrival) {
            run = Run::begin(ssrc, timestamp, arrival);
        } else {
            let place = run.anchor + run.reach + step;
            if arrival - run.started < JUMP {
                self.settle(&mut run, arrival - place);
            } else {
                run.drift.note(arrival - place, arrival);
            }
            if step > 0 {
                (run.timestamp, run.reach) = (timestamp, run.reach + step);
                run.correct(samples);
            }
        }
        let behind = i64::from(timestamp.wrapping_sub(run.timestamp) as i32);
        let place = run.anchor + run.reach + behind;
        if place == run.to + 1 {
            // One sample was added in the middle of sound: a doubled one is not heard, a zero is a click.
            self.put(run.to, &samples[..samples.len().min(1)]);
        }
        self.put(place, samples);
        run.from = run.from.min(place);
        run.to = run.to.max(place + samples.len() as i64);
        self.run = Some(run);
    }

    /// Puts samples at a place, over what is there.
    pub fn put(&mut self, place: i64, samples: &[i16]) {
        for (at, &sample) in (place..).zip(samples) {
            if (self.written..self.written + RING as i64).contains(&at) {
                self.ring[slot(at)] = sample;
                self.end = self.end.max(at + 1);
            } else {
                self.late += 1;
            }
        }
    }

    /// The next sample, for good; its room is silence again.
    pub fn take(&mut self) -> i16 {
        let sample = std::mem::take(&mut self.ring[slot(self.written)]);
        self.written += 1;
        sample
    }

    /// Within the first 200 ms an earlier arrival moves the whole run: the first packet was only slow.
    fn settle(&mut self, run: &mut Run, distance: i64) {
        if distance >= 0 {
            return;
        }
        let from = run.from.max(self.written);
        for at in from..run.to {
            let sample = std::mem::take(&mut self.ring[slot(at)]);
            if at + distance >= self.written {
                self.ring[slot(at + distance)] = sample;
            }
        }
        run.anchor += distance;
        run.from += distance;
        run.to += distance;
    }
}

fn slot(place: i64) -> usize {
    place as usize % RING
}

impl Run {
    fn begin(ssrc: u32, timestamp: u32, arrival: i64) -> Self {
        Self {
            ssrc,
            timestamp,
            reach: 0,
            anchor: arrival,
            started: arrival,
            from: arrival,
            to: arrival,
            late_since: None,
            drift: Drift { period_began: arrival, ..Drift::default() },
        }
    }

    fn note_lateness(&mut self, distance: i64, arrival: i64) {
        self.late_since = (distance > JUMP).then(|| self.late_since.unwrap_or(arrival));
    }

    /// A clock never brings sound before its time, nor goes back. Late sound may be a slow network, which catches up in
    /// a burst, or a sender whose clock stood still in silence: then it stays late, or says so with the marker.
    fn is_broken(&self, step: i64, distance: i64, marker: bool, arrival: i64) -> bool {
        let stays_late = self.late_since.is_some_and(|since| marker || arrival - since >= LATE_STREAK);
        step < -JUMP || distance < -JUMP || stays_late
    }

    /// Takes out drift: saved up corrections in silence, single ones in sound when they are urgent.
    fn correct(&mut self, samples: &[i16]) {
        let drift = &mut self.drift;
        drift.saved = (drift.saved + samples.len() as i64).min(DRIFT_SAVED);
        let allowed = drift.saved / DRIFT_SHARE;
        let is_silent = samples.iter().all(|sample| sample.unsigned_abs() <= SILENCE_PEAK.unsigned_abs());
        let most = match (is_silent, drift.pending.abs() > DRIFT_URGENT) {
            (true, _) => allowed,
            (false, true) => allowed.min(1),
            (false, false) => 0,
        };
        let change = drift.pending.clamp(-most, most);
        drift.pending -= change;
        drift.saved -= change.abs() * DRIFT_SHARE;
        drift.earliest = drift.earliest.map(|earliest| earliest - change);
        self.anchor += change;
    }
}

impl Drift {
    fn note(&mut self, distance: i64, arrival: i64) {
        self.earliest = Some(self.earliest.map_or(distance, |earliest| earliest.min(distance)));
        self.packets += 1;
        if arrival - self.period_began < DRIFT_PERIOD {
            return;
        }
        let earliest = self.earliest.filter(|_| self.packets >= DRIFT_PACKETS).unwrap_or(0);
        self.pending = if earliest.abs() < DRIFT_MIN { 0 } else { earliest };
        (self.period_began, self.earliest, self.packets) = (arrival, None, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    /// A far end that says 1, 2, 3 ... one number per sample, so that each sample tells its place.
    fn packet(index: i64) -> Vec<i16> {
        (index * 160..index * 160 + 160).map(|i| (i % 30_000 + 1) as i16).collect()
    }

    fn taken(track: &mut Track, count: usize) -> Vec<i16> {
        (0..count).map(|_| track.take()).collect()
    }

    #[test]
    fn sound_lies_where_the_earliest_of_its_first_packets_says() {
        let mut track = Track::new(0);
        // Packet 0 is 100 ms slow, packet 1 is 40 ms slow, 3 is on time and comes before 2, 4 is lost.
        for (index, arrival) in [(0, 800 + 800), (1, 800 + 160 + 320), (3, 800 + 480), (2, 800 + 480 + 8), (5, 1_600)] {
            track.packet(1, 7_000 + index as u32 * 160, index == 0, &packet(index), arrival);
        }
        let out = taken(&mut track, 800 + 960);
        assert!(out[..800].iter().all(|&s| s == 0));
        let heard: Vec<i16> = (0..4).flat_map(packet).collect();
        assert_eq!(&out[800..1_440], heard);
        assert!(out[1_440..1_600].iter().all(|&s| s == 0), "loss is silence");
        assert_eq!(&out[1_600..1_760], packet(5));
        assert_eq!(track.late(), 0);
    }

    #[test]
    fn after_200_ms_the_anchor_stays_and_lateness_is_absorbed() {
        let mut track = Track::new(0);
        let mut out = vec![];
        for index in 0..100_i64 {
            let slow = if index % 7 == 3 { 1_000 } else { 0 };
            track.packet(1, index as u32 * 160, false, &packet(index), 400 + index * 160 + slow);
            while (out.len() as i64) < index * 160 - WINDOW {
                out.push(track.take());
            }
        }
        let expected: Vec<i16> = (0..100).flat_map(packet).collect();
        assert_eq!(out[400..], expected[..out.len() - 400]);
    }

    #[test]
    fn another_ssrc_and_a_jump_begin_anew() {
        for (name, ssrc, timestamp) in
            [("ssrc", 2, 160), ("forward", 1, 900_000), ("backward", 1, 160_u32.wrapping_sub(90_000))]
        {
            let mut track = Track::new(0);
            track.packet(1, 0, false, &packet(0), 100);
            track.packet(ssrc, timestamp, false, &packet(1), 1_000);
            let out = taken(&mut track, 2_000);
            assert_eq!(&out[100..260], packet(0), "{name}");
            assert_eq!(&out[1_000..1_160], packet(1), "{name}");
        }
    }

    #[test]
    fn a_clock_that_stood_still_in_silence_is_believed_at_the_marker_or_after_100_ms() {
        for (marker, lost) in [(true, 0), (false, 5)] {
            let mut track = Track::new(0);
            track.packet(1, 0, false, &packet(0), 0);
            for index in 1..20_i64 {
                while track.written < 16_000 + index * 160 - WINDOW {
                    track.take();
                }
                track.packet(1, index as u32 * 160, marker && index == 1, &packet(index), 16_000 + index * 160);
            }
            let first = 16_000 + 160 * (1 + lost);
            let out: Vec<i16> = (track.written..first + 160).map(|_| track.take()).collect();
            assert_eq!(out[out.len() - 160..], packet(1 + lost), "marker {marker}");
        }
    }

    #[test]
    fn what_is_too_late_is_counted() {
        let mut track = Track::new(0);
        track.packet(1, 0, false, &packet(0), 0);
        track.packet(1, 480, false, &packet(3), 480);
        taken(&mut track, 240);
        track.packet(1, 160, false, &packet(1), 3_200);
        assert_eq!(track.late(), 80);
        track.packet(1, 0, false, &packet(0), 3_201);
        assert_eq!(track.late(), 240);
    }

    #[test]
    fn a_changed_source_has_an_anchor_of_its_own() {
        let mut track = Track::new(0);
        track.packet(1, 0, false, &packet(0), 0);
        track.end_run();
        track.packet(1, 160, false, &packet(1), 300);
        assert_eq!(&taken(&mut track, 460)[300..], packet(1));
    }

    /// Ten minutes of a far end whose clock is `ppm` fast, with jitter; the largest error after the first minute.
    fn error_with(ppm: i64, loud: bool) -> i64 {
        let mut track = Track::new(0);
        let mut rng = Rng::from_number(3);
        let mut worst = 0;
        for index in 0..30_000_i64 {
            let sent = index * 160 - index * 160 * ppm / 1_000_000;
            let arrival = sent + rng.below(200) as i64;
            while track.written < arrival - WINDOW {
                track.take();
            }
            let samples = if loud || index % 50 < 30 { [9_000; 160] } else { [0; 160] };
            track.packet(1, (index * 160) as u32, false, &samples, arrival);
            let run = track.run.expect("a run");
            if index > 3_000 {
                worst = worst.max((run.anchor + run.reach - sent).abs());
            }
        }
        worst
    }

    #[test]
    fn drift_is_taken_out_in_silence_and_in_sound() {
        for ppm in [-200, -50, 0, 50, 200] {
            for loud in [false, true] {
                let worst = error_with(ppm, loud);
                assert!(worst < 100, "{ppm} ppm, loud {loud}: {worst} samples");
            }
        }
    }

    #[test]
    fn no_more_than_one_sample_in_500_is_changed() {
        let mut track = Track::new(0);
        let mut corrections = 0;
        let mut before = None;
        for index in 0..10_000_i64 {
            let arrival = index * 160 + index * 160 / 100;
            while track.written < arrival - WINDOW {
                track.take();
            }
            track.packet(1, (index * 160) as u32, false, &[9_000; 160], arrival);
            let anchor = track.run.expect("a run").anchor;
            if let Some(before) = before.filter(|before| anchor - before < 100) {
                let change: i64 = anchor - before;
                corrections += change;
                assert!(change <= 1);
            }
            before = Some(anchor);
        }
        assert!((2_000..=3_200).contains(&corrections), "{corrections} in 1,600,000 samples");
    }
}
