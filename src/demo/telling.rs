//! One plain line for people per event of the API. Long on purpose: one arm per kind; a test walks the API's list of
//! kinds, so a new one has its line or is left out on purpose.
//! In: an event as `/v1/events` gives it. Out: a line, or nothing for what would only repeat another line.

use std::collections::BTreeMap;

use serde_json::Value;

/// Names that events do not carry: they hold numbers and ids.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Agents and extensions by their numbers.
    agents: BTreeMap<u64, String>,
    extensions: BTreeMap<u64, String>,
    /// Who a contact is with, as its first event told.
    contacts: BTreeMap<String, String>,
    /// The far end of each leg.
    legs: BTreeMap<String, String>,
}

/// A kind that this page does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown(pub String);

impl Names {
    pub fn new(agents: BTreeMap<u64, String>, extensions: BTreeMap<u64, String>) -> Self {
        Self { agents, extensions, ..Self::default() }
    }

    /// `12:03:04.120  ana              rings for +8613800000001`
    ///
    /// # Errors
    /// A kind that the demo was not taught.
    pub fn tell(&mut self, event: &Value) -> Result<Option<String>, Unknown> {
        let Some((who, what)) = self.said(event)? else { return Ok(None) };
        let at = text(event, "at");
        Ok(Some(format!("{}  {who:<15}  {what}", at.get(11..23).unwrap_or(at))))
    }

    fn said(&mut self, event: &Value) -> Result<Option<(String, String)>, Unknown> {
        let data = &event["data"];
        let said = |field: &str| text(data, field).to_owned();
        let seconds = |field: &str| data[field].as_i64().unwrap_or_default() as f64 / 1_000.0;
        let by_status = data["sip_status"].as_u64().map(|status| format!(" (SIP {status})")).unwrap_or_default();
        if let (Some(contact), "contact_opened") = (event["contact"].as_str(), text(event, "kind")) {
            let from = if said("from").is_empty() { said("to") } else { said("from") };
            self.contacts.insert(contact.to_owned(), from);
        }
        if let (Some(leg), "leg_created") = (event["leg"].as_str(), text(event, "kind")) {
            self.legs.insert(leg.to_owned(), said("remote"));
        }
        let customer = self.contacts.get(text(event, "contact")).cloned().unwrap_or_default();
        let leg = self.legs.get(text(event, "leg")).cloned().unwrap_or_else(|| customer.clone());
        let agent = event["agent_no"].as_u64().map(|no| name(&self.agents, no)).unwrap_or_default();
        let extension = data["extension_no"].as_u64().map(|no| name(&self.extensions, no)).unwrap_or_default();
        Ok(Some(match text(event, "kind") {
            "contact_opened" => (customer, format!("calls {}", said("to"))),
            "contact_closed" => {
                (customer, format!("is done: {}, ended by {} ({})", said("disposition"), said("side"), said("cause")))
            }
            "leg_created" if said("direction") == "outbound" => (leg, format!("is dialled ({})", said("role"))),
            "leg_created" => return Ok(None),
            "leg_progress" if data["status"] == 180 => (leg, "rings".to_owned()),
            "leg_progress" => (leg, format!("SIP progress {}", data["status"])),
            "leg_answered" => (leg, "is connected to the house".to_owned()),
            "media_heard" => (leg, "is heard".to_owned()),
            "digit" => (leg, format!("pressed {}", said("digit"))),
            "leg_ended" => (leg, format!("is off the line: {} by {}{by_status}", said("cause"), said("side"))),
            "leg_media" => {
                (leg, format!("sent {} packets, got {}, lost {}", data["received"], data["sent"], data["lost"]))
            }
            "flow_started" => (customer, format!("is served by the flow {}", said("flow"))),
            "flow_node" => (customer, format!("leaves `{}` by `{}`", said("node"), said("exit"))),
            "flow_ended" => (customer, "the flow is over".to_owned()),
            "flow_returned" => (customer, "is back from the flow".to_owned()),
            "item_entered" => (customer, "waits in support, with music".to_owned()),
            "item_left" => {
                (customer, format!("waits no longer: {}, after {:.1} s", said("exit"), seconds("waited_ms")))
            }
            "offer_made" => (agent, format!("is chosen for {customer}")),
            "offer_shown" => (agent, format!("is shown {customer}")),
            "offer_alerting" => (agent, format!("rings for {customer}")),
            "offer_confirming" => (agent, format!("is asked to press 1 for {customer}")),
            "offer_accepted" => (agent, format!("picks up for {customer}")),
            "offer_connected" => (agent, format!("talks to {customer}")),
            "offer_ended" => (agent, format!("the offer of {customer} ended: {}{by_status}", said("ending"))),
            "agent_signed_in" => (agent, "signed in".to_owned()),
            "agent_signed_out" => (agent, "signed out".to_owned()),
            "agent_wish" if said("wish") == "ready" => (agent, "is ready".to_owned()),
            "agent_wish" => (agent, format!("is not ready: {}", said("reason"))),
            "agent_reachable" if data["reachable"] == true => (agent, "can be reached".to_owned()),
            "agent_reachable" => (agent, "cannot be reached".to_owned()),
            // The lines of the offer say it.
            "agent_work" | "agent_work_ended" if matches!(text(data, "role"), "offered" | "talking") => {
                return Ok(None);
            }
            "agent_work" if said("role") == "wrap-up" => (agent, format!("writes up the talk with {customer}")),
            "agent_work_ended" if said("role") == "wrap-up" => (agent, format!("is done with {customer}")),
            "agent_work" => (agent, format!("is {} for {customer}", said("role"))),
            "agent_work_ended" => (agent, format!("is no longer {} for {customer}", said("role"))),
            "session_opened" => ("a client".to_owned(), format!("opened a session, by {}", said("deliver"))),
            "session_ended" => ("a client".to_owned(), format!("has no session any more: {}", said("ending"))),
            "registered" => (extension, format!("registered from {}", said("contact"))),
            "unregistered" => (extension, "is no longer registered".to_owned()),
            "recording_started" => (customer, format!("is recorded into {}", said("file"))),
            "recording_ended" => (customer, format!("the recording is complete: {:.1} s", seconds("length_ms"))),
            "restarted" => ("the house".to_owned(), "started".to_owned()),
            "site_changed" => ("the site".to_owned(), format!("changed to version {}", data["version"])),
            "alarm" => ("ALARM".to_owned(), format!("{}: {}", said("alarm"), said("text"))),
            // Another line says the same.
            "announcement_ended" | "originated" | "contact_data" | "call_opened" | "call_joined" | "call_left"
            | "call_closed" | "segment" | "agent_groups" | "command_accepted" => return Ok(None),
            "item_priority" => (customer, format!("waits at another place, priority {}", data["priority"])),
            kind => match done_by_agent(kind, data) {
                Some(done) => (agent, done),
                None => (leg, done_to_party(kind, data).ok_or_else(|| Unknown(kind.to_owned()))?),
            },
        }))
    }
}

/// What an agent does beside calls, or what is done to him.
fn done_by_agent(kind: &str, data: &Value) -> Option<String> {
    let said = |field: &str| text(data, field);
    Some(match kind {
        "agent_forced" => format!("is forced: {}, {}", said("verb"), said("why")),
        "agent_note" => format!("gets a note: {}", said("text")),
        "agent_prefers" => "has another way of taking calls".to_owned(),
        "preview_shown" => "is shown whom to call".to_owned(),
        "preview_ended" if data["ending"] == "dialled" => "calls whom he was shown".to_owned(),
        "preview_ended" => "does not call whom he was shown".to_owned(),
        "number_rotated" => format!("shows {} when he calls", said("number")),
        "agent_overtime" => "rests for longer than he may".to_owned(),
        "agent_rest_queued" => "waits for his rest".to_owned(),
        "agent_rest_unqueued" if data["granted"] == true => "may rest now".to_owned(),
        "agent_rest_unqueued" => "waits for his rest no longer".to_owned(),
        _ => return None,
    })
}

/// What was done to a party of a talk, or to all.
fn done_to_party(kind: &str, data: &Value) -> Option<String> {
    let said = |field: &str| text(data, field);
    Some(match kind {
        "leg_held" => "is put on hold".to_owned(),
        "leg_retrieved" => "is held no longer".to_owned(),
        "leg_muted" => format!("is muted: from {}, to {}", data["from"], data["to"]),
        "leg_passes_digits" if data["on"] == true => "has its keys passed on to one party".to_owned(),
        "leg_passes_digits" => "has its keys passed on no longer".to_owned(),
        "digits_sent" => format!("gets the keys {}", said("digits")),
        "announced" => "hears an announcement".to_owned(),
        "playback" => format!("listens to a recording: {} at {} ms", said("step"), data["place_ms"]),
        "route_ended" if data["cause"].is_null() => "is where he was sent".to_owned(),
        "route_ended" => format!("is not taken where he was sent: {}", said("cause")),
        "invite_ended" if data["cause"].is_null() => "joins the talk".to_owned(),
        "invite_ended" => format!("talks on, nobody joins: {}", said("cause")),
        "conference_limits" => "the conference has limits".to_owned(),
        "conference_ending" => "the conference will end soon".to_owned(),
        "chair_taken" => "has the conference".to_owned(),
        "transfer_began" => format!("begins a transfer ({})", said("mode")),
        "transfer_ended" => format!("the transfer ended: {}", said("ending")),
        "supervision_started" => format!("watches ({})", said("mode")),
        "supervision_changed" => format!("watches on ({})", said("mode")),
        "supervision_ended" => format!("watches no longer: {}", said("ending")),
        "watch_started" => format!("goes with an agent from call to call ({})", said("mode")),
        "watch_changed" => format!("goes on with him ({})", said("mode")),
        "watch_ended" => format!("goes with him no longer: {}", said("ending")),
        "contact_merged" => format!("the contact is one with {}", said("with")),
        "leg_moved" => format!("moves to contact {}", said("to")),
        "leg_rested" => "is at rest again, its leg stays up".to_owned(),
        "recording_paused" => "the recording is paused".to_owned(),
        "recording_resumed" => "the recording goes on".to_owned(),
        _ => return None,
    })
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

fn name(names: &BTreeMap<u64, String>, no: u64) -> String {
    names.get(&no).cloned().unwrap_or_else(|| format!("no. {no}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::view::event::KINDS;
    use serde_json::json;

    #[test]
    fn every_kind_of_the_api_is_known_and_no_other() {
        let mut names = Names::default();
        for kind in KINDS {
            assert!(names.tell(&json!({ "kind": kind, "data": {} })).is_ok(), "{kind}");
        }
        assert_eq!(names.tell(&json!({ "kind": "x" })), Err(Unknown("x".to_owned())));
    }

    #[test]
    fn a_line_names_people() {
        let mut names = Names { agents: BTreeMap::from([(1, "ana".to_owned())]), ..Names::default() };
        let at = "2026-11-21T12:03:04.120Z";
        let opened =
            json!({ "kind": "contact_opened", "at": at, "contact": "c", "data": { "from": "+861", "to": "9000" } });
        let rings = json!({ "kind": "offer_alerting", "at": at, "contact": "c", "agent_no": 1, "data": {} });
        assert_eq!(names.tell(&opened), Ok(Some("12:03:04.120  +861             calls 9000".to_owned())));
        assert_eq!(names.tell(&rings), Ok(Some("12:03:04.120  ana              rings for +861".to_owned())));
    }
}
