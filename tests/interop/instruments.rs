//! The instruments against each other, without a server: what they say about it later can be believed.

use std::net::SocketAddr;

use tempfile::TempDir;

use crate::harness::rtp::{Law, Voice};
use crate::harness::sipp::{Callee, Caller, Place};
use crate::harness::sound::stronger_db;
use crate::harness::wait::alone;
use crate::harness::{Answer, Baresip, Block, Phone, Rtp, Sipp};

fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// A carrier and a phone that know each other's address.
fn pair(folder: &TempDir, answer: Answer) -> (Place, Baresip, Block) {
    let carrier = Block::new(2);
    let phone = Phone::new(1001, answer).alone(folder.path(), carrier.address(), 0);
    let place = Place { folder: folder.path().to_owned(), to: local(phone.port), port: carrier.first };
    (place, phone, carrier)
}

#[test]
fn sipp_calls_baresip_by_cue_and_both_hear_the_other() {
    alone(|| {
        let folder = TempDir::new().expect("a folder");
        let (place, mut phone, _carrier) = pair(&folder, Answer::ByHand);
        let rtp = Rtp::new(Law::A);
        let mut sipp = Sipp::call_from(&place, "1001", &rtp, &Caller::Talks);
        phone.wait("CALL_INCOMING");
        phone.command("accept", "");
        phone.wait("CALL_ESTABLISHED");
        rtp.say(Voice::Tone(440.0));
        rtp.wait_tone(1_000.0, 0);
        rtp.press('7');
        rtp.wait_packets(rtp.heard() + 75);
        assert!(rtp.loss(0) < 0.01);
        phone.until_heard(1);
        sipp.cue();
        sipp.done();
        phone.wait("CALL_CLOSED");
        assert!(stronger_db(&phone.heard()[4_000..], 440.0, 1_000.0) > 20.0);
    });
}

#[test]
fn sipp_answers_refuses_and_is_cancelled() {
    alone(|| {
        let folder = TempDir::new().expect("a folder");
        let (place, mut phone, _carrier) = pair(&folder, Answer::ByHand);
        let rtp = Rtp::new(Law::Mu);
        rtp.say(Voice::Tone(440.0));
        let mut sipp = Sipp::answer_at(&place, &rtp, &Callee::Answers);
        phone.command("dial", "2000");
        phone.wait("CALL_ESTABLISHED");
        rtp.wait_tone(1_000.0, 0);
        phone.command("hangup", "");
        sipp.done();

        let mut sipp = Sipp::answer_at(&place, &rtp, &Callee::Refuses(486));
        phone.forget();
        phone.command("dial", "2000");
        phone.wait("CALL_CLOSED");
        sipp.done();

        let mut sipp = Sipp::answer_at(&place, &rtp, &Callee::RingsOn);
        phone.forget();
        phone.command("dial", "2000");
        phone.wait("CALL_RINGING");
        phone.command("hangup", "");
        sipp.done();
    });
}

#[test]
fn sipp_gives_up_and_takes_a_refusal() {
    alone(|| {
        let folder = TempDir::new().expect("a folder");
        let (place, mut phone, _carrier) = pair(&folder, Answer::ByHand);
        let rtp = Rtp::new(Law::A);
        let mut sipp = Sipp::call_from(&place, "1001", &rtp, &Caller::GivesUp);
        phone.wait("CALL_INCOMING");
        sipp.cue();
        sipp.done();
        phone.wait("CALL_CLOSED");
        let mut sipp = Sipp::call_from(&place, "1001", &rtp, &Caller::Refused(486));
        phone.wait("CALL_INCOMING");
        phone.command("hangup", "");
        sipp.done();
    });
}

#[test]
fn a_port_that_is_lent_is_tried_by_nobody_else() {
    let held = Block::new(4);
    let lends = |first: u16| (held.first..held.first + 4).contains(&first);
    // Twice around all ports there are.
    assert!((0..2_200).all(|_| !lends(Block::one().first)));
}
