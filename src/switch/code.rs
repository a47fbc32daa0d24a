//! One closed table of everything the house refuses or ends with: HTTP status, SIP status, whose fault, remedy.
//! A leg's end cause maps to SIP in one place, here.

use serde::{Deserialize, Serialize};

use crate::event::words::EndCause;

/// Stable across versions: clients compare it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    BadRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    BodyTooLarge,
    UnknownAgent,
    UnknownContact,
    UnknownLeg,
    UnknownFlow,
    UnknownNumber,
    UnknownStation,
    StationTaken,
    AlreadySignedIn,
    NotSignedIn,
    AgentBusy,
    UnknownReason,
    NotMember,
    TooLong,
    NotInWrapUp,
    NotResting,
    NotReserved,
    AgentNotAvailable,
    NotQueued,
    Retiring,
    LegNotNamed,
    OutboundForbidden,
    NumberNotOwned,
    TrunkFull,
    TenantFull,
    UnknownCall,
    UnknownGroup,
    NotTalking,
    AlreadyDone,
    NothingToEnd,
    NotTransferor,
    TransferRuns,
    TransferNotThere,
    LegsFull,
    BadDigits,
    RecordingOver,
    InConference,
    NotSupervisor,
    OutOfScope,
    NobodyToWhisperTo,
    NobodyToReplace,
    TargetUnfit,
    TargetBusy,
    TargetUnreachable,
    DataTooLarge,
    UnknownSession,
    TooManySessions,
    WrongDelivery,
    IdReused,
    TooManyCommands,
    Overloaded,
    Draining,
    NotCaughtUp,
    PositionUnknown,
    RangeNotSatisfiable,
    Timeout,
    InternalError,
}

/// Whose fault a refusal is: the answer to "who has to change something".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    Client,
    /// Nobody's: the state does not allow it now.
    State,
    Server,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub code: Code,
    pub http: u16,
    pub sip: u16,
    pub fault: Fault,
    pub title: &'static str,
    pub remedy: &'static str,
}

const fn row(code: Code, http: u16, sip: u16, fault: Fault, title: &'static str, remedy: &'static str) -> Row {
    Row { code, http, sip, fault, title, remedy }
}

use Fault::{Client, Server, State};

pub const TABLE: [Row; 62] = [
    row(Code::BadRequest, 400, 400, Client, "the request cannot be read", "mend the field that `detail` names"),
    row(Code::Unauthorized, 401, 401, Client, "no valid token", "send `Authorization: Bearer <token>`"),
    row(Code::Forbidden, 403, 403, Client, "the token does not permit this", "use a token with the permission"),
    row(Code::NotFound, 404, 404, Client, "there is no such object", "list the objects to find its id"),
    row(Code::MethodNotAllowed, 405, 405, Client, "the path has no such method", "use one that `Allow` names"),
    row(Code::BodyTooLarge, 413, 413, Client, "the body is over 1 MiB", "send less"),
    row(Code::UnknownAgent, 404, 404, Client, "there is no such agent", "see `/v1/agents`"),
    row(
        Code::UnknownContact,
        404,
        481,
        Client,
        "no such contact is alive",
        "see `/v1/calls` for the living, `/v1/contacts` for records",
    ),
    row(Code::UnknownLeg, 404, 481, Client, "the contact has no such leg", "see the contact's `legs`"),
    row(Code::UnknownFlow, 404, 404, Client, "there is no such flow", "name a file of `dialplans` without its ending"),
    row(
        Code::UnknownNumber,
        422,
        404,
        Client,
        "the number leads nowhere",
        "dial an extension, a number, or what a route matches",
    ),
    row(
        Code::UnknownStation,
        422,
        404,
        Client,
        "there is no such station",
        "name an extension, or a number that a route leads outside",
    ),
    row(
        Code::StationTaken,
        409,
        486,
        State,
        "another agent is signed in at this station",
        "sign him out or use another station",
    ),
    row(Code::AlreadySignedIn, 409, 486, State, "the agent is signed in", "sign out first to change the station"),
    row(Code::NotSignedIn, 409, 480, State, "the agent is signed out", "sign in first"),
    row(Code::AgentBusy, 409, 486, State, "the agent is ringing or talking", "wait for the end of his call"),
    row(Code::UnknownReason, 422, 400, Client, "there is no such reason", "name one of the site's `reasons`"),
    row(Code::NotMember, 422, 400, Client, "the agent is not in this group", "name groups that the site gives him"),
    row(
        Code::TooLong,
        422,
        400,
        Client,
        "the length is over what the site allows",
        "ask for less; see `rest.max` and `reasons`",
    ),
    row(Code::NotInWrapUp, 409, 480, State, "the agent does not wrap up", "enter wrap-up first"),
    row(Code::NotResting, 409, 480, State, "the agent neither rests nor waits for rest", "ask for rest first"),
    row(Code::NotReserved, 409, 480, State, "the agent is not reserved", "reserve him first"),
    row(
        Code::AgentNotAvailable,
        409,
        480,
        State,
        "the agent cannot take a call now",
        "choose one who is ready, reachable and free",
    ),
    row(Code::NotQueued, 409, 480, State, "the contact does not wait in a queue", "see the contact's `queued`"),
    row(Code::Retiring, 409, 480, State, "the object is being removed", "use another"),
    row(Code::LegNotNamed, 422, 400, Client, "the verb fits more than one leg", "name `leg` or `agent`"),
    row(
        Code::OutboundForbidden,
        403,
        403,
        Client,
        "dialling out is not permitted",
        "set `outbound: true` at the extension",
    ),
    row(
        Code::NumberNotOwned,
        422,
        403,
        Client,
        "the number to be shown is not the tenant's",
        "name one of `numbers`, an extension or a trunk's `caller_id`, or leave `from` out",
    ),
    row(Code::TrunkFull, 409, 486, State, "every trunk of the route is full", "raise `max_calls` or wait"),
    row(Code::TenantFull, 429, 486, State, "the tenant has as many calls as it may", "raise `limits` or wait"),
    row(Code::UnknownCall, 404, 481, Client, "the contact has no such call", "see the contact's `calls`"),
    row(Code::UnknownGroup, 422, 404, Client, "there is no such group", "see `/v1/groups`"),
    row(
        Code::NotTalking,
        409,
        481,
        State,
        "the leg is in no talk",
        "wait until it is answered and somebody talks to it",
    ),
    row(Code::AlreadyDone, 409, 491, State, "it is like that already", "see the contact for its state"),
    row(
        Code::NothingToEnd,
        409,
        481,
        State,
        "nothing of the kind runs",
        "begin one first, or see the contact for its state",
    ),
    row(
        Code::NotTransferor,
        409,
        403,
        State,
        "this leg cannot do that with the call",
        "name the leg that transfers: a party of the main call, not the customer",
    ),
    row(Code::TransferRuns, 409, 491, State, "another transfer of this contact runs", "complete or cancel it first"),
    row(
        Code::TransferNotThere,
        409,
        491,
        State,
        "the transfer has not come that far",
        "wait for its target to answer, or cancel it",
    ),
    row(Code::LegsFull, 409, 486, State, "the contact has as many legs as it may", "remove somebody first"),
    row(Code::BadDigits, 422, 400, Client, "not keys of a telephone", "send 1 to 64 of `0`-`9`, `*`, `#`, `A`-`D`"),
    row(
        Code::RecordingOver,
        409,
        486,
        State,
        "the recording has ended for good",
        "nothing can begin it again in this contact",
    ),
    row(
        Code::InConference,
        409,
        486,
        State,
        "more than two talk to each other",
        "remove the others first, or transfer to a person",
    ),
    row(
        Code::NotSupervisor,
        409,
        403,
        State,
        "it is no leg of a supervisor",
        "attach him first with `supervise`, or name his leg",
    ),
    row(
        Code::OutOfScope,
        403,
        403,
        Client,
        "he does not supervise this group",
        "add the group to `supervises` of the agent",
    ),
    row(
        Code::NobodyToWhisperTo,
        409,
        480,
        State,
        "a whisper needs an agent to hear it",
        "name the leg or agent as `target`; it cannot be the customer",
    ),
    row(
        Code::NobodyToReplace,
        409,
        480,
        State,
        "it is not clear whose place to take",
        "watch the leg of the agent to be replaced",
    ),
    row(
        Code::TargetUnfit,
        422,
        488,
        Client,
        "the verb does not lead to such a target",
        "a group or flow takes a blind transfer only",
    ),
    row(Code::TargetBusy, 409, 486, State, "the target is in as many calls as it may", "wait or name another"),
    row(
        Code::TargetUnreachable,
        409,
        480,
        State,
        "the target has no phone that can be rung",
        "see `/v1/extensions` for what is registered",
    ),
    row(
        Code::DataTooLarge,
        413,
        413,
        Client,
        "attached data is over 16 KB",
        "keep large things elsewhere and attach a reference",
    ),
    row(
        Code::UnknownSession,
        404,
        404,
        Client,
        "there is no such session, or it has ended",
        "open another with `POST /v1/sessions`",
    ),
    row(Code::TooManySessions, 429, 503, Client, "as many sessions are open as may be", "close some with `DELETE`"),
    row(
        Code::WrongDelivery,
        409,
        486,
        State,
        "the session gets its events in another way",
        "open one whose `deliver` is this way",
    ),
    row(
        Code::IdReused,
        422,
        400,
        Client,
        "this command id was used for another command",
        "use a fresh `Idempotency-Key`",
    ),
    row(Code::TooManyCommands, 429, 503, Client, "too many commands in flight", "wait for answers before sending more"),
    row(Code::Overloaded, 503, 503, Server, "the node is full", "try again in a few seconds"),
    row(Code::Draining, 503, 503, Server, "the node is being stopped", "use another node"),
    row(Code::NotCaughtUp, 503, 503, Server, "records are behind `at_least`", "try again with the same `at_least`"),
    row(
        Code::PositionUnknown,
        410,
        410,
        Client,
        "events after this position are not kept",
        "resume from the `oldest` or the `newest` position given",
    ),
    row(
        Code::RangeNotSatisfiable,
        416,
        400,
        Client,
        "the range lies outside of the recording",
        "see `Content-Range` for its length",
    ),
    row(Code::Timeout, 504, 504, Server, "the tenant did not answer in time", "repeat with the same `Idempotency-Key`"),
    row(Code::InternalError, 500, 500, Server, "our bug", "report it with the time and the id"),
];

impl Code {
    pub fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// As clients see it.
    pub fn text(self) -> &'static str {
        match self {
            Self::BadRequest => "bad-request",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::BodyTooLarge => "body-too-large",
            Self::UnknownAgent => "unknown-agent",
            Self::UnknownContact => "unknown-contact",
            Self::UnknownLeg => "unknown-leg",
            Self::UnknownFlow => "unknown-flow",
            Self::UnknownNumber => "unknown-number",
            Self::UnknownStation => "unknown-station",
            Self::StationTaken => "station-taken",
            Self::AlreadySignedIn => "already-signed-in",
            Self::NotSignedIn => "not-signed-in",
            Self::AgentBusy => "agent-busy",
            Self::UnknownReason => "unknown-reason",
            Self::NotMember => "not-member",
            Self::TooLong => "too-long",
            Self::NotInWrapUp => "not-in-wrap-up",
            Self::NotResting => "not-resting",
            Self::NotReserved => "not-reserved",
            Self::AgentNotAvailable => "agent-not-available",
            Self::NotQueued => "not-queued",
            Self::Retiring => "retiring",
            Self::LegNotNamed => "leg-not-named",
            Self::OutboundForbidden => "outbound-forbidden",
            Self::NumberNotOwned => "number-not-owned",
            Self::TrunkFull => "trunk-full",
            Self::TenantFull => "tenant-full",
            Self::UnknownCall => "unknown-call",
            Self::UnknownGroup => "unknown-group",
            Self::NotTalking => "not-talking",
            Self::AlreadyDone => "already-done",
            Self::NothingToEnd => "nothing-to-end",
            Self::NotTransferor => "not-transferor",
            Self::TransferRuns => "transfer-runs",
            Self::TransferNotThere => "transfer-not-there",
            Self::LegsFull => "legs-full",
            Self::BadDigits => "bad-digits",
            Self::RecordingOver => "recording-over",
            Self::InConference => "in-conference",
            Self::NotSupervisor => "not-supervisor",
            Self::OutOfScope => "out-of-scope",
            Self::NobodyToWhisperTo => "nobody-to-whisper-to",
            Self::NobodyToReplace => "nobody-to-replace",
            Self::TargetUnfit => "target-unfit",
            Self::TargetBusy => "target-busy",
            Self::TargetUnreachable => "target-unreachable",
            Self::DataTooLarge => "data-too-large",
            Self::UnknownSession => "unknown-session",
            Self::TooManySessions => "too-many-sessions",
            Self::WrongDelivery => "wrong-delivery",
            Self::IdReused => "id-reused",
            Self::TooManyCommands => "too-many-commands",
            Self::Overloaded => "overloaded",
            Self::Draining => "draining",
            Self::NotCaughtUp => "not-caught-up",
            Self::PositionUnknown => "position-unknown",
            Self::RangeNotSatisfiable => "range-not-satisfiable",
            Self::Timeout => "timeout",
            Self::InternalError => "internal-error",
        }
    }
}

/// The final response an unanswered INVITE gets for each cause; what the far end of an answered leg reads in `Reason`.
pub fn sip_status(cause: EndCause) -> u16 {
    match cause {
        EndCause::HungUp | EndCause::FlowEnded | EndCause::Released | EndCause::PeerLeft => 480,
        EndCause::Cancelled | EndCause::Rescinded => 487,
        EndCause::Rejected => 603,
        EndCause::Busy | EndCause::Full => 486,
        EndCause::NoAnswer | EndCause::Unreachable | EndCause::TooLong => 480,
        EndCause::NotFound => 404,
        EndCause::Forbidden => 403,
        EndCause::NotAcceptable => 488,
        // between us and the trunk: for the caller a way that is closed
        EndCause::Unproven => 503,
        EndCause::LostRace => 200,
        EndCause::MediaLost | EndCause::SignallingLost => 408,
        EndCause::Overloaded | EndCause::Drained => 503,
        EndCause::Crash | EndCause::InternalError => 500,
        EndCause::Loop => 482,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_finds_its_own_row() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.code as usize, index, "{}", row.code.text());
            assert_eq!(format!("\"{}\"", row.code.text()), serde_json::to_string(&row.code).expect("a unit variant"));
        }
    }
}
