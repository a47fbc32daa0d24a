//! Sound before the answer, judged by ear: whoever waits hears who speaks first, and then who answers.

use crate::harness::wait::alone;
use crate::picking::nobody_ready;
use crate::scenario::place::SECOND_PHONE;
use crate::scenario::ua::call::{Phase, Plan};
use crate::verbs::{Talk, end, place};

impl Talk {
    fn cai_dials(&mut self, number: &str) {
        let call = self.stage.ends.touch(end("cai"), |ua, t| ua.call(number, "", Plan::default(), t));
        self.calls[place("cai")] = Some(call);
    }

    fn waits_still(&self) {
        let call = &self.stage.ends.uas[end("cai")].calls[&self.call("cai")];
        assert_eq!(call.phase, Phase::Calling, "nobody has answered");
    }

    fn cai_hangs_up(mut self, other: &str) {
        self.hangs_up("cai");
        self.is_released(other);
        self.told("contact_closed", 0);
        self.stage.server.assert_rest();
    }
}

#[test]
fn a_far_end_is_heard_before_it_answers() {
    alone(|| {
        let mut talk = nobody_ready();
        talk.cai_dials("913800000000");
        talk.speaks_early("outside");
        talk.hears("cai", &["outside"]);
        talk.waits_still();
        talk.answers("outside");
        talk.says("cai");
        talk.hears("cai", &["outside"]);
        talk.hears("outside", &["cai"]);
        talk.cai_hangs_up("outside");
    });
}

#[test]
fn of_two_phones_that_speak_early_the_first_is_heard_until_one_answers() {
    alone(|| {
        let mut talk = nobody_ready();
        talk.has_second_phone();
        talk.cai_dials("1001");
        talk.speaks_early("ana");
        talk.hears("cai", &["ana"]);
        let from = talk.rtp("cai").heard();
        talk.speaks_early(SECOND_PHONE);
        talk.rtp("cai").wait_packets(from + 75);
        talk.never_heard("cai", from, &[SECOND_PHONE]);
        talk.hears("cai", &["ana"]);
        talk.waits_still();
        talk.answers(SECOND_PHONE);
        talk.is_released("ana");
        talk.says("cai");
        talk.hears("cai", &[SECOND_PHONE]);
        talk.hears(SECOND_PHONE, &["cai"]);
        talk.cai_hangs_up(SECOND_PHONE);
    });
}
