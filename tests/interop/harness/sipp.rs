//! sipp as the carrier. Scenarios go on by cue: the harness sends sipp a NOTIFY inside of its call, so nothing is left to
//! guessed pauses. The sound is not sipp's: its SDP names a socket of the harness.

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::process::Process;
use super::wait::STEP;
use super::{Block, Rtp, Server, ports, wait};

pub struct Sipp {
    process: Process,
    address: SocketAddr,
    call_id: String,
    _media: Block,
}

/// Where a sipp runs and whom it speaks to.
pub struct Place {
    pub folder: PathBuf,
    pub to: SocketAddr,
    pub port: u16,
}

impl Place {
    fn carrier(server: &Server, index: u16) -> Self {
        Self { folder: server.folder.path().to_owned(), to: server.sip, port: server.trunk(index) }
    }
}

/// How a call out of sipp goes.
pub enum Caller {
    /// Talks until the cue, then hangs up; or until the server hangs up.
    Talks,
    /// Is refused with this status.
    Refused(u16),
    /// Hears ringing, and gives up on the cue.
    GivesUp,
}

/// How a call to sipp goes.
pub enum Callee {
    /// Rings, answers, and talks until the cue or until the server hangs up.
    Answers,
    /// Refuses with this status.
    Refuses(u16),
    /// Rings until it is cancelled.
    RingsOn,
    /// Asks for [`ACCOUNT`], answers, and asks for it again when the server hangs up.
    Challenges,
    /// Asks again and again, whatever is sent.
    ChallengesOn,
}

/// User and password that a challenging carrier takes.
pub const ACCOUNT: (&str, &str) = ("our-account", "what-the-carrier-gave-us");

impl Sipp {
    /// A call of the carrier from its port `index` to `dialled`; its sound is `rtp`'s.
    pub fn call(server: &Server, index: u16, dialled: &str, rtp: &Rtp, caller: &Caller) -> Self {
        Self::call_from(&Place::carrier(server, index), dialled, rtp, caller)
    }

    pub fn call_from(place: &Place, dialled: &str, rtp: &Rtp, caller: &Caller) -> Self {
        let rest = match caller {
            Caller::Talks => format!("{CALLER_TALKS}{}", talk_ends("[$3]", CALLER, "[$1]")),
            Caller::Refused(status) => CALLER_REFUSED.replace("@STATUS@", &status.to_string()),
            Caller::GivesUp => CALLER_GIVES_UP.to_owned(),
        };
        let scenario = format!("{HEAD}{INVITE}{rest}</scenario>\n");
        let scenario = scenario.replace("@DIALLED@", dialled).replace("@SDP@", &rtp.sdp());
        Self::start(place, &scenario, &["-m", "1"])
    }

    /// The carrier takes one call on its port 0.
    pub fn answer(server: &Server, rtp: &Rtp, callee: &Callee) -> Self {
        Self::answer_at(&Place::carrier(server, 0), rtp, callee)
    }

    pub fn answer_at(place: &Place, rtp: &Rtp, callee: &Callee) -> Self {
        let rest = match callee {
            Callee::Answers => {
                let ends = talk_ends("[$4]", "[$2];tag=[call_number]callee", "[$1]");
                format!("{}{ends}", CALLEE_ANSWERS.replace("@SDP@", &rtp.sdp()))
            }
            Callee::Refuses(status) => CALLEE_REFUSES.replace("@STATUS@", &status.to_string()),
            Callee::RingsOn => CALLEE_RINGS_ON.to_owned(),
            Callee::Challenges => format!("{}{CALLEE_TAKES_ACCOUNT}", challenge("INVITE", 1, true))
                .replace("@CHALLENGE_BYE@", &challenge("BYE", 2, false))
                .replace("@USER@", ACCOUNT.0)
                .replace("@PASSWORD@", ACCOUNT.1)
                .replace("@SDP@", &rtp.sdp()),
            Callee::ChallengesOn => format!("{}{}", challenge("INVITE", 1, true), challenge("INVITE", 2, true)),
        };
        let rest = rest.replace("@RINGS@", RINGS);
        Self::start(place, &format!("{HEAD}{rest}</scenario>\n"), &["-m", "1"])
    }

    /// Registers `count` extensions from 1001 on, each with its password; ends when all are registered.
    pub fn register(server: &Server, count: u32, is_tcp: bool) {
        let file = server.folder.path().join("extensions.csv");
        let rows: String = (1_001..1_001 + count)
            .map(|n| format!("{n};[authentication username={n} password=secret-{n}]\n"))
            .collect();
        fs::write(&file, format!("SEQUENTIAL\n{rows}")).expect("the rows are written");
        let count = count.to_string();
        let file = file.display().to_string();
        let transport = if is_tcp { "t1" } else { "u1" };
        let options = ["-m", &count, "-r", "200", "-l", &count, "-inf", &file, "-t", transport];
        let own = Block::one();
        let place = Place { port: own.first, ..Place::carrier(server, 0) };
        let mut sipp = Self::start(&place, &format!("{HEAD}{REGISTER}</scenario>\n"), &options);
        sipp.done();
    }

    fn start(place: &Place, scenario: &str, options: &[&str]) -> Self {
        let (media, port) = (Block::new(8), place.port);
        let call_id = format!("sipp-{}", media.first);
        let file = |ending: &str| -> PathBuf { place.folder.join(format!("{call_id}.{ending}")) };
        let scenario = ANSWERING.iter().fold(scenario.to_owned(), |text, (mark, headers)| text.replace(mark, headers));
        // sipp wants lines that end in LF and writes CRLF itself.
        fs::write(file("xml"), scenario.replace("\r\n", "\n")).expect("the scenario is written");
        let mut command = Command::new("sipp");
        command.current_dir(&place.folder).arg(place.to.to_string()).arg("-sf").arg(file("xml"));
        command.args(["-i", "127.0.0.1", "-p", &port.to_string(), "-mp", &media.first.to_string()]);
        command.args(["-nostdin", "-timeout", "100s", "-timeout_error", "-trace_msg", "-trace_err"]);
        command.arg("-message_file").arg(file("messages")).arg("-error_file").arg(file("errors"));
        let own_id = if options.contains(&"-inf") { format!("%u-{call_id}") } else { call_id.clone() };
        command.args(["-cid_str", &own_id]).args(options);
        let mut process = Process::start("sipp", &mut command, &file("log"));
        process.also_show(file("messages"));
        process.also_show(file("errors"));
        if !options.contains(&"t1") {
            wait::until("sipp to listen", STEP, || ports::is_open(port).then_some(()));
        }
        Self { process, address: SocketAddr::from(([127, 0, 0, 1], port)), call_id, _media: media }
    }

    /// Lets the scenario go on: hang up, give up. For a call that the server made, its Call-ID has to be named.
    pub fn cue(&self) {
        self.cue_in(&self.call_id);
    }

    pub fn cue_in(&self, call_id: &str) {
        let to = self.address;
        let cue = format!(
            "NOTIFY sip:sipp@{to} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKcue\r\nFrom: <sip:harness@127.0.0.1>;tag=cue\r\nTo: <sip:sipp@{to}>\r\nCall-ID: {call_id}\r\nCSeq: 1 NOTIFY\r\nContent-Length: 0\r\n\r\n"
        );
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.send_to(cue.as_bytes(), to).expect("the loopback takes it");
    }

    /// The scenario has gone to its end, message by message as written.
    pub fn done(&mut self) {
        self.done_within(STEP);
    }

    pub fn done_within(&mut self, limit: Duration) {
        let status = self.process.exit(limit);
        assert!(status.success(), "sipp ended with {status}: something else was received than its scenario says");
    }

    pub fn is_running(&mut self) -> bool {
        self.process.has_ended().is_none()
    }
}

/// The end of a talk, with the headers of our BYE.
fn talk_ends(target: &str, own: &str, other: &str) -> String {
    TALK_ENDS.replace("@TARGET@", target).replace("@OWN@", own).replace("@OTHER@", other)
}

/// From, as a caller has it.
const CALLER: &str = " <sip:13800138000@carrier.example>;tag=[call_number]caller";

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"ISO-8859-1\" ?>\n<scenario name=\"interop\">\n";

const INVITE: &str = r#"<send retrans="500"><![CDATA[
INVITE sip:@DIALLED@@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:13800138000@carrier.example>;tag=[call_number]caller
To: <sip:@DIALLED@@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:13800138000@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

@SDP@
]]></send>
<recv response="100" optional="true"/>
"#;

const CALLER_TALKS: &str = r#"<recv response="180" optional="true"/>
<recv response="183" optional="true"/>
<recv response="200"><action>
  <ereg regexp=".*" search_in="hdr" header="To:" assign_to="1"/>
  <ereg regexp="sip:[-a-zA-Z0-9@:._+;=~%!*]*" search_in="hdr" header="Contact:" assign_to="3"/>
</action></recv>
<send><![CDATA[
ACK [$3] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:13800138000@carrier.example>;tag=[call_number]caller
To:[$1]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
"#;

const CALLER_REFUSED: &str = r#"<recv response="180" optional="true"/>
<recv response="@STATUS@"/>
<send><![CDATA[
ACK sip:@DIALLED@@[remote_ip]:[remote_port] SIP/2.0
[last_Via:]
[last_From:]
[last_To:]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
"#;

const CALLER_GIVES_UP: &str = r#"<recv response="180"><action>
  <ereg regexp=".*" search_in="hdr" header="Via:" assign_to="1"/>
</action></recv>
<recv request="NOTIFY"/>
<send retrans="500"><![CDATA[
CANCEL sip:@DIALLED@@[remote_ip]:[remote_port] SIP/2.0
Via:[$1]
From: <sip:13800138000@carrier.example>;tag=[call_number]caller
To: <sip:@DIALLED@@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 CANCEL
Max-Forwards: 70
Content-Length: 0

]]></send>
<recv response="200"/>
<recv response="487"><action>
  <ereg regexp=".*" search_in="hdr" header="To:" assign_to="2"/>
</action></recv>
<send><![CDATA[
ACK sip:@DIALLED@@[remote_ip]:[remote_port] SIP/2.0
Via:[$1]
From: <sip:13800138000@carrier.example>;tag=[call_number]caller
To:[$2]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
"#;

/// Until the cue, or until the server hangs up.
const TALK_ENDS: &str = r#"<recv request="BYE" optional="true" next="1"/>
<recv request="NOTIFY"/>
<send retrans="500"><![CDATA[
BYE @TARGET@ SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From:@OWN@
To:@OTHER@
Call-ID: [call_id]
CSeq: 2 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
<recv response="200" next="2"/>
<label id="1"/>
<send><![CDATA[
SIP/2.0 200 OK
@ANSWERING_IN_DIALOG@Content-Length: 0

]]></send>
<label id="2"/>
"#;

/// Headers that a response takes over from its request (RFC 3261 section 8.2.6.2): of the one that opens a dialog, and of
/// those in it.
const ANSWERING: [(&str, &str); 2] = [
    ("@ANSWERING@", "[last_Via:]\n[last_From:]\n[last_To:];tag=[call_number]callee\n[last_Call-ID:]\n[last_CSeq:]\n"),
    ("@ANSWERING_IN_DIALOG@", "[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\n"),
];

const RINGS: &str = r#"<send><![CDATA[
SIP/2.0 180 Ringing
@ANSWERING@Contact: <sip:callee@[local_ip]:[local_port]>
Content-Length: 0

]]></send>
"#;

const CALLEE_ANSWERS: &str = r#"<recv request="INVITE"><action>
  <ereg regexp=".*" search_in="hdr" header="From:" assign_to="1"/>
  <ereg regexp=".*" search_in="hdr" header="To:" assign_to="2"/>
  <ereg regexp="sip:[-a-zA-Z0-9@:._+;=~%!*]*" search_in="hdr" header="Contact:" assign_to="4"/>
</action></recv>
@RINGS@<send retrans="500"><![CDATA[
SIP/2.0 200 OK
@ANSWERING@Contact: <sip:callee@[local_ip]:[local_port]>
Content-Type: application/sdp
Content-Length: [len]

@SDP@
]]></send>
<recv request="ACK"/>
"#;

const CALLEE_REFUSES: &str = r#"<recv request="INVITE"/>
<send retrans="500"><![CDATA[
SIP/2.0 @STATUS@ No
@ANSWERING@Content-Length: 0

]]></send>
<recv request="ACK"/>
"#;

const CALLEE_RINGS_ON: &str = r#"<recv request="INVITE"><action>
  <ereg regexp=".*" search_in="hdr" header="Via:" assign_to="1"/>
</action></recv>
@RINGS@<recv request="CANCEL"/>
<send><![CDATA[
SIP/2.0 200 OK
@ANSWERING@Content-Length: 0

]]></send>
<send retrans="500"><![CDATA[
SIP/2.0 487 Request Terminated
Via:[$1]
[last_From:]
[last_To:];tag=[call_number]callee
[last_Call-ID:]
CSeq: 1 INVITE
Content-Length: 0

]]></send>
<recv request="ACK"/>
"#;

/// A request that is refused with a challenge; the ACK of an INVITE.
fn challenge(method: &str, nonce: u8, is_invite: bool) -> String {
    let ack = if is_invite { "<recv request=\"ACK\"/>\n" } else { "" };
    let (retrans, answering) =
        if is_invite { (" retrans=\"500\"", "@ANSWERING@") } else { ("", "@ANSWERING_IN_DIALOG@") };
    format!(
        r#"<recv request="{method}"/>
<send{retrans}><![CDATA[
SIP/2.0 401 Unauthorized
{answering}WWW-Authenticate: Digest realm="carrier.example", nonce="nonce-{nonce}", algorithm=MD5, qop="auth"
Content-Length: 0

]]></send>
{ack}"#
    )
}

const CALLEE_TAKES_ACCOUNT: &str = r#"<recv request="INVITE"><action>
  <verifyauth assign_to="1" username="@USER@" password="@PASSWORD@"/>
</action></recv>
<nop test="1" next="1"/>
<send><![CDATA[
SIP/2.0 403 Wrong
@ANSWERING@Content-Length: 0

]]></send>
<recv request="NEVER"/>
<label id="1"/>
<send retrans="500"><![CDATA[
SIP/2.0 200 OK
@ANSWERING@Contact: <sip:callee@[local_ip]:[local_port]>
Content-Type: application/sdp
Content-Length: [len]

@SDP@
]]></send>
<recv request="ACK"><action>
  <ereg regexp="Digest .*nonce-1" search_in="hdr" header="Authorization:" check_it="true" assign_to="2"/>
</action></recv>
@CHALLENGE_BYE@<recv request="BYE"><action>
  <verifyauth assign_to="3" username="@USER@" password="@PASSWORD@"/>
  <ereg regexp="nonce-2" search_in="hdr" header="Authorization:" check_it="true" assign_to="2"/>
</action></recv>
<nop test="3" next="2"/>
<recv request="NEVER"/>
<label id="2"/>
<send><![CDATA[
SIP/2.0 200 OK
@ANSWERING_IN_DIALOG@Content-Length: 0

]]></send>
<Reference variables="2"/>
"#;

const REGISTER: &str = r#"<send retrans="500"><![CDATA[
REGISTER sip:test.example SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:[field0]@test.example>;tag=[call_number]
To: <sip:[field0]@test.example>
Call-ID: [call_id]
CSeq: 1 REGISTER
Contact: <sip:[field0]@[local_ip]:[local_port];transport=[transport]>
Max-Forwards: 70
Expires: 600
Content-Length: 0

]]></send>
<recv response="401" auth="true"/>
<send retrans="500"><![CDATA[
REGISTER sip:test.example SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:[field0]@test.example>;tag=[call_number]
To: <sip:[field0]@test.example>
Call-ID: [call_id]
CSeq: 2 REGISTER
Contact: <sip:[field0]@[local_ip]:[local_port];transport=[transport]>
[field1]
Max-Forwards: 70
Expires: 600
Content-Length: 0

]]></send>
<recv response="200"/>
"#;
