//! Legs between engines: hands that overtake each other, commands that come before their leg.

use super::*;

/// Three threads without threads: what each is to read, and legs on their way to it.
struct Threads {
    engines: Vec<Engine>,
    letters: Vec<VecDeque<Command>>,
    arrivals: Vec<VecDeque<Moving>>,
    reports: Vec<Report>,
    released: usize,
    version: u64,
    now: Now,
}

impl Threads {
    fn new() -> Self {
        let home = |index| Home { index, threads: 3 };
        let engine = |index| {
            let rng = Rng::from_number(index as u64);
            let (library, pool) = (Arc::new(Library::default()), Pool::default());
            Engine::new(Settings { library, pool, format: Format::Pcm16, rng, home: home(index) })
        };
        Self {
            engines: (0..3).map(engine).collect(),
            letters: vec![VecDeque::new(); 3],
            arrivals: (0..3).map(|_| VecDeque::new()).collect(),
            reports: vec![],
            released: 0,
            version: 0,
            now: Now { t: Time(1_000_000), wall: Utc(1_700_000_000_000_000) },
        }
    }

    fn tell(&mut self, contact: ContactId, body: Body) {
        self.version += 1;
        let home = contact.0 as usize % 3;
        let command = Command { contact, version: self.version, body };
        if let Body::Hand { to, .. } = command.body
            && to.0 as usize % 3 != home
        {
            self.letters[to.0 as usize % 3].push_back(command.clone());
        }
        self.letters[home].push_back(command);
    }

    fn read_letter(&mut self, thread: usize) {
        if let Some(command) = self.letters[thread].pop_front() {
            self.engines[thread].command(TENANT, command, self.now);
            self.carry_out(thread);
        }
    }

    fn read_arrival(&mut self, thread: usize) {
        if let Some(moving) = self.arrivals[thread].pop_front() {
            let slot = self.engines[thread].arrive(moving);
            self.engines[thread].settle(slot, self.now);
            self.carry_out(thread);
        }
    }

    fn carry_out(&mut self, thread: usize) {
        self.engines[thread].tick(self.now, &mut |_, _, _, _| {});
        while let Some(output) = self.engines[thread].poll() {
            match output {
                Output::Report(_, report) => self.reports.push(report),
                Output::Give { moving, .. } => self.arrivals[moving.contact().0 as usize % 3].push_back(moving),
                Output::Release { .. } => self.released += 1,
                Output::Listen { .. } | Output::Load(_) | Output::Write(_) => {}
            }
        }
    }

    fn read_all(&mut self) {
        while self.letters.iter().any(|letters| !letters.is_empty()) || self.arrivals.iter().any(|a| !a.is_empty()) {
            for thread in 0..3 {
                self.read_letter(thread);
                self.read_arrival(thread);
            }
        }
    }

    fn holders(&self) -> Vec<usize> {
        (0..3).filter(|&thread| self.engines[thread].leg_slots.contains_key(&A)).collect()
    }
}

#[test]
fn however_hands_and_commands_overtake_each_other_the_last_word_holds() {
    for seed in 0..200 {
        let mut rng = Rng::from_number(seed);
        let mut threads = Threads::new();
        let (mut contact, mut epoch) = (ContactId(0), 1);
        threads.tell(contact, Body::SetLeg(spec(A, Codec::Pcma)));
        for _ in 0..200 {
            match rng.below(8) {
                0 => {
                    let to = ContactId(rng.below(6));
                    threads.tell(contact, Body::Hand { leg: A, to });
                    contact = to;
                    threads.tell(contact, Body::SetLeg(LegSpec { latch_epoch: epoch, ..spec(A, Codec::Pcma) }));
                }
                1 => {
                    epoch += 1;
                    threads.tell(contact, Body::SetLeg(LegSpec { latch_epoch: epoch, ..spec(A, Codec::Pcma) }));
                }
                2..5 => threads.read_letter(rng.below(3) as usize),
                _ => threads.read_arrival(rng.below(3) as usize),
            }
            assert!(threads.holders().len() <= 1, "seed {seed}: a leg lives twice");
        }
        threads.read_all();
        let home = contact.0 as usize % 3;
        assert_eq!(threads.holders(), [home], "seed {seed}");
        let engine = &threads.engines[home];
        let slot = engine.leg_slots[&A];
        let leg = engine.legs.get(slot).expect("it is here");
        assert_eq!((leg.contact, leg.spec.latch_epoch), (contact, epoch), "seed {seed}");
        assert_eq!(engine.rooms[&(TENANT, contact)].legs, [slot], "seed {seed}");
        let rooms: usize = threads.engines.iter().map(|engine| engine.rooms.len()).sum();
        assert_eq!((rooms, threads.released), (1, 0), "seed {seed}");
        threads.tell(contact, Body::Close(Subject::Leg(A)));
        threads.read_all();
        assert_eq!((threads.holders().len(), threads.released), (0, 1), "seed {seed}");
        assert!(threads.engines.iter().all(|engine| engine.rooms.is_empty()), "seed {seed}");
    }
}

#[test]
fn what_waits_for_a_leg_that_never_comes_goes_after_a_while() {
    let mut threads = Threads::new();
    threads.tell(ContactId(0), Body::Hand { leg: A, to: ContactId(1) });
    for epoch in 0..5 {
        threads.tell(ContactId(1), Body::SetLeg(LegSpec { latch_epoch: epoch, ..spec(A, Codec::Pcma) }));
    }
    threads.tell(ContactId(1), Body::Close(Subject::Leg(A)));
    threads.read_all();
    assert!(threads.holders().is_empty());
    threads.now.t += bounds::HAND_WAIT;
    threads.tell(ContactId(0), Body::Hand { leg: B, to: ContactId(1) });
    threads.read_all();
    assert_eq!(threads.engines[1].counters().hands_lost, 2);
    assert_eq!(threads.engines[1].awaited.len(), 1);
}

#[test]
fn a_leg_handed_on_within_one_thread_is_heard_at_once() {
    let mut world = World::with(&[(A, Codec::Pcma), (B, Codec::Pcma)]);
    world.row(B, Some(Source::Leg(A)));
    world.hums(A, Codec::Pcma, 440.0, 0);
    let elsewhere = ContactId(78);
    let mut command = |version, contact, body| {
        world.engine.command(TENANT, Command { contact, version, body }, world.now);
        while world.engine.poll().is_some() {}
    };
    command(100, elsewhere, Body::SetLeg(spec(C, Codec::Pcma)));
    command(101, elsewhere, Body::SetRow { sink: C, sources: vec![Source::Leg(A)] });
    command(102, CONTACT, Body::Hand { leg: A, to: elsewhere });
    let mut bytes = packet(8, 1, stamp(1), &[0; 160]);
    let verdict = world.engine.on_datagram(world.slots[&A], Channel::Rtp, address(A), &mut bytes, world.now.t);
    assert!(matches!(verdict, Verdict::Forward(Forward { address: to, more: false, .. }) if to == address(C)));
}
