//! What a failing run tells: its last inputs, what they led to, and how to see it again.

use std::net::SocketAddr;

use cordboard::sip::message::Message;
use cordboard::tenant::words::Input;

use super::{LINES_KEPT, World};

impl World {
    pub(super) fn note(&mut self, line: String) {
        if self.tells {
            eprintln!("{line}");
        }
        if self.recent.len() == LINES_KEPT {
            self.recent.pop_front();
        }
        self.recent.push_back(line);
    }

    pub(super) fn remember(&mut self, input: &Input) {
        let detail = match input {
            Input::Sip(received) => first_line(&received.message, received.from),
            Input::Media(report) => format!("{} {:?}", report.contact, report.body),
            Input::Command { command, .. } => format!("{:?}", command.body),
            Input::LinkOpened { .. }
            | Input::LinkFailed { .. }
            | Input::LinkClosed { .. }
            | Input::Committed { .. }
            | Input::Store(_)
            | Input::Site { .. }
            | Input::Flows(_)
            | Input::House(_)
            | Input::Due => String::new(),
        };
        self.note(format!("{:>10} {} {detail}", self.since_start(), input.name()));
    }
}

fn first_line(message: &Message, from: SocketAddr) -> String {
    let call_id = message.headers().call_id().map(|id| id.into_owned()).unwrap_or_default();
    match message {
        Message::Request(request) => format!("{from} {} {} {call_id}", request.method, request.uri),
        Message::Response(response) => {
            let cseq = response.headers.cseq().map(|c| c.to_string()).unwrap_or_default();
            format!("{from} {} {cseq} {call_id}", response.status)
        }
    }
}

/// A run that fails says how to see it again.
impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        eprintln!("---- the last inputs of the tenant, and what was journaled");
        for line in &self.recent {
            eprintln!("{line}");
        }
        eprintln!(
            "---- seed {}, version {}, step {}, {} after the start",
            self.seed,
            env!("CARGO_PKG_VERSION"),
            self.step,
            self.since_start()
        );
        eprintln!("replay: CORDBOARD_SEED={} cargo test --test sim", self.seed);
    }
}
